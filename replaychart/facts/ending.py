"""What is known about the end of a training run besides its last snapshot."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Ending:
    """The weights that the model was left with.

    Attributes
    ----------
    restored_epoch : float or None
        The epoch whose weights a callback restored; None if it restored none, or if the epoch is
        not known.
    best_epoch : float or None
        The epoch that a callback such as ``EarlyStopping`` found to be the best; None if there was
        no such callback.
    """

    restored_epoch: float | None = None
    best_epoch: float | None = None
