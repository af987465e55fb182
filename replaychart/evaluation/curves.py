"""Losses, metrics and learning rates over the epochs, as logged or as evaluated."""

import contextlib
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, get_args

import numpy as np

from replaychart.arguments import require_one_of
from replaychart.errors import EvaluationError
from replaychart.evaluation.classification import Classification
from replaychart.evaluation.evaluations import Evaluations
from replaychart.evaluation.predictions import Predictions
from replaychart.facts.compile_config import weighted_metrics
from replaychart.facts.outputs import has_loss
from replaychart.facts.task import ACCURACY, accuracy
from replaychart.storage.reader import StoredRun

Source = Literal["training", "replay"]
# The replayed loss with everything that the model adds to it, as Keras logs it.
REGULARIZED_LOSS = "loss with regularization"
SOURCES: tuple[Source, ...] = get_args(Source)
# Regularizers in an architecture, for recordings without a witness that says so.
# How Keras begins the names of the curves of validation points.
_VAL = "val_"
_REGULARIZERS = re.compile(r'_regularizer": \{|"ActivityRegularization"')


class Curves:
    """The curves of a run.

    Parameters
    ----------
    stored : StoredRun
        The run.
    evaluations : Evaluations
        The outputs, losses and metrics of its network.
    predictions : Predictions
        The predictions that follow from the outputs.
    classification : Classification
        How well the predictions tell the classes apart.
    validation : callable, optional
        Returns the curves of the validation points, None if there are none.
    """

    def __init__(
        self,
        stored: StoredRun,
        evaluations: Evaluations,
        predictions: Predictions,
        classification: Classification,
        *,
        validation: Callable[[], "Curves | None"] = lambda: None,
    ) -> None:
        self._validation = validation
        self._stored = stored
        self._evaluations = evaluations
        self._predictions = predictions
        self._classification = classification

    def names(self, source: str) -> list[str]:
        """Return the names of the curves from a source."""
        require_one_of("source", source, SOURCES)
        if source == "training":
            rates = np.isfinite(self._stored.learning_rates).any()
            return list({**self._stored.logs, **({"learning_rate": None} if rates else {})})
        names = self._replayable()
        validation = self._validation()
        if validation is not None:
            # As Keras names them.
            names += [_of_validation(name) for name in validation._replayable() if name in names]
        return names

    def _replayable(self) -> list[str]:
        """Return the names of the curves of these points that can be replayed."""
        known = self._stored.has_model or self._evaluations.was_recorded("losses")
        names = ["loss"] if known else []
        names += [REGULARIZED_LOSS] if names and self.regularized else []
        names += [name for metric in self._metrics() for name in self._named(metric)]
        known = self._stored.has_model or self._evaluations.was_recorded("predictions")
        classes = known and self._predictions.task.classes
        return [*names, "accuracy"] if classes and "accuracy" not in names else names

    def on_request(self) -> list[str]:
        """Return the names of replayed curves that are not among `names`, because they take longer.

        How well the network separates the classes: ``auc``, ``average_precision``, ``f1`` and
        ``ece``. A metric of the model with the same name takes precedence.
        """
        if not (self._stored.has_model or self._evaluations.was_recorded("predictions")):
            return []
        known = self.names("replay")
        own = [name for name in self._classification.names if name not in known]
        return own + [_of_validation(name) for name in own if self._validation() is not None]

    @property
    def regularized(self) -> bool:
        """Whether the model adds anything to the losses of the points, as far as this is known."""
        witnessed = [witness.regularization for witness in self._stored.witnesses]
        known = [value for value in witnessed if value is not None]
        if known:
            return any(known)
        return bool(_REGULARIZERS.search(self._stored.architecture))

    def values(self, name: str, *, source: str) -> np.ndarray:
        """Return one curve, float64 (snapshots,), with NaN where nothing was logged."""
        names = self.names(source)
        if source == "replay" and name not in names:
            names += self.on_request()
        require_one_of("name", name, names)
        if source == "training":
            return {**self._stored.logs, "learning_rate": self._stored.learning_rates}[name]
        try:
            return self._replayed(name, range(len(self._stored.epochs)))
        except EvaluationError as error:
            if name not in self._stored.logs:
                raise
            message = (
                f"{error} For the values of {name!r} that Keras logged, pass source='training'."
            )
            raise EvaluationError(message) from error

    def evaluate(self, snapshots: Sequence[int]) -> None:
        """Evaluate and keep what `replayed` needs, without warnings."""
        with contextlib.suppress(EvaluationError):
            for name in self.names("replay"):
                with contextlib.suppress(EvaluationError):
                    self._replayed(name, snapshots)

    def replayed(self, *, on_request: bool = False) -> dict[str, np.ndarray]:
        """Return every curve that can be evaluated, and warn about the others.

        Parameters
        ----------
        on_request : bool, default False
            Whether to add those of `on_request`.
        """
        curves = {}
        missing: dict[str, list[str]] = {}
        try:
            names = self.names("replay") + (self.on_request() if on_request else [])
        except EvaluationError as error:
            warnings.warn(f"Nothing can be replayed: {error}", stacklevel=3)
            return {}
        for name in names:
            try:
                curves[name] = self._replayed(name, range(len(self._stored.epochs)))
            except EvaluationError as error:
                losses = ("loss", REGULARIZED_LOSS)
                what = name if name in losses else f"metric {name!r}"
                missing.setdefault(str(error), []).append(what)
        for reason, left_out in missing.items():
            what = " and ".join(left_out)
            message = f"{what[0].upper()}{what[1:]} cannot be replayed: {reason}"
            warnings.warn(message, stacklevel=3)
        return curves

    def _replayed(self, name: str, snapshots: Sequence[int]) -> np.ndarray:
        validation = self._validation()
        if validation is not None and name not in self._replayable() and name.startswith(_VAL):
            return validation._replayed(name.removeprefix(_VAL), snapshots)
        if name == "loss":
            return self._evaluations.losses(snapshots).mean(axis=1, dtype=np.float64)
        if name == REGULARIZED_LOSS:
            return self._replayed("loss", snapshots) + self._evaluations.regularization(snapshots)
        metric = next((metric for metric in self._metrics() if name in self._named(metric)), None)
        if metric is None and name in self._classification.names:
            return self._classification.summary(name, snapshots)
        if metric is None:
            right = self._predictions.decisions(snapshots) == self._predictions.labels
            return right.mean(axis=1, dtype=np.float64)
        if self._metrics()[metric] in ACCURACY and self._of_one_target(snapshots):
            weights = self._stored.sample_weights if metric in self._weighted() else None
            outputs = self._evaluations.predictions(snapshots)
            return accuracy(self._stored.targets, outputs, weights)
        values = self._evaluations.metric(metric, snapshots)
        return values[:, self._named(metric).index(name)] if values.ndim == 2 else values

    def _of_one_target(self, snapshots: Sequence[int]) -> bool:
        """Return whether the model predicts one thing for each point, not one for each position.

        For positions, Keras itself must compute the accuracy, because a mask may exclude some.
        """
        return self._evaluations.predictions(snapshots).ndim == 3

    def _metrics(self) -> dict[str, Any]:
        return {**self._unweighted(), **self._weighted()}

    def _unweighted(self) -> dict[str, Any]:
        return self._stored.details.get("metrics") or {}

    def _weighted(self) -> dict[str, Any]:
        return weighted_metrics(self._stored.compile_config, self._unweighted())

    def _named(self, metric: str) -> list[str]:
        """Return the names of a metric's curves: several if several values were logged for it."""
        several = [name for name in self._stored.logs if name.startswith(f"{metric}[")]
        return several or [metric]


class CurvesOfOutputs(Curves):
    """The curves of a run with several outputs: of each, and of the sum of their losses.

    They have the names that they have in the logs of Keras: ``loss`` is the weighted sum,
    ``<output>_loss`` the loss of an output, and ``<output>_<metric>`` a metric of it.

    Parameters
    ----------
    stored : StoredRun
        The whole run.
    evaluations : Evaluations
        The losses of all outputs together.
    each : mapping of str to Curves
        The curves of each output that has targets.
    chosen : str, optional
        The output whose curves come first.
    validation : callable
        Returns the curves of the validation points, None if there are none.
    """

    def __init__(
        self,
        stored: StoredRun,
        evaluations: Evaluations,
        each: Mapping[str, Curves],
        *,
        chosen: str | None,
        validation: Callable[[], Curves | None],
    ) -> None:
        self._validation = validation
        self._stored = stored
        self._evaluations = evaluations
        self._each = each
        self._chosen = chosen

    def names(self, source: str) -> list[str]:
        """Return the names of the curves from a source: metrics before the losses of outputs."""
        names = super().names(source)
        losses = [f"{output}_loss" for output in self._each]
        # A chart that is asked for no metric shows the first.
        return sorted(names, key=lambda name: (name in losses, not self._is_chosen(name)))

    def _replayable(self) -> list[str]:
        """Return the names of the curves of these points that can be replayed."""
        names = ["loss", *([REGULARIZED_LOSS] if self.regularized else [])]
        return names + [name for output in self._each for name in self._of_output(output)]

    def on_request(self) -> list[str]:
        """Return the names of replayed curves that are not among `names`, of all outputs."""
        return [
            f"{output}_{name}"
            for output, curves in self._each.items()
            for name in curves.on_request()
        ]

    def _is_chosen(self, name: str) -> bool:
        return name in ("loss", REGULARIZED_LOSS) or name.startswith(f"{self._chosen}_")

    def _of_output(self, output: str) -> dict[str, str]:
        """Return the names of the curves of an output, with those that they have there."""
        names = self._each[output]._replayable()
        if not has_loss(self._stored, output):
            names = [name for name in names if name != "loss"]
        return {f"{output}_{name}": name for name in names if name != REGULARIZED_LOSS}

    def _replayed(self, name: str, snapshots: Sequence[int]) -> np.ndarray:
        for output, curves in self._each.items():
            own = self._of_output(output).get(name)
            if own is None and name in [f"{output}_{other}" for other in curves.on_request()]:
                own = name.removeprefix(f"{output}_")
            if own is not None:
                return curves._replayed(own, snapshots)
        return super()._replayed(name, snapshots)


def _of_validation(name: str) -> str:
    return f"{_VAL}{name}"
