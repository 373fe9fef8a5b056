"""Uncertainty of a regression whose errors follow each other: the AR(1) residual covariance, bias undone.

Residuals of a short series look less correlated than the errors are, because the fit takes some of the
correlation away: with 24 + 12 months and two harmonics an error correlation of 0.6 shows as 0.4. The lag-one
correlation is therefore the value at which the *expected* residual correlation under the fitted design is the
one observed. Negative values count as zero: months that alternate are not what shocks do, and believing them
makes intervals too short. Counts vary by chance even in equal months, and that part is known and independent:
only what varies beyond it is taken to follow itself. False claims by simulation:
tests/calibration/time_series.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from evalkit.inference.loglinear import Array
from evalkit.inference.numeric import crossing

Steps = NDArray[np.int64]
HIGHEST = 0.99
"""The highest correlation considered; above it a level and a correlation cannot be told apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorModel:
    """How the errors of a fitted regression vary, and what that makes of its coefficients.

    Attributes
    ----------
    chance : variance, at working weight 1, of the part that is independent from point to point.
    shocks : variance of the AR(1) part.
    persistence : correlation of the AR(1) part one step apart, between 0 and 0.99.
    observed : the residuals' own lag-one correlation, with its bias.
    covariance : of the coefficients, shape (p, p).
    df : (n - p)(1 - correlation) / (1 + correlation), at least 1.
    """

    chance: float
    shocks: float
    persistence: float
    observed: float
    covariance: Array
    df: float

    @property
    def correlation(self) -> float:
        """The correlation of whole errors, both parts together, one step apart."""
        return _whole(self.chance, self.shocks, self.persistence)


def error_model(design: Array, residuals: Array, steps: Steps, *, chance: float = 0.0) -> ErrorModel:
    """Estimate the errors' variances and correlation; return the coefficients' sandwich covariance under them.

    Parameters
    ----------
    design : weighted design, shape (n, p), of full rank (`LogLinear.design`).
    residuals : shape (n,), orthogonal to the design's columns (`LogLinear.residuals`).
    steps : shape (n,), increasing whole numbers; points k steps apart correlate as persistence ** k, so gaps
        (a phase-in left out, a missing month) are bridged as what they are.
    chance : known variance of an independent part: 1 for Pearson residuals of counts, else 0. Residuals that
        vary less than this have no AR(1) part.

    The estimator matches residual moments with their expectation under errors of covariance C = chance I +
    shocks R: r'r with tr(MC) and r'Lr with tr(MLMC), M being the residual projection, R the AR(1) correlations, L
    the mean of neighbours. The fit stays that of independent errors; the covariance of its coefficients is
    (A'A)^-1 A'CA (A'A)^-1.

    Sources: the covariance, Liang and Zeger (1986), Biometrika 73, p. 15, with C estimated; the degrees of
    freedom count independent values as Bartlett (1935), J. R. Stat. Soc. 98, p. 537, does for AR(1) errors; the
    two parts, Zeger (1988), Biometrika 75, p. 622.

    >>> errors = np.sin(np.arange(40) / 4.0)
    >>> found = error_model(np.ones((40, 1)), errors - errors.mean(), np.arange(40))
    >>> found.observed < found.correlation <= 0.99
    True
    """
    apart = np.abs(steps[:, None] - steps[None, :])
    q, r = np.linalg.qr(design)
    free = design.shape[0] - design.shape[1]
    beside = _neighbours(q, steps)
    squares = np.bincount(apart.ravel(), (np.eye(len(steps)) - q @ q.T).ravel())
    # MLM with M = I - qq', without an n x n product
    mixed = q @ (0.5 * (q.T @ beside) @ q.T - beside.T)
    products = np.bincount(apart.ravel(), (np.where(apart == 1, 0.5, 0.0) + mixed + mixed.T).ravel())
    total = float(residuals @ residuals)
    product = float(residuals @ _neighbours(residuals[:, None], steps)[:, 0])
    powers = np.arange(squares.size)

    def shocks(persistence: float) -> float:
        return float(max(total - chance * free, 0.0) / (squares @ persistence**powers))

    def beyond(persistence: float) -> float:
        return chance * float(products[0]) + shocks(persistence) * float(products @ persistence**powers) - product

    persistence = 0.0 if total <= chance * free else _root(beyond)
    found = shocks(persistence)
    inverse = np.linalg.inv(r)
    meat = chance * np.eye(q.shape[1]) + found * (q.T @ (persistence**powers)[apart] @ q)
    correlation = _whole(chance, found, persistence)
    return ErrorModel(
        chance=chance,
        shocks=found,
        persistence=persistence,
        observed=product / total if total > 0 else 0.0,
        covariance=np.asarray(inverse @ meat @ inverse.T, dtype=np.float64),
        df=max(1.0, free * (1 - correlation) / (1 + correlation)),
    )


def _whole(chance: float, shocks: float, persistence: float) -> float:
    return persistence * shocks / (chance + shocks) if shocks > 0 else 0.0


def _neighbours(columns: Array, steps: Steps) -> Array:
    """Return half the sum of the rows one step before and after each row: L @ columns."""
    adjacent = (np.diff(steps) == 1)[:, None]
    found = np.zeros_like(columns)
    found[1:] += np.where(adjacent, columns[:-1], 0.0) / 2
    found[:-1] += np.where(adjacent, columns[1:], 0.0) / 2
    return found


def _root(beyond: Callable[[float], float]) -> float:
    """Return where the expected product of neighbours is the observed one, held between 0 and HIGHEST."""
    if beyond(0.0) >= 0:
        return 0.0
    return HIGHEST if beyond(HIGHEST) <= 0 else crossing(beyond, 0.0, HIGHEST)


def hac_lags(points: int) -> int:
    """Return the Newey-West bandwidth for a series of this length, the whole part of 4 (n/100)^(2/9).

    Newey and West (1994), Review of Economic Studies 61, p. 631.

    >>> hac_lags(192), hac_lags(36)
    (4, 3)
    """
    return int(4 * (points / 100) ** (2 / 9))


def hac_covariance(design: Array, residuals: Array, lags: int) -> Array:
    """Return the coefficients' Newey-West covariance, shape (p, p): Bartlett weights, no small-sample factor.

    Too narrow for series of a few years (tests/calibration/time_series.py); offered because published analyses
    use it. Newey and West (1987), Econometrica 55, p. 703.

    >>> [[round(float(value), 3) for value in row] for row in
    ...  hac_covariance(np.ones((4, 1)), np.array([1.0, -1.0, 1.0, -1.0]), 0)]
    [[0.25]]
    """
    from statsmodels.stats.sandwich_covariance import S_hac_simple  # type: ignore[import-untyped]

    inverse = np.linalg.inv(np.linalg.qr(design, mode="r"))
    bread = inverse @ inverse.T
    return np.asarray(bread @ S_hac_simple(design * residuals[:, None], nlags=lags) @ bread, dtype=np.float64)


def ljung_box(residuals: Array, steps: Steps, lags: int) -> float:
    """Return the p-value of no correlation up to `lags` steps.

    Chi-squared with `lags` degrees of freedom; a check, not a test to choose a method by. Ljung and Box
    (1978), Biometrika 65, p. 297.

    >>> ljung_box(np.sin(np.arange(40) / 4.0), np.arange(40), 8) < 0.001
    True
    """
    total = float(residuals @ residuals)
    if total <= 0 or lags < 1:
        return 1.0
    apart = np.abs(steps[:, None] - steps[None, :])
    sums = np.bincount(apart.ravel(), np.outer(residuals, residuals).ravel(), minlength=lags + 1)
    k = np.arange(1, lags + 1)
    n = len(steps)
    correlations = sums[1 : lags + 1] / 2 / total
    return float(special.chdtrc(lags, n * (n + 2) * float((correlations**2 / np.maximum(n - k, 1)).sum())))
