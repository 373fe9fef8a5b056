"""Which column places a record in time, which is its key, and what could be measured; targets are never invented."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from evalkit.errors import ParameterError, nearest
from evalkit.records.ingest import identifier
from evalkit.starter.profile import Column, _parsed
from evalkit.starter.tables import Found

if TYPE_CHECKING:
    import duckdb

_KEY = re.compile(r"(^|[_ ])(id|no|nr|number|key|uuid|ref)$|编号|单号|序号|^id", re.IGNORECASE)
_BEGIN = re.compile(r"start|begin|open|receiv|creat|report|submit|order|arriv|occur|respond|受理|开始|提交|发生", re.I)
_CLUSTER = re.compile(r"branch|office|site|store|shop|team|clinic|hospital|region|unit|agent|网点|支行|分行|区域", re.I)
_NO_VALUE = re.compile(r"(^|[_ ])(year|month|day|code|zip|postcode|phone|weight)$|年|月|电话|邮编", re.IGNORECASE)
_YES = ("true", "yes", "y", "1", "ok", "pass", "passed", "success", "answered", "on time", "resolved", "是", "已答复")
_ORDERED = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """Something that could be measured: the id a target is set by, the study's `metric`, and which way may be good."""

    id: str
    source: str
    metric: dict[str, Any]
    told: str
    cluster: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One source as proposed; `time` is None where nothing places its records in time."""

    table: Found
    columns: tuple[Column, ...]
    key: str | None
    time: str | list[str] | None
    metrics: tuple[Metric, ...]


def propose(engine: duckdb.DuckDBPyConnection, table: Found, columns: tuple[Column, ...]) -> Proposal:
    """Return what a source could be."""
    key = next(
        iter(sorted((c for c in columns if c.unique and _may_be_key(c)), key=lambda c: not _named(_KEY, c))), None
    )
    if key is not None and not _named(_KEY, key) and key is not columns[0]:
        key = None
    time = _time(columns)
    cluster = next((c.name for c in columns if c.kind == "string" and c.distinct >= 2 and _named(_CLUSTER, c)), None)
    metrics = tuple(_metrics(engine, table, columns, key, time, cluster)) if time else ()
    return Proposal(table=table, columns=columns, key=key.name if key else None, time=time, metrics=metrics)


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


def _metrics(
    engine: duckdb.DuckDBPyConnection,
    table: Found,
    columns: tuple[Column, ...],
    key: Column | None,
    time: str | list[str] | None,
    cluster: str | None,
) -> Iterator[Metric]:
    source = table.name

    def metric(id: str, told: str, **given: Any) -> Metric:
        return Metric(id=slug(id), source=source, metric=given, told=told, cluster=cluster)

    moments = [c for c in columns if c.moment]
    for pair in combinations(moments, 2):
        ordered = _ordered(engine, table, pair)
        if ordered is None:
            continue
        first, last = ordered
        days = "date" in (first.kind, last.kind)
        value = {"from": first.name, "to": last.name, "unit": "days" if days else "hours"}
        yield metric(f"time-to-{last.name}", f"mean time from {first.name} to {last.name}", kind="mean", value=value)
    for column in columns:
        timed = column.name in (time if isinstance(time, list) else [time])
        if column is key or timed or _named(_KEY, column) or _named(_NO_VALUE, column):
            continue
        if column.kind in ("integer", "number") and column.distinct > 2:
            yield metric(f"mean-{column.name}", f"mean of {column.name}", kind="mean", value=column.name)
        elif column.distinct == 2 and column.kind in ("string", "boolean", "integer"):
            hit: Any = next((v for v in column.values if v.casefold() in _YES), column.values[-1])
            equals = {"true": True, "false": False}[hit] if column.kind == "boolean" else hit
            equals = int(hit) if column.kind == "integer" else equals
            told = f"share of records whose {column.name} is {hit}"
            yield metric(
                f"share-{column.name}", told, kind="proportion", success={"column": column.name, "equals": equals}
            )
    yield metric(f"{source}-per-day", f"records of {source} per calendar day", kind="rate", exposure="calendar-days")


def _ordered(
    engine: duckdb.DuckDBPyConnection, table: Found, pair: tuple[Column, Column]
) -> tuple[Column, Column] | None:
    """Return the two columns in the order of their times, None where neither is always first."""
    a, b = (_parsed(f"trim({identifier(c.name)})", c) if table.text else identifier(c.name) for c in pair)
    both, rising, falling = engine.execute(
        f"SELECT count(*), count_if(b >= a), count_if(b <= a) FROM (SELECT ({a})::TIMESTAMP AS a, "
        f"({b})::TIMESTAMP AS b FROM {identifier(table.name)}) WHERE a IS NOT NULL AND b IS NOT NULL"
    ).fetchall()[0]
    if not both or max(rising, falling) < _ORDERED * both or rising == falling:
        return None
    return pair if rising > falling else (pair[1], pair[0])


def slug(text: str) -> str:
    """Return the text as an id of the study file.

    >>> slug("Mean Score (1-10)")
    'mean-score-1-10'
    """
    plain = re.sub(r"[^\w]+", "-", text.casefold(), flags=re.UNICODE).strip("-_")
    return plain if re.match(r"[^\W\d]", plain) else f"x-{plain}"


def target_of(given: str, known: list[str]) -> tuple[str, dict[str, float], str]:
    """Return the metric's id, its target and which way is good, from `ID=-20%`, `ID=+10%` or `ID>=0.9`.

    Raises ParameterError.

    >>> target_of("time-to-closed=-20%", ["time-to-closed"])
    ('time-to-closed', {'relative_change': -0.2}, 'lower')
    >>> target_of("share-timely>=0.9", ["share-timely"])
    ('share-timely', {'level': 0.9}, 'higher')
    """
    match = re.fullmatch(r"\s*([^=<>]+?)\s*(=|>=|<=)\s*([+-]?\d+(?:\.\d+)?)\s*(%?)\s*", given)
    if match is None:
        raise ParameterError(
            f"--target '{given}': expected ID=-20% or ID=+10% for a change, ID>=0.9 or ID<=48 for a level; ID is "
            f"one of {', '.join(known)}."
        )
    name, sign, number, percent = match.groups()
    if name not in known:
        raise ParameterError(
            f"--target '{given}': nothing is called '{name}' here; there are {', '.join(known)}.{nearest(name, known)}"
        )
    value = round(float(number) / (100 if percent else 1), 12)
    if sign != "=":
        return name, {"level": value}, "higher" if sign == ">=" else "lower"
    if not percent or not value:
        raise ParameterError(f"--target '{given}': a change is given in percent with its sign, such as {name}=-20%.")
    return name, {"relative_change": value}, "higher" if value > 0 else "lower"
