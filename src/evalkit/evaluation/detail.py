"""What a goal's own page shows beside its evaluation: values before and after, branches, the counterfactual, and how
long answers took. The engine is asked for sums and counts only; small cells are not shown (`suppression`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.errors import NotEvaluableError
from evalkit.evaluation.conductor import moments_of
from evalkit.evaluation.interrupted import (
    POINTS_AFTER,
    POINTS_BEFORE,
    counted_points,
    plan_of,
    series_effect,
    usual_plan,
)
from evalkit.evaluation.suppression import counted, suppressed_list
from evalkit.evaluation.window import scale_of
from evalkit.evaluation.windows import Comparison, period_comparison
from evalkit.moments import cutoff_instant, record_terms
from evalkit.periods import Period, Window, previous_period

if TYPE_CHECKING:
    import pandas as pd

    from evalkit.estimands.response_time import SurvivalCurve
    from evalkit.estimands.time_series_result import TimeSeriesEffect
    from evalkit.records import Records
    from evalkit.study import Study

BINS, RECENT, HORIZON = 20, 4, 4  # bins of a histogram; periods of the branch table; windows a curve is drawn for


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """Shares of an arm's records (of their weight, where the goal weights) by value.

    `edges` are one more than the bins, all of one width; with `open_end` the last bin holds everything above, with
    `whole` each bin is one whole number. `before` and `after` are None where too few records lie in a bin, or where a
    hidden bin could be worked out.
    """

    edges: tuple[float, ...]
    before: tuple[float | None, ...]
    after: tuple[float | None, ...]
    open_end: bool
    whole: bool

    @property
    def hidden(self) -> int:
        """How many bins are not shown."""
        return sum(share is None for share in (*self.before, *self.after))

    def to_frame(self) -> pd.DataFrame:
        """Return one row per bin: `low`, `high`, and the shares `before` and `after` (missing where hidden)."""
        import pandas as pd

        bins = zip(self.edges, self.edges[1:], self.before, self.after, strict=False)
        return pd.DataFrame(bins, columns=["low", "high", "before", "after"]).astype(float)

    def plot(self) -> Any:
        """Draw the shares before and after side by side; return the matplotlib figure."""
        from evalkit import figures

        return figures.histogram(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Branches:
    """The metric by cluster in the baseline and in recent periods, as recorded: None without records, NaN if hidden.

    `columns` are the baseline's label (empty) and the periods'; `total` are the values of all clusters together.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str | None, tuple[float | None, ...]], ...]
    total: tuple[float | None, ...]
    hidden: int

    def to_frame(self) -> pd.DataFrame:
        """Return one row per cluster, a column for the baseline and each period; missing where hidden."""
        import pandas as pd

        names = ["baseline", *self.columns[1:]]
        index = pd.Index([label for label, _values in self.rows], name="cluster")
        return pd.DataFrame([values for _label, values in self.rows], columns=names, index=index, dtype=float)


class Detail:
    """One goal in one period, in depth. Made by `OpenStudy.detail`; every part is computed when asked for."""

    def __init__(
        self, study: Study, question: Any, period: Period, as_of: date, records: Callable[[str], Records]
    ) -> None:
        self.study, self.question, self.period, self.as_of, self._records = study, question, period, as_of, records

    @cached_property
    def comparison(self) -> Comparison:
        """The days of both sides. Raises NotEvaluableError where nothing is left of the period."""
        return period_comparison(self.study, self.question, self.period, self.as_of)

    @cached_property
    def _recent(self) -> list[Period]:
        """The period and up to three before it, as far as the programme goes, the earliest first."""
        found = [self.period]
        while len(found) < RECENT and (before := previous_period(found[0])).end >= self.study.programme_start:
            found.insert(0, before)
        return found

    @cached_property
    def _moments(self) -> Any:
        return moments_of(self.study, self.question, self._recent, self.as_of, self._records).moments

    def counterfactual(self) -> TimeSeriesEffect | None:
        """Return the time-series model of the months: the goal's own, or the one of its sensitivity line, or None."""
        plan = plan_of(self.question)
        try:
            if plan is None:
                before, after = counted_points(self.study, self.question, self._moments, self.comparison)
                if scale_of(self.question) != "ratio" or before < POINTS_BEFORE or after < POINTS_AFTER:
                    return None
                plan = usual_plan(self.question, before)
            confidence = self.study.inference.confidence
            return series_effect(self.study, self.question, self._moments, self.comparison, confidence, plan)
        except NotEvaluableError:
            return None

    def branches(self) -> Branches | None:
        """Return the metric by cluster and recent period, or None where the goal names no cluster."""
        if self.question.cluster is None:
            return None
        windows: dict[str, tuple[Window, ...]] = {"": (self.study.baseline,)}
        for period in self._recent:
            try:
                windows[period.label] = period_comparison(self.study, self.question, period, self.as_of).after
            except NotEvaluableError:
                continue  # wholly inside the phase-in, or after the cut-off
        moments, size = self._moments, len(self._moments.clusters)
        # a day is a day in every branch; the moments hold it split among them, as totals of all need it
        own = size if getattr(self.question.metric, "exposure", None) == "calendar-days" else 1
        columns, totals, hidden = [], [], 0
        for days in windows.values():
            inside = moments.within(days)
            n, a, b = (
                np.bincount(moments.cluster[inside], weights=values[inside], minlength=size)
                for values in (counted(self.question, moments), moments.sums[:, 0], moments.sums[:, 1])
            )
            small = suppressed_list(np.round(n).astype(np.int64), self.study.inference.minimum_cell)
            hidden += int(small.sum())
            cells = zip(a, b, small, strict=True)
            columns.append([math.nan if hide else float(x / (own * y)) if y > 0 else None for x, y, hide in cells])
            totals.append(float(a.sum() / b.sum()) if b.sum() > 0 else None)
        rows = zip(moments.clusters, zip(*columns, strict=True), strict=True)
        return Branches(columns=tuple(windows), rows=tuple(rows), total=tuple(totals), hidden=hidden)

    def histogram(self) -> Histogram | None:
        """Return how the values of single records lie before and after; None for metrics that are no mean."""
        if self.question.metric.kind != "mean":
            return None
        source = self._records(self.question.source)
        table, terms = record_terms(source, self.question, as_of=self.as_of, timezone=self.study.timezone)
        weight = terms.get("b")
        metric = self.question.metric
        recorded = isinstance(metric.value, str)  # as it stands: times its weight and divided it would change bins
        value = table[metric.value].cast("float64") if recorded else terms["a"]
        if weight is not None:
            value = (weight != 0).ifelse(value if recorded else terms["a"] / weight.nullif(0), None)
        counts = value.notnull() if "not_followed" not in terms else value.notnull() & ~terms["not_followed"]
        chosen = table.select(
            value=value, weight=value * 0 + (1.0 if weight is None else weight), arm=self._arm(table), counts=counts
        )
        chosen = chosen.filter(chosen.arm.notnull() & chosen.counts)
        one = _fetch(
            chosen.agg(
                low=chosen.value.min(), high=chosen.value.max(), mean=chosen.value.mean(), spread=chosen.value.std()
            )
        )[0]
        if one["low"] is None:
            return None
        kinds = {field.name: field.type for field in source.source.fields}
        whole = recorded and kinds[metric.value] == "integer"
        first, width, bins, open_end = _bins(one["low"], one["high"], one["mean"] + 3 * (one["spread"] or 0.0), whole)
        place = ((chosen.value - first) / width).floor().cast("int64").clip(upper=bins - 1)
        rows = _fetch(
            chosen.mutate(place=place)
            .group_by("arm", "place")
            .agg(n=lambda t: t.count(), weight=lambda t: t.weight.sum())
        )
        sides = {}
        for arm in ("before", "after"):
            n, sums = np.zeros(bins, dtype=np.int64), np.zeros(bins)
            for row in rows:
                if row["arm"] == arm:
                    n[row["place"]], sums[row["place"]] = row["n"], row["weight"]
            small = suppressed_list(n, self.study.inference.minimum_cell)
            all_of_it = sums.sum() or 1.0
            sides[arm] = tuple(None if hide else float(s / all_of_it) for s, hide in zip(sums, small, strict=True))
        edges = tuple(first + width * k for k in range(bins + 1))
        return Histogram(edges=edges, open_end=open_end, whole=whole and width == 1, **sides)

    def response_times(self) -> dict[str, SurvivalCurve]:
        """Return the Kaplan-Meier curves, in days, of a share answered within a window: 'before' and 'after'.

        All records received count, those whose window is still open too; times are rounded up to
        the minute (for long windows to up to an hour, for days to the day) and followed for four windows. Empty for
        other metrics; an arm with fewer than `minimum_cell` records is left out.
        """
        from evalkit.estimands.response_time import kaplan_meier

        found = self._durations()
        known = {arm: sum(n for *_, n in rows) >= self.study.inference.minimum_cell for arm, rows in found.items()}
        arms = {arm: tuple(zip(*found[arm], strict=True)) for arm in ("before", "after") if known.get(arm)}
        reach = min((max(times) for times, *_ in arms.values()), default=0.0)
        confidence = self.study.inference.confidence
        return {
            arm: kaplan_meier(times, answered, counts=counts, horizon=reach, confidence=confidence)
            for arm, (times, answered, counts) in arms.items()
        }

    def _durations(self) -> dict[str, list[tuple[float, bool, int]]]:
        """Return (days, answered, how many) by arm."""
        import ibis

        from evalkit.records.fields import INSTANT

        success = getattr(self.question.metric, "success", None)
        if success is None or success.within is None:
            return {}
        source = self._records(self.question.source)
        table = record_terms(source, self.question, as_of=self.as_of, timezone=self.study.timezone)[0]
        kinds = {field.name: field.type for field in source.source.fields}
        if "date" in (kinds[success.column], kinds[success.of]):
            unit, last = 1.0, ibis.date(self.as_of.isoformat())
            began, ended = table[success.of].cast("date"), table[success.column].cast("date")
            done = ended.notnull() & (ended <= last)
            took = done.ifelse(ended, last).delta(began, unit="day").cast("float64")
        else:
            unit, last = _steps(success.within.seconds), ibis.literal(cutoff_instant(self.as_of, self.study.timezone))
            began, ended = table[success.of + INSTANT], table[success.column + INSTANT]
            done = ended.notnull() & (ended < last)
            steps = (done.ifelse(ended, last) - began) / (86400.0 / unit)
            took = done.ifelse(steps.ceil(), steps.floor())
        far = HORIZON * success.within.seconds / 86400.0 * unit
        arm = self._arm(table)
        chosen = table.select(
            arm=arm, took=took.clip(lower=0.0, upper=far), done=done & (took <= far), known=began.notnull()
        )
        chosen = chosen.filter(chosen.arm.notnull() & chosen.known)
        rows = _fetch(chosen.group_by("arm", "took", "done").agg(n=lambda t: t.count()))
        found: dict[str, list[tuple[float, bool, int]]] = {}
        for row in sorted(rows, key=lambda row: (row["arm"], row["took"], row["done"])):
            found.setdefault(row["arm"], []).append((float(row["took"]) / unit, bool(row["done"]), row["n"]))
        return found

    def _arm(self, table: Any) -> Any:
        """Return each record's side of the comparison as an expression, null outside both."""
        import ibis

        from evalkit.records.fields import DAY

        def within(windows: Any) -> Any:
            parts = [table[DAY].between(ibis.date(str(w.start)), ibis.date(str(w.end))) for w in windows]
            inside = parts[0]
            for part in parts[1:]:
                inside = inside | part
            return inside

        return ibis.cases((within([self.comparison.before]), "before"), (within(self.comparison.after), "after"))


def _fetch(table: Any) -> list[dict[str, Any]]:
    from evalkit.records.fetch import fetch

    return fetch(table)


def _steps(within: float) -> float:
    """Return into how many steps of whole minutes a day is cut, so that a window of so many seconds has 2,000 at most.

    >>> _steps(8 * 3600), _steps(7 * 86400), _steps(90 * 86400)
    (1440.0, 240.0, 24.0)
    """
    return 1440.0 / next(
        step for step in (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60) if step == 60 or within <= 120_000 * step
    )


def _bins(low: float, high: float, far: float, whole: bool) -> tuple[float, float, int, bool]:
    """Return first edge, width and number of bins, and whether the last one holds everything above.

    >>> _bins(1, 10, 13.0, True), _bins(0.5, 900.0, 83.0, False)
    ((0.5, 1.0, 10, False), (0.0, 5.0, 17, True))
    """
    if whole and high - low < 1.5 * BINS:
        return low - 0.5, 1.0, int(high - low) + 1, False
    end = min(high, max(far, low))
    rough = (end - low) / BINS or abs(low) or 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    width = next(step * power for step in (1.0, 2.0, 2.5, 5.0, 10.0) if step * power >= rough * (1 - 1e-9))
    first = math.floor(low / width) * width
    bins = max(1, math.floor((end - first) / width) + 1)
    return first, width, bins, high >= first + bins * width
