"""How long each frame of an animation is shown."""

from collections.abc import Sequence


def durations(least: Sequence[float], *, fps: float, unit: int) -> list[int]:
    """Return each frame's duration in milliseconds: multiples of a unit that keep the frame rate.

    Parameters
    ----------
    least : sequence of float
        The minimum duration of each frame in seconds.
    fps : float
        Frames per second.
    unit : int
        The format's unit of time in milliseconds.
    """
    ends = [round(1000 / unit * (frame + 1) / fps) for frame in range(len(least))]
    stay = [unit * (end - begin) for begin, end in zip([0, *ends], ends, strict=False)]
    return [
        max(milliseconds, unit * round(1000 / unit * seconds))
        for milliseconds, seconds in zip(stay, least, strict=True)
    ]
