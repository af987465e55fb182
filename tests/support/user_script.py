"""A user's script. The tests check its types against the built wheel; nobody runs it."""

import io
from pathlib import Path
from typing import Any, Literal, assert_type

import altair as alt
import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.decomposition import PCA  # type: ignore[import-untyped]

import replaychart as rc


def recorded(model: Any, module: Any, path: Path) -> rc.Run:
    X, y = rc.datasets.parabola(40)
    assert_type(X, np.ndarray)
    recorder = rc.Recorder(X, y, path, group="parabola", every=[0, 0.5, 1], if_exists="overwrite")
    with rc.Recorder(X, y, path, "by hand", class_names=["upper", "lower"]) as by_hand:
        assert_type(by_hand, rc.Recorder)
        by_hand.snapshot(model, 0, {"loss": 0.7})
    recorder.close()
    with rc.record_outputs(path, "outputs", inputs=X, targets=y) as outputs:
        outputs.snapshot(0, layers={"hidden": X}, probabilities=y, losses=y, logs={"loss": 0.7})
    with rc.TorchRecorder(module, X, y, path, "torch", every=2, store=True) as of_torch:
        assert_type(of_torch, rc.TorchRecorder)
        of_torch.snapshot(1, {"loss": 0.7})
    with rc.record_function(np.matmul, X.T, X, y, path, "function", predicts="logits") as taken:
        taken.snapshot(X.T, 1)
    assert_type(rc.list_runs(path), list[str])
    return rc.open_run(path, "parabola")


def frames(run: rc.Run) -> pd.DataFrame:
    assert_type(run.name, str)
    epochs: np.ndarray = run.epochs
    assert len(epochs) > 1
    assert_type(run.layers, list[str])
    assert_type(run.state, Literal["finished", "being recorded", "interrupted", "unknown"])
    assert_type(run.probabilities(epochs=[0, 1]), npt.NDArray[np.float32])
    assert_type(run.losses(), npt.NDArray[np.float32])
    assert_type(run.history(), pd.DataFrame)
    assert_type(run.surface("hidden", epochs=range(3)), pd.DataFrame)
    assert_type(run.distributions("weights", summary=True), pd.DataFrame)
    run.store(layers=["hidden"])
    return run.points("hidden", epochs=slice(None, None, 2)).query("loss > 1")


def charts(run: rc.Run, other: rc.Run) -> None:
    epoch = rc.epoch_param(run, other)
    space = rc.feature_space(run, layer="hidden", epoch=epoch, title="{epoch}", width=300)
    assert_type(space, alt.LayerChart)
    curves = rc.loss_and_metric(run, "acc", source="training") & rc.loss_histogram(run)
    assert_type(curves, alt.VConcatChart)
    dashboard = space | rc.probability_histogram(run, epochs=range(0, 10, 2)) | curves
    violins = rc.weights(run) & rc.gradients(run) & rc.activations(run) & rc.pre_activations(run)
    own = alt.Chart(frames(run)).mark_point().encode(x="loss").transform_filter("datum.epoch == 1")
    everything = dashboard & (violins | rc.spread(run, kind="gradients") | own)

    rc.feature_space(run, projection=(0, 2), positions="mean", surface=None, width="container")
    rc.feature_space(run, projection=PCA(2), surface="layer", scale="per-epoch", title=["a", "b"])
    rc.feature_space(run, projection=np.eye(4)[:, :2]) | rc.feature_space(run, projection="rotate")
    rc.decision_boundary(run, features=[0, 1], at={"length": 2.5}, title="a\nb")
    rc.decision_boundary(run, features=("length", 2), at=np.zeros(4)) | rc.spread(
        run, kind="weights"
    )
    rc.loss_and_metric(run, loss_scale="log", smooth=0.9) & rc.loss_histogram(run, loss_scale="log")
    rc.weights(run, variable="bias", scale="per-epoch") | rc.spread(run, scale="linear")

    playing = rc.animate(everything, fps=12, loop=False)
    assert_type(rc.save(playing, Path("all.html")), Path)
    assert_type(rc.save(playing, io.BytesIO(), format="png", epoch=3), io.BytesIO)
    rc.save(playing, io.StringIO(), format="html")
    rc.save(everything, "all.gif", epochs=slice(None, None, 2), fps=8, hold=2, loop=3)
    rc.save(rc.decision_boundary(run, features=("length", 2)), "strip.png", epochs=[0, 10])
    rc.save(rc.residual_histogram(run, bins=12), "residuals.svg", epoch=3)
    boundary = rc.decision_boundary(run).add_params(*epoch)
    rc.save(rc.animate(boundary).properties(title="A title"), "boundary.json")


def errors(path: Path) -> str:
    try:
        return rc.open_run(path, "a").name
    except (rc.RunFileError, rc.ArgumentError) as error:
        return str(error)
    except rc.ReplayChartError:
        raise
