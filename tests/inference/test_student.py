"""Student pivots and the correction for skewness."""

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import special, stats

from evalkit.inference.student import Skewness, StudentPivot, log_ratio_skewness, satterthwaite


def test_without_skewness_it_is_welchs_test() -> None:
    before, after = np.array([10.0, 12, 14, 9, 11, 13]), np.array([8.0, 9, 9.5, 7, 8.5])
    parts = [arm.var(ddof=1) / arm.size for arm in (before, after)]
    df = satterthwaite(parts, [5, 4])
    pivot = StudentPivot(estimate=after.mean() - before.mean(), se=math.sqrt(sum(parts)), df=df, method="t")
    oracle = stats.ttest_ind(after, before, equal_var=False)
    assert df == pytest.approx(oracle.df, rel=1e-12)
    assert 2 * min(pivot.tails(0.0)) == pytest.approx(oracle.pvalue, rel=1e-10)
    assert pivot.interval(0.95) == pytest.approx(tuple(oracle.confidence_interval()), rel=1e-10)


@given(
    estimate=st.floats(0.2, 5),
    se=st.floats(0.01, 0.8),
    k1=st.floats(-0.3, 0.3),
    k3=st.floats(-1.5, 1.5),
    confidence=st.floats(0.6, 0.999),
    link=st.sampled_from(["identity", "log"]),
)
def test_interval_and_tails_invert_each_other(
    estimate: float, se: float, k1: float, k3: float, confidence: float, link: str
) -> None:
    pivot = StudentPivot(
        estimate=estimate,
        se=se,
        df=17.0,
        method="t",
        link=link,
        skewness=Skewness(k1, k3),  # type: ignore[arg-type]
    )
    low, high = pivot.interval(confidence)
    assert low < high
    tail = (1 - confidence) / 2
    assert pivot.tails(low)[0] == pytest.approx(tail, rel=1e-6, abs=1e-12)
    assert pivot.tails(high)[1] == pytest.approx(tail, rel=1e-6, abs=1e-12)


@example(t=2.0, k3=1e-9, k1=0.0)
@example(t=2.0, k3=0.0, k1=0.1)
@given(t=st.floats(-6, 6), k3=st.floats(-2, 2), k1=st.floats(-0.5, 0.5))
def test_the_transformation_is_monotone_and_undone_by_its_inverse(t: float, k3: float, k1: float) -> None:
    skewness = Skewness(k1, k3)
    assert skewness.transform(t + 0.01) >= skewness.transform(t)
    # where the cubic is flat (b·t = 1) the inverse loses digits, so ask for the value, not its place
    assert skewness.transform(skewness.inverse(skewness.transform(t))) == pytest.approx(skewness.transform(t), abs=1e-9)


def test_cumulants_of_one_mean_are_halls() -> None:
    """Hall (1992), section 2.6: for a studentised mean k1 = −γ/(2√n) and k3 = −2γ/√n."""
    n, sigma, gamma = 50, 2.0, 1.7
    variance = sigma**2 / n
    third = gamma * variance**1.5 / math.sqrt(n)
    found = log_ratio_skewness([1], [variance], [third], link="identity")
    assert found.k1 == pytest.approx(-gamma / (2 * math.sqrt(n)), rel=1e-12)
    assert found.k3 == pytest.approx(-2 * gamma / math.sqrt(n), rel=1e-12)


@pytest.mark.parametrize("link", ["identity", "log"])
def test_cumulants_agree_with_simulation(link: str) -> None:
    """Gamma records: skewness 2/√shape; the studentised statistic's own bias and third cumulant, simulated."""
    rng = np.random.default_rng(11)
    size, shape, draws = 60, 4.0, 60_000
    values = rng.gamma(shape, 1.0, (draws, size))
    mean, sd = values.mean(axis=1), values.std(axis=1, ddof=1)
    if link == "log":
        t = (np.log(mean) - math.log(shape)) / (sd / mean / math.sqrt(size))
        variance, unit = 1 / shape / size, 1 / math.sqrt(shape)
    else:
        t, variance, unit = (mean - shape) / (sd / math.sqrt(size)), shape / size, math.sqrt(shape)
    gamma = 2 / math.sqrt(shape)
    found = log_ratio_skewness([1], [variance], [gamma * unit**3 / size**2], link=link)  # type: ignore[arg-type]
    assert found.k1 == pytest.approx(t.mean(), abs=0.02)
    assert found.k3 == pytest.approx(((t - t.mean()) ** 3).mean(), abs=0.12)


def test_normal_limits_without_degrees_of_freedom() -> None:
    low, high = StudentPivot(estimate=1.0, se=0.1, df=None, method="z").interval(0.95)
    assert (low, high) == pytest.approx((1 - 0.1 * special.ndtri(0.975), 1 + 0.1 * special.ndtri(0.975)))


def test_a_value_outside_the_log_scale_has_certain_tails() -> None:
    pivot = StudentPivot(estimate=2.0, se=0.3, df=9.0, method="t", link="log")
    assert pivot.tails(0.0) == (0.0, 1.0)


@settings(max_examples=60, deadline=None)
@given(k3=st.floats(-1.2, 1.2), k1=st.floats(-0.3, 0.3), confidence=st.floats(0.6, 0.999))
def test_a_cautious_correction_only_widens_and_still_inverts(k3: float, k1: float, confidence: float) -> None:
    given_ = {"estimate": 0.8, "se": 0.1, "df": 6.0, "method": "", "link": "log"}
    plain = StudentPivot(**given_)
    skewed = StudentPivot(**given_, skewness=Skewness(k1, k3, 2.0))
    cautious = StudentPivot(**given_, skewness=Skewness(k1, k3, 2.0), cautious=True)
    found = cautious.interval(confidence)
    ends = [pivot.interval(confidence) for pivot in (plain, skewed)]
    assert found == pytest.approx((min(low for low, _ in ends), max(high for _, high in ends)), rel=1e-12)
    for limit, side in zip(found, (0, 1), strict=True):
        assert cautious.tails(limit)[side] == pytest.approx((1 - confidence) / 2, rel=1e-6)
