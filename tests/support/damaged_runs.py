"""Damages files of runs at random, and uses what is left.

A script, because damaged bytes may crash HDF5 itself: the tests run it in a separate process, which
prints the number of each file before opening it. It runs without Keras, on stored evaluations.

    python damaged_runs.py FILE DIRECTORY FIRST LAST
"""

import faulthandler
import json
import random
import signal
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from replaychart.storage.hdf5 import fixed_texts

SECONDS = 60


def flip_bits(content: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice([1, 1, 1, 4, 64])):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)


def flip_bits_of_what_describes(content: bytearray, rng: random.Random) -> None:
    """Flip bits near a signature of HDF5: headers, trees, heaps, messages."""
    signatures = (
        b"OHDR",
        b"OCHK",
        b"FRHP",
        b"FHDB",
        b"BTHD",
        b"BTLF",
        b"EAHD",
        b"EADB",
        b"\x89HDF",
    )
    places = [
        at
        for signature in signatures
        for at in range(len(content) - 4)
        if content[at : at + 4] == signature
    ]
    for _ in range(rng.choice([1, 1, 4])):
        at = min(rng.choice(places) + rng.randrange(200), len(content) - 1)
        content[at] ^= 1 << rng.randrange(8)


def overwrite(content: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(content))
    length = rng.choice([1, 8, 64, 512, 4096])
    filling = rng.choice([b"\0", b"\xff", bytes([rng.randrange(256)])])
    content[start : start + length] = filling * min(length, len(content) - start)


def cut_off(content: bytearray, rng: random.Random) -> None:
    del content[rng.randrange(len(content)) :]


def cut_out(content: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(content))
    del content[start : start + rng.choice([1, 8, 512])]


BYTES = (flip_bits, flip_bits_of_what_describes, overwrite, cut_off, cut_out)

VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 10**6, 10**30, 0.5, float("nan"), float("inf"), 1e300),
    *("", "x", "0", "hidden", "\ud800", "\0", "a/b", "null", "{}", [], {}, [None], [[]], [1, 2]),
    *({"a": 1}, [{}], ["a", "a"], [0] * 50, {"name": 1}, {"class_name": "Dense", "config": {}}),
)


def other_json(value: Any, rng: random.Random) -> Any:
    """Return JSON values of which one is changed, missing or duplicated."""
    if isinstance(value, dict) and value and rng.random() < 0.85:
        key = rng.choice(list(value))
        if rng.random() < 0.15:
            return {name: one for name, one in value.items() if name != key}
        return {**value, key: other_json(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.85:
        place = rng.randrange(len(value))
        if rng.random() < 0.15:
            return value[:place] + value[place + 1 :]
        if rng.random() < 0.1:
            return value + value[place:]
        return [*value[:place], other_json(value[place], rng), *value[place + 1 :]]
    return rng.choice(VALUES)


def change_parts(path: Path, rng: random.Random) -> None:
    """Change datasets, groups and attributes in ways that are valid HDF5."""
    with h5py.File(path, "a") as file:
        for _ in range(rng.choice([1, 1, 2])):
            items: list[Any] = []
            file.visititems(lambda _, item, items=items: items.append(item))
            others = [one for one in items if "/evaluations" not in one.name]
            item = rng.choice(items if rng.random() < 0.3 else others)
            if item.attrs and rng.random() < 0.3:
                _change_attribute(item, rng)
            elif isinstance(item, h5py.Dataset):
                _change_dataset(item, rng)
            elif rng.random() < 0.3:
                del item.parent[item.name]
            else:
                item.require_group("more")
                item[f"more/{len(item)}"] = np.zeros(3)


def _change_attribute(item: Any, rng: random.Random) -> None:
    name = rng.choice(list(item.attrs))
    value = item.attrs[name]
    choices: list[Any] = [0, -1, 99, 2.5, np.nan, "x", b"\xff", True, np.zeros(3), np.zeros((0,))]
    if isinstance(value, bytes) and value.startswith(b"{") and rng.random() < 0.7:
        fixed_texts.set_attribute(item, name, json.dumps(other_json(json.loads(value), rng)))
    elif rng.random() < 0.2:
        del item.attrs[name]
    else:
        item.attrs[name] = rng.choice(choices)


def _change_dataset(item: h5py.Dataset, rng: random.Random) -> None:
    name, parent, value = item.name, item.parent, item[()]
    del parent[name]
    if rng.random() < 0.1:
        return
    attributes = dict(item.attrs)
    if value.dtype.kind == "S" and value.shape == (1,):
        value = _other_text(value[0].decode(), rng)
    else:
        value = _other_array(np.asarray(value), rng)
    if isinstance(value, str) and rng.random() < 0.9:
        fixed_texts.write(parent, name.rpartition("/")[2], value)
    else:
        parent[name] = value  # If it is a string, one of variable length.
    for key, attribute in attributes.items():
        parent[name].attrs[key] = attribute


def _other_text(text: str, rng: random.Random) -> Any:
    if rng.random() < 0.1:
        return rng.choice(["", "{", "null", "[]", "3", b"\xff\xfe", np.zeros(2), text[:-1]])
    try:
        return json.dumps(other_json(json.loads(text), rng))
    except ValueError:  # It is already damaged.
        return "x"


def _other_array(value: np.ndarray, rng: random.Random) -> Any:
    if value.dtype.kind not in "biuf":
        return rng.choice([np.zeros(2), [b"x"], 3])
    ways: list[Callable[[], Any]] = [
        lambda: value[:-1] if value.ndim else value,
        lambda: value[..., :-1] if value.ndim else value,
        lambda: value[:0] if value.ndim else value,
        lambda: value[..., None],
        lambda: value.T,
        lambda: value.ravel(),
        lambda: np.concatenate([value, value]) if value.ndim else value,
        lambda: value.astype(rng.choice(["f2", "f4", ">f8", "i1", "u8", "?", "S4"])),
        lambda: np.full(value.shape, rng.choice([np.nan, np.inf, 0.0, -1.0, 1e30])),
        lambda: value[::-1] if value.ndim else value,
        lambda: np.zeros(3),
        lambda: 7,
        lambda: "x",
        lambda: _holes(value, rng),
        lambda: _holes(value, rng),
    ]
    return rng.choice(ways)()


def _holes(value: np.ndarray, rng: random.Random) -> np.ndarray:
    """Return an array in which some values are not finite or far off."""
    if value.dtype.kind not in "iuf" or not value.size:
        return value
    other = value.copy()
    strange = [np.nan, np.inf, -np.inf, 1e38, -1e-300] if value.dtype.kind == "f" else [0, 99, -1]
    for _ in range(rng.choice([1, 3, value.size])):
        other.flat[rng.randrange(value.size)] = np.asarray(rng.choice(strange)).astype(value.dtype)
    return other


def damage(source: Path, path: Path, number: int) -> None:
    """Write a damaged copy of a file; the number is the seed."""
    rng = random.Random(number)
    content = bytearray(source.read_bytes())
    if number % 2:
        rng.choice(BYTES)(content, rng)
        path.write_bytes(content)
        return
    path.write_bytes(content)
    change_parts(path, rng)


def use(path: Path) -> str:
    """Use everything in a file, and return the outcome; a `ReplayChartError` is an outcome."""
    import replaychart as rc

    try:
        names = rc.list_runs(path)
    except rc.ReplayChartError as error:
        return f"list {type(error).__name__}"
    outcomes = []
    for name in names:
        try:
            run = rc.open_run(path, name)
        except rc.ReplayChartError as error:
            outcomes.append(f"open {type(error).__name__}")
            continue
        for what, ask in USES.items():
            try:
                ask(rc, run)
            except rc.ReplayChartError as error:
                outcomes.append(f"{what} {type(error).__name__}")
    return ", ".join(outcomes) or "as before"


def _dict(chart: Any) -> None:
    chart.to_dict()


USES: dict[str, Callable[[Any, Any], Any]] = {
    "repr": lambda _, run: repr(run),
    "points": lambda _, run: run.points(),
    "history": lambda _, run: run.history(),
    "weights": lambda rc, run: _dict(rc.weights(run)),
    "gradients": lambda rc, run: _dict(rc.gradients(run)),
    "activations": lambda rc, run: _dict(rc.activations(run, inputs=True)),
    "updates": lambda rc, run: _dict(rc.updates(run)),
    "spread": lambda rc, run: _dict(rc.spread(run)),
    "curves": lambda rc, run: _dict(rc.loss_and_metric(run)),
    "training": lambda rc, run: _dict(rc.loss_and_metric(run, source="training")),
    "probabilities": lambda rc, run: _dict(rc.probability_histogram(run)),
    "losses": lambda rc, run: _dict(rc.loss_histogram(run)),
    "residuals": lambda rc, run: _dict(rc.residual_histogram(run)),
    "boundary": lambda rc, run: _dict(rc.decision_boundary(run)),
    "space": lambda rc, run: _dict(rc.feature_space(run, scale="per-epoch")),
    "layer": lambda rc, run: _dict(rc.feature_space(run, *run.layers[:1], surface=None)),
}


def main(source: Path, directory: Path, first: int, last: int) -> None:
    faulthandler.enable()
    sys.modules["keras"] = None  # type: ignore[assignment]
    for number in range(first, last):
        path = directory / "damaged.h5"
        path.unlink(missing_ok=True)
        damage(source, path, number)
        print(number, flush=True)
        signal.alarm(SECONDS)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            try:
                print(number, use(path), flush=True)
            except Exception:
                print(number, "BARE", json.dumps(traceback.format_exc()), flush=True)
        signal.alarm(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
