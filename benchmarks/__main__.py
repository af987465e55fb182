"""The command ``python -m benchmarks``: prints a table of measured medians and ratios."""

import argparse
import importlib
import os
import pkgutil
import platform
import sys
import tempfile
import time
from pathlib import Path

# Without this, TensorFlow's log messages appear between the rows of the table.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from benchmarks import rows
from benchmarks.measuring import Missing, Result, Settings

# Cheap benchmarks come first, to show early if something is wrong.
_ORDER = ("importing", "building", "page", "still", "opening", "memory", "redraw", "linked",
          "recording", "wide_layer", "convolutions", "large_model", "gif", "growth")  # fmt: skip
_HEAD = "| benchmark | ReplayChart | target | others, in the same run |\n|---|---|---|---|"


def main() -> int:
    """Run the command. It succeeds whatever it measures; judging the results is up to you."""
    known = sorted(
        (module.name for module in pkgutil.iter_modules(rows.__path__)), key=_ORDER.index
    )
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"one of {', '.join(known)}")
    parser.add_argument(
        "--quick", action="store_true", help="use fewer repetitions and shorter animations"
    )
    parser.add_argument("--markdown", metavar="FILE", help="also write the table to a file")
    options = parser.parse_args()
    unknown = set(options.rows) - set(known)
    if unknown:
        parser.error(f"ROW must be one of {', '.join(known)}. Got {sorted(unknown)[0]!r}.")
    lines = [_HEAD]
    print(_machine(), _HEAD, sep="\n\n", flush=True)
    with tempfile.TemporaryDirectory() as directory:
        settings = Settings(quick=options.quick, directory=Path(directory))
        for name in options.rows or known:
            for line in _lines(name, settings):
                print(line, flush=True)
                lines.append(line)
    if options.markdown:
        text = "\n".join([_machine(), "", *lines, ""])
        Path(options.markdown).write_text(text, encoding="utf-8")
    return 0


def _lines(name: str, settings: Settings) -> list[str]:
    module = importlib.import_module(f"benchmarks.rows.{name}")
    try:
        return [_line(result) for result in module.measure(settings)]
    except Missing as missing:
        return [f"| {name} | not measured: {missing} | | |"]


def _line(result: Result) -> str:
    others = "; ".join(
        f"{name} {result.unit.shown(value)} ({value / result.value:.2g} x)"
        for name, value in result.others.items()
    )
    return f"| {result.what} | {result.unit.shown(result.value)} | {result.goal} | {others} |"


def _machine() -> str:
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    return (
        f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, load {load:.1f} at the start, "
        f"Python {platform.python_version()}, {platform.system()}"
    )


if __name__ == "__main__":
    sys.exit(main())
