"""The standard error that a window after would have, from the baseline's own variance."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.effect import Better, Effect, Scale
from evalkit.errors import NotEvaluableError
from evalkit.evaluation.common_shocks import baseline_shocks
from evalkit.evaluation.interrupted import counts_events, plan_of, series_effect
from evalkit.evaluation.window import choices_of, estimate, scale_of
from evalkit.evaluation.windows import Comparison, month_shares
from evalkit.inference.power import Curve, Domain, contrast_curve, rate_curve
from evalkit.inference.shocks import MonthShocks
from evalkit.moments import Moments, unclustered
from evalkit.periods import MONTHS_IN, Window, add_months

if TYPE_CHECKING:
    from evalkit.study import Study

_FAR_YEARS = 400  # a stretch of the baseline is moved this far, to stand as the window after


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """A goal's baseline as far as it tells what can be shown.

    Attributes
    ----------
    value : the metric in the baseline; `events` its events (a rate's).
    per_day : variance of one day's value on the working scale; a window's is this over its days.
    lasting : what of a level's variance does not fall with the days (branches that differ at all times).
    df : degrees of freedom of that variance; dispersed : whether a rate's counts are taken as overdispersed.
    series : standard error and df of a goal's time series that goes on to a window's end with a true effect; None
        where there is none.
    """

    kind: str
    scale: Scale
    better: Better
    target: float
    value: float
    events: float
    baseline: Window
    same_months: bool
    per_day: float
    lasting: float
    df: float | None
    dispersed: bool
    shocks: MonthShocks | None
    series: Callable[[Window, float], tuple[float, float | None]] | None = None

    @property
    def domain(self) -> Domain:
        """The effects that the metric's bounds leave, ends excluded."""
        top = 1.0 if self.kind == "proportion" else math.inf
        low = -math.inf if self.kind in ("mean", "ratio") else 0.0
        if self.scale == "ratio":
            return 0.0, top / self.value
        return (low, top) if self.scale == "level" else (low - self.value, top - self.value)

    @property
    def beyond(self) -> float:
        """Five points beyond the target: of a ratio or proportion 0.05, else 5 % of the baseline."""
        points = self.scale == "ratio" or self.kind == "proportion"
        return self._past(0.05 if points else 0.05 * abs(self.value))

    @property
    def assumed(self) -> float:
        """Half as far again from no change as the target."""
        null = {"ratio": 1.0, "difference": 0.0, "level": self.value}[self.scale]
        sign = 1 if self.better == "higher" else -1
        return self._past(max(0.5 * sign * (self.target - null), 0.05 * abs(self.target)))

    def _past(self, step: float) -> float:
        """Return the effect a step beyond the target, or halfway to the metric's bound where that is nearer."""
        sign, bound = (1, self.domain[1]) if self.better == "higher" else (-1, self.domain[0])
        return self.target + sign * min(step, abs(bound - self.target) / 2)

    def spread(self, effect: float) -> tuple[float, float]:
        """Return how much larger than in the baseline variance and shocks are where the effect is true."""
        level = {"ratio": self.value * effect, "difference": self.value + effect, "level": effect}[self.scale]
        if self.kind == "proportion":
            p = min(max(level, 1e-9), 1 - 1e-9)
            failures, successes = (1 - p) / (1 - self.value), p / self.value
            return (failures / successes, failures) if self.scale == "ratio" else (failures * successes,) * 2
        if self.kind == "rate":
            change = max(level / self.value, 1e-9)
            return (1 / change if self.scale == "ratio" else change), 1.0
        return 1.0, 1.0

    def _days_before(self, window: Window) -> float:
        """Return the days that the baseline, as it is weighted for this window, is worth."""
        if not self.same_months:
            return self.baseline.days
        shares, held = month_shares([window]), month_shares([self.baseline]) * self.baseline.days
        if bool((held[shares > 0] <= 0).any()):
            raise NotEvaluableError(
                "season_not_in_baseline", "The baseline has no days in some of the window's calendar months."
            )
        return float(1 / (shares[shares > 0] ** 2 / held[shares > 0]).sum())

    def error(self, window: Window) -> Callable[[float], tuple[float, float | None]]:
        """Return the standard error and df that the window would have, as a function of the true effect."""
        series = self.series
        if series is not None:
            return lambda effect: series(window, effect)
        before = 0.0 if self.scale == "level" else 1 / self._days_before(window)
        months, weights, arm = self._months(window)

        def error(effect: float) -> tuple[float, float | None]:
            spread, shift = self.spread(effect)
            own = self.per_day * (before + spread / window.days) + self.lasting * spread**2
            if self.shocks is None:
                return math.sqrt(own), self.df
            added = self.shocks.added(months, np.where(arm, shift, 1.0) * weights)
            return math.sqrt(own + added.variance), added.combined_df(own, self.df)

        return error

    def _months(self, window: Window) -> tuple[Any, Any, Any]:
        """Return the months of both arms, counted from year 0, their weights by days, and which are the window's."""
        arms = [(window, np.ones(12), 1.0)]
        if self.scale != "level":
            shares, held = month_shares([window]), month_shares([self.baseline])
            season = np.divide(shares, held, out=np.zeros(12), where=held > 0) if self.same_months else np.ones(12)
            arms.append((self.baseline, season, -1.0))
        rows = [
            (m.start.year * 12 + m.start.month - 1, sign * m.days / days.days * season[m.start.month - 1], sign > 0)
            for days, season, sign in arms
            for m in days.months()
        ]
        numbers, weights, arm = zip(*rows, strict=True)
        return np.array(numbers, dtype=np.int64), np.array(weights), np.array(arm)

    def curve(self, window: Window, level: float) -> Curve:
        """Return the probability of `achieved` in this window over true effects, tested at a one-sided level."""
        if self.kind == "rate" and self.scale == "ratio" and self.series is None:
            days = self._days_before(window)
            events = self.events * days / self.baseline.days
            return rate_curve(
                events_before=events,
                exposure_ratio=window.days / days,
                target=self.target,
                better=self.better,
                level=level,
                dispersion=self.per_day * self.events / self.baseline.days if self.dispersed else None,
                df=self.df,
            )
        scored = self.scale == "level" and self.kind in ("proportion", "rate")
        aimed = self.spread(self.target)[0]
        return contrast_curve(
            self.error(window),
            target=self.target,
            better=self.better,
            scale=self.scale,
            level=level,
            null_ratio=(lambda effect: math.sqrt(aimed / self.spread(effect)[0])) if scored else (lambda _: 1.0),
        )


def basis_of(study: Study, goal: Any, moments: Moments) -> Basis:
    """Return what the goal's baseline tells. Raises NotEvaluableError where it tells nothing."""
    scale, kind, baseline = scale_of(goal), goal.metric.kind, study.windows_of(goal)[0]
    sums = moments.sums[moments.within([baseline]), :2].sum(axis=0)
    value = float(sums[0] / sums[1]) if sums[1] > 0 else math.nan
    usable = 0 < value < 1 if kind == "proportion" else value > 0 if kind == "rate" or scale == "ratio" else True
    if not (usable and math.isfinite(value)):
        raise NotEvaluableError("no_baseline_variance", f"The baseline's value is {value:g}; it shows no variation.")
    if goal.estimator.kind != "direct":
        return _of_series(study, goal, moments, baseline, value)
    whole = baseline.days
    found: list[tuple[float, Effect]] = []
    for inside in _splits(study, kind, baseline):
        days = _days_worth(moments, baseline, inside)
        if not 0 < days < whole and scale != "level":
            continue
        try:
            effect = _split(goal, moments, baseline, inside, scale, study.inference.confidence)
        except NotEvaluableError:
            continue
        share = 1 / days if scale == "level" else 1 / days + 1 / (whole - days)
        found.append((effect.details["standard_error"] ** 2 / share, effect))
    if not found:
        raise NotEvaluableError("no_baseline_variance", "The baseline cannot be split to learn its variance.")
    per_day, lasting = float(np.mean([v for v, _ in found])), 0.0
    if scale == "level" and kind != "rate" and goal.cluster is not None and len(found) > 1:
        per_day, lasting = _lasting(goal, moments, study, per_day, whole / len(found))
    dfs = [effect.df for _, effect in found if effect.df is not None and math.isfinite(effect.df)]
    basis = Basis(
        kind=kind,
        scale=scale,
        better=goal.better,
        target=goal.target.value,
        value=value,
        events=float(sums[0]),
        baseline=baseline,
        same_months=goal.compare_with == "same-months",
        per_day=per_day,
        lasting=lasting,
        df=float(np.median(dfs)) if dfs else None,
        dispersed=bool(dfs),
        shocks=baseline_shocks(study, goal, moments, scale),
    )
    return _reachable(basis)


def _reachable(basis: Basis) -> Basis:
    if not basis.domain[0] < basis.target < basis.domain[1]:
        raise NotEvaluableError("ceiling", "No value that the metric can take lies beyond the target.")
    return basis


def _of_series(study: Study, goal: Any, moments: Moments, baseline: Window, value: float) -> Basis:
    """Return what a goal's time series tells: its own model, fitted as though the baseline's last year came again.

    It comes again times the true effect, for fewer events after tell less.

    Raises NotEvaluableError('too_few_points') with less than a year of baseline.
    """
    plan = plan_of(goal)
    if plan is None or len(list(baseline.months())) < 12:
        raise NotEvaluableError("too_few_points", "The baseline has less than a year, which planning lets come again.")

    moments = unclustered(moments)
    counts = counts_events(moments, [baseline])  # times an effect they are whole no more
    thinned = counts and goal.metric.kind == "rate" and plan.family == "quasi-poisson"

    @cache
    def fitted(window: Window, effect: float) -> Effect:
        comparison = Comparison(before=baseline, after=(window,), asked=window)
        going_on = _repeated(moments, baseline, window.end, effect)
        confidence = study.inference.confidence
        return series_effect(study, goal, going_on, comparison, confidence, plan, counts=counts)

    def error(window: Window, effect: float) -> tuple[float, float | None]:
        # the variance of logarithms is that without an effect
        found = fitted(window, 1.0 if plan.family == "gaussian" else effect)
        again = _chance_put_back(found, fitted(window, 1.0)) if thinned else 1.0
        return again * found.details["standard_error"], found.df

    basis = Basis(
        kind=goal.metric.kind,
        scale="ratio",
        better=goal.better,
        target=goal.target.value,
        value=value,
        events=0.0,
        baseline=baseline,
        same_months=False,
        per_day=0.0,
        lasting=0.0,
        df=None,
        dispersed=False,
        shocks=None,
        series=error,
    )
    return _reachable(basis)


def _chance_put_back(found: Effect, same: Effect) -> float:
    """Return how much larger the standard error is of counts than of as many that are others times an effect.

    Multiplied, they vary by the effect's square, of which chance makes the effect itself: what the dispersion lacks for
    it, against that of the same counts without effect, is put back by chance's share in that.
    """
    with_effect, without = (max(each.details["dispersion"], 1e-9) for each in (found, same))
    return math.sqrt(1 + min(1.0, 1 / without) * (without / with_effect - 1))


def _repeated(moments: Moments, baseline: Window, end: date, effect: float) -> Moments:
    """Return the baseline's cells with those of its last twelve months, times an effect, put again year by year."""
    whole = np.flatnonzero(moments.within([baseline]))
    months = moments.start[whole].astype("datetime64[M]")
    last = whole[months > np.datetime64(baseline.end, "M") - np.timedelta64(12, "M")]
    chosen, starts = [whole], [moments.start[whole]]
    for year in range(1, (end.year - baseline.end.year) + 2):
        chosen.append(last)
        starts.append(_years_on(moments.start[last], year))
    start, cells = np.concatenate(starts), np.concatenate(chosen)
    kept = start <= np.datetime64(end)
    found = _cells(moments, cells[kept], start[kept])
    found.sums[found.start > np.datetime64(baseline.end), 0] *= effect
    return found


def _years_on(days: Any, years: int) -> Any:
    """Return days years later, as many days into their months."""
    month = days.astype("datetime64[M]")
    return (month + np.timedelta64(12 * years, "M")).astype("datetime64[D]") + (days - month.astype("datetime64[D]"))


def _cells(moments: Moments, chosen: Any, start: Any) -> Moments:
    """Return these cells with other starts."""
    parts = {name: getattr(moments, name)[chosen] for name in ("cluster", "stratum", "sums", "counts")}
    return replace(moments, start=start, **parts)


def _splits(study: Study, kind: str, baseline: Window) -> Iterator[list[Window]]:
    """Yield the parts of the baseline that stand as the window after, one part at a time."""
    months = list(baseline.months())
    size = MONTHS_IN[study.calendar.frequency]
    if kind == "rate":
        if len(months) > 1:
            yield months[1::2]
        return
    size = size if 2 * size <= len(months) else 1
    for first in range(0, len(months) - size + 1, size):
        if len(months) > size:
            yield months[first : first + size]


def _split(
    goal: Any, moments: Moments, baseline: Window, inside: list[Window], scale: Scale, confidence: float
) -> Effect:
    """Return the effect of a part of the baseline against its rest, months' shocks left out."""
    chosen, moved = moments.within([baseline]), moments.within(inside)
    start = moments.start.copy()
    start[moved] = _years_on(start[moved], _FAR_YEARS)
    apart = _cells(moments, chosen, start[chosen])
    after = Window(
        add_months(baseline.start, 12 * _FAR_YEARS), add_months(baseline.end, 12 * _FAR_YEARS) + timedelta(days=1)
    )
    comparison = Comparison(before=baseline, after=(after,), asked=after)
    choices = replace(choices_of(goal), same_months=False)
    return estimate(goal, apart, comparison, confidence, choices, scale, None)[0]


def _days_worth(moments: Moments, baseline: Window, inside: list[Window]) -> float:
    """Return how many of the baseline's days the records of a part are worth, as of a survey that comes in waves."""
    weight = [float(moments.sums[moments.within(windows), 1].sum()) for windows in (inside, [baseline])]
    return baseline.days * weight[0] / weight[1]


def _lasting(goal: Any, moments: Moments, study: Study, per_day: float, days: float) -> tuple[float, float]:
    """Return a level's variance per day and what the whole baseline holds beyond it, which more days do not remove."""
    baseline = study.windows_of(goal)[0]
    whole = _split(goal, moments, baseline, [baseline], "level", study.inference.confidence)
    variance = whole.details["standard_error"] ** 2
    falling = (per_day / days - variance) / (1 / days - 1 / baseline.days)
    lasting = variance - falling / baseline.days
    return (falling, lasting) if falling > 0 and lasting > 0 else (per_day, 0.0)
