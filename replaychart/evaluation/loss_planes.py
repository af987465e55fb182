"""The loss over a plane through the space of all weights."""

import dataclasses
import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from replaychart.arguments import is_number, shown
from replaychart.errors import ArgumentError, EvaluationError
from replaychart.evaluation.evaluations import Evaluations
from replaychart.evaluation.lazy_network import LazyNetwork
from replaychart.evaluation.memory import Arrays, Memory
from replaychart.facts.keys import evaluation_key
from replaychart.network.protocol import RecordedNetwork
from replaychart.storage.other_weights import WeightOnPlane
from replaychart.storage.reader import StoredRun
from replaychart.workers import shares, spread

DirectionsName = Literal["path", "random"]
# By name, through the weights of two epochs, or as two lists with an array for each weight.
Directions = DirectionsName | tuple[float, float] | tuple[Sequence[ArrayLike], Sequence[ArrayLike]]
# The share of the path's extent that the plane extends beyond it on each side.
_MARGIN = 0.2
# How far a plane of random directions extends on each side.
_RANDOM_REACH = 1.0
# A progress bar appears if the evaluation takes longer, in seconds.
_PATIENCE = 2
# Averages over the training data, which are no weights that training moves along the gradient.
_AVERAGES = ("moving_mean", "moving_variance", "running_mean", "running_var")


@dataclasses.dataclass(frozen=True)
class LossPlane:
    """The loss over a plane, and the path of the training run on it.

    Attributes
    ----------
    x, y : numpy.ndarray of float64, shape (resolution,)
        The coordinates of the lattice, 0 at the last epoch with finite weights.
    loss : numpy.ndarray of float64, shape (resolution, resolution)
        The mean loss of the recorded points at each place; the first row has the lowest y.
    path : numpy.ndarray of float64, shape (snapshots, 2)
        The weights of each snapshot, projected to the plane.
    on_plane : numpy.ndarray of float64, shape (snapshots,)
        The mean loss at these places of the plane.
    true : numpy.ndarray of float64, shape (snapshots,)
        The mean loss with the snapshot's own weights.
    explained : numpy.ndarray of float64, shape (2,)
        The share of the variance of the path's weights along each direction.
    """

    x: np.ndarray
    y: np.ndarray
    loss: np.ndarray
    path: np.ndarray
    on_plane: np.ndarray
    true: np.ndarray
    explained: np.ndarray

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "LossPlane":
        """Return the plane that `dataclasses.asdict` turned into these arrays."""
        return cls(**{field.name: arrays[field.name] for field in dataclasses.fields(cls)})


@dataclasses.dataclass(frozen=True)
class _OfEpochs:
    """The directions from the last epoch to two others."""

    epochs: tuple[float, float]


@dataclasses.dataclass(frozen=True)
class _Given:
    """Directions of the user's own: a pair of arrays for each weight."""

    pairs: tuple[tuple[np.ndarray, ...], ...]


_Chosen = DirectionsName | _OfEpochs | _Given


class LossPlanes:
    """Evaluates the loss over planes through the weights of a run.

    Parameters
    ----------
    stored : StoredRun
        The run.
    memory : Memory
        The values that are already known.
    network : LazyNetwork
        Rebuilds the network, with other weights.
    evaluations : Evaluations
        The losses at the snapshots.
    """

    def __init__(
        self, stored: StoredRun, memory: Memory, network: LazyNetwork, evaluations: Evaluations
    ) -> None:
        self._stored = stored
        self._memory = memory
        self._network = network
        self._evaluations = evaluations
        self._every = tuple(range(len(stored.epochs)))

    def plane(
        self, directions: Directions, *, seed: int, resolution: int, progress: bool = False
    ) -> LossPlane:
        """Return the loss over a plane through the weights of the last snapshot.

        Parameters
        ----------
        directions : {"path", "random"}, pair of float, or pair of sequence of array_like
            As in `loss_landscape`.
        seed : int
            The seed of random directions.
        resolution : int
            The number of places along each side.
        progress : bool, default False
            Whether to show a progress bar if it takes longer than two seconds.

        Raises
        ------
        ArgumentError
            The directions are not allowed.
        EvaluationError
            Not all weights were recorded, they never change, or the loss cannot be evaluated.
        """
        chosen = self._checked(directions)
        own = {"seed": seed} if chosen == "random" else {}
        key = evaluation_key("loss plane", directions=_named(chosen), resolution=resolution, **own)

        def compute() -> Arrays:
            found = self._evaluated(key, chosen, seed, resolution, progress=progress)
            return {field.name: getattr(found, field.name) for field in dataclasses.fields(found)}

        return LossPlane.from_arrays(self._memory.remembered(key, self._every, compute))

    def _evaluated(
        self, key: str, directions: _Chosen, seed: int, resolution: int, *, progress: bool
    ) -> LossPlane:
        true = self._evaluations.losses(self._every).mean(axis=1, dtype=np.float64)
        weights = self._weights(key)
        every = [np.asarray(weight[:], np.float64) for weight in weights.values()]
        finite = np.all(
            [np.isfinite(own.reshape(len(own), -1)).all(axis=1) for own in every], axis=0
        )
        # A run that diverged has a path up to there.
        last = int(np.flatnonzero(finite)[-1]) if finite.any() else 0
        moving = [own[finite] - own[last] for own in every]
        along, explained = _along_path(moving, self._stored.name)
        if directions == "random":
            along = _filter_normalized([own[last] for own in every], np.random.default_rng(seed))
        elif isinstance(directions, _OfEpochs):
            ends = [list(self._stored.epochs).index(epoch) for epoch in directions.epochs]
            along = _through([[own[end] - own[last] for end in ends] for own in every], directions)
        elif isinstance(directions, _Given):
            along = [list(directions.pairs[position]) for position in weights]
        if directions != "path":
            explained = _shares(moving, along)
        path = np.full((len(finite), 2), np.nan)
        path[finite] = _coordinates(moving, along)
        around_path = directions == "path" or isinstance(directions, _OfEpochs)
        x, y = _axes(path[finite], resolution, around_path=around_path)
        lattice = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
        by_position = dict(zip(weights, along, strict=True))
        places = np.concatenate([lattice, path])
        losses = self._losses(
            places, by_position, together=resolution, center=last, progress=progress
        )
        return LossPlane(
            x=x,
            y=y,
            loss=losses[: len(lattice)].reshape(resolution, resolution),
            path=path,
            on_plane=losses[len(lattice) :],
            true=true,
            explained=explained,
        )

    def _checked(self, directions: Directions) -> "_Chosen":
        """Return directions that are allowed."""
        if isinstance(directions, str) and directions in get_args(DirectionsName):
            return directions
        pair: list[Any] = list(directions) if isinstance(directions, (tuple, list)) else []
        if len(pair) == 2 and all(map(is_number, pair)):
            return self._checked_epochs((float(pair[0]), float(pair[1])), directions)
        if len(pair) == 2 and all(map(_is_list, pair)):
            shapes = [weight.shape[1:] for weight in self._stored.weights()]
            arrays = [[np.asarray(own, np.float64) for own in one] for one in pair]
            if all([own.shape for own in one] == shapes for one in arrays) and all(
                any(own.any() for own in one) for one in arrays
            ):
                return _Given(tuple(zip(*arrays, strict=True)))
        message = (
            "directions must be one of 'path', 'random', two recorded epochs before the last one, "
            "or two lists with an array for each weight, not all of them 0, of the shapes that "
            f"model.get_weights() returns. Got {shown(directions)}."
        )
        raise ArgumentError(message)

    def _checked_epochs(self, epochs: tuple[float, float], given: object) -> "_OfEpochs":
        allowed = self._stored.epochs[:-1].tolist()
        if epochs[0] == epochs[1] or not set(epochs) <= set(allowed):
            message = (
                "directions must be two different recorded epochs before the last one: "
                f"{allowed[:1]} to {allowed[-1:]} of run {self._stored.name!r}. Got {shown(given)}."
            )
            raise ArgumentError(message)
        return _OfEpochs(epochs)

    def _weights(self, key: str) -> dict[int, Any]:
        """Return the weights that training moves, by position."""
        self._network.rebuilt(key)  # Raises an error if there is no network.
        if not self._stored.has_all_weights:
            message = (
                f"The loss over a plane of weights needs all of them. Run {self._stored.name!r} "
                "has only those of some layers."
            )
            raise EvaluationError(message)
        averages = {
            variable.position
            for layer in self._stored.layers
            for variable in layer.variables
            if variable.name.endswith(_AVERAGES)
        }
        return {
            position: weight
            for position, weight in enumerate(self._stored.weights())
            if position not in averages and np.issubdtype(weight.dtype, np.floating)
        }

    def _losses(
        self,
        places: np.ndarray,
        along: Mapping[int, list[np.ndarray]],
        *,
        together: int,
        center: int,
        progress: bool,
    ) -> np.ndarray:
        """Return the mean loss at places of the plane, shape (places,)."""
        from replaychart.progress import tqdm

        # Of equal length, so that the network is compiled for one number of places.
        padded = np.concatenate([places, np.zeros((-len(places) % together, 2))])
        weights = [
            WeightOnPlane(np.asarray(weight[center]), along.get(position), padded)
            for position, weight in enumerate(self._stored.weights())
        ]
        rebuild = self._network.with_weights(weights)
        rows = range(0, len(padded), together)
        bar = tqdm(
            total=len(rows),
            desc="loss landscape",
            unit="row",
            delay=_PATIENCE,
            leave=False,
            disable=not progress,
        )
        parts = [[range(start, start + together) for start in part] for part in shares(rows)]
        losses = []
        with bar:
            if len(parts) == 1:
                network = rebuild()
                for places_of_row in parts[0]:
                    losses.append(_losses_of(network, self._stored, places_of_row))
                    bar.update()
            else:
                # The network is rebuilt once for each worker, not for each row.
                tasks = [(rebuild, self._stored, part) for part in parts]
                for part, found in zip(parts, spread(_losses_of_rows, tasks), strict=True):
                    losses += found
                    bar.update(len(part))
        return np.concatenate(losses)[: len(places)]


def _named(directions: _Chosen) -> Any:
    """Return directions as a part of the key under which the plane is stored."""
    if isinstance(directions, _OfEpochs):
        return list(directions.epochs)
    if isinstance(directions, _Given):
        content = b"".join(one.tobytes() for pair in directions.pairs for one in pair)
        return hashlib.sha256(content).hexdigest()[:32]
    return directions


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _through(ends: list[list[np.ndarray]], directions: _OfEpochs) -> list[list[np.ndarray]]:
    """Return two directions of length 1 at right angles, which span the plane of two vectors.

    Parameters
    ----------
    ends : list of list of numpy.ndarray
        For each weight, its part of both vectors.
    directions : _OfEpochs
        Where they come from.
    """
    first, second = (np.concatenate([one[axis].ravel() for one in ends]) for axis in (0, 1))
    if not np.isfinite([first, second]).all() or not first.any():
        first = second = np.zeros(1)
    along = first / (np.linalg.norm(first) or 1.0)
    across = second - (second @ along) * along
    if np.linalg.norm(across) <= 1e-6 * (np.linalg.norm(second) or 1.0):
        message = (
            "directions must be epochs whose weights span a plane with those of the last epoch. "
            f"Those of {directions.epochs} are on one line with them, or not finite."
        )
        raise EvaluationError(message)
    across /= np.linalg.norm(across)
    cuts = np.cumsum([one[0].size for one in ends])[:-1]
    parts = zip(np.split(along, cuts), np.split(across, cuts), ends, strict=True)
    return [[x.reshape(one[0].shape), y.reshape(one[0].shape)] for x, y, one in parts]


def _losses_of_rows(
    rebuild: Callable[[], RecordedNetwork], stored: StoredRun, rows: list[range]
) -> list[np.ndarray]:
    network = rebuild()
    return [_losses_of(network, stored, places) for places in rows]


def _losses_of(network: RecordedNetwork, stored: StoredRun, places: range) -> np.ndarray:
    # Far from the path, losses may overflow, which is no error.
    with np.errstate(over="ignore", invalid="ignore"):
        found = network.losses(places, lambda: network.outputs(None, stored.inputs, places))
        return found.mean(axis=1, dtype=np.float64)


def _along_path(moving: list[np.ndarray], run: str) -> tuple[list[list[np.ndarray]], np.ndarray]:
    """Return the two principal directions of the path, and their shares of its variance.

    Parameters
    ----------
    moving : list of numpy.ndarray, shape (snapshots, ...)
        Each weight minus that of the last snapshot.
    run : str
        The name of the run.

    Returns
    -------
    list of list of numpy.ndarray
        For each weight, its part of both directions, which have the length 1.
    """
    flat = [own.reshape(len(own), -1) - own.reshape(len(own), -1).mean(axis=0) for own in moving]
    total = float(sum((own**2).sum() for own in flat))
    if len(moving[0]) < 2 or not np.isfinite(total) or total <= 0:
        message = (
            f"The plane through the path of run {run!r} needs finite weights that change over at "
            "least two epochs."
        )
        raise EvaluationError(message)
    # The directions follow from the products of the snapshots, which are few.
    values, vectors = np.linalg.eigh(sum(own @ own.T for own in flat))
    values, vectors = values[::-1][:2], vectors[:, ::-1][:, :2]
    # The signs are arbitrary: the path begins on the positive side of both.
    vectors = vectors * np.where(vectors[0] < 0, -1, 1)
    if values[1] <= 1e-12 * values[0]:
        # A straight path has one direction, so any other one will do: here, none of the weights'.
        values = np.array([values[0], 0.0])
    lengths = np.sqrt(np.where(values > 0, values, np.inf))
    found = []
    for own, weight in zip(flat, moving, strict=True):
        both = (own.T @ vectors / lengths).T
        found.append([one.reshape(weight.shape[1:]) for one in both])
    return found, values / total


def _filter_normalized(
    centers: list[np.ndarray], random: np.random.Generator
) -> list[list[np.ndarray]]:
    """Return two random directions for each weight, as long as it is, filter by filter.

    Biases, and other weights with a single axis, do not move.
    """
    found = []
    for center in centers:
        both = []
        for _ in range(2):
            drawn = random.normal(size=center.shape)
            axes = tuple(range(center.ndim - 1))
            if center.ndim < 2:
                both.append(np.zeros(center.shape))
                continue
            norms = np.sqrt((center**2).sum(axis=axes) / (drawn**2).sum(axis=axes))
            both.append(drawn * norms)
        found.append(both)
    return found


def _coordinates(moving: list[np.ndarray], along: list[list[np.ndarray]]) -> np.ndarray:
    """Return where the snapshots are on the plane: the closest place to each."""
    products = np.zeros((2, 2))
    onto = np.zeros((len(moving[0]), 2))
    for own, both in zip(moving, along, strict=True):
        flat = np.stack([one.ravel() for one in both])
        products += flat @ flat.T
        onto += own.reshape(len(own), -1) @ flat.T
    return onto @ np.linalg.pinv(products)


def _shares(moving: list[np.ndarray], along: list[list[np.ndarray]]) -> np.ndarray:
    """Return the share of the path's variance along each direction."""
    total = sum(float(((own - own.mean(axis=0)) ** 2).sum()) for own in moving)
    shares = []
    for place in range(2):
        length = sum(float((both[place] ** 2).sum()) for both in along)
        onto = sum(
            own.reshape(len(own), -1) @ both[place].ravel()
            for own, both in zip(moving, along, strict=True)
        )
        shares.append(float(((onto - onto.mean()) ** 2).sum()) / length / total)
    return np.array(shares)


def _axes(path: np.ndarray, resolution: int, *, around_path: bool) -> tuple[np.ndarray, np.ndarray]:
    if not around_path:
        reach = np.maximum(_RANDOM_REACH, (1 + _MARGIN) * np.abs(path).max(axis=0))
        x, y = (np.linspace(-one, one, resolution) for one in reach)
        return x, y
    low, high = path.min(axis=0), path.max(axis=0)
    # Not narrower than a quarter of the longer side, which would show no landscape.
    span = np.maximum(high - low, 0.25 * (high - low).max())
    middle = (low + high) / 2
    reach = (0.5 + _MARGIN) * span
    x, y = (np.linspace(m - r, m + r, resolution) for m, r in zip(middle, reach, strict=True))
    return x, y
