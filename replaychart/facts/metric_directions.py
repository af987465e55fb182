"""Whether a metric is better the higher or the lower it is, by its name."""

# Parts of the names of scores. Of all others (losses and errors), the lowest value is the best, as
# the callbacks of Keras assume.
_SCORES = {
    *("acc", "accuracy", "auc", "auroc", "precision", "recall", "specificity", "sensitivity"),
    *("f1", "fbeta", "iou", "dice", "r2", "kappa", "similarity", "score", "psnr", "ssim", "bleu"),
    *("map", "ndcg", "mrr", "top", "hits", "correlation", "mcc"),
}
_NO_SCORES = {"loss", "error"}


def is_score(name: str) -> bool:
    """Return whether a metric with this name is better the higher it is.

    Parameters
    ----------
    name : str
        A name as it was logged, such as ``"val_binary_accuracy"``.
    """
    words = set(name.lower().replace("@", "_").replace(" ", "_").split("_"))
    return bool(words & _SCORES) and not words & _NO_SCORES
