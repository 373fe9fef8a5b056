"""Files and tables a person starts from, read as text into an engine: encoding, delimiter and header found out."""

from __future__ import annotations

import csv
import gzip
import re
from dataclasses import dataclass, field
from filecmp import cmp
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from evalkit.errors import ParameterError, RecordsError
from evalkit.records.ingest import PARQUET, identifier, literal
from evalkit.records.text import BLOCK, is_gzip, readable

if TYPE_CHECKING:
    import duckdb

DELIMITERS = (",", ";", "\t", "|")
WORKBOOKS = (".xlsx", ".xlsm")
MARK = "::"  # between a connection and its table, where a table of an engine stands for a file
ROWS = 100_000  # of such a table are looked at
_KNOWN = ("numeric", "boolean", "string", "date", "timestamp")
_LOOKED_AT = 200  # rows by which delimiters are told apart


@dataclass(frozen=True, slots=True)
class Found:
    """A table in the engine: its name there and in the study, where it lies, and its columns with their types.

    `path` is a file's, or CONNECTION::TABLE.
    """

    name: str
    path: str
    columns: dict[str, str]
    encoding: str = "utf-8"
    delimiter: str = ","
    notes: tuple[str, ...] = field(default=())

    @property
    def text(self) -> bool:
        """Whether the values are text, whose types are still to be found out."""
        return set(self.columns.values()) == {"VARCHAR"}


def bring(path: Path, folder: Path, scratch: Path) -> list[tuple[Path, Path, tuple[str, ...]]]:
    """Return where the file lies, where the study can name it, and notes: below the study's folder, or in `records/`.

    A workbook becomes one CSV a sheet, in the scratch folder; nothing else is written yet. Raises ParameterError for
    what is no file, RecordsError for an unreadable one.
    """
    if not path.is_file():
        raise ParameterError(f"{path}: there is no such file; name CSV, CSV.gz, Parquet or Excel files.")
    records = folder / "records"
    if path.suffix.lower() in WORKBOOKS:
        return _sheets(path, records, scratch)
    if path.resolve().is_relative_to(folder.resolve()):
        return [(path.resolve(), path.resolve(), ())]
    copy = records / path.name
    if copy.exists() and not cmp(path, copy, shallow=False):
        raise ParameterError(f"{copy}: is there already; move it away, or name it instead of {path}.")
    return [(path, copy.resolve(), ())]


def _sheets(path: Path, records: Path, scratch: Path) -> list[tuple[Path, Path, tuple[str, ...]]]:
    """Write every sheet that has a header and a row as CSV."""
    try:
        import openpyxl
    except ImportError:
        raise ParameterError(
            f"{path}: reading Excel needs openpyxl; install evalkit[excel], or save it as CSV."
        ) from None
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except Exception:  # zipfile, xml and its own: whatever a damaged workbook raises
        raise RecordsError(f"{path}: is not an Excel workbook, or a damaged one; save it again.") from None
    made: list[tuple[Path, Path, tuple[str, ...]]] = []
    sheets: dict[str, list[Any]] = {}
    for sheet in book.worksheets:
        rows = [row for row in sheet.iter_rows(values_only=True) if any(value is not None for value in row)]
        if len(rows) > 1:
            sheets[sheet.title] = rows
    for title, rows in sheets.items():
        copy = records / f"{path.stem}{'-' + title if len(sheets) > 1 else ''}.csv".replace("/", "_")
        width = max((i + 1 for i, value in enumerate(rows[0]) if value is not None), default=0)
        staged = scratch / f"sheet-{len(made)}-of-{path.name}.csv"
        with staged.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([_cell(value) for value in row[:width]] for row in rows)
        if copy.exists() and not cmp(staged, copy, shallow=False):
            raise ParameterError(f"{copy}: is there already; move it away before the workbook is read again.")
        made.append((staged, copy.resolve(), (f"from the sheet '{title}' of {path.name}",)))
    if not made:
        raise RecordsError(f"{path}: no sheet has a header row and a row of values.")
    return made


def _cell(value: Any) -> Any:
    from datetime import datetime, time

    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ", "seconds")
    return "" if value is None else value


def load(engine: duckdb.DuckDBPyConnection, path: Path, name: str, shown: str, scratch: Path) -> Found:
    """Load a file into the engine under a name. Raises RecordsError where it cannot be read."""
    import duckdb

    try:
        if path.suffix.lower() in PARQUET:
            engine.execute(f"CREATE VIEW {identifier(name)} AS SELECT * FROM read_parquet({literal(str(path))})")
            return Found(name, shown, _columns(engine, name))
        return _text(engine, path, name, shown, scratch)
    except duckdb.Error as error:
        raise RecordsError(f"{shown}: cannot be read as a table: {str(error).splitlines()[0]}") from None


def load_table(engine: duckdb.DuckDBPyConnection, given: str, name: str, folder: Path) -> Found:
    """Load rows of an engine's table, given as CONNECTION::TABLE. Raises RecordsError where it cannot be reached."""
    import pyarrow as pa

    from evalkit.records.engines import Engines
    from evalkit.records.fetch import fetch
    from evalkit.records.tables import named_table

    connection, _, wanted = given.partition(MARK)
    there: Any = SimpleNamespace(timezone="UTC", folder=folder)
    table = named_table(Engines(there).named(connection), wanted)
    kinds = dict(table.schema().items())
    odd = [column for column, kind in kinds.items() if not any(getattr(kind, f"is_{known}")() for known in _KNOWN)]
    table = table.mutate(**{column: table[column].cast("string") for column in odd}).limit(ROWS + 1)
    rows = fetch(table)
    notes = (f"judged by {ROWS} of its rows: look at keys, values and days once more",) if len(rows) > ROWS else ()
    engine.register(name, pa.Table.from_pylist(rows[:ROWS], schema=table.schema().to_pyarrow()))
    return Found(name, given, _columns(engine, name), notes=notes)


def _text(engine: duckdb.DuckDBPyConnection, path: Path, name: str, shown: str, scratch: Path) -> Found:
    encoding = "utf-8"
    copy = scratch / f"{name}.csv"
    try:
        plain = readable(path, encoding, shown, copy)
        with plain.open(encoding=encoding) as stream:
            while stream.read(BLOCK):
                pass
    except (RecordsError, UnicodeError):
        encoding = _legacy(path)
        plain = readable(path, encoding, shown, copy)
    with plain.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
        lines = list(islice(stream, _LOOKED_AT))
    if not lines:
        raise RecordsError(f"{shown}: the file is empty; expected a header row.")
    delimiter = max(DELIMITERS, key=lambda mark: _regularity(lines, mark))
    header = next(csv.reader(lines, delimiter=delimiter))
    if len(set(header)) < len(header) or not all(header):
        raise RecordsError(f"{shown}: row 1 has empty or repeated column names ({', '.join(header)}); name each once.")
    columns = ", ".join(f"{literal(f'c{i}')}: 'VARCHAR'" for i in range(len(header)))
    chosen = ", ".join(f"c{i} AS {identifier(column)}" for i, column in enumerate(header))
    engine.execute(
        f"CREATE TABLE {identifier(name)} AS SELECT {chosen} FROM read_csv({literal(str(plain))}, auto_detect=false, "
        f"header=true, compression='none', delim={literal(delimiter)}, quote='\"', escape='\"', "
        f"nullstr={literal(chr(2))}, columns={{{columns}}}, ignore_errors=true, strict_mode=false)"
    )
    return Found(name, shown, _columns(engine, name), encoding, delimiter)


def _legacy(path: Path) -> str:
    """Return the likelier encoding of text that is not UTF-8: Chinese letters are pairs of bytes, accents stand alone.

    Either could be decoded as the other, so trying does not tell them apart.
    """
    with gzip.open(path) if is_gzip(path) else path.open("rb") as stream:
        runs = re.findall(rb"[\x80-\xff]+", stream.read(1 << 20))
    paired = sum(len(run) for run in runs if len(run) > 1)
    return "gb18030" if 2 * paired > sum(map(len, runs)) else "cp1252"


def _regularity(lines: list[str], mark: str) -> tuple[float, int]:
    """Return how many of the rows have as many values as the header, given that it has more than one."""
    rows = list(csv.reader(lines, delimiter=mark))
    width = len(rows[0])
    return (sum(len(row) == width for row in rows) / len(rows) if width > 1 else 0.0, width)


def _columns(engine: duckdb.DuckDBPyConnection, name: str) -> dict[str, str]:
    return {row[0]: row[1] for row in engine.execute(f"DESCRIBE {identifier(name)}").fetchall()}
