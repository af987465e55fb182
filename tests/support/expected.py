"""Expects a warning among those that Keras may give."""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


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
