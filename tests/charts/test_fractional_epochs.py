"""How charts and sliders handle snapshots within epochs and at unequal intervals."""

import io
import itertools
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import altair as alt
import keras
import numpy as np
import pytest
from PIL import Image, ImageChops
from support.browser import Page
from support.training import EPOCHS, Training, dense, small_model

import replaychart as rc
from replaychart.drawing.clock import Clock

Opened = Callable[[Any], Page]
# Sevenths have no finite decimal expansion, so rounding errors would show here.
STEPS = 7
RECORDED = [0, 0.285714, 0.571429, 0.857143, 1, 1.142857, 1.428571, 1.714286, 2]


@pytest.fixture(scope="module")
def sevenths(directory: Path) -> rc.Run:
    """Two epochs of seven batches, with every second batch recorded."""
    keras.utils.set_random_seed(1)
    X, y = rc.datasets.parabola(56)
    model = small_model(dense(2, "tanh", "hidden"), dense(1, "sigmoid", "output"))
    recorder = rc.Recorder(X, y, directory / "sevenths.h5", "sevenths", every="2 batches")
    model.fit(X, y, epochs=2, batch_size=16, verbose=0, callbacks=[recorder])
    return rc.open_run(directory / "sevenths.h5")


def _dashboard(run: rc.Run, **options: Any) -> Any:
    return rc.feature_space(run, "hidden", **options) | (
        rc.probability_histogram(run, **options) & rc.loss_and_metric(run, **options)
    )


def test_frames_have_the_epochs_that_were_recorded(sevenths: rc.Run) -> None:
    assert sevenths.epochs.tolist() == RECORDED
    assert repr(sevenths).startswith("Run('sevenths': 112 points, epochs 0 to 2,")
    frames = [
        sevenths.points("hidden"),
        sevenths.grid("hidden"),
        sevenths.surface("hidden"),
        sevenths.history().query("source == 'replay'"),
        sevenths.probability_histogram(),
        sevenths.loss_histogram(),
        sevenths.distributions("weights"),
        sevenths.distributions("activations", summary=True),
    ]
    for frame in frames:
        assert sorted(frame["epoch"].unique()) == RECORDED


def test_titles_and_axis_show_fraction_and_batch(sevenths: rc.Run, parabola: Training) -> None:
    clock = Clock.of(sevenths, None, None)
    assert clock.text_expression() == (
        "format(epoch, '.2f') + ' (batch ' + format(round(epoch * 7), ',') + ')'"
    )
    spec = rc.loss_and_metric(sevenths).to_dict()
    positions = [layer["encoding"]["x"] for layer in spec["layer"]]
    # The names of the curves are at positions in pixels.
    axes = [position for position in positions if "field" in position]
    assert {axis["title"] for axis in axes} == {"Epoch (7 batches each)"}
    assert all("tickMinStep" not in axis["axis"] for axis in axes)
    whole = rc.loss_and_metric(parabola.open()).to_dict()["layer"][0]
    assert whole["encoding"]["x"]["title"] == "Epoch"
    assert (
        Clock.of(parabola.open(), None, None).text_expression()
        == "(0 + 1 * " + Clock.of(parabola.open(), None, None).position_expression() + ")"
    )


def test_playing_visits_every_snapshot_exactly(sevenths: rc.Run, opened: Opened) -> None:
    own = (
        alt.Chart(sevenths.points("hidden"), name="own")
        .mark_point()
        .encode(x="x", y="y")
        .transform_filter("datum.epoch == epoch")
    )
    with alt.data_transformers.disable_max_rows():
        page = opened(rc.animate(_dashboard(sevenths) | own, fps=10, loop=False, autoplay=False))
    page.page.evaluate(
        """() => {
            window.visited = [view.signal("epoch")];
            view.addSignalListener("epoch", (name, epoch) => visited.push(epoch));
        }"""
    )
    page.page.locator("#play").click()
    page.wait_until("view.signal('epoch') === 2 && view.signal('playing') === false")
    assert page.page.evaluate("visited") == RECORDED


def test_slider_stops_at_what_was_recorded(sevenths: rc.Run, opened: Opened) -> None:
    own = (
        alt.Chart(sevenths.points("hidden"))
        .mark_point()
        .encode(x="x", y="y")
        .transform_filter("datum.epoch == epoch")
    )
    page = opened(rc.loss_histogram(sevenths) | own)
    slider = page.page.locator("#slider")
    assert page.page.locator("#slider:visible").count() == 1
    pictures = []
    for position, epoch in enumerate(RECORDED):
        slider.fill(str(position))
        page.wait_until(f"view.signal('epoch') === {epoch}")
        pictures.append(_pixels(page.picture()))
        half = pictures[-1].width // 2
        own_side = np.asarray(pictures[-1].crop((half + 40, 20, half * 2 - 10, 170)))
        colors = np.unique(own_side.reshape(-1, 3), axis=0)
        assert len(colors) > 10, f"the filter leaves points at epoch {epoch}"
    for before, after in itertools.pairwise(pictures):
        assert ImageChops.difference(before, after).getbbox() is not None


def test_gif_has_one_frame_for_each_snapshot(sevenths: rc.Run, tmp_path: Path) -> None:
    path = rc.save(_dashboard(sevenths), tmp_path / "a.gif", fps=5, progress=False)
    with Image.open(path) as gif:
        assert gif.n_frames == len(RECORDED)
    some = rc.save(
        rc.loss_histogram(sevenths), tmp_path / "b.gif", epochs=[2, 1 / 3, 0], progress=False
    )
    with Image.open(some) as gif:
        assert gif.n_frames == 3


@pytest.mark.parametrize("epoch", [0, 2 / 7, 0.571429, 2])
def test_still_is_what_the_browser_shows(
    epoch: float, sevenths: rc.Run, opened: Opened, tmp_path: Path
) -> None:
    chart = rc.loss_and_metric(sevenths)
    first = rc.save(chart, tmp_path / "a.svg", epoch=epoch).read_text()
    other = rc.save(rc.loss_and_metric(sevenths, epoch=epoch), tmp_path / "b.svg").read_text()
    assert first == other
    page = opened(rc.loss_and_metric(sevenths, epoch=epoch, title="at {epoch}"))
    batch = round(epoch * STEPS)
    expected = f"at {epoch:.2f} (batch {batch})"
    assert expected in _texts(page)


def test_saved_page_starts_at_the_given_epoch(sevenths: rc.Run, tmp_path: Path) -> None:
    path = rc.save(rc.animate(rc.loss_histogram(sevenths)), tmp_path / "a.json", epoch=1.5)
    spec = json.loads(path.read_text())
    params = {one["name"]: one for one in spec["params"]}
    assert params["snapshot"]["value"] == RECORDED.index(1.428571) == 6
    assert params["epoch"]["value"] == 1.428571


def test_two_runs_share_a_clock_of_both(
    sevenths: rc.Run, parabola: Training, opened: Opened
) -> None:
    run = parabola.open()
    epoch = rc.epoch_param(sevenths, run, value=1)
    assert epoch.epochs.tolist() == sorted({*RECORDED, *range(EPOCHS + 1)})
    page = opened(
        rc.loss_histogram(sevenths, epoch=epoch, title="{epoch}")
        | rc.loss_histogram(run, epoch=epoch, title="{epoch}")
    )
    assert page.epoch() == 1
    page.page.evaluate("view.signal('snapshot', 5).runAsync().then(() => 1)")
    assert page.epoch() == 1.142857
    assert {"1.14 (batch 8)", "1"} <= set(_texts(page))
    page.page.evaluate("view.signal('snapshot', 12).runAsync().then(() => 1)")
    assert page.epoch() == EPOCHS


def test_charts_that_do_not_share_a_clock_raise(sevenths: rc.Run, parabola: Training) -> None:
    with pytest.raises(rc.ArgumentError, match="different 'epoch' parameters: .* epoch_param"):
        rc.loss_histogram(sevenths) | rc.loss_histogram(parabola.open())
    with pytest.raises(rc.ArgumentError, match="9 epochs from 0 to 2, initially 2 and 3 epochs"):
        _ = (
            rc.loss_histogram(sevenths) | rc.loss_histogram(sevenths, epochs=[0, 1.142857, 2])
        ).to_dict()


def test_own_chart_that_is_not_composed_takes_both_parameters(
    sevenths: rc.Run, opened: Opened, tmp_path: Path
) -> None:
    own = alt.Chart(sevenths.points("hidden")).mark_point().encode(x="x", y="y")
    own = own.transform_filter("datum.epoch == epoch")
    epoch = rc.epoch_param(sevenths)
    page = opened(rc.animate(own.add_params(*epoch), fps=20))
    page.wait_until("view.signal('epoch') === 1.714286")
    for use in (rc.animate, lambda chart: rc.save(chart, tmp_path / "a.png")):
        with pytest.raises(rc.ArgumentError, match=r"without 'snapshot'.*add_params\(\*epoch\)"):
            use(own.add_params(epoch))


def test_whole_epochs_at_equal_distances_keep_their_slider(shipped: rc.Run) -> None:
    epoch = rc.epoch_param(shipped, epochs=slice(None, None, 10))
    assert epoch.position is None
    assert epoch.param.bind.to_dict() == {
        "input": "range", "min": 0, "max": 150, "step": 10, "name": "Epoch "
    }  # fmt: skip
    assert list(epoch) == [epoch]


@pytest.mark.parametrize(("steps", "digits"), [(2, 1), (4, 2), (63, 3), (1000, 3)])
def test_titles_have_enough_digits_to_distinguish_snapshots(steps: int, digits: int) -> None:
    from replaychart.drawing.clock import _digits

    epochs = np.array([round(batch / steps, 6) for batch in range(3 * steps)])
    assert _digits(epochs) == digits
    texts = [f"{epoch:.{digits}f}" for epoch in epochs]
    assert len(set(texts)) == len(texts)
    assert all(
        math.isclose(float(t), e, abs_tol=0.05 / steps) for t, e in zip(texts, epochs, strict=True)
    )


def _texts(page: Page) -> list[str]:
    """All text that the chart shows."""
    return page.page.evaluate(
        """() => {
            const found = [];
            const walk = item => {
                if (item.text !== undefined) found.push(String(item.text));
                Object.values({...item.items, title: item.title}).filter(Boolean).forEach(walk);
            };
            walk(view.scenegraph().root);
            return found;
        }"""
    )


def _pixels(picture: bytes) -> Image.Image:
    return Image.open(io.BytesIO(picture)).convert("RGB")


def test_stills_in_a_directory_are_named_in_their_order(sevenths: rc.Run, tmp_path: Path) -> None:
    rc.save(rc.loss_histogram(sevenths), f"{tmp_path / 'stills'}/", progress=False)
    names = [path.name for path in sorted((tmp_path / "stills").iterdir())]
    assert names == [f"epoch_{epoch:011.6f}.png" for epoch in RECORDED]


def test_the_epoch_parameter_has_a_value_from_the_start(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(8)
    epochs = [{"epoch": epoch, "losses": np.full(16, 1.0)} for epoch in (0, 1, 2.5, 7)]
    rc.record_outputs(tmp_path / "a.h5", "a", inputs=X, targets=y, epochs=epochs)
    run = rc.open_run(tmp_path / "a.h5")
    for shown in (7, 2.5):
        epoch, snapshot = rc.loss_and_metric(run, epoch=shown).params
        assert epoch.value == shown, "what JupyterChart.params shows before the slider moves"
        assert snapshot.value == [0, 1, 2.5, 7].index(shown)
