"""From cells to the totals of two arms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evalkit.estimands.totals import Totals
from evalkit.inference.contrast import Array
from evalkit.moments import SUMS, Moments
from evalkit.periods import Window

_A, _B = 0, 1


def totals_of(
    moments: Moments,
    *,
    kind: str,
    before: Sequence[Window],
    after: Sequence[Window],
    months: Array | None,
    clustered: bool,
    stratified: bool,
    plain: bool,
) -> Totals:
    """Return the totals of two sets of windows.

    `months` are shares of calendar months (12,) where the baseline is to be kept apart by month, else
    None. Without `clustered` or `stratified` those groups are summed up.
    """
    groups = len(moments.clusters) if clustered else 1
    kinds = max(1, len(moments.strata)) if stratified else 1
    cluster = moments.cluster if clustered else np.zeros_like(moments.cluster)
    stratum = moments.stratum if stratified else np.zeros_like(moments.stratum)
    here, there = moments.within(before), moments.within(after)
    group, heights = np.zeros_like(cluster), 1
    if months is not None:
        held, month = np.flatnonzero(months > 0), _month(moments.start)
        here &= np.isin(month, held)
        group, heights = np.minimum(np.searchsorted(held, month), len(held) - 1), len(held)

    def summed(chosen: NDArray[np.bool_], codes: NDArray[np.intp], shape: tuple[int, ...], columns: range) -> Array:
        places, size = codes[chosen], int(np.prod(shape))
        return np.stack(
            [np.bincount(places, weights=moments.sums[chosen, c], minlength=size).reshape(shape) for c in columns]
        )

    cell = (cluster * heights + group) * kinds + stratum
    sums_before = summed(here, cell, (groups, heights, kinds), range(2)).swapaxes(0, 1)
    sums_after = summed(there, cluster * kinds + stratum, (groups, kinds), range(2)).swapaxes(0, 1)
    powers_before = summed(here, group * kinds + stratum, (heights, kinds), range(2, len(SUMS)))
    powers_after = summed(there, stratum, (kinds,), range(2, len(SUMS)))
    return Totals(
        kind=kind,  # type: ignore[arg-type]
        before=sums_before,
        after=sums_after,
        before_powers=powers_before,
        after_powers=powers_after,
        records=(int(moments.counts[here, 0].sum()), int(moments.counts[there, 0].sum())),
        clustered=clustered,
        plain=plain,
        months=_by_month(moments, here, there) if kind == "rate" else None,
    )


def _month(start: NDArray[np.datetime64]) -> NDArray[np.intp]:
    """Return the calendar month of each cell, 0 for January."""
    return (start.astype("datetime64[M]").astype(int) % 12).astype(np.intp)


def _by_month(moments: Moments, here: NDArray[np.bool_], there: NDArray[np.bool_]) -> Array:
    """Return (arm, events, exposure) of every month of both arms."""
    rows = []
    for arm, chosen in ((0.0, here), (1.0, there)):
        starts, place = np.unique(moments.start[chosen].astype("datetime64[M]"), return_inverse=True)
        for index in range(len(starts)):
            sums = moments.sums[chosen][place == index]
            rows.append((arm, sums[:, _A].sum(), sums[:, _B].sum()))
    return np.array(rows, dtype=np.float64).reshape(len(rows), 3)
