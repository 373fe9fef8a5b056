"""From cells to the totals of two arms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from evalkit.estimands.compare_rates import MONTHS_FOR_DISPERSION
from evalkit.estimands.totals import Totals
from evalkit.evaluation.windows import Comparison
from evalkit.inference.contrast import Array
from evalkit.inference.shocks import MONTHS_FOR_SEASON
from evalkit.moments import SUMS, Moments
from evalkit.periods import Window

_A, _B, _YEAR = 0, 1, 12


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
    sides = _sides(moments, tuple(before)), _sides(moments, tuple(after))
    held = None if months is None else np.flatnonzero(months > 0)
    return Totals(
        kind=kind,  # type: ignore[arg-type]
        before=sides[0].sums(held, clustered, stratified).transpose(2, 0, 1, 3),
        after=sides[1].sums(None, clustered, stratified)[:, 0].swapaxes(0, 1),
        before_powers=sides[0].powers(held, stratified),
        after_powers=sides[1].powers(None, stratified)[:, 0],
        records=(sides[0].records(held), sides[1].records(None)),
        clustered=clustered,
        plain=plain,
        months=_by_month(moments, before, held, after) if kind == "rate" else None,
    )


def months_held(moments: Moments, comparison: Comparison) -> Array:
    """Return the shares of calendar months (12,) at which a baseline of the same months is held.

    They are those of the days that count after; a month of which no record tells weighs nothing.
    """
    told = totals_by_month(moments, comparison.after) > 0
    shares = np.where(told, comparison.after_months, 0.0)
    return shares / shares.sum() if shares.any() else comparison.after_months


def totals_by_month(moments: Moments, windows: Sequence[Window]) -> Array:
    """Return Σb of some windows by calendar month (12,)."""
    found: Array = _sides(moments, tuple(windows)).first[1].sum(axis=(1, 2))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """The sums of one side: Σa and Σb by calendar month, cluster and stratum, powers and records by month alone."""

    first: Array  # (2, 12, clusters, strata)
    higher: Array  # (7, 12, strata)
    counts: NDArray[np.int64]  # (12,)

    def sums(self, held: NDArray[np.intp] | None, clustered: bool, stratified: bool) -> Array:
        """Return Σa and Σb: (2, months, clusters, strata), what is not asked for summed up."""
        found = self.first.sum(axis=1, keepdims=True) if held is None else self.first[:, held]
        found = found if clustered else found.sum(axis=2, keepdims=True)
        return found if stratified else found.sum(axis=3, keepdims=True)

    def powers(self, held: NDArray[np.intp] | None, stratified: bool) -> Array:
        """Return the powers: (7, months, strata)."""
        found = self.higher.sum(axis=1, keepdims=True) if held is None else self.higher[:, held]
        return found if stratified else found.sum(axis=2, keepdims=True)

    def records(self, held: NDArray[np.intp] | None) -> int:
        return int((self.counts if held is None else self.counts[held]).sum())


@lru_cache(maxsize=8)
def _sides(moments: Moments, windows: tuple[Window, ...]) -> _Side:
    """Return one side's sums; every alternative analysis of a comparison starts from the same."""
    chosen = moments.within(windows)
    groups, kinds = max(1, len(moments.clusters)), max(1, len(moments.strata))
    month, stratum = calendar_month(moments.start[chosen]), moments.stratum[chosen]
    place = (month * groups + moments.cluster[chosen]) * kinds + stratum
    sums = moments.sums[chosen]

    def summed(codes: NDArray[np.intp], columns: range, *shape: int) -> Array:
        size = int(np.prod(shape))
        return np.stack([np.bincount(codes, weights=sums[:, c], minlength=size).reshape(shape) for c in columns])

    return _Side(
        first=summed(place, range(2), _YEAR, groups, kinds),
        higher=summed(month * kinds + stratum, range(2, len(SUMS)), _YEAR, kinds),
        counts=np.bincount(month, weights=moments.counts[chosen, 0], minlength=_YEAR).astype(np.int64),
    )


def calendar_month(start: NDArray[np.datetime64]) -> NDArray[np.intp]:
    """Return the calendar month of each day, 0 for January."""
    return (start.astype("datetime64[M]").astype(int) % _YEAR).astype(np.intp)


def _by_month(
    moments: Moments, before: Sequence[Window], held: NDArray[np.intp] | None, after: Sequence[Window]
) -> Array:
    """Return (group, events, exposure, number since 1970) of the months that tell of the counts' dispersion.

    Group 1 is the after arm.

    They are those of both arms. Where only the same months are compared and these are too few, they are the baseline's
    all, each calendar month a group of its own (-1 to -12) from two years on: a season is no dispersion.
    """
    rows = [_months(moments, before, 0.0), _months(moments, after, 1.0)]
    if held is not None:
        same = rows[0][np.isin(rows[0][:, 0] % _YEAR, held)]
        if len(same) + len(rows[1]) >= MONTHS_FOR_DISPERSION:
            rows[0] = same
        elif len(rows[0]) >= MONTHS_FOR_SEASON:
            rows[0][:, 1] = -1 - rows[0][:, 0] % _YEAR
    return np.roll(np.concatenate(rows), -1, axis=1)


def _months(moments: Moments, windows: Sequence[Window], group: float) -> Array:
    """Return (number since 1970, group, events, exposure) of every month of some windows."""
    chosen = moments.within(windows)
    numbers, place = np.unique(moments.start[chosen].astype("datetime64[M]").astype(int), return_inverse=True)
    a, b = (np.bincount(place, weights=moments.sums[chosen, column], minlength=len(numbers)) for column in (_A, _B))
    return np.column_stack([numbers, np.full(len(numbers), group), a, b])
