"""`spambase`: word frequencies of spam and other e-mails, from the UCI repository."""

import io
import os
import zipfile
import zlib
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd

from replaychart.errors import DatasetError, MissingDependencyError

URL = "https://archive.ics.uci.edu/static/public/94/spambase.zip"
MEMBER = "spambase.data"
SHA256 = "b1ef93de71f97714d3d7d4f58fc9f718da7bbc8ac8a150eff2778616a8097b12"
EMAILS = 4601

_WORDS = """
    make address all 3d our over remove internet order mail receive will people report addresses
    free business email you credit your font 000 money hp hpl george 650 lab labs telnet 857 data
    415 85 technology 1999 parts pm direct cs meeting original project re edu table conference
"""
SPAMBASE_FEATURES: tuple[str, ...] = (
    *(f"word_freq_{word}" for word in _WORDS.split()),
    *(f"char_freq_{character}" for character in ";([!$#"),
    "capital_run_length_average",
    "capital_run_length_longest",
    "capital_run_length_total",
)
"""Names of the 57 features of `spambase`, as in its documentation."""


def spambase(
    path: str | PathLike[str] | None = None,
    *,
    url: str = URL,
    cache: str | PathLike[str] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return 57 features of 4,601 e-mails, and whether each is spam.

    The values are raw: percentages of words and characters, and lengths of runs of capital letters
    up to 15,841. Standardize them before training a network. The names of the columns are
    ``SPAMBASE_FEATURES``.

    Without `path`, the data are downloaded once (125 kB) and cached. Their hash is checked after
    the download and at every later use. Downloading requires the package pooch:
    ``pip install 'replaychart[datasets]'``.

    Parameters
    ----------
    path : str or os.PathLike, optional
        A copy of ``spambase.data``, or of the archive ``spambase.zip`` that contains it. With it,
        nothing is downloaded.
    url : str, optional
        The http or https address of the archive, or of ``spambase.data`` itself. Default: the UCI
        repository.
    cache : str or os.PathLike, optional
        The directory for the download. Default: the environment variable ``REPLAYCHART_DATA``, or
        the directory ``replaychart`` in the user's cache.

    Returns
    -------
    X : numpy.ndarray of float32, shape (4601, 57)
        The features, in the order of the file. Spam comes first, so shuffle before you split.
    y : numpy.ndarray of int64, shape (4601,)
        1 for spam (1,813 e-mails), 0 for the others.

    Raises
    ------
    DatasetError
        The download failed, has the wrong hash or cannot be saved; or `path` does not exist or is
        not this dataset. No partial download is left.
    MissingDependencyError
        A download is needed, but pooch is not installed.

    Examples
    --------
    >>> import replaychart as rc
    >>> X, y = rc.datasets.spambase()  # doctest: +SKIP
    >>> rc.datasets.SPAMBASE_FEATURES[15]
    'word_freq_free'

    References
    ----------
    M. Hopkins, E. Reeber, G. Forman and J. Suermondt, "Spambase" (1999), UCI Machine Learning
    Repository, CC BY 4.0, https://doi.org/10.24432/C53G6X
    """
    rows = _rows(_downloaded(url, cache) if path is None else Path(path))
    return rows[:, :-1].astype(np.float32), rows[:, -1].astype(np.int64)


def _rows(path: Path) -> np.ndarray:
    """Return the checked rows of a file, shape (4601, 58)."""
    try:
        content = _data(path)
    except OSError as error:
        message = f"path {str(path)!r} cannot be read: {error}"
        raise DatasetError(message) from error
    try:
        frame = pd.read_csv(io.BytesIO(content), header=None)
        rows = frame.to_numpy(np.float64)
    except ValueError as error:
        message = f"path {str(path)!r} must be a copy of {MEMBER} or spambase.zip. Got: {error}"
        raise DatasetError(message) from error
    shape = (EMAILS, len(SPAMBASE_FEATURES) + 1)
    if rows.shape != shape or not np.isin(rows[:, -1], [0, 1]).all() or not np.isfinite(rows).all():
        message = (
            f"path {str(path)!r} must contain {shape[0]} rows of {shape[1]} finite numbers, the "
            f"last of them 0 or 1. Got the shape {rows.shape}."
        )
        raise DatasetError(message)
    return rows


def _data(path: Path) -> bytes:
    """Return the content of a file, or of its member ``spambase.data`` if it is an archive."""
    if not zipfile.is_zipfile(path):
        return path.read_bytes()
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.read(MEMBER)
    except (KeyError, zipfile.BadZipFile, zlib.error):
        return path.read_bytes()


def _downloaded(url: str, cache: str | PathLike[str] | None) -> Path:
    try:
        import pooch
        import requests
    except ImportError as error:
        message = (
            "Downloading spambase requires pooch: pip install 'replaychart[datasets]'. Or pass a "
            f"copy of {MEMBER} as path=. Importing pooch failed: {error}"
        )
        raise MissingDependencyError(message) from error

    def download(url: str, output_file: str, _: object) -> None:
        pooch.HTTPDownloader()(url, output_file, None)
        # The hash is that of the data, so it does not change if the archive is packed again.
        Path(output_file).write_bytes(_data(Path(output_file)))

    if cache is None:
        cache = os.environ.get("REPLAYCHART_DATA") or pooch.os_cache("replaychart")
    way_out = f"Or download {MEMBER} or spambase.zip elsewhere and pass it as path=."
    try:
        return Path(
            pooch.retrieve(url, f"sha256:{SHA256}", fname=MEMBER, path=cache, downloader=download)
        )
    except requests.RequestException as error:
        message = f"spambase cannot be downloaded from {url}: {error}. {way_out}"
        raise DatasetError(message) from error
    except ValueError as error:
        message = f"The download from {url} is not the dataset. {error} {way_out}"
        raise DatasetError(message) from error
    except OSError as error:
        message = f"The download of spambase cannot be saved in {str(cache)!r}: {error}"
        raise DatasetError(message) from error
