"""What `replaychart watch` draws of a run, which it knows from its file alone."""

from typing import Any

import altair as alt

from replaychart.charts.dashboard import dashboard
from replaychart.charts.loss_and_metric import loss_and_metric
from replaychart.charts.weights import weights
from replaychart.errors import EvaluationError
from replaychart.facts.epochs import Epochs
from replaychart.run import Run

_WITHOUT_OUTPUTS = "The file does not contain the network's code: its outputs are not shown"


def watched_dashboard(run: Run, *, epochs: Epochs = None) -> Any:
    """Draw the dashboard, or what is known of a run whose network cannot be rebuilt.

    The code of a PyTorch module or of a function is not part of a recording. Until `Run.store` has
    stored the outputs, there are the weights, and the losses and metrics that were logged.

    Parameters
    ----------
    run : Run
    epochs : optional
        As in all charts.

    Raises
    ------
    EvaluationError
        The outputs cannot be computed, and there are no weights.
    """
    try:
        return dashboard(run, epochs=epochs)
    except EvaluationError as error:
        try:
            charts = _without_outputs(run, epochs)
        except EvaluationError:
            raise error from None
    title = alt.Title(run.name, subtitle=_WITHOUT_OUTPUTS)
    return alt.hconcat(*charts, title=title)


def _without_outputs(run: Run, epochs: Epochs) -> list[Any]:
    drawn: list[Any] = [weights(run, epochs=epochs)]
    if "loss" in run.curves.names("training"):
        drawn.append(loss_and_metric(run, source="training", epochs=epochs, height=200))
    return drawn
