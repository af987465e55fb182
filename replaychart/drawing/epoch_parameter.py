"""The epoch parameter that all charts share, and the frame that a chart shows for its value."""

import json
from collections.abc import Iterator
from typing import Any

import altair as alt
import numpy as np
from altair.vegalite.v6.schema import core

from replaychart.arguments import is_number
from replaychart.drawing.expressions import literal
from replaychart.errors import ArgumentError
from replaychart.facts.epochs import Epochs, chosen_snapshots, epoch_numbers
from replaychart.run import Run, require_run

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
            stop = int(positions_at(epochs, np.array([shown]))[0])
            self.position.param = _EpochVariable(name=POSITION, value=stop, bind=slider)
            definition = {"expr": f"{literal(epochs.tolist())}[{POSITION}]"}
        elif len(epochs) > 1:
            first, last = int(epochs[0]), int(epochs[-1])
            definition["bind"] = alt.binding_range(
                min=first, max=last, step=step_of(epochs), name="Epoch "
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
    return EpochParameter(every, every[positions_at(every, np.array([shown]))[0]].item())


def has_equal_steps(epochs: np.ndarray) -> bool:
    """Return whether epochs are whole and at equal distances, as one slider takes them."""
    steps = np.diff(epochs)
    return bool((epochs == np.floor(epochs)).all() and (steps == steps[:1]).all())


def _chosen_epochs(runs: tuple[Run, ...], epochs: Epochs) -> np.ndarray:
    """Return the chosen epochs of all runs together, rising."""
    if epochs is None or isinstance(epochs, slice):
        return np.unique(np.concatenate([run.epochs[run.snapshots(epochs)] for run in runs]))
    # An epoch that one of the runs has is enough: the others hold their last one before it.
    every = np.unique(np.concatenate([run.epochs for run in runs]))
    return every[chosen_snapshots(every, epochs)]


def positions_at(epochs: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """Return the position of the last epoch not after each stop; the first for earlier stops."""
    return np.maximum(np.searchsorted(epochs, stops, side="right") - 1, 0)


def step_of(epochs: np.ndarray) -> int:
    """Return the distance of whole epochs at equal distances, 1 for a single one."""
    return int(epochs[1] - epochs[0]) if len(epochs) > 1 else 1


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
