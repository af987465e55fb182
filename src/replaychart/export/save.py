"""`save`: a finished chart into a file, whose suffix picks the format."""

import json
from collections.abc import Iterable
from os import PathLike
from pathlib import Path

from altair.typing import ChartType, is_chart_type

from replaychart.charts.epoch_parameter import NAME
from replaychart.errors import ArgumentError
from replaychart.export.files import written_beside
from replaychart.export.gif import FASTEST, LONGEST, write_gif
from replaychart.export.html import write_html
from replaychart.export.images import write_image
from replaychart.export.specs import Spec, spec_of
from replaychart.frames.epochs import whole_numbers
from replaychart.playback.animate import starting_at
from replaychart.playback.parameter import EpochSlider, find_parameter, find_slider

STILL = (".png", ".svg", ".pdf")
MOVING = (".gif",)
WHOLE = (".html", ".json")


def save(
    chart: ChartType,
    path: str | PathLike[str],
    *,
    epoch: int | None = None,
    epochs: int | slice | Iterable[int] | None = None,
    fps: float = 10,
    scale: float = 1.0,
    hold: float = 1.0,
    loop: bool = True,
    progress: bool = True,
) -> Path:
    """Write a chart into a file.

    ``.html`` is self-contained and opens without a network; it plays if the chart went through
    `animate`. ``.json`` is the Vega-Lite spec. ``.png``, ``.svg`` and ``.pdf`` show one epoch,
    ``.gif`` moves through many. The theme ``replaychart`` is applied unless another one is enabled.
    The file appears only when it is whole.

    Parameters
    ----------
    chart : altair chart
        Any Altair chart, composed or not.
    path : str or os.PathLike
        The file. Its suffix is one of ``.html``, ``.json``, ``.png``, ``.svg``, ``.pdf``,
        ``.gif``; its directory must exist. An existing file is replaced.
    epoch : int, optional
        For stills, and for what ``.html`` and ``.json`` show at first. Default: the epoch that the
        chart shows at first.
    epochs : int, slice or iterable of int, optional
        For ``.gif``: one frame for each, in this order; a slice counts those that the slider stops
        at. Default: all of them.
    fps : float, default 10
        For ``.gif``: frames per second, more than 0 and at most 50.
    scale : float, default 1.0
        For ``.png``, ``.pdf`` and ``.gif``: the size's factor.
    hold : float, default 1.0
        For ``.gif``: seconds for which the last frame stays.
    loop : bool, default True
        For ``.gif``: whether to begin again for ever.
    progress : bool, default True
        For ``.gif``: whether to show a progress bar.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    ArgumentError
        The suffix is unknown, the directory does not exist, an epoch lies outside the chart's, or
        an argument is not allowed or does not go with the format.

    Examples
    --------
    >>> import replaychart as rc
    >>> run = rc.open_run(rc.datasets.parabola_recording())
    >>> path = rc.save(rc.decision_boundary(run), "boundary.png", epoch=15, scale=2)
    """
    path = Path(path)
    suffix = path.suffix.lower()
    _check_path(path, suffix)
    _check_chart(chart)
    _check_number("scale", scale, least=0, most=20)
    _check_number("fps", fps, least=1 / LONGEST, most=FASTEST)
    if isinstance(hold, bool) or not isinstance(hold, (int, float)) or not 0 <= hold <= LONGEST:
        message = f"hold must be at least 0 and at most {LONGEST} seconds. Got {hold!r}."
        raise ArgumentError(message)
    if epoch is not None and suffix in MOVING:
        message = f"epoch is for stills; for {suffix} give epochs. Got {epoch!r}."
        raise ArgumentError(message)
    if epochs is not None and suffix not in MOVING:
        message = f"epochs is for {', '.join(MOVING)}; for {suffix} give epoch. Got {epochs!r}."
        raise ArgumentError(message)

    spec = spec_of(chart)
    slider = find_slider(spec)
    if epoch is not None:
        _check_shown(epoch, spec)
    if suffix in MOVING:
        write_gif(
            spec,
            path,
            epochs=_chosen_epochs(epochs, slider),
            fps=fps,
            scale=scale,
            hold=hold,
            loop=loop,
            progress=progress,
        )
    elif suffix in STILL:
        write_image(spec, path, epoch=epoch, scale=scale)
    elif suffix == ".html":
        write_html(_shown_first(spec, epoch), path, title=path.stem)
    else:
        with written_beside(path) as beside:
            beside.write_text(json.dumps(_shown_first(spec, epoch)), encoding="utf-8")
    return path


def _shown_first(spec: Spec, epoch: int | None) -> Spec:
    """Return a spec that shows an epoch at first, also if it plays."""
    if epoch is None:
        return spec
    params = [{**p, "value": epoch} if p["name"] == NAME else p for p in spec["params"]]
    return starting_at({**spec, "params": params}, epoch)


def _chosen_epochs(
    epochs: int | slice | Iterable[int] | None, slider: EpochSlider | None
) -> list[int]:
    if slider is None:
        message = (
            f"chart must have the {NAME!r} parameter with a slider to move. Got a chart without it."
        )
        raise ArgumentError(message)
    if epochs is None or isinstance(epochs, slice):
        chosen = slider.epochs()[epochs or slice(None)]
    else:
        chosen = whole_numbers("epochs", epochs)
    if not chosen:
        message = f"epochs must name at least one epoch. Got {epochs!r}."
        raise ArgumentError(message)
    for epoch in chosen:
        _check_epoch("epochs", epoch, slider.first, slider.last)
    return chosen


def _check_shown(epoch: int, spec: Spec) -> None:
    """Raise `ArgumentError` unless the chart can show this epoch."""
    parameter, slider = find_parameter(spec), find_slider(spec)
    if parameter is None:
        message = f"epoch needs a chart with the {NAME!r} parameter. Got {epoch!r} for one without."
        raise ArgumentError(message)
    whole_numbers("epoch", epoch)
    if slider is None:
        _check_epoch("epoch", epoch, parameter["value"], parameter["value"])
    else:
        _check_epoch("epoch", epoch, slider.first, slider.last)


def _check_epoch(argument: str, epoch: int, first: int, last: int) -> None:
    if not first <= epoch <= last:
        message = (
            f"{argument} must lie between {first} and {last}, the chart's epochs. Got {epoch!r}."
        )
        raise ArgumentError(message)


def _check_path(path: Path, suffix: str) -> None:
    known = (*WHOLE, *STILL, *MOVING)
    if suffix not in known:
        message = f"path must end in one of {', '.join(known)}. Got {str(path)!r}."
        raise ArgumentError(message)
    if not path.parent.is_dir():
        message = f"path must lie in a directory that exists. Got {str(path)!r}."
        raise ArgumentError(message)


def _check_chart(chart: object) -> None:
    if not is_chart_type(chart):
        message = f"chart must be an Altair chart. Got {type(chart).__name__}."
        raise ArgumentError(message)


def _check_number(argument: str, value: object, *, least: float, most: float) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least < value <= most:
        message = f"{argument} must be more than {least:.2g} and at most {most}. Got {value!r}."
        raise ArgumentError(message)
