"""Calls a Keras model, or a part of one, in the way that it takes its inputs."""

from collections.abc import Mapping, Sequence
from inspect import signature
from typing import Any, Protocol

import keras
import numpy as np
from keras.src.backend import get_keras_mask

from replaychart.facts.inputs import INPUTS_IN_A_LIST, Inputs, arrays_of

HALF_PRECISION = ("float16", "bfloat16")


class Recorded(Protocol):
    """What says how a model takes its inputs: a run that is stored, or that is being recorded."""

    @property
    def inputs(self) -> Inputs:
        """The recorded points."""

    @property
    def details(self) -> Mapping[str, Any]:
        """Versions, names and shapes."""


def has_graph(model: keras.Model) -> bool:
    """Return whether the outputs of individual layers are available."""
    return bool(getattr(model, "inputs", None)) and bool(getattr(model, "outputs", None))


def input_dtype(points: np.ndarray) -> str:
    """Return the dtype of points for a model that does not specify one."""
    return keras.config.floatx() if points.dtype.kind == "f" else points.dtype.name


def input_tensors(
    model: keras.Model, arrays: Sequence[np.ndarray], recorded: Recorded
) -> list[Any]:
    """Return arrays as tensors of the dtypes that a model takes, in the order of its inputs.

    Parameters
    ----------
    model : keras.Model
        The model, or a part of one.
    arrays : sequence of numpy.ndarray
        For points in the model's input space, one array per input in the order in which they were
        recorded.
    recorded : Recorded
        The run.
    """
    if not has_graph(model):
        dtypes = [input_dtype(array) for array in arrays]
    else:
        dtypes = [tensor.dtype for tensor in model.inputs]
        names = [tensor.name for tensor in model.inputs]
        if len(names) > 1 and set(names) == set(recorded.inputs):
            # A model that was passed to open_run may have the same inputs in another order.
            by_name = dict(zip(recorded.inputs, arrays, strict=True))
            arrays = [by_name[name] for name in names]
    return [
        keras.ops.convert_to_tensor(array, dtype=dtype)
        for array, dtype in zip(arrays, dtypes, strict=True)
    ]


def called_with(model: keras.Model, inputs: Sequence[Any], recorded: Recorded) -> Any:
    """Return tensors in the structure in which a model, or a part of one, takes its inputs.

    Parameters
    ----------
    model : keras.Model
        The model or part.
    inputs : sequence of tensor
        One for each of its inputs, in its order.
    recorded : Recorded
        The run. It determines the structure for a model without a graph.
    """
    if has_graph(model):
        # A functional model keeps the structure of its inputs: a tensor, a list or a dict.
        one = isinstance(model, keras.Sequential)
        return inputs[0] if one else keras.tree.pack_sequence_as(model.input, list(inputs))
    if not isinstance(recorded.inputs, Mapping):
        return inputs[0]
    if recorded.details.get(INPUTS_IN_A_LIST):
        return list(inputs)
    return dict(zip(recorded.inputs, inputs, strict=True))


def inference_mode(model: keras.Model) -> dict[str, bool]:
    """Return the argument with which a model runs as in inference."""
    # A subclassed model need not take `training`; its layers then run as in inference.
    return {"training": False} if "training" in signature(model.call).parameters else {}


def only_output(outputs: Any) -> Any:
    """Return the only output of a model, which may be in a list or a dict; several unchanged."""
    every = keras.tree.flatten(outputs)
    return every[0] if len(every) == 1 else outputs


def output_at(outputs: Any, place: int) -> Any:
    """Return one of a model's outputs, which may be in a list or a dict."""
    return keras.tree.flatten(outputs)[place]


def names_of_outputs(model: keras.Model, recorded: Recorded | None = None) -> list[str]:
    """Return the names of a model's outputs in the order of ``keras.tree.flatten``.

    They are those in the logs of Keras: keys if the model returns a dict, otherwise the names of
    the layers that compute them.

    Parameters
    ----------
    model : keras.Model
        A built model.
    recorded : Recorded, optional
        The run. Without it, the outputs of a model without a graph are not known.

    Returns
    -------
    list of str
        Empty if there is only one.

    Raises
    ------
    ValueError
        The outputs are nested.
    """
    if has_graph(model):
        struct = model.outputs if isinstance(model, keras.Sequential) else model.output
        names = list(getattr(model, "output_names", []))
    elif recorded is None:
        return []
    else:
        first = [
            keras.KerasTensor((1, *array.shape[1:]), dtype=input_dtype(array))
            for array in arrays_of(recorded.inputs)
        ]
        struct, names = model.compute_output_spec(called_with(model, first, recorded)), []
    several = keras.tree.flatten(struct)
    if len(several) < 2:
        return []
    if len(struct) != len(several):
        message = f"the outputs of model {model.name!r} are nested"
        raise ValueError(message)
    if isinstance(struct, Mapping):
        packed = keras.tree.pack_sequence_as(struct, list(range(len(several))))
        return sorted(map(str, struct), key=lambda key: packed[key])
    if len(set(names)) != len(several):
        names = [f"output_{place}" for place in range(1, len(several) + 1)]
    return names


def mask_of(outputs: Any) -> np.ndarray | None:
    """Return which positions of a model's outputs count, bool (points, ...); None for all."""
    outputs = only_output(outputs)
    mask = None if isinstance(outputs, (list, tuple, dict)) else get_keras_mask(outputs)
    return None if mask is None else keras.ops.convert_to_numpy(mask).astype(bool)


def recurrent_states(model: keras.Model) -> list[Any]:
    """Return the variables that stateful recurrent layers keep from batch to batch.

    Keras does not list them among the variables of the model.
    """
    states = [
        layer.states
        for layer in model._flatten_layers()
        if getattr(layer, "stateful", False) and getattr(layer, "states", None) is not None
    ]
    return list({id(one): one for one in keras.tree.flatten(states)}.values())


def stateless_call(
    model: keras.Model, trainable: Sequence[Any], non_trainable: Sequence[Any], inputs: Any
) -> tuple[Any, list[Any]]:
    """Return a model's outputs in inference mode, and the losses that it adds.

    Recurrent layers begin at zeros, also those that keep their state, and the model stays as it is.

    Parameters
    ----------
    model : keras.Model
        The model, or a part of one.
    trainable, non_trainable : sequence of tensor
        The values of its variables.
    inputs : tensor, list or mapping of tensors
        In the structure in which the model takes them.
    """
    mode = inference_mode(model)
    states = recurrent_states(model)
    if not states:
        outputs, _, losses = model.stateless_call(
            trainable, non_trainable, inputs, return_losses=True, **mode
        )
        return outputs, losses
    values = [
        *zip(model.trainable_variables, trainable, strict=True),
        *zip(model.non_trainable_variables, non_trainable, strict=True),
        *((state, keras.ops.zeros(state.shape, state.dtype)) for state in states),
    ]
    with keras.StatelessScope(values, collect_losses=True):
        return model.call(inputs, **mode), model.losses


def without_state(config: Any) -> Any:
    """Return an architecture whose recurrent layers begin at zeros, for any number of points.

    A stateful layer that begins at zeros computes the same as one that keeps no state, and does not
    need batches of one size.

    Parameters
    ----------
    config : JSON value
        The architecture.
    """
    return _stateless(config) if _is_stateful(config) else config


def _is_stateful(config: Any) -> bool:
    if isinstance(config, Mapping):
        return _keeps_state(config) or any(map(_is_stateful, config.values()))
    return isinstance(config, (list, tuple)) and any(map(_is_stateful, config))


def _keeps_state(config: Mapping[str, Any]) -> bool:
    settings = config.get("config")
    own = str(config.get("module")).startswith("keras")
    return own and isinstance(settings, Mapping) and settings.get("stateful") is True


def _stateless(config: Any) -> Any:
    if isinstance(config, (list, tuple)):
        return [_stateless(part) for part in config]
    if not isinstance(config, Mapping):
        return config
    parts = {key: _stateless(value) for key, value in config.items()}
    settings = parts.get("config")
    if not isinstance(settings, dict):
        return parts
    if _keeps_state(config):
        settings["stateful"] = False
    shape = settings.get("batch_shape")
    if isinstance(shape, list) and shape:
        settings["batch_shape"] = [None, *shape[1:]]
    return parts
