"""The situation before the programme: each weakness with what measures it, its baseline level and its course."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from evalkit.effect import Effect, Scale
from evalkit.errors import NotEvaluableError
from evalkit.estimands.compare import compare
from evalkit.evaluation.arms import totals_of
from evalkit.evaluation.common_shocks import added_by, baseline_months, shocks_enter
from evalkit.evaluation.conductor import moments_of
from evalkit.evaluation.rules_baseline import slope_of
from evalkit.evaluation.window import scale_of
from evalkit.evaluation.windows import Comparison
from evalkit.inference.contrast import Estimand
from evalkit.inference.numeric import critical_value
from evalkit.inference.shocks import MONTHS_NEEDED
from evalkit.moments import Moments
from evalkit.periods import Period

if TYPE_CHECKING:
    from evalkit.records import Records
    from evalkit.study import Study


@dataclass(frozen=True, slots=True, kw_only=True)
class Slope:
    """The baseline's own trend: change a year, as a ratio or a difference, with its interval."""

    scale: Scale
    a_year: float
    low: float
    high: float

    @property
    def shown(self) -> bool:
        """Whether the interval leaves out no trend."""
        return not self.low <= {"ratio": 1.0}.get(self.scale, 0.0) <= self.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """A metric's level over the whole baseline as recorded, and its trend; `reason` says why there is no level."""

    id: str
    records: int
    level: Effect | None
    slope: Slope | None
    reason: str = ""


def questions_of(study: Study, weakness: Any) -> tuple[Any, ...]:
    """Return what measures a weakness: its commitment's goals; without any, the indicators of its measures."""
    if weakness.commitment is None:
        return ()
    goals = tuple(goal for goal in study.goals if goal.commitment == weakness.commitment)
    if goals:
        return goals
    measures = {measure.id for measure in study.measures if measure.commitment == weakness.commitment}
    return tuple(one for one in study.indicators if one.measure in measures)


def baseline_of(study: Study, question: Any, as_of: date, records: Callable[[str], Records]) -> Baseline:
    """Return a goal's or indicator's baseline, by the procedure that levels have in evaluations."""
    moments = moments_of(study, question, [Period("baseline", study.baseline)], as_of, records).moments
    months = baseline_months(question, moments, study.baseline, scale_of(question))
    level, reason = None, ""
    try:
        level = _level(study, question, moments)
    except NotEvaluableError as error:
        reason = error.messages[0]
    slope = None
    if len(months.months) >= MONTHS_NEEDED:
        slope = _slope(
            scale_of(question), *slope_of(months.months.astype(float), months.values), study.inference.confidence
        )
    return Baseline(
        id=question.id, records=moments.total([study.baseline], "n"), level=level, slope=slope, reason=reason
    )


def _level(study: Study, question: Any, moments: Moments) -> Effect:
    window, kind = study.baseline, question.metric.kind
    totals = totals_of(
        moments,
        kind=kind,
        before=[],
        after=[window],
        months=None,
        clustered=question.cluster is not None,
        stratified=False,
        plain=kind == "proportion" and question.metric.weight is None,
    )
    months = baseline_months(question, moments, window, "level")
    shocks = months.shocks() if shocks_enter(study, question) else None
    held = Comparison(before=window, after=(window,), asked=window)
    return compare(
        totals,
        Estimand(scale="level", standardised=False, season=None),
        target=None,
        better=question.better,
        confidence=study.inference.confidence,
        shocks=added_by(shocks, question, moments, held, "level", season=False),
    )


def _slope(scale: Scale, slope: float, error: float, df: float, confidence: float) -> Slope:
    reach = critical_value(confidence, df) * error
    a_year, low, high = (12 * value for value in (slope, slope - reach, slope + reach))
    if scale == "ratio":
        return Slope(scale=scale, a_year=math.exp(a_year), low=math.exp(low), high=math.exp(high))
    return Slope(scale="difference", a_year=a_year, low=low, high=high)
