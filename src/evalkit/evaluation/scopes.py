"""Many scopes at once: a study's goals evaluated for every region, channel or branch, from one reading."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.errors import NotEvaluableError, ParameterError, nearest
from evalkit.evaluation.common_shocks import baseline_shocks
from evalkit.evaluation.conductor import adjusted_over, not_evaluated
from evalkit.evaluation.flags import flag
from evalkit.evaluation.gather import Look, cuts_of, gathered_moments, too_many_rejected
from evalkit.evaluation.looks import evaluate_to_date
from evalkit.evaluation.suppression import counted, small, suppressed_list
from evalkit.evaluation.unknown_success import unknown_success
from evalkit.evaluation.window import evaluate_window, scale_of
from evalkit.evaluation.windows import Comparison, atomic, period_comparison, to_date_comparison
from evalkit.inference.shocks import MonthShocks
from evalkit.moments import Ask, Moments, calendar_exposure, merge_exposure
from evalkit.periods import Period, Window
from evalkit.results import Flag, GoalResult, ScopeResult, ScopesResult
from evalkit.study.model_values import GROUPS

if TYPE_CHECKING:
    from evalkit.records import Records
    from evalkit.study import Study


_OVER_SCOPES = (
    "Alone this would count as achieved; over all {family} goals and scopes together its p-value is {p:.3f}, "
    "not below {alpha:.3f}."
)


def evaluate_scopes(
    study: Study,
    goals: Sequence[Any],
    field: str,
    looks: Sequence[tuple[Period, date]],
    records: Callable[[str], Records],
    language: str,
) -> tuple[ScopesResult, ...]:
    """Return every goal's evaluation in every scope, a value of `field`, at each look.

    A goal is evaluated by its own rules with these differences: where the scope is the goal's cluster, its records
    are not clustered; where it is a stratum, that is not held; diagnostics, alternatives and roll-outs belong to the
    whole and are not asked again. Multiplicity runs over all goals in all scopes of a period. Where a scope's records
    (of a rate, events) on either side are fewer than `minimum_cell`, its numbers are suppressed, and those of the next
    smallest scope where the goal's total would otherwise give them away; a value that fewer records have in all is not
    even named, for it may be a person's. Everything to date is evaluated at the last look, which supersedes the earlier
    ones.

    Raises ParameterError for a field that no goal's source has, that a goal measures, or whose values are each a
    record's own.
    """
    split = [goal for goal in goals if field in _fields(study, goal)]
    told = _of_one_record(study, split, field)
    if told:
        raise ParameterError(f"--by {field}: {told}, so its values are no scopes; name a field that groups records.")
    if not split:
        known = sorted({name for goal in goals for name in _fields(study, goal)})
        raise ParameterError(
            f"--by {field}: no source of {', '.join(goal.id for goal in goals)} has such a field; there are "
            f"{', '.join(known)}.{nearest(field, known)}"
        )
    variants = [goal if field in Ask(question=goal).keys else _split_by(goal, field) for goal in split]
    found = gathered_moments(study, variants, [((period,), as_of) for period, as_of in looks], records)
    plain = [_alone(goal, field) for goal in split]
    blanks = [not_evaluated(study, goal, language) for goal in plain]
    kept: list[dict[bytes, MonthShocks | None]] = [{} for _ in plain]
    results = []
    for period, as_of in looks:
        last = (period, as_of) == looks[-1]
        look: Look = ((period,), as_of)
        parts = [dict(_scopes(study, variant, field, found, look)) for variant in variants]
        by_goal = [
            _goal_scopes(study, goal, part, look, records, blank, last, memo)
            for goal, part, blank, memo in zip(plain, parts, blanks, kept, strict=True)
        ]
        held = {label for part in parts for label in part}
        minimum = study.inference.minimum_cell
        named = {
            label
            for goal, part in zip(plain, parts, strict=True)
            for label, moments in part.items()
            if max(moments.counts[:, 0].sum(), round(counted(goal, moments).sum())) >= minimum
        }
        labels = sorted(named, key=_missing_last)
        scopes = [(label, [scopes[label] for scopes in by_goal if label in scopes]) for label in labels]
        family = adjusted_over(study, [result for _, results in scopes for result in results], _OVER_SCOPES)
        adjusted = iter(family)
        results.append(
            ScopesResult(
                study=study.id,
                period=period.label,
                as_of=as_of,
                by=field,
                scopes=tuple(
                    ScopeResult(scope=label, goals=tuple(next(adjusted) for _ in results)) for label, results in scopes
                ),
                unnamed=len(held) - len(named),
                not_split=tuple(goal.id for goal in goals if goal not in split),
            )
        )
    return tuple(results)


def _of_one_record(study: Study, goals: Sequence[Any], field: str) -> str:
    """Return why a field's values are no groups: they tell of single records, or are what a goal measures."""
    for goal in goals:
        source = study.sources[goal.source]
        found = next(one for one in source.fields if one.name == field)
        if found.type not in GROUPS:
            return f"it is of type {found.type}"
        if field in measured(goal):
            return f"it is what '{goal.id}' measures"
        if field == source.key or found.constraints.unique:
            return "it is different in every record"
        if study.feedback and (study.feedback.source, study.feedback.text) == (goal.source, field):
            return "it holds what people wrote"
    return ""


def measured(goal: Any) -> set[str]:
    """Return the columns whose values a metric is made of: split by these, it is what it is by definition."""
    metric = goal.metric
    given = (getattr(metric, name, None) for name in ("value", "numerator", "denominator", "events", "weight"))
    success = getattr(metric, "success", None)
    return {one for one in given if isinstance(one, str)} | ({success.column} if success else set())


def _fields(study: Study, goal: Any) -> set[str]:
    """Return the fields by which a goal can be split: those of its source and of its exposure's."""
    names = {field.name for field in study.sources[goal.source].fields}
    exposure = getattr(goal.metric, "exposure", None)
    if exposure is not None and not isinstance(exposure, str):
        names &= {field.name for field in study.sources[exposure.source].fields}
    return names


def _split_by(goal: Any, field: str) -> Any:
    return goal.model_copy(update={"standardise_by": (*goal.standardise_by, field), "rollout": None})


def _alone(goal: Any, field: str) -> Any:
    """Return the goal as it is evaluated within one scope."""
    kept = tuple(column for column in goal.standardise_by if column != field)
    cluster = None if goal.cluster == field else goal.cluster
    return goal.model_copy(update={"standardise_by": kept, "cluster": cluster, "rollout": None})


def _scopes(study: Study, variant: Any, field: str, found: Any, look: Look) -> Iterator[tuple[str | None, Moments]]:
    """Yield each scope's moments, exposure included."""
    events = dict(_parts(found(variant, False, look), variant, field))
    exposure = getattr(variant.metric, "exposure", None)
    if exposure == "calendar-days":
        days = atomic(cuts_of(study, variant, *look))
        yield from ((label, calendar_exposure(part, days)) for label, part in events.items())
        return
    if exposure is None or isinstance(exposure, str):
        yield from events.items()
        return
    at_risk = dict(_parts(found(variant, True, look), variant, field))
    for label in dict.fromkeys([*events, *at_risk]):
        given = at_risk.get(label)
        if given is None:  # events without any exposure have no rate
            yield label, events[label]
        else:
            yield label, merge_exposure(events.get(label, _none_of(given)), given)


def _none_of(moments: Moments) -> Moments:
    nothing = np.zeros(len(moments.start), dtype=bool)
    return _chosen(moments, nothing, moments.cluster, moments.clusters, moments.stratum, moments.strata)


def _parts(moments: Moments, variant: Any, field: str) -> Iterator[tuple[str | None, Moments]]:
    """Yield the moments of each value of the field, which is the cluster or one of the strata."""
    if variant.cluster == field:
        codes, labels = moments.cluster, list(moments.clusters)
        zero = np.zeros_like(moments.cluster)
        rest: tuple[Any, ...] = (zero, (None,), moments.stratum, moments.strata)
    else:
        place = variant.standardise_by.index(field)
        labels = sorted({kind[place] for kind in moments.strata}, key=_missing_last)
        kinds = sorted({_without(kind, place) for kind in moments.strata}, key=repr)
        codes = np.array([labels.index(kind[place]) for kind in moments.strata], dtype=np.intp)[moments.stratum]
        fewer = np.array([kinds.index(_without(kind, place)) for kind in moments.strata], dtype=np.intp)
        rest = (moments.cluster, moments.clusters, fewer[moments.stratum], tuple(kinds))
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(len(labels) + 1))
    for number, label in enumerate(labels):
        yield label, _chosen(moments, order[bounds[number] : bounds[number + 1]], *rest)


def _missing_last(label: str | None) -> tuple[bool, str]:
    return label is None, "" if label is None else str(label)


def _without(kind: tuple[Any, ...], place: int) -> tuple[Any, ...]:
    return kind[:place] + kind[place + 1 :]


def _chosen(moments: Moments, chosen: Any, cluster: Any, clusters: Any, stratum: Any, strata: Any) -> Moments:
    """Return some of the cells; labels that none of them has are left out."""
    held, codes = np.unique(cluster[chosen], return_inverse=True)
    return replace(
        moments,
        start=moments.start[chosen],
        cluster=codes.astype(np.intp),
        clusters=tuple(clusters[i] for i in held),
        stratum=stratum[chosen],
        strata=strata,
        sums=moments.sums[chosen],
        counts=moments.counts[chosen],
        undated=0,
    )


def _goal_scopes(
    study: Study,
    goal: Any,
    scopes: dict[str | None, Moments],
    look: Look,
    records: Callable[[str], Records],
    blank: GoalResult,
    to_date: bool,
    memo: dict[bytes, MonthShocks | None],
) -> dict[str | None, GoalResult]:
    """Return one goal in every scope, before adjustment; `memo` keeps what its looks have in common."""
    (period,), as_of = look
    blocked = too_many_rejected([records(name) for name in _sources(goal)], as_of)
    blocked = blocked or unknown_success(goal, scopes.values(), records(goal.source))
    try:
        comparison = period_comparison(study, goal, period, as_of)
    except NotEvaluableError as reason:
        told = Flag(code=reason.code, severity="serious", message=reason.messages[0])
        return {label: replace(blank, flags=(told,)) for label in scopes}
    if blocked is not None:
        return {label: replace(blank, flags=(blocked,)) for label in scopes}
    shown = [[comparison.before], list(comparison.after)]
    ahead = to_date_comparison(study, goal, period, as_of) if to_date else None
    if ahead is not None:
        shown.append(list(ahead.after))
    hidden = _hidden(study, goal, scopes, shown)
    return {
        label: replace(blank, flags=(_suppressed(study, goal, own=hidden[label]),))
        if label in hidden
        else _scope(study, goal, moments, comparison, look, blank, to_date, memo)
        for label, moments in scopes.items()
    }


def _sources(goal: Any) -> list[str]:
    exposure = getattr(goal.metric, "exposure", None)
    return [goal.source, *([exposure.source] if exposure is not None and not isinstance(exposure, str) else [])]


def _hidden(
    study: Study, goal: Any, scopes: dict[str | None, Moments], shown: Sequence[Sequence[Window]]
) -> dict[str | None, bool]:
    """Return the scopes that are hidden, and whether their own records are too few: else they hide another's.

    `shown` are the sides of which numbers are told.

    Records without the field are no one's in particular: to hide them, nothing else needs to be hidden.
    """
    labels, minimum = list(scopes), study.inference.minimum_cell
    unnamed = np.array([label is None for label in labels])
    own, hidden = np.zeros(len(labels), dtype=bool), np.zeros(len(labels), dtype=bool)
    for windows in shown:
        sums = [counted(goal, part)[part.within(windows)].sum() for part in scopes.values()]
        counts = np.round(np.array(sums)).astype(np.int64)
        few = small(counts, minimum)
        own |= few
        hidden |= suppressed_list(counts, minimum) if (few & ~unnamed).any() else few
    return {label: bool(few) for label, few, hide in zip(labels, own, hidden, strict=True) if hide}


def _suppressed(study: Study, goal: Any, *, own: bool) -> Flag:
    if not own:
        return flag(
            "suppressed",
            "info",
            "Not shown, so that another's small number cannot be worked out from the total.",
            case="hidden",
        )
    return flag(
        "suppressed",
        "info",
        "Not shown: fewer than {minimum} {what} on one side (`inference.minimum_cell`).",
        minimum=study.inference.minimum_cell,
        what="events" if goal.metric.kind == "rate" else "records",
    )


def _scope(
    study: Study,
    goal: Any,
    moments: Moments,
    comparison: Comparison,
    look: Look,
    blank: GoalResult,
    to_date: bool,
    memo: dict[bytes, MonthShocks | None],
) -> GoalResult:
    shocks = _shocks(study, goal, moments, memo)
    outcome = evaluate_window(study, goal, moments, comparison, study.inference.confidence, shocks)
    (period,), as_of = look
    ahead = evaluate_to_date(study, goal, moments, period, as_of, shocks) if to_date else None
    return replace(
        blank,
        period=outcome.evaluation,
        to_date=ahead.evaluation if ahead else None,
        verdict=outcome.evaluation.verdict if goal.target else None,
        flags=outcome.flags,
    )


def _shocks(study: Study, goal: Any, moments: Moments, memo: dict[bytes, MonthShocks | None]) -> MonthShocks | None:
    """Return the shocks of a scope's baseline, worked out once where all looks see the same cells that tell of them."""
    inside: Any = slice(None) if goal.compare_with == "same-months" else moments.within([study.baseline])
    seen = (moments.start, moments.cluster, moments.stratum, moments.sums, moments.counts)
    baseline = b"".join(column[inside].tobytes() for column in seen)
    if baseline not in memo:
        memo[baseline] = baseline_shocks(study, goal, moments, scale_of(goal))
    return memo[baseline]
