"""Kaplan-Meier curves against R's survival package and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from statsmodels.duration.survfunc import SurvfuncRight

from evalkit.errors import ParameterError
from evalkit.estimands.response_time import kaplan_meier

# Acute myelogenous leukaemia, R survival::aml: weeks, relapse seen.
MAINTAINED = ([9, 13, 13, 18, 23, 28, 31, 34, 45, 48, 161], [1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 0])
NONMAINTAINED = ([5, 5, 8, 8, 12, 16, 23, 27, 30, 33, 43, 45], [1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1])


def test_curve_is_rs_survfit():
    # R 4.2.2, survival 3.5.3: survfit(Surv(time, status) ~ 1, aml[aml$x == "Maintained", ], conf.type = "log-log")
    curve = kaplan_meier(*MAINTAINED)
    assert curve.times == (9, 13, 18, 23, 28, 31, 34, 45, 48, 161)
    assert curve.at_risk == (11, 10, 8, 7, 6, 5, 4, 3, 2, 1)
    assert curve.events == (1, 1, 1, 1, 0, 1, 1, 0, 1, 0)
    assert curve.censored == (0, 1, 0, 0, 1, 0, 0, 1, 0, 1)
    assert curve.survival[2:4] == pytest.approx((0.715909090909, 0.613636363636), abs=1e-12)
    assert curve.survival[-1] == pytest.approx(0.184090909091, abs=1e-12)
    assert curve.low[:3] == pytest.approx((0.5080802057699, 0.4474286146822, 0.3501903859079), abs=1e-12)
    assert curve.high[:3] == pytest.approx((0.986673822668, 0.951162228582, 0.899023974191), abs=1e-12)
    assert (curve.low[-1], curve.high[-1]) == pytest.approx((0.0117384801232, 0.525014842727), abs=1e-12)


@pytest.mark.parametrize(
    ("group", "horizon", "mean", "error", "median", "interval"),
    [
        (MAINTAINED, None, 52.6454545455, 19.8286027956, 31, (13, math.inf)),
        (MAINTAINED, 30, 24.60227272727, 2.31314937732, 31, (13, math.inf)),
        (NONMAINTAINED, None, 22.70833333333, 4.18094198103, 23, (5, 33)),
        (NONMAINTAINED, 30, 19.69444444444, 3.05419793072, 23, (5, 33)),
    ],
)
def test_median_and_restricted_mean_are_rs(group, horizon, mean, error, median, interval):
    # R 4.2.2, survival 3.5.3: summary(fit, rmean = "common" | 30)$table; quantile(fit, .5)
    curve = kaplan_meier(*group, horizon=horizon)
    assert (curve.restricted_mean, curve.restricted_mean_error) == pytest.approx((mean, error), abs=1e-9)
    assert (curve.median, curve.median_interval) == (median, interval)
    assert (curve.estimate, curve.confidence_interval) == (median, interval)


def test_curve_is_statsmodels():
    rng = np.random.default_rng(4)
    durations = np.round(rng.exponential(10, 200), 1) + 0.1
    answered = rng.random(200) < 0.7
    curve = kaplan_meier(durations, answered)
    oracle = SurvfuncRight(durations, answered)
    at_events = [index for index, events in enumerate(curve.events) if events]
    assert np.array(curve.survival)[at_events] == pytest.approx(oracle.surv_prob)


def test_all_answered_is_the_empirical_distribution():
    durations = [1, 2, 2, 5, 9]
    curve = kaplan_meier(durations)
    assert curve.survival == pytest.approx((0.8, 0.4, 0.2, 0.0))
    assert curve.restricted_mean == pytest.approx(np.mean(durations))
    assert curve.restricted_mean_error == pytest.approx(np.std(durations) / math.sqrt(5))
    # R has NA for the limits where nobody is left; here 0 and the last upper limit.
    assert (curve.low[-1], curve.high[-1]) == (0.0, curve.high[-2])


def test_flat_half_puts_the_median_in_its_middle():
    # R 4.2.2: quantile(survfit(Surv(c(1, 3, 4, 6)) ~ 1), .5)$quantile is 3.5
    assert kaplan_meier([1, 3, 4, 6]).median == 3.5


def test_share_answered_within_a_window_counts_its_bound():
    curve = kaplan_meier(*MAINTAINED)
    share, low, high = curve.within(18)
    assert (share, low, high) == pytest.approx((1 - 0.715909090909, 1 - 0.899023974191, 1 - 0.3501903859079), abs=1e-12)
    assert curve.within(17.9)[0] == pytest.approx(1 - curve.survival[1])
    assert curve.within(3) == (0.0, 0.0, 0.0)


def test_half_never_answered_has_no_median():
    curve = kaplan_meier([1, 2, 3, 4], [1, 0, 0, 0])
    assert curve.median == math.inf
    assert curve.summary().startswith("Of 4 records fewer than half are answered; the mean up to 4 is")


@pytest.mark.parametrize(
    ("durations", "answered"), [([4.0], [True]), ([4.0], [False]), ([0, 0, 0], None), ([0, 3], [1, 0])]
)
def test_tiny_samples_have_limits_between_0_and_1(durations, answered):
    curve = kaplan_meier(durations, answered)
    assert all(
        0 <= low <= share <= high <= 1 for low, share, high in zip(curve.low, curve.survival, curve.high, strict=True)
    )


def test_order_of_records_does_not_matter():
    order = np.random.default_rng(1).permutation(11)
    shuffled = kaplan_meier(np.array(MAINTAINED[0])[order], np.array(MAINTAINED[1])[order])
    assert shuffled == kaplan_meier(*MAINTAINED)


def test_curve_is_told_in_words_table_and_picture():
    curve = kaplan_meier(*NONMAINTAINED)
    assert curve.summary() == (
        "Of 12 records half are answered by 23 (95 % interval 5 to 33); the mean up to 45 is 22.71 (14.51 to 30.9)."
    )
    assert list(curve.to_frame()) == ["time", "at_risk", "events", "censored", "survival", "low", "high"]
    assert "Kaplan–Meier" in curve._repr_html_()
    assert "answered" in [text.get_text() for text in curve.plot(window=7).axes[0].texts]


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([1, 2], [1]), {}, r"shape \(2,\), answered \(1,\)"),
        (([],), {}, "at least one record"),
        (([1, -2, math.nan],), {}, r"durations\[1\] is -2.0 \(2 such in all\)"),
        (([1, 2], [1, 3]), {}, "other values than True and False"),
        (MAINTAINED, {"horizon": 200}, "the longest duration is 161"),
        (MAINTAINED, {"horizon": -1}, "horizon is -1"),
        (MAINTAINED, {"confidence": 95}, "confidence is 95"),
    ],
)
def test_records_that_cannot_be_are_refused(arguments, options, message):
    with pytest.raises(ParameterError, match=message):
        kaplan_meier(*arguments, **options)


def test_counts_stand_for_records() -> None:
    times, answered, counts = [1, 2, 2, 5, 9], [1, 1, 0, 1, 0], [400, 30, 7, 12, 3]
    grouped = kaplan_meier(times, answered, counts=counts, horizon=8)
    single = kaplan_meier(np.repeat(times, counts), np.repeat(answered, counts), horizon=8)
    assert grouped == single
    assert grouped.records == 452
    for wrong, told in (([1, 1, 1, 1, 0], r"counts\[4\] is 0"), ([1.5, 1, 1, 1, 1], "whole numbers"), ([1], "shape")):
        with pytest.raises(ParameterError, match=told):
            kaplan_meier(times, answered, counts=wrong)
