"""The task of a recorded network, and its outputs as class probabilities."""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from replaychart.errors import EvaluationError
from replaychart.facts.compile_config import name_in_keras
from replaychart.facts.layers import RecordedLayer, output_layer

# The names under which ``compile`` takes `accuracy`.
ACCURACY = ("accuracy", "acc")
# Activations between 0 and 1, and layers that are such an activation.
_PROBABILITIES = ("sigmoid", "hard_sigmoid", "softmax")
_PROBABILITY_LAYERS = ("Softmax",)
# Losses for scores: of one output, whose sign is the class, or of one for each class.
_HINGES = ("hinge", "squaredhinge")
_HINGES_OF_CLASSES = ("categoricalhinge",)
# Losses of PyTorch, by class or function: for logits, or for log-probabilities, of which a softmax
# makes the same probabilities; for separate yes or no; and for scores.
_TORCH_OF_LOGITS = (
    *("BCEWithLogitsLoss", "CrossEntropyLoss", "MultiLabelSoftMarginLoss", "NLLLoss"),
    *("binary_cross_entropy_with_logits", "cross_entropy", "nll_loss"),
)
_TORCH_BINARY = (
    *("BCELoss", "BCEWithLogitsLoss", "MultiLabelSoftMarginLoss"),
    *("binary_cross_entropy", "binary_cross_entropy_with_logits"),
)
_TORCH_OF_SCORES = ("MultiMarginLoss", "SoftMarginLoss", "multi_margin_loss", "soft_margin_loss")
# The same of Optax.
_OPTAX_BINARY = ("sigmoid_binary_cross_entropy", "sigmoid_focal_loss")
_OPTAX_OF_LOGITS = (
    *_OPTAX_BINARY,
    *("softmax_cross_entropy", "softmax_cross_entropy_with_integer_labels"),
)
# Rounding errors allowed in probabilities and in their sum, also of layers that compute in 16 bits.
_ROUNDING = 5e-3


class Described(Protocol):
    """A stored or new run, as far as its task depends on it."""

    @property
    def targets(self) -> np.ndarray:
        """The recorded targets of the points."""

    @property
    def compile_config(self) -> str:
        """The compile configuration of the model as JSON."""

    @property
    def layers(self) -> tuple[RecordedLayer, ...]:
        """The layers of the model."""

    @property
    def details(self) -> Mapping[str, Any]:
        """Versions, names and shapes."""


@dataclasses.dataclass(frozen=True)
class Task:
    """What the outputs and targets of a run mean.

    Attributes
    ----------
    classes : int
        The number of classes; 0 if the targets are not classes.
    from_logits : bool
        Whether the outputs are logits, which a sigmoid or softmax turns into probabilities.
    multi_label : bool
        Whether each output is a separate yes or no.
    independent : bool
        Whether a sigmoid is applied to each logit, instead of a softmax to all of them. A single
        logit always gets a sigmoid.
    per_position : bool
        Whether there is a class for each position of a point, such as a time step or a pixel.
    scores : bool
        Whether the outputs are scores, as for a hinge loss: a point belongs to class 1 if its only
        score is positive, or to the class with the largest score. There are no probabilities.
    outside : tuple of float, optional
        The smallest and the largest output if, by the loss and the last layer, the outputs could be
        probabilities, but their values are not between 0 and 1.
    """

    classes: int
    from_logits: bool
    multi_label: bool = False
    independent: bool = False
    per_position: bool = False
    scores: bool = False
    outside: tuple[float, float] | None = None

    @property
    def has_probabilities(self) -> bool:
        """Whether there is a probability of each class."""
        return bool(self.classes) and not self.scores

    def labels(self, targets: np.ndarray) -> np.ndarray:
        """Return the targets as class numbers, shape (points,).

        Targets that are not classes are returned as they are, and so are the classes of several
        positions.

        Parameters
        ----------
        targets : numpy.ndarray, shape (points,), (points, 1), (points, classes) or (points, ...)
        """
        flat = targets.reshape(len(targets), -1)
        if self.classes and flat.shape[1] > 1:
            return flat.argmax(axis=1)
        if flat.shape[1] > 1 or self.per_position:
            return targets
        if self.classes == 2:
            # Soft targets too. For scores, classes are -1 and 1, or 0 and 1.
            return (flat[:, 0] > (0 if self.scores else 0.5)).astype(np.int64)
        return flat[:, 0].astype(np.int64) if self.classes else flat[:, 0]

    def decisions(self, outputs: np.ndarray) -> np.ndarray:
        """Return the class with the largest probability or score, int64 of shape (...).

        For a tie, it is the lower one.

        Parameters
        ----------
        outputs : numpy.ndarray, shape (..., 1) or (..., classes)
            The model's outputs.
        """
        return self.scored(outputs).argmax(axis=-1)

    def scored(self, outputs: np.ndarray) -> np.ndarray:
        """Return what decides between the classes: their probabilities, or else their scores.

        Parameters
        ----------
        outputs : numpy.ndarray, shape (..., 1) or (..., classes)
            The model's outputs.

        Returns
        -------
        numpy.ndarray of float32, shape (..., classes)
        """
        if not self.scores:
            return self.probabilities(outputs)
        return np.concatenate([-outputs, outputs], axis=-1) if outputs.shape[-1] == 1 else outputs

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
        one = outputs.shape[-1] == 1
        if self.from_logits:
            outputs = _sigmoid(outputs) if one or self.independent else _softmax(outputs)
        return np.concatenate([1 - outputs, outputs], axis=-1) if one else outputs


def task_of(
    run: Described,
    output_shape: tuple[int | None, ...],
    *,
    witnessed: Sequence[np.ndarray] = (),
    outputs: Callable[[], np.ndarray | None] = lambda: None,
) -> Task:
    """Return the task of a run.

    Parameters
    ----------
    run : Described
        The run.
    output_shape : tuple of (int or None)
        The shape of the model's output, without the batch axis.
    witnessed : sequence of numpy.ndarray, shape (few, ...)
        Outputs that were recorded with the run, to check what the model promises.
    outputs : callable, optional
        Returns outputs of the model, shape (..., *output_shape), or None if there are none. It is
        called only if neither the loss nor the last layer shows what the outputs are.
    """
    if run.details.get("predicts") == "numbers":
        return Task(classes=0, from_logits=False)
    # A single output without an axis of its own, (points,), is the same as one with it.
    units = (output_shape or (1,))[-1] if len(output_shape) <= 1 else None
    scored = _scored_classes(run, units)
    if scored:
        return Task(scored, from_logits=False, scores=True)
    from_logits = _from_logits(run)
    if not (from_logits or _could_be_probabilities(run)):
        return Task(classes=0, from_logits=False)
    values = []
    if not from_logits:
        values = [*witnessed]
        computed = None if _ends_in_probabilities(run) else outputs()
        values += [] if computed is None else [computed]
        outside = _outside(values)
        if outside is not None:
            return Task(classes=0, from_logits=False, outside=outside)
    if len(output_shape) > 1:
        divided = _has_class_per_position(run.targets, output_shape)
        return Task(classes=0, from_logits=from_logits, per_position=divided)
    binary = _has_binary_loss(run)
    # Recorded probabilities are probabilities, whatever the loss was.
    shares = binary or run.details.get("predicts") == "classes"
    classes = _classes(run.targets, units, shares=shares)
    sure = _has_crossentropy(run) or _ends_in_probabilities(run)
    if not sure and run.targets[0].size == 1 and not _sum_to_one(values, output_shape):
        # Class numbers look like any other whole numbers, so the outputs decide.
        classes = 0
    multi_label = not classes and _is_multi_hot(run.targets)
    return Task(classes, from_logits, multi_label=multi_label, independent=binary)


def accuracy(
    targets: np.ndarray, outputs: np.ndarray, weights: np.ndarray | None = None
) -> np.ndarray:
    """Return the metric that Keras calls ``"accuracy"`` for targets and outputs of these shapes.

    Parameters
    ----------
    targets : numpy.ndarray, shape (points,), (points, 1) or (points, classes)
        Class numbers, or one-hot rows.
    outputs : numpy.ndarray, shape (snapshots, points, units)
        The outputs as they are: Keras compares even logits with 0.5.
    weights : numpy.ndarray, shape (points,), optional
        The weight of each point. Default: all points have the same weight.

    Returns
    -------
    numpy.ndarray of float64, shape (snapshots,)

    Raises
    ------
    EvaluationError
        The targets have another shape.

    References
    ----------
    https://keras.io/api/models/model_training_apis/#compile-method
    """
    decided = outputs[..., 0] > 0.5 if outputs.shape[-1] == 1 else outputs.argmax(axis=-1)
    flat = targets.reshape(len(targets), -1)
    if flat.shape[1] == 1:
        right = decided == flat[:, 0]
    elif flat.shape == outputs.shape[1:]:
        right = decided == flat.argmax(axis=1)
    else:
        message = (
            f"Accuracy needs targets of a shape that fits the outputs. Got {targets.shape} and "
            f"{outputs.shape[1:]}."
        )
        raise EvaluationError(message)
    if weights is None:
        return right.mean(axis=1, dtype=np.float64)
    total = weights.sum(dtype=np.float64)
    return right @ weights.astype(np.float64) / (total if total else 1.0)


def _scored_classes(run: Described, units: int | None) -> int:
    """Return the number of classes of a network with a hinge loss, 0 for any other network."""
    loss = name_in_keras(_loss(run))
    if _torch_loss(run) in _TORCH_OF_SCORES:
        yes_or_no = units == 1 and bool(np.isin(run.targets, (-1, 1)).all())
        return 2 if yes_or_no else _classes(run.targets, units, shares=False)
    flat = run.targets.reshape(len(run.targets), -1)
    if loss in _HINGES and units == flat.shape[1] == 1:
        # Keras takes 0 and 1 as -1 and 1. A sigmoid's probability is above 0.5 for class 1.
        signs = np.isin(flat, (-1, 1)).all()
        bits = np.isin(flat, (0, 1)).all() and not _ends_in_probabilities(run)
        return 2 if signs or bits else 0
    if loss in _HINGES_OF_CLASSES and not _ends_in_probabilities(run):
        return _classes(run.targets, units, shares=False) if units == flat.shape[1] else 0
    return 0


def _could_be_probabilities(run: Described) -> bool:
    """Return whether loss and last layer allow that the outputs lie between 0 and 1."""
    if _has_crossentropy(run):
        return True
    last = output_layer(run)
    activation = None if last is None else last.activation
    # A layer without its own activation (Softmax, a subclassed model) may compute anything.
    return activation is None or activation in _PROBABILITIES


def _ends_in_probabilities(run: Described) -> bool:
    """Return whether the outputs must lie between 0 and 1, so that there is nothing to check."""
    if run.details.get("predicts") == "classes":
        return True
    last = output_layer(run)
    return last is not None and (
        last.activation in _PROBABILITIES or last.kind in _PROBABILITY_LAYERS
    )


def _outside(values: Sequence[np.ndarray]) -> tuple[float, float] | None:
    """Return the smallest and the largest value, None if all are between 0 and 1."""
    known = [some[np.isfinite(some)] for some in values]
    low = min((float(some.min()) for some in known if some.size), default=0.0)
    high = max((float(some.max()) for some in known if some.size), default=1.0)
    return (low, high) if low < -_ROUNDING or high > 1 + _ROUNDING else None


def _sum_to_one(values: Sequence[np.ndarray], output_shape: tuple[int | None, ...]) -> bool:
    """Return whether several outputs of each point sum to 1; a single output always does."""
    if output_shape in ((), (1,)):
        return True
    sums = [some.sum(axis=-1) for some in values]
    return all(np.allclose(some[np.isfinite(some)], 1, rtol=0, atol=_ROUNDING) for some in sums)


def _has_crossentropy(run: Described) -> bool:
    if _torch_loss(run) in (*_TORCH_BINARY, *_TORCH_OF_LOGITS):
        return True
    return "crossentropy" in json.dumps(_loss(run)).replace("_", "").lower()


def _classes(targets: np.ndarray, units: int | None, *, shares: bool) -> int:
    """Return the number of classes, 0 if the targets are not classes.

    Parameters
    ----------
    targets : numpy.ndarray, shape (points, ...)
    units : int or None
        The number of outputs if they have one axis; None if they have more axes or none.
    shares : bool
        Whether targets between 0 and 1 for a single unit are shares of class 1 (soft targets).
    """
    flat = targets.reshape(len(targets), -1)
    if units == 1 and flat.shape[1] == 1:
        soft = shares and flat.min() >= 0 and flat.max() <= 1
        return 2 if soft or np.isin(flat, (0, 1)).all() else 0
    if units is None or units == 1:
        return 0
    if flat.shape[1] == units:
        # Soft targets count as the class with the largest share.
        divided = (flat >= 0).all() and np.allclose(flat.sum(axis=1), 1, atol=1e-3)
        return units if divided else 0
    if flat.shape[1] == 1:
        whole = (flat == np.floor(flat)).all() and flat.min() >= 0 and flat.max() < units
        return units if whole else 0
    return 0


def _has_class_per_position(targets: np.ndarray, output_shape: tuple[int | None, ...]) -> bool:
    """Return whether targets are classes, or shares of classes, for each position."""
    *positions, units = output_shape
    own = targets.shape[1:]
    if _fits(own, positions) or _fits(own, [*positions, 1]):
        most = 2 if units == 1 else units or np.inf
        whole = (targets == np.floor(targets)).all()
        return bool(whole and targets.min() >= 0 and targets.max() < most)
    if not _fits(own, output_shape):
        return False
    shares = (targets >= 0).all() and np.allclose(targets.sum(axis=-1), 1, atol=1e-3)
    return bool(shares or np.isin(targets, (0, 1)).all())


def _fits(shape: Sequence[int], lengths: Sequence[int | None]) -> bool:
    """Return whether a shape has these lengths; None is any length."""
    return len(shape) == len(lengths) and all(
        known in (None, length) for length, known in zip(shape, lengths, strict=True)
    )


def _is_multi_hot(targets: np.ndarray) -> bool:
    flat = targets.reshape(len(targets), -1)
    return flat.shape[1] > 1 and bool(np.isin(flat, (0, 1)).all())


def _has_binary_loss(run: Described) -> bool:
    """Return whether the loss is any kind of binary crossentropy."""
    if _torch_loss(run) in _TORCH_BINARY or _optax_loss(run) in _OPTAX_BINARY:
        return True
    name = json.dumps(_loss(run)).replace("_", "").lower()
    return "binarycrossentropy" in name or "binaryfocalcrossentropy" in name


def _loss(run: Described) -> Any:
    return (json.loads(run.compile_config) or {}).get("loss")


def _torch_loss(run: Described) -> str | None:
    """Return the name of a loss of PyTorch, None for any other loss."""
    loss = _loss(run)
    if not isinstance(loss, Mapping) or not str(loss.get("module")).startswith("torch.nn"):
        return None
    name = loss.get("class_name")
    return str(loss.get("config") if name == "function" else name)


def _optax_loss(run: Described) -> str | None:
    """Return the name of a loss of Optax, None for any other loss."""
    loss = _loss(run)
    if not isinstance(loss, Mapping) or loss.get("module") != "optax":
        return None
    return str(loss.get("config"))


def _from_logits(run: Described) -> bool:
    if run.details.get("predicts") == "logits" or _optax_loss(run) in _OPTAX_OF_LOGITS:
        return True
    if _torch_loss(run) in _TORCH_OF_LOGITS:
        # A network that ends in a softmax returns probabilities, even to a loss for logits.
        return not _ends_in_probabilities(run)
    loss = _loss(run)
    config = loss.get("config") if isinstance(loss, Mapping) else None
    return isinstance(config, Mapping) and bool(config.get("from_logits", False))


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    # In a form whose exponent is never positive, so that nothing overflows.
    small = np.exp(-np.abs(logits))
    return np.where(logits >= 0, 1 / (1 + small), small / (1 + small)).astype(np.float32)


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return (powers / powers.sum(axis=-1, keepdims=True)).astype(np.float32)
