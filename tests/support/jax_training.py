"""Records trainings of JAX and compares the replay with JAX itself; in a process of its own."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import replaychart as rc

POINTS = 40


def _data() -> tuple[np.ndarray, np.ndarray]:
    X, y = rc.datasets.parabola(POINTS // 2)
    return X.astype(np.float32), y.astype(np.float32)


def sigmoid_loss(logits: Any, y: Any) -> Any:
    return jnp.maximum(logits, 0) - logits * y + jnp.log1p(jnp.exp(-jnp.abs(logits)))


def check(
    path: Path,
    apply: Callable[..., Any],
    params: Any,
    *,
    loss: Callable[..., Any] = sigmoid_loss,
    model: Callable[[Any], Any] = lambda apply: apply,
    layers: list[str],
) -> rc.Run:
    """Train, record and compare outputs, losses and gradients with those of JAX."""
    X, y = _data()

    def output(params: Any) -> Any:
        returned = apply(params, X)
        return returned["output"] if isinstance(returned, dict) else returned

    def total(params: Any) -> Any:
        return loss(output(params)[:, 0], y).mean()

    expected, gradients = [output(params)], [jax.grad(total)(params)]
    with rc.record_function(
        apply, params, X, y, path, "jax", loss=loss, predicts="logits", if_exists="overwrite"
    ) as recorder:
        for epoch in range(1, 4):
            step = jax.grad(total)(params)
            params = jax.tree_util.tree_map(lambda own, by: own - 0.3 * by, params, step)
            recorder.snapshot(params, epoch, {"loss": total(params)})
            expected.append(output(params))
            gradients.append(jax.grad(total)(params))
    named = {loss.__name__: loss}
    run = rc.open_run(path, model=model(apply), custom_objects=named)
    assert run.verified, run.differences
    assert run.layers == layers, run.layers
    np.testing.assert_allclose(run.outputs(), np.stack(expected), atol=1e-6)
    p = np.stack(expected)[:, :, 0]
    own = np.stack([np.asarray(loss(one, y)) for one in p])
    np.testing.assert_allclose(run.losses(), own, atol=1e-6)
    network = run._network.rebuilt("outputs")
    count = len(run._stored.recorded_variables)
    for found, by in zip(network.gradients(range(count), range(4)), gradients, strict=True):
        leaves = jax.tree_util.tree_leaves(by)
        mine = sorted((one.ravel() for one in found), key=lambda one: (one.size, one.sum()))
        theirs = sorted(
            (np.asarray(one).ravel() for one in leaves), key=lambda one: (one.size, one.sum())
        )
        for a, b in zip(mine, theirs, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-6)
    assert len(run.surface(resolution=20))
    assert len(run.boundary(resolution=20))
    rc.gradients(run).to_dict()
    if run.layer_shape(layers[0]) is not None:
        rc.feature_space(run, layers[0]).to_dict()
        return run
    with pytest.raises(rc.EvaluationError, match="returns the network's output alone"):
        rc.feature_space(run, layers[0])
    return run


def plain(directory: Path) -> None:
    keys = jax.random.split(jax.random.key(0), 2)
    params = {
        "hidden": {"kernel": jax.random.normal(keys[0], (2, 2)), "bias": jnp.zeros(2)},
        "output": {"kernel": jax.random.normal(keys[1], (2, 1)), "bias": jnp.zeros(1)},
    }

    def apply(params: Any, X: Any) -> Any:
        hidden = jnp.tanh(X @ params["hidden"]["kernel"] + params["hidden"]["bias"])
        output = hidden @ params["output"]["kernel"] + params["output"]["bias"]
        return {"hidden": hidden, "output": output}

    run = check(directory / "plain.h5", apply, params, layers=["hidden", "output"])
    assert run._network.rebuilt("outputs")._network._maps  # type: ignore[attr-defined]
    check(directory / "jit.h5", jax.jit(apply), params, layers=["hidden", "output"])

    def on_values(params: Any, X: Any) -> Any:
        returned = apply(params, X)["output"]
        return returned if float(np.asarray(returned).sum()) > 1e9 else 2 * returned

    half = jax.tree_util.tree_map(lambda one: one.astype(jnp.bfloat16), params)
    X, y = _data()
    with rc.record_function(apply, half, X, y, directory / "half.h5", "half"):
        pass
    run = rc.open_run(directory / "half.h5", model=apply)
    expected = np.asarray(apply(half, X)["output"], np.float32)
    np.testing.assert_allclose(run.outputs()[0], expected, atol=1e-2)
    assert run.verified
    with rc.record_function(on_values, params, X, y, directory / "values.h5", "values"):
        pass
    run = rc.open_run(directory / "values.h5", model=on_values)
    np.testing.assert_allclose(run.outputs()[0], on_values(params, X), atol=1e-6)


def flax(directory: Path) -> None:
    try:
        from flax import linen
    except ImportError:
        return
    import optax

    class Net(linen.Module):
        @linen.compact
        def __call__(self, x: Any) -> Any:
            hidden = linen.tanh(linen.Dense(2, name="hidden")(x))
            return {"hidden": hidden, "output": linen.Dense(1, name="output")(hidden)}

    net = Net()
    params = net.init(jax.random.key(1), _data()[0])
    loss = optax.sigmoid_binary_cross_entropy
    run = check(directory / "flax.h5", net.apply, params, loss=loss, layers=["hidden", "output"])
    assert run.value_distributions.layers("bias") == ["hidden", "output"]
    again = rc.open_run(directory / "flax.h5", model=net.apply)
    np.testing.assert_array_equal(again.losses(), run.losses())


def equinox(directory: Path) -> None:
    try:
        import equinox
    except ImportError:
        return
    model = equinox.nn.MLP(2, 1, 4, 1, key=jax.random.key(2))
    params, static = equinox.partition(model, equinox.is_array)

    def apply(params: Any, X: Any) -> Any:
        return jax.vmap(equinox.combine(params, static))(X)

    names = ["layers/0", "layers/1"]
    check(
        directory / "equinox.h5", apply, params, model=lambda apply: (apply, params), layers=names
    )
    with pytest.raises(rc.ArgumentError, match=r"equinox\.partition"):
        rc.record_function(apply, model, *_data(), directory / "model.h5", "model")
    run = rc.open_run(directory / "equinox.h5", model=apply)
    with pytest.raises(rc.EvaluationError, match=r"model=\(apply, params\)"):
        run.outputs()


def haiku(directory: Path) -> None:
    try:
        import haiku
    except ImportError:
        return
    net = haiku.without_apply_rng(
        haiku.transform(
            lambda x: haiku.Linear(1, name="output")(jnp.tanh(haiku.Linear(2, name="hidden")(x)))
        )
    )
    params = net.init(jax.random.key(3), _data()[0])
    check(directory / "haiku.h5", net.apply, params, layers=["hidden", "output"])


if __name__ == "__main__":
    for training in (plain, flax, equinox, haiku):
        training(Path(sys.argv[1]))
    print("passed")
