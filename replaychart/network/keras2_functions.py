"""Functions that Keras 3 has under the same name with other values, as Keras 2 computed them.

They are registered with Keras, so that a model that uses them can be written down and rebuilt.
"""

from typing import Any

import keras

PACKAGE = "replaychart"


@keras.saving.register_keras_serializable(package=PACKAGE)
def hard_sigmoid(x: Any) -> Any:
    """Return 0.2 x + 0.5 between 0 and 1; since Keras 3 the slope is 1/6."""
    return keras.ops.clip(0.2 * x + 0.5, 0.0, 1.0)


@keras.saving.register_keras_serializable(package=PACKAGE)
def hinge(y_true: Any, y_pred: Any) -> Any:
    """Return the mean of max(1 - y_true y_pred, 0); later 0 and 1 are taken for -1 and 1."""
    return keras.ops.mean(_margins(y_true, y_pred), axis=-1)


@keras.saving.register_keras_serializable(package=PACKAGE)
def squared_hinge(y_true: Any, y_pred: Any) -> Any:
    """Return the mean of max(1 - y_true y_pred, 0) squared; see `hinge`."""
    return keras.ops.mean(keras.ops.square(_margins(y_true, y_pred)), axis=-1)


def _margins(y_true: Any, y_pred: Any) -> Any:
    y_pred = keras.ops.convert_to_tensor(y_pred)
    y_true = keras.ops.cast(y_true, y_pred.dtype)
    return keras.ops.maximum(1.0 - y_true * y_pred, 0.0)
