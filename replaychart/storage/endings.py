"""Writes and reads which weights a training run left the model with."""

import math
from typing import Any

import h5py

from replaychart.facts.ending import Ending
from replaychart.storage.hdf5.checked import Attributes

_RESTORED = "restored_epoch"
_BEST = "best_epoch"


def write(run: h5py.Group, ending: Ending) -> None:
    """Write an ending into the attributes of a run; the previous one is replaced."""
    for name, epoch in ((_RESTORED, ending.restored_epoch), (_BEST, ending.best_epoch)):
        if epoch is not None:
            run.attrs[name] = float(epoch)
        elif name in run.attrs:
            del run.attrs[name]


def read(attributes: Attributes) -> Ending:
    """Return the ending of a run.

    Raises
    ------
    ValueError
        An epoch is not a finite number from 0.
    """
    return Ending(_epoch(attributes, _RESTORED), _epoch(attributes, _BEST))


def _epoch(attributes: Attributes, name: str) -> float | None:
    if name not in attributes:
        return None
    value: Any = attributes[name]
    try:
        epoch = float(value)
    except TypeError:  # an array
        epoch = math.nan
    if isinstance(value, str) or not 0 <= epoch < math.inf:
        message = f"the attribute {name} must be a finite number from 0. Got {value!r}"
        raise ValueError(message)
    return epoch
