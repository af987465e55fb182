"""The steps of a story, as they are found in a finished spec."""

import dataclasses
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from replaychart.playback.parameter import EpochSlider

Spec = dict[str, Any]

# The columns of a story's captions in a spec: the epochs at which one appears and disappears, the
# user's text, and how long playing stops there, in seconds.
FROM, UNTIL, TEXT, PAUSE = "story_from", "story_until", "story_text", "story_pause"


@dataclasses.dataclass(frozen=True)
class Step:
    """A caption, and where on the slider it appears.

    Attributes
    ----------
    epoch : float
        The first stop of the slider at which it is shown.
    setting : float
        The value of the slider there.
    text : str
        The caption, with the user's own line breaks.
    pause : float
        How long playing stops there, in seconds.
    """

    epoch: float
    setting: float
    text: str
    pause: float


def story_steps(spec: Spec, slider: EpochSlider | None) -> list[Step]:
    """Return the steps of the stories in a spec, in the order of their epochs.

    Captions of several stories that appear at the same stop are one step.

    Parameters
    ----------
    spec : dict
        A chart's Vega-Lite spec.
    slider : EpochSlider or None
        The chart's slider. Without one, there are no steps.
    """
    if slider is None:
        return []
    datasets = spec.get("datasets", {})
    rows = [row for name in story_datasets(spec) for row in datasets[name]]
    shown = [(position, row) for row in rows if (position := _stop(row, slider)) is not None]
    shown.sort(key=lambda one: one[0])
    return [
        _step(slider, position, [row for _, row in together])
        for position, together in groupby(shown, key=lambda one: one[0])
    ]


def story_datasets(spec: Spec) -> list[str]:
    """Return the names of the datasets of a spec that contain the captions of a story."""
    datasets = spec.get("datasets", {})
    return [name for name, rows in datasets.items() if rows and FROM in rows[0]]


def pauses_at(steps: Sequence[Step], epochs: Sequence[float]) -> list[float]:
    """Return how long each frame of a film is shown at least, in seconds.

    Parameters
    ----------
    steps : sequence of Step
        The steps of the chart's story, in the order of their epochs.
    epochs : sequence of float
        The epoch of each frame, in any order. Those at which a caption appears are shown longer.
    """
    starts = [step.epoch for step in steps]
    current = [bisect_right(starts, epoch) - 1 for epoch in epochs]
    return [
        steps[now].pause if now >= 0 and now != before else 0.0
        for before, now in zip([-1, *current], current, strict=False)
    ]


def _stop(row: dict[str, Any], slider: EpochSlider) -> int | None:
    """Return the first stop at which a caption is shown; None if it falls between two stops."""
    position = bisect_left(slider.stops, row[FROM])
    if position == len(slider.stops):
        return None
    until = row[UNTIL]
    return position if until is None or slider.stops[position] < until else None


def _step(slider: EpochSlider, position: int, rows: Sequence[dict[str, Any]]) -> Step:
    epoch = slider.stops[position]
    text = "\n".join(dict.fromkeys(row[TEXT] for row in rows))
    return Step(epoch, slider.setting(epoch), text, max(row[PAUSE] for row in rows))
