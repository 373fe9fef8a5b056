"""One source's records, validated: what is accepted, what is rejected, and why."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalkit.errors import RecordsError
from evalkit.records import fields, ingest
from evalkit.records.fetch import fetch
from evalkit.records.ingest import FILE, ROW, Malformed, header_row
from evalkit.study.paths import resolve

if TYPE_CHECKING:
    import ibis
    from ibis.backends.duckdb import Backend

    from evalkit.study import Study


PLACE = "#place"  # file and row as one sortable text


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
    malformed : rows that do not fit the header; they are rejected too.
    found : number of records found, malformed rows included.
    reasons : number of rejected records by reason, most frequent first.
    """

    name: str
    source: Any
    files: tuple[str, ...]
    raw: ibis.Table
    table: ibis.Table
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
        return self.rejected_share > self.source.max_rejected

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
        valid = self.valid
        return int(fetch(valid.filter(valid[fields.DAY] > day).agg(n=valid.count()))[0]["n"])

    def rejected_rows(self, limit: int | None = None) -> Iterator[Rejected]:
        """Yield the rejected rows by file and row number, all or the first `limit`."""
        key = self.source.key
        bad = self.table.filter(self.table[fields.REASON].notnull())
        chosen = bad.select(file=bad[FILE], row=bad[ROW], key=bad[key].cast("string") if key else bad[FILE], reason=bad[fields.REASON])
        rows = [
            Rejected(row["file"], self._row(row["row"], row["file"]), row["key"] if key else None, row["reason"])
            for row in fetch(chosen)
        ]
        rows += [Rejected(row.file, row.row, None, row.reason) for row in self.malformed]
        yield from sorted(rows, key=lambda row: (row.file, row.row))[:limit]

    def _row(self, ordinal: int, file: str) -> int:
        return header_row(ordinal, file, self.malformed)

    def write_rejected(self, path: Path) -> None:
        """Write the rejected rows with all their declared values as found, readable by the owner only.

        Rows that do not fit the header stand there with file, row and reason; open the file named to see them.
        """
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        bad = self.table.filter(self.table[fields.REASON].notnull()).select(FILE, ROW, fields.REASON)
        values = fetch(self.raw.inner_join(bad, [FILE, ROW]))
        names = [field.name for field in self.source.fields]
        rows = [
            [row[FILE], self._row(row[ROW], row[FILE]), row[fields.REASON], *(row[name] for name in names)] for row in values
        ]
        rows += [[row.file, row.row, row.reason, *("" for _ in names)] for row in self.malformed]
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.fchmod(handle, 0o600)
        with open(handle, "w", encoding="utf-8-sig", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["file", "row", "reason", *names])
            writer.writerows(sorted(rows, key=lambda row: (row[0], row[1])))


def open_records(connection: Backend, study: Study, name: str) -> Records:
    """Read and validate one source.

    Raises RecordsError where the records are not what the study file says.
    """
    source = study.sources[name]
    files = list(resolve(study, name))
    shown = [_shown(path, study.folder) for path in files]
    try:
        raw = ingest.read(connection, name, source, files, shown)
    except RecordsError as error:
        raise RecordsError([f"source '{name}': {message}" for message in error.messages]) from None
    rules = rules_of(study, name)
    table = fields.prepare(connection, name, raw, source, **rules)
    if raw.text:
        table = ingest.store(connection, f"{name}#records", table)
    table = _reject_duplicates(connection, name, source, table)
    counts = fetch(table.group_by(fields.REASON).agg(n=table.count()))
    reasons = {row[fields.REASON]: row["n"] for row in counts if row[fields.REASON] is not None}
    for bad in raw.malformed:
        reasons[bad.reason] = reasons.get(bad.reason, 0) + 1
    return Records(
        name=name,
        source=source,
        files=tuple(shown),
        raw=raw.table,
        table=table,
        malformed=raw.malformed,
        found=sum(row["n"] for row in counts) + len(raw.malformed),
        reasons=dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
    )


def _shown(path: Path, folder: Path) -> str:
    """Return how a file is named in messages and results: below the study's folder, or by its own name."""
    try:
        return path.relative_to(folder.resolve()).as_posix()
    except ValueError:
        return path.name


def rules_of(study: Study, name: str) -> dict[str, Any]:
    """Return what the goals that use a source ask of its records beyond the fields' own constraints."""
    instants: set[str] = set()
    ordered: list[tuple[str, str]] = []
    positive: set[str] = set()
    types = {field.name: field.type for field in study.sources[name].fields}
    for goal in (*study.goals, *study.indicators):
        metric = goal.metric
        if metric.kind == "rate" and getattr(metric.exposure, "source", None) == name:
            positive.add(metric.exposure.value)
        if goal.source != name:
            continue
        pair = None
        if metric.kind == "mean" and not isinstance(metric.value, str):
            pair = (metric.value.from_, metric.value.to)
        if metric.kind == "proportion" and getattr(metric.success, "of", None) is not None:
            pair = (metric.success.of, metric.success.column)
        if pair is not None:
            ordered.append(pair)
            instants.update(column for column in pair if types[column] == "datetime")
        if metric.kind == "rate":
            positive.update(c for c in (metric.events, metric.exposure) if isinstance(c, str) and c in types)
        if getattr(metric, "weight", None):
            positive.add(metric.weight)
    return {"instants": instants, "ordered": sorted(set(ordered)), "positive": positive}


def _reject_duplicates(connection: Backend, name: str, source: Any, table: ibis.Table) -> ibis.Table:
    """Mark records whose key stands more than once.

    Copies that agree in every declared column count once. Where they differ nobody can say which is
    right, so none counts; the outcome does not depend on the order of the rows.
    """
    import ibis

    keys = [field.name for field in source.fields if field.constraints is not None and field.constraints.unique]
    if source.key and source.key not in keys:
        keys.insert(0, source.key)
    for key in keys:
        valid = table.filter(table[fields.REASON].isnull() & table[key].notnull())
        again = valid.group_by(key).having(valid.count() > 1).agg(copies=valid.count())
        if not fetch(again.limit(1)):
            continue
        names = [field.name for field in source.fields]
        copies = valid.semi_join(again, key)
        copies = copies.mutate(**{PLACE: copies[FILE] + "#" + copies[ROW].cast("string").lpad(12, "0")})
        same = copies.group_by(names).agg(first=copies[PLACE].min())
        variants = same.group_by(key).agg(variants=same.count(), keep=same["first"].min())
        marks = ingest.store(connection, f"{name}#{key}#copies", variants.rename({"#key": key}))
        joined = table.left_join(marks, table[key] == marks["#key"])
        place = joined[FILE] + "#" + joined[ROW].cast("string").lpad(12, "0")
        kept = (joined["variants"] == 1) & (place == joined["keep"])
        reason = ibis.cases(
            (joined[fields.REASON].notnull() | joined["variants"].isnull() | kept, joined[fields.REASON]),
            (joined["variants"] == 1, f"{key}: duplicate, the same record again"),
            else_=f"{key}: duplicate with other values, so no copy counts",
        )
        table = joined.mutate(**{fields.REASON: reason}).select(*table.columns)
        table = ingest.store(connection, f"{name}#{key}#unique", table)
    return table
