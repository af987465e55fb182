"""`store_all`: evaluates every run of a file and stores the results."""

import dataclasses
import warnings
from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from replaychart.arguments import checked_path, items_of, require_bool
from replaychart.errors import ReplayChartError, RunFileError
from replaychart.opening import check_custom_objects, check_model, list_runs, open_run
from replaychart.storage.reader import StoredRun
from replaychart.storage.writer import write_evaluations
from replaychart.workers import spread

if TYPE_CHECKING:
    from replaychart.network.rebuilding import AnyModel

Outcome = Literal["stored", "already stored", "failed"]
# A progress bar appears if it takes longer, in seconds.
_PATIENCE = 2


@dataclasses.dataclass(frozen=True)
class Stored:
    """What became of one run.

    Attributes
    ----------
    run : str
        Its name.
    outcome : {"stored", "already stored", "failed"}
    error : str
        Why it failed, otherwise "".
    """

    run: str
    outcome: Outcome
    error: str = ""


def store_all(
    path: str | PathLike[str],
    *,
    layers: Sequence[str] | None = None,
    model: "AnyModel | None" = None,
    custom_objects: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Evaluate all runs of a file and store the results, as `Run.store` does for one run.

    Each run is written as soon as it is evaluated. Runs whose evaluations are in the file already
    are skipped, so you can interrupt it and call it again. A run that fails does not stop the
    others: it is named in a warning and in the result.

    Runs are evaluated one after the other in this process, unless joblib is configured otherwise::

        with joblib.parallel_config(n_jobs=4):
            rc.store_all("runs.h5")

    Workers only read the file, which must be at the same path for all of them; this process writes.

    Parameters
    ----------
    path : str or os.PathLike
        The recording file.
    layers : sequence of str, optional
        The layers whose outputs to store, which every run must have. Default: of each run, every
        layer with two units.
    model, custom_objects
        As for `open_run`, for all runs.
    progress : bool, default True
        Whether to show a progress bar if it takes longer than two seconds.

    Returns
    -------
    pandas.DataFrame
        One row per run, in the order of `list_runs`, with the columns

        - ``run`` (str): its name
        - ``outcome`` (str): ``"stored"``, ``"already stored"`` or ``"failed"``
        - ``error`` (str): why it failed, otherwise ``""``

    Raises
    ------
    ArgumentError
        An argument is not allowed.
    RunFileError
        The file is missing, is not an HDF5 file, or contains no runs.

    Warns
    -----
    UserWarning
        Some runs failed; or as in `open_run`.

    See Also
    --------
    Run.store : a single run.
    open_runs : opens all runs of a file.

    Examples
    --------
    >>> import shutil
    >>> import replaychart as rc
    >>> path = shutil.copy(rc.datasets.parabola_recording(), "sweep.h5")
    >>> rc.store_all(path)["outcome"].tolist()
    ['already stored']
    """
    from replaychart.progress import tqdm

    file = checked_path("path", path)
    chosen = None if layers is None else items_of("layers", layers, "names of layers")
    check_model(model)
    check_custom_objects(custom_objects)
    require_bool("progress", progress)
    names = list_runs(file)
    if not names:
        message = f"{str(file)!r} contains no ReplayChart run."
        raise RunFileError(message)
    bar = tqdm(
        storing(file, names, layers=chosen, model=model, custom_objects=custom_objects),
        total=len(names),
        desc="store_all",
        unit="run",
        delay=_PATIENCE,
        leave=False,
        disable=not progress,
    )
    rows = [dataclasses.asdict(one) for one in bar]
    failed = [row for row in rows if row["outcome"] == "failed"]
    if failed:
        listed = "; ".join(f"{row['run']!r}: {row['error']}" for row in failed[:3])
        message = (
            f"{len(failed)} of {len(names)} runs of {str(file)!r} could not be stored: {listed}"
            f"{'; ...' * (len(failed) > 3)}"
        )
        warnings.warn(message, UserWarning, stacklevel=2)
    return pd.DataFrame(rows, columns=["run", "outcome", "error"])


def storing(
    path: Path,
    names: Sequence[str],
    *,
    layers: Sequence[str] | None = None,
    model: "AnyModel | None" = None,
    custom_objects: Mapping[str, Any] | None = None,
) -> Iterator[Stored]:
    """Evaluate and store runs one after the other, and yield what became of each.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    names : sequence of str
        Its runs.
    layers, model, custom_objects
        As in `store_all`.
    """
    given = (path.absolute(), layers, model, custom_objects)
    for name, found in zip(
        names, spread(_evaluated, [(name, *given) for name in names]), strict=True
    ):
        if isinstance(found, str):
            yield Stored(name, "failed", found)
        elif found is None:
            yield Stored(name, "already stored")
        else:
            yield _written(name, *found)


def _written(name: str, stored: StoredRun, evaluations: dict[str, Any]) -> Stored:
    try:
        write_evaluations(stored, evaluations)
    except ReplayChartError as error:
        return Stored(name, "failed", str(error))
    return Stored(name, "stored")


def _evaluated(
    name: str,
    path: Path,
    layers: Sequence[str] | None,
    model: "AnyModel | None",
    custom_objects: Mapping[str, Any] | None,
) -> tuple[StoredRun, dict[str, dict[str, np.ndarray]]] | str | None:
    """Return a run and what is to be stored of it; None if nothing is, and a message if it fails.

    A message, because an error that a worker raises would end the others.
    """
    try:
        run = open_run(path, name, model=model, custom_objects=custom_objects)
        run._stored.require_writable()
        found = run._not_stored(layers)
    except ReplayChartError as error:
        return str(error)
    except Exception as error:  # code of the user, or a framework that is out of memory
        return f"{type(error).__name__}: {error}"
    return None if found is None else (run._stored, found)
