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


def gradient(before: Array, after: Array, estimand: Estimand) -> tuple[Array, Array]:
    """Return the derivatives of the contrast by every total, exact to rounding (complex step).

    Squire and Trapp (1998), SIAM Review 40, p. 110–112.
    """
    step = 1e-30
    sizes = before.size, after.size
    parts = []
    for which, size in enumerate(sizes):
        shift = step * 1j * np.eye(size)
        arms = [before[None] + 0j, after[None] + 0j]
        arms[which] = arms[which] + shift.reshape(size, *(before, after)[which].shape)
        # a level does not depend on the baseline, so its batch stays one element long
        parts.append(np.broadcast_to(contrast(arms[0], arms[1], estimand).imag / step, (size,)))
    return parts[0].reshape(before.shape), parts[1].reshape(after.shape)
