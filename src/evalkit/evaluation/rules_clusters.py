"""Cautions about the units that records belong to: few of them, one that outweighs the others, or decides."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from evalkit.estimands.compare import as_compared
from evalkit.evaluation.flags import Case, flag, unit_name
from evalkit.inference.jackknife import delete_one
from evalkit.results import Flag

HANDFUL = 3  # units that no more records of theirs could make enough


def clusters(case: Case) -> Iterator[Flag]:
    effect, totals, cluster = case.outcome.evaluation.effect, case.outcome.totals, case.question.cluster
    if effect is None or totals is None or not totals.clustered:
        return
    effective = effect.details.get("effective_clusters")
    if effective is not None and effective < 10:
        number = effect.details.get("clusters", 0.0)
        told = (
            "The {clusters:.0f} units of '{cluster}' are worth {effective:.1f} equal ones; so few tell little of how "
            "much units differ."
        )
        figures = {"clusters": number, "cluster": cluster, "effective": effective}
        if number <= HANDFUL:
            told += (
                " Name a finer unit as `cluster`, if records have one, or leave `cluster` out and say that the result "
                "holds for these units only."
            )
            figures["case"] = "handful"
        yield flag("few_clusters", "caution", told, **figures)
    sides = totals.before[:, 1].sum(axis=(1, 2)), totals.after[:, 1].sum(axis=1)
    shares = np.max([side / side.sum() if side.sum() > 0 else side for side in sides], axis=0)
    if shares.max() >= 0.40:
        yield flag(
            "dominating_cluster",
            "caution",
            "One unit of '{cluster}' holds {share:.0f} % of a side's weight; the result is mostly its own.",
            cluster=cluster,
            share=100 * float(shares.max()),
        )
    if None in case.moments.clusters:
        lost = case.moments.cluster == case.moments.clusters.index(None)
        here = case.moments.within([case.comparison.before, *case.comparison.after])
        count = int(case.moments.counts[lost & here, 0].sum())
        if count:
            yield flag(
                "missing_cluster",
                "info",
                "{count} records have no '{cluster}'; together they count as one unit.",
                count=count,
                cluster=cluster,
            )


def influence(case: Case) -> Iterator[Flag]:
    """Look for a cluster without which the estimate lies on the other side of the target."""
    effect, totals, estimand = case.outcome.evaluation.effect, case.outcome.totals, case.outcome.estimand
    direct = case.question.estimator.kind == "direct"
    if effect is None or totals is None or estimand is None or not totals.clustered or not direct:
        return
    if effect.target_value is None or len(totals.before) < 3:
        return
    without = delete_one(totals.before, totals.after, as_compared(estimand))
    values = np.exp(without) if effect.scale == "ratio" else without
    side = np.sign(effect.estimate - effect.target_value)
    crossing = np.flatnonzero(np.isfinite(values) & (np.sign(values - effect.target_value) == -side))
    if side != 0 and len(crossing):
        most = crossing[np.argmax(np.abs(values[crossing] - effect.estimate))]
        label = str(case.moments.clusters[int(most)])
        yield flag(
            "influential_cluster",
            "caution",
            "Without {named} the estimate would be {value:.3f}, on the other side of the target.",
            named=unit_name(case.question.cluster, label),
            cluster=case.question.cluster,
            label=label,
            value=float(values[most]),
        )
