"""Earlier looks at everything to date: which were published from other records than today's, and how they differ.

An interval over several looks takes them from the calendar and from today's records, never from what was published;
so a reader who compares it with an earlier report must be told where that report saw something else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalkit.evaluation.gather import Question, gathered
from evalkit.evaluation.looks import look_again
from evalkit.evaluation.windows import looks_until
from evalkit.periods import Period, parse_date
from evalkit.publish import issues
from evalkit.publish.compare import differences
from evalkit.publish.inputs import Inputs

if TYPE_CHECKING:
    from evalkit.study import Study


def other_looks(inputs: Inputs, period: Period, as_of: date, out: Path) -> list[dict[str, Any]]:
    """Return, as plain data, the earlier looks that stand published with other records than they have today.

    A look is a calendar period that ended before this one, cut off at its own end; one that stands with another cut-off
    (`as_of`, then and now) saw other records by that alone. Of each goal that differs, `to_date` holds records and
    estimate then and now (estimates count where the scale is still the same); a goal that the published report had not
    is left out. Nothing is asked where the study plans no looks, and no records are read while study and record files
    are those of the issue that stands; else all such looks share one query, apart from the period's own, whose results
    must not depend on what is published.
    """
    file = inputs.study.file
    if file.inference.sequential == "none":
        return []
    known = [issues.read(out, look) for look in looks_until(file, period, as_of)[:-1]]
    asked = [issue for issue in known if issue is not None and issue.results and not _as_today(inputs, issue)]
    if not asked:
        return []
    looks = [((issue.period,), issue.period.end) for issue in asked]
    goals = gathered(file, file.goals, looks, inputs.study.source_records)
    found = [_compared(file, issue, [at[place] for at in goals]) for place, issue in enumerate(asked)]
    return [look for look in found if look["goals"] or look["as_of"][0] != look["as_of"][1]]


def _cutoffs(issue: issues.Issue) -> list[str]:
    """Return the cut-off with which a look stands published, and its own."""
    then = parse_date(issue.results.get("as_of"), f"the data cut-off in the results.json of {issue}")
    return [then.isoformat(), issue.period.end.isoformat()]


def _as_today(inputs: Inputs, issue: issues.Issue) -> bool:
    """Return whether hashes alone show that a look saw today's records; other code makes no other records."""
    then, now = _cutoffs(issue)
    made = issue.made_from
    same = made.get("data") == inputs.data and made.get("study") == inputs.study.file.hash
    return then == now and same and inputs.all_hashed


def _compared(study: Study, issue: issues.Issue, asked: list[Question]) -> dict[str, Any]:
    return {
        "period": issue.period.label,
        "issue": issue.number,
        "as_of": _cutoffs(issue),
        "goals": list(_goals(study, issue, asked)),
    }


def _goals(study: Study, issue: issues.Issue, asked: list[Question]) -> Iterator[dict[str, Any]]:
    published = {goal["id"]: goal for goal in issue.results.get("goals", ())}
    for one in asked:
        goal = published.get(one.question.id)
        if goal is None:
            continue
        again = look_again(study, one, issue.period)
        then, now = _figures(goal["evaluations"]["to_date"]), _figures(again.to_dict() if again else None)
        rescaled = then is not None and now is not None and then["scale"] != now["scale"]
        if any(differences(then, now, skip=frozenset({"scale", "estimate"}) if rescaled else frozenset())):
            yield {"id": one.question.id, "kind": one.question.metric.kind, "to_date": [then, now]}


def _figures(evaluation: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if evaluation is None:
        return None
    records = {f"records_{arm}": (evaluation[arm] or {}).get("records") for arm in ("before", "after")}
    return {**records, "scale": evaluation["scale"], "estimate": evaluation["estimate"]}
