"""Names from a recording in words: "Accuracy" for ``acc``, "Two moons" for ``two_moons``."""

# The names of Keras for what has a shorter or a longer name elsewhere.
_KNOWN = {
    "acc": "accuracy",
    "auc": "AUC",
    "mae": "mean absolute error",
    "mape": "mean absolute percentage error",
    "mse": "mean squared error",
    "msle": "mean squared logarithmic error",
    "rmse": "root mean squared error",
}
_VALIDATION = "val_"


def in_words(name: str) -> str:
    """Return a name of a run, layer or curve in words, beginning with a capital letter.

    Parameters
    ----------
    name : str
        The name in the recording. A name that contains spaces or capitals was chosen for people,
        and is returned with only its first letter changed.
    """
    if name.startswith(_VALIDATION):
        words = in_words(name.removeprefix(_VALIDATION))
        return f"Validation {words if words.isupper() else words[:1].lower() + words[1:]}"
    words = _KNOWN.get(name, name)
    if " " not in name:
        words = words.replace("_", " ").strip() or name
    return words[:1].upper() + words[1:]


def layer_in_words(name: str) -> str:
    """Return the name of a layer in words that say it is one, such as "Hidden layer"."""
    words = in_words(name)
    named = "layer" in words.lower() or any(letter.isdigit() for letter in words)
    return words if named else f"{words} layer"
