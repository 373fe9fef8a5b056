"""A goal's series before and after: the goal's own estimator where the study asks for it, else a sensitivity line."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.effect import concluded_anew
from evalkit.errors import NotEvaluableError, ParameterError
from evalkit.estimands.time_series import interrupted_time_series
from evalkit.estimands.time_series_result import TimeSeriesEffect
from evalkit.evaluation.windows import Comparison
from evalkit.inference.contrast import Array
from evalkit.inference.student import StudentPivot
from evalkit.moments import Moments, unclustered
from evalkit.periods import Frequency, Window, period_containing

if TYPE_CHECKING:
    from evalkit.evaluation.window import Seen
    from evalkit.study import Study

POINTS_BEFORE, POINTS_AFTER, POINTS_FOR_SEASON = 8, 4, 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a series is modelled: the words of the study's `estimator`."""

    frequency: Frequency
    family: Any
    change: Any
    harmonics: int
    trend: bool
    errors: Any


def plan_of(question: Any) -> Plan | None:
    """Return the study's plan for the goal, or None where it is compared directly."""
    chosen = question.estimator
    if chosen.kind == "direct":
        return None
    return Plan(
        frequency=chosen.frequency,
        family=chosen.family,
        change=chosen.change,
        harmonics=chosen.harmonics,
        trend=chosen.trend,
        errors=chosen.errors,
    )


def usual_plan(question: Any, points_before: int) -> Plan:
    """Return the plan of the sensitivity line: a step, a trend, a season from two years on."""
    return Plan(
        frequency="month",
        family="quasi-poisson" if question.metric.kind == "rate" else "gaussian",
        change="level",
        harmonics=2 if points_before >= POINTS_FOR_SEASON else 0,
        trend=True,
        errors="autoregressive",
    )


def counted_points(study: Study, question: Any, moments: Moments, comparison: Comparison) -> tuple[int, int]:
    """Return how many months with exposure the series has before and after."""
    found = _points(study, question, moments, comparison, "month")
    return sum(not p.after for p in found), sum(p.after for p in found)


def series_effect(
    study: Study,
    question: Any,
    moments: Moments,
    comparison: Comparison,
    confidence: float,
    plan: Plan,
    seen: Seen | None = None,
    counts: bool | None = None,
) -> TimeSeriesEffect:
    """Return the effect in the comparison's window against the counterfactual of all data up to the cut-off.

    `counts` says whether a rate's events are counts, where these moments do not tell.
    Raises NotEvaluableError where the series cannot answer.
    """
    points = _points(study, question, moments, comparison, plan.frequency)
    after = [point for point in points if point.after]
    inside = [point.time for point in _evaluated(points, comparison)]
    if not inside or len(after) == len(points):
        raise NotEvaluableError("too_few_points", "The series has no point on one side of the comparison.")
    try:
        if counts is None:
            counts = counts_events(moments, [point.days for point in points])
        chance = _chance(question, points, counts)
        effect = _fit(question, points, after[0].time, (inside[0], inside[-1]), confidence, plan, chance)
    except ParameterError as error:  # a season that so few or such scattered points cannot carry
        raise NotEvaluableError("too_few_points", f"The series cannot carry the model: {error.messages[0]}") from None
    return effect if seen is None else _over_looks(effect, seen)


def days_evaluated(study: Study, question: Any, moments: Moments, comparison: Comparison) -> Window | None:
    """Return the days, first to last, of the points that answer for the comparison's window; None without a series."""
    plan = plan_of(question)
    if plan is None:
        return None
    inside = _evaluated(_points(study, question, moments, comparison, plan.frequency), comparison)
    return Window(inside[0].days.start, inside[-1].days.end) if inside else None


def _evaluated(points: list[_Point], comparison: Comparison) -> list[_Point]:
    return [p for p in points if p.after and any(window.intersect(p.days) for window in comparison.after)]


def _fit(
    question: Any,
    points: list[_Point],
    first: date,
    window: tuple[date, date],
    confidence: float,
    plan: Plan,
    chance: float,
) -> TimeSeriesEffect:
    target = getattr(question, "target", None)
    return interrupted_time_series(
        np.array([point.numerator for point in points]),
        [point.time for point in points],
        first,
        exposure=np.array([point.exposure for point in points]),
        family=plan.family,
        change=plan.change,
        harmonics=plan.harmonics,
        trend=plan.trend,
        errors=plan.errors,
        window=window,
        target=target.value if target is not None and target.scale == "ratio" else None,
        better=question.better,
        confidence=confidence,
        chance=chance,
    )


def counts_events(moments: Moments, windows: list[Window]) -> bool:
    """Return whether the first total of the cells in the windows is whole throughout: an amount of money is no count.

    Asked of the cells as they were summed: a point's numerator has been divided and multiplied again.
    """
    events = moments.sums[moments.within(windows), 0]
    return bool((events == np.floor(events)).all())


def _chance(question: Any, points: list[_Point], counts: bool) -> float:
    """Return what chance alone makes of the variance of a point's numerator, in units of its mean; 0 if unknown.

    What is no count has no unit in which chance alone would give its variance: that of an amount is another in euros
    than in millions.
    """
    metric = question.metric
    if question.standardise_by or getattr(metric, "weight", None) is not None:
        return 0.0
    if metric.kind == "proportion":
        # planning multiplies successes, which may be more than there are trials
        return max(0.0, 1 - sum(point.numerator for point in points) / sum(point.exposure for point in points))
    return 1.0 if metric.kind == "rate" and counts else 0.0


def _over_looks(effect: TimeSeriesEffect, seen: Seen) -> TimeSeriesEffect:
    """Return the same effect with the interval and p-values of one look among several."""
    error = effect.details["standard_error"]
    pivot = StudentPivot(estimate=effect.estimate, se=error, df=effect.df, method=effect.method, link="log")
    repeated = concluded_anew(effect, seen(pivot, error))
    return replace(
        effect,
        low=repeated.low,
        high=repeated.high,
        p_target=repeated.p_target,
        p_change=repeated.p_change,
        verdict=repeated.verdict,
        method=repeated.method,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Point:
    time: date
    days: Window
    after: bool
    numerator: float
    exposure: float


def _points(
    study: Study, question: Any, moments: Moments, comparison: Comparison, frequency: Frequency
) -> list[_Point]:
    """Return the series up to the comparison's end, phase-in left out.

    A calendar period that holds days of both sides stands with the side that has more of them, before where they are as
    many; the others are left out. Where the goal holds a mix, so does every point: its numerator is the standardised
    value times its exposure.
    """
    phase_in = study.windows_of(question)[1]
    sides = [(comparison.before, False)]
    sides += [(w, True) for w in Window(study.programme_start, comparison.span.end).minus(phase_in)]
    found: dict[date, tuple[list[Window], list[Window]]] = {}
    for window, after in sides:
        for month in window.months():
            found.setdefault(period_containing(month.start, frequency).start, ([], []))[after].append(month)
    moments = unclustered(moments)
    shares = _by_stratum(question, moments, [comparison.before])[1]
    points = []
    for time, both in sorted(found.items()):
        before_days, after_days = (sum(part.days for part in side) for side in both)
        after = after_days > before_days
        parts = both[after]
        numerators, exposures = _by_stratum(question, moments, parts)
        common = (shares > 0) & (exposures > 0)
        exposure = float(exposures.sum())
        if not common.any():
            continue
        value = float((shares[common] * numerators[common] / exposures[common]).sum() / shares[common].sum())
        days = Window(parts[0].start, parts[-1].end)
        points.append(_Point(time=time, days=days, after=after, numerator=value * exposure, exposure=exposure))
    return points


def _by_stratum(question: Any, moments: Moments, days: list[Window]) -> tuple[Array, Array]:
    """Return Σa and Σb by stratum, in one stratum where the goal holds no mix."""
    inside = moments.within(days)
    kinds = moments.stratum[inside] if question.standardise_by else np.zeros(int(inside.sum()), dtype=np.intp)
    size = max(1, len(moments.strata)) if question.standardise_by else 1
    a, b = (
        np.bincount(kinds, weights=moments.sums[inside, column], minlength=size).astype(np.float64) for column in (0, 1)
    )
    return a, b
