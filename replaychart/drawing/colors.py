"""The colors of all charts.

Classes remain distinguishable with all common colour-vision deficiencies: two are blue and orange,
and up to ten differ in lightness as much as in hue. Crimson means wrong, and no class has a similar
color. Decision surfaces are filled with tints of the class colors, so pale that points have a
contrast of at least 3:1 to the surface of their own class.

The colors are those on a light background; `on_dark` returns those on a dark one. Marks have a
contrast of at least 3:1 to white, texts of at least 4.5:1, as WCAG 2.2 requires. Fills of areas and
the faint parts of curves, which other marks repeat, may have less.
"""

# The backgrounds for which the colors are chosen: that of the theme, and of Altair's "dark" theme.
LIGHT_BACKGROUND = "#ffffff"
DARK_BACKGROUND = "#333333"

CLASSES = ("#1b6ca8", "#cc6600")
DARK_CLASSES = ("#6db1e4", "#f0a04b")
# For more than two classes: found by a search, in which the two closest colors had to differ by at
# least 10 (CIEDE2000) with each of the three dichromacies, and all of them from `WRONG`.
MANY_CLASSES = (
    "#1b6ca8",
    "#c46200",
    "#43904e",
    "#5b2e53",
    "#aa6f8e",
    "#0a3595",
    "#4e4a00",
    "#716c64",
    "#054e38",
    "#7d72e3",
)
DARK_MANY_CLASSES = (
    "#6db1e4",
    "#f0a04b",
    "#baffaf",
    "#ffcaf6",
    "#a987b0",
    "#70edcf",
    "#c1c18b",
    "#a4aaa8",
    "#649d80",
    "#7a87f7",
)
# The order of these colors for runs: each is the one that differs most from those before it, on
# either background and with each of the dichromacies. Two classes have the last two.
_OF_RUNS = (2, 3, 4, 8, 7, 6, 5, 9, 0, 1)
SURFACE = ("#b5d4ec", "#f8f6f2", "#ffe1bb")
DARK_SURFACE = ("#264f6d", "#3d3c3b", "#6e4a1c")
# Numbers, from the smallest to the largest.
NUMBERS = ("#2b2a7a", "#1b6ca8", "#2a9d8f", "#bb8a1c", "#d1495b")
CORRECT = "#8b949e"
WRONG, DARK_WRONG = "#b3134f", "#ff6f95"
# The share of epochs at which a point is correct: never, half of them, always.
CORRECTNESS = ("#b3134f", "#c07f14", "#4a6fa5")
LOSS = "#7b4aa0"
RESIDUALS = "#4a6fa5"
METRIC = "#1d6f5f"
LEARNING_RATE = "#8a5a14"
# Where units switch on.
UNITS = "#6a3d9a"
WEIGHTS = "#1b6ca8"
GRADIENTS = "#b3134f"
ACTIVATIONS = "#2a9d6f"
PRE_ACTIVATIONS = "#c26a00"
# From the first layer to the last: the contrast to the background rises.
DEPTH = ("#a56200", "#b3324a", "#7b2d8b", "#1f2a6b")
DARK_DEPTH = ("#d9963a", "#f28b97", "#dcb0e4", "#eef0ff")
BOUNDARY, DARK_BOUNDARY = "#1f2328", "#f6f8fa"
# Lines on which the first and on which the second input is constant.
GRID = ("#5a6570", "#9a7b96")
DARK_GRID = ("#aab4be", "#b79ab3")
INK, DARK_INK = "#24292f", "#e6edf3"
MUTED, DARK_MUTED = "#656d76", "#adb5bd"
HAIRLINE = "#d0d7de"
_TEXTS_ON_DARK = {INK: DARK_INK, MUTED: DARK_MUTED}
# Lines that mark a value, such as 0, on light and dark backgrounds.
REFERENCE = "#8b949e"


_CHOSEN_ON_DARK = {
    WRONG: DARK_WRONG,
    **dict(zip(CLASSES, DARK_CLASSES, strict=True)),
    **dict(zip(MANY_CLASSES, DARK_MANY_CLASSES, strict=True)),
}


def class_colors(classes: int, *, dark: bool = False) -> list[str]:
    """Return a color for each class.

    Parameters
    ----------
    classes : int
        Number of classes. Beyond ten, the colors repeat in other shades.
    dark : bool, default False
        Whether the background is dark.
    """
    few, many = (
        [on_dark(color) for color in some] if dark else list(some)
        for some in (CLASSES, MANY_CLASSES)
    )
    if classes <= len(few):
        return few[:classes]
    rounds, count = divmod(classes - 1, len(many))
    away = LIGHT_BACKGROUND if dark else INK
    shades = [
        mixed(color, away, 0.45 * further / (rounds + 1))
        for further in range(rounds + 1)
        for color in many
    ]
    return shades[: rounds * len(many) + count + 1]


def run_colors(runs: int, *, dark: bool = False) -> list[str]:
    """Return a color for each run: first those that two classes do not have.

    Thin lines need colors that differ more than those of points.

    Parameters
    ----------
    runs : int
        Number of runs.
    dark : bool, default False
        Whether the background is dark.
    """
    every = class_colors(max(runs, len(MANY_CLASSES)), dark=dark)
    return [*(every[number] for number in _OF_RUNS), *every[len(MANY_CLASSES) :]][:runs]


def depth_colors(layers: int, *, dark: bool = False) -> list[str]:
    """Return a color for each layer, of rising contrast to the background.

    Parameters
    ----------
    layers : int
        Number of layers.
    dark : bool, default False
        Whether the background is dark.
    """
    stops = DARK_DEPTH if dark else DEPTH
    if layers == 1:
        return [stops[2]]
    return [ramp(stops, layer / (layers - 1)) for layer in range(layers)]


def on_dark(color: str) -> str:
    """Return a colour's version on a dark background.

    It is the one chosen for it, or else as light as needed for texts.
    """
    if color in _TEXTS_ON_DARK:
        return _TEXTS_ON_DARK[color]
    if color in _CHOSEN_ON_DARK:
        return _CHOSEN_ON_DARK[color]
    shades = (mixed(color, LIGHT_BACKGROUND, step / 50) for step in range(51))
    return next(shade for shade in shades if contrast(shade, DARK_BACKGROUND) >= 4.6)


def as_text(color: str) -> str:
    """Return a color as dark as needed for texts on a light background."""
    shades = (mixed(color, INK, step / 50) for step in range(51))
    return next(shade for shade in shades if contrast(shade, LIGHT_BACKGROUND) >= 4.6)


def contrast(color: str, other: str) -> float:
    """Return the contrast ratio of two colors, from 1 to 21, as WCAG 2.2 defines it."""
    darker, lighter = sorted((luminance(color), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(color: str) -> float:
    """Return the relative luminance of a color, from 0 to 1, as WCAG 2.2 defines it."""
    linear = [
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4
        for share in (channel / 255 for channel in _channels(color))
    ]
    return sum(w * v for w, v in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def ramp(stops: tuple[str, ...], place: float) -> str:
    """Return the color at a position from 0 to 1 on a ramp of evenly spaced stops."""
    at = min(max(place, 0.0), 1.0) * (len(stops) - 1)
    return mixed(stops[int(at)], stops[min(int(at) + 1, len(stops) - 1)], at % 1)


def mixed(color: str, other: str, share: float) -> str:
    """Return a color mixed with a fraction of another, both as ``#rrggbb``."""
    pairs = zip(_channels(color), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def _channels(color: str) -> list[int]:
    return [int(color[start : start + 2], 16) for start in (1, 3, 5)]
