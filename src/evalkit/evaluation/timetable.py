"""How far the measures are: planned against actual, as of a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from evalkit.study.model import Measure

State = Literal["finished", "running", "overdue", "waiting", "not_started", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One measure as of a day.

    `overdue`: runs beyond its planned end; `not_started`: should have begun; `waiting`: need not yet; `unknown`: has
    neither dates nor a planned start. `planned` and `actual` are (start, end), the end None while there is none;
    nothing after the day is in `actual`. `late_start` and `late` are days behind plan (negative: early) at the
    start and at the end, so far for a measure that still runs or has not begun; None where the plan has no such date.
    """

    id: str
    state: State
    planned: tuple[date, date | None] | None
    actual: tuple[date, date | None] | None
    late_start: int | None
    late: int | None

    @property
    def behind(self) -> bool:
        """Whether it stands behind its timetable now: not begun or not finished though planned to be."""
        return self.state in ("overdue", "not_started")


def standing(measure: Measure, as_of: date) -> Standing:
    """Return how a measure stands against its timetable on a day."""
    start, end = (measure.planned.start, measure.planned.end) if measure.planned else (None, None)
    actual = measure.actual if measure.actual and measure.actual.start <= as_of else None
    ended = actual.end if actual and actual.end and actual.end <= as_of else None
    state: State
    if actual is None:
        state = "unknown" if start is None else "waiting" if start > as_of else "not_started"
    elif ended is not None:
        state = "finished"
    else:
        state = "overdue" if end is not None and end < as_of else "running"
    begun = actual.start if actual else as_of if state == "not_started" else None
    over = ended or (as_of if end is not None and end < as_of else None)
    return Standing(
        id=measure.id,
        state=state,
        planned=(start, end) if start else None,
        actual=(actual.start, ended) if actual else None,
        late_start=(begun - start).days if begun and start else None,
        late=(over - end).days if over and end else None,
    )
