"""Disks that are full, or may not be written to: real ones, as far as the system lets the tests."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Let no file of this process become larger than so many bytes; the system says so."""
    resource = pytest.importorskip("resource")
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))


@contextmanager
def mounted(directory: Path, *, kilobytes: int) -> Iterator[Path]:
    """Mount a disk of so many bytes; tests that may not mount one are skipped."""
    directory.mkdir(exist_ok=True)
    _mount("-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(directory))
    try:
        yield directory
    finally:
        subprocess.run(["umount", str(directory)], check=True)


def remount(directory: Path, option: str) -> None:
    """Change a mounted disk: its ``size=``, or ``ro``."""
    _mount("-o", f"remount,{option}", str(directory))


def _mount(*arguments: str) -> None:
    try:
        subprocess.run(["mount", *arguments], check=True, capture_output=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("no disk can be mounted here")


def is_root() -> bool:
    """Return whether permissions mean nothing to this process."""
    return hasattr(os, "geteuid") and os.geteuid() == 0
