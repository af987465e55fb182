"""With a threshold, all charts count what scikit-learn counts, exactly, at any hundredth."""

import re
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from sklearn import metrics
from support.training import EPOCHS, Training, dense, small_model, train

import replaychart as rc
from replaychart.drawing.threshold import LEVELS

CHARTS = {
    "feature_space": rc.feature_space,
    "decision_boundary": rc.decision_boundary,
    "probability_histogram": rc.probability_histogram,
    "combined": lambda run, **options: rc.probability_histogram(run, layout="combined", **options),
    "roc": rc.roc,
    "confusion": rc.confusion,
}


def _taken(run: rc.Run, epoch: int, hundredths: int) -> np.ndarray:
    """Which points are predicted as class 1."""
    if hundredths == 50:
        return run.points(epochs=epoch)["prediction"].to_numpy() == 1
    return run.point_probabilities(epochs=epoch)[0].astype(np.float64) >= hundredths / 100


def _shown(page: Any) -> dict[str, Any]:
    """All texts of a page, and how many points have rings."""
    return page.page.evaluate(
        """() => {
          const found = {texts: [], rings: 0};
          const visit = (item) => {
            if (item.marktype === "text") found.texts.push(...item.items.map((one) => one.text));
            if (item.marktype === "symbol" && (item.name || "").includes("layer"))
              found.rings += item.items.filter((one) => one.fill === "transparent").length;
            for (const one of item.items || []) visit(one);
          };
          visit(view.scenegraph().root);
          return found;
        }"""
    )


def test_every_hundredth_is_exact_in_the_page(parabola: Training, opened: Any) -> None:
    run = parabola.open()
    threshold = rc.threshold_param()
    chart = (rc.decision_boundary(run, threshold=threshold) | rc.roc(run, threshold=threshold)) & (
        rc.probability_histogram(run, threshold=threshold) | rc.confusion(run, threshold=threshold)
    )
    page = opened(chart)
    y = run.targets
    for epoch in (0, EPOCHS):
        page.show(epoch)
        for hundredths in (0, 29, 46, 47, 48, 49, 50, 51, 52, 53, 57, 100):
            value = hundredths / 100
            page.page.evaluate(f"view.signal('threshold', {value}).runAsync().then(() => 1)")
            taken = _taken(run, epoch, hundredths)
            shown = _shown(page)
            counts = metrics.confusion_matrix(y, taken)
            accuracy = metrics.accuracy_score(y, taken)
            rates = counts[:, 1] / counts.sum(axis=1)
            precision = metrics.precision_score(y, taken, zero_division=1)
            expected = [
                f"threshold {hundredths / 100:.2f}, accuracy {accuracy:.3f}",
                f"FPR {rates[0]:.3f}, TPR {rates[1]:.3f}",
                f"recall {rates[1]:.3f}, precision {precision:.3f}",
                *(f"{count:,}" for count in counts.ravel()),
                *(f"{counts[case, case]:,} correct" for case in (0, 1)),
                *(f"{counts[case, 1 - case]:,} wrong" for case in (0, 1)),
            ]
            missing = [text for text in expected if text not in shown["texts"]]
            assert not missing, (epoch, hundredths, missing)
            assert shown["rings"] == (taken != (y == 1)).sum()


@pytest.mark.parametrize("layer", [None, "hidden"])
def test_boundary_is_where_the_probability_is_the_threshold(
    layer: str | None, parabola: Training
) -> None:
    run = parabola.open()
    rectangle = run.planes.rectangle(layer, plane="inputs")
    lines = run.planes.level_lines(rectangle, LEVELS, [0, EPOCHS])
    assert set(np.round(100 * lines.value)) <= set(range(1, 100))
    assert len(set(lines.value)) > 5
    model = parabola.at(EPOCHS)
    if layer is not None:
        model = keras.Sequential([keras.Input((2,)), model.get_layer("output")])
    for piece in lines.pieces():
        if piece.snapshot == EPOCHS:
            found = model.predict(piece.vertices, verbose=0)[:, 0]
            np.testing.assert_allclose(found, piece.value, rtol=0, atol=2e-3)


@pytest.mark.parametrize("name", CHARTS)
def test_stills_and_films_show_the_value_of_the_parameter(
    name: str, parabola: Training, tmp_path: Path
) -> None:
    run = parabola.open()
    build = CHARTS[name]
    pictures = [
        rc.save(build(run, threshold=threshold), tmp_path / f"{place}.png", epoch=EPOCHS)
        for place, threshold in enumerate((rc.threshold_param(0.3), True, rc.threshold_param(0.3)))
    ]
    first, second, third = (picture.read_bytes() for picture in pictures)
    assert first == third
    assert first != second
    film = rc.save(
        build(run, threshold=rc.threshold_param(0.3)), tmp_path / "a.gif", epochs=[0, 3], scale=0.5
    )
    assert film.stat().st_size > 1_000


@pytest.mark.parametrize("name", CHARTS)
def test_a_threshold_of_one_half_is_the_networks_own(
    name: str, parabola: Training, tmp_path: Path
) -> None:
    run = parabola.open()
    build = CHARTS[name]

    def counted(chart: Any) -> set[str]:
        svg = rc.save(chart, tmp_path / "a.svg", epoch=2).read_text("utf-8")
        texts = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
        return {text for text in texts if re.search("correct|wrong|%$|AUC|AP", text)}

    assert counted(build(run)) <= counted(build(run, threshold=True))


def test_a_tie_counts_as_the_network_decides(tmp_path: Path) -> None:
    X, y = rc.datasets.parabola(20)
    model = small_model(dense(1, "sigmoid", "output"))
    model.set_weights([np.zeros((2, 1)), np.zeros(1)])
    rc.Recorder(X, y, tmp_path / "a.h5", "a", model=model)
    run = rc.open_run(tmp_path / "a.h5")
    for threshold, expected in ((0.49, "accuracy 0.500"), (0.5, "accuracy 0.500")):
        chart = rc.confusion(run, threshold=rc.threshold_param(threshold))
        svg = rc.save(chart, tmp_path / "a.svg").read_text()
        assert expected in svg
        right = re.findall(r">(100%|0%)</text>", svg)
        # All points are class 1 at 0.49, and class 0 at 0.5.
        assert right[:2] == (["0%", "100%"] if threshold < 0.5 else ["100%", "0%"])


def test_one_slider_for_all_charts(parabola: Training) -> None:
    run = parabola.open()
    spec = (rc.roc(run, threshold=True) | rc.confusion(run, threshold=True)).to_dict()
    names = [parameter["name"] for parameter in spec["params"]]
    assert sorted(names) == ["epoch", "threshold"]
    (slider,) = [one for one in spec["params"] if one["name"] == "threshold"]
    assert slider["bind"]["step"] == 0.01
    different = rc.roc(run, threshold=rc.threshold_param(0.2))
    with pytest.raises(rc.ArgumentError, match="different 'threshold' parameters.*0.2.*0.5"):
        (different | rc.confusion(run, threshold=True)).to_dict()
    for build in CHARTS.values():
        assert "threshold" not in str(build(run).to_dict()["params"])


def test_bad_thresholds_raise(
    parabola: Training, three: Training, regression: Training, tmp_path: Path
) -> None:
    for value in (-0.1, 0.505, 1.5, "half", True, np.nan):
        with pytest.raises(rc.ArgumentError, match="value must be a whole number of hundredths"):
            rc.threshold_param(value)
    run = parabola.open()
    with pytest.raises(rc.ArgumentError, match="threshold must be True, False or.*Got 0.3"):
        rc.roc(run, threshold=0.3)
    with pytest.raises(rc.ArgumentError, match="bins must divide 100.*Got 7"):
        rc.probability_histogram(run, bins=7, threshold=True)
    for build in CHARTS.values():
        with pytest.raises(rc.ArgumentError, match="two classes.*has 3 classes"):
            build(three.open(), threshold=True)
    with pytest.raises(rc.ArgumentError, match="predicts no classes"):
        rc.decision_boundary(regression.open(), threshold=True)
    X, y = rc.datasets.parabola(20)
    model = small_model(dense(1, None, "score"), loss="hinge")
    hinge = train(tmp_path / "a.h5", "a", model, X, 2 * y - 1, epochs=1).open()
    with pytest.raises(rc.ArgumentError, match="whose outputs are scores"):
        rc.confusion(hinge, threshold=True)
