"""A model of tf_keras (Keras 2) is refused in one sentence that says what to do."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import replaychart as rc

X, Y = np.eye(2), np.array([0, 1])
MESSAGE = r"model must be a Keras 3 model. Got a Sequential of tf_keras \(Keras 2\): build it with"


def _stand_in() -> Any:
    """Return what Keras 2 does with callbacks, in case it is not installed."""

    class Sequential:
        def fit(self, callbacks: list[Any]) -> None:
            for one in callbacks:
                one.set_model(self)
                one._implements_train_batch_hooks()

    Sequential.__module__ = "tf_keras.src.engine.sequential"
    return Sequential()


def test_what_keras_2_does_ends_in_one_sentence(tmp_path: Path) -> None:
    model = _stand_in()
    with pytest.raises(rc.RecordingError, match=MESSAGE):
        model.fit(callbacks=[rc.Recorder(X, Y, tmp_path / "a.h5", "a")])
    with pytest.raises(rc.RecordingError, match=MESSAGE):
        rc.Recorder(X, Y, tmp_path / "a.h5", "a", model=model)
    with pytest.raises(rc.RecordingError, match=MESSAGE):
        rc.Recorder(X, Y, tmp_path / "a.h5", "a").snapshot(model, 0)
    assert not (tmp_path / "a.h5").exists()


def test_a_model_of_keras_2_is_refused(tmp_path: Path) -> None:
    tf_keras: Any = pytest.importorskip("tf_keras")
    model = tf_keras.Sequential([tf_keras.layers.Dense(1, input_shape=(2,))])
    model.compile(loss="mse")
    with pytest.raises(rc.RecordingError, match=MESSAGE):
        model.fit(X, Y, verbose=0, callbacks=[rc.Recorder(X, Y, tmp_path / "a.h5", "a")])
    assert not (tmp_path / "a.h5").exists()
