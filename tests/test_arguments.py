"""Arguments of a wrong type are named, together with what is allowed."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import replaychart as rc
from replaychart.arguments import require_one_of

# Of every chart and every frame that takes a name.
NAMES: dict[str, Callable[[rc.Run, Any], object]] = {
    "layer of feature_space": rc.feature_space,
    "metric": rc.loss_and_metric,
    "source": lambda run, source: rc.loss_and_metric(run, source=source),
    "layers of weights": lambda run, name: rc.weights(run, layers=[name]),
    "layers of gradients": lambda run, name: rc.gradients(run, layers=[name]),
    "layers of activations": lambda run, name: rc.activations(run, layers=[name]),
    "layers of pre_activations": lambda run, name: rc.pre_activations(run, layers=[name]),
    "features": lambda run, name: rc.decision_boundary(run, features=[name, "x"]),
    "projection": lambda run, how: rc.feature_space(run, "hidden", projection=how),
    "surface": lambda run, plane: rc.feature_space(run, "hidden", surface=plane),
    "layer of points": rc.Run.points,
    "layer of coordinates": rc.Run.coordinates,
    "layer of grid": rc.Run.grid,
    "layer of surface": rc.Run.surface,
    "layer of boundary": rc.Run.boundary,
    "layer of layer_shape": rc.Run.layer_shape,
    "kind": rc.Run.distributions,
    "layers of store": lambda run, name: run.store(layers=[name]),
    "model of restore": rc.Run.restore,
}


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the shipped recording, which no mistake here can change."""
    path = tmp_path_factory.mktemp("arguments") / "parabola.h5"
    return Path(shutil.copy(rc.datasets.parabola_recording(), path))


@pytest.mark.parametrize(
    "value", [0.5, b"hidden", ["hidden"], {"hidden": 1}, np.zeros(2), object()]
)
@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_type_is_named(name: str, value: object, copied: Path) -> None:
    argument, _, _ = name.partition(" of ")
    run = rc.open_run(copied)
    with pytest.raises(rc.ArgumentError, match=f"^{argument} must be"):
        NAMES[name](run, value)


def test_a_long_value_is_shortened() -> None:
    with pytest.raises(rc.ArgumentError, match=r"layer must be one of 'a'\. Got '!") as raised:
        require_one_of("layer", "!" * 10_000, ["a"])
    assert len(str(raised.value)) < 300


def test_a_value_that_cannot_be_shown_is_named_by_its_type() -> None:
    class Hidden:
        def __repr__(self) -> str:
            raise RuntimeError

    with pytest.raises(rc.ArgumentError, match=r"Got a Hidden\.$"):
        require_one_of("layer", Hidden(), ["a"])
