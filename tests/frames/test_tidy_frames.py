"""The tidy frames: columns, order and values."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from support.training import EPOCHS, Training, dense, small_model
from support.winding import covered

import replaychart as rc


def test_points_have_the_documented_columns(parabola: Training) -> None:
    frame = parabola.open().points("hidden")
    assert list(frame.columns) == [
        "epoch", "point", "subset", "target", "x", "y", "prediction", "probability", "loss",
    ]  # fmt: skip
    assert len(frame) == (EPOCHS + 1) * 200
    assert frame[["epoch", "point"]].equals(
        frame[["epoch", "point"]].sort_values(["epoch", "point"])
    )
    assert [frame[c].dtype.kind for c in frame] == [
        "i", "i", "O", "i", "f", "f", "i", "f", "f",
    ]  # fmt: skip


def test_points_match_the_arrays(parabola: Training) -> None:
    run = parabola.open()
    frame = run.points("hidden").query("epoch == 3")
    np.testing.assert_array_equal(frame[["x", "y"]], run.coordinates("hidden")[3])
    np.testing.assert_array_equal(frame["probability"], run.probabilities()[3, :, 1])
    np.testing.assert_array_equal(frame["loss"], run.losses()[3])
    np.testing.assert_array_equal(frame["prediction"], run.probabilities()[3, :, 1] > 0.5)


def test_points_without_a_layer_are_the_inputs(parabola: Training) -> None:
    frame = parabola.open().points(epochs=[2])
    np.testing.assert_array_equal(frame[["x", "y"]], parabola.X)


def test_epochs_can_be_chosen_in_several_ways(parabola: Training) -> None:
    run = parabola.open()
    expected = run.points("hidden", epochs=[2, 4])
    for epochs in ((e for e in (4, 2)), np.array([2, 4]), range(2, 5, 2), slice(2, 5, 2)):
        pd.testing.assert_frame_equal(run.points("hidden", epochs=epochs), expected)


def test_coordinates_of_wide_and_narrow_layers_are_numbered(folded: Training) -> None:
    run = folded.open()
    assert [c for c in run.points("wide", epochs=0) if c.startswith("x")] == [
        f"x{unit}" for unit in range(1, 9)
    ]
    columns = run.points("output", epochs=0).columns
    assert "x" in columns
    assert "y" not in columns


def test_grid_lines_are_mapped_through_the_layer(parabola: Training) -> None:
    run = parabola.open()
    lines = run.grid("hidden", lines=5, epochs=[0, EPOCHS])
    assert list(lines.columns) == ["epoch", "line", "constant", "at", "vertex", "x", "y"]
    assert lines.groupby("epoch")["line"].nunique().tolist() == [10, 10]
    straight = run.grid(None, lines=5, xlim=(-1, 1), ylim=(0, 1), epochs=0)
    assert straight.query("constant == 'x'")["at"].unique().tolist() == [-1, -0.5, 0, 0.5, 1]
    assert (straight.query("constant == 'y' and at == 0.25")["y"] == 0.25).all()
    corner = np.array([[-1.0, 0.0]], "float32")
    model = parabola.at(EPOCHS)
    weights = model.get_layer("hidden").get_weights()
    expected = 1 / (1 + np.exp(-(corner @ weights[0] + weights[1])))
    bent = run.grid("hidden", lines=5, xlim=(-1, 1), ylim=(0, 1), epochs=EPOCHS)
    first = bent.query("line == 0 and vertex == 0")[["x", "y"]]
    np.testing.assert_allclose(first, expected, rtol=0, atol=1e-6)


def test_surface_encloses_the_points_whose_probability_is_higher(parabola: Training) -> None:
    run = parabola.open()
    surface = run.surface(epochs=EPOCHS)
    probabilities = run.probabilities(epochs=EPOCHS)[0, :, 1]
    for level, rings in surface.groupby("level"):
        inside = covered(rings, run.inputs) != 0
        sure = np.abs(probabilities - level) > 2e-3
        np.testing.assert_array_equal(inside[sure], (probabilities >= level)[sure])


@pytest.mark.parametrize("name", ["parabola", "folded"])
def test_surface_in_a_layer_covers_every_point_at_its_level(
    name: str, request: pytest.FixtureRequest
) -> None:
    """Also if the layer folds the plane: the two sides must not cancel out."""
    run = request.getfixturevalue(name).open()
    layer = run.planes.layers()[-1]
    for epoch in (0, EPOCHS):
        surface = run.surface(layer, epochs=epoch, resolution=160)
        where = run.coordinates(layer, epochs=epoch)[0]
        probabilities = run.probabilities(epochs=epoch)[0, :, 1]
        for level, rings in surface.groupby("level"):
            inside = covered(rings, where) != 0
            sure = np.abs(probabilities - level) > 0.02
            np.testing.assert_array_equal(inside[sure], (probabilities >= level)[sure])


def test_layer_of_the_folded_network_really_folds(folded: Training) -> None:
    run = folded.open()
    square = [[(x, y) for x in np.linspace(-1, 2, 40)] for y in np.linspace(-1, 1.5, 40)]
    outputs = run._network.rebuilt("").outputs(
        "fold", np.reshape(square, (-1, 2)).astype("float32"), [EPOCHS]
    )
    image = outputs.reshape(40, 40, 2)
    right, up = np.diff(image, axis=1)[:-1], np.diff(image, axis=0)[:, :-1]
    areas = right[..., 0] * up[..., 1] - right[..., 1] * up[..., 0]
    assert (areas > 1e-6).any()
    assert (areas < -1e-6).any()


def test_boundary_lies_where_both_classes_are_equally_probable(parabola: Training) -> None:
    run = parabola.open()
    boundary = run.boundary(epochs=EPOCHS)
    assert list(boundary.columns) == ["epoch", "line", "vertex", "x", "y"]
    vertices = boundary[["x", "y"]].to_numpy("float32")
    outputs = parabola.at(EPOCHS).predict(vertices, verbose=0)
    np.testing.assert_allclose(outputs, 0.5, atol=2e-3)


def test_boundary_in_the_last_hidden_layer_is_straight(shipped: rc.Run) -> None:
    vertices = shipped.boundary("hidden", epochs=150)[["x", "y"]].to_numpy()
    direction = vertices[-1] - vertices[0]
    direction /= np.linalg.norm(direction)
    off = np.abs(np.cross(np.c_[vertices - vertices[0], np.zeros(len(vertices))], [*direction, 0]))
    assert off.max() < 1e-3


def test_plane_of_a_layer_is_evaluated_if_there_is_no_input_plane(branches: Training) -> None:
    run = branches.open()
    boundary = run.boundary("plane", plane="layer", epochs=EPOCHS)
    weights, bias = branches.at(EPOCHS).get_layer("logit").get_weights()
    logits = boundary[["x", "y"]].to_numpy() @ weights + bias
    assert len(boundary) > 1
    np.testing.assert_allclose(logits, 0, atol=1e-3)


def test_history_has_both_sources(parabola: Training) -> None:
    history = parabola.open().history()
    assert list(history.columns) == ["epoch", "source", "name", "value"]
    replay = history[history["source"] == "replay"]
    assert set(replay["name"]) == {"loss", "accuracy"}
    assert replay.groupby("name")["epoch"].apply(list).tolist() == [list(range(EPOCHS + 1))] * 2
    assert history["value"].notna().all()


def test_probability_histogram_counts_every_point_once(parabola: Training) -> None:
    run = parabola.open()
    frame = run.probability_histogram(bins=7)
    assert (frame.groupby("epoch")["count"].sum() == 200).all()
    counted = frame.query("epoch == 4 and target == 1").groupby("bin_start")["count"].sum()
    probabilities = run.probabilities()[4, run.targets == 1, 1]
    expected, _ = np.histogram(probabilities, bins=np.linspace(0, 1, 8))
    assert counted.tolist() == expected.tolist()
    wrong = frame.query("epoch == 4 and not correct")["count"].sum()
    assert wrong == ((run.probabilities()[4, :, 1] > 0.5) != run.targets).sum()


def test_loss_histogram_keeps_its_bins_when_epochs_are_chosen(parabola: Training) -> None:
    run = parabola.open()
    whole, late = run.loss_histogram(), run.loss_histogram(epochs=[5, 6])
    pd.testing.assert_frame_equal(whole[whole["epoch"] >= 5].reset_index(drop=True), late)
    assert (whole.groupby("epoch")["count"].sum() == 200).all()


def test_diverged_training_has_frames(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(16)
    model = small_model(dense(2, "tanh", "hidden"), dense(1, "sigmoid", "output"))
    model.get_layer("hidden").set_weights([np.full((2, 2), np.nan), np.zeros(2)])
    rc.Recorder(X, y, tmp_path / "a.h5", "a", model=model)
    run = rc.open_run(tmp_path / "a.h5")
    assert run.points("hidden")["probability"].isna().all()
    assert len(run.surface("hidden")) == 0
    assert rc.feature_space(run).to_dict()
    assert rc.loss_histogram(run).to_dict()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"xlim": (1, 0)}, "xlim must be two finite numbers, the lower first. Got \\(1, 0\\)"),
        ({"ylim": (0, np.inf)}, "ylim must be two finite numbers"),
        ({"ylim": 3}, "ylim must be two finite numbers"),
        ({"resolution": 1}, "resolution must be a whole number from 2 to 2,000. Got 1"),
        ({"bands": 0}, "bands must be a whole number of at least 1. Got 0"),
        ({"plane": "output"}, "plane must be one of 'inputs', 'layer'. Got 'output'"),
        ({"layer": "output"}, "layer must have 2 units, or be projected.*'hidden'. Got 'output'"),
    ],
)
def test_bad_arguments_of_a_surface_raise_an_error(
    options: dict, message: str, parabola: Training
) -> None:
    with pytest.raises(rc.ArgumentError, match=message):
        parabola.open().surface(**options)


def test_surface_needs_a_plane(branches: Training) -> None:
    with pytest.raises(rc.ArgumentError, match="needs inputs with 2 features"):
        branches.open().surface()


@pytest.mark.parametrize("layer", [None, "bend"])
def test_surfaces_of_many_classes_enclose_the_points_of_the_winner(
    layer: str | None, three: Training
) -> None:
    run = three.open()
    surface = run.surface(layer, epochs=EPOCHS)
    probabilities = run.probabilities(epochs=EPOCHS)[0]
    ranked = np.sort(probabilities, axis=1)
    margin = ranked[:, -1] - ranked[:, -2]
    where = run.coordinates(layer, epochs=EPOCHS)[0]
    if layer is not None:  # thinning may cut the corners of the square by 1/1000
        margin[np.abs(where).max(axis=1) > 0.995] = np.nan
    assert set(surface["class"]) == {0, 1, 2}
    for (number, level), rings in surface.query("level >= 0").groupby(["class", "level"]):
        inside = covered(rings, where) != 0
        expected = (probabilities.argmax(axis=1) == number) & (margin >= level)
        sure = np.abs(margin - level) > 0.02
        np.testing.assert_array_equal(inside[sure], expected[sure])


def test_boundary_of_many_classes_lies_between_the_two_most_probable(three: Training) -> None:
    run = three.open()
    vertices = run.boundary(epochs=EPOCHS)[["x", "y"]].to_numpy("float32")
    outputs = keras.ops.softmax(three.at(EPOCHS).predict(vertices, verbose=0))
    ranked = np.sort(keras.ops.convert_to_numpy(outputs), axis=1)
    assert np.quantile(ranked[:, -1] - ranked[:, -2], 0.95) < 5e-3


def test_probability_of_many_classes_is_that_of_the_true_one(three: Training) -> None:
    run = three.open()
    frame = run.probability_histogram(bins=5, epochs=EPOCHS)
    own = run.probabilities(epochs=EPOCHS)[0][np.arange(240), run.targets]
    for target in range(3):
        counted = frame[frame["target"] == target].groupby("bin_start")["count"].sum()
        expected, _ = np.histogram(own[run.targets == target], bins=np.linspace(0, 1, 6))
        assert counted.tolist() == expected.tolist()


def test_chosen_columns_of_points_are_those_of_the_whole_frame(parabola: Training) -> None:
    run = parabola.open()
    whole = run.points("hidden", epochs=[0, 3])
    for columns in (["loss"], ["y", "epoch", "x"], ["prediction", "target"], "point"):
        chosen = run.points("hidden", epochs=[0, 3], columns=columns)
        expected = whole[[columns] if isinstance(columns, str) else columns]
        pd.testing.assert_frame_equal(chosen, expected)
    pd.testing.assert_frame_equal(
        run.points(epochs=[3], columns=["x"]), run.points(epochs=[3])[["x"]]
    )
    with pytest.raises(rc.ArgumentError, match=r"columns must be one of 'epoch', .*'x', 'y', .*"):
        run.points("hidden", columns=["epoch", "x3"])
    with pytest.raises(rc.ArgumentError, match="columns must be names of columns. Got 3"):
        run.points("hidden", columns=3)  # type: ignore[arg-type]


def test_columns_that_are_not_chosen_are_not_evaluated(tmp_path: Path) -> None:
    def own_loss(y: Any, p: Any) -> Any:
        return keras.losses.binary_crossentropy(y, p)

    X, y = rc.datasets.parabola(10)
    model = small_model(dense(1, "sigmoid", "output"), loss=own_loss)
    rc.Recorder(X, y, tmp_path / "a.h5", "a", model=model)
    run = rc.open_run(tmp_path / "a.h5")
    with pytest.raises(rc.EvaluationError, match="own_loss"):
        run.points()
    frame = run.points(columns=["point", "probability"])
    np.testing.assert_array_equal(frame["probability"], run.probabilities()[0, :, 1])
