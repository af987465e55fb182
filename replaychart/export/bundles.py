"""Scripts bundled with the libraries that draw charts, which vl-convert brings."""

import contextlib
import hashlib
import json
from functools import cache
from importlib import resources
from importlib.metadata import version

import platformdirs
import vl_convert

from replaychart.errors import RunFileError
from replaychart.export.files import written_beside


@cache
def bundled(snippet: str) -> str:
    """Return a script with the libraries that it uses.

    Bundling takes a second, so bundles are kept in the user's cache folder.

    Parameters
    ----------
    snippet : str
        An ECMAScript module that uses ``vega``, ``vegaLite`` or ``vegaEmbed``.
    """
    contents = f"{version('vl-convert-python')}\n{snippet}".encode()
    folder = platformdirs.user_cache_path("replaychart") / "bundles"
    path = folder / f"{hashlib.sha256(contents).hexdigest()[:32]}.js"
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        bundle: str = vl_convert.javascript_bundle(snippet)
    # If the folder cannot be written, each process takes this second.
    with contextlib.suppress(OSError, RunFileError):
        folder.mkdir(parents=True, exist_ok=True)
        with written_beside(path) as temporary:
            temporary.write_text(bundle, encoding="utf-8")
    return bundle


def bundled_with_vega(snippet: str) -> str:
    """Return what `bundled` returns for a snippet that uses the module of Vega as ``library``.

    Raises
    ------
    LookupError
        A later version of vl-convert has it under another address.
    """
    # vl-convert brings the file; nothing is downloaded.
    address = f"https://cdn.jsdelivr.net/npm/vega@{vl_convert.get_vega_version()}/+esm"
    try:
        return bundled(f"import * as library from {json.dumps(address)};\n{snippet}")
    except BaseException as error:
        # A panic of Rust, which is not an `Exception`.
        if type(error).__module__ != "pyo3_runtime":
            raise
        raise LookupError(address) from error


def bundled_without_flicker(snippet: str) -> str:
    """Return what `bundled` returns, with pictures that do not flicker as charts play."""
    script = resources.files("replaychart.export") / "scripts" / "replaychart-images.js"
    try:
        return bundled_with_vega(f"{script.read_text(encoding='utf-8')}{snippet}")
    except LookupError:
        return bundled(snippet)


def embedding_script() -> str:
    """Return Vega, Vega-Lite and vega-embed as one script, which defines ``vegaEmbed``."""
    return bundled_without_flicker("window.vegaEmbed = vegaEmbed;")
