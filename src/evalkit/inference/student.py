"""Student's t on a link scale, with Hall's correction for skewness where third moments are given."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from evalkit.inference.numeric import critical_value, lower_tail

Link = Literal["identity", "log"]


def satterthwaite(variances: Sequence[float], dfs: Sequence[float]) -> float:
    """Return the Welch–Satterthwaite degrees of freedom of a sum of independent variance estimates.

    Satterthwaite (1946), Biometrics Bulletin 2, p. 110–114.

    >>> round(satterthwaite([1.0, 1.0], [10, 10]), 6)
    20.0
    """
    total = sum(variances)
    weight = sum(v * v / d for v, d in zip(variances, dfs, strict=True) if v > 0)
    return total * total / weight if weight > 0 else math.inf


@dataclass(frozen=True, slots=True)
class Skewness:
    """First and third cumulants of the studentised statistic, to order n^(−1/2).

    Hall (1992), The Bootstrap and Edgeworth Expansion, section 2.4 and 3.8: P(T ≤ x) = Φ(x) − (k1 +
    k3(x² − 1)/6) φ(x). The monotone cubic of Hall (1992), JRSS B 54, p. 221–228, turns T into a statistic
    with neither. Beyond ±`reach`, where no expansion is to be trusted, the correction stays what it is there.
    """

    k1: float = 0.0
    k3: float = 0.0
    reach: float = math.inf

    def diluted(self, share: float) -> Skewness:
        """Return the cumulants when a symmetric error is added and this one keeps `share` of the variance."""
        return Skewness(self.k1 * share**0.5, self.k3 * share**1.5, self.reach)

    def transform(self, t: float) -> float:
        """Return g(T), symmetric to the next order."""
        if math.isinf(self.reach):
            return self._transform(t)
        low, high = self._inverse(-self.reach), self._inverse(self.reach)
        if low <= t <= high:
            return self._transform(t)
        return t - high + self.reach if t > high else t - low - self.reach

    def inverse(self, g: float) -> float:
        """Return the T whose transform is g."""
        near = min(max(g, -self.reach), self.reach)
        return self._inverse(near) + (g - near)

    def _transform(self, t: float) -> float:
        b = self.k3 / 6  # Hall's (1 − (1 − bt)³)/3b multiplied out: no digits are lost as b vanishes
        return t - b * t * t + b * b * t**3 / 3 - (self.k1 - b)

    def _inverse(self, g: float) -> float:
        b = self.k3 / 6
        level = g + self.k1 - b
        root = math.cbrt(1 - 3 * b * level)
        return 3 * level / (1 + root + root * root)  # (1 − root)/b without the division by b


def log_ratio_skewness(
    signs: Sequence[int], variances: Sequence[float], third: Sequence[float], *, link: Link
) -> Skewness:
    """Return the cumulants for a contrast of independent arms' means, logged or not.

    Parameters
    ----------
    signs : +1 for the arm that raises the contrast, −1 for the other.
    variances : Σψ² of each arm, ψ a record's contribution to the relative error (log) or to the mean.
    third : Σψ³ of each arm, in the arm's own sign.
    link : 'log' adds the curvature of the logarithm and the dependence of its variance on the mean.

    The expansion is that of a studentised smooth function of means (Hall 1992, section 2.4) with
    derivative 1 and second derivative −1 (log) or 0 (identity) for each arm.
    """
    total = sum(variances)
    if total <= 0:
        return Skewness()
    root = math.sqrt(total)
    log = 1.0 if link == "log" else 0.0
    # covariance of the contrast with the relative error of its own variance estimate
    shared = sum(s * (k - 2 * log * v * v) / total for s, v, k in zip(signs, variances, third, strict=True))
    curvature = log * sum(s * v for s, v in zip(signs, variances, strict=True))
    k1 = -(curvature + shared) / (2 * root)
    own = sum(s * k for s, k in zip(signs, third, strict=True))
    bend = 3 * log * sum(s * v * v for s, v in zip(signs, variances, strict=True))
    k3 = (own - bend - 3 * total * shared) / root**3
    return Skewness(k1, k3)


def _exp(value: float) -> float:
    return math.exp(value) if value < 709 else math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class StudentPivot:
    """(link(θ̂) − link(θ)) / se against Student's t (df) or the normal (df None), skew-corrected.

    `estimate` is on the natural scale, `se` on the link scale. With `cautious` the correction only ever moves a limit
    outwards: for skewness known from other quantities than the error itself rests on.
    """

    estimate: float
    se: float
    df: float | None
    method: str
    link: Link = "identity"
    skewness: Skewness = Skewness()
    cautious: bool = False

    def _to_link(self, value: float) -> float:
        if self.link == "identity":
            return value
        return math.log(value) if value > 0 else -math.inf

    def interval(self, confidence: float) -> tuple[float, float]:
        quantile = critical_value(confidence, self.df)
        centre = self._to_link(self.estimate)
        far, near = self.skewness.inverse(quantile), self.skewness.inverse(-quantile)
        if self.cautious:
            far, near = max(far, quantile), min(near, -quantile)
        low, high = centre - self.se * far, centre - self.se * near
        return (low, high) if self.link == "identity" else (_exp(low), _exp(high))

    def tails(self, value: float) -> tuple[float, float]:
        distance = self._to_link(self.estimate) - self._to_link(value)
        if self.se == 0 or math.isinf(distance):
            above = 0.0 if distance > 0 else (1.0 if distance < 0 else 0.5)
            return above, 1 - above
        plain = distance / self.se
        g = self.skewness.transform(plain)
        ends = (min(g, plain), max(g, plain)) if self.cautious else (g, g)
        return lower_tail(-ends[0], self.df), lower_tail(ends[1], self.df)
