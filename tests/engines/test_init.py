"""`evalkit init` on a table of an engine: the study file passes `check` and evaluates; a table that is not there is told."""

from __future__ import annotations

import datetime as dt
import uuid
from pathlib import Path

import pyarrow as pa
import pytest
from engines.conftest import ENGINES, Warehouse

import evalkit as ek
from evalkit.errors import ParameterError, RecordsError
from evalkit.started import started_report
from evalkit.starter import start
from evalkit.starter.tables import ROWS


def tickets(size: int) -> pa.Table:
    first = dt.datetime(2024, 1, 1)  # noqa: DTZ001 (local, as records have it)
    opened = [first + dt.timedelta(minutes=17 * i) for i in range(size)]
    return pa.table(
        {
            "ticket_id": pa.array(range(size), pa.int64()),
            "opened_at": pa.array(opened, pa.timestamp("us")),
            "closed_at": pa.array(
                [at + dt.timedelta(hours=1 + i % 30) for i, at in enumerate(opened)], pa.timestamp("us")
            ),
            "queue": pa.array(["network", "payroll", "erp"][i % 3] for i in range(size)),
            "cost": pa.array([None if i % 50 == 0 else 1.5 + i % 7 for i in range(size)], pa.float64()),
        }
    )


@pytest.mark.parametrize("warehouse", ENGINES, indirect=True)
def test_a_table_becomes_a_study_that_evaluates(warehouse: Warehouse, tmp_path: Path) -> None:
    name = warehouse.load("tickets", tickets(31_000))
    started = start(tmp_path / "bank", [f"warehouse::{name}"], targets=["closed_at-within-8h>=0.5"])
    assert not (tmp_path / "bank" / "records").exists()
    text = started.study.read_text(encoding="utf-8")
    assert "connection: warehouse" in text
    assert "key: ticket_id" in text
    assert "time: opened_at" in text
    study = ek.open_study(tmp_path / "bank")
    assert study.source_records(started.proposals[0].table.name).rejected == 0
    goal = study.evaluate("closed_at-within-8h", period="2024-Q3")
    assert goal.period.effect is not None
    assert goal.verdict == "not_achieved"
    with pytest.raises(RecordsError, match="has no table 'tickts'"):
        start(tmp_path / "other", ["warehouse::tickts"])
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("warehouse", ["duckdb", "postgres"], indirect=True)
def test_types_without_a_word_are_text_and_a_large_table_is_judged_by_some_rows(
    warehouse: Warehouse, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    warehouse.load("few", tickets(10))
    warehouse.run(
        f"CREATE TABLE many AS SELECT i AS n, CAST('{uuid.UUID(int=7)}' AS uuid) AS who, DATE '2024-01-01' AS day "
        f"FROM generate_series(1, {ROWS + 5}) AS t(i)"
    )
    started = start(tmp_path / "bank", ["warehouse::many"])
    text = started.study.read_text(encoding="utf-8")
    told = f"judged by {ROWS:,} of {ROWS + 5:,} rows: look at keys, values and days once more"
    assert told in text
    started_report(started)
    shown = capsys.readouterr().out
    assert f"warehouse::many: {ROWS + 5} records, placed by 'day'" in shown
    assert told in shown
    assert "{name: who, type: string}" in text
    warehouse.run("CREATE TABLE timeless AS SELECT 'Q1 2025' AS quarter")
    with pytest.raises(ParameterError, match=r"'quarter' \(such as 'Q1 2025'\)\. Make a view that has it as a date"):
        start(tmp_path / "none", ["warehouse::timeless"])
