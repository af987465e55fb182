"""`Live` draws a training that goes on, changes nothing in it, and does what its viewer wants."""

import json
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from support.training import dense, small_model

import replaychart as rc

pytest.importorskip("anywidget")

POINTS = 60


def _curves(run: rc.Run, **options: Any) -> Any:
    return rc.loss_and_metric(run, **options)


def _recorder(path: Path, **options: Any) -> rc.Recorder:
    return rc.Recorder(*rc.datasets.parabola(POINTS), path, "run", **options)


class _During(keras.callbacks.Callback):
    """Does something at the end of some epochs."""

    def __init__(self, acts: dict[int, Callable[[], None]]) -> None:
        super().__init__()
        self._acts = acts

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._acts.get(epoch + 1, lambda: None)()


def _fit(*callbacks: Any, epochs: int = 4) -> keras.Model:
    keras.utils.set_random_seed(1)
    model = small_model(dense(2, "tanh", "hidden"), dense(1, "sigmoid", "output"))
    X, y = rc.datasets.parabola(POINTS)
    model.fit(X, y, epochs=epochs, batch_size=32, verbose=0, callbacks=list(callbacks))
    return model


def _wait_for(happened: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.02)


def _here(live: rc.Live) -> rc.Live:
    """Draws in this process, as if the chart could not be passed to another."""
    lock = threading.Lock()  # cannot be pickled
    draw = live._draw

    def drawn(run: rc.Run, **options: Any) -> Any:
        with lock:
            return draw(run, **options)

    live._draw = drawn
    return live


def test_another_process_draws_the_newest_epoch_and_in_the_end_the_replay(tmp_path: Path) -> None:
    recorder = _recorder(tmp_path / "runs.h5")
    live = rc.Live(recorder, draw=_curves, seconds=0)
    epochs: list[float] = []
    live.widget.observe(
        lambda _: epochs.append(json.loads(live.widget._changes)["settings"]["epoch"]), "_changes"
    )
    # Training waits here, because it would be over before the process has started.
    waiting = _During({1: lambda: _wait_for(lambda: bool(epochs))})
    _fit(recorder, live, waiting, epochs=3)
    live.finish()
    assert epochs[0] in (0, 1)
    whole = json.loads(live.widget._whole)
    assert whole["stops"] == [0, 1, 2, 3]
    assert whole["slider"] == "epoch"
    assert live.widget.state == "ended"
    assert live.widget.playing
    assert live.widget.status == "Finished after epoch 3"


def test_what_cannot_be_passed_to_another_process_is_drawn_here(tmp_path: Path) -> None:
    recorder = _recorder(tmp_path / "runs.h5")
    live = _here(rc.Live(recorder, draw=_curves, seconds=0))
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        _fit(recorder, live)
    assert json.loads(live.widget._whole)["stops"] == [0, 1, 2, 3, 4]


def test_training_is_the_same_with_and_without(tmp_path: Path) -> None:
    recorder = _recorder(tmp_path / "runs.h5")
    live = _here(rc.Live(recorder, draw=rc.decision_boundary, seconds=0))
    with_live, without = _fit(recorder, live, epochs=3), _fit(epochs=3)
    for ours, theirs in zip(with_live.get_weights(), without.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_an_error_in_drawing_warns_once_and_does_not_stop_training(tmp_path: Path) -> None:
    def broken(run: rc.Run, **options: Any) -> Any:
        message = f"no picture of {run.name} with {sorted(options)}"
        raise ZeroDivisionError(message)

    recorder = _recorder(tmp_path / "runs.h5")
    live = rc.Live(recorder, draw=broken, seconds=0)
    live._draw = _here(live)._draw
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        _fit(recorder, live)
    (message,) = [str(one.message) for one in caught if one.category is UserWarning]
    assert "no picture of run with ['epochs']" in message
    assert rc.open_run(tmp_path / "runs.h5").epochs[-1] == 4
    assert live.widget.status == message


def test_the_viewer_stops_the_training(tmp_path: Path) -> None:
    recorder = _recorder(tmp_path / "runs.h5")
    live = _here(rc.Live(recorder, draw=_curves))
    _fit(recorder, live, _During({2: lambda: setattr(live.widget, "stopped", True)}), epochs=50)
    assert rc.open_run(tmp_path / "runs.h5").epochs[-1] == 3
    assert live.widget.status == "Stopped after epoch 3"


def test_the_viewer_pauses_the_training(tmp_path: Path) -> None:
    recorder = _recorder(tmp_path / "runs.h5")
    live = _here(rc.Live(recorder, draw=_curves))
    times: list[float] = []

    def pause() -> None:
        times.append(time.monotonic())
        live.widget.paused = True
        threading.Timer(0.4, lambda: setattr(live.widget, "paused", False)).start()

    _fit(recorder, live, _During({2: pause, 3: lambda: times.append(time.monotonic())}))
    assert times[1] - times[0] >= 0.4


def test_the_viewer_sets_the_learning_rate(tmp_path: Path) -> None:
    recorder = _recorder(tmp_path / "runs.h5")
    live = _here(rc.Live(recorder, draw=_curves))
    set_rate = _During({2: lambda: setattr(live.widget, "learning_rate", 0.125)})
    model = _fit(recorder, live, set_rate)
    assert float(model.optimizer.learning_rate) == 0.125
    rates = rc.open_run(tmp_path / "runs.h5").curves.values("learning_rate", source="training")
    np.testing.assert_allclose(rates[1:], [0.5, 0.5, 0.125, 0.125])


def test_the_learning_rate_of_a_schedule_cannot_be_set(tmp_path: Path) -> None:
    recorder = _recorder(tmp_path / "runs.h5")
    live = _here(rc.Live(recorder, draw=_curves))
    model = small_model(dense(1, "sigmoid", "output"))
    rate = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    model.compile(keras.optimizers.SGD(rate), "binary_crossentropy")
    model.fit(*rc.datasets.parabola(POINTS), epochs=1, verbose=0, callbacks=[recorder, live])
    assert live.widget.learning_rate is None


def test_a_loop_of_ones_own_is_drawn_and_steered(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    X, y = rc.datasets.parabola(POINTS)
    module = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Tanh(), torch.nn.Linear(2, 1))
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    loss_of = torch.nn.BCEWithLogitsLoss()
    points, targets = torch.tensor(X), torch.tensor(y, dtype=torch.float32)[:, None]
    recorder = rc.TorchRecorder(
        module, X, y, tmp_path / "runs.h5", "torch", loss=loss_of, optimizer=optimizer
    )
    live = _here(rc.Live(recorder, draw=_curves, seconds=0))
    drawn: list[Any] = []
    live.widget.observe(drawn.append, "_changes")
    with recorder, live:
        for epoch in range(1, 4):
            optimizer.zero_grad()
            loss_of(module(points), targets).backward()
            optimizer.step()
            recorder.snapshot(epoch)
            live.widget.learning_rate = 0.1 / epoch
            live.update()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.1 / 3)
    assert len(drawn) == 2
    assert json.loads(live.widget._whole)["stops"] == [0, 1, 2, 3]
    assert live.widget.status == "Finished after epoch 3"


@pytest.fixture
def shell() -> Iterator[Any]:
    """A notebook without a browser."""
    from IPython.core.interactiveshell import InteractiveShell

    yield InteractiveShell.instance()
    InteractiveShell.clear_instance()


def test_a_cell_that_is_interrupted_shows_the_replay_and_can_run_again(
    tmp_path: Path, shell: Any
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    shell.user_ns |= {"fit": _fit, "during": _During({2: interrupt}), "here": _here}
    for run_number in range(2):
        recorder = _recorder(tmp_path / "runs.h5", if_exists="overwrite")
        shell.user_ns |= {"live": rc.Live(recorder, draw=_curves), "recorder": recorder}
        del recorder
        others = "during" if run_number == 0 else ""
        ended = shell.run_cell(f"model = fit(recorder, here(live), {others})")
        live = shell.user_ns["live"]
        if run_number == 0:
            assert isinstance(ended.error_in_exec, KeyboardInterrupt)
            assert live.widget.status == "Interrupted after epoch 2"
            assert json.loads(live.widget._whole)["stops"] == [0, 1, 2]
        else:
            ended.raise_error()
            assert live.widget.status == "Finished after epoch 4"


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "anywidget", None)
    monkeypatch.delitem(sys.modules, "replaychart.live.widget", raising=False)
    with pytest.raises(rc.MissingDependencyError, match=r"pip install 'replaychart\[live\]'"):
        rc.Live(_recorder(tmp_path / "runs.h5"))


@pytest.mark.parametrize(
    ("arguments", "named"),
    [({"draw": "dashboard"}, "draw"), ({"seconds": -1}, "seconds"), ({"seconds": "1"}, "seconds")],
)
def test_arguments_are_checked(tmp_path: Path, arguments: dict[str, Any], named: str) -> None:
    with pytest.raises(rc.ArgumentError, match=f"^{named} must be"):
        rc.Live(_recorder(tmp_path / "runs.h5"), **arguments)
    with pytest.raises(rc.ArgumentError, match="^recorder must be"):
        rc.Live("runs.h5")
