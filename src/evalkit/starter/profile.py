"""What the columns of a table are: type and format of their values, missing ones, whether they could be a key."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from evalkit.records.ingest import identifier, literal
from evalkit.starter.tables import Found

if TYPE_CHECKING:
    import duckdb

MISSING = (
    *("", "NA", "N/A", "n/a", "N.A.", "n.a.", "n. a.", "k.A.", "k. A.", "k.a.", "NULL", "null", "None", "NaN", "nan"),
    *("-", "--", "–", "—", "#N/A", "?"),
)
MOSTLY = 0.97  # values of a type; the rest would be rejected, of which a source bears 5 %
_DWARFS = 50  # times the 99th percentile: a largest value that may be impossible
FEW = 20  # values of which a column has so few are listed
_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
_ISO_DATE = r"\d{4}-\d{2}-\d{2}"
_ISO_TIME = _ISO_DATE + r"[T ]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?\s?(Z|[+-]\d{2}(:?\d{2})?)?"
_DATES = (
    *("%Y/%m/%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y.%m.%d", "%Y年%m月%d日"),
    *("%d.%m.%y", "%d/%m/%y", "%m/%d/%y"),
)
_OF_MONTHS = ("%Y-%m", "%Y/%m", "%Y.%m", "%m/%Y", "%m-%Y", "%Y年%m月")
_SHAPES = {"%Y": r"\d{4}", "%p": "[AaPp][Mm]"}  # the engine would read the year 23 by %Y
_CLOCKS = ("%H:%M:%S", "%H:%M", "%I:%M:%S %p", "%I:%M %p")
_ENGINE_TYPES = (
    (r"TIMESTAMP", "datetime"),
    (r"DATE", "date"),
    (r"BOOLEAN", "boolean"),
    (r"(U?(TINY|SMALL|BIG|HUGE)?INT|U?INTEGER)", "integer"),
    (r"(FLOAT|DOUBLE|DECIMAL|REAL)", "number"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column.

    Attributes
    ----------
    kind : a field's type; `format`, `decimal`, `group` as the field would declare them.
    rows, missing, odd : number of rows, of those without a value, and with one that is not of the type.
    distinct : number of different values; `values` lists them where they are few.
    missing_texts : texts beside the empty one that stand for no value.
    ambiguous : another format, of dates or numbers, that reads every value too.
    low, high : smallest and largest value, as text; of dates, days.
    negative : number of values below zero.
    usual : the 99th percentile, of numbers.
    """

    name: str
    kind: str
    format: str = "default"
    decimal: str = "."
    group: str = ""
    rows: int
    missing: int
    odd: int = 0
    distinct: int = 0
    values: tuple[str, ...] = ()
    missing_texts: tuple[str, ...] = ()
    ambiguous: str | None = None
    low: str = ""
    high: str = ""
    negative: int = 0
    usual: float | None = None

    @property
    def dwarfs(self) -> bool:
        """Whether the largest value is beyond what nearly all others let expect."""
        return self.usual is not None and self.usual > 0 and float(self.high) > _DWARFS * self.usual

    @property
    def unique(self) -> bool:
        """Whether every row has a value of its own."""
        return self.rows > 1 and self.distinct == self.rows and not self.missing

    @property
    def days(self) -> tuple[date, date]:
        """The first and the last day of a date or datetime column."""
        return date.fromisoformat(self.low[:10]), date.fromisoformat(self.high[:10])

    @property
    def moment(self) -> bool:
        return self.kind in ("date", "datetime")


def profile(engine: duckdb.DuckDBPyConnection, table: Found) -> tuple[Column, ...]:
    """Return what each column is, by whole-table queries."""
    rows = f"FROM {identifier(table.name)}"
    able = {
        name: _able(engine, rows, given_value(name), name)
        for name, given in table.columns.items()
        if _own(given) is None
    }
    point = _decimal_mark(able.values(), table.delimiter)
    return tuple(
        _column(engine, rows, name, _own(given), _chosen(able[name], point) if name in able else None)
        for name, given in table.columns.items()
    )


def _own(given: str) -> str | None:
    """Return the kind of an engine's type, None where values are text."""
    return next((kind for pattern, kind in _ENGINE_TYPES if re.match(pattern, given)), None)


def given_value(name: str) -> str:
    """Return the SQL of a column's value, NULL where a text stands for none."""
    text = f"trim({identifier(name)})"
    return f"CASE WHEN {text} IN ({_listed_missing()}) THEN NULL ELSE {text} END"


def _listed_missing() -> str:
    return ", ".join(literal(text) for text in MISSING)


def _column(engine: duckdb.DuckDBPyConnection, rows: str, name: str, own: str | None, best: Column | None) -> Column:
    column = identifier(name)
    if best is None:
        return _described(engine, rows, column, Column(name=name, kind=own or "string", rows=0, missing=0), ())
    texts = engine.execute(
        f"SELECT DISTINCT trim({column}) {rows} WHERE trim({column}) IN ({_listed_missing()}) ORDER BY 1"
    ).fetchall()
    missing = tuple(text for (text,) in texts if text)
    return _described(engine, rows, parsed_as(given_value(name), best), best, missing, raw=given_value(name))


def _decimal_mark(columns: Iterable[Sequence[Column]], delimiter: str) -> str:
    """Return the decimal mark of a file: that of its numbers which can be read in one way only, else by its delimiter.

    A list that is separated by semicolons is so because the comma is taken.
    """
    plain = {able[0].decimal for able in columns if len(able) == 1 and able[0].kind == "number"}
    return plain.pop() if len(plain) == 1 else "," if delimiter == ";" else "."


def _chosen(able: Sequence[Column], point: str) -> Column:
    """Return the reading of a column among those that fit; of numbers the one with the file's decimal mark."""
    first, *others = sorted(able, key=lambda c: c.kind == "number" and c.decimal != point)
    if not others:
        return first
    other = others[0]
    if first.kind != "number":
        return replace(first, ambiguous=other.format)
    mark = f"groupChar '{other.group}'" if other.group else f"decimalChar '{other.decimal}'"
    return replace(first, ambiguous=f"a number with {mark}")


def _able(engine: duckdb.DuckDBPyConnection, rows: str, value: str, name: str) -> list[Column]:
    """Return the first type that reads (nearly) all values, in every form that does; text where none does."""
    candidates = list(_candidates(name))
    counted = ", ".join(f"count({parsed_as('v', candidate)})" for candidate in candidates)
    total, padded, *read = engine.execute(
        f"SELECT count(v), count_if(regexp_matches(v, '^0\\d')), {counted} FROM (SELECT {value} AS v {rows})"
    ).fetchall()[0]
    for least in (1.0, MOSTLY) if total else ():
        able = [(c, n) for c, n in zip(candidates, read, strict=True) if n >= least * total]
        if padded:  # 007 is a label
            able = [(c, n) for c, n in able if c.kind not in ("integer", "number")]
        numbers = [(c, n) for c, n in able if c.kind in ("integer", "number")]
        first, most = max(numbers, key=lambda one: one[1]) if able[0] in numbers else able[0]
        if first.kind == "number":  # without marks of thousands where it has none
            best = [c for c, n in numbers if n == most]
            bare = [c.decimal for c in best if not c.group]
            return [c for c in best if not c.group or c.decimal not in bare]
        if first.kind != "string":
            return [first] + [
                c for c, _ in able[1:] if c.kind == first.kind and "default" not in (c.format, first.format)
            ]
    return candidates[-1:]


def _candidates(name: str) -> list[Column]:
    def column(kind: str, format: str = "default", decimal: str = ".", group: str = "") -> Column:
        return Column(name=name, kind=kind, format=format, decimal=decimal, group=group, rows=0, missing=0)

    numbers = [column("number", decimal=d, group=g) for d, g in ((".", ""), (",", ""), (".", ","), (",", "."))]
    times = [column("datetime")] + [column("datetime", f"{day} {clock}") for day in _DATES for clock in _CLOCKS]
    dates = [column("date")] + [column("date", day) for day in (*_DATES, *_OF_MONTHS)]
    return [column("boolean"), column("integer"), *numbers, *dates, *times, column("string")]


def parsed_as(value: str, column: Column) -> str:
    """Return the SQL of a value in a column's type, NULL where it is none."""
    if column.kind == "boolean":
        return f"CASE WHEN {value} IN ('true', 'True', 'TRUE', 'false', 'False', 'FALSE') THEN lower({value}) END"
    if column.kind == "integer":
        return f"CASE WHEN regexp_full_match({value}, '[+-]?\\d+') THEN TRY_CAST({value} AS BIGINT) END"
    if column.kind == "number":
        text, pattern = value, _NUMBER
        if column.group:  # only where it groups by three, so that 1.5 is not 15
            mark, point = re.escape(column.group), re.escape(column.decimal)
            pattern = rf"[+-]?(\d+|[1-9]\d{{0,2}}({mark}\d{{3}})+)({point}\d+)?"
        elif column.decimal != ".":
            pattern = _NUMBER.replace(r"\.", ",")
        plain = f"replace(replace({text}, {literal(column.group or chr(2))}, ''), {literal(column.decimal)}, '.')"
        return f"CASE WHEN regexp_full_match({text}, {literal(pattern)}) THEN TRY_CAST({plain} AS DOUBLE) END"
    if column.moment:
        kind = "DATE" if column.kind == "date" else "TIMESTAMP"
        if column.format != "default":
            shape = re.sub(r"%\w", lambda part: _SHAPES.get(part[0], r"\d{1,2}"), column.format.replace(".", r"\."))
            read = f"TRY_CAST(try_strptime({value}, {literal(column.format)}) AS {kind})"
            return f"CASE WHEN regexp_full_match({value}, {literal(shape)}) THEN {read} END"
        pattern = _ISO_DATE if column.kind == "date" else f"({_ISO_DATE}|{_ISO_TIME})"
        moment = f"replace({value}, ',', '.')"
        return f"CASE WHEN regexp_full_match({value}, {literal(pattern)}) THEN TRY_CAST({moment} AS {kind}) END"
    return value


def _described(
    engine: duckdb.DuckDBPyConnection, rows: str, parsed: str, kind: Column, missing: tuple[str, ...], raw: str = ""
) -> Column:
    negative = "count_if(p < 0)" if kind.kind in ("integer", "number") else "0"
    usual = "quantile_cont(p::DOUBLE, 0.99)" if kind.kind in ("integer", "number") else "NULL"
    total, given, read, distinct, low, high, below, most = engine.execute(
        f"SELECT count(*), count(r), count(p), count(DISTINCT p), min(p)::VARCHAR, max(p)::VARCHAR, {negative}, "
        f"{usual} FROM (SELECT {parsed} AS p, {raw or parsed} AS r {rows})"
    ).fetchall()[0]
    values: tuple[str, ...] = ()
    if distinct <= FEW:
        found = engine.execute(f"SELECT DISTINCT p::VARCHAR FROM (SELECT {parsed} AS p {rows}) WHERE p IS NOT NULL")
        values = tuple(sorted(text for (text,) in found.fetchall()))
    return replace(
        kind,
        rows=total,
        missing=total - given,
        odd=given - read,
        distinct=distinct,
        values=values,
        missing_texts=missing,
        low=low or "",
        high=high or "",
        negative=below,
        usual=most,
    )
