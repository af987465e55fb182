"""Overhead of the recorder during training."""

import statistics
from collections.abc import Callable
from typing import Any

import numpy as np

import replaychart as rc
from benchmarks.measuring import Missing, Result, Settings, Unit, seconds_of


def measure(settings: Settings) -> list[Result]:
    """Train without a callback, with `Recorder` and with ``ModelCheckpoint``, in turn."""
    try:
        import keras
    except ImportError as error:
        raise Missing(f"pip install '.[tensorflow]' ({error})") from error
    X, y = rc.datasets.parabola()
    random = np.random.default_rng(0)
    large = random.normal(size=(5_000, 100)).astype("float32")
    dense = keras.layers.Dense
    return [
        _overhead(
            settings,
            "fit with Recorder, relative to fit without",
            [keras.Input((2,)), dense(2, "sigmoid"), dense(1, "sigmoid")],
            (X, y),
            epochs=50,
            target="<= 1.03 x",
        ),
        _overhead(
            settings,
            "the same with 1 million weights, every epoch",
            [keras.Input((100,)), dense(950, "relu"), dense(950, "relu"), dense(1, "sigmoid")],
            (large, (large[:, 0] > 0).astype(int)),
            epochs=6,
            target="<= 1.03 x",
        ),
    ]


def _overhead(
    settings: Settings,
    what: str,
    layers: list[Any],
    points: tuple[np.ndarray, np.ndarray],
    *,
    epochs: int,
    target: str,
) -> Result:
    import keras

    X, y = points
    model = keras.Sequential(layers)
    model.compile("sgd", "binary_crossentropy", metrics=["acc"])
    checkpoints = str(settings.directory / "{epoch}.weights.h5")
    callbacks: dict[str, Callable[[], list[Any]]] = {
        "nothing": list,
        "Recorder": lambda: [
            rc.Recorder(X, y, settings.directory / "runs.h5", "run", if_exists="overwrite")
        ],
        "ModelCheckpoint": lambda: [
            keras.callbacks.ModelCheckpoint(checkpoints, save_weights_only=True)
        ],
    }
    count = max(2, epochs // 5) if settings.quick else epochs

    def fit(made: list[Any]) -> None:
        model.fit(X, y, epochs=count, batch_size=16, verbose=0, callbacks=made)

    fit([])
    ratios: dict[str, list[float]] = {name: [] for name in callbacks}
    for _ in range(settings.rounds(5)):
        seconds = {name: seconds_of(lambda m=make: fit(m())) for name, make in callbacks.items()}
        for name in callbacks:
            ratios[name].append(seconds[name] / seconds["nothing"])
    median = {name: statistics.median(values) for name, values in ratios.items()}
    others = {"Keras ModelCheckpoint": median["ModelCheckpoint"]}
    return Result(what, median["Recorder"], Unit.TIMES, target, others)
