"""Makes architectures written by a newer Keras readable for an older one."""

from typing import Any

# Settings that newer versions write for each layer, with the value that means "not used". Older
# versions reject them; leaving them out changes nothing in any version.
_UNUSED: dict[str, Any] = {
    "input_axes": None,
    "output_axes": None,
    "quantization_config": None,
    "renorm": False,
    "renorm_clipping": None,
    "renorm_momentum": 0.99,
    "sliding_window": None,
    "use_gate": False,
}


def for_any_version(config: Any) -> Any:
    """Return an architecture without settings that some versions of Keras do not know.

    Parameters
    ----------
    config : JSON value
        The output of ``keras.saving.serialize_keras_object``, or a part of it.
    """
    if isinstance(config, list):
        return [for_any_version(part) for part in config]
    if not isinstance(config, dict):
        return config
    parts = {name: for_any_version(value) for name, value in config.items()}
    settings = parts.get("config")
    # A user's own layers may have settings with the same names but other defaults.
    if str(parts.get("module")).startswith("keras") and isinstance(settings, dict):
        parts["config"] = {
            name: value
            for name, value in settings.items()
            if name not in _UNUSED or value != _UNUSED[name]
        }
    return parts
