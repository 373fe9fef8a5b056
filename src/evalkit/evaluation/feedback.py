"""Customers' feedback: how much of each category came by which channel, and what rose or fell beyond chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from types import SimpleNamespace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import NotEvaluableError
from evalkit.estimands.rate import rate_ratio
from evalkit.evaluation.suppression import Counts, Mask, suppressed_list, suppressed_table
from evalkit.evaluation.windows import cuts, looks_until
from evalkit.inference.contrast import Array
from evalkit.inference.multiplicity import adjust
from evalkit.moments import Moments, goal_moments
from evalkit.periods import Period, Window
from evalkit.study.model_goal import Rate

if TYPE_CHECKING:
    from evalkit.records import Records
    from evalkit.study import Study

OTHERS, BASELINE = "…", "baseline"
"""Labels: of all but the most frequent categories or channels, counted together; of the baseline's column."""
MOST_CATEGORIES, MOST_CHANNELS, MOST_PERIODS, HEAD = 25, 12, 8, 0.80
Direction = Literal["rose", "fell", "same"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossed:
    """Counts by group and column, totals last; None stands for a count too small to be shown, or hidden to protect one.

    `rows` and `columns` are labels without the totals; None among them is a value not given.
    """

    rows: tuple[str | None, ...]
    columns: tuple[str | None, ...]
    cells: tuple[tuple[int | None, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """A ratio after ÷ before with its interval, its p-value, and that after Holm's adjustment over the family."""

    ratio: float | None
    low: float | None
    high: float | None
    p: float
    p_adjusted: float = 1.0
    direction: Direction = "same"


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """One category: items before and in the period, and how their number a day and their share of all changed."""

    label: str | None
    before: int
    after: int
    number: Shift
    share: Shift


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something to take up: because its number rose beyond chance, by `extra` items, or because it is large."""

    label: str | None
    count: int
    extra: float
    why: Literal["rose", "large"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackAnalysis:
    """What the feedback of one period shows beside the baseline's.

    `categories` are those whose counts may be shown, the most frequent first; `hidden` says how many may not.
    `by_channel` is None where the study names no channel.
    """

    before: Window
    after: Window
    total: tuple[int, int]
    overall: Shift
    categories: tuple[Category, ...]
    hidden: int
    problems: tuple[Problem, ...]
    by_period: Crossed
    channels_by_period: Crossed | None
    by_channel: Crossed | None
    undated: int
    tests: int
    minimum: int
    confidence: float


def analyse_feedback(study: Study, records: Records, period: Period, as_of: date) -> FeedbackAnalysis:
    """Count the study's feedback in the engine and compare the period with the baseline.

    Raises NotEvaluableError('too_many_rejected', 'no_feedback_before', 'no_feedback_after').
    """
    asked = study.feedback
    assert asked is not None
    if records.tally(as_of).too_many_rejected:
        raise NotEvaluableError("too_many_rejected", f"Too many records of '{records.name}' were rejected.")
    after = Window(max(period.start, study.programme_start), min(period.end, as_of))
    earlier = [look for look in looks_until(study, period, as_of) if look.end < after.start][1 - MOST_PERIODS :]
    named = [Period(BASELINE, study.baseline), *earlier, Period(period.label, after)]
    by = (asked.category, *([asked.channel] if asked.channel else []))
    question = SimpleNamespace(
        where=(), metric=Rate(kind="rate", exposure="calendar-days"), cluster=None, standardise_by=by, phase_in=None
    )
    days = cuts(study, question, named, as_of)
    moments = goal_moments(records, question, as_of=as_of, timezone=study.timezone, cuts=days)
    before = _since_first(study.baseline, moments)
    if before is None:
        raise NotEvaluableError("no_feedback_before", "The baseline holds no feedback.")
    if not moments.counts[moments.within([after]), 0].sum():
        raise NotEvaluableError("no_feedback_after", "The period holds no feedback.")
    named[0] = Period(BASELINE, before)
    return _analysed(study, moments, named, bool(asked.channel))


def _since_first(baseline: Window, moments: Moments) -> Window | None:
    """Return the baseline from its first month with feedback: before it, nothing was recorded."""
    for month in baseline.months():
        if moments.counts[moments.within([month]), 0].sum():
            return Window(month.start, baseline.end)
    return None


def _analysed(study: Study, moments: Moments, named: Sequence[Period], channels: bool) -> FeedbackAnalysis:
    minimum, confidence = study.inference.minimum_cell, study.inference.confidence
    before, after = named[0].window, named[-1].window
    labels, code = _labels(moments, 0, MOST_CATEGORIES)
    table, mask = _by_period(moments, code, labels, named, minimum)
    months = [list(window.months()) for window in (before, after)]
    monthly = [_counts(moments, code, len(labels), arm) for arm in months]
    days = [np.array([month.days for month in arm], dtype=float) for arm in months]
    family = shifts(monthly, days, confidence)
    shown = [i for i in range(len(labels)) if not (mask[i, 0] or mask[i, -1])]
    categories = [
        Category(
            label=labels[i], before=int(monthly[0][i].sum()), after=int(monthly[1][i].sum()), number=number, share=share
        )
        for i in shown
        for number, share in [family[i]]
        if monthly[0][i].sum() + monthly[1][i].sum()
    ]
    categories.sort(key=lambda one: -one.after)
    total = int(monthly[0].sum()), int(monthly[1].sum())
    by_channel = channel_table = None
    if channels:
        names, channel = _labels(moments, 1, MOST_CHANNELS)
        channel_table, hidden = _by_period(moments, channel, names, named, minimum)
        inside = moments.within([after])
        cells = np.zeros((len(labels), len(names)), dtype=np.int64)
        np.add.at(cells, (code[inside], channel[inside]), moments.counts[inside, 0])
        by_channel = _crossed(labels, names, cells, minimum, mask[:, -1], hidden[:, -1])
    return FeedbackAnalysis(
        before=before,
        after=after,
        total=total,
        overall=shift(monthly[0].sum(axis=0), days[0], monthly[1].sum(axis=0), days[1], confidence),
        categories=tuple(categories),
        hidden=len(labels) - len(shown),
        problems=problems(categories, total[1], after.days / before.days),
        by_period=table,
        channels_by_period=channel_table,
        by_channel=by_channel,
        undated=moments.undated,
        tests=2 * len(labels),
        minimum=minimum,
        confidence=confidence,
    )


def _labels(moments: Moments, place: int, most: int) -> tuple[tuple[str | None, ...], NDArray[np.intp]]:
    """Return the labels of one grouping, most frequent first, the rest as one; and each cell's place among them."""
    totals: dict[str | None, int] = {}
    for stratum, count in zip(moments.stratum, moments.counts[:, 0], strict=True):
        label = moments.strata[stratum][place]
        totals[label] = totals.get(label, 0) + int(count)
    ranked = sorted(totals, key=lambda label: (-totals[label], label is None, label or ""))
    kept = ranked if len(ranked) <= most else [*ranked[: most - 1], OTHERS]
    position = {label: min(i, len(kept) - 1) for i, label in enumerate(ranked)}
    of_stratum = np.array([position.get(labels[place], 0) for labels in moments.strata], dtype=np.intp)
    return tuple(kept), of_stratum[moments.stratum]


def _counts(moments: Moments, code: NDArray[np.intp], size: int, windows: Sequence[Window]) -> Counts:
    """Return the items of each group in each window: (size, windows)."""
    columns = []
    for window in windows:
        inside = moments.within([window])
        columns.append(np.bincount(code[inside], weights=moments.counts[inside, 0], minlength=size))
    return np.round(np.stack(columns, axis=1)).astype(np.int64)


def _by_period(
    moments: Moments, code: NDArray[np.intp], labels: tuple[str | None, ...], named: Sequence[Period], minimum: int
) -> tuple[Crossed, Mask]:
    counts = _counts(moments, code, len(labels), [period.window for period in named])
    mask = np.stack([suppressed_list(column, minimum) for column in counts.T], axis=1)
    whole = np.vstack([counts, counts.sum(axis=0)])
    few = (whole[-1:] > 0) & (whole[-1:] < minimum)
    names = tuple(period.label for period in named)
    return Crossed(rows=labels, columns=names, cells=_cells(whole, np.vstack([mask, few]))), mask


def _crossed(
    rows: tuple[str | None, ...],
    columns: tuple[str | None, ...],
    counts: Counts,
    minimum: int,
    hidden_rows: Mask,
    hidden_columns: Mask,
) -> Crossed:
    hidden = suppressed_table(counts, minimum, hidden_rows, hidden_columns)
    whole = np.block([[counts, counts.sum(axis=1, keepdims=True)], [counts.sum(axis=0, keepdims=True), counts.sum()]])
    few = np.array([[0 < counts.sum() < minimum]])
    mask = np.block([[hidden, hidden_rows[:, None]], [hidden_columns[None, :], few]])
    return Crossed(rows=rows, columns=columns, cells=_cells(whole, mask))


def _cells(counts: Counts, hidden: Mask) -> tuple[tuple[int | None, ...], ...]:
    return tuple(
        tuple(None if hide else int(count) for count, hide in zip(row, hides, strict=True))
        for row, hides in zip(counts, hidden, strict=True)
    )


def shift(before: Array, days_before: Array, after: Array, days_after: Array, confidence: float) -> Shift:
    """Return how a rate changed: quasi-Poisson over months where they total twelve, exact below.

    Nothing before is no obstacle: the ratio is then infinite, and its lower limit finite.
    """
    here, there = days_before > 0, days_after > 0
    arms = (before[here], days_before[here]), (after[there], days_after[there])
    if not before.sum() + after.sum() or not here.any() or not there.any():
        return Shift(ratio=None, low=None, high=None, p=1.0)
    if before.sum():
        found = rate_ratio(*arms[0], *arms[1], confidence=confidence)
        ratio, low, high = found.estimate, found.low, found.high
    else:
        found = rate_ratio(*arms[1], *arms[0], confidence=confidence)
        ratio, low, high = math.inf, 1 / found.high if math.isfinite(found.high) else 0.0, math.inf
    return Shift(ratio=ratio, low=low, high=high, p=1.0 if found.p_change is None else found.p_change)


def shifts(monthly: Sequence[Counts], days: Sequence[Array], confidence: float) -> list[tuple[Shift, Shift]]:
    """Return each category's change in number a day and in share of all feedback, adjusted over all of them."""
    of_all = [arm.sum(axis=0).astype(float) for arm in monthly]
    found: list[Shift] = []
    for before, after in zip(*monthly, strict=True):
        found += [
            shift(before, days[0], after, days[1], confidence),
            shift(before, of_all[0], after, of_all[1], confidence),
        ]
    told = [
        Shift(
            ratio=one.ratio, low=one.low, high=one.high, p=one.p, p_adjusted=p, direction=_direction(one, p, confidence)
        )
        for one, p in zip(found, adjust([one.p for one in found], "holm"), strict=True)
    ]
    return list(zip(told[::2], told[1::2], strict=True))


def _direction(found: Shift, p_adjusted: float, confidence: float) -> Direction:
    if found.ratio is None or p_adjusted >= 1 - confidence:
        return "same"
    return "rose" if found.ratio > 1 else "fell"


def problems(categories: Sequence[Category], total: int, days: float) -> tuple[Problem, ...]:
    """Return what a manager would take up, in order.

    First the categories whose number a day rose beyond chance, by how many items that is more than the baseline's
    rate would have brought (size × rise); then the others of the most frequent that together make 80 % of all
    feedback, by size, unless their number fell beyond chance. `days` are the period's days over the baseline's.
    """
    ranked = sorted(categories, key=lambda one: -one.after)
    reached = np.cumsum([0, *(one.after for one in ranked)])[:-1]
    risen = [one for one in ranked if one.number.direction == "rose"]
    risen.sort(key=lambda one: -(one.after - one.before * days))
    large = [
        one
        for one, so_far in zip(ranked, reached, strict=True)
        if one.number.direction == "same" and so_far < HEAD * total and one.after
    ]
    chosen: list[tuple[Category, Literal["rose", "large"]]] = [(one, "rose") for one in risen]
    chosen += [(one, "large") for one in large]
    return tuple(
        Problem(label=one.label, count=one.after, extra=one.after - one.before * days, why=why) for one, why in chosen
    )
