"""Measures tasks alternately, and computes medians."""

import dataclasses
import enum
import importlib.util
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class Missing(Exception):
    """Raised if something a benchmark needs is not installed."""


class Unit(enum.Enum):
    """The unit of a measured value."""

    SECONDS = "s"
    MILLISECONDS = "ms"
    MEGABYTES = "MB"
    TIMES = "x"

    def shown(self, value: float) -> str:
        """Return a value with its unit, rounded to three digits."""
        return f"{value:,.0f} {self.value}" if value >= 1000 else f"{value:.3g} {self.value}"


@dataclasses.dataclass(frozen=True)
class Settings:
    """Settings of the measurements.

    Attributes
    ----------
    quick : bool
        Whether to use fewer repetitions and shorter animations.
    directory : pathlib.Path
        The directory for output files.
    """

    quick: bool
    directory: Path

    def rounds(self, count: int) -> int:
        """Return how many times to measure, given the number without `quick`."""
        return max(1, count // 3) if self.quick else count


@dataclasses.dataclass(frozen=True)
class Result:
    """A row of the table.

    Attributes
    ----------
    what : str
        What was measured.
    value : float
        The median for ReplayChart.
    unit : Unit
        The unit of all values in the row.
    goal : str
        The target for ReplayChart, or an empty string if there is none.
    others : dict of str to float
        The medians for the other tools, measured alternately with ReplayChart.
    """

    what: str
    value: float
    unit: Unit
    goal: str = ""
    others: dict[str, float] = dataclasses.field(default_factory=dict)


def medians(tasks: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Return the median seconds of each task. Each round runs every task, after a warm-up round."""
    seconds: dict[str, list[float]] = {name: [] for name in tasks}
    for task in tasks.values():
        task()
    for _ in range(rounds):
        for name, task in tasks.items():
            seconds[name].append(seconds_of(task))
    return {name: statistics.median(values) for name, values in seconds.items()}


def seconds_of(task: Callable[[], object]) -> float:
    """Return how long a task takes."""
    start = time.perf_counter()
    task()
    return time.perf_counter() - start


def in_process(code: str, *arguments: object) -> str:
    """Run Python code in a separate process, and return what it prints."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@dataclasses.dataclass(frozen=True)
class Task:
    """What is measured in a process of its own.

    Attributes
    ----------
    code : str
        The code; ``sys.argv[1]`` is the path, ``rc`` is replaychart, and ``keras`` is imported.
    imports : str
        Further imports, which do not count.
    path : pathlib.Path
        A recording.
    """

    code: str
    imports: str
    path: Path


class Cost(NamedTuple):
    """What a task takes beyond the imports.

    Attributes
    ----------
    seconds : float
    peak : float
        Megabytes of memory.
    course : list of tuple of float
        Seconds since the start, and megabytes of memory at that time.
    """

    seconds: float
    peak: float
    course: list[tuple[float, float]]


# Prints lines with seconds and megabytes: of the course, every 50 ms, and last of the whole.
_COST = r"""
import re, sys, threading, time, warnings
from pathlib import Path
import keras
import replaychart as rc
{imports}
def megabytes(what):
    return int(re.search(what + r":\s*(\d+)", Path("/proc/self/status").read_text())[1]) / 1e3
warnings.simplefilter("ignore")
before, peak_before, start = megabytes("VmRSS"), megabytes("VmHWM"), time.perf_counter()
costs = []
def watch():
    while True:
        costs.append((time.perf_counter() - start, megabytes("VmRSS") - before))
        time.sleep(0.05)
threading.Thread(target=watch, daemon=True).start()
{code}
whole = time.perf_counter() - start, megabytes("VmHWM") - peak_before
for cost in [*costs, whole]:
    print("\nCOST", *cost)
"""


def cost_in_process(task: Task) -> Cost:
    """Return what a task takes in a separate process."""
    code = _COST.format(imports=task.imports, code=task.code)
    found = [line.split() for line in in_process(code, task.path).splitlines()]
    numbers = [(float(one[1]), float(one[2])) for one in found if one[:1] == ["COST"]]
    *course, (seconds, peak) = numbers
    return Cost(seconds, peak, course)


def require_keras() -> None:
    """Raise `Missing` unless Keras is installed."""
    if importlib.util.find_spec("keras") is None:
        raise Missing("pip install '.[tensorflow]'")


def require_peak_memory() -> None:
    """Raise `Missing` unless the system tells the peak memory of a process."""
    if not Path("/proc/self/status").exists():
        raise Missing("peak memory is read from /proc, which only exists on Linux")
