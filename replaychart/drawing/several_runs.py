"""What charts of several runs share: the check of the runs, and one clock for all of them."""

from collections.abc import Mapping, Sequence

import altair as alt
import numpy as np

from replaychart.arguments import shown
from replaychart.drawing.clock import Clock
from replaychart.drawing.epoch_parameter import EpochParameter, epoch_param
from replaychart.errors import ArgumentError
from replaychart.facts.epochs import Epochs
from replaychart.run import Run


def named_runs(runs: Mapping[str, Run | Sequence[Run]]) -> dict[str, list[Run]]:
    """Return the runs of each name.

    Parameters
    ----------
    runs : mapping of str to Run or sequence of Run
        A run for each name, or several runs of the same setting.

    Raises
    ------
    ArgumentError
        It is not a mapping from names to runs, or it is empty.
    """
    named = {}
    for name, given in runs.items() if isinstance(runs, Mapping) else ():
        several = given if isinstance(given, Sequence) else [given]
        if not isinstance(name, str) or not several or not all(isinstance(r, Run) for r in several):
            break
        named[name] = list(several)
    if not isinstance(runs, Mapping) or not named or len(named) < len(runs):
        message = (
            "runs must map names to runs, or to lists of runs, such as {'SGD': run_a, 'Adam': "
            f"run_b}}. Got {shown(runs)}."
        )
        raise ArgumentError(message)
    return named


def clock_of_all(runs: Sequence[Run], epochs: Epochs, epoch: float | alt.Parameter | None) -> Clock:
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
