"""Vega expressions. Every string in an expression is escaped here."""

import json
import re
from typing import TypeVar

import altair as alt
import numpy as np

# The class of a channel's values.
Channel = TypeVar("Channel", bound=alt.SchemaBase)


def literal(value: object) -> str:
    """Return a value as a literal of the Vega expression language.

    Parameters
    ----------
    value : str, int, float, bool, None or sequence of them
        A string may contain anything; it is always treated as plain text.
    """
    # JSON literals are valid in Vega expressions. Characters that could end a script element or a
    # line are escaped, because expressions are embedded in HTML.
    text = json.dumps(value, default=_number)
    for character in ("<", ">", "&", "\u2028", "\u2029"):
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def outright(channel: type[Channel], expression: str) -> Channel:
    """Return the encoding of a channel by an expression that is evaluated for each row.

    A field, even without a scale, would add its name to the legend of that channel in a
    neighboring chart, and a scale would be merged with that of the neighbor.

    Parameters
    ----------
    channel : type
        The class of the channel's values, such as ``altair.ColorValue``.
    expression : str
        The expression for the mark's property, such as ``datum.color``.
    """
    return channel(alt.ExprRef(expression))


def text_with_epoch(template: str, shown_epoch: str, **others: str) -> str:
    """Return the expression for a string in which ``{epoch}`` is replaced by the epoch shown.

    Parameters
    ----------
    template : str
        Any string.
    shown_epoch : str
        The expression for the epoch shown.
    **others : str
        Expressions for other names in braces.
    """
    shown = {f"{{{name}}}": value for name, value in {"epoch": shown_epoch, **others}.items()}
    pieces = re.split(f"({'|'.join(map(re.escape, shown))})", template)
    return " + ".join(f"({shown[piece]})" if piece in shown else literal(piece) for piece in pieces)


def _number(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    message = f"{value!r} cannot be used in an expression."
    raise TypeError(message)
