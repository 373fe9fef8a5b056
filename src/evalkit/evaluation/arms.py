"""From cells to the totals of two arms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from evalkit.estimands.totals import Totals
from evalkit.inference.contrast import Array
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
    """Return (arm, events, exposure) of every month of both arms."""
    rows = []
    for arm, windows, kept in ((0.0, before, held), (1.0, after, None)):
        chosen = moments.within(windows)
        if kept is not None:
            chosen &= np.isin(calendar_month(moments.start), kept)
        _, place = np.unique(moments.start[chosen].astype("datetime64[M]"), return_inverse=True)
        a, b = (np.bincount(place, weights=moments.sums[chosen, column]) for column in (_A, _B))
        rows.append(np.column_stack([np.full(len(a), arm), a, b]))
    return np.concatenate(rows)
