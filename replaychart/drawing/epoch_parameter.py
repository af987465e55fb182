"""The epoch parameter that all charts share, and the frame that a chart shows for its value."""

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import altair as alt
import numpy as np
from altair.vegalite.v6.schema import core

from replaychart.drawing.expressions import literal
from replaychart.errors import ArgumentError, is_number
from replaychart.facts.epochs import Epochs, chosen_snapshots, epoch_numbers
from replaychart.run import Run
from replaychart.storage.layout import EPOCH_DIGITS

NAME = "epoch"
POSITION = "snapshot"


class EpochParameter(alt.Parameter):
    """The parameter named ``epoch``, which may need a second one for its slider.

    Whole epochs at equal distances have a slider of their own. For any others the slider moves
    over the positions of what was recorded, as a parameter named ``snapshot``, and ``epoch`` is the
    epoch recorded there. The charts of this package bring both; a chart of your own that stands
    alone takes them with ``chart.add_params(*epoch)``.

    Attributes
    ----------
    epochs : numpy.ndarray, shape (stops,)
        The epochs that the slider stops at, rising.
    position : altair.Parameter or None
        The parameter named ``snapshot``, where there is one.
    """

    def __init__(self, epochs: np.ndarray, shown: float) -> None:
        super().__init__(name=NAME, empty=alt.Undefined, param_type="variable")
        self.epochs = epochs
        self.position: alt.Parameter | None = None
        definition: dict[str, Any] = {"value": shown}
        if not has_equal_steps(epochs):
            last = len(epochs) - 1
            slider = alt.binding_range(min=0, max=last, step=1, name="Snapshot ")
            self.position = alt.Parameter(POSITION, alt.Undefined, alt.Undefined, "variable")
            stop = int(_frames(epochs, np.array([shown]))[0])
            self.position.param = _EpochVariable(name=POSITION, value=stop, bind=slider)
            definition = {"expr": f"{literal(epochs.tolist())}[{POSITION}]"}
        elif len(epochs) > 1:
            first, last = int(epochs[0]), int(epochs[-1])
            definition["bind"] = alt.binding_range(
                min=first, max=last, step=_step(epochs), name="Epoch "
            )
        self.param = _EpochVariable(name=NAME, **definition)

    def __iter__(self) -> Iterator[alt.Parameter]:
        """Yield all that a chart needs: this, and the parameter of the slider if there is one."""
        yield self
        if self.position is not None:
            yield self.position


def epoch_param(*runs: Run, epochs: Epochs = None, value: float | None = None) -> EpochParameter:
    """Return the parameter named ``epoch``, with a slider over the epochs of all runs.

    Charts of one run make it themselves. Charts of several runs need one between them, passed to
    each as ``epoch=``; a run that ended earlier then holds its last epoch.

    Parameters
    ----------
    *runs : Run
        At least one.
    epochs : float, slice, range or iterable of float, optional
        Only these recorded epochs of each run. Default: all.
    value : float, optional
        The epoch shown at first. Default: the last one.

    Returns
    -------
    altair.Parameter
        Named ``epoch``. Its value is an epoch, so charts of your own can filter on
        ``datum.epoch == epoch``. Without a slider if there is only one epoch. Where the epochs are
        fractions or at unequal distances, the slider moves over their positions and is a second
        parameter, named ``snapshot``: a chart of your own that stands alone, without one of these
        charts beside it, then takes both with ``add_params(*epoch)``.

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
    first, last = every[0].item(), every[-1].item()
    if value is not None and not is_number(value):
        message = f"epoch must be a number. Got {value!r}."
        raise ArgumentError(message)
    shown = last if value is None else epoch_numbers("epoch", value)[0]
    if not first <= shown <= last:
        message = (
            f"epoch must lie between {first:g} and {last:g}, the epochs recorded. Got {value!r}."
        )
        raise ArgumentError(message)
    # Between two of them the earlier is shown, as in every chart.
    return EpochParameter(every, every[_frames(every, np.array([shown]))[0]].item())


@dataclasses.dataclass(frozen=True)
class Clock:
    """The epochs of one chart, and the parameter that says which of them is shown.

    Attributes
    ----------
    epochs : numpy.ndarray of int64 or float64, shape (frames,)
        The chart's epochs, rising.
    parameter : altair.Parameter
        The parameter that all charts share.
    batches : int or None
        Batches of an epoch, where that is known.
    every : Clock or None
        The clock that `epochs` are evenly spaced ones of; None if the chart has all it was asked
        for.
    """

    epochs: np.ndarray
    parameter: alt.Parameter
    batches: int | None = None
    every: "Clock | None" = None

    @classmethod
    def of(cls, run: Run, epochs: Epochs, epoch: float | alt.Parameter | None) -> "Clock":
        """Return the clock for a chart's ``epochs`` and ``epoch`` arguments."""
        if not isinstance(epochs, slice) and epochs is not None:
            epochs = epoch_numbers("epochs", epochs)
        chosen = run.epochs[run.snapshots(epochs)]
        if isinstance(epoch, alt.Parameter):
            if epoch.name != NAME:
                message = f"epoch must be a parameter named {NAME!r}. Got {epoch.name!r}."
                raise ArgumentError(message)
            return cls(chosen, epoch, run.batches_per_epoch)
        if epoch is not None and not is_number(epoch):
            message = f"epoch must be a number or the result of epoch_param. Got {epoch!r}."
            raise ArgumentError(message)
        parameter = epoch_param(run, epochs=chosen, value=epoch)
        return cls(chosen, parameter, run.batches_per_epoch)

    def thinned(self, count: int) -> "Clock":
        """Return a clock with so many epochs, evenly spaced, the first and the last among them.

        The parameter stays: charts with other epochs share it. In between, the last kept is shown.

        Parameters
        ----------
        count : int
            At least 2.
        """
        last = len(self.epochs) - 1
        if count > last:
            return self
        places = -(-np.arange(count) * last // (count - 1))
        return dataclasses.replace(self, epochs=self.epochs[places], every=self)

    @property
    def parameters(self) -> tuple[alt.Parameter, ...]:
        """All parameters that a chart of this clock needs, for ``add_params``."""
        if isinstance(self.parameter, EpochParameter):
            return tuple(self.parameter)
        return (self.parameter,)

    def frame_expression(self) -> str:
        """Return the expression for the position in `epochs`: the last one not after ``epoch``."""
        count = len(self.epochs)
        if count == 1:
            return "0"
        if self.every is not None:
            # The inverse of how `thinned` spaces them.
            last = len(self.every.epochs) - 1
            return f"floor(({self.every.frame_expression()}) * {count - 1} / {last})"
        if isinstance(self.parameter, EpochParameter) and self.parameter.position is not None:
            frames = _frames(self.epochs, self.parameter.epochs).tolist()
            own = frames == list(range(len(frames)))
            return POSITION if own else f"{literal(frames)}[{POSITION}]"
        if has_equal_steps(self.epochs):
            return _stop_expression(self.epochs)
        if isinstance(self.parameter, EpochParameter):
            frames = _frames(self.epochs, self.parameter.epochs).tolist()
            return f"{literal(frames)}[{_stop_expression(self.parameter.epochs)}]"
        return " + ".join(f"({NAME} >= {epoch})" for epoch in self.epochs[1:].tolist())

    def epoch_expression(self) -> str:
        """Return the expression for the epoch that is shown."""
        frame = self.frame_expression()
        if len(self.epochs) == 1:
            return repr(self.epochs[0].item())
        if frame == POSITION:
            return NAME
        if has_equal_steps(self.epochs):
            return f"({int(self.epochs[0])} + {_step(self.epochs)} * {frame})"
        return f"{literal(self.epochs.tolist())}[{frame}]"

    def text_expression(self) -> str:
        """Return the expression for the epoch that is shown, as a text.

        Fractions are written with as many digits as tell them apart, and the batch where known.
        """
        shown = self.epoch_expression()
        if not self.fractional:
            return shown
        text = f"format({shown}, '.{_digits(self.epochs)}f')"
        if self.batches is None:
            return text
        return f"{text} + ' (batch ' + format(round({shown} * {self.batches}), ',') + ')'"

    @property
    def fractional(self) -> bool:
        """Whether any of the epochs is not whole."""
        return bool((self.epochs != np.floor(self.epochs)).any())


def has_equal_steps(epochs: np.ndarray) -> bool:
    """Return whether epochs are whole and at equal distances, as one slider takes them."""
    steps = np.diff(epochs)
    return bool((epochs == np.floor(epochs)).all() and (steps == steps[:1]).all())


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


def _frames(epochs: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """Return the position of the last epoch not after each stop; the first for earlier stops."""
    return np.maximum(np.searchsorted(epochs, stops, side="right") - 1, 0)


def _step(epochs: np.ndarray) -> int:
    return int(epochs[1] - epochs[0]) if len(epochs) > 1 else 1


def _stop_expression(epochs: np.ndarray) -> str:
    """Return the expression for the position of the epoch shown among epochs of equal steps."""
    first, step = int(epochs[0]), _step(epochs)
    return f"clamp(floor(({NAME} - {first}) / {step}), 0, {len(epochs) - 1})"


def _digits(epochs: np.ndarray) -> int:
    """Return how many decimals tell epochs apart."""
    closest = np.diff(epochs).min() if len(epochs) > 1 else 1.0
    fits = (d for d in range(EPOCH_DIGITS) if np.abs(epochs.round(d) - epochs).max() < closest / 20)
    return next(fits, EPOCH_DIGITS)


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
    if "expr" in definition:
        epochs = listed_epochs(definition["expr"])
        return f"{len(epochs)} epochs from {epochs[0]:g} to {epochs[-1]:g}"
    bind = definition.get("bind")
    if not isinstance(bind, dict):
        return f"fixed at {definition.get('value')}"
    if definition["name"] == POSITION:
        return f"snapshots 0 to {bind.get('max')}, shown first {definition.get('value')}"
    span = f"{bind.get('min')} to {bind.get('max')} in steps of {bind.get('step')}"
    return f"{span}, shown first {definition.get('value')}"


def listed_epochs(expression: str) -> list[float]:
    """Return the epochs in the expression of a parameter whose slider is ``snapshot``."""
    return json.loads(expression.removesuffix(f"[{POSITION}]"))
