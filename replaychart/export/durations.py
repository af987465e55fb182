"""How long each frame of a moving picture stays."""


def durations(frames: int, *, fps: float, hold: float, unit: int) -> list[int]:
    """Return each frame's milliseconds: whole units of time that keep the frame rate.

    Parameters
    ----------
    frames : int
        How many frames there are.
    fps : float
        Frames per second.
    hold : float
        Seconds for which the last frame stays, if that is longer.
    unit : int
        The format's unit of time in milliseconds.
    """
    ends = [round(1000 / unit * (frame + 1) / fps) for frame in range(frames)]
    stay = [unit * (end - begin) for begin, end in zip([0, *ends], ends, strict=False)]
    stay[-1] = max(stay[-1], unit * round(1000 / unit * hold))
    return stay
