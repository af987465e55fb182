"""`difference`: two runs of the same points, compared with what Keras and NumPy compute."""

import base64
import io
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image
from support.training import Training, dense, small_model, train

import replaychart as rc

LIMITS = {"xlim": (-1.2, 1.2), "ylim": (-1.1, 1.3), "resolution": 20}


@pytest.fixture(scope="module")
def tanh(parabola: Training, tmp_path_factory: pytest.TempPathFactory) -> Training:
    """Another network for the points of `parabola`, which does better."""
    keras.utils.set_random_seed(2)
    model = small_model(dense(8, "tanh", "hidden"), dense(1, "sigmoid", "output"))
    path = tmp_path_factory.mktemp("difference") / "tanh.h5"
    return train(path, "tanh", model, parabola.X, parabola.y, epochs=9)


@pytest.fixture(scope="module")
def slow(parabola: Training, tmp_path_factory: pytest.TempPathFactory) -> Training:
    """The network of `tanh`, which learns more slowly and for fewer epochs."""
    keras.utils.set_random_seed(2)
    model = small_model(dense(8, "tanh", "hidden"), dense(1, "sigmoid", "output"))
    model.optimizer.learning_rate = 0.2
    path = tmp_path_factory.mktemp("difference") / "slow.h5"
    return train(path, "slow", model, parabola.X, parabola.y, epochs=6)


@pytest.fixture(scope="module")
def spec(parabola: Training, tanh: Training) -> dict[str, Any]:
    return rc.difference(parabola.open(), tanh.open(), **LIMITS).to_dict()


def _rows(spec: dict[str, Any], column: str) -> list[dict[str, Any]]:
    (rows,) = (rows for rows in spec["datasets"].values() if column in rows[0])
    return rows


def _right(training: Training) -> np.ndarray:
    """Which points Keras predicts correctly at the epochs 0 to 6."""
    outputs = [np.array(training.at(epoch)(training.X))[:, 0] for epoch in range(7)]
    return (np.array(outputs) > 0.5) == (np.ravel(training.y) == 1)


def test_points_by_who_is_right(parabola: Training, tanh: Training, spec: dict[str, Any]) -> None:
    first, second = _right(parabola), _right(tanh)
    expected = first + 2 * second
    rows = sorted(_rows(spec, "replay_who"), key=lambda row: row["point"])
    assert rows[0]["replay_who"] == "".join(map(str, expected[:, 0]))
    found = np.array([[int(code) for code in row["replay_who"]] for row in rows]).T
    np.testing.assert_array_equal(found, expected)
    counts = [row["replay_count"] for row in _rows(spec, "replay_count")]
    np.testing.assert_array_equal(counts, [(expected == code).sum(axis=1) for code in (3, 1, 2, 0)])
    assert min(counts[1][-1], counts[2][-1], counts[3][-1]) >= 0
    assert counts[2][-1] > 0


def test_the_region_where_the_classes_differ(
    parabola: Training, tanh: Training, spec: dict[str, Any]
) -> None:
    (row,) = _rows(spec, "replay_tile")
    (left, right), (low, high), count = LIMITS["xlim"], LIMITS["ylim"], LIMITS["resolution"]
    steps = (np.arange(count) + 0.5) / count
    x, y = np.meshgrid(left + (right - left) * steps, low + (high - low) * steps)
    places = np.stack([x.ravel(), y.ravel()], axis=1)
    seen = 0
    for epoch in (0, 3, 6):
        each = [np.array(one.at(epoch)(places))[:, 0] for one in (parabola, tanh)]
        picture = Image.open(io.BytesIO(base64.b64decode(row["replay_tile"][epoch].split(",")[1])))
        shaded = (np.array(picture)[::-1, :, 1] > 0).ravel()
        certain = np.min([np.abs(one - 0.5) for one in each], axis=0) > 1e-4
        differ = (each[0] > 0.5) != (each[1] > 0.5)
        np.testing.assert_array_equal(shaded[certain], differ[certain])
        seen += differ.sum()
    assert 0 < seen < 3 * count**2


def test_who_learned_earlier(parabola: Training, tanh: Training, spec: dict[str, Any]) -> None:
    learned = []
    for right in (_right(parabola)[1:], _right(tanh)[1:]):
        own = []
        for point in right.T:
            epochs = [e for e in range(1, 7) if point[e - 1 :].all()]
            own.append(min(epochs, default=np.inf))
        learned.append(own)
    rows = _rows(spec, "area")
    assert sum(row["count"] for row in rows) == len(parabola.y)
    never = max(row["a"] for row in rows)
    for row in rows:
        pair = [np.inf if row[name] > 6 else row[name] for name in "ab"]
        both = (np.array(learned) == np.array(pair)[:, None]).all(axis=0)
        assert row["count"] == both.sum()
    assert never > 6
    earlier = (np.array(learned[1]) < np.array(learned[0])).sum()
    assert f"tanh earlier: {earlier}" in str(spec)


def _means(training: Training) -> np.ndarray:
    """The mean loss over the points at each epoch, by Keras."""
    loss = keras.losses.BinaryCrossentropy()
    every = range(len(training.weights))
    y = np.reshape(training.y, (-1, 1))
    return np.array([float(loss(y, training.at(epoch)(training.X))) for epoch in every])


def _pairs(clock: str, one: Training, two: Training) -> list[tuple[int, int]]:
    """The epochs that belong together, one after the other."""
    if clock == "progress":
        last, other_last = len(one.weights) - 1, len(two.weights) - 1
        return [
            (a, min(b for b in range(other_last + 1) if b * last >= a * other_last))
            for a in range(last + 1)
        ]
    losses, others = _means(one), _means(two)
    return [
        (a, int(np.argmax(others <= loss)))
        for a, loss in enumerate(losses)
        if loss < losses[:a].min(initial=np.inf) and (others <= loss).any()
    ]


def _learned(right: np.ndarray, epochs: list[int]) -> np.ndarray:
    """From which of some epochs on each point is right; infinity for none."""
    every = sorted(set(epochs))
    since = [
        [epoch for epoch in every if all(point[one] for one in every if one >= epoch)]
        for point in right.T
    ]
    return np.array([min(some, default=np.inf) for some in since])


@pytest.mark.parametrize("clock", ["progress", "loss"])
@pytest.mark.parametrize("turned", [False, True])
def test_runs_of_different_lengths_that_are_equally_far(
    slow: Training, tanh: Training, tmp_path: Path, clock: Any, turned: bool
) -> None:
    each = (tanh, slow) if turned else (slow, tanh)
    pairs = _pairs(clock, *each)
    assert len(pairs) >= 3
    chart = rc.difference(*(one.open() for one in each), clock=clock, **LIMITS)
    spec = chart.to_dict()
    first, second = right = [~one.open().wrong() for one in each]
    expected = [first[a] + 2 * second[b] for a, b in pairs]
    rows = _rows(spec, "replay_who")
    assert rows[0]["replay_epochs"] == [a for a, _ in pairs]
    packed = [row["replay_who"] for row in sorted(rows, key=lambda row: row["point"])]
    assert packed == ["".join(map(str, codes)) for codes in np.transpose(expected)]

    trained = [[pair[place] for pair in pairs if min(pair)] for place in (0, 1)]
    learned = [_learned(own, epochs) for own, epochs in zip(right, trained, strict=True)]
    together = dict(pairs) | {np.inf: np.inf}
    ahead = sum(together[a] < b for a, b in zip(*learned, strict=True))
    behind = sum(together[a] > b for a, b in zip(*learned, strict=True))
    names = [one.group for one in each]
    assert f"{names[0]} earlier: {ahead}" in str(spec)
    assert f"{names[1]} earlier: {behind}" in str(spec)

    a, b = pairs[len(pairs) // 2]
    drawn = rc.save(chart, tmp_path / "both.svg", epoch=a).read_text()
    assert f"{names[0]} at epoch {a}, {names[1]} at epoch {b}" in drawn


def test_both_boundaries_are_of_the_paired_epochs(slow: Training, tanh: Training) -> None:
    pairs = _pairs("progress", tanh, slow)
    assert len(pairs) > len({b for _, b in pairs}) > 1
    spec = rc.difference(tanh.open(), slow.open(), clock="progress", **LIMITS).to_dict()
    alone = rc.difference(slow.open(), slow.open(), names=("a", "b"), **LIMITS).to_dict()
    drawn, expected = (
        {
            epoch: [(row["replay_xs"][place], row["replay_ys"][place]) for row in rows]
            for rows in [[own for own in one["datasets"].values() if "replay_xs" in own[0]][-1]]
            for place, epoch in enumerate(rows[0]["replay_epochs"])
        }
        for one in (spec, alone)
    )
    assert drawn == {a: expected[b] for a, b in pairs}


def test_what_cannot_be_paired(slow: Training, tanh: Training, tmp_path: Path) -> None:
    runs = slow.open(), tanh.open()
    with pytest.raises(rc.ArgumentError, match="clock must be one of 'epoch', 'progress', 'loss'"):
        rc.difference(*runs, clock="time")  # type: ignore[arg-type]
    with pytest.raises(rc.ArgumentError, match="paired by clock='loss': 0, 1, 2. Got 6"):
        rc.difference(*reversed(runs), clock="loss", epochs=6)
    inputs, targets = np.zeros((4, 1)), [0, 0, 1, 1]
    some = {"inputs": inputs, "targets": targets}
    outcomes = {"good": [0.1, 0.1, 0.9, 0.9], "bad": [0.6, 0.6, 0.4, 0.4]}
    for name, values in outcomes.items():
        with rc.record_outputs(tmp_path / "two.h5", name, **some) as recorder:
            recorder.snapshot(0, probabilities=values, losses=np.full(4, 1 - values[2]))
    good, bad = (rc.open_run(tmp_path / "two.h5", name) for name in outcomes)
    with pytest.raises(rc.ArgumentError, match="'loss': run 'bad' never reached a loss of run"):
        rc.difference(good, bad, clock="loss")
    assert rc.difference(bad, good, clock="loss").to_dict()
    unknown = _recorded(tmp_path / "two.h5", "unknown", {0: np.full(10, 0.4)})
    with pytest.raises(rc.EvaluationError, match="clock='loss' needs the losses .* run 'unknown'"):
        rc.difference(unknown, unknown, clock="loss")


def _recorded(path: Path, name: str, epochs: dict[int, Any], **options: Any) -> rc.Run:
    inputs = np.random.default_rng(0).normal(size=(10, options.pop("features", 3)))
    targets = options.pop("targets", np.arange(10) % 2)
    kind = options.pop("kind", "probabilities")
    with rc.record_outputs(path, name, inputs=inputs, targets=targets) as recorder:
        for epoch, values in epochs.items():
            recorder.snapshot(epoch, **{kind: values})
    return rc.open_run(path, name)


def test_without_a_plane_points_are_at_both_probabilities(tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    first, second = generator.uniform(size=(2, 3, 10))
    a = _recorded(tmp_path / "a.h5", "same", dict(zip([0, 1, 4], first, strict=True)))
    b = _recorded(tmp_path / "b.h5", "same", dict(zip([1, 4, 9], second, strict=True)))
    chart = rc.difference(a, b)
    spec = chart.to_dict()
    rows = sorted(_rows(spec, "replay_who"), key=lambda row: row["point"])
    assert {len(row["replay_x"]) for row in rows} == {2}
    assert "same 1" in str(spec)
    step = {name: _step(spec, name) for name in "xy"}
    for name, values in (("x", first[1:]), ("y", second[:2])):
        true = np.where(a.targets == 1, values, 1 - values)
        origin, size = step[name]
        shown = origin + size * np.array([row[f"replay_{name}"] for row in rows]).T
        np.testing.assert_allclose(shown, true, atol=size)


def _step(spec: dict[str, Any], name: str) -> tuple[float, float]:
    """The origin and the step of a packed position, from its expression."""
    (points,) = (
        layer["transform"]
        for layer in spec["hconcat"][0]["layer"]
        if layer.get("transform", [{}])[-1].get("filter") == 'datum.who === "3"'
    )
    text = next(one["calculate"] for one in points if one.get("as") == name)
    origin, _, rest = text.split("? ")[1].partition(" + ")
    return float(origin), float(rest.split(" *")[0])


def test_regression_is_the_difference_of_absolute_errors(tmp_path: Path) -> None:
    targets = np.linspace(-1, 1, 10)
    first, second = np.random.default_rng(2).normal(size=(2, 2, 10))
    runs = [
        _recorded(
            tmp_path / "a.h5",
            name,
            {epoch: one[:, None] for epoch, one in enumerate(values)},
            targets=targets,
            kind="predictions",
        )
        for name, values in (("a", first), ("b", second))
    ]
    spec = rc.difference(*runs).to_dict()
    lead = np.abs(second - targets) - np.abs(first - targets)
    rows = sorted(_rows(spec, "replay_who"), key=lambda row: row["point"])
    packed = np.array([row["replay_lead"] for row in rows]).T
    ratio = packed[np.abs(packed) > 50] / lead[np.abs(packed) > 50]
    np.testing.assert_allclose(ratio, ratio[0], rtol=0.02)
    counts = [row["replay_count"] for row in _rows(spec, "replay_count")]
    assert counts == [(lead > 0).sum(axis=1).tolist(), (lead < 0).sum(axis=1).tolist()]
    assert len(spec["hconcat"][1]["vconcat"]) == 1


def test_a_slice_and_a_third_class(one_hot: Training) -> None:
    run = one_hot.open()
    spec = rc.difference(run, run, names=("a", "b"), features=(0, 1), resolution=8).to_dict()
    counts = [row["replay_count"] for row in _rows(spec, "replay_count")]
    assert counts[1] == counts[2] == [0] * 7
    assert "slice at" in str(spec["hconcat"][0]["title"])
    assert "shaded" not in str(rc.difference(run, run).to_dict())


def test_it_is_drawn_at_each_epoch_and_thinned(
    parabola: Training, tanh: Training, tmp_path: Path
) -> None:
    runs = parabola.open(), tanh.open()
    pictures = [
        rc.save(rc.difference(*runs, resolution=20), tmp_path / f"{epoch}.png", epoch=epoch)
        for epoch in (0, 6)
    ]
    assert pictures[0].read_bytes() != pictures[1].read_bytes()
    with pytest.warns(UserWarning, match="To stay within max_bytes"):
        rc.difference(*runs, resolution=20, max_bytes=9_000)
    parameter = rc.epoch_param(*runs)
    both = rc.difference(*runs, resolution=20, epoch=parameter) & rc.compare(
        {"a": runs[0], "b": runs[1]}, epoch=parameter
    )
    assert len(both.to_dict()["params"]) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"names": ("a", "a")}, "names must be two different strings"),
        ({"names": "ab"}, "names must be two different strings"),
        ({"width": "container"}, "width must be a positive number of pixels: this chart cannot"),
        ({"resolution": 1}, "resolution must be a whole number from 2"),
        ({"epochs": [8]}, "epochs must be among those recorded"),
    ],
)
def test_bad_arguments(
    parabola: Training, tanh: Training, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(rc.ArgumentError, match=message):
        rc.difference(parabola.open(), tanh.open(), **options)


def test_other_points_targets_and_tasks(
    parabola: Training, three: Training, tmp_path: Path
) -> None:
    with pytest.raises(rc.ArgumentError, match="other must be a run with the same recorded points"):
        rc.difference(parabola.open(), three.open())
    with pytest.raises(rc.ArgumentError, match="other must be a run from open_run"):
        rc.difference(parabola.open(), None)  # type: ignore[arg-type]
    path = tmp_path / "a.h5"
    a = _recorded(path, "a", {0: np.full(10, 0.4)})
    flipped = _recorded(path, "b", {0: np.full(10, 0.4)}, targets=1 - np.arange(10) % 2)
    with pytest.raises(rc.ArgumentError, match="2 classes, but not for the same points"):
        rc.difference(a, flipped)
    numbers = _recorded(
        path, "c", {0: np.zeros((10, 1))}, targets=np.linspace(0, 1, 10), kind="predictions"
    )
    with pytest.raises(rc.ArgumentError, match="2 classes, run 'c' numbers as targets"):
        rc.difference(a, numbers)
