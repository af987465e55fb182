"""Quantiles and densities of many values, which are counted and not sorted."""

from typing import Any

import joblib
import numpy as np
import pytest

from replaychart.evaluation import densities, order_statistics

MANY = order_statistics.MANY
SHARES = [0, 0.1, 0.25, 0.5, 0.75, 0.9, 1]


def _values(kind: str, count: int = MANY + 1001) -> np.ndarray:
    random = np.random.default_rng(0)
    normal = random.normal(size=count)
    values: dict[str, Any] = {
        "both signs": normal,
        "negative": -np.exp(8 * normal),
        "mostly zero": np.maximum(normal, 0),
        "saturated": np.tanh(20 * normal),
        "few": random.integers(-3, 3, count),
        "tiny": normal * 1e-42,
        "equal": np.full(count, -2.5),
    }
    return values[kind].astype(np.float32)


KINDS = ["both signs", "negative", "mostly zero", "saturated", "few", "tiny", "equal"]


@pytest.mark.parametrize("kind", KINDS)
def test_counted_quantiles_are_those_of_numpy(kind: str) -> None:
    values = _values(kind)
    found = order_statistics.quantiles(np.array_split(values, 5), SHARES, count=len(values))
    expected = np.quantile(values.astype(np.float64), SHARES)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "tiny"])
def test_summary_of_many_values_is_that_of_a_few(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = _values(kind)
    values[[5, 77, 1000]] = np.nan, np.inf, -np.inf
    (arrays,) = densities.summarized_each([[[values.reshape(-1, 5)]]])
    finite = values[np.isfinite(values)].astype(np.float64)
    assert arrays["count"].tolist() == [len(values)]
    assert arrays["not_finite"].tolist() == [3]
    np.testing.assert_allclose(arrays["mean"], finite.mean(), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(arrays["std"], finite.std(), rtol=1e-12, atol=1e-12)
    expected = np.quantile(finite, [0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(arrays["quantiles"][0], expected, rtol=1e-12)
    # The same values, sorted, and split between cells without being moved.
    monkeypatch.setattr(order_statistics, "MANY", len(values) + 1)
    (split,) = densities.summarized_each([[[values]]])
    np.testing.assert_allclose(arrays["quantiles"], split["quantiles"], rtol=1e-12)
    tolerance = 0.005 * split["density"].max()
    np.testing.assert_allclose(arrays["density"], split["density"], rtol=0, atol=tolerance)


def test_summary_does_not_depend_on_the_number_of_threads() -> None:
    values = _values("both signs", 12 * MANY + 77)
    values[: 3 * MANY] = np.nan
    (together,) = densities.summarized_each([[[values]]])
    with joblib.parallel_config("sequential"):
        (alone,) = densities.summarized_each([[[values]]])
        (apart,) = densities.summarized_each([[np.array_split(values, 7)]])
    for name in together:
        np.testing.assert_array_equal(together[name], alone[name], strict=True)
        # In arrays of other lengths, sums are rounded otherwise.
        np.testing.assert_allclose(together[name], apart[name], rtol=1e-6, atol=1e-9)
