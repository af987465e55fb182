"""Text from a run on its way into a chart.

Names of layers, features, classes and metrics come from a file that anyone may have written. There
are three ways into a chart, each with its own rule:

- Text in a Vega expression goes through `expressions.literal`.
- Text that is displayed (data, titles, domains of scales) goes through `displayed`.
- Vega-Lite generates expressions from the titles of tooltips and, if marks have descriptions for
  screen readers, from the titles of all channels, without escaping backslashes. Therefore tooltips
  have fixed titles, and marks whose axes are titled with a name from a run have no descriptions.

A name can have any length. If a long name would push charts apart or overlap another one, it goes
through `fitted`; tooltips show the full name.
"""

import re
import unicodedata

# Text that would end a script element or start a comment in one. Altair's `to_html`, and therefore
# a notebook, puts the spec into such an element without escaping.
_ENDS_A_SCRIPT = re.compile(r"<(?=[/!]|script)", re.IGNORECASE)
_INVISIBLE = "\N{WORD JOINER}"
# Characters that are not allowed in SVG or any other XML.
_CONTROL = r"\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff"
# Characters that change the direction of the text after them, beyond the end of the name. Names in
# right-to-left scripts do not need them.
_REORDERING = r"\u202a-\u202e\u2066-\u206f\ufff9-\ufffb"
_REPLACED = re.compile(f"[{_CONTROL}{_REORDERING}]")
_LONGEST = 300
# Disables a renderer's own limits of text width. They can split characters that consist of two code
# units, such as emoji, and the renderer may fail on the rest.
NO_LIMIT = 0
# Font sizes of the theme, in pixels.
TITLE_SIZE = 14
AXIS_TITLE_SIZE = 12
SMALL_SIZE = 12
# Widths of characters as fractions of the font size. They are those of Helvetica, which the other
# fonts of the theme resemble.
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
# Characters that are missing in these fonts, from Hebrew on, come from other fonts, which may be
# wider.
_FIRST_OF_OTHER_FONTS, _IN_OTHER_FONTS = "\u0590", 0.72


def displayed(text: str) -> str:
    """Return a string that is safe to show in a chart, wherever the chart is displayed.

    Ordinary text does not change. Control characters and characters that would change the direction
    of other text are replaced, sequences that would end a script element are broken up by a
    zero-width character, and text longer than 300 characters is cut off.
    """
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST - 1]}\N{HORIZONTAL ELLIPSIS}"
    return _ENDS_A_SCRIPT.sub(f"<{_INVISIBLE}", _REPLACED.sub("\N{REPLACEMENT CHARACTER}", text))


def fitted(text: str, pixels: float, *, size: float = SMALL_SIZE, bold: bool = False) -> str:
    """Return a string as by `displayed`, with an ellipsis in the middle if it is too wide.

    The middle is shortened because similar names differ at the end as often as at the beginning.

    Parameters
    ----------
    text : str
        Any string.
    pixels : float
        Approximate maximum width. A few characters are kept in any case.
    size : float, default 12
        Font size in pixels.
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
        # The shorter side grows, and the beginning if both are equal.
        at_begin = width_of(left) <= width_of(right)
        piece = pieces.pop(0 if at_begin else -1)
        room -= width_of(piece)
        if room < 0:
            break
        left, right = (left + piece, right) if at_begin else (left, piece + right)
    return f"{left.rstrip()}\N{HORIZONTAL ELLIPSIS}{right.lstrip()}"


def lines(text: str, pixels: float, *, size: float = SMALL_SIZE) -> list[str]:
    """Return a string as by `displayed`, broken into lines of a maximum width.

    Parameters
    ----------
    text : str
        Any string. It is broken between words; a word wider than a line is shortened by `fitted`.
    pixels : float
        Approximate maximum width of a line.
    size : float, default 12
        Font size in pixels.
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
    """Return the approximate width of a string, in the unit of the font size."""
    return sum(map(_width, text)) * size * (_BOLD if bold else 1)


def _width(letter: str) -> float:
    """Return the approximate width of a character, as a fraction of the font size."""
    if letter not in _WIDTHS and unicodedata.category(letter) in ("Mn", "Me", "Cf"):
        return 0.0
    if unicodedata.east_asian_width(letter) in "WF":
        return _FULL_WIDTH
    return _WIDTHS.get(letter, _OTHERS if letter < _FIRST_OF_OTHER_FONTS else _IN_OTHER_FONTS)


def _whole_letters(text: str) -> list[str]:
    """Return the characters of a string, each with its combining marks and modifiers."""
    pieces: list[str] = []
    for letter in text:
        joined = bool(pieces) and pieces[-1].endswith("\N{ZERO WIDTH JOINER}")
        modifies = unicodedata.category(letter)[0] == "M" or unicodedata.category(letter) == "Cf"
        if pieces and (joined or modifies or "\U0001f3fb" <= letter <= "\U0001f3ff"):
            pieces[-1] += letter
        else:
            pieces.append(letter)
    return pieces
