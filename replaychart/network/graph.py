"""The error for layers that no graph connects; without Keras, because charts raise it too."""

from replaychart.errors import EvaluationError


def no_graph(layer: str, run: str, *, framework: str = "keras") -> EvaluationError:
    """Return the error for a layer of a subclassed model, or of a function without layers."""
    if framework == "function":
        message = (
            f"The outputs of layer {layer!r} are not available: the function of run {run!r} "
            "returns the network's output alone. For charts of a layer, record a function that "
            "returns a mapping with the outputs of its layers."
        )
        return EvaluationError(message)
    message = (
        f"The outputs of layer {layer!r} are not available: the model of run {run!r} is a "
        "subclassed one, so its layers are connected by code and not by a graph. Probabilities and "
        "losses are available; for charts of a layer, build the model as Sequential or functional."
    )
    return EvaluationError(message)
