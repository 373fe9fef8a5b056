"""A page says where an earlier published look used other records than today's, and says nothing where none did."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from quick_notebooks import write_notebooks
from small_study import STUDY, write_records

from evalkit import cli
from evalkit.periods import parse_period
from evalkit.publish import ledger, looks, notes
from evalkit.publish.inputs import open_inputs
from evalkit.publish.serialise import to_json

HEADING = {"en": "An earlier look used other records", "zh": "较早的一次查看采用了不同的记录"}
SPENDING = "{method: alpha-spending, looks: 4}"
LATE = "2025-03-17,"  # a day of the first look, with a record of each branch
Run = Callable[..., str]


def write_study(folder: Path, sequential: str) -> None:
    text = STUDY.replace(
        "end: 2024-12-31}", f"end: 2024-12-31}}\n  frequency: half-year\ninference: {{sequential: {sequential}}}"
    )
    (folder / "study.yaml").write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a study of half-years with looks planned, and its records; the tests below use it in order."""
    folder = tmp_path_factory.mktemp("bank")
    write_study(folder, SPENDING)
    write_notebooks(folder / "notebooks")
    write_records(folder, after=8.2)
    return folder


@pytest.fixture
def run(bank: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return the command `evalkit run` in the bank's folder, which gives its output."""

    def command(*arguments: str) -> str:
        monkeypatch.chdir(bank)
        given = ["run", *arguments, "--notebooks", "notebooks", "--study", "study.yaml", "--jobs", "1"]
        monkeypatch.setattr(sys, "argv", ["evalkit", *given])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        assert ended.value.code in (0, None), captured.err
        return captured.out + captured.err

    return command


def page(bank: Path, name: str, out: str = "reports") -> str:
    return (bank / out / "2025-H2" / name).read_text(encoding="utf-8")


def told(bank: Path, out: str = "reports") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(page(bank, "provenance.json", out))["history"]["looks"]
    return found


def cells(text: str) -> list[str]:
    """Return the cells of the note's only row."""
    note = text.split('id="looks"')[1].split("</table>")[0].split("<tbody>")[1]
    return re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", note)


def test_records_that_only_grew_and_ripened_are_not_told(bank: Path, run: Run) -> None:
    whole = (bank / "survey.csv").read_text(encoding="utf-8")
    first = [line for line in whole.splitlines() if not line.startswith(("2025-07", "2025-08", "2025-09", "2025-1"))]
    (bank / "survey.csv").write_text("\n".join(first) + "\n", encoding="utf-8")
    run("--period", "2025-H1")
    (bank / "survey.csv").write_text(whole, encoding="utf-8")
    run("--period", "2025-H2")
    assert told(bank) == []
    assert ledger.entries(bank / "reports")[-1]["other_looks"] == []
    for name in ("index.html", "score.html"):
        assert HEADING["en"] not in page(bank, name)


def test_a_late_correction_of_an_earlier_look_is_told_on_the_later_periods_pages(bank: Path, run: Run) -> None:
    scores = (bank / "survey.csv").read_text(encoding="utf-8")
    (bank / "survey.csv").write_text(re.sub(rf"^{LATE}.*\n", "", scores, count=1, flags=re.M), encoding="utf-8")
    assert "revised" in run("--period", "2025-H2")
    for name in ("index.html", "score.html"):
        text = page(bank, name)
        assert HEADING["en"] in text
        row = cells(text)
        assert row[1:4] == ["2025-H1, issue 1", "360 / 180", "360 / 179"]
        assert row[4] != row[5]
    assert HEADING["en"] not in page(bank, "revisions/1/index.html")
    entry = ledger.entries(bank / "reports")[-1]
    assert (entry["period"], entry["other_looks"]) == ("2025-H2", ["2025-H1@1"])
    [look] = told(bank)
    then, now = look["goals"][0]["to_date"]
    published = json.loads((bank / "reports" / "2025-H1" / "results.json").read_text(encoding="utf-8"))
    assert then["estimate"] == published["goals"][0]["evaluations"]["to_date"]["estimate"] != now["estimate"]
    assert look["as_of"] == ["2025-06-30", "2025-06-30"]


def test_a_second_run_does_nothing(bank: Path, run: Run) -> None:
    before, known = page(bank, "index.html"), len(ledger.entries(bank / "reports"))
    assert "up to date" in run("--period", "2025-H2")
    assert page(bank, "index.html") == before
    assert len(ledger.entries(bank / "reports")) == known


def test_in_chinese(bank: Path, run: Run) -> None:
    english = page(bank, "index.html")
    run("--period", "2025-H2", "--language", "zh")
    for name in ("index.zh.html", "score.zh.html"):
        text = page(bank, name)
        assert HEADING["zh"] in text
        assert cells(text)[1:4] == ["2025-H1第1版", "360 / 180", "360 / 179"]
        note = text.split('id="looks"')[1].split("<table")[0]
        assert not set(re.findall(r"[A-Za-z]{3,}", re.sub(r"<[^>]+>", " ", note)))
    assert page(bank, "index.html") == english


@pytest.mark.slow
def test_due_issues_the_earlier_look_again_and_nothing_flaps(bank: Path, run: Run) -> None:
    due = ("--due", "--as-of", "2025-12-31")
    assert "2025-H2" not in run(*due), "its results are the same, whatever it says of looks"
    assert [one["period"] for one in ledger.entries(bank / "reports")][-1] == "2025-H1"
    known = len(ledger.entries(bank / "reports"))
    run(*due)
    assert "up to date" in run("--period", "2025-H2")
    assert len(ledger.entries(bank / "reports")) == known
    assert HEADING["en"] in page(bank, "index.html"), "so it was on the day of that issue, and the look is named by it"


@pytest.mark.slow
def test_from_the_next_issue_on_it_is_not_told_in_any_language(bank: Path, run: Run) -> None:
    run("--period", "2025-H2", "--force")
    assert told(bank) == []
    for name in ("index.html", "score.html", "index.zh.html", "score.zh.html"):
        assert not any(heading in page(bank, name) for heading in HEADING.values()), name
    assert "up to date" in run("--period", "2025-H2")


@pytest.mark.slow
def test_a_look_published_with_another_cut_off_is_told(bank: Path, run: Run) -> None:
    run("--period", "2025-H1", "--out", "early", "--as-of", "2025-05-31")
    run("--period", "2025-H2", "--out", "early")
    text = page(bank, "index.html", "early")
    assert "2025-H1, issue 1: published with the data cut-off 31 May 2025; the look's own is 30 June 2025." in text
    assert cells(text)[2:4] == ["360 / 149", "360 / 179"]
    assert "up to date" in run("--period", "2025-H2", "--out", "early")


def test_another_cut_off_is_told_even_where_it_makes_no_other_figures(bank: Path, tmp_path: Path) -> None:
    inputs, first = open_inputs(bank / "study.yaml", bank / "notebooks"), parse_period("2025-H1")
    (tmp_path / "2025-H1").mkdir()
    result = inputs.evaluate(first, date(2025, 8, 31))
    (tmp_path / "2025-H1" / "results.json").write_text(to_json(result.to_dict()), encoding="utf-8")
    found = looks.other_looks(inputs, parse_period("2025-H2"), date(2025, 12, 31), tmp_path)
    assert found == [{"period": "2025-H1", "issue": 1, "as_of": ["2025-08-31", "2025-06-30"], "goals": []}]
    assert "31 August 2025" in notes.looks_note(found, "en", {}).text
    assert "2025年8月31日" in notes.looks_note(found, "zh", {}).text
    assert notes.looks_note(found, "en", {}, "score").text == "", "this goal's figures are the same"


@pytest.mark.slow
def test_no_records_are_read_again_for_looks_that_saw_todays(bank: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = open_inputs(bank / "study.yaml", bank / "notebooks")
    monkeypatch.setattr(looks, "gathered", lambda *_: pytest.fail("it reads"))
    assert looks.other_looks(inputs, parse_period("2025-H2"), date(2025, 12, 31), bank / "reports") == []


@pytest.mark.slow
def test_where_the_study_plans_no_looks_nothing_is_told(bank: Path, run: Run) -> None:
    write_study(bank, "none")
    run("--period", "2025-H2", "--out", "early")
    assert told(bank, "early") == []
    assert HEADING["en"] not in page(bank, "index.html", "early")


def test_a_goals_page_tells_its_own_figures_only() -> None:
    side = {"records_before": 1000, "records_after": 10, "scale": "ratio", "estimate": 1.1}
    told = [
        {
            "period": "2025-Q1",
            "issue": 2,
            "as_of": ["2025-03-31", "2025-03-31"],
            "goals": [{"id": "a", "kind": "mean", "to_date": [None, side]}],
        }
    ]
    facts = {"revision": None, "study_changed": None, "looks": told}
    titles = {"a": "Goal A", "b": "Goal B"}
    assert notes.history(facts, "en", titles, "b").text == ""
    text = notes.history(facts, "en", titles, "a").text
    assert cells(text) == ["Goal A", "2025-Q1, issue 2", "–", "1,000 / 10", "–", "+10.0&nbsp;%"]


def test_estimates_that_differ_are_shown_with_decimals_enough() -> None:
    sides = [{"records_before": 5, "records_after": 5, "scale": "level", "estimate": e} for e in (0.91234, 0.91236)]
    goal = {"id": "a", "kind": "proportion", "to_date": sides}
    look = {"period": "2025-Q1", "issue": 1, "as_of": ["2025-03-31", "2025-03-31"], "goals": [goal]}
    assert cells(notes.looks_note([look], "en", {}).text)[4:] == ["91.23&nbsp;%", "91.24&nbsp;%"]
    sides[0] |= {"scale": "ratio", "estimate": 1.1, "records_after": 4}
    assert cells(notes.looks_note([look], "en", {}).text)[4:] == ["+10.0&nbsp;%", "91.2&nbsp;%"], "each on its own"
