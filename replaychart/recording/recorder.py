"""`Recorder`, the Keras callback that records a training run."""

import copy
import time
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Self, TypeAlias, get_args

import keras
import numpy as np
from numpy.typing import ArrayLike

from replaychart.arguments import checked_path, require_one_of
from replaychart.errors import RecordingError
from replaychart.facts.ending import Ending
from replaychart.facts.epochs import EPOCH_DIGITS
from replaychart.facts.snapshots import Snapshot
from replaychart.facts.witness import Witness
from replaychart.network import description
from replaychart.network.namesakes import warn_of_namesakes
from replaychart.recording import resumption, samples
from replaychart.recording.argument_types import IfExists, OnError, Points, Targets
from replaychart.recording.distribution import is_chief
from replaychart.recording.endings import ending_of
from replaychart.recording.guard import GuardedWriter
from replaychart.recording.inputs import given_inputs
from replaychart.recording.live_model import (
    built,
    counted,
    learning_rate_of,
    same_weights,
    weights_of,
)
from replaychart.recording.logs import Logs, checked_logs
from replaychart.recording.request import Request
from replaychart.recording.running_fit import running_callbacks, running_fit, validates_an_epoch
from replaychart.recording.schedule import schedule_of
from replaychart.recording.targets import given_targets
from replaychart.recording.validation import given_validation
from replaychart.recording.witnessing import witnesses_of
from replaychart.storage.destination import check_destination
from replaychart.storage.reader import StoredRun
from replaychart.storage.state import Presence
from replaychart.storage.writer import RunWriter

Loss: TypeAlias = str | keras.losses.Loss | Callable[[Any, Any], Any]

# Snapshots within an epoch are written in groups. None waits longer than this many seconds.
_LONGEST_WAIT = 1.0


class Recorder(keras.callbacks.Callback):
    """Record a network's weights into an HDF5 file, before and during training.

    Pass the recorder to ``model.fit`` as a callback, with any Keras backend. In a custom training
    loop, call `snapshot`. The recorded points are separate from the training data, so you can feed
    ``model.fit`` with arrays, a ``tf.data.Dataset`` or a generator.

    The file is opened, appended to and closed at the end of every epoch (and about once a second
    if you record batches). It stays valid in between, even if the process is killed. If training
    stops early or is interrupted, every completed epoch is kept, and `Run.state` says which of the
    two happened. Several training runs can record into one file at the same time, each into its
    own group. Under a ``tf.distribute`` strategy, the weights are read and written once; if there
    are several workers, only the chief writes.

    Parameters
    ----------
    X : array_like or pandas.DataFrame, shape (points, ...), or list or mapping of these
        The points to watch: finite numbers, in the form that the model takes. For a model with
        several inputs, pass one array per input as you would to ``fit``: in a list, in the order
        of ``model.inputs``, or by input name. The column names of a DataFrame, of pandas or any
        other library that narwhals knows (polars, for example), become the feature names.
    y : array_like, shape (points,), (points, 1) or (points, classes), or list or mapping of these
        Their targets, in the form that the model's loss takes. For a model with several outputs,
        pass the targets of each as you would to ``fit``: in a list, in the order of the outputs,
        or by their names. An output without targets is None or missing.
    path : str or os.PathLike
        The HDF5 file. It is created if it does not exist; its directory must exist. A file can
        contain several runs.
    group : str
        The run's name in the file, without ``/``.
    model : keras.Model, optional
        A built and compiled model to record immediately as epoch 0, without ``fit``. The recorder
        is then closed and cannot record anything else.
    class_names : sequence of str, or mapping of str to sequence of str, optional
        Names of the classes in the order of their numbers, for legends, titles and tooltips; by
        output name if the model has several outputs. Not allowed for a regression.
    feature_names : sequence of str, or mapping of str to sequence of str, optional
        Names of the features, for axes and slices; by input name if the model has several inputs.
        Default: the column names of a DataFrame.
    validation : tuple of (points, targets), optional
        A second set of points, which the model is not trained on, in the form of `X` and `y`. The
        curves, frames and charts of the run tell them apart, and `Run.validation` is a run of these
        points alone. They have no weights.
    class_weight : mapping of int to float, optional
        A weight for each class, as for ``fit``. The loss of each point is multiplied by the weight
        of its class. As in ``fit``, not allowed for several outputs.
    sample_weight : array_like, shape (points,), or mapping of str to array_like, optional
        A weight for each recorded point, instead of `class_weight`. It counts for all outputs of
        the model, unless you pass one for each by name.
    if_exists : {"error", "overwrite", "append", "new"}, default "error"
        What to do if the file already contains a run with this name. ``"overwrite"`` replaces it
        when the first snapshot of the new run is written. ``"append"`` continues the run from the
        epoch at which ``fit(initial_epoch=...)`` or the first `snapshot` resumes, and drops later
        epochs; if there is no such run, it starts one. ``"new"`` records under the next free name:
        ``name``, ``name-2``, ``name-3``. You can then pass the same recorder to several calls of
        ``fit``, and each records a run of its own; `group` is the name of the latest.
    every : int, str or iterable of float, default 1
        What ``fit`` records. A number n: every n-th epoch. A string such as ``"10 batches"``: after
        every tenth batch, and at the end of each epoch. A list of epochs: these epochs, where a
        fraction means the nearest batch. The states before training and after the last epoch are
        always recorded. Within an epoch, the logs are the running averages that Keras reports at
        that point.
    layers : iterable of str, optional
        Record only the weights of these layers. Anything that needs the weights of other layers
        then raises an error. Default: all layers.
    loss : str, keras.losses.Loss, callable, or list or mapping of these, optional
        The loss of each point. It replaces the compiled loss; use it for models that you train in
        a custom loop without compiling them. For several outputs, one for all or one for each, as
        for ``compile``.
    on_error : {"warn", "raise"}, default "warn"
        What to do if recording cannot continue during training, for example because the disk is
        full, the file was removed, or another callback changed the model. ``"warn"`` warns and
        stops recording, and training continues. ``"raise"`` stops training with a `RunFileError`
        or `RecordingError`. Either way, the file keeps everything recorded so far. If you pass
        `model`, errors are always raised.

    Raises
    ------
    ArgumentError
        `X` or `y` are not finite numbers of the same length; `X` does not fit the model's inputs,
        `y` its output and loss, or `class_names` its classes; a layer in `layers` does not exist;
        or another argument is not allowed.
    RunFileError
        The directory does not exist, the file is not an HDF5 file, or it cannot be written.
    RecordingError
        The run exists, is being recorded by another training run, or cannot be continued by this
        one; `every` matches no epoch or batch of this training run; the model is not built, has no
        loss or returns nested outputs; the recorder was used before or is closed; or the number or
        shapes of the model's weights changed during training.

    Warns
    -----
    UserWarning
        Recording stopped, for example because the file could not be written; snapshots are kept in
        memory while another program has the file open; an entry of the logs is left out because it
        is not a number; or a function of your own that is not registered with Keras has the name of
        one of Keras's.

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

    In a custom training loop:

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
        X: Points,
        y: Targets,
        path: str | PathLike[str],
        group: str,
        *,
        model: keras.Model | None = None,
        class_names: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
        feature_names: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
        validation: tuple[Points, Targets] | None = None,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: ArrayLike | Mapping[str, ArrayLike] | None = None,
        if_exists: IfExists = "error",
        every: int | str | Iterable[float] = 1,
        layers: Iterable[str] | None = None,
        loss: Loss | Sequence[Loss | None] | Mapping[str, Loss | None] | None = None,
        on_error: OnError = "warn",
    ) -> None:
        super().__init__()
        require_one_of("if_exists", if_exists, get_args(IfExists))
        require_one_of("on_error", on_error, get_args(OnError))
        given = given_inputs(X, y, feature_names=feature_names)
        self._request = Request(
            given=given,
            targets=given_targets(
                y,
                given.points,
                class_weight=class_weight,
                sample_weight=sample_weight,
                class_names=class_names,
            ),
            layers=samples.checked_layer_names(layers),
            loss=description.checked_loss(loss),
            validation=given_validation(validation),
        )
        self._path = checked_path("path", path)
        self._group = group
        self._if_exists = if_exists
        self._schedule = schedule_of(every)
        self._on_error = on_error if model is None else "raise"
        self._start_over()
        self._writes = is_chief()
        if self._writes:
            check_destination(self._path, group, if_exists=if_exists)
        if model is not None:
            # A model that was never built is refused: only `fit` could build it.
            model = built(model, self._request.given) if getattr(model, "built", False) else model
            self._check(model)
            self._begin(model, epoch=0)
            self.close()

    def _start_over(self) -> None:
        """Forget the last training run, to record another one."""
        self._writer = GuardedWriter(self._path, self._group, on_error=self._on_error)
        self._logs = Logs()
        self._fit: Callable[[], bool] | None = None
        self._callbacks: weakref.ref[keras.callbacks.CallbackList] | None = None
        self._ending = Ending()
        self._closed = False
        self._epoch = -1.0
        self._skipped: Snapshot | None = None
        self._last: Snapshot | None = None
        self._shapes: list[tuple[int, ...]] = []
        self._written_at = 0.0
        self._learning_rate: float | None = None
        self._epochs_passed = 0
        self._batches_passed = 0
        self._batches_at_once = 1
        self._batch_logs: Mapping[str, Any] = {}
        self._validation_keeps_weights = True

    def __deepcopy__(self, memo: dict[int, Any]) -> "Recorder":
        """Return a recorder with the same arguments that has recorded nothing yet.

        A tuner copies its callbacks deeply for every trial.
        """
        other = copy.copy(self)
        other._start_over()
        other.params = None
        other.set_model(None)
        return other

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

    def snapshot(
        self, model: keras.Model, epoch: float, logs: Mapping[str, Any] | None = None
    ) -> None:
        """Record the model's current state in a custom training loop.

        Parameters
        ----------
        model : keras.Model
            A built model. It must be compiled, unless you passed a loss to the Recorder.
        epoch : float
            The number of epochs completed so far; a fraction within an epoch. It must be greater
            than in the previous snapshot. The first snapshot is usually the state before training,
            epoch 0.
        logs : mapping of str to float, optional
            Losses and metrics to show as those of the training. An entry ``learning_rate``
            replaces the optimizer's learning rate.

        Raises
        ------
        ArgumentError
            The epoch is not a finite number of at least 0, or the logs are not a mapping.
        RecordingError
            The recorder is closed, the epoch is not later than the last one, the model cannot be
            recorded, or the number or shapes of its weights differ from those in the first
            snapshot.
        """
        if self._closed:
            message = f"This Recorder of {self.group!r} is closed and takes no more snapshots."
            raise RecordingError(message)
        epoch = samples.checked_epoch(epoch, later_than=self._epoch, recorded=self.group)
        scalars = self._logs.numbers(checked_logs(logs))
        rate = scalars.pop("learning_rate", None)
        if not self._writer.begun:
            self._check(built(model, self._request.given))
            self._begin(model, epoch=epoch, logs=scalars, learning_rate=rate)
        else:
            rate = learning_rate_of(model) if rate is None else rate
            weights = weights_of(model)
            self._check_weights(weights)
            self._watched = model
            self._record(Snapshot(epoch, weights, rate, scalars))
        self._write()

    def flush(self) -> None:
        """Write the snapshots that were taken, which otherwise may wait for up to a second."""
        if self._writer.recording:
            self._write()

    def close(self) -> None:
        """Write all pending snapshots and close the recorder. ``fit`` does this itself.

        The run then counts as finished. If you never close the recorder, it counts as interrupted.
        """
        # Closing after a `fit` that ended with an error does not make the run a finished one.
        self._end(finished=self._writer.in_training)

    def _end(self, *, finished: bool) -> None:
        self._closed = True
        self._writer.end(finished=finished, witnesses=self._last_witnesses() if finished else ())

    def _last_witnesses(self) -> tuple[Witness, ...]:
        """Return what the model computes with the last snapshot's weights, if that is not known."""
        last = self._last
        if last is None or last.witnesses or not self._writer.recording:
            return ()
        return witnesses_of(
            self._watched, self._described, last.weights, last.epoch, loss=self._request.loss
        )

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, error: type[BaseException] | None, *details: object) -> None:
        """Close the recorder. Everything recorded is kept, even after an error."""
        self._end(finished=error is None and self._writer.in_training)

    def set_model(self, model: keras.Model | None) -> None:
        """Take the model that is trained; Keras calls this before training."""
        # Keras 2 fails afterwards, because it expects a callback of its own.
        description.check_keras_3(model)
        super().set_model(model)

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002
        """Check that this training run can be recorded, before anything is written."""
        if self._closed or self._writer.begun:
            if self._if_exists != "new":
                message = (
                    f"This Recorder has already recorded {self.group!r}. Use a new Recorder with "
                    "another group for another training run, or pass if_exists='new' to record "
                    "every training run under the next free name."
                )
                raise RecordingError(message)
            self._end(finished=False)  # unless `fit` did, because it was interrupted
            self._start_over()
        with self._writer.shielding():
            self._prepare()

    def _prepare(self) -> None:
        """Check the model, and take part in the `fit` that calls this."""
        self._check(built(self.model, self._request.given))
        self._fit = running_fit()
        callbacks = running_callbacks()
        if callbacks is not None:
            # References in a circle would keep this recorder after an interruption.
            self._callbacks = weakref.ref(callbacks)
            callbacks.callbacks.append(_Last(self))
        self._batches_at_once = getattr(self.model, "steps_per_execution", 1) or 1
        if self._writes:
            check_destination(self._path, self._group, if_exists=self._if_exists)

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002
        """Record the state before training when the first epoch begins."""
        with self._writer.shielding():
            self._learning_rate = None
            self._epochs_passed = epoch
            steps = self._steps()
            if not self._writer.begun and self._writes:
                # `epoch` is not 0 if `fit` was called with an `initial_epoch`.
                self._schedule.check(
                    epoch, self.params["epochs"], steps, resumed=self._if_exists == "append"
                )
                self._begin(self.model, epoch=epoch)
                self._write()
            self._batches_passed = epoch * (steps or 0)

    def on_train_batch_begin(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002
        """Read the learning rate at the start of an epoch, or of a batch to be recorded."""
        # Not in `on_epoch_begin`: a LearningRateScheduler that follows this callback in the list
        # has not set it at that point.
        if not self._writer.recording:
            return
        with self._writer.shielding():
            if self._learning_rate is None or self._batch_is_due(batch + self._batches_at_once - 1):
                self._learning_rate = learning_rate_of(self.model)

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Record the weights and the logs so far, if this batch is due."""
        if not self._writer.recording:
            return
        self._batch_logs = logs or {}
        with self._writer.shielding():
            self._record_batch(batch, logs)

    def _record_batch(self, batch: int, logs: Mapping[str, Any] | None) -> None:
        steps = self._steps()
        if steps is None or not self._batch_is_due(batch):
            return
        if self._learning_rate is None or batch + 1 >= steps:
            return  # The end of the epoch follows, with more logs.
        self._batches_passed = self._epochs_passed * steps + batch + 1
        epoch = round(self._epochs_passed + (batch + 1) / steps, EPOCH_DIGITS)
        numbers = self._logs.numbers(logs)
        self._record_in_training(
            Snapshot(epoch, weights_of(self.model), self._learning_rate, numbers)
        )

    def on_test_begin(self, logs: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002
        """Record an epoch before it is validated: an error in validation calls no callback."""
        if not self._writer.recording or self._learning_rate is None:
            return
        with self._writer.shielding():
            if self._validation_keeps_weights and validates_an_epoch():
                self._record_before_validation(self._learning_rate)

    def _record_before_validation(self, learning_rate: float) -> None:
        epoch = self._epochs_passed + 1
        if not self._schedule.epoch_is_due(epoch, self._batches_passed, self._steps()):
            return
        logs = self._logs.numbers(self._logs_of_training())
        self._record_in_training(Snapshot(epoch, weights_of(self.model), learning_rate, logs))
        self._write()

    def _logs_of_training(self) -> Mapping[str, Any]:
        """Return what Keras will log for an epoch, without what other callbacks log for a batch."""
        metrics = self.model.get_metrics_result()
        # A custom `train_step` may log something else.
        return metrics if metrics.keys() <= self._batch_logs.keys() else self._batch_logs

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Record the weights and everything that was logged, if this epoch is due."""
        if not self._writer.recording or self._learning_rate is None:
            return
        with self._writer.shielding():
            self._record_epoch(epoch, self._learning_rate, logs)

    def _record_epoch(
        self, epoch: int, learning_rate: float, logs: Mapping[str, Any] | None
    ) -> None:
        snapshot = Snapshot(
            epoch + 1, weights_of(self.model), learning_rate, self._logs.numbers(logs)
        )
        before_validation = self._last
        if before_validation is not None and before_validation.epoch == snapshot.epoch:
            self._record_again(snapshot, before_validation)
        elif self._schedule.epoch_is_due(epoch + 1, self._batches_passed, self._steps()):
            self._record_in_training(snapshot)
            self._skipped = None
        else:
            # Kept because it may turn out to be the last epoch: a callback that follows this one
            # in the list may stop training, and then restore other weights.
            self._skipped = snapshot
        self._write()

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002
        """Record the state after the last epoch, unless it was recorded already."""
        with self._writer.shielding():
            if self._skipped is not None:
                self._record_in_training(self._skipped)
            self.close()
            self._note_ending()

    def _note_ending(self) -> None:
        """Record which epoch's weights the model has now, if that has changed."""
        if self._last is None or not self._writer.ended:
            return
        running = None if self._callbacks is None else self._callbacks()
        callbacks = [] if running is None else running.callbacks
        ending = ending_of(self.model, self._last, self._path, self.group, callbacks)
        if ending != self._ending:
            self._ending = ending
            self._writer.note(ending)

    def _check(self, model: keras.Model) -> None:
        """Raise unless this model can be recorded and, with "append", continues the stored run."""
        described = self._request.checked(model, self._steps())
        self._writes = is_chief(model)
        stored = self._stored()
        if stored is not None:
            resumption.check_same(stored, described)
        if self._writes:
            warn_of_namesakes(model, loss=self._request.loss)

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
        """Record the state before training, or continue a stored run from it."""
        if not self._writes:
            return
        rate = np.nan if learning_rate is None else learning_rate
        # Not described before now: since the checks, the `on_train_begin` of other callbacks may
        # have changed the model, for example frozen a layer.
        described = self._request.description(model, self._steps())
        weights = weights_of(model)
        witnesses = witnesses_of(model, described, weights, epoch, loss=self._request.loss)
        first = Snapshot(epoch, weights, rate, logs or {}, witnesses=witnesses)

        def open_writer(presence: Presence) -> tuple[RunWriter, list[Snapshot]]:
            stored = self._stored()
            if stored is not None:
                return resumption.resumed(stored, described, first, presence)
            replaces = "error" if self._if_exists == "append" else self._if_exists
            writer = RunWriter(
                self._path, self._group, described, if_exists=replaces, presence=presence
            )
            return writer, [first]

        self._watched, self._described, self._last = model, described, first
        self._shapes = [values.shape for values in first.weights]
        self._writer.begin(open_writer, training=self._fit)
        self._epoch = epoch
        self._written_at = time.monotonic()

    def _check_weights(self, weights: Sequence[np.ndarray]) -> None:
        """Raise `RecordingError` unless the weights have the same shapes as at first."""
        shapes = [values.shape for values in weights]
        if shapes != self._shapes:
            message = (
                f"The model recorded as {self.group!r} must keep its weights. It had "
                f"{counted(self._shapes)} at first and has {counted(shapes)} now. Layers that are "
                "created or built during training cannot be recorded: call the model on data once "
                "before training, and use a new Recorder for a changed model."
            )
            raise RecordingError(message)

    def _record_in_training(self, snapshot: Snapshot) -> None:
        """Record a snapshot, or stop recording if the model's weights changed their shapes."""
        try:
            self._check_weights(snapshot.weights)
        except RecordingError as error:
            self._write()
            self._writer.fail(error)
        else:
            self._record(snapshot)

    def _record_again(self, snapshot: Snapshot, before_validation: Snapshot) -> None:
        """Add what was logged since, and the weights if another callback has set others."""
        self._last = snapshot
        if same_weights(snapshot.weights, before_validation.weights):
            self._writer.log(snapshot)
            return
        # Such as averages, which `SwapEMAWeights` sets only during validation.
        self._validation_keeps_weights = False
        try:
            self._check_weights(snapshot.weights)
        except RecordingError as error:
            self._writer.fail(error)
        else:
            self._writer.replace(snapshot)

    def _record(self, snapshot: Snapshot) -> None:
        self._epoch = snapshot.epoch
        self._last = snapshot
        self._writer.add(snapshot)
        if time.monotonic() - self._written_at > _LONGEST_WAIT:
            self._write()

    def _write(self) -> None:
        self._writer.write()
        self._written_at = time.monotonic()

    def _steps(self) -> int | None:
        """Return the number of batches per epoch, None if Keras does not know it."""
        return (self.params or {}).get("steps")

    def _batch_is_due(self, batch: int) -> bool:
        steps = self._steps()
        if steps is None:
            return False
        after = self._epochs_passed * steps + batch + 1
        return self._schedule.batch_is_due(self._batches_passed, after, steps)


class _Last(keras.callbacks.Callback):
    """Lets a recorder look at the model after all other callbacks.

    Those that follow the recorder in the list may restore weights when the training ends.
    """

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self._recorder = weakref.ref(recorder)

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002
        recorder = self._recorder()
        if recorder is not None:
            with recorder._writer.shielding():
                recorder._note_ending()
