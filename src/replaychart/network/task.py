"""What a recorded network was asked to learn, and its outputs read as class probabilities."""

import dataclasses
import json
from collections.abc import Mapping

import numpy as np

from replaychart.storage.reader import StoredRun


@dataclasses.dataclass(frozen=True)
class Task:
    """What the outputs and targets of a run mean.

    Attributes
    ----------
    classes : int
        Number of classes; 0 where the targets are numbers and no classes.
    from_logits : bool
        Whether the outputs become probabilities only through a sigmoid or softmax.
    multi_label : bool
        Whether each output is a yes or no of its own.
    """

    classes: int
    from_logits: bool
    multi_label: bool = False

    def labels(self, targets: np.ndarray) -> np.ndarray:
        """Return the targets as class numbers, shape (points,); numbers stay what they are.

        Parameters
        ----------
        targets : numpy.ndarray, shape (points,), (points, 1) or (points, classes)
        """
        flat = targets.reshape(len(targets), -1)
        if self.classes and flat.shape[1] > 1:
            return flat.argmax(axis=1)
        if flat.shape[1] > 1:
            return targets
        return flat[:, 0].astype(np.int64) if self.classes else flat[:, 0]

    def decisions(self, outputs: np.ndarray) -> np.ndarray:
        """Return the most probable class, int64 of shape (...); the lower one of equals.

        Parameters
        ----------
        outputs : numpy.ndarray, shape (..., 1) or (..., classes)
            The model's outputs.
        """
        return self.probabilities(outputs).argmax(axis=-1)

    def probabilities(self, outputs: np.ndarray) -> np.ndarray:
        """Return the probability of each class.

        Parameters
        ----------
        outputs : numpy.ndarray, shape (..., 1) or (..., classes)
            The model's outputs.

        Returns
        -------
        numpy.ndarray of float32, shape (..., classes)
        """
        if outputs.shape[-1] == 1:
            positive = _sigmoid(outputs) if self.from_logits else outputs
            return np.concatenate([1 - positive, positive], axis=-1)
        return _softmax(outputs) if self.from_logits else outputs


def task_of(stored: StoredRun, output_shape: tuple[int | None, ...]) -> Task:
    """Return what a run was asked to learn.

    Parameters
    ----------
    stored : StoredRun
        The run.
    output_shape : tuple of (int or None)
        Shape of the model's output, without the batch axis.
    """
    if stored.details.get("predicts") == "numbers":
        return Task(classes=0, from_logits=False)
    units = output_shape[-1] if len(output_shape) == 1 else None
    from_logits = _from_logits(stored)
    if not (from_logits or _outputs_are_probabilities(stored)):
        return Task(classes=0, from_logits=False)
    classes = _classes(stored.targets, units)
    return Task(classes, from_logits, multi_label=not classes and _is_multi_hot(stored.targets))


def accuracy(targets: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """Return what Keras calls ``"accuracy"`` for targets and outputs of these shapes.

    Parameters
    ----------
    targets : numpy.ndarray, shape (points,), (points, 1) or (points, classes)
    outputs : numpy.ndarray, shape (snapshots, points, units)
        As they are: Keras compares logits with 0.5 too.

    Returns
    -------
    numpy.ndarray of float64, shape (snapshots,)

    References
    ----------
    https://keras.io/api/models/model_training_apis/#compile-method
    """
    flat = targets.reshape(len(targets), -1)
    if outputs.shape[-1] == 1:
        right = (outputs[..., 0] > 0.5) == flat[:, 0]
    else:
        labels = flat[:, 0] if flat.shape[1] == 1 else flat.argmax(axis=1)
        right = outputs.argmax(axis=-1) == labels
    return right.mean(axis=-1, dtype=np.float64)


def _outputs_are_probabilities(stored: StoredRun) -> bool:
    """Return whether the outputs lie between 0 and 1, as far as the model tells."""
    loss = (json.loads(stored.compile_config) or {}).get("loss")
    if "crossentropy" in json.dumps(loss).replace("_", "").lower():
        return True
    activation = stored.layers[-1].activation if stored.layers else None
    # A layer without an activation of its own (Softmax, a model in the model) is trusted.
    return activation in (None, "sigmoid", "hard_sigmoid", "softmax")


def _classes(targets: np.ndarray, units: int | None) -> int:
    flat = targets.reshape(len(targets), -1)
    if units == 1 and flat.shape[1] == 1:
        return 2 if np.isin(flat, (0, 1)).all() else 0
    if units is None or units == 1:
        return 0
    if flat.shape[1] == units:
        # Shares of several classes (soft targets) count as the class of the greatest share.
        shares = (flat >= 0).all() and np.allclose(flat.sum(axis=1), 1, atol=1e-3)
        return units if shares else 0
    if flat.shape[1] == 1:
        whole = (flat == np.floor(flat)).all() and flat.min() >= 0 and flat.max() < units
        return units if whole else 0
    return 0


def _is_multi_hot(targets: np.ndarray) -> bool:
    flat = targets.reshape(len(targets), -1)
    return flat.shape[1] > 1 and bool(np.isin(flat, (0, 1)).all())


def _from_logits(stored: StoredRun) -> bool:
    loss = (json.loads(stored.compile_config) or {}).get("loss")
    config = loss.get("config") if isinstance(loss, Mapping) else None
    return isinstance(config, Mapping) and bool(config.get("from_logits", False))


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    # The form whose exponent is never positive: no overflow at either end.
    small = np.exp(-np.abs(logits))
    return np.where(logits >= 0, 1 / (1 + small), small / (1 + small)).astype(np.float32)


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return (powers / powers.sum(axis=-1, keepdims=True)).astype(np.float32)
