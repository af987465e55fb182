"""Fixtures: recordings, made once per session, and a real browser.

Keras takes seconds to import, so only the fixtures that train import it.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import altair as alt
import pytest
from hypothesis import Phase, settings
from support.browser import Page

import replaychart as rc

if TYPE_CHECKING:
    from support.training import Training

# The same examples each time, and few; REPLAYCHART_EXAMPLES=thorough looks for others, and long.
settings.register_profile(
    "few",
    deadline=None,
    derandomize=True,
    max_examples=50,
    phases=[Phase.explicit, Phase.generate],
)
settings.register_profile("thorough", deadline=None, max_examples=4000)
settings.load_profile(os.environ.get("REPLAYCHART_EXAMPLES", "few"))


@pytest.fixture(scope="session")
def thorough(request: pytest.FixtureRequest) -> bool:
    """Whether the thorough tests are selected."""
    return request.config.getoption("markexpr") != "not thorough"


@pytest.fixture(scope="session")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("recordings")


@pytest.fixture(scope="session")
def gallery_recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for what the gallery records, shared by all workers: each script trains once."""
    own = tmp_path_factory.getbasetemp()
    return (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "gallery_recordings"


@pytest.fixture(scope="session")
def parabola(directory: Path) -> "Training":
    from support import recordings

    return recordings.parabola(directory)


@pytest.fixture(scope="session")
def folded(directory: Path) -> "Training":
    from support import recordings

    return recordings.folded(directory)


@pytest.fixture(scope="session")
def branches(directory: Path) -> "Training":
    from support import recordings

    return recordings.branches(directory)


@pytest.fixture(scope="session")
def one_hot(directory: Path) -> "Training":
    from support import recordings

    return recordings.one_hot(directory)


@pytest.fixture(scope="session")
def three(directory: Path) -> "Training":
    from support import recordings

    return recordings.three(directory)


@pytest.fixture(scope="session")
def regression(directory: Path) -> "Training":
    from support import recordings

    return recordings.regression(directory)


@pytest.fixture(scope="session")
def images(directory: Path) -> "Training":
    from support import recordings

    return recordings.images(directory)


@pytest.fixture(scope="session")
def subclassed(directory: Path) -> "Training":
    from support import recordings

    return recordings.subclassed(directory)


@pytest.fixture(scope="session")
def two_inputs(directory: Path) -> "Training":
    from support import recordings

    return recordings.two_inputs(directory)


@pytest.fixture(scope="session")
def image_and_features(directory: Path) -> "Training":
    from support import recordings

    return recordings.image_and_features(directory)


@pytest.fixture(scope="session")
def tokens_and_features(directory: Path) -> "Training":
    from support import recordings

    return recordings.tokens_and_features(directory)


@pytest.fixture(scope="session")
def shipped() -> rc.Run:
    """The recording that comes with the package."""
    return rc.open_run(rc.datasets.parabola_recording())


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A headless Chromium. CI must have one; elsewhere the tests say how to get it."""
    from playwright.sync_api import sync_playwright

    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    executable = next(filter(None, map(shutil.which, names)), None)
    if executable is None:
        message = "No Chromium on the PATH. Install it: apt-get install chromium"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Saves a chart as HTML and opens it, without a network; no error may be told."""
    pages: list[Page] = []

    def open_page(chart: alt.typing.ChartType, *, svg: bool = False) -> Page:
        if svg:  # Its marks are elements of the page.
            chart = chart.copy()
            chart.usermeta = {"embedOptions": {"renderer": "svg"}}
        path = rc.save(chart, tmp_path / f"chart-{len(pages)}.html")
        page = browser.new_page(viewport={"width": 1300, "height": 900}, offline=True)
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "console",
            lambda message: problems.append(message.text) if message.type == "error" else None,
        )
        page.goto(path.as_uri())
        page.wait_for_function("window.view !== undefined || window.failed", timeout=20_000)
        pages.append(Page(page, problems))
        return pages[-1]

    yield open_page
    for page in pages:
        page.page.close()
        assert not page.problems
