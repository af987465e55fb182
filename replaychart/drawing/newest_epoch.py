"""The epochs of a chart that is drawn while its training goes on."""

from typing import TYPE_CHECKING

from replaychart.run import Run

if TYPE_CHECKING:
    import numpy as np


class NewestEpoch(list[float]):
    """The newest epoch of a run, to pass as ``epochs`` to a chart.

    Charts show this epoch alone, so that drawing takes as long at the end of a long training as at
    its beginning. Curves over the epochs also show what came before it.

    Parameters
    ----------
    run : Run
        The run.
    planned : float, optional
        The epoch at which the training will end, where epoch axes end as well.

    Attributes
    ----------
    until_now : numpy.ndarray of int64 or float64, shape (snapshots,)
        All epochs of the run.
    planned : float or None
    """

    def __init__(self, run: Run, planned: float | None = None) -> None:
        super().__init__([run.epochs[-1].item()])
        self.until_now: np.ndarray = run.epochs
        self.planned = planned
