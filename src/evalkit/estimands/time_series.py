"""Interrupted time series: a change of level or slope, against the course the series would have taken.

A segmented log-linear regression of the whole series: level (and slope) from the intervention on, a linear
trend and a season throughout, exposure as an offset. The effect is the ratio of what is fitted after the
intervention to the counterfactual, the same model without the change, summed over the evaluated points.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from evalkit.effect import Better, Effect, cautioned, check_confidence, conclude
from evalkit.errors import NotEvaluableError, ParameterError, nearest, shown
from evalkit.estimands.time_axis import Points, points_of
from evalkit.estimands.time_series_result import Coefficient, Course, ResidualChecks, TimeSeriesEffect
from evalkit.inference.autoregressive import Steps, error_model, hac_covariance, hac_lags, ljung_box
from evalkit.inference.checks import number_of
from evalkit.inference.loglinear import Array, Family, LogLinear, fit
from evalkit.inference.numeric import quantile
from evalkit.inference.student import StudentPivot

Change = Literal["level", "level+slope"]
Errors = Literal["autoregressive", "hac", "model"]
LEAST_FREE = 3
"""Points needed beyond the number of coefficients."""
FAR_BELOW = 0.01  # a dispersion so small that counts would show it this seldom is not that of counts


def interrupted_time_series(
    values: ArrayLike,
    times: Any,
    intervention: Any,
    *,
    exposure: ArrayLike | None = None,
    family: Family = "quasi-poisson",
    change: Change = "level",
    harmonics: int = 0,
    trend: bool = True,
    errors: Errors = "autoregressive",
    phase_in: tuple[Any, Any] | None = None,
    window: tuple[Any, Any] | None = None,
    target: float | None = None,
    better: Better | None = None,
    confidence: float = 0.95,
    chance: float | None = None,
) -> TimeSeriesEffect:
    """Estimate what a series became after an intervention against what it would have been without.

    Columns are lists, or of NumPy, pandas, Polars or PyArrow; the result is the same.

    Parameters
    ----------
    values : shape (n,), one number per sub-period: a count or a sum (with `exposure`), or a mean.
    times : shape (n,), dates (or datetimes, taken by the day in their own zone, pandas Periods, ISO texts), or whole
        numbers of months. Gaps are bridged as gaps; the order does not matter.
    intervention : the first time after.
    exposure : shape (n,), above zero, what `values` are divided by: time or volume at risk, or the records of a
        mean whose sum is given. The same scale throughout; the ratio does not depend on it.
    family : 'poisson', 'quasi-poisson' (variance proportional to the mean, values need not be counts) or
        'gaussian' (least squares of log(values / exposure): the effect is then a ratio of medians).
    change : 'level', one step fitted to all points after, so that every window has the same estimate; or 'level+slope',
        which lets it move: the slope counts steps from the first point after.
    harmonics : pairs of sine and cosine for a season of one year; 6 of monthly data are month factors.
    trend : whether the logarithm has a linear trend throughout.
    errors : 'autoregressive' (AR(1) residual covariance without the bias of residuals, beside the chance variation
        of counts, as which whole numbers of a Poisson family are taken; t), 'hac' (Newey-West with Bartlett
        weights; t; too narrow below some 100 points: 12 % false claims for 2.5 in 24 + 3 months with a season) or
        'model' (the family's own, independent errors; normal; too narrow where neighbours are alike).
    phase_in : (first, last) time left out of the fit, both included.
    window : (first, last) time over which the effect is summed, both included; default all points after.
    chance : of the variance, in units of the mean, what chance alone makes: 1 for counts, 1 − p for numbers of
        successes, 0 where it is not known. By default, for whole numbers of a Poisson family that vary as counts
        would, 1, less their share of an exposure in whole numbers that is nowhere smaller; and else 0.
    target, better, confidence : as in `evalkit.rate_ratio`; the target is a ratio, -20 % is 0.80.

    Returns
    -------
    TimeSeriesEffect : an Effect on the ratio scale with `coefficients` (ratios: level, slope and trend per
        step, sin1, cos1, ...), residual `checks`, and the `course` with its counterfactual. `before` and
        `after` are the observed rates outside and inside the window.

    Raises
    ------
    ParameterError : shapes that differ, values that cannot be, dates mixed with numbers, repeated times, more
        harmonics than the spacing allows.
    NotEvaluableError : `too_few_points` (fewer than 3 beyond the coefficients, or none on one side),
        `no_points_in_window`, `zero_exposure`, `zero_events_before`, `zero_events_after`, `zero_value` (a
        logarithm of zero), `not_identified` (terms that the points cannot tell apart), `no_convergence`,
        `no_variation`.

    Sources: Wagner et al. (2002), J. Clin. Pharm. Ther. 27, p. 299-309; Lopez Bernal, Cummins and Gasparrini
    (2017), Int. J. Epidemiol. 46, p. 348-355. The errors: see `evalkit.inference.autoregressive`.

    >>> deaths = [52, 48, 50, 47, 55, 49, 51, 53, 46, 50, 48, 52, 41, 38, 44, 39, 40, 42]
    >>> result = interrupted_time_series(deaths, range(1, 19), 13, trend=False)
    >>> round(result.estimate, 4), result.direction, [c.name for c in result.coefficients]
    (0.812, None, ['level'])
    """
    check_confidence(confidence)
    for name, value, allowed in (("family", family, Family), ("change", change, Change), ("errors", errors, Errors)):
        _one_of(name, value, get_args(allowed))
    if not isinstance(trend, bool | np.bool_):
        raise ParameterError(f"trend is {shown(trend)}; expected True or False.")
    if chance is not None and not 0 <= number_of(chance) < math.inf:
        raise ParameterError(f"chance is {shown(chance)}; expected a number of at least 0: 1 for counts.")
    points = points_of(values, times, exposure, intervention, phase_in, window)
    names, design, expected = _designs(points, change=change, harmonics=harmonics, trend=trend)
    _check_answerable(points, design, family, errors)
    kept = points.kept
    model = fit(points.values[kept], points.exposure[kept], design[kept], family)
    alone = _chance(model, points.values[kept], points.exposure[kept], family, chance)
    spread = _spread(model, points.steps[kept], family, errors, alone)
    evaluated = points.evaluated
    fitted, without = (points.exposure * np.exp(rows @ model.coefficients) for rows in (design, expected))
    towards = (fitted[evaluated] @ design[evaluated]) / fitted[evaluated].sum()
    towards = towards - (without[evaluated] @ expected[evaluated]) / without[evaluated].sum()
    pivot = StudentPivot(
        estimate=float(fitted[evaluated].sum() / without[evaluated].sum()),
        se=float(np.sqrt(towards @ spread.covariance @ towards)),
        df=spread.df,
        method=f"interrupted time series, {spread.name}",
        link="log",
    )
    before = kept & ~points.after
    effect = conclude(
        pivot,
        scale="ratio",
        target=target,
        better=better,
        confidence=confidence,
        before=float(points.values[before].sum() / points.exposure[before].sum()),
        after=float(points.values[evaluated].sum() / points.exposure[evaluated].sum()),
        details={
            "standard_error": pivot.se,
            "counterfactual": float(without[evaluated].sum() / points.exposure[evaluated].sum()),
            "dispersion": model.dispersion,
            "autocorrelation": spread.correlation,
            "points_before": float(before.sum()),
            "points_after": float((kept & points.after).sum()),
        },
    )
    reach = quantile((1 + confidence) / 2, spread.df)
    found = TimeSeriesEffect(
        **{field.name: getattr(effect, field.name) for field in fields(Effect)},
        family=family,
        errors=errors,
        coefficients=_coefficients(names, model, spread.covariance, reach),
        checks=_checks(model, points.steps[kept], spread.correlation),
        course=_course(points, fitted, without, expected, spread.covariance, reach),
    )
    return cautioned(found)


def _one_of(name: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        listed = ", ".join(map(repr, allowed))
        raise ParameterError(f"{name} is {shown(value)}; expected one of {listed}.{nearest(str(value), allowed)}")


def _designs(points: Points, *, change: Change, harmonics: int, trend: bool) -> tuple[list[str], Array, Array]:
    """Return the columns' names, the design with the change and the design without it (the counterfactual)."""
    most = int(points.a_year / 2)
    if number_of(harmonics) not in range(most + 1):
        raise ParameterError(
            f"harmonics is {shown(harmonics)}; a series with {points.a_year:g} points a year has between 0 and {most}."
        )
    steps = points.steps.astype(np.float64)
    since = steps - steps[points.kept & points.after].min(initial=np.inf)
    columns = {"intercept": np.ones(steps.size), "level": points.after.astype(np.float64)}
    if change == "level+slope":
        columns["slope"] = np.where(points.after, np.maximum(since, 0.0), 0.0)
    if trend:
        columns["trend"] = steps - steps.mean()
    for k in range(1, int(harmonics) + 1):
        angle = 2 * np.pi * k * steps / points.a_year
        # the sine of the shortest wave is zero at every step
        if 2 * k != points.a_year:
            columns[f"sin{k}"] = np.sin(angle)
        columns[f"cos{k}"] = np.cos(angle)
    design = np.column_stack(list(columns.values()))
    changes = [i for i, name in enumerate(columns) if name in ("level", "slope")]
    without = design.copy()
    without[:, changes] = 0.0
    return list(columns), design, without


def _check_answerable(points: Points, design: Array, family: Family, errors: Errors) -> None:
    """Raise NotEvaluableError where the series cannot carry the model."""
    kept = points.kept
    before, after = kept & ~points.after, kept & points.after
    counts = int(before.sum()), int(after.sum())
    needed = 2 if errors == "hac" else 1
    if counts[0] < 1 or counts[1] < needed or sum(counts) < design.shape[1] + LEAST_FREE:
        raise NotEvaluableError(
            "too_few_points",
            f"The series has {counts[0]} points before and {counts[1]} after the intervention; a model of "
            f"{design.shape[1]} terms needs 1 before, {needed} after, and {design.shape[1] + LEAST_FREE} altogether.",
        )
    bare = kept & (points.exposure == 0)
    if bare.any():
        raise NotEvaluableError("zero_exposure", f"The exposure of {points.labels[bare][0]} is zero.")
    if family == "gaussian" and (points.values[kept] == 0).any():
        zero = points.labels[kept & (points.values == 0)][0]
        raise NotEvaluableError(
            "zero_value", f"The value of {zero} is zero and has no logarithm; the family 'quasi-poisson' allows zeros."
        )
    for side, name in ((before, "before"), (after, "after")):
        if points.values[side].sum() == 0:
            raise NotEvaluableError(f"zero_events_{name}", f"The series is zero throughout {name} the intervention.")
    if np.linalg.matrix_rank(design[kept] / np.abs(design[kept]).max(axis=0, initial=1e-300)) < design.shape[1]:
        raise NotEvaluableError(
            "not_identified",
            "The series' points cannot tell the model's terms apart; take fewer harmonics, no trend, or change: level.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spread:
    name: str
    covariance: Array
    df: float | None
    correlation: float


def _spread(model: LogLinear, steps: Steps, family: Family, errors: Errors, chance: float) -> _Spread:
    """Return the coefficients' covariance under the chosen errors; the correlation is reported with all."""
    found = error_model(model.design, model.residuals, steps, chance=chance)
    if errors == "autoregressive":
        name, covariance, df = "AR(1) errors, t", found.covariance, found.df
    elif errors == "hac":
        lags = hac_lags(len(steps))
        name, df = f"Newey–West errors with {lags} lags, t", float(model.free)
        covariance = hac_covariance(model.design, model.residuals, lags)
    else:
        scale = 1.0 if family == "poisson" else model.dispersion
        name, covariance, df = "independent errors, normal", scale * model.unscaled, None
    if not model.dispersion > 1e-20 and (family != "poisson" or errors == "hac"):
        raise NotEvaluableError(
            "no_variation", "The model fits every point exactly; nothing can be said about uncertainty."
        )
    return _Spread(name=name, covariance=covariance, df=df, correlation=found.correlation)


def _chance(model: LogLinear, values: Array, exposure: Array, family: Family, given: float | None) -> float:
    """Return the part of the variance that chance alone makes, unless all there is is less.

    Successes out of trials vary by less than counts; few events among many at risk are both.
    """
    if family == "poisson":
        return 1.0
    if family == "gaussian":  # of logarithms, whose chance variation is not that of the mean
        return 0.0
    if given is not None:
        return min(given, model.dispersion)
    if not _whole(values):
        return 0.0
    share = float(values.sum() / exposure.sum()) if _whole(exposure) and bool((values <= exposure).all()) else 0.0
    if special.chdtr(model.free, model.dispersion / (1 - share) * model.free if share < 1 else 0.0) < FAR_BELOW:
        return 0.0
    return min(1 - share, model.dispersion)


def _whole(numbers: Array) -> bool:
    return bool((numbers == np.floor(numbers)).all())


def _coefficients(names: list[str], model: LogLinear, covariance: Array, reach: float) -> tuple[Coefficient, ...]:
    """Return all terms but the intercept, which is a level and not a ratio."""
    deviations = np.sqrt(np.diag(covariance))
    with np.errstate(over="ignore"):
        estimate, low, high = (np.exp(model.coefficients + side * reach * deviations) for side in (0.0, -1.0, 1.0))
    return tuple(
        Coefficient(name=name, estimate=float(estimate[i]), low=float(low[i]), high=float(high[i]))
        for i, name in enumerate(names)
        if name != "intercept"
    )


def _checks(model: LogLinear, steps: Steps, correlation: float) -> ResidualChecks:
    residuals = model.residuals
    lags = max(1, min(10, residuals.size // 5))
    neighbours = np.diff(steps) == 1
    return ResidualChecks(
        dispersion=model.dispersion,
        lag_one=float((residuals[1:] * residuals[:-1])[neighbours].sum() / max(residuals @ residuals, 1e-300)),
        autocorrelation=correlation,
        ljung_box_lags=lags,
        ljung_box_p=ljung_box(residuals, steps, lags),
    )


def _course(points: Points, fitted: Array, without: Array, expected: Array, covariance: Array, reach: float) -> Course:
    deviations = np.sqrt(np.einsum("ij,jk,ik->i", expected, covariance, expected))
    with np.errstate(over="ignore"):
        low, high = without * np.exp(-reach * deviations), without * np.exp(reach * deviations)
    return Course(
        times=points.labels,
        values=points.values,
        exposure=points.exposure,
        fitted=np.where(points.kept, fitted, np.nan),
        counterfactual=without,
        low=low,
        high=high,
        phase=np.where(~points.kept, "phase-in", np.where(points.after, "after", "before")),
        evaluated=points.evaluated,
    )
