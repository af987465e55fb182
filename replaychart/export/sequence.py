"""A directory of still images, one PNG per epoch."""

import io
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from replaychart.errors import RunFileError
from replaychart.export.files import LONGEST_PREFIX, allowed, written_beside
from replaychart.export.film import Film
from replaychart.export.specs import ChartSpec
from replaychart.facts.epochs import EPOCH_DIGITS


def write_sequence(
    chart: ChartSpec, directory: Path, *, epochs: Sequence[float], scale: float, bar: str | None
) -> None:
    """Write one PNG per epoch, named ``epoch_0000.png``, with more digits if needed.

    Fractional epochs have decimals: ``epoch_0000.250000.png``.

    A new directory is created atomically, once all files are written. In an existing directory,
    files with the same names are replaced atomically, one by one, and all others are kept.

    Parameters
    ----------
    chart : ChartSpec
        A chart with the epoch parameter.
    directory : pathlib.Path
        The directory.
    epochs : sequence of float
        One file is written for each.
    scale : float
        Pixels per pixel of the chart.
    bar : str or None
        Title of the progress bar; None for no bar.

    Raises
    ------
    RunFileError
        The directory cannot be written.
    """
    try:
        if directory.is_dir():
            _write_into(directory, epochs, Film(chart, epochs, scale), bar)
            return
        temporary = Path(
            tempfile.mkdtemp(prefix=f".{directory.name[:LONGEST_PREFIX]}-", dir=directory.parent)
        )
        try:
            _write_into(temporary, epochs, Film(chart, epochs, scale), bar)
            temporary.chmod(allowed(0o777))
            temporary.rename(directory)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except RunFileError:
        raise
    except OSError as error:
        message = f"{str(directory)!r} cannot be written: {error}"
        raise RunFileError(message) from error


def file_names(epochs: Sequence[float]) -> list[str]:
    """Return the name of the file of each epoch.

    Parameters
    ----------
    epochs : sequence of float
        All epochs in the directory.
    """
    digits = max(4, len(str(int(max(epochs)))))
    # Fractional epochs all have six decimals, so that sorting the names sorts the epochs.
    whole = all(epoch == int(epoch) for epoch in epochs)
    form = f"0{digits}.0f" if whole else f"0{digits + EPOCH_DIGITS + 1}.{EPOCH_DIGITS}f"
    return [f"epoch_{epoch:{form}}.png" for epoch in epochs]


def _write_into(directory: Path, epochs: Sequence[float], film: Film, bar: str | None) -> None:
    for name, png in zip(file_names(epochs), film.frames(_png, bar=bar), strict=True):
        with written_beside(directory / name) as temporary:
            temporary.write_bytes(png)


def _png(picture: Image.Image) -> bytes:
    content = io.BytesIO()
    picture.save(content, format="PNG")
    return content.getvalue()
