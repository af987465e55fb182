"""JAX: two parabolas, five views

The network of :doc:`parabola`, as a function of its parameters that JAX differentiates.
`record_function` records the parameters at every epoch, and `open_run` takes the function that was
trained, so the charts are the same as for Keras and :doc:`PyTorch <pytorch>`, with the grid, the
surface and the boundary of every epoch. The function returns logits; the charts show their
probabilities. Watch the chart on the left: at epoch 18, the straight line cuts off both ends of the
orange curve; at epoch 30, the hidden layer has bent the plane so far that almost nothing is left of
them.

With ``store=True``, the recording also charts without the function.
"""
# category: Feature spaces
# thumbnail-epoch: 18

from pathlib import Path

import jax
import jax.numpy as jnp

import replaychart as rc

recording = Path("jax.h5")


def apply(params, X):
    hidden = jax.nn.sigmoid(X @ params["hidden"]["kernel"] + params["hidden"]["bias"])
    output = hidden @ params["output"]["kernel"] + params["output"]["bias"]
    return {"hidden": hidden, "output": output}


def cross_entropy(logits, y):
    return jnp.maximum(logits, 0) - logits * y + jnp.log1p(jnp.exp(-jnp.abs(logits)))


@jax.jit
def trained_on(params, X, y):
    def loss(params):
        return cross_entropy(apply(params, X)["output"][:, 0], y).mean()

    gradients = jax.grad(loss)(params)
    return jax.tree.map(lambda value, gradient: value - 0.1 * gradient, params, gradients)


if not recording.exists():
    X, y = rc.datasets.parabola()
    of_hidden, of_output, of_batches = jax.random.split(jax.random.key(7), 3)
    params = {
        "hidden": {"kernel": jax.random.normal(of_hidden, (2, 2)), "bias": jnp.zeros(2)},
        "output": {"kernel": jax.random.normal(of_output, (2, 1)), "bias": jnp.zeros(1)},
    }
    recorder = rc.record_function(
        apply,
        params,
        X,
        y,
        recording,
        "parabola",
        loss=cross_entropy,
        predicts="logits",
        store=True,
    )
    with recorder:
        for epoch in range(1, 151):
            order = jax.random.permutation(jax.random.fold_in(of_batches, epoch), len(X))
            for rows in order.reshape(-1, 16):
                params = trained_on(params, X[rows], y[rows])
            recorder.snapshot(params, epoch)

run = rc.open_run(
    recording, "parabola", model=apply, custom_objects={"cross_entropy": cross_entropy}
)
epochs = slice(None, None, 3)  # every third one

space = rc.feature_space(run, "hidden", epochs=epochs, width=380, height=380)
probabilities = rc.probability_histogram(run, epochs=epochs)
curves = rc.loss_and_metric(run, epochs=epochs)
losses = rc.loss_histogram(run, epochs=epochs)

space | probabilities | (curves & losses)
