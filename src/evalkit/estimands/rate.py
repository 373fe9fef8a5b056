"""The ratio of two event rates, after ÷ before."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evalkit.effect import Better, Effect, cautioned, conclude
from evalkit.errors import NotEvaluableError, ParameterError
from evalkit.inference import columns
from evalkit.inference.checks import count, positive
from evalkit.inference.poisson import DispersedRateRatio, ExactRateRatio, dispersion

MINIMUM_SUB_PERIODS = 12
"""From this many sub-periods in both arms together the dispersion is estimated and used."""


def rate_ratio(
    events_before: ArrayLike,
    exposure_before: ArrayLike,
    events_after: ArrayLike,
    exposure_after: ArrayLike,
    *,
    target: float | None = None,
    better: Better = "lower",
    confidence: float = 0.95,
) -> Effect:
    """Estimate the ratio of two event rates and, with a target, test whether it is reached.

    Given totals, or fewer than 12 sub-periods in both arms together, the procedure is the exact
    conditional one, which takes the events as Poisson. Given the counts of 12 or more sub-periods
    (months), their dispersion about one rate an arm is estimated, floored at 1 and always used.

    Columns are lists, or of NumPy, pandas, Polars or PyArrow; the result is the same.

    Parameters
    ----------
    events_before, events_after : whole numbers >= 0: totals, or one count per sub-period.
    exposure_before, exposure_after : time or volume at risk > 0, in one unit, of the same shape as
        the arm's events.
    target : the ratio to be undercut (`better="lower"`) or exceeded ("higher"); -30 % is 0.70.
    better : the good direction; a target on the worse side of no change is warned of.
    confidence : level of the two-sided interval; the target is tested at half of 1 - confidence.

    Returns
    -------
    Effect : `details` holds the dispersion where it was estimated; `before` and `after` are rates.

    Raises
    ------
    ParameterError : events are no counts, an exposure is not positive, or shapes differ.
    NotEvaluableError : there are no events before (`zero_events_before`).

    Sources: see `evalkit.inference.poisson`.

    >>> result = rate_ratio(30, 12.1, 14, 12.5, target=0.7)
    >>> round(result.estimate, 8), round(result.p_target, 7), round(result.p_change, 7)
    (0.45173333, 0.1119153, 0.0169817)
    """
    before = _arm(events_before, exposure_before, "before")
    after = _arm(events_after, exposure_after, "after")
    totals = {
        "events_before": float(before[0].sum()),
        "exposure_before": float(before[1].sum()),
        "events_after": float(after[0].sum()),
        "exposure_after": float(after[1].sum()),
    }
    if totals["events_before"] == 0:
        raise NotEvaluableError(
            "zero_events_before", "There are no events before, so there is no rate that the one after is a ratio of."
        )
    pivot: ExactRateRatio | DispersedRateRatio = ExactRateRatio(**totals)
    details: dict[str, float] = {}
    if _can_estimate_dispersion(before[0], after[0]):
        labels = np.repeat(["before", "after"], [before[0].size, after[0].size])
        phi, df = dispersion(np.concatenate([before[0], after[0]]), np.concatenate([before[1], after[1]]), labels)
        pivot = DispersedRateRatio(**totals, dispersion=max(1.0, phi), df=df)
        details = {"dispersion": max(1.0, phi)}
    effect = conclude(
        pivot,
        scale="ratio",
        target=target,
        better=better,
        confidence=confidence,
        before=totals["events_before"] / totals["exposure_before"],
        after=totals["events_after"] / totals["exposure_after"],
        details=details,
    )
    return cautioned(effect)


def _can_estimate_dispersion(before: NDArray[Any], after: NDArray[Any]) -> bool:
    return before.size + after.size >= MINIMUM_SUB_PERIODS and any(
        arm.size > 1 and arm.sum() > 0 for arm in (before, after)
    )


def _arm(events: ArrayLike, exposure: ArrayLike, arm: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    columns.check_order((f"events_{arm}", events), (f"exposure_{arm}", exposure))
    events, exposure = columns.column(events, f"events_{arm}"), columns.column(exposure, f"exposure_{arm}")
    if events.shape != exposure.shape or events.ndim > 1:
        raise ParameterError(
            f"events_{arm} has the shape {events.shape}, exposure_{arm} {exposure.shape}; "
            "expected two numbers, or two lists with one value for each sub-period."
        )
    if events.size == 0:
        raise ParameterError(f"events_{arm} is empty; expected at least one sub-period.")
    counts = [count(value, _item(f"events_{arm}", events, i)) for i, value in enumerate(events.ravel())]
    exposures = [positive(value, _item(f"exposure_{arm}", events, i)) for i, value in enumerate(exposure.ravel())]
    return np.array(counts, dtype=float), np.array(exposures)


def _item(name: str, values: NDArray[Any], index: int) -> str:
    return name if values.ndim == 0 else f"{name}[{index}]"
