"""The replay of PyTorch modules, compared with PyTorch itself."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: see CONTRIBUTING.md")
from support import torch_modules as modules  # noqa: E402
from support.torch_modules import EPOCHS, Kept, train  # noqa: E402
from torch import nn  # noqa: E402

import replaychart as rc  # noqa: E402

POINTS = 40
Trained = Callable[[Path], Kept]


def _points(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(POINTS, *shape)).astype(np.float32)


def _numbers(most: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, most, (POINTS, *shape))


def _mlp(path: Path) -> Kept:
    return train(path, modules.mlp(), _points(2), _column(_numbers(2)), nn.BCEWithLogitsLoss())


def _column(classes: np.ndarray) -> np.ndarray:
    return classes.astype(np.float32)[:, None]


def _normalized(path: Path) -> Kept:
    layers = [nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3)]
    weight = torch.tensor([1.0, 2.0, 0.5])
    return train(path, nn.Sequential(*layers), _points(2), _numbers(3), nn.CrossEntropyLoss(weight))


def _convolution(path: Path) -> Kept:
    loss = nn.CrossEntropyLoss(label_smoothing=0.1)
    return train(path, modules.ConvNet(), _points(1, 6, 6), _numbers(3), loss)


def _recurrent(path: Path) -> Kept:
    return train(
        path, modules.Recurrent(), _points(4, 3), _numbers(2).astype(np.float32), nn.BCELoss()
    )


def _transformer(path: Path) -> Kept:
    return train(path, modules.Transformer(), _numbers(10, 6), _numbers(3), nn.NLLLoss())


def _shared(path: Path) -> Kept:
    loss = nn.functional.cross_entropy
    return train(path, modules.Shared(), _points(4), _numbers(2), loss)


def _in_a_list(path: Path) -> Kept:
    X = [_numbers(9, 3), _points(2)]
    return train(path, modules.TwoInputs(), X, _column(_numbers(2)), nn.BCEWithLogitsLoss())


def _by_name(path: Path) -> Kept:
    X = {"features": _points(2), "words": _numbers(9, 3)}
    return train(path, modules.TwoInputs(), X, _column(_numbers(2)), nn.BCEWithLogitsLoss())


def _regression(path: Path) -> Kept:
    y = _points(1) * 3
    return train(path, modules.mlp(hidden=5), _points(2), y, nn.SmoothL1Loss(reduction="sum"))


TRAINED: dict[str, Trained] = {
    name.__name__[1:]: name
    for name in (
        *(_mlp, _normalized, _convolution, _recurrent, _transformer, _shared, _in_a_list),
        *(_by_name, _regression),
    )
}


@pytest.fixture(scope="module", params=sorted(TRAINED))
def kept(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Kept:
    torch.manual_seed(3)
    return TRAINED[request.param](tmp_path_factory.mktemp("torch") / "runs.h5")


def test_outputs_and_losses_are_those_of_pytorch(kept: Kept) -> None:
    run = kept.open()
    assert run.epochs.tolist() == list(range(EPOCHS + 1))
    assert run.verified
    for snapshot, expected in enumerate(kept.outputs):
        outputs = run.outputs(epochs=snapshot)[0]
        np.testing.assert_allclose(outputs.reshape(expected.shape), expected, atol=1e-6)
    losses = run.losses().astype(np.float64)
    summed = getattr(kept.loss, "reduction", None) == "sum"
    reduced = losses.sum(axis=1) if summed else losses.mean(axis=1)
    np.testing.assert_allclose(reduced, kept.losses, rtol=1e-6, atol=1e-6)


def test_gradients_are_those_of_pytorch(kept: Kept) -> None:
    run = kept.open()
    names = [
        variable for variable in ("kernel", "bias") if run.value_distributions.layers(variable)
    ]
    for variable in names:
        frame = run.distributions("gradients", variable=variable, epochs=EPOCHS)
        own = frame["value"].to_numpy()
        expected = [
            one.ravel()
            for name, one in kept.gradients[-1].items()
            if _is_of(variable, name, one) and np.isin(one, kept.gradients[-1][name]).all()
        ]
        np.testing.assert_allclose(
            np.sort(own), np.sort(np.concatenate(expected)), rtol=1e-4, atol=1e-6
        )


def _is_of(variable: str, name: str, values: np.ndarray) -> bool:
    if variable == "kernel":
        return values.ndim >= 2
    return "bias" in name and "norm" not in name and name != "1.bias"


def test_layers_are_what_hooks_see(kept: Kept) -> None:
    run = kept.open()
    seen: dict[str, Any] = {}
    kept.module.eval()
    kept.module.load_state_dict(kept.states[1])

    def see(name: str) -> Any:
        def hook(_: Any, __: Any, output: Any) -> None:
            seen.setdefault(name, (output[0] if isinstance(output, tuple) else output).clone())

        return hook

    handles = [one.register_forward_hook(see(name)) for name, one in kept.module.named_modules()]
    args, named = modules.arguments(kept.X)
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    with torch.no_grad():
        kept.module(*args, **named)
    torch.backends.mha.set_fastpath_enabled(fast)
    for handle in handles:
        handle.remove()
    kept.module.load_state_dict(kept.states[-1])
    functions = {"relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}
    functions["log_softmax"] = lambda values: torch.log_softmax(values, -1)
    for layer in run._stored.layers:
        own = seen[layer.name]
        if layer.activation is not None:
            own = functions[layer.activation](own)
        if own.ndim > 3:
            own = own.movedim(1, -1)
        assert tuple(own.shape[1:]) == layer.output_shape
        np.testing.assert_allclose(
            run.coordinates(layer.name, epochs=1)[0],
            own.numpy().reshape(POINTS, -1),
            atol=1e-6,
            err_msg=layer.name,
        )


LAYERS = {
    "mlp": ["hidden Linear tanh", "output Linear None"],
    "normalized": ["0 Linear None", "1 BatchNorm1d relu", "4 Linear None"],
    "convolution": [
        "first Conv2d None",
        "norm BatchNorm2d relu",
        "second Conv2d None",
        "head Linear None",
    ],
    "recurrent": ["lstm LSTM None", "head Linear sigmoid"],
    "shared": ["shared Linear None", "tied Linear tanh", "head Linear None"],
    "in_a_list": ["words Embedding None", "mixed Linear relu", "head Linear None"],
}


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_layers_run_in_order_with_their_activations(name: str, tmp_path: Path) -> None:
    run = TRAINED[name](tmp_path / "runs.h5").open()
    layers = [f"{one.name} {one.kind} {one.activation}" for one in run._stored.layers]
    assert layers == LAYERS[name]


def test_pre_activations_go_through_a_normalization(tmp_path: Path) -> None:
    kept = _normalized(tmp_path / "runs.h5")
    run = kept.open()
    linear, norm, relu, _, last = kept.module.eval()
    with torch.no_grad():
        before = norm(linear(torch.as_tensor(kept.X)))
        out = last(relu(before))
    own = {
        kind: run.distributions(kind, epochs=EPOCHS) for kind in ("pre_activations", "activations")
    }
    for kind, first in (("pre_activations", before), ("activations", relu(before))):
        frame = own[kind]
        for layer, expected in (("0", first), ("4", out)):
            values = frame.loc[frame["layer"] == layer, "value"].to_numpy()
            np.testing.assert_allclose(values, expected.numpy().ravel(), atol=1e-6)


def test_kernels_have_inputs_first_and_units_last(tmp_path: Path) -> None:
    kept = _convolution(tmp_path / "runs.h5")
    run = kept.open()
    weights = dict(zip(run._stored.details["state_names"], run._stored.weights(), strict=True))
    state = kept.states[-1]
    np.testing.assert_array_equal(weights["head.weight"][-1], state["head.weight"].numpy().T)
    first = state["first.weight"].permute(2, 3, 1, 0)
    np.testing.assert_array_equal(weights["first.weight"][-1], first.numpy())
    for name, values in weights.items():
        if values.ndim == 2 or "num" in name:
            np.testing.assert_array_equal(values[-1], state[name].numpy())
    frame = run.distributions("weights", layers=["head"], epochs=EPOCHS)
    unit = frame.query("input == 2 and unit == 1")["value"].item()
    assert unit == state["head.weight"][1, 2].item()


def test_the_network_after_a_layer(tmp_path: Path) -> None:
    torch.manual_seed(1)
    kept = _mlp(tmp_path / "runs.h5")
    network = kept.open()._network.rebuilt("outputs")
    plane = _points(2)
    found = list(network.outputs_by_snapshot(None, plane, [0, EPOCHS], plane_of="hidden"))
    for snapshot, own in zip((0, EPOCHS), found, strict=True):
        state = kept.states[snapshot]
        expected = plane @ state["output.weight"].numpy().T + state["output.bias"].numpy()
        np.testing.assert_allclose(own, expected, atol=1e-6)
    own = list(network.outputs_by_snapshot(None, plane[:, :1], [1], plane_of="output"))
    np.testing.assert_array_equal(own[0], plane[:, :1])
    assert network.depends_on_alone("hidden")


class Bypassed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(2, 2)
        self.head = nn.Linear(2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.relu(self.hidden(x)) + x)


def test_a_branch_that_bypasses_a_layer_is_noticed(tmp_path: Path) -> None:
    y = _column(_numbers(2))
    kept = train(tmp_path / "a.h5", Bypassed(), _points(2), y, nn.BCEWithLogitsLoss())
    run = kept.open()
    with pytest.raises(rc.EvaluationError, match="a branch bypasses that layer"):
        run.surface("hidden", plane="layer", epochs=0)
    assert len(run.surface("hidden", epochs=1))
    words = _in_a_list(tmp_path / "b.h5").open()._network.rebuilt("outputs")
    assert words.depends_on_alone("mixed")
    assert not words.depends_on_alone("words")


def test_snapshots_are_evaluated_together_where_the_module_allows_it(tmp_path: Path) -> None:
    network = _mlp(tmp_path / "a.h5").open()._network.rebuilt("outputs")._network
    network.outputs("hidden", _points(2), [0, 1, 2])
    assert network._maps


class OnValues(nn.Module):
    """Its graph depends on values, which `vmap` refuses."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.linear(x)
        return y if y.sum().item() > 0 else 2 * y


def test_a_module_whose_graph_depends_on_values(tmp_path: Path) -> None:
    y = _column(_numbers(2))
    kept = train(tmp_path / "a.h5", OnValues(), _points(2), y, nn.BCEWithLogitsLoss())
    np.testing.assert_allclose(kept.open().outputs(), kept.outputs, atol=1e-6)


@pytest.mark.parametrize(
    "wrapped", [lambda it: torch.compile(it, backend="eager"), nn.DataParallel]
)
def test_wrappers_are_taken_off(wrapped: Any, tmp_path: Path) -> None:
    torch.manual_seed(2)
    module = modules.mlp()
    X, y = _points(2), _column(_numbers(2))
    outer = wrapped(module)
    kept = train(tmp_path / "a.h5", outer, X, y, nn.BCEWithLogitsLoss())
    for model in (outer, module, modules.mlp()):
        run = kept.open(model=model)
        assert run.layers == ["hidden", "output"]
        np.testing.assert_allclose(run.outputs(), kept.outputs, atol=1e-6)
        assert run.verified


def test_a_submodule_that_is_compiled_keeps_its_name(tmp_path: Path) -> None:
    torch.manual_seed(2)
    module = modules.mlp()
    module.hidden = torch.compile(module.hidden, backend="eager")
    y = _column(_numbers(2))
    kept = train(tmp_path / "a.h5", module, _points(2), y, nn.BCEWithLogitsLoss())
    run = kept.open(model=modules.mlp())
    assert run.layers == ["hidden", "output"]
    np.testing.assert_allclose(run.outputs(), kept.outputs, atol=1e-6)


def test_training_in_half_precision_is_replayed_in_full(tmp_path: Path) -> None:
    torch.manual_seed(2)
    module, X = modules.mlp(), _points(2)
    targets = torch.as_tensor(_column(_numbers(2)))
    optimizer, loss_of = torch.optim.SGD(module.parameters(), lr=0.1), nn.BCEWithLogitsLoss()
    path = tmp_path / "a.h5"
    with (
        rc.TorchRecorder(module, X, targets, path, "a", loss=loss_of) as recorder,
        torch.autocast("cpu", dtype=torch.bfloat16),
    ):
        for epoch in (1, 2):
            optimizer.zero_grad()
            loss_of(module(torch.as_tensor(X)), targets).backward()
            optimizer.step()
            recorder.snapshot(epoch)
    run = rc.open_run(path, model=module)
    assert run.verified
    with torch.no_grad():
        expected = module(torch.as_tensor(X)).numpy()
    np.testing.assert_allclose(run.outputs()[-1], expected, atol=1e-6)


def test_parameters_of_16_and_64_bits(tmp_path: Path) -> None:
    for dtype in (torch.bfloat16, torch.float64):
        module = modules.mlp().to(dtype)
        path, y = tmp_path / f"{dtype}.h5", _column(_numbers(2))
        with rc.TorchRecorder(module, _points(2), y, path, "a", loss=nn.BCEWithLogitsLoss()):
            pass
        run = rc.open_run(path, model=module)
        with torch.no_grad():
            expected = module(torch.as_tensor(_points(2)).to(dtype)).float().numpy()
        np.testing.assert_allclose(run.outputs()[0], expected, atol=1e-6)
        assert run.verified


def _of_a_loss(path: Path, loss: Any, y: np.ndarray, outputs: int, targets: Any = None) -> rc.Run:
    kept = train(path, modules.mlp(outputs=outputs), _points(2), y, loss, targets=targets)
    name = getattr(loss, "__name__", "loss")
    run = kept.open(custom_objects={name: loss})
    np.testing.assert_allclose(run.losses().mean(axis=1), kept.losses, rtol=2e-6, atol=1e-6)
    assert run.verified
    return run


def test_what_outputs_mean_follows_from_the_loss(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"

    def options(name: str) -> Path:
        return tmp_path / f"{name}.h5"

    shares = np.eye(3, dtype=np.float32)[_numbers(3)]
    logits = _of_a_loss(path, nn.CrossEntropyLoss(), shares, 3)
    assert logits.classes == 3
    np.testing.assert_allclose(
        logits.probabilities(),
        torch.softmax(torch.as_tensor(logits.outputs()), -1).numpy(),
        atol=1e-6,
    )
    signs = _column(_numbers(2)) * 2 - 1
    scores = _of_a_loss(options("scores"), nn.SoftMarginLoss(), signs, 1)
    assert scores.classes == 2
    assert not scores.has_probabilities
    several = _of_a_loss(options("several"), nn.MultiMarginLoss(), _numbers(3), 3)
    assert (several.classes, several.has_probabilities) == (3, False)
    labels = _numbers(2, 3).astype(np.float32)
    assert _of_a_loss(options("labels"), nn.BCEWithLogitsLoss(), labels, 3).multi_label
    assert _of_a_loss(options("mse"), nn.MSELoss(), _points(1), 1).classes == 0
    weights = torch.tensor([1.0, 3.0, 0.5])
    ignored = _of_a_loss(
        options("ignored"), nn.CrossEntropyLoss(weights, ignore_index=1), _numbers(3), 3
    )
    assert (ignored.losses()[:, _numbers(3) == 1] == 0).all()


def test_losses_of_your_own(tmp_path: Path) -> None:
    def squares(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return ((outputs - targets) ** 2).mean()

    def halves(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return 0.5 * ((outputs - targets) ** 2).mean(dim=1)

    run = _of_a_loss(tmp_path / "a.h5", squares, _points(1), 1)
    expected = (run.outputs()[-1, :, 0] - _points(1)[:, 0]) ** 2
    np.testing.assert_allclose(run.losses()[-1], expected, rtol=1e-5)
    with pytest.raises(rc.EvaluationError, match="custom_objects={'squares': loss}"):
        rc.open_run(tmp_path / "a.h5", model=modules.mlp()).losses()
    module = modules.mlp()
    with rc.TorchRecorder(module, _points(2), _points(1), tmp_path / "b.h5", "b", loss=halves):
        pass
    run = rc.open_run(tmp_path / "b.h5", model=module, custom_objects={"halves": halves})
    np.testing.assert_allclose(
        run.losses()[0], 0.5 * (run.outputs()[0] - _points(1))[:, 0] ** 2, rtol=1e-5
    )


def test_a_run_without_a_loss_has_no_losses(tmp_path: Path) -> None:
    module = modules.mlp()
    with rc.TorchRecorder(module, _points(2), _points(1), tmp_path / "a.h5", "a"):
        pass
    run = rc.open_run(tmp_path / "a.h5", model=module)
    assert run.outputs().shape == (1, POINTS, 1)
    with pytest.raises(rc.EvaluationError, match="without a loss. Pass loss= to TorchRecorder"):
        run.losses()


def test_the_model_that_is_passed_must_be_the_recorded_one(tmp_path: Path) -> None:
    kept = _mlp(tmp_path / "a.h5")
    with pytest.raises(rc.EvaluationError, match="was recorded from a PyTorch module.*as model="):
        kept.open(model=None).losses()
    with pytest.raises(
        rc.EvaluationError, match=r"'hidden.weight' of this Sequential has the shape \(3, 2\)"
    ):
        kept.open(model=modules.mlp(hidden=3)).losses()
    with pytest.raises(rc.EvaluationError, match="Got a Recurrent that has no 'hidden.weight'"):
        kept.open(model=modules.Recurrent()).losses()
    other = modules.mlp()
    other.tanh = nn.Sigmoid()
    run = kept.open(model=other)
    assert run.verified is False
    assert "begins at layer 'hidden'" in run.differences[0]
    with pytest.raises(rc.EvaluationError, match="differs from what the model computed"):
        run.losses()
    with pytest.raises(rc.ArgumentError, match="model must be a Keras model, as run 'parabola'"):
        rc.open_run(rc.datasets.parabola_recording(), model=other)


def test_the_model_is_not_changed(tmp_path: Path) -> None:
    kept = _normalized(tmp_path / "a.h5")
    module = kept.module.train()
    before = {name: one.clone() for name, one in module.state_dict().items()}
    state = torch.get_rng_state()
    run = kept.open()
    run.losses()
    run.distributions("gradients")
    assert all(torch.equal(before[name], one) for name, one in module.state_dict().items())
    assert all(one.training for one in module.modules())
    assert all(not one._forward_hooks for one in module.modules())
    assert torch.equal(state, torch.get_rng_state())


def test_weights_are_restored(tmp_path: Path) -> None:
    kept = _normalized(tmp_path / "a.h5")
    kept.open().restore(kept.module, epoch=1)
    for name, values in kept.module.state_dict().items():
        assert torch.equal(values, kept.states[1][name]), name
