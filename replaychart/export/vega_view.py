"""A Vega view that is made once and then stepped from epoch to epoch, in V8."""

import itertools
import json
import weakref
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

import vl_convert

from replaychart.drawing.packing import WHOLE, CutRows
from replaychart.export.bundles import bundled_with_vega
from replaychart.export.specs import Spec

# A view keeps rows that it no longer shows, about 0.05 MB for each step of a dashboard. After this
# many steps it is made again, which takes as long as about ten steps.
_STEPS = 1000

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


class Step(NamedTuple):
    """What a view needs to know to show another moment.

    Attributes
    ----------
    signals : dict of str to float or None
        The signals that select it, with their values.
    places : dict of str to tuple of int and float
        What each dataset shows: the place among the positions of its `CutRows`, and how much of the
        way to the next one lies behind.
    """

    signals: dict[str, Any]
    places: dict[str, tuple[int, float]]


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

    Raises
    ------
    CannotStep
        This version of vl-convert has no Vega that runs here.
    """

    def __init__(self) -> None:
        from py_mini_racer import MiniRacer

        self._v8 = MiniRacer()
        # A process with an open V8 would not end.
        self.close = weakref.finalize(self, self._v8.close)
        for script in (_HOST, vega_script(), _recorder()):
            self._run(script)

    def load(self, vega: Spec, rows: Mapping[str, CutRows], scale: float) -> None:
        """Make the view of a chart.

        Parameters
        ----------
        vega : dict
            The compiled chart.
        rows : dict of str to CutRows
            The rows of its datasets that differ between epochs.
        scale : float
            Pixels per pixel of the chart.

        Raises
        ------
        CannotStep
            Vega cannot draw the chart in V8 alone.
        """
        self._scale = scale
        self._texts: list[str] = []
        self._signals = {signal["name"] for signal in vega["signals"]}
        film = {name: {**cut._asdict(), "whole": WHOLE} for name, cut in rows.items()}
        given = ", ".join(json.dumps(json.dumps(one)) for one in (vega, film))
        self._run(f"displayList.load({given})")
        self._start()

    def at(self, steps: Sequence[Step]) -> list[DisplayList]:
        """Return what the view draws at some moments.

        Several at once take less time, since each call waits for Python's lock.

        Parameters
        ----------
        steps : sequence of Step
            The moments.

        Raises
        ------
        CannotStep
            The chart uses something that only vl-convert draws.
        """
        if self._steps + len(steps) > _STEPS:
            self._start()
        self._steps += len(steps)
        ends = self._record(steps)
        recorded: Any = self._v8.eval("displayList.numbers()")
        numbers: Any = memoryview(recorded).cast("d")
        return [
            DisplayList(numbers[start:end].tolist(), self._texts)
            for start, end in itertools.pairwise([0, *ends])
        ]

    def _start(self) -> None:
        self._steps = 0
        self._run("displayList.start()")

    def _record(self, steps: Sequence[Step]) -> list[int]:
        """Record what the view draws, and return where each moment ends in the numbers."""
        moments = json.dumps(
            [
                [
                    {name: value for name, value in step.signals.items() if name in self._signals},
                    step.places,
                ]
                for step in steps
            ]
        )
        while True:
            self._run(f"displayList.record({moments}, {self._scale!r})")
            # Recording ends in microtasks, so before the next call.
            report: Any = self._v8.eval(f"displayList.report({len(self._texts)})")
            state, ends, unknown, texts = json.loads(report)
            if state != "done":
                raise CannotStep(state)
            self._texts += texts
            if not unknown:
                return ends
            # The layout is computed again with the right widths.
            self._run(f"displayList.measured({json.dumps(text_widths(unknown))})")
            self._start()

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
    try:
        return bundled_with_vega("globalThis.vega = library;")
    except LookupError as error:
        raise CannotStep(*error.args) from error


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
