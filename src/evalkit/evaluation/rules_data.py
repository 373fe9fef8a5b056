"""Cautions about the records and the windows they fall in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import numpy as np

from evalkit.evaluation.flags import Case, flag
from evalkit.evaluation.windows import month_shares
from evalkit.periods import add_months
from evalkit.results import Flag

UNFINISHED_CAUTION, DUPLICATE_CAUTION = 0.01, 0.01
EVENTS_EXPECTED = 5  # in the months without any, at the pace of the month that had fewest


def records_left_out(case: Case) -> Iterator[Flag]:
    records = case.records
    if records.rejected:
        share = records.rejected_share
        yield flag(
            "rejected_rows",
            "caution" if share > 0.01 else "info",
            "{rejected} of {found} records of '{source}' ({share:.2f} %) were rejected.",
            rejected=records.rejected,
            found=records.found,
            source=records.name,
            share=100 * share,
        )
    duplicates = sum(n for reason, n in records.reasons.items() if ": duplicate" in reason)
    if duplicates:
        yield flag(
            "duplicate_keys",
            "caution" if duplicates > DUPLICATE_CAUTION * records.found else "info",
            "{count} records of '{source}' were rejected because their key stands more than once.",
            count=duplicates,
            source=records.name,
        )
    sides = [case.comparison.before], case.comparison.after
    missing = sum(case.moments.total(side, "missing") for side in sides)
    counted = sum(case.moments.total(side, "n") for side in sides)
    if missing:
        share = missing / (missing + counted)
        yield flag(
            "missing_values",
            "caution" if share >= 0.05 else "info",
            "{missing} records ({share:.1f} %) lack the value and are left out.",
            missing=missing,
            share=100 * share,
        )
    if case.moments.undated:
        yield flag(
            "undated_records",
            "info",
            "{count} records have no '{column}' and belong to no window.",
            count=case.moments.undated,
            column=case.records.source.time,
        )


def unfinished(case: Case) -> Iterator[Flag]:
    value = getattr(case.question.metric, "value", None)
    if value is None or isinstance(value, str):
        return
    before, after = (case.moments.total(side, "open") for side in ([case.comparison.before], case.comparison.after))
    late = case.moments.total(case.comparison.after, "not_yet_due")
    if not before and not after and not late:
        return
    share = after / max(1, after + case.moments.total(case.comparison.after, "n"))
    dated_by_end = case.records.source.time == value.to
    yield flag(
        "unfinished_records",
        "caution" if share > UNFINISHED_CAUTION and not dated_by_end else "info",
        "{after} records of the window ({share:.1f} %) and {before} of the baseline had not finished by "
        "the cut-off; {late} "
        "more began too late to be followed up. Without its slowest records a window looks quicker than it is.",
        after=after,
        before=before,
        late=late,
        share=100 * share,
    )


def not_yet_due(case: Case) -> Iterator[Flag]:
    count = case.outcome.evaluation.not_yet_due
    if count:
        yield flag(
            "not_yet_due",
            "info",
            "{count} records' windows had not closed by the cut-off; they are left out.",
            count=count,
        )


def answered_only(case: Case) -> Iterator[Flag]:
    success = getattr(case.question.metric, "success", None)
    if success is None or success.within is None:
        return
    if any(condition.column == success.column and condition.not_null for condition in case.question.where):
        yield flag(
            "answered_only",
            "caution",
            "Records without '{column}' are left out by `where`, but those never answered are failures too; among the "
            "answered ones alone the share is too high.",
            column=success.column,
        )


def window(case: Case) -> Iterator[Flag]:
    comparison = case.comparison
    phase_in = case.study.windows_of(case.question)[1]
    evaluated = ", ".join(str(part) for part in comparison.after)
    if comparison.asked.start < case.study.programme_start:
        yield flag(
            "partial_period",
            "caution",
            "The window begins before the programme, which starts on {start}; {evaluated} is evaluated.",
            case="programme",
            start=str(case.study.programme_start),
            evaluated=evaluated,
        )
    if phase_in and comparison.asked.intersect(phase_in):
        yield flag(
            "phase_in_overlap",
            "info",
            "Part of the window lies in the phase-in ({phase_in}); the remaining {days} days are evaluated "
            "({evaluated}).",
            phase_in=str(phase_in),
            days=comparison.days,
            evaluated=evaluated,
        )
    if comparison.span.end < comparison.asked.end and not (phase_in and comparison.asked.end in phase_in):
        yield flag(
            "partial_period",
            "caution",
            "The data cut-off lies before the window's end; days up to {end} are evaluated.",
            end=str(comparison.span.end),
        )


def records_end(case: Case) -> Iterator[Flag]:
    """Look for whole months at the window's end of which a source says nothing, though it said something before.

    They are more than the longest gap that its records have had. Where no record is a finding, as of events, such a
    gap means little: every month must have had some, and so many that none at all is out of the question.
    """
    moments, metric = case.moments, case.question.metric
    month = moments.start.astype("datetime64[M]").astype(np.int64)
    sources = [(case.records.name, moments.counts.sum(axis=1), 0)]
    exposure = metric.exposure if metric.kind == "rate" else None
    if exposure == "calendar-days" or not isinstance(exposure, str | None):
        sources = [(case.records.name, moments.sums[:, 0], EVENTS_EXPECTED)]
    if not isinstance(exposure, str | None):
        sources.append((exposure.source, moments.sums[:, 1], 0))
    after = case.comparison.span.end + timedelta(days=1)
    end = (after.year - 1970) * 12 + after.month - 2  # the last month that is whole
    for name, values, least in sources:
        held, place = np.unique(month[values > 0], return_inverse=True)
        if not len(held):
            continue
        silent = end - int(held[-1])
        usual = int(np.diff(held).max(initial=1)) - 1
        if least and (usual or silent * np.bincount(place, values[values > 0]).min() < least):
            continue
        if silent <= usual:
            continue
        first = date(1970 + int(held[-1]) // 12, int(held[-1]) % 12 + 1, 1)
        last = add_months(first, 1) - timedelta(days=1)
        inside = last >= case.comparison.span.start
        yield flag(
            "partial_period",
            "caution",
            "The source '{source}' has no records after {month}, but the window goes on to {end}; if they end there, "
            + ("give --as-of {last}." if inside else "nothing can be said of this window."),
            case="records_end" if inside else "no_records",
            source=name,
            month=f"{first:%Y-%m}",
            end=str(case.comparison.span.end),
            last=str(last),
        )


def season(case: Case) -> Iterator[Flag]:
    if case.outcome.evaluation.effect is None:
        return
    after = case.comparison.after_months
    before = month_shares([case.comparison.before])
    if case.question.compare_with == "baseline":
        apart = 0.5 * float(np.abs(after - before).sum())
        if apart > 0.10:
            held = any(line.name == "same months" for line in case.lines)
            yield flag(
                "season_not_covered",
                "info" if held else "caution",
                "The window holds other calendar months than the baseline, so a season can look like a change; "
                + (
                    "the line 'same months' of the sensitivity analysis compares like with like."
                    if held
                    else "the baseline lacks those months, so this cannot be checked."
                ),
                held=held,
            )
    if (after[0] > 0) != (after[1] > 0):
        yield flag(
            "moving_holiday",
            "info",
            "The window holds only one of January and February; the Spring Festival moves between them.",
        )


def participation(case: Case) -> Iterator[Flag]:
    metric, before, after = case.question.metric, case.outcome.evaluation.before, case.outcome.evaluation.after
    survey = metric.kind == "mean" and isinstance(metric.value, str)
    if not survey or before is None or after is None or not before.records or not after.records:
        return
    change = (after.records / case.comparison.days) / (before.records / case.comparison.before.days)
    if not 0.75 < change < 1.25:
        yield flag(
            "participation_change",
            "caution" if not 0.5 < change < 2 else "info",
            "Records a day are {change:.2f} times the baseline's; if other people or other cases are recorded now, the "
            "values can move without any change in what was promised.",
            change=change,
        )
