"""Gives the axes of several charts the same limits, so that the charts can be compared."""

from collections.abc import Iterator, Sequence
from typing import Any

import altair as alt

from replaychart.arguments import is_number

# The channel of an axis, and the title that says what it shows.
Axis = tuple[str, str]


def shared_limits(charts: Sequence[Any]) -> dict[Axis, tuple[float, float]]:
    """Return the limits of each axis over all charts.

    Axes without limits in numbers, and those whose limits depend on the epoch, are left out.
    """
    found: dict[Axis, tuple[float, float]] = {}
    for chart in charts:
        for axis, scale in _axes(chart):
            low, high = scale.domain
            known = found.get(axis, (low, high))
            found[axis] = (min(low, known[0]), max(high, known[1]))
    return found


def share_limits(charts: Sequence[Any]) -> None:
    """Set the limits of each axis to those over all charts, in the charts themselves."""
    limits = shared_limits(charts)
    for chart in charts:
        for axis, scale in _axes(chart):
            scale.domain = list(limits[axis])


def _axes(chart: Any) -> Iterator[tuple[Axis, alt.Scale]]:
    """Yield the axes of a chart, single or composed, with their scales."""
    for parts in ("layer", "hconcat", "vconcat", "concat"):
        for part in getattr(chart, parts, ()) if parts in chart._kwds else ():
            yield from _axes(part)
    encoding = chart._get("encoding")
    for channel in ("x", "y") if isinstance(encoding, alt.FacetedEncoding) else ():
        definition = encoding._get(channel)
        scale = definition._get("scale") if isinstance(definition, (alt.X, alt.Y)) else None
        if isinstance(scale, alt.Scale) and _is_pair_of_numbers(scale._get("domain")):
            yield (channel, str(definition._get("title"))), scale


def _is_pair_of_numbers(domain: Any) -> bool:
    return isinstance(domain, list) and len(domain) == 2 and all(map(is_number, domain))
