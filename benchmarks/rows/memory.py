"""How much memory saving takes, by the number of epochs."""

from pathlib import Path

from benchmarks.measuring import Missing, Result, Settings, Unit, in_process

# The largest the process was, in megabytes. Epochs come again: the chart stays the same.
_SAVING = r"""
import re, sys
from pathlib import Path
import replaychart as rc
run = rc.open_run(rc.datasets.parabola_recording())
chart = rc.loss_histogram(run, width=600, height=600)
epochs = [number % 151 for number in range(int(sys.argv[2]))]
rc.save(chart, sys.argv[1], epochs=epochs, progress=False)
# Not `resource`, whose maximum includes that of the process which started this one.
print(int(re.search(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text())[1]) / 1e3)
"""


def measure(settings: Settings) -> list[Result]:
    """Save short and long films, each in a process of its own."""
    if not Path("/proc/self/status").exists():
        raise Missing("the peak is read from /proc, which only Linux has")
    few, many = (20, 100) if settings.quick else (50, 500)
    results = []
    for suffix in (".gif", ".webp"):
        path = settings.directory / f"memory{suffix}"
        peaks = {count: float(in_process(_SAVING, path, count)) for count in (few, many)}
        what = f"memory at its peak, {suffix} of {many} frames"
        beside = {f"of {few} frames": peaks[few]}
        results.append(Result(what, peaks[many], Unit.MEGABYTES, "flat", beside))
    return results
