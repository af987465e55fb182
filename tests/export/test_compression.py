"""Saved pages are small, and contain the same rows as the spec."""

import base64
import gzip
import json
import re
from pathlib import Path
from typing import Any

import altair as alt
import pytest
from hypothesis import given
from hypothesis import strategies as st

import replaychart as rc
from replaychart.drawing.packing import PackedData
from replaychart.export.compression import gzipped, unpacked, with_steps

NUMBERS = st.lists(st.integers(-(2**40), 2**40) | st.none(), max_size=9)
OTHERS = st.lists(
    st.booleans() | st.text(max_size=3) | st.integers() | st.floats() | st.none(), max_size=9
)


@given(st.one_of(NUMBERS, OTHERS, st.lists(NUMBERS, max_size=4), st.lists(OTHERS, max_size=4)))
def test_differences_give_back_the_numbers(values: list[Any]) -> None:
    spec = {"datasets": {PackedData([{"x": 1}]).name: [{"a": values, "b": "text"}, {"a": None}]}}
    restored = unpacked(gzipped(json.dumps(with_steps(spec))))
    assert repr(restored) == repr(spec)


def test_paths_refer_to_the_epoch_before() -> None:
    name = PackedData([{"x": 1}]).name
    rows = [{"replay_xs": [[100, 103, None, 120], [None], [101, 104]]}]
    (row,) = with_steps({"datasets": {name: rows}})["datasets"][name]
    assert row["replay_xs"] == {"steps": [[100, 3, None, 17], [None], [1, 3]]}


def test_data_of_others_and_the_spec_itself_are_left_alone() -> None:
    own = [{"a": [1, 2], "b": {"steps": [1]}}]
    packed = PackedData([{"replay_a": [1, 5]}])
    spec = {"mark": "point", "datasets": {"data-1": own, packed.name: packed.rows}}
    before = json.dumps(spec)
    after = with_steps(spec)
    assert after["datasets"]["data-1"] is own
    assert after["datasets"][packed.name] == [{"replay_a": {"steps": [1, 4]}}]
    assert json.dumps(spec) == before
    assert with_steps({"mark": "point"}) == {"mark": "point"}


@given(st.text())
def test_compressed_text_has_no_meaning_in_html(text: str) -> None:
    compressed = gzipped(text)
    assert re.fullmatch(r"[A-Za-z0-9+/]*=*", compressed)
    assert gzip.decompress(base64.b64decode(compressed)).decode() == text
    assert gzipped(text) == compressed


@pytest.fixture(scope="module")
def boundary() -> alt.typing.ChartType:
    run = rc.open_run(rc.datasets.parabola_recording())
    own = alt.Chart(alt.Data(name="own", values=[{"x": [1, 2], "steps": 3}])).mark_point()
    epochs = range(0, 151, 10)
    chart = rc.decision_boundary(run, epochs=epochs) | rc.loss_histogram(run, epochs=epochs)
    return rc.animate(chart | own.encode(x="x[1]:Q"), autoplay=False)


def test_page_has_the_rows_of_the_spec(boundary: Any, opened: Any) -> None:
    page = opened(boundary).page
    spec = boundary.to_dict()
    compared = 0
    for name, rows in spec["datasets"].items():
        shown = page.evaluate(
            "(name) => view.data(name).map((row) => JSON.parse(JSON.stringify(row)))", name
        )
        columns = [name for name in rows[-1] if name not in ("type", "geometry")]
        assert [{name: row[name] for name in columns} for row in shown] == [
            {name: row[name] for name in columns} for row in rows
        ]
        compared += len(rows)
    assert compared > 2000


def test_dashboard_with_its_libraries_is_small(shipped: rc.Run, tmp_path: Path) -> None:
    page = rc.save(rc.animate(rc.dashboard(shipped)), tmp_path / "a.html")
    assert page.stat().st_size < 1.7e6


def test_page_says_which_browser_it_needs(boundary: Any, browser: Any, tmp_path: Path) -> None:
    path = rc.save(boundary, tmp_path / "a.html")
    page = browser.new_page(offline=True)
    page.add_init_script("delete window.DecompressionStream")
    page.goto(path.as_uri())
    page.wait_for_function("document.querySelector('#chart').textContent")
    assert "needs a newer browser" in page.locator("#chart").inner_text()
    page.close()
