"""The command, run as a user runs it."""

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Training
from PIL import Image

import replaychart as rc
from replaychart.command import main

# Importing either fails in the process: what runs there runs on a machine without them.
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


def test_render_draws_one_chart(tmp_path: Path) -> None:
    recording = rc.datasets.parabola_recording()
    out = tmp_path / "a.png"
    result = _run("render", recording, "parabola", "--chart", "feature-space", "--layer", "hidden",
                  "--epoch", 15, "--out", out)  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == str(out)
    expected = rc.save(rc.feature_space(rc.open_run(recording)), tmp_path / "b.png", epoch=15)
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
    from replaychart.demonstration import dashboard

    expected = rc.save(dashboard(fresh), tmp_path / "b.svg")
    assert out.read_text() == expected.read_text(), "the same numbers with and without Keras"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["info", "missing.h5"], "There is no file 'missing.h5'"),
        (["render", "{file}", "other", "--out", "a.png"], "group must be one of 'parabola'"),
        (["render", "{file}", "parabola", "--out", "a.bmp"], "path must end in one of"),
        (
            ["render", "{file}", "parabola", "--chart", "loss-histogram", "--layer", "hidden",
             "--out", "a.png"],
            "--layer is not for the chart 'loss-histogram'",
        ),
        (["demo", "--out", "{file}"], "--out must be a directory"),
        (["demo", "--out", "nowhere/demo"], "--out must lie in a directory that exists"),
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
