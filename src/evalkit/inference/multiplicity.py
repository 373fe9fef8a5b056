"""Adjusted p-values over a fixed family."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal


def adjust(pvalues: Sequence[float], method: Literal["holm", "bonferroni", "none"] = "holm") -> list[float]:
    """Return the adjusted p-values in the order given; the family is all of them.

    Holm (1979), Scandinavian Journal of Statistics 6, p. 65–70. A hypothesis that could not be tested
    enters as p = 1.

    >>> adjust([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    size = len(pvalues)
    if method == "none":
        return list(pvalues)
    if method == "bonferroni":
        return [min(1.0, p * size) for p in pvalues]
    adjusted, highest = [0.0] * size, 0.0
    for rank, index in enumerate(sorted(range(size), key=lambda i: pvalues[i])):
        highest = max(highest, min(1.0, pvalues[index] * (size - rank)))
        adjusted[index] = highest
    return adjusted
