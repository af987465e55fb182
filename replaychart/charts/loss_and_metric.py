"""`loss_and_metric`: the curves of metric and loss, one above the other, up to the epoch shown."""

from typing import Any, get_args

import altair as alt
import numpy as np
import pandas as pd

from replaychart.arguments import require_bool, require_one_of
from replaychart.drawing import colors, packing
from replaychart.drawing.backgrounds import adaptive
from replaychart.drawing.budget import MAX_BYTES, kept_epochs
from replaychart.drawing.clock import Clock
from replaychart.drawing.composition import UnlayeredCurves, layered
from replaychart.drawing.epoch_axis import epoch_axis
from replaychart.drawing.expressions import literal
from replaychart.drawing.limits import ScaleType, tick_format
from replaychart.drawing.named_epochs import ShownEpoch
from replaychart.drawing.samples import MeanCurve
from replaychart.drawing.scrubber import scrubber
from replaychart.drawing.sizes import Width, from_left, width_for_texts
from replaychart.drawing.smoothing import check_smooth, smoothed
from replaychart.drawing.texts import SMALL_SIZE, displayed, fitted
from replaychart.drawing.titles import (
    Title,
    add_subtitle,
    chart_title,
    check_chart,
    named_title,
    note_not_finite,
)
from replaychart.drawing.wording import in_words
from replaychart.errors import ArgumentError, EvaluationError
from replaychart.evaluation.curves import REGULARIZED_LOSS, Source
from replaychart.facts.epochs import Epochs
from replaychart.run import Run

_NOT_METRICS = ("loss", "val_loss", REGULARIZED_LOSS)

_RATE = "learning_rate"

# The upper and the lower end of a strip, in pixels from the top of the chart. The metric is in the
# upper one, the loss below it, then the learning rate, with gaps in between.
Strip = tuple[float, float]
_GAP = 14
# A learning rate that changes by more than this factor is drawn on a logarithmic axis.
_WIDE = 20
# In pixels: the distance of a curve's name from the rim of its strip, and the height below which a
# strip has fewer ticks.
_INSET = 4
_FLAT = 80
# How far the axis of a curve reaches in relation to its values: at the rim, it would be hidden.
_ABOVE = 1.05
# The width in pixels up to which names are written out in tooltips, and the bytes of one of those.
_LONGEST_NAME, _BYTES_PER_TOOLTIP = 160, 120
# Bytes per row of a curve: column names, epoch and value.
_BYTES_PER_VALUE = 40


def loss_and_metric(
    run: Run,
    metric: str | None = None,
    *,
    source: Source = "replay",
    regularization: bool = False,
    learning_rate: bool = False,
    loss_scale: ScaleType = "linear",
    smooth: float = 0.0,
    epochs: Epochs = None,
    epoch: ShownEpoch = None,
    title: Title | None = None,
    width: Width = 220,
    height: int = 157,
    max_bytes: float | None = MAX_BYTES,
) -> alt.LayerChart:
    """Plot a metric above the loss, each in its own strip, on one epoch axis.

    Parameters
    ----------
    run : Run
        The recorded training run.
    metric : str, optional
        A metric that the source provides. Default: the first one, or only the loss if there is
        none. The replay of a classifier also provides ``"auc"``, ``"average_precision"``, ``"f1"``
        and ``"ece"``, as in `Run.history`.
    source : {"replay", "training"}, default "replay"
        ``"replay"`` evaluates each snapshot over the recorded points. ``"training"`` shows the
        values that Keras logged, including validation; within an epoch, they are averages over the
        batches since the epoch began.
    regularization : bool, default False
        Whether the replayed loss includes what the model adds to it: regularization and the losses
        of ``add_loss``, as in ``model.evaluate``. By default it is the mean of the points' losses,
        and the subtitle says so if the model adds anything. The values that Keras logged always
        include it.
    learning_rate : bool, default False
        Whether to add a strip with the learning rate that was logged, on a logarithmic axis if it
        changes by more than a factor of 20. An optimizer with several groups of parameters has a
        line for each. Raise `height` to make room for the strip.
    loss_scale : {"linear", "log"}, default "linear"
        The scale of the loss axis. A logarithmic axis cannot show losses of 0 and below, so a curve
        has a gap there.
    smooth : float, default 0
        Exponential smoothing of all curves, from 0 (none) to less than 1: each smoothed value is
        the weighted mean of the values up to its epoch, where the weight falls by this factor from
        one recorded epoch to the one before it, as in TensorBoard. All recorded epochs count, also
        those that are not shown.
    epochs : float, slice, range or iterable of float, optional
        Recorded epochs to include. Default: all.
    epoch : float, {"last", "best", "half"} or altair.Parameter, optional
        The epoch shown initially: a number, a name as in `epoch_param`, or a parameter from
        `epoch_param` that charts share. Default: the last epoch.
    title : str or sequence of str, optional
        The title, or its lines; ``{epoch}`` is replaced by the epoch shown. Default: the names of
        both curves.
    width, height : int or "container", default 220 and 157
        Size in pixels. A width of ``"container"`` fills the page or element around the chart.
    max_bytes : float or None, default 20,000,000
        Approximate limit on the size of the chart's data, in bytes. A larger chart is thinned to
        evenly spaced epochs, with a warning. None means no limit.

    Returns
    -------
    altair.LayerChart
        Two strips, or only one if there is no metric, and one more for the learning rate. For each
        curve: a faint line over all epochs, a strong line up to the epoch shown, and a dot at that
        epoch. Validation curves are dashed. If curves are smoothed, the faint line shows the values
        themselves. A dotted rule marks the epoch that a callback restored, if there is one
        (`Run.restored_epoch`). Two such charts cannot be layered with ``+``, because their curves
        would have the same colors.

    Raises
    ------
    ArgumentError
        The source does not provide the metric, no learning rate was logged, an epoch was not
        recorded, or another argument is invalid.
    EvaluationError
        The model, its loss or its metric cannot be rebuilt, or nothing was logged at these epochs.

    Warns
    -----
    UserWarning
        Epochs are left out to stay within `max_bytes`.

    Examples
    --------
    >>> import replaychart as rc
    >>> run = rc.open_run(rc.datasets.parabola_recording())
    >>> chart = rc.loss_and_metric(run, metric="acc")
    """
    check_chart(run, width, height, max_bytes)
    room = width_for_texts(width)
    require_one_of("loss_scale", loss_scale, get_args(ScaleType))
    check_smooth(smooth)
    rates = _rates(run, wanted=learning_rate)
    names = run.curves.names(source)
    if not names and source == "replay":
        message = f"Run {run.name!r} was recorded from outputs, without losses or predictions."
        raise EvaluationError(message)
    metrics = [name for name in names if name not in _NOT_METRICS]
    metric = _default_metric(metrics) if metric is None else metric
    if source == "replay" and metric is not None:
        names, metrics = (some + run.curves.on_request() for some in (names, metrics))
    if metric is not None:
        _require_metric(run, metric, metrics, source)
    clock = kept_epochs(
        run,
        Clock.of(run, epochs, epoch),
        max_bytes,
        bytes_per_epoch=_BYTES_PER_VALUE * len(names) + _BYTES_PER_TOOLTIP,
    )
    if source == "training" and not _reported(run, clock, names).any():
        message = (
            f"Nothing was logged at these epochs of run {run.name!r}. To evaluate the snapshots "
            "instead, pass source='replay'."
        )
        raise EvaluationError(message)
    loss = REGULARIZED_LOSS if regularization and REGULARIZED_LOSS in names else "loss"
    wanted = [(metric, colors.METRIC), (loss, colors.LOSS)]
    shown = [(name, color) for name, color in wanted if name in names]
    strips = _strips(len(shown) + bool(rates), height)
    layers = [
        layer
        for (name, color), strip in zip(shown, strips, strict=False)
        for layer in _quantity(
            clock,
            _curves(run, clock, name, names, source, smooth),
            shows=MeanCurve(run, clock, is_loss=name == loss),
            name=name,
            color=color,
            strip=strip,
            scale=loss_scale if name == loss else "linear",
            alone=len(strips) == 1,
            width=width,
        )
    ]
    if rates:
        layers += _learning_rates(run, clock, rates, strips[-1], width)
    drawn = [
        *((one, source) for name, _ in shown for one in (name, f"val_{name}") if one in names),
        *((rate, "training") for rate in rates),
    ]
    layers += [*_restored(run, clock), *scrubber(clock, _in_words(run, clock, drawn))]
    others = ", loss and learning rate" if rates else " and loss"
    default = "Loss and learning rate" if rates else "Loss"
    if metric is not None:
        default = named_title(in_words(metric), others, room)
    title_text = chart_title(title, default, clock)
    if any(name.startswith("val_") for name in names):
        add_subtitle(title_text, "dashed: validation", room)
    if smooth:
        add_subtitle(title_text, f"smoothed ({smooth:g}); faint: not smoothed", room)
    if REGULARIZED_LOSS in names and not regularization:
        add_subtitle(title_text, "loss without regularization", room)
    if loss in names:
        values = run.curves.values(loss, source=source)[run.snapshots(clock.epochs)]
        how = "NaN or infinite"
        if source == "training":
            # Keras logs nothing at epoch 0, and a custom training loop may log other values.
            values = np.where(_reported(run, clock, names), values, 0.0)
            how = "NaN, infinite or not logged"
        note_not_finite(title_text, clock, "loss", room, values, how=how)
    return layered(
        layers,
        clock,
        kind=UnlayeredCurves,
        resolve=alt.Resolve(scale=alt.ScaleResolveMap(y="independent")),
        title=title_text,
        width=width,
        height=height,
    )


def _rates(run: Run, *, wanted: object) -> list[str]:
    """Return the names of the logged learning rates: one for each group of parameters."""
    require_bool("learning_rate", wanted)
    if not wanted:
        return []
    logged = run.curves.names("training")
    if _RATE not in logged:
        message = (
            f"learning_rate must be False for run {run.name!r}, for which none was logged. Got "
            f"{wanted!r}."
        )
        raise ArgumentError(message)
    return [name for name in logged if name.startswith(f"{_RATE}[")] or [_RATE]


def _strips(count: int, height: int) -> list[Strip]:
    """Return the ends of strips of the same height, from top to bottom."""
    gap = min(_GAP, height / 10)
    each = (height - (count - 1) * gap) / count
    tops = [number * (each + gap) for number in range(count)]
    return [(top, top + each) for top in tops]


def _in_words(run: Run, clock: Clock, drawn: list[tuple[str, Source]]) -> list[str]:
    """Return the values of all curves at each of the clock's epochs, for tooltips."""
    snapshots = run.snapshots(clock.epochs)
    curves = {
        fitted(in_words(name), _LONGEST_NAME): run.curves.values(name, source=source)[snapshots]
        for name, source in drawn
    }
    return [
        ", ".join(
            f"{name} {values[place]:.4g}"
            for name, values in curves.items()
            if np.isfinite(values[place])
        )
        for place in range(len(snapshots))
    ]


def _require_metric(run: Run, metric: str, metrics: list[str], source: Source) -> None:
    """Raise `ArgumentError` unless the source provides the metric."""
    only_logged = [name for name in run.curves.names("training") if name not in metrics]
    if source == "replay" and isinstance(metric, str) and metric in only_logged:
        message = (
            f"metric {metric!r} cannot be replayed; those that can are {metrics!r}. For the values "
            "Keras logged, pass source='training'."
        )
        raise ArgumentError(message)
    require_one_of("metric", metric, metrics)


def _default_metric(metrics: list[str]) -> str | None:
    """Return the first metric that is not a validation metric, None if there is none."""
    return next((name for name in metrics if not name.startswith("val_")), None)


def _reported(run: Run, clock: Clock, names: list[str]) -> np.ndarray:
    """Return at which of the clock's epochs Keras logged anything, a bool array (epochs,)."""
    snapshots = run.snapshots(clock.epochs)
    logged = [run.curves.values(name, source="training")[snapshots] for name in names]
    return np.asarray(np.isfinite(logged).any(axis=0))


def _curves(
    run: Run, clock: Clock, name: str, names: list[str], source: Source, smooth: float
) -> pd.DataFrame:
    """Return a frame of a curve and its validation curve, if logged.

    The columns are ``epoch``, ``value``, ``smoothed`` and ``name``.
    """
    epochs = clock.curve_epochs
    snapshots = run.snapshots(epochs)
    pieces = []
    for curve in (name, f"val_{name}"):
        if curve in names:
            values = run.curves.values(curve, source=source)
            columns = {"value": values[snapshots], "smoothed": smoothed(values, smooth)[snapshots]}
            pieces.append(pd.DataFrame({"epoch": epochs, **columns, "name": curve}))
    frame = pd.concat(pieces, ignore_index=True)
    return frame[np.isfinite(frame["value"])]


def _quantity(
    clock: Clock,
    frame: pd.DataFrame,
    *,
    name: str,
    color: str,
    strip: Strip,
    scale: ScaleType,
    alone: bool,
    width: Width,
    shows: MeanCurve,
) -> list[alt.Chart]:
    """Return the layers of one quantity: its curve, its validation curve, dashed, and its name."""
    if scale == "log":
        columns = ["value", "smoothed"]
        frame = frame.assign(**frame[columns].where(frame[columns] > 0))
    # Even a curve without finite values gets its axis.
    curves = list(frame.groupby("name", sort=False)) or [(name, frame)]
    layers = [
        layer
        for curve, own in curves
        # What is brushed are training points.
        for layer in _curve(
            clock, own, name=str(curve), color=color, shows=shows if curve == name else None
        )
    ]
    drawn, domain = _on_axis(
        layers, frame["value"], strip, scale, of_losses=color == colors.LOSS, nice=alone
    )
    if alone:
        return drawn
    at_top = _ends_low(frame, domain)
    return [*drawn, _name(name, color, at_top=at_top, strip=strip, width=width)]


def _on_axis(
    layers: list[alt.Chart],
    values: pd.Series,
    strip: Strip,
    scale: ScaleType,
    *,
    of_losses: bool,
    nice: bool,
) -> tuple[list[alt.Chart], list[float]]:
    """Return the layers of one quantity on their axis, and its domain."""
    top, bottom = strip
    domain = _domain(values, of_losses=of_losses)
    limits = alt.Scale(domain=domain, nice=nice, range=[bottom, top])
    if scale == "log":
        domain = _log_domain(values)
        limits = alt.Scale(type="log", domain=domain, nice=False, range=[bottom, top])
    few = 2 if bottom - top < _FLAT else 4
    axis = alt.Axis(orient="left", tickCount=few, title=None, **tick_format(*domain))
    # The layers' scales are independent. Those of one quantity have the same domain, so one axis
    # serves them all.
    drawn = [
        layer.encode(y=alt.Y("value:Q", axis=axis if first else None, scale=limits))
        for first, layer in zip([True] + [False] * len(layers), layers, strict=False)
    ]
    return drawn, domain


def _learning_rates(
    run: Run, clock: Clock, names: list[str], strip: Strip, width: Width
) -> list[alt.Chart]:
    """Return the layers of the learning rates: their steps, and their name."""
    snapshots = run.snapshots(clock.curve_epochs)
    columns = {name: run.curves.values(name, source="training")[snapshots] for name in names}
    layers = []
    for name, values in columns.items():
        frame = pd.DataFrame({"epoch": clock.curve_epochs, "value": values, "smoothed": values})
        own = _curve(
            clock,
            frame[np.isfinite(values)],
            name=name,
            color=colors.LEARNING_RATE,
            shows=None,
        )
        for line in own[:2]:
            # The rate of an epoch is that of all batches since the one before.
            line.mark.interpolate = "step-before"
        layers += own
    every = pd.Series(np.concatenate(list(columns.values()))).replace([np.inf, -np.inf], np.nan)
    wide = bool((every.dropna() > 0).all() and every.max() > _WIDE * every.min())
    scale: ScaleType = "log" if wide else "linear"
    drawn, domain = _on_axis(layers, every.dropna(), strip, scale, of_losses=True, nice=False)
    first, ends = columns[names[0]], np.array(domain)
    drawn_at = pd.DataFrame({"value": np.log(first) if wide else first})
    at_top = _ends_low(drawn_at, (np.log(ends) if wide else ends).tolist())
    label = _name(_RATE, colors.LEARNING_RATE, at_top=at_top, strip=strip, width=width)
    return [*drawn, label]


def _ends_low(frame: pd.DataFrame, domain: list[float]) -> bool:
    """Return whether a curve leaves more room above its last third than below."""
    values = frame["value"].to_numpy()[-max(1, len(frame) // 3) :]
    values = values[np.isfinite(values)]
    return not len(values) or float(values.mean()) < sum(domain) / 2


def _name(
    name: str, color: str, *, at_top: bool, strip: tuple[float, float], width: Width
) -> alt.Chart:
    """Return the name of a curve, at the right end of its strip."""
    top, bottom = strip
    text = fitted(in_words(name), width_for_texts(width) - 2 * _INSET, size=SMALL_SIZE)
    return (
        alt.Chart(packing.PackedData([{"curve": text}]))
        .mark_text(
            align="right",
            baseline="top" if at_top else "bottom",
            color=adaptive(color),
            fontSize=SMALL_SIZE,
            tooltip=None,
            aria=False,
        )
        .encode(
            text=alt.Text("curve:N"),
            x=from_left(width, share=1, offset=-_INSET),
            y=alt.YValue(top + _INSET if at_top else bottom - _INSET),
        )
    )


def _curve(
    clock: Clock, frame: pd.DataFrame, *, name: str, color: str, shows: MeanCurve | None
) -> list[alt.Chart]:
    """Return a faint line over all epochs, a strong line up to the epoch shown, and a dot there."""
    rows: list[dict[str, Any]] = [
        {"epoch": epoch, "value": packing.shortened(value)}
        for epoch, value in frame[["epoch", "value"]].itertuples(index=False)
    ]
    is_smoothed = not frame["value"].equals(frame["smoothed"])
    if is_smoothed:
        for row, value in zip(rows, frame["smoothed"], strict=True):
            row["smoothed"] = packing.shortened(value)
    # Dashes are set on the mark: a scale for them would be merged with scales of other charts.
    dash = [4, 3] if name.startswith("val_") else [1, 0]
    base = (
        alt.Chart(packing.PackedData(rows, shows))
        .transform_calculate(curve=literal(displayed(name)))
        .encode(
            x=epoch_axis(clock),
            tooltip=[
                alt.Tooltip("epoch:Q", title="Epoch"),
                alt.Tooltip("curve:N", title="Curve"),
                alt.Tooltip("value:Q", title="Value", format=".4~g"),
            ],
        )
    )
    shown, tone = clock.epoch_expression(), adaptive(color)
    strong = base
    if is_smoothed:
        strong = base.transform_calculate(
            curve=literal(f"{displayed(name)}, smoothed"), value="datum.smoothed"
        )
    return [
        base.mark_line(
            color=tone, strokeOpacity=0.25, strokeWidth=1.5, strokeDash=dash, aria=False
        ),
        strong.transform_filter(f"datum.epoch <= {shown}").mark_line(
            color=tone, strokeWidth=2, strokeDash=dash, aria=False
        ),
        strong.transform_filter(f"datum.epoch == {shown}").mark_circle(
            color=tone, size=55, opacity=1, aria=False
        ),
    ]


def _restored(run: Run, clock: Clock) -> list[alt.Chart]:
    """Return a dotted rule at the restored epoch, and its label; nothing if there is none."""
    epoch = run.restored_epoch
    first, last = clock.epochs[0].item(), clock.epochs[-1].item()
    if epoch is None or not first <= epoch <= last:
        return []
    # On the side where there is more room.
    left = 2 * (epoch - first) > last - first
    base = alt.Chart(packing.PackedData([{"epoch": epoch}])).encode(x=epoch_axis(clock))
    color = adaptive(colors.MUTED)
    return [
        base.mark_rule(color=color, strokeDash=[1, 3], strokeWidth=1.5, aria=False).encode(
            tooltip=[alt.Tooltip("epoch:Q", title="Restored epoch")]
        ),
        base.mark_text(
            text="restored",
            align="right" if left else "left",
            baseline="top",
            color=color,
            dx=-4 if left else 4,
            fontSize=10,
            tooltip=None,
        ).encode(y=alt.YValue(2)),
    ]


def _log_domain(values: pd.Series) -> list[float]:
    """Return a range around the values, which are positive or missing."""
    low, high = (float(values.min()), float(values.max())) if values.notna().any() else (0.1, 1.0)
    return [low / 1.25, high * 1.25]


def _domain(values: pd.Series, *, of_losses: bool) -> list[float]:
    """Return a range from 0 to just above the largest value, or above 1 for fractions."""
    if not len(values):
        return [0.0, 1.0]
    low, high = min(0.0, float(values.min())), float(values.max())
    if not of_losses and low >= 0 and 0.5 < high <= 1:
        high = 1.0
    span = high - low if high > low else 1.0
    return [low, low + _ABOVE * span]
