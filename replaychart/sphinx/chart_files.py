"""The files of a chart: stills, a script that contains the chart, and what a page says of it."""

import dataclasses
import hashlib
import json
from functools import cache
from importlib import metadata
from pathlib import Path

from altair.typing import ChartType
from PIL import Image

from replaychart.drawing.complete_spec import complete_spec
from replaychart.export.bundles import embedding_script
from replaychart.export.compression import gzipped, with_steps
from replaychart.export.files import written_beside
from replaychart.export.html import dark_config
from replaychart.export.images import write_image
from replaychart.export.save import check_shown
from replaychart.export.specs import ChartSpec
from replaychart.playback.animate import animate
from replaychart.playback.parameter import find_slider
from replaychart.playback.player import PLAYING
from replaychart.version import __version__

_LIBRARY_VERSION = metadata.version("vl-convert-python")
# Pixels of a still per pixel of its chart. Sharp enough on most screens.
_STILL_SCALE = 1.5
# Anything else that files depend on.
_MADE_BY = f"{__version__} {_LIBRARY_VERSION} {_STILL_SCALE}"


def digest(*parts: object) -> str:
    """Return a name for the files of a chart, which depends on `parts`."""
    content = "\0".join(map(str, (_MADE_BY, *parts)))
    return hashlib.sha256(content.encode()).hexdigest()[:20]


def epochs_of(chart: ChartType) -> list[float]:
    """Return the epochs at which a chart's slider stops, or none if it has no slider."""
    slider = find_slider(complete_spec(chart, validate=False))
    return slider.epochs() if slider else []


def playing(chart: ChartType, *, fps: float) -> ChartType:
    """Return a chart that plays. A chart that plays already or has no epochs is returned as it is.

    Parameters
    ----------
    chart : altair chart
    fps : float
        Epochs per second, if the chart is not animated yet.
    """
    spec = complete_spec(chart, validate=False)
    names = {parameter["name"] for parameter in spec.get("params", [])}
    return chart if PLAYING in names or find_slider(spec) is None else animate(chart, fps=fps)


@dataclasses.dataclass(frozen=True)
class About:
    """What a page says of a chart.

    Attributes
    ----------
    width, height : int
        Its size in pixels.
    follows : bool
        Whether the chart can be dark where the page is. One with colors of its own cannot.
    """

    width: int
    height: int
    follows: bool


@dataclasses.dataclass(frozen=True)
class ChartFiles:
    """The files of one chart.

    Attributes
    ----------
    folder : pathlib.Path
        The folder that contains them.
    name : str
        Their common stem, which depends on their content.
    """

    folder: Path
    name: str

    @property
    def script(self) -> Path:
        """The script that passes the chart to ``replaychart-charts.js``.

        It is a script because browsers do not let a page opened from disk fetch JSON.
        """
        return self.folder / f"{self.name}.js"

    @property
    def still(self) -> Path:
        """The image of one epoch."""
        return self.folder / f"{self.name}.png"

    @property
    def picture(self) -> Path:
        """The same image for pages, which is about a fifth as large."""
        return self.folder / f"{self.name}.webp"

    @property
    def _about(self) -> Path:
        return self.folder / f"{self.name}.json"

    def exist(self) -> bool:
        """Return whether all files exist."""
        return all(map(Path.exists, (self._about, self.still, self.picture, self.script)))

    def write(self, chart: ChartSpec, *, epoch: float | None, follows: bool = True) -> None:
        """Write all files.

        Parameters
        ----------
        chart : ChartSpec
            A chart that plays if it was animated.
        epoch : float or None
            The epoch of the still. If None, the epoch that the chart shows initially.
        follows : bool, default True
            Whether the chart may be dark where the page is.

        Raises
        ------
        ArgumentError
            The chart has no such epoch.
        """
        if epoch is not None:
            check_shown(epoch, chart.parameter)
        self.folder.mkdir(parents=True, exist_ok=True)
        write_image(chart, self.still, epoch=epoch, scale=_STILL_SCALE)
        spec = chart.starting_at(None)
        dark = dark_config(spec) if follows else None
        packed = gzipped(json.dumps(with_steps(spec), separators=(",", ":")))
        received = ", ".join(map(json.dumps, (self.name, packed, dark)))
        self._write(self.script, f"replaychartCharts.receive({received});\n")
        with Image.open(self.still) as image, written_beside(self.picture) as temporary:
            image.save(temporary, "WEBP", lossless=True)
            width, height = (round(pixels / _STILL_SCALE) for pixels in image.size)
        about = About(width, height, follows=dark is not None)
        self._write(self._about, json.dumps(dataclasses.asdict(about)))

    def about(self) -> About:
        """Return what a page says of the chart."""
        return About(**json.loads(self._about.read_text("utf-8")))

    def _write(self, path: Path, text: str) -> None:
        # Several processes may read pages that contain the same chart.
        with written_beside(path) as temporary:
            temporary.write_text(text, "utf-8")


def of_content(
    folder: Path, chart: ChartSpec, *, epoch: float | None, follows: bool = True
) -> ChartFiles:
    """Return the files of a chart, named after its content. Missing files are written.

    Parameters
    ----------
    folder : pathlib.Path
        The folder that contains the files.
    chart, epoch, follows
        As for `ChartFiles.write`.
    """
    spec = json.dumps(chart.starting_at(None), sort_keys=True)
    files = ChartFiles(folder, digest(epoch, follows, spec))
    if not files.exist():
        files.write(chart, epoch=epoch, follows=follows)
    return files


@cache
def library_name() -> str:
    """Return the name of the file with `library`, which changes with its content."""
    return f"replaychart-vega-{hashlib.sha256(library().encode()).hexdigest()[:20]}.js"


def library() -> str:
    """Return the libraries that draw the charts of a site as a script."""
    # In a function, because the short global names of the bundle clash with some of Sphinx's.
    return f"(() => {{\n{embedding_script()}\n}})();\n"
