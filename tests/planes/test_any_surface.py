"""For any network, filled contours enclose the region where the surface reaches their level."""

from pathlib import Path

import keras
import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from support.any_network import AnyNetwork, Hidden, Recorded, given_by, hidden_layers, networks
from support.winding import covered

examples = settings(max_examples=settings().max_examples // 10)

PLACES = 60
RESOLUTION = 50
XLIM, YLIM = (-2.0, 2.5), (-1.5, 2.0)
# Offsets in lattice cells: if all of these neighbors are on the same side, no line is near.
AROUND = np.stack(np.meshgrid(np.linspace(-1, 1, 7), np.linspace(-1, 1, 7)), -1).reshape(-1, 2)
CELL = np.array([XLIM[1] - XLIM[0], YLIM[1] - YLIM[0]]) / (RESOLUTION - 1)

planes = networks(
    features=st.just(2),
    hidden=st.lists(hidden_layers(st.integers(1, 6)), min_size=1, max_size=2).map(tuple),
    heads=("sigmoid", "one logit", "softmax", "sparse logits", "number"),
    gains=(0.5, 1.0, 2.0, 4.0),
)

# The last hidden layer has two units. The layers before it may fold the plane.
folds = networks(
    features=st.just(2),
    hidden=st.tuples(
        st.builds(Hidden, st.integers(3, 8), st.sampled_from(["tanh", "relu", "silu", "sigmoid"])),
        st.builds(Hidden, st.just(2), st.sampled_from([None, "tanh", "softsign", "elu"])),
    ),
    heads=("sigmoid", "one logit", "softmax", "number"),
    gains=(1.0, 2.0, 3.0),
)


def _heights(network: AnyNetwork, outputs: np.ndarray) -> np.ndarray:
    """The surface of each class: probability of class 1, margin, or prediction."""
    if network.head == "number":
        return outputs
    if network.head in ("sigmoid", "one logit"):
        return outputs if network.head == "sigmoid" else np.exp(-np.logaddexp(0, -outputs))
    if network.head == "sparse logits":
        outputs = keras.ops.convert_to_numpy(keras.ops.softmax(outputs))
    if outputs.shape[1] == 2:
        return outputs[:, 1:]
    ranked = np.sort(outputs, axis=1)
    wins = outputs == ranked[:, -1:]
    return outputs - np.where(wins, ranked[:, -2:-1], ranked[:, -1:])


def _of_class(surface: pd.DataFrame, classes: int) -> list[tuple[int, pd.DataFrame]]:
    if classes == 1:
        return [(0, surface)]
    return [(number, surface[surface["class"] == number]) for number in range(classes)]


def _check(
    surface: pd.DataFrame,
    where: np.ndarray,
    around: np.ndarray,
    can: np.ndarray,
) -> None:
    """Compare the covered region with the heights of neighbors that are all on the same side.

    `around` has the shape (places, neighbors, classes). Where `can` is false, a place may be left
    uncovered, but must not be covered at a level that it does not reach.
    """
    for number, own in _of_class(surface, around.shape[2]):
        low, high = around[:, :, number].min(axis=1), around[:, :, number].max(axis=1)
        for level, rings in own.groupby("level"):
            inside = covered(rings, where) != 0
            assert not inside[high < level].any(), f"covered below {level}"
            assert inside[(low >= level) & can].all(), f"not covered above {level}"


@examples
@given(network=planes)
def test_contours_enclose_what_reaches_their_level(network: AnyNetwork, directory: Path) -> None:
    recorded = network.record(directory)
    rng = np.random.default_rng(network.seed)
    margin = 2 * CELL
    low, high = np.array([XLIM[0], YLIM[0]]) + margin, np.array([XLIM[1], YLIM[1]]) - margin
    surface = recorded.run.surface(xlim=XLIM, ylim=YLIM, resolution=RESOLUTION, bands=6)
    for snapshot, epoch in enumerate(network.epochs):
        where = rng.uniform(low, high, (PLACES, 2))
        model = recorded.at(snapshot)
        near = (where[:, None] + 1.5 * CELL * AROUND).reshape(-1, 2)
        around = _heights(network, given_by(model, near)).reshape(PLACES, len(AROUND), -1)
        own = surface[surface["epoch"] == epoch]
        _check(own, where, around, np.ones(PLACES, bool))


@examples
@given(network=folds)
def test_contours_in_a_layer_that_folds_the_plane(network: AnyNetwork, directory: Path) -> None:
    recorded = network.record(directory)
    layer = _plane_of(recorded)
    rng = np.random.default_rng(network.seed)
    surface = recorded.run.surface(layer, xlim=XLIM, ylim=YLIM, resolution=RESOLUTION, bands=6)
    for snapshot, epoch in enumerate(network.epochs):
        recorded.at(snapshot)
        before, behind = recorded.part(None, layer), recorded.part(layer, None)
        inner = rng.uniform(
            np.array([XLIM[0], YLIM[0]]) + 3 * CELL, np.array([XLIM[1], YLIM[1]]) - 3 * CELL,
            (PLACES, 2),
        )  # fmt: skip
        where = given_by(before, inner)
        reach = 1.5 * _largest_cell(before)
        near = (where[:, None] + reach * AROUND).reshape(-1, 2)
        around = _heights(network, given_by(behind, near)).reshape(PLACES, len(AROUND), -1)
        own = surface[surface["epoch"] == epoch]
        _check(own, where, around, _flat_sided(before, inner))


def _plane_of(recorded: Recorded) -> str:
    return [name for name in recorded.run.layers if name != "output"][-1]


def _lattice_image(before: keras.Model) -> np.ndarray:
    x, y = np.linspace(*XLIM, RESOLUTION), np.linspace(*YLIM, RESOLUTION)
    lattice = np.stack(np.meshgrid(x, y), -1)
    return given_by(before, lattice.reshape(-1, 2)).reshape(RESOLUTION, RESOLUTION, 2)


def _largest_cell(before: keras.Model) -> float:
    """The largest distance between images of the corners of a lattice cell."""
    image = _lattice_image(before)
    corners = np.stack([image[:-1, :-1], image[:-1, 1:], image[1:, :-1], image[1:, 1:]])
    return float(np.ptp(corners, axis=0).max())


def _flat_sided(before: keras.Model, inner: np.ndarray) -> np.ndarray:
    """Whether the layer neither folds nor flattens the plane around each place.

    Paths are thinned: they may be off by 1/2000 of the picture, which is all of a flat part.
    """
    cells, small = 2.5, 0.02
    around = inner[:, None] + cells * CELL * AROUND
    at, right, up = (
        given_by(before, (around + small * CELL * shift).reshape(-1, 2)).astype(np.float64)
        for shift in np.array([[0, 0], [1, 0], [0, 1]])
    )
    jacobians = np.stack([right - at, up - at], axis=-1) / small
    areas = np.linalg.det(jacobians).reshape(len(inner), -1)
    least = np.linalg.svd(jacobians, compute_uv=False)[:, -1].reshape(len(inner), -1).min(axis=1)
    extent = np.ptp(_lattice_image(before).reshape(-1, 2), axis=0).max()
    wide = cells * least > 2 * extent / 2000
    return wide & ((areas > 0).all(axis=1) | (areas < 0).all(axis=1))
