"""Record files into an engine table of declared columns, each with its file and row number.

Text files arrive as text: nothing is guessed. What cannot be read at all is told at once (RecordsError);
a single row that does not fit the header is kept aside as malformed.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalkit.errors import RecordsError, nearest

if TYPE_CHECKING:
    import ibis
    from ibis.backends.duckdb import Backend

ROW, FILE = "#row", "#file"
_MALFORMED = {
    "MISSING COLUMNS": "fewer columns than the header",
    "TOO MANY COLUMNS": "more columns than the header",
}


@dataclass(frozen=True, slots=True)
class Malformed:
    """A row that does not fit the header: its file, row number (the header is row 1) and what is wrong."""

    file: str
    row: int
    reason: str


@dataclass(frozen=True, slots=True)
class Raw:
    """Records as found: `table` has the declared columns, `#file` and `#row` (counted from 1 in each file)."""

    table: ibis.Table
    text: bool
    malformed: tuple[Malformed, ...]


def connect(timezone: str) -> Backend:
    """Return an embedded engine whose naive times are in `timezone`."""
    import ibis

    connection = ibis.duckdb.connect()
    connection.raw_sql(f"SET TimeZone = '{timezone}'")
    connection.raw_sql("SET enable_progress_bar = false")
    # one thread: sums of floats then come in one order and the same input gives the same bytes
    connection.raw_sql("SET threads = 1")
    return connection


def literal(text: str) -> str:
    """Return the text as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """Return the name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def store(connection: Backend, name: str, table: ibis.Table, *, kind: str = "TABLE") -> ibis.Table:
    """Return the table kept in the engine under a name: its rows (TABLE) or its definition (VIEW)."""
    connection.raw_sql(f"CREATE TEMP {kind} {identifier(name)} AS {connection.compile(table)}")
    return connection.table(name)


def read(connection: Backend, name: str, source: Any, files: list[Path], shown: list[str]) -> Raw:
    """Return the source's records as found in `files`; `shown` names them in messages.

    Raises RecordsError for an empty file, a header that lacks a column, another encoding, or a quote
    that is never closed.
    """
    headers = {field.name: field.rename_from or field.name for field in source.fields}
    if all(path.name.lower().endswith((".parquet", ".pq")) for path in files):
        return _read_parquet(connection, name, headers, files, shown)
    with tempfile.TemporaryDirectory(prefix="evalkit-") as folder:
        parts, problems, labels = [], [], {}
        for number, (path, label) in enumerate(zip(files, shown, strict=True)):
            try:
                readable = _readable(path, source.encoding, label, Path(folder) / f"{number}.csv")
                labels[str(readable)] = label
                parts.append(_select_text(source, headers, path, label, readable))
            except RecordsError as error:
                problems.extend(error.messages)
        if problems:
            raise RecordsError(problems)
        connection.raw_sql(f"CREATE TEMP TABLE {identifier(name + '#raw')} AS {' UNION ALL '.join(parts)}")
        malformed = _malformed(connection, source, labels)
    return Raw(connection.table(name + "#raw"), True, malformed)


def _select_text(source: Any, headers: dict[str, str], path: Path, label: str, readable: Path) -> str:
    """Return the SELECT that reads the declared columns of one text file as text."""
    columns = _header(path, source, label)
    _require(headers, columns, label)
    unique = [column if columns.index(column) == i else f"{column}#{i}" for i, column in enumerate(columns)]
    declared = ", ".join(f"{literal(column)}: 'VARCHAR'" for column in unique)
    chosen = ", ".join(f"{identifier(header)} AS {identifier(field)}" for field, header in headers.items())
    return (
        f"SELECT {chosen}, {literal(label)} AS {identifier(FILE)}, row_number() OVER () AS {identifier(ROW)} "
        f"FROM read_csv({literal(str(readable))}, auto_detect=false, header=true, delim={literal(source.delimiter)}, "
        f"quote='\"', escape='\"', columns={{{declared}}}, store_rejects=true, rejects_limit=0)"
    )


def _open_text(path: Path, encoding: str) -> io.TextIOBase:
    name = "utf-8-sig" if codecs.lookup(encoding).name in ("utf-8", "ascii") else encoding
    if path.suffix == ".gz":
        return io.TextIOWrapper(gzip.open(path), encoding=name, newline="")
    return open(path, encoding=name, newline="")


def _header(path: Path, source: Any, label: str) -> list[str]:
    """Return the column names of a text file's first row."""
    try:
        with _open_text(path, source.encoding) as stream:
            header = next(csv.reader(stream, delimiter=source.delimiter), None)
    except UnicodeError:
        raise RecordsError(_encoding_message(label, source.encoding, 1)) from None
    except (OSError, EOFError, csv.Error) as error:
        raise RecordsError(f"{label}: cannot be read: {error}.") from None
    if not header:
        raise RecordsError(f"{label}: the file is empty; expected a header row with the declared columns.")
    return header


def _readable(path: Path, encoding: str, label: str, copy: Path) -> Path:
    """Return the file, or a UTF-8 copy where the engine cannot read its encoding."""
    if codecs.lookup(encoding).name in ("utf-8", "ascii", "utf-8-sig"):
        return path
    row = 1
    try:
        with _open_text(path, encoding) as stream, open(copy, "w", encoding="utf-8", newline="") as out:
            while block := stream.read(1 << 20):
                out.write(block)
                row += block.count("\n")
    except UnicodeError:
        raise RecordsError(_encoding_message(label, encoding, row)) from None
    except (OSError, EOFError) as error:
        raise RecordsError(f"{label}: cannot be read: {error}.") from None
    return copy


def _encoding_message(label: str, encoding: str, row: int) -> str:
    return (
        f"{label}: is not {encoding} (first seen at or after row {row}); set the source's `encoding`, "
        "for example gb18030 for a Chinese export or cp1252 for a Western one."
    )


def _require(headers: dict[str, str], found: list[str], label: str) -> None:
    problems = []
    for field, header in headers.items():
        if header not in found:
            close = nearest(header, found)
            declared = f"'{header}' (field '{field}')" if header != field else f"'{header}'"
            problems.append(
                f"{label}: has no column {declared}; it has {', '.join(found)}.{close} "
                "Mend the header, or the field's `name` or `rename_from` in the study file."
            )
        elif found.count(header) > 1:
            problems.append(f"{label}: the column '{header}' stands {found.count(header)} times in the header.")
    if problems:
        raise RecordsError(problems)


def _malformed(connection: Backend, source: Any, labels: dict[str, str]) -> tuple[Malformed, ...]:
    """Return the rows the engine set aside; raise where that means the file itself is not readable."""
    if ("reject_errors",) not in connection.raw_sql("SHOW TABLES").fetchall():
        return ()
    rows = connection.raw_sql(
        "SELECT file_path, line, min(error_type) FROM reject_errors JOIN reject_scans USING (scan_id, file_id) "
        "GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    connection.raw_sql("DROP TABLE reject_errors")
    connection.raw_sql("DROP TABLE reject_scans")
    malformed = []
    for path, line, kind in rows:
        if kind == "INVALID ENCODING":
            raise RecordsError(_encoding_message(labels[path], source.encoding, int(line)))
        if kind not in _MALFORMED:
            raise RecordsError(
                f"{labels[path]}: row {line} cannot be read ({kind.lower()}): a quote is opened and never closed, or the "
                "row is longer than 2 MB; nothing after it can be trusted. Mend that row in the file."
            )
        malformed.append(Malformed(labels[path], int(line), _MALFORMED[kind]))
    return tuple(malformed)


def _read_parquet(connection: Backend, name: str, headers: dict[str, str], files: list[Path], shown: list[str]) -> Raw:
    import duckdb

    listed = ", ".join(literal(str(path)) for path in files)
    reader = f"read_parquet([{listed}], union_by_name=true, filename=true, file_row_number=true)"
    try:
        columns = [row[0] for row in connection.raw_sql(f"DESCRIBE SELECT * FROM {reader}").fetchall()]
    except duckdb.Error as error:
        raise RecordsError(f"{', '.join(shown)}: cannot be read as Parquet: {str(error).splitlines()[0]}") from None
    _require(headers, [c for c in columns if c not in ("filename", "file_row_number")], ", ".join(shown))
    chosen = ", ".join(f"{identifier(header)} AS {identifier(field)}" for field, header in headers.items())
    labels = " ".join(f"WHEN {literal(str(path))} THEN {literal(label)}" for path, label in zip(files, shown, strict=True))
    connection.raw_sql(
        f"CREATE TEMP VIEW {identifier(name + '#raw')} AS SELECT {chosen}, CASE filename {labels} END AS {identifier(FILE)}, "
        f"file_row_number + 1 AS {identifier(ROW)} FROM {reader}"
    )
    return Raw(connection.table(name + "#raw"), False, ())


def header_row(row: int, file: str, malformed: tuple[Malformed, ...]) -> int:
    """Return a record's row number in its file (the header is row 1) from its place among readable records."""
    number = row + 1
    for other in sorted(bad.row for bad in malformed if bad.file == file):
        if other <= number:
            number += 1
    return number
