"""One rate against a threshold: events in an exposure, exact or with overdispersion."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import special

from evalkit.inference.numeric import VANISHING, crossing, lower_tail, quantile, signed_root


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLevel:
    """Interval and test of a single rate, events ÷ exposure.

    Without degrees of freedom the central exact Poisson interval (Garwood 1936, Biometrika 28, p. 437–442).
    With them the mid-p tail, turned into a normal deviate, is divided by the root of the dispersion (never
    under 1) and referred to Student's t, as for the ratio of two rates.

    >>> low, high = RateLevel(events=10, exposure=1).interval(0.95)
    >>> round(low, 4), round(high, 4)
    (4.7954, 18.3904)
    """

    events: float
    exposure: float
    dispersion: float = 1.0
    df: float | None = None

    @property
    def estimate(self) -> float:
        return self.events / self.exposure

    @property
    def method(self) -> str:
        return "exact Poisson" if self.df is None else "quasi-Poisson (mid-p, t)"

    def interval(self, confidence: float) -> tuple[float, float]:
        tail = (1 - confidence) / 2
        if self.df is None:
            low = float(special.gammaincinv(self.events, tail)) if self.events > 0 else 0.0
            return low / self.exposure, float(special.gammainccinv(self.events + 1, tail)) / self.exposure
        wanted, spread = quantile(1 - tail, self.df), math.sqrt(max(1.0, self.dispersion))
        top = self.events + 10 + 20 * abs(wanted) * spread * (math.sqrt(self.events + 1) + abs(wanted) * spread)
        low = 0.0
        if self.events > 0 and self._deviate(VANISHING) > wanted:
            low = crossing(lambda mean: self._deviate(mean) - wanted, VANISHING, self.events)
        high = crossing(lambda mean: self._deviate(mean) + wanted, self.events, top)
        return low / self.exposure, high / self.exposure

    def tails(self, value: float) -> tuple[float, float]:
        mean = value * self.exposure
        if mean <= 0:
            return (0.0, 1.0) if self.events > 0 else (1.0, 1.0)
        if self.df is None:
            return self._at_least(mean), float(special.gammaincc(self.events + 1, mean))
        z = self._deviate(mean)
        return lower_tail(-z, self.df), lower_tail(z, self.df)

    def _at_least(self, mean: float) -> float:
        return float(special.gammainc(self.events, mean)) if self.events > 0 else 1.0

    def _deviate(self, mean: float) -> float:
        """Return the studentised deviate: large where there are more events than the mean leads to expect."""
        if mean <= 0:
            return math.inf if self.events > 0 else 0.0
        more = 0.5 * (self._at_least(mean) + float(special.gammainc(self.events + 1, mean)))
        fewer = self._fewer(mean)
        if min(more, fewer) < VANISHING:  # some 37 standard deviations off, which a large dispersion brings near
            z = self._far_deviate(mean)
        else:
            z = -quantile(more) if more < fewer else quantile(fewer)
        return z / math.sqrt(max(1.0, self.dispersion))

    def _far_deviate(self, mean: float) -> float:
        """Return the mid-p tail's normal deviate where the tail itself is no number any more."""
        if self.events <= 0:
            return float(special.ndtri_exp(math.log(0.5) - mean))
        apart = math.log(self.events / mean)
        deviance = 2 * max(self.events * apart - (self.events - mean), 0.0)
        return signed_root(math.copysign(math.sqrt(deviance), apart), apart * math.sqrt(self.events))

    def _fewer(self, mean: float) -> float:
        at_most = float(special.gammaincc(self.events + 1, mean))
        below = float(special.gammaincc(self.events, mean)) if self.events > 0 else 0.0
        return 0.5 * (at_most + below)
