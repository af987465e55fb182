"""The kernel of the output layer, for the layer whose outputs enter it."""

import numpy as np

from replaychart.errors import ArgumentError
from replaychart.evaluation.evaluations import Evaluations
from replaychart.planes.layer_space import LastOutputs
from replaychart.storage.reader import StoredRun

# Rounding errors of the product of outputs and kernel, relative to the largest value.
_ROUNDING = 1e-3


def output_kernel(
    stored: StoredRun, evaluations: Evaluations, layer: str, last: LastOutputs
) -> np.ndarray:
    """Return the kernel of the output layer, shape (units, outputs), at the snapshot of `last`.

    Parameters
    ----------
    stored : StoredRun
        The run.
    evaluations : Evaluations
        Evaluates the output layer, to find out whether it multiplies the layer's outputs.
    layer : str
        The layer's name.
    last : LastOutputs
        Its last outputs.

    Raises
    ------
    ArgumentError
        The run has no model, or its output layer is not a linear function of these outputs.
    """
    output, kernel = _last_kernel(stored, last.snapshot)
    if kernel is not None and kernel.shape[0] == last.rows.shape[1]:
        ((before,),) = evaluations.layers([output], [last.snapshot], before_activation=True)
        entered = before[last.finite].reshape(len(last.rows), -1)
        # What remains is the bias, which is the same for all points.
        bias = entered - last.rows @ kernel
        if (np.ptp(bias, axis=0) <= _ROUNDING * max(1.0, float(np.abs(entered).max()))).all():
            return kernel
    message = (
        "projection 'output-weights' needs a layer whose outputs enter the output layer "
        f"{output!r} of run {stored.name!r}, a Dense layer, without another layer in between. Got "
        f"{layer!r}."
    )
    raise ArgumentError(message)


def _last_kernel(stored: StoredRun, snapshot: int) -> tuple[str, np.ndarray | None]:
    """Return the name of the output layer, and its kernel if it is a matrix."""
    if not stored.has_model or not stored.layers:
        message = (
            "projection 'output-weights' needs recorded weights. Run "
            f"{stored.name!r} was recorded from outputs, without a model."
        )
        raise ArgumentError(message)
    weighted = [layer for layer in stored.layers if layer.variables] or [stored.layers[-1]]
    positions = [one.position for one in weighted[-1].variables if one.name == "kernel"]
    if not positions:
        return weighted[-1].name, None
    kernel = np.asarray(stored.weights(positions[:1])[0][snapshot])
    return weighted[-1].name, kernel if kernel.ndim == 2 else None
