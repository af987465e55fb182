"""`loss_and_metric`: both curves, drawn up to the epoch shown."""

from typing import Any, Literal

import altair as alt
import numpy as np
import pandas as pd

from replaychart.charts import colors, packing
from replaychart.charts.epoch_parameter import Clock
from replaychart.charts.titles import chart_title, check_size
from replaychart.errors import ArgumentError, require_one_of
from replaychart.frames.epochs import Epochs
from replaychart.run import Run

_NOT_METRICS = ("loss", "val_loss")


def loss_and_metric(
    run: Run,
    metric: str | None = None,
    *,
    source: str = "replay",
    epochs: Epochs = None,
    epoch: int | alt.Parameter | None = None,
    title: str | None = None,
    width: int = 220,
    height: int = 157,
) -> alt.LayerChart:
    """Draw loss and metric over the epochs, each on its own axis.

    Parameters
    ----------
    run : Run
        The recorded training.
    metric : str, optional
        A metric of the source. Default: the first one.
    source : {"replay", "training"}, default "replay"
        ``"replay"`` evaluates each snapshot over the recorded points; ``"training"`` shows what
        Keras reported, validation included.
    epochs : int, slice, range or iterable of int, optional
        Only these recorded epochs. Default: all.
    epoch : int or altair.Parameter, optional
        The epoch shown at first, or a parameter from `epoch_param` to share. Default: the last.
    title : str, optional
        ``{epoch}`` in it is the epoch shown. Default: the names of both curves.
    width, height : int, default 220 and 157
        Size in pixels.

    Returns
    -------
    altair.LayerChart
        Per curve: the whole of it, faint; the part up to the epoch shown; a dot at that epoch.

    Raises
    ------
    ArgumentError
        The source has no such metric, an epoch was not recorded, or an argument is not allowed.
    EvaluationError
        The model, its loss or its metric cannot be rebuilt.

    Examples
    --------
    >>> import replaychart as rc
    >>> run = rc.open_run(rc.datasets.parabola_recording())
    >>> chart = rc.loss_and_metric(run, metric="acc")
    """
    check_size(width, height)
    names = run.curves.names(source)
    metrics = [name for name in names if name not in _NOT_METRICS]
    if metric is None:
        metric = _default_metric(run, metrics)
    require_one_of("metric", metric, metrics)
    clock = Clock.of(run, epochs, epoch)
    frames = {
        name: _curves(run, clock, name, names, source=source)
        for name in ("loss", metric)
        if name in names
    }
    validated = any((frame["data"] == "validation").any() for frame in frames.values())
    styles: dict[str, tuple[str, Literal["left", "right"]]] = {
        "loss": (colors.LOSS, "right"),
        metric: (colors.METRIC, "left"),
    }
    panels = [
        _panel(clock, frame, name=name, color=styles[name][0], side=styles[name][1], told=validated)
        for name, frame in reversed(frames.items())
    ]
    return (
        alt.LayerChart(layer=panels)
        .resolve_scale(y="independent")
        .properties(
            title=chart_title(title, f"Loss and {metric}", clock), width=width, height=height
        )
        .add_params(clock.parameter)
    )


def _default_metric(run: Run, metrics: list[str]) -> str:
    """Return the first metric of a source, the learning rate if it has no other."""
    plain = [name for name in metrics if not name.startswith("val_")]
    if not plain:
        message = f"metric must be given: run {run.name!r} was compiled without one."
        raise ArgumentError(message)
    return plain[0]


def _curves(run: Run, clock: Clock, name: str, names: list[str], *, source: str) -> pd.DataFrame:
    """Return a curve and, where it was logged, its validation: epoch, value, data."""
    snapshots = run.snapshots(clock.epochs)
    own = "recorded points" if source == "replay" else "training"
    pieces = [
        pd.DataFrame(
            {
                "epoch": clock.epochs,
                "value": run.curves.values(curve, source=source)[snapshots],
                "data": data,
            }
        )
        for curve, data in ((name, own), (f"val_{name}", "validation"))
        if curve in names
    ]
    frame = pd.concat(pieces, ignore_index=True)
    return frame[np.isfinite(frame["value"])]


def _panel(
    clock: Clock,
    frame: pd.DataFrame,
    *,
    name: str,
    color: str,
    side: Literal["left", "right"],
    told: bool,
) -> alt.LayerChart:
    rows: list[dict[str, Any]] = [
        {"epoch": epoch, "value": float(f"{value:.6g}"), "data": data}
        for epoch, value, data in frame[["epoch", "value", "data"]].itertuples(index=False)
    ]
    legend = alt.Legend(orient="bottom", direction="horizontal") if told else None
    base = alt.Chart(packing.PackedData(rows)).encode(
        x=alt.X(
            "epoch:Q",
            title="Epoch",
            axis=alt.Axis(tickMinStep=1, labelFlush=False, tickCount=5),
            scale=alt.Scale(domain=[int(clock.epochs[0]), int(clock.epochs[-1])], nice=False),
        ),
        y=alt.Y(
            "value:Q",
            title=name,
            axis=alt.Axis(titleColor=color, orient=side, tickCount=5),
            scale=alt.Scale(domain=_domain(frame["value"]), nice=True),
        ),
        strokeDash=alt.StrokeDash(
            "data:N",
            title="Over",
            scale=alt.Scale(
                domain=list(dict.fromkeys(frame["data"])) or ["training"],
                range=[[1, 0], [4, 3]][: max(1, frame["data"].nunique())],
            ),
            legend=legend,
        ),
    )
    shown = clock.epoch_expression()
    return alt.LayerChart(
        layer=[
            base.mark_line(color=color, opacity=0.25, strokeWidth=1.5),
            base.transform_filter(f"datum.epoch <= {shown}").mark_line(color=color, strokeWidth=2),
            base.transform_filter(f"datum.epoch == {shown}")
            .mark_circle(color=color, size=55, opacity=1)
            .encode(
                strokeDash=alt.value([1, 0]),
                tooltip=[
                    alt.Tooltip("epoch:Q", title="Epoch"),
                    alt.Tooltip("value:Q", title=name, format=".4~g"),
                    alt.Tooltip("data:N", title="Over"),
                ],
            ),
        ]
    )


def _domain(values: pd.Series) -> list[float]:
    """Return [0, 1] for shares, else from 0 to the greatest value."""
    if not len(values):
        return [0.0, 1.0]
    low, high = min(0.0, float(values.min())), float(values.max())
    share = low >= 0 and 0.5 < high <= 1
    return [low, 1.0 if share else high if high > low else low + 1.0]
