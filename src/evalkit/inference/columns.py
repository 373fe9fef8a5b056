"""Columns that callers hand in as arrays: lists, NumPy, pandas, Polars, PyArrow, whatever speaks Arrow's protocol.

An Arrow column is read as pandas reads it: NumPy's own protocol turns times with a zone into UTC, whose day may be
another one, and whole numbers beside a missing one into floats, which long identifiers do not survive.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import ParameterError, shown


def column(given: Any, name: str) -> NDArray[Any]:
    """Return a column as an array, of objects where it holds text or something is missing, which is then None.

    Missing are None, NaN, NaT, pandas' NA, Arrow's and Polars' null, and what a masked array masks; a column of floats
    keeps NaN.

    Raises ParameterError for a whole table and for what has no counterpart in Python.
    """
    return _read(given, name, None)


def labels(given: Any, name: str) -> NDArray[Any]:
    """Return a column as an array of Python objects, None where a label is missing.

    A whole float is an int: pandas makes 1.0 of 1 in a column that misses a value elsewhere.

    >>> labels([1.0, float("nan"), 2.5], "clusters")
    array([1, None, 2.5], dtype=object)
    """
    found = _read(given, name, object)
    return np.asarray(_whole(found), dtype=object)


def numbers(given: Any, name: str) -> NDArray[np.float64]:
    """Return a column of numbers as floats, NaN where one is missing.

    Raises ParameterError naming the first value that is no number.

    >>> numbers([1, None, True], "values")
    array([ 1., nan,  1.])
    """
    values = column(given, name)
    if values.dtype.kind in "mM":
        raise ParameterError(
            f"{name} holds {'durations' if values.dtype.kind == 'm' else 'dates'}; expected numbers: divide a duration "
            "by its unit, such as one hour."
        )
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ParameterError(f"{name}: expected numbers{_other_than_numbers(values)}.") from None


def check_order(*given: tuple[str, Any]) -> None:
    """Raise ParameterError where columns (name, column) are pandas Series with the same labels in another order.

    Columns are taken by position; whoever sorted one of two Series relied on their labels.
    """
    series = [(name, column) for name, column in given if hasattr(column, "iloc")]
    for (first, one), (other, column) in zip(series[:1] * len(series), series, strict=True):
        if not column.index.equals(one.index) and Counter(column.index) == Counter(one.index):
            raise ParameterError(
                f"{other} has the labels of {first} in another order, and columns are taken by position; give "
                f"{other}.reindex({first}.index), or {other}.to_numpy() where the positions are right."
            )


def plain(value: Any) -> Any:
    """Return a value as Python has it: an Arrow scalar's own, None for all that is missing."""
    value = value.as_py() if hasattr(value, "as_py") else value
    same = value == value  # NaN and NaT are not, pandas' NA does not know
    return value if isinstance(same, bool | np.bool_ | np.ndarray) and np.all(same) else None


_plain = np.frompyfunc(plain, 1, 1)
_whole = np.frompyfunc(lambda value: int(value) if isinstance(value, float) and value.is_integer() else value, 1, 1)


def _read(given: Any, name: str, dtype: type | None) -> NDArray[Any]:
    kind = type(given)
    if hasattr(kind, "columns"):
        raise ParameterError(f"{name} is a whole table ({kind.__name__}); give one of its columns.")
    if isinstance(given, np.ma.MaskedArray):
        masked, given = np.ma.getmaskarray(given), given.data.astype(object)
        given[masked] = None
    elif isinstance(given, list | tuple) and given and hasattr(given[0], "as_py"):  # NumPy takes a text's for a list
        given = [plain(value) for value in given]
    try:
        values = np.asarray(_as_pandas(given), dtype=dtype)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"{name} cannot be read as a column of {kind.__name__}: {error}") from None
    return np.asarray(_plain(values), dtype=object) if values.dtype.kind in "OUS" else values


def _as_pandas(given: Any) -> Any:
    """Return a column of Arrow's as one of pandas', anything else as it is."""
    arrow = [hasattr(given, f"__arrow_c_{form}__") for form in ("array", "stream")]
    if not any(arrow) or hasattr(given, "iloc"):  # pandas has the protocol too
        return given
    import pyarrow as pa

    found = pa.array(given) if arrow[0] else pa.chunked_array(given)
    # Polars exports Python objects as their addresses
    if pa.types.is_nested(found.type) or pa.types.is_fixed_size_binary(found.type):
        raise TypeError(f"it holds {found.type}; cast it to numbers, text or dates.")
    if pa.types.is_dictionary(found.type) and pa.types.is_integer(found.type.value_type):  # categories would be floats
        found = found.cast(found.type.value_type)
    return found.to_pandas(integer_object_nulls=True)


def _other_than_numbers(values: NDArray[Any]) -> str:
    for place, value in enumerate(values.ravel()):
        try:
            float(np.nan if value is None else value)
        except (TypeError, ValueError):
            return f"; [{place}] is {shown(value)}"
    return ""
