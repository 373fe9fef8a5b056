"""A staggered roll-out: each unit's change against that of the units not yet reached in the same months.

A reached unit's expected total in a month is its exposure × its own value before × the growth since then of the
units still waiting, each against its own value before. The effect is the observed total of the reached units'
months over the expected one, so months and units count by their treated exposure, a market that moves everywhere
cancels, and a unit or month without events needs no logarithm of its own. With two groups and two periods it is the
plain difference-in-differences on the log scale.

Groups by month of reach and not-yet-reached controls: Callaway and Sant'Anna (2021), Journal of Econometrics 225,
p. 200-230, sections 2.1-2.3. Variance: delete-one-unit jackknife (Efron and Stein 1981, Annals of Statistics 9,
p. 586-596), t with the effective units − 1 of both sides joined by Satterthwaite's rule; its intervals covered 94.5 to
97 % in tests/calibration/staggered.py, with three units waiting and with twenty.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evalkit.effect import Better, Effect, cautioned, conclude
from evalkit.errors import NotEvaluableError, ParameterError, nearest, shown
from evalkit.estimands.staggered_result import EventMonth, RolloutEffect
from evalkit.estimands.time_axis import ends_of, label_of, labels_of
from evalkit.inference import columns
from evalkit.inference.contrast import Array
from evalkit.inference.jackknife import effective_clusters
from evalkit.inference.multiplicity import adjust
from evalkit.inference.student import StudentPivot, satterthwaite

LEADS = 6
"""Months before reach that the pre-trend test looks at."""
NEVER = np.iinfo(np.int64).max // 2
"""Month of reach of a unit not reached."""

Months = NDArray[np.int64]
Mask = NDArray[np.bool_]


def staggered_rollout(
    values: ArrayLike,
    units: ArrayLike,
    times: Any,
    reached: Mapping[Any, Any],
    *,
    exposure: ArrayLike | None = None,
    baseline: tuple[Any, Any] | None = None,
    window: tuple[Any, Any] | None = None,
    target: float | None = None,
    better: Better | None = None,
    confidence: float = 0.95,
) -> RolloutEffect:
    """Estimate the effect of measures that reached units at different dates, against units not yet reached.

    Columns are lists, or of NumPy, pandas, Polars or PyArrow; the result is the same.

    Parameters
    ----------
    values, exposure : totals (n,) whose ratio is the metric: sum of values and number of records, events and time at
        risk, successes and trials. Without exposure each value counts as one record.
    units, times : (n,) each entry's unit and its date or month number; entries of a unit in a month are summed.
    reached : when each unit was reached; a unit that is missing here, or None, was not. The month in which a unit was
        reached after its first day counts for neither side.
    baseline : first and last time of the months that a unit's value before is taken from, as far as they lie before
        its reach; all of them if None.
    window : first and last time of the months whose effect is estimated; all if None.
    target, better, confidence : as in `rate_ratio`; the target is a ratio.

    Returns
    -------
    RolloutEffect : `before` is the value expected without the measures, `after` the observed one, among reached units.

    Raises
    ------
    ParameterError : shapes differ, a value is missing, an exposure is negative, a unit in `reached` is unknown.
    NotEvaluableError : no unit is left to compare with (`no_waiting_units`), or fewer than two units are reached or
        waiting (`too_few_units`).

    Source: Callaway and Sant'Anna (2021), Journal of Econometrics 225, p. 200-230.

    >>> units, months = np.repeat(list("abcd"), 4), np.tile([1, 2, 3, 4], 4)
    >>> values = [10, 11, 9, 9, 20, 21, 17, 19, 30, 31, 34, 33, 40, 41, 44, 46]
    >>> effect = staggered_rollout(values, units, months, {"a": 3, "b": 3})
    >>> round(effect.estimate, 4), effect.units_reached, effect.units_waiting
    (0.7878, 2, 2)
    """
    labels = labels_of(times, "times")
    names, unit = _units(units)
    columns.check_order(("values", values), ("units", units), ("times", times), ("exposure", exposure))
    given = [_numbers(values, "values", labels.shape)]
    given.append(np.ones(labels.shape) if exposure is None else _numbers(exposure, "exposure", labels.shape))
    if unit.shape != labels.shape:
        raise ParameterError(f"units has the shape {unit.shape}, times {labels.shape}; expected one for each time.")
    for name, numbers in zip(("values", "exposure"), given, strict=True):
        if (numbers < 0).any():
            raise ParameterError(f"{name} holds {numbers.min():g}; expected zero or more.")
    months, place = np.unique(_month(labels), return_inverse=True)
    totals = np.zeros((names.size, months.size, 2, 1))
    for column, numbers in enumerate(given):
        np.add.at(totals[..., column, 0], (unit, place), numbers)
    month, first = _reach(reached, names.tolist(), labels)
    spans = [_span(months, span, name, labels) for span, name in ((baseline, "baseline"), (window, "window"))]
    effect = rollout_effect(
        totals,
        months,
        month,
        first,
        baseline=spans[0],
        evaluated=spans[1],
        target=target,
        better=better,
        confidence=confidence,
    )
    return cautioned(effect)


def rollout_effect(
    totals: Array,
    months: Months,
    reached: Months,
    first: Months,
    *,
    baseline: Mask,
    evaluated: Mask,
    target: float | None,
    better: Better | None,
    confidence: float,
) -> RolloutEffect:
    """Return the effect of a staggered roll-out.

    Parameters
    ----------
    totals : (U, T, 2, S) Σa and Σb of each unit, sub-period and stratum; where there are strata, each is compared
        with its own past, so that their mix is held.
    months : (T,) the month number of each sub-period.
    reached, first : (U,) the month in which a unit was reached, NEVER if it was not, and its first month wholly after.
    baseline, evaluated : (T,) sub-periods of the values before, and those whose effect is estimated.

    Raises NotEvaluableError as `staggered_rollout`.
    """
    cohorts = np.unique(reached[reached < NEVER])
    lags = int(months.max() - cohorts.min()) + 1 if cohorts.size else 0
    window, course = _Sums.zeros(1, len(reached)), _Sums.zeros(LEADS + max(lags, 0), len(reached))
    for cohort in cohorts:
        after = months >= cohort
        own = (reached == cohort)[:, None] & (~after | (months >= first[:, None]))
        waiting = (reached > cohort)[:, None] & (months < reached[:, None])
        found = _compared(totals, baseline & ~after, own, waiting)
        window.add(found, np.where(evaluated & after, 0, -1))
        course.add(found, months - cohort + LEADS)
    _check_sides(totals, months, reached, first, evaluated, window)
    pivot, error, effective = _pivot(*window.of(0))
    exposure = window.weights[0, 0].sum()
    effect = conclude(
        pivot,
        scale="ratio",
        target=target,
        better=better,
        confidence=confidence,
        before=window.totals[0, 0, 1] / exposure,
        after=window.totals[0, 0, 0] / exposure,
        details={"standard_error": error, "effective_units": effective},
    )
    rows = tuple(row for k in range(len(course.totals)) if (row := _event(course, k, confidence)) is not None)
    before = [row.p_change for row in rows if row.month < 0]
    return RolloutEffect(
        **{slot.name: getattr(effect, slot.name) for slot in fields(Effect)},
        units_reached=int((window.weights[0, 0] > 0).sum()),
        units_waiting=int((window.weights[0, 1] > 0).sum()),
        event_study=rows,
        pre_trend_p=min(adjust(before)) if before else None,
    )


@dataclass(frozen=True, slots=True)
class _Sums:
    """Observed and expected totals by bin, of all units and without each; exposure weights of either side's units."""

    totals: Array  # (K, 1 + U, 2)
    weights: Array  # (K, 2, U): reached, waiting

    @classmethod
    def zeros(cls, bins: int, units: int) -> _Sums:
        return cls(np.zeros((bins, 1 + units, 2)), np.zeros((bins, 2, units)))

    def add(self, found: tuple[Array, Array], bins: NDArray[Any]) -> None:
        """Add sub-periods (last axis) to their bins; those with none are left out."""
        inside = (bins >= 0) & (bins < len(self.totals))
        for sums, parts in zip((self.totals, self.weights), found, strict=True):
            np.add.at(sums, bins[inside], np.moveaxis(parts, -1, 0)[inside])

    def of(self, place: int) -> tuple[Array, Array]:
        return self.totals[place], self.weights[place]


@np.errstate(divide="ignore", invalid="ignore")
def _compared(totals: Array, base: Mask, own: Mask, waiting: Mask) -> tuple[Array, Array]:
    """Return a cohort's observed and expected totals (1 + U, 2, T) and the sides' exposure weights (2, U, T).

    A unit's value before leaves out the sub-period that is compared with it, where the base holds that one too. A
    sub-period in which fewer than two of the units waiting have a value before above zero is left out: without one of
    them nothing could be expected.
    """
    a, b = totals[:, :, 0], totals[:, :, 1]
    inside = base[None, :, None]
    prior_a, prior_b = ((x * inside).sum(axis=1, keepdims=True) - x * inside for x in (a, b))
    known = prior_b > 0
    prior = np.where(known, prior_a / prior_b, 0.0)
    observed, expected = (a * known).sum(axis=2), (b * prior).sum(axis=2)
    exposure = (b * known).sum(axis=2)
    held = waiting & (exposure > 0)
    enough = (held & (expected > 0)).sum(axis=0) >= 2
    mine, theirs = own & enough, held & enough
    seen, foreseen = observed * theirs, expected * theirs
    growth = np.where(enough, seen.sum(axis=0) / foreseen.sum(axis=0), 0.0)
    growth_without = np.where(enough, (seen.sum(axis=0) - seen) / (foreseen.sum(axis=0) - foreseen), 0.0)
    part = theirs * exposure / np.where(enough, (theirs * exposure).sum(axis=0), 1.0)
    reached_seen, reached_prior = observed * mine, expected * mine
    whole = np.stack([reached_seen.sum(axis=0), reached_prior.sum(axis=0) * growth])
    without = np.stack([whole[0] - reached_seen, (reached_prior.sum(axis=0) - reached_prior) * growth_without], axis=1)
    treated = exposure * mine
    return np.concatenate([whole[None], without]), np.stack([treated, part * treated.sum(axis=0)])


def _check_sides(totals: Array, months: Months, reached: Months, first: Months, evaluated: Mask, sums: _Sums) -> None:
    """Raise NotEvaluableError where the window has not two units on either side."""
    exposed = (totals[:, :, 1].sum(axis=2) > 0) & evaluated
    treated = exposed & (months >= first[:, None])
    waiting = exposed & (months < reached[:, None]) & treated.any(axis=0)
    if treated.any() and not waiting.any():
        raise NotEvaluableError("no_waiting_units", "All units had been reached; none is left to compare with.")
    if not sums.weights.any():
        counts = [int(side.any(axis=1).sum()) for side in (treated, waiting)]
        raise NotEvaluableError(
            "too_few_units",
            f"The window has {counts[0]} units with a whole month since reach and {counts[1]} still waiting then; two "
            "of each, with records before and in the same month, are needed.",
        )


@np.errstate(divide="ignore", invalid="ignore")
def _pivot(totals: Array, weights: Array) -> tuple[StudentPivot, float, float]:
    """Return the procedure for one bin, its standard error (log scale) and the smaller side's effective units."""
    logs = np.log(totals[:, 0]) - np.log(totals[:, 1])
    reached = weights[0] > weights[1]
    sides = (reached, weights[0]), (~reached & (weights[1] > 0), weights[1])
    units, variances, sizes = sum(int(side.sum()) for side, _ in sides), [], []
    for side, weight in sides:
        if side.sum() < 2:
            raise NotEvaluableError("too_few_units", "Fewer than two units stand on one side of the comparison.")
        variances.append(float((units - 1) / units * ((logs[1:][side] - logs[0]) ** 2).sum()))
        sizes.append(effective_clusters(weight[side]))
    if not np.isfinite(logs[0]) or not np.isfinite(sum(variances)):
        raise NotEvaluableError("too_few_units", "A side, or all of it but one unit, has no total above zero.")
    df = satterthwaite(variances, [max(size - 1, 0.25) for size in sizes]) if sum(variances) > 0 else min(sizes) - 1
    error = float(np.sqrt(sum(variances)))
    # of a side that is nearly one unit df falls below 1, and t has no interval worth the name: 3e-12 to 2e11
    pivot = StudentPivot(
        estimate=float(np.exp(logs[0])),
        se=error,
        df=max(1.0, df),
        method="difference-in-differences, unit jackknife, t, log scale",
        link="log",
    )
    return pivot, error, min(sizes)


def _event(course: _Sums, place: int, confidence: float) -> EventMonth | None:
    """Return one month of the event study, or None where it has not two units on either side."""
    try:
        pivot = _pivot(*course.of(place))[0]
    except NotEvaluableError:
        return None
    low, high = pivot.interval(confidence)
    p_change = min(1.0, 2 * min(pivot.tails(1.0)))
    return EventMonth(month=place - LEADS, estimate=pivot.estimate, low=low, high=high, p_change=p_change)


def _units(given: ArrayLike) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Return the units, sorted, and each entry's place among them."""
    labels = columns.labels(given, "units")
    for place, label in enumerate(labels.ravel()):
        if label is None:
            raise ParameterError(f"units[{place}] is missing; leave such entries out of all lists.")
    try:
        return np.unique(labels, return_inverse=True)
    except TypeError:
        kinds = ", ".join(sorted({type(label).__name__ for label in labels.ravel()}))
        raise ParameterError(f"units mixes labels of several kinds ({kinds}); give all as one, such as text.") from None


def _month(labels: NDArray[Any]) -> Months:
    return labels.astype("datetime64[M]").astype(np.int64) if labels.dtype.kind == "M" else labels


def months_of_reach(days: NDArray[Any]) -> tuple[Months, Months]:
    """Return the months in which units were reached and their first months wholly after; NaT is never.

    >>> months = months_of_reach(np.array(["1970-03-01", "1970-03-02"], dtype="datetime64[D]"))
    >>> [part.tolist() for part in months]
    [[2, 2], [2, 3]]
    """
    month = _month(days)
    late = days > days.astype("datetime64[M]")
    never = np.isnat(days)
    return np.where(never, NEVER, month), np.where(never, NEVER, month + late)


def _reach(reached: Mapping[Any, Any], names: list[Any], labels: NDArray[Any]) -> tuple[Months, Months]:
    if not hasattr(reached, "items"):
        raise ParameterError(f"reached is {shown(reached)}; expected a mapping of each unit to its date.")
    known = {columns.plain(name): columns.plain(when) for name, when in reached.items()}
    for name in known:
        if name not in names:
            listed = [str(unit) for unit in names]
            raise ParameterError(
                f"reached names the unit {name!r}, which is not among the units.{nearest(str(name), listed)}"
            )
    known = {name: label_of(when, f"reached[{name!r}]", labels) for name, when in known.items() if when is not None}
    if labels.dtype.kind != "M":
        month = np.array([known.get(name, NEVER) for name in names], dtype=np.int64)
        return month, month
    return months_of_reach(np.array([known.get(name, "NaT") for name in names], dtype="datetime64[D]"))


def _span(months: Months, span: tuple[Any, Any] | None, name: str, labels: NDArray[Any]) -> Mask:
    if span is None:
        return np.ones(months.shape, dtype=bool)
    low, high = _month(np.array(ends_of(span, name, labels)))
    inside: Mask = (months >= low) & (months <= high)
    return inside


def _numbers(given: ArrayLike, name: str, shape: tuple[int, ...]) -> Array:
    numbers = columns.numbers(given, name)
    if numbers.shape != shape or not np.isfinite(numbers).all():
        raise ParameterError(f"{name} must hold one finite number for each time; leave missing ones out of all lists.")
    return numbers
