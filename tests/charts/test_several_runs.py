"""`compare` and `small_multiples`: several runs on one clock."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import vl_convert
from support.settings import SETTINGS, losses, recorded_settings

import replaychart as rc
from replaychart.errors import ArgumentError


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, rc.Run]:
    return rc.open_runs(recorded_settings(tmp_path_factory.mktemp("several") / "runs.h5"))


def _rows(chart: Any) -> pd.DataFrame:
    (rows,) = chart.to_dict()["datasets"].values()
    return pd.DataFrame(rows)


def test_open_runs_opens_all_in_order(runs: dict[str, rc.Run]) -> None:
    assert list(runs) == ["fast", "fast-2", "slow"]
    assert {name: run.name for name, run in runs.items()} == {name: name for name in runs}
    assert runs["slow"].epochs[-1] == SETTINGS["slow"][0]


def test_compare_draws_what_was_logged(runs: dict[str, rc.Run]) -> None:
    chart = rc.compare({"Slow": runs["slow"], "Fast": runs["fast"]})
    rows = _rows(chart)
    for name in ("slow", "fast"):
        own = rows[rows["run"] == name.capitalize()]
        np.testing.assert_allclose(own["value"], losses(name), rtol=1e-5)
        # The last dot of a run stays: it has no next epoch.
        assert own["until"].isna().tolist() == [False] * (len(own) - 1) + [True]
    (parameter,) = chart.to_dict()["params"]
    assert (parameter["value"], parameter["bind"]["max"]) == (8, 8)


def test_colors_of_runs_are_not_mixed_with_those_of_classes(runs: dict[str, rc.Run]) -> None:
    epoch = rc.epoch_param(*runs.values())
    space = rc.feature_space(runs["slow"], epoch=epoch)
    vega = vl_convert.vegalite_to_vega((space & rc.compare(runs, epoch=epoch)).to_dict())
    groups = [vega, *(mark for mark in vega["marks"] if mark["type"] == "group")]
    domains = {
        scale["name"]: scale["domain"]
        for group in groups
        for scale in group.get("scales", [])
        if isinstance(scale["domain"], list)
    }
    of_runs = {name for name, domain in domains.items() if set(runs) & set(map(str, domain))}
    assert all(domains[name] == list(runs) for name in of_runs)
    legends = [legend for group in groups for legend in group.get("legends", [])]
    assert sum(not of_runs.isdisjoint(map(str, legend.values())) for legend in legends) == 1


def test_axis_has_the_name_for_people(runs: dict[str, rc.Run]) -> None:
    spec = rc.compare(runs, metric="acc").to_dict()
    assert {layer["encoding"]["y"]["title"] for layer in spec["layer"]} == {"Accuracy"}
    assert spec["title"]["text"] == "Accuracy"


def test_seeds_are_a_median_in_a_band(runs: dict[str, rc.Run]) -> None:
    rows = _rows(rc.compare({"fast": [runs["fast"], runs["fast-2"]], "slow": runs["slow"]}))
    fast = rows[rows["run"] == "fast"]
    both = np.stack([losses("fast"), losses("fast-2")])
    np.testing.assert_allclose(fast["value"], np.median(both, axis=0), rtol=1e-5)
    # At epoch 0 both are 1, so there is no band.
    np.testing.assert_allclose(fast["low"][1:], both.min(axis=0)[1:], rtol=1e-5)
    np.testing.assert_allclose(fast["high"][1:], both.max(axis=0)[1:], rtol=1e-5)
    assert rows.loc[rows["run"] == "slow", "low"].isna().all()


def test_smoothing_is_debiased(runs: dict[str, rc.Run]) -> None:
    rows = _rows(rc.compare({"slow": runs["slow"]}, smooth=0.7))
    values, weights, expected = losses("slow"), [], []
    for epoch in range(len(values)):
        weights = [0.7**age for age in range(epoch, -1, -1)]
        expected.append(np.average(values[: epoch + 1], weights=weights))
    np.testing.assert_allclose(rows["value"], expected, rtol=1e-5)


def test_log_scale_leaves_out_what_it_cannot_show(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with rc.record_outputs(path, "a", inputs=np.zeros((2, 2)), targets=np.zeros(2)) as recorder:
        for epoch, loss in enumerate([1.0, 0.0, 0.1]):
            recorder.snapshot(epoch, predictions=np.zeros((2, 1)), logs={"loss": loss})
    chart = rc.compare({"a": rc.open_run(path)}, loss_scale="log")
    assert _rows(chart)["epoch"].tolist() == [0, 2]


def _domains(spec: Any, channel: str) -> list[list[float]]:
    """The limits of all axes in a spec."""
    if isinstance(spec, list):
        return [domain for part in spec for domain in _domains(part, channel)]
    if not isinstance(spec, dict):
        return []
    own = spec.get("encoding", {}).get(channel, {}).get("scale", {}).get("domain")
    inner = [spec.get(kind, []) for kind in ("layer", "concat", "vconcat", "hconcat")]
    return ([own] if own else []) + _domains(inner, channel)


@pytest.mark.parametrize(
    "chart", [rc.feature_space, rc.loss_histogram, rc.probability_histogram, rc.loss_and_metric]
)
def test_small_multiples_share_clock_and_limits(runs: dict[str, rc.Run], chart: Any) -> None:
    every = rc.small_multiples(runs, chart=chart, columns=2)
    spec = every.to_dict()
    assert spec["columns"] == 2
    (parameter,) = spec["params"]
    assert (parameter["name"], parameter["value"]) == ("epoch", 8)
    parts = spec["concat"]
    assert len(parts) == len(runs)
    for channel in ("x", "y"):
        first, *others = [_domains(part, channel) for part in parts]
        assert first
        assert all(other == first for other in others)


def test_small_multiples_hold_every_run(runs: dict[str, rc.Run]) -> None:
    alone = rc.feature_space(runs["slow"], epochs=[0, 8])
    (low, high), *_ = _domains(alone.to_dict(), "x")
    widest = runs["slow"].points("hidden")["x"]
    assert low <= widest.min() <= widest.max() <= high
    shared = rc.small_multiples({"a": runs["fast"], "b": runs["slow"]})
    assert (
        _domains(shared.to_dict(), "x")[0]
        == _domains(rc.feature_space(runs["slow"]).to_dict(), "x")[0]
    )


@pytest.mark.parametrize("given", [[], {}, {"a": []}, {"a": "b"}, None])
def test_runs_must_be_named(given: Any) -> None:
    for chart in (rc.compare, rc.small_multiples):
        with pytest.raises(ArgumentError, match=r"runs must map names to runs, .* Got"):
            chart(given)


def test_names_must_be_strings(runs: dict[str, rc.Run]) -> None:
    with pytest.raises(ArgumentError, match="runs must map names to runs"):
        rc.compare({1: runs["slow"]})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("chart", "options", "message"),
    [
        (rc.compare, {"metric": "f1"}, "that all runs have: 'loss', 'acc' for .* Got 'f1'"),
        (rc.compare, {"source": "x"}, "source must be one of"),
        (rc.compare, {"smooth": 1}, "smooth must be at least 0 and less than 1. Got 1"),
        (rc.compare, {"loss_scale": "x"}, "loss_scale must be one of"),
        (rc.compare, {"width": 0}, "width must be a positive number"),
        (rc.compare, {"epochs": [99]}, "epochs must be among those recorded"),
        (rc.small_multiples, {"chart": rc.save}, "chart must be a chart of a single run"),
        (rc.small_multiples, {"chart": "weights"}, "chart must be a chart of a single run"),
        (rc.small_multiples, {"columns": 0}, "columns must be a whole number of at least 1. Got 0"),
    ],
)
def test_bad_arguments_are_named(
    runs: dict[str, rc.Run], chart: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ArgumentError, match=message):
        chart(runs, **options)


def test_small_multiples_take_one_run_for_each_name(runs: dict[str, rc.Run]) -> None:
    with pytest.raises(ArgumentError, match="one run for each name. Got 3 for 'a'"):
        rc.small_multiples({"a": [*runs.values()]})  # type: ignore[dict-item]


def test_a_run_without_validation_points(runs: dict[str, rc.Run]) -> None:
    run = runs["slow"]
    assert run.validation is None
    with pytest.raises(ArgumentError, match="metric must be one .* 'loss'.* Got 'val_loss'"):
        rc.compare({"a": run}, metric="val_loss", source="replay")
    with pytest.raises(ArgumentError, match="metric must be one of 'accuracy', .* Got 'val_loss'"):
        rc.loss_and_metric(run, "val_loss")
    with pytest.raises(ArgumentError, match="runs must map names to runs, .* Got .*None"):
        rc.small_multiples({"points": run, "validation": run.validation})  # type: ignore[dict-item]
    with pytest.raises(ArgumentError, match="other must be a run from open_run. Got None"):
        rc.difference(run, run.validation)  # type: ignore[arg-type]
