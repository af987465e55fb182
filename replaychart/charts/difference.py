"""`difference`: where two runs disagree, and which of them is right about which points."""

import base64
import io
from functools import partial
from typing import Any, NamedTuple

import altair as alt
import numpy as np
from PIL import Image

from replaychart.drawing import colors, packing
from replaychart.drawing.backgrounds import adaptive
from replaychart.drawing.budget import MAX_BYTES, kept, kept_around_paths
from replaychart.drawing.clock import Clock
from replaychart.drawing.expressions import literal
from replaychart.drawing.learned_epochs import learned_chart
from replaychart.drawing.named_epochs import ShownEpoch
from replaychart.drawing.packing import BYTES_PER_NUMBER
from replaychart.drawing.paired_runs import PairedBy, PairedRun, paired_runs
from replaychart.drawing.plane import Plane, class_labels, line_mark, paths_chart
from replaychart.drawing.point_looks import PointLooks
from replaychart.drawing.samples import SamplePositions
from replaychart.drawing.sizes import width_for_positions
from replaychart.drawing.texts import TITLE_SIZE, displayed, fitted, width_of
from replaychart.drawing.titles import (
    Title,
    add_subtitle,
    chart_title,
    check_chart,
    note_not_finite,
)
from replaychart.drawing.who_is_right import ROW, Standing, absolute_errors, run_pair
from replaychart.drawing.wording import in_words
from replaychart.errors import ArgumentError, EvaluationError
from replaychart.facts.epochs import Epochs
from replaychart.planes.argument_types import Features, SliceAt
from replaychart.planes.extents import Limits
from replaychart.planes.paths import Paths
from replaychart.planes.planes import RESOLUTION
from replaychart.planes.rectangle import Rectangle
from replaychart.run import Run, require_same_points

# Gray, which is visible on light and on dark backgrounds, and how opaque it is.
_GREY, _OPACITY = 139, 96
_BYTES_PER_PIXEL = 0.15
# The width of what is beside the plane, and what its titles and axes need, in pixels.
_BESIDE, _LEARNED, _LEAST, _TEXTS = 250, 150, 90, 124
_IN_COMMON = {"progress": "at the same share of the training", "loss": "at the same loss"}
# Numbers that differ more than this share of all differences are shaded alike.
_MOST = 0.9


def difference(
    run: Run,
    other: Run,
    *,
    names: tuple[str, str] | None = None,
    clock: PairedBy = "epoch",
    features: Features | None = None,
    at: SliceAt = "median",
    xlim: Limits | None = None,
    ylim: Limits | None = None,
    resolution: int = RESOLUTION,
    epochs: Epochs = None,
    epoch: ShownEpoch = None,
    title: Title | None = None,
    width: int = 340,
    height: int = 300,
    max_bytes: float | None = MAX_BYTES,
) -> alt.HConcatChart:
    """Draw where two runs disagree, which of them is right about which points, and since when.

    Over the plane of the inputs, or a slice through them, the region in which the runs predict
    different classes is shaded, between the boundaries of both. The points are marked by who is
    right: both runs, only one of them, or neither. For inputs without such a plane, each point is
    at the probabilities that both runs give its true class.

    For a regression, the shade is as dark as the predictions differ, and each point has the color
    of the run that is closer to its target and an area by how much: the difference of the absolute
    errors.

    Parameters
    ----------
    run, other : Run
        Two recorded training runs with the same points and targets. They may differ in length.
    names : pair of str, optional
        What to call the two runs. Default: their names in the file.
    clock : {"epoch", "progress", "loss"}, default "epoch"
        What the two runs have in common at each stop of the slider, which shows epochs of `run`:

        - ``"epoch"``: the same epoch, of those that both recorded.
        - ``"progress"``: the same share of the training, an epoch divided by the run's last one.
          To an epoch of `run` belongs the first one of `other` with a share as large or larger.
        - ``"loss"``: the same mean loss of the recorded points, as `Run.losses` returns it. To an
          epoch at which the loss of `run` is lower than ever before belongs the first epoch at
          which that of `other` is as low or lower. Other epochs of `run`, and those with a loss
          that `other` never reaches, are left out. Only values of the same loss function mean the
          same.

        Charts of `run` beside this one show the same epoch of it. A chart of `other` shows the
        epoch of the slider, which is not the paired one unless `clock` is ``"epoch"``. To compare
        with charts of `other`, swap the two runs: ``difference(other, run, clock=...)``.
    features : pair of str or int, optional
        The two features that span the plane, by name or by position in `Run.coordinates`. Default:
        the only two; if there are more, or fewer, there is no plane.
    at : {"median", "mean"}, int, mapping of str to float, or array_like, default "median"
        Where the other features are held; see `decision_boundary`.
    xlim, ylim : tuple of float, optional
        Limits of the plane. Default: around all recorded points.
    resolution : int, default 100
        Number of places along each side at which the predictions are compared.
    epochs : float, slice, range or iterable of float, optional
        Recorded epochs of `run` to include. Default: all that `clock` pairs with one of `other`.
    epoch : float, {"last", "best", "half"} or altair.Parameter, optional
        The epoch shown initially: a number, a name as in `epoch_param`, or a parameter from
        `epoch_param` that charts share. Default: the last one.
    title : str or sequence of str, optional
        The title, or its lines; ``{epoch}`` is replaced by the epoch shown of `run`, and
        ``{other_epoch}`` by that of `other`. Default: "Who is right" or "Who is closer", and the
        epoch of both.
    width, height : int, default 340 and 300
        Size of the plane in pixels, without what is beside it.
    max_bytes : float or None, default 20,000,000
        Approximate limit on the size of the chart's data, in bytes. A larger chart is thinned, with
        a warning: first to evenly spaced epochs, down to 200; then to a proportional sample of each
        class, down to 2,000 points; then both further. None means no limit.

    Returns
    -------
    altair.HConcatChart
        The plane. Beside it, the number of all recorded points in each group, and, for classes, the
        epochs from which on both runs are right about a point (``learned_epoch`` of `Run.samples`,
        over all epochs that `clock` pairs), in circles with an area by the number of points. The
        line runs through the paired epochs: a point above it was learned earlier by the first run.

    Raises
    ------
    ArgumentError
        The runs have different points, targets or tasks, or another argument is invalid.
    EvaluationError
        A model cannot be rebuilt, or a run does not predict one class or number for each point.

    Warns
    -----
    UserWarning
        Epochs or points are left out to stay within `max_bytes`.

    See Also
    --------
    compare : one curve of several runs.
    similarity : which layers of two runs compute the same.

    Examples
    --------
    >>> import replaychart as rc
    >>> run = rc.open_run(rc.datasets.parabola_recording())
    >>> chart = rc.difference(run, run, names=("one", "same"), epochs=[0, 150], resolution=20)
    """
    check_chart(run, width, height, max_bytes, container=False)
    require_same_points(run, other)
    _require_same_task(run, other)
    shared, both = paired_runs(run, other, names, clock, epochs, epoch)
    limited = not (features is None and xlim is None and ylim is None)
    if limited or (run.planes.inputs_are_plane() and run.has_model and other.has_model):
        through = None if features is None else run.planes.slice(features, at)
        where = run.planes.rectangle(
            None, plane="inputs", xlim=xlim, ylim=ylim, resolution=resolution, view=through
        )
        scene = _over_inputs(both, shared, where, width, height, max_bytes)
    else:
        scene = _over_answers(both, shared, width, height, max_bytes)
    kept_clock = scene.plane.clock
    standing = Standing.of(*both, kept_clock)
    heading = _heading(both, kept_clock, title, by_epoch=clock == "epoch", width=width)
    if clock in _IN_COMMON:
        add_subtitle(heading, _IN_COMMON[clock], width)
    add_subtitle(heading, scene.note, width)
    for one in both:
        outputs = one.values_at(kept_clock, partial(_outputs_at, one.run))
        note_not_finite(heading, kept_clock, f"output of {displayed(one.name)}", width, outputs)
    main = alt.LayerChart(
        layer=[*scene.background, *_points(run, scene, standing)],
        width=width,
        height=height,
        title=heading,
    )
    beside: list[Any] = [standing.bars(kept_clock, _BESIDE)]
    if run.classes:
        left = max(_LEAST, height - ROW * len(standing.groups) - _TEXTS)
        beside.append(learned_chart(both, kept_clock, _LEARNED, left))
    return alt.HConcatChart(
        hconcat=[main, alt.VConcatChart(vconcat=beside, spacing=14)], spacing=24
    ).add_params(*kept_clock.parameters)


def _heading(
    both: tuple[PairedRun, PairedRun],
    clock: Clock,
    title: Title | None,
    *,
    by_epoch: bool,
    width: int,
) -> alt.TitleParams:
    """Return the title, which says which epoch of each run is shown."""
    what = "Who is right" if both[0].run.classes else "Who is closer"
    shown = {"other_epoch": both[1].text_expression(clock)}
    if by_epoch:
        return chart_title(title, f"{what} \N{MIDDLE DOT} epoch {{epoch}}", clock, **shown)
    room = (width - width_of(" at epoch 0000,  at epoch 0000", size=TITLE_SIZE, bold=True)) / 2
    for part, one in zip(("first", "second"), both, strict=True):
        shown[part] = literal(fitted(one.name, room, size=TITLE_SIZE, bold=True))
    default = (what, "{first} at epoch {epoch}, {second} at epoch {other_epoch}")
    return chart_title(default if title is None else title, what, clock, **shown)


def _outputs_at(run: Run, epochs: np.ndarray) -> np.ndarray:
    return run.outputs(epochs=epochs)


class _Scene(NamedTuple):
    """Where points are, and what is behind them.

    Attributes
    ----------
    plane : Plane
        The axes.
    points : numpy.ndarray of int64, shape (points,)
        The numbers of the points that are drawn.
    coordinates : numpy.ndarray, shape (points, 2) or (epochs, points, 2)
        Their positions.
    background : list of altair.Chart
        What is behind them.
    note : str
        The subtitle.
    """

    plane: Plane
    points: np.ndarray
    coordinates: np.ndarray
    background: list[alt.Chart]
    note: str


def _over_inputs(
    both: tuple[PairedRun, PairedRun],
    clock: Clock,
    where: Rectangle,
    width: int,
    height: int,
    max_bytes: float | None,
) -> _Scene:
    """Return the plane of the inputs, shaded where the runs disagree, with both boundaries."""
    run = both[0].run
    divided = run.planes.surfaces.boundary is not None

    def trace(some: Clock) -> tuple[Paths | None, ...]:
        return tuple(_boundary(one, run, where, some) if divided else None for one in both)

    clock, points, boundaries = kept_around_paths(
        run,
        clock,
        max_bytes,
        trace,
        bytes_per_point=2 * BYTES_PER_NUMBER,
        bytes_per_epoch=_BYTES_PER_PIXEL * where.resolution**2,
    )
    through = where.slice()
    first, second = run.planes.feature_names()[:2] if through is None else through.titles
    if run.feature_names is None:
        first, second = in_words(first), in_words(second)
    plane = Plane(clock, [where.xlim], [where.ylim], (first, second), width, height, overflows=True)
    layers = [_shade(plane, _disagreement(both, where, clock))]
    for paths, color in zip(boundaries, run_pair(), strict=True):
        if paths is not None:
            numbers = paths.value.tolist()
            labeled = packing.Labeled("line", numbers, sorted(set(numbers)))
            stroke = alt.StrokeValue(adaptive(*color))
            vertices = paths_chart(plane, run, paths, labeled)
            layers.append(
                line_mark(vertices, plane, width=2).encode(
                    stroke=stroke, detail=alt.Detail("line:N")
                )
            )
    coordinates = run.planes.inputs
    note = "shaded: the predictions differ"
    if through is not None:
        coordinates = through.coordinates(coordinates, 0)
        if len(run.planes.feature_names()) > 2:
            note = f"{note}, slice at {through.slice}"
    return _Scene(plane, points, coordinates[points], layers, note)


def _boundary(one: PairedRun, first: Run, where: Rectangle, clock: Clock) -> Paths | None:
    paths = one.run.planes.boundary(where, one.snapshots_at(clock))
    return None if paths is None else one.paths_at(clock, paths, first)


def _disagreement(both: tuple[PairedRun, PairedRun], where: Rectangle, clock: Clock) -> np.ndarray:
    """Return how much two runs disagree, from 0 to 1, shape (epochs, rows, columns).

    It is 0 or 1 for classes, and for numbers the difference of the predictions, compared with the
    largest one of 90 % of the places in the second half of the epochs.
    """
    inputs = where.cell_inputs()
    predicted = [one.values_at(clock, partial(_predictions, one.run, inputs)) for one in both]
    if both[0].run.classes:
        apart = (predicted[0] != predicted[1]).astype(np.float64)
    else:
        apart = np.abs(predicted[0] - predicted[1])
        apart[~np.isfinite(apart)] = 0
        apart = np.clip(apart / (np.quantile(apart[len(apart) // 2 :], _MOST) or 1.0), 0, 1)
    return apart.reshape(len(apart), where.resolution, where.resolution)


def _predictions(run: Run, inputs: np.ndarray, epochs: np.ndarray) -> np.ndarray:
    each = run.planes.layer_outputs(None, inputs, run.snapshots(epochs))
    return np.stack([_predicted(run, outputs) for outputs in each])


def _predicted(run: Run, outputs: np.ndarray) -> np.ndarray:
    """Return the class, or the number, that the network predicts at each place."""
    surfaces = run.planes.surfaces
    scores = surfaces.scores(outputs)
    if surfaces.boundary is None:
        return scores[:, 0]
    return scores[:, 0] > surfaces.boundary if scores.shape[1] == 1 else scores.argmax(axis=1)


def _shade(plane: Plane, apart: np.ndarray) -> alt.Chart:
    """Return a gray picture, which is the more opaque the more the runs disagree."""
    urls = [_picture(one) for one in apart]
    rows = packing.by_epoch(plane.clock, {"shade": [0]}, {"tile": [urls]})
    return (
        alt.Chart(packing.PackedData(rows))
        .transform_calculate(tile=packing.entry("tile", plane.clock))
        .mark_image(
            width=width_for_positions(plane.width),
            height=plane.height,
            align="left",
            baseline="top",
            aspect=False,
            tooltip=None,
            aria=False,
        )
        .encode(x=alt.XValue(0), y=alt.YValue(0), url=alt.Url("tile:N"))
    )


def _picture(apart: np.ndarray) -> str:
    """Return a picture as the ``data:`` URL of a PNG file; the first row is at the bottom."""
    opacity = np.rint(_OPACITY * apart[::-1]).astype(np.uint8)
    gray = np.full_like(opacity, _GREY)
    file = io.BytesIO()
    Image.fromarray(np.stack([gray, opacity], axis=2), "LA").save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def _over_answers(
    both: tuple[PairedRun, PairedRun],
    clock: Clock,
    width: int,
    height: int,
    max_bytes: float | None,
) -> _Scene:
    """Return the plane of both runs' probabilities of the true class, or of their errors."""
    run, names = both[0].run, (both[0].name, both[1].name)
    clock, points = kept(
        run, clock, max_bytes, bytes_per_point=4 * BYTES_PER_NUMBER, bytes_per_epoch=0
    )
    each = [_answers(one, clock) for one in both]
    end = 1.0
    if not run.classes:
        known = np.concatenate([one[np.isfinite(one)] for one in each])
        end = float(known.max(initial=0)) or 1.0
    limits = (-0.03 * end, 1.03 * end)
    plane = Plane(clock, [limits], [limits], names, width, height, overflows=False)
    rows: packing.Rows = [{"x": 0, "y": 0}, {"x": end, "y": end}]
    diagonal = alt.Chart(packing.PackedData(rows)).mark_line(
        strokeWidth=1, strokeOpacity=0.5, color=adaptive(colors.MUTED), tooltip=None, aria=False
    )
    note = "probability of the true class" if run.classes else "absolute error"
    coordinates = np.stack(each, axis=2)[:, points]
    layers = [diagonal.encode(x=plane.x(), y=plane.y())]
    return _Scene(plane, points, coordinates, layers, f"{note} in both runs")


def _answers(one: PairedRun, clock: Clock) -> np.ndarray:
    """Return the probability of the true class, or the absolute error, (epochs, points)."""
    run = one.run
    if not run.classes:
        return absolute_errors(one, clock)
    if not run.has_probabilities:
        message = (
            f"features must be given, because run {run.name!r} has scores and no probabilities, "
            "and there is no plane of two features."
        )
        raise ArgumentError(message)
    probability = one.values_at(clock, lambda epochs: run.point_probabilities(epochs=epochs))
    return np.where((run.classes == 2) & (run.targets == 0), 1 - probability, probability)


def _points(run: Run, scene: _Scene, standing: Standing) -> list[alt.Chart]:
    """Return the points, marked by who is right about them."""
    plane, points = scene.plane, scene.points
    constant: dict[str, list[Any]] = {"point": points.tolist()}
    changing = standing.columns(points)
    calculated = standing.calculated(plane.clock)
    for axis, (name, ruler) in enumerate(zip("xy", plane.rulers(), strict=True)):
        values = scene.coordinates[..., axis]
        if values.ndim == 1:
            constant[name] = ruler.rounded(values)
        else:
            changing[name] = ruler.measured(values.T)
            calculated[name] = ruler.expression(packing.entry(name, plane.clock))
    tooltip = [alt.Tooltip("point:Q", title="Point")]
    if run.classes:
        labels = class_labels(run)
        constant["target"] = [labels[target] for target in run.targets[points]]
        tooltip.append(alt.Tooltip("target:N", title="Class"))
    else:
        constant["target"] = [packing.shortened(target) for target in run.targets[points]]
        tooltip += [
            alt.Tooltip("target:Q", title="Target"),
            alt.Tooltip("lead:Q", title="Difference of absolute errors", format=".3~g"),
        ]
    rulers = None if "x" in constant else plane.rulers()
    shows = SamplePositions(run, plane.clock, points, rulers, compared=True)
    rows = packing.by_epoch(plane.clock, constant, changing)
    moving = packing.Moving(plane.clock, tuple(name for name in "xy" if name in changing))
    placed = (
        alt.Chart(packing.PackedData(rows, shows, moving))
        .transform_calculate(**calculated)
        .encode(x=plane.x(), y=plane.y(), tooltip=tooltip)
    )
    looks = PointLooks.of(len(points), plane.width, plane.height)
    return standing.layers(placed, looks.size)


def _require_same_task(run: Run, other: Run) -> None:
    """Raise an error unless both runs predict the same class or number for each point."""
    same = run.targets.shape == other.targets.shape and bool((run.targets == other.targets).all())
    if run.classes != other.classes or not same:
        tasks = [
            f"{one.classes} classes" if one.classes else "numbers as targets"
            for one in (run, other)
        ]
        message = (
            f"other must be a run with the same targets. Run {run.name!r} has {tasks[0]}, run "
            f"{other.name!r} {tasks[1]}{', but not for the same points' * (tasks[0] == tasks[1])}."
        )
        raise ArgumentError(message)
    for one in (run, other):
        if run.targets.ndim > 1 or not one.tells_predictions or one.planes.values_per_point < 1:
            message = f"Run {one.name!r} does not predict one class or number for each point."
            raise EvaluationError(message)
        if not run.classes and one.residuals(epochs=one.epochs[-1].item()).ndim > 2:
            message = f"Run {one.name!r} predicts several numbers for each point."
            raise EvaluationError(message)
