"""How time and bytes grow with points and epochs."""

import json
from pathlib import Path

import replaychart as rc
from benchmarks.measuring import Missing, Result, Settings, Unit, seconds_of
from replaychart.demonstration import dashboard
from replaychart.export.specs import spec_of


def measure(settings: Settings) -> list[Result]:
    """Compare ten times the points, and ten times the epochs, to the dashboard as it is."""
    try:
        import keras  # noqa: F401
    except ImportError as error:
        raise Missing(f"pip install '.[tensorflow]' ({error})") from error
    points, epochs = (200, 20) if settings.quick else (1000, 150)
    once = _costs(settings.directory, points, epochs)
    more_points = _costs(settings.directory, 10 * points, epochs)
    more_epochs = _costs(settings.directory, points, 10 * epochs)
    return [
        Result(f"10 x the {many}: {name}", costs[name] / once[name], Unit.TIMES, "<= 10 x")
        for many, costs in (("points", more_points), ("epochs", more_epochs))
        for name in once
    ]


def _costs(directory: Path, points: int, epochs: int) -> dict[str, float]:
    path = _recorded(directory, points, epochs)
    run = rc.open_run(path)
    costs = {"evaluate and build": seconds_of(lambda: dashboard(run))}
    chart = dashboard(run)
    costs["build from what is evaluated"] = seconds_of(lambda: spec_of(dashboard(run)))
    costs["bytes of the spec"] = len(json.dumps(spec_of(chart)))
    film = run.epochs[:: len(run.epochs) // 20].tolist()
    seconds = seconds_of(lambda: rc.save(chart, directory / "a.gif", epochs=film, progress=False))
    # A film of all epochs takes as many times longer as there are more of them.
    costs["a GIF of all epochs"] = seconds / len(film) * len(run.epochs)
    return costs


def _recorded(directory: Path, points: int, epochs: int) -> Path:
    """Return a recording of so many points on each parabola, of epochs of one step."""
    import keras

    keras.utils.set_random_seed(8)
    X, y = rc.datasets.parabola(points)
    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(2, activation="sigmoid", name="hidden"),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(loss="binary_crossentropy", optimizer=keras.optimizers.SGD(0.5), metrics=["acc"])
    path = directory / f"{points}-{epochs}.h5"
    model.fit(
        X,
        y,
        epochs=epochs,
        batch_size=len(X),
        verbose=0,
        callbacks=[rc.Recorder(X, y, path, "run")],
    )
    return path
