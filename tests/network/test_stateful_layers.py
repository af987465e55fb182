"""Recurrent layers that keep their state begin at zeros in the replay, for any number of points."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from support.training import dense

import replaychart as rc

BATCH = 16


def _model(kind: Any = keras.layers.LSTM, *, stateful: bool = True) -> keras.Model:
    keras.utils.set_random_seed(1)
    inputs = keras.Input((2,), batch_size=BATCH if stateful else None)
    steps = keras.layers.Reshape((2, 1))(inputs)
    hidden = kind(2, stateful=stateful, name="hidden")(steps)
    model = keras.Model(inputs, dense(1, "sigmoid", "output")(hidden))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


def _data() -> tuple[np.ndarray, np.ndarray]:
    return rc.datasets.parabola(BATCH)  # twice as many points as a batch has


@pytest.mark.parametrize("kind", [keras.layers.LSTM, keras.layers.GRU, keras.layers.SimpleRNN])
def test_the_replay_is_that_of_a_layer_without_state(kind: Any, tmp_path: Path) -> None:
    X, y = _data()
    model = _model(kind)
    recorder = rc.Recorder(X, y, tmp_path / "a.h5", "a")
    options = {"batch_size": BATCH, "shuffle": False, "verbose": 0}
    model.fit(X, y, epochs=2, callbacks=[recorder], **options)
    run = rc.open_run(tmp_path / "a.h5")
    assert run.witnessed_epochs == [0, 2]
    assert run.verified is True, run.differences
    same = _model(kind, stateful=False)
    same.set_weights(model.get_weights())
    expected = same.predict(X, verbose=0)[:, 0]
    np.testing.assert_allclose(run.probabilities()[-1, :, 1], expected, atol=1e-6)
    loss, accuracy = same.evaluate(X, y, verbose=0)
    assert run.curves.values("loss", source="replay")[-1] == pytest.approx(loss, abs=1e-6)
    assert run.curves.values("accuracy", source="replay")[-1] == pytest.approx(accuracy)
    assert rc.feature_space(run, "hidden").to_dict()
    assert rc.gradients(run).to_dict()


def test_a_passed_model_does_not_lend_its_state_and_keeps_it(tmp_path: Path) -> None:
    X, y = _data()
    model = _model()
    recorder = rc.Recorder(X, y, tmp_path / "a.h5", "a")
    model.fit(X, y, epochs=2, batch_size=BATCH, verbose=0, callbacks=[recorder])
    states = [keras.ops.convert_to_numpy(one) for one in model.get_layer("hidden").states]
    assert np.abs(states[0]).max() > 0.01
    passed = rc.open_run(tmp_path / "a.h5", model=model)
    rebuilt = rc.open_run(tmp_path / "a.h5")
    assert passed.verified is True
    np.testing.assert_array_equal(passed.probabilities(), rebuilt.probabilities())
    for state, before in zip(model.get_layer("hidden").states, states, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(state), before)


def test_fewer_points_than_a_batch_have_no_witness(tmp_path: Path) -> None:
    X, y = _data()
    model = _model()
    recorder = rc.Recorder(X[:5], y[:5], tmp_path / "a.h5", "a")
    model.fit(X, y, epochs=1, batch_size=BATCH, verbose=0, callbacks=[recorder])
    run = rc.open_run(tmp_path / "a.h5")
    assert run.verified is None
    same = _model(stateful=False)
    same.set_weights(model.get_weights())
    expected = same.predict(X[:5], verbose=0)[:, 0]
    np.testing.assert_allclose(run.probabilities()[-1, :, 1], expected, atol=1e-6)
