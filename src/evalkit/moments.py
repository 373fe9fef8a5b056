"""The grouped query: sufficient statistics per cell of month, window segment, cluster and stratum.

Every metric is Σa / Σb over records (see `inference.contrast`). One query per goal and source yields, for
every cell, the sums of a and b to third order; whatever the number of records, only cells enter Python.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import StudyError
from evalkit.periods import Window
from evalkit.records.fetch import fetch
from evalkit.records.fields import DAY, INSTANT

if TYPE_CHECKING:
    from evalkit.records import Records

SUMS = ("a", "b", "aa", "ab", "bb", "aaa", "aab", "abb", "bbb")
COUNTS = ("n", "missing", "open", "not_yet_due")
MISSING = None  # label of records without a cluster or stratum


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Sums over cells. All arrays have one entry per cell.

    Attributes
    ----------
    start : first day of the cell; a cell never spans two months nor a window's boundary.
    cluster, stratum : codes into `clusters` and `strata`.
    sums : (cells, 9) the sums named in SUMS over the records that count.
    counts : (cells, 4) records that count, without a value, still open, not yet due.
    undated : records without the time that would place them.
    """

    start: NDArray[np.datetime64]
    cluster: NDArray[np.intp]
    stratum: NDArray[np.intp]
    sums: NDArray[np.float64]
    counts: NDArray[np.int64]
    clusters: tuple[str | None, ...]
    strata: tuple[tuple[str | None, ...], ...]
    undated: int

    def within(self, windows: Iterable[Window]) -> NDArray[np.bool_]:
        """Return which cells lie in any of the windows."""
        inside = np.zeros(len(self.start), dtype=bool)
        for window in windows:
            inside |= (self.start >= np.datetime64(window.start)) & (self.start <= np.datetime64(window.end))
        return inside

    def total(self, windows: Iterable[Window], count: str) -> int:
        """Return the number of records of a kind (COUNTS) in the windows."""
        return int(self.counts[self.within(windows), COUNTS.index(count)].sum())


def cutoff_instant(as_of: date, timezone: str) -> float:
    """Return the first instant after the cut-off day, in seconds since 1970 UTC."""
    midnight = datetime.combine(as_of + timedelta(days=1), time(), ZoneInfo(timezone))
    return midnight.astimezone(UTC).timestamp()


def goal_moments(records: Records, goal: Any, *, as_of: date, timezone: str, cuts: Sequence[date]) -> Moments:
    """Return the goal's moments up to the cut-off. `cuts` are the days at which windows begin or have ended."""
    table = records.valid
    for condition in goal.where:
        table = table.filter(_condition(table, condition))
    terms = _terms(table, goal.metric, as_of, timezone, {f.name: f.type for f in records.source.fields})
    return _grouped(table, terms, goal.cluster, tuple(goal.standardise_by), as_of, cuts)


def exposure_moments(records: Records, goal: Any, *, as_of: date, cuts: Sequence[date]) -> Moments:
    """Return the exposure of a rate from its own source: b is the exposure, a is zero.

    Raises StudyError where that source lacks the columns by which the goal groups.
    """
    names = {field.name for field in records.source.fields}
    wanted = [*goal.standardise_by, *([goal.cluster] if goal.cluster else [])]
    if absent := [column for column in wanted if column not in names]:
        raise StudyError(
            f"goal '{goal.id}': groups by {', '.join(absent)}, but the source of its exposure, '{records.name}', "
            f"has no such field (it has {', '.join(sorted(names))}); declare it there or leave the grouping out."
        )
    value = records.valid[goal.metric.exposure.value]
    terms = {"a": value * 0.0, "b": value, "missing": value.isnull()}
    return _grouped(records.valid, terms, goal.cluster, tuple(goal.standardise_by), as_of, cuts)


def _condition(table: Any, condition: Any) -> Any:
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


def _terms(table: Any, metric: Any, as_of: date, timezone: str, types: dict[str, str]) -> dict[str, Any]:
    """Return a record's contribution (a, b) and the conditions under which it does not count."""
    weight = table[metric.weight] if getattr(metric, "weight", None) else None
    end = cutoff_instant(as_of, timezone)
    terms: dict[str, Any] = {}
    if metric.kind == "rate":
        import ibis

        value = table[metric.events].cast("float64") if metric.events else ibis.literal(1.0)
        exposure = (
            table[metric.exposure].cast("float64")
            if isinstance(metric.exposure, str) and (metric.exposure in types)
            else ibis.literal(0.0)
        )
        return {"a": value, "b": exposure, "missing": value.isnull() | exposure.isnull()}
    if metric.kind == "ratio":
        value, base = table[metric.numerator].cast("float64"), table[metric.denominator].cast("float64")
        if weight is not None:
            value, base = value * weight, base * weight
        return {"a": value, "b": base, "missing": value.isnull() | base.isnull()}
    if metric.kind == "mean":
        if isinstance(metric.value, str):
            value = table[metric.value].cast("float64")
        else:
            value, terms = _duration(table, metric.value, end, as_of, types)
    else:
        value, terms = _success(table, metric.success, end, as_of, types)
    if weight is None:
        return {"a": value, "missing": value.isnull(), **terms}
    return {"a": value * weight, "b": weight, "missing": value.isnull() | weight.isnull(), **terms}


_UNITS = {"seconds": 1.0, "minutes": 60.0, "hours": 3600.0, "days": 86400.0}


def _duration(table: Any, value: Any, end: float, as_of: date, types: dict[str, str]) -> tuple[Any, dict[str, Any]]:
    """Return the time between two columns, and which records are open or began too late to be followed up."""
    import ibis

    by_day = "date" in (types[value.from_], types[value.to])
    if by_day:
        began, ended = table[value.from_].cast("date"), table[value.to].cast("date")
        seconds = ended.delta(began, unit="day").cast("float64") * 86400.0
        after_cutoff = ended > ibis.date(as_of.isoformat())
    else:
        began, ended = table[value.from_ + INSTANT], table[value.to + INSTANT]
        seconds = ended - began
        after_cutoff = ended >= end
    still_open = began.notnull() & (ended.isnull() | after_cutoff.fill_null(False))
    terms: dict[str, Any] = {"open": still_open}
    if value.within is not None:
        if by_day:
            last = as_of - timedelta(seconds=value.within.seconds)
            terms["not_followed"] = began > ibis.date(last.isoformat())
        else:
            terms["not_followed"] = began > end - value.within.seconds
    return still_open.ifelse(None, seconds / _UNITS[value.unit]), terms


def _success(table: Any, success: Any, end: float, as_of: date, types: dict[str, str]) -> tuple[Any, dict[str, Any]]:
    """Return 1 for a success and 0 for a failure, and which records' windows have not closed."""
    import ibis

    column = table[success.column]
    if success.within is None:
        if success.equals is not None:
            hit = column == success.equals
        else:
            hit = column >= success.at_least if success.at_least is not None else column <= success.at_most
        return hit.cast("float64"), {}
    if "date" in (types[success.column], types[success.of]):
        days = int(success.within.seconds // 86400)
        received, answered = table[success.of].cast("date"), column.cast("date")
        closed = received <= ibis.date((as_of - timedelta(days=days)).isoformat())
        hit = answered <= received + ibis.interval(days=days)
    else:
        received, answered = table[success.of + INSTANT], table[success.column + INSTANT]
        closed = received + success.within.seconds <= end
        hit = answered <= received + success.within.seconds
    value = received.isnull().ifelse(None, hit.fill_null(False).cast("float64"))
    return value, {"not_yet_due": received.notnull() & ~closed.fill_null(False)}


def _grouped(
    table: Any, terms: dict[str, Any], cluster: str | None, strata: tuple[str, ...], as_of: date, cuts: Sequence[date]
) -> Moments:
    """Run the one grouped query."""
    import ibis

    day = table[DAY]
    false = ibis.literal(False)
    not_due = terms.get("not_yet_due", false) | terms.get("not_followed", false).fill_null(False)
    still_open = terms.get("open", false) & ~not_due
    counted = ~terms["missing"] & ~not_due & ~still_open
    keys = {"month": day.truncate("M").cast("date"), "segment": _segment(day, cuts)}
    if cluster:
        keys["cluster"] = table[cluster].cast("string")
    keys |= {f"stratum{i}": table[column].cast("string") for i, column in enumerate(strata)}
    chosen = table.select(
        **keys,
        a=terms["a"],
        b=terms.get("b", ibis.literal(1.0)),
        counted=counted,
        missing=terms["missing"] & ~not_due & ~still_open,
        open=still_open,
        due=not_due,
        dated=day.notnull(),
        late=(day > ibis.date(as_of.isoformat())).fill_null(False),
    )
    chosen = chosen.filter(~chosen.late)
    needed = SUMS if "b" in terms else tuple(name for name in SUMS if "b" not in name)
    aggregates = {name: _power(chosen, name).sum(where=chosen.counted) for name in needed}
    counts = {
        "n": chosen.counted.sum(),
        "missing": chosen.missing.sum(),
        "open": chosen.open.sum(),
        "not_yet_due": chosen.due.sum(),
    }
    rows = fetch(chosen.group_by("dated", *keys).agg(**aggregates, **counts))
    names = ("dated", *keys, *aggregates, *counts)
    return _moments({name: [row[name] for row in rows] for name in names}, cuts, bool(cluster), len(strata))


def _power(chosen: Any, name: str) -> Any:
    term = chosen[name[0]]
    for letter in name[1:]:
        term = term * chosen[letter]
    return term


def _segment(day: Any, cuts: Sequence[date]) -> Any:
    """Return how many window boundaries inside a month have passed; those at a month's start need none."""
    import ibis

    total = ibis.literal(0)
    for cut in cuts:
        if cut.day != 1:
            total = total + (day >= ibis.date(cut.isoformat())).cast("int64")
    return total


def _moments(rows: dict[str, list[Any]], cuts: Sequence[date], clustered: bool, strata: int) -> Moments:
    """Turn the query's rows into arrays, in one order whatever the engine's."""
    keep = [i for i, dated in enumerate(rows["dated"]) if dated]
    undated = sum(rows[name][i] for i, dated in enumerate(rows["dated"]) if not dated for name in COUNTS)
    inner = [cut for cut in cuts if cut.day != 1]
    cluster = [rows["cluster"][i] for i in keep] if clustered else [MISSING] * len(keep)
    stratum = [tuple(rows[f"stratum{k}"][i] for k in range(strata)) for i in keep]
    starts = [_cell_start(rows["month"][i], rows["segment"][i], inner) for i in keep]
    clusters = tuple(sorted(set(cluster), key=lambda label: (label is None, label or "")))
    kinds = tuple(sorted(set(stratum), key=lambda labels: tuple((label is None, label or "") for label in labels)))
    cluster_code = {label: i for i, label in enumerate(clusters)}
    stratum_code = {labels: i for i, labels in enumerate(kinds)}
    order = sorted(range(len(keep)), key=lambda j: (starts[j], cluster_code[cluster[j]], stratum_code[stratum[j]]))
    given = {name: [rows[name][i] or 0.0 for i in keep] for name in SUMS if name in rows}
    n = [float(rows["n"][i] or 0) for i in keep]
    given |= {  # without a weight or denominator b is 1 for every record
        name: given[name.replace("b", "")] if "a" in name else n for name in SUMS if name not in given
    }
    sums = np.array([[given[name][j] for name in SUMS] for j in order], dtype=np.float64).reshape(len(order), len(SUMS))
    counts = np.array([[rows[name][keep[j]] or 0 for name in COUNTS] for j in order], dtype=np.int64)
    return Moments(
        start=np.array([starts[j] for j in order], dtype="datetime64[D]"),
        cluster=np.array([cluster_code[cluster[j]] for j in order], dtype=np.intp),
        stratum=np.array([stratum_code[stratum[j]] for j in order], dtype=np.intp),
        sums=sums,
        counts=counts.reshape(len(order), len(COUNTS)),
        clusters=clusters,
        strata=kinds,
        undated=undated,
    )


def _cell_start(month: Any, segment: int, inner: Sequence[date]) -> date:
    first = month.date() if isinstance(month, datetime) else month
    passed = inner[segment - 1] if segment else first
    return max(first, passed)


def merge_exposure(events: Moments, exposure: Moments) -> Moments:
    """Return events and their exposure, taken from two sources, as one set of cells."""
    clusters = tuple(sorted({*events.clusters, *exposure.clusters}, key=lambda c: (c is None, c or "")))
    strata = tuple(sorted({*events.strata, *exposure.strata}, key=lambda s: tuple((v is None, v or "") for v in s)))
    b, bb, bbb = (SUMS.index(name) for name in ("b", "bb", "bbb"))
    sums = np.vstack([events.sums, exposure.sums])
    sums[: len(events.sums), [b, bb, bbb]] = 0.0
    counts = exposure.counts.copy()
    counts[:, 0] = 0  # an exposure record is no event
    return Moments(
        start=np.concatenate([events.start, exposure.start]),
        cluster=np.concatenate([_recode(m.cluster, m.clusters, clusters) for m in (events, exposure)]),
        stratum=np.concatenate([_recode(m.stratum, m.strata, strata) for m in (events, exposure)]),
        sums=sums,
        counts=np.vstack([events.counts, counts]),
        clusters=clusters,
        strata=strata,
        undated=events.undated + exposure.undated,
    )


def _recode(codes: NDArray[np.intp], old: Sequence[Any], new: Sequence[Any]) -> NDArray[np.intp]:
    place = {label: i for i, label in enumerate(new)}
    return np.array([place[label] for label in old], dtype=np.intp)[codes] if len(codes) else codes


def calendar_exposure(events: Moments, windows: Iterable[Window]) -> Moments:
    """Return the events with calendar days as exposure, every day of the windows counted once."""
    cells = [month for window in windows for month in window.months()]
    if not events.clusters:
        clusters: tuple[str | None, ...] = (MISSING,)
    else:
        clusters = events.clusters
    days = np.array([cell.days for cell in cells], dtype=np.float64)
    size = len(clusters)
    sums = np.zeros((len(cells) * size, len(SUMS)))
    sums[:, SUMS.index("b")] = np.repeat(days / size, size)
    exposure = Moments(
        start=np.repeat(np.array([cell.start for cell in cells], dtype="datetime64[D]"), size),
        cluster=np.tile(np.arange(size, dtype=np.intp), len(cells)),
        stratum=np.zeros(len(cells) * size, dtype=np.intp),
        sums=sums,
        counts=np.zeros((len(cells) * size, len(COUNTS)), dtype=np.int64),
        clusters=clusters,
        strata=((),),
        undated=0,
    )
    return merge_exposure(events, exposure)
