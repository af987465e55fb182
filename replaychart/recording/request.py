"""What a user asks a `Recorder` to record, checked against a model and described for the file."""

import dataclasses
from typing import Any

import keras
import numpy as np

from replaychart.errors import ArgumentError
from replaychart.facts.snapshots import RunDescription
from replaychart.facts.task import task_of
from replaychart.network import description
from replaychart.recording.inputs import GivenInputs
from replaychart.storage import reader


@dataclasses.dataclass(frozen=True)
class Request:
    """The arguments of a `Recorder` that describe the run, checked without the model.

    Attributes
    ----------
    given : GivenInputs
        The points.
    targets : numpy.ndarray, shape (points, ...)
        Their targets.
    sample_weights : numpy.ndarray of float32, shape (points,), or None
        What the loss of each point is multiplied with.
    class_names : list of str or None
        Names of the classes.
    layers : list of str or None
        Record only the weights of these layers; None for all.
    loss : str, keras.losses.Loss, callable or None
        Replaces the compiled loss.
    """

    given: GivenInputs
    targets: np.ndarray
    sample_weights: np.ndarray | None
    class_names: list[str] | None
    layers: list[str] | None
    loss: Any

    def checked(self, model: keras.Model, steps: int | None) -> RunDescription:
        """Return the run's description without the architecture, which takes longest.

        Parameters
        ----------
        model : keras.Model
            A built model.
        steps : int or None
            Batches per epoch.

        Raises
        ------
        ArgumentError, RecordingError
            The request does not fit the model.
        """
        description.check_recordable(model, loss=self.loss)
        described = self._without_architecture(model, steps)
        description.check_class_names(model, self.class_names)
        description.check_layers(model, self.layers)
        description.check_targets(model, self.targets, reader.loss_of(described.compile_config))
        self._check_task(described)
        return described

    def description(self, model: keras.Model, steps: int | None) -> RunDescription:
        """Return the run's description.

        Parameters
        ----------
        model : keras.Model
            A model that `checked` has accepted.
        steps : int or None
            Batches per epoch.
        """
        return dataclasses.replace(
            self._without_architecture(model, steps),
            architecture=description.architecture_of(model),
        )

    def _without_architecture(self, model: keras.Model, steps: int | None) -> RunDescription:
        recorded = self.given.for_model(model)
        return RunDescription(
            inputs=recorded.inputs,
            targets=self.targets,
            architecture=description.NOTHING,
            compile_config=description.compile_config_of(model, loss=self.loss),
            layers=description.layers_of(model),
            details=description.details_of(
                model,
                feature_names=recorded.feature_names,
                class_names=self.class_names,
                steps_per_epoch=steps,
                inputs_in_a_list=recorded.in_a_list,
            ),
            variables=description.variables_of(model, self.layers),
            sample_weights=self.sample_weights,
        )

    def _check_task(self, described: RunDescription) -> None:
        """Raise `ArgumentError` if classes are named for a regression."""
        shape = described.details["output_shape"]
        if self.class_names is None or not isinstance(shape, tuple) or len(shape) > 1:
            return
        task = task_of(described, shape)
        if not task.classes and not task.multi_label:
            message = (
                "class_names must be None for a regression, and this is one according to its "
                "targets, loss and output activation. Targets of a classification are class "
                f"numbers from 0 or one-hot vectors. Got {self.class_names!r}."
            )
            raise ArgumentError(message)
