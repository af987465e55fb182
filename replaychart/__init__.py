"""Watch a neural network learn: record its training, replay it as animated Altair charts.

All public names are available here. Heavy dependencies are imported on first use.
"""

import importlib
from typing import TYPE_CHECKING, Any

from replaychart.version import __version__

# The module of each public name. Every name in `charts` is also a chart of the command. Only
# `Recorder` imports Keras and TensorFlow.
_HOMES = {
    "ArgumentError": "errors",
    "DatasetError": "errors",
    "EvaluationError": "errors",
    "MissingDependencyError": "errors",
    "RecordingError": "errors",
    "ReplayChartError": "errors",
    "RunFileError": "errors",
    "Recorder": "recording.recorder",
    "TorchRecorder": "recording.torch_recorder",
    "record_function": "recording.function_recorder",
    "record_outputs": "recording.outputs",
    "Run": "run",
    "list_runs": "opening",
    "open_run": "opening",
    "open_runs": "opening",
    "epoch_param": "drawing.epoch_parameter",
    "threshold_param": "drawing.threshold",
    "dashboard": "charts.dashboard",
    "feature_space": "charts.feature_space",
    "data_map": "charts.data_map",
    "decision_boundary": "charts.decision_boundary",
    "probability_histogram": "charts.probability_histogram",
    "loss_and_metric": "charts.loss_and_metric",
    "loss_histogram": "charts.loss_histogram",
    "residual_histogram": "charts.residual_histogram",
    "roc": "charts.roc",
    "confusion": "charts.confusion",
    "calibration": "charts.calibration",
    "class_accuracy": "charts.class_accuracy",
    "weights": "charts.weights",
    "gradients": "charts.gradients",
    "activations": "charts.activations",
    "pre_activations": "charts.pre_activations",
    "spread": "charts.spread",
    "updates": "charts.updates",
    "unit_maps": "charts.unit_maps",
    "filters": "charts.filters",
    "feature_maps": "charts.feature_maps",
    "layer_morph": "charts.layer_morph",
    "probe": "charts.probe",
    "network_diagram": "charts.network_diagram",
    "loss_landscape": "charts.loss_landscape",
    "leaderboard": "ranking",
    "store_all": "storing",
    "similarity": "charts.similarity",
    "tour": "charts.tour",
    "compare": "charts.compare",
    "parallel_coordinates": "charts.parallel_coordinates",
    "difference": "charts.difference",
    "small_multiples": "charts.small_multiples",
    "link": "playback.link",
    "animate": "playback.animate",
    "story": "playback.story",
    "key_epochs": "playback.key_epochs",
    "save": "export.save",
    "page": "export.page",
    "enable": "export.enable",
    "Live": "live.live",
}

# The theme must be registered before it can be enabled by name. Importing Altair for it takes most
# of the time.
importlib.import_module("replaychart.drawing.theme")

__all__ = ["__version__", "datasets", *sorted(_HOMES)]

if TYPE_CHECKING:
    # `as` says that a name is public: type checkers cannot read it out of `_HOMES`.
    from replaychart import datasets as datasets
    from replaychart.charts.activations import activations as activations
    from replaychart.charts.calibration import calibration as calibration
    from replaychart.charts.class_accuracy import class_accuracy as class_accuracy
    from replaychart.charts.compare import compare as compare
    from replaychart.charts.confusion import confusion as confusion
    from replaychart.charts.dashboard import dashboard as dashboard
    from replaychart.charts.data_map import data_map as data_map
    from replaychart.charts.decision_boundary import decision_boundary as decision_boundary
    from replaychart.charts.difference import difference as difference
    from replaychart.charts.feature_maps import feature_maps as feature_maps
    from replaychart.charts.feature_space import feature_space as feature_space
    from replaychart.charts.filters import filters as filters
    from replaychart.charts.gradients import gradients as gradients
    from replaychart.charts.layer_morph import layer_morph as layer_morph
    from replaychart.charts.loss_and_metric import loss_and_metric as loss_and_metric
    from replaychart.charts.loss_histogram import loss_histogram as loss_histogram
    from replaychart.charts.loss_landscape import loss_landscape as loss_landscape
    from replaychart.charts.network_diagram import network_diagram as network_diagram
    from replaychart.charts.parallel_coordinates import (
        parallel_coordinates as parallel_coordinates,
    )
    from replaychart.charts.pre_activations import pre_activations as pre_activations
    from replaychart.charts.probability_histogram import (
        probability_histogram as probability_histogram,
    )
    from replaychart.charts.probe import probe as probe
    from replaychart.charts.residual_histogram import residual_histogram as residual_histogram
    from replaychart.charts.roc import roc as roc
    from replaychart.charts.similarity import similarity as similarity
    from replaychart.charts.small_multiples import small_multiples as small_multiples
    from replaychart.charts.spread import spread as spread
    from replaychart.charts.tour import tour as tour
    from replaychart.charts.unit_maps import unit_maps as unit_maps
    from replaychart.charts.updates import updates as updates
    from replaychart.charts.weights import weights as weights
    from replaychart.drawing.epoch_parameter import epoch_param as epoch_param
    from replaychart.drawing.threshold import threshold_param as threshold_param
    from replaychart.errors import ArgumentError as ArgumentError
    from replaychart.errors import DatasetError as DatasetError
    from replaychart.errors import EvaluationError as EvaluationError
    from replaychart.errors import MissingDependencyError as MissingDependencyError
    from replaychart.errors import RecordingError as RecordingError
    from replaychart.errors import ReplayChartError as ReplayChartError
    from replaychart.errors import RunFileError as RunFileError
    from replaychart.export.enable import enable as enable
    from replaychart.export.page import page as page
    from replaychart.export.save import save as save
    from replaychart.live.live import Live as Live
    from replaychart.opening import list_runs as list_runs
    from replaychart.opening import open_run as open_run
    from replaychart.opening import open_runs as open_runs
    from replaychart.playback.animate import animate as animate
    from replaychart.playback.key_epochs import key_epochs as key_epochs
    from replaychart.playback.link import link as link
    from replaychart.playback.story import story as story
    from replaychart.ranking import leaderboard as leaderboard
    from replaychart.recording.function_recorder import record_function as record_function
    from replaychart.recording.outputs import record_outputs as record_outputs
    from replaychart.recording.recorder import Recorder as Recorder
    from replaychart.recording.torch_recorder import TorchRecorder as TorchRecorder
    from replaychart.run import Run as Run
    from replaychart.storing import store_all as store_all
else:

    def __getattr__(name: str) -> Any:
        if name == "datasets":
            return importlib.import_module("replaychart.datasets")
        if name not in _HOMES:
            message = f"module 'replaychart' has no attribute {name!r}"
            raise AttributeError(message)
        if name == "Recorder":
            _require_keras()
        value = getattr(importlib.import_module(f"replaychart.{_HOMES[name]}"), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


def _require_keras() -> None:
    try:
        importlib.import_module("keras")
    except ImportError as error:
        from replaychart.errors import MissingDependencyError

        message = (
            "Recorder needs Keras 3 with a backend: pip install 'replaychart[tensorflow]'. "
            f"Importing Keras failed: {error}"
        )
        raise MissingDependencyError(message) from error
