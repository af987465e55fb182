"""The recorded weights: read at once where they are few, row by row where they are many."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from replaychart.errors import EvaluationError
from replaychart.facts.layers import Variable

# Above this many bytes the weights of a run stay in its file, but for the snapshot asked for.
IN_MEMORY = 512 * 1024**2


class Rows:
    """One block of a run's weights in its file, of which the rows read last are kept.

    Parameters
    ----------
    snapshots : int
        How many rows there are.
    read : callable
        Returns the rows of snapshots, shape (snapshots, numbers).
    """

    def __init__(self, snapshots: int, read: Callable[[list[int]], np.ndarray]) -> None:
        self.snapshots = snapshots
        self._read = read
        self._last: tuple[list[int], np.ndarray] | None = None

    def of(self, snapshots: list[int]) -> np.ndarray:
        """Return the flat weights of snapshots."""
        if self._last is None or self._last[0] != snapshots:
            self._last = (snapshots, self._read(snapshots))
        return self._last[1]


class WeightInFile:
    """One variable over the snapshots, which reads like an array of the shape (snapshots, ...).

    Parameters
    ----------
    rows : Rows
        The block that it lies in.
    start : int
        Where it begins in a row.
    variable : Variable
        Its shape and dtype.
    """

    def __init__(self, rows: Rows, start: int, variable: Variable) -> None:
        self._rows = rows
        self._span = slice(start, start + int(np.prod(variable.shape, dtype=np.int64)))
        self.dtype = np.dtype(variable.dtype)
        self.shape = (rows.snapshots, *variable.shape)

    def __len__(self) -> int:
        """Return the number of snapshots."""
        return self._rows.snapshots

    def __getitem__(self, snapshot: Any) -> np.ndarray:
        """Return one snapshot's values, or those of several."""
        chosen = np.arange(len(self))[snapshot]
        rows = self._rows.of(np.atleast_1d(chosen).tolist())[:, self._span]
        return rows.reshape(*chosen.shape, *self.shape[1:])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Return all of them as an array."""
        return np.asarray(self[:], dtype=dtype)


class UnrecordedWeight:
    """A variable that the recorder was told to leave out; whoever asks for its values is told so.

    Parameters
    ----------
    run : str
        The run's name.
    snapshots : int
        How many snapshots the run has.
    variable : Variable
        Its layer and shape.
    recorded : sequence of str
        The layers whose weights were recorded.
    """

    dtype = np.dtype(np.float32)

    def __init__(
        self, run: str, snapshots: int, variable: Variable, recorded: Sequence[str]
    ) -> None:
        self._run = run
        self._layer = variable.layer
        self._recorded = recorded
        self.shape = (snapshots, *variable.shape)

    def __len__(self) -> int:
        """Return the number of snapshots."""
        return self.shape[0]

    def __getitem__(self, snapshot: Any) -> np.ndarray:
        """Raise `EvaluationError`: there are no values."""
        raise self.missing()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Raise `EvaluationError`: there are no values."""
        raise self.missing()

    def missing(self) -> EvaluationError:
        """Return the error for whoever needs the values."""
        recorded = ", ".join(repr(layer) for layer in self._recorded)
        message = (
            f"This needs the weights of layer {self._layer!r}, which run {self._run!r} does not "
            f"hold: the Recorder was told to record layers={recorded}."
        )
        return EvaluationError(message)


Weight = np.ndarray | WeightInFile | UnrecordedWeight


def spans(variables: Sequence[Variable]) -> list[int]:
    """Return where each variable begins in the row of its dtype; recorded ones take room."""
    taken: dict[str, int] = {}
    starts = []
    for variable in variables:
        starts.append(taken.get(variable.dtype, 0))
        if variable.recorded:
            size = int(np.prod(variable.shape, dtype=np.int64))
            taken[variable.dtype] = starts[-1] + size
    return starts


def packed(variables: Sequence[Variable], values: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Return one flat array for each dtype, of the variables that are recorded.

    Parameters
    ----------
    variables : sequence of Variable
        The model's variables.
    values : sequence of numpy.ndarray
        Their values, in the same order.
    """
    by_dtype: dict[str, list[np.ndarray]] = {}
    for variable, value in zip(variables, values, strict=True):
        if variable.recorded:
            by_dtype.setdefault(variable.dtype, []).append(value.ravel())
    return {
        dtype: pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
        for dtype, pieces in by_dtype.items()
    }
