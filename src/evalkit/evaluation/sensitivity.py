"""The same estimand under the reasonable alternatives, from the same sufficient statistics."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.effect import Effect, Pivot, concluded_anew
from evalkit.errors import NotEvaluableError
from evalkit.estimands.totals import Totals
from evalkit.evaluation.flags import unit_name
from evalkit.evaluation.interrupted import (
    POINTS_AFTER,
    POINTS_BEFORE,
    counted_points,
    plan_of,
    series_effect,
    usual_plan,
)
from evalkit.evaluation.window import Choices, Outcome, choices_of, estimate
from evalkit.evaluation.windows import Comparison
from evalkit.inference.binomial import ClopperPearson
from evalkit.inference.poisson import ExactRateRatio
from evalkit.moments import Moments
from evalkit.results import SensitivityLine

if TYPE_CHECKING:
    from evalkit.study import Study


def sensitivity(study: Study, question: Any, moments: Moments, outcome: Outcome) -> tuple[SensitivityLine, ...]:
    """Return the alternatives to an evaluation; those that the data cannot answer are left out."""
    comparison, effect = outcome.comparison, outcome.evaluation.effect
    if effect is None or comparison is None or outcome.totals is None:
        return ()
    own, direct = choices_of(question), plan_of(question) is None
    confidence = outcome.evaluation.confidence
    lines = []
    alternatives = (
        _alternatives(question, own, moments, outcome)
        if direct
        else [("direct", own, "Before and after compared directly, without a model of the series.")]
    )
    for name, choices, note in alternatives:
        try:
            other = estimate(question, moments, comparison, confidence, choices, effect.scale, outcome.shocks)[0]
        except NotEvaluableError:
            continue
        lines.append(_line(name, other, note))
    if outcome.shocks is not None and direct:
        alone = estimate(question, moments, comparison, confidence, own, effect.scale, None)[0]
        lines.append(_line("months independent", alone, "Months taken not to move together beyond sampling."))
    plain = outcome.estimand is not None and not outcome.estimand.standardised and outcome.estimand.season is None
    exact = _exact(outcome.totals, effect) if plain else None
    if exact is not None:
        lines.append(_line("exact", exact, f"Counts as independent events: {exact.method}."))
    if direct and effect.scale == "ratio" and question.target is not None:
        lines += _time_series(study, question, moments, comparison, confidence)
    return tuple(lines)


def _time_series(
    study: Study, question: Any, moments: Moments, comparison: Comparison, confidence: float
) -> list[SensitivityLine]:
    """Return the time-series answer where the series is long enough: 8 months before and 4 after."""
    before, after = counted_points(study, question, moments, comparison)
    if before < POINTS_BEFORE or after < POINTS_AFTER:
        return []
    plan = usual_plan(question, before)
    try:
        effect = series_effect(study, question, moments, comparison, confidence, plan)
    except NotEvaluableError:
        return []
    season = "two waves of the year, " if plan.harmonics else ""
    return [
        _line(
            "time series",
            effect,
            f"All months since implementation, against what {season}trend and months before lead to expect.",
        )
    ]


def _line(name: str, effect: Effect, note: str) -> SensitivityLine:
    return SensitivityLine(
        name=name, estimate=effect.estimate, low=effect.low, high=effect.high, note=note, verdict=effect.verdict
    )


def _alternatives(question: Any, own: Choices, moments: Moments, outcome: Outcome) -> list[tuple[str, Choices, str]]:
    found = []
    columns = ", ".join(question.standardise_by)
    if own.standardised:
        found.append(("unadjusted", replace(own, standardised=False), f"The mix of {columns} is left as it fell."))
    if own.clustered:
        found.append(
            (
                "without clusters",
                replace(own, clustered=False),
                f"Records of one {question.cluster} taken as independent.",
            )
        )
        largest = _largest_cluster(outcome)
        if largest is not None:
            named = unit_name(question.cluster, str(moments.clusters[largest]))
            found.append(
                (
                    "without the largest cluster",
                    replace(own, without_cluster=largest),
                    f"Leaves out {named}.",
                )
            )
    if own.same_months:
        found.append(
            ("whole baseline", replace(own, same_months=False), "The baseline's months as they are, seasons mixed.")
        )
    else:
        found.append(
            ("same months", replace(own, same_months=True), "The baseline weighted to the window's calendar months.")
        )
    return found


def _largest_cluster(outcome: Outcome) -> int | None:
    totals = outcome.totals
    if totals is None or len(totals.before) < 3:
        return None
    before, after = totals.before[:, 1].sum(axis=(1, 2)), totals.after[:, 1].sum(axis=1)
    shares = [arm / arm.sum() if arm.sum() > 0 else arm for arm in (before, after)]
    return int(np.argmax(shares[0] + shares[1]))


def _exact(totals: Totals, effect: Effect) -> Effect | None:
    """Return the exact procedure's answer for plain counts, where it is another one."""
    (xb, eb), (xa, ea) = totals.before.sum(axis=(0, 2, 3)), totals.after.sum(axis=(0, 2))
    pivot: Pivot | None = None
    if totals.kind == "rate" and effect.scale == "ratio":
        pivot = ExactRateRatio(
            events_before=float(xb), exposure_before=float(eb), events_after=float(xa), exposure_after=float(ea)
        )
    elif totals.kind == "proportion" and effect.scale == "level" and totals.plain:
        pivot = ClopperPearson(successes=float(xa), trials=float(ea))
    if pivot is None or pivot.method == effect.method:
        return None
    return concluded_anew(effect, pivot)
