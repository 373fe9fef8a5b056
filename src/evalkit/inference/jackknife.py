"""Variance of a contrast from clusters that may stand in both arms: delete-one-cluster jackknife."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.errors import NotEvaluableError
from evalkit.inference.contrast import Array, Estimand, contrast, gradient

_CHUNK = 2_000_000  # numbers in memory at once while replicates are computed


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterVariance:
    """The jackknife's answer.

    Attributes
    ----------
    estimate : the contrast of all clusters, on its working scale (log ratio, difference, level).
    variance : its jackknife variance; the linearised one where the contrast is nothing without some cluster.
    df : effective clusters − 1 of the arm that has fewer, never above clusters − 1.
    replicates : the contrast without each cluster, in the clusters' order: each one's influence.
    clusters, effective : number of clusters and (Σw)²/Σw² in (before, after).
    """

    estimate: float
    variance: float
    df: float
    replicates: Array
    clusters: tuple[int, int]
    effective: tuple[float, float]

    def details(self, estimand: Estimand) -> dict[str, float]:
        """Return the clusters after, and how many equal ones those of the smaller arm that is compared are worth."""
        compared = self.effective if estimand.uses_before else self.effective[1:]
        return {"clusters": float(self.clusters[1]), "effective_clusters": min(compared)}


def effective_clusters(sizes: Array) -> float:
    """Return (Σw)²/Σw², the number of equal clusters that are worth these (Kish 1965, section 11.2).

    >>> effective_clusters(np.array([1.0, 1.0, 1.0, 1.0]))
    4.0
    """
    total = float(sizes.sum())
    return total * total / float((sizes * sizes).sum()) if total > 0 else 0.0


def delete_one(before: Array, after: Array, estimand: Estimand) -> Array:
    """Return the contrast without each cluster in turn.

    `before` is (G, 2, H, S) and `after` (G, 2, S): totals of each cluster in each arm; the same cluster
    stands at the same place in both, zero where an arm lacks it.
    """
    whole_before, whole_after = before.sum(axis=0), after.sum(axis=0)
    rows = max(1, _CHUNK // max(1, whole_before.size + whole_after.size))
    parts = [
        contrast(whole_before - before[i : i + rows], whole_after - after[i : i + rows], estimand)
        for i in range(0, len(before), rows)
    ]
    return np.concatenate(parts)


def cluster_variance(before: Array, after: Array, estimand: Estimand) -> ClusterVariance:
    """Return the contrast's variance between clusters.

    Totals as in `delete_one`. One variance serves ratio, difference and level, standardised or not,
    because the whole estimate is recomputed without each cluster; that the same clusters stand in both
    arms enters through their joint deletion. (Efron and Stein 1981, Annals of Statistics 9, p. 586–596;
    degrees of freedom after Carter, Schnepel and Steigerwald 2017, Review of Economics and Statistics 99,
    p. 698–709: unequal clusters are worth fewer.)

    Where the contrast has no value without some cluster (all events lie in it, or a month or stratum that is
    compared), the replicates cannot tell the variance: the linearised one stands for it, Σψ² over clusters by the
    contrast's gradient, with the degrees of freedom of its terms, (Σψ²)²/Σψ⁴, for it rests on that cluster.

    Raises NotEvaluableError('single_cluster') with fewer than two clusters in an arm that is compared.
    """
    sizes = before[:, 1].sum(axis=(-1, -2)), after[:, 1].sum(axis=-1)
    counts = int((sizes[0] > 0).sum()), int((sizes[1] > 0).sum())
    uses_before = estimand.uses_before
    compared = counts if uses_before else counts[1:]
    if min(compared) < 2:
        raise NotEvaluableError(
            "single_cluster",
            f"One side of the comparison has {min(compared) or 'no'} cluster; the variance between clusters needs "
            "at least 2. Name another cluster column or none.",
        )
    kept = (sizes[0] > 0) | (sizes[1] > 0) if uses_before else sizes[1] > 0
    replicates = np.full(len(before), np.nan)
    replicates[kept] = delete_one(before[kept], after[kept], estimand)
    estimate = float(contrast(before.sum(axis=0), after.sum(axis=0), estimand))
    groups = int(kept.sum())
    with np.errstate(invalid="ignore"):  # what has no logarithm
        deviations = replicates[kept] - estimate
    effective = effective_clusters(sizes[0]), effective_clusters(sizes[1])
    df = min(min(effective if uses_before else effective[1:]) - 1, groups - 1)
    variance = float((groups - 1) / groups * (deviations**2).sum())
    if not np.isfinite(variance):
        squares = _linear_terms(before[kept], after[kept], estimand) ** 2
        variance = float(groups / (groups - 1) * squares.sum())
        df = min(df, effective_clusters(squares))
    return ClusterVariance(
        estimate=estimate,
        variance=variance,
        df=max(df, 0.25),
        replicates=replicates,
        clusters=counts,
        effective=effective,
    )


def _linear_terms(before: Array, after: Array, estimand: Estimand) -> Array:
    """Return each cluster's contribution to the contrast, by its gradient; they sum to zero."""
    slopes = gradient(before.sum(axis=0), after.sum(axis=0), estimand)
    arms = zip((before, after), slopes, strict=True)
    return np.asarray(sum((arm * slope).reshape(len(arm), -1).sum(axis=1) for arm, slope in arms))
