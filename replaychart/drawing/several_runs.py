"""What charts of several runs share: one clock for all of them, and what to call them."""

from collections.abc import Sequence

import altair as alt
import numpy as np

from replaychart.arguments import shown
from replaychart.drawing.clock import Clock
from replaychart.drawing.epoch_parameter import EpochParameter, epoch_param
from replaychart.drawing.named_epochs import ShownEpoch
from replaychart.errors import ArgumentError
from replaychart.facts.epochs import Epochs
from replaychart.run import Run, require_same_points, shared_epochs


def clock_of_all(runs: Sequence[Run], epochs: Epochs, epoch: ShownEpoch) -> Clock:
    """Return the clock with the epochs of all runs.

    Parameters
    ----------
    runs : sequence of Run
        The runs.
    epochs : float, slice, range or iterable of float, optional
        Recorded epochs to include. Default: all.
    epoch : float, altair.Parameter or None
        The epoch shown initially, or the parameter that other charts share.
    """
    if isinstance(epoch, EpochParameter):
        return Clock(epoch.epochs, epoch)
    if isinstance(epoch, alt.Parameter):
        return Clock(np.unique(np.concatenate([run.epochs for run in runs])), epoch)
    parameter = epoch_param(*runs, epochs=epochs, value=epoch)
    return Clock(parameter.epochs, parameter)


def pair_names(
    run: Run, other: Run | None, names: tuple[str, str] | None
) -> tuple[str, str] | None:
    """Return what to call two runs; None if there is only one.

    Parameters
    ----------
    run : Run
        The first run.
    other : Run, optional
        The second one.
    names : pair of str, optional
        What to call them. Default: their names, with the numbers 1 and 2 if they are the same.

    Raises
    ------
    ArgumentError
        They are not two different strings, or there is only one run.
    """
    if names is None:
        if other is None:
            return None
        same = run.name == other.name
        return (f"{run.name} 1", f"{other.name} 2") if same else (run.name, other.name)
    given = list(names) if isinstance(names, Sequence) and not isinstance(names, str) else []
    if (
        len(given) != 2
        or not all(isinstance(name, str) and name for name in given)
        or given[0] == given[1]
        or other is None
    ):
        message = (
            "names must be two different strings, one for each of two runs, such as "
            f"('SGD', 'Adam'). Got {shown(names)}{' for one run' if other is None else ''}."
        )
        raise ArgumentError(message)
    return given[0], given[1]


def shared_by_both(run: Run, other: Run | None, epochs: Epochs, epoch: ShownEpoch) -> Clock:
    """Return the clock with the epochs that two runs with the same points recorded.

    Parameters
    ----------
    run : Run
        The first run.
    other : Run, optional
        The second one. Default: none, for all epochs of the first.
    epochs : float, slice, range or iterable of float, optional
        Recorded epochs to include. Default: all that both recorded.
    epoch : float, {"last", "best", "half"} or altair.Parameter, optional
        The epoch shown initially, or the parameter that other charts share.

    Raises
    ------
    ArgumentError
        The runs do not have the same points, or no epochs in common.
    """
    if other is None:
        return Clock.of(run, epochs, epoch)
    require_same_points(run, other)
    both = shared_epochs(run, other)
    if epochs is not None:
        chosen = Clock.of(run, epochs, None).epochs
        other.snapshots(chosen if not isinstance(epochs, slice) else None)
        both = np.intersect1d(chosen, both)
        if not len(both):
            message = f"epochs must be among those that both runs recorded. Got {shown(epochs)}."
            raise ArgumentError(message)
    return Clock.of(run, both, epoch)
