"""Which process of a distributed training run writes the file."""

import json
import os
from typing import Any


def is_chief(model: Any = None) -> bool:
    """Return whether this process writes the file: it is the chief, or the only one.

    Parameters
    ----------
    model : keras.Model, optional
        The model. Its distribution strategy decides. If it has none, the environment variable
        ``TF_CONFIG`` does, as in TensorFlow.

    References
    ----------
    https://www.tensorflow.org/guide/distributed_training#setting_up_the_tf_config_environment_variable
    """
    strategy = getattr(model, "distribute_strategy", None)
    if strategy is not None:
        return bool(strategy.extended.should_checkpoint)
    try:
        config = json.loads(os.environ.get("TF_CONFIG") or "{}")
    except json.JSONDecodeError:
        return True
    task, cluster = config.get("task", {}), config.get("cluster", {})
    if task.get("type") != "worker":
        return task.get("type") in (None, "chief", "master")
    # If no task is called chief, the first worker is the chief.
    return not {"chief", "master"} & set(cluster) and int(task.get("index", 0)) == 0
