"""From weakness to goal: what was promised, by whom, by when, and how far it is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from evalkit import formats, markup, wording
from evalkit.evaluation.timetable import standing
from evalkit.formats import Language

if TYPE_CHECKING:
    from evalkit.study import Study
    from evalkit.study.model import Measure


def in_effect(measure: Measure) -> date | None:
    """Return the day a measure came into effect: its actual start, else the planned one."""
    if measure.actual is not None:
        return measure.actual.start
    return measure.planned.start if measure.planned else None


def owner(name: str, language: Language = "en") -> str:
    """Return an owner as a reader knows it: an id's words set apart, one of two letters in capitals; else as it is.

    >>> owner("customer-service-centre"), owner("it"), owner("Ms Wu")
    ('customer service centre', 'IT', 'Ms Wu')
    """
    told = name.upper() if len(name) == 2 and name.islower() else name.replace("-", " ") if name.islower() else name
    return wording.looked_up("owner", name, told, language)


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
    _, stands = wording.translator(language), standing(measure, as_of)
    if stands.actual is None:
        told = {"unknown": _("not recorded"), "waiting": _("not started")}
        return told.get(stands.state, _("not started, behind timetable"))
    start, end = stands.actual
    if end is None:
        since, late = formats.day(start, language), stands.late
        if late is None:
            return _("since {start}").format(start=since)
        return _("since {start}, {days} over its timetable").format(start=since, days=days(late, language))
    span = formats.span(start, end, language)
    if not stands.late:
        return span
    compared = _("{span} ({days} late)") if stands.late > 0 else _("{span} ({days} early)")
    return compared.format(span=span, days=days(abs(stands.late), language))


def behind(study: Study, as_of: date, language: Language = "en") -> list[str]:
    """Return one sentence for each measure behind its timetable on the cut-off day, or one that says there is none."""
    _ = wording.translator(language)
    all_of_them = [(measure, standing(measure, as_of)) for measure in study.measures]
    late = sorted(all_of_them, key=lambda pair: -(pair[1].late or pair[1].late_start or 0))
    told = [
        _("{measure} ({owners}): {state}.").format(
            measure=wording.title(measure, language),
            owners=("、" if language == "zh" else ", ").join(owner(name, language) for name in measure.owners) or "–",
            state=actual_text(measure, as_of, language),
        )
        for measure, stands in late
        if stands.behind
    ]
    if told or not late:
        return told
    text = _("No measure is behind its timetable on {day}.").format(day=formats.day(as_of, language))
    done = [pair for pair in late if pair[1].state == "finished" and (pair[1].late or 0) > 0]
    if done:
        worst, stands = done[0]
        text += (" " if language == "en" else "") + _(
            "{count} of {all} were finished late, “{measure}” by {days}."
        ).format(
            count=len(done),
            all=len(late),
            measure=wording.title(worst, language),
            days=days(stands.late or 0, language),
        )
    return [text]


def has_context(study: Study) -> bool:
    """Return whether a study names anything beside its goals: weaknesses, measures, indicators or feedback."""
    return bool(study.weaknesses or study.measures or study.indicators or study.feedback)


def days(number: int, language: Language) -> str:
    """Return a number of days in words."""
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
            separator.join(owner(name, language) for name in measure.owners) or "–",
            planned_text(measure, language),
            actual_text(measure, as_of, language),
            goals,
        )
        for measure in study.measures
        if measure.commitment == commitment
    ]
    return rows or [(_("no measure"), weaknesses, title, "–", "–", "–", goals)]
