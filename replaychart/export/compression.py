"""The spec and the libraries of a page, in the form that its script unpacks."""

import base64
import gzip
import json
import operator
from itertools import accumulate
from typing import Any

from replaychart.drawing.packing import Rows, is_packed

Spec = dict[str, Any]

# Level 9 takes five times as long for a tenth less.
_LEVEL = 6


def gzipped(text: str) -> str:
    """Return a text compressed with gzip, in base64, whose characters have no meaning in HTML."""
    # Without the time, equal pages are equal bytes.
    return base64.b64encode(gzip.compress(text.encode(), _LEVEL, mtime=0)).decode()


def with_steps(spec: Spec) -> Spec:
    """Return a spec whose packed rows have, in place of whole numbers, their differences.

    From one epoch to the next, and from one vertex of a path to the next, numbers change little, so
    the differences compress to about half the size. An array of differences is in an object with
    the key ``steps``, from which the script of a page restores it.

    Parameters
    ----------
    spec : dict
        A Vega-Lite spec. It is not changed.
    """
    datasets = {
        name: _rows_with_steps(rows) if is_packed(name) else rows
        for name, rows in spec.get("datasets", {}).items()
    }
    return {**spec, "datasets": datasets} if datasets else spec


def _rows_with_steps(rows: Rows) -> Rows:
    return [
        {key: _steps(value) if isinstance(value, list) else value for key, value in row.items()}
        for row in rows
    ]


def _steps(values: list[Any]) -> Any:
    """Return the differences of whole numbers, with None as it is; other arrays unchanged."""
    kinds = set(map(type, values))  # A bool is not a number here.
    if kinds == {int}:
        return {"steps": [values[0], *map(operator.sub, values[1:], values)]}
    if kinds != {int, type(None)}:
        return values
    steps, at = [], 0
    for value in values:
        steps.append(None if value is None else value - at)
        at = at if value is None else value
    return {"steps": steps}


def unpacked(text: str) -> Spec:
    """Return the spec that `with_steps` and `gzipped` have packed."""
    spec = json.loads(gzip.decompress(base64.b64decode(text)))
    for name, rows in spec.get("datasets", {}).items():
        if is_packed(name):
            spec["datasets"][name] = [
                {key: _without_steps(value) for key, value in row.items()} for row in rows
            ]
    return spec


def _without_steps(value: Any) -> Any:
    """Return the numbers whose differences `_steps` has returned, and anything else unchanged."""
    if not isinstance(value, dict) or "steps" not in value:
        return value
    totals = accumulate(step or 0 for step in value["steps"])
    return [
        None if step is None else total for step, total in zip(value["steps"], totals, strict=True)
    ]
