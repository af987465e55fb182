"""Expects what Keras warns of, or refuses."""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import keras
import pytest


@contextmanager
def one_warning(pattern: str) -> Iterator[list[str]]:
    """Expect one `UserWarning` and no second; give its text.

    ``pytest.warns`` would turn what Keras warns of, and is ignored else, into errors.
    """
    texts: list[str] = []
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", UserWarning)
        yield texts
    texts.extend(str(warning.message) for warning in warned)
    (text,) = texts
    assert re.search(pattern, text), text


@contextmanager
def skipped_where_keras_is_too_old() -> Iterator[None]:
    """Skip the test if the lowest supported Keras refuses by itself what a newer one accepts."""
    try:
        yield
    except (TypeError, ValueError) as error:
        if not keras.version().startswith("3.12."):
            raise
        pytest.skip(f"Keras {keras.version()} refuses it: {str(error).splitlines()[0]}")
