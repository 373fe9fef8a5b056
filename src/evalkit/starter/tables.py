"""Files and tables a person starts from, read as text into an engine: encoding, delimiter and header found out."""

from __future__ import annotations

import csv
import glob
import gzip
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from filecmp import cmp
from itertools import islice
from pathlib import Path
from tempfile import mkstemp
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
_OF_SHEET = "from the sheet"
_LOOKED_AT = 200  # rows by which delimiters are told apart


@dataclass(frozen=True, slots=True)
class Found:
    """A table in the engine: its name there and in the study, where it lies, and its columns with their types.

    `path` is a file's, a glob of `files` files, or CONNECTION::TABLE, of whose `total` rows only some were loaded.
    `first_row` is the number of the first row where rows can be told by number: one file, a line a row. `read` is how
    pandas reads it, where that is one expression.
    """

    name: str
    path: str
    columns: dict[str, str]
    encoding: str = "utf-8"
    delimiter: str = ","
    notes: tuple[str, ...] = field(default=())
    files: int = 1
    total: int | None = None
    first_row: int | None = None
    read: str = ""

    @property
    def text(self) -> bool:
        """Whether the values are text, whose types are still to be found out."""
        return set(self.columns.values()) == {"VARCHAR"}

    @property
    def sheet(self) -> bool:
        """Whether it was a sheet of a workbook."""
        return any(note.startswith(_OF_SHEET) for note in self.notes)


@dataclass(frozen=True, slots=True)
class Form:
    """What a file looks like: its columns, delimiter and encoding (`ascii` where any would do).

    `plain` is the file itself or a copy of it that the engine can read.
    """

    path: Path
    columns: tuple[str, ...]
    delimiter: str
    encoding: str
    plain: Path


def sheets(path: Path, records: Path, scratch: Path) -> list[tuple[str, Path, Path, tuple[str, ...]]]:
    """Write every sheet that has a header and a row as CSV to the scratch folder.

    Return each one's title, where it lies, where it is to be copied, and notes. Raises RecordsError for an unreadable
    workbook.
    """
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
    made: list[tuple[str, Path, Path, tuple[str, ...]]] = []
    filled: dict[str, list[Any]] = {}
    for sheet in book.worksheets:
        rows = [row for row in sheet.iter_rows(values_only=True) if any(value is not None for value in row)]
        if len(rows) > 1:
            filled[sheet.title] = rows
    for title, rows in filled.items():
        copy = records / f"{path.stem}{'-' + title if len(filled) > 1 else ''}.csv".replace("/", "_")
        width = max((i + 1 for i, value in enumerate(rows[0]) if value is not None), default=0)
        staged = scratch / f"sheet-{len(made)}-of-{path.name}.csv"
        with staged.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([_cell(value) for value in row[:width]] for row in rows)
        if copy.exists() and not cmp(staged, copy, shallow=False):
            raise ParameterError(f"{copy}: is there already; move it away before the workbook is read again.")
        made.append((title, staged, copy, (f"{_OF_SHEET} '{title}' of {path.name}",)))
    if not made:
        raise RecordsError(f"{path}: no sheet has a header row and a row of values.")
    return made


def _cell(value: Any) -> Any:
    from datetime import datetime, time

    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ", "seconds")
    return "" if value is None else value


def form_of(engine: duckdb.DuckDBPyConnection, path: Path, shown: str, scratch: Path) -> Form:
    """Return what a file looks like. Raises RecordsError where it cannot be read."""
    import duckdb

    if path.suffix.lower() not in PARQUET:
        return _form_of_text(path, shown, scratch)
    try:
        columns = engine.execute(f"DESCRIBE SELECT * FROM read_parquet({literal(glob.escape(str(path)))})").fetchall()
    except duckdb.Error as error:
        raise _no_table(shown, error) from None
    return Form(path, tuple(column[0] for column in columns), ",", "utf-8", path)


def load(engine: duckdb.DuckDBPyConnection, forms: Sequence[Form], name: str, shown: str) -> Found:
    """Load files of the same columns into the engine under a name. Raises RecordsError where they cannot be read."""
    import duckdb

    form = forms[0]
    try:
        if form.path.suffix.lower() in PARQUET:
            rows = f"SELECT * FROM read_parquet({_listed(forms)}, union_by_name=true)"
            engine.execute(f"CREATE VIEW {identifier(name)} AS {rows}")
        else:
            orders = dict.fromkeys(one.columns for one in forms)
            parts = [_rows([one for one in forms if one.columns == order], form.columns) for order in orders]
            engine.execute(f"CREATE TABLE {identifier(name)} AS {' UNION ALL '.join(parts)}")
        files, first = len(forms), _first_row(engine, form, name) if len(forms) == 1 else None
        return Found(name, shown, _columns(engine, name), form.encoding, form.delimiter, files=files, first_row=first)
    except duckdb.Error as error:
        raise _no_table(shown, error) from None


def _first_row(engine: duckdb.DuckDBPyConnection, form: Form, name: str) -> int | None:
    """Return the number of the first row as evalkit counts them: of text after the header, unless rows were skipped."""
    if form.path.suffix.lower() in PARQUET:
        return 1
    rows = engine.execute(f"SELECT count(*) FROM {identifier(name)}").fetchall()[0][0]
    with form.plain.open("rb") as stream:
        blocks = iter(lambda: stream.read(BLOCK), b"")
        ends, last = 0, b""
        for last in blocks:
            ends += last.count(b"\n")
    return 2 if ends + (not last.endswith(b"\n")) == rows + 1 else None


def _no_table(shown: str, error: Exception) -> RecordsError:
    return RecordsError(f"{shown}: cannot be read as a table: {str(error).splitlines()[0]}")


def _listed(forms: Sequence[Form]) -> str:
    return "[" + ", ".join(literal(glob.escape(str(form.plain))) for form in forms) + "]"


def _rows(forms: Sequence[Form], names: Sequence[str]) -> str:
    """Return the SELECT of text files whose columns stand in the same order."""
    own = forms[0].columns
    columns = ", ".join(f"{literal(f'c{i}')}: 'VARCHAR'" for i in range(len(own)))
    chosen = ", ".join(f"c{own.index(column)} AS {identifier(column)}" for column in names)
    return (
        f"SELECT {chosen} FROM read_csv({_listed(forms)}, auto_detect=false, header=true, compression='none', "
        f"delim={literal(forms[0].delimiter)}, quote='\"', escape='\"', hive_partitioning=false, "
        f"nullstr={literal(chr(2))}, columns={{{columns}}}, ignore_errors=true, strict_mode=false)"
    )


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
    table = table.mutate(**{column: table[column].cast("string") for column in odd})
    rows = fetch(table.limit(ROWS + 1))
    total = int(fetch(table.aggregate(rows=table.count()))[0]["rows"]) if len(rows) > ROWS else len(rows)
    told = f"judged by {ROWS:,} of {total:,} rows: look at keys, values and days once more"
    notes = (told,) if total > ROWS else ()
    engine.register(name, pa.Table.from_pylist(rows[:ROWS], schema=table.schema().to_pyarrow()))
    return Found(name, given, _columns(engine, name), notes=notes, total=total)


def _form_of_text(path: Path, shown: str, scratch: Path) -> Form:
    encoding = "ascii"
    handle, name = mkstemp(suffix=".csv", dir=scratch)
    os.close(handle)
    copy = Path(name)
    try:
        plain = readable(path, "utf-8", shown, copy)
        with plain.open(encoding="utf-8") as stream:
            while block := stream.read(BLOCK):
                encoding = encoding if block.isascii() else "utf-8"
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
    return Form(path, tuple(header), delimiter, encoding, plain)


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
