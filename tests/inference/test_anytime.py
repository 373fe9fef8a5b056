"""Confidence sequences: the published formula, its tuning, inversion, and time-uniform coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import optimize

from evalkit.errors import ParameterError
from evalkit.inference.anytime import Anytime, confidence_sequence, mixture_ratio
from evalkit.inference.binomial import Wilson
from evalkit.inference.student import StudentPivot


def published_half_width(n, sigma, rho, alpha):
    # Waudby-Smith et al. (2024), Ann. Stat. 52: sigma * sqrt(2 (n rho² + 1) / (n² rho²) * log(sqrt(n rho² + 1) / alpha)).
    growth = n * rho**2
    return sigma * math.sqrt(2 * (growth + 1) / (n * growth) * math.log(math.sqrt(growth + 1) / alpha))


@pytest.mark.parametrize("n", [10, 100, 1000])
def test_interval_is_the_published_formula(n):
    sigma, tightest = 1.7, 400
    rho = math.sqrt(mixture_ratio(0.95) / tightest)
    result = confidence_sequence([0.3], [sigma / math.sqrt(n)], planned_error=sigma / math.sqrt(tightest))
    half = published_half_width(n, sigma, rho, 0.05)
    assert result.confidence_interval == pytest.approx((0.3 - half, 0.3 + half), rel=1e-7)


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_tuning_makes_it_tightest_at_the_planned_error(confidence):
    best = optimize.minimize_scalar(
        lambda log_r: (1 + math.exp(-log_r)) * (math.log1p(math.exp(log_r)) - 2 * math.log(1 - confidence)),
        bounds=(-3, 6),
        method="bounded",
    )
    assert mixture_ratio(confidence) == pytest.approx(math.exp(best.x), rel=1e-4)


def test_all_looks_together_cover():
    # 2,000 random walks of 60 looks: some look misses 0 in at most 5 % of them.
    rng = np.random.default_rng(2)
    walks = rng.standard_normal((2000, 60)).cumsum(axis=1) / np.arange(1, 61)
    errors = 1 / np.sqrt(np.arange(1, 61))
    half = np.array(
        [
            confidence_sequence([0.0], [error], planned_error=1 / math.sqrt(30)).confidence_interval[1]
            for error in errors
        ]
    )
    missed = int((np.abs(walks) > half).any(axis=1).sum())
    assert Wilson(successes=missed, trials=2000).interval(0.99)[0] <= 0.05
    assert missed > 20  # it is not simply far too wide


@given(
    estimate=st.floats(-3, 3), value=st.floats(-3, 3), information=st.floats(0.01, 5),
    confidence=st.sampled_from([0.8, 0.9, 0.95, 0.99]), df=st.sampled_from([None, 4.5, 30.0]),
)  # fmt: skip
def test_interval_inverts_the_always_valid_test(estimate, value, information, confidence, df):
    inner = StudentPivot(estimate=estimate, se=0.3, df=df, method="t")
    pivot = Anytime(pivot=inner, information=information)
    low, high = pivot.interval(confidence)
    above, below = pivot.tails(value)
    level = (1 - confidence) / 2
    assume(min(inner.tails(value)) > 1e-11)
    assume(min(abs(above - level), abs(below - level)) > 1e-9)
    assert (value < low, value > high) == (above < level, below < level)
    assert low <= inner.interval(confidence)[0]
    assert (pivot.estimate, pivot.df, pivot.method) == (estimate, df, "t, confidence sequence")


def test_sequence_tells_the_latest_look():
    result = confidence_sequence(
        [-0.31, -0.24, -0.26], [0.09, 0.06, 0.03], planned_error=0.04, target=-0.1, better="lower"
    )
    assert (result.estimate, result.verdict, result.looks[0].verdict) == (-0.26, "achieved", "inconclusive")
    assert result.pvalue == result.looks[-1].p_target < 0.025
    assert result.summary().startswith("After 3 looks: The difference is -0.26")
    assert list(result.to_frame()["look"]) == [1, 2, 3]
    assert "Confidence sequence" in result._repr_html_()
    assert [line.get_label() for line in result.plot().axes[0].lines] == ["estimate", "no change", "target -0.1"]


@pytest.mark.parametrize(
    ("estimates", "errors", "planned", "message"),
    [
        ([0.1, 0.2], [0.1], 0.1, "2 estimates and 1 standard errors"),
        ([], [], 0.1, "at least one look"),
        ([0.1], [0.0], 0.1, r"standard_errors\[0\] is 0.0"),
        ([math.nan], [0.1], 0.1, r"estimates\[0\] is nan"),
        ([0.1], [0.1], -1, "planned_error is -1"),
    ],
)
def test_sequences_that_cannot_be_are_refused(estimates, errors, planned, message):
    with pytest.raises(ParameterError, match=message):
        confidence_sequence(estimates, errors, planned_error=planned)
