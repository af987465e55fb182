"""`Recorder`, the Keras callback that records a training."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import keras
import numpy as np

from replaychart.arguments import checked_path, require_one_of
from replaychart.errors import RecordingError
from replaychart.facts.epochs import EPOCH_DIGITS
from replaychart.facts.snapshots import Snapshot
from replaychart.network import description
from replaychart.recording import resumption, samples
from replaychart.recording.distribution import is_chief
from replaychart.recording.guard import GuardedWriter
from replaychart.recording.inputs import given_inputs
from replaychart.recording.live_model import built, counted, learning_rate_of, weights_of
from replaychart.recording.request import Request
from replaychart.recording.running_fit import running_fit
from replaychart.recording.schedule import schedule_of
from replaychart.storage.reader import StoredRun
from replaychart.storage.state import Presence
from replaychart.storage.writer import RunWriter, check_destination

# Snapshots within an epoch are written together, but none waits longer than so many seconds.
_LONGEST_WAIT = 1.0


class Recorder(keras.callbacks.Callback):
    """Record a network's weights before training and while it trains into one HDF5 file.

    As a callback of ``model.fit`` it records by itself, under every Keras backend; in a training
    loop of your own, `snapshot` records. The recorded points are given apart from the training
    data, so ``model.fit`` may be fed with arrays, a ``tf.data.Dataset`` or a generator.

    The file is opened, appended to and closed at every epoch's end (and once a second where
    batches are recorded), and is whole in between and when the process is killed at any moment: a
    training that stops early or is interrupted leaves exactly what happened until then, and the run
    says which of the two it was (`Run.state`). Several trainings may record into one file at once,
    each into a group of its own. Under a ``tf.distribute`` strategy the weights are read and
    written once; of several workers only the chief writes.

    Parameters
    ----------
    X : array_like or pandas.DataFrame, shape (points, ...), or list or mapping of these
        The points that will be watched: finite numbers, as the model takes them. For a model with
        several inputs an array for each: in a list, in the order of ``model.inputs``, or by the
        inputs' names, as ``fit`` takes them. The columns of a frame name the features.
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
        Names of the classes in the order of their numbers, for legends, titles and tooltips. Not
        for a regression.
    feature_names : sequence of str, or mapping of str to sequence of str, optional
        Names of the features, for axes and slices; by the input's name where there are several
        inputs. Default: the columns of a frame.
    class_weight : mapping of int to float, optional
        A weight for each class, as ``fit`` takes it: the loss of each point is multiplied with it.
    sample_weight : array_like, shape (points,), optional
        A weight for each of the recorded points, in place of `class_weight`.
    if_exists : {"error", "overwrite", "append"}, default "error"
        What to do if the file already has a run of this name. With ``"overwrite"`` it is replaced,
        when the first snapshot of the new one is written. With ``"append"`` it is gone on with,
        where ``fit(initial_epoch=...)`` or the first `snapshot` resumes; what was recorded beyond
        that epoch is dropped. A run that does not exist is begun.
    every : int, str or iterable of float, default 1
        What ``fit`` records: every so many epochs; ``"10 batches"``, after every tenth batch of the
        training and at each epoch's end; or a list of epochs, where a fraction stands for the batch
        nearest to it. The state before training and the one after the last epoch are recorded in
        any case. Within an epoch, logs are the running averages that Keras reports by then.
    layers : iterable of str, optional
        Record only the weights of these layers. What needs the weights of others cannot be
        replayed then, and says so. Default: all.
    loss : str, keras.losses.Loss or callable, optional
        The loss of each point, in place of the one that the model was compiled with: for models
        that are trained in a loop of your own and not compiled.
    on_error : {"warn", "raise"}, default "warn"
        What to do if the file cannot be written while the training goes on: the disk is full, say,
        or the file was removed. With ``"warn"`` the recording stops with a warning, and the
        training goes on; with ``"raise"`` it ends with a `RunFileError`. Either way the file keeps
        what was recorded before. A `model` that is recorded at once raises.

    Raises
    ------
    ArgumentError
        `X` or `y` are not finite numbers of matching length, `X` does not fit the model's inputs,
        `y` its output and loss or `class_names` its classes, there is no such layer, or an argument
        is not allowed.
    RunFileError
        The directory is missing, the file is not HDF5, or it cannot be written.
    RecordingError
        The run exists, is being recorded by another training, or is one that this training cannot
        be appended to; `every` matches nothing
        of the training; the model is not built, has neither been compiled nor a loss, or has
        several outputs; the recorder was used before, or is closed; the model has other weights
        than it began with.

    Warns
    -----
    UserWarning
        The recording stopped because the file could not be written, or snapshots wait in memory
        while another program has the file open.

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

    In a training loop of your own:

    >>> with rc.Recorder(X, y, "runs.h5", group="by hand") as recorder:
    ...     recorder.snapshot(model, 0)
    ...     for epoch in (1, 2):
    ...         loss, accuracy = model.train_on_batch(X, y)
    ...         recorder.snapshot(model, epoch, {"loss": loss, "accuracy": accuracy})

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
        feature_names: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: object = None,
        if_exists: str = "error",
        every: int | str | Iterable[float] = 1,
        layers: Iterable[str] | None = None,
        loss: Any = None,
        on_error: str = "warn",
    ) -> None:
        super().__init__()
        require_one_of("if_exists", if_exists, ["error", "overwrite", "append"])
        require_one_of("on_error", on_error, ["warn", "raise"])
        given = given_inputs(X, y, feature_names=feature_names)
        targets = samples.checked_targets(y, given.points)
        self._request = Request(
            given=given,
            targets=targets,
            sample_weights=samples.checked_sample_weights(class_weight, sample_weight, targets),
            class_names=samples.checked_class_names(class_names),
            layers=samples.checked_layer_names(layers),
            loss=description.checked_loss(loss),
        )
        self._path = checked_path("path", path)
        self._group = group
        self._if_exists = if_exists
        self._schedule = schedule_of(every)
        self._writer = GuardedWriter(
            self._path, group, on_error=on_error if model is None else "raise"
        )
        self._fit: Callable[[], bool] | None = None
        self._closed = False
        self._epoch = -1.0
        self._skipped: Snapshot | None = None
        self._shapes: list[tuple[int, ...]] = []
        self._written_at = 0.0
        self._learning_rate: float | None = None
        self._epochs_passed = 0
        self._batches_passed = 0
        self._batches_at_once = 1
        self._writes = is_chief()
        if self._writes:
            check_destination(self._path, group, if_exists=if_exists)
        if model is not None:
            # One that was never built is refused: `fit` would build it, and there is none.
            model = built(model, self._request.given) if getattr(model, "built", False) else model
            self._check(model)
            self._begin(model, epoch=0)
            self.close()

    def snapshot(
        self, model: keras.Model, epoch: float, logs: Mapping[str, Any] | None = None
    ) -> None:
        """Record the model's state now, in a training loop of your own.

        Parameters
        ----------
        model : keras.Model
            A built model; compiled, unless the Recorder was given a loss.
        epoch : float
            The epochs that have passed, later than at the snapshot before: 0 for the state before
            training, which comes first; a fraction within an epoch.
        logs : mapping of str to float, optional
            Losses and metrics to be shown as those of the training. An entry ``learning_rate``
            takes the place of the optimizer's.

        Raises
        ------
        ArgumentError
            The epoch is not a finite number of at least 0.
        RecordingError
            The recorder is closed, the epoch is not later than the last, or the model cannot be
            recorded, or has other weights than at the first snapshot.
        """
        if self._closed:
            message = f"This Recorder of {self._group!r} is closed: it takes no more snapshots."
            raise RecordingError(message)
        epoch = samples.checked_epoch(epoch, later_than=self._epoch, recorded=self._group)
        scalars = samples.scalars(logs)
        rate = scalars.pop("learning_rate", None)
        if not self._writer.begun:
            self._check(built(model, self._request.given))
            self._begin(model, epoch=epoch, logs=scalars, learning_rate=rate)
        else:
            rate = learning_rate_of(model) if rate is None else rate
            weights = weights_of(model)
            self._check_weights(weights)
            self._record(Snapshot(epoch, weights, rate, scalars))
        self._write()

    def close(self) -> None:
        """Write what has not been written, and take no more snapshots. ``fit`` does it itself.

        The training counts as finished then, and as interrupted where this is never called.
        """
        # Called behind a `fit` that ended with an error, it does not make that a finished one.
        self._end(finished=self._writer.in_training)

    def _end(self, *, finished: bool) -> None:
        self._closed = True
        self._writer.end(finished=finished)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, error: type[BaseException] | None, *details: object) -> None:
        """Close the recorder; what was recorded stays, also after an error."""
        self._end(finished=error is None and self._writer.in_training)

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002
        """Check that this training can be recorded, before anything is written."""
        if self._closed or self._writer.begun:
            message = (
                f"This Recorder has already recorded {self._group!r}. Use a new Recorder, with "
                "another group, for another training."
            )
            raise RecordingError(message)
        self._check(built(self.model, self._request.given))
        self._fit = running_fit()
        self._batches_at_once = getattr(self.model, "steps_per_execution", 1) or 1
        if self._writes:
            check_destination(self._path, self._group, if_exists=self._if_exists)

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002
        """Record the state before training, when the first epoch begins."""
        self._learning_rate = None
        self._epochs_passed = epoch
        steps = self._steps()
        if not self._writer.begun and self._writes:
            # `epoch` is not 0 when `fit` was given an `initial_epoch`.
            self._schedule.check(
                epoch, self.params["epochs"], steps, resumed=self._if_exists == "append"
            )
            self._begin(self.model, epoch=epoch)
            self._write()
        self._batches_passed = epoch * (steps or 0)

    def on_train_batch_begin(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002
        """Take the learning rate that the epoch, or a batch to be recorded, begins with."""
        # Not in `on_epoch_begin`: a LearningRateScheduler that stands behind this callback in the
        # list has not set it by then.
        if self._learning_rate is None or self._batch_is_due(batch + self._batches_at_once - 1):
            self._learning_rate = learning_rate_of(self.model)

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Record the weights and what Keras reports by then, if this batch is to be recorded."""
        steps = self._steps()
        if not self._writer.recording or steps is None or not self._batch_is_due(batch):
            return
        if self._learning_rate is None or batch + 1 >= steps:
            return  # What follows is the epoch's end, and tells more.
        self._batches_passed = self._epochs_passed * steps + batch + 1
        epoch = round(self._epochs_passed + (batch + 1) / steps, EPOCH_DIGITS)
        self._record_in_training(
            Snapshot(epoch, weights_of(self.model), self._learning_rate, samples.scalars(logs))
        )

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Record the weights and everything that was logged, if this epoch is to be recorded."""
        if not self._writer.recording or self._learning_rate is None:
            return
        snapshot = Snapshot(
            epoch + 1, weights_of(self.model), self._learning_rate, samples.scalars(logs)
        )
        if self._schedule.epoch_is_due(epoch + 1, self._batches_passed, self._steps()):
            self._record_in_training(snapshot)
            self._skipped = None
        else:
            # Kept until it is known not to be the last one: a callback that stands behind this
            # one may end the training, and restore other weights then.
            self._skipped = snapshot
        self._write()

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002
        """Record the state after the last epoch, if it is not yet."""
        if self._skipped is not None:
            self._record_in_training(self._skipped)
        self.close()

    def _check(self, model: keras.Model) -> None:
        """Raise unless this model can be recorded, and appended where that was asked for."""
        described = self._request.checked(model, self._steps())
        self._writes = is_chief(model)
        stored = self._stored()
        if stored is not None:
            resumption.check_same(stored, described)

    def _stored(self) -> StoredRun | None:
        if self._if_exists != "append" or not self._writes:
            return None
        return resumption.stored_run(self._path, self._group)

    def _begin(
        self,
        model: keras.Model,
        *,
        epoch: float,
        logs: Mapping[str, float] | None = None,
        learning_rate: float | None = None,
    ) -> None:
        """Record the state before training, or go on from it."""
        if not self._writes:
            return
        rate = np.nan if learning_rate is None else learning_rate
        first = Snapshot(epoch, weights_of(model), rate, logs or {})
        # Described now and not when it was checked: other callbacks may change the model in their
        # `on_train_begin`, to freeze a layer for example.
        described = self._request.description(model, self._steps())

        def open_writer(presence: Presence) -> tuple[RunWriter, list[Snapshot]]:
            stored = self._stored()
            if stored is not None:
                return resumption.resumed(stored, described, first, presence)
            replaces = "overwrite" if self._if_exists == "overwrite" else "error"
            writer = RunWriter(
                self._path, self._group, described, if_exists=replaces, presence=presence
            )
            return writer, [first]

        self._shapes = [values.shape for values in first.weights]
        self._writer.begin(open_writer, training=self._fit)
        self._epoch = epoch
        self._written_at = time.monotonic()

    def _check_weights(self, weights: Sequence[np.ndarray]) -> None:
        """Raise `RecordingError` unless the weights are as many as at first, and as large."""
        shapes = [values.shape for values in weights]
        if shapes != self._shapes:
            message = (
                f"The model that is recorded as {self._group!r} must keep its weights: it began "
                f"with {counted(self._shapes)} and has {counted(shapes)} now. Layers that are "
                "made or built later cannot be recorded: call the model on data once, before the "
                "training, and use a new Recorder where it is changed."
            )
            raise RecordingError(message)

    def _record_in_training(self, snapshot: Snapshot) -> None:
        """Record a snapshot, unless the model is not the one any more that it began with."""
        try:
            self._check_weights(snapshot.weights)
        except RecordingError as error:
            self._write()
            self._writer.fail(error)
        else:
            self._record(snapshot)

    def _record(self, snapshot: Snapshot) -> None:
        self._epoch = snapshot.epoch
        self._writer.add(snapshot)
        if time.monotonic() - self._written_at > _LONGEST_WAIT:
            self._write()

    def _write(self) -> None:
        self._writer.write()
        self._written_at = time.monotonic()

    def _steps(self) -> int | None:
        """Return the batches of an epoch, None where Keras does not know them."""
        return (self.params or {}).get("steps")

    def _batch_is_due(self, batch: int) -> bool:
        steps = self._steps()
        if steps is None:
            return False
        after = self._epochs_passed * steps + batch + 1
        return self._schedule.batch_is_due(self._batches_passed, after, steps)
