"""The README's code runs as it stands there, but for fewer epochs."""

import re
import shutil
from pathlib import Path

import pytest
from support import deepreplay_files
from support.training import dense, small_model

import replaychart as rc

README = Path(__file__).parent.parent / "README.md"


def _python_blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


def _record_as_deepreplay(path: Path) -> None:
    X, y = rc.datasets.parabola(40)
    model = small_model(dense(2, "sigmoid", "hidden"), dense(1, "sigmoid", "output"))
    config = deepreplay_files.sequential_config(model)
    group = "part1_activation_functions"
    training = deepreplay_files.train(path, group, model, X, y[:, None], model_config=config)
    (path.parent / "models").mkdir()
    shutil.copy(training.model_file, path.parent / "models")


def test_code_runs_in_its_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _record_as_deepreplay(tmp_path / "hyperparms_in_action.h5")
    names: dict[str, object] = {}
    blocks = _python_blocks()
    assert len(blocks) >= 4
    assert "epochs=150, batch_size=16" in blocks[0]
    for block in blocks:
        exec(block.replace("epochs=150, batch_size=16", "epochs=15, batch_size=256"), names)
        names.setdefault("run_a", names["run"])
        names.setdefault("run_b", names["run"])
    for name in ("parabola.html", "parabola.png", "own.html"):
        assert (tmp_path / name).stat().st_size > 20_000
