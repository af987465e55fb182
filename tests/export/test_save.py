"""Saved files are complete and show the right epoch at the right speed."""

import io
import json
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import pytest
import vl_convert
from PIL import Image
from support.training import EPOCHS, Training

import replaychart as rc
from replaychart.drawing import colors


def _image(source: Path | bytes) -> np.ndarray:
    with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as opened:
        return np.asarray(opened.convert("RGB")).astype(int)


def _count(image: np.ndarray, color: str) -> int:
    """The number of pixels of a color."""
    wanted = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)])
    return int((np.abs(image - wanted).max(axis=2) <= 6).sum())


@pytest.fixture
def chart(parabola: Training) -> alt.LayerChart:
    return rc.feature_space(parabola.open())


def test_png_shows_its_epoch_and_both_classes(shipped: rc.Run, tmp_path: Path) -> None:
    chart = rc.feature_space(shipped)
    path = rc.save(chart, tmp_path / "a.png", epoch=15)
    assert path == tmp_path / "a.png"
    image = _image(path)
    for color in (*colors.CLASSES, colors.BOUNDARY, colors.SURFACE[0], colors.SURFACE[2]):
        assert _count(image, color) > 20, color
    other = _image(rc.save(chart, tmp_path / "b.png", epoch=140))
    assert (np.abs(image - other).max(axis=2) > 30).mean() > 0.05


def test_still_clips_only_what_overflows(shipped: rc.Run, tmp_path: Path) -> None:
    svg = rc.save(rc.feature_space(shipped), tmp_path / "a.svg").read_text()
    assert "clip-path" not in svg
    inner = rc.decision_boundary(shipped, xlim=(-0.5, 0.5))
    assert "clip-path" in rc.save(inner, tmp_path / "b.svg").read_text()
    marks = [layer["mark"] for layer in rc.feature_space(shipped).to_dict()["layer"]]
    assert all(mark["clip"] for mark in marks), "a chart that a user zooms must clip"


def test_still_of_its_own_data_is_the_picture_of_all_data(
    chart: alt.LayerChart, tmp_path: Path
) -> None:
    path = rc.save(chart, tmp_path / "a.png", epoch=2)
    with alt.theme.enable("replaychart"):
        spec = chart.to_dict()
    spec["params"][0]["value"] = 2
    difference = np.abs(_image(path) - _image(vl_convert.vegalite_to_png(spec)))
    assert (difference.max(axis=2) > 16).mean() < 1e-3, "except for points that touch the border"


def test_same_chart_gives_the_same_bytes(chart: alt.LayerChart, tmp_path: Path) -> None:
    for suffix in ("png", "svg", "html", "json"):
        first, second = (rc.save(chart, tmp_path / f"{n}.{suffix}") for n in "ab")
        content = [
            path.read_bytes().replace(b"<title>a<", b"<title>b<") for path in (first, second)
        ]
        assert content[0] == content[1], suffix


def test_scale_multiplies_the_pixels(chart: alt.LayerChart, tmp_path: Path) -> None:
    single, double = (
        _image(rc.save(chart, tmp_path / f"{scale}.png", scale=scale)).shape for scale in (1, 2)
    )
    assert np.allclose(double[:2], 2 * np.array(single[:2]), atol=2)


def test_svg_and_pdf(chart: alt.LayerChart, tmp_path: Path) -> None:
    svg = rc.save(chart, tmp_path / "a.svg", epoch=3).read_text()
    assert svg.startswith("<svg")
    assert "epoch 3" in svg
    assert rc.save(chart, tmp_path / "a.pdf", epoch=3).read_bytes().startswith(b"%PDF")


def test_json_is_the_spec(chart: alt.LayerChart, tmp_path: Path) -> None:
    spec = json.loads(rc.save(chart, tmp_path / "a.json", epoch=1).read_text())
    assert spec["params"][0]["value"] == 1
    assert alt.Chart.from_dict(spec, validate=True).to_dict()["layer"]


def test_html_needs_no_network(chart: alt.LayerChart, opened: Any) -> None:
    page = opened(chart)
    assert page.epoch() == EPOCHS
    assert page.page.locator("#slider:visible").count() == 1
    assert page.page.evaluate("performance.getEntriesByType('resource').length") == 0
    drawn = _image(page.picture())
    assert _count(drawn, colors.CLASSES[0]) > 20


def test_theme_is_ours_unless_another_is_enabled(chart: alt.LayerChart, tmp_path: Path) -> None:
    spec = json.loads(rc.save(chart, tmp_path / "a.json").read_text())
    assert spec["config"]["axis"]["domain"] is False
    with alt.theme.enable("dark"):
        dark = _image(rc.save(chart, tmp_path / "b.png"))
    assert dark[2, 2].max() < 80
    assert alt.theme.active == "default"


def _frames(path: Path) -> tuple[list[np.ndarray], list[int], dict[str, Any]]:
    frames, durations = [], []
    with Image.open(path) as image:
        for index in range(image.n_frames):
            image.seek(index)
            frames.append(np.asarray(image.convert("RGB")).astype(int))
            durations.append(image.info["duration"])
        return frames, durations, dict(image.info)


def test_gif_has_a_frame_per_epoch_at_its_rate(shipped: rc.Run, tmp_path: Path) -> None:
    chart = rc.decision_boundary(shipped, width=150, height=150)
    epochs = range(0, 151, 10)
    path = rc.save(chart, tmp_path / "a.gif", epochs=epochs, fps=12, hold=2, progress=False)
    frames, durations, info = _frames(path)
    assert len(frames) == 16
    assert sum(durations[:-1]) == pytest.approx(15 * 1000 / 12, abs=10)
    assert durations[-1] == 2000
    assert info["loop"] == 0
    for position in (0, 7, 15):
        still = rc.save(chart, tmp_path / "still.png", epoch=epochs[position])
        assert np.abs(frames[position] - _image(still)).mean() < 2
    assert (frames[0][2, 2] == 255).all(), "the background stays white"


def test_gif_without_a_loop(parabola: Training, tmp_path: Path) -> None:
    chart = rc.loss_histogram(parabola.open())
    path = rc.save(chart, tmp_path / "a.gif", loop=False, progress=False)
    frames, _, info = _frames(path)
    assert len(frames) == EPOCHS + 1
    assert "loop" not in info


def test_progress_is_shown_and_can_be_silenced(
    parabola: Training, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    chart = rc.loss_histogram(parabola.open())
    rc.save(chart, tmp_path / "a.gif", epochs=[0, 1])
    assert "2/2" in capfd.readouterr().err
    rc.save(chart, tmp_path / "b.gif", epochs=[0, 1], progress=False)
    assert capfd.readouterr().err == ""


def test_interruption_leaves_the_old_file(
    parabola: Training, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.gif"
    path.write_bytes(b"old")

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("replaychart.export.gif.durations", interrupted)
    with pytest.raises(KeyboardInterrupt):
        rc.save(rc.loss_histogram(parabola.open()), path, progress=False)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_charts_of_others_are_saved_too(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": range(6000), "y": range(6000)})
    chart = alt.Chart(frame).mark_point().encode(x="x", y="y")
    assert rc.save(chart, tmp_path / "a.png").stat().st_size > 1000


def _own_chart(*parameters: alt.Parameter) -> alt.Chart:
    points = alt.Chart(pd.DataFrame({"x": [1, 2], "y": [2, 1]})).mark_point()
    return points.encode(x="x", y="y").add_params(*parameters)


@pytest.mark.parametrize("suffix", ["html", "json", "png", "gif"])
def test_chart_whose_slider_is_missing_is_reported(
    suffix: str, parabola: Training, tmp_path: Path
) -> None:
    epoch = rc.epoch_param(parabola.open(), epochs=[0, 1, 6])
    with pytest.raises(rc.ArgumentError, match=r"Add both: chart.add_params\(\*epoch\)"):
        rc.save(_own_chart(epoch), tmp_path / f"a.{suffix}")
    assert not list(tmp_path.iterdir())
    assert rc.save(_own_chart(*epoch), tmp_path / f"a.{suffix}", progress=False).exists()


@pytest.mark.parametrize("slider", [{"min": 0, "max": 1, "step": 0.1}, {"max": 10}])
def test_slider_of_others_over_no_whole_epochs_is_left_alone(
    slider: dict[str, float], tmp_path: Path
) -> None:
    chart = _own_chart(alt.param(name="epoch", value=0.5, bind=alt.binding_range(**slider)))
    for suffix in ("html", "json", "png"):
        assert rc.save(chart, tmp_path / f"a.{suffix}").exists()
    spec = json.loads((tmp_path / "a.json").read_text())
    assert spec["params"] == [{"name": "epoch", "value": 0.5, "bind": {"input": "range", **slider}}]
    with pytest.raises(rc.ArgumentError, match="must have the 'epoch' parameter with a slider"):
        rc.save(chart, tmp_path / "a.gif")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("a.bmp", {}, "path must end in one of .html, .json, .png, .svg, .pdf, .gif, .webp, .mp4"),
        ("a", {}, "path must end in one of"),
        ("nowhere/a.png", {}, "path must be in an existing directory"),
        (
            "a.png",
            {"epoch": 99},
            "epoch must be between 0 and 6, the first and the last epoch.* Got 99",
        ),
        ("a.gif", {"epochs": [1, 99]}, "epochs must be between 0 and 6.* Got 99"),
        ("a.gif", {"epochs": []}, "epochs must contain at least one epoch"),
        ("a.gif", {"epoch": 3}, "epoch is for still images; for .gif, pass epochs"),
        ("frames/", {"epoch": 3}, "epoch is for still images; for a directory, pass epochs"),
        ("a.html", {"epochs": [3]}, "epochs is for images and animations; for .html, pass epoch"),
        ("a.png", {"epochs": [3], "epoch": 3}, "Pass either epoch or epochs. Got epoch=3 and"),
        ("a.mp4", {"fps": 121}, "fps must be more than .* and at most 120. Got 121"),
        ("a.webp", {"loop": 0}, "loop must be True, False or the number of times to.* Got 0"),
        ("a.webp", {"loop": "ever"}, "loop must be True, False or the number of.* Got 'ever'"),
        ("nowhere/frames/", {}, "path must be in an existing directory"),
        ("a.gif", {"fps": 51}, "fps must be more than .* and at most 50. Got 51"),
        ("a.png", {"scale": 0}, "scale must be more than 0 and at most 20. Got 0"),
        ("a.gif", {"hold": -1}, "hold must be between 0 and 655 seconds. Got -1"),
        ("a.gif", {"hold": 700}, "hold must be between 0 and 655 seconds. Got 700"),
        ("a.png", {"epoch": "last"}, "epoch must be a number. Got 'last'"),
        ("a.png", {"epoch": [1]}, r"epoch must be a number. Got \[1\]"),
        ("a.png", {"epoch": True}, "epoch must be a number. Got True"),
        ("a.gif", {"fps": np.True_}, "fps must be more than .* and at most 50. Got np.True_"),
        ("a.gif", {"loop": np.int64(0)}, "loop must be True, False or the number of times"),
        ("a.gif", {"progress": "no"}, "progress must be True or False. Got 'no'"),
        ("a.png", {"fps": 5}, "fps is for animations .*, not for .png. Got 5.$"),
        ("a.svg", {"hold": 2}, "hold is for animations, not for .svg. Got 2"),
        ("a.pdf", {"epochs": [1, 2], "fps": 5}, "fps is for animations .*, not for .pdf"),
        ("a.html", {"fps": 5}, r"fps is for animations \(for an HTML page, pass it to animate\)"),
        ("a.json", {"scale": 2}, "scale is for raster images, .* and .md, not for .json. Got 2"),
        (
            "a.svg",
            {"scale": 2},
            "scale is for raster images, .* and .md, not for .svg",
        ),
        ("frames/", {"hold": 3}, "hold is for animations, not for a directory. Got 3"),
        ("a.mp4", {"loop": 5}, "loop is for .gif and .webp .*, not for .mp4. Got 5"),
        ("a.png", {"loop": False}, "loop is for .gif and .webp .*, not for .png. Got False"),
        ("a.gif", {"epochs": [True]}, "epochs must be finite numbers. Got True"),
    ],
)
def test_bad_arguments_raise_and_nothing_is_written(
    name: str, options: dict[str, Any], message: str, chart: alt.LayerChart, tmp_path: Path
) -> None:
    with pytest.raises(rc.ArgumentError, match=message):
        rc.save(chart, f"{tmp_path}/{name}", **options)
    assert not list(tmp_path.iterdir())


def test_epochs_of_a_gif_keep_their_order(parabola: Training, tmp_path: Path) -> None:
    chart = rc.loss_histogram(parabola.open())
    there, _, _ = _frames(rc.save(chart, tmp_path / "a.gif", epochs=[0, 6], progress=False))
    back, _, _ = _frames(rc.save(chart, tmp_path / "b.gif", epochs=[6, 0], progress=False))
    assert np.abs(there[0] - back[1]).mean() < 2
    stride, _, _ = _frames(
        rc.save(chart, tmp_path / "c.gif", epochs=slice(None, None, 3), progress=False)
    )
    assert len(stride) == 3


def test_playing_page_begins_at_the_epoch_asked_for(parabola: Training, tmp_path: Path) -> None:
    chart = rc.animate(rc.loss_histogram(parabola.open()))
    spec = json.loads(rc.save(chart, tmp_path / "a.json", epoch=4).read_text())
    epoch = next(one for one in spec["params"] if one["name"] == "epoch")
    assert epoch["value"] == 4


def test_still_of_a_single_epoch_names_it(parabola: Training, tmp_path: Path) -> None:
    chart = rc.loss_histogram(parabola.open(), epochs=[3])
    assert rc.save(chart, tmp_path / "a.png", epoch=3).exists()
    with pytest.raises(rc.ArgumentError, match="epoch must be between 3 and 3"):
        rc.save(chart, tmp_path / "a.png", epoch=4)


def test_paths_that_cannot_be_written_raise(chart: alt.LayerChart, tmp_path: Path) -> None:
    (tmp_path / "a.png").mkdir()
    with pytest.raises(rc.ArgumentError, match="path must be a file. Got the directory"):
        rc.save(chart, tmp_path / "a.png")
    with pytest.raises(rc.RunFileError, match="cannot be written"):
        rc.save(chart, "/proc/a.png")


def test_charts_without_epochs_do_not_move(tmp_path: Path) -> None:
    chart = alt.Chart(pd.DataFrame({"x": [1]})).mark_point().encode(x="x")
    with pytest.raises(rc.ArgumentError, match="must have the 'epoch' parameter with a slider"):
        rc.save(chart, tmp_path / "a.gif")
    with pytest.raises(rc.ArgumentError, match="epoch needs a chart with the 'epoch' parameter"):
        rc.save(chart, tmp_path / "a.png", epoch=1)
    with pytest.raises(rc.ArgumentError, match="chart must be an Altair chart. Got dict"):
        rc.save({}, tmp_path / "a.png")  # type: ignore[type-var]


@pytest.mark.parametrize("path", [None, 5, "", b"a.png", "a\0.png"])
def test_paths_are_strings(
    path: Any, chart: alt.LayerChart, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(rc.ArgumentError, match="path must be a path: a non-empty string"):
        rc.save(chart, path)
    assert not list(tmp_path.iterdir())


def test_numbers_of_numpy_count_like_python_s(parabola: Training, tmp_path: Path) -> None:
    chart = rc.loss_histogram(parabola.open())
    python = {"epochs": [0, 6], "fps": 5, "scale": 0.5, "hold": 2, "loop": 3}
    of_numpy = {
        "epochs": np.array([0, 6]),
        "fps": np.int64(5),
        "scale": np.float32(0.5),
        "hold": np.float64(2),
        "loop": np.int8(3),
    }
    for suffix in ("gif", "webp", "mp4"):
        options = set(python) - ({"loop"} if suffix == "mp4" else set())
        same = [
            rc.save(
                chart,
                tmp_path / f"{place}.{suffix}",
                progress=False,
                **{name: given[name] for name in options},
            ).read_bytes()
            for place, given in enumerate((python, of_numpy))
        ]
        assert same[0] == same[1]
    first = rc.save(chart, tmp_path / "a.png", epoch=3, scale=2).read_bytes()
    second = rc.save(chart, tmp_path / "b.png", epoch=np.float32(3), scale=np.int64(2))
    assert second.read_bytes() == first
    rc.save(chart, tmp_path / "a.html", epoch=np.int64(3))
    once = rc.save(chart, tmp_path / "c.gif", loop=np.False_, progress=False, scale=0.5)
    with Image.open(once) as opened:
        assert "loop" not in opened.info


@pytest.mark.parametrize("suffix", ["png", "svg", "html", "json"])
def test_an_epoch_of_numpy_is_an_epoch(suffix: str, tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(8)
    epochs = [{"epoch": 3, "losses": np.full(16, 1.0)}]
    rc.record_outputs(tmp_path / "a.h5", "a", inputs=X, targets=y, epochs=epochs)
    run = rc.open_run(tmp_path / "a.h5")
    chart = rc.loss_histogram(run)
    expected = rc.save(chart, tmp_path / f"a.{suffix}", epoch=3).read_bytes()
    for epoch in (run.epochs[-1], np.float32(3), np.int8(3)):
        assert rc.save(chart, tmp_path / f"a.{suffix}", epoch=epoch).read_bytes() == expected


def test_names_may_be_as_long_as_the_file_system_allows(shipped: rc.Run, tmp_path: Path) -> None:
    chart = rc.loss_and_metric(shipped, epochs=[0, 150])
    name = "é" * 120
    assert rc.save(chart, tmp_path / f"{name}.svg").is_file()
    assert len(list(rc.save(chart, f"{tmp_path / name}/", progress=False).iterdir())) == 2
    message = "path must be a path that is not too long for the file system. Got one of"
    for longer in ("n" * 300, "n/" * 3000):
        with pytest.raises(rc.ArgumentError, match=message):
            rc.save(chart, tmp_path / f"{longer}.svg")
        with pytest.raises(rc.ArgumentError, match=message):
            rc.open_run(tmp_path / longer)
