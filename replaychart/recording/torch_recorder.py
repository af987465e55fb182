"""`TorchRecorder`, which records the training of a PyTorch module."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from os import PathLike
from types import ModuleType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from replaychart.arguments import require_bool
from replaychart.errors import MissingDependencyError, RecordingError
from replaychart.facts.witness import Witness
from replaychart.opening import open_run
from replaychart.recording import samples
from replaychart.recording.argument_types import IfExists, OnError, Points, Targets
from replaychart.recording.inputs import given_inputs
from replaychart.recording.loop_recorder import LoopRecorder, check_class_names
from replaychart.recording.validation import with_validation

if TYPE_CHECKING:
    import torch
    import transformers
    from lightning.pytorch import Callback


class TorchRecorder(LoopRecorder):
    """Record a PyTorch module into an HDF5 file, before and during training.

    Use it as a context manager around your training loop and call `snapshot` after each epoch. All
    charts then work as for Keras: `open_run` takes the module as ``model=`` and evaluates it with
    the recorded parameters.

    A snapshot contains all parameters and buffers of the module, the learning rates of the
    optimizer and what you log. The module computes in inference mode whenever it is asked, which
    happens before training and at its end. Training is not affected: random states, gradients and
    the mode of every submodule are as without the recorder.

    The layers of the charts are the submodules in the order in which they run. An activation
    function belongs to the layer that it is applied to, as a module or as a function. Submodules
    that only pass on what another one returns, such as ``Sequential``, are not layers.

    Parameters
    ----------
    module : torch.nn.Module
        The module that is trained. Wrappers such as ``torch.compile`` and ``DataParallel`` are
        recorded as the module inside.
    X : array_like, torch.Tensor or pandas.DataFrame, or list or mapping of these
        The points to watch, shape (points, ...): finite numbers, in the form that the module takes.
        They are moved to the module's device, and floats to the dtype of its parameters. If
        ``forward`` takes several arguments, pass a list in their order, or a mapping by name.
    y : array_like or torch.Tensor, shape (points, ...)
        Their targets, in the form that the loss takes.
    path : str or os.PathLike
        The HDF5 file, as for `Recorder`.
    group : str
        The run's name in the file, without ``/``.
    loss : torch.nn.Module or callable, optional
        The loss: one of ``torch.nn``, such as ``torch.nn.CrossEntropyLoss()``, one of
        ``torch.nn.functional``, or your own function of outputs and targets. It determines whether
        the outputs are logits. Default: none, so that there are no losses and gradients.
    optimizer : torch.optim.Optimizer, optional
        Its learning rates are recorded. Default: none.
    store : bool, default False
        Whether to evaluate what the charts need by default when the recorder is closed, and store
        it in the file, as `Run.store` does. The file then charts on a machine without PyTorch and
        without the module.
    every : int or iterable of float, default 1
        Which snapshots are recorded. A number n: every n-th epoch. A list of epochs: these epochs.
        The first and the last snapshot are always recorded.
    class_names : sequence of str, optional
        Names of the classes in the order of their numbers.
    feature_names : sequence of str, or mapping of str to sequence of str, optional
        Names of the features, as for `Recorder`.
    validation : tuple of (points, targets), optional
        A second set of points in the form of `X` and `y`, as for `Recorder`.
    if_exists : {"error", "overwrite", "append", "new"}, default "error"
        What to do if the file already contains a run with this name, as for `Recorder`. With
        ``"append"``, the first snapshot must be the state that training resumes from.
    on_error : {"warn", "raise"}, default "warn"
        What to do if recording cannot continue during training, as for `Recorder`.

    Raises
    ------
    ArgumentError
        `X` or `y` are not finite numbers of the same length, the module does not take `X`, the
        loss cannot be evaluated for each point, or another argument is not allowed.
    RunFileError
        The directory does not exist, the file is not an HDF5 file, or it cannot be written.
    MissingDependencyError
        PyTorch is not installed.
    RecordingError
        The module has no parameters, or has several outputs; or the run exists, is being recorded
        by another training run, or cannot be continued by this one.

    Examples
    --------
    >>> import torch
    >>> import replaychart as rc
    >>> X, y = rc.datasets.parabola()
    >>> points, targets = torch.tensor(X), torch.tensor(y, dtype=torch.float32)[:, None]
    >>> module = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Tanh(), torch.nn.Linear(2, 1))
    >>> optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    >>> loss_of = torch.nn.BCEWithLogitsLoss()
    >>> with rc.TorchRecorder(
    ...     module, X, y, "runs.h5", "torch", loss=loss_of, optimizer=optimizer
    ... ) as recorder:
    ...     for epoch in range(1, 3):
    ...         optimizer.zero_grad()
    ...         loss = loss_of(module(points), targets)
    ...         loss.backward()
    ...         optimizer.step()
    ...         recorder.snapshot(epoch, {"loss": loss})
    >>> run = rc.open_run("runs.h5", "torch", model=module)
    >>> run.epochs, run.layers
    (array([0, 1, 2]), ['0', '2'])

    References
    ----------
    https://pytorch.org/docs/stable/generated/torch.func.functional_call.html
    """

    def __init__(
        self,
        module: "torch.nn.Module",
        X: Points,
        y: Targets,
        path: str | PathLike[str],
        group: str,
        *,
        loss: Callable[..., Any] | None = None,
        optimizer: "torch.optim.Optimizer | None" = None,
        store: bool = False,
        every: int | Iterable[float] = 1,
        class_names: Sequence[str] | None = None,
        feature_names: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
        validation: tuple[Points, Targets] | None = None,
        if_exists: IfExists = "error",
        on_error: OnError = "warn",
    ) -> None:
        self._describing = _describing()
        given = given_inputs(X, y, feature_names=feature_names)
        recorded = given.without_graph()
        checked = self._describing.checked_optimizer(optimizer)
        self._optimizers: list[torch.optim.Optimizer] = [] if checked is None else [checked]
        live = self._describing.described_module(
            module,
            recorded.inputs,
            samples.checked_targets(y, given.points),
            in_a_list=recorded.in_a_list,
            feature_names=recorded.feature_names,
            class_names=samples.checked_class_names(class_names),
            loss=self._describing.checked_loss(loss),
        )
        described = with_validation(live.described, validation)
        self._live = dataclasses.replace(live, described=described)
        self._module, self._store = module, store
        require_bool("store", store)
        check_class_names(self._live.described, self._live.witness(0, self._live.weights()))
        super().__init__(path, group, every=every, if_exists=if_exists, on_error=on_error)
        # At the start of an epoch; a scheduler may have set those of the next one at its end.
        self._rates: list[float] = []
        self._held: tuple[float, list[np.ndarray]] | None = None
        self._awaits_logs = False

    @property
    def opening_arguments(self) -> dict[str, Any]:
        """What `open_run` needs besides the path and the group to evaluate this run."""
        return {"model": self._module}

    @property
    def learning_rate(self) -> float | None:
        """The learning rate of the optimizer; setting it sets that of all parameter groups."""
        rates = self._rates_now()
        return rates[0] if rates else None

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate

    def __enter__(self) -> Self:
        """Record the state before training, unless a run is to be continued."""
        if not self._writer.begun and not self._continues():
            self.snapshot(0)
        return self

    def snapshot(self, epoch: float, logs: Mapping[str, Any] | None = None) -> None:
        """Record the module's current state, after an epoch or within one.

        Parameters
        ----------
        epoch : float
            The number of epochs completed so far; a fraction within an epoch. It must be greater
            than in the previous snapshot. The state before training, epoch 0, is recorded when the
            ``with`` block is entered.
        logs : mapping of str to float, optional
            Losses and metrics to show as those of the training, as numbers or tensors. An entry
            ``learning_rate`` replaces the optimizer's.

        Raises
        ------
        ArgumentError
            The epoch is not a finite number of at least 0, or the logs are not a mapping.
        RecordingError
            The recorder is closed, the epoch is not later than the last one, or the number or
            shapes of the module's parameters changed.

        Warns
        -----
        UserWarning
            Recording stopped, for example because the file could not be written; or an entry of
            the logs is left out because it is not a number.
        """
        self._snapshot(epoch, self._live.weights, logs)

    def for_lightning(self) -> "Callback":
        """Return a callback for the ``Trainer`` of PyTorch Lightning.

        It records the state before training, every epoch with the metrics that were logged in it,
        and how the run ended. The learning rates are those of the trainer's optimizers. Names that
        begin with ``train_`` lose this prefix. In distributed training, only the process of rank 0
        records.

        Returns
        -------
        lightning.pytorch.Callback
            For ``Trainer(callbacks=[...])``, and for one call of ``fit``.

        Raises
        ------
        MissingDependencyError
            Lightning is not installed.

        Examples
        --------
        >>> import lightning as L  # doctest: +SKIP
        >>> recorder = rc.TorchRecorder(module, X, y, "runs.h5", "a")  # doctest: +SKIP
        >>> trainer = L.Trainer(callbacks=[recorder.for_lightning()])  # doctest: +SKIP
        """
        try:
            from replaychart.recording.lightning_callback import LightningCallback
        except ImportError as error:
            message = _missing("for_lightning", "Lightning", "lightning", error)
            raise MissingDependencyError(message) from error
        return LightningCallback(self)

    def for_trainer(self) -> "transformers.TrainerCallback":
        """Return a callback for the ``Trainer`` of Hugging Face's Transformers.

        It records the state before training, every epoch with what was logged last in it, and how
        the run ended. The learning rates are those of the trainer's optimizer. Names that begin
        with ``eval_`` begin with ``val_`` instead. In distributed training, only the process of
        rank 0 records.

        Returns
        -------
        transformers.TrainerCallback
            For ``Trainer(callbacks=[...])``, and for one call of ``train``.

        Raises
        ------
        MissingDependencyError
            Transformers is not installed.

        Examples
        --------
        >>> import transformers  # doctest: +SKIP
        >>> recorder = rc.TorchRecorder(module, X, y, "runs.h5", "a")  # doctest: +SKIP
        >>> trainer = transformers.Trainer(  # doctest: +SKIP
        ...     model, arguments, train_dataset=points, callbacks=[recorder.for_trainer()]
        ... )
        """
        try:
            from replaychart.recording.trainer_callback import RecordingTrainerCallback
        except ImportError as error:
            message = _missing("for_trainer", "Transformers", "transformers", error)
            raise MissingDependencyError(message) from error
        return RecordingTrainerCallback(self)

    def _begin_training(
        self,
        epoch: float,
        trained: "torch.nn.Module",
        optimizers: Sequence["torch.optim.Optimizer"],
        *,
        running: Callable[[], bool] | None = None,
    ) -> None:
        """Record the state with which a framework begins to train, and follow its optimizers.

        Parameters
        ----------
        epoch : float
            The number of epochs completed, which is not 0 if training resumes.
        trained : torch.nn.Module
            The module that the framework trains.
        optimizers : sequence of torch.optim.Optimizer
        running : callable, optional
            Returns whether training still runs. Default: the framework reports errors.
        """
        if self._closed:
            self._checked_epoch(epoch)  # which raises
        self._check_trained(trained)
        self._optimizers, self._running = list(optimizers), running
        if self.begun:  # by a ``with`` block
            self._rates = self._rates_now()
        else:
            self.snapshot(epoch)

    def _check_trained(self, trained: "torch.nn.Module") -> None:
        """Raise `RecordingError` unless the recorded module is, or belongs to, a trained one."""
        own = {id(one) for one in self._live.module.parameters()}
        if own.isdisjoint(id(one) for one in trained.parameters()):
            message = (
                f"The module that is recorded as {self.group!r} must share its parameters with the "
                f"one that is trained, and shares none. Got a {type(self._live.module).__name__} "
                f"to record, and a {type(trained).__name__} to train."
            )
            raise RecordingError(message)

    @property
    def _holds(self) -> bool:
        """Whether the state at the end of an epoch is kept."""
        return self._held is not None

    def _hold(self, epoch: float) -> None:
        """Keep the state at the end of an epoch until all is logged."""
        if self._closed or not self._writer.recording:
            return
        with self._writer.shielding():
            try:
                self._held = epoch, self._live.weights()
            except RecordingError as error:
                self._writer.fail(error)

    def _take_held(self, logs: Mapping[str, Any] | None = None) -> None:
        """Record the state that was kept, if there is one."""
        held, self._held = self._held, None
        if held is None or self._closed:
            return
        epoch, weights = held
        self._snapshot(epoch, lambda: weights, logs)

    def _take_before_logs(self, epoch: float) -> None:
        """Record the state at the end of an epoch now, because what follows may raise an error."""
        self._hold(epoch)
        held, self._held = self._held, None
        if held is not None:
            # Several rates are logs, which come after those of the framework.
            self._record_state(epoch, lambda: held[1], None, self._rates[:1])
            self._awaits_logs = True
            self.flush()

    def _take_logs(self, logs: Mapping[str, Any], *, complete: bool) -> None:
        """Add what a framework logged to the state that was recorded before it, if there is one.

        Parameters
        ----------
        logs : mapping of str to float
            Everything that was logged in the epoch so far.
        complete : bool
            Whether the next epoch begins.
        """
        if self._closed or not self._awaits_logs:
            return
        self._log(logs, self._rates)
        if complete:
            self._awaits_logs, self._rates = False, self._rates_now()

    def _snapshot(
        self,
        epoch: float,
        weights: Callable[[], list[np.ndarray]],
        logs: Mapping[str, Any] | None,
    ) -> None:
        self._record_state(epoch, weights, logs, self._rates)
        self._rates = self._rates_now()

    def _record_state(
        self,
        epoch: float,
        weights: Callable[[], list[np.ndarray]],
        logs: Mapping[str, Any] | None,
        rates: Sequence[float],
    ) -> None:
        epoch = self._checked_epoch(epoch)
        self._take(epoch, lambda: self._live.described, weights, logs, rates)

    def _rates_now(self) -> list[float]:
        return [rate for one in self._optimizers for rate in self._describing.rates_of(one)]

    def _end(self, *, finished: bool) -> None:
        self._take_held()  # It still waits if an error occurred between two epochs.
        first_time = not self._closed
        super()._end(finished=finished)
        if self._store and first_time and finished and self._writer.ended:
            opening = self.opening_arguments
            self._evaluate(lambda: open_run(self._path, self.group, **opening).store())

    def _witness(self, epoch: float, weights: Sequence[np.ndarray]) -> Witness | None:
        return self._live.witness(epoch, weights)


def _describing() -> ModuleType:
    """Return what describes modules. Only it needs PyTorch, so that the class has a name without.

    Raises
    ------
    MissingDependencyError
        PyTorch is not installed.
    """
    try:
        from replaychart.network import torch_description
    except ImportError as error:
        message = (
            "TorchRecorder needs PyTorch: pip install 'replaychart[torch]'. "
            f"Importing it failed: {error}"
        )
        raise MissingDependencyError(message) from error
    return torch_description


def _missing(method: str, package: str, extra: str, error: ImportError) -> str:
    return (
        f"{method} needs {package}: pip install 'replaychart[{extra}]'. "
        f"Importing it failed: {error}"
    )
