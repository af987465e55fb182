"""The normal form in which a compile configuration is stored."""

from collections.abc import Mapping
from typing import Any


def single_output(entry: Any) -> Any:
    """Return the loss or the metrics of the only output.

    Keras takes them alone, in a list of one, or in a mapping from the output's name. Entries for
    several outputs are returned as they are.

    Parameters
    ----------
    entry : object
        A loss, metrics, or what Keras serialized them to.
    """
    if isinstance(entry, (list, tuple)) and len(entry) == 1:
        return entry[0]
    if isinstance(entry, Mapping) and "class_name" not in entry and len(entry) == 1:
        return next(iter(entry.values()))
    return entry
