"""Times of a series: dates or month numbers in, evenly spaced steps out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import ParameterError

Labels = NDArray[Any]
DAYS_A_YEAR = 365.25


def labels_of(given: Any, name: str) -> Labels:
    """Return times as an array of days (datetime64[D]) or of whole numbers (int64).

    Accepts arrays and lists of dates, datetimes, pandas Timestamps and Periods (their first day), ISO texts, and
    whole numbers.

    Raises ParameterError where a value is missing, fractional, or no date.

    >>> labels_of([date(2025, 1, 1), "2025-02"], "times")
    array(['2025-01-01', '2025-02-01'], dtype='datetime64[D]')
    >>> labels_of([1, 2, 3], "times")
    array([1, 2, 3])
    """
    values = np.asarray(given)
    if values.ndim != 1 or values.size == 0:
        raise ParameterError(f"{name} has the shape {values.shape}; expected a list with one time for each value.")
    if values.dtype.kind in "iuf":
        return _whole(values, name)
    if values.dtype.kind == "O" and all(isinstance(value, int | np.integer) for value in values.tolist()):
        return _whole(values.astype(np.int64), name)
    days = np.array([_day(value, f"{name}[{i}]") for i, value in enumerate(_items(values))], dtype="datetime64[D]")
    if np.isnat(days).any():
        raise ParameterError(f"{name}[{int(np.isnat(days).argmax())}] is missing; expected a date.")
    return days


def label_of(given: Any, name: str, like: Labels) -> Any:
    """Return one time in the form of the series' own.

    Raises ParameterError for a date among month numbers or the other way round.
    """
    label = labels_of([given], name)
    if label.dtype.kind != like.dtype.kind:
        kind = "a date" if like.dtype.kind == "M" else "a whole number"
        raise ParameterError(f"{name} is {given!s}; expected {kind}, as the times are.")
    return label[0]


def steps_of(labels: Labels) -> tuple[NDArray[np.int64], float]:
    """Return each time's whole steps since the first, and how many steps a year has.

    A step is the largest spacing that fits all times: months where each falls in a month of its own (28
    February follows 31 January by one step), else days. Plain numbers are months.

    >>> steps, a_year = steps_of(labels_of(["2025-01-01", "2025-04-01", "2025-10-01"], "times"))
    >>> steps.tolist(), a_year
    ([0, 1, 3], 4.0)
    """
    counts, a_year = labels.astype(np.int64), 12.0
    if labels.dtype.kind == "M":
        months = labels.astype("datetime64[M]").astype(np.int64)
        if np.unique(months).size == labels.size:
            counts = months
        else:
            counts, a_year = labels.astype(np.int64), DAYS_A_YEAR
    counts = counts - counts.min()
    step = int(np.gcd.reduce(counts)) or 1
    return counts // step, a_year / step


def _items(values: Labels) -> Iterable[Any]:
    return values.astype("datetime64[D]") if values.dtype.kind == "M" else values.tolist()


def _whole(values: Labels, name: str) -> NDArray[np.int64]:
    wrong = ~np.isfinite(values.astype(np.float64)) | (values != np.floor(values.astype(np.float64)))
    if wrong.any():
        place = int(wrong.argmax())
        raise ParameterError(f"{name}[{place}] is {values[place]}; expected dates, or whole numbers of months.")
    return values.astype(np.int64)


def _day(value: Any, name: str) -> Any:
    value = getattr(value, "start_time", value)
    if value != value:
        return np.datetime64("NaT")
    if isinstance(value, datetime):
        value = value.date()
    if isinstance(value, date | str | np.datetime64):
        try:
            return np.asarray(value).astype("datetime64[D]")
        except ValueError:
            pass
    raise ParameterError(f"{name} is {value!r}; expected a date, or a whole number of months.")
