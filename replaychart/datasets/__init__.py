"""Small, seeded datasets known from the literature. One dataset per file."""

from replaychart.datasets.ball import ball
from replaychart.datasets.hypercube import hypercube
from replaychart.datasets.parabola import parabola, parabola_recording
from replaychart.datasets.spambase import SPAMBASE_FEATURES, spambase

__all__ = [
    "SPAMBASE_FEATURES",
    "ball",
    "hypercube",
    "parabola",
    "parabola_recording",
    "spambase",
]
