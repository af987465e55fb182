"""Two runs on one slider: which epoch of each is shown at every stop."""

import dataclasses
from collections.abc import Callable
from typing import Literal, get_args

import numpy as np

from replaychart.arguments import require_one_of, shown
from replaychart.drawing.clock import Clock
from replaychart.drawing.expressions import literal
from replaychart.drawing.named_epochs import ShownEpoch
from replaychart.drawing.several_runs import pair_names, shared_by_both
from replaychart.errors import ArgumentError, EvaluationError
from replaychart.evaluation.paired_snapshots import paired_by_loss, paired_by_progress
from replaychart.facts.epochs import Epochs
from replaychart.planes.paths import Paths
from replaychart.run import Run, shared_epochs

# What two runs have in common at each stop of the slider.
PairedBy = Literal["epoch", "progress", "loss"]


@dataclasses.dataclass(frozen=True, eq=False)
class PairedRun:
    """One of two runs, with its epoch at every stop of the slider.

    Attributes
    ----------
    run : Run
        The run.
    name : str
        What to call it.
    stops : numpy.ndarray, shape (stops,)
        The epochs of the slider, which are those of the first run, in increasing order.
    epochs : numpy.ndarray, shape (stops,)
        This run's epoch at each of them, which never decreases.
    """

    run: Run
    name: str
    stops: np.ndarray
    epochs: np.ndarray

    def epochs_at(self, clock: Clock) -> np.ndarray:
        """Return this run's epoch at each of a clock's epochs, which are some of the stops."""
        return self.epochs[np.searchsorted(self.stops, clock.epochs)]

    def snapshots_at(self, clock: Clock) -> list[int]:
        """Return the different snapshots of this run at a clock's epochs."""
        return self.run.snapshots(np.unique(self.epochs_at(clock)))

    def values_at(self, clock: Clock, values: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Return values of this run at each of a clock's epochs, shape (epochs, ...).

        Parameters
        ----------
        clock : Clock
        values : callable
            Takes different epochs of this run, and returns an array with a row for each.
        """
        epochs, row = np.unique(self.epochs_at(clock), return_inverse=True)
        return values(epochs)[row]

    def paths_at(self, clock: Clock, paths: Paths, run: Run) -> Paths:
        """Return the paths of this run's snapshots as paths of those of the first run.

        Parameters
        ----------
        clock : Clock
        paths : Paths
            The paths at `snapshots_at`.
        run : Run
            The first run, whose epochs are those of the clock.
        """
        if run is self.run:
            return paths
        epochs = self.run.epochs[paths.snapshot]
        return Paths.from_pieces(
            piece._replace(snapshot=snapshot)
            for snapshot, epoch in zip(
                run.snapshots(clock.epochs), self.epochs_at(clock), strict=True
            )
            for piece in paths.where(epochs == epoch).pieces()
        )

    def epoch_expression(self, clock: Clock) -> str:
        """Return the expression for this run's epoch that is shown."""
        return f"{literal(self.epochs_at(clock).tolist())}[{clock.position_expression()}]"

    def text_expression(self, clock: Clock) -> str:
        """Return the expression for this run's epoch that is shown, as a string."""
        texts = [f"{epoch:.10g}" for epoch in self.epochs_at(clock)]
        return f"{literal(texts)}[{clock.position_expression()}]"


def paired_runs(
    run: Run,
    other: Run,
    names: tuple[str, str] | None,
    by: PairedBy,
    epochs: Epochs,
    epoch: ShownEpoch,
) -> tuple[Clock, tuple[PairedRun, PairedRun]]:
    """Return the clock of two runs of the same points, and both runs at all of its stops.

    Parameters
    ----------
    run, other : Run
        The runs. The slider has epochs of the first one.
    names : pair of str, optional
        What to call them. Default: their names.
    by : {"epoch", "progress", "loss"}
        What the runs have in common at each stop.
    epochs : float, slice, range or iterable of float, optional
        Epochs of the first run to include. Default: all that can be paired.
    epoch : float, {"last", "best", "half"} or altair.Parameter, optional
        The epoch shown initially, or the parameter that other charts share.

    Raises
    ------
    ArgumentError
        An argument is invalid, or no epochs can be paired.
    """
    require_one_of("clock", by, get_args(PairedBy))
    called = pair_names(run, other, names) or (run.name, other.name)
    if by == "epoch":
        stops = others = shared_epochs(run, other)
        clock = shared_by_both(run, other, epochs, epoch)
    else:
        stops, others = _by_progress(run, other) if by == "progress" else _by_loss(run, other)
        clock = Clock.of(run, _chosen(run, stops, epochs, by), epoch)
    first, second = called
    return clock, (PairedRun(run, first, stops, stops), PairedRun(other, second, stops, others))


def _by_progress(run: Run, other: Run) -> tuple[np.ndarray, np.ndarray]:
    return run.epochs, other.epochs[paired_by_progress(run.epochs, other.epochs)]


def _by_loss(run: Run, other: Run) -> tuple[np.ndarray, np.ndarray]:
    snapshots, others = paired_by_loss(_mean_losses(run), _mean_losses(other))
    if not len(snapshots):
        message = (
            "clock must be 'epoch' or 'progress' for two runs that never reached the same loss. "
            f"Got 'loss': run {other.name!r} never reached a loss of run {run.name!r}."
        )
        raise ArgumentError(message)
    return run.epochs[snapshots], other.epochs[others]


def _mean_losses(run: Run) -> np.ndarray:
    """Return the mean loss of the recorded points at each epoch."""
    try:
        return run.losses().mean(axis=1, dtype=np.float64)
    except EvaluationError as error:
        message = f"clock='loss' needs the losses of the points of run {run.name!r}. {error}"
        raise EvaluationError(message) from error


def _chosen(run: Run, stops: np.ndarray, epochs: Epochs, by: str) -> np.ndarray:
    """Return the stops among the epochs that were asked for."""
    if epochs is None:
        return stops
    both = np.intersect1d(Clock.of(run, epochs, None).epochs, stops)
    if not len(both):
        message = (
            f"epochs must be some at which run {run.name!r} can be paired by clock={by!r}: "
            f"{', '.join(f'{stop:g}' for stop in stops[:20])}{', ...' * (len(stops) > 20)}. Got "
            f"{shown(epochs)}."
        )
        raise ArgumentError(message)
    return both
