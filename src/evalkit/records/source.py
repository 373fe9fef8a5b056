"""One source's records, validated: what is accepted, what is rejected, and why."""

from __future__ import annotations

import csv
import os
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalkit.records import fields, ingest
from evalkit.records.days import latest_day, on_first_days
from evalkit.records.fetch import fetch
from evalkit.records.ingest import FILE, ROW, Malformed
from evalkit.records.text import blank_rows
from evalkit.spreadsheet import inert

if TYPE_CHECKING:
    import ibis

WRITTEN = 100_000  # rejected rows written out; of more a sample, with their counts


@dataclass(frozen=True, slots=True)
class Rejected:
    """One rejected row: file and row number (the header is row 1), key (None without one) and the reason.

    A row of an engine's table has no number: `file` is the table, `row` None.
    """

    file: str
    row: int | None
    key: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Tally:
    """How many records were found, and how many rejected by reason, the most frequent first."""

    found: int
    reasons: Mapping[str, int]
    max_rejected: float

    @property
    def rejected(self) -> int:
        return sum(self.reasons.values())

    @property
    def rejected_share(self) -> float:
        return self.rejected / self.found if self.found else 0.0

    @property
    def too_many_rejected(self) -> bool:
        return self.rejected_share > self.max_rejected


@dataclass(frozen=True)
class Records:
    """A source's typed records in the engine.

    Attributes
    ----------
    table : all readable records with `#day` and `#reason` (NULL for accepted ones); of files `#file` and `#row` too.
    malformed : rows that do not fit the header; they are rejected too.
    files : the files by the name that messages give them; none where an engine's table is read.
    place : what messages call the whole: the file, the files, or the table.
    left_out_rows : gives the rejected ones of `table` with their values as found.
    one_state : whether all queries see the records as they were when opened.
    """

    name: str
    source: Any
    files: dict[str, Path]
    place: str
    table: ibis.Table
    malformed: tuple[Malformed, ...]
    left_out_rows: Callable[[], ibis.Table]
    one_state: bool = True

    @cached_property
    def _counts(self) -> tuple[dict[str, int], int]:
        rows = fetch(self.table.group_by(fields.REASON).agg(n=self.table.count()))
        counts = {row[fields.REASON]: row["n"] for row in rows}
        return self._all_counts({r: n for r, n in counts.items() if r is not None}, sum(counts.values()))

    def _all_counts(self, counts: Mapping[str, int], found: int) -> tuple[dict[str, int], int]:
        reasons = dict(counts)
        for bad in self.malformed:
            reasons[bad.reason] = reasons.get(bad.reason, 0) + 1
        ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
        return dict(ordered), found + len(self.malformed)

    def remember(
        self,
        counts: Mapping[str, int],
        found: int,
        by_start: Sequence[tuple[date | None, str | None, int]] = (),
        whole: Iterable[date] = (),
    ) -> None:
        """Take the rejected rows of `table` by reason, and the number of its rows, from a query that counted them.

        `by_start` are rows by the first of some days and by reason, and `whole` the cut-offs up to which they are the
        rows of whole days: up to these no query needs to ask again.
        """
        self.__dict__["_counts"] = self._all_counts(counts, found)
        self._tallies.update((until, self._tallied(by_start, until)) for until in whole if by_start)

    @property
    def counted(self) -> bool:
        """Whether found and rejected records have been counted, or told by `remember`."""
        return "_counts" in self.__dict__

    @property
    def reasons(self) -> dict[str, int]:
        """Number of rejected records by reason, most frequent first; counted when first asked for."""
        return self._counts[0]

    @property
    def found(self) -> int:
        """Number of records found, malformed rows included; counted when first asked for."""
        return self._counts[1]

    @cached_property
    def left_out(self) -> ibis.Table:
        """The rejected records with `#reason` and their values as found, of files with `#file` and `#row`."""
        return self.left_out_rows()

    @property
    def rejected(self) -> int:
        return sum(self.reasons.values())

    def tally(self, until: date | None = None) -> Tally:
        """Return what was found and rejected in all, or dated up to a day; what has no date counts at any day."""
        if until is None or not self.rejected:  # without any rejected, no day has some
            return Tally(self.found, self.reasons, self.source.max_rejected)
        if until not in self._tallies:
            self._tallies[until] = self._tallied(self._by_day, until)
        return self._tallies[until]

    def _tallied(self, rows: Iterable[tuple[date | None, str | None, int]], until: date) -> Tally:
        found, reasons = len(self.malformed), Counter(bad.reason for bad in self.malformed)
        for day, reason, count in rows:
            if day is None or day <= until:
                found += count
                if reason is not None:
                    reasons[reason] += count
        ordered = dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0])))
        return Tally(found, ordered, self.source.max_rejected)

    @cached_property
    def _tallies(self) -> dict[date, Tally]:
        return {}

    @cached_property
    def _by_day(self) -> list[tuple[date | None, str | None, int]]:
        """The number of rows by day and reason, where no reading has told: one query for all cut-offs."""
        rows = fetch(self.table.group_by(fields.DAY, fields.REASON).agg(n=self.table.count()))
        return [(row[fields.DAY], row[fields.REASON], row["n"]) for row in rows]

    @cached_property
    def of_months(self) -> bool:
        """Whether the records are totals of months, dated with the first of each."""
        return on_first_days(self.table, latest_day(self.table, self.source.time))

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

    def last_day(self, until: date) -> date | None:
        """Return the day of the last record, rejected ones included, of those dated up to a day; None without any."""
        if until not in self._last_days:
            self._last_days[until] = latest_day(self.table, self.source.time, until)
        return self._last_days[until]

    @cached_property
    def _last_days(self) -> dict[date, date | None]:
        return {}

    def accepted_by_day(self, start: date, end: date) -> dict[date, int]:
        """Return the number of accepted records of each day from `start` to `end` that has some."""
        return {day: n for day, reason, n in self._by_day if day and reason is None and start <= day <= end}

    def reasons_within(self, start: date, end: date) -> dict[str, int]:
        """Return the number of rejected records dated from `start` to `end` by reason, most frequent first."""
        rows = self.table.filter(self.table[fields.REASON].notnull(), self.table[fields.DAY].between(start, end))
        counts = {row[fields.REASON]: row["n"] for row in fetch(rows.group_by(fields.REASON).agg(n=rows.count()))}
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    def undated(self) -> int:
        """Return the number of accepted records without the time that would place them."""
        return self._number(self.valid.filter(self.valid[fields.DAY].isnull()))

    @staticmethod
    def _number(table: ibis.Table) -> int:
        return int(fetch(table.agg(n=table.count()))[0]["n"])

    def rejected_rows(self, limit: int | None = None, each: int | None = None) -> Iterator[Rejected]:
        """Yield the rejected rows by file and row number (of a table by key), all or the first `limit`.

        Of each reason the first `each`, where that is given.
        """
        rows = [self._rejected(row) for row in self._left_out(limit, each=each)]
        for reason in dict.fromkeys(bad.reason for bad in self.malformed):
            bad_rows = [bad for bad in self.malformed if bad.reason == reason][:each]
            rows += [Rejected(bad.file, bad.row, None, reason) for bad in bad_rows]
        yield from sorted(rows, key=lambda row: (row.file, row.row or 0))[:limit]

    def _rejected(self, row: Mapping[str, Any]) -> Rejected:
        key = row[self.source.key] if self.source.key else None
        if not self.files:
            return Rejected(self.place, None, key, row[fields.REASON])
        return Rejected(row[FILE], self._row(row[FILE], row[ROW]), key, row[fields.REASON])

    def _left_out(
        self, limit: int | None = None, reason: str | None = None, each: int | None = None
    ) -> list[dict[str, Any]]:
        if self.rejected == len(self.malformed):
            return []
        rows = self.left_out
        if reason is not None:
            rows = rows.filter(rows[fields.REASON] == reason)
        order = [FILE, ROW] if self.files else [self.source.key] if self.source.key else []
        if each is not None:
            rows = _first_of_each(rows, order, each)
        rows = rows.order_by(order) if order else rows
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

    def write_rejected(self, path: Path, limit: int = WRITTEN) -> int:
        """Write the rejected rows with their declared values as found, readable by the owner only; return how many.

        Of more than `limit` rows every reason has a share, the rarer ones all of theirs, and a line says how many of
        how many are there. The file opens in a spreadsheet; a value that would be a formula there starts with an
        apostrophe. Rows that do not fit the header stand there with file, row and reason; open the file named to see
        them.
        """
        names = [field.name for field in self.source.fields]
        lines: list[tuple[str, int, list[str]]] = []
        for reason, share in shares(self.reasons, limit).items():
            malformed = [bad for bad in self.malformed if bad.reason == reason][:share]
            lines += [(bad.file, bad.row, [reason, *("" for _ in names)]) for bad in malformed]
            for row in self._left_out(share - len(malformed), reason) if share > len(malformed) else []:
                told = self._rejected(row)
                lines.append((told.file, told.row or 0, [reason, *(inert(row[name]) for name in names)]))
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        os.fchmod(handle, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8-sig", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["file", "row", "reason", *(inert(name) for name in names)])
            for file, number, rest in sorted(lines, key=lambda line: line[:2]):
                writer.writerow([inert(file), number or "", *rest])
            for reason, share in shares(self.reasons, limit).items():
                if share < self.reasons[reason]:
                    writer.writerow(["", "", f"{reason} (these are {share} of {self.reasons[reason]})"])
        return len(lines)


def _first_of_each(rows: ibis.Table, order: Sequence[str], each: int) -> ibis.Table:
    """Return the first rows of each reason."""
    import ibis

    place = ibis.row_number().over(ibis.window(group_by=fields.REASON, order_by=order or None))
    placed = rows.mutate(**{"#place": place})
    return placed.filter(placed["#place"] < each).drop("#place")


def shares(counts: Mapping[str, int], limit: int) -> dict[str, int]:
    """Return how many of each kind to show so that all are no more than the limit, the rarest in full.

    >>> shares({"a": 70, "b": 50, "c": 3}, 63)
    {'c': 3, 'b': 30, 'a': 30}
    """
    left, given = limit, {}
    for place, (kind, count) in enumerate(sorted(counts.items(), key=lambda item: item[1])):
        given[kind] = min(count, left // (len(counts) - place))
        left -= given[kind]
    return given


def places_passed_over(rows: Sequence[int]) -> list[int]:
    """Return the place that each row that is no record would have had among the records, from their row numbers."""
    return [row - 1 - before for before, row in enumerate(rows)]


def row_number(place: int, passed_over: Sequence[int]) -> int:
    """Return a record's row number in its file (the header is row 1) from its place among readable records.

    >>> [row_number(place, places_passed_over([3, 4])) for place in (1, 2, 3)]
    [2, 5, 6]
    """
    return place + 1 + bisect_right(passed_over, place)
