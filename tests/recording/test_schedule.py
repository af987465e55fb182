"""Snapshots at any step: every so many epochs, every so many batches, or where a list says."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from support.training import dense, small_model

import replaychart as rc

STEPS = 4  # batches of 16 out of 64 points


class KeepBatches(keras.callbacks.Callback):
    """What Keras knows after each batch: weights, reported loss, learning rate."""

    def __init__(self) -> None:
        super().__init__()
        self.after: dict[int, dict[str, Any]] = {}
        self._epoch = 0

    def _keep(self, batch: int, logs: Any) -> None:
        self.after[self._epoch * STEPS + batch] = {
            "weights": self.model.get_weights(),
            "logs": dict(logs or {}),
        }

    def on_train_begin(self, logs: Any = None) -> None:
        self._keep(0, logs)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._keep(batch + 1, logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.after[(epoch + 1) * STEPS]["logs"] = dict(logs or {})


def _data() -> tuple[np.ndarray, np.ndarray]:
    return rc.datasets.parabola(32)


def _model() -> keras.Model:
    keras.utils.set_random_seed(1)
    return small_model(dense(2, "tanh", "hidden"), dense(1, "sigmoid", "output"))


def _fit(
    path: Path, every: Any, *, epochs: int = 6, callbacks: Any = (), **fit: Any
) -> tuple[rc.Run, keras.Model, KeepBatches]:
    X, y = _data()
    model, kept = _model(), KeepBatches()
    recorder = rc.Recorder(X, y, path, "a", every=every)
    # The recorder stands first: what later callbacks do must not reach into it.
    options = {"batch_size": 16, "verbose": 0, **fit}
    model.fit(X, y, epochs=epochs, callbacks=[recorder, kept, *callbacks], **options)
    return rc.open_run(path, "a"), model, kept


def _assert_replays(run: rc.Run, model: keras.Model, kept: KeepBatches) -> None:
    """Every snapshot is what Keras computes with the weights of that batch."""
    X, _ = _data()
    for snapshot, epoch in enumerate(run.epochs):
        model.set_weights(kept.after[round(epoch * STEPS)]["weights"])
        expected = model.predict(X, verbose=0)[:, 0]
        np.testing.assert_allclose(run.probabilities()[snapshot, :, 1], expected, atol=1e-6)


@pytest.mark.parametrize(
    ("every", "epochs"),
    [
        (1, [0, 1, 2, 3, 4, 5, 6]),
        (4, [0, 4, 6]),
        (range(0, 7, 3), [0, 3, 6]),
        ([5, 1, 1], [0, 1, 5, 6]),
        ("6 batches", [0, 1, 1.5, 2, 3, 4, 4.5, 5, 6]),
        ("2 batches", [half / 2 for half in range(13)]),
        ([0, 0.25, 0.55, 2, 3.7], [0, 0.25, 0.5, 2, 3.75, 6]),
        (np.array([0.0, 0.3, 6.0]), [0, 0.25, 6]),
    ],
)
def test_what_is_asked_for_is_recorded(every: Any, epochs: list[float], tmp_path: Path) -> None:
    run, model, kept = _fit(tmp_path / "a.h5", every)
    assert run.epochs.tolist() == epochs
    assert run.epochs.dtype == (np.int64 if all(e == int(e) for e in epochs) else np.float64)
    assert run.batches_per_epoch == STEPS
    _assert_replays(run, model, kept)


def test_logs_and_learning_rates_within_an_epoch_are_those_of_the_batch(tmp_path: Path) -> None:
    X, y = _data()
    model, kept = _model(), KeepBatches()
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, decay_steps=1, decay_rate=0.5)
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
    model.optimizer.learning_rate = schedule
    recorder = rc.Recorder(X, y, tmp_path / "a.h5", "a", every="1 batch")
    model.fit(
        X, y, epochs=2, batch_size=16, verbose=0, validation_data=(X, y), callbacks=[recorder, kept]
    )
    run = rc.open_run(tmp_path / "a.h5")
    assert run.epochs.tolist() == [batch / STEPS for batch in range(2 * STEPS + 1)]
    for name in ("loss", "accuracy", "val_loss"):
        values = run.curves.values(name, source="training")
        expected = [kept.after[batch]["logs"].get(name, np.nan) for batch in range(2 * STEPS + 1)]
        np.testing.assert_allclose(values, expected, atol=1e-7)
    rates = run.curves.values("learning_rate", source="training")
    np.testing.assert_allclose(rates[1:], [0.1 * 0.5**step for step in range(8)], rtol=1e-6)


def test_last_epoch_is_recorded_as_it_was_before_other_weights_are_restored(
    tmp_path: Path,
) -> None:
    stopping = keras.callbacks.EarlyStopping(
        monitor="loss", patience=2, min_delta=10, restore_best_weights=True
    )
    run, model, kept = _fit(tmp_path / "a.h5", 5, epochs=50, callbacks=[stopping])
    assert run.epochs.tolist() == [0, 3]
    assert not np.array_equal(model.get_weights()[0], kept.after[3 * STEPS]["weights"][0])
    _assert_replays(run, model, kept)


def test_several_batches_at_once_are_recorded_where_they_end(tmp_path: Path) -> None:
    X, y = _data()
    model = _model()
    model.compile("sgd", "binary_crossentropy", steps_per_execution=2)
    recorder = rc.Recorder(X, y, tmp_path / "a.h5", "a", every="3 batches")
    model.fit(X, y, epochs=2, batch_size=8, verbose=0, callbacks=[recorder])
    # Batches 3, 6, 9, 12, 15 end with the executions that end with batches 4, 6, 10, 12, 16.
    assert rc.open_run(tmp_path / "a.h5").epochs.tolist() == [0, 0.5, 0.75, 1, 1.25, 1.5, 2]


def test_interrupted_epoch_leaves_the_batches_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("replaychart.recording.recorder._LONGEST_WAIT", 0.0)

    class Interruption(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if self.model.optimizer.iterations >= STEPS + 3:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _fit(tmp_path / "a.h5", "1 batch", callbacks=[Interruption()])
    how = r"run.restore\(model, 1\) and fit with initial_epoch=1"
    with pytest.warns(UserWarning, match=f"run 'a' was interrupted after epoch 1.75, .*{how}"):
        run = rc.open_run(tmp_path / "a.h5")
    assert run.epochs.tolist() == [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75]


@pytest.mark.parametrize(
    "every",
    [0, -1, True, 1.5, "10", "0 batches", "10 epochs", [], [-1], ["1"], [np.nan], None],
)
def test_steps_that_are_none_are_told_at_once(every: Any, tmp_path: Path) -> None:
    X, y = _data()
    with pytest.raises(rc.ArgumentError, match="every must be a number of epochs"):
        rc.Recorder(X, y, tmp_path / "a.h5", "a", every=every)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("every", "message"),
    [
        (7, "every=7 matches no epoch of this training run, which ends at epoch 6"),
        ("25 batches", "every='25 batches' matches no batch .* 6 epochs of 4 batches"),
        ([1, 6.5], "every contains epoch 6.5, which is not part of this training run: .* 0 to 6"),
    ],
)
def test_steps_that_match_nothing_are_told_before_the_training(
    every: Any, message: str, tmp_path: Path
) -> None:
    with pytest.raises(rc.RecordingError, match=message):
        _fit(tmp_path / "a.h5", every)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("every", ["2 batches", [0.5, 1]])
def test_data_that_does_not_tell_its_batches_is_told(every: Any, tmp_path: Path) -> None:
    X, y = _data()
    model = _model()

    def batches() -> Any:
        for start in range(0, 64, 16):
            yield X[start : start + 16], y[start : start + 16, None]

    recorder = rc.Recorder(X, y, tmp_path / "a.h5", "a", every=every)
    with pytest.raises(rc.RecordingError, match="Pass steps_per_epoch to fit"):
        model.fit(batches(), epochs=1, shuffle=False, verbose=0, callbacks=[recorder])
    assert not list(tmp_path.iterdir())


def test_epochs_are_asked_for_to_a_millionth(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(24)  # 3 batches of 16
    model = _model()
    recorder = rc.Recorder(X, y, tmp_path / "a.h5", "a", every="1 batch")
    model.fit(X, y, epochs=1, batch_size=16, verbose=0, callbacks=[recorder])
    run = rc.open_run(tmp_path / "a.h5")
    assert run.epochs.tolist() == [0, 0.333333, 0.666667, 1]
    assert run.losses(epochs=1 / 3).shape == (1, 48)
    assert run.points(epochs=[0.333333, 1])["epoch"].unique().tolist() == [0.333333, 1]
    with pytest.raises(rc.ArgumentError, match=r"Got 0\.34; the nearest is 0\.333333"):
        run.losses(epochs=0.34)
