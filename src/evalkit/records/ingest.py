"""Record files into an engine table of declared columns, each with its file and row number.

Text files arrive as text: nothing is guessed. What cannot be read at all is told at once (RecordsError);
a single row that does not fit the header is kept aside as malformed.
"""

from __future__ import annotations

import glob
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalkit.errors import RecordsError, StudyError, nearest
from evalkit.records.fetch import readable_files
from evalkit.records.text import as_utf8, encoding_message, read_header, readable
from evalkit.study.yaml_lines import listed, shortened

if TYPE_CHECKING:
    import ibis
    from ibis.backends.duckdb import Backend

ROW, FILE = "#row", "#file"
OFFSET = "#offset"  # of Parquet: the row's place in its file as the reader knows it, so that it skips all others
PARQUET = (".parquet", ".pq")
_MALFORMED = {
    "MISSING COLUMNS": "fewer columns than the header",
    "TOO MANY COLUMNS": "more columns than the header",
    "UNQUOTED VALUE": "a quote that is not closed, or text after a closing quote",
}
_NO_TEXT = "\x02\x03null"  # the engine wants some text that means NULL; `missing_values` are applied later


@dataclass(frozen=True, slots=True)
class Malformed:
    """A row that does not fit the header: its file, row number (the header is row 1) and what is wrong."""

    file: str
    row: int
    reason: str


@dataclass(frozen=True, slots=True)
class Raw:
    """Records as found: `table` has the declared columns, and of files `#file` and `#row` (from 1 in each file).

    Of Parquet it has `#offset` too, from 0 in each file.

    `text` tells that they come from text files, `engine` that they are a table of an engine.
    """

    table: ibis.Table
    text: bool
    malformed: tuple[Malformed, ...]
    engine: bool = False


def connect(timezone: str, database: Path | None = None) -> Backend:
    """Return an embedded engine whose naive times are in `timezone`, with a database's tables, to read only.

    Raises StudyError for a timezone it does not know.
    """
    import duckdb
    import ibis

    connection = ibis.duckdb.connect(database, read_only=True) if database else ibis.duckdb.connect()
    try:
        connection.raw_sql(f"SET TimeZone = {literal(timezone)}")
    except duckdb.Error:
        raise StudyError(
            f"The timezone '{timezone}' is not known to the engine that reads the records; name its main city, such as "
            "Asia/Shanghai."
        ) from None
    # one thread: sums of floats then come in one order and the same input gives the same bytes
    connection.raw_sql("SET threads = 1")
    # what the files hold is not kept: they are read once or twice, and the system keeps what there is room for
    connection.raw_sql("SET enable_external_file_cache = false")
    return connection


def literal(text: str) -> str:
    """Return the text as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """Return the name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def store(connection: Backend, name: str, table: ibis.Table, *, kind: str = "TABLE") -> ibis.Table:
    """Return the table kept in the engine under a name: its rows (TABLE) or its definition (VIEW)."""
    from ibis.expr.operations import DatabaseTable

    with readable_files():
        connection.raw_sql(f"CREATE OR REPLACE {kind} {identifier(name)} AS {connection.compile(table)}")
    # its columns are known; asking the engine for them costs as much as a query
    return DatabaseTable(name=name, schema=table.schema(), source=connection).to_expr()


Place = Callable[..., str]  # where the study file has a key of the source, given as its path


def nowhere(*_: str | int) -> str:
    """Return the place of a source that stands in no file."""
    return "the study file"


def read(connection: Backend, name: str, source: Any, files: dict[str, Path], place: Place = nowhere) -> Raw:
    """Return the source's records as found in `files`, which go by the names that messages give them.

    Raises RecordsError for an empty file, a header that lacks a column, another encoding, a quote that is
    never closed, and a file broken off.
    """
    parquet = [path.suffix.lower() in PARQUET for path in files.values()]
    if all(parquet):
        return _read_parquet(connection, name, source, files, place)
    if any(parquet):
        raise RecordsError(
            f"{', '.join(files)}: Parquet and text files cannot be one source; make them two, or convert one."
        )
    import duckdb

    try:
        return _read_text(connection, name, source, files, place, any_line_end=False)
    except duckdb.InvalidInputException:  # line ends of two kinds in one file
        _clear_rejects(connection)
        return _read_text(connection, name, source, files, place, any_line_end=True)


def _read_text(
    connection: Backend, name: str, source: Any, files: dict[str, Path], place: Place, *, any_line_end: bool
) -> Raw:
    with tempfile.TemporaryDirectory(prefix="evalkit-") as folder:
        parts, labels, headers = [], {}, {}
        problems: list[tuple[str, str]] = []
        for number, (label, path) in enumerate(files.items()):
            try:
                header = read_header(path, source, label)
                _require(source, header, label)
                headers[label] = header
                if any(header.count(field.header) != 1 for field in source.fields):
                    continue
                copy = Path(folder) / f"{number}.csv"
                plain = readable(path, source.encoding, label, copy, any_line_end=any_line_end)
            except RecordsError as error:
                problems += [(label, message) for message in error.messages]
                continue
            labels[str(plain)] = label
            parts.append(_select_text(source, header, label, plain))
        _raise_any([*problems, *_absent(source, headers, place)])
        connection.raw_sql(f"CREATE OR REPLACE TABLE {identifier(name + '#raw')} AS {' UNION ALL '.join(parts)}")
        malformed = _malformed(connection, source, labels)
    return Raw(connection.table(name + "#raw"), True, malformed)


def _select_text(source: Any, header: list[str], label: str, path: Path) -> str:
    """Return the SELECT that reads the declared columns of one text file as text.

    Columns go by their place: the engine does not tell names apart that differ in capitals only.
    """
    declared = ", ".join(f"'c{place}': 'VARCHAR'" for place in range(len(header)))
    chosen = ", ".join(f"c{header.index(field.header)} AS {identifier(field.name)}" for field in source.fields)
    return (
        f"SELECT {chosen}, {literal(label)} AS {identifier(FILE)}, row_number() OVER () AS {identifier(ROW)} "
        f"FROM read_csv({literal(glob.escape(str(path)))}, auto_detect=false, header=true, compression='none', "
        f"delim={literal(source.delimiter)}, quote='\"', escape='\"', nullstr={literal(_NO_TEXT)}, "
        f"columns={{{declared}}}, store_rejects=true, rejects_limit=0)"
    )


def _require(source: Any, found: list[str], label: str) -> None:
    """Raise where a header is no list of columns as it was read: of one column alone, or in another encoding."""
    meant = [as_utf8(name, source.encoding) for name in found]
    if any(field.header in meant and field.header not in found for field in source.fields):
        raise RecordsError(
            f"{label}: is declared as {source.encoding}, but its header reads as utf-8; set the source's "
            "`encoding: utf-8`."
        )
    other = next((mark for mark in (";", "\t", "|", ",") if mark != source.delimiter and mark in found[0]), None)
    if len(found) == 1 and other is not None and source.fields[0].header != found[0]:
        name = f", '{found[0]}'" if any(field.header in found[0] for field in source.fields) else ""
        raise RecordsError(
            f"{label}: its header is one column{name}; the values are separated by {_mark(other)}, not by "
            f"{_mark(source.delimiter)}: set the source's `delimiter: {_mark(other)}`."
        )


def _mark(delimiter: str) -> str:
    """Return a delimiter as a study file has it."""
    return "tab" if delimiter == "\t" else f'"{delimiter}"'


def absent_columns(source: Any, found: list[str], place: Place, *, elsewhere: bool = False) -> dict[str, str]:
    """Return what is wrong with the columns found, by header: a declared one is missing, or stands twice.

    `elsewhere` tells that other files of the source have them.
    """
    problems = {}
    # a first row with no declared column may be a record, which no message quotes
    known = {field.header for field in source.fields}.intersection(found)
    has = listed(found) if known else f"{len(found)} others (is there no header?)"
    for number, field in enumerate(source.fields):
        header = field.header
        if header not in found:
            declared = f"'{shortened(header)}'" + (f" (field '{field.name}')" if header != field.name else "")
            mend = f"Mend the header, or the field's `name` or `rename_from` in {place('fields', number)}."
            if elsewhere:
                mend = "Other files of the source have it: mend the header of this one."
            told = f"has no column {declared}; it has {has}.{nearest(header, found)} {mend}"
        elif found.count(header) > 1:
            times = found.count(header)
            told = f"the column '{header}' stands {times} times in the header; rename or remove one."
        else:
            continue
        problems[header] = told
    return problems


def _raise_any(problems: Sequence[tuple[str, str]]) -> None:
    """Raise what is wrong with files, in their order."""
    if problems:
        raise RecordsError(told for _, told in sorted(problems, key=lambda problem: problem[0]))


def _absent(source: Any, headers: Mapping[str, list[str]], place: Place) -> list[tuple[str, str]]:
    """Return what is wrong with the columns of files by the first of them, once where of several the same is wrong."""
    problems = []
    for field in source.fields:
        counts = {label: found.count(field.header) for label, found in headers.items()}
        without = [label for label, count in counts.items() if not count]
        for labels in (without, [label for label, count in counts.items() if count > 1]):
            if labels:
                elsewhere = labels is without and len(without) < len(counts)
                told = absent_columns(source, headers[labels[0]], place, elsewhere=elsewhere)[field.header]
                problems.append((labels[0], f"{first_and_more(labels)}: {told}"))
    return problems


def first_and_more(labels: Sequence[str]) -> str:
    """Return the first of several files and how many more there are.

    >>> first_and_more(["a.csv"]), first_and_more(["a.csv", "b.csv", "c.csv"])
    ('a.csv', 'a.csv (and 2 more files)')
    """
    more = len(labels) - 1
    return f"{labels[0]} (and {more} more file{'s' if more > 1 else ''})" if more else labels[0]


def _clear_rejects(connection: Backend) -> None:
    connection.raw_sql("DROP TABLE IF EXISTS reject_errors")
    connection.raw_sql("DROP TABLE IF EXISTS reject_scans")


def _malformed(connection: Backend, source: Any, labels: dict[str, str]) -> tuple[Malformed, ...]:
    """Return the rows the engine set aside; raise where that means the file itself is not readable."""
    rows = connection.raw_sql(
        "SELECT file_path, line, min(error_type)::VARCHAR, "
        "bool_or(error_type = 'UNQUOTED VALUE' AND contains(trim(csv_line, e'\\r\\n'), e'\\n')) "
        "FROM reject_errors JOIN reject_scans USING (scan_id, file_id) GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    _clear_rejects(connection)
    malformed = []
    for path, line, kind, swallowed in rows:
        label = labels[path]
        if kind == "INVALID ENCODING":
            raise RecordsError(encoding_message(label, source.encoding, int(line)))
        if kind == "LINE SIZE OVER MAXIMUM" or swallowed:
            raise RecordsError(
                f"{label}: row {line} cannot be read: a quote is opened there and not closed in its value, or the row "
                "is longer than 2 MB, so nothing after it can be trusted. Mend that row in the file."
            )
        malformed.append(Malformed(label, int(line), _MALFORMED.get(kind, "not readable as a row")))
    return tuple(malformed)


def _read_parquet(connection: Backend, name: str, source: Any, files: dict[str, Path], place: Place) -> Raw:
    import duckdb

    readers: dict[str, str] = {}
    types: dict[str, dict[str, str]] = {}
    problems: list[tuple[str, str]] = []
    for label, path in files.items():
        reader = f"read_parquet({literal(glob.escape(str(path)))}, file_row_number=true)"
        try:
            columns = connection.raw_sql(f"DESCRIBE SELECT * FROM {reader}").fetchall()
        except duckdb.Error:
            told = f"{label}: is not a Parquet file, or was not written to its end; export it again."
            problems.append((label, told))
        else:
            readers[label] = reader
            types[label] = {column[0]: column[1] for column in columns if column[0] != "file_row_number"}
    _raise_any([*problems, *_absent(source, {label: list(found) for label, found in types.items()}, place)])
    chosen = []
    for field in source.fields:
        column = identifier(field.header)
        if len({types[label][field.header] for label in files}) > 1:  # text is what all types can become
            column = f"CAST({column} AS VARCHAR)"
        chosen.append(f"{column} AS {identifier(field.name)}")
    parts = [
        f"SELECT {', '.join(chosen)}, {literal(label)} AS {identifier(FILE)}, "
        f"file_row_number + 1 AS {identifier(ROW)}, file_row_number AS {identifier(OFFSET)} FROM {reader}"
        for label, reader in readers.items()
    ]
    connection.raw_sql(f"CREATE OR REPLACE VIEW {identifier(name + '#raw')} AS {' UNION ALL '.join(parts)}")
    return Raw(connection.table(name + "#raw"), False, ())
