"""The versions that were resolved together do what sources need (see the traps in pyproject.toml)."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pytest
from engines.conftest import Warehouse

from evalkit.records.engines import Engines
from evalkit.records.fetch import fetch
from evalkit.records.source import shares


def version(package: str) -> tuple[int, ...]:
    return tuple(int(part) for part in importlib.metadata.version(package).split(".")[:2])


def test_versions_known_to_break_each_other_are_not_here() -> None:
    assert (12, 0) <= version("ibis-framework") < (13, 0)
    assert (1, 4) <= version("duckdb") < (2, 0)
    assert version("sqlglot") < (30, 0)
    if any(found.name == "pyspark" for found in importlib.metadata.distributions()):
        assert version("pyspark") < (4, 1)


@pytest.mark.parametrize("warehouse", ["duckdb", "postgres"], indirect=True)
def test_what_our_queries_are_made_of(bench: Any, f: Any, warehouse: Warehouse) -> None:
    table = warehouse.load("t", pa.table({"day": ["2024-01-31", "2024-02-01", None], "x": [1.0, 2.0, 3.0]}))
    bench.plan([f("day", "date"), f("x", "number")])
    bench.study["sources"]["s"] = {**bench.study["sources"]["s"], "connection": "warehouse", "table": table}
    del bench.study["sources"]["s"]["path"]
    bench.save()
    records = bench.open().source_records("s")
    valid = records.valid
    month = valid["#day"].truncate("M").cast("date")
    rows = fetch(valid.group_by(month=month).agg(n=valid.count(), x=valid.x.sum(where=valid.x > 1)).order_by("month"))
    assert [(row["month"] and str(row["month"])[:10], row["n"], row["x"]) for row in rows] == [
        ("2024-01-01", 1, None),
        ("2024-02-01", 1, 2.0),
        (None, 1, 3.0),
    ]
    assert isinstance(Engines(bench.open().file).named("warehouse"), ibis.backends.sql.SQLBackend)


def test_records_are_counted_when_asked_for_or_told(bench: Any, f: Any) -> None:
    import pyarrow.parquet as pq

    bench.plan([f("day", "date"), f("x", "number", maximum=1)], path="r.parquet")
    pq.write_table(pa.table({"day": ["2024-01-31"] * 3, "x": [1.0, 2.0, 3.0]}), bench.folder / "r.parquet")
    told, asked = bench.open().source_records("s"), bench.open().source_records("s")
    told.remember({"from elsewhere": 7}, 10)
    assert (told.reasons, told.found, told.tally().rejected_share) == ({"from elsewhere": 7}, 10, 0.7)
    (bench.folder / "r.parquet").rename(bench.folder / "gone")  # nothing was read yet
    with pytest.raises(Exception, match="cannot be read to its end"):
        _ = asked.found
    (bench.folder / "gone").rename(bench.folder / "r.parquet")
    assert (asked.reasons, asked.found) == ({"x: above the maximum 1": 2}, 3)


@pytest.mark.parametrize("warehouse", ["file", "duckdb", "postgres"], indirect=True)
def test_of_many_rejected_rows_a_sample_with_exact_counts(
    bench: Any, f: Any, warehouse: Warehouse, tmp_path: Path
) -> None:
    table = pa.table({"day": ["2024-01-01"] * 60, "x": [str(n) if n < 50 else "=1+1" for n in range(60)]})
    place = {"connection": "warehouse", "table": warehouse.load("t", table)}
    bench.plan([f("day", "date"), f("x", "number", maximum=20)], max_rejected=1)
    if warehouse.engine == "file":
        place = {"path": "r.csv"}
        bench.write("r.csv", [table.column_names, *zip(*table.to_pydict().values(), strict=True)])
    source = {key: value for key, value in bench.study["sources"]["s"].items() if key != "path"}
    bench.study["sources"]["s"] = source | place
    bench.save()
    records = bench.open().source_records("s")
    assert records.reasons == {"x: above the maximum 20": 29, "x: not a number": 10}
    assert records.write_rejected(tmp_path / "out.csv", limit=24) == 24
    lines = (tmp_path / "out.csv").read_text("utf-8-sig").splitlines()
    assert sum(",x: not a number,2024-01-01,'=1+1" in line for line in lines) == 10
    assert sum(",x: above the maximum 20,2024-01-01," in line for line in lines) == 14
    assert lines[-1] == ",,x: above the maximum 20 (these are 14 of 29)"
    assert len(list(records.rejected_rows())) == 39
    assert "all of them with their values" in bench.check().out


def test_shares_of_a_limit() -> None:
    assert shares({"a": 5, "b": 1}, 100) == {"b": 1, "a": 5}
    assert shares({}, 10) == {}
    assert sum(shares({"a": 90, "b": 90, "c": 1}, 50).values()) == 50
