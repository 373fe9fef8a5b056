"""The one definition of every estimand, and its gradient."""

import numpy as np
import pytest

from evalkit.inference.contrast import Estimand, arm_values, contrast, gradient


def totals(rng: np.random.Generator, months: int = 1, strata: int = 3) -> tuple[np.ndarray, np.ndarray]:
    before = rng.uniform(1, 9, (2, months, strata))
    after = rng.uniform(1, 9, (2, strata))
    return before, after


def test_standardised_values_hold_the_baseline_mix() -> None:
    before = np.array([[[30.0, 10.0]], [[10.0, 10.0]]])  # means 3 and 1, equal shares
    after = np.array([[6.0, 9.0], [2.0, 9.0]])  # means 3 and 1 again, but mostly of the second kind
    raw = arm_values(before, after, Estimand(scale="ratio"))
    held = arm_values(before, after, Estimand(scale="ratio", standardised=True))
    assert [float(v) for v in raw] == pytest.approx([2.0, 15 / 11])
    assert [float(v) for v in held] == pytest.approx([2.0, 2.0])


def test_month_weights_are_the_shares_asked_for() -> None:
    before = np.array([[[10.0], [40.0]], [[10.0], [20.0]]])  # monthly means 1 and 2
    after = np.array([[3.0], [2.0]])
    values = arm_values(before, after, Estimand(scale="ratio", season=np.array([0.25, 0.75])))
    assert float(values[0]) == pytest.approx(0.25 * 1 + 0.75 * 2)


def test_a_stratum_missing_from_one_arm_is_left_out_of_both() -> None:
    before = np.array([[[8.0, 99.0]], [[4.0, 9.0]]])
    after = np.array([[6.0, 0.0], [6.0, 0.0]])
    values = arm_values(before, after, Estimand(scale="ratio", standardised=True))
    assert [float(v) for v in values] == pytest.approx([2.0, 1.0])


def test_an_empty_arm_gives_nan_not_a_warning() -> None:
    assert np.isnan(contrast(np.zeros((2, 1, 1)), np.ones((2, 1)), Estimand(scale="difference")))


@pytest.mark.parametrize("scale", ["ratio", "difference", "level"])
@pytest.mark.parametrize("standardised", [False, True])
@pytest.mark.parametrize("season", [False, True])
def test_the_gradient_is_the_numerical_derivative(scale: str, standardised: bool, season: bool) -> None:
    before, after = totals(np.random.default_rng(6), months=2 if season else 1)
    shares = np.array([0.3, 0.7]) if season else None
    estimand = Estimand(scale=scale, standardised=standardised, season=shares)  # type: ignore[arg-type]
    slopes = gradient(before, after, estimand)
    step = 1e-6
    for which, arm in enumerate((before, after)):
        for place in np.ndindex(arm.shape):
            moved = [before.copy(), after.copy()]
            moved[which][place] += step
            up = float(contrast(moved[0], moved[1], estimand))
            moved[which][place] -= 2 * step
            down = float(contrast(moved[0], moved[1], estimand))
            assert slopes[which][place] == pytest.approx((up - down) / (2 * step), rel=1e-5, abs=1e-8)
