"""`Recorder`, the Keras callback that records a training."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from replaychart.errors import RecordingError, require_one_of
from replaychart.recording import description, samples
from replaychart.storage.writer import RunDescription, RunWriter, check_destination


class Recorder(keras.callbacks.Callback):
    """Record a network's weights before training and after every epoch into one HDF5 file.

    The recorded points are given apart from the training data, so ``model.fit`` may be fed with
    arrays, a ``tf.data.Dataset`` or a generator. The file is opened, appended to and closed at
    every epoch's end: a training that stops early or is interrupted leaves exactly the epochs that
    happened.

    Parameters
    ----------
    X : array_like or pandas.DataFrame, shape (points, ...)
        The points that will be watched: finite numbers, as the model takes them. The columns of a
        frame name the features.
    y : array_like, shape (points,), (points, 1) or (points, classes)
        Their targets, as the model's loss takes them.
    path : str or os.PathLike
        The HDF5 file. It is made if it is missing; its directory must exist. Several runs live in
        one file.
    group : str
        The run's name in the file, without ``/``.
    model : keras.Model, optional
        A built and compiled model whose state is recorded at once as epoch 0, without ``fit``.
        The recorder is then complete and takes no part in a training.
    class_names : sequence of str, optional
        Names of the classes in the order of their numbers, for legends, titles and tooltips.
    if_exists : {"error", "overwrite"}, default "error"
        What to do if the file already has a run of this name. It is replaced only when the first
        snapshot of the new one is written.

    Raises
    ------
    ArgumentError
        `X` or `y` are not finite numbers of matching length, `class_names` does not fit the
        model's output, or an argument is not allowed.
    RunFileError
        The directory is missing, or the file is not HDF5.
    RecordingError
        The run exists; the model is not built or not compiled, or has several inputs or outputs;
        the recorder was used before.

    Examples
    --------
    >>> import keras
    >>> import replaychart as rc
    >>> X, y = rc.datasets.parabola()
    >>> model = keras.Sequential([
    ...     keras.Input((2,)),
    ...     keras.layers.Dense(2, activation="sigmoid", name="hidden"),
    ...     keras.layers.Dense(1, activation="sigmoid", name="output"),
    ... ])
    >>> model.compile(loss="binary_crossentropy", optimizer="sgd", metrics=["accuracy"])
    >>> recorder = rc.Recorder(X, y, "runs.h5", group="parabola")
    >>> history = model.fit(X, y, epochs=2, verbose=0, callbacks=[recorder])
    >>> rc.open_run("runs.h5", "parabola").epochs
    array([0, 1, 2])

    References
    ----------
    https://keras.io/api/callbacks/base_callback/
    """

    def __init__(
        self,
        X: object,
        y: object,
        path: str | Path,
        group: str,
        *,
        model: keras.Model | None = None,
        class_names: Sequence[str] | None = None,
        if_exists: str = "error",
    ) -> None:
        super().__init__()
        require_one_of("if_exists", if_exists, ["error", "overwrite"])
        self._inputs = samples.checked_inputs(X)
        self._targets = samples.checked_targets(y, len(self._inputs))
        self._feature_names = samples.feature_names(X)
        self._class_names = samples.checked_class_names(class_names)
        self._path = Path(path)
        self._group = group
        self._if_exists = if_exists
        self._writer: RunWriter | None = None
        self._learning_rate: float | None = None
        check_destination(self._path, group, if_exists=if_exists)
        if model is not None:
            description.check_recordable(model)
            description.check_class_names(model, self._class_names)
            self._begin(model, epoch=0)

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002
        """Check that this training can be recorded, before anything is written."""
        if self._writer is not None:
            message = (
                f"This Recorder has already recorded {self._group!r}. Use a new Recorder, with "
                "another group, for another training."
            )
            raise RecordingError(message)
        if not self.model.built:
            # Keras would build it with the first batch: too late for the state before training.
            self.model(keras.ops.convert_to_tensor(self._inputs[:1]))
        description.check_recordable(self.model)
        description.check_class_names(self.model, self._class_names)
        check_destination(self._path, self._group, if_exists=self._if_exists)

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002
        """Record the state before training, when the first epoch begins."""
        self._learning_rate = None
        if self._writer is None:
            # `epoch` is not 0 when `fit` was given an `initial_epoch`.
            self._begin(self.model, epoch=epoch)

    def on_train_batch_begin(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002
        """Take the learning rate that the epoch begins with."""
        # Not in `on_epoch_begin`: a LearningRateScheduler that stands behind this callback in the
        # list has not set it by then.
        if self._learning_rate is None:
            self._learning_rate = float(
                keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)
            )

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Record the weights and everything that was logged."""
        if self._writer is None or self._learning_rate is None:
            return
        self._writer.append(
            epoch + 1,
            weights=_weights(self.model),
            learning_rate=self._learning_rate,
            logs=_scalars(logs or {}),
        )

    def _begin(self, model: keras.Model, *, epoch: int) -> None:
        run = RunDescription(
            inputs=self._inputs,
            targets=self._targets,
            architecture=description.architecture_of(model),
            compile_config=description.compile_config_of(model),
            layers=description.layers_of(model),
            details=description.details_of(
                model, feature_names=self._feature_names, class_names=self._class_names
            ),
        )
        weights = _weights(model)
        self._writer = RunWriter(self._path, self._group, run)
        self._writer.append(epoch, weights=weights, learning_rate=np.nan, logs={})


def _weights(model: keras.Model) -> list[np.ndarray]:
    return [_storable(keras.ops.convert_to_numpy(weight)) for weight in model.weights]


def _storable(values: np.ndarray) -> np.ndarray:
    # HDF5 has no bfloat16; float32 holds each of its values exactly.
    return values if values.dtype.kind in "biuf" else values.astype(np.float32)


def _scalars(logs: Mapping[str, Any]) -> dict[str, float]:
    """Return one float per name; a metric of several values becomes ``name[0]``, ``name[1]``..."""
    scalars: dict[str, float] = {}
    for name, value in logs.items():
        values = np.asarray(value, dtype=np.float64)
        if values.size == 1:
            scalars[name] = float(values.reshape(()))
        else:
            for index, entry in enumerate(values.ravel()):
                scalars[f"{name}[{index}]"] = float(entry)
    return scalars
