"""Frames of weights, gradients and activations, and the densities drawn from them."""

import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from scipy.stats import gaussian_kde
from support.training import EPOCHS, Training, dense, small_model

import replaychart as rc
from replaychart.evaluation import densities
from replaychart.network import keras_network

KINDS = ["weights", "gradients", "activations", "pre_activations"]


@pytest.mark.parametrize("kind", KINDS)
def test_summary_matches_the_values(kind: str, branches: Training) -> None:
    run = branches.open()
    values = run.distributions(kind).groupby(["epoch", "layer"], sort=False)["value"]
    summary = run.distributions(kind, summary=True).set_index(["epoch", "layer"])
    assert summary.index.tolist() == values.count().index.tolist()
    for name, expected in {
        "count": values.count(),
        "mean": values.mean(),
        "std": values.std(ddof=0),
        "min": values.min(),
        "q1": values.quantile(0.25),
        "median": values.median(),
        "q3": values.quantile(0.75),
        "max": values.max(),
    }.items():
        np.testing.assert_allclose(summary[name], expected, rtol=1e-5, atol=1e-7, err_msg=name)
    assert not summary["not_finite"].any()


def test_weights_are_the_recorded_ones(parabola: Training) -> None:
    frame = parabola.open().distributions("weights")
    assert list(frame.columns) == ["epoch", "layer", "variable", "input", "unit", "value"]
    for epoch, weights in enumerate(parabola.weights):
        for layer, kernel in (("hidden", weights[0]), ("output", weights[2])):
            own = frame[(frame["epoch"] == epoch) & (frame["layer"] == layer)]
            assert (own["variable"] == "kernel").all()
            cells = own[["input", "unit"]].to_numpy()
            np.testing.assert_array_equal(own["value"], kernel[cells[:, 0], cells[:, 1]])
    biases = parabola.open().distributions("weights", variable="bias", epochs=EPOCHS)
    np.testing.assert_array_equal(
        biases["value"], np.concatenate([parabola.weights[-1][1], parabola.weights[-1][3]])
    )


def test_inputs_come_first_and_the_output_can_be_left_out(parabola: Training) -> None:
    frame = parabola.open().distributions("activations", inputs=True, output=False, epochs=[0, 2])
    assert list(frame.columns) == ["epoch", "layer", "variable", "point", "unit", "value"]
    assert frame.groupby("epoch")["layer"].unique().map(list).tolist() == [["inputs", "hidden"]] * 2
    own = frame.query("epoch == 2 and layer == 'inputs'")
    np.testing.assert_array_equal(own["value"].to_numpy().reshape(-1, 2), parabola.X)


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("weight", {}, "kind must be one of 'weights', 'gradients'.*Got 'weight'"),
        ("weights", {"layers": ["hiden"]}, "layers must be one of 'hidden', 'output'. Got 'hiden'"),
        ("weights", {"layers": []}, "layers must name at least one layer"),
        ("weights", {"variable": "gamma"}, "variable must be one of 'kernel', 'bias'. Got 'gamma'"),
        ("weights", {"inputs": True}, "inputs must be False for kind 'weights'.*Got True"),
        ("weights", {"epochs": 99}, "epochs must be among those recorded"),
    ],
)
def test_bad_arguments_raise_an_error(
    kind: str, options: dict[str, object], message: str, parabola: Training
) -> None:
    with pytest.raises(rc.ArgumentError, match=message):
        parabola.open().distributions(kind, **options)


def test_a_model_without_kernels_raises_an_error(directory: Path) -> None:
    model = small_model(keras.layers.BatchNormalization(name="normal"), features=1)
    X, y = np.ones((4, 1), "float32"), np.ones(4)
    rc.Recorder(X, y, directory / "no_kernels.h5", "no_kernels", model=model)
    run = rc.open_run(directory / "no_kernels.h5")
    for kind in KINDS:
        with pytest.raises(rc.ArgumentError, match="has no layer with a kernel.*'normal'"):
            run.distributions(kind)
    one = small_model(dense(1, "sigmoid", "only"))
    rc.Recorder(np.ones((4, 2)), y, directory / "no_kernels.h5", "one", model=one)
    with pytest.raises(
        rc.ArgumentError, match="output must be True .*: 'only' is its only layer.*Got False"
    ):
        rc.open_run(directory / "no_kernels.h5", "one").distributions("weights", output=False)


@pytest.mark.parametrize("kind", KINDS)
def test_stored_distributions_need_no_keras(
    kind: str, shipped: rc.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, keras_network.__name__, None)
    run = rc.open_run(rc.datasets.parabola_recording())
    assert len(run.distributions(kind, summary=True)) == 2 * len(shipped.epochs)


def test_density_is_the_kernel_density_estimate() -> None:
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(-2, 0.5, 3000), rng.normal(3, 1, 2000)])
    (arrays,) = densities.summarized_each(
        [[[values.reshape(50, 100)]], [[values[:60], values[60:100]]]]
    )
    places = densities.positions(arrays["quantiles"])
    assert arrays["density"].shape == places.shape == (2, densities.POSITIONS)
    for row, own in enumerate((values, values[:100])):
        quartiles = np.quantile(own, [0.25, 0.75])
        width = 0.9 * min(own.std(), np.ptp(quartiles) / 1.349) * len(own) ** -0.2
        width = max(width, 0.6 * np.ptp(own) / (densities.POSITIONS - 1))
        expected = gaussian_kde(own, width / own.std(ddof=1))(places[row])
        np.testing.assert_allclose(arrays["density"][row], expected, atol=0.005 * expected.max())


def test_density_of_equal_values_and_of_values_that_are_not_finite() -> None:
    (arrays,) = densities.summarized_each(
        [[[np.full(5, 2.0)]], [[np.array([1.0, np.nan, 3.0, np.inf])]], [[np.full(3, np.nan)]]]
    )
    assert arrays["not_finite"].tolist() == [0, 2, 3]
    assert arrays["count"].tolist() == [5, 4, 3]
    assert arrays["mean"][:2].tolist() == [2.0, 2.0]
    assert np.isnan(arrays["mean"][2])
    assert not arrays["density"][0].any()
    assert arrays["density"][1].all()
    assert np.isnan(arrays["quantiles"][2]).all()
