"""A browser that takes messages shows what it would show if it were given the whole chart."""

import json
import re
from typing import Any

import pytest

import replaychart as rc
from replaychart.drawing.newest_epoch import NewestEpoch
from replaychart.export.specs import spec_of
from replaychart.live.differences import Differences, Messages

_PARAMETER = re.compile(r"replaychart_live_\d+")


class _Reader:
    """Does with messages what ``view.js`` does, and puts parameters back into expressions."""

    def __init__(self) -> None:
        self.whole: dict[str, Any] = {}

    def spec(self, messages: Messages) -> dict[str, Any]:
        if messages.whole is not None:
            self.whole = json.loads(messages.whole)
        changes = json.loads(messages.changes)
        assert changes["name"] == self.whole["name"]
        settings = {**self.whole["settings"], **changes["settings"]}
        datasets = {
            name: _rows(_merged(own, changes["datasets"].get(name)))
            for name, own in self.whole["datasets"].items()
        }
        params = [
            {**one, "value": settings[one["name"]]} if one["name"] in settings else one
            for one in self.whole["spec"]["params"]
            if not _PARAMETER.fullmatch(one["name"])
        ]
        text = json.dumps({**self.whole["spec"], "params": params})
        text = _PARAMETER.sub(lambda found: json.dumps(settings[found[0]]), text)
        return {**json.loads(text), "datasets": datasets}


def _merged(own: dict[str, Any], change: dict[str, Any] | None) -> dict[str, Any]:
    if change is None:
        return own
    if "columns" in change:
        return change | {"columns": {**own.get("columns", {}), **change["columns"]}}
    return change


def _rows(dataset: dict[str, Any]) -> list[dict[str, Any]]:
    if "rows" in dataset:
        return dataset["rows"]
    names, columns = list(dataset["columns"]), dataset["columns"].values()
    rows = [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]
    rows[0] |= dataset["first"]
    return rows


def _named_in_order(spec: dict[str, Any]) -> dict[str, Any]:
    """The same spec, whose datasets are named by their order."""
    text = json.dumps({key: part for key, part in spec.items() if key != "datasets"})
    names = list(dict.fromkeys(re.findall(r"replaychart-[0-9a-f]{32}", text)))
    for number, name in enumerate(names):
        text = text.replace(name, f"dataset_{number}")
    datasets = {f"dataset_{number}": spec["datasets"][name] for number, name in enumerate(names)}
    return {**json.loads(text), "datasets": datasets}


def _at(run: rc.Run, epoch: int) -> NewestEpoch:
    """What is drawn of a run while it has reached an epoch."""
    newest = NewestEpoch(run, planned=150)
    newest[:] = [epoch]
    newest.until_now = run.epochs[: epoch + 1]
    return newest


def _charts(run: rc.Run, epochs: list[int]) -> list[dict[str, Any]]:
    return [
        spec_of(
            rc.loss_and_metric(run, epochs=_at(run, epoch))
            | rc.decision_boundary(run, epochs=_at(run, epoch), title="At {epoch}")
        )
        for epoch in epochs
    ]


def test_messages_add_up_to_the_chart(shipped: rc.Run) -> None:
    differences, reader = Differences(), _Reader()
    for epoch, spec in zip([3, 4, 5, 80, 5], _charts(shipped, [3, 4, 5, 80, 5]), strict=True):
        messages = differences.messages(spec, epoch=epoch, newest=epoch)
        assert reader.spec(messages) == json.loads(json.dumps(_named_in_order(spec)))


def test_a_chart_is_sent_once_more_and_then_only_what_changes(shipped: rc.Run) -> None:
    differences = Differences()
    specs = _charts(shipped, [100, 101, 102, 103])
    # Domains of curves are steady here, as `SteadyAxes` holds them.
    for spec in specs[1:]:
        for layer, first in zip(
            spec["hconcat"][0]["layer"], specs[0]["hconcat"][0]["layer"], strict=True
        ):
            layer["encoding"] = first["encoding"]
    sent = [differences.messages(spec, epoch=0, newest=0) for spec in specs]
    assert [one.whole is not None for one in sent] == [True, True, False, False]
    whole = sent[1].whole
    assert whole is not None
    assert len(sent[-1].changes) < len(whole) / 3
    of_points = [
        own["columns"]
        for own in json.loads(sent[-1].changes)["datasets"].values()
        if "replay_p" in own.get("columns", {})
    ]
    # Where the points are does not change.
    assert [list(columns) for columns in of_points] == [["replay_p"]]


@pytest.mark.parametrize("text", ["12", "0.5", "'it\\'s'", '"a \\"b\\""', "1e-05"])
def test_literals_that_change_keep_their_value(text: str) -> None:
    differences = Differences()

    def spec(expression: str) -> dict[str, Any]:
        return {"mark": "text", "title": {"text": {"expr": f"f({expression})"}}}

    differences.messages(spec("7" if text[0] in "01" else "'7'"), epoch=0, newest=0)
    changes = json.loads(differences.messages(spec(text), epoch=0, newest=0).changes)
    (value,) = changes["settings"].values()
    expected = {"12": 12, "0.5": 0.5, "'it\\'s'": "it's", '"a \\"b\\""': 'a "b"', "1e-05": 1e-5}
    assert value == expected[text]
