"""Several inputs in a file: the layout, what older versions make of it, and damage."""

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from conftest import Training

import replaychart as rc
from replaychart.storage import layout
from replaychart.storage.inputs import side_by_side, taken_apart


def test_arrays_of_several_inputs_keep_order_names_and_dtypes(
    tokens_and_features: Training,
) -> None:
    run = tokens_and_features.open()
    assert list(run.inputs) == ["tokens", "features"], "the order of the model's inputs"
    for values, given in zip(run.inputs.values(), tokens_and_features.X, strict=True):
        assert values.dtype == given.dtype
        np.testing.assert_array_equal(values, given)


def test_only_runs_with_several_inputs_need_the_newer_layout(
    two_inputs: Training, parabola: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A version that reads up to layout 2 refuses the former and reads the latter."""
    monkeypatch.setattr(layout, "LAYOUT_VERSION", 2)
    assert parabola.open().inputs.shape == (200, 2)
    with pytest.raises(rc.RunFileError, match="has layout version 3.* reads up to 2.*upgrade"):
        two_inputs.open()


@pytest.mark.parametrize("damage", ["length", "name", "number"])
def test_damaged_inputs_are_told(damage: str, two_inputs: Training, tmp_path: Path) -> None:
    path = tmp_path / "damaged.h5"
    shutil.copyfile(two_inputs.path, path)
    with h5py.File(path, "a") as file:
        inputs = file["two_inputs/inputs"]
        if damage == "name":
            inputs["1"].attrs["name"] = "zeta"
        else:
            del inputs["1"]
            inputs["1" if damage == "length" else "7"] = np.zeros((3, 2))
            inputs["1" if damage == "length" else "7"].attrs["name"] = "beta"
    with pytest.raises(rc.RunFileError, match="Run 'two_inputs' of .* is damaged"):
        rc.open_run(path)


def test_side_by_side_and_apart_again() -> None:
    inputs = {
        "image": np.arange(12, dtype="float32").reshape(2, 3, 2),
        "number": np.array([2**40 + 1, 5]),
        "flag": np.array([[True], [False]]),
    }
    rows = side_by_side(inputs)
    assert rows.shape == (2, 8)
    again = taken_apart(rows, inputs)
    for name, values in inputs.items():
        assert again[name].dtype == values.dtype
        np.testing.assert_array_equal(again[name], values)
