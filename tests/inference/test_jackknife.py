"""Delete-one-cluster jackknife."""

import csv
from pathlib import Path

import numpy as np
import pytest

from evalkit.errors import NotEvaluableError
from evalkit.inference.contrast import Estimand
from evalkit.inference.jackknife import cluster_variance, delete_one, effective_clusters


def arms(rng: np.random.Generator, clusters: int = 12, strata: int = 3) -> tuple[np.ndarray, np.ndarray]:
    b = [rng.integers(5, 40, (clusters, strata)).astype(float) for _ in range(2)]
    a = [count * rng.uniform(0.5, 1.5, (clusters, strata)) for count in b]
    return np.stack([a[0], b[0]], axis=1)[:, :, None, :], np.stack([a[1], b[1]], axis=1)


@pytest.mark.parametrize("scale", ["ratio", "difference", "level"])
@pytest.mark.parametrize("standardised", [False, True])
def test_replicates_are_the_estimates_without_each_cluster(scale: str, standardised: bool) -> None:
    before, after = arms(np.random.default_rng(1))
    estimand = Estimand(scale=scale, standardised=standardised)  # type: ignore[arg-type]
    found = delete_one(before, after, estimand)
    for left_out in (0, 5, 11):
        keep = np.arange(12) != left_out
        b, a = before[keep].sum(axis=(0, 2)), after[keep].sum(axis=0)
        if standardised:
            share = b[1] / b[1].sum()
            values = [float((share * arm[0] / arm[1]).sum()) for arm in (b, a)]
        else:
            values = [float(arm[0].sum() / arm[1].sum()) for arm in (b, a)]
        expected = {"ratio": np.log(values[1] / values[0]), "difference": values[1] - values[0], "level": values[1]}
        assert found[left_out] == pytest.approx(expected[scale], rel=1e-12)


def test_equal_clusters_give_the_textbook_variance_of_a_mean() -> None:
    """With equal sizes the jackknife variance of a mean is s²/G exactly (Efron 1982, section 3.2)."""
    means = np.array([3.0, 5, 4, 8, 6, 7])
    after = np.stack([means * 10, np.full(6, 10.0)], axis=1)[:, :, None]
    found = cluster_variance(np.zeros((6, 2, 1, 1)), after, Estimand(scale="level"))
    assert found.variance == pytest.approx(means.var(ddof=1) / 6, rel=1e-12)
    assert found.df == pytest.approx(5)


def test_a_lasting_difference_of_branches_cancels() -> None:
    """Branches that all change by the same factor, in equal mix, leave no variance in the ratio."""
    level = np.array([1.0, 2, 5, 3])
    before = np.stack([level * 20, np.full(4, 20.0)], axis=1)[:, :, None, None]
    after = np.stack([0.8 * level * 10, np.full(4, 10.0)], axis=1)[:, :, None]
    found = cluster_variance(before, after, Estimand(scale="ratio"))
    assert found.estimate == pytest.approx(np.log(0.8))
    assert found.variance == pytest.approx(0, abs=1e-25)


def test_scaling_units_and_reordering_clusters_change_nothing() -> None:
    before, after = arms(np.random.default_rng(2))
    estimand = Estimand(scale="ratio", standardised=True)
    base = cluster_variance(before, after, estimand)
    shuffled = np.random.default_rng(3).permutation(12)
    scaled_before, scaled_after = before.copy(), after.copy()
    scaled_before[:, 0] *= 60
    scaled_after[:, 0] *= 60
    again = cluster_variance(scaled_before[shuffled], scaled_after[shuffled], estimand)
    assert again.estimate == pytest.approx(base.estimate, rel=1e-9)
    assert again.variance == pytest.approx(base.variance, rel=1e-9)
    assert again.df == pytest.approx(base.df, rel=1e-9)


def test_swapping_arms_negates_the_log_ratio() -> None:
    before, after = arms(np.random.default_rng(4))
    there = cluster_variance(before, after, Estimand(scale="ratio"))
    back = cluster_variance(after[:, :, None, :], before[:, :, 0, :], Estimand(scale="ratio"))
    assert back.estimate == pytest.approx(-there.estimate)
    assert back.variance == pytest.approx(there.variance)


def test_unequal_clusters_are_worth_fewer() -> None:
    assert effective_clusters(np.array([97.0, 1, 1, 1])) == pytest.approx(100**2 / (97**2 + 3))
    assert effective_clusters(np.zeros(3)) == 0


def test_one_cluster_is_not_evaluable() -> None:
    before, after = arms(np.random.default_rng(5), clusters=1)
    with pytest.raises(NotEvaluableError, match="at least 2") as raised:
        cluster_variance(before, after, Estimand(scale="ratio"))
    assert raised.value.code == "single_cluster"


@pytest.mark.seconds
@pytest.mark.parametrize(("clusters", "unequal"), [(5, False), (20, False), (20, True)])
def test_coverage_with_few_clusters(clusters: int, unequal: bool) -> None:
    """Coverage of the nominal 95 % interval, seeded; methods.md asks for 93.5 to 97 % (99 % Wilson interval)."""
    from scipy import special, stats

    rng = np.random.default_rng(20250101)
    draws, inside = 1500, 0
    for _ in range(draws):
        share = np.exp(rng.normal(0, 1.2 if unequal else 0, clusters))
        sizes = [np.maximum(1, rng.poisson(total * share / share.sum())) for total in (2000, 500)]
        branch = rng.normal(0, 0.1, clusters)
        values = [
            np.exp(branch + rng.normal(0, 0.08, clusters)) * (1 + 0.8 * rng.normal(size=clusters) / np.sqrt(n))
            for n in sizes
        ]
        totals = [np.stack([v * n, n.astype(float)], axis=1) for v, n in zip(values, sizes, strict=True)]
        found = cluster_variance(totals[0][:, :, None, None], totals[1][:, :, None], Estimand(scale="ratio"))
        truth = np.log(np.average(np.exp(branch), weights=sizes[1]) / np.average(np.exp(branch), weights=sizes[0]))
        inside += abs(found.estimate - truth) <= special.stdtrit(found.df, 0.975) * np.sqrt(found.variance)
    interval = stats.binomtest(inside, draws).proportion_ci(0.99, "wilson")
    assert interval.high >= 0.935
    assert interval.low <= 0.97


REFERENCE = Path(__file__).parents[1] / "reference"


def districts(sample: str) -> dict[str, np.ndarray]:
    """Return the sums by district that tests/reference/survey.R writes."""
    with (REFERENCE / "survey_districts.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["sample"] == sample]
    return {name: np.array([float(row[name]) for row in rows]) for name in ("w", "w00", "w99", "we")}


def arm(sums: dict[str, np.ndarray], name: str) -> np.ndarray:
    return np.stack([sums[name], sums["w"]], axis=1)[:, :, None]


@pytest.mark.parametrize("sample", ["apiclus1", "apiclus2"])
def test_weighted_clustered_samples_are_those_of_r_survey(sample: str) -> None:
    sums = districts(sample)
    with (REFERENCE / "survey.csv").open(encoding="utf-8") as file:
        known = {row["name"].removeprefix(f"{sample}."): float(row["value"]) for row in csv.DictReader(file)}
    for name, column in (("api00", "w00"), ("api99", "w99"), ("e", "we")):
        found = cluster_variance(arm(sums, column)[:, :, None], arm(sums, column), Estimand(scale="level"))
        assert found.estimate == pytest.approx(known[f"{name}.estimate"], rel=1e-10)
        assert np.sqrt(found.variance) == pytest.approx(known[f"{name}.se"], rel=1e-9)
    for scale, name in (("ratio", "log"), ("difference", "difference")):
        found = cluster_variance(arm(sums, "w99")[:, :, None], arm(sums, "w00"), Estimand(scale=scale))
        assert found.estimate == pytest.approx(known[f"{name}.estimate"], rel=1e-10)
        assert np.sqrt(found.variance) == pytest.approx(known[f"{name}.se"], rel=1e-9)


def test_published_standard_errors_of_school_districts() -> None:
    # printed by svymean on apiclus1, JK1 with 15 of 757 districts sampled: the survey package's documentation, "Simple
    # summary statistics" (r-survey.r-forge.r-project.org/survey/example-summary.html); squares about the replicates' mean
    sums, left = districts("apiclus1"), np.sqrt(1 - 15 / 757)
    for column, mean, error in (("w00", 644.169399, 26.3294), ("w99", 606.978142, 26.9985), ("we", 0.786885, 0.0514)):
        found = cluster_variance(arm(sums, column)[:, :, None], arm(sums, column), Estimand(scale="level"))
        assert found.estimate == pytest.approx(mean, abs=5e-7)
        spread = np.sqrt(14 / 15 * ((found.replicates - found.replicates.mean()) ** 2).sum())
        assert left * spread == pytest.approx(error, abs=5e-5)
