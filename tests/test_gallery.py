"""Every script of the gallery runs, learns what its text says, and ends in a chart that renders."""

import json
import re
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.neighbors import NearestNeighbors
from vega_datasets import data

import replaychart as rc

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "docs" / "_ext"))

import gallery_scripts  # noqa: E402

SCRIPTS = {script.name: script for script in gallery_scripts.scripts(ROOT / "gallery")}
SHARED = ROOT / ".." / "shared" / "data"
# Of a spec, as text. Pages contain it compressed.
LARGEST = 3_600_000

# The accuracy that each run must reach on the recorded points at the last epoch.
ACCURACY = {
    ("activation_functions", "sigmoid"): 0.95,
    ("activation_functions", "tanh"): 1.0,
    ("activation_functions", "relu"): 0.99,
    ("batch_sizes", "5"): 0.99,
    ("batch_sizes", "50, ten times the rate"): 0.99,
    ("circles", "circles"): 0.99,
    ("dashboard", "three_spirals"): 1.0,
    ("dead_units", "0.01"): 0.99,
    ("digits", "digits"): 0.94,
    ("layer_by_layer", "spirals"): 0.99,
    ("layer_morph", "spirals"): 0.99,
    ("first_batches", "moons"): 0.92,
    ("grokking", "sums"): 1.0,
    ("folds", "moons"): 0.99,
    ("learned_late", "moons"): 0.93,
    ("loss_landscapes", "Adam"): 0.99,
    ("jax_function", "parabola"): 1.0,
    ("learning_rates", "0.3"): 0.97,
    ("moons", "moons"): 0.99,
    ("optimizers", "Adam"): 1.0,
    ("optimizers", "Momentum"): 1.0,
    ("penguins", "penguins"): 0.94,
    ("pytorch", "parabola"): 1.0,
    ("schedule", "schedule"): 0.98,
    ("similarity", "seed 1"): 0.98,
    ("similarity", "seed 2"): 0.97,
    ("spambase", "spambase"): 0.92,
    ("story", "moons"): 0.98,
    ("three_units", "rings"): 1.0,
    ("tour", "digits"): 0.97,
    ("thumbnails", "digits"): 0.96,
    ("weather", "unweighted"): 0.66,
    ("projections", "digits"): 0.98,
    ("wide_layers", "digits"): 0.98,
    ("vanishing_gradients", "ReLU"): 0.98,
    ("vanishing_gradients", "normalized sigmoid"): 0.95,
    ("xor", "seed 4"): 1.0,
    ("xor", "seed 6"): 1.0,
    ("without_keras", "moons"): 0.95,
}

# The mean absolute error that each regression must stay below, likewise.
ERROR = {
    ("cars", "cars"): 2.2,
    ("regression", "waves"): 0.05,
}


def _recall(run: rc.Run, name: str) -> float:
    of_class = run.class_names.index(name)
    predicted = run.probabilities(epochs=[int(run.epochs[-1])])[0].argmax(axis=1)
    return float((predicted[run.targets == of_class] == of_class).mean())


def _newer_cars_go_farther(runs: dict[str, rc.Run]) -> None:
    run = runs["cars"]
    weight, year = run.inputs.T
    predicted = run.residuals()[-1].reshape(-1) + run.targets
    light = (weight > 23) & (weight < 27)
    old, middle, new = (
        predicted[light & (year >= first) & (year <= last)].mean()
        for first, last in [(70, 71), (73, 74), (80, 82)]
    )
    assert abs(middle - old) < 2
    assert new - old > 5


def _class_weights_find_rare_weather(runs: dict[str, rc.Run]) -> None:
    unweighted, weighted = runs["unweighted"], runs["weighted"]
    assert _recall(unweighted, "drizzle") < 0.05
    assert _recall(weighted, "drizzle") > 0.5
    assert _recall(weighted, "snow") > _recall(unweighted, "snow") + 0.2
    assert _recall(weighted, "sun") < _recall(unweighted, "sun") - 0.2


def _filters_detect_strokes(runs: dict[str, rc.Run]) -> None:
    kernels = runs["digits"].convolutions.kernels("convolution", [24])[0, :, :, 0]
    upright, slanted = kernels[..., 3], kernels[..., 7]
    assert upright[:, 1].sum() > 2 > 0 > upright[1].sum()
    assert np.trace(slanted[::-1]) > 2 > -2 > np.trace(slanted)


def _digits_are_confused_at_first(runs: dict[str, rc.Run]) -> None:
    run = runs["digits"]
    wrong, predicted = run.wrong(), run.probabilities().argmax(axis=2)
    assert wrong[3][np.isin(run.targets, [0, 1, 3])].all()
    assert (predicted[3][run.targets == 0] == 4).mean() > 0.8
    assert np.isin(predicted[3][run.targets == 3], [2, 7]).mean() > 0.8
    assert wrong[40].sum() == 24
    assert (wrong[40] & (run.targets == 2) & (predicted[40] == 9)).sum() == 6


def _later_layers_do_the_same(runs: dict[str, rc.Run]) -> None:
    first, second = runs["seed 1"], runs["seed 2"]
    last = [f"layer_{number}" for number in (4, 5, 6, 7)]
    within = first.similarity(epochs=[0, 30], layers=last).set_index("epoch")
    assert within.loc[30, "similarity"].min() > 0.94
    assert within.loc[0, "similarity"].min() < 0.7
    ends = ["layer_1", "layer_7", "output"]
    between = first.similarity(second, epochs=[0, 30], layers=ends).query("layer == other_layer")
    before, after = (between.query("epoch == @epoch")["similarity"].tolist() for epoch in (0, 30))
    assert before[-1] < 0.1
    assert after[-1] > 0.95
    assert after[0] > after[1] > before[1] + 0.5


def _generated_points_reach_the_ring(runs: dict[str, rc.Run]) -> None:
    run = runs["gan"]
    places = run.coordinates("generated", epochs=[4, 8, 12, 20, 40, 100])
    left, top_right, bottom = (places[clump].mean(axis=0) for clump in range(3))
    assert left[0] < -1
    assert top_right.min() > 1
    assert bottom[1] < -1
    directions = np.arctan2(places[3:, :, 1], places[3:, :, 0])
    for around in directions:
        assert np.histogram(around, 8, (-np.pi, np.pi))[0].min() > 20
    distances = np.linalg.norm(places, axis=2)
    assert (abs(distances - 1) < 0.15).mean(axis=1)[-2:].min() > 0.95
    assert abs(run.losses(epochs=range(40, 101)).mean(axis=1) - np.log(2)).max() < 0.05


def _sums_are_understood_long_after_they_are_known(runs: dict[str, rc.Run]) -> None:
    table = runs["sums"].history().query("source == 'replay'")
    by_name = table.pivot_table(index="epoch", columns="name", values="value")
    assert by_name["accuracy"][4] == 1
    held_back = by_name["val_accuracy"]
    assert held_back[4:24].max() < 0.02
    assert 0.6 < held_back[50] < 0.72
    assert held_back[80] > 0.99
    assert by_name["val_loss"][10:20].min() > 3.5 * np.log(31)


def _rate_grows_with_the_batch(runs: dict[str, rc.Run]) -> None:
    small, large, scaled, too_fast = (
        runs[name].losses().mean(axis=1)
        for name in ("5", "50", "50, ten times the rate", "500, a hundred times")
    )
    assert runs["5"].wrong(epochs=20).mean() < 0.02
    assert 0.1 < runs["50"].wrong(epochs=60).mean() < 0.15
    assert abs(np.log(scaled / small)).max() < 0.5 < np.log(large / small)[20:].min()
    assert too_fast[5] > 8
    assert abs(np.diff(np.log(too_fast)))[5:30].mean() > 0.3


def _networks_without_regularization_overfit(runs: dict[str, rc.Run]) -> None:
    losses = {name: run.validation.losses().mean(axis=1) for name, run in runs.items()}
    plain = losses["Neither"]
    assert 10 < plain.argmin() < 24
    assert 2.5 < plain[100] / plain.min() < 3.5
    assert runs["Neither"].wrong(epochs=100).sum() == 1
    assert losses["L2"].argmin() > 85
    assert losses["Dropout"][16:81].max() < 0.45
    assert runs["Dropout"].wrong(epochs=100).sum() > 2
    assert all(one[16] < one[4] for one in losses.values())


def _digits_gather_without_labels(runs: dict[str, rc.Run]) -> None:
    places, digits = runs["digits"].coordinates("code"), load_digits().target[:150]
    agree = {
        epoch: digits[NearestNeighbors(n_neighbors=4).fit(at).kneighbors(at)[1][:, 1:]]
        == digits[:, None]
        for epoch, at in enumerate(places)
    }
    share = {digit: agree[10][digits == digit].mean() for digit in range(10)}
    assert min(share[digit] for digit in (0, 6, 7)) > 0.8
    assert agree[2].mean() < 0.45
    assert agree[60].mean() > 0.74
    assert min(range(10), key=lambda digit: agree[60][digits == digit].mean()) == 2
    assert runs["digits"].losses(epochs=60).mean() < 0.55 * runs["digits"].losses(epochs=2).mean()


def _seeds_agree_and_are_wrong(runs: dict[str, rc.Run]) -> None:
    x = runs["seed 0"].inputs[:, 0]
    wave = np.sin(2 * x)
    predicted = np.stack([run.outputs(epochs=[5, 60])[..., 0] for run in runs.values()])
    lowest, highest = predicted.min(axis=0), predicted.max(axis=0)
    data = ((x > -3) & (x < -1)) | ((x > 0.5) & (x < 3))
    gap = (x > -0.85) & (x < 0.35)
    width = highest[1] - lowest[1]
    assert 1.5 < width[gap].mean() / width[data].mean() < 2.5
    assert 0 < lowest[1, -1] < highest[1, -1] < 0.3 < wave[-1]
    assert (wave < lowest[1])[gap].mean() > 0.6
    assert abs(predicted[:, 1] - wave)[:, data].mean() < 0.1
    assert abs(predicted[:, 0] - wave)[:, data].mean() > 0.3


def _signals_fade_unless_weights_fit(runs: dict[str, rc.Run]) -> None:
    spreads = {
        name: run.distributions("activations", epochs=[0, 10])
        .groupby(["epoch", "layer"])["value"]
        .std()
        for name, run in runs.items()
    }
    small, glorot, he = (spreads[name] for name in ("Normal, 0.05", "Glorot", "He"))
    assert small[0, "layer_1"] > 1e6 * small[0, "layer_10"]
    assert np.ptp(runs["Normal, 0.05"].point_probabilities(epochs=40)) < 1e-3
    assert 15 < glorot[0, "layer_1"] / glorot[0, "layer_10"] < 25
    assert glorot[10, "layer_10"] > glorot[10, "layer_1"]
    assert 0.7 < he[0, "layer_10"] / he[0, "layer_1"] < 1.5
    wrong = runs["He"].wrong().mean(axis=1)
    assert round(1 - wrong[1], 2) == 0.87
    assert wrong[15] == 0.5
    assert wrong[20] < 0.05


def _two_seeds_get_stuck(runs: dict[str, rc.Run]) -> None:
    right = {name: (~run.wrong()).mean(axis=1) for name, run in runs.items()}
    assert all(0.75 < right[f"seed {seed}"][5] < 0.8 for seed in (1, 3, 4))
    assert right["seed 4"][12] == 1
    for seed in (1, 3):
        losses = runs[f"seed {seed}"].losses().mean(axis=1)
        assert losses[50] > 0.35
        assert losses[20] - losses[50] < 0.02
    one, other = runs["seed 1"].coordinates("hidden", epochs=50)[0].T
    assert np.corrcoef(one, other)[0, 1] < -0.99
    hidden = {name: run.coordinates("hidden", epochs=50)[0] for name, run in runs.items()}
    corners = np.sign(runs["seed 3"].inputs)

    def apart(seed: int, corner: tuple[int, int], other: tuple[int, int]) -> float:
        means = [
            hidden[f"seed {seed}"][(corners == each).all(axis=1)].mean(axis=0)
            for each in (corner, other)
        ]
        return float(np.linalg.norm(means[0] - means[1]))

    assert min(apart(3, (1, -1), (1, 1)), apart(3, (1, -1), (-1, -1))) < 0.3
    assert all(apart(seed, (1, 1), (-1, -1)) < 0.3 for seed in (4, 6))


def _gradients_vanish_in_sigmoid_layers(runs: dict[str, rc.Run]) -> None:
    sizes = {
        name: run.distributions("gradients", epochs=[0, 5, 20, 40])
        .query("variable == 'kernel'")
        .groupby(["epoch", "layer"])["value"]
        .std()
        for name, run in runs.items()
    }
    sigmoid, relu, normalized = (sizes[name] for name in ("sigmoid", "ReLU", "normalized sigmoid"))
    assert sigmoid[0, "output"] > 1e5 * sigmoid[0, "layer_1"]
    assert np.ptp(runs["sigmoid"].point_probabilities(epochs=40)) < 0.01
    assert (relu.groupby("epoch").max() < 40 * relu.groupby("epoch").min()).all()
    assert runs["ReLU"].wrong(epochs=10).mean() < 0.02
    assert normalized[0, "layer_1"] < 1e-6
    for epoch in (5, 20, 40):
        assert normalized[epoch].idxmax() == "layer_1"
    assert runs["normalized sigmoid"].wrong(epochs=20).mean() < 0.1


def _words_of_a_kind_become_neighbors(runs: dict[str, rc.Run]) -> None:
    epochs = [0, 2, 5, 8, 10, 30, 60]
    vectors = runs["words"].coordinates("embedding", epochs=epochs)[:, :30].reshape(-1, 30, 8)
    vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
    cosines = vectors @ vectors.swapaxes(1, 2)
    nearest = dict(zip(epochs, np.argsort(-cosines, axis=2)[..., 1:4], strict=True))
    kinds = np.arange(30) // 5
    same = {at: kinds[near] == kinds[:, None] for at, near in nearest.items()}
    anna, rice, coffee, wednesday = 0, 6, 14, 27
    assert nearest[0][anna, 0] == wednesday
    assert same[0][:, 0].mean() < 0.25
    assert 0.75 < same[2][:, 0].mean() < 0.85
    assert same[8][:, 0].sum() == 29
    assert nearest[5][rice, 0] == coffee
    assert same[30].all()
    assert same[60].all()
    foods_and_drinks = cosines[:, 5:10, 10:15].mean(axis=(1, 2))
    assert foods_and_drinks[4] > foods_and_drinks[-1] + 0.1


def _more_units_are_worse_then_better(runs: dict[str, rc.Run]) -> None:
    run = runs["digits"]
    wrong = dict(zip(run.epochs.tolist(), run.wrong().mean(axis=1), strict=True))
    assert round(wrong[40], 2) == 0.26
    assert max(wrong, key=wrong.__getitem__) == 100
    assert wrong[100] > 0.8
    assert wrong[160] < min(share for units, share in wrong.items() if units < 100)
    assert all(0.08 < share < 0.1 for units, share in wrong.items() if units >= 600)
    logged = run.history().query("name == 'fitted'").set_index("epoch")["value"]
    assert (logged[60:] == 0).all()


def _frozen_backbone_is_behind(runs: dict[str, rc.Run]) -> None:
    frozen, tuned, scratch = (
        1 - runs[name].wrong().mean(axis=1)
        for name in ("Frozen backbone", "Backbone learns on", "From scratch")
    )
    assert round(frozen[20], 1) == 0.4
    assert 0.7 < frozen[60] < 0.8
    assert tuned[15] > 0.85
    assert (scratch[2:] > np.maximum(frozen, tuned)[2:]).all()
    assert np.ptp(runs["Frozen backbone"].coordinates("second", epochs=[0, 60]), axis=0).max() == 0


# What else the texts say about a script's runs, given by name.
CLAIMS: dict[str, Callable[[dict[str, rc.Run]], None]] = {
    "autoencoder": _digits_gather_without_labels,
    "batch_sizes": _rate_grows_with_the_batch,
    "initializers": _signals_fade_unless_weights_fit,
    "regularization": _networks_without_regularization_overfit,
    "vanishing_gradients": _gradients_vanish_in_sigmoid_layers,
    "xor": _two_seeds_get_stuck,
    "five_seeds": _seeds_agree_and_are_wrong,
    "gan": _generated_points_reach_the_ring,
    "grokking": _sums_are_understood_long_after_they_are_known,
    "filters": _filters_detect_strokes,
    "cars": _newer_cars_go_farther,
    "thumbnails": _digits_are_confused_at_first,
    "similarity": _later_layers_do_the_same,
    "weather": _class_weights_find_rare_weather,
    "word_vectors": _words_of_a_kind_become_neighbors,
    "double_descent": _more_units_are_worse_then_better,
    "transfer_learning": _frozen_backbone_is_behind,
}


@pytest.fixture(scope="session")
def cache(gallery_recordings: Path) -> Path:
    return gallery_recordings / "gallery"


# Those that are run each time: between them, every kind of task and most ways to combine charts.
QUICK = {
    "asking",
    "cars",
    "dashboard",
    "jax_function",
    "penguins",
}


@pytest.fixture(
    params=[
        pytest.param(name, marks=[] if name in QUICK else pytest.mark.thorough)
        for name in sorted(SCRIPTS)
    ]
)
def gallery_script(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> gallery_scripts.GalleryScript:
    if SHARED.exists():
        monkeypatch.setenv("REPLAYCHART_DATA", str(SHARED.resolve()))
    return SCRIPTS[request.param]


def _run(script: gallery_scripts.GalleryScript, cache: Path) -> Any:
    try:
        return gallery_scripts.run_script(script, cache)
    except ModuleNotFoundError as error:
        if error.name in ("torch", "jax"):
            pytest.skip(f"{error.name} is not installed: see CONTRIBUTING.md")
        raise
    except OSError as error:
        # One dataset is downloaded on first use. Everything else must run without a network.
        if script.name == "spambase" and "resol" in str(error).lower():
            pytest.skip(f"needs a network once: {error}")
        raise


def test_script_learns_and_its_chart_renders(
    gallery_script: gallery_scripts.GalleryScript, cache: Path, tmp_path: Path
) -> None:
    here = Path.cwd()
    chart = _run(gallery_script, cache)
    assert Path.cwd() == here
    assert isinstance(chart, alt.TopLevelMixin)

    directory = cache / gallery_script.key
    runs = [
        rc.open_run(path, group) for path in directory.glob("*.h5") for group in rc.list_runs(path)
    ]
    for run in runs:
        least = ACCURACY.get((gallery_script.name, run.name))
        if least is not None:
            correct = run.probabilities(epochs=[int(run.epochs[-1])])[0].argmax(axis=1)
            assert (correct == run.targets).mean() >= least, run.name
        greatest = ERROR.get((gallery_script.name, run.name))
        if greatest is not None:
            assert abs(run.residuals()[-1]).mean() <= greatest, run.name
    if gallery_script.name in CLAIMS:
        CLAIMS[gallery_script.name]({run.name: run for run in runs})
    expected = {group for name, group in [*ACCURACY, *ERROR] if name == gallery_script.name}
    assert expected <= {run.name for run in runs}

    spec = chart.to_dict()
    assert len(json.dumps(spec)) < LARGEST
    if gallery_script.name == "weather":
        # The points of four slices, and the rings around those that are wrong.
        assert json.dumps(spec).count('"oneOf"') == 8
    slider = next(
        param["bind"]
        for param in spec["params"]
        if param["name"] in ("epoch", "snapshot") and param.get("bind")
    )
    assert slider["max"] > 20

    png = rc.save(chart, tmp_path / "still.png", epoch=gallery_script.thumbnail_epoch).read_bytes()
    width, height = struct.unpack(">II", png[16:24])
    assert 600 < width <= 1110
    assert 400 < height < 900


def test_what_the_texts_say_of_the_bundled_recording(shipped: rc.Run) -> None:
    counts = shipped.history(classification=True)
    errors = counts[counts["name"] == "ece"].set_index("epoch")["value"]
    # calibration.py
    assert shipped.wrong(epochs=[60]).sum() == 17
    assert errors[60] > errors[40]
    assert errors[150] < 0.03
    # threshold.py
    probability = shipped.point_probabilities(epochs=[40])[0]
    is_one = shipped.targets == 1
    assert not (probability >= 0.5)[~is_one].any()
    assert 0.2 < (probability < 0.5)[is_one].mean() < 0.3
    assert round(float((probability < 0.3)[is_one].mean()), 2) == 0.07
    assert 0.2 < (~is_one)[probability >= 0.3].mean() < 0.3
    # probe.py
    network = shipped.planes.dense_network
    assert network is not None
    place = network.outputs(np.array([[0, -0.2]]), range(151))[:, 0, 0]
    assert place[0] < 0.5 < place[40]
    assert place[150] < 0.2


def test_vega_datasets_are_read_from_the_package() -> None:
    names = {
        name
        for script in SCRIPTS.values()
        if "from vega_datasets import data" in script.code
        for name in re.findall(r"\bdata\.(\w+)", script.code)
    }
    assert {"cars", "seattle_weather"} <= names
    assert all(getattr(data, name).is_local for name in names)


def test_recordings_are_kept_for_the_same_code(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = SCRIPTS["penguins"]
    first = gallery_scripts.run_script(script, cache).to_dict()
    monkeypatch.setattr(rc, "Recorder", None)  # training again would fail
    assert gallery_scripts.run_script(script, cache).to_dict() == first


def _written(directory: Path, text: str) -> gallery_scripts.GalleryScript:
    path = directory / "example.py"
    path.write_text(text, encoding="utf-8")
    return gallery_scripts.read_script(path)


HEAD = '"""A title\n\nProse of\ntwo lines.\n"""\n# category: Comparisons\n# thumbnail-epoch: 7\n\n'


def test_script_is_taken_apart(tmp_path: Path) -> None:
    code = 'import altair as alt\n\nalt.Chart("data.csv").mark_point()\n'
    script = _written(tmp_path, HEAD + code)
    assert (script.name, script.title, script.prose) == (
        "example",
        "A title",
        "Prose of\ntwo lines.",
    )
    assert (script.category, script.thumbnail_epoch, script.code) == ("Comparisons", 7, code)
    other_prose = _written(tmp_path, HEAD.replace("two", "2") + code)
    assert other_prose.key == script.key
    assert _written(tmp_path, HEAD + code.replace("point", "line")).key != script.key


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1\n2\n", "its docstring must be a title, a blank line, and prose"),
        ('"""Only a title."""\n# category: Comparisons\n1\n', "its docstring must be"),
        ('"""T\n\nP\n"""\n1\n', "its category must be one of .* Got None"),
        ('"""T\n\nP\n"""\n# category: Others\n1\n', "its category must be one of .* Got 'Others'"),
        (HEAD.replace("7", "x") + "1\n", "its thumbnail-epoch must be a whole number. Got 'x'"),
        (HEAD + "chart = 1\n", "its last statement must be the chart"),
    ],
)
def test_convention_is_checked(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(gallery_scripts.GalleryError, match=message):
        _written(tmp_path, text)


def test_failed_script_leaves_nothing(tmp_path: Path) -> None:
    here = Path.cwd()
    code = 'from pathlib import Path\n\nPath("half.h5").touch()\n1 / 0\n'
    script = _written(tmp_path, HEAD + code)
    with pytest.raises(ZeroDivisionError) as caught:
        gallery_scripts.run_script(script, tmp_path / "cache")
    assert caught.traceback[-1].lineno + 1 == (HEAD + code).count("\n"), "the line of the file"
    assert not list((tmp_path / "cache").iterdir())
    assert Path.cwd() == here
    with pytest.raises(gallery_scripts.GalleryError, match="must be a chart. Got int"):
        gallery_scripts.run_script(_written(tmp_path, HEAD + "41 + 1\n"), tmp_path / "cache")
