"""`leaderboard`: what is read from the recordings of a sweep, against what was trained."""

from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from support.settings import SETTINGS, losses, recorded_settings
from support.training import Training, dense, small_model, train

import replaychart as rc
from replaychart.errors import ArgumentError
from replaychart.facts.metric_directions import is_score

Sweep = tuple[dict[str, rc.Run], dict[str, Training]]


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    """Three runs that differ in the optimizer, the momentum and the width."""
    path = tmp_path_factory.mktemp("sweep") / "sweep.h5"
    X, y = rc.datasets.parabola(80)
    settings = {
        "plain": (3, keras.optimizers.SGD(0.5)),
        "momentum": (3, keras.optimizers.SGD(0.1, momentum=0.9)),
        "wide": (5, keras.optimizers.Adam(0.02)),
    }
    trainings = {}
    for name, (units, optimizer) in settings.items():
        keras.utils.set_random_seed(2)
        model = small_model(dense(units, "tanh", "hidden"), dense(1, "sigmoid", "output"))
        model.compile(optimizer, "binary_crossentropy", metrics=["accuracy"])
        trainings[name] = train(path, name, model, X, y, epochs=4, validation_split=0.25)
    return rc.open_runs(path), trainings


def test_rows_are_what_keras_logged(sweep: Sweep) -> None:
    runs, trainings = sweep
    table = rc.leaderboard(runs).set_index("name")
    for name, training in trainings.items():
        for metric, values in training.history.items():
            if metric == "learning_rate":
                continue
            best = np.max if "accuracy" in metric else np.min
            row = table.loc[name]
            assert row[metric] == pytest.approx(values[-1])
            assert row[f"best_{metric}"] == pytest.approx(best(values))
            # Keras counts epochs from 0, and the first snapshot is before training.
            assert values[int(row[f"best_{metric}_epoch"]) - 1] == best(values)
    order = sorted(trainings, key=lambda name: min(trainings[name].history["val_loss"]))
    assert list(table.index) == order


def test_setups_are_read_from_the_recordings(sweep: Sweep) -> None:
    runs, trainings = sweep
    table = rc.leaderboard(runs).set_index("name")
    assert table["architecture"].to_dict() == {
        "plain": "2-3-1",
        "momentum": "2-3-1",
        "wide": "2-5-1",
    }
    assert table["optimizer"].to_dict() == {"plain": "SGD", "momentum": "SGD", "wide": "Adam"}
    assert table["learning_rate"].to_dict() == {"plain": 0.5, "momentum": 0.1, "wide": 0.02}
    # Only settings that differ are columns; Adam has no momentum.
    assert table["momentum"].to_dict() == pytest.approx(
        {"plain": 0.0, "momentum": 0.9, "wide": np.nan}, nan_ok=True
    )
    assert "beta_1" not in table
    for name, training in trainings.items():
        assert table.loc[name, "weights"] == training.model.count_params()
    assert (table["batches_per_epoch"] == 4).all()  # 120 points in batches of 32
    assert table[["activations", "state", "epochs"]].drop_duplicates().to_numpy().tolist() == [
        ["tanh", "finished", 4]
    ]


def test_replayed_values_include_the_state_before_training(sweep: Sweep) -> None:
    runs, _ = sweep
    table = rc.leaderboard(runs, source="replay", by="accuracy").set_index("name")
    for name, run in runs.items():
        accuracy = 1 - run.wrong().mean(axis=1)
        assert table.loc[name, "best_accuracy"] == pytest.approx(accuracy.max())
        assert table.loc[name, "best_accuracy_epoch"] == accuracy.argmax()
        assert table.loc[name, "loss"] == pytest.approx(run.losses()[-1].mean(), rel=1e-5)
    assert table["best_accuracy"].is_monotonic_decreasing


def test_seeds_have_a_row_each_and_missing_values_are_last(tmp_path: Path) -> None:
    runs = rc.open_runs(recorded_settings(tmp_path / "runs.h5"))
    path = tmp_path / "diverged.h5"
    with rc.record_outputs(path, "b", inputs=np.zeros((2, 2)), targets=np.zeros(2)) as recorder:
        for epoch, loss in enumerate([2.0, np.nan, np.inf]):
            recorder.snapshot(epoch, predictions=np.zeros((2, 1)), logs={"loss": loss, "mae": 1.0})
    table = rc.leaderboard(
        {
            "diverged": rc.open_run(path),
            "fast": [runs["fast"], runs["fast-2"]],
            "slow": runs["slow"],
        }
    )
    assert table["run"].tolist() == ["fast", "fast-2", "slow", "b"]
    assert table["name"].tolist() == ["fast", "fast", "slow", "diverged"]
    for row in table.iloc[:3].itertuples():
        assert row.best_loss == pytest.approx(losses(row.run).min())
        assert row.best_acc == pytest.approx(1 - losses(row.run).min() / 2)
        assert row.best_acc_epoch == row.epochs == SETTINGS[row.run][0]
    diverged = table.iloc[3]
    assert (diverged["best_loss"], diverged["best_loss_epoch"]) == (2.0, 0)
    assert np.isinf(diverged["loss"])
    assert np.isnan(diverged["best_acc"])
    assert table["mae"].isna().tolist() == [True] * 3 + [False]
    # Nothing is known about a model that was not recorded.
    assert table["weights"].isna().all()
    assert table["learning_rate"].isna().all()
    by_error = rc.leaderboard({"all": list(runs.values())}, by="acc", highest=["loss"])
    assert by_error["run"].tolist() == ["fast", "fast-2", "slow"]
    assert by_error["best_loss"].tolist() == [1.0] * 3


def test_runs_without_any_curve_are_listed(tmp_path: Path) -> None:
    with rc.record_outputs(
        tmp_path / "a.h5", "a", inputs=np.zeros((2, 2)), targets=np.zeros(2)
    ) as recorder:
        recorder.snapshot(0, predictions=np.zeros((2, 1)))
    table = rc.leaderboard({"one": rc.open_run(tmp_path / "a.h5")})
    assert table["name"].tolist() == ["one"]
    assert not [column for column in table if "loss" in column]
    assert isinstance(table, pd.DataFrame)


@pytest.mark.parametrize(
    ("name", "higher"),
    [
        ("val_binary_accuracy", True),
        ("acc", True),
        ("auc_1", True),
        ("top_k_categorical_accuracy", True),
        ("f1_score", True),
        ("mean_iou", True),
        ("loss", False),
        ("val_loss", False),
        ("mean_absolute_percentage_error", False),
        ("mape", False),
        ("accuracy_loss", False),
        ("kullback_leibler_divergence", False),
    ],
)
def test_direction_follows_from_the_name(name: str, higher: bool) -> None:
    assert is_score(name) is higher


def test_bad_arguments_are_named(parabola: Training) -> None:
    runs = {"a": parabola.open()}
    with pytest.raises(ArgumentError, match="by must be one of .* Got 'auc'"):
        rc.leaderboard(runs, by="auc")
    with pytest.raises(ArgumentError, match="highest must be one of .* Got 'auc'"):
        rc.leaderboard(runs, highest=["auc"])
    with pytest.raises(ArgumentError, match="source must be one of"):
        rc.leaderboard(runs, source="both")  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="runs must map names to runs"):
        rc.leaderboard([parabola.open()])  # type: ignore[arg-type]
