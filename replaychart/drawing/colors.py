"""The colours of all charts.

Two classes are blue and orange, which remain distinguishable with all common colour-vision
deficiencies; correct and wrong predictions also differ in lightness. The decision surface is filled
with tints of the class colours, so that points stay visible on it.
"""

CLASSES = ("#1b6ca8", "#e07b00")
# For more than two classes: colours whose neighbours in this order differ in hue and lightness.
MANY_CLASSES = (
    "#1b6ca8",
    "#e07b00",
    "#2a9d6f",
    "#b3134f",
    "#7b4aa0",
    "#c9a400",
    "#4fb3d9",
    "#8c564b",
    "#e377a8",
    "#5f6b77",
)
SURFACE = ("#9cc5e6", "#f6f4f0", "#ffc981")
# Numbers, from the smallest to the largest.
NUMBERS = ("#2b2a7a", "#1b6ca8", "#2a9d8f", "#e0a82e", "#d1495b")
CORRECT = "#a9b1ba"
WRONG = "#b3134f"
LOSS = "#7b4aa0"
RESIDUALS = "#4a6fa5"
METRIC = "#1d6f5f"
WEIGHTS = "#1b6ca8"
GRADIENTS = "#b3134f"
ACTIVATIONS = "#2a9d6f"
PRE_ACTIVATIONS = "#c26a00"
# From the first layer to the last.
DEPTH = ("#e8a13a", "#cf4a5c", "#7b2d8b", "#1f2a6b")
BOUNDARY = "#1f2328"
GRID = "#454c54"
INK = "#24292f"
MUTED = "#656d76"
HAIRLINE = "#d0d7de"


def class_colors(classes: int) -> list[str]:
    """Return a colour for each class.

    Parameters
    ----------
    classes : int
        Number of classes. Beyond ten, the colours repeat in darker shades.
    """
    if classes <= len(CLASSES):
        return list(CLASSES[:classes])
    rounds, count = divmod(classes - 1, len(MANY_CLASSES))
    shades = [
        mixed(color, INK, 0.45 * darker / (rounds + 1))
        for darker in range(rounds + 1)
        for color in MANY_CLASSES
    ]
    return shades[: rounds * len(MANY_CLASSES) + count + 1]


def depth_colors(layers: int) -> list[str]:
    """Return a colour for each layer, from light to dark.

    Parameters
    ----------
    layers : int
        Number of layers.
    """
    if layers == 1:
        return [DEPTH[2]]
    return [ramp(DEPTH, layer / (layers - 1)) for layer in range(layers)]


def ramp(stops: tuple[str, ...], place: float) -> str:
    """Return the colour at a position from 0 to 1 on a ramp of evenly spaced stops."""
    at = min(max(place, 0.0), 1.0) * (len(stops) - 1)
    return mixed(stops[int(at)], stops[min(int(at) + 1, len(stops) - 1)], at % 1)


def mixed(color: str, other: str, share: float) -> str:
    """Return a colour mixed with a fraction of another, both as ``#rrggbb``."""
    pairs = zip(_channels(color), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def _channels(color: str) -> list[int]:
    return [int(color[start : start + 2], 16) for start in (1, 3, 5)]
