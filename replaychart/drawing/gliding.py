"""The parameter that says how far a playing chart is on the way from one epoch to the next."""

from typing import NamedTuple

import numpy as np

from replaychart.drawing.epoch_parameter import positions_at

# The share of the step of the slider that lies behind, from 0 to less than 1. At a whole epoch, it
# is null, which counts as 0 in a sum.
GLIDE = "glide"
# The steps of the slider per second, to which a film relates its own frames per second.
EPOCHS_PER_SECOND = "glide_fps"


class Way(NamedTuple):
    """How a step of the slider moves a chart on the way from one of its own epochs to the next.

    A chart may have fewer epochs than the slider has stops. Then, several steps are one way.

    Attributes
    ----------
    done : list of float
        For each stop of the slider, the share of the way that lies behind the chart.
    step : list of float
        For each stop, the share that the step to the next stop adds.
    """

    done: list[float]
    step: list[float]

    @classmethod
    def of(cls, epochs: np.ndarray, stops: np.ndarray) -> "Way":
        """Return the ways of a chart with some epochs, given the stops of the slider."""
        position = positions_at(epochs, stops)
        reached = np.searchsorted(stops, epochs)
        start = reached[position]
        steps = reached[np.minimum(position + 1, len(epochs) - 1)] - start
        passed = np.arange(len(stops)) - start
        # Before its first epoch, a chart does not move. After its last one, there is no next.
        moves = (steps > 0) & (passed >= 0)
        count = np.where(moves, steps, 1)
        step = np.where(moves, 1 / count, position == len(epochs) - 1)
        return cls(np.where(moves, passed / count, 0).tolist(), step.tolist())

    @property
    def is_step(self) -> bool:
        """Whether each step of the slider is the whole way from one epoch to the next."""
        return not any(self.done) and set(self.step) == {1.0}
