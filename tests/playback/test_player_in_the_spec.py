"""The player is part of the spec: it survives what is done to a chart, and other versions."""

import copy
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import altair as alt
import pytest
import vl_convert
from PIL import Image
from support.browser import Page
from support.training import Training

import replaychart as rc

Opened = Callable[[Any], Page]
IRREGULAR = [0, 1, 2, 5]


def _named(spec: dict[str, Any], key: str = "params") -> dict[str, Any]:
    names = [one["name"] for one in spec[key]]
    assert len(names) == len(set(names))
    return {one["name"]: one for one in spec[key]}


def _rule() -> alt.Chart:
    return alt.Chart(alt.Data(values=[{}])).mark_rule().encode(x=alt.value(9))


AFTERWARDS: dict[str, Callable[[Any, Any], Any]] = {
    "copy": lambda chart, _: chart.copy(),
    "deepcopy": lambda chart, _: copy.deepcopy(chart),
    "interactive": lambda chart, _: chart.interactive(),
    "properties": lambda chart, _: chart.properties(width="container", title="own"),
    "params": lambda chart, _: chart.add_params(alt.param(name="own", value=1)),
    "left of another": lambda chart, other: chart | other,
    "right of another": lambda chart, other: other | chart,
    "above itself": lambda chart, _: chart & chart,
    "nested": lambda chart, other: (other & chart) | other,
    "under a layer": lambda chart, _: chart + _rule(),
    "animated again": lambda chart, _: rc.animate(chart),
}


@pytest.mark.parametrize("change", AFTERWARDS.values(), ids=AFTERWARDS)
@pytest.mark.parametrize("epochs", [None, IRREGULAR], ids=["equal steps", "irregular"])
def test_player_survives(
    epochs: list[int] | None, change: Callable[[Any, Any], Any], parabola: Training
) -> None:
    run = parabola.open()
    chart = rc.animate(rc.loss_histogram(run, epochs=epochs))
    other = rc.loss_and_metric(run, epochs=epochs)
    changed = change(chart, other)
    moved = "epoch" if epochs is None else "snapshot"
    for spec in (changed.to_dict(), changed.to_dict(validate=False), json.loads(changed.to_json())):
        params = _named(spec)
        assert params[moved]["value"] == 0
        assert any(one["events"] == {"signal": "tick"} for one in params[moved]["on"])
        assert params["tick"]["on"][0]["events"]["type"] == "timer"
        assert vl_convert.vegalite_to_vega(spec)["signals"]
    assert "on" not in _named(other.to_dict())[moved]


def test_spec_can_be_copied_and_sent(parabola: Training) -> None:
    spec = rc.animate(rc.loss_histogram(parabola.open())).to_dict()
    written = json.loads(json.dumps(spec))
    for same in (copy.deepcopy(spec), pickle.loads(pickle.dumps(spec))):
        assert json.loads(json.dumps(same)) == written
    assert _named(written)["epoch"]["on"]


@pytest.mark.parametrize("version", vl_convert.get_vegalite_versions())
def test_every_version_of_vega_lite_passes_the_handlers_on(
    version: str, parabola: Training
) -> None:
    run = parabola.open()
    for epochs, moved in ((None, "epoch"), (IRREGULAR, "snapshot")):
        chart = rc.loss_histogram(run, epochs=epochs) | rc.loss_and_metric(run, epochs=epochs)
        spec = rc.animate(chart, smooth=True).to_dict()
        signals = _named(vl_convert.vegalite_to_vega(spec, vl_version=version), "signals")
        params = _named(spec)
        for name in (moved, "playing", "pressed", "tick", "scrubbing", "glide"):
            assert signals[name]["on"] == params[name]["on"]
        assert signals[moved]["value"] == 0
        assert signals[moved]["bind"]["input"] == "range"


def test_altair_still_refuses_what_its_schema_does_not_list(parabola: Training) -> None:
    chart = rc.animate(rc.loss_histogram(parabola.open()))
    wrong = chart.add_params(alt.param(name="own", value=1))
    wrong.params[-1]["onn"] = 1
    with pytest.raises(alt.utils.schemapi.SchemaValidationError, match="onn"):
        wrong.to_dict()


def test_host_that_drops_the_handlers_draws_the_chart_with_its_slider(parabola: Training) -> None:
    spec = rc.animate(rc.loss_histogram(parabola.open(), epoch=3)).to_dict()
    for parameter in spec["params"]:
        parameter.pop("on", None)
    signals = _named(vl_convert.vegalite_to_vega(spec), "signals")
    assert signals["epoch"]["value"] == 0
    assert signals["epoch"]["bind"]["input"] == "range"
    assert "<svg" in vl_convert.vegalite_to_svg(spec)


def test_charts_animated_differently_do_not_compose(parabola: Training) -> None:
    chart = rc.loss_histogram(parabola.open())
    assert (rc.animate(chart, fps=5) | rc.animate(chart, fps=5)).to_dict()
    others = [{"fps": 5}, {"autoplay": False}, {"loop": False}, {"pace": "early"}]
    for other in [*others, {"smooth": True, "fps": 5}]:
        with pytest.raises(rc.ArgumentError, match="animated in different ways. Compose them"):
            (rc.animate(chart) | rc.animate(chart, **other)).to_dict()


def test_names_of_the_player_are_taken(parabola: Training) -> None:
    chart = rc.loss_histogram(parabola.open()).add_params(alt.param(name="speed", value=1))
    with pytest.raises(rc.ArgumentError, match="chart must not have parameters named .*'speed'"):
        rc.animate(chart)


def test_unknown_pace_raises(parabola: Training) -> None:
    with pytest.raises(rc.ArgumentError, match="pace must be one of 'even', 'early'. Got 'late'"):
        rc.animate(rc.loss_histogram(parabola.open()), pace="late")  # type: ignore[arg-type]


def test_pictures_show_the_epoch_of_the_chart_and_films_each(
    parabola: Training, tmp_path: Path
) -> None:
    chart = rc.loss_histogram(parabola.open(), epoch=2)
    for name in ("still.png", "still.svg"):
        plain = rc.save(chart, tmp_path / f"plain-{name}").read_bytes()
        assert rc.save(rc.animate(chart), tmp_path / name).read_bytes() == plain
    film = rc.save(rc.animate(chart), tmp_path / "film.gif", progress=False)
    with Image.open(film) as moving, Image.open(tmp_path / "still.png") as still:
        assert moving.n_frames == 7
        assert moving.size == still.size
    with alt.data_transformers.disable_max_rows():
        rc.animate(chart).save(tmp_path / "altair.svg")
    assert (tmp_path / "altair.svg").read_text().startswith("<svg")


PLAYED: dict[str, Callable[[Any], Any]] = {
    "interactive": lambda run: rc.animate(rc.loss_histogram(run)).interactive(),
    "container": lambda run: rc.animate(rc.loss_histogram(run)).properties(width="container"),
    "composed after": lambda run: rc.loss_and_metric(run) | rc.animate(rc.loss_histogram(run)),
}


@pytest.mark.parametrize("build", PLAYED.values(), ids=PLAYED)
def test_changed_chart_plays(
    build: Callable[[Any], Any], parabola: Training, opened: Opened
) -> None:
    page = opened(build(parabola.open()))
    page.wait_until("view.signal('epoch') >= 2")


def test_two_runs_and_irregular_epochs_play(
    parabola: Training, shipped: rc.Run, opened: Opened
) -> None:
    epoch = rc.epoch_param(parabola.open(), shipped, epochs=[0, 1, 4, 20])
    both = rc.loss_histogram(parabola.open(), epoch=epoch) | rc.loss_histogram(shipped, epoch=epoch)
    page = opened(rc.animate(both))
    for shown in (0, 4, 20, 0):
        page.wait_until(f"view.signal('epoch') === {shown}")


def test_saved_page_starts_where_it_was_asked_to(shipped: rc.Run, tmp_path: Path) -> None:
    for epochs, expected in ((None, 20), ([0, 10, 20, 50], 2)):
        chart = rc.animate(rc.loss_histogram(shipped, epochs=epochs))
        path = rc.save(chart, tmp_path / "chart.json", epoch=20)
        params = _named(json.loads(path.read_text()))
        moved = params["epoch" if epochs is None else "snapshot"]
        assert params["epoch"]["value"] == 20
        assert moved["value"] == expected


def test_chart_made_from_its_spec_plays(shipped: rc.Run) -> None:
    """Altair's renderer ``jupyter`` makes one."""
    chart = rc.animate(rc.loss_histogram(shipped), fps=20, autoplay=False)
    spec = chart.to_dict()
    again = alt.Chart.from_dict(spec)
    assert json.dumps(again.to_dict(), sort_keys=True) == json.dumps(spec, sort_keys=True)
    copied = again.copy().to_dict()["params"]
    assert json.dumps(copied, sort_keys=True) == json.dumps(spec["params"], sort_keys=True)
    assert [one.name for one in again.params] == [one["name"] for one in spec["params"]]
    assert json.dumps(copy.deepcopy(spec)) == json.dumps(spec)
