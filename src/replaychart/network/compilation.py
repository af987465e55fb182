"""Compiles functions of recorded weights, in the way of each Keras backend."""

from collections.abc import Callable, Sequence
from typing import Any

import keras


def compiled(function: Callable[..., Any], *, batched: int = 1) -> Callable[..., Any]:
    """Return a function that is compiled once, whatever the number of points.

    Parameters
    ----------
    function : callable
        Takes tensors with a row for each point, then lists of tensors of fixed shapes.
    batched : int, default 1
        How many tensors with rows it takes.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        return _traced_once(function, batched)
    if backend == "jax":
        import jax

        return jax.jit(function)
    return function


def gradient(function: Callable[..., Any], values: Sequence[Any], *arguments: Any) -> Sequence[Any]:
    """Return the gradients of a function with respect to its first argument, a list of tensors.

    Parameters
    ----------
    function : callable
        Returns one number.
    values : sequence of tensor
        Where the gradients are taken.
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
    """Return a TensorFlow function that takes any number of points without being traced again."""
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
