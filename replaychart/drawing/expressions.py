"""Vega expressions. Every text that goes into one is escaped here."""

import json
from typing import Any

import altair as alt
import numpy as np


def literal(value: object) -> str:
    """Return a value as a literal of the Vega expression language.

    Parameters
    ----------
    value : str, int, float, bool, None or sequence of them
        Text may hold anything: it stays text.
    """
    # Vega parses JSON's literals as its own. What could end a script element or a line is written
    # as an escape, because expressions are carried in HTML.
    text = json.dumps(value, default=_number)
    for character in ("<", ">", "&", "\u2028", "\u2029"):
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def outright(expression: str) -> Any:
    """Return the encoding of a channel by what an expression gives for each row, without a scale.

    A field would give its name to the legend of that channel in any chart that stands beside this
    one, even if it has no scale; and a scale of its own would be merged with the other chart's.

    Parameters
    ----------
    expression : str
        What a mark's property is, such as ``datum.color``.
    """
    return alt.value(alt.ExprRef(expression))


def text_with_epoch(template: str, shown_epoch: str) -> str:
    """Return the expression for a text in which ``{epoch}`` stands for the epoch shown.

    Parameters
    ----------
    template : str
        Any text.
    shown_epoch : str
        The expression of the epoch shown.
    """
    pieces = [literal(piece) for piece in template.split("{epoch}")]
    return f" + ({shown_epoch}) + ".join(pieces)


def _number(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    message = f"No expression can hold {value!r}."
    raise TypeError(message)
