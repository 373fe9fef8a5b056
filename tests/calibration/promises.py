"""What `evalkit power` promises against what happens: `python tests/calibration/promises.py [replicates]`.

Each simulated bank is planned from its baseline alone, at a true effect; then the programme comes, with that effect, and
is evaluated. Shown are the mean promised probability of `achieved` and the share achieved, in %. The promise for a mean or
a proportion takes the estimated shocks of months, floored at zero, for the truth, and so keeps on the careful side.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np

from calibration.calibrate import ALPHA, CONFIDENCE
from calibration.scenarios import SCENARIOS, Scenario
from calibration.simulate import Bank
from evalkit.evaluation.baseline_variance import basis_of
from evalkit.evaluation.common_shocks import baseline_shocks
from evalkit.evaluation.window import evaluate_window
from evalkit.evaluation.windows import period_comparison
from evalkit.periods import Period

_BY_ID = {scenario.id: scenario for scenario in SCENARIOS}
_LEVEL = replace(_BY_ID["response-records"], months=(24, 3), records=(4000.0, 500.0))

# scenario and true effect (a level for a proportion), where power is near 80 %
CASES: dict[str, tuple[Scenario, float]] = {
    "mean, 20 branches": (replace(_BY_ID["months-24+3-0"], month_sd=0.0), 0.70),
    "mean, month shocks": (_BY_ID["months-24+3-0"], 0.69),
    "level of a proportion, 40 branches": (_BY_ID["shipped-response"], 0.942),
    "level of a proportion, records": (_LEVEL, 0.935),
    "rate": (_BY_ID["incidents-300-24+3-2"], 0.24),
    "time series": (_BY_ID["months-24+12-0-series"], 0.695),
}


def kept(scenario: Scenario, truth: float, replicates: int, seed: int = 1) -> tuple[float, float, int]:
    """Return the mean promise, the share achieved, and how many banks could be planned."""
    rng, bank, goal = np.random.default_rng(seed), Bank.of(scenario), scenario.goal
    comparison = period_comparison(scenario.study, goal, Period("window", scenario.window), scenario.window.end)
    promised, achieved = [], []
    for _ in range(replicates):
        moments = bank.draw(rng, truth)
        promised.append(basis_of(scenario.study, goal, moments).curve(scenario.window, ALPHA)(truth))
        shocks = baseline_shocks(scenario.study, goal, moments, scenario.scale)
        found = evaluate_window(scenario.study, goal, moments, comparison, CONFIDENCE, shocks)
        achieved.append(found.evaluation.verdict == "achieved")
    return float(np.mean(promised)), float(np.mean(achieved)), len(promised)


def main(replicates: int) -> None:
    for name, (scenario, truth) in CASES.items():
        promise, share, _ = kept(scenario, truth, replicates)
        print(f"{name:36s} truth {truth:<6g} promised {100 * promise:5.1f}   achieved {100 * share:5.1f}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
