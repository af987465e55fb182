"""The size limit of a chart: above it, the chart is thinned to fewer epochs and points."""

import math
import sys
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np

from replaychart.arguments import is_number
from replaychart.drawing.clock import Clock
from replaychart.drawing.packing import path_bytes
from replaychart.errors import ArgumentError
from replaychart.planes.paths import Paths
from replaychart.run import Run

Traced = TypeVar("Traced", bound=tuple[Paths | None, ...])

# The default of every chart's `max_bytes`.
MAX_BYTES = 20_000_000
# Bytes per point besides its packed values: its number, its target and the column names.
_BYTES_PER_POINT = 80
# More epochs do not make an animation smoother, and more points do not make a scatter plot clearer,
# so any beyond these numbers are left out first.
_ENOUGH_EPOCHS = 200
_ENOUGH_POINTS = 2_000
_FEW_EPOCHS = 20
_FEWEST_EPOCHS = 2
# The size of all paths is estimated from this many epochs.
_SAMPLED_EPOCHS = 200


class Kept(NamedTuple):
    """The epochs that a chart keeps, and its points by number, in the order of `drawing_order`."""

    clock: Clock
    points: np.ndarray


def check_max_bytes(max_bytes: Any) -> None:
    """Raise `ArgumentError` unless the limit is None or at least a kilobyte."""
    number = is_number(max_bytes)
    if max_bytes is not None and not (number and 1000 <= float(max_bytes) < math.inf):
        message = f"max_bytes must be at least 1000, or None for no limit. Got {max_bytes!r}."
        raise ArgumentError(message)


def kept_epochs(
    run: Run, clock: Clock, max_bytes: float | None, *, bytes_per_epoch: float
) -> Clock:
    """Return a clock with as many evenly spaced epochs as the limit allows.

    Parameters
    ----------
    run : Run
        The run.
    clock : Clock
        The epochs requested for the chart.
    max_bytes : float or None
        The size limit; None for no limit.
    bytes_per_epoch : float
        Bytes per epoch.

    Warns
    -----
    UserWarning
        Epochs are left out.
    """
    if max_bytes is None or bytes_per_epoch * len(clock.epochs) <= max_bytes:
        return clock
    fewer = clock.thinned(max(_FEWEST_EPOCHS, int(max_bytes // bytes_per_epoch)))
    least = bytes_per_epoch * min(_FEWEST_EPOCHS, len(clock.epochs))
    _warn(run, clock, fewer, None, max_bytes, least=least)
    return fewer


def kept(
    run: Run,
    clock: Clock,
    max_bytes: float | None,
    *,
    bytes_per_point: float,
    bytes_per_epoch: float,
    fewest_bytes: Callable[[Clock], float] | None = None,
) -> Kept:
    """Return as many epochs and points as the limit allows.

    Epochs are evenly spaced. Points are evenly spaced in the order of their targets, which gives a
    proportional sample of each class.

    Parameters
    ----------
    run : Run
        The run.
    clock : Clock
        The epochs requested for the chart.
    max_bytes : float or None
        The size limit; None for no limit.
    bytes_per_point : float
        Bytes per point and epoch.
    bytes_per_epoch : float
        Additional bytes per epoch.
    fewest_bytes : callable, optional
        Returns the additional bytes for all epochs of a clock with very few epochs. Default:
        `bytes_per_epoch` for each.

    Warns
    -----
    UserWarning
        Epochs or points are left out.
    """
    all_epochs, all_points = len(clock.epochs), len(run.targets)
    everything = np.arange(all_points)
    if max_bytes is None:
        return Kept(clock, drawing_order(run, everything))

    def epochs_with(points: int) -> int:
        left = max_bytes - points * _BYTES_PER_POINT
        return int(left // (points * bytes_per_point + bytes_per_epoch))

    def points_with(epochs: int) -> int:
        left = max_bytes - epochs * bytes_per_epoch
        return int(left // (_BYTES_PER_POINT + epochs * bytes_per_point))

    if epochs_with(all_points) >= all_epochs:
        return Kept(clock, drawing_order(run, everything))
    epochs = _between(epochs_with(all_points), _ENOUGH_EPOCHS, all_epochs)
    points = _between(points_with(epochs), _ENOUGH_POINTS, all_points)
    if bytes_per_epoch > points * bytes_per_point and epochs_with(points) >= _FEW_EPOCHS:
        # The points are not what takes up the space, so they are not reduced further.
        share, epochs = 1.0, min(epochs, epochs_with(points))
    else:
        # Reduce epochs and points by the same factor, the root of a quadratic equation.
        product = epochs * points * bytes_per_point
        half = (points * _BYTES_PER_POINT + epochs * bytes_per_epoch) / 2
        share = min(1.0, max_bytes / (half + math.sqrt(half**2 + product * max_bytes)))
    # Whatever the limit, a chart keeps at least one point, and two epochs to move between.
    epochs = min(all_epochs, max(_FEWEST_EPOCHS, int(share * epochs)))
    points = min(int(share * points), points_with(epochs))
    fewer = Kept(clock.thinned(epochs), share_of_points(run, max(1, points)))
    fewest = clock.thinned(_FEWEST_EPOCHS)
    least = len(share_of_points(run, 1)) * (_BYTES_PER_POINT + len(fewest.epochs) * bytes_per_point)
    least += fewest_bytes(fewest) if fewest_bytes else bytes_per_epoch * len(fewest.epochs)
    _warn(run, clock, fewer.clock, fewer.points, max_bytes, least=least)
    return fewer._replace(points=drawing_order(run, fewer.points))


def drawing_order(run: Run, points: np.ndarray) -> np.ndarray:
    """Return points in the order in which they are drawn, which is the same at every epoch.

    Points of rare classes come last, so that they are on top. Classes whose frequencies differ by
    less than about a factor of two keep their recorded order, so that neither hides the other.

    Parameters
    ----------
    run : Run
        The run.
    points : numpy.ndarray of int64, shape (points,)
        Numbers of points, in ascending order.
    """
    if not run.classes:
        return points
    targets = run.targets[points]
    counts = np.bincount(targets, minlength=run.classes)
    halvings = np.floor(np.log2(counts.max() / np.maximum(counts, 1)))
    return points[np.argsort(halvings[targets], kind="stable")]


def kept_around_paths(
    run: Run,
    clock: Clock,
    max_bytes: float | None,
    trace: Callable[[Clock], Traced],
    *,
    bytes_per_point: float,
    bytes_per_epoch: float = 0,
) -> tuple[Clock, np.ndarray, Traced]:
    """Return as many epochs and points as the limit allows, and the paths of those epochs.

    The size of an epoch's paths is estimated from a sample of epochs, to avoid tracing paths that
    are then left out.

    Parameters
    ----------
    run, clock, max_bytes, bytes_per_point
        As for `kept`.
    trace : callable
        Returns the paths at the epochs of a clock; None for each kind that is not drawn.
    bytes_per_epoch : float, default 0
        Additional bytes per epoch, besides those of the paths.

    Returns
    -------
    clock, points
        As in `Kept`.
    paths
        The result of `trace` for that clock.

    Warns
    -----
    UserWarning
        Epochs or points are left out.
    """
    sample = clock.thinned(_SAMPLED_EPOCHS)
    paths = trace(sample)
    clock, points = kept(
        run,
        clock,
        max_bytes,
        bytes_per_point=bytes_per_point,
        bytes_per_epoch=bytes_per_epoch + _bytes_of(paths, sample) / len(sample.epochs),
        fewest_bytes=lambda fewest: (
            bytes_per_epoch * len(fewest.epochs) + _bytes_of(trace(fewest), fewest)
        ),
    )
    same = len(clock.epochs) == len(sample.epochs)
    return clock, points, paths if same else trace(clock)


def _bytes_of(paths: tuple[Paths | None, ...], clock: Clock) -> float:
    return sum(path_bytes(one, len(clock.epochs)) for one in paths if one is not None)


def _between(count: int, least: int, most: int) -> int:
    return min(max(count, least), most)


def share_of_points(run: Run, count: int) -> np.ndarray:
    """Return the numbers of `count` points whose targets are distributed as those of all points."""
    every = len(run.targets)
    if count >= every:
        return np.arange(every)
    order = np.arange(every)
    if run.targets.ndim == 1:
        order = np.argsort(run.targets, kind="stable")
    evenly = order[np.arange(count) * every // count]
    if not run.classes:
        return np.sort(evenly)
    # A class may be too rare to appear in the sample, so one point of each is added.
    _, first_of_class = np.unique(run.targets, return_index=True)
    return np.union1d(evenly, first_of_class)


def _warn(
    run: Run,
    clock: Clock,
    fewer: Clock,
    points: np.ndarray | None,
    max_bytes: float,
    *,
    least: float,
) -> None:
    """Warn that epochs or points are left out, or that the limit is too small for the chart."""
    kept = []
    if len(fewer.epochs) < len(clock.epochs):
        kept.append(f"{len(fewer.epochs):,} of {len(clock.epochs):,} epochs (evenly spaced)")
    if points is not None and len(points) < len(run.targets):
        sample = "a proportional sample of each class" if run.classes else "evenly spaced by target"
        kept.append(f"{len(points):,} of {len(run.targets):,} points ({sample})")
    chart = f"the chart of run {run.name!r}"
    if least > max_bytes:
        message = (
            f"max_bytes={max_bytes:,.0f} is too small for {chart}, which needs at least about "
            f"{_two_digits(least):,} bytes."
        )
        if kept:
            message += f" It keeps {' and '.join(kept)}."
    else:
        message = f"To stay within max_bytes={max_bytes:,.0f}, {chart} keeps {' and '.join(kept)}."
    if kept:
        message += " Pass max_bytes=None to keep everything."
    warnings.warn(message, UserWarning, stacklevel=_calls_within_this_package() + 1)


def _two_digits(number: float) -> int:
    """Return a number rounded to the two significant digits of an estimate."""
    return int(float(f"{number:.2g}"))


def _calls_within_this_package() -> int:
    """Return the number of nested calls from the user's code to the caller of this function."""
    call, count = sys._getframe(1), 0
    while call.f_back is not None and call.f_globals["__name__"].startswith("replaychart."):
        call, count = call.f_back, count + 1
    return count
