"""A goal's metric over time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

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

    source = records(question.source)
    cutoff = as_of or last_told(source.valid, source.source.time) or study.baseline.end
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


def first_and_last(records: Records) -> tuple[date | None, date | None]:
    """Return the days of the earliest and the latest accepted record, (None, None) without any."""
    valid = records.valid
    row = fetch(valid.agg(first=valid[DAY].min(), last=valid[DAY].max()))[0]
    return row["first"], row["last"]


def last_told(table: ibis.Table, time: str | tuple[str, ...]) -> date | None:
    """Return the last day of which the records tell, None without any; `time` as their source declares it.

    It is that of the latest record; of totals of months it is that month's end, or today while the month lasts.
    """
    last = latest_day(table, time)
    if last is None or not on_first_days(table, last):
        return last
    return max(last, min(add_months(last, 1) - timedelta(days=1), date.today()))


def last_day(questions: Sequence[Any], records: Callable[[str], Records]) -> date | None:
    """Return the last day of which some record of these goals tells, today at most: later ones are mistakes.

    Records of a rate's exposure are asked too, for without events they alone tell; and rejected ones, for to tell them
    apart takes a whole reading. None without any.
    """
    names: dict[str, None] = {}
    for question in questions:
        exposure = getattr(question.metric, "exposure", None)
        names |= dict.fromkeys([question.source, *([] if isinstance(exposure, str | None) else [exposure.source])])
    told = (last_told(source.table, source.source.time) for source in map(records, names))
    days = [day for day in told if day]
    return min(max(days), date.today()) if days else None


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
