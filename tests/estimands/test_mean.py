"""Ratio of means from arrays, against R, statsmodels and simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import evalkit as ek
from evalkit.errors import NotEvaluableError, ParameterError

RNG = np.random.default_rng(12)
BEFORE, AFTER = RNG.lognormal(1.0, 0.6, 400), RNG.lognormal(0.8, 0.6, 300)
BRANCH = RNG.integers(0, 25, 400), RNG.integers(0, 25, 300)
KIND = RNG.integers(0, 3, 400), RNG.integers(0, 3, 300)
WEIGHT = RNG.uniform(0.5, 2, 400), RNG.uniform(0.5, 2, 300)


def test_large_samples_agree_with_the_delta_method() -> None:
    """With 40,000 records skewness no longer matters: the plain delta interval on the log ratio."""
    rng = np.random.default_rng(1)
    before, after = rng.lognormal(0, 0.5, 40_000), 0.9 * rng.lognormal(0, 0.5, 40_000)
    effect = ek.ratio_of_means(before, after)
    se = np.sqrt(sum(a.var(ddof=1) / a.size / a.mean() ** 2 for a in (before, after)))
    ratio = after.mean() / before.mean()
    assert effect.estimate == pytest.approx(ratio, rel=1e-12)
    assert effect.confidence_interval == pytest.approx(
        (ratio * np.exp(-1.96 * se), ratio * np.exp(1.96 * se)), rel=2e-4
    )


def test_weights_are_design_weights() -> None:
    """The weighted ratio's standard error is that of linearised (sandwich) survey estimators."""
    effect = ek.ratio_of_means(BEFORE, AFTER, weights=WEIGHT)
    means = [np.average(y, weights=w) for y, w in ((BEFORE, WEIGHT[0]), (AFTER, WEIGHT[1]))]
    parts = [
        (y.size / (y.size - 1)) * ((w * (y - m)) ** 2).sum() / (w.sum() * m) ** 2
        for y, w, m in zip((BEFORE, AFTER), WEIGHT, means, strict=True)
    ]
    assert effect.estimate == pytest.approx(means[1] / means[0], rel=1e-12)
    low, high = np.log(effect.confidence_interval)
    assert (high - low) / 2 == pytest.approx(1.96 * np.sqrt(sum(parts)), rel=0.03)


def test_equal_weights_are_no_weights() -> None:
    plain, weighted = (
        ek.ratio_of_means(BEFORE, AFTER),
        ek.ratio_of_means(BEFORE, AFTER, weights=(np.full(400, 3.0), np.full(300, 0.2))),
    )
    assert weighted.estimate == pytest.approx(plain.estimate, rel=1e-12)
    assert weighted.confidence_interval == pytest.approx(plain.confidence_interval, rel=1e-9)


def test_clusters_agree_with_statsmodels_up_to_the_small_sample_factor() -> None:
    """Gamma regression with a log link and cluster-robust errors has the same estimate; the jackknife is CR3-like."""
    import statsmodels.api as sm

    y = np.r_[BEFORE, AFTER]
    design = np.column_stack([np.ones(700), np.r_[np.zeros(400), np.ones(300)]])
    fit = sm.GLM(y, design, family=sm.families.Gamma(sm.families.links.Log())).fit(
        cov_type="cluster", cov_kwds={"groups": np.r_[BRANCH[0], BRANCH[1]]}
    )
    effect = ek.ratio_of_means(BEFORE, AFTER, clusters=BRANCH)
    assert np.log(effect.estimate) == pytest.approx(fit.params[1], rel=1e-8)
    low, high = np.log(effect.confidence_interval)
    assert (high - low) / 2 / fit.bse[1] == pytest.approx(2.06, rel=0.08)


def test_strata_hold_the_mix_before() -> None:
    effect = ek.ratio_of_means(BEFORE, AFTER, strata=KIND)
    share = np.bincount(KIND[0]) / 400
    after = sum(share[k] * AFTER[KIND[1] == k].mean() for k in range(3))
    assert effect.estimate == pytest.approx(after / BEFORE.mean(), rel=1e-12)


def test_strata_and_clusters_together() -> None:
    effect = ek.ratio_of_means(BEFORE, AFTER, strata=KIND, clusters=BRANCH, target=0.95, better="lower")
    assert effect.method.startswith("cluster jackknife")
    assert effect.estimate == pytest.approx(ek.ratio_of_means(BEFORE, AFTER, strata=KIND).estimate, rel=1e-12)


@pytest.mark.filterwarnings("ignore:The target")
@given(seed=st.integers(0, 2**32 - 1), clustered=st.booleans(), target=st.floats(0.5, 1.5))
def test_swapping_arms_inverts_the_ratio_and_the_target(seed: int, clustered: bool, target: float) -> None:
    rng = np.random.default_rng(seed)
    before, after = rng.gamma(3, 1, 60), rng.gamma(3, 1, 50)
    labels = (rng.integers(0, 8, 60), rng.integers(0, 8, 50)) if clustered else None
    back = (labels[1], labels[0]) if labels else None
    there = ek.ratio_of_means(before, after, target=target, better="lower", clusters=labels)
    here = ek.ratio_of_means(after, before, target=1 / target, better="higher", clusters=back)
    assert here.estimate == pytest.approx(1 / there.estimate, rel=1e-9)
    assert here.confidence_interval == pytest.approx((1 / there.high, 1 / there.low), rel=1e-7)
    assert here.p_target == pytest.approx(there.p_target, rel=1e-6, abs=1e-12)
    assert here.verdict == there.verdict


@given(seed=st.integers(0, 2**32 - 1), factor=st.sampled_from([1e-6, 60.0, 86400.0, 1e9]))
def test_units_and_row_order_change_nothing(seed: int, factor: float) -> None:
    rng = np.random.default_rng(seed)
    order = rng.permutation(400)
    base = ek.ratio_of_means(BEFORE, AFTER, clusters=BRANCH, strata=KIND)
    again = ek.ratio_of_means(
        BEFORE[order] * factor, AFTER * factor, clusters=(BRANCH[0][order], BRANCH[1]), strata=(KIND[0][order], KIND[1])
    )
    assert again.estimate == pytest.approx(base.estimate, rel=1e-9)
    assert again.confidence_interval == pytest.approx(base.confidence_interval, rel=1e-9)


@pytest.mark.filterwarnings("ignore:The target")
@given(target=st.floats(0.3, 3), better=st.sampled_from(["higher", "lower"]))
def test_verdict_interval_and_p_value_never_contradict(target: float, better: str) -> None:
    effect = ek.ratio_of_means(BEFORE, AFTER, target=target, better=better)  # type: ignore[arg-type]
    assert effect.p_target is not None
    good = effect.low > target if better == "higher" else effect.high < target
    bad = effect.high < target if better == "higher" else effect.low > target
    assert (effect.verdict == "achieved") == good == (effect.p_target < 0.025)
    assert (effect.verdict == "not_achieved") == bad == (effect.p_target > 0.975)


def test_bad_input_is_named() -> None:
    with pytest.raises(ParameterError, match=r"before: 1 of 3 values are missing"):
        ek.ratio_of_means([1, 2, np.nan], [1, 2])
    with pytest.raises(ParameterError, match="negative weight"):
        ek.ratio_of_means([1, 2], [1, 2], weights=([1, -1], [1, 1]))
    with pytest.raises(ParameterError, match="2 values and 3 labels"):
        ek.ratio_of_means([1, 2], [1, 2], clusters=(["a", "b", "c"], ["a", "b"]))
    with pytest.raises(ParameterError, match="one dimension"):
        ek.ratio_of_means([[1, 2]], [1, 2])
    with pytest.raises(ParameterError, match="expected numbers"):
        ek.ratio_of_means(["a"], [1, 2])
    with pytest.raises(ParameterError, match=r"0\.80"):
        ek.ratio_of_means([1, 2], [1, 2], target=-0.2)


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        ([], [1, 2], "no_records_before"),
        ([1, 2], [], "no_records_after"),
        ([1], [1, 2], "too_few_records"),
        ([0, 0], [1, 2], "baseline_not_positive"),
        ([2, 2], [2, 2], "no_variation"),
        ([1, 2], [0, 0], "zero_value"),
    ],
)
def test_what_cannot_be_answered_says_so(before: list[float], after: list[float], code: str) -> None:
    with pytest.raises(NotEvaluableError) as raised:
        ek.ratio_of_means(before, after)
    assert raised.value.code == code


@pytest.mark.seconds
@pytest.mark.parametrize(("size_before", "size_after"), [(500, 500), (2000, 500)])
def test_false_claims_with_skewed_records(size_before: int, size_after: int) -> None:
    """Log-normal σ = 1, truth exactly on −20 %: `achieved` at most 2.5 % (99 % Wilson interval)."""
    from scipy import stats

    rng, draws, claims = np.random.default_rng(20250103), 1500, 0
    for _ in range(draws):
        before, after = rng.lognormal(0, 1, size_before), 0.8 * rng.lognormal(0, 1, size_after)
        claims += ek.ratio_of_means(before, after, target=0.8, better="lower").verdict == "achieved"
    assert stats.binomtest(claims, draws).proportion_ci(0.99, "wilson").low <= 0.025
