"""`key_epochs`: epochs at which much changes, with a sentence each."""

import numpy as np

from replaychart.arguments import require_at_least
from replaychart.errors import EvaluationError
from replaychart.evaluation.key_epochs import (
    Finding,
    accuracy_jumps,
    greatest_change,
    plateau,
)
from replaychart.run import Run, require_run


def key_epochs(run: Run, *, most: int = 6) -> dict[float, str]:
    """Return epochs at which much changes, or nothing does, with a sentence about each.

    They are the first and the last epoch; the step in which the outputs for the recorded points
    change the most per epoch; the largest rise and fall of the accuracy in one step, of at least 1
    percentage point; and the start of the longest plateau, in which the mean loss changes by less
    than 2 % of its range for at least 20 % of the epochs. If several are at the same epoch, it has
    one sentence for each. All values are those of the recorded points at the recorded epochs.

    Parameters
    ----------
    run : Run
        A recorded training run.
    most : int, default 6
        The largest number of epochs, at least 2. The most remarkable are kept.

    Returns
    -------
    dict of float to str
        The sentences by epoch, in ascending order, as `story` takes them.

    Raises
    ------
    ArgumentError
        `most` is less than 2.
    EvaluationError
        The model cannot be rebuilt.

    Examples
    --------
    >>> import replaychart as rc
    >>> run = rc.open_run(rc.datasets.parabola_recording())
    >>> list(rc.key_epochs(run, most=2))
    [0, 150]
    """
    require_run(run)
    require_at_least("most", most, 2)
    epochs = run.epochs.astype(np.float64)
    findings = greatest_change(run.outputs(), epochs)
    accuracy = _accuracy(run)
    if accuracy is not None:
        findings += accuracy_jumps(accuracy, epochs)
    loss = _loss(run)
    if loss is not None:
        findings += plateau(loss, epochs)
    last = len(epochs) - 1
    by_snapshot: dict[int, list[Finding]] = {place: [] for place in (0, last)}
    for finding in sorted(findings, key=lambda one: -one.weight):
        if finding.snapshot in by_snapshot or len(by_snapshot) < most:
            by_snapshot.setdefault(finding.snapshot, []).append(finding)
    return {
        run.epochs[place].item(): " ".join(
            [*_state(place, last, accuracy, loss), *(one.text for one in by_snapshot[place])]
        )
        for place in sorted(by_snapshot)
    }


def _state(
    place: int, last: int, accuracy: np.ndarray | None, loss: np.ndarray | None
) -> list[str]:
    """Return the sentence about the first or the last epoch, none about others."""
    if place not in (0, last):
        return []
    values = []
    if accuracy is not None:
        values.append(f"an accuracy of {accuracy[place]:.1%}")
    if loss is not None:
        values.append(f"a loss of {loss[place]:.3g}")
    when = "Before training" if place == 0 else "At the end"
    return [f"{when}: {' and '.join(values)}."] if values else [f"{when}."]


def _accuracy(run: Run) -> np.ndarray | None:
    """Return the share of points with the right class at each epoch; None without classes."""
    if not run.classes or run.targets.ndim > 1:
        return None
    return 1 - run.wrong().mean(axis=1)


def _loss(run: Run) -> np.ndarray | None:
    """Return the mean loss of the points at each epoch; None if it cannot be evaluated."""
    try:
        return run.losses().mean(axis=1, dtype=np.float64)
    except EvaluationError:
        return None
