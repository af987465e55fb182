"""`animate`: adds playback to a chart, wherever vega-embed displays it."""

from typing import Any

import numpy as np
import vl_convert
from altair.typing import ChartType, is_chart_type

from replaychart.arguments import is_number
from replaychart.drawing.complete_spec import complete_spec
from replaychart.drawing.epoch_parameter import NAME
from replaychart.drawing.expressions import literal
from replaychart.errors import ArgumentError
from replaychart.playback.parameter import EpochSlider, find_slider

PLAYING = "playing"

Spec = dict[str, Any]


def animate(
    chart: ChartType, *, fps: float = 10, loop: bool = True, autoplay: bool = True
) -> ChartType:
    """Return the same chart with playback.

    The timer is part of the spec, so the chart plays without a kernel: in a notebook, a saved page
    or documentation. A checkbox next to the slider pauses and resumes it. Compose charts first,
    then animate the result.

    Parameters
    ----------
    chart : altair chart
        Any chart with the ``epoch`` parameter, single or composed.
    fps : float, default 10
        Epochs (steps of the slider) per second, more than 0 and at most 60.
    loop : bool, default True
        Whether to start over after the last epoch. Otherwise, the chart stops there, and playing it
        again starts at the first epoch.
    autoplay : bool, default True
        Whether the chart starts playing immediately.

    Returns
    -------
    altair chart
        A chart of the same class, which initially shows the first epoch.

    Raises
    ------
    ArgumentError
        The chart has no ``epoch`` slider, or another argument is invalid.

    Examples
    --------
    >>> import replaychart as rc
    >>> run = rc.open_run(rc.datasets.parabola_recording())
    >>> chart = rc.animate(rc.decision_boundary(run), fps=12)

    References
    ----------
    https://vega.github.io/vega/docs/event-streams/ and
    https://github.com/vega/vega-embed#options (``patch``)
    """
    if not is_number(fps) or not 0 < fps <= 60:
        message = f"fps must be more than 0 and at most 60. Got {fps!r}."
        raise ArgumentError(message)
    for argument, value in (("loop", loop), ("autoplay", autoplay)):
        if not isinstance(value, (bool, np.bool_)):
            message = f"{argument} must be True or False. Got {value!r}."
            raise ArgumentError(message)
    if not is_chart_type(chart):
        message = f"chart must be an Altair chart. Got {type(chart).__name__}."
        raise ArgumentError(message)
    spec = complete_spec(chart, validate=False)
    slider = find_slider(spec)
    if slider is None:
        message = (
            f"chart must have the {NAME!r} parameter with a slider, as ReplayChart's charts of "
            "several epochs do. Got a chart without it."
        )
        raise ArgumentError(message)
    patch = _patch(
        _compiled_signals(spec), slider, fps=float(fps), loop=bool(loop), autoplay=bool(autoplay)
    )
    playing = chart.copy()
    embed_options = {"patch": patch}
    usermeta = playing._get("usermeta")
    if isinstance(usermeta, dict):
        embed_options = {**usermeta.get("embedOptions", {}), **embed_options}
        playing.usermeta = {**usermeta, "embedOptions": embed_options}
    else:
        playing.usermeta = {"embedOptions": embed_options}
    return playing


def starting_at(spec: Spec, slider: EpochSlider, epoch: float) -> Spec:
    """Return a spec whose chart, if it plays, starts at an epoch.

    Parameters
    ----------
    spec : dict
        A chart's Vega-Lite spec.
    slider : EpochSlider
        The chart's slider.
    epoch : float
        One of the chart's epochs.
    """
    options = spec.get("usermeta", {}).get("embedOptions", {})
    if not isinstance(options.get("patch"), list):
        return spec
    setting = slider.setting(epoch)
    patch = [
        {**step, "value": setting} if step["op"] == "replace" else step for step in options["patch"]
    ]
    return {**spec, "usermeta": {**spec["usermeta"], "embedOptions": {**options, "patch": patch}}}


def _compiled_signals(spec: Spec) -> list[dict[str, Any]]:
    """Return the signals of the compiled chart, which do not depend on its data."""
    empty: Spec = {name: [] for name in spec.get("datasets", {})}
    return vl_convert.vegalite_to_vega({**spec, "datasets": empty})["signals"]


def _patch(
    signals: list[dict[str, Any]], slider: EpochSlider, *, fps: float, loop: bool, autoplay: bool
) -> list[dict[str, Any]]:
    """Return the JSON patch that vega-embed applies to the compiled chart."""
    index = next(i for i, signal in enumerate(signals) if signal["name"] == slider.signal)
    first, last, step = literal(slider.low), literal(slider.high), literal(slider.step)
    moved = slider.signal
    advance = f"{moved} >= {last} ? {first} : min({moved} + {step}, {last})"
    play: dict[str, Any] = {
        "name": PLAYING,
        "value": autoplay,
        "bind": {"input": "checkbox", "name": "Play "},
    }
    if not loop:
        play["on"] = [
            {"events": {"signal": moved}, "update": f"{moved} >= {last} ? false : {PLAYING}"}
        ]
    tick = {
        "events": {"type": "timer", "throttle": round(1000 / fps, 3)},
        "update": f"{PLAYING} ? ({advance}) : {moved}",
    }
    return [
        {"op": "add", "path": f"/signals/{index}/on", "value": [tick]},
        {"op": "replace", "path": f"/signals/{index}/value", "value": slider.low},
        {"op": "add", "path": "/signals/-", "value": play},
    ]
