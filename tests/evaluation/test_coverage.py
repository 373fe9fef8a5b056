"""What the records do not reach is told: months before and between them, units and months without exposure, names."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from built_study import Study, records

import evalkit as ek
from evalkit import wording
from evalkit.results import GoalResult

MEAN = "    metric: {kind: mean, value: value}\n    better: lower\n    target: {relative_change: -0.20}\n"
SHARE = "    metric: {kind: proportion, success: {column: kind, equals: %s}}\n    better: higher\n    target: {level: 0.9}\n"
A_DAY = "    metric: {kind: rate, exposure: calendar-days}\n    better: higher\n    target: {relative_change: 0.1}\n"

Row = dict[str, Any]


def told(result: GoalResult, code: str) -> str:
    """Return what a flag says, nothing where it is silent; the Chinese of it is another sentence."""
    found = [flag for flag in result.flags if flag.code == code]
    assert all(wording.flag_sentence(flag, "zh") != flag.message for flag in found)
    return " ".join(flag.message for flag in found)


def without(keep: Callable[[Row], bool]) -> list[Row]:
    return [row for row in records() if keep(row)]


@pytest.mark.parametrize("end", [date(2025, 9, 2), date(2025, 9, 30)])
def test_an_export_that_stops_inside_the_last_month(bench: Any, end: date) -> None:
    days = [date(2023, 1, 1) + timedelta(days=n) for n in range((end - date(2023, 1, 1)).days + 1)]
    bench.write("r.csv", [["day"], *([day] for day in days for _ in range(3))])
    rate = {"kind": "rate", "exposure": "calendar-days"}
    bench.plan([{"name": "day", "type": "date"}], rate, goal={"better": "lower", "target": {"relative_change": -0.05}})
    said = told(bench.open().evaluate("g", period="2025-Q3"), "partial_period")
    assert ("has no records after 2025-09-02, 28 days before the window's end" in said) == (end.day == 2)
    assert said or end.day == 30


def test_a_source_that_is_often_silent_for_days_has_not_ended(study: Study) -> None:
    batches = without(lambda row: int(row["day"][8:]) <= 12)
    fewer = [row for row in batches if row["day"] < "2025-09" or row["branch"] == "b1"]
    assert told(study(fewer, MEAN).evaluate("g", period="2025-Q3"), "partial_period") == ""


def test_records_that_begin_after_the_baseline_does(study: Study) -> None:
    late = without(lambda row: row["day"] >= "2024")
    for goal in (MEAN, A_DAY):
        said = told(study(late, goal).evaluate("g", period="2025-Q3"), "partial_baseline")
        assert said.startswith("The source 's' has no records before 2024-01, but the baseline begins on 2023-01-01")
        assert told(study(records(), goal).evaluate("g", period="2025-Q3"), "partial_baseline") == ""
    assert told(study(late, MEAN).evaluate("g", period="2025-Q3"), "participation_change") == ""


@pytest.mark.parametrize(("lost", "silent"), [("2025-08", False), ("2023-05", False), ("2025-05", True)])
def test_a_month_without_records_between_others_that_have_many(study: Study, lost: str, silent: bool) -> None:
    result = study(without(lambda row: row["day"][:7] != lost), MEAN).evaluate("g", period="2025-Q3")
    assert (told(result, "missing_months") == "") is silent
    assert silent or f"has no records in {lost}, though" in told(result, "missing_months")


def test_seldom_records_have_months_without_any(study: Study) -> None:
    seldom = without(lambda row: row["day"][5:7] in ("01", "04", "07", "10"))
    assert told(study(seldom, MEAN).evaluate("g", period="2025-Q3"), "missing_months") == ""
    few = [row for row in records(branches=1) if row["day"][8:] in ("01", "02", "03")]
    assert told(study(few, MEAN).evaluate("g", period="2025-Q3"), "missing_months") == ""


@pytest.mark.parametrize(("wanted", "fires"), [("Quick", True), ("quick", False)])
def test_a_success_that_no_record_is(study: Study, wanted: str, fires: bool) -> None:
    said = told(study(records(), SHARE % wanted).evaluate("g", period="2025-Q3"), "no_success")
    assert said == ("No record on either side has 'Quick' in 'kind'; is that how it is written there?" if fires else "")


@pytest.mark.parametrize("spelling", ["b1  ", "B1", "ｂ1"])
def test_names_that_only_blanks_or_letter_case_keep_apart(study: Study, spelling: str) -> None:
    rows = [row | {"branch": spelling} if row["branch"] == "b1" and row["day"] > "2025" else row for row in records()]
    result = study(rows, MEAN + "    cluster: branch\n    standardise_by: [kind]\n").evaluate("g", period="2025-Q3")
    assert told(result, "similar_labels").startswith("1 of the values of 'branch' differ from another only by blanks")
    plain = study(records(), MEAN + "    cluster: branch\n").evaluate("g", period="2025-Q3")
    assert told(plain, "similar_labels") == ""


def losses(bench: Any, keep: Callable[[str, str], bool] = lambda *_: True, *, unit: float = 100, **goal: Any) -> Any:
    """Evaluate events of two shops a day over the hours of each month, kept in a source of their own."""
    months = [f"{year}-{month:02d}" for year in (2024, 2025) for month in range(1, 13)]
    days = [(f"{month}-{day:02d}", shop) for month in months for day in (2, 9, 16, 23) for shop in ("a", "b")]
    bench.write("r.csv", [["day", "shop"], *([day, shop] for day, shop in days if day < "2025-10")])
    hours = [[f"{month}-01", shop, unit] for month in months[:21] for shop in ("a", "b") if keep(month, shop)]
    bench.write("hours.csv", [["day", "shop", "hours"], *hours])
    fields = [{"name": "day", "type": "date"}, {"name": "shop", "type": "string"}]
    bench.plan(
        fields,
        {"kind": "rate", "exposure": {"source": "hours", "value": "hours"}},
        goal={"better": "lower", **goal},
        sources={
            "hours": {"path": "hours.csv", "time": "day", "fields": [*fields, {"name": "hours", "type": "number"}]}
        },
    )
    return bench.open()


@pytest.mark.parametrize("unit", [100, 1e-4])
def test_a_month_of_events_without_exposure_gives_no_rate(bench: Any, unit: float) -> None:
    whole = losses(bench, unit=unit).evaluate("g", period="2025-Q3")
    assert whole.period.effect is not None
    assert whole.period.effect.estimate == pytest.approx(1.0)
    for lost in ("2025-08", "2024-05"):
        broken = losses(bench, lambda month, _, lost=lost: month != lost, unit=unit).evaluate("g", period="2025-Q3")
        assert broken.verdict == "not_evaluable"
        assert f"The source 'hours' has no exposure in {lost}, where there are events" in told(
            broken, "exposure_missing"
        )
        assert f"has no records in {lost}" in told(broken, "missing_months")
    yearly = losses(bench, lambda month, _: month.endswith("-01")).evaluate("g", period="2025")
    assert yearly.period.effect is not None, "exposure by the year is no exposure that lacks months"


def test_a_unit_of_events_without_exposure_is_named(bench: Any) -> None:
    lost = losses(bench, lambda month, shop: shop == "a" or month < "2025", cluster="shop")
    said = told(lost.evaluate("g", period="2025-Q3"), "units_without_exposure")
    assert said.startswith("12 of 24 events from 2025-07-01 to 2025-09-30 belong to a 'shop' of which 'hours' has no")
    assert "(b)" in said
    assert told(losses(bench, cluster="shop").evaluate("g", period="2025-Q3"), "units_without_exposure") == ""


def test_totals_of_months_are_not_cut(bench: Any) -> None:
    study = losses(bench)
    cut = study.evaluate("g", period="2025-07-01/2025-09-30", as_of="2025-09-10")
    assert (cut.verdict, cut.period.effect, cut.to_date and cut.to_date.effect) == ("not_evaluable", None, None)
    assert "The records of 'hours' are totals of months" in told(cut, "month_totals_cut")
    assert "at 2025-09-11" in told(cut, "month_totals_cut")
    assert told(study.evaluate("g", period="2025-Q3", as_of="2025-08-31"), "month_totals_cut") == ""
    phased = losses(bench, phase_in={"start": "2025-01-01", "end": "2025-03-14"}).evaluate("g", period="2025-Q3")
    assert phased.period.effect is not None, "the quarter cuts no month"
    assert phased.to_date is not None
    assert phased.to_date.effect is None, "what follows the phase-in does"
    assert [flag.severity for flag in phased.flags if flag.code == "month_totals_cut"] == ["caution"]
    assert "at 2025-03-15" in told(phased, "month_totals_cut")
    scope = study.evaluate_by("shop", period="2025-07-01/2025-09-10")[0].scopes[0].goals[0]
    assert [flag.code for flag in scope.flags] == ["month_totals_cut"]


def test_events_counted_by_the_month_over_days_are_not_cut_either(study: Study) -> None:
    rows = [{"day": f"{year}-{month:02d}-01", "events": 9} for year in (2023, 2024, 2025) for month in range(1, 13)]
    a_day = A_DAY.replace("kind: rate", "kind: rate, events: events")
    opened = study(rows, a_day)
    assert "month_totals_cut" in [f.code for f in opened.evaluate("g", period="2025-01-01/2025-09-10").flags]
    assert "month_totals_cut" not in [f.code for f in opened.evaluate("g", period="2025-Q3").flags]


def test_achieved_to_date_is_judged_with_all_goals_too(study: Study) -> None:
    goals = "".join(
        f"  - id: g{i}\n    source: s\n    metric: {{kind: mean, value: value}}\n    better: lower\n"
        f"    target: {{relative_change: {target}}}\n    cluster: branch\n"
        for i, target in enumerate((-0.20, -0.25, -0.268, -0.05))
    )
    result = study(
        records(effect=0.72), "  - " + goals.lstrip()[2:], extra="inference: {common_shocks: none}"
    ).evaluate_period("2025-Q2")
    lost = {goal.id for goal in result if told(goal, "multiplicity_to_date")}
    alone = {goal.id for goal in result if goal.to_date and goal.to_date.verdict == "achieved"}
    assert lost
    assert lost < alone
    for goal in result:
        assert goal.to_date is not None
        assert goal.to_date_verdict == ("inconclusive" if goal.id in lost else goal.to_date.verdict)


FEWER = "    metric: {kind: proportion, success: {column: kind, equals: %s}}\n    better: lower\n    target: {level: 0.04}\n"


def test_a_share_that_is_to_fall_is_not_kept_by_a_word_that_stands_nowhere(study: Study) -> None:
    opened = study([*records(), {"day": "", "value": 5.0, "branch": "b1", "kind": "slow"}], FEWER % "Slow")
    result = opened.evaluate("g", period="2025-Q3")
    assert result.verdict == "not_evaluable"
    assert result.period.effect is None
    assert told(result, "no_success").startswith(
        "No record that is compared has 'Slow' in 'kind', so nothing shows that it is written"
    )
    assert all(
        scope.goals[0].verdict == "not_evaluable" for scope in opened.evaluate_by("branch", period="2025-Q3")[0].scopes
    )
    assert study(records(), FEWER % "slow").evaluate("g", period="2025-Q3").verdict == "not_achieved"


def test_none_of_a_word_that_the_field_allows_is_a_finding(study: Study) -> None:
    opened = study(records(), FEWER % "lost")
    text = opened.file.path.read_text(encoding="utf-8")
    allowed = text.replace(
        "name: kind, type: string", "name: kind, type: string, constraints: {enum: [quick, slow, lost]}"
    )
    opened.file.path.write_text(allowed, encoding="utf-8")
    assert ek.open_study(opened.file.path).evaluate("g", period="2025-Q3").verdict == "achieved"


def test_a_level_that_the_baseline_kept_already(study: Study) -> None:
    kept = "    metric: {kind: proportion, success: {column: kind, equals: quick}}\n    better: higher\n    target: {level: %s}\n"
    for target, fires in (("0.6", True), ("0.85", False)):
        said = told(study(records(), kept % target).evaluate("g", period="2025-Q3"), "already_kept")
        assert said.startswith("The baseline kept this promise already, with 0.75") is fires


def test_records_too_late_to_be_followed_up_are_told_with_their_days(study: Study) -> None:
    def row(one: Row, number: int) -> Row:
        done = date.fromisoformat(one["day"]) + timedelta(days=number % 20)
        return {"day": one["day"], "done": done.isoformat(), "value": one["value"]}

    rows = [row(one, number) for number, one in enumerate(records(branches=3))]
    slow = "    metric: {kind: mean, value: {from: day, to: done, unit: days, within: 30d}}\n    better: lower\n    target: {relative_change: -0.1}\n"
    soon = "    metric: {kind: proportion, success: {column: done, within: 14d, of: day}}\n    better: higher\n    target: {level: 0.5}\n"
    for goal, code, days, last in (
        (slow, "unfinished_records", 62, "2025-08-31"),
        (soon, "not_yet_due", 78, "2025-09-16"),
    ):
        opened = study(rows, goal)
        result = opened.evaluate("g", period="2025-Q3")
        assert f"{days} of the window's 92 days are evaluated, to {last}." in told(result, code)
        assert [flag.severity for flag in result.flags if flag.code == code] == ["caution"]
        whole = told(result, code).split("data cut-off of ")[1][:10]
        assert "of the window's 92 days" not in told(opened.evaluate("g", period="2025-Q3", as_of=whole), code)
        assert "Without its slowest" not in told(result, code)
