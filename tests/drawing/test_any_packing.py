"""For any recording, the unpacked data of a chart equal the frame from which it was made.

The data are unpacked here independently, as `drawing/packing.py` documents the packed form.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from support.any_network import AnyNetwork, networks

import replaychart as rc

examples = settings(max_examples=settings().max_examples // 12)

RESOLUTION, BANDS = 30, 10

recordings = networks(features=st.just(2), heads=("sigmoid", "one logit", "sparse logits"))


def _view(spec: dict[str, Any], mark: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The first view with a mark, and its rows."""
    view = next(view for view in spec.get("layer", [spec]) if view["mark"]["type"] == mark)
    return view, spec["datasets"][view["data"]["name"]]


def _ruler(view: dict[str, Any], column: str) -> tuple[float, float]:
    """The origin and the step with which a view measures a column."""
    (expression,) = [t["calculate"] for t in view["transform"] if t.get("as") == column]
    number = r"(-?[\d.e+-]+)"
    found = re.search(rf"\? {number} \+ {number} \* ", expression)
    assert found is not None, expression
    return float(found[1]), float(found[2])


def _by_point(view: dict[str, Any], rows: list[dict[str, Any]], column: str) -> pd.DataFrame:
    """A packed column as rows of epoch, row and value."""
    origin, step = _ruler(view, column)
    return pd.DataFrame(
        [
            (epoch, row.get("point", number), np.nan if steps is None else origin + step * steps)
            for number, row in enumerate(rows)
            for epoch, steps in zip(rows[0]["replay_epochs"], row[f"replay_{column}"], strict=True)
        ],
        columns=["epoch", "point", "value"],
    ).sort_values(["epoch", "point"])


def _rings(view: dict[str, Any], row: dict[str, Any], place: int) -> list[np.ndarray]:
    """The vertices of each ring of a packed row at an epoch, which are separated by gaps."""
    origin_x, step_x = _ruler(view, "x")
    origin_y, step_y = _ruler(view, "y")
    rings: list[list[tuple[float, float]]] = [[]]
    for x, y in zip(row["replay_xs"][place], row["replay_ys"][place], strict=True):
        if x is None:
            rings.append([])
        else:
            rings[-1].append((origin_x + step_x * x, origin_y + step_y * y))
    return [np.array(ring) for ring in rings if ring]


@examples
@given(network=recordings)
def test_points_unpack_to_their_frame(network: AnyNetwork, directory: Path) -> None:
    run = network.record(directory).run
    spec = rc.decision_boundary(run, resolution=RESOLUTION).to_dict()
    view, rows = _view(spec, "circle")
    surface, _ = _view(spec, "line")
    frame = run.points()
    assert len(rows) == network.points
    points = [row["point"] for row in rows]
    assert sorted(points) == list(range(network.points))
    assert [str(row["target"]) for row in rows] == list(map(str, run.targets[points]))
    for axis, column in enumerate("xy"):
        # These do not move: plain numbers with the precision of the packed ones of the same plane.
        _, step = _ruler(surface, column)
        away = np.abs([row[column] for row in rows] - run.inputs[points, axis])
        assert away.max() <= step / 2 * (1 + 1e-6), column
    unpacked = _by_point(view, rows, "p")
    assert unpacked["epoch"].tolist() == frame["epoch"].tolist()
    assert unpacked["point"].tolist() == frame["point"].tolist()
    # Rounded down to hundredths, and up or down where 0.5 is missed by a rounding error.
    away = frame["probability"].to_numpy() - unpacked["value"].to_numpy()
    assert away.min() >= -1e-6
    assert away.max() <= 0.01 + 1e-6


@examples
@given(network=recordings)
def test_surface_unpacks_to_its_frame(network: AnyNetwork, directory: Path) -> None:
    run = network.record(directory).run
    view, rows = _view(rc.decision_boundary(run, resolution=RESOLUTION).to_dict(), "line")
    frame = run.surface(resolution=RESOLUTION, bands=BANDS)
    allowed = np.array([_ruler(view, column)[1] for column in "xy"]) / 2 * (1 + 1e-6)
    for place, epoch in enumerate(network.epochs):
        # They are painted on top of each other, so rows are ordered by level, then by class.
        packed = [ring for row in rows for ring in _rings(view, row, place)]
        own = frame[frame["epoch"] == epoch]
        expected = [
            ring[["x", "y"]].to_numpy()
            for _, ring in own.groupby(["level", "class", "ring"], sort=True)
        ]
        assert [len(ring) for ring in packed] == [len(ring) for ring in expected]
        for ring, other in zip(packed, expected, strict=True):
            assert (np.abs(ring - other).max(axis=0) <= allowed).all()


@examples
@given(network=recordings)
def test_bars_unpack_to_their_frame(network: AnyNetwork, directory: Path) -> None:
    run = network.record(directory).run
    _, rows = _view(rc.loss_histogram(run, bins=9).to_dict(), "bar")
    frame = run.loss_histogram(bins=9)
    assert rows[0]["replay_epochs"] == list(network.epochs)
    counts = np.array([row["replay_count"] for row in rows])
    for place, epoch in enumerate(network.epochs):
        own = frame[frame["epoch"] == epoch]
        assert counts[:, place].tolist() == own["count"].tolist()
        np.testing.assert_allclose([row["bin_start"] for row in rows], own["bin_start"], rtol=1e-5)
