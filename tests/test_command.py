"""The command line, run as a user would run it."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from support import deepreplay_files
from support.settings import recorded_settings
from support.training import Training, dense, small_model

import replaychart as rc
from replaychart.command import main

CHARTS = [
    name.replace("_", "-")
    for name, home in rc._HOMES.items()
    if home.startswith("charts.")
    and name not in ("compare", "difference", "parallel_coordinates", "small_multiples")
]

# Importing Keras or TensorFlow fails in this process, as on a machine without them.
_WITHOUT_KERAS = (
    "import sys; sys.modules['keras'] = sys.modules['tensorflow'] = None; "
    "from replaychart.command import main; sys.exit(main(sys.argv[1:]))"
)


def _run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _WITHOUT_KERAS, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_demo_draws_without_keras(tmp_path: Path) -> None:
    result = _run("demo", "--out", tmp_path / "demo")
    assert result.returncode == 0, result.stderr
    for suffix in ("html", "png", "gif"):
        path = tmp_path / "demo" / f"parabola.{suffix}"
        assert str(path) in result.stdout
        assert path.stat().st_size > 50_000
    with Image.open(tmp_path / "demo" / "parabola.gif") as gif:
        assert gif.n_frames == 76


@pytest.mark.thorough
def test_demo_trains_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from replaychart import demonstration

    train = demonstration.train
    monkeypatch.setattr(demonstration, "train", lambda path: train(path, epochs=4))
    assert main(["demo", "--train", "--out", str(tmp_path)]) == 0
    assert "parabola.h5" in capsys.readouterr().out
    assert rc.open_run(tmp_path / "parabola.h5").epochs.tolist() == [0, 1, 2, 3, 4]


def test_info_lists_runs_layers_and_epochs(parabola: Training) -> None:
    result = _run("info", parabola.path)
    assert result.returncode == 0
    for text in ("parabola", "0 to 6 (7 recorded)", "hidden 2, output 1", "val_loss"):
        assert text in result.stdout


def test_info_lists_no_learning_rate_that_was_not_recorded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    X, y = rc.datasets.parabola(8)
    model = small_model(dense(1, "sigmoid", "output"))
    rc.Recorder(X, y, tmp_path / "a.h5", "a", model=model)
    assert main(["info", str(tmp_path / "a.h5")]) == 0
    assert "  curves  none\n" in capsys.readouterr().out
    with pytest.raises(rc.EvaluationError, match="Nothing was logged at these epochs"):
        rc.loss_and_metric(rc.open_run(tmp_path / "a.h5"), source="training")


def test_info_lists_several_inputs(two_inputs: Training) -> None:
    result = _run("info", two_inputs.path)
    assert result.returncode == 0
    assert "points  70, each of the shapes 'zeta' (3,), 'beta' (2,)" in result.stdout


def test_render_draws_one_chart(tmp_path: Path) -> None:
    recording = rc.datasets.parabola_recording()
    out = tmp_path / "a.png"
    result = _run("render", recording, "parabola", "--chart", "feature-space", "--layer", "hidden",
                  "--epoch", 15, "--out", out)  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == str(out)
    expected = rc.save(rc.feature_space(rc.open_run(recording)), tmp_path / "b.png", epoch=15)
    assert out.read_bytes() == expected.read_bytes()


def test_render_offers_every_chart_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["render", "runs.h5", "run", "--out", "a.png", "--chart", "none"])
    offered = re.findall(r"[\w-]+", capsys.readouterr().err.split("choose from")[1])
    assert offered == CHARTS


# The targets are classes, so there are no residuals, and the network has neither convolutions nor a
# hidden layer with more than two units.
OF_OTHER_RUNS = {"residual-histogram", "filters", "feature-maps", "tour"}


@pytest.mark.parametrize("name", sorted(set(CHARTS) - OF_OTHER_RUNS))
def test_render_draws_each_chart_as_its_function_does(name: str, tmp_path: Path) -> None:
    recording = rc.datasets.parabola_recording()
    chart = getattr(rc, name.replace("-", "_"))(rc.open_run(recording))
    expected = rc.save(chart, tmp_path / "expected.json")
    out = tmp_path / "a.json"
    assert main(["render", str(recording), "parabola", "--chart", name, "--out", str(out)]) == 0
    assert out.read_bytes() == expected.read_bytes()


@pytest.mark.parametrize("name", ["filters", "feature-maps"])
def test_render_draws_convolutions(name: str, images: Training, tmp_path: Path) -> None:
    chart = getattr(rc, name.replace("-", "_"))(rc.open_run(images.path))
    expected = rc.save(chart, tmp_path / "expected.json")
    out = tmp_path / "a.json"
    options = ["--chart", name, "--layer", "convolution", "--out", str(out)]
    assert main(["render", str(images.path), "images", *options]) == 0
    assert out.read_bytes() == expected.read_bytes()


def test_render_moves_and_plays(tmp_path: Path) -> None:
    recording = rc.datasets.parabola_recording()
    for suffix in ("gif", "html"):
        out = tmp_path / f"a.{suffix}"
        result = _run("render", recording, "parabola", "--chart", "loss-and-metric",
                      "--metric", "acc", "--every", 50, "--out", out)  # fmt: skip
        assert result.returncode == 0, result.stderr
    with Image.open(tmp_path / "a.gif") as gif:
        assert gif.n_frames == 4
    assert '"playing"' in (tmp_path / "a.html").read_text()


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (["--max-bytes", "big"], "argument --max-bytes: must be a number of bytes or none. Got"),
        (["--every", "0"], "argument --every: must be a positive whole number. Got '0'"),
        (["--epochs", "0,b"], "argument --epochs: must be a list such as 0,10,50 or a range"),
    ],
)
def test_options_that_are_not_numbers(
    option: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["render", "runs.h5", "run", "--out", "a.gif", *option])
    assert message in capsys.readouterr().err


def test_warnings_are_one_line(tmp_path: Path) -> None:
    common = ["render", rc.datasets.parabola_recording(), "parabola", "--chart", "loss-histogram"]
    result = _run(*common, "--out", tmp_path / "a.json", "--max-bytes", "1000")
    assert result.returncode == 0
    assert result.stderr.startswith("replaychart: warning: To stay within max_bytes=1,000")
    assert result.stderr.count("\n") == 1


def test_render_takes_a_budget(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recording = str(rc.datasets.parabola_recording())
    common = ["render", recording, "parabola", "--chart", "decision-boundary", "--out"]
    with pytest.warns(UserWarning, match="max_bytes=100,000"):
        assert main([*common, str(tmp_path / "small.json"), "--max-bytes", "100000"]) == 0
    assert main([*common, str(tmp_path / "whole.json"), "--max-bytes", "none"]) == 0
    small, whole = ((tmp_path / name).stat().st_size for name in ("small.json", "whole.json"))
    assert small < 150_000 < whole
    assert main([*common, str(tmp_path / "none.json"), "--max-bytes", "10"]) == 1
    assert "max_bytes must be at least 1000" in capsys.readouterr().err


def test_render_takes_epochs_and_a_hold(tmp_path: Path) -> None:
    recording = str(rc.datasets.parabola_recording())
    common = ["render", recording, "parabola", "--chart", "loss-histogram", "--out"]
    assert main([*common, str(tmp_path / "a.gif"), "--epochs", "0:9:4", "--hold", "3"]) == 0
    with Image.open(tmp_path / "a.gif") as gif:
        assert gif.n_frames == 3
        gif.seek(2)
        assert gif.info["duration"] == 3000
    assert main([*common, f"{tmp_path}/frames/", "--epochs", "5,7"]) == 0
    names = sorted(path.name for path in (tmp_path / "frames").iterdir())
    assert names == ["epoch_0005.png", "epoch_0007.png"]


def test_stored_run_charts_without_keras(parabola: Training, tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    path.write_bytes(parabola.path.read_bytes())
    out = tmp_path / "a.svg"
    result = _run("render", path, "parabola", "--out", out)
    assert result.returncode == 1
    assert "replaychart store" in result.stderr
    assert "Traceback" not in result.stderr

    assert main(["store", str(path)]) == 0
    result = _run("render", path, "parabola", "--out", out)
    assert result.returncode == 0, result.stderr
    fresh = rc.open_run(parabola.path)
    from replaychart.charts.dashboard import dashboard

    expected = rc.save(dashboard(fresh), tmp_path / "b.svg")
    assert out.read_text() == expected.read_text(), "the same values with and without Keras"


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two DeepReplay runs with their model files, the second with one more epoch."""
    path = tmp_path_factory.mktemp("old") / "old.h5"
    X, y = rc.datasets.parabola(40)
    for group, epochs in (("one", 2), ("two", 3)):
        model = small_model(dense(2, "tanh", "hidden"), dense(1, "sigmoid", "output"))
        config = deepreplay_files.sequential_config(model)
        deepreplay_files.train(path, group, model, X, y[:, None], model_config=config,
                               epochs=epochs)  # fmt: skip
    return path


def test_old_runs_convert_and_give_the_same_numbers(
    old: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = tmp_path / "new.h5"
    before = old.read_bytes()
    assert main(["convert", str(old), str(new)]) == 0
    assert old.read_bytes() == before
    printed = capsys.readouterr().out
    assert printed.splitlines() == [
        "Converted 'one', epochs 0 to 2 (3 recorded)",
        "Converted 'two', epochs 0 to 3 (4 recorded)",
        str(new),
    ]
    assert rc.list_runs(new) == ["one", "two"]
    for name in ("one", "two"):
        was, run = rc.open_run(old, name), rc.open_run(new, name)
        assert repr(run) == repr(was)
        np.testing.assert_array_equal(run.epochs, was.epochs)
        np.testing.assert_array_equal(run.inputs, was.inputs)
        np.testing.assert_array_equal(run.losses(), was.losses())
        np.testing.assert_array_equal(run.coordinates("hidden"), was.coordinates("hidden"))
        pd.testing.assert_frame_equal(run.history(), was.history())
        assert run.state == was.state == "unknown"
    assert main(["store", str(new)]) == 0
    result = _run("render", new, "two", "--out", tmp_path / "a.svg")
    assert result.returncode == 0, result.stderr


def test_converted_run_joins_those_that_are_there(
    old: Path, parabola: Training, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = tmp_path / "new.h5"
    new.write_bytes(parabola.path.read_bytes())
    assert main(["convert", str(old), str(new), "--group", "two"]) == 0
    assert rc.list_runs(new) == ["parabola", "two"]
    losses = rc.open_run(new, "two").losses()
    np.testing.assert_array_equal(rc.open_run(new, "parabola").losses(), parabola.open().losses())

    there = new.read_bytes()
    assert main(["convert", str(old), str(new)]) == 1
    assert "already contains 'two'" in capsys.readouterr().err
    assert new.read_bytes() == there
    assert main(["convert", str(old), str(new), "--overwrite"]) == 0
    assert rc.list_runs(new) == ["one", "parabola", "two"]
    np.testing.assert_array_equal(rc.open_run(new, "two").losses(), losses)


def test_conversion_is_whole_or_not_at_all(
    old: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copied = tmp_path / "old.h5"
    copied.write_bytes(old.read_bytes())
    (tmp_path / "one_model.h5").write_bytes((old.parent / "one_model.h5").read_bytes())
    out = tmp_path / "out"
    out.mkdir()
    assert main(["convert", str(copied), str(out / "new.h5")]) == 1
    error = capsys.readouterr().err
    assert "Run 'two'" in error
    assert "two_model.h5" in error
    assert list(out.iterdir()) == []
    model = str(tmp_path / "one_model.h5")
    assert main(["convert", str(copied), str(out / "new.h5"), "--model", model]) == 0
    assert rc.list_runs(out / "new.h5") == ["one", "two"]


def test_old_file_is_looked_into_and_drawn(
    old: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = tmp_path / "old.h5"
    alone.write_bytes(old.read_bytes())
    model = ["--model", str(old.parent / "one_model.h5")]
    assert main(["info", str(alone), *model]) == 0
    assert "hidden 2, output 1" in capsys.readouterr().out
    out = str(tmp_path / "a.svg")
    assert main(["render", str(alone), "one", "--out", out, *model]) == 0
    assert main(["store", str(alone)]) == 1
    assert "replaychart convert" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["convert", "missing.h5", "new.h5"], "There is no file 'missing.h5'"),
        (["convert", "{file}", "new.h5"], "contains no run of DeepReplay"),
        (
            ["convert", "{file}", "new.h5", "--group", "parabola"],
            "Got 'parabola', which ReplayChart recorded",
        ),
        (["convert", "{old}", "{old}"], "must not be the old one"),
        (["convert", "{old}", "new.h5", "--group", "three"], "must be one of 'one', 'two'"),
        (["convert", "{old}", "nowhere/new.h5"], "path must be in an existing directory"),
        (["convert", "{old}", "{text}"], "must be an HDF5 file or a new file"),
        (["convert", "{old}", "new.h5", "--model", "{file}"], "contains no Keras model"),
    ],
)
def test_errors_of_conversion_are_one_line_and_leave_nothing(
    arguments: list[str],
    message: str,
    old: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    text = tmp_path / "text.h5"
    text.write_text("hello")
    files = {"{file}": str(rc.datasets.parabola_recording()), "{old}": str(old),
             "{text}": str(text)}  # fmt: skip
    assert main([files.get(argument, argument) for argument in arguments]) == 1
    error = capsys.readouterr().err
    assert error.startswith("replaychart: error: ")
    assert message in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == [text]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["info", "missing.h5"], "There is no file 'missing.h5'"),
        (["render", "{file}", "other", "--out", "a.png"], "group must be one of 'parabola'"),
        (["render", "{file}", "parabola", "--out", "a.bmp"], "path must end in one of"),
        (
            ["render", "{file}", "parabola", "--chart", "loss-histogram", "--layer", "hidden",
             "--out", "a.png"],
            "--layer does not apply to the chart 'loss-histogram'",
        ),
        (["demo", "--out", "{file}"], "--out must be a directory"),
        (["demo", "--out", "nowhere/demo"], "--out must be in an existing directory"),
    ],
)  # fmt: skip
def test_errors_are_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(rc.datasets.parabola_recording())
    assert main([argument.replace("{file}", file) for argument in arguments]) == 1
    error = capsys.readouterr().err
    assert error.startswith("replaychart: error: ")
    assert message in error
    assert error.count("\n") == 1


def test_compare_draws_a_curve_or_a_chart_of_each_run(tmp_path: Path) -> None:
    runs = str(recorded_settings(tmp_path / "runs.h5"))
    curves, charts = tmp_path / "curves.json", tmp_path / "charts.json"
    chosen = ["compare", runs, "--runs", "slow,fast"]
    assert main([*chosen, "--metric", "acc", "--smooth", "0.5", "--out", str(curves)]) == 0
    assert main([*chosen, "--chart", "loss-histogram", "--out", str(charts)]) == 0
    opened = rc.open_runs(runs)
    named = {name: opened[name] for name in ("slow", "fast")}
    expected = rc.save(rc.compare(named, metric="acc", smooth=0.5), tmp_path / "expected.json")
    assert curves.read_text() == expected.read_text()
    rc.save(rc.small_multiples(named, chart=rc.loss_histogram), expected)
    assert charts.read_text() == expected.read_text()
