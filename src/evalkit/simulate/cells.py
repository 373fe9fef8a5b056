"""Expected records and true means by month, branch and stratum: what the records are drawn from, and the truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """Arrays of months × branches × strata: expected records (or exposure), their weight, and the true mean.

    >>> cells = Cells(count=np.ones((2, 1, 1)), weight=np.ones((2, 1, 1)), value=np.array([[[4.0]], [[6.0]]]))
    >>> cells.mean(np.array([1.0, 1.0]))
    5.0
    """

    count: Floats
    weight: Floats
    value: Floats

    def mean(self, months: Floats, *, weighted: bool = True) -> float:
        """Return the mean over the months, each counted with its factor in `months`."""
        size = self._size(months, weighted)
        return float((size * self.value).sum() / size.sum())

    def standardised(self, months: Floats, reference: Floats) -> float:
        """Return the mean over `months` with the strata in the shares they have over `reference`."""
        shares = self._size(reference, True).sum(axis=(0, 1))
        size = self._size(months, True)
        means = (size * self.value).sum(axis=(0, 1)) / size.sum(axis=(0, 1))
        return float((shares * means).sum() / shares.sum())

    def like_months(self, before: Floats, after: Floats, calendar: NDArray[np.int64], days: Floats) -> Floats:
        """Return the factors that give each calendar month in `before` its share of the days of `after`."""
        factors = np.zeros_like(before)
        size = (self.count * self.weight).sum(axis=(1, 2))
        for number in range(1, 13):
            here = (calendar == number) & (before > 0)
            wanted = days[(calendar == number) & (after > 0)].sum()
            if wanted and here.any():
                factors[here] = wanted / size[here].sum()
        return factors

    def _size(self, months: Floats, weighted: bool) -> Floats:
        size = self.count * months[:, None, None]
        return size * self.weight if weighted else size
