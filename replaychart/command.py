"""The command ``replaychart``: inspect files, draw charts and store evaluations without code."""

import argparse
import inspect
import os
import sys
import warnings
import webbrowser
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import replaychart
from replaychart import conversion, datasets, demonstration
from replaychart.drawing.budget import MAX_BYTES
from replaychart.errors import ArgumentError, ReplayChartError, RunFileError
from replaychart.export.save import MOVING, save
from replaychart.opening import list_runs, open_run
from replaychart.playback.animate import animate
from replaychart.run import Run
from replaychart.storage import reader
from replaychart.storage.deepreplay import not_writable
from replaychart.storing import storing

# The default chart of `render`.
_DASHBOARD = "dashboard"
# Every second epoch: half the drawing time and half the bytes, with no visible difference.
_DEMO_GIF_STRIDE = 2
# The charts that need several runs.
_SEVERAL_RUNS = ("compare", "difference", "parallel_coordinates", "small_multiples")
_LAST_PORT = 65535


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments : sequence of str, optional
        Command-line arguments. Default: those of the process.

    Returns
    -------
    int
        Exit status: 0 for success, 1 for a reported error, 130 for an interruption.
    """
    options = _parser().parse_args(arguments)
    # Users of the command need neither the line of this package that raised a warning nor the
    # messages that TensorFlow prints when it starts.
    warnings.formatwarning = _warning_line
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        options.run(options)
    except ReplayChartError as error:
        print(f"replaychart: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("replaychart: interrupted", file=sys.stderr)
        return 130
    return 0


def demo(options: argparse.Namespace) -> None:
    """Draw the example dashboard as HTML, PNG and GIF."""
    out = Path(options.out)
    if out.exists() and not out.is_dir():
        message = f"--out must be a directory. Got the file {options.out!r}."
        raise ArgumentError(message)
    if not out.absolute().parent.is_dir():
        message = f"--out must be in an existing directory. Got {options.out!r}."
        raise ArgumentError(message)
    try:
        out.mkdir(exist_ok=True)
    except OSError as error:
        message = f"--out: cannot create the directory: {error}"
        raise ArgumentError(message) from error
    recording = datasets.parabola_recording()
    if options.train:
        recording = out / "parabola.h5"
        print("Training a 2-2-1 network on two parabolas for 150 epochs ...")
        demonstration.train(recording)
        print(f"Recorded {recording}")
    run = open_run(recording, demonstration.GROUP)
    chart = replaychart.dashboard(run, title=demonstration.TITLE)
    print(f"{run!r}\nDrawing ...")
    page = save(animate(chart, fps=12), out / "parabola.html")
    print(f"  {page}  plays in any browser, offline")
    still = save(chart, out / "parabola.png", scale=2)
    print(f"  {still}  the epoch at which the loss has fallen half way")
    epochs = run.epochs[::_DEMO_GIF_STRIDE].tolist()
    moving = save(chart, out / "parabola.gif", epochs=epochs, fps=12)
    print(f"  {moving}  every second epoch")


def info(options: argparse.Namespace) -> None:
    """List the runs in a file, their layers and epochs."""
    names = list_runs(options.file)
    if not names:
        print(f"{options.file}: no runs")
    for name in names:
        old = reader.was_recorded_by_deepreplay(Path(options.file), name)
        with warnings.catch_warnings():
            # The line "state" below says so.
            warnings.filterwarnings("ignore", message=".* was interrupted after epoch")
            run = open_run(options.file, name, model=options.model if old else None)
        print(name)
        for label, text in run.summary().items():
            print(f"  {label:<7} {text}")
        print(f"  replay  {_agreement(run, verify=options.verify)}")


def render(options: argparse.Namespace) -> None:
    """Draw a chart of a run and save it to a file."""
    run = open_run(options.file, options.group, output=options.output, model=options.model)
    build = _chart(options.chart)
    accepted = inspect.signature(build).parameters
    given = {name: getattr(options, name) for name in ("layer", "metric", "unit")}
    given = {name: value for name, value in given.items() if value is not None}
    for name in given:
        if name not in accepted:
            message = f"--{name} does not apply to the chart {options.chart!r}."
            raise ArgumentError(message)
    _save(build(run, max_bytes=options.max_bytes, **given), run.epochs, options)


def compare(options: argparse.Namespace) -> None:
    """Draw a curve, or the same chart, of several runs and save it to a file."""
    names = options.runs or list_runs(options.file)
    runs = {name: open_run(options.file, name, model=options.model) for name in names}
    chart: Any
    if options.chart is None:
        chart = replaychart.compare(
            runs, metric=options.metric, smooth=options.smooth, max_bytes=options.max_bytes
        )
    else:
        build = _chart(options.chart)
        chart = replaychart.small_multiples(runs, chart=build, max_bytes=options.max_bytes)
    _save(chart, np.unique(np.concatenate([run.epochs for run in runs.values()])), options)


def _save(chart: Any, epochs: np.ndarray, options: argparse.Namespace) -> None:
    """Save a chart as the options say, and print the file's name.

    Parameters
    ----------
    chart : altair chart
        The chart.
    epochs : numpy.ndarray, shape (epochs,)
        Its epochs.
    options : argparse.Namespace
        The options of `_add_output`.
    """
    out = Path(options.out)
    rate = {"fps": options.fps}
    if out.suffix.lower() == ".html" and len(epochs) > 1:
        chart, rate = animate(chart, **rate), {}
    moving = out.suffix.lower() in MOVING or out.is_dir() or options.out.endswith("/")
    frames = options.epochs
    if moving and frames is None:
        frames = epochs[:: options.every].tolist()
    print(
        save(
            chart,
            options.out,
            epoch=options.epoch,
            epochs=frames,
            **rate,
            scale=options.scale,
            hold=options.hold,
        )
    )


def store(options: argparse.Namespace) -> None:
    """Store a run's evaluations in its file, so that its charts need no Keras."""
    path, group = Path(options.file), options.group
    names = list_runs(path) if group is None else [reader.existing_name(path, group)]
    if not names:
        message = f"{options.file!r} contains no ReplayChart run."
        raise RunFileError(message)
    for name in names:
        if reader.was_recorded_by_deepreplay(path, name):
            raise not_writable(path, name)
    failed = []
    for one in storing(path, names):
        if one.outcome == "failed":
            failed.append(one)
            continue
        what = one.outcome.capitalize()
        print(f"{what} the evaluations of {one.run!r} in {options.file}", flush=True)
    if failed:
        raise RunFileError("\n".join(f"{one.run!r}: {one.error}" for one in failed))


def watch(options: argparse.Namespace) -> None:
    """Serve a chart of a training run on this machine, while another process trains."""
    from replaychart.live.server import Server
    from replaychart.live.watched_dashboard import watched_dashboard
    from replaychart.live.watching import Watching

    path = Path(options.file)
    build = watched_dashboard if options.chart == _DASHBOARD else _chart(options.chart)
    if not path.absolute().parent.is_dir():
        message = f"{options.file!r} must be in an existing directory."
        raise ArgumentError(message)
    watching = Watching(path, options.group, build, seconds=options.seconds)
    try:
        server = Server(watching, options.port)
    except OSError as error:
        message = f"--port: cannot serve at port {options.port}: {error}"
        raise ArgumentError(message) from error
    with server:
        watching.start()
        print(f"Watching {options.file} at\n  {server.url}\nPress Ctrl-C to stop.", flush=True)
        if options.open:
            webbrowser.open(server.url)
        try:
            server.serve_forever()
        finally:
            watching.stop()


def convert(options: argparse.Namespace) -> None:
    """Convert DeepReplay recordings to ReplayChart's layout."""
    runs = conversion.convert(
        Path(options.old),
        Path(options.new),
        groups=options.group,
        model=None if options.model is None else Path(options.model),
        overwrite=options.overwrite,
    )
    for run in runs:
        first, last = run.epochs[0], run.epochs[-1]
        print(f"Converted {run.name!r}, epochs {first} to {last} ({len(run.epochs)} recorded)")
    print(options.new)


def _chart_names() -> list[str]:
    """Return the values that --chart allows: every chart of a single run."""
    charts = [
        name
        for name, home in replaychart._HOMES.items()
        if home.startswith("charts.") and name not in _SEVERAL_RUNS
    ]
    return [name.replace("_", "-") for name in charts]


def _chart(name: str) -> Callable[..., Any]:
    """Return the function that draws a chart. It is imported here, not at startup."""
    return getattr(replaychart, name.replace("-", "_"))


def _agreement(run: Run, *, verify: bool) -> str:
    """Return whether the replay agrees with the training, in words."""
    if not run.witnessed_epochs:
        return "unverified: the recording has nothing to compare it with"
    verified = run.verified if verify else None
    if verified is None:
        return f"not verified here{'; --verify does' * (not verify)}"
    return "verified" if verified else " ".join(["differs.", *run.differences])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="replaychart", description="Replay the training of a neural network as charts."
    )
    parser.add_argument("--version", action="version", version=replaychart.__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("demo", help="draw the example dashboard as HTML, PNG and GIF")
    command.add_argument(
        "--out",
        default="replaychart-demo",
        metavar="DIR",
        help="output directory; default: %(default)s",
    )
    command.add_argument(
        "--train", action="store_true", help="train the network first (needs TensorFlow)"
    )
    command.set_defaults(run=demo)

    command = commands.add_parser("info", help="list the runs in a file, their layers and epochs")
    command.add_argument("file", metavar="FILE")
    _add_model(command)
    command.add_argument(
        "--verify", action="store_true", help="compare the replay with the training (needs Keras)"
    )
    command.set_defaults(run=info)

    command = commands.add_parser("render", help="draw a chart of a run and save it to a file")
    command.add_argument("file", metavar="FILE")
    command.add_argument("group", metavar="GROUP")
    command.add_argument("--chart", choices=_chart_names(), default=_DASHBOARD)
    command.add_argument("--layer", help="layer to show, for feature-space")
    command.add_argument(
        "--unit", type=int, help="value to show, if the model predicts several for each point"
    )
    command.add_argument("--output", help="output to show, if the model has several")
    command.add_argument("--metric", help="metric to show, for loss-and-metric")
    _add_output(command)
    _add_model(command)
    command.set_defaults(run=render)

    command = commands.add_parser(
        "compare", help="draw a curve, or the same chart, of several runs and save it to a file"
    )
    command.add_argument("file", metavar="FILE")
    command.add_argument(
        "--runs",
        type=lambda text: text.split(","),
        metavar="A,B,...",
        help="runs to compare; default: all",
    )
    command.add_argument("--metric", default="loss", help="curve to draw; default: %(default)s")
    command.add_argument(
        "--smooth",
        type=float,
        default=0.0,
        help="smoothing of the curves, from 0 to less than 1; default: %(default)s",
    )
    command.add_argument(
        "--chart",
        choices=[name for name in _chart_names() if name != _DASHBOARD],
        help="draw this chart of each run side by side, not a curve",
    )
    _add_output(command)
    _add_model(command)
    command.set_defaults(run=compare)

    command = commands.add_parser("store", help="store evaluations, so that charts need no Keras")
    command.add_argument("file", metavar="FILE")
    command.add_argument(
        "group", metavar="GROUP", nargs="?", help="run to evaluate; default: all runs"
    )
    command.set_defaults(run=store)

    command = commands.add_parser(
        "watch", help="show a training run in the browser while another process trains"
    )
    command.add_argument("file", metavar="FILE", help="the recording, which may not exist yet")
    command.add_argument(
        "group",
        metavar="GROUP",
        nargs="?",
        help="run to show; default: the one that is being recorded",
    )
    command.add_argument("--chart", choices=_chart_names(), default=_DASHBOARD)
    command.add_argument(
        "--port", type=_port, default=0, help="port to serve at; default: any that is free"
    )
    command.add_argument(
        "--seconds",
        type=_seconds,
        default=1.0,
        help="time between two looks at the file; default: %(default)s",
    )
    command.add_argument("--open", action="store_true", help="open the page in the browser")
    command.set_defaults(run=watch)

    command = commands.add_parser("convert", help="convert DeepReplay recordings")
    command.add_argument("old", metavar="OLD", help="a DeepReplay file; it is not modified")
    command.add_argument(
        "new", metavar="NEW", help="a ReplayChart file, created if it does not exist"
    )
    command.add_argument(
        "--group", action="append", help="run to convert; can be repeated; default: all runs"
    )
    _add_model(command)
    command.add_argument("--overwrite", action="store_true", help="replace runs with the same name")
    command.set_defaults(run=convert)
    return parser


def _add_output(command: argparse.ArgumentParser) -> None:
    """Add the options that say where and how a chart is saved."""
    command.add_argument(
        "--out",
        required=True,
        metavar="FILE",
        help="output file, whose suffix selects the format; DIR/ writes one PNG per epoch",
    )
    command.add_argument(
        "--epoch",
        type=float,
        help="epoch of a still image; default: the one at which the loss has fallen half way "
        "(dashboard), or the last",
    )
    command.add_argument(
        "--every",
        type=_positive,
        default=1,
        metavar="N",
        help="show every N-th recorded epoch in an animation; default: %(default)s",
    )
    command.add_argument(
        "--epochs",
        type=_epochs,
        metavar="A,B,... or A:B:C",
        help="epochs of an animation or filmstrip: a list, or every C-th from A up to but "
        "excluding B",
    )
    command.add_argument(
        "--fps",
        type=float,
        default=10,
        help="epochs per second of an animation or HTML page; default: %(default)s",
    )
    command.add_argument(
        "--hold",
        type=float,
        default=1.0,
        metavar="SECONDS",
        help="how long an animation shows its last epoch; default: %(default)s",
    )
    command.add_argument(
        "--scale", type=float, default=1.0, help="factor for the image size; default: %(default)s"
    )
    command.add_argument(
        "--max-bytes",
        type=_max_bytes,
        default=MAX_BYTES,
        metavar="BYTES",
        help="limit on the size of the chart's data, or none for no limit; default: %(default)s",
    )


def _add_model(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--model",
        metavar="FILE",
        help="DeepReplay's model file; default: GROUP_model.h5 next to the recording or in the "
        "working directory",
    )


def _warning_line(message: Warning | str, *_: object, **__: object) -> str:
    return f"replaychart: warning: {message}\n"


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        message = f"must be a positive whole number. Got {text!r}."
        raise argparse.ArgumentTypeError(message)
    return int(text)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > _LAST_PORT:
        message = f"must be a whole number from 0 to {_LAST_PORT}. Got {text!r}."
        raise argparse.ArgumentTypeError(message)
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = np.nan
    if not 0 < seconds < np.inf:
        message = f"must be a number of seconds. Got {text!r}."
        raise argparse.ArgumentTypeError(message)
    return seconds


def _max_bytes(text: str) -> float | None:
    try:
        return None if text == "none" else float(text)
    except ValueError:
        message = f"must be a number of bytes or none. Got {text!r}."
        raise argparse.ArgumentTypeError(message) from None


def _epochs(text: str) -> slice | list[int]:
    """Return a list of epochs, or a slice as Python writes it."""
    try:
        if ":" not in text:
            return [int(part) for part in text.split(",")]
        return slice(*(int(part) if part else None for part in text.split(":")))
    except ValueError:
        message = f"must be a list such as 0,10,50 or a range such as 0:151:10. Got {text!r}."
        raise argparse.ArgumentTypeError(message) from None
