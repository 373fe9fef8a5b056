"""Log-linear regression of a short series: Poisson likelihood, or least squares on logarithms.

Written out because every goal carries a time-series line and importing statsmodels takes longer than a whole
evaluation; the tests hold both fits to statsmodels' own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import NotEvaluableError

Array = NDArray[np.float64]
Family = Literal["poisson", "quasi-poisson", "gaussian"]
_STEPS = 30
_CLOSE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLinear:
    """A fitted log-linear model in its weighted linear form.

    Attributes
    ----------
    coefficients : shape (p,), on the log scale.
    fitted : shape (n,), expected values (for logarithms: medians), on the scale of the values.
    design : shape (n, p), the design times the root of the working weights: the fitted values for Poisson, 1
        for least squares.
    residuals : shape (n,), Pearson residuals; for least squares those of the logarithms.
    """

    coefficients: Array
    fitted: Array
    design: Array
    residuals: Array

    @property
    def free(self) -> int:
        """Points less coefficients."""
        return int(self.design.shape[0] - self.design.shape[1])

    @property
    def dispersion(self) -> float:
        """Pearson's: the squared residuals' sum over `free`; the residual variance for least squares."""
        return float(self.residuals @ self.residuals) / self.free

    @property
    def unscaled(self) -> Array:
        """The coefficients' covariance at dispersion 1 and independent errors, shape (p, p)."""
        inverse = np.linalg.inv(np.linalg.qr(self.design, mode="r"))
        return np.asarray(inverse @ inverse.T, dtype=np.float64)


def fit(values: Array, exposure: Array, design: Array, family: Family) -> LogLinear:
    """Fit log E(values) = log(exposure) + design @ coefficients.

    Parameters
    ----------
    values, exposure : shape (n,), finite, exposure above zero; values above zero for 'gaussian', else not below.
    design : shape (n, p) of full column rank, n > p.
    family : 'gaussian' is ordinary least squares of log(values / exposure).

    Raises
    ------
    NotEvaluableError : `no_convergence`, the likelihood has no maximum at finite coefficients.

    Source: McCullagh and Nelder (1989), Generalized Linear Models, 2nd ed., section 2.5 (p. 40-43).

    >>> values, steps = np.array([2.0, 4.0, 8.0, 16.0]), np.column_stack([np.ones(4), np.arange(4)])
    >>> [round(float(value), 6) for value in np.exp(fit(values, np.ones(4), steps, "poisson").coefficients)]
    [2.0, 2.0]
    """
    offset = np.log(exposure)
    if family == "gaussian":
        response = np.log(values) - offset
        coefficients = _least_squares(design, response)
        linear = design @ coefficients
        return LogLinear(
            coefficients=coefficients, fitted=np.exp(linear + offset), design=design, residuals=response - linear
        )
    coefficients = _poisson(values, offset, design)
    fitted = np.exp(design @ coefficients + offset)
    root = np.sqrt(fitted)
    return LogLinear(
        coefficients=coefficients, fitted=fitted, design=design * root[:, None], residuals=(values - fitted) / root
    )


def _least_squares(design: Array, response: Array) -> Array:
    q, r = np.linalg.qr(design)
    return np.asarray(np.linalg.solve(r, q.T @ response), dtype=np.float64)


def _poisson(values: Array, offset: Array, design: Array) -> Array:
    """Return the maximum-likelihood coefficients by iteratively reweighted least squares.

    Where a term has no events at all its coefficient runs away by about one a step and never settles.
    """
    rate = values.sum() / np.exp(offset).sum()
    linear = np.log((values + rate * np.exp(offset)) / 2) - offset
    with np.errstate(all="ignore"):
        for _ in range(_STEPS):
            fitted = np.exp(linear + offset)
            root = np.sqrt(fitted)
            if not np.isfinite(root).all() or not (root > 0).all():
                break
            try:
                coefficients = _least_squares(design * root[:, None], root * (linear + values / fitted - 1))
            except np.linalg.LinAlgError:
                break
            moved = design @ coefficients - linear
            linear = linear + moved
            if np.abs(moved).max() < _CLOSE:
                return coefficients
    raise NotEvaluableError(
        "no_convergence",
        "The series' model has no finite answer: some term, such as a calendar month, has no events at all. "
        "Take fewer harmonics, or longer sub-periods.",
    )
