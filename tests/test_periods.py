"""Periods and windows."""

from datetime import UTC, date, datetime

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.errors import ParameterError
from evalkit.periods import (
    Window,
    add_months,
    calendar_periods,
    parse_date,
    parse_period,
    period_containing,
    previous_period,
)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2025-Q1", date(2025, 1, 1), date(2025, 3, 31)),
        ("2025-Q4", date(2025, 10, 1), date(2025, 12, 31)),
        ("2024-02", date(2024, 2, 1), date(2024, 2, 29)),
        ("2025-H2", date(2025, 7, 1), date(2025, 12, 31)),
        ("2025", date(2025, 1, 1), date(2025, 12, 31)),
        (2025, date(2025, 1, 1), date(2025, 12, 31)),
        ("2025-10-01/2025-12-15", date(2025, 10, 1), date(2025, 12, 15)),
        ("2025-10-01_2025-12-15", date(2025, 10, 1), date(2025, 12, 15)),
    ],
)
def test_what_is_understood(text: object, start: date, end: date) -> None:
    period = parse_period(text)
    assert (period.start, period.end) == (start, end)
    assert "/" not in period.slug


@pytest.mark.parametrize("text", ["Q2/2026", "2026-Q5", "2026-Q1/2026-Q2"])
def test_what_is_not_understood_is_told_with_the_forms(text: str) -> None:
    with pytest.raises(ParameterError, match=r"write 2025-Q4, 2025-10, .*: a quarter \(Q1 to Q4\), a month"):
        parse_period(text)


@pytest.mark.parametrize(
    "text", ["2025-Q5", "2025-13", "25-Q1", "Q1-2025", "", "0000", "2025-10-01/", "2025-02-30/2025-03-01"]
)
def test_what_is_not_understood_is_said(text: str) -> None:
    with pytest.raises(ParameterError):
        parse_period(text)


def test_an_interval_that_ends_before_it_starts() -> None:
    with pytest.raises(ParameterError, match="swap the dates"):
        parse_period("2025-12-31/2025-10-01")


def test_dates_say_what_they_are_for() -> None:
    assert parse_date("2025-12-31") == date(2025, 12, 31)
    with pytest.raises(ParameterError, match="the data cut-off"):
        parse_date("31.12.2025", "the data cut-off")


@given(st.dates(date(1990, 1, 1), date(2090, 1, 1)), st.sampled_from(["month", "quarter", "half-year", "year"]))
def test_calendar_periods_tile_the_calendar(day: date, frequency: str) -> None:
    period = period_containing(day, frequency)  # type: ignore[arg-type]
    assert day in period.window
    assert parse_period(period.label) == period
    before = previous_period(period)
    assert (period.start - before.end).days == 1
    assert before == period_containing(before.start, frequency)  # type: ignore[arg-type]


def test_the_previous_of_an_interval_has_its_length() -> None:
    assert previous_period(parse_period("2025-10-11/2025-10-20")).label == "2025-10-01/2025-10-10"


def test_periods_that_have_ended() -> None:
    labels = [p.label for p in calendar_periods(date(2025, 1, 6), date(2025, 12, 30), "quarter")]
    assert labels == ["2025-Q1", "2025-Q2", "2025-Q3"]


days = st.dates(date(2020, 1, 1), date(2030, 1, 1))


@given(days, st.integers(0, 900), days, st.integers(0, 900))
def test_taking_a_window_off_keeps_every_other_day_once(a: date, length: int, b: date, other: int) -> None:
    from datetime import timedelta

    window, cut = Window(a, a + timedelta(days=length)), Window(b, b + timedelta(days=other))
    shared = window.intersect(cut)
    assert sum(w.days for w in window.minus(cut)) == window.days - (shared.days if shared else 0)
    assert sum(w.days for w in window.months()) == window.days


@given(days, st.integers(-60, 60))
def test_adding_months_keeps_the_day_or_takes_the_last(day: date, months: int) -> None:
    found = add_months(day, months)
    assert (found.year * 12 + found.month) - (day.year * 12 + day.month) == months
    assert found.day <= day.day


@pytest.mark.parametrize(
    ("given", "label"),
    [
        (pd.Period("2025Q4"), "2025-Q4"),
        (pd.Period("2025-10", "M"), "2025-10"),
        (pd.Period("2025", "Y"), "2025"),
        ("2025Q4", "2025-Q4"),
        (pd.Period("2025-12-31", "W"), "2025-12-29/2026-01-04"),
    ],
)
def test_periods_of_pandas_and_as_pandas_writes_them(given: object, label: str) -> None:
    assert parse_period(given).label == label


def test_a_pandas_period_of_another_calendar_is_refused_with_its_days() -> None:
    for one in (pd.Period("2025Q4", freq="Q-MAR"), pd.Period("2024", freq="Y-MAR")):
        days = f"{one.start_time.date()}/{one.end_time.date()}"
        with pytest.raises(ParameterError, match=f"no period of the calendar; write its days, '{days}'"):
            parse_period(one)
        assert str(parse_period(days).window) == days


def test_a_datetime_at_midnight_is_its_day_and_another_is_refused() -> None:
    for one in (
        datetime(2025, 12, 31, tzinfo=UTC),
        pd.Timestamp("2025-12-31"),
        pd.Timestamp("2025-12-31", tz="Asia/Shanghai"),
    ):
        assert parse_date(one) == date(2025, 12, 31)
        assert type(parse_date(one)) is date
    with pytest.raises(
        ParameterError, match="2025-12-31 23:59:00 for the data cut-off has a time of day; expected a day"
    ):
        parse_date(pd.Timestamp("2025-12-31 23:59"), "the data cut-off")
    with pytest.raises(ParameterError, match="'NaT' is not a date"):
        parse_date(pd.NaT)
