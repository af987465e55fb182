"""Peak memory of saving an animation, by number of epochs."""

from pathlib import Path

from benchmarks.measuring import Missing, Result, Settings, Unit, in_process

# Prints the peak memory of the process in megabytes. Epochs repeat, so the chart is the same.
_SAVING = r"""
import re, sys
from pathlib import Path
import replaychart as rc
run = rc.open_run(rc.datasets.parabola_recording())
chart = rc.loss_histogram(run, width=600, height=600)
epochs = [number % 151 for number in range(int(sys.argv[2]))]
rc.save(chart, sys.argv[1], epochs=epochs, progress=False)
# Not from `resource`, whose maximum includes the parent process.
print(int(re.search(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text())[1]) / 1e3)
"""


def measure(settings: Settings) -> list[Result]:
    """Save short and long animations, each in its own process."""
    if not Path("/proc/self/status").exists():
        raise Missing("peak memory is read from /proc, which only exists on Linux")
    few, many = (20, 100) if settings.quick else (50, 500)
    results = []
    for suffix in (".gif", ".webp"):
        path = settings.directory / f"memory{suffix}"
        peaks = {count: float(in_process(_SAVING, path, count)) for count in (few, many)}
        what = f"peak memory, {suffix} with {many} frames"
        others = {f"{few} frames": peaks[few]}
        results.append(Result(what, peaks[many], Unit.MEGABYTES, "flat", others))
    return results
