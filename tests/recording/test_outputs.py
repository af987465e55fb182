"""Trainings of any framework, recorded by what the network gives."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from sklearn.linear_model import SGDClassifier

import replaychart as rc

POINTS = 40
EPOCHS = 5


def _data() -> tuple[np.ndarray, np.ndarray]:
    return rc.datasets.parabola(POINTS // 2)


class Kept(dict[str, list[Any]]):
    """What PyTorch itself computed, epoch by epoch."""

    def keep(self, **values: Any) -> None:
        for name, value in values.items():
            self.setdefault(name, []).append(value)


def _torch_training(kept: Kept) -> Iterator[dict[str, Any]]:
    """Train a plain PyTorch network as long as epochs are asked for."""
    torch = pytest.importorskip("torch", reason="torch is not installed: see CONTRIBUTING.md")
    torch.manual_seed(1)
    points, targets = (torch.tensor(values, dtype=torch.float32) for values in _data())
    hidden = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Tanh())
    head = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD([*hidden.parameters(), *head.parameters()], lr=0.5)
    loss_of = torch.nn.BCEWithLogitsLoss(reduction="none")
    for epoch in range(EPOCHS):
        seen = hidden(points)
        logits = head(seen)[:, 0]
        losses = loss_of(logits, targets)
        probabilities = torch.sigmoid(logits)
        kept.keep(
            hidden=seen.detach().numpy().copy(),
            probabilities=probabilities.detach().numpy().copy(),
            losses=losses.detach().numpy().copy(),
            right=float(((logits > 0) == (targets > 0.5)).float().mean()),
        )
        # Tensors as they are, with their gradients.
        yield {
            "epoch": epoch,
            "layers": {"hidden": seen},
            "probabilities": probabilities,
            "losses": losses,
            "logs": {"loss": losses.mean(), "val/error": 0.1 * epoch} if epoch else {},
            "learning_rate": optimizer.param_groups[0]["lr"] if epoch else None,
        }
        optimizer.zero_grad()
        losses.mean().backward()
        optimizer.step()


@pytest.fixture
def torch_run(tmp_path: Path) -> tuple[rc.Run, Kept]:
    X, y = _data()
    kept = Kept()
    rc.record_outputs(tmp_path / "a.h5", "torch", inputs=X, targets=y, epochs=_torch_training(kept))
    return rc.open_run(tmp_path / "a.h5", "torch"), kept


def test_numbers_are_those_of_pytorch(torch_run: tuple[rc.Run, Kept]) -> None:
    run, kept = torch_run
    assert run.epochs.tolist() == list(range(EPOCHS))
    assert run.layers == ["hidden"]
    assert run.classes == 2
    np.testing.assert_array_equal(run.point_probabilities(), kept["probabilities"])
    np.testing.assert_array_equal(run.losses(), kept["losses"])
    np.testing.assert_array_equal(run.coordinates("hidden"), kept["hidden"])
    replay = {name: run.curves.values(name, source="replay") for name in ("loss", "accuracy")}
    np.testing.assert_allclose(replay["loss"], np.mean(kept["losses"], axis=1), atol=1e-7)
    np.testing.assert_allclose(replay["accuracy"], kept["right"], atol=1e-7)
    training = {name: run.curves.values(name, source="training") for name in ("loss", "val/error")}
    np.testing.assert_allclose(training["loss"][1:], np.mean(kept["losses"][1:], axis=1), atol=1e-6)
    np.testing.assert_allclose(training["val/error"], [np.nan, 0.1, 0.2, 0.3, 0.4])
    points = run.points("hidden", epochs=3)
    np.testing.assert_array_equal(points["x"], kept["hidden"][3][:, 0])
    assert set(run.history()["source"]) == {"training", "replay"}


def test_every_chart_that_needs_no_model_works(
    torch_run: tuple[rc.Run, Kept], tmp_path: Path
) -> None:
    run, _ = torch_run
    for name, chart in {
        "space": rc.feature_space(run),
        "probabilities": rc.probability_histogram(run),
        "curves": rc.loss_and_metric(run) | rc.loss_and_metric(run, source="training"),
        "losses": rc.loss_histogram(run),
    }.items():
        assert rc.save(chart, tmp_path / f"{name}.png", epoch=2).stat().st_size > 2_000
    assert len(rc.feature_space(run).layer) == 2, "the points alone, and rings around wrong ones"
    run.store()
    np.testing.assert_array_equal(rc.open_run(tmp_path / "a.h5").losses(), run.losses())


def test_what_needs_a_model_says_so(torch_run: tuple[rc.Run, Kept]) -> None:
    run, _ = torch_run
    asks: list[Any] = [
        lambda: rc.decision_boundary(run),
        lambda: rc.feature_space(run, surface="inputs"),
        lambda: run.grid("hidden"),
        lambda: run.surface(),
    ]
    for ask in asks:
        with pytest.raises(rc.EvaluationError, match="was recorded from outputs, without a model"):
            ask()
    with pytest.raises(rc.ArgumentError, match="layer must be one of 'hidden'"):
        run.coordinates("output")


def test_snapshots_are_written_one_by_one(tmp_path: Path) -> None:
    X, y = _data()
    with rc.record_outputs(tmp_path / "a.h5", "a", inputs=X, targets=y) as outputs:
        for epoch in (0, 0.25, 3):
            outputs.snapshot(epoch, losses=np.full(POINTS, epoch))
            assert rc.open_run(tmp_path / "a.h5").epochs[-1] == epoch
    run = rc.open_run(tmp_path / "a.h5")
    assert run.epochs.tolist() == [0, 0.25, 3]
    assert run.losses().mean(axis=1).tolist() == [0, 0.25, 3]
    assert run.curves.names("replay") == ["loss"]
    rc.loss_and_metric(run).to_dict()
    rc.loss_histogram(run).to_dict()
    with pytest.raises(rc.EvaluationError, match="predicts numbers"):
        rc.probability_histogram(run)
    with pytest.raises(rc.RecordingError, match="recorder of 'a' is closed"):
        outputs.snapshot(4, losses=np.zeros(POINTS))


def test_several_classes_and_numbers(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 4))
    y = X[:, :3].argmax(axis=1)
    model = SGDClassifier(loss="log_loss", random_state=0)
    with rc.record_outputs(
        tmp_path / "a.h5", "classes", inputs=X, targets=y, class_names=["a", "b", "c"]
    ) as outputs:
        for epoch in (1, 2):
            model.partial_fit(X, y, classes=[0, 1, 2])
            probabilities = model.predict_proba(X)
            outputs.snapshot(epoch, probabilities=probabilities, layers={"scores": X[:, :2]})
    run = rc.open_run(tmp_path / "a.h5", "classes")
    np.testing.assert_allclose(run.probabilities()[-1], probabilities, atol=1e-6)
    replayed = run.curves.values("accuracy", source="replay")[-1]
    assert replayed == pytest.approx(model.score(X, y))
    assert rc.probability_histogram(run).to_dict()["vconcat"]
    assert rc.feature_space(run, "scores").to_dict()

    numbers = X.sum(axis=1)
    with rc.record_outputs(tmp_path / "a.h5", "numbers", inputs=X, targets=numbers) as outputs:
        outputs.snapshot(0, predictions=numbers / 2, losses=(numbers / 2) ** 2)
    run = rc.open_run(tmp_path / "a.h5", "numbers")
    assert run.classes == 0
    np.testing.assert_allclose(run.points()["prediction"], numbers / 2, atol=1e-6)


def test_resumed_outputs_drop_what_lies_beyond(tmp_path: Path) -> None:
    X, y = _data()
    path = tmp_path / "a.h5"
    for begin, end, value in ((0, 4, 1.0), (2, 5, 2.0)):
        rc.record_outputs(
            path,
            "a",
            inputs=X,
            targets=y,
            if_exists="append",
            epochs=({"epoch": e, "losses": np.full(POINTS, value)} for e in range(begin, end)),
        )
    run = rc.open_run(path)
    assert run.epochs.tolist() == [0, 1, 2, 3, 4]
    assert run.losses()[:, 0].tolist() == [1, 1, 2, 2, 2]
    outputs = rc.record_outputs(path, "a", inputs=X, targets=y, if_exists="append")
    with pytest.raises(rc.RecordingError, match="nothing of it would be left"):
        outputs.snapshot(0, losses=np.zeros(POINTS))
    fresh = rc.record_outputs(path, "a", inputs=X, targets=y, if_exists="append")
    with pytest.raises(rc.RecordingError, match="same quantities in the same shapes"):
        fresh.snapshot(5, predictions=np.zeros(POINTS))
    classes = rc.record_outputs(path, "a", inputs=X, targets=y, if_exists="append")
    with pytest.raises(rc.RecordingError, match="it predicts numbers"):
        classes.snapshot(5, probabilities=np.zeros(POINTS))
    other = rc.record_outputs(path, "a", inputs=X + 1, targets=y, if_exists="append")
    with pytest.raises(rc.RecordingError, match="its inputs have other values"):
        other.snapshot(5, losses=np.zeros(POINTS))
    assert rc.open_run(path).epochs.tolist() == [0, 1, 2, 3, 4]


GOOD = {"probabilities": np.full(POINTS, 0.5), "losses": np.ones(POINTS)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"probabilities": np.full(POINTS, 2.5)}, r"between 0 and 1. Got 2\.5. To convert logits"),
        ({"probabilities": np.full((POINTS, 3), 0.5)}, "must sum to 1. Got a sum of 1.5"),
        ({"probabilities": [0.5]}, r"one entry for each of the 40 points. Got the shape \(1,\)"),
        ({"losses": np.ones((POINTS, 2))}, r"losses must have the shape .* \(40, 2\)"),
        ({"losses": "low"}, "losses must be one array, DataFrame or list of numbers"),
        ({"layers": {"h": np.ones(3)}}, r"layers\['h'\] must have one entry for each"),
        ({"predictions": np.ones(POINTS)}, "probabilities or predictions, not both"),
        ({"probabilities": None, "losses": None}, "Pass layers, probabilities, pred"),
    ],
)
def test_outputs_that_do_not_fit_are_told(change: Any, message: str, tmp_path: Path) -> None:
    X, y = _data()
    outputs = rc.record_outputs(tmp_path / "a.h5", "a", inputs=X, targets=y)
    with pytest.raises(rc.ArgumentError, match=message):
        outputs.snapshot(0, **{**GOOD, **change})
    assert not list(tmp_path.iterdir())


def test_class_names_need_probabilities(tmp_path: Path) -> None:
    X, y = _data()
    named = {"inputs": X, "targets": y, "class_names": ["a", "b"]}
    for given in ({"predictions": np.ones(POINTS)}, {"losses": np.ones(POINTS)}):
        outputs = rc.record_outputs(tmp_path / "a.h5", "a", **named)
        with pytest.raises(rc.ArgumentError, match="class_names require probabilities"):
            outputs.snapshot(0, **given)
    assert not list(tmp_path.iterdir())


def test_shapes_that_change_and_epochs_that_go_back_are_told(tmp_path: Path) -> None:
    X, y = _data()
    outputs = rc.record_outputs(tmp_path / "a.h5", "a", inputs=X, targets=y)
    outputs.snapshot(1, layers={"h": np.zeros((POINTS, 2))}, **GOOD)
    before = (tmp_path / "a.h5").read_bytes()
    others: list[Any] = [{"layers": {"h": np.zeros((POINTS, 3))}, **GOOD}, GOOD]
    for other in others:
        with pytest.raises(rc.RecordingError, match=r"same shapes: layer 'h' \(40, 2\), predict"):
            outputs.snapshot(2, **other)
    with pytest.raises(rc.RecordingError, match="predictions. Got both"):
        outputs.snapshot(2, predictions=np.zeros(POINTS), losses=np.zeros(POINTS))
    with pytest.raises(rc.RecordingError, match="epoch must be later than 1"):
        outputs.snapshot(1, layers={"h": np.zeros((POINTS, 2))}, **GOOD)
    assert (tmp_path / "a.h5").read_bytes() == before


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ([1, 2], "epochs must yield mappings. Got list"),
        ({"losses": np.ones(POINTS)}, "must contain 'epoch'. Got 'losses'"),
        ({"epoch": 1, "loss": np.ones(POINTS)}, "one of 'epoch', 'layers', .* Got 'loss'"),
    ],
)
def test_entries_of_epochs_that_are_none_are_told(entry: Any, message: str, tmp_path: Path) -> None:
    X, y = _data()
    with pytest.raises(rc.ArgumentError, match=message):
        rc.record_outputs(tmp_path / "a.h5", "a", inputs=X, targets=y, epochs=[entry])


def test_bad_points_and_existing_runs_are_told(tmp_path: Path) -> None:
    X, y = _data()
    with pytest.raises(rc.ArgumentError, match="inputs and targets must have the same length"):
        rc.record_outputs(tmp_path / "a.h5", "a", inputs=X, targets=y[:3])
    with rc.record_outputs(tmp_path / "a.h5", "a", inputs=X, targets=y) as outputs:
        outputs.snapshot(0, **GOOD)
    with pytest.raises(rc.RecordingError, match="group 'a' already exists"):
        rc.record_outputs(tmp_path / "a.h5", "a", inputs=X, targets=y)
    with h5py.File(tmp_path / "a.h5") as file:
        assert list(file) == ["a"]


@pytest.mark.parametrize("appended", [False, True])
def test_layers_may_be_given_in_any_order(appended: bool, tmp_path: Path) -> None:
    X, y = np.arange(10.0).reshape(5, 2), np.array([0, 1, 0, 1, 0])
    first, second = np.full((5, 2), 1, "float32"), np.full((5, 2), 2, "float32")
    recorder = rc.record_outputs(tmp_path / "a.h5", "a", inputs=X, targets=y)
    recorder.snapshot(0, layers={"first": first, "second": second}, losses=y)
    if appended:
        recorder.close()
        recorder = rc.record_outputs(
            tmp_path / "a.h5", "a", inputs=X, targets=y, if_exists="append"
        )
    recorder.snapshot(1, losses=y, layers={"second": 20 * second, "first": 10 * first})
    recorder.close()
    run = rc.open_run(tmp_path / "a.h5")
    assert run.coordinates("first")[:, 0, 0].tolist() == [1, 10]
    assert run.coordinates("second")[:, 0, 0].tolist() == [2, 40]


def _layers_alone(path: Path, units: int = 4) -> tuple[rc.Run, np.ndarray]:
    X, y = _data()
    outputs = np.random.default_rng(0).normal(size=(3, POINTS, units)).astype("float32")
    epochs = [
        {"epoch": epoch, "layers": {"hidden": values}} for epoch, values in enumerate(outputs)
    ]
    rc.record_outputs(path, "a", inputs=X, targets=y, epochs=epochs)
    return rc.open_run(path), outputs


def test_the_last_recorded_layer_is_drawn_by_default(tmp_path: Path) -> None:
    run, _ = _layers_alone(tmp_path / "a.h5")
    assert "Hidden" in str(rc.feature_space(run).to_dict()["title"])
    narrow, _ = _layers_alone(tmp_path / "b.h5", units=1)
    with pytest.raises(rc.ArgumentError, match=r"no recorded layer of run 'a' does.*'hidden' \(1,"):
        rc.feature_space(narrow)


def test_recorded_layers_have_activations(tmp_path: Path) -> None:
    run, outputs = _layers_alone(tmp_path / "a.h5")
    values = run.distributions("activations")["value"].to_numpy("float32")
    np.testing.assert_array_equal(values.reshape(outputs.shape), outputs)
    summary = run.distributions("activations", output=False, summary=True)
    np.testing.assert_allclose(summary["mean"], outputs.mean(axis=(1, 2)), rtol=0, atol=1e-6)
    assert rc.activations(run).to_dict()
    assert rc.activations(run, layers=["hidden"], inputs=True).to_dict()
    for draw in (rc.weights, rc.gradients, rc.pre_activations):
        with pytest.raises(rc.ArgumentError, match="from outputs, without a model, so there are"):
            draw(run)


def test_what_outputs_cannot_show_is_named_once(tmp_path: Path) -> None:
    run, _ = _layers_alone(tmp_path / "a.h5", units=2)
    with pytest.raises(rc.EvaluationError, match="so the surface over the inputs") as raised:
        run.surface()
    assert "the the" not in str(raised.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"layers": [1, 2]}, "layers must map names to arrays. Got list."),
        ({"layers": {"hidden": np.ones((POINTS, 0))}}, r"layers\['hidden'\] must have a value for"),
        ({"probabilities": np.ones((POINTS, 3, 2)) / 2}, r"probabilities must have the shape"),
        ({"losses": np.ones(POINTS), "learning_rate": "fast"}, "learning_rate must be a number"),
    ],
)
def test_what_is_no_snapshot_is_named(
    arguments: dict[str, Any], message: str, tmp_path: Path
) -> None:
    X, y = _data()
    with rc.record_outputs(tmp_path / "a.h5", "a", inputs=X, targets=y) as outputs:
        with pytest.raises(rc.ArgumentError, match=message):
            outputs.snapshot(0, **arguments)
        outputs.snapshot(0, losses=np.ones(POINTS))


def test_new_names_of_outputs(tmp_path: Path) -> None:
    names = []
    for _ in range(3):
        with rc.record_outputs(
            tmp_path / "a.h5", "a", inputs=np.eye(2), targets=[0, 1], if_exists="new"
        ) as outputs:
            outputs.snapshot(0, probabilities=[0.2, 0.7])
        names.append(outputs.group)
    assert names == rc.list_runs(tmp_path / "a.h5") == ["a", "a-2", "a-3"]


def test_a_group_that_is_not_a_name() -> None:
    for group in (np.eye(2), 3):
        with pytest.raises(rc.ArgumentError, match="group must be the name of a run or None"):
            rc.open_run(rc.datasets.parabola_recording(), group)
