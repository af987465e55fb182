"""`record_outputs`: records a training run of any framework by the network's outputs."""

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Self, get_args

import numpy as np
from numpy.typing import ArrayLike

from replaychart.arguments import checked_path, is_number, require_one_of, shown
from replaychart.errors import ArgumentError, RecordingError
from replaychart.facts.keys import evaluation_key, quantity_and_layer
from replaychart.facts.layers import RecordedLayer
from replaychart.facts.snapshots import RunDescription, Snapshot
from replaychart.recording import resumption, samples
from replaychart.recording.argument_types import IfExists, OnError, Points, Targets
from replaychart.recording.given_numbers import as_numbers, off_device
from replaychart.recording.guard import GuardedWriter
from replaychart.recording.inputs import given_inputs
from replaychart.recording.logs import Logs, checked_logs
from replaychart.storage import layout
from replaychart.storage.destination import check_destination
from replaychart.storage.state import Presence
from replaychart.storage.writer import RunWriter

# Rounding errors allowed in probabilities and in their sum.
_ROUNDING = 1e-3


def record_outputs(
    path: str | PathLike[str],
    group: str,
    *,
    inputs: Points,
    targets: Targets,
    epochs: Iterable[Mapping[str, Any]] | None = None,
    class_names: Sequence[str] | None = None,
    if_exists: IfExists = "error",
    on_error: OnError = "raise",
) -> "OutputsRecorder":
    """Record a training run of any framework by the network's outputs.

    Use it for networks outside Keras, such as PyTorch, JAX or NumPy ones. All charts that need no
    model work with such a run: `loss_and_metric`, `loss_histogram`, `probability_histogram`,
    `activations` of the recorded layers, and `feature_space` with points only. Surfaces, boundaries
    and grid lines evaluate the model at new points, so they raise an error.

    Parameters
    ----------
    path : str or os.PathLike
        The HDF5 file, as for `Recorder`.
    group : str
        The run's name in the file, without ``/``.
    inputs : array_like or pandas.DataFrame, shape (points, ...), or list or mapping of these
        The points whose outputs are recorded; for a network with several inputs, one array each.
    targets : array_like, shape (points,), (points, 1) or (points, classes)
        Their targets: class numbers, one-hot vectors, or numbers for a regression.
    epochs : iterable of mapping, optional
        The snapshots, each a mapping with the arguments of `OutputsRecorder.snapshot`. Each is
        written before the next one is requested, so a generator can train the network as it
        yields them. Default: none; call ``snapshot`` of the returned recorder instead.
    class_names : sequence of str, optional
        Names of the classes in the order of their numbers.
    if_exists : {"error", "overwrite", "append", "new"}, default "error"
        As for `Recorder`: with ``"new"``, `OutputsRecorder.group` is the name that was free. With
        ``"append"``, snapshots at or after the epoch of the first new
        snapshot are dropped.
    on_error : {"raise", "warn"}, default "raise"
        As for `Recorder`. The default differs because your own code calls ``snapshot`` and can
        catch a `RunFileError`.

    Returns
    -------
    OutputsRecorder
        A context manager. It is closed if `epochs` were passed.

    Raises
    ------
    ArgumentError
        Points or targets are not finite numbers of the same length, a snapshot does not fit them,
        or another argument is not allowed.
    RunFileError
        The directory does not exist, the file is not an HDF5 file, or it cannot be written.
    RecordingError
        The run exists, is being recorded by another training run, or cannot be continued by this
        one; or the snapshots contain different quantities: see `OutputsRecorder.snapshot`.

    Examples
    --------
    >>> import numpy as np
    >>> import replaychart as rc
    >>> X, y = rc.datasets.parabola(50)
    >>> weight = np.zeros(2)
    >>> with rc.record_outputs("runs.h5", "logistic", inputs=X, targets=y) as outputs:
    ...     for epoch in range(4):
    ...         p = 1 / (1 + np.exp(-X @ weight))
    ...         losses = -np.log(np.where(y == 1, p, 1 - p))
    ...         outputs.snapshot(epoch, probabilities=p, losses=losses)
    ...         weight += 0.1 * X.T @ (y - p) / len(y)
    >>> rc.open_run("runs.h5", "logistic").losses().shape
    (4, 100)
    """
    recorder = OutputsRecorder(
        path,
        group,
        inputs=inputs,
        targets=targets,
        class_names=class_names,
        if_exists=if_exists,
        on_error=on_error,
    )
    if epochs is not None:
        with recorder:
            for entry in epochs:
                recorder.snapshot(**_arguments(entry))
    return recorder


class OutputsRecorder:
    """Writes the snapshots of one run. `record_outputs` returns it."""

    def __init__(
        self,
        path: str | PathLike[str],
        group: str,
        *,
        inputs: Points,
        targets: Targets,
        class_names: Sequence[str] | None = None,
        if_exists: IfExists = "error",
        on_error: OnError = "raise",
    ) -> None:
        require_one_of("if_exists", if_exists, get_args(IfExists))
        given = given_inputs(inputs, targets, argument="inputs")
        self._targets = samples.checked_targets(
            targets, given.points, argument="targets", points_argument="inputs"
        )
        recorded = given.without_graph()
        self._inputs = recorded.inputs
        self._details: dict[str, object] = {
            "recorded": layout.OUTPUTS,
            "feature_names": recorded.feature_names,
            "class_names": samples.checked_class_names(class_names),
        }
        self._path = checked_path("path", path)
        self._group = group
        self._if_exists = if_exists
        self._writer = GuardedWriter(self._path, group, on_error=on_error)
        self._logs = Logs()
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._epoch = -1.0
        self._closed = False
        check_destination(self._path, group, if_exists=if_exists)

    def snapshot(
        self,
        epoch: float,
        *,
        layers: Mapping[str, ArrayLike] | None = None,
        probabilities: ArrayLike | None = None,
        predictions: ArrayLike | None = None,
        losses: ArrayLike | None = None,
        logs: Mapping[str, float] | None = None,
        learning_rate: float | None = None,
    ) -> None:
        """Write the network's current outputs for the points.

        Every snapshot of a run must contain the same quantities in the same shapes. You can pass
        PyTorch tensors directly.

        Parameters
        ----------
        epoch : float
            The number of epochs completed so far; 0 is the state before training. It must be
            greater than in the previous snapshot.
        layers : mapping of str to array_like, shape (points, ...), optional
            Outputs of layers, by name.
        probabilities : array_like, shape (points,), (points, 1) or (points, classes), optional
            The probability of class 1, or of each class. Not logits.
        predictions : array_like, shape (points,) or (points, ...), optional
            The predicted values of a regression, instead of `probabilities`.
        losses : array_like, shape (points,), optional
            The loss of each point.
        logs : mapping of str to float, optional
            Losses and metrics to show as those of the training, such as ``val_loss``.
        learning_rate : float, optional
            The learning rate.

        Raises
        ------
        ArgumentError
            An array does not contain one entry for each point, `probabilities` are not
            probabilities, `logs` is not a mapping, or `learning_rate` is not a number.
        RunFileError
            The file could not be written. It keeps everything recorded so far.
        RecordingError
            The recorder is closed, the epoch is not later than the last one, or the quantities or
            their shapes differ from those in the previous snapshot.

        Warns
        -----
        UserWarning
            An entry of `logs` is left out because it is not a number.
        """
        if self._closed:
            message = f"This recorder of {self._group!r} is closed and takes no more snapshots."
            raise RecordingError(message)
        epoch = samples.checked_epoch(epoch, later_than=self._epoch, recorded=self._group)
        rate, logs = _checked_rate(learning_rate), checked_logs(logs)
        outputs = self._outputs(layers or {}, probabilities, predictions, losses)
        predicts = "numbers" if probabilities is None else "classes"
        if predicts == "numbers" and self._details["class_names"] is not None:
            message = (
                "class_names require probabilities, because a run without them has no classes. "
                f"Got {shown(self._details['class_names'])}."
            )
            raise ArgumentError(message)
        if self._details.setdefault("predicts", predicts) != predicts:
            message = (
                f"All snapshots of {self._group!r} must contain probabilities, or all of them "
                "predictions. Got both."
            )
            raise RecordingError(message)
        self._check_shapes(outputs)
        snapshot = Snapshot(epoch, (), rate, self._logs.numbers(logs), outputs)
        if self._writer.begun:
            self._writer.add(snapshot)
        else:
            self._writer.begin(lambda presence: (self._opened(snapshot, presence), [snapshot]))
        self._writer.write()
        self._epoch = epoch

    @property
    def path(self) -> Path:
        """The HDF5 file."""
        return self._path

    @property
    def begun(self) -> bool:
        """Whether the first snapshot was taken."""
        return self._writer.begun

    @property
    def opening_arguments(self) -> dict[str, Any]:
        """What `open_run` needs besides the path and the group to evaluate this run."""
        return {}

    @property
    def group(self) -> str:
        """The run's name in the file.

        With ``if_exists="new"``, the name is decided when the first snapshot is written.
        """
        return self._writer.group

    def flush(self) -> None:
        """Do nothing: every snapshot is in the file already."""

    def close(self) -> None:
        """Close the recorder. Every snapshot is in the file already.

        The run then counts as finished. If you never close the recorder, it counts as interrupted.
        """
        self._end(finished=True)

    def _end(self, *, finished: bool) -> None:
        self._closed = True
        self._writer.end(finished=finished)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, error: type[BaseException] | None, *details: object) -> None:
        """Close the recorder. Everything recorded is kept, even after an error."""
        self._end(finished=error is None)

    def _outputs(
        self, layers: Mapping[str, Any], probabilities: Any, predictions: Any, losses: Any
    ) -> dict[str, np.ndarray]:
        """Return the checked arrays by the keys under which evaluations are stored."""
        if probabilities is not None and predictions is not None:
            message = "Pass either probabilities or predictions, not both."
            raise ArgumentError(message)
        if not isinstance(layers, Mapping):
            message = f"layers must map names to arrays. Got {type(layers).__name__}."
            raise ArgumentError(message)
        key = evaluation_key
        arrays = {
            key("outputs", layer=str(name)): self._array(f"layers[{name!r}]", values)
            for name, values in layers.items()
        }
        if probabilities is not None:
            arrays[key("predictions")] = _checked_probabilities(
                _column(self._array("probabilities", probabilities))
            )
        if predictions is not None:
            arrays[key("predictions")] = _column(self._array("predictions", predictions))
        if losses is not None:
            arrays[key("losses")] = self._array("losses", losses)
            if arrays[key("losses")].ndim != 1:
                shape = arrays[key("losses")].shape
                message = f"losses must have the shape (points,). Got the shape {shape}."
                raise ArgumentError(message)
        if not arrays:
            message = "Pass layers, probabilities, predictions or losses to snapshot. Got none."
            raise ArgumentError(message)
        return arrays

    def _array(self, argument: str, values: Any) -> np.ndarray:
        array = as_numbers(argument, off_device(values)).astype(np.float32)
        if array.ndim == 0 or len(array) != len(self._targets):
            shape = array.shape
            message = (
                f"{argument} must have one entry for each of the {len(self._targets)} points. Got "
                f"the shape {shape}."
            )
            raise ArgumentError(message)
        if array.size == 0:
            message = f"{argument} must have a value for each point. Got the shape {array.shape}."
            raise ArgumentError(message)
        return array

    def _check_shapes(self, outputs: Mapping[str, np.ndarray]) -> None:
        """Raise `RecordingError` unless these are the quantities of the previous snapshots."""
        shapes = {key: values.shape for key, values in outputs.items()}
        if self._shapes and shapes != self._shapes:
            message = (
                f"All snapshots of {self._group!r} must contain the same quantities in the same "
                f"shapes: {_listed(self._shapes)}. Got {_listed(shapes)}."
            )
            raise RecordingError(message)
        self._shapes = shapes

    def _opened(self, first: Snapshot, presence: Presence) -> RunWriter:
        outputs, epoch = first.outputs, first.epoch
        description = self._description(outputs)
        stored = None
        if self._if_exists == "append":
            stored = resumption.stored_run(self._path, self._group)
        if stored is None:
            replaces = "error" if self._if_exists == "append" else self._if_exists
            return RunWriter(
                self._path, self._group, description, if_exists=replaces, presence=presence
            )
        resumption.check_same(stored, description)
        recorded = {key: values["values"].shape[1:] for key, values in stored.evaluations().items()}
        self._shapes = recorded
        self._check_shapes(outputs)
        keep = int(np.searchsorted(stored.epochs, epoch))
        if keep == 0:
            message = (
                f"Run {self._group!r} was recorded from epoch {stored.epochs[0]:g} to "
                f"{stored.epochs[-1]:g}, and this one begins at epoch {epoch:g}, so nothing of it "
                "would be left. Begin later, or pass if_exists='overwrite' to start over."
            )
            raise RecordingError(message)
        return RunWriter.onto(stored, keep=keep, details=stored.details, presence=presence)

    def _description(self, outputs: Mapping[str, np.ndarray]) -> RunDescription:
        layers = []
        output_shape = None
        for key, values in outputs.items():
            quantity, layer = quantity_and_layer(key)
            if quantity == "outputs":
                layers.append(RecordedLayer(layer, "recorded", values.shape[1:]))
            elif quantity == "predictions":
                output_shape = values.shape[1:]
        return RunDescription(
            inputs=self._inputs,
            targets=self._targets,
            architecture="null",
            compile_config="null",
            layers=tuple(layers),
            details={**self._details, "output_shape": output_shape},
        )


def _arguments(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    names = (
        *("epoch", "layers", "probabilities", "predictions", "losses", "logs"),
        "learning_rate",
    )
    if not isinstance(entry, Mapping):
        message = f"epochs must yield mappings. Got {type(entry).__name__}."
        raise ArgumentError(message)
    for name in entry:
        require_one_of("Each key of a mapping in epochs", name, names)
    if "epoch" not in entry:
        message = f"Each mapping in epochs must contain 'epoch'. Got {', '.join(map(repr, entry))}."
        raise ArgumentError(message)
    return entry


def _checked_rate(rate: Any) -> float:
    if rate is None:
        return np.nan
    values = np.asarray(off_device(rate))
    if not is_number(rate) and (values.size != 1 or values.dtype.kind not in "iuf"):
        message = f"learning_rate must be a number. Got {rate!r}."
        raise ArgumentError(message)
    return float(values.reshape(()))


def _column(values: np.ndarray) -> np.ndarray:
    return values[:, None] if values.ndim == 1 else values


def _checked_probabilities(values: np.ndarray) -> np.ndarray:
    if values.ndim != 2:
        message = (
            "probabilities must have the shape (points,), (points, 1) or (points, classes). Got "
            f"the shape {values.shape}."
        )
        raise ArgumentError(message)
    known = values[np.isfinite(values)]
    outside = known[(known < -_ROUNDING) | (known > 1 + _ROUNDING)]
    if len(outside):
        message = (
            f"probabilities must be between 0 and 1. Got {outside[0]:.4g}. To convert logits, "
            "apply a sigmoid or softmax."
        )
        raise ArgumentError(message)
    sums = values.sum(axis=-1)
    if values.shape[-1] > 1 and (np.abs(sums - 1) > _ROUNDING).any():
        wrong = sums[np.abs(sums - 1) > _ROUNDING][0]
        message = f"The probabilities of a point must sum to 1. Got a sum of {wrong:.4g}."
        raise ArgumentError(message)
    return values


def _listed(shapes: Mapping[str, tuple[int, ...]]) -> str:
    parts = []
    for key, shape in shapes.items():
        quantity, layer = quantity_and_layer(key)
        name = f"layer {layer!r}" if quantity == "outputs" else quantity
        parts.append(f"{name} {shape}")
    return ", ".join(parts)
