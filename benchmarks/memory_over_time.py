"""The command ``python -m benchmarks.memory_over_time FILE.svg``: draws memory of large runs."""

import argparse
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import altair as alt
import pandas as pd

import replaychart as rc
from benchmarks.measuring import cost_in_process
from benchmarks.rows import convolutions, wide_layer

_TITLES = {
    wide_layer: "feature_space: 64 units, 20,000 points, 101 epochs",
    convolutions: "activations: 99 million values at each of 20 epochs",
}


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.memory_over_time", description=__doc__
    )
    parser.add_argument("file", metavar="FILE", help="an SVG or PNG file")
    options = parser.parse_args()
    rc.enable()
    with tempfile.TemporaryDirectory() as directory:
        panels = []
        for row, title in _TITLES.items():
            path = Path(directory, "run.h5")
            path.unlink(missing_ok=True)
            row.record(path)
            courses = {name: cost_in_process(task).course for name, task in row.tasks(path).items()}
            panels.append(_panel(courses, title))
    alt.hconcat(*panels).resolve_scale(color="independent").save(options.file)
    return 0


def _panel(courses: dict[str, list[tuple[float, float]]], title: str) -> alt.Chart:
    frame = pd.concat(
        pd.DataFrame(course, columns=["seconds", "megabytes"]).assign(of=name)
        for name, course in courses.items()
    )
    color = alt.Color("of:N", title=None, sort=None).legend(
        orient="bottom", direction="vertical", labelLimit=0
    )
    return (
        alt.Chart(frame, title=title, width=360, height=200)
        .mark_line(strokeWidth=1.5)
        .encode(
            x=alt.X("seconds:Q", title="Seconds"),
            y=alt.Y("megabytes:Q", title="MB beyond the imports"),
            color=color,
        )
    )


if __name__ == "__main__":
    sys.exit(main())
