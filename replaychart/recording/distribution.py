"""Which process of a distributed training writes the file."""

import json
import os
from typing import Any


def is_chief(model: Any = None) -> bool:
    """Return whether this process is the one that writes: the chief of a multi-worker job.

    Parameters
    ----------
    model : keras.Model, optional
        The model, whose strategy knows. Without one the variable ``TF_CONFIG`` of the environment
        is asked, as TensorFlow does.

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
    # Where no task is called chief, the first worker is it.
    return not {"chief", "master"} & set(cluster) and int(task.get("index", 0)) == 0
