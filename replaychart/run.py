"""`Run`: a recorded training run, evaluated on demand."""

import contextlib
import copy
import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from replaychart.arguments import items_of, require_at_least, require_one_of, shown
from replaychart.errors import ArgumentError, EvaluationError, ReplayChartError
from replaychart.evaluation.classification import CALIBRATION_BINS, Classification
from replaychart.evaluation.convolutions import Convolutions
from replaychart.evaluation.curves import Curves, CurvesOfOutputs
from replaychart.evaluation.dense_layers import DenseLayer, DenseLayers
from replaychart.evaluation.distributions import Distributions, Kind, Variable
from replaychart.evaluation.evaluations import Evaluations
from replaychart.evaluation.lazy_network import LazyNetwork
from replaychart.evaluation.loss_planes import Directions, LossPlanes
from replaychart.evaluation.memory import Arrays, Memory, joined_rows
from replaychart.evaluation.predictions import Predictions
from replaychart.evaluation.sample_statistics import SampleStatistics
from replaychart.evaluation.similarity import layer_similarities
from replaychart.evaluation.validation import ValidationNetwork, memory_of_validation, validation_of
from replaychart.facts.epochs import Epochs, chosen_snapshots
from replaychart.facts.inputs import number_of_points
from replaychart.facts.keys import evaluation_key
from replaychart.facts.layers import SEPARATOR
from replaychart.facts.outputs import checked_output, has_loss, of_output, output_names
from replaychart.facts.setup import Setup, setup_in_words, setup_of
from replaychart.frames.class_accuracy import class_accuracy_frame
from replaychart.frames.classification import calibration_frame, confusion_frame, roc_frame
from replaychart.frames.grid import grid_frame
from replaychart.frames.histograms import (
    MOST_BINS,
    LossScale,
    counts_frame,
    loss_edges,
    loss_scale_for,
    losses_frame,
    probability_histogram_frame,
    residual_edges,
)
from replaychart.frames.history import history_frame
from replaychart.frames.loss_plane import loss_plane_frame
from replaychart.frames.points import ABOUT_POINTS, OUTCOMES, points_frame
from replaychart.frames.samples import samples_frame
from replaychart.frames.similarity import similarity_frame
from replaychart.frames.subsets import TRAINING, VALIDATION
from replaychart.frames.tables import coordinate_names, paths_frame
from replaychart.frames.units import units_frame
from replaychart.frames.updates import updates_frame
from replaychart.planes.argument_types import (
    Features,
    PlaneName,
    Positions,
    ProjectionLike,
    SliceAt,
)
from replaychart.planes.extents import Limits
from replaychart.planes.planes import BANDS, GRID_LINES, RESOLUTION, Planes
from replaychart.planes.projections import Projection
from replaychart.storage import reader
from replaychart.storage.deepreplay import DeepReplayRun
from replaychart.storage.state import BEING_RECORDED, INTERRUPTED
from replaychart.summary import card, summary_rows
from replaychart.workers import shares, spread

if TYPE_CHECKING:
    import keras
    import torch

    from replaychart.network.rebuilding import AnyModel

State = Literal["finished", "being recorded", "interrupted", "unknown"]


class Run:
    """A recorded training run, as `open_run` returns it.

    Values are computed when they are first needed, and then kept. Values that `store` wrote to the
    file are read from there and do not need Keras. The column ``epoch`` of every frame has the
    dtype of `epochs`.

    Attributes
    ----------
    name : str
        The run's name in its file.
    epochs : numpy.ndarray of int64, shape (snapshots,)
        The recorded epochs, in increasing order. Epoch 0 is the state before training. float64 if
        snapshots were recorded within epochs: 0.25 is the state after a quarter of the first epoch.
    inputs : numpy.ndarray, shape (points, ...), or dict of str to numpy.ndarray
        The recorded points. For a model with several inputs, one array for each input, by its name
        and in the order of ``model.inputs``.
    targets : numpy.ndarray, shape (points,)
        Class numbers (int64), whether they were recorded as (points,), (points, 1) or one-hot; for
        a regression, the recorded values. If each point has several targets (labels, values, or a
        class for each position of a sequence or an image), as they were recorded, (points, ...).
    layers : list of str
        The names of the model's layers in order, without the input layers. The layers of a nested
        model come before that model, with their paths as names: ``"backbone/block3"``.
    feature_names : list of str or None
        The names of the features, if they were recorded. For several inputs, the names of all
        features in the order of `coordinates`; names that were not recorded are derived from the
        name of the input.
    planes : Planes
        Grid lines, surfaces and boundaries as arrays, for the charts.
    curves : Curves
        Losses, metrics and learning rates by name, as arrays.
    classification : Classification
        How well the predictions tell the classes apart, as arrays.
    value_distributions : Distributions
        Summaries of weights, gradients and activations by layer, as arrays.
    output_names : list of str
        The names of the model's outputs, if it has several; see `output`.
    output_name : str or None
        The output that was chosen, if the model has several.
    sample_statistics : SampleStatistics
        Confidence, variability and correctness of each point, as arrays.
    dense_layers : DenseLayers
        The dense layers at the end of the network: their weights, and how their units behave.
    convolutions : Convolutions
        The kernels of convolutions, and what they return for recorded pictures, as arrays.
    loss_planes : LossPlanes
        The loss over planes through the weights, as arrays.
    """

    planes: Planes
    classification: Classification
    curves: Curves
    value_distributions: Distributions
    sample_statistics: SampleStatistics
    _predictions: Predictions
    dense_layers: DenseLayers
    convolutions: Convolutions
    loss_planes: LossPlanes

    def __init__(
        self,
        stored: reader.StoredRun,
        *,
        model: "AnyModel | None" = None,
        custom_objects: Mapping[str, Any] | None = None,
    ) -> None:
        self._memory = Memory(stored)
        self._network = LazyNetwork(
            stored, self._memory, model=model, custom_objects=custom_objects
        )
        # Of the validation points: the run of the others. Of one of several values: that of all.
        self._training: Run | None = None
        self._of_all: Run | None = None
        self._whole = self
        self.output_names: list[str] = output_names(stored.details)
        self.output_name: str | None = None
        self._look_at(stored)
        self.name: str = stored.name
        self.epochs: NDArray[np.int64] | NDArray[np.float64] = stored.epochs
        self.inputs: np.ndarray | dict[str, np.ndarray] = (
            dict(stored.inputs) if isinstance(stored.inputs, Mapping) else stored.inputs
        )
        self.layers: list[str] = [layer.name for layer in stored.layers]
        names = stored.details.get("feature_names")
        self.feature_names: list[str] | None = names if isinstance(names, list) else None
        if isinstance(self.inputs, dict):
            self.feature_names = self.planes.feature_names()

    def _look_at(self, stored: reader.StoredRun) -> None:
        """Prepare the evaluation of a run, of one output of it, or of its validation points."""
        vars(self).pop("validation", None)  # that of the run of which this is a copy
        training = self._training
        self._stored = stored
        self._evaluations = Evaluations(stored, self._memory, self._network)
        self._predictions = Predictions(
            stored,
            self._evaluations,
            of_training=None if training is None else training._predictions,
        )
        self.planes = self._planes()
        self.value_distributions = Distributions(stored, self._evaluations)
        self.sample_statistics = SampleStatistics(
            stored.epochs, self._predictions, self._evaluations
        )
        self.dense_layers = DenseLayers(stored, self._memory, self._evaluations, self._predictions)
        self.convolutions = Convolutions(stored, self._memory, self._network, self._evaluations)
        self.loss_planes = LossPlanes(stored, self._memory, self._network, self._evaluations)
        self.classification = Classification(self._predictions)
        self.curves = Curves(
            stored,
            self._evaluations,
            self._predictions,
            self.classification,
            validation=self._curves_of_validation,
        )
        if self.output_names:
            whole = self._whole
            each = {
                name: self.curves if name == self.output_name else whole._curves_of(name)
                for name in self._outputs_with_targets()
            }
            self.curves = CurvesOfOutputs(
                whole._stored,
                whole._evaluations,
                each,
                chosen=self.output_name,
                validation=self._curves_of_validation,
            )

    def _planes(self) -> Planes:
        # What is drawn over a plane does not depend on the points, so both sets share it.
        drawn = self if self._training is None else self._training
        return Planes(
            self._stored,
            drawn._memory,
            drawn._network,
            self._evaluations,
            self._predictions,
            training=None if self._training is None else self._training.planes,
            validation=lambda: None if self.validation is None else self.validation.planes,
        )

    def _curves_of_validation(self) -> Curves | None:
        return None if self.validation is None else self.validation.curves

    def _outputs_with_targets(self) -> list[str]:
        """Return the names of the outputs that can be chosen."""
        return [name for name in self.output_names if name in self._whole._stored.targets]

    def _curves_of(self, name: str) -> Curves:
        narrowed, memory = of_output(self._stored, name), self._memory.of_output(name)
        evaluations = Evaluations(narrowed, memory, self._network.of_output(name))
        training = None if self._training is None else self._training.output(name)
        predictions = Predictions(
            narrowed, evaluations, of_training=None if training is None else training._predictions
        )
        return Curves(narrowed, evaluations, predictions, Classification(predictions))

    def refreshed(self) -> "Run":
        """Return this run with the epochs that were recorded since it was opened.

        What was evaluated is kept, and so is the network, so following a training run while it is
        recorded takes far less time than opening the run again.

        Returns
        -------
        Run
            This run itself if its recording has not changed. It cannot be used any more if it has.

        Raises
        ------
        RunFileError
            The file or the run was removed, or is damaged.

        Examples
        --------
        >>> import replaychart as rc
        >>> run = rc.open_run(rc.datasets.parabola_recording())
        >>> run.refreshed() is run
        True
        """
        whole, before = self._whole, self._whole._stored
        if isinstance(before, DeepReplayRun):
            return self  # DeepReplay writes a run when it is complete.
        stored = reader.read_run(before.path, before.name)
        continued = stored.continues(before)
        if continued and not stored.has_grown_since(before):
            return self
        run = Run(stored, model=whole._network.model, custom_objects=whole._network.custom_objects)
        if continued:
            run._memory.continue_from(whole._memory)
            run._network.continue_from(whole._network)
        return run if self.output_name is None else run.output(self.output_name)

    def output(self, name: str) -> "Run":
        """Return the run of one output, for a model that has several.

        Everything about one output (its classes, its predictions and surfaces, the losses of its
        points) is then that of this output. Weights, gradients, layers and curves are those of the
        whole model.

        Parameters
        ----------
        name : str
            One of `output_names`, with targets.

        Returns
        -------
        Run
            It shares everything that was evaluated with this run.

        Raises
        ------
        ArgumentError
            There is no such output, it was recorded without targets, or the model has only one.

        Examples
        --------
        >>> import replaychart as rc
        >>> run = rc.open_run("runs.h5", "two outputs")  # doctest: +SKIP
        >>> rc.decision_boundary(run.output("label"))  # doctest: +SKIP
        """
        whole = self._whole
        chosen = checked_output(whole._stored, name)
        one = copy.copy(whole)
        one.output_name = chosen
        one._training = None if one._training is None else one._training.output(chosen)
        one._memory = whole._memory.of_output(chosen)
        one._network = whole._network.of_output(chosen)
        one._look_at(of_output(whole._stored, chosen))
        return one

    def of_unit(self, unit: int | None) -> "Run":
        """Return the run of one of several values that the model predicts for each point.

        Its surface and its predictions are those of this value, and its targets too, if there is a
        target for each value. Of several labels, each is a class of its own, against all others.

        Parameters
        ----------
        unit : int or None
            The position of the value in the model's flattened output, counted from 0. None for the
            run itself.

        Raises
        ------
        ArgumentError
            The model predicts classes or a single number, or has fewer values.
        """
        if unit is None:
            return self
        one = copy.copy(self)
        vars(one).pop("validation", None)
        one._of_all = self
        one._training = None if self._training is None else self._training.of_unit(unit)
        one._predictions = self._predictions.of_unit(unit)
        names = self._stored.details.get("class_names")
        if one.classes and names:
            own = [f"not {names[unit]}", names[unit]]
            details = {**self._stored.details, "class_names": own}
            one._stored = dataclasses.replace(self._stored, details=details)
        one.planes = one._planes()
        return one

    def is_same_as(self, other: "Run") -> bool:
        """Return whether another object is this run as well, opened again.

        Parameters
        ----------
        other : Run
            Any run.

        Returns
        -------
        bool
            True if both show the same output, or value, of the same recording, and both its
            training points or both its validation points.
        """
        if self is other:
            return True
        known = [
            (one._stored.path, one._stored.run_id, one.name, one.output_name, len(one.epochs))
            for one in (self, other)
        ]
        of_value = self._of_all is not None or other._of_all is not None
        same_points = (self._training is None) == (other._training is None)
        return known[0] == known[1] and same_points and not of_value

    def __repr__(self) -> str:
        """Return the name, points, epochs and layers, and the state if the run is not finished."""
        layers = ", ".join(map(self._described_layer, self._outer_layers()))
        unfinished = f", {self.state}" if self.state in (BEING_RECORDED, INTERRUPTED) else ""
        points = "points" if self._training is None else "validation points"
        verified = {True: ", verified", False: ", replay differs", None: ""}[self._known_verified]
        return (
            f"Run({self.name!r}{self._described_output()}: "
            f"{number_of_points(self._stored.inputs)} {points}, epochs {self.epochs[0]:g} to "
            f"{self.epochs[-1]:g}, layers {layers}{unfinished}{verified})"
        )

    def _repr_html_(self) -> str:
        """Return a card for a notebook, from what was recorded; it does not need Keras."""
        return card(self.summary(), self._stored, self.curves)

    def _described_output(self) -> str:
        if self.output_name is not None:
            return f", output {self.output_name!r}"
        return f", outputs {', '.join(map(repr, self.output_names))}" * bool(self.output_names)

    def _outer_layers(self) -> list[str]:
        """Return the layers that are not inside of a nested model."""
        return [layer for layer in self.layers if SEPARATOR not in layer]

    def _described_layer(self, layer: str) -> str:
        inner = [one for one in self.layers if one.startswith(f"{layer}{SEPARATOR}")]
        return f"{layer!r} ({len(inner)} layers)" if inner else repr(layer)

    @property
    def _known_verified(self) -> bool | None:
        """Whether the replay agrees; None if finding out would read the file or take Keras."""
        if self._network.is_rebuilt:
            return self.verified
        return self._stored_verified if self._memory.is_read else None

    @property
    def _stored_verified(self) -> bool | None:
        """Whether the replay agreed when the run was stored; None if it was not stored."""
        if self._training is not None:
            return self._training._stored_verified
        key = evaluation_key("verified")
        if not self._memory.holds(key):
            return None
        return bool(self._memory.recall(key, range(len(self.epochs)))["values"].all())

    @property
    def state(self) -> State:
        """The state of the training run when the recording was opened.

        ``"finished"``: training ended, possibly because a callback stopped it early.
        ``"being recorded"``: training continues; open the run again to see later epochs.
        ``"interrupted"``: the process crashed or was killed, training was stopped by Ctrl-C or an
        error, or the file could no longer be written; all epochs recorded until then are complete.
        ``"unknown"``: the run was recorded by DeepReplay, or on another machine, so its state
        cannot be determined.
        """
        return cast("State", self._stored.state)

    @property
    def interrupted(self) -> bool:
        """Whether training was interrupted: `state` is ``"interrupted"``."""
        return self.state == INTERRUPTED

    @property
    def restored_epoch(self) -> float | None:
        """The epoch whose weights a callback restored when training ended.

        ``EarlyStopping(restore_best_weights=True)`` does so, for example. None if the model kept
        the weights of the last snapshot, or if it is not known: the run was not recorded by
        ``fit``, was interrupted, or ended with weights that no snapshot has. The epoch itself need
        not be recorded, if the Recorder's `every` left it out.
        """
        return _whole(self._stored.ending.restored_epoch)

    @property
    def best_epoch(self) -> float | None:
        """The epoch that ``EarlyStopping`` found to be the best; None without that callback."""
        return _whole(self._stored.ending.best_epoch)

    @property
    def verified(self) -> bool | None:
        """Whether the replay agrees with what the live model computed while it was recorded.

        A `Recorder` keeps the model's own outputs, losses and metrics for a few of the recorded
        points at the first and the last epoch. The replay must agree with them to within 1e-4 of
        their size (2e-2 for layers that compute in 16 bits). If the outputs do not, every
        evaluation raises an `EvaluationError` that says what differs and what to do; if only the
        loss or a metric does not, that one does. What cannot be evaluated at all, such as a loss
        that Keras does not know, is not compared. None if it is not known: nothing was kept (by
        `record_outputs` or DeepReplay, for example), the model cannot be evaluated, or Keras is not
        installed and the result was not stored.
        """
        stored = self._stored_verified
        if stored:
            return True
        # With custom_objects= or model=, a run that differed when it was stored may agree now.
        verified = self._network.verified
        return stored if verified is None else verified

    @property
    def differences(self) -> list[str]:
        """What the replay computes otherwise than the live model did, a sentence each.

        Empty if `verified` is True or None.
        """
        return self._network.differences

    @property
    def witnessed_epochs(self) -> list[float]:
        """The epochs at which values of the live model were kept, to compare the replay with."""
        return list(dict.fromkeys(witness.epoch for witness in self._stored.witnesses))

    @cached_property
    def validation(self) -> "Run | None":
        """The validation points, as a run of their own; None if none were recorded.

        It has the same epochs, layers and weights, and every method and chart works with it:
        ``run.validation.losses()``, ``rc.loss_histogram(run.validation)``. `inputs`, `targets` and
        all arrays of this run itself are of the training points.
        """
        if self._of_all is not None:
            every = self._of_all.validation
            return None if every is None else every.of_unit(self._predictions.unit)
        if self.output_name is not None:
            every = self._whole.validation
            return None if every is None else every.output(self.output_name)
        stored = validation_of(self._stored)
        if stored is None:
            return None
        one = copy.copy(self)
        one._whole, one._training = one, self
        one.inputs = dict(stored.inputs) if isinstance(stored.inputs, Mapping) else stored.inputs
        one._memory = memory = memory_of_validation(self._memory)
        one._network = ValidationNetwork(stored, memory, self._network)
        one._look_at(stored)
        return one

    @property
    def subsets(self) -> list["Run"]:
        """The run of the training points, and `validation` if there are such points.

        Histograms have the same bins for both, and planes the same limits.
        """
        training = self if self._training is None else self._training
        validation = self.validation if self._training is None else self
        return [training] if validation is None else [training, validation]

    @property
    def subset(self) -> str:
        """Which points these are: ``"training"``, or ``"validation"`` for `validation`."""
        return TRAINING if self._training is None else VALIDATION

    @property
    def has_model(self) -> bool:
        """Whether a model was recorded, not only its outputs (`record_outputs`)."""
        return self._stored.has_model

    @property
    def setup(self) -> str:
        """The network and its training in a few words, such as ``2-2-1, sigmoid, SGD 0.05``.

        These are the sizes of the inputs and of all layers with weights, the activations of the
        hidden layers, the optimizer and its learning rate (at the first and the last epoch, if it
        changed), as far as they are known.
        """
        return setup_in_words(self._stored)

    @property
    def hyperparameters(self) -> Setup:
        """Architecture, activations, optimizer and learning rates, for `leaderboard`."""
        return setup_of(self._stored)

    @property
    def weight_count(self) -> int | None:
        """The number of weights of the model, trainable or not; None if it is not known."""
        shapes = [variable.shape for variable in self._stored.recorded_variables]
        return sum(math.prod(shape) for shape in shapes) if shapes else None

    @property
    def multi_label(self) -> bool:
        """Whether each output is a separate yes or no, so that a point can have several labels."""
        return self._predictions.task.multi_label

    @property
    def tells_predictions(self) -> bool:
        """Whether the model's outputs for the points are stored or can be computed."""
        return self._evaluations.tells_predictions

    @property
    def batches_per_epoch(self) -> int | None:
        """The number of batches in a training epoch; None if it is not known."""
        return self._stored.details.get("steps_per_epoch")

    @property
    def targets(self) -> np.ndarray:
        """The class number of each point, shape (points,); the recorded values for a regression."""
        return self._predictions.labels

    @property
    def has_probabilities(self) -> bool:
        """Whether there is a probability of each class.

        False for a regression, and for a hinge loss, whose outputs are scores: a point belongs to
        class 1 if its score is positive, or to the class with the largest score.
        """
        return self._predictions.task.has_probabilities

    @property
    def classes(self) -> int:
        """The number of classes; 0 for a regression."""
        return self._predictions.task.classes

    def snapshots(self, epochs: Epochs) -> list[int]:
        """Return the positions of epochs in the recording.

        Parameters
        ----------
        epochs : float, slice, range, iterable of float or None
            Recorded epochs; a slice refers to positions in the attribute `epochs`; None for all.

        Returns
        -------
        list of int
            In increasing order, without duplicates.

        Raises
        ------
        ArgumentError
            An epoch was not recorded, or no epoch is left.
        """
        return chosen_snapshots(self.epochs, epochs)

    @property
    def class_names(self) -> list[str]:
        """The class names that were passed to the recorder; by default the class numbers."""
        names = self._stored.details.get("class_names")
        return list(names) if names else [str(number) for number in range(self.classes)]

    def summary(self) -> dict[str, str]:
        """Return what was recorded, in words, as notebooks and ``replaychart info`` show it.

        Nothing is evaluated, so it is quick and does not need Keras.

        Returns
        -------
        dict of str to str
            By label: ``epochs``, ``state`` (unless it is unknown), ``outputs`` (if there are
            several), ``points``, ``validation`` (if there are such points), ``classes`` (unless it
            is a regression, or an output has yet to be chosen), ``layers`` and ``curves`` (their
            last values).

        Examples
        --------
        >>> import replaychart as rc
        >>> rc.open_run(rc.datasets.parabola_recording()).summary()["layers"]
        'hidden 2, output 1'
        """
        chosen = self.output_name is not None or not self.output_names
        names = self.class_names if chosen and self.classes else []
        return summary_rows(self._stored, self.curves, self.output_names, names)

    def layer_shape(self, layer: str) -> tuple[int | None, ...] | None:
        """Return the shape of a layer's output without the batch axis.

        Parameters
        ----------
        layer : str
            One of `layers`.

        Returns
        -------
        tuple of (int or None) or None
            None for a layer of a subclassed model, whose shape is not known.
        """
        require_one_of("layer", layer, self.layers)
        return self._stored.layers[self.layers.index(layer)].output_shape

    def points(
        self,
        layer: str | None = None,
        *,
        projection: ProjectionLike | None = None,
        positions: Positions = "flatten",
        epochs: Epochs = None,
        columns: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Return the recorded points at every epoch, in the space of a layer.

        Parameters
        ----------
        layer : str, optional
            One of `layers`. Default: the inputs themselves.
        projection, positions : optional
            How to project the layer to two dimensions, as in `feature_space`. Default: no
            projection, the coordinates are the outputs of all units.
        epochs : float, slice, range or iterable of float, optional
            Only these recorded epochs; a slice refers to positions in the attribute `epochs`.
            Default: all.
        columns : sequence of str, optional
            Only these columns, in this order; nothing is evaluated for the others. Default: all.

        Returns
        -------
        pandas.DataFrame
            One row per epoch and point, sorted by epoch, subset and point: ``epoch``, ``point``
            (int64, row in `inputs`; for a validation point, in those of `validation`), ``subset``
            (str, ``"training"`` or ``"validation"``), ``target`` (as in `targets`), the coordinates
            (``x, y`` for two units, ``x`` for one, otherwise ``x1, x2, ...``; outputs of any other
            shape are flattened, and the features of several inputs are side by side, in the order
            of `feature_names`), ``prediction`` (int64, the most probable class; for a regression,
            the predicted value, or NaN if there are several), ``probability`` (float32; of class 1
            if there are two classes, otherwise of the true class; NaN for a regression and for a
            hinge loss) and ``loss`` (float32, the model's own loss for this point).

        Raises
        ------
        ArgumentError
            There is no such layer or column, or an epoch was not recorded.
        EvaluationError
            The model or its loss cannot be rebuilt.
        MissingDependencyError
            A value must be computed, but Keras is not installed.

        Examples
        --------
        >>> import replaychart as rc
        >>> run = rc.open_run(rc.datasets.parabola_recording())
        >>> list(run.points("hidden").columns)
        ['epoch', 'point', 'subset', 'target', 'x', 'y', 'prediction', 'probability', 'loss']
        """
        chosen = self.snapshots(epochs)
        if self.targets.ndim > 1:
            message = (
                f"Run {self.name!r} has targets of the shape {self.targets.shape[1:]} for each "
                "point, but the frame of points has one column for them. Use coordinates() and "
                "losses() instead."
            )
            raise EvaluationError(message)
        view = None
        if layer is not None and projection is not None:
            view = self.planes.view(layer, projection, positions)
        wanted = None if columns is None else self._checked_columns(columns, layer, view, chosen)
        subsets = [run for run in (self, self.validation) if run is not None]
        frames = [run._points_frame(layer, view, chosen, wanted) for run in subsets]
        if len(frames) == 1:
            return frames[0]
        # The sort is stable: at each epoch, the validation points come last.
        epochs_of_rows = [np.repeat(self.epochs[chosen], len(run.targets)) for run in subsets]
        order = np.argsort(np.concatenate(epochs_of_rows), kind="stable")
        return pd.concat(frames).iloc[order].reset_index(drop=True)

    def _checked_columns(
        self,
        columns: Sequence[str],
        layer: str | None,
        view: Projection | None,
        chosen: list[int],
    ) -> list[str]:
        """Return the names of columns of the frame of the points."""
        names = items_of("columns", columns, "names of columns")
        fixed = (*ABOUT_POINTS, *OUTCOMES)
        if all(name in fixed for name in names):
            return names
        units = self._points_in(layer, view, chosen[:1]).shape[-1]
        for name in names:
            require_one_of("columns", name, [*ABOUT_POINTS, *coordinate_names(units), *OUTCOMES])
        return names

    def _points_in(
        self, layer: str | None, view: Projection | None, chosen: list[int]
    ) -> np.ndarray:
        """Return the coordinates of the points, in a view that may be that of other points."""
        if layer is None or view is None:
            return self.coordinates(layer, epochs=self.epochs[chosen])
        return self.planes.coordinates(layer, chosen, view)

    def _points_frame(
        self,
        layer: str | None,
        view: Projection | None,
        chosen: list[int],
        columns: list[str] | None,
    ) -> pd.DataFrame:
        """Return the rows of the points of this run, without those of its validation points."""
        outcomes: dict[str, Callable[[list[int]], np.ndarray]] = {
            "prediction": self._predictions.decisions,
            "probability": self._predictions.probability,
            "loss": self._losses_if_any,
        }
        wanted = OUTCOMES if columns is None else columns
        has_coordinates = columns is None or set(columns) - {*ABOUT_POINTS, *OUTCOMES}
        return points_frame(
            self.epochs[chosen],
            self.targets,
            self._points_in(layer, view, chosen) if has_coordinates else None,
            {name: outcomes[name](chosen) for name in OUTCOMES if name in wanted},
            self.subset,
            columns,
        )

    def _losses_if_any(self, chosen: list[int]) -> np.ndarray:
        if self._has_loss:
            return self._evaluations.losses(chosen)
        return np.full((len(chosen), len(self.targets)), np.nan, np.float32)

    @property
    def _has_loss(self) -> bool:
        """Whether there is a loss of the points; an output of several may have none."""
        return self.output_name is None or has_loss(self._whole._stored, self.output_name)

    def samples(self, *, epochs: Epochs = None) -> pd.DataFrame:
        """Return what happened to each recorded point over the training run.

        Which points does the network learn at once, late or never, which does it forget, and which
        have a wrong label? All values are exact over the recorded snapshots; what happened between
        two of them is not known. With ``every=5`` in the recorder, for example, a point that is
        forgotten and learned again within five epochs is not counted as forgotten.

        Parameters
        ----------
        epochs : float, slice, range or iterable of float, optional
            The recorded epochs that count. Default: all after epoch 0, which is the state before
            training; or epoch 0, if it is the only one.

        Returns
        -------
        pandas.DataFrame
            One row per point: ``point`` (int64, row in `inputs`), ``subset`` (str,
            ``"training"`` or ``"validation"``), ``target`` (as in `targets`), and over the
            snapshots:

            - ``confidence`` (float64): the mean probability of the true class [1]_.
            - ``variability`` (float64): the standard deviation (population) of that probability
              [1]_.
            - ``correctness`` (float64): the share of snapshots at which the true class is
              predicted [1]_.
            - ``forgetting_events`` (Int64): how often the point is predicted correctly at one
              snapshot and wrongly at the next [2]_. A point that is never learned has none.
            - ``first_correct_epoch`` (float64): the first epoch with a correct prediction; NaN if
              there is none.
            - ``learned_epoch`` (float64): the first epoch from which on all predictions are
              correct; NaN if the last one is wrong.
            - ``margin`` (float64): the mean of the true class's logit minus the largest other
              logit, the area under the margin [3]_. Points with a wrong label have the lowest. If
              the model returns probabilities, the difference of their logarithms is the same; it
              is limited to 16.6, because float32 is not finer. With a hinge loss, it is the margin
              of the scores.
            - ``mean_loss``, ``loss_variability`` (float64): mean and standard deviation of the
              point's loss; NaN if the loss cannot be evaluated.

            For a regression, only the losses are defined, and for a hinge loss all but confidence
            and variability; the others are NaN. A prediction that is NaN is wrong.

        Raises
        ------
        ArgumentError
            An epoch was not recorded.
        EvaluationError
            The model cannot be rebuilt, or the points have several targets each.
        MissingDependencyError
            A value must be computed, but Keras is not installed.

        References
        ----------
        .. [1] S. Swayamdipta et al., "Dataset Cartography: Mapping and Diagnosing Datasets with
           Training Dynamics" (2020), https://aclanthology.org/2020.emnlp-main.746
        .. [2] M. Toneva et al., "An Empirical Study of Example Forgetting during Deep Neural
           Network Learning" (2019), https://arxiv.org/abs/1812.05159
        .. [3] G. Pleiss et al., "Identifying Mislabeled Data using the Area Under the Margin
           Ranking" (2020), https://arxiv.org/abs/2001.10528

        Examples
        --------
        >>> import replaychart as rc
        >>> samples = rc.open_run(rc.datasets.parabola_recording()).samples()
        >>> int((samples["correctness"] == 1).sum()), int(samples["learned_epoch"].isna().sum())
        (146, 0)
        """
        if self.targets.ndim > 1:
            message = (
                f"Run {self.name!r} has targets of the shape {self.targets.shape[1:]} for each "
                "point, but the frame of samples has one column for them. Use losses() instead."
            )
            raise EvaluationError(message)
        chosen = self.sample_statistics.counted if epochs is None else self.snapshots(epochs)
        frame = samples_frame(self.targets, self.sample_statistics.over(chosen), self.subset)
        if self.validation is None:
            return frame
        return pd.concat([frame, self.validation.samples(epochs=epochs)], ignore_index=True)

    def grid(
        self,
        layer: str | None = None,
        *,
        projection: ProjectionLike | None = None,
        positions: Positions = "flatten",
        xlim: Limits | None = None,
        ylim: Limits | None = None,
        lines: int = GRID_LINES,
        epochs: Epochs = None,
    ) -> pd.DataFrame:
        """Return grid lines of the input plane as a layer bends them.

        Parameters
        ----------
        layer : str, optional
            A layer with two units, or any other layer with a `projection`. Default: the inputs
            themselves, where the lines are straight.
        projection, positions : optional
            How to project the layer to two dimensions, as in `feature_space`.
        xlim, ylim : tuple of float, optional
            The rectangle that the lines divide. Default: around the recorded points, with a
            margin.
        lines : int, default 11
            Lines in each direction, at least 2.
        epochs : float, slice, range or iterable of float, optional
            Only these recorded epochs. Default: all.

        Returns
        -------
        pandas.DataFrame
            One row per vertex: ``epoch``, ``line`` (int64), ``constant`` (str, the input that is
            constant along the line, ``x`` or ``y``), ``at`` (float64, its value), ``vertex``
            (int64, counted along the line), ``x`` and ``y`` (float32, in the layer's plane).
            Vertices that are closer to a straight line than 1/2000 of the picture are left out.

        Raises
        ------
        ArgumentError
            The inputs or the layer are not two-dimensional, or an argument is invalid.

        Examples
        --------
        >>> import replaychart as rc
        >>> run = rc.open_run(rc.datasets.parabola_recording())
        >>> list(run.grid("hidden").columns)
        ['epoch', 'line', 'constant', 'at', 'vertex', 'x', 'y']
        """
        self.planes.require_grid(layer)
        xlim, ylim = self.planes.input_limits(xlim, ylim)
        paths = self.planes.grid(
            layer,
            xlim=xlim,
            ylim=ylim,
            lines=lines,
            snapshots=self.snapshots(epochs),
            view=self._view(layer, projection, positions),
        )
        return grid_frame(self.epochs, paths, xlim=xlim, ylim=ylim, lines=lines)

    def surface(
        self,
        layer: str | None = None,
        *,
        projection: ProjectionLike | None = None,
        positions: Positions = "flatten",
        features: Features | None = None,
        at: SliceAt = "median",
        unit: int | None = None,
        xlim: Limits | None = None,
        ylim: Limits | None = None,
        resolution: int = RESOLUTION,
        bands: int = BANDS,
        plane: PlaneName = "inputs",
        epochs: Epochs = None,
    ) -> pd.DataFrame:
        """Return the decision surface as filled contours.

        With two classes, the surface is the probability of class 1, or its score for a hinge loss,
        from -1 to 1. With more classes, each class
        has its own surface, the margin by which it wins: its probability minus the largest
        probability of the other classes. For a regression, the surface is the prediction, with
        `bands` levels between the smallest and the largest target. The rings of a level enclose
        the region where the surface is at or above that level. Painted over each other, from the
        lowest level to the highest, they show the surface. Of the levels that the surface exceeds
        everywhere in the rectangle, only the highest is kept.

        Parameters
        ----------
        layer : str, optional
            A layer with two units, or any other layer with a `projection`. Default: the input
            plane.
        projection, positions : optional
            How to project the layer to two dimensions, as in `feature_space`.
        features, at : optional
            A slice through inputs with more than two features, as in `decision_boundary`.
        unit : int, optional
            The value to draw, if the model predicts several for each point; see
            `decision_boundary`.
        xlim, ylim : tuple of float, optional
            The rectangle in the input plane or, with ``plane="layer"``, in the plane of the layer.
            Default: around the recorded points or, in the plane of the layer, around the points at
            all epochs; with a margin.
        resolution : int, default 100
            Lattice points along each side of the rectangle, at least 2.
        bands : int, default 10
            The number of levels of the probability: 0, 1 / bands, 2 / bands, ... With more than two
            classes, the margin has half as many levels, and one at -0.1, so that no gaps show
            between the classes.
        plane : {"inputs", "layer"}, default "inputs"
            ``"inputs"`` finds the contours in the input plane and maps them through the layer,
            vertex by vertex, so the surface fills the image of the rectangle. ``"layer"`` evaluates
            the rest of the network over the plane of the layer.
        epochs : float, slice, range or iterable of float, optional
            Only these recorded epochs. Default: all.

        Returns
        -------
        pandas.DataFrame
            One row per vertex: ``epoch``, ``class`` (int64, the class of the surface; 1 if there
            are two classes), ``level`` (float64), ``ring`` (int64, counted within the epoch),
            ``vertex`` (int64, counted along the ring; the last vertex equals the first), ``x`` and
            ``y`` (float32). Holes have the opposite orientation of the ring around them. Vertices
            that are closer to a straight line than 1/2000 of the picture are left out.

        Raises
        ------
        ArgumentError
            The inputs or the layer are not two-dimensional, or an argument is invalid.
        EvaluationError
            The model predicts several labels or values for each point, and no `unit` was chosen.

        Examples
        --------
        >>> import replaychart as rc
        >>> run = rc.open_run(rc.datasets.parabola_recording())
        >>> list(run.surface("hidden").columns)
        ['epoch', 'class', 'level', 'ring', 'vertex', 'x', 'y']
        """
        planes = self.of_unit(unit).planes
        rectangle = planes.rectangle(
            layer,
            plane=plane,
            xlim=xlim,
            ylim=ylim,
            resolution=resolution,
            bands=bands,
            view=self._view(layer, projection, positions, features, at),
        )
        paths = planes.surface(rectangle, self.snapshots(epochs))
        frame = paths_frame(self.epochs, paths).rename(columns={"path": "ring", "value": "level"})
        return frame[["epoch", "class", "level", "ring", "vertex", "x", "y"]]

    def boundary(
        self,
        layer: str | None = None,
        *,
        projection: ProjectionLike | None = None,
        positions: Positions = "flatten",
        features: Features | None = None,
        at: SliceAt = "median",
        unit: int | None = None,
        xlim: Limits | None = None,
        ylim: Limits | None = None,
        resolution: int = RESOLUTION,
        plane: PlaneName = "inputs",
        epochs: Epochs = None,
    ) -> pd.DataFrame:
        """Return the decision boundary: where the two most probable classes are equally probable.

        Parameters
        ----------
        layer, projection, positions, features, at, unit, xlim, ylim, resolution, plane, epochs
            As in `surface`.

        Returns
        -------
        pandas.DataFrame
            One row per vertex: ``epoch``, ``line`` (int64, counted within the epoch), ``vertex``
            (int64, counted along the line), ``x`` and ``y`` (float32). An epoch without a boundary
            in the rectangle has no rows.

        Raises
        ------
        ArgumentError, EvaluationError
            As in `surface`.

        Examples
        --------
        >>> import replaychart as rc
        >>> run = rc.open_run(rc.datasets.parabola_recording())
        >>> list(run.boundary().columns)
        ['epoch', 'line', 'vertex', 'x', 'y']
        """
        planes = self.of_unit(unit).planes
        rectangle = planes.rectangle(
            layer,
            plane=plane,
            xlim=xlim,
            ylim=ylim,
            resolution=resolution,
            view=self._view(layer, projection, positions, features, at),
        )
        paths = planes.boundary(rectangle, self.snapshots(epochs))
        frame = paths_frame(self.epochs, paths).rename(columns={"path": "line"})
        return frame[["epoch", "line", "vertex", "x", "y"]]

    def _view(
        self,
        layer: str | None,
        projection: ProjectionLike | None,
        positions: Positions,
        features: Features | None = None,
        at: SliceAt = "median",
    ) -> Projection | None:
        if layer is None:
            return None if features is None else self.planes.slice(features, at)
        return None if projection is None else self.planes.view(layer, projection, positions)

    def history(self, *, classification: bool = False) -> pd.DataFrame:
        """Return losses, metrics and learning rates over the epochs.

        Parameters
        ----------
        classification : bool, default False
            Whether to add, for a classifier, how well it separates the classes, as scikit-learn
            defines it: ``auc`` (the area under the ROC curve), ``average_precision``, ``f1``, and
            ``ece`` (the expected calibration error, in 10 bins; only if there are probabilities).
            With more than two classes, each of the first three is the mean over the classes (one
            against all others). If the model has a metric of the same name, it is that metric.
            `loss_and_metric` draws them without being asked to add them.

        Returns
        -------
        pandas.DataFrame
            One row per epoch, source and name: ``epoch``, ``source`` (str), ``name`` (str) and
            ``value`` (float64).

            The source ``training`` has the values that Keras reported at the end of the epoch: the
            loss and the metrics, which are running averages over the epoch, the ``val_*`` values,
            and the ``learning_rate`` at the start of the epoch. For a snapshot within an epoch, it
            has the values reported up to that point and the learning rate of the last batch.

            The source ``replay`` has the values of the snapshot over the recorded points, including
            epoch 0: ``loss`` (the mean of the points' losses, without regularization), ``loss with
            regularization`` (with what the model adds to it through regularizers or ``add_loss``,
            as ``evaluate`` reports it; only if it adds anything), every metric that the model was
            compiled with (those in ``weighted_metrics=`` use the class or sample weights of the
            recorder), and ``accuracy`` if there are classes. If validation points were recorded,
            the same values over these follow, as ``val_loss``, ``val_accuracy`` and so on, also at
            epoch 0 and with the weights of the snapshot. The difference to the values without
            ``val_`` is the gap.

            Values that were not logged have no row. Values that cannot be replayed have no row
            either, and a warning says why.

        Warns
        -----
        UserWarning
            The model, its loss or a metric cannot be evaluated. The values that Keras reported are
            still returned.

        Examples
        --------
        >>> import replaychart as rc
        >>> history = rc.open_run(rc.datasets.parabola_recording()).history()
        >>> sorted(history["name"].unique())
        ['acc', 'accuracy', 'learning_rate', 'loss']
        """
        logged = {
            name: self.curves.values(name, source="training")
            for name in self.curves.names("training")
        }
        replayed = self.curves.replayed(on_request=classification)
        sources = {"training": logged, "replay": replayed}
        return history_frame(self.epochs, sources)

    def probabilities(self, *, epochs: Epochs = None) -> NDArray[np.float32]:
        """Return the probability of each class for each point at every epoch.

        Parameters
        ----------
        epochs : float, slice, range or iterable of float, optional
            Only these recorded epochs. Default: all.

        Returns
        -------
        numpy.ndarray of float32, shape (epochs, points, classes)

        Raises
        ------
        EvaluationError
            The run predicts numbers or scores, not probabilities.

        Examples
        --------
        >>> import replaychart as rc
        >>> rc.open_run(rc.datasets.parabola_recording()).probabilities().shape
        (151, 2000, 2)
        """
        return self._predictions.probabilities(self.snapshots(epochs))

    def point_probabilities(self, *, epochs: Epochs = None) -> NDArray[np.float32]:
        """Return one probability for each point at every epoch, as shown in the charts.

        Parameters
        ----------
        epochs : float, slice, range or iterable of float, optional
            Only these recorded epochs. Default: all.

        Returns
        -------
        numpy.ndarray of float32, shape (epochs, points)
            The probability of class 1 if there are two classes, otherwise of the true class; NaN
            for a regression and for a hinge loss, whose outputs are scores.

        Examples
        --------
        >>> import replaychart as rc
        >>> rc.open_run(rc.datasets.parabola_recording()).point_probabilities().shape
        (151, 2000)
        """
        return self._predictions.probability(self.snapshots(epochs))

    def wrong(self, *, epochs: Epochs = None) -> NDArray[np.bool_]:
        """Return which points are predicted as another class than their own.

        Parameters
        ----------
        epochs : float, slice, range or iterable of float, optional
            Only these recorded epochs. Default: all.

        Returns
        -------
        numpy.ndarray of bool, shape (epochs, points)
            False where the model's output is NaN or infinite, because nothing is predicted there.

        Raises
        ------
        EvaluationError
            The run does not predict one class for each point.

        Examples
        --------
        >>> import replaychart as rc
        >>> run = rc.open_run(rc.datasets.parabola_recording())
        >>> int(run.wrong(epochs=36).sum())
        258
        """
        self._predictions.require_classes()
        chosen = self.snapshots(epochs)
        outputs = self._predictions.outputs(chosen)
        known = np.isfinite(outputs).reshape(*outputs.shape[:2], -1).all(axis=2)
        return known & (self._predictions.decisions(chosen) != self.targets)

    def outputs(self, *, epochs: Epochs = None) -> NDArray[np.float32]:
        """Return the model's outputs for each point at every epoch, as the model returns them.

        Parameters
        ----------
        epochs : float, slice, range or iterable of float, optional
            Only these recorded epochs. Default: all.

        Returns
        -------
        numpy.ndarray of float32, shape (epochs, points, ...)

        Examples
        --------
        >>> import replaychart as rc
        >>> rc.open_run(rc.datasets.parabola_recording()).outputs().shape
        (151, 2000, 1)
        """
        return self._predictions.outputs(self.snapshots(epochs))

    def residuals(self, *, epochs: Epochs = None) -> NDArray[np.float32]:
        """Return the predicted values minus the targets, for each point at every epoch.

        Parameters
        ----------
        epochs : float, slice, range or iterable of float, optional
            Only these recorded epochs. Default: all.

        Returns
        -------
        numpy.ndarray of float32, shape (epochs, points) or (epochs, points, ...)
            The first shape if one value is predicted for each point, otherwise the shape of the
            model's output.

        Raises
        ------
        EvaluationError
            The targets are classes or labels, not numbers, or there are not as many as outputs.
        """
        residuals = self._predictions.residuals(self.snapshots(epochs))
        return residuals[..., 0] if residuals.shape[2:] == (1,) else residuals

    def losses(self, *, epochs: Epochs = None) -> NDArray[np.float32]:
        """Return the model's own loss for each point at every epoch.

        The loss is multiplied by the point's weight if the recorder was given class or sample
        weights, and by the weight of the loss if the model was compiled with ``loss_weights=``. If
        a mask excludes steps of sequences, points with more steps have a larger weight, as in
        Keras. If Keras computes a loss as a single number for a batch (for example "dice", or a
        function that returns a mean), each point is evaluated as a batch of one. The mean over the
        points can then differ from the loss that Keras reports.

        Parameters
        ----------
        epochs : float, slice, range or iterable of float, optional
            Only these recorded epochs. Default: all.

        Returns
        -------
        numpy.ndarray of float32, shape (epochs, points)

        Examples
        --------
        >>> import replaychart as rc
        >>> rc.open_run(rc.datasets.parabola_recording()).losses().shape
        (151, 2000)
        """
        return self._evaluations.losses(self.snapshots(epochs))

    def coordinates(self, layer: str | None = None, *, epochs: Epochs = None) -> np.ndarray:
        """Return the coordinates of the points in the space of a layer.

        Parameters
        ----------
        layer : str, optional
            One of `layers`. Default: the inputs themselves.
        epochs : float, slice, range or iterable of float, optional
            Only these recorded epochs. Default: all.

        Returns
        -------
        numpy.ndarray, shape (epochs, points, units)
            float32. For the inputs, a read-only view in their own dtype that repeats them for every
            epoch. Outputs with more than one axis are flattened, and the features of several inputs
            are side by side.

        Examples
        --------
        >>> import replaychart as rc
        >>> rc.open_run(rc.datasets.parabola_recording()).coordinates("hidden").shape
        (151, 2000, 2)
        """
        chosen = self.snapshots(epochs)
        if layer is None:
            return np.broadcast_to(self.planes.inputs, (len(chosen), *self.planes.inputs.shape))
        require_one_of("layer", layer, self.layers)
        outputs = self._evaluations.outputs(layer, chosen)
        return outputs.reshape(*outputs.shape[:2], -1)

    def class_accuracy(self, *, epochs: Epochs = None) -> pd.DataFrame:
        """Return the accuracy over the points of each class.

        Parameters
        ----------
        epochs : float, slice, range or iterable of float, optional
            Only these recorded epochs. Default: all.

        Returns
        -------
        pandas.DataFrame
            One row per epoch and class: ``epoch``, ``target``, ``points``, ``correct`` (int64, how
            many points the class has, and how many of them are predicted as this class) and
            ``accuracy`` (float64, NaN for a class without points). A point whose output is NaN or
            infinite is not correct.

        Raises
        ------
        EvaluationError
            The run does not predict one class for each point.

        Examples
        --------
        >>> import replaychart as rc
        >>> accuracy = rc.open_run(rc.datasets.parabola_recording()).class_accuracy()
        >>> accuracy.query("epoch == 150")["correct"].tolist()
        [1000, 1000]
        """
        self._predictions.require_classes()
        chosen = self.snapshots(epochs)
        outputs = self._predictions.outputs(chosen)
        known = np.isfinite(outputs).reshape(*outputs.shape[:2], -1).all(axis=2)
        return class_accuracy_frame(
            self.epochs[chosen],
            self.targets,
            known & (self._predictions.decisions(chosen) == self.targets),
            classes=self.classes,
        )

    def probability_histogram(self, *, bins: int = 10, epochs: Epochs = None) -> pd.DataFrame:
        """Return a histogram of the points' probabilities, by true class and correctness.

        It is the probability of class 1 if there are two classes, otherwise of the true class.

        Parameters
        ----------
        bins : int, default 10
            The number of bins between 0 and 1, at most 1,000.
        epochs : float, slice, range or iterable of float, optional
            Only these recorded epochs. Default: all.

        Returns
        -------
        pandas.DataFrame
            One row per epoch, class, correctness and bin: ``epoch``, ``target`` (int64),
            ``correct`` (bool, whether the prediction equals the target), ``bin_start``, ``bin_end``
            (float64) and ``count`` (int64). NaN is not counted.

        Raises
        ------
        EvaluationError
            The run predicts numbers or scores, not probabilities.

        Examples
        --------
        >>> import replaychart as rc
        >>> counts = rc.open_run(rc.datasets.parabola_recording()).probability_histogram()
        >>> int(counts.query("epoch == 0")["count"].sum())
        2000
        """
        require_at_least("bins", bins, 1, most=MOST_BINS)
        self._predictions.require_probabilities()
        chosen = self.snapshots(epochs)
        return probability_histogram_frame(
            self.epochs[chosen],
            self._predictions.probability(chosen),
            self.targets,
            self._predictions.decisions(chosen) == self.targets,
            classes=self.classes,
            bins=int(bins),
        )

    def roc(self, *, epochs: Epochs = None) -> pd.DataFrame:
        """Return how many points each threshold takes for a class, rightly and wrongly.

        These are the curves of `roc`: ROC and precision-recall. The points are ranked by their
        probability, or by their score for a hinge loss, and all of them have the same weight. Of
        two classes, there are the curves of class 1; of more, those of each class against all
        others.

        Parameters
        ----------
        epochs : float, slice, range or iterable of float, optional
            Only these recorded epochs. Default: all.

        Returns
        -------
        pandas.DataFrame
            One row per epoch, class and threshold: ``epoch``, ``class`` (int64), ``threshold``
            (float64, infinity and then every different score, in decreasing order),
            ``false_positive_rate``, ``true_positive_rate`` (the recall) and ``precision``
            (float64). The rates are NaN if they are shares of no points. An epoch has no rows for a
            class with scores that are NaN or infinite.

        Raises
        ------
        EvaluationError
            The run does not predict one class for each point.

        Examples
        --------
        >>> import replaychart as rc
        >>> rates = rc.open_run(rc.datasets.parabola_recording()).roc(epochs=150)
        >>> rates[["true_positive_rate", "precision"]].iloc[0].tolist()
        [0.0, 1.0]
        """
        chosen = self.snapshots(epochs)
        curves = self.classification.ranking_curves(chosen)
        return roc_frame(self.epochs[chosen], self.classification.ranked_classes, curves)

    def confusion(
        self, *, normalize: Literal["true", "pred"] | None = None, epochs: Epochs = None
    ) -> pd.DataFrame:
        """Return how many points of each class are taken for each class.

        Parameters
        ----------
        normalize : {None, "true", "pred"}, default None
            Whether to add a column with the share among the points of the same true class, or among
            those with the same prediction.
        epochs : float, slice, range or iterable of float, optional
            Only these recorded epochs. Default: all.

        Returns
        -------
        pandas.DataFrame
            One row per epoch and pair of classes: ``epoch``, ``target``, ``prediction``, ``count``
            (int64) and, with `normalize`, ``share`` (float64; 0 if there are no such points).

        Raises
        ------
        ArgumentError
            `normalize` is something else, or an epoch was not recorded.
        EvaluationError
            The run does not predict one class for each point.

        Examples
        --------
        >>> import replaychart as rc
        >>> counts = rc.open_run(rc.datasets.parabola_recording()).confusion(epochs=150)
        >>> counts.pivot(index="target", columns="prediction", values="count").shape
        (2, 2)
        """
        require_one_of("normalize", normalize, [None, "true", "pred"])
        chosen = self.snapshots(epochs)
        return confusion_frame(
            self.epochs[chosen], self.classification.confusion(chosen), normalize
        )

    def calibration(self, *, bins: int = CALIBRATION_BINS, epochs: Epochs = None) -> pd.DataFrame:
        """Return how often predictions come true, by their probability.

        With two classes, it is the probability of class 1, which comes true for the points of class
        1. With more, it is the probability of the predicted class, which comes true if it is the
        true class.

        Parameters
        ----------
        bins : int, default 10
            The number of equally wide bins between 0 and 1, at most 1,000.
        epochs : float, slice, range or iterable of float, optional
            Only these recorded epochs. Default: all.

        Returns
        -------
        pandas.DataFrame
            One row per epoch and bin: ``epoch``, ``bin_start``, ``bin_end`` (float64), ``count``
            (int64), ``predicted`` (float64, the mean probability) and ``observed`` (float64, the
            share that came true); NaN for an empty bin. A bin includes its upper edge, as in
            scikit-learn's ``calibration_curve``. Probabilities that are NaN are not counted.

        Raises
        ------
        EvaluationError
            The run predicts numbers or scores, not probabilities.

        Examples
        --------
        >>> import replaychart as rc
        >>> bins = rc.open_run(rc.datasets.parabola_recording()).calibration(epochs=150)
        >>> int(bins["count"].sum())
        2000
        """
        require_at_least("bins", bins, 1, most=MOST_BINS)
        chosen = self.snapshots(epochs)
        found = self.classification.calibration(chosen, int(bins))
        return calibration_frame(self.epochs[chosen], found)

    def residual_histogram(self, *, bins: int = 20, epochs: Epochs = None) -> pd.DataFrame:
        """Return a histogram of the points' residuals, with the same bins for the whole run.

        If several values are predicted for each point, all of their residuals are counted.

        Parameters
        ----------
        bins : int, default 20
            The number of bins, at most 1,000. They extend equally far on both sides of 0, up to the
            largest absolute residual.
        epochs : float, slice, range or iterable of float, optional
            Only these recorded epochs, with the bins of the whole run. Default: all.

        Returns
        -------
        pandas.DataFrame
            One row per epoch and bin: ``epoch``, ``bin_start``, ``bin_end`` (float64) and
            ``count`` (int64). Residuals that are not finite are not counted.

        Raises
        ------
        EvaluationError
            The targets are classes or labels, not numbers.
        """
        require_at_least("bins", bins, 1, most=MOST_BINS)
        residuals = self.residuals().reshape(len(self.epochs), -1)
        every = [one.residuals().ravel() for one in self.subsets]
        edges = residual_edges(np.concatenate(every), int(bins))
        chosen = self.snapshots(epochs)
        return counts_frame(self.epochs[chosen], residuals[chosen], edges)

    def loss_histogram(
        self, *, bins: int = 20, scale: LossScale | None = None, epochs: Epochs = None
    ) -> pd.DataFrame:
        """Return a histogram of the points' losses, with the same bins for the whole run.

        Parameters
        ----------
        bins : int, default 20
            The number of bins, at most 1,000.
        scale : {"log", "linear", None}, default None
            ``"linear"``: bins of equal width between 0 (or the smallest loss, if it is negative)
            and the largest loss. ``"log"``: bins that look equally wide on a logarithmic axis, from
            the smallest positive to the largest loss, both rounded outwards to 1, 2 or 5 times a
            power of ten, but over at most six powers of ten; the first bin also counts all smaller
            losses, such as 0. None: ``"log"``, or ``"linear"`` if any loss is negative or none is
            positive.
        epochs : float, slice, range or iterable of float, optional
            Only these recorded epochs, with the bins of the whole run. Default: all.

        Returns
        -------
        pandas.DataFrame
            One row per epoch and bin: ``epoch``, ``bin_start``, ``bin_end`` (float64) and
            ``count`` (int64). Losses that are not finite are not counted.

        Examples
        --------
        >>> import replaychart as rc
        >>> counts = rc.open_run(rc.datasets.parabola_recording()).loss_histogram()
        >>> int(counts.query("epoch == 150")["count"].sum())
        2000
        """
        require_at_least("bins", bins, 1, most=MOST_BINS)
        require_one_of("scale", scale, [*get_args(LossScale), None])
        losses = self.losses()
        every = np.concatenate([one.losses() for one in self.subsets], axis=1)
        scale = loss_scale_for(every) if scale is None else scale
        edges = loss_edges(every, int(bins), scale)
        chosen = self.snapshots(epochs)
        return losses_frame(self.epochs[chosen], losses[chosen], edges, scale)

    def distributions(
        self,
        kind: Kind,
        *,
        layers: Sequence[str] | None = None,
        variable: Variable = "kernel",
        inputs: bool = False,
        output: bool = True,
        summary: bool = False,
        epochs: Epochs = None,
    ) -> pd.DataFrame:
        """Return the weights, gradients, activations or pre-activations of the layers.

        A layer's pre-activations are the inputs of its activation function, and its activations are
        the outputs of that function. The function can be part of the layer or a separate layer
        after it, possibly with a normalization in between. Layers run in inference mode. Gradients
        are those of the loss over all recorded points, with the loss's own reduction and the
        model's regularization.

        Parameters
        ----------
        kind : {"weights", "gradients", "activations", "pre_activations"}
            The values.
        layers : sequence of str, optional
            Layers with a kernel; for the activations of a run that was recorded from outputs, any
            recorded layers. Default: all of them.
        variable : {"kernel", "bias"}, default "kernel"
            Which weights, for weights and gradients. If a layer has several kernels, such as a
            recurrent layer, all of them are included. Embeddings count as kernels.
        inputs : bool, default False
            Whether to add the recorded points as a first layer named ``"inputs"``; for activations
            and pre-activations.
        output : bool, default True
            Whether the default `layers` include the last layer with a kernel.
        summary : bool, default False
            Whether to return one row for each epoch and layer instead of all values, of which there
            may be many.
        epochs : float, slice, range or iterable of float, optional
            Only these recorded epochs. Default: all.

        Returns
        -------
        pandas.DataFrame
            One row per value, sorted by epoch and layer: ``epoch``, ``layer`` (str),
            ``variable`` (str, the name of the weight; ``activation``, ``pre_activation`` or
            ``input``), ``point`` (int64, row in `inputs`; for weights and gradients, ``input``
            instead, the row of the kernel), ``unit`` (int64, position in the layer's flattened
            output; for weights and gradients, in the last axis of the kernel) and ``value``
            (float).

            With `summary`, one row per epoch and layer: ``epoch``, ``layer``, ``variable``,
            ``count`` (int64), ``not_finite`` (int64, how many of these are NaN or infinite),
            ``mean``, ``std`` (population), ``min``, ``q1``, ``median``, ``q3``, ``max`` (float64,
            of the finite values; NaN if there are none).

        Raises
        ------
        ArgumentError
            There is no such kind or layer, no layer has such a variable, or an epoch was not
            recorded.
        EvaluationError
            The model has no graph of layers (activations), or its loss cannot be rebuilt
            (gradients).
        MissingDependencyError
            A value must be computed, but Keras is not installed. Weights never need it.

        Examples
        --------
        >>> import replaychart as rc
        >>> run = rc.open_run(rc.datasets.parabola_recording())
        >>> run.distributions("weights", epochs=0)[["layer", "input", "unit"]].values.tolist()
        ... # doctest: +NORMALIZE_WHITESPACE
        [['hidden', 0, 0], ['hidden', 0, 1], ['hidden', 1, 0], ['hidden', 1, 1], ['output', 0, 0],
         ['output', 1, 0]]
        """
        chosen = self.snapshots(epochs)
        selection = self.value_distributions.select(
            kind, layers=layers, variable=variable, inputs=inputs, output=output
        )
        build = self.value_distributions.summary_frame
        if not summary:
            build = self.value_distributions.values_frame
        return build(selection, chosen, self.epochs[chosen])

    def updates(
        self,
        *,
        layers: Sequence[str] | None = None,
        variable: Variable = "kernel",
        output: bool = True,
        epochs: Epochs = None,
    ) -> pd.DataFrame:
        """Return how much the weights of each layer changed, in relation to their size.

        Each recorded epoch is compared with the one recorded before it: the update is the
        difference of the weights. If several batches lie between two snapshots, it is what their
        steps add up to. To get single steps, record with ``every="1 batch"``.

        Parameters
        ----------
        layers : sequence of str, optional
            Layers to include. Default: all layers with such weights.
        variable : {"kernel", "bias"}, default "kernel"
            Which of the layers' weights. If a layer has several kernels, such as a recurrent layer,
            they are taken as one vector.
        output : bool, default True
            Whether the default layers include the last one.
        epochs : float, slice, range or iterable of float, optional
            Only these recorded epochs. Default: all. The first recorded epoch has no row, because
            nothing was recorded before it.

        Returns
        -------
        pandas.DataFrame
            One row per epoch and layer: ``epoch``, ``span`` (dtype of `epochs`, how many epochs
            passed since the snapshot before), ``layer`` (str), ``variable`` (str), ``update_norm``
            (float64, the Euclidean norm of the change), ``weight_norm`` (float64, the norm of the
            weights before) and ``ratio`` (float64, the first divided by the second; infinite for
            weights that were 0, such as new biases, and NaN if they stayed 0).

        Raises
        ------
        ArgumentError
            There is no such layer, no layer has such a variable, or an epoch was not recorded.
        EvaluationError
            The weights of a layer were not recorded.

        Examples
        --------
        >>> import replaychart as rc
        >>> run = rc.open_run(rc.datasets.parabola_recording())
        >>> run.updates(layers=["hidden"], epochs=[1, 150])["ratio"].round(4).tolist()
        [0.1125, 0.0018]
        """
        chosen = [snapshot for snapshot in self.snapshots(epochs) if snapshot]
        selection = self.value_distributions.select(
            "weights", layers=layers, variable=variable, output=output
        )
        update, weight = self.value_distributions.updates(selection, chosen)
        spans = np.diff(self.epochs, prepend=self.epochs[:1])
        return updates_frame(
            self.epochs[chosen], spans[chosen], selection.layers, variable, update, weight
        )

    def dense_chain(self) -> list[DenseLayer]:
        """Return the chain of dense layers that ends with the output, in order.

        Raises
        ------
        EvaluationError
            There is none: the output is not computed by a dense layer, or no weights were recorded.
        """
        chain = self.dense_layers.chain(self.planes.continues_from)
        if not chain:
            why = "its output is not computed by a dense layer with recorded weights"
            if not self.has_model:
                why = "it was recorded from outputs, without weights"
            message = f"Run {self.name!r} has no dense layers that end with its output: {why}."
            raise EvaluationError(message)
        return chain

    def units(self, *, epochs: Epochs = None) -> pd.DataFrame:
        """Return how the units of the dense layers behave for the recorded points.

        The layers are those of the chain of dense layers that ends with the output.

        Parameters
        ----------
        epochs : float, slice, range or iterable of float, optional
            Only these recorded epochs. Default: all.

        Returns
        -------
        pandas.DataFrame
            One row per epoch, layer and unit: ``epoch``, ``layer`` (str), ``unit`` (int64, position
            in the layer), ``mean`` (float32, of the unit's output after its activation function),
            ``constant`` (bool, whether it is the same for all points: a dead unit), ``zero``
            (float64, the share of points at which it is 0) and ``saturated`` (float64, the share of
            points at which it is beyond 0.99 of the way from the middle of the activation
            function's range to an end; NaN if the function is unbounded).

        Raises
        ------
        ArgumentError
            An epoch was not recorded.
        EvaluationError
            The network has no dense layers that end with its output.

        Examples
        --------
        >>> import replaychart as rc
        >>> run = rc.open_run(rc.datasets.parabola_recording())
        >>> run.units(epochs=150)[["layer", "unit", "constant"]].values.tolist()
        [['hidden', 0, False], ['hidden', 1, False], ['output', 0, False]]
        """
        chain, chosen = self.dense_chain(), self.snapshots(epochs)
        each = self.dense_layers.statistics(chain, chosen)
        return units_frame(self.epochs[chosen], [layer.name for layer in chain], each)

    def loss_plane(
        self, directions: Directions = "path", *, seed: int = 0, resolution: int = 33
    ) -> pd.DataFrame:
        """Return the loss over a plane through the space of all weights, and the path on it.

        Parameters
        ----------
        directions : {"path", "random"}, pair of float or pair of sequence, default "path"
            What spans the plane; see `loss_landscape`.
        seed : int, default 0
            The seed of random directions.
        resolution : int, default 33
            The number of places along each side, 5 to 200.

        Returns
        -------
        pandas.DataFrame
            One row for each place of the plane, then one for each epoch of the path: ``kind`` (str,
            ``"plane"`` or ``"path"``), ``epoch`` (float64, NaN on the plane), ``x`` and ``y``
            (float64, coordinates on the plane, 0 at the last epoch), ``loss`` (float64, the mean
            loss of the recorded points there, without regularization) and ``true_loss`` (float64,
            the mean loss with the epoch's own weights; NaN on the plane).

        Raises
        ------
        ArgumentError
            An argument is invalid.
        EvaluationError
            The weights of some layers were not recorded, the loss cannot be evaluated, or the
            weights do not change.

        Examples
        --------
        >>> import replaychart as rc
        >>> run = rc.open_run(rc.datasets.parabola_recording())
        >>> plane = run.loss_plane(resolution=5)
        >>> plane["kind"].value_counts().to_dict()
        {'path': 151, 'plane': 25}
        """
        require_at_least("seed", seed, 0)
        require_at_least("resolution", resolution, 5, most=200)
        plane = self.loss_planes.plane(directions, seed=int(seed), resolution=int(resolution))
        return loss_plane_frame(self.epochs, plane)

    def similarity(
        self,
        other: "Run | None" = None,
        *,
        layers: Sequence[str] | None = None,
        epochs: Epochs = None,
    ) -> pd.DataFrame:
        """Return how similar the layers are to each other, or to those of another run.

        The number is linear CKA (centered kernel alignment) of the outputs of two layers for the
        recorded points [1]_: 1 if they are the same up to a rotation, a shift and a scale, and 0 if
        no linear function of one tells anything about the other. Outputs with more than one axis
        are flattened.

        Parameters
        ----------
        other : Run, optional
            Another run with the same points. Default: the run itself.
        layers : sequence of str, optional
            Only these layers; with `other`, of the runs that have them. Default: all.
        epochs : float, slice, range or iterable of float, optional
            Only these recorded epochs; both runs must have them. Default: all that both have.

        Returns
        -------
        pandas.DataFrame
            One row per epoch and pair of layers: ``epoch``, ``layer`` (str), ``other_layer`` (str,
            of the other run) and ``similarity`` (float64; NaN if a layer returns the same for all
            points, or something that is not finite).

        Raises
        ------
        ArgumentError
            The runs have different points or no epochs in common, or there is no such layer.
        EvaluationError
            The model cannot be rebuilt, or the recording has no layers.

        References
        ----------
        .. [1] S. Kornblith et al., "Similarity of Neural Network Representations Revisited" (2019),
           https://arxiv.org/abs/1905.00414

        Examples
        --------
        >>> import replaychart as rc
        >>> run = rc.open_run(rc.datasets.parabola_recording())
        >>> run.similarity(epochs=150).round(2)["similarity"].tolist()
        [1.0, 0.42, 0.42, 1.0]
        """
        another = self if other is None else other
        require_same_points(self, another)
        shared = self.epochs if other is None else shared_epochs(self, another)
        chosen = shared if epochs is None else self.epochs[self.snapshots(epochs)]
        rows, columns = (
            _layers_among(self, layers, another),
            _layers_among(another, layers, self),
        )
        own = [self._outputs_by_snapshot(name, chosen) for name in rows]
        theirs = (
            None
            if other is None
            else [other._outputs_by_snapshot(name, chosen) for name in columns]
        )
        values = layer_similarities(own, theirs)
        return similarity_frame(chosen, rows, columns, values)

    def _outputs_by_snapshot(self, layer: str, epochs: np.ndarray) -> Iterator[np.ndarray]:
        return self._evaluations.outputs_by_snapshot(layer, self.snapshots(epochs))

    def restore(self, model: "keras.Model | torch.nn.Module", epoch: float | None = None) -> None:
        """Set a model's weights to those of a snapshot, to continue training from there.

        The optimizer's state is not recorded: momentum, for example, starts over.

        Parameters
        ----------
        model : keras.Model or torch.nn.Module
            A built model with the recorded architecture, of the framework that recorded the run.
        epoch : float, optional
            A recorded epoch. Default: the last.

        Raises
        ------
        ArgumentError
            The epoch was not recorded, or `model` is not a model of that framework.
        EvaluationError
            The model has a different architecture, or not all weights were recorded.

        Examples
        --------
        >>> import keras
        >>> import replaychart as rc
        >>> run = rc.open_run(rc.datasets.parabola_recording())
        >>> layers = [keras.layers.Dense(units, "sigmoid") for units in (2, 1)]
        >>> model = keras.Sequential([keras.Input((2,)), *layers])
        >>> run.restore(model, epoch=15)
        """
        from replaychart.network.rebuilding import restore

        (snapshot,) = self.snapshots(self.epochs[-1].item() if epoch is None else epoch)
        restore(model, self._stored, snapshot)

    def store(self, *, layers: Sequence[str] | None = None) -> None:
        """Evaluate everything that the charts need and write it to the run's file.

        A stored run can be opened and charted on a machine without Keras, with identical values.
        Everything else that this `Run` has evaluated over all epochs is stored, too.

        If joblib is configured, for example with ``joblib.parallel_config(n_jobs=4)`` or
        ``backend="dask"``, its workers evaluate the points, each at some of the epochs. They read
        the file, which must be at the same path for all of them; this process writes.

        Parameters
        ----------
        layers : sequence of str, optional
            The layers whose outputs to store. Default: every layer with two units.

        Raises
        ------
        ArgumentError
            There is no such layer.
        RunFileError
            The file cannot be written, or is a DeepReplay file, which is never changed.

        See Also
        --------
        store_all : all runs of a file.

        Examples
        --------
        >>> import replaychart as rc
        >>> rc.open_run("runs.h5", "parabola").store()
        """
        if not self.has_model:
            return  # It has only its outputs, and they are in the file.
        self._evaluate_to_store(layers)
        self._memory.store()

    def _not_stored(
        self, layers: Sequence[str] | None = None
    ) -> dict[str, dict[str, np.ndarray]] | None:
        """Evaluate what `store` writes, and return it by key; None if all of it is in the file.

        Parameters
        ----------
        layers : sequence of str, optional
            As for `store`.
        """
        if not self.has_model:
            return None
        self._evaluate_to_store(layers)
        return self._memory.lasting() if self._memory.unsaved else None

    def _evaluate_to_store(self, layers: Sequence[str] | None) -> None:
        self._stored.require_writable()
        if layers is None:
            layers = [name for name in self.layers if self.layer_shape(name) == (2,)]
        layers = items_of("layers", layers, "names of layers")
        for layer in layers:
            require_one_of("layers", layer, self.layers)
        whole = self._whole if self._training is None else self._training._whole
        whole._evaluate_by_workers(layers)
        whole._evaluate_points(layers, range(len(self.epochs)))
        whole.curves.replayed()
        parts = whole._parts()
        for part in parts:
            part.planes.evaluate([one for one in layers if self.layer_shape(one) == (2,)])
        for part in {id(one): one for one in (whole, *parts)}.values():
            part._remember_verified()

    def _parts(self) -> list["Run"]:
        """Return the run of each output that has targets, or the run itself if it has only one."""
        return [self.output(name) for name in self._outputs_with_targets()] or [self]

    def _evaluate_points(self, layers: Sequence[str], snapshots: Sequence[int]) -> None:
        """Evaluate what `store` writes of the points: everything but the planes around them."""
        self._evaluations.losses(snapshots)
        self.curves.evaluate(snapshots)
        self.value_distributions.evaluate(snapshots)
        for part in self._parts():
            part._evaluations.predictions(snapshots)
            if part.validation is not None:
                part.validation._evaluations.predictions(snapshots)
        for layer in layers:
            self._evaluations.outputs(layer, snapshots)
        if self.validation is not None:
            self.validation._evaluations.losses(snapshots)
            for layer in layers:
                self.validation._evaluations.outputs(layer, snapshots)

    def _evaluate_by_workers(self, layers: Sequence[str]) -> None:
        """Do `_evaluate_points` with joblib's workers, if there are any: each takes some epochs."""
        every = range(len(self.epochs))
        parts = shares(every)
        if len(parts) < 2 or self._memory.holds(evaluation_key("losses")):
            return
        given = (self._stored, self._network.model, self._network.custom_objects, layers)
        found = list(spread(_points_evaluated, [(*given, part) for part in parts]))
        for key in set.intersection(*(set(one) for one in found)):
            if not self._memory.holds(key):
                self._memory.remember(key, every, joined_rows([one[key] for one in found]))

    def _remember_verified(self) -> None:
        verified = self.verified
        if verified is not None and verified != self._stored_verified:
            values = np.full(len(self.epochs), verified)
            every = range(len(self.epochs))
            self._memory.remember(evaluation_key("verified"), every, {"values": values})


def _points_evaluated(
    stored: reader.StoredRun,
    model: "AnyModel | None",
    custom_objects: Mapping[str, Any] | None,
    layers: Sequence[str],
    snapshots: Sequence[int],
) -> dict[str, Arrays]:
    """Return what `Run._evaluate_points` evaluates for some epochs, by key.

    If something cannot be evaluated, it is left out: the process that asked evaluates it again, and
    raises the error there.
    """
    run = Run(stored, model=model, custom_objects=custom_objects)
    with contextlib.suppress(ReplayChartError):
        run._evaluate_points(layers, snapshots)
    return run._memory.only_of(snapshots)


def _whole(epoch: float | None) -> float | None:
    return int(epoch) if epoch is not None and epoch.is_integer() else epoch


def require_run(run: object) -> None:
    """Raise `ArgumentError` unless `run` is a `Run`."""
    if not isinstance(run, Run):
        message = f"run must be a Run, as returned by open_run. Got {type(run).__name__}."
        raise ArgumentError(message)


def named_runs(runs: Mapping[str, Run | Sequence[Run]]) -> dict[str, list[Run]]:
    """Return the runs of each name.

    Parameters
    ----------
    runs : mapping of str to Run or sequence of Run
        A run for each name, or several runs of the same setting.

    Raises
    ------
    ArgumentError
        It is not a mapping from names to runs, or it is empty.
    """
    named = {}
    for name, given in runs.items() if isinstance(runs, Mapping) else ():
        several = given if isinstance(given, Sequence) else [given]
        if not isinstance(name, str) or not several or not all(isinstance(r, Run) for r in several):
            break
        named[name] = list(several)
    if not isinstance(runs, Mapping) or not named or len(named) < len(runs):
        message = (
            "runs must map names to runs, or to lists of runs, such as {'SGD': run_a, 'Adam': "
            f"run_b}}. Got {shown(runs)}."
        )
        raise ArgumentError(message)
    return named


def require_same_points(run: Run, other: object) -> None:
    """Raise `ArgumentError` unless `other` is a run of the same points, in the same order."""
    if not isinstance(other, Run):
        message = f"other must be a run from open_run. Got {shown(other)}."
        raise ArgumentError(message)
    one, two = run.planes.inputs, other.planes.inputs
    if one.shape != two.shape or not (one == two).all():
        message = (
            f"other must be a run with the same recorded points. Run {run.name!r} has {len(one):,} "
            f"points with {one.shape[1]:,} features each, run {other.name!r} {len(two):,} with "
            f"{two.shape[1]:,}{'' if one.shape != two.shape else ', and their values differ'}."
        )
        raise ArgumentError(message)


def shared_epochs(run: Run, other: Run) -> np.ndarray:
    """Return the epochs that two runs recorded.

    Raises
    ------
    ArgumentError
        There are none.
    """
    both = np.intersect1d(run.epochs, other.epochs)
    if not len(both):
        message = (
            f"other must be a run with some of the same recorded epochs. Runs {run.name!r} and "
            f"{other.name!r} have none in common."
        )
        raise ArgumentError(message)
    return both


def _layers_among(run: Run, layers: Sequence[str] | None, other: Run) -> list[str]:
    """Return those of the chosen layers that a run has, which is compared with another."""
    chosen = run.layers
    if layers is not None:
        chosen = items_of("layers", layers, "names of layers")
        for name in chosen:
            require_one_of("layers", name, dict.fromkeys([*run.layers, *other.layers]))
    found = [name for name in dict.fromkeys(chosen) if name in run.layers]
    if not found:
        what = "recorded layers" if layers is None else f"layers among {list(chosen)!r}"
        message = f"Run {run.name!r} has no {what}."
        raise EvaluationError(message)
    return found
