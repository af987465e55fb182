"""Parameters with event handlers, which answer the pointer, the keyboard or a timer.

Vega-Lite's schema does not list the handlers of a variable parameter, but its compiler passes all
properties of one on to the signal that it becomes. So a handler written into the parameter itself
survives whatever is done to the chart, whichever tool compiles it.
"""

from typing import Any

from altair.vegalite.v6.schema import core

# What the schema does not list: event handlers, and the value of the chart where nothing handles
# events, as in a picture.
STILL = "still"
UNLISTED = ("on", STILL)

Handlers = list[dict[str, Any]]
Definition = dict[str, Any]


class HandlingVariable(core.VariableParameter):
    """A variable parameter that may have event handlers ``on``, as a signal of Vega has."""

    _schema = core.VariableParameter._schema

    def to_dict(self, *args: Any, ignore: list[str] | None = None, **kwargs: Any) -> Definition:
        """Return the definition; see `SparselyListed` for how it passes Altair's validation."""
        listed = super().to_dict(*args, ignore=[*(ignore or []), *UNLISTED], **kwargs)
        own = {key: self._kwds[key] for key in UNLISTED if key in self._kwds}
        return SparselyListed(listed | own)


class SparselyListed(dict[str, Any]):
    """A definition that leaves out the unlisted properties when its keys are iterated.

    Altair validates a whole chart against the schema at each `to_dict`, and the validator iterates
    the keys of a dict to find those that are not in the schema. Everything that writes or copies a
    dict (``json``, ``copy``, ``dict``, vl-convert) reads its ``items`` or ``keys``, which are
    complete.
    """

    def __iter__(self) -> Any:
        """Yield the keys that the schema lists."""
        return (key for key in self.keys() if key not in UNLISTED)


def without_handlers(definition: Definition) -> Definition:
    """Return the definition of a parameter as it is in a chart that stands still."""
    listed = {key: value for key, value in definition.items() if key not in UNLISTED}
    return listed | ({"value": definition[STILL]} if STILL in definition else {})
