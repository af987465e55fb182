"""Losses of PyTorch: described for a file, rebuilt from it, and evaluated for each point."""

import copy
import dataclasses
import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from replaychart.arguments import shown
from replaychart.errors import ArgumentError, EvaluationError

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

_MODULE = "torch.nn"
_FUNCTIONAL = "torch.nn.functional"
# Arguments that PyTorch replaced by `reduction` long ago.
_DEPRECATED = ("self", "size_average", "reduce")
# Losses that divide by the weights of the targets that count, not by the number of targets.
_WEIGHTED_MEAN = (torch.nn.CrossEntropyLoss, torch.nn.NLLLoss)
_OF_CLASS_NUMBERS = (*_WEIGHTED_MEAN, torch.nn.MultiMarginLoss, torch.nn.MultiLabelMarginLoss)
_OF_CLASS_NUMBERS_FUNCTIONS = ("cross_entropy", "nll_loss", "multi_margin_loss")
_OF_SHARES = ("BCELoss", "BCEWithLogitsLoss", "binary_cross_entropy")


def description_of(loss: Loss | None) -> Any:
    """Return a loss as JSON values; one that is not PyTorch's by its name only.

    Parameters
    ----------
    loss : torch.nn.Module, callable or None
    """
    if loss is None:
        return None
    kind = type(loss)
    if isinstance(loss, torch.nn.Module) and getattr(torch.nn, kind.__name__, None) is kind:
        names = [name for name in inspect.signature(kind).parameters if name not in _DEPRECATED]
        config = {name: _plain(getattr(loss, name, None)) for name in names}
        return {"module": _MODULE, "class_name": kind.__name__, "config": config}
    name = getattr(loss, "__name__", kind.__name__)
    functional = getattr(torch.nn.functional, name, None) is loss
    module = _FUNCTIONAL if functional else getattr(loss, "__module__", None)
    return {"module": module, "class_name": "function", "config": name}


def _plain(value: Any) -> Any:
    return value.detach().cpu().tolist() if isinstance(value, torch.Tensor) else value


def loss_from(description: Any, custom_objects: Mapping[str, Any] | None, run: str) -> Loss:
    """Return a recorded loss.

    Parameters
    ----------
    description : JSON value
        From `description_of`. It comes from a file, so only PyTorch's own losses are rebuilt.
    custom_objects : mapping or None
        Losses of your own, by name.
    run : str
        The run's name, for messages.

    Raises
    ------
    EvaluationError
        No loss was recorded, or it is none of PyTorch's and was not passed.
    """
    if description is None:
        message = (
            f"Run {run!r} was recorded without a loss. Pass loss= to TorchRecorder, such as "
            "torch.nn.BCEWithLogitsLoss()."
        )
        raise EvaluationError(message)
    entry = description if isinstance(description, Mapping) else {}
    name = entry.get("config") if entry.get("class_name") == "function" else entry.get("class_name")
    own = (custom_objects or {}).get(str(name))
    if own is not None:
        return own() if isinstance(own, type) else own
    try:
        return _of_torch(entry)
    except Exception as error:  # whatever a damaged configuration leads to
        message = (
            f"The loss {shown(name)} of run {run!r} is not one of PyTorch's. Pass it to open_run "
            f"as custom_objects={{{str(name)!r}: loss}}."
        )
        raise EvaluationError(message) from error


def _of_torch(entry: Mapping[str, Any]) -> Loss:
    if entry["module"] == _FUNCTIONAL:
        known = {
            name: function
            for name, function in vars(torch.nn.functional).items()
            if name.endswith(("loss", "entropy", "entropy_with_logits", "kl_div"))
        }
        return known[entry["config"]]
    kind = getattr(torch.nn.modules.loss, entry["class_name"])
    if entry["module"] != _MODULE or not issubclass(kind, torch.nn.modules.loss._Loss):
        raise TypeError(entry["class_name"])
    config = {
        name: torch.tensor(value, dtype=torch.float32) if isinstance(value, list) else value
        for name, value in entry["config"].items()
    }
    return kind(**config)


@dataclasses.dataclass(frozen=True)
class PointLosses:
    """A loss for each recorded point.

    Attributes
    ----------
    loss : callable
        Takes outputs and targets.
    targets : numpy.ndarray, shape (points, ...)
        The recorded targets.
    """

    loss: Loss
    targets: np.ndarray

    @property
    def is_sum(self) -> bool:
        """Whether the loss adds up those of the points."""
        return getattr(self.loss, "reduction", None) == "sum"

    def targets_for(self, outputs: torch.Tensor, rows: slice = slice(None)) -> torch.Tensor:
        """Return the targets of some points in the form that the loss takes."""
        given = torch.from_numpy(np.array(self.targets[rows])).to(outputs.device)
        if self._takes_class_numbers() and not self._are_shares(outputs):
            return given.reshape(_without_last_one(given, outputs)).long()
        if given.numel() == outputs.numel():
            return given.reshape(outputs.shape).to(outputs.dtype)
        return given.to(outputs.dtype) if given.is_floating_point() else given

    def _takes_class_numbers(self) -> bool:
        name = getattr(self.loss, "__name__", "")
        return isinstance(self.loss, _OF_CLASS_NUMBERS) or name in _OF_CLASS_NUMBERS_FUNCTIONS

    def _are_shares(self, outputs: torch.Tensor) -> bool:
        shares = self.targets.dtype.kind == "f" and self.targets.shape[1:] == outputs.shape[1:]
        return shares and outputs.shape[1:] != (1,)

    def of(self, outputs: torch.Tensor, rows: slice = slice(None)) -> torch.Tensor:
        """Return the loss of each point, shape (points,).

        The mean over all points is what the loss itself returns for them, if it is a mean.

        Parameters
        ----------
        outputs : torch.Tensor, shape (points, ...)
        rows : slice, optional
            The rows of these points. Default: all.

        Raises
        ------
        EvaluationError
            The loss is not a number for each point.
        """
        targets = self.targets_for(outputs, rows)
        try:
            values = self._unreduced(outputs, targets)
        except Exception as error:  # a loss of the user's own may raise anything
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            message = (
                f"The loss {name_of(self.loss)} cannot be evaluated for each point: {reason} It "
                "must take (outputs, targets), as losses of torch.nn do. Outputs have the shape "
                f"{tuple(outputs.shape)}, targets {tuple(targets.shape)} ({targets.dtype})."
            )
            raise EvaluationError(message) from error
        return values * self._share(outputs)

    def _unreduced(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        points = len(outputs)
        values = without_reduction(self.loss)(outputs, targets)
        alone = values.ndim == 0 or len(values) != points
        # Functions of the user's own may return one value for all points, or compare each with all.
        if not alone and not isinstance(self.loss, torch.nn.modules.loss._Loss):
            first = without_reduction(self.loss)(outputs[:1], targets[:1])
            alone = first.reshape(-1).numel() * points != values.numel()
        if alone:
            each = [self.loss(outputs[i : i + 1], targets[i : i + 1]) for i in range(points)]
            values = torch.stack([one.reshape(-1).mean() for one in each])
        return values.reshape(points, -1).mean(dim=1)

    def _share(self, outputs: torch.Tensor) -> float:
        """Return the factor that makes the mean of the points that of the loss."""
        loss = self.loss
        if not isinstance(loss, _WEIGHTED_MEAN) or loss.reduction != "mean":
            return 1.0
        if self._are_shares(outputs):
            return 1.0
        numbers = self.targets.reshape(-1).astype(np.int64)
        counts = (numbers != loss.ignore_index).astype(np.float64)
        if loss.weight is not None:
            own = loss.weight.detach().cpu().numpy().astype(np.float64)
            counts *= own[np.where(counts > 0, numbers, 0)]
        return 1.0 / (counts.mean() or 1.0)

    def check(self, outputs: torch.Tensor) -> None:
        """Raise `ArgumentError` unless the targets are in the range that the loss takes.

        Parameters
        ----------
        outputs : torch.Tensor, shape (few, ...)
            Outputs for some points.
        """
        low, high = self.targets.min(), self.targets.max()
        name = name_of(self.loss)
        if self._takes_class_numbers() and not self._are_shares(outputs) and outputs.ndim > 1:
            known = self.targets[self.targets != getattr(self.loss, "ignore_index", None)]
            whole = (known == np.floor(known)).all()
            if not whole or (known < 0).any() or (known >= outputs.shape[1]).any():
                message = (
                    f"y must be class numbers from 0 to {outputs.shape[1] - 1}, because the loss "
                    f"is {name} and the module returns {outputs.shape[1]} values. Got values from "
                    f"{low:g} to {high:g}."
                )
                raise ArgumentError(message)
        if name.startswith(_OF_SHARES) and (low < 0 or high > 1):
            message = (
                f"y must be between 0 and 1, because the loss is {name}. Got values from {low:g} "
                f"to {high:g}."
            )
            raise ArgumentError(message)


def name_of(loss: Any) -> str:
    """Return the name of a loss."""
    return str(getattr(loss, "__name__", type(loss).__name__))


def without_reduction(loss: Loss) -> Loss:
    """Return a loss that is not reduced over the points, if it allows that."""
    if isinstance(loss, torch.nn.Module) and hasattr(loss, "reduction"):
        # The user's loss must not change. Its buffers, such as weights of classes, are shared.
        unreduced = copy.copy(loss)
        unreduced.__dict__["reduction"] = "none"
        return unreduced
    try:
        takes = "reduction" in inspect.signature(loss).parameters
    except (TypeError, ValueError):
        takes = False
    given = {"reduction": "none"} if takes else {}
    return functools.partial(loss, **given)


def _without_last_one(targets: torch.Tensor, outputs: torch.Tensor) -> tuple[int, ...]:
    """Return the shape of targets without a last axis of length 1 that the outputs do not have."""
    shape = tuple(targets.shape)
    return shape[:-1] if len(shape) == outputs.ndim and shape[-1:] == (1,) else shape
