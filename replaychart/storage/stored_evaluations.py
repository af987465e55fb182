"""Evaluations in the file of a run: those stored with it, or the outputs it was recorded from."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import h5py
import numpy as np

from replaychart.facts.keys import (
    DENSITY_POSITIONS,
    described_key,
    is_of_validation,
    output_in,
    quantity_and_layer,
)
from replaychart.facts.layers import RecordedLayer
from replaychart.storage import layout
from replaychart.storage.hdf5 import checked, fixed_texts, number_datasets
from replaychart.storage.hdf5.checked import Attributes, group_in, number_dataset_in, numbers_in
from replaychart.storage.hdf5.damage import DAMAGE
from replaychart.storage.hdf5.sizes import Room

# None is any length, and an Ellipsis at the end any further axes.
Shape = tuple[Any, ...]
Evaluated = dict[str, dict[str, np.ndarray]]

_PATHS = ("boundary", "grid", "surface", "unit boundaries")
# The kinds of dtypes of the parts of paths and distributions.
_KINDS = {
    **dict.fromkeys(("vertices", "value", "quantiles", "density", "mean", "std"), "f"),
    **dict.fromkeys(("zero", "saturated", "by_target"), "f"),
    "constant": "b",
    **dict.fromkeys(("starts", "snapshot", "of_class", "count", "not_finite"), "i"),
}


class Reader:
    """Reads evaluations, and checks that their arrays fit the run.

    Parameters
    ----------
    path : str
        The file, for warnings: an open file that is read through a journal has no name.
    epochs : numpy.ndarray, shape (snapshots,)
        The run's epochs.
    points : int
        The number of points.
    validation_points : int
        The number of validation points, 0 if there are none.
    layers : sequence of RecordedLayer
        The layers of the run.
    output_shapes : mapping of str to (sequence of (int or None) or None)
        The shapes of the model's outputs that are known, by name; ``""`` is the only output.
    """

    def __init__(
        self,
        *,
        path: str,
        epochs: np.ndarray,
        points: int,
        validation_points: int,
        layers: Sequence[RecordedLayer],
        output_shapes: Mapping[str, Sequence[int | None] | None],
    ) -> None:
        self._path = path
        self._epochs = epochs
        self._snapshots = len(epochs)
        self._points = points
        self._validation_points = validation_points
        self._layers = {layer.name: layer.output_shape for layer in layers}
        self._output_shapes = output_shapes
        # With one unit, a surface is of class 1 for classes and of class 0 for numbers.
        lengths = [length or 0 for shape in output_shapes.values() for length in shape or ()]
        self._classes = max([2, *lengths])

    def recorded(self, run: h5py.Group, *, read: bool = True) -> Evaluated:
        """Return the outputs that a run was recorded from, by key.

        Parameters
        ----------
        run : h5py.Group
        read : bool, default True
            Whether to read the values; otherwise they are only checked, and nothing is returned.
        """
        found = {}
        room = Room()
        for name in checked.names_in(group_in(run, layout.OUTPUTS)):
            values = number_dataset_in(run, f"{layout.OUTPUTS}/{name}")
            room.take(values)
            checked.require_rows(values, self._snapshots)
            key = _key(values)
            self._check(key, {"values": (self._snapshots, *values.shape[1:])})
            if read:
                found[key] = {"values": checked.native(values[: self._snapshots])}
        return found

    def stored(self, run: h5py.Group) -> Evaluated:
        """Return the evaluations of a run by key; none if they are for other epochs.

        Warns
        -----
        UserWarning
            Some of them are damaged or too large.
        """
        if not checked.has(run, layout.EVALUATIONS):
            return {}
        group = group_in(run, layout.EVALUATIONS)
        long = checked.has(group, layout.EPOCHS)
        epochs = numbers_in(group, layout.EPOCHS) if long else Attributes(group)[layout.EPOCHS]
        if not np.array_equal(epochs, self._epochs):
            return {}
        found: Evaluated = {}
        skipped = []
        room = Room()
        for name in checked.all_names_in(group):
            if name == layout.EPOCHS:
                continue
            # Each can be computed again, so one that is damaged is skipped.
            try:
                one = group_in(group, name)
                parts = {part: number_dataset_in(one, part) for part in checked.names_in(one)}
                self._check(_key(one), {part: values.shape for part, values in parts.items()})
                for values in parts.values():
                    room.take(values)
                arrays = {part: checked.native(values[()]) for part, values in parts.items()}
                self._check_values(_key(one), arrays)
                found[_key(one)] = arrays
            except DAMAGE as error:
                skipped.append(str(error))
        if skipped:
            count = f"{len(skipped)} unreadable evaluation{'s' * (len(skipped) > 1)}"
            message = (
                f"Skipped {count} of run {run.name[1:]!r} in {self._path!r}: {skipped[0]}. To "
                "compute and store them again, call Run.store()."
            )
            warnings.warn(message, stacklevel=4)
        return found

    def _check(self, key: str, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Raise `ValueError` unless arrays of these shapes fit their key."""
        points = self._validation_points if is_of_validation(key) else self._points
        expected = self._expected(*quantity_and_layer(key), output_in(key), points)
        for part, wanted in expected.items():
            if part not in shapes or not _fits(shapes[part], wanted):
                message = (
                    f"{described_key(key)} must have {part!r} of the shape {wanted}. "
                    f"Got {dict(shapes)}"
                )
                raise ValueError(message)

    def _expected(self, quantity: str, layer: str, output: str, points: int) -> dict[str, Shape]:
        """Return the shapes of the arrays of a quantity, for a number of points."""
        snapshots = self._snapshots
        if quantity in _PATHS:
            lists = ("starts", "snapshot", "value", "of_class")
            return {"vertices": (None, 2), **dict.fromkeys(lists, (None,))}
        if quantity == "losses":
            return {"values": (snapshots, points)}
        if quantity in ("outputs", "predictions"):
            shape = self._layers.get(layer) if layer else self._output_shapes.get(output)
            of_point: Shape = (...,) if shape is None else tuple(shape)
            return {"values": (snapshots, points, *of_point)}
        if quantity == "distribution":
            lists = ("count", "not_finite", "mean", "std")
            own = dict.fromkeys(lists, (snapshots,))
            return {
                **own,
                "quantiles": (snapshots, 5),
                "density": (snapshots, DENSITY_POSITIONS),
            }
        if quantity == "grid in space":
            return {"values": (snapshots, None, None, None)}
        if quantity in ("units", "unit statistics"):
            shape = self._layers.get(layer)
            units = shape[0] if shape is not None and len(shape) == 1 else None
            if quantity == "units":
                return {"values": (snapshots, None, None, units)}
            lists = ("mean", "constant", "zero", "saturated")
            of_unit: Shape = (snapshots, units)
            return {**dict.fromkeys(lists, of_unit), "by_target": (snapshots, None, units)}
        if quantity == "loss plane":
            return {
                **dict.fromkeys(("x", "y"), (None,)),
                **dict.fromkeys(("on_plane", "true"), (snapshots,)),
                "loss": (None, None),
                "path": (snapshots, 2),
                "explained": (2,),
            }
        if quantity == "curve":
            return {"values": (snapshots, None, None)}
        return {"values": (snapshots, ...)}

    def _check_values(self, key: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Raise `ValueError` unless the values of arrays fit their key."""
        quantity, _ = quantity_and_layer(key)
        fit = all(values.dtype.kind in _KINDS.get(part, "biuf") for part, values in arrays.items())
        if quantity in _PATHS:
            fit = fit and self._are_paths(arrays)
        elif quantity == "distribution":
            fit = fit and _are_distributions(arrays)
        elif quantity == "loss plane":
            fit = arrays["loss"].shape == (len(arrays["y"]), len(arrays["x"]))
            fit = fit and all(values.dtype.kind == "f" for values in arrays.values())
        elif quantity in ("curve", "losses"):
            fit = arrays["values"].dtype.kind == "f"
        if not fit:
            message = f"the arrays do not fit together: {described_key(key)}"
            raise ValueError(message)

    def _are_paths(self, arrays: Mapping[str, np.ndarray]) -> bool:
        starts, of_snapshot, of_class = (arrays[it] for it in ("starts", "snapshot", "of_class"))
        return bool(
            len(starts) == len(of_snapshot) + 1
            and len(arrays["value"]) == len(of_class) == len(of_snapshot)
            and starts[0] == 0
            and starts[-1] == len(arrays["vertices"])
            and (np.diff(starts) >= 0).all()
            and ((of_snapshot >= 0) & (of_snapshot < self._snapshots)).all()
            and ((of_class >= 0) & (of_class < self._classes)).all()
        )


def write(
    run: h5py.Group, epochs: np.ndarray, evaluations: Mapping[str, Mapping[str, np.ndarray]]
) -> None:
    """Write evaluations into the group of a run, replacing any existing ones.

    Parameters
    ----------
    run : h5py.Group
    epochs : numpy.ndarray, shape (snapshots,)
        The epochs that they are for.
    evaluations : mapping of str to mapping of str to numpy.ndarray
        Named arrays for each key.
    """
    # Written under another name, then renamed: new bytes need no journal.
    new = layout.EVALUATIONS + ".new"
    if new in run:
        del run[new]
    group = run.create_group(new)
    number_datasets.set_attribute(group, layout.EPOCHS, epochs)
    for index, (key, arrays) in enumerate(evaluations.items()):
        evaluation = group.create_group(str(index))
        fixed_texts.set_attribute(evaluation, layout.KEY_ATTRIBUTE, key)
        for name, values in arrays.items():
            number_datasets.write(evaluation, name, values, compression="gzip", shuffle=True)
    if layout.EVALUATIONS in run:
        del run[layout.EVALUATIONS]
    run.move(new, layout.EVALUATIONS)


def _are_distributions(arrays: Mapping[str, np.ndarray]) -> bool:
    quantiles, density = arrays["quantiles"], arrays["density"]
    known = np.isfinite(quantiles).all(axis=1)
    return bool(
        (np.diff(quantiles[known], axis=1) >= 0).all()
        and np.isnan(quantiles[~known]).all()
        and np.isfinite(density).all()
        and (density >= 0).all()
        and (arrays["not_finite"] >= 0).all()
        and (arrays["count"] >= np.maximum(arrays["not_finite"], 1)).all()
    )


def _key(values: h5py.Dataset | h5py.Group) -> str:
    return checked.text_of(Attributes(values)[layout.KEY_ATTRIBUTE], layout.KEY_ATTRIBUTE)


def _fits(shape: tuple[int, ...], wanted: Shape) -> bool:
    if wanted[-1:] == (...,):
        wanted = wanted[:-1]
        shape = shape[: len(wanted)]
    return len(shape) == len(wanted) and all(
        length in (None, own) for length, own in zip(wanted, shape, strict=True)
    )
