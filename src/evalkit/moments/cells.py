"""Sums over cells of month, window segment, cluster and stratum."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalkit.periods import Window

SUMS = ("a", "b", "aa", "ab", "bb", "aaa", "aab", "abb", "bbb")
COUNTS = ("n", "missing", "open", "not_yet_due")
MISSING = None  # label of records without a cluster or stratum


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # each its own: what is derived is kept by it
class Moments:
    """Sums over cells. All arrays have one entry per cell.

    Attributes
    ----------
    start : first day of the cell; a cell never spans two months nor a window's boundary.
    cluster, stratum : codes into `clusters` and `strata`.
    sums : (cells, 9) the sums named in SUMS over the records that count.
    counts : (cells, 4) records that count, without a value, still open, not yet due.
    undated : records without the time that would place them.
    of_months : the source whose records are totals of months, where a window cuts months; of events with exposure from
        elsewhere the one of the two, empty where both are and so are cut alike.
    """

    start: NDArray[np.datetime64]
    cluster: NDArray[np.intp]
    stratum: NDArray[np.intp]
    sums: NDArray[np.float64]
    counts: NDArray[np.int64]
    clusters: tuple[str | None, ...]
    strata: tuple[tuple[str | None, ...], ...]
    undated: int
    of_months: str = ""

    def within(self, windows: Iterable[Window]) -> NDArray[np.bool_]:
        """Return which cells lie in any of the windows."""
        inside = np.zeros(len(self.start), dtype=bool)
        for window in windows:
            inside |= (self.start >= np.datetime64(window.start)) & (self.start <= np.datetime64(window.end))
        return inside

    def total(self, windows: Iterable[Window], count: str) -> int:
        """Return the number of records of a kind (COUNTS) in the windows."""
        small = unclustered(self)
        return int(small.counts[small.within(windows), COUNTS.index(count)].sum())

    def until(self, cutoff: date) -> Moments:
        """Return the cells that begin by a day, of cells in order; labels of none of them are left out."""
        size = int(np.searchsorted(self.start, np.datetime64(cutoff), side="right"))
        clusters, kinds = (
            _compact(codes[:size], labels)
            for codes, labels in ((self.cluster, self.clusters), (self.stratum, self.strata))
        )
        return replace(
            self,
            start=self.start[:size],
            cluster=clusters[0],
            stratum=kinds[0],
            sums=self.sums[:size],
            counts=self.counts[:size],
            clusters=tuple(clusters[1]),
            strata=tuple(kinds[1]),
        )


@lru_cache(maxsize=4)  # what looks at one evaluation's months again and again
def unclustered(moments: Moments) -> Moments:
    """Return the same sums over cells of time and stratum alone."""
    starts, place = np.unique(moments.start, return_inverse=True)
    kinds = max(1, len(moments.strata))
    held, place = np.unique(place * kinds + moments.stratum, return_inverse=True)
    sums, counts = (
        np.stack([np.bincount(place, weights=column, minlength=len(held)) for column in values.T], axis=1)
        for values in (moments.sums, moments.counts)
    )
    return replace(
        moments,
        start=starts[held // kinds],
        cluster=np.zeros(len(held), dtype=np.intp),
        stratum=held % kinds,
        sums=sums.astype(np.float64),
        counts=counts.astype(np.int64),
        clusters=(MISSING,),
    )


def gathered_cells(
    start: NDArray[np.datetime64],
    cluster: tuple[NDArray[np.intp], Sequence[Any]],
    stratum: tuple[NDArray[np.intp], Sequence[Any]],
    sums: NDArray[np.float64],
    counts: NDArray[np.int64],
    undated: int,
) -> Moments:
    """Return the cells that hold records, in one order whatever the engine's, those of one place as one.

    `cluster` and `stratum` are codes with their labels, in the labels' order; labels of no cell are left out.
    """
    used = counts.any(axis=1)
    if not used.all():
        start, sums, counts = start[used], sums[used], counts[used]
        cluster, stratum = ((codes[used], labels) for codes, labels in (cluster, stratum))
    clusters, kinds = (_compact(codes, labels) for codes, labels in (cluster, stratum))
    place = (start.astype(np.int64) * max(1, len(clusters[1])) + clusters[0]) * max(1, len(kinds[1])) + kinds[0]
    if (np.diff(place) <= 0).any():
        order = np.argsort(place, kind="stable")
        first = np.flatnonzero(np.diff(place[order], prepend=place[order[0]] - 1))
        sums, counts = sums[order], counts[order]
        if len(first) < len(order):
            sums, counts = (np.add.reduceat(values, first, axis=0) for values in (sums, counts))
        chosen = order[first]
        start, clusters, kinds = start[chosen], (clusters[0][chosen], clusters[1]), (kinds[0][chosen], kinds[1])
    return Moments(
        start=start,
        cluster=clusters[0],
        stratum=kinds[0],
        sums=sums,
        counts=counts,
        clusters=tuple(clusters[1]),
        strata=tuple(kinds[1]),
        undated=undated,
    )


def _compact(codes: NDArray[np.intp], labels: Sequence[Any]) -> tuple[NDArray[np.intp], list[Any]]:
    held = np.bincount(codes, minlength=len(labels)) > 0
    if held.all():
        return codes, list(labels)
    return (np.cumsum(held) - 1)[codes], [label for label, there in zip(labels, held, strict=True) if there]


def crossed(
    columns: Sequence[tuple[NDArray[np.intp], Sequence[Any]]], size: int
) -> tuple[NDArray[np.intp], list[tuple[Any, ...]]]:
    """Return the codes of combinations of coded columns and their labels, in the labels' order."""
    place = np.zeros(size, dtype=np.intp)
    for codes, labels in columns:
        place = place * len(labels) + codes
    held, codes = np.unique(place, return_inverse=True)
    places = np.unravel_index(held, [len(labels) for _, labels in columns]) if columns and size else ()
    parts = [[labels[i] for i in at] for at, (_, labels) in zip(places, columns, strict=False)]
    return codes.astype(np.intp), list(zip(*parts, strict=True)) if parts else [()] * len(held)


def merge_exposure(events: Moments, exposure: Moments) -> Moments:
    """Return events and their exposure, taken from two sources, as one set of cells."""
    clusters = tuple(sorted({*events.clusters, *exposure.clusters}, key=lambda c: (c is None, c or "")))
    strata = tuple(sorted({*events.strata, *exposure.strata}, key=lambda s: tuple((v is None, v or "") for v in s)))
    b, bb, bbb = (SUMS.index(name) for name in ("b", "bb", "bbb"))
    sums = np.vstack([events.sums, exposure.sums])
    sums[: len(events.sums), [b, bb, bbb]] = 0.0
    counts = exposure.counts.copy()
    counts[:, 0] = 0  # an exposure record is no event
    return Moments(
        start=np.concatenate([events.start, exposure.start]),
        cluster=np.concatenate([_recode(m.cluster, m.clusters, clusters) for m in (events, exposure)]),
        stratum=np.concatenate([_recode(m.stratum, m.strata, strata) for m in (events, exposure)]),
        sums=sums,
        counts=np.vstack([events.counts, counts]),
        clusters=clusters,
        strata=strata,
        undated=events.undated + exposure.undated,
        of_months="" if events.of_months and exposure.of_months else events.of_months or exposure.of_months,
    )


def _recode(codes: NDArray[np.intp], old: Sequence[Any], new: Sequence[Any]) -> NDArray[np.intp]:
    place = {label: i for i, label in enumerate(new)}
    return np.array([place[label] for label in old], dtype=np.intp)[codes] if len(codes) else codes


def calendar_exposure(events: Moments, windows: Iterable[Window]) -> Moments:
    """Return the events with calendar days as exposure, every day of the windows counted once."""
    cells = [month for window in windows for month in window.months()]
    clusters = events.clusters or (MISSING,)
    days = np.array([cell.days for cell in cells], dtype=np.float64)
    size = len(clusters)
    sums = np.zeros((len(cells) * size, len(SUMS)))
    sums[:, SUMS.index("b")] = np.repeat(days / size, size)
    exposure = Moments(
        start=np.repeat(np.array([cell.start for cell in cells], dtype="datetime64[D]"), size),
        cluster=np.tile(np.arange(size, dtype=np.intp), len(cells)),
        stratum=np.zeros(len(cells) * size, dtype=np.intp),
        sums=sums,
        counts=np.zeros((len(cells) * size, len(COUNTS)), dtype=np.int64),
        clusters=clusters,
        strata=((),),
        undated=0,
    )
    return merge_exposure(events, exposure)
