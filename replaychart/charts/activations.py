"""`activations`: how the activations of each layer are distributed."""

from collections.abc import Sequence

import altair as alt

from replaychart.drawing.budget import MAX_BYTES
from replaychart.drawing.violins import Looks, violins
from replaychart.facts.epochs import Epochs
from replaychart.run import Run, require_run


def activations(
    run: Run,
    *,
    layers: Sequence[str] | None = None,
    inputs: bool = False,
    output: bool = True,
    scale: str = "fixed",
    epochs: Epochs = None,
    epoch: float | alt.Parameter | None = None,
    title: str | None = None,
    width: int = 300,
    height: int = 200,
    max_bytes: float | None = MAX_BYTES,
) -> alt.LayerChart:
    """Draw a violin of each layer's activations over the recorded points.

    They are taken behind the layer's activation function, whether it is fused into the layer or
    stands behind it as a layer of its own.

    Parameters
    ----------
    run : Run
        The recorded training, or a recorded untrained model.
    layers : sequence of str, optional
        Layers to show. Default: every layer with a kernel.
    inputs : bool, default False
        Whether the recorded points come first.
    output : bool, default True
        Whether the default layers hold the last one.
    scale : {"fixed", "per-epoch"}, default "fixed"
        An axis that holds for all epochs, or that follows the values.
    epochs : float, slice, range or iterable of float, optional
        Only these recorded epochs. Default: all.
    epoch : float or altair.Parameter, optional
        The epoch shown at first, or a parameter from `epoch_param` to share. Default: the last.
    title : str, optional
        ``{epoch}`` in it is the epoch shown. Default: what is shown, and the epoch.
    width, height : int, default 300 and 200
        Size in pixels.
    max_bytes : float or None, default 20,000,000
        About what the chart's data may take. Past that it keeps evenly spaced epochs, and warns
        of it. None for no limit.

    Returns
    -------
    altair.LayerChart
        Per layer a density, as wide as the others where it is widest and cut at the least and the
        greatest value; a bar between the quartiles; a point at the median. Where values are NaN or
        infinite, their share stands above.

    Raises
    ------
    ArgumentError
        There is no such layer, none has such a weight, an epoch was not recorded, or an argument is
        not allowed.
    EvaluationError
        The model cannot be rebuilt, or has no graph of layers.

    Warns
    -----
    UserWarning
        Epochs were left out to stay within `max_bytes`.

    Examples
    --------
    >>> import replaychart as rc
    >>> run = rc.open_run(rc.datasets.parabola_recording())
    >>> chart = rc.activations(run, inputs=True)

    References
    ----------
    X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural
    networks" (2010), https://proceedings.mlr.press/v9/glorot10a.html
    """
    require_run(run)
    selection = run.value_distributions.select(
        "activations", layers=layers, inputs=inputs, output=output
    )
    looks = Looks(scale, epochs, epoch, title, width, height, max_bytes)
    return violins(run, selection, looks, noun="Activation", plural="Activations")
