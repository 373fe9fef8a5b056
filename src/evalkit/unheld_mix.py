"""Columns whose mix moved since the programme began, and the goals that do not hold it: told by `check`.

A better mean or share can be a mix of easier records alone; whoever names no `standardise_by` is not told so elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from evalkit.errors import printable
from evalkit.evaluation.scopes import measured
from evalkit.records.fetch import fetch
from evalkit.records.fields import DAY
from evalkit.study.yaml_lines import listed, shortened

if TYPE_CHECKING:
    import ibis

    from evalkit.records import Records
    from evalkit.study import Study

FEW = 20  # values of a column that is a mix
MOVED, BY_CHANCE = 0.05, 0.001  # of the records; the chance of such a table were nothing to have moved
_KINDS = ("string", "boolean", "integer")


def unheld_mixes(study: Study, records: Records) -> list[str]:
    """Return a sentence for each column of the source whose mix moved, where some goal does not hold it."""
    goals = [one for one in study.goals if one.source == records.name and one.metric.kind != "rate"]
    if not goals or records.rejected == records.found:
        return []
    table = records.valid
    late = table[DAY] >= study.programme_start
    early = (table[DAY] >= study.baseline.start) & (table[DAY] <= study.baseline.end)
    rows = table.filter(early | late).mutate(_late=late)
    told = []
    for column, open_goals in _candidates(study, records, goals):
        if moved := _moved(rows, column):
            told.append(printable(f"  {moved}; not held by {listed(open_goals, FEW)} (`standardise_by`)"))
    return told


def _candidates(study: Study, records: Records, goals: list[Any]) -> Iterator[tuple[str, list[str]]]:
    """Yield the columns that could be a mix, with the goals that neither measure nor hold them."""
    source, feedback = records.source, study.feedback
    apart = {source.key, *((source.time,) if isinstance(source.time, str) else source.time)}
    apart |= {feedback.text} if feedback is not None and feedback.source == records.name else set()
    for field in source.fields:
        if field.type in _KINDS and field.name not in apart and not field.constraints.unique:
            open_goals = [goal.id for goal in goals if field.name not in _columns(goal)]
            if open_goals:
                yield field.name, open_goals


def _columns(goal: Any) -> set[str]:
    """Return the columns that a goal measures, selects by or holds."""
    return {goal.cluster, *goal.standardise_by, *(condition.column for condition in goal.where)} | measured(goal)


def _moved(rows: ibis.Table, column: str) -> str:
    """Say by how much the mix of a column moved between baseline and programme; nothing where it hardly did."""
    groups = rows.group_by(value=rows[column]).agg(late=rows["_late"].sum(), n=rows.count())
    found = fetch(groups.limit(FEW + 1))
    if not 2 <= len(found) <= FEW:
        return ""
    after = np.array([row["late"] for row in found], dtype=np.float64)
    before = np.array([row["n"] for row in found], dtype=np.float64) - after
    if not before.sum() or not after.sum():
        return ""
    shares = before / before.sum(), after / after.sum()
    apart = 0.5 * float(np.abs(shares[1] - shares[0]).sum())
    if apart < MOVED or stats.chi2_contingency([before, after]).pvalue > BY_CHANCE:
        return ""
    grown = shares[1] - shares[0]
    most = max(
        range(len(found)), key=lambda i: (round(abs(float(grown[i])), 9), float(grown[i]), str(found[i]["value"]))
    )
    value = "no value" if found[most]["value"] is None else f"'{shortened(str(found[most]['value']))}'"
    was, now = (round(100 * float(share[most])) for share in shares)
    return f"the mix of {column} moved by {100 * apart:.0f} points since the baseline ({value} {was} % → {now} %)"
