"""Cautions about what the records do not reach: months before, between and after them, and units without exposure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import NotEvaluableError
from evalkit.evaluation.flags import NAMED, Case, flag
from evalkit.evaluation.windows import Comparison
from evalkit.inference.contrast import Array
from evalkit.moments import Moments, unclustered
from evalkit.periods import Window, add_months
from evalkit.results import Flag
from evalkit.study.yaml_lines import listed

SILENCE_EXPECTED = 7  # records in days without any: by chance that is so in less than one case in a thousand
EVENTS_EXPECTED = 5  # in the months without any, at the pace of the month that had fewest
MONTHLY = 0.75  # of the months between first and last: what tells of so many is expected to tell of all


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What a source tells of each month that it tells anything of: months since 1970, and how much."""

    source: str
    months: NDArray[np.int64]
    amounts: Array
    counts: bool = True  # of records or events; exposure is in units of its own
    least: int = 0  # so much is expected of a month at least, where no record is a finding too

    @property
    def usual(self) -> int:
        """The longest gap between months it tells of, in months."""
        return int(np.diff(self.months).max(initial=1)) - 1

    def silent(self, months: int) -> bool:
        """Whether so many months in a row without a word are more than it has had, and no finding."""
        if self.least and (self.usual or months * self.amounts.min() < self.least):
            return False
        return months > self.usual


def _told(case: Case) -> list[_Told]:
    moments, metric = unclustered(case.moments), case.question.metric
    exposure = metric.exposure if metric.kind == "rate" else None
    name, events, at_risk = case.records.name, moments.sums[:, 0], moments.sums[:, 1]
    if exposure != "calendar-days" and isinstance(exposure, str | None):
        asked = [_of_source(moments, name, moments.counts.sum(axis=1))]
    else:
        asked = [_of_source(moments, name, events, least=EVENTS_EXPECTED)]
    if not isinstance(exposure, str | None):
        asked.append(_of_source(moments, exposure.source, at_risk, counts=False))
    return [told for told in asked if len(told.months)]


def _of_source(moments: Moments, source: str, values: NDArray[Any], *, counts: bool = True, least: int = 0) -> _Told:
    months, place = np.unique(_month(moments)[values > 0], return_inverse=True)
    amounts = np.bincount(place, values[values > 0], minlength=len(months)).astype(np.float64)
    return _Told(source=source, months=months, amounts=amounts, counts=counts, least=least)


def _month(moments: Moments) -> NDArray[np.int64]:
    return moments.start.astype("datetime64[M]").astype(np.int64)


def _number(day: date) -> int:
    return (day.year - 1970) * 12 + day.month - 1


def _first_day(month: int) -> date:
    return date(1970 + month // 12, month % 12 + 1, 1)


def records_end(case: Case) -> Iterator[Flag]:
    """Look for whole months at the window's end of which a source says nothing, though it said something before.

    They are more than the longest gap that its records have had. Where no record is a finding, as of events, such a
    gap means little: every month must have had some, and so many that none at all is out of the question. Where no
    whole month is without any, the last days may be.
    """
    end = _number(case.comparison.span.end + timedelta(days=1)) - 1  # the last month that is whole
    found = _told(case)
    silent = [told for told in found if told.silent(end - int(told.months[-1]))]
    if found and not silent:
        yield from _last_days(case, found[0])
    for told in silent:
        first = _first_day(int(told.months[-1]))
        last = add_months(first, 1) - timedelta(days=1)
        inside = last >= case.comparison.span.start
        rejected = case.records.tally(case.as_of).rejected if told.source == case.records.name else 0
        yield flag(
            "partial_period",
            "caution",
            "The source '{source}' has no records after {month}, but the window goes on to {end}; if they end there, "
            + ("give --as-of {last}." if inside else "nothing can be said of this window.")
            + (" {rejected} of its records were rejected: `evalkit check` says which, and why." if rejected else ""),
            case=("records_end" if inside else "no_records") + (" rejected" if rejected else ""),
            source=told.source,
            month=f"{first:%Y-%m}",
            end=str(case.comparison.span.end),
            last=str(last),
            **({"rejected": rejected} if rejected else {}),
        )


def _last_days(case: Case, told: _Told) -> Iterator[Flag]:
    """Look for days at the window's end of which the records say nothing, in an export that stopped early.

    They are more than the records have ever been silent for, and too many for chance at their pace: that of the
    baseline, or of the window where it is slower. Days take a query, so that they are asked only where the last month
    has fewer than the baseline's days lead one to expect, and the last record (a cheaper query) is not of the end.
    """
    before, span = case.comparison.before, case.comparison.span
    usual = told.amounts[(told.months >= _number(before.start)) & (told.months <= _number(before.end))].sum()
    lacking = usual / before.days * span.end.day - told.amounts[told.months == _number(span.end)].sum()
    if case.moments.of_months or not told.counts or lacking < SILENCE_EXPECTED:
        return
    if span.end - timedelta(days=1) <= (case.records.last_day(span.end) or span.start):
        return
    by_day = case.records.accepted_by_day(before.start, span.end)
    days = sorted(by_day)
    if not days or days[-1] < span.start:
        return
    last, silent = days[-1], (span.end - days[-1]).days
    longest = max(((after - day).days - 1 for day, after in pairwise(days)), default=0)
    pace = min(
        sum(by_day[day] for day in days if start <= day <= end) / ((end - start).days + 1)
        for start, end in ((before.start, before.end), (span.start, last))
    )
    if silent > max(longest, 1) and silent * pace >= SILENCE_EXPECTED:
        yield flag(
            "partial_period",
            "caution",
            "The source '{source}' has no records after {last}, {days} days before the window's end ({end}), and was "
            "never silent for so long; if they end there, give --as-of {last}.",
            case="last_days",
            source=told.source,
            last=str(last),
            days=silent,
            end=str(span.end),
        )


def records_begin(case: Case) -> Iterator[Flag]:
    """Look for whole months at the baseline's beginning of which a source says nothing, though it does later."""
    start = case.comparison.before.start
    first_whole = _number(start) + (start.day > 1)
    for told in _told(case):
        if told.silent(int(told.months[0]) - first_whole):
            yield flag(
                "partial_baseline",
                "caution",
                "The source '{source}' has no records before {month}, but the baseline begins on {start}: "
                + (
                    "a rate is then too low before. "
                    if case.question.metric.kind == "rate"
                    else "the baseline is shorter than it says. "
                )
                + "If they begin there, so should `calendar.baseline`.",
                **({} if case.question.metric.kind == "rate" else {"case": "shorter"}),
                source=told.source,
                month=f"{_first_day(int(told.months[0])):%Y-%m}",
                start=str(start),
            )


def missing_months(case: Case) -> Iterator[Flag]:
    """Look for whole months between others of which a source that tells of nearly all says nothing."""
    compared = [case.comparison.before, *case.comparison.after]
    for told in _told(case):
        every = np.arange(told.months[0], told.months[-1] + 1)
        few = told.counts and told.amounts.min() < EVENTS_EXPECTED
        if few or len(told.months) < MONTHLY * len(every):
            continue
        gaps = [_first_day(int(month)) for month in np.setdiff1d(every, told.months)]
        inside = [day for day in gaps if any(window.intersect(_month_of(day)) for window in compared)]
        if inside:
            yield flag(
                "missing_months",
                "caution",
                "The source '{source}' has no records in {months}, though it has some in the months around; if they "
                "are missing, this is not the whole.",
                source=told.source,
                months=listed((f"{day:%Y-%m}" for day in inside), NAMED),
            )


def _month_of(first: date) -> Window:
    return Window(first, add_months(first, 1) - timedelta(days=1))


def units_without_exposure(case: Case) -> Iterator[Flag]:
    """Look for units that had events on a side where their source of exposure says nothing of them."""
    metric, moments = case.question.metric, case.moments
    if metric.kind != "rate" or isinstance(metric.exposure, str | None) or case.question.cluster is None:
        return
    for windows in ([case.comparison.before], list(case.comparison.after)):
        inside = moments.within(windows)
        events, exposure = (
            np.bincount(moments.cluster[inside], moments.sums[inside, column], len(moments.clusters))
            for column in (0, 1)
        )
        lost = np.flatnonzero((events > 0) & (exposure == 0))
        if len(lost) and exposure.any():
            yield flag(
                "units_without_exposure",
                "caution",
                "{count} of {all} events from {start} to {end} belong to a '{column}' of which '{source}' has no "
                "exposure there ({units}); they count all the same, so the rate is too high.",
                count=round(float(events[lost].sum())),
                all=round(float(events.sum())),
                start=str(windows[0].start),
                end=str(windows[-1].end),
                column=case.question.cluster,
                source=metric.exposure.source,
                units=listed((str(moments.clusters[unit]) for unit in lost), NAMED),
            )


def check_months_of_exposure(question: Any, moments: Moments, comparison: Comparison) -> None:
    """Raise NotEvaluableError where a month of either side has events but no exposure, which other months have."""
    exposure = question.metric.exposure if question.metric.kind == "rate" else None
    if isinstance(exposure, str | None):
        return
    inside = moments.within([comparison.before, *comparison.after])
    months, place = np.unique(_month(moments)[inside], return_inverse=True)
    events, exposed = (np.bincount(place, moments.sums[inside, column], len(months)) for column in (0, 1))
    lost = [_first_day(int(month)) for month in months[(events > 0) & (exposed == 0)]]
    if lost and (exposed > 0).sum() >= MONTHLY * len(months):
        raise NotEvaluableError(
            "exposure_missing",
            f"The source '{exposure.source}' has no exposure in {listed((f'{d:%Y-%m}' for d in lost), NAMED)}, where "
            "there are events, so there is no rate. Complete it, or compare other months (--as-of, `calendar`).",
        )


def check_month_totals(question: Any, moments: Moments, comparison: Comparison) -> None:
    """Raise NotEvaluableError for a rate where totals of months are cut, but not what they are divided by, or divide.

    A total stands on its month's first day and counts whole on one side. Events and exposure of one record are cut
    alike.
    """
    exposure = question.metric.exposure if question.metric.kind == "rate" else None
    if not moments.of_months or exposure is None or (isinstance(exposure, str) and exposure != "calendar-days"):
        return
    windows = [comparison.before, *comparison.after]
    bounds = [day for window in windows for day in (window.start, window.end + timedelta(days=1)) if day.day > 1]
    if bounds:
        raise NotEvaluableError(
            "month_totals_cut",
            f"The records of '{moments.of_months}' are totals of months, but a window that is compared begins or ends "
            f"inside one, at {bounds[-1]}; its total counts whole against a part. Compare whole months: move --as-of, "
            "period, phase-in or baseline.",
        )
