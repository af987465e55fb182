"""Opening files of runs, valid and invalid."""

from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from support.training import EPOCHS, Training, dense, small_model

import replaychart as rc
from replaychart.storage.hdf5 import fixed_texts


def test_attributes_of_a_run(parabola: Training) -> None:
    run = rc.open_run(parabola.path, parabola.group)
    assert run.name == "parabola"
    assert run.epochs.tolist() == list(range(EPOCHS + 1))
    assert run.layers == ["hidden", "output"]
    np.testing.assert_array_equal(run.inputs, parabola.X)
    np.testing.assert_array_equal(run.targets, parabola.y)
    assert repr(run) == "Run('parabola': 200 points, epochs 0 to 6, layers 'hidden', 'output')"


def test_only_run_needs_no_name(parabola: Training) -> None:
    assert rc.open_run(str(parabola.path)).name == "parabola"


def test_errors_name_the_file_and_what_is_allowed(parabola: Training, tmp_path: Path) -> None:
    with pytest.raises(rc.RunFileError, match="There is no file '.*missing.h5'"):
        rc.open_run(tmp_path / "missing.h5")
    text = tmp_path / "text.h5"
    text.write_text("hello")
    with pytest.raises(rc.RunFileError, match="is not an HDF5 file"):
        rc.list_runs(text)
    with pytest.raises(rc.RunFileError, match="is not an HDF5 file"):
        rc.open_run(tmp_path)
    empty = tmp_path / "empty.h5"
    h5py.File(empty, "w").close()
    assert rc.list_runs(empty) == []
    with pytest.raises(rc.RunFileError, match="contains no run of ReplayChart"):
        rc.open_run(empty)
    with pytest.raises(rc.RunFileError, match="group must be one of 'parabola'.* Got 'other'"):
        rc.open_run(parabola.path, "other")


def test_several_runs_need_a_name(tmp_path: Path) -> None:
    model = small_model(dense(1, "sigmoid", "output"))
    for group in ("one", "two"):
        rc.Recorder([[0.0, 1.0]], [1], tmp_path / "a.h5", group, model=model)
    with pytest.raises(rc.RunFileError, match="group must be one of 'one', 'two'"):
        rc.open_run(tmp_path / "a.h5")


def test_newer_layout_is_refused_with_the_version_it_needs(
    parabola: Training, tmp_path: Path
) -> None:
    path = tmp_path / "new.h5"
    path.write_bytes(parabola.path.read_bytes())
    with h5py.File(path, "a") as file:
        file["parabola"].attrs["replaychart_layout"] = 99
        fixed_texts.set_attribute(file["parabola"], "replaychart_version", "9.9")
    with pytest.raises(rc.RunFileError, match=r"layout version 99; .* replaychart 9\.9"):
        rc.open_run(path)


@pytest.mark.parametrize("part", ["inputs", "epochs", "model/architecture", "scalars"])
def test_missing_part_raises(part: str, parabola: Training, tmp_path: Path) -> None:
    path = tmp_path / "damaged.h5"
    path.write_bytes(parabola.path.read_bytes())
    with h5py.File(path, "a") as file:
        del file["parabola"][part]
    with pytest.raises(rc.RunFileError, match="is damaged"):
        rc.open_run(path)


class _Store(keras.callbacks.Callback):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        if epoch == 1:
            rc.open_run(self._path).store()


def test_evaluations_stored_during_training_are_ignored_after_it(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(16)
    model = small_model(dense(2, "tanh", "hidden"), dense(1, "sigmoid", "output"))
    path = tmp_path / "a.h5"
    callbacks = [rc.Recorder(X, y, path, "a"), _Store(path)]
    model.fit(X, y, epochs=4, verbose=0, callbacks=callbacks)
    run = rc.open_run(path)
    assert run.losses().shape == (5, 32)
    assert len(run.points("hidden")) == 5 * 32
    run.store()
    stored = rc.open_run(path)
    np.testing.assert_array_equal(stored.losses(), run.losses())


def test_run_that_was_replaced_raises(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(16)
    model = small_model(dense(1, "sigmoid", "output"))
    path = tmp_path / "a.h5"
    rc.Recorder(X, y, path, "a", model=model)
    run = rc.open_run(path)
    rc.Recorder(X[:4], y[:4], path, "a", model=model, if_exists="overwrite")
    for ask in (run.losses, run.store):
        with pytest.raises(rc.RunFileError, match="was replaced or removed since it was opened"):
            ask()


def test_snapshot_without_its_epoch_does_not_count(parabola: Training, tmp_path: Path) -> None:
    path = tmp_path / "cut.h5"
    path.write_bytes(parabola.path.read_bytes())
    with h5py.File(path, "a") as file:
        file["parabola/epochs"].resize(3, axis=0)
    run = rc.open_run(path)
    assert run.epochs.tolist() == [0, 1, 2]
    assert run.probabilities().shape == (3, 200, 2)
    assert run.history()["epoch"].max() == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"model": 5},
            "model must be a Keras model, .* the path of a model file. Got 5",
        ),
        (
            {"model": [keras.Sequential()]},
            "model must be a Keras model, a torch.nn.Module, a function or, for a run of",
        ),
        ({"custom_objects": [1]}, r"custom_objects must map names to layers.* Got \[1\]"),
        ({"custom_objects": {1: keras.Sequential}}, "custom_objects must map names to layers"),
        ({"custom_objects": "Layer"}, "custom_objects must map names.* Got 'Layer'"),
    ],
)
def test_invalid_models_and_custom_objects_are_rejected(
    options: dict[str, Any], message: str, parabola: Training
) -> None:
    with pytest.raises(rc.ArgumentError, match=message):
        parabola.open(**options)


def test_a_run_shows_itself_without_its_file(parabola: Training, tmp_path: Path) -> None:
    path = tmp_path / "moved.h5"
    path.write_bytes(parabola.path.read_bytes())
    run = rc.open_run(path)
    path.unlink()
    assert repr(run).startswith("Run('parabola': 200 points")
