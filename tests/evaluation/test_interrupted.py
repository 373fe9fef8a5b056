"""Interrupted time series as a goal's estimator and as a sensitivity line."""

import numpy as np
import pytest
from built_study import Study, records

import evalkit as ek
from evalkit import wording

RATE = "    metric: {kind: rate, events: events, exposure: exposure}\n    better: lower\n    target: {relative_change: -0.30}\n"
MEAN = "    metric: {kind: mean, value: value}\n    better: lower\n    target: {relative_change: -0.20}\n"
HIT = "    metric: {kind: proportion, success: {column: hit, equals: true}}\n    better: higher\n    target: {level: 0.5}\n"
AMOUNT = (
    RATE.replace("events: events", "events: weight") + "    estimator: {kind: interrupted-time-series, trend: false}\n"
)
SERIES = "    estimator: {kind: interrupted-time-series, family: quasi-poisson, harmonics: 2, errors: model}\n"


def months(effect: float = 0.5, trend: float = 0.0) -> list[dict]:
    rng = np.random.default_rng(9)
    rows = []
    for number, (year, month) in enumerate((y, m) for y in (2023, 2024, 2025) for m in range(1, 13)):
        season = 1 + 0.3 * np.cos(2 * np.pi * month / 12)
        rate = 40 * season * np.exp(trend * number) * (effect if year == 2025 else 1.0)
        rows.append({"day": f"{year}-{month:02d}-01", "events": int(rng.poisson(rate)), "exposure": 100 + number})
    return rows


def test_the_goal_is_what_the_arrays_give(study: Study) -> None:
    rows = months()
    result = study(rows, RATE + SERIES).evaluate("g", period="2025-Q3").period
    expected = ek.interrupted_time_series(
        [row["events"] for row in rows[:33]],
        [row["day"] for row in rows[:33]],
        "2025-01-01",
        exposure=[row["exposure"] for row in rows[:33]],
        harmonics=2,
        errors="model",
        window=("2025-07-01", "2025-09-01"),
        target=0.70,
        better="lower",
    )
    assert result.effect is not None
    assert result.effect.estimate == pytest.approx(expected.estimate, rel=1e-9)
    assert result.effect.confidence_interval == pytest.approx(expected.confidence_interval, rel=1e-9)
    shape = result.to_dict()
    assert shape["coefficients"][0]["name"] == "level"
    assert len(shape["coefficients"][0]["ci"]) == 2


def test_a_trend_that_was_there_before_is_not_the_programmes(study: Study) -> None:
    """Incidents fall by 2 % a month all along; the direct comparison calls it an effect, the series does not."""
    rows = months(effect=1.0, trend=-0.02)
    direct = study(rows, RATE).evaluate("g", period="2025")
    modelled = study(rows, RATE + SERIES).evaluate("g", period="2025")
    assert direct.period.effect is not None
    assert modelled.period.effect is not None
    assert direct.period.effect.high < 1
    assert modelled.period.effect.low < 1 < modelled.period.effect.high
    assert "time series" in [line.name for line in direct.sensitivity]
    assert modelled.sensitivity[0].name == "direct"


def test_the_line_needs_eight_months_before_and_four_after(study: Study) -> None:
    rows = months()
    assert "time series" not in [x.name for x in study(rows, RATE).evaluate("g", period="2025-Q1").sensitivity]
    assert "time series" in [x.name for x in study(rows, RATE).evaluate("g", period="2025-Q2").sensitivity]
    late = [row for row in rows if row["day"] >= "2024-06"]
    assert "time series" not in [x.name for x in study(late, RATE).evaluate("g", period="2025-Q3").sensitivity]


def test_means_have_a_series_too(study: Study) -> None:
    goal = (
        "    metric: {kind: mean, value: value}\n    better: lower\n    target: {relative_change: -0.20}\n"
        "    phase_in: {start: 2025-01-01, end: 2025-02-14}\n"
        "    estimator: {kind: interrupted-time-series, family: gaussian, trend: false}\n"
    )
    result = study(records(effect=0.7), goal).evaluate("g", period="2025-Q3")
    assert result.period.effect is not None
    assert result.period.effect.estimate == pytest.approx(0.7, abs=0.05)
    assert result.verdict == "achieved"


def test_a_series_too_short_says_so(study: Study) -> None:
    rows = [{"day": "2024-12-01", "events": 5, "exposure": 9}, {"day": "2025-08-01", "events": 4, "exposure": 9}]
    result = study(rows, RATE + SERIES).evaluate("g", period="2025-Q3")
    assert result.verdict == "not_evaluable"
    assert "too_few_points" in [flag.code for flag in result.flags]


def test_looks_widen_it_as_any_other(study: Study) -> None:
    plan = "inference: {sequential: {method: alpha-spending, looks: 4}}"
    once = study(months(), RATE + SERIES).evaluate("g", period="2025-Q2").to_date
    looks = study(months(), RATE + SERIES, extra=plan).evaluate("g", period="2025-Q2").to_date
    assert once is not None
    assert looks is not None
    assert once.effect is not None
    assert looks.effect is not None
    assert looks.effect.low < once.effect.low < once.effect.high < looks.effect.high
    assert looks.coefficients == once.coefficients


@pytest.mark.parametrize("more", ["", "    compare_with: same-months\n"])
def test_it_is_told_against_the_expected_course(study: Study, more: str) -> None:
    """What is expected there is no baseline, nor the baseline's same months."""
    result = study(months(), RATE + SERIES + more).evaluate("g", period="2025-Q3")
    assert result.held == ("course",)
    assert wording.goal_text(result).startswith("Against the expected course −")
    assert wording.goal_text(result, "zh").startswith("与预期走势相比")
    assert wording.held([result]) == ""
    plain = study(months(), RATE).evaluate("g", period="2025-Q3")
    assert plain.held == ()
    assert result.period.before == plain.period.before


def test_an_indicator_of_a_series_is_a_ratio(study: Study) -> None:
    """A share's indicator is else a difference, of which 1.3 would be 130 percentage points."""
    rng = np.random.default_rng(1)
    rows = [
        {"day": row["day"], "hit": str(bool(rng.random() < (0.75 if row["day"] >= "2025" else 0.6))).lower()}
        for row in records()
    ]
    metric = "metric: {kind: proportion, success: {column: hit, equals: true}}, better: higher"
    extra = (
        "commitments: [{id: c, title: c}]\n"
        "measures: [{id: m, title: m, commitment: c, owners: [o], planned: {start: 2025-01-01, months: 2}}]\n"
        f"indicators:\n  - {{id: i, measure: m, source: s, {metric}, estimator: {{kind: interrupted-time-series}}}}\n"
    )
    (found,) = study(rows, HIT, extra=extra).evaluate_period("2025-Q4").indicators
    assert found.period.scale == "ratio"
    assert found.period.to_dict()["null_value"] == 1
    assert "percentage points" not in found.summary()


def test_amounts_are_no_counts_in_whatever_unit(study: Study) -> None:
    """Taken for counts, a loss in millions had another interval than the same one in euros."""
    rng = np.random.default_rng(11)
    losses = [0.5 * np.exp(rng.normal(0, 0.3)) for _ in months()]
    found = []
    for unit in (1.0, 1e6):
        rows = [
            {"day": row["day"], "weight": round(loss, 6) * unit, "exposure": 30}
            for row, loss in zip(months(), losses, strict=True)
        ]
        result = study(rows, AMOUNT).evaluate("g", period="2025-Q4")
        assert result.period.effect is not None
        found.append((result.period.effect.low, result.period.effect.high))
    assert found[0] == pytest.approx(found[1], rel=1e-9)


def test_a_quarter_of_both_sides_stands_with_the_side_of_more_days(study: Study) -> None:
    """Forty days before and fifty after are after, though no month of it holds forty."""
    rows = [row | {"value": row["value"] / 0.9} if "2025-01" < row["day"] < "2025-02-10" else row for row in records()]
    goal = MEAN + "    estimator: {kind: interrupted-time-series, frequency: quarter, trend: false}\n"
    opened = study(rows, goal, calendar="calendar: {baseline: {start: 2023-01-01, end: 2025-02-09}}")
    effect = opened.evaluate("g", period="2025-Q1").period.effect
    assert effect is not None
    assert (effect.details["points_before"], effect.details["points_after"]) == (8, 1)
    late = opened.evaluate("g", period="2025-Q4").period.effect
    assert late is not None
    assert late.details["points_after"] == 4


def test_newey_west_is_cautioned_and_so_is_likeness_that_no_interval_holds(study: Study) -> None:
    """A rate has no month shocks; the model's own correlation tells."""
    rng, shock, rows = np.random.default_rng(3), 0.0, []
    for row in months(effect=1.0):
        shock = 0.8 * shock + 0.6 * rng.normal()
        rows.append(row | {"events": int(rng.poisson(2000 * np.exp(0.25 * shock)))})
    told = {}
    for errors in ("model", "hac", "autoregressive"):
        goal = RATE + f"    estimator: {{kind: interrupted-time-series, trend: false, errors: {errors}}}\n"
        flags = study(rows, goal).evaluate("g", period="2025-Q3").flags
        told[errors] = {flag.code: flag for flag in flags if flag.code in ("autocorrelation", "hac_short_series")}
        for flag in told[errors].values():
            assert flag.severity == "caution"
            assert wording.flag_sentence(flag, "zh") != flag.message
    assert {errors: list(found) for errors, found in told.items()} == {
        "model": ["autocorrelation"],
        "hac": ["hac_short_series"],
        "autoregressive": [],
    }
    alone = [row | {"events": int(rng.poisson(400)), "exposure": 100} for row in months()]
    goal = RATE + "    estimator: {kind: interrupted-time-series, trend: false, errors: model}\n"
    assert "autocorrelation" not in [flag.code for flag in study(alone, goal).evaluate("g", period="2025-Q3").flags]


def test_one_step_is_told_where_the_window_is_not_all_to_date(study: Study) -> None:
    def noted(period: str, more: str = "") -> list[str]:
        goal = RATE + "    estimator: {kind: interrupted-time-series" + more + "}\n"
        result = study(months(), goal).evaluate("g", period=period)
        flags = [flag for flag in result.flags if flag.code == "one_step"]
        assert all(wording.flag_sentence(flag, "zh") != flag.message for flag in flags)
        if flags:
            assert result.to_date is not None
            assert result.to_date.effect is not None
            assert result.period.effect is not None
            assert result.period.effect.estimate == pytest.approx(result.to_date.effect.estimate)
        return [flag.severity for flag in flags]

    assert noted("2025-Q3") == ["info"]
    assert noted("2025-Q1") == []
    assert noted("2025-Q3", ", change: level+slope") == []
