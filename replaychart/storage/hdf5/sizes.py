"""Takes no memory for a size that is only claimed.

- What is not compressed is no larger than the file.
- What is compressed is, all together, no larger than 100 times the file, or than 1 GB. (HDF5's gzip
  makes what is all zeros 1,000 times smaller, so that a file of 10 MB could claim 10 GB.)
"""

import math
from collections.abc import Iterable

import h5py

from replaychart.storage.hdf5.damage import RefusedError

_EXPANDED = 1024**3
_EXPANSION = 100
# A chunk is written whole, and a dataset without rows has none yet.
_SLACK = 1024**2
# What gzip can expand to, whatever a chunk claims to hold.
_LARGEST_RATIO = 1000
COMPRESSING = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_LZF}


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
        compressed = not COMPRESSING.isdisjoint(filters_of(dataset))
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


def filters_of(dataset: h5py.Dataset) -> dict[int, str]:
    """Return the names of a dataset's filters by their numbers."""
    plan = dataset.id.get_create_plist()
    filters = [plan.get_filter(index) for index in range(plan.get_nfilters())]
    return {number: name.decode(errors="replace") for number, _, _, name in filters}


def _largest_chunk(dataset: h5py.Dataset) -> int:
    """Return how many bytes the largest chunk takes in the file, compressed."""
    sizes = [0]
    dataset.id.chunk_iter(lambda chunk: sizes.append(chunk.size))
    return max(sizes)
