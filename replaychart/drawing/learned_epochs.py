"""From which epoch on two runs are right about each point, against each other."""

from typing import Any

import altair as alt
import numpy as np

from replaychart.drawing import colors, packing
from replaychart.drawing.backgrounds import adaptive, adaptive_column
from replaychart.drawing.clock import Clock
from replaychart.drawing.expressions import literal, outright
from replaychart.drawing.texts import AXIS_TITLE_SIZE, fitted
from replaychart.drawing.titles import add_subtitle
from replaychart.drawing.who_is_right import run_pair
from replaychart.run import Run, shared_epochs

# Where points are that are never learned, in relation to the last epoch, on a scale of roots.
_NEVER = 1.6
# Areas of the smallest and of the largest circle.
_LEAST_AREA, _MOST_AREA = 14.0, 500.0


def learned_epochs(run: Run, other: Run) -> np.ndarray:
    """Return the epoch from which on each run is right about each point, (2, points).

    As in `Run.samples`, over the epochs that both runs recorded; infinity if there is none.
    """
    both = shared_epochs(run, other)
    counted = both[both > 0] if len(both) > 1 else both
    each = [
        one.sample_statistics.over(one.snapshots(counted))["learned_epoch"] for one in (run, other)
    ]
    return np.nan_to_num(np.array(each, np.float64), nan=np.inf)


def learned_chart(
    run: Run, other: Run, clock: Clock, names: tuple[str, str], width: int, height: int
) -> alt.LayerChart:
    """Return circles for the points that both runs learned at the same pair of epochs.

    Parameters
    ----------
    run, other : Run
        Two classifications of the same points.
    clock : Clock
        Its epoch is marked on both axes.
    names : pair of str
        What to call the runs.
    width, height : int
        Size in pixels.
    """
    each = learned_epochs(run, other)
    last = float(shared_epochs(run, other)[-1]) or 1.0
    earlier = [int((each[one] < each[1 - one]).sum()) for one in (0, 1)]
    heading = alt.TitleParams("Learned at epoch")
    for name, count in zip(names, earlier, strict=True):
        told = f" earlier: {count:,}"
        add_subtitle(heading, fitted(name, width - 70) + told, width)
    never = _NEVER * last
    axes: dict[str, Any] = {
        "x": _axis(alt.X, "a", names[0], last, never, width),
        "y": _axis(alt.Y, "b", names[1], last, never, height),
    }
    ends = alt.Chart(packing.PackedData([{"a": 0, "b": 0}, {"a": never, "b": never}]))
    now = alt.Chart(packing.PackedData([{"at": 0}])).transform_calculate(
        a=clock.epoch_expression(), b=clock.epoch_expression()
    )
    muted = adaptive(colors.MUTED)
    line: dict[str, Any] = {"color": muted, "tooltip": None, "aria": False}
    return alt.LayerChart(
        layer=[
            ends.mark_line(strokeWidth=1, strokeOpacity=0.5, **line).encode(**axes),
            now.mark_rule(strokeDash=[2, 3], **line).encode(x=axes["x"]),
            now.mark_rule(strokeDash=[2, 3], **line).encode(y=axes["y"]),
            _circles(each, never).encode(**axes),
        ],
        width=width,
        height=height,
        title=heading,
    )


def _circles(each: np.ndarray, never: float) -> alt.Chart:
    pairs, counts = np.unique(each, axis=1, return_counts=True)
    (first, dark_first), (second, dark_second) = run_pair()
    dark = {
        first: dark_first,
        second: dark_second,
        colors.CORRECT: colors.CORRECT,
        colors.WRONG: colors.DARK_WRONG,
    }
    rows = []
    most = max(int(counts.max()), 1)
    for (a, b), count in zip(pairs.T.tolist(), counts.tolist(), strict=True):
        color = first if a < b else second if b < a else colors.CORRECT
        if a == b == np.inf:
            color = colors.WRONG
        rows.append(
            {
                "a": min(a, never),
                "b": min(b, never),
                "count": count,
                "color": color,
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


def _axis(channel: Any, field: str, name: str, last: float, never: float, length: int) -> Any:
    quarter = float(f"{last / 4:.1g}")
    values = sorted({0.0, quarter, last} if quarter < last else {0.0, last})
    text = f"datum.value > {last!r} ? {literal('never')} : format(datum.value, '.4~g')"
    return channel(
        f"{field}:Q",
        title=fitted(name, length, size=AXIS_TITLE_SIZE),
        scale=alt.Scale(type="sqrt", domain=[0, 1.1 * never], nice=False),
        axis=alt.Axis(values=[*values, never], labelExpr=text, grid=False, labelOverlap=False),
    )
