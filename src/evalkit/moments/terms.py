"""What one record contributes to a metric Σa / Σb, as engine expressions, and from which cut-off on it counts.

A record's status depends on the cut-off: work still open then, or begun too late to be followed up. Cut-offs are in
order, so that each status is one number: how many of them pass before it ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from evalkit.records.fields import INSTANT

if TYPE_CHECKING:
    from evalkit.records import Records

_UNITS = {"seconds": 1.0, "minutes": 60.0, "hours": 3600.0, "days": 86400.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """A record's contribution.

    Attributes
    ----------
    a, b : expressions, NULL where the record lacks the value; or 0.0 or 1.0 for all records.
    binary : whether a is 0 or 1 (so are its powers).
    required : whether no accepted record lacks the value.
    open, due : how many cut-offs pass before the record's work has ended, or before it has been followed up for long
        enough; None where that cannot be.
    """

    a: Any
    b: Any = 1.0
    binary: bool = False
    required: bool = False
    open: Any = None
    due: Any = None


def cutoff_instant(as_of: date, timezone: str) -> float:
    """Return the first instant after the cut-off day, in seconds since 1970 UTC."""
    midnight = datetime.combine(as_of + timedelta(days=1), time(), ZoneInfo(timezone))
    return midnight.astimezone(UTC).timestamp()


def record_terms(records: Records, goal: Any, *, as_of: date, timezone: str) -> tuple[Any, dict[str, Any]]:
    """Return the records that `where` keeps, with each one's a (NULL while open), b where it is not 1, not_followed."""
    table = records.valid
    for condition in goal.where:
        table = table.filter(condition_of(table, condition))
    terms = terms_of(table, goal.metric, (as_of,), timezone, records.source.fields)
    found = {"a": terms.a if terms.open is None else (terms.open > 0).ifelse(None, terms.a)}
    if not isinstance(terms.b, float):
        found["b"] = terms.b
    if terms.due is not None:
        found["not_followed"] = terms.due > 0
    return table, found


def condition_of(table: Any, condition: Any) -> Any:
    """Return one `where` entry as an expression; a missing value fulfils none but its own absence."""
    column = table[condition.column]
    if condition.equals is not None:
        return column == condition.equals
    if condition.in_ is not None:
        return column.isin(list(condition.in_))
    if condition.contains is not None:
        return column.contains(condition.contains)
    if condition.at_least is not None:
        return column >= condition.at_least
    if condition.at_most is not None:
        return column <= condition.at_most
    return column.notnull() if condition.not_null else column.isnull()


def exposure_terms(table: Any, metric: Any) -> Terms:
    """Return the terms of a rate's own exposure source."""
    return Terms(a=0.0, b=table[metric.exposure.value].cast("float64"))


def terms_of(table: Any, metric: Any, cutoffs: Sequence[date], timezone: str, fields: Sequence[Any]) -> Terms:
    """Return a metric's terms at these cut-offs, which are in order."""
    types = {field.name: field.type for field in fields}
    needed = {field.name for field in fields if field.constraints.required}
    weight = table[metric.weight] if getattr(metric, "weight", None) else None
    if metric.kind == "rate":
        exposed = isinstance(metric.exposure, str) and metric.exposure in types
        return Terms(
            a=table[metric.events].cast("float64") if metric.events else 1.0,
            b=table[metric.exposure].cast("float64") if exposed else 0.0,
            required=metric.events in needed and not exposed,
        )
    if metric.kind == "ratio":
        a, b = table[metric.numerator].cast("float64"), table[metric.denominator].cast("float64")
        return Terms(a=a, b=b) if weight is None else Terms(a=a * weight, b=b * weight)
    if metric.kind == "proportion":
        found = _success(table, metric.success, cutoffs, timezone, types, needed)
    elif isinstance(metric.value, str):
        found = Terms(a=table[metric.value].cast("float64"), required=metric.value in needed)
    else:
        found = _duration(table, metric.value, cutoffs, timezone, types)
    if weight is None:
        return found
    return Terms(a=found.a * weight, b=weight, open=found.open, due=found.due)


def _duration(table: Any, value: Any, cutoffs: Sequence[date], timezone: str, types: dict[str, str]) -> Terms:
    """Return the time between two columns."""
    length = value.within.seconds if value.within is not None else 0
    if "date" in (types[value.from_], types[value.to]):
        began, ended = table[value.from_].cast("date"), table[value.to].cast("date")
        seconds = ended.delta(began, unit="day").cast("float64") * 86400.0
        finished, followed = [ended <= _day(day) for day in cutoffs], [began <= _day(day, length) for day in cutoffs]
    else:
        began, ended = table[value.from_ + INSTANT], table[value.to + INSTANT]
        seconds = ended - began
        instants = [cutoff_instant(day, timezone) for day in cutoffs]
        finished, followed = [ended < end for end in instants], [began <= end - length for end in instants]
    return Terms(
        a=seconds / _UNITS[value.unit],
        open=_first(began.isnull(), finished),
        due=None if value.within is None else _first(began.isnull(), followed),
    )


def _success(
    table: Any, success: Any, cutoffs: Sequence[date], timezone: str, types: dict[str, str], needed: set[str]
) -> Terms:
    """Return 1 for a success and 0 for a failure."""
    import ibis

    column = table[success.column]
    if success.within is None:
        if success.equals is not None:
            hit = column == success.equals
        else:
            hit = column >= success.at_least if success.at_least is not None else column <= success.at_most
        return Terms(a=hit.cast("int32").cast("float64"), binary=True, required=success.column in needed)
    length = success.within.seconds
    if "date" in (types[success.column], types[success.of]):
        received, answered = table[success.of].cast("date"), column.cast("date")
        hit = answered <= received + ibis.interval(days=int(length // 86400))
        closed = [received <= _day(day, length) for day in cutoffs]
    else:
        received, answered = table[success.of + INSTANT], table[success.column + INSTANT]
        hit = answered <= received + length
        closed = [received + length <= cutoff_instant(day, timezone) for day in cutoffs]
    value = received.isnull().ifelse(None, hit.fill_null(False).cast("int32").cast("float64"))
    return Terms(a=value, binary=True, due=_first(received.isnull(), closed))


def _day(day: date, earlier: float = 0) -> Any:
    """Return a day, or the one that lies so many seconds before it, as an expression."""
    import ibis

    return ibis.date((day - timedelta(seconds=earlier)).isoformat())


def _first(absent: Any, conditions: Sequence[Any]) -> Any:
    """Return the place of the first condition that holds, 0 where there is nothing to ask, else how many there are."""
    import ibis

    cases = [(absent, 0), *((condition, place) for place, condition in enumerate(conditions))]
    return ibis.cases(*cases, else_=len(conditions)).cast("int64")
