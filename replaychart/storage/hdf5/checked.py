"""Takes out of a file what is asked for, if it is there and is what it should be.

Whoever wrote the file may have wanted harm, and any byte of it may be damaged. So nothing is
followed out of the file: links to other files, datasets that are put together from other files or
whose numbers lie in one, and filters that HDF5 would have to load are refused. And no memory is
taken for a size that is only claimed:

- What is not compressed is no larger than the file.
- What is compressed is, all together, no larger than 100 times the file, or than 1 GB. (HDF5's gzip
  makes what is all zeros 1,000 times smaller, so that a file of 10 MB could claim 10 GB.)
- A text is no longer than 64 MB.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from numbers import Integral
from typing import Any

import h5py
import numpy as np

from replaychart.errors import ReplayChartError, RunFileError
from replaychart.storage import layout

_LONGEST_TEXT = 64 * 1024**2
_EXPANDED = 1024**3
_EXPANSION = 100
# A chunk is written whole, and a dataset without rows has none yet.
_SLACK = 1024**2
# What gzip can expand to, whatever a chunk claims to hold.
_LARGEST_RATIO = 1000
_MOST_TEXTS = 100_000
_COMPRESSING = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_LZF}
_FILTERS = {*_COMPRESSING, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32}
# What h5py, NumPy and json raise on damaged bytes.
DAMAGE = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,  # RecursionError too
    TypeError,
    ValueError,
)


class RefusedError(ValueError):
    """What a file holds is whole, and would lead out of it or take more memory than is right."""


@contextmanager
def damage_told(what: str) -> Iterator[None]:
    """Turn whatever a file's content leads to into one error that names the file.

    Parameters
    ----------
    what : str
        What is read.

    Raises
    ------
    RunFileError
        It is damaged, or refused.
    """
    try:
        yield
    except ReplayChartError:
        raise
    except RefusedError as error:
        message = f"{what} is refused: {error}"
        raise RunFileError(message) from error
    except DAMAGE as error:
        # A KeyError is its key in quotes, a MemoryError has nothing to say.
        reason = error.args[0] if isinstance(error, KeyError) and error.args else str(error)
        message = f"{what} is damaged: {reason or type(error).__name__}"
        raise RunFileError(message) from error


def all_names_in(group: h5py.Group) -> list[str]:
    """Return the names in a group, sorted, wherever they lead."""
    # In the order in which HDF5 has them: it crashes on damaged groups where it is to sort them.
    names: list[bytes] = []
    group.id.links.iterate(names.append, order=h5py.h5.ITER_NATIVE)
    return sorted(name.decode("utf-8", "surrogateescape") for name in names)


def names_in(group: h5py.Group) -> list[str]:
    """Return the names in a group, sorted, and raise if one leads out; see `require_own`."""
    names = all_names_in(group)
    for name in names:
        require_own(group, name)
    return names


def require_own(parent: h5py.Group, name: str) -> None:
    """Raise unless a name in a group stands for what lies in this file, and nowhere else.

    Raises
    ------
    RefusedError
        It is a link to another place or to another file.
    KeyError
        There is no such name.
    ValueError
        It cannot be a name.
    """
    key = name.encode("utf-8")  # raises for bytes that are no text
    if not key or key == b"." or b"/" in key:
        message = f"{name!r} cannot be a name"
        raise ValueError(message)
    if not parent.id.links.exists(key):
        message = f"{parent.name} has no {name!r}"
        raise KeyError(message)
    kind = parent.id.links.get_info(key).type
    if kind != h5py.h5l.TYPE_HARD:
        where = "another file" if kind == h5py.h5l.TYPE_EXTERNAL else "another place"
        message = f"{name!r} in {parent.name} is a link to {where}, which is not followed"
        raise RefusedError(message)


def has(parent: h5py.Group, path: str) -> bool:
    """Return whether there is something under a path, wherever that would lead."""
    *above, name = path.split("/")
    for step in above:
        if not parent.id.links.exists(step.encode("utf-8")):
            return False
        parent = group_in(parent, step)
    return bool(parent.id.links.exists(name.encode("utf-8")))


def group_in(parent: h5py.Group, path: str) -> h5py.Group:
    """Return a group, and raise if it is none or lies elsewhere; see `require_own`."""
    found = parent
    for name in path.split("/"):
        found = _item(found, name)
    if not isinstance(found, h5py.Group):
        message = f"{path!r} in {parent.name} is no group"
        raise ValueError(message)
    return found


def dataset_in(parent: h5py.Group, path: str) -> h5py.Dataset:
    """Return a dataset that can be read safely, without reading it.

    Raises
    ------
    RefusedError
        Its values lie elsewhere, or it is larger than it can be: see the module.
    KeyError, ValueError
        There is no such dataset.
    """
    above, _, name = path.rpartition("/")
    found = _item(group_in(parent, above) if above else parent, name)
    if not isinstance(found, h5py.Dataset) or found.shape is None:
        message = f"{path!r} in {parent.name} is no dataset with values"
        raise ValueError(message)
    _require_own_values(found)
    require_sizes([found])
    return found


def number_dataset_in(
    parent: h5py.Group, path: str, *, shape: Sequence[int | None] | None = None
) -> h5py.Dataset:
    """Return a dataset of numbers, without reading it.

    Parameters
    ----------
    parent : h5py.Group
    path : str
    shape : sequence of (int or None), optional
        The shape that it must have, None for any length. Default: any shape.

    Raises
    ------
    RefusedError, KeyError, ValueError
        As `dataset_in`; or it holds no numbers, or has another shape.
    """
    dataset = dataset_in(parent, path)
    if dataset.dtype.kind not in "biuf":
        message = f"{dataset.name} has the dtype {dataset.dtype} and holds no numbers"
        raise ValueError(message)
    fits = shape is None or (
        len(dataset.shape) == len(shape)
        and all(want in (None, length) for want, length in zip(shape, dataset.shape, strict=True))
    )
    if not fits:
        wanted = ", ".join("any" if length is None else str(length) for length in shape or ())
        message = f"{dataset.name} has the shape {dataset.shape} and not ({wanted})"
        raise ValueError(message)
    return dataset


def numbers_in(
    parent: h5py.Group, path: str, *, shape: Sequence[int | None] | None = None
) -> np.ndarray:
    """Return a dataset's numbers; see `number_dataset_in`."""
    return native(number_dataset_in(parent, path, shape=shape)[()])


def require_rows(dataset: h5py.Dataset, snapshots: int) -> None:
    """Raise `ValueError` unless a dataset has a row for each snapshot."""
    if len(dataset.shape) < 1 or dataset.shape[0] < snapshots:
        message = f"{dataset.name} {dataset.shape} does not reach to the last of {snapshots} epochs"
        raise ValueError(message)


def native(values: np.ndarray) -> np.ndarray:
    """Return numbers in the machine's own order of bytes."""
    return values.astype(values.dtype.newbyteorder("="), copy=False)


def is_one_text(dataset: h5py.Dataset) -> bool:
    """Return whether a dataset's shape is that of one text; layouts before 4 have no axis."""
    return dataset.shape in ((), (1,))


def text_in(parent: h5py.Group, path: str) -> str:
    """Return a dataset of one text; see `dataset_in`."""
    dataset = dataset_in(parent, path)
    if not is_one_text(dataset):
        message = f"{dataset.name} has the shape {dataset.shape} and is not one text"
        raise ValueError(message)
    _require_own_text(dataset, dataset.dtype, dataset.name)
    return text_of(dataset.asstr()[() if dataset.shape == () else 0], dataset.name)


def texts_in(parent: h5py.Group, path: str, *, at_most: int) -> list[str]:
    """Return the first texts of a dataset of texts, shape (texts,); see `dataset_in`."""
    dataset = dataset_in(parent, path)
    _require_own_text(dataset, dataset.dtype, dataset.name)
    if len(dataset.shape) != 1:
        message = f"{dataset.name} has the shape {dataset.shape} and is no list of texts"
        raise ValueError(message)
    if min(len(dataset), at_most) > _MOST_TEXTS:
        message = (
            f"{dataset.name} has {len(dataset):,} texts, more than the {_MOST_TEXTS:,} that are "
            "read"
        )
        raise RefusedError(message)
    texts: list[str] = []
    length = 0
    for index in range(min(len(dataset), at_most)):
        texts.append(text_of(dataset.asstr()[index], dataset.name))
        length += len(texts[-1])
        # Many may stand for one and the same long text in the file.
        if length > _LONGEST_TEXT:
            message = f"the texts of {dataset.name} are longer than {_LONGEST_TEXT:,} letters"
            raise RefusedError(message)
    return texts


class Attributes(Mapping[str, Any]):
    """The attributes of a group or a dataset, as numbers, texts, and arrays of numbers.

    Parameters
    ----------
    item : h5py.Group or h5py.Dataset
    """

    def __init__(self, item: h5py.Group | h5py.Dataset) -> None:
        self._item = item

    def __getitem__(self, name: str) -> Any:
        """Return an attribute, and raise `ValueError` if HDF5 cannot read its kind safely."""
        # h5py asks for the type too, but not before it reads.
        stored = h5py.h5a.open(self._item.id, name.encode("utf-8"))
        if stored.dtype.kind not in "biuf":
            _require_own_text(self._item, stored.dtype, f"the attribute {name}")
        value = self._item.attrs[name]
        # h5py gives bytes for texts of fixed length, str for those of any length.
        return value.decode("utf-8") if isinstance(value, bytes) else value

    def __contains__(self, name: object) -> bool:
        """Return whether there is an attribute of a name, without reading it."""
        return name in self._item.attrs

    def __iter__(self) -> Iterator[str]:
        """Yield the attributes' names."""
        return iter(self._item.attrs)

    def __len__(self) -> int:
        """Return the number of attributes."""
        return len(self._item.attrs)


def count_of(value: Any, name: str) -> int:
    """Return an attribute's value as a number of things."""
    if not isinstance(value, Integral) or isinstance(value, (bool, np.bool_)) or value < 0:
        message = f"the attribute {name} is {value!r} and not a number of things"
        raise ValueError(message)
    return int(value)


def require_sizes(datasets: Iterable[h5py.Dataset]) -> None:
    """Raise `RefusedError` if these claim more than their file can hold together; see `Room`."""
    room = Room()
    for dataset in datasets:
        room.take(dataset)


class Room:
    """The memory that datasets of one file may take together; see the module.

    Together, because datasets may be one and the same under several names.
    """

    def __init__(self) -> None:
        self._taken = {True: 0, False: 0}

    def take(self, dataset: h5py.Dataset) -> None:
        """Take room for a dataset, and raise `RefusedError` if there is not so much."""
        numbers = max(math.prod(dataset.shape), math.prod(dataset.chunks or ()))
        compressed = not _COMPRESSING.isdisjoint(_filters(dataset))
        taken = self._taken[compressed] + numbers * dataset.dtype.itemsize
        held = dataset.file.id.get_filesize()
        largest = max(_EXPANDED, _EXPANSION * held) if compressed else held + _SLACK
        if taken > largest:
            others = " with others" if self._taken[compressed] else ""
            message = (
                f"{dataset.name}{others} would take {taken:,} bytes, and the whole file has "
                f"{held:,}; at most {largest:,} are read"
            )
            raise RefusedError(message)
        self._taken[compressed] = taken
        stored = _largest_chunk(dataset) if compressed else 0
        if stored * _LARGEST_RATIO > largest:
            message = (
                f"{dataset.name} has a compressed chunk of {stored:,} bytes, which may take "
                f"{_LARGEST_RATIO:,} times as many; at most {largest:,} are read"
            )
            raise RefusedError(message)


def _require_own_text(item: h5py.Group | h5py.Dataset, dtype: np.dtype, name: str) -> None:
    """Raise unless texts of a type may be read: their bytes stand where they belong.

    HDF5 believes what it finds in the heap of texts of any length, and one wrong byte there can
    crash it. Only files that had no other texts are read with it.
    """
    text = h5py.check_string_dtype(dtype)
    if text is None:
        message = f"{name} is {dtype} and not a text"
        raise ValueError(message)
    if text.length is None and is_of_fixed_texts(item):
        message = f"{name} is a text of any length, which this layout does not have"
        raise ValueError(message)


def is_of_fixed_texts(item: h5py.Group | h5py.Dataset) -> bool:
    """Return whether an item belongs to a run of layout 4 or later."""
    run = item.file[item.name.split("/")[1]] if item.name.strip("/") else item
    if layout.LAYOUT_ATTRIBUTE not in run.attrs:
        return False
    stored = h5py.h5a.open(run.id, layout.LAYOUT_ATTRIBUTE.encode("utf-8"))
    older = stored.dtype.kind in "iu" and stored.shape == ()
    return not older or run.attrs[layout.LAYOUT_ATTRIBUTE] >= layout.FIRST_WITH_FIXED_TEXTS


def _largest_chunk(dataset: h5py.Dataset) -> int:
    """Return how many bytes the largest chunk takes in the file, compressed."""
    sizes = [0]
    dataset.id.chunk_iter(lambda chunk: sizes.append(chunk.size))
    return max(sizes)


def _item(parent: h5py.Group, name: str) -> Any:
    require_own(parent, name)
    return parent[name]


def _require_own_values(dataset: h5py.Dataset) -> None:
    if dataset.is_virtual or dataset.external:
        message = f"the values of {dataset.name} lie in other files, which are not read"
        raise RefusedError(message)
    for number, name in _filters(dataset).items():
        if number not in _FILTERS:
            message = (
                f"{dataset.name} is written with the filter {number} ({name!r}), which does not "
                "come with h5py"
            )
            raise RefusedError(message)


def _filters(dataset: h5py.Dataset) -> dict[int, str]:
    plan = dataset.id.get_create_plist()
    filters = [plan.get_filter(index) for index in range(plan.get_nfilters())]
    return {number: name.decode(errors="replace") for number, _, _, name in filters}


def text_of(value: Any, name: str) -> str:
    """Return a value from a file, and raise unless it is a text that may be read."""
    if not isinstance(value, str):
        message = f"{name} is {type(value).__name__} and not a text"
        raise ValueError(message)
    if len(value) > _LONGEST_TEXT:
        message = (
            f"{name} has {len(value):,} letters, more than the {_LONGEST_TEXT:,} that are read"
        )
        raise RefusedError(message)
    value.encode("utf-8")  # raises for bytes that are no text
    return value
