"""Splits a compiled chart into the part that changes with the epoch and the part that does not.

Most of the time to draw a film frame is spent on text: axes, legends and titles. Text that does not
change with the epoch is drawn once, and each frame draws only the moving marks on top of it.
"""

import copy
import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from xml.etree import ElementTree

import vl_convert

from replaychart.drawing.epoch_parameter import NAME, POSITION
from replaychart.drawing.gliding import GLIDE
from replaychart.export.extents import Extent
from replaychart.export.specs import Spec

# Values of these keys are not drawn.
_UNSEEN = ("bind", "description", "tooltip")
# Strings under these keys are field names or literal text, and refer to nothing else.
_PLAIN = ("as", "field", "fields", "format", "groupby", "name", "text", "title", "value", "values")
_DEFINED = ("signals", "data", "scales", "projections")
_DRAWN = ("marks", "axes", "legends", "title")
_OUTSIDE = ("left", "right", "top", "bottom")


class CannotSplit(Exception):  # noqa: N818
    """A chart cannot be split because the position or order of a part may change."""


def with_fixed_layout(vega: Spec, scene: Spec, room: Extent | None = None) -> Spec:
    """Return a chart whose views and titles have fixed positions, independent of its data.

    Otherwise Vega computes the layout for each epoch, and a line that touches the border of a view
    moves its neighbors.

    Parameters
    ----------
    vega : dict
        A compiled chart with the data of one epoch.
    scene : dict
        The scene graph of this chart.
    room : Extent, optional
        The extent that it needs over all epochs. Default: that of the given epoch.

    Raises
    ------
    CannotSplit
        Not all positions can be determined.
    """
    root = scene["scenegraph"]["items"][0]
    room = room or Extent.of(scene)
    width, height = root["width"], root["height"]
    still = _fixed_view({**copy.deepcopy({**vega, "data": []}), "data": vega["data"]}, root)
    return {
        **still,
        "autosize": "none",
        "width": width,
        "height": height,
        "padding": {
            "left": room.left,
            "top": room.top,
            "right": room.right - width,
            "bottom": room.bottom - height,
        },
    }


def _fixed_view(view: Spec, place: Spec) -> Spec:
    for mark in view.get("marks", []):
        if mark["type"] == "group" and "from" not in mark:
            drawn = _only_item(place, mark)
            at = {axis: {"value": drawn[axis]} for axis in ("x", "y")}
            mark.setdefault("encode", {}).setdefault("update", {}).update(at)
            _fixed_view(mark, drawn)
        elif "layout" in view:
            raise CannotSplit
    title = view.get("title")
    if isinstance(title, dict) and _can_hold(title):
        drawn = next(mark for mark in place["items"] if mark.get("role") == "title")["items"][0]
        at = {axis: {"value": drawn[axis]} for axis in ("x", "y")}
        encode = {**title.get("encode", {}), "group": {"update": at}}
        view["title"] = {**title, "orient": "none", "encode": encode}
    view.pop("layout", None)
    return view


def _can_hold(title: Spec) -> bool:
    upright = title.get("orient", "top") in ("top", "bottom")
    return upright and "subtitle" not in title and "group" not in title.get("encode", {})


def split(vega: Spec, changing: Collection[str]) -> tuple[Spec, str]:
    """Return the part of a chart that moves, and an image of the rest.

    Painting the moving part on top of the rest gives the whole chart.

    Parameters
    ----------
    vega : dict
        A compiled chart with the data of one epoch and with fixed positions.
    changing : collection of str
        The datasets that are replaced when the epoch changes.

    Returns
    -------
    dict
        A Vega spec of the same size, without the background, axes, legends and marks that do not
        change.
    str
        An SVG of the rest.

    Raises
    ------
    CannotSplit
        The chart cannot be split safely.
    """
    whole = {**copy.deepcopy({**vega, "data": []}), "data": vega["data"]}
    parts = _Parts(whole, changing)
    moving = parts.moving_chart(whole)
    svg = ElementTree.fromstring(vl_convert.vega_to_svg(whole))
    _remove(svg, lambda part: not parts.cut.isdisjoint(part.get("class", "").split()))
    return moving, ElementTree.tostring(svg, encoding="unicode")


def drawn_only(vega: Spec) -> Spec:
    """Return a chart without anything that is not drawn, such as tooltips and their formulas."""
    return _without_unused({**vega, "marks": [_bare(mark) for mark in vega.get("marks", [])]})


def without_texts(svg: str) -> str:
    """Return an SVG without its text elements, which take most of the time to draw."""
    root = ElementTree.fromstring(svg)
    _remove(root, lambda part: part.tag.endswith("}text") or part.get("display") == "none")
    return ElementTree.tostring(root, encoding="unicode")


def painted_below(svg: str, below: str) -> str:
    """Return an SVG with another one of the same size below its content."""
    # Not nested as an SVG element, which a renderer would draw on a separate layer.
    shapes = "".join(
        ElementTree.tostring(part, encoding="unicode") for part in ElementTree.fromstring(below)
    )
    begin = svg.index(">") + 1
    return svg[:begin] + shapes + svg[begin:]


class _Parts:
    """Splits a chart. Each moving part is given a name, by which it can be found in the SVG.

    Attributes
    ----------
    cut : set of str
        Names of the moving parts.
    """

    def __init__(self, whole: Spec, changing: Collection[str]) -> None:
        self.cut: set[str] = set()
        self._names = _Following(whole, changing)
        self._config = whole.get("config", {})

    def moving_chart(self, whole: Spec) -> Spec:
        """Return the part of the whole chart that moves."""
        moving = self._moving_view(whole) or {"marks": []}
        config = {key: value for key, value in self._config.items() if key != "background"}
        kept = ("$schema", "autosize", "width", "height", "padding")
        return {
            **_without_unused({key: moving[key] for key in moving if key != "encode"}),
            **{key: whole[key] for key in kept},
            "config": {**config, "aria": False},
        }

    def _moving_view(self, view: Spec) -> Spec | None:
        """Return the part of a view that moves, None if nothing does."""
        own = {key: view[key] for key in view if key not in (*_DEFINED, *_DRAWN)}
        if self._names.mentioned(own) or not all(map(self._stays, view.get("legends", []))):
            raise CannotSplit
        marks = self._moving_marks(view)
        axes = [
            self._found(axis, "axis")
            for axis in view.get("axes", [])
            if self._names.mentioned(axis) or (marks and axis.get("zindex", 0) != 0)
        ]
        title = view.get("title")
        if not isinstance(title, dict) or not self._names.mentioned(title):
            title = None
        elif title.get("orient") != "none":
            raise CannotSplit
        if not (marks or axes or title):
            return None
        update = view.get("encode", {}).get("update", {})
        update = {key: value for key, value in update.items() if key not in ("fill", "stroke")}
        moving = {key: view[key] for key in ("type", "clip", *_DEFINED) if key in view}
        moving |= {"encode": {"update": update}, "marks": marks, "axes": axes}
        return {**moving, "title": self._found(title, "group")} if title else moving

    def _stays(self, legend: Spec) -> bool:
        """Return whether a legend does not change and is outside the views, away from the marks."""
        default = self._config.get("legend", {}).get("orient", "right")
        return legend.get("orient", default) in _OUTSIDE and not self._names.mentioned(legend)

    def _moving_marks(self, view: Spec) -> list[Spec]:
        """Return a view's marks from the first moving one on, as later marks are painted on top."""
        moving: list[Spec] = []
        for mark in view.get("marks", []):
            if mark["type"] == "group" and "from" not in mark:
                # Views do not overlap, so their order does not matter.
                part = self._moving_view(mark)
                moving += [part] if part else []
            elif moving or self._names.mentioned(mark):
                moving.append(_bare(mark))
                self.cut.add(mark.setdefault("name", f"moving_{len(self.cut)}"))
        return moving

    def _found(self, guide: Spec, part: str) -> Spec:
        """Return an axis or a title with a name by which it can be found in the SVG."""
        name = f"moving_{len(self.cut)}"
        guide.setdefault("encode", {}).setdefault(part, {})["name"] = name
        self.cut.add(name)
        return guide


class _Following:
    """The names of signals, data and scales that depend on the epoch.

    A string that may or may not refer to such a name is assumed to refer to it.

    Parameters
    ----------
    vega : dict
        A compiled chart.
    changing : collection of str
        The datasets that are replaced when the epoch changes.
    """

    def __init__(self, vega: Spec, changing: Collection[str]) -> None:
        self._signals = {NAME, POSITION, GLIDE}
        self._others = set(changing)
        definitions = list(_definitions(vega))
        known = 0
        while known != len(self._signals) + len(self._others):
            known = len(self._signals) + len(self._others)
            # In an expression, signals are not quoted, but names of data and scales are.
            self._pattern = re.compile(
                rf"(?<![\w$.\"'])(?:{_any(self._signals)})(?![\w$\"'])"
                rf"|(?<![\w$])(?:{_any(self._others)})(?![\w$])"
            )
            for signals, others, definition in definitions:
                if self.mentioned(definition) or others & self._others:
                    self._signals |= signals
                    self._others |= others

    def mentioned(self, node: object, *, plain: bool = False) -> bool:
        """Return whether a part of the chart refers to anything that depends on the epoch."""
        if isinstance(node, dict):
            return any(
                self.mentioned(value, plain=key in _PLAIN)
                for key, value in node.items()
                if key not in _UNSEEN
            )
        if isinstance(node, list):
            # Rows of data are long lists of plain values, so they are skipped.
            return not plain and any(self.mentioned(value) for value in node)
        return isinstance(node, str) and not plain and self._pattern.search(node) is not None


def _any(names: Collection[str]) -> str:
    return "|".join(map(re.escape, sorted(names))) or "(?!)"


def _definitions(view: Spec) -> Iterator[tuple[set[str], set[str], Spec]]:
    """Yield signal names, other names and the definition for everything that a chart defines."""
    for signal in view.get("signals", []):
        yield {signal["name"]}, set(), signal
    for data in view.get("data", []):
        transforms = data.get("transform", [])
        signals = {step["signal"] for step in transforms if isinstance(step.get("signal"), str)}
        yield signals, {data["name"]}, data
    for kind in ("scales", "projections"):
        for definition in view.get(kind, []):
            yield set(), {definition["name"]}, definition
    for mark in view.get("marks", []):
        facet = mark.get("from", {}).get("facet", {})
        names = {name for name in (mark.get("name"), facet.get("name")) if name}
        yield set(), names, mark
        yield from _definitions(mark)


def _only_item(place: Spec, mark: Spec) -> Spec:
    """Return the item of a group in the scene, which must be the only one."""
    found = [drawn for drawn in place["items"] if drawn.get("name") == mark.get("name")]
    if "name" not in mark or len(found) != 1 or len(found[0]["items"]) != 1:
        raise CannotSplit
    return found[0]["items"][0]


def _bare(mark: Spec) -> Spec:
    """Return a mark without anything that is not drawn."""
    encode = {
        step: {name: value for name, value in channels.items() if name not in _UNSEEN}
        for step, channels in mark.get("encode", {}).items()
    }
    bare = {**mark, "encode": encode}
    if "marks" in mark:
        bare["marks"] = [_bare(part) for part in mark["marks"]]
    return bare


def _without_unused(view: Spec) -> Spec:
    """Return a view without formulas whose results are not used, such as those of tooltips."""
    drawn = {**view, "data": [{**data, "values": []} for data in view.get("data", [])]}
    words = Counter(re.findall(r"\w+", json.dumps(drawn)))
    return {
        **view,
        "data": [
            {**data, "transform": [step for step in data["transform"] if _used(step, words)]}
            if "transform" in data
            else data
            for data in view.get("data", [])
        ],
    }


def _used(step: Spec, words: Counter[str]) -> bool:
    # One occurrence is the definition itself.
    return step["type"] != "formula" or words[step["as"]] > 1


def _remove(root: ElementTree.Element, unwanted: Callable[[ElementTree.Element], bool]) -> None:
    for parent in list(root.iter()):
        for child in [child for child in parent if unwanted(child)]:
            parent.remove(child)
