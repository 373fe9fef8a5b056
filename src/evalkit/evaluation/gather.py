"""What evaluations need of the records: goals of one source whose groupings nest share one query."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any

from evalkit.errors import NotEvaluableError, StudyError
from evalkit.evaluation.flags import flag
from evalkit.evaluation.windows import atomic, cuts, looks_until
from evalkit.moments import Ask, Moments, calendar_exposure, check_exposure, merge_exposure, moments_at
from evalkit.periods import Period
from evalkit.records.fetch import fetch
from evalkit.results import Flag

if TYPE_CHECKING:
    from evalkit.records import Records
    from evalkit.study import Study

Look = tuple[tuple[Period, ...], date]  # periods to evaluate, and the cut-off


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One goal or indicator with the moments its evaluations need.

    `exposure` are the records of a rate's own exposure source; of a roll-out `by_unit` are the moments by its unit,
    `reached` gives the first day of each. `cutoffs` and `days` are those of all looks, for a query that serves them
    all, and `memo` keeps such answers from one look to the next.
    """

    question: Any
    moments: Moments
    records: Records
    exposure: Records | None = None
    by_unit: Moments | None = None
    reached: Callable[[date], dict[str, date]] | None = None
    cutoffs: tuple[date, ...] = ()
    days: tuple[date, ...] = ()
    memo: dict[Any, Any] = field(default_factory=dict)


def moments_of(
    study: Study, question: Any, periods: Sequence[Period], as_of: date, records: Callable[[str], Records]
) -> Question:
    """Return the moments of a goal for these periods, exposure included."""
    return gathered(study, [question], [(tuple(periods), as_of)], records)[0][0]


def gathered(
    study: Study, questions: Sequence[Any], looks: Sequence[Look], records: Callable[[str], Records]
) -> list[list[Question]]:
    """Return the moments of all goals at every look, by goal and look. Each query serves all looks and many goals.

    Raises StudyError for a goal whose exposure cannot be grouped as it asks.
    """
    asked = [_variants(question, records) for question in questions]
    found = gathered_moments(study, [variant for variants in asked for variant in variants], looks, records)
    cutoffs = tuple(sorted({as_of for _, as_of in looks}))
    first: dict[str, Callable[[date], dict[str, date]]] = {}

    def at(question: Any, look: Look) -> Moments:
        moments = found(question, False, look)
        exposure = getattr(question.metric, "exposure", None)
        if exposure == "calendar-days":
            return calendar_exposure(moments, atomic(cuts_of(study, question, *look)))
        if exposure is None or isinstance(exposure, str):
            return moments
        return merge_exposure(moments, found(question, True, look))

    def answer(variants: Sequence[Any], look: Look, memo: dict[Any, Any]) -> Question:
        question, plan = variants[0], variants[0].rollout
        exposed = [source for source, ask in _asks(question) if ask.exposure]
        reached = None
        if plan is not None:
            key = repr(plan)
            reached = first.setdefault(key, _reached(records, plan))
        moments = at(question, look)
        return Question(
            question=question,
            moments=moments,
            records=records(question.source),
            exposure=records(exposed[0]) if exposed else None,
            by_unit=None if plan is None else at(variants[-1], look) if len(variants) > 1 else moments,
            reached=reached,
            cutoffs=cutoffs,
            days=tuple(sorted({day for look in looks for day in cuts_of(study, question, *look)})),
            memo=memo,
        )

    shared: list[tuple[list[Any], dict[Any, Any]]] = [(variants, {}) for variants in asked]
    return [[answer(variants, look, memo) for look in looks] for variants, memo in shared]


def gathered_moments(
    study: Study, questions: Sequence[Any], looks: Sequence[Look], records: Callable[[str], Records]
) -> Callable[[Any, bool, Look], Moments]:
    """Return a function that gives a goal's moments, or (True) those of its rate's exposure, at a look."""
    wanted: dict[str, list[Ask]] = {}
    for question in questions:
        for source, ask in _asks(question):
            wanted.setdefault(source, []).append(ask)
    found: dict[tuple[int, bool], dict[date, Moments]] = {}
    for source, asks in wanted.items():
        days = {day for ask in asks for look in looks for day in cuts_of(study, ask.question, *look)}
        cutoffs = sorted({as_of for _, as_of in looks})
        for group in _nested(asks):
            answers = moments_at(records(source), group, cutoffs=cutoffs, timezone=study.timezone, cuts=sorted(days))
            found |= {(id(ask.question), ask.exposure): at for ask, at in zip(group, answers, strict=True)}
    return lambda question, exposure, look: found[id(question), exposure][look[1]]


def _reached(records: Callable[[str], Records], rollout: Any) -> Callable[[date], dict[str, date]]:
    """Return a function of the cut-off that gives the first day each unit was reached, from one query.

    It raises NotEvaluableError where more of the roll-out's records up to then were rejected than the study allows.
    """
    days = cache(lambda: first_days(records(rollout.source), rollout))

    def at(as_of: date) -> dict[str, date]:
        if records(rollout.source).tally(as_of).too_many_rejected:
            raise NotEvaluableError("too_many_rejected", f"too many records of '{rollout.source}' were rejected")
        return days()

    return at


def first_days(records: Records, rollout: Any) -> dict[str, date]:
    """Return the first day each unit was reached."""
    table = records.valid
    table = table.select(unit=table[rollout.unit].cast("string"), day=table[rollout.date].cast("date"))
    rows = fetch(table.group_by("unit").agg(day=table.day.min()))
    return {row["unit"]: row["day"] for row in rows if row["unit"] and row["day"]}


def too_many_rejected(sources: Sequence[Records], as_of: date) -> Flag | None:
    """Return the flag that forbids any evaluation of these records at a cut-off, if there is one."""
    beyond = [records for records in sources if records.tally(as_of).too_many_rejected]
    if not beyond:
        return None
    records, tally = beyond[0], beyond[0].tally(as_of)
    return flag(
        "too_many_rejected",
        "serious",
        "{rejected} of {found} records of '{source}' ({share:.1f} %) were rejected, more than the {limit:.1f} % the "
        "study allows (`max_rejected`); mend the records or the fields' constraints.",
        rejected=tally.rejected,
        found=tally.found,
        source=records.name,
        share=100 * tally.rejected_share,
        limit=100 * records.source.max_rejected,
    )


def cuts_of(study: Study, question: Any, periods: Sequence[Period], as_of: date) -> tuple[date, ...]:
    """Return the days at which windows of a look begin or have ended."""
    return cuts(study, question, [look for period in periods for look in looks_until(study, period, as_of)], as_of)


def _variants(question: Any, records: Callable[[str], Records]) -> list[Any]:
    """Return the goal and, where its roll-out's unit is not its cluster, the same by unit. Raises StudyError."""
    variants = [question]
    if question.rollout is not None and question.rollout.unit != question.cluster:
        variants.append(question.model_copy(update={"cluster": question.rollout.unit}))
    exposure = getattr(question.metric, "exposure", None)
    if exposure == "calendar-days" and question.standardise_by:
        raise StudyError(
            f"goal '{question.id}': calendar days are the same for every {question.standardise_by[0]}, so "
            "there is no mix to hold; leave `standardise_by` out, or name an exposure that has these columns."
        )
    if exposure is not None and not isinstance(exposure, str):
        for variant in variants:
            check_exposure(records(exposure.source), variant)
    return variants


def _asks(question: Any) -> list[tuple[str, Ask]]:
    exposure = getattr(question.metric, "exposure", None)
    asks = [(question.source, Ask(question=question))]
    if exposure is not None and not isinstance(exposure, str):
        asks.append((exposure.source, Ask(question=question, exposure=True)))
    return asks


def _nested(asks: Sequence[Ask]) -> list[list[Ask]]:
    """Return the asks in groups, each of which has one with all the columns by which the others group."""
    groups: list[list[Ask]] = []
    for ask in sorted(asks, key=lambda ask: -len(ask.keys)):
        home = next((group for group in groups if set(ask.keys) <= set(group[0].keys)), None)
        if home is None:
            groups.append([ask])
        else:
            home.append(ask)
    return groups
