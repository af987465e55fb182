"""Builds and saves every chart in a process of its own: ``directory results forwards|backwards``.

It writes what it made into a directory, and a JSON object of digests by name.
"""

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd

import replaychart as rc

SUFFIXES = ("html", "json", "png", "svg", "gif", "webp")
RECORDINGS = ("parabola", "three", "regression")

# Those that take several runs, and those of convolutions, which these recordings do not have.
_OTHERS = (
    *("compare", "difference", "parallel_coordinates", "small_multiples"),
    *("filters", "feature_maps"),
)
BUILDERS: list[str] = [
    name for name, home in rc._HOMES.items() if home.startswith("charts.") and name not in _OTHERS
]


def _dashboard(run: rc.Run) -> Any:
    return rc.animate((rc.loss_histogram(run) | rc.loss_and_metric(run)) & rc.spread(run))


def _charts(directory: Path) -> dict[str, Callable[[], Any]]:
    charts: dict[str, Callable[[], Any]] = {}
    for recording in RECORDINGS:
        run = rc.open_run(directory / f"{recording}.h5")
        for name in BUILDERS:
            charts[f"{recording} {name}"] = lambda run=run, name=name: getattr(rc, name)(run)
        charts[f"{recording} dashboard"] = lambda run=run: _dashboard(run)
    return charts


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _spec(build: Callable[[], Any]) -> str:
    """The digest of a chart's spec, or why there is none."""
    try:
        return _digest(json.dumps(build().to_dict()).encode())
    except rc.ReplayChartError as error:
        return f"{type(error).__name__}"


def _another_chart() -> None:
    """A chart of somebody else's, which moves Altair's counters of names on."""
    data = pd.DataFrame({"x": [0, 1]})
    chart = alt.Chart(data).mark_point().encode(x="x").add_params(alt.selection_point())
    (chart.interactive() | chart).to_dict()


def main(directory: Path, results: Path, order: str) -> None:
    charts = _charts(directory)
    names = list(charts) if order == "forwards" else list(charts)[::-1]
    made: dict[str, str] = {}
    for name in names:
        made[name] = _spec(charts[name])
        _another_chart()
    for name in names:
        assert _spec(charts[name]) == made[name], f"{name} differs when it is built again"
    for chart in ("parabola feature_space", "three dashboard"):
        for suffix in SUFFIXES if order == "forwards" else SUFFIXES[::-1]:
            path = rc.save(charts[chart](), results / f"chart.{suffix}", progress=False)
            made[f"{chart}.{suffix}"] = _digest(path.read_bytes())
    (results / "digests.json").write_text(json.dumps(made))


if __name__ == "__main__":
    if "without-keras" in sys.argv:
        sys.modules["keras"] = None  # type: ignore[assignment]
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
