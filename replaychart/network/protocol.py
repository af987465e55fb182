"""The methods that evaluation needs from a recorded network, in any framework."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np

from replaychart.facts.inputs import Inputs
from replaychart.facts.outputs import Targets
from replaychart.network.batches import Batches
from replaychart.storage.reader import StoredRun


class RecordedNetwork(Protocol):
    """A network with the weights of every snapshot.

    ``evaluation/`` and all later packages call only these methods, so implementing them adds
    support for another framework. Snapshots are positions in the recording. Layers run in inference
    mode. No method changes a model that the user passed.

    Every method raises `EvaluationError` if the recorded network cannot compute the result: a layer
    is not in its graph, a loss was not recorded, or the weights of a layer were not recorded.
    """

    def outputs(self, layer: str | None, inputs: Inputs, snapshots: Sequence[int]) -> np.ndarray:
        """Return a layer's outputs for the same points at several snapshots.

        Parameters
        ----------
        layer : str or None
            The layer's name; None for the model's output.
        inputs : numpy.ndarray, shape (points, ...), or mapping of str to numpy.ndarray
            Points in the model's input space.
        snapshots : sequence of int

        Returns
        -------
        numpy.ndarray of float32, shape (snapshots, points, ...)
        """

    def outputs_by_snapshot(
        self,
        layer: str | None,
        inputs: Inputs | Sequence[np.ndarray],
        snapshots: Sequence[int],
        *,
        plane_of: str | None = None,
    ) -> Iterator[np.ndarray]:
        """Yield a layer's outputs, snapshot by snapshot.

        Parameters
        ----------
        layer : str or None
            The layer's name; None for the model's output.
        inputs : numpy.ndarray, shape (points, ...), mapping of str to numpy.ndarray, or sequence
            The points: the same for all snapshots, or a sequence with an array for each. An array
            of points in the space of several inputs has their features side by side.
        snapshots : sequence of int
        plane_of : str, optional
            The layer whose output space contains the points. Default: the model's input space.

        Yields
        ------
        numpy.ndarray of float32, shape (points, ...)
        """

    def layers_by_snapshot(
        self,
        layers: Sequence[str],
        inputs: Inputs | Sequence[np.ndarray],
        snapshots: Sequence[int],
        *,
        before_activation: bool,
    ) -> Iterator[list[Batches]]:
        """Yield the pre-activations or the activations of layers, snapshot by snapshot.

        Those of a large layer take much memory, so they are not joined to one array.

        Parameters
        ----------
        layers : sequence of str
            The layers' names, at least one.
        inputs : numpy.ndarray, shape (points, ...), mapping of str to numpy.ndarray, or sequence
            Points in the model's input space, as in `outputs_by_snapshot`.
        snapshots : sequence of int
        before_activation : bool
            Whether to yield the pre-activations, the inputs of the activation functions. Otherwise
            yield their outputs.

        Yields
        ------
        list of list of numpy.ndarray of float32, shape (some points, ...)
            For each layer, the values of all points in batches.
        """

    def losses(self, snapshots: Sequence[int], predictions: Callable[[], np.ndarray]) -> np.ndarray:
        """Return the recorded loss of each recorded point.

        Parameters
        ----------
        snapshots : sequence of int
        predictions : callable
            Returns the model's outputs for the recorded points at these snapshots, as `outputs`
            does. A network that computes the loss from something else, such as logits, does not
            call it.

        Returns
        -------
        numpy.ndarray of float32, shape (snapshots, points)
            Without regularization, which is not a property of a point, and multiplied by the
            point's weight if points are weighted.
        """

    def metric(
        self, name: str, snapshots: Sequence[int], predictions: Callable[[], np.ndarray]
    ) -> np.ndarray:
        """Return a compiled metric over the recorded points.

        Parameters
        ----------
        name : str
            The name under which it was logged.
        snapshots, predictions
            As in `losses`.

        Returns
        -------
        numpy.ndarray of float64, shape (snapshots,) or (snapshots, values)
            The second shape for a metric with several values.
        """

    def regularization(self, snapshots: Sequence[int]) -> np.ndarray:
        """Return what the model adds to the loss of the recorded points.

        This is its regularization, and what its layers add with ``add_loss``.

        Parameters
        ----------
        snapshots : sequence of int

        Returns
        -------
        numpy.ndarray of float64, shape (snapshots,)
            Zeros if the model adds nothing.
        """

    def gradients(
        self, positions: Sequence[int], snapshots: Sequence[int]
    ) -> Iterator[list[np.ndarray]]:
        """Yield the gradients of the loss over all recorded points, snapshot by snapshot.

        Parameters
        ----------
        positions : sequence of int
            The weights, as positions among the model's recorded variables.
        snapshots : sequence of int

        Yields
        ------
        list of numpy.ndarray of float32
            One array for each position, with the shape of the weight. Zeros if the loss does not
            depend on the weight.
        """

    def of_points(self, points: np.ndarray) -> "RecordedNetwork":
        """Return the same network for only some of the recorded points.

        Parameters
        ----------
        points : numpy.ndarray of int64, shape (few,)
            Rows of the recorded points.
        """

    def of_output(self, name: str) -> "RecordedNetwork":
        """Return the same network for one of several outputs.

        Its losses are not multiplied by the weight that they have in the sum of all. Gradients are
        those of this sum, because training follows it.

        Parameters
        ----------
        name : str
            The name of the output.
        """

    def with_points(self, inputs: Inputs, targets: Targets) -> "RecordedNetwork":
        """Return the same network for other points, which all weigh the same.

        Parameters
        ----------
        inputs : numpy.ndarray, shape (points, ...), or mapping of str to numpy.ndarray
            Points in the model's input space.
        targets : numpy.ndarray, shape (points, ...), or mapping of str to numpy.ndarray
            Their targets; by output, if the network has several.
        """

    def grow(self, stored: StoredRun) -> None:
        """Take the snapshots that were recorded since the run was opened.

        What was compiled is kept.

        Parameters
        ----------
        stored : StoredRun
            The same run, with the known snapshots and later ones.
        """

    def depends_on_alone(self, layer: str) -> bool:
        """Return whether the model's output depends only on a layer's output."""
