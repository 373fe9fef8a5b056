"""Repeated intervals and p-values: any procedure, seen at one of several planned looks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy import special

from evalkit.effect import Pivot, check_confidence
from evalkit.inference.numeric import LEAST_LEVEL, crossing
from evalkit.inference.sequential import Spending, boundaries_of, spent_at

_LEAST_GROWTH = 1.01  # information that grows by less than a hundredth counts as grown by that


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated:
    """A pivot seen at one of several looks: repeated intervals and repeated p-values.

    The interval at confidence c is the inner pivot's own at this look's nominal level, when (1 - c) / 2 is
    spent over all looks; all looks' intervals then cover together with probability c. The p-value is the
    least overall error at which this look's boundary would be reached, so it inverts the interval.
    Boundaries apply to tail probabilities, hence to any reference distribution, t included.

    Parameters
    ----------
    pivot : the procedure at this look, unadjusted.
    information : shares of the planned information at all looks so far, this one last. A share that does
        not grow counts as grown by a hundredth: estimated information may fall back.
    looks : number of looks planned. Before the last one no more is spent than this many equal looks would
        have spent, so information that comes in faster than planned leaves something for later looks; the last
        one spends what is left, later ones have nothing.
    spending : as in `evalkit.inference.sequential.group_sequential_bounds`.

    Source: Jennison and Turnbull (2000), Group Sequential Methods, chapter 9; the p-value: section 9.5.

    >>> from evalkit.inference.binomial import Wilson
    >>> first = Repeated(pivot=Wilson(successes=463, trials=500), information=(0.5,), looks=2)
    >>> [round(limit, 3) for limit in first.interval(0.95)]
    [0.883, 0.954]
    """

    pivot: Pivot
    information: tuple[float, ...]
    looks: int
    spending: Spending = "obrien-fleming"

    @property
    def estimate(self) -> float:
        return self.pivot.estimate

    @property
    def method(self) -> str:
        return f"{self.pivot.method}, repeated"

    @property
    def df(self) -> float | None:
        return self.pivot.df

    def interval(self, confidence: float) -> tuple[float, float]:
        """Return the repeated interval; very wide where hardly any error or none is left for this look."""
        check_confidence(confidence)
        return self.pivot.interval(1 - 2 * self.nominal_level((1 - confidence) / 2))

    def tails(self, value: float) -> tuple[float, float]:
        """Return the repeated one-sided p-values for an effect above and below `value`."""
        above, below = self.pivot.tails(value)
        return self._repeated(above), self._repeated(below)

    def nominal_level(self, alpha: float) -> float:
        """Return the tail probability that a claim needs at this look when alpha is spent over all."""
        shares = _growing(self.information)
        paced = [min(share, look / self.looks) for look, share in enumerate(shares, start=1)]
        boundary = boundaries_of(shares, spent_at(paced, self.looks, alpha, self.spending))[-1]
        return max(LEAST_LEVEL, float(special.ndtr(-boundary)))

    def _repeated(self, p: float) -> float:
        if p < LEAST_LEVEL:
            return p
        if p >= self.nominal_level(0.5):
            return max(p, 0.5)
        # Spending less than the nominal p over all looks cannot leave that much for this one.
        return math.exp(crossing(lambda log: self.nominal_level(math.exp(log)) - p, math.log(p) - 1e-6, math.log(0.5)))


def _growing(shares: Sequence[float]) -> tuple[float, ...]:
    grown: list[float] = []
    for share in shares:
        grown.append(max(share, grown[-1] * _LEAST_GROWTH) if grown else share)
    return tuple(grown)
