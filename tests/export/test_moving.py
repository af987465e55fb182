"""Animations: each frame equals the still image of its epoch, and saving is atomic."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import altair as alt
import av
import joblib
import numpy as np
import pytest
import vl_convert
from PIL import Image
from support.training import EPOCHS, Training

import replaychart as rc
from replaychart.charts.dashboard import dashboard
from replaychart.export.film import Film
from replaychart.export.moving_parts import CannotSplit, with_fixed_layout
from replaychart.export.painting import MovingParts, WholeChart, on_white
from replaychart.export.specs import ChartSpec, Compiled, Moment

CHARTS = {
    "feature_space": rc.feature_space,
    "per_epoch": lambda run: rc.feature_space(run, scale="per-epoch"),
    "decision_boundary": rc.decision_boundary,
    "probability_histogram": rc.probability_histogram,
    "loss_and_metric": lambda run: rc.loss_and_metric(run, title="Curves at {epoch}"),
    "loss_histogram": rc.loss_histogram,
    "dashboard": dashboard,
    "beside": lambda run: _own(run) | rc.decision_boundary(run, width=150, height=150),
}


def _own(run: rc.Run) -> alt.Chart:
    """A user's own chart, with all epochs in long form and fixed axes."""
    points = run.points("hidden", epochs=range(0, 151, 50))
    return (
        alt.Chart(points)
        .mark_point()
        .encode(
            x=alt.X("probability", scale=alt.Scale(domain=[0, 1])),
            y=alt.Y("loss", scale=alt.Scale(domain=[0, 2], clamp=True)),
        )
        .transform_filter("datum.epoch == epoch - epoch % 50")
    )


def _pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB")).astype(int)


def _still(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return _pixels(image)


def _frames(path: Path) -> Iterator[tuple[np.ndarray, dict[str, object]]]:
    with Image.open(path) as image:
        for index in range(image.n_frames):
            image.seek(index)
            image.load()
            yield _pixels(image), dict(image.info)


def _decoded(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(video=0)]


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.thorough if name == "beside" else []) for name in CHARTS],
)
def test_moving_parts_over_the_rest_are_the_whole_chart(name: str, shipped: rc.Run) -> None:
    compiled = Compiled(ChartSpec.of(CHARTS[name](shipped)), 0)
    whole = WholeChart(
        with_fixed_layout(compiled.vega, vl_convert.vega_to_scenegraph(compiled.vega)), 1.3
    )
    parts = MovingParts.of(whole, compiled)
    assert ("labelOverlap" in str(parts.moving)) == (name == "per_epoch"), "fixed axes stay"
    for epoch in (0, 3, 77, 150):
        painter = WholeChart(compiled.vega, 1.3) if epoch == 0 else whole
        expected = painter.paint(compiled.at(epoch))
        picture = parts.paint(compiled.at(epoch, parts.columns))
        assert picture.size == expected.size
        difference = np.abs(np.asarray(picture, int) - np.asarray(expected, int))
        assert difference.max() <= 2


def test_chart_whose_legend_follows_the_epoch_cannot_be_split(shipped: rc.Run) -> None:
    own = _own(shipped).encode(color="loss:Q")
    compiled = Compiled(ChartSpec.of(own | rc.loss_histogram(shipped)), 0)
    with pytest.raises(CannotSplit):
        MovingParts.of(
            WholeChart(
                with_fixed_layout(compiled.vega, vl_convert.vega_to_scenegraph(compiled.vega)), 1.0
            ),
            compiled,
        )


@pytest.mark.thorough
def test_chart_whose_legend_follows_the_epoch_is_painted_as_a_whole(
    shipped: rc.Run, tmp_path: Path
) -> None:
    chart = _own(shipped).encode(color="loss:Q") | rc.loss_histogram(shipped)
    path = rc.save(chart, tmp_path / "a.gif", epochs=range(0, 131, 10), progress=False)
    last = list(_frames(path))[-1][0]
    still = _still(rc.save(chart, tmp_path / "still.png", epoch=130))
    assert np.abs(last - still[: last.shape[0], : last.shape[1]]).mean() < 3


def _panel_for_each_target(run: rc.Run) -> alt.FacetChart:
    """Panels with axes that follow the epoch, whose positions cannot be fixed."""
    points = run.points("hidden", epochs=range(0, 151, 10)).query("point < 200")
    return (
        alt.Chart(points, width=100, height=100)
        .mark_point()
        .encode(x="probability", y=alt.Y("loss", axis=alt.Axis(format=".6f")), detail="target")
        .transform_filter("datum.epoch == epoch")
        .facet("target:N")
        .resolve_scale(y="independent")
    )


def _label_that_grows(run: rc.Run) -> alt.Chart:
    own = alt.Chart(alt.Data(values=[{}])).mark_point().add_params(rc.epoch_param(run))
    return own.transform_calculate(x="pow(10, epoch / 10)").encode(
        y=alt.Y("x:Q", axis=alt.Axis(format=".0f"))
    )


@pytest.mark.parametrize("own", [_panel_for_each_target, _label_that_grows])
def test_no_frame_is_cut_off_where_a_chart_grows(
    own: Callable[[rc.Run], alt.Chart], shipped: rc.Run, tmp_path: Path
) -> None:
    chart = own(shipped) | rc.loss_histogram(shipped)
    epochs = [0, 50, 100, 150]
    path = rc.save(chart, tmp_path / "a.webp", epochs=epochs, progress=False)
    frames = [frame for frame, _ in _frames(path)]
    stills = [_still(rc.save(chart, tmp_path / f"{one}.png", epoch=one)) for one in epochs]
    assert len({still.shape for still in stills}) > 1, "its size changes"
    for frame, still in zip(frames, stills, strict=True):
        assert (np.array(frame.shape) >= still.shape).all()
        for side in (0, 1):
            ink = np.flatnonzero((frame < 250).any(axis=(1 - side, 2)))
            inked = np.flatnonzero((still < 250).any(axis=(1 - side, 2)))
            assert np.ptp(ink) >= np.ptp(inked) - 1, "the whole chart is visible, at some position"


def _bar_that_runs_over_labels(run: rc.Run) -> alt.Chart:
    return (
        alt.Chart(alt.Data(values=[{"a": 0}]))
        .mark_bar(color="#ff0000")
        .encode(
            x=alt.X("x:Q", scale=alt.Scale(domain=[0, 150], nice=False)),
            x2="right:Q",
            y=alt.value(5),
            y2=alt.value(45),
        )
        .transform_calculate(x="epoch", right="epoch + 20")
        .add_params(rc.epoch_param(run))
    )


@pytest.mark.parametrize("beside", [False, True])
def test_mark_that_comes_over_a_label_is_painted_with_it(
    beside: bool, shipped: rc.Run, capfd: pytest.CaptureFixture[str]
) -> None:
    chart = _bar_that_runs_over_labels(shipped)
    # The neighbor has tooltips that need columns which no frame needs.
    chart = chart | rc.decision_boundary(shipped) if beside else chart
    compiled = Compiled(ChartSpec.of(chart), 0)
    whole = WholeChart(
        with_fixed_layout(compiled.vega, vl_convert.vega_to_scenegraph(compiled.vega)), 1.0
    )
    parts = MovingParts.of(whole, compiled)
    for epoch in (0, 50):
        expected = whole.paint(compiled.at(epoch))
        picture = parts.paint(compiled.at(epoch, parts.columns))
        assert np.array_equal(np.asarray(picture), np.asarray(expected))
    assert "Error" not in capfd.readouterr().err


def test_nothing_jumps_though_lines_reach_over_the_border(shipped: rc.Run, tmp_path: Path) -> None:
    chart = rc.decision_boundary(shipped, width=200) | rc.loss_histogram(shipped)
    stills = [_still(rc.save(chart, tmp_path / "a.png", epoch=epoch)) for epoch in (0, 150)]
    assert stills[0].shape != stills[1].shape, "otherwise there is nothing to fix"
    path = rc.save(chart, tmp_path / "a.gif", epochs=[0, 150], progress=False)
    (first, _), (last, _) = _frames(path)
    # Labels and title of the histogram's axis, to the right of the moving part.
    axis = (slice(20, 280), slice(285, 335))
    assert first[axis].min() < 128
    assert np.array_equal(first[axis], last[axis])


@pytest.mark.parametrize("suffix", ["gif", "webp"])
def test_frames_are_the_stills_of_their_epochs(
    suffix: str, shipped: rc.Run, tmp_path: Path
) -> None:
    chart = rc.decision_boundary(shipped, width=120, height=120)
    epochs = [*range(0, 141, 10), 150, 3]
    path = rc.save(chart, tmp_path / f"a.{suffix}", epochs=epochs, fps=8, loop=3, progress=False)
    frames = list(_frames(path))
    assert len(frames) == len(epochs)
    for position in (0, 1, 7, 16):
        still = _still(rc.save(chart, tmp_path / "still.png", epoch=epochs[position]))
        frame = frames[position][0]
        assert np.abs(frame - still[: frame.shape[0], : frame.shape[1]]).mean() < 2
    assert frames[0][1]["loop"] == (2 if suffix == "gif" else 3)
    assert (frames[0][0][2, 2] == 255).all()


def test_webp_keeps_its_rate(parabola: Training, tmp_path: Path) -> None:
    chart = rc.loss_histogram(parabola.open())
    path = rc.save(chart, tmp_path / "a.webp", fps=7, hold=2.5, progress=False)
    with Image.open(path) as image:
        ends = []
        for index in range(image.n_frames):
            image.seek(index)
            image.load()
            ends.append(image.info["timestamp"] + image.info["duration"])
    assert ends[:-1] == [round(1000 * (frame + 1) / 7) for frame in range(EPOCHS)]
    assert ends[-1] - ends[-2] == 2500


@pytest.mark.parametrize("suffix", ["mp4", "webm"])
def test_video_shows_every_epoch(suffix: str, parabola: Training, tmp_path: Path) -> None:
    chart = rc.loss_histogram(parabola.open(), width=150, height=100)
    path = rc.save(chart, tmp_path / f"a.{suffix}", fps=5, hold=0.6, scale=1.01, progress=False)
    frames = _decoded(path)
    assert len(frames) == EPOCHS + 1 + 2, "the last frame is shown three times as long"
    stills = [
        _still(rc.save(chart, tmp_path / "a.png", epoch=epoch, scale=1.01))
        for epoch in range(EPOCHS + 1)
    ]
    height, width = stills[0].shape[:2]
    assert height % 2 or width % 2, "otherwise nothing is added"
    assert frames[0].shape == (height + height % 2, width + width % 2, 3)
    for frame, still in zip(frames, stills, strict=False):
        # Colors of a video are stored at half the resolution.
        assert np.abs(frame[:height, :width] - still).mean() < 4
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name in ("h264", "vp9", "libvpx-vp9")
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert float(stream.average_rate) == pytest.approx(5)


def test_video_without_its_library(
    parabola: Training, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(rc.MissingDependencyError, match=r"pip install 'replaychart\[video\]'"):
        rc.save(rc.loss_histogram(parabola.open()), tmp_path / "a.mp4")
    assert not list(tmp_path.iterdir())


def test_directory_takes_a_still_per_epoch(parabola: Training, tmp_path: Path) -> None:
    chart = rc.loss_histogram(parabola.open())
    path = rc.save(chart, f"{tmp_path}/frames/", epochs=[2, 0], progress=False)
    assert path == tmp_path / "frames"
    names = ["epoch_0000.png", "epoch_0002.png"]
    assert sorted(file.name for file in path.iterdir()) == names
    still = _still(rc.save(chart, tmp_path / "still.png", epoch=2))
    assert np.array_equal(_still(path / "epoch_0002.png"), still)

    (path / "mine.txt").write_text("kept")
    rc.save(chart, path, epochs=[2, 3], progress=False)
    names += ["epoch_0003.png", "mine.txt"]
    assert sorted(file.name for file in path.iterdir()) == names
    assert sorted(file.name for file in tmp_path.iterdir()) == ["frames", "still.png"]


def test_directory_where_a_file_is(parabola: Training, tmp_path: Path) -> None:
    (tmp_path / "frames").write_text("mine")
    with pytest.raises(rc.ArgumentError, match="must be a directory.* Got the file"):
        rc.save(rc.loss_histogram(parabola.open()), f"{tmp_path}/frames/")


def test_filmstrip_lays_stills_in_a_row(shipped: rc.Run, tmp_path: Path) -> None:
    chart = rc.feature_space(shipped)
    strip = _still(rc.save(chart, tmp_path / "strip.png", epochs=[0, 50, 150]))
    left = 0
    for epoch in (0, 50, 150):
        still = _still(rc.save(chart, tmp_path / "still.png", epoch=epoch))
        assert strip.shape[0] == still.shape[0], "the titles show the epoch: no captions"
        right = left + still.shape[1]
        assert np.abs(strip[:, left:right] - still).mean() < 0.5
        left = right
    assert strip.shape[1] == left


def test_filmstrip_shows_the_epoch_if_no_title_does(shipped: rc.Run, tmp_path: Path) -> None:
    chart = rc.loss_histogram(shipped)
    svg = rc.save(chart, tmp_path / "strip.svg", epochs=[0, 10]).read_text()
    assert ">epoch 0<" in svg
    assert ">epoch 10<" in svg
    pdf = rc.save(chart, tmp_path / "strip.pdf", epochs=[0, 10])
    assert pdf.read_bytes().startswith(b"%PDF")
    titled = rc.loss_histogram(shipped, title="Losses at {epoch}")
    svg = rc.save(titled, tmp_path / "strip.svg", epochs=[0, 10]).read_text()
    assert ">epoch 0<" not in svg
    assert "Losses at 10" in svg


_SAVE_WITH = """
import sys, joblib, replaychart as rc
if __name__ == "__main__":
    run = rc.open_run(rc.datasets.parabola_recording())
    with joblib.parallel_config(backend=sys.argv[1], n_jobs=2):
        rc.save(rc.loss_histogram(run), sys.argv[2], epochs=range(40), progress=False)
"""


@pytest.mark.parametrize(
    "backend",
    [
        "loky",
        "threading",
        *(
            pytest.param(one, marks=pytest.mark.thorough)
            for one in ("multiprocessing", "sequential")
        ),
    ],
)
def test_backends_of_joblib_paint_the_same_frames(
    backend: str, shipped: rc.Run, tmp_path: Path
) -> None:
    with joblib.parallel_config(n_jobs=2):
        here = rc.save(
            rc.loss_histogram(shipped), tmp_path / "here.gif", epochs=range(40), progress=False
        )
    # In a separate process, because it might hang.
    script = tmp_path / "save.py"
    script.write_text(_SAVE_WITH)
    there = tmp_path / "there.gif"
    command = [sys.executable, str(script), backend, str(there)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stderr
    assert "exception" not in done.stderr
    assert there.read_bytes() == here.read_bytes()


@pytest.mark.filterwarnings("ignore:`apply_async` is deprecated")  # by joblib 1.5 itself
def test_cluster_paints_the_same_frames(shipped: rc.Run, tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    chart = rc.loss_histogram(shipped)
    epochs = range(0, 150, 4)
    with joblib.parallel_config(n_jobs=2):
        here = rc.save(chart, tmp_path / "here.gif", epochs=epochs, progress=False)
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None
    )
    with cluster, distributed.Client(cluster), joblib.parallel_config(backend="dask"):
        there = rc.save(chart, tmp_path / "there.gif", epochs=epochs, progress=False)
    assert there.read_bytes() == here.read_bytes()


_LONG_SAVE = """
import sys, replaychart as rc
run = rc.open_run(rc.datasets.parabola_recording())
print("begin", flush=True)
rc.save(rc.feature_space(run), sys.argv[1])
"""


@pytest.mark.parametrize(
    "name",
    ["a.gif", *(pytest.param(one, marks=pytest.mark.thorough) for one in ("a.mp4", "frames/"))],
)
@pytest.mark.skipif(os.name != "posix", reason="sends a signal to a group of processes")
def test_interruption_leaves_nothing(name: str, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", _LONG_SAVE, f"{tmp_path}/{name}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    # The progress bar counts finished frames, and shows some of the counts.
    assert process.stderr is not None
    seen = ""
    while not re.search(r"\b[1-9]\d*/151", seen):
        read = process.stderr.read(1)
        assert read, f"the process ended: {seen}"
        seen += read
    assert list(tmp_path.iterdir()), "a temporary file is being written"
    # Like a terminal, signal the process and its workers.
    os.killpg(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "KeyboardInterrupt" in error
    assert not list(tmp_path.iterdir())


def test_frames_that_wait_are_few(shipped: rc.Run) -> None:
    chart = ChartSpec.of(rc.loss_histogram(shipped, width=50, height=50))
    painted: list[float] = []
    with joblib.parallel_config(n_jobs=-1):
        film = Film(chart, list(range(151)), 1.0)
        at = film._compiled.at

        def counted(epoch: float, columns: Collection[str] | None = None) -> Moment:
            painted.append(epoch)
            return at(epoch, columns)

        film._compiled.at = counted  # type: ignore[method-assign]
        frames = film.frames(on_white, bar=None)
        assert next(frames).size == film.size
        time.sleep(2)
        assert len(painted) <= 2 * 4 * joblib.effective_n_jobs(-1)
        assert len(list(frames)) == 150
