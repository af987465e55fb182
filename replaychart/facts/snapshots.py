"""What is recorded of a training run: its description, and its state at one moment."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from replaychart.facts.inputs import Inputs
from replaychart.facts.layers import RecordedLayer, Variable
from replaychart.facts.outputs import Targets
from replaychart.facts.witness import Witness


class ValidationPoints(NamedTuple):
    """A second set of points, which the network is not trained on.

    Attributes
    ----------
    inputs : numpy.ndarray, shape (points, ...), or mapping of str to numpy.ndarray
        Like the recorded points, with another number of points.
    targets : numpy.ndarray, shape (points, ...), or mapping of str to numpy.ndarray
        Their targets, of the same outputs as those of the recorded points.
    """

    inputs: Inputs
    targets: Targets


@dataclasses.dataclass(frozen=True)
class RunDescription:
    """Everything that is known about a run before its first snapshot.

    Attributes
    ----------
    inputs : numpy.ndarray, shape (points, ...), or mapping of str to numpy.ndarray
        The recorded points, in the form that the model accepts; for a model with several inputs,
        one array per input, by name.
    targets : numpy.ndarray, shape (points, ...), or mapping of str to numpy.ndarray
        The targets of the points, in the form that the model's loss accepts; for a model with
        several outputs, by the name of the output, without those that have none.
    architecture : str
        The architecture of the model as JSON.
    compile_config : str
        The compile configuration of the model (loss, metrics, optimizer) as JSON.
    layers : tuple of RecordedLayer
        The layers of the model, without its inputs.
    details : mapping
        Versions, backend, the names of features, classes and metrics, and the shape of the output,
        as JSON values.
    variables : tuple of Variable
        The variables of the model in the order of ``model.weights``; empty for a run of outputs.
    sample_weights : numpy.ndarray of float32, shape (points,), mapping of these, or None
        The factor for the loss of each point; it may differ between several outputs.
    validation : ValidationPoints or None
        The validation points, if there are any.
    """

    inputs: Inputs
    targets: Targets
    architecture: str
    compile_config: str
    layers: tuple[RecordedLayer, ...]
    details: Mapping[str, object]
    variables: tuple[Variable, ...] = ()
    sample_weights: Targets | None = None
    validation: ValidationPoints | None = None


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """What is recorded at one moment of training.

    Attributes
    ----------
    epoch : float
        The number of epochs that have passed; 0 is the state before training.
    weights : sequence of numpy.ndarray
        The weights in the order of ``model.weights``, with the same shapes at every snapshot.
    learning_rate : float
        The learning rate; NaN before training.
    logs : mapping of str to float
        The logged values. A name may be missing, or appear later: snapshots without it get NaN.
    outputs : mapping of str to numpy.ndarray
        For a run that is recorded from outputs, arrays by `evaluation_key`.
    witnesses : tuple of Witness
        What the live model computed at this moment, if it was asked; one for each output.
    """

    epoch: float
    weights: Sequence[np.ndarray] = ()
    learning_rate: float = np.nan
    logs: Mapping[str, float] = dataclasses.field(default_factory=dict)
    outputs: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)
    witnesses: tuple[Witness, ...] = ()
