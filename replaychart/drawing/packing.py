"""Packs data for the browser: whole numbers, arrays over the epochs, one row per point or level.

A packed dataset is recognized by its name. Its columns make it possible to draw a still image from
the data of one epoch alone (see `at_epoch`): ``replay_epoch`` is the epoch of a row; a column named
``replay_<name>`` contains an array with one entry for each of ``replay_epochs``, which is in the
first row.
"""

import bisect
import dataclasses
import hashlib
import marshal
import math
import re
from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

import numpy as np
from altair.utils.schemapi import debug_mode
from altair.vegalite.v6.schema import core

from replaychart.drawing.clock import Clock
from replaychart.drawing.hosts import UNTOUCHED, check_streamlit
from replaychart.planes.paths import Paths

EPOCH = "replay_epoch"
EPOCHS = "replay_epochs"
# In a still image, rows with this column keep their values at all epochs.
WHOLE = "replay_whole"
PREFIX = "replay_"

_DATASET = "replaychart-"
# An entry at the next epoch, as `entry_between` writes it.
_THEN = re.compile(r" \+ 1, datum\.(\w+)\.length - 1\)\]")

# Bytes per number in a file: three digits and a comma.
BYTES_PER_NUMBER = 4

Rows = list[dict[str, Any]]


@dataclasses.dataclass(frozen=True, eq=False)
class Moving:
    """Packed columns of positions, which may also be shown on the way from one epoch to the next.

    Attributes
    ----------
    clock : Clock
        The chart's epochs.
    columns : tuple of str
        The names of the columns, without prefix.
    fixed : callable, optional
        For rows that differ between epochs: returns rows that are the same at all of them and have
        these columns, and the calculations that place them; None if they cannot be computed. It is
        called only if the rows are to glide.
    """

    clock: Clock
    columns: tuple[str, ...]
    fixed: "Callable[[], tuple[Rows, dict[str, str]] | None] | None" = None


class PackedData(core.NamedData):
    """Rows that Altair passes from chart to chart without copying or validating them.

    In a spec, they are a named dataset at the top level, which charts with equal rows share.

    Parameters
    ----------
    rows : list of dict
        The rows.
    shows : object, optional
        What the rows show of the samples, see `drawing.samples`. It is no part of the spec.
    moving : Moving, optional
        Which columns are positions that change with the epoch. It is no part of the spec.
    """

    _schema = core.NamedData._schema

    def __init__(self, rows: Rows, shows: object = None, moving: Moving | None = None) -> None:
        # Version 2 of the marshal format depends on the values only, not on object identity.
        digest = hashlib.sha256(marshal.dumps(rows, 2)).hexdigest()[:32]
        with debug_mode(False):
            super().__init__(name=_DATASET + digest)
        object.__setattr__(self, "rows", rows)
        object.__setattr__(self, "shows", shows)
        object.__setattr__(self, "moving", moving)

    def with_rows(self, rows: Rows) -> "PackedData":
        """Return other rows that show the same, such as these with a further column."""
        return PackedData(rows, self.shows, self.moving)

    def copy(self, deep: Any = True, ignore: Any = None) -> "PackedData":  # noqa: ARG002
        """Return itself: the rows never change."""
        return self

    def __deepcopy__(self, memo: object) -> "PackedData":
        """Return itself: the rows never change."""
        return self

    def to_dict(
        self,
        validate: bool = True,
        *,
        ignore: list[str] | None = None,
        context: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return a reference to the dataset, and add the rows to the chart being converted."""
        if context is not None:
            check_streamlit()
            marked = [self.rows[0] | UNTOUCHED, *self.rows[1:]] if self.rows else []
            context.setdefault("datasets", {})[self.name] = marked
        return super().to_dict(validate=validate, ignore=ignore, context=None)


@dataclasses.dataclass(frozen=True)
class Ruler:
    """Expresses positions as whole numbers of steps from an origin.

    Attributes
    ----------
    origin, step : float
        The position of 0, and the distance from 0 to 1.
    """

    origin: float
    step: float

    @classmethod
    def over(cls, low: float, high: float, *, pixels: float) -> "Ruler":
        """Return a ruler with a step of at most half a pixel.

        Parameters
        ----------
        low, high : float
            The range that is shown.
        pixels : float
            Its length in the chart.
        """
        finest = (high - low) / (2 * pixels)
        power = 10.0 ** np.floor(np.log10(finest))
        factor = max(factor for factor in (1, 2, 5) if factor * power <= finest * (1 + 1e-9))
        step = float(f"{factor * power:.12g}")
        return cls(origin=float(f"{np.floor(low / step) * step:.12g}"), step=step)

    def measured(self, values: np.ndarray) -> list[Any]:
        """Return the values as whole numbers in nested lists, with None for non-finite values."""
        finite = np.isfinite(values)
        steps = np.rint((np.where(finite, values, self.origin) - self.origin) / self.step)
        steps = steps.astype(np.int64)
        if finite.all():
            return steps.tolist()
        whole = steps.astype(object)
        whole[~finite] = None
        return whole.tolist()

    def rounded(self, values: np.ndarray) -> list[float | None]:
        """Return the values rounded to whole steps, with None for non-finite values."""
        digits = max(0, 1 - math.floor(math.log10(self.step)))
        return [
            None if steps is None else round(self.origin + self.step * steps, digits)
            for steps in self.measured(values)
        ]

    def expression(self, steps: str) -> str:
        """Return the expression for the value at the number of steps that `steps` evaluates to."""
        return f"isValid({steps}) ? {self.origin!r} + {self.step!r} * {steps} : null"


def shortened(value: float, digits: int = 6) -> float | None:
    """Return a number rounded to `digits` significant digits, None if it is not finite."""
    return float(f"{value:.{digits}g}") if np.isfinite(value) else None


def by_epoch(
    clock: Clock, constant: dict[str, list[Any]], changing: dict[str, list[list[Any]]]
) -> Rows:
    """Return one row per point, with an array over the epochs for each column that changes.

    Parameters
    ----------
    clock : Clock
        The chart's epochs.
    constant : dict of str to list
        Columns that do not change, with one entry per row.
    changing : dict of str to list of list
        Columns that change, with one list per row, which has one entry per epoch.
    """
    names = [*constant, *(PREFIX + name for name in changing)]
    columns = [*constant.values(), *changing.values()]
    rows = [dict(zip(names, entries, strict=True)) for entries in zip(*columns, strict=True)]
    rows[0][EPOCHS] = clock.epochs.tolist()
    return rows


def entry(name: str, clock: Clock) -> str:
    """Return the expression for the entry of a packed column at the epoch shown."""
    column = f"datum.{PREFIX}{name}"
    if len(clock.epochs) == 1:
        return f"{column}[0]"
    # The data of a still image has a single entry, so the position is limited to the length.
    return f"{column}[min({clock.position_expression()}, {column}.length - 1)]"


def has_gaps(rows: Rows, columns: Sequence[str]) -> bool:
    """Return whether any position is missing in some columns of numbers."""
    return any(
        row[name] is None or (isinstance(row[name], list) and None in row[name])
        for row in rows
        for name in columns
    )


def entry_between(name: str, clock: Clock, share: str, *, gaps: bool) -> str:
    """Return the expression for an entry on the way from the epoch shown to the next one.

    Parameters
    ----------
    name : str
        The name of a packed column of numbers.
    clock : Clock
        The chart's epochs, at least two.
    share : str
        The expression for how much of the way lies behind; null at a whole epoch.
    gaps : bool
        Whether entries may be missing. There is no way to one, or from one.
    """
    column = f"datum.{PREFIX}{name}"
    now = entry(name, clock)
    then = f"{column}[min({clock.position_expression()} + 1, {column}.length - 1)]"
    between = f"({now} + ({then} - {now}) * {share})"
    return f"(isValid({now}) && isValid({then}) ? {between} : {now})" if gaps else between


def columns_between(expression: str) -> set[str]:
    """Return the columns of which an expression has entries on the way to the next epoch."""
    return set(_THEN.findall(expression))


class Labeled(NamedTuple):
    """Labels of paths.

    Attributes
    ----------
    name : str
        Name of the column.
    labels : list
        One label for each path.
    order : list
        All labels, in the order in which they are painted.
    """

    name: str
    labels: list[Any]
    order: list[Any]


def paths_by_epoch(
    clock: Clock,
    run_epochs: np.ndarray,
    paths: Paths,
    x: Ruler,
    y: Ruler,
    labeled: Labeled,
) -> Rows:
    """Return one row per label. ``xs`` and ``ys`` are packed columns with the paths of each epoch.

    The paths of an epoch are in one list, separated by gaps; a single gap stands for none at all.
    The browser keeps marks in the order in which their groups first appear, so a group that is
    missing at first would be painted on top later.

    Parameters
    ----------
    clock : Clock
        The chart's epochs.
    run_epochs : numpy.ndarray of int64 or float64, shape (snapshots,)
        All recorded epochs of the run.
    paths : Paths
        The paths.
    x, y : Ruler
        Rulers for the coordinates.
    labeled : Labeled
        Labels that distinguish the paths of an epoch.
    """
    columns = {
        name: _joined(clock, run_epochs, paths, ruler.measured(paths.vertices[:, axis]), labeled)
        for axis, (name, ruler) in enumerate((("xs", x), ("ys", y)))
    }
    return by_epoch(clock, {labeled.name: labeled.order}, columns) if labeled.order else []


def _joined(
    clock: Clock, run_epochs: np.ndarray, paths: Paths, values: list[Any], labeled: Labeled
) -> list[list[Any]]:
    """Return the values of the paths with each label, joined at each epoch."""
    place = {epoch: number for number, epoch in enumerate(clock.epochs.tolist())}
    joined: dict[Any, list[list[Any]]] = {label: [[] for _ in place] for label in labeled.order}
    for index, (snapshot, label) in enumerate(zip(paths.snapshot, labeled.labels, strict=True)):
        own = joined[label][place[run_epochs[snapshot].item()]]
        gap = [None] if own else []
        own += gap + values[paths.starts[index] : paths.starts[index + 1]]
    return [[own or [None] for own in of_label] for of_label in joined.values()]


def path_bytes(paths: Paths, epochs: int) -> int:
    """Return the approximate size in a file of `paths_by_epoch` for a number of epochs."""
    # A vertex and the gap between two paths are two numbers each, as is the list of an epoch.
    lists = epochs * len(np.unique(paths.value)) * (paths.of_class.max(initial=0) + 1)
    return int(2 * (len(paths.vertices) + len(paths.value) + lists) * BYTES_PER_NUMBER)


def is_packed(name: str) -> bool:
    """Return whether a dataset of a spec has this module's rows, given its name."""
    return name.startswith(_DATASET)


def at_epoch(name: str, rows: Rows, epoch: float) -> Rows:
    """Return the part of packed rows that a still image of `epoch` shows; other rows unchanged.

    Parameters
    ----------
    name : str
        The dataset's name.
    rows : list of dict
        The dataset's rows.
    epoch : float
        The value of the epoch parameter. A run that ended earlier shows its last epoch.
    """
    return EpochRows(name, rows).at(epoch)


class CutRows(NamedTuple):
    """The rows of a dataset at some of its epochs.

    Attributes
    ----------
    positions : list of int
        The positions of these epochs, in ascending order.
    rows : list of list of dict
        The rows at each of these epochs. If there are packed columns, the rows of all of them.
    packed : list of str
        The columns with an array, which has an entry for each of these epochs.
    gliding : list of str
        Those among them that are also shown on the way to the next epoch.
    strings : list of str
        Those among them whose entries are read as strings of several characters.
    """

    positions: list[int]
    rows: list[Rows]
    packed: list[str]
    gliding: list[str]
    strings: list[str]


class EpochRows:
    """The rows of a dataset, indexed by epoch.

    Parameters
    ----------
    name : str
        The dataset's name.
    rows : list of dict
        The dataset's rows.
    gliding : collection of str, default ()
        The columns that are also shown on the way from one epoch to the next.

    Attributes
    ----------
    columns : list of str
        The columns that can be left out. Empty unless the rows contain arrays over the epochs.
    """

    def __init__(self, name: str, rows: Rows, gliding: Collection[str] = ()) -> None:
        self.columns: list[str] = []
        self._gliding = gliding
        self._rows = rows
        self._by_epoch: dict[float, Rows] = {}
        self._epochs: list[float] = []
        if not is_packed(name) or not rows:
            return
        if EPOCH in rows[0]:
            for row in rows:
                self._by_epoch.setdefault(row[EPOCH], []).append(row)
            self._epochs = sorted(self._by_epoch)
        elif EPOCHS in rows[0]:
            self._epochs = rows[0][EPOCHS]
            others = (EPOCHS, WHOLE, *UNTOUCHED)
            self.columns = [column for column in rows[0] if column not in others]

    @property
    def changes(self) -> bool:
        """Whether the rows differ between epochs."""
        return len(self._epochs) > 1

    @property
    def epochs(self) -> list[float]:
        """The epochs between which the rows differ."""
        return self._epochs

    @property
    def glides(self) -> bool:
        """Whether rows on the way from one epoch to the next can be drawn."""
        return bool(self._gliding)

    def at(self, epoch: float, columns: Collection[str] | None = None, *, share: float = 0) -> Rows:
        """Return the rows that a still image of an epoch shows.

        Parameters
        ----------
        epoch : float
            The value of the epoch parameter. A run that ended earlier shows its last epoch.
        columns : collection of str, optional
            The `columns` to keep. Default: all.
        share : float, default 0
            How much of the way to the next epoch lies behind the columns that glide.
        """
        if not self._epochs:
            return self._rows
        position = self.position(epoch)
        if self._by_epoch:
            return self._by_epoch[self._epochs[position]]
        kept = [name for name in self.columns if columns is None or name in columns]
        packed = [name for name in kept if name.startswith(PREFIX)]
        constant = [name for name in kept if not name.startswith(PREFIX)]
        return [
            {name: row[name] for name in constant}
            | {
                name: row[name]
                if WHOLE in row
                else self._of(row[name], position, share if name in self._gliding else 0)
                for name in packed
            }
            for row in self._rows
        ]

    def position(self, epoch: float) -> int:
        """Return the position among `epochs` of what is shown at an epoch."""
        return max(bisect.bisect_right(self._epochs, epoch) - 1, 0)

    def cut(self, positions: Collection[int], columns: Collection[str]) -> CutRows:
        """Return the rows at some positions, with only these of the optional `columns`.

        Parameters
        ----------
        positions : collection of int
            Positions among `epochs`.
        columns : collection of str
            The columns to keep.
        """
        places = sorted(set(positions))
        if self._by_epoch:
            return CutRows(places, [self._by_epoch[self._epochs[at]] for at in places], [], [], [])
        kept = [name for name in self.columns if name in columns]
        packed = [name for name in kept if name.startswith(PREFIX)]
        rows = [
            {name: row[name] for name in (*kept, WHOLE) if name in row}
            if WHOLE in row
            else {name: row[name] for name in kept}
            | {name: self._entries(row[name], places) for name in packed}
            for row in self._rows
        ]
        gliding = [name for name in packed if name in self._gliding]
        return CutRows(places, [rows], packed, gliding, list(filter(self._has_strings, packed)))

    def _has_strings(self, column: str) -> bool:
        # A string of one character for each epoch is read like an array.
        first = self._rows[0][column]
        return isinstance(first, str) and len(first) > len(self._epochs)

    def _entries(self, values: list[Any] | str, positions: Sequence[int]) -> list[Any]:
        """Return the entries of a packed column at some positions.

        A string has the same number of characters for each epoch.
        """
        if isinstance(values, str):
            width = len(values) // len(self._epochs)
            return [values[width * position : width * (position + 1)] for position in positions]
        return [values[position] for position in positions]

    def _of(self, values: list[Any] | str, position: int, share: float) -> list[Any] | str:
        """Return the part of a packed column that is of one epoch, or on the way to the next."""
        if isinstance(values, str):
            return str(self._entries(values, [position])[0])
        now, then = self._entries(values, [position, min(position + 1, len(values) - 1)])
        if not share or now is None or then is None:
            return [now]
        return [now + (then - now) * share]
