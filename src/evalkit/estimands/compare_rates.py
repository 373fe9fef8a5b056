"""A rate after against a rate before, or against a level: which procedure answers, fixed by rule.

Quasi-Poisson with the dispersion of the months of both arms, never under 1, where these total 12; exact below. With
clusters the wider of that variance and the clusters' own. That months which follow one another are alike is told
beside it (`autocorrelation`, and `alike_months`, how many times larger the variance then is) and not in it: widened by
a correlation that a few dozen months tell so badly, intervals lose 10 points of power where there is none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from evalkit.effect import Pivot
from evalkit.errors import NotEvaluableError
from evalkit.estimands.totals import Totals
from evalkit.inference.autoregressive import error_model
from evalkit.inference.contrast import Array, Estimand, gradient
from evalkit.inference.jackknife import cluster_variance
from evalkit.inference.poisson import DispersedRateRatio, ExactRateRatio, dispersion
from evalkit.inference.rate_level import RateLevel
from evalkit.inference.student import StudentPivot

MONTHS_FOR_DISPERSION = 12


def rate_pivot(
    totals: Totals, estimand: Estimand, before: float | None, after: float, details: dict[str, float]
) -> Pivot:
    """Return the procedure for a rate: its counts, their dispersion over months, and its clusters.

    `before` and `after` are the arms' rates as compared; the details get `standard_error`, `dispersion` and clusters.
    Raises NotEvaluableError where there is no event on either side of a difference, or fewer than two clusters.
    """
    (xb, _), (xa, ea) = totals.before.sum(axis=(0, 2, 3)), totals.after.sum(axis=(0, 2))
    phi, df = month_dispersion(totals)
    spread = max(phi, 1.0) if phi is not None else 1.0
    if phi is not None and df is not None:
        details["dispersion"] = phi
        alike = _months_alike(
            totals, {"level": (0.0, 1.0), "ratio": (-1.0, 1.0)}.get(estimand.scale, (-(before or 0.0), after))
        )
        if alike is not None:
            details |= {"autocorrelation": alike.correlation, "alike_months": alike.inflation}
    slopes = gradient(totals.before.sum(axis=0), totals.after.sum(axis=0), estimand)
    if estimand.scale == "level":
        return _rate_level(totals, estimand, after, slopes[1][0], spread, df, details)
    poisson = float((slopes[0][0] ** 2 * totals.before[:, 0].sum(axis=0)).sum()) if before is not None else 0.0
    if estimand.scale == "difference":
        variance = spread * (poisson + float((slopes[1][0] ** 2 * totals.after[:, 0].sum(axis=0)).sum()))
        variance, df = _wider(totals, estimand, variance, df, details)
        if variance <= 0:
            raise NotEvaluableError("no_variation", "There are no events on either side.")
        details["standard_error"] = math.sqrt(variance)
        return StudentPivot(estimate=after - (before or 0.0), se=math.sqrt(variance), df=df, method="quasi-Poisson, t")
    if xa > 0:
        poisson += float((slopes[1][0] ** 2 * totals.after[:, 0].sum(axis=0)).sum())
        base = 1 / xb + 1 / xa
        variance, df = _wider(totals, estimand, spread * poisson, df, details)
        spread = variance / base
    assert before is not None
    details["standard_error"] = math.sqrt(spread * (1 / xb + 1 / max(float(xa), 0.5)))
    # exposures that give the standardised rates back: the counts stay what they are
    exposure_after = xa / after if after > 0 else ea
    counts = {
        "events_before": float(xb),
        "exposure_before": float(xb / before),
        "events_after": float(xa),
        "exposure_after": float(exposure_after),
    }
    if phi is None and abs(spread - 1) < 1e-12:
        return ExactRateRatio(**counts)
    return DispersedRateRatio(**counts, dispersion=max(spread, 1.0), df=df if df is not None else math.inf)


def _rate_level(
    totals: Totals,
    estimand: Estimand,
    after: float,
    slopes: Array,
    dispersion: float,
    df: float | None,
    details: dict[str, float],
) -> Pivot:
    """Return the procedure for one rate, standardised or not: its events in the exposure that gives the rate back.

    `slopes` are the derivatives by each stratum's events. Without events the exposure is that of the stratum in which
    one event would raise the rate most, as for directly standardised rates (Fay and Feuer 1997, Stat. Med. 16, p. 795).
    """
    by_stratum = totals.after[:, 0].sum(axis=0)
    events = float(by_stratum.sum())
    exposure = events / after if after > 0 else 1 / float(slopes.max())
    variance = dispersion * float((slopes**2 * by_stratum).sum())
    variance, df = _wider(totals, estimand, variance, df, details)
    spread = dispersion if after <= 0 else variance * events / after**2
    details["standard_error"] = math.sqrt(spread * max(events, 0.5)) / exposure
    if df is None and spread > 1 + 1e-12:
        df = math.inf  # strata of unlike worth have no exact interval
    return RateLevel(events=events, exposure=exposure, dispersion=spread, df=df)


def _wider(
    totals: Totals, estimand: Estimand, variance: float, df: float | None, details: dict[str, float]
) -> tuple[float, float | None]:
    """Return the larger of the month-based and the cluster-based variance with its degrees of freedom."""
    if not totals.clustered:
        return variance, df
    found = cluster_variance(totals.before, totals.after, estimand)
    details |= found.details(estimand)
    if found.variance > variance:
        return found.variance, found.df
    return variance, df


@dataclass(frozen=True, slots=True, kw_only=True)
class _Alike:
    """How much larger a contrast's variance is than of independent months, and the correlation of neighbours."""

    inflation: float
    correlation: float


def _months_alike(totals: Totals, weights: tuple[float, float]) -> _Alike | None:
    """Return what the likeness of months does to a contrast of the arms' log rates; None if unknown.

    The Pearson residuals about the groups' rates have AR(1) shocks beside the counts' own chance
    (`inference.autoregressive.error_model`); the correlation is found without the downward bias that residuals have.
    """
    assert totals.months is not None
    group, events, exposure, number = totals.months[totals.months[:, 2] > 0].T
    order = np.argsort(number, kind="stable")
    group, events, exposure, number = group[order], events[order], exposure[order], number[order]
    names, place = np.unique(group, return_inverse=True)
    sums = np.bincount(place, weights=events)
    told = (sums > 0)[place]  # a group without events tells nothing
    if not told.all():
        group, events, exposure, number = group[told], events[told], exposure[told], number[told]
        names, place = np.unique(group, return_inverse=True)
        sums = np.bincount(place, weights=events)
    expected = exposure * (sums / np.bincount(place, weights=exposure))[place]
    after = names == 1
    if len(events) <= len(names) or (weights[0] and after.all()) or not after.any():
        return None
    design = np.where(place[:, None] == np.arange(len(names)), np.sqrt(expected)[:, None], 0.0)
    found = error_model(design, (events - expected) / np.sqrt(expected), number.astype(np.int64), chance=1.0)
    contrast = np.where(after, weights[1], weights[0] * sums / sums[~after].sum() if (~after).any() else 0.0)
    independent = (found.chance + found.shocks) * float((contrast**2 / sums).sum())
    variance = float(contrast @ found.covariance @ contrast)
    return _Alike(inflation=max(1.0, variance / independent), correlation=found.correlation)


def month_dispersion(totals: Totals) -> tuple[float | None, float | None]:
    """Return the dispersion of monthly counts pooled over their groups and its degrees of freedom.

    (None, None) with fewer than 12 months, or where no month has exposure.
    """
    months = totals.months
    if months is None:
        return None, None
    months = months[months[:, 2] > 0]
    groups = np.unique(months[months[:, 1] > 0, 0])
    free = sum(int((months[:, 0] == group).sum()) - 1 for group in groups)
    if len(months) < MONTHS_FOR_DISPERSION or free < 1:
        return None, None
    return dispersion(months[:, 1], months[:, 2], months[:, 0])
