"""The recorded weights: read at once if they are small, otherwise row by row."""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from replaychart.errors import EvaluationError
from replaychart.facts.layers import Variable

# Above this many bytes, the weights of a run stay in its file and are read as they are requested.
IN_MEMORY = 64 * 1024**2


class PartOfRows(NamedTuple):
    """The part of the rows of a dtype that contains some variables.

    Attributes
    ----------
    spans : list of slice
        The columns, without those of other variables.
    starts : dict of int to int
        Where each variable starts among these columns, by its position.
    size : int
        The number of columns.
    """

    spans: list[slice]
    starts: dict[int, int]
    size: int


def parts_of_rows(variables: Sequence[Variable], positions: Sequence[int]) -> dict[str, PartOfRows]:
    """Return the part of the rows with some of a model's variables, by dtype."""
    starts = spans(variables)
    found: dict[str, PartOfRows] = {}
    for position in sorted(set(positions)):
        variable = variables[position]
        if not variable.recorded:
            continue
        before = found.get(variable.dtype, PartOfRows([], {}, 0))
        start, stop = starts[position], starts[position] + math.prod(variable.shape)
        columns = [*before.spans, slice(start, stop)]
        if before.spans and before.spans[-1].stop == start:
            columns[-2:] = [slice(before.spans[-1].start, stop)]
        own = before.starts | {position: before.size}
        found[variable.dtype] = PartOfRows(columns, own, before.size + stop - start)
    return found


def runs_of(snapshots: Sequence[int]) -> Iterator[tuple[int, range]]:
    """Yield the runs of consecutive snapshots, which are read together, and where they begin."""
    cuts = [0, *(np.flatnonzero(np.diff(snapshots) != 1) + 1).tolist(), len(snapshots)]
    for start, stop in itertools.pairwise(cuts):
        if stop > start:
            yield start, range(snapshots[start], snapshots[stop - 1] + 1)


class Rows:
    """A block of weights in the file of a run; the rows read last are kept.

    Parameters
    ----------
    snapshots : int
        The number of rows.
    read : callable
        Returns the rows of the given snapshots, shape (snapshots, values).
    """

    def __init__(self, snapshots: int, read: Callable[[list[int]], np.ndarray]) -> None:
        self.snapshots = snapshots
        self._read = read
        self._last: tuple[list[int], np.ndarray] | None = None

    def of(self, snapshots: list[int]) -> np.ndarray:
        """Return the flattened weights of snapshots."""
        if self._last is None or self._last[0] != snapshots:
            self._last = (snapshots, self._read(snapshots))
        return self._last[1]


class WeightInFile:
    """One variable at all snapshots, which reads like an array of shape (snapshots, ...).

    Parameters
    ----------
    rows : Rows
        The block that contains it.
    start : int
        Where it starts in a row.
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
        """Return the values of one snapshot or of several."""
        chosen = np.arange(len(self))[snapshot]
        rows = self._rows.of(np.atleast_1d(chosen).tolist())[:, self._span]
        return rows.reshape(*chosen.shape, *self.shape[1:])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Return all values as an array."""
        return np.asarray(self[:], dtype=dtype)


class UnrecordedWeight:
    """A variable that was not recorded; reading its values raises an error.

    Parameters
    ----------
    run : str
        The run's name.
    snapshots : int
        The number of snapshots.
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
        """Raise `EvaluationError`."""
        raise self.missing()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Raise `EvaluationError`."""
        raise self.missing()

    def missing(self) -> EvaluationError:
        """Return the error that reading the values raises."""
        recorded = ", ".join(repr(layer) for layer in self._recorded)
        message = (
            f"This needs the weights of layer {self._layer!r}, which run {self._run!r} does not "
            f"contain: it was recorded with layers={recorded}."
        )
        return EvaluationError(message)


Weight = np.ndarray | WeightInFile | UnrecordedWeight


def spans(variables: Sequence[Variable]) -> list[int]:
    """Return where each variable starts in the row of its dtype; only recorded ones take room."""
    taken: dict[str, int] = {}
    starts = []
    for variable in variables:
        starts.append(taken.get(variable.dtype, 0))
        if variable.recorded:
            size = int(np.prod(variable.shape, dtype=np.int64))
            taken[variable.dtype] = starts[-1] + size
    return starts


def packed(variables: Sequence[Variable], values: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Return the recorded variables as one flat array per dtype.

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
