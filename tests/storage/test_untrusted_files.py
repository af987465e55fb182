"""Hostile files, which refer to other files or would take all memory."""

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import psutil
import pytest
from support.deepreplay_files import sequential_config
from support.deepreplay_files import train as record_old
from support.training import Training, dense, small_model

import replaychart as rc
from replaychart.facts.snapshots import RunDescription, Snapshot
from replaychart.storage.hdf5 import fixed_texts
from replaychart.storage.hdf5.checked import Attributes, text_in
from replaychart.storage.writer import RunWriter

Change = Callable[[h5py.Group, Path], None]


def changed(training: Training, path: Path, change: Change) -> Path:
    """Return a changed copy of a recording."""
    path.write_bytes(training.path.read_bytes())
    with h5py.File(path, "a") as file:
        change(file[training.group], path.parent)
    return path


def replaced(part: str, make: Callable[[h5py.Group, str, Path], Any]) -> Change:
    """Return a change that replaces a part."""

    def change(run: h5py.Group, directory: Path) -> None:
        del run[part]
        make(run, part, directory)

    return change


def _link_to_another_file(run: h5py.Group, part: str, directory: Path) -> None:
    with h5py.File(directory / "other.h5", "w") as file:
        file["secret"] = np.zeros((200, 2))
    run[part] = h5py.ExternalLink(str(directory / "other.h5"), "/secret")


def _link_within_the_file(run: h5py.Group, part: str, _: Path) -> None:
    run["elsewhere"] = np.zeros((200, 2))
    run[part] = h5py.SoftLink(f"{run.name}/elsewhere")


def _values_in_a_file(run: h5py.Group, part: str, directory: Path) -> None:
    secret = directory / "secret"
    secret.write_bytes(bytes(400))
    run.create_dataset(part, (200, 2), "u1", external=[(str(secret), 0, 400)])


def _virtual_values(run: h5py.Group, part: str, directory: Path) -> None:
    with h5py.File(directory / "other.h5", "w") as file:
        file["secret"] = np.zeros((200, 2))
    layout = h5py.VirtualLayout((200, 2), "f8")
    layout[:] = h5py.VirtualSource(directory / "other.h5", "secret", (200, 2))
    run.create_virtual_dataset(part, layout)


def _foreign_filter(run: h5py.Group, part: str, _: Path) -> None:
    plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plan.set_chunk((200, 2))
    plan.set_filter(32015, h5py.h5z.FLAG_OPTIONAL)
    space = h5py.h5s.create_simple((200, 2))
    kind = h5py.h5t.IEEE_F64LE
    h5py.h5d.create(run.id, part.encode(), kind, space, dcpl=plan)


def _of_dtype(dtype: Any) -> Callable[[h5py.Group, str, Path], None]:
    def make(run: h5py.Group, part: str, _: Path) -> None:
        run.create_dataset(part, (200, 2), dtype)

    return make


def _of_shape(*shape: int, **options: Any) -> Callable[[h5py.Group, str, Path], None]:
    def make(run: h5py.Group, part: str, _: Path) -> None:
        run.create_dataset(part, shape, "f8", **options)

    return make


HOSTILE: dict[str, tuple[Change, str]] = {
    "link to another file": (
        replaced("inputs", _link_to_another_file),
        "'inputs' in /parabola is a link to another file, which is not followed",
    ),
    "link to a file that is no recording": (
        replaced(
            "targets",
            lambda run, part, _: run.update({part: h5py.ExternalLink("/etc/passwd", "/")}),
        ),
        "'targets' in /parabola is a link to another file",
    ),
    "link within the file": (replaced("inputs", _link_within_the_file), "a link to another place"),
    "link instead of a group": (
        replaced("model", lambda run, part, _: run.update({part: h5py.ExternalLink("m.h5", "/")})),
        "'model' in /parabola is a link to another file",
    ),
    "link instead of weights": (
        replaced("weights/float32", _link_to_another_file),
        "'float32' in /parabola/weights is a link to another file",
    ),
    "values in another file": (
        replaced("inputs", _values_in_a_file),
        "the values of /parabola/inputs are stored in other files",
    ),
    "weights in another file": (
        replaced("weights/float32", _values_in_a_file),
        "the values of /parabola/weights/float32 are stored in other files",
    ),
    "values put together from files": (
        replaced("inputs", _virtual_values),
        "the values of /parabola/inputs are stored in other files",
    ),
    "filter": (replaced("inputs", _foreign_filter), "uses the filter 32015"),
    "objects": (
        replaced("inputs", _of_dtype(h5py.string_dtype())),
        "has the dtype object, which is not numeric",
    ),
    "references": (replaced("inputs", _of_dtype(h5py.ref_dtype)), "has the dtype object"),
    "bytes of any meaning": (replaced("inputs", _of_dtype("V8")), "which is not numeric"),
    "records": (
        replaced("inputs", _of_dtype([("a", "f8"), ("b", "O8")][:1])),
        "which is not numeric",
    ),
    "numbers that were never written": (
        replaced("inputs", _of_shape(10**12, 2, chunks=(1000, 2))),
        "inputs would take 16,000,000,000,000 bytes, but the whole file has",
    ),
    "numbers in one piece": (replaced("inputs", _of_shape(10**12, 2)), "would take"),
    "numbers that say they are compressed": (
        replaced("inputs", _of_shape(10**9, 2, chunks=(10**4, 2), compression="gzip")),
        "would take 16,000,000,000 bytes",
    ),
    "many epochs": (
        replaced("epochs", _of_shape(10**11, chunks=(64,), maxshape=(None,))),
        "epochs would take",
    ),
    "one large chunk": (
        replaced("scalars", _of_shape(7, 5, chunks=(10**4, 10**4), maxshape=(None, None))),
        "scalars would take 800,000,000 bytes",
    ),
    "weights of a large model": (
        replaced("weights/float32", _of_shape(7, 10**10, chunks=(1, 10**6))),
        "weights/float32 would take",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_other_files_and_impossible_sizes_are_refused(
    name: str, parabola: Training, tmp_path: Path
) -> None:
    change, message = HOSTILE[name]
    path = changed(parabola, tmp_path / "a.h5", change)
    assert rc.list_runs(path) == ["parabola"]
    with pytest.raises(rc.RunFileError, match=message) as caught:
        rc.open_run(path)
    assert str(caught.value).startswith(f"Run 'parabola' of {str(path)!r} is ")


def test_small_compressed_file_cannot_fill_the_memory(parabola: Training, tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    path.write_bytes(parabola.path.read_bytes())
    run = rc.open_run(path)
    run.store()
    expected = rc.open_run(path).losses()
    with h5py.File(path, "a") as file:
        # Zeros, which gzip compresses by a factor of 1,000, under a hundred names.
        stored = file["parabola/evaluations"]
        zeros = np.zeros((7, 200, 2000))
        stored.create_dataset("large/values", data=zeros, compression="gzip", chunks=(7, 200, 100))
        for number in range(100):
            stored[f"large {number}/values"] = stored["large/values"]
            key = json.dumps({"quantity": "outputs", "layer": f"{number}"})
            fixed_texts.set_attribute(stored[f"large {number}"], "key", key)
        del stored["large"]
    assert path.stat().st_size < 1_000_000
    run = rc.open_run(path)
    with pytest.warns(UserWarning, match="Skipped 5. unreadable evaluations .*: .* would take"):
        np.testing.assert_allclose(run.losses(), expected)


def test_link_to_a_run_is_not_followed_and_hides_no_other(
    parabola: Training, tmp_path: Path
) -> None:
    path = tmp_path / "a.h5"
    path.write_bytes(parabola.path.read_bytes())
    with h5py.File(path, "a") as file:
        file["other"] = h5py.ExternalLink(str(parabola.path), "/parabola")
        file["same"] = h5py.SoftLink("/parabola")
        file["gone"] = h5py.SoftLink("/nothing")
    message = "Skipped unreadable entries in .*: 'gone' .*, 'other' .* another file.*, 'same'"
    with pytest.warns(UserWarning, match=message):
        assert rc.list_runs(path) == ["parabola"]
    with pytest.warns(UserWarning, match=message):
        assert rc.open_run(path).name == "parabola"
    for name in ("other", "same", "gone"):
        with (
            pytest.warns(UserWarning, match=message),
            pytest.raises(rc.RunFileError, match="group must be one of 'parabola'"),
        ):
            rc.open_run(path, name)


def test_resumed_training_writes_to_no_other_file(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(16)
    model = small_model(dense(2, "tanh", "hidden"), dense(1, "sigmoid", "output"))
    path = tmp_path / "a.h5"
    recorder = rc.Recorder(X, y, path, "a")
    model.fit(X, y, epochs=2, verbose=0, callbacks=[recorder])
    precious = tmp_path / "precious"
    precious.write_bytes(bytes(10_000))
    with h5py.File(path, "a") as file:
        weights = file["a/weights/float32"][()]
        del file["a/weights/float32"]
        where = [(str(precious), 0, h5py.h5f.UNLIMITED)]
        file["a/weights"].create_dataset(
            "float32", weights.shape, "f4", external=where, maxshape=(None, weights.shape[1])
        )
    with pytest.raises(rc.RunFileError, match="are stored in other files"):
        model.fit(
            X,
            y,
            initial_epoch=2,
            epochs=3,
            verbose=0,
            callbacks=[rc.Recorder(X, y, path, "a", if_exists="append")],
        )
    assert precious.read_bytes() == bytes(10_000)


@pytest.mark.parametrize(
    ("part", "make"),
    [
        ("inputs", _link_to_another_file),
        ("targets", _values_in_a_file),
        ("layer0/weights0", _virtual_values),
        ("layer1/weights1", _of_shape(4, 10**12, chunks=(1, 10**6))),
        ("loss", _foreign_filter),
    ],
)
def test_recording_of_deepreplay_that_refers_to_other_files_is_refused(
    part: str, make: Callable[[h5py.Group, str, Path], None], tmp_path: Path
) -> None:
    X, y = rc.datasets.parabola(100)
    model = small_model(dense(2, "tanh", "hidden"), dense(1, "sigmoid", "output"))
    config = sequential_config(model)
    column = y[:, None].astype(np.float64)
    old = record_old(tmp_path / "old.h5", "old", model, X, column, model_config=config)
    with h5py.File(old.path, "a") as file:
        replaced(part, make)(file["old"], tmp_path)
    with pytest.raises(rc.RunFileError, match="Run 'old' of .* is refused"):
        rc.open_run(old.path)


def test_thousands_of_names_fit(tmp_path: Path) -> None:
    """HDF5 limits attributes to 64 KB, and these names take more."""
    names = [f"a feature with a long name, number {number}" for number in range(5000)]
    X = np.random.default_rng(0).normal(size=(8, len(names))).astype("float32")
    y = np.array([0, 1] * 4)
    model = small_model(dense(1, "sigmoid", "output"), features=len(names))
    path = tmp_path / "wide.h5"
    callbacks = [rc.Recorder(X, y, path, "wide", feature_names=names)]
    model.fit(X, y, epochs=1, verbose=0, callbacks=callbacks)
    assert rc.open_run(path).feature_names == names
    callbacks = [rc.Recorder(X, y, path, "wide", feature_names=names, if_exists="append")]
    model.fit(X, y, initial_epoch=1, epochs=2, batch_size=4, verbose=0, callbacks=callbacks)
    run = rc.open_run(path)
    assert run.feature_names == names
    assert run.epochs.tolist() == [0, 1, 2]
    rc.save(rc.decision_boundary(run, features=names[:2]), tmp_path / "wide.png")


def test_evaluations_of_thousands_of_epochs_fit(parabola: Training, tmp_path: Path) -> None:
    known = parabola.open()._stored
    description = RunDescription(
        inputs=known.inputs[:4],
        targets=known.targets[:4],
        architecture=known.architecture,
        compile_config=known.compile_config,
        layers=known.layers,
        details=known.details,
        variables=known.recorded_variables,
    )
    weights = [values[-1] for values in known.weights()]
    writer = RunWriter(tmp_path / "a.h5", "a", description)
    writer.append(*(Snapshot(epoch, weights) for epoch in range(9000)))
    run = rc.open_run(tmp_path / "a.h5")
    losses = run.losses()
    run._memory.store()
    stored = rc.open_run(tmp_path / "a.h5")
    assert stored._stored.evaluations()
    np.testing.assert_array_equal(stored.losses(), losses)


@pytest.mark.parametrize("if_exists", ["error", "overwrite", "append"])
@pytest.mark.parametrize("name", ["external", "dangling", "loop"])
def test_recorder_follows_no_link(
    name: str, if_exists: str, parabola: Training, tmp_path: Path
) -> None:
    path, other = tmp_path / "runs.h5", tmp_path / "other.h5"
    other.write_bytes(parabola.path.read_bytes())
    links = {
        "external": h5py.ExternalLink(str(other), "/parabola"),
        "dangling": h5py.ExternalLink("missing.h5", "/run"),
        "loop": h5py.SoftLink("/run"),
    }
    with h5py.File(path, "w") as file:
        file["run"] = links[name]
    with pytest.raises(rc.RunFileError, match="is a link"):
        rc.Recorder(parabola.X, parabola.y, path, "run", if_exists=if_exists)
    assert other.read_bytes() == parabola.path.read_bytes()


def test_architecture_without_inputs_takes_no_more_than_was_recorded(
    parabola: Training, tmp_path: Path
) -> None:
    def widened(run: h5py.Group, _: Path) -> None:
        architecture = json.loads(text_in(run, "model/architecture"))
        config = architecture["config"]
        layers = [one for one in config["layers"] if one["class_name"] != "InputLayer"]
        for layer in (architecture, config, *layers):
            layer.pop("build_config", None)
            layer.pop("build_input_shape", None)
        # 2.4 GB of weights, if they were created.
        layers[0]["config"]["units"] = 100_000_000
        config["layers"] = layers
        fixed_texts.write(run, "model/architecture", json.dumps(architecture))

    run = rc.open_run(changed(parabola, tmp_path / "wide.h5", widened))
    before = psutil.Process().memory_info().rss
    with pytest.raises(rc.EvaluationError, match="in its variables, but 9 were recorded"):
        run.losses()
    assert psutil.Process().memory_info().rss - before < 500e6


def test_number_of_classes_takes_no_memory(parabola: Training, tmp_path: Path) -> None:
    path = tmp_path / "stored.h5"
    path.write_bytes(parabola.path.read_bytes())
    rc.open_run(path).store()
    with h5py.File(path, "a") as file:
        details = json.loads(Attributes(file["parabola"])["details"])
        details["output_shape"] = [10**8]
        fixed_texts.set_attribute(file["parabola"], "details", json.dumps(details))
    stored = rc.open_run(path)._stored
    tracemalloc.start()
    with pytest.warns(UserWarning, match="Skipped .* unreadable evaluation"):
        stored.evaluations()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100e6
