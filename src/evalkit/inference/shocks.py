"""Months that move together: the variance that no comparison between clusters or records can see."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evalkit.inference.contrast import Array

MONTHS_NEEDED, MONTHS_FOR_SEASON = 12, 24
# at 24 months a correlation above 0.7 is mostly noise, and believing it makes one interval in ten useless; with the
# limit here false claims at a true 0.6 stay under 5 % (tests/calibration/shocks.py)
_CORRELATIONS = np.linspace(0.0, 0.7, 36)


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthShocks:
    """How far whole months deviate beyond sampling and season.

    Attributes
    ----------
    variance : between-month variance ω² on the contrast's working scale, floored at zero.
    sampling : the months' mean sampling variance.
    correlation : lag-one correlation ρ of the shocks, between 0 and 0.7.
    df : (months − coefficients)(1 − ρ)/(1 + ρ).
    season_apart : whether the season is told apart; else it counts as shocks.
    """

    variance: float
    sampling: float
    correlation: float
    df: float
    season_apart: bool = True

    def added(self, months: NDArray[np.int64], weights: Array) -> Added:
        """Return what shocks add to the variance of Σ weight · month, the months counted from any origin."""
        lag = np.abs(months[:, None] - months[None, :])
        factor = float(weights @ self.correlation**lag @ weights)
        return Added(
            variance=factor * self.variance, spread=factor * (self.variance + self.sampling), df=self.df, shocks=self
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """A variance to add, and what its own uncertainty rests on."""

    variance: float
    spread: float
    df: float
    shocks: MonthShocks

    def combined_df(self, variance: float, df: float | None) -> float:
        """Return the Satterthwaite degrees of freedom of `variance` (with `df`) plus this one.

        The shocks' variance is a difference of two estimates, so its own relative error grows as it nears
        zero; the geometric mean of the difference and its larger term stands for it. Chosen by simulation
        (tests/calibration/shocks.py): the larger term alone covers 98 %, the difference alone 93 %.
        """
        own = variance * variance / df if df is not None else 0.0
        weight = own + self.variance * self.spread / self.df
        total = variance + self.variance
        return total * total / weight if weight > 0 else math.inf


def month_shocks(
    months: NDArray[np.int64],
    values: Array,
    sampling: Array,
    *,
    step_at: int | None = None,
    later: NDArray[np.bool_] | None = None,
) -> MonthShocks | None:
    """Estimate the shocks of baseline months; None with fewer than 12.

    Parameters
    ----------
    months : month numbers, counted from any origin, shape (M,).
    values : the metric of each month on the working scale (log, or raw), shape (M,).
    sampling : sampling variance of each value, shape (M,).
    step_at : month from which the level may be another one, so that a step there is no shock.
    later : shape (M,), which months lie after the programme's start, where these tell of shocks too: every calendar
        month then has a level of its own and the programme a step, and the months left over, as many as a year has
        beyond its mean, must be enough, else None.

    Residuals are taken about the mean and, from 24 months, two harmonics of the year. ω² and ρ are those at
    which the expected sum of squares and of neighbouring products of the residuals, given the design and
    the sampling variances, are the observed ones: the downward bias of residuals is thereby undone (the
    moment equations of Prais–Winsten type models; McKnight, McKean and Huitema 2000, Psychological Methods
    5, p. 87–101, show how large that bias is at these lengths).
    """
    size = len(values)
    if size < MONTHS_NEEDED:
        return None
    if later is not None:
        design = np.column_stack([months[:, None] % 12 == np.unique(months % 12), later]).astype(np.float64)
        if size - np.linalg.matrix_rank(design) < MONTHS_NEEDED - 1:
            return None
    else:
        design = seasonal_design(months.astype(np.float64), size)
    if step_at is not None:
        design = np.column_stack([design, months >= step_at])
    residual_maker = np.eye(size) - design @ np.linalg.pinv(design)
    residuals = residual_maker @ values
    neighbours = (np.abs(months[:, None] - months[None, :]) == 1) / 2.0
    noise = residual_maker @ np.diag(sampling) @ residual_maker
    squares = float(residuals @ residuals) - float(np.trace(noise))
    products = float(residuals @ neighbours @ residuals) - float(np.trace(neighbours @ noise))
    free = size - int(np.linalg.matrix_rank(design))
    variance = correlation = 0.0
    if squares > 0:
        variance, correlation = _solve(months, residual_maker, neighbours, squares, products)
    return MonthShocks(
        variance=variance,
        sampling=float(sampling.mean()),
        correlation=correlation,
        df=free * (1 - correlation) / (1 + correlation),
        season_apart=later is not None or size >= MONTHS_FOR_SEASON,
    )


def seasonal_design(months: Array, size: int) -> Array:
    """Return a constant and, from 24 months, two waves of the year: (months, 1 or 5)."""
    columns = [np.ones(size)]
    if size >= MONTHS_FOR_SEASON:
        for harmonic in (1, 2):
            angle = 2 * np.pi * harmonic * months / 12
            columns += [np.cos(angle), np.sin(angle)]
    return np.stack(columns, axis=1)


def _solve(
    months: NDArray[np.int64], residual_maker: Array, neighbours: Array, squares: float, products: float
) -> tuple[float, float]:
    """Return (ω², ρ) that match the observed squares and neighbouring products; ρ on a grid of 0.02."""
    lag = np.abs(months[:, None] - months[None, :])
    variance = 0.0
    for correlation in _CORRELATIONS:
        shape = residual_maker @ correlation**lag @ residual_maker
        variance = squares / float(np.trace(shape))
        if variance * float(np.trace(neighbours @ shape)) >= products:
            return variance, float(correlation)
    return variance, float(_CORRELATIONS[-1])
