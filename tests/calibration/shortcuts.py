"""What is usually done instead, on the same simulated banks: each gives an interval that its user would judge by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import special

from calibration.scenarios import Scenario
from evalkit.effect import Effect
from evalkit.errors import NotEvaluableError
from evalkit.estimands.compare import compare
from evalkit.evaluation.window import Outcome
from evalkit.moments import Moments

Interval = tuple[str, float, float]


def shortcuts(scenario: Scenario, moments: Moments, outcome: Outcome, effect: Effect) -> Iterator[Interval]:
    """Yield (name, low, high) of the usual shortcuts that apply to the scenario.

    point : the estimate compared with the target. divided : an absolute interval divided by the baseline mean.
    clusters, dispersion : branches, overdispersion of months ignored. ols : a step fitted to the logs of the months'
    values by least squares with independent errors.
    """
    totals, estimand = outcome.totals, outcome.estimand
    yield "point", effect.estimate, effect.estimate
    if totals is None or estimand is None:
        return
    options: dict[str, Any] = {"target": None, "better": None, "confidence": effect.confidence}
    try:
        if scenario.scale == "ratio" and effect.before:
            change = compare(totals, replace(estimand, scale="difference"), **options)
            yield "divided", 1 + change.low / effect.before, 1 + change.high / effect.before
        if scenario.branches:
            plain = compare(totals.unclustered(), estimand, **options)
            yield "clusters", plain.low, plain.high
        if scenario.kind == "rate" and scenario.dispersion > 1:
            exact = compare(replace(totals, months=None), estimand, **options)
            yield "dispersion", exact.low, exact.high
    except NotEvaluableError:
        return
    if scenario.group == "months":
        yield "ols", *_least_squares(scenario, moments)


def _least_squares(scenario: Scenario, moments: Moments) -> tuple[float, float]:
    starts, place = np.unique(moments.start, return_inverse=True)
    a, b = (np.bincount(place, moments.sums[:, column]) for column in (0, 1))
    y, after = np.log(a / b), starts >= np.datetime64(scenario.window.start)
    step = y[after].mean() - y[~after].mean()
    squares = sum(((y[arm] - y[arm].mean()) ** 2).sum() for arm in (after, ~after))
    error = np.sqrt(squares / (y.size - 2) * (1 / after.sum() + 1 / (~after).sum()))
    reach = special.stdtrit(y.size - 2, 0.975) * error
    return float(np.exp(step - reach)), float(np.exp(step + reach))
