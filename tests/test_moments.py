"""The grouped query against plain pandas arithmetic, and what must not change its sums."""

from __future__ import annotations

import datetime as dt
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evalkit.errors import StudyError
from evalkit.evaluation.windows import cuts
from evalkit.moments import SUMS, Moments, calendar_exposure, exposure_moments, goal_moments, merge_exposure
from evalkit.periods import Window, parse_period

AS_OF = date(2025, 3, 20)
WINDOWS = [
    Window(date(2024, 1, 15), date(2024, 12, 10)),
    Window(date(2025, 1, 1), date(2025, 3, 20)),
    Window(date(2025, 2, 11), date(2025, 3, 20)),
]
CALENDAR = {"baseline": {"start": "2024-01-15", "end": "2024-12-10"}, "programme_start": "2025-01-01"}
PHASE_IN = {"start": "2025-01-20", "end": "2025-02-10"}


def random_records(seed: int, n: int = 900) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "day": [date(2024, 1, 1) + timedelta(days=int(d)) for d in generator.integers(0, 480, n)],
            "x": np.round(generator.gamma(2.0, 3.0, n), 3),
            "y": np.round(generator.gamma(2.0, 3.0, n), 3),
            "w": np.round(generator.gamma(2.0, 0.5, n), 3),
            "branch": generator.choice(["A", "B", "C", ""], n, p=[0.5, 0.3, 0.15, 0.05]),
            "kind": generator.choice(["k", "l", ""], n, p=[0.6, 0.3, 0.1]),
            "tier": generator.choice([1, 2], n),
        }
    )
    for column, share in (("x", 0.05), ("w", 0.04), ("day", 0.02), ("y", 0.03)):
        frame.loc[generator.random(n) < share, column] = None
    frame.loc[generator.random(n) < 0.03, "w"] = 0
    return frame


def moments_of(bench: Any, as_of: date = AS_OF) -> Moments:
    study = bench.open()
    goal = study.file.goals[0]
    days = cuts(study.file, goal, [parse_period("2025-Q1"), parse_period("2025-02-11/2025-03-31")], as_of)
    return goal_moments(study.source_records("s"), goal, as_of=as_of, timezone=study.file.timezone, cuts=days)


def plan(bench: Any, f: Any, metric: dict[str, Any], **goal: Any) -> None:
    bench.plan(
        [
            f("day", "date"),
            f("x", "number"),
            f("y", "number"),
            f("w", "number"),
            f("branch"),
            f("kind"),
            f("tier", "integer"),
        ],
        metric,
        goal={"phase_in": PHASE_IN, **goal},
        calendar=CALENDAR,
    )


def expected(frame: pd.DataFrame, a: pd.Series, b: pd.Series) -> pd.DataFrame:
    """Return what every record adds to the sums, by the definition of their names."""
    good = frame[a.notna() & b.notna() & frame.day.notna()].copy()
    a, b = a[good.index], b[good.index]
    for name in SUMS:
        term = pd.Series(1.0, index=good.index)
        for letter in name:
            term = term * (a if letter == "a" else b)
        good[name] = term
    return good


METRICS = [
    ({"kind": "mean", "value": "x"}, lambda d: (d.x, pd.Series(1.0, index=d.index))),
    ({"kind": "mean", "value": "x", "weight": "w"}, lambda d: (d.x * d.w, d.w)),
    ({"kind": "ratio", "numerator": "x", "denominator": "y"}, lambda d: (d.x, d.y)),
    ({"kind": "ratio", "numerator": "x", "denominator": "y", "weight": "w"}, lambda d: (d.x * d.w, d.y * d.w)),
    (
        {"kind": "proportion", "success": {"column": "x", "at_least": 6}},
        lambda d: ((d.x >= 6).where(d.x.notna()).astype(float), pd.Series(1.0, index=d.index)),
    ),
    (
        {"kind": "proportion", "success": {"column": "x", "at_most": 6}, "weight": "w"},
        lambda d: ((d.x <= 6).where(d.x.notna()).astype(float) * d.w, d.w),
    ),
    ({"kind": "rate", "events": "x", "exposure": "y"}, lambda d: (d.x, d.y)),
    ({"kind": "rate", "exposure": "y"}, lambda d: (pd.Series(1.0, index=d.index), d.y)),
]


@pytest.mark.parametrize(("metric", "terms"), METRICS, ids=[str(i) for i in range(len(METRICS))])
def test_sums_by_window_cluster_and_stratum(bench: Any, f: Any, metric: dict[str, Any], terms: Any) -> None:
    frame = random_records(11)
    plan(bench, f, metric, cluster="branch", standardise_by=["kind", "tier"])
    frame.to_csv(bench.folder / "r.csv", index=False)
    moments = moments_of(bench)
    frame = frame[frame.day.isna() | (frame.day.map(str) <= str(AS_OF))]
    good = expected(frame, *terms(frame))
    good["branch"] = good.branch.replace("", None)
    good["kind"] = good.kind.replace("", None)
    assert moments.undated == int(frame.day.isna().sum())
    for window in WINDOWS:
        inside = good[(good.day >= window.start) & (good.day <= window.end)]
        here = moments.within([window])
        assert moments.total([window], "n") == len(inside)
        dated = frame[frame.day.notna()]
        assert moments.total([window], "missing") == int(dated.day.between(window.start, window.end).sum()) - len(
            inside
        )
        np.testing.assert_allclose(moments.sums[here].sum(axis=0), inside[list(SUMS)].sum(), rtol=1e-12)
        for code, label in enumerate(moments.clusters):
            rows = inside[inside.branch.isna() if label is None else inside.branch == label]
            np.testing.assert_allclose(
                moments.sums[here & (moments.cluster == code)].sum(axis=0), rows[list(SUMS)].sum(), rtol=1e-12
            )
        for code, (kind, tier) in enumerate(moments.strata):
            rows = inside[
                (inside.kind.isna() if kind is None else inside.kind == kind) & (inside.tier.map(str) == tier)
            ]
            np.testing.assert_allclose(
                moments.sums[here & (moments.stratum == code)].sum(axis=0), rows[list(SUMS)].sum(), rtol=1e-12
            )
    assert None in moments.clusters
    assert (None, "1") in moments.strata


@pytest.mark.parametrize(
    ("where", "mask"),
    [
        ([{"column": "kind", "equals": "k"}], lambda d: d.kind == "k"),
        ([{"column": "tier", "in": [2, 3]}], lambda d: d.tier == 2),
        ([{"column": "branch", "contains": "A"}], lambda d: d.branch == "A"),
        ([{"column": "y", "at_least": 3}, {"column": "y", "at_most": 9.5}], lambda d: d.y.between(3, 9.5)),
        ([{"column": "day", "at_least": "2024-06-01"}], lambda d: d.day.map(str).between("2024-06-01", "2026")),
        ([{"column": "branch", "not_null": True}], lambda d: d.branch != ""),
    ],
)
def test_conditions(bench: Any, f: Any, where: list[dict[str, Any]], mask: Any) -> None:
    frame = random_records(5)
    plan(bench, f, {"kind": "mean", "value": "x"}, where=where)
    frame.to_csv(bench.folder / "r.csv", index=False)
    moments = moments_of(bench)
    kept = frame[mask(frame) & frame.day.notna() & frame.x.notna()]
    for window in WINDOWS:
        inside = kept[kept.day.between(window.start, window.end)]
        assert moments.total([window], "n") == len(inside) > 0
        assert moments.sums[moments.within([window]), 0].sum() == pytest.approx(inside.x.sum(), rel=1e-12)


def test_a_cell_never_spans_two_months_nor_a_boundary(bench: Any, f: Any) -> None:
    plan(bench, f, {"kind": "mean", "value": "x"})
    random_records(3, 3000).to_csv(bench.folder / "r.csv", index=False)
    starts = {str(day) for day in moments_of(bench).start}
    assert {"2024-01-01", "2024-01-15", "2024-12-01", "2024-12-11", "2025-01-20", "2025-02-11"} <= starts
    assert not any(day > "2025-03-20" for day in starts)


def test_order_threads_files_and_format_change_nothing(bench: Any, f: Any, tmp_path: Path) -> None:
    plan(bench, f, {"kind": "mean", "value": "x", "weight": "w"}, cluster="branch", standardise_by=["kind"])
    frame = random_records(8, 4000)
    frame.to_csv(bench.folder / "r.csv", index=False)
    base = moments_of(bench)

    def same(other: Moments) -> None:
        assert other.clusters == base.clusters
        assert other.strata == base.strata
        assert np.array_equal(other.counts, base.counts)
        assert np.array_equal(other.start, base.start)
        np.testing.assert_allclose(other.sums, base.sums, rtol=1e-9, atol=0)

    again = moments_of(bench)
    assert again.sums.tobytes() == base.sums.tobytes()
    shuffled = frame.sample(frac=1, random_state=1)
    shuffled.to_csv(bench.folder / "r.csv", index=False)
    same(moments_of(bench))
    study = bench.open()
    study._engines.files.raw_sql("SET threads = 4")
    goal = study.file.goals[0]
    days = cuts(study.file, goal, [parse_period("2025-Q1"), parse_period("2025-02-11/2025-03-31")], AS_OF)
    same(goal_moments(study.source_records("s"), goal, as_of=AS_OF, timezone="UTC", cuts=days))
    bench.study["sources"]["s"]["path"] = "parts/*.csv"
    bench.save()
    for number in range(3):
        part = shuffled.iloc[number::3]
        bench.write(f"parts/{number}.csv", part[sorted(part.columns, reverse=number == 1)].to_csv(index=False))
    same(moments_of(bench))
    bench.study["sources"]["s"]["path"] = "r.parquet"
    bench.save()
    shuffled.replace("", None).to_parquet(bench.folder / "r.parquet")
    same(moments_of(bench))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), within=st.sampled_from([None, "36h", "10d"]))
def test_durations(bench: Any, f: Any, seed: int, within: str | None) -> None:
    generator = np.random.default_rng(seed)
    n = 300
    began = pd.Series(pd.Timestamp("2024-01-01") + pd.to_timedelta(generator.integers(0, 445 * 86400, n), unit="s"))
    ended = began + pd.to_timedelta(generator.exponential(6 * 86400, n).astype(int), unit="s")
    ended[generator.random(n) < 0.1] = pd.NaT
    value = {"from": "a", "to": "b", "unit": "hours", **({"within": within} if within else {})}
    bench.plan(
        [f("a", "datetime"), f("b", "datetime")],
        {"kind": "mean", "value": value},
        time="a",
        goal={"better": "lower", "phase_in": PHASE_IN},
        calendar=CALENDAR,
    )
    pd.DataFrame({"a": began, "b": ended}).to_csv(bench.folder / "r.csv", index=False)
    moments = moments_of(bench)
    end = pd.Timestamp("2025-03-21")
    limit = pd.Timedelta(hours={None: 0, "36h": 36, "10d": 240}[within])
    followed = (began <= end - limit) if within else pd.Series(True, index=began.index)
    still_open = followed & (ended.isna() | (ended >= end))
    counted = followed & ~still_open
    for window in WINDOWS:
        here = (began.dt.date >= window.start) & (began.dt.date <= window.end)
        assert moments.total([window], "n") == int((here & counted).sum())
        assert moments.total([window], "open") == int((here & still_open).sum())
        assert moments.total([window], "not_yet_due") == int((here & ~followed).sum())
        hours = ((ended - began).dt.total_seconds() / 3600)[here & counted]
        assert moments.sums[moments.within([window]), 0].sum() == pytest.approx(hours.sum(), rel=1e-12)


@pytest.mark.parametrize("kinds", [("date", "date"), ("datetime", "date"), ("date", "datetime")])
@pytest.mark.parametrize(("within", "expected"), [(None, (3, 1, 0, 11)), ("10d", (2, 0, 2, 9))])
def test_durations_by_calendar_days(
    bench: Any, f: Any, kinds: tuple[str, str], within: str | None, expected: tuple[int, ...]
) -> None:
    value = {"from": "a", "to": "b", "unit": "days", **({"within": within} if within else {})}
    bench.plan(
        [f("a", kinds[0]), f("b", kinds[1])], {"kind": "mean", "value": value}, time="a", goal={"better": "lower"}
    )
    rows = [
        ["2025-03-10", "2025-03-19"],
        ["2025-03-01", "2025-03-01"],
        ["2025-03-18", "2025-03-20"],
        ["2025-03-15", "2025-03-21"],
    ]
    late = [" 23:50" if kind == "datetime" else "" for kind in kinds]
    bench.write("r.csv", [["a", "b"], *[[a + late[0], b + late[1]] for a, b in rows]])
    moments = moments_of(bench)
    days = float(moments.sums[:, 0].sum())
    assert (*(int(moments.counts[:, i].sum()) for i in (0, 2, 3)), days) == expected


@pytest.mark.parametrize(
    ("received", "answered", "as_of", "expected"),
    [
        # (counts, success, not yet due) at the second, in the study's timezone
        ("2025-01-10 10:00:00", "2025-01-17 10:00:00", "2025-03-31", (1, 1, 0)),
        ("2025-01-10 10:00:00", "2025-01-17 10:00:01", "2025-03-31", (1, 0, 0)),
        ("2025-01-10 10:00:00", "", "2025-03-31", (1, 0, 0)),
        ("2025-01-25 00:00:00", "2025-01-31 23:00:00", "2025-01-31", (1, 1, 0)),
        ("2025-01-25 00:00:01", "2025-01-31 23:00:00", "2025-01-31", (0, 0, 1)),
        ("2025-01-24 23:59:59", "2025-02-01 00:00:00", "2025-01-31", (1, 0, 0)),
        ("2025-01-24 15:00:00", "2025-01-31 15:00:00", "2025-01-31", (1, 1, 0)),
        ("", "2025-01-31 15:00:00", "2025-01-31", (0, 0, 0)),
    ],
)
def test_answered_within_to_the_second(
    bench: Any, f: Any, received: str, answered: str, as_of: str, expected: tuple[int, int, int]
) -> None:
    success = {"column": "b", "within": "7d", "of": "a"}
    bench.plan(
        [f("day", "date"), f("a", "datetime"), f("b", "datetime")],
        {"kind": "proportion", "success": success},
        goal={"target": {"level": 0.9}},
        timezone="Asia/Shanghai",
    )
    bench.write("r.csv", f"day,a,b\n2025-01-10,{received},{answered}\n")
    moments = moments_of(bench, date.fromisoformat(as_of))
    window = [Window(date(2025, 1, 1), date(2025, 3, 31))]
    assert (moments.total(window, "n"), int(moments.sums[:, 0].sum()), moments.total(window, "not_yet_due")) == expected
    assert moments.counts.sum() == 1


@pytest.mark.parametrize("kinds", [("date", "date"), ("date", "datetime"), ("datetime", "date")])
@pytest.mark.parametrize(
    ("received", "answered", "as_of", "expected"),
    [
        ("2025-01-10", "2025-01-17", "2025-03-31", (1, 1, 0)),
        ("2025-01-10", "2025-01-18", "2025-03-31", (1, 0, 0)),
        ("2025-01-24", "2025-01-31", "2025-01-31", (1, 1, 0)),
        ("2025-01-25", "2025-01-25", "2025-01-31", (0, 0, 1)),
        ("2025-01-10", "", "2025-01-31", (1, 0, 0)),
    ],
)
def test_answered_within_by_calendar_days(
    bench: Any, f: Any, kinds: tuple[str, str], received: str, answered: str, as_of: str, expected: tuple[int, int, int]
) -> None:
    success = {"column": "b", "within": "7d", "of": "a"}
    bench.plan(
        [f("a", kinds[0]), f("b", kinds[1])],
        {"kind": "proportion", "success": success},
        time="a",
        goal={"target": {"level": 0.9}},
    )
    late, early = (
        (" 23:30" if kinds[0] == "datetime" else ""),
        (" 00:10" if kinds[1] == "datetime" and answered != received else ""),
    )
    early = " 23:40" if kinds[1] == "datetime" and answered == "2025-01-17" else early
    bench.write("r.csv", f"a,b\n{received}{late},{answered}{early if answered else ''}\n")
    moments = moments_of(bench, date.fromisoformat(as_of))
    window = [Window(date(2025, 1, 1), date(2025, 3, 31))]
    assert (moments.total(window, "n"), int(moments.sums[:, 0].sum()), moments.total(window, "not_yet_due")) == expected


def test_an_answer_after_the_cutoff_is_no_answer_in_either_arm(bench: Any, f: Any) -> None:
    """A window of 7 days that closed before the cut-off leaves no such answer; one of the first arm must count alike."""
    success = {"column": "b", "within": "30d", "of": "a"}
    bench.plan(
        [f("a", "date"), f("b", "date")],
        {"kind": "proportion", "success": success},
        time="a",
        goal={"target": {"level": 0.9}},
    )
    bench.write(
        "r.csv", "a,b\n2024-12-01,2024-12-31\n2024-12-01,2025-01-02\n2025-01-01,2025-01-31\n2025-01-02,2025-01-31\n"
    )
    moments = moments_of(bench, date(2025, 1, 31))
    assert moments.counts[:, 0].sum() == 3
    assert moments.sums[:, 0].sum() == 2
    assert moments.counts[:, 3].sum() == 1


def test_equals_of_every_type(bench: Any, f: Any) -> None:
    for kind, value, text, other in (
        ("string", "Yes", "Yes", "yes"),
        ("boolean", True, "1", "0"),
        ("integer", 3, "3", "4"),
        ("number", 2.5, "2.50", "2.51"),
        ("date", "2024-01-02", "2024-01-02", "2024-01-03"),
        ("datetime", "2024-01-02T10:00:00", "2024-01-02 10:00", "2024-01-02 10:01"),
    ):
        bench.plan(
            [f("day", "date"), f("v", kind)],
            {"kind": "proportion", "success": {"column": "v", "equals": value}},
            goal={"target": {"level": 0.9}},
        )
        bench.write("r.csv", f"day,v\n2024-02-01,{text}\n2024-02-01,{other}\n2024-02-01,\n")
        moments = moments_of(bench)
        assert (moments.counts[0, 0], moments.counts[0, 1], moments.sums[0, 0]) == (2, 1, 1), kind


def test_exposure_of_another_source(bench: Any, f: Any) -> None:
    metric = {"kind": "rate", "exposure": {"source": "e", "value": "hours"}}
    other = {
        "path": "e.csv",
        "time": ["year", "month"],
        "fields": [f("year", "integer"), f("month", "integer"), f("branch"), f("hours", "number")],
    }
    bench.plan(
        [f("day", "date"), f("branch")],
        metric,
        goal={"better": "lower", "standardise_by": ["branch"]},
        sources={"e": other},
    )
    bench.write("r.csv", "day,branch\n2024-01-05,A\n2024-01-06,A\n2024-02-06,B\n2024-02-07,C\n2024-02-07,\n")
    bench.write(
        "e.csv", "year,month,branch,hours\n2024,1,A,10\n2024,1,A,5\n2024,2,B,7.5\n2024,2,,2\n2024,2,D,\n2025,1,A,1\n"
    )
    study = bench.open()
    goal = study.file.goals[0]
    days = cuts(study.file, goal, [parse_period("2025-Q1")], AS_OF)
    events = moments_of(bench)
    exposure = exposure_moments(study.source_records("e"), goal, as_of=AS_OF, cuts=days)
    both = merge_exposure(events, exposure)
    assert both.strata == (("A",), ("B",), ("C",), ("D",), (None,))
    a, b = ([both.sums[both.stratum == code, column].sum() for code in range(5)] for column in (0, 1))
    assert (a, b) == ([2, 1, 1, 0, 1], [16, 7.5, 0, 0, 2])
    assert both.counts[:, :2].sum(axis=0).tolist() == [5, 1]


def test_exposure_that_lacks_the_grouping_is_told(bench: Any, f: Any) -> None:
    metric = {"kind": "rate", "exposure": {"source": "e", "value": "hours"}}
    other = {"path": "e.csv", "time": "day", "fields": [f("day", "date"), f("hours", "number")]}
    bench.plan(
        [f("day", "date"), f("branch")], metric, goal={"better": "lower", "cluster": "branch"}, sources={"e": other}
    )
    bench.write("r.csv", "day,branch\n2024-01-05,A\n")
    bench.write("e.csv", "day,hours\n2024-01-05,1\n")
    study = bench.open()
    with pytest.raises(StudyError, match="has no such field"):
        exposure_moments(study.source_records("e"), study.file.goals[0], as_of=AS_OF, cuts=())
    assert bench.evaluate().code == 2


def test_every_calendar_day_is_exposure_once(bench: Any, f: Any) -> None:
    bench.plan([f("day", "date"), f("branch")], {"kind": "rate", "exposure": "calendar-days"}, goal={"better": "lower"})
    bench.write("r.csv", "day,branch\n2024-02-29,A\n")
    whole = Window(date(2024, 1, 1), date(2025, 3, 20))
    moments = calendar_exposure(
        moments_of(bench), [Window(date(2024, 1, 1), date(2024, 2, 10)), Window(date(2024, 2, 11), whole.end)]
    )
    assert moments.sums[:, 1].sum() == pytest.approx(whole.days)
    leap = moments.within([Window(date(2024, 2, 1), date(2024, 2, 29))])
    assert moments.sums[leap, 1].sum() == pytest.approx(29)
    assert moments.sums[leap, 0].sum() == 1


def test_no_records_at_all(bench: Any, f: Any) -> None:
    plan(bench, f, {"kind": "mean", "value": "x"}, cluster="branch", standardise_by=["kind"])
    bench.write("r.csv", "day,x,y,w,branch,kind,tier\n")
    moments = moments_of(bench)
    assert moments.sums.shape == (0, len(SUMS))
    assert (moments.clusters, moments.strata, moments.undated) == ((), (), 0)
    assert moments.total(WINDOWS, "n") == 0


def test_months_of_a_timezone_begin_at_its_midnight(bench: Any, f: Any) -> None:
    bench.plan([f("at", "datetime"), f("x", "number")], time="at", timezone="America/New_York")
    bench.write(
        "r.csv",
        "at,x\n2024-02-01T04:59:59Z,1\n2024-02-01T05:00:00Z,2\n2024-04-01T03:59:59Z,4\n2024-04-01T04:00:00Z,8\n",
    )
    moments = moments_of(bench)
    assert {str(day): float(a) for day, a in zip(moments.start, moments.sums[:, 0], strict=True)} == {
        "2024-01-01": 1,
        "2024-02-01": 2,
        "2024-03-01": 4,
        "2024-04-01": 8,
    }


def test_the_cutoff_instant_is_the_studys_midnight() -> None:
    from evalkit.moments import cutoff_instant

    assert cutoff_instant(date(2025, 3, 31), "Asia/Shanghai") == dt.datetime(2025, 3, 31, 16, tzinfo=dt.UTC).timestamp()
    assert cutoff_instant(date(2025, 3, 8), "America/New_York") == dt.datetime(2025, 3, 9, 5, tzinfo=dt.UTC).timestamp()
    assert (
        cutoff_instant(date(2025, 3, 9), "America/New_York") == dt.datetime(2025, 3, 10, 4, tzinfo=dt.UTC).timestamp()
    )


def kept_apart(bench: Any, f: Any, suffix: str) -> pd.DataFrame:
    """Write records of every kind of mistake, several of them in one record, in two files of one source."""
    plan(bench, f, {"kind": "mean", "value": "x", "weight": "w"}, cluster="branch", standardise_by=["kind", "tier"])
    bench.study["sources"]["s"] |= {
        "path": f"part*.{suffix}",
        "max_rejected": 0.9,
        "fields": [
            f("day", "date", required=True),
            f("x", "number", minimum=1.5),
            f("y", "number"),
            f("w", "number", maximum=4),
            f("branch", required=True),
            f("kind", enum=["k", "l"]),
            f("tier", "integer", maximum=1),
        ],
    }
    bench.save()
    frame = random_records(21, 6000)
    frame.loc[frame.index % 97 == 0, "kind"] = "z"
    for number, part in enumerate((frame[:4500], frame[4500:])):
        path = bench.folder / f"part{number}.{suffix}"
        part.to_csv(path, index=False) if suffix == "csv" else part.replace("", None).to_parquet(path)
    return frame


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_the_same_bytes_on_any_number_of_cores(
    bench: Any, f: Any, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    from evalkit.records import columns

    kept_apart(bench, f, suffix)
    whole = moments_of(bench)
    monkeypatch.setattr(columns, "PART_ROWS", 1000)
    found = []
    for cores in (1, 2, 8):
        monkeypatch.setattr(columns, "workers", lambda cores=cores: cores)
        found.append(moments_of(bench))
    for other in found:
        assert other.sums.tobytes() == found[0].sums.tobytes()
        assert np.array_equal(other.counts, whole.counts)
        assert (other.clusters, other.strata, other.undated) == (whole.clusters, whole.strata, whole.undated)
        assert np.array_equal(other.start, whole.start)
        np.testing.assert_allclose(other.sums, whole.sums, rtol=1e-9, atol=0)
    assert len(whole.sums) > 100


@pytest.mark.parametrize("rows", [1000, 1 << 21])
def test_one_reading_counts_the_rejected_by_the_first_rule_they_break(
    bench: Any, f: Any, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    from evalkit.records import columns

    frame = kept_apart(bench, f, "parquet")
    monkeypatch.setattr(columns, "PART_ROWS", rows)
    study = bench.open()
    records = study.source_records("s")
    assert not records.counted
    study.evaluate("g", period="2025-Q1")
    assert records.counted
    told = records.reasons, records.found
    apart = bench.open().source_records("s")
    assert (apart.reasons, apart.found) == told  # counted record by record, in the fields' order
    rules = [  # in the order of the fields, whichever of them wait for the groups
        ("day: missing", frame.day.isna()),
        ("x: below the minimum 1.5", frame.x < 1.5),
        ("w: above the maximum 4", frame.w > 4),
        ("branch: missing", frame.branch == ""),
        ("kind: not one of the allowed values", frame.kind == "z"),
        ("tier: above the maximum 1", frame.tier > 1),
    ]
    left, expected = pd.Series(True, index=frame.index), {}
    for words, broken in rules:
        expected[words] = int((left & broken).sum())
        left &= ~broken
    assert {words.replace("1.5.0", "1.5"): n for words, n in told[0].items()} == expected
    assert told[1] == 6000


@pytest.mark.parametrize("as_of", [date(2025, 3, 31), date(2025, 2, 11)])
def test_one_reading_counts_the_rejected_up_to_its_cut_off(bench: Any, f: Any, as_of: date) -> None:
    kept_apart(bench, f, "parquet")
    study = bench.open()
    study.evaluate("g", period="2025-Q1", as_of=as_of)
    records, apart = study.source_records("s"), bench.open().source_records("s")
    told = records.tally(as_of)
    assert "_by_day" not in vars(records)
    assert told == apart.tally(as_of)
    assert "_by_day" in vars(apart)
    assert 0 < told.rejected < apart.rejected
    assert told.found < apart.found
