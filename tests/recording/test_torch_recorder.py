"""`TorchRecorder`: what is recorded, what training does not notice, and what is refused."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: see CONTRIBUTING.md")
from support import torch_modules as modules  # noqa: E402
from torch import nn  # noqa: E402

import replaychart as rc  # noqa: E402
from replaychart.recording import loop_recorder  # noqa: E402

LOSS = nn.BCEWithLogitsLoss()


def _data(count: int = 40) -> tuple[np.ndarray, np.ndarray]:
    X, y = rc.datasets.parabola(count // 2)
    return X.astype(np.float32), y.astype(np.float32)[:, None]


class Noisy(nn.Module):
    """Batch statistics, dropout, a frozen part, noise in inference, and a buffer that counts."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(2, 6)
        self.norm = nn.BatchNorm1d(6)
        self.frozen = nn.BatchNorm1d(6)
        self.drop = nn.Dropout(0.5)
        self.last = nn.Linear(6, 1)
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        x = self.drop(torch.relu(self.frozen(self.norm(self.first(x)))))
        return self.last(x + 0.01 * torch.randn(x.shape))


def _trained(recorded: bool, path: Path) -> dict[str, Any]:
    torch.manual_seed(0)
    X, y = map(torch.as_tensor, _data())
    module = Noisy()
    module.frozen.eval()
    optimizer = torch.optim.Adam(module.parameters(), lr=0.01)

    def loop(snapshot: Callable[[int, Any], None]) -> list[Any]:
        kept = []
        for epoch in range(1, 4):
            for rows in torch.randperm(len(X)).split(16):
                LOSS(module(X[rows]), y[rows]).backward()
                # A snapshot may come between the gradients and the step.
                snapshot(epoch + len(kept) / 100, None)
                kept.append([one.grad.clone() for one in module.parameters()])
                optimizer.step()
                optimizer.zero_grad()
        return kept

    if recorded:
        recorder = rc.TorchRecorder(module, X, y, path, "a", loss=LOSS, optimizer=optimizer)
        with recorder:
            gradients = loop(recorder.snapshot)
    else:
        gradients = loop(lambda *_: None)
    modes = [one.training for one in module.modules()]
    return {
        "state": module.state_dict(),
        "gradients": gradients,
        "modes": modes,
        "random": torch.get_rng_state(),
    }


def test_training_does_not_notice_the_recorder(tmp_path: Path) -> None:
    plain, recorded = _trained(False, tmp_path), _trained(True, tmp_path / "a.h5")
    assert plain["modes"] == recorded["modes"]
    assert not all(plain["modes"])
    assert torch.equal(plain["random"], recorded["random"])
    for name, values in plain["state"].items():
        assert torch.equal(values, recorded["state"][name]), name
    for one, other in zip(plain["gradients"], recorded["gradients"], strict=True):
        assert all(torch.equal(*pair) for pair in zip(one, other, strict=True))


def test_everything_is_recorded(tmp_path: Path) -> None:
    module = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 1))
    groups = [{"params": module[0].parameters()}, {"params": module[2].parameters(), "lr": 0.5}]
    optimizer = torch.optim.SGD(groups, lr=0.1)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.1)
    kept = modules.train(
        tmp_path / "a.h5",
        module,
        *_data(),
        LOSS,
        optimizer=optimizer,
        class_names=["up", "down"],
        feature_names=["a", "b"],
    )
    with rc.TorchRecorder(
        module, *_data(), tmp_path / "b.h5", "b", loss=LOSS, optimizer=optimizer
    ) as recorder:
        for epoch in (1, 2):
            optimizer.step()
            scheduler.step()
            recorder.snapshot(epoch, {"loss": torch.tensor(0.5), "val_loss": 0.25})
    run = kept.open()
    assert (run.class_names, run.feature_names) == (["up", "down"], ["a", "b"])
    names = run._stored.details["state_names"]
    for snapshot, state in enumerate(kept.states):
        assert list(state) == sorted(state, key=list(state).index)
        for name, values in zip(names, run._stored.weights(), strict=True):
            own = state[name].numpy()
            np.testing.assert_array_equal(values[snapshot], own.T if own.ndim == 2 else own)
    assert set(names) == set(kept.states[0])
    history = rc.open_run(tmp_path / "b.h5", model=module).history().query("source == 'training'")
    values = {name: own["value"].tolist() for name, own in history.groupby("name")}
    assert values["learning_rate"] == pytest.approx([0.1, 0.01])
    assert values["learning_rate[1]"] == pytest.approx([0.5, 0.05])
    assert (values["loss"], values["val_loss"]) == ([0.5, 0.5], [0.25, 0.25])


def test_which_snapshots_are_recorded(tmp_path: Path) -> None:
    def epochs(every: Any, taken: list[float]) -> list[float]:
        module = modules.mlp()
        path = tmp_path / "a.h5"
        with rc.TorchRecorder(
            module, *_data(), path, "a", loss=LOSS, every=every, if_exists="overwrite"
        ) as recorder:
            for epoch in taken:
                with torch.no_grad():
                    module.output.bias += 1
                recorder.snapshot(epoch)
        run = rc.open_run(path, model=module)
        assert run.verified
        last = run._stored.weights()[-1][-1]
        np.testing.assert_array_equal(last, module.output.bias.detach().numpy())
        return run.epochs.tolist()

    assert epochs(1, [0.5, 1, 1.5]) == [0, 0.5, 1, 1.5]
    assert epochs(2, [1, 2, 3, 4]) == [0, 2, 4]
    assert epochs(2, [1, 2, 2.5, 3]) == [0, 2, 3]
    assert epochs([1, 3], [1, 2, 3, 4, 5]) == [0, 1, 3, 5]
    with pytest.raises(rc.ArgumentError, match="every must be a number of epochs or a list"):
        epochs("10 batches", [])


def test_an_interrupted_training_keeps_its_epochs_and_can_be_continued(tmp_path: Path) -> None:
    module, path = modules.mlp(), tmp_path / "a.h5"
    X, y = _data()

    class Stop(Exception):  # noqa: N818
        pass

    def stopped() -> None:
        with rc.TorchRecorder(module, X, y, path, "a", loss=LOSS) as recorder:
            recorder.snapshot(1)
            raise Stop

    with pytest.raises(Stop):
        stopped()
    with pytest.warns(UserWarning, match="was interrupted after epoch 1"):
        run = rc.open_run(path, model=module)
    assert (run.epochs.tolist(), run.state) == ([0, 1], "interrupted")
    options: dict[str, Any] = {"loss": LOSS, "if_exists": "append"}
    with rc.TorchRecorder(module, X, y, path, "a", **options) as recorder:
        recorder.snapshot(1)
        recorder.snapshot(2)
    run = rc.open_run(path, model=module)
    assert (run.epochs.tolist(), run.state, run.verified) == ([0, 1, 2], "finished", True)
    other = modules.mlp(hidden=3)
    with (
        pytest.raises(rc.RecordingError, match="cannot be appended"),
        rc.TorchRecorder(other, X, y, path, "a", **options) as recorder,
    ):
        recorder.snapshot(3)
    with rc.TorchRecorder(module, X, y, path, "a", loss=LOSS, if_exists="new") as recorder:
        pass
    assert recorder.group == "a-2"
    with rc.TorchRecorder(module, X, y, path, "new", **options):
        pass
    assert rc.list_runs(path) == ["a", "a-2", "new"]


WITHOUT = """
import sys
for name in ("torch", "keras", "tensorflow", "jax"):
    sys.modules[name] = None
import replaychart as rc
run = rc.open_run(sys.argv[1])
assert run.verified
dashboard = rc.feature_space(run) | rc.decision_boundary(run) | rc.probability_histogram(run)
curves = rc.loss_and_metric(run) & rc.loss_histogram(run)
violins = rc.weights(run) & rc.gradients(run) & rc.activations(run) & rc.pre_activations(run)
rc.save(dashboard | curves | violins, sys.argv[2])
try:
    run.outputs()
    run.surface(resolution=7)
except rc.EvaluationError as error:
    print(error)
try:
    rc.TorchRecorder(None, run.inputs, run.targets, sys.argv[1], "other")
except rc.MissingDependencyError as error:
    print(error)
"""


def test_a_stored_run_charts_without_pytorch(tmp_path: Path) -> None:
    torch.manual_seed(1)
    path = tmp_path / "a.h5"
    kept = modules.train(path, modules.mlp(), *_data(), LOSS, store=True)
    finished = subprocess.run(
        [sys.executable, "-c", WITHOUT, str(path), str(tmp_path / "a.json")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert r"Pass the PyTorch module (Sequential) to open_run as model=" in finished.stdout
    assert "pip install 'replaychart[torch]'" in finished.stdout
    run = kept.open()
    dashboard = rc.feature_space(run) | rc.decision_boundary(run) | rc.probability_histogram(run)
    curves = rc.loss_and_metric(run) & rc.loss_histogram(run)
    violins = rc.weights(run) & rc.gradients(run) & rc.activations(run) & rc.pre_activations(run)
    own = rc.save(dashboard | curves | violins, tmp_path / "own.json").read_bytes()
    assert own == (tmp_path / "a.json").read_bytes()


def test_what_cannot_be_stored_is_a_warning(tmp_path: Path) -> None:
    X, _ = _data()
    module = modules.mlp()
    with (
        pytest.warns(UserWarning, match="Nothing was stored for run 'a': .* without a loss"),
        rc.TorchRecorder(module, X, X[:, :1], tmp_path / "a.h5", "a", store=True),
    ):
        pass
    with (
        pytest.raises(rc.EvaluationError, match="without a loss"),
        rc.TorchRecorder(module, X, X[:, :1], tmp_path / "b.h5", "b", store=True, on_error="raise"),
    ):
        pass


class TwoArguments(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(2, 1)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return self.linear(x) * mask


class TwoOutputs(TwoArguments):
    def forward(self, x: torch.Tensor) -> Any:  # type: ignore[override]
        return self.linear(x), x


class OneForAll(TwoArguments):
    def forward(self, x: torch.Tensor) -> Any:  # type: ignore[override]
        return self.linear(x).sum()


def _ranking(one: torch.Tensor, other: torch.Tensor, third: torch.Tensor) -> torch.Tensor:
    return one - other + third


REFUSED: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "no module": ({"module": "net"}, rc.ArgumentError, "module must be a torch.nn.Module. Got str"),
    "a class": ({"module": nn.Linear}, rc.ArgumentError, "module must be a torch.nn.Module"),
    "no parameters": (
        {"module": nn.ReLU()},
        rc.RecordingError,
        "module has no parameters, so there is nothing to record. Got a ReLU.",
    ),
    "lazy": (
        {"module": nn.Sequential(nn.LazyLinear(1))},
        rc.RecordingError,
        "'0.weight' of this Sequential has no shape before the module is called",
    ),
    "meta": ({"module": nn.Linear(2, 1, device="meta")}, rc.RecordingError, "device meta"),
    "complex": (
        {"module": nn.Linear(2, 1, dtype=torch.complex64)},
        rc.RecordingError,
        "of real numbers. 'weight' of this Linear has the dtype torch.complex64",
    ),
    "features": (
        {"X": np.zeros((40, 3))},
        rc.ArgumentError,
        r"X must be points that Sequential takes. Its forward raised .* X is float64 \(40, 3\)",
    ),
    "arguments": (
        {"module": TwoArguments()},
        rc.ArgumentError,
        r"one array for each argument of forward\(x.*mask.*Got 1 array \(missing a required",
    ),
    "names": (
        {"module": TwoArguments(), "X": {"x": np.zeros((40, 2)), "mas": np.zeros((40, 1))}},
        rc.ArgumentError,
        "Got the names 'x', 'mas'",
    ),
    "several outputs": (
        {"module": TwoOutputs()},
        rc.EvaluationError,
        "forward of TwoOutputs must return one tensor",
    ),
    "no row for each point": (
        {"module": OneForAll()},
        rc.RecordingError,
        "OneForAll must return one row for each point",
    ),
    "lengths": ({"y": np.zeros(3)}, rc.ArgumentError, "X and y must have the same length"),
    "not finite": ({"X": np.full((40, 2), np.nan)}, rc.ArgumentError, "X must be finite"),
    "loss by name": ({"loss": "mse"}, rc.ArgumentError, "loss must be a loss of torch.nn"),
    "class of a loss": ({"loss": nn.MSELoss}, rc.ArgumentError, "loss must be a loss of torch.nn"),
    "loss of three": (
        {"loss": nn.TripletMarginLoss()},
        rc.ArgumentError,
        "loss must be one for each point. The loss TripletMarginLoss cannot be evaluated",
    ),
    "own loss of three": (
        {"loss": _ranking},
        rc.ArgumentError,
        r"It must take \(outputs, targets\), as losses of torch.nn do",
    ),
    "classes of a regression": (
        {"loss": nn.MSELoss(), "y": np.linspace(0, 3, 40), "class_names": ["a", "b"]},
        rc.ArgumentError,
        "class_names must be None for a regression",
    ),
    "too many classes": (
        {"class_names": ["a", "b", "c"]},
        rc.ArgumentError,
        "class_names must contain 2 names",
    ),
    "class numbers": (
        {"loss": nn.CrossEntropyLoss(), "module": nn.Linear(2, 3), "y": np.arange(40)},
        rc.ArgumentError,
        "y must be class numbers from 0 to 2, because the loss is CrossEntropyLoss",
    ),
    "shares": (
        {"y": np.full(40, 2.0)},
        rc.ArgumentError,
        "y must be between 0 and 1, because the loss is BCEWithLogitsLoss",
    ),
    "optimizer": ({"optimizer": "sgd"}, rc.ArgumentError, "optimizer must be an optimizer of"),
    "store": ({"store": "all"}, rc.ArgumentError, "store must be True or False. Got 'all'"),
    "if_exists": ({"if_exists": "skip"}, rc.ArgumentError, "if_exists must be one of"),
    "on_error": ({"on_error": "pass"}, rc.ArgumentError, "on_error must be one of"),
    "directory": ({"path": "missing/a.h5"}, rc.RunFileError, "missing"),
    "group": ({"group": "a/b"}, rc.ArgumentError, "group"),
}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_bad_input_is_one_error_before_training(name: str, tmp_path: Path) -> None:
    changed, error, message = REFUSED[name]
    X, y = _data()
    given = {"module": modules.mlp(), "X": X, "y": y, "path": tmp_path / "a.h5", "group": "a"}
    given |= {"loss": LOSS, **changed}
    with pytest.raises(error, match=message):
        rc.TorchRecorder(**given)
    assert not list(tmp_path.iterdir())


def test_points_are_moved_to_the_dtype_of_the_module(tmp_path: Path) -> None:
    X, y = _data()
    for given in (X.astype(np.float64), np.round(X * 4).astype(int), torch.as_tensor(X)):
        module = modules.mlp()
        path = tmp_path / "a.h5"
        with rc.TorchRecorder(module, given, y, path, "a", loss=LOSS, if_exists="overwrite"):
            pass
        run = rc.open_run(path, model=module)
        with torch.no_grad():
            expected = module(torch.as_tensor(np.asarray(given), dtype=torch.float32))
        np.testing.assert_allclose(run.outputs()[0], expected.numpy(), atol=1e-6)
        assert run.verified


def test_snapshots_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    module = modules.mlp()
    with rc.TorchRecorder(module, *_data(), tmp_path / "a.h5", "a", loss=LOSS) as recorder:
        recorder.snapshot(1)
        with pytest.raises(rc.RecordingError, match="epoch must be later than 1"):
            recorder.snapshot(1)
        with pytest.raises(rc.ArgumentError, match="epoch must be a finite number"):
            recorder.snapshot("2")  # type: ignore[arg-type]
        with pytest.raises(rc.ArgumentError, match="logs must map names to numbers"):
            recorder.snapshot(2, [("loss", 1)])  # type: ignore[arg-type]
        module.output = nn.Linear(2, 2)
        with pytest.raises(rc.RecordingError, match=r"'output.weight' had the shape \(1, 2\)"):
            recorder.snapshot(2)
    with pytest.raises(rc.RecordingError, match="recorder of 'a' is closed"):
        recorder.snapshot(3)
    recorder.close()


def test_layers_that_do_not_exist_are_named(tmp_path: Path) -> None:
    kept = modules.train(tmp_path / "a.h5", modules.mlp(), *_data(), LOSS)
    with pytest.raises(rc.ArgumentError, match="layer must be one of 'hidden', 'output'. Got 'h'"):
        rc.feature_space(kept.open(), layer="h")


def test_a_file_that_is_removed_stops_recording_and_not_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop_recorder, "_LONGEST_WAIT", 0.0)
    module, path = modules.mlp(), tmp_path / "a.h5"
    with rc.TorchRecorder(module, *_data(), path, "a", loss=LOSS) as recorder:
        recorder.snapshot(1)
        path.unlink()
        with pytest.warns(UserWarning, match="stopped after epoch 1, and training continues"):
            recorder.snapshot(2)
        recorder.snapshot(3)


def test_snapshots_of_short_epochs_are_written_together(tmp_path: Path) -> None:
    module, path = modules.mlp(), tmp_path / "a.h5"
    with rc.TorchRecorder(module, *_data(), path, "a", loss=LOSS) as recorder:
        for epoch in range(1, 201):
            recorder.snapshot(epoch)
        written = rc.open_run(path, model=module).epochs
        assert written[0] == 0
        assert len(written) < 201
    assert len(rc.open_run(path, model=module).epochs) == 201


def test_validation_points(tmp_path: Path) -> None:
    torch.manual_seed(0)
    X, y = _data()
    own = X[:15] + np.float32(0.1), y[:15]
    module = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 1))
    path = tmp_path / "a.h5"
    with rc.TorchRecorder(module, X, y, path, "a", loss=LOSS, validation=own, store=True):
        pass
    run = rc.open_run(path, model=module)
    losses = nn.BCEWithLogitsLoss(reduction="none")(
        *map(torch.as_tensor, (module(torch.as_tensor(own[0])), own[1]))
    )
    stored = rc.open_run(path).validation.losses()
    for replayed in (run.validation.losses(), stored):
        np.testing.assert_allclose(replayed[0], losses.detach()[:, 0], atol=1e-6)
    assert run.validation.verified
    gradients = run.validation.distributions("gradients")
    expected = torch.autograd.grad(losses.mean(), module[0].weight)[0]
    first = gradients[gradients["layer"] == "0"]["value"]
    np.testing.assert_allclose(sorted(first), sorted(expected.ravel()), atol=1e-6)
    rc.dashboard(run).to_dict()
    with pytest.raises(rc.ArgumentError, match=r"validation\[0\] must have the shape of X"):
        rc.TorchRecorder(module, X, y, path, "b", loss=LOSS, validation=(X[:, :1], y))
    with pytest.raises(
        rc.ArgumentError, match=r"validation\[1\] must be the targets of one output"
    ):
        rc.TorchRecorder(module, X, y, path, "b", loss=LOSS, validation=(X, [y, y]))


@pytest.mark.parametrize(
    ("method", "extra", "packages"),
    [
        ("for_lightning", "lightning", ["lightning.pytorch", "pytorch_lightning"]),
        ("for_trainer", "transformers", ["transformers"]),
    ],
)
def test_a_callback_needs_its_framework(
    method: str,
    extra: str,
    packages: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in list(sys.modules):
        if name.startswith("replaychart.recording.") and name.endswith("_callback"):
            monkeypatch.delitem(sys.modules, name)
    for name in packages:
        monkeypatch.setitem(sys.modules, name, None)
    recorder = rc.TorchRecorder(modules.mlp(), *_data(), tmp_path / "a.h5", "a")
    with pytest.raises(rc.MissingDependencyError, match=rf"{method} needs .*\[{extra}\]"):
        getattr(recorder, method)()
