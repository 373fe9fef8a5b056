"""The same columns from pandas, Polars, PyArrow and NumPy: the same results to the last bit, the same refusals."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import evalkit as ek
from evalkit.errors import ParameterError
from evalkit.inference import columns


def halves(values: list[Any]) -> pa.ChunkedArray:
    kind, middle = pa.array(values).type, len(values) // 2
    return pa.chunked_array([pa.array(values[:middle], kind), pa.array(values[middle:], kind)])


MAKERS: dict[str, Callable[[list[Any]], Any]] = {
    "pandas": pd.Series,
    "pandas, nullable": lambda values: pd.Series(values).convert_dtypes(),
    "pandas, Arrow": lambda values: pd.Series(values).convert_dtypes(dtype_backend="pyarrow"),
    "pandas, categories": lambda values: pd.Series(values, dtype="category"),
    "PyArrow": pa.array,
    "PyArrow, chunks": halves,
    "PyArrow, dictionary": lambda values: pa.array(values).dictionary_encode(),
    "PyArrow, scalars": lambda values: list(pa.array(values)),
    "Polars": pl.Series,
    "Polars, categories": lambda values: (
        pl.Series(values, dtype=pl.Categorical) if isinstance(values[0], str) else pl.Series(values)
    ),
}
Maker = Callable[[list[Any]], Any]
draw = random.Random(3)
BRANCHES = [f"b{draw.randrange(7)}" for _ in range(120)]
SCORES = [round(draw.lognormvariate(2, 0.4), 3) for _ in range(120)]
WEIGHTS = [draw.choice([0.5, 1.0, 2.25]) for _ in range(120)]
MONTHS = [date(2023 + i // 12, 1 + i % 12, 1) for i in range(30)]
COUNTS = [40 + draw.randrange(20) for _ in range(18)] + [25 + draw.randrange(15) for _ in range(12)]
UNITS, TIMES = list("aaaabbbbccccdddd"), [1, 2, 3, 4] * 4
TOTALS = [10, 11, 9, 9, 20, 21, 17, 19, 30, 31, 34, 33, 40, 41, 44, 46]


def means(made: Maker) -> Any:
    pair = lambda values: (made(values[:70]), made(values[70:]))  # noqa: E731
    before, after = pair(SCORES)
    return ek.ratio_of_means(
        before,
        after,
        target=1.1,
        clusters=pair(BRANCHES),
        weights=pair(WEIGHTS),
        strata=pair([s[-1] for s in BRANCHES]),
    )


def rates(made: Maker) -> Any:
    exposure = [30.5] * 18, [31.25] * 12
    return ek.rate_ratio(made(COUNTS[:18]), made(exposure[0]), made(COUNTS[18:]), made(exposure[1]), target=0.8)


def series(made: Maker) -> Any:
    found = ek.interrupted_time_series(made(COUNTS), made(MONTHS), MONTHS[18], exposure=made([31.0] * 30))
    return found.estimate, found.low, found.high, found.course.times.tolist(), found.coefficients


def chart(made: Maker) -> Any:
    found = ek.control_chart(
        made(COUNTS), kind="p", denominators=made([100] * 30), times=made(MONTHS), step_at=MONTHS[18]
    )
    return found.to_frame().to_dict("list")


def curve(made: Maker) -> Any:
    answered = [i % 5 != 0 for i in range(120)]
    return ek.kaplan_meier(made(SCORES), made(answered), counts=made([1 + i % 3 for i in range(120)]))


def rollout(made: Maker) -> Any:
    return ek.staggered_rollout(
        made(TOTALS), made(UNITS), made(TIMES), {"a": 3, "b": 3, "c": None}, exposure=made([1.0] * 16)
    )


def sequence(made: Maker) -> Any:
    return ek.confidence_sequence(made([-0.31, -0.24, -0.26]), made([0.09, 0.06, 0.045]), planned_error=0.045)


def bounds(made: Maker) -> Any:
    return ek.group_sequential_bounds(information=made([0.25, 0.5, 1.0]))


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("call", [means, rates, series, chart, curve, rollout, sequence, bounds])
def test_every_kind_of_column_gives_the_same(call: Callable[[Maker], Any], kind: str) -> None:
    assert call(MAKERS[kind]) == call(list)


@pytest.mark.parametrize("kind", MAKERS)
def test_columns_of_a_frame(kind: str) -> None:
    frame = {"polars": pl.DataFrame, "arrow": pa.table, "pandas": pd.DataFrame}[
        "arrow" if "Py" in kind else kind[:6].lower()
    ]({"before": SCORES[:60], "after": SCORES[60:]})
    assert ek.ratio_of_means(frame["before"], frame["after"]) == ek.ratio_of_means(SCORES[:60], SCORES[60:])
    with pytest.raises(ParameterError, match=rf"before is a whole table \({type(frame).__name__}\); give one of its"):
        ek.ratio_of_means(frame, frame)


# missing values


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("values", [[1, None, 3], [1.0, None, 3.0], [True, None, False]], ids=["int", "float", "bool"])
def test_a_missing_number_is_refused(values: list[Any], kind: str) -> None:
    given = MAKERS[kind](values)
    assert np.array_equal(columns.numbers(given, "x"), np.array(values, dtype=float), equal_nan=True)
    calls: list[tuple[Callable[[], Any], str]] = [
        (lambda: ek.ratio_of_means(given, [1, 2, 3]), "1 of 3 values are missing"),
        (lambda: ek.ratio_of_means([1, 2, 3], [1, 2, 3], weights=(given, [1, 1, 1])), "arm before: 1 of 3 values are"),
        (lambda: ek.rate_ratio(given, [1, 1, 1], 3, 4), r"events_before\[1\] is (nan|None); expected a whole"),
        (lambda: ek.rate_ratio([1, 1, 1], given, 3, 4), r"exposure_before\[(1|2)\] is "),
        (lambda: ek.control_chart(given), r"values\[1\] is missing"),
        (lambda: ek.kaplan_meier(given), r"durations\[1\] is nan"),
        (lambda: ek.kaplan_meier([1, 2, 3], counts=given), r"counts\[1\] is nan"),
        (lambda: ek.kaplan_meier([1, 2, 3], given), "answered holds other values than True and False"),
        (lambda: ek.interrupted_time_series(given, [1, 2, 3], 2), r"values\[1\] is missing"),
        (lambda: ek.staggered_rollout(given, list("abc"), [1, 2, 3], {"a": 2}), "one finite number for each time"),
        (lambda: ek.confidence_sequence(given, [1, 1, 1], planned_error=1), r"estimates\[1\] is nan"),
        (lambda: ek.group_sequential_bounds(information=given), r"expected shares above 0"),
    ]
    for call, message in calls:
        with pytest.raises(ParameterError, match=message):
            call()


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("values", [[7, None, 2**53 + 1], ["x", None, "None"]], ids=["int", "text"])
def test_missing_labels_are_one_group_of_their_own(values: list[Any], kind: str) -> None:
    labels = columns.labels(MAKERS[kind](values), "clusters").tolist()
    exact = values if "pandas" not in kind or isinstance(values[0], str) else labels  # pandas' own floats end at 2**53
    assert labels == exact
    assert labels[1] is None
    arms = [3.0, 4.5, 4.0] * 2, [2.0, 3.5, 2.5] * 2
    twice, missing_otherwise = MAKERS[kind](values * 2), [*values[:1], float("nan"), *labels[2:]] * 2
    expected = ek.ratio_of_means(*arms, clusters=([1, 2, 3] * 2, [1, 2, 3] * 2))
    found = ek.ratio_of_means(*arms, clusters=(twice, missing_otherwise))
    assert (found.details["clusters"], found.low) == (3.0, pytest.approx(expected.low, rel=1e-12))


def test_a_whole_number_beside_a_missing_one_is_the_same_label_as_alone() -> None:
    """pandas makes 1.0 of 1 there; as text it would be another cluster."""
    found = ek.ratio_of_means(
        [3, 4, 5, 4], [2, 3, 4, 3], clusters=(pd.Series([1, 2, 3, 4]), pd.Series([1, 2, 3, None]))
    )
    assert found.details["clusters"] == 4.0


@pytest.mark.parametrize("kind", MAKERS)
def test_missing_times_and_units_are_named(kind: str) -> None:
    made = MAKERS[kind]
    for times in ([MONTHS[0], None, MONTHS[2]], ["2025-01", None, "2025-03"]):
        with pytest.raises(ParameterError, match=r"times\[1\] is missing"):
            ek.interrupted_time_series([1, 2, 3], made(times), MONTHS[2])
    with pytest.raises(ParameterError, match=r"times\[1\] is (missing|nan)"):
        ek.interrupted_time_series([1, 2, 3], made([1, None, 3]), 2)
    for units in (["a", None, "b"], [1, None, 2]):
        with pytest.raises(ParameterError, match=r"units\[1\] is missing; leave such entries out"):
            ek.staggered_rollout([1, 2, 3], made(units), [1, 2, 3], {})


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA, pd.NaT, pa.scalar(None, pa.date32())])
def test_a_unit_not_reached(missing: Any) -> None:
    expected = ek.staggered_rollout(TOTALS, UNITS, TIMES, {"a": 3, "b": 3})
    found = ek.staggered_rollout(TOTALS, UNITS, TIMES, {"a": 3, pa.scalar("b"): pa.scalar(3), "c": missing})
    assert found == expected


def test_units_of_several_kinds_are_refused() -> None:
    with pytest.raises(ParameterError, match=r"units mixes labels of several kinds \(int, str\)"):
        ek.staggered_rollout([1, 2], np.array(["a", 1], dtype=object), [1, 2], {})


def test_what_a_masked_array_masks_is_missing() -> None:
    masked = np.ma.MaskedArray([1, 2, 3], mask=[False, True, False])
    assert np.array_equal(columns.numbers(masked, "x"), [1, np.nan, 3], equal_nan=True)
    assert columns.labels(masked, "x").tolist() == [1, None, 3]


# times

SHANGHAI = ZoneInfo("Asia/Shanghai")
LATE = [datetime(2025, month, 28, 23, tzinfo=UTC).astimezone(SHANGHAI) for month in (1, 2, 3)]  # the 29th, 1st, 29th


@pytest.mark.parametrize("kind", [kind for kind in MAKERS if "dictionary" not in kind and "categories" not in kind])
def test_a_time_falls_on_the_day_of_its_own_zone(kind: str) -> None:
    chart = ek.control_chart([1, 2, 3], times=MAKERS[kind](LATE))
    assert [str(day) for day in chart.times] == ["2025-01-29", "2025-03-01", "2025-03-29"]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_the_unit_of_a_time_does_not_matter(unit: str) -> None:
    naive = pa.array(["2025-01-31 23:00:00", "2025-02-28 23:00:00"]).cast(pa.timestamp(unit))
    for given in (naive, naive.to_pandas(), naive.to_numpy()):
        assert [str(day) for day in ek.control_chart([1, 2], times=given).times] == ["2025-01-31", "2025-02-28"]


@pytest.mark.parametrize("kind", ["pandas", "pandas, Arrow", "PyArrow", "PyArrow, chunks", "Polars"])
def test_durations_and_dates_are_no_numbers(kind: str) -> None:
    """Their numbers would be micro- or nanoseconds, as the column happens to be stored."""
    hours = MAKERS[kind]([timedelta(hours=1), timedelta(hours=2)])
    with pytest.raises(
        ParameterError, match="durations holds durations; expected numbers: divide a duration by its unit"
    ):
        ek.kaplan_meier(hours)
    with pytest.raises(ParameterError, match=r"exposure_before\[0\] is .*; expected a number above 0"):
        ek.rate_ratio([1, 2], hours, 3, 4)
    with pytest.raises(ParameterError, match=r"values(: expected numbers| holds dates)"):
        ek.control_chart(MAKERS[kind](LATE))


# what else a column may be


def test_decimals_and_scalars() -> None:
    exact = [Decimal("1.50"), Decimal("2.25"), Decimal("4.00")]
    for given in (pa.array(exact), pl.Series(exact), pd.Series(exact)):
        assert columns.numbers(given, "x").tolist() == [1.5, 2.25, 4.0]
    assert ek.proportion(pa.scalar(463), np.int64(500)) == ek.proportion(463, 500)
    with pytest.raises(ParameterError, match="trials is None; expected a whole number"):
        ek.proportion(463, pa.scalar(None, pa.int64()))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (pa.array([[1], [2]]), "before cannot be read as a column of ListArray: it holds list<item: int64>; cast it"),
        (pl.Series([[1], [2]]), "before cannot be read as a column of Series: it holds large_list<.*>; cast it"),
        (pl.Series([1, 2], dtype=pl.Int128), "before cannot be read as a column of Series"),
        (
            pl.Series([object(), object()], dtype=pl.Object),
            "before cannot be read as a column of Series: it holds fixed",
        ),
        (pl.LazyFrame({"a": [1]}), r"before is a whole table \(LazyFrame\); give one of its columns"),
        (pl.Series(["1", "x"]), r"before: expected numbers; \[1\] is 'x'"),
        ([[1, 2], [3]], "before cannot be read as a column of list"),
    ],
)
def test_what_is_no_column_of_numbers_is_named(given: Any, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        ek.ratio_of_means(given, [1, 2])
