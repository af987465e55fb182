"""Functions as Keras 2 computed them; Keras 3 has the same names but other values.

They are registered with Keras, so that models that use them can be serialized and rebuilt.
"""

from typing import Any

import keras

PACKAGE = "replaychart"


@keras.saving.register_keras_serializable(package=PACKAGE)
def hard_sigmoid(x: Any) -> Any:
    """Return 0.2 x + 0.5, clipped to 0 and 1; in Keras 3 the slope is 1/6."""
    return keras.ops.clip(0.2 * x + 0.5, 0.0, 1.0)


@keras.saving.register_keras_serializable(package=PACKAGE)
def hinge(y_true: Any, y_pred: Any) -> Any:
    """Return the mean of max(1 - y_true y_pred, 0); Keras 3 maps targets 0 and 1 to -1 and 1."""
    return keras.ops.mean(_margins(y_true, y_pred), axis=-1)


@keras.saving.register_keras_serializable(package=PACKAGE)
def squared_hinge(y_true: Any, y_pred: Any) -> Any:
    """Return the mean of max(1 - y_true y_pred, 0) ** 2; see `hinge`."""
    return keras.ops.mean(keras.ops.square(_margins(y_true, y_pred)), axis=-1)


def _margins(y_true: Any, y_pred: Any) -> Any:
    y_pred = keras.ops.convert_to_tensor(y_pred)
    y_true = keras.ops.cast(y_true, y_pred.dtype)
    return keras.ops.maximum(1.0 - y_true * y_pred, 0.0)
