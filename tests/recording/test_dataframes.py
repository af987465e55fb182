"""Dataframes of other libraries are recorded like those of pandas, with the names of columns."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from support.training import dense, small_model

import replaychart as rc

FRAME = pd.DataFrame({"length": [0.1, 0.2, 0.3], "depth": [1, 2, 3]})


def _polars(frame: pd.DataFrame) -> Any:
    polars = pytest.importorskip("polars")
    return polars.DataFrame({name: frame[name].tolist() for name in frame})


def _arrow(frame: pd.DataFrame) -> Any:
    arrow = pytest.importorskip("pyarrow")
    return arrow.table({name: frame[name].tolist() for name in frame})


LIBRARIES: dict[str, Any] = {"polars": _polars, "pyarrow": _arrow, "pandas": lambda frame: frame}


@pytest.mark.parametrize("library", list(LIBRARIES))
def test_names_and_values_are_those_of_pandas(library: str, tmp_path: Path) -> None:
    make = LIBRARIES[library]
    model = small_model(dense(1, "sigmoid", "output"))
    X, y = make(FRAME), make(pd.DataFrame({"kind": [0, 1, 0]}))
    rc.Recorder(X, y, tmp_path / "a.h5", "frame", model=model)
    rc.Recorder(X, y["kind"], tmp_path / "a.h5", "series", model=model)
    for name in ("frame", "series"):
        run = rc.open_run(tmp_path / "a.h5", name)
        assert run.feature_names == ["length", "depth"]
        np.testing.assert_array_equal(run.inputs, FRAME.to_numpy())
        np.testing.assert_array_equal(run.targets, [0, 1, 0])


@pytest.mark.parametrize("library", list(LIBRARIES))
def test_each_of_several_inputs_may_be_a_frame(library: str, tmp_path: Path) -> None:
    first, second = keras.Input((2,), name="first"), keras.Input((1,), name="second")
    both = keras.layers.Concatenate()([first, second])
    model = keras.Model([first, second], keras.layers.Dense(1, "sigmoid")(both))
    model.compile(loss="mse")
    given = {"first": LIBRARIES[library](FRAME), "second": np.ones((3, 1))}
    rc.Recorder(given, [0, 1, 0], tmp_path / "a.h5", "a", model=model)
    rc.Recorder(list(given.values()), [0, 1, 0], tmp_path / "a.h5", "b", model=model)
    for name in "ab":
        run = rc.open_run(tmp_path / "a.h5", name)
        assert run.feature_names is not None
        assert run.feature_names[:2] == ["length", "depth"]


@pytest.mark.parametrize("library", list(LIBRARIES))
def test_errors_name_the_column(library: str, tmp_path: Path) -> None:
    make = LIBRARIES[library]
    with pytest.raises(rc.ArgumentError, match="Got 'red'.* in column 'color'"):
        rc.Recorder(make(pd.DataFrame({"color": ["red", "blue"]})), [0, 1], tmp_path / "a.h5", "a")
    with pytest.raises(rc.ArgumentError, match="X must be finite.*row 1, column 'size'"):
        rc.Recorder(make(pd.DataFrame({"size": [1.0, np.nan]})), [0, 1], tmp_path / "a.h5", "a")


def test_a_query_is_not_data(tmp_path: Path) -> None:
    query = _polars(FRAME).lazy()
    with pytest.raises(rc.ArgumentError, match="X must contain values. Got a LazyFrame.*collect"):
        rc.Recorder(query, [0, 1, 0], tmp_path / "a.h5", "a")


def test_outputs_are_recorded_of_frames_too(tmp_path: Path) -> None:
    X = _polars(FRAME)
    with rc.record_outputs(tmp_path / "a.h5", "a", inputs=X, targets=[0, 1, 0]) as outputs:
        outputs.snapshot(0, losses=np.ones(3))
    assert rc.open_run(tmp_path / "a.h5").feature_names == ["length", "depth"]
