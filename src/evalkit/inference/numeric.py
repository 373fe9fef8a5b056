"""Reference distributions and the root-finder that the pivots share.

Only `scipy.special` is used: importing `scipy.stats` or `scipy.optimize` costs more than a whole evaluation.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from scipy import special


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


def crossing(function: Callable[[float], float], low: float, high: float) -> float:
    """Return where a monotone `function` changes sign between `low` and `high`, to machine precision.

    Plain bisection: the functions are cheap, and it cannot leave the bracket at the edges of the
    parameter space, where the score statistics have infinite slope.

    >>> crossing(lambda x: x * x - 2, 0.0, 2.0) == 2**0.5
    True
    """
    sign = function(low) > 0
    while True:
        middle = 0.5 * (low + high)
        if not low < middle < high or high - low <= 1e-15 * abs(middle):
            return middle
        if (function(middle) > 0) == sign:
            low = middle
        else:
            high = middle
