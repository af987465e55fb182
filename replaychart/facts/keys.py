"""The keys under which evaluations are stored, and what they mean in words."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from replaychart.facts.json_texts import entry, json_of

# The number of positions, from the smallest value to the largest, at which the density of a stored
# distribution is known.
DENSITY_POSITIONS = 64

_LONGEST_DESCRIPTION = 300
_LONGEST_NAME = 40
# Up to this many names are listed; more are counted.
_MOST_NAMES = 3
# The keys of projections and slices may contain a hash, which means nothing to a reader.
_HASH = re.compile(r"(?: at)? [0-9a-f]{32}\b")
# Keys of projections that users know under another name. Stored as "pca" are components of all
# epochs together, which was once the default.
_PROJECTIONS = {"pca": "pca-pooled", "pca within epochs": "pca", "pca last": "pca-last"}
_VALUES = {
    "weights kernel": "weights",
    "weights bias": "biases",
    "gradients kernel": "gradients",
    "gradients bias": "gradients of biases",
    "activations": "activations",
    "pre_activations": "pre-activations",
}
_ORDER = ("surface", "boundary", "curve", "losses", "predictions", *_VALUES.values())
_INPUTS = "over the inputs"
# Evaluations that are the same for each output of a model.
_OF_NO_OUTPUT = (
    *("outputs", "grid", "grid in space", "distribution", "regularization"),
    "unit boundaries",
)
# What is listed together, in this order; what is stored takes the place of the braces.
_PHRASES = {
    "outputs": "{}",
    "points": "{}",
    "metric": "",
    "contours": "the {}",
    "grid": "{}",
    "distribution": "distributions of {}",
    "continues": "{}",
    "unknown": "{}",
}


def evaluation_key(quantity: str, **arguments: Any) -> str:
    """Return the key under which an evaluation is stored.

    Parameters
    ----------
    quantity : str
        What was evaluated: ``"outputs"``, ``"predictions"``, ``"losses"``, ...
    **arguments : JSON values
        What it depends on.
    """
    return json.dumps({"quantity": quantity, **arguments}, sort_keys=True)


def key_of_validation(key: str) -> str:
    """Return the key of the same evaluation for the validation points."""
    return json.dumps({**json.loads(key), "subset": "validation"}, sort_keys=True)


def is_of_validation(key: str) -> bool:
    """Return whether an evaluation is for the validation points."""
    return json_of(key, "the key of an evaluation", dict).get("subset") == "validation"


def quantity_and_layer(key: str) -> tuple[str, str]:
    """Return the quantity and the layer in a key; the layer is ``""`` if the key has none.

    Raises
    ------
    ValueError
        `evaluation_key` did not make the key.
    """
    arguments = json_of(key, "the key of an evaluation", dict)
    layer = entry(arguments, "layer", (str, type(None)), None)
    return entry(arguments, "quantity", str), layer or ""


def output_in(key: str) -> str:
    """Return the output in a key, ``""`` if it has none; see `key_of_output`."""
    return str(json.loads(key).get("output") or "")


def key_of_output(key: str, output: str) -> str:
    """Return the key of the same evaluation for one of several outputs.

    What is computed from a layer, or from all outputs together, has the same key for each.
    """
    arguments = json.loads(key)
    if arguments["quantity"] in _OF_NO_OUTPUT:
        return key
    return json.dumps({**arguments, "output": output}, sort_keys=True)


def described_key(key: str) -> str:
    """Return what is stored under a key, in words and with the arguments that it depends on.

    Parameters
    ----------
    key : str
        From `evaluation_key`.

    Returns
    -------
    str
        Such as ``"outputs of layer 'hidden'"`` or ``"the surface over the inputs (xlim=(-1, 1),
        ylim=(0, 2), resolution=100, bands=10)"``.

    Raises
    ------
    ValueError
        `evaluation_key` did not make the key.
    """
    meaning = _meaning(key)
    output = output_in(key)
    of_output = [f"output={output!r}"] if output else []
    of_points = " of the validation points" if is_of_validation(key) else ""
    (text,) = _phrases([meaning._replace(view="")], 1)
    details = ", ".join([*of_output, *_details(json.loads(key))])
    return f"{text}{of_points} ({details})" if details else f"{text}{of_points}"


def described(keys: Iterable[str]) -> str:
    """Return what is stored under several keys, in words: grouped, sorted and short.

    Whether the output depends only on a layer is left out, because users never ask for it.

    Parameters
    ----------
    keys : iterable of str
        From `evaluation_key`, in any order.

    Returns
    -------
    str
        At most 300 characters, such as ``"outputs of layer 'hidden'; losses; metric 'auc'"``;
        ``"nothing"`` if there are no keys. Many names are counted instead of listed.

    Raises
    ------
    ValueError
        `evaluation_key` did not make one of the keys.
    """
    meanings = [one for one in map(_meaning, keys) if one.family != "continues"]
    for most_names in (_MOST_NAMES, 1, 0):
        text = "; ".join(_phrases(meanings, most_names))
        if len(text) <= _LONGEST_DESCRIPTION:
            return text or "nothing"
    return f"{text[: _LONGEST_DESCRIPTION - 3]}..."


class _Meaning(NamedTuple):
    """The meaning of a key.

    Attributes
    ----------
    family : str
        What it is listed with, from `_PHRASES`.
    what : str
        What is stored.
    where : str
        The words between this and the name.
    name : str
        The layer or metric in quotes, ``""`` for none.
    view : str
        The projection or slice, ``""`` for none.
    """

    family: str
    what: str
    where: str = ""
    name: str = ""
    view: str = ""


def _meaning(key: str) -> _Meaning:
    quantity, layer = quantity_and_layer(key)
    arguments = json.loads(key)
    name = _quoted(layer) if layer else ""
    of = "of" if layer else ""
    if quantity in ("outputs", "feature maps"):
        return _Meaning("outputs", quantity, of, name)
    if quantity in ("predictions", "losses", "unit statistics"):
        return _Meaning("points", quantity, of, name)
    if quantity == "metric":
        return _Meaning("metric", "", "", _quoted(str(arguments.get("name"))))
    if quantity == "loss plane":
        return _Meaning("contours", "losses", "over a plane of weights")
    if quantity == "regularization":
        return _Meaning("continues", quantity)
    if quantity == "verified":
        return _Meaning("continues", "whether the replay agrees with the training")
    if quantity == "continues":
        return _Meaning("continues", "whether the output depends only on", "", name)
    if quantity == "distribution":
        values = " ".join(str(arguments[it]) for it in ("kind", "variable") if it in arguments)
        return _Meaning("distribution", _VALUES.get(values) or _quoted(values), of, name)
    if quantity == "units":
        return _Meaning(
            "outputs", f"outputs {_INPUTS}", of, name, _view(arguments).partition(",")[0]
        )
    if quantity in ("surface", "boundary", "unit boundaries", "grid", "grid in space"):
        return _of_plane(quantity, name, arguments)
    if quantity == "curve":
        return _Meaning("contours", "curve", _INPUTS)
    return _Meaning("unknown", _quoted(quantity), of, name)


def _of_plane(quantity: str, name: str, arguments: Mapping[str, Any]) -> _Meaning:
    view = _view(arguments).partition(",")[0]
    lines = quantity.startswith("grid")
    what = "grid lines" if lines else quantity
    if not name:
        where = _INPUTS
    elif not lines and arguments.get("plane") == "inputs":
        where = f"{_INPUTS}, seen in"
    else:
        where = "in"
    return _Meaning("grid" if lines else "contours", what, where, name, view)


def _view(arguments: Mapping[str, Any]) -> str:
    """Return the name of a projection or slice, ``""`` if it has none."""
    view = arguments.get("view")
    if not isinstance(view, str):
        return ""
    name, *rest = _HASH.sub("", view).split(",", 1)
    return _shortened(",".join([_PROJECTIONS.get(name, name), *rest]))


def _details(arguments: Mapping[str, Any]) -> Iterator[str]:
    """Yield the arguments of a surface, a boundary or grid lines."""
    if view := _view(arguments):
        yield view
    for name in ("xlim", "ylim"):
        if name in arguments:
            low, high = arguments[name]
            yield f"{name}=({low:.4g}, {high:.4g})"
    for name in ("resolution", "bands", "lines"):
        if name in arguments:
            yield f"{name}={arguments[name]}"


def _phrases(meanings: Iterable[_Meaning], most_names: int) -> Iterator[str]:
    """Yield phrases; meanings that differ only in a name, or only in what is stored, share one."""
    named = defaultdict(set)
    for one in meanings:
        named[one.family, one.where, one.what].add((one.name, one.view))
    stored = defaultdict(list)
    for (family, where, what), names in named.items():
        stored[family, where, tuple(sorted(names))].append(what)
    places = defaultdict(list)
    for (family, where, names_and_views), whats in sorted(stored.items()):
        noun = "metric" if family == "metric" else "layer"
        listed = _listed(noun, names_and_views, most_names)
        subject = _PHRASES[family].format(_joined(sorted(whats, key=_in_order)))
        places[family, subject].append(f"{where} {listed}".strip())
    for family, subject in sorted(places, key=lambda one: (list(_PHRASES).index(one[0]), one[1])):
        yield f"{subject} {_joined(_without_repetition(places[family, subject]))}".strip()


def _in_order(what: str) -> int:
    return _ORDER.index(what) if what in _ORDER else len(_ORDER)


def _without_repetition(places: Sequence[str]) -> list[str]:
    """Return places, without repeating the inputs after the first that names them."""
    others = [
        place.removeprefix(f"{_INPUTS}, ") if before.startswith(_INPUTS) else place
        for before, place in pairwise(places)
    ]
    return [places[0], *others]


def _listed(noun: str, named: Sequence[tuple[str, str]], most_names: int) -> str:
    """Return names, each followed by its views; or how many names there are."""
    views = defaultdict(list)
    for name, view in named:
        views[name].append(view)
    plural = "s" * (len(views) > 1)
    if "" in views:
        return _in_brackets(views[""]) if most_names else ""
    if len(views) > most_names:
        return f"{len(views)} {noun}{plural}"
    names = [f"{name} {_in_brackets(own)}".strip() for name, own in views.items()]
    return f"{noun}{plural} {', '.join(names)}"


def _in_brackets(views: Sequence[str]) -> str:
    known = list(filter(None, views))
    return f"({', '.join(known)})" if known else ""


def _joined(words: Sequence[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _quoted(name: str) -> str:
    return repr(_shortened(name))


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_NAME else f"{text[: _LONGEST_NAME - 3]}..."
