"""Connections, tables and columns that are not as they should be: one sentence each, and no password anywhere."""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pytest
from engines.conftest import PASSWORD, Warehouse

import evalkit as ek
from evalkit.errors import EvalkitError, RecordsError

ROWS = pa.table({"day": ["2024-01-01", "2025-11-01"], "x": [1.0, 2.0]})
TABLE = '"table"'
DOWN = "postgresql://bob:geheim@127.0.0.1:9/postgres"


def behind(bench: Any, f: Any, url: str | None, table: str = "t", fields: Any = None, **source: Any) -> None:
    """Write a study of one source behind the connection `ware-house`, and one of a file beside it."""
    bench.plan(fields or [f("day", "date"), f("x", "number")])
    own = bench.study["sources"]["s"]
    bench.study["sources"] = {"s": {**own, **source, "connection": "ware-house", "table": table}, "beside": dict(own)}
    del bench.study["sources"]["s"]["path"]
    bench.save()
    bench.write("r.csv", "day,x\n2024-01-01,1\n")
    if url:
        bench.monkeypatch.setenv("EVALKIT_CONNECTION_WARE_HOUSE", url)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        (None, "the environment variable EVALKIT_CONNECTION_WARE_HOUSE is not set"),
        (DOWN, "cannot be opened: nothing listens there (connection refused)"),
        ("mysql://bob:geheim@host/db", "its scheme is 'mysql'; expected one that begins with postgresql://, duckdb://"),
        ("bob:geheim@host/db", "it has no scheme"),
        ("postgresql://bob:geheim@@@:port/x?nonsense", "cannot be opened"),
        (
            "bob:geheim@host/db",
            "duckdb://, spark://, such as postgresql://USER:PASSWORD@HOST:5432/DATABASE, duckdb:////abs",
        ),
        ("duckdb:///nowhere/x.db?geheim", "there is no file /nowhere/x.db.\n"),
        ("duckdb:////nowhere/x.db?geheim", "there is no file /nowhere/x.db.\n"),
        (
            "duckdb://x.db?geheim",
            "x.db is relative to the study's folder; an absolute path is written duckdb:////abs/path/x.db.",
        ),
        ("duckdb:////tmp?geheim", "/tmp is a folder; name the DuckDB file in it"),
        ("spark://geheim@127.0.0.1:9", "no Spark master answers there"),
    ],
)
def test_a_connection_that_does_not_open(bench: Any, f: Any, url: str | None, told: str) -> None:
    pytest.importorskip("psycopg")
    if url and url.startswith("spark"):
        pytest.importorskip("pyspark")
    behind(bench, f, url)
    for answer in (bench.check(), bench.evaluate()):
        assert answer.code == 2
        assert answer.err.count("evalkit:") == 1
        assert told in answer.err
        assert "geheim" not in answer.out + answer.err
    assert "beside (r.csv)\n  1 record found" in bench.check().out


def test_one_connection_of_several_sources_is_told_once(bench: Any, f: Any) -> None:
    behind(bench, f, "duckdb:////nowhere/x.db")
    bench.study["sources"]["other"] = dict(bench.study["sources"]["s"])
    bench.study["goals"].append({**bench.study["goals"][0], "id": "h", "source": "other"})
    bench.save()
    for answer in (bench.check(), bench.evaluate()):
        assert answer.err == (
            "evalkit: sources 's', 'other': The connection 'ware-house' cannot be opened: there is no file "
            "/nowhere/x.db.\n"
        )


def test_what_a_duckdb_table_lacks_is_told_with_its_line_in_the_study_file(bench: Any, f: Any) -> None:
    import duckdb

    with duckdb.connect(bench.folder / "x.db") as database:
        database.execute("CREATE TABLE t AS SELECT DATE '2024-01-01' AS day, true AS x")
    behind(bench, f, "duckdb://x.db", fields=[f("day", "date"), f("x", "number"), f("y")])
    text = (bench.folder / "study.yaml").read_text(encoding="utf-8")

    def line(part: str) -> str:
        return f"{bench.folder}/study.yaml:{text[: text.index(part)].count(chr(10)) + 1}"

    field = text[: text.index('"name": "y"')].rindex("{")
    assert f"`rename_from` in {line(text[field:])}." in bench.check().err
    behind(bench, f, "duckdb://x.db", table="tt")
    text = (bench.folder / "study.yaml").read_text(encoding="utf-8")
    assert f"Mend the source's `table` in {line(TABLE)}, written" in bench.check().err
    behind(bench, f, "duckdb://x.db")
    assert "cannot be read as number; mend the field's `type` in " in bench.check().err


def test_a_password_is_never_told(bench: Any, f: Any, postgres: Warehouse) -> None:
    postgres.run("DROP ROLE IF EXISTS bob")
    postgres.run("CREATE ROLE bob LOGIN PASSWORD 'another'")
    [(file,)] = postgres.run("SHOW hba_file").fetchall()
    before = Path(file).read_text()
    Path(file).write_text("local all bob scram-sha-256\n" + before)
    postgres.run("SELECT pg_reload_conf()")
    try:
        url = postgres.url.replace("postgres:@", f"bob:{quote(PASSWORD, safe='')}@")
        behind(bench, f, url)
        answer = bench.check()
        assert answer.code == 2
        assert "cannot be opened: the user's password is wrong" in answer.err
        command = [sys.executable, "-m", "evalkit", "check", "--debug", "--study", str(bench.folder)]
        done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ))
        assert done.returncode == 2
        assert "Traceback" in done.stderr
        assert "s3cret" not in done.stdout + done.stderr
        with pytest.raises(EvalkitError) as caught:
            ek.open_study(bench.folder).records("s")
        assert "s3cret" not in "".join(traceback.format_exception(caught.value))
    finally:
        Path(file).write_text(before)
        postgres.run("SELECT pg_reload_conf()")


def test_a_url_in_a_file_of_ones_own(bench: Any, f: Any, postgres: Warehouse) -> None:
    postgres.load("t", ROWS)
    behind(bench, f, None)
    file = bench.write("secret.url", postgres.url + "\n")
    bench.monkeypatch.setenv("EVALKIT_CONNECTION_WARE_HOUSE_FILE", str(file))
    file.chmod(0o640)
    assert "others can read (mode 0640); chmod 600 it" in bench.check().err
    file.chmod(0o600)
    assert bench.check().code == 0
    bench.write("secret.url", "")
    assert "is empty" in bench.check().err
    file.unlink()
    assert "cannot be read: No such file" in bench.check().err


@pytest.mark.parametrize("warehouse", ["duckdb", "postgres"], indirect=True)
def test_a_table_or_column_that_is_not_there(bench: Any, f: Any, warehouse: Warehouse) -> None:
    warehouse.load("process_log", ROWS)
    behind(bench, f, warehouse.url, "proces_log")
    told = bench.check().err
    assert (
        "the connection 'ware-house' has no table 'proces_log'; it has process_log. Did you mean 'process_log'?" in told
    )
    behind(bench, f, warehouse.url, "nix.process_log")
    assert "has no table 'nix.process_log'" in bench.check().err
    schema = "main" if warehouse.engine == "duckdb" else "public"
    behind(bench, f, warehouse.url, f"{schema}.process_log")
    assert bench.check().code == 0
    behind(bench, f, warehouse.url, "process_log", [f("day", "date", rename_from="days"), f("x", "number"), f("y")])
    told = bench.check().err
    assert "the table 'process_log': has no column 'days' (field 'day'); it has day, x. Did you mean 'day'?" in told
    assert "has no column 'y'; it has day, x." in told


@pytest.mark.parametrize("warehouse", ["duckdb", "postgres"], indirect=True)
def test_a_column_of_another_type(bench: Any, f: Any, warehouse: Warehouse) -> None:
    warehouse.load("t", pa.table({"day": pa.array([20240101, 2]), "x": pa.array([True, False])}))
    behind(bench, f, warehouse.url)
    told = bench.check().err
    assert "the column 'day' is of type int64, which cannot be read as date; mend the field's `type`" in told
    assert "the column 'x' is of type boolean, which cannot be read as number" in told


def test_a_table_that_may_not_be_read_or_is_gone(bench: Any, f: Any, postgres: Warehouse) -> None:
    postgres.load("t", ROWS)
    postgres.run("DROP ROLE IF EXISTS eve")
    postgres.run("CREATE ROLE eve LOGIN")
    behind(bench, f, postgres.url.replace("postgres:@", "eve@"))
    postgres.run("GRANT USAGE ON SCHEMA public TO eve")
    answer = bench.evaluate()
    assert answer.code == 2
    assert "The connection 'ware-house': permission denied for table t; ask for the right to read it." in answer.err
    assert "beside" in bench.check().out
    behind(bench, f, postgres.url)
    records = ek.open_study(bench.folder).source_records("s")
    postgres.run("DROP TABLE t")
    with pytest.raises(EvalkitError, match="a table changed its form meanwhile"):
        _ = records.found


def test_a_server_that_goes_away(bench: Any, f: Any, postgres: Warehouse) -> None:
    postgres.load("t", ROWS)
    behind(bench, f, postgres.url)
    records = ek.open_study(bench.folder).source_records("s")
    postgres.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'evalkit'")
    with pytest.raises(EvalkitError, match="The connection 'ware-house' broke off"):
        _ = records.found


def test_an_evaluation_whose_server_goes_away_is_begun_anew_a_few_times(
    bench: Any, f: Any, postgres: Warehouse
) -> None:
    waited: list[float] = []
    bench.monkeypatch.setattr("time.sleep", waited.append)
    postgres.load(
        "t",
        pa.table(
            {"day": [f"{y}-0{m}-0{d}" for y in (2024, 2025) for m in range(1, 10) for d in (1, 2)], "x": range(36)}
        ),
    )
    behind(bench, f, postgres.url)
    gone = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'evalkit'"
    study = ek.open_study(bench.folder)
    study.source_records("s")
    postgres.run(gone)
    answer = study.evaluate_period("2025-Q3").goals[0]
    assert waited == [1.0]
    assert answer == ek.open_study(bench.folder).evaluate_period("2025-Q3").goals[0]
    postgres.run(gone)
    bench.monkeypatch.setenv("EVALKIT_CONNECTION_WARE_HOUSE", DOWN)
    with pytest.raises(RecordsError, match="nothing listens there"):
        study.evaluate_period("2025-Q3")
    assert waited == [1.0, 1.0, 10.0]
    with pytest.raises(RecordsError, match="nothing listens there"):
        ek.open_study(bench.folder).evaluate_period("2025-Q3")
    assert len(waited) == 3


def test_all_queries_of_a_study_see_one_state_and_write_nothing(bench: Any, f: Any, postgres: Warehouse) -> None:
    postgres.load("t", ROWS)
    behind(bench, f, postgres.url, key="day")
    study = ek.open_study(bench.folder)
    records = study.source_records("s")
    postgres.run("INSERT INTO t VALUES ('2024-01-01', 5), ('2025-01-01', 7), ('nonsense', 1)")
    assert (records.found, records.reasons) == (2, {})
    assert ek.open_study(bench.folder).source_records("s").found == 5
    engine = study._engines.named("ware-house")
    with pytest.raises(Exception, match="read-only transaction"):
        engine.con.execute("CREATE TEMP TABLE mine (x int)")


def test_a_format_that_an_engine_cannot_read_and_a_pattern(bench: Any, f: Any, postgres: Warehouse) -> None:
    postgres.load("t", pa.table({"day": ["01.02.2024"], "x": ["1"]}))
    behind(bench, f, postgres.url, fields=[f("day", "date", format="%d.%j.%Y %m"), f("x", "number")])
    assert "has %j, which evalkit reads from files and DuckDB only" in bench.check().err
    behind(
        bench,
        f,
        postgres.url,
        fields=[
            f("day", "date", format="%d.%m.%Y"),
            f("x", "number"),
            {**f("t", pattern=r"(?P<n>\d)"), "rename_from": "x"},
        ],
    )
    assert "is one the engine cannot match" in bench.check().err


def test_a_month_as_text_is_its_first_day(bench: Any, f: Any, postgres: Warehouse) -> None:
    postgres.load("t", pa.table({"day": ["2024-02", "2024-13", "2024-02-01"], "x": ["1", "2", "3"]}))
    behind(bench, f, postgres.url, fields=[f("day", "date", format="%Y-%m"), f("x", "number")])
    told = bench.check().out
    assert "3 records found, dated 2024-02-01 to 2024-02-01" in told
    assert "2 × day: not a date" in told


def test_a_name_that_postgresql_would_cut(bench: Any, f: Any, postgres: Warehouse) -> None:
    name = "一个很长的列名一个很长的列名一个很长的列名"
    postgres.load("t", ROWS.append_column("y", pa.array(["a", "b"])))
    behind(bench, f, postgres.url, fields=[f("day", "date"), f("x", "number"), {**f(name), "rename_from": "y"}])
    assert f"PostgreSQL cuts names as long as '{name}'" in bench.check().err


def test_a_driver_that_is_not_installed(bench: Any, f: Any) -> None:
    for url, module, extra in ((DOWN, "psycopg", "postgres"), ("spark+local://1", "pyspark.errors", "spark")):
        behind(bench, f, url)
        bench.monkeypatch.setitem(sys.modules, module, None)
        assert f"its driver is not installed; run: pip install 'evalkit[{extra}]'" in bench.check().err
