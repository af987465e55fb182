"""Charts are saved to file objects: the same bytes as in a file, in every format."""

import io
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, get_args

import altair as alt
import pytest
from support.training import Training

import replaychart as rc
from replaychart.export.file_objects import Format

FORMATS = get_args(Format)


@pytest.fixture
def chart(parabola: Training) -> alt.Chart:
    return rc.loss_histogram(parabola.open())


def _options(kind: str) -> dict[str, Any]:
    moving = kind in ("gif", "webp", "mp4", "webm")
    return {"epochs": [0, 3], "progress": False} if moving else {"epoch": 3}


def _lines_of_pdf(content: bytes) -> list[bytes]:
    """Sorted, without the table of offsets: a PDF's fonts are written in no fixed order."""
    offset = re.compile(rb"\d{10} \d{5} n ?")
    return sorted(line for line in content.splitlines() if not offset.fullmatch(line))


@pytest.mark.parametrize("kind", FORMATS)
def test_file_object_gets_what_a_file_gets(kind: Format, chart: alt.Chart, tmp_path: Path) -> None:
    path = rc.save(chart, tmp_path / f"chart.{kind}", **_options(kind))
    file = io.BytesIO()
    assert rc.save(chart, file, format=kind, **_options(kind)) is file
    written, stored = file.getvalue(), path.read_bytes()
    if kind == "webm":  # Each WebM file has a random number that identifies it.
        assert len(written) == len(stored)
    elif kind == "pdf":
        assert _lines_of_pdf(written) == _lines_of_pdf(stored)
    else:
        assert written == stored


@pytest.mark.parametrize("kind", ["html", "json", "svg"])
def test_text_goes_to_text(kind: Format, chart: alt.Chart, tmp_path: Path) -> None:
    path = rc.save(chart, tmp_path / f"chart.{kind}")
    text = rc.save(chart, io.StringIO(), format=kind).getvalue()
    assert text.encode() == path.read_bytes()
    with tempfile.NamedTemporaryFile("w+", encoding="utf-8", newline="") as file:
        rc.save(chart, file, format=kind)
        file.seek(0)
        assert file.read() == text


def test_files_are_written_from_their_position_and_stay_open(
    chart: alt.Chart, tmp_path: Path
) -> None:
    png = rc.save(chart, io.BytesIO(), format="png").getvalue()
    for buffering in (-1, 0):
        path = tmp_path / f"{buffering}.bin"
        with path.open("wb", buffering=buffering) as file:
            file.write(b"before")
            rc.save(chart, file, format="png")
            file.write(b"after")
        assert path.read_bytes() == b"before" + png + b"after"


def test_only_write_is_needed(chart: alt.Chart) -> None:
    class Response:
        def __init__(self) -> None:
            self.pieces: list[bytes] = []

        def write(self, content: bytes, /) -> None:
            self.pieces.append(bytes(content))

    response = rc.save(chart, Response(), format="png")
    assert b"".join(response.pieces) == rc.save(chart, io.BytesIO(), format="png").getvalue()


def test_pipe_gets_all_bytes(tmp_path: Path) -> None:
    code = (
        "import replaychart as rc; run = rc.open_run(rc.datasets.parabola_recording());"
        "rc.save(rc.loss_histogram(run), open(1, 'wb', buffering=0), format='html')"
    )
    html = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True).stdout
    run = rc.open_run(rc.datasets.parabola_recording())
    assert html == rc.save(rc.loss_histogram(run), tmp_path / "chart.html").read_bytes()


class _Full(io.BytesIO):
    def write(self, content: Any, /) -> int:
        message = "No space left on device"
        raise OSError(28, message)


def test_bad_combinations_raise_and_nothing_is_written(chart: alt.Chart, tmp_path: Path) -> None:
    def raises(message: str, path: Any, **options: Any) -> None:
        with pytest.raises(rc.ArgumentError, match=message):
            rc.save(chart, path, **options)

    file = io.BytesIO()
    raises(r"format is required for a file object, such as format='png'. Got path=<", file)
    raises("format must be one of 'html', 'json', .* Got 'bmp'", file, format="bmp")
    raises("format must be one of 'html', 'json', .* Got '.png'", file, format=".png")
    raises("epoch must be between 0 and 6", file, format="png", epoch=99)
    raises("fps is for animations .*, not for .png", file, format="png", fps=5)
    raises("epochs is for images and animations; for .html", file, format="html", epochs=[1])
    assert file.getvalue() == b""
    raises("must be a binary file object for format='png'", io.StringIO(), format="png")
    raises(
        "format is for file objects; .* Got format='png' and path='a.png'", "a.png", format="png"
    )
    raises("path must be a path: .*, or a file object. Got 5", 5, format="png")
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    with path.open("rb") as reading:
        raises("path must be open for writing", reading, format="png")
    raises("path must be an open file", reading, format="png")
    assert path.read_bytes() == b"old"
    with pytest.raises(rc.RunFileError, match="cannot be written: .*No space left"):
        rc.save(chart, _Full(), format="png")
    assert list(tmp_path.iterdir()) == [path]
