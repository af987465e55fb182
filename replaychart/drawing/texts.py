"""Texts from a run on their way into a chart.

Names of layers, features, classes and metrics come out of a file that anybody may have written.
There are three ways into a chart, and each has its rule:

- What stands in a Vega expression goes through `expressions.literal`.
- What is displayed (data, titles, the domains of scales) goes through `displayed`.
- Vega-Lite makes expressions of its own out of the titles of tooltips, and of all channels where
  marks are described for screen readers, and does not escape backslashes in them. So tooltips have
  titles that are written here, and marks whose axes are named by a run are not described.

A name may be of any length. Where a long one would push charts apart or run over another, it goes
through `fitted`; tooltips tell the whole.
"""

import re
import unicodedata

# What would end a script element, or begin a comment in one: Altair's own `to_html`, and with it
# a notebook, puts a chart into such an element as it is.
_ENDS_A_SCRIPT = re.compile(r"<(?=[/!]|script)", re.IGNORECASE)
_INVISIBLE = "\N{WORD JOINER}"
# Neither SVG nor any other XML may hold these.
_CONTROL = r"\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff"
# These turn the order of what follows them on the screen, beyond the name's own end. Names that are
# written from right to left need none of them.
_REORDERING = r"\u202a-\u202e\u2066-\u206f\ufff9-\ufffb"
_REPLACED = re.compile(f"[{_CONTROL}{_REORDERING}]")
_LONGEST = 300
# For a renderer's own limits of texts: they cut letters of two halves, such as emoji, in the
# middle, and it may fail on what is left.
NO_LIMIT = 0
# The fonts' sizes in the theme, in pixels.
TITLE_SIZE = 14
AXIS_TITLE_SIZE = 12
SMALL_SIZE = 11
# Widths of letters as shares of the font's size: those of Helvetica, to which the theme's other
# fonts are alike.
_WIDTHS = {
    letter: width
    for width, letters in {
        0.22: "ijl'`|",
        0.28: " !,./:;I[]\\ft\N{MIDDLE DOT}",
        0.33: "()-r{}",
        0.5: "cksvxyzJ",
        0.61: "FTZ+<=>~^",
        0.67: "ABEKPSVXY&",
        0.72: "CDHNRUw",
        0.78: "GOQ",
        0.83: "mM",
        0.89: "%",
        0.95: "W",
        1.0: "@\N{HORIZONTAL ELLIPSIS}",
    }.items()
    for letter in letters
}
_OTHERS, _FULL_WIDTH, _BOLD = 0.56, 1.05, 1.07
# Letters that these fonts lack come from others, which may be wider: from Hebrew and Arabic on.
_FIRST_OF_OTHER_FONTS, _IN_OTHER_FONTS = "\u0590", 0.72


def displayed(text: str) -> str:
    """Return a text in a form in which it can be nothing but text, wherever a chart is shown.

    It looks the same: control characters are replaced, those that would reorder other texts too,
    what would end a script element is broken up by a character of no width, and texts longer than
    300 letters are cut.
    """
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST - 1]}\N{HORIZONTAL ELLIPSIS}"
    return _ENDS_A_SCRIPT.sub(f"<{_INVISIBLE}", _REPLACED.sub("\N{REPLACEMENT CHARACTER}", text))


def fitted(text: str, pixels: float, *, size: float = SMALL_SIZE, bold: bool = False) -> str:
    """Return a text as `displayed`, with an ellipsis for its middle where it would be too wide.

    The middle, because names that are alike differ at their ends as often as at their beginnings.

    Parameters
    ----------
    text : str
        Any text.
    pixels : float
        About how wide it may be. It keeps a few letters at the least.
    size : float, default 11
        The font's size in pixels.
    bold : bool, default False
        Whether the font is bold.
    """
    text = displayed(text)
    room = max(pixels / size / (_BOLD if bold else 1), 4)
    if width_of(text) <= room:
        return text
    pieces = _whole_letters(text)
    left, right, room = "", "", room - 1
    while pieces:
        # The side that is shorter grows; ahead of it the beginning.
        at_begin = width_of(left) <= width_of(right)
        piece = pieces.pop(0 if at_begin else -1)
        room -= width_of(piece)
        if room < 0:
            break
        left, right = (left + piece, right) if at_begin else (left, piece + right)
    return f"{left.rstrip()}\N{HORIZONTAL ELLIPSIS}{right.lstrip()}"


def lines(text: str, pixels: float, *, size: float = SMALL_SIZE) -> list[str]:
    """Return a text as `displayed`, in as many lines as it needs to be so wide at most.

    Parameters
    ----------
    text : str
        Any text. It is broken between words; a word that is wider than a line is `fitted` into one.
    pixels : float
        About how wide a line may be.
    size : float, default 11
        The font's size in pixels.
    """
    broken: list[str] = []
    for word in displayed(text).split(" "):
        longer = f"{broken[-1]} {word}" if broken else word
        if broken and width_of(longer, size=size) <= pixels:
            broken[-1] = longer
        else:
            broken.append(fitted(word, pixels, size=size))
    return broken


def width_of(text: str, *, size: float = 1, bold: bool = False) -> float:
    """Return about how wide a text is, in the unit of the font's size."""
    return sum(map(_width, text)) * size * (_BOLD if bold else 1)


def _width(letter: str) -> float:
    """Return about how wide a letter is, as a share of the font's size."""
    if letter not in _WIDTHS and unicodedata.category(letter) in ("Mn", "Me", "Cf"):
        return 0.0
    if unicodedata.east_asian_width(letter) in "WF":
        return _FULL_WIDTH
    return _WIDTHS.get(letter, _OTHERS if letter < _FIRST_OF_OTHER_FONTS else _IN_OTHER_FONTS)


def _whole_letters(text: str) -> list[str]:
    """Return the letters of a text, each with the marks and modifiers that belong to it."""
    pieces: list[str] = []
    for letter in text:
        joined = bool(pieces) and pieces[-1].endswith("\N{ZERO WIDTH JOINER}")
        modifies = unicodedata.category(letter)[0] == "M" or unicodedata.category(letter) == "Cf"
        if pieces and (joined or modifies or "\U0001f3fb" <= letter <= "\U0001f3ff"):
            pieces[-1] += letter
        else:
            pieces.append(letter)
    return pieces
