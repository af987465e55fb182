"""The dashboard, and just its points, animated with matplotlib."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import replaychart as rc

_CLASSES = np.array(["#1b6ca8", "#e07b00"])


def points_as_page(points: pd.DataFrame, epochs: Sequence[int]) -> str:
    """Return an HTML page with the points at these epochs."""
    import matplotlib as mpl
    from matplotlib import pyplot as plt
    from matplotlib.animation import FuncAnimation

    mpl.use("Agg")
    figure, axes = plt.subplots(figsize=(5, 5))
    by_epoch = dict(list(points.groupby("epoch")))
    target = by_epoch[epochs[0]]["target"].to_numpy(int)
    dots = axes.scatter([0] * len(target), [0] * len(target), s=4, c=_CLASSES[target])
    axes.set(xlim=(-0.05, 1.05), ylim=(-0.05, 1.05))

    def draw(epoch: int) -> list[Any]:
        dots.set_offsets(by_epoch[epoch][["x", "y"]].to_numpy())
        return [dots]

    with mpl.rc_context({"animation.embed_limit": 1000}):
        page = FuncAnimation(figure, draw, frames=list(epochs)).to_jshtml()
    plt.close(figure)
    return page


def dashboard_as_gif(run: rc.Run, epochs: Sequence[int], path: Path) -> None:
    """Write the five panels as a GIF of 1,440 x 720 pixels."""
    import matplotlib as mpl
    from matplotlib import pyplot as plt
    from matplotlib.animation import FuncAnimation, PillowWriter

    mpl.use("Agg")
    figure = plt.figure(figsize=(14.4, 7.2), dpi=100, layout="constrained")
    panels = figure.subplot_mosaic("AABC;AADE")
    data = _Panels(run)
    FuncAnimation(figure, lambda epoch: data.draw(panels, epoch), frames=list(epochs)).save(
        path, writer=PillowWriter(fps=10)
    )
    plt.close(figure)


class _Panels:
    """The data behind the five panels, by epoch."""

    def __init__(self, run: rc.Run) -> None:
        self.colors = _CLASSES[run.targets.astype(int)]
        self.coordinates = run.coordinates("hidden")
        self.probabilities = run.point_probabilities()
        self.losses = run.losses()
        self.targets = run.targets.astype(int)
        history = run.history()
        replayed = history[history["source"] == "replay"]
        self.curves = {name: curve["value"].to_numpy() for name, curve in replayed.groupby("name")}
        self.grid = {
            epoch: [line[["x", "y"]].to_numpy() for _, line in lines.groupby("line")]
            for epoch, lines in run.grid("hidden").groupby("epoch")
        }

    def draw(self, panels: dict[str, Any], epoch: int) -> list[Any]:
        """Redraw all panels."""
        space, negative, curves, positive, losses = (panels[key] for key in "ABCDE")
        for axes in panels.values():
            axes.clear()
        for line in self.grid[epoch]:
            space.plot(line[:, 0], line[:, 1], color="#454c54", linewidth=0.5, alpha=0.45)
        space.scatter(*self.coordinates[epoch].T, s=4, c=self.colors)
        probability = self.probabilities[epoch]
        space.tricontourf(*self.coordinates[epoch].T, probability, levels=10, alpha=0.4)
        space.set(title=f"hidden, epoch {epoch}", xlim=(-0.05, 1.05), ylim=(-0.05, 1.05))
        for axes, case in ((negative, 0), (positive, 1)):
            axes.hist(probability[self.targets == case], bins=10, range=(0, 1))
            axes.set(ylim=(0, 1000), title=("Negative cases", "Positive cases")[case])
        for name, values in self.curves.items():
            curves.plot(values[: epoch + 1], label=name)
        curves.set(xlim=(0, len(self.losses)), ylim=(0, 1), title="Loss and metric")
        losses.hist(self.losses[epoch], bins=20, range=(0, self.losses.max()))
        losses.set(ylim=(0, 2000), title="Losses")
        return []
