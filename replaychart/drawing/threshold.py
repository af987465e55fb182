"""The threshold that all charts share: the probability from which on a point counts as class 1."""

from typing import Any

import altair as alt
import numpy as np

from replaychart.arguments import is_number, shown
from replaychart.drawing import packing
from replaychart.drawing.clock import Clock
from replaychart.drawing.correctness import THRESHOLD as NETWORKS_OWN
from replaychart.drawing.correctness import Answers, floored_hundredths
from replaychart.drawing.plane import (
    Plane,
    boundary_layer,
    boundary_line,
    class_labels,
    line_vertices,
)
from replaychart.drawing.shared_parameter import SharedVariable
from replaychart.errors import ArgumentError
from replaychart.planes.paths import Paths
from replaychart.planes.rectangle import Rectangle
from replaychart.run import Run

NAME = "threshold"
# A chart's argument: a parameter, or whether the chart has a slider of its own.
Threshold = alt.Parameter | bool

# The levels of the boundary: every threshold between 0 and 1 that the slider can show.
LEVELS = tuple(hundredth / 100 for hundredth in range(1, 100))


def threshold_param(value: float = 0.5) -> alt.Parameter:
    """Return the parameter named ``threshold``, with a slider from 0 to 1 in hundredths.

    A point counts as class 1 if its predicted probability is at least the threshold; at 0.5, as the
    network itself decides. Charts of two classes take it as ``threshold=``.

    Parameters
    ----------
    value : float, default 0.5
        The threshold shown initially, a whole number of hundredths.

    Returns
    -------
    altair.Parameter
        The parameter. Images and animations show its value. A chart of your own can use it in
        expressions, as ``threshold``, if it is combined with one of the charts that have it.

    Raises
    ------
    ArgumentError
        The value is not a whole number of hundredths between 0 and 1.

    Examples
    --------
    >>> import replaychart as rc
    >>> run = rc.open_run(rc.datasets.parabola_recording())
    >>> threshold = rc.threshold_param(0.3)
    >>> matrix = rc.confusion(run, threshold=threshold, epoch=40)
    >>> chart = rc.roc(run, threshold=threshold, epoch=40) | matrix
    """
    hundredths = 100 * value if is_number(value) else np.nan
    if not (0 <= hundredths <= 100 and abs(hundredths - round(hundredths)) < 1e-9):
        message = f"value must be a whole number of hundredths from 0 to 1. Got {shown(value)}."
        raise ArgumentError(message)
    slider = alt.binding_range(min=0, max=1, step=0.01, name="Threshold ")
    return _ThresholdVariable.parameter(NAME, value=round(hundredths) / 100, bind=slider)


def checked_threshold(run: Run, threshold: object) -> alt.Parameter | None:
    """Return the parameter for a chart's argument, None if the chart has no threshold.

    Raises
    ------
    ArgumentError
        It is neither a parameter with this name nor a bool, or the run does not decide between two
        classes by their probability.
    """
    if threshold is False or threshold is None:
        return None
    named = isinstance(threshold, alt.Parameter) and threshold.name == NAME
    if not (threshold is True or named):
        message = (
            "threshold must be True, False or the result of threshold_param. "
            f"Got {shown(threshold)}."
        )
        raise ArgumentError(message)
    if run.classes != 2 or not run.has_probabilities or not _probabilities_decide(run):
        message = (
            "threshold needs a network that predicts the probabilities of two classes, which sum "
            f"to 1. Run {run.name!r} {_instead(run)}."
        )
        raise ArgumentError(message)
    return threshold if isinstance(threshold, alt.Parameter) else threshold_param()


def _probabilities_decide(run: Run) -> bool:
    """Return whether the probability of class 1 decides between two classes."""
    if run.planes.values_per_point == 1:
        return True
    sums = run.probabilities().sum(axis=-1)
    return bool(np.allclose(sums[np.isfinite(sums)], 1, rtol=0, atol=1e-5))


def _instead(run: Run) -> str:
    if not run.classes:
        return "predicts no classes"
    if run.classes != 2:
        return f"has {run.classes} classes"
    if not run.has_probabilities:
        return "has a hinge loss, whose outputs are scores"
    return "has two independent outputs"


def parameters(threshold: alt.Parameter | None) -> tuple[alt.Parameter, ...]:
    """Return the parameters that a chart needs in addition to those of its clock."""
    return () if threshold is None else (threshold,)


def threshold_expression(threshold: alt.Parameter | None) -> str:
    """Return the expression for the threshold: that of the parameter, or of the network itself."""
    return NETWORKS_OWN if threshold is None else NAME


def titled(default: str, threshold: alt.Parameter | None) -> tuple[str, dict[str, str]]:
    """Return a chart's default title with its threshold, and what `chart_title` needs for it."""
    if threshold is None:
        return default, {}
    text = f"format({NAME}, '.2f')"
    return f"{default} \N{MIDDLE DOT} threshold {{threshold}}", {"threshold": text}


def boundary_paths(
    run: Run, rectangle: Rectangle, snapshots: list[int], threshold: alt.Parameter | None
) -> Paths:
    """Return the lines of the boundary; with a threshold, at each level that it can have."""
    if threshold is None:
        return run.planes.boundary(rectangle, snapshots)
    return run.planes.level_lines(rectangle, LEVELS, snapshots)


def decided_boundary_layer(
    plane: Plane, run: Run, paths: Paths, threshold: alt.Parameter | None
) -> alt.Chart:
    """Return the boundary, given its lines from `boundary_paths`."""
    if threshold is None:
        return boundary_layer(plane, run, paths)
    return _boundary_at_threshold(plane, run, paths)


def tally(run: Run, clock: Clock) -> alt.Chart:
    """Return the number of points by class and probability, from which the counts at any follow.

    The columns of a row are ``target`` (the class), ``hundredth`` (of the probability, rounded
    down), ``count`` (the number of points at the epoch shown), and ``predicted`` (the class at the
    threshold shown). Every class has at least one row, whose count may be 0.

    Parameters
    ----------
    run : Run
        A run that `checked_threshold` accepts.
    clock : Clock
        The chart's epochs.
    """
    every = np.arange(len(run.targets))
    decisive = Answers.of(run, clock, every, class_labels(run)).columns["p"]
    # NaN where the probability is not finite.
    deciding = np.array(decisive, np.float64).T
    probability = run.point_probabilities(epochs=clock.epochs)
    known = np.isfinite(deciding)
    # A tie counts as less than 0.5 because class 0 is predicted, but is in the bin from 0.5 on.
    kinds = np.stack(
        [
            np.broadcast_to(run.targets, known.shape)[known],
            deciding[known].astype(np.int64),
            floored_hundredths(probability)[known],
        ],
        axis=1,
    )
    always = np.array([[0, 0, 0], [1, 0, 0]])
    distinct, number = np.unique(np.concatenate([always, kinds]), axis=0, return_inverse=True)
    epoch = np.broadcast_to(np.arange(len(known))[:, None], known.shape)[known]
    cell = number.ravel()[len(always) :] * len(known) + epoch
    counts = np.bincount(cell, minlength=len(distinct) * len(known)).reshape(len(distinct), -1)
    columns = dict(zip(("target", "deciding", "hundredth"), distinct.T.tolist(), strict=True))
    rows = packing.by_epoch(clock, columns, {"count": counts.tolist()})
    return alt.Chart(packing.PackedData(rows)).transform_calculate(
        count=packing.entry("count", clock),
        predicted=f"datum.deciding >= round(100 * {NAME}) ? 1 : 0",
    )


def _boundary_at_threshold(plane: Plane, run: Run, lines: Paths) -> alt.Chart:
    """Return the line where the probability of class 1 is the threshold shown.

    Parameters
    ----------
    plane : Plane
        The axes.
    run : Run
        The run.
    lines : Paths
        The lines at all of `LEVELS`, each with its level as its value.
    """
    x, y = plane.rulers()
    hundredths = np.rint(100 * lines.value).astype(np.int64).tolist()
    found = sorted(set(hundredths)) or [0]
    rows = packing.paths_by_epoch(
        plane.clock, run.epochs, lines, x, y, packing.Labeled("level", hundredths, found)
    )
    shown = alt.Chart(packing.PackedData(rows)).transform_filter(
        f"datum.level === round(100 * {NAME})"
    )
    return boundary_line(line_vertices(shown, plane), plane)


class _ThresholdVariable(SharedVariable):
    _schema = SharedVariable._schema

    @staticmethod
    def explained(one: dict[str, Any], other: dict[str, Any]) -> str:
        return (
            f"These charts have different {NAME!r} parameters, initially {one['value']:g} and "
            f"{other.get('value')}. Create one for all of them, threshold = threshold_param(), and "
            "pass it to each chart as threshold=threshold."
        )
