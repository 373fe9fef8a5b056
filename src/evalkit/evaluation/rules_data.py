"""Cautions about the records and the windows they fall in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any
from unicodedata import normalize

import numpy as np

from evalkit.evaluation.arms import months_held, totals_by_month
from evalkit.evaluation.flags import Case, flag
from evalkit.evaluation.interrupted import days_evaluated, plan_of
from evalkit.evaluation.windows import Comparison, days_allowed, month_shares
from evalkit.moments import unclustered
from evalkit.results import Flag

UNFINISHED_CAUTION, DUPLICATE_CAUTION, DAYS_LOST = 0.01, 0.01, 0.1
UNDATED_CAUTION = 0.01
_BY_CHANCE = 0.05  # probability from which on months without records may be chance


def records_left_out(case: Case) -> Iterator[Flag]:
    records, tally = case.records, case.records.tally(case.as_of)
    if tally.rejected:
        share = tally.rejected_share
        yield flag(
            "rejected_rows",
            "caution" if share > 0.01 else "info",
            "{rejected} of {found} records of '{source}' ({share:.2f} %) were rejected.",
            rejected=tally.rejected,
            found=tally.found,
            source=records.name,
            share=100 * share,
        )
    duplicates = sum(n for reason, n in tally.reasons.items() if ": duplicate" in reason)
    if duplicates:
        yield flag(
            "duplicate_keys",
            "caution" if duplicates > DUPLICATE_CAUTION * tally.found else "info",
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
            "caution" if case.moments.undated > UNDATED_CAUTION * case.records.found else "info",
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
    caution = (share > UNFINISHED_CAUTION and not dated_by_end) or (
        late > 0 and _days_lost(case.comparison) > DAYS_LOST
    )
    still_open = (
        "{after} records of the window ({share:.1f} %) and {before} of the baseline had not finished by the cut-off. "
        "Without its slowest records a window looks quicker than it is; records that will never finish are left out by "
        "`where` on a column that says which do."
    )
    too_late = "{late} records began too late to be followed up by the cut-off and do not count: " + _FOLLOWED_UP
    sentences = [text for text, count in ((still_open, before or after), (too_late, late)) if count]
    yield flag(
        "unfinished_records",
        "caution" if caution else "info",
        " ".join(sentences),
        after=after,
        before=before,
        late=late,
        share=100 * share,
        **({"case": "late" if len(sentences) == 1 else "both"} if late else {}),
        **(_followed_up(case.comparison, case.question.metric) if late else {}),
    )


_FOLLOWED_UP = (
    "{counted} of the window's {days} days are evaluated, to {last}. With a data cut-off of {whole} it would be all."
)


def _days_lost(comparison: Comparison) -> float:
    """Return the share of the days after whose records cannot have been followed up yet."""
    return 1 - sum(part.days for part in comparison.due) / comparison.days


def _followed_up(comparison: Comparison, metric: Any) -> dict[str, Any]:
    """Return which days' records have been followed up, and the cut-off by which all will have been."""
    due = comparison.due
    return {
        "counted": sum(part.days for part in due),
        "days": comparison.days,
        "last": str(due[-1].end if due else comparison.span.start),
        "whole": str(comparison.asked.end + days_allowed(metric)),
    }


def not_yet_due(case: Case) -> Iterator[Flag]:
    count = case.outcome.evaluation.not_yet_due
    if count:
        yield flag(
            "not_yet_due",
            "caution" if _days_lost(case.comparison) > DAYS_LOST else "info",
            "{count} records' windows had not closed by the cut-off; they are left out: " + _FOLLOWED_UP,
            count=count,
            **_followed_up(case.comparison, case.question.metric),
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
    yield from _other_days(case)


def _other_days(case: Case) -> Iterator[Flag]:
    """Look for a series whose points, whole calendar periods, hold other days than the window."""
    if case.outcome.evaluation.effect is None:
        return
    evaluated = days_evaluated(case.study, case.question, case.moments, case.comparison)
    if evaluated is None:
        return
    left = [part for window in case.comparison.after for part in window.minus(evaluated)]  # if any record is of them
    if evaluated.start < case.comparison.span.start or case.moments.sums[case.moments.within(left), 1].sum() > 0:
        yield flag(
            "partial_period",
            "caution",
            "The time series' points are {points}s, so the days from {start} to {end} are evaluated, not those of the "
            "window.",
            case="points",
            points=case.question.estimator.frequency,
            start=str(evaluated.start),
            end=str(evaluated.end),
        )


def season(case: Case) -> Iterator[Flag]:
    if case.outcome.evaluation.effect is None:
        return
    after = case.comparison.after_months
    before = month_shares([case.comparison.before])
    if 0.5 * float(np.abs(after - before).sum()) > 0.10:
        yield from _season_not_covered(case)
    if (after[0] > 0) != (after[1] > 0):
        yield flag(
            "moving_holiday",
            "info",
            "The window holds only one of January and February; the Spring Festival moves between them.",
        )


def _season_not_covered(case: Case) -> Iterator[Flag]:
    """Say what a season could do where the sides hold other months: to a change, not to a level or a model of it."""
    plan = plan_of(case.question)
    if plan is not None:
        if not plan.harmonics:
            yield flag(
                "season_not_covered",
                "caution",
                "The window holds other calendar months than the baseline, and the model of the series has no season "
                "(`harmonics: 0`), so a season can look like a change: give it `harmonics`.",
                case="series",
            )
    elif case.question.compare_with != "baseline":
        return
    elif case.outcome.evaluation.scale == "level":
        if case.outcome.evaluation.change is not None:
            yield flag(
                "season_not_covered",
                "info",
                "The window holds other calendar months than the baseline, so part of a change against it may be "
                "season.",
                case="level",
            )
    else:
        held = any(line.name == "same months" for line in case.lines)
        thin = not held and not _months_lacking(case)
        yield flag(
            "season_not_covered",
            "info" if held else "caution",
            "The window holds other calendar months than the baseline, so a season can look like a change; "
            + (
                "the line 'same months' of the sensitivity analysis compares like with like."
                if held
                else "the same months alone give no comparison, so this cannot be checked."
                if thin
                else "the baseline lacks some of those months, so this cannot be checked."
            ),
            held=held,
            **({} if held else {"case": "thin" if thin else "lacking"}),
        )


def _months_lacking(case: Case) -> bool:
    """Return whether the baseline tells nothing of some calendar month that the window is held at."""
    told = totals_by_month(case.moments, [case.comparison.before])
    return bool(((months_held(case.moments, case.comparison) > 0) & (told <= 0)).any())


def similar_labels(case: Case) -> Iterator[Flag]:
    """Look for names of units or kinds that only blanks, width or letter case keep apart."""
    columns = {case.question.cluster: case.moments.clusters} if case.question.cluster else {}
    for place, column in enumerate(case.question.standardise_by):
        columns[column] = tuple(dict.fromkeys(kind[place] for kind in case.moments.strata))
    for column, labels in columns.items():
        first: dict[str, str] = {}
        pairs = []
        for label in filter(None, labels):
            plain = " ".join(normalize("NFKC", label).casefold().split())
            if first.setdefault(plain, label) != label:
                pairs.append((first[plain], label))
        if pairs:
            yield flag(
                "similar_labels",
                "caution",
                "{count} of the values of '{column}' differ from another only by blanks, width or letter case, such as "
                "'{one}' and '{other}'; each counts as one of its own.",
                count=len(pairs),
                column=column,
                one=pairs[0][0],
                other=pairs[0][1],
            )


def _days_told(case: Case, records: float) -> int:
    """Return the baseline's days, from the first month with records on where chance would not leave so many without."""
    before, moments = case.comparison.before, unclustered(case.moments)
    told = moments.start[moments.counts.any(axis=1)]
    begins: date = max(before.start, told.min().astype("datetime64[M]").astype("datetime64[D]").item())
    days = (before.end - begins).days + 1
    return days if (days / before.days) ** records < _BY_CHANCE else before.days


def participation(case: Case) -> Iterator[Flag]:
    metric, before, after = case.question.metric, case.outcome.evaluation.before, case.outcome.evaluation.after
    survey = metric.kind == "mean" and isinstance(metric.value, str)
    if not survey or before is None or after is None or not before.records or not after.records:
        return
    told = case.moments.total([case.comparison.before], "n")  # of all its months, whichever are compared
    change = (after.records / case.comparison.days) / (told / _days_told(case, told))
    if not 0.75 < change < 1.25:
        yield flag(
            "participation_change",
            "caution" if not 0.5 < change < 2 else "info",
            "Records a day are {change:.2f} times the baseline's; if other people or other cases are recorded now, the "
            "values can move without any change in what was promised.",
            change=change,
        )
