"""Planes and slices of models with several inputs."""

import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from support.training import EPOCHS, Training, dense

import replaychart as rc
from replaychart.network import keras_network

NAMES = ["zeta[0]", "zeta[1]", "zeta[2]", "beta[0]", "beta[1]"]


def test_features_of_all_inputs_are_side_by_side(two_inputs: Training) -> None:
    run = two_inputs.open()
    assert run.feature_names == NAMES
    np.testing.assert_array_equal(run.coordinates()[2], np.hstack(two_inputs.X))
    points = run.points(epochs=0)
    assert list(points.columns[4:9]) == ["x1", "x2", "x3", "x4", "x5"]


@pytest.mark.parametrize("at", ["median", "mean", 12, {"beta[0]": 0.3}, {"beta": [0.3, 0.7]}])
def test_slice_through_two_inputs(at: Any, two_inputs: Training) -> None:
    run, model = two_inputs.open(), two_inputs.at(EPOCHS)
    boundary = run.boundary(features=("zeta[1]", "beta[1]"), at=at, epochs=EPOCHS)
    assert len(boundary) > 1
    joined = np.hstack(two_inputs.X).astype("float64")
    held = np.median(joined, axis=0)
    if at == "mean":
        held = joined.mean(axis=0)
    elif at == 12:
        held = joined[12]
    elif isinstance(at, dict):
        held[3] = 0.3
    rows = np.tile(held, (len(boundary), 1)).astype("float32")
    rows[:, [1, 4]] = boundary[["x", "y"]]
    np.testing.assert_allclose(model.predict([rows[:, :3], rows[:, 3:]], verbose=0), 0.5, atol=1e-3)
    same = run.boundary(features=(1, 4), at=at, epochs=EPOCHS)
    pd.testing.assert_frame_equal(boundary, same)


@pytest.mark.parametrize("given", ["point", "array"])
def test_an_image_is_held_fixed(given: str, image_and_features: Training) -> None:
    training = image_and_features
    run, model = training.open(), training.at(EPOCHS)
    image, features = training.X["image"], training.X["features"]
    at = 7 if given == "point" else {"image": image[7], "features[0]": 0.2}
    boundary = run.boundary(features=("features[1]", "features[2]"), at=at, epochs=EPOCHS)
    assert len(boundary) > 2
    rows = np.tile(features[7] if given == "point" else [0.2, 0, 0], (len(boundary), 1))
    rows[:, 1:] = boundary[["x", "y"]]
    images = np.repeat(image[7:8], len(boundary), axis=0)
    outputs = model.predict({"image": images, "features": rows.astype("float32")}, verbose=0)
    ranked = np.sort(outputs, axis=1)
    np.testing.assert_allclose(ranked[:, -1], ranked[:, -2], atol=1e-2)


def test_tokens_are_held_fixed(tokens_and_features: Training) -> None:
    training = tokens_and_features
    run, model = training.open(), training.at(EPOCHS)
    surface = run.surface(features=("features[0]", "features[1]"), at=3, epochs=EPOCHS)
    tokens = np.repeat(training.X[0][3:4], len(surface), axis=0)
    places = surface[["x", "y"]].to_numpy("float32")
    predicted = model.predict([tokens, places], verbose=0)[:, 0]
    (x_low, x_high), (y_low, y_high) = run.planes.slice_limits(
        run.planes.slice(("features[0]", "features[1]"), 3), None, None
    )
    x, y = surface["x"], surface["y"]
    margin = 1e-3
    inside = (
        (x > x_low + margin)
        & (x < x_high - margin)
        & (y > y_low + margin)
        & (y < y_high - margin)
        & np.isfinite(surface["level"])
    )
    assert inside.sum() > 2
    np.testing.assert_allclose(predicted[inside], surface["level"][inside], atol=5e-3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {},
            r"inputs of the shapes 'features' \(3,\), 'image' \(6, 6, 1\). Choose two of them with "
            r"features=\(..., ...\): .*",
        ),
        ({"features": (0, 5)}, "features must be among 'features\\[0\\]'"),
        ({"features": ("image[0]", "features[1]")}, "features must be one of 'features\\[0\\]'"),
        (
            {"features": ("features[0]", "features[1]")},
            "at must specify the value of input 'image', which has the shape .* no median",
        ),
        (
            {"features": ("features[0]", "features[1]"), "at": {"features[2]": 1}},
            "at must specify the value of input 'image'",
        ),
        (
            {"features": ("features[0]", "features[1]"), "at": {"image": np.zeros(36)}},
            r"finite numbers of the shape \(6, 6, 1\) for 'image'. Got the shape \(36,\)",
        ),
        (
            {"features": ("features[0]", "features[1]"), "at": {"picture": 1}},
            "at must be one of 'features\\[0\\]', .*'image'.* Got 'picture'",
        ),
        (
            {"features": ("features[0]", "features[1]"), "at": {"features[2]": "much"}},
            "at must have a finite number for 'features\\[2\\]'. Got 'much'",
        ),
        (
            {"features": ("features[0]", "features[1]"), "at": 50},
            "the number of a point, from 0 to 49. Got 50",
        ),
        ({"features": ("features[0]", "features[1]"), "at": [1.0]}, "or 39 finite numbers"),
    ],
)
def test_bad_slices_raise_an_error(
    options: dict[str, Any], message: str, image_and_features: Training
) -> None:
    run = image_and_features.open()
    # Keras sorts inputs that are passed by name.
    assert list(run.inputs) == ["features", "image"]
    with pytest.raises(rc.ArgumentError, match=message):
        rc.decision_boundary(run, **options)


def test_integers_have_no_median(tokens_and_features: Training) -> None:
    with pytest.raises(
        rc.ArgumentError, match="value of input 'tokens', which consists of integers"
    ):
        rc.decision_boundary(tokens_and_features.open(), features=("features[0]", "features[1]"))


def test_integer_inputs_need_integers(tokens_and_features: Training) -> None:
    run = tokens_and_features.open()
    tokens = np.full(run.inputs["tokens"].shape[1:], 0.5)
    with pytest.raises(rc.ArgumentError, match="at must have integers for 'tokens'"):
        rc.decision_boundary(
            run, features=("features[0]", "features[1]"), at={"tokens": tokens.tolist()}
        )


def test_two_inputs_of_one_feature_are_a_plane(tmp_path: Path) -> None:
    keras.utils.set_random_seed(4)
    X, y = rc.datasets.parabola(60)
    across, up = keras.Input((1,), name="across"), keras.Input((1,), name="up")
    hidden = dense(2, "tanh", "hidden")(keras.layers.Concatenate()([across, up]))
    two = keras.Model([across, up], dense(1, "sigmoid", "output")(hidden))
    two.compile("sgd", "binary_crossentropy")
    whole = keras.Input((2,))
    one = keras.Model(whole, two.layers[-1](two.get_layer("hidden")(whole)))
    one.compile("sgd", "binary_crossentropy")
    rc.Recorder([X[:, :1], X[:, 1:]], y, tmp_path / "a.h5", "two", model=two)
    rc.Recorder(X, y, tmp_path / "a.h5", "one", model=one)
    both = [rc.open_run(tmp_path / "a.h5", group) for group in ("two", "one")]
    for frame in ("grid", "surface", "boundary"):
        for layer in (None, "hidden"):
            pair = [getattr(run, frame)(layer) for run in both]
            pd.testing.assert_frame_equal(*pair, rtol=1e-4)
    spec = rc.decision_boundary(both[0], grid=True).to_dict()
    assert [spec["layer"][0]["encoding"][axis]["title"] for axis in "xy"] == ["across", "up"]


def test_no_surface_if_a_branch_bypasses_the_layer(
    two_inputs: Training, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = two_inputs.open()
    assert len(rc.feature_space(run, "plane").to_dict()["layer"]) == 4
    assert len(rc.feature_space(run, "both").to_dict()["layer"]) == 4
    for layer in ("left", "right"):
        assert len(rc.feature_space(run, layer).to_dict()["layer"]) == 2, (
            "only the points, and rings"
        )
        with pytest.raises(
            rc.EvaluationError, match=f"after layer '{layer}' cannot.*a branch bypasses"
        ):
            rc.feature_space(run, layer, surface="layer")
    with pytest.raises(rc.EvaluationError, match="It can be evaluated after 'both', 'plane'"):
        run.surface("right", plane="layer")
    rc.Recorder(two_inputs.X, two_inputs.y, tmp_path / "a.h5", "a", model=two_inputs.model)
    rc.open_run(tmp_path / "a.h5").store()
    monkeypatch.setitem(sys.modules, keras_network.__name__, None)
    stored = rc.open_run(tmp_path / "a.h5")
    assert len(rc.feature_space(stored, "right").to_dict()["layer"]) == 2
    assert len(rc.feature_space(stored, "plane").to_dict()["layer"]) == 4
    assert rc.activations(stored, inputs=True).to_dict()


def test_errors_say_what_is_possible_with_a_layer(two_inputs: Training) -> None:
    run = two_inputs.open()
    for frame in (run.surface, run.boundary):
        with pytest.raises(
            rc.ArgumentError,
            match="plane='inputs' needs inputs with 2 features to map through layer 'right'.* a "
            "branch bypasses the layer. It is possible for 'both', 'plane'",
        ):
            frame("right")
        with pytest.raises(rc.ArgumentError, match="layer 'plane'.* pass plane='layer'"):
            frame("plane")
        assert len(frame("plane", plane="layer"))
        with pytest.raises(rc.ArgumentError, match="Choose two of them with features="):
            frame()
    with pytest.raises(rc.ArgumentError, match=r"Grid lines need.* use points\('plane'\)"):
        run.grid("plane")
    with pytest.raises(
        rc.ArgumentError, match="pass plane='layer' .surface='layer' in feature_space"
    ):
        rc.feature_space(run, "plane", surface="inputs")
