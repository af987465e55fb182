"""Scripts bundled with the libraries that draw charts, which vl-convert brings."""

import contextlib
import hashlib
from functools import cache
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
