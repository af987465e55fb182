"""`save`: saves a finished chart to a file or a file object, in any format."""

import json
import os
from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, overload

import numpy as np
from altair.typing import ChartType, is_chart_type

from replaychart.arguments import checked_path, is_number, require_bool
from replaychart.drawing.epoch_parameter import NAME
from replaychart.errors import ArgumentError
from replaychart.export.file_objects import (
    FileObject,
    Format,
    SupportsWrite,
    checked_format,
    copied_to,
)
from replaychart.export.files import written_beside
from replaychart.export.film import Film, gliding
from replaychart.export.gif import FASTEST, LONGEST, write_gif
from replaychart.export.html import write_html
from replaychart.export.images import write_image
from replaychart.export.post import write_post
from replaychart.export.sequence import write_sequence
from replaychart.export.specs import Between, ChartSpec
from replaychart.export.strip import write_strip
from replaychart.export.video import VIDEOS, require_av, write_video
from replaychart.export.webp import write_webp
from replaychart.facts.epochs import epoch_numbers
from replaychart.playback.parameter import EpochSlider, FoundParameter
from replaychart.playback.story_steps import pauses_at, story_steps

STILL = (".png", ".svg", ".pdf")
MOVING = (".gif", ".webp", ".mp4", ".webm")
WHOLE = (".html", ".json")
POST = ".md"
_SUFFIXES = (*WHOLE, *STILL, *MOVING, POST)
# Maximum frames per second: browsers slow down faster GIFs, and screens show no more in any format.
_FASTEST = {".gif": FASTEST}
_FASTEST_OTHERS = 120
# The most repetitions that the file formats can store.
_MOST_PLAYS = 65_535
_COUNTING_PLAYS = (".gif", ".webp")
_OPTIONS_FOR = {
    "fps": "animations (for an HTML page, pass it to animate)",
    "hold": "animations",
    "loop": ".gif and .webp (for an HTML page, pass it to animate; a video depends on its player)",
    "scale": "raster images, animations, .pdf and .md",
    "description": ".html and .md",
}


@overload
def save(
    chart: ChartType,
    path: str | PathLike[str],
    *,
    epoch: float | None = None,
    epochs: float | slice | Iterable[float] | None = None,
    fps: float = 10,
    scale: float = 1.0,
    hold: float = 1.0,
    loop: bool | int = True,
    description: str | None = None,
    progress: bool = True,
    format: None = None,
) -> Path: ...


@overload
def save(
    chart: ChartType,
    path: FileObject,
    *,
    format: Format,
    epoch: float | None = None,
    epochs: float | slice | Iterable[float] | None = None,
    fps: float = 10,
    scale: float = 1.0,
    hold: float = 1.0,
    loop: bool | int = True,
    description: str | None = None,
    progress: bool = True,
) -> FileObject: ...


def save(
    chart: ChartType,
    path: str | PathLike[str] | SupportsWrite,
    *,
    epoch: float | None = None,
    epochs: float | slice | Iterable[float] | None = None,
    fps: float = 10,
    scale: float = 1.0,
    hold: float = 1.0,
    loop: bool | int = True,
    description: str | None = None,
    progress: bool = True,
    format: Format | None = None,  # noqa: A002
) -> Path | SupportsWrite:
    """Save a chart to a file or a file object.

    ``.html`` is self-contained and works offline; it plays if the chart was animated with
    `animate`. The page fits the chart to the window, stacks its parts on a phone, and is dark for
    readers who prefer that; a link that ends in ``#epoch=15`` moves the chart. ``.json`` is the
    Vega-Lite spec. ``.png``, ``.svg`` and ``.pdf`` show one epoch, or several side by side.
    ``.gif``, ``.webp``, ``.mp4`` and ``.webm`` are animations, and a directory receives one PNG per
    epoch. ``.md`` is the `story` of a chart as text, with an image for each step beside it. The
    theme ``replaychart`` is applied unless another one is enabled. Files are written atomically: an
    interrupted save leaves any existing file untouched.

    Parameters
    ----------
    chart : altair chart
        Any Altair chart, single or composed.
    path : str, os.PathLike or file object
        The file. Its suffix must be one of ``.html``, ``.json``, ``.png``, ``.svg``, ``.pdf``,
        ``.gif``, ``.webp``, ``.mp4``, ``.webm``, ``.md``, and its directory must exist. An existing
        file is replaced. The images of ``post.md`` are in ``post_files/``. If `path` is a string
        that ends in a slash, or an existing directory, PNG files named ``epoch_0000.png`` are
        written to it; files with the same names are replaced, all others are kept. Videos need
        ``pip install 'replaychart[video]'``. A file object, such as `io.BytesIO`, needs `format`;
        it is written from its current position and stays open.
    epoch : float, optional
        For still images, the epoch to show; for ``.html`` and ``.json``, the epoch shown initially.
        Default: the epoch that the chart shows initially.
    epochs : float, slice or iterable of float, optional
        For animations and directories: the epochs to show, one frame for each, in this order; a
        slice selects from the epochs at which the slider stops. Default: all of them. For ``.png``,
        ``.svg`` and ``.pdf``: a filmstrip with one image for each, from left to right, captioned
        with the epoch unless a title shows it.
    fps : float, default 10
        For animations: frames per second, more than 0 and at most 50 for ``.gif`` or 120 for other
        formats. For ``.html``, pass it to `animate`. If the chart was animated with ``smooth=True``
        and a smaller ``fps``, there are interpolated frames between its epochs, so that it plays at
        the speed that `animate` was given.
    scale : float, default 1.0
        Factor for the image size; not for ``.html``, ``.json`` and ``.svg``. Videos need an even
        width and height, so a line of background is added at the right or bottom if necessary.
    hold : float, default 1.0
        For animations: minimum duration of the last frame in seconds, at most 655. Frames at which
        a caption of a `story` appears are shown as long as its ``pause``.
    loop : bool or int, default True
        For ``.gif`` and ``.webp``: whether to repeat forever, or the number of times to play.
        Whether a video repeats depends on the player.
    description : str, optional
        For ``.html``: a caption below the chart; for ``.md``: the text before the first step. Blank
        lines separate paragraphs.
    progress : bool, default True
        For animations, directories and ``.md``: whether to show a progress bar.
    format : {"html", "json", "png", "svg", "pdf", "gif", "webp", "mp4", "webm"}, optional
        Required for a file object, and for nothing else: the suffix of a path selects the format.
        A file object for text takes ``"html"``, ``"json"`` and ``"svg"``, one for bytes takes all.

    Returns
    -------
    pathlib.Path or file object
        The file or directory; for a file object, the same object.

    Raises
    ------
    ArgumentError
        The suffix or the format is unknown, the directory does not exist, an epoch is outside the
        range of the chart, or another argument is invalid or does not apply to the format.
    MissingDependencyError
        The format is a video and PyAV is not installed.
    RunFileError
        The file or file object cannot be written.

    Notes
    -----
    Each frame redraws only what changed, and is streamed to disk, so memory use does not depend on
    the number of frames. With ``pip install 'replaychart[films]'``, Vega and Skia draw them in this
    process, two to three times faster; the edges of marks are then smoothed slightly differently.
    Otherwise, and for charts with pictures, joblib renders them in parallel, in one process per
    core. Another joblib backend can move the work elsewhere, for example to a cluster::

        client = distributed.Client("scheduler:8786")
        with joblib.parallel_config(backend="dask"):
            rc.save(dashboard, "parabola.mp4")

    Examples
    --------
    >>> import replaychart as rc
    >>> run = rc.open_run(rc.datasets.parabola_recording())
    >>> path = rc.save(rc.decision_boundary(run), "boundary.png", epoch=15, scale=2)
    >>> strip = rc.save(rc.decision_boundary(run), "strip.png", epochs=[0, 10, 50, 150])

    For a web application, which wants bytes instead of a file:

    >>> import io
    >>> png = rc.save(rc.decision_boundary(run), io.BytesIO(), format="png").getvalue()
    """
    if not isinstance(path, (str, os.PathLike)):
        kind = checked_format(path, format)
        with copied_to(path, kind) as temporary:
            save(
                chart,
                temporary,
                epoch=epoch,
                epochs=epochs,
                fps=fps,
                scale=scale,
                hold=hold,
                loop=loop,
                description=description,
                progress=progress,
            )
        return path
    if format is not None:
        message = (
            "format is for file objects; the suffix of a path selects its format. Got "
            f"format={format!r} and path={path!r}."
        )
        raise ArgumentError(message)
    given, path = path, checked_path("path", path)
    into_directory = _is_directory(given)
    suffix = "" if into_directory else path.suffix.lower()
    _check_path(path, suffix, into_directory)
    _check_chart(chart)
    _check_number("scale", scale, least=0, most=20)
    _check_number("fps", fps, least=1 / LONGEST, most=_FASTEST.get(suffix, _FASTEST_OTHERS))
    if not is_number(hold) or not 0 <= hold <= LONGEST:
        message = f"hold must be between 0 and {LONGEST} seconds. Got {hold!r}."
        raise ArgumentError(message)
    plays = _plays(loop)
    require_bool("progress", progress)
    if description is not None and not isinstance(description, str):
        message = f"description must be a string or None. Got {description!r}."
        raise ArgumentError(message)
    moving = into_directory or suffix in MOVING
    where = "a directory" if into_directory else suffix
    if epoch is not None and moving:
        message = f"epoch is for still images; for {where}, pass epochs. Got {epoch!r}."
        raise ArgumentError(message)
    if epochs is not None and suffix in WHOLE:
        message = f"epochs is for images and animations; for {suffix}, pass epoch. Got {epochs!r}."
        raise ArgumentError(message)
    if suffix == POST and (epoch is not None or epochs is not None):
        given_epochs = epoch if epochs is None else epochs
        message = f".md has the epochs of the captions; pass none. Got {given_epochs!r}."
        raise ArgumentError(message)
    if epochs is not None and epoch is not None:
        message = f"Pass either epoch or epochs. Got epoch={epoch!r} and epochs={epochs!r}."
        raise ArgumentError(message)

    _check_used(
        where,
        {
            "fps": (fps, 10, suffix in MOVING),
            "hold": (hold, 1, suffix in MOVING),
            "loop": (loop, True, suffix in _COUNTING_PLAYS),
            "scale": (scale, 1, into_directory or suffix not in (*WHOLE, ".svg")),
            "description": (description, None, suffix in (".html", POST)),
        },
    )

    # The writers of the formats and vl-convert need Python numbers.
    fps, scale, hold = float(fps), float(scale), float(hold)
    drawn = ChartSpec.of(chart)
    if epoch is not None:
        check_shown(epoch, drawn.parameter)
    bar = path.name if progress else None
    if suffix == POST:
        write_post(drawn, path, scale=scale, description=description, bar=bar)
    elif moving:
        chosen = _chosen_epochs(epochs, drawn.slider)
        _write_frames(drawn, path, chosen, scale, suffix, fps=fps, hold=hold, plays=plays, bar=bar)
    elif suffix in STILL and epochs is not None:
        write_strip(drawn, path, epochs=_chosen_epochs(epochs, drawn.slider), scale=scale)
    elif suffix in STILL:
        write_image(drawn, path, epoch=epoch, scale=scale)
    elif suffix == ".html":
        write_html(drawn.starting_at(epoch), path, title=path.stem, description=description)
    else:
        with written_beside(path) as temporary:
            compact = json.dumps(drawn.starting_at(epoch), separators=(",", ":"))
            temporary.write_text(compact, encoding="utf-8")
    return path


def _write_frames(
    chart: ChartSpec,
    path: Path,
    epochs: list[float],
    scale: float,
    suffix: str,
    *,
    fps: float,
    hold: float,
    plays: int,
    bar: str | None,
) -> None:
    if not suffix:
        write_sequence(chart, path, epochs=epochs, scale=scale, bar=bar)
        return
    if suffix in VIDEOS:
        require_av()
    times = gliding(epochs, chart, fps)
    stops = [time.epoch if isinstance(time, Between) else time for time in times]
    *least, last = pauses_at(story_steps(chart.spec, chart.slider), stops)
    least.append(max(last, hold))
    with written_beside(path) as temporary:
        film = Film(chart, times, scale)
        if suffix == ".gif":
            write_gif(film, temporary, fps=fps, least=least, plays=plays, bar=bar)
        elif suffix == ".webp":
            write_webp(film, temporary, fps=fps, least=least, plays=plays, bar=bar)
        else:
            write_video(film, temporary, fps=fps, least=least, bar=bar)


def _chosen_epochs(
    epochs: float | slice | Iterable[float] | None, slider: EpochSlider | None
) -> list[float]:
    if slider is None:
        message = f"chart must have the {NAME!r} parameter with a slider. Got a chart without it."
        raise ArgumentError(message)
    if epochs is None or isinstance(epochs, slice):
        chosen = slider.epochs()[epochs or slice(None)]
    else:
        chosen = epoch_numbers("epochs", epochs)
    if not chosen:
        message = f"epochs must contain at least one epoch. Got {epochs!r}."
        raise ArgumentError(message)
    for epoch in chosen:
        _check_epoch("epochs", epoch, slider.first, slider.last)
    return chosen


def check_shown(epoch: float, parameter: FoundParameter | None) -> None:
    """Raise `ArgumentError` unless a chart with this parameter can show the epoch."""
    if parameter is None:
        message = (
            f"epoch needs a chart with the {NAME!r} parameter. Got {epoch!r} for a chart without "
            "it."
        )
        raise ArgumentError(message)
    if not is_number(epoch):
        message = f"epoch must be a number. Got {epoch!r}."
        raise ArgumentError(message)
    epoch_numbers("epoch", epoch)
    slider = parameter.slider
    if slider is None:
        _check_epoch("epoch", epoch, parameter.shown, parameter.shown)
    else:
        _check_epoch("epoch", epoch, slider.first, slider.last)


def _check_epoch(argument: str, epoch: float, first: float, last: float) -> None:
    if not first <= epoch <= last:
        message = (
            f"{argument} must be between {first:g} and {last:g}, the first and the last epoch of "
            f"the chart. Got {epoch!r}."
        )
        raise ArgumentError(message)


def _is_directory(path: str | PathLike[str]) -> bool:
    """Return whether a path means a directory of still images."""
    ends_so = os.fspath(path).endswith(("/", os.sep))
    known = Path(path).suffix.lower() in _SUFFIXES
    return ends_so or (Path(path).is_dir() and not known)


def _check_path(path: Path, suffix: str, into_directory: bool) -> None:
    if not into_directory and suffix not in _SUFFIXES:
        message = (
            f"path must end in one of {', '.join(_SUFFIXES)}, or in / for a directory of PNG "
            f"files. Got {str(path)!r}."
        )
        raise ArgumentError(message)
    if into_directory and path.exists() and not path.is_dir():
        message = f"path must be a directory if it ends in /. Got the file {str(path)!r}."
        raise ArgumentError(message)
    if not path.parent.is_dir():
        message = f"path must be in an existing directory. Got {str(path)!r}."
        raise ArgumentError(message)


def _plays(loop: object) -> int:
    """Return the number of times to play, 0 for forever."""
    if isinstance(loop, (bool, np.bool_)):
        return 0 if loop else 1
    if not isinstance(loop, (int, np.integer)) or not 1 <= loop <= _MOST_PLAYS:
        message = (
            f"loop must be True, False or the number of times to play, from 1 to {_MOST_PLAYS:,}. "
            f"Got {loop!r}."
        )
        raise ArgumentError(message)
    return int(loop)


def _check_used(where: str, options: Mapping[str, tuple[Any, Any, bool]]) -> None:
    """Raise `ArgumentError` if an option was passed that does not apply to the format.

    Parameters
    ----------
    where : str
        The format.
    options : mapping of str to tuple
        For each argument, by name: the value passed, the default, and whether the format uses it.
    """
    for argument, (given, default, is_used) in options.items():
        if not is_used and given != default:
            formats = _OPTIONS_FOR[argument]
            message = f"{argument} is for {formats}, not for {where}. Got {given!r}."
            raise ArgumentError(message)


def _check_chart(chart: object) -> None:
    if not is_chart_type(chart):
        message = f"chart must be an Altair chart. Got {type(chart).__name__}."
        raise ArgumentError(message)


def _check_number(argument: str, value: object, *, least: float, most: float) -> None:
    if not is_number(value) or not least < value <= most:
        message = f"{argument} must be more than {least:.2g} and at most {most}. Got {value!r}."
        raise ArgumentError(message)
