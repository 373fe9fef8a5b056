"""Calendar windows and reporting periods. All dates are inclusive and in the study's timezone."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal

from evalkit.errors import ParameterError

Frequency = Literal["month", "quarter", "half-year", "year"]
MONTHS_IN: dict[str, int] = {"month": 1, "quarter": 3, "half-year": 6, "year": 12}
YEARS = range(1000, 9000)  # so that no day before or after a window is beyond the calendar
_PATTERNS = (
    (re.compile(r"(\d{4})-Q([1-4])"), 3),
    (re.compile(r"(\d{4})-H([12])"), 6),
    (re.compile(r"(\d{4})-(0[1-9]|1[0-2])"), 1),
)


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """Days from `start` to `end`, both included.

    Raises ParameterError when the end lies before the start.

    >>> Window(date(2025, 1, 1), date(2025, 3, 31)).days
    90
    """

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ParameterError(f"A window ends ({self.end}) before it starts ({self.start}); swap the dates.")

    @property
    def days(self) -> int:
        return (self.end - self.start).days + 1

    def __contains__(self, day: date) -> bool:
        return self.start <= day <= self.end

    def __str__(self) -> str:
        return f"{self.start}/{self.end}"

    def intersect(self, other: Window) -> Window | None:
        """Return the days both windows hold, or None."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Window(start, end) if start <= end else None

    def minus(self, other: Window | None) -> tuple[Window, ...]:
        """Return what is left of this window without the days of `other`: none, one or two windows.

        >>> [str(w) for w in Window(date(2025, 1, 1), date(2025, 6, 30)).minus(
        ...     Window(date(2025, 1, 1), date(2025, 3, 31)))]
        ['2025-04-01/2025-06-30']
        """
        shared = self.intersect(other) if other else None
        if shared is None:
            return (self,)
        parts = []
        if self.start < shared.start:
            parts.append(Window(self.start, shared.start - timedelta(days=1)))
        if shared.end < self.end:
            parts.append(Window(shared.end + timedelta(days=1), self.end))
        return tuple(parts)

    def months(self) -> Iterator[Window]:
        """Yield the calendar months the window touches, each cut to the window."""
        first = date(self.start.year, self.start.month, 1)
        while first <= self.end:
            following = add_months(first, 1)
            yield Window(max(first, self.start), min(following - timedelta(days=1), self.end))
            first = following


@dataclass(frozen=True, slots=True)
class Period:
    """A reporting period: its label, as the user names it, and its days."""

    label: str
    window: Window

    @property
    def start(self) -> date:
        return self.window.start

    @property
    def end(self) -> date:
        return self.window.end

    @property
    def slug(self) -> str:
        """The label as file names carry it (`_` for `/`)."""
        return self.label.replace("/", "_")

    def __str__(self) -> str:
        return self.label


def add_months(day: date, months: int) -> date:
    """Return the day `months` later, or the last of that month where it has fewer days.

    >>> add_months(date(2025, 1, 31), 1)
    datetime.date(2025, 2, 28)
    """
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def parse_period(text: object) -> Period:
    """Read `2025-Q4` (or `2025Q4`), `2025-10`, `2025-H2`, `2025` (text or number) or `2025-10-01/2025-12-31`.

    A pandas Period of a month, quarter or year is read as it is written. Raises ParameterError for anything else, and
    for a Period of another calendar, such as a quarter of a fiscal year.

    >>> str(parse_period("2025-Q4").window)
    '2025-10-01/2025-12-31'
    >>> parse_period(2025).label
    '2025'
    """
    label = re.sub(r"^(\d{4})(Q[1-4])$", r"\1-\2", str(text).strip())
    if hasattr(text, "start_time") and hasattr(text, "end_time"):
        days, found = f"{text.start_time.date()}/{text.end_time.date()}", parse_period(label)
        if str(found.window) != days:
            raise ParameterError(f"The period {label} is no period of the calendar; write its days, '{days}'.")
        return found
    for pattern, months in _PATTERNS:
        match = pattern.fullmatch(label)
        if match and int(match[1]) in YEARS:
            start = date(int(match[1]), (int(match[2]) - 1) * months + 1, 1)
            return Period(label, Window(start, add_months(start, months) - timedelta(days=1)))
    if re.fullmatch(r"[0-9]{4}", label) and int(label) in YEARS:
        return Period(label, Window(date(int(label), 1, 1), date(int(label), 12, 31)))
    first, separator, last = label.replace("_", "/").partition("/")
    if separator and all(re.search(r"\d{4}-\d", day) for day in (first, last)):
        window = Window(parse_date(first, "the period's start"), parse_date(last, "the period's end"))
        return Period(str(window), window)
    raise ParameterError(
        f"The period '{label[:60]}' is not understood; write 2025-Q4, 2025-10, 2025-H2, 2025 or 2025-10-01/2025-12-31: "
        "a quarter (Q1 to Q4), a month (01 to 12), a half-year (H1, H2), a year, or the first and the last day."
    )


def parse_date(text: object, what: str = "the date") -> date:
    """Read an ISO date, or take the day of a date or of a datetime at midnight. Raises ParameterError naming `what`."""
    if isinstance(text, datetime) and text == text and text.time() != time():  # NaT equals nothing, itself neither
        raise ParameterError(f"{text} for {what} has a time of day; expected a day: give its .date().")
    if isinstance(text, date) and text == text:
        return text.date() if isinstance(text, datetime) else text
    try:
        day = date.fromisoformat(str(text).strip())
        if day.year in YEARS:
            return day
    except ValueError:
        pass
    raise ParameterError(
        f"'{str(text)[:60]}' is not a date for {what}; write it as 2025-12-31, of the years {YEARS[0]} to {YEARS[-1]}."
    )


def check_frequency(frequency: object) -> None:
    """Raise ParameterError for what is no frequency of the calendar, naming those there are."""
    if frequency not in MONTHS_IN:
        known = ", ".join(MONTHS_IN)
        raise ParameterError(f"The frequency {frequency!r} is not known; expected one of {known}.")


def period_containing(day: date, frequency: Frequency) -> Period:
    """Return the calendar period of this frequency that holds the day.

    >>> period_containing(date(2025, 11, 24), "quarter").label
    '2025-Q4'
    """
    size = MONTHS_IN[frequency]
    number = (day.month - 1) // size + 1
    label = {
        "month": f"{day.year:04d}-{day.month:02d}",
        "quarter": f"{day.year:04d}-Q{number}",
        "half-year": f"{day.year:04d}-H{number}",
        "year": f"{day.year:04d}",
    }[frequency]
    return parse_period(label)


def calendar_periods(start: date, end: date, frequency: Frequency) -> tuple[Period, ...]:
    """Return the periods from the one holding `start` to the last that has ended by `end`.

    >>> [p.label for p in calendar_periods(date(2025, 1, 1), date(2025, 9, 30), "quarter")]
    ['2025-Q1', '2025-Q2', '2025-Q3']
    """
    found, period = [], period_containing(start, frequency)
    while period.end <= end:
        found.append(period)
        period = period_containing(period.end + timedelta(days=1), frequency)
    return tuple(found)


def previous_period(period: Period) -> Period:
    """Return the period of the same length just before: 2025-Q3 of 2025-Q4."""
    before = period.start - timedelta(days=1)
    for frequency in MONTHS_IN:
        if period_containing(period.start, frequency).label == period.label:  # type: ignore[arg-type]
            return period_containing(before, frequency)  # type: ignore[arg-type]
    window = Window(before - timedelta(days=period.window.days - 1), before)
    return Period(str(window), window)
