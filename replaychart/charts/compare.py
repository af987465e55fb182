"""`compare`: one curve of several runs, up to the epoch shown."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

import altair as alt
import numpy as np
import pandas as pd

from replaychart.arguments import require_one_of
from replaychart.drawing import colors, packing
from replaychart.drawing.backgrounds import adaptive_range
from replaychart.drawing.budget import MAX_BYTES, kept_epochs
from replaychart.drawing.clock import Clock
from replaychart.drawing.composition import layered
from replaychart.drawing.epoch_axis import epoch_axis
from replaychart.drawing.limits import ScaleType, tick_format
from replaychart.drawing.named_epochs import ShownEpoch
from replaychart.drawing.several_runs import clock_of_all
from replaychart.drawing.sizes import Width, width_for_texts
from replaychart.drawing.smoothing import check_smooth, smoothed
from replaychart.drawing.texts import AXIS_TITLE_SIZE, NO_LIMIT, displayed, fitted
from replaychart.drawing.titles import Title, add_subtitle, chart_title, check_chart, named_title
from replaychart.drawing.wording import in_words
from replaychart.errors import ArgumentError
from replaychart.evaluation.curves import SOURCES, Source
from replaychart.facts.epochs import Epochs
from replaychart.run import Run, named_runs

# Bytes per row: column names, name of the run, epochs and values.
_BYTES_PER_VALUE = 90
# The legend has this many columns at most, and one for this many pixels.
_MOST_COLUMNS, _COLUMN = 5, 110


def compare(
    runs: Mapping[str, Run | Sequence[Run]],
    *,
    metric: str = "loss",
    source: Source = "training",
    loss_scale: ScaleType = "linear",
    smooth: float = 0.0,
    epochs: Epochs = None,
    epoch: ShownEpoch = None,
    title: Title | None = None,
    width: Width = 400,
    height: int = 260,
    max_bytes: float | None = MAX_BYTES,
) -> alt.LayerChart:
    """Draw the loss or a metric of several runs in one chart.

    Several runs of the same setting, with other seeds, are drawn as their median, in a band from
    the lowest to the highest value.

    Parameters
    ----------
    runs : mapping of str to Run or sequence of Run
        The runs to compare, by the name to show. A sequence of runs is one setting.
    metric : str, default "loss"
        The loss, or a metric, that all runs have, as in `Run.history`.
    source : {"training", "replay"}, default "training"
        Whether to show the values that were logged during training, or those of the recorded
        snapshots over the recorded points.
    loss_scale : {"linear", "log"}, default "linear"
        The scale of the values. On a logarithmic one, values of 0 or less are left out.
    smooth : float, default 0
        The weight of the values before in an exponential moving average, from 0 (not smoothed) to
        less than 1. It is debiased: the first value stays as it is.
    epochs : float, slice, range or iterable of float, optional
        Recorded epochs to include. Default: all.
    epoch : float, {"last", "best", "half"} or altair.Parameter, optional
        The epoch shown initially: a number, a name as in `epoch_param`, or a parameter from
        `epoch_param` that charts share. Default: the last epoch of all runs.
    title : str or sequence of str, optional
        The title, or its lines; ``{epoch}`` is replaced by the epoch shown. Default: the metric.
    width, height : int or "container", default 400 and 260
        Size in pixels. A width of ``"container"`` fills the page or element around the chart.
    max_bytes : float or None, default 20,000,000
        Approximate limit on the size of the chart's data, in bytes. A larger chart is thinned to
        evenly spaced epochs, with a warning. None means no limit.

    Returns
    -------
    altair.LayerChart
        A faint line over all epochs, a strong one up to the epoch shown, and a dot there, for each
        name. A run that ended earlier keeps its last dot.

    Raises
    ------
    ArgumentError
        `runs` is not a mapping from names to runs, a run has no such metric, or another argument is
        invalid.
    EvaluationError
        The metric of a run cannot be replayed.

    Warns
    -----
    UserWarning
        Epochs are left out to stay within `max_bytes`.

    See Also
    --------
    small_multiples : any chart, for several runs.

    Examples
    --------
    >>> import replaychart as rc
    >>> run = rc.open_run(rc.datasets.parabola_recording())
    >>> chart = rc.compare({"sigmoid": run}, metric="acc", smooth=0.5)
    """
    named = named_runs(runs)
    every = [run for some in named.values() for run in some]
    check_chart(every[0], width, height, max_bytes)
    require_one_of("source", source, SOURCES)
    require_one_of("loss_scale", loss_scale, get_args(ScaleType))
    check_smooth(smooth)
    _require_metric(every, metric, source)
    clock = kept_epochs(
        every[0],
        clock_of_all(every, epochs, epoch),
        max_bytes,
        bytes_per_epoch=_BYTES_PER_VALUE * len(named),
    )
    curves = [
        _curve(some, name, clock, metric, source, smooth).assign(run=displayed(name))
        for name, some in named.items()
    ]
    frame = pd.concat(curves, ignore_index=True)
    if loss_scale == "log":
        frame = frame[frame["low"] > 0]
    heading = chart_title(title, named_title(in_words(metric), "", width_for_texts(width)), clock)
    if any(len(some) > 1 for some in named.values()):
        add_subtitle(heading, "band: lowest to highest value", width_for_texts(width))
    if smooth:
        add_subtitle(heading, f"smoothed ({smooth:g})", width_for_texts(width))
    return layered(
        _layers(clock, frame, list(named), metric, loss_scale, width, height),
        clock,
        title=heading,
        width=width,
        height=height,
        # So that the colors of runs are not mixed with those of classes in another chart.
        resolve=alt.Resolve(scale=alt.ScaleResolveMap(color="independent")),
    )


def _require_metric(runs: list[Run], metric: str, source: Source) -> None:
    """Raise `ArgumentError` unless all runs have the metric."""
    names = [run.curves.names(source) for run in runs]
    shared = [name for name in names[0] if all(name in others for others in names)]
    if metric in shared:
        return
    message = (
        f"metric must be one that all runs have: {', '.join(map(repr, shared)) or 'there is none'}"
        f" for source={source!r}. Got {metric!r}."
    )
    raise ArgumentError(message)


def _curve(
    runs: list[Run], name: str, clock: Clock, metric: str, source: Source, smooth: float
) -> pd.DataFrame:
    """Return the curve of one setting.

    The columns are ``epoch``, ``until`` (the next epoch; infinity for the last), ``value`` (the
    median of the runs), ``low`` and ``high``.
    """
    values = [
        pd.Series(smoothed(run.curves.values(metric, source=source), smooth), index=run.epochs)
        for run in runs
    ]
    # Only epochs that all runs of the setting recorded, so that the band always has all of them.
    table = pd.concat(values, axis=1, join="inner")
    table = table[np.isfinite(table).all(axis=1) & table.index.isin(clock.epochs)]
    if not len(table):
        message = (
            f"runs must have logged {metric!r} at some of the chosen epochs. Those of {name!r} "
            "have not."
        )
        raise ArgumentError(message)
    epochs = table.index.to_numpy()
    return pd.DataFrame(
        {
            "epoch": epochs,
            "until": np.append(epochs[1:].astype(float), np.inf),
            "value": table.median(axis=1).to_numpy(),
            "low": table.min(axis=1).to_numpy(),
            "high": table.max(axis=1).to_numpy(),
        }
    )


def _layers(
    clock: Clock,
    frame: pd.DataFrame,
    names: list[str],
    metric: str,
    scale: ScaleType,
    width: Width,
    height: int,
) -> list[alt.Chart]:
    """Return bands, faint lines, strong lines and dots, from bottom to top."""
    names = [displayed(name) for name in names]
    base = alt.Chart(packing.PackedData(_rows(frame))).encode(
        x=epoch_axis(clock),
        y=_values_axis(frame, metric, scale, height),
        color=_color(names, legend=None),
        tooltip=[
            alt.Tooltip("run:N", title="Run"),
            alt.Tooltip("epoch:Q", title="Epoch"),
            alt.Tooltip("value:Q", title="Value", format=".4~g"),
        ],
    )
    shown = clock.epoch_expression()
    reached = base.transform_filter(f"datum.epoch <= {shown}")
    layers = [
        base.mark_line(strokeOpacity=0.25, strokeWidth=1.5, aria=False),
        reached.mark_line(strokeWidth=2, aria=False).encode(
            color=_color(names, legend=_legend(width))
        ),
        reached.transform_filter(f"!isValid(datum.until) || {shown} < datum.until").mark_circle(
            size=55, opacity=1, aria=False
        ),
    ]
    banded = frame[frame["high"] > frame["low"]]
    if len(banded):
        band = reached.transform_filter("isValid(datum.low)").mark_area(opacity=0.18, aria=False)
        layers.insert(0, band.encode(y=layers[0].encoding.y.copy(), y2=alt.Y2("high:Q")))
        layers[0].encoding.y.shorthand = "low:Q"
    return layers


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of the chart; only those of a band have its limits."""
    rows = []
    for run, epoch, until, value, low, high in frame[
        ["run", "epoch", "until", "value", "low", "high"]
    ].itertuples(index=False):
        row = {"run": run, "epoch": epoch, "value": packing.shortened(value)}
        if np.isfinite(until):
            row["until"] = until
        if high > low:
            row |= {"low": packing.shortened(low), "high": packing.shortened(high)}
        rows.append(row)
    return rows


def _values_axis(frame: pd.DataFrame, metric: str, scale: ScaleType, height: int) -> alt.Y:
    low, high = float(frame["low"].min()), float(frame["high"].max())
    if scale == "log":
        limits = alt.Scale(type="log", domain=[low / 1.1, high * 1.1], nice=False)
    else:
        low, high = min(0.0, low), high if high > min(0.0, low) else low + 1.0
        limits = alt.Scale(domain=[low, high], nice=True)
    return alt.Y(
        "value:Q",
        title=fitted(in_words(metric), height, size=AXIS_TITLE_SIZE),
        axis=alt.Axis(tickCount=5, **tick_format(low, high)),
        scale=limits,
    )


def _color(names: list[str], *, legend: alt.Legend | None) -> alt.Color:
    count = len(names)
    return alt.Color(
        "run:N",
        title=None,
        scale=alt.Scale(
            domain=names,
            range=adaptive_range(colors.run_colors(count), colors.run_colors(count, dark=True)),
        ),
        legend=legend,
    )


def _legend(width: Width) -> alt.Legend:
    return alt.Legend(
        orient="bottom",
        direction="horizontal",
        columns=max(1, min(_MOST_COLUMNS, width_for_texts(width) // _COLUMN)),
        symbolType="stroke",
        symbolStrokeWidth=3,
        labelLimit=NO_LIMIT,
    )
