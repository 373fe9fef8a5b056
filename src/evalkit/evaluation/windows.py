"""Which days make up the two sides of a goal's comparison."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.errors import NotEvaluableError, ParameterError
from evalkit.inference.contrast import Array
from evalkit.periods import Period, Window

if TYPE_CHECKING:
    from evalkit.study import Study


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The days of both sides. `asked` is the window before phase-in, cut-off and days before the programme were taken
    off; `due` are the days after of which every record counts by the cut-off, all where nothing is said.
    """

    before: Window
    after: tuple[Window, ...]
    asked: Window
    due: tuple[Window, ...] = ()

    @property
    def span(self) -> Window:
        return Window(self.after[0].start, self.after[-1].end)

    @property
    def days(self) -> int:
        return sum(window.days for window in self.after)

    @property
    def after_months(self) -> Array:
        """The share of the days that count after which each calendar month holds (see month_shares)."""
        return month_shares(self.due or self.after)


def check_period(study: Study, period: Period, as_of: date) -> None:
    """Raise ParameterError for a study without goals, a period before the programme or one after the cut-off."""
    if not study.goals:
        raise ParameterError(f"{study.path}: has no goals yet; write what was promised under `goals`.")
    if period.end < study.programme_start:
        raise ParameterError(
            f"The period {period.label} ends on {period.end}, before the programme starts on {study.programme_start}; "
            "it is part of the baseline. Name a later period."
        )
    if period.start > as_of:
        raise ParameterError(
            f"The period {period.label} begins on {period.start}, after the data cut-off {as_of}; name an earlier "
            "period or a later cut-off."
        )


def period_comparison(study: Study, question: Any, period: Period, as_of: date) -> Comparison:
    """Return the comparison of one period with the baseline.

    Raises NotEvaluableError when nothing of the period is left to evaluate.
    """
    return _comparison(study, question, period.window, as_of)


def to_date_comparison(study: Study, question: Any, period: Period, as_of: date) -> Comparison | None:
    """Return the comparison of everything since phase-in (or programme start), or None before it begins."""
    phase_in = study.windows_of(question)[1]
    start = phase_in.end + timedelta(days=1) if phase_in else study.programme_start
    if start > min(period.end, as_of):
        return None
    return _comparison(study, question, Window(start, period.end), as_of)


def looks_until(study: Study, period: Period, as_of: date) -> tuple[Period, ...]:
    """Return the calendar periods at whose end the study looks at everything to date, this period last.

    They come from the calendar, never from what was published. A look at or after the cut-off is still to come: what
    is seen of this period is all that such a look could see.
    """
    last = min(period.end, as_of)
    ended = tuple(p for p in study.periods(last) if p.end < last)
    return (*ended, period)


def _comparison(study: Study, question: Any, asked: Window, as_of: date) -> Comparison:
    baseline, phase_in = study.windows_of(question)
    start = max(asked.start, study.programme_start)
    if start > as_of:
        raise NotEvaluableError("after_cutoff", f"The window {asked} begins after the data cut-off {as_of}.")
    after = Window(start, min(asked.end, as_of)).minus(phase_in)
    if not after:
        raise NotEvaluableError(
            "inside_phase_in",
            f"The window {asked} lies wholly inside the goal's phase-in {phase_in}; it belongs to neither side.",
        )
    last = as_of - days_allowed(question.metric)
    due = tuple(Window(part.start, min(part.end, last)) for part in after if part.start <= last)
    return Comparison(before=baseline, after=after, asked=asked, due=due)


def days_allowed(metric: Any) -> timedelta:
    """Return the whole days that a metric waits before a record counts."""
    timed = metric.success if metric.kind == "proportion" else getattr(metric, "value", None)
    within = getattr(timed, "within", None)
    return timedelta(days=math.ceil(within.seconds / 86_400) if within else 0)


def cuts(study: Study, question: Any, periods: Iterable[Period], as_of: date) -> tuple[date, ...]:
    """Return every day at which a window of these periods begins or has ended, in order."""
    baseline, phase_in = study.windows_of(question)
    windows = [baseline, *([phase_in] if phase_in else []), *(period.window for period in periods)]
    days = {day for window in windows for day in (window.start, window.end + timedelta(days=1))}
    return tuple(sorted(days | {study.programme_start, as_of + timedelta(days=1)}))


def atomic(days: tuple[date, ...]) -> list[Window]:
    """Return the windows between consecutive cuts: disjoint, and each wholly in or out of every window."""
    return [Window(start, end - timedelta(days=1)) for start, end in pairwise(days)]


def month_shares(windows: Iterable[Window]) -> Array:
    """Return the share of the windows' days that each calendar month holds, January first.

    >>> month_shares([Window(date(2025, 1, 1), date(2025, 1, 31))]).tolist()[:2]
    [1.0, 0.0]
    """
    days = np.zeros(12)
    for window in windows:
        for month in window.months():
            days[month.start.month - 1] += month.days
    shares: Array = days / days.sum()
    return shares
