"""Aggregates as numpy columns; large files grouped part by part, several parts at once, always the same parts.

A sum of floats depends on the order of its terms. The parts are ranges of rows that depend on the records alone, each
is summed by one thread, and the sums of parts are added in the parts' order: so the same records give the same bytes
whatever the number of cores.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evalkit.records.fetch import fetch, readable_files
from evalkit.records.ingest import FILE, PARQUET, ROW, identifier, literal

if TYPE_CHECKING:
    import ibis

    from evalkit.records import Records

PART_ROWS = 1 << 21
_LOW, _HIGH, _FILES = 7_340_214_961_853_001, 7_340_214_961_853_002, "\x02files of the part"  # replaced in the query


def fetch_columns(table: ibis.Table) -> dict[str, NDArray[Any]]:
    """Return the columns of a table expression: texts as objects, NULL as None there and as NaN among numbers.

    Raises RecordsError where records cannot be read.
    """
    backend = table.get_backend()
    if backend.name != "duckdb":
        rows = fetch(table)
        return {name: _column([row[name] for row in rows]) for name in table.columns}
    with readable_files():
        found = backend.raw_sql(backend.compile(table)).fetchnumpy()
    return {name: _plain(found[name]) for name in table.columns}


def _plain(values: NDArray[Any]) -> NDArray[Any]:
    empty = np.ma.getmaskarray(values)
    if not empty.any():
        return np.asarray(values)
    found = np.array(values, dtype=object if values.dtype == object else np.float64)
    found[empty] = None if values.dtype == object else np.nan
    return found


def _column(values: list[Any]) -> NDArray[Any]:
    if any(isinstance(value, str) for value in values):
        return np.array(values, dtype=object)
    whole = all(isinstance(value, int) for value in values)
    if not whole and all(value is None for value in values):
        return np.array(values, dtype=object)
    return np.array([np.nan if v is None else v for v in values], dtype=np.int64 if whole else np.float64)


def workers() -> int:
    """Return how many parts are grouped at once: the cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def grouped_in_parts(
    records: Records, table: ibis.Table, grouped: Callable[[Any], ibis.Table]
) -> tuple[ibis.Table, bool]:
    """Return the groups of all records, and whether a group may stand several times, once for each of its parts.

    `grouped` makes the query from a condition on `table`, the records or the accepted ones, or from None.
    """
    parts = _parts(records)
    if len(parts) < 2:
        return grouped(None), False
    part = table[FILE].isin([_FILES]) & (table[ROW] > _LOW) & (table[ROW] <= _HIGH)
    wanted = grouped(part)
    backend = wanted.get_backend()
    query = backend.compile(wanted)
    main = backend.con
    zone = main.execute("SELECT current_setting('TimeZone')").fetchone()[0]

    def run(number: int) -> None:
        files, low, high = parts[number]
        own = query.replace(literal(_FILES), ", ".join(map(literal, files)))
        own = own.replace(str(_LOW), str(low)).replace(str(_HIGH), str(high))
        with main.cursor() as cursor:
            cursor.execute(f"SET TimeZone = {literal(zone)}")
            cursor.execute(f"CREATE OR REPLACE TABLE {identifier(_name(records, number))} AS {own}")

    with readable_files(), ThreadPoolExecutor(workers()) as pool:
        list(pool.map(run, range(len(parts))))
    every = " UNION ALL ".join(f"FROM {identifier(_name(records, number))}" for number in range(len(parts)))
    main.execute(f"CREATE OR REPLACE VIEW {identifier(records.name + '#parts')} AS {every}")
    from ibis.expr.operations import DatabaseTable

    return DatabaseTable(name=f"{records.name}#parts", schema=wanted.schema(), source=backend).to_expr(), True


def _name(records: Records, number: int) -> str:
    return f"{records.name}#part {number}"


def _parts(records: Records) -> list[tuple[list[str], int, int]]:
    """Return the parts in order: files and the range of rows in each of them. Small files go together."""
    table = records.table
    backend = table.get_backend()
    if backend.name != "duckdb" or not {FILE, ROW} <= set(table.columns) or not records.files:
        return []
    parts: list[tuple[list[str], int, int]] = []
    together: list[str] = []
    held = 0
    for file, rows in _sizes(records, backend).items():
        if rows > PART_ROWS:
            parts += [([file], low, min(rows, low + PART_ROWS)) for low in range(0, rows, PART_ROWS)]
            continue
        if held + rows > PART_ROWS and together:
            parts.append((together, 0, PART_ROWS))
            together, held = [], 0
        together, held = [*together, file], held + rows
    return [*parts, (together, 0, PART_ROWS)] if together else parts


def _sizes(records: Records, backend: Any) -> dict[str, int]:
    """Return the number of rows by file; of text, read into the engine already, only where there are many."""
    if all(path.suffix.lower() in PARQUET for path in records.files.values()):
        names = ", ".join(literal(glob.escape(str(path))) for path in records.files.values())
        query = f"SELECT file_name, num_rows FROM parquet_file_metadata([{names}])"
        with readable_files():
            found = dict(backend.con.execute(query).fetchall())
        return {label: int(found[str(path)]) for label, path in records.files.items()}
    if records.found <= PART_ROWS:
        return {}
    table = records.table
    rows = fetch(table.group_by(FILE).agg(last=table[ROW].max()))
    sizes = {row[FILE]: int(row["last"]) for row in rows}
    return {label: sizes.get(label, 0) for label in records.files}
