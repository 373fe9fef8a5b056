"""False claims under shocks of whole months, with and without them in the interval.

Run: python tests/calibration/shocks.py [replicates]. Prints false `achieved` (one-sided, nominal 2.5 %), coverage of the
95 % interval and its median half-width in units of one month's sampling error, with 99 % Wilson intervals. Months before
and after, shock sd ÷ sampling sd of a month, and the shocks' AR(1) correlation vary; sampling errors have 39 degrees of
freedom, as with 40 branches.
"""

import sys

import numpy as np
from scipy import special, stats

from evalkit.inference.shocks import month_shocks

BOUNDS = {0.0: 0.025, 0.3: 0.04, 0.6: 0.05}


def simulate(before: int, after: int, sd: float, correlation: float, draws: int, seed: int = 1) -> dict[str, float]:
    """Return the rates over simulated banks without any change."""
    rng = np.random.default_rng(seed)
    months = np.arange(before + after)
    weights = np.r_[np.full(before, -1 / before), np.full(after, 1 / after)]
    claims = naive = covered = 0
    widths = []
    for _ in range(draws):
        shock = np.empty(before + after)
        shock[0] = rng.normal()
        for t in range(1, shock.size):
            shock[t] = correlation * shock[t - 1] + np.sqrt(1 - correlation**2) * rng.normal()
        values = sd * shock + rng.normal(size=shock.size)
        own = (1 / before + 1 / after) * rng.chisquare(39) / 39
        found = month_shocks(months[:before], values[:before], np.ones(before))
        assert found is not None
        added = found.added(months, weights)
        df, error = added.combined_df(own, 39), np.sqrt(own + added.variance)
        estimate, reach = float(weights @ values), special.stdtrit(df, 0.975) * error
        claims += estimate < -reach
        covered += abs(estimate) <= reach
        naive += estimate < -special.stdtrit(39, 0.975) * np.sqrt(own)
        widths.append(reach)
    return {"claims": claims, "naive": naive, "covered": covered, "width": float(np.median(widths))}


def main(draws: int) -> None:
    print(f"{draws} replicates; false claims in % [99 % interval]")
    print("before after  sd/se  rho   claims            ignoring shocks   coverage   half-width")
    for before, after in ((12, 3), (24, 3), (24, 12), (36, 12)):
        for sd in (0.0, 0.5, 1.0, 2.0):
            for correlation, bound in BOUNDS.items():
                if sd == 0 and correlation > 0:
                    continue
                found = simulate(before, after, sd, correlation, draws)
                interval = stats.binomtest(int(found["claims"]), draws).proportion_ci(0.99, "wilson")
                print(
                    f"{before:6d} {after:5d} {sd:6.1f} {correlation:5.1f} {100 * found['claims'] / draws:7.2f} "
                    f"[{100 * interval.low:.1f}, {100 * interval.high:.1f}] {100 * found['naive'] / draws:12.1f} "
                    f"{100 * found['covered'] / draws:15.1f} {found['width']:10.2f}"
                    + ("  MISS" if interval.low > bound else "")
                )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
