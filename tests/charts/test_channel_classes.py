"""Charts give channels by their classes, which spares Altair the search for them."""

from collections.abc import Callable
from typing import Any

import altair as alt
import pytest
from support.determinism_process import BUILDERS

import replaychart as rc


def _all_charts(run: rc.Run) -> Any:
    for name in BUILDERS:
        if name not in ("residual_histogram", "tour"):
            getattr(rc, name)(run)
    rc.compare({"a": run, "b": run})
    rc.difference(run, run)
    rc.parallel_coordinates({"a": run}, columns=["optimizer", "weights"])


@pytest.mark.parametrize(
    "draw",
    [
        _all_charts,
        lambda run: rc.link(rc.feature_space(run) | rc.loss_histogram(run)),
        lambda run: rc.animate(rc.story(rc.loss_and_metric(run), {0: "The first", 15: "Later"})),
    ],
    ids=["charts", "link", "story"],
)
def test_no_channel_is_looked_up_among_all_classes(
    draw: Callable[[rc.Run], Any], shipped: rc.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Altair hashes the schemas of its 500 classes for each string or value it is given."""
    looked_up = []
    search = alt.SchemaBase.from_dict.__func__

    def noted(cls: type, *arguments: Any, **options: Any) -> Any:
        looked_up.append((cls.__name__, arguments))
        return search(cls, *arguments, **options)

    monkeypatch.setattr(alt.SchemaBase, "from_dict", classmethod(noted))
    alt.Chart().encode(x="a")
    assert looked_up.pop()[0] == "X"
    draw(shipped)
    assert looked_up == []
