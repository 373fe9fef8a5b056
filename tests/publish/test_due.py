"""`run --due` publishes what is finished and not published or changed, each with its own cut-off, and nothing twice."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import pytest
from quick_notebooks import write_notebooks
from small_study import STUDY, write_records

import evalkit
from evalkit.errors import NotebookError, RecordsError
from evalkit.periods import parse_period
from evalkit.publish import due, issues, ledger, pages, release
from evalkit.publish.inputs import Settings, open_inputs
from evalkit.publish.serialise import to_json
from evalkit.publish.watch import Watch
from evalkit.told import follow

TODAY = date(2026, 1, 5)


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a study of half-years, its records and quick notebooks; the tests below use it in order."""
    folder = tmp_path_factory.mktemp("bank")
    text = STUDY.replace("end: 2024-12-31}", "end: 2024-12-31}\n  frequency: half-year")
    (folder / "plan.yaml").write_text(text, encoding="utf-8")
    write_records(folder, after=8.2)
    write_notebooks(folder / "notebooks")
    return folder


def run(
    bank: Path, as_of: date | str | None = TODAY, idle: Callable[[str], None] | None = None, **more: object
) -> list[due.Attempt]:
    settings = Settings(out=bank / "reports", notebooks=bank / "notebooks", jobs=1, **more)  # type: ignore[arg-type]
    return list(due.publish_due(bank / "plan.yaml", settings, as_of=as_of, idle=idle))


def told(attempts: list[due.Attempt]) -> dict[str, str]:
    return {attempt.period: attempt.status for attempt in attempts}


def results(bank: Path, period: str) -> dict[str, object]:
    return json.loads((bank / "reports" / period / "results.json").read_text())


def test_every_finished_period_is_published_once_with_its_own_cut_off(
    bank: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert told(run(bank, date(2025, 6, 29))) == {}
    assert not (bank / "reports").exists(), "nothing due writes nothing"
    assert told(run(bank)) == {"2025-H1": "published", "2025-H2": "published"}
    assert results(bank, "2025-H1")["as_of"] == "2025-06-30"
    assert [entry["issue"] for entry in ledger.entries(bank / "reports")] == [1, 1]
    assert all(entry["seconds"] > 0 for entry in ledger.entries(bank / "reports"))
    with monkeypatch.context() as patched:
        patched.setattr(evalkit.session.OpenStudy, "evaluate_period", lambda *_, **__: pytest.fail("it evaluates"))
        assert told(run(bank)) == {}


def test_another_hash_with_the_same_results_is_no_revision(bank: Path) -> None:
    plan = bank / "plan.yaml"
    plan.write_text(plan.read_text() + "# looked at by the board\n")
    notebook = json.loads((bank / "notebooks" / "goal_report.ipynb").read_text())
    notebook["cells"][2]["source"] = "1 + 1"
    (bank / "notebooks" / "goal_report.ipynb").write_text(json.dumps(notebook))
    records = (bank / "survey.csv").read_text()
    header, *rows = records.splitlines()
    (bank / "survey.csv").write_text("\n".join([header, *reversed(rows)]) + "\n")
    assert open_inputs(plan, bank / "notebooks").data != results(bank, "2025-H2")["provenance"]["data"]  # type: ignore[index]
    assert told(run(bank)) == {}
    (bank / "survey.csv").write_text(records)


def test_a_late_correction_reissues_the_periods_it_changes_and_says_so_on_the_page(bank: Path) -> None:
    lines = (bank / "survey.csv").read_text().splitlines()
    mended = [re.sub(r",[\d.]+,", ",7.3,", line) if line.startswith("2025-1") else line for line in lines]
    (bank / "survey.csv").write_text("\n".join(mended) + "\n")
    before = (bank / "reports" / "2025-H2" / "index.html").read_bytes()
    assert told(run(bank)) == {"2025-H2": "revised"}
    assert told(run(bank)) == {}
    assert (bank / "reports" / "2025-H2" / "revisions" / "1" / "index.html").read_bytes() == before
    for name, own in (("index.html", True), ("score.html", True), ("revisions/1/index.html", False)):
        page = (bank / "reports" / "2025-H2" / name).read_text()
        assert ("What changed since issue 1" in page) == own, name
        assert ("Other records: survey (survey.csv)." in page) == own
    last = ledger.entries(bank / "reports")[-1]
    assert (last["issue"], last["why"], last["study_changed"]) == (2, ["study", "data", "code"], False)
    facts = json.loads((bank / "reports" / "2025-H2" / "provenance.json").read_text())["history"]["revision"]
    estimates = [one["estimate"] for one in facts["goals"][0]["windows"]["period"]]
    assert estimates[0] > estimates[1]


def test_one_periods_failure_does_not_stop_the_others(bank: Path) -> None:
    write_notebooks(bank / "broken", between='if period == "2025-H1":\n    raise ValueError("upside down")')
    plan = bank / "plan.yaml"
    plan.write_text(plan.read_text().replace("relative_change: 0.10", "relative_change: 0.12"))
    settings = Settings(out=bank / "reports", notebooks=bank / "broken", jobs=1)
    attempts = list(due.publish_due(plan, settings, as_of=TODAY))
    assert told(attempts) == {"2025-H1": "failed", "2025-H2": "revised"}
    assert isinstance(attempts[0].error, NotebookError)
    assert len(list((bank / "reports" / ".failed" / "2025-H1").iterdir())) == 1
    (bank / "survey.csv").rename(bank / "away.csv")
    with pytest.raises(RecordsError):
        run(bank)
    (bank / "away.csv").rename(bank / "survey.csv")


@pytest.mark.slow
def test_a_plan_changed_after_the_first_publication_is_reported_in_the_language_asked_for(bank: Path) -> None:
    """H1 in Chinese is due twice over: its pages are missing, and its target is another one."""
    english = (bank / "reports" / "2025-H1" / "index.html").read_text(encoding="utf-8")
    assert told(run(bank, "2025-06-30", language="zh")) == {"2025-H1": "revised"}
    assert told(run(bank, language="en")) == {}
    assert (bank / "reports" / "2025-H1" / "revisions" / "1" / "index.html").read_text(encoding="utf-8") == english
    for name, words in (
        ("index", ("What changed since issue 1", "Planned")),
        ("index.zh", ("第1版以来的变化", "登记")),
    ):
        page = (bank / "reports" / "2025-H1" / f"{name}.html").read_text(encoding="utf-8")
        assert 'id="study_changed"' in page
        assert all(word in page for word in words)
        assert "goals.score.target.relative_change" in page
        assert "<td>0.1</td><td>0.12</td>" in page
    assert "The plan was lodged with the first publication: 2025-H1, issue 1" in (
        bank / "reports" / "2025-H1" / "index.html"
    ).read_text(encoding="utf-8")
    assert ledger.entries(bank / "reports")[-1]["study_changed"] is True
    assert ledger.card(bank / "reports")["plan"]["content"]["goals"][0]["target"] == {"relative_change": 0.1}
    facts = issues.compare(issues.find(bank / "reports", "2025-H2@2"), issues.find(bank / "reports", "2025-H2"))
    assert {"key": "goals.score.target.relative_change", "old": 0.1, "new": 0.12} in facts["study"]["changes"]


def test_a_later_cut_off_chosen_by_hand_stays_and_an_earlier_one_is_due(bank: Path, tmp_path: Path) -> None:
    settings = Settings(out=tmp_path, notebooks=bank / "notebooks")
    inputs, period = open_inputs(bank / "plan.yaml", settings.source), parse_period("2025-H1")
    (tmp_path / "2025-H1").mkdir()
    for name in pages.file_names(inputs.study.file, "en"):
        (tmp_path / "2025-H1" / name).touch()
    for as_of, expected in (("2025-08-31", None), ("2025-06-30", None), ("2025-05-31", date(2025, 6, 30))):
        result = inputs.evaluate(period, date.fromisoformat(as_of))
        (tmp_path / "2025-H1" / "results.json").write_text(to_json(result.to_dict()))
        assert due.due(inputs, period, settings) == expected
    (tmp_path / "2025-H1" / "results.json").write_text('{"half": ')
    assert due.due(inputs, period, settings) == period.end


class _Clock:
    """A clock that shows one day, whatever the time."""

    def __init__(self, day: str) -> None:
        self._now = datetime.fromisoformat(f"{day}T12:00:00+00:00")

    def now(self, _zone: object = None) -> datetime:
        return self._now


@pytest.mark.slow
def test_a_clock_that_jumps_loses_nothing_and_makes_nothing_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plan.yaml").write_text(STUDY.replace("2024-12-31}", "2024-12-31}\n  frequency: half-year", 1))
    write_records(tmp_path, after=8.2)
    write_notebooks(tmp_path / "notebooks")
    records = (tmp_path / "survey.csv").read_text()
    (tmp_path / "survey.csv").write_text(
        "".join(row for row in records.splitlines(keepends=True) if row < "2025-07" or row[0] == "d")
    )

    def at(day: str) -> dict[str, str]:
        for module in (due, release):
            monkeypatch.setattr(module, "datetime", _Clock(day))
        return told(run(tmp_path, None))

    assert at("2025-07-05") == {"2025-H1": "published"}
    whole = {path.name: path.read_bytes() for path in (tmp_path / "reports" / "2025-H1").iterdir()}
    assert at("1999-12-31") == {}, "back before the programme"
    assert at("2026-01-05") == {"2025-H2": "waiting"}, "forward, before its records are there"
    assert not (tmp_path / "reports" / "2025-H2").exists()
    assert at("2025-07-05") == {}, "and back"
    (tmp_path / "survey.csv").write_text(records)
    assert at("2026-01-06") == {"2025-H2": "published"}
    assert {path.name: path.read_bytes() for path in (tmp_path / "reports" / "2025-H1").iterdir()} == whole
    assert [entry["period"] for entry in ledger.entries(tmp_path / "reports")] == ["2025-H1", "2025-H2"]


def test_a_period_waits_for_its_records_and_one_that_has_only_begun_does_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "plan.yaml").write_text(STUDY.replace("2024-12-31}", "2024-12-31}\n  frequency: half-year", 1))
    write_records(tmp_path, after=8.2)
    write_notebooks(tmp_path / "notebooks")
    records = (tmp_path / "survey.csv").read_text()
    header, *rows = records.splitlines(keepends=True)
    begun = "".join([header, *(row for row in rows if row < "2025-08")])

    def go(as_of: date = date(2026, 7, 5)) -> int:
        return follow(lambda seen, _progress: iter(run(tmp_path, as_of, idle=seen.idle)), Watch(), None)

    assert go(date(2025, 6, 29)) == 0
    assert capsys.readouterr().out == "No period has finished yet.\n"
    begun += rows[0].replace("2024", "2062", 1)  # a mistake, and no word of 2026
    (tmp_path / "survey.csv").write_text(begun)
    assert go() == 0
    told = capsys.readouterr().out.splitlines()
    assert [line.split(".")[0] for line in told] == [
        "2025-H1: published",
        "2025-H2: published",
        "2026-H1: there are no records from 2025-07-25 to 2026-07-05; not published yet",
    ]
    assert told[2].endswith("publish it with --period 2026-H1.")
    flags = results(tmp_path, "2025-H2")["goals"][0]["flags"]  # type: ignore[index]
    assert "no records after 2025-07" in next(flag["message"] for flag in flags if flag["code"] == "partial_period")
    (tmp_path / "survey.csv").write_text(header)
    waits = {attempt.period: attempt.waits for attempt in run(tmp_path, date(2026, 7, 5))}
    assert waits["2026-H1"] == "there are no records with a date; not published yet."


def test_a_goal_with_another_id_loses_no_language_that_was_published(tmp_path: Path) -> None:
    """The scheduler runs in one language; the pages of the other are made anew with the revision, under the new id."""
    (tmp_path / "plan.yaml").write_text(STUDY.replace("2024-12-31}", "2024-12-31}\n  frequency: half-year", 1))
    write_records(tmp_path, after=8.2)
    write_notebooks(tmp_path / "notebooks")
    first, folder = date(2025, 6, 30), tmp_path / "reports" / "2025-H1"
    assert told(run(tmp_path, first)) == {"2025-H1": "published"}
    assert told(run(tmp_path, first, language="zh")) == {"2025-H1": "renewed"}
    plan = (tmp_path / "plan.yaml").read_text()
    (tmp_path / "plan.yaml").write_text(plan.replace("id: score", "id: marks"))
    assert told(run(tmp_path, first, language="zh")) == {"2025-H1": "revised"}
    for name in ("index.html", "marks.html", "context.html", "tables.xlsx", "index.zh.html", "marks.zh.html"):
        assert (folder / name).is_file(), name
    assert ledger.entries(tmp_path / "reports")[-1]["languages"] == ["zh", "en"]
    (folder / "context.html").unlink()
    assert told(run(tmp_path, first, language="zh", force=True)) == {"2025-H1": "renewed"}
    assert (folder / "context.html").is_file(), "a language of which a page is gone is made anew"
