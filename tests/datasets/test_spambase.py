"""The e-mails: read from a file, and downloaded from a server that runs here."""

import dataclasses
import functools
import http.server
import io
import socket
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import replaychart as rc

REAL = Path(__file__).parents[2] / ".." / "shared" / "data" / "spambase.data"
needs_the_real_file = pytest.mark.skipif(
    not REAL.exists(), reason="needs a copy of spambase.data at ../shared/data"
)


@dataclasses.dataclass
class Server:
    """An HTTP server of a directory, and what it was asked for."""

    directory: Path
    url: str
    asked: list[str]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    directory = tmp_path / "served"
    directory.mkdir()
    asked: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            asked.append(self.path)

    handler = functools.partial(Handler, directory=str(directory))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield Server(directory, f"http://127.0.0.1:{running.server_port}", asked)
        running.shutdown()
        thread.join()


def _archive(name: str, content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return packed.getvalue()


def _rows(*, rows: int = 4601, columns: int = 58, last: str = "1") -> str:
    return "\n".join(",".join(["0.5"] * (columns - 1) + [last]) for _ in range(rows))


@needs_the_real_file
@pytest.mark.parametrize("packed", [False, True])
def test_real_file(packed: bool, tmp_path: Path) -> None:
    path = REAL
    if packed:
        path = tmp_path / "spambase.zip"
        path.write_bytes(_archive("spambase.data", REAL.read_bytes()))
    X, y = rc.datasets.spambase(path)
    assert (X.shape, X.dtype, y.shape, y.dtype) == ((4601, 57), np.float32, (4601,), np.int64)
    rows = np.loadtxt(REAL, delimiter=",")
    np.testing.assert_array_equal(X, rows[:, :57].astype(np.float32))
    np.testing.assert_array_equal(y, rows[:, 57])
    assert y.sum() == 1813


def test_features_have_names() -> None:
    names = rc.datasets.SPAMBASE_FEATURES
    assert len(set(names)) == 57
    assert names[0] == "word_freq_make"
    assert names[47:50] == ("word_freq_conference", "char_freq_;", "char_freq_(")
    assert names[56] == "capital_run_length_total"


@needs_the_real_file
@pytest.mark.parametrize("packed", [False, True])
def test_download_is_kept(packed: bool, server: Server, tmp_path: Path) -> None:
    content = REAL.read_bytes()
    name = "spambase.zip" if packed else "spambase.data"
    served = _archive("spambase.data", content) if packed else content
    (server.directory / name).write_bytes(served)
    url, cache = f"{server.url}/{name}", tmp_path / "cache"

    X, y = rc.datasets.spambase(url=url, cache=cache)
    np.testing.assert_array_equal(X, rc.datasets.spambase(REAL)[0])
    assert [path.name for path in cache.iterdir()] == ["spambase.data"]
    assert len(server.asked) == 1

    again, _ = rc.datasets.spambase(url=url, cache=cache)
    np.testing.assert_array_equal(again, X)
    assert len(server.asked) == 1, "read from the cache"

    (cache / "spambase.data").write_bytes(content[:1000])
    assert rc.datasets.spambase(url=url, cache=cache)[1].tolist() == y.tolist()
    assert len(server.asked) == 2, "a damaged copy is fetched again"


@needs_the_real_file
def test_environment_names_the_cache(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "spambase.data").write_bytes(REAL.read_bytes())
    monkeypatch.setenv("REPLAYCHART_DATA", str(tmp_path))
    assert rc.datasets.spambase(url=server.url)[1].sum() == 1813
    assert not server.asked


@pytest.mark.parametrize(
    "served",
    [
        b"0,1\n",
        b"",
        b"<html>Sign in to this network</html>",
        _archive("spambase.data", b"0,1\n"),
        _archive("another.data", b"0,1\n"),
        _archive("spambase.data", b"0,1\n" * 1000)[:-30],
    ],
    ids=["other", "empty", "page", "archive of other", "archive without", "cut archive"],
)
def test_wrong_hash_leaves_nothing(served: bytes, server: Server, tmp_path: Path) -> None:
    (server.directory / "spambase.zip").write_bytes(served)
    url = f"{server.url}/spambase.zip"
    with pytest.raises(rc.DatasetError) as caught:
        rc.datasets.spambase(url=url, cache=tmp_path / "cache")
    message = str(caught.value)
    assert message.startswith(f"The download from {url} is not the dataset")
    assert "b1ef93de71f97714d3d7d4f58fc9f718da7bbc8ac8a150eff2778616a8097b12" in message
    assert "pass it as path=" in message
    assert not list((tmp_path / "cache").iterdir())


def test_wrong_hash_keeps_what_was_there(server: Server, tmp_path: Path) -> None:
    (server.directory / "spambase.zip").write_bytes(b"other")
    old = tmp_path / "cache" / "spambase.data"
    old.parent.mkdir()
    old.write_text("an older state")
    with pytest.raises(rc.DatasetError, match="is not the dataset"):
        rc.datasets.spambase(url=f"{server.url}/spambase.zip", cache=old.parent)
    assert old.read_text() == "an older state"
    assert list(old.parent.iterdir()) == [old]


def test_no_network_is_told(server: Server, tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        unreachable = f"http://127.0.0.1:{closed.getsockname()[1]}/spambase.zip"
        urls = [unreachable, f"{server.url}/missing.zip", "spambase.zip"]
        for url in urls:
            with pytest.raises(rc.DatasetError, match="cannot be downloaded from") as caught:
                rc.datasets.spambase(url=url, cache=tmp_path / "cache")
            assert url in str(caught.value)
            assert "pass it as path=" in str(caught.value)
            assert not list((tmp_path / "cache").iterdir())


def test_cache_that_is_no_directory_is_told(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("not a directory")
    with pytest.raises(rc.DatasetError, match="cannot be saved in .*file"):
        rc.datasets.spambase(url=server.url, cache=file)
    assert file.read_text() == "not a directory"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "must be a copy of spambase.data or spambase.zip"),
        ("a,b\n", "must be a copy of spambase.data or spambase.zip"),
        (
            _rows(rows=10),
            r"must contain 4601 rows of 58 finite numbers.* Got the shape \(10, 58\).",
        ),
        (_rows(columns=57), r"Got the shape \(4601, 57\)."),
        (_rows(last="2"), "the last of them 0 or 1"),
        (_rows(last=""), "the last of them 0 or 1"),
    ],
    ids=["empty", "text", "rows", "columns", "class", "missing"],
)
def test_other_files_are_refused(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.data"
    path.write_text(content)
    with pytest.raises(rc.DatasetError, match=message) as caught:
        rc.datasets.spambase(path)
    assert "mine.data" in str(caught.value)


def test_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(rc.DatasetError, match="nowhere.data' cannot be read: .*No such file"):
        rc.datasets.spambase(tmp_path / "nowhere.data")


def test_missing_pooch_is_told() -> None:
    code = (
        "import sys; sys.modules['pooch'] = None; import replaychart; "
        "replaychart.datasets.spambase()"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert "MissingDependencyError" in result.stderr
    assert "pip install 'replaychart[datasets]'" in result.stderr
