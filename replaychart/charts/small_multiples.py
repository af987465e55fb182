"""`small_multiples`: the same chart of several runs, on one clock."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import altair as alt

from replaychart.arguments import require_at_least, shown
from replaychart.charts.feature_space import feature_space
from replaychart.drawing.budget import MAX_BYTES
from replaychart.drawing.epoch_parameter import positions_at
from replaychart.drawing.named_epochs import ShownEpoch
from replaychart.drawing.several_runs import clock_of_all
from replaychart.drawing.shared_limits import share_limits, shared_limits
from replaychart.drawing.sizes import width_for_texts
from replaychart.drawing.titles import Title, chart_title, check_chart, named_title
from replaychart.errors import ArgumentError
from replaychart.facts.epochs import Epochs
from replaychart.run import Run, named_runs

# What each chart is given, besides its run.
_PASSED = ("epochs", "epoch", "title", "width", "height", "max_bytes")


def small_multiples(
    runs: Mapping[str, Run],
    *,
    chart: Callable[..., Any] = feature_space,
    columns: int = 3,
    epochs: Epochs = None,
    epoch: ShownEpoch = None,
    title: Title | None = None,
    width: int = 240,
    height: int = 240,
    max_bytes: float | None = MAX_BYTES,
    **options: Any,
) -> alt.ConcatChart:
    """Draw the same chart for several runs, with one slider and the same limits of the axes.

    Parameters
    ----------
    runs : mapping of str to Run
        The runs, by the name to show above each chart.
    chart : callable, default feature_space
        One of ReplayChart's charts of a single run, or a function of your own that takes the same
        arguments.
    columns : int, default 3
        Number of charts in a row.
    epochs : float, slice, range or iterable of float, optional
        Recorded epochs to include. Default: all.
    epoch : float, {"last", "best", "half"} or altair.Parameter, optional
        The epoch shown initially: a number, a name as in `epoch_param`, or a parameter from
        `epoch_param` that charts share. Default: the last epoch of all runs.
    title : str or sequence of str, optional
        The title above all charts, or its lines; ``{epoch}`` is replaced by the epoch shown.
        Default: the epoch.
    width, height : int, default 240
        Size of each chart in pixels.
    max_bytes : float or None, default 20,000,000
        Approximate limit on the size of each chart's data, in bytes. A larger chart is thinned,
        with a warning. None means no limit.
    **options : object
        Further arguments of `chart`, the same for all runs.

    Returns
    -------
    altair.ConcatChart
        The charts, in the order of `runs`. A run that ended earlier stays at its last epoch. Axes
        with the same title have the same limits, unless the limits follow the epoch.

    Raises
    ------
    ArgumentError
        `runs` is not a mapping from names to runs, `chart` is not a chart of a single run, or
        another argument is invalid.
    EvaluationError
        As `chart` does.

    Warns
    -----
    UserWarning
        As `chart` does.

    See Also
    --------
    compare : one curve of several runs in one chart.

    Examples
    --------
    >>> import replaychart as rc
    >>> run = rc.open_run(rc.datasets.parabola_recording())
    >>> chart = rc.small_multiples({"one": run, "the same": run}, chart=rc.decision_boundary)
    """
    single = _one_run_each(runs)
    check_chart(next(iter(single.values())), width, height, max_bytes, container=False)
    require_at_least("columns", columns, 1)
    accepted = _parameters(chart)
    clock = clock_of_all(list(single.values()), epochs, epoch)

    def build(limits: Mapping[str, tuple[float, float]]) -> list[Any]:
        return [
            chart(
                run,
                epochs=run.epochs[positions_at(run.epochs, clock.epochs)],
                epoch=clock.parameter,
                title=named_title(name, "", width_for_texts(width)),
                width=width,
                height=height,
                max_bytes=max_bytes,
                **{**limits, **options},
            )
            for name, run in single.items()
        ]

    charts = build({})
    shared = {f"{channel}lim": ends for (channel, _), ends in shared_limits(charts).items()}
    if within := {name: ends for name, ends in shared.items() if name in accepted}:
        # Surfaces that are traced within the shared limits fill them, and the names of lines are
        # where these end.
        charts = build(within)
    share_limits(charts)
    return alt.ConcatChart(
        concat=charts,
        columns=columns,
        title=chart_title(title, "Epoch {epoch}", clock),
    )


def _one_run_each(runs: Mapping[str, Run]) -> dict[str, Run]:
    named = named_runs(runs)
    several = next((name for name, some in named.items() if len(some) > 1), None)
    if several is not None:
        message = (
            f"runs must have one run for each name. Got {len(named[several])} for {several!r}; "
            "compare draws several as a band."
        )
        raise ArgumentError(message)
    return {name: some[0] for name, some in named.items()}


def _parameters(chart: Callable[..., Any]) -> set[str]:
    """Return the names of a chart's parameters.

    Raises
    ------
    ArgumentError
        It is not a function of a single run.
    """
    parameters = list(inspect.signature(chart).parameters) if callable(chart) else []
    if not parameters or parameters[0] != "run":
        message = (
            "chart must be a chart of a single run, such as replaychart.decision_boundary. Got "
            f"{shown(chart)}."
        )
        raise ArgumentError(message)
    every = inspect.signature(chart).parameters
    passed_on = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in every.values())
    missing = [name for name in _PASSED if name not in every]
    if missing and not passed_on:
        message = (
            f"chart must take {', '.join(_PASSED[:-1])} and {_PASSED[-1]}, as feature_space does. "
            f"Got {shown(chart)}, which does not take {', '.join(missing)}."
        )
        raise ArgumentError(message)
    return set(parameters)
