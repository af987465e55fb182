"""Types of the arguments of recorders."""

from collections.abc import Mapping, Sequence
from typing import Literal

from numpy.typing import ArrayLike

# One array (or DataFrame) of points, or one for each input of the model, in a list or by name.
Points = ArrayLike | Sequence[ArrayLike] | Mapping[str, ArrayLike]
# The targets of the points, or those of each output of the model, in a list or by name.
Targets = ArrayLike | Sequence[ArrayLike | None] | Mapping[str, ArrayLike | None]
IfExists = Literal["error", "overwrite", "append", "new"]
OnError = Literal["warn", "raise"]
