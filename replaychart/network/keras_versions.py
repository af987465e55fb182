"""Makes what a newer Keras wrote readable for an older one."""

from typing import Any

# Settings that newer versions write for each of their layers, with the value that stands for "not
# used". Older versions refuse them; leaving them out changes nothing in any version.
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
    """Return an architecture without settings that not all versions of Keras know.

    Parameters
    ----------
    config : JSON value
        As ``keras.saving.serialize_keras_object`` gives it, or a part of it.
    """
    if isinstance(config, list):
        return [for_any_version(part) for part in config]
    if not isinstance(config, dict):
        return config
    parts = {name: for_any_version(value) for name, value in config.items()}
    settings = parts.get("config")
    # Layers of a user's own may have settings of the same names, with another default.
    if str(parts.get("module")).startswith("keras") and isinstance(settings, dict):
        parts["config"] = {
            name: value
            for name, value in settings.items()
            if name not in _UNUSED or value != _UNUSED[name]
        }
    return parts
