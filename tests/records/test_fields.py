"""Values in their declared types, times in the study's timezone, and every reason for rejection."""

# ruff: noqa: DTZ001 (records have naive times, and so do the expected ones)

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from evalkit.records.fetch import fetch
from evalkit.records.fields import DAY

GOOD = "good"


def outcome(bench: Any, value: str, field: dict[str, Any], **source: Any) -> Any:
    """Return the accepted value of one cell, or its reason for rejection as text."""
    bench.plan([{"name": "day", "type": "date"}, {"name": "x", "type": "number"}, {"name": "v", **field}], **source)
    bench.write("r.csv", f'day,x,v\n2024-01-01,1,"{value}"\n')
    records = bench.open().source_records("s")
    assert records.found == 1
    if records.reasons:
        return next(iter(records.reasons))
    return fetch(records.accepted)[0]["v"]


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("number", "1", 1.0),
        ("number", "-1.5e3", -1500.0),
        ("number", " +.5 ", 0.5),
        ("number", "1.", 1.0),
        ("number", "1,234", "v: not a number"),
        ("number", "0x10", "v: not a number"),
        ("number", "1_000", "v: not a number"),
        ("number", "NaN", "v: not a number"),
        ("number", "inf", "v: not a number"),
        ("number", "-Infinity", "v: not a number"),
        ("number", "1e999", "v: not a number"),
        ("number", "１", "v: not a number"),
        ("number", "1 2", "v: not a number"),
        ("number", "", None),
        ("number", "NA", None),
        ("number", "null", "v: not a number"),
        ("integer", "12", 12),
        ("integer", "-3.0", -3),
        ("integer", "1e3", "v: not a whole number"),
        ("integer", "+7.", 7),
        ("integer", "99999999999999999999999999", "v: not a whole number"),
        ("integer", "1.5", "v: not a whole number"),
        ("integer", "9223372036854775807", 9223372036854775807),
        ("integer", "9223372036854775808", "v: not a whole number"),
        ("boolean", "true", True),
        ("boolean", "0", False),
        ("boolean", "yes", "v: neither true nor false"),
        ("date", "2024-02-29", dt.date(2024, 2, 29)),
        ("date", " 2024-02-29 ", dt.date(2024, 2, 29)),
        ("date", "2023-02-29", "v: not a date"),
        ("date", "2024-2-9", "v: not a date"),
        ("date", "2024-02-09 10:00", "v: not a date"),
        ("date", "20240209", "v: not a date"),
        ("datetime", "2024-02-09", dt.datetime(2024, 2, 9)),
        ("datetime", "2024-02-09T10:05", dt.datetime(2024, 2, 9, 10, 5)),
        ("datetime", "2024-02-09 10:05:06.5", dt.datetime(2024, 2, 9, 10, 5, 6, 500000)),
        ("datetime", "2024-02-09 10:05:06,25", dt.datetime(2024, 2, 9, 10, 5, 6, 250000)),
        ("datetime", "2024-02-09T10:05:06.123456789Z", dt.datetime(2024, 2, 9, 10, 5, 6, 123456)),
        ("datetime", "2024-02-09T10:05+08:00", dt.datetime(2024, 2, 9, 2, 5)),
        ("datetime", "2024-02-09T10:05:00-0530", dt.datetime(2024, 2, 9, 15, 35)),
        ("datetime", "2024-02-09T10:05Z", dt.datetime(2024, 2, 9, 10, 5)),
        ("datetime", "2024-02-09T10:05:00 +08", dt.datetime(2024, 2, 9, 2, 5)),
        ("datetime", "2024-02-09 24:30", "v: not a date and time"),
        ("datetime", "2024-02-09 10:60", "v: not a date and time"),
        ("datetime", "2024-02-30 10:00", "v: not a date and time"),
        ("datetime", "10:00", "v: not a date and time"),
        ("datetime", "2024-02-09 10:00 PM", "v: not a date and time"),
        ("string", " x ", " x "),
        ("string", "", None),
        ("string", "NA", None),
        ("string", "中", "中"),
    ],
)
def test_types(bench: Any, kind: str, text: str, expected: Any) -> None:
    assert outcome(bench, text, {"type": kind}) == expected


@pytest.mark.parametrize(
    ("kind", "pattern", "text", "expected"),
    [
        ("date", "%d/%m/%Y", "31/12/2024", dt.date(2024, 12, 31)),
        ("date", "%m/%d/%y", "1/2/15", dt.date(2015, 1, 2)),
        ("date", "%d.%m.%Y", "2024-12-31", "v: not a date"),
        ("date", "%Y-%m", "2024-02", dt.date(2024, 2, 1)),
        ("date", "%Y年%m月", "2024年12月", dt.date(2024, 12, 1)),
        ("date", "%Y-%m", "2024-13", "v: not a date"),
        ("date", "%Y-%m", "2024-02-01", "v: not a date"),
        ("date", "%Y年%m月%d日", "2024年12月31日", dt.date(2024, 12, 31)),
        ("datetime", "%d/%m/%Y %H:%M", "31/12/2024 23:59", dt.datetime(2024, 12, 31, 23, 59)),
        ("datetime", "%Y-%m-%d %H:%M:%S%z", "2024-12-31 23:59:00+08:00", dt.datetime(2024, 12, 31, 15, 59)),
        ("datetime", "%d/%m/%Y %H:%M", "31/13/2024 23:59", "v: not a date and time"),
    ],
)
def test_formats(bench: Any, kind: str, pattern: str, text: str, expected: Any) -> None:
    assert outcome(bench, text, {"type": kind, "format": pattern}) == expected


@pytest.mark.parametrize(
    ("field", "text", "expected"),
    [
        ({"type": "number", "constraints": {"minimum": 1, "maximum": 10}}, "11", "v: above the maximum 10"),
        ({"type": "number", "constraints": {"minimum": 1, "maximum": 10}}, "10", 10.0),
        ({"type": "number", "constraints": {"minimum": 1, "maximum": 10}}, "0.99", "v: below the minimum 1"),
        ({"type": "number", "constraints": {"minimum": 1, "maximum": 10}}, "", None),
        ({"type": "number", "constraints": {"enum": [1, 2.5]}}, "2.50", 2.5),
        ({"type": "number", "constraints": {"enum": [1, 2.5]}}, "2", "v: not one of the allowed values"),
        ({"type": "date", "constraints": {"minimum": "2024-01-01"}}, "2023-12-31", "v: below the minimum 2024-01-01"),
        (
            {"type": "datetime", "constraints": {"maximum": "2024-01-01T12:00:00"}},
            "2024-01-01 12:01",
            "v: above the maximum 2024-01-01 12:00:00",
        ),
        ({"type": "string", "constraints": {"required": True}}, "", "v: missing"),
        ({"type": "integer", "constraints": {"required": True}}, "NA", "v: missing"),
        ({"type": "integer", "constraints": {"required": True}}, "x", "v: not a whole number"),
        ({"type": "string", "constraints": {"enum": ["柜台", "o'clock"]}}, "o'clock", "o'clock"),
        ({"type": "string", "constraints": {"enum": ["柜台", "o'clock"]}}, "柜", "v: not one of the allowed values"),
        ({"type": "string", "constraints": {"pattern": "a|b"}}, "ab", "v: not in the declared pattern"),
        ({"type": "string", "constraints": {"pattern": "[A-Z]{2}'\\d+"}}, "AB'12", "AB'12"),
        ({"type": "string", "constraints": {"minLength": 2, "maxLength": 3}}, "中", "v: shorter than 2"),
        ({"type": "string", "constraints": {"minLength": 2, "maxLength": 3}}, "中文字符", "v: longer than 3"),
        ({"type": "boolean", "constraints": {"enum": [True]}}, "false", "v: not one of the allowed values"),
    ],
)
def test_constraints(bench: Any, field: dict[str, Any], text: str, expected: Any) -> None:
    assert outcome(bench, text, field) == expected


def test_missing_values_are_the_study_files_own(bench: Any) -> None:
    assert outcome(bench, "-", {"type": "number"}, missing_values=["-", "n/a"]) is None
    assert outcome(bench, "n/a", {"type": "string"}, missing_values=["-", "n/a"]) is None
    assert outcome(bench, "", {"type": "string"}, missing_values=["-"]) == ""
    assert outcome(bench, "", {"type": "number"}, missing_values=["-"]) == "v: not a number"
    assert outcome(bench, "NA", {"type": "string"}, missing_values=[]) == "NA"


def test_a_pattern_the_engine_cannot_match_is_told(bench: Any, f: Any) -> None:
    bench.plan([f("day", "date"), f("x", "number"), f("v", pattern="(?=a)a"), f("w", pattern=r"(a)\1")])
    bench.write("r.csv", "day,x,v,w\n")
    answer = bench.check()
    assert answer.code == 2
    assert answer.err.count("is one the engine cannot match") == 2


def test_the_first_reason_is_given_and_each_record_counted_once(bench: Any, f: Any) -> None:
    bench.plan([f("day", "date", required=True), f("x", "number", required=True, minimum=0), f("v", "integer")])
    bench.write("r.csv", "day,x,v\n,-1,a\n2024-01-01,-1,a\n2024-01-01,1,a\n2024-01-01,1,1\n")
    records = bench.open().source_records("s")
    assert records.reasons == {"day: missing": 1, "v: not a whole number": 1, "x: below the minimum 0": 1}


DURATION = {"kind": "mean", "value": {"from": "a", "to": "b", "unit": "minutes"}}


def test_an_end_before_its_start(bench: Any, f: Any) -> None:
    bench.plan([f("a", "datetime"), f("b", "datetime")], DURATION, time="a", goal={"better": "lower"})
    bench.write(
        "r.csv",
        "a,b\n2024-01-01 10:00,2024-01-01 09:59\n2024-01-01 10:00,2024-01-01 10:00\n2024-01-01 10:00,\n,2024-01-01 10:00\n"
        "2024-01-01T10:00+08:00,2024-01-01T03:00Z\n2024-01-01T10:00Z,2024-01-01T11:00+08:00\n",
    )
    records = bench.open().source_records("s")
    assert records.reasons == {"b: before a": 2}
    assert [row.row for row in records.rejected_rows()] == [2, 7]


@pytest.mark.parametrize(("a", "b"), [("date", "date"), ("date", "datetime"), ("datetime", "date")])
def test_dates_are_compared_by_calendar_day(bench: Any, f: Any, a: str, b: str) -> None:
    success = {"column": "b", "within": "7d", "of": "a"}
    bench.plan(
        [f("a", a), f("b", b)],
        {"kind": "proportion", "success": success},
        time="a",
        goal={"target": {"level": 0.9}},
    )
    late = {"date": "2024-01-02", "datetime": "2024-01-02 23:00"}
    early = {"date": "2024-01-02", "datetime": "2024-01-02 01:00"}
    bench.write("r.csv", f"a,b\n{late[a]},{early[b]}\n{late[a]},2024-01-01\n")
    assert bench.open().source_records("s").reasons == {"b: before a": 1}


@pytest.mark.parametrize(
    "metric",
    [
        {"kind": "mean", "value": "x", "weight": "w"},
        {"kind": "rate", "events": "w", "exposure": "x"},
        {"kind": "rate", "events": "x", "exposure": "w"},
    ],
)
def test_negative_weights_events_and_exposures(bench: Any, f: Any, metric: dict[str, Any]) -> None:
    bench.plan([f("day", "date"), f("x", "number"), f("w", "number")], metric)
    bench.write("r.csv", "day,x,w\n2024-01-01,1,-1\n2024-01-01,0,0\n2024-01-01,1,\n")
    assert bench.open().source_records("s").reasons == {"w: negative": 1}


def test_events_where_nothing_was_at_risk_are_rejected_and_a_row_without_either_is_not(bench: Any, f: Any) -> None:
    metric = {"kind": "rate", "events": "x", "exposure": "w"}
    bench.plan([f("day", "date"), f("x", "integer"), f("w", "number")], metric)
    bench.write("r.csv", "day,x,w\n2024-01-01,400,0\n2024-01-01,0,0\n2024-01-01,3,\n2024-01-01,3,100\n")
    assert bench.open().source_records("s").reasons == {"w: zero, though there are events in x": 1}


def days(bench: Any) -> list[str]:
    records = bench.open().source_records("s")
    return [str(row[DAY]) for row in fetch(records.table.order_by("#row"))]


@pytest.mark.parametrize(
    ("zone", "times", "expected"),
    [
        (
            "Asia/Shanghai",
            ["2024-12-31T16:00:00Z", "2024-12-31T15:59:59Z", "2024-12-31 23:59:59", "2025-01-01"],
            ["2025-01-01", "2024-12-31", "2024-12-31", "2025-01-01"],
        ),
        (
            "America/New_York",
            [
                "2024-03-10 02:30",
                "2024-03-10T07:30:00Z",
                "2024-11-03 01:30",
                "2024-11-03T05:30:00Z",
                "2024-11-03T04:59:59+01:00",
            ],
            ["2024-03-10", "2024-03-10", "2024-11-03", "2024-11-03", "2024-11-02"],
        ),
        ("Pacific/Kiritimati", ["2024-01-01T10:00:00Z", "2024-01-01T09:59:59Z"], ["2024-01-02", "2024-01-01"]),
    ],
)
def test_the_day_is_the_studys_own(bench: Any, f: Any, zone: str, times: list[str], expected: list[str]) -> None:
    bench.plan([f("at", "datetime"), f("x", "number")], time="at", timezone=zone)
    bench.write("r.csv", [["at", "x"], *[[time, 1] for time in times]])
    assert days(bench) == expected


def test_durations_over_a_change_of_the_clock(bench: Any, f: Any) -> None:
    bench.plan(
        [f("a", "datetime"), f("b", "datetime")],
        DURATION,
        time="a",
        timezone="America/New_York",
        goal={"better": "lower", "target": {"level": 100}},
    )
    rows = [
        ["a", "b"],
        *[["2024-03-10 01:00", "2024-03-10 03:30"]] * 50,
        *[["2025-03-09 01:00", "2025-03-09 03:30"]] * 50,
    ]
    rows += [["2024-11-03T00:30:00-04:00", "2024-11-03T01:30:00-05:00"]] * 50
    bench.write("r.csv", rows)
    result = bench.open().evaluate("g", period="2025-Q1")
    assert result.period.before.value == pytest.approx((90 * 50 + 120 * 50) / 100)
    assert result.period.after.value == pytest.approx(90)


def test_every_timezone_of_python_is_known_to_the_engine_or_told() -> None:
    import zoneinfo

    from evalkit.errors import StudyError
    from evalkit.records.ingest import connect

    connection = connect("UTC")
    unknown = []
    for name in sorted(zoneinfo.available_timezones()):
        try:
            connection.raw_sql(f"SET TimeZone = '{name}'")
        except Exception:
            unknown.append(name)
    assert not any(
        "/" in name and name.split("/")[0] in ("Africa", "America", "Asia", "Europe", "Australia") for name in unknown
    )
    if unknown:
        with pytest.raises(StudyError, match="not known to the engine"):
            connect(unknown[0])


@pytest.mark.parametrize(
    ("time", "rows", "expected", "rejected"),
    [
        (
            ["y", "m"],
            ["2024,1,", "2024,12,", "2024,13,", "2024,0,", ",5,", "12025,1,", "2024,123,"],
            ["2024-01-01", "2024-12-01"],
            5,
        ),
        (
            ["y", "m", "d"],
            ["2024,2,29", "2023,2,29", "2024,4,31", "2024,4,", "2024,4,-1", "24,4,1"],
            ["2024-02-29", "0024-04-01"],
            4,
        ),
    ],
)
def test_time_in_parts(
    bench: Any, f: Any, time: list[str], rows: list[str], expected: list[str], rejected: int
) -> None:
    bench.plan([f("y", "integer"), f("m", "integer"), f("d", "integer"), f("x", "number")], time=time)
    bench.write("r.csv", "y,m,d,x\n" + "".join(f"{row},1\n" for row in rows))
    records = bench.open().source_records("s")
    assert records.reasons == {f"{', '.join(time)}: not a date together": rejected}
    assert [str(row[DAY]) for row in fetch(records.valid.order_by("#row"))] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1,5", 1.5), ("1.5", "v: not a number"), ("1.234,5", 1234.5), ("1 234,5", "v: not a number")],
)
def test_the_declared_marks_alone_make_a_number(bench: Any, text: str, expected: Any) -> None:
    group = {"groupChar": "."} if "," in text else {}
    assert outcome(bench, text, {"type": "number", "decimalChar": ",", **group}) == expected
