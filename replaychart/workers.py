"""Spreads work over the workers of joblib, if any are configured, and over threads."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from joblib import Parallel
    from joblib.parallel import ParallelBackendBase

S = TypeVar("S")
T = TypeVar("T")

# How many items a thread takes at least.
_WORTH_A_THREAD = 2


def workers() -> int:
    """Return the number of joblib's workers; 1, this process, unless the user configures more."""
    import joblib

    return max(1, joblib.effective_n_jobs(None))


def shares(numbers: Sequence[int]) -> list[list[int]]:
    """Return numbers in parts of about the same size, none empty: one part for each worker."""
    parts = np.array_split(np.asarray(numbers, np.int64), max(1, min(workers(), len(numbers))))
    return [part.tolist() for part in parts]


def by_threads(function: Callable[[Sequence[S]], T], items: Sequence[S]) -> list[T]:
    """Return what a function returns for consecutive parts of some items, one for each thread.

    Parameters
    ----------
    function : callable
        It must spend its time in NumPy, which lets other threads run meanwhile.
    items : sequence
        The items. A few of them are not worth a thread.
    """
    parts = len(items) // _WORTH_A_THREAD
    if parts < 2 or (threads := _threads()) < 2:
        return [function(items)]
    parts = min(parts, threads)
    ends = [len(items) * part // parts for part in range(parts + 1)]
    with ThreadPoolExecutor(parts) as pool:
        return list(pool.map(function, (items[a:b] for a, b in itertools.pairwise(ends))))


def _threads() -> int:
    """Return the number of cores, or 1 in a worker and if the user configured joblib."""
    import joblib
    from joblib.parallel import SequentialBackend, get_active_backend

    active, jobs = get_active_backend()
    return joblib.cpu_count() if jobs is None and type(active) is not SequentialBackend else 1


def spread(function: Callable[..., T], arguments: Sequence[tuple[Any, ...]]) -> Iterator[T]:
    """Yield what a function returns for each tuple of arguments, in their order.

    Parameters
    ----------
    function : callable
        One that can be pickled.
    arguments : sequence of tuple
        Each is evaluated in this process if there is only one worker, otherwise in one of them.
    """
    if workers() == 1 or len(arguments) < 2:
        yield from (function(*own) for own in arguments)
        return
    import joblib

    yield from parallel()(joblib.delayed(_alone)(function, *own) for own in arguments)


def parallel(jobs: int | None = None) -> "Parallel":
    """Return what runs tasks in joblib's workers, one by one, and returns results as they come.

    Parameters
    ----------
    jobs : int, optional
        The number of jobs in joblib's notation. Default: what the user configured.
    """
    import joblib

    chosen = backend()
    return joblib.Parallel(
        n_jobs=jobs,
        backend=chosen,
        return_as="generator" if chosen.supports_return_generator else "list",
        batch_size=1,
        max_nbytes=None,
    )


def _alone(function: Callable[..., T], *arguments: Any) -> T:
    """Return what a function returns that uses no other workers: they are all busy."""
    import joblib

    with joblib.parallel_config("sequential"):
        return function(*arguments)


def backend() -> "ParallelBackendBase":
    """Return joblib's backend: the one that the user chose, or a new one in place of a fork."""
    from joblib.parallel import LokyBackend, MultiprocessingBackend, get_active_backend

    active = get_active_backend()[0]
    # A forked process inherits the locks of the threads of a framework or a renderer, but not the
    # threads, and would wait for them forever.
    return LokyBackend() if type(active) is MultiprocessingBackend else active
