"""The epochs of a chart, and the expressions for the epoch that is shown."""

import dataclasses

import altair as alt
import numpy as np

from replaychart.arguments import is_number
from replaychart.drawing.epoch_parameter import (
    NAME,
    POSITION,
    EpochParameter,
    has_equal_steps,
    parameter_of_runs,
    positions_at,
    step_of,
)
from replaychart.drawing.expressions import literal
from replaychart.drawing.named_epochs import EPOCH_NAMES, EpochName, ShownEpoch, is_epoch_name
from replaychart.drawing.newest_epoch import NewestEpoch
from replaychart.errors import ArgumentError
from replaychart.facts.epochs import EPOCH_DIGITS, Epochs, epoch_numbers
from replaychart.run import Run


@dataclasses.dataclass(frozen=True)
class Clock:
    """The epochs of one chart, and the parameter that selects the one shown.

    Attributes
    ----------
    epochs : numpy.ndarray of int64 or float64, shape (epochs,)
        The chart's epochs, in ascending order.
    parameter : altair.Parameter
        The parameter that all charts share.
    batches : int or None
        Number of batches per epoch, None if unknown.
    every : Clock or None
        If the chart was thinned, the clock with all requested epochs. Otherwise None.
    newest : NewestEpoch or None
        While training goes on: the epoch shown, and what curves show besides it.
    """

    epochs: np.ndarray
    parameter: alt.Parameter
    batches: int | None = None
    every: "Clock | None" = None
    newest: NewestEpoch | None = None

    @classmethod
    def of(
        cls, run: Run, epochs: Epochs, epoch: ShownEpoch, *, default: EpochName = "last"
    ) -> "Clock":
        """Return the clock for the arguments ``epochs`` and ``epoch`` of a chart.

        Parameters
        ----------
        run : Run
            The recorded training run.
        epochs : float, slice, range or iterable of float, optional
            Recorded epochs to include. Default: all.
        epoch : float, {"half", "best", "last"} or altair.Parameter, optional
            The epoch shown initially, or a shared parameter.
        default : {"half", "best", "last"}, default "last"
            The epoch shown initially if none is given and no other chart decides.
        """
        newest = epochs if isinstance(epochs, NewestEpoch) else None
        if not isinstance(epochs, slice) and epochs is not None:
            epochs = epoch_numbers("epochs", epochs)
        chosen = run.epochs[run.snapshots(epochs)]
        if isinstance(epoch, alt.Parameter):
            if epoch.name != NAME:
                message = f"epoch must be a parameter named {NAME!r}. Got {epoch.name!r}."
                raise ArgumentError(message)
            return cls(chosen, epoch, run.batches_per_epoch, newest=newest)
        if not (epoch is None or is_number(epoch) or is_epoch_name(epoch)):
            message = (
                f"epoch must be a number, one of {', '.join(map(repr, EPOCH_NAMES))}, or the "
                f"result of epoch_param. Got {epoch!r}."
            )
            raise ArgumentError(message)
        value = default if epoch is None else epoch
        parameter = parameter_of_runs((run,), chosen, value, by_default=epoch is None)
        return cls(chosen, parameter, run.batches_per_epoch, newest=newest)

    def thinned(self, count: int) -> "Clock":
        """Return a clock with `count` evenly spaced epochs, including the first and the last.

        The parameter is unchanged, because charts with other epochs share it. At an epoch that was
        left out, the chart shows the last one before it.

        Parameters
        ----------
        count : int
            Number of epochs, at least 2.
        """
        last = len(self.epochs) - 1
        if count > last:
            return self
        places = -(-np.arange(count) * last // (count - 1))
        return dataclasses.replace(self, epochs=self.epochs[places], every=self)

    @property
    def requested(self) -> list[float]:
        """The argument ``epochs`` for other charts with the same epochs."""
        return self.epochs.tolist() if self.newest is None else self.newest

    @property
    def curve_epochs(self) -> np.ndarray:
        """The epochs of curves: those of the chart, or while training goes on, all until now."""
        return self.epochs if self.newest is None else self.newest.until_now

    @property
    def parameters(self) -> tuple[alt.Parameter, ...]:
        """All parameters that a chart with this clock needs, for ``add_params``."""
        if isinstance(self.parameter, EpochParameter):
            return tuple(self.parameter)
        return (self.parameter,)

    def position_expression(self) -> str:
        """Return the expression for the position of the last of `epochs` not after ``epoch``."""
        count = len(self.epochs)
        if count == 1:
            return "0"
        if self.every is not None:
            # The inverse of how `thinned` spaces them.
            last = len(self.every.epochs) - 1
            return f"floor(({self.every.position_expression()}) * {count - 1} / {last})"
        if isinstance(self.parameter, EpochParameter) and self.parameter.position is not None:
            positions = positions_at(self.epochs, self.parameter.epochs).tolist()
            same = positions == list(range(len(positions)))
            return POSITION if same else f"{literal(positions)}[{POSITION}]"
        if has_equal_steps(self.epochs):
            return _stop_expression(self.epochs)
        if isinstance(self.parameter, EpochParameter):
            positions = positions_at(self.epochs, self.parameter.epochs).tolist()
            return f"{literal(positions)}[{_stop_expression(self.parameter.epochs)}]"
        return " + ".join(f"({NAME} >= {epoch})" for epoch in self.epochs[1:].tolist())

    def epoch_expression(self) -> str:
        """Return the expression for the epoch that is shown."""
        position = self.position_expression()
        if len(self.epochs) == 1:
            return repr(self.epochs[0].item())
        if position == POSITION:
            return NAME
        if has_equal_steps(self.epochs):
            return f"({int(self.epochs[0])} + {step_of(self.epochs)} * {position})"
        return f"{literal(self.epochs.tolist())}[{position}]"

    def text_expression(self) -> str:
        """Return the expression for the epoch that is shown, as a string.

        Fractional epochs have as many decimals as needed to distinguish them, followed by the batch
        if the number of batches is known.
        """
        text, shown = self.number_expression(), self.epoch_expression()
        if not self.fractional or self.batches is None:
            return text
        return f"{text} + ' (batch ' + format(round({shown} * {self.batches}), ',') + ')'"

    def number_expression(self) -> str:
        """Return the expression for the epoch that is shown, without its batch."""
        shown = self.epoch_expression()
        return f"format({shown}, '.{self.decimals}f')" if self.fractional else shown

    @property
    def decimals(self) -> int:
        """How many decimals are needed to distinguish the epochs."""
        return _digits(self.epochs)

    @property
    def fractional(self) -> bool:
        """Whether any epoch is not a whole number."""
        return bool((self.epochs != np.floor(self.epochs)).any())


def _stop_expression(epochs: np.ndarray) -> str:
    """Return the expression for the position of the epoch shown among equally spaced epochs."""
    first, step = int(epochs[0]), step_of(epochs)
    return f"clamp(floor(({NAME} - {first}) / {step}), 0, {len(epochs) - 1})"


def _digits(epochs: np.ndarray) -> int:
    """Return how many decimals are needed to distinguish the epochs."""
    closest = np.diff(epochs).min() if len(epochs) > 1 else 1.0
    fits = (d for d in range(EPOCH_DIGITS) if np.abs(epochs.round(d) - epochs).max() < closest / 20)
    return next(fits, EPOCH_DIGITS)
