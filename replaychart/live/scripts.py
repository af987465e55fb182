"""The scripts of live charts, which contain the libraries that draw them."""

from functools import cache
from importlib import resources

from replaychart.export.bundles import bundled_without_flicker


def page_file(name: str) -> str:
    """Return the text of a file in the directory ``page``."""
    return (resources.files("replaychart.live") / "page" / name).read_text(encoding="utf-8")


@cache
def module(name: str) -> str:
    """Return a script as an ECMAScript module that needs nothing else, neither a network.

    Parameters
    ----------
    name : {"widget.js", "watch.js"}
        The script, which uses ``view.js``.
    """
    background = resources.files("replaychart.export") / "scripts" / "replaychart-background.js"
    parts = (background.read_text(encoding="utf-8"), page_file("view.js"), page_file(name))
    return bundled_without_flicker("".join(parts))
