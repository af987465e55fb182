"""What is recorded of a training: its description, and its state at one moment."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from replaychart.facts.inputs import Inputs
from replaychart.facts.layers import RecordedLayer, Variable


@dataclasses.dataclass(frozen=True)
class RunDescription:
    """All of a run that is known before its first snapshot.

    Attributes
    ----------
    inputs : numpy.ndarray, shape (points, ...), or mapping of str to numpy.ndarray
        The recorded points, in the form in which the model takes them; one array for each input,
        by name, of a model with several.
    targets : numpy.ndarray, shape (points, ...)
        Their targets, in the form in which the model's loss takes them.
    architecture : str
        The model's architecture as JSON.
    compile_config : str
        The model's compile configuration (loss, metrics, optimizer) as JSON.
    layers : tuple of RecordedLayer
        The model's layers, inputs left out.
    details : mapping
        Versions, backend, names of features, classes and metrics, and the output's shape, as JSON
        values.
    variables : tuple of Variable
        The model's variables in the order of ``model.weights``; none for a run of outputs.
    sample_weights : numpy.ndarray of float32, shape (points,), or None
        What the loss of each point is multiplied with.
    """

    inputs: Inputs
    targets: np.ndarray
    architecture: str
    compile_config: str
    layers: tuple[RecordedLayer, ...]
    details: Mapping[str, object]
    variables: tuple[Variable, ...] = ()
    sample_weights: np.ndarray | None = None


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """What is recorded at one moment of a training.

    Attributes
    ----------
    epoch : float
        The epochs that have passed; 0 is the state before training.
    weights : sequence of numpy.ndarray
        In the order of ``model.weights``, of the same shapes at every snapshot.
    learning_rate : float
        NaN before training.
    logs : mapping of str to float
        What was logged. A name may come late or be missing: snapshots without it hold NaN.
    outputs : mapping of str to numpy.ndarray
        For a run recorded from outputs: arrays by `evaluation_key`.
    """

    epoch: float
    weights: Sequence[np.ndarray] = ()
    learning_rate: float = np.nan
    logs: Mapping[str, float] = dataclasses.field(default_factory=dict)
    outputs: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)
