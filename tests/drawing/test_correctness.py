"""Wrong points are ringed: exactly those that the replay predicts as another class."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from support.training import Training, dense

import replaychart as rc
from replaychart.drawing import colors
from replaychart.drawing.clock import Clock
from replaychart.drawing.correctness import Answers


def _rings(chart: Any, epoch: float, folder: Path) -> int:
    """The number of rings drawn, without that in the legend."""
    svg = rc.save(chart, folder / "chart.svg", epoch=epoch).read_text()
    return svg.count(f'stroke="{colors.WRONG}"') - 1


@pytest.mark.parametrize("build", [rc.feature_space, rc.decision_boundary])
def test_as_many_rings_as_wrong_points(
    build: Callable[..., Any], parabola: Training, three: Training, tmp_path: Path
) -> None:
    for training in (parabola, three):
        run = training.open()
        counts = run.wrong().sum(axis=1)
        assert len(set(counts)) > 2
        chart = build(run)
        for epoch in (0, 2, 6):
            assert _rings(chart, epoch, tmp_path) == counts[epoch]


def test_wrong_is_what_the_frames_say(parabola: Training, three: Training) -> None:
    for training in (parabola, three):
        run = training.open()
        points = run.points()
        expected = (points["prediction"] != points["target"]).to_numpy()
        np.testing.assert_array_equal(run.wrong().ravel(), expected)


def _recorded(path: Path, outputs: Any, y: Any, weights: list[np.ndarray], **options: Any) -> Any:
    """A run of inputs 0, 0.1, 0.2, ... with known weights of a single layer."""
    model = keras.Sequential([keras.Input((2,)), outputs])
    model.compile("sgd", options.pop("loss", "binary_crossentropy"))
    outputs.set_weights(weights)
    X = np.stack([np.linspace(-1, 1, len(y)), np.zeros(len(y))], axis=1)
    rc.Recorder(X, y, path / "a.h5", "a", model=model, **options)
    return rc.open_run(path / "a.h5")


def _answers(run: rc.Run) -> Answers:
    labels = list(range(run.classes))
    return Answers.of(run, Clock.of(run, None, None), np.arange(len(run.targets)), labels)


def test_hundredths_decide_exactly_also_at_a_tie(tmp_path: Path) -> None:
    y = np.arange(201) % 2
    weights = [np.array([[0.04], [0.0]]), np.zeros(1)]
    run = _recorded(tmp_path, dense(1, "sigmoid", "output"), y, weights)
    probability = run.point_probabilities()[0]
    assert (np.abs(probability - 0.5) < 0.011).all(), "all of them close to the threshold"
    assert (probability == 0.5).any(), "and a tie, which is predicted as class 0"
    answers = _answers(run)
    assert list(answers.columns) == ["p"]
    reached = np.array(answers.columns["p"])[:, 0] >= 50
    np.testing.assert_array_equal(reached != (y == 1), run.wrong()[0])
    expression = answers.wrong("threshold")
    assert expression is not None
    assert "round(100 * (threshold))) !== (datum.target === 1)" in expression


def test_outputs_that_do_not_add_up_to_1_are_not_decided_by_a_threshold(tmp_path: Path) -> None:
    y = np.eye(2)[np.arange(40) % 2]
    weights = [np.array([[1.0, 3.0], [0.0, 0.0]]), np.array([-2.0, -2.0])]
    output = dense(2, "sigmoid", "output")
    run = _recorded(tmp_path, output, y, weights, loss="categorical_crossentropy")
    probability, predicted = run.point_probabilities()[0], run.points()["prediction"]
    if run.classes != 2 or ((probability > 0.5) == (predicted == 1)).all():
        pytest.skip("the task is not one of two independent outputs")
    answers = _answers(run)
    assert [text == "1" for text in answers.columns["wrong"]] == run.wrong()[0].tolist()


def test_scores_are_answers_without_probabilities(tmp_path: Path) -> None:
    y = np.arange(40) % 2
    weights = [np.array([[1.0], [0.0]]), np.array([0.3])]
    run = _recorded(tmp_path, dense(1, None, "score"), y, weights, loss="hinge")
    assert not run.has_probabilities
    answers = _answers(run)
    assert answers.probability() is None
    assert [text == "1" for text in answers.columns["wrong"]] == run.wrong()[0].tolist()


def test_nothing_is_wrong_where_nothing_is_predicted(tmp_path: Path) -> None:
    y = np.arange(40) % 2
    weights = [np.array([[np.nan], [0.0]]), np.zeros(1)]
    run = _recorded(tmp_path, dense(1, "sigmoid", "output"), y, weights)
    assert not run.wrong().any()
    assert _rings(rc.decision_boundary(run), 0, tmp_path) == 0


def test_no_rings_without_predictions(regression: Training) -> None:
    run = regression.open()
    marks = [layer["mark"]["type"] for layer in rc.decision_boundary(run).to_dict()["layer"]]
    assert "point" not in marks
    with pytest.raises(rc.EvaluationError, match="predicts numbers, not classes"):
        run.wrong()
