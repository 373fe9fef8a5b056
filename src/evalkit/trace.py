"""From weakness to goal: what was promised, by whom, by when, and how far it is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from evalkit import formats, markup, wording
from evalkit.formats import Language

if TYPE_CHECKING:
    from evalkit.study import Study
    from evalkit.study.model import Measure


def in_effect(measure: Measure) -> date | None:
    """Return the day a measure came into effect: its actual start, else the planned one."""
    if measure.actual is not None:
        return measure.actual.start
    return measure.planned.start if measure.planned else None


def planned_text(measure: Measure, language: Language = "en") -> str:
    """Return the planned timetable in words."""
    _ = wording.translator(language)
    planned = measure.planned
    if planned is None:
        return _("no timetable")
    if planned.start is None:
        return _("ongoing")
    if planned.end is None:
        return _("ongoing from {day}").format(day=formats.day(planned.start, language))
    return formats.span(planned.start, planned.end, language)


def actual_text(measure: Measure, as_of: date, language: Language = "en") -> str:
    """Return how far a measure was on the cut-off day, and how that compares with its timetable."""
    _ = wording.translator(language)
    due = measure.planned.end if measure.planned else None
    if measure.actual is None or measure.actual.start > as_of:
        if due is None:
            return _("not recorded")
        planned = measure.planned.start if measure.planned else None
        return _("not started, behind timetable") if planned and planned <= as_of else _("not started")
    start, end = measure.actual.start, measure.actual.end
    since = formats.day(start, language)
    if end is None or end > as_of:
        if due is not None and due < as_of:
            over = _days((as_of - due).days, language)
            return _("since {start}, {days} over its timetable").format(start=since, days=over)
        return _("since {start}").format(start=since)
    told = formats.span(start, end, language)
    if due is None or end == due:
        return told
    late = (end - due).days
    if late > 0:
        return _("{span} ({days} late)").format(span=told, days=_days(late, language))
    return _("{span} ({days} early)").format(span=told, days=_days(-late, language))


def _days(number: int, language: Language) -> str:
    _ = wording.translator(language)
    return (_("{number} day") if number == 1 else _("{number} days")).format(number=number)


def table(study: Study, as_of: date, language: Language = "en", *, commitment: str | None = None) -> str:
    """Return the trace weakness → commitment → measure → owners → timetable → goals, one row a measure.

    `commitment` narrows it to what belongs to one commitment. Measures that serve no commitment come last.
    """
    _ = wording.translator(language)
    rows: list[tuple[str, ...]] = []
    for promise in study.commitments:
        if commitment in (None, promise.id):
            rows += _rows(study, promise.id, wording.title(promise, language), as_of, language)
    if commitment is None and any(measure.commitment is None for measure in study.measures):
        rows += _rows(study, None, "–", as_of, language)
    columns = (_("Measure"), _("Weakness"), _("Commitment"), _("Owners"), _("Planned"), _("Actual"), _("Goals"))
    return markup.table(_("From weakness to goal"), columns, rows).text


def _rows(study: Study, commitment: str | None, title: str, as_of: date, language: Language) -> list[tuple[str, ...]]:
    _ = wording.translator(language)
    separator = "、" if language == "zh" else ", "

    def named(things: Sequence[Any]) -> str:
        return separator.join(wording.title(one, language) for one in things if one.commitment == commitment) or "–"

    weaknesses, goals = named(study.weaknesses), named(study.goals)
    rows: list[tuple[str, ...]] = [
        (
            wording.title(measure, language),
            weaknesses,
            title,
            separator.join(measure.owners) or "–",
            planned_text(measure, language),
            actual_text(measure, as_of, language),
            goals,
        )
        for measure in study.measures
        if measure.commitment == commitment
    ]
    return rows or [(_("no measure"), weaknesses, title, "–", "–", "–", goals)]
