"""`dashboard`: the right picture of a run in one line."""

import dataclasses
import math
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import altair as alt
import numpy as np

from replaychart.arguments import require_one_of, shown
from replaychart.charts.class_accuracy import bars_of_classes
from replaychart.charts.decision_boundary import decision_boundary
from replaychart.charts.feature_space import default_layer, feature_space
from replaychart.charts.loss_and_metric import loss_and_metric
from replaychart.charts.loss_histogram import loss_histogram
from replaychart.charts.probability_histogram import probability_histogram
from replaychart.charts.residual_histogram import residual_histogram
from replaychart.drawing import colors
from replaychart.drawing.budget import MAX_BYTES, check_max_bytes
from replaychart.drawing.clock import Clock
from replaychart.drawing.legend_line import Ramp, legend_line
from replaychart.drawing.named_epochs import ShownEpoch
from replaychart.drawing.panels import Fonts, Panel
from replaychart.drawing.plane import number_limits, probability_title
from replaychart.drawing.plane_of_inputs import points_of_inputs
from replaychart.drawing.readout import heading, number_texts, percent_texts
from replaychart.drawing.texts import displayed, fitted
from replaychart.drawing.titles import Title, lines_of
from replaychart.drawing.wording import in_words, layer_in_words
from replaychart.errors import ArgumentError, ReplayChartError
from replaychart.evaluation.curves import Source
from replaychart.facts.epochs import Epochs
from replaychart.run import Run, require_run

Size = Literal["small", "medium", "large"]

_PLANE = 2
# Wider layers, such as flattened images, are not shown unless they are asked for.
_MOST_UNITS = 1024
# What is between the names of classes and the plots on both sides, in pixels.
_BESIDE_NAMES = 12
# The longest name of a metric in the readout.
_LONGEST_METRIC = 120
# Losses are on a logarithmic axis if the largest is this many times the smallest.
_WIDE_RANGE = 1e4
# Where curves come from, the preferred one first.
_SOURCES: tuple[Source, ...] = ("replay", "training")


@dataclasses.dataclass(frozen=True)
class _Measures:
    """The measures of a dashboard in pixels.

    Attributes
    ----------
    hero : int
        Width and height of each of the two large plots.
    row : int
        The height of the small plots.
    gap : int
        The distance between two plots, which the labels of the vertical axes have to fit.
    spacing : int
        The distance between the rows.
    most_small : int
        The most small plots next to each other.
    fonts : Fonts
        The sizes of texts.
    """

    hero: int
    row: int
    gap: int
    spacing: int
    most_small: int
    fonts: Fonts

    @property
    def width(self) -> int:
        """The width of all plots together."""
        return 2 * self.hero + self.gap

    def column(self, columns: int) -> int:
        """Return the width of one of several plots of equal width."""
        return (self.width - (columns - 1) * self.gap) // columns


@dataclasses.dataclass(frozen=True)
class _Candidate:
    """A panel that may be possible.

    Attributes
    ----------
    build : callable
        Returns the chart, given its width and height.
    title : str or None
        The title; None for that of the chart.
    x_title, y_title : str or None
        Titles of the axes.
    note : str
        A note next to the title.
    """

    build: Callable[..., Any]
    title: str | None
    x_title: str | None = None
    y_title: str | None = None
    note: str = ""

    def panel(self, chart: Any) -> Panel:
        """Return the panel with the chart that was built."""
        title = chart._get("title").text if self.title is None else self.title
        return Panel(
            chart,
            title if isinstance(title, str) else "Curves",
            self.x_title,
            self.y_title,
            self.note,
        )


# Three plots with their gaps are exactly as wide as two large ones. "medium" fits a screen of
# 1280 x 720 together with the controls of a page.
_MEASURES: dict[Size, _Measures] = {
    "small": _Measures(250, 96, 60, 8, 2, Fonts(title=18, epoch=22, panel=13, text=12)),
    "medium": _Measures(360, 106, 60, 10, 3, Fonts(title=22, epoch=28, panel=14, text=12)),
    "large": _Measures(460, 150, 80, 14, 3, Fonts(title=30, epoch=38, panel=19, text=16)),
}


def dashboard(
    run: Run,
    *,
    title: Title | None = None,
    subtitle: str | None = None,
    size: Size = "medium",
    layer: str | None = None,
    epochs: Epochs = None,
    epoch: ShownEpoch = None,
    max_bytes: float | None = MAX_BYTES,
) -> alt.VConcatChart:
    """Draw the right picture for a run: what the network has learned, and how well.

    The heading says what was trained, which epoch is shown, and how good the network is at it. The
    two large plots show the same points: as they are, and as a hidden layer sees them. Inputs with
    more than two features cannot be drawn, so two layers are shown instead. The plots below show
    the curves; the probabilities, the accuracy of each class if there are more than two, or the
    residuals of a regression; and the loss of each point. What a run cannot show is left out.

    Parameters
    ----------
    run : Run
        The recorded training run.
    title : str or sequence of str, optional
        The title, or its lines; ``{epoch}`` is replaced by the epoch shown. Default: the run's name
        in words.
    subtitle : str, optional
        The line below the title. Default: `Run.setup`, such as ``2-2-1, sigmoid, SGD 0.05``.
    size : {"small", "medium", "large"}, default "medium"
        ``"small"`` fits a column of text and has two of the small plots, ``"medium"`` fits a screen
        of 1280 x 720 pixels together with the controls, and ``"large"``, with larger texts, a
        slide.
    layer : str, optional
        The layer to show. Default: as for `feature_space`; for inputs that cannot be drawn, the
        first and the last hidden layer.
    epochs : float, slice, range or iterable of float, optional
        Recorded epochs to include. Default: all.
    epoch : float, {"half", "best", "last"} or altair.Parameter, optional
        The epoch shown initially and in still images: a number; ``"half"``, the first at which the
        loss has fallen half way to its lowest value; ``"best"``, the one that ``EarlyStopping``
        found or that has the lowest (validation) loss; ``"last"``; or a parameter from
        `epoch_param` that charts share. Default: ``"half"``, or what the charts it is combined with
        were asked to show.
    max_bytes : float or None, default 20,000,000
        Approximate limit on the size of each plot's data, in bytes. A larger one is thinned, with a
        warning, as in the charts it consists of. None means no limit.

    Returns
    -------
    altair.VConcatChart
        A chart that can be combined with others and animated like any other one. Plots and titles
        next to each other are aligned to the pixel.

    Raises
    ------
    ArgumentError
        The layer does not exist, an epoch was not recorded, or another argument is invalid.
    EvaluationError, MissingDependencyError
        Nothing of the run can be drawn.

    Warns
    -----
    UserWarning
        A plot is left out because the model cannot be evaluated, or a plot is thinned to stay
        within `max_bytes`.

    Examples
    --------
    >>> import replaychart as rc
    >>> run = rc.open_run(rc.datasets.parabola_recording())
    >>> chart = rc.dashboard(run, title="Two parabolas")
    """
    require_run(run)
    check_max_bytes(max_bytes)
    require_one_of("size", size, list(_MEASURES))
    if layer is not None:
        require_one_of("layer", layer, run.layers)
    if not isinstance(subtitle, str | None):
        message = f"subtitle must be a string. Got {shown(subtitle)}."
        raise ArgumentError(message)
    lines = [in_words(run.name)] if title is None else lines_of(title)
    subtitle = run.setup if subtitle is None else subtitle
    clock = Clock.of(run, epochs, epoch, default="half")
    measures = _MEASURES[size]
    parts = _Parts(run, clock, measures, max_bytes)
    large, small = parts.heroes(layer), parts.row()
    # Beside a single layer is room for the curves.
    heroes, rest = parts.panels([*large, *small] if large else [], measures.hero, most=2)
    row, _ = parts.panels(rest if large else small, measures.row, most=measures.most_small)
    parts.report_problems(nothing=not heroes and not row)
    rows = [
        heading(
            clock,
            title=[displayed(line) for line in lines],
            subtitle=subtitle,
            readings=parts.readings(),
            width=measures.width,
            fonts=measures.fonts,
        ),
        *(_side_by_side(panels, measures) for panels in (heroes, row) if panels),
        _legend(run, heroes, measures),
    ]
    return alt.VConcatChart(
        vconcat=[part for part in rows if part is not None],
        spacing=measures.spacing,
        description=displayed(": ".join(filter(None, [" ".join(lines), subtitle]))),
    )


def _side_by_side(panels: Sequence[Panel], measures: _Measures) -> alt.HConcatChart:
    """Return panels side by side, whose plots and titles are aligned."""
    lines = max(panel.lines(measures.fonts) for panel in panels)
    drawn = [panel.drawn(measures.fonts, lines) for panel in panels]
    return alt.HConcatChart(hconcat=drawn, spacing=measures.gap, bounds="flush")


class _Parts:
    """The panels that a run allows.

    Attributes
    ----------
    problems : list of ReplayChartError
        Why panels are left out that the task of the run would allow.
    """

    def __init__(
        self, run: Run, clock: Clock, measures: _Measures, max_bytes: float | None
    ) -> None:
        self._run = run
        self._clock = clock
        self._measures = measures
        self._options: dict[str, Any] = {
            "epochs": clock.requested,
            "epoch": clock.parameter,
            "max_bytes": max_bytes,
        }
        self.problems: list[ReplayChartError] = []

    def panels(
        self, candidates: Sequence[_Candidate], height: int, *, most: int
    ) -> tuple[list[Panel], list[_Candidate]]:
        """Return the first panels that can be drawn, and the candidates after them.

        The panels share the width of the dashboard.
        """
        columns = min(most, len(candidates))
        drawn: dict[_Candidate, Panel] = {}
        rest = list(candidates)
        while rest and len(drawn) < columns:
            drawn |= self._drawn(rest.pop(0), columns, height)
        if len(drawn) < columns:
            # The others are wider, and nothing has to be evaluated again.
            for candidate in drawn:
                drawn |= self._drawn(candidate, len(drawn), height)
        return list(drawn.values()), rest

    def _drawn(self, candidate: _Candidate, columns: int, height: int) -> dict[_Candidate, Panel]:
        """Return the panel of a candidate, or nothing if there is a problem."""
        try:
            chart = candidate.build(width=self._measures.column(columns), height=height)
        except ReplayChartError as problem:
            self.problems.append(problem)
            return {}
        return {candidate: candidate.panel(chart)}

    def report_problems(self, *, nothing: bool) -> None:
        """Raise the first problem if nothing can be drawn, otherwise warn of each.

        Warns
        -----
        UserWarning
            A panel is left out.
        """
        if nothing and self.problems:
            raise self.problems[0]
        for message in dict.fromkeys(map(str, self.problems)):
            warnings.warn(
                f"The dashboard of run {self._run.name!r} leaves out a plot: {message}",
                UserWarning,
                stacklevel=3,
            )

    def heroes(self, layer: str | None) -> list[_Candidate]:
        """Return the large panels: the inputs and a layer, or two layers."""
        found = self._inputs()
        if layer is not None:
            return [*found, self._layer(layer)]
        return [*found, *map(self._layer, _shown_layers(self._run, 1 if found else 2))]

    def _inputs(self) -> list[_Candidate]:
        """Return the panel of the inputs, if they have one or two features."""
        run = self._run
        planes = run.planes
        if not (planes.inputs_are_plane() or planes.inputs_are_line()):
            return []
        names = planes.feature_names() if run.feature_names else [None, None]
        if planes.inputs_are_line():
            if not planes.has_one_surface_per_class():
                return []
            title = probability_title(run) if run.classes == 2 and run.has_probabilities else None
            what = title or ("Score" if run.classes == 2 else "Probability of each class")
            return [
                _Candidate(
                    partial(decision_boundary, run, **self._options),
                    what if run.classes else "Prediction and targets",
                    x_title=names[0] or "Input",
                )
            ]
        if planes.has_one_surface_per_class() and run.has_model and run.tells_predictions:
            build = partial(decision_boundary, run, grid=True, **self._options)
        else:
            build = partial(points_of_inputs, run, self._clock, self._options["max_bytes"])
        return [_Candidate(build, "Inputs", x_title=names[0], y_title=names[1])]

    def _layer(self, layer: str) -> _Candidate:
        units = math.prod(length or 1 for length in self._run.layer_shape(layer) or ())
        return _Candidate(
            partial(feature_space, self._run, layer, **self._options),
            layer_in_words(layer),
            note=f"{units:,} units, projected" if units > _PLANE else "",
        )

    def row(self) -> list[_Candidate]:
        """Return the small panels."""
        run = self._run
        found = [*self._curves(), *self._answers()]
        if run.has_model or "loss" in run.curves.names("replay"):
            build = partial(loss_histogram, run, **self._options)
            found.append(_Candidate(build, "Loss of each point", x_title="Loss", y_title="Points"))
        return found

    def _curves(self) -> list[_Candidate]:
        """Return the panel of the curves; the losses of a diverging training on a log scale."""
        source = next((source for source in _SOURCES if self._run.curves.names(source)), None)
        if source is None:
            return []
        options = {**self._options, "source": source}
        try:
            losses = self._values("loss", source)
        except ReplayChartError:
            losses = np.ones(1)
        positive = losses[np.isfinite(losses) & (losses > 0)]
        if len(positive) and positive.max() > _WIDE_RANGE * positive.min():
            options["loss_scale"] = "log"
        return [_Candidate(partial(loss_and_metric, self._run, **options), None, x_title="Epoch")]

    def _answers(self) -> list[_Candidate]:
        """Return the panel of the network's answers."""
        run = self._run
        build: Callable[..., Any]
        if run.classes == 2 and run.has_probabilities:
            build = partial(probability_histogram, run, layout="combined", **self._options)
            return [
                _Candidate(build, "Probability", x_title=probability_title(run), y_title="Points")
            ]
        if run.classes and run.tells_predictions:
            build = partial(
                bars_of_classes,
                run,
                self._clock,
                title=None,
                room=self._measures.gap - _BESIDE_NAMES,
                max_bytes=self._options["max_bytes"],
            )
            return [_Candidate(build, "Accuracy of each class", x_title="Correct")]
        if run.classes or run.multi_label or not run.tells_predictions:
            return []
        build = partial(residual_histogram, run, **self._options)
        return [_Candidate(build, "Residuals", x_title="Prediction - target", y_title="Points")]

    def readings(self) -> list[list[str]]:
        """Return the columns of the readout: how many points are correct, and the loss."""
        columns = []
        for reading in (self._correct, self._correct_in_validation, self._metric, self._loss):
            try:
                column = reading()
            except ReplayChartError:
                # The panel of the same values is left out as well, and says why.
                continue
            if column is not None:
                columns.append(column)
        return columns

    def _correct(self) -> list[str] | None:
        return self._percents(self._run, "correct")

    def _correct_in_validation(self) -> list[str] | None:
        validation = self._run.validation
        return None if validation is None else self._percents(validation, "in validation")

    def _percents(self, run: Run, what: str) -> list[str] | None:
        if not run.classes or not run.tells_predictions:
            return None
        frame = run.class_accuracy(epochs=self._clock.epochs)
        sums = frame.groupby("epoch")[["correct", "points"]].sum()
        return percent_texts((sums["correct"] / sums["points"]).to_numpy(), what)

    def _metric(self) -> list[str] | None:
        """Return the first metric of a network that does not predict one class."""
        names = [
            name
            for name in self._run.curves.names("replay")
            if "loss" not in name and not name.startswith("val_")
        ]
        if self._run.classes or not names:
            return None
        name = fitted(names[0], _LONGEST_METRIC, size=self._measures.fonts.text)
        return number_texts(name, self._values(names[0], "replay"))

    def _loss(self) -> list[str] | None:
        for source in _SOURCES:
            if "loss" in self._run.curves.names(source):
                return number_texts("loss", self._values("loss", source))
        return None

    def _values(self, name: str, source: Source) -> np.ndarray:
        snapshots = self._run.snapshots(self._clock.epochs)
        return self._run.curves.values(name, source=source)[snapshots]


def _shown_layers(run: Run, count: int) -> list[str]:
    """Return hidden layers that are worth a large panel: the default one, or the first and last."""
    try:
        default = default_layer(run)
    except ReplayChartError:
        return []
    if count == 1:
        return [default]
    hidden = run.layers[:-1] if run.has_model else run.layers
    wide = [layer for layer in hidden if _can_be_panel(run, layer)]
    if not wide:
        wide = [default]
    if len(wide) == 1 and run.has_model and run.classes > _PLANE:
        # The output has a unit for each class.
        wide.append(run.layers[-1])
    return list(dict.fromkeys([wide[0], wide[-1]]))


def _can_be_panel(run: Run, layer: str) -> bool:
    """Return whether a layer's output is a vector that differs from that of the layer before it."""
    shape = run.layer_shape(layer)
    if shape is None or len(shape) != 1 or not _PLANE <= (shape[0] or 0) <= _MOST_UNITS:
        return False
    before = run.layers.index(layer) - 1
    has_kernel = layer in run.value_distributions.layers("kernel")
    if before >= 0 and not has_kernel and run.layer_shape(run.layers[before]) == shape:
        return False
    return run.planes.continues_from(layer)


def _legend(run: Run, heroes: Sequence[Panel], measures: _Measures) -> alt.LayerChart | None:
    """Return the line that explains the colors of the points and surfaces."""
    names = [f"class {name}" if name.isdigit() else name for name in run.class_names]
    ramp = None
    if run.classes == 2 and any(panel.has_surface for panel in heroes):
        title, low, high = probability_title(run), "0", "1"
        if not run.has_probabilities:
            title, low, high = "Score", "-1", "1"
        ramp = Ramp(title, low, high, colors.SURFACE, colors.DARK_SURFACE)
    elif heroes and not run.classes and run.targets.ndim == 1:
        low, high = (f"{limit:.3g}" for limit in number_limits(run))
        dark = tuple(map(colors.on_dark, colors.NUMBERS))
        ramp = Ramp("Target and prediction", low, high, colors.NUMBERS, dark)
    return legend_line(
        names=names if run.classes else [],
        wrong=any(panel.rings_wrong_points for panel in heroes),
        ramp=ramp,
        width=measures.width,
        size=measures.fonts.text,
    )
