"""`updates`: how much the weights of each layer change, in relation to their size."""

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
from replaychart.drawing.titles import (
    Title,
    add_subtitle,
    chart_title,
    check_chart,
    note_not_finite,
)
from replaychart.errors import ArgumentError
from replaychart.evaluation.distributions import Variable
from replaychart.facts.epochs import Epochs
from replaychart.planes.extents import Limits
from replaychart.run import Run

_DETAILS = {"update_norm": "Size of the update", "weight_norm": "Size of the weights"}
_TITLES = {"kernel": "Updates of the weights", "bias": "Updates of the biases"}


def updates(
    run: Run,
    *,
    layers: Sequence[str] | None = None,
    variable: Variable = "kernel",
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
    """Plot the size of each layer's updates, relative to its weights, against the epochs.

    Each recorded epoch is compared with the one recorded before it, see `Run.updates`. A layer that
    hardly learns appears as a line far below the others, a training run that is stuck as a drop of
    all lines, and a learning rate that is too large as lines that stay near 1, where each epoch
    replaces the weights. With a single epoch, the layers are placed side by side instead.

    Parameters
    ----------
    run : Run
        The recorded training run.
    layers : sequence of str, optional
        Layers to show. Default: all layers with a kernel.
    variable : {"kernel", "bias"}, default "kernel"
        Which of the layers' weights to use.
    output : bool, default True
        Whether the default layers include the last one.
    scale : {"log", "linear"}, default "log"
        The scale of the axis. A logarithmic axis cannot show 0, so a line has a gap where the
        weights did not change.
    ylim : tuple of float, optional
        The ends of the axis of the values, above 0 if it is logarithmic. Default: those of all
        epochs.
    epochs : float, slice, range or iterable of float, optional
        Recorded epochs to include. Default: all. Updates are always those since the epoch that was
        recorded before, even if it is not included.
    epoch : float, {"last", "best", "half"} or altair.Parameter, optional
        The epoch shown initially: a number, a name as in `epoch_param`, or a parameter from
        `epoch_param` that charts share. Default: the last epoch.
    title : str or sequence of str, optional
        The title, or its lines; ``{epoch}`` is replaced by the epoch shown. Default: "Updates of
        the weights" or "Updates of the biases".
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
        up to the epoch shown, a dot at that epoch, and the layer's name. The subtitle says how many
        epochs lie between two snapshots, unless it is one.

    Raises
    ------
    ArgumentError
        A layer does not exist, no layer has such weights, an epoch was not recorded, no epoch after
        the first one is included, or another argument is invalid.
    EvaluationError
        The weights of a layer were not recorded.

    Warns
    -----
    UserWarning
        Epochs are left out to stay within `max_bytes`.

    See Also
    --------
    gradients : the distribution of each layer's gradients.
    spread : the standard deviation of each layer's values.

    Examples
    --------
    >>> import replaychart as rc
    >>> run = rc.open_run(rc.datasets.parabola_recording())
    >>> chart = rc.updates(run)

    References
    ----------
    A. Karpathy, "Neural networks part 3: learning and evaluation",
    https://cs231n.github.io/neural-networks-3/#ratio-of-weightsupdates
    """
    check_chart(run, width, height, max_bytes)
    require_one_of("scale", scale, get_args(ScaleType))
    limits = checked_ylim(ylim, scale)
    selection = run.value_distributions.select(
        "weights", layers=layers, variable=variable, output=output
    )
    clock = kept_epochs(
        run,
        Clock.of(run, epochs, epoch),
        max_bytes,
        bytes_per_epoch=BYTES_PER_VALUE * len(selection.layers),
    )
    if clock.epochs[-1] == run.epochs[0]:
        message = (
            "epochs must include one after the first, to which the weights are compared. Got only "
            f"epoch {clock.epochs[-1]:g}."
        )
        raise ArgumentError(message)
    frame = run.updates(layers=selection.layers, variable=variable, epochs=clock.epochs)
    heading = chart_title(title, _TITLES[variable], clock)
    room = width_for_texts(width)
    add_subtitle(heading, _between(frame["span"].to_numpy()), room)
    norms = frame[["update_norm", "weight_norm"]].to_numpy().reshape(-1, 2 * len(selection.layers))
    # The first recorded epoch has none.
    missing = np.zeros((len(clock.epochs) - len(norms), norms.shape[1]))
    note_not_finite(heading, clock, "values", room, np.vstack([missing, norms]))
    frame["value"] = frame["ratio"].where(np.isfinite(frame["ratio"]))
    parts = layer_lines(
        frame,
        clock,
        name="Update / weights",
        scale=scale,
        width=width,
        height=height,
        ylim=limits,
        details=_DETAILS,
    )
    return layered(parts, clock, title=heading, width=width, height=height)


def _between(spans: np.ndarray) -> str:
    """Return how far apart the snapshots are, in words."""
    low, high = f"{spans.min():.3g}", f"{spans.max():.3g}"
    if low != high:
        return f"change since the snapshot before, {low} to {high} epochs ago"
    if low == "1":
        return "change within an epoch, relative to the weights before"
    return f"change within {low} epochs, relative to the weights before"
