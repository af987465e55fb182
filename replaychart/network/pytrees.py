"""Parameters in nested containers, as JAX and others have them, and how to build them again."""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from replaychart.arguments import shown
from replaychart.errors import ArgumentError, EvaluationError
from replaychart.facts.layers import stored_dtype

# A key of the details: how the parameters are nested; None if they are in objects of a library.
STRUCTURE = "structure"
# A key of the details: the dtype of each array, which the file may store as another one.
DTYPES = "dtypes"


class Leaf(NamedTuple):
    """An array in a tree.

    Attributes
    ----------
    path : tuple of str
        The keys that lead to it.
    values : object
        The array.
    """

    path: tuple[str, ...]
    values: Any


class Tree(NamedTuple):
    """Nested parameters, taken apart.

    Attributes
    ----------
    leaves : list of Leaf
        The arrays, in order.
    structure : JSON value
        How they are nested; None if only `built` can put them together.
    built : callable
        Takes a list of arrays and returns them nested in the same way.
    """

    leaves: list[Leaf]
    structure: Any
    built: Callable[[Sequence[Any]], Any]


def tree_of(params: Any) -> Tree:
    """Return nested parameters, taken apart.

    Parameters
    ----------
    params : object
        Mappings, lists and tuples of arrays; where JAX is imported, any of its pytrees.

    Raises
    ------
    ArgumentError
        There are no arrays, or something else is among them.
    """
    leaves: list[Leaf] = []
    structure = _structure(params, (), leaves)
    tree = Tree(leaves, structure, lambda arrays: built(structure, arrays))
    if structure is None:
        tree = _tree_of_jax(params)
    if not tree.leaves:
        message = (
            "params must contain arrays, nested in mappings, lists and tuples, or in a pytree of "
            f"JAX. Got {shown(params)}."
        )
        raise ArgumentError(message)
    for leaf in tree.leaves:
        if as_array(leaf.values).dtype.kind not in "biuf":
            message = (
                f"params must contain arrays of real numbers. Got the dtype "
                f"{as_array(leaf.values).dtype} at {'/'.join(leaf.path)!r}."
            )
            raise ArgumentError(message)
    return tree


def _structure(params: Any, path: tuple[str, ...], leaves: list[Leaf]) -> Any:
    """Return how arrays are nested, and append them; None if something else is among them."""
    if params is None:
        return {"kind": "none"}
    if isinstance(params, Mapping):
        if not all(isinstance(key, (str, int)) for key in params):
            return None
        # Sorted, because JAX sorts them wherever parameters pass through it.
        keys = sorted(params, key=lambda key: (isinstance(key, str), key))
        parts = [_structure(params[key], (*path, str(key)), leaves) for key in keys]
        return None if None in parts else {"kind": "mapping", "keys": keys, "parts": parts}
    if type(params) in (list, tuple):
        parts = [_structure(one, (*path, str(i)), leaves) for i, one in enumerate(params)]
        kind = "list" if isinstance(params, list) else "tuple"
        return None if None in parts else {"kind": kind, "parts": parts}
    if not _is_array(params):
        return None
    leaves.append(Leaf(path, params))
    return {"kind": "array"}


def _is_array(value: Any) -> bool:
    return isinstance(value, (np.ndarray, np.generic, float, int)) or (
        hasattr(value, "shape") and hasattr(value, "dtype") and not isinstance(value, type)
    )


def _tree_of_jax(params: Any) -> Tree:
    jax = sys.modules.get("jax")
    if jax is None:
        return Tree([], None, lambda arrays: arrays)
    pairs, treedef = jax.tree_util.tree_flatten_with_path(params)
    leaves = [Leaf(tuple(map(_key, path)), values) for path, values in pairs]
    wrong = [leaf for leaf in leaves if not _is_array(leaf.values)]
    if wrong:
        message = (
            f"params must contain nothing but arrays. Got {shown(wrong[0].values)} at "
            f"{'/'.join(wrong[0].path)!r}. With Equinox, pass the first part of "
            "equinox.partition(model, equinox.is_array), and combine both parts in apply."
        )
        raise ArgumentError(message)
    return Tree(leaves, None, lambda arrays: jax.tree_util.tree_unflatten(treedef, arrays))


def _key(entry: Any) -> str:
    for attribute in ("key", "idx", "name"):
        if hasattr(entry, attribute):
            return str(getattr(entry, attribute))
    return str(entry)


def built(structure: Any, arrays: Sequence[Any]) -> Any:
    """Return arrays nested as a structure says.

    Parameters
    ----------
    structure : JSON value
        From `tree_of`, or from a file.
    arrays : sequence of array
        All of its arrays, in order.

    Raises
    ------
    EvaluationError
        It is not a structure, or is one of another number of arrays.
    """
    remaining = iter(arrays)

    def part(entry: Any) -> Any:
        kind = entry["kind"]
        if kind == "array":
            return next(remaining)
        if kind == "none":
            return None
        parts = [part(one) for one in entry["parts"]]
        if kind == "mapping":
            return dict(zip(entry["keys"], parts, strict=True))
        return {"list": list, "tuple": tuple}[kind](parts)

    try:
        nested = part(structure)
    except (KeyError, TypeError, ValueError, StopIteration, RuntimeError, RecursionError) as error:
        message = f"The parameters of the run are not nested as the file says: {error!r}."
        raise EvaluationError(message) from error
    if next(remaining, None) is not None:
        message = "The run has more parameters than the file says."
        raise EvaluationError(message)
    return nested


def as_array(values: Any) -> np.ndarray:
    """Return an array of any library as one of NumPy, in a dtype in which it can be stored."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
    array = np.asarray(values)
    name = stored_dtype(array.dtype.name)
    return array if name == array.dtype.name or array.dtype.kind in "cOUSMm" else array.astype(name)


def restored(arrays: Sequence[np.ndarray], dtypes: Sequence[str], library: str) -> list[Any]:
    """Return stored arrays as those of a library, in the dtypes that they had.

    Parameters
    ----------
    arrays : sequence of numpy.ndarray
    dtypes : sequence of str
    library : {"jax", "numpy"}
    """
    if library != "jax":
        return list(arrays)
    import jax

    names = [*map(str, dtypes), *("float32" for _ in arrays)]
    return [jax.numpy.asarray(a, name) for a, name in zip(arrays, names, strict=False)]
