"""Values that a study asks for and no record has: told by `check`, with those that the column does hold."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from evalkit.errors import printable
from evalkit.records.fetch import fetch
from evalkit.study.yaml_lines import shortened

if TYPE_CHECKING:
    import ibis

    from evalkit.records import Records
    from evalkit.study import Study

FEW, NEAR, LOOKED_AT = 12, 3, 1000


def unmet(study: Study, sources: Sequence[Records]) -> list[str]:
    """Return a sentence for each value that a success or a `where` asks for and no accepted record has."""
    told: list[str] = []
    for records in sources:
        questions = [one for one in (*study.goals, *study.indicators) if one.source == records.name]
        wanted = [(one, *condition) for one in questions for condition in _conditions(one)]
        if not wanted or records.rejected == records.found:
            continue
        table = records.valid
        hits = {f"n{place}": (table[column] == value).sum() for place, (_, _, column, value) in enumerate(wanted)}
        (counts,) = fetch(table.agg(**hits))
        for place, (question, where, column, value) in enumerate(wanted):
            if not counts[f"n{place}"]:
                holds = held(study, records, table, column, value)
                told.append(printable(f"{question.id}: no record has {column} = {_quoted(value)} ({where}); {holds}"))
    return told


def _conditions(question: Any) -> Iterator[tuple[str, str, Any]]:
    """Yield the place in the question, the column and the value of every condition that asks for one."""
    success = getattr(question.metric, "success", None)
    if success is not None and success.equals is not None:
        yield "metric.success", success.column, success.equals
    for number, condition in enumerate(question.where):
        values = (condition.equals,) if condition.equals is not None else condition.in_ or ()
        yield from ((f"where[{number}]", condition.column, value) for value in values)


def held(study: Study, records: Records, table: ibis.Table, column: str, wanted: Any = None) -> str:
    """Say what values a column of these records holds: all where they are few, else those nearest to one wanted.

    Of a column whose values are each a record's own, or people's words, only how many they are.
    """
    rows = table.select(value=table[column])
    rows = rows.filter(rows.value.notnull())
    groups = rows.group_by("value").agg(n=rows.count())
    found = fetch(groups.order_by(groups.n.desc(), groups.value).limit(LOOKED_AT))
    if not found:
        return "the column is empty."
    number = f"{LOOKED_AT} different values or more" if len(found) == LOOKED_AT else f"{len(found)} different values"
    if is_own(study, records, column):
        return f"the column holds {number}."
    if len(found) <= FEW:
        return f"the column holds {_listed(found)}."
    near = _nearest(found, wanted)
    which = "the nearest are" if near else "the most frequent are"
    return f"the column holds {number}; {which} {_listed(near or found[:NEAR])}."


def is_own(study: Study, records: Records, column: str) -> bool:
    """Return whether a column's values are each a record's own, or what people wrote."""
    field = next(one for one in records.source.fields if one.name == column)
    words = study.feedback is not None and (study.feedback.source, study.feedback.text) == (records.name, column)
    return words or field.constraints.unique or column == records.source.key


def _nearest(found: Sequence[dict[str, Any]], wanted: Any) -> list[dict[str, Any]]:
    if isinstance(wanted, int | float):
        return sorted(found, key=lambda row: abs(row["value"] - wanted))[:NEAR]
    if not isinstance(wanted, str):
        return []
    by_text = {str(row["value"])[:100].casefold(): row for row in reversed(found)}
    return [by_text[text] for text in difflib.get_close_matches(wanted[:100].casefold(), by_text, n=NEAR)]


def _listed(found: Sequence[dict[str, Any]]) -> str:
    return ", ".join(f"{_quoted(row['value'])} ({row['n']} ×)" for row in found)


def _quoted(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return (
        f"'{shortened(value)}'"
        if isinstance(value, str)
        else f"{value:.15g}"
        if isinstance(value, float)
        else f"{value}"
    )
