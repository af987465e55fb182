"""The player's parameters: what moves the epoch, by time, by key and by pointer.

Each of them is a parameter with event handlers, see `drawing.event_handlers`. Vega's expressions
are their code.
"""

import dataclasses
import itertools
from typing import Any, Literal

from replaychart.drawing.epoch_parameter import NAME
from replaychart.drawing.event_handlers import Definition, Handlers
from replaychart.drawing.expressions import literal
from replaychart.drawing.gliding import EPOCHS_PER_SECOND, GLIDE
from replaychart.drawing.scrubber import SCRUB_FROM, SCRUB_TO
from replaychart.playback.parameter import EpochSlider
from replaychart.playback.story_steps import Step

PLAYING, SPEED, LOOP = "playing", "speed", "loop"
SPEEDS = (0.25, 0.5, 1, 2, 4, 8)
# The steps of the slider that are due, and when they fell due.
_TICK = "tick"
# The ruler on which the pointer was pressed, and the epoch to which it was dragged.
_SCRUBBING = "scrubbing"
# The key that was pressed, and when, as "Shift+ArrowLeft 1700000000000". Pages set it as well.
PRESSED = "pressed"
PLAYER = (PLAYING, SPEED, LOOP, PRESSED, _TICK, _SCRUBBING)

# Milliseconds between two looks at the clock; a browser draws at most once in 16.
_LOOK = 10
_LOOKS = {"type": "timer", "throttle": _LOOK}
# The time of a look, which is the same for everything that happens then.
_NOW = "event.timestamp"
# A browser that was away, or too slow, catches up on at most this many seconds.
_MOST_BEHIND = 0.25
# A widget that mirrors parameters sets them again, at least this many milliseconds later.
_FRESH = 8
_STEPS_WITH_SHIFT = 10
# With pace="early", the first epochs are shown longer: as if this share of the run had gone by.
_AGE = 0.1

Pace = Literal["even", "early"]


@dataclasses.dataclass(frozen=True)
class Player:
    """Plays a chart.

    Attributes
    ----------
    slider : EpochSlider
        The chart's slider.
    fps : float
        Steps of the slider per second, at speed 1.
    pace : {"even", "early"}
        Whether early epochs get more time.
    loop, autoplay : bool
        What it does initially.
    smooth : bool
        Whether it says how far it is on the way to the next step.
    steps : list of Step
        The steps of a story, at which it pauses.
    """

    slider: EpochSlider
    fps: float
    pace: Pace
    loop: bool
    autoplay: bool
    smooth: bool
    steps: list[Step]

    def epoch_handlers(self) -> Definition:
        """Return what the parameter that the slider sets needs: where it starts, what moves it."""
        return {"value": self.slider.low, "on": [*self._moved_by_time(), *self._moved()]}

    def parameters(self) -> list[Definition]:
        """Return the definitions of all other parameters."""
        moved, last = self.slider.signal, literal(self.slider.high)
        speeds = {"input": "select", "options": list(SPEEDS), "name": "Speed "}
        # It stops when a step ends there, not when it is started there again.
        goes_on = f"{LOOP} || {moved} < {last} || !{_TICK}.steps"
        stops = _after(moved, f"{goes_on} ? {PLAYING} : false")
        return [
            {
                "name": PLAYING,
                "value": self.autoplay,
                "bind": {"input": "checkbox", "name": "Play "},
                "on": [
                    stops,
                    _after(PRESSED, self._playing_after_key()),
                    _after(_SCRUBBING, f"{_SCRUBBING} ? false : {PLAYING}"),
                ],
            },
            {"name": SPEED, "value": 1, "bind": speeds},
            {"name": LOOP, "value": self.loop},
            _KEYBOARD,
            {
                "name": _TICK,
                "value": {"made": 0, "steps": 0, "at": 0, "stopped": not self.autoplay},
                "on": [{"events": _LOOKS, "update": self._tick()}],
            },
            {"name": _SCRUBBING, "value": None, "on": _DRAG},
            *(self._glide() if self.smooth else []),
        ]

    def _glide(self) -> list[Definition]:
        """Return the definitions of the parameters with which a chart glides from step to step."""
        # The whole steps in it are those that this event makes due, or that it has just made.
        share = f"max(0, {self._owed()}) % 1"  # below 0 in a pause
        glides = f"{PLAYING} && !{_SCRUBBING} && {_TICK}.at"
        return [
            {
                "name": GLIDE,
                "value": None,
                "on": [
                    {"events": _LOOKS, "update": f"{glides} ? {share} : null"},
                    _after(PLAYING, f"{PLAYING} ? {GLIDE} : null"),
                ],
            },
            {"name": EPOCHS_PER_SECOND, "value": self.fps},
        ]

    def _moved_by_time(self) -> Handlers:
        """Return the handler that takes the steps which are due."""
        moved, slider = self.slider.signal, self.slider
        first, last, step = map(literal, (slider.low, slider.high, slider.step))
        advance = f"{moved} >= {last} ? {first} : min({moved} + {step} * {_TICK}.steps, {last})"
        due = f"{_TICK}.steps && now() - {_TICK}.made < {_FRESH}"
        return [_after(_TICK, f"{due} ? ({advance}) : {moved}")]

    def _moved(self) -> Handlers:
        """Return the handlers of keys, and of the pointer that drags over a scrubber."""
        moved, slider = self.slider.signal, self.slider
        first, last, step = map(literal, (slider.low, slider.high, slider.step))
        steps = f"{step} * ({_is_pressed('Shift+')} ? {_STEPS_WITH_SHIFT} : 1)"
        after_key = {
            "ArrowRight": f"min({moved} + {steps}, {last})",
            "ArrowLeft": f"max({moved} - {steps}, {first})",
            "Home": first,
            "End": last,
        }
        choices = "".join(f"{_is_pressed(key)} ? {after} : " for key, after in after_key.items())
        dragged_to = self._setting(f"{_SCRUBBING}.epoch")
        return [
            _after(PRESSED, f"{choices}{moved}"),
            _after(_SCRUBBING, f"{_SCRUBBING} ? ({dragged_to}) : {moved}"),
        ]

    def _playing_after_key(self) -> str:
        """Return the expression for whether the chart plays after a key: not after a step."""
        return f"{_is_pressed('Space')} ? !{PLAYING} : false"

    def _setting(self, epoch: str) -> str:
        """Return the expression for the value of the slider nearest to an epoch."""
        slider = self.slider
        first, last, step = map(literal, (slider.low, slider.high, slider.step))
        if slider.signal == NAME:
            return f"clamp({first} + {step} * round(({epoch} - {first}) / {step}), {first}, {last})"
        # The number of borders between neighboring stops that lie before the epoch.
        borders = [(a + b) / 2 for a, b in itertools.pairwise(slider.stops)]
        return " + ".join(f"({epoch} > {literal(border)})" for border in borders)

    def _tick(self) -> str:
        """Return the expression that counts the steps which fell due since the last ones did.

        The rate can change while the chart plays, and the period of Vega's timer cannot, so the
        timer is fast and looks at the clock. Only if a step is due does the value change.
        """
        rate, pause, owed = self._rate(), self._pause(), self._owed()
        most = f"max(1, ceil({rate} * {_MOST_BEHIND}))"
        due = (
            f"{{made: {_NOW}, steps: clamp(floor({owed}), 1, {self._unpaused(most)}), "
            f"at: {_NOW} - 1000 * ({owed} % 1) / {rate}}}"
        )
        # Whoever presses play at a step has read its caption.
        begun = f"{_NOW}{pause and f' - ({_TICK}.stopped ? {pause} : 0)'}"
        started = (
            f"{_TICK}.at ? ({owed} >= 1 ? {due} : {_TICK}) : {{made: 0, steps: 0, at: {begun}}}"
        )
        stopped = f"{_TICK}.at ? {{made: 0, steps: 0, at: 0, stopped: true}} : {_TICK}"
        return f"{PLAYING} && !{_SCRUBBING} ? ({started}) : ({stopped})"

    def _owed(self) -> str:
        """Return the expression for the number of steps that are due."""
        pause = self._pause()
        return f"{self._rate()} * ({_NOW} - {_TICK}.at{pause and ' - ' + pause}) / 1000"

    def _pause(self) -> str:
        """Return the expression for the milliseconds to pause where the slider is, if any."""
        pauses = [(step.setting, step.pause) for step in self.steps if step.pause]
        if not pauses:
            return ""
        settings, seconds = zip(*pauses, strict=True)
        position = f"indexof({literal(settings)}, {self.slider.signal})"
        milliseconds = literal([1000 * second for second in seconds])
        return f"({position} < 0 ? 0 : {milliseconds}[{position}])"

    def _unpaused(self, most: str) -> str:
        """Return the expression for the number of slider steps to take at once, up to a pause."""
        moved, step = self.slider.signal, literal(self.slider.step)
        settings = [one.setting for one in self.steps if one.pause]
        ahead = "".join(
            f"{moved} < {literal(setting)} ? ({literal(setting)} - {moved}) / {step} : "
            for setting in settings
        )
        return f"min({most}, {ahead}{most})" if ahead else most

    def _rate(self) -> str:
        """Return the expression for the steps per second."""
        rate = f"({SPEED} * {literal(self.fps)})"
        if self.pace == "even":
            return rate
        slider = self.slider
        count = (slider.high - slider.low) / slider.step
        age = max(count * _AGE, 1)
        position = f"({slider.signal} - {literal(slider.low)}) / {literal(slider.step)}"
        # The time for all steps is that of an even pace: the integral of 1 / (age + position).
        return f"({rate} * ({age} + {position}) * log(1 + {count} / {age}) / {count})"


def _is_pressed(key: str) -> str:
    return f"indexof({PRESSED}, {literal(key)}) >= 0"


def _after(signal: str, update: str) -> dict[str, Any]:
    """Return the handler of a signal's changes.

    Vega compares its result with its own last one, which other handlers may have overwritten, and
    does not pass it on if they are equal; hence ``force``.
    """
    return {"events": {"signal": signal}, "update": update, "force": True}


def _stream(source: str, kind: str) -> dict[str, Any]:
    return {"source": source, "type": kind}


_KEYS = [" ", "ArrowLeft", "ArrowRight", "Home", "End"]
_FIELDS = ["INPUT", "SELECT", "TEXTAREA", "BUTTON"]
_MEANT = [
    f"indexof({literal(_KEYS)}, event.key) >= 0",
    "!event.ctrlKey && !event.metaKey && !event.altKey && !event.defaultPrevented",
    f"indexof({literal(_FIELDS)}, event.target.tagName) < 0 && !event.target.isContentEditable",
]
# A page may have many charts, which all see its keys. A key belongs to the chart under the pointer,
# otherwise to the one clicked last. The former answers first, on the key's way up from the body of
# the page to its window, and whoever answers takes it. The filter of a stream knows no signals,
# hence `between`. The pointer leaves the marks of a chart one by one, but is then seen to move over
# the next one; and a press anywhere precedes its release over the chart.
_ATTENTION: dict[str, Handlers] = {
    "body": [_stream("view", "pointermove"), _stream("view", "pointerout")],
    "window": [_stream("view", "pointerup"), _stream("window", "pointerdown")],
}
_KEYBOARD: Definition = {
    "name": PRESSED,
    "value": "",
    "on": [
        {
            "events": [
                {
                    "source": source,
                    "type": "keydown",
                    "between": attention,
                    "filter": _MEANT,
                    "consume": True,
                }
                for source, attention in _ATTENTION.items()
            ],
            "update": (
                "(event.shiftKey ? 'Shift+' : '') + (event.key === ' ' ? 'Space' : event.key) "
                "+ ' ' + now()"
            ),
        }
    ],
}

_ON_SCRUBBER = _stream("view", "pointerdown") | {
    "filter": [f"event.item && event.item.datum && isValid(event.item.datum.{SCRUB_FROM})"],
}
_PRESSED_AT = (
    f"event.item.datum.{SCRUB_FROM} + (event.item.datum.{SCRUB_TO} - event.item.datum.{SCRUB_FROM})"
    " * x(event.item) / event.item.width"
)
_DRAGGED_TO = (
    f"{_SCRUBBING}.from + ({_SCRUBBING}.to - {_SCRUBBING}.from)"
    f" * (x() - {_SCRUBBING}.left) / {_SCRUBBING}.width"
)
# Once pressed on a ruler, the pointer may leave it.
_DRAG: Handlers = [
    {
        "events": _ON_SCRUBBER,
        "update": (
            "{left: x() - x(event.item), width: event.item.width, "
            f"from: event.item.datum.{SCRUB_FROM}, to: event.item.datum.{SCRUB_TO}, "
            f"epoch: {_PRESSED_AT}}}"
        ),
    },
    {
        "events": {
            "source": "window",
            "type": "pointermove",
            "between": [_ON_SCRUBBER, _stream("window", "pointerup")],
        },
        "update": f"{_SCRUBBING} ? merge({_SCRUBBING}, {{epoch: {_DRAGGED_TO}}}) : null",
    },
    {"events": "window:pointerup, window:pointercancel", "update": "null"},
]
