"""The charts that every app shows."""

import altair as alt

import replaychart as rc

alt.theme.enable("replaychart")
run = rc.open_run(rc.datasets.parabola_recording())
epochs = range(0, 151, 10)
dashboard = rc.animate(rc.dashboard(run, epochs=epochs), fps=20, autoplay=False)
boundary = rc.animate(rc.decision_boundary(run, epochs=epochs), fps=20)
