"""`filters`: the kernels of a convolution as small pictures."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Literal, NamedTuple, Self

import altair as alt
import numpy as np

from replaychart.arguments import require_at_least, require_one_of
from replaychart.drawing import packing
from replaychart.drawing.budget import MAX_BYTES, kept_epochs
from replaychart.drawing.clock import Clock
from replaychart.drawing.composition import layered
from replaychart.drawing.expressions import literal
from replaychart.drawing.named_epochs import ShownEpoch
from replaychart.drawing.tile_grid import (
    TileGrid,
    chosen_units,
    frames,
    legend_layers,
    tile_images,
    tile_names,
)
from replaychart.drawing.tiles import (
    SHARPNESS,
    Response,
    magnified_bytes,
    picture_url,
    shrunk,
    tile_url,
)
from replaychart.drawing.titles import (
    Title,
    add_subtitle,
    chart_title,
    check_chart,
    named_title,
    note_not_finite,
)
from replaychart.errors import ArgumentError
from replaychart.facts.epochs import Epochs
from replaychart.run import Run

# Names are numbers only if a tile is narrower, in pixels.
_ROOM = 56
# Larger kernels are drawn with this many rows and columns.
_MOST_CELLS = 64
_COLORS = 3
# From none of a color to all of it, and in between what is drawn for a weight of 0.
_GRAYS = ("#000000", "#808080", "#ffffff")


def filters(
    run: Run,
    layer: str | None = None,
    *,
    units: Sequence[int] | None = None,
    channel: int | Literal["norm"] | None = None,
    columns: int | None = None,
    epochs: Epochs = None,
    epoch: ShownEpoch = None,
    title: Title | None = None,
    width: int = 400,
    height: int | None = None,
    max_bytes: float | None = MAX_BYTES,
) -> alt.LayerChart:
    """Draw the kernel of each filter of a two-dimensional convolution as a small picture.

    A kernel with one input channel is green where its weights are positive, purple where they are
    negative, and neutral at 0. In the first layer of a network that reads color pictures, the
    weights of red, green and blue are the color of the picture, and gray is 0. Kernels with more
    input channels are drawn by the size of their weights over the channels, or one channel at a
    time.

    Only the weights are read, so that Keras is not needed.

    Parameters
    ----------
    run : Run
        A recorded training run of a network with a two-dimensional convolution.
    layer : str, optional
        A two-dimensional convolution. Default: the first one.
    units : sequence of int, optional
        The filters to draw, counted from 1, at most 100. Default: all; if there are more than 100,
        the first 100.
    channel : int or "norm", optional
        An input channel, counted from 1, to draw its weights; ``"norm"`` for the Euclidean norm of
        the weights over all input channels. Default: the only channel, the colors of the first
        layer if it reads color pictures, otherwise ``"norm"``.
    columns : int, optional
        Number of tiles in a row. Default: as many as make the rows about as long as the columns,
        at most 10.
    epochs : float, slice, range or iterable of float, optional
        Recorded epochs to include. Default: all.
    epoch : float, {"last", "best", "half"} or altair.Parameter, optional
        The epoch shown initially: a number, a name as in `epoch_param`, or a parameter from
        `epoch_param` that charts share. Default: the last epoch.
    title : str or sequence of str, optional
        The title, or its lines; ``{epoch}`` is replaced by the epoch shown. Default: the layer and
        the epoch.
    width : int, default 400
        Width of all tiles together in pixels.
    height : int, optional
        Height of all tiles together in pixels. Default: cells of the kernels are squares.
    max_bytes : float or None, default 20,000,000
        Approximate limit on the size of the chart's data, in bytes. A larger chart is thinned to
        evenly spaced epochs, with a warning. None means no limit.

    Returns
    -------
    altair.LayerChart
        Tiles with their numbers, and the color scale, which is the same for all tiles and at all
        epochs. Weights that are NaN or infinite are gray, or black in a color picture.

    Raises
    ------
    ArgumentError
        The network has no two-dimensional convolution, there is no such layer, filter or channel,
        or another argument is invalid.
    EvaluationError
        The weights of the layer were not recorded.

    Warns
    -----
    UserWarning
        Epochs are left out to stay within `max_bytes`.

    See Also
    --------
    feature_maps : what each filter returns for recorded pictures.

    References
    ----------
    A. Krizhevsky, I. Sutskever and G. E. Hinton, "ImageNet classification with deep convolutional
    neural networks" (2012), figure 3.

    Examples
    --------
    A run whose network has a convolution is drawn like this:

    >>> import replaychart as rc
    >>> def draw(run: rc.Run):
    ...     return rc.filters(run, epochs=[0, 10])
    """
    check_chart(run, width, width if height is None else height, max_bytes, container=False)
    layer = _checked_layer(run, layer)
    whole = run.convolutions.kernels(layer, run.snapshots(run.epochs[-1].item()))
    *_, rows, columns_of_kernel, channels, count = whole.shape
    what = _Weights.of(run, layer, channel, channels)
    chosen = chosen_units(units, count)
    grid = TileGrid.of(len(chosen), columns, width, height, ratio=rows / columns_of_kernel)
    cells = min(rows, _MOST_CELLS) * min(columns_of_kernel, _MOST_CELLS)
    clock = kept_epochs(
        run,
        Clock.of(run, epochs, epoch),
        max_bytes,
        bytes_per_epoch=len(chosen) * magnified_bytes(cells * (_COLORS if what.colors else 1)),
    )
    kernels = run.convolutions.kernels(layer, run.snapshots(clock.epochs))[..., chosen]
    response, tiles = what.drawn(kernels, grid)
    rows_of_data = packing.by_epoch(
        clock,
        {
            "unit": [number + 1 for number in chosen],
            "left": grid.lefts(),
            "top": grid.tops(),
        },
        {"tile": tiles},
    )
    heading = chart_title(
        title, named_title(layer, " \N{MIDDLE DOT} epoch {epoch}", grid.width), clock
    )
    size = f"{rows} \N{MULTIPLICATION SIGN} {columns_of_kernel}"
    add_subtitle(heading, f"weights of each filter, {size}{what.text}", grid.width)
    if units is None and count > len(chosen):
        add_subtitle(heading, f"the first {len(chosen)} of {count:,} filters", grid.width)
    note_not_finite(heading, clock, "weights", grid.width, kernels)
    data = packing.PackedData(rows_of_data)
    before = literal("Filter " if grid.across >= _ROOM else "")
    layers = [
        tile_images(data, clock, grid, tooltip=[alt.Tooltip("unit:Q", title="Filter")]),
        frames(grid.lefts(), grid.tops(), (grid.across, grid.down), (grid.width, grid.height)),
        tile_names(data, grid, f"{before} + datum.unit"),
        *legend_layers(response, grid.width, grid.height),
    ]
    return layered(
        layers,
        clock,
        title=heading,
        width=grid.width,
        height=grid.height,
        view=alt.ViewConfig(stroke=None),
    )


class _Weights(NamedTuple):
    """What the tiles show of the kernels.

    Attributes
    ----------
    channel : int or None
        The position of the only input channel that is drawn; None for all of them.
    colors : bool
        Whether three input channels are drawn as red, green and blue.
    text : str
        What the subtitle says about the channels.
    """

    channel: int | None
    colors: bool
    text: str

    @classmethod
    def of(cls, run: Run, layer: str, channel: int | Literal["norm"] | None, channels: int) -> Self:
        if channel is None:
            pictures = run.convolutions.pictures([0])
            of_colors = pictures is not None and pictures.shape[-1] == _COLORS == channels
            if of_colors and run.convolutions.is_first(layer):
                return cls(None, True, " in red, green and blue; gray: 0")
            channel = 1 if channels == 1 else "norm"
        if isinstance(channel, str):
            require_one_of("channel", channel, ["norm", *range(1, channels + 1)])
            return cls(None, False, f"; norm over {channels:,} input channels")
        require_at_least("channel", channel, 1, most=channels)
        text = "" if channels == 1 else f"; input channel {channel:,} of {channels:,}"
        return cls(int(channel) - 1, False, text)

    def drawn(self, kernels: np.ndarray, grid: TileGrid) -> tuple[Response, list[list[str]]]:
        """Return the color scale, and the tiles of each filter at each epoch.

        Parameters
        ----------
        kernels : numpy.ndarray, shape (epochs, rows, columns, channels, filters)
        grid : TileGrid
        """
        by_filter = np.moveaxis(kernels, -1, 0)
        if not self.colors:
            values = self._values(by_filter)
            signed = self.channel is not None
            response = Response.signed(values) if signed else Response.from_zero(values)
        else:
            values = by_filter
            response = dataclasses.replace(Response.signed(values), colors=_GRAYS)
        # Rows and columns come last for a moment.
        small = shrunk(values if not self.colors else np.moveaxis(values, -1, 2), _MOST_CELLS)
        times = math.ceil(
            SHARPNESS * max(grid.across / small.shape[-1], grid.down / small.shape[-2])
        )
        if self.colors:
            pictures = response.shares(np.moveaxis(small, 2, -1))
            return response, [[picture_url(one, magnified=times) for one in of] for of in pictures]
        return response, [
            [tile_url(one[::-1], response, magnified=times) for one in of] for of in small
        ]

    def _values(self, kernels: np.ndarray) -> np.ndarray:
        if self.channel is None:
            return np.asarray(np.linalg.norm(kernels, axis=-1))
        return np.asarray(kernels[..., self.channel])


def _checked_layer(run: Run, layer: str | None) -> str:
    """Return the layer, by default the first convolution."""
    known = run.convolutions.names
    if not known:
        recorded = "" if run.has_model else "It was recorded from outputs, without a model. "
        message = (
            f"filters needs a network with a two-dimensional convolution, but run {run.name!r} has "
            f"none. {recorded}Its layers are: {', '.join(map(repr, run.layers)) or 'none'}."
        )
        raise ArgumentError(message)
    if layer is None:
        return known[0]
    require_one_of("layer", layer, known)
    return layer
