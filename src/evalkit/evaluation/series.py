"""A goal's metric over time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.evaluation.windows import days_allowed
from evalkit.periods import Frequency, Period, Window, add_months, period_containing
from evalkit.records.days import latest_day, on_first_days
from evalkit.records.fetch import fetch
from evalkit.records.fields import DAY

if TYPE_CHECKING:
    import ibis
    import pandas as pd

    from evalkit.records import Records
    from evalkit.study import Study

GRACE_DAYS = 7  # records need not reach a period's very last day for it to count as finished


def series(
    study: Study, question: Any, frequency: Frequency, as_of: date | None, records: Callable[[str], Records]
) -> pd.DataFrame:
    """Return the metric by calendar period and phase (see OpenStudy.series)."""
    import pandas as pd

    from evalkit.evaluation.conductor import moments_of

    cutoff = _cutoff(study, question, as_of, records)
    whole = Window(study.baseline.start, max(cutoff, study.baseline.end))
    asked = moments_of(study, question, [Period("all", whole)], cutoff, records)
    rows = []
    for phase, window in _phases(study, question, whole):
        for start, end in _cut(window, frequency):
            inside = asked.moments.within([Window(start, end)])
            a, b = asked.moments.sums[inside, :2].sum(axis=0)
            rows.append(
                {
                    "start": start,
                    "end": end,
                    "value": a / b if b > 0 else np.nan,
                    "records": int(asked.moments.counts[inside, 0].sum()),
                    "numerator": a,
                    "denominator": b,
                    "phase": phase,
                }
            )
    return pd.DataFrame(rows, columns=["start", "end", "value", "records", "numerator", "denominator", "phase"])


def partial(
    study: Study,
    question: Any,
    frame: pd.DataFrame,
    frequency: Frequency,
    as_of: date | None,
    records: Callable[[str], Records],
) -> pd.Series:
    """Return which rows of a goal's `series` hold part of their calendar period only: their value is not its value.

    A window begins or ends within it, the cut-off does, or its last records have not been followed up for long enough
    by then. That up to a week is missing changes little, and a goal that waits a day loses no month by it.
    """
    import pandas as pd

    last = _cutoff(study, question, as_of, records) - days_allowed(question.metric)
    lost = [
        period_containing(start, frequency).window.days - max((min(end, last) - start).days + 1, 0)
        for start, end in zip(frame["start"], frame["end"], strict=True)
    ]
    return pd.Series([days > GRACE_DAYS for days in lost], index=frame.index, dtype=bool)


def baseline_target(question: Any, frame: pd.DataFrame) -> float | None:
    """Return a goal's target on its metric's own scale, as its series are compared with it; None without one.

    A relative target is one of the baseline in `frame`. Where the estimate holds the mix or the months, or is one
    against the expected course, there is none: what is promised of those is not promised of every month as recorded.
    """
    from evalkit.evaluation.window import held_of

    target = getattr(question, "target", None)
    if target is None or held_of(question):
        return None
    if target.scale == "level":
        return float(target.value)
    a, b = frame.loc[frame["phase"] == "baseline", ["numerator", "denominator"]].sum()
    if not b > 0:
        return None
    return float(a / b * target.value if target.scale == "ratio" else a / b + target.value)


def _cutoff(study: Study, question: Any, as_of: date | None, records: Callable[[str], Records]) -> date:
    source = records(question.source)
    return as_of or last_told(source.valid, source.source.time) or study.baseline.end


def first_and_last(records: Records) -> tuple[date | None, date | None]:
    """Return the days of the earliest and the latest accepted record, (None, None) without any."""
    valid = records.valid
    row = fetch(valid.agg(first=valid[DAY].min(), last=valid[DAY].max()))[0]
    return row["first"], row["last"]


def last_told(table: ibis.Table, time: str | tuple[str, ...], until: date | None = None) -> date | None:
    """Return the last day of which the records (up to a day) tell, None without any; `time` as their source has it.

    It is that of the latest record; of totals of months it is that month's end, or today while the month lasts.
    """
    last = latest_day(table, time, until)
    if last is None or not on_first_days(table, last):
        return last
    return max(last, min(add_months(last, 1) - timedelta(days=1), date.today()))


def last_day(questions: Sequence[Any], records: Callable[[str], Records], until: date | None = None) -> date | None:
    """Return the last day of which some record of these goals tells, of those up to a day (today): later are mistakes.

    Records of a rate's exposure are asked too, for without events they alone tell; and rejected ones, for to tell them
    apart takes a whole reading. None without any.
    """
    names: dict[str, None] = {}
    for question in questions:
        exposure = getattr(question.metric, "exposure", None)
        names |= dict.fromkeys([question.source, *([] if isinstance(exposure, str | None) else [exposure.source])])
    end = min(until or date.today(), date.today())
    told = (last_told(source.table, source.source.time, end) for source in map(records, names))
    return max((day for day in told if day), default=None)


def _phases(study: Study, question: Any, whole: Window) -> list[tuple[str, Window]]:
    baseline, phase_in = study.windows_of(question)
    found = [("baseline", baseline)]
    if whole.end >= study.programme_start:
        programme = Window(study.programme_start, whole.end)
        during = programme.intersect(phase_in) if phase_in else None
        if during:
            found.append(("phase-in", during))
        found += [("after", part) for part in programme.minus(phase_in)]
    return sorted(found, key=lambda item: item[1].start)


def _cut(window: Window, frequency: Frequency) -> list[tuple[date, date]]:
    parts: dict[str, list[date]] = {}
    for month in window.months():
        label = period_containing(month.start, frequency).label
        parts.setdefault(label, [month.start, month.end])[1] = month.end
    return [(start, end) for start, end in parts.values()]
