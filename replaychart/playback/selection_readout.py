"""How many samples are selected, with their accuracy and their loss."""

from typing import Any

import altair as alt
import numpy as np

from replaychart.drawing import colors, packing
from replaychart.drawing.backgrounds import adaptive
from replaychart.drawing.correctness import Answers
from replaychart.drawing.expressions import literal
from replaychart.drawing.packing import PREFIX, PackedData
from replaychart.drawing.plane import class_labels
from replaychart.drawing.texts import displayed, fitted
from replaychart.drawing.threshold import NAME as THRESHOLD
from replaychart.playback.sample_table import CODE, WRONG, SampleTable
from replaychart.run import Run

_LINE = 18
_LONGEST_NAME = 160
_DOT = " \N{MIDDLE DOT} "
# In hundredths.
_THRESHOLDS = range(101)


def selection_readout(
    tables: list[SampleTable],
    samples: list[alt.Chart],
    anything: str,
    *,
    named: bool,
    threshold: bool,
) -> alt.LayerChart:
    """Return a line of text for each run.

    Parameters
    ----------
    tables : list of SampleTable
        The samples of each run.
    samples : list of altair.Chart
        For each run, a chart whose rows are its samples while anything is selected, and none
        otherwise. They know whether they are selected.
    anything : str
        The expression for whether anything is selected.
    named : bool
        Whether each line begins with the name of its run.
    threshold : bool
        Whether the chart has a threshold, which decides between two classes.
    """
    layers = []
    for line, (table, chosen) in enumerate(zip(tables, samples, strict=True)):
        before = ""
        if named:
            before = fitted(_name(table.run), _LONGEST_NAME, size=12) + ": "
        answers = _answers(table) if threshold else None
        layers += [
            _text(_all_samples(table, before, answers).transform_filter(f"!{anything}"), line),
            _text(_selected_samples(table, chosen, before, answers), line),
        ]
    return alt.LayerChart(
        layer=layers,
        width=300,
        height=_LINE * len(tables),
        view=alt.ViewBackground(stroke="transparent", fill="transparent"),
    )


def _answers(table: SampleTable) -> Answers | None:
    """Return the answers that follow from a threshold; None if the rows do not tell them."""
    run, row = table.run, table.data.rows[0]
    if run.classes != 2 or not table.has_wrong or f"{PREFIX}p" not in row:
        return None
    answers = Answers.of(run, table.clock, np.arange(len(run.targets)), class_labels(run))
    return answers if answers.positive is not None else None


def _accuracies(run: Run, answers: Answers) -> list[list[float]]:
    """Return the accuracy at each epoch and each threshold of whole hundredths."""
    hundredths = np.array(answers.columns["p"], np.float64).T
    right = np.zeros((len(hundredths), len(_THRESHOLDS)))
    for column, threshold in enumerate(_THRESHOLDS):
        positive = np.nan_to_num(hundredths, nan=-1) >= threshold
        # A probability that is not finite is no wrong answer, as in the plane.
        correct = (positive == (run.targets == 1)) | np.isnan(hundredths)
        right[:, column] = correct.mean(axis=1)
    return np.round(right, 6).tolist()


def _name(run: Run) -> str:
    return displayed(run.name if run.output_name is None else f"{run.name}, {run.output_name}")


def _text(chart: alt.Chart, line: int) -> alt.Chart:
    return chart.mark_text(
        align="left",
        baseline="top",
        color=adaptive(colors.INK),
        fontSize=12,
        tooltip=None,
    ).encode(text=alt.Text("label:N"), x=alt.XValue(0), y=alt.YValue(_LINE * line + 2))


def _all_samples(table: SampleTable, before: str, answers: Answers | None) -> alt.Chart:
    """Return the line while nothing is selected, from the run itself."""
    run, epochs = table.run, table.clock.epochs
    changing: dict[str, Any] = {}
    label = literal(f"{before}{len(run.targets):,} samples")
    if answers is not None:
        changing["accuracy"] = [_accuracies(run, answers)]
        shown = packing.entry("accuracy", table.clock)
        label += _accuracy(f"{shown}[round(100 * {THRESHOLD})]")
    elif table.has_wrong:
        accuracy = 1 - run.wrong(epochs=epochs).mean(axis=1)
        changing["accuracy"] = [[packing.shortened(share) for share in accuracy]]
        label += _accuracy(packing.entry("accuracy", table.clock))
    if table.loss is not None:
        means = run.losses(epochs=epochs).mean(axis=1, dtype=np.float64)
        changing["loss"] = [[packing.shortened(mean) for mean in means]]
        label += _loss(packing.entry("loss", table.clock))
    rows = packing.by_epoch(table.clock, {"all": [True]}, changing)
    return alt.Chart(PackedData(rows)).transform_calculate(label=label)


def _selected_samples(
    table: SampleTable, samples: alt.Chart, before: str, answers: Answers | None
) -> alt.Chart:
    """Return the line of a selection. It counts all samples, so that there is one without any."""
    values = {"chosen": "datum.linked ? 1 : 0"}
    sums: dict[str, Any] = {"count": "sum(chosen)"}
    count = "format(datum.count, ',')"
    after = f" of {len(table.run.targets):,} samples selected"
    details = ""
    if table.has_wrong:
        wrong = table.number(WRONG, f"datum.{CODE}")
        if answers is not None:
            wrong = f"({answers.wrong(THRESHOLD)} ? 1 : 0)"
        values["wrong"] = f"datum.linked ? {wrong} : 0"
        sums["mistakes"] = "sum(wrong)"
        details += _accuracy("1 - datum.mistakes / datum.count")
    if table.loss is not None:
        values["loss"] = f"datum.linked ? {table.loss_expression()} : null"
        sums |= {"known": "valid(loss)", "mean": "mean(loss)"}
        mean = "datum.known === datum.count ? datum.mean : null"
        details += _loss(mean, exact=table.exact)
    label = f"{literal(before)} + {count} + {literal(after)}"
    if details:
        label += f" + (datum.count > 0 ? ''{details} : '')"
    chart = samples.transform_calculate(**values).transform_aggregate(**sums)
    return chart.transform_calculate(label=label)


def _accuracy(share: str) -> str:
    return f" + {literal(_DOT + 'accuracy ')} + format({share}, '.1%')"


def _loss(value: str, *, exact: bool = True) -> str:
    """Return what adds a loss to a text. Its value is null if any of the losses is not finite."""
    equals = "" if exact else "\N{ALMOST EQUAL TO} "
    number = f"isValid({value}) ? {literal(equals)} + format({value}, '.3~r') : 'NaN'"
    return f" + {literal(_DOT + 'loss ')} + ({number})"
