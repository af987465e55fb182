"""A run says whether its training was finished, goes on, or was interrupted after which epoch."""

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from support.expected import one_warning
from support.training import dense, small_model

import replaychart as rc
from replaychart.command import main
from replaychart.storage import reader
from replaychart.storage.destination import check_destination
from replaychart.storage.hdf5 import fixed_texts


def _model() -> keras.Model:
    return small_model(dense(1, "sigmoid", "output"))


def _fit(path: Path, *callbacks: keras.callbacks.Callback, epochs: int = 3, **options: Any) -> None:
    X, y = rc.datasets.parabola(16)
    initial = options.pop("initial_epoch", 0)
    model = options.pop("model", None) or _model()
    recorder = rc.Recorder(X, y, path, "a", **options)
    model.fit(
        X, y, epochs=epochs, initial_epoch=initial, verbose=0, callbacks=[recorder, *callbacks]
    )


class _At(keras.callbacks.Callback):
    """Does something at the end of an epoch, which was recorded."""

    def __init__(self, epoch: int, action: Callable[[], object]) -> None:
        super().__init__()
        self._epoch = epoch
        self.action = action

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if epoch + 1 == self._epoch:
            self.action()


def _raise(error: type[BaseException]) -> None:
    raise error


def _state(path: Path, name: str = "a") -> str:
    return reader.read_run(path, name).state


def _state_elsewhere(path: Path) -> str:
    """Return the state that another process sees."""
    code = (
        "import sys; from pathlib import Path; from replaychart.storage import reader\n"
        "print(reader.read_run(Path(sys.argv[1]), 'a').state)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.h5"


def test_training_that_came_to_its_end_is_finished(path: Path) -> None:
    _fit(path)
    run = rc.open_run(path)
    assert run.state == "finished"
    assert not run.interrupted
    assert repr(run) == "Run('a': 32 points, epochs 0 to 3, layers 'output')"
    assert _state_elsewhere(path) == "finished"


@pytest.mark.parametrize("how", ["early stopping", "stop_training"])
def test_training_that_a_callback_stopped_is_finished(how: str, path: Path) -> None:
    stopping: keras.callbacks.Callback
    if how == "early stopping":
        stopping = keras.callbacks.EarlyStopping("loss", patience=1, min_delta=10)
    else:
        stopping = _At(2, lambda: setattr(stopping.model, "stop_training", True))
    _fit(path, stopping, epochs=50)
    run = rc.open_run(path)
    assert run.state == "finished"
    assert run.epochs[-1] == 2


def test_untrained_model_is_finished(path: Path) -> None:
    X, y = rc.datasets.parabola(8)
    rc.Recorder(X, y, path, "a", model=_model())
    assert rc.open_run(path).state == "finished"


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError, MemoryError, SystemExit])
def test_training_that_an_error_ended_was_interrupted(
    error: type[BaseException], path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(error):
        _fit(path, _At(2, lambda: _raise(error)), epochs=5)
    # The process lives on, as that of a notebook does.
    how = r"call run.restore\(model\) and fit with initial_epoch=2 and .* if_exists='append'"
    with pytest.warns(UserWarning, match=f"run 'a' was interrupted after epoch 2, .*{how}") as w:
        run = rc.open_run(path)
    assert w[0].filename == __file__
    assert run.interrupted
    assert run.state == "interrupted"
    assert repr(run).endswith("epochs 0 to 2, layers 'output', interrupted)")
    assert main(["info", str(path)]) == 0
    assert "  state   interrupted after epoch 2\n" in capsys.readouterr().out


def test_closing_an_interrupted_training_does_not_make_it_a_finished_one(path: Path) -> None:
    X, y = rc.datasets.parabola(16)
    recorder = rc.Recorder(X, y, path, "a")
    callbacks = [recorder, _At(2, lambda: _raise(ZeroDivisionError))]
    with pytest.raises(ZeroDivisionError):
        _model().fit(X, y, epochs=5, verbose=0, callbacks=callbacks)
    assert _state_elsewhere(path) == "being recorded", "the process lives, for all that it knows"
    recorder.close()
    assert _state(path) == "interrupted"
    assert _state_elsewhere(path) == "interrupted"


def test_training_that_goes_on_is_being_recorded(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[str] = []

    def look() -> None:
        run = rc.open_run(path)
        seen.extend([run.state, _state_elsewhere(path), str(run.epochs.tolist()), repr(run)])
        thread = threading.Thread(target=lambda: seen.append(_state(path)))
        thread.start()
        thread.join()
        main(["info", str(path)])

    _fit(path, _At(2, look))
    assert seen[:3] == ["being recorded", "being recorded", "[0, 1, 2]"]
    assert seen[3].endswith("layers 'output', being recorded)")
    assert seen[4] == "being recorded"
    assert "  state   being recorded\n" in capsys.readouterr().out
    assert _state(path) == "finished"


def test_name_of_a_training_that_goes_on_is_taken(path: Path) -> None:
    X, y = rc.datasets.parabola(16)
    told: list[str] = []

    def another() -> None:
        for if_exists in ("error", "overwrite", "append"):
            with pytest.raises(
                rc.RecordingError,
                match=r"is being recorded by another training run, in process \d+",
            ) as error:
                rc.Recorder(X, y, path, "a", if_exists=if_exists)
            told.append(str(error.value))

    _fit(path, _At(2, another))
    assert len(told) == 3
    assert _state(path) == "finished"


def test_interrupted_training_is_gone_on_with_or_replaced(path: Path) -> None:
    model, states = _model(), []
    with pytest.raises(KeyboardInterrupt):
        _fit(path, _At(2, lambda: _raise(KeyboardInterrupt)), model=model)
    look = _At(3, lambda: states.append(_state(path)))
    _fit(path, look, model=model, epochs=4, initial_epoch=2, if_exists="append")
    assert states == ["being recorded"]
    assert rc.open_run(path).epochs.tolist() == [0, 1, 2, 3, 4]
    with pytest.raises(KeyboardInterrupt):
        _fit(path, _At(1, lambda: _raise(KeyboardInterrupt)), if_exists="overwrite")
    assert _state(path) == "interrupted"
    _fit(path, epochs=1, if_exists="overwrite")
    assert rc.open_run(path).state == "finished"


def test_loop_of_ones_own_is_being_recorded_until_it_is_closed(path: Path) -> None:
    X, y = rc.datasets.parabola(16)
    recorder = rc.Recorder(X, y, path, "a")
    recorder.snapshot(_model(), 0)
    assert rc.open_run(path).state == "being recorded"
    assert _state_elsewhere(path) == "being recorded"
    recorder.close()
    assert rc.open_run(path).state == "finished"


def test_loop_of_ones_own_that_is_left_was_interrupted(path: Path) -> None:
    X, y = rc.datasets.parabola(16)
    recorder = rc.Recorder(X, y, path, "a")
    recorder.snapshot(_model(), 0)
    # In a notebook, the cell is run again, and the old recorder is still there.
    again = rc.Recorder(X, y, path, "a", if_exists="overwrite")
    again.snapshot(_model(), 0)
    with one_warning("'a' .* was replaced or removed after its recording"):
        recorder.snapshot(_model(), 1)
    again.snapshot(_model(), 1)
    assert _state(path) == "being recorded"
    del again
    assert _state(path) == "interrupted"


def test_outputs_are_being_recorded_finished_or_interrupted(path: Path) -> None:
    X, y = rc.datasets.parabola(16)
    p = np.linspace(0, 1, len(X))
    with rc.record_outputs(path, "a", inputs=X, targets=y) as outputs:
        outputs.snapshot(0, probabilities=p)
        assert rc.open_run(path).state == "being recorded"
    assert rc.open_run(path).state == "finished"

    def failing() -> Any:
        yield {"epoch": 1, "probabilities": p}
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        rc.record_outputs(
            path, "a", inputs=X, targets=y, epochs=failing(), if_exists="append"
        )  # fmt: skip
    with pytest.warns(UserWarning, match="interrupted after epoch 1"):
        assert rc.open_run(path).epochs.tolist() == [0, 1]
    assert _state_elsewhere(path) == "interrupted"


def _set(run: h5py.Group, name: str, value: Any) -> None:
    if isinstance(value, str):
        fixed_texts.set_attribute(run, name, value)
    else:
        run.attrs[name] = value


def _changed(path: Path, **changes: Any) -> None:
    with h5py.File(path, "a") as file:
        for name, value in changes.items():
            if value is None:
                del file["a"].attrs[name]
            else:
                _set(file["a"], name, value)


def test_a_run_that_does_not_say_who_recorded_it_is_not_called_interrupted(path: Path) -> None:
    _fit(path)
    _changed(path, finished=None, recorder=None)
    run = rc.open_run(path)
    assert run.state == "unknown"
    assert not run.interrupted
    assert repr(run).endswith("layers 'output')")
    # It can be replaced and continued like any other.
    check_destination(path, "a", if_exists="overwrite")


@pytest.mark.parametrize(
    ("recorder", "state"),
    [
        ('{"host": "elsewhere", "process": 1, "since": 0}', "unknown"),
        ("no JSON", "unknown"),
        ("[]", "unknown"),
        ("{}", "unknown"),
        ('{"host": "HOST", "process": 1, "since": 0}', "interrupted"),
        ('{"host": "HOST", "process": 123456789, "since": 0}', "interrupted"),
        ('{"host": "HOST", "process": -1, "since": 0}', "interrupted"),
        ('{"host": "HOST", "process": 1e300, "since": 0}', "interrupted"),
    ],
)
def test_state_is_told_by_the_process_that_records(recorder: str, state: str, path: Path) -> None:
    import socket

    X, y = rc.datasets.parabola(8)
    rc.Recorder(X, y, path, "a", model=_model())
    # Process 1 there is, but it did not start in 1970.
    _changed(path, finished=False, recorder=recorder.replace("HOST", socket.gethostname()))
    assert _state(path) == state


def test_the_warning_of_an_interrupted_training_says_how_to_go_on(path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        _fit(path, _At(2, lambda: _raise(KeyboardInterrupt)))
    with pytest.warns(UserWarning, match="initial_epoch=2"):
        run = rc.open_run(path)
    X, y = rc.datasets.parabola(16)
    model = _model()
    run.restore(model)
    recorder = rc.Recorder(X, y, path, "a", if_exists="append")
    model.fit(X, y, initial_epoch=2, epochs=3, verbose=0, callbacks=[recorder])
    assert rc.open_run(path).epochs.tolist() == [0, 1, 2, 3]


def test_a_run_without_all_its_weights_is_not_said_to_give_them_back(path: Path) -> None:
    X, y = rc.datasets.parabola(16)
    layers = keras.layers.Dense(2, name="hidden"), keras.layers.Dense(1, name="output")
    model = keras.Sequential([keras.Input((2,)), *layers])
    model.compile("sgd", "mse")
    stops = _At(1, lambda: _raise(ZeroDivisionError))
    recorder = rc.Recorder(X, y, path, "a", layers=["output"])
    with pytest.raises(ZeroDivisionError):
        model.fit(X, y, verbose=0, callbacks=[recorder, stops])
    with pytest.warns(
        UserWarning, match="the last recorded one. To continue it, pass if_exists='append'"
    ) as warned:
        rc.open_run(path)
    assert "restore" not in str(warned[0].message)
