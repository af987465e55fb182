"""`Run`: a recorded training, evaluated when something is asked of it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from replaychart.arguments import items_of, require_at_least, require_one_of
from replaychart.errors import ArgumentError, EvaluationError
from replaychart.evaluation.curves import Curves
from replaychart.evaluation.distributions import Distributions, Kind, Variable
from replaychart.evaluation.evaluations import Evaluations
from replaychart.evaluation.lazy_network import LazyNetwork
from replaychart.evaluation.memory import Memory
from replaychart.evaluation.predictions import Predictions
from replaychart.facts.epochs import Epochs, chosen_snapshots
from replaychart.frames.grid import grid_frame
from replaychart.frames.histograms import (
    MOST_BINS,
    counts_frame,
    loss_edges,
    probability_histogram_frame,
    residual_edges,
)
from replaychart.frames.history import history_frame
from replaychart.frames.points import points_frame
from replaychart.frames.tables import paths_frame
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
from replaychart.storage.state import BEING_RECORDED, INTERRUPTED

if TYPE_CHECKING:
    import keras

State = Literal["finished", "being recorded", "interrupted", "unknown"]


class Run:
    """A recorded training. `open_run` makes it.

    Nothing is computed before it is asked for, and nothing is computed twice. What `store` wrote
    into the file is read from there and needs no Keras. The column ``epoch`` of every frame has
    the dtype of `epochs`.

    Attributes
    ----------
    name : str
        The run's name in its file.
    epochs : numpy.ndarray of int64, shape (snapshots,)
        The recorded epochs, rising. Epoch 0 is the state before training. float64 if snapshots
        within epochs were recorded: 0.25 is the state after a quarter of the first.
    inputs : numpy.ndarray, shape (points, ...), or dict of str to numpy.ndarray
        The recorded points. Of a model with several inputs one array for each, by the input's name,
        in the order of ``model.inputs``.
    targets : numpy.ndarray, shape (points,)
        Class numbers (int64), whether they were recorded as (points,), (points, 1) or one-hot;
        for a regression the recorded numbers. As they were recorded, (points, ...), where a point
        has several: labels, numbers, or a class for each position of a sequence or an image.
    layers : list of str
        Names of the model's layers in their order, inputs left out.
    feature_names : list of str or None
        The features' names, if they were recorded. Of several inputs the names of all features,
        side by side as `coordinates` has them; where none were recorded, by the input's name.
    planes : Planes
        Grid lines, surfaces and boundaries as arrays: what chart builders draw.
    curves : Curves
        Losses, metrics and learning rates by name, as arrays.
    value_distributions : Distributions
        Weights, gradients and activations summarized by layer, as arrays.
    """

    def __init__(
        self,
        stored: reader.StoredRun,
        *,
        model: "keras.Model | None" = None,
        custom_objects: Mapping[str, Any] | None = None,
    ) -> None:
        self._stored = stored
        self._memory = Memory(stored)
        self._network = LazyNetwork(
            stored, self._memory, model=model, custom_objects=custom_objects
        )
        self._evaluations = Evaluations(stored, self._memory, self._network)
        self._predictions = Predictions(stored, self._evaluations)
        self.planes: Planes = Planes(
            stored, self._memory, self._network, self._evaluations, self._predictions
        )
        self.curves: Curves = Curves(stored, self._evaluations, self._predictions)
        self.value_distributions: Distributions = Distributions(stored, self._evaluations)
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

    def __repr__(self) -> str:
        """Return name, points, epochs and layers, and whether the run is not finished."""
        layers = ", ".join(repr(layer) for layer in self.layers)
        unfinished = f", {self.state}" if self.state in (BEING_RECORDED, INTERRUPTED) else ""
        return (
            f"Run({self.name!r}: {len(self._stored.targets)} points, epochs {self.epochs[0]:g} to "
            f"{self.epochs[-1]:g}, layers {layers}{unfinished})"
        )

    @property
    def state(self) -> State:
        """What the training was doing when the run was opened.

        ``"finished"``: it came to its end, also where a callback stopped it early.
        ``"being recorded"``: it goes on; open the run again to see more. ``"interrupted"``: it
        died, was killed, was stopped by Ctrl-C or an error, or the file could not be written any
        more; what was recorded until then is whole. ``"unknown"``: an older version of replaychart,
        DeepReplay, or another machine recorded it, which does not tell.
        """
        return cast("State", self._stored.state)

    @property
    def interrupted(self) -> bool:
        """Whether the training did not come to its end: `state` is ``"interrupted"``."""
        return self.state == INTERRUPTED

    @property
    def has_model(self) -> bool:
        """Whether a model was recorded, and not its outputs alone (`record_outputs`)."""
        return self._stored.has_model

    @property
    def multi_label(self) -> bool:
        """Whether each output is a yes or no of its own, so that a point has several labels."""
        return self._predictions.task.multi_label

    @property
    def tells_predictions(self) -> bool:
        """Whether the model's output at the points is known or can be evaluated."""
        return self._evaluations.tells_predictions

    @property
    def batches_per_epoch(self) -> int | None:
        """Batches of an epoch of the training, None where that is not known."""
        return self._stored.details.get("steps_per_epoch")

    @property
    def targets(self) -> np.ndarray:
        """Class numbers of the points, shape (points,); numbers for a regression."""
        return self._predictions.labels

    @property
    def classes(self) -> int:
        """Number of classes; 0 for a regression."""
        return self._predictions.task.classes

    def snapshots(self, epochs: Epochs) -> list[int]:
        """Return the positions of epochs in the recording.

        Parameters
        ----------
        epochs : float, slice, range, iterable of float or None
            Recorded epochs; a slice counts positions in `epochs`; None for all.

        Returns
        -------
        list of int
            Rising, without repetition.

        Raises
        ------
        ArgumentError
            An epoch was not recorded, or none is left.
        """
        return chosen_snapshots(self.epochs, epochs)

    @property
    def class_names(self) -> list[str]:
        """Names of the classes, as they were given to the recorder; their numbers otherwise."""
        names = self._stored.details.get("class_names")
        return list(names) if names else [str(number) for number in range(self.classes)]

    def layer_shape(self, layer: str) -> tuple[int | None, ...] | None:
        """Return the shape of a layer's output without the batch axis.

        Parameters
        ----------
        layer : str
            One of `layers`.

        Returns
        -------
        tuple of (int or None) or None
            None for a layer of a subclassed model, which does not tell.
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
    ) -> pd.DataFrame:
        """Return the recorded points at every epoch, as a layer sees them.

        Parameters
        ----------
        layer : str, optional
            One of `layers`. Default: the inputs themselves.
        projection, positions : optional
            How the layer comes to the plane, as in `feature_space`. Default: not at all, the
            coordinates are those of all units.
        epochs : float, slice, range or iterable of float, optional
            Only these recorded epochs; a slice counts positions in `epochs`. Default: all.

        Returns
        -------
        pandas.DataFrame
            One row per epoch and point, sorted by both: ``epoch``, ``point`` (int64, row
            in `inputs`), ``target`` (as `targets`), the coordinates (``x, y`` for two units, ``x``
            for one, else ``x1, x2, ...``; outputs of any other shape are flattened, and several
            inputs stand side by side, in the order of `feature_names`),
            ``prediction`` (int64, the most probable class; for a regression the predicted
            number), ``probability`` (float32; of class 1 where there are two classes, else of the
            true class; NaN for a regression) and ``loss`` (float32, the model's own loss of this
            point).

        Raises
        ------
        ArgumentError
            There is no such layer, or an epoch was not recorded.
        EvaluationError
            The model or its loss cannot be rebuilt.
        MissingDependencyError
            Something must be computed and Keras is not installed.

        Examples
        --------
        >>> import replaychart as rc
        >>> run = rc.open_run(rc.datasets.parabola_recording())
        >>> list(run.points("hidden").columns)
        ['epoch', 'point', 'target', 'x', 'y', 'prediction', 'probability', 'loss']
        """
        chosen = self.snapshots(epochs)
        if self.targets.ndim > 1:
            message = (
                f"Run {self.name!r} has {self.targets.shape[1:]} targets for each point; the frame "
                "of points holds one. coordinates(), losses() and the layers' outputs are there."
            )
            raise EvaluationError(message)
        if layer is None or projection is None:
            coordinates = self.coordinates(layer, epochs=self.epochs[chosen])
        else:
            view = self.planes.view(layer, projection, positions)
            coordinates = self.planes.coordinates(layer, chosen, view)
        return points_frame(
            self.epochs[chosen],
            self.targets,
            coordinates,
            self._predictions.decisions(chosen),
            self._predictions.probability(chosen),
            self._evaluations.losses(chosen),
        )

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
        """Return grid lines of the inputs' plane as a layer bends them.

        Parameters
        ----------
        layer : str, optional
            A layer with two units, or any with a `projection`. Default: the inputs themselves,
            where the lines are straight.
        projection, positions : optional
            How the layer comes to the plane, as in `feature_space`.
        xlim, ylim : tuple of float, optional
            The rectangle that the lines divide. Default: the recorded points with a margin.
        lines : int, default 11
            Lines in each direction, at least 2.
        epochs : float, slice, range or iterable of float, optional
            Only these recorded epochs. Default: all.

        Returns
        -------
        pandas.DataFrame
            One row per vertex: ``epoch``, ``line`` (int64), ``constant`` (str, the input
            that the line holds constant, ``x`` or ``y``), ``at`` (float64, its value), ``vertex``
            (int64, along the line), ``x`` and ``y`` (float32, in the layer's plane). Vertices
            within 1/2000 of the picture from a straight line are left out.

        Raises
        ------
        ArgumentError
            The inputs or the layer are not 2-D, or an argument is not allowed.

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
        xlim: Limits | None = None,
        ylim: Limits | None = None,
        resolution: int = RESOLUTION,
        bands: int = BANDS,
        plane: PlaneName = "inputs",
        epochs: Epochs = None,
    ) -> pd.DataFrame:
        """Return the decision surface as filled contours.

        Where there are two classes, the surface is the probability of class 1. Where there are
        more, each class has a surface of its own, the margin by which it wins: its probability
        less the greatest of the others. Where the targets are numbers, it is the prediction, with
        `bands` levels between the least and the greatest target. Each level's rings enclose the
        region where the surface is at least at that level. Painted one over the other, from low to
        high, they show the surface; levels that the whole rectangle exceeds are left out but for
        the highest.

        Parameters
        ----------
        layer : str, optional
            A layer with two units, or any with a `projection`. Default: the inputs' own plane.
        projection, positions : optional
            How the layer comes to the plane, as in `feature_space`.
        features, at : optional
            A slice through inputs with more than two features, as in `decision_boundary`.
        xlim, ylim : tuple of float, optional
            The rectangle, in the inputs' plane or (``plane="layer"``) in the layer's. Default:
            the recorded points, or all points as the layer sees them, with a margin.
        resolution : int, default 100
            Lattice points along each side of the rectangle, at least 2.
        bands : int, default 10
            Number of levels of the probability: 0, 1 / bands, 2 / bands, ...; half as many levels
            of the margin where there are more than two classes, and one at -0.1, which lies under
            the seams between classes.
        plane : {"inputs", "layer"}, default "inputs"
            ``"inputs"`` finds the contours in the inputs' plane and carries them through the layer,
            vertex by vertex: the surface fills the image of the rectangle. ``"layer"`` evaluates
            the rest of the network over the layer's own plane.
        epochs : float, slice, range or iterable of float, optional
            Only these recorded epochs. Default: all.

        Returns
        -------
        pandas.DataFrame
            One row per vertex: ``epoch``, ``class`` (int64, whose surface it is; 1 where
            there are two), ``level`` (float64), ``ring`` (int64, counted within the epoch),
            ``vertex`` (int64, along the ring, whose last vertex is its first), ``x`` and ``y``
            (float32). Holes run against the ring around them. Vertices within 1/2000 of the
            picture from a straight line are left out.

        Raises
        ------
        ArgumentError
            The inputs or the layer are not 2-D, or an argument is not allowed.
        EvaluationError
            The model predicts several labels or numbers for each point.

        Examples
        --------
        >>> import replaychart as rc
        >>> run = rc.open_run(rc.datasets.parabola_recording())
        >>> list(run.surface("hidden").columns)
        ['epoch', 'class', 'level', 'ring', 'vertex', 'x', 'y']
        """
        rectangle = self.planes.rectangle(
            layer,
            plane=plane,
            xlim=xlim,
            ylim=ylim,
            resolution=resolution,
            bands=bands,
            view=self._view(layer, projection, positions, features, at),
        )
        paths = self.planes.surface(rectangle, self.snapshots(epochs))
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
        xlim: Limits | None = None,
        ylim: Limits | None = None,
        resolution: int = RESOLUTION,
        plane: PlaneName = "inputs",
        epochs: Epochs = None,
    ) -> pd.DataFrame:
        """Return the decision boundary: where the two most probable classes are equally so.

        Parameters
        ----------
        layer, projection, positions, features, at, xlim, ylim, resolution, plane, epochs
            As in `surface`.

        Returns
        -------
        pandas.DataFrame
            One row per vertex: ``epoch``, ``line`` (int64, counted within the epoch),
            ``vertex`` (int64, along the line), ``x`` and ``y`` (float32). Without rows for an
            epoch that has no boundary in the rectangle.

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
        rectangle = self.planes.rectangle(
            layer,
            plane=plane,
            xlim=xlim,
            ylim=ylim,
            resolution=resolution,
            view=self._view(layer, projection, positions, features, at),
        )
        paths = self.planes.boundary(rectangle, self.snapshots(epochs))
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

    def history(self) -> pd.DataFrame:
        """Return losses, metrics and learning rates over the epochs.

        Returns
        -------
        pandas.DataFrame
            One row per epoch, source and name: ``epoch``, ``source`` (str), ``name``
            (str) and ``value`` (float64). Source ``training`` is what Keras reported at the
            epoch's end (its loss and metrics are running averages over the epoch; ``val_*``; and
            ``learning_rate`` at the epoch's begin); within an epoch, what it reported by then, and
            the learning rate of the last batch. Source ``replay`` is what the snapshot gives over
            the recorded points, epoch 0 included: ``loss`` (the mean of the points' losses,
            without regularization), every metric that the model was compiled with (those of
            ``weighted_metrics=`` weighed with the recorder's weights of classes or points), and
            ``accuracy`` where there are classes. Values that were not logged
            have no row. What cannot be replayed has none either, and a warning tells why.

        Warns
        -----
        UserWarning
            The model, its loss or a metric cannot be evaluated. What Keras reported is there.

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
        sources = {"training": logged, "replay": self.curves.replayed()}
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
            The targets are numbers and no classes.

        Examples
        --------
        >>> import replaychart as rc
        >>> rc.open_run(rc.datasets.parabola_recording()).probabilities().shape
        (151, 2000, 2)
        """
        return self._predictions.probabilities(self.snapshots(epochs))

    def point_probabilities(self, *, epochs: Epochs = None) -> NDArray[np.float32]:
        """Return one probability for each point at every epoch, as charts show it.

        Parameters
        ----------
        epochs : float, slice, range or iterable of float, optional
            Only these recorded epochs. Default: all.

        Returns
        -------
        numpy.ndarray of float32, shape (epochs, points)
            Of class 1 where there are two classes, else of the true class; NaN for a regression.

        Examples
        --------
        >>> import replaychart as rc
        >>> rc.open_run(rc.datasets.parabola_recording()).point_probabilities().shape
        (151, 2000)
        """
        return self._predictions.probability(self.snapshots(epochs))

    def residuals(self, *, epochs: Epochs = None) -> NDArray[np.float32]:
        """Return the predicted numbers less the targets, for each point at every epoch.

        Parameters
        ----------
        epochs : float, slice, range or iterable of float, optional
            Only these recorded epochs. Default: all.

        Returns
        -------
        numpy.ndarray of float32, shape (epochs, points) or (epochs, points, ...)
            Of the first shape where one number is predicted for each point, else of the shape of
            the model's output.

        Raises
        ------
        EvaluationError
            The targets are classes or labels and no numbers, or not as many as the outputs.
        """
        residuals = self._predictions.residuals(self.snapshots(epochs))
        return residuals[..., 0] if residuals.shape[2:] == (1,) else residuals

    def losses(self, *, epochs: Epochs = None) -> NDArray[np.float32]:
        """Return the model's own loss of each point at every epoch.

        Multiplied with the point's weight, if the recorder was given weights of classes or points,
        and with that of the loss, if the model was compiled with ``loss_weights=``. Where a mask
        leaves steps of sequences out, a point of which more steps count weighs more, as with Keras.
        A loss that Keras computes as one number for a whole batch ("dice", say, or a function that
        returns a mean) is that of each point as a batch of its own: the mean over the points need
        not be what Keras reports.

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
        """Return the points' coordinates as a layer sees them.

        Parameters
        ----------
        layer : str, optional
            One of `layers`. Default: the inputs themselves.
        epochs : float, slice, range or iterable of float, optional
            Only these recorded epochs. Default: all.

        Returns
        -------
        numpy.ndarray, shape (epochs, points, units)
            float32; for the inputs their own dtype, and a view that repeats them. Outputs of more
            than one axis are flattened, and several inputs stand side by side.

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

    def probability_histogram(self, *, bins: int = 10, epochs: Epochs = None) -> pd.DataFrame:
        """Return counts of the points' probability, by true class and correctness.

        The probability is that of class 1 where there are two classes, else that of the true class.

        Parameters
        ----------
        bins : int, default 10
            Number of bins between 0 and 1, at most 1,000.
        epochs : float, slice, range or iterable of float, optional
            Only these recorded epochs. Default: all.

        Returns
        -------
        pandas.DataFrame
            One row per epoch, class, correctness and bin: ``epoch``, ``target`` (int64),
            ``correct`` (bool, whether the prediction is the target), ``bin_start``, ``bin_end``
            (float64) and ``count`` (int64). A probability that is not a number counts nowhere.

        Raises
        ------
        EvaluationError
            The targets are numbers and no classes.

        Examples
        --------
        >>> import replaychart as rc
        >>> counts = rc.open_run(rc.datasets.parabola_recording()).probability_histogram()
        >>> int(counts.query("epoch == 0")["count"].sum())
        2000
        """
        require_at_least("bins", bins, 1, most=MOST_BINS)
        self._predictions.require_classes()
        chosen = self.snapshots(epochs)
        return probability_histogram_frame(
            self.epochs[chosen],
            self._predictions.probability(chosen),
            self.targets,
            self._predictions.decisions(chosen) == self.targets,
            classes=self.classes,
            bins=int(bins),
        )

    def residual_histogram(self, *, bins: int = 20, epochs: Epochs = None) -> pd.DataFrame:
        """Return counts of the points' residuals, in bins that are fixed over the whole run.

        Where several numbers are predicted for each point, all of their residuals are counted.

        Parameters
        ----------
        bins : int, default 20
            Number of bins, at most 1,000, on both sides of 0 as far as the greatest residual
            reaches.
        epochs : float, slice, range or iterable of float, optional
            Only these recorded epochs; the bins are those of the whole run. Default: all.

        Returns
        -------
        pandas.DataFrame
            One row per epoch and bin: ``epoch``, ``bin_start``, ``bin_end`` (float64) and
            ``count`` (int64). A residual that is not finite counts nowhere.

        Raises
        ------
        EvaluationError
            The targets are classes or labels and no numbers.
        """
        require_at_least("bins", bins, 1, most=MOST_BINS)
        residuals = self.residuals().reshape(len(self.epochs), -1)
        edges = residual_edges(residuals, int(bins))
        chosen = self.snapshots(epochs)
        return counts_frame(self.epochs[chosen], residuals[chosen], edges)

    def loss_histogram(self, *, bins: int = 20, epochs: Epochs = None) -> pd.DataFrame:
        """Return counts of the points' losses, in bins that are fixed over the whole run.

        Parameters
        ----------
        bins : int, default 20
            Number of bins, at most 1,000, between 0 (or the least loss, if negative) and the
            greatest loss.
        epochs : float, slice, range or iterable of float, optional
            Only these recorded epochs; the bins are those of the whole run. Default: all.

        Returns
        -------
        pandas.DataFrame
            One row per epoch and bin: ``epoch``, ``bin_start``, ``bin_end`` (float64) and
            ``count`` (int64). A loss that is not finite counts nowhere.

        Examples
        --------
        >>> import replaychart as rc
        >>> counts = rc.open_run(rc.datasets.parabola_recording()).loss_histogram()
        >>> int(counts.query("epoch == 150")["count"].sum())
        2000
        """
        require_at_least("bins", bins, 1, most=MOST_BINS)
        losses = self.losses()
        edges = loss_edges(losses, int(bins))
        chosen = self.snapshots(epochs)
        return counts_frame(self.epochs[chosen], losses[chosen], edges)

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

        A layer's activations are its outputs behind its activation function, its pre-activations
        what goes into that function: whether it is fused into the layer or stands behind it as a
        layer of its own, with a normalization in between. Layers run as in inference. Gradients
        are those of the loss over all recorded points, with the loss' own reduction and the
        model's regularization.

        Parameters
        ----------
        kind : {"weights", "gradients", "activations", "pre_activations"}
            The values.
        layers : sequence of str, optional
            Layers with a kernel. Default: all of them.
        variable : {"kernel", "bias"}, default "kernel"
            Which weights, for weights and gradients. All kernels of a layer that has several count
            (a recurrent one, say), and embeddings do.
        inputs : bool, default False
            Whether the recorded points come first, as the layer ``"inputs"``; for activations and
            pre-activations.
        output : bool, default True
            Whether the default `layers` hold the last layer with a kernel.
        summary : bool, default False
            Whether to return one row for each epoch and layer instead of all values, which may be
            many.
        epochs : float, slice, range or iterable of float, optional
            Only these recorded epochs. Default: all.

        Returns
        -------
        pandas.DataFrame
            One row per value, sorted by epoch and layer: ``epoch``, ``layer`` (str),
            ``variable`` (str, the name of the weight; ``activation``, ``pre_activation`` or
            ``input``), ``point`` (int64, row in `inputs`; for weights and gradients ``input``
            instead, the row of the kernel), ``unit`` (int64, position in the layer's flattened
            output; for weights and gradients the last axis of the kernel) and ``value`` (float).

            With `summary` one row per epoch and layer: ``epoch``, ``layer``, ``variable``,
            ``count`` (int64), ``not_finite`` (int64, how many of these are NaN or infinite),
            ``mean``, ``std`` (population), ``min``, ``q1``, ``median``, ``q3``, ``max`` (float64,
            of the finite ones; NaN if there are none).

        Raises
        ------
        ArgumentError
            There is no such kind or layer, no layer has such a variable, or an epoch was not
            recorded.
        EvaluationError
            The model has no graph of layers (activations), or its loss cannot be rebuilt
            (gradients).
        MissingDependencyError
            Something must be evaluated and Keras is not installed. Weights never need it.

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

    def restore(self, model: "keras.Model", epoch: float | None = None) -> None:
        """Set a model's weights to those of a snapshot, to go on with its training from there.

        The state of the optimizer is not recorded: one with momentum begins it anew.

        Parameters
        ----------
        model : keras.Model
            A built model of the recorded architecture.
        epoch : float, optional
            A recorded epoch. Default: the last.

        Raises
        ------
        ArgumentError
            The epoch was not recorded.
        EvaluationError
            The model is of another architecture, or not all weights were recorded.

        Examples
        --------
        >>> import keras
        >>> import replaychart as rc
        >>> run = rc.open_run(rc.datasets.parabola_recording())
        >>> layers = [keras.layers.Dense(units, "sigmoid") for units in (2, 1)]
        >>> model = keras.Sequential([keras.Input((2,)), *layers])
        >>> run.restore(model, epoch=15)
        """
        from replaychart.network.model import restore

        (snapshot,) = self.snapshots(self.epochs[-1].item() if epoch is None else epoch)
        restore(model, self._stored, snapshot)

    def store(self, *, layers: Sequence[str] | None = None) -> None:
        """Evaluate what the charts need and write it into the run's file.

        A run that was stored opens and charts on a machine without Keras, with the same numbers.
        Everything else that this `Run` has evaluated over all epochs is stored with it.

        Parameters
        ----------
        layers : sequence of str, optional
            Layers whose outputs are stored. Default: every layer with two units.

        Raises
        ------
        ArgumentError
            There is no such layer.
        RunFileError
            The file cannot be written, or is one of DeepReplay, which is left as it is.

        Examples
        --------
        >>> import replaychart as rc
        >>> rc.open_run("runs.h5", "parabola").store()
        """
        if not self.has_model:
            return  # Its outputs are all that it has, and stand in the file.
        self._stored.require_writable()
        if layers is None:
            layers = [name for name in self.layers if self.layer_shape(name) == (2,)]
        layers = items_of("layers", layers, "names of layers")
        for layer in layers:
            require_one_of("layers", layer, self.layers)
        self.losses()
        self.curves.replayed()
        for layer in layers:
            self.coordinates(layer)
        self.value_distributions.evaluate()
        self.planes.evaluate([layer for layer in layers if self.layer_shape(layer) == (2,)])
        self._memory.store()


def require_run(run: object) -> None:
    """Raise `ArgumentError` unless `run` is a `Run`."""
    if not isinstance(run, Run):
        message = f"run must be a Run, as open_run returns it. Got {type(run).__name__}."
        raise ArgumentError(message)
