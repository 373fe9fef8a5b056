"""The grouped query of a source: all its goals at all cut-offs in one pass, rejected records counted on the way.

Two steps, both in the engine. The first groups records by month, window segment and the grouping columns as found; the
second, over groups, gives those columns their types and finds which groups a rule on them rejects. Asking a rule of a
branch's name once a group, not once a record, is worth a third of the time. What reaches Python are sums.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evalkit.moments.cells import COUNTS, MISSING, SUMS, Moments, crossed, gathered_cells
from evalkit.moments.late import PLACE, RULE, Late, aggregated
from evalkit.moments.terms import Terms, condition_of, exposure_terms, terms_of
from evalkit.records.columns import Labels, fetch_in_parts
from evalkit.records.fields import DAY, REASON

if TYPE_CHECKING:
    from evalkit.records import Records


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What one goal wants of a source: its own records, or (`exposure`) the exposure of its rate.

    `cap` is set in place of larger values.
    """

    question: Any
    exposure: bool = False
    cap: float | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns it groups by."""
        cluster = self.question.cluster
        return tuple(dict.fromkeys([*([cluster] if cluster else []), *self.question.standardise_by]))


@dataclass(slots=True)
class _Columns:
    """Named expressions, each once."""

    names: dict[Any, str] = field(default_factory=dict)

    def add(self, prefix: str, expression: Any) -> str:
        return self.names.setdefault(expression.op(), f"{prefix}{len(self.names)}")

    def items(self) -> dict[str, Any]:
        return {name: operation.to_expr() for operation, name in self.names.items()}


def moments_at(
    records: Records, asks: Sequence[Ask], *, cutoffs: Sequence[date], timezone: str, cuts: Sequence[date]
) -> list[dict[date, Moments]]:
    """Return the moments of every ask at every cut-off, from one query.

    `cuts` are the days at which windows begin or have ended. Where the source's rejected records have not been
    counted yet, they are now, in all and up to each cut-off (`Records.remember`).
    """
    cutoffs, inner_cuts = sorted(cutoffs), sorted(cut for cut in set(cuts) if cut.day != 1)
    counting = not records.counted
    table = records.table if counting else records.valid
    keys = tuple(dict.fromkeys(key for ask in asks for key in ask.keys))
    fields = records.source.fields
    states, sums = _Columns(), _Columns()
    plans = []
    for ask in asks:
        if ask.exposure:
            terms, wanted = exposure_terms(table, ask.question.metric), None
        else:
            terms = terms_of(table, ask.question.metric, cutoffs, timezone, fields)
            if ask.cap is not None:
                terms = replace(terms, a=terms.a.clip(upper=ask.cap))
            conditions = [condition_of(table, condition) for condition in ask.question.where]
            wanted = _all(conditions)
        plans.append(_planned(table, ask, terms, wanted, states, sums))
    rows = sums.add("n", table.count())
    day = table[DAY]
    place = {PLACE: _place(day, inner_cuts), **states.items()}
    if counting:
        found, labels, told = _counting(records, keys, place, sums.items())
        _remember(records, told, _starts(found[PLACE], inner_cuts), found[rows], [c for c in cutoffs if _ends(c, cuts)])
        found = _chosen(found, np.array([reason is None for reason in told]))
    else:
        found, labels = _counted(records, table, place | _keys(table, keys), sums.items())
    answers = _decoded(found, labels, plans, keys, cutoffs, inner_cuts)
    rates = any(ask.question.metric.kind == "rate" for ask in asks)  # of others a total is no half of anything
    if not inner_cuts or not rates or not records.of_months:
        return answers
    return [{day: replace(at, of_months=records.name) for day, at in answer.items()} for answer in answers]


def _all(conditions: Sequence[Any]) -> Any:
    whole = None
    for condition in conditions:
        whole = condition if whole is None else whole & condition
    return whole


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """Where the parts of an ask's moments are found: names of columns, or 0.0 where all are zero."""

    ask: Ask
    sums: tuple[str | float, ...]
    n: str
    all: str
    open: str | None
    due: str | None


def _planned(table: Any, ask: Ask, terms: Terms, wanted: Any, states: _Columns, sums: _Columns) -> _Plan:
    """Name the sums and counts that an ask needs."""
    parts = {"a": terms.a, "b": terms.b}
    variable = [part for part in parts.values() if not isinstance(part, float)]
    counted = wanted
    if len(variable) == 2:  # each may be missing where the other is not
        counted = _all([*([wanted] if wanted is not None else []), *(part.notnull() for part in variable)])
    everything = sums.add("n", table.count(where=wanted))
    if not variable or terms.required:
        n = everything
    else:
        n = sums.add("n", variable[0].count(where=wanted) if len(variable) == 1 else table.count(where=counted))

    def named(name: str) -> str | float:
        factors = [parts[letter] for letter in name]
        if any(isinstance(factor, float) and factor == 0.0 for factor in factors):
            return 0.0
        factors = [factor for factor in factors if not isinstance(factor, float)]
        if terms.binary and isinstance(terms.b, float):
            factors = factors[:1]
        if not factors:
            return n
        product = factors[0]
        for factor in factors[1:]:
            product = product * factor
        return sums.add("s", product.sum(where=counted))

    return _Plan(
        ask=ask,
        sums=tuple(named(name) for name in SUMS),
        n=n,
        all=everything,
        open=None if terms.open is None else states.add("state", terms.open),
        due=None if terms.due is None else states.add("state", terms.due),
    )


def _place(day: Any, cuts: Sequence[date]) -> Any:
    """Return the month, counted from year 0, and how many boundaries inside months have passed, as one number."""
    import ibis

    place = (day.year().cast("int64") * 12 + (day.month() - 1)) * (len(cuts) + 1)
    for cut in cuts:
        place = place + (day >= ibis.date(cut.isoformat())).cast("int32")  # PostgreSQL makes a truth nothing else
    return place


def _keys(table: Any, keys: Sequence[str]) -> dict[str, Any]:
    return {f"key{place}": table[key].cast("string") for place, key in enumerate(keys)}


_Found = tuple[dict[str, NDArray[Any]], dict[str, Labels]]


def _counted(records: Records, table: Any, keys: dict[str, Any], sums: dict[str, Any]) -> _Found:
    """Return the groups of accepted records."""

    def whole(groups: Any, again: bool) -> Any:
        return groups.group_by(*keys).agg(**{name: groups[name].sum() for name in sums}) if again else groups

    return fetch_in_parts(records, table, lambda where: aggregated(table, keys, sums, where), whole)


def _counting(
    records: Records, keys: Sequence[str], places: dict[str, Any], sums: dict[str, Any]
) -> tuple[dict[str, NDArray[Any]], dict[str, Labels], list[str | None]]:
    """Return the same of records that have not been told apart yet, and of each group why it is rejected, if it is."""
    table, late = records.table, Late(records.table, keys)
    if late.apart:
        found, labels = fetch_in_parts(
            records,
            table,
            lambda where: late.grouped(places, sums, where),
            lambda groups, _: late.typed(groups, places, sums),
        )
        return found, labels, [late.reason(int(rule)) for rule in found.pop(RULE)]
    accepted = table[REASON].isnull()
    groups = {name: accepted.ifelse(each, None) for name, each in (places | _keys(table, keys)).items()}
    found, labels = _counted(records, table, {RULE: table[REASON], **groups, PLACE: places[PLACE]}, sums)
    reasons = labels.pop(RULE)
    return found, labels, [reasons[int(rule)] for rule in found.pop(RULE)]


def _remember(
    records: Records, told: Sequence[str | None], starts: NDArray[Any], counts: NDArray[Any], whole: Sequence[date]
) -> None:
    """Tell the records how many are rejected and why: in all, and up to the cut-offs that no place goes beyond."""
    reasons: Counter[str | None] = Counter()
    for reason, count in zip(told, counts, strict=True):
        reasons[reason] += int(count)
    by_start = list(zip(starts.astype(object), told, map(int, counts), strict=True)) if len(reasons) > 1 else []
    found = sum(reasons.values())
    records.remember({reason: count for reason, count in reasons.items() if reason is not None}, found, by_start, whole)


def _ends(cutoff: date, cuts: Sequence[date]) -> bool:
    """Return whether places end with this day."""
    after = cutoff + timedelta(days=1)
    return after.day == 1 or after in cuts


def _chosen(found: dict[str, NDArray[Any]], which: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
    return found if which.all() else {name: values[which] for name, values in found.items()}


def _starts(places: NDArray[Any], cuts: Sequence[date]) -> NDArray[Any]:
    """Return the first day of each place, NaT where there is none."""
    none = np.isnan(places.astype(np.float64))
    month, passed = np.divmod(np.where(none, 0, places).astype(np.int64), len(cuts) + 1)
    start = (month - 1970 * 12).astype("datetime64[M]").astype("datetime64[D]")
    if cuts:
        start = np.maximum(start, np.array([date.min, *cuts], dtype="datetime64[D]")[passed])
    start[none] = np.datetime64("NaT", "D")
    return start


def _decoded(
    found: dict[str, NDArray[Any]],
    labels: dict[str, Labels],
    plans: Sequence[_Plan],
    keys: Sequence[str],
    cutoffs: Sequence[date],
    cuts: Sequence[date],
) -> list[dict[date, Moments]]:
    """Turn the query's columns into moments."""
    dated = ~np.isnan(found[PLACE].astype(np.float64))
    whole, found = found, _chosen(found, dated)
    start = _starts(found[PLACE], cuts)
    columns = {key: (found[f"key{place}"], labels[f"key{place}"]) for place, key in enumerate(keys)}
    answers = []
    for plan in plans:
        question = plan.ask.question
        cluster = columns[question.cluster] if question.cluster else (np.zeros(len(start), dtype=np.intp), [MISSING])
        stratum = crossed([columns[key] for key in question.standardise_by], len(start))
        undated = int(whole[plan.all][~dated].sum())
        n, everything = found[plan.n], found[plan.all]
        sums = np.zeros((len(start), len(SUMS)))
        for place, name in enumerate(plan.sums):
            if isinstance(name, str):
                sums[:, place] = found[name]
        np.nan_to_num(sums, copy=False)
        if not (plan.due or plan.open):  # what counts at a cut-off counts at all later ones
            counts = np.zeros((len(start), len(COUNTS)), dtype=np.int64)
            counts[:, 0], counts[:, 1] = n, everything - n
            every = gathered_cells(start, cluster, stratum, sums, counts, undated)
            answers.append({cutoff: every.until(cutoff) for cutoff in cutoffs})
            continue
        at: dict[date, Moments] = {}
        for place, cutoff in enumerate(cutoffs):
            inside = start <= np.datetime64(cutoff)
            due = inside & (found[plan.due] > place) if plan.due else np.zeros_like(inside)
            still = inside & ~due & (found[plan.open] > place) if plan.open else np.zeros_like(inside)
            counted = inside & ~due & ~still
            counts = np.zeros((len(start), len(COUNTS)), dtype=np.int64)
            for column, (chosen, values) in enumerate(
                ((counted, n), (counted, everything - n), (still, everything), (due, everything))
            ):
                counts[chosen, column] = values[chosen]
            at[cutoff] = gathered_cells(
                start, cluster, stratum, sums if counted.all() else sums * counted[:, None], counts, undated
            )
        answers.append(at)
    return answers
