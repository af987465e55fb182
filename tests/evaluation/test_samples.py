"""`Run.samples` compared with a loop over the epochs and points, from Keras's own predictions."""

import math
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from support.training import EPOCHS, Training, dense, small_model, train

import replaychart as rc

COLUMNS = [
    "point", "subset", "target", "confidence", "variability", "correctness", "forgetting_events",
    "first_correct_epoch", "learned_epoch", "margin", "mean_loss", "loss_variability",
]  # fmt: skip


def _by_loop(probabilities: list[np.ndarray], logits: list[np.ndarray], y: np.ndarray) -> Any:
    """Follow each point from epoch to epoch, by the definitions."""
    rows = []
    for point, label in enumerate(y):
        shares, right, margins = [], [], []
        for p, z in zip(probabilities, logits, strict=True):
            shares.append(p[point, label])
            right.append(p[point].argmax() == label)
            margins.append(z[point, label] - max(np.delete(z[point], label)))
        first = learned = math.nan
        forgotten = 0
        for at, now in enumerate(right):
            if now and math.isnan(first):
                first = at + 1
            if now and math.isnan(learned):
                learned = at + 1
            if not now:
                learned = math.nan
            forgotten += bool(at and right[at - 1] and not now)
        mean = sum(shares) / len(shares)
        spread = math.sqrt(sum((share - mean) ** 2 for share in shares) / len(shares))
        correctness = sum(right) / len(right)
        margin = sum(margins) / len(margins)
        rows.append((mean, spread, correctness, forgotten, first, learned, margin))
    return np.array(rows)


@pytest.mark.parametrize("head", ["sigmoid", "softmax", "logits"])
def test_samples_are_those_of_a_loop(head: str, tmp_path: Path) -> None:
    keras.utils.set_random_seed(5)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2)).astype("float32")
    y = (X[:, 0] * X[:, 1] > 0).astype(int) if head == "sigmoid" else rng.integers(0, 3, 60)
    y[:6] = (y[:6] + 1) % (2 if head == "sigmoid" else 3)
    loss: Any = "sparse_categorical_crossentropy"
    if head == "logits":
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    output = dense(1, "sigmoid", "output") if head == "sigmoid" else dense(3, None, "output")
    if head == "softmax":
        output = dense(3, "softmax", "output")
    model = small_model(
        dense(8, "tanh", "hidden"),
        output,
        loss="binary_crossentropy" if head == "sigmoid" else loss,
    )
    training = train(tmp_path / "a.h5", "a", model, X, y, epochs=12)
    probabilities, logits, losses = [], [], []
    kernel = keras.Model(model.inputs, model.get_layer("hidden").output)
    for snapshot in range(1, 13):
        given = training.at(snapshot).predict(X, verbose=0)
        weights, bias = model.layers[-1].get_weights()
        z = kernel.predict(X, verbose=0).astype(float) @ weights + bias
        if head == "sigmoid":
            logits.append(np.hstack([np.zeros_like(z), z]))
            probabilities.append(np.hstack([1 - given, given]))
        else:
            logits.append(z)
            powers = np.exp(z)
            probabilities.append(powers / powers.sum(axis=1, keepdims=True))
        losses.append(-np.log(probabilities[-1][np.arange(60), y]))
    frame = training.open().samples()
    assert list(frame.columns) == COLUMNS
    assert frame["point"].tolist() == list(range(60))
    assert set(frame["subset"]) == {"training"}
    assert frame["target"].tolist() == y.tolist()
    expected = _by_loop(probabilities, logits, y)
    found = frame[COLUMNS[3:10]].astype(float).to_numpy()
    np.testing.assert_allclose(found, expected, atol=2e-5)
    assert expected[:, 3].max() > 0, "some point was forgotten"
    assert np.isnan(expected[:, 5]).any(), "some point was not learned"
    np.testing.assert_allclose(frame["mean_loss"], np.mean(losses, axis=0), atol=1e-5)
    np.testing.assert_allclose(frame["loss_variability"], np.std(losses, axis=0), atol=1e-5)


def test_the_map_at_an_epoch_is_the_frame_up_to_it(three: Training) -> None:
    run = three.open()
    statistics = run.sample_statistics.up_to(range(EPOCHS + 1))
    for epoch in (1, 3, EPOCHS):
        frame = run.samples(epochs=range(1, epoch + 1))
        for name, values in statistics._asdict().items():
            np.testing.assert_allclose(values[epoch], frame[name], atol=1e-7, err_msg=name)
    # Before the training, there is only that state.
    untrained = run.samples(epochs=0)
    np.testing.assert_allclose(statistics.confidence[0], untrained["confidence"], atol=1e-7)
    assert not statistics.variability[0].any()
    chart = rc.data_map(run, epochs=[1, EPOCHS]).to_dict()
    rows = next(rows for rows in chart["datasets"].values() if "replay_correctness" in rows[0])
    frame = run.samples().set_index("point")
    for row in rows:
        names = {"x": "variability", "y": "confidence", "correctness": "correctness"}
        for column, name in names.items():
            shown = 0.002 * row[f"replay_{column}"][-1]
            assert shown == pytest.approx(frame.loc[row["point"], name], abs=0.0011)


def test_what_a_regression_does_not_define_is_missing(regression: Training) -> None:
    run = regression.open()
    frame = run.samples()
    assert list(frame.columns) == COLUMNS
    assert frame[COLUMNS[3:10]].isna().all(axis=None)
    losses = run.losses()[1:].astype(float)
    np.testing.assert_allclose(frame["mean_loss"], losses.mean(axis=0))
    with pytest.raises(rc.EvaluationError, match="predicts numbers, not classes"):
        rc.data_map(run)


def test_a_prediction_that_is_not_a_number_is_wrong(tmp_path: Path) -> None:
    X, y = np.zeros((3, 2)), np.array([0, 1, 0])
    outputs = np.array([[0.2, 0.8, 0.9], [0.1, 0.9, np.nan], [0.1, np.nan, 0.2]])
    with rc.record_outputs(tmp_path / "a.h5", "a", inputs=X, targets=y) as recorder:
        for epoch, one in enumerate(outputs, 1):
            recorder.snapshot(epoch, probabilities=np.stack([1 - one, one], axis=1))
    frame = rc.open_run(tmp_path / "a.h5").samples()
    assert frame["correctness"].tolist() == pytest.approx([1, 2 / 3, 1 / 3])
    assert frame["forgetting_events"].tolist() == [0, 1, 0]
    np.testing.assert_array_equal(frame["first_correct_epoch"], [1, 1, 3])
    np.testing.assert_array_equal(frame["learned_epoch"], [1, np.nan, 3])
    assert frame["confidence"].isna().tolist() == [False, True, True]
    assert frame["mean_loss"].isna().all(), "no losses were recorded"


def test_arguments_of_the_data_map(three: Training) -> None:
    run = three.open()
    with pytest.raises(rc.ArgumentError, match="width must be a positive number of pixels"):
        rc.data_map(run, width="container")
    with pytest.raises(rc.ArgumentError, match="bins must be"):
        rc.data_map(run, bins=0)
    with pytest.raises(rc.ArgumentError, match="among those recorded"):
        run.samples(epochs=99)
