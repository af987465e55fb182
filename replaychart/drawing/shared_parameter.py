"""Parameters that charts share, which raise an error where two different ones would meet.

Altair merges equal parameters of composed charts. If they differ, it keeps both, and the page stays
blank, because two signals of a page cannot have the same name.
"""

from typing import Any

import altair as alt

from replaychart.drawing.event_handlers import HandlingVariable, SparselyListed
from replaychart.errors import ArgumentError


class SharedVariable(HandlingVariable):
    """A variable parameter that raises an error if it is combined with a different one of its name.

    Subclasses say what to do about it.
    """

    _schema = HandlingVariable._schema

    @classmethod
    def parameter(cls, name: str, **definition: Any) -> alt.Parameter:
        """Return a parameter with this definition, in the form that charts and expressions take."""
        parameter = alt.Parameter(name, alt.Undefined, alt.Undefined, "variable")
        parameter.param = cls(name=name, **definition)
        return parameter

    @staticmethod
    def explained(one: dict[str, Any], other: dict[str, Any]) -> str:
        """Return the message, given both definitions."""
        raise NotImplementedError

    def to_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return the definition, which is compared with others of its name."""
        return _Definition(super().to_dict(*args, **kwargs), type(self))


class _Definition(SparselyListed):
    def __init__(self, definition: dict[str, Any], kind: type[SharedVariable]) -> None:
        super().__init__(definition)
        self._kind = kind

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, dict) or other.get("name") != self.get("name"):
            return False
        if dict.__eq__(self, other):
            return True
        raise ArgumentError(self._kind.explained(self, other))

    __hash__ = None  # type: ignore[assignment]
