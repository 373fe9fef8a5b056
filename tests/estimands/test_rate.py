"""Rate ratios as results: which procedure answers, what it says, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evalkit.errors import NotEvaluableError, ParameterError
from evalkit.estimands.rate import rate_ratio
from evalkit.inference.poisson import dispersion

MONTHS_BEFORE = [3, 0, 2, 5, 1, 1, 4, 2, 0, 3, 6, 2]
MONTHS_AFTER = [1, 0, 2, 0, 1, 3]
DAYS_BEFORE = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
DAYS_AFTER = [31, 28, 31, 30, 31, 30]


def test_totals_are_exact_and_central():
    result = rate_ratio(30, 12.1, 14, 12.5, target=0.7)
    # R 4.2.2: poisson.test(c(14, 30), c(12.5, 12.1)); its central p (twice the smaller tail); r = .7, "less".
    assert result.estimate == pytest.approx(0.45173333, abs=5e-9)
    assert result.confidence_interval == pytest.approx((0.22133360, 0.87855798), abs=5e-9)
    assert result.p_change == pytest.approx(0.0169817, abs=5e-8)
    assert result.p_target == pytest.approx(0.1119153, abs=5e-8)
    assert (result.verdict, result.direction, result.method) == (
        "inconclusive",
        "improved",
        "exact conditional Poisson",
    )
    assert result.details == {}


def test_significant_fall_beyond_the_target_on_paper_does_not_prove_it():
    # Thefts in the breach register, 2014 and 2015; R 4.2.2 poisson.test(c(80, 122), c(365, 365)).
    result = rate_ratio(122, 365, 80, 365, target=0.7)
    assert result.confidence_interval == pytest.approx((0.48831, 0.87646), abs=5e-6)
    assert result.p_target == pytest.approx(0.3524, abs=5e-5)
    assert (result.estimate < 0.7, result.verdict, result.direction) == (True, "inconclusive", "improved")


def test_twelve_sub_periods_bring_in_the_dispersion():
    result = rate_ratio(MONTHS_BEFORE, DAYS_BEFORE, MONTHS_AFTER, DAYS_AFTER)
    phi, df = dispersion(MONTHS_BEFORE + MONTHS_AFTER, DAYS_BEFORE + DAYS_AFTER, [0] * 12 + [1] * 6)
    assert (result.details["dispersion"], result.df) == (phi, df)
    exact = rate_ratio(sum(MONTHS_BEFORE), sum(DAYS_BEFORE), sum(MONTHS_AFTER), sum(DAYS_AFTER))
    assert result.estimate == exact.estimate
    assert result.high > exact.high


def test_dispersion_is_floored_at_one():
    result = rate_ratio([2] * 12, [1] * 12, [1] * 6, [1] * 6)
    assert result.details["dispersion"] == 1.0


def test_eleven_sub_periods_are_exact():
    result = rate_ratio(MONTHS_BEFORE[:8], DAYS_BEFORE[:8], MONTHS_AFTER[:3], DAYS_AFTER[:3])
    assert result.method == "exact conditional Poisson"


def test_dispersion_that_no_arm_can_show_leaves_the_exact_procedure():
    assert rate_ratio(7, 12, [0] * 11, [1] * 11).method == "exact conditional Poisson"


def test_more_events_worsen_a_rate_unless_higher_is_better():
    assert rate_ratio(20, 12, 60, 12).direction == "worsened"
    assert rate_ratio(20, 12, 60, 12, better="higher", target=1.5).verdict == "achieved"


def test_no_event_after_gives_a_verdict_all_the_same():
    result = rate_ratio(40, 24, 0, 12, target=0.7)
    assert (result.estimate, result.low, result.verdict) == (0.0, 0.0, "achieved")


def test_rates_are_in_the_unit_of_exposure():
    result = rate_ratio(np.array([10, 14]), np.array([1.0, 1.0]), 6, 1.0)
    assert (result.before, result.after, result.estimate) == (12.0, 6.0, 0.5)


def test_no_event_before_is_not_evaluable():
    with pytest.raises(NotEvaluableError, match="no events before") as caught:
        rate_ratio(0, 12, 3, 12)
    assert caught.value.code == "zero_events_before"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((3, 0, 2, 12), "exposure_before is 0; expected a number above 0"),
        ((3, -1, 2, 12), "exposure_before is -1"),
        ((3, 12, 2, math.nan), "exposure_after is nan"),
        ((3.5, 12, 2, 12), "events_before is 3.5"),
        ((3, 12, -2, 12), "events_after is -2"),
        (([3, 4], [1, 0], 2, 12), r"exposure_before\[1\] is 0"),
        (([3, math.nan], [1, 1], 2, 12), r"events_before\[1\] is nan"),
        (([3, 4], 12, 2, 12), r"events_before has the shape \(2,\), exposure_before \(\)"),
        (([], [], 2, 12), "events_before is empty"),
        (([[3]], [[1]], 2, 12), "one value for each sub-period"),
        (("3", 12, 2, 12), "events_before is"),
    ],
)
def test_counts_and_exposures_that_cannot_be_are_refused(arguments, message):
    with pytest.raises(ParameterError, match=message):
        rate_ratio(*arguments)


def test_target_in_percent_is_refused():
    with pytest.raises(ParameterError, match=r"0\.80"):
        rate_ratio(30, 12, 14, 12, target=-0.3)
