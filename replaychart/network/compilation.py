"""Compiles functions of recorded weights for the current Keras backend."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np


def compiled(function: Callable[..., Any], *, batched: int) -> Callable[..., Any]:
    """Return a function that is compiled once for any number of points.

    Parameters
    ----------
    function : callable
        Takes tensors with one row per point, followed by lists of tensors with fixed shapes.
    batched : int
        The number of tensors with one row per point.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        return _traced_once(function, batched)
    if backend == "jax":
        import jax

        return jax.jit(function)
    return function


def mapped(function: Callable[..., list[Any]], *, outputs: int) -> Callable[..., list[Any]]:
    """Return a function that is compiled once and applied to many snapshots in one call.

    A single call is faster, because a framework's overhead per call exceeds the cost of a small
    network.

    Parameters
    ----------
    function : callable
        Takes two lists of tensors: the inputs, with one row per point, and the weights. Returns a
        list of tensors with one row per point.
    outputs : int
        The number of tensors that it returns.

    Returns
    -------
    callable
        Takes and returns the same tensors with a leading axis for the snapshots.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        return _mapped_by_tensorflow(function, outputs)
    if backend == "jax":
        import jax

        return jax.jit(
            lambda points, weights: jax.lax.map(lambda own: function(*own), (points, weights))
        )
    return lambda points, weights: _mapped_by_torch(function, points, weights)


def as_array(tensor: Any) -> np.ndarray:
    """Return the values of a tensor. They can share its memory, and must not be changed."""
    # Keras copies the values, which takes as long as computing those of a convolution.
    copied = keras.backend.backend() not in ("tensorflow", "jax")
    return keras.ops.convert_to_numpy(tensor) if copied else np.asarray(tensor)


def _mapped_by_torch(
    function: Callable[..., list[Any]], points: list[Any], weights: list[Any]
) -> list[Any]:
    import torch

    with torch.no_grad():
        every = [
            function([own[snapshot] for own in points], [weight[snapshot] for weight in weights])
            for snapshot in range(len(points[0]))
        ]
        return [torch.stack(list(output)) for output in zip(*every, strict=True)]


def _mapped_by_tensorflow(function: Callable[..., list[Any]], outputs: int) -> Callable[..., Any]:
    import tensorflow

    traced = None

    def every_snapshot(points: list[Any], weights: list[Any]) -> list[Any]:
        return tensorflow.map_fn(
            lambda own: function(own[0], own[1]),
            (points, weights),
            fn_output_signature=[tensorflow.float32] * outputs,
        )

    def call(points: list[Any], weights: list[Any]) -> list[Any]:
        nonlocal traced
        if traced is None:
            any_points = [
                tensorflow.TensorSpec((None, None, *own.shape[2:]), own.dtype) for own in points
            ]
            any_weights = [
                tensorflow.TensorSpec((None, *weight.shape[1:]), weight.dtype) for weight in weights
            ]
            traced = tensorflow.function(every_snapshot).get_concrete_function(
                any_points, any_weights
            )
        return traced(points, weights)

    return call


def each_alone(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Return a function that is applied to each point separately, as a batch of one.

    Parameters
    ----------
    function : callable
        Takes targets and outputs, with one row per point. Returns a tensor of any shape.

    Returns
    -------
    callable
        Takes the same arguments. Returns a tensor with a leading axis for the points.
    """

    def one_of(row: tuple[Any, ...]) -> Any:
        target, output, *logits = (values[None] for values in row)
        if logits:
            (output._keras_logits,) = logits
        return function(target, output)

    vectorized: Callable[..., Any] | None = None

    def call(targets: Any, outputs: Any) -> Any:
        nonlocal vectorized
        # With TensorFlow, Keras attaches the logits to probabilities: see judged_outputs.
        logits = getattr(outputs, "_keras_logits", None)
        rows = (targets, outputs) if logits is None else (targets, outputs, logits)
        if vectorized is None:
            vectorized = compiled(
                lambda *every: keras.ops.vectorized_map(one_of, every), batched=len(rows)
            )
            try:
                return vectorized(*rows)
            except Exception:  # anything raised by a function that needs values, or a loop
                vectorized = _one_by_one(one_of)
        return vectorized(*rows)

    return call


def _one_by_one(function: Callable[[tuple[Any, ...]], Any]) -> Callable[..., Any]:
    return lambda *every: keras.ops.stack([function(row) for row in zip(*every, strict=True)])


def gradient(function: Callable[..., Any], values: Sequence[Any], *arguments: Any) -> Sequence[Any]:
    """Return the gradients of a function with respect to its first argument, a list of tensors.

    Parameters
    ----------
    function : callable
        Returns a scalar.
    values : sequence of tensor
        The values at which the gradients are computed.
    *arguments : object
        The other arguments.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow

        with tensorflow.GradientTape() as tape:
            tape.watch(values)
            number = function(values, *arguments)
        return tape.gradient(
            number, values, unconnected_gradients=tensorflow.UnconnectedGradients.ZERO
        )
    if backend == "jax":
        import jax

        return jax.grad(function)(values, *arguments)
    import torch

    leaves = [value.detach().requires_grad_() for value in values]
    found = torch.autograd.grad(function(leaves, *arguments), leaves, allow_unused=True)
    return [
        torch.zeros_like(leaf) if gradient is None else gradient
        for leaf, gradient in zip(leaves, found, strict=True)
    ]


def _traced_once(function: Callable[..., Any], batched: int) -> Callable[..., Any]:
    """Return a TensorFlow function that takes any number of points without retracing."""
    import tensorflow

    traced = None

    def call(*arguments: Any) -> Any:
        nonlocal traced
        if traced is None:
            any_number = [
                tensorflow.TensorSpec((None, *points.shape[1:]), points.dtype)
                for points in arguments[:batched]
            ]
            fixed = [
                [tensorflow.TensorSpec(value.shape, value.dtype) for value in group]
                for group in arguments[batched:]
            ]
            traced = tensorflow.function(function).get_concrete_function(*any_number, *fixed)
        return traced(*arguments)

    return call
