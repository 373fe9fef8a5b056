"""One source's records, validated: what is accepted, what is rejected, and why."""

from __future__ import annotations

import csv
import os
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalkit.errors import RecordsError, StudyError
from evalkit.records import fields, ingest
from evalkit.records.duplicates import reject_duplicates
from evalkit.records.fetch import fetch
from evalkit.records.ingest import FILE, ROW, Malformed
from evalkit.records.text import blank_rows
from evalkit.study.model_goal import Elapsed, ExposureOf, Mean, Proportion, Rate, Ratio
from evalkit.study.paths import resolve

if TYPE_CHECKING:
    import ibis
    from ibis.backends.duckdb import Backend

    from evalkit.study import Study


@dataclass(frozen=True, slots=True)
class Rejected:
    """One rejected row: file, row number (the header is row 1), key (None without one) and the reason."""

    file: str
    row: int
    key: str | None
    reason: str


@dataclass(frozen=True)
class Records:
    """A source's typed records in the engine.

    Attributes
    ----------
    table : all readable records with `#day`, `#file`, `#row` and `#reason` (NULL for accepted ones).
    left_out : the rejected ones among them with `#file`, `#row`, `#reason` and their values as found, if any.
    malformed : rows that do not fit the header; they are rejected too.
    files : the files by the name that messages give them.
    found : number of records found, malformed rows included.
    reasons : number of rejected records by reason, most frequent first.
    """

    name: str
    source: Any
    files: dict[str, Path]
    table: ibis.Table
    left_out: ibis.Table | None
    malformed: tuple[Malformed, ...]
    found: int
    reasons: dict[str, int]

    @property
    def rejected(self) -> int:
        return sum(self.reasons.values())

    @property
    def rejected_share(self) -> float:
        return self.rejected / self.found if self.found else 0.0

    @property
    def too_many_rejected(self) -> bool:
        return bool(self.rejected_share > self.source.max_rejected)

    @cached_property
    def accepted(self) -> ibis.Table:
        """Accepted records with their declared columns only, lazily (Ibis)."""
        return self.valid.select(*[field.name for field in self.source.fields])

    @property
    def valid(self) -> ibis.Table:
        """Accepted records with the columns evaluations need beside the declared ones."""
        return self.table.filter(self.table[fields.REASON].isnull())

    def after(self, day: date) -> int:
        """Return the number of accepted records dated after a day."""
        return self._number(self.valid.filter(self.valid[fields.DAY] > day))

    def undated(self) -> int:
        """Return the number of accepted records without the time that would place them."""
        return self._number(self.valid.filter(self.valid[fields.DAY].isnull()))

    @staticmethod
    def _number(table: ibis.Table) -> int:
        return int(fetch(table.agg(n=table.count()))[0]["n"])

    def rejected_rows(self, limit: int | None = None) -> Iterator[Rejected]:
        """Yield the rejected rows by file and row number, all or the first `limit`."""
        key = self.source.key
        rows = [
            Rejected(row[FILE], self._row(row[FILE], row[ROW]), row[key] if key else None, row[fields.REASON])
            for row in self._left_out(limit)
        ]
        rows += [Rejected(bad.file, bad.row, None, bad.reason) for bad in self.malformed]
        yield from sorted(rows, key=lambda row: (row.file, row.row))[:limit]

    def _left_out(self, limit: int | None = None) -> list[dict[str, Any]]:
        if self.left_out is None:
            return []
        rows = self.left_out.order_by([FILE, ROW])
        return fetch(rows if limit is None else rows.limit(limit))

    @cached_property
    def _passed_over(self) -> dict[str, list[int]]:
        """By file, how many records stand above each row that is none: malformed and blank ones."""
        rows: dict[str, set[int]] = {label: set() for label in self.files}
        for bad in self.malformed:
            rows[bad.file].add(bad.row)
        for label, path in self.files.items():
            if path.suffix.lower() not in ingest.PARQUET:
                rows[label].update(blank_rows(path, self.source))
        return {label: places_passed_over(sorted(numbers)) for label, numbers in rows.items()}

    def _row(self, file: str, place: int) -> int:
        return row_number(place, self._passed_over[file])

    def write_rejected(self, path: Path) -> None:
        """Write the rejected rows with all their declared values as found, readable by the owner only.

        The file opens in a spreadsheet; a value that would be a formula there starts with an apostrophe.
        Rows that do not fit the header stand there with file, row and reason; open the file named to see them.
        """
        names = [field.name for field in self.source.fields]
        rows = [
            [row[FILE], self._row(row[FILE], row[ROW]), row[fields.REASON], *(inert(row[name]) for name in names)]
            for row in self._left_out()
        ]
        rows += [[bad.file, bad.row, bad.reason, *("" for _ in names)] for bad in self.malformed]
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        os.fchmod(handle, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8-sig", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["file", "row", "reason", *(inert(name) for name in names)])
            writer.writerows([inert(file), *rest] for file, *rest in sorted(rows, key=lambda row: (row[0], row[1])))


def inert(value: str | None) -> str:
    """Return a value that no spreadsheet takes for a formula.

    >>> inert("=1+1"), inert("-3.5"), inert(None)
    ("'=1+1", '-3.5', '')
    """
    text = value or ""
    if text[:1] not in ("=", "+", "-", "@", "\t", "\r"):
        return text
    try:
        float(text)
    except ValueError:
        return "'" + text
    return text


def places_passed_over(rows: Sequence[int]) -> list[int]:
    """Return the place that each row that is no record would have had among the records, from their row numbers."""
    return [row - 1 - before for before, row in enumerate(rows)]


def row_number(place: int, passed_over: Sequence[int]) -> int:
    """Return a record's row number in its file (the header is row 1) from its place among readable records.

    >>> [row_number(place, places_passed_over([3, 4])) for place in (1, 2, 3)]
    [2, 5, 6]
    """
    return place + 1 + bisect_right(passed_over, place)


def open_records(connection: Backend, study: Study, name: str) -> Records:
    """Read and validate one source.

    Raises RecordsError where the records are not what the study file says.
    """
    source = study.sources[name]
    _check_source(connection, name, source)
    files = labelled(resolve(study, name), study.folder)
    try:
        return _opened(connection, study, name, files)
    except RecordsError as error:
        raise RecordsError([f"source '{name}': {message}" for message in error.messages]) from None


def _opened(connection: Backend, study: Study, name: str, files: dict[str, Path]) -> Records:
    source = study.sources[name]
    raw = ingest.read(connection, name, source, files)
    table = fields.prepare(connection, name, raw, source, **rules_of(study, name))
    if raw.text:
        table = ingest.store(connection, f"{name}#records", table)
    table = reject_duplicates(connection, name, source, table, stored=raw.text)
    counts = _counted(connection, table) if raw.text else _counts_of(table)
    reasons = {reason: n for reason, n in counts.items() if reason is not None}
    left_out = _left_out(connection, name, raw, table) if reasons else None
    if raw.text:
        connection.raw_sql(f"DROP TABLE {ingest.identifier(name + '#raw')}")
    for bad in raw.malformed:
        reasons[bad.reason] = reasons.get(bad.reason, 0) + 1
    return Records(
        name=name,
        source=source,
        files=files,
        table=table,
        left_out=left_out,
        malformed=raw.malformed,
        found=sum(counts.values()) + len(raw.malformed),
        reasons=dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
    )


def _check_source(connection: Backend, name: str, source: Any) -> None:
    """Raise where this engine cannot do what the study file asks of a source."""
    import duckdb

    if source.path is None:
        raise RecordsError(
            f"source '{name}': reads the table '{source.table}' through the connection '{source.connection}', and this "
            "version reads files only; export the table to CSV or Parquet and name that file under `path`."
        )
    problems = []
    for field in source.fields:
        if field.name.startswith("#") or field.name.endswith((fields.INSTANT, fields.GIVEN)):
            problems.append(
                f"source '{name}': names such as '{field.name}' are evalkit's own; give the field another name, and "
                "its header under `rename_from`."
            )
        if field.constraints.pattern is None:
            continue
        try:
            connection.raw_sql(f"SELECT regexp_matches('', {ingest.literal(field.constraints.pattern)})").fetchall()
        except duckdb.Error:
            problems.append(
                f"source '{name}': the pattern of the field '{field.name}' is one the engine cannot match (it knows no "
                "look-ahead, look-behind or back-reference); write it without."
            )
    if problems:
        raise StudyError(problems)


def _left_out(connection: Backend, name: str, raw: ingest.Raw, table: ibis.Table) -> ibis.Table:
    """Keep the rejected records as they were found, as text."""
    values = {column: raw.table[column].cast("string") for column in raw.table.columns if column not in (FILE, ROW)}
    found = raw.table.select(FILE, ROW, **values)
    bad = table.filter(table[fields.REASON].notnull()).select(FILE, ROW, fields.REASON)
    return ingest.store(connection, f"{name}#left out", found.inner_join(bad, [FILE, ROW]))


def labelled(paths: Sequence[Path], folder: Path) -> dict[str, Path]:
    """Return the files by the name that messages and results give them: below the study's folder, else short.

    >>> list(labelled([Path("/data/a/x.csv"), Path("/data/b/x.csv")], Path("/study")))
    ['a/x.csv', 'b/x.csv']
    """
    common = Path(os.path.commonpath([path.parent for path in paths]))
    return {path.relative_to(folder if path.is_relative_to(folder) else common).as_posix(): path for path in paths}


def rules_of(study: Study, name: str) -> dict[str, Any]:
    """Return what the goals that use a source ask of its records beyond the fields' own constraints."""
    instants: set[str] = set()
    ordered: set[tuple[str, str]] = set()
    positive: set[str] = set()
    types = {field.name: field.type for field in study.sources[name].fields}
    for question in (*study.goals, *study.indicators):
        metric = question.metric
        if isinstance(metric, Rate):
            exposure = metric.exposure
            if isinstance(exposure, ExposureOf) and exposure.source == name:
                positive.add(exposure.value)
            if question.source == name:
                positive.update(column for column in (metric.events, exposure) if column in types)
        elif question.source == name:
            if metric.weight is not None:
                positive.add(metric.weight)
            if (pair := _ordered(metric)) is not None:
                ordered.add(pair)
                instants.update(column for column in pair if types[column] == "datetime")
    return {"instants": instants, "ordered": sorted(ordered), "positive": positive}


def _ordered(metric: Mean | Ratio | Proportion) -> tuple[str, str] | None:
    """Return the columns (earlier, later) of a metric that measures the time between them."""
    if isinstance(metric, Mean) and isinstance(metric.value, Elapsed):
        return metric.value.from_, metric.value.to
    if isinstance(metric, Proportion) and metric.success.of is not None:
        return metric.success.of, metric.success.column
    return None


def _counts_of(table: ibis.Table) -> dict[str | None, int]:
    """Return the number of records by reason for rejection, None for the accepted ones."""
    return {row[fields.REASON]: row["n"] for row in fetch(table.group_by(fields.REASON).agg(n=table.count()))}


def _counted(connection: Backend, table: ibis.Table) -> dict[str | None, int]:
    """Return the same of a stored table; plain SQL, because compiling such a query costs more than running it."""
    reason, stored = ingest.identifier(fields.REASON), ingest.identifier(table.get_name())
    return dict(connection.raw_sql(f"SELECT {reason}, count(*) FROM {stored} GROUP BY 1").fetchall())
