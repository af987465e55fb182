"""A directory of stills, one PNG per frame."""

import io
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from replaychart.errors import RunFileError
from replaychart.export.files import allowed, written_beside
from replaychart.export.film import Film
from replaychart.export.specs import ChartSpec
from replaychart.facts.epochs import EPOCH_DIGITS


def write_sequence(
    chart: ChartSpec, directory: Path, *, epochs: Sequence[float], scale: float, bar: str | None
) -> None:
    """Write one PNG per epoch, named ``epoch_0000.png`` with as many digits as it takes.

    Fractions of epochs are written out: ``epoch_0000.250000.png``.

    A directory that is not there yet appears when all of them are written. In one that is there,
    files of the same names are replaced, each when it is whole, and all others stay.

    Parameters
    ----------
    chart : ChartSpec
        A chart with the epoch parameter.
    directory : pathlib.Path
        Where to.
    epochs : sequence of float
        One file for each.
    scale : float
        Pixels per pixel of the chart.
    bar : str or None
        Title of a progress bar.

    Raises
    ------
    RunFileError
        The directory cannot be written.
    """
    try:
        if directory.is_dir():
            _write_into(directory, Film(chart, epochs, scale), bar)
            return
        beside = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
        try:
            _write_into(beside, Film(chart, epochs, scale), bar)
            beside.chmod(allowed(0o777))
            beside.rename(directory)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    except RunFileError:
        raise
    except OSError as error:
        message = f"{str(directory)!r} cannot be written: {error}"
        raise RunFileError(message) from error


def _write_into(directory: Path, film: Film, bar: str | None) -> None:
    digits = max(4, len(str(int(max(film.epochs)))))
    # Fractions of epochs have six decimals each, so that the names are in their order.
    whole = all(epoch == int(epoch) for epoch in film.epochs)
    form = f"0{digits}.0f" if whole else f"0{digits + EPOCH_DIGITS + 1}.{EPOCH_DIGITS}f"
    for epoch, png in zip(film.epochs, film.frames(_png, bar=bar), strict=True):
        with written_beside(directory / f"epoch_{epoch:{form}}.png") as beside:
            beside.write_bytes(png)


def _png(picture: Image.Image) -> bytes:
    content = io.BytesIO()
    picture.save(content, format="PNG")
    return content.getvalue()
