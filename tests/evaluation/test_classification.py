"""ROC, precision-recall, confusion and calibration equal those of scikit-learn."""

from pathlib import Path

import keras
import numpy as np
import pytest
from sklearn import metrics
from sklearn.calibration import calibration_curve
from sklearn.preprocessing import label_binarize
from support.training import EPOCHS, Training, dense, small_model, train

import replaychart as rc
from replaychart.evaluation.classification import calibration_bins, ranking_curve

ALMOST = {"rtol": 1e-12, "atol": 1e-12}


def _curve(run: rc.Run, name: str) -> np.ndarray:
    return run.curves.values(name, source="replay")


@pytest.fixture(scope="module")
def hinge(tmp_path_factory: pytest.TempPathFactory) -> Training:
    X, y = rc.datasets.parabola(60)
    model = small_model(dense(3, "tanh", "hidden"), dense(1, None, "score"), loss="hinge")
    return train(tmp_path_factory.mktemp("hinge") / "a.h5", "a", model, X, 2 * y - 1, epochs=3)


def _check_curves(run: rc.Run, epoch: int, number: int, scores: np.ndarray) -> None:
    positive = run.targets == number
    rates = run.roc(epochs=epoch)
    own = rates[rates["class"] == number]
    fpr, tpr, thresholds = metrics.roc_curve(positive, scores, drop_intermediate=False)
    np.testing.assert_array_equal(own["false_positive_rate"], fpr)
    np.testing.assert_array_equal(own["true_positive_rate"], tpr)
    np.testing.assert_array_equal(own["threshold"], thresholds)
    precision, recall, _ = metrics.precision_recall_curve(positive, scores)
    np.testing.assert_array_equal(own["precision"][::-1], precision)
    np.testing.assert_array_equal(own["true_positive_rate"][::-1], recall)


def test_two_classes(parabola: Training) -> None:
    run = parabola.open()
    y, probability = run.targets, run.point_probabilities()
    for epoch in range(EPOCHS + 1):
        scores = probability[epoch]
        _check_curves(run, epoch, 1, scores)
        decided = run.points(epochs=epoch)["prediction"]
        expected = {
            "auc": metrics.roc_auc_score(y, scores),
            "average_precision": metrics.average_precision_score(y, scores),
            "f1": metrics.f1_score(y, decided),
        }
        for name, value in expected.items():
            np.testing.assert_allclose(_curve(run, name)[epoch], value, **ALMOST)
        observed, predicted = calibration_curve(y, scores, n_bins=10)
        filled = run.calibration(epochs=epoch).query("count > 0")
        np.testing.assert_array_equal(filled["observed"], observed)
        np.testing.assert_array_equal(filled["predicted"], predicted)
        gaps = np.abs(observed - predicted) @ filled["count"] / len(y)
        np.testing.assert_allclose(_curve(run, "ece")[epoch], gaps, **ALMOST)


@pytest.mark.parametrize("recording", ["three", "one_hot", "images"])
def test_more_classes(recording: str, request: pytest.FixtureRequest) -> None:
    run = request.getfixturevalue(recording).open()
    y, probabilities = run.targets, run.probabilities().astype(np.float64)
    indicator = label_binarize(y, classes=range(run.classes))
    for epoch in (0, EPOCHS):
        scores = probabilities[epoch]
        for number in range(run.classes):
            _check_curves(run, epoch, number, scores[:, number])
        decided = scores.argmax(axis=1)
        expected = {
            "auc": metrics.roc_auc_score(indicator, scores, average="macro"),
            "average_precision": metrics.average_precision_score(indicator, scores),
            "f1": metrics.f1_score(y, decided, average="macro"),
        }
        for name, value in expected.items():
            np.testing.assert_allclose(_curve(run, name)[epoch], value, **ALMOST)
        observed, predicted = calibration_curve(decided == y, scores.max(axis=1), n_bins=7)
        filled = run.calibration(bins=7, epochs=epoch).query("count > 0")
        np.testing.assert_array_equal(filled["observed"], observed)
        np.testing.assert_allclose(filled["predicted"], predicted, **ALMOST)


@pytest.mark.parametrize("recording", ["parabola", "branches", "three"])
def test_confusion(recording: str, request: pytest.FixtureRequest) -> None:
    run = request.getfixturevalue(recording).open()
    decided = run.points(epochs=2)["prediction"]
    for normalize in (None, "true", "pred"):
        frame = run.confusion(normalize=normalize, epochs=2)
        value = "count" if normalize is None else "share"
        found = frame.pivot(index="target", columns="prediction", values=value)
        expected = metrics.confusion_matrix(run.targets, decided, normalize=normalize)
        np.testing.assert_array_equal(found, expected)


def test_scores_of_a_hinge_loss_are_ranked_but_not_calibrated(hinge: Training) -> None:
    run = hinge.open()
    for epoch in (0, 3):
        scores = run.outputs(epochs=epoch)[0, :, 0]
        _check_curves(run, epoch, 1, scores)
        auc = metrics.roc_auc_score(run.targets, scores)
        np.testing.assert_allclose(_curve(run, "auc")[epoch], auc, **ALMOST)
    assert set(run.history(classification=True)["name"]) >= {"auc", "average_precision", "f1"}
    for refused in (run.calibration, lambda: rc.calibration(run)):
        with pytest.raises(rc.EvaluationError, match="its outputs are scores, not probabilities"):
            refused()
    with pytest.raises(rc.ArgumentError, match=r"metric must be one of .*'f1'\. Got 'ece'"):
        rc.loss_and_metric(run, metric="ece")


def test_a_regression_has_none_of_them(regression: Training) -> None:
    run = regression.open()
    for refused in (run.roc, run.confusion, run.calibration):
        with pytest.raises(rc.EvaluationError, match="predicts numbers, not classes"):
            refused()
    for chart in (rc.roc, rc.confusion, rc.calibration):
        with pytest.raises(rc.EvaluationError, match="predicts numbers, not classes"):
            chart(run)
    assert "auc" not in set(run.history(classification=True)["name"])


def test_history_has_them_on_request(parabola: Training) -> None:
    run = parabola.open()
    added = {"auc", "average_precision", "f1", "ece"}
    assert not added & set(run.history()["name"])
    history = run.history(classification=True)
    assert added <= set(history.query("source == 'replay'")["name"])
    assert not added & set(history.query("source == 'training'")["name"])
    for name in added:
        np.testing.assert_array_equal(
            history.query("source == 'replay' and name == @name")["value"], _curve(run, name)
        )
        assert rc.loss_and_metric(run, metric=name).to_dict()
    default = rc.loss_and_metric(run).to_dict()
    assert default == rc.loss_and_metric(run, metric="accuracy").to_dict()


def test_a_metric_of_the_model_takes_precedence(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(30)
    model = keras.Sequential([keras.Input((2,)), dense(1, "sigmoid", "output")])
    model.compile("sgd", "binary_crossentropy", metrics=[keras.metrics.AUC(name="auc")])
    run = train(tmp_path / "a.h5", "a", model, X, y, epochs=1).open()
    evaluated = model.evaluate(X, y, verbose=0)[1]
    np.testing.assert_allclose(_curve(run, "auc")[1], evaluated, atol=1e-6)
    names = run.history(classification=True).query("source == 'replay'")["name"]
    assert names.value_counts()["auc"] == len(run.epochs)


def test_ties_and_missing_classes() -> None:
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 5, 200).astype("float32") / 4
    positive = rng.random(200) < scores
    curve = ranking_curve(scores, positive)
    assert len(curve.thresholds) == 6
    np.testing.assert_allclose(curve.area(), metrics.roc_auc_score(positive, scores), **ALMOST)
    found = curve.average_precision()
    expected = metrics.average_precision_score(positive, scores)
    np.testing.assert_allclose(found, expected, **ALMOST)
    assert np.isnan(ranking_curve(scores, np.zeros(200, bool)).area())
    assert not len(ranking_curve(np.full(3, np.nan), positive[:3]).thresholds)


def test_a_bin_includes_its_upper_edge_as_in_scikit_learn() -> None:
    probability = np.array([[0, 0.1, 0.25, 0.5, 0.5, 0.75, 1, np.nan]])
    true = np.array([[0, 0, 1, 0, 1, 1, 1, 1]], bool)
    found = calibration_bins(probability, true, 4)
    observed, predicted = calibration_curve(true[0, :-1], probability[0, :-1], n_bins=4)
    np.testing.assert_array_equal(found.observed[0], observed)
    np.testing.assert_array_equal(found.predicted[0], predicted)
    assert found.counts.tolist() == [[3, 2, 1, 1]]


def test_a_diverged_network_has_no_values(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(20)
    model = small_model(dense(1, "sigmoid", "output"))
    model.set_weights([np.full((2, 1), np.nan), np.zeros(1)])
    rc.Recorder(X, y, tmp_path / "a.h5", "a", model=model)
    run = rc.open_run(tmp_path / "a.h5")
    assert not len(run.roc())
    assert set(run.history(classification=True)["name"]) == {"accuracy"}
    for chart in (rc.roc, rc.confusion, rc.calibration):
        path = rc.save(chart(run), tmp_path / "chart.svg")
        assert "output: NaN or infinite from epoch 0" in path.read_text()
