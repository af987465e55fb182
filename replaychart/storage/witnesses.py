"""Writes and reads what the live model computed while it was recorded."""

import json
from collections.abc import Callable

import h5py
import numpy as np

from replaychart.facts.json_texts import entry, json_of, texts_of
from replaychart.facts.witness import Witness
from replaychart.storage import layout
from replaychart.storage.hdf5 import checked, fixed_texts, number_datasets
from replaychart.storage.hdf5.checked import Attributes, group_in, numbers_in, text_in

_EPOCH = "epoch"
_HALF_PRECISION = "half_precision"
_NAMES = "names"
_OUTPUT = "output"
_REGULARIZATION = "regularization"


def write(run: h5py.Group, witness: Witness) -> None:
    """Write a witness; one of the same epoch and output is replaced."""
    group = run.require_group(layout.WITNESSES)
    for known in checked.names_in(group):
        one = group_in(group, known)
        if (_epoch(one), _output(one)) == (witness.epoch, witness.output):
            del group[known]
    taken = set(checked.names_in(group))
    name = next(str(index) for index in range(len(taken) + 1) if str(index) not in taken)
    one = group.create_group(name)
    one.attrs[_EPOCH] = float(witness.epoch)
    one.attrs[_HALF_PRECISION] = witness.half_precision
    if witness.output:
        fixed_texts.set_attribute(one, _OUTPUT, witness.output)
    if witness.regularization is not None:
        one.attrs[_REGULARIZATION] = float(witness.regularization)
    names = {"metrics": list(witness.metrics), "layers": list(witness.layers)}
    fixed_texts.write(one, _NAMES, json.dumps(names))
    number_datasets.write(one, "points", witness.points)
    number_datasets.write(one, "outputs", witness.outputs)
    if witness.losses is not None:
        number_datasets.write(one, "losses", witness.losses)
    for index, values in enumerate(witness.metrics.values()):
        number_datasets.write(one, f"metric_{index}", values)
    if witness.layers:
        number_datasets.write(one, "layers", np.stack(list(witness.layers.values())))


def drop(run: h5py.Group, unwanted: Callable[[float], bool]) -> None:
    """Remove the witnesses of some epochs."""
    if layout.WITNESSES not in run:
        return
    group = group_in(run, layout.WITNESSES)
    for name in checked.names_in(group):
        if unwanted(_epoch(group_in(group, name))):
            del group[name]


def read(run: h5py.Group, *, points: int) -> tuple[Witness, ...]:
    """Return the witnesses of a run, by epoch.

    Parameters
    ----------
    run : h5py.Group
    points : int
        The number of recorded points.

    Raises
    ------
    ValueError
        They are not what the layout says.
    """
    if not checked.has(run, layout.WITNESSES):
        return ()
    group = group_in(run, layout.WITNESSES)
    found = [_read(group_in(group, name), points) for name in checked.names_in(group)]
    return tuple(sorted(found, key=lambda witness: witness.epoch))


def _read(one: h5py.Group, points: int) -> Witness:
    names = json_of(text_in(one, _NAMES), _NAMES, dict)
    metrics, layers = (
        texts_of(entry(names, kind, list), f"{kind!r}") for kind in ("metrics", "layers")
    )
    rows = numbers_in(one, "points", shape=[None])
    if rows.dtype.kind not in "iu" or (rows < 0).any() or (rows >= points).any():
        message = f"{one.name} names points that were not recorded: {rows}"
        raise ValueError(message)
    few = len(rows)
    outputs = numbers_in(one, "outputs")
    if len(outputs.shape) < 1 or len(outputs) != few:
        message = f"{one.name} has outputs of the shape {outputs.shape} for {few} points"
        raise ValueError(message)
    means = numbers_in(one, "layers", shape=[len(layers), few]) if layers else ()
    losses = numbers_in(one, "losses", shape=[few]) if checked.has(one, "losses") else None
    added = Attributes(one).get(_REGULARIZATION)
    return Witness(
        epoch=_epoch(one),
        points=rows,
        outputs=outputs,
        losses=losses,
        metrics={
            name: numbers_in(one, f"metric_{index}", shape=[None])
            for index, name in enumerate(metrics)
        },
        layers=dict(zip(layers, means, strict=True)),
        regularization=None if added is None else float(added),
        half_precision=bool(Attributes(one)[_HALF_PRECISION]),
        output=_output(one),
    )


def _output(one: h5py.Group) -> str:
    """Return the name of the output, ``""`` if the model has only one."""
    name = Attributes(one).get(_OUTPUT)
    return "" if name is None else checked.text_of(name, _OUTPUT)


def _epoch(one: h5py.Group) -> float:
    return float(Attributes(one)[_EPOCH])
