"""The parameters and buffers of a PyTorch module, in the form in which a file stores them.

Kernels are stored as Keras has them: with the inputs first and the units last. Whoever reads them
from the file then needs not know which framework they are of.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from replaychart.errors import ArgumentError, EvaluationError, RecordingError
from replaychart.facts.layers import Variable, stored_dtype
from replaychart.network.torch_calls import unwrapped
from replaychart.storage.reader import StoredRun

# A key of the details: the name of each variable in ``state_dict()``.
STATE_NAMES = "state_names"
_COMPILED = "_orig_mod."
# Modules whose weight multiplies units by inputs.
_LINEAR = (torch.nn.Linear, torch.nn.RNNBase, torch.nn.RNNCellBase, torch.nn.MultiheadAttention)
_EMBEDDINGS = (torch.nn.Embedding, torch.nn.EmbeddingBag)


class StateEntry(NamedTuple):
    """A parameter or buffer.

    Attributes
    ----------
    path : str
        Its name in the module, with which ``functional_call`` replaces it.
    name : str
        Its name without what ``torch.compile`` adds.
    tensor : torch.Tensor
        The parameter or buffer itself.
    axes : tuple of int or None
        The order of its axes in the file; None if it is stored as it is.
    """

    path: str
    name: str
    tensor: torch.Tensor
    axes: tuple[int, ...] | None

    @property
    def stored_shape(self) -> tuple[int, ...]:
        """Its shape in the file."""
        shape = tuple(self.tensor.shape)
        return shape if self.axes is None else tuple(shape[axis] for axis in self.axes)


def entries_of(module: torch.nn.Module) -> list[StateEntry]:
    """Return the parameters and buffers that ``state_dict()`` contains, each once.

    Raises
    ------
    RecordingError
        There are none, or some have no values or no real ones.
    """
    every = list(module.named_parameters()) + list(module.named_buffers())
    _check_values(module, every)
    saved = module.state_dict().keys()
    owners = {path: owner for owner, path in _owners(module)}
    return [
        StateEntry(path, path.replace(_COMPILED, ""), tensor, _axes(owners.get(path), path, tensor))
        for path, tensor in every
        if path in saved
    ]


def _check_values(module: torch.nn.Module, every: Sequence[tuple[str, torch.Tensor]]) -> None:
    kind = type(module).__name__
    if not any(True for _ in module.parameters()):
        message = (
            f"module has no parameters, so there is nothing to record. Got a {kind}. Pass the "
            "module whose parameters the optimizer changes."
        )
        raise RecordingError(message)
    for path, tensor in every:
        if isinstance(tensor, (torch.nn.UninitializedParameter, torch.nn.UninitializedBuffer)):
            message = (
                f"module must have its parameters: {path!r} of this {kind} has no shape before the "
                "module is called for the first time. Call it on a batch before you record it."
            )
            raise RecordingError(message)
        if tensor.is_complex() or tensor.layout is not torch.strided or tensor.is_meta:
            message = (
                f"module must have parameters and buffers of real numbers. {path!r} of this {kind} "
                f"has the dtype {tensor.dtype}, layout {tensor.layout} and device {tensor.device}."
            )
            raise RecordingError(message)


def _owners(module: torch.nn.Module) -> Iterator[tuple[torch.nn.Module, str]]:
    """Yield each parameter's and buffer's path, with the module that it belongs to directly."""
    for prefix, owner in module.named_modules():
        for name in (*owner._parameters, *owner._buffers):
            yield owner, f"{prefix}.{name}" if prefix else name


def _axes(owner: torch.nn.Module | None, path: str, tensor: torch.Tensor) -> tuple[int, ...] | None:
    if not isinstance(tensor, torch.nn.Parameter) or tensor.ndim < 2:
        return None
    if isinstance(owner, torch.nn.modules.conv._ConvNd) and path.endswith("weight"):
        spatial = range(2, tensor.ndim)
        return (*spatial, 0, 1) if owner.transposed else (*spatial, 1, 0)
    if isinstance(owner, _LINEAR) and tensor.ndim == 2:
        return (1, 0)
    return None


def kernel_name(owner: torch.nn.Module | None, name: str, tensor: torch.Tensor) -> str:
    """Return the name of a layer's variable: kernels, biases and embeddings as Keras names them.

    Parameters
    ----------
    owner : torch.nn.Module or None
        The module that it belongs to directly.
    name : str
        Its name within the layer, such as ``"weight"`` or ``"out_proj.weight"``.
    tensor : torch.Tensor
        The parameter or buffer.
    """
    *parts, last = name.split(".")
    if not isinstance(tensor, torch.nn.Parameter):
        return "/".join([*parts, last])
    if isinstance(owner, _EMBEDDINGS):
        last = "embeddings"
    elif tensor.ndim < 2 and last in ("weight", "bias") and _normalizes(owner):
        last = {"weight": "gamma", "bias": "beta"}[last]
    elif tensor.ndim >= 2 and last == "weight":
        last = "kernel"
    elif tensor.ndim >= 2:
        last = f"{last}/kernel"
    elif last.startswith("bias_"):
        last = f"{last}/bias"
    return "/".join([*parts, last])


def _normalizes(owner: torch.nn.Module | None) -> bool:
    # A bias beside a kernel is a bias; beside a scale for each unit it is a shift.
    weight = getattr(owner, "weight", None)
    return not isinstance(weight, torch.Tensor) or weight.ndim < 2


def owner_of(module: torch.nn.Module, path: str) -> torch.nn.Module:
    """Return the module that a parameter or buffer belongs to directly."""
    return module.get_submodule(path.rpartition(".")[0])


def variables_of(entries: Sequence[StateEntry], layers: Mapping[str, str]) -> tuple[Variable, ...]:
    """Return the recorded variables.

    Parameters
    ----------
    entries : sequence of StateEntry
    layers : mapping of str to str
        The layer of each entry, by the entry's name.
    """
    return tuple(
        Variable(
            layer=layers.get(one.name, ""),
            shape=one.stored_shape,
            dtype=stored_dtype(str(one.tensor.dtype).removeprefix("torch.")),
        )
        for one in entries
    )


def stored_form(tensor: torch.Tensor, axes: Sequence[int] | None) -> np.ndarray:
    """Return a copy of a tensor's values in the form in which they are stored."""
    values = tensor.detach()
    name = str(values.dtype).removeprefix("torch.")
    if stored_dtype(name) != name:
        values = values.float()
    if axes is not None:
        values = values.permute(*axes)
    # The training changes the tensor in place, so the array must not share its memory.
    return np.array(values.cpu().numpy(), order="C", copy=True)


def own_form(values: np.ndarray, like: torch.Tensor, axes: Sequence[int] | None) -> torch.Tensor:
    """Return stored values as a tensor with the dtype, device and axes of a parameter or buffer.

    Parameters
    ----------
    values : numpy.ndarray
        May have further axes in front, for snapshots.
    like : torch.Tensor
    axes : sequence of int or None
    """
    tensor = torch.from_numpy(np.array(values, order="C", copy=True))
    if axes is not None:
        first = tensor.ndim - len(axes)
        back = [first + place for place in np.argsort(axes).tolist()]
        tensor = tensor.permute(*range(first), *back).contiguous()
    return tensor.to(like.device, like.dtype)


def checked_entries(
    module: torch.nn.Module, details: Mapping[str, Any], variables: Sequence[Variable], run: str
) -> list[StateEntry]:
    """Return the entries of a module in the order in which they were recorded.

    Raises
    ------
    EvaluationError
        The module's parameters and buffers are not the recorded ones.
    """
    own = {one.name: one for one in entries_of(module)}
    names = [str(name) for name in details.get(STATE_NAMES) or []]
    missing = [name for name in names if name not in own]
    added = [name for name in own if name not in names]
    kind = type(module).__name__
    if missing or added or len(names) != len(variables):
        got = f"has no {missing[0]!r}" if missing else f"also has {', '.join(map(repr, added[:3]))}"
        message = (
            f"model must have the parameters and buffers that run {run!r} recorded: "
            f"{', '.join(map(repr, names[:6]))}{', ...' * (len(names) > 6)}. Got a {kind} that "
            f"{got}."
        )
        raise EvaluationError(message)
    for name, variable in zip(names, variables, strict=True):
        if own[name].stored_shape != variable.shape:
            recorded = _in_torch(variable.shape, own[name].axes)
            message = (
                f"model must have the shapes that run {run!r} recorded. {name!r} of this {kind} "
                f"has the shape {tuple(own[name].tensor.shape)}, recorded was {recorded}."
            )
            raise EvaluationError(message)
    return [own[name] for name in names]


def _in_torch(shape: tuple[int, ...], axes: tuple[int, ...] | None) -> tuple[int, ...]:
    if axes is None or len(axes) != len(shape):
        return shape
    return tuple(shape[place] for place in np.argsort(axes).tolist())


def restore(module: object, stored: StoredRun, snapshot: int) -> None:
    """Set a module's parameters and buffers to those of a snapshot.

    Raises
    ------
    ArgumentError
        It is not a module.
    EvaluationError
        It has other parameters and buffers.
    """
    if not isinstance(module, torch.nn.Module):
        message = f"model must be a torch.nn.Module. Got {type(module).__name__}."
        raise ArgumentError(message)
    module = unwrapped(module)
    entries = checked_entries(module, stored.details, stored.recorded_variables, stored.name)
    with torch.no_grad():
        for one, values in zip(entries, stored.weights(), strict=True):
            one.tensor.copy_(own_form(np.asarray(values[snapshot]), one.tensor, one.axes))


def counted(entries: Sequence[StateEntry]) -> int:
    """Return how many values there are."""
    return sum(math.prod(one.tensor.shape) for one in entries)
