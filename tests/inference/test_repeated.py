"""Repeated intervals and p-values: the inner procedure at the look's nominal level, and the error of all looks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from evalkit.inference.binomial import ClopperPearson, Wilson
from evalkit.inference.repeated import Repeated
from evalkit.inference.sequential import group_sequential_bounds

INNER = Wilson(successes=463, trials=500, df=19)


def test_repeated_interval_is_the_inner_one_at_the_looks_nominal_level():
    bounds = group_sequential_bounds(looks=5)
    for look in range(1, 6):
        repeated = Repeated(pivot=INNER, information=bounds.information[:look], looks=5)
        nominal = stats.norm.sf(bounds.critical_values[look - 1])
        assert repeated.interval(0.95) == pytest.approx(INNER.interval(1 - 2 * nominal), abs=1e-9)
    assert (repeated.estimate, repeated.df, repeated.method) == (0.926, 19, "Wilson score, repeated")


def test_only_planned_look_leaves_the_pivot_as_it_is():
    only = Repeated(pivot=INNER, information=(0.8,), looks=1)
    assert only.interval(0.95) == pytest.approx(INNER.interval(0.95))
    assert only.tails(0.90)[0] == pytest.approx(INNER.tails(0.90)[0])


def test_look_after_the_last_planned_one_claims_nothing():
    late = Repeated(pivot=INNER, information=(0.3, 0.8, 1.1), looks=2)
    assert min(late.tails(0.90)) >= 0.5
    assert late.interval(0.95)[0] < 0.8


def test_information_that_falls_back_is_taken_as_hardly_grown():
    fallen = Repeated(pivot=INNER, information=(0.3, 0.6, 0.55), looks=4)
    assert fallen.tails(0.90) == Repeated(pivot=INNER, information=(0.3, 0.6, 0.606), looks=4).tails(0.90)


def test_information_ahead_of_plan_leaves_error_for_later_looks():
    ahead = Repeated(pivot=INNER, information=(0.5, 1.1, 1.6), looks=4)
    assert 0.001 < ahead.nominal_level(0.025) < 0.025
    # It errs no more than equally spaced looks have spent by then: 200,000 paths.
    rng = np.random.default_rng(8)
    shares = np.array(ahead.information)
    z = (rng.standard_normal((200_000, 3)) * np.sqrt(np.diff(shares, prepend=0))).cumsum(axis=1) / np.sqrt(shares)
    levels = [Repeated(pivot=INNER, information=ahead.information[:k], looks=4).nominal_level(0.1) for k in (1, 2, 3)]
    crossed = (stats.norm.sf(z) < levels).any(axis=1).mean()
    assert crossed == pytest.approx(group_sequential_bounds(looks=4, alpha=0.1).alpha_spent[2], abs=0.002)


@given(
    successes=st.integers(0, 80),
    value=st.floats(0.02, 0.98),
    confidence=st.sampled_from([0.8, 0.9, 0.95]),
    information=st.lists(st.floats(0.05, 1.2), min_size=1, max_size=4),
    planned=st.integers(1, 5),
    spending=st.sampled_from(["obrien-fleming", "pocock"]),
    exact=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_repeated_interval_inverts_the_repeated_test(
    successes, value, confidence, information, planned, spending, exact
):
    inner = (ClopperPearson if exact else Wilson)(successes=successes, trials=80)
    shares = tuple(sorted(information))
    repeated = Repeated(pivot=inner, information=shares, looks=planned, spending=spending)
    low, high = repeated.interval(confidence)
    above, below = repeated.tails(value)
    plain = inner.tails(value)
    level, nominal = (1 - confidence) / 2, repeated.nominal_level((1 - confidence) / 2)
    assume(min(abs(p - nominal) for p in plain) > 1e-3 * nominal)
    assert (value < low, value > high) == (above < level, below < level)
    assert above >= plain[0] * (1 - 1e-6) or plain[0] > 0.5
    inner_low, inner_high = inner.interval(confidence)
    assert low <= inner_low + 1e-6
    assert high >= inner_high - 1e-6


def test_all_looks_together_err_at_most_at_the_level():
    # Binomial trials at exactly the target, 5 looks: some look's repeated p below 0.025 in at most 2.5 % of them.
    rng = np.random.default_rng(5)
    replicates, sizes = 1500, np.array([200, 400, 600, 800, 1000])
    shares = tuple(sizes / 1000)
    nominal = [Repeated(pivot=INNER, information=shares[:look], looks=5).nominal_level(0.025) for look in range(1, 6)]
    increments = rng.binomial(200, 0.9, (replicates, 5)).cumsum(axis=1)
    false = sum(
        any(
            ClopperPearson(successes=int(x), trials=int(n)).tails(0.9)[0] < level
            for x, n, level in zip(row, sizes, nominal, strict=True)
        )
        for row in increments
    )
    assert Wilson(successes=false, trials=replicates).interval(0.99)[0] <= 0.025
