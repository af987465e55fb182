"""The epoch parameter that all charts share, and the frame that a chart shows for its value."""

import dataclasses
from typing import Any

import altair as alt
import numpy as np
from altair.vegalite.v6.schema import core

from replaychart.charts.expressions import literal
from replaychart.errors import ArgumentError
from replaychart.frames.epochs import Epochs, chosen_snapshots, whole_numbers
from replaychart.run import Run

NAME = "epoch"


def epoch_param(*runs: Run, epochs: Epochs = None, value: int | None = None) -> alt.Parameter:
    """Return the parameter named ``epoch``, with a slider over the epochs of all runs.

    Charts of one run make it themselves. Charts of several runs need one between them, passed to
    each as ``epoch=``; a run that ended earlier then holds its last epoch.

    Parameters
    ----------
    *runs : Run
        At least one.
    epochs : int, slice, range or iterable of int, optional
        Only these recorded epochs of each run. Default: all.
    value : int, optional
        The epoch shown at first. Default: the last one.

    Returns
    -------
    altair.Parameter
        Named ``epoch``. Its value is an epoch, so charts of your own can filter on
        ``datum.epoch == epoch``. Without a slider if there is only one epoch.

    Raises
    ------
    ArgumentError
        No run was given, or the value lies outside the epochs.

    Examples
    --------
    >>> import replaychart as rc
    >>> run = rc.open_run(rc.datasets.parabola_recording())
    >>> epoch = rc.epoch_param(run, value=15)
    >>> chart = rc.feature_space(run, epoch=epoch) | rc.loss_histogram(run, epoch=epoch)
    """
    if not runs:
        message = "runs must be at least one run. Got none."
        raise ArgumentError(message)
    for run in runs:
        require_run(run)
    every = _chosen_epochs(runs, epochs)
    first, last = int(every[0]), int(every[-1])
    if value is not None and not first <= whole_numbers("epoch", value)[0] <= last:
        message = f"epoch must lie between {first} and {last}, the epochs recorded. Got {value!r}."
        raise ArgumentError(message)
    shown = last if value is None else int(value)
    if first == last:
        return _parameter(value=shown)
    slider = alt.binding_range(min=first, max=last, step=_step(every), name="Epoch ")
    return _parameter(value=shown, bind=slider)


@dataclasses.dataclass(frozen=True)
class Clock:
    """The epochs of one chart, and the parameter that says which of them is shown.

    Attributes
    ----------
    epochs : numpy.ndarray of int64, shape (frames,)
        The chart's epochs, rising.
    parameter : altair.Parameter
        The parameter that all charts share.
    """

    epochs: np.ndarray
    parameter: alt.Parameter

    @classmethod
    def of(cls, run: Run, epochs: Epochs, epoch: int | alt.Parameter | None) -> "Clock":
        """Return the clock for a chart's ``epochs`` and ``epoch`` arguments."""
        if not isinstance(epochs, slice) and epochs is not None:
            epochs = whole_numbers("epochs", epochs)
        chosen = run.epochs[run.snapshots(epochs)]
        if isinstance(epoch, alt.Parameter):
            if epoch.name != NAME:
                message = f"epoch must be a parameter named {NAME!r}. Got {epoch.name!r}."
                raise ArgumentError(message)
            return cls(chosen, epoch)
        if epoch is not None and not isinstance(epoch, (int, np.integer)):
            message = f"epoch must be a whole number or the result of epoch_param. Got {epoch!r}."
            raise ArgumentError(message)
        return cls(chosen, epoch_param(run, epochs=chosen, value=epoch))

    def frame_expression(self) -> str:
        """Return the expression for the position in `epochs`: the last one not after ``epoch``."""
        count, first = len(self.epochs), int(self.epochs[0])
        if count == 1:
            return "0"
        step = _step(self.epochs)
        if first + step * (count - 1) == self.epochs[-1]:
            return f"clamp(floor(({NAME} - {first}) / {step}), 0, {count - 1})"
        return " + ".join(f"({NAME} >= {epoch})" for epoch in self.epochs[1:])

    def epoch_expression(self) -> str:
        """Return the expression for the epoch that is shown."""
        count, first = len(self.epochs), int(self.epochs[0])
        step = _step(self.epochs)
        if count == 1:
            return str(first)
        if first + step * (count - 1) == self.epochs[-1]:
            return f"({first} + {step} * {self.frame_expression()})"
        return f"{literal(self.epochs.tolist())}[{self.frame_expression()}]"


def require_run(run: object) -> None:
    """Raise `ArgumentError` unless `run` is a `Run`."""
    if not isinstance(run, Run):
        message = f"run must be a Run, as open_run returns it. Got {type(run).__name__}."
        raise ArgumentError(message)


def _chosen_epochs(runs: tuple[Run, ...], epochs: Epochs) -> np.ndarray:
    """Return the chosen epochs of all runs together, rising."""
    if epochs is None or isinstance(epochs, slice):
        return np.unique(np.concatenate([run.epochs[run.snapshots(epochs)] for run in runs]))
    # An epoch that one of the runs has is enough: the others hold their last one before it.
    every = np.unique(np.concatenate([run.epochs for run in runs]))
    return every[chosen_snapshots(every, epochs)]


def _step(epochs: np.ndarray) -> int:
    return int(np.gcd.reduce(np.diff(epochs))) if len(epochs) > 1 else 1


def _parameter(**definition: Any) -> alt.Parameter:
    parameter = alt.param(name=NAME, **definition)
    parameter.param = _EpochVariable(name=NAME, **definition)
    return parameter


class _EpochVariable(core.VariableParameter):
    """A variable parameter that says so when it meets another of its name.

    Altair merges parameters that are equal, and keeps both otherwise; two signals of one name end
    in a blank page. Composing asks each parameter for its definition and compares them, which is
    the one place where the mistake can be told to whoever makes it.
    """

    _schema = core.VariableParameter._schema

    def to_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return _Definition(super().to_dict(*args, **kwargs))


class _Definition(dict[str, Any]):
    def __eq__(self, other: object) -> bool:
        if not isinstance(other, dict) or other.get("name") != self.get("name"):
            return False
        if dict.__eq__(self, other):
            return True
        message = (
            f"These charts have different {NAME!r} parameters: {_described(self)} and "
            f"{_described(other)}. Make one for all of them, epoch = epoch_param(run_a, run_b), "
            "and pass it to each chart as epoch=epoch."
        )
        raise ArgumentError(message)

    __hash__ = None


def _described(definition: dict[str, Any]) -> str:
    bind = definition.get("bind")
    if not isinstance(bind, dict):
        return f"fixed at {definition.get('value')}"
    span = f"{bind.get('min')} to {bind.get('max')} in steps of {bind.get('step')}"
    return f"{span}, shown first {definition.get('value')}"
