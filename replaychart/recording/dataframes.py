"""Reads the dataframes of any library, such as polars, as pandas ones."""

from collections.abc import Mapping
from typing import Any

import narwhals as nw
import pandas as pd

from replaychart.errors import ArgumentError


def in_pandas(argument: str, given: Any) -> Any:
    """Return a dataframe or series of any library as one of pandas, anything else unchanged.

    Parameters
    ----------
    argument : str
        What errors call it.
    given : object
        User input. In a list or a mapping of arrays, each is converted.

    Raises
    ------
    ArgumentError
        It is a query that has not been computed.
    """
    if isinstance(given, (pd.DataFrame, pd.Series)):
        return given
    if isinstance(given, Mapping):
        return {name: in_pandas(f"{argument}[{name!r}]", one) for name, one in given.items()}
    if isinstance(given, (list, tuple)):
        # Rows of numbers stay as they are.
        if not any(hasattr(one, "shape") or isinstance(one, (Mapping, list)) for one in given):
            return given
        return [in_pandas(f"{argument}[{place}]", one) for place, one in enumerate(given)]
    frame = nw.from_native(given, pass_through=True, allow_series=True)
    if isinstance(frame, nw.LazyFrame):
        message = (
            f"{argument} must contain values. Got a {type(given).__name__}, which has not been "
            "computed. Pass the result of its collect()."
        )
        raise ArgumentError(message)
    if isinstance(frame, nw.Series):
        return pd.Series(frame.to_numpy(), name=frame.name)
    if isinstance(frame, nw.DataFrame):
        return pd.DataFrame({name: frame[name].to_numpy() for name in frame.columns})
    return given
