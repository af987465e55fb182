"""Time and size of a GIF and of the other animation formats."""

import importlib.util

import replaychart as rc
from benchmarks.measuring import Missing, Result, Settings, Unit, seconds_of
from benchmarks.reference import SCALE, evaluated_run
from replaychart.charts.dashboard import dashboard


def measure(settings: Settings) -> list[Result]:
    """Save the dashboard, then the same five panels with matplotlib and Pillow."""
    try:
        from benchmarks.others.matplotlib_dashboard import dashboard_as_gif

        importlib.import_module("matplotlib")
    except ImportError as error:
        raise Missing(f"pip install '.[benchmarks]' ({error})") from error
    run = evaluated_run()
    chart = dashboard(run)
    epochs = run.epochs[:: 3 if settings.quick else 1].tolist()
    seconds, megabytes = {}, {}
    videos = [".mp4", ".webm"] if importlib.util.find_spec("av") else []
    for suffix in (".gif", ".webp", *videos):
        path = settings.directory / f"dashboard{suffix}"
        seconds[suffix] = seconds_of(
            lambda path=path: rc.save(chart, path, epochs=epochs, scale=SCALE, progress=False)
        ) / len(epochs)
        megabytes[suffix] = path.stat().st_size / 1e6
    path = settings.directory / "matplotlib.gif"
    some = epochs[::10]
    others = {
        "matplotlib and Pillow": seconds_of(lambda: dashboard_as_gif(run, some, path)) / len(some)
    }
    size = {"matplotlib and Pillow": path.stat().st_size / 1e6 * len(epochs) / len(some)}
    count = f"{len(epochs)} epochs"
    return [
        Result(f"GIF, 1440 pixels wide, {count}: time per frame", seconds[".gif"], Unit.SECONDS,
               "<= 0.12 s on 2 cores", others),
        Result(f"GIF, {count}: file size", megabytes[".gif"], Unit.MEGABYTES, "<= 6 MB", size),
        *(
            line
            for suffix in list(seconds)[1:]
            for line in (
                Result(f"{suffix}, {count}: time per frame", seconds[suffix], Unit.SECONDS),
                Result(f"{suffix}, {count}: file size", megabytes[suffix], Unit.MEGABYTES),
            )
        ),
    ]  # fmt: skip
