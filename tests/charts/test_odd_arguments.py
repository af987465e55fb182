"""Odd arguments of charts: an error that names the argument, or a chart."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from support.training import dense, small_model

import replaychart as rc

FIXED = {
    "data_map": rc.data_map,
    "difference": lambda run, **options: rc.difference(run, run, **options),
    "network_diagram": rc.network_diagram,
    "parallel_coordinates": lambda run, **options: rc.parallel_coordinates(
        {"a": run}, columns=["name"], **options
    ),
    "probe": rc.probe,
    "similarity": rc.similarity,
    "small_multiples": lambda run, **options: rc.small_multiples({"a": run}, **options),
    "tour": rc.tour,
    "unit_maps": rc.unit_maps,
    "filters": rc.filters,
    "feature_maps": rc.feature_maps,
}


@pytest.mark.parametrize("chart", FIXED.values(), ids=FIXED)
def test_charts_of_a_fixed_width_do_not_fill_a_container(
    chart: Callable[..., Any], shipped: rc.Run
) -> None:
    message = (
        "width must be a positive number of pixels: this chart cannot fill a container. Got 'c"
    )
    with pytest.raises(rc.ArgumentError, match=message):
        chart(shipped, width="container")
    with pytest.raises(
        rc.ArgumentError, match=r"width must be a positive number of pixels\. Got 0"
    ):
        chart(shipped, width=0)


@pytest.mark.parametrize(
    "chart",
    [
        rc.feature_space,
        rc.decision_boundary,
        rc.unit_maps,
        rc.network_diagram,
        partial(rc.difference, rc.open_run(rc.datasets.parabola_recording())),
    ],
)
def test_a_lattice_that_fits_no_memory_is_refused(
    chart: Callable[..., Any], shipped: rc.Run
) -> None:
    with pytest.raises(rc.ArgumentError, match="resolution must be a whole number from 2 to 2,000"):
        chart(shipped, epochs=[0, 150], resolution=10**9)


def test_sizes_need_not_be_whole_numbers(shipped: rc.Run) -> None:
    spec = rc.roc(shipped, epochs=[150], width=100.5).to_dict()  # type: ignore[arg-type]
    assert spec["hconcat"][0]["width"] == 100.5


def test_small_multiples_need_a_chart_of_which_size_and_epochs_can_be_set(shipped: rc.Run) -> None:
    def own(run: rc.Run, epochs: Any) -> None: ...

    for chart, missing in ((rc.dashboard, "width, height"), (own, "epoch, title, width")):
        message = f"chart must take epochs, .* which does not take {missing}"
        with pytest.raises(rc.ArgumentError, match=message):
            rc.small_multiples({"a": shipped}, chart=chart)


@pytest.mark.parametrize("chart", [rc.layer_morph, rc.probe])
def test_projections_are_of_layers(chart: Callable[..., Any], shipped: rc.Run) -> None:
    message = "Each name in projection must be one of 'hidden', 'output'. Got 'hiden'"
    with pytest.raises(rc.ArgumentError, match=message):
        chart(shipped, projection={"hiden": (0, 1)})


def test_components_of_huge_values_are_found(tmp_path: Path) -> None:
    X = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    X[:, 0] *= 3
    runs = []
    for scale in (1, 1e30):
        keras.utils.set_random_seed(0)
        model = small_model(dense(2, "tanh", "hidden"), dense(1, "sigmoid", "output"), features=3)
        group = f"{scale:g}"
        rc.Recorder(X * np.float32(scale), X[:, 1] > 0, tmp_path / "a.h5", group, model=model)
        runs.append(rc.open_run(tmp_path / "a.h5", group))
    plain, huge = (run.planes.input_components for run in runs)
    np.testing.assert_allclose(huge.bases, plain.bases, atol=1e-5)
    rc.layer_morph(runs[1]).to_dict()
