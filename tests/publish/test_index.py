"""A page leads to the periods beside its own, and only where no later publication can come between."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

from evalkit.periods import parse_period
from evalkit.publish import index, ledger


def published(out: Path, *periods: str) -> Path:
    for name in periods:
        folder = out / parse_period(name).slug
        folder.mkdir(parents=True)
        results = {"study": "one", "period": name, "as_of": "2026-01-01", "goals": []}
        (folder / "results.json").write_text(json.dumps(results))
        (folder / "score.html").touch()
        ledger.append(out, {"period": name, "issue": 1, "files": {}})
    return out


def test_a_page_leads_to_the_periods_that_adjoin_it(tmp_path: Path) -> None:
    out = published(tmp_path, "2025-Q2", "2025-Q3", "2025-12", "2026-Q1", "2026-01", "2026-Q2")
    links = {
        name: [text for text, _href in index.neighbours(out, parse_period(name), "score", "en")]
        for name in ("2025-Q3", "2025-Q4", "2026-Q2", "2025-12")
    }
    assert links["2025-Q3"] == ["← 2025-Q2"], "2025-Q4 may still come"
    assert links["2025-Q4"] == ["← 2025-Q3", "2026-Q1 →"]
    assert links["2026-Q2"] == ["← 2026-Q1"], "the newest has nothing later"
    assert links["2025-12"] == ["2026-01 →"], "of two that adjoin, the one alike"
    assert index.neighbours(out, parse_period("2025-Q4"), "score", "en")[0][1] == "../2025-Q3/score.html"


def test_a_year_stands_after_its_last_quarter(tmp_path: Path) -> None:
    out = published(tmp_path, "2025", "2025-Q3", "2025-Q4")
    results = out / "2025" / "results.json"
    goal = {"id": "score", "title": "Score", "verdict": "achieved", "evaluations": {}, "kind": "mean"}
    results.write_text(json.dumps(json.loads(results.read_text()) | {"goals": [goal]}))
    ledger.replace_text(out / ledger.STUDY, json.dumps({"id": "one", "title": {"en": "One"}, "goals": {}}))
    history = index.texts(out)["index.html"].partition("Verdict history")[2].partition("</ul>")[0]
    assert re.findall(r"<li><span>([^<]+)</span>", history) == ["2025-Q3", "2025-Q4", "2025"]


def test_all_periods_leads_to_the_pages_own_row(tmp_path: Path) -> None:
    out = published(tmp_path, "2025-Q3")
    ledger.replace_text(out / ledger.STUDY, json.dumps({"id": "one", "title": {"en": "One"}, "goals": {}}))
    href = index.row_of(parse_period("2025-Q3"), "en")
    assert href == "../index.html#p-2025-Q3"
    assert 'id="p-2025-Q3"' in index.texts(out)["index.html"]


def bare(text: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def goal(name: str, verdict: str, title: str = "Wait", target: float = 0.9) -> dict[str, Any]:
    period = {"scale": "ratio", "estimate": 0.8, "ci": [0.7, 0.95], "target_value": target, "verdict": verdict}
    return {"id": name, "title": title, "kind": "mean", "verdict": verdict, "evaluations": {"period": period}}


def issue(out: Path, name: str, plan: dict[str, Any] | None, *goals: dict[str, Any], as_of: str = "") -> None:
    """Publish a period under a plan; without one only the study file's hash is known."""
    period = parse_period(name)
    (out / period.slug).mkdir(parents=True)
    results = {"study": "one", "period": name, "as_of": as_of or str(period.end), "goals": goals}
    made = {"study": str(plan)}
    (out / period.slug / "results.json").write_text(json.dumps({**results, "provenance": made}))
    (out / period.slug / "provenance.json").write_text(json.dumps({**made, "plan": plan} if plan else made))
    (out / period.slug / "index.html").touch()
    ledger.append(out, {"period": name, "issue": 1, "files": {}})


def index_of(out: Path) -> str:
    ledger.replace_text(out / ledger.STUDY, json.dumps({"id": "one", "title": {"en": "One"}, "goals": {}}))
    return index.texts(out)["index.html"]


def plan(name: str = "wait", **more: Any) -> dict[str, Any]:
    return {"goals": [{"id": name, "source": "s", "metric": {"kind": "mean"}, "target": {"level": 4}}], **more}


def test_a_period_under_another_plan_is_marked_where_its_verdict_could_pass_for_a_gain(tmp_path: Path) -> None:
    changed = plan(inference={"common_shocks": "none"}, measures=[{"id": "m"}])
    issue(tmp_path, "2025-Q3", plan(), goal("wait", "inconclusive"))
    issue(tmp_path, "2025-Q4", plan(measures=[{"id": "m"}]), goal("wait", "not_achieved"))
    issue(tmp_path, "2026-Q1", changed, goal("wait", "achieved"))
    issue(tmp_path, "2026-Q2", None, goal("wait", "achieved"))
    page = index_of(tmp_path)
    assert bare(page).count("was evaluated under") == 2, "a measure alone judges no goal otherwise"
    assert (
        "2026-Q1 was evaluated under a changed plan, not that of 2025-Q4: "
        "shocks of whole months: no longer taken into account." in bare(page)
    )
    assert "2026-Q2 was evaluated under another study file than 2026-Q1; what differs is not on record." in bare(page)
    assert 'id="plan-2026-Q1"' in page
    changes = bare(page.split("What changed from period to period")[1])
    assert "2025-Q4 → 2026-Q1 the plan changed between the two Wait" in changes
    assert "2025-Q3 → 2025-Q4 Wait" in changes
    row = bare(page.split('id="p-2026-Q1"')[1].split("</tr>")[0])
    assert "changed plan" in row


def test_a_renamed_goal_is_one_goal_and_equal_titles_have_their_ids(tmp_path: Path) -> None:
    issue(tmp_path, "2025-Q4", plan(), goal("wait", "inconclusive"))
    issue(tmp_path, "2026-Q1", plan("waiting"), goal("waiting", "inconclusive"))
    page = bare(index_of(tmp_path))
    assert (
        "2026-Q1 was evaluated under a changed plan, not that of 2025-Q4: goal 'wait' is now called 'waiting'." in page
    )
    assert "Period Wait (wait) Wait (waiting)" in page
    assert "No verdict differs from that of the period before." in page


def test_a_period_with_a_later_cut_off_than_the_next_page_compares_with_is_named(tmp_path: Path) -> None:
    issue(tmp_path, "2025-Q3", plan(), goal("wait", "inconclusive"), as_of="2026-01-31")
    issue(tmp_path, "2025-Q4", plan(), goal("wait", "inconclusive"), as_of="2026-02-28")
    page = bare(index_of(tmp_path))
    told = "2025-Q3 stands with the data cut-off 31 January 2026; the page of 2025-Q4 compares with it as it was at its own end"
    assert told in page
    assert page.count("stands with the data cut-off") == 1, "no page compares with the last"
