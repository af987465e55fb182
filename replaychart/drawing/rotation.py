"""A layer with three units, seen from an angle set by two sliders."""

from typing import Any

import altair as alt
import numpy as np

from replaychart.drawing import colors, packing
from replaychart.drawing.backgrounds import adaptive
from replaychart.drawing.budget import kept
from replaychart.drawing.clock import Clock
from replaychart.drawing.composition import layered
from replaychart.drawing.expressions import literal, outright
from replaychart.drawing.packing import Ruler
from replaychart.drawing.plane import by_target
from replaychart.drawing.samples import SamplePositions
from replaychart.drawing.sizes import Width, width_for_positions, width_for_texts
from replaychart.drawing.texts import SMALL_SIZE
from replaychart.drawing.titles import Title, chart_title, note_not_finite
from replaychart.errors import ArgumentError
from replaychart.run import Run

# Initial values of the sliders in degrees, at which all three axes are visible.
_TURN, _TILT = 35, 20
# The axes extend beyond the points by this factor.
_REACH = 1.12
_DIMENSIONS = ("x", "y", "z")


def rotated_space(
    run: Run,
    layer: str,
    clock: Clock,
    *,
    grid: bool,
    title: Title | None,
    default_title: str,
    width: Width,
    height: int,
    max_bytes: float | None,
) -> alt.LayerChart:
    """Return the points in the space of a layer with three units, with axes that turn.

    Parameters
    ----------
    run : Run
        The run.
    layer : str
        A layer with three units.
    clock : Clock
        The chart's epochs.
    grid : bool
        Whether to draw the grid lines of the input plane, if the inputs have two features.
    title : str, sequence of str or None
        The user's title, or its lines; None for the default.
    default_title : str
        The default title.
    width : int or "container"
        Width of the chart.
    height : int
        Height in pixels.
    max_bytes : float or None
        The size limit; None for no limit.

    Raises
    ------
    ArgumentError
        The layer does not exist or does not have three units.
    """
    shape = run.layer_shape(layer)
    if shape != (3,):
        message = (
            f"projection 'rotate' needs a layer with 3 units. Got {layer!r} with the shape {shape}."
        )
        raise ArgumentError(message)
    one = run.planes.grid_in_space(layer, run.snapshots(clock.epochs[-1])) if grid else None
    clock, points = kept(
        run,
        clock,
        max_bytes,
        bytes_per_point=packing.BYTES_PER_NUMBER * 3,
        bytes_per_epoch=0 if one is None else packing.BYTES_PER_NUMBER * one.size,
    )
    values = run.coordinates(layer, epochs=clock.epochs)[:, points]
    lines = run.planes.grid_in_space(layer, run.snapshots(clock.epochs)) if grid else None
    everything = values.reshape(-1, 3)
    if lines is not None:
        everything = np.vstack([everything, lines.reshape(-1, 3)])
    finite = everything[np.isfinite(everything).all(axis=1)]
    middle = (finite.min(axis=0) + finite.max(axis=0)) / 2 if len(finite) else np.zeros(3)
    radius = np.linalg.norm(finite - middle, axis=1).max() if len(finite) else 1.0
    space = _Space(clock, middle, float(radius) or 1.0, width, height)
    parts: list[alt.Chart | alt.LayerChart] = [_axes(space)]
    if lines is not None:
        parts.append(_grid_lines(space, lines))
    parts.append(_points(space, run, values, points))
    heading = chart_title(title, default_title, clock)
    note_not_finite(heading, clock, "points", width_for_texts(width), values)
    return layered(parts, clock, *_sliders(), title=heading, width=width, height=height)


class _Space:
    """A ball around all points, and the projection of its points to the chart."""

    def __init__(
        self, clock: Clock, middle: np.ndarray, radius: float, width: Width, height: int
    ) -> None:
        self.clock = clock
        self.middle = middle
        self.radius = radius
        self.width = width
        self.ruler = Ruler.over(-radius, radius, pixels=max(width_for_positions(width), height))

    @property
    def moving(self) -> packing.Moving:
        """The columns that are positions."""
        return packing.Moving(self.clock, _DIMENSIONS)

    def packed(self, values: np.ndarray) -> dict[str, list[Any]]:
        """Return columns of whole numbers for values of shape (epochs, points, 3)."""
        centered = values - self.middle
        return {
            name: self.ruler.measured(centered[:, :, axis].T)
            for axis, name in enumerate(_DIMENSIONS)
        }

    def unpacked(self) -> dict[str, str]:
        """Return the expressions for the three coordinates at the epoch shown."""
        return {
            name: self.ruler.expression(packing.entry(name, self.clock)) for name in _DIMENSIONS
        }

    def encodings(self) -> dict[str, Any]:
        """Return the position channels."""
        domain = [-self.radius * _REACH, self.radius * _REACH]
        scale = alt.Scale(domain=domain, nice=False, zero=False)
        return {
            "x": alt.X("across:Q", axis=None, scale=scale),
            "y": alt.Y("up:Q", axis=None, scale=scale),
        }


def _sliders() -> list[alt.Parameter]:
    turn = alt.binding_range(min=0, max=360, step=1, name="Turn ")
    tilt = alt.binding_range(min=-90, max=90, step=1, name="Tilt ")
    return [
        alt.param(name="turn", value=_TURN, bind=turn),
        alt.param(name="tilt", value=_TILT, bind=tilt),
    ]


def _turned() -> dict[str, str]:
    """Return the expressions for the coordinates as seen: to the right, up, and to the viewer."""
    turn, tilt = "turn * PI / 180", "tilt * PI / 180"
    away = f"(datum.x * sin({turn}) + datum.y * cos({turn}))"
    return {
        "across": f"datum.x * cos({turn}) - datum.y * sin({turn})",
        "up": f"datum.z * cos({tilt}) + {away} * sin({tilt})",
        "near": f"datum.z * sin({tilt}) - {away} * cos({tilt})",
    }


def _points(space: _Space, run: Run, values: np.ndarray, points: np.ndarray) -> alt.Chart:
    targets, encodings, tooltip = by_target(run, points, width_for_texts(space.width))
    constant: dict[str, list[Any]] = {"point": points.tolist(), **targets}
    rows = packing.by_epoch(space.clock, constant, space.packed(values))
    shows = SamplePositions(run, space.clock, points, flat=False)
    # Points that are closer are larger.
    size = f"16 + 9 * datum.near / {literal(space.radius)}"
    return (
        alt.Chart(packing.PackedData(rows, shows, space.moving))
        .transform_calculate(**space.unpacked())
        .transform_calculate(**_turned())
        .transform_calculate(size=size)
        .mark_circle(opacity=1, aria=False, color=adaptive(colors.CLASSES[0]))
        .encode(
            **space.encodings(),
            **encodings,
            size=outright(alt.SizeValue, "datum.size"),
            tooltip=tooltip,
        )
    )


def _grid_lines(space: _Space, lines: np.ndarray) -> alt.Chart:
    epochs, count, vertices, _ = lines.shape
    constant = {
        "line": np.repeat(np.arange(count), vertices).tolist(),
        "vertex": np.tile(np.arange(vertices), count).tolist(),
    }
    rows = packing.by_epoch(
        space.clock, constant, space.packed(lines.reshape(epochs, count * vertices, 3))
    )
    return (
        alt.Chart(packing.PackedData(rows, moving=space.moving))
        .transform_calculate(**space.unpacked())
        .transform_calculate(**_turned())
        .mark_line(
            strokeWidth=1,
            color=adaptive(colors.GRID[0], colors.DARK_GRID[0]),
            tooltip=None,
            aria=False,
        )
        .encode(**space.encodings(), detail=alt.Detail("line:N"), order=alt.Order("vertex:Q"))
    )


def _axes(space: _Space) -> alt.LayerChart:
    """Return the axes of the three units, starting at the center and labeled at their ends."""
    rows = [
        {
            "axis": axis,
            "end": end,
            "name": f"Unit {axis + 1}" if end else "",
            **{name: end * space.radius * (place == axis) for place, name in enumerate("xyz")},
        }
        for axis in range(3)
        for end in (0, 1)
    ]
    base = (
        alt.Chart(packing.PackedData(rows))
        .transform_calculate(**_turned())
        .encode(**space.encodings())
    )
    return alt.LayerChart(
        layer=[
            base.mark_line(color=adaptive(colors.MUTED), strokeWidth=1, tooltip=None).encode(
                detail=alt.Detail("axis:N"), order=alt.Order("end:Q")
            ),
            base.mark_text(
                color=adaptive(colors.MUTED), fontSize=SMALL_SIZE, dy=-6, tooltip=None
            ).encode(text=alt.Text("name:N")),
        ]
    )
