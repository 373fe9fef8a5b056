"""Clusters that hold everything, shares near none or all, weights of nothing: no arm passes for surer than it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import evalkit as ek
from evalkit.estimands.compare import compare
from evalkit.estimands.totals import Totals, powers
from evalkit.inference.contrast import Estimand
from evalkit.inference.jackknife import cluster_variance

Numbers = Any


def totals(
    before: tuple[Numbers, ...],
    after: tuple[Numbers, ...],
    *,
    kind: str = "proportion",
    groups: int = 1,
    kinds: int = 1,
) -> Totals:
    """Return the totals of records given as (values, weights, cluster, stratum) of either arm."""

    def arm(y: Numbers, w: Numbers, g: Numbers, k: Numbers) -> tuple[Numbers, Numbers]:
        sums = np.zeros((groups, 2, kinds))
        np.add.at(sums[:, 0], (g, k), w * y)
        np.add.at(sums[:, 1], (g, k), w)
        return sums, np.stack([powers((w * y)[k == j], w[k == j]) for j in range(kinds)], axis=1)

    (b, b_powers), (a, a_powers) = arm(*before), arm(*after)
    return Totals(
        kind=kind,  # type: ignore[arg-type]
        before=b[:, :, None, :],
        after=a,
        before_powers=b_powers[:, None, :],
        after_powers=a_powers,
        records=(len(before[0]), len(after[0])),
        clustered=groups > 1,
        plain=False,
    )


def drawn(rng: np.random.Generator, size: int, share: float) -> tuple[Numbers, ...]:
    return (rng.random(size) < share) * 1.0, rng.gamma(4, 1, size), rng.integers(0, 20, size), rng.integers(0, 2, size)


def test_events_that_lie_in_one_cluster_are_not_taken_for_events_of_all() -> None:
    """Ten clusters of 500 and 50 records, of which 100 and 6 are events; all six in one cluster, or in two."""
    before = np.array([[10.0, 500.0]] * 10)[:, :, None, None]
    together, apart = (np.array([[0.0, 50.0]] * 10)[:, :, None] for _ in range(2))
    together[3, 0] = 6
    apart[3, 0], apart[5, 0] = 5, 1
    found = cluster_variance(before, together, Estimand(scale="ratio"))
    # of the log ratio's terms 0.9 and nine times -0.1 after, none before; times 10/9
    assert found.variance == pytest.approx(10 / 9 * (0.9**2 + 9 * 0.1**2), rel=1e-9)
    assert found.df == pytest.approx((0.9**2 + 9 * 0.01) ** 2 / (0.9**4 + 9 * 0.1**4), rel=1e-9)
    for after in (together, apart):
        whole, part = (np.array([x, x, n, x, x, x, n])[:, None] for x, n in ((100.0, 5000.0), (6.0, 500.0)))
        arms = Totals(
            kind="mean",
            before=before,
            after=after,
            before_powers=whole[:, None],
            after_powers=part,
            records=(5000, 500),
            clustered=True,
            plain=False,
        )
        effect = compare(arms, Estimand(scale="ratio"), target=0.8, better="lower", confidence=0.95)
        assert (effect.method.split(",")[0], effect.verdict) == ("cluster jackknife", "inconclusive")


@pytest.mark.parametrize("mode", ["weighted", "strata", "clusters"])
@pytest.mark.parametrize(("scale", "aim"), [("difference", 0.0215), ("ratio", 0.9935 / 0.972)])
def test_false_claims_of_a_share_near_all(mode: str, scale: Any, aim: float) -> None:
    """The truth on the target, 2,016 records at 97.2 % against 276 at 99.35 %: a Wald interval claims 7 to 9 %."""
    rng, claims, tried = np.random.default_rng(0), 0, 300
    for _ in range(tried):
        (yb, wb, gb, kb), (ya, wa, ga, ka) = drawn(rng, 2016, 0.972), drawn(rng, 276, 0.9935)
        if mode != "weighted":
            wb, wa = np.ones_like(wb), np.ones_like(wa)
        if mode != "clusters":
            gb, ga = gb * 0, ga * 0
        if mode != "strata":
            kb, ka = kb * 0, ka * 0
        found = totals(
            (yb, wb, gb, kb),
            (ya, wa, ga, ka),
            groups=20 if mode == "clusters" else 1,
            kinds=2 if mode == "strata" else 1,
        )
        estimand = Estimand(scale=scale, standardised=mode == "strata")
        effect = compare(found, estimand, target=aim, better="higher", confidence=0.95)
        claims += effect.verdict == "achieved"
    assert claims <= 0.025 * tried + 3 * np.sqrt(0.025 * 0.975 * tried)


def test_records_of_no_weight_count_for_nothing() -> None:
    rng = np.random.default_rng(3)
    before, after = rng.gamma(2, 4, 300), rng.gamma(2, 3, 8)
    alone = ek.ratio_of_means(before, after, weights=(np.ones(300), np.ones(8)))
    padded = ek.ratio_of_means(
        before, np.append(after, rng.gamma(2, 3, 92)), weights=(np.ones(300), np.append(np.ones(8), np.zeros(92)))
    )
    assert padded.estimate == pytest.approx(alone.estimate, rel=1e-12)
    assert padded.confidence_interval == pytest.approx(alone.confidence_interval, rel=1e-9)


def rates(events: Numbers, exposure: Numbers, groups: int) -> Totals:
    """Return totals of a rate whose baseline is ten times this arm; events and exposure by (cluster, stratum)."""
    after = np.stack([events, exposure], axis=1).astype(float)
    nothing = np.zeros((7, after.shape[2]))
    return Totals(
        kind="rate",
        before=np.stack([10 * events, 10 * exposure[:, ::-1]], axis=1).astype(float)[:, :, None, :],
        after=after,
        before_powers=nothing[:, None, :],
        after_powers=nothing,
        records=(1, 1),
        clustered=groups > 1,
        plain=False,
    )


def test_a_standardised_rates_level_is_that_of_the_baselines_mix() -> None:
    """Hard cases went from 100 to 300 of 400: 0.25 · 30/300 + 0.75 · 2/100 = 0.04, where the raw rate is 0.08."""
    found = rates(np.array([[30, 2]]), np.array([[300, 100]]), 1)
    effect = compare(found, Estimand(scale="level", standardised=True), target=0.05, better="lower", confidence=0.95)
    assert effect.estimate == pytest.approx(0.04, rel=1e-12)
    # by its own standard error: Σ (share / exposure)² · events
    error = np.sqrt((0.25 / 300) ** 2 * 30 + (0.75 / 100) ** 2 * 2)
    assert effect.details["standard_error"] == pytest.approx(error, rel=1e-9)
    assert effect.low < 0.04 - error
    assert effect.high > 0.04 + error
    none = rates(np.array([[0, 0]]), np.array([[300, 100]]), 1)
    bound = compare(none, Estimand(scale="level", standardised=True), target=0.05, better="lower", confidence=0.95)
    # Fay and Feuer (1997): one event would raise the rate by 0.75 / 100 at the most, and e^-3.689 = 0.025
    assert bound.high == pytest.approx(3.6888794541 * 0.75 / 100, rel=1e-9)


def test_a_rates_level_minds_clusters_that_differ() -> None:
    events = np.array([10, 14, 60, 5, 90, 70, 22, 8])[:, None]
    exposure = np.full((8, 1), 1000)
    alike = compare(
        rates(np.full((8, 1), 35), exposure, 8), Estimand(scale="level"), target=0.05, better="lower", confidence=0.95
    )
    unlike = compare(rates(events, exposure, 8), Estimand(scale="level"), target=0.05, better="lower", confidence=0.95)
    assert unlike.estimate == pytest.approx(events.sum() / 8000)
    spread = float(np.std(events, ddof=1)) / np.sqrt(8) / 1000  # the standard error of a mean of eight
    assert unlike.details["standard_error"] == pytest.approx(spread, rel=1e-9)
    assert unlike.df == 7
    assert alike.high - alike.low < unlike.high - unlike.low


def test_a_series_of_shares_is_not_taken_for_counts() -> None:
    """Successes of 300 a month at 93 % vary by a fourteenth of what counts would; AR(1) shocks must not hide in that."""
    rng, claims, tried = np.random.default_rng(77), [0, 0], 120
    for _ in range(tried):
        shock = np.zeros(48)
        shock[0] = rng.normal(0, 0.6)
        for month in range(1, 48):
            shock[month] = 0.6 * shock[month - 1] + rng.normal(0, 0.6 * 0.8)
        hits = rng.binomial(300, 1 / (1 + np.exp(-(np.log(0.93 / 0.07) + shock))))
        found = ek.interrupted_time_series(
            hits, np.arange(48), 36, exposure=np.full(48, 300), trend=False, target=1.0, better="higher"
        )
        claims[0] += found.verdict == "achieved"
        claims[1] += found.verdict == "not_achieved"
    assert claims[0] <= 0.05 * tried
    assert claims[1] <= 0.10 * tried  # the log of a share near its bound is skewed; before, 15 %


def test_a_ratio_target_that_only_a_change_for_the_worse_meets_is_warned_of() -> None:
    with pytest.warns(UserWarning, match="The target 0.05 with better='higher' is met by every ratio above 0.05"):
        ek.ratio_of_means([7, 8, 6], [8, 9, 7], target=0.05, better="higher")
    with pytest.warns(UserWarning, match="written 1.05 and −20 % is 0.80"):
        ek.rate_ratio(23, 100, 12, 100, target=20)
