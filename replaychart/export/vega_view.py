"""A Vega view that is made once and then stepped from epoch to epoch, in V8."""

import json
import weakref
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

import vl_convert

from replaychart.export.specs import Spec

# Vega expects these of its host. Charts of a film have no timers, and log nothing.
_HOST = """
globalThis.window = globalThis.self = globalThis;
for (const name of ["setTimeout", "clearTimeout", "setInterval", "clearInterval"])
  globalThis[name] = () => 0;
globalThis.console = Object.fromEntries(["log", "info", "warn", "error", "debug"].map(
  (name) => [name, () => {}]));
globalThis.structuredClone = (value) => JSON.parse(JSON.stringify(value));
0
"""


class CannotStep(Exception):  # noqa: N818
    """A chart uses something that only vl-convert draws."""


class DisplayList(NamedTuple):
    """What a view draws at an epoch, as `scripts/display-list.js` records it.

    Attributes
    ----------
    numbers : list of float
        The operations, each followed by its arguments, in pixels of the image.
    texts : list of str
        The texts and styles to which they refer by number.
    """

    numbers: list[float]
    texts: list[str]


class VegaView:
    """A Vega view that keeps its data from epoch to epoch, so that a step computes only changes.

    It must be closed: V8 runs in a thread.

    Parameters
    ----------
    vega : dict
        The compiled chart, with the rows of all epochs.
    scale : float
        Pixels per pixel of the chart.

    Raises
    ------
    CannotStep
        Vega cannot draw the chart in V8 alone.
    """

    def __init__(self, vega: Spec, scale: float) -> None:
        from py_mini_racer import MiniRacer

        self._scale = scale
        self._texts: list[str] = []
        self._signals = {signal["name"] for signal in vega["signals"]}
        self._v8 = MiniRacer()
        # A process with an open V8 would not end.
        self.close = weakref.finalize(self, self._v8.close)
        for script in (_HOST, vega_script(), _recorder()):
            self._run(script)
        self._run(f"const chart = {json.dumps(json.dumps(vega))}")
        self._start()

    def at(self, signals: Mapping[str, Any]) -> DisplayList:
        """Return what the view draws.

        Parameters
        ----------
        signals : dict of str to float or None
            The signals that select an epoch, with their values.

        Raises
        ------
        CannotStep
            The chart uses something that only vl-convert draws.
        """
        known = {name: value for name, value in signals.items() if name in self._signals}
        self._record(known)
        while unknown := json.loads(self._v8.eval("displayList.missing()")):
            # The layout is computed again with the right widths.
            self._run(f"displayList.measured({json.dumps(text_widths(unknown))})")
            self._start()
            self._record(known)
        recorded: Any = self._v8.eval("displayList.numbers()")
        numbers: Any = memoryview(recorded).cast("d").tolist()
        self._texts += json.loads(self._v8.eval(f"displayList.texts({len(self._texts)})"))
        return DisplayList(numbers, self._texts)

    def _start(self) -> None:
        self._run("displayList.start(chart)")

    def _record(self, signals: dict[str, Any]) -> None:
        self._run(f"displayList.record({json.dumps(signals)}, {self._scale!r})")
        # Recording ends in a microtask, so before the next call.
        state = self._v8.eval("displayList.state()")
        if state != "done":
            raise CannotStep(state)

    def _run(self, script: str) -> None:
        from py_mini_racer import JSEvalException

        try:
            self._v8.eval(f"{script}; 0")
        except JSEvalException as error:
            raise CannotStep(str(error).splitlines()[0]) from error


@cache
def vega_script() -> str:
    """Return the Vega of vl-convert, as a script that defines ``vega``.

    Raises
    ------
    CannotStep
        A later version of vl-convert has it under another address.
    """
    # vl-convert brings the file; nothing is downloaded.
    address = f"https://cdn.jsdelivr.net/npm/vega@{vl_convert.get_vega_version()}/+esm"
    try:
        return vl_convert.javascript_bundle(
            f"import * as library from {json.dumps(address)}; globalThis.vega = library;"
        )
    except BaseException as error:
        # A panic of Rust, which is not an `Exception`.
        if type(error).__module__ != "pyo3_runtime":
            raise
        raise CannotStep(address) from error


@cache
def _recorder() -> str:
    folder = resources.files("replaychart.export") / "scripts"
    return (folder / "display-list.js").read_text(encoding="utf-8")


def text_widths(texts: list[dict[str, Any]]) -> list[float]:
    """Return the widths of texts in pixels of a chart, as vl-convert measures them.

    Parameters
    ----------
    texts : list of dict
        The properties of text marks: ``text`` and, optionally, those of the font.
    """
    fields = ("text", "font", "fontSize", "fontWeight", "fontStyle")
    encode = {"enter": {name: {"field": name} for name in fields}}
    width = {"x": {"signal": "datum.bounds.x2 - datum.bounds.x1"}}
    scene: Any = vl_convert.vega_to_scenegraph(
        {
            "data": [{"name": "texts", "values": texts}],
            "marks": [
                {"type": "text", "name": "drawn", "from": {"data": "texts"}, "encode": encode},
                {"type": "symbol", "from": {"data": "drawn"}, "encode": {"enter": width}},
            ],
        }
    )
    _, measured = scene["scenegraph"]["items"][0]["items"]
    return [item["x"] for item in measured["items"]]
