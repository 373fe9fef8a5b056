"""What the notebooks show of a real evaluation: complete, in both languages, without an open end."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from small_study import STUDY, write_records

import evalkit
from evalkit.errors import ParameterError
from evalkit.report import Report

PARTS = ("heading", "verdicts", "origins", "notes", "reproduce")
GOAL_PARTS = ("goal", "goal_heading", "alternatives", "course", "cautions", "data", "origins", "method", "reproduce")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> evalkit.OpenStudy:
    folder = tmp_path_factory.mktemp("study")
    (folder / "plan.yaml").write_text(STUDY, encoding="utf-8")
    write_records(folder, after=8.2)
    return evalkit.open_study(folder / "plan.yaml")


@pytest.fixture(scope="module")
def result(study: evalkit.OpenStudy) -> evalkit.StudyResult:
    return study.evaluate_period("2025-Q4")


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_part_shows_something_and_hostile_titles_stay_text(
    study: evalkit.OpenStudy, result: evalkit.StudyResult, language: str
) -> None:
    page = Report(study, result, language)
    made = [getattr(page, part)() for part in PARTS] + [getattr(page, part)("score") for part in GOAL_PARTS]
    for part in made:
        assert text_of(part.text)
        assert not re.search(r"<script|<img|onerror=(?!alert\(1\)&gt;)|<b>tired", part.text)
    shown = " ".join(text_of(part.text) for part in made)
    assert ("✓ achieved" if language == "en" else "✓ 已达成") in shown
    assert not re.search(r"\{\w+\}|\bNone\b|\bnan\b", shown)
    assert not re.search(r"[a-z]+_[a-z]+_?[a-z]*", shown.replace("results.json", "")), "no code words for readers"


def test_a_goals_section_tells_promise_result_caution_and_trace(
    study: evalkit.OpenStudy, result: evalkit.StudyResult
) -> None:
    shown = text_of(Report(study, result).goal("score").text)
    for told in (
        "Promised: a change of +10 % against the baseline (higher is better). Commitment: Quick service.",
        "What to be careful about",
        "Hurry up",
        "1 January to 28 February 2025",
        "Slow &amp;",
    ):
        assert told in shown


def test_the_trend_says_where_months_are_not_comparable_with_the_estimate(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(
        STUDY.replace("cluster: branch", "cluster: branch\n    compare_with: same-months"), encoding="utf-8"
    )
    write_records(tmp_path, after=8.2)
    study = evalkit.open_study(tmp_path / "plan.yaml")
    page = Report(study, study.evaluate_period("2025-Q4"))
    assert "compare the same calendar months" in page.trend("score").text
    assert "1: Hurry up, from 1 January 2025" in page.trend("score").text


def test_the_record_is_the_result_without_provenance(study: evalkit.OpenStudy, result: evalkit.StudyResult) -> None:
    page = Report(study, result)
    bundle = page.record()._repr_mimebundle_()
    data = bundle["application/vnd.evalkit.result+json"]
    assert {**data, "provenance": {}} == {**result.to_dict(), "provenance": {}}
    assert "provenance" not in data
    assert page.record("score").data == result["score"].to_dict()
    assert repr(page.record("score")) == "Record of score"


def test_the_commands_to_reproduce_name_a_cutoff_only_where_one_was_given(study: evalkit.OpenStudy) -> None:
    usual = text_of(Report(study, study.evaluate_period("2025-Q4")).reproduce("score").text)
    assert "evalkit evaluate --study plan.yaml --period 2025-Q4 --goal score --json" in usual
    early = Report(study, study.evaluate_period("2025-Q4", as_of=date(2025, 11, 30)))
    assert "--as-of 2025-11-30" in text_of(early.reproduce().text)


def test_mistakes_name_what_there_is(study: evalkit.OpenStudy, result: evalkit.StudyResult) -> None:
    with pytest.raises(ParameterError, match="language 'de'"):
        Report(study, result, "de")
    with pytest.raises(ParameterError, match=r"no goal 'scor'; the study has score\. Did you mean 'score'"):
        Report(study, result).forest("scor")
