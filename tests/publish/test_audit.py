"""`verify` recomputes and names what was altered; `diff` says what two issues have not in common."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from quick_notebooks import write_notebooks
from small_study import STUDY, write_records

from evalkit import cli
from evalkit.publish import ledger, publish

PERIOD = "2025-Q4"
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a study with a period published twice: issue 1 with other records and another target than issue 2."""
    folder = tmp_path_factory.mktemp("bank")
    (folder / "study.yaml").write_text(STUDY, encoding="utf-8")
    write_notebooks(folder / "notebooks")
    write_records(folder, after=8.2)
    publish(folder, PERIOD, out=folder / "reports", notebooks=folder / "notebooks", jobs=1)
    write_records(folder, after=7.6)
    (folder / "study.yaml").write_text(STUDY.replace("change: 0.10", "change: 0.05"), encoding="utf-8")
    assert publish(folder, PERIOD, out=folder / "reports", notebooks=folder / "notebooks", jobs=1).status == "revised"
    return folder


@pytest.fixture
def command(bank: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.chdir(bank)
        monkeypatch.setattr(sys, "argv", ["evalkit", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    return run


VERIFY = ("verify", "--period", PERIOD, "--study", "study.yaml", "--notebooks", "notebooks")


def test_all_the_same(command: Command) -> None:
    code, out, err = command(*VERIFY)
    assert (code, err) == (0, "")
    assert "numbers are the same, and nothing published was altered." in out


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def alter_result(out: Path) -> None:
    path = out / PERIOD / "results.json"
    results = json.loads(path.read_text())
    results["goals"][0]["evaluations"]["period"]["estimate"] = 1.25
    path.write_text(json.dumps(results))


ALTERED: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a number": (
        alter_result,
        "results.json: goals.score.evaluations.period.estimate: published 1.25, recomputed 1.08",
    ),
    "a page": (lambda out: edit(out / PERIOD / "index.html", "<main", "<main "), "index.html: the file was altered"),
    "a page of an earlier issue": (
        lambda out: edit(out / PERIOD / "revisions" / "1" / "score.html", "<main", "<main "),
        "2025-Q4/revisions/1/score.html: the file was altered",
    ),
    "a page gone": (lambda out: (out / PERIOD / "score.html").unlink(), "2025-Q4/score.html: the file is missing"),
    "a file more": (lambda out: (out / PERIOD / "more.html").touch(), "more.html: the file was added after"),
    "an issue gone": (
        lambda out: shutil.rmtree(out / PERIOD / "revisions" / "1"),
        "2025-Q4/revisions/1: the whole report is missing",
    ),
    "the report gone": (lambda out: shutil.rmtree(out / PERIOD), "2025-Q4: the whole report is missing"),
    "a verdict in the ledger": (
        lambda out: edit(out / ledger.LEDGER, '"score": "achieved"', '"score": "inconclusive"'),
        "ledger.jsonl, line 1: its content does not match its hash",
    ),
    "a damaged line": (
        lambda out: edit(out / ledger.LEDGER, '{"number": 1', '{"number"; 1'),
        "line 1: this is not a ledger entry",
    ),
    "the ledger gone": (lambda out: (out / ledger.LEDGER).unlink(), "2025-Q4: the ledger knows nothing of this issue"),
    "the lodged plan": (
        lambda out: edit(out / ledger.STUDY, '"relative_change": 0.1', '"relative_change": 0.05'),
        "study.json: the plan in it is not the one that was lodged",
    ),
    "a number in the table of all results": (
        lambda out: edit(out / "results.csv", "achieved", "inconclusive"),
        "results.csv: the file was altered",
    ),
    "the index": (lambda out: edit(out / "index.html", "achieved", "not achieved"), "index.html: the file was altered"),
    "the index gone": (lambda out: (out / "index.html").unlink(), "index.html: the file is missing"),
    "an index more": (lambda out: (out / "index.zh.html").touch(), "index.zh.html: the file was added after"),
    "results that are no JSON": (
        lambda out: (out / PERIOD / "results.json").write_text('{"half": '),
        "results.json: the file was altered",
    ),
}


@pytest.mark.parametrize("what", ALTERED)
def test_what_was_altered_is_named(what: str, bank: Path, command: Command, tmp_path: Path) -> None:
    alter, expected = ALTERED[what]
    out = tmp_path / "reports"
    shutil.copytree(bank / "reports", out)
    alter(out)
    before = sorted((path, path.stat().st_mtime_ns) for path in out.rglob("*"))
    code, _, err = command(*VERIFY, "--out", str(out))
    assert code == 5
    assert expected in err
    assert "Traceback" not in err
    assert sorted((path, path.stat().st_mtime_ns) for path in out.rglob("*")) == before, "verify writes nothing"


@pytest.mark.slow
def test_a_later_period_and_another_language_alter_nothing(bank: Path, command: Command, tmp_path: Path) -> None:
    out = tmp_path / "reports"
    shutil.copytree(bank / "reports", out)
    for period, language in (("2025-Q3", "en"), (PERIOD, "zh")):
        publish(bank, period, out=out, notebooks=bank / "notebooks", jobs=1, language=language)  # type: ignore[arg-type]
        code, told, err = command(*VERIFY, "--out", str(out))
        assert (code, err) == (0, "")
        assert "nothing published was altered" in told


@pytest.mark.slow
def test_a_folder_of_chinese_reports_alone_opens_in_chinese(bank: Path, command: Command, tmp_path: Path) -> None:
    out = tmp_path / "reports"
    for language, own in (("zh", "zh-Hans"), ("en", "en")):
        publish(bank, PERIOD, out=out, notebooks=bank / "notebooks", jobs=1, language=language)  # type: ignore[arg-type]
        assert f'<html lang="{own}">' in (out / "index.html").read_text(encoding="utf-8")
        chinese = (out / "index.zh.html").read_text(encoding="utf-8")
        assert "评分提高10%" in chinese
        assert ('href="index.html"' in chinese) == (language == "en")
        assert ("评分提高10%" in (out / "results.csv").read_text(encoding="utf-8")) == (language == "zh")
        assert command(*VERIFY, "--out", str(out))[0] == 0


def test_what_has_changed_since_is_named_as_the_likely_reason(bank: Path, command: Command) -> None:
    records, study = (bank / "survey.csv").read_text(), (bank / "study.yaml").read_text()
    try:
        (bank / "study.yaml").write_text(study + "# seen by the board\n")
        code, out, _ = command(*VERIFY)
        assert code == 0
        assert "(the study file has changed)" in out
        edit(bank / "survey.csv", "2025-12-24,", "2025-12-23,1.0,b0\n2025-12-24,")
        edit(bank / "study.yaml", "change: 0.05", "change: 0.06")
        code, _, err = command(*VERIFY)
        assert code == 5
        assert "goals.score.target.relative_change: published 0.05, recomputed 0.06" in err
        assert "the likely reason" in err
        assert "record file survey.csv of source 'survey' has changed" in err
        assert "the study file has changed (goals.score.target.relative_change)" in err
        (bank / "survey.csv").unlink()
        code, _, err = command(*VERIFY)
        assert code == 2
        assert "survey.csv" in err
    finally:
        (bank / "survey.csv").write_text(records)
        (bank / "study.yaml").write_text(study)


def test_what_was_never_published_cannot_be_verified(command: Command) -> None:
    code, _, err = command("verify", "--period", "2025-Q1", "--study", "study.yaml")
    assert code == 2
    assert "2025-Q1 is not published in" in err
    assert "published are 2025-Q4" in err
    code, _, err = command("verify", "--period", "2025-Q1", "--study", "study.yaml", "--out", "elsewhere")
    assert code == 2
    assert "nothing is published there; name the folder with --out" in err


def test_diff_tells_verdicts_estimates_records_study_and_code(command: Command) -> None:
    code, out, err = command("diff", f"{PERIOD}@1", PERIOD)
    assert (code, err) == (0, "")
    assert "Study file: differs\n  goals.score.target.relative_change: 0.1 → 0.05" in out
    assert "Record files: differ: survey (survey.csv)" in out
    assert "Code: the same" in out
    assert out.count("✔ achieved") == 4
    assert "360 / 90" in out
    code, out, _ = command("diff", f"{PERIOD}@1", f"{PERIOD}@2", "--json")
    facts = json.loads(out)
    assert [facts[side]["issue"] for side in ("old", "new")] == [1, 2]
    before, after = facts["goals"][0]["windows"]["period"]
    assert before["estimate"] > 1.16 > after["estimate"]
    assert after["records_before"] == 360
    code, out, _ = command("diff", PERIOD, PERIOD, "--json")
    facts = json.loads(out)
    assert code == 0
    assert all(goal["same"] for goal in facts["goals"])
    assert facts["study"] == {"same": True, "changes": []}
    for wrong, expected in ((f"{PERIOD}@3", "has no issue '3'; it has 1 to 2"), ("2025-Q1", "is not published")):
        code, _, err = command("diff", PERIOD, wrong)
        assert code == 2
        assert expected in err
