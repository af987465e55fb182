"""Projections of a space to the plane, and planes through a space.

A layer with many units is looked at through a projection, one for the whole run, so that what moves
on the screen is the network. Where the projection is linear it has a way back: a point of the
plane stands for a point of the layer's space, over which the rest of the network is evaluated.
"""

import copy
import dataclasses
import hashlib
import importlib
import inspect
import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from replaychart.errors import ArgumentError, MissingDependencyError, ReplayChartError

# Numbers that are fitted at once; more are fitted piece by piece, with more components than are
# shown, so that those come out as if all had been fitted together.
_LARGEST_FIT = 100_000_000
_COMPONENTS_BY_PIECES = 50


@dataclasses.dataclass(frozen=True)
class Projection:
    """A projection to the plane.

    Attributes
    ----------
    titles : tuple of str
        What the two axes are.
    averaged : bool
        Whether outputs of several axes are averaged over all but the last one (the positions of a
        convolution or a sequence), and not flattened.
    key : str or None
        What tells this projection from others of the same layer, None if no text can.
    """

    titles: tuple[str, str]
    averaged: bool
    key: str | None

    @property
    def identity(self) -> str | int:
        """What tells this projection from others in this session: `key`, if there is one."""
        return id(self) if self.key is None else self.key

    @property
    def slice(self) -> str | None:
        """What the plane is a slice of, None if the projection has no way back."""
        return None

    def coordinates(self, values: np.ndarray, snapshot: int) -> np.ndarray:
        """Return where values are shown.

        Parameters
        ----------
        values : numpy.ndarray, shape (points, ...)
            Outputs of the layer at a snapshot.
        snapshot : int
            Its position in the recording.

        Returns
        -------
        numpy.ndarray of float32, shape (points, 2)
        """
        raise NotImplementedError

    def flat(self, values: np.ndarray) -> np.ndarray:
        """Return values as rows of units, shape (points, units)."""
        return flattened(values, averaged=self.averaged)


@dataclasses.dataclass(frozen=True, eq=False)
class LinearProjection(Projection):
    """A linear projection, which has a way back.

    Attributes
    ----------
    origins : numpy.ndarray, shape (1 or snapshots, units)
        The point of the space that is shown at (0, 0).
    bases : numpy.ndarray, shape (1 or snapshots, units, 2)
        What is multiplied with values less the origin.
    through : str
        What the plane goes through, for the text.
    shape : tuple of int
        The shape of one point of the space.
    dtype : numpy dtype, default float32
        Of points of the space.
    """

    origins: np.ndarray
    bases: np.ndarray
    through: str
    shape: tuple[int, ...]
    dtype: type[np.floating] = np.float32

    @property
    def slice(self) -> str | None:
        """What the plane goes through; None if positions were averaged, which has no way back."""
        return None if self.averaged else self.through

    def coordinates(self, values: np.ndarray, snapshot: int) -> np.ndarray:
        """Return where values are shown; see `Projection`."""
        place = snapshot if len(self.bases) > 1 else 0
        return ((self.flat(values) - self.origins[place]) @ self.bases[place]).astype(np.float32)

    def values(self, coordinates: np.ndarray, snapshot: int) -> np.ndarray:
        """Return the points of the plane in its space, shape (points, ...)."""
        place = snapshot if len(self.bases) > 1 else 0
        flat = self.origins[place] + coordinates @ np.linalg.pinv(self.bases[place])
        return flat.reshape(len(coordinates), *self.shape).astype(self.dtype)


@dataclasses.dataclass(frozen=True)
class FittedProjection(Projection):
    """A projection of the user's own, fitted."""

    fitted: Any

    def coordinates(self, values: np.ndarray, snapshot: int) -> np.ndarray:  # noqa: ARG002
        """Return where values are shown; see `Projection`."""
        with _failures_told(f"projection {type(self.fitted).__name__} cannot transform"):
            return _checked_plane(self.fitted.transform(self.flat(values)), len(values))


def flattened(values: np.ndarray, *, averaged: bool) -> np.ndarray:
    """Return outputs as rows of units.

    Parameters
    ----------
    values : numpy.ndarray, shape (points, ..., channels)
    averaged : bool
        Whether to average over the axes in between; they are flattened otherwise.
    """
    if averaged and values.ndim > 2:
        return values.mean(axis=tuple(range(1, values.ndim - 1)))
    # Not -1: nothing is seen at an epoch whose weights are not finite, and reshaped to nothing.
    return values.reshape(len(values), math.prod(values.shape[1:]))


def projection_of(
    how: object,
    layer: str,
    outputs: Callable[[], Iterator[np.ndarray]],
    *,
    targets: Callable[[], np.ndarray],
    averaged: bool,
) -> Projection:
    """Return the projection of a layer's outputs that a user asks for.

    Parameters
    ----------
    how : {"pca", "aligned"}, pair of int, array_like, or object with ``fit`` and ``transform``
        As `feature_space` documents it.
    layer : str
        The layer's name.
    outputs : callable
        Yields its outputs for each snapshot of the whole run, shape (points, ...).
    targets : callable
        Returns the points' targets, for an object whose ``fit`` needs them: class numbers, or
        numbers for a regression.
    averaged : bool
        Whether outputs of several axes are averaged over all but the last one.

    Raises
    ------
    ArgumentError
        `how` is something else, or does not fit the layer.
    MissingDependencyError
        scikit-learn is needed and not installed.
    """
    space = _Space.of(layer, outputs, averaged=averaged)
    units = space.units
    if isinstance(how, str):
        if how == "pca":
            return _principal_components(space)
        if how == "aligned":
            return _aligned_components(space)
        if how == "rotate":
            message = (
                "projection 'rotate' is for feature_space, where two sliders turn a view of three "
                "units. A frame holds one view: 'pca', 'aligned', a pair of units, a matrix or an "
                "object with fit and transform. Got 'rotate'."
            )
            raise ArgumentError(message)
    elif isinstance(how, type):
        message = (
            f"projection must be an object with fit and transform, and not its class. Got "
            f"{how.__name__}: pass {how.__name__}(...)."
        )
        raise ArgumentError(message)
    elif hasattr(how, "fit") and hasattr(how, "transform"):
        return _fitted(how, space, targets)
    else:
        matrix = _matrix(how)
        if matrix is not None and matrix.shape == (2,) and matrix.dtype.kind in "iu":
            return _pair(matrix, space)
        if matrix is not None and matrix.shape == (units, 2) and np.isfinite(matrix).all():
            return _from_matrix(matrix, space)
        if matrix is not None and matrix.ndim == 2:
            message = (
                f"projection must have the shape ({units}, 2), a row for each unit of layer "
                f"{layer!r}, and be finite. Got the shape {matrix.shape}."
            )
            raise ArgumentError(message)
    message = (
        "projection must be 'pca', 'aligned', a pair of units, a matrix of the shape (units, 2), "
        "an object with fit and transform or, in feature_space and for three units, 'rotate'. Got "
        f"{how!r}."
    )
    raise ArgumentError(message)


class _Space(NamedTuple):
    """A layer's outputs by snapshot, and what the shape of one was."""

    layer: str
    outputs: Callable[[], Iterator[np.ndarray]]
    shape: tuple[int, ...]
    units: int
    averaged: bool

    @classmethod
    def of(
        cls, layer: str, outputs: Callable[[], Iterator[np.ndarray]], *, averaged: bool
    ) -> "_Space":
        first = next(outputs())
        units = flattened(first, averaged=averaged).shape[1]
        return cls(layer, outputs, first.shape[1:], units, averaged)

    def by_snapshot(self) -> Iterator[np.ndarray]:
        """Yield the outputs of each snapshot, shape (points, units)."""
        return (flattened(values, averaged=self.averaged) for values in self.outputs())

    def pieces(self) -> Iterator[np.ndarray]:
        """Yield finite outputs of as many snapshots as are held at once, shape (rows, units)."""
        held: list[np.ndarray] = []
        for values in self.by_snapshot():
            held.append(values[np.isfinite(values).all(axis=1)])
            if sum(one.size for one in held) > _LARGEST_FIT:
                yield np.concatenate(held)
                held = []
        if held:
            yield np.concatenate(held)

    def together(self) -> np.ndarray:
        """Return the finite outputs of all snapshots, shape (rows, units)."""
        return _enough(np.concatenate(list(self.pieces())), self.layer)

    def repeated(self, targets: np.ndarray) -> np.ndarray:
        """Return the targets of the rows that `together` returns."""
        rows = (np.isfinite(values).all(axis=1) for values in self.by_snapshot())
        return np.concatenate([targets[finite] for finite in rows])

    def mean(self) -> np.ndarray:
        """Return the mean of the finite outputs of all snapshots."""
        total, count = np.zeros(self.units), 0
        for rows in self.pieces():
            total += rows.sum(axis=0, dtype=np.float64)
            count += len(rows)
        return total / max(count, 1)

    def linear(
        self,
        titles: tuple[str, str],
        key: str | None,
        origins: np.ndarray,
        bases: np.ndarray,
        through: str,
    ) -> LinearProjection:
        key = None if key is None else f"{key}, {'averaged' if self.averaged else 'flattened'}"
        return LinearProjection(titles, self.averaged, key, origins, bases, through, self.shape)


def _principal_components(space: _Space) -> LinearProjection:
    """Return the two principal components of all snapshots together."""
    decomposition = _scikit_learn("sklearn.decomposition")
    pieces = space.pieces()
    piece, following = _enough(next(pieces), space.layer), next(pieces, None)
    if following is None:
        pca = decomposition.PCA(2, random_state=0).fit(piece)
    else:
        pca = decomposition.IncrementalPCA(min(space.units, _COMPONENTS_BY_PIECES))
        for rows in itertools.chain([piece, following], pieces):
            pca.partial_fit(rows)
    first, second = (_percent(share) for share in pca.explained_variance_ratio_[:2])
    return space.linear(
        titles=(
            f"{space.layer}, component 1 ({first} %)",
            f"{space.layer}, component 2 ({second} %)",
        ),
        key="pca",
        origins=pca.mean_[None].astype(np.float64),
        bases=pca.components_[:2].T[None].astype(np.float64),
        through="the mean over all epochs, along both components",
    )


def _aligned_components(space: _Space) -> LinearProjection:
    """Return principal components of each snapshot, turned to meet those before it.

    References
    ----------
    P. H. Schönemann, "A generalized solution of the orthogonal Procrustes problem" (1966)
    """
    decomposition = _scikit_learn("sklearn.decomposition")
    procrustes = _scikit_learn("scipy.linalg").orthogonal_procrustes
    origins: list[np.ndarray] = []
    bases: list[np.ndarray] = []
    shares = []
    before: np.ndarray | None = None
    for values in space.by_snapshot():
        finite = np.isfinite(values).all(axis=1)
        seen = values[finite]
        if before is not None and (seen == seen[:1]).all():
            # Nothing, or one and the same for all points: there is nothing to turn to.
            origins.append(origins[-1])
            bases.append(bases[-1])
            continue
        pca = decomposition.PCA(2, random_state=0).fit(_enough(seen, space.layer))
        base = pca.components_.T.astype(np.float64)
        centred = np.where(finite[:, None], values - pca.mean_, 0)
        if before is not None:
            base = base @ procrustes(centred @ base, before)[0]
        before = centred @ base
        origins.append(pca.mean_.astype(np.float64))
        bases.append(base)
        shares.append(pca.explained_variance_ratio_.sum())
    least, greatest = _percent(min(shares)), _percent(max(shares))
    explained = f"{least} %" if least == greatest else f"{least} to {greatest} %"
    return space.linear(
        titles=(
            f"{space.layer}, aligned components ({explained} in both)",
            f"{space.layer}, second direction",
        ),
        key="aligned",
        origins=np.stack(origins),
        bases=np.stack(bases),
        through="the mean of the epoch, along both components",
    )


def _pair(pair: np.ndarray, space: _Space) -> LinearProjection:
    units = space.units
    first, second = pair.tolist()
    if first == second or not (0 <= first < units and 0 <= second < units):
        message = (
            f"projection must be two different units of layer {space.layer!r}, counted from 0 to "
            f"{units - 1}. Got {(first, second)}."
        )
        raise ArgumentError(message)
    base = np.zeros((units, 2))
    base[[first, second], [0, 1]] = 1
    origin = np.where(base.any(axis=1), 0.0, space.mean())
    return space.linear(
        titles=(f"{space.layer}[{first}]", f"{space.layer}[{second}]"),
        key=f"units {first} and {second}",
        origins=origin[None],
        bases=base[None],
        through="the mean over all epochs of the other units",
    )


def _from_matrix(matrix: np.ndarray, space: _Space) -> LinearProjection:
    base = matrix.astype(np.float64)
    if np.linalg.matrix_rank(base) < 2:
        message = "projection must have two directions. Got a matrix whose columns are parallel."
        raise ArgumentError(message)
    # A point of the plane stands for that point of the space which is nearest to the mean.
    mean = space.mean()
    origin = mean - mean @ base @ np.linalg.pinv(base)
    return space.linear(
        titles=(f"{space.layer}, direction 1", f"{space.layer}, direction 2"),
        key=f"matrix {hashed(base)}",
        origins=origin[None],
        bases=base[None],
        through="the mean over all epochs, along both directions",
    )


def _fitted(how: Any, space: _Space, targets: Callable[[], np.ndarray]) -> Projection:
    """Return a projection of the user's own, fitted on all snapshots together."""
    flat = space.together()
    name = type(how).__name__
    with _failures_told(f"projection {name} cannot be fitted to layer {space.layer!r}"):
        # The user's own stays as it is.
        if _needs_targets(how):
            fitted = copy.deepcopy(how)
            fitted.fit(flat, space.repeated(targets()))
        else:
            fitted = _fitted_without_targets(how, flat, lambda: space.repeated(targets()))
        first = _checked_plane(fitted.transform(flat[:4]), min(4, len(flat)))
    titles = (f"{space.layer}, {name} 1", f"{space.layer}, {name} 2")
    back = _way_back(fitted, flat[:4], first)
    if back is None:
        return FittedProjection(titles, space.averaged, None, fitted)
    origin, base = back
    return space.linear(titles, None, origin[None], base[None], f"what {name} takes (0, 0) back to")


def _fitted_without_targets(how: Any, flat: np.ndarray, targets: Callable[[], np.ndarray]) -> Any:
    """Return a copy that is fitted; with targets where it shows only then that it needs them."""
    fitted = copy.deepcopy(how)
    try:
        fitted.fit(flat)
    except Exception as error:
        if "y" not in _parameters_of(how.fit):
            raise
        try:
            fitted = copy.deepcopy(how)
            fitted.fit(flat, targets())
        except Exception:  # it was not the targets that were missing
            raise error from None
    return fitted


def _needs_targets(how: Any) -> bool:
    """Return whether ``fit`` takes targets behind the values, without a default for them."""
    others = list(_parameters_of(how.fit).values())[1:]
    positional = [one for one in others if one.kind is one.POSITIONAL_OR_KEYWORD]
    return bool(positional) and positional[0].default is inspect.Parameter.empty


def _parameters_of(function: Any) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):  # written in another language
        return {}


@contextmanager
def _failures_told(what: str) -> Iterator[None]:
    """Turn what a user's own object raises, which may be anything, into one error."""
    try:
        yield
    except ReplayChartError:
        raise
    except Exception as error:
        reason = str(error) or type(error).__name__
        if isinstance(error, (AttributeError, KeyError, NotImplementedError)):
            reason = f"{type(error).__name__}: {error}"
        message = f"{what}: {reason}"
        raise ArgumentError(message) from error


def _way_back(
    fitted: Any, values: np.ndarray, some: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return origin and base of a projection that is linear and can be inverted, else None.

    Parameters
    ----------
    fitted : object
        The user's own.
    values : numpy.ndarray, shape (rows, units)
        Some outputs.
    some : numpy.ndarray, shape (rows, 2)
        Where it shows them.
    """
    if not hasattr(fitted, "inverse_transform"):
        return None
    try:
        corners = np.vstack([np.zeros((1, 2)), np.eye(2), some])
        taken = np.asarray(fitted.inverse_transform(corners), np.float64)
    except Exception:  # whatever the user's own raises
        return None
    origin, directions = taken[0], taken[1:3] - taken[0]
    if taken.shape[1:] != values.shape[1:] or np.linalg.matrix_rank(directions) < 2:
        return None
    base = np.linalg.pinv(directions)
    straight = np.allclose(origin + some @ directions, taken[3:], rtol=1e-4, atol=1e-5)
    returns = np.allclose(fitted.transform(taken), corners, rtol=1e-4, atol=1e-4)
    # It may look at the space along another direction than at a right angle to its plane.
    upright = np.allclose((values - origin) @ base, some, rtol=1e-4, atol=1e-4)
    return (origin, base) if straight and returns and upright else None


def _checked_plane(coordinates: Any, points: int) -> np.ndarray:
    array = np.asarray(coordinates, np.float32)
    if array.shape != (points, 2):
        message = (
            f"projection must transform {points} points to the shape ({points}, 2). Got the shape "
            f"{array.shape}."
        )
        raise ArgumentError(message)
    return array


def _matrix(how: object) -> np.ndarray | None:
    try:
        matrix = np.asarray(how)
    except (TypeError, ValueError):
        return None
    return matrix if matrix.dtype.kind in "iuf" else None


def hashed(array: np.ndarray) -> str:
    """Return a text that tells an array of numbers from others."""
    return hashlib.sha256(np.ascontiguousarray(array, np.float64).tobytes()).hexdigest()[:32]


def _enough(finite: np.ndarray, layer: str) -> np.ndarray:
    if len(finite) < 2:
        message = (
            f"layer {layer!r} gives fewer than two points without NaN or infinity, so there is "
            "nothing to project."
        )
        raise ArgumentError(message)
    return finite


def _percent(share: float) -> str:
    return f"{100 * share:.0f}" if share >= 0.01 else f"{100 * share:.2g}"


def _scikit_learn(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        message = (
            "Projections of layers with more than two units need scikit-learn: pip install "
            "'replaychart[projections]'. A pair of units or a matrix needs no package."
        )
        raise MissingDependencyError(message) from error
