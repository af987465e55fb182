"""What ``import replaychart`` costs."""

from benchmarks.measuring import Result, Settings, Unit, in_process, medians


def measure(settings: Settings) -> list[Result]:
    """Start Python and import, in turn with what it builds on."""
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
            "`import replaychart`, times `import altair, pandas`", ratio, Unit.TIMES, "<= 1.10 x"
        )
    ]
