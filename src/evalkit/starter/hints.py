"""What a person has to do to files before evalkit can read what they are after: said, with a few lines of pandas."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from evalkit.records.confined import Confined, most_confined
from evalkit.records.ingest import PARQUET, identifier
from evalkit.starter.profile import Column, given_value
from evalkit.starter.tables import Found

if TYPE_CHECKING:
    import duckdb

    from evalkit.starter.propose import Proposal
    from evalkit.starter.tables import Form

_MONTHS = (
    "jan(uary|uar|vier|eiro)?|ene(ro)?|feb(ruary|ruar|rero)?|f[eé]v(rier|ereiro)?|mar(ch|s|zo|ço)?|märz?|mrz|"
    "apr(il)?|avr(il)?|abr(il)?|ma[iy]o?|jun[ie]?|juin|junio|junho|jul[iy]?|juil(let)?|julio|julho|aug(ust)?|"
    "ago(sto)?|ao[uû]t?|sept?(ember|embre|iembre)?|set(embro)?|o[ck]t(ober|obre|ubre)?|out(ubro)?|"
    "nov(ember|embre|iembre|embro)?|de[csz](ember|embre|embro)?|déc(embre)?|dic(iembre)?"
)
_MONTH = (
    rf"({_MONTHS})\.?[ _-]?'?(\d{{4}}|\d{{2}})|\d{{4}}[-/.]\d{{1,2}}([-/.]01)?|"
    r"\d{1,2}[-/.]\d{4}|\d{4}年\d{1,2}月"
)
_MONTH_FORMS = ("%b %Y", "%B %Y", "%b-%y", "%b %y", "%b-%Y", "%Y-%m", "%Y-%m-%d", "%Y/%m", "%m/%Y", "%Y年%m月")
_ACROSS = 3  # months in the header from which they run across
_AS_TEXT = "dtype=str, keep_default_na=False"
_LOUD = 0.01  # of the rows without a time, from which that is said loudly
_SHARED = 0.5  # of the smaller table's keys that stand in the other one
_WORDS_OF_TIME = re.compile(r"[\s_-]*(date|time|day|heure|hour|clock|datum|uhrzeit|zeit|日期|时间)[\s_-]*", re.I)


@dataclass(frozen=True, slots=True)
class Lost:
    """Rows that no period would hold, because the column that places records is empty in them."""

    column: str
    rows: int
    total: int
    confined: Confined | None

    def told(self) -> str:
        """Say how many rows count nowhere, and what they tell that no other row does."""
        more = f"; {self.confined.told(self.rows)}" if self.confined else ""
        have, count = ("has", "counts") if self.rows == 1 else ("have", "would count")
        loud = "CAREFUL: " * (self.confined is not None or self.rows >= _LOUD * self.total)
        return f"{loud}{self.rows:,} of {self.total:,} rows {have} no '{self.column}' and {count} in no goal{more}"


@dataclass(frozen=True, slots=True)
class Joined:
    """Two tables whose rows belong together by a key that is unique in both: the sentence, and lines of pandas."""

    told: str
    code: tuple[str, ...]


def lost_rows(
    engine: duckdb.DuckDBPyConnection, table: Found, columns: Sequence[Column], time: str | list[str] | None
) -> Lost | None:
    """Return the rows without the time by which records are placed, None where every row has one."""
    placed = next((c for c in columns if c.name == time), None)
    if placed is None or not placed.missing:
        return None
    text = table.columns[placed.name] == "VARCHAR"
    given = given_value(placed.name, [word for word, _ in placed.words]) if text else identifier(placed.name)
    counts = []
    for column in columns:
        if column.kind != "string" or len(column.values) < 2:
            continue
        value = given_value(column.name)
        found = engine.execute(
            f"SELECT v, count(*), count_if(t IS NULL) FROM (SELECT {value} AS v, {given} AS t "
            f"FROM {identifier(table.name)}) WHERE v IS NOT NULL GROUP BY v ORDER BY v"
        ).fetchall()
        counts += [Confined(column.name, *row) for row in found]
    return Lost(placed.name, placed.missing, placed.rows, most_confined(counts, placed.missing))


def clocks(columns: Sequence[Column]) -> tuple[tuple[Column, Column], ...]:
    """Return each column of times of the day with the column that holds its day."""
    days = [(place, column) for place, column in enumerate(columns) if column.kind == "date"]
    found = []
    for place, clock in enumerate(columns):
        if clock.clock and days:
            named = [one for one in days if _stem(one[1].name) == _stem(clock.name)]
            near = min(named or days, key=lambda one: (one[0] > place, abs(one[0] - place)))
            found.append((near[1], clock))
    return tuple(found)


def _stem(name: str) -> str:
    return _WORDS_OF_TIME.sub("", name).casefold()


def moment_name(day: Column, clock: Column) -> str:
    """Return a name for a day and its time of the day in one column."""
    stem = _WORDS_OF_TIME.sub(" ", day.name).strip()
    return stem if stem and stem not in (day.name, clock.name) else f"{day.name} {clock.name}"


def one_column(table: Found, day: Column, clock: Column) -> tuple[str, tuple[str, ...]]:
    """Say that a day and its time of the day belong into one column, and by which lines of pandas."""
    name = moment_name(day, clock)
    told = (
        f"'{day.name}' is a day and '{clock.name}' the time of that day: join them into one column, '{name}', or "
        "durations are in whole days"
    )
    form = f"{'%Y-%m-%d' if day.format == 'default' else day.format} {clock.clock}"
    both = f'(f[{_text(day.name)}] + " " + f[{_text(clock.name)}]).str.strip().replace("", None)'
    code = (
        f"f[{_text(name)}] = pd.to_datetime({both}, format={_text(form)})",
        f"f = f.drop(columns={_text([day.name, clock.name])})",
        _written(_joined(table)),
    )
    return told, _with_pandas(table, code)


def months_across(names: Sequence[str]) -> list[str]:
    """Return the columns that are named by months, where they are most of a table's.

    >>> months_across(["Indicator", "Jan 2024", "Feb 2024", "Mar 2024"])
    ['Jan 2024', 'Feb 2024', 'Mar 2024']
    """
    found = [name for name in names if re.fullmatch(_MONTH, name.strip(), re.I)]
    return found if len(found) >= _ACROSS and 2 * len(found) >= len(names) else []


def turned(table: Found, months: Sequence[str]) -> tuple[str, ...]:
    """Return lines of pandas that turn a table with months across into one with a row a month."""
    rest = [name for name in table.columns if name not in months]
    form = next((form for form in _MONTH_FORMS if all(_reads(form, month) for month in months)), None)
    when = f", format={_text(form)})" if form else ')  # where it fails, say format="…"'
    lines = [f'f = f.melt({_text(rest)}, var_name="month", value_name="value")']
    if len(rest) == 1:
        lines.append(f'f = f.pivot(index="month", columns={_text(rest[0])}, values="value").reset_index()')
    lines.append(f'f["month"] = pd.to_datetime(f["month"]{when}')
    return _with_pandas(table, (*lines, _written(f"{table.name}-turned.csv")))


def _reads(form: str, month: str) -> bool:
    with suppress(ValueError):
        datetime.strptime(month.strip(), form)  # noqa: DTZ007 - whether it reads is all that is asked
        return True
    return False


def joins(engine: duckdb.DuckDBPyConnection, proposals: Sequence[Proposal]) -> tuple[Joined, ...]:
    """Return the pairs of tables whose rows have the same unique key."""
    found = []
    for one, other in combinations([p for p in proposals if p.key], 2):
        if one.key != other.key or _common_keys(engine, one, other) < _SHARED:
            continue
        key = f"'{one.key}'"
        told = (
            f"{one.table.path} and {other.table.path} have the key {key} in common, which is unique in both: evalkit "
            "reads one table a source, so what is asked of both together needs them joined into one file first"
        )
        if between := _between(one, other):
            told += f"; a time from '{between[0]}' to '{between[1]}' could then be measured"
        found.append(Joined(told, _join_code(one, other)))
    return tuple(found)


def _common_keys(engine: duckdb.DuckDBPyConnection, one: Proposal, other: Proposal) -> float:
    """Return which share of the smaller table's keys stands in the other one."""
    first, second = (
        f"SELECT {identifier(p.key or '')}::VARCHAR AS k FROM {identifier(p.table.name)}" for p in (one, other)
    )
    (common,) = engine.execute(f"SELECT count(*) FROM ({first}) JOIN ({second}) USING (k)").fetchall()[0]
    return float(common) / max(1, min(one.columns[0].rows, other.columns[0].rows))


def _moments(proposal: Proposal) -> list[tuple[str, str]]:
    """Return when each column of times that has any begins, with its name once a day and its time are joined."""
    joined = {day.name: moment_name(day, clock) for day, clock in clocks(proposal.columns)}
    return [(c.low, joined.get(c.name, c.name)) for c in proposal.columns if c.moment and c.low]


def _between(one: Proposal, other: Proposal) -> tuple[str, str] | None:
    """Return a time of either table, the earlier first, for a duration between them."""
    first, second = _moments(one), _moments(other)
    if not first or not second:
        return None
    (_, earlier), (_, later) = sorted((first[0], second[0]))
    return earlier, later


def _join_code(one: Proposal, other: Proposal) -> tuple[str, ...]:
    if not one.table.read or not other.table.read:
        return ()
    file = f"{one.table.name}-and-{other.table.name}.csv"
    merged = f'a.merge(b, on={_text(one.key)}, how="outer", validate="one_to_one")'
    return (
        "import pandas as pd",
        *(f"{name} = {_read_joined(p)}" for name, p in (("a", one), ("b", other))),
        f"{merged}.to_csv({_text(file)}, index=False)",
    )


def _read_joined(proposal: Proposal) -> str:
    """Return how pandas reads a table, with its days and times in one column if they were joined before."""
    table = proposal.table
    return f"pd.read_csv({_text(_joined(table))}, {_AS_TEXT})" if clocks(proposal.columns) else table.read


def _joined(table: Found) -> str:
    return f"{table.name}-joined.csv"


def pandas_reading(form: Form) -> str:
    """Return the expression by which pandas reads a file, its values as they stand."""
    shown = _text(near(form.path))
    if form.path.suffix.lower() in PARQUET:
        return f"pd.read_parquet({shown})"
    marks = f", sep={_text(form.delimiter)}" * (form.delimiter != ",")
    marks += f", encoding={_text(form.encoding)}" * (form.encoding not in ("ascii", "utf-8"))
    return f"pd.read_csv({shown}{marks}, {_AS_TEXT})"


def near(path: Path) -> str:
    """Return a path as seen from here, where it lies below."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _with_pandas(table: Found, lines: Sequence[str]) -> tuple[str, ...]:
    return ("import pandas as pd", f"f = {table.read}", *lines) if table.read else ()


def _written(file: str) -> str:
    return f"f.to_csv({_text(file)}, index=False)"


def _text(value: object) -> str:
    """Return a value as Python writes it, in double quotes."""
    return json.dumps(value, ensure_ascii=False)
