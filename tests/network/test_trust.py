"""Files that were written to do harm: what they name is refused, and nothing of it ever runs.

Each of these configurations would leave a file behind, or take more memory than there is, where it
was followed.
"""

import base64
import copy
import json
import pickle
import socket
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from support.deepreplay_files import sequential_config, write_model_file
from support.deepreplay_files import train as record_old
from support.training import Training, dense, small_model

import replaychart as rc
from replaychart.network.objectives import Objectives
from replaychart.network.trust import require_trusted
from replaychart.storage.hdf5 import fixed_texts
from replaychart.storage.hdf5.checked import Attributes, text_in

Config = dict[str, Any]


def function(module: str | None, name: str) -> Config:
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


def object_of(
    module: str | None, class_name: str, /, *, registered: str | None = None, **config: Any
) -> Config:
    names = {"module": module, "class_name": class_name, "registered_name": registered}
    return {**names, "config": config}


class _Pickled:
    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __reduce__(self) -> Any:
        return open, (str(self._marker), "w")


def a_lambda(marker: Path) -> Config:
    layer = keras.layers.Lambda(lambda x: x, name="code")
    path = str(marker)
    layer.function = lambda x: (open(path, "w").close(), x)[1]  # noqa: PTH123
    return keras.saving.serialize_keras_object(layer)


def a_lambda_as_old_files_have_it(marker: Path) -> Config:
    config = a_lambda(marker)
    return {"class_name": "Lambda", "config": config["config"]}


def an_activation(found: Config | str) -> Config:
    return object_of("keras.layers", "Activation", name="code", activation=found)


def a_pickled_module(marker: Path) -> Config:
    text = base64.b64encode(pickle.dumps(_Pickled(marker))).decode()
    return object_of("keras.layers", "TorchModuleWrapper", name="code", module=text)


def a_layer_of_a_file(layer: str, marker: Path) -> Config:
    marker.with_suffix(".txt").write_text("secret\n")
    path = str(marker.with_suffix(".txt"))
    return object_of("keras.layers", layer, name="code", vocabulary=path)


HOSTILE: dict[str, tuple[Callable[[Path], Config], str]] = {
    "lambda": (a_lambda, "the Lambda layer 'code'"),
    "old lambda": (a_lambda_as_old_files_have_it, "the Lambda layer 'code'"),
    "bare lambda": (
        lambda marker: an_activation(a_lambda(marker)["config"]["function"]),
        "contains a lambda",
    ),
    "lambda of a function of Keras": (
        lambda _: object_of(
            "keras.layers",
            "Lambda",
            name="code",
            function=function("keras.utils", "get_file"),
            arguments={"origin": "http://127.0.0.1/x"},
        ),
        "the Lambda layer 'code'",
    ),
    "shape by lambda": (
        lambda marker: object_of(
            "keras.layers",
            "Lambda",
            name="code",
            function=function("builtins", "relu"),
            output_shape=a_lambda(marker)["config"]["function"],
        ),
        "the Lambda layer 'code'",
    ),
    "saved graph": (
        lambda marker: object_of(
            "keras.layers", "TFSMLayer", name="code", filepath=str(marker.parent)
        ),
        "'keras.layers.TFSMLayer', which runs code",
    ),
    "pickled module": (a_pickled_module, "'keras.layers.TorchModuleWrapper', which runs code"),
    "function of the system": (
        lambda _: an_activation(function("os", "mkdir")),
        "the function 'mkdir' of 'os'",
    ),
    "built-in function": (
        lambda _: an_activation(function("builtins", "exec")),
        "the function 'exec' of 'builtins'",
    ),
    "class of another module": (
        lambda marker: object_of("subprocess", "Popen", args=["touch", str(marker)]),
        "'subprocess.Popen'",
    ),
    "class under another name": (
        lambda _: object_of("subprocess", "call", registered="Popen", args=["touch"]),
        "'subprocess.call'",
    ),
    "download": (
        lambda _: object_of("keras.utils", "get_file", origin="http://127.0.0.1/x"),
        "'keras.utils.get_file'",
    ),
    "another model": (
        lambda _: an_activation(function("keras.models", "load_model")),
        "the function 'load_model'",
    ),
    "safe mode off": (
        lambda _: an_activation(function("keras.config", "enable_unsafe_deserialization")),
        "the function 'enable_unsafe_deserialization'",
    ),
    "private function of Keras": (
        lambda _: an_activation(function("keras.src.utils.python_utils", "func_load")),
        "the function 'func_load'",
    ),
    "module behind a module of Keras": (
        lambda _: an_activation(function("keras.src.saving.saving_lib.tempfile", "mkdtemp")),
        "the function 'mkdtemp'",
    ),
    "callback that writes": (
        lambda marker: object_of("keras.callbacks", "CSVLogger", filename=str(marker)),
        "'keras.callbacks.CSVLogger'",
    ),
    "initializer of another module": (
        lambda marker: object_of(
            "keras.layers",
            "Dense",
            name="code",
            units=2,
            kernel_initializer=object_of("os", "mkdir", path=str(marker)),
        ),
        "'os.mkdir'",
    ),
    "type specification": (
        lambda marker: {
            "module": "subprocess",
            "class_name": "__typespec__",
            "spec_name": "Popen",
            "registered_name": None,
            "config": [["touch", str(marker)]],
        },
        "'__typespec__'",
    ),
    "strings from a file": (
        lambda marker: a_layer_of_a_file("StringLookup", marker),
        "makes 'keras.layers.StringLookup' read the file",
    ),
    "numbers from a file": (
        lambda marker: a_layer_of_a_file("IntegerLookup", marker),
        "makes 'keras.layers.IntegerLookup' read the file",
    ),
    "words from a file": (
        lambda marker: a_layer_of_a_file("TextVectorization", marker),
        "makes 'keras.layers.TextVectorization' read the file",
    ),
    "dtype with a shape": (
        lambda _: {
            "class_name": "__numpy__",
            "config": {"value": 0, "dtype": "(1000000,1000000)f8"},
        },
        "values of dtype",
    ),
    "no name": (lambda _: {"class_name": ["Dense"], "config": {}}, "which is not a class"),
}


def changed(training: Training, path: Path, **texts: object) -> Path:
    """Return a copy of a recording with other JSON texts."""
    path.write_bytes(training.path.read_bytes())
    with h5py.File(path, "a") as file:
        run = file[training.group]
        for name, content in texts.items():
            if name == "details":
                details = json.loads(Attributes(run)["details"])
                fixed_texts.set_attribute(run, "details", json.dumps({**details, **content}))
            else:
                fixed_texts.write(run, f"model/{name}", json.dumps(content))
    return path


def with_layer(training: Training, layer: Config) -> Config:
    """Return the recorded architecture with a layer before the last."""
    with h5py.File(training.path) as file:
        architecture = json.loads(text_in(file[training.group], "model/architecture"))
    architecture["config"]["layers"].insert(-1, layer)
    return architecture


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        pytest.fail("something was asked of the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(subprocess.Popen, "__init__", refuse)


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_layer_is_refused_by_its_name(
    name: str, parabola: Training, tmp_path: Path
) -> None:
    make, message = HOSTILE[name]
    marker = tmp_path / "it-ran"
    path = changed(parabola, tmp_path / "a.h5", architecture=with_layer(parabola, make(marker)))
    before = sorted(tmp_path.iterdir())
    run = rc.open_run(path)
    with pytest.raises(rc.EvaluationError, match=message) as caught:
        run.probabilities()
    assert "custom_objects=" in str(caught.value)
    assert "model=" in str(caught.value)
    assert sorted(tmp_path.iterdir()) == before
    assert run.history is not None
    assert rc.open_run(path, model=parabola.model).probabilities().shape == (7, 200, 2)


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (function("os", "mkdir"), "the function 'mkdir' of 'os'"),
        (function("builtins", "eval"), "the function 'eval' of 'builtins'"),
        (object_of("subprocess", "Popen", args=["touch"]), "'subprocess.Popen'"),
        (object_of("keras.losses", "LossFunctionWrapper"), "not part of Keras or not allowed"),
        (
            object_of("keras.metrics", "MeanMetricWrapper", fn=function("keras.utils", "get_file")),
            "the function 'get_file'",
        ),
    ],
)
def test_hostile_loss_and_metric_are_refused(
    loss: Config, message: str, parabola: Training, tmp_path: Path
) -> None:
    path = changed(parabola, tmp_path / "a.h5", compile_config={"loss": loss})
    with pytest.raises(rc.EvaluationError, match=message):
        rc.open_run(path).losses()
    path = changed(parabola, tmp_path / "b.h5", details={"metrics": {"evil": loss}})
    with pytest.warns(UserWarning, match=message):
        assert "evil" not in set(rc.open_run(path).history()["name"])


@pytest.mark.parametrize("version", ["2.2.0", "3.4.0"])
def test_hostile_model_file_of_deepreplay_is_refused(version: str, tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(8)
    model = small_model(dense(2, "tanh", "hidden"), dense(1, "sigmoid", "output"))
    config = sequential_config(model)
    old = record_old(
        tmp_path / "old.h5", "old", model, X, y[:, None].astype(float), model_config=config
    )
    del config["config"][0]["config"]["batch_input_shape"]  # which Keras 3 does not write
    marker = tmp_path / "it-ran"
    for layer in (
        {"class_name": "TFSMLayer", "config": {"name": "code", "filepath": "x"}},
        {"class_name": "StringLookup", "config": {"name": "code", "vocabulary": "/etc/passwd"}},
        {"class_name": "Lambda", "config": a_lambda(marker)["config"]},
        {"class_name": "mkdir", "module": "os", "config": {"name": "code", "path": str(marker)}},
    ):
        hostile = {**config, "config": [config["config"][0], layer, *config["config"][1:]]}
        write_model_file(old.model_file, hostile, None, keras_version=version)
        with pytest.raises(rc.EvaluationError, match="Layer 'code'"):
            rc.open_run(old.path)
    assert not marker.exists()


def test_unsafe_mode_of_keras_does_not_open_the_door(parabola: Training, tmp_path: Path) -> None:
    marker = tmp_path / "it-ran"
    architecture = with_layer(parabola, a_lambda(marker))
    path = changed(parabola, tmp_path / "a.h5", architecture=architecture)
    code = (
        "import sys, keras, replaychart as rc; keras.config.enable_unsafe_deserialization()\n"
        "try: rc.open_run(sys.argv[1]).probabilities()\n"
        "except rc.EvaluationError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    assert "code from a file is never run" in done.stdout
    assert not marker.exists()


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (object_of("keras.layers", "Dense", name="code", units=10**9), "values in its variables"),
        (object_of("keras.layers", "RepeatVector", name="code", n=10**9), "the output shape"),
    ],
)
def test_larger_model_than_was_recorded_takes_no_memory(
    layer: Config, message: str, parabola: Training, tmp_path: Path
) -> None:
    architecture = with_layer(parabola, layer)
    architecture["config"]["layers"].pop()
    path = changed(parabola, tmp_path / "a.h5", architecture=architecture)
    with pytest.raises(rc.EvaluationError, match=message):
        rc.open_run(path).probabilities()
    # Nothing is left over that a later evaluation would make.
    assert parabola.open().probabilities().shape == (7, 200, 2)


@pytest.mark.parametrize(
    "metric",
    [
        object_of("keras.metrics", "AUC", name="large", num_thresholds=10**9),
        object_of("keras.metrics", "MeanIoU", name="large", num_classes=10**6),
    ],
)
def test_metric_that_takes_too_much_memory_is_left_out(
    metric: Config, parabola: Training, tmp_path: Path
) -> None:
    path = changed(parabola, tmp_path / "a.h5", details={"metrics": {"large": metric}})
    with pytest.warns(UserWarning, match="'large' cannot be replayed"):
        rc.open_run(path).history()


@pytest.mark.parametrize(
    "architecture",
    [
        {"class_name": "Sequential", "config": None, "module": "keras"},
        {"module": "keras.layers", "class_name": "Dense", "config": {"units": 1}},
        {"module": "keras", "class_name": "Sequential", "config": {"name": "a", "layers": []}},
        {"module": "keras", "class_name": "Sequential", "config": {"name": "a", "layers": 3}},
        {"a": 1},
    ],
)
def test_architecture_that_is_no_model_is_told(
    architecture: Config, parabola: Training, tmp_path: Path
) -> None:
    path = changed(parabola, tmp_path / "a.h5", architecture=architecture)
    with pytest.raises(rc.EvaluationError, match="run 'parabola'|architectures differ"):
        rc.open_run(path).probabilities()


def test_architecture_for_other_points_is_told(parabola: Training, tmp_path: Path) -> None:
    with h5py.File(parabola.path) as file:
        architecture = json.loads(text_in(file["parabola"], "model/architecture"))
    other = copy.deepcopy(architecture)
    other["config"]["layers"][0]["config"]["batch_shape"] = [None, 3]
    path = changed(parabola, tmp_path / "a.h5", architecture=other)
    with pytest.raises(rc.EvaluationError, match="architectures differ|cannot be"):
        rc.open_run(path).probabilities()


@keras.saving.register_keras_serializable("trust")
def doubled(x: Any) -> Any:
    return 2 * x


class Halved(keras.layers.Layer):
    def call(self, inputs: Any) -> Any:
        return inputs / 2


def test_what_the_user_knows_is_allowed(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(16)
    model = small_model(
        keras.layers.Lambda(doubled, output_shape=(2,), name="twice"),
        Halved(name="half"),
        dense(2, "tanh", "hidden"),
        dense(1, "sigmoid", "output"),
    )
    rc.Recorder(X, y, tmp_path / "a.h5", "a", model=model)
    with pytest.raises(rc.EvaluationError, match=r"Halved', which is not part of Keras"):
        rc.open_run(tmp_path / "a.h5").probabilities()
    run = rc.open_run(tmp_path / "a.h5", custom_objects={"Halved": Halved})
    expected = model.predict(X, verbose=0)[:, 0]
    np.testing.assert_allclose(run.point_probabilities()[0], expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("mode", ["int8", "int4"])
def test_a_quantized_model_is_rebuilt(mode: str, tmp_path: Path) -> None:
    if not hasattr(keras.quantizers, f"{mode.capitalize()}QuantizationConfig"):
        pytest.skip("This version of Keras has no such configuration.")
    X, y = rc.datasets.parabola(20)
    model = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(4), keras.layers.Dense(1, "sigmoid")]
    )
    model.compile("sgd", "binary_crossentropy")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Layer InputLayer does not have a `quantize`")
        model.quantize(mode)
    rc.Recorder(X, y, tmp_path / "a.h5", "a", model=model)
    expected = model.predict(X, verbose=0)
    np.testing.assert_allclose(rc.open_run(tmp_path / "a.h5").outputs()[0], expected, atol=1e-6)


def test_a_class_of_keras_that_is_not_allowed_is_named_as_such() -> None:
    config = {"module": "keras.callbacks", "class_name": "CSVLogger", "config": {}}
    with pytest.raises(rc.EvaluationError, match=r"CSVLogger', a class of Keras that is not allow"):
        require_trusted(config, None, owner="The model", allow="")


def test_an_error_shows_no_code_of_a_lambda(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(20)
    rc.Recorder(X, y, tmp_path / "a.h5", "a", model=small_model(dense(1, "sigmoid", "output")))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*lambda")
        code = keras.losses.serialize(lambda targets, outputs: targets - outputs)
    assert code["class_name"] == "__lambda__"
    stored = rc.open_run(tmp_path / "a.h5")._stored
    objectives = Objectives(stored, "a", None, loss=[code, "mse"])
    with pytest.raises(rc.EvaluationError, match=r"single loss.* Got \['a lambda', 'mse'\]"):
        objectives.unreduced_loss()
