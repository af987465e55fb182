"""The spec and the libraries of a page, in the form that its script unpacks."""

import base64
import gzip
import json
from itertools import accumulate, chain, islice
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
    """Return the differences of whole numbers, with None as it is; other arrays unchanged.

    In an array of arrays, such as the vertices of a path at each epoch, the first number of each
    refers to the first number of the one before.
    """
    nested = bool(values) and all(isinstance(own, list) for own in values)
    # A bool is not a number here.
    kinds = set(map(type, chain.from_iterable(values) if nested else values))
    if int not in kinds or not kinds <= {int, type(None)}:
        return values
    if not nested:
        return {"steps": _differences(values, 0)}
    steps, start = [], 0
    for own in values:
        steps.append(_differences(own, start))
        start = _first(own, start)
    return {"steps": steps}


def _differences(values: list[int | None], at: int) -> list[int | None]:
    steps = []
    for value in values:
        steps.append(None if value is None else value - at)
        at = at if value is None else value
    return steps


def _first(values: list[int | None], otherwise: int) -> int:
    return next((value for value in values if value is not None), otherwise)


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
    steps = value["steps"]
    if not isinstance(steps[0], list):
        return _sums(steps, 0)
    values: list[Any] = []
    start = 0
    for own in steps:
        values.append(_sums(own, start))
        start = _first(values[-1], start)
    return values


def _sums(steps: list[int | None], at: int) -> list[int | None]:
    totals = accumulate((step or 0 for step in steps), initial=at)
    return [
        None if step is None else total
        for step, total in zip(steps, islice(totals, 1, None), strict=True)
    ]
