"""`save`: a finished chart into a file, whose suffix picks the format."""

import json
import os
from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from altair.typing import ChartType, is_chart_type

from replaychart.arguments import checked_path, is_number
from replaychart.drawing.epoch_parameter import NAME
from replaychart.errors import ArgumentError
from replaychart.export.files import written_beside
from replaychart.export.film import Film
from replaychart.export.gif import FASTEST, LONGEST, write_gif
from replaychart.export.html import write_html
from replaychart.export.images import write_image
from replaychart.export.sequence import write_sequence
from replaychart.export.specs import ChartSpec
from replaychart.export.strip import write_strip
from replaychart.export.video import VIDEOS, require_av, write_video
from replaychart.export.webp import write_webp
from replaychart.facts.epochs import epoch_numbers
from replaychart.playback.parameter import EpochSlider, FoundParameter

STILL = (".png", ".svg", ".pdf")
MOVING = (".gif", ".webp", ".mp4", ".webm")
WHOLE = (".html", ".json")
# Frames per second. Browsers slow a GIF down that is faster; screens show no more than the other.
_FASTEST = {".gif": FASTEST}
_FASTEST_OTHERS = 120
# How many times Pillow's formats can count.
_MOST_PLAYS = 65_535
_COUNTING_PLAYS = (".gif", ".webp")
_OPTIONS_FOR = {
    "fps": "moving pictures (an HTML page plays as animate was told)",
    "hold": "moving pictures",
    "loop": ".gif and .webp (a page plays as animate was told, a video as its player is)",
    "scale": "pictures of pixels and .pdf",
}


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
    progress: bool = True,
) -> Path:
    """Write a chart into a file.

    ``.html`` is self-contained and opens without a network; it plays if the chart went through
    `animate`. ``.json`` is the Vega-Lite spec. ``.png``, ``.svg`` and ``.pdf`` show one epoch, or
    several in a row. ``.gif``, ``.webp``, ``.mp4`` and ``.webm`` move through many, and a directory
    takes one PNG of each. The theme ``replaychart`` is applied unless another one is enabled. The
    file appears only when it is whole.

    Parameters
    ----------
    chart : altair chart
        Any Altair chart, composed or not.
    path : str or os.PathLike
        The file. Its suffix is one of ``.html``, ``.json``, ``.png``, ``.svg``, ``.pdf``,
        ``.gif``, ``.webp``, ``.mp4``, ``.webm``; its directory must exist. An existing file is
        replaced. A text that ends in a slash, or a directory that exists, takes PNG files named
        ``epoch_0000.png``; those of the same names are replaced, all others stay. Videos need
        ``pip install 'replaychart[video]'``.
    epoch : float, optional
        For stills, and for what ``.html`` and ``.json`` show at first. Default: the epoch that the
        chart shows at first.
    epochs : float, slice or iterable of float, optional
        For moving pictures and directories: one frame for each, in this order; a slice counts
        those that the slider stops at. Default: all of them. For ``.png``, ``.svg`` and ``.pdf``: a
        filmstrip, one still for each from left to right, with the epoch below where no title
        shows it.
    fps : float, default 10
        For moving pictures: frames per second, more than 0, at most 50 for ``.gif`` and 120 for
        others. For ``.html`` give it to `animate`.
    scale : float, default 1.0
        The size's factor; not for ``.html``, ``.json`` and ``.svg``. Videos have an even width and
        height; where the chart has not, a line of its paper is added at the right or the bottom.
    hold : float, default 1.0
        For moving pictures: seconds for which the last frame stays, at most 655.
    loop : bool or int, default True
        For ``.gif`` and ``.webp``: whether to begin again for ever, or how many times to play.
        Whether a video begins again is up to its player.
    progress : bool, default True
        For moving pictures and directories: whether to show a progress bar.

    Returns
    -------
    pathlib.Path
        The file or directory.

    Raises
    ------
    ArgumentError
        The suffix is unknown, the directory does not exist, an epoch lies outside the chart's, or
        an argument is not allowed or does not go with the format.
    MissingDependencyError
        A video is asked for and PyAV is not installed.
    RunFileError
        The file cannot be written.

    Notes
    -----
    Of a frame, only what moves is painted anew. Frames are painted by joblib in one process per
    core and written as they come, so memory does not grow with their number. Another joblib backend
    takes the work elsewhere, for example to a cluster::

        client = distributed.Client("scheduler:8786")
        with joblib.parallel_config(backend="dask"):
            rc.save(dashboard, "parabola.mp4")

    Examples
    --------
    >>> import replaychart as rc
    >>> run = rc.open_run(rc.datasets.parabola_recording())
    >>> path = rc.save(rc.decision_boundary(run), "boundary.png", epoch=15, scale=2)
    >>> strip = rc.save(rc.decision_boundary(run), "strip.png", epochs=[0, 10, 50, 150])
    """
    given, path = path, checked_path("path", path)
    into_directory = _is_directory(given)
    suffix = "" if into_directory else path.suffix.lower()
    _check_path(path, suffix, into_directory)
    _check_chart(chart)
    _check_number("scale", scale, least=0, most=20)
    _check_number("fps", fps, least=1 / LONGEST, most=_FASTEST.get(suffix, _FASTEST_OTHERS))
    if not is_number(hold) or not 0 <= hold <= LONGEST:
        message = f"hold must be at least 0 and at most {LONGEST} seconds. Got {hold!r}."
        raise ArgumentError(message)
    plays = _plays(loop)
    if not isinstance(progress, (bool, np.bool_)):
        message = f"progress must be True or False. Got {progress!r}."
        raise ArgumentError(message)
    moving = into_directory or suffix in MOVING
    where = "a directory" if into_directory else suffix
    if epoch is not None and moving:
        message = f"epoch is for stills; for {where} give epochs. Got {epoch!r}."
        raise ArgumentError(message)
    if epochs is not None and suffix in WHOLE:
        message = f"epochs is for pictures; for {suffix} give epoch. Got {epochs!r}."
        raise ArgumentError(message)
    if epochs is not None and epoch is not None:
        message = f"epoch must not be given together with epochs. Got {epoch!r} and {epochs!r}."
        raise ArgumentError(message)

    _check_used(
        where,
        {
            "fps": (fps, 10, suffix in MOVING),
            "hold": (hold, 1, suffix in MOVING),
            "loop": (loop, True, suffix in _COUNTING_PLAYS),
            "scale": (scale, 1, into_directory or suffix not in (*WHOLE, ".svg")),
        },
    )

    # The formats' writers and vl-convert take Python's numbers.
    fps, scale, hold = float(fps), float(scale), float(hold)
    drawn = ChartSpec.of(chart)
    if epoch is not None:
        _check_shown(epoch, drawn.parameter)
    if moving:
        chosen = _chosen_epochs(epochs, drawn.slider)
        bar = path.name if progress else None
        _write_frames(drawn, path, chosen, scale, suffix, fps=fps, hold=hold, plays=plays, bar=bar)
    elif suffix in STILL and epochs is not None:
        write_strip(drawn, path, epochs=_chosen_epochs(epochs, drawn.slider), scale=scale)
    elif suffix in STILL:
        write_image(drawn, path, epoch=epoch, scale=scale)
    elif suffix == ".html":
        write_html(drawn.starting_at(epoch), path, title=path.stem)
    else:
        with written_beside(path) as beside:
            compact = json.dumps(drawn.starting_at(epoch), separators=(",", ":"))
            beside.write_text(compact, encoding="utf-8")
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
    with written_beside(path) as beside:
        film = Film(chart, epochs, scale)
        if suffix == ".gif":
            write_gif(film, beside, fps=fps, hold=hold, plays=plays, bar=bar)
        elif suffix == ".webp":
            write_webp(film, beside, fps=fps, hold=hold, plays=plays, bar=bar)
        else:
            write_video(film, beside, fps=fps, hold=hold, bar=bar)


def _chosen_epochs(
    epochs: float | slice | Iterable[float] | None, slider: EpochSlider | None
) -> list[float]:
    if slider is None:
        message = (
            f"chart must have the {NAME!r} parameter with a slider to move. Got a chart without it."
        )
        raise ArgumentError(message)
    if epochs is None or isinstance(epochs, slice):
        chosen = slider.epochs()[epochs or slice(None)]
    else:
        chosen = epoch_numbers("epochs", epochs)
    if not chosen:
        message = f"epochs must name at least one epoch. Got {epochs!r}."
        raise ArgumentError(message)
    for epoch in chosen:
        _check_epoch("epochs", epoch, slider.first, slider.last)
    return chosen


def _check_shown(epoch: float, parameter: FoundParameter | None) -> None:
    """Raise `ArgumentError` unless a chart with this parameter can show this epoch."""
    if parameter is None:
        message = f"epoch needs a chart with the {NAME!r} parameter. Got {epoch!r} for one without."
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
            f"{argument} must lie between {first:g} and {last:g}, the chart's epochs. Got "
            f"{epoch!r}."
        )
        raise ArgumentError(message)


def _is_directory(path: str | PathLike[str]) -> bool:
    """Return whether a path asks for a directory of stills."""
    ends_so = os.fspath(path).endswith(("/", os.sep))
    known = Path(path).suffix.lower() in (*WHOLE, *STILL, *MOVING)
    return ends_so or (Path(path).is_dir() and not known)


def _check_path(path: Path, suffix: str, into_directory: bool) -> None:
    known = (*WHOLE, *STILL, *MOVING)
    if not into_directory and suffix not in known:
        message = (
            f"path must end in one of {', '.join(known)}, or in / for a directory of stills. "
            f"Got {str(path)!r}."
        )
        raise ArgumentError(message)
    if into_directory and path.exists() and not path.is_dir():
        message = f"path must be a directory if it ends in /. Got {str(path)!r}, which is a file."
        raise ArgumentError(message)
    if not path.parent.is_dir():
        message = f"path must lie in a directory that exists. Got {str(path)!r}."
        raise ArgumentError(message)


def _plays(loop: object) -> int:
    """Return how many times to play, 0 for ever."""
    if isinstance(loop, (bool, np.bool_)):
        return 0 if loop else 1
    if not isinstance(loop, (int, np.integer)) or not 1 <= loop <= _MOST_PLAYS:
        message = (
            f"loop must be True, False or how many times to play, from 1 to {_MOST_PLAYS}. "
            f"Got {loop!r}."
        )
        raise ArgumentError(message)
    return int(loop)


def _check_used(where: str, options: Mapping[str, tuple[Any, Any, bool]]) -> None:
    """Raise `ArgumentError` for an option that was given and does not go with the format.

    Parameters
    ----------
    where : str
        The format.
    options : mapping of str to tuple
        By the argument's name what was given, the default, and whether the format uses it.
    """
    for argument, (given, default, is_used) in options.items():
        if not is_used and given != default:
            formats = _OPTIONS_FOR[argument]
            message = f"{argument} is for {formats}, and not for {where}. Got {given!r}."
            raise ArgumentError(message)


def _check_chart(chart: object) -> None:
    if not is_chart_type(chart):
        message = f"chart must be an Altair chart. Got {type(chart).__name__}."
        raise ArgumentError(message)


def _check_number(argument: str, value: object, *, least: float, most: float) -> None:
    if not is_number(value) or not least < value <= most:
        message = f"{argument} must be more than {least:.2g} and at most {most}. Got {value!r}."
        raise ArgumentError(message)
