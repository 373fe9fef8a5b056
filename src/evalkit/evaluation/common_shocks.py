"""The months of a goal's baseline, and what their shocks add to a comparison."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evalkit.effect import Scale
from evalkit.errors import NotEvaluableError
from evalkit.estimands.compare import record_variance
from evalkit.estimands.totals import Totals
from evalkit.evaluation.arms import months_held
from evalkit.evaluation.windows import Comparison
from evalkit.inference.contrast import Array, Estimand, contrast
from evalkit.inference.jackknife import cluster_variance
from evalkit.inference.shocks import MONTHS_FOR_SEASON, Added, MonthShocks, month_shocks
from evalkit.moments import Moments, unclustered
from evalkit.periods import Window

if TYPE_CHECKING:
    from evalkit.study import Study


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineMonths:
    """The baseline's months: number (January 1970 is 0), deviation on the working scale, its sampling variance."""

    months: NDArray[np.int64]
    values: Array
    sampling: Array

    def shocks(self, step_at: date | None = None) -> MonthShocks | None:
        """Return the shocks of whole months, None with fewer than 12; a step at `step_at` is none."""
        month = None if step_at is None else _number(step_at)
        return month_shocks(self.months, self.values, self.sampling, step_at=month)


def shocks_enter(study: Study, question: Any) -> bool:
    """Return whether the shocks of months enter intervals: where the study wants them, but a rate's dispersion has."""
    return study.inference.common_shocks == "auto" and question.metric.kind != "rate"


def baseline_shocks(
    study: Study, question: Any, moments: Moments, scale: Scale, months: BaselineMonths | None = None
) -> MonthShocks | None:
    """Return the shocks of the baseline's months, which a caller may know already; None where they do not enter.

    Where the same months are compared, and the baseline is too short to tell its season from shocks, the months since
    the programme help once enough calendar months stand on both sides: what remains beyond a level of every calendar
    month and the programme's step is no season.
    """
    if not shocks_enter(study, question):
        return None
    months = months or baseline_months(question, moments, study.baseline, scale)
    if question.compare_with == "same-months" and scale != "level" and len(months.months) < MONTHS_FOR_SEASON:
        paired = _paired_shocks(study, question, moments, scale)
        if paired is not None:
            return paired
    return months.shocks()


def _paired_shocks(study: Study, question: Any, moments: Moments, scale: Scale) -> MonthShocks | None:
    if not len(moments.start):
        return None
    phase_in = study.windows_of(question)[1]
    last = max(moments.start.max().astype(date), study.programme_start)
    after = Window(study.programme_start, last).minus(phase_in)
    found = list(_deviations(question, moments, study.baseline, scale, after))
    months = np.array([number for number, *_ in found], dtype=np.int64)
    later = np.array([is_later for _, is_later, *_ in found], dtype=bool)
    values, sampling = (np.array([one[place] for one in found]) for place in (2, 3))
    return month_shocks(months, values, sampling, later=later)


def baseline_months(question: Any, moments: Moments, baseline: Window, scale: Scale) -> BaselineMonths:
    """Return the baseline's months.

    A month's deviation is its contrast with the whole baseline, on the working scale; its sampling variance is
    the jackknife of that contrast over clusters, so a branch's lasting difference is in neither, or the
    linearised variance over records, or that of a count. Months that cannot be compared are left out.
    """
    found = list(_deviations(question, moments, baseline, scale))
    return BaselineMonths(
        months=np.array([number for number, *_ in found], dtype=np.int64),
        values=np.array([one[2] for one in found]),
        sampling=np.array([one[3] for one in found]),
    )


def _deviations(
    question: Any, moments: Moments, baseline: Window, scale: Scale, after: Sequence[Window] = ()
) -> Iterator[tuple[int, bool, float, float]]:
    """Yield number, whether it is one of `after`, deviation and sampling variance of each month that has them."""
    working: Scale = "difference" if scale == "level" else scale
    estimand = Estimand(scale=working, standardised=bool(question.standardise_by))
    for number, later, totals in _month_totals(question, moments, baseline, after):
        try:
            value, variance = _deviation(totals, estimand)
        except NotEvaluableError:
            continue
        if np.isfinite(value) and np.isfinite(variance):
            yield number, later, value, variance


def _month_totals(
    question: Any, moments: Moments, baseline: Window, after: Sequence[Window]
) -> Iterator[tuple[int, bool, Totals]]:
    """Yield each month of the baseline, and of `after`, against the whole baseline, every cell summed once."""
    before, later = moments.within([baseline]), moments.within(after)
    if not before.any():
        return
    inside = before | later
    numbers = moments.start[inside].astype("datetime64[M]").astype(np.int64)
    codes, place = np.unique(2 * numbers + later[inside], return_inverse=True)
    clustered, stratified = question.cluster is not None, bool(question.standardise_by)
    groups = len(moments.clusters) if clustered else 1
    kinds = max(1, len(moments.strata)) if stratified else 1
    cluster = moments.cluster[inside] if clustered else np.zeros_like(place)
    stratum = moments.stratum[inside] if stratified else np.zeros_like(place)
    code, shape = (place * groups + cluster) * kinds + stratum, (len(codes), groups, kinds)
    sums = np.stack(
        [
            np.bincount(code, weights=column, minlength=int(np.prod(shape))).reshape(shape)
            for column in moments.sums[inside].T
        ]
    )
    records = np.bincount(place, weights=moments.counts[inside, 0], minlength=len(codes))
    first = codes % 2 == 0
    whole, powers = sums[:2, first].sum(axis=1).swapaxes(0, 1), sums[2:].sum(axis=2)
    for index, month in enumerate(codes):
        yield (
            int(month) // 2,
            bool(month % 2),
            Totals(
                kind=question.metric.kind,
                before=whole[:, :, None, :],
                after=np.asarray(sums[:2, index].swapaxes(0, 1), dtype=np.float64),
                before_powers=powers[:, first].sum(axis=1)[:, None, :],
                after_powers=powers[:, index],
                records=(int(records[first].sum()), int(records[index])),
                clustered=clustered,
                plain=False,
            ),
        )


def _deviation(totals: Totals, estimand: Estimand) -> tuple[float, float]:
    """Return a month's contrast with the baseline and its sampling variance."""
    if totals.kind == "rate":
        return _rate_deviation(totals, estimand)
    if totals.records[1] < 2:
        raise NotEvaluableError("too_few_records", "The month has fewer than 2 records.")
    if totals.clustered:
        found = cluster_variance(totals.before, totals.after, estimand)
        return found.estimate, found.variance
    value = float(contrast(totals.before.sum(axis=0), totals.after.sum(axis=0), estimand))
    return value, record_variance(totals, estimand)[0]


def _rate_deviation(totals: Totals, estimand: Estimand) -> tuple[float, float]:
    """Return a month's rate against the baseline's, half an event added so that none has a logarithm."""
    (_, whole), (events, exposure) = totals.before.sum(axis=(0, 2, 3)), totals.after.sum(axis=(0, 2))
    base = float(totals.before[:, 0].sum()) / float(whole) if whole > 0 else 0.0
    if exposure <= 0 or base <= 0:
        raise NotEvaluableError("zero_exposure", "The month has no exposure.")
    rate = (float(events) + 0.5) / float(exposure)
    if estimand.scale == "ratio":
        return float(np.log(rate / base)), 1 / (float(events) + 0.5)
    return rate - base, rate / float(exposure)


def added_by(
    shocks: MonthShocks | None, question: Any, moments: Moments, comparison: Comparison, scale: Scale, *, season: bool
) -> Added | None:
    """Return what the shocks add to a comparison, by the weight of each month in either arm."""
    if shocks is None:
        return None
    shares = months_held(moments, comparison) if season else None
    moments = unclustered(moments)
    after = _weights(moments, comparison.after, None)
    before: dict[int, float] = {}
    if scale != "level":
        before = _weights(moments, [comparison.before], shares)
    stretch = _stretch(moments, comparison, scale) if question.metric.kind == "proportion" else 1.0
    months = np.array([*before, *after], dtype=np.int64)
    weights = np.array([*(-share for share in before.values()), *(stretch * share for share in after.values())])
    return shocks.added(months, weights)


def _stretch(moments: Moments, comparison: Comparison, scale: Scale) -> float:
    """Return how much larger a shock of given size in the log odds is in the after arm than in the baseline.

    A share near its bound cannot move as far as one in the middle: shocks estimated at 0.79 would overstate
    those at 0.95 threefold.
    """
    before, after = (
        float(sums[0] / sums[1]) if sums[1] > 0 else 0.0
        for sums in (
            moments.sums[moments.within(windows)].sum(axis=0) for windows in ([comparison.before], comparison.after)
        )
    )
    if not (0 < before < 1 and 0 < after < 1):
        return 1.0
    failures = (1 - after) / (1 - before)
    return failures if scale == "ratio" else failures * after / before


def _weights(moments: Moments, windows: Sequence[Window], season: Array | None) -> dict[int, float]:
    """Return each month's share of an arm's weight; `season` are the shares its calendar months are held at."""
    inside = moments.within(windows)
    numbers = moments.start[inside].astype("datetime64[M]").astype(np.int64)
    weight = moments.sums[inside, 1]
    found = {int(number): float(weight[numbers == number].sum()) for number in np.unique(numbers)}
    if season is not None:
        by_month = np.zeros(12)
        for number, share in found.items():
            by_month[number % 12] += share
        found = {n: season[n % 12] * share / by_month[n % 12] for n, share in found.items() if by_month[n % 12] > 0}
    total = sum(found.values())
    return {number: share / total for number, share in found.items()} if total > 0 else {}


def _number(day: date) -> int:
    """Return a month's number as numpy counts months, January 1970 being 0."""
    return (day.year - 1970) * 12 + day.month - 1
