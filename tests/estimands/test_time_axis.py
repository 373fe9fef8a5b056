"""Times as people have them, on the steps the model needs."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pytest

from evalkit.errors import ParameterError
from evalkit.estimands.time_axis import label_of, labels_of, steps_of


def days(*texts: str) -> np.ndarray:
    return np.array(texts, dtype="datetime64[D]")


@pytest.mark.parametrize(
    "given",
    [
        [date(2025, 1, 31), date(2025, 2, 28)],
        [datetime(2025, 1, 31, 9, 30, tzinfo=UTC), datetime(2025, 2, 28, tzinfo=UTC)],
        ["2025-01-31", "2025-02-28"],
        np.array(["2025-01-31T12:00", "2025-02-28T12:00"], dtype="datetime64[ns]"),
    ],
)
def test_dates_in_any_form(given):
    assert (labels_of(given, "times") == days("2025-01-31", "2025-02-28")).all()


def test_pandas_forms():
    import pandas as pd

    index = pd.date_range("2025-01-01", periods=3, freq="MS")
    for given in (index, pd.Series(index), list(index), index.to_period("M")):
        assert (labels_of(given, "times") == days("2025-01-01", "2025-02-01", "2025-03-01")).all()


@pytest.mark.parametrize("given", [[1, 2, 3], (1.0, 2.0, 3.0), range(1, 4), np.array([1, 2, 3], dtype=object)])
def test_numbers_of_months(given):
    assert labels_of(given, "times").tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "expected a list with one time for each value"),
        ([1, 2.5], r"times\[1\] is 2.5; expected dates, or whole numbers"),
        ([1, np.nan], r"times\[1\] is nan"),
        (["2025-01-01", "soon"], r"times\[1\] is 'soon'; expected a date"),
        ([date(2025, 1, 1), None], r"times\[1\] is missing"),
        (np.array(["2025-01-01", "NaT"], dtype="datetime64[D]"), r"times\[1\] is missing"),
    ],
)
def test_what_is_no_time_is_named(given, message):
    with pytest.raises(ParameterError, match=message):
        labels_of(given, "times")


def test_missing_pandas_time_is_named():
    import pandas as pd

    with pytest.raises(ParameterError, match=r"times\[1\] is missing"):
        labels_of([pd.Timestamp("2025-01-01"), pd.NaT], "times")


def test_month_ends_are_one_step_apart():
    steps, a_year = steps_of(days("2024-12-31", "2025-01-31", "2025-02-28", "2025-04-30"))
    assert (steps.tolist(), a_year) == ([0, 1, 2, 4], 12.0)


@pytest.mark.parametrize(
    ("texts", "expected", "a_year"),
    [
        (("2025-01-01", "2025-04-01", "2025-07-01"), [0, 1, 2], 4.0),
        (("2023-01-01", "2024-01-01", "2026-01-01"), [0, 1, 3], 1.0),
        (("2025-01-06", "2025-01-13", "2025-01-27"), [0, 1, 3], 365.25 / 7),
        (("2025-01-06", "2025-01-07", "2025-01-09"), [0, 1, 3], 365.25),
        (("2025-01-06",), [0], 12.0),
    ],
)
def test_the_step_is_the_widest_that_fits(texts, expected, a_year):
    steps, found = steps_of(days(*texts))
    assert (steps.tolist(), found) == (expected, a_year)


def test_date_among_numbers_is_refused():
    with pytest.raises(ParameterError, match="intervention is '2025-01-01'; expected a whole number"):
        label_of("2025-01-01", "intervention", np.arange(3))
    with pytest.raises(ParameterError, match="intervention is 25; expected a date"):
        label_of(25, "intervention", days("2025-01-01"))
