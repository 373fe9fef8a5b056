"""Sufficient statistics of a before/after comparison, whatever they were summed from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from evalkit.inference.contrast import Array

COMMON_STRATA_FLOOR, COMMON_STRATA_CAUTION = 0.80, 0.95
"""Shares of the weight in strata that both arms have: below the first nothing is concluded, below the second warned."""
POWERS = ("aa", "ab", "bb", "aaa", "aab", "abb", "bbb")


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Sums over the records of both arms; every metric is Σa / Σb.

    Attributes
    ----------
    kind : mean, ratio, proportion or rate.
    before : (G, 2, H, S) Σa and Σb by cluster, group of baseline months and stratum. G is 1 without
        clusters, H is 1 unless the baseline is weighted to the after window's months.
    after : (G, 2, S).
    before_powers, after_powers : (7, H, S) and (7, S): Σaa Σab Σbb Σaaa Σaab Σabb Σbbb over records.
    records : records that count in (before, after).
    clustered : whether the first axis of `before` and `after` is clusters.
    plain : whether b is 1 for every record.
    months : for a rate, (group, events, exposure, number since 1970) of every month: (M, 4). Groups have a rate each: 0
        before and 1 after, or below 0 the calendar months of the baseline.
    """

    kind: Literal["mean", "ratio", "proportion", "rate"]
    before: Array
    after: Array
    before_powers: Array
    after_powers: Array
    records: tuple[int, int]
    clustered: bool
    plain: bool
    months: Array | None = None

    def unclustered(self) -> Totals:
        """Return the same totals with the clusters summed up."""
        return Totals(
            kind=self.kind,
            before=self.before.sum(axis=0, keepdims=True),
            after=self.after.sum(axis=0, keepdims=True),
            before_powers=self.before_powers,
            after_powers=self.after_powers,
            records=self.records,
            clustered=False,
            plain=self.plain,
            months=self.months,
        )


def common_shares(totals: Totals) -> tuple[float, float]:
    """Return the shares of the weight before and after that lie in strata both have; 0 for an arm without any."""
    arms = totals.before[:, 1].sum(axis=(0, 1)), totals.after[:, 1].sum(axis=0)
    common = (arms[0] > 0) & (arms[1] > 0)
    before, after = (float(arm[common].sum() / arm.sum()) if arm.sum() > 0 else 0.0 for arm in arms)
    return before, after


def powers(a: Array, b: Array) -> Array:
    """Return the seven sums of POWERS over records.

    >>> powers(np.array([2.0]), np.array([1.0])).tolist()
    [4.0, 2.0, 1.0, 8.0, 4.0, 2.0, 1.0]
    """
    return np.array([(a**i * b**j).sum() for i, j in ((2, 0), (1, 1), (0, 2), (3, 0), (2, 1), (1, 2), (0, 3))])
