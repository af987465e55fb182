"""The epochs of a chart, and the expressions that say which of them is shown."""

import dataclasses

import altair as alt
import numpy as np

from replaychart.arguments import is_number
from replaychart.drawing.epoch_parameter import (
    NAME,
    POSITION,
    EpochParameter,
    epoch_param,
    has_equal_steps,
    positions_at,
    step_of,
)
from replaychart.drawing.expressions import literal
from replaychart.errors import ArgumentError
from replaychart.facts.epochs import EPOCH_DIGITS, Epochs, epoch_numbers
from replaychart.run import Run


@dataclasses.dataclass(frozen=True)
class Clock:
    """The epochs of one chart, and the parameter that says which of them is shown.

    Attributes
    ----------
    epochs : numpy.ndarray of int64 or float64, shape (frames,)
        The chart's epochs, rising.
    parameter : altair.Parameter
        The parameter that all charts share.
    batches : int or None
        Batches of an epoch, where that is known.
    every : Clock or None
        The clock that `epochs` are evenly spaced ones of; None if the chart has all it was asked
        for.
    """

    epochs: np.ndarray
    parameter: alt.Parameter
    batches: int | None = None
    every: "Clock | None" = None

    @classmethod
    def of(cls, run: Run, epochs: Epochs, epoch: float | alt.Parameter | None) -> "Clock":
        """Return the clock for a chart's ``epochs`` and ``epoch`` arguments."""
        if not isinstance(epochs, slice) and epochs is not None:
            epochs = epoch_numbers("epochs", epochs)
        chosen = run.epochs[run.snapshots(epochs)]
        if isinstance(epoch, alt.Parameter):
            if epoch.name != NAME:
                message = f"epoch must be a parameter named {NAME!r}. Got {epoch.name!r}."
                raise ArgumentError(message)
            return cls(chosen, epoch, run.batches_per_epoch)
        if epoch is not None and not is_number(epoch):
            message = f"epoch must be a number or the result of epoch_param. Got {epoch!r}."
            raise ArgumentError(message)
        parameter = epoch_param(run, epochs=chosen, value=epoch)
        return cls(chosen, parameter, run.batches_per_epoch)

    def thinned(self, count: int) -> "Clock":
        """Return a clock with so many epochs, evenly spaced, the first and the last among them.

        The parameter stays: charts with other epochs share it. In between, the last kept is shown.

        Parameters
        ----------
        count : int
            At least 2.
        """
        last = len(self.epochs) - 1
        if count > last:
            return self
        places = -(-np.arange(count) * last // (count - 1))
        return dataclasses.replace(self, epochs=self.epochs[places], every=self)

    @property
    def parameters(self) -> tuple[alt.Parameter, ...]:
        """All parameters that a chart of this clock needs, for ``add_params``."""
        if isinstance(self.parameter, EpochParameter):
            return tuple(self.parameter)
        return (self.parameter,)

    def position_expression(self) -> str:
        """Return the expression for the position in `epochs`: the last one not after ``epoch``."""
        count = len(self.epochs)
        if count == 1:
            return "0"
        if self.every is not None:
            # The inverse of how `thinned` spaces them.
            last = len(self.every.epochs) - 1
            return f"floor(({self.every.position_expression()}) * {count - 1} / {last})"
        if isinstance(self.parameter, EpochParameter) and self.parameter.position is not None:
            frames = positions_at(self.epochs, self.parameter.epochs).tolist()
            own = frames == list(range(len(frames)))
            return POSITION if own else f"{literal(frames)}[{POSITION}]"
        if has_equal_steps(self.epochs):
            return _stop_expression(self.epochs)
        if isinstance(self.parameter, EpochParameter):
            frames = positions_at(self.epochs, self.parameter.epochs).tolist()
            return f"{literal(frames)}[{_stop_expression(self.parameter.epochs)}]"
        return " + ".join(f"({NAME} >= {epoch})" for epoch in self.epochs[1:].tolist())

    def epoch_expression(self) -> str:
        """Return the expression for the epoch that is shown."""
        frame = self.position_expression()
        if len(self.epochs) == 1:
            return repr(self.epochs[0].item())
        if frame == POSITION:
            return NAME
        if has_equal_steps(self.epochs):
            return f"({int(self.epochs[0])} + {step_of(self.epochs)} * {frame})"
        return f"{literal(self.epochs.tolist())}[{frame}]"

    def text_expression(self) -> str:
        """Return the expression for the epoch that is shown, as a text.

        Fractions are written with as many digits as tell them apart, and the batch where known.
        """
        shown = self.epoch_expression()
        if not self.fractional:
            return shown
        text = f"format({shown}, '.{_digits(self.epochs)}f')"
        if self.batches is None:
            return text
        return f"{text} + ' (batch ' + format(round({shown} * {self.batches}), ',') + ')'"

    @property
    def fractional(self) -> bool:
        """Whether any of the epochs is not whole."""
        return bool((self.epochs != np.floor(self.epochs)).any())


def _stop_expression(epochs: np.ndarray) -> str:
    """Return the expression for the position of the epoch shown among epochs of equal steps."""
    first, step = int(epochs[0]), step_of(epochs)
    return f"clamp(floor(({NAME} - {first}) / {step}), 0, {len(epochs) - 1})"


def _digits(epochs: np.ndarray) -> int:
    """Return how many decimals tell epochs apart."""
    closest = np.diff(epochs).min() if len(epochs) > 1 else 1.0
    fits = (d for d in range(EPOCH_DIGITS) if np.abs(epochs.round(d) - epochs).max() < closest / 20)
    return next(fits, EPOCH_DIGITS)
