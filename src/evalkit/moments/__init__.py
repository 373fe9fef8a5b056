"""Sufficient statistics of goals: sums per cell of month, window segment, cluster and stratum.

Every metric is Σa / Σb over records (see `inference.contrast`). For every cell one query yields the sums of a and b to
third order; whatever the number of records, only cells enter Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from evalkit.errors import StudyError
from evalkit.moments.cells import COUNTS, SUMS, Moments, calendar_exposure, merge_exposure, unclustered
from evalkit.moments.query import Ask, moments_at
from evalkit.moments.terms import cutoff_instant, record_terms

if TYPE_CHECKING:
    from evalkit.records import Records

__all__ = [
    "COUNTS",
    "SUMS",
    "Ask",
    "Moments",
    "calendar_exposure",
    "check_exposure",
    "cutoff_instant",
    "exposure_moments",
    "goal_moments",
    "merge_exposure",
    "moments_at",
    "record_terms",
    "unclustered",
]


def goal_moments(records: Records, goal: Any, *, as_of: date, timezone: str, cuts: Sequence[date]) -> Moments:
    """Return the goal's moments up to the cut-off. `cuts` are the days at which windows begin or have ended."""
    [found] = moments_at(records, [Ask(question=goal)], cutoffs=[as_of], timezone=timezone, cuts=cuts)
    return found[as_of]


def exposure_moments(records: Records, goal: Any, *, as_of: date, cuts: Sequence[date]) -> Moments:
    """Return the exposure of a rate from its own source: b is the exposure, a is zero. Raises as `check_exposure`."""
    check_exposure(records, goal)
    [found] = moments_at(records, [Ask(question=goal, exposure=True)], cutoffs=[as_of], timezone="UTC", cuts=cuts)
    return found[as_of]


def check_exposure(records: Records, goal: Any) -> None:
    """Raise StudyError where the source of a rate's exposure lacks the columns by which the goal groups."""
    names = {field.name for field in records.source.fields}
    wanted = [*goal.standardise_by, *([goal.cluster] if goal.cluster else [])]
    if absent := [column for column in wanted if column not in names]:
        raise StudyError(
            f"goal '{goal.id}': groups by {', '.join(absent)}, but the source of its exposure, '{records.name}', "
            f"has no such field (it has {', '.join(sorted(names))}); declare it there or leave the grouping out."
        )
