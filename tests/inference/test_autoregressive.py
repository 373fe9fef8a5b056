"""The error model against its definition, in full matrices, and against statsmodels."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.inference.autoregressive import HIGHEST, error_model, hac_covariance, hac_lags, ljung_box


def design(months: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(months.size), months >= 24, np.sin(months / 1.9), np.cos(months / 1.9)])


def residuals(seed: int, months: np.ndarray, correlation: float, matrix: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(seed)
    errors = np.linalg.cholesky(correlation ** np.abs(months[:, None] - months[None]).astype(float)) @ rng.normal(
        size=months.size
    )
    return errors - matrix @ np.linalg.lstsq(matrix, errors)[0]


GAPS = np.delete(np.arange(36), [24, 25, 26, 7])


@pytest.mark.parametrize("months", [np.arange(36), GAPS], ids=["whole", "gaps"])
@pytest.mark.parametrize("chance", [0.0, 0.3])
@pytest.mark.parametrize("seed", [1, 2, 3, 6])
def test_moments_match_their_expectation(seed, chance, months):
    matrix = design(months)
    rest = residuals(seed, months, 0.5, matrix)
    found = error_model(matrix, rest, months, chance=chance)
    assert 0 < found.persistence < HIGHEST
    apart = np.abs(months[:, None] - months[None])
    keep = np.eye(months.size) - matrix @ np.linalg.pinv(matrix)
    beside = (apart == 1) / 2
    errors = found.chance * np.eye(months.size) + found.shocks * found.persistence**apart
    assert rest @ rest == pytest.approx(np.trace(keep @ errors))
    assert rest @ beside @ rest == pytest.approx(np.trace(keep @ beside @ keep @ errors))
    bread = np.linalg.pinv(matrix)
    assert found.covariance == pytest.approx(bread @ errors @ bread.T, rel=1e-9, abs=1e-12)
    assert found.correlation == pytest.approx(errors[0, 1] / errors[0, 0])
    assert found.df == pytest.approx((months.size - 4) * (1 - found.correlation) / (1 + found.correlation))


def test_bias_of_residuals_is_undone():
    months = np.arange(36)
    matrix = design(months)
    seen = [error_model(matrix, residuals(seed, months, 0.6, matrix), months) for seed in range(300)]
    assert np.mean([found.observed for found in seen]) < 0.45
    assert np.mean([found.correlation for found in seen]) == pytest.approx(0.56, abs=0.04)


def test_errors_that_alternate_count_as_independent():
    months = np.arange(36)
    rest = np.tile([1.0, -1.0], 18)
    found = error_model(np.ones((36, 1)), rest, months)
    assert (found.observed < -0.9, found.persistence, found.df) == (True, 0.0, 35.0)
    assert found.covariance == pytest.approx(np.array([[36 / 35 / 36]]))


def test_random_walk_reaches_the_bound_and_keeps_one_degree_of_freedom():
    months = np.arange(40)
    walk = np.linspace(-1, 1, 40)
    found = error_model(np.ones((40, 1)), walk, months)
    assert (found.persistence, found.df) == (HIGHEST, 1.0)


def test_residuals_that_vary_less_than_chance_have_no_shocks():
    months = np.arange(40)
    walk = np.linspace(-1, 1, 40)
    found = error_model(np.ones((40, 1)), walk, months, chance=1.0)
    assert (found.shocks, found.correlation, found.df) == (0.0, 0.0, 39.0)
    assert found.covariance == pytest.approx(np.array([[1 / 40]]))


def test_hac_is_that_of_statsmodels():
    import statsmodels.api as sm

    months = np.arange(36)
    matrix = design(months)
    rng = np.random.default_rng(3)
    values = rng.poisson(20, 36).astype(float)
    known = sm.GLM(values, matrix, family=sm.families.Poisson()).fit(tol=1e-13, cov_type="HAC", cov_kwds={"maxlags": 3})
    root = np.sqrt(known.fittedvalues)
    found = hac_covariance(matrix * root[:, None], (values - known.fittedvalues) / root, 3)
    assert found == pytest.approx(known.cov_params(), rel=1e-6)
    assert hac_lags(36) == 3


def test_ljung_box_is_that_of_statsmodels():
    from statsmodels.stats.diagnostic import acorr_ljungbox

    values = np.random.default_rng(4).normal(size=50)
    values -= values.mean()
    known = acorr_ljungbox(values, lags=[8]).lb_pvalue.iloc[0]
    assert ljung_box(values, np.arange(50), 8) == pytest.approx(known)
    assert ljung_box(np.zeros(5), np.arange(5), 1) == 1.0
