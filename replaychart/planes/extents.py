"""The limits of the planes that are shown."""

import numpy as np

_MARGIN = 0.05
# Axes whose spans differ by a larger factor have different units, and get separate scales.
_COMPARABLE = 3.0

Limits = tuple[float, float]


def padded_limits(*coordinates: np.ndarray, margin: float = _MARGIN) -> tuple[Limits, Limits]:
    """Return limits around all coordinates, with a margin and a common scale.

    Parameters
    ----------
    *coordinates : numpy.ndarray, shape (..., 2)
        The points that should be visible. NaN and infinity are ignored.
    margin : float, default 0.05
        The margin on each side, as a share of the span.

    Returns
    -------
    xlim, ylim : tuple of float
        With equal spans if the spans are comparable, so that a square chart shows true angles.
    """
    flat = np.concatenate([np.asarray(c, np.float64).reshape(-1, 2) for c in coordinates])
    flat = flat[np.isfinite(flat).all(axis=1)]
    if not len(flat):
        return (-1.0, 1.0), (-1.0, 1.0)
    low, high = flat.min(axis=0), flat.max(axis=0)
    # A layer that has collapsed to a point or a line still gets a plane around it. What counts as
    # collapsed depends on the values and on the other axis: neighboring floats are farther apart
    # far from 0, and values around 1e-9 are as good as others.
    span = high - low
    least = 1e-6 * np.maximum(np.abs(high) + np.abs(low), span.max())
    spread = (span > least) & (span > np.finfo(np.float32).tiny)
    alike = float(span[spread].max() if spread.any() else max(0.1, 1e4 * least.max()))
    span = np.where(spread, span, alike)
    span = shared_spans(span)
    middle, half = (low + high) / 2, span * (0.5 + margin)
    (x_low, y_low), (x_high, y_high) = (middle - half).tolist(), (middle + half).tolist()
    return (x_low, x_high), (y_low, y_high)


def shared_spans(spans: np.ndarray) -> np.ndarray:
    """Return spans in x and y as they are shown, shape (..., 2).

    Comparable spans share a scale, so both become the larger one; so do those of a flat picture.
    """
    least, most = spans.min(axis=-1, keepdims=True), spans.max(axis=-1, keepdims=True)
    return np.where((most <= _COMPARABLE * least) | (least == 0), most, spans)
