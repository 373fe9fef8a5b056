"""What the columns of a table are: type and format of their values, missing ones, whether they could be a key."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from evalkit.records.ingest import identifier, literal
from evalkit.records.text import may_mean_missing
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
_CLOCKS = ("%H:%M:%S", "%H:%M", "%I:%M:%S %p", "%I:%M %p", "%Hh%M", "%H.%M")
_ALONE = (*_CLOCKS[:-1], "%I:%M%p")  # 13.09 alone is a number
_SHAPES_LISTED = 200  # of a column with more every form is tried
_DAY_FIRST = r"9{1,4}[/.-]9{1,2}[/.-](9{4}|99)|9{1,2}[ .-]{1,2}[^\W\d_]{3,10}[ .,-]{1,2}(9{4}|99)"
_LIKE_DATES = rf"({_DAY_FIRST}|[^\W\d_]{{3,10}}[ .-]{{1,2}}9{{1,2}}[ .,-]{{1,2}}9{{4}})(\.?[T ,]+\D{{0,3}}9.*)?"
_WORDS, _WORDY = 3, 0.2  # different texts that may all mean there is no value, and in which share of rows at most
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
    words : the texts among `missing_texts` that stand where the others have a value of the type, and in how many rows.
    shape : what most texts look like that could be dates but are read by no form, digits as 9; None of other texts.
    clock : the form of texts that are times of the day without a date.
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
    words: tuple[tuple[str, int], ...] = ()
    shape: str = ""
    clock: str = ""

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
    able = {name: _able(engine, rows, name) for name, given in table.columns.items() if _own(given) is None}
    point = _decimal_mark(able.values(), table.delimiter)
    return tuple(
        _column(engine, rows, name, _own(given), _chosen(able[name], point) if name in able else None)
        for name, given in table.columns.items()
    )


def _own(given: str) -> str | None:
    """Return the kind of an engine's type, None where values are text."""
    return next((kind for pattern, kind in _ENGINE_TYPES if re.match(pattern, given)), None)


def given_value(name: str, words: Sequence[str] = ()) -> str:
    """Return the SQL of a column's value, NULL where a text stands for none; `words` are more such texts."""
    text = f"trim({identifier(name)})"
    return f"CASE WHEN {text} IN ({_listed((*MISSING, *words))}) THEN NULL ELSE {text} END"


def _listed(texts: Sequence[str]) -> str:
    return ", ".join(literal(text) for text in texts)


def _column(engine: duckdb.DuckDBPyConnection, rows: str, name: str, own: str | None, best: Column | None) -> Column:
    column = identifier(name)
    if best is None:
        return _described(engine, rows, column, Column(name=name, kind=own or "string", rows=0, missing=0), ())
    words = [text for text, _ in best.words]
    texts = engine.execute(
        f"SELECT DISTINCT trim({column}) {rows} WHERE trim({column}) IN ({_listed((*MISSING, *words))}) ORDER BY 1"
    ).fetchall()
    missing = tuple(text for (text,) in texts if text)
    value = given_value(name, words)
    return _described(engine, rows, parsed_as(value, best), best, missing, raw=value)


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


def _able(engine: duckdb.DuckDBPyConnection, rows: str, name: str) -> list[Column]:
    """Return the first type that reads (nearly) all values, in every form that does; text where none does."""
    value = given_value(name)
    shapes = _shapes(engine, rows, value)
    candidates = [c for c in _candidates(name) if not c.moment or shapes is None or _reads_some(c, shapes)]
    counted = ", ".join(f"count({parsed_as('v', candidate)})" for candidate in candidates)
    total, padded, *read = engine.execute(
        f"SELECT count(v), count_if(regexp_matches(v, '^0\\d')), {counted} FROM (SELECT {value} AS v {rows})"
    ).fetchall()[0]
    valued = list(zip(candidates, read, strict=True))
    if padded:  # 007 is a label
        valued = [(c, n) for c, n in valued if c.kind not in ("integer", "number")]
    words = _no_values(engine, rows, value, valued, total)
    for least in (1.0, MOSTLY) if total else ():
        able = [(replace(c, words=words), n) for c, n in valued if n >= least * (total - sum(n for _, n in words))]
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
    return [replace(candidates[-1], shape=_unread(shapes or {}), clock=_clock(shapes or {}))]


def _shapes(engine: duckdb.DuckDBPyConnection, rows: str, value: str) -> dict[str, int] | None:
    """Return how often a column's texts have each shape, digits as 9; None where they have many."""
    shape = f"regexp_replace({value}, '[0-9]', '9', 'g')"
    found = engine.execute(
        f"SELECT s, count(*) FROM (SELECT {shape} AS s {rows}) WHERE s IS NOT NULL GROUP BY s ORDER BY 2 DESC, 1 "
        f"LIMIT {_SHAPES_LISTED + 1}"
    ).fetchall()
    return dict(found) if len(found) <= _SHAPES_LISTED else None


def _reads_some(column: Column, shapes: Iterable[str]) -> bool:
    """Return whether a date's form could read any of the shapes; those that cannot need not be tried on every row."""
    pattern = re.compile(_pattern(column))
    return any(pattern.fullmatch(shape) for shape in shapes)


def _unread(shapes: dict[str, int]) -> str:
    """Return the commonest shape of texts that look like dates, their words as letters; '' of other texts."""
    alike = [shape for shape in shapes if re.fullmatch(_LIKE_DATES, shape)]
    if not alike or sum(shapes[shape] for shape in alike) < MOSTLY * sum(shapes.values()):
        return ""
    return re.sub(r"[^\W\d_]{3,}", "abc", alike[0])[:40]


def _clock(shapes: dict[str, int]) -> str:
    """Return the form of texts that are times of the day alone, '' of others."""
    patterns = {clock: _shape_of(clock) for clock in _ALONE}
    read = {clock: sum(n for s, n in shapes.items() if re.fullmatch(one, s)) for clock, one in patterns.items()}
    best = max(read, key=lambda clock: read[clock])
    return best if shapes and read[best] >= MOSTLY * sum(shapes.values()) else ""


def _no_values(
    engine: duckdb.DuckDBPyConnection, rows: str, value: str, read: Sequence[tuple[Column, int]], total: int
) -> tuple[tuple[str, int], ...]:
    """Return the few short words that stand where the other texts are numbers or dates, each with its rows.

    Whole numbers may be labels, and a word among them another one: there only where it is rare.
    """
    typed = [(c, n) for c, n in read if c.kind in ("integer", "number", "date", "datetime")]
    best, most = max(typed, key=lambda one: one[1], default=(None, 0))
    least = MOSTLY if best and best.kind == "integer" else 1 - _WORDY
    if best is None or most == total or not most >= least * total:
        return ()
    found = engine.execute(
        f"SELECT v, count(*) FROM (SELECT {value} AS v {rows}) WHERE v IS NOT NULL AND {parsed_as('v', best)} IS NULL "
        f"GROUP BY v ORDER BY 2 DESC, 1 LIMIT {_WORDS + 1}"
    ).fetchall()
    return tuple(found) if len(found) <= _WORDS and all(may_mean_missing(*one) for one in found) else ()


def _candidates(name: str) -> list[Column]:
    def column(kind: str, format: str = "default", decimal: str = ".", group: str = "") -> Column:
        return Column(name=name, kind=kind, format=format, decimal=decimal, group=group, rows=0, missing=0)

    numbers = [column("number", decimal=d, group=g) for d, g in ((".", ""), (",", ""), (".", ","), (",", "."))]
    times = [column("datetime")] + [column("datetime", f"{day} {clock}") for day in _DATES for clock in _CLOCKS]
    dates = [column("date")] + [column("date", day) for day in (*_DATES, *_OF_MONTHS)]
    return [column("boolean"), column("integer"), *numbers, *dates, *times, column("string")]


def _shape_of(form: str) -> str:
    return re.sub(r"%\w", lambda part: _SHAPES.get(part[0], r"\d{1,2}"), form.replace(".", r"\."))


def _pattern(column: Column) -> str:
    """Return what texts look like that a date or datetime column reads."""
    if column.format != "default":
        return _shape_of(column.format)
    return _ISO_DATE if column.kind == "date" else f"({_ISO_DATE}|{_ISO_TIME})"


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
            read = f"TRY_CAST(try_strptime({value}, {literal(column.format)}) AS {kind})"
        else:
            read = f"TRY_CAST(replace({value}, ',', '.') AS {kind})"
        return f"CASE WHEN regexp_full_match({value}, {literal(_pattern(column))}) THEN {read} END"
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
