"""Whole evaluations: windows, adjustment over goals, to_date, what is not evaluable."""

from datetime import date, timedelta

import numpy as np
import pytest
from built_study import Study, daily, records

import evalkit as ek
from evalkit.errors import ParameterError, StudyError

MEAN = "    metric: {kind: mean, value: value}\n    better: lower\n    target: {relative_change: -0.20}\n"


def test_period_and_to_date_are_what_arrays_give(study: Study) -> None:
    rows = records(effect=0.7)
    opened = study(
        rows, MEAN + "    cluster: branch\n    standardise_by: [kind]\n", extra="inference: {common_shocks: none}"
    )
    result = opened.evaluate("g", period="2025-Q3")

    def arm(start: str, end: str, column: str) -> list:
        return [row[column] for row in rows if start <= row["day"] <= end]

    for evaluation, start in ((result.period, "2025-07-01"), (result.to_date, "2025-01-01")):
        sides = [("2023-01-01", "2024-12-31"), (start, "2025-09-30")]
        effect = ek.ratio_of_means(
            *(arm(*side, "value") for side in sides),
            target=0.80,
            better="lower",
            clusters=tuple(arm(*side, "branch") for side in sides),
            strata=tuple(arm(*side, "kind") for side in sides),
        )
        assert evaluation is not None
        assert evaluation.effect is not None
        assert evaluation.effect.estimate == pytest.approx(effect.estimate, rel=1e-9)
        assert evaluation.effect.confidence_interval == pytest.approx(effect.confidence_interval, rel=1e-9)
        assert evaluation.p_target == pytest.approx(effect.p_target, rel=1e-6)
        assert evaluation.verdict == effect.verdict == "achieved"
    assert result.verdict == "achieved"
    assert result.period.after is not None
    assert result.period.after.clusters == 12


def test_phase_in_belongs_to_neither_side(study: Study) -> None:
    rows = [row | {"value": 99} if "2025-01-01" <= row["day"] <= "2025-08-15" else row for row in records()]
    opened = study(rows, MEAN + "    phase_in: {start: 2025-01-01, end: 2025-08-15}\n")
    result = opened.evaluate("g", period="2025-Q3")
    assert result.period.after is not None
    assert (result.period.after.start, result.period.after.end) == (date(2025, 8, 16), date(2025, 9, 30))
    assert result.period.after.value is not None
    assert result.period.after.value < 30
    assert result.to_date is not None
    assert result.to_date.after == result.period.after
    inside = opened.evaluate("g", period="2025-Q1")
    assert (inside.verdict, inside.to_date) == ("not_evaluable", None)
    assert inside.flags[0].code == "inside_phase_in"


def test_same_months_compares_like_with_like(study: Study) -> None:
    """A pure season, no change: the whole baseline misleads, the same months do not."""
    rng = np.random.default_rng(3)
    rows = []
    for row in records(effect=1.0):
        factor = 2.0 if row["day"][5:7] in ("07", "08", "09") else 1.0
        rows.append(row | {"value": round(row["value"] * factor * rng.uniform(0.99, 1.01), 4)})
    misled = study(rows, MEAN).evaluate("g", period="2025-Q3").period.effect
    right = study(rows, MEAN + "    compare_with: same-months\n").evaluate("g", period="2025-Q3").period.effect
    assert misled is not None
    assert right is not None
    assert misled.estimate > 1.3
    assert right.estimate == pytest.approx(1.0, abs=0.1)
    assert right.low < 1 < right.high


@pytest.mark.parametrize(("within", "as_of"), [(30, "2025-06-30"), (7, "2025-06-30"), (7, "2025-04-20")])
@pytest.mark.parametrize("kind", ["mean", "proportion"])
def test_same_months_are_those_of_the_days_that_count(study: Study, kind: str, within: int, as_of: str) -> None:
    """Days not yet due leave the window, so they leave the months that the baseline is held at."""
    rows = []
    for day in daily(date(2023, 1, 1), date(2025, 6, 30), every=1):
        for number in range(25):
            slow = number < (1 + day.month % 3) * (4 if day.year == 2025 else 5)  # four fifths in the programme
            days = (1 if slow else 0) if kind == "mean" else (0 if slow else 90)
            rows.append({"day": day.isoformat(), "done": (day + timedelta(days=days)).isoformat()})
    metric = {
        "mean": f"{{kind: mean, value: {{from: day, to: done, unit: days, within: {within}d}}}}",
        "proportion": f"{{kind: proportion, success: {{column: done, within: {within}d, of: day}}}}",
    }[kind]
    goal = f"    metric: {metric}\n    better: lower\n    target: {{relative_change: -0.10}}\n"
    goal += "    compare_with: same-months\n"
    result = study(rows, goal).evaluate("g", period="2025-Q2", as_of=as_of)
    assert result.period.effect is not None
    assert result.period.after is not None
    due = date.fromisoformat(as_of) - timedelta(days=within) - date(2025, 4, 1)
    assert result.period.after.records == 25 * (due.days + 1)
    assert result.period.effect.estimate == pytest.approx(0.8, rel=1e-12)


def test_adjustment_is_over_all_goals_whatever_is_shown(study: Study) -> None:
    goals = "".join(
        f"  - id: g{i}\n    source: s\n    metric: {{kind: mean, value: value}}\n    better: lower\n"
        f"    target: {{relative_change: {target}}}\n    cluster: branch\n"
        for i, target in enumerate((-0.20, -0.25, -0.05))
    )
    opened = study(records(effect=0.72), "  - " + goals.lstrip()[2:], extra="inference: {common_shocks: none}")
    whole = opened.evaluate_period("2025")
    alone = opened.evaluate("g1", period="2025")
    assert alone.p_target_adjusted == whole["g1"].p_target_adjusted
    from evalkit.inference.multiplicity import adjust

    assert [g.p_target_adjusted for g in whole] == adjust([g.period.p_target or 1.0 for g in whole])
    for goal in whole:
        assert goal.p_target_adjusted is not None
        if goal.period.verdict == "achieved" and goal.p_target_adjusted >= 0.025:
            assert goal.verdict == "inconclusive"
            assert goal.flags[0].code == "multiplicity"


def test_a_goal_not_evaluable_counts_in_the_family(study: Study) -> None:
    goals = (
        "  - id: good\n    source: s\n    metric: {kind: mean, value: value}\n    better: lower\n"
        "    target: {relative_change: -0.20}\n    cluster: branch\n"
        "  - id: none\n    source: s\n    metric: {kind: mean, value: value}\n    better: lower\n"
        "    target: {relative_change: -0.20}\n    where: [{column: kind, equals: nowhere}]\n"
    )
    result = study(records(effect=0.5), goals).evaluate_period("2025")
    assert result["none"].verdict == "not_evaluable"
    assert result["none"].p_target_adjusted is None
    assert result["good"].p_target_adjusted == pytest.approx(2 * (result["good"].period.p_target or 0))


def test_nothing_after_the_cutoff_counts(study: Study) -> None:
    opened = study(records(), MEAN)
    whole, cut = opened.evaluate("g", period="2025-Q3"), opened.evaluate("g", period="2025-Q3", as_of="2025-08-31")
    assert whole.period.after is not None
    assert cut.period.after is not None
    assert cut.period.after.records < whole.period.after.records
    assert cut.period.after.end == date(2025, 8, 31)


@pytest.mark.parametrize(
    ("period", "as_of", "message"),
    [("2024-Q4", None, "before the programme starts"), ("2025-Q3", "2025-06-30", "after the data cut-off")],
)
def test_periods_out_of_reach(study: Study, period: str, as_of: str | None, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        study(records(), MEAN).evaluate("g", period=period, as_of=as_of)


def test_an_unknown_goal_is_named_with_the_nearest(study: Study) -> None:
    with pytest.raises(ParameterError, match="no goal"):
        study(records(), MEAN).evaluate("h", period="2025-Q3")


def test_levels_differences_and_ratios_of_one_proportion(study: Study) -> None:
    rng = np.random.default_rng(5)
    rows = [
        {
            "day": row["day"],
            "hit": str(bool(rng.random() < (0.95 if row["day"] >= "2025" else 0.80))).lower(),
            "branch": row["branch"],
        }
        for row in records()
    ]
    metric = "    metric: {kind: proportion, success: {column: hit, equals: true}}\n    better: higher\n"
    level = study(rows, metric + "    target: {level: 0.90}\n").evaluate("g", period="2025-Q3").period
    assert level.effect is not None
    assert level.effect.method == "Wilson score"
    assert level.change is not None
    assert level.direction == "improved"
    assert level.to_dict()["null_value"] is None
    difference = study(rows, metric + "    target: {difference: 0.10}\n").evaluate("g", period="2025-Q3").period
    assert difference.effect is not None
    assert difference.effect.estimate == pytest.approx(level.change.estimate)
    ratio = study(rows, metric + "    target: {relative_change: 0.10}\n").evaluate("g", period="2025-Q3").period
    assert ratio.effect is not None
    assert ratio.effect.method == "Koopman score"
    clustered = (
        study(rows, metric + "    target: {level: 0.90}\n    cluster: branch\n").evaluate("g", period="2025-Q3").period
    )
    assert clustered.effect is not None
    assert clustered.effect.df is not None


def test_branches_that_all_agree_are_no_proof_of_certainty(study: Study) -> None:
    """100 % everywhere: the jackknife variance is zero, the answer is the interval over records."""
    rows = [
        {"day": row["day"], "hit": "true", "branch": row["branch"]} for row in records(after_until=date(2025, 3, 31))
    ]
    goal = (
        "    metric: {kind: proportion, success: {column: hit, equals: true}}\n    better: higher\n"
        "    target: {level: 0.90}\n    cluster: branch\n"
    )
    effect = study(rows, goal, extra="inference: {common_shocks: none}").evaluate("g", period="2025-Q1").period.effect
    assert effect is not None
    assert effect.confidence_interval == pytest.approx(ek.proportion(360, 360).confidence_interval)


@pytest.mark.parametrize("grouping", ["", "    cluster: branch\n", "    compare_with: same-months\n"])
def test_rates_by_calendar_days(study: Study, grouping: str) -> None:
    rng = np.random.default_rng(8)
    rows = [row for row in records() if rng.random() < (0.2 if row["day"] < "2025" else 0.1)]
    goal = f"    metric: {{kind: rate, exposure: calendar-days}}\n    better: lower\n    target: {{relative_change: -0.30}}\n{grouping}"
    result = study(rows, goal).evaluate("g", period="2025")
    before = sum(row["day"] < "2025" for row in rows)
    assert result.period.effect is not None
    assert result.period.before is not None
    assert result.period.before.records == before
    assert result.period.effect.estimate == pytest.approx(((len(rows) - before) / 365) / (before / 731), rel=0.02)
    assert result.period.effect.details["dispersion"] > 0


@pytest.mark.parametrize(
    ("before", "after", "code"), [(0, 5, "zero_events_before"), (5, 0, None), (0, 0, "zero_events_before")]
)
def test_no_incidents(study: Study, before: int, after: int, code: str | None) -> None:
    rows = [
        {"day": "2023-05-01", "events": before, "exposure": 730},
        {"day": "2025-02-01", "events": after, "exposure": 90},
    ]
    goal = "    metric: {kind: rate, events: events, exposure: exposure}\n    better: lower\n    target: {relative_change: -0.30}\n"
    result = study(rows, goal).evaluate("g", period="2025-Q1")
    if code is None:
        assert result.period.effect is not None
        assert result.period.effect.estimate == 0
        assert result.verdict == "inconclusive"
    else:
        assert result.verdict == "not_evaluable"
        assert code in [flag.code for flag in result.flags]


def test_zero_exposure(study: Study) -> None:
    rows = [{"day": "2023-05-01", "events": 3, "exposure": 730}, {"day": "2025-02-01", "events": 0, "exposure": 0}]
    goal = "    metric: {kind: rate, events: events, exposure: exposure}\n    better: lower\n    target: {relative_change: -0.30}\n"
    result = study(rows, goal).evaluate("g", period="2025-Q1")
    assert [flag.code for flag in result.flags if flag.severity == "serious"] == ["zero_exposure"]


def test_an_indicator_has_neither_target_nor_verdict(study: Study, tmp_path) -> None:
    opened = study(records(), MEAN)
    text = (tmp_path / "study.yaml").read_text(encoding="utf-8")
    text += "measures: [{id: m}]\nindicators:\n  - {id: i, measure: m, source: s, metric: {kind: mean, value: value}, better: lower}\n"
    (tmp_path / "study.yaml").write_text(text, encoding="utf-8")
    opened = ek.open_study(tmp_path / "study.yaml")
    shape = opened.evaluate_period("2025-Q3").to_dict()["indicators"][0]
    assert "target" not in shape
    assert "verdict" not in shape
    assert shape["evaluations"]["period"]["verdict"] is None
    assert shape["evaluations"]["period"]["estimate"] is not None


def test_the_series_covers_every_month_and_phase(study: Study) -> None:
    opened = study(records(), MEAN + "    phase_in: {start: 2025-01-01, end: 2025-02-14}\n")
    frame = opened.series("g")
    assert list(frame.columns) == ["start", "end", "value", "records", "numerator", "denominator", "phase"]
    assert frame["records"].sum() == len(records())
    assert frame["phase"].value_counts().to_dict() == {"baseline": 24, "after": 11, "phase-in": 2}
    quarterly = opened.series("g", "quarter")
    assert quarterly["records"].sum() == len(records())


def test_a_month_not_yet_followed_up_is_no_month_of_a_chart(study: Study) -> None:
    """With 30 days to wait, December at the year's end is its first day: five records drawn as a month that plunged."""
    rows = [row | {"done": row["day"]} for row in records()]
    metric = "    metric: {{kind: mean, value: {{from: day, to: done, unit: days, within: {within}}}}}\n"
    rest = "    better: lower\n    target: {relative_change: -0.20}\n"
    for within, last in (("30d", "2025-11"), ("1d", "2025-12")):
        opened = study(rows, metric.format(within=within) + rest)
        assert opened.series("g", as_of="2025-12-31")["value"].notna().all()
        assert str(opened.control_chart("g", as_of="2025-12-31").times[-1])[:7] == last


def test_days_have_no_mix_to_hold(study: Study) -> None:
    goal = (
        "    metric: {kind: rate, exposure: calendar-days}\n    better: lower\n    target: {relative_change: -0.30}\n"
    )
    with pytest.raises(StudyError, match="no mix to hold"):
        study(records(), goal + "    standardise_by: [kind]\n").evaluate("g", period="2025")


def test_a_goals_control_chart_begins_anew_after_phase_in(study: Study) -> None:
    opened = study(records(effect=0.6), MEAN + "    phase_in: {start: 2025-01-01, end: 2025-02-14}\n")
    chart = opened.control_chart("g")
    assert chart.kind == "xmr"
    assert len(chart.values) == 24 + 10, "half of February is phase-in"
    assert chart.centre[-1] < 0.7 * chart.centre[0]
    rate = "    metric: {kind: rate, exposure: calendar-days}\n    better: lower\n    target: {level: 4}\n"
    assert study(records(), rate).control_chart("g").kind == "u"


def test_achieved_alone_is_not_achieved_among_all() -> None:
    """The shipped bank's satisfaction in 2026-Q3: p = 0.018 alone, 0.055 after Holm over four goals."""
    from pathlib import Path

    result = ek.open_study(Path(__file__).parents[2] / "data").evaluate("satisfaction", period="2026-Q3")
    assert result.period.verdict == "achieved"
    assert result.verdict == "inconclusive"
    assert result.p_target_adjusted == pytest.approx(0.0553, abs=5e-4)
    assert result.flags[0].code == "multiplicity"
