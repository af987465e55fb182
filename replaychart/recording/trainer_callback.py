"""The callback of Hugging Face's ``Trainer`` that `TorchRecorder.for_trainer` returns."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from replaychart.recording.metric_names import renamed
from replaychart.recording.running_call import running_call

if TYPE_CHECKING:
    from replaychart.recording.torch_recorder import TorchRecorder

# What the Trainer adds to the logs itself. The optimizer's learning rates are recorded anyway.
_NOT_METRICS = ("epoch", "learning_rate", "total_flos", "step")
_MEASURED_TIME = ("_runtime", "_per_second")
_OF_THE_WHOLE_TRAINING = "train_runtime"


class RecordingTrainerCallback(TrainerCallback):
    """Lets a recorder take a snapshot after each epoch of a ``Trainer``.

    Parameters
    ----------
    recorder : TorchRecorder
    """

    def __init__(self, recorder: "TorchRecorder") -> None:
        self._recorder = recorder
        self._logged: dict[str, Any] = {}

    def on_train_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:  # noqa: ARG002
        """Record the state before training, or the one that training resumes from."""
        if state.is_world_process_zero:
            # The Trainer calls no callback if training ends with an error.
            self._recorder._begin_training(
                state.epoch or 0.0,
                given["model"],
                [given["optimizer"]],
                running=running_call("train"),
            )

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:  # noqa: ARG002
        """Start to keep what is logged in this epoch, and not in the one before it."""
        if state.is_world_process_zero:
            self._complete()

    def on_log(
        self,
        args: Any,  # noqa: ARG002
        state: Any,
        control: Any,  # noqa: ARG002
        logs: Mapping[str, Any] | None = None,
        **given: Any,  # noqa: ARG002
    ) -> None:
        """Keep what is logged in an epoch; after its end, add it to what was recorded."""
        if logs and _OF_THE_WHOLE_TRAINING not in logs:
            self._logged |= {name: value for name, value in logs.items() if _is_metric(name)}
            if state.is_world_process_zero:
                self._recorder._take_logs(renamed(self._logged), complete=False)

    def on_epoch_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:  # noqa: ARG002
        """Record the state: an evaluation that raises an error calls no callback."""
        if state.is_world_process_zero:
            self._recorder._take_before_logs(state.epoch)

    def on_train_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:  # noqa: ARG002
        """Record that the run is finished."""
        if state.is_world_process_zero:
            self._complete()
            self._recorder.close()

    def _complete(self) -> None:
        logged, self._logged = renamed(self._logged), {}
        self._recorder._take_logs(logged, complete=True)


def _is_metric(name: str) -> bool:
    return name not in _NOT_METRICS and not name.endswith(_MEASURED_TIME)
