"""All goals of a study for one period: read once, evaluate each, adjust over the family."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from evalkit.errors import NotEvaluableError
from evalkit.evaluation.common_shocks import baseline_months, baseline_shocks
from evalkit.evaluation.diagnostics import Case, diagnose, flag
from evalkit.evaluation.gather import Question, gathered, moments_of, too_many_rejected
from evalkit.evaluation.looks import evaluate_to_date
from evalkit.evaluation.rollout import effect_of_rollout, no_comparison, pre_trend, unknown_units
from evalkit.evaluation.rules_result import not_robust
from evalkit.evaluation.sensitivity import sensitivity
from evalkit.evaluation.unknown_success import unknown_success
from evalkit.evaluation.window import Outcome, evaluate_window, held_of, scale_of
from evalkit.evaluation.windows import Comparison, period_comparison
from evalkit.evaluation.winsorised import winsorised
from evalkit.inference.multiplicity import adjust
from evalkit.periods import Period
from evalkit.results import Evaluation, Flag, GoalResult, SensitivityLine

if TYPE_CHECKING:
    from evalkit.estimands.staggered_result import RolloutEffect
    from evalkit.study import Study

__all__ = [
    "Question",
    "adjust_family",
    "adjusted_over",
    "evaluate_question",
    "gathered",
    "moments_of",
    "not_evaluated",
]


def evaluate_question(study: Study, asked: Question, period: Period, as_of: date, language: str) -> GoalResult:
    """Return a goal's or indicator's result before adjustment over the family."""
    question, confidence = asked.question, study.inference.confidence
    flags: list[Flag] = []
    outcome: Outcome | None = None
    comparison: Comparison | None = None
    to_date: Evaluation | None = None
    lines: tuple[SensitivityLine, ...] = ()
    rollout: RolloutEffect | None = None
    months = baseline_months(question, asked.moments, study.baseline, scale_of(question))
    shocks = baseline_shocks(study, question, asked.moments, scale_of(question), months)
    blocked = too_many_rejected([records for records in (asked.records, asked.exposure) if records is not None], as_of)
    blocked = blocked or unknown_success(question, [asked.moments], asked.records)
    try:
        comparison = period_comparison(study, question, period, as_of)
        outcome = evaluate_window(study, question, asked.moments, comparison, confidence, shocks)
        if blocked is None:
            lines = sensitivity(study, question, asked.moments, outcome)
            lines += winsorised(study, asked, outcome, as_of)
            flags += outcome.flags
            flags += diagnose(
                Case(
                    study=study,
                    question=question,
                    moments=asked.moments,
                    records=asked.records,
                    outcome=outcome,
                    comparison=comparison,
                    months=months,
                    lines=lines,
                    as_of=as_of,
                )
            )
            if question.rollout is not None:
                rollout, cautions = _rollout(study, asked, comparison, as_of)
                flags += cautions
    except NotEvaluableError as reason:
        flags.append(Flag(code=reason.code, severity="serious", message=reason.messages[0]))
    blank = not_evaluated(study, question, language)
    evaluation = outcome.evaluation if outcome else blank.period
    ahead = evaluate_to_date(study, question, asked.moments, period, as_of, shocks)
    if ahead is not None:
        to_date = ahead.evaluation
        told = {each.code for each in flags}
        flags += [each for each in ahead.flags if each.code == "looks_exhausted"]
        # why nothing can be said to date, where something can of the period
        flags += [
            replace(each, severity="caution")
            for each in ahead.flags
            if each.severity == "serious" and each.code not in told
        ]
    if blocked is not None:
        flags.insert(0, blocked)
        evaluation, to_date, lines = _silenced(evaluation), to_date and _silenced(to_date), ()
    return replace(
        blank,
        period=evaluation,
        to_date=to_date,
        verdict=evaluation.verdict if blank.target else None,
        flags=tuple(flags),
        sensitivity=lines,
        rollout=rollout.to_dict() if rollout else None,
        counts=_counts(asked, comparison),
    )


def _rollout(
    study: Study, asked: Question, comparison: Comparison, as_of: date
) -> tuple[RolloutEffect | None, tuple[Flag, ...]]:
    """Return the effect of a staggered roll-out and its cautions."""
    assert asked.reached is not None
    assert asked.by_unit is not None
    unknown: tuple[Flag, ...] = ()
    try:
        reached = {unit: day for unit, day in asked.reached(as_of).items() if day <= as_of}
        unknown = unknown_units(asked.question, reached, asked.by_unit)
        effect = effect_of_rollout(asked.question, asked.by_unit, reached, comparison, study.inference.confidence)
    except NotEvaluableError as reason:
        return None, (*unknown, no_comparison(reason))
    return effect, (*unknown, *pre_trend(effect))


def not_evaluated(study: Study, question: Any, language: str) -> GoalResult:
    """Return the result of a goal or indicator that nothing is known of yet."""
    target = getattr(question, "target", None)
    return GoalResult(
        id=question.id,
        title=question.title.in_language(language),
        kind=question.metric.kind,
        better=question.better,
        target=target.to_dict() if target else None,
        period=Evaluation(
            before=None,
            after=None,
            scale=scale_of(question),
            confidence=study.inference.confidence,
            target_value=target.value if target else None,
            effect=None,
        ),
        to_date=None,
        verdict="not_evaluable" if target else None,
        p_target_adjusted=None,
        held=held_of(question),
    )


def _silenced(evaluation: Evaluation) -> Evaluation:
    return replace(evaluation, effect=None, change=None)


def _counts(asked: Question, comparison: Comparison | None) -> dict[str, int]:
    """Return how many records of the comparison count, and how many are left out for what reason."""
    if comparison is None:
        return {}
    sides = {"before": [comparison.before], "after": list(comparison.after)}
    return {
        f"{name}_{side}": asked.moments.total(windows, name)
        for side, windows in sides.items()
        for name in ("n", "missing", "open", "not_yet_due")
    }


_OVER_GOALS = (
    "Alone this goal would count as achieved; over the study's {family} goals together its p-value is {p:.3f}, "
    "not below {alpha:.3f}."
)


_TO_DATE = (
    "To date this alone would count as achieved; over all {family} judged together its p-value is {p:.3f}, not below "
    "{alpha:.3f}."
)


def adjust_family(study: Study, results: Sequence[GoalResult]) -> tuple[GoalResult, ...]:
    """Return the goals with p-values adjusted over the family, all goals of the study."""
    return adjusted_over(study, results, _OVER_GOALS)


def adjusted_over(study: Study, results: Sequence[GoalResult], caution: str) -> tuple[GoalResult, ...]:
    """Return the results with p-values adjusted over all of them; `caution` is what a lost `achieved` is told with.

    What is not evaluable enters as p = 1. `achieved` asks for the adjusted p-value as well.
    """
    level = (1 - study.inference.confidence) / 2
    method, found = study.inference.multiplicity, []
    now = adjust([_p_target(result.period) for result in results], method)
    to_date = adjust([_p_target(result.to_date) for result in results], method)
    for result, p, ahead in zip(results, now, to_date, strict=True):
        figures = {"family": len(results), "alpha": level}
        if result.to_date is not None and result.to_date.verdict == "achieved" and ahead >= level:
            told = flag("multiplicity_to_date", "caution", _TO_DATE, p=ahead, **figures)
            result = replace(result, flags=(told, *result.flags))
        if result.verdict == "achieved" and p >= level:
            told = flag("multiplicity", "caution", caution, p=p, **figures)
            # the goal's own verdict was another one, with which its alternatives were compared
            others = [each for each in result.flags if each.code != "verdict_not_robust"]
            effect = result.period.effect
            dispersion = effect.details.get("dispersion") if effect is not None else None
            others += not_robust(result.sensitivity, ("achieved", "inconclusive"), dispersion)
            result = replace(result, verdict="inconclusive", flags=(told, *others))
        found.append(replace(result, p_target_adjusted=None if result.period.effect is None else p))
    return tuple(found)


def _p_target(evaluation: Evaluation | None) -> float:
    return 1.0 if evaluation is None or evaluation.p_target is None else evaluation.p_target
