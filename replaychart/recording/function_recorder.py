"""`record_function`: records the training of any network that is a function of its parameters."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from os import PathLike
from typing import Any, Literal, Self, get_args

import numpy as np

from replaychart.arguments import require_bool, require_one_of
from replaychart.errors import ArgumentError
from replaychart.facts.witness import Witness
from replaychart.network import function_description
from replaychart.opening import open_run
from replaychart.recording import samples
from replaychart.recording.argument_types import IfExists, OnError, Points, Targets
from replaychart.recording.inputs import given_inputs
from replaychart.recording.loop_recorder import LoopRecorder, check_class_names
from replaychart.recording.validation import with_validation

Predicts = Literal["probabilities", "logits", "numbers"]
# As `record_outputs` names them in the file.
_IN_FILE = {"probabilities": "classes"}


def record_function(
    apply: Callable[[Any, Any], Any],
    params: Any,
    X: Points,
    y: Targets,
    path: str | PathLike[str],
    group: str,
    *,
    loss: Callable[[Any, Any], Any] | None = None,
    predicts: Predicts | None = None,
    store: bool = False,
    every: int | Iterable[float] = 1,
    class_names: Sequence[str] | None = None,
    feature_names: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
    validation: tuple[Points, Targets] | None = None,
    if_exists: IfExists = "error",
    on_error: OnError = "warn",
) -> "FunctionRecorder":
    """Record the training of a network that is a function of its parameters.

    Use it for JAX (Flax, Equinox, Haiku), NumPy and anything else outside Keras and PyTorch, as a
    context manager around your training loop, and call its ``snapshot`` after each epoch.
    `open_run` takes the function as ``model=`` and evaluates it with the recorded parameters, so
    that surfaces and grids can be drawn as for Keras. Gradients need a function of JAX.

    Parameters
    ----------
    apply : callable
        ``apply(params, X)`` returns the network's output in inference mode, with one row for each
        point; or a mapping of the outputs of layers by name, where the network's output is called
        ``"output"`` or comes last. It must not depend on anything that training changes.
    params : object
        The parameters before training: arrays, nested in mappings, lists and tuples; with JAX, in
        any pytree. The parameters of a layer are found by its name.
    X : array_like or pandas.DataFrame, shape (points, ...), or list or mapping of these
        The points to watch. `apply` takes them in this form, as arrays.
    y : array_like, shape (points, ...)
        Their targets, in the form that the loss takes.
    path : str or os.PathLike
        The HDF5 file, as for `Recorder`.
    group : str
        The run's name in the file, without ``/``.
    loss : callable, optional
        ``loss(outputs, targets)`` returns the loss of each point, or of a batch. For a loss that is
        not one of Optax, pass it to `open_run` in ``custom_objects``, too. Default: none, so that
        there are no losses and gradients.
    predicts : {"probabilities", "logits", "numbers"}, optional
        What the outputs are. Default: judged by the loss and the outputs themselves.
    store : bool, default False
        Whether to evaluate what the charts need by default when the recorder is closed, and store
        it in the file, which then charts without the function.
    every : int or iterable of float, default 1
        Which snapshots are recorded, as for `TorchRecorder`.
    class_names : sequence of str, optional
        Names of the classes in the order of their numbers.
    feature_names : sequence of str, or mapping of str to sequence of str, optional
        Names of the features, as for `Recorder`.
    validation : tuple of (points, targets), optional
        A second set of points in the form of `X` and `y`, as for `Recorder`.
    if_exists : {"error", "overwrite", "append", "new"}, default "error"
        As for `TorchRecorder`.
    on_error : {"warn", "raise"}, default "warn"
        As for `TorchRecorder`.

    Returns
    -------
    FunctionRecorder
        A context manager.

    Raises
    ------
    ArgumentError
        `X` or `y` are not finite numbers of the same length, `apply` raises or does not return one
        row for each point, the loss cannot be evaluated for each point, or another argument is not
        allowed.
    RunFileError
        The directory does not exist, the file is not an HDF5 file, or it cannot be written.
    RecordingError
        The run exists, is being recorded by another training run, or cannot be continued by this
        one.

    Examples
    --------
    >>> import numpy as np
    >>> import replaychart as rc
    >>> X, y = rc.datasets.parabola(50)
    >>> params = {"weights": np.zeros((2, 1)), "bias": np.zeros(1)}
    >>> def apply(params, X):
    ...     return 1 / (1 + np.exp(-X @ params["weights"] - params["bias"]))
    >>> def loss(p, y):
    ...     return -np.log(np.where(y == 1, p, 1 - p))
    >>> with rc.record_function(
    ...     apply, params, X, y, "runs.h5", "logistic", loss=loss, predicts="probabilities"
    ... ) as recorder:
    ...     for epoch in range(1, 4):
    ...         residuals = apply(params, X) - y[:, None]
    ...         params["weights"] = params["weights"] - 0.1 * X.T @ residuals / len(X)
    ...         recorder.snapshot(params, epoch)
    >>> run = rc.open_run("runs.h5", "logistic", model=apply, custom_objects={"loss": loss})
    >>> run.losses().shape
    (4, 100)
    """
    return FunctionRecorder(
        apply,
        params,
        X,
        y,
        path,
        group,
        loss=loss,
        predicts=predicts,
        store=store,
        every=every,
        class_names=class_names,
        feature_names=feature_names,
        validation=validation,
        if_exists=if_exists,
        on_error=on_error,
    )


class FunctionRecorder(LoopRecorder):
    """Writes the snapshots of one run. `record_function` returns it."""

    def __init__(
        self,
        apply: Callable[[Any, Any], Any],
        params: Any,
        X: Points,
        y: Targets,
        path: str | PathLike[str],
        group: str,
        *,
        loss: Callable[[Any, Any], Any] | None,
        predicts: Predicts | None,
        store: bool,
        every: int | Iterable[float],
        class_names: Sequence[str] | None,
        feature_names: Sequence[str] | Mapping[str, Sequence[str]] | None,
        validation: tuple[Points, Targets] | None,
        if_exists: IfExists,
        on_error: OnError,
    ) -> None:
        require_one_of("predicts", predicts, [None, *get_args(Predicts)])
        require_bool("store", store)
        if loss is not None and (not callable(loss) or isinstance(loss, type)):
            message = f"loss must be a function of outputs and targets. Got {loss!r}."
            raise ArgumentError(message)
        given = given_inputs(X, y, feature_names=feature_names)
        recorded = given.without_graph()
        live = function_description.described_function(
            apply,
            params,
            recorded.inputs,
            samples.checked_targets(y, given.points),
            in_a_list=recorded.in_a_list,
            feature_names=recorded.feature_names,
            class_names=samples.checked_class_names(class_names),
            loss=loss,
            predicts=None if predicts is None else _IN_FILE.get(predicts, predicts),
        )
        described = with_validation(live.described, validation)
        self._live = dataclasses.replace(live, described=described)
        first = self._live.witness(0, self._live.weights(params))
        check_class_names(self._live.described, first)
        super().__init__(path, group, every=every, if_exists=if_exists, on_error=on_error)
        self._store = store
        self._params = params

    def __enter__(self) -> Self:
        """Record the state before training, unless a run is to be continued."""
        if not self._writer.begun and not self._continues():
            self.snapshot(self._params, 0)
        return self

    def snapshot(self, params: Any, epoch: float, logs: Mapping[str, Any] | None = None) -> None:
        """Record parameters, after an epoch or within one.

        Parameters
        ----------
        params : object
            The current parameters, nested as at first.
        epoch : float
            The number of epochs completed so far; a fraction within an epoch. It must be greater
            than in the previous snapshot. Epoch 0 is recorded when the ``with`` block is entered.
        logs : mapping of str to float, optional
            Losses and metrics to show as those of the training; ``learning_rate`` is the learning
            rate.

        Raises
        ------
        ArgumentError
            The epoch is not a finite number of at least 0, the logs are not a mapping, or the
            parameters are not arrays.
        RecordingError
            The recorder is closed, the epoch is not later than the last one, or the parameters have
            other shapes than at first.

        Warns
        -----
        UserWarning
            Recording stopped, for example because the file could not be written; or an entry of
            the logs is left out because it is not a number.
        """
        epoch = self._checked_epoch(epoch)
        live = self._live
        self._take(epoch, lambda: live.described, lambda: live.weights(params), logs, [])

    @property
    def opening_arguments(self) -> dict[str, Any]:
        """What `open_run` needs besides the path and the group to evaluate this run."""
        loss = self._live.loss
        named = {} if loss is None else {getattr(loss, "__name__", type(loss).__name__): loss}
        return {"model": (self._live.apply, self._params), "custom_objects": named}

    def _end(self, *, finished: bool) -> None:
        first_time = not self._closed
        super()._end(finished=finished)
        if self._store and first_time and finished and self._writer.ended:
            opening = self.opening_arguments
            self._evaluate(lambda: open_run(self._path, self.group, **opening).store())

    def _witness(self, epoch: float, weights: Sequence[np.ndarray]) -> Witness | None:
        return self._live.witness(epoch, weights)
