"""The callback of PyTorch Lightning that `TorchRecorder.for_lightning` returns."""

from typing import TYPE_CHECKING, Any

try:
    from lightning.pytorch import Callback
except ImportError:
    from pytorch_lightning import Callback

from replaychart.recording.metric_names import renamed

if TYPE_CHECKING:
    from replaychart.recording.torch_recorder import TorchRecorder


class LightningCallback(Callback):
    """Lets a recorder take a snapshot after each epoch of a Lightning ``Trainer``.

    Parameters
    ----------
    recorder : TorchRecorder
    """

    def __init__(self, recorder: "TorchRecorder") -> None:
        self._recorder = recorder
        self._metrics: dict[str, Any] = {}
        self._batch = -1

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Record the state before training, or the one that training resumes from."""
        if not trainer.is_global_zero:
            return
        share = _share_of_the_batches(trainer)
        # Not `current_epoch`, which may count an epoch less if a checkpoint was restored. After an
        # epoch's last batch, the epoch itself is counted.
        epochs = trainer.fit_loop.epoch_progress.current.processed
        epoch = epochs + (share if share < 1 else 0)
        self._metrics = dict(trainer.callback_metrics)
        self._batch = trainer.fit_loop.epoch_loop.total_batch_idx
        self._recorder._begin_training(epoch, pl_module, trainer.optimizers)

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002
        """Record the epoch before this one, now that everything of it is logged."""
        if trainer.is_global_zero:
            self._recorder._take_held(self._logged(trainer))

    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002
        """Keep the state that is validated: an error in validation ends the epoch without its end.

        Other callbacks may set other weights during validation only, such as averages.
        """
        if trainer.is_global_zero and not trainer.sanity_checking:
            self._hold_trained(trainer)

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002
        """Keep the state; the module and other callbacks may still log metrics."""
        batch = trainer.fit_loop.epoch_loop.total_batch_idx
        # After restoring a checkpoint, Lightning may end an epoch in which it did not train.
        if trainer.is_global_zero and batch != self._batch:
            self._batch = batch
            self._recorder._hold(trainer.current_epoch + _share_of_the_batches(trainer))

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002
        """Record the last epoch, and that the run is finished."""
        if trainer.is_global_zero:
            self._recorder._take_held(self._logged(trainer))
            self._recorder.close()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:  # noqa: ARG002
        """Record that the run is interrupted, after the last epoch whose batches have passed."""
        if trainer.is_global_zero and self._recorder.begun:
            # Before the end of an epoch, the means over its batches are not known.
            ended = trainer.fit_loop.epoch_loop.total_batch_idx == self._batch
            if not self._recorder._holds:
                self._hold_trained(trainer)
            self._recorder._take_held(self._logged(trainer) if ended else None)
            self._recorder._end(finished=False)

    def _hold_trained(self, trainer: Any) -> None:
        """Keep the state after an epoch's last batch, unless `on_train_epoch_end` did."""
        loop = trainer.fit_loop.epoch_loop
        batches = loop.batch_progress
        done = batches.is_last_batch and batches.current.completed == batches.current.ready
        if done and loop.total_batch_idx != self._batch:
            self._recorder._hold(trainer.current_epoch + _share_of_the_batches(trainer))

    def _logged(self, trainer: Any) -> dict[str, Any]:
        """Return what was logged since the last time."""
        metrics = dict(trainer.callback_metrics)
        # Lightning keeps metrics of earlier epochs, such as those of the last validation. A metric
        # that was logged again is another tensor.
        new = {
            name: value for name, value in metrics.items() if value is not self._metrics.get(name)
        }
        self._metrics = metrics
        return renamed({name: value for name, value in new.items() if not _repeats(name, metrics)})


def _repeats(name: str, metrics: dict[str, Any]) -> bool:
    """Return whether an entry is part of another one, which was logged by step and by epoch."""
    base = name.removesuffix("_step").removesuffix("_epoch")
    return name != base and {base, f"{base}_step", f"{base}_epoch"} <= metrics.keys()


def _share_of_the_batches(trainer: Any) -> float:
    """Return which share of an epoch's batches has passed; training may stop within an epoch."""
    passed, batches = trainer.fit_loop.epoch_loop.batch_idx + 1, trainer.num_training_batches
    # Lightning does not know how many there are if the training data does not say it.
    known = 0 < batches < float("inf")
    return min(passed / batches, 1.0) if known else float(passed > 0)
