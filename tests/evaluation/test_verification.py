"""The replay is compared with the witness: agreement is stated, and a difference refuses charts."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from support.training import Training, dense, small_model

import replaychart as rc

RECORDINGS = [
    *("parabola", "folded", "branches", "one_hot", "three", "regression", "images"),
    *("two_inputs", "image_and_features", "tokens_and_features", "subclassed"),
]


@pytest.mark.parametrize("name", RECORDINGS)
def test_what_keras_describes_completely_is_verified(
    name: str, request: pytest.FixtureRequest
) -> None:
    training: Training = request.getfixturevalue(name)
    run = training.open()
    assert run.witnessed_epochs == [0, 6]
    assert run.verified is True
    assert run.differences == []
    assert repr(run).endswith("verified)")


def test_recordings_without_a_witness_are_unverified(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(20)
    with rc.record_outputs(tmp_path / "a.h5", "a", inputs=X, targets=y) as outputs:
        outputs.snapshot(0, predictions=np.full(len(X), 0.5))
    run = rc.open_run(tmp_path / "a.h5")
    assert run.verified is None
    assert run.witnessed_epochs == run.differences == []


def test_a_stored_run_says_verified_without_keras(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(20)
    model = small_model(dense(2, "tanh", "hidden"), dense(1, "sigmoid", "output"))
    rc.Recorder(X, y, tmp_path / "a.h5", "a", model=model)
    run = rc.open_run(tmp_path / "a.h5")
    assert "verified" not in repr(run), "nothing is rebuilt to be shown"
    run.store()
    code = (
        "import sys; sys.modules['keras'] = None; import replaychart as rc; "
        f"run = rc.open_run({str(tmp_path / 'a.h5')!r}); print(run.verified, repr(run))"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    assert finished.stdout.startswith("True ")
    assert finished.stdout.endswith("verified)\n")


def _recorded(path: Path, **witness: Any) -> rc.Run:
    """Return a recorded run whose witness holds other values than the model computed."""
    keras.utils.set_random_seed(2)
    X, y = rc.datasets.parabola(20)
    model = small_model(dense(2, "tanh", "hidden"), dense(1, "sigmoid", "output"))
    model.compile("sgd", "binary_crossentropy", metrics=["mae"])
    recorder = rc.Recorder(X, y, path, "a")
    model.fit(X, y, epochs=1, verbose=0, callbacks=[recorder])
    with h5py.File(path, "r+") as file:
        for one in file["a/witnesses"].values():
            for name, added in witness.items():
                if name in one:
                    one[name][...] = one[name][...] + added
    return rc.open_run(path)


def test_other_outputs_refuse_every_evaluation_and_name_the_layer(tmp_path: Path) -> None:
    run = _recorded(tmp_path / "a.h5", outputs=0.01, layers=0.01)
    assert run.verified is False
    (sentence,) = run.differences
    assert "The outputs of run 'a' cannot be replayed" in sentence
    assert "by up to 0.01" in sentence
    assert "begins at layer 'hidden'" in sentence
    for evaluate in (
        run.probabilities,
        run.losses,
        lambda: run.coordinates("hidden"),
        lambda: run.curves.values("accuracy", source="replay"),
        lambda: rc.feature_space(run, "hidden"),
        lambda: rc.gradients(run),
    ):
        with pytest.raises(rc.EvaluationError, match="outputs of run 'a' cannot be replayed"):
            evaluate()
    assert np.isfinite(run.curves.values("loss", source="training")[1:]).all()


def test_another_loss_refuses_only_what_needs_the_loss(tmp_path: Path) -> None:
    run = _recorded(tmp_path / "a.h5", losses=0.5)
    assert run.verified is False
    (sentence,) = run.differences
    assert "The loss of run 'a' cannot be replayed" in sentence
    for evaluate in (run.losses, lambda: rc.loss_histogram(run), lambda: rc.gradients(run)):
        with pytest.raises(rc.EvaluationError, match="The loss of run 'a' cannot be replayed"):
            evaluate()
    assert rc.feature_space(run, "hidden").to_dict()
    assert len(run.curves.values("accuracy", source="replay")) == 2


def test_another_metric_refuses_only_this_metric(tmp_path: Path) -> None:
    run = _recorded(tmp_path / "a.h5", metric_0=0.1)
    assert run.verified is False
    (sentence,) = run.differences
    assert "The metric 'mae' of run 'a' cannot be replayed" in sentence
    with pytest.raises(rc.EvaluationError, match="The metric 'mae' of run 'a' cannot be replayed"):
        run.curves.values("mae", source="replay")
    assert run.losses().shape == (2, 40)


def test_rounding_is_no_difference(tmp_path: Path) -> None:
    run = _recorded(tmp_path / "a.h5", outputs=2e-5, layers=2e-5, losses=2e-5)
    assert run.verified is True


def test_a_model_of_the_same_shapes_that_computes_otherwise_is_refused(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(20)
    layers = {
        activation: small_model(dense(2, activation, "hidden"), dense(1, "sigmoid", "output"))
        for activation in ("tanh", "relu")
    }
    rc.Recorder(X, y, tmp_path / "a.h5", "a", model=layers["tanh"])
    assert rc.open_run(tmp_path / "a.h5", model=layers["tanh"]).verified is True
    wrong = rc.open_run(tmp_path / "a.h5", model=layers["relu"])
    assert wrong.verified is False
    with pytest.raises(rc.EvaluationError, match="The difference begins at layer 'hidden'"):
        rc.feature_space(wrong, "hidden")


def test_what_cannot_be_evaluated_is_not_compared(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(20)
    model = small_model(dense(2, "tanh", "hidden"), dense(1, "sigmoid", "output"))
    rc.Recorder(X, y, tmp_path / "a.h5", "a", model=model, layers=["hidden"])
    run = rc.open_run(tmp_path / "a.h5")
    assert run.witnessed_epochs == [0]
    assert run.verified is None
    assert run.differences == []
    hidden = keras.Model(model.inputs, model.get_layer("hidden").output)
    np.testing.assert_allclose(
        run.coordinates("hidden")[0], hidden.predict(X, verbose=0), atol=1e-6
    )


def test_a_loss_that_is_not_known_is_not_compared(tmp_path: Path) -> None:
    def unknown(y_true: Any, y_pred: Any) -> Any:
        return keras.ops.mean(keras.ops.abs(keras.ops.cast(y_true, "float32") - y_pred), axis=-1)

    X, y = rc.datasets.parabola(20)
    model = small_model(dense(1, "sigmoid", "output"), loss=unknown)
    rc.Recorder(X, y[:, None], tmp_path / "a.h5", "a", model=model)
    run = rc.open_run(tmp_path / "a.h5")
    assert run.verified is True
    with pytest.raises(rc.EvaluationError, match="names the function 'unknown'"):
        run.losses()
    known = rc.open_run(tmp_path / "a.h5", custom_objects={"unknown": unknown})
    assert known.verified is True
    assert known.losses().mean() > 0
