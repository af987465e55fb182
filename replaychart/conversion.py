"""Converts recordings of DeepReplay to the layout of ReplayChart."""

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
    """Write runs of DeepReplay into a file in the layout of ReplayChart.

    All runs are read before anything is written, and `new` is replaced when the new file is
    complete: an error leaves it unchanged.

    Parameters
    ----------
    old : pathlib.Path
        The file that DeepReplay wrote. It is not changed.
    new : pathlib.Path
        The file to write. If it exists, the runs are added to it.
    groups : sequence of str, optional
        The runs to convert. Default: all that DeepReplay recorded.
    model : pathlib.Path, optional
        The model file of these runs. Default: the one that DeepReplay wrote for each run.
    overwrite : bool, default False
        Whether to replace runs of the same name in `new`.

    Returns
    -------
    list of StoredRun
        The runs as they were read.

    Raises
    ------
    ArgumentError
        `old` and `new` are the same file, a group was not recorded by DeepReplay, or a group
        already exists in `new`.
    RunFileError, RecordingError
        A file cannot be read or written; `old` contains no run of DeepReplay; or something other
        than a run has the name of a run in `new`.
    EvaluationError
        The model of a run cannot be rebuilt, or does not match the recording.
    MissingDependencyError
        Keras is not installed.
    """
    names = _names(old, groups)
    _check_destination(old, new, names, overwrite=overwrite)
    runs = [stored_run(old, name, model=model, custom_objects=None) for name in names]
    with written_beside(new) as copy:
        if new.exists():
            shutil.copyfile(new, copy)
        else:
            copy.unlink()  # An empty file is not an HDF5 file.
        for run in runs:
            write_run(copy, run)
    return runs


def _names(old: Path, groups: Sequence[str] | None) -> list[str]:
    if groups:
        names = list(dict.fromkeys(reader.existing_name(old, group) for group in groups))
        for name in names:
            if not reader.was_recorded_by_deepreplay(old, name):
                message = (
                    f"group must be a run recorded by DeepReplay. Got {name!r}, which ReplayChart "
                    "recorded."
                )
                raise ArgumentError(message)
        return names
    names = [name for name in reader.run_names(old) if reader.was_recorded_by_deepreplay(old, name)]
    if not names:
        message = f"{str(old)!r} contains no run of DeepReplay, so there is nothing to convert."
        raise RunFileError(message)
    return names


def _check_destination(old: Path, new: Path, names: Sequence[str], *, overwrite: bool) -> None:
    if new.exists() and new.samefile(old):
        message = f"The new file must not be the old one. Got {str(new)!r} for both."
        raise ArgumentError(message)
    for name in names:
        check_destination(new, name, if_exists="overwrite")
    taken = [name for name in names if new.exists() and name in reader.run_names(new)]
    if taken and not overwrite:
        message = (
            f"{str(new)!r} already contains {', '.join(map(repr, taken))}. Choose another file, "
            "other groups, or --overwrite to replace them."
        )
        raise ArgumentError(message)
