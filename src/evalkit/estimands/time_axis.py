"""A series in time: dates or month numbers in, checked values on evenly spaced steps out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evalkit.errors import NotEvaluableError, ParameterError, shown
from evalkit.inference import columns

Labels = NDArray[Any]
Numbers = NDArray[np.float64]
DAYS_A_YEAR = 365.25


def labels_of(given: Any, name: str) -> Labels:
    """Return times as an array of days (datetime64[D]) or of whole numbers (int64).

    Accepts columns and lists of dates, datetimes (their day in their own zone), pandas Timestamps and Periods (their
    first day), ISO texts, and whole numbers.

    Raises ParameterError where a value is missing, fractional, or no date.

    >>> labels_of([date(2025, 1, 1), "2025-02"], "times")
    array(['2025-01-01', '2025-02-01'], dtype='datetime64[D]')
    >>> labels_of([1, 2, 3], "times")
    array([1, 2, 3])
    """
    values = columns.column(given, name)
    if values.ndim != 1 or values.size == 0:
        raise ParameterError(f"{name} has the shape {values.shape}; expected a list with one time for each value.")
    if values.dtype.kind in "iuf":
        return _whole(values, name)
    if values.dtype.kind == "O" and (missing := [place for place, value in enumerate(values) if value is None]):
        raise ParameterError(f"{name}[{missing[0]}] is missing; expected a date, or a whole number of months.")
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
        raise ParameterError(f"{name} is {shown(given)}; expected {kind}, as the times are.")
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """A series in order of time, and which of its points count for what; all arrays of shape (n,).

    `steps` since the first point, `a_year` of them a year; `kept` points are fitted, `evaluated` ones are those
    over which the effect is summed.
    """

    labels: Labels
    steps: NDArray[np.int64]
    a_year: float
    values: Numbers
    exposure: Numbers
    after: NDArray[np.bool_]
    kept: NDArray[np.bool_]
    evaluated: NDArray[np.bool_]


def points_of(
    values: ArrayLike,
    times: Any,
    exposure: ArrayLike | None,
    intervention: Any,
    phase_in: tuple[Any, Any] | None,
    window: tuple[Any, Any] | None,
) -> Points:
    """Return a series in order of time, checked (see `interrupted_time_series`)."""
    labels = labels_of(times, "times")
    columns.check_order(("values", values), ("times", times), ("exposure", exposure))
    order = in_order(labels)
    labels = labels[order]
    given = _numbers(values, "values", labels)[order]
    offset = np.ones(labels.size) if exposure is None else _numbers(exposure, "exposure", labels)[order]
    for name, numbers in (("values", given), ("exposure", offset)):
        if (numbers < 0).any():
            raise ParameterError(f"{name}: {labels[numbers < 0][0]} has {numbers.min():g}; expected zero or more.")
    after = labels >= label_of(intervention, "intervention", labels)
    kept = ~_between(labels, phase_in, "phase_in")
    inside = _between(labels, window, "window") if window is not None else np.ones(labels.size, dtype=bool)
    evaluated = kept & after & inside
    steps, a_year = steps_of(labels)
    if not evaluated.any() and (kept & after).any():
        raise NotEvaluableError("no_points_in_window", "The series has no point after the intervention in the window.")
    return Points(
        labels=labels,
        steps=steps,
        a_year=a_year,
        values=given,
        exposure=offset,
        after=after,
        kept=kept,
        evaluated=evaluated,
    )


def _numbers(given: ArrayLike, name: str, labels: Labels) -> Numbers:
    numbers = columns.numbers(given, name)
    if numbers.shape != labels.shape:
        raise ParameterError(f"{name} has the shape {numbers.shape}, times {labels.shape}; expected one for each time.")
    if not np.isfinite(numbers).all():
        place = int((~np.isfinite(numbers)).argmax())
        raise ParameterError(f"{name}[{place}] is missing or infinite; leave that time out of all lists.")
    return numbers


def ends_of(span: Any, name: str, labels: Labels) -> tuple[Any, Any]:
    """Return the first and the last time of a span in the form of the series' own times."""
    ends = () if isinstance(span, str) or not hasattr(span, "__iter__") else tuple(span)
    if len(ends) != 2:
        raise ParameterError(f"{name} is {shown(span)}; expected a pair (first, last), both included.")
    first, last = (label_of(end, f"{name}[{i}]", labels) for i, end in enumerate(ends))
    if last < first:
        raise ParameterError(f"{name} ends ({last}) before it starts ({first}); swap the times.")
    return first, last


def in_order(labels: Labels) -> NDArray[np.intp]:
    """Return the order in time, or raise ParameterError where a time stands more than once."""
    order = np.argsort(labels, kind="stable")
    repeated = labels[order][1:][labels[order][1:] == labels[order][:-1]]
    if repeated.size:
        raise ParameterError(f"times: {repeated[0]} stands more than once; give one value for each time.")
    return order


def _between(labels: Labels, span: tuple[Any, Any] | None, name: str) -> NDArray[np.bool_]:
    if span is None:
        return np.zeros(labels.size, dtype=bool)
    first, last = ends_of(span, name, labels)
    return np.asarray((labels >= first) & (labels <= last), dtype=bool)


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
    if isinstance(value, datetime):
        value = value.date()
    if isinstance(value, date | str | np.datetime64):
        try:
            return np.asarray(value).astype("datetime64[D]")
        except ValueError:
            pass
    raise ParameterError(f"{name} is {shown(value)}; expected a date, or a whole number of months.")
