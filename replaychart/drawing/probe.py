"""A probe: the pointer's place in the plane of the inputs, and what the network makes of it.

The page itself computes it. A network of dense layers is evaluated from its weights, which are
exact. For any other, values are interpolated between the places of a lattice.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import altair as alt
import numpy as np

from replaychart.drawing import colors, packing
from replaychart.drawing.backgrounds import adaptive
from replaychart.drawing.clock import Clock
from replaychart.drawing.expressions import literal
from replaychart.drawing.packing import Ruler
from replaychart.drawing.plane import class_labels
from replaychart.drawing.shared_parameter import SharedVariable
from replaychart.drawing.texts import fitted
from replaychart.planes.dense_network import DenseLayer, DenseNetwork
from replaychart.planes.extents import Limits
from replaychart.planes.projections import LinearProjection, Projection
from replaychart.run import Run

NAME = "probe"
# Digits with which a float32 is exact, and the bytes of such a number in a file.
_DIGITS, _BYTES_PER_WEIGHT = 9, 13
# Networks with more weights are not computed in the page, which has to follow the pointer.
_MOST_WEIGHTS = 5_000
# The lattice between whose places values are interpolated, if there is room for it.
_FINEST, _COARSEST = 41, 9
_BYTES_PER_PLACE = 5
_LABEL_SIZE, _LONGEST_NAME = 12, 120
# The share of the plane from which on the label is on the other side of the place.
_FAR = 0.6

_FUNCTIONS = {
    "elu": "{0} > 0 ? {0} : exp({0}) - 1",
    "exponential": "exp({0})",
    "relu": "max({0}, 0)",
    "sigmoid": "1 / (1 + exp(-{0}))",
    "silu": "{0} / (1 + exp(-{0}))",
    "softplus": "max({0}, 0) + log(1 + exp(-abs({0})))",
    "softsign": "{0} / (1 + abs({0}))",
    "tanh": "1 - 2 / (exp(2 * {0}) + 1)",
}


class Place(NamedTuple):
    """Where the probe is: the parameter, and its values in the plane of the inputs.

    Attributes
    ----------
    parameter : str
        The parameter's name. Its value is the share of the width and of the height.
    xlim, ylim : tuple of float
        The limits of the plane.
    through : LinearProjection or None
        The slice through the inputs, for more than two features.
    """

    parameter: str
    xlim: Limits
    ylim: Limits
    through: LinearProjection | None

    def coordinates(self) -> tuple[str, str]:
        """Return the expressions for the place in the plane."""
        return tuple(
            f"({low!r} + {high - low!r} * {self.parameter}.{name})"
            for name, (low, high) in zip("xy", (self.xlim, self.ylim), strict=True)
        )  # type: ignore[return-value]

    def features(self) -> list[str]:
        """Return the expressions for the features of the place."""
        x, y = self.coordinates()
        if self.through is None:
            return [x, y]
        origin = self.through.values(np.zeros((1, 2)), 0).reshape(-1).astype(np.float64)
        steps = self.through.values(np.eye(2), 0).reshape(2, -1).astype(np.float64) - origin
        return [
            f"({start!r} + {across!r} * {x} + {up!r} * {y})"
            for start, (across, up) in zip(origin.tolist(), steps.T.tolist(), strict=True)
        ]


def probe_parameter(name: str, at: tuple[float, float]) -> alt.Parameter:
    """Return the parameter of the probe, which follows the pointer over the plane of the inputs.

    Parameters
    ----------
    name : str
        The name.
    at : tuple of float
        The initial place, as shares of the width and of the height.
    """
    # Lines are in groups of their own, inside that of the view.
    mark = _mark_of(name)
    own, outer = "group()", "group().mark.group"
    followed = name
    for group, known in ((outer, f"{own}.mark && {outer}"), (own, own)):
        place = (
            f"{{x: clamp(x({group}) / {group}.width, 0, 1), "
            f"y: clamp(1 - y({group}) / {group}.height, 0, 1)}}"
        )
        followed = f"{known} && {group}.strokeDashOffset === {mark!r} ? {place} : {followed}"
    return _ProbeVariable.parameter(
        name,
        value=dict(zip("xy", at, strict=True)),
        on=[{"events": {"source": "view", "type": "pointermove"}, "update": followed}],
    )


def marked_view(name: str) -> dict[str, Any]:
    """Return the options of a view over which the probe follows the pointer.

    The handler recognizes the view by an option that has no effect, because its name in the page
    depends on what it is combined with.
    """
    return {"cursor": "crosshair", "strokeDashOffset": _mark_of(name)}


def _mark_of(name: str) -> float:
    return (1 + int.from_bytes(name.encode()[-7:], "big") % 1_000_003) / 1_048_576


class _ProbeVariable(SharedVariable):
    _schema = SharedVariable._schema

    @staticmethod
    def explained(one: dict[str, Any], other: dict[str, Any]) -> str:
        return (
            f"These charts have probes that start at different places: {one['value']} and "
            f"{other.get('value')}, as shares of the plane. Give them the same place (place=)."
        )


class Computation(Protocol):
    """Computes in the page what the network makes of the place of the probe."""

    @property
    def exact(self) -> bool:
        """Whether it computes what the network does, and does not interpolate."""

    def image(self, layer: str, view: Projection | None, rulers: tuple[Ruler, Ruler]) -> alt.Chart:
        """Return a chart with one row, whose ``x`` and ``y`` are the image in a layer's plane."""

    def scores(self) -> alt.Chart:
        """Return a chart with one row, whose ``scores`` are those of the surfaces, in a list."""


def computation(
    run: Run, place: Place, clock: Clock, views: Sequence[Projection | None], max_bytes: float
) -> Computation:
    """Return the exact computation if there is one that is small enough, or the interpolation.

    Parameters
    ----------
    run : Run
        The run.
    place : Place
        Where the probe is.
    clock : Clock
        The epochs.
    views : sequence of Projection or None
        The projections of the layers that are shown.
    max_bytes : float
        The size that the data may have.
    """
    network = run.planes.dense_network
    linear = all(view is None or isinstance(view, LinearProjection) for view in views)
    if network is not None and linear and network.numbers <= _MOST_WEIGHTS:
        size = network.numbers * len(clock.epochs) * _BYTES_PER_WEIGHT
        if size <= max_bytes:
            return _Network(run, place, clock, network)
    numbers = 2 * len(views) + len(run.planes.surfaces.classes)
    each = numbers * len(clock.epochs) * _BYTES_PER_PLACE
    side = int(np.clip(math.sqrt(max_bytes / each), _COARSEST, _FINEST))
    return _Lattice(run, place, clock, side)


@dataclasses.dataclass(frozen=True)
class _Network:
    """Evaluates a network of dense layers."""

    run: Run
    place: Place
    clock: Clock
    network: DenseNetwork
    exact = True

    def image(
        self,
        layer: str,
        view: Projection | None,
        rulers: tuple[Ruler, Ruler],  # noqa: ARG002
    ) -> alt.Chart:
        """Return the image of the place; see `Computation`."""
        values = self._evaluated(layer, view)
        units = values.entries()
        if view is None:
            return values.chart.transform_calculate(x=units[0], y=units[1])
        sums = [
            "".join(f" + {unit} * datum.b[{2 * n + axis}]" for n, unit in enumerate(units))
            for axis in (0, 1)
        ]
        return values.chart.transform_calculate(x=f"datum.c[0]{sums[0]}", y=f"datum.c[1]{sums[1]}")

    def scores(self) -> alt.Chart:
        """Return the scores at the place; see `Computation`."""
        values, planes = self._evaluated(None, None), self.run.planes
        if planes.unit is not None:
            values = values.then([values.entries()[planes.unit]])
        if planes.outputs_are_logits:
            alone = values.units == 1 or planes.outputs_are_independent
            values = values.activated("sigmoid" if alone else "softmax")
        outputs = values.entries()
        if self.run.classes == 2 and len(outputs) == 2:
            has_scores = not self.run.has_probabilities
            outputs = [f"{outputs[1]} - {outputs[0]}" if has_scores else outputs[1]]
        return values.chart.transform_calculate(scores=f"[{', '.join(outputs)}]")

    def _evaluated(self, layer: str | None, view: Projection | None) -> "_Values":
        """Return the outputs of a layer, or of the network."""
        chart = alt.Chart(packing.PackedData(self._rows(view))).transform_filter(
            f"datum.{packing.EPOCH} === {self.clock.epoch_expression()}"
        )
        features = self.place.features()
        values, start = _Values(chart, 0, 0).then(features), 0
        for one in self.network.layers:
            values, start = _through(values, one, start)
            if one.name == layer:
                break
        return values

    def _rows(self, view: Projection | None) -> packing.Rows:
        """Return a row for each epoch: all weights, and the projection of a layer."""
        rows = []
        for epoch, snapshot in zip(
            self.clock.epochs.tolist(), self.run.snapshots(self.clock.epochs), strict=True
        ):
            arrays = [
                array[snapshot].ravel()
                for one in self.network.layers
                for array in (one.kernel, one.bias)
                if array is not None
            ]
            row = {packing.EPOCH: epoch, "w": _exactly(np.concatenate(arrays))}
            if isinstance(view, LinearProjection):
                place = snapshot if len(view.bases) > 1 else 0
                base = view.bases[place]
                row |= {"b": _exactly(base.ravel()), "c": _exactly(-view.origins[place] @ base)}
            rows.append(row)
        return rows


def _exactly(numbers: np.ndarray) -> list[float | None]:
    return [packing.shortened(number, _DIGITS) for number in numbers.tolist()]


class _Values(NamedTuple):
    """Values that a chart with one row has in a list.

    Attributes
    ----------
    chart : altair.Chart
        The chart.
    stage : int
        How often values were computed from others. Each stage has a column of its own.
    units : int
        How many there are.
    """

    chart: alt.Chart
    stage: int
    units: int

    def entries(self) -> list[str]:
        """Return an expression for each value."""
        return [f"datum.h{self.stage}[{unit}]" for unit in range(self.units)]

    def then(self, expressions: Sequence[str]) -> "_Values":
        """Return other values, given their expressions."""
        column = {f"h{self.stage + 1}": f"[{', '.join(expressions)}]"}
        chart = self.chart.transform_calculate(**column)
        return _Values(chart, self.stage + 1, len(expressions))

    def activated(self, activation: str) -> "_Values":
        """Return the values after an activation function."""
        if activation == "linear":
            return self
        if activation == "softmax":
            largest = f"max({', '.join(self.entries())})"
            powers = self.then([f"exp({value} - {largest})" for value in self.entries()])
            total = " + ".join(powers.entries())
            return powers.then([f"{power} / ({total})" for power in powers.entries()])
        return self.then([_FUNCTIONS[activation].format(value) for value in self.entries()])


def _through(values: _Values, layer: DenseLayer, start: int) -> tuple[_Values, int]:
    """Return values after a layer, and where the weights of the next one start."""
    if layer.kernel is None:
        return values.activated(layer.activation), start
    inputs, units = layer.kernel.shape[1:]
    bias = start + inputs * units
    sums = []
    for unit in range(units):
        terms = [
            f"{value} * datum.w[{start + n * units + unit}]"
            for n, value in enumerate(values.entries())
        ]
        if layer.bias is not None:
            terms.append(f"datum.w[{bias + unit}]")
        sums.append(" + ".join(terms))
    following = bias + (0 if layer.bias is None else units)
    return values.then(sums).activated(layer.activation), following


@dataclasses.dataclass(frozen=True)
class _Lattice:
    """Interpolates between the places of a lattice, `side` along each side."""

    run: Run
    place: Place
    clock: Clock
    side: int
    exact = False

    def image(self, layer: str, view: Projection | None, rulers: tuple[Ruler, Ruler]) -> alt.Chart:
        """Return the image of the place; see `Computation`."""
        rows = []
        for epoch, values, snapshot in self._outputs(layer):
            flat = values.reshape(len(values), -1)
            seen = flat if view is None else view.coordinates(values, snapshot)
            columns = {
                name: ruler.measured(seen[:, axis])
                for axis, (name, ruler) in enumerate(zip("uv", rulers, strict=True))
            }
            rows.append({packing.EPOCH: epoch, **columns})
        chart = self._located(rows)
        places = {
            name: f"{ruler.origin!r} + {ruler.step!r} * ({_bilinear(f'datum.{column}', self.side)})"
            for name, column, ruler in zip("xy", "uv", rulers, strict=True)
        }
        known = " && ".join(
            f"isValid(datum.{column}[{corner}])"
            for column in "uv"
            for corner in _corners(self.side)
        )
        return chart.transform_calculate(
            **{name: f"{known} ? {value} : null" for name, value in places.items()}
        )

    def scores(self) -> alt.Chart:
        """Return the scores at the place; see `Computation`."""
        rows = []
        for epoch, values, _ in self._outputs(None):
            scores = self.run.planes.surfaces.scores(values)
            rows.append(
                {
                    packing.EPOCH: epoch,
                    "s": [[packing.shortened(one, 4) for one in own] for own in scores.T.tolist()],
                }
            )
        count = len(rows[0]["s"])
        entries = [_bilinear(f"datum.s[{number}]", self.side) for number in range(count)]
        return self._located(rows).transform_calculate(scores=f"[{', '.join(entries)}]")

    def _outputs(self, layer: str | None) -> Any:
        """Yield the epoch, the outputs of a layer over the lattice, and the snapshot."""
        across, up = (np.linspace(*lim, self.side) for lim in (self.place.xlim, self.place.ylim))
        points = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2).astype(np.float32)
        if self.place.through is not None:
            points = self.place.through.values(points, 0)
        snapshots = self.run.snapshots(self.clock.epochs)
        outputs = self.run.planes.layer_outputs(layer, points, snapshots)
        return zip(self.clock.epochs.tolist(), outputs, snapshots, strict=True)

    def _located(self, rows: packing.Rows) -> alt.Chart:
        """Return a chart with the row of the epoch, and the place of the probe in the lattice."""
        last = self.side - 1
        name = self.place.parameter
        return (
            alt.Chart(packing.PackedData(rows))
            .transform_filter(f"datum.{packing.EPOCH} === {self.clock.epoch_expression()}")
            .transform_calculate(
                i=f"min(floor({name}.x * {last}), {last - 1})",
                j=f"min(floor({name}.y * {last}), {last - 1})",
            )
            .transform_calculate(
                across=f"{name}.x * {last} - datum.i",
                up=f"{name}.y * {last} - datum.j",
                corner=f"datum.j * {self.side} + datum.i",
            )
        )


def _corners(side: int) -> list[str]:
    return [f"datum.corner + {offset}" for offset in (0, 1, side, side + 1)]


def _bilinear(column: str, side: int) -> str:
    low, right, top, both = (f"{column}[{corner}]" for corner in _corners(side))
    below = f"(1 - datum.across) * {low} + datum.across * {right}"
    above = f"(1 - datum.across) * {top} + datum.across * {both}"
    return f"(1 - datum.up) * ({below}) + datum.up * ({above})"


def place_chart(place: Place) -> alt.Chart:
    """Return a chart with one row, whose ``x`` and ``y`` are the place of the probe."""
    x, y = place.coordinates()
    return alt.Chart(packing.PackedData([{NAME: True}])).transform_calculate(x=x, y=y)


def marker(chart: alt.Chart, x: Any, y: Any) -> list[alt.Chart]:
    """Return a cross with a halo at the place of the row of a chart."""
    style: dict[str, Any] = {
        "shape": "M-1,0L1,0M0,-1L0,1",
        "size": 260,
        "filled": False,
        "clip": True,
        "tooltip": None,
        "aria": False,
    }
    around = adaptive(colors.LIGHT_BACKGROUND, colors.DARK_BACKGROUND)
    ink = adaptive(colors.BOUNDARY, colors.DARK_BOUNDARY)
    return [
        chart.mark_point(stroke=stroke, strokeWidth=width, opacity=opacity, **style).encode(
            x=x, y=y
        )
        for stroke, width, opacity in ((around, 5, 0.85), (ink, 2, 1))
    ]


def label(
    run: Run, place: Place, scores: alt.Chart, x: Any, y: Any, *, exact: bool
) -> list[alt.Chart]:
    """Return the output of the network as a text beside the place."""
    across, up = place.coordinates()
    chart = scores.transform_calculate(x=across, y=up, label=_described(run, exact=exact))
    right, above = f"{place.parameter}.x > {_FAR}", f"{place.parameter}.y > {_FAR}"
    style: dict[str, Any] = {
        "align": alt.ExprRef(f"{right} ? 'right' : 'left'"),
        "baseline": alt.ExprRef(f"{above} ? 'top' : 'bottom'"),
        "dx": alt.ExprRef(f"{right} ? -10 : 10"),
        "dy": alt.ExprRef(f"{above} ? 8 : -8"),
        "fontSize": _LABEL_SIZE,
        "fontWeight": 600,
        "tooltip": None,
        "aria": False,
    }
    around = adaptive(colors.LIGHT_BACKGROUND, colors.DARK_BACKGROUND)
    ink = adaptive(colors.INK)
    texts = (
        {"fill": "transparent", "stroke": around, "strokeWidth": 4, "strokeJoin": "round"},
        {"fill": ink},
    )
    return [
        chart.mark_text(**style, **one).encode(x=x, y=y, text=alt.Text("label:N")) for one in texts
    ]


def _described(run: Run, *, exact: bool) -> str:
    """Return the expression for the output in words, given the scores."""
    about = "" if exact else "\N{ALMOST EQUAL TO} "
    if not run.classes:
        return f"{literal(about)} + format(datum.scores[0], '.4~g')"
    names = [
        f"class {name}" if isinstance(name, int) else fitted(name, _LONGEST_NAME)
        for name in class_labels(run)
    ]
    if run.classes == 2:
        name = literal(f"{names[1]}: {about}")
        return f"{name} + format(datum.scores[0], '.3f')"
    every = ", ".join(f"datum.scores[{number}]" for number in range(run.classes))
    largest = f"max({every})"
    chosen = f"{literal(names)}[indexof(datum.scores, {largest})]"
    return f"{chosen} + ': ' + {literal(about)} + format({largest}, '.3f')"
