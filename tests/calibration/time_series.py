"""False claims of interrupted time series: `python tests/calibration/time_series.py [replicates]`.

A step effect is estimated where nothing changed; nominal one-sided level 2.5 %, so a method claims a fall in at
most 2.5 % and a rise in as many. Shown is the mean of both rates, in %, for error correlations 0 / 0.3 / 0.6, and
the coverage of the 95 % interval. Columns are the choices of `errors`.

The first block is log-normal series without a trend; the second adds the linear trend; the third is Poisson
counts whose monthly rates carry AR(1) shocks with a standard deviation of 0.2, fitted as quasi-Poisson. There
the chance variation of the counts hides part of the correlation: taken as AR(1) together with the shocks it lets
5.3 % of false claims a side through (24 + 12 months, 30 a month, correlation 0.6; 3,000 replicates).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalkit.estimands.time_series import Errors, interrupted_time_series

Series = NDArray[np.float64]
CORRELATIONS = (0.0, 0.3, 0.6)
METHODS: tuple[Errors, ...] = ("model", "hac", "autoregressive")
SHOCKS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Months before and after, pairs of harmonics, a trend or none; `mean` counts a month, None for log-normal."""

    before: int
    after: int
    harmonics: int
    trend: bool = False
    mean: float | None = None

    def __str__(self) -> str:
        season = {0: "no season", 2: "two harmonics"}[self.harmonics]
        counts = f", {self.mean:g} a month" if self.mean is not None else ""
        return f"{self.before} + {self.after}, {season}{', trend' if self.trend else ''}{counts}"

    @property
    def model(self) -> dict[str, Any]:
        family = "gaussian" if self.mean is None else "quasi-poisson"
        return {"family": family, "harmonics": self.harmonics, "trend": self.trend}


LENGTHS = ((24, 3, 2), (24, 12, 2), (36, 12, 0))
TABLE = [Scenario(before=b, after=a, harmonics=h) for b, a, h in LENGTHS]
SCENARIOS = [
    *TABLE,
    *(Scenario(before=b, after=a, harmonics=h, trend=True) for b, a, h in LENGTHS),
    *(Scenario(before=b, after=a, harmonics=h, mean=mean) for mean in (5, 30) for b, a, h in LENGTHS),
]


def draw(scenario: Scenario, correlation: float, rng: np.random.Generator) -> Series:
    """Return one series without any change."""
    months = scenario.before + scenario.after
    noise = rng.standard_normal(months)
    shocks = np.empty(months)
    shocks[0] = noise[0]
    for month in range(1, months):
        shocks[month] = correlation * shocks[month - 1] + np.sqrt(1 - correlation**2) * noise[month]
    rates = np.exp(SHOCKS * shocks)
    return rates if scenario.mean is None else rng.poisson(scenario.mean * rates).astype(float)


def claims(
    scenario: Scenario, correlation: float, replicates: int, rng: np.random.Generator, methods: tuple[Errors, ...]
) -> dict[str, tuple[float, float]]:
    """Return, by method, how often a fall and how often a rise was claimed."""
    months = np.arange(scenario.before + scenario.after)
    found = {method: [0, 0] for method in methods}
    for _ in range(replicates):
        series = draw(scenario, correlation, rng)
        for method in methods:
            result = interrupted_time_series(series, months, scenario.before, errors=method, **scenario.model)
            found[method][0] += result.high < 1
            found[method][1] += result.low > 1
    return {method: (fall / replicates, rise / replicates) for method, (fall, rise) in found.items()}


def main(replicates: int) -> None:
    rng = np.random.default_rng(20250601)
    print(f"{replicates} replicates; false claims a side in %, error correlation 0 / 0.3 / 0.6 (coverage of 95 %)")
    print(f"{'months before + after':>44} " + "".join(f"{name:>40}" for name in METHODS))
    for scenario in SCENARIOS:
        rates = [claims(scenario, correlation, replicates, rng, METHODS) for correlation in CORRELATIONS]
        cells = []
        for method in METHODS:
            wrong = [sum(rate[method]) for rate in rates]
            sides = " / ".join(f"{50 * share:.1f}" for share in wrong)
            covered = " / ".join(f"{100 * (1 - share):.1f}" for share in wrong)
            cells.append(f"{sides} ({covered})")
        print(f"{scenario!s:>44} " + "".join(f"{cell:>40}" for cell in cells), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 4000)
