"""Films drawn in this process: they show what vl-convert draws, and it is the fallback."""

import sys
from collections.abc import Callable, Iterator

import altair as alt
import joblib
import numpy as np
import pytest
import vl_convert
from PIL import Image

import replaychart as rc
from replaychart.charts.dashboard import dashboard
from replaychart.export import vega_view
from replaychart.export.film import Film, gliding
from replaychart.export.moving_parts import with_fixed_layout
from replaychart.export.painting import MovingParts, WholeChart, alike_but_for_edges, opened
from replaychart.export.specs import Between, ChartSpec, Compiled
from replaychart.export.stepping import SteppedChart, can_step
from replaychart.export.vega_view import CannotStep, text_widths

pytestmark = pytest.mark.skipif(not can_step(), reason="needs the extra 'films'")

EPOCHS = list(range(0, 151, 10))


def _dark(run: rc.Run) -> alt.VConcatChart:
    return dashboard(run).configure(background="#0d1117")


def _dashed(run: rc.Run) -> alt.LayerChart:
    """Marks of many kinds, with dashes, transparency, a turned text and names of colors."""
    rows = alt.Data(values=[{"a": i, "b": i % 3, "c": f"<{i}> & é"} for i in range(6)])
    base = alt.Chart(rows, width=240, height=200).transform_calculate(y="datum.b + epoch / 50")
    x, y = alt.X("a:Q"), alt.Y("y:Q", scale=alt.Scale(domain=[0, 6]))
    line = base.mark_line(strokeDash=[6, 3], color="tomato", interpolate="monotone").encode(x, y)
    area = base.mark_area(opacity=0.3, color="rgba(0, 90, 200, 0.5)").encode(x, y)
    arcs = base.mark_arc(radius=30, innerRadius=12).encode(
        theta=alt.Theta("y:Q"), color=alt.Color("a:N", legend=None)
    )
    shapes = base.mark_point(size=150, shape="diamond", strokeWidth=3).encode(x, y)
    texts = base.mark_text(
        angle=30, dy=-14, align="left", font="serif", fontStyle="italic", stroke="#fff"
    ).encode(x, y, text=alt.Text("c:N"))
    bars = base.mark_bar(cornerRadius=4, size=9, y2=200).encode(x, y)
    chart = area + bars + line + shapes + texts + arcs
    return chart.add_params(rc.epoch_param(run))


def _linked(run: rc.Run) -> alt.TopLevelMixin:
    """Views with epochs of their own; counts are decoded from strings of several characters."""
    epoch = rc.epoch_param(run)
    space = rc.feature_space(run, width=150, height=150, epochs=[0, 2, 40, 150], epoch=epoch)
    losses = rc.loss_histogram(run, width=150, height=100, epoch=epoch)
    return rc.link(space | losses)


CHARTS: dict[str, Callable[[rc.Run], alt.TopLevelMixin]] = {
    "dashboard": dashboard,
    "dark": _dark,
    "dashed": _dashed,
    "per_epoch": lambda run: rc.feature_space(run, scale="per-epoch"),
    "linked": _linked,
}


def _parts(chart: alt.TopLevelMixin, scale: float = 1.3) -> tuple[MovingParts, Compiled]:
    compiled = Compiled(ChartSpec.of(chart), 0)
    return MovingParts.of(
        WholeChart(
            with_fixed_layout(compiled.vega, vl_convert.vega_to_scenegraph(compiled.vega)), scale
        ),
        compiled,
    ), compiled


Painting = Callable[[MovingParts, Compiled, list[float]], Iterator[Image.Image]]


@pytest.fixture
def painted() -> Iterator[Painting]:
    opened_ones: list[SteppedChart] = []

    def paint(parts: MovingParts, compiled: Compiled, epochs: list[float]) -> Iterator[Image.Image]:
        opened_ones.append(SteppedChart())
        opened_ones[-1].load(parts, compiled, epochs)
        return opened_ones[-1].painted(epochs)

    yield paint
    for one in opened_ones:
        one.close()


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.thorough if name == "dashboard" else [])
        for name in CHARTS
    ],
)
def test_both_ways_give_the_same_picture_but_for_edges(
    name: str, shipped: rc.Run, painted: Painting
) -> None:
    parts, compiled = _parts(CHARTS[name](shipped))
    epochs = [150, 3]
    for epoch, picture in zip(epochs, painted(parts, compiled, epochs), strict=True):
        expected = parts.whole.paint(compiled.at(epoch))
        assert alike_but_for_edges(picture, expected)
        difference = np.abs(np.asarray(picture, int) - np.asarray(expected, int)).max(axis=2)
        assert difference.mean() < 0.5
        assert (difference > 2).mean() < 0.05
        assert (difference > 64).mean() < 0.0005


def test_marks_keep_the_order_of_the_data(shipped: rc.Run, painted: Painting) -> None:
    rows = [
        {"since": 50, "color": "#c00", "size": 2000},
        {"since": 0, "color": "#00c", "size": 900},
    ]
    squares = (
        alt.Chart(alt.Data(values=rows), width=60, height=60)
        .mark_square(opacity=1)
        .transform_filter("datum.since <= epoch")
        .encode(
            color=alt.Color("color:N", scale=None),
            size=alt.Size("size:Q", scale=None),
        )
    )
    parts, compiled = _parts(squares.add_params(rc.epoch_param(shipped)))
    for epoch, picture in zip([0, 60], painted(parts, compiled, [0, 60]), strict=True):
        expected = parts.whole.paint(compiled.at(epoch))
        assert alike_but_for_edges(picture, expected)
        middle = picture.getpixel((picture.width // 2, picture.height // 2))
        assert middle == (0, 0, 204, 255), "the second row is on top, though it came first"


def test_texts_are_equal(shipped: rc.Run, painted: Painting) -> None:
    texts = alt.Chart(alt.Data(values=[{}]), width=300, height=60).mark_text(
        text={"expr": "'Epoch ' + epoch + ', é < ü'"}, fontSize=17, color="#456"
    )
    parts, compiled = _parts(texts.add_params(rc.epoch_param(shipped)))
    for epoch, picture in zip([3, 150], painted(parts, compiled, [3, 150]), strict=True):
        expected = np.asarray(parts.whole.paint(compiled.at(epoch)), int)
        assert expected.min() < 120, "there is a text"
        assert np.abs(np.asarray(picture, int) - expected).max() <= 2


def test_missing_mark_is_no_edge(shipped: rc.Run) -> None:
    parts, compiled = _parts(rc.loss_histogram(shipped))
    picture = parts.paint(compiled.at(50, parts.columns))
    pixels = np.array(picture)
    rows, columns = np.nonzero((pixels[..., :3] < 150).any(axis=2))
    pixels[rows[0] : rows[0] + 6, columns[0] : columns[0] + 6] = 255
    assert not alike_but_for_edges(Image.fromarray(pixels), picture)
    shifted = Image.fromarray(np.roll(np.asarray(picture), 1, axis=1))
    assert not alike_but_for_edges(shifted, picture)


def test_widths_are_those_of_the_renderer() -> None:
    given = {"text": "Wide é 0.25", "font": "sans-serif", "fontSize": 40}
    (width,) = text_widths([given])
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="600" height="80"><text x="20" y="60" '
        'font-family="sans-serif" font-size="40px">Wide é 0.25</text></svg>'
    )
    left, _, right, _ = opened(vl_convert.svg_to_png(svg)).getchannel("A").getbbox() or (0,) * 4
    assert abs(right - left - width) < 6


@pytest.mark.parametrize(
    "own",
    [
        lambda base: base.mark_image(url="data:image/gif;base64,R0lGODlhAQABAAAAACw=", width=20),
        lambda base: base.mark_bar(
            color=alt.Gradient(
                gradient="linear",
                stops=[alt.GradientStop("red", 0), alt.GradientStop("blue", 1)],
            )
        ),
        lambda base: base.mark_bar(blend="multiply"),
    ],
    ids=["image", "gradient", "blend"],
)
def test_what_only_vl_convert_draws_is_left_to_it(
    own: Callable[[alt.Chart], alt.Chart],
    shipped: rc.Run,
    painted: Painting,
) -> None:
    base = alt.Chart(alt.Data(values=[{}])).transform_calculate(x="epoch")
    chart = own(base).encode(x=alt.X("x:Q", scale=alt.Scale(domain=[0, 150])))
    with pytest.raises(CannotStep):
        list(painted(*_parts(chart.add_params(rc.epoch_param(shipped))), [0, 10]))


def test_film_is_drawn_here_unless_joblib_is_set_up(
    shipped: rc.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    chart = ChartSpec.of(rc.loss_histogram(shipped, width=60, height=60))
    monkeypatch.setattr(vega_view, "_STEPS", 6)  # The view is made again twice.
    here = Film(chart, EPOCHS, 1.0)
    assert here._stepped is not None
    pictures = list(here.frames(_kept, bar=None))
    with joblib.parallel_config(n_jobs=1):
        there = Film(chart, EPOCHS, 1.0)
        assert there._stepped is None
        others = list(there.frames(_kept, bar=None))
    assert len(pictures) == len(others) == len(EPOCHS)
    assert all(map(alike_but_for_edges, pictures, others))
    monkeypatch.setitem(sys.modules, "skia", None)
    assert not can_step()


def _kept(picture: Image.Image) -> Image.Image:
    return picture


def test_film_glides(shipped: rc.Run) -> None:
    chart = rc.animate(
        rc.decision_boundary(shipped, width=120, height=120, epochs=range(4)), fps=2, smooth=True
    )
    spec = ChartSpec.of(chart)
    times = gliding([0, 1, 2, 3], spec, 10)
    film = Film(spec, times, 1.0)
    assert film._stepped is not None
    pictures = list(film.frames(_kept, bar=None))
    assert len(pictures) == len(times)
    for position in (1, 3, 9):
        assert isinstance(times[position], Between)
        expected = film._painter.paint(film._compiled.at(times[position]))
        assert alike_but_for_edges(pictures[position], expected)


def test_film_goes_on_with_vl_convert(shipped: rc.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    # At these epochs, the color is written in a way that only vl-convert reads.
    chart = rc.loss_histogram(shipped, width=60, height=60) | alt.Chart(
        alt.Data(values=[{}])
    ).mark_bar(color={"expr": "epoch > 30 && epoch < 60 ? 'hwb(0 0% 0%)' : '#00f'"})
    film = Film(ChartSpec.of(chart), EPOCHS, 1.0)
    assert film._stepped is not None
    # Processes take longer to start than these frames to paint.
    monkeypatch.setattr(film, "_jobs", lambda: (1, 1))
    assert len(list(film.frames(_kept, bar=None))) == len(EPOCHS)


def test_frames_that_wait_are_few(shipped: rc.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    epochs = list(range(0, 150, 3))
    film = Film(ChartSpec.of(rc.loss_histogram(shipped, width=50, height=50)), epochs, 1.0)
    assert film._stepped is not None
    asked: list[object] = []
    signals = film._compiled.signals
    monkeypatch.setattr(
        film._compiled, "signals", lambda time: (asked.append(time), signals(time))[1]
    )
    frames = film.frames(_kept, bar=None)
    next(frames)
    film._stepped._thread.submit(int).result()
    assert len(asked) <= 16
    assert len(list(frames)) == len(epochs) - 1
