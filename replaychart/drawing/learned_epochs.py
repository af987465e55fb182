"""From which epoch on two runs are right about each point, against each other."""

from typing import Any

import altair as alt
import numpy as np

from replaychart.drawing import colors, packing
from replaychart.drawing.backgrounds import adaptive, adaptive_column
from replaychart.drawing.clock import Clock
from replaychart.drawing.expressions import literal, outright
from replaychart.drawing.paired_runs import PairedRun
from replaychart.drawing.texts import AXIS_TITLE_SIZE, fitted
from replaychart.drawing.titles import add_subtitle
from replaychart.drawing.who_is_right import run_pair

# Where points are that are never learned, in relation to the last epoch, on a scale of roots.
_NEVER = 1.6
# Areas of the smallest and of the largest circle.
_LEAST_AREA, _MOST_AREA = 14.0, 500.0


def learned_epochs(both: tuple[PairedRun, PairedRun]) -> np.ndarray:
    """Return the epoch from which on each run is right about each point, shape (2, points).

    As in `Run.samples`, over the paired epochs; infinity if there is none. Before its first epoch,
    a run has learned nothing, so such pairs do not count, unless there are no others.
    """
    trained = (both[0].epochs > 0) & (both[1].epochs > 0)
    counted = trained if trained.any() else ~trained
    each = []
    for one in both:
        snapshots = one.run.snapshots(np.unique(one.epochs[counted]))
        each.append(one.run.sample_statistics.over(snapshots)["learned_epoch"])
    return np.nan_to_num(np.array(each, np.float64), nan=np.inf)


def learned_earlier(learned: np.ndarray, both: tuple[PairedRun, PairedRun]) -> np.ndarray:
    """Return 0 and 1 for what the first and the second run learned earlier, 2 if neither.

    Parameters
    ----------
    learned : numpy.ndarray of float64, shape (2, points)
        From `learned_epochs`.
    both : pair of PairedRun
        The runs. Epochs that are shown together are equally early.
    """
    together = np.append(both[1].epochs, np.inf)[np.searchsorted(both[0].epochs, learned[0])]
    return np.select([learned[1] > together, learned[1] < together], [0, 1], 2)


def learned_chart(
    both: tuple[PairedRun, PairedRun], clock: Clock, width: int, height: int
) -> alt.LayerChart:
    """Return circles for the points that both runs learned at the same pair of epochs.

    Parameters
    ----------
    both : pair of PairedRun
        Two classifications of the same points.
    clock : Clock
        The epochs shown of both are marked on the axes.
    width, height : int
        Size in pixels.
    """
    learned = learned_epochs(both)
    earlier = learned_earlier(learned, both)
    heading = alt.TitleParams("Learned at epoch")
    for place, one in enumerate(both):
        told = f" earlier: {(earlier == place).sum():,}"
        add_subtitle(heading, fitted(one.name, width - 70) + told, width)
    axes: dict[str, Any] = {
        "x": _axis(alt.X, "a", both[0], width),
        "y": _axis(alt.Y, "b", both[1], height),
    }
    now = alt.Chart(packing.PackedData([{"at": 0}])).transform_calculate(
        **{field: one.epoch_expression(clock) for field, one in zip("ab", both, strict=True)}
    )
    muted = adaptive(colors.MUTED)
    line: dict[str, Any] = {"color": muted, "tooltip": None, "aria": False}
    return alt.LayerChart(
        layer=[
            _together(both)
            .mark_line(strokeWidth=1, strokeOpacity=0.5, **line)
            .encode(**axes, order=alt.Order("a:Q")),
            now.mark_rule(strokeDash=[2, 3], **line).encode(x=axes["x"]),
            now.mark_rule(strokeDash=[2, 3], **line).encode(y=axes["y"]),
            _circles(learned, earlier, both).encode(**axes),
        ],
        width=width,
        height=height,
        title=heading,
    )


def _together(both: tuple[PairedRun, PairedRun]) -> alt.Chart:
    """Return the pairs of epochs that are shown together."""
    pairs = zip(*(one.epochs.tolist() for one in both), strict=True)
    rows: packing.Rows = [{"a": a, "b": b} for a, b in pairs]
    return alt.Chart(packing.PackedData([*rows, {"a": _never(both[0]), "b": _never(both[1])}]))


def _never(one: PairedRun) -> float:
    """Return where points are that a run never learns."""
    return _NEVER * (float(one.epochs[-1]) or 1.0)


def _circles(
    learned: np.ndarray, earlier: np.ndarray, both: tuple[PairedRun, PairedRun]
) -> alt.Chart:
    groups, counts = np.unique(np.vstack([learned, earlier]), axis=1, return_counts=True)
    (first, dark_first), (second, dark_second) = run_pair()
    dark = {
        first: dark_first,
        second: dark_second,
        colors.CORRECT: colors.CORRECT,
        colors.WRONG: colors.DARK_WRONG,
    }
    rows = []
    most = max(int(counts.max()), 1)
    for (a, b, who), count in zip(groups.T.tolist(), counts.tolist(), strict=True):
        neither = colors.WRONG if a == b == np.inf else colors.CORRECT
        rows.append(
            {
                "a": min(a, _never(both[0])),
                "b": min(b, _never(both[1])),
                "count": count,
                "color": (first, second, neither)[int(who)],
                "area": round(max(_LEAST_AREA, _MOST_AREA * count / max(most, 20)), 1),
            }
        )
    # Small circles are drawn on top of large ones.
    rows.sort(key=lambda row: -row["count"])
    return (
        alt.Chart(packing.PackedData(rows))
        .mark_point(filled=True, shape="circle", opacity=1, aria=False)
        .encode(
            fill=outright(alt.FillValue, adaptive_column("datum.color", dark)),
            size=outright(alt.SizeValue, "datum.area"),
            tooltip=[alt.Tooltip("count:Q", title="Points", format=",")],
        )
    )


def _axis(channel: Any, field: str, one: PairedRun, length: int) -> Any:
    last, never = float(one.epochs[-1]) or 1.0, _never(one)
    quarter = float(f"{last / 4:.1g}")
    values = sorted({0.0, quarter, last} if quarter < last else {0.0, last})
    # The other run may not have come that far, so this one went on alone.
    beyond = "later" if one.epochs[-1] < one.run.epochs[-1] else "never"
    text = f"datum.value > {last!r} ? {literal(beyond)} : format(datum.value, '.4~g')"
    return channel(
        f"{field}:Q",
        title=fitted(one.name, length, size=AXIS_TITLE_SIZE),
        scale=alt.Scale(type="sqrt", domain=[0, 1.1 * never], nice=False),
        axis=alt.Axis(values=[*values, never], labelExpr=text, grid=False, labelOverlap=False),
    )
