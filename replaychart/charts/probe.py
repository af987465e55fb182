"""`probe`: what the network makes of the place under the pointer."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np

from replaychart.arguments import is_number, items_of, require_one_of, shown
from replaychart.charts.decision_boundary import decision_boundary
from replaychart.charts.feature_space import default_layer, feature_space
from replaychart.drawing.budget import MAX_BYTES, kept_epochs
from replaychart.drawing.clock import Clock
from replaychart.drawing.named_epochs import ShownEpoch
from replaychart.drawing.packing import PackedData
from replaychart.drawing.probe import (
    NAME,
    Computation,
    Place,
    computation,
    label,
    marked_view,
    marker,
    place_chart,
    probe_parameter,
)
from replaychart.drawing.samples import SamplePositions
from replaychart.drawing.stations import check_projection_names, projection_for
from replaychart.drawing.titles import Title, add_subtitle, chart_title, check_chart, level
from replaychart.errors import ArgumentError
from replaychart.facts.epochs import Epochs
from replaychart.planes.argument_types import Features, ProjectionLike, SliceAt
from replaychart.planes.projections import hashed
from replaychart.run import Run

# The share of the data that is for the probe, and not for the planes.
_SHARE = 0.25
_BYTES_PER_EPOCH = 1000


def probe(
    run: Run,
    layers: Sequence[str] | None = None,
    *,
    features: Features | None = None,
    at: SliceAt = "median",
    place: tuple[float, float] | None = None,
    projection: Mapping[str, ProjectionLike] | str | None = None,
    unit: int | None = None,
    epochs: Epochs = None,
    epoch: ShownEpoch = None,
    title: Title | None = None,
    width: int = 320,
    height: int = 320,
    max_bytes: float | None = MAX_BYTES,
) -> alt.HConcatChart:
    """Draw the plane of the inputs and those of layers, with the place under the pointer in all.

    Move the pointer over the plane of the inputs. A cross shows its image in every layer, and a
    text says what the network predicts there, at the epoch shown.

    A network of dense layers is evaluated in the page, from its recorded weights: the values are
    those of the network itself. For other networks, and for more than 5,000 weights, they are
    interpolated between the places of a lattice, and the chart says so.

    Parameters
    ----------
    run : Run
        A recorded training run with at least one vector input.
    layers : sequence of str, optional
        The layers beside the inputs, with two units or more. Default: all hidden layers with two
        units, or the last one with more if there is none.
    features : pair of str or int, optional
        The two features that span the plane of the inputs; see `decision_boundary`. Default: the
        only two; required if there are more.
    at : {"median", "mean"}, int, mapping of str to float, or array_like, default "median"
        Where the other features are held; see `decision_boundary`.
    place : pair of float, optional
        Where the probe is at first, in the plane of the inputs. Default: in its middle.
    projection : str or mapping of str, optional
        How to project layers with more than two units, as in `feature_space`: ``"pca"`` (the
        default) or another name for all of them, or a projection by the name of the layer.
    unit : int, optional
        The value that is shown, if the model predicts several for each point, counted from 0.
    epochs : float, slice, range or iterable of float, optional
        Recorded epochs to include. Default: all.
    epoch : float, {"last", "best", "half"} or altair.Parameter, optional
        The epoch shown initially: a number, a name as in `epoch_param`, or a parameter from
        `epoch_param` that charts share. Default: the last epoch.
    title : str or sequence of str, optional
        The title of all planes together, or its lines; ``{epoch}`` is replaced by the epoch shown.
        Default: none, as each plane has its own.
    width, height : int, default 320
        Size of each plane in pixels.
    max_bytes : float or None, default 20,000,000
        Approximate limit on the size of the data of each plane, in bytes. A larger chart is
        thinned, with a warning, as in `feature_space`. None means no limit.

    Returns
    -------
    altair.HConcatChart
        `decision_boundary` and `feature_space` of each layer. Probes of several runs, combined with
        ``&``, share the place, so that you can compare networks.

    Raises
    ------
    ArgumentError
        A layer does not exist or has a single unit, the inputs have more than two features and
        `features` was not given, `place` is outside the plane, or another argument is invalid.
    EvaluationError
        The model cannot be rebuilt, or it predicts several values for each point and no `unit` was
        chosen.

    Warns
    -----
    UserWarning
        Epochs or points are left out to stay within `max_bytes`.

    See Also
    --------
    layer_morph : the way of all points through the layers.

    Examples
    --------
    >>> import replaychart as rc
    >>> run = rc.open_run(rc.datasets.parabola_recording())
    >>> chart = rc.probe(run, place=(0.2, 0.5), epoch=40)
    """
    check_chart(run, width, height, max_bytes, container=False)
    run = run.of_unit(unit)
    chosen = _checked_layers(run, layers)
    through = None if features is None else run.planes.slice(features, at)
    rectangle = run.planes.rectangle(None, plane="inputs", view=through)
    identity = (
        ""
        if through is None
        else f"_{hashed(np.vstack([through.origins, through.bases[0].T]))[:8]}"
    )
    where = Place(f"{NAME}{identity}", rectangle.xlim, rectangle.ylim, through)
    start = _start(where, place)
    shared: dict[str, Any] = {
        "epochs": epochs,
        "epoch": epoch,
        "width": width,
        "height": height,
        "max_bytes": max_bytes,
    }
    inputs = decision_boundary(
        run, features=features, at=at, grid=run.planes.inputs_are_plane(), **shared
    )
    check_projection_names(run, projection)
    how = {layer: projection_for(layer, projection) for layer in chosen}
    views = {
        layer: run.planes.view(layer, _for(run, layer, how[layer]), "flatten") for layer in chosen
    }
    clock = kept_epochs(
        run, Clock.of(run, epochs, epoch), max_bytes, bytes_per_epoch=_BYTES_PER_EPOCH
    )
    room = np.inf if max_bytes is None else _SHARE * max_bytes
    computed = computation(run, where, clock, list(views.values()), room)
    _add_place(inputs, run, where, computed, width)
    planes = [inputs]
    for layer, view in views.items():
        plane = feature_space(run, layer, projection=_for(run, layer, how[layer]), **shared)
        units = _points_of(plane)
        rulers = units.data.shows.rulers
        image = computed.image(layer, view, rulers)
        plane.layer += marker(image, *_axes(units))
        planes.append(plane)
    level([plane.title for plane in planes])
    inputs.layer[0] = inputs.layer[0].add_params(probe_parameter(where.parameter, start))
    inputs.view = alt.ViewBackground(**marked_view(where.parameter))
    heading = alt.Undefined if title is None else chart_title(title, "", clock)
    return alt.HConcatChart(hconcat=planes, title=heading)


def _checked_layers(run: Run, layers: Sequence[str] | None) -> list[str]:
    if layers is None:
        return run.planes.layers() or [default_layer(run)]
    chosen = items_of("layers", layers, "names of layers")
    for layer in chosen:
        require_one_of("layers", layer, run.layers)
    return chosen


def _for(run: Run, layer: str, how: Any) -> Any:
    """Return the projection of a layer, none for two units."""
    return None if run.layer_shape(layer) == (2,) else how


def _start(where: Place, place: object) -> tuple[float, float]:
    """Return the initial place as shares of the plane."""
    if place is None:
        return 0.5, 0.5
    limits = (where.xlim, where.ylim)
    pair = list(place) if isinstance(place, (tuple, list, np.ndarray)) else []
    inside = len(pair) == 2 and all(
        is_number(one) and low <= one <= high for one, (low, high) in zip(pair, limits, strict=True)
    )
    if not inside:
        (left, right), (low, high) = limits
        message = (
            f"place must be a pair of numbers in the plane, from ({left:.4g}, {low:.4g}) to "
            f"({right:.4g}, {high:.4g}). Got {shown(place)}."
        )
        raise ArgumentError(message)
    across, up = (
        (float(one) - low) / (high - low) for one, (low, high) in zip(pair, limits, strict=True)
    )
    return across, up


def _add_place(
    inputs: alt.LayerChart, run: Run, where: Place, computed: Computation, width: int
) -> None:
    """Draw the probe in the plane of the inputs, with the output of the network."""
    x, y = _axes(_points_of(inputs))
    inputs.layer += marker(place_chart(where), x, y)
    inputs.layer += label(run, where, computed.scores(), x, y, exact=computed.exact)
    text = "move the pointer over this plane"
    if not computed.exact:
        text += " (interpolated)"
    add_subtitle(inputs.title, text, width)


def _points_of(plane: alt.LayerChart) -> alt.Chart:
    """Return the layer of a plane that shows the points."""
    layers: list[Any] = plane.layer
    return next(
        layer
        for layer in layers
        if isinstance(layer.data, PackedData) and isinstance(layer.data.shows, SamplePositions)
    )


def _axes(points: alt.Chart) -> tuple[alt.X, alt.Y]:
    return points.encoding.x.copy(), points.encoding.y.copy()
