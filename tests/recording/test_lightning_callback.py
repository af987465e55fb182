"""`TorchRecorder.for_lightning` in the `Trainer` of PyTorch Lightning."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: see CONTRIBUTING.md")
lightning = pytest.importorskip("lightning", reason="Lightning is not installed")
from torch import nn  # noqa: E402
from torch.utils.data import DataLoader, TensorDataset  # noqa: E402

import replaychart as rc  # noqa: E402

# Lightning warns about the machine, its own settings and other libraries.
pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning:lightning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

LOSS = nn.BCEWithLogitsLoss()
X, Y = (torch.as_tensor(one, dtype=torch.float32) for one in rc.datasets.parabola(20))
Y = Y[:, None]
RATES = ("learning_rate", "learning_rate[0]", "learning_rate[1]")


class Net(lightning.LightningModule):
    """A network with batch statistics, dropout, two groups of parameters and a schedule."""

    def __init__(self, *, stop_at: int | None = None) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.hidden, self.norm = nn.Linear(2, 4), nn.BatchNorm1d(4)
        self.drop, self.output = nn.Dropout(0.3), nn.Linear(4, 1)
        self.stop_at = stop_at
        self.losses: list[float] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.output(self.drop(torch.tanh(self.norm(self.hidden(x)))))

    def training_step(self, batch: Any, index: int) -> torch.Tensor:
        if self.stop_at == self.current_epoch:
            message = "stopped on purpose"
            raise RuntimeError(message)
        loss = LOSS(self(batch[0]), batch[1])
        self.log("train_loss", loss, on_step=True, on_epoch=True)
        self.losses.append(loss.item())
        return loss

    def on_train_epoch_end(self) -> None:
        self.log("late", float(self.current_epoch))

    def validation_step(self, batch: Any, index: int) -> None:
        self.log("val_loss", LOSS(self(batch[0]), batch[1]))

    def configure_optimizers(self) -> Any:
        groups = [
            {"params": [*self.hidden.parameters(), *self.norm.parameters()]},
            {"params": self.output.parameters(), "lr": 0.5},
        ]
        optimizer = torch.optim.SGD(groups, lr=0.1)
        return [optimizer], [torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.1)]


class Keep(lightning.Callback):
    """Keeps what the recorder must have seen."""

    def __init__(self) -> None:
        self.states: list[dict[str, torch.Tensor]] = []
        self.modes: list[list[bool]] = []

    def _keep(self, module: nn.Module) -> None:
        self.states.append({name: one.clone() for name, one in module.state_dict().items()})
        self.modes.append([one.training for one in module.modules()])

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        self._keep(pl_module)

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        self._keep(pl_module)


def _fit(
    net: Net,
    *callbacks: Any,
    path: str | None = None,
    checkpoints: Path | None = None,
    **options: Any,
) -> Any:
    loader = DataLoader(TensorDataset(X, Y), batch_size=10, shuffle=True)
    trainer = lightning.Trainer(
        accelerator="cpu",
        devices=1,
        logger=False,
        enable_checkpointing=checkpoints is not None,
        default_root_dir=checkpoints,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=list(callbacks),
        **{"max_epochs": 3, **options},
    )
    torch.manual_seed(1)
    trainer.fit(net, loader, DataLoader(TensorDataset(X, Y), batch_size=10), ckpt_path=path)
    return trainer


def _recorder(net: nn.Module, path: Path, **options: Any) -> rc.TorchRecorder:
    return rc.TorchRecorder(net, X, Y, path, "a", loss=LOSS, **options)


def test_every_epoch_is_recorded_with_what_was_logged(tmp_path: Path) -> None:
    net, keep = Net(), Keep()
    recorder = _recorder(net, tmp_path / "a.h5")
    _fit(net, recorder.for_lightning(), keep, max_epochs=4, check_val_every_n_epoch=2)
    run = rc.open_run(tmp_path / "a.h5", model=net)
    assert (run.epochs.tolist(), run.state, run.verified) == ([0, 1, 2, 3, 4], "finished", True)
    names = run._stored.details["state_names"]
    for name, values in zip(names, run._stored.weights(), strict=True):
        for snapshot, state in enumerate(keep.states):
            own = state[name].numpy()
            np.testing.assert_array_equal(values[snapshot], own.T if own.ndim == 2 else own)
    history = run.history().query("source == 'training'")
    logged = {name: own.set_index("epoch")["value"] for name, own in history.groupby("name")}
    assert set(logged) == {"loss", "val_loss", "late", *RATES}
    # Not the losses of the last batch, which Lightning logs as well.
    means = np.reshape(net.losses, (4, -1)).mean(axis=1)
    np.testing.assert_allclose(logged["loss"].to_numpy(), means, rtol=1e-6)
    # Only the epochs in which Lightning validated, with the value of the weights recorded then.
    validated = logged["val_loss"].dropna()
    assert validated.index.tolist() == [2, 4]
    np.testing.assert_allclose(validated, run.losses().mean(axis=1)[[2, 4]], atol=1e-6)
    assert logged["late"].tolist() == [0, 1, 2, 3]
    assert logged["learning_rate"].tolist() == pytest.approx([0.1, 0.01, 0.001, 0.0001])
    assert logged["learning_rate[1]"].tolist() == pytest.approx([0.5, 0.05, 0.005, 0.0005])


def test_training_does_not_notice_the_callback(tmp_path: Path) -> None:
    kept = []
    for recorded in (False, True):
        net, keep = Net(), Keep()
        callbacks = [_recorder(net, tmp_path / "a.h5").for_lightning()] if recorded else []
        _fit(net, *callbacks, keep)
        kept.append((keep, net, torch.get_rng_state()))
    (plain, net, state), (recorded, other, other_state) = kept
    assert plain.modes == recorded.modes
    assert net.losses == other.losses
    assert torch.equal(state, other_state)
    for one, same in zip(plain.states, recorded.states, strict=True):
        assert all(torch.equal(values, same[name]) for name, values in one.items())


def test_an_error_leaves_an_interrupted_run(tmp_path: Path) -> None:
    net = Net(stop_at=2)
    with pytest.raises(RuntimeError, match="stopped on purpose"):
        _fit(net, _recorder(net, tmp_path / "a.h5").for_lightning())
    with pytest.warns(UserWarning, match="was interrupted after epoch 2"):
        run = rc.open_run(tmp_path / "a.h5", model=net)
    assert (run.epochs.tolist(), run.state) == ([0, 1, 2], "interrupted")


class Fails(lightning.Callback):
    """Raises an error at a moment of one epoch, counted from 0, and keeps the trained weights."""

    def __init__(self, moment: str, epoch: int, error: BaseException) -> None:
        self._epoch, self._error, self._batches = epoch, error, 0
        self.state: dict[str, torch.Tensor] = {}
        setattr(self, moment, self._fail)

    def _fail(self, trainer: Any, pl_module: Any, *more: Any) -> None:
        if trainer.current_epoch == self._epoch and not trainer.sanity_checking:
            raise self._error

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.state = {name: one.clone() for name, one in pl_module.state_dict().items()}


class Swaps(lightning.Callback):
    """Has other weights in the module during validation, as ``WeightAveraging`` does."""

    def on_validation_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        with torch.no_grad():
            pl_module.output.bias += 1

    def on_validation_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        with torch.no_grad():
            pl_module.output.bias -= 1


@pytest.mark.parametrize(
    ("moment", "error"),
    [
        ("on_validation_batch_end", RuntimeError("on purpose")),
        ("on_validation_batch_end", KeyboardInterrupt("on purpose")),
        ("on_train_epoch_end", RuntimeError("on purpose")),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_an_error_after_the_batches_of_an_epoch_loses_no_epoch(
    moment: str, error: BaseException, first: bool, tmp_path: Path
) -> None:
    net, fails = Net(), Fails(moment, 2, error)
    own = _recorder(net, tmp_path / "a.h5").for_lightning()
    with pytest.raises((RuntimeError, SystemExit, KeyboardInterrupt)):
        _fit(net, *[own, Swaps(), fails][:: 1 if first else -1], max_epochs=4)
    with pytest.warns(UserWarning, match="was interrupted after epoch 3"):
        run = rc.open_run(tmp_path / "a.h5", model=net)
    assert (run.epochs.tolist(), run.state) == ([0, 1, 2, 3], "interrupted")
    names = run._stored.details["state_names"]
    for name, values in zip(names, run._stored.weights(), strict=True):
        expected = fails.state[name].numpy()
        np.testing.assert_allclose(values[-1], expected.T if expected.ndim == 2 else expected)
    logged = run.history().query("source == 'training'").set_index(["name", "epoch"])["value"]
    assert logged["learning_rate"].dropna().index.tolist() == [1, 2, 3]
    # The mean of the third epoch is not known yet if an error comes before its end.
    assert logged["loss"].dropna().index.tolist()[:2] == [1, 2]
    if moment == "on_validation_batch_end":
        assert logged["loss"].dropna().index.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("moment", "options"),
    [
        ("on_validation_batch_end", {"val_check_interval": 0.5}),
        ("on_before_optimizer_step", {"limit_train_batches": 1}),
    ],
)
def test_an_error_within_an_epoch_does_not_make_it_a_whole_one(
    moment: str, options: dict[str, Any], tmp_path: Path
) -> None:
    net = Net()
    own = _recorder(net, tmp_path / "a.h5").for_lightning()
    with pytest.raises(RuntimeError, match="on purpose"):
        _fit(net, own, Fails(moment, 1, RuntimeError("on purpose")), **options)
    with pytest.warns(UserWarning, match="was interrupted after epoch 1"):
        assert rc.open_run(tmp_path / "a.h5", model=net).epochs.tolist() == [0, 1]


def test_training_may_stop_within_an_epoch_and_be_resumed(tmp_path: Path) -> None:
    path, net, checkpoint = tmp_path / "a.h5", Net(), str(tmp_path / "stopped.ckpt")
    recorder = _recorder(net, path)
    trainer = _fit(net, recorder.for_lightning(), checkpoints=tmp_path, max_epochs=-1, max_steps=5)
    trainer.save_checkpoint(checkpoint)
    assert rc.open_run(path, model=net).epochs.tolist() == [0, 1, 1.25]
    # An epoch that is a whole one, and a state that Lightning wrote itself.
    saving = lightning.pytorch.callbacks.ModelCheckpoint(tmp_path, "{epoch}", save_top_k=-1)
    net = Net()
    recorder = _recorder(net, path, if_exists="overwrite")
    _fit(net, recorder.for_lightning(), saving, checkpoints=tmp_path)
    for options, epochs in (
        ({"max_epochs": 4}, [0, 1, 2, 3, 4]),
        ({"max_epochs": -1, "max_steps": 9}, [0, 1, 2, 2.25]),
    ):
        net = Net()
        recorder = _recorder(net, path, if_exists="append")
        _fit(net, recorder.for_lightning(), path=str(tmp_path / "epoch=1.ckpt"), **options)
        run = rc.open_run(path, model=net)
        assert (run.epochs.tolist(), run.state, run.verified) == (epochs, "finished", True)


def test_a_with_block_may_surround_the_training(tmp_path: Path) -> None:
    net = Net()
    with _recorder(net, tmp_path / "a.h5", every=[1, 2]) as recorder:
        _fit(net, recorder.for_lightning())
    run = rc.open_run(tmp_path / "a.h5", model=net)
    assert (run.epochs.tolist(), run.state) == ([0, 1, 2, 3], "finished")


def test_what_cannot_be_recorded_is_an_error_before_training(tmp_path: Path) -> None:
    net, other = Net(), Net()
    recorder = _recorder(net, tmp_path / "a.h5")
    with pytest.raises(rc.RecordingError, match="must share its parameters"):
        _fit(other, recorder.for_lightning())
    assert not other.losses
    _fit(net, recorder.for_lightning(), max_epochs=1)
    steps = len(net.losses)
    with pytest.raises(rc.RecordingError, match="is closed and takes no more snapshots"):
        _fit(net, recorder.for_lightning(), max_epochs=1)
    assert len(net.losses) == steps


DISTRIBUTED = """
import sys
sys.path.insert(0, sys.argv[1])
import test_lightning_callback as own
net = own.Net()
recorder = own._recorder(net, sys.argv[2])
own.lightning.Trainer(
    accelerator="cpu", devices=2, strategy="ddp", logger=False, enable_checkpointing=False,
    enable_progress_bar=False, enable_model_summary=False, max_epochs=2,
    callbacks=[recorder.for_lightning()],
).fit(net, own.DataLoader(own.TensorDataset(own.X, own.Y), batch_size=10))
print("began" if recorder.begun else "did not begin", flush=True)
"""


@pytest.mark.thorough
def test_one_of_several_processes_records(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(DISTRIBUTED, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, script, Path(__file__).parent, tmp_path / "a.h5"],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("did not begin") == 1
    assert done.stdout.count("began") == 1
    run = rc.open_run(tmp_path / "a.h5", model=Net())
    assert (run.epochs.tolist(), run.state, run.verified) == ([0, 1, 2], "finished", True)
