"""How many samples are selected, with their accuracy and their loss."""

from typing import Any

import altair as alt
import numpy as np

from replaychart.drawing import colors, packing
from replaychart.drawing.backgrounds import adaptive
from replaychart.drawing.expressions import literal
from replaychart.drawing.packing import PackedData
from replaychart.drawing.texts import displayed, fitted
from replaychart.playback.sample_table import CODE, WRONG, SampleTable

_LINE = 18
_LONGEST_NAME = 160
_DOT = " \N{MIDDLE DOT} "


def selection_readout(
    tables: list[SampleTable], selected: list[alt.Chart], anything: str
) -> alt.LayerChart:
    """Return a line of text for each run.

    Parameters
    ----------
    tables : list of SampleTable
        The samples of each run.
    selected : list of altair.Chart
        For each run, a chart whose rows are the selected samples.
    anything : str
        The expression for whether anything is selected.
    """
    layers = []
    for line, (table, chosen) in enumerate(zip(tables, selected, strict=True)):
        before = ""
        if len(tables) > 1:
            before = fitted(displayed(table.run.name), _LONGEST_NAME, size=12) + ": "
        layers += [
            _text(_all_samples(table, before).transform_filter(f"!{anything}"), line),
            _text(_selected_samples(table, chosen, before), line),
        ]
    return alt.LayerChart(
        layer=layers,
        width=300,
        height=_LINE * len(tables),
        view=alt.ViewBackground(stroke="transparent", fill="transparent"),
    )


def _text(chart: alt.Chart, line: int) -> alt.Chart:
    return chart.mark_text(
        align="left",
        baseline="top",
        color=adaptive(colors.INK),
        fontSize=12,
        tooltip=None,
    ).encode(text=alt.Text("label:N"), x=alt.XValue(0), y=alt.YValue(_LINE * line + 2))


def _all_samples(table: SampleTable, before: str) -> alt.Chart:
    """Return the line while nothing is selected, from the run itself."""
    run, epochs = table.run, table.clock.epochs
    changing, label = {}, literal(f"{before}{len(run.targets):,} samples")
    if table.has_wrong:
        accuracy = 1 - run.wrong(epochs=epochs).mean(axis=1)
        changing["accuracy"] = [[packing.shortened(share) for share in accuracy]]
        label += _accuracy(packing.entry("accuracy", table.clock))
    if table.loss is not None:
        losses = run.losses(epochs=epochs)
        finite = np.isfinite(losses)
        counts = np.maximum(finite.sum(axis=1), 1)
        means = np.where(finite, losses, 0).sum(axis=1, dtype=np.float64) / counts
        changing["loss"] = [[packing.shortened(mean) for mean in means]]
        label += _loss(packing.entry("loss", table.clock))
    rows = packing.by_epoch(table.clock, {"all": [True]}, changing)
    return alt.Chart(PackedData(rows)).transform_calculate(label=label)


def _selected_samples(table: SampleTable, chosen: alt.Chart, before: str) -> alt.Chart:
    code = f"datum.{CODE}"
    count = "format(datum.count, ',')"
    after = f" of {len(table.run.targets):,} samples selected"
    label = f"{literal(before)} + {count} + {literal(after)}"
    values = {}
    if table.has_wrong:
        values["wrong"] = f"({table.number(WRONG, code)}) > 0"
    if table.loss is not None:
        values["loss"] = f"{table.losses_expression()}[{table.number(table.loss, code)}]"
    chart = chosen.transform_calculate(**values) if values else chosen
    sums: dict[str, Any] = {"count": "count()"}
    if table.has_wrong:
        sums["mistakes"] = "sum(wrong)"
        label += _accuracy("1 - datum.mistakes / datum.count")
    if table.loss is not None:
        sums["mean"] = "mean(loss)"
        label += _loss("datum.mean")
    return chart.transform_aggregate(**sums).transform_calculate(label=label)


def _accuracy(share: str) -> str:
    return f" + {literal(_DOT + 'accuracy ')} + format({share}, '.1%')"


def _loss(value: str) -> str:
    return f" + {literal(_DOT + 'loss ')} + format({value}, '.3~r')"
