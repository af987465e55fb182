"""The points of two runs by which of them is right, or closer to the target."""

import dataclasses
from typing import Any

import altair as alt
import numpy as np

from replaychart.drawing import colors, packing
from replaychart.drawing.backgrounds import adaptive, adaptive_column
from replaychart.drawing.clock import Clock
from replaychart.drawing.expressions import literal, outright
from replaychart.drawing.packing import Ruler
from replaychart.drawing.paired_runs import PairedRun
from replaychart.drawing.texts import NO_LIMIT, fitted

# Heights of a bar and names of the categories, in pixels.
ROW = 20
_NAME, _SYMBOL, _COUNT = 92, 18, 44
# The area of a point on which both predictions are equally close, and what is added for the largest
# difference.
_LEAST_AREA, _MORE_AREA = 10, 110
# Points with a larger difference than this share of all are drawn alike.
_MOST = 0.9


@dataclasses.dataclass(frozen=True)
class Group:
    """The points about which both runs, one of them or none is right.

    Attributes
    ----------
    code : str
        What the packed column says about a point of this group.
    name : str
        Its name.
    color, dark : str
        Its color on a light and on a dark background.
    shape : str
        The shape of its points.
    """

    code: str
    name: str
    color: str
    dark: str
    shape: str


@dataclasses.dataclass(frozen=True)
class Standing:
    """Which run is right about each point, packed over the epochs.

    Attributes
    ----------
    groups : list of Group
        The groups, in the order in which they are listed.
    codes : numpy.ndarray of str, shape (epochs, points)
        The code of each point's group.
    lead : numpy.ndarray, shape (epochs, points), or None
        For a regression, the absolute error of the second run minus that of the first.
    """

    groups: list[Group]
    codes: np.ndarray
    lead: np.ndarray | None = None

    @classmethod
    def of(cls, one: PairedRun, other: PairedRun, clock: Clock) -> "Standing":
        """Return the standing of two runs of the same task at a clock's epochs."""
        first, second = run_pair()
        if one.run.classes:
            right, others = is_right(one, clock), is_right(other, clock)
            return cls(
                [
                    Group("3", "both right", colors.CORRECT, colors.CORRECT, "circle"),
                    Group("1", f"only {one.name}", *first, "triangle-up"),
                    Group("2", f"only {other.name}", *second, "triangle-down"),
                    Group("0", "neither", colors.WRONG, colors.DARK_WRONG, "cross"),
                ],
                (right + 2 * others).astype("U1"),
            )
        lead = absolute_errors(other, clock) - absolute_errors(one, clock)
        codes = np.select([lead > 0, lead < 0], ["1", "2"], "")
        groups = [
            Group("1", f"{one.name} closer", *first, "circle"),
            Group("2", f"{other.name} closer", *second, "circle"),
        ]
        return cls(groups, codes, lead)

    def columns(self, points: np.ndarray) -> dict[str, list[Any]]:
        """Return the packed columns of points, for `packing.by_epoch`."""
        codes = self.codes[:, points].T
        if self.lead is None:
            return {"who": ["".join(one) for one in codes.tolist()]}
        return {"who": codes.tolist(), "lead": self._ruler().measured(self.lead[:, points].T)}

    def _ruler(self) -> Ruler:
        assert self.lead is not None
        largest = float(np.abs(self.lead[np.isfinite(self.lead)]).max(initial=0)) or 1.0
        return Ruler(0.0, float(f"{largest / 500:.2g}"))

    def calculated(self, clock: Clock) -> dict[str, str]:
        """Return the expressions for what `columns` say at the epoch shown."""
        shown = {"who": packing.entry("who", clock)}
        if self.lead is not None:
            shown["lead"] = self._ruler().expression(packing.entry("lead", clock))
        return shown

    def layers(self, points: alt.Chart, size: float) -> list[alt.Chart]:
        """Return the points of each group, those on which the runs differ on top.

        Parameters
        ----------
        points : altair.Chart
            The points at their positions.
        size : float
            The area of a point.
        """
        return [
            points.transform_filter(f"datum.who === {literal(group.code)}").mark_point(
                filled=True,
                shape=group.shape,
                size=self._size(0.6 * size if group.code == "3" else 1.3 * size),
                opacity=1,
                clip=True,
                color=adaptive(group.color, group.dark),
                aria=False,
            )
            for group in sorted(self.groups, key=lambda one: "3012".index(one.code))
        ]

    def _size(self, size: float) -> Any:
        if self.lead is None:
            return round(size, 1)
        # In the beginning, differences are large: they would make all others look small.
        later = self.lead[len(self.lead) // 2 :]
        known = np.abs(later[np.isfinite(later)])
        largest = float(np.quantile(known, _MOST)) if known.size else 0.0
        share = f"min(1, abs(datum.lead) / {largest or 1.0!r})"
        return alt.ExprRef(f"{_LEAST_AREA} + {_MORE_AREA} * {share}")

    def bars(self, clock: Clock, width: int) -> alt.LayerChart:
        """Return a bar for each group, with its symbol and the number of its points.

        Parameters
        ----------
        clock : Clock
        width : int
            The width in pixels, together with the names.
        """
        names = [fitted(group.name, _NAME) for group in self.groups]
        counts = [(self.codes == group.code).sum(axis=1).tolist() for group in self.groups]
        rows = packing.by_epoch(
            clock,
            {
                "group": list(range(len(names))),
                "color": [group.color for group in self.groups],
                "shape": [group.shape for group in self.groups],
            },
            {"count": counts},
        )
        dark = {group.color: group.dark for group in self.groups}
        base = (
            alt.Chart(packing.PackedData(rows))
            .transform_calculate(count=packing.entry("count", clock))
            .encode(
                y=alt.Y(
                    "group:O",
                    title=None,
                    scale=alt.Scale(domain=list(range(len(names))), padding=0.3),
                    axis=alt.Axis(
                        ticks=False,
                        domain=False,
                        labelPadding=_SYMBOL,
                        labelExpr=f"{literal(names)}[datum.value]",
                        labelLimit=NO_LIMIT,
                    ),
                ),
                x=alt.X(
                    "count:Q",
                    axis=None,
                    scale=alt.Scale(domain=[0, self.codes.shape[1]], nice=False),
                ),
            )
        )
        fill = outright(alt.FillValue, adaptive_column("datum.color", dark))
        length = width - _NAME - _SYMBOL - _COUNT
        return alt.LayerChart(
            layer=[
                base.mark_bar(aria=False).encode(
                    fill=fill, tooltip=[alt.Tooltip("count:Q", title="Points", format=",")]
                ),
                base.mark_point(filled=True, size=60, opacity=1, aria=False, tooltip=None).encode(
                    x=alt.XValue(-_SYMBOL / 2),
                    fill=fill,
                    shape=outright(alt.ShapeValue, "datum.shape"),
                ),
                base.transform_calculate(label="format(datum.count, ',')")
                .mark_text(align="left", dx=4, color=adaptive(colors.INK), aria=False, tooltip=None)
                .encode(text=alt.Text("label:N")),
            ],
            width=length,
            height=ROW * len(names),
            view=alt.ViewConfig(stroke=None),
        )


def run_pair() -> list[tuple[str, str]]:
    """Return the colors of two runs, each on a light and on a dark background."""
    return list(zip(colors.run_colors(2), colors.run_colors(2, dark=True), strict=True))


def is_right(one: PairedRun, clock: Clock) -> np.ndarray:
    """Return which points are predicted correctly, bool (epochs, points); NaN is not correct."""
    outputs = one.values_at(clock, lambda epochs: one.run.outputs(epochs=epochs))
    known = np.isfinite(outputs).reshape(*outputs.shape[:2], -1).all(axis=2)
    return known & ~one.values_at(clock, lambda epochs: one.run.wrong(epochs=epochs))


def absolute_errors(one: PairedRun, clock: Clock) -> np.ndarray:
    """Return the absolute errors of a regression, (epochs, points)."""
    return np.abs(one.values_at(clock, lambda epochs: one.run.residuals(epochs=epochs)))
