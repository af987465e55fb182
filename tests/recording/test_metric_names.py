"""The names of what training frameworks log."""

from replaychart.recording.metric_names import renamed


def test_prefixes_become_those_of_charts() -> None:
    logged = {
        "train_loss": 1,
        "eval_loss": 2,
        "val/acc": 3,
        "train/acc": 4,
        "trained": 5,
        "val_f1": 6,
    }
    assert renamed(logged) == {
        "loss": 1,
        "val_loss": 2,
        "val_acc": 3,
        "acc": 4,
        "trained": 5,
        "val_f1": 6,
    }


def test_nothing_is_lost_if_two_names_become_one() -> None:
    assert renamed({"train_loss": 1, "loss": 2}) == {"train_loss": 1, "loss": 2}
    assert renamed({"eval_loss": 1, "valid_loss": 2}) == {"val_loss": 1, "valid_loss": 2}
    assert renamed({"train_": 1}) == {"train_": 1}
