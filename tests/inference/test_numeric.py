"""The shared root-finder and reference distributions, against scipy.stats."""

from __future__ import annotations

import math

import pytest
from scipy import stats

from evalkit.inference.numeric import critical_value, crossing, lower_tail, quantile


def test_distributions_are_scipys():
    assert lower_tail(-1.3) == pytest.approx(stats.norm.cdf(-1.3))
    assert lower_tail(-1.3, 4.5) == pytest.approx(stats.t.cdf(-1.3, 4.5))
    assert quantile(0.01, 4.5) == pytest.approx(stats.t.ppf(0.01, 4.5))
    assert critical_value(0.99) == pytest.approx(stats.norm.ppf(0.995))


@pytest.mark.parametrize("df", [None, 3.0])
def test_infinite_statistics_have_certain_tails(df):
    assert (lower_tail(-math.inf, df), lower_tail(math.inf, df)) == (0.0, 1.0)


@pytest.mark.parametrize("root", [1e-300, 3e-9, 0.5, 1 - 1e-12])
def test_crossing_is_found_to_machine_precision_rising_or_falling(root):
    assert crossing(lambda x: x - root, 0.0, 1.0) == pytest.approx(root, rel=1e-14)
    assert crossing(lambda x: root - x, 0.0, 1.0) == pytest.approx(root, rel=1e-14)


def test_without_a_change_of_sign_the_nearer_end_is_returned():
    assert crossing(lambda x: x + 1, 0.0, 1.0) == 0.0
    assert crossing(lambda x: x - 2, 0.0, 1.0) == 1.0
