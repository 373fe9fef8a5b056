"""Power: what is promised against published routines, and against what simulated data do."""

import math
from typing import Any

import numpy as np
import pytest

from evalkit.effect import Better, Scale
from evalkit.errors import NotEvaluableError, ParameterError
from evalkit.inference.contrast import Estimand
from evalkit.inference.jackknife import cluster_variance
from evalkit.inference.numeric import lower_tail
from evalkit.inference.poisson import DispersedRateRatio, dispersion
from evalkit.inference.power import concluded, contrast_curve, power, rate_curve

WITHIN = 0.03  # three points, as methods.md asks; Monte-Carlo error comes on top
SE = 1.5 * math.sqrt(2 / 20)


def margin(p: float, replicates: int) -> float:
    return WITHIN + 2.6 * math.sqrt(max(p * (1 - p), 0.01) / replicates)


def test_two_sample_t_as_r_has_it() -> None:
    # R 4.2: power.t.test(n=20, delta=1, sd=1.5, sig.level=0.025, alternative="one.sided"); and power=0.8 for delta
    result = power(standard_error=SE, target=0, better="higher", effect=1, df=38, scale="difference")
    assert result.probability == pytest.approx(0.537757324, abs=1e-9)
    assert result.detectable == pytest.approx(1.36369585, abs=1e-5)  # R's own root is good to 1e-4


def test_two_sample_t_as_statsmodels_has_it() -> None:
    from statsmodels.stats.power import TTestIndPower

    for effect in (0.3, 0.9, 2.0):
        told = TTestIndPower().power(effect_size=effect / 1.5, nobs1=20, alpha=0.025, alternative="larger")
        ours = power(standard_error=SE, target=0, better="higher", effect=effect, df=38, scale="difference")
        assert ours.probability == pytest.approx(told, abs=1e-9)


@pytest.mark.parametrize("df", [None, 0.25, 4, 30, 1e7])
@pytest.mark.parametrize(("scale", "better", "target"), [("ratio", "lower", 0.8), ("level", "higher", 0.9)])
def test_at_the_target_it_is_the_level_and_it_rises_beyond(
    df: float | None, scale: Scale, better: Better, target: float
) -> None:
    result = power(standard_error=0.04, target=target, better=better, effect=target, df=df, scale=scale, family=4)
    assert result.level == pytest.approx(0.025 / 4)
    assert result.probability == pytest.approx(result.level, rel=1e-6)
    assert all(np.diff(result.probabilities) >= -1e-9)
    assert all(0 <= p <= 1 for p in result.probabilities)


def test_the_detectable_effect_is_where_the_probability_is_four_fifths() -> None:
    first = power(standard_error=0.06, target=0.8, better="lower", df=12)
    again = power(standard_error=0.06, target=0.8, better="lower", df=12, effect=first.detectable)
    assert again.probability == pytest.approx(0.8, abs=1e-9)
    joint = power(standard_error=0.06, target=0.8, better="lower", df=12, family=3)
    assert joint.detectable is not None
    assert first.detectable is not None
    assert joint.detectable < first.detectable


def test_far_out_it_stays_a_probability() -> None:
    assert power(standard_error=1e-4, target=0.8, better="lower", effect=0.1, df=2).probability == pytest.approx(1)
    assert power(standard_error=1e-4, target=0.8, better="lower", effect=3.0, df=2).probability == pytest.approx(0)


def test_no_effect_within_the_bound_may_be_detectable() -> None:
    curve = contrast_curve(lambda _: (0.2, None), target=0.9, better="higher", scale="level", level=0.025)
    result = concluded(curve, target=0.9, better="higher", scale="level", level=0.025, domain=(0.0, 1.0))
    assert result.detectable is None
    assert max(result.effects) < 1
    assert "by no true effect" in result.summary()


@pytest.mark.parametrize(
    "wrong",
    [
        {"standard_error": 0},
        {"target": -0.2},
        {"better": "up"},
        {"effect": 0.0},
        {"family": 0},
        {"df": -1},
        {"confidence": 2},
    ],
)
def test_wrong_values_are_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(ParameterError):
        power(**{"standard_error": 0.1, "target": 0.8, "better": "lower", **wrong})


def test_clusters_simulated() -> None:
    """Twenty equal branches in both arms, target −20 %, truth −30 %: the verdicts of the cluster jackknife."""
    rng, branches, replicates, sd = np.random.default_rng(3), 20, 1500, 0.30
    found = 0
    for _ in range(replicates):
        change = 0.7 * rng.lognormal(-sd * sd / 2, sd, branches)
        level = rng.lognormal(0, 0.2, branches)
        before, after = np.ones((branches, 2, 1, 1)), np.ones((branches, 2, 1))
        before[:, 0, 0, 0], after[:, 0, 0] = level, level * change
        fit = cluster_variance(before, after, Estimand(scale="ratio"))
        found += lower_tail((fit.estimate - math.log(0.8)) / math.sqrt(fit.variance), fit.df) < 0.025
    # true variance of the log ratio of totals: relative variance of the change × Σ level² / (Σ level)²
    spread = math.exp(sd * sd) - 1
    unequal = math.exp(0.2**2)
    promised = power(
        standard_error=math.sqrt(spread * unequal / branches), target=0.8, better="lower", effect=0.7, df=19 / unequal
    ).probability
    assert promised == pytest.approx(found / replicates, abs=margin(found / replicates, replicates))


@pytest.mark.parametrize(
    ("expected", "months_after", "phi"), [(12, 24, 1.0), (40, 12, 2.0), (40, 24, 1.0), (400, 24, 2.0)]
)
def test_rates_simulated(expected: int, months_after: int, phi: float) -> None:
    """Monthly counts, 24 months before, dispersion estimated from the months: target −30 %, truth −70 %."""
    rng, replicates, truth = np.random.default_rng(5), 700, 0.3
    arms = np.repeat([0, 1], [24, months_after])
    mean = expected / 24 * np.where(arms == 0, 1.0, truth)
    found, dfs = 0, []
    for _ in range(replicates):
        counts = rng.poisson(mean) if phi == 1 else rng.negative_binomial(mean / (phi - 1), 1 / phi)
        before, after = counts[arms == 0].sum(), counts[arms == 1].sum()
        if before == 0:
            continue
        estimate, df = dispersion(counts, np.ones(len(arms)), arms)
        dfs.append(df)
        pivot = DispersedRateRatio(
            events_before=float(before),
            exposure_before=24.0,
            events_after=float(after),
            exposure_after=float(months_after),
            dispersion=estimate,
            df=df,
        )
        found += pivot.tails(0.7)[1] < 0.025
    curve = rate_curve(
        events_before=expected,
        exposure_ratio=months_after / 24,
        target=0.7,
        better="lower",
        level=0.025,
        dispersion=phi,
        df=float(np.median(dfs)),
    )
    assert curve(truth) == pytest.approx(found / replicates, abs=margin(found / replicates, replicates))


def test_exact_rates_by_enumeration() -> None:
    """Without dispersion the sum over counts is the exact procedure's own rejection region."""
    from scipy import stats

    from evalkit.inference.poisson import ExactRateRatio

    curve = rate_curve(events_before=6, exposure_ratio=2, target=1.2, better="higher", level=0.025)
    told = 0.0
    for x in range(1, 40):
        for y in range(120):
            try:
                pivot = ExactRateRatio(
                    events_before=float(x), exposure_before=1.0, events_after=float(y), exposure_after=2.0
                )
            except NotEvaluableError:
                continue
            if pivot.tails(1.2)[0] < 0.025:
                told += stats.poisson.pmf(x, 6) * stats.poisson.pmf(y, 6 * 2 * 3.0)
    assert curve(3.0) == pytest.approx(told, abs=1e-5)


def test_rates_rise_with_the_effect_and_are_no_more_than_the_level_at_the_target() -> None:
    lower: tuple[Better, float, tuple[float, ...]] = ("lower", 0.7, (0.7, 0.5, 0.3, 0.1))
    higher: tuple[Better, float, tuple[float, ...]] = ("higher", 1.3, (1.3, 1.8, 2.5, 4.0))
    for better, target, effects in (lower, higher):
        curve = rate_curve(
            events_before=30, exposure_ratio=1, target=target, better=better, level=0.025, dispersion=1.5, df=20
        )
        values = [curve(effect) for effect in effects]
        assert values[0] <= 0.03
        assert all(np.diff(values) > 0)


def test_shows_as_frame_table_and_picture() -> None:
    result = power(standard_error=0.06, target=0.8, better="lower", effect=0.7, df=30)
    frame = result.to_frame()
    assert list(frame.columns) == ["effect", "probability"]
    assert result.detectable is not None
    assert frame["effect"].min() < result.detectable < 0.8 < frame["effect"].max()
    assert "57.7%" in result._repr_html_()
    assert "0.6724" in result.summary()
    assert [line.get_label() for line in result.plot().axes[0].lines][-1].startswith("detectable")
