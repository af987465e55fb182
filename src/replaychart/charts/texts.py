"""Texts from a run on their way into a chart.

Names of layers, features, classes and metrics come out of a file that anybody may have written.
There are three ways into a chart, and each has its rule:

- What stands in a Vega expression goes through `expressions.literal`.
- What is displayed (data, titles, the domains of scales) goes through `displayed`.
- Vega-Lite makes expressions of its own out of the titles of tooltips, and of all channels where
  marks are described for screen readers, and does not escape backslashes in them. So tooltips have
  titles that are written here, and marks whose axes are named by a run are not described.
"""

import re

# What would end a script element, or begin a comment in one: Altair's own `to_html`, and with it
# a notebook, puts a chart into such an element as it is.
_ENDS_A_SCRIPT = re.compile(r"<(?=[/!]|script)", re.IGNORECASE)
_INVISIBLE = "\N{WORD JOINER}"
# Neither SVG nor any other XML may hold these.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
_LONGEST = 300


def displayed(text: str) -> str:
    """Return a text in a form in which it can be nothing but text, wherever a chart is shown.

    It looks the same: control characters are replaced, what would end a script element is broken up
    by a character of no width, and texts longer than 300 letters are cut.
    """
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST - 1]}\N{HORIZONTAL ELLIPSIS}"
    return _ENDS_A_SCRIPT.sub(f"<{_INVISIBLE}", _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text))
