"""Full and read-only disks: real ones, if the system allows the tests to mount them."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Limit the size of files that this process writes; the system enforces it."""
    resource = pytest.importorskip("resource")
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))


@contextmanager
def mounted(directory: Path, *, kilobytes: int) -> Iterator[Path]:
    """Mount a disk of a given size; skip the test if it is not allowed to."""
    directory.mkdir(exist_ok=True)
    _mount("-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(directory))
    try:
        yield directory
    finally:
        subprocess.run(["umount", str(directory)], check=True)


def remount(directory: Path, option: str) -> None:
    """Change an option of a mounted disk: ``size=`` or ``ro``."""
    _mount("-o", f"remount,{option}", str(directory))


def _mount(*arguments: str) -> None:
    try:
        subprocess.run(["mount", *arguments], check=True, capture_output=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("no disk can be mounted here")


def is_root() -> bool:
    """Return whether this process ignores file permissions."""
    return hasattr(os, "geteuid") and os.geteuid() == 0
