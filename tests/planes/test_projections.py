"""Projections of wide layers and slices through the inputs: coordinates and inverses."""

import json
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from scipy.linalg import orthogonal_procrustes
from sklearn.cross_decomposition import PLSRegression
from sklearn.datasets import make_friedman1
from sklearn.decomposition import PCA, FastICA, KernelPCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.manifold import TSNE
from support.training import EPOCHS, Training, dense, small_model
from support.winding import covered

import replaychart as rc
from replaychart.evaluation import evaluations
from replaychart.facts.keys import evaluation_key
from replaychart.planes import components, layer_space, planes


def _xy(frame: pd.DataFrame, epoch: int) -> np.ndarray:
    return frame[frame["epoch"] == epoch][["x", "y"]].to_numpy()


def _after(model: keras.Model, layer: str) -> keras.Model:
    """The part of a Sequential model after a layer."""
    names = [each.name for each in model.layers]
    return keras.Sequential(model.layers[names.index(layer) + 1 :])


def test_principal_components_are_those_of_all_epochs_together(one_hot: Training) -> None:
    run = one_hot.open()
    outputs = run.coordinates("output")
    pca = PCA(2).fit(outputs.reshape(-1, 3))
    points = run.points("output", projection="pca-pooled")
    assert list(points.columns) == list(run.points("latent").columns)
    for epoch in (0, EPOCHS):
        np.testing.assert_allclose(_xy(points, epoch), pca.transform(outputs[epoch]), atol=1e-5)
    first, second = run.planes.view("output", "pca-pooled", "flatten").titles
    share = pca.explained_variance_ratio_
    assert first == f"output, component 1 ({100 * share[0]:.0f} %)"
    assert second == f"output, component 2 ({100 * share[1]:.0f} %)"


def test_components_within_epochs_are_those_of_their_pooled_covariance(
    regression: Training,
) -> None:
    run = regression.open()
    outputs = run.coordinates("wide").astype(np.float64)
    deviations = outputs - outputs.mean(axis=1, keepdims=True)
    covariance = sum(one.T @ one for one in deviations)
    sizes, directions = np.linalg.eigh(covariance)
    base = directions[:, ::-1][:, :2]
    view = run.planes.view("wide", None, "flatten")
    np.testing.assert_allclose(np.abs(base.T @ view.bases[0]), np.eye(2), atol=1e-4)
    shares = 100 * sizes[::-1][:2] / sizes.sum()
    assert view.titles == tuple(
        f"wide, component {n} ({share:.0f} %)" for n, share in enumerate(shares, 1)
    )
    # The default is named, too, and the drift of all points is visible.
    points = run.points("wide", projection="pca")
    for epoch in range(EPOCHS + 1):
        expected = (outputs[epoch] - outputs.mean(axis=(0, 1))) @ view.bases[0]
        np.testing.assert_allclose(_xy(points, epoch), expected, atol=1e-5)


def _record_layer(path: Path, layer: str, outputs: np.ndarray) -> None:
    """Record the outputs of a layer, shape (snapshots, points, units), of a regression."""
    points = outputs.shape[1]
    X, y = np.random.default_rng(0).normal(size=(points, 2)), np.arange(points) / 7
    with rc.record_outputs(path, "a", inputs=X, targets=y) as recorder:
        for epoch, values in enumerate(outputs):
            recorder.snapshot(epoch, predictions=y, losses=y, layers={layer: values})


def test_drift_does_not_choose_the_directions(tmp_path: Path) -> None:
    """Points that all move along one unit, and differ in two others."""
    rng = np.random.default_rng(0)
    outputs = rng.normal(size=(5, 40, 4)) * [0.01, 1, 2, 0.01]
    outputs[:, :, 0] += np.linspace(0, 100, 5)[:, None]
    _record_layer(tmp_path / "a.h5", "wide", outputs)
    run = rc.open_run(tmp_path / "a.h5")
    bases = {
        name: np.abs(run.planes.view("wide", name, "flatten").bases[0])
        for name in ("pca", "pca-pooled", "pca-last")
    }
    for name in ("pca", "pca-last"):
        np.testing.assert_allclose(bases[name], np.eye(4)[:, [2, 1]], atol=0.15)
    np.testing.assert_allclose(bases["pca-pooled"][:, 0], [1, 0, 0, 0], atol=0.02)
    shown = run.points("wide", projection="pca")
    assert np.ptp(shown.groupby("epoch")["x"].mean()) < 5


def test_points_that_never_differ_show_their_drift(tmp_path: Path) -> None:
    outputs = np.tile(np.arange(4.0)[:, None, None], (1, 3, 3)) * [3, 1, 0]
    _record_layer(tmp_path / "a.h5", "dead", outputs)
    run = rc.open_run(tmp_path / "a.h5")
    base = run.planes.view("dead", "pca", "flatten").bases[0]
    np.testing.assert_allclose(np.abs(base[:, 0]), np.array([3, 1, 0]) / 10**0.5, atol=1e-6)
    rc.feature_space(run, "dead").to_dict()


def test_components_of_the_last_epoch(regression: Training) -> None:
    run = regression.open()
    outputs = run.coordinates("wide")
    points = run.points("wide", projection="pca-last")
    pca = PCA(2, random_state=0).fit(outputs[-1])
    for epoch in (0, EPOCHS):
        np.testing.assert_allclose(_xy(points, epoch), pca.transform(outputs[epoch]), atol=1e-5)


def test_output_weights_of_one_output(tmp_path: Path) -> None:
    keras.utils.set_random_seed(2)
    X, y = make_friedman1(60, n_features=5, random_state=0)
    layers = (dense(6, "tanh", "wide"), keras.layers.Dropout(0.5), dense(1, None, "number"))
    model = small_model(*layers, loss="mse", features=5)
    rc.Recorder(X, y, tmp_path / "a.h5", "a", model=model)
    run = rc.open_run(tmp_path / "a.h5")
    base = run.planes.view("wide", "output-weights", "flatten").bases[0]
    kernel = model.layers[-1].get_weights()[0][:, 0]
    np.testing.assert_allclose(base.T @ base, np.eye(2), atol=1e-6)
    along = base[:, 0] * np.sign(base[:, 0] @ kernel)
    np.testing.assert_allclose(along, kernel / np.linalg.norm(kernel), atol=1e-6)
    last = run.coordinates("wide")[-1].astype(np.float64)
    rest = last - last.mean(axis=0)
    rest = rest - np.outer(rest @ along, along)
    across = PCA(1).fit(rest).components_[0]
    assert abs(base[:, 1] @ across) == pytest.approx(1, abs=1e-5)
    rc.feature_space(run, "wide", projection="output-weights").to_dict()


def test_output_weights_of_several_classes_keep_what_a_softmax_sees(one_hot: Training) -> None:
    run = one_hot.open()
    *_, layer, _ = run.layers
    units = run.layer_shape(layer)
    base = run.planes.view(layer, "output-weights", "flatten").bases[0]
    kernel = one_hot.at(EPOCHS).layers[-1].get_weights()[0]
    assert kernel.shape == (*units, 3)
    centered = kernel - kernel.mean(axis=1, keepdims=True)
    expected = np.linalg.svd(centered)[0][:, :2]
    np.testing.assert_allclose(np.abs(base.T @ expected), np.eye(2), atol=1e-5)


def test_discriminants_are_those_of_the_last_epoch(three: Training) -> None:
    run = three.open()
    outputs = run.coordinates("logits")
    points = run.points("logits", projection="discriminants")
    fitted = LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto")
    fitted.fit(outputs[-1], three.y)
    middle = fitted.transform(outputs[-1])[:, :2].mean(axis=0)
    for epoch in (0, EPOCHS):
        expected = fitted.transform(outputs[epoch])[:, :2] - middle
        np.testing.assert_allclose(_xy(points, epoch), expected, rtol=1e-3, atol=1e-4)


def test_two_classes_have_one_discriminant(branches: Training) -> None:
    run = branches.open()
    layer = next(name for name in run.layers if (run.layer_shape(name) or (0,))[0] > 2)
    base = run.planes.view(layer, "discriminants", "flatten").bases[0]
    last = run.coordinates(layer)[-1]
    fitted = LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto").fit(last, run.targets)
    own = fitted.scalings_[:, 0]
    np.testing.assert_allclose(base.T @ base, np.eye(2), atol=1e-9)
    assert abs(base[:, 0] @ own) == pytest.approx(np.linalg.norm(own), rel=1e-5)


def test_directions_that_a_run_does_not_have(regression: Training, three: Training) -> None:
    with pytest.raises(rc.ArgumentError, match="'discriminants' needs points with one class each"):
        regression.open().points("wide", projection="discriminants")
    with pytest.raises(rc.ArgumentError, match="enter the output layer .*Got 'logits'"):
        three.open().points("logits", projection="output-weights")
    with pytest.raises(rc.ArgumentError, match="without another layer in between. Got 'wide'"):
        regression.open().points("wide", projection="output-weights")


def test_surfaces_stored_for_all_epochs_together_are_not_taken_for_the_default(
    regression: Training, tmp_path: Path
) -> None:
    path = tmp_path / "copy.h5"
    shutil.copy(regression.path, path)
    options = {"plane": "layer", "epochs": EPOCHS, "resolution": 20}
    run = rc.open_run(path, regression.group)
    for name in ("pca-pooled", "pca"):
        run.surface("wide", projection=name, plane="layer", resolution=20)
    run.store(layers=["wide"])
    keys = rc.open_run(path, regression.group)._memory.keys()
    views = {json.loads(key).get("view") for key in keys if "surface" in key}
    assert {"pca, flattened", "pca within epochs, flattened"} <= views
    fresh = regression.open()
    for name in ("pca-pooled", "pca"):
        stored = rc.open_run(path, regression.group).surface("wide", projection=name, **options)
        pd.testing.assert_frame_equal(stored, fresh.surface("wide", projection=name, **options))


def test_aligned_components_turn_as_little_as_they_can(regression: Training) -> None:
    run = regression.open()
    outputs = run.coordinates("wide")
    points = run.points("wide", projection="aligned")
    for epoch in range(EPOCHS + 1):
        own = PCA(2).fit_transform(outputs[epoch])
        shown = _xy(points, epoch)
        # The same picture as the epoch's own components, rotated or mirrored ...
        np.testing.assert_allclose(shown @ shown.T, own @ own.T, atol=1e-3)
        if epoch:
            # ... and no other rotation brings it closer to the previous picture.
            before = _xy(points, epoch - 1)
            turn, _ = orthogonal_procrustes(shown, before)
            np.testing.assert_allclose(turn, np.eye(2), atol=1e-4)


def test_a_pair_of_units_and_a_matrix(regression: Training) -> None:
    run = regression.open()
    outputs = run.coordinates("wide", epochs=3)[0]
    pair = run.points("wide", projection=(5, 2), epochs=3)
    np.testing.assert_allclose(_xy(pair, 3), outputs[:, [5, 2]], atol=1e-6)
    assert run.planes.view("wide", (5, 2), "flatten").titles == ("wide[5]", "wide[2]")
    matrix = np.random.default_rng(0).normal(size=(8, 2))
    mixed = run.points("wide", projection=matrix, epochs=3)
    np.testing.assert_allclose(_xy(mixed, 3), outputs @ matrix, atol=1e-5)


def test_an_object_of_the_user_is_copied_and_fitted(regression: Training) -> None:
    run = regression.open()
    own = FastICA(2, random_state=0)
    points = run.points("wide", projection=own, epochs=[0, EPOCHS])
    assert not hasattr(own, "components_")
    outputs = run.coordinates("wide")
    fitted = FastICA(2, random_state=0).fit(outputs.reshape(-1, 8))
    np.testing.assert_allclose(_xy(points, EPOCHS), fitted.transform(outputs[EPOCHS]), atol=1e-5)
    view = run.planes.view("wide", own, "flatten")
    assert view.slice == "the inverse of FastICA at (0, 0)"
    curved = KernelPCA(2, kernel="rbf", fit_inverse_transform=True)
    small = regression.open()
    assert small.planes.view("wide", curved, "flatten").slice is None


@pytest.mark.parametrize(
    "projection",
    ["pca", "pca-last", "aligned", (0, 4), np.eye(8)[:, [1, 6]] * 2.5],
)
def test_surface_over_a_projected_plane(projection: Any, regression: Training) -> None:
    run = regression.open()
    view = run.planes.view("wide", projection, "flatten")
    after = _after(regression.at(EPOCHS), "wide")
    surface = run.surface("wide", projection=projection, plane="layer", epochs=EPOCHS)
    (x_low, x_high), (y_low, y_high) = run.planes.layer_limits("wide", view=view)
    rng = np.random.default_rng(0)
    places = rng.uniform((x_low, y_low), (x_high, y_high), (300, 2))
    # The point of the space for a point of the plane is projected back to the same point.
    space = view.values(places, EPOCHS)
    np.testing.assert_allclose(view.coordinates(space, EPOCHS), places, atol=1e-5)
    heights = after.predict(space, verbose=0)[:, 0]
    levels = np.sort(surface["level"].unique())
    assert levels[0] >= -np.inf
    span = regression.y.max() - regression.y.min()
    for level, rings in surface.groupby("level"):
        inside = covered(rings, places) != 0
        sure = np.abs(heights - level) > 0.01 * span
        np.testing.assert_array_equal(inside[sure], (heights >= level)[sure])


def test_grid_and_image_are_projected_too(regression: Training) -> None:
    run = regression.open()
    lines = run.grid("wide", projection="pca", lines=3, xlim=(-1, 1), ylim=(-1, 1), epochs=2)
    model = regression.at(2)
    corner = model.get_layer("wide")(np.array([[-1.0, -1.0]], "float32")).numpy()
    expected = run.planes.view("wide", "pca", "flatten").coordinates(corner, 2)
    first = lines.query("line == 0 and vertex == 0")[["x", "y"]]
    np.testing.assert_allclose(first, expected, atol=1e-5)
    surface = run.surface("wide", projection="pca", epochs=2)
    shown = _xy(run.points("wide", projection="pca", epochs=2), 2)
    lowest = surface[surface["level"] == surface["level"].min()]
    assert (covered(lowest, shown) != 0).mean() > 0.97


def test_positions_are_flattened_or_averaged(images: Training) -> None:
    run = images.open()
    maps = keras.Model(
        images.model.inputs, images.at(EPOCHS).get_layer("convolution").output
    ).predict(images.X, verbose=0)
    flat = run.points("convolution", projection=(0, 7), epochs=EPOCHS)
    np.testing.assert_allclose(_xy(flat, EPOCHS), maps.reshape(60, -1)[:, [0, 7]], atol=1e-6)
    mean = run.points("convolution", projection=(0, 3), positions="mean", epochs=EPOCHS)
    np.testing.assert_allclose(_xy(mean, EPOCHS), maps.mean(axis=(1, 2))[:, [0, 3]], atol=1e-6)
    # Flattened maps have an inverse, averaged maps do not.
    boundary = run.boundary("convolution", projection="pca", plane="layer", epochs=EPOCHS)
    view = run.planes.view("convolution", "pca", "flatten")
    space = view.values(boundary[["x", "y"]].to_numpy(), EPOCHS)
    assert space.shape == (len(boundary), 4, 4, 4)
    ranked = np.sort(_after(images.at(EPOCHS), "convolution").predict(space, verbose=0), axis=1)
    assert len(ranked) > 5
    np.testing.assert_allclose(ranked[:, -1], ranked[:, -2], atol=0.02)
    with pytest.raises(rc.ArgumentError, match="has no inverse.*surface=None"):
        run.surface("convolution", projection="pca", positions="mean", plane="layer")


class _Own:
    """A projection with a method that raises an error."""

    def __init__(self, fails: str, error: Exception) -> None:
        self.fails, self.error, self.calls = fails, error, 0

    def fit(self, values: np.ndarray) -> None:
        if self.fails == "fit":
            raise self.error

    def transform(self, values: np.ndarray) -> np.ndarray:
        self.calls += 1
        if self.fails == "transform" or (self.fails == "later" and self.calls > 1):
            raise self.error
        return values[:, :2]


@pytest.mark.parametrize("own", [LinearDiscriminantAnalysis(n_components=2), PLSRegression(2)])
def test_an_object_whose_fit_needs_targets_receives_them(own: Any, three: Training) -> None:
    """The signature says so (discriminants), or the first try fails (partial least squares)."""
    run = three.open()
    points = run.points("logits", projection=own)
    outputs = run.coordinates("logits")
    fitted = type(own)(n_components=2).fit(outputs.reshape(-1, 3), np.tile(three.y, EPOCHS + 1))
    for epoch in (0, EPOCHS):
        expected = fitted.transform(outputs[epoch])
        np.testing.assert_allclose(_xy(points, epoch), expected, rtol=1e-3, atol=1e-4)


def test_an_object_that_fits_a_regression_by_its_targets(regression: Training) -> None:
    run = regression.open()
    points = run.points("wide", projection=PLSRegression(2), epochs=2)
    outputs = run.coordinates("wide")
    targets = np.tile(regression.y, EPOCHS + 1)
    fitted = PLSRegression(2).fit(outputs.reshape(-1, 8), targets)
    expected = fitted.transform(outputs[2])
    # It projects obliquely, so no plane of the space has these coordinates.
    assert run.planes.view("wide", PLSRegression(2), "flatten").slice is None
    np.testing.assert_allclose(_xy(points, 2), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("projection", "message"),
    [
        ("umap", "projection must be 'pca', .*'aligned', .*a pair of units.*Got 'umap'"),
        ((0, 8), "two different units of layer 'wide', from 0 to 7. Got \\(0, 8\\)"),
        ((3, 3), "two different units.*Got \\(3, 3\\)"),
        (
            np.ones((5, 2)),
            "must be a finite matrix of the shape \\(8, 2\\).*Got the shape \\(5, 2\\)",
        ),
        (np.ones((8, 2)), "must have rank 2"),
        (np.full((8, 2), np.nan), "must be a finite matrix"),
        (PCA(3), "must transform 4 points to the shape \\(4, 2\\). Got the shape \\(4, 3\\)"),
        (PCA(20), "projection PCA cannot be fitted to layer 'wide'"),
        (object(), "an object with fit and transform or, in feature_space .*, 'rotate'. Got <obj"),
        (TSNE(2), "an object with fit and transform or, in feature_space .*, 'rotate'. Got TSNE"),
        ("procrustes", "an object with fit and transform or, .*, 'rotate'. Got 'procrustes'"),
        ("rotate", "Got 'rotate', which only feature_space can draw, with two sliders"),
        (PCA, r"an object with fit and transform, not its class. Got PCA: pass PCA\(...\)"),
        (_Own("fit", RuntimeError("no luck")), "projection _Own cannot be fitted to .*: no luck"),
        (
            _Own("fit", KeyError("a")),
            "projection _Own cannot be fitted to .* 'wide': KeyError: 'a'",
        ),
        (_Own("transform", ZeroDivisionError("zero")), "_Own cannot be fitted to layer .*: zero"),
        (_Own("later", RuntimeError("tired")), "projection _Own cannot transform: tired"),
        (LinearDiscriminantAnalysis(), "cannot be fitted to layer 'wide': Unknown label"),
        (7, "projection must be 'pca'"),
    ],
)
def test_bad_projections_raise_an_error(
    projection: Any, message: str, regression: Training
) -> None:
    with pytest.raises(rc.ArgumentError, match=message):
        regression.open().points("wide", projection=projection)


def test_bad_positions_raise_an_error(images: Training) -> None:
    with pytest.raises(rc.ArgumentError, match="positions must be one of 'flatten', 'mean'"):
        images.open().points("convolution", projection="pca", positions="max")


def test_slice_through_inputs_with_more_features(branches: Training) -> None:
    run, model = branches.open(), branches.at(EPOCHS)
    held = {
        "median": np.median(branches.X, axis=0),
        "mean": branches.X.mean(axis=0, dtype=np.float64),
        17: branches.X[17],
    }
    for at, others in held.items():
        boundary = run.boundary(features=(3, 1), at=at, epochs=EPOCHS)
        assert len(boundary) > 1
        X = np.tile(others, (len(boundary), 1)).astype("float32")
        X[:, [3, 1]] = boundary[["x", "y"]]
        # The model returns logits, so the boundary is at 0. The slope limits the accuracy.
        np.testing.assert_allclose(model.predict(X, verbose=0), 0, atol=0.02)
    given = run.boundary(features=(3, 1), at=held["median"], epochs=EPOCHS)
    pd.testing.assert_frame_equal(given, run.boundary(features=(3, 1), epochs=EPOCHS))
    named = run.boundary(features=("input 4", "input 2"), at={"input 1": 0.5}, epochs=EPOCHS)
    others = held["median"].copy()
    others[0] = 0.5
    same = run.boundary(features=(3, 1), at=others, epochs=EPOCHS)
    pd.testing.assert_frame_equal(named, same)


@pytest.mark.parametrize(
    "features",
    [
        np.array([3, 1]),
        pd.Index(["input 4", "input 2"]),
        pd.Series(["input 4", "input 2"]),
        np.array(["input 4", "input 2"]),
        (np.int64(3), np.int8(1)),
        [3, "input 2"],
    ],
)
def test_a_pair_of_features_in_any_sequence(features: Any, branches: Training) -> None:
    run = branches.open()
    expected = run.boundary(features=(3, 1), epochs=EPOCHS)
    pd.testing.assert_frame_equal(run.boundary(features=features, epochs=EPOCHS), expected)


def test_columns_with_the_same_name_are_chosen_by_position(tmp_path: Path) -> None:
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(20, 3)), columns=["a", "b", "a"])
    model = small_model(dense(1, "sigmoid", "output"), features=3)
    rc.Recorder(X, X.to_numpy().argmax(axis=1) > 0, tmp_path / "a.h5", "a", model=model)
    run = rc.open_run(tmp_path / "a.h5")
    assert run.planes.slice((2, 1), "median").titles == ("a", "b")
    message = "unambiguous, but the features at the positions 0, 2 have the same name. .* Got 'a'"
    for options in ({"features": ("a", "b")}, {"features": (0, 1), "at": {"a": 1}}):
        with pytest.raises(rc.ArgumentError, match=message):
            rc.decision_boundary(run, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"features": (0, 9)}, "features must be names or positions from 0 to 4. Got 9"),
        ({"features": ("input 1", "size")}, "features must be one of 'input 1', .*Got 'size'"),
        ({"features": (2, 2)}, "features must be two different features. Got \\(2, 2\\)"),
        ({"features": (0, 1, 2)}, "features must be two different features"),
        ({"features": "input 1"}, "features must be two different features"),
        ({"features": (0, True)}, "features must be names or positions from 0 to 4. Got True"),
        ({"features": {0, 1}}, r"features must be names or positions from 0 to 4. Got \{0, 1\}"),
        ({"features": np.eye(2)}, "features must be names or positions from 0 to 4. Got array"),
        (
            {"features": (0, 1), "at": "mode"},
            "at must be 'median', 'mean', the number of a recorded point, values by name, or 5 ",
        ),
        (
            {"features": (0, 1), "at": {"input 1": 1}},
            "at must not name features that are on an axis.* Got a value for 'input 1'",
        ),
        (
            {"features": (0, 1), "at": 400},
            "at must be the number of a point, from 0 to 119. Got 400",
        ),
        ({"features": (0, 1), "at": {"size": 1}}, "Each name in at must be one of 'input 1'"),
        ({"features": (0, 1), "at": [1, 2]}, "or 5 finite numbers. Got \\[1, 2\\]"),
        ({}, "inputs with 2 features.*Choose two of them with features="),
    ],
)
def test_bad_slices_raise_an_error(
    options: dict[str, Any], message: str, branches: Training
) -> None:
    with pytest.raises(rc.ArgumentError, match=message):
        rc.decision_boundary(branches.open(), **options)


@pytest.mark.parametrize("how", ["pca", "pca-pooled", "pca-last", "aligned", (1, 4), np.eye(8, 2)])
def test_a_layer_that_is_not_kept_in_memory_has_the_same_projection(
    how: Any, regression: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(components, "MOST_UNITS", 4)
    whole = rc.open_run(regression.path, regression.group)
    held = whole.points("wide", projection=how)
    monkeypatch.setattr(layer_space, "_LARGEST_FIT", 2000)
    monkeypatch.setattr(evaluations, "_MOST_VALUES_KEPT", 2000)
    run = rc.open_run(regression.path, regression.group)
    streamed = run.points("wide", projection=how)
    for axis in ("x", "y"):
        np.testing.assert_allclose(streamed[axis], held[axis], atol=1e-5)
    outputs = evaluation_key("outputs", layer="wide")
    assert whole._memory.holds(outputs)
    assert not run._memory.holds(outputs), "nothing of the layer was kept"


def test_a_regression_with_many_features(tmp_path: Path) -> None:
    keras.utils.set_random_seed(12)
    X, y = make_friedman1(200, n_features=10, random_state=0)
    X = pd.DataFrame((4 * X - 2).astype("float32"), columns=list("abcdefghij"))
    model = small_model(
        dense(12, "tanh", "wide"), dense(1, None, "number"), loss="mse", features=10
    )
    model.compile(keras.optimizers.Adam(0.05), "mse")
    recorder = rc.Recorder(X, y, tmp_path / "a.h5", "a")
    model.fit(X.to_numpy(), y, epochs=25, verbose=0, callbacks=[recorder])
    run = rc.open_run(tmp_path / "a.h5")
    predicted = model.predict(X.to_numpy(), verbose=0)[:, 0]
    np.testing.assert_allclose(run.residuals()[25], predicted - y, rtol=0, atol=1e-5)
    surface = run.surface(features=("a", "d"), at="mean", epochs=25)
    (x_low, x_high), (y_low, y_high) = run.planes.slice_limits(
        run.planes.slice(("a", "d"), "mean"), None, None
    )
    places = np.random.default_rng(0).uniform((x_low, y_low), (x_high, y_high), (300, 2))
    held = np.tile(X.mean(), (300, 1)).astype("float32")
    held[:, [0, 3]] = places
    heights = model.predict(held, verbose=0)[:, 0]
    for level, rings in surface.groupby("level"):
        inside = covered(rings, places) != 0
        sure = np.abs(heights - level) > 0.01 * np.ptp(y)
        np.testing.assert_array_equal(inside[sure], (heights >= level)[sure])
    assert surface["level"].nunique() > 2
    over = rc.feature_space(run, "wide").to_dict()["layer"]
    assert len(over) == 2, "surface and points"


def test_a_chart_of_few_points_evaluates_these_alone(
    regression: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = rc.open_run(regression.path, regression.group)
    view = whole.planes.view("wide", "pca", "flatten")
    every = whole.planes.coordinates("wide", range(EPOCHS + 1), view)
    limits = whole.planes.layer_limits("wide", view=view)
    monkeypatch.setattr(planes, "_MOST_COORDINATES_KEPT", 0)
    monkeypatch.setattr(evaluations, "_MOST_VALUES_KEPT", 0)
    run = rc.open_run(regression.path, regression.group)
    view = run.planes.view("wide", "pca", "flatten")
    some = np.array([7, 3, 30])
    few = run.planes.coordinates("wide", [1, EPOCHS], view, some)
    np.testing.assert_allclose(few, every[[1, EPOCHS]][:, some], atol=1e-6)
    np.testing.assert_allclose(run.planes.layer_limits("wide", view=view), limits, atol=1e-6)
    assert not run.planes._coordinates, "nothing was kept"
