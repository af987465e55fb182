"""What a user asks a `Recorder` to record, checked against a model and described for the file."""

import dataclasses
from typing import Any

import keras
import numpy as np

from replaychart.errors import ArgumentError
from replaychart.facts.outputs import OUTPUTS, of_output, output_names
from replaychart.facts.snapshots import RunDescription
from replaychart.facts.task import task_of
from replaychart.network import description
from replaychart.recording.inputs import GivenInputs
from replaychart.recording.targets import GivenTargets
from replaychart.recording.validation import (
    TARGETS,
    GivenValidation,
    check_classes,
    validation_like,
)
from replaychart.storage import reader


@dataclasses.dataclass(frozen=True)
class Request:
    """The arguments of a `Recorder` that describe the run, checked without the model.

    Attributes
    ----------
    given : GivenInputs
        The points.
    targets : GivenTargets
        Their targets, what the loss of each point is multiplied with, and names of the classes.
    layers : list of str or None
        Record only the weights of these layers; None for all.
    loss : str, keras.losses.Loss, callable or None
        Replaces the compiled loss.
    validation : GivenValidation or None
        The validation points.
    """

    given: GivenInputs
    targets: GivenTargets
    layers: list[str] | None
    loss: Any
    validation: GivenValidation | None = None

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
        description.check_layers(model, self.layers)
        names = output_names(described.details)
        description.check_loss_of_outputs(self.loss, names)
        if not names:
            self._check(described, "y", "class_names")
        for name in described.targets if names else ():
            self._check(
                of_output(described, name), f"y[{name!r}]", f"class_names[{name!r}]", f"[{name!r}]"
            )
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
        details = description.details_of(
            model,
            feature_names=recorded.feature_names,
            class_names=None,
            steps_per_epoch=steps,
            inputs_in_a_list=recorded.in_a_list,
        )
        described = RunDescription(
            inputs=recorded.inputs,
            targets={},
            architecture=description.NOTHING,
            compile_config=description.compile_config_of(model, loss=self.loss),
            layers=description.layers_of(model),
            details=details,
            variables=description.variables_of(model, self.layers),
            sample_weights=self.targets.sample_weights,
        )
        names = description.names_of_outputs(model, described)
        if not names:
            one = self.targets.of_one()
            described = dataclasses.replace(
                described,
                targets=one.targets,
                sample_weights=one.sample_weights,
                details={**details, "class_names": one.class_names},
            )
        else:
            given = self.targets.of_several(names)
            outputs = description.outputs_of(model, names, given.class_names)
            described = dataclasses.replace(
                described, targets=given.targets, details={**details, OUTPUTS: outputs}
            )
        return self._with_validation(described, model, names)

    def _with_validation(
        self, described: RunDescription, model: keras.Model, outputs: list[str]
    ) -> RunDescription:
        """Return a description with the validation points, if there are any."""
        if self.validation is None:
            return described
        own = self.validation.targets
        points = validation_like(
            self.validation.given.for_model(model).inputs,
            (own.of_several(outputs) if outputs else own.of_one()).targets,
            recorded=described.inputs,
            of_recorded=described.targets,
        )
        return dataclasses.replace(described, validation=points)

    def _check(
        self, described: RunDescription, targets: str, class_names: str, output: str = ""
    ) -> None:
        """Raise `ArgumentError` unless targets and class names fit the loss of an output.

        Parameters
        ----------
        described : RunDescription
            The run of this output.
        targets, class_names : str
            What errors call them.
        output : str, default ""
            What errors call the output, after the name of an argument.
        """
        shape: Any = described.details["output_shape"]
        names: Any = described.details["class_names"]
        loss = reader.loss_of(described.compile_config)
        description.check_class_names(shape, names, class_names)
        description.check_targets(shape, np.asarray(described.targets), loss, targets)
        if described.validation is not None:
            own = np.asarray(described.validation.targets)
            description.check_targets(shape, own, loss, f"{TARGETS}{output}")
            check_classes(described, f"{TARGETS}{output}")
        if names is None or not isinstance(shape, tuple) or len(shape) > 1:
            return
        task = task_of(described, shape)
        if not task.classes and not task.multi_label:
            message = (
                f"{class_names} must be None for a regression, and this is one according to its "
                "targets, loss and output activation. Targets of a classification are class "
                f"numbers from 0 or one-hot vectors. Got {names!r}."
            )
            raise ArgumentError(message)
