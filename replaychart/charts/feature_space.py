"""`feature_space`: how a hidden layer bends the plane."""

import dataclasses
import math
import re
from functools import partial
from typing import Any, Literal, NamedTuple, get_args

import altair as alt
import numpy as np

from replaychart.arguments import require_one_of
from replaychart.drawing.budget import MAX_BYTES, kept_around_paths
from replaychart.drawing.class_labels import label_layers
from replaychart.drawing.clock import Clock
from replaychart.drawing.composition import layered
from replaychart.drawing.framing import axis_limits
from replaychart.drawing.limits import LimitsOver
from replaychart.drawing.named_epochs import ShownEpoch
from replaychart.drawing.plane import (
    Plane,
    grid_layer,
    point_bytes,
    points_layers,
    surface_layer,
)
from replaychart.drawing.rotation import rotated_space
from replaychart.drawing.sizes import Width, width_for_texts
from replaychart.drawing.threshold import (
    Threshold,
    boundary_paths,
    checked_threshold,
    decided_boundary_layer,
    parameters,
    threshold_expression,
    titled,
)
from replaychart.drawing.thumbnails import Images, Thumbnails
from replaychart.drawing.titles import (
    Title,
    add_subtitle,
    chart_title,
    check_chart,
    named_title,
    note_not_finite,
)
from replaychart.drawing.validation_points import validation_bytes, validation_layer
from replaychart.drawing.wording import in_words, layer_in_words
from replaychart.errors import ArgumentError
from replaychart.facts.epochs import Epochs
from replaychart.planes.argument_types import PlaneName, Positions, ProjectionLike
from replaychart.planes.extents import Limits
from replaychart.planes.paths import Paths
from replaychart.planes.planes import BANDS, GRID_LINES, RESOLUTION
from replaychart.planes.projections import Projection
from replaychart.planes.rectangle import checked_limits
from replaychart.run import Run


def feature_space(
    run: Run,
    layer: str | None = None,
    *,
    projection: ProjectionLike | Literal["rotate"] | None = None,
    positions: Positions = "flatten",
    xlim: Limits | None = None,
    ylim: Limits | None = None,
    resolution: int = RESOLUTION,
    grid: bool = True,
    validation: bool = True,
    surface: PlaneName | Literal["auto"] | None = "auto",
    unit: int | None = None,
    scale: LimitsOver = "fixed",
    shapes: bool = False,
    labels: bool = True,
    images: Images = False,
    most_images: int = 150,
    threshold: Threshold = False,
    epochs: Epochs = None,
    epoch: ShownEpoch = None,
    title: Title | None = None,
    width: Width = 400,
    height: int = 400,
    max_bytes: float | None = MAX_BYTES,
) -> alt.LayerChart:
    """Draw the points in a layer's space, with warped grid lines, decision surface and boundary.

    A layer with two units is drawn directly, any other through a projection.

    Parameters
    ----------
    run : Run
        The recorded training run.
    layer : str, optional
        Any layer with at least two units. Default: the last hidden layer with exactly two units, or
        the last one with more if there is none. A layer that the model calls several times is shown
        at its first call.
    projection : optional
        How to project a wider layer to two dimensions; one basis is used for the whole run:

        - ``"pca"`` (the default): principal components of the points' deviations from the mean of
          their epoch, over all epochs (the pooled within-epoch covariance). You see where all
          points drift together, but the drift does not choose the directions.
        - ``"pca-pooled"``: principal components of all epochs together. If the points drift far,
          the first component shows mainly the drift.
        - ``"pca-last"``: principal components of the last epoch.
        - ``"output-weights"``: the directions along which the outputs change most, of the last
          epoch's weights (left singular vectors of the output layer's kernel); for a layer that
          the output layer follows directly. If there is only one direction, the second axis is
          the one across it along which the points differ most.
        - ``"discriminants"``: linear discriminants of the classes at the last epoch, with a shrunk
          covariance. With two classes there is one, and the second axis is as above.
        - ``"aligned"``: principal components of each epoch, rotated to match those of the previous
          epoch (orthogonal Procrustes).
        - a pair of int: two units, counted from 0.
        - array_like of shape (units, 2): a matrix that multiplies the outputs from the right.
        - an object with ``fit`` and ``transform``, such as a scikit-learn transformer. It is copied
          and fitted to all epochs together, and receives the targets if its ``fit`` requires them.
        - ``"rotate"``: for three units, a 3-D view with two sliders to turn and tilt it.
    positions : {"flatten", "mean"}, default "flatten"
        Whether outputs with several axes (those of convolutions, for example) are flattened or
        averaged over all positions.
    xlim, ylim : tuple of float, optional
        The rectangle of the input plane that is mapped through the layer; with
        ``surface="layer"``, the rectangle of the layer's plane that is evaluated and shown.
        Default: around all recorded points.
    resolution : int, default 100
        Number of lattice points along each side of the rectangle, from which contours are computed.
    grid : bool, default True
        Whether to draw the warped grid lines. They are left out if the inputs do not have exactly
        two features, or if the run was recorded from outputs, without a model.
    validation : bool, default True
        Whether to draw the validation points, if any were recorded, as hollow circles: at most
        1,000, a proportional sample of each class.
    surface : {"auto", "inputs", "layer", None}, default "auto"
        ``"inputs"`` fills the image of the rectangle, ``"layer"`` evaluates the rest of the network
        over the layer's own plane, and None draws no surface. ``"auto"`` selects ``"inputs"`` for
        inputs with two features and ``"layer"`` for all others. It draws no surface, and the
        subtitle gives the reason, if the run has no model or not all of its weights, or if the
        model predicts several values for each point; instead of ``"layer"`` also if the projection
        cannot be inverted, or if a branch of the network bypasses the layer. The plane of a
        projected layer passes through the mean of the layer's outputs over all epochs; with
        ``"aligned"``, over each epoch; with ``"pca-last"``, ``"output-weights"`` and
        ``"discriminants"``, over the last epoch; with a fitted object, through the point that the
        object maps back from (0, 0).
    unit : int, optional
        The value that the surface shows, if the model predicts several for each point (a mean and a
        variance, quantiles, several targets): its position in the output, counted from 0. Points
        have the colors of its targets, if there is one for each value. Of several labels, it is
        the probability of this label. Default: the only value.
    scale : {"fixed", "per-epoch"}, default "fixed"
        Whether the axes stay the same for the whole run or follow the points.
    shapes : bool, default False
        Whether the points of different classes also differ in shape.
    labels : bool, default True
        Whether to write the names of the classes at the median of their points, if there are 4 to
        40 classes.
    images : bool, sequence of int or numpy.ndarray, default False
        Draws points as pictures, in frames with the color of their class, and shows pictures in
        the tooltips of up to 1,000 points. True takes the recorded points, if they are pictures; a
        shape, such as ``(8, 8)`` or ``(32, 32, 3)``, the recorded points in this shape; an array
        has one picture for each recorded point, shape (points, rows, columns) or (points, rows,
        columns, 3). The lowest of all values is black, the highest white; if most pixels are near
        the lowest value, as those of handwritten digits, they are drawn in the color of their
        class, on white. Pictures with more than 32 pixels on a side are made smaller. Not for
        ``projection="rotate"``.
    most_images : int, default 150
        The largest number of points drawn as pictures: a proportional sample of each class. The
        other points stay dots. With 0, pictures are in tooltips only.
    threshold : altair.Parameter or bool, default False
        The probability from which on a point counts as class 1: True for a slider that starts at
        0.5, or a parameter from `threshold_param` that charts share. By default, there is no slider
        and the network decides. It needs two classes with probabilities,
        and is not for ``projection="rotate"``.
    epochs : float, slice, range or iterable of float, optional
        Recorded epochs to include. Default: all.
    epoch : float, {"last", "best", "half"} or altair.Parameter, optional
        The epoch shown initially: a number, a name as in `epoch_param`, or a parameter from
        `epoch_param` that charts share. Default: the last epoch.
    title : str or sequence of str, optional
        The title, or its lines; ``{epoch}`` is replaced by the epoch shown. Default: the layer's
        name in words and the epoch.
    width, height : int or "container", default 400
        Size in pixels. If it is square and the two units span comparable ranges, both axes have the
        same scale. A width of ``"container"`` fills the page or element around the chart.
    max_bytes : float or None, default 20,000,000
        Approximate limit on the size of the chart's data, in bytes. A larger chart is thinned, with
        a warning: first to evenly spaced epochs, down to 200; then to a proportional sample of each
        class, down to 2,000 points; then both further. None means no limit.

    Returns
    -------
    altair.LayerChart
        Surface, grid lines, points and boundary. The points are colored by class, or by target for
        a regression; those predicted as another class are ringed. The size of the points follows
        from their number. The grid lines of the two inputs differ in color. The surface shows the
        probability of class 1, the predicted class if there are more than two, or the predicted
        value for a regression.

    Raises
    ------
    ArgumentError
        The layer does not exist or has fewer than two units, the projection does not fit the layer,
        an epoch was not recorded, or another argument is invalid.
    EvaluationError
        The model cannot be rebuilt or has no graph of layers.
    MissingDependencyError
        The projection needs scikit-learn, which is not installed.

    Warns
    -----
    UserWarning
        Epochs or points are left out to stay within `max_bytes`.

    Examples
    --------
    >>> import replaychart as rc
    >>> run = rc.open_run(rc.datasets.parabola_recording())
    >>> chart = rc.feature_space(run, layer="hidden", epoch=15)

    References
    ----------
    C. Olah, "Neural Networks, Manifolds, and Topology" (2014),
    https://colah.github.io/posts/2014-03-NN-Manifolds-Topology/
    """
    check_chart(run, width, height, max_bytes)
    run = run.of_unit(unit)
    chosen = checked_threshold(run, threshold)
    room = width_for_texts(width)
    require_one_of("scale", scale, get_args(LimitsOver))
    require_one_of("surface", surface, ["auto", *get_args(PlaneName), None])
    xlim, ylim = checked_limits("xlim", xlim), checked_limits("ylim", ylim)
    layer = default_layer(run) if layer is None else layer
    require_one_of("layer", layer, run.layers)
    clock = Clock.of(run, epochs, epoch)
    thumbnails = Thumbnails.of(run, images, most_images, width, height)
    default_title = named_title(layer_in_words(layer), " \N{MIDDLE DOT} epoch {epoch}", room)
    if isinstance(projection, str) and projection == "rotate":
        if chosen is not None:
            message = "threshold is for planes. Got threshold together with projection='rotate'."
            raise ArgumentError(message)
        if thumbnails is not None:
            message = "images is for planes. Got images together with projection='rotate'."
            raise ArgumentError(message)
        return rotated_space(
            run,
            layer,
            clock,
            grid=grid and run.has_model,
            title=title,
            default_title=default_title,
            width=width,
            height=height,
            max_bytes=max_bytes,
        )
    view = run.planes.view(layer, projection, positions)
    left_out = _why_no_surface(run, layer, view) if surface == "auto" else None
    over: PlaneName | None = "inputs" if run.planes.inputs_are_plane() else "layer"
    if surface != "auto":
        over = surface
    elif left_out:
        over = None
    rectangle = None
    if over == "layer":
        rectangle = xlim, ylim = run.planes.layer_limits(layer, xlim, ylim, view=view)
    paths = _Paths(run, layer, view, over, grid, xlim, ylim, resolution, chosen)
    clock, points, drawn = kept_around_paths(
        run,
        clock,
        max_bytes,
        paths.at,
        bytes_per_point=point_bytes(run, 2) + _bytes_of_pictures(thumbnails, clock),
        bytes_per_epoch=validation_bytes(run.validation if validation else None),
    )
    snapshots = run.snapshots(clock.epochs)
    coordinates = run.planes.coordinates(layer, snapshots, view, points)
    others = None
    if validation and run.validation is not None:
        others = run.validation.planes.coordinates(layer, snapshots, view)
    xlims, ylims = axis_limits(
        coordinates if others is None else np.concatenate([coordinates, others], axis=1),
        snapshots,
        scale=scale,
        grid=drawn.lines,
        surface=drawn.rings,
        rectangle=rectangle,
    )
    titles = ("Unit 1", "Unit 2") if view is None else _titles(layer, view)
    plane = Plane(clock, xlims, ylims, titles, width, height, overflows=over == "layer")
    layers = [
        surface_layer(plane, run, drawn.rings, bands=BANDS) if drawn.rings else None,
        grid_layer(plane, run, drawn.lines, partial(paths.bent, clock)) if drawn.lines else None,
        *points_layers(
            plane,
            run,
            coordinates,
            points,
            shapes=shapes,
            threshold=threshold_expression(chosen),
            thumbnails=thumbnails,
        ),
        decided_boundary_layer(plane, run, drawn.boundary, chosen) if drawn.boundary else None,
        *(label_layers(plane, run, coordinates, points) if labels else []),
    ]
    default_title, shown = titled(default_title, chosen)
    heading = chart_title(title, default_title, clock, **shown)
    if thumbnails is not None and 0 < thumbnails.most < len(points):
        count = f"{thumbnails.most:,} of {len(points):,}"
        add_subtitle(heading, f"pictures: {count} points", room)
    if others is not None and run.validation is not None:
        layers.insert(2, validation_layer(plane, run, run.validation, others, heading))
    note_not_finite(heading, clock, "points", room, coordinates)
    if run.tells_predictions and run.targets.ndim == 1 and np.isfinite(coordinates).all():
        # The layer's values can be finite while the outputs are not: a ReLU turns NaN into 0.
        note_not_finite(heading, clock, "output", room, run.outputs(epochs=clock.epochs))
    of_unit = run.planes.unit_shown()
    if of_unit is not None and over is not None:
        add_subtitle(heading, of_unit, room)
    if left_out:
        add_subtitle(heading, f"no surface: {left_out}", room)
    if over == "layer" and view is not None:
        add_subtitle(heading, "background: network output on the plane shown", room)
    return layered(
        [part for part in layers if part is not None],
        clock,
        *parameters(chosen),
        title=heading,
        width=width,
        height=height,
    )


def _bytes_of_pictures(thumbnails: Thumbnails | None, clock: Clock) -> float:
    """Return the bytes of pictures per point and epoch, although they are there only once."""
    return 0.0 if thumbnails is None else thumbnails.bytes_per_point() / len(clock.epochs)


class _Drawn(NamedTuple):
    """The paths drawn around the points; None for each that is not drawn."""

    rings: Paths | None
    boundary: Paths | None
    lines: Paths | None


@dataclasses.dataclass(frozen=True)
class _Paths:
    """The options for what is drawn around the points; see `feature_space` for their meaning."""

    run: Run
    layer: str
    view: Projection | None
    surface: PlaneName | None
    grid: bool
    xlim: Limits | None
    ylim: Limits | None
    resolution: int
    threshold: alt.Parameter | None

    def at(self, clock: Clock) -> _Drawn:
        """Return surface, boundary and grid lines at the epochs of a clock."""
        planes, snapshots = self.run.planes, self.run.snapshots(clock.epochs)
        limits: dict[str, Any] = {"xlim": self.xlim, "ylim": self.ylim}
        rings = boundary = lines = None
        if self.surface is not None:
            rectangle = planes.rectangle(
                self.layer,
                plane=self.surface,
                resolution=self.resolution,
                view=self.view,
                **limits,
            )
            rings = planes.surface(rectangle, snapshots)
            if planes.surfaces.boundary is not None:
                boundary = boundary_paths(self.run, rectangle, snapshots, self.threshold)
        if self.grid and planes.inputs_are_plane() and self.run.has_model:
            lines = planes.grid(self.layer, snapshots=snapshots, **self._of_grid())
        return _Drawn(rings, boundary, lines)

    def bent(self, clock: Clock) -> tuple[np.ndarray, np.ndarray]:
        """Return the grid lines as `Planes.grid_vertices` does."""
        snapshots = self.run.snapshots(clock.epochs)
        return self.run.planes.grid_vertices(self.layer, snapshots=snapshots, **self._of_grid())

    def _of_grid(self) -> dict[str, Any]:
        on_layer = self.surface == "layer"
        return {
            "xlim": None if on_layer else self.xlim,
            "ylim": None if on_layer else self.ylim,
            "lines": GRID_LINES,
            "view": self.view,
        }


def _titles(layer: str, view: Projection) -> tuple[str, str]:
    """Return the titles of the axes, without the layer's name, which is in the chart's title."""
    first, second = view.titles
    return _title(layer, first), _title(layer, second)


def _title(layer: str, title: str) -> str:
    unit = re.fullmatch(rf"{re.escape(layer)}\[(\d+)\]", title)
    if unit:
        return f"Unit {int(unit[1]) + 1}"
    return in_words(title.removeprefix(f"{layer}, "))


def default_layer(run: Run) -> str:
    """Return the last hidden layer with two units, or the last one with more if there is none."""
    if run.planes.layers():
        return run.planes.layers()[-1]
    shapes = {layer: run.layer_shape(layer) for layer in run.layers}
    if set(shapes.values()) == {None}:
        run.planes.require(run.layers[-1])
    hidden = run.planes.hidden_layers()
    wide = [layer for layer in hidden if shapes[layer] not in (None, (), (1,))]
    if wide:
        return wide[-1]
    kind = "hidden" if run.has_model else "recorded"
    listed = ", ".join(f"{layer!r} {shape}" for layer, shape in shapes.items()) or "none"
    message = (
        f"layer must have at least 2 units, but no {kind} layer of run {run.name!r} does. Its "
        f"layers and their shapes are: {listed}."
    )
    raise ArgumentError(message)


def _why_no_surface(run: Run, layer: str, view: Projection | None) -> str | None:
    """Return the reason why no surface can be drawn, None if one can."""
    if not run.has_model:
        return "recorded from outputs, without the model"
    if not run.tells_predictions:
        return "not all of the model's weights were recorded"
    if not run.planes.has_one_surface_per_class():
        several = max(run.planes.values_per_point, math.prod(run.targets.shape[1:]))
        return f"the model predicts {several} values for each point; choose one with unit="
    if run.planes.inputs_are_plane():
        return None
    if view is not None and view.slice is None:
        return "the projection cannot be inverted"
    if not run.planes.continues_from(layer):
        return "a branch bypasses the layer"
    return None
