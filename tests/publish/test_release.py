"""A period is published whole or not at all, once, and an issue with other results keeps the earlier one."""

from __future__ import annotations

import json
import re
import shutil
import time
from itertools import pairwise
from pathlib import Path

import pytest
from filelock import FileLock
from small_study import STUDY, write_records

from evalkit.errors import LockedError, NotebookError, ParameterError, RecordsError, StudyError
from evalkit.publish import ledger, notebooks, publish
from evalkit.publish.runner import Outcome

FIXTURES = Path(__file__).parents[1] / "notebooks"
PERIOD = "2025-Q4"


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder that must not depend on the day of the run."""
    timed = {"provenance.json", "ledger.jsonl", ".lock"}
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in timed
    }


@pytest.fixture(scope="module")
def out(small_study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a reports folder with one published period; the tests below use it in order."""
    folder = tmp_path_factory.mktemp("reports")
    told: list[tuple[Outcome, int, int]] = []
    report = publish(small_study, PERIOD, out=folder, jobs=2, progress=lambda *step: told.append(step))
    assert report.status == "published"
    assert report.revision == 1
    assert told[-1][1:] == (3, 3)
    assert report.index == folder / PERIOD / "index.html"
    return folder


def test_what_is_published_is_whole(out: Path, small_study: Path) -> None:
    names = {path.name for path in (out / PERIOD).iterdir()}
    pages = {f"{page}{end}" for page in ("index", "context", "score") for end in (".html", ".ipynb")}
    assert names == {*pages, "results.json", "provenance.json", "tables.xlsx"}
    assert {"index.html", "ledger.jsonl", "study.json", PERIOD} <= {path.name for path in out.iterdir()}
    assert not list(out.glob(".staging*"))
    assert not list(out.glob(".failed/*"))
    results = json.loads((out / PERIOD / "results.json").read_text())
    assert results["goals"][0]["verdict"] == "achieved"
    assert set(results["provenance"]) == {"study", "data", "code", "versions", "parameters", "seed"}
    assert list(results["provenance"]["data"]) == ["survey"]
    assert results["provenance"]["parameters"] == {"study": "plan.yaml", "period": PERIOD, "as_of": "2025-12-31"}
    entry = ledger.entries(out)[0]
    assert entry["verdicts"] == {"score": "achieved"}
    assert list(ledger.breaks(out)) == []


def test_pages_are_self_contained_inert_and_tell_no_folder_of_this_machine(out: Path, small_study: Path) -> None:
    for path in out.rglob("*"):
        if not path.is_file() or path.suffix not in {".html", ".ipynb", ".json", ".jsonl"}:
            continue
        text = path.read_text(encoding="utf-8")
        way = f"--study ../{small_study.parent.name}/{small_study.name}"  # the commands' own, seen from the reports
        assert "secret-folder-name" not in text.replace(way, ""), path
        assert (way in text) == (path.suffix in {".html", ".ipynb"} and path.parent != out), path
        assert str(out) not in text, path
        if path.suffix == ".html":
            assert text.count("<h1") == 1
            assert '<html lang="en">' in text
            assert not re.search(r"<script(?!>\"use strict\")|<img|<link|https?://|@import|url\((?!#)", text), path
            assert re.search(r"<title>[^<]+</title>", text)
            assert path.stat().st_size < 3_000_000
    assert "Small &lt;script&gt;" in (out / PERIOD / "index.html").read_text()


def test_headings_are_in_order(out: Path) -> None:
    for path in (out / PERIOD).glob("*.html"):
        levels = [int(level) for level in re.findall(r"<h([1-6])", path.read_text())]
        assert levels[0] == 1
        assert all(after - before <= 1 for before, after in pairwise(levels)), path


def test_the_same_input_gives_the_same_bytes_and_nothing_is_done_twice(out: Path, small_study: Path) -> None:
    before = contents(out)
    began = time.monotonic()
    assert publish(small_study, PERIOD, out=out).status == "up to date"
    assert time.monotonic() - began < 30
    assert len(ledger.entries(out)) == 1
    other = out.parent / "another place"  # as far from the study file: the commands on the pages name it from there
    publish(small_study, PERIOD, out=other, jobs=1)
    assert contents(other) == before == contents(out)


def test_chinese_pages_stand_beside_the_english_ones(out: Path, small_study: Path) -> None:
    english = (out / PERIOD / "index.html").read_bytes()
    report = publish(small_study, PERIOD, out=out, language="zh")
    assert report.status == "renewed"
    assert report.index.name == "index.zh.html"
    assert (out / PERIOD / "index.html").read_bytes() == english
    page = report.index.read_text(encoding="utf-8")
    assert '<html lang="zh-Hans">' in page
    assert "已达成" in page
    assert "小型研究" in page
    shown = re.sub(
        r"(?s)<style>.*?</style>|<script>.*?</script>|<details.*?</details>|<pre>.*?</pre>|<[^>]+>", " ", page
    )
    shown = re.sub(r"\w+ and \w+ [12]\d{3}", "", shown)  # names of authors
    # What may stay English: file names, hashes, names of methods and of the study's own parts.
    words = set(re.findall(r"[A-Za-z]{3,}", shown)) - {"SHA", "yaml", "results", "json"}
    assert not words & {"achieved", "interval", "target", "The", "and", "records", "Code", "Goal", "caution"}
    assert "index.zh.html" in (out / "index.zh.html").read_text(encoding="utf-8")


def test_a_failing_notebook_changes_nothing_and_leaves_its_copy(
    out: Path, small_study: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = contents(out)
    for name in (notebooks.PERIOD_REPORT, notebooks.GOAL_REPORT):
        shutil.copy(notebooks.shipped() / name, tmp_path)
    broken = json.loads((tmp_path / notebooks.GOAL_REPORT).read_text())
    broken["cells"][-1]["source"] = "import sys\n\nsys.exit(0)"
    (tmp_path / notebooks.GOAL_REPORT).write_text(json.dumps(broken))
    with pytest.raises(
        NotebookError, match=r"'score' failed: cell \d+ ended with SystemExit.*earlier report stands"
    ) as told:
        publish(small_study, PERIOD, out=out, notebooks=tmp_path, force=True)
    assert told.value.exit_code == 4
    (kept,) = (out / ".failed" / PERIOD).iterdir()
    assert (kept / "score.ipynb").is_file()
    shutil.rmtree(out / ".failed")
    assert contents(out) == before
    assert len(ledger.entries(out)) == 2
    assert capfd.readouterr() == ("", "")


def test_other_results_are_a_revision_in_every_language_and_the_earlier_issue_stays(
    out: Path, small_study: Path
) -> None:
    earlier = (out / PERIOD / "results.json").read_bytes()
    write_records(small_study.parent, after=7.3)
    report = publish(small_study, PERIOD, out=out)
    assert report.status == "revised"
    assert report.revision == 2
    assert "issue 2" in report.message
    assert (out / PERIOD / "revisions" / "1" / "results.json").read_bytes() == earlier
    results = json.loads((out / PERIOD / "results.json").read_text())
    assert results["goals"][0]["verdict"] == "not_achieved"
    assert "未达成" in (out / PERIOD / "index.zh.html").read_text(encoding="utf-8")
    index = (out / "index.html").read_text()
    assert f"{PERIOD}/revisions/1/index.html" in index
    assert "not achieved" in index
    assert [entry["issue"] for entry in ledger.entries(out)] == [1, 1, 2]
    assert list(ledger.breaks(out)) == []


def test_mistakes_are_told_before_any_notebook_starts(small_study: Path, out: Path, tmp_path: Path) -> None:
    before = contents(out)
    with pytest.raises(ParameterError, match="period 'perid' is not understood"):
        publish(small_study, "perid", out=out)
    with pytest.raises(ParameterError, match=r"lacks period_report\.ipynb and goal_report\.ipynb"):
        publish(small_study, PERIOD, out=out, notebooks=tmp_path)
    for name in (notebooks.PERIOD_REPORT, notebooks.GOAL_REPORT):
        shutil.copy(FIXTURES / "unknown_parameter.ipynb", tmp_path / name)
    with pytest.raises(ParameterError, match=r"period_report\.ipynb has no parameter 'period'; it has perid\. Did you"):
        publish(small_study, PERIOD, out=out, notebooks=tmp_path, force=True)
    with pytest.raises(ParameterError, match="language 'fr'"):
        publish(small_study, PERIOD, out=out, language="fr")  # type: ignore[arg-type]
    records = small_study.parent / "survey.csv"
    records.rename(tmp_path / "survey.csv")
    with pytest.raises(RecordsError):
        publish(small_study, PERIOD, out=out, force=True)
    (tmp_path / "survey.csv").rename(records)
    assert contents(out) == before


def test_another_study_and_another_run_are_kept_out(
    small_study: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = small_study.with_name("other.yaml")
    other.write_text(STUDY.replace("id: small-study", "id: other-study"), encoding="utf-8")
    with pytest.raises(ParameterError, match="reports of the study 'small-study', not of 'other-study'"):
        publish(other, PERIOD, out=out)
    other.write_text(STUDY.replace("id: score", "id: index"), encoding="utf-8")
    with pytest.raises(StudyError, match="id 'index'"):
        publish(other, PERIOD, out=out)
    monkeypatch.setattr("evalkit.publish.lock.WAIT", 0.2)
    with FileLock(out / ".lock"), pytest.raises(LockedError, match="Another run is writing") as told:
        publish(small_study, PERIOD, out=out)
    assert told.value.exit_code == 6


def test_what_a_killed_run_left_behind_is_swept(small_study: Path, out: Path) -> None:
    (out / ".staging-left").mkdir()
    assert publish(small_study, PERIOD, out=out).status == "up to date"
    assert not (out / ".staging-left").exists()
