"""The names of the two sets of points of a run, in the column ``subset``."""

TRAINING = "training"
VALIDATION = "validation"
