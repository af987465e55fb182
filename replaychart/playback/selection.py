"""The selection that all linked views share: its parameters, and the expressions that read it.

The pointer marks regions. Each region remembers the view and the epoch in which it was drawn, so
that a sample is selected, or not, whichever epoch is shown. The parameters have event handlers of
their own: selections of Vega-Lite hold on to positions, and not to samples.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import altair as alt

from replaychart.drawing.event_handlers import HandlingVariable
from replaychart.drawing.expressions import literal
from replaychart.drawing.legend_line import CLASS_NUMBER
from replaychart.playback.sample_codes import ALPHABET, ALPHABET_PARAMETER

PRESS, REGIONS = "link_press", "link_regions"
SAMPLES, PICKED = "link_samples", "link_picked"
CLASS = "link_class"
EVENLY = "link_evenly_drawn"
LOSSES = "link_losses"
# At most this many regions count: each one that is added with the shift key replaces the oldest.
SLOTS = 4
# At most this many samples have trails.
MOST_PICKED = 50
# The pointer has to move this far, in pixels, before it draws a region.
_LEAST_MOVE = 4

IS_DRAWN = f"isValid({REGIONS}[0])"
# Rows of `Run.points` that are no samples.
IS_OTHER = "datum.subset === 'validation'"
_SAMPLE = (
    "event.item && event.item.datum && isValid(event.item.datum.point) && "
    "event.item.datum.subset !== 'validation'"
)
_PRESSED: dict[str, Any] = {
    "source": "window",
    "type": "pointermove",
    "between": [
        {"source": "view", "type": "pointerdown"},
        {"source": "window", "type": "pointerup"},
    ],
}


@dataclasses.dataclass(frozen=True)
class Brushable:
    """A view in which the pointer can mark a region.

    Attributes
    ----------
    number : int
        The number of the view.
    group : str
        The name of its group in the compiled chart.
    position : str
        The expression for the position of the epoch shown among the epochs of the view.
    ranges : dict of str to str
        The expression for what a region covers, by the direction ``x`` or ``y``, with ``{0}`` and
        ``{1}`` for two positions of the pointer in pixels.
    at_once : bool
        Whether a click is enough, as on a bar.
    """

    number: int
    group: str
    position: str
    ranges: dict[str, str]
    at_once: bool


def parameters(
    brushables: Sequence[Brushable], find: Sequence[int], constants: dict[str, Any]
) -> list[HandlingVariable]:
    """Return the parameters of the selection.

    Parameters
    ----------
    brushables : sequence of Brushable
        The views in which the pointer can mark a region.
    find : sequence of int
        The samples that are picked at first.
    constants : dict of str to object
        Further parameters, whose values do not change.
    """
    clear = {"events": {"source": "view", "type": "dblclick"}}
    press = {"events": {"source": "view", "type": "pointerdown"}, "update": _pressed(brushables)}
    return [
        HandlingVariable(name=ALPHABET_PARAMETER, value=ALPHABET),
        *(HandlingVariable(name=name, value=value) for name, value in constants.items()),
        HandlingVariable(name=PRESS, value=None, on=[press]),
        HandlingVariable(
            name=REGIONS,
            value=[],
            on=[
                {"events": _PRESSED, "update": _dragged(brushables)},
                {"events": {"signal": PRESS}, "update": _clicked(brushables)},
                clear | {"update": "[]"},
            ],
        ),
        HandlingVariable(
            name=SAMPLES,
            value=" ".join(map(str, find)),
            bind={
                "input": "text",
                "name": "Samples ",
                "placeholder": "such as 12 305",
                "debounce": 150,
            },
            on=[
                {
                    "events": {"source": "view", "type": "click", "filter": [_SAMPLE]},
                    "update": _picked_or_not(),
                },
                clear | {"update": "''"},
            ],
        ),
        HandlingVariable(
            name=PICKED,
            expr=f"slice(split(trim(replace({SAMPLES}, regexp('[^0-9]+', 'g'), ' ')), ' '), "
            f"0, {MOST_PICKED})",
        ),
    ]


def class_selection(view: str) -> alt.TopLevelSelectionParameter:
    """Return the selection of classes by their legend.

    Parameters
    ----------
    view : str
        The name of a layer whose colors are those of the legend.
    """
    return alt.TopLevelSelectionParameter(
        name=CLASS,
        select=alt.PointSelectionConfig(type="point", fields=["target"]),
        bind="legend",
        views=[view],
    )


def class_parameter(labels: Sequence[Any]) -> HandlingVariable:
    """Return the parameter of a class that is selected in a legend which is drawn as marks.

    Parameters
    ----------
    labels : sequence of str or int
        The labels of the classes.
    """
    clicked = f"{literal(list(labels))}[event.item.datum.{CLASS_NUMBER}]"
    is_alone = f"isValid({CLASS}.target) && {CLASS}.target[0] === {clicked}"
    known = f"event.item && event.item.datum && isValid(event.item.datum.{CLASS_NUMBER})"
    events = {"source": "view", "type": "click", "filter": [known]}
    return HandlingVariable(
        name=CLASS,
        value={},
        on=[
            {"events": events, "update": f"{is_alone} ? {{}} : {{target: [{clicked}]}}"},
            {"events": {"source": "view", "type": "dblclick"}, "update": "{}"},
        ],
    )


def is_anything_selected(*, by_class: bool) -> str:
    """Return the expression for whether samples are selected; otherwise all look the same."""
    return f"({IS_DRAWN} || isValid({CLASS}.target))" if by_class else f"({IS_DRAWN})"


def is_selected(tests: Sequence[Callable[[str], str]], target: str | None) -> str:
    """Return the expression for whether a sample is selected, true if nothing is.

    Parameters
    ----------
    tests : sequence of callable
        For each view, returns the expression for whether the sample is in a region of that view,
        given the expression for the region.
    target : str or None
        The expression for the class of the sample; None if classes cannot be selected.
    """
    regions = [f"{REGIONS}[{slot}]" for slot in range(SLOTS)]
    within = " || ".join(
        f"(isValid({region}) && ({' || '.join(test(region) for test in tests)}))"
        for region in regions
    )
    selected = f"(!{IS_DRAWN} || {within})" if tests else "true"
    if target is None:
        return selected
    return f"(!isValid({CLASS}.target) || indexof({CLASS}.target, {target}) >= 0) && {selected}"


def is_picked(point: str = "datum.point") -> str:
    """Return the expression for whether a sample is picked."""
    return f"indexof({PICKED}, '' + {point}) >= 0"


def _pressed(brushables: Sequence[Brushable]) -> str:
    """Return what is known when the pointer goes down: the view, the epoch and the place."""
    update = "null"
    for one in reversed(brushables):
        group = f"group({literal(one.group)})"
        here = f"{group}.mark && {group}.mark.name === {literal(one.group)}"
        inside = (
            f"inrange(x({group}), [0, {group}.width]) && inrange(y({group}), [0, {group}.height])"
        )
        place = (
            f"{{id: now(), view: {one.number}, at: {one.position}, add: event.shiftKey, "
            f"from: [x({group}), y({group})], size: [{group}.width, {group}.height], "
            "root: [x(), y()]}"
        )
        update = f"{here} && {inside} ? {place} : {update}"
    return update


def _dragged(brushables: Sequence[Brushable]) -> str:
    """Return the regions while the pointer is moved: the newest one reaches to the pointer."""
    ends = [
        f"clamp({PRESS}.from[{axis}] + {name}() - {PRESS}.root[{axis}], 0, {PRESS}.size[{axis}])"
        for axis, name in enumerate("xy")
    ]
    moved = f"abs(x() - {PRESS}.root[0]) + abs(y() - {PRESS}.root[1]) >= {_LEAST_MOVE}"
    is_newest = f"({IS_DRAWN} && {REGIONS}[0].id === {PRESS}.id)"
    region = _region(brushables, ends)
    others = [f"{REGIONS}[{slot}]" for slot in range(SLOTS)]
    going_on = f"[{', '.join([region, *others[1:]])}]"
    return (
        f"!{PRESS} || !({moved} || {is_newest}) ? {REGIONS} : {is_newest} ? {going_on} : "
        f"{_with(region)}"
    )


def _clicked(brushables: Sequence[Brushable]) -> str:
    """Return the regions when the pointer goes down on a view where a click is enough."""
    at_once = [one.number for one in brushables if one.at_once]
    if not at_once:
        return REGIONS
    region = _region(
        [one for one in brushables if one.at_once], [f"{PRESS}.from[0]", f"{PRESS}.from[1]"]
    )
    return (
        f"{PRESS} && indexof({literal(at_once)}, {PRESS}.view) >= 0 ? {_with(region)} : {REGIONS}"
    )


def _with(region: str) -> str:
    """Return the regions with a new one, which replaces the others unless shift was pressed."""
    kept = ", ".join(f"{REGIONS}[{slot}]" for slot in range(SLOTS - 1))
    return f"{PRESS}.add ? [{region}, {kept}] : [{region}]"


def _region(brushables: Sequence[Brushable], ends: list[str]) -> str:
    parts = [f"id: {PRESS}.id", f"view: {PRESS}.view", f"at: {PRESS}.at"]
    for axis, name in enumerate("xy"):
        covered = "null"
        for one in reversed(brushables):
            if name in one.ranges:
                own = one.ranges[name].format(f"{PRESS}.from[{axis}]", ends[axis])
                covered = f"{PRESS}.view === {one.number} ? {own} : {covered}"
        parts.append(f"{name}: {covered}")
    return f"{{{', '.join(parts)}}}"


def _picked_or_not() -> str:
    """Return the samples after a click on one: only it, or with the shift key one more or less."""
    point = "('' + event.item.datum.point)"
    others = f"trim(replace(' ' + join({PICKED}, ' ') + ' ', ' ' + {point} + ' ', ' '))"
    with_it = f"trim(join({PICKED}, ' ') + ' ' + {point})"
    toggled = f"indexof({PICKED}, {point}) >= 0 ? {others} : {with_it}"
    alone = f"length({PICKED}) === 1 && {PICKED}[0] === {point} ? '' : {point}"
    still = f"!{PRESS} || abs(x() - {PRESS}.root[0]) + abs(y() - {PRESS}.root[1]) < {_LEAST_MOVE}"
    return f"{still} ? (event.shiftKey ? {toggled} : {alone}) : {SAMPLES}"
