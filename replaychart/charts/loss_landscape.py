"""`loss_landscape`: the loss over a plane of weights, and the path of the training run on it."""

from numbers import Real
from typing import Any

import altair as alt
import numpy as np

from replaychart.arguments import require_at_least, require_bool
from replaychart.drawing import colors, packing
from replaychart.drawing.backgrounds import adaptive, adaptive_column
from replaychart.drawing.budget import MAX_BYTES
from replaychart.drawing.clock import Clock
from replaychart.drawing.composition import layered
from replaychart.drawing.expressions import outright
from replaychart.drawing.named_epochs import ShownEpoch
from replaychart.drawing.plane import Plane, line_mark
from replaychart.drawing.sizes import Width, width_for_texts
from replaychart.drawing.texts import SMALL_SIZE
from replaychart.drawing.titles import Title, add_subtitle, chart_title, check_chart
from replaychart.evaluation.loss_planes import Directions, LossPlane
from replaychart.facts.epochs import Epochs
from replaychart.planes.contours import Contours
from replaychart.planes.extents import Limits
from replaychart.run import Run

RESOLUTION = 33
# The number of contours, about every second of which is labeled.
_CONTOURS = 14
# Between levels with this ratio or more, contours are at equal ratios of the loss.
_LOGARITHMIC = 5.0
# The share of the chart on each side in which a label would be cut off.
_NO_LABELS = 0.07
# Fills from the lowest to the highest loss, on light and dark backgrounds.
_FILLS = ("#ffffff", "#efe8f5", "#d6c6e5", "#b79bd0")
_DARK_FILLS = ("#333333", "#483a56", "#644b7e", "#8565a6")
# Bands whose fills differ from the true loss by more than this share are worth a sentence.
_WORTH_SAYING = 0.01


def loss_landscape(
    run: Run,
    *,
    directions: Directions = "path",
    seed: int = 0,
    resolution: int = RESOLUTION,
    progress: bool = True,
    epochs: Epochs = None,
    epoch: ShownEpoch = None,
    title: Title | None = None,
    width: Width = 400,
    height: int = 400,
    max_bytes: float | None = MAX_BYTES,
) -> alt.LayerChart:
    """Draw the loss over a plane through the space of all weights, with the path of the training.

    The plane goes through the weights of the last epoch. Contours show the mean loss of the
    recorded points, without regularization, exactly as the network with the weights of each place
    gives it, on a lattice of places.

    The path of the training run is projected to the plane, because the weights of most epochs are
    not on it. Its dots have the color of their true loss, the mean loss with the epoch's own
    weights: where a dot's color differs from the background, the path is off the plane. The two
    losses of the epoch shown are written at the bottom.

    Moving averages of a BatchNormalization are no weights that training moves along the gradient:
    everywhere on the plane, they have their values of the last epoch.

    The first chart of a run evaluates the network at about 1,100 places and may take a while for a
    large network or many points. Rows of the lattice are evaluated by several workers if joblib is
    configured, for example with ``joblib.parallel_config(n_jobs=4)`` or ``backend="dask"``. The
    values are kept in `run`, and `Run.store` writes them to the file.

    Parameters
    ----------
    run : Run
        A recorded training run with all weights and a loss.
    directions : {"path", "random"}, pair of float or pair of sequence, default "path"
        What spans the plane. ``"path"``: the two principal components of the weights over all
        recorded epochs, which contain as much of the path as two directions can. ``"random"``: two
        random directions, normalized filter by filter to the size of the weights, which show how
        wide the minimum is [1]_; of the path, they contain very little. Two recorded epochs: the
        plane through their weights and those of the last epoch, with distances as they are [2]_.
        Two lists with an array for each weight of the model, such as differences of what
        ``model.get_weights()`` returns: these directions, in multiples of themselves.
    seed : int, default 0
        The seed of random directions.
    resolution : int, default 33
        Number of places along each side of the plane, 5 to 200.
    progress : bool, default True
        Whether to show a progress bar if the evaluation takes longer than two seconds.
    epochs : float, slice, range or iterable of float, optional
        Recorded epochs of the path to draw. The plane is that of the whole run. Default: all.
    epoch : float, {"last", "best", "half"} or altair.Parameter, optional
        The epoch shown initially: a number, a name as in `epoch_param`, or a parameter from
        `epoch_param` that charts share. Default: the last epoch.
    title : str or sequence of str, optional
        The title, or its lines; ``{epoch}`` is replaced by the epoch shown. Default: what is drawn
        and the epoch.
    width, height : int or "container", default 400
        Size in pixels. A width of ``"container"`` fills the page or element around the chart.
    max_bytes : float or None, default 20,000,000
        As for other charts. The size of this one hardly depends on the number of epochs.

    Returns
    -------
    altair.LayerChart
        Contours with their losses, the path up to the epoch shown, and a dot for each epoch.

    Raises
    ------
    ArgumentError
        An argument is invalid.
    EvaluationError
        The weights of some layers were not recorded, the loss cannot be evaluated, or the weights
        do not change.

    References
    ----------
    .. [1] H. Li et al., "Visualizing the Loss Landscape of Neural Nets" (2018),
       https://arxiv.org/abs/1712.09913
    .. [2] T. Garipov et al., "Loss Surfaces, Mode Connectivity, and Fast Ensembling of DNNs"
       (2018), https://arxiv.org/abs/1802.10026

    Examples
    --------
    >>> import replaychart as rc
    >>> run = rc.open_run(rc.datasets.parabola_recording())
    >>> chart = rc.loss_landscape(run, resolution=9)
    """
    check_chart(run, width, height, max_bytes)
    require_bool("progress", progress)
    require_at_least("resolution", resolution, 5, most=200)
    require_at_least("seed", seed, 0)
    clock = Clock.of(run, epochs, epoch)
    found = run.loss_planes.plane(
        directions, seed=int(seed), resolution=int(resolution), progress=bool(progress)
    )
    levels = _levels(found)
    xlim, ylim = _limits(found.x), _limits(found.y)
    plane = Plane(clock, [xlim], [ylim], _titles(found, directions), width, height, False)
    room = width_for_texts(width)
    heading = chart_title(title, "Loss landscape \N{MIDDLE DOT} epoch {epoch}", clock)
    path = _path_rows(run, plane, found, levels)
    known = np.isfinite(found.true) & np.isfinite(found.on_plane)
    finite = np.abs(found.true[known] - found.on_plane[known])
    if finite.size and finite.max() > _WORTH_SAYING * np.ptp(levels):
        add_subtitle(heading, "dots: true loss; it differs from the background where", room)
        add_subtitle(heading, f"the path is off the plane, by up to {finite.max():.2g}", room)
    if not np.isfinite(found.loss).all():
        add_subtitle(heading, "blank: NaN or infinite loss", room)
    return layered(
        [*_contour_layers(plane, found, levels), *_path_layers(plane, path)],
        clock,
        title=heading,
        width=width,
        height=height,
    )


def _limits(places: np.ndarray) -> Limits:
    return float(places[0]), float(places[-1])


def _titles(found: LossPlane, directions: Directions) -> tuple[str, str]:
    names = ["Direction 1", "Direction 2"]
    if isinstance(directions, str):
        what = "Component" if directions == "path" else "Random direction"
        names = [f"{what} {number} of the weights" for number in (1, 2)]
    elif all(isinstance(one, Real) for one in directions):
        names = [f"Towards epoch {directions[0]:g}", f"Across it, towards epoch {directions[1]:g}"]
    first, second = (
        f"{name} ({share:.1%} of the path)"
        for name, share in zip(names, found.explained, strict=True)
    )
    return first, second


def _levels(found: LossPlane) -> np.ndarray:
    """Return the losses at which there are contours, in increasing order."""
    known = found.loss[np.isfinite(found.loss)]
    if not known.size:
        return np.array([0.0, 1.0])
    low, high = known.min(), known.max()
    if low > 0 and high / low >= _LOGARITHMIC:
        return np.geomspace(low, high, _CONTOURS + 1)
    return np.linspace(low, high if high > low else low + 1, _CONTOURS + 1)


def _fill(level: int, *, dark: bool = False) -> str:
    return colors.ramp(_DARK_FILLS if dark else _FILLS, level / (_CONTOURS - 1))


def _bands(losses: np.ndarray, levels: np.ndarray) -> list[int]:
    """Return the number of the band between two levels in which each loss is."""
    return np.clip(np.searchsorted(levels, losses, side="right") - 1, 0, _CONTOURS - 1).tolist()


def _contour_layers(plane: Plane, found: LossPlane, levels: np.ndarray) -> list[alt.Chart]:
    """Return filled contours, lines between them, and the losses of some lines."""
    surface = Contours(found.x, found.y, np.where(np.isfinite(found.loss), found.loss, np.nan))
    x, y = plane.rulers()
    filled: list[dict[str, Any]] = []
    lines: list[dict[str, Any]] = []
    labels: list[dict[str, Any]] = []
    for number, level in enumerate(levels[:-1].tolist()):
        rings = surface.filled(level)
        filled.append({"level": number, "color": _fill(number)} | _packed(rings, x, y))
        own = surface.lines(level) if number else []
        lines.append({"level": number} | _packed(own, x, y))
        inner = _inner(own if number % 2 else [], found)
        if len(inner):
            at = inner[len(inner) // 3]
            labels.append({"x": float(at[0]), "y": float(at[1]), "text": f"{level:.2g}"})
    dark = {_fill(number): _fill(number, dark=True) for number in range(_CONTOURS)}
    areas = (
        _static(filled, x, y)
        .mark_line(
            filled=True,
            strokeWidth=0,
            clip=True,
            invalid="break-paths-show-domains",
            tooltip=None,
            aria=False,
        )
        .encode(
            x=plane.x(),
            y=plane.y(),
            order=alt.Order("vertex:Q"),
            fill=outright(alt.FillValue, adaptive_column("datum.color", dark)),
            detail=alt.Detail("level:N"),
        )
    )
    strokes = line_mark(_static(lines, x, y), plane, width=0.6).encode(
        stroke=alt.StrokeValue(adaptive("#6e4a8e", "#a78cc4")), detail=alt.Detail("level:N")
    )
    written = alt.Chart(packing.PackedData(labels or [{"x": None, "y": None, "text": ""}]))
    return [areas, strokes, *_texts(written, plane)]


def _inner(paths: list[np.ndarray], found: LossPlane) -> np.ndarray:
    """Return the vertices of the longest path that are away from the margin of the chart."""
    longest = max(paths, key=len, default=np.empty((0, 2)))
    middle = np.array([found.x.mean(), found.y.mean()])
    reach = np.array([np.ptp(found.x), np.ptp(found.y)]) * (0.5 - _NO_LABELS)
    return longest[(np.abs(longest - middle) < reach).all(axis=1)]


def _texts(rows: alt.Chart, plane: Plane) -> list[alt.Chart]:
    """Return texts with a halo, which makes them readable on lines."""
    halo = adaptive(colors.LIGHT_BACKGROUND, colors.DARK_BACKGROUND)
    base = rows.encode(x=plane.x(), y=plane.y(), text=alt.Text("text:N"))
    options: dict[str, Any] = {"fontSize": SMALL_SIZE, "tooltip": None, "clip": True}
    ink = adaptive(colors.INK)
    return [
        base.mark_text(
            stroke=halo, strokeWidth=3, strokeJoin="round", color=ink, aria=False, **options
        ),
        base.mark_text(color=ink, **options),
    ]


def _packed(paths: list[np.ndarray], x: packing.Ruler, y: packing.Ruler) -> dict[str, Any]:
    """Return the vertices of paths in one list for each axis, separated by gaps."""
    xs: list[Any] = []
    ys: list[Any] = []
    for path in paths:
        gap = [None] if xs else []
        xs += gap + x.measured(path[:, 0])
        ys += gap + y.measured(path[:, 1])
    return {"xs": xs or [None], "ys": ys or [None]}


def _static(rows: list[dict[str, Any]], x: packing.Ruler, y: packing.Ruler) -> alt.Chart:
    """Return the vertices of paths that are the same at all epochs."""
    return (
        alt.Chart(packing.PackedData(rows))
        .transform_calculate(vertex="sequence(datum.xs.length)")
        .transform_flatten(["xs", "ys", "vertex"])
        .transform_calculate(x=x.expression("datum.xs"), y=y.expression("datum.ys"))
    )


def _path_rows(
    run: Run, plane: Plane, found: LossPlane, levels: np.ndarray
) -> list[dict[str, Any]]:
    chosen = run.snapshots(plane.clock.epochs)
    x, y = (ruler.rounded(found.path[chosen, axis]) for axis, ruler in enumerate(plane.rulers()))
    bands = _bands(np.nan_to_num(found.true[chosen], nan=np.inf), levels)
    return [
        {
            "step": step,
            "of_epoch": epoch,
            "x": x[step],
            "y": y[step],
            "color": _fill(bands[step]),
            "true": packing.shortened(found.true[snapshot], 4),
            "plane": packing.shortened(found.on_plane[snapshot], 4),
        }
        for step, (snapshot, epoch) in enumerate(
            zip(chosen, plane.clock.epochs.tolist(), strict=True)
        )
    ]


def _path_layers(plane: Plane, rows: list[dict[str, Any]]) -> list[alt.Chart]:
    """Return the path up to the epoch shown, a dot for each epoch, and the losses of the last."""
    position = plane.clock.position_expression()
    base = alt.Chart(packing.PackedData(rows))
    until = base.transform_filter(f"datum.step <= {position}")
    ink = adaptive(colors.BOUNDARY, colors.DARK_BOUNDARY)
    dark = {_fill(number): _fill(number, dark=True) for number in range(_CONTOURS)}
    line = until.mark_line(strokeWidth=1.5, stroke=ink, clip=True, tooltip=None, aria=False).encode(
        x=plane.x(), y=plane.y(), order=alt.Order("step:Q")
    )
    dots = until.mark_circle(opacity=1, clip=True, stroke=ink, aria=False).encode(
        x=plane.x(),
        y=plane.y(),
        size=outright(alt.SizeValue, f"datum.step === {position} ? 130 : 28"),
        strokeWidth=outright(alt.StrokeWidthValue, f"datum.step === {position} ? 2 : 0.8"),
        fill=outright(alt.FillValue, adaptive_column("datum.color", dark)),
        tooltip=[
            alt.Tooltip("of_epoch:Q", title="Epoch"),
            alt.Tooltip("true:Q", title="Loss"),
            alt.Tooltip("plane:Q", title="Loss on the plane"),
        ],
    )
    now = base.transform_filter(f"datum.step === {position}").transform_calculate(
        text="'loss ' + (isValid(datum.true) ? format(datum.true, '.3g') : 'NaN')"
        " + ', on the plane ' + (isValid(datum.plane) ? format(datum.plane, '.3g') : 'NaN')"
    )
    options: dict[str, Any] = {
        "align": "left",
        "baseline": "bottom",
        "fontSize": SMALL_SIZE,
        "tooltip": None,
    }
    halo = adaptive(colors.LIGHT_BACKGROUND, colors.DARK_BACKGROUND)
    at = now.encode(x=alt.XValue(8), y=alt.YValue(plane.height - 8), text=alt.Text("text:N"))
    return [
        line,
        dots,
        at.mark_text(
            stroke=halo, strokeWidth=4, strokeJoin="round", color=ink, aria=False, **options
        ),
        at.mark_text(color=ink, **options),
    ]
