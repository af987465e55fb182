"""Limits how much memory the datasets of a file may take, whatever size they claim.

- Uncompressed datasets cannot be larger than the file.
- All compressed datasets together may be up to 100 times as large as the file, or 1 GB if that is
  more. (HDF5's gzip compresses zeros by a factor of 1,000, so a file of 10 MB could claim 10 GB.)
"""

import math
from collections.abc import Iterable

import h5py

from replaychart.storage.hdf5.damage import RefusedError

_EXPANDED = 1024**3
_EXPANSION = 100
# Chunks are written whole, and a dataset without rows has none yet.
_SLACK = 1024**2
# How much gzip can expand, whatever size a chunk claims.
_LARGEST_RATIO = 1000
COMPRESSING = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_LZF}


def require_sizes(datasets: Iterable[h5py.Dataset]) -> None:
    """Raise `RefusedError` if datasets together claim more than is allowed; see `Room`."""
    room = Room()
    for dataset in datasets:
        room.take(dataset)


class Room:
    """The memory that the datasets of one file may take together; see the module.

    Together, because one dataset may appear under several names.
    """

    def __init__(self) -> None:
        self._taken = {True: 0, False: 0}

    def take(self, dataset: h5py.Dataset) -> None:
        """Take room for a dataset, and raise `RefusedError` if there is not enough."""
        numbers = max(math.prod(dataset.shape), math.prod(dataset.chunks or ()))
        compressed = not COMPRESSING.isdisjoint(filters_of(dataset))
        taken = self._taken[compressed] + numbers * dataset.dtype.itemsize
        in_file = dataset.file.id.get_filesize()
        largest = max(_EXPANDED, _EXPANSION * in_file) if compressed else in_file + _SLACK
        if taken > largest:
            others = " with others" if self._taken[compressed] else ""
            message = (
                f"{dataset.name}{others} would take {taken:,} bytes, but the whole file has only "
                f"{in_file:,}; at most {largest:,} are allowed"
            )
            raise RefusedError(message)
        self._taken[compressed] = taken
        stored = _largest_chunk(dataset) if compressed else 0
        if stored * _LARGEST_RATIO > largest:
            message = (
                f"{dataset.name} has a compressed chunk of {stored:,} bytes, which may expand "
                f"{_LARGEST_RATIO:,} times; at most {largest:,} bytes are allowed"
            )
            raise RefusedError(message)


def filters_of(dataset: h5py.Dataset) -> dict[int, str]:
    """Return the names of a dataset's filters by their HDF5 numbers."""
    plan = dataset.id.get_create_plist()
    filters = [plan.get_filter(index) for index in range(plan.get_nfilters())]
    return {number: name.decode(errors="replace") for number, _, _, name in filters}


def _largest_chunk(dataset: h5py.Dataset) -> int:
    """Return the compressed size of the largest chunk in bytes."""
    sizes = [0]
    dataset.id.chunk_iter(lambda chunk: sizes.append(chunk.size))
    return max(sizes)
