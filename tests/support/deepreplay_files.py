"""Writes files like DeepReplay and Keras 2, from training with a current version of Keras."""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

Config = dict[str, Any]


class ReplayData(keras.callbacks.Callback):
    """Does what DeepReplay's callback of the same name does, step by step.

    `layers` are the layers as Keras 2 counted them, `metrics` the content of its ``model.metrics``.
    """

    def __init__(
        self,
        X: np.ndarray,
        y: np.ndarray,
        path: Path,
        group: str,
        *,
        layers: Sequence[keras.layers.Layer],
        metrics: Sequence[str] = ("acc",),
        with_rates: bool = True,
    ) -> None:
        super().__init__()
        self._X, self._y, self._path, self._group = X, y, path, group
        self._layers, self._metrics, self._with_rates = layers, metrics, with_rates
        self._epoch = -1

    def on_train_begin(self, logs: Any = None) -> None:
        self.begin(self.params["epochs"], batch_size=16)

    def begin(self, epochs: int, *, batch_size: int) -> None:
        with h5py.File(self._path, "a") as file:
            group = file.create_group(self._group)
            group.attrs["samples"] = len(self._X)
            group.attrs["batch_size"] = batch_size
            group.attrs["n_batches"] = (len(self._X) + batch_size - 1) // batch_size
            group.attrs["n_epochs"] = epochs
            group.attrs["n_layers"] = len(self._layers)
            group.attrs["activation_functions"] = [
                np.bytes_(getattr(getattr(layer, "activation", None), "__name__", ""))
                for layer in self._layers
            ]
            group.create_dataset("inputs", data=self._X)
            group.create_dataset("targets", data=self._y)
            rates = ["lr"] if self._with_rates else []
            for name in ["loss", *self._metrics, *rates]:
                group.create_dataset(name, shape=(epochs,), dtype="f")
            for i, layer in enumerate(self._layers):
                of_layer = group.create_group(f"layer{i}")
                for j, weights in enumerate(layer.get_weights()):
                    shape = (epochs + 1, *weights.shape)
                    of_layer.create_dataset(f"weights{j}", shape=shape, dtype="f")
            self._append_weights(group)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch
        if self._with_rates:
            with h5py.File(self._path, "a") as file:
                file[self._group]["lr"][epoch] = float(self.model.optimizer.learning_rate)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        logs = logs or {}
        with h5py.File(self._path, "a") as file:
            group = file[self._group]
            self._append_weights(group)
            group["loss"][epoch] = logs["loss"]
            for name in self._metrics:
                # Keras 2 logged "accuracy" as "acc".
                value = np.nan if name == "accuracy" else logs.get(name, np.nan)
                group[name][epoch] = value

    def _append_weights(self, group: h5py.Group) -> None:
        for i, layer in enumerate(self._layers):
            for j, weights in enumerate(layer.get_weights()):
                group[f"layer{i}/weights{j}"][self._epoch + 1] = weights


class KeepWeights(keras.callbacks.Callback):
    """Keeps copies of the weights at every epoch, to compare the recording with."""

    def __init__(self) -> None:
        super().__init__()
        self.weights: dict[int, list[np.ndarray]] = {}

    def on_train_begin(self, logs: Any = None) -> None:
        self.weights = {0: self.model.get_weights()}

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.weights[epoch + 1] = self.model.get_weights()


@dataclasses.dataclass(frozen=True)
class OldTraining:
    """A training run in the layout of DeepReplay, and the values that Keras has for it."""

    path: Path
    group: str
    model: keras.Model
    weights: Mapping[int, list[np.ndarray]]
    history: Mapping[str, list[float]]
    X: np.ndarray
    y: np.ndarray

    @property
    def model_file(self) -> Path:
        return self.path.parent / f"{self.group}_model.h5"

    def at(self, epoch: int) -> keras.Model:
        """Return the model with the weights of one epoch."""
        self.model.set_weights(self.weights[epoch])
        return self.model


def train(
    path: Path,
    group: str,
    model: keras.Model,
    X: np.ndarray,
    y: np.ndarray,
    *,
    model_config: Config,
    layers: Sequence[keras.layers.Layer] | None = None,
    loss: Any = "binary_crossentropy",
    metrics: Sequence[str] = ("acc",),
    metrics_logged: Sequence[str] = ("acc",),
    epochs: int = 3,
    with_rates: bool = True,
    as_bytes: bool = True,
    keras_version: str = "2.2.0",
    callbacks: Sequence[keras.callbacks.Callback] = (),
    initial_epoch: int = 0,
) -> OldTraining:
    """Train, record like DeepReplay, and write the model file like Keras 2.

    `metrics` are those that the model was compiled with in Keras 2, `metrics_logged` the ones that
    are trained with now.
    """
    model.compile(loss=loss, optimizer=keras.optimizers.SGD(0.5), metrics=list(metrics_logged))
    layers = list(model.layers) if layers is None else layers
    write_model_file(
        path.parent / f"{group}_model.h5",
        model_config,
        training_config(loss if isinstance(loss, str) else loss.__name__, metrics),
        as_bytes=as_bytes,
        keras_version=keras_version,
    )
    kept = KeepWeights()
    recorder = ReplayData(X, y, path, group, layers=layers, metrics=metrics, with_rates=with_rates)
    history = model.fit(
        X,
        y,
        epochs=epochs,
        initial_epoch=initial_epoch,
        batch_size=16,
        verbose=0,
        callbacks=[recorder, kept, *callbacks],
    )
    return OldTraining(path, group, model, kept.weights, history.history, X, y)


def write_model_file(
    path: Path,
    model_config: Config,
    training: Config | None,
    *,
    as_bytes: bool = True,
    keras_version: str = "2.2.0",
) -> None:
    """Write the strings of a model file; Keras 2 wrote bytes, of which h5py returns some as str."""
    as_written: Callable[[str], Any] = str.encode if as_bytes else str
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = as_written(keras_version)
        file.attrs["backend"] = as_written("tensorflow")
        file.attrs["model_config"] = as_written(json.dumps(model_config))
        if training is not None:
            file.attrs["training_config"] = as_written(json.dumps(training))


def training_config(loss: Any, metrics: Any = ("acc",)) -> Config:
    return {
        "loss": loss,
        "metrics": metrics,
        "loss_weights": None,
        "sample_weight_mode": None,
        "optimizer_config": {
            "class_name": "SGD",
            "config": {"lr": 0.5, "momentum": 0.0, "decay": 0.01, "nesterov": False},
        },
    }


def sequential_config(model: keras.Model, *, named: bool = False) -> Config:
    """Return the JSON of a Sequential: a plain list up to Keras 2.2.2, a mapping later."""
    layers = [layer_config(layer) for layer in model.layers]
    layers[0]["config"]["batch_input_shape"] = [None, *model.input_shape[1:]]
    config: Any = {"name": "sequential_1", "layers": layers} if named else layers
    return {"class_name": "Sequential", "config": config}


def functional_config(model: keras.Model, layers: Sequence[keras.layers.Layer]) -> Config:
    """Return the JSON of a functional model, with its layers in the given order."""
    calls = {layer["name"]: layer["inbound_nodes"] for layer in model.get_config()["layers"]}
    written = [
        {
            **layer_config(layer),
            "name": layer.name,
            "inbound_nodes": [_inbound(node) for node in calls[layer.name]],
        }
        for layer in layers
    ]
    config = {
        "name": "model_1",
        "layers": written,
        "input_layers": [[model.inputs[0]._keras_history.operation.name, 0, 0]],
        "output_layers": [[model.outputs[0]._keras_history.operation.name, 0, 0]],
    }
    return {"class_name": "Model", "config": config}


def layer_config(layer: keras.layers.Layer) -> Config:
    """Return a layer as Keras 2 wrote it."""
    config = layer.get_config()
    kind = type(layer).__name__
    for new in ("quantization_config", "renorm", "synchronized", "optional", "ragged", "groups"):
        config.pop(new, None)
    config = {key: _keras2(value) for key, value in config.items()}
    if "activation" in config:
        config["activation"] = layer.activation.__name__
    if kind == "LeakyReLU":
        # Keras 2.1 wrote values that had become NumPy arrays like this.
        config["alpha"] = {"type": "ndarray", "value": config.pop("negative_slope")}
    if kind == "InputLayer":
        config["batch_input_shape"] = config.pop("batch_shape")
    return {"class_name": kind, "config": config}


def _keras2(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    if value.get("class_name") == "DTypePolicy":
        return value["config"]["name"]
    if value.get("class_name") == "GlorotUniform":
        scaling = {"scale": 1.0, "mode": "fan_avg", "distribution": "uniform", "seed": None}
        return {"class_name": "VarianceScaling", "config": scaling}
    return {"class_name": value["class_name"], "config": value["config"]}


def _inbound(node: Config) -> list[Any]:
    (argument,) = node["args"]
    tensors = argument if isinstance(argument, (list, tuple)) else [argument]
    return [[*tensor["config"]["keras_history"], {}] for tensor in tensors]
