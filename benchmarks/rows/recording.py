"""Overhead of the recorder during training."""

import statistics
from collections.abc import Callable
from typing import Any

import replaychart as rc
from benchmarks.measuring import Missing, Result, Settings, Unit, seconds_of


def measure(settings: Settings) -> list[Result]:
    """Train without a callback, with `Recorder` and with ``ModelCheckpoint``, in turn."""
    try:
        import keras
    except ImportError as error:
        raise Missing(f"pip install '.[tensorflow]' ({error})") from error
    X, y = rc.datasets.parabola()
    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(2, activation="sigmoid"),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
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
    epochs = 10 if settings.quick else 50

    def fit(made: list[Any]) -> None:
        model.fit(X, y, epochs=epochs, batch_size=16, verbose=0, callbacks=made)

    fit([])
    ratios: dict[str, list[float]] = {name: [] for name in callbacks}
    for _ in range(settings.rounds(5)):
        seconds = {name: seconds_of(lambda m=make: fit(m())) for name, make in callbacks.items()}
        for name in callbacks:
            ratios[name].append(seconds[name] / seconds["nothing"])
    median = {name: statistics.median(values) for name, values in ratios.items()}
    others = {"Keras ModelCheckpoint": median["ModelCheckpoint"]}
    what = "fit with Recorder, relative to fit without"
    return [Result(what, median["Recorder"], Unit.TIMES, "<= 1.05 x", others)]
