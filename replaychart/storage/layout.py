"""The names inside a file of runs, and how such a file is laid out.

A file contains one group per run::

    <run>/                        attributes: replaychart_layout, replaychart_version, run_id,
                                  details (JSON string), finished, recorder; restored_epoch and
                                  best_epoch if they are known (`Ending`)
        inputs                    (points, ...); a group if the model has several inputs
        inputs/<i>                (points, ...), in the order of the model; attribute: name
        targets                   (points,), (points, 1) or (points, classes); a group if the model
                                  has several outputs
        targets/<i>               (points, ...); attribute: name of the output
        sample_weights            (points,) float32; only if the points have weights; a group like
                                  that of the targets if these differ between outputs
        validation/inputs         the validation points and their targets, like those above; only if
        validation/targets        there are any
        epochs                    (snapshots,) float64; written last: a snapshot without an epoch
                                  does not count
        scalars                   (snapshots, 1 + logs) float64: the learning rate, NaN before
                                  training, then the logs, NaN where nothing was logged
        log_names                 JSON string
        weights/<dtype>           (snapshots, values), the recorded variables of one dtype,
                                  flattened and concatenated in the order of ``model.weights``
        outputs/<i>               (snapshots, points, ...), if the run was recorded from outputs;
                                  attribute: key
        witnesses/<i>             what the live model computed for a few points (`Witness`): points,
                                  outputs, losses, metric_<j>, layers, names (JSON string);
                                  attributes: epoch, half_precision, regularization, output
        model/architecture        JSON string
        model/compile_config      JSON string
        model/layers              JSON string, see `RecordedLayer`
        model/variables           JSON string, see `Variable`
        evaluations/              written by `Run.store`; attribute: epochs that they are for
        evaluations/<i>           arrays by name; attribute: key

For a model with several inputs, the attribute ``details`` maps the inputs to the names of their
features, and says whether a model without a graph takes its inputs as a list. For a model with
several outputs, it maps their names to what is known about each (``outputs``).

Strings are UTF-8 and have a fixed length. They are stored in an attribute or in a dataset of shape
(1,); see `storage.hdf5.fixed_texts`. Datasets have checksums, and so does the metadata of HDF5's
1.10 file format. Corruption of anything that matters is therefore detected.

``finished`` is a bool: whether the training ran to its end. It is False from the first snapshot
on and becomes True when the recorder is closed; if the training dies, it stays False. Appending to
the run sets it to False again. ``recorder`` is a JSON string that identifies the recorder, so that
a reader can find out whether it is still at work: ``host``, ``process`` (the process ID), ``since``
(when that process started, in seconds since 1970) and ``recorder`` (a unique ID). It is empty if
the recorder was closed before the training reached its end. See `storage.state`.

Every write is a transaction (`storage.hdf5.transactions`). A file that ends with a journal
(`storage.hdf5.journal`) was left in the middle of a transaction; it is read with the changes in
the journal. A file that begins with ``ReplayChart: nothing has been written`` is still empty.

HDF5 limits attributes to 64 KB. If thousands of feature names make the details longer than that,
or evaluations are for thousands of epochs, a dataset of the same name takes their place.

This is layout 4, the first that was released. Runs in any other layout are refused.

A file may also contain groups that DeepReplay wrote; see `storage.deepreplay`.
"""

from collections.abc import Mapping
from typing import Any

# The only one that is read and written.
LAYOUT_VERSION = 4
LAYOUT_ATTRIBUTE = "replaychart_layout"
WRITER_ATTRIBUTE = "replaychart_version"
RUN_ID_ATTRIBUTE = "run_id"
DETAILS_ATTRIBUTE = "details"
FINISHED_ATTRIBUTE = "finished"
RECORDER_ATTRIBUTE = "recorder"

INPUTS = "inputs"
# Of an array, if there is one for each of several inputs or outputs.
NAME_ATTRIBUTE = "name"
TARGETS = "targets"
SAMPLE_WEIGHTS = "sample_weights"
VALIDATION = "validation"
EPOCHS = "epochs"
SCALARS = "scalars"
LOG_NAMES = "log_names"
WEIGHTS = "weights"
OUTPUTS = "outputs"
WITNESSES = "witnesses"
EVALUATIONS = "evaluations"
ARCHITECTURE = "model/architecture"
COMPILE_CONFIG = "model/compile_config"
LAYERS = "model/layers"
VARIABLES = "model/variables"

KEY_ATTRIBUTE = "key"


_DEEPREPLAY_ATTRIBUTES = ("n_epochs", "n_layers")


def is_run(attributes: Mapping[str, Any]) -> bool:
    """Return whether a group with these attributes is a run recorded by ReplayChart."""
    return LAYOUT_ATTRIBUTE in attributes


def is_deepreplay(attributes: Mapping[str, Any]) -> bool:
    """Return whether a group with these attributes was written by DeepReplay."""
    return not is_run(attributes) and all(name in attributes for name in _DEEPREPLAY_ATTRIBUTES)
