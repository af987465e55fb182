"""What tests share: recordings of small trainings, a browser, damaged files and slow disks."""

from pathlib import Path

SUPPORT = Path(__file__).parent
