"""Shocks of whole months."""

import numpy as np
import pytest

from evalkit.inference.shocks import MonthShocks, month_shocks


def series(rng: np.random.Generator, size: int, sd: float, correlation: float, noise: float) -> np.ndarray:
    shock = np.empty(size)
    shock[0] = rng.normal(0, sd)
    for t in range(1, size):
        shock[t] = correlation * shock[t - 1] + rng.normal(0, sd * np.sqrt(1 - correlation**2))
    return shock + rng.normal(0, noise, size)


def test_fewer_than_twelve_months_say_nothing() -> None:
    assert month_shocks(np.arange(11), np.zeros(11), np.ones(11)) is None


def test_sampling_alone_leaves_no_shock() -> None:
    values = np.array([0.1, -0.1] * 6)
    found = month_shocks(np.arange(12), values, np.full(12, 0.02))
    assert found is not None
    assert (found.variance, found.correlation) == (0.0, 0.0)


@pytest.mark.seconds
@pytest.mark.parametrize(("sd", "correlation"), [(1.0, 0.0), (1.0, 0.3), (0.5, 0.6)])
def test_a_long_series_gives_the_truth_back(sd: float, correlation: float) -> None:
    values = series(np.random.default_rng(3), 600, sd, correlation, 0.5)
    found = month_shocks(np.arange(600), values, np.full(600, 0.25))
    assert found is not None
    assert found.variance == pytest.approx(sd**2, rel=0.35)
    assert found.correlation == pytest.approx(correlation, abs=0.2)


def test_a_season_is_not_a_shock_with_two_years() -> None:
    months = np.arange(24)
    values = np.cos(2 * np.pi * months / 12) + 0.3 * np.sin(4 * np.pi * months / 12)
    found = month_shocks(months, values, np.full(24, 1e-6))
    assert found is not None
    assert found.variance == pytest.approx(0, abs=1e-12)


def test_added_variance_is_the_quadratic_form() -> None:
    shocks = MonthShocks(variance=4.0, sampling=1.0, correlation=0.5, df=10.0)
    added = shocks.added(np.array([0, 1, 3]), np.array([-0.5, -0.5, 1.0]))
    weights, lag = np.array([-0.5, -0.5, 1.0]), np.array([[0, 1, 3], [1, 0, 2], [3, 2, 0]])
    assert added.variance == pytest.approx(4 * weights @ 0.5**lag @ weights)
    assert added.combined_df(1e-12, 5.0) == pytest.approx(10 * 4 / 5, rel=1e-6)


@pytest.mark.seconds
@pytest.mark.parametrize(("correlation", "bound"), [(0.0, 0.025), (0.3, 0.04), (0.6, 0.05)])
def test_false_claims_with_month_shocks(correlation: float, bound: float) -> None:
    """24 months before, 3 after, no change: false claims of a reduction, one-sided nominal 2.5 % (methods.md)."""
    from scipy import special, stats

    rng = np.random.default_rng(20250102)
    draws, claims, noise = 1200, 0, 0.02
    months = np.array([*range(24), *range(24, 27)])
    weights = np.r_[np.full(24, -1 / 24), np.full(3, 1 / 3)]
    for _ in range(draws):
        values = series(rng, 27, 0.02, correlation, noise)
        shocks = month_shocks(months[:24], values[:24], np.full(24, noise**2))
        assert shocks is not None
        added = shocks.added(months, weights)
        own = noise**2 * (1 / 24 + 1 / 3) * rng.chisquare(39) / 39
        df = added.combined_df(own, 39)
        claims += special.stdtr(df, float(weights @ values) / np.sqrt(own + added.variance)) < 0.025
    assert stats.binomtest(claims, draws).proportion_ci(0.99, "wilson").low <= bound
