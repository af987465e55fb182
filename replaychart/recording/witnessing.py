"""Asks the live model for a few outputs, losses and metrics, to compare the replay with.

The replay rebuilds a network from what Keras says about it, which is not always the whole truth: a
user's function may have the name of one of Keras's, and some configurations leave arguments out. So
the live model is asked while it is there, for a few points, without changing it: its variables,
its metrics and the random state stay as they are.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import keras
import numpy as np

from replaychart.facts.compile_config import single_output, weighted_metrics
from replaychart.facts.inputs import arrays_of, of_points
from replaychart.facts.layers import values_of
from replaychart.facts.outputs import entry_of, of_output, output_names
from replaychart.facts.snapshots import RunDescription
from replaychart.facts.witness import Witness
from replaychart.network import activations, calling, regularization
from replaychart.network.objectives import Objectives, metric_weights, targets_of

# Enough that no difference hides, and few enough that asking takes milliseconds.
_POINTS = 16
# Of a model whose layers have more outputs than this for these points, the layers are not asked.
_MOST_OUTPUTS = 10_000_000


def witnesses_of(
    model: keras.Model,
    described: RunDescription,
    weights: Sequence[np.ndarray],
    epoch: float,
    *,
    loss: object = None,
) -> tuple[Witness, ...]:
    """Return what a model computes with some weights for a few of the recorded points.

    Parameters
    ----------
    model : keras.Model
        The live model. It is not changed.
    described : RunDescription
        The run.
    weights : sequence of numpy.ndarray
        The weights of a snapshot, in the order of ``model.weights``.
    epoch : float
        The snapshot's epoch.
    loss : str, keras.losses.Loss or callable, optional
        Used instead of the compiled loss.

    Returns
    -------
    tuple of Witness
        One for each output with targets. None if the model cannot be asked: nothing that goes wrong
        here may end a training run.
    """
    names = output_names(described.details)
    every = model.loss if loss is None else loss
    try:
        if not names:
            asked = [_Asked(model, described, weights, single_output(every))]
        else:
            asked = [
                _Asked(
                    model,
                    of_output(described, name),
                    weights,
                    entry_of(every, names, name),
                    output=name,
                    place=names.index(name),
                )
                for name in described.targets
            ]
        return tuple(one.witness(epoch, layers=one is asked[0]) for one in asked)
    except Exception:  # a user's model may raise anything
        return ()


class _Asked:
    """A live model that is asked about a few of the recorded points."""

    def __init__(
        self,
        model: keras.Model,
        described: RunDescription,
        weights: Sequence[np.ndarray],
        loss: object,
        *,
        output: str = "",
        place: int = 0,
    ) -> None:
        self._output, self._place = output, place
        count = len(described.targets)
        # A stateful layer takes as many points as it has states, and raises for others.
        states = calling.recurrent_states(model)
        number = min(count, states[0].shape[0] if states else _POINTS)
        few = np.random.default_rng(0).choice(count, number, replace=False)
        self._points = np.sort(few)
        self._model = model
        self._described = of_points(described, self._points)
        self._loss = loss
        self._recorded = dict(zip(map(id, model.weights), weights, strict=True))

    def witness(self, epoch: float, *, layers: bool) -> Witness:
        with _without_gradients():
            outputs, added = self._called()
            return Witness(
                epoch=epoch,
                points=self._points,
                outputs=np.asarray(keras.ops.convert_to_numpy(outputs), np.float32),
                losses=self._losses(outputs),
                metrics=self._metrics(outputs),
                layers=self._layers() if layers else {},
                output=self._output,
                regularization=float(keras.ops.convert_to_numpy(added)),
                half_precision=any(
                    getattr(layer, "compute_dtype", None) in calling.HALF_PRECISION
                    for layer in self._model.layers
                ),
            )

    def _called(self) -> tuple[Any, Any]:
        """Return the model's outputs, and what it adds to their loss.

        Raises
        ------
        TypeError
            They are several, but only one was expected.
        """
        several, losses = self._call(self._model)
        if not self._output and len(keras.tree.flatten(several)) > 1:
            message = "the model has several outputs"
            raise TypeError(message)
        return calling.output_at(several, self._place), regularization.added(losses)

    def _call(self, part: keras.Model) -> tuple[Any, list[Any]]:
        arrays = arrays_of(self._described.inputs)
        tensors = calling.input_tensors(part, arrays, self._described)
        return calling.stateless_call(
            part,
            [self._value(variable) for variable in part.trainable_variables],
            [self._value(variable) for variable in part.non_trainable_variables],
            calling.called_with(part, tensors, self._described),
        )

    def _value(self, variable: Any) -> Any:
        values = self._recorded.get(id(variable))
        if values is None:
            return variable.value
        return keras.ops.convert_to_tensor(values, dtype=variable.dtype)

    def _losses(self, outputs: Any) -> np.ndarray | None:
        try:
            objectives = Objectives(self._described, "", {}, loss=self._loss)
            return objectives.losses([outputs], calling.mask_of(outputs))[0]
        except Exception:  # without it, the outputs are still a witness
            return None

    def _metrics(self, outputs: Any) -> dict[str, np.ndarray]:
        """Return the metrics that Keras has built by now, which it does at the first batch."""
        unweighted: Any = self._described.details.get("metrics") or {}
        weighted = weighted_metrics(self._described.compile_config, unweighted)
        compiled = next((one for one in self._model.metrics if hasattr(one, "metrics")), None)
        targets, mask = targets_of(self._described), calling.mask_of(outputs)
        metrics: dict[str, np.ndarray] = {}
        for metric in self._of_output(compiled):
            # Keras lists weighted metrics last, and logs those with a name that is taken as
            # "weighted_<name>".
            taken = metric.name in metrics
            name = f"weighted_{metric.name}" if taken else metric.name
            if name in metrics or name not in {**unweighted, **weighted}:
                continue
            of_points = {}
            if name not in unweighted:
                of_points["sample_weight"] = metric_weights(self._described, mask)
            try:
                state = metric.stateless_update_state(
                    metric.stateless_reset_state(), targets, outputs, **of_points
                )
                # Read inside the scope, because a metric may return one of its variables.
                with keras.StatelessScope(zip(metric.variables, state, strict=True)):
                    value = keras.ops.convert_to_numpy(metric.result())
            except Exception:  # one that cannot be asked is not witnessed
                continue
            metrics[name] = np.asarray(value, np.float64).reshape(-1)
        return metrics

    def _of_output(self, compiled: Any) -> list[Any]:
        """Return the compiled metrics of this output."""
        if not self._output or not getattr(compiled, "built", False):
            return list(getattr(compiled, "metrics", ()))
        lists = [compiled._flat_metrics, compiled._flat_weighted_metrics]
        own = [every[self._place] for every in lists]
        return [metric for one in own if one is not None for metric in one.metrics]

    def _layers(self) -> dict[str, np.ndarray]:
        """Return the mean output of each layer for each point, if the model has a graph."""
        if not calling.has_graph(self._model):
            return {}
        try:
            names = [
                layer.name
                for layer in self._model.layers
                if not isinstance(layer, keras.layers.InputLayer)
                and isinstance(layer.output, keras.KerasTensor)
            ]
            tensors = dict(zip(names, activations.outputs_of(self._model, names), strict=True))
            values = sum(values_of(one.shape[1:]) for one in tensors.values())
            if not tensors or values * len(self._points) > _MOST_OUTPUTS:
                return {}
            outputs, _ = self._call(
                keras.Model(self._model.inputs, list(tensors.values()), name="layers")
            )
        except Exception:  # without them, a difference names no layer
            return {}
        every = outputs if isinstance(outputs, list) else [outputs]
        return {
            name: np.asarray(keras.ops.convert_to_numpy(one), np.float64)
            .reshape(len(self._points), -1)
            .mean(axis=1)
            .astype(np.float32)
            for name, one in zip(tensors, every, strict=True)
        }


def _without_gradients() -> AbstractContextManager[Any]:
    """Return a context in which PyTorch keeps no graph for gradients."""
    if keras.backend.backend() != "torch":
        return nullcontext()
    import torch

    return torch.no_grad()
