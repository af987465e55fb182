"""Time to ``import replaychart``, and to the first chart."""

from benchmarks.measuring import Result, Settings, Unit, in_process, medians

# Without Keras: the recording contains the evaluations.
_FIRST_CHART = """
import replaychart as rc
rc.feature_space(rc.open_run(rc.datasets.parabola_recording()), "hidden").to_dict()
"""


def measure(settings: Settings) -> list[Result]:
    """Start Python and import ReplayChart, alternating with the libraries it builds on."""
    seconds = medians(
        {
            "ours": lambda: in_process("import replaychart"),
            "theirs": lambda: in_process("import altair, pandas"),
            "chart": lambda: in_process(_FIRST_CHART),
        },
        settings.rounds(9),
    )
    ratio = seconds["ours"] / seconds["theirs"]
    return [
        Result(
            "`import replaychart`, relative to `import altair, pandas`",
            ratio,
            Unit.TIMES,
            "<= 1.10 x",
        ),
        Result(
            "first chart of a stored run in a fresh process, imports included",
            seconds["chart"],
            Unit.SECONDS,
            "<= 0.5 s",
            {"`import altair, pandas` alone": seconds["theirs"]},
        ),
    ]
