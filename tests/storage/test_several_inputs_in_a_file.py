"""Several inputs in a file: the layout, and damage."""

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from support.training import Training

import replaychart as rc
from replaychart.facts.inputs import side_by_side, taken_apart
from replaychart.storage.hdf5 import fixed_texts


def test_arrays_of_several_inputs_keep_order_names_and_dtypes(
    tokens_and_features: Training,
) -> None:
    run = tokens_and_features.open()
    assert list(run.inputs) == ["tokens", "features"], "the order of the model's inputs"
    for values, given in zip(run.inputs.values(), tokens_and_features.X, strict=True):
        assert values.dtype == given.dtype
        np.testing.assert_array_equal(values, given)


@pytest.mark.parametrize("damage", ["length", "name", "number"])
def test_damaged_inputs_raise(damage: str, two_inputs: Training, tmp_path: Path) -> None:
    path = tmp_path / "damaged.h5"
    shutil.copyfile(two_inputs.path, path)
    with h5py.File(path, "a") as file:
        inputs = file["two_inputs/inputs"]
        if damage == "name":
            fixed_texts.set_attribute(inputs["1"], "name", "zeta")
        else:
            del inputs["1"]
            number = "1" if damage == "length" else "7"
            inputs[number] = np.zeros((3, 2))
            fixed_texts.set_attribute(inputs[number], "name", "beta")
    with pytest.raises(rc.RunFileError, match="Run 'two_inputs' of .* is damaged"):
        rc.open_run(path)


def test_inputs_are_concatenated_and_split_again() -> None:
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
