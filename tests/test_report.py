"""What the notebooks show of a real evaluation: complete, in both languages, without an open end."""

from __future__ import annotations

import base64
import csv
import io
import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from small_study import STUDY, write_records

import evalkit
from evalkit import formats, wording_plain
from evalkit.errors import ParameterError
from evalkit.report import GoalReport, PeriodReport, Report
from evalkit.report.context import ContextReport
from evalkit.results import Flag

ROOT = Path(__file__).resolve().parent.parent
PERIOD_PARTS = ("heading", "first_screen", "numbers", "goals", "origins", "methods", "notes", "reproduce", "provenance")
GOAL_PARTS = (
    *("heading", "estimate", "cautions", "course", "process", "before_and_after", "branches", "rollout", "power"),
    *("data", "method", "notes", "reproduce", "provenance"),
)
NAMES = """CSV nbsp mid evalkit reports method validation study yaml XmR Wilson Student Efron Stein Kaplan Meier Greenwood NHS England
    Making Data Count Clopper Pearson Nelder McCullagh Wagner and al Hall Garwood Przyborowski Wilenski"""
OPEN_END = r"\{\w+\}|\bNone\b(?! of its)|\bnan\b"
ROLLOUT = {
    "estimate": 0.91,
    "ci": [0.85, 0.98],
    "p_change": 0.01,
    "p_target": None,
    "units_reached": 6,
    "units_waiting": 4,
    "pre_trend_p": 0.4,
    "event_study": [
        {"month": -1, "estimate": 1.01, "ci": [0.9, 1.1]},
        {"month": 0, "estimate": 0.92, "ci": [0.8, 1.05]},
    ],
    "method": "difference-in-differences, unit jackknife, t, log scale",
    "df": 9.0,
}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> evalkit.OpenStudy:
    folder = tmp_path_factory.mktemp("study")
    (folder / "plan.yaml").write_text(STUDY, encoding="utf-8")
    write_records(folder, after=8.2)
    return evalkit.open_study(folder / "plan.yaml")


@pytest.fixture(scope="module")
def result(study: evalkit.OpenStudy) -> evalkit.StudyResult:
    return study.evaluate_period("2025-Q4")


@pytest.fixture(scope="module")
def bank() -> evalkit.OpenStudy:
    return evalkit.open_study(ROOT / "data")


@pytest.fixture(scope="module")
def found(bank: evalkit.OpenStudy) -> evalkit.StudyResult:
    return bank.evaluate_period("2026-Q3")


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def rolled_out(result: evalkit.StudyResult, **more: Any) -> evalkit.StudyResult:
    return replace(result, goals=(replace(result.goals[0], rollout=ROLLOUT | more), *result.goals[1:]))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_part_shows_something_and_hostile_titles_stay_text(
    study: evalkit.OpenStudy, result: evalkit.StudyResult, language: str
) -> None:
    whole, goal = PeriodReport(study, result, language), GoalReport(study, rolled_out(result), "score", language)
    made = [getattr(whole, part)() for part in PERIOD_PARTS] + [getattr(goal, part)() for part in GOAL_PARTS]
    for part in made:
        assert text_of(part.text)
        assert not re.search(r"<script|<img|onerror=(?!alert\(1\)&gt;)|<b>tired", part.text)
    shown = " ".join(text_of(part.text) for part in made)
    assert ("✓ achieved" if language == "en" else "✓ 已达成") in shown
    assert not re.search(OPEN_END, shown)


@pytest.mark.parametrize("goal", ["satisfaction", "handling_time", "response_rate", "incidents"])
def test_the_shipped_banks_pages_are_whole_in_chinese(
    bank: evalkit.OpenStudy, found: evalkit.StudyResult, goal: str
) -> None:
    """No English is left but names that the study file, the sources of methods and commands carry."""
    page = GoalReport(bank, found, goal, "zh")
    shown = " ".join(getattr(page, part)().text for part in GOAL_PARTS if part not in ("reproduce", "provenance"))
    shown = re.sub(r"<(title|desc|style)[^>]*>.*?</\1>", "", shown, flags=re.S)
    own = {goal, bank.file.goal(goal).source, "business_type", *bank.rejected(bank.file.goal(goal).source)}
    own |= {field.name for field in bank.file.source(bank.file.goal(goal).source).fields}
    for name in sorted(own, key=len, reverse=True):
        shown = shown.replace(name, "")
    left = set(re.findall(r"[A-Za-z]{3,}", text_of(shown)))
    assert left <= set(NAMES.split())


def test_the_first_screen_says_what_is_found_what_changed_and_what_to_do(
    bank: evalkit.OpenStudy, found: evalkit.StudyResult
) -> None:
    page = PeriodReport(bank, found)
    shown = text_of(page.first_screen().text).replace("&nbsp;", " ")
    last = bank.evaluate_period("2026-Q2")
    for goal in found:
        verdict = {"achieved": "✓ achieved", "not_achieved": "✗ not achieved", "inconclusive": "? inconclusive"}
        assert verdict[goal.verdict] in shown
        same = last[goal.id].verdict == goal.verdict
        word = str(goal.verdict).replace("_", " ")
        assert (f"Since 2026-Q2: still {word}" if same else f"to {word}; estimate") in shown
    assert "No measure is behind its timetable on 30 September 2026. 6 of 8 were finished late" in shown
    assert page.first_screen().text.count("<svg") == 4
    assert 'href="satisfaction.html"' in page.first_screen().text
    assert 'href="satisfaction.zh.html"' in PeriodReport(bank, found, "zh").first_screen().text


def test_a_card_gives_its_words_the_whole_width(bank: evalkit.OpenStudy, found: evalkit.StudyResult) -> None:
    """Beside the picture they were a column of 180 px; there stands now only what changed since the last period."""
    for card in PeriodReport(bank, found).first_screen().text.split("<section")[1:]:
        finding, picture, since = card.index("ek-verdict"), card.index("<svg"), card.index("Since 2026-Q2")
        assert finding < card.index("display:flex") < picture < since


@pytest.fixture
def begun_late(tmp_path: Path) -> evalkit.OpenStudy:
    """The small study, whose programme starts in the middle of November."""
    text = STUDY.replace("end: 2024-12-31}", "end: 2024-12-31}\n  programme_start: 2025-11-16")
    (tmp_path / "plan.yaml").write_text(text, encoding="utf-8")
    write_records(tmp_path, after=8.2)
    return evalkit.open_study(tmp_path / "plan.yaml")


def test_the_programmes_start_is_told_once_beneath_the_title(begun_late: evalkit.OpenStudy) -> None:
    """It was a caution of every goal."""
    result = begun_late.evaluate_period("2025-Q4")
    assert "partial_period" in [flag.code for flag in result["score"].flags], "in results.json it stands"
    for language, told, caution in (
        (
            "en",
            "The programme starts on 16 November 2025; days before are not evaluated.",
            "begins before the programme",
        ),
        ("zh", "项目自2025年11月16日启动，此前的日子不作评估。", "早于项目启动日"),
    ):
        period, goal = PeriodReport(begun_late, result, language), GoalReport(begun_late, result, "score", language)
        for page, parts in ((period, PERIOD_PARTS), (goal, GOAL_PARTS)):
            shown = "".join(getattr(page, part)().text for part in parts if part not in ("reproduce", "provenance"))
            assert shown.count(told) == 1
            assert caution not in shown
        later = PeriodReport(begun_late, begun_late.evaluate_period("2025-12"), language)
        assert told not in later.heading().text


def test_pages_say_which_months_are_parts_of_months(begun_late: evalkit.OpenStudy) -> None:
    result = begun_late.evaluate_period("2025-Q4", as_of="2026-03-10")
    page = GoalReport(begun_late, result, "score")
    course = text_of(page.course().text)
    assert "part of a month" in course
    assert "for long enough: 2025-11, 2026-03." not in course, "of 2026 there are no records"
    assert "for long enough: 2025-11." in course
    whole = GoalReport(begun_late, begun_late.evaluate_period("2025-Q4"), "score", "zh")
    assert "空心点" in whole.course().text


def test_a_page_says_which_values_are_not_shown(begun_late: evalkit.OpenStudy) -> None:
    """They looked like zero: no slow cases any more."""
    result = begun_late.evaluate_period("2025-Q4")
    found = begun_late.detail("score", "2025-Q4").histogram()
    assert found is not None
    hidden = [place for place, share in enumerate(found.after) if share is None]
    assert hidden
    page = GoalReport(begun_late, result, "score")
    whole = replace(found, whole=True, edges=tuple(k - 0.5 for k in range(len(found.edges))), open_end=True)
    assert page._bins(whole, 2, 2) == "2"
    assert page._bins(whole, 2, 4) == "2 to 4"
    assert page._bins(whole, 2, len(whole.after) - 1) == "≥ 2"
    for language, before, after in (("en", "Before: ", "After: "), ("zh", "此前：", "此后：")):
        shown = text_of(GoalReport(begun_late, result, "score", language).before_and_after().text)
        told = shown.partition(after)[2]
        assert before in shown
        low = f"{found.edges[hidden[0]]:g}"
        assert told.startswith((low, f"{low}.0"))


def test_what_limits_certainty_leads_to_the_cautions_that_are_not_shown(
    study: evalkit.OpenStudy, result: evalkit.StudyResult
) -> None:
    codes = ("partial_period", "pre_existing_trend", "placebo_in_time")
    flags = tuple(Flag(code=code, severity="caution", message=f"{code}.") for code in codes)
    grave = replace(result, goals=(replace(result.goals[0], flags=flags),))
    for language, page in (("en", "score.html"), ("zh", "score.zh.html")):
        assert f'href="{page}#cautions"' in PeriodReport(study, grave, language).first_screen().text
        assert '<h2 id="cautions">' in GoalReport(study, grave, "score", language).cautions().text


def test_what_the_study_file_turns_off_is_said_and_not_left_out(tmp_path: Path) -> None:
    second = STUDY[STUDY.index("  - id: score") :].replace("id: score", "id: other")
    rules = "inference: {common_shocks: none, multiplicity: none}\n"
    write_records(tmp_path, after=8.2)
    for name, text in (("off.yaml", STUDY + second + rules), ("one.yaml", STUDY + rules), ("on.yaml", STUDY + second)):
        (tmp_path / name).write_text(text, encoding="utf-8")
        study = evalkit.open_study(tmp_path / name)
        found = study.evaluate_period("2025-Q4")
        for part in (PeriodReport(study, found).first_screen(), GoalReport(study, found, "score").cautions()):
            shown = text_of(part.text)
            assert ("common_shocks: none" in shown) == (name != "on.yaml")
            assert ("each of the 2 goals" in shown) == (name == "off.yaml"), "one goal has no other"
    chinese = text_of(PeriodReport(study, found, "zh").first_screen().text)
    assert "所有目标项" not in chinese


def test_since_implementation_names_a_phase_in_only_where_there_is_one(
    bank: evalkit.OpenStudy, found: evalkit.StudyResult, study: evalkit.OpenStudy, result: evalkit.StudyResult
) -> None:
    assert "is everything after the phase-in" in PeriodReport(bank, found).first_screen().text
    assert "is everything since the programme began" in PeriodReport(study, result).first_screen().text


def test_the_first_period_has_no_period_before(study: evalkit.OpenStudy) -> None:
    page = PeriodReport(study, study.evaluate_period("2025-Q1"))
    assert page.last is None
    assert "Since 20" not in text_of(page.first_screen().text)


def test_measures_behind_their_timetable_are_named_as_of_the_cut_off(bank: evalkit.OpenStudy) -> None:
    shown = text_of(PeriodReport(bank, bank.evaluate_period("2025-Q2")).first_screen().text)
    assert "Upgrade the security of systems (IT, information security): since 20 January 2025." not in shown
    late = text_of(PeriodReport(bank, bank.evaluate_period("2025-Q1", as_of="2025-03-31")).first_screen().text)
    assert (
        "Regular analysis of feedback (customer service centre, marketing): since 10 February 2025, 31 days over"
        in late
    )


def test_every_table_and_figure_says_where_its_numbers_come_from(
    bank: evalkit.OpenStudy, found: evalkit.StudyResult
) -> None:
    page = GoalReport(bank, found, "response_rate")
    for part in ("estimate", "course", "process", "before_and_after", "branches", "power", "data"):
        html = getattr(page, part)().text
        assert "From: goal response_rate, records feedback; " in html, part
        assert "<figure" in html or "<table" in html
    assert (
        "1 July to 30 September 2026 against 1 January 2023 to 31 December 2024; Wilson score." in page.estimate().text
    )
    assert "1 January 2023 to 30 September 2026; p chart." in page.process().text


def test_figures_state_their_finding_and_offer_their_numbers(
    bank: evalkit.OpenStudy, found: evalkit.StudyResult
) -> None:
    page = GoalReport(bank, found, "handling_time")
    for part in ("estimate", "course", "process", "before_and_after", "power"):
        html = getattr(page, part)().text
        assert re.search(r"<desc[^>]*>[^<]{20,}</desc>", html)
        assert "data:text/csv" in html
    assert "single months are not compared with the target" in page.process().text
    assert "As recorded, the commonest values are" in page.before_and_after().text
    assert "meets the target of" in GoalReport(bank, found, "incidents").process().text
    share = GoalReport(bank, found, "response_rate").process().text
    assert "meets the target of" not in share, "two of its months break a rule"
    assert "nothing is said about single months to come" in share
    assert "Where events are rare the limits lie farther out" in share
    assert "Where events are rare" not in page.process().text, "not of an XmR chart"


def test_a_page_names_the_windows_its_numbers_are_of(bank: evalkit.OpenStudy, found: evalkit.StudyResult) -> None:
    page = GoalReport(bank, found, "handling_time")
    assert "31 December 2024, the same calendar months only" in page.data().text.replace("&nbsp;", " ")
    assert "the months since implementation lie" in GoalReport(bank, found, "incidents").course().text
    assert wording_plain.finding(found["handling_time"]).endswith(". Since implementation it is ruled out.")
    assert "ruled out." not in wording_plain.finding(found["incidents"])


def test_the_goal_page_says_what_would_change_the_verdict(bank: evalkit.OpenStudy, found: evalkit.StudyResult) -> None:
    shown = text_of(GoalReport(bank, found, "handling_time").estimate().text).replace("&nbsp;", " ")
    assert "Taken alone it would be not achieved under another reasonable choice: months independent" in shown
    goal = next(goal for goal in found if goal.verdict != goal.period.verdict)  # achieved alone, not among all
    shown = text_of(GoalReport(bank, found, goal.id).estimate().text).replace("&nbsp;", " ")
    adjusted = formats.probability(goal.p_target_adjusted)
    assert f"would have to hold after the correction for all goals: now {adjusted}" in shown


def test_a_roll_out_tells_its_pre_trend(study: evalkit.OpenStudy, result: evalkit.StudyResult) -> None:
    alike = text_of(GoalReport(study, rolled_out(result), "score").rollout().text)
    assert "−9.0&nbsp;% (−15.0&nbsp;% to −2.0&nbsp;%)" in alike
    assert "they moved alike (smallest adjusted p = 0.400)" in alike
    apart = text_of(GoalReport(study, rolled_out(result, pre_trend_p=0.01), "score").rollout().text)
    assert "already moved apart (smallest adjusted p = 0.0100)" in apart
    none = text_of(GoalReport(study, rolled_out(result, pre_trend_p=None), "score").rollout().text)
    assert "no months before reach" in none
    assert GoalReport(study, result, "score").rollout().text == ""


def test_a_goal_that_cannot_be_evaluated_still_has_its_page(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(
        STUDY.replace("cluster: branch", "cluster: branch\n    phase_in: {start: 2025-01-01, end: 2025-06-30}"),
        encoding="utf-8",
    )
    write_records(tmp_path, after=8.2)
    study = evalkit.open_study(tmp_path / "plan.yaml")
    result = study.evaluate_period("2025-Q1")
    page = GoalReport(study, result, "score")
    shown = " ".join(text_of(getattr(page, part)().text) for part in GOAL_PARTS)
    assert "– not evaluable" in shown
    assert not re.search(OPEN_END, shown)
    assert "not evaluable" in text_of(PeriodReport(study, result).first_screen().text)


def test_a_goals_section_tells_promise_result_caution_and_trace(
    study: evalkit.OpenStudy, result: evalkit.StudyResult
) -> None:
    shown = text_of(PeriodReport(study, result).goals().text) + text_of(
        GoalReport(study, result, "score").heading().text
    )
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
    shown = GoalReport(study, study.evaluate_period("2025-Q4"), "score").course().text
    assert "compare the same calendar months" in shown
    assert "1: Hurry up, from 1 January 2025" in shown


def table_behind(html: str) -> list[dict[str, str]]:
    """Return the rows of the first CSV that a part offers."""
    found = re.search(r'base64,([^"]+)"', html)
    assert found
    return list(csv.DictReader(io.StringIO(base64.b64decode(found[1]).decode("utf-8-sig"), newline="")))


def test_the_months_numbers_hold_what_is_drawn_of_the_expectation(
    study: evalkit.OpenStudy, result: evalkit.StudyResult, tmp_path: Path
) -> None:
    rows = table_behind(GoalReport(study, result, "score").course().text)
    assert [row["start"] for row in rows] == [
        f"{year}-{month:02d}-01" for year in (2024, 2025) for month in range(1, 13)
    ]
    drawn = study.detail("score", "2025-Q4").counterfactual()
    assert drawn is not None
    told = [row["expected"] != "" for row in rows]
    assert told == [False] * 11 + [True] * 13, "from the last month before on"
    last = [float(rows[-1][name]) for name in ("expected_low", "expected", "expected_high")]
    assert last == [
        float((band / drawn.course.exposure)[-1])
        for band in (drawn.course.low, drawn.course.counterfactual, drawn.course.high)
    ]
    held = standardised(tmp_path)
    other = GoalReport(held, held.evaluate_period("2025-Q4"), "score")
    assert "expected" not in table_behind(other.course().text)[0]


def test_the_record_is_the_result_without_provenance(study: evalkit.OpenStudy, result: evalkit.StudyResult) -> None:
    bundle = PeriodReport(study, result).record()._repr_mimebundle_()
    data = bundle["application/vnd.evalkit.result+json"]
    assert {**data, "provenance": {}} == {**result.to_dict(), "provenance": {}}
    assert "provenance" not in data
    record = GoalReport(study, result, "score").record()
    assert record.data == result["score"].to_dict()
    assert repr(record) == "Record of score"


def test_the_commands_to_reproduce_name_a_cutoff_only_where_one_was_given(
    study: evalkit.OpenStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_hand = text_of(GoalReport(study, study.evaluate_period("2025-Q4"), "score").reproduce().text)
    assert (
        "evalkit verify --study FOLDER-OF-THE-STUDY/plan.yaml --period 2025-Q4 --out FOLDER-OF-THESE-PAGES" in by_hand
    )
    monkeypatch.setenv("EVALKIT_STUDY_FROM_REPORTS", "../my plans/plan.yaml")
    usual = text_of(GoalReport(study, study.evaluate_period("2025-Q4"), "score").reproduce().text)
    assert "In the folder that holds ledger.jsonl: the first" in usual
    assert "evalkit evaluate --study &#x27;../my plans/plan.yaml&#x27; --period 2025-Q4 --goal score --json" in usual
    assert "evalkit run --study &#x27;../my plans/plan.yaml&#x27; --period 2025-Q4 --language en --out ." in usual
    early = PeriodReport(study, study.evaluate_period("2025-Q4", as_of=date(2025, 11, 30)))
    assert "--as-of 2025-11-30" in text_of(early.reproduce().text)


def test_the_provenance_names_study_records_code_and_versions(
    study: evalkit.OpenStudy, result: evalkit.StudyResult
) -> None:
    shown = text_of(PeriodReport(study, result).provenance().text)
    assert study.file.hash in shown
    assert re.search(r"records survey\.csv [0-9a-f]{64}", shown)
    assert re.search(r"code and notebooks evalkit [0-9a-f]{64}", shown)
    assert "version python 3." in shown


def test_mistakes_name_what_there_is(study: evalkit.OpenStudy, result: evalkit.StudyResult) -> None:
    with pytest.raises(ParameterError, match="language 'de'"):
        Report(study, result, "de")
    with pytest.raises(ParameterError, match=r"no goal 'scor'; the study has score\. Did you mean 'score'"):
        GoalReport(study, result, "scor")


def test_a_time_series_goal_shows_its_model_and_a_level_how_far_it_moved(tmp_path: Path) -> None:
    text = STUDY.replace(
        "cluster: branch", "estimator: {kind: interrupted-time-series, family: gaussian, change: level}"
    )
    (tmp_path / "plan.yaml").write_text(
        text + "  - {id: good, source: survey, metric: {kind: proportion, success: {column: score, at_least: 7.5}},"
        " better: higher, target: {level: 0.6}}\n",
        encoding="utf-8",
    )
    write_records(tmp_path, after=8.2)
    study = evalkit.open_study(tmp_path / "plan.yaml")
    result = study.evaluate_period("2025-Q4")
    for language, title, level in (("en", "terms, as ratios", "level"), ("zh", "模型各项", "水平突变")):
        shown = text_of(GoalReport(study, result, "score", language).estimate().text)
        assert title in shown
        assert level in shown
        assert "expected without the change" in GoalReport(study, result, "score").course().text
    change = result["good"].period.change
    assert change is not None
    moved = text_of(GoalReport(study, result, "good").estimate().text)
    assert f"Against the baseline: +{100 * change.estimate:.1f} percentage points" in moved
    assert text_of(GoalReport(study, result, "good").process().text)


def standardised(folder: Path) -> evalkit.OpenStudy:
    """Return a study whose mix moves: short business, which scores more, grows."""
    text = STUDY.replace("cluster: branch", "cluster: branch\n    standardise_by: [kind]")
    text = text.replace(
        "{name: branch, type: string}", "{name: branch, type: string}\n      - {name: kind, type: string}"
    )
    (folder / "plan.yaml").write_text(text, encoding="utf-8")
    write_records(folder, after=7.6)
    head, *rows = (folder / "survey.csv").read_text(encoding="utf-8").splitlines()
    lines = [f"{head},kind"]
    for number, row in enumerate(rows):
        day, score, branch = row.split(",")
        short = number % 10 < (3 if day < "2025" else 7)
        lines.append(f"{day},{min(10.0, float(score) + 2 * short):.2f},{branch},{'short' if short else 'long'}")
    (folder / "survey.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return evalkit.open_study(folder / "plan.yaml")


def test_months_as_recorded_are_not_held_against_the_target_of_a_standardised_goal(tmp_path: Path) -> None:
    study = standardised(tmp_path)
    result = study.evaluate_period("2025-Q4")
    assert result["score"].held == ("mix",)
    for language, reliably, target, held in (
        ("en", "reliably", "target +", "at the baseline's mix"),
        ("zh", "稳定", "目标 ", "按基线构成调整后"),
    ):
        page = GoalReport(study, result, "score", language)
        process, course = page.process().text, page.course().text
        assert "达标？" not in process
        assert reliably not in process
        assert (
            "With the mix held, the months since implementation" if language == "en" else "保持基线构成后"
        ) in course
        assert f">{target}" not in process + course
        drawn = re.findall(r"<text[^>]*>([^<]*)</text>", course)
        assert not {"expected without the change", "无变化时的预期"} & set(drawn), "of other values than the months"
        assert ("that expectation is not drawn" if language == "en" else "故不绘出") in course
        assert held.replace("'", "&#x27;") in page.estimate().text
        whole = page.before_and_after().text
        desc = re.search(r"<desc[^>]*>([^<]*)</desc>", whole)
        after = result["score"].period.after
        assert desc
        assert after is not None
        assert f"{after.value:.2f}" not in desc[1]


def test_pages_call_a_column_by_its_declared_title(tmp_path: Path) -> None:
    standardised(tmp_path)
    plan = (tmp_path / "plan.yaml").read_text(encoding="utf-8")
    for name, title in (("kind", "{en: Kind of order, zh: 订单类型}"), ("branch", "{en: Shop, zh: 门店}")):
        plan = plan.replace(f"{{name: {name}, type: string}}", f"{{name: {name}, type: string, title: {title}}}")
    (tmp_path / "plan.yaml").write_text(plan, encoding="utf-8")
    study = evalkit.open_study(tmp_path / "plan.yaml")
    result = study.evaluate_period("2025-Q4")
    cluster = Flag(
        code="dominating_cluster",
        severity="caution",
        message="One unit of 'branch' holds 50 % of a side's weight; the result is mostly its own.",
        figures={"cluster": "branch", "share": 50.0},
    )
    goal = result.goals[0]
    result = replace(result, goals=(replace(goal, flags=(*goal.flags, cluster)),))
    for language, mix, shop, every in (
        ("en", "The mix of Kind of order moved", "One unit of &#x27;Shop&#x27;", "Every Shop (10)"),
        ("zh", "订单类型的构成变动了", "“门店”中有一个单位", "各门店（10）"),
    ):
        page = GoalReport(study, result, "score", language)
        assert mix in page.cautions().text
        assert shop in page.cautions().text
        assert every in page.branches().text
        assert {"en": "the mix of Kind of order", "zh": "订单类型"}[language] in page.course().text


def test_the_context_page_has_no_empty_parts(study: evalkit.OpenStudy, result: evalkit.StudyResult) -> None:
    parts = ("situation", "implementation", "indicators", "feedback", "method")
    page = ContextReport(study, result)
    assert [part for part in parts if not getattr(page, part)().text] == ["indicators", "feedback"]
    assert "Days late are" in page.method().text
    assert "Process indicators" not in page.method().text
    bare = study.file.model_copy(update={"weaknesses": (), "measures": ()})
    for language, told in (("en", "there is nothing to show"), ("zh", "这里没有内容")):
        empty = ContextReport(SimpleNamespace(file=bare), result, language)
        assert [part for part in parts if getattr(empty, part)().text] == []
        assert told in empty.heading().text


def test_a_promise_in_hours_is_told_in_hours(tmp_path: Path) -> None:
    import random
    from datetime import UTC, datetime, timedelta

    draw, lines = random.Random(3), ["opened,replied,queue"]
    for number in range(2400):
        opened = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=7 * number)
        replied = opened + timedelta(hours=draw.expovariate(1 / (6 if opened.year == 2024 else 3)))
        times = (moment.isoformat(timespec="seconds") for moment in (opened, replied))
        lines.append(f"{','.join(times)},q{number % 6}")
    (tmp_path / "tickets.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "plan.yaml").write_text(
        """\
schema: 1
id: helpdesk
calendar: {baseline: {start: 2024-01-01, end: 2024-12-31}}
sources:
  tickets:
    path: tickets.csv
    time: opened
    fields: [{name: opened, type: datetime}, {name: replied, type: datetime}, {name: queue, type: string}]
goals:
  - id: reply
    source: tickets
    metric: {kind: proportion, success: {column: replied, within: 8h, of: opened}}
    better: higher
    target: {level: 0.85}
    cluster: queue
""",
        encoding="utf-8",
    )
    study = evalkit.open_study(tmp_path / "plan.yaml")
    result = study.evaluate_period("2025-Q2")
    for language, within, unit in (("en", "within 8 hours", "(hours)"), ("zh", "8小时内", "（小时）")):
        shown = GoalReport(study, result, "reply", language).before_and_after().text
        assert within in shown
        assert unit in shown
        assert "0.33" not in text_of(shown)
