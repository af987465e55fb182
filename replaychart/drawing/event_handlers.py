"""Parameters with event handlers, which answer the pointer, the keyboard or a timer.

Vega-Lite's schema does not list the handlers of a variable parameter, but its compiler passes all
properties of one on to the signal that it becomes. So a handler written into the parameter itself
survives whatever is done to the chart, whichever tool compiles it.
"""

import copy
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


class SparselyListed(dict[str, Any], HandlingVariable):
    """A definition that leaves out the unlisted properties when its keys are iterated.

    Altair validates a whole chart against the schema at each `to_dict`, and the validator iterates
    the keys of a dict to find those that are not in the schema. Everything that writes or copies a
    dict (``json``, ``copy``, ``dict``, vl-convert) reads its ``items`` or ``keys``, which are
    complete.

    It is also a parameter itself, so that Altair's ``from_dict`` takes it as it is. This is what
    the renderer ``jupyter`` makes a chart with; from a plain dict, it would not accept handlers.
    """

    def __init__(self, definition: Definition) -> None:
        dict.__init__(self, definition)
        self._args = ()

    def __setattr__(self, name: str, value: Any) -> None:
        """Set a property of the parameter, as Altair's parameters do; or a private attribute."""
        if name.startswith("_"):
            object.__setattr__(self, name, value)
        else:
            self[name] = value

    @property
    def _kwds(self) -> Definition:
        """The properties, where Altair looks for those of a parameter."""
        return dict(self)

    def __iter__(self) -> Any:
        """Yield the keys that the schema lists."""
        return (key for key in self.keys() if key not in UNLISTED)

    def copy(self, deep: Any = True, ignore: Any = None) -> Any:  # noqa: ARG002
        """Return a copy, which is a parameter as well."""
        return copy.deepcopy(self)

    def __deepcopy__(self, memo: object) -> "SparselyListed":
        """Return a copy, also for Altair, which does not know that this is a dict."""
        copied = type(self).__new__(type(self))
        copied.__dict__.update(self.__dict__)
        copied.update({key: copy.deepcopy(value) for key, value in self.items()})
        return copied


def without_handlers(definition: Definition) -> Definition:
    """Return the definition of a parameter as it is in a chart that stands still."""
    listed = {key: value for key, value in definition.items() if key not in UNLISTED}
    return listed | ({"value": definition[STILL]} if STILL in definition else {})
