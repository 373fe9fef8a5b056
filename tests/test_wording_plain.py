"""Plain sentences follow from the numbers beside them, whatever those are."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import report_fixtures as fixtures

from evalkit import tables, wording, wording_methods, wording_plain
from evalkit.effect import decide
from evalkit.estimands.control_chart import control_chart
from evalkit.estimands.response_time import kaplan_meier
from evalkit.evaluation.planning import GoalPower
from evalkit.formats import Quantity
from evalkit.inference.power import power

CALIBRATION = Path(__file__).resolve().parent.parent / "reports" / "method-validation" / "results.json"
ENDS = (0.7, 0.79, 0.8, 0.81, 0.9, 1.0)


@pytest.mark.parametrize("better", ["higher", "lower"])
def test_a_finding_never_contradicts_verdict_estimate_or_interval(better: str) -> None:
    """Every order of interval, estimate and target: what is claimed of each number is true of it."""
    for low, estimate, high in itertools.combinations_with_replacement(ENDS, 3):
        outcome = fixtures.effect(estimate, low, high, target=0.8, better=better)
        told = wording_plain.finding(fixtures.goal("g", "Goal", "mean", outcome, better=better))
        form = Quantity(factor=100, offset=-100, signed=True, percent=True, decimals=1)
        good, bad = (high, low) if better == "higher" else (low, high)
        verdict = decide(low, high, 0.8, better)  # type: ignore[arg-type]
        assert ("is kept:" in told) == (verdict == "achieved")
        assert ("is not kept:" in told) == (verdict == "not_achieved")
        assert f"{form.text(estimate)} observed" in told
        if "worse end" in told or "not certain" in told:
            assert form.text(bad) in told
        if "better end" in told or "not ruled out" in told:
            assert form.text(good) in told
        assert ("not certain" in told) == (verdict == "inconclusive" and (estimate > 0.8) == (better == "higher"))


def test_a_goal_kept_alone_but_not_among_all_says_so_and_one_without_answer_why() -> None:
    told = wording_plain.finding(fixtures.satisfaction(verdict="inconclusive"))
    assert told == (
        "+11.3 % observed where +10 % was promised: enough for this goal alone, not quite when all goals are judged"
        " together."
    )
    assert wording_plain.finding(fixtures.incidents()) == "There were no incidents in the baseline."


@pytest.mark.parametrize(
    ("held", "told", "zh"),
    [
        (("mix",), "at the baseline's mix", "按基线构成调整后"),
        (("months",), "against the baseline's same months", "与基线相同月份相比"),
        (("mix", "months"), "at the baseline's mix and months", "按基线构成和月份调整后"),
    ],
)
def test_an_adjusted_estimate_is_never_called_observed(held: tuple[str, ...], told: str, zh: str) -> None:
    result = fixtures.satisfaction(held=held)
    assert f"+11.3 % {told}, and +10.4 %" in wording_plain.finding(result)
    assert f"{told[:1].upper()}{told[1:]} +11.3 %, beyond the target" in wording.goal_text(result)
    assert f"{zh}+11.3%" in wording_plain.finding(result, "zh")
    assert "observed" not in (wording_plain.finding(result) + wording.goal_text(result)).lower()
    assert "not as recorded" in tables.goal(result)
    assert "not as recorded" not in tables.goal(fixtures.satisfaction())


def test_what_changed_since_the_last_period() -> None:
    now, last = fixtures.satisfaction(), fixtures.goal("satisfaction", "S", "mean", fixtures.effect(1.05, 1.0, 1.1))
    told = wording_plain.since_last(now, last, "2026-Q2")
    assert told == "Since 2026-Q2: from inconclusive to achieved; estimate +5.0 %, now +11.3 %."
    same = wording_plain.since_last(now, now, "2026-Q2")
    assert same.startswith("Since 2026-Q2: still achieved; ")
    none = wording_plain.since_last(fixtures.incidents(), fixtures.incidents(), "2026-Q2")
    assert none == "Since 2026-Q2: still not evaluable."


def test_what_would_change_names_the_end_of_the_interval_that_counts() -> None:
    told = wording_plain.what_would_change(fixtures.satisfaction())
    assert told[0] == "The interval's worse end, +10.4 %, would have to lie on the wrong side of +10 %."
    assert told[1] == "Taken alone it would be inconclusive under another reasonable choice: same-months."
    told = wording_plain.what_would_change(fixtures.handling_time())
    assert told == ["The interval's better end, −19.0 %, would have to reach −20 %."]
    told = wording_plain.what_would_change(fixtures.answered())
    assert "worse end, now 88.7 %, would have to pass 90 %" in told[0]
    assert wording_plain.what_would_change(fixtures.incidents()) == []
    agreed = replace(fixtures.satisfaction(), sensitivity=fixtures.satisfaction().sensitivity[:1])
    assert wording_plain.what_would_change(agreed)[-1].startswith("No other choice in the table above gives")


def test_power_says_how_many_periods_are_still_needed() -> None:
    found = power(standard_error=0.02, target=0.8, better="lower")
    plan = GoalPower(
        goal="g",
        scale="ratio",
        better="lower",
        target=0.8,
        period=found,
        to_date=None,
        observed=0.78,
        assumed=0.7,
        at={"period_observed": 0.9999, "to_date_observed": 1e-9},
        periods_done=2,
        periods_needed=5,
    )
    told = wording_plain.power(fixtures.handling_time(), plan)
    assert any("takes 5 periods to date (done: 2), so more data are needed." in text for text in told)
    assert any("the chance is > 99 % a period and < 1 % to date" in text for text in told)
    enough = wording_plain.power(fixtures.handling_time(), replace(plan, periods_done=6))
    assert enough[-1].endswith("takes 5 periods to date (done: 6).")
    one = wording_plain.power(fixtures.handling_time(), replace(plan, periods_needed=1))
    assert one[-1].endswith("takes 1 period to date (done: 2).")
    heads = tables.planned(replace(plan, beyond=0.78), fixtures.handling_time()).replace("&nbsp;", " ")
    assert "At −22.0 %, 5 points beyond the target" in heads
    assert "At −22.0 %, as estimated to date" in heads
    never = wording_plain.power(fixtures.handling_time(), replace(plan, periods_needed=None))
    assert "no number of periods within the plan" in never[-1]
    assert wording_plain.power(fixtures.handling_time(), replace(plan, period=None)) == ["The records give no answer."]


def test_a_process_says_whether_it_will_meet_the_target() -> None:
    values, form = [9.0 if i % 2 else 11.0 for i in range(24)], Quantity(decimals=1)
    for target, better, expected in (
        (30, "lower", "will reliably meet"),
        (30, "higher", "will miss"),
        (10, "lower", "left to chance"),
    ):
        told = wording_plain.process(control_chart(values, target=target, better=better), form)  # type: ignore[arg-type]
        assert expected in told
        assert "None of its 24 months breaks a rule." in told
        assert "12 months" not in told
    short = wording_plain.process(control_chart(values[:8]), form)
    assert "fewer than 12 months" in short
    assert "target" not in short


def test_nothing_is_foretold_of_a_process_that_is_not_stable() -> None:
    """Half of the months broke a rule, and beside it stood what single months to come would do."""
    months, form = np.array("2024-05", dtype="datetime64[M]") + np.arange(24), Quantity(decimals=1)
    values = [9.0 if i % 2 else 11.0 for i in range(24)]
    values[17] = 22.0
    for more, told, zh in (
        ({}, "1 of its 24 months breaks a rule (2025-10), so it has not been stable", "有1个月（2025-10）触发规则"),
        ({20: -2.0}, "2 of its 24 months break a rule (the first: 2025-10), so it", "有2个月触发规则（最早为2025-10）"),
    ):
        for place, value in more.items():
            values[place] = value
        chart = control_chart(values, times=months, target=30, better="lower")
        text = wording_plain.process(chart, form)
        assert told in text
        assert text.endswith("nothing is said about single months to come.")
        assert "As it runs now" not in text
        assert "target" not in text
        assert zh in wording_plain.process(chart, form, "zh")


def test_a_season_is_named_where_a_chart_cannot_tell_it_from_a_change() -> None:
    form, told = Quantity(decimals=1), "A season looks the same"
    year = [10.0, 10.1] * 5 + [20.0, 20.1]
    process = wording_plain.process
    assert told in process(control_chart(year * 2, step_at=12), form)
    assert "季节也会" in process(control_chart(year * 2, step_at=12), form, "zh")
    assert told not in process(control_chart(year * 3, step_at=24), form), "two years before show the season"
    assert told not in process(control_chart(year + year[3:], step_at=12), form), "too few months for a season"
    assert told not in process(control_chart([9.0, 11.0] * 12, step_at=12), form), "no rule is broken"
    lone = [9.0, 11.0] * 12
    lone[20] = 20.0
    assert told not in process(control_chart(lone, step_at=12), form), "a single month is no season"


def test_response_times_are_told_before_and_after() -> None:
    curves = {"before": kaplan_meier([3, 5, 8, 13]), "after": kaplan_meier([1, 2, 4, 6])}
    told = wording_plain.response(curves, 7.0)
    assert told == (
        "Before, half were answered within 6.5 days and 50.0 % within 7 days; after, half within 3 days and 100.0 %"
        " within 7 days."
    )
    hours = {arm: curve.times_by(24) for arm, curve in curves.items()}
    assert "half within 72 hours and 100.0 % within 168 hours" in wording_plain.response(hours, 168.0, unit="hours")
    assert "半数在72小时内得到答复" in wording_plain.response(hours, 168.0, "zh", unit="hours")


def test_a_share_beyond_what_was_followed_is_not_told() -> None:
    curves = {"before": kaplan_meier([3, 5, 8, 13]), "after": kaplan_meier([1, 2, 4, 6], [1, 1, 1, 0])}
    told = wording_plain.response(curves, 7.0)
    assert told.endswith("50.0 % within 7 days; after, half within 3 days.")
    assert wording_plain.response(curves, 7.0, "zh").endswith("此后，半数在3天内得到答复。")
    assert "<td" in tables.response_times(curves, 7.0)
    assert ">–<" in tables.response_times(curves, 7.0)
    assert ">–<" not in tables.response_times(curves, 6.0)


def test_the_calibrations_misses_are_those_of_its_published_result() -> None:
    figures = json.loads(CALIBRATION.read_text(encoding="utf-8"))["figures"]
    own = [f for f in figures if f["method"] == "evalkit"]
    assert sum(f["least"] is not None or f["most"] is not None for f in own) == wording_methods.BOUNDED
    missed = {(f["measure"], f["scenario"]): 100 * f["rate"] for f in own if f["missed"]}
    told = {(measure, bank): rate for measure, banks in wording_methods.MISSES.items() for bank, rate in banks}
    assert told.keys() == missed.keys(), "`make validate` gave other misses: change wording_methods.MISSES"
    for key, rate in told.items():
        assert rate == pytest.approx(missed[key], abs=0.051)
    outside = [f for f in own if f["rate"] < (f["least"] or 0.0) or f["rate"] > (f["most"] or 1.0)]
    assert len(outside) - len(missed) == wording_methods.BESIDE
    text = wording_methods.calibration()
    assert f"of {wording_methods.BOUNDED} figures with a bound, {len(missed)} is shown to miss it" in text
    assert "power is 69 % where" in text


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_a_methods_short_name_is_told_in_parts(language: str) -> None:
    name = "interrupted time series, Newey–West errors with 4 lags, t, repeated"
    told = wording_methods.short(name, language)  # type: ignore[arg-type]
    assert told == (name if language == "en" else "中断时间序列，Newey–West误差（4阶滞后），t，多次查看校正")
    assert wording_methods.short("quasi-Poisson (mid-p, t)", "zh") == "准泊松（mid-p，t）"
