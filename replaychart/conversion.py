"""Rewrites what DeepReplay recorded in this project's layout."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from replaychart.errors import ArgumentError, RunFileError
from replaychart.export.files import written_beside
from replaychart.opening import stored_run
from replaychart.storage import reader
from replaychart.storage.destination import check_destination
from replaychart.storage.reader import StoredRun
from replaychart.storage.writer import write_run


def convert(
    old: Path,
    new: Path,
    *,
    groups: Sequence[str] | None = None,
    model: Path | None = None,
    overwrite: bool = False,
) -> list[StoredRun]:
    """Write runs of DeepReplay into a file in this project's layout.

    Every run is read before anything is written, and the new file takes its place when it is
    complete: after an error `new` is what it was.

    Parameters
    ----------
    old : pathlib.Path
        The file that DeepReplay wrote. It is left as it is.
    new : pathlib.Path
        The file to write. If it exists, the runs are added to it.
    groups : sequence of str, optional
        Which runs. Default: all that DeepReplay recorded.
    model : pathlib.Path, optional
        The model file of them. Default: for each run the one that DeepReplay wrote.
    overwrite : bool, default False
        Whether runs of the same name in `new` are replaced.

    Returns
    -------
    list of StoredRun
        The runs, as they were read.

    Raises
    ------
    ArgumentError
        `old` and `new` are the same file, a group was not recorded by DeepReplay, or one exists
        in `new`.
    RunFileError, RecordingError
        A file cannot be read or written; `old` holds no run of DeepReplay; `new` holds something
        else under the name of a run.
    EvaluationError
        The model of a run cannot be rebuilt, or is not the one that was recorded.
    MissingDependencyError
        Keras is not installed.
    """
    names = _names(old, groups)
    _check_destination(old, new, names, overwrite=overwrite)
    runs = [stored_run(old, name, model=model, custom_objects=None) for name in names]
    with written_beside(new) as beside:
        if new.exists():
            shutil.copyfile(new, beside)
        else:
            beside.unlink()  # an empty file is not yet one of HDF5
        for run in runs:
            write_run(beside, run)
    return runs


def _names(old: Path, groups: Sequence[str] | None) -> list[str]:
    if groups:
        names = list(dict.fromkeys(reader.existing_name(old, group) for group in groups))
        for name in names:
            if not reader.was_recorded_by_deepreplay(old, name):
                message = (
                    f"group must be a run that DeepReplay recorded. Got {name!r}, which is in "
                    "ReplayChart's layout already."
                )
                raise ArgumentError(message)
        return names
    names = [name for name in reader.run_names(old) if reader.was_recorded_by_deepreplay(old, name)]
    if not names:
        message = f"{str(old)!r} holds no run of DeepReplay: there is nothing to convert."
        raise RunFileError(message)
    return names


def _check_destination(old: Path, new: Path, names: Sequence[str], *, overwrite: bool) -> None:
    if new.exists() and new.samefile(old):
        message = f"The new file must be another one than the old. Got {str(new)!r} for both."
        raise ArgumentError(message)
    for name in names:
        check_destination(new, name, if_exists="overwrite")
    taken = [name for name in names if new.exists() and name in reader.run_names(new)]
    if taken and not overwrite:
        message = (
            f"{str(new)!r} already holds {', '.join(map(repr, taken))}. Choose another file, other "
            "groups, or --overwrite to replace them."
        )
        raise ArgumentError(message)
