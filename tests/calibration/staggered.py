"""A staggered roll-out under a market that moves all branches: coverage and false claims, beside before/after.

Run: python tests/calibration/staggered.py [replicates]. Branches differ in size, level, effect and own drift; in the
first month of the programme the market moves all of them by -15 %, and its months have AR(1) shocks. Two years
before, reached at random months of the next year, evaluated over a quarter. Prints coverage of the 95 % interval, false
`achieved` with the target at the true effect (one-sided, nominal 2.5 %), how often the pre-trend test warns (nominal 5 %
at most), median half-width on the log scale, and the coverage of the plain comparison before/after, with 99 % Wilson
intervals.
"""

import sys

import numpy as np
from scipy import stats

from evalkit.errors import NotEvaluableError
from evalkit.estimands.staggered import NEVER, RolloutEffect, rollout_effect

BASELINE, MONTHS = 24, 39


def bank(rng: np.random.Generator, branches: int, share: float, effect: float, drift: float, sizes: float):
    """Return (totals, month of reach) of one simulated bank; `share` of the branches are reached in time."""
    months = np.arange(MONTHS)
    market = np.zeros(MONTHS)
    for t in months[1:]:
        market[t] = 0.6 * market[t - 1] + rng.normal(0, 0.08)
    market[BASELINE:] += np.log(0.85)
    reached = np.full(branches, NEVER)
    chosen = rng.permutation(branches)[: round(share * branches)]
    reached[chosen] = rng.integers(BASELINE, 36, chosen.size)
    own = rng.normal(0, drift, branches)  # a branch's own change since the baseline
    answer = np.log(effect) + rng.normal(0, drift, branches)
    log = rng.normal(0, 0.3, (branches, 1)) + market + rng.normal(0, 0.1, (branches, MONTHS))
    log += np.where(months >= BASELINE, own[:, None], 0) + np.where(months >= reached[:, None], answer[:, None], 0)
    exposure = np.exp(rng.normal(4, sizes, (branches, 1)) + rng.normal(0, 0.1, (branches, MONTHS)))
    return np.stack([exposure * np.exp(log), exposure], axis=-1)[..., None], reached


def estimate(totals, reached, target: float | None = None) -> RolloutEffect:
    months = np.arange(MONTHS)
    return rollout_effect(
        totals,
        months,
        reached,
        reached,
        baseline=months < BASELINE,
        evaluated=months >= MONTHS - 3,
        target=target,
        better="lower",
        confidence=0.95,
    )


def before_after(totals, reached) -> tuple[float, float]:
    """Return the interval of the log change of the reached branches alone, a plain t over branches."""
    values = [
        totals[reached < NEVER, part, 0, 0].sum(axis=1) / totals[reached < NEVER, part, 1, 0].sum(axis=1)
        for part in (slice(BASELINE), slice(MONTHS - 3, MONTHS))
    ]
    change = np.log(values[1] / values[0])
    reach = stats.t.ppf(0.975, change.size - 1) * change.std(ddof=1) / np.sqrt(change.size)
    return change.mean() - reach, change.mean() + reach


def simulate(
    branches: int, share: float, draws: int, *, effect=0.85, drift=0.05, sizes=0.5, seed=1
) -> dict[str, float]:
    """Return counts over simulated banks."""
    rng = np.random.default_rng(seed)
    counts = dict.fromkeys(("covered", "claims", "warned", "fooled", "failed"), 0)
    logs, widths = [], []
    for _ in range(draws):
        totals, reached = bank(rng, branches, share, effect, drift, sizes)
        try:
            found = estimate(totals, reached, effect)
        except NotEvaluableError:
            counts["failed"] += 1
            continue
        counts["covered"] += found.low <= effect <= found.high
        counts["claims"] += found.verdict == "achieved"
        counts["warned"] += found.pre_trend_p is not None and found.pre_trend_p < 0.05
        low, high = before_after(totals, reached)
        counts["fooled"] += not low <= np.log(effect) <= high
        logs.append(np.log(found.estimate))
        widths.append(np.log(found.high / found.estimate))
    return {**counts, "bias": float(np.mean(logs) - np.log(effect)), "width": float(np.median(widths))}


def main(draws: int) -> None:
    print(f"{draws} replicates; in % [99 % interval]")
    print(
        "branches reached sizes   coverage             false claims         warned   bias   half-width   before/after covers"
    )
    for branches, share in ((12, 0.5), (12, 0.75), (20, 0.5), (20, 0.8), (40, 0.5), (40, 0.9)):
        for sizes in (0.2, 0.8):
            found = simulate(branches, share, draws, sizes=sizes)
            done = int(draws - found["failed"])
            cover, claim = (
                stats.binomtest(int(found[name]), done).proportion_ci(0.99, "wilson") for name in ("covered", "claims")
            )
            print(
                f"{branches:8d} {100 * share:6.0f}% {sizes:5.1f} {100 * found['covered'] / done:8.1f} "
                f"[{100 * cover.low:.1f}, {100 * cover.high:.1f}] {100 * found['claims'] / done:8.1f} "
                f"[{100 * claim.low:.1f}, {100 * claim.high:.1f}] {100 * found['warned'] / done:8.1f} "
                f"{found['bias']:8.3f} {found['width']:8.3f} {100 - 100 * found['fooled'] / done:12.1f}"
                + ("  MISS" if cover.high < 0.935 or claim.low > 0.025 else "")
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
