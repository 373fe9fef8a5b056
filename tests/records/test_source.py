"""A source as a whole: duplicates, Parquet, what is left out and where it is written."""

# ruff: noqa: DTZ001 (records have naive times, and so do the expected ones)

from __future__ import annotations

import csv
import datetime as dt
import random
import stat
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evalkit.errors import RecordsError
from evalkit.records.fetch import fetch
from evalkit.records.source import places_passed_over, row_number
from evalkit.spreadsheet import inert


def counts(bench: Any) -> tuple[int, int, dict[str, int]]:
    records = bench.open().source_records("s")
    accepted = fetch(records.accepted.agg(n=records.accepted.count()))[0]["n"]
    assert records.found == accepted + records.rejected, "a record was lost"
    assert records.rejected == len(list(records.rejected_rows())) == sum(records.reasons.values())
    return records.found, accepted, records.reasons


KEYED = [
    "1,2024-01-01,5,A",
    "2,2024-01-02,6,A",
    "2,2024-01-02,6,A",
    "3,2024-01-03,7,A",
    "3,2024-01-03,8,A",
    "3,2024-01-03,7,A",
    "4,2024-01-04,,",
    "4,2024-01-04,,",
    "5,2024-01-05,11,A",
    "5,2024-01-05,9,A",
    ",2024-01-06,1,A",
    ",2024-01-06,1,A",
]
SAME, OTHER = "id: duplicate, the same record again", "id: duplicate with other values, so no copy counts"


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("how", ["key", "unique"])
def test_duplicates_whatever_the_order(bench: Any, f: Any, seed: int, how: str) -> None:
    fields = [
        f("id", **({"unique": True} if how == "unique" else {})),
        f("day", "date"),
        f("x", "number", maximum=10),
        f("branch"),
    ]
    bench.plan(fields, **({"key": "id"} if how == "key" else {}))
    rows = list(KEYED)
    random.Random(seed).shuffle(rows)
    bench.write("r.csv", "id,day,x,branch\n" + "\n".join(rows) + "\n")
    assert counts(bench) == (12, 6, {OTHER: 3, SAME: 2, "x: above the maximum 10": 1})
    kept = fetch(bench.open().records("s"))
    assert sorted((row["id"] or "", row["x"]) for row in kept if row["id"] != "4") == [
        ("", 1),
        ("", 1),
        ("1", 5),
        ("2", 6),
        ("5", 9),
    ]


def test_copies_in_several_files_and_columns_that_are_not_declared(bench: Any, f: Any) -> None:
    bench.plan([f("id"), f("day", "date"), f("x", "number")], path="*.csv", key="id")
    bench.write("a.csv", "id,day,x,loaded\n1,2024-01-01,5,mon\n")
    bench.write("b.csv", "loaded,x,day,id\ntue,5.0,2024-01-01,1\n")
    assert counts(bench) == (2, 1, {SAME: 1})
    [row] = bench.open().source_records("s").rejected_rows()
    assert (row.file, row.row, row.key) == ("b.csv", 2, "1")


def test_two_unique_fields(bench: Any, f: Any) -> None:
    bench.plan(
        [f("id", unique=True), f("serial", "integer", unique=True), f("day", "date"), f("x", "number")], key="id"
    )
    bench.write("r.csv", "id,serial,day,x\na,1,2024-01-01,1\nb,1,2024-01-01,1\nc,2,2024-01-01,1\nc,3,2024-01-01,1\n")
    assert counts(bench)[2] == {OTHER: 2, "serial: duplicate with other values, so no copy counts": 2}


def test_many_rows_and_a_key_of_every_type(bench: Any, f: Any) -> None:
    for kind, value in (
        ("integer", "7"),
        ("date", "2024-01-01"),
        ("datetime", "2024-01-01 10:00"),
        ("number", "7.5"),
        ("boolean", "1"),
    ):
        bench.plan([f("id", kind), f("day", "date"), f("x", "number")], key="id")
        bench.write("r.csv", f"id,day,x\n{value},2024-01-01,1\n{value},2024-01-01,1\n")
        assert counts(bench)[2] == {SAME: 1}
        [row] = bench.open().source_records("s").rejected_rows()
        assert row.key == value


def test_the_key_of_a_rejected_row_is_told_as_found(bench: Any, f: Any) -> None:
    bench.plan([f("id", "integer"), f("day", "date"), f("x", "number")], key="id")
    bench.write("r.csv", "id,day,x\n12a,2024-01-01,1\n")
    [row] = bench.open().source_records("s").rejected_rows()
    assert (row.key, row.reason) == ("12a", "id: not a whole number")


def test_nothing_but_missing_values(bench: Any, f: Any) -> None:
    bench.plan([f("id"), f("day", "date"), f("x", "number"), f("branch")], key="id", goal={"cluster": "branch"})
    bench.write("r.csv", "id,day,x,branch\n" + ",,,\n" * 3)
    assert counts(bench) == (3, 3, {})
    assert bench.open().source_records("s").undated() == 3
    answer = bench.evaluate()
    assert answer.code == 3
    assert answer.goal()["verdict"] == "not_evaluable"


FIELDS = [("id", "string"), ("day", "date"), ("at", "datetime"), ("n", "integer"), ("x", "number"), ("ok", "boolean")]
COLUMNS: dict[str, list[Any]] = {
    "id": ["a", "b", None, "d"],
    "day": [dt.date(2024, 1, 1), dt.date(2024, 2, 29), None, dt.date(2024, 1, 4)],
    "at": [
        dt.datetime(2024, 1, 1, 10, 0, 0, 250000),
        dt.datetime(2024, 2, 29),
        None,
        dt.datetime(2024, 12, 31, 23, 59, 59),
    ],
    "n": [1, -2, None, 4],
    "x": [1.5, 1e-9, None, float("nan")],
    "ok": [True, False, None, True],
}


def parquet(bench: Any, columns: dict[str, Any], name: str = "r.parquet") -> None:
    pq.write_table(pa.table(columns), bench.folder / name)


@pytest.mark.parametrize("variant", ["typed", "text", "zoned", "narrow"])
def test_parquet_typed_and_with_text(bench: Any, f: Any, variant: str) -> None:
    bench.plan([f(name, kind) for name, kind in FIELDS], path="r.parquet")
    columns: dict[str, Any] = dict(COLUMNS)
    if variant == "text":
        columns = {
            name: [None if v is None else str(v).lower() if isinstance(v, bool) else str(v) for v in values]
            for name, values in COLUMNS.items()
        }
    if variant == "zoned":
        columns["at"] = pa.array(COLUMNS["at"], pa.timestamp("ns", "Asia/Shanghai"))
        columns["at"] = pa.array([v and v.replace(tzinfo=dt.UTC) for v in COLUMNS["at"]], pa.timestamp("us", "UTC"))
    if variant == "narrow":
        columns |= {
            "id": pa.array(COLUMNS["id"]).dictionary_encode(),
            "n": pa.array(COLUMNS["n"], pa.int8()),
            "x": pa.array([1.5, 0.0, None, float("nan")], pa.float32()),
            "at": pa.array(COLUMNS["at"], pa.timestamp("ns")),
        }
    parquet(bench, columns)
    records = bench.open().source_records("s")
    assert counts(bench) == (4, 3, {"x: not a number": 1})
    got = fetch(records.accepted.order_by(records.accepted["id"]))
    assert [row["at"] for row in got] == COLUMNS["at"][:3]
    assert [row["day"] for row in got] == COLUMNS["day"][:3]
    assert [(row["n"], row["ok"]) for row in got] == [(1, True), (-2, False), (None, None)]
    [bad] = records.rejected_rows()
    assert (bad.file, bad.row) == ("r.parquet", 5)


@pytest.mark.parametrize(
    ("column", "values", "reason"),
    [
        ("day", pa.array([20240101, 2]), "day: not a date"),
        ("at", pa.array([20240101, 2]), "at: not a date and time"),
        ("at", pa.array([1.5, 2.5]), "at: not a date and time"),
        ("x", pa.array([dt.date(2024, 1, 1)] * 2), "x: not a number"),
        ("x", pa.array([[1], [2]]), "x: not a number"),
        ("n", pa.array([1.5, float("inf")]), "n: not a whole number"),
        ("n", pa.array([2**63, 2**64 - 1], pa.uint64()), "n: not a whole number"),
        ("n", pa.array([1e300, -1e19]), "n: not a whole number"),
        ("n", pa.array([True, False]), "n: not a whole number"),
        ("ok", pa.array([2, 3]), "ok: neither true nor false"),
        ("day", pa.array([b"\xff\xfe", b"x"]), "day: not a date"),
    ],
)
def test_parquet_columns_of_another_type(bench: Any, f: Any, column: str, values: Any, reason: str) -> None:
    bench.plan([f(name, kind) for name, kind in FIELDS], path="r.parquet", max_rejected=1)
    parquet(bench, {**{name: v[:2] for name, v in COLUMNS.items()}, column: values})
    assert counts(bench)[2] == {reason: 2}
    assert bench.check().code == 0


def test_parquet_files_that_lack_a_column_or_are_broken(bench: Any, f: Any) -> None:
    bench.plan([f("day", "date"), f("x", "number")], path="*.parquet")
    parquet(bench, {"day": COLUMNS["day"], "x": COLUMNS["n"]}, "a.parquet")
    parquet(bench, {"day": COLUMNS["day"], "y": COLUMNS["n"]}, "b.parquet")
    whole = (bench.folder / "a.parquet").read_bytes()
    bench.write("c.parquet", whole[:-20])
    bench.write("d.parquet", b"")
    bench.write("e.parquet", "day,x\n")
    answer = bench.evaluate()
    assert answer.code == 2
    told = answer.err.strip().splitlines()
    assert len(told) == 4
    assert "b.parquet: has no column 'x'; it has day, y." in told[0]
    assert all("is not a Parquet file, or was not written to its end" in line for line in told[1:])


def test_parquet_files_with_other_types_and_orders_of_columns(bench: Any, f: Any) -> None:
    bench.plan([f("day", "date"), f("x", "number")], path="*.parquet")
    parquet(bench, {"day": [dt.date(2024, 1, 1)], "x": [1]}, "a.parquet")
    parquet(
        bench,
        {
            "x": [
                "2.5",
            ],
            "filename": ["z"],
            "day": ["2024-01-02"],
        },
        "b.parquet",
    )
    parquet(bench, {"x": [3.5], "day": [dt.date(2024, 1, 3)]}, "[c].parquet")
    assert counts(bench) == (3, 3, {})


def test_parquet_pages_that_are_damaged(bench: Any, f: Any) -> None:
    bench.plan([f("day", "date"), f("x", "number")], path="r.parquet")
    table = pa.table({"day": [dt.date(2024, 1, 1)] * 20000, "x": [i * 7919 % 10007 + 0.5 for i in range(20000)]})
    pq.write_table(table, bench.folder / "r.parquet", compression="zstd")
    raw = bytearray((bench.folder / "r.parquet").read_bytes())
    middle = len(raw) // 2
    raw[middle : middle + 4000] = bytes(255 - byte for byte in raw[middle : middle + 4000])
    (bench.folder / "r.parquet").write_bytes(raw)
    answer = bench.check()
    assert answer.code == 2
    assert "source 's': A file of records cannot be read to its end" in answer.err


def test_the_rejected_file_is_private_safe_and_opens_in_a_spreadsheet(bench: Any, f: Any, tmp_path: Path) -> None:
    bench.plan([f("id"), f("day", "date"), f("x", "number", maximum=10), f("名", pattern="[a-z]+")], key="id")
    bench.write(
        "r.csv",
        "id,day,x,名\n=1+1,2024-01-01,11,甲\n2,2024-01-01,1,@SUM(A1)\n3,2024-01-01,-12.5,-x\n4,2024-01-01\n5,2024-01-01,+9,ok\n",
    )
    records = bench.open().source_records("s")
    target = tmp_path / "deep" / "s.csv"
    target.parent.mkdir()
    target.write_text("old")
    target.chmod(0o644)
    records.write_rejected(target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    raw = target.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    assert list(csv.reader(raw.decode("utf-8-sig").splitlines())) == [
        ["file", "row", "reason", "id", "day", "x", "名"],
        ["r.csv", "2", "x: above the maximum 10", "'=1+1", "2024-01-01", "11", "甲"],
        ["r.csv", "3", "名: not in the declared pattern", "2", "2024-01-01", "1", "'@SUM(A1)"],
        ["r.csv", "4", "名: not in the declared pattern", "3", "2024-01-01", "-12.5", "'-x"],
        ["r.csv", "5", "fewer columns than the header", "", "", "", ""],
    ]


def test_the_rejected_file_does_not_follow_a_link(bench: Any, f: Any, tmp_path: Path) -> None:
    bench.plan([f("day", "date"), f("x", "number")])
    bench.write("r.csv", "day,x\nbad,1\n")
    victim = bench.write("victim.txt", "mine")
    (tmp_path / "out.csv").symlink_to(victim)
    with pytest.raises(OSError):
        bench.open().source_records("s").write_rejected(tmp_path / "out.csv")
    assert victim.read_text() == "mine"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("=A1", "'=A1"),
        ("+1", "+1"),
        ("-1.5", "-1.5"),
        ("-1+2", "'-1+2"),
        ("@x", "'@x"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("a=1", "a=1"),
        ("", ""),
        (None, ""),
        ("-", "'-"),
    ],
)
def test_values_no_spreadsheet_takes_for_a_formula(value: str | None, expected: str) -> None:
    assert inert(value) == expected


@pytest.mark.parametrize("seed", range(5))
def test_row_numbers_against_counting(seed: int) -> None:
    generator = random.Random(seed)
    kinds = [generator.random() < 0.6 for _ in range(60)]  # whether rows 2, 3, … are records
    passed_over = [number for number, record in enumerate(kinds, start=2) if not record]
    expected = [number for number, record in enumerate(kinds, start=2) if record]
    assert [row_number(place, places_passed_over(passed_over)) for place in range(1, len(expected) + 1)] == expected


def test_only_declared_columns_are_read(bench: Any, f: Any) -> None:
    bench.plan([f("day", "date"), f("x", "number")])
    bench.write("r.csv", "name,day,x\nsecret,bad,1\n")
    study = bench.open()
    assert list(study.records("s").columns) == ["day", "x"]
    records = study.source_records("s")
    assert "name" not in records.left_out.columns
    assert not any("secret" in str(row) for row in fetch(records.left_out))


def test_the_share_of_rejected_rows_that_is_too_much(bench: Any, f: Any) -> None:
    bench.plan([f("day", "date"), f("x", "number")], max_rejected=0.25)
    bench.write("r.csv", "day,x\n" + "2024-01-01,1\n" * 3 + "bad,1\n")
    records = bench.open().source_records("s")
    assert (records.tally().rejected_share, records.tally().too_many_rejected) == (0.25, False)
    bench.write("r.csv", "day,x\n" + "2024-01-01,1\n" * 3 + "bad,1\nbad,1\n")
    assert bench.open().source_records("s").tally().too_many_rejected


def test_a_folder_and_a_link_out_of_the_folder(bench: Any, f: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    bench.plan([f("day", "date"), f("x", "number")])
    (bench.folder / "r.csv").mkdir()
    with pytest.raises(RecordsError, match="is a folder"):
        bench.open().source_records("s")
    (bench.folder / "r.csv").rmdir()
    outside = tmp_path_factory.mktemp("out") / "r.csv"
    outside.write_text("day,x\n")
    (bench.folder / "r.csv").symlink_to(outside)
    with pytest.raises(RecordsError, match="link that leads outside"):
        bench.open().source_records("s")


def test_parquet_columns_of_several_types_meet_as_text(bench: Any, f: Any) -> None:
    bench.plan([f("day", "date"), f("at", "datetime"), f("n", "integer"), f("x", "number")], path="*.parquet")
    moment = dt.datetime(2024, 1, 1, 10, 0, 0, 500)
    kinds = [
        (dt.date(2024, 1, 1), moment, 1, 1.5),
        ("2024-01-01", "2024-01-01T10:00:00.0005", 1.0, "1.5"),
        (dt.date(2024, 1, 1), moment.replace(tzinfo=dt.UTC), "1", [1.5]),
    ]
    for number, values in enumerate(kinds):
        parquet(
            bench, dict(zip(("day", "at", "n", "x"), ([value] for value in values), strict=True)), f"{number}.parquet"
        )
    assert counts(bench) == (3, 2, {"x: not a number": 1})
    rows = fetch(bench.open().records("s"))
    assert [tuple(row.values()) for row in rows] == [(dt.date(2024, 1, 1), moment, 1, 1.5)] * 2


@pytest.mark.parametrize("name", ["#day", "#", "x#instant", "x#given"])
def test_names_that_are_evalkits_own(bench: Any, f: Any, name: str) -> None:
    bench.plan([f("day", "date"), f("x", "number"), f(name)])
    bench.write("r.csv", f"day,x,{name}\n")
    answer = bench.check()
    assert answer.code == 2
    assert "give the field another name" in answer.err
