"""Checks of plain numbers that callers hand in, with sentences that name the parameter."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from evalkit.errors import ParameterError, shown
from evalkit.inference.columns import plain


def count(value: Any, name: str) -> int:
    """Return a count as an int, or raise ParameterError where it is no whole number >= 0.

    >>> count(12.0, "trials")
    12
    """
    number = number_of(value)
    if not math.isfinite(number) or number < 0 or number != math.floor(number):
        raise ParameterError(f"{name} is {shown(value)}; expected a whole number of at least 0.")
    return int(number)


def positive(value: Any, name: str) -> float:
    """Return a finite number above 0 as a float, or raise ParameterError.

    >>> positive(12, "exposure_after")
    12.0
    """
    number = number_of(value)
    if not math.isfinite(number) or number <= 0:
        raise ParameterError(f"{name} is {shown(value)}; expected a number above 0.")
    return number


def number_of(value: Any) -> float:
    """Return the value as a float; NaN for what is no number, text that looks like one included."""
    value = plain(value)
    if isinstance(value, str | bytes | np.timedelta64):
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan
