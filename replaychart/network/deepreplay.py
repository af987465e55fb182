"""Combines a DeepReplay recording and its model into a run."""

import copy
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from replaychart.errors import ArgumentError, EvaluationError, ReplayChartError
from replaychart.facts.compile_config import metrics_by_name
from replaychart.network import description
from replaychart.network.keras2 import Translator
from replaychart.network.trust import built, require_trusted
from replaychart.storage import deepreplay
from replaychart.storage.deepreplay import DeepReplayRun, ModelFile, Recording

_WAY_OUT = "Pass the model itself as model= to open_run."
_CUSTOM = (
    "Classes and functions that are not part of Keras can be passed as "
    "custom_objects={'Name': Class}."
)


def described_run(
    recording: Recording,
    *,
    model: keras.Model | Path | None,
    custom_objects: Mapping[str, Any] | None,
) -> DeepReplayRun:
    """Return a DeepReplay recording as a run, with the description of its model.

    Parameters
    ----------
    recording : Recording
        The recording.
    model : keras.Model, pathlib.Path or None
        The model, or its model file. Default: the file that DeepReplay wrote. For a model that is
        not compiled, loss and metrics are taken from that file, if it exists.
    custom_objects : mapping or None
        Classes and functions that are not part of Keras, by name.

    Raises
    ------
    ArgumentError
        `model` is something else.
    RunFileError
        The model file does not exist or is not a model file.
    EvaluationError
        A layer cannot be rebuilt, or the model is not the one that was recorded.
    """
    if not (model is None or isinstance(model, (keras.Model, Path))):
        message = f"model must be a Keras model or a path to one. Got {type(model).__name__}."
        raise ArgumentError(message)
    file = _model_file(recording, model)
    translator = Translator(
        keras_version="" if file is None else file.keras_version,
        run=recording.name,
        input_shape=recording.inputs.shape[1:],
        custom_objects=custom_objects,
    )
    if isinstance(model, keras.Model):
        built, layers = model, [_unless_input(layer) for layer in model.layers]
    elif file is not None:
        built, layers = _rebuilt(translator, file, recording, custom_objects)
    else:
        raise deepreplay.model_file_missing(recording)
    _check_replayable(built, recording)
    compiled: dict[str, Any] | None
    if isinstance(model, keras.Model) and model.compiled:
        compiled = json.loads(description.compile_config_of(model))
        metrics = description.metrics_of(model)
    else:
        compiled = _training(translator, file, recording)
        metrics = metrics_by_name((compiled or {}).get("metrics"))
    details = description.details_of(built, feature_names=None, class_names=None)
    origin = {**recording.counts, "keras_version": None if file is None else file.keras_version}
    return DeepReplayRun(
        path=recording.path,
        name=recording.name,
        run_id=recording.digest,
        inputs=recording.inputs,
        targets=recording.targets,
        epochs=recording.epochs,
        rows=recording.rows,
        learning_rates=recording.learning_rates,
        logs=_in_order(recording.logs, metrics),
        architecture=description.architecture_of(built),
        compile_config=json.dumps(compiled),
        layers=description.layers_of(built),
        details={**details, "metrics": metrics, "deepreplay": origin},
        variables=_variables(recording, built, layers),
    )


def _model_file(recording: Recording, model: keras.Model | Path | None) -> ModelFile | None:
    """Return the content of the model file, None if it does not exist or is not needed."""
    if isinstance(model, Path):
        return deepreplay.read_model_file(model)
    if isinstance(model, keras.Model) and model.compiled:
        return None
    path = deepreplay.find_model_file(recording)
    return None if path is None else deepreplay.read_model_file(path)


def _rebuilt(
    translator: Translator,
    file: ModelFile,
    recording: Recording,
    custom_objects: Mapping[str, Any] | None,
) -> tuple[keras.Model, list[Any]]:
    """Return the model that a model file describes, and its layers in the order of the file.

    Input layers are None, because a Sequential hides its own.
    """
    objects = custom_objects or {}
    try:
        config = translator.model(file.model_config)
        layers = config["config"]["layers"]
    except _NOT_KERAS as error:
        raise _not_keras(file, recording, error) from error
    # Names and copies, because Keras removes parts of the configuration while reading it.
    names = [
        None if layer["class_name"] == "InputLayer" else layer["config"]["name"] for layer in layers
    ]
    for layer in copy.deepcopy(layers):
        named = f"Layer {layer['config'].get('name')!r} ({layer['class_name']}) of the model"
        _deserialized(layer, named, recording, objects)
    model = _deserialized(config, "The model", recording, objects)
    return model, [None if name is None else model.get_layer(name) for name in names]


def _deserialized(
    config: dict[str, Any], what: str, recording: Recording, objects: Mapping[str, Any]
) -> Any:
    owner = f"{what} of run {recording.name!r}"
    allow = f"{_WAY_OUT} {_CUSTOM}"
    require_trusted(config, objects, owner=owner, allow=allow)
    numbers = sum(math.prod(shape) for layer in recording.shapes for shape in layer)
    try:
        return built(
            lambda: keras.saving.deserialize_keras_object(
                config, custom_objects=dict(objects), safe_mode=True
            ),
            numbers=numbers,
            owner=owner,
            allow=allow,
        )
    except ReplayChartError:
        raise
    except Exception as error:  # anything that a layer's own from_config raises
        reason = str(error).strip().splitlines()[-1:]  # earlier lines repeat the configuration
        message = f"{owner} cannot be rebuilt: {' '.join(reason)} {allow}"
        raise EvaluationError(message) from error


def _training(
    translator: Translator, file: ModelFile | None, recording: Recording
) -> dict[str, Any] | None:
    if file is None:
        return None
    try:
        return translator.training(file.training_config)
    except _NOT_KERAS as error:
        raise _not_keras(file, recording, error) from error


_NOT_KERAS = (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError)


def _not_keras(file: ModelFile, recording: Recording, error: Exception) -> EvaluationError:
    message = (
        f"The description of the model of run {recording.name!r} in {str(file.path)!r} cannot be "
        f"read: {type(error).__name__}: {error}. {_WAY_OUT}"
    )
    return EvaluationError(message)


def _check_replayable(model: keras.Model, recording: Recording) -> None:
    for what in ("inputs", "outputs"):
        count = len(getattr(model, what, None) or [])
        if count > 1:
            message = (
                f"The model of run {recording.name!r} has {count} {what}; only models with one "
                "input and one output can be replayed."
            )
            raise EvaluationError(message)
    if not model.built:
        message = (
            f"model must be built, so that it has weights. Got {model.name!r}, which is not built."
        )
        raise ArgumentError(message)


def _variables(
    recording: Recording, model: keras.Model, layers: Sequence[Any]
) -> tuple[tuple[int, int], ...]:
    """Return the position of each of ``model.weights`` in a recording.

    Keras 2 counted the layers of a Sequential without its input layer and those of a functional
    model with it. DeepReplay wrote the weights of each layer in the order of its
    ``get_weights()``, trainable ones first. The order of ``model.weights`` can differ.

    Raises
    ------
    EvaluationError
        The layers are not those that were recorded.
    """
    recorded = {}
    for number, layer in enumerate(_counted(recording, layers)):
        if layer is None:
            continue
        weights = layer.weights
        expected = [tuple(weight.shape) for weight in weights]
        if expected != list(recording.shapes[number]):
            message = (
                f"Layer {layer.name!r} of the model has weights of shapes {_listed(expected)}, but "
                f"its recording 'layer{number}' in run {recording.name!r} has "
                f"{_listed(recording.shapes[number])}. This is a different model."
            )
            raise EvaluationError(message)
        recorded.update({id(weight): (number, j) for j, weight in enumerate(weights)})
    missing = [weight.path for weight in model.weights if id(weight) not in recorded]
    if missing:
        message = (
            f"The recording of run {recording.name!r} has no weights for {', '.join(missing)}. "
            "This is a different model."
        )
        raise EvaluationError(message)
    return tuple(recorded[id(weight)] for weight in model.weights)


def _unless_input(layer: Any) -> Any:
    return None if isinstance(layer, keras.layers.InputLayer) else layer


def _counted(recording: Recording, layers: Sequence[Any]) -> Sequence[Any]:
    """Return the layer for each number in a recording, None for an input layer."""
    after_input = [layer for layer in layers if layer is not None]
    for way in (layers, after_input, [None, *after_input]):
        fits = len(way) == len(recording.shapes)
        if fits and not any(recording.shapes[i] for i, layer in enumerate(way) if layer is None):
            return way
    expected = "; ".join(
        f"{layer.name!r} {_listed([tuple(weight.shape) for weight in layer.weights])}"
        for layer in after_input
    )
    recorded = "; ".join(
        f"'layer{i}' {_listed(shapes)}" for i, shapes in enumerate(recording.shapes)
    )
    message = (
        f"The model has {len(after_input)} layers ({expected}), but the recording of run "
        f"{recording.name!r} has {len(recording.shapes)} ({recorded}). This is a different model."
    )
    raise EvaluationError(message)


def _listed(shapes: Sequence[tuple[int, ...]]) -> str:
    return ", ".join(map(str, shapes)) or "none"


def _in_order(logs: Mapping[str, Any], metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Return logs in the order of the compiled metrics, which the file does not preserve."""
    order = ["loss", *metrics]
    known = [name for name in order if name in logs]
    return {name: logs[name] for name in [*known, *(name for name in logs if name not in known)]}
