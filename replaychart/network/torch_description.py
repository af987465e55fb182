"""Describes a PyTorch module in the form in which a run file stores it."""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from replaychart.errors import ArgumentError, RecordingError, ReplayChartError
from replaychart.facts.inputs import INPUTS_IN_A_LIST, Inputs, arrays_of, rows_of
from replaychart.facts.snapshots import RunDescription
from replaychart.facts.witness import Witness
from replaychart.network import torch_calls, torch_losses, torch_state
from replaychart.network.torch_layers import (
    TorchLayer,
    Watch,
    layers_seen,
    recorded_layers,
    submodules,
)
from replaychart.network.torch_losses import PointLosses
from replaychart.network.torch_state import StateEntry

FRAMEWORK = "torch"
NOTHING = "null"
# Enough that no difference hides, and few enough that asking takes milliseconds.
_FEW = 16


@dataclasses.dataclass(frozen=True)
class LiveModule:
    """A module that is being trained, with the points that are recorded.

    Attributes
    ----------
    module : torch.nn.Module
        Without wrappers.
    loss : callable or None
        Takes outputs and targets.
    described : RunDescription
        The run.
    entries : tuple of StateEntry
        What is recorded of the module.
    points : numpy.ndarray of int64, shape (few,)
        The rows of the points with which the module is asked what it computes.
    """

    module: torch.nn.Module
    loss: Callable[..., Any] | None
    described: RunDescription
    entries: tuple[StateEntry, ...]
    points: np.ndarray

    def weights(self) -> list[np.ndarray]:
        """Return copies of what is recorded.

        Raises
        ------
        RecordingError
            The module does not have the parameters and buffers any more that it had at first.
        """
        # Looked up each time, because a module may replace its buffers.
        now = {**dict(self.module.named_parameters()), **dict(self.module.named_buffers())}
        for one in self.entries:
            own = now.get(one.path)
            if own is None or own.shape != one.tensor.shape:
                got = "it is missing" if own is None else f"it has the shape {tuple(own.shape)}"
                message = (
                    "module must keep its parameters and buffers while it is recorded. "
                    f"{one.name!r} had the shape {tuple(one.tensor.shape)} at first, and now {got}."
                )
                raise RecordingError(message)
        return [torch_state.stored_form(now[one.path], one.axes) for one in self.entries]

    def witness(self, epoch: float, weights: Sequence[np.ndarray]) -> Witness | None:
        """Return what the module computes with some weights; None if it cannot be asked.

        Nothing that goes wrong here may end a training run.
        """
        try:
            return self._witness(epoch, weights)
        except Exception:  # a user's module may raise anything
            return None

    def _witness(self, epoch: float, weights: Sequence[np.ndarray]) -> Witness:
        state = {
            one.path: torch_state.own_form(values, one.tensor, one.axes)
            for one, values in zip(self.entries, weights, strict=True)
        }
        watch, output, layers = _seen(self.module, self.described, self.points, state)
        shown = {
            layer.name: watch.output(layer.path, activated=layer.activation is not None)
            for layer in layers
        }
        with torch.no_grad():
            losses = None
            if self.loss is not None:
                targets = self.described.targets[self.points]
                losses = torch_calls.as_float32(PointLosses(self.loss, targets).of(output))
        return Witness(
            epoch=epoch,
            points=self.points,
            outputs=torch_calls.as_float32(output),
            losses=losses,
            layers={
                name: torch_calls.as_float32(values)
                .reshape(len(self.points), -1)
                .mean(axis=1, dtype=np.float64)
                .astype(np.float32)
                for name, values in shown.items()
            },
            regularization=0.0,
            half_precision=any(one.tensor.dtype.itemsize == 2 for one in self._floating()),
        )

    def _floating(self) -> list[StateEntry]:
        return [one for one in self.entries if one.tensor.is_floating_point()]


def described_module(
    module: object,
    inputs: Inputs,
    targets: np.ndarray,
    *,
    in_a_list: bool,
    feature_names: object,
    class_names: list[str] | None,
    loss: Callable[..., Any] | None,
) -> LiveModule:
    """Return a module with its description, after one call with a few of the points.

    Raises
    ------
    ArgumentError
        The points or targets do not fit the module or the loss.
    RecordingError
        The module cannot be recorded.
    """
    if not isinstance(module, torch.nn.Module):
        message = f"module must be a torch.nn.Module. Got {type(module).__name__}."
        raise ArgumentError(message)
    module = torch_calls.unwrapped(module)
    entries = tuple(torch_state.entries_of(module))
    details = {
        "framework": FRAMEWORK,
        "framework_version": torch.__version__.split("+")[0],
        "model_class": type(module).__name__,
        "feature_names": feature_names,
        "class_names": class_names,
        "metrics": {},
        torch_state.STATE_NAMES: [one.name for one in entries],
        **({INPUTS_IN_A_LIST: True} if in_a_list else {}),
    }
    described = RunDescription(
        inputs=inputs,
        targets=targets,
        architecture=NOTHING,
        compile_config=json.dumps({"loss": torch_losses.description_of(loss)}),
        layers=(),
        details=details,
    )
    torch_calls.check_arguments(module, described, len(arrays_of(inputs)))
    points = _some(len(targets))
    described, (_, output, layers) = _called(module, described, points)
    if output.ndim < 1 or len(output) != len(points):
        message = (
            f"{type(module).__name__} must return one row for each point. Got the shape "
            f"{tuple(output.shape)} for {len(points)} points."
        )
        raise RecordingError(message)
    recorded, owners = recorded_layers(module, layers, entries)
    described = dataclasses.replace(
        described,
        layers=recorded,
        variables=torch_state.variables_of(entries, owners),
        details={**described.details, "output_shape": tuple(output.shape[1:])},
    )
    if loss is not None:
        _check_loss(loss, described, output, points)
    return LiveModule(module, loss, described, entries, points)


def _some(count: int) -> np.ndarray:
    """Return the rows of a few points."""
    return np.sort(np.random.default_rng(0).choice(count, min(count, _FEW), replace=False))


Called = tuple[Watch, torch.Tensor, list[TorchLayer]]


def _seen(
    module: torch.nn.Module,
    described: RunDescription,
    points: np.ndarray,
    state: Mapping[str, torch.Tensor] | None = None,
) -> Called:
    """Call a module with some of the points, and return what was seen."""
    arrays = arrays_of(rows_of(described.inputs, points))
    modules = submodules(module)
    # A module that changes its buffers in inference changes copies.
    buffers = {path: one.clone() for path, one in module.named_buffers()}
    with torch_calls.as_in_inference(module):
        watch = Watch(modules)
        tensors = torch_calls.input_tensors(module, arrays, described)
        with watch.of(module):
            values = {**buffers, **(state or {})}
            output = torch_calls.called(module, values, tensors, described)
        return watch, output, layers_seen(watch, modules, output, len(points))


def _called(
    module: torch.nn.Module, described: RunDescription, points: np.ndarray
) -> tuple[RunDescription, Called]:
    """Call a module for the first time, with whole numbers as they are or else as floats."""
    whole = any(array.dtype.kind in "iub" for array in arrays_of(described.inputs))
    as_floats = {**described.details, torch_calls.WHOLE_NUMBERS_AS_FLOATS: True}
    forms = [described, *([dataclasses.replace(described, details=as_floats)] if whole else [])]
    errors: list[Exception] = []
    for form in forms:
        try:
            return form, _seen(module, form, points)
        except ReplayChartError:
            raise
        except Exception as error:  # a user's module may raise anything
            errors.append(error)
    reason = (str(errors[-1]).strip().splitlines() or [type(errors[-1]).__name__])[0]
    arrays = arrays_of(described.inputs)
    shapes = ", ".join(f"{array.dtype} {array.shape}" for array in arrays)
    message = (
        f"X must be points that {type(module).__name__} takes. Its forward raised for "
        f"{len(points)} of them: {reason} X is {shapes}; floats are passed to the module as "
        f"{str(torch_calls.floating_dtype(module)).removeprefix('torch.')} on "
        f"{torch_calls.device_of(module)}."
    )
    raise ArgumentError(message) from errors[-1]


def _check_loss(
    loss: Callable[..., Any], described: RunDescription, output: torch.Tensor, points: np.ndarray
) -> None:
    """Raise `ArgumentError` unless the loss can be evaluated for each point."""
    PointLosses(loss, described.targets).check(output)
    try:
        values = PointLosses(loss, described.targets[points]).of(output.detach())
    except ReplayChartError as error:
        message = f"loss must be one for each point. {error}"
        raise ArgumentError(message) from error
    if values.is_complex():
        message = f"loss must return real numbers. Got {values.dtype}."
        raise ArgumentError(message)


def checked_loss(loss: object) -> Any:
    """Return a loss unchanged.

    Raises
    ------
    ArgumentError
        It cannot be called with outputs and targets.
    """
    if loss is None or (callable(loss) and not isinstance(loss, type)):
        return loss
    message = (
        "loss must be a loss of torch.nn, such as torch.nn.BCEWithLogitsLoss(), or a function of "
        f"outputs and targets. Got {loss!r}."
    )
    raise ArgumentError(message)


def rates_of(optimizer: object) -> list[float]:
    """Return the learning rate of each parameter group; none without an optimizer."""
    groups = getattr(optimizer, "param_groups", None) or ()
    return [float(group["lr"]) for group in groups if "lr" in group]


def checked_optimizer(optimizer: object) -> Any:
    """Return an optimizer unchanged.

    Raises
    ------
    ArgumentError
        It has no parameter groups.
    """
    groups = getattr(optimizer, "param_groups", None)
    if optimizer is None or (isinstance(groups, Sequence) and not isinstance(groups, Mapping)):
        return optimizer
    message = (
        "optimizer must be an optimizer of torch.optim, from which learning rates are read. Got "
        f"{type(optimizer).__name__}."
    )
    raise ArgumentError(message)
