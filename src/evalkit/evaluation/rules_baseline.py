"""Cautions about the baseline itself: what would have happened anyway."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import numpy as np
from scipy import special

from evalkit.errors import NotEvaluableError
from evalkit.evaluation.common_shocks import shocks_enter
from evalkit.evaluation.flags import ALIKE, Case, flag, p_text
from evalkit.evaluation.interrupted import plan_of
from evalkit.evaluation.window import choices_of, estimate, scale_of
from evalkit.evaluation.windows import Comparison
from evalkit.inference.autoregressive import error_model
from evalkit.inference.contrast import Array
from evalkit.inference.shocks import MONTHS_FOR_SEASON, MONTHS_NEEDED, seasonal_design
from evalkit.periods import Window
from evalkit.results import Flag

WORST_MONTHS, FAR = 3, 2.5


def baseline(case: Case) -> Iterator[Flag]:
    """Look at the baseline's months: a trend, neighbours alike, an extreme beginning or end."""
    months = case.months
    if case.outcome.evaluation.effect is None or len(months.months) < MONTHS_NEEDED:
        return
    yield from _trend(case, months.months.astype(float), months.values)
    yield from _autocorrelation(case)
    yield from _extreme(case, months.values)


def slope_of(months: Array, values: Array) -> tuple[float, float, float]:
    """Return the slope a month of a straight line beside the season, its standard error and degrees of freedom."""
    time = months - months.mean()
    design = np.column_stack([seasonal_design(months, len(months)), time])
    fitted, *_ = np.linalg.lstsq(design, values, rcond=None)
    errors = error_model(design, values - design @ fitted, months.astype(np.int64))
    return float(fitted[-1]), float(np.sqrt(errors.covariance[-1, -1])), errors.df


def _trend(case: Case, months: Array, values: Array) -> Iterator[Flag]:
    """Test a straight line beside the season, with errors whose neighbours may be alike; a model has it in itself."""
    plan = plan_of(case.question)
    if plan is not None and plan.trend:
        return
    slope, error, df = slope_of(months, values)
    if error == 0:
        return
    p = 2 * float(special.stdtr(df, -abs(slope) / error))
    if p < 1 - case.study.inference.confidence:
        ratio = scale_of(case.question) == "ratio"
        a_year = (float(np.exp(12 * slope)) - 1) * 100 if ratio else 12 * slope
        good = (slope > 0) == (case.question.better == "higher")
        shown = any(line.name == "time series" for line in case.lines)
        yield flag(
            "pre_existing_trend",
            "caution" if good else "info",
            "Before the programme the value already moved by {a_year:+.3g}{unit} a year (p {p}); a part of "
            "the change "
            "may be that trend going on."
            + (" The line 'time series' of the sensitivity analysis takes it out." if shown else ""),
            **({} if shown else {"case": "alone"}),
            a_year=a_year,
            unit=" %" if ratio else "",
            p=p_text(p),
        )


def _autocorrelation(case: Case) -> Iterator[Flag]:
    shocks, plan = case.outcome.shocks, plan_of(case.question)
    if shocks is None or shocks.variance <= 0 or shocks.correlation < ALIKE:
        return
    if plan is None or plan.errors == "autoregressive":  # of other errors rules_series speaks
        yield flag(
            "autocorrelation",
            "info",
            "Neighbouring months of the baseline are alike (correlation {correlation:.2f} of their shocks); the "
            "interval is "
            "widened for it.",
            correlation=shocks.correlation,
        )


def _extreme(case: Case, values: Array) -> Iterator[Flag]:
    """Compare the first and the last three months with the rest: a bad spell ends by itself.

    From two years on they must be worse than the same months of other years too, or they are a season.
    """
    worse, months = (1.0 if case.question.better == "lower" else -1.0), case.months.months % 12
    seasonal = len(values) < MONTHS_FOR_SEASON
    for place, chosen in (("first", slice(0, WORST_MONTHS)), ("last", slice(-WORST_MONTHS, None))):
        others = np.delete(np.arange(len(values)), np.arange(len(values))[chosen])
        far = worse * _distance(values[chosen], values[others])
        if not seasonal:
            far = min(far, worse * _distance(values[chosen], values[others][np.isin(months[others], months[chosen])]))
        if far > FAR:
            yield flag(
                "regression_to_mean",
                "caution",
                "The {place} three months of the baseline were much worse than the rest ({far:.1f} standard errors); "
                "what follows a bad spell is better without any programme."
                + (" A baseline of less than two years cannot tell it from a season." if seasonal else ""),
                place=place,
                far=far,
                **({"case": "season"} if seasonal else {}),
            )


def _distance(months: Array, others: Array) -> float:
    """Return how far the mean of some months lies above that of others, in standard errors by the others' spread."""
    spread = float(others.std(ddof=1)) if len(others) > 1 else 0.0
    return (
        float(months.mean() - others.mean()) / (spread * np.sqrt(1 / len(months) + 1 / len(others))) if spread else 0.0
    )


def placebo(case: Case) -> Iterator[Flag]:
    """Evaluate the second half of the baseline against the first, as if a programme had begun between them.

    Asked from 24 months on, where both halves hold the same calendar months. No change is true there, so the
    test fires at its nominal rate when the intervals are right.
    """
    before = case.study.baseline
    if case.outcome.evaluation.effect is None or len(list(before.months())) < MONTHS_FOR_SEASON:
        return
    middle = list(before.months())[len(list(before.months())) // 2].start
    split = Comparison(
        before=Window(before.start, middle - timedelta(days=1)),
        after=(Window(middle, before.end),),
        asked=Window(middle, before.end),
    )
    scale = scale_of(case.question)
    auto = shocks_enter(case.study, case.question)
    try:
        effect = estimate(
            case.question,
            case.moments,
            split,
            case.study.inference.confidence,
            choices_of(case.question),
            "difference" if scale == "level" else scale,
            case.months.shocks(step_at=middle) if auto else None,
        )[0]
    except NotEvaluableError:
        return
    if effect.p_change is not None and effect.p_change < 1 - case.study.inference.confidence:
        yield flag(
            "placebo_in_time",
            "caution",
            "The same evaluation finds a change inside the baseline, where no programme ran ({estimate:.3f}, p {p}); "
            "something else moves this value.",
            estimate=effect.estimate,
            p=p_text(effect.p_change),
        )
