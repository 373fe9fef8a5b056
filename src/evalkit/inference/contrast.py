"""From totals to a contrast: the one definition of every before/after estimand.

Every metric is a ratio of two totals over records, `value = Σa / Σb`: a mean has a = w·y and b = w, a
proportion a = w·success and b = w, a ratio its numerator and denominator, a rate its events and
exposure. Point estimate, delete-one-cluster replicates and gradients all call `contrast`, which takes any
number of leading batch dimensions and complex totals (for derivatives by complex step).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalkit.effect import Scale

Array = NDArray[np.float64]
Numbers = NDArray[Any]  # real, or complex for derivatives


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimand:
    """What is compared, and how.

    Attributes
    ----------
    scale : 'ratio' (after ÷ before), 'difference' (after − before) or 'level' (after).
    standardised : hold the mix of strata at its baseline shares (direct standardisation).
    season : shares, one per group of baseline months, that the baseline is weighted to; None for none.
    """

    scale: Scale
    standardised: bool = False
    season: Array | None = None

    @property
    def uses_before(self) -> bool:
        """Whether the baseline enters: it does not in a level, unless that holds the baseline's mix."""
        return self.scale != "level" or self.standardised


def arm_values(before: Numbers, after: Numbers, estimand: Estimand) -> tuple[Numbers, Numbers]:
    """Return the metric's value in each arm.

    Parameters
    ----------
    before : totals (..., 2, H, S): Σa and Σb by month group and stratum.
    after : totals (..., 2, S).

    A stratum with no denominator in either arm is left out and the shares renormalised, in every batch
    element by itself. An arm with nothing left gives NaN.
    """
    if estimand.season is None:
        pooled = before.sum(axis=-2)
    else:
        months = before[..., 1, :, :].sum(axis=-1)
        with np.errstate(divide="ignore", invalid="ignore"):
            factor = np.where(estimand.season > 0, estimand.season / months, 0.0)
            pooled = (before * factor[..., None, :, None]).sum(axis=-2)
    if not estimand.standardised:
        return _ratio(pooled.sum(axis=-1)), _ratio(after.sum(axis=-1))
    common = (pooled[..., 1, :].real > 0) & (after[..., 1, :].real > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(common, pooled[..., 1, :], 0.0)
        share = share / share.sum(axis=-1, keepdims=True)
        values = [np.where(common, arm[..., 0, :] / arm[..., 1, :], 0.0) for arm in (pooled, after)]
    return (share * values[0]).sum(axis=-1), (share * values[1]).sum(axis=-1)


def _ratio(totals: Numbers) -> Numbers:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(totals[..., 1] == 0, np.nan, totals[..., 0] / totals[..., 1])


def contrast(before: Numbers, after: Numbers, estimand: Estimand) -> Numbers:
    """Return the contrast on its working scale: log ratio, difference, or level."""
    value_before, value_after = arm_values(before, after, estimand)
    if estimand.scale == "level":
        return value_after
    if estimand.scale == "difference":
        return value_after - value_before
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(value_after) - np.log(value_before)


_AT_ONCE = 128  # totals moved in one go: a thousand totals need no matrix of a million


def gradient(before: Array, after: Array, estimand: Estimand) -> tuple[Array, Array]:
    """Return the derivatives of the contrast by every total, exact to rounding (complex step).

    Squire and Trapp (1998), SIAM Review 40, p. 110–112.
    """
    return tuple(_derivatives((before, after), which, estimand) for which in (0, 1))  # type: ignore[return-value]


def _derivatives(arms: tuple[Array, Array], which: int, estimand: Estimand) -> Array:
    step, size = 1e-30, arms[which].size
    found = np.zeros(size)
    for first in range(0, size, _AT_ONCE):
        rows = np.arange(first, min(size, first + _AT_ONCE))
        moved = [arm[None] + 0j for arm in arms]
        shift = np.zeros((len(rows), size), dtype=complex)
        shift[rows - first, rows] = step * 1j
        moved[which] = moved[which] + shift.reshape(len(rows), *arms[which].shape)
        found[rows] = contrast(moved[0], moved[1], estimand).imag / step  # one number where it does not matter
    return found.reshape(arms[which].shape)
