"""The columns of a diagram of a network: which units are drawn, alone or as a group, and where."""

import dataclasses
from collections.abc import Sequence
from typing import Self

import numpy as np

from replaychart.drawing.texts import SMALL_SIZE, displayed, width_of
from replaychart.errors import ArgumentError
from replaychart.evaluation.dense_layers import DenseLayer
from replaychart.run import Run

# A layer with more units is drawn with a few of them, and the others as one group.
MOST_UNITS = 16
_ALONE = 12
# Of more layers than this, those in the middle are left out.
_MOST_LAYERS = 10
_FIRST, _LAST = 4, 5
# In pixels: the smallest and the largest tile, the gap between two tiles, room for the texts above
# and below the columns, and for labels beside them.
_SMALLEST, _LARGEST, _LARGEST_OUTPUT = 10.0, 44.0, 132.0
_GAP = 9.0
ABOVE, BELOW = 38.0, 66.0
_MOST_LABEL = 84.0
_NO_LABEL, _LEFT_OUT = 8.0, 30.0
# Unless a height is asked for, tiles get smaller beyond this height of a column.
_HIGHEST = 560.0


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of nodes: the inputs, the units of a layer, or layers that are left out.

    Attributes
    ----------
    name, detail : str
        The two lines above it.
    units : tuple of tuple of int
        The units of each node: one, or those of a group. Empty for layers that are left out.
    labels : tuple of str
        The names of the nodes, for tooltips and beside inputs and outputs.
    layer : DenseLayer or None
        The layer; None for the inputs and for layers that are left out.
    """

    name: str
    detail: str
    units: tuple[tuple[int, ...], ...]
    labels: tuple[str, ...]
    layer: DenseLayer | None = None

    def mixing(self, count: int) -> np.ndarray:
        """Return the matrix that takes the mean of each node's units, shape (units, nodes)."""
        matrix = np.zeros((count, len(self.units)))
        for node, own in enumerate(self.units):
            matrix[list(own), node] = 1 / len(own)
        return matrix

    @property
    def grouped(self) -> int:
        """The number of units that are drawn as a group."""
        return sum(len(own) for own in self.units if len(own) > 1)


def columns_of(run: Run, shown_features: Sequence[int]) -> list[Column]:
    """Return the columns of a run's network, from the inputs to the output.

    Parameters
    ----------
    run : Run
        The run.
    shown_features : sequence of int
        The features that span the plane of the tiles, which are never grouped.
    """
    chain = run.dense_chain()
    kept = chain if len(chain) <= _MOST_LAYERS else [*chain[:_FIRST], *chain[-_LAST:]]
    columns = [_of_layer(run, layer, last=layer is chain[-1]) for layer in kept]
    if kept is not chain:
        names = [layer.name for layer in chain[_FIRST:-_LAST]]
        columns.insert(_FIRST, left_out(names))
    features = run.planes.feature_names() if run.planes.inputs.ndim == 2 else []
    if len(features) == chain[0].inputs:
        return [_of_inputs(run, features, shown_features), *columns]
    return [left_out(run.dense_layers.before(chain), of_inputs=True), *columns]


def left_out(names: Sequence[str], *, of_inputs: bool = False) -> Column:
    """Return the column of layers that are not drawn, and have no edges to others."""
    count = f"{len(names)} layer{'s' * (len(names) != 1)}"
    heading = ("inputs", f"and {count}" if names else "") if of_inputs else (count, "not drawn")
    return Column(*heading, (), (", ".join(map(displayed, names)),))


def _of_inputs(run: Run, features: Sequence[str], shown_features: Sequence[int]) -> Column:
    layer = run.dense_chain()[0]
    names = [displayed(name) for name in features]
    units = _nodes(run, layer, len(features), always=shown_features, outgoing=True)
    labels = [names[own[0]] if len(own) == 1 else f"{len(own)} others" for own in units]
    count = f"{len(features)} feature{'s' * (len(features) != 1)}"
    return Column("inputs", count, units, tuple(labels))


def _of_layer(run: Run, layer: DenseLayer, *, last: bool) -> Column:
    units = _nodes(run, layer, layer.units, outgoing=False)
    names = [f"Unit {unit + 1}" for unit in range(layer.units)]
    if last and run.classes == layer.units:
        names = [displayed(name) for name in run.class_names]
    labels = [names[own[0]] if len(own) == 1 else f"{len(own)} other units" for own in units]
    detail = f"{layer.units} unit{'s' * (layer.units != 1)}"
    if layer.activation is not None:
        detail += f", {displayed(layer.activation)}"
    return Column(layer.name, detail, units, tuple(labels), layer)


def _nodes(
    run: Run, layer: DenseLayer, count: int, *, always: Sequence[int] = (), outgoing: bool
) -> tuple[tuple[int, ...], ...]:
    """Return the units of each node: those with the largest weights alone, the others as one.

    Parameters
    ----------
    run : Run
    layer : DenseLayer
        The layer whose weights, at the last epoch, say how large the units' are.
    count : int
        The number of units.
    always : sequence of int
        Units that are drawn alone.
    outgoing : bool
        Whether the units are the layer's inputs, not its own.
    """
    if count <= MOST_UNITS:
        return tuple((unit,) for unit in range(count))
    kernel = run.dense_layers.kernels(layer, [len(run.epochs) - 1])[0]
    size = np.linalg.norm(np.nan_to_num(kernel), axis=1 if outgoing else 0)
    size[list(always)] = np.inf
    alone = np.sort(np.argsort(-size, kind="stable")[:_ALONE])
    others = np.setdiff1d(np.arange(count), alone)
    return (*((int(unit),) for unit in alone), tuple(others.tolist()))


@dataclasses.dataclass(frozen=True)
class Layout:
    """Where the nodes are, in pixels from the top left corner.

    Attributes
    ----------
    width, height : float
        The size of the chart.
    tile, output : float
        The size of a tile, and of the tile of a single output.
    centers : tuple of float
        The horizontal center of each column.
    spacing : float
        The distance between two columns of tiles of the same size.
    """

    width: float
    height: float
    tile: float
    output: float
    centers: tuple[float, ...]
    spacing: float

    @classmethod
    def of(cls, columns: Sequence[Column], width: float, height: float | None) -> Self:
        """Return the layout of columns in a chart of a width and, if it is given, a height."""
        most = max(len(column.units) for column in columns)
        highest = min(most * (_LARGEST + _GAP), _HIGHEST)
        free = highest if height is None else height - ABOVE - BELOW
        left, right = (_room_for_labels(columns[place]) for place in (0, -1))
        # The last column is wider if it has a single output.
        single = len(columns[-1].units) == 1
        across = (width - left - right) / (len(columns) + single * 1.2)
        tile = min(_LARGEST, free / most - _GAP, across * 0.55)
        output = min(_LARGEST_OUTPUT, 3 * tile, free) if single else tile
        if tile < _SMALLEST:
            message = (
                f"width and height must leave at least {_SMALLEST:g} pixels for each of up to "
                f"{most} units in {len(columns)} columns. Got {width!r} and {height!r}."
            )
            raise ArgumentError(message)
        gaps = len(columns) - 1
        between = (width - left - right - gaps * tile - output) / gaps
        centers = [left + tile / 2 + (tile + between) * place for place in range(gaps)]
        centers.append(width - right - output / 2)
        used = max(most * (tile + _GAP), output)
        return cls(width, used + ABOVE + BELOW, tile, output, tuple(centers), tile + between)

    def size(self, column: int) -> float:
        """Return the size of the tiles of a column."""
        return self.output if column == len(self.centers) - 1 else self.tile

    def tops(self, column: int, nodes: int) -> list[float]:
        """Return the upper ends of the tiles of a column, which is vertically centered."""
        size = self.size(column)
        middle = ABOVE + (self.height - ABOVE - BELOW) / 2
        first = middle - (nodes * (size + _GAP) - _GAP) / 2
        return [first + node * (size + _GAP) for node in range(nodes)]


def _room_for_labels(column: Column) -> float:
    if not column.units:
        return _LEFT_OUT
    if len(column.units) == 1 and column.layer is not None:
        return _NO_LABEL
    widest = max(width_of(label, size=SMALL_SIZE) for label in column.labels)
    return min(widest, _MOST_LABEL) + 8
