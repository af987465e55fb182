"""The names inside a file of runs, and the description that every run begins with.

A file holds one group per run::

    <run>/                        attributes: replaychart_layout, replaychart_version, run_id,
                                  details (JSON text), finished, recorder
        inputs                    (points, ...); for a model with several inputs a group
        inputs/<i>                (points, ...), in the order of the model; attribute: name
        targets                   (points,), (points, 1) or (points, classes)
        sample_weights            (points,) float32; only where points weigh differently
        epochs                    (snapshots,) float64; written last: a snapshot without its
                                  epoch never was
        scalars                   (snapshots, 1 + logs) float64: the learning rate, NaN before
                                  training, then what was logged, NaN where it was not
        log_names                 JSON text
        weights/<dtype>           (snapshots, numbers), the recorded variables of a dtype, flat and
                                  one after the other, in the order of ``model.weights``
        outputs/<i>               (snapshots, points, ...) of a run that was recorded from outputs;
                                  attribute: key
        model/architecture        JSON text
        model/compile_config      JSON text
        model/layers              JSON text, see `RecordedLayer`
        model/variables           JSON text, see `Variable`
        evaluations/              what `Run.store` kept; attribute: epochs that it was made for
        evaluations/<i>           arrays by name; attribute: key

Of a model with several inputs, the attribute `details` tells the features' names by input, and
whether a model without a graph takes them in a list.

Texts are UTF-8 of fixed length, in an attribute or in a dataset of shape (1,); see
`storage.fixed_texts`. Datasets carry checksums, and so does what HDF5 itself writes in its format
of version 1.10, so that no byte that counts changes unnoticed.

``finished`` is a bool: whether the training came to its end. It is false from the first snapshot
on and becomes true when the recorder is closed; a training that dies leaves it false. Appending to
the run makes it false again. ``recorder`` is a JSON text that tells who records the run, so that a
reader can see whether that is still at work: ``host``, ``process`` (its number), ``since`` (when
that process started, in seconds since 1970) and ``recorder`` (unique); it is empty where the
recorder was closed before the training came to its end. See `storage.state`.

Every write is a transaction (`storage.transactions`). A file whose last bytes are those of a
journal (`storage.journal`) was left in the middle of one, and is read with its changes. One that
begins with ``ReplayChart: nothing has been written`` holds nothing yet.

HDF5 keeps no attribute of more than 64 KB. Where the names of thousands of features make the
details longer, or evaluations were made for thousands of epochs, a dataset of that name holds it.

This is layout 4, the first that was released. Runs of any other layout are refused.

Groups that DeepReplay wrote may stand beside them; `storage.deepreplay` tells of those.
"""

from collections.abc import Mapping
from typing import Any

# The one that is read and written.
LAYOUT_VERSION = 4
LAYOUT_ATTRIBUTE = "replaychart_layout"
WRITER_ATTRIBUTE = "replaychart_version"
RUN_ID_ATTRIBUTE = "run_id"
DETAILS_ATTRIBUTE = "details"
FINISHED_ATTRIBUTE = "finished"
RECORDER_ATTRIBUTE = "recorder"

INPUTS = "inputs"
INPUT_NAME_ATTRIBUTE = "name"
TARGETS = "targets"
SAMPLE_WEIGHTS = "sample_weights"
EPOCHS = "epochs"
SCALARS = "scalars"
LOG_NAMES = "log_names"
WEIGHTS = "weights"
OUTPUTS = "outputs"
EVALUATIONS = "evaluations"
ARCHITECTURE = "model/architecture"
COMPILE_CONFIG = "model/compile_config"
LAYERS = "model/layers"
VARIABLES = "model/variables"

KEY_ATTRIBUTE = "key"


_DEEPREPLAY_ATTRIBUTES = ("n_epochs", "n_layers")


def is_run(attributes: Mapping[str, Any]) -> bool:
    """Return whether a group with these attributes is a run in this layout."""
    return LAYOUT_ATTRIBUTE in attributes


def is_deepreplay(attributes: Mapping[str, Any]) -> bool:
    """Return whether a group with these attributes was written by DeepReplay."""
    return not is_run(attributes) and all(name in attributes for name in _DEEPREPLAY_ATTRIBUTES)
