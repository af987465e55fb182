"""Axes that hold still while a training run goes on: their limits grow in steps."""

import math
from collections.abc import Iterator
from typing import Any

from replaychart.arguments import is_number
from replaychart.export.specs import Spec

# The share of the span by which limits are wider than the values that they just grew for.
_STEP = 0.1
# Spans that differ by less are meant to be equal.
_EQUAL = 1e-6


class SteadyAxes:
    """Holds the axes of a chart that is drawn again and again.

    An axis keeps its limits and its ticks until values lie outside. It never shrinks.
    """

    def __init__(self) -> None:
        self._held: dict[tuple[str | int, ...], dict[str, Any]] = {}

    def hold(self, spec: Spec) -> None:
        """Give the axes of a spec the limits that they had before, or wider ones."""
        for place, encoding in _encodings(spec, ()):
            axes = {name: encoding[name] for name in ("x", "y") if _has_limits(encoding.get(name))}
            spans = [_span(axis["scale"]["domain"]) for axis in axes.values()]
            for name, axis in axes.items():
                self._hold((*place, name), axis)
            if len(spans) == 2 and abs(spans[0] - spans[1]) < _EQUAL * max(spans):
                self._equalize([(*place, name) for name in axes], list(axes.values()))

    def _hold(self, place: tuple[str | int, ...], axis: dict[str, Any]) -> None:
        held = self._held.get(place)
        scale, logarithmic = axis["scale"], axis["scale"].get("type") == "log"
        limits = scale["domain"]
        if held is not None:
            before = held["scale"]["domain"]
            limits = _grown(before, limits, logarithmic=logarithmic)
            if limits == before and held["scale"].get("type") == scale.get("type"):
                # The ticks, too, which may depend on the limits.
                axis |= {part: held[part] for part in ("scale", "axis") if part in held}
                return
        axis["scale"] = {**scale, "domain": limits}
        self._held[place] = {part: axis[part] for part in ("scale", "axis") if part in axis}

    def _equalize(self, places: list[tuple[str | int, ...]], axes: list[dict[str, Any]]) -> None:
        """Give both axes of a plane the same span, so that it shows true angles."""
        longest = max(_span(axis["scale"]["domain"]) for axis in axes)
        for place, axis in zip(places, axes, strict=True):
            low, high = axis["scale"]["domain"]
            if high - low < longest * (1 - _EQUAL):
                middle = (low + high) / 2
                domain = [middle - longest / 2, middle + longest / 2]
                axis["scale"] = self._held[place]["scale"] = {**axis["scale"], "domain": domain}


def _encodings(
    view: Any, place: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], dict[str, Any]]]:
    """Yield the encodings of a spec and its parts, each with its place."""
    if isinstance(view.get("encoding"), dict):
        yield place, view["encoding"]
    for kind in ("layer", "hconcat", "vconcat", "concat"):
        for number, part in enumerate(view.get(kind, ())):
            yield from _encodings(part, (*place, kind, number))


def _has_limits(axis: Any) -> bool:
    scale = axis.get("scale") if isinstance(axis, dict) else None
    domain = scale.get("domain") if isinstance(scale, dict) else None
    return isinstance(domain, list) and len(domain) == 2 and all(map(is_number, domain))


def _span(limits: list[float]) -> float:
    return float(limits[1] - limits[0])


def _grown(held: list[float], wanted: list[float], *, logarithmic: bool) -> list[float]:
    """Return the limits an axis has had, or wider ones with room to spare if it needs them."""
    low, high = held
    if low <= wanted[0] and wanted[1] <= high:
        return held
    if logarithmic and min(*held, *wanted) > 0:
        exponents = _grown(
            [math.log(end) for end in held], [math.log(end) for end in wanted], logarithmic=False
        )
        return [math.exp(end) for end in exponents]
    room = _STEP * _span([min(low, wanted[0]), max(high, wanted[1])])
    if wanted[0] < low:
        # Quantities that cannot be negative keep an axis that says so.
        low = max(0.0, wanted[0] - room) if wanted[0] >= 0 else wanted[0] - room
    if wanted[1] > high:
        high = wanted[1] + room
    return [low, high]
