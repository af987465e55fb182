"""Time to ``import replaychart``."""

from benchmarks.measuring import Result, Settings, Unit, in_process, medians


def measure(settings: Settings) -> list[Result]:
    """Start Python and import ReplayChart, alternating with the libraries it builds on."""
    seconds = medians(
        {
            "ours": lambda: in_process("import replaychart"),
            "theirs": lambda: in_process("import altair, pandas"),
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
        )
    ]
