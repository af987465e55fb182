"""How long each frame of an animation is shown."""


def durations(frames: int, *, fps: float, hold: float, unit: int) -> list[int]:
    """Return each frame's duration in milliseconds: multiples of a unit that keep the frame rate.

    Parameters
    ----------
    frames : int
        Number of frames.
    fps : float
        Frames per second.
    hold : float
        Minimum duration of the last frame in seconds.
    unit : int
        The format's unit of time in milliseconds.
    """
    ends = [round(1000 / unit * (frame + 1) / fps) for frame in range(frames)]
    stay = [unit * (end - begin) for begin, end in zip([0, *ends], ends, strict=False)]
    stay[-1] = max(stay[-1], unit * round(1000 / unit * hold))
    return stay
