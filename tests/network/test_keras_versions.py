"""Architectures that one version of Keras wrote are read by others."""

import json
from pathlib import Path

import h5py
import keras
import numpy as np
from support.training import small_model

import replaychart as rc
from replaychart.network.keras_versions import for_any_version
from replaychart.storage.hdf5 import fixed_texts
from replaychart.storage.hdf5.checked import text_in

# As Keras 3.15 writes a layer: Keras 3.5 knows neither of the last two settings.
NEW = {
    "module": "keras.layers",
    "class_name": "Dense",
    "config": {
        "name": "hidden",
        "units": 2,
        "kernel_initializer": {
            "module": "keras.initializers",
            "class_name": "GlorotUniform",
            "config": {"seed": None, "input_axes": None, "output_axes": None},
            "registered_name": None,
        },
        "quantization_config": None,
    },
    "registered_name": None,
}


def test_layer_of_a_newer_version_is_read() -> None:
    layer = keras.saving.deserialize_keras_object(for_any_version(NEW))
    assert (layer.name, layer.units) == ("hidden", 2)


def test_settings_that_are_used_and_those_of_others_stay() -> None:
    used = {**NEW, "config": {**NEW["config"], "quantization_config": {"mode": "int8"}}}
    assert for_any_version([used])[0]["config"]["quantization_config"] == {"mode": "int8"}
    own = {**NEW, "module": "mine", "config": {"renorm": False, "use_gate": False}}
    assert for_any_version(own) == own


def test_recording_of_a_newer_version_is_evaluated(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(16)
    model = small_model(
        keras.layers.Dense(3, activation="tanh"),
        keras.layers.BatchNormalization(),
        keras.layers.Dense(1, activation="sigmoid"),
    )
    rc.Recorder(X, y, tmp_path / "a.h5", "a", model=model)
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        architecture = json.loads(text_in(file, "a/model/architecture"))
        normalization = architecture["config"]["layers"][2]["config"]
        normalization |= {"renorm": False, "renorm_clipping": None, "renorm_momentum": 0.99}
        for dense in (1, 3):
            architecture["config"]["layers"][dense]["config"]["quantization_config"] = None
        fixed_texts.write(file, "a/model/architecture", json.dumps(architecture))
    np.testing.assert_allclose(
        rc.open_run(tmp_path / "a.h5").probabilities()[0, :, 1],
        model.predict(X, verbose=0)[:, 0],
        rtol=0,
        atol=1e-6,
    )
