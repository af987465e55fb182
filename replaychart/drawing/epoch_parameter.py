"""The epoch parameter that all charts share, and the recorded epoch that its value selects."""

import json
from collections.abc import Iterator
from typing import Any, NoReturn

import altair as alt
import numpy as np

from replaychart.arguments import is_number
from replaychart.drawing.event_handlers import (
    STILL,
    UNLISTED,
    HandlingVariable,
    SparselyListed,
    without_handlers,
)
from replaychart.drawing.expressions import literal
from replaychart.drawing.named_epochs import EPOCH_NAMES, EpochName, is_epoch_name, named_epoch
from replaychart.errors import ArgumentError
from replaychart.facts.epochs import Epochs, chosen_snapshots, epoch_numbers
from replaychart.run import Run, require_run

NAME = "epoch"
POSITION = "snapshot"
# Marks a parameter whose initial epoch is a chart's default, which nobody asked for.
_BY_DEFAULT = "by_default"


class EpochParameter(alt.Parameter):
    """The parameter named ``epoch``, which may need a second parameter for its slider.

    If the epochs are equally spaced whole numbers, the slider sets ``epoch`` directly. Otherwise
    the slider sets a second parameter named ``snapshot``, the position among the recorded epochs,
    and ``epoch`` is the epoch at that position. The charts of this package include both; to use
    them in a chart of your own without one of these charts, call ``chart.add_params(*epoch)``.

    Attributes
    ----------
    epochs : numpy.ndarray, shape (stops,)
        The epochs at which the slider stops, in ascending order.
    position : altair.Parameter or None
        The parameter named ``snapshot``, or None if it is not needed.
    """

    def __init__(self, epochs: np.ndarray, shown: float, *, by_default: bool = False) -> None:
        super().__init__(name=NAME, empty=alt.Undefined, param_type="variable")
        self.epochs = epochs
        self.position: alt.Parameter | None = None
        definition: dict[str, Any] = {"value": shown}
        if not has_equal_steps(epochs):
            last = len(epochs) - 1
            slider = alt.binding_range(min=0, max=last, step=1, name="Snapshot ")
            self.position = alt.Parameter(POSITION, alt.Undefined, alt.Undefined, "variable")
            stop = int(positions_at(epochs, np.array([shown]))[0])
            self.position.param = EpochVariable(
                name=POSITION, value=stop, bind=slider, by_default=by_default
            )
            # A host such as JupyterChart reads the initial value, which the expression then sets.
            definition["expr"] = f"{literal(epochs.tolist())}[{POSITION}]"
        elif len(epochs) > 1:
            first, last = int(epochs[0]), int(epochs[-1])
            definition["bind"] = alt.binding_range(
                min=first, max=last, step=step_of(epochs), name="Epoch "
            )
        self.param = EpochVariable(name=NAME, **definition, by_default=by_default)

    def __iter__(self) -> Iterator[alt.Parameter]:
        """Yield all parameters that a chart needs: this one, and ``snapshot`` if it is needed."""
        yield self
        if self.position is not None:
            yield self.position


def epoch_param(
    *runs: Run, epochs: Epochs = None, value: float | EpochName | None = None
) -> EpochParameter:
    """Return the parameter named ``epoch``, with a slider over the epochs of all runs.

    Charts of one run create it themselves. Charts of several runs must share one: pass it to each
    chart as ``epoch=``. A run that ended earlier then stays at its last epoch.

    Parameters
    ----------
    *runs : Run
        One or more runs.
    epochs : float, slice, range or iterable of float, optional
        Recorded epochs of each run to include. Default: all.
    value : float or {"last", "best", "half"}, optional
        The epoch shown initially: a number; ``"best"``, the epoch that ``EarlyStopping`` found or
        the one with the lowest loss (validation loss, if there is one); or ``"half"``, the first
        one at which the loss has fallen half way to its lowest value. The latter two refer to the
        first run. Default: the last one.

    Returns
    -------
    altair.Parameter
        The parameter ``epoch``. Its value is an epoch, so charts of your own can filter on
        ``datum.epoch == epoch``. If there is only one epoch, it has no slider. If the epochs are
        fractional or not equally spaced, the slider sets their position through a second parameter
        named ``snapshot``. A chart of your own that is not combined with one of these charts then
        needs both: ``add_params(*epoch)``.

    Raises
    ------
    ArgumentError
        No run is given, or the value is outside the range of the epochs.

    Examples
    --------
    >>> import replaychart as rc
    >>> run = rc.open_run(rc.datasets.parabola_recording())
    >>> epoch = rc.epoch_param(run, value=15)
    >>> chart = rc.feature_space(run, epoch=epoch) | rc.loss_histogram(run, epoch=epoch)
    """
    return parameter_of_runs(runs, epochs, value)


def parameter_of_runs(
    runs: tuple[Run, ...],
    epochs: Epochs,
    value: float | EpochName | None,
    *,
    by_default: bool = False,
) -> EpochParameter:
    """Return the epoch parameter of some runs; see `epoch_param`.

    Parameters
    ----------
    runs : tuple of Run
        One or more runs.
    epochs : float, slice, range or iterable of float, optional
        Recorded epochs of each run to include. Default: all.
    value : float or {"last", "best", "half"}, optional
        The epoch shown initially. Default: the last one.
    by_default : bool, default False
        Whether the initial epoch is a chart's default. In a composition, it gives way to one that
        was asked for, or to that of the first chart.
    """
    if not runs:
        message = "runs must contain at least one run. Got none."
        raise ArgumentError(message)
    for run in runs:
        require_run(run)
    every = _chosen_epochs(runs, epochs)
    first, last = every[0].item(), every[-1].item()
    if is_epoch_name(value):
        own = every[np.isin(every, runs[0].epochs)]
        value = named_epoch(runs[0], value, own) if value != "last" and len(own) else last
    if value is not None and not is_number(value):
        names = ", ".join(map(repr, EPOCH_NAMES))
        message = f"epoch must be a number or one of {names}. Got {value!r}."
        raise ArgumentError(message)
    shown = last if value is None else epoch_numbers("epoch", value)[0]
    if not first <= shown <= last:
        message = (
            f"epoch must be between {first:g} and {last:g}, the recorded epochs. Got {value!r}."
        )
        raise ArgumentError(message)
    # Between two recorded epochs, the earlier one is shown, as in every chart.
    initial = every[positions_at(every, np.array([shown]))[0]].item()
    return EpochParameter(every, initial, by_default=by_default)


def has_equal_steps(epochs: np.ndarray) -> bool:
    """Return whether epochs are equally spaced whole numbers, which a slider can set directly."""
    steps = np.diff(epochs)
    return bool((epochs == np.floor(epochs)).all() and (steps == steps[:1]).all())


def _chosen_epochs(runs: tuple[Run, ...], epochs: Epochs) -> np.ndarray:
    """Return the union of the chosen epochs of all runs, in ascending order."""
    if epochs is None or isinstance(epochs, slice):
        return np.unique(np.concatenate([run.epochs[run.snapshots(epochs)] for run in runs]))
    # An epoch needs to be recorded in one run only: the others show their last one before it.
    every = np.unique(np.concatenate([run.epochs for run in runs]))
    return every[chosen_snapshots(every, epochs)]


def positions_at(epochs: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """Return the position of the last epoch not after each stop; 0 for stops before the first."""
    return np.maximum(np.searchsorted(epochs, stops, side="right") - 1, 0)


def step_of(epochs: np.ndarray) -> int:
    """Return the step between equally spaced whole epochs, 1 for a single epoch."""
    return int(epochs[1] - epochs[0]) if len(epochs) > 1 else 1


class EpochVariable(HandlingVariable):
    """A variable parameter that raises an error if it is combined with a different one of its name.

    When charts are composed, Altair merges equal parameters and keeps both if they differ, but two
    signals with the same name result in a blank page. Altair compares the definitions of the
    parameters, and this comparison is the only place where the mistake can be reported, or where
    initial epochs that nobody asked for can be made equal.
    """

    _schema = HandlingVariable._schema

    def to_dict(self, *args: Any, ignore: list[str] | None = None, **kwargs: Any) -> dict[str, Any]:
        """Return the definition, which is compared with others of its name."""
        ignored = [*(ignore or []), _BY_DEFAULT]
        return _Definition(super().to_dict(*args, ignore=ignored, **kwargs), self)


class _Definition(SparselyListed):
    def __init__(self, definition: dict[str, Any], source: EpochVariable) -> None:
        super().__init__(definition)
        self._source = source

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, dict) or other.get("name") != self.get("name"):
            return False
        if dict.__eq__(self, other):
            return True
        if isinstance(other, _Definition) and self._agrees_with(other):
            # A chart that plays beside one that does not: whichever Altair keeps has to play.
            played_alike = dict.__eq__(self, other) or self._adopts(other) or other._adopts(self)
            return played_alike or _raise_unequal_players()
        message = (
            f"These charts have different {NAME!r} parameters: {_described(self)} and "
            f"{_described(other)}. Create one for all of them, epoch = epoch_param(run_a, run_b), "
            "and pass it to each chart as epoch=epoch."
        )
        raise ArgumentError(message)

    __hash__ = None  # type: ignore[assignment]

    def _agrees_with(self, other: "_Definition") -> bool:
        """Return whether both have the same slider and initial value, or can be given the same."""
        own, others = without_handlers(self), without_handlers(other)
        if own == others:
            return True
        if own | {"value": None} != others | {"value": None}:
            return False
        # Of two defaults, the first one stays.
        for one, value in ((other, own["value"]), (self, others["value"])):
            if one._source._kwds.get(_BY_DEFAULT):
                one._begin_at(value)
                return True
        return False

    def _begin_at(self, value: float) -> None:
        """Change the initial value, which another chart was asked to show."""
        key = STILL if STILL in self else "value"
        self[key] = self._source._kwds[key] = value
        self._source._kwds[_BY_DEFAULT] = False

    def _adopts(self, other: "_Definition") -> bool:
        """Give the parameter of this definition the handlers of another one, if it has none."""
        if any(key in self for key in UNLISTED):
            return False
        self._source._kwds.update(other)
        self.update(other)
        return True


class PlayerVariable(HandlingVariable):
    """A parameter of the player, which raises an error if it is combined with a different one."""

    _schema = HandlingVariable._schema

    def to_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return the definition, which is compared with others of its name."""
        return _PlayerDefinition(super().to_dict(*args, **kwargs))


class _PlayerDefinition(SparselyListed):
    def __eq__(self, other: object) -> bool:
        if not isinstance(other, dict) or other.get("name") != self.get("name"):
            return False
        return dict.__eq__(self, other) or _raise_unequal_players()

    __hash__ = None  # type: ignore[assignment]


def _raise_unequal_players() -> NoReturn:
    message = (
        "These charts were animated in different ways. Compose them first, then animate the result."
    )
    raise ArgumentError(message)


def _described(definition: dict[str, Any]) -> str:
    if "expr" in definition:
        epochs = listed_epochs(definition["expr"])
        initially = f", initially {definition['value']:g}" if "value" in definition else ""
        return f"{len(epochs)} epochs from {epochs[0]:g} to {epochs[-1]:g}{initially}"
    bind = definition.get("bind")
    if not isinstance(bind, dict):
        return f"fixed at {definition.get('value')}"
    if definition["name"] == POSITION:
        return f"snapshots 0 to {bind.get('max')}, initially {definition.get('value')}"
    span = f"{bind.get('min')} to {bind.get('max')} in steps of {bind.get('step')}"
    return f"{span}, initially {definition.get('value')}"


def listed_epochs(expression: str) -> list[float]:
    """Return the epochs in the expression of a parameter whose slider sets ``snapshot``."""
    return json.loads(expression.removesuffix(f"[{POSITION}]"))
