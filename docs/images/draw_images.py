"""Draw the README's pictures: ``parabola.gif``, by running its code, and a thumbnail per chart.

Usage: python docs/images/draw_images.py. It needs Keras and takes a minute or two.
"""

import contextlib
import io
import json
import re
import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import vl_convert
from PIL import Image, ImageOps
from sklearn.datasets import load_digits

import replaychart as rc

HERE = Path(__file__).parent
README = HERE.parents[1] / "README.md"
# Pixels of a thumbnail. The README shows it at half the size, so that it is sharp on fine screens.
SIZE = (320, 240)
PLOT = {"width": 216, "height": 156}
PADDING, SCALE = 12, 4 / 3
HALF = 66  # the height of each of two plots
GAP = 8  # between four plots
UNITS = [1, 2, 4, 5, 7, 8]  # some of 16


def draw_parabola() -> None:
    """Run the README's code and keep the GIF that it saves."""
    found = re.search(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    assert found, "README.md has no block of Python code"
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        exec(found[1], {})
        picture = Path("parabola.gif").read_bytes()
    (HERE / "parabola.gif").write_bytes(picture)


def regression(path: Path) -> rc.Run:
    """Return a short training of a network that predicts numbers."""
    keras.utils.set_random_seed(3)
    X = np.random.default_rng(0).uniform(-2, 2, (400, 2))
    y = np.sin(2 * X[:, 0]) + X[:, 1] ** 2 / 2
    model = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(16, "tanh"), keras.layers.Dense(1)]
    )
    model.compile(keras.optimizers.Adam(0.02), "mse")
    model.fit(X, y, epochs=20, verbose=0, callbacks=[rc.Recorder(X, y, path, "waves")])
    return rc.open_run(path, "waves")


def optimizers(path: Path) -> dict[str, rc.Run]:
    """Return short trainings of the same network by three optimizers."""
    X, y = rc.datasets.parabola(150)
    for name, rate in {"SGD": 0.5, "RMSprop": 0.05, "Adam": 0.05}.items():
        keras.utils.set_random_seed(1)
        model = keras.Sequential(
            [keras.Input((2,)), keras.layers.Dense(2, "tanh"), keras.layers.Dense(1, "sigmoid")]
        )
        model.compile(getattr(keras.optimizers, name)(rate), "binary_crossentropy")
        recorder = rc.Recorder(X, y, path, name)
        model.fit(X, y, epochs=40, batch_size=50, verbose=0, callbacks=[recorder])
    return rc.open_runs(path)


def sweep(path: Path) -> dict[str, rc.Run]:
    """Return twelve short training runs with different settings."""
    X, y = rc.datasets.parabola(150)
    generator = np.random.default_rng(3)
    for trial in range(12):
        keras.utils.set_random_seed(trial)
        model = keras.Sequential(
            [
                keras.Input((2,)),
                keras.layers.Dense(int(2 ** generator.integers(1, 5)), "tanh"),
                keras.layers.Dense(1, "sigmoid"),
            ]
        )
        optimizer = ("SGD", "RMSprop", "Adam")[trial % 3]
        rate = float(10 ** generator.uniform(-3, 0))
        model.compile(getattr(keras.optimizers, optimizer)(rate), "binary_crossentropy")
        recorder = rc.Recorder(X, y, path, f"trial {trial}")
        model.fit(X, y, epochs=10, batch_size=50, verbose=0, callbacks=[recorder])
    return rc.open_runs(path)


def digits(path: Path) -> rc.Run:
    """Return a short training of a convolution that reads digits."""
    keras.utils.set_random_seed(5)
    X, y = load_digits(return_X_y=True)
    X = X.reshape(-1, 8, 8, 1) / 16
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(12, 3, activation="relu", name="convolution"),
            keras.layers.Flatten(),
            keras.layers.Dense(10, "softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    recorder = rc.Recorder(X[:50], y[:50], path, "digits")
    model.fit(X, y, epochs=20, verbose=0, callbacks=[recorder])
    return rc.open_run(path, "digits")


def charts(
    run: rc.Run, numbers: rc.Run, pictures: rc.Run, several: dict[str, rc.Run]
) -> dict[str, tuple[Any, int]]:
    """Return each chart of the README's table, by its function, with the epoch to show.

    Parameters
    ----------
    run, numbers, pictures : Run
        A classification, a regression, and one whose inputs are pictures.
    several : dict of str to Run
        Runs to compare, by name.
    """
    violins = {**PLOT, "scale": "per-epoch"}
    half = {**PLOT, "height": HALF}
    return {
        "class_accuracy": (rc.class_accuracy(run, **PLOT), 50),
        "feature_space": (rc.feature_space(run, "hidden", **PLOT), 40),
        "decision_boundary": (rc.decision_boundary(run, **PLOT), 40),
        "probability_histogram": (rc.probability_histogram(run, **half), 50),
        "loss_and_metric": (rc.loss_and_metric(run, **PLOT), 60),
        "loss_histogram": (rc.loss_histogram(run, **PLOT), 20),
        "residual_histogram": (rc.residual_histogram(numbers, **PLOT), 10),
        "roc": (rc.roc(run, curve="roc", **PLOT), 30),
        "confusion": (rc.confusion(run, **PLOT), 45),
        "calibration": (rc.calibration(run, **PLOT), 40),
        "data_map": (rc.data_map(run, width=154, height=78), 60),
        "weights": (rc.weights(run, **violins), 40),
        "gradients": (rc.gradients(run, **violins), 15),
        "activations": (rc.activations(run, **violins), 40),
        "pre_activations": (rc.pre_activations(run, **violins), 60),
        "spread": (rc.spread(run, **PLOT), 60),
        "updates": (rc.updates(run, **PLOT), 60),
        "layer_morph": (rc.layer_morph(run, depth=0.6, **PLOT), 40),
        "probe": (_probe(run), 40),
        "unit_maps": (rc.unit_maps(numbers, numbers.layers[0], units=UNITS, **PLOT), 20),
        "tour": (rc.tour(pictures, pictures.layers[-1], position=0.3, **PLOT), 8),
        "filters": (rc.filters(pictures, columns=4, **PLOT), 20),
        "loss_landscape": (rc.loss_landscape(run, **PLOT), 100),
        "compare": (rc.compare(several, **PLOT), 30),
        "small_multiples": (_four(several), 30),
    }


def _probe(run: rc.Run) -> Any:
    """Return a probe whose two planes fill a plot."""
    size = {"width": (PLOT["width"] - GAP) // 2, "height": PLOT["height"]}
    return rc.probe(run, place=(0.3, -0.2), **size)


def _four(several: dict[str, rc.Run]) -> Any:
    """Return four small boundaries that fill a plot, the last one of the first run."""
    runs = {**several, "again": several["SGD"]}
    size = {"width": (PLOT["width"] - GAP) // 2, "height": (PLOT["height"] - GAP) // 2}
    return rc.small_multiples(runs, chart=rc.decision_boundary, columns=2, **size)


def draw_thumbnail(chart: Any, path: Path, *, epoch: int) -> None:
    """Draw a chart's plots alone, without titles, axes, legends and labels.

    Parameters
    ----------
    chart : altair chart
    path : pathlib.Path
        A PNG file.
    epoch : int
    """
    with tempfile.TemporaryDirectory() as folder:
        spec = json.loads(rc.save(chart, Path(folder) / "chart.json", epoch=epoch).read_bytes())
    kept = {key: spec.pop(key) for key in ("datasets", "config")}
    kept["config"] |= {
        "axis": {"disable": True},
        "legend": {"disable": True},
        "padding": PADDING,
    }
    # Marks at the rim do not make a picture larger, so that the frames of all plots are aligned.
    layout: dict[str, Any] = {"autosize": "none"}
    if "vconcat" in spec:
        layout = {"spacing": PLOT["height"] - 2 * HALF, "bounds": "flush"}
    if "concat" in spec or "hconcat" in spec:
        layout = {"spacing": GAP, "bounds": "flush"}
    png = vl_convert.vegalite_to_png(_bare(spec) | kept | layout, scale=SCALE)
    with Image.open(io.BytesIO(png)) as image:
        image.convert("RGB").crop((0, 0, *SIZE)).quantize(256).save(path, optimize=True)


def _bare(part: Any) -> Any:
    """Return a part of a spec without titles, axes, legends and text."""
    if isinstance(part, list):
        return [_bare(item) for item in part if not _is_text(item)]
    if not isinstance(part, dict):
        return part
    left = {key: _bare(value) for key, value in part.items() if key != "title"}
    return {key: None if key in ("axis", "legend") else value for key, value in left.items()}


def _is_text(layer: Any) -> bool:
    mark = layer.get("mark") if isinstance(layer, dict) else None
    return (mark.get("type") if isinstance(mark, dict) else mark) == "text"


def whole_charts(
    run: rc.Run, pictures: rc.Run, several: dict[str, rc.Run], trials: dict[str, rc.Run]
) -> dict[str, Any]:
    """Return the charts whose thumbnails have texts, by function: without, they would be low."""
    maps = {"points": [0, 2, 3], "units": [1, 2, 3, 5], "epochs": [20], "title": "Epoch 20"}
    return {
        "feature_maps": rc.feature_maps(pictures, **maps),
        "dashboard": rc.dashboard(run, title="Two parabolas"),
        "network_diagram": rc.network_diagram(run, epochs=[150], title="Epoch 150", width=360),
        "similarity": rc.similarity(several["Adam"], several["RMSprop"], title="Adam, RMSprop"),
        "difference": rc.difference(several["SGD"], several["Adam"], epoch=30, width=300),
        "parallel_coordinates": rc.parallel_coordinates(trials, width=400, height=240),
    }


def draw_whole(chart: Any, path: Path) -> None:
    """Draw a chart with its texts as a thumbnail."""
    with tempfile.TemporaryDirectory() as folder:
        whole = rc.save(chart, Path(folder) / "chart.png")
        with Image.open(whole) as image:
            small = ImageOps.pad(image.convert("RGB"), SIZE, Image.Resampling.LANCZOS, "white")
            small.quantize(256).save(path, optimize=True)


def main() -> None:
    """Draw all pictures."""
    draw_parabola()
    folder = HERE / "charts"
    folder.mkdir(exist_ok=True)
    run = rc.open_run(rc.datasets.parabola_recording())
    with tempfile.TemporaryDirectory() as recordings:
        pictures = digits(Path(recordings) / "digits.h5")
        numbers = regression(Path(recordings) / "numbers.h5")
        several = optimizers(Path(recordings) / "several.h5")
        trials = sweep(Path(recordings) / "sweep.h5")
        for name, chart in whole_charts(run, pictures, several, trials).items():
            draw_whole(chart, folder / f"{name}.png")
        for name, (chart, epoch) in charts(run, numbers, pictures, several).items():
            draw_thumbnail(chart, folder / f"{name}.png", epoch=epoch)


if __name__ == "__main__":
    main()
