"""Thinning moves no path by more than its tolerance."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from replaychart.planes.paths import Paths, Piece


def _distance(points: np.ndarray, line: np.ndarray) -> np.ndarray:
    nearest = np.full(len(points), np.inf)
    for begin, end in itertools.pairwise(line):
        along = end - begin
        length = along @ along
        share = (
            np.clip((points - begin) @ along / length, 0, 1) if length else np.zeros(len(points))
        )
        nearest = np.minimum(
            nearest, np.linalg.norm(points - begin - share[:, None] * along, axis=1)
        )
    return nearest


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 60), st.integers(0, 2**31), st.floats(1e-4, 0.3))
def test_thinned_path_stays_within_its_tolerance(count: int, seed: int, tolerance: float) -> None:
    rng = np.random.default_rng(seed)
    line = np.cumsum(rng.normal(size=(count, 2)) * 0.1, axis=0).astype(np.float32)
    other = np.array([[0, 0], [1, 1]], np.float32)
    paths = Paths.from_pieces([Piece(0, 0.0, line), Piece(1, 1.0, other)])
    thin = paths.simplified(np.full((2, 2), tolerance))
    first, second = (piece.vertices for piece in thin.pieces())
    np.testing.assert_array_equal(first[[0, -1]], line[[0, -1]])
    np.testing.assert_array_equal(second, other)
    assert _distance(line.astype(float), first.astype(float)).max() <= tolerance * (1 + 1e-5)


def test_straight_lines_keep_only_their_ends() -> None:
    line = np.stack([np.linspace(0, 1, 500), np.linspace(0, 2, 500)], axis=1)
    thin = Paths.from_pieces([Piece(0, 0.0, line)]).simplified(np.full((1, 2), 1e-4))
    np.testing.assert_allclose(thin.vertices, [[0, 0], [1, 2]])


def test_selection_keeps_whole_paths() -> None:
    pieces = [Piece(s, float(v), np.full((v + 2, 2), s)) for s in range(3) for v in range(2)]
    chosen = Paths.from_pieces(pieces).selected([2, 0])
    assert chosen.snapshot.tolist() == [0, 0, 2, 2]
    assert chosen.lengths().tolist() == [2, 3, 2, 3]
    assert (chosen.vertices[5:] == 2).all()
