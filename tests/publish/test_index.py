"""A page leads to the periods beside its own, and only where no later publication can come between."""

from __future__ import annotations

import json
import re
from pathlib import Path

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
