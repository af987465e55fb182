"""What changes in a chart from one epoch to the next, as messages to a browser.

A browser that has drawn a chart keeps it, and takes new values: rows of datasets, and literals in
expressions, such as the epoch in ``datum.epoch <= 12``. A literal that has changed once becomes a
parameter of the chart, which can be set from then on. Only if something else changes, such as the
limits of an axis, is the chart drawn anew.
"""

import dataclasses
import json
import re
import uuid
from collections.abc import Callable
from typing import Any

from replaychart.drawing.packing import Rows
from replaychart.export.specs import Spec

_EXPRESSIONS = {"expr", "calculate", "filter", "test"}
_LITERAL = re.compile(
    r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|(?<![\w.$])\d+(?:\.\d+)?(?:e[+-]?\d+)?"""
)
# A dataset with more rows is sent by column, so that columns which do not change are sent once.
_FEW_ROWS = 8
# What no parameter of a chart is called.
_PARAMETER = "replaychart_live_"
_HOLE = "\0"

Dataset = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Messages:
    """What a browser needs to know, as JSON.

    Attributes
    ----------
    whole : bytes or None
        The whole chart; None if the last one is still valid.
    changes : bytes
        The values that differ from those in the last whole chart.
    epoch : float
        The epoch that the chart shows.
    newest : float
        The newest epoch of the run.
    """

    whole: bytes | None
    changes: bytes
    epoch: float
    newest: float


class Differences:
    """Finds out what changes in a chart that is drawn again and again."""

    def __init__(self) -> None:
        self._name = ""
        self._skeleton = ""
        self._literals: list[str] = []
        self._parameters: set[int] = set()
        self._settings: dict[str, Any] = {}
        self._datasets: dict[str, Dataset] = {}

    def messages(self, spec: Spec, *, epoch: float, newest: float, **more: Any) -> Messages:
        """Return what a browser needs to show a chart after those before.

        Parameters
        ----------
        spec : dict
            The chart's Vega-Lite spec.
        epoch : float
            The epoch that it shows.
        newest : float
            The newest epoch of the run.
        **more : JSON values
            What to say about the chart besides.
        """
        spec, rows = _with_names_in_order(spec)
        datasets = {name: _by_column(own) for name, own in rows.items()}
        settings = {
            one["name"]: one.pop("value")
            for one in spec.get("params", ())
            if "value" in one and "select" not in one
        }
        literals: list[str] = []
        skeleton = json.dumps(_without_literals(spec, literals), separators=(",", ":"))
        same = skeleton == self._skeleton and settings.keys() == self._settings.keys()
        if len(literals) == len(self._literals):
            both = zip(literals, self._literals, strict=True)
            changed = {place for place, (new, old) in enumerate(both) if new != old}
            if same and changed <= self._parameters:
                changes = self._changes(datasets, literals, settings, more)
                return Messages(None, changes, epoch, newest)
            # After an axis has grown, the same literals go on changing.
            self._parameters |= changed
        else:
            self._parameters = set()
        # Unlike any other, because another process may take over drawing.
        self._name = uuid.uuid4().hex
        self._skeleton, self._literals = skeleton, literals
        self._settings, self._datasets = settings, datasets
        whole = {
            "name": self._name,
            "spec": self._with_parameters(spec),
            "settings": settings | self._set(literals),
            "datasets": datasets,
            **more,
        }
        changes = self._changes(datasets, literals, settings, more)
        return Messages(_json(whole), changes, epoch, newest)

    def _changes(
        self,
        datasets: dict[str, Dataset],
        literals: list[str],
        settings: dict[str, Any],
        more: dict[str, Any],
    ) -> bytes:
        changed = {name: _changed(own, self._datasets[name]) for name, own in datasets.items()}
        return _json(
            {
                "name": self._name,
                "settings": settings | self._set(literals),
                "datasets": {name: own for name, own in changed.items() if own},
                **more,
            }
        )

    def _set(self, literals: list[str]) -> dict[str, Any]:
        """Return the values of the literals that have become parameters."""
        return {_PARAMETER + str(place): _value(literals[place]) for place in self._parameters}

    def _with_parameters(self, spec: Spec) -> Spec:
        """Return the spec with parameters in place of the literals that change."""
        places = iter(range(len(self._literals)))

        def named(found: re.Match[str]) -> str:
            place = next(places)
            return _PARAMETER + str(place) if place in self._parameters else found[0]

        drawn = _replaced(spec, lambda text: _LITERAL.sub(named, text))
        added = [{"name": _PARAMETER + str(place)} for place in sorted(self._parameters)]
        return {**drawn, "params": [*added, *drawn.get("params", ())]}


def _with_names_in_order(spec: Spec) -> tuple[Spec, dict[str, Rows]]:
    """Return a spec without its datasets, and these with names that do not depend on the rows."""
    datasets = spec.get("datasets", {})
    names: dict[str, str] = {}

    def renamed(value: Any) -> Any:
        if isinstance(value, list):
            return [renamed(part) for part in value]
        if not isinstance(value, dict):
            return value
        if value.keys() == {"name"} and value["name"] in datasets:
            return {"name": names.setdefault(value["name"], f"dataset_{len(names)}")}
        return {key: renamed(part) for key, part in value.items()}

    bare = renamed({key: part for key, part in spec.items() if key != "datasets"})
    return bare, {new: datasets[old] for old, new in names.items()}


def _replaced(value: Any, replace: Callable[[str], str], key: str = "") -> Any:
    """Return a part of a spec, with all expressions in it replaced, always in the same order."""
    if isinstance(value, dict):
        return {name: _replaced(part, replace, name) for name, part in value.items()}
    if isinstance(value, list):
        return [_replaced(part, replace) for part in value]
    return replace(value) if isinstance(value, str) and key in _EXPRESSIONS else value


def _without_literals(spec: Spec, literals: list[str]) -> Spec:
    def emptied(found: re.Match[str]) -> str:
        literals.append(found[0])
        return _HOLE

    return _replaced(spec, lambda text: _LITERAL.sub(emptied, text))


def _value(literal: str) -> Any:
    """Return the value of a literal of Vega's expression language."""
    if literal[0] not in "'\"":
        return float(literal) if re.search("[.e]", literal) else int(literal)
    if literal[0] == '"':
        return json.loads(literal)
    inner = re.sub(r"\\'|(?<!\\)\"", lambda found: {"\\'": "'"}.get(found[0], '\\"'), literal[1:-1])
    return json.loads(f'"{inner}"')


def _by_column(rows: Rows) -> Dataset:
    """Return rows as columns, if there are many with the same columns. The first may have more."""
    names = list(rows[-1]) if rows else []
    first = set(rows[0]) - set(names) if rows else set()
    if len(rows) <= _FEW_ROWS or any(row.keys() - first != set(names) for row in rows):
        return {"rows": rows}
    columns = {name: [row[name] for row in rows] for name in names}
    return {"columns": columns, "first": {name: rows[0][name] for name in first}}


def _changed(new: Dataset, old: Dataset) -> Dataset:
    """Return the parts of a dataset that differ from those before, empty if there are none."""
    if new == old:
        return {}
    columns, known = new.get("columns"), old.get("columns")
    if columns is None or known is None or columns.keys() != known.keys():
        return new
    if len(next(iter(columns.values()))) != len(next(iter(known.values()))):
        return new
    return new | {"columns": {k: own for k, own in columns.items() if own != known[k]}}


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
