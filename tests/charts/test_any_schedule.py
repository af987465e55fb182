"""For any schedule of epochs, Vega's own expressions select the position and epoch shown."""

import re

import altair as alt
import numpy as np
import vl_convert
from hypothesis import given, settings
from hypothesis import strategies as st

from replaychart.drawing.clock import Clock
from replaychart.drawing.epoch_parameter import EpochParameter

examples = settings(max_examples=settings().max_examples // 4)

whole = st.integers(0, 300)
fractions = st.integers(0, 2100).map(lambda count: round(count / 7, 6))
even = st.builds(range, whole, st.integers(301, 900), st.integers(1, 60)).map(list)
schedules = st.one_of(
    st.lists(whole, min_size=2, max_size=12, unique=True),
    st.lists(st.one_of(whole, fractions), min_size=2, max_size=12, unique=True),
    even.filter(lambda epochs: len(epochs) > 1).map(lambda epochs: epochs[:12]),
).map(lambda epochs: np.array(sorted(epochs)))


def _shown(signals: list[dict], *expressions: str) -> list[str]:
    """The values of expressions in Vega, for each list of signals."""
    marks = [
        {"type": "text", "encode": {"enter": {"text": {"signal": f"'<' + ({one}) + '>'"}}}}
        for one in expressions
    ]
    spec = {"$schema": "https://vega.github.io/schema/vega/v6.json", "width": 9, "height": 9}
    svg = vl_convert.vega_to_svg({**spec, "signals": signals, "marks": marks})
    return re.findall(r"&lt;(.*?)&gt;", svg)


def _signals(parameter: EpochParameter, stop: int) -> list[dict]:
    """The signals with the slider at one of its stops."""
    epoch = parameter.epochs[stop].item()
    if parameter.position is None:
        return [{"name": "epoch", "value": epoch}]
    expression = parameter.param.to_dict()["expr"]
    return [{"name": "snapshot", "value": stop}, {"name": "epoch", "update": expression}]


def _last_not_after(epochs: np.ndarray, epoch: float) -> int:
    return max(int(np.searchsorted(epochs, epoch, side="right")) - 1, 0)


@examples
@given(own=schedules, other=schedules, place=st.floats(0, 1))
def test_shown_frame_is_the_last_one_not_after_the_epoch(
    own: np.ndarray, other: np.ndarray, place: float
) -> None:
    """A chart of one schedule, with a slider over its own epochs and over those of both."""
    for stops in (own, np.unique(np.concatenate([own, other]))):
        parameter = EpochParameter(stops, stops[-1].item())
        clock = Clock(own, parameter)
        stop = round(place * (len(stops) - 1))
        position, shown, epoch = _shown(
            _signals(parameter, stop),
            clock.position_expression(),
            clock.epoch_expression(),
            "epoch",
        )
        expected = _last_not_after(own, stops[stop])
        assert float(epoch) == stops[stop]
        assert int(position) == expected
        assert float(shown) == own[expected]


@examples
@given(own=schedules, epoch=st.floats(-10, 1000))
def test_epoch_of_an_own_parameter_may_be_between_snapshots(own: np.ndarray, epoch: float) -> None:
    clock = Clock(own, alt.param(name="epoch", value=epoch))
    signals = [{"name": "epoch", "value": epoch}]
    position, shown = _shown(signals, clock.position_expression(), clock.epoch_expression())
    expected = _last_not_after(own, epoch)
    assert int(position) == expected
    assert float(shown) == own[expected]
