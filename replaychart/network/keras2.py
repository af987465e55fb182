"""Translates model descriptions of Keras 2 for Keras 3.

Keras 3 cannot load a model file of Keras 2, but the JSON in it contains everything that is needed.
It comes in several dialects: a Sequential is a bare list of layers or a mapping, input shapes are
in the first layer or in a separate input layer, and additions of Keras 3 (the module of a class)
are missing. Anything that Keras 3 itself wrote into such a file is kept.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from replaychart.errors import EvaluationError
from replaychart.facts.compile_config import single_output
from replaychart.network.keras2_functions import PACKAGE

_MODEL_CLASSES = ("Sequential", "Functional", "Model")

# Layers that compute the same in Keras 3 as in Keras 2, with their renamed settings. Other layers
# are refused, because they might compute something else.
_LAYERS: dict[str, dict[str, str]] = {
    "InputLayer": {"batch_input_shape": "batch_shape"},
    "LeakyReLU": {"alpha": "negative_slope"},
    **{
        name: {}
        for name in (
            "Activation", "ActivityRegularization", "Add", "AlphaDropout", "Average",
            "AveragePooling1D", "AveragePooling2D", "AveragePooling3D", "BatchNormalization",
            "Concatenate", "Conv1D", "Conv2D", "Conv2DTranspose", "Conv3D", "Cropping1D",
            "Cropping2D", "Cropping3D", "Dense", "DepthwiseConv2D", "Dot", "Dropout", "ELU",
            "Embedding", "Flatten", "GRU", "GaussianDropout", "GaussianNoise",
            "GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D",
            "GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D", "LSTM",
            "LayerNormalization", "Masking", "MaxPooling1D", "MaxPooling2D", "MaxPooling3D",
            "Maximum", "Minimum", "Multiply", "PReLU", "Permute", "ReLU", "RepeatVector",
            "Reshape", "SeparableConv2D", "SimpleRNN", "Softmax", "SpatialDropout1D",
            "SpatialDropout2D", "SpatialDropout3D", "Subtract", "UpSampling1D", "UpSampling2D",
            "UpSampling3D", "ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D",
        )
    },
}  # fmt: skip
# Settings that Keras 3 no longer has, with the values that do not affect the results; None means
# any value.
_GONE: dict[str, tuple[Any, ...] | None] = {
    "batch_input_shape": None,
    "input_length": None,
    "implementation": None,
    "sparse": None,
    "ragged": (False,),
    "fused": None,
    "renorm": (False,),
    "virtual_batch_size": (None,),
    "time_major": (False,),
    "stateful": (False,),
    "zero_output_for_mask": (False,),
}
_GONE_FROM = {
    "SeparableConv2D": ("kernel_initializer", "kernel_regularizer", "kernel_constraint"),
    "SpatialDropout1D": ("noise_shape", "trainable"),
    "SpatialDropout2D": ("noise_shape", "trainable"),
    "SpatialDropout3D": ("noise_shape", "trainable"),
}
_HAVE_GROUPS = ("Conv1D", "Conv2D", "Conv3D")

_LOSSES = {
    "logcosh": "log_cosh",
    "kullback_leibler_divergence": "kl_divergence",
    "huber_loss": "huber",
}
_METRIC_CLASSES = {
    "logcosh": "LogCoshError",
    "kullback_leibler_divergence": "KLDivergence",
    "kld": "KLDivergence",
    "KLD": "KLDivergence",
}
# Functions that Keras 2 computed differently before it became part of TensorFlow.
_OWN_LOSSES = ("hinge", "squared_hinge")


class Translator:
    """Translates the configurations in one model file.

    Parameters
    ----------
    keras_version : str
        The version of Keras that wrote the file.
    run : str
        The run's name, for errors.
    input_shape : sequence of int
        Shape of one recorded point. It is used for models that do not declare their input shape.
    custom_objects : mapping or None
        Classes and functions that are not part of Keras, by name.
    """

    def __init__(
        self,
        *,
        keras_version: str,
        run: str,
        input_shape: Sequence[int],
        custom_objects: Mapping[str, Any] | None,
    ) -> None:
        self._version = keras_version
        self._run = run
        self._input_shape = [None, *input_shape]
        self._custom = dict(custom_objects or {})

    def model(self, model_config: Mapping[str, Any]) -> dict[str, Any]:
        """Return a model for ``keras.saving.deserialize_keras_object``.

        Parameters
        ----------
        model_config : mapping
            The attribute ``model_config`` of the file.

        Raises
        ------
        EvaluationError
            A layer cannot be translated, or the model has several inputs or outputs.
        KeyError, TypeError, ValueError, AttributeError, IndexError
            This is not a configuration that Keras wrote.
        """
        class_name, config = model_config["class_name"], model_config["config"]
        if class_name == "Sequential":
            return self._sequential(config, "sequential", self._input_shape)
        if class_name not in _MODEL_CLASSES:
            message = (
                f"The model of run {self._run!r} has the class {class_name!r}, which the model "
                "file does not describe. Pass the model itself as model= to open_run."
            )
            raise EvaluationError(message)
        return self._functional(config)

    def training(self, training_config: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """Return the compile configuration in the form of a run file, None if there is none."""
        if training_config is None:
            return None
        return {
            "optimizer": self._optimizer(training_config.get("optimizer_config")),
            "loss": self._each(single_output(training_config.get("loss")), self._loss),
            "loss_weights": training_config.get("loss_weights"),
            "metrics": self._each(single_output(training_config.get("metrics")), self._metric),
        }

    def _sequential(
        self, config: Any, name: str, input_shape: Sequence[int | None] | None
    ) -> dict[str, Any]:
        named = config if isinstance(config, Mapping) else {"layers": config}
        layers = named["layers"]
        # A bare list has no name.
        translated = [
            self._layer(layer, layer.get("name", f"{name}_{i}")) for i, layer in enumerate(layers)
        ]
        if translated[0]["class_name"] != "InputLayer":
            first = layers[0]["config"]
            shape = first.get("batch_input_shape") if isinstance(first, Mapping) else None
            shape = shape or named.get("build_input_shape") or input_shape
            if shape is not None:
                content = {
                    "name": translated[0]["config"]["name"] + "_input",
                    "batch_shape": _any_number(shape),
                }
                translated.insert(0, _keras("keras.layers", "InputLayer", content))
        content = {"name": named.get("name") or name, "layers": translated}
        return _keras("keras", "Sequential", content)

    def _functional(self, config: Mapping[str, Any]) -> dict[str, Any]:
        layers = config["layers"]
        models = {
            layer["name"]: layer["class_name"]
            for layer in layers
            if layer["class_name"] in _MODEL_CLASSES
        }
        ends = {what: self._end(config[what], what, models) for what in _ENDS}
        translated = [
            {
                **self._layer(layer, layer["name"]),
                "name": layer["name"],
                "inbound_nodes": [
                    self._node(node, layer["name"], models) for node in layer["inbound_nodes"]
                ],
            }
            for layer in layers
        ]
        content = {"name": config.get("name"), "trainable": True, "layers": translated, **ends}
        return _keras("keras", "Model", content)

    def _end(self, tensors: Any, what: str, models: Mapping[str, str]) -> list[Any]:
        """Return the only input or output of a functional model."""
        if isinstance(tensors[0], str):
            tensors = [tensors]
        if len(tensors) != 1:
            message = (
                f"The model of run {self._run!r} has {len(tensors)} {_ENDS[what]}; only models "
                "with one input and one output can be replayed."
            )
            raise EvaluationError(message)
        layer, node, tensor = tensors[0]
        # Keras 2 counted the calls of nested models from 1. Keras 3 does so only here, and only
        # for functional models.
        first = int(models.get(layer) == "Sequential" and not self._is_keras_3())
        return [layer, node - first, tensor]

    def _node(self, node: Any, layer: str, models: Mapping[str, str]) -> Any:
        """Return one call of a layer, with the origins of its inputs."""
        if isinstance(node, Mapping):
            return node  # in the form of Keras 3
        calls = []
        for name, index, tensor, *rest in node:
            given = rest[0] if rest else {}
            arguments = [key for key, value in given.items() if value is not None]
            if arguments:
                raise self._refused(layer, f"is called with {', '.join(arguments)}")
            calls.append([name, index - (name in models), tensor, {}])
        return calls

    def _layer(self, layer: Mapping[str, Any], unnamed: str = "") -> dict[str, Any]:
        class_name, config = layer["class_name"], layer["config"]
        if class_name == "Sequential":
            return self._sequential(config, unnamed, None)
        if class_name in _MODEL_CLASSES:
            return self._functional(config)
        name = config["name"]
        if class_name == "Lambda":
            raise self._refused(name, "is a Lambda, and code from a file is never run")
        settings = {key: _plain(value) for key, value in config.items()}
        if class_name in self._custom:
            settings.pop("batch_input_shape", None)
            if not self._is_keras_3():
                settings["dtype"] = _dtype(settings.get("dtype"))
            return {"class_name": class_name, "config": settings, "registered_name": class_name}
        if self._is_keras_3():
            return _as_keras_3_wrote(class_name, settings)
        if class_name not in _LAYERS:
            raise self._refused(name, f"is a {class_name}, which cannot be translated from Keras 2")
        return _keras("keras.layers", class_name, self._settings(class_name, name, settings))

    def _settings(self, class_name: str, name: str, settings: dict[str, Any]) -> dict[str, Any]:
        """Return a layer's configuration in the form of Keras 3."""
        renamed = {_LAYERS[class_name].get(key, key): value for key, value in settings.items()}
        if class_name not in _HAVE_GROUPS and renamed.get("groups") == 1:
            del renamed["groups"]
        if class_name == "GRU":
            renamed.setdefault("reset_after", False)
        if class_name == "UpSampling2D" and renamed.get("interpolation", "nearest") != "nearest":
            raise self._refused(name, f"has the interpolation {renamed['interpolation']!r}")
        if class_name == "BatchNormalization" and isinstance(renamed.get("axis"), list):
            (renamed["axis"],) = renamed["axis"]
        if class_name == "InputLayer":
            renamed["batch_shape"] = _any_number(renamed["batch_shape"])
        for key in [key for key in renamed if key in _GONE]:
            harmless = _GONE[key]
            if harmless is not None and renamed[key] not in harmless:
                raise self._refused(name, f"has {key}={renamed[key]!r}")
            del renamed[key]
        for key in _GONE_FROM.get(class_name, ()):
            renamed.pop(key, None)
        return {key: self._setting(name, key, value) for key, value in renamed.items()}

    def _setting(self, layer: str, key: str, value: Any) -> Any:
        if key == "dtype":
            return _dtype(value)
        if key.endswith("activation"):
            return self._activation(layer, value)
        for kind in ("initializer", "regularizer", "constraint"):
            if key.endswith(kind) and isinstance(value, Mapping):
                return self._object(layer, f"keras.{kind}s", value)
        return value

    def _activation(self, layer: str, value: Any) -> Any:
        if isinstance(value, Mapping) and value.get("class_name") == "function":
            value = value["config"]
        if value is None or (isinstance(value, str) and value in self._custom):
            return value
        if value == "hard_sigmoid":
            return _own(value)
        if not isinstance(value, str) or not _knows(keras.activations, value):
            raise self._refused(layer, f"has the activation {value!r}, which Keras does not know")
        return value

    def _object(self, layer: str, module: str, value: Mapping[str, Any]) -> Any:
        class_name = value["class_name"]
        config = {key: _plain(entry) for key, entry in value["config"].items()}
        if class_name in self._custom:
            return {"class_name": class_name, "config": config, "registered_name": class_name}
        known = getattr(getattr(keras, module.removeprefix("keras.")), class_name, None)
        if isinstance(known, type):
            config.pop("dtype", None)  # the recorded weights have one already
            return _keras(module, class_name, config)
        if module == "keras.initializers":
            return None  # the recorded weights replace the initial ones
        raise self._refused(
            layer, f"has the {module[6:-1]} {class_name!r}, which Keras does not know"
        )

    def _each(self, entry: Any, translate: Any) -> Any:
        """Translate a loss or a metric, or any nested structure of them."""
        if isinstance(entry, (list, tuple)):
            return [self._each(one, translate) for one in entry]
        if isinstance(entry, Mapping) and "class_name" not in entry:
            return {key: self._each(one, translate) for key, one in entry.items()}
        if isinstance(entry, Mapping) and entry["class_name"] == "function":
            return entry if self._is_keras_3() else translate(entry["config"])
        return translate(entry)

    def _loss(self, loss: Any) -> Any:
        if isinstance(loss, Mapping):
            return self._compiled_object("keras.losses", loss)
        if loss in self._custom:
            return loss
        if loss in _OWN_LOSSES and self._is_standalone():
            return _own(loss)
        return _LOSSES.get(loss, loss)

    def _metric(self, metric: Any) -> Any:
        if isinstance(metric, Mapping):
            return self._compiled_object("keras.metrics", metric)
        if metric in self._custom:
            return metric
        if metric in _OWN_LOSSES and self._is_standalone():
            return _own(metric)
        if metric in _METRIC_CLASSES:
            return _keras("keras.metrics", _METRIC_CLASSES[metric], {"name": metric})
        return metric

    def _compiled_object(self, module: str, entry: Mapping[str, Any]) -> dict[str, Any]:
        config = {key: _plain(value) for key, value in entry["config"].items()}
        if config.get("reduction") == "auto":
            config["reduction"] = "sum_over_batch_size"
        if isinstance(config.get("fn"), str):
            config["fn"] = self._metric(config["fn"])
        if entry["class_name"] in self._custom:
            name = entry["class_name"]
            return {"class_name": name, "config": config, "registered_name": name}
        return _keras(module, entry["class_name"], config)

    def _optimizer(self, optimizer: Any) -> Any:
        if not isinstance(optimizer, Mapping):
            return None
        config = {key: _plain(value) for key, value in optimizer["config"].items()}
        rate = config.pop("lr", config.get("learning_rate"))
        decay = config.pop("decay", 0.0)
        if decay:
            schedule = {
                "initial_learning_rate": rate, "decay_steps": 1, "decay_rate": decay,
                "staircase": False,
            }  # fmt: skip
            rate = _keras("keras.optimizers.schedules", "InverseTimeDecay", schedule)
        config["learning_rate"] = rate
        return _keras("keras.optimizers", optimizer["class_name"], config)

    def _is_keras_3(self) -> bool:
        return self._version.startswith("3")

    def _is_standalone(self) -> bool:
        """Return whether it was the standalone package: up to version 2.3, without ``-tf``."""
        return self._version.startswith(("2.0", "2.1.", "2.2", "2.3")) and "-" not in self._version

    def _refused(self, layer: str, why: str) -> EvaluationError:
        message = (
            f"Layer {layer!r} of the model of run {self._run!r} {why}. Build the model with the "
            "installed Keras and pass it as model= to open_run. Classes and functions that are not "
            "part of Keras can be passed as custom_objects={'Name': Class}."
        )
        return EvaluationError(message)


_ENDS = {"input_layers": "inputs", "output_layers": "outputs"}


def _keras(module: str, class_name: str, config: dict[str, Any]) -> dict[str, Any]:
    return {
        "module": module,
        "class_name": class_name,
        "config": config,
        "registered_name": None,
    }


def _as_keras_3_wrote(class_name: str, config: dict[str, Any]) -> dict[str, Any]:
    """Return a layer; Keras 3 does not write its module into such a file."""
    if hasattr(keras.layers, class_name):
        return _keras("keras.layers", class_name, config)
    return {"class_name": class_name, "config": config, "registered_name": class_name}


def _own(function: str) -> dict[str, Any]:
    return {
        "module": "builtins",
        "class_name": "function",
        "config": f"{PACKAGE}>{function}",
        "registered_name": "function",
    }


def _any_number(batch_shape: Sequence[int | None]) -> list[int | None]:
    """Return a shape for any number of points, even if training used a fixed batch size."""
    return [None, *batch_shape[1:]]


def _plain(value: Any) -> Any:
    """Return a number if Keras 2 wrote an array of one, and any other value unchanged."""
    if isinstance(value, Mapping) and value.get("type") == "ndarray":
        return value["value"]
    return value


def _dtype(value: Any) -> Any:
    if isinstance(value, Mapping):
        return value["config"]["name"]
    return value


def _knows(module: Any, name: str) -> bool:
    try:
        module.get(name)
    except ValueError:
        return False
    return True
