"""`similarity`: which layers compute the same, in one run or in two."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np

from replaychart.drawing import colors, packing
from replaychart.drawing.backgrounds import adaptive
from replaychart.drawing.budget import MAX_BYTES, kept_epochs
from replaychart.drawing.clock import Clock
from replaychart.drawing.composition import layered
from replaychart.drawing.expressions import literal
from replaychart.drawing.named_epochs import ShownEpoch
from replaychart.drawing.packing import BYTES_PER_NUMBER, Ruler
from replaychart.drawing.several_runs import pair_names, shared_by_both
from replaychart.drawing.texts import (
    AXIS_TITLE_SIZE,
    NO_LIMIT,
    SMALL_SIZE,
    displayed,
    fitted,
    width_of,
)
from replaychart.drawing.titles import (
    Title,
    add_subtitle,
    chart_title,
    check_chart,
    note_not_finite,
)
from replaychart.facts.epochs import Epochs
from replaychart.run import Run

# The side of the matrix in pixels: at least this, or this for each layer.
_SMALLEST, _PER_LAYER = 200, 34
# How much of its color is in the cell of two layers that compute the same. Where there are no
# numbers on the cells, they can be darker.
_TINT, _WITHOUT_NUMBERS = 0.6, 0.95
_COLOR = "#1b6ca8"
_LARGEST_TEXT, _SMALLEST_TEXT = 13, 8
# A number fills this share of its cell's width, at most.
_FILLED, _WIDEST = 0.8, "0.00"
# Names of layers are not longer than this many pixels.
_NAMES = 90
_STEP = Ruler(0.0, 0.001)


def similarity(
    run: Run,
    other: Run | None = None,
    *,
    names: tuple[str, str] | None = None,
    layers: Sequence[str] | None = None,
    epochs: Epochs = None,
    epoch: ShownEpoch = None,
    title: Title | None = None,
    width: int | None = None,
    height: int | None = None,
    max_bytes: float | None = MAX_BYTES,
) -> alt.LayerChart:
    """Draw how similar the layers of a network are to each other, or to those of another run.

    The number is linear CKA [1]_ of the outputs of two layers for the recorded points, which does
    not depend on how the units are ordered, rotated or scaled: networks that were initialized
    differently, or that have layers of different widths, can be compared. `Run.similarity` returns
    it.

    Parameters
    ----------
    run : Run
        A recorded training run. Its layers are the rows, the first one at the bottom.
    other : Run, optional
        Another run with the same points, whose layers are the columns. Only epochs that both runs
        recorded are shown. Default: the run itself.
    names : pair of str, optional
        What to call the two runs. Default: their names in the file.
    layers : sequence of str, optional
        The layers to draw, in this order. Default: all.
    epochs : float, slice, range or iterable of float, optional
        Recorded epochs to include. Default: all.
    epoch : float, {"last", "best", "half"} or altair.Parameter, optional
        The epoch shown initially: a number, a name as in `epoch_param`, or a parameter from
        `epoch_param` that charts share. Default: the last epoch.
    title : str or sequence of str, optional
        The title, or its lines; ``{epoch}`` is replaced by the epoch shown. Default: "Similarity of
        layers" and the epoch.
    width, height : int, optional
        Size in pixels. Default: 34 for each layer, at least 200.
    max_bytes : float or None, default 20,000,000
        Approximate limit on the size of the chart's data, in bytes. A larger chart is thinned to
        evenly spaced epochs, with a warning. None means no limit.

    Returns
    -------
    altair.LayerChart
        A cell for each pair of layers: the more similar they are, the stronger its color, which
        grows with the square of the number. A cell is empty if a layer returns the same for all
        points, as a layer of dead units does.

    Raises
    ------
    ArgumentError
        The runs have different points, there is no such layer, or another argument is invalid.
    EvaluationError
        The model cannot be rebuilt, or a recording has no layers.

    Warns
    -----
    UserWarning
        Epochs are left out to stay within `max_bytes`.

    See Also
    --------
    difference : where two runs disagree, and on which points.

    Examples
    --------
    >>> import replaychart as rc
    >>> run = rc.open_run(rc.datasets.parabola_recording())
    >>> chart = rc.similarity(run, epochs=slice(None, None, 10))

    References
    ----------
    .. [1] S. Kornblith et al., "Similarity of Neural Network Representations Revisited" (2019),
       https://arxiv.org/abs/1905.00414
    """
    least = _SMALLEST if width is None else width
    check_chart(run, least, height or _SMALLEST, max_bytes, container=False)
    clock = shared_by_both(run, other, epochs, epoch)
    titles = pair_names(run, other, names)
    first = run.similarity(other, layers=layers, epochs=clock.epochs[-1].item())
    rows, columns = (list(dict.fromkeys(first[name])) for name in ("layer", "other_layer"))
    width = max(_SMALLEST, _PER_LAYER * len(columns)) if width is None else width
    height = max(_SMALLEST, _PER_LAYER * len(rows)) if height is None else height
    clock = kept_epochs(
        run, clock, max_bytes, bytes_per_epoch=BYTES_PER_NUMBER * len(rows) * len(columns)
    )
    frame = run.similarity(other, layers=layers, epochs=clock.epochs)
    values = frame["similarity"].to_numpy().reshape(len(clock.epochs), len(rows), len(columns))
    heading = chart_title(title, "Similarity of layers \N{MIDDLE DOT} epoch {epoch}", clock)
    add_subtitle(heading, "linear CKA: 1 is the same", width)
    undefined = "constant or not finite"
    note_not_finite(heading, clock, "output of a layer", width, values, how=undefined)
    return layered(
        _layers(clock, values, rows, columns, titles, width, height),
        clock,
        title=heading,
        width=width,
        height=height,
    )


def _layers(
    clock: Clock,
    values: np.ndarray,
    rows: list[str],
    columns: list[str],
    titles: tuple[str, str] | None,
    width: int,
    height: int,
) -> list[alt.Chart]:
    """Return the cells, and the numbers on them if there is room."""
    row, column = np.indices(values.shape[1:]).reshape(2, -1)
    packed = packing.by_epoch(
        clock,
        {
            "row": row.tolist(),
            "column": column.tolist(),
            "layer": [displayed(rows[i]) for i in row],
            "other": [displayed(columns[i]) for i in column],
        },
        {"similarity": _STEP.measured(values.reshape(len(values), -1).T)},
    )
    shown = _STEP.expression(packing.entry("similarity", clock))
    cells = (
        alt.Chart(packing.PackedData(packed))
        .transform_calculate(similarity=shown)
        .transform_filter("isValid(datum.similarity)")
        .encode(
            x=_axis(alt.X, "column", columns, titles and titles[1], width),
            y=_axis(alt.Y, "row", rows, titles and titles[0], height),
        )
    )
    size = min(
        _FILLED * width / len(columns) / width_of(_WIDEST),
        _FILLED * height / len(rows),
        _LARGEST_TEXT,
    )
    tint = _TINT if size >= _SMALLEST_TEXT else _WITHOUT_NUMBERS
    tinted = cells.mark_rect(color=adaptive(_COLOR), aria=False).encode(
        opacity=alt.OpacityValue(alt.ExprRef(f"{tint} * pow(datum.similarity, 2)")),
        tooltip=[
            alt.Tooltip("layer:N", title="Layer"),
            alt.Tooltip("other:N", title="Layer" if titles is None else "Layer of the other run"),
            alt.Tooltip("similarity:Q", title="Linear CKA", format=".3f"),
        ],
    )
    if size < _SMALLEST_TEXT:
        return [tinted]
    numbers = cells.transform_calculate(label="format(datum.similarity, '.2f')").mark_text(
        fontSize=round(size, 1),
        color=adaptive(colors.INK, colors.DARK_BOUNDARY),
        tooltip=None,
        aria=False,
    )
    return [tinted, numbers.encode(text=alt.Text("label:N"))]


def _axis(channel: Any, field: str, layers: list[str], run: str | None, length: int) -> Any:
    """Return an axis of layers, from the left or from the bottom."""
    across = channel is alt.X
    shown = [fitted(name, _NAMES) for name in layers]
    crowded = max(width_of(name, size=SMALL_SIZE) for name in shown) > length / len(layers) - 4
    numbers = list(range(len(layers)))
    return channel(
        f"{field}:O",
        title=None if run is None else fitted(run, length, size=AXIS_TITLE_SIZE),
        scale=alt.Scale(domain=numbers if across else numbers[::-1], paddingInner=0.04),
        axis=alt.Axis(
            ticks=False,
            domain=False,
            labelExpr=f"{literal(shown)}[datum.value]",
            labelAngle=-90 if across and crowded else 0,
            labelLimit=NO_LIMIT,
            labelOverlap=False,
        ),
    )
