"""Reference distributions and the root-finder that the pivots share.

Only `scipy.special` is used: importing `scipy.stats` or `scipy.optimize` costs more than a whole evaluation.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from scipy import special

LEAST_LEVEL = 1e-12
"""The smallest nominal level that looks are held to: 1 - 2 × level must still differ from 1."""


def lower_tail(z: float, df: float | None = None) -> float:
    """Return P(Z <= z) for the standard normal, or for Student's t with `df` degrees of freedom.

    >>> round(lower_tail(-1.959964), 6)
    0.025
    """
    if math.isinf(z):
        return 0.0 if z < 0 else 1.0
    return float(special.ndtr(z) if df is None else special.stdtr(df, z))


def quantile(probability: float, df: float | None = None) -> float:
    """Return the standard normal quantile, or Student's t with `df` degrees of freedom.

    >>> round(quantile(0.975), 6), round(quantile(0.975, 10), 6)
    (1.959964, 2.228139)
    """
    return float(special.ndtri(probability) if df is None else special.stdtrit(df, probability))


def critical_value(confidence: float, df: float | None = None) -> float:
    """Return the quantile that a two-sided interval at `confidence` reaches out to.

    >>> round(critical_value(0.95), 6)
    1.959964
    """
    return -quantile((1 - confidence) / 2, df)


VANISHING = 1e-300
"""Below this a probability loses its digits, and then vanishes."""


def signed_root(root: float, wald: float) -> float:
    """Return the normal deviate of a tail from the signed root of its deviance and the Wald statistic.

    Both of a one-parameter exponential family at its canonical parameter; mid-p for counts. Eight to 37
    standard deviations off it is right to a part in 200 with 5 events, in 10,000 with thousands.

    Source: Barndorff-Nielsen (1986), Biometrika 73, p. 307; Pierce and Peters (1992), J. R. Stat. Soc. B 54, p. 701.

    >>> round(signed_root(-7.0, -6.0), 3)
    -6.978
    """
    return root + math.log(wald / root) / root if abs(root) > 1e-8 else root


def crossing(function: Callable[[float], float], low: float, high: float) -> float:
    """Return where a monotone `function` changes sign between `low` and `high`, to about machine precision.

    Bisection with inverse quadratic steps where they are safe: Chandrupatla (1997), Adv. Eng. Softw. 28,
    145-149. It never leaves the bracket, and infinite values, as score statistics have at the edges of the
    parameter space, only make it bisect. Without a change of sign the end nearer to zero is returned.

    >>> round(crossing(lambda x: x * x - 2, 0.0, 2.0), 15)
    1.414213562373095
    """
    newest, other = low, high
    f_newest, f_other = float(function(low)), float(function(high))
    if (f_newest > 0) == (f_other > 0):
        return low if abs(f_newest) < abs(f_other) else high
    step = 0.5
    while True:
        point = newest + step * (other - newest)
        value = float(function(point))
        if (value > 0) == (f_newest > 0):
            dropped, f_dropped = newest, f_newest
        else:
            dropped, f_dropped, other, f_other = other, f_other, newest, f_newest
        newest, f_newest = point, value
        best = newest if abs(f_newest) < abs(f_other) else other
        margin = 4e-16 * abs(best) / abs(other - newest) if other != newest else 1.0
        if f_newest == 0 or margin > 0.5:
            return best
        step = _quadratic_step((newest, f_newest), (other, f_other), (dropped, f_dropped))
        step = min(1 - margin, max(margin, step))


def _quadratic_step(newest: tuple[float, float], other: tuple[float, float], dropped: tuple[float, float]) -> float:
    """Return the share of the way from the newest to the other end at which to look next."""
    (a, fa), (b, fb), (c, fc) = newest, other, dropped
    if not (math.isfinite(fa) and math.isfinite(fb) and math.isfinite(fc)) or fc in (fa, fb) or c == b:
        return 0.5
    xi, phi = (a - b) / (c - b), (fa - fb) / (fc - fb)
    if not (phi * phi < xi and (1 - phi) ** 2 < 1 - xi):
        return 0.5
    return fa / (fb - fa) * fc / (fb - fc) + (c - a) / (b - a) * fa / (fc - fa) * fb / (fc - fb)
