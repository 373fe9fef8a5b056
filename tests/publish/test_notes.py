"""What a page says of its history follows from the plans, the ledger and what stands published, and no more."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from evalkit.periods import parse_period
from evalkit.publish import issues, ledger, notes
from evalkit.study import Study, load

NOW = {"title": "now", "goals": [{"id": "score", "target": {"level": 4}}]}
NOTHING: dict[str, Any] = {"revision": None, "study_changed": None, "looks": []}


@pytest.fixture
def study(small_study: Path) -> Study:
    return load(small_study)


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


def test_the_verdict_to_date_that_differs_is_the_one_that_counts_beside_all_goals() -> None:
    def judged(*codes: str) -> dict[str, Any]:
        found = goal("wait", verdict="achieved")
        found["evaluations"]["to_date"] = found["evaluations"]["period"]
        return {**found, "flags": [{"code": code} for code in codes]}

    facts = issues.compare(issue(1, {}, {}, judged()), issue(2, {}, {}, judged("multiplicity_to_date")))
    (told,) = facts["goals"]
    assert [side["verdict"] for side in told["windows"]["to_date"]] == ["achieved", "inconclusive"]
    assert [side["verdict"] for side in told["windows"]["period"]] == ["achieved", "achieved"]
    page = bare(notes.revision_note(facts, "en", {}).text)
    assert re.search(r"Wait: Since implementation\s+Achieved\s+Inconclusive", page, re.I)


def lodged(out: Path, study: Study, period: str, issue: int = 1) -> dict[str, Any]:
    found = notes.lodged_facts(out, study, parse_period(period), issue)
    assert found is not None
    return found


def test_a_plan_lodged_after_periods_had_ended_says_that_nothing_was_pre_registered(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def at(day: str) -> None:
        monkeypatch.setattr(ledger, "now", lambda: datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=UTC))

    def told(period: str, issue: int = 1) -> str:
        return bare(notes.history({**NOTHING, "lodged": lodged(tmp_path, study, period, issue)}, "en", {}).text)

    at("2025-11-26")
    first = "The plan was lodged with this issue, the first publication."
    pages = [told(period) for period in ("2025-Q1", "2025-Q3")]
    assert pages[0] == pages[1] != ""
    assert pages[0].startswith(f"{first} By then 3 of the programme's periods had ended, this one among them: nothing")
    assert told("2025-Q4") == "", "it had not ended"
    ledger.append(tmp_path, {"period": "2025-Q1", "issue": 1, "made_from": {"study": study.hash}, "files": {}})
    ledger.replace_text(tmp_path / ledger.STUDY, json.dumps({"plan": {"study": study.hash, "content": {}}}))
    at("2026-02-01")
    assert told("2025-Q1") == pages[0], "rendered anew it says the same"
    assert told("2025-Q3").startswith("The plan was lodged with the first publication: 2025-Q1, issue 1. By then 3 of")
    assert told("2025-Q4") == "", "it was to come"
    changed = {"changed": [], "now": True, "changes": [{"key": "title", "old": "a", "new": "b"}]}
    for period, then in (
        ("2025-Q1", "this one among them: nothing was pre-registered."),
        ("2025-Q4", "By then 3 of the programme's periods had ended, this one not."),
    ):
        facts = {**NOTHING, "study_changed": changed, "lodged": lodged(tmp_path, study, period, 2)}
        note = bare(notes.history(facts, "en", {}).text)
        assert "first publication: 2025-Q1, issue 1, published on 26 November 2025." in note
        assert then in note


def test_the_first_period_of_a_programme_had_ended_when_it_was_published(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "now", lambda: datetime(2025, 4, 5, tzinfo=UTC))
    facts = {**NOTHING, "lodged": lodged(tmp_path, study, "2025-Q1")}
    assert bare(notes.history(facts, "en", {}).text).endswith(
        "By then this period had ended: nothing was pre-registered."
    )


def test_a_page_names_the_period_before_where_it_is_published_with_another_cut_off_or_plan(
    study: Study, tmp_path: Path
) -> None:
    (tmp_path / "2025-Q3").mkdir()

    def publish(as_of: str, level: float = 4) -> dict[str, Any] | None:
        plan = {"title": "then", "goals": [{"id": "score", "target": {"level": level}}]}
        (tmp_path / "2025-Q3" / "provenance.json").write_text(json.dumps({"plan": plan}))
        results = {"period": "2025-Q3", "as_of": as_of, "goals": [goal("score", 0.897, "inconclusive")]}
        (tmp_path / "2025-Q3" / "results.json").write_text(json.dumps(results))
        return notes.last_facts(tmp_path, study, parse_period("2025-Q4"), NOW)

    assert publish("2025-09-30") is None
    facts = {**NOTHING, "last": publish("2026-01-31")}
    told = bare(notes.history(facts, "en", {"score": "Score"}, last=True).text)
    assert "compares with 2025-Q3 cut off on 30 September 2025, its own end" in told
    assert "(issue 1) was cut off on 31 January 2026. That report says: Score: inconclusive, −10.3 %" in told
    other = bare(notes.history({**NOTHING, "last": publish("2025-09-30", 5)}, "en", {}, last=True).text)
    assert "(issue 1) was made under another plan. That report says:" in other
    assert notes.history(facts, "en", {}).text == "", "other pages do not compare with it"
    assert notes.last_facts(tmp_path, study, parse_period("2025-Q1"), NOW) is None
