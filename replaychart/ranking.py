"""`leaderboard`: several runs as a table, the best one first."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from replaychart.arguments import items_of, require_one_of
from replaychart.evaluation.curves import SOURCES, Source
from replaychart.facts.metric_directions import is_score
from replaychart.run import Run, named_runs

_NO_METRIC = "learning_rate"
# Sorted by the first of these that all runs have.
_DEFAULTS = ("val_loss", "loss")


def leaderboard(
    runs: Mapping[str, Run | Sequence[Run]],
    *,
    by: str | None = None,
    source: Source = "training",
    highest: Collection[str] = (),
) -> pd.DataFrame:
    """Return one row per run: how it was set up, and what it reached.

    Everything is read from the recordings. With ``source="training"``, nothing is evaluated, so a
    whole sweep takes moments and needs no Keras.

    Parameters
    ----------
    runs : mapping of str to Run or sequence of Run
        The runs by the name to show, as `open_runs` returns them. Each run of a sequence, such as
        the seeds of one setting, has a row of its own.
    by : str, optional
        The loss or metric whose best value sorts the rows, as in `Run.history`. Default: the
        validation loss if all runs have it, otherwise the loss, or the first metric.
    source : {"training", "replay"}, default "training"
        Whether to use the values that were logged during training, or those of the recorded
        snapshots over the recorded points.
    highest : collection of str, optional
        Metrics of which the highest value is the best. Default: those whose names say so, such as
        accuracies, AUC, precision, recall and F1; of all others, the lowest value is the best.

    Returns
    -------
    pandas.DataFrame
        One row per run, the best one first, with the columns

        - ``name`` and ``run`` (str): the name to show, and the name in the file
        - ``state`` (str): as in `Run.state`
        - ``architecture``, ``activations`` and ``optimizer`` (str): ``""`` if they are not known
        - ``learning_rate`` and ``last_learning_rate`` (float64): NaN if they are not known
        - other settings of the optimizer, such as ``momentum`` (float64), if they differ between
          runs; NaN for an optimizer that has no such setting
        - ``batches_per_epoch`` (Int64) and ``weights`` (Int64): the number of batches in a training
          epoch, and of weights of the model; missing if they are not known
        - ``epochs`` (dtype of `Run.epochs`): the last recorded epoch
        - for each loss and metric, such as ``val_loss``: its last value (``val_loss``), its best
          value (``best_val_loss``; both float64) and the recorded epoch of the best value
          (``best_val_loss_epoch``; the first one, if there are several). They are NaN for a run
          that does not have it, and values that are NaN or infinite are never the best.

        Losses of different loss functions cannot be compared with each other.

    Raises
    ------
    ArgumentError
        `runs` is not a mapping from names to runs, no run has the metric `by`, or another argument
        is invalid.
    EvaluationError
        A metric of a run cannot be replayed.

    See Also
    --------
    compare : the curves of several runs.
    open_runs : opens all runs of a file.

    Examples
    --------
    >>> import replaychart as rc
    >>> run = rc.open_run(rc.datasets.parabola_recording())
    >>> table = rc.leaderboard({"sigmoid": run}, by="acc")
    >>> table[["architecture", "optimizer", "learning_rate", "weights"]].values.tolist()
    [['2-2-1', 'SGD', 0.05, 9]]
    """
    named = named_runs(runs)
    require_one_of("source", source, SOURCES)
    scores = items_of("highest", highest, "names of metrics")
    every = [(name, run) for name, some in named.items() for run in some]
    metrics = metric_names([run for _, run in every], source)
    for score in scores:
        require_one_of("highest", score, metrics)
    by = default_metric([run for _, run in every], source) if by is None else by
    if metrics or by is not None:
        require_one_of("by", by, metrics)
    parts: list[Any] = [
        [_setup(name, run) for name, run in every],
        _differing([run.hyperparameters.settings for _, run in every]),
        [_size(run) for _, run in every],
        [_reached(run, metrics, source, scores) for _, run in every],
    ]
    table = pd.concat([pd.DataFrame(part) for part in parts], axis=1)
    table = table.astype({"batches_per_epoch": "Int64", "weights": "Int64"})
    if by is not None:
        ascending = not (by in scores or is_score(by))
        table = table.sort_values(f"best_{by}", ascending=ascending, kind="stable")
    return table.reset_index(drop=True)


def metric_names(runs: Sequence[Run], source: Source) -> list[str]:
    """Return the losses and metrics that any of several runs has."""
    names = dict.fromkeys(name for run in runs for name in run.curves.names(source))
    return [name for name in names if not name.startswith(_NO_METRIC)]


def default_metric(runs: Sequence[Run], source: Source) -> str | None:
    """Return the metric by which runs are sorted if the user names none; None if there is none."""
    known = [run.curves.names(source) for run in runs]
    shared = (name for name in _DEFAULTS if all(name in names for names in known))
    return next(shared, next(iter(metric_names(runs, source)), None))


def _setup(name: str, run: Run) -> dict[str, Any]:
    """Return what a run is called, and how it was set up."""
    setup = run.hyperparameters
    rates = setup.learning_rates or [np.nan]
    return {
        "name": name,
        "run": run.name,
        "state": run.state,
        "architecture": setup.architecture,
        "activations": setup.activations,
        "optimizer": setup.optimizer,
        "learning_rate": _rounded(rates[0]),
        "last_learning_rate": _rounded(rates[-1]),
    }


def _size(run: Run) -> dict[str, Any]:
    """Return how large a model is, and how long it was trained."""
    return {
        "batches_per_epoch": run.batches_per_epoch,
        "weights": run.weight_count,
        "epochs": run.epochs[-1],
    }


def _differing(settings: list[dict[str, float]]) -> dict[str, list[float]]:
    """Return the settings of the optimizers that differ between runs."""
    names = dict.fromkeys(name for some in settings for name in some)
    columns = {name: [_rounded(some.get(name, np.nan)) for some in settings] for name in names}
    return {
        name: values
        for name, values in columns.items()
        if len({some[name] for some in settings if name in some}) > 1
    }


def _rounded(value: float) -> float:
    """Return a number that was stored in single precision as the one that was written."""
    return float(f"{value:.6g}")


def _reached(
    run: Run, metrics: list[str], source: Source, scores: Sequence[str]
) -> dict[str, float]:
    """Return the last and the best value of each metric, with the epoch of the latter."""
    columns: dict[str, float] = {}
    own = run.curves.names(source)
    for metric in metrics:
        values = run.curves.values(metric, source=source) if metric in own else np.array([])
        known = np.flatnonzero(~np.isnan(values))
        finite = np.flatnonzero(np.isfinite(values))
        sign = -1 if metric in scores or is_score(metric) else 1
        best = finite[np.argmin(sign * values[finite])] if len(finite) else None
        columns |= {
            metric: values[known[-1]] if len(known) else np.nan,
            f"best_{metric}": np.nan if best is None else values[best],
            f"best_{metric}_epoch": np.nan if best is None else run.epochs[best],
        }
    return columns
