"""Time to open a run and evaluate everything the dashboard needs."""

from pathlib import Path

import replaychart as rc
from benchmarks.measuring import Missing, Result, Settings, Unit, medians
from benchmarks.reference import without_evaluations


def measure(settings: Settings) -> list[Result]:
    """Evaluate every epoch, alternating with a loop of ``set_weights`` and ``predict``."""
    try:
        import keras
    except ImportError as error:
        raise Missing(f"pip install '.[tensorflow]' ({error})") from error
    path = without_evaluations(settings.directory)
    X, _ = rc.datasets.parabola()
    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(2, activation="sigmoid"),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    epochs = 15 if settings.quick else 151

    def loop() -> None:
        for _ in range(epochs):
            model.set_weights(model.get_weights())
            model.predict(X, verbose=0)

    seconds = medians({"ours": lambda: _evaluate(path), "loop": loop}, settings.rounds(3))
    others = {"set_weights and predict, output only": seconds["loop"] * 151 / epochs}
    what = "open, evaluate everything the dashboard needs, Keras imported"
    return [Result(what, seconds["ours"], Unit.SECONDS, "<= 1 s", others)]


def _evaluate(path: Path) -> None:
    run = rc.open_run(path)
    run.coordinates("hidden")
    run.surface("hidden")
    run.boundary("hidden")
    run.grid("hidden")
    run.probability_histogram()
    run.loss_histogram()
    run.history()
