"""Proportions: score and exact procedures for one proportion, a difference and a ratio of two.

Each class is a pivot: its interval and its tail probabilities are inversions of one another, so an
interval at confidence c leaves a value out exactly when that value's one-sided p is below (1 - c) / 2.
None of them breaks down at 0 or n successes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import special

from evalkit.errors import NotEvaluableError
from evalkit.inference.numeric import critical_value, crossing, lower_tail


def _score(deviation: float, variance: float) -> float:
    """Return deviation / sqrt(variance); where the variance vanishes, the limit that the sign tells."""
    if variance > 0:
        return deviation / math.sqrt(variance)
    # Below 1e-300 a variance that is not zero may have underflown; the statistic of so small a deviation is 0.
    return 0.0 if abs(deviation) < 1e-300 else math.copysign(math.inf, deviation)


def _tails_of(z: float, df: float | None = None) -> tuple[float, float]:
    """Return (p for larger, p for smaller) of a statistic that grows as the estimate exceeds the value."""
    return lower_tail(-z, df), lower_tail(z, df)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wilson:
    """Score interval and score test of one proportion.

    Parameters
    ----------
    successes, trials : counts, or an estimated proportion times an effective sample size (any
        0 <= successes <= trials, trials > 0): the modified Wilson interval for surveys and clusters.
    df : degrees of freedom of the effective sample size's variance; None for the normal quantile.

    Sources
    -------
    Wilson (1927), J. Am. Stat. Assoc. 22, 209-212; Newcombe (1998), Stat. Med. 17, 857-872, method 3.
    Effective sample size and t: Dean and Pagano (2015), J. Surv. Stat. Methodol. 3, 484-503.

    >>> low, high = Wilson(successes=463, trials=500).interval(0.95)
    >>> round(low, 8), round(high, 8)
    (0.89966525, 0.94583882)
    """

    successes: float
    trials: float
    df: float | None = None

    @property
    def estimate(self) -> float:
        return self.successes / self.trials

    @property
    def method(self) -> str:
        return "Wilson score"

    def interval(self, confidence: float) -> tuple[float, float]:
        """Return the limits, within 0 and 1."""
        shrink = critical_value(confidence, self.df) ** 2 / self.trials
        p = self.estimate
        centre = (p + shrink / 2) / (1 + shrink)
        half = math.sqrt(shrink * (p * (1 - p) + shrink / 4)) / (1 + shrink)
        low = 0.0 if p <= 0 else centre - half
        high = 1.0 if p >= 1 else centre + half
        return low, high

    def tails(self, value: float) -> tuple[float, float]:
        """Return the one-sided score p-values for a proportion above and below `value`."""
        if not 0 <= value <= 1:
            return (0.0, 1.0) if value < 0 else (1.0, 0.0)
        return _tails_of(_score(self.estimate - value, value * (1 - value) / self.trials), self.df)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClopperPearson:
    """Exact central interval and exact tail test of one proportion.

    Parameters
    ----------
    successes, trials : counts, 0 <= successes <= trials, trials > 0.

    Source: Clopper and Pearson (1934), Biometrika 26, 404-413.

    >>> round(ClopperPearson(successes=463, trials=500).tails(0.90)[0], 8)
    0.02743008
    """

    successes: float
    trials: float

    @property
    def estimate(self) -> float:
        return self.successes / self.trials

    @property
    def method(self) -> str:
        return "exact binomial (Clopper–Pearson)"

    @property
    def df(self) -> float | None:
        return None

    def interval(self, confidence: float) -> tuple[float, float]:
        """Return the limits, within 0 and 1."""
        tail = (1 - confidence) / 2
        x, n = self.successes, self.trials
        low = float(special.betaincinv(x, n - x + 1, tail)) if x > 0 else 0.0
        high = float(special.betainccinv(x + 1, n - x, tail)) if x < n else 1.0
        return low, high

    def tails(self, value: float) -> tuple[float, float]:
        """Return P(X >= successes) and P(X <= successes) at the proportion `value`."""
        if not 0 <= value <= 1:
            return (0.0, 1.0) if value < 0 else (1.0, 0.0)
        x, n = self.successes, self.trials
        above = float(special.betainc(x, n - x + 1, value)) if x > 0 else 1.0
        below = float(special.betaincc(x + 1, n - x, value)) if x < n else 1.0
        return above, below


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreDifference:
    """Miettinen-Nurminen score interval and test of the difference of two proportions, after - before.

    The variance is the restricted maximum-likelihood one times N / (N - 1), as in the paper.

    Parameters
    ----------
    successes_before, trials_before, successes_after, trials_after : counts of the two independent arms, or
        effective ones.
    df : Student's t instead of the normal, where the effective counts come from an estimated variance.

    Source: Miettinen and Nurminen (1985), Stat. Med. 4, 213-226, equations 8, 9 and appendix I.

    >>> arms = ScoreDifference(successes_before=48, trials_before=80, successes_after=56, trials_after=70)
    >>> low, high = arms.interval(0.95)
    >>> round(low, 4), round(high, 4)
    (0.0528, 0.3382)
    """

    successes_before: float
    trials_before: float
    successes_after: float
    trials_after: float
    df: float | None = None

    @property
    def estimate(self) -> float:
        return self.successes_after / self.trials_after - self.successes_before / self.trials_before

    @property
    def method(self) -> str:
        return "Miettinen–Nurminen score"

    def interval(self, confidence: float) -> tuple[float, float]:
        """Return the limits, within -1 and 1."""
        z = critical_value(confidence, self.df)
        estimate = self.estimate
        low = -1.0 if estimate <= -1 else crossing(lambda d: self._z(d) - z, -1.0, estimate)
        high = 1.0 if estimate >= 1 else crossing(lambda d: self._z(d) + z, estimate, 1.0)
        return low, high

    def tails(self, value: float) -> tuple[float, float]:
        """Return the one-sided score p-values for a difference above and below `value`."""
        if not -1 <= value <= 1:
            return (0.0, 1.0) if value < -1 else (1.0, 0.0)
        return _tails_of(self._z(value), self.df)

    def _z(self, difference: float) -> float:
        x_before, x_after = self.successes_before, self.successes_after
        n_before, n_after = self.trials_before, self.trials_after
        if 2 * (x_before + x_after) > n_before + n_after:
            # Counting failures instead keeps proportions near 1 as exact as those near 0.
            return -_difference_score(n_before - x_before, n_before, n_after - x_after, n_after, -difference)
        return _difference_score(x_before, n_before, x_after, n_after, difference)


def _difference_score(x_before: float, n_before: float, x_after: float, n_after: float, d: float) -> float:
    """Return Miettinen and Nurminen's signed statistic against the difference `d`."""
    total, successes = n_before + n_after, x_before + x_after
    quadratic = (n_after + 2 * n_before) * d - total - successes
    linear = (n_before * d - total - 2 * x_before) * d + successes
    shift = quadratic / (3 * total)
    q = shift**3 - quadratic * linear / (6 * total**2) + x_before * d * (1 - d) / (2 * total)
    radius = math.copysign(math.sqrt(max(0.0, shift**2 - linear / (3 * total))), q)
    p_before = -shift
    if radius != 0:
        angle = (math.pi + math.acos(min(1.0, max(-1.0, q / radius**3)))) / 3
        p_before += 2 * radius * math.cos(angle)
    p_before = min(min(1.0, 1.0 - d), max(max(0.0, -d), p_before))
    p_after = min(1.0, max(0.0, p_before + d))
    variance = p_before * (1 - p_before) / n_before + p_after * (1 - p_after) / n_after
    return _score(x_after / n_after - x_before / n_before - d, variance * total / (total - 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRatio:
    """Koopman score interval and test of the ratio of two proportions, after ÷ before.

    The variance is the restricted maximum-likelihood one without the factor N / (N - 1): the square of
    the statistic is Koopman's chi-square. (Miettinen and Nurminen's ratio interval has the factor.)
    No successes after gives the lower limit 0, none before the upper limit infinity.

    Parameters
    ----------
    successes_before, trials_before, successes_after, trials_after : counts of the two independent arms, or
        effective ones.
    df : Student's t instead of the normal, where the effective counts come from an estimated variance.

    Raises
    ------
    NotEvaluableError : there is no success in either arm, so the data say nothing about the ratio.

    Source: Koopman (1984), Biometrics 40, 513-517; Miettinen and Nurminen (1985), Stat. Med. 4, 213-226,
    equation 10, for the closed-form restricted estimate.

    >>> arms = ScoreRatio(successes_before=16, trials_before=80, successes_after=36, trials_after=40)
    >>> low, high = arms.interval(0.95)
    >>> round(low, 2), round(high, 2)
    (2.94, 7.15)
    """

    successes_before: float
    trials_before: float
    successes_after: float
    trials_after: float
    df: float | None = None

    def __post_init__(self) -> None:
        if self.successes_before + self.successes_after == 0:
            raise NotEvaluableError(
                "zero_events_before",
                f"There is no success before (of {self.trials_before:g}) nor after (of {self.trials_after:g}); "
                "a ratio of proportions needs at least one. Use scale='difference'.",
            )

    @property
    def estimate(self) -> float:
        if self.successes_before == 0:
            return math.inf
        return (self.successes_after / self.trials_after) / (self.successes_before / self.trials_before)

    @property
    def method(self) -> str:
        return "Koopman score"

    def interval(self, confidence: float) -> tuple[float, float]:
        """Return the limits, the lower possibly 0, the upper possibly infinite."""
        z = critical_value(confidence, self.df)
        # With an empty arm the estimate is 0 or infinite, so the search starts from half a success in it.
        start = math.log(
            (max(self.successes_after, 0.5) / self.trials_after)
            / (max(self.successes_before, 0.5) / self.trials_before)
        )
        low = 0.0 if self.successes_after == 0 else math.exp(self._limit(z, start))
        high = math.inf if self.successes_before == 0 else math.exp(self._limit(-z, start))
        return low, high

    def tails(self, value: float) -> tuple[float, float]:
        """Return the one-sided score p-values for a ratio above and below `value`."""
        if value < 0:
            return 0.0, 1.0
        return _tails_of(self._z(value), self.df)

    def _limit(self, z: float, start: float) -> float:
        """Return the logarithm of the ratio at which the statistic is `z`."""
        low = high = start
        while self._z(math.exp(low)) < z:
            low -= 1.0
        while self._z(math.exp(high)) > z:
            high += 1.0
        return crossing(lambda log_ratio: self._z(math.exp(log_ratio)) - z, low, high)

    def _z(self, ratio: float) -> float:
        before, after = (self.successes_before, self.trials_before), (self.successes_after, self.trials_after)
        if ratio > 1:
            # The inverse ratio of the swapped arms: an infinite ratio becomes 0, and nothing overflows.
            return -_ratio_score(*after, *before, 1 / ratio)
        return _ratio_score(*before, *after, ratio)


def _ratio_score(x_before: float, n_before: float, x_after: float, n_after: float, ratio: float) -> float:
    """Return the signed root of Koopman's statistic against a `ratio` from 0 to 1."""
    successes = x_before + x_after
    a = ratio * (n_before + n_after)
    b = n_before + x_after + ratio * (n_after + x_before)
    # The likeliest proportion before, as the form of the quadratic's smaller root that holds down to ratio 0.
    p_before = min(1.0, 2 * successes / (b + math.sqrt(max(0.0, b * b - 4 * a * successes))))
    p_after = ratio * p_before
    variance = p_after * (1 - p_after) / n_after + ratio * p_after * (1 - p_before) / n_before
    return _score(x_after / n_after - ratio * (x_before / n_before), variance)
