"""Proportions against published tables, R and statsmodels."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import optimize, stats
from statsmodels.stats import proportion as sm

from evalkit.errors import NotEvaluableError
from evalkit.inference.binomial import ClopperPearson, ScoreDifference, ScoreRatio, Wilson


def two_arms(pivot, x_before, n_before, x_after, n_after):
    return pivot(successes_before=x_before, trials_before=n_before, successes_after=x_after, trials_after=n_after)


# Newcombe (1998), Stat. Med. 17, 857-872, table I: methods 3 (Wilson) and 5 (Clopper-Pearson).
@pytest.mark.parametrize(
    ("successes", "trials", "wilson", "exact"),
    [
        (81, 263, (0.2553, 0.3662), (0.2527, 0.3676)),
        (15, 148, (0.0624, 0.1605), (0.0578, 0.1617)),
        (0, 20, (0.0000, 0.1611), (0.0000, 0.1684)),
        (1, 29, (0.0061, 0.1718), (0.0009, 0.1776)),
    ],
)
def test_one_proportion_gives_newcombes_table(successes, trials, wilson, exact):
    assert Wilson(successes=successes, trials=trials).interval(0.95) == pytest.approx(wilson, abs=5e-5)
    assert ClopperPearson(successes=successes, trials=trials).interval(0.95) == pytest.approx(exact, abs=5e-5)


def test_wilson_gives_rs_prop_test():
    # R 4.2.2: prop.test(463, 500, correct = FALSE)$conf.int
    pivot = Wilson(successes=463, trials=500)
    assert pivot.interval(0.95) == pytest.approx((0.899665246678, 0.945838815249), abs=1e-12)
    # R 4.2.2: prop.test(463, 500, p = .9, alternative = "greater", correct = FALSE)$p.value
    assert pivot.tails(0.90)[0] == pytest.approx(0.0263161512829, abs=1e-12)


def test_clopper_pearson_gives_rs_binom_test():
    pivot = ClopperPearson(successes=463, trials=500)
    # R 4.2.2: binom.test(463, 500)$conf.int
    assert pivot.interval(0.95) == pytest.approx((0.899441125254, 0.947364891451), abs=1e-12)
    # R 4.2.2: binom.test(463, 500, 0.9, alternative = "greater")$p.value
    assert pivot.tails(0.90)[0] == pytest.approx(0.027430083784, abs=1e-12)


def test_wilson_with_effective_size_is_score_test_against_t():
    # Dean and Pagano (2015): Wilson with the effective sample size and the t quantile; here from its definition.
    pivot = Wilson(successes=0.93 * 123.4, trials=123.4, df=7.5)
    low, high = pivot.interval(0.95)
    quantile = stats.t.ppf(0.975, 7.5)
    for limit in (low, high):
        z = (0.93 - limit) / math.sqrt(limit * (1 - limit) / 123.4)
        assert abs(z) == pytest.approx(quantile, rel=1e-10)
    assert pivot.tails(low)[0] == pytest.approx(0.025, rel=1e-10)


# Newcombe (1998), Stat. Med. 17, 873-890, table II, method 6 (Miettinen-Nurminen).
@pytest.mark.parametrize(
    ("after", "before", "limits"),
    [
        ((56, 70), (48, 80), (0.0528, 0.3382)),
        ((9, 10), (3, 10), (0.1700, 0.8406)),
        ((6, 7), (2, 7), (0.0342, 0.8534)),
        ((5, 56), (0, 29), (-0.0326, 0.1933)),
        ((0, 10), (0, 20), (-0.1658, 0.2844)),
        ((0, 10), (0, 10), (-0.2879, 0.2879)),
        ((10, 10), (0, 20), (0.7156, 1.0000)),
        ((10, 10), (0, 10), (0.6636, 1.0000)),
    ],
)
def test_score_difference_gives_newcombes_table(after, before, limits):
    pivot = two_arms(ScoreDifference, *before, *after)
    assert pivot.interval(0.95) == pytest.approx(limits, abs=5e-5)


@pytest.mark.parametrize("difference", [-0.35, -0.05, 0.02, 0.1, 0.3])
@pytest.mark.parametrize("arms", [(40, 80, 20, 40), (48, 80, 56, 70), (1, 10, 5, 10), (3, 100, 2, 7)])
def test_restricted_estimate_of_the_difference_maximises_the_likelihood(arms, difference):
    # statsmodels 0.15.0 is no oracle here: its cubic has `count0` where the paper has the sample size, so
    # score_test_proportions_2indep(compare="diff") misses Newcombe's table.
    x0, n0, x1, n1 = arms

    def minus_log_likelihood(p):
        q = p + difference
        return -(x0 * math.log(p) + (n0 - x0) * math.log1p(-p) + x1 * math.log(q) + (n1 - x1) * math.log1p(-q))

    bounds = (max(0.0, -difference) + 1e-12, min(1.0, 1 - difference) - 1e-12)
    best = optimize.minimize_scalar(minus_log_likelihood, bounds=bounds, method="bounded", options={"xatol": 1e-12}).x
    variance = (best * (1 - best) / n0 + (best + difference) * (1 - best - difference) / n1) * (n0 + n1) / (n0 + n1 - 1)
    z = (x1 / n1 - x0 / n0 - difference) / math.sqrt(variance)
    assert two_arms(ScoreDifference, *arms).tails(difference) == pytest.approx(
        (stats.norm.sf(z), stats.norm.cdf(z)), abs=1e-6
    )


# Koopman (1984), Biometrics 40, p. 516; Fagerland, Lydersen and Laake (2017), Statistical Analysis of
# Contingency Tables, table 4.17 (high against standard dose of epinephrine), digits of
# R PropCIs::riskscoreci(7, 34, 1, 34, 0.95).
@pytest.mark.parametrize(
    ("after", "before", "limits", "digits"),
    [((36, 40), (16, 80), (2.94, 7.15), 2), ((7, 34), (1, 34), (1.220853, 42.575718), 5)],
)
def test_score_ratio_gives_published_limits(after, before, limits, digits):
    low, high = two_arms(ScoreRatio, *before, *after).interval(0.95)
    assert (round(low, digits), round(high, digits)) == tuple(round(limit, digits) for limit in limits)


@pytest.mark.parametrize("arms", [(16, 80, 36, 40), (1, 34, 7, 34), (1339, 1380, 1380, 1447), (3, 10, 2, 100)])
@pytest.mark.parametrize("value", [0.5, 0.9, 1.0, 1.3, 4.0])
def test_score_ratio_gives_statsmodels_test(arms, value):
    x0, n0, x1, n1 = arms
    oracle = sm.score_test_proportions_2indep(
        x1, n1, x0, n0, value=value, compare="ratio", alternative="larger", correction=False
    )
    assert two_arms(ScoreRatio, *arms).tails(value)[0] == pytest.approx(oracle.pvalue, rel=1e-9)


def test_no_difference_is_tested_by_pearsons_chi_square():
    # The score test of no change is the chi-square test, with (N - 1) for N in Miettinen and Nurminen's form.
    chi_square = stats.chi2_contingency([[16, 64], [36, 4]], correction=False).statistic
    ratio, difference = two_arms(ScoreRatio, 16, 80, 36, 40), two_arms(ScoreDifference, 16, 80, 36, 40)
    assert ratio.tails(1.0)[0] == pytest.approx(stats.norm.sf(math.sqrt(chi_square)), rel=1e-9)
    assert difference.tails(0.0)[0] == pytest.approx(stats.norm.sf(math.sqrt(chi_square * 119 / 120)), rel=1e-9)


def test_ratio_without_success_before_has_no_upper_limit():
    low, high = two_arms(ScoreRatio, 0, 10, 3, 10).interval(0.95)
    assert (low > 0, high) == (True, math.inf)
    assert two_arms(ScoreRatio, 0, 10, 3, 10).estimate == math.inf


def test_ratio_without_success_after_reaches_zero():
    assert two_arms(ScoreRatio, 3, 10, 0, 10).interval(0.95)[0] == 0


def test_ratio_without_any_success_is_not_evaluable():
    with pytest.raises(NotEvaluableError, match="scale='difference'") as caught:
        two_arms(ScoreRatio, 0, 10, 0, 12)
    assert caught.value.code == "zero_events_before"


one_arm = st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
confidences = st.sampled_from([0.8, 0.9, 0.95, 0.99])


def excludes_exactly_when_significant(pivot, value, confidence):
    low, high = pivot.interval(confidence)
    level = (1 - confidence) / 2
    above, below = pivot.tails(value)
    assert all(0 <= p <= 1 for p in (above, below))
    assert low <= pivot.estimate <= high
    assume(min(abs(above - level), abs(below - level)) > 1e-12)
    assert (value < low) == (above < level)
    assert (value > high) == (below < level)


@given(arm=one_arm, value=st.floats(-0.1, 1.1), confidence=confidences, exact=st.booleans())
def test_one_proportion_interval_inverts_its_test(arm, value, confidence, exact):
    pivot = (ClopperPearson if exact else Wilson)(successes=arm[0], trials=arm[1])
    excludes_exactly_when_significant(pivot, value, confidence)


@given(before=one_arm, after=one_arm, value=st.floats(-1.1, 1.1), confidence=confidences)
def test_difference_interval_inverts_its_test(before, after, value, confidence):
    excludes_exactly_when_significant(two_arms(ScoreDifference, *before, *after), value, confidence)


@given(before=one_arm, after=one_arm, value=st.floats(-0.1, 50), confidence=confidences)
def test_ratio_interval_inverts_its_test(before, after, value, confidence):
    assume(before[0] + after[0] > 0)
    excludes_exactly_when_significant(two_arms(ScoreRatio, *before, *after), value, confidence)


@given(before=one_arm, after=one_arm)
@settings(max_examples=50)
def test_swapping_arms_negates_the_difference_and_inverts_the_ratio(before, after):
    low, high = two_arms(ScoreDifference, *before, *after).interval(0.95)
    assert two_arms(ScoreDifference, *after, *before).interval(0.95) == pytest.approx((-high, -low), abs=1e-9)
    assume(before[0] > 0 and after[0] > 0)
    low, high = two_arms(ScoreRatio, *before, *after).interval(0.95)
    assert two_arms(ScoreRatio, *after, *before).interval(0.95) == pytest.approx((1 / high, 1 / low), rel=1e-9)


@given(before=one_arm, after=one_arm, values=st.tuples(st.floats(-1, 1), st.floats(-1, 1)))
def test_p_of_a_larger_difference_grows_with_the_value(before, after, values):
    pivot = two_arms(ScoreDifference, *before, *after)
    assert pivot.tails(min(values))[0] <= pivot.tails(max(values))[0] + 1e-9
