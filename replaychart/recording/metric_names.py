"""Names what training frameworks log as charts name it: ``loss`` and ``val_loss``."""

from collections.abc import Mapping
from typing import Any

_PREFIXES = {
    "train_": "",
    "train/": "",
    "eval_": "val_",
    "eval/": "val_",
    "valid_": "val_",
    "valid/": "val_",
    "val/": "val_",
}


def renamed(logged: Mapping[str, Any]) -> dict[str, Any]:
    """Return logs with the prefixes that charts know: none for training, ``val_`` for validation.

    An entry keeps its name if another entry is logged under the new one.

    Parameters
    ----------
    logged : mapping of str to object
        What was logged, by the names that the framework or the user gave.
    """
    names: dict[str, Any] = {}
    for name, value in logged.items():
        new = _charted(name)
        names[name if new in logged or new in names else new] = value
    return names


def _charted(name: str) -> str:
    for prefix, ours in _PREFIXES.items():
        if name.startswith(prefix) and len(name) > len(prefix):
            return ours + name.removeprefix(prefix)
    return name
