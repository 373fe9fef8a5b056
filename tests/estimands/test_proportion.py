"""Proportions as results: one procedure behind interval, p-value and verdict; what is refused and how."""

from __future__ import annotations

import math

import numpy as np
import pytest
from statsmodels.stats import proportion as sm

from evalkit.errors import NotEvaluableError, ParameterError
from evalkit.estimands.proportion import proportion, proportion_change


def test_level_is_wilson_with_the_score_test():
    result = proportion(463, 500, target=0.90)
    # R 4.2.2: prop.test(463, 500, p = .9, alternative = "greater", correct = FALSE)
    assert result.confidence_interval == pytest.approx((0.899665246678, 0.945838815249), abs=1e-11)
    assert result.pvalue == result.p_target == pytest.approx(0.0263161512829, abs=1e-11)
    assert (result.scale, result.estimate, result.verdict) == ("level", 0.926, "inconclusive")
    assert (result.p_change, result.direction, result.null_value, result.before) == (None, None, None, None)


def test_exact_level_is_clopper_pearson_with_the_exact_tail():
    result = proportion(463, 500, target=0.90, method="exact")
    # R 4.2.2: binom.test(463, 500, 0.9, alternative = "greater"); binom.test(463, 500)$conf.int
    assert result.p_target == pytest.approx(0.02743008, abs=5e-9)
    assert result.confidence_interval == pytest.approx((0.899441125254, 0.947364891451), abs=1e-11)


@pytest.mark.parametrize("method", ["score", "exact"])
@pytest.mark.parametrize(
    ("successes", "better", "verdict"),
    [
        (500, "higher", "achieved"),
        (480, "higher", "achieved"),
        (450, "higher", "inconclusive"),
        (400, "higher", "not_achieved"),
        (400, "lower", "achieved"),
        (480, "lower", "not_achieved"),
        (0, "higher", "not_achieved"),
    ],
)
def test_verdict_agrees_with_the_p_value(successes, better, verdict, method):
    result = proportion(successes, 500, target=0.90, better=better, method=method)
    assert result.verdict == verdict
    assert (result.p_target < 0.025) == (verdict == "achieved")


@pytest.mark.parametrize("method", ["score", "exact"])
def test_limits_are_statsmodels(method):
    name = {"score": "wilson", "exact": "beta"}[method]
    for successes, trials in [(0, 7), (3, 7), (7, 7), (950, 1000)]:
        result = proportion(successes, trials, confidence=0.9, method=method)
        oracle = sm.proportion_confint(successes, trials, alpha=0.1, method=name)
        assert result.confidence_interval == pytest.approx(oracle, abs=1e-10)


def test_change_is_miettinen_nurminen_by_default():
    # Newcombe (1998), Stat. Med. 17, 873-890, table II (a), method 6.
    result = proportion_change(48, 80, 56, 70)
    assert (round(result.low, 4), round(result.high, 4)) == (0.0528, 0.3382)
    assert (result.before, result.after, result.null_value) == (0.6, 0.8, 0.0)
    assert result.pvalue == result.p_change
    assert result.verdict is None


def test_ratio_is_koopman():
    # Koopman (1984), Biometrics 40, p. 516.
    result = proportion_change(16, 80, 36, 40, scale="ratio", target=2.0)
    assert (round(result.low, 2), round(result.high, 2)) == (2.94, 7.15)
    assert (result.estimate, result.verdict, result.direction) == (pytest.approx(4.5), "achieved", "improved")


def test_timely_answers_fell_yet_lie_above_ninety_percent():
    # Complaints about US lenders, before and after 2023-05-01: 1339 of 1380 and 1380 of 1447, all independent.
    change = proportion_change(1339, 1380, 1380, 1447)
    assert change.estimate == pytest.approx(-0.0166, abs=5e-5)
    assert change.direction == "worsened"
    # R 4.2.2: binom.test(1380, 1447, 0.9, alternative = "greater")$p.value
    assert proportion(1380, 1447, target=0.90, method="exact").p_target == pytest.approx(4.1e-14, rel=0.02)


def test_ratio_without_success_before_has_a_lower_limit_only():
    result = proportion_change(0, 20, 9, 20, scale="ratio", target=1.1)
    assert (result.estimate, result.high, result.verdict) == (math.inf, math.inf, "achieved")
    assert result.to_dict()["estimate"] is None


def test_ratio_without_any_success_is_not_evaluable():
    with pytest.raises(NotEvaluableError):
        proportion_change(0, 20, 0, 20, scale="ratio")


def test_integral_floats_and_numpy_numbers_are_counts():
    assert proportion(np.int64(463), 500.0) == proportion(463, 500)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((12, 10), "12 successes of 10 trials"),
        ((-1, 10), "successes is -1; expected a whole number"),
        ((2.5, 10), "successes is 2.5"),
        ((math.nan, 10), "successes is nan"),
        ((3, math.inf), "trials is inf"),
        ((0, 0), "at least one trial"),
        (("3", 10), "successes is '3'; expected"),
        ((None, 10), "successes is None"),
    ],
)
def test_counts_that_cannot_be_are_refused(arguments, message):
    with pytest.raises(ParameterError, match=message):
        proportion(*arguments)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": 90}, "90 % is 0.90"),
        ({"method": "exakt"}, "Did you mean 'exact'"),
        ({"confidence": 95}, "confidence is 95"),
        ({"target": 0.9, "better": "more"}, "better is 'more'; expected 'higher' or 'lower'"),
        ({"better": "up"}, "better is 'up'; expected 'higher' or 'lower'"),
    ],
)
def test_options_that_cannot_be_are_refused(options, message):
    with pytest.raises(ParameterError, match=message):
        proportion(9, 10, **options)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((12, 10, 3, 10), {}, r"12 successes of 10 trials \(successes_before, trials_before\)"),
        ((3, 10, 12, 10), {}, "successes_after, trials_after"),
        ((3, 10, 4, 10), {"scale": "ration"}, "Did you mean 'ratio'"),
        ((3, 10, 4, 10), {"target": 5}, "between -1 and 1"),
        ((3, 10, 4, 10), {"scale": "ratio", "target": -0.1}, "ratio scale"),
    ],
)
def test_changes_that_cannot_be_are_refused(arguments, options, message):
    with pytest.raises(ParameterError, match=message):
        proportion_change(*arguments, **options)
