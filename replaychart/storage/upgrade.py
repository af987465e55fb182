"""Brings a run of an older layout into the present one, before more is written to it."""

import json

import h5py

from replaychart.storage import layout
from replaychart.storage.hdf5 import checked, fixed_texts
from replaychart.storage.hdf5.checked import Attributes
from replaychart.storage.parts import log_names


def upgrade(run: h5py.Group) -> None:
    """Write the texts of a run of layout 2 or 3 as layout 4 has them.

    Its numbers stay where they are, without the checksums that new ones have.
    """
    if checked.is_of_fixed_texts(run):
        return
    names = log_names(run, at_most=run[layout.SCALARS].shape[1] - 1)
    fixed_texts.write(run, layout.LOG_NAMES, json.dumps(names))
    _fix_texts(run)
    run.attrs[layout.LAYOUT_ATTRIBUTE] = layout.LAYOUT_VERSION


def _fix_texts(item: h5py.Group | h5py.Dataset) -> None:
    attributes = Attributes(item)
    for name in list(attributes):
        value = attributes[name]
        if isinstance(value, str):
            fixed_texts.set_attribute(item, name, value)
    if not isinstance(item, h5py.Group):
        return
    for name in checked.names_in(item):
        own = item[name]
        _fix_texts(own)
        if isinstance(own, h5py.Dataset) and h5py.check_string_dtype(own.dtype) is not None:
            fixed_texts.write(item, name, checked.text_in(item, name))
