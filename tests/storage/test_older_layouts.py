"""Runs of older layouts open, are gone on with, and can be stored."""

from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from older_layouts import in_first_layout, in_third_layout
from support.training import Training, dense, small_model, train

import replaychart as rc
from replaychart.storage import layout


def _kinds_of_texts(path: Path) -> set[str]:
    """Return the kinds of dtypes in a file; "O" are texts of any length."""
    kinds: set[str] = set()

    def add(_: str, item: h5py.Group | h5py.Dataset) -> None:
        kinds.update(item.attrs.get_id(name).dtype.kind for name in item.attrs)
        if isinstance(item, h5py.Dataset):
            kinds.add(item.dtype.kind)

    with h5py.File(path) as file:
        file.visititems(add)
    return kinds


def test_recordings_of_the_first_layout_open(parabola: Training, tmp_path: Path) -> None:
    run = parabola.open()
    old = in_first_layout(run, tmp_path / "old.h5")
    assert not old._stored.recorded_variables
    assert old.epochs.dtype == np.int64
    for layer in run.layers:
        np.testing.assert_array_equal(old.coordinates(layer), run.coordinates(layer))
    pd.testing.assert_frame_equal(old.history(), run.history())


def test_recordings_of_the_third_layout_open_and_are_stored(
    two_inputs: Training, tmp_path: Path
) -> None:
    run = two_inputs.open()
    old = in_third_layout(run, tmp_path / "old.h5")
    assert "O" in _kinds_of_texts(tmp_path / "old.h5")
    for layer in run.layers:
        np.testing.assert_array_equal(old.coordinates(layer), run.coordinates(layer))
    pd.testing.assert_frame_equal(old.history(), run.history())
    pd.testing.assert_frame_equal(old.points(), run.points())
    old.store()
    stored = rc.open_run(tmp_path / "old.h5")
    assert stored._stored.evaluations()
    np.testing.assert_array_equal(stored.losses(), run.losses())


def test_training_goes_on_with_a_run_of_the_third_layout(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(15)
    model = small_model(dense(2, "tanh", "hidden"), dense(1, "sigmoid", "output"))
    kept = train(tmp_path / "new.h5", "a", model, X, y, epochs=2, class_names=["no", "yes"])
    before = in_third_layout(kept.open(), tmp_path / "old.h5")
    before.store()
    with rc.Recorder(
        X, y, tmp_path / "old.h5", "a", class_names=["no", "yes"], if_exists="append"
    ) as recorder:
        model.fit(X, y, initial_epoch=2, epochs=4, verbose=0, callbacks=[recorder])
    run = rc.open_run(tmp_path / "old.h5")
    assert run.epochs.tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(run.losses()[:3], before.losses())
    for values, expected in zip(run._stored.weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(values[-1], expected)
    assert np.isfinite(run._stored.logs["accuracy"]).sum() == 4
    with h5py.File(tmp_path / "old.h5") as file:
        assert file["a"].attrs["replaychart_layout"] == layout.LAYOUT_VERSION
    assert "O" not in _kinds_of_texts(tmp_path / "old.h5")


def test_text_of_any_length_is_refused_where_the_layout_has_none(
    parabola: Training, tmp_path: Path
) -> None:
    in_third_layout(parabola.open(), tmp_path / "old.h5")
    with h5py.File(tmp_path / "old.h5", "a") as file:
        file["parabola"].attrs["replaychart_layout"] = 4
    with pytest.raises(rc.RunFileError, match=r"is damaged: .* is a text of any length"):
        rc.open_run(tmp_path / "old.h5")
