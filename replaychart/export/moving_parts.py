"""Splits a compiled chart into what an epoch changes and what it does not.

Most of what it costs to draw a frame are texts: axes, legends, titles. They stay as they are while
the epoch moves. So they are drawn once, and each frame draws the marks that move, over them.
"""

import copy
import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from xml.etree import ElementTree

import vl_convert

from replaychart.drawing.epoch_parameter import NAME, POSITION
from replaychart.export.extents import Extent
from replaychart.export.specs import Spec

# What is under these keys is not drawn.
_UNSEEN = ("bind", "description", "tooltip")
# Texts under these keys name fields or stand as they are: they refer to nothing.
_PLAIN = ("as", "field", "fields", "format", "groupby", "name", "text", "title", "value", "values")
_DEFINED = ("signals", "data", "scales", "projections")
_DRAWN = ("marks", "axes", "legends", "title")
_OUTSIDE = ("left", "right", "top", "bottom")


class CannotSplit(Exception):  # noqa: N818
    """A chart has something whose place or order is not known to stay."""


def held(vega: Spec, room: Extent | None = None) -> Spec:
    """Return a chart whose views and titles stay where they are, whatever its data becomes.

    Vega lays a chart out anew for each epoch: a line that touches the border moves what stands
    beside it.

    Parameters
    ----------
    vega : dict
        A compiled chart with the data of one epoch.
    room : Extent, optional
        How far it may reach at another epoch. Default: no farther.

    Raises
    ------
    CannotSplit
        Not all places can be told.
    """
    scene = vl_convert.vega_to_scenegraph(vega)
    root = scene["scenegraph"]["items"][0]
    room = room or Extent.of(scene)
    width, height = root["width"], root["height"]
    still = _held_view({**copy.deepcopy({**vega, "data": []}), "data": vega["data"]}, root)
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


def _held_view(view: Spec, place: Spec) -> Spec:
    for mark in view.get("marks", []):
        if mark["type"] == "group" and "from" not in mark:
            drawn = _only_item(place, mark)
            at = {axis: {"value": drawn[axis]} for axis in ("x", "y")}
            mark.setdefault("encode", {}).setdefault("update", {}).update(at)
            _held_view(mark, drawn)
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
    """Return the part of a chart that moves, and a picture of the rest.

    Painted over the rest, the moving part is the whole chart.

    Parameters
    ----------
    vega : dict
        A compiled chart with the data of one epoch, its places held.
    changing : collection of str
        The datasets that are replaced when the epoch changes.

    Returns
    -------
    dict
        A Vega spec of the same size, without background, axes, legends and marks that stay.
    str
        An SVG of what stays.

    Raises
    ------
    CannotSplit
        The chart is not known to come apart.
    """
    whole = {**copy.deepcopy({**vega, "data": []}), "data": vega["data"]}
    parts = _Parts(whole, changing)
    moving = parts.moving_chart(whole)
    svg = ElementTree.fromstring(vl_convert.vega_to_svg(whole))
    _remove(svg, lambda part: not parts.cut.isdisjoint(part.get("class", "").split()))
    return moving, ElementTree.tostring(svg, encoding="unicode")


def drawn_only(vega: Spec) -> Spec:
    """Return a chart without what is not drawn, such as tooltips and what is only for them."""
    return _without_unused({**vega, "marks": [_bare(mark) for mark in vega.get("marks", [])]})


def without_texts(svg: str) -> str:
    """Return an SVG without its texts, which are most of what it costs to draw one."""
    root = ElementTree.fromstring(svg)
    _remove(root, lambda part: part.tag.endswith("}text") or part.get("display") == "none")
    return ElementTree.tostring(root, encoding="unicode")


def painted_below(svg: str, below: str) -> str:
    """Return an SVG with another one of the same size below what it shows."""
    # Not as an SVG within the SVG, which a renderer draws on a sheet of its own.
    shapes = "".join(
        ElementTree.tostring(part, encoding="unicode") for part in ElementTree.fromstring(below)
    )
    begin = svg.index(">") + 1
    return svg[:begin] + shapes + svg[begin:]


class _Parts:
    """Takes a chart apart. What moves gets a name in the whole chart, to be found in its SVG.

    Attributes
    ----------
    cut : set of str
        Names of what moves.
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
        frame = {key: view[key] for key in view if key not in (*_DEFINED, *_DRAWN)}
        if self._names.mentioned(frame) or not all(map(self._stays, view.get("legends", []))):
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
        """Return whether a legend stays as it is, at a place where nothing moves beneath it."""
        default = self._config.get("legend", {}).get("orient", "right")
        return legend.get("orient", default) in _OUTSIDE and not self._names.mentioned(legend)

    def _moving_marks(self, view: Spec) -> list[Spec]:
        """Return a view's marks from the first one that moves: what is painted later lies above."""
        moving: list[Spec] = []
        for mark in view.get("marks", []):
            if mark["type"] == "group" and "from" not in mark:
                # Views stand beside each other, so their order does not matter.
                part = self._moving_view(mark)
                moving += [part] if part else []
            elif moving or self._names.mentioned(mark):
                moving.append(_bare(mark))
                self.cut.add(mark.setdefault("name", f"moving_{len(self.cut)}"))
        return moving

    def _found(self, guide: Spec, part: str) -> Spec:
        """Return an axis or a title that can be found in the SVG by its name."""
        name = f"moving_{len(self.cut)}"
        guide.setdefault("encode", {}).setdefault(part, {})["name"] = name
        self.cut.add(name)
        return guide


class _Following:
    """The names of what follows the epoch: signals, data, scales.

    Where a text may or may not mean a name, it is taken to mean it.

    Parameters
    ----------
    vega : dict
        A compiled chart.
    changing : collection of str
        The datasets that are replaced when the epoch changes.
    """

    def __init__(self, vega: Spec, changing: Collection[str]) -> None:
        self._signals = {NAME, POSITION}
        self._others = set(changing)
        definitions = list(_definitions(vega))
        known = 0
        while known != len(self._signals) + len(self._others):
            known = len(self._signals) + len(self._others)
            # In an expression a signal stands alone, data and scales are named in quotes.
            self._pattern = re.compile(
                rf"(?<![\w$.\"'])(?:{_any(self._signals)})(?![\w$\"'])"
                rf"|(?<![\w$])(?:{_any(self._others)})(?![\w$])"
            )
            for signals, others, definition in definitions:
                if self.mentioned(definition) or others & self._others:
                    self._signals |= signals
                    self._others |= others

    def mentioned(self, node: object, *, plain: bool = False) -> bool:
        """Return whether a part of the chart mentions anything that follows the epoch."""
        if isinstance(node, dict):
            return any(
                self.mentioned(value, plain=key in _PLAIN)
                for key, value in node.items()
                if key not in _UNSEEN
            )
        if isinstance(node, list):
            # Rows of data are lists of plain values, and long.
            return not plain and any(self.mentioned(value) for value in node)
        return isinstance(node, str) and not plain and self._pattern.search(node) is not None


def _any(names: Collection[str]) -> str:
    return "|".join(map(re.escape, sorted(names))) or "(?!)"


def _definitions(view: Spec) -> Iterator[tuple[set[str], set[str], Spec]]:
    """Yield the signals, the other names and the definition of all that a chart defines."""
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
    """Return what a group became in the scene, of which there must be one."""
    found = [drawn for drawn in place["items"] if drawn.get("name") == mark.get("name")]
    if "name" not in mark or len(found) != 1 or len(found[0]["items"]) != 1:
        raise CannotSplit
    return found[0]["items"][0]


def _bare(mark: Spec) -> Spec:
    """Return a mark without what is not drawn."""
    encode = {
        step: {name: value for name, value in channels.items() if name not in _UNSEEN}
        for step, channels in mark.get("encode", {}).items()
    }
    bare = {**mark, "encode": encode}
    if "marks" in mark:
        bare["marks"] = [_bare(part) for part in mark["marks"]]
    return bare


def _without_unused(view: Spec) -> Spec:
    """Return a view without formulas whose result nothing mentions, such as those of tooltips."""
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
    # Once is where the formula itself names its result.
    return step["type"] != "formula" or words[step["as"]] > 1


def _remove(root: ElementTree.Element, unwanted: Callable[[ElementTree.Element], bool]) -> None:
    for parent in list(root.iter()):
        for child in [child for child in parent if unwanted(child)]:
            parent.remove(child)
