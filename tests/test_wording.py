"""Sentences say what the numbers say, in both languages, and none is left untranslated."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from pathlib import Path

import pytest
import report_fixtures as fixtures

from evalkit import wording, wording_flags, wording_methods, wording_plain
from evalkit.errors import ParameterError
from evalkit.results import Flag, SensitivityLine
from evalkit.study.model_values import Text, Titled

PACKAGE = Path(wording.__file__).parent


def marked() -> dict[str, str]:
    """Return every sentence marked for translation in the package or the calibration's page, with the module that says it."""
    found: dict[str, str] = {}
    for path in (*PACKAGE.rglob("*.py"), Path(__file__).parent / "calibration" / "page.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
                continue
            called = node.func
            name = called.id if isinstance(called, ast.Name) else getattr(called, "attr", "")
            direct = isinstance(called, ast.Call) and ast.unparse(called.func).endswith("translator")
            if name == "_" or direct:
                found[str(node.args[0].value)] = path.name
    return found


def placeholders(text: str) -> list[str]:
    return sorted(re.findall(r"\{(\w+)", text))


def test_every_marked_sentence_is_in_the_chinese_catalogue_and_nothing_else_is() -> None:
    plain = {key for context, key in wording.catalogue("zh") if context is None}
    sentences = marked()
    assert len(sentences) > 100
    assert {text: module for text, module in sentences.items() if text not in plain} == {}
    assert plain - set(sentences) == set()


def test_translations_keep_the_placeholders() -> None:
    wrong = [
        key
        for (context, key), text in wording.catalogue("zh").items()
        if context is None and placeholders(key) != placeholders(text)
    ]
    assert wrong == []


def test_chinese_sentences_hold_no_english_words() -> None:
    text = " ".join(wording.goal_sentence(goal, "zh", title="目标") for goal in fixtures.study_result().goals[:3])
    text += wording.tally(fixtures.study_result(), "zh") + "".join(
        wording.notes(0.95, "zh") + wording.notes(0.95, "zh", sequential=True)
    )
    assert re.findall(r"[A-Za-z]{3,}", text) == []


@pytest.mark.parametrize(
    ("low", "estimate", "high", "better", "verdict", "position"),
    [
        (1.104, 1.113, 1.122, "higher", "achieved", "beyond"),
        (1.05, 1.113, 1.2, "higher", "inconclusive", "beyond"),
        (1.05, 1.07, 1.2, "higher", "inconclusive", "short of"),
        (1.01, 1.05, 1.09, "higher", "not achieved", "short of"),
        (1.01, 1.05, 1.09, "lower", "achieved", "beyond"),
        (1.11, 1.15, 1.19, "lower", "not achieved", "short of"),
    ],
)
def test_the_sentence_follows_from_the_numbers(
    low: float, estimate: float, high: float, better: str, verdict: str, position: str
) -> None:
    outcome = fixtures.effect(estimate, low, high, better=better)
    sentence = wording.goal_sentence(fixtures.goal("g", "Goal", "mean", outcome, better=better))
    assert sentence.startswith(f"Goal: {verdict}. Observed ")
    assert f"{position} the target of +10 %" in sentence
    side = {"achieved": "wholly on the good side", "not achieved": "wholly on the wrong side"}
    assert side.get(verdict, "includes the target") in sentence


def test_a_level_is_above_or_below_and_an_exact_hit_is_neither() -> None:
    assert "Observed 91.3 %, above 90 %" in wording.goal_sentence(fixtures.answered())
    exact = fixtures.goal("g", "Goal", "mean", fixtures.effect(1.10, 1.0, 1.2))
    assert "exactly the target" in wording.goal_sentence(exact)


def test_a_goal_reached_alone_but_not_beside_the_others_says_so() -> None:
    sentence = wording.goal_sentence(fixtures.satisfaction(verdict="inconclusive"))
    assert "inconclusive" in sentence
    assert "not once all goals are judged together (adjusted p = 0.0400)" in sentence


def test_a_goal_that_cannot_be_evaluated_says_why() -> None:
    sentence = wording.goal_sentence(fixtures.incidents())
    assert sentence.endswith("not evaluable. There were no incidents in the baseline.")


def test_an_indicator_has_no_verdict() -> None:
    outcome = fixtures.effect(1.2, 1.1, 1.3, target=None)
    sentence = wording.goal_sentence(fixtures.goal("g", "Calls", "rate", outcome))
    assert sentence.startswith("Calls: Observed +20.0 %; the 95 % interval is +10.0 % to +30.0 %.")


def test_a_flag_without_translation_or_figures_is_told_in_english() -> None:
    assert wording.flag_sentence(Flag(code="new", severity="info", message="Something new."), "zh") == "Something new."


def test_a_pages_cautions_are_on_the_pages_scale() -> None:
    figures = {"crude": 1.13, "target": 1.10, "estimate": 1.05, "low": 1.0, "high": 1.12}
    shift = {"columns": "kind, branch", "moved": 19.2, "own": 1.05, "plain": 1.13}
    result = fixtures.goal("g", "Goal", "mean", fixtures.effect(1.05, 1.0, 1.12))
    line = SensitivityLine(name="exact", estimate=1.1, low=1.11, high=1.2, note="", verdict="achieved")
    result = replace(result, sensitivity=(line,))
    for code, given, english, chinese in (
        ("looks_reached", figures, "(+13.0 %) are beyond the target of +10 %", "估计值为+5.0%，区间为0.0%至+12.0%"),
        ("looks_reached", {**figures, "crude": 1.05}, "+5.0 % is better than the target", "越过了目标"),
        ("case_mix_shift", shift, "gives +5.0 %, leaving it as it fell gives +13.0 %", "kind、网点的构成变动了19个"),
        (
            "influential_cluster",
            {"cluster": "Plant", "label": "Plant F", "value": 1.2},
            "Without Plant F the",
            "+20.0%",
        ),
        ("influential_cluster", {"cluster": "branch", "label": "7", "value": 1.2}, "Without branch 7 the", "网点“7”"),
        ("verdict_not_robust", {"names": "exact (achieved)"}, "verdict: exact (achieved).", "（已达成）"),
        ("multiplicity", {"family": 4, "p": 0.04, "alpha": 0.025}, "(p = 0.0400) is not below 0.025", "4个目标项"),
        ("ceiling", {"wanted": 11.0, "before": 9.5}, "asks for 11.0,", "基线9.5"),
        ("already_kept", {"before": 9.5123}, "already, with 9.51;", "达到这一承诺（9.51）"),
        ("duplicate_keys", {"count": 1, "source": "s"}, "of 's' that repeat a key: 1.", "被剔除的记录中，有1条"),
    ):
        flag = Flag(code=code, severity="caution", message="0.835", figures=given)
        assert english in wording_flags.sentence(flag, result)
        assert chinese in wording_flags.sentence(flag, result, "zh")
    other = Flag(code="looks_reached", severity="caution", message="Other figures.", figures={"x": 1})
    assert wording_flags.sentence(other, result) == "Other figures."


def test_a_season_cannot_change_a_level_and_no_line_says_so() -> None:
    flag = Flag(code="season_not_covered", severity="info", message="… the line 'same months'", figures={"held": True})
    level, ratio = fixtures.answered(), fixtures.satisfaction()
    assert "same months" not in wording_flags.sentence(flag, level)
    assert "same months" in wording_flags.sentence(flag, ratio)
    own = level.period.effect
    assert own is not None
    lines = tuple(
        SensitivityLine(name=name, estimate=own.estimate, low=own.low, high=own.high, note="", verdict=own.verdict)
        for name in ("same months", "exact")
    )
    assert [line.name for line in wording_plain.alternatives(replace(level, sensitivity=lines))] == ["exact"]
    assert len(wording_plain.alternatives(replace(ratio, sensitivity=lines))) == 2


def test_every_flag_has_its_chinese_sentence() -> None:
    from evalkit.evaluation.diagnostics import CODES

    known = {key for context, key in wording.catalogue("zh") if context == "flag"}
    assert set(CODES) - known == set()
    flag = Flag(code="missing_values", severity="info", message="…", figures={"missing": 5, "share": 1.25})
    assert wording.flag_sentence(flag, "zh") == "5 条记录（1.2%）缺少数值，未计入。"


def test_every_alternative_has_its_chinese_name_and_note() -> None:
    tree = ast.parse((PACKAGE / "evaluation" / "sensitivity.py").read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    lines = [call.args[0] for call in calls if ast.unparse(call.func) == "_line"]
    added = [call.args[0] for call in calls if ast.unparse(call.func) == "found.append"]
    named = [*lines, *(node.elts[0] for node in added if isinstance(node, ast.Tuple))]
    names = {str(node.value) for node in named if isinstance(node, ast.Constant)}
    names.add("winsorised")
    assert len(names) >= 8
    for context in ("sensitivity", "sensitivity note"):
        assert names - {key for known, key in wording.catalogue("zh") if known == context} == set()


def test_tally_and_languages() -> None:
    assert wording.tally(fixtures.study_result()) == (
        "Of 4 goals: 1 achieved, 1 not achieved, 1 inconclusive, 1 not evaluable."
    )
    one = replace(fixtures.study_result(), goals=(fixtures.answered(),))
    assert (wording.tally(one), wording.tally(one, "zh")) == ("One goal: inconclusive.", "共1个目标项：尚无定论。")
    with pytest.raises(ParameterError, match=r"'zhh' is not known; write en or zh. Did you mean 'zh'"):
        wording.check_language("zhh")


def test_titles_in_the_language_asked_or_the_other() -> None:
    both = Titled(id="a", title=Text(en="Service", zh="服务"))
    assert (wording.title(both), wording.title(both, "zh")) == ("Service", "服务")
    assert wording.title(Titled(id="a", title=Text(en="Service")), "zh") == "Service"


def test_rejections_are_told_in_the_language_of_the_page() -> None:
    assert wording.rejection("score: above the maximum 10") == "score: above the maximum 10"
    assert wording.rejection("score: above the maximum 10", "zh") == "score：高于最大值 10"
    events = "hours: zero, though there are events in injuries"
    assert wording.rejection(events, "zh") == "hours：为零，却有事件记于 injuries"
    assert wording.rejection("fewer columns than the header", "zh") == "列数少于表头"
    assert wording.rejection("something else", "zh") == "something else"


def test_each_procedure_has_its_sentence() -> None:
    result = fixtures.satisfaction()
    assert "leaving out one cluster" in wording_methods.method_sentences(result)
    assert "17.3 degrees of freedom" in wording_methods.method_sentences(result)
    assert "刀切法" in wording_methods.method_sentences(result, "zh")
    without = wording_methods.method_sentences(fixtures.incidents())
    assert without == "The rate after is divided by the rate of the baseline."


def test_the_note_on_several_goals_is_there_only_where_it_is_true() -> None:
    assert len(wording.notes(0.95)) == len(wording.notes(0.95, adjusted=False)) + 1
    assert any("too is one look" in note for note in wording.notes(0.95))
    assert any("holds over all looks" in note for note in wording.notes(0.95, sequential=True))
    assert "whole 90 % interval" in wording.notes(0.9)[1]
    assert any("16 %" in note for note in wording.notes(0.95))


def test_a_level_is_not_said_to_be_held_against_a_baseline() -> None:
    told = {key: " ".join(wording.notes(0.95, levels=key)) for key in ((True,), (False,), (True, False))}
    assert "estimated baseline" not in told[True,]
    assert "a level is held" not in told[False,]
    assert "a level is held" in told[True, False]
    assert "estimated baseline" in told[True, False]


def test_pages_say_that_before_and_after_proves_no_cause() -> None:
    assert "does not prove that the measures were the cause" in wording.notes(0.95)[0]
    assert "不能证明变化由措施引起" in wording.notes(0.95, "zh")[0]


def test_figures_of_cautions_have_group_marks_and_true_minus_signs() -> None:
    goal = fixtures.satisfaction()
    count = Flag(code="undated_records", severity="info", message="", figures={"count": 401583, "column": "day"})
    assert "401,583 条记录" in wording_flags.sentence(count, goal, "zh")
    trend = {"a_year": -4.4178, "unit": " %", "p": "= 0.012"}
    flag = Flag(code="pre_existing_trend", severity="caution", message="", figures=trend)
    assert "每年已变动−4.4%（p = 0.012）" in wording_flags.sentence(flag, goal, "zh")
    assert "by −4.4 % a year (p = 0.012)" in wording_flags.sentence(flag, goal)
    own = Flag(code="pre_existing_trend", severity="caution", message="", figures={**trend, "a_year": 1.5, "unit": ""})
    assert "每年已变动+1.50分钟" in wording_flags.sentence(own, goal, "zh", unit="分钟")


def test_chinese_uses_one_word_for_each_thing() -> None:
    """Those of docs/glossary.md."""
    text = " ".join(wording.catalogue("zh").values())
    assert [word for word in ("拟泊松", "推广", "中p", "5个点", "数据也与", "两侧高于") if word in text] == []
