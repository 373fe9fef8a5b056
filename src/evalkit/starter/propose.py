"""Which column places a record in time, which is its key, and what could be measured; targets are never invented."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

from evalkit.errors import ParameterError, nearest
from evalkit.records.ingest import identifier, literal
from evalkit.starter.hints import Lost, lost_rows, months_across
from evalkit.starter.profile import Column, given_value, parsed_as
from evalkit.starter.tables import MARK, Found

if TYPE_CHECKING:
    import duckdb

_TOTAL = r"(grand |sub)?totals?|(gesamt|zwischen)?summen?|(ins)?gesamt|sum|合计|总计|小计|總計|合計"
_KEY = re.compile(r"(^|[_ ])((id|no|nr|number|key|uuid|ref)\.?)$|编号|单号|序号|流水号|^id", re.IGNORECASE)
_BEGIN = re.compile(r"start|begin|open|receiv|creat|report|submit|order|arriv|occur|respond|受理|开始|提交|发生", re.I)
_WHEN = re.compile(r"date|day|time|when|month|week|quarter|period|_at$|datum|tag|zeit|日期|时间|月|日$", re.I)
_CLUSTER = re.compile(
    r"branch|office|site|store|shop|team|clinic|hospital|ward|plant|region|unit|agent|网点|支行|分行|区域|门店|工厂",
    re.I,
)
_NO_VALUE = re.compile(r"(^|[_ ])(year|month|day|code|zip|postcode|phone|weight)$|年|月|电话|邮编", re.IGNORECASE)
_YES = ("true", "yes", "y", "1", "ok", "pass", "passed", "success", "answered", "on time", "resolved", "是", "已答复")
_OUTCOME = re.compile(r"outcome|result|disposition|resolution|resolved|verdict|status|closed|结果|结局|状态", re.I)
_AMOUNT = re.compile(
    r"score|rating|satisf|stars?$|points?$|count|number|total|sum|errors?$|falls|visits|nps|rate|note|分|数|量|满意",
    re.I,
)
_ORDERED, _REPEATED = 0.95, 0.02
_UNITS, _KINDS = range(5, 501), range(2, 13)  # values of a column whose records may move together; of one that is a mix
_SMALL, _DWARFED = 1000, 50  # largest count of events a row; how many times larger its exposure is
FORMS = (
    "{id}=-20% for a relative change, {id}=+0.2 for a difference in its own units ({id}=+5pp for one of a share), "
    "{id}>=0.9 or {id}<=48 for a level; a change has its sign"
)
_LONG = 58  # letters of an id, of 64 allowed: TIME and the number that tells two apart come after it
TIME = "TIME"  # stands for a time allowed that nobody has named yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """Something that could be measured: the id a target is set by, the study's `metric`, and which way may be good.

    `cluster` is a unit by its name; `units` and `mixes` are columns that could be a `cluster` or in `standardise_by`.
    """

    id: str
    source: str
    metric: dict[str, Any]
    told: str
    cluster: str | None = None
    units: tuple[str, ...] = ()
    mixes: tuple[str, ...] = ()


Promise = tuple[Metric, dict[str, float], str]  # with the target as the study file has it, and which way is good


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearly:
    """A column that would be a key but for rows that lack a value of its kind, or repeat another row's.

    `lacking_row` and `repeating_row` are the numbers of the first such rows, None where rows have no number.
    """

    name: str
    lacking: int
    repeating: int
    lacking_row: int | None
    repeating_row: int | None


@dataclass(frozen=True, slots=True)
class Sums:
    """Rows that look like totals of the other rows: how many, the number of the first, and by what they are told."""

    rows: int
    row: int | None
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One source as proposed; `time` is None where nothing places its records in time.

    `nearly` is a column that would be a key but for some rows. `totals` says that rows look like totals of many
    records, `sums` are rows that look like totals of the others, `lost` those that no period would hold.
    """

    table: Found
    columns: tuple[Column, ...]
    key: str | None
    time: str | list[str] | None
    metrics: tuple[Metric, ...]
    nearly: Nearly | None = None
    totals: bool = False
    sums: Sums | None = None
    lost: Lost | None = None


def propose(engine: duckdb.DuckDBPyConnection, table: Found, columns: tuple[Column, ...]) -> Proposal:
    """Return what a source could be."""
    keys = [c for c in columns if _may_be_key(c) and (_named(_KEY, c) or c is columns[0])]
    key = min((c for c in keys if c.unique), key=lambda c: not _named(_KEY, c), default=None)
    near = [c for c in keys if 0 < c.rows - c.distinct <= max(1, _REPEATED * c.rows)]
    time = _time(columns)
    exposed = _exposed(engine, table, columns, time)
    return Proposal(
        table=table,
        columns=columns,
        key=key.name if key else None,
        time=time,
        metrics=tuple(_metrics(engine, table, columns, key, time, exposed)) if time else (),
        nearly=_nearly(engine, table, near[0]) if near and key is None else None,
        totals=bool(exposed),
        sums=_sums(engine, table, columns),
        lost=lost_rows(engine, table, columns, time),
    )


def _nearly(engine: duckdb.DuckDBPyConnection, table: Found, column: Column) -> Nearly:
    rows = f"SELECT row_number() OVER () AS r, {_read(table, column)} AS v FROM {identifier(table.name)}"
    places = f"SELECT r, v, row_number() OVER (PARTITION BY v ORDER BY r) AS n FROM ({rows})"
    lacking, repeating, *firsts = engine.execute(
        "SELECT count_if(v IS NULL), count_if(v IS NOT NULL AND n > 1), min(r) FILTER (v IS NULL), "
        f"min(r) FILTER (v IS NOT NULL AND n > 1) FROM ({places})"
    ).fetchall()[0]
    lacking_row, repeating_row = (_number(table, place) for place in firsts)
    return Nearly(
        name=column.name,
        lacking=lacking,
        repeating=repeating,
        lacking_row=lacking_row,
        repeating_row=repeating_row,
    )


def _number(table: Found, place: int | None) -> int | None:
    return table.first_row + place - 1 if table.first_row is not None and place is not None else None


def _read(table: Found, column: Column) -> str:
    """Return the SQL of a column's values, NULL for those that are missing or not of its type."""
    text = table.columns[column.name] == "VARCHAR"
    return parsed_as(given_value(column.name), column) if text else identifier(column.name)


def _sums(engine: duckdb.DuckDBPyConnection, table: Found, columns: tuple[Column, ...]) -> Sums | None:
    """Return rows named as totals in the first column, or a last one without a date that holds the columns' sums."""
    first, rows = columns[0], f"FROM {identifier(table.name)}"
    if table.columns[first.name] == "VARCHAR":
        found = f"SELECT row_number() OVER () AS r, trim({identifier(first.name)}) AS v {rows}"
        number, place, word = engine.execute(
            f"SELECT count(*), min(r), min_by(v, r) FROM ({found}) WHERE regexp_full_match(v, {literal(_TOTAL)}, 'i')"
        ).fetchall()[0]
        if number:
            return Sums(number, _number(table, place), f"'{word}' in '{first.name}'")
    moments = [c for c in columns if c.moment and c.missing]
    numbers = [c for c in columns if c.kind in ("integer", "number") and c.distinct > 2]
    if not moments or not numbers or first.rows < 4 or table.files > 1 or table.total is not None:
        return None
    read = ", ".join(f"{_read(table, c)} AS {identifier(c.name)}" for c in (*moments, *numbers))
    last = f"SELECT *, row_number() OVER () = count(*) OVER () AS last FROM (SELECT {read} {rows})"
    undated = " AND ".join(f"bool_and({identifier(c.name)} IS NULL) FILTER (last)" for c in moments)
    sums = (
        f"(abs(sum({v}) FILTER (last) - sum({v}) FILTER (NOT last)) <= 1e-9 * sum(abs({v})) "
        f"AND sum({v}) FILTER (last) <> 0)"
        for v in (f"{identifier(c.name)}::DOUBLE" for c in numbers)
    )
    without, *equal = engine.execute(f"SELECT {undated}, {', '.join(sums)} FROM ({last})").fetchall()[0]
    summed = [c.name for c, same in zip(numbers, equal, strict=True) if same]
    if not without or not summed:
        return None
    return Sums(1, _number(table, first.rows), f"no date, and the sum of the others in '{summed[0]}'")


def _exposed(
    engine: duckdb.DuckDBPyConnection, table: Found, columns: tuple[Column, ...], time: str | list[str] | None
) -> list[tuple[Column, Column]]:
    """Return columns that count events, each with the exposure that dwarfs it, where rows look like totals.

    They do where no two rows share their time and all their groups, and there are several rows a time, or one a month.
    """
    times = time if isinstance(time, list) else [time]
    numbers = [c for c in columns if c.kind in ("integer", "number") and c.low and c.name not in times]
    numbers = [c for c in numbers if not _named(_KEY, c) and not _named(_NO_VALUE, c)]
    large = max((c for c in numbers if float(c.low) > 0), key=lambda c: float(c.high), default=None)
    if time is None or large is None:
        return []
    counts = [c for c in numbers if c.kind == "integer" and c.distinct > 1 and float(c.low) >= 0]
    counts = [c for c in counts if float(c.high) <= min(_SMALL, float(large.high) / _DWARFED)]
    groups = [c.name for c in columns if c.kind == "string" and 2 * c.distinct <= c.rows]
    moments, whole = (", ".join(map(identifier, names)) for names in (times, [*times, *groups]))
    rows, different, apart = engine.execute(
        f"SELECT count(*), count(DISTINCT row({moments})), count(DISTINCT row({whole})) FROM {identifier(table.name)}"
    ).fetchall()[0]
    monthly = isinstance(time, list) or any(
        c.name == time and rows <= (c.days[1] - c.days[0]).days / 27 + 1 for c in columns
    )
    return [(c, large) for c in counts] if apart == rows and (2 * different <= rows or monthly) else []


def _named(pattern: re.Pattern[str], column: Column) -> bool:
    return pattern.search(column.name) is not None


def _may_be_key(column: Column) -> bool:
    return column.kind in ("integer", "string")


def _time(columns: tuple[Column, ...]) -> str | list[str] | None:
    """Return the date or datetime that (nearly) every record has, by preference one that says when it began."""
    moments = [c for c in columns if c.moment and c.rows and (c.missing + c.odd) <= 0.05 * c.rows]
    if moments:
        return min(moments, key=lambda c: (not _named(_BEGIN, c), c.low)).name
    whole = {c.name.casefold(): c.name for c in columns if c.kind == "integer"}
    for year, month in (("year", "month"), ("年", "月"), ("jahr", "monat"), ("año", "mes")):
        if year in whole and month in whole:
            return [whole[year], whole[month]]
    return None


def untimed(proposal: Proposal) -> str:
    """Say why nothing places a table's records in time: which columns were looked at, and the mend."""
    if months := months_across(tuple(proposal.table.columns)):
        return (
            f"its months run across, '{months[0]}' to '{months[-1]}' in the header, where evalkit reads a row for each "
            "month: turn the table (pandas: melt) and name the new file"
        )
    dates = [c for c in proposal.columns if c.moment]
    shaped = [
        f"'{c.name}' looks like dates, {c.shape} with any digit for 9 (abc: a word)"
        for c in proposal.columns
        if c.shape
    ]
    texts = sorted((c for c in proposal.columns if c.kind == "string" and c.low), key=lambda c: not _named(_WHEN, c))
    looked = [f"'{c.name}' lacks a date in {c.missing + c.odd} of {c.rows} rows" for c in dates]
    if texts:
        more = f" and {len(texts) - 3} more" if len(texts) > 3 else ""
        # a value is shown of what is named like a time only: others may be names of people
        some = ", ".join(f"'{c.name}'" + f" (such as '{c.low[:30]}')" * _named(_WHEN, c) for c in texts[:3])
        looked.append(f"of the text columns none reads as dates: {some}{more}")
    if shaped:
        looked = [f"{', '.join(shaped)}, which no form that init knows reads"]
    told = "; ".join(looked) or f"it has {', '.join(c.name for c in proposal.columns)}, none of them dates or text"
    mend = "a view that has it as a date" if MARK in proposal.table.path else "the file with dates as 2025-03-31"
    return (
        f"no column says when a record was made: {told}. Make {mend}, or write the source by hand with the column as "
        "its `time` and the `format` of that field"
    )


def _metrics(
    engine: duckdb.DuckDBPyConnection,
    table: Found,
    columns: tuple[Column, ...],
    key: Column | None,
    time: str | list[str] | None,
    exposed: list[tuple[Column, Column]],
) -> Iterator[Metric]:
    source = table.name
    texts = sorted((c for c in columns if c.kind == "string" and c is not key), key=lambda c: c.distinct)
    units = [c for c in reversed(texts) if c.distinct in _UNITS and 2 * c.distinct <= c.rows]
    named = next((c.name for c in units if _named(_CLUSTER, c)), None)
    mixes = [c.name for c in (*texts, *_ranks(columns, key, exposed)) if _before_service(c)]

    def metric(id: str, told: str, not_by: str | None = None, **given: Any) -> Metric:
        return Metric(
            id=slug(id),
            source=source,
            metric=given,
            told=told,
            cluster=named,
            units=tuple(c.name for c in units if c.name != named),
            mixes=tuple(name for name in mixes if name not in (named, not_by)) if not_by != "" else (),
        )

    for count, large in exposed:
        told = f"{count.name} per {large.name}, of rows that look like totals"
        yield metric(f"{count.name}-per-{large.name}", told, kind="rate", events=count.name, exposure=large.name)
    moments = [c for c in columns if c.moment]
    for pair in combinations(moments, 2):
        ordered = _ordered(engine, table, pair)
        if ordered is None:
            continue
        first, last = ordered
        days = "date" in (first.kind, last.kind)
        value = {"from": first.name, "to": last.name, "unit": "days" if days else "hours"}
        yield metric(f"time-to-{last.name}", f"mean time from {first.name} to {last.name}", kind="mean", value=value)
        told = f"share with {last.name} within {TIME} (such as {'30d' if days else '8h'}) of {first.name}"
        success = {"column": last.name, "within": TIME, "of": first.name}
        within = metric(f"{last.name}-within-", told, kind="proportion", success=success)
        yield replace(within, id=f"{within.id}-{TIME}")
    for column in columns:
        timed = column.name in (time if isinstance(time, list) else [time])
        if column is key or timed or _named(_KEY, column) or _named(_NO_VALUE, column):
            continue
        if any(column in pair for pair in exposed):  # a mean of totals answers nothing
            continue
        if column.kind in ("integer", "number") and column.distinct > 2:
            told = f"mean of {column.name}"
            yield metric(f"mean-{column.name}", told, column.name, kind="mean", value=column.name)
        elif column.kind == "string" and column.distinct in _KINDS and column.distinct > 2 and _named(_OUTCOME, column):
            some, *others = column.values
            told = f"share of records whose {column.name} is {some}; or {', '.join(others)}"
            stands = {"column": column.name, "equals": some}
            yield metric(f"share-{column.name}", told, column.name, kind="proportion", success=stands)
        elif column.distinct == 2 and column.kind in ("string", "boolean", "integer"):
            hit: Any = next((v for v in column.values if v.casefold() in _YES), column.values[-1])
            equals = {"true": True, "false": False}[hit] if column.kind == "boolean" else hit
            equals = int(hit) if column.kind == "integer" else equals
            told = f"share of records whose {column.name} is {hit}"
            equal = {"column": column.name, "equals": equals}
            yield metric(f"share-{column.name}", told, column.name, kind="proportion", success=equal)
    if not exposed:
        told = f"records of {source} per calendar day"
        yield metric(f"{source}-per-day", told, "", kind="rate", exposure="calendar-days")


def _ranks(columns: tuple[Column, ...], key: Column | None, exposed: list[tuple[Column, Column]]) -> list[Column]:
    """Return whole numbers that are kinds rather than amounts, such as levels of urgency."""
    found = [c for c in columns if c.kind == "integer" and c is not key and c.distinct > 2 and c.low[:1] != "-"]
    found = [
        c for c in found if 2 * c.distinct <= c.rows and not any(_named(one, c) for one in (_KEY, _NO_VALUE, _AMOUNT))
    ]
    return [] if exposed else found


def _before_service(column: Column) -> bool:
    """Return whether a column's values could be kinds that are known before service, and so held at their mix."""
    yes = column.kind == "string" and any(value.casefold() in _YES for value in column.values)
    return column.distinct in _KINDS and not yes and not _named(_OUTCOME, column)


def _ordered(
    engine: duckdb.DuckDBPyConnection, table: Found, pair: tuple[Column, Column]
) -> tuple[Column, Column] | None:
    """Return the two columns in the order of their times, None where neither is always first."""
    a, b = (_read(table, c) for c in pair)
    both, rising, falling = engine.execute(
        f"SELECT count(*), count_if(b >= a), count_if(b <= a) FROM (SELECT ({a})::TIMESTAMP AS a, "
        f"({b})::TIMESTAMP AS b FROM {identifier(table.name)}) WHERE a IS NOT NULL AND b IS NOT NULL"
    ).fetchall()[0]
    if not both or max(rising, falling) < _ORDERED * both or rising == falling:
        return None
    return pair if rising > falling else (pair[1], pair[0])


def slug(text: str) -> str:
    """Return the text as an id of the study file; of a long one, such as a whole question, both ends.

    >>> slug("Mean Score (1-10)")
    'mean-score-1-10'
    >>> slug("mean-Thinking of your last visit, how satisfied were you with the person who served you?")
    'mean-thinking-of-your-last-visit-how-person-who-served-you'
    """
    plain = re.sub(r"[^\w]+", "-", _plain(text).casefold(), flags=re.UNICODE).strip("-_")
    if len(plain) > _LONG:
        head, tail = plain[: _LONG - 21], plain[-22:]
        plain = f"{head.rpartition('-')[0] or head[:-1]}-{tail.partition('-')[2] or tail[1:]}"
    return plain if re.match(r"[^\W\d]", plain) else f"x-{plain}"


def _plain(text: str) -> str:
    """Return the text with plain signs in place of full-width ones, and of the minus and bounds of typesetters.

    >>> _plain("满意度＝−２０％")
    '满意度=-20%'
    """
    text = unicodedata.normalize("NFKC", text)
    for mark, plain in (("−", "-"), ("–", "-"), ("≥", ">="), ("≤", "<=")):
        text = text.replace(mark, plain)
    return text


def asked(metric: Metric, answer: str) -> str:
    """Return an answer (`-20%`, `>=0.9`; `8h>=0.9` where a time is to be named) as a target of the metric."""
    answer = _plain(answer).strip()
    time = re.match(r"\d+[hd](?=\s*[<>=])", answer)
    rest = answer[time.end() if time else 0 :].lstrip()
    return f"{metric.id.replace(TIME, time[0] if time else TIME)}{'' if rest[:1] in '<>=' else '='}{rest}"


def target_of(given: str, metrics: Sequence[Metric]) -> Promise:
    """Return a metric, its target and which way is good, from `ID=-20%`, `ID=+0.2`, `ID=+5pp` or `ID>=0.9`.

    A signed number without % is a difference in the metric's own units, `pp` one of percentage points. Raises
    ParameterError.

    >>> within = {"kind": "proportion", "success": {"within": TIME}}
    >>> closed = Metric(id="closed-within-TIME", source="s", metric=within, told="within TIME (such as 8h)")
    >>> metric, target, better = target_of("closed-within-8h>=0.9", [closed])
    >>> metric.id, metric.metric["success"], metric.told, target, better
    ('closed-within-8h', {'within': '8h'}, 'within 8h', {'level': 0.9}, 'higher')
    """
    known = ", ".join(metric.id for metric in metrics)
    match = re.fullmatch(r"\s*([^=<>]+?)\s*(=|>=|<=)\s*([+-]?(?:\d+(?:\.\d+)?|\.\d+))\s*(%|pp|)\s*", _plain(given))
    if match is None:
        raise ParameterError(f"--target '{given}': expected {FORMS.format(id='ID')}; ID is one of {known}.")
    name, sign, number, unit = match.groups()
    metric = next((found for one in metrics if (found := _called(one, name))), None)
    if metric is None:
        close = nearest(name, [one.id for one in metrics])
        raise ParameterError(f"--target '{given}': nothing is called '{name}' here; there are {known}.{close}")
    if TIME in metric.id:
        raise ParameterError(f"--target '{given}': write the time allowed for {TIME}, such as 8h or 30d.")
    kind, value = metric.metric["kind"], round(float(number) / (100 if unit else 1), 12)
    share = kind == "proportion"
    if sign != "=" and unit != "pp":
        return metric, {"level": value}, "higher" if sign == ">=" else "lower"
    if (
        sign != "="
        or not value
        or number[0] not in "+-"
        or (unit == "pp" and not share)
        or (not unit and kind == "rate")
    ):
        only = "; of a rate a change is given in percent, and pp (percentage points) are of shares"
        raise ParameterError(f"--target '{given}': expected {FORMS.format(id=name)}{only}.")
    if share and abs(value) >= 1 and unit != "%":
        change = f"{name}={float(number):+g}"
        raise ParameterError(
            f"--target '{given}': a share is at most 1, so its difference is less; write {change}pp for percentage "
            f"points, {change}% for a relative change."
        )
    key = "relative_change" if unit == "%" else "difference"
    return metric, {key: value}, "higher" if value > 0 else "lower"


def _called(metric: Metric, name: str) -> Metric | None:
    """Return the metric if that is its name, with the time that the name holds."""
    if name == metric.id:
        return metric
    head, placeholder, tail = metric.id.partition(TIME)
    found = placeholder and re.fullmatch(rf"{re.escape(head)}(\d+[hd]){re.escape(tail)}", name)
    if not found:
        return None
    success = {**metric.metric["success"], "within": found[1]}
    told = re.sub(rf"{TIME} \(such as \w+\)", found[1], metric.told)
    return replace(metric, id=name, metric={**metric.metric, "success": success}, told=told)
