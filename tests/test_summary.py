"""A run at a glance: the rows that `info` prints, and the card in a notebook."""

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import keras
import numpy as np
import pytest
from support.training import Training, train

import replaychart as rc


def test_summary_says_what_was_recorded(parabola: Training) -> None:
    summary = parabola.open().summary()
    assert summary["epochs"] == "0 to 6 (7 recorded)"
    assert summary["state"] == "finished"
    assert summary["layers"] == "hidden 2, output 1"
    assert f"loss {parabola.history['loss'][-1]:.4g}" in summary["curves"].split(", ")


def _card(run: rc.Run) -> ElementTree.Element:
    return ElementTree.fromstring(run._repr_html_())


def test_card_shows_the_rows_and_the_loss(parabola: Training) -> None:
    run = parabola.open()
    card = _card(run)
    assert card.findtext(".//caption") == run.name
    rows = {row.findtext("th"): row.findtext("td") for row in card.iter("tr")}
    assert rows == {label.capitalize(): text for label, text in run.summary().items()}
    path = card.find(".//path")
    assert path is not None
    ys = [float(position.split(",")[1]) for position in path.attrib["d"][1:].split()]
    losses = np.array(parabola.history["loss"])
    drawn = (losses.max() - losses) / np.ptp(losses) * 64
    np.testing.assert_allclose(ys, drawn, atol=0.06)


def test_names_stay_text_and_long_lists_are_cut(tmp_path: Path) -> None:
    X = np.random.default_rng(0).normal(size=(60, 3)).astype("float32")
    y = np.arange(60) % 20
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(20, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    names = [f"<script>{number}</script>" for number in range(20)]
    training = train(tmp_path / "a.h5", "<b>", model, X, y, class_names=names, epochs=1)
    html = training.open()._repr_html_()
    assert "<script" not in html
    assert "<b>" not in html
    assert _card(training.open()).findtext(".//caption") == "<b>"
    assert training.open().summary()["classes"].endswith("and 8 more")


@pytest.mark.parametrize("loss", [np.nan, 1.0])
def test_one_epoch_or_no_loss_has_no_line(tmp_path: Path, loss: float) -> None:
    path = tmp_path / "a.h5"
    with rc.record_outputs(path, "one", inputs=np.zeros((4, 2)), targets=np.zeros(4)) as recorder:
        recorder.snapshot(0, predictions=np.zeros((4, 1)), logs={"loss": loss})
    card = _card(rc.open_run(path))
    assert card.find(".//path") is None


def test_card_is_small_and_needs_no_keras() -> None:
    code = (
        "import sys; sys.modules['keras'] = sys.modules['tensorflow'] = None;"
        "import replaychart as rc; run = rc.open_run(rc.datasets.parabola_recording());"
        "print(run._repr_html_())"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert b"hidden 2, output 1" in result.stdout
    assert len(result.stdout) < 20_000
