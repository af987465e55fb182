"""`TorchRecorder.for_trainer` in the `Trainer` of Hugging Face's Transformers."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: see CONTRIBUTING.md")
transformers = pytest.importorskip("transformers", reason="Transformers is not installed")
pytest.importorskip("accelerate", reason="Accelerate is not installed")
from torch import nn  # noqa: E402

import replaychart as rc  # noqa: E402

# The Trainer warns about the machine, its own settings and other libraries.
pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning:torch"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

LOSS = nn.BCEWithLogitsLoss()
X, Y = (torch.as_tensor(one, dtype=torch.float32) for one in rc.datasets.parabola(20))
Y = Y[:, None]
POINTS = [{"x": x, "labels": y} for x, y in zip(X, Y, strict=True)]


@pytest.fixture(autouse=True)
def _without_datasets(monkeypatch: pytest.MonkeyPatch) -> None:
    # Transformers takes the folder tests/datasets for the package of this name.
    monkeypatch.setattr("transformers.trainer.is_datasets_available", lambda: False)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.hidden, self.norm = nn.Linear(2, 4), nn.BatchNorm1d(4)
        self.drop, self.output = nn.Dropout(0.3), nn.Linear(4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.output(self.drop(torch.tanh(self.norm(self.hidden(x)))))


class WithLoss(nn.Module):
    """What the Trainer trains: it returns a loss."""

    def __init__(self, *, stop_at: int | None = None) -> None:
        super().__init__()
        self.net = Net()
        self.stop_at = stop_at
        self.steps = 0

    def forward(self, x: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        self.steps += self.training
        if self.steps == self.stop_at:
            message = "stopped on purpose"
            raise RuntimeError(message)
        logits = self.net(x)
        return {"loss": LOSS(logits, labels), "logits": logits}


class Keep(transformers.TrainerCallback):
    """Keeps what the recorder must have seen."""

    def __init__(self) -> None:
        self.states: list[dict[str, torch.Tensor]] = []
        self.modes: list[list[bool]] = []

    def _keep(self, module: nn.Module) -> None:
        self.states.append({name: one.clone() for name, one in module.state_dict().items()})
        self.modes.append([one.training for one in module.modules()])

    def on_train_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        self._keep(given["model"])

    def on_epoch_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        self._keep(given["model"])


def _trainer(model: nn.Module, folder: Path, *callbacks: Any, **options: Any) -> Any:
    arguments = transformers.TrainingArguments(
        **{
            "output_dir": str(folder / "trainer"),
            "use_cpu": True,
            "report_to": [],
            "disable_tqdm": True,
            "per_device_train_batch_size": 10,
            "learning_rate": 0.1,
            "lr_scheduler_type": "linear",
            "num_train_epochs": 4,
            "logging_strategy": "epoch",
            "eval_strategy": "epoch",
            "save_strategy": "no",
            **options,
        }
    )
    return transformers.Trainer(
        model, arguments, train_dataset=POINTS, eval_dataset=POINTS, callbacks=list(callbacks)
    )


def _recorder(module: nn.Module, path: Path, **options: Any) -> rc.TorchRecorder:
    return rc.TorchRecorder(module, X, Y, path, "a", loss=LOSS, **options)


def test_every_epoch_is_recorded_with_what_was_logged(tmp_path: Path) -> None:
    model, keep = WithLoss(), Keep()
    recorder = _recorder(model.net, tmp_path / "a.h5")
    # The best state is restored before the training ends; the last epoch is what it was.
    options = {"save_strategy": "epoch", "load_best_model_at_end": True}
    options |= {"metric_for_best_model": "eval_loss", "greater_is_better": True}
    trainer = _trainer(model, tmp_path, recorder.for_trainer(), keep, **options)
    trainer.train()
    run = rc.open_run(tmp_path / "a.h5", model=model.net)
    assert (run.epochs.tolist(), run.state, run.verified) == ([0, 1, 2, 3, 4], "finished", True)
    names = run._stored.details["state_names"]
    for name, values in zip(names, run._stored.weights(), strict=True):
        for snapshot, state in enumerate(keep.states):
            own = state[f"net.{name}"].numpy()
            np.testing.assert_array_equal(values[snapshot], own.T if own.ndim == 2 else own)
    assert not torch.equal(keep.states[-1]["net.output.bias"], model.net.output.bias)
    history = run.history().query("source == 'training'")
    logged = {name: own["value"].tolist() for name, own in history.groupby("name")}
    rates = {"learning_rate", "learning_rate[0]", "learning_rate[1]"}
    assert set(logged) == {"loss", "val_loss", "grad_norm", *rates}
    own = trainer.state.log_history
    assert logged["loss"] == pytest.approx([one["loss"] for one in own if "loss" in one])
    np.testing.assert_allclose(logged["val_loss"], run.losses().mean(axis=1)[1:], atol=1e-6)
    # At the start of each epoch; the schedule lowers it after each batch.
    assert logged["learning_rate"] == pytest.approx([0.1, 0.075, 0.05, 0.025])
    assert logged["learning_rate[1]"] == logged["learning_rate"]


def test_training_does_not_notice_the_callback(tmp_path: Path) -> None:
    kept = []
    for recorded in (False, True):
        model, keep = WithLoss(), Keep()
        callbacks = [_recorder(model.net, tmp_path / "a.h5").for_trainer()] if recorded else []
        _trainer(model, tmp_path, *callbacks, keep).train()
        kept.append((keep, torch.get_rng_state()))
    (plain, state), (recorded, other_state) = kept
    assert plain.modes == recorded.modes
    assert torch.equal(state, other_state)
    for one, same in zip(plain.states, recorded.states, strict=True):
        assert all(torch.equal(values, same[name]) for name, values in one.items())


def test_an_evaluation_that_raises_loses_no_epoch(tmp_path: Path) -> None:
    evaluations = []

    def measures(_: Any) -> dict[str, float]:
        evaluations.append(1)
        if len(evaluations) == 3:
            message = "stopped on purpose"
            raise RuntimeError(message)
        return {"score": 0.5}

    model, keep = WithLoss(), Keep()
    recorder = _recorder(model.net, tmp_path / "a.h5")
    trainer = _trainer(model, tmp_path, recorder.for_trainer(), keep)
    trainer.compute_metrics = measures
    with pytest.raises(RuntimeError, match="on purpose"):
        trainer.train()
    with pytest.warns(UserWarning, match="was interrupted after epoch 3"):
        run = rc.open_run(tmp_path / "a.h5", model=model.net)
    assert (run.epochs.tolist(), run.state) == ([0, 1, 2, 3], "interrupted")
    place = run._stored.details["state_names"].index("output.bias")
    last = run._stored.weights()[place][-1]
    np.testing.assert_array_equal(last, keep.states[-1]["net.output.bias"].numpy())
    logged = run.history().query("source == 'training'").set_index(["name", "epoch"])["value"]
    assert logged["val_score"].to_dict() == {1: 0.5, 2: 0.5}
    assert sorted(logged["loss"].index) == sorted(logged["learning_rate"].index) == [1, 2, 3]


def test_an_error_leaves_an_interrupted_run(tmp_path: Path) -> None:
    model = WithLoss(stop_at=10)
    recorder = _recorder(model.net, tmp_path / "a.h5")
    with pytest.raises(RuntimeError, match="stopped on purpose"):
        _trainer(model, tmp_path, recorder.for_trainer()).train()
    with pytest.warns(UserWarning, match="was interrupted after epoch 2"):
        run = rc.open_run(tmp_path / "a.h5", model=model.net)
    assert (run.epochs.tolist(), run.state) == ([0, 1, 2], "interrupted")


def test_training_may_stop_within_an_epoch_and_be_resumed(tmp_path: Path) -> None:
    path, model = tmp_path / "a.h5", WithLoss()
    recorder = _recorder(model.net, path)
    options = {"save_strategy": "epoch", "num_train_epochs": 2}
    _trainer(model, tmp_path, recorder.for_trainer(), **options).train()
    model = WithLoss()
    recorder = _recorder(model.net, path, if_exists="append")
    trainer = _trainer(model, tmp_path, recorder.for_trainer(), max_steps=13)
    trainer.train(resume_from_checkpoint=True)
    run = rc.open_run(path, model=model.net)
    assert (run.epochs.tolist(), run.state) == ([0, 1, 2, 3, 3.25], "finished")
    assert run.verified


def test_what_cannot_be_recorded_is_an_error_before_training(tmp_path: Path) -> None:
    model, other = WithLoss(), WithLoss()
    recorder = _recorder(model.net, tmp_path / "a.h5")
    with pytest.raises(rc.RecordingError, match="must share its parameters"):
        _trainer(other, tmp_path, recorder.for_trainer()).train()
    assert not other.steps
    with recorder:
        _trainer(model, tmp_path, recorder.for_trainer(), num_train_epochs=1).train()
    assert rc.open_run(tmp_path / "a.h5", model=model.net).epochs.tolist() == [0, 1]
    steps = model.steps
    with pytest.raises(rc.RecordingError, match="is closed and takes no more snapshots"):
        _trainer(model, tmp_path, recorder.for_trainer()).train()
    assert model.steps == steps


class Logits(nn.Module):
    """A model of Transformers as a module that returns one tensor."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return self.model(input_ids, attention_mask=attention_mask).logits


@pytest.mark.thorough
def test_a_model_of_transformers_is_recorded(tmp_path: Path) -> None:
    torch.manual_seed(0)
    size = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.BertConfig(vocab_size=20, intermediate_size=16, **size)
    model = transformers.BertForSequenceClassification(config)
    words, mask = torch.randint(20, (24, 5)), torch.ones((24, 5), dtype=torch.int64)
    labels = words[:, 0] % 2
    columns = zip(words, mask, labels, strict=True)
    points = [{"input_ids": x, "attention_mask": m, "labels": y} for x, m, y in columns]
    recorder = rc.TorchRecorder(
        Logits(model),
        {"input_ids": words, "attention_mask": mask},
        labels,
        tmp_path / "a.h5",
        "bert",
        loss=nn.CrossEntropyLoss(),
    )
    trainer = _trainer(model, tmp_path, recorder.for_trainer(), num_train_epochs=2)
    trainer.train_dataset = trainer.eval_dataset = points
    trainer.train()
    run = rc.open_run(tmp_path / "a.h5", model=Logits(model))
    assert (run.epochs.tolist(), run.state, run.verified) == ([0, 1, 2], "finished", True)
    model.eval()
    with torch.no_grad():
        own = model(words, attention_mask=mask).logits.numpy()
    np.testing.assert_allclose(run.outputs()[-1], own, atol=1e-6)
