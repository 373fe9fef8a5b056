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
from evalkit.records.ingest import FILE, OFFSET, PARQUET, ROW, identifier, literal, store

if TYPE_CHECKING:
    import ibis

    from evalkit.records import Records

PART_ROWS, MOST_PARTS = 1 << 21, 16  # parts have about so many rows, larger ones where a file had more parts
_LOW, _HIGH, _FILES = 7_340_214_961_853_001, 7_340_214_961_853_002, "\x02files of the part"  # replaced in the query


Labels = list[str | None]


def fetch_columns(table: ibis.Table) -> tuple[dict[str, NDArray[Any]], dict[str, Labels]]:
    """Return the columns of a table expression, and of its texts, which are codes, the labels in order, None last.

    NULL is NaN among numbers. Raises RecordsError where records cannot be read.
    """
    backend = table.get_backend()
    if backend.name == "duckdb":
        with readable_files():
            found = backend.raw_sql(backend.compile(table)).fetchnumpy()
    else:
        rows = fetch(table)
        found = {name: [row[name] for row in rows] for name in table.columns}
    columns, labels = {}, {}
    for name, kind in table.schema().items():
        values = found.pop(name)  # texts take much room, and give it back one after the other
        if kind.is_string():
            columns[name], labels[name] = coded(values.tolist() if isinstance(values, np.ndarray) else values)
        else:
            columns[name] = _numbers(values)
    return columns, labels


def _numbers(values: NDArray[Any] | list[Any]) -> NDArray[Any]:
    if isinstance(values, list):
        whole = all(isinstance(value, int) for value in values)
        return np.array([np.nan if v is None else v for v in values], dtype=np.int64 if whole else np.float64)
    return np.ma.filled(values.astype(np.float64), np.nan) if np.ma.is_masked(values) else np.asarray(values)


def coded(values: list[str | None]) -> tuple[NDArray[np.intp], Labels]:
    """Return the codes of labels and the labels in order, None last.

    >>> codes, labels = coded(["b", None, "a", "b"])
    >>> codes.tolist(), labels
    ([1, 2, 0, 1], ['a', 'b', None])
    """
    labels = sorted(set(values), key=lambda label: (label is None, label or ""))
    place = {label: i for i, label in enumerate(labels)}
    return np.fromiter(map(place.__getitem__, values), dtype=np.intp, count=len(values)), labels


def workers() -> int:
    """Return how many parts are grouped at once: the cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def fetch_in_parts(
    records: Records, table: ibis.Table, grouped: Callable[[Any], ibis.Table], whole: Callable[[Any, bool], ibis.Table]
) -> tuple[dict[str, NDArray[Any]], dict[str, Labels]]:
    """Return the columns of a query over all records, part by part where they are many.

    `grouped` makes the groups' query from a condition on `table`, the records or the accepted ones, or from None;
    `whole` makes the last one from these groups, and from whether one may stand several times, once a part.
    """
    parts = _parts(records)
    if len(parts) < 2:
        return fetch_columns(whole(grouped(None), False))
    from ibis.expr.operations import DatabaseTable

    if OFFSET in table.columns:
        inside = (table[OFFSET] >= _LOW) & (table[OFFSET] < _HIGH)
    else:
        inside = (table[ROW] > _LOW) & (table[ROW] <= _HIGH)
    part = table[FILE].isin([_FILES]) & inside
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
    groups = DatabaseTable(name=f"{records.name}#parts", schema=wanted.schema(), source=backend).to_expr()
    found = store(backend, f"{records.name}#whole", whole(groups, True))
    main.execute(f"DROP VIEW {identifier(records.name + '#parts')}")
    for number in range(len(parts)):  # before the columns are fetched: both would not fit into little memory
        main.execute(f"DROP TABLE {identifier(_name(records, number))}")
    try:
        return fetch_columns(found)
    finally:
        main.execute(f"DROP TABLE {identifier(records.name + '#whole')}")


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
    sizes = _sizes(records, backend)
    most = max(PART_ROWS, -(-sum(sizes.values()) // MOST_PARTS))
    for file, rows in sizes.items():
        if rows > most:
            parts += [([file], low, min(rows, low + most)) for low in range(0, rows, most)]
            continue
        if held + rows > most and together:
            parts.append((together, 0, most))
            together, held = [], 0
        together, held = [*together, file], held + rows
    return [*parts, (together, 0, most)] if together else parts


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
