"""Calls a PyTorch module as in inference, and leaves everything else as it was."""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol

import numpy as np
import torch

from replaychart.errors import ArgumentError, EvaluationError
from replaychart.facts.inputs import INPUTS_IN_A_LIST, Inputs

# A key of the details: whether whole numbers are passed to the module as floats.
WHOLE_NUMBERS_AS_FLOATS = "whole_numbers_as_floats"


class Recorded(Protocol):
    """What determines how a module takes its inputs: a run that is stored or being recorded."""

    @property
    def inputs(self) -> Inputs:
        """The recorded points."""

    @property
    def details(self) -> Mapping[str, Any]:
        """Versions, names and shapes."""


def unwrapped(module: torch.nn.Module) -> torch.nn.Module:
    """Return the module inside ``torch.compile``, ``DataParallel`` and similar wrappers."""
    while True:
        inner = getattr(module, "_orig_mod", None)
        if inner is None and isinstance(
            module, (torch.nn.DataParallel, torch.nn.parallel.DistributedDataParallel)
        ):
            inner = module.module
        if not isinstance(inner, torch.nn.Module):
            return module
        module = inner


@contextmanager
def as_in_inference(module: torch.nn.Module, *, gradients: bool = False) -> Iterator[None]:
    """Return a context in which a module computes as in inference and nothing else changes.

    Every submodule has its own mode back afterwards, and random states are as before. Half
    precision of an ``autocast`` around the training loop does not apply, compiled parts run as they
    were written, and transformers take the path on which their submodules are called.

    Parameters
    ----------
    module : torch.nn.Module
    gradients : bool, default False
        Whether operations are kept for gradients.
    """
    modes = {one: one.training for one in module.modules()}
    device = device_of(module)
    fast = torch.backends.mha.get_fastpath_enabled()
    with ExitStack() as stack:
        devices = [device] if device.type == "cuda" else []
        stack.enter_context(torch.random.fork_rng(devices))
        stack.enter_context(torch.set_grad_enabled(gradients))
        stack.enter_context(torch.autocast(device.type, enabled=False))
        stance = getattr(torch.compiler, "set_stance", None)
        if stance is not None:
            stack.enter_context(stance("force_eager"))
        try:
            torch.backends.mha.set_fastpath_enabled(False)
            for one in modes:
                one.training = False
            yield
        finally:
            torch.backends.mha.set_fastpath_enabled(fast)
            for one, mode in modes.items():
                one.training = mode


def device_of(module: torch.nn.Module) -> torch.device:
    """Return the device of a module's first parameter."""
    return next((one.device for one in module.parameters()), torch.device("cpu"))


def floating_dtype(module: torch.nn.Module) -> torch.dtype:
    """Return the dtype of a module's first floating parameter."""
    dtypes = (one.dtype for one in module.parameters() if one.is_floating_point())
    return next(dtypes, torch.get_default_dtype())


def input_tensors(
    module: torch.nn.Module, arrays: Sequence[np.ndarray], recorded: Recorded
) -> list[torch.Tensor]:
    """Return points as tensors of the dtype and on the device that a module takes.

    Parameters
    ----------
    module : torch.nn.Module
    arrays : sequence of numpy.ndarray, shape (points, ...)
        One for each input.
    recorded : Recorded
        The run.
    """
    device, dtype = device_of(module), floating_dtype(module)
    as_floats = bool(recorded.details.get(WHOLE_NUMBERS_AS_FLOATS))
    tensors = []
    for array in arrays:
        tensor = tensor_of(array).to(device)
        whole = not tensor.is_floating_point() and not as_floats
        tensors.append(tensor if whole else tensor.to(dtype))
    return tensors


def tensor_of(array: np.ndarray) -> torch.Tensor:
    """Return an array as a tensor; whole numbers as int64, because little takes other ones."""
    if array.dtype.kind == "u" or (array.dtype.kind == "i" and array.dtype != np.int64):
        array = array.astype(np.int64)
    if array.dtype == np.longdouble:
        array = array.astype(np.float64)
    # A copy of what is read-only or broadcast, because tensors always allow writing.
    return torch.from_numpy(np.array(array, order="C", copy=not array.flags.writeable or None))


def called(
    module: torch.nn.Module,
    state: Mapping[str, torch.Tensor],
    tensors: Sequence[torch.Tensor],
    recorded: Recorded,
) -> torch.Tensor:
    """Return a module's output with other values of its parameters and buffers.

    Parameters
    ----------
    module : torch.nn.Module
    state : mapping of str to torch.Tensor
        The values, by name. The module keeps its own for names that are missing.
    tensors : sequence of torch.Tensor
        One for each input.
    recorded : Recorded
        The run.

    Raises
    ------
    EvaluationError
        The module has several outputs.
    """
    arguments, named = arguments_of(tensors, recorded)
    output = only_tensor(torch.func.functional_call(module, dict(state), arguments, named))
    if output is None:
        message = (
            f"forward of {type(module).__name__} must return one tensor, because charts show one "
            "output. It returns several, or none. Record a module that returns one of them."
        )
        raise EvaluationError(message)
    return output


def arguments_of(
    tensors: Sequence[torch.Tensor], recorded: Recorded
) -> tuple[tuple[torch.Tensor, ...], dict[str, torch.Tensor]]:
    """Return the positional arguments and those by name with which ``forward`` is called."""
    if not isinstance(recorded.inputs, Mapping) or recorded.details.get(INPUTS_IN_A_LIST):
        return tuple(tensors), {}
    return (), dict(zip(recorded.inputs, tensors, strict=True))


def check_arguments(module: torch.nn.Module, recorded: Recorded, count: int) -> None:
    """Raise `ArgumentError` unless ``forward`` can be called with as many inputs as there are."""
    arguments, named = arguments_of([torch.empty(0)] * count, recorded)
    try:
        signature = inspect.signature(module.forward)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(*arguments, **named)
    except TypeError as error:
        passed = f"the names {', '.join(map(repr, named))}" if named else f"{count} array"
        passed += "s" * (not named and count > 1)
        message = (
            f"X must contain one array for each argument of forward{signature} of "
            f"{type(module).__name__}: in a list, in their order, or by name. Got {passed} "
            f"({error}). If an argument has always the same value, wrap the module in one that "
            "passes it."
        )
        raise ArgumentError(message) from error


def only_tensor(output: Any) -> torch.Tensor | None:
    """Return the only tensor of an output, which may be in a list, tuple or mapping."""
    if isinstance(output, torch.Tensor):
        return output
    if isinstance(output, Mapping):
        output = list(output.values())
    if isinstance(output, (list, tuple)) and len(output) == 1:
        return only_tensor(output[0])
    return None


def as_float32(tensor: torch.Tensor) -> np.ndarray:
    """Return a tensor as an array of float32."""
    return tensor.detach().to("cpu", torch.float32).numpy()
