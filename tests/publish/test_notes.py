"""What a page says of its history follows from the plans, the ledger and what stands published, and no more."""

from __future__ import annotations

import json
import re
from typing import Any

from evalkit.periods import parse_period
from evalkit.publish import issues, notes


def bare(text: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", text).replace("&nbsp;", " ").replace("&#x27;", "'").split())


def goal(name: str, estimate: float = 0.8, verdict: str = "inconclusive") -> dict[str, Any]:
    period = {"scale": "ratio", "estimate": estimate, "ci": [0.7, 0.95], "target_value": 0.9, "verdict": verdict}
    return {
        "id": name,
        "title": "Wait",
        "kind": "mean",
        "verdict": verdict,
        "evaluations": {"period": period, "to_date": None},
    }


def issue(number: int, data: dict[str, Any], plan: dict[str, Any], *goals: dict[str, Any]) -> issues.Issue:
    made = {"study": json.dumps(plan), "data": data, "code": "c", "versions": {}}
    results = {"as_of": "2026-03-31", "goals": goals, "provenance": made}
    return issues.Issue(period=parse_period("2026-Q1"), number=number, results=results, plan=plan)


def test_a_source_no_longer_read_is_no_other_records_and_a_renamed_goal_is_one_row() -> None:
    ask = {"title": "Wait", "source": "visits", "metric": {"kind": "mean"}}
    falls = {"id": "falls", "title": "Falls", "source": "safety", "metric": {"kind": "rate"}}
    read = {"visits": {"visits.csv": "1"}, "safety": {"safety.csv": "2"}}
    old = issue(1, read, {"goals": [{"id": "wait", **ask}, falls]}, goal("wait"), goal("falls"))
    new = issue(2, {"visits": read["visits"]}, {"goals": [{"id": "waiting", **ask}]}, goal("waiting", 0.7))
    facts = issues.compare(old, new)
    assert issues.causes(facts) == ["study"]
    told = bare(notes.revision_note(facts, "en", {"waiting": "Wait"}).text)
    assert "Other records" not in told
    assert "Record files no longer read: safety." in told
    assert "Another study file: goal removed: Falls; goal 'wait' is now called 'waiting'." in told
    assert [one["id"] for one in facts["goals"]] == ["waiting", "falls"]
    assert [side["estimate"] for side in facts["goals"][0]["windows"]["period"]] == [0.8, 0.7]
    back = issues.compare(new, old)
    assert "Record files now read too: safety." in bare(notes.revision_note(back, "en", {}).text)
    other = issue(2, {**read, "safety": {"safety.csv": "3"}}, old.plan or {}, goal("wait"))
    assert "Other records: safety (safety.csv)." in bare(notes.revision_note(issues.compare(old, other), "en", {}).text)
