"""The types of the arguments that choose a plane: projections, slices, and where surfaces lie."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol

import numpy as np


class SupportsArray(Protocol):
    """Anything that NumPy can convert: an array, a pandas object, a tensor.

    Unlike `numpy.typing.ArrayLike` it excludes strings, so that type checkers find misspelled ones.
    """

    def __array__(self, *args: Any, **kwargs: Any) -> np.ndarray:
        """Return the values as an array."""


class Transformer(Protocol):
    """An object with ``fit`` and ``transform``, such as scikit-learn's."""

    @property
    def fit(self) -> Callable[..., Any]:
        """Fits the object to values of shape (rows, units), and to targets if it needs them."""

    def transform(self, values: Any, /) -> Any:
        """Return the coordinates of values of shape (rows, units), shape (rows, 2)."""


Matrix = SupportsArray | Sequence[Sequence[float]]
# How a layer with more than two units is projected. A pair is one of units; `feature_space` also
# takes "rotate".
NamedProjection = Literal[
    "pca", "pca-pooled", "pca-last", "aligned", "output-weights", "discriminants"
]
ProjectionLike = NamedProjection | tuple[int, int] | Matrix | Transformer

# How an output with several axes becomes a vector.
Positions = Literal["flatten", "mean"]

# The two features that a slice shows, by name or position.
Features = Sequence[str | int] | SupportsArray

# The value of a feature, or of a whole input.
FixedValue = float | Sequence[float] | SupportsArray
# Where a slice fixes the other features. An int is the number of a recorded point.
SliceAt = (
    Literal["median", "mean"] | int | Mapping[str, FixedValue] | Sequence[float] | SupportsArray
)

# The plane over which a surface is evaluated.
PlaneName = Literal["inputs", "layer"]
