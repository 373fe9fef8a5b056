"""From totals to an effect: which procedure answers, fixed by rule.

====================  ==========================================================================
clusters named        delete-one-cluster jackknife; t with effective clusters − 1; log scale for a
                      ratio, widened for the records' skewness. The level of a proportion: Wilson at
                      the effective sample size. Where all clusters agree exactly, the procedure
                      without clusters.
mean or ratio         linearised variance over records, Hall's skewness correction, Welch t
proportion            Wilson (level), Miettinen–Nurminen (difference), Koopman (ratio); weighted,
                      standardised or month-weighted ones by linearised variance, but by the scores at
                      effective sizes, as clustered ones too, where few records are of one kind
                      (all of the above widened by shocks of whole months, where they are given)
rate                  quasi-Poisson with the dispersion of the months of both arms, never under 1,
                      where they total 12; exact below. With clusters the wider of the two (compare_rates).
====================  ==========================================================================
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from evalkit.effect import Better, Effect, Pivot, conclude
from evalkit.errors import NotEvaluableError
from evalkit.estimands.compare_rates import rate_pivot
from evalkit.estimands.totals import Totals
from evalkit.inference.binomial import ScoreDifference, ScoreRatio, Wilson
from evalkit.inference.contrast import Array, Estimand, arm_values, gradient
from evalkit.inference.jackknife import ClusterVariance, cluster_variance
from evalkit.inference.shocks import Added
from evalkit.inference.student import Skewness, StudentPivot, log_ratio_skewness, satterthwaite

MANY_CLUSTERS, FEW_OF_ONE_KIND = 30, 10


def compare(
    totals: Totals,
    estimand: Estimand,
    *,
    target: float | None,
    better: Better | None,
    confidence: float,
    shocks: Added | None = None,
    seen: Callable[[Pivot, float], Pivot] | None = None,
) -> Effect:
    """Return the effect of the after arm against the before arm, or the level of the after arm.

    `shocks` is what months that move together add to the variance (not for a rate, whose dispersion holds it).
    `seen` turns the procedure and its standard error into one that holds over several looks. The effect's
    details hold `standard_error`, on the working scale (log ratio, difference, level).

    Raises NotEvaluableError where the totals cannot answer: no records, a zero baseline of a ratio, no
    events before, no exposure, fewer than two clusters, no variation at all.
    """
    before, after = _values(totals, estimand)
    estimand = as_compared(estimand)
    details: dict[str, float] = {}
    if totals.kind == "rate":
        pivot = rate_pivot(totals, estimand, before, after, details)
    elif totals.clustered:
        pivot = _clustered(totals, estimand, after, shocks, details)
    else:
        pivot = _records(totals, estimand, shocks, details)
    if shocks is not None and totals.kind != "rate":
        details["month_shock"] = math.sqrt(shocks.shocks.variance)
        details["month_correlation"] = shocks.shocks.correlation
    return conclude(
        seen(pivot, details["standard_error"]) if seen else pivot,
        scale=estimand.scale,
        target=target,
        better=better,
        confidence=confidence,
        before=before,
        after=after,
        details=details,
    )


def as_compared(estimand: Estimand) -> Estimand:
    """Return what a procedure compares: a level that holds no mix needs no month of the baseline."""
    return estimand if estimand.uses_before else replace(estimand, season=None)


def _values(totals: Totals, estimand: Estimand) -> tuple[float | None, float]:
    """Return both arms' values, or say why there are none."""
    uses_before = estimand.uses_before
    for count, name, needed in ((totals.records[0], "baseline", uses_before), (totals.records[1], "window", True)):
        if needed and count == 0 and totals.kind != "rate":
            raise NotEvaluableError(
                f"no_records_{'before' if name == 'baseline' else 'after'}", f"The {name} has no records that count."
            )
    months_told = True
    if estimand.season is not None:
        bare = totals.before[:, 1].sum(axis=(0, 2)) <= 0
        months_told = not bool((bare & (estimand.season > 0)).any())
        if not months_told and not uses_before:  # a level needs no month before, and has then no value before either
            estimand = replace(estimand, season=None)
        elif not months_told:
            raise NotEvaluableError(
                "season_not_in_baseline", "The baseline has no records in some of the window's calendar months."
            )
    exposures = totals.before[:, 1].sum(), totals.after[:, 1].sum()
    if (uses_before and exposures[0] <= 0) or exposures[1] <= 0:
        arm = "baseline" if uses_before and exposures[0] <= 0 else "window"
        word = "exposure" if totals.kind == "rate" else "weight or denominator"
        raise NotEvaluableError("zero_exposure", f"The {arm}'s {word} sums to zero; there is nothing to divide by.")
    before, after = (float(v) for v in arm_values(totals.before.sum(axis=0), totals.after.sum(axis=0), estimand))
    if math.isnan(after) or (uses_before and math.isnan(before)):
        raise NotEvaluableError("no_common_stratum", "Baseline and window share no stratum to compare within.")
    if estimand.scale == "ratio" and totals.kind == "rate" and before == 0:
        raise NotEvaluableError("zero_events_before", "The baseline has no events; a relative change has no base.")
    if estimand.scale == "ratio" and before <= 0:
        raise NotEvaluableError(
            "baseline_not_positive", f"The baseline value is {before:g}; a ratio needs a positive one."
        )
    if estimand.scale == "ratio" and after < 0:
        raise NotEvaluableError("negative_value", f"The value after is {after:g}; a ratio needs values above zero.")
    return (before if uses_before or (months_told and exposures[0] > 0 and totals.records[0]) else None), after


def _link_estimate(totals: Totals, estimand: Estimand) -> float:
    before, after = arm_values(totals.before.sum(axis=0), totals.after.sum(axis=0), estimand)
    if estimand.scale == "level":
        return float(after)
    return float(after - before) if estimand.scale == "difference" else float(after / before)


def _with_shocks(variance: float, df: float | None, shocks: Added | None) -> tuple[float, float | None]:
    """Return variance and degrees of freedom with the months' shocks added."""
    if shocks is None:
        return variance, df
    return variance + shocks.variance, shocks.combined_df(variance, df)


def _clustered(
    totals: Totals, estimand: Estimand, after: float, shocks: Added | None, details: dict[str, float]
) -> Pivot:
    found = cluster_variance(totals.before, totals.after, estimand)
    details |= found.details(estimand)
    bounded = _near_bound(totals, estimand, shocks, details)
    if bounded is not None:
        return bounded
    agree = found.variance <= 1e-20 * max(1.0, found.estimate**2)
    if agree or (totals.kind != "mean" and after <= 0):
        return _records(totals.unclustered(), estimand, shocks, details)
    own, skewness = found.df, Skewness()
    if totals.kind != "proportion":
        own, skewness = _skewed(totals, estimand, found)
    variance, df = _with_shocks(found.variance, own, shocks)
    if totals.kind == "proportion" and estimand.scale == "level" and 0 < after < 1:
        trials = min(after * (1 - after) / variance, _kish(totals.after, totals.after_powers))
        details |= {"effective_records": trials, "standard_error": math.sqrt(after * (1 - after) / trials)}
        return Wilson(successes=after * trials, trials=trials, df=df)
    details["standard_error"] = math.sqrt(variance)
    return StudentPivot(
        estimate=_link_estimate(totals, estimand),
        se=math.sqrt(variance),
        df=df,
        method="cluster jackknife, t" + (", log scale" if estimand.scale == "ratio" else ""),
        link="log" if estimand.scale == "ratio" else "identity",
        skewness=skewness.diluted(found.variance / variance),
        cautious=True,
    )


def _skewed(totals: Totals, estimand: Estimand, found: ClusterVariance) -> tuple[float, Skewness]:
    """Return degrees of freedom and skewness of the jackknife where the records within clusters are skewed.

    Clusters too few to tell their own skewness and kurtosis take the records', by the records' share of the variance.
    From 30 on false claims are at the nominal rate without the kurtosis, and degrees of freedom that unequal clusters
    have lost already are enough (tests/calibration/clusters.py).
    """
    records, free, skewness = record_variance(totals.unclustered(), estimand)
    share = min(1.0, records / found.variance)
    df = found.df
    if free and df < MANY_CLUSTERS:
        df = min(df, 1 / (1 / (max(found.clusters) - 1) + share * share / free))
    return df, replace(skewness.diluted(share), reach=3.0)


def _kish(arm: Array, arm_powers: Array) -> float:
    """Return the effective number of records of an arm's weights, (Σw)²/Σw²."""
    squares = float(arm_powers[2].sum())
    return float(arm[:, 1].sum()) ** 2 / squares if squares > 0 else 0.0


def _records(totals: Totals, estimand: Estimand, shocks: Added | None, details: dict[str, float]) -> Pivot:
    """Return the procedure for independent records."""
    simple = totals.plain and not estimand.standardised and estimand.season is None
    if totals.kind == "proportion" and simple:
        return _binomial(totals, estimand, shocks, details)
    bounded = _near_bound(totals, estimand, shocks, details)
    if bounded is not None:
        return bounded
    own, df, skewness = record_variance(totals, estimand)
    value = _link_estimate(totals, estimand)
    variance, df = _with_shocks(own, df, shocks)
    if totals.kind == "proportion" and estimand.scale == "level":
        kish = _kish(totals.after, totals.after_powers)
        trials = min(value * (1 - value) / variance, kish) if variance > 0 and 0 < value < 1 else kish
        spread = _smoothed(value * trials, trials)
        details |= {"effective_records": trials, "standard_error": math.sqrt(spread * (1 - spread) / trials)}
        return Wilson(successes=value * trials, trials=trials, df=df if shocks else None)
    if not variance > 1e-20 * max(1.0, value * value):
        raise NotEvaluableError(
            "no_variation",
            "All records have the same value; without any variation nothing can be said about uncertainty.",
        )
    if estimand.scale == "ratio" and value <= 0:
        raise NotEvaluableError("zero_value", "The value after is zero, which has no place on a ratio scale.")
    details["standard_error"] = math.sqrt(variance)
    return StudentPivot(
        estimate=value,
        se=math.sqrt(variance),
        df=df,
        method="skewness-corrected t" + (", log scale" if estimand.scale == "ratio" else ""),
        link="log" if estimand.scale == "ratio" else "identity",
        skewness=skewness.diluted(own / variance),
    )


def _near_bound(totals: Totals, estimand: Estimand, shocks: Added | None, details: dict[str, float]) -> Pivot | None:
    """Return the score procedure at effective sizes where some share has few records of one kind; else None.

    The Wald variance of a share of nearly none or all is nearly nothing, however few its records. Their number is that
    of their weights, (Σw)²/Σw², divided by the design effect: what clusters, weights or strata make of the variance of
    a difference of two simple shares.
    """
    if totals.kind != "proportion" or estimand.scale == "level":
        return None
    difference = replace(estimand, scale="difference")
    shares = [float(v) for v in arm_values(totals.before.sum(axis=0), totals.after.sum(axis=0), estimand)]
    sizes = [_kish(totals.before, totals.before_powers), _kish(totals.after, totals.after_powers)]
    own = sum(p * (1 - p) / n for p, n in zip(shares, sizes, strict=True))
    if min(n * min(p, 1 - p) for p, n in zip(shares, sizes, strict=True)) >= FEW_OF_ONE_KIND or own <= 0:
        return None
    df: float | None
    if totals.clustered:
        found = cluster_variance(totals.before, totals.after, difference)
        variance, df = found.variance, found.df
    else:
        variance, df, _ = record_variance(totals, difference)
    effect = max(1.0, variance / own)
    (xb, nb), (xa, na) = ((p * n / effect, n / effect) for p, n in zip(shares, sizes, strict=True))
    return _score(estimand, (xb, nb), (xa, na), df, shocks, details)


def _smoothed(successes: float, trials: float) -> float:
    """Return the share with half a success and failure more, so that none or all keep a variance."""
    return (successes + 0.5) / (trials + 1)


def _binomial(totals: Totals, estimand: Estimand, shocks: Added | None, details: dict[str, float]) -> Pivot:
    before, after = totals.before.sum(axis=(0, 2, 3)), totals.after.sum(axis=(0, 2))
    return _score(
        estimand, (float(before[0]), float(before[1])), (float(after[0]), float(after[1])), None, shocks, details
    )


def _score(
    estimand: Estimand,
    before: tuple[float, float],
    after: tuple[float, float],
    df: float | None,
    shocks: Added | None,
    details: dict[str, float],
) -> Pivot:
    """Return the score procedure of (successes, trials); shocks of months enter as a design effect on the counts."""
    arms = [after] if estimand.scale == "level" else [before, after]
    shares = [(_smoothed(x, n), n) for x, n in arms]
    own = float(sum((1 - p) / (p * n) if estimand.scale == "ratio" else p * (1 - p) / n for p, n in shares))
    variance, df = _with_shocks(own, df, shocks)
    details["standard_error"] = math.sqrt(variance)
    shrink = own / variance
    df = df if df is not None and math.isfinite(df) else None
    if estimand.scale == "level":
        return Wilson(successes=after[0] * shrink, trials=after[1] * shrink, df=df)
    procedure = ScoreDifference if estimand.scale == "difference" else ScoreRatio
    return procedure(
        successes_before=before[0] * shrink,
        trials_before=before[1] * shrink,
        successes_after=after[0] * shrink,
        trials_after=after[1] * shrink,
        df=df,
    )


def record_variance(totals: Totals, estimand: Estimand) -> tuple[float, float | None, Skewness]:
    """Return variance, degrees of freedom and skewness of the contrast for independent records.

    The variance is Σψ² over records, ψ being a record's contribution to the contrast: the infinitesimal
    jackknife, here from second moments alone (Jaeckel 1972; Efron 1982, chapter 6). Skewness is pooled
    over the arms, weighted by records, because a small arm cannot estimate its own; the variance
    estimate's own variance takes kurtosis as 1.5 × skewness² (that of the gamma family), which keeps
    false claims at the nominal rate for log-normal records (simulated in tests/calibration). Weighted records are
    as many as their weights are worth, (Σw)²/Σw².

    Raises NotEvaluableError('too_few_records') for an arm with fewer than two records, or worth fewer.
    """
    parts = gradient(totals.before.sum(axis=0), totals.after.sum(axis=0), estimand)
    found = []
    for slopes, sums, sign in zip(parts, (totals.before_powers, totals.after_powers), (-1, 1), strict=True):
        a, b = slopes[0], slopes[1]
        aa, ab, bb, aaa, aab, abb, bbb = sums
        terms = np.stack([a * a * aa, 2 * a * b * ab, b * b * bb])
        second = float(terms.sum())
        if second <= 1e-13 * float(np.abs(terms).sum()):  # equal records leave rounding errors
            second = 0.0
        third = float((a**3 * aaa + 3 * a * a * b * aab + 3 * a * b * b * abb + b**3 * bbb).sum())
        found.append((second, sign * third, sign))
    counts: tuple[float, float] = totals.records
    if totals.kind != "ratio":  # a denominator is no weight
        counts = _kish(totals.before, totals.before_powers), _kish(totals.after, totals.after_powers)
    used = [i for i in (0, 1) if bool(np.any(parts[i] != 0))]
    if not used or any(totals.records[i] < 2 for i in used):
        raise NotEvaluableError("too_few_records", "One side of the comparison has fewer than 2 records.")
    if any(counts[i] < 2 - 1e-9 for i in used):
        raise NotEvaluableError("too_few_records", "The weights of one side are worth fewer than 2 records.")
    variances = [found[i][0] * counts[i] / (counts[i] - 1) for i in used]
    gammas = [found[i][1] / found[i][0] ** 1.5 * math.sqrt(counts[i]) if found[i][0] > 0 else 0.0 for i in used]
    total = sum(counts[i] for i in used)
    gamma = sum(g * counts[i] for g, i in zip(gammas, used, strict=True)) / total
    cubes = [gamma * v**1.5 / math.sqrt(counts[i]) for v, i in zip(variances, used, strict=True)]
    dfs = [2 / (1.5 * gamma**2 / counts[i] + 2 / (counts[i] - 1)) for i in used]
    skewness = log_ratio_skewness(
        [found[i][2] for i in used], variances, cubes, link="log" if estimand.scale == "ratio" else "identity"
    )
    return sum(variances), satterthwaite(variances, dfs), skewness
