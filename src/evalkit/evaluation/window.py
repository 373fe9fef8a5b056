"""One goal in one window: the estimate, or why there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.effect import Effect, Pivot, Scale
from evalkit.errors import NotEvaluableError
from evalkit.estimands.compare import compare
from evalkit.estimands.totals import COMMON_STRATA_FLOOR, Totals, common_shares
from evalkit.evaluation.arms import months_held, totals_of
from evalkit.evaluation.common_shocks import added_by
from evalkit.evaluation.interrupted import plan_of, series_effect
from evalkit.evaluation.rules_coverage import check_month_totals, check_months_of_exposure
from evalkit.evaluation.windows import Comparison
from evalkit.inference.contrast import Array, Estimand, arm_values
from evalkit.inference.shocks import MonthShocks
from evalkit.moments import Moments
from evalkit.results import Arm, Evaluation, Flag

if TYPE_CHECKING:
    from evalkit.study import Study

Seen = Callable[[Pivot, float], Pivot]  # a procedure and its standard error, as seen at one of several looks

UNFINISHED_EXCESS = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """The choices of analysis that sensitivity lines vary; by default the goal's own."""

    standardised: bool
    same_months: bool
    clustered: bool
    without_cluster: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """An evaluation with what diagnostics and sensitivity need to know of it."""

    evaluation: Evaluation
    flags: tuple[Flag, ...]
    totals: Totals | None
    estimand: Estimand | None
    comparison: Comparison | None
    shocks: MonthShocks | None


def choices_of(question: Any) -> Choices:
    """Return the goal's own choices."""
    return Choices(
        standardised=bool(question.standardise_by),
        same_months=question.compare_with == "same-months",
        clustered=question.cluster is not None,
    )


def scale_of(question: Any) -> Scale:
    """Return the scale of the estimate; an indicator, which has no target, is shown as a ratio or difference.

    A series answers with a ratio, whatever the metric.
    """
    target = getattr(question, "target", None)
    if target is not None:
        return target.scale  # type: ignore[no-any-return]
    if plan_of(question) is not None:
        return "ratio"
    return "difference" if question.metric.kind == "proportion" else "ratio"


def held_of(question: Any) -> tuple[str, ...]:
    """Return what a goal's estimate holds as in the baseline; a level is compared with no month.

    A series is compared with its own course before, whatever months the baseline is to be compared by.
    """
    choices, course = choices_of(question), plan_of(question) is not None
    months = choices.same_months and scale_of(question) != "level" and not course
    held = {"mix": choices.standardised, "months": months, "course": course}
    return tuple(name for name, holds in held.items() if holds)


def sample(question: Any, moments: Moments, comparison: Comparison, choices: Choices) -> tuple[Totals, Array | None]:
    """Return the totals under these choices and the month shares the baseline is weighted to, if any."""
    shares = months_held(moments, comparison) if choices.same_months else None
    totals = totals_of(
        moments,
        kind=question.metric.kind,
        before=[comparison.before],
        after=comparison.after,
        months=shares,
        clustered=choices.clustered,
        stratified=choices.standardised,
        plain=question.metric.kind == "proportion" and question.metric.weight is None,
    )
    if choices.without_cluster is not None:
        totals = without_cluster(totals, choices.without_cluster)
    return totals, None if shares is None else shares[shares > 0]


def without_cluster(totals: Totals, cluster: int) -> Totals:
    """Return the totals without one cluster. Second moments stay those of all: clusters make the variance."""
    keep = np.arange(len(totals.before)) != cluster
    return replace(totals, before=totals.before[keep], after=totals.after[keep])


def estimate(
    question: Any,
    moments: Moments,
    comparison: Comparison,
    confidence: float,
    choices: Choices,
    scale: Scale,
    shocks: MonthShocks | None,
    seen: Seen | None = None,
) -> tuple[Effect, Totals, Estimand]:
    """Return the effect under these choices. Raises NotEvaluableError."""
    totals, season = sample(question, moments, comparison, choices)
    estimand = Estimand(scale=scale, standardised=choices.standardised, season=season)
    target = getattr(question, "target", None)
    aimed = target if target is not None and target.scale == scale else None
    effect = compare(
        totals,
        estimand,
        target=aimed.value if aimed else None,
        better=question.better,
        confidence=confidence,
        shocks=added_by(shocks, question, moments, comparison, scale, season=choices.same_months),
        seen=seen,
    )
    return effect, totals, estimand


def evaluate_window(
    study: Study,
    question: Any,
    moments: Moments,
    comparison: Comparison,
    confidence: float,
    shocks: MonthShocks | None,
    seen: Seen | None = None,
) -> Outcome:
    """Evaluate one goal in one window, by the estimator the study names.

    What cannot be answered comes back as a flag, never as an error.
    """
    scale, choices, flags = scale_of(question), choices_of(question), []
    if plan_of(question) is not None:
        choices = replace(choices, same_months=False)  # its season is the model's; both sides stand as recorded
    target = getattr(question, "target", None)
    totals, season = sample(question, moments, comparison, choices)
    estimand = Estimand(scale=scale, standardised=choices.standardised, season=season)
    effect: Effect | None = None
    change: Effect | None = None
    try:
        _check_unfinished(question, moments, comparison)
        check_month_totals(question, moments, comparison)
        check_months_of_exposure(question, moments, comparison)
        if choices.standardised:
            _check_strata(totals, question)
        plan = plan_of(question)
        if plan is not None:
            effect = series_effect(study, question, moments, comparison, confidence, plan, seen)
        else:
            effect = estimate(question, moments, comparison, confidence, choices, scale, shocks, seen)[0]
    except NotEvaluableError as reason:
        flags.append(Flag(code=reason.code, severity="serious", message=reason.messages[0]))
    if scale == "level" and effect is not None:
        try:
            change = estimate(question, moments, comparison, confidence, choices, "difference", shocks, seen)[0]
        except NotEvaluableError as reason:
            flags.append(
                Flag(code="no_baseline", severity="info", message=f"No change can be told: {reason.messages[0]}")
            )
    before = _arm(totals, estimand, comparison, 0)
    evaluation = Evaluation(
        before=before if before is not None and (before.records or question.metric.kind == "rate") else None,
        after=_arm(totals, estimand, comparison, 1),
        scale=scale,
        confidence=confidence,
        target_value=target.value if target else None,
        effect=effect,
        change=change,
        not_yet_due=_not_yet_due(question, moments, comparison),
    )
    return Outcome(
        evaluation=evaluation,
        flags=tuple(flags),
        totals=totals,
        estimand=estimand,
        comparison=comparison,
        shocks=shocks,
    )


def _check_unfinished(question: Any, moments: Moments, comparison: Comparison) -> None:
    """Raise NotEvaluableError where far more of the window's records than of the baseline's are still open.

    The open ones are those that take longest, so what is left looks quicker than it is: with a mean of ten days a
    quarter cut at its end falls by 18 % from nothing.
    """
    if question.metric.kind != "mean" or isinstance(question.metric.value, str):
        return
    still_open, shares = 0, []
    for windows in ([comparison.before], comparison.after):
        still_open = moments.total(windows, "open")
        shares.append(still_open / max(1, still_open + moments.total(windows, "n")))
    if shares[1] - shares[0] > UNFINISHED_EXCESS:
        raise NotEvaluableError(
            "too_many_unfinished",
            f"{still_open} records of the window ({100 * shares[1]:.0f} %) had not finished by the cut-off, against "
            f"{100 * shares[0]:.0f} % of the baseline's; the slowest are missing, so the window looks "
            f"quicker than it is. "
            "Take a later cut-off (--as-of), or a `within` by which nearly all have finished; records that will never "
            "finish are left out by `where` on a column that says which do.",
        )


def _not_yet_due(question: Any, moments: Moments, comparison: Comparison) -> int | None:
    if question.metric.kind != "proportion" or question.metric.success.within is None:
        return None
    return moments.total(comparison.after, "not_yet_due")


def _arm(totals: Totals, estimand: Estimand, comparison: Comparison, side: int) -> Arm | None:
    """Return one side's description: its value as compared (standardised, month-weighted)."""
    sums = (totals.before.sum(axis=2) if side == 0 else totals.after)[:, 1].sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = float(arm_values(totals.before.sum(axis=0), totals.after.sum(axis=0), estimand)[side])
    window = comparison.before if side == 0 else comparison.span
    return Arm(
        records=totals.records[side],
        clusters=int((sums > 0).sum()) if totals.clustered else None,
        value=value if np.isfinite(value) else None,
        start=window.start,
        end=window.end,
    )


def _check_strata(totals: Totals, question: Any) -> None:
    share = min(common_shares(totals))
    if 0 < share < COMMON_STRATA_FLOOR:
        raise NotEvaluableError(
            "strata_not_common",
            f"Only {100 * share:.0f} % of the records lie in kinds of {', '.join(question.standardise_by)} that both "
            "sides have; at least 80 % are needed to hold the mix.",
        )
