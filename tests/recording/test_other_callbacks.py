"""What other callbacks, metrics and their logs do never ends a training that is recorded."""

import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
from support.training import KeepWeights, dense, small_model

import replaychart as rc
from replaychart.recording.live_model import learning_rate_of

X, Y = rc.datasets.parabola(16)


class _Logs(keras.callbacks.Callback):
    """Puts an entry into the logs that all callbacks share, like some trackers do."""

    def __init__(self, name: Any, value: Any) -> None:
        super().__init__()
        self._name, self._value = name, value

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        logs[self._name] = self._value

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs[self._name] = self._value


class _Unreadable:
    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        message = "not now"
        raise RuntimeError(message)


NOT_NUMBERS: dict[str, Any] = {
    "string": "best so far",
    "number in a string": "0.5",
    "dict": {"a": 1.0},
    "object": object(),
    "complex": 1 + 2j,
    "unreadable": _Unreadable(),
    "too large": 10**400,
    "ragged": [[1.0], [1.0, 2.0]],
    "date": np.datetime64("2026-01-01"),
    "many": np.zeros(1_000_000),
}


class _Status(keras.callbacks.Callback):
    """Puts entries into the logs that all callbacks share, like some trackers do."""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        logs.update(NOT_NUMBERS)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs.update(NOT_NUMBERS)


@pytest.mark.parametrize(("every", "on_error"), [(1, "warn"), ("1 batch", "raise")])
def test_logs_that_are_not_numbers_are_left_out_with_one_warning(
    every: int | str, on_error: str, tmp_path: Path
) -> None:
    recorder = rc.Recorder(X, Y, tmp_path / "a.h5", "a", every=every, on_error=on_error)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        history = small_model(dense(1, "sigmoid", "output")).fit(
            X, Y, epochs=3, batch_size=16, verbose=0, callbacks=[_Status(), recorder]
        )
    messages = _of_logs(caught)
    assert len(messages) == len(NOT_NUMBERS)
    for name in NOT_NUMBERS:
        start = f"logs[{name!r}] is not recorded, because it is not a number or an array"
        (message,) = [one for one in messages if one.startswith(start)]
        assert len(message) < 200
    run = rc.open_run(tmp_path / "a.h5")
    assert run.state == "finished"
    steps = 1 if every == 1 else 2
    assert run.epochs.tolist() == [step / steps for step in range(3 * steps + 1)]
    assert run.curves.names("training") == ["accuracy", "loss", "learning_rate"]
    recorded = run.curves.values("loss", source="training")[steps::steps]
    np.testing.assert_allclose(recorded, history.history["loss"], rtol=1e-6)


def _of_logs(caught: Iterable[warnings.WarningMessage]) -> list[str]:
    return [str(one.message) for one in caught if "logs[" in str(one.message)]


def test_logs_of_a_custom_loop_and_of_outputs_are_left_out_too(tmp_path: Path) -> None:
    model = small_model(dense(1, "sigmoid", "output"))
    recorder = rc.Recorder(X, Y, tmp_path / "a.h5", "loop")
    outputs = rc.record_outputs(tmp_path / "a.h5", "outputs", inputs=X, targets=Y)
    logs = {"loss": 0.5, "note": "a"}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for epoch in range(3):
            recorder.snapshot(model, epoch, logs)
            outputs.snapshot(epoch, losses=np.ones(len(X)), logs=logs)
    recorder.close()
    outputs.close()
    messages = _of_logs(caught)
    assert len(messages) == 2, "one of each recorder"
    for message in messages:
        assert message.startswith("logs['note'] is not recorded")
        assert message.endswith("Got str 'a'.")
    for name in ("loop", "outputs"):
        run = rc.open_run(tmp_path / "a.h5", name)
        assert run.curves.values("loss", source="training").tolist() == [0.5, 0.5, 0.5]


def test_logs_and_learning_rates_of_the_user_are_checked(tmp_path: Path) -> None:
    model = small_model(dense(1, "sigmoid", "output"))
    recorder = rc.Recorder(X, Y, tmp_path / "a.h5", "loop")
    outputs = rc.record_outputs(tmp_path / "a.h5", "outputs", inputs=X, targets=Y)
    losses = np.ones(len(X))
    wrong: Any = 0.5
    with pytest.raises(rc.ArgumentError, match="logs must map names to numbers. Got float"):
        recorder.snapshot(model, 0, wrong)
    with pytest.raises(rc.ArgumentError, match="logs must map names to numbers. Got float"):
        outputs.snapshot(0, losses=losses, logs=wrong)
    wrong = "fast"
    with pytest.raises(rc.ArgumentError, match="learning_rate must be a number. Got 'fast'"):
        outputs.snapshot(0, losses=losses, learning_rate=wrong)
    assert not (tmp_path / "a.h5").exists()


@pytest.mark.parametrize("name", [3, ("a", 1), "\ud800"])
def test_names_that_are_not_text_become_text(name: Any, tmp_path: Path) -> None:
    recorder = rc.Recorder(X, Y, tmp_path / "a.h5", "a")
    small_model(dense(1, "sigmoid", "output")).fit(
        X, Y, verbose=0, callbacks=[_Logs(name, 0.25), recorder]
    )
    run = rc.open_run(tmp_path / "a.h5")
    (added,) = set(run.curves.names("training")) - {"accuracy", "loss", "learning_rate"}
    assert run.curves.values(added, source="training")[1] == 0.25
    added.encode()


class _Sabotage(keras.callbacks.Callback):
    """Does something to the running training in one of the hooks."""

    def __init__(self, hook: str, act: Callable[[keras.callbacks.Callback], None]) -> None:
        super().__init__()
        setattr(self, hook, lambda *_, **__: act(self))


def _without_steps(callback: keras.callbacks.Callback) -> None:
    callback.params["steps"] = "many"


def _with_unreadable_layer(callback: keras.callbacks.Callback) -> None:
    def fail() -> Any:
        message = "not now"
        raise KeyError(message)

    callback.model.layers[-1].get_config = fail


ACTS = {
    "steps": ("on_epoch_begin", _without_steps),
    "layer": ("on_train_begin", _with_unreadable_layer),
}


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("act", list(ACTS))
def test_other_callbacks_cannot_make_the_recorder_raise(
    act: str, first: bool, tmp_path: Path
) -> None:
    recorder = rc.Recorder(X, Y, tmp_path / "a.h5", "a", every="1 batch")
    sabotage = _Sabotage(*ACTS[act])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        history = small_model(dense(1, "sigmoid", "output")).fit(
            *(X, Y),
            epochs=3,
            batch_size=16,
            verbose=0,
            callbacks=[sabotage, recorder] if first else [recorder, sabotage],
        )
    assert len(history.history["loss"]) == 3
    assert len([one for one in caught if "Recording of run 'a'" in str(one.message)]) <= 1


def test_what_goes_wrong_is_raised_if_that_is_asked_for(tmp_path: Path) -> None:
    recorder = rc.Recorder(X, Y, tmp_path / "a.h5", "a", every="1 batch", on_error="raise")
    with pytest.raises(rc.RecordingError, match="TypeError"):
        small_model(dense(1, "sigmoid", "output")).fit(
            X, Y, verbose=0, callbacks=[recorder, _Sabotage("on_epoch_begin", _without_steps)]
        )


@pytest.mark.parametrize("rate", [{"a": 0.1}, [0.1, 0.2], "fast", object()])
def test_a_learning_rate_that_is_not_a_number_is_missing(rate: Any) -> None:
    model: Any = SimpleNamespace(optimizer=SimpleNamespace(learning_rate=rate))
    assert np.isnan(learning_rate_of(model))


@pytest.mark.parametrize("swap_on_epoch", [True, False])
@pytest.mark.parametrize("first", [True, False])
def test_the_order_of_callbacks_decides_which_weights_are_recorded(
    first: bool, swap_on_epoch: bool, tmp_path: Path
) -> None:
    keras.utils.set_random_seed(3)
    model = small_model(dense(1, "sigmoid", "output"))
    model.compile(
        loss="binary_crossentropy",
        optimizer=keras.optimizers.SGD(0.5, use_ema=True, ema_momentum=0.9),
    )
    recorder = rc.Recorder(X, Y, tmp_path / "a.h5", "a")
    swap, kept = keras.callbacks.SwapEMAWeights(swap_on_epoch=swap_on_epoch), KeepWeights()
    callbacks = [recorder, kept, swap] if first else [swap, recorder, kept]
    history = model.fit(
        X, Y, epochs=3, batch_size=8, verbose=0, validation_data=(X, Y), callbacks=callbacks
    )
    run = rc.open_run(tmp_path / "a.h5")
    for recorded, own in zip(run._stored.weights()[0], kept.weights, strict=True):
        np.testing.assert_array_equal(recorded, own[0])
    averages = not first and swap_on_epoch
    same = np.isclose(run.losses()[1:].mean(axis=1), history.history["val_loss"], atol=1e-6)
    assert same.tolist() == [averages] * 3


class _Metric(keras.metrics.Mean):
    """A metric whose configuration is not JSON."""

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        return super().update_state(y_pred)

    def get_config(self) -> Any:
        return {"name": self.name, "table": np.zeros(3), "code": {1, 2}}


class _Failing(_Metric):
    def get_config(self) -> Any:
        message = "no configuration"
        raise AttributeError(message)


@pytest.mark.parametrize("metric", [_Metric, _Failing])
def test_a_metric_without_a_configuration_costs_nothing_else(metric: Any, tmp_path: Path) -> None:
    model = small_model(dense(1, "sigmoid", "output"))
    model.compile(loss="binary_crossentropy", optimizer="sgd", metrics=["mae", metric(name="own")])
    recorder = rc.Recorder(X, Y, tmp_path / "a.h5", "a")
    model.fit(X, Y, epochs=2, verbose=0, callbacks=[recorder])
    run = rc.open_run(tmp_path / "a.h5")
    assert run.epochs.tolist() == [0, 1, 2]
    assert run.curves.names("training") == ["loss", "mae", "own", "learning_rate"]
    expected = model.evaluate(X, Y, verbose=0, return_dict=True)
    assert run.losses()[-1].mean() == pytest.approx(expected["loss"], abs=1e-6)
    assert run.curves.values("mae", source="replay")[-1] == pytest.approx(expected["mae"], abs=1e-6)


class _Guarded(keras.layers.Layer):
    """A layer that does not let its activation be read."""

    @property
    def activation(self) -> Any:
        message = "the activation is private"
        raise RuntimeError(message)

    def call(self, inputs: Any) -> Any:
        return keras.ops.tanh(inputs)


def test_a_model_that_cannot_be_described_is_trained_all_the_same(tmp_path: Path) -> None:
    model = small_model(_Guarded(), dense(1, "sigmoid", "output"))
    recorder = rc.Recorder(X, Y, tmp_path / "a.h5", "a")
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        history = model.fit(X, Y, epochs=2, verbose=0, callbacks=[recorder])
    assert len(history.epoch) == 2
    (text,) = (str(one.message) for one in warned if "'a'" in str(one.message))
    assert "before its first snapshot" in text
    assert "the activation is private" in text
    with pytest.raises(rc.RecordingError, match="the activation is private"):
        model.fit(
            X, Y, epochs=1, verbose=0,
            callbacks=[rc.Recorder(X, Y, tmp_path / "a.h5", "b", on_error="raise")],
        )  # fmt: skip
