"""The ratio of two means from plain arrays."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evalkit.effect import Better, Effect, cautioned
from evalkit.errors import NotEvaluableError, ParameterError, shown
from evalkit.estimands.compare import compare
from evalkit.estimands.totals import COMMON_STRATA_CAUTION, COMMON_STRATA_FLOOR, Totals, common_shares, powers
from evalkit.inference import columns
from evalkit.inference.contrast import Array, Estimand


def ratio_of_means(
    before: ArrayLike,
    after: ArrayLike,
    *,
    target: float | None = None,
    better: Better = "higher",
    clusters: tuple[ArrayLike, ArrayLike] | None = None,
    weights: tuple[ArrayLike, ArrayLike] | None = None,
    strata: tuple[ArrayLike, ArrayLike] | None = None,
    confidence: float = 0.95,
) -> Effect:
    """Estimate the ratio of arithmetic means, after ÷ before, with interval and tests.

    Columns are lists, or of NumPy, pandas, Polars or PyArrow; the result is the same.

    Parameters
    ----------
    before, after : one value per record, shapes (n,) and (m,), in the same unit.
    target : the promised ratio: 1.10 for +10 %, 0.80 for −20 %.
    better : 'higher' or 'lower' values are good. A target on the worse side of no change is warned of.
    clusters : labels (before, after) of the unit whose records move together, such as the branch. A missing label
        is a unit of its own, and a stratum of its own.
    weights : survey weights (before, after), zero or more.
    strata : labels (before, after); both means are standardised to the strata's shares before. Records in strata
        that only one arm has are left out, with a warning where fewer than 95 % of an arm are kept.
    confidence : level of the two-sided interval; the target is tested one-sided at half of 1 − confidence.

    Returns
    -------
    Effect on the ratio scale. With clusters the variance is a delete-one-cluster jackknife and t has
    effective clusters − 1 degrees of freedom; without, it is linearised over records and corrected for
    skewness (Hall 1992, The Bootstrap and Edgeworth Expansion, section 2.4 and 3.8). With strata `details` holds
    `strata_kept_before` and `strata_kept_after`, the share of each arm's weight (of its records, without weights) that
    lies in strata both arms have.

    Raises
    ------
    ParameterError : shapes that differ, missing or infinite values, negative weights.
    NotEvaluableError : an empty arm, fewer than two clusters, a baseline mean of zero or less, no variation, less
        than 80 % of an arm in strata that both have (`strata_not_common`).

    >>> before, after = [10, 12, 14, 9, 11, 13, 12, 10], [8, 9, 9.5, 7, 8.5, 8, 9, 7.5]
    >>> effect = ratio_of_means(before, after, target=0.90, better="lower")
    >>> round(effect.estimate, 4), effect.verdict
    (0.7308, 'achieved')
    """
    y = _values(before, "before"), _values(after, "after")
    beside = {"clusters": clusters, "weights": weights, "strata": strata}
    pairs = {name: _pair(given, name) for name, given in beside.items() if given is not None}
    for side, (name, arm) in enumerate((("before", before), ("after", after))):
        columns.check_order((name, arm), *((f"{key}[{side}]", pair[side]) for key, pair in pairs.items()))
    w = [np.ones_like(arm) for arm in y]
    if weights is not None:
        w = [_values(pairs["weights"][i], f"weights of the arm {name}") for i, name in enumerate(("before", "after"))]
    for arm, weight, name in zip(y, w, ("before", "after"), strict=True):
        if weight.shape != arm.shape:
            raise ParameterError(f"weights: the arm {name} has {arm.size} values and {weight.size} weights.")
        if (weight < 0).any():
            raise ParameterError(f"weights: the arm {name} has a negative weight; weights are zero or more.")
    cluster, groups = _codes(pairs.get("clusters"), y, "clusters")
    stratum, kinds = _codes(pairs.get("strata"), y, "strata")
    sums, second = [], []
    for arm, weight, c, s in zip(y, w, cluster, stratum, strict=True):
        total = np.zeros((groups, 2, kinds))
        np.add.at(total[:, 0], (c, s), weight * arm)
        np.add.at(total[:, 1], (c, s), weight)
        sums.append(total)
        second.append(np.stack([powers((weight * arm)[s == k], weight[s == k]) for k in range(kinds)], axis=-1))
    totals = Totals(
        kind="mean",
        before=sums[0][:, :, None, :],
        after=sums[1],
        before_powers=second[0][:, None, :],
        after_powers=second[1],
        records=(int(y[0].size), int(y[1].size)),
        clustered=clusters is not None,
        plain=weights is None,
    )
    estimand = Estimand(scale="ratio", standardised=strata is not None)
    kept = common_shares(totals)
    if strata is not None and 0 < min(kept) < COMMON_STRATA_FLOOR:
        raise NotEvaluableError(
            "strata_not_common",
            f"Only {_percent(kept)} lie in strata that both have; at least 80 % of each are needed to hold the mix.",
        )
    effect = compare(totals, estimand, target=target, better=better, confidence=confidence)
    if strata is not None:
        if min(kept) < COMMON_STRATA_CAUTION:
            warnings.warn(f"strata: {_percent(kept)} lie in strata that both have; the rest is left out.", stacklevel=2)
        shares = {"strata_kept_before": kept[0], "strata_kept_after": kept[1]}
        effect = replace(effect, details=effect.details | shares)
    return cautioned(effect)


def _percent(kept: tuple[float, float]) -> str:
    return f"{100 * kept[0]:.3g} % of the arm before and {100 * kept[1]:.3g} % of the arm after"


def _pair(given: Any, name: str) -> tuple[Any, Any]:
    """Return what was given for either arm, or raise ParameterError where it is one column, or no column."""
    parts = tuple(given) if hasattr(given, "__iter__") else ()
    if len(parts) != 2 or isinstance(given, str) or any(isinstance(p, str) or not hasattr(p, "__len__") for p in parts):
        raise ParameterError(f"{name} is {shown(given)}; give a pair (before, after), one column for each arm.")
    return parts[0], parts[1]


def _values(given: ArrayLike, name: str) -> Array:
    values = columns.numbers(given, name)
    if values.ndim != 1:
        raise ParameterError(f"{name}: expected one dimension, got shape {values.shape}.")
    if not np.isfinite(values).all():
        count = int((~np.isfinite(values)).sum())
        raise ParameterError(f"{name}: {count} of {values.size} values are missing or infinite; leave them out first.")
    return values


def _codes(labels: tuple[Any, Any] | None, arms: Sequence[Array], name: str) -> tuple[list[NDArray[np.intp]], int]:
    """Return both arms' labels as codes of one common list, and how many there are."""
    if labels is None:
        return [np.zeros(arm.size, dtype=np.intp) for arm in arms], 1
    given = [columns.labels(part, name) for part in labels]
    for part, arm, side in zip(given, arms, ("before", "after"), strict=True):
        if part.shape != arm.shape:
            raise ParameterError(f"{name}: the arm {side} has {arm.size} values and {part.size} labels.")
    together = [(label is None, str(label)) for part in given for label in part]
    unique = {label: i for i, label in enumerate(sorted(set(together)))}
    codes = np.array([unique[label] for label in together], dtype=np.intp)
    return [codes[: arms[0].size], codes[arms[0].size :]], len(unique)
