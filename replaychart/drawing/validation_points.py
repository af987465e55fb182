"""The validation points of a run in a plane: hollow, unlike the others."""

from typing import Any

import altair as alt
import numpy as np

from replaychart.drawing import colors, packing
from replaychart.drawing.backgrounds import adaptive
from replaychart.drawing.budget import share_of_points
from replaychart.drawing.plane import Plane, by_target
from replaychart.drawing.point_looks import PointLooks
from replaychart.drawing.sizes import width_for_texts
from replaychart.drawing.titles import add_subtitle
from replaychart.facts.inputs import number_of_points
from replaychart.run import Run

# More would hide the training points; of each class, a proportional sample is drawn.
_MOST = 1_000


def validation_bytes(validation: Run | None) -> float:
    """Return the bytes per epoch of points that move, for the run of the validation points."""
    points = 0 if validation is None else min(number_of_points(validation.inputs), _MOST)
    return 2 * packing.BYTES_PER_NUMBER * points


def validation_layer(
    plane: Plane,
    run: Run,
    validation: Run,
    coordinates: np.ndarray,
    heading: alt.TitleParams,
) -> alt.Chart:
    """Return the validation points, and say in the subtitle what the hollow points are.

    Parameters
    ----------
    plane : Plane
        The axes.
    run, validation : Run
        The run, and that of its validation points.
    coordinates : numpy.ndarray, shape (epochs, points, 2) or (points, 2)
        Positions of all validation points at each of the clock's epochs, or at all of them.
    heading : altair.TitleParams
        The chart's title.
    """
    every = len(validation.targets)
    points = share_of_points(validation, min(every, _MOST))
    shown = f"{len(points):,} of {every:,} " if len(points) < every else ""
    add_subtitle(heading, f"hollow: {shown}validation points", width_for_texts(plane.width))
    # Not named "point": their numbers are those of other points.
    constant: dict[str, list[Any]] = {"validation_point": points.tolist()}
    changing: dict[str, list[Any]] = {}
    calculated: dict[str, str] = {}
    for axis, (name, ruler) in enumerate(zip("xy", plane.rulers(), strict=True)):
        if coordinates.ndim == 2:
            constant[name] = ruler.rounded(coordinates[points, axis])
        else:
            changing[name] = ruler.measured(coordinates[:, points, axis].T)
            calculated[name] = ruler.expression(packing.entry(name, plane.clock))
    width = width_for_texts(plane.width)
    targets, _, (_, *tooltip) = by_target(validation, points, width)
    _, encodings, _ = by_target(run, np.arange(1), width)
    rows = packing.by_epoch(plane.clock, constant | targets, changing)
    looks = PointLooks.of(len(run.targets) + len(points), plane.width, plane.height)
    base = alt.Chart(packing.PackedData(rows, moving=packing.Moving(plane.clock, tuple(changing))))
    if calculated:
        base = base.transform_calculate(**calculated)
    return base.mark_point(
        shape="circle",
        filled=False,
        size=looks.size,
        strokeWidth=1.3,
        opacity=1,
        clip=True,
        style=plane.style(),
        color=adaptive(colors.CLASSES[0]),
        aria=False,
    ).encode(
        x=plane.x(),
        y=plane.y(),
        tooltip=[alt.Tooltip("validation_point:Q", title="Validation point"), *tooltip],
        **encodings,
    )
