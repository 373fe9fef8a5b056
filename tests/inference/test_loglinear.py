"""Log-linear fits against statsmodels, and series that have none."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.errors import NotEvaluableError
from evalkit.inference.loglinear import fit


def series(seed: int, mean: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    months = np.arange(36)
    design = np.column_stack([np.ones(36), months >= 24, months - 17.5, np.sin(months / 2), np.cos(months / 2)])
    exposure = rng.uniform(0.5, 3, 36)
    rates = mean * np.exp(design @ [0.0, -0.4, 0.01, 0.3, 0.2])
    return rng.poisson(exposure * rates).astype(float), exposure, design


@pytest.mark.parametrize("mean", [0.4, 3, 40, 5e4])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_poisson_is_that_of_statsmodels(seed, mean):
    import statsmodels.api as sm

    values, exposure, design = series(seed, mean)
    found = fit(values, exposure, design, "quasi-poisson")
    known = sm.GLM(values, design, family=sm.families.Poisson(), offset=np.log(exposure)).fit(tol=1e-13, scale="X2")
    assert found.coefficients == pytest.approx(known.params, rel=1e-8, abs=1e-9)
    assert found.dispersion == pytest.approx(known.scale, rel=1e-8)
    assert found.dispersion * found.unscaled == pytest.approx(known.cov_params(), rel=1e-6, abs=1e-12)
    assert found.residuals == pytest.approx(known.resid_pearson, rel=1e-6, abs=1e-8)


def test_gaussian_is_least_squares_of_logarithms():
    import statsmodels.api as sm

    values, exposure, design = series(4, 40)
    found = fit(values, exposure, design, "gaussian")
    known = sm.OLS(np.log(values / exposure), design).fit()
    assert found.coefficients == pytest.approx(known.params, rel=1e-10)
    assert found.dispersion * found.unscaled == pytest.approx(known.cov_params(), rel=1e-9)
    assert found.fitted == pytest.approx(exposure * np.exp(known.fittedvalues), rel=1e-10)


def test_residuals_are_orthogonal_to_the_weighted_design():
    values, exposure, design = series(5, 8)
    found = fit(values, exposure, design, "poisson")
    assert found.design.T @ found.residuals == pytest.approx(np.zeros(5), abs=1e-7)


def test_term_without_events_has_no_finite_answer():
    design = np.column_stack([np.ones(24), np.arange(24) % 12 == 0])
    values = np.where(design[:, 1] == 1, 0.0, 5.0)
    with pytest.raises(NotEvaluableError) as caught:
        fit(values, np.ones(24), design, "poisson")
    assert caught.value.code == "no_convergence"


def test_zeros_among_counts_are_no_obstacle():
    found = fit(np.array([0.0, 3, 0, 1, 0, 2]), np.ones(6), np.ones((6, 1)), "poisson")
    assert found.coefficients == pytest.approx([0.0], abs=1e-9)
