"""`replaychart watch` shows a training of another process, whatever becomes of that or the page."""

import http.client
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from support import SUPPORT

import replaychart as rc
from replaychart.command import main
from replaychart.live.following import Following
from replaychart.live.watched_dashboard import watched_dashboard

SCRIPT = SUPPORT / "watched_training.py"
# Whether the chart has a dark corner.
IS_DARK = """() => {
    const canvas = document.querySelector("#chart canvas");
    const [red, , , alpha] = canvas.getContext("2d").getImageData(2, 2, 1, 1).data;
    return alpha === 255 && red < 60;
}"""


class _Watch:
    """The command, watching."""

    def __init__(self, path: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "replaychart", "watch", str(path), "--seconds", "0.1"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.process.stdout.readline()
        self.url = self.process.stdout.readline().strip()

    def status_of(self, path: str, host: str | None = None) -> int:
        where = urlsplit(self.url)
        connection = http.client.HTTPConnection(str(where.hostname), where.port, timeout=10)
        connection.request("GET", path, headers={} if host is None else {"Host": host})
        status = connection.getresponse().status
        connection.close()
        return status


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[_Watch]:
    watching = _Watch(tmp_path / "runs.h5")
    yield watching
    watching.process.send_signal(signal.SIGINT)
    _, errors = watching.process.communicate(timeout=30)
    assert errors == "replaychart: interrupted\n"


def _epoch(page: Any) -> int:
    found = re.search(r"epoch (\d+)", page.inner_text("#status"))
    return -1 if found is None else int(found[1])


def _wait_for_epoch(page: Any, epoch: int) -> None:
    found = "/epoch (\\d+)/.exec(document.getElementById('status').textContent)"
    page.wait_for_function(f"+({found} || [])[1] >= {epoch}", timeout=60_000)


def test_a_training_is_watched_through_reloads_and_its_death(
    watch: _Watch, tmp_path: Path, browser: Any
) -> None:
    page = browser.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(watch.url)
    assert "Waiting" in page.inner_text("#status")
    training = subprocess.Popen(
        [sys.executable, str(SCRIPT), str(tmp_path / "runs.h5"), "run", "999"]
    )
    try:
        _wait_for_epoch(page, 3)
        page.wait_for_selector("#chart canvas")
        first = page.locator("#chart canvas").screenshot()
        _wait_for_epoch(page, _epoch(page) + 2)
        page.wait_for_timeout(300)
        assert page.locator("#chart canvas").screenshot() != first
        page.emulate_media(color_scheme="dark")
        page.wait_for_function(IS_DARK, timeout=20_000)
        page.emulate_media(color_scheme="light")
        page.reload()
        page.wait_for_selector("#chart canvas")
        _wait_for_epoch(page, 5)
    finally:
        training.kill()
        training.wait()
    page.wait_for_function(
        "document.getElementById('status').textContent.includes('interrupted')", timeout=60_000
    )
    page.wait_for_selector("#chart input[type=range]")
    with pytest.warns(UserWarning, match="interrupted"):
        epochs = rc.open_run(tmp_path / "runs.h5").epochs
    assert page.get_attribute("#chart input[type=range]", "max") == str(epochs[-1])
    assert _epoch(page) == epochs[-1]
    page.close()
    assert not problems


@pytest.mark.parametrize("logged", [True, False])
def test_a_module_without_its_code_shows_what_is_in_the_file(tmp_path: Path, logged: bool) -> None:
    torch = pytest.importorskip("torch")
    X, y = rc.datasets.parabola(10)
    module = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 1))
    loss = torch.nn.BCEWithLogitsLoss()
    with rc.TorchRecorder(module, X, y, tmp_path / "runs.h5", "run", loss=loss) as recorder:
        recorder.snapshot(1, {"loss": 0.5} if logged else None)
    following = Following(tmp_path / "runs.h5", "run", watched_dashboard)
    for messages in (following.newest(), following.replay()):
        assert messages.whole is not None
        text = messages.whole.decode()
        assert "its outputs are not shown" in text
        assert ("Weights" in text, '"Loss"' in text) == (True, logged)


def test_only_who_knows_the_address_is_answered(watch: _Watch) -> None:
    path = urlsplit(watch.url).path
    assert urlsplit(watch.url).hostname == "127.0.0.1"
    assert watch.status_of(path) == 200
    assert watch.status_of(f"{path}watch.js") == 200
    assert watch.status_of("/") == 404
    assert watch.status_of("/another-token/") == 404
    assert watch.status_of("/another-token/events") == 404
    assert watch.status_of(f"{path}../command.py") == 404
    # The name of another machine may lead here.
    assert watch.status_of(path, host="example.com:80") == 404


def test_mistakes_are_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", str(tmp_path / "missing" / "runs.h5")]) == 1
    assert "existing directory" in capsys.readouterr().err
    for option, value in (("--port", "70000"), ("--seconds", "0")):
        with pytest.raises(SystemExit):
            main(["watch", "runs.h5", option, value])
        assert f"argument {option}" in capsys.readouterr().err
