"""Planned against actual, as of a day."""

from __future__ import annotations

from datetime import date

import pytest

from evalkit.evaluation.timetable import standing
from evalkit.study.model import Measure

PLAN = {"start": "2025-01-01", "months": 3}
ONGOING = {"start": "2025-01-01", "ongoing": True}
DONE = {"start": "2025-01-06", "end": "2025-04-11"}


@pytest.mark.parametrize(
    ("planned", "actual", "as_of", "state", "late_start", "late"),
    [
        (PLAN, DONE, date(2025, 4, 11), "finished", 5, 11),
        (PLAN, DONE, date(2025, 4, 10), "overdue", 5, 10),
        (PLAN, DONE, date(2025, 3, 31), "running", 5, None),
        (PLAN, DONE, date(2025, 1, 5), "not_started", 4, None),
        (PLAN, None, date(2025, 5, 1), "not_started", 120, 31),
        (PLAN, None, date(2024, 12, 31), "waiting", None, None),
        (PLAN, {"start": "2024-12-20", "end": "2025-03-01"}, date(2025, 6, 30), "finished", -12, -30),
        (ONGOING, {"start": "2025-02-17"}, date(2025, 6, 30), "running", 47, None),
        ({"ongoing": True}, None, date(2025, 6, 30), "unknown", None, None),
        (None, {"start": "2025-02-17"}, date(2025, 6, 30), "running", None, None),
    ],
)
def test_standing(
    planned: object, actual: object, as_of: date, state: str, late_start: int | None, late: int | None
) -> None:
    measure = Measure.model_validate({"id": "m", "planned": planned, "actual": actual})
    found = standing(measure, as_of)
    assert (found.state, found.late_start, found.late) == (state, late_start, late)
    assert found.behind == (state in ("overdue", "not_started"))
    assert found.actual is None or found.actual[1] is None or found.actual[1] <= as_of
