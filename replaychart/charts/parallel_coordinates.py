"""`parallel_coordinates`: how runs were set up, and what they reached by the epoch shown."""

import re
from collections.abc import Collection, Mapping, Sequence

import altair as alt
import numpy as np
import pandas as pd

from replaychart.arguments import items_of, require_one_of
from replaychart.drawing import packing
from replaychart.drawing.axis_brushes import brush_parameters
from replaychart.drawing.budget import MAX_BYTES, kept_epochs
from replaychart.drawing.clock import Clock
from replaychart.drawing.composition import layered
from replaychart.drawing.epoch_parameter import positions_at
from replaychart.drawing.named_epochs import ShownEpoch
from replaychart.drawing.parallel_axes import ParallelAxis
from replaychart.drawing.parallel_lines import ParallelLines
from replaychart.drawing.several_runs import clock_of_all
from replaychart.drawing.texts import displayed
from replaychart.drawing.titles import Title, add_subtitle, chart_title, check_chart, named_title
from replaychart.drawing.wording import in_words
from replaychart.errors import ArgumentError
from replaychart.evaluation.curves import SOURCES, Source
from replaychart.facts.epochs import Epochs
from replaychart.facts.metric_directions import is_score
from replaychart.ranking import default_metric, leaderboard, metric_names
from replaychart.run import Run, named_runs

# The columns of `leaderboard` that are no settings, and those that repeat others.
_NO_SETTINGS = ("name", "run", "state")
_REPEATED = ("last_learning_rate",)
# More architectures than these are shown by their numbers of weights.
_MOST_NAMES = 12


def parallel_coordinates(
    runs: Mapping[str, Run | Sequence[Run]],
    *,
    metric: str | None = None,
    columns: Sequence[str] | None = None,
    source: Source = "training",
    highest: Collection[str] = (),
    epochs: Epochs = None,
    epoch: ShownEpoch = None,
    title: Title | None = None,
    width: int = 640,
    height: int = 280,
    max_bytes: float | None = MAX_BYTES,
) -> alt.LayerChart:
    """Draw a line for each run through its settings to the best metric it reached so far.

    Use it to see which settings of a sweep matter. Drag along an axis to select runs; a range on
    another axis narrows the selection, and a click on an axis clears it.

    Parameters
    ----------
    runs : mapping of str to Run or sequence of Run
        The runs by the name to show, as `open_runs` returns them.
    metric : str, optional
        The loss or metric on the last axis, as in `Run.history`. Default: as in `leaderboard`.
    columns : sequence of str, optional
        The other axes, from left to right: columns of `leaderboard`. Default: the settings that
        differ between the runs.
    source : {"training", "replay"}, default "training"
        Whether to show the values that were logged during training, or those of the recorded
        snapshots over the recorded points.
    highest : collection of str, optional
        Metrics of which the highest value is the best; see `leaderboard`.
    epochs : float, slice, range or iterable of float, optional
        Recorded epochs to include. Default: all.
    epoch : float, {"last", "best", "half"} or altair.Parameter, optional
        The epoch shown initially: a number, a name as in `epoch_param`, or a parameter from
        `epoch_param` that charts share. Default: the last epoch of all runs.
    title : str or sequence of str, optional
        The title, or its lines; ``{epoch}`` is replaced by the epoch shown. Default: the metric and
        the epoch.
    width, height : int, default 640 and 280
        Size in pixels.
    max_bytes : float or None, default 20,000,000
        Approximate limit on the size of the chart's data, in bytes. A larger chart is thinned to
        evenly spaced epochs, with a warning. None means no limit.

    Returns
    -------
    altair.LayerChart
        The axes and lines. The best end of the last axis is at the top; it has the range of the
        best values of all runs, and values that are worse than all of these are at its bottom.
        Positive numbers that span more than a factor of 30 are on a logarithmic axis.

    Raises
    ------
    ArgumentError
        `runs` is not a mapping from names to runs, no run has the metric, there is nothing in which
        the runs differ, or another argument is invalid.
    EvaluationError
        A metric of a run cannot be replayed.

    Warns
    -----
    UserWarning
        Epochs are left out to stay within `max_bytes`.

    See Also
    --------
    leaderboard : the same numbers as a table.

    References
    ----------
    A. Inselberg, "The plane with parallel coordinates" (1985)

    Examples
    --------
    >>> import replaychart as rc
    >>> run = rc.open_run(rc.datasets.parabola_recording())
    >>> chart = rc.parallel_coordinates({"a": run, "b": run}, columns=["optimizer", "weights"])
    """
    named = named_runs(runs)
    every = [run for some in named.values() for run in some]
    check_chart(every[0], width, height, max_bytes, container=False)
    require_one_of("source", source, SOURCES)
    # Numbers as names, because several runs may have the same name.
    numbered = {str(number): run for number, run in enumerate(every)}
    metric = _metric(every, metric, source)
    table = leaderboard(numbered, by=metric, source=source, highest=highest)
    ranked = [every[int(number)] for number in table["name"]]
    names = (
        _settings(table) if columns is None else items_of("columns", columns, "names of columns")
    )
    for name in names:
        require_one_of("columns", name, table.columns)
    if not names and columns is not None:
        message = "columns must name at least one column. Got none."
        raise ArgumentError(message)
    if not names:
        count = "one run" if len(every) == 1 else f"{len(every)} runs that differ in none"
        message = (
            "runs must differ in a setting that was recorded, unless columns are given. Got "
            f"{count}."
        )
        raise ArgumentError(message)
    clock = kept_epochs(
        every[0],
        clock_of_all(every, epochs, epoch),
        max_bytes,
        bytes_per_epoch=packing.BYTES_PER_NUMBER * len(every),
    )
    highest_is_best = metric in highest or is_score(metric)
    last = ParallelAxis.of_numbers(
        in_words(metric), table[f"best_{metric}"].to_numpy(), lowest_on_top=not highest_is_best
    )
    reached = np.stack(
        [_best_so_far(run, metric, source, clock, highest=highest_is_best) for run in ranked]
    )
    axes = [_axis(table[name]) for name in names]
    labels = _labels(named)
    drawn = ParallelLines(
        clock=clock,
        axes=[*axes, last],
        labels=[labels[int(number)] for number in table["name"]],
        values=table[names],
        places=np.stack(
            [_places(axis, table[axis_name]) for axis, axis_name in zip(axes, names, strict=True)],
            axis=1,
        ),
        reached=reached,
        width=width,
        height=height,
    )
    default = named_title(in_words(metric), " \N{MIDDLE DOT} epoch {epoch}", width)
    heading = chart_title(title, default, clock)
    heading.offset = 34
    best = "highest" if highest_is_best else "lowest"
    add_subtitle(heading, f"best of each run up to the epoch shown, the {best} on top", width)
    return layered(
        [drawn.lines(), *drawn.axis_layers(), *drawn.brushes()],
        clock,
        *brush_parameters(len(drawn.axes), height),
        title=heading,
        width=width,
        height=height,
        view=alt.ViewConfig(stroke=None),
        resolve=alt.Resolve(scale=alt.ScaleResolveMap(color="independent")),
    )


def _metric(runs: Sequence[Run], metric: str | None, source: Source) -> str:
    """Return the metric that was asked for, or that of `leaderboard`."""
    names = metric_names(runs, source)
    if not names:
        message = f"runs must have a loss or a metric for source={source!r}. Got runs without any."
        raise ArgumentError(message)
    chosen = default_metric(runs, source) if metric is None else metric
    require_one_of("metric", chosen, names)
    return str(chosen)


def _labels(named: Mapping[str, list[Run]]) -> list[str]:
    """Return what to call each run: its name, and that in the file if several share it."""
    return [
        displayed(name if len(some) == 1 else f"{name}, {run.name}")
        for name, some in named.items()
        for run in some
    ]


def _settings(table: pd.DataFrame) -> list[str]:
    """Return the settings in which runs differ."""
    reached = {name for name in table if f"best_{name}" in table or f"best_{name}_epoch" in table}
    names = [
        str(name)
        for name in table.columns[len(_NO_SETTINGS) :]
        if name not in reached
        and not str(name).startswith("best_")
        and name not in _REPEATED
        and len(table[name].dropna().unique()) > 1
    ]
    if {"architecture", "weights"} <= set(names):
        # Both say how large a model is.
        several = table["architecture"].nunique()
        same = table.groupby("architecture")["weights"].nunique().max() == 1
        names.remove("weights" if same and several <= _MOST_NAMES else "architecture")
    return names


def _axis(column: pd.Series) -> ParallelAxis:
    title = in_words(str(column.name))
    if pd.api.types.is_numeric_dtype(column.dtype):
        return ParallelAxis.of_numbers(title, column.to_numpy(np.float64, na_value=np.nan))
    names = sorted(column.unique(), key=_by_numbers)
    # Strings are read from the top, and numbers, such as those of units, rise.
    rise = all(any(sign.isdigit() for sign in name) for name in names)
    return ParallelAxis.of_names(title, names[::-1] if rise else names)


def _by_numbers(name: str) -> list[tuple[int, float, str]]:
    """Return a key that sorts the numbers in strings by their values."""
    return [
        (0, float(part), "") if part.isdigit() else (1, 0.0, part.casefold())
        for part in re.findall(r"\d+|\D+", name)
    ]


def _places(axis: ParallelAxis, column: pd.Series) -> np.ndarray:
    if axis.limits is None:
        return axis.places_of_names(column.tolist())
    return axis.places(column.to_numpy(np.float64, na_value=np.nan))


def _best_so_far(
    run: Run, metric: str, source: Source, clock: Clock, *, highest: bool
) -> np.ndarray:
    """Return the best value up to each of the clock's epochs; NaN while there is none."""
    if metric not in run.curves.names(source):
        return np.full(len(clock.epochs), np.nan)
    values = run.curves.values(metric, source=source)
    known = np.where(np.isfinite(values), values, np.nan)
    best = np.fmax.accumulate(known) if highest else np.fmin.accumulate(known)
    return best[positions_at(run.epochs, clock.epochs)]
