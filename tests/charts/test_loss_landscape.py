"""`loss_landscape` and `Run.loss_plane`, compared with scikit-learn, NumPy and Keras."""

import dataclasses
from pathlib import Path
from typing import Any

import joblib
import keras
import numpy as np
import pytest
from sklearn.decomposition import PCA
from support.training import Training, dense, small_model, train

import replaychart as rc
from replaychart.errors import ArgumentError, EvaluationError


def _flat(training: Training) -> np.ndarray:
    return np.stack(
        [np.concatenate([one.ravel() for one in weights]) for weights in training.weights]
    ).astype(np.float64)


def _loss(training: Training, flat: np.ndarray) -> float:
    """The mean loss that Keras computes with flattened weights."""
    model, begin, weights = training.model, 0, []
    for own in training.weights[0]:
        weights.append(flat[begin : begin + own.size].reshape(own.shape).astype("float32"))
        begin += own.size
    model.set_weights(weights)
    return float(model.evaluate(training.X, training.y, verbose=0, batch_size=1000)[0])


def test_plane_through_the_path_is_that_of_scikit_learn(parabola: Training) -> None:
    run = parabola.open()
    found = run.loss_planes.plane("path", seed=0, resolution=7)
    weights = _flat(parabola)
    pca = PCA(2).fit(weights)
    np.testing.assert_allclose(found.explained, pca.explained_variance_ratio_, rtol=1e-6)
    expected = (weights - weights[-1]) @ pca.components_.T
    signs = np.sign((expected * found.path).sum(axis=0))
    np.testing.assert_allclose(found.path, expected * signs, atol=1e-6)
    directions = pca.components_ * signs[:, None]
    for row, column in ((0, 0), (3, 5), (6, 2)):
        place = weights[-1] + np.array([found.x[column], found.y[row]]) @ directions
        assert found.loss[row, column] == pytest.approx(_loss(parabola, place), abs=2e-6)
    for snapshot in (0, 3, 6):
        on_plane = weights[-1] + found.path[snapshot] @ directions
        assert found.on_plane[snapshot] == pytest.approx(_loss(parabola, on_plane), abs=2e-6)
        own = _loss(parabola, weights[snapshot])
        assert found.true[snapshot] == pytest.approx(own, abs=2e-6)
    np.testing.assert_allclose(found.on_plane[-1], found.true[-1], atol=1e-6)


def test_random_directions_are_normalized_filter_by_filter(three: Training) -> None:
    run = three.open()
    found = run.loss_planes.plane("random", seed=4, resolution=5)
    assert (found.x[0], found.x[-1]) == (-found.x[-1], -found.x[0])
    random = np.random.default_rng(4)
    along = []
    for center in three.weights[-1]:
        drawn = [random.normal(size=center.shape) for _ in range(2)]
        if center.ndim < 2:
            along.append([np.zeros(center.shape)] * 2)
            continue
        for one in drawn:
            for unit in range(center.shape[1]):
                one[:, unit] *= np.linalg.norm(center[:, unit]) / np.linalg.norm(one[:, unit])
        along.append(drawn)
    both = np.stack([np.concatenate([own[axis].ravel() for own in along]) for axis in (0, 1)])
    last = _flat(three)[-1]
    for row, column in ((0, 1), (2, 2), (4, 3)):
        place = last + np.array([found.x[column], found.y[row]]) @ both
        assert found.loss[row, column] == pytest.approx(_loss(three, place), rel=1e-4)
    other = run.loss_planes.plane("random", seed=5, resolution=5)
    assert np.abs(other.loss - found.loss).max() > 1e-3


def test_plane_through_two_epochs_and_the_last_one(parabola: Training) -> None:
    run = parabola.open()
    found = run.loss_planes.plane((0, 3), seed=0, resolution=5)
    weights = _flat(parabola)
    towards, across = weights[0] - weights[-1], weights[3] - weights[-1]
    along = towards / np.linalg.norm(towards)
    across = across - (across @ along) * along
    across /= np.linalg.norm(across)
    # All three are on the plane, as far apart as they are, with the losses that they have.
    np.testing.assert_allclose(found.path[0], [np.linalg.norm(towards), 0], atol=1e-5)
    distance = np.linalg.norm(weights[3] - weights[0])
    assert np.linalg.norm(found.path[3] - found.path[0]) == pytest.approx(distance, rel=1e-5)
    on_it = [0, 3, -1]
    np.testing.assert_allclose(found.on_plane[on_it], found.true[on_it], atol=2e-6)
    for row, column in ((0, 0), (4, 2)):
        place = weights[-1] + found.x[column] * along + found.y[row] * across
        assert found.loss[row, column] == pytest.approx(_loss(parabola, place), abs=2e-6)
    spec = rc.loss_landscape(run, directions=(0, 3), resolution=5).to_dict()
    assert "Towards epoch 0 (" in str(spec)
    assert "Across it, towards epoch 3 (" in str(spec)


def test_directions_of_your_own(parabola: Training, tmp_path: Path) -> None:
    path = tmp_path / "own.h5"
    path.write_bytes(parabola.path.read_bytes())
    run = rc.open_run(path)
    rng = np.random.default_rng(0)
    along, across = ([rng.normal(size=one.shape) for one in parabola.weights[0]] for _ in range(2))
    found = run.loss_planes.plane((along, across), seed=0, resolution=5)
    first, second = (np.concatenate([one.ravel() for one in own]) for own in (along, across))
    last = _flat(parabola)[-1]
    for row, column in ((0, 1), (2, 2), (4, 3)):
        place = last + found.x[column] * first + found.y[row] * second
        assert found.loss[row, column] == pytest.approx(_loss(parabola, place), rel=1e-4)
    # The closest place to a snapshot, by least squares.
    both = np.stack([first, second], axis=1)
    expected = np.linalg.lstsq(both, _flat(parabola)[2] - last, rcond=None)[0]
    np.testing.assert_allclose(found.path[2], expected, atol=1e-6)
    run.store()
    again = rc.open_run(path)
    np.testing.assert_array_equal(
        again.loss_planes.plane((along, across), seed=0, resolution=5).loss, found.loss
    )
    assert not again._network.is_rebuilt
    other = again.loss_planes.plane((across, along), seed=0, resolution=5)
    np.testing.assert_allclose(other.loss, found.loss.T, rtol=1e-4)


def test_progress_bar_appears_only_if_it_takes_long(
    parabola: Training, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = rc.open_run(parabola.path)
    rc.loss_landscape(run, resolution=5)
    assert "loss landscape" not in capsys.readouterr().err
    monkeypatch.setattr("replaychart.evaluation.loss_planes._PATIENCE", 0)
    rc.loss_landscape(run, resolution=6)
    assert "loss landscape" in capsys.readouterr().err
    rc.loss_landscape(run, resolution=7, progress=False)
    assert "loss landscape" not in capsys.readouterr().err


def test_averages_of_batch_normalization_stay_as_they_are_at_the_end(branches: Training) -> None:
    run = branches.open()
    found = run.loss_planes.plane("path", seed=0, resolution=5)
    assert np.isfinite(found.loss).all()
    assert found.on_plane[-1] == pytest.approx(found.true[-1], abs=1e-6)
    assert found.true[-1] == pytest.approx(run.losses()[-1].mean(), abs=1e-6)


def test_frame_and_chart_show_the_same(parabola: Training) -> None:
    run = parabola.open()
    frame = run.loss_plane(resolution=6)
    assert frame["kind"].value_counts().to_dict() == {"plane": 36, "path": 7}
    path = frame[frame["kind"] == "path"].reset_index()
    spec = rc.loss_landscape(run, resolution=6).to_dict()
    rows = next(rows for rows in spec["datasets"].values() if "true" in rows[0])
    np.testing.assert_allclose([row["true"] for row in rows], path["true_loss"], rtol=1e-3)
    np.testing.assert_allclose([row["plane"] for row in rows], path["loss"], rtol=1e-3)
    span = np.ptp(frame["x"])
    np.testing.assert_allclose([row["x"] for row in rows], path["x"], atol=span / 800)
    np.testing.assert_allclose(run.losses().mean(axis=1), path["true_loss"], atol=1e-6)


def test_stored_plane_needs_no_keras_and_is_evaluated_once(
    parabola: Training, tmp_path: Path
) -> None:
    path = tmp_path / "stored.h5"
    path.write_bytes(parabola.path.read_bytes())
    run = rc.open_run(path)
    before = rc.loss_landscape(run, resolution=5)
    found = run.loss_planes.plane("path", seed=0, resolution=5)
    assert found.loss is run.loss_planes.plane("path", seed=0, resolution=5).loss
    run.store()
    again = rc.open_run(path)
    assert rc.loss_landscape(again, resolution=5).to_dict() == before.to_dict()
    assert not again._network.is_rebuilt


def test_modules_of_pytorch(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    X, y = rc.datasets.parabola(30)
    module = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Tanh(), torch.nn.Linear(2, 1))
    loss, optimizer = torch.nn.BCEWithLogitsLoss(), torch.optim.SGD(module.parameters(), 0.5)
    inputs, targets = torch.tensor(X).float(), torch.tensor(y).float()[:, None]
    path = tmp_path / "torch.h5"
    with rc.TorchRecorder(module, X, y, path, "a", loss=loss) as recorder:
        for epoch in range(1, 4):
            optimizer.zero_grad()
            loss(module(inputs), targets).backward()
            optimizer.step()
            recorder.snapshot(epoch)
    run = rc.open_run(path, "a", model=module)
    found = run.loss_planes.plane("path", seed=0, resolution=5)
    np.testing.assert_allclose(found.on_plane[-1], found.true[-1], atol=1e-6)
    with torch.no_grad():
        assert found.true[-1] == pytest.approx(loss(module(inputs), targets).item(), abs=1e-6)


def test_it_composes_and_follows_the_epoch(parabola: Training, opened: Any) -> None:
    run = parabola.open()
    page = opened(rc.loss_landscape(run, resolution=5) | rc.loss_and_metric(run))
    texts = []
    for epoch in (0, 6):
        page.show(epoch)
        texts.append(page.page.evaluate("view.toSVG()"))
    found = run.loss_planes.plane("path", seed=0, resolution=5)
    for svg, snapshot in zip(texts, (0, 6), strict=True):
        assert f"loss {found.true[snapshot]:.3g}, on the plane" in svg
    assert not page.problems


def test_bad_input_is_named(parabola: Training, tmp_path: Path) -> None:
    run = parabola.open()
    with pytest.raises(ArgumentError, match="directions must be one of 'path', 'random'"):
        rc.loss_landscape(run, directions="pca")  # type: ignore[arg-type]
    weights = [np.ones_like(one) for one in parabola.weights[0]]
    for wrong in ((weights, weights[:-1]), (weights, [0 * one for one in weights]), (weights,), 3):
        with pytest.raises(ArgumentError, match="or two lists with an array for each weight"):
            rc.loss_landscape(run, directions=wrong)  # type: ignore[arg-type]
    for epochs in ((1, 1), (0, 99), (0, 6)):
        with pytest.raises(ArgumentError, match="must be two different recorded epochs before"):
            rc.loss_landscape(run, directions=epochs)
    with pytest.raises(ArgumentError, match="progress must be True or False. Got 'yes'"):
        rc.loss_landscape(run, progress="yes")  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="resolution must be"):
        rc.loss_landscape(run, resolution=4)
    X, y = rc.datasets.parabola(10)
    model = small_model(dense(1, "sigmoid", "output"))
    rc.Recorder(X, y, tmp_path / "a.h5", "a", model=model)
    with pytest.raises(EvaluationError, match="finite weights that change over at least two"):
        rc.loss_landscape(rc.open_run(tmp_path / "a.h5"))


def test_a_loss_that_cannot_be_evaluated_is_an_error(tmp_path: Path) -> None:
    def own(targets: Any, outputs: Any) -> Any:
        return keras.ops.mean(keras.ops.square(targets - outputs), axis=-1)

    X, y = rc.datasets.parabola(10)
    model = small_model(dense(1, "sigmoid", "output"), loss=own)
    model.fit(X, y, verbose=0, callbacks=[rc.Recorder(X, y, tmp_path / "a.h5", "own")])
    with pytest.raises(EvaluationError, match="run 'own' names the function 'own' .* custom_obj"):
        rc.loss_landscape(rc.open_run(tmp_path / "a.h5"), resolution=5)
    values = [{"epoch": epoch, "probabilities": np.full(len(y), 0.5)} for epoch in range(2)]
    rc.record_outputs(tmp_path / "b.h5", "outputs", inputs=X, targets=y, epochs=values)
    with pytest.raises(EvaluationError, match="'outputs' was recorded from outputs, without a mod"):
        rc.loss_landscape(rc.open_run(tmp_path / "b.h5"))


def test_the_path_of_a_run_that_diverged_ends_there(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(20)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="output")])
    model.compile(keras.optimizers.SGD(10.0), "mse")
    run = train(tmp_path / "a.h5", "a", model, X, y.astype(float), epochs=60).open()
    flat = run.distributions("weights").groupby("epoch")["value"].apply(np.isfinite)
    finite = flat.groupby(level=0).all().to_numpy()
    assert finite[1]
    assert not finite[-1], "it diverges, but not at once"
    found = run.loss_planes.plane("path", seed=0, resolution=5)
    assert np.isfinite(found.path[finite]).all()
    assert np.isnan(found.path[~finite]).all()
    np.testing.assert_allclose(found.path[finite][-1], 0, atol=1e-6)
    rc.loss_landscape(run, resolution=5).to_dict()


@pytest.mark.parametrize("workers", [2, 3])
def test_parts_of_the_landscape_have_the_same_numbers(workers: int, parabola: Training) -> None:
    alone = parabola.open().loss_planes.plane("path", seed=0, resolution=7)
    with joblib.parallel_config("threading", n_jobs=workers):
        spread = parabola.open().loss_planes.plane("path", seed=0, resolution=7)
    for name, values in dataclasses.asdict(alone).items():
        np.testing.assert_array_equal(getattr(spread, name), values)
