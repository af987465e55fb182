"""`weights`: the distribution of each layer's weights."""

from collections.abc import Sequence

import altair as alt

from replaychart.drawing.budget import MAX_BYTES
from replaychart.drawing.limits import LimitsOver
from replaychart.drawing.named_epochs import ShownEpoch
from replaychart.drawing.sizes import Width
from replaychart.drawing.titles import Title
from replaychart.drawing.violins import ViolinOptions, violins
from replaychart.evaluation.distributions import Variable
from replaychart.facts.epochs import Epochs
from replaychart.run import Run, require_run

_NOUN = {"kernel": "Weight", "bias": "Bias"}
_PLURAL = {"kernel": "Weights", "bias": "Biases"}


def weights(
    run: Run,
    *,
    layers: Sequence[str] | None = None,
    variable: Variable = "kernel",
    output: bool = True,
    scale: LimitsOver = "fixed",
    epochs: Epochs = None,
    epoch: ShownEpoch = None,
    title: Title | None = None,
    width: Width = 300,
    height: int = 200,
    max_bytes: float | None = MAX_BYTES,
) -> alt.LayerChart:
    """Draw a violin of each layer's weights.

    Parameters
    ----------
    run : Run
        The recorded training run or untrained model.
    layers : sequence of str, optional
        Layers to show. Default: all layers with a kernel.
    variable : {"kernel", "bias"}, default "kernel"
        Which of the layers' weights to show.
    output : bool, default True
        Whether the default layers include the last one.
    scale : {"fixed", "per-epoch"}, default "fixed"
        Whether the value axis stays the same for all epochs or adapts to each epoch's values.
    epochs : float, slice, range or iterable of float, optional
        Recorded epochs to include. Default: all.
    epoch : float, {"last", "best", "half"} or altair.Parameter, optional
        The epoch shown initially: a number, a name as in `epoch_param`, or a parameter from
        `epoch_param` that charts share. Default: the last epoch.
    title : str or sequence of str, optional
        The title, or its lines; ``{epoch}`` is replaced by the epoch shown. Default: the kind of
        values and the epoch.
    width, height : int or "container", default 300 and 200
        Size in pixels. A width of ``"container"`` fills the page or element around the chart.
    max_bytes : float or None, default 20,000,000
        Approximate limit on the size of the chart's data, in bytes. A larger chart is thinned to
        evenly spaced epochs, with a warning. None means no limit.

    Returns
    -------
    altair.LayerChart
        For each layer: a density, scaled to the same maximum width and cut off at the smallest and
        the largest value; a bar between the quartiles; a point at the median. If some values are
        NaN or infinite, their percentage is shown at the top.

    Raises
    ------
    ArgumentError
        A layer does not exist, no layer has such weights, an epoch was not recorded, or another
        argument is invalid.

    Warns
    -----
    UserWarning
        Epochs are left out to stay within `max_bytes`.

    Examples
    --------
    >>> import replaychart as rc
    >>> run = rc.open_run(rc.datasets.parabola_recording())
    >>> chart = rc.weights(run)
    """
    require_run(run)
    selection = run.value_distributions.select(
        "weights", layers=layers, variable=variable, output=output
    )
    options = ViolinOptions(scale, epochs, epoch, title, width, height, max_bytes)
    return violins(run, selection, options, noun=_NOUN[variable], plural=_PLURAL[variable])
