"""Pages that other extensions generate before the build starts."""

from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

FOLDERS = ("gallery", "reference", "reference/generated")


def write_if_changed(path: Path, text: str) -> None:
    """Write a page only if its content changed, so that unchanged pages are not rebuilt.

    Parameters
    ----------
    path : pathlib.Path
    text : str
    """
    path.parent.mkdir(exist_ok=True)
    if not path.exists() or path.read_text("utf-8") != text:
        path.write_text(text, "utf-8")


def _remove_built(app: Sphinx, error: Exception | None) -> None:
    """Remove the HTML of pages that no longer exist, which Sphinx does not do itself."""
    if error is not None or app.builder.format != "html":
        return
    for folder in FOLDERS:
        for path in (Path(app.outdir) / folder).glob("*.html"):
            if f"{folder}/{path.stem}" not in app.env.found_docs:
                path.unlink()


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("build-finished", _remove_built)
    return {"version": "1", "parallel_read_safe": True}
