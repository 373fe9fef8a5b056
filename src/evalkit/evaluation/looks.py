"""Everything to date, seen at each period's end: intervals that hold over all looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from evalkit.effect import Pivot
from evalkit.evaluation.common_shocks import baseline_shocks
from evalkit.evaluation.gather import Question, too_many_rejected
from evalkit.evaluation.window import Outcome, Seen, evaluate_window, scale_of
from evalkit.evaluation.windows import Comparison, looks_until, to_date_comparison
from evalkit.inference.anytime import Anytime
from evalkit.inference.repeated import Repeated
from evalkit.inference.shocks import MonthShocks
from evalkit.moments import Moments
from evalkit.periods import MONTHS_IN, Period
from evalkit.results import Evaluation, Flag

if TYPE_CHECKING:
    from evalkit.study import Study

DAYS_A_MONTH = 365.25 / 12


def evaluate_to_date(
    study: Study, question: Any, moments: Moments, period: Period, as_of: date, shocks: MonthShocks | None
) -> Outcome | None:
    """Evaluate everything since phase-in, adjusted for looks where the study asks; None before it begins.

    The information at each look is 1 / variance of the effect there, recomputed from today's records. What the
    last planned look will hold is projected from the calendar: the variance of either side is taken to fall with
    its days. A confidence sequence is tuned to a year of days after.
    """
    comparison = to_date_comparison(study, question, period, as_of)
    if comparison is None:
        return None
    confidence, plan = study.inference.confidence, study.inference.sequential
    if plan == "none" or question.target is None:  # what is only watched is not tested over looks
        return evaluate_window(study, question, moments, comparison, confidence, shocks)
    looks = []
    for look in looks_until(study, period, as_of)[:-1]:
        earlier = to_date_comparison(study, question, look, look.end)
        found = evaluate_window(study, question, moments, earlier, confidence, shocks) if earlier else None
        if earlier is not None and found is not None and found.evaluation.effect is not None:
            looks.append((earlier, found.evaluation.effect.details["standard_error"]))
    if plan.method == "anytime":
        share = _share(comparison, 365.0)
        seen: Seen = lambda pivot, _: Anytime(pivot=pivot, information=share, confidence=confidence)  # noqa: E731
    else:
        first = looks[0][0] if looks else comparison
        whole = first.days + (plan.looks - 1) * MONTHS_IN[study.calendar.frequency] * DAYS_A_MONTH

        def seen(pivot: Pivot, error: float) -> Pivot:
            shares = _information([e for _, e in looks], error, _share(comparison, whole))
            return Repeated(pivot=pivot, information=shares, looks=plan.looks, spending=plan.spending)

        if len(looks) + 1 > plan.looks:
            outcome = evaluate_window(study, question, moments, comparison, confidence, shocks, seen)
            return replace(outcome, flags=(*outcome.flags, _exhausted(len(looks) + 1, plan.looks)))
    return evaluate_window(study, question, moments, comparison, confidence, shocks, seen)


def look_again(study: Study, asked: Question, look: Period) -> Evaluation | None:
    """Evaluate everything to date at one look, from moments cut off at the look's end; None before it begins.

    Records and estimate are those of `evaluate_to_date` there. The interval is not for readers, as it knows of no other
    look: leaving those out makes this cheap enough to ask of every look.
    """
    question, moments = asked.question, asked.moments
    comparison = to_date_comparison(study, question, look, look.end)
    if comparison is None:
        return None
    shocks = baseline_shocks(study, question, moments, scale_of(question))
    found = evaluate_window(study, question, moments, comparison, study.inference.confidence, shocks).evaluation
    sources = [records for records in (asked.records, asked.exposure) if records is not None]
    blocked = too_many_rejected(sources, look.end)
    return replace(found, effect=None, change=None) if blocked else found


def _exhausted(look: int, planned: int) -> Flag:
    return Flag(
        code="looks_exhausted",
        severity="caution",
        message=f"This is look {look} at everything to date, and the study planned {planned}: no error is left to "
        "spend, so the interval to date says little. Plan more looks (`inference.sequential.looks`) next time.",
        figures={"look": look, "planned": planned},
    )


def _share(comparison: Comparison, days: float) -> float:
    """Return the share of the information after `days` that the comparison's own days give, by the calendar alone."""
    before = comparison.before.days
    return (1 / before + 1 / days) / (1 / before + 1 / comparison.days)


def _information(errors: Sequence[float], error: float, share: float) -> tuple[float, ...]:
    """Return the shares of the planned information at all looks, this one last."""
    return (*(share * (error / earlier) ** 2 for earlier in errors), share)
