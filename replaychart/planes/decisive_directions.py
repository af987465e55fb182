"""Projections of a layer to the directions that matter for the output or for the classes."""

import warnings
from collections.abc import Callable

import numpy as np

from replaychart.errors import ArgumentError
from replaychart.planes.components import completed, scikit_learn
from replaychart.planes.layer_space import LastOutputs, LayerSpace
from replaychart.planes.projections import LinearProjection

# Singular values of a kernel below this share of the largest count as 0.
_NEGLIGIBLE = 1e-6


def output_directions(
    space: LayerSpace, output_kernel: Callable[[LastOutputs], np.ndarray]
) -> LinearProjection:
    """Return the two directions of the layer along which the model's output changes most.

    They are the first two left singular vectors of the output layer's kernel at the last snapshot.
    A kernel with a single output has one; the second direction is then the one across it along
    which the points differ most.

    Parameters
    ----------
    space : LayerSpace
        The layer's outputs.
    output_kernel : callable
        Returns the kernel that multiplies the layer's last outputs.
    """
    last = space.last()
    directions, sizes, _ = np.linalg.svd(
        output_kernel(last).astype(np.float64), full_matrices=False
    )
    rank = min(int((sizes > _NEGLIGIBLE * sizes[0]).sum()), 2)
    first, second = (
        ("output weights 1", "output weights 2")
        if rank == 2
        else ("along the output weights", "across the output weights")
    )
    return space.linear(
        titles=(f"{space.layer}, {first}", f"{space.layer}, {second}"),
        key="output weights",
        origins=last.rows.mean(axis=0, dtype=np.float64)[None],
        bases=completed(directions[:, :rank], last.rows)[None],
        through="the mean of the last epoch, along the output weights",
    )


def discriminants(space: LayerSpace, classes: np.ndarray) -> LinearProjection:
    """Return the first two linear discriminants of the classes at the last snapshot.

    Two classes have one; the second direction is then the one across it along which the points
    differ most. The covariance within the classes is shrunk (Ledoit and Wolf), because a layer can
    have as many units as there are points.

    Parameters
    ----------
    space : LayerSpace
        The layer's outputs.
    classes : numpy.ndarray of int64, shape (points,)
        The class of each point.

    Raises
    ------
    ArgumentError
        All points with finite outputs have the same class.
    """
    analysis = scikit_learn("sklearn.discriminant_analysis")
    last = space.last()
    labels = classes[last.finite]
    present = len(np.unique(labels))
    if present < 2:
        message = (
            "projection 'discriminants' needs finite points of at least two classes in layer "
            f"{space.layer!r} at the last epoch. Got {present}."
        )
        raise ArgumentError(message)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Units may be dead, or depend on each other.
        fitted = analysis.LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto")
        fitted.fit(last.rows, labels)
    scalings = np.asarray(fitted.scalings_, np.float64)[:, : min(present - 1, 2)]
    both = scalings.shape[1] == 2
    first, second = (
        ("discriminant 1", "discriminant 2")
        if both
        else ("along the discriminant", "across the discriminant")
    )
    return space.linear(
        titles=(f"{space.layer}, {first}", f"{space.layer}, {second}"),
        key="discriminants",
        origins=last.rows.mean(axis=0, dtype=np.float64)[None],
        bases=(scalings if both else completed(scalings, last.rows))[None],
        through="the mean of the last epoch, along both directions",
    )
