"""`spread`: the standard deviation of each layer's values over the epochs."""

from collections.abc import Sequence
from typing import get_args

import altair as alt
import numpy as np

from replaychart.arguments import require_one_of
from replaychart.drawing.budget import MAX_BYTES, kept_epochs
from replaychart.drawing.clock import Clock
from replaychart.drawing.composition import layered
from replaychart.drawing.layer_lines import BYTES_PER_VALUE, checked_ylim, layer_lines
from replaychart.drawing.limits import ScaleType
from replaychart.drawing.named_epochs import ShownEpoch
from replaychart.drawing.sizes import Width, width_for_texts
from replaychart.drawing.titles import Title, chart_title, check_chart, note_not_finite
from replaychart.evaluation.distributions import Kind, Variable
from replaychart.facts.epochs import Epochs
from replaychart.planes.extents import Limits
from replaychart.run import Run

_NAME = "Standard deviation"


def spread(
    run: Run,
    *,
    kind: Kind = "gradients",
    layers: Sequence[str] | None = None,
    variable: Variable = "kernel",
    inputs: bool = False,
    output: bool = True,
    scale: ScaleType = "log",
    ylim: Limits | None = None,
    epochs: Epochs = None,
    epoch: ShownEpoch = None,
    title: Title | None = None,
    width: Width = 300,
    height: int = 200,
    max_bytes: float | None = MAX_BYTES,
) -> alt.LayerChart:
    """Plot the standard deviation of each layer's values against the epochs.

    Gradients that vanish or explode from layer to layer appear as lines that are far apart; a layer
    whose activations die out, as a falling line. With a single epoch, the layers are placed side by
    side instead.

    Parameters
    ----------
    run : Run
        The recorded training run or untrained model.
    kind : {"weights", "gradients", "activations", "pre_activations"}, default "gradients"
        The values whose standard deviation is shown.
    layers : sequence of str, optional
        Layers to show. Default: all layers with a kernel.
    variable : {"kernel", "bias"}, default "kernel"
        Which of the layers' weights to use. For weights and gradients only.
    inputs : bool, default False
        Whether to show the recorded points themselves, before the layers. For activations and
        pre-activations only.
    output : bool, default True
        Whether the default layers include the last one.
    scale : {"log", "linear"}, default "log"
        The scale of the axis of standard deviations. A logarithmic axis cannot show 0, so a line
        has a gap there.
    ylim : tuple of float, optional
        The ends of the axis of the values, above 0 if it is logarithmic. Default: those of all
        epochs.
    epochs : float, slice, range or iterable of float, optional
        Recorded epochs to include. Default: all.
    epoch : float, {"last", "best", "half"} or altair.Parameter, optional
        The epoch shown initially: a number, a name as in `epoch_param`, or a parameter from
        `epoch_param` that charts share. Default: the last epoch.
    title : str or sequence of str, optional
        The title, or its lines; ``{epoch}`` is replaced by the epoch shown. Default: "Spread of
        ..." with the kind of values.
    width, height : int or "container", default 300 and 200
        Size in pixels, without the names of the layers at the right. A width of ``"container"``
        fills the page or element around the chart.
    max_bytes : float or None, default 20,000,000
        Approximate limit on the size of the chart's data, in bytes. A larger chart is thinned to
        evenly spaced epochs, with a warning. None means no limit.

    Returns
    -------
    altair.LayerChart
        For each layer, colored with rising contrast: a faint line over all epochs, a strong line
        up to the epoch shown, a dot at that epoch, and the layer's name. If there is not enough
        room for all names, only every second, third, ... layer is labeled.

    Raises
    ------
    ArgumentError
        The kind or a layer does not exist, an epoch was not recorded, or another argument is
        invalid.
    EvaluationError
        The model cannot be rebuilt or has no graph of layers.

    Warns
    -----
    UserWarning
        Epochs are left out to stay within `max_bytes`.

    Examples
    --------
    >>> import replaychart as rc
    >>> run = rc.open_run(rc.datasets.parabola_recording())
    >>> chart = rc.spread(run, kind="weights")

    References
    ----------
    X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural
    networks" (2010), https://proceedings.mlr.press/v9/glorot10a.html
    """
    check_chart(run, width, height, max_bytes)
    require_one_of("scale", scale, get_args(ScaleType))
    limits = checked_ylim(ylim, scale)
    selection = run.value_distributions.select(
        kind, layers=layers, variable=variable, inputs=inputs, output=output
    )
    clock = kept_epochs(
        run,
        Clock.of(run, epochs, epoch),
        max_bytes,
        bytes_per_epoch=BYTES_PER_VALUE * len(selection.layers),
    )
    frame = run.value_distributions.summary_frame(
        selection, run.snapshots(clock.epochs), clock.epochs
    )
    values = frame[["epoch", "layer"]].assign(value=frame["std"])
    parts = layer_lines(
        values, clock, name=_NAME, scale=scale, width=width, height=height, ylim=limits
    )
    heading = chart_title(title, f"Spread of {kind.replace('_', '-')}", clock)
    broken = frame["not_finite"].to_numpy().reshape(len(clock.epochs), -1)
    note_not_finite(
        heading, clock, "values", width_for_texts(width), np.where(broken > 0, np.nan, 0.0)
    )
    return layered(parts, clock, title=heading, width=width, height=height)
