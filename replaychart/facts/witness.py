"""What the live model computed while it was recorded, to compare the replay with."""

import dataclasses
from collections.abc import Mapping

import numpy as np


@dataclasses.dataclass(frozen=True)
class Witness:
    """What the live model itself computed for a few recorded points at one snapshot.

    Attributes
    ----------
    epoch : float
        The snapshot's epoch.
    points : numpy.ndarray of int64, shape (few,)
        Rows of the recorded points.
    outputs : numpy.ndarray of float32, shape (few, ...)
        The model's outputs.
    losses : numpy.ndarray of float32, shape (few,), or None
        The loss of each point, with its weight; None if it could not be asked for.
    metrics : mapping of str to numpy.ndarray of float64, shape (values,)
        Compiled metrics over these points, by the name under which Keras logs them.
    layers : mapping of str to numpy.ndarray of float32, shape (few,)
        The mean of each layer's outputs for each point, by the layer's name in the order in which
        the model computes them. It says where a difference begins.
    regularization : float or None
        What the model adds to the loss of these points; None if it could not be asked for.
    half_precision : bool
        Whether any layer computes in 16 bits, so that the replay agrees less closely.
    output : str
        The output, if the model has several; then there is one witness for each.
    """

    epoch: float
    points: np.ndarray
    outputs: np.ndarray
    losses: np.ndarray | None = None
    metrics: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)
    layers: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)
    regularization: float | None = None
    half_precision: bool = False
    output: str = ""
