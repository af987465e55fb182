"""The names under which evaluations are kept."""

import json
from typing import Any

from replaychart.facts.json_texts import entry, json_of

# Where densities of stored distributions were taken, from the least value to the greatest.
DENSITY_POSITIONS = 64


def evaluation_key(quantity: str, **arguments: Any) -> str:
    """Return the name under which an evaluation is stored.

    Parameters
    ----------
    quantity : str
        What was evaluated: ``"outputs"``, ``"predictions"``, ``"losses"``, ...
    **arguments : JSON values
        What it depends on.
    """
    return json.dumps({"quantity": quantity, **arguments}, sort_keys=True)


def quantity_and_layer(key: str) -> tuple[str, str]:
    """Return what `evaluation_key` made `key` from: the quantity, and its layer or ``""``.

    Raises
    ------
    ValueError
        It made no such key.
    """
    arguments = json_of(key, "the key of an evaluation", dict)
    layer = entry(arguments, "layer", (str, type(None)), None)
    return entry(arguments, "quantity", str), layer or ""
