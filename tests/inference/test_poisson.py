"""Rate ratios against R and statsmodels, and the measured error rates of the dispersed ratio."""

from __future__ import annotations

import math

import numpy as np
import pytest
import statsmodels.api
from calibration import rates as calibration
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import special, stats
from statsmodels.stats import rates

from evalkit.errors import NotEvaluableError, ParameterError
from evalkit.inference.binomial import Wilson
from evalkit.inference.poisson import DispersedRateRatio, ExactRateRatio, attainable, dispersion
from evalkit.inference.rate_level import RateLevel


def exact(x_before, t_before, x_after, t_after):
    return ExactRateRatio(
        events_before=x_before, exposure_before=t_before, events_after=x_after, exposure_after=t_after
    )


def dispersed(x_before, t_before, x_after, t_after, phi, df):
    return DispersedRateRatio(
        events_before=x_before,
        exposure_before=t_before,
        events_after=x_after,
        exposure_after=t_after,
        dispersion=phi,
        df=df,
    )


# R 4.2.2: poisson.test(c(after, before), c(t_after, t_before))$conf.int
@pytest.mark.parametrize(
    ("arms", "limits"),
    [
        ((30, 12.1, 14, 12.5), (0.221333599967, 0.878557981147)),
        ((9, 24, 0, 6), (0.0, 2.02652076118)),
        ((1, 24, 5, 6), (2.23796677692, 945.95077146945)),
        ((122, 365, 80, 365), (0.488310793923, 0.876455963351)),
        ((482, 731, 562, 730), (1.03196220349, 1.32139629433)),
    ],
)
def test_exact_limits_are_rs_poisson_test(arms, limits):
    assert exact(*arms).interval(0.95) == pytest.approx(limits, rel=1e-9)


def test_exact_p_values_are_rs_poisson_test():
    pivot = exact(30, 12.1, 14, 12.5)
    # R 4.2.2: poisson.test(c(14, 30), c(12.5, 12.1), r = .7, alternative = "less")$p.value
    assert pivot.tails(0.7)[1] == pytest.approx(0.11191527257, abs=1e-11)
    # R 4.2.2: twice the smaller of alternative = "less" and "greater" at r = 1 (poisson.test's own two-sided p is
    # the minimum-likelihood one, 0.0149808, which its interval does not invert).
    assert 2 * min(pivot.tails(1.0)) == pytest.approx(0.0169817390652, abs=1e-12)
    # R 4.2.2: poisson.test(c(80, 122), c(365, 365), r = .7, alternative = "less")$p.value
    assert exact(122, 365, 80, 365).tails(0.7)[1] == pytest.approx(0.352382180007, abs=1e-11)


@pytest.mark.parametrize("value", [0.3, 0.7, 1.0, 2.5])
def test_exact_p_values_are_statsmodels(value):
    oracle = rates.test_poisson_2indep(
        14, 12.5, 30, 12.1, value=value, method="exact-cond", compare="ratio", alternative="smaller"
    )
    assert exact(30, 12.1, 14, 12.5).tails(value)[1] == pytest.approx(oracle.pvalue, rel=1e-10)


def test_dispersed_deviate_without_dispersion_is_the_mid_p_test():
    oracle = rates.test_poisson_2indep(
        14, 12.5, 30, 12.1, value=0.7, method="cond-midp", compare="ratio", alternative="smaller"
    )
    assert dispersed(30, 12.1, 14, 12.5, 1.0, 1e12).tails(0.7)[1] == pytest.approx(oracle.pvalue, rel=1e-6)


def test_dispersed_limits_approach_the_wald_interval_at_large_counts():
    # Breach register, monthly quasi-Poisson (R 4.2.2 glm, z interval): 482 in 731 days, 562 in 730 days,
    # dispersion 1.8191: (0.99086, 1.37580). With these counts the two differ by less than 1 part in 2,000.
    assert dispersed(482, 731, 562, 730, 1.8191, 1e12).interval(0.95) == pytest.approx((0.99086, 1.37580), rel=5e-4)
    hundredfold = dispersed(48200, 731, 56200, 730, 1.8191, 46)
    half = stats.t.ppf(0.975, 46) * math.sqrt(1.8191 * (1 / 48200 + 1 / 56200))
    ratio = 56200 / 730 / (48200 / 731)
    assert hundredfold.interval(0.95) == pytest.approx((ratio * math.exp(-half), ratio * math.exp(half)), rel=1e-5)


def test_dispersion_below_one_counts_as_one():
    assert dispersed(20, 24, 5, 6, 0.3, 20).interval(0.95) == dispersed(20, 24, 5, 6, 1.0, 20).interval(0.95)


def test_no_event_after_still_bounds_the_ratio():
    low, high = dispersed(40, 24, 0, 6, 1.4, 20).interval(0.95)
    assert low == 0
    assert 0 < high < math.inf


def test_no_event_before_leaves_the_ratio_unbounded():
    for pivot in (exact(0, 24, 4, 6), dispersed(0, 24, 4, 6, 1.4, 20)):
        low, high = pivot.interval(0.95)
        assert (low > 0, high, pivot.estimate) == (True, math.inf, math.inf)


def test_no_event_at_all_is_not_evaluable():
    with pytest.raises(NotEvaluableError, match="at least one before"):
        exact(0, 24, 0, 6)


COUNTS = [3, 0, 2, 5, 1, 1, 4, 2, 0, 3, 6, 2, 1, 0, 2, 0, 1, 3]
DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 31, 28, 31, 30, 31, 30]
ARMS = ["before"] * 12 + ["after"] * 6


def test_dispersion_is_that_of_a_quasi_poisson_regression():
    phi, _ = dispersion(COUNTS, DAYS, ARMS)
    # R 4.2.2: summary(glm(y ~ arm + offset(log(days)), quasipoisson, control = glm.control(epsilon = 1e-14)))$dispersion
    assert phi == pytest.approx(1.36597244293, abs=1e-10)
    design = np.column_stack([np.ones(18), np.repeat([0, 1], [12, 6])])
    family = statsmodels.api.families.Poisson()
    model = statsmodels.api.GLM(COUNTS, design, family=family, exposure=DAYS).fit(scale="X2")
    assert phi == pytest.approx(model.scale, rel=1e-8)


@pytest.mark.parametrize(("mean", "phi"), [(2.0, 1.5), (5.0, 2.0), (5.0, 3.0)])
def test_degrees_of_freedom_match_the_variance_of_the_dispersion(mean, phi):
    # 20,000 series of 36 gamma-Poisson months: 2 E² / Var of the Pearson estimate.
    rng = np.random.default_rng(7)
    counts = rng.poisson(rng.gamma(mean / (phi - 1), phi - 1, (20_000, 36)))
    means = counts.mean(axis=1, keepdims=True)
    estimates = ((counts - means) ** 2 / means).sum(axis=1) / 35
    empirical = 2 * estimates.mean() ** 2 / estimates.var()
    fitted = [dispersion(series, np.ones(36), np.zeros(36))[1] for series in counts[:400]]
    assert np.median(fitted) == pytest.approx(empirical, rel=0.1)
    assert empirical < 31  # the nominal number is 35


def test_degrees_of_freedom_are_nominal_with_many_events():
    rng = np.random.default_rng(3)
    _, df = dispersion(rng.poisson(5000, 24), np.ones(24), [0] * 12 + [1] * 12)
    assert df == pytest.approx(22, rel=0.01)


def test_arm_without_events_says_nothing_of_the_dispersion():
    alone = dispersion(COUNTS[:12], DAYS[:12], ARMS[:12])
    assert dispersion(COUNTS[:12] + [0] * 6, DAYS, ARMS) == alone


def test_dispersion_does_not_depend_on_row_order():
    order = np.random.default_rng(1).permutation(18)
    shuffled = dispersion(np.array(COUNTS)[order], np.array(DAYS)[order], np.array(ARMS)[order])
    assert shuffled == pytest.approx(dispersion(COUNTS, DAYS, ARMS), rel=1e-12)


def test_dispersion_needs_a_second_sub_period():
    with pytest.raises(ParameterError, match="at least two sub-periods"):
        dispersion([3, 4], [1, 1], ["before", "after"])
    with pytest.raises(ParameterError, match=r"shapes \(2,\), \(3,\)"):
        dispersion([3, 4], [1, 1, 1], ["before", "after"])


@pytest.mark.parametrize(("phi", "df"), [(None, None), (1.0, 30.0), (2.4, 12.0)])
@pytest.mark.parametrize("events", [4, 12, 40])
def test_attainable_is_the_pivots_own_answer_at_zero_events(events, phi, df):
    answer = attainable(events_before=events, exposure_before=24, exposure_after=6, target=0.7, dispersion=phi, df=df)

    def p_at(exposure):
        pivot = exact(events, 24, 0, exposure) if phi is None else dispersed(events, 24, 0, exposure, phi, df)
        return pivot.tails(0.7)[1]

    assert answer.attainable == (p_at(6) < 0.025)
    assert p_at(answer.least_exposure) == pytest.approx(0.025, rel=1e-9)


def test_what_no_exposure_could_show_is_told_without_a_fault():
    answer = attainable(events_before=1e-5, exposure_before=24, exposure_after=6, target=0.7)
    assert (answer.attainable, answer.least_exposure) == (False, math.inf)


@pytest.mark.parametrize("phi", [50.0, 400.0, 5000.0])
def test_with_a_large_dispersion_the_interval_is_still_that_of_quasi_poisson(phi):
    """The tails vanish 37 standard deviations off: the interval was (0, inf), and nothing could be shown."""
    before, after, df = 1_200_000, 300_000, 24.0
    pivot = dispersed(before, 24, after, 12, phi, df)
    error = math.sqrt(phi * (1 / before + 1 / after))
    reach = special.stdtrit(df, 0.975) * error
    found = [math.log(limit / pivot.estimate) for limit in pivot.interval(0.95)]
    assert found == pytest.approx([-reach, reach], rel=0.04)  # Wald's is symmetric, the score's is skewed
    far = special.stdtrit(df, pivot.tails(0.9)[1])
    share = 0.9 * 12 / (0.9 * 12 + 24)
    deviance = 2 * sum(n * math.log(n / ((before + after) * p)) for n, p in ((after, share), (before, 1 - share)))
    assert far == pytest.approx(-math.sqrt(deviance / phi), rel=1e-3)
    level = RateLevel(events=after, exposure=12.0, dispersion=phi, df=df)
    reach = special.stdtrit(df, 0.975) * math.sqrt(phi / after)
    assert [math.log(limit * 12 / after) for limit in level.interval(0.95)] == pytest.approx([-reach, reach], rel=0.05)
    told = attainable(events_before=before, exposure_before=24, exposure_after=3, target=0.7, dispersion=phi, df=df)
    assert told.attainable


def test_no_dispersion_is_too_large_for_an_answer():
    pivot = dispersed(2.2e11, 156, 1.1e8, 24, 3.8e10, 3.34)
    low, high = pivot.interval(0.95)
    assert low == 0.0
    assert pivot.estimate < high < math.inf
    assert RateLevel(events=1e8, exposure=24.0, dispersion=3.8e10, df=3.34).interval(0.95)[0] == 0.0


@pytest.mark.parametrize(("after", "before", "close"), [(0, 3000, 1e-12), (40, 2000, 4e-3), (9000, 2000, 1e-4)])
def test_where_the_tail_vanishes_its_deviate_goes_on(after, before, close):
    pivot = dispersed(before, 1, after, 1, 1.0, math.inf)
    for share in np.linspace(0.001, 0.999, 400):
        if 8 < abs(exactly := pivot._deviate(share)) < 36:
            assert pivot._far_deviate(share) == pytest.approx(exactly, rel=close)


counts = st.integers(0, 200)
exposures = st.floats(0.1, 1000)
confidences = st.sampled_from([0.8, 0.9, 0.95, 0.99])


@given(
    x0=counts, t0=exposures, x1=counts, t1=exposures, value=st.floats(0.01, 50), confidence=confidences,
    phi=st.none() | st.floats(0.5, 5),
)  # fmt: skip
def test_interval_inverts_the_test_and_swapping_arms_inverts_the_ratio(x0, t0, x1, t1, value, confidence, phi):
    assume(x0 + x1 > 0)
    make = exact if phi is None else (lambda *arms: dispersed(*arms, phi, 9.5))
    pivot = make(x0, t0, x1, t1)
    low, high = pivot.interval(confidence)
    above, below = pivot.tails(value)
    level = (1 - confidence) / 2
    assert low <= pivot.estimate <= high
    assume(min(abs(above - level), abs(below - level)) > 1e-10)
    assert (value < low, value > high) == (above < level, below < level)
    swapped = make(x1, t1, x0, t0)
    # a deviate near 37 comes from an exact tail near 1e-300, where 1 / value has lost the digits it hangs on
    assume(min(exact(x0, t0, x1, t1).tails(value)) > 1e-100)
    assert swapped.tails(1 / value) == pytest.approx((below, above), rel=1e-8, abs=1e-12)
    back = swapped.interval(confidence)
    assert back[0] == pytest.approx(0 if high == math.inf else 1 / high, rel=1e-9)


@given(x0=st.integers(1, 200), x1=counts, unit=st.floats(0.001, 1000), phi=st.floats(1, 5))
def test_unit_of_exposure_leaves_the_ratio(x0, x1, unit, phi):
    assert dispersed(x0, 24 * unit, x1, 6 * unit, phi, 20).interval(0.95) == pytest.approx(
        dispersed(x0, 24, x1, 6, phi, 20).interval(0.95), rel=1e-9
    )


@given(x0=st.integers(1, 100), x1=st.integers(0, 100), targets=st.tuples(st.floats(0.05, 5), st.floats(0.05, 5)))
def test_p_of_a_smaller_ratio_falls_as_the_target_rises(x0, x1, targets):
    pivot = dispersed(x0, 24, x1, 6, 1.7, 15)
    assert pivot.tails(max(targets))[1] <= pivot.tails(min(targets))[1] + 1e-12


@pytest.mark.parametrize(("expected", "months", "phi"), [(12, 6, 1.5), (40, 12, 2), (40, 12, 3)])
def test_error_rates_hold(expected, months, phi):
    replicates = 1500
    scenario = calibration.Scenario(expected=expected, months_after=months, dispersion=phi)
    rng = np.random.default_rng(20250101)
    found = calibration.rejections(scenario, 0.7, replicates, rng, {"chosen": calibration.chosen})
    achieved, not_achieved = found["chosen"]

    def bounds(rate):
        return Wilson(successes=rate * replicates, trials=replicates).interval(0.99)

    assert bounds(achieved)[0] <= 0.025
    assert bounds(not_achieved)[0] <= 0.025
    assert bounds(1 - achieved - not_achieved)[1] >= 0.935
