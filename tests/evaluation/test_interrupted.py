"""Interrupted time series as a goal's estimator and as a sensitivity line."""

import numpy as np
import pytest
from built_study import Study, records

import evalkit as ek
from evalkit import wording

RATE = "    metric: {kind: rate, events: events, exposure: exposure}\n    better: lower\n    target: {relative_change: -0.30}\n"
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
