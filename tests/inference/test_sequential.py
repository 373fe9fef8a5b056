"""Boundaries against stored output of rpact, published tables and an independent integration."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from evalkit.errors import ParameterError
from evalkit.inference.sequential import classic_bounds, group_sequential_bounds


# rpact 3.3.4: getDesignGroupSequential(kMax, alpha = 0.025, typeOfDesign = "asOF" | "asP")$criticalValues.
# Its last digit is not exact: R 4.2.2 with Simpson's rule on 2,001 points gives 2.3859996499 for the last of all.
@pytest.mark.parametrize(
    ("spending", "values"),
    [
        ("obrien-fleming", (3.7103029, 2.5114275, 1.9930475)),
        ("obrien-fleming", (4.8768849, 3.3570119, 2.6802801, 2.2898168, 2.0310320)),
        ("pocock", (2.2794282, 2.2949111, 2.2959396)),
        ("pocock", (2.4379767, 2.4268139, 2.4101941, 2.3966493, 2.3859997)),
    ],
)
def test_equally_spaced_boundaries_are_rpacts(spending, values):
    bounds = group_sequential_bounds(looks=len(values), spending=spending)
    assert bounds.critical_values == pytest.approx(values, abs=1.2e-7)


def test_spent_error_is_rpacts():
    # rpact 3.3.4 prints 0.00604838908 for the second, R's 2 * pnorm(-qnorm(0.9875) / sqrt(2 / 3)) is 0.00604838913.
    spent = group_sequential_bounds(looks=3).alpha_spent
    assert spent == pytest.approx((0.00010350572, 0.00604838908, 0.025), abs=6e-11)


def test_unequal_fractions_and_overrunning_give_an_independent_integration():
    # R 4.2.2, Simpson's rule on 4,001 points, the spending function of O'Brien-Fleming type, last share above 1.
    bounds = group_sequential_bounds(information=(0.2, 0.45, 0.7, 1.1))
    assert bounds.critical_values == pytest.approx((4.876884949, 3.143848382, 2.451535081, 2.012159320), abs=1e-8)
    assert bounds.alpha_spent[-1] == 0.025


def test_classic_designs_are_the_published_ones():
    # rpact 3.3.4; Pocock (1977), table 1, prints 2.413; Jennison and Turnbull (2000), table 2.3, 2.040.
    assert classic_bounds(looks=5).critical_values == pytest.approx((2.4131762,) * 5, abs=1e-7)
    last = classic_bounds(looks=5, design="obrien-fleming").critical_values
    assert last[-1] == pytest.approx(2.0400732, abs=1e-7)
    assert last[0] == pytest.approx(2.0400732 * math.sqrt(5), abs=1e-6)
    assert classic_bounds(looks=5).alpha_spent[-1] == pytest.approx(0.05, abs=1e-12)


# Jennison and Turnbull (2000), tables 2.1 (Pocock) and 2.3 (O'Brien and Fleming), two-sided 0.05.
@pytest.mark.parametrize(
    ("looks", "pocock", "obrien_fleming"), [(2, 2.178, 1.977), (3, 2.289, 2.004), (4, 2.361, 2.024), (10, 2.555, 2.087)]
)
def test_classic_designs_give_jennison_and_turnbulls_tables(looks, pocock, obrien_fleming):
    assert classic_bounds(looks=looks).critical_values[-1] == pytest.approx(pocock, abs=5.1e-4)
    last = classic_bounds(looks=looks, design="obrien-fleming").critical_values[-1]
    assert last == pytest.approx(obrien_fleming, abs=5.1e-4)


def test_one_look_is_the_plain_test():
    assert group_sequential_bounds(looks=1).critical_values[0] == pytest.approx(stats.norm.ppf(0.975), abs=1e-10)
    assert classic_bounds(looks=1).critical_values[0] == pytest.approx(stats.norm.ppf(0.975), abs=1e-10)


@pytest.mark.parametrize("spending", ["obrien-fleming", "pocock"])
@pytest.mark.parametrize("information", [(0.2, 0.21, 0.6, 1.0), (0.1, 0.5, 0.8, 1.2)])
def test_simulated_paths_cross_with_the_error_spent(spending, information):
    bounds = group_sequential_bounds(information=information, spending=spending, alpha=0.1)
    rng = np.random.default_rng(11)
    shares = np.array(information)
    steps = rng.standard_normal((200_000, 4)) * np.sqrt(np.diff(shares, prepend=0))
    z = steps.cumsum(axis=1) / np.sqrt(shares)
    crossed = np.maximum.accumulate(z > np.array(bounds.critical_values), axis=1).mean(axis=0)
    assert crossed == pytest.approx(bounds.alpha_spent, abs=0.002)


def test_underrun_last_look_spends_what_is_left():
    short = group_sequential_bounds(information=(0.2, 0.45, 0.7), looks=3)
    open_ended = group_sequential_bounds(information=(0.2, 0.45, 0.7))
    assert short.alpha_spent[-1] == 0.025
    assert short.critical_values[:2] == open_ended.critical_values[:2]
    assert short.critical_values[2] < open_ended.critical_values[2]


def test_nothing_is_left_after_the_planned_looks_or_the_planned_information():
    assert group_sequential_bounds(information=(0.4, 0.9, 1.3), looks=2).critical_values[2] == math.inf
    assert group_sequential_bounds(information=(0.4, 1.0, 1.3)).critical_values[2] == math.inf


def test_interim_looks_do_not_depend_on_looks_to_come():
    assert group_sequential_bounds(looks=5).critical_values[:2] == pytest.approx(
        group_sequential_bounds(information=(0.2, 0.4)).critical_values, abs=1e-10
    )


def test_bounds_are_told_in_words_table_and_picture():
    bounds = group_sequential_bounds(looks=3)
    assert bounds.summary() == (
        "O'Brien–Fleming type spending, error 0.025 over 3 looks: a claim needs z above 3.710, 2.511, 1.993."
    )
    frame = bounds.to_frame()
    assert list(frame["look"]) == [1, 2, 3]
    assert frame["nominal_p"].to_list() == pytest.approx(stats.norm.sf(bounds.critical_values))
    assert "<caption>O&#x27;Brien–Fleming" in bounds._repr_html_()
    assert "critical value (z)" in [text.get_text() for text in bounds.plot().axes[0].texts]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "Give looks"),
        ({"looks": 0}, "looks is 0"),
        ({"looks": 2.5}, "looks is 2.5"),
        ({"information": ()}, "shares above 0"),
        ({"information": (0.5, 0.5)}, r"does not grow at look 2 \(0.5, then 0.5\)"),
        ({"information": (-0.5, 0.5)}, "shares above 0"),
        ({"looks": 3, "alpha": 2.5}, "alpha is 2.5"),
        ({"looks": 3, "spending": "pocok"}, "Did you mean 'pocock'"),
    ],
)
def test_plans_that_cannot_be_are_refused(options, message):
    with pytest.raises(ParameterError, match=message):
        group_sequential_bounds(**options)


def test_unknown_classic_design_is_refused():
    with pytest.raises(ParameterError, match="'obrien-fleming' or 'pocock'"):
        classic_bounds(looks=3, design="haybittle")
