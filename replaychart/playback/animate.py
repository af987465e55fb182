"""`animate`: adds a player to a chart."""

from collections.abc import Iterable
from typing import Any, get_args

from altair.typing import ChartType, is_chart_type

from replaychart.arguments import is_number, require_bool, require_one_of
from replaychart.drawing.complete_spec import complete_spec
from replaychart.drawing.epoch_parameter import NAME, EpochVariable, PlayerVariable
from replaychart.drawing.event_handlers import STILL, Definition
from replaychart.drawing.gliding import GLIDE
from replaychart.errors import ArgumentError
from replaychart.playback.parameter import find_slider
from replaychart.playback.player import PLAYER, Pace, Player
from replaychart.playback.smooth import glides, let_glide
from replaychart.playback.story_steps import story_steps


def animate(
    chart: ChartType,
    *,
    fps: float = 10,
    loop: bool = True,
    autoplay: bool = True,
    pace: Pace = "even",
    smooth: bool = False,
) -> ChartType:
    """Return the same chart with playback.

    The player is part of the spec, so the chart plays without a kernel: in a notebook, a saved page
    or documentation. Below the chart are a checkbox that pauses and resumes it, its speed, and the
    slider. You can drag over the curves of `loss_and_metric` to move through the epochs.

    The chart under the pointer, or the one clicked last, also follows the keyboard: space pauses
    and resumes, the arrow keys step to the previous and the next epoch (with shift, ten epochs),
    and Home and End go to the first and the last one.

    Parameters
    ----------
    chart : altair chart
        Any chart with the ``epoch`` parameter, single or composed.
    fps : float, default 10
        Epochs (steps of the slider) per second, more than 0 and at most 60.
    loop : bool, default True
        Whether to start over after the last epoch. Otherwise, the chart stops there, and playing it
        again starts at the first epoch.
    autoplay : bool, default True
        Whether the chart starts playing immediately.
    pace : {"even", "early"}, default "even"
        "even" shows every epoch for the same time. "early" gives the early epochs, where most
        happens, more of it: half of the time goes to the first quarter of the epochs. Playing all
        of them takes as long as before.
    smooth : bool, default False
        Whether points and the grid lines of the inputs glide from each epoch to the next while the
        chart plays. Between two epochs, their positions are interpolated, and a label in the chart
        says so. Everything else, such as surfaces, boundaries, colors and counts, is that of the
        last recorded epoch. A chart that is paused shows a recorded epoch, exactly. Charts without
        moving points play as usual. If `save` then makes a film with more frames per second than
        `fps`, the additional frames are in between, too.

    Returns
    -------
    altair chart
        A chart of the same class, which starts at the first epoch. You can go on composing it,
        but charts that are each animated must be animated in the same way.

    Raises
    ------
    ArgumentError
        The chart has no ``epoch`` slider or has parameters with the names of the player's, or
        another argument is invalid.

    Examples
    --------
    >>> import replaychart as rc
    >>> run = rc.open_run(rc.datasets.parabola_recording())
    >>> chart = rc.animate(rc.decision_boundary(run), fps=12)

    References
    ----------
    https://vega.github.io/vega/docs/event-streams/
    """
    if not is_number(fps) or not 0 < fps <= 60:
        message = f"fps must be more than 0 and at most 60. Got {fps!r}."
        raise ArgumentError(message)
    for argument, value in (("loop", loop), ("autoplay", autoplay), ("smooth", smooth)):
        require_bool(argument, value)
    if not is_chart_type(chart):
        message = f"chart must be an Altair chart. Got {type(chart).__name__}."
        raise ArgumentError(message)
    require_one_of("pace", pace, get_args(Pace))
    spec = complete_spec(chart, validate=False)
    slider = find_slider(spec)
    if slider is None:
        message = (
            f"chart must have the {NAME!r} parameter with a slider, as ReplayChart's charts of "
            "several epochs do. Got a chart without it."
        )
        raise ArgumentError(message)
    player = Player(
        slider,
        float(fps),
        pace,
        loop=bool(loop),
        autoplay=bool(autoplay),
        smooth=bool(smooth),
        steps=story_steps(spec, slider),
    )
    playing = chart.copy()
    shares: list[Definition] = []
    if smooth:
        shares = let_glide(playing, slider)
    elif glides(playing):
        shares = [{"name": GLIDE, "value": None}, *let_glide(playing, slider)]
    playing.params = _with_player(chart._get("params"), player, shares)
    return playing


def _with_player(
    parameters: Iterable[Any], player: Player, others_needed: list[Definition]
) -> list[Any]:
    """Return the parameters of a chart with those of the player, and others that it needs."""
    moved = player.slider.signal
    others = [one for one in parameters if not isinstance(one, PlayerVariable)]
    taken = sorted({str(one.name) for one in others}.intersection(PLAYER))
    if taken:
        message = (
            f"chart must not have parameters named {', '.join(map(repr, PLAYER))}, which playing "
            f"needs. Got {', '.join(map(repr, taken))}."
        )
        raise ArgumentError(message)
    handlers = player.epoch_handlers()
    return [
        *(_moving(one, handlers) if one.name == moved else one for one in others),
        *(PlayerVariable(**definition) for definition in (*player.parameters(), *others_needed)),
    ]


def _moving(parameter: Any, handlers: Definition) -> EpochVariable:
    """Return the parameter that the slider sets with handlers, which set it as well."""
    return EpochVariable(**({STILL: parameter.value} | parameter._kwds | handlers))
