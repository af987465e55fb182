"""Takes medians, of things that are measured in turn."""

import dataclasses
import enum
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path


class Missing(Exception):
    """Something that a row needs is not installed."""


class Unit(enum.Enum):
    """What a number counts."""

    SECONDS = "s"
    MILLISECONDS = "ms"
    MEGABYTES = "MB"
    TIMES = "x"

    def shown(self, value: float) -> str:
        """Return a number with its unit, in three digits."""
        return f"{value:,.0f} {self.value}" if value >= 1000 else f"{value:.3g} {self.value}"


@dataclasses.dataclass(frozen=True)
class Settings:
    """How to measure.

    Attributes
    ----------
    quick : bool
        Whether to repeat less and to draw shorter films.
    directory : pathlib.Path
        Where files go.
    """

    quick: bool
    directory: Path

    def rounds(self, count: int) -> int:
        """Return how often to measure something."""
        return max(1, count // 3) if self.quick else count


@dataclasses.dataclass(frozen=True)
class Result:
    """A line of the table.

    Attributes
    ----------
    what : str
        What was measured.
    value : float
        The median of ReplayChart.
    unit : Unit
        Of all numbers in the line.
    goal : str
        What it shall reach; empty where there is no such number.
    beside : dict of str to float
        Medians of the others, measured in turn with it.
    """

    what: str
    value: float
    unit: Unit
    goal: str = ""
    beside: dict[str, float] = dataclasses.field(default_factory=dict)


def medians(tasks: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Return the median seconds of each task. One round runs all of them, after one to warm up."""
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
    """Return what Python code prints in a process of its own."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
