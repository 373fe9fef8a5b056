"""Engines for the tests: a DuckDB file, a PostgreSQL server started for the run, and Spark on two cores."""

from __future__ import annotations

import gc
import importlib.util
import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ENGINES = ["duckdb", "postgres", pytest.param("spark", marks=pytest.mark.slow)]
PASSWORD = "s3cret/geheim"


@dataclass
class Warehouse:
    """A place of tables; `load` keeps an Arrow table there and returns the name for the study file."""

    engine: str
    url: str
    load: Callable[[str, pa.Table], str]
    run: Callable[[str], Any]  # an SQL statement, by its owner


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server of this run's own: the package pgserver's, else Debian's."""
    pytest.importorskip("psycopg", reason="needs evalkit[postgres]")
    data = Path(tempfile.mkdtemp(prefix="evalkit-pg-"))
    try:
        yield from (_packaged if importlib.util.find_spec("pgserver") else _installed)(data)
    finally:
        shutil.rmtree(data, ignore_errors=True)


def _packaged(data: Path) -> Iterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pgserver
    server = pgserver.get_server(data / "pg", cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def _installed(data: Path) -> Iterator[str]:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not found:
        pytest.skip("needs PostgreSQL: pip install pgserver (Python 3.12 at most), or apt-get install postgresql")
    data.chmod(0o777)
    as_user = ["runuser", "-u", "nobody", "--"] if os.geteuid() == 0 else []

    def run(program: str, *arguments: str) -> None:
        command = [*as_user, str(found[-1] / program), "-D", str(data / "pg"), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=data)

    run("initdb", "-U", "postgres", "--auth=trust", "--encoding=UTF8")
    run("pg_ctl", "-w", "-o", f"-k {data} -h ''", "-l", str(data / "log"), "start")
    try:
        yield f"postgresql://postgres:@/postgres?host={data}"  # as pgserver writes it
    finally:
        run("pg_ctl", "-m", "immediate", "stop")


@pytest.fixture
def postgres(postgres_url: str) -> Iterator[Warehouse]:
    """A schema of PostgreSQL that is dropped afterwards."""
    import psycopg

    gc.collect()  # an evaluation that is no longer needed would still hold its tables
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")

        def load(name: str, table: pa.Table) -> str:
            columns = ", ".join(f"{quoted(field.name)} {_postgres_type(field.type)}" for field in table.schema)
            owner.execute(f"CREATE TABLE {quoted(name)} ({columns})")
            with owner.cursor() as cursor, cursor.copy(f"COPY {quoted(name)} FROM STDIN") as copy:
                for row in zip(*(column.to_pylist() for column in table.columns), strict=True):
                    copy.write_row(row)
            return name

        yield Warehouse("postgres", postgres_url, load, owner.execute)


def _postgres_type(kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind):
        return "timestamptz" if kind.tz else "timestamp"
    if pa.types.is_decimal(kind):
        return f"numeric({kind.precision}, {kind.scale})"
    names = {
        "string": "text",
        "int64": "bigint",
        "int32": "int",
        "double": "float8",
        "bool": "boolean",
        "date32[day]": "date",
    }
    return {**names, "float": "real", "null": "text"}[str(kind)]


@pytest.fixture
def warehouse(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """The engine asked for, under the connection `warehouse`."""
    if request.param == "postgres":
        place = request.getfixturevalue("postgres")
    elif request.param == "file":
        place = Warehouse("file", "", lambda name, _: name, print)
    elif request.param == "duckdb":
        place = _duckdb(tmp_path / "records.db")
    else:
        pytest.importorskip("pyspark", reason="needs evalkit[spark]")
        if shutil.which("java") is None:
            pytest.skip("Spark needs Java 17")
        folder = tmp_path / "spark"

        def load(name: str, table: pa.Table) -> str:
            (folder / name).mkdir(parents=True)
            pq.write_table(table, folder / name / "part.parquet", coerce_timestamps="us")
            return f"parquet.{folder / name}"

        settings = "spark.sql.shuffle.partitions=2&spark.sql.codegen.wholeStage=false"  # for few records
        place = Warehouse("spark", f"spark+local://2?{settings}", load, print)
    monkeypatch.setenv("EVALKIT_CONNECTION_WAREHOUSE", place.url)
    return place


def _duckdb(path: Path) -> Warehouse:
    def run(statement: str, **tables: pa.Table) -> Any:
        with duckdb.connect(str(path)) as owner:
            for name, table in tables.items():
                owner.register(name, table)
            return owner.execute(statement).fetchall()

    def load(name: str, table: pa.Table) -> str:
        run(f"CREATE TABLE {quoted(name)} AS SELECT * FROM given", given=table)
        return name

    return Warehouse("duckdb", f"duckdb://{path}", load, run)
