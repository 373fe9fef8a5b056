"""Error rates of the ratio of overdispersed rates: `python tests/calibration/rates.py [replicates]`.

A baseline of 24 months is compared with 3, 6 or 12 months after; monthly counts are gamma-Poisson with
variance = dispersion x mean. In the columns false achieved / false not achieved / coverage the truth lies
exactly on the target ratio 0.7 (one-sided level 2.5 %, interval 95 %); in the last the true ratio is 0.3.
Columns of procedures:

chosen    evalkit's: mid-p conditional deviate / root dispersion, t with the dispersion's own degrees of freedom
plain df  the same with (months - 2) degrees of freedom
exact     the deviate of the full exact tail instead of the mid-p one, the same degrees of freedom as chosen
Wald      log ratio +/- t x root(dispersion (1/before + 1/after)), t with (months - 2); none without events after
Poisson   the exact conditional procedure, dispersion ignored

Signed root of the deviance over the dispersion and the score (modified Wilson) statistic were also measured:
the first calls up to 3.7 %, the second up to 6.6 % of false findings (20,000 replicates).
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evalkit.inference.numeric import lower_tail, quantile
from evalkit.inference.poisson import DispersedRateRatio, ExactRateRatio, dispersion

BASELINE_MONTHS = 24
TARGET = 0.7
ALPHA = 0.025
Counts = NDArray[np.int64]
Tails = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One constellation: expected events over the baseline, months after, variance ÷ mean."""

    expected: float
    months_after: int
    dispersion: float


SCENARIOS = [
    Scenario(expected=expected, months_after=months, dispersion=phi)
    for expected in (4, 12, 40)
    for months in (3, 6, 12)
    for phi in (1, 1.5, 2, 3)
]


def draw(scenario: Scenario, ratio: float, rng: np.random.Generator) -> tuple[Counts, Counts]:
    """Return one simulated series of monthly counts before and after."""
    monthly = scenario.expected / BASELINE_MONTHS

    def arm(mean: float, months: int) -> Counts:
        if scenario.dispersion == 1:
            return rng.poisson(mean, months)
        scale = scenario.dispersion - 1
        return rng.poisson(rng.gamma(mean / scale, scale, months))

    return arm(monthly, BASELINE_MONTHS), arm(monthly * ratio, scenario.months_after)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """The totals of one simulated series and its dispersion."""

    totals: dict[str, float]
    phi: float
    df: float
    plain_df: float


def fit(before: Counts, after: Counts) -> Fitted:
    months = before.size + after.size
    arms = np.repeat([0, 1], [before.size, after.size])
    phi, df = dispersion(np.concatenate([before, after]), np.ones(months), arms)
    totals = {
        "events_before": float(before.sum()),
        "exposure_before": float(before.size),
        "events_after": float(after.sum()),
        "exposure_after": float(after.size),
    }
    return Fitted(totals=totals, phi=max(1.0, phi), df=df, plain_df=months - 2)


def chosen(fitted: Fitted) -> Tails:
    return DispersedRateRatio(**fitted.totals, dispersion=fitted.phi, df=fitted.df).tails(TARGET)


def plain_df(fitted: Fitted) -> Tails:
    return DispersedRateRatio(**fitted.totals, dispersion=fitted.phi, df=fitted.plain_df).tails(TARGET)


def exact_deviate(fitted: Fitted) -> Tails:
    above, below = ExactRateRatio(**fitted.totals).tails(TARGET)
    root = math.sqrt(fitted.phi)
    return lower_tail(quantile(above) / root, fitted.df), lower_tail(quantile(below) / root, fitted.df)


def wald(fitted: Fitted) -> Tails:
    events_after, events_before = fitted.totals["events_after"], fitted.totals["events_before"]
    if events_after == 0:
        return 1.0, 1.0
    ratio = events_after * BASELINE_MONTHS / (fitted.totals["exposure_after"] * events_before)
    z = math.log(ratio / TARGET) / math.sqrt(fitted.phi * (1 / events_before + 1 / events_after))
    return lower_tail(-z, fitted.plain_df), lower_tail(z, fitted.plain_df)


def poisson(fitted: Fitted) -> Tails:
    return ExactRateRatio(**fitted.totals).tails(TARGET)


PROCEDURES: dict[str, Callable[[Fitted], Tails]] = {
    "chosen": chosen,
    "plain df": plain_df,
    "exact": exact_deviate,
    "Wald": wald,
    "Poisson": poisson,
}


def rejections(
    scenario: Scenario,
    ratio: float,
    replicates: int,
    rng: np.random.Generator,
    procedures: dict[str, Callable[[Fitted], Tails]] = PROCEDURES,
) -> dict[str, tuple[float, float]]:
    """Return, by procedure, how often the ratio was called below and above the target.

    Series without an event before are not evaluable and are drawn anew.
    """
    below = dict.fromkeys(procedures, 0)
    above = dict.fromkeys(procedures, 0)
    for _ in range(replicates):
        before, after = draw(scenario, ratio, rng)
        while before.sum() == 0:
            before, after = draw(scenario, ratio, rng)
        fitted = fit(before, after)
        for name, procedure in procedures.items():
            larger, smaller = procedure(fitted)
            below[name] += smaller < ALPHA
            above[name] += larger < ALPHA
    return {name: (below[name] / replicates, above[name] / replicates) for name in procedures}


def main(replicates: int) -> None:
    rng = np.random.default_rng(20250101)
    print(f"{replicates} replicates; false achieved / false not achieved / coverage / power at 0.3, in %")
    print("expected months disp. " + "".join(f"{name:>22}" for name in PROCEDURES))
    for scenario in SCENARIOS:
        errors = rejections(scenario, TARGET, replicates, rng)
        power = rejections(scenario, 0.3, replicates, rng)
        cells = [
            f"{100 * low:.1f} /{100 * high:4.1f} /{100 * (1 - low - high):5.1f} /{100 * power[name][0]:3.0f}"
            for name, (low, high) in errors.items()
        ]
        print(
            f"{scenario.expected:8g} {scenario.months_after:6d} {scenario.dispersion:5g} "
            + "".join(f"{cell:>22}" for cell in cells),
            flush=True,
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
