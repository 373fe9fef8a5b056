"""A year's baseline cannot tell its season from shocks of months; twelve months on either side can."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import numpy as np
import pytest
from built_study import Study, daily

import evalkit as ek
from evalkit import wording
from evalkit.inference.shocks import month_shocks

GOAL = (
    "    metric: {kind: mean, value: value}\n    better: lower\n    target: {relative_change: -0.10}\n"
    "    compare_with: %s\n"
)


def wintry(seed: int = 1) -> list[dict[str, Any]]:
    """Return four values every third day of 2024 and 2025, half as large again in winter, a fifth less from 2025 on."""
    rng = np.random.default_rng(seed)
    return [
        {
            "day": day.isoformat(),
            "value": round(
                20 * (1 + 0.3 * math.cos(2 * math.pi * (day.month - 1) / 12)) * late * rng.gamma(20, 1 / 20), 4
            ),
        }
        for day in daily(date(2024, 1, 1), date(2025, 12, 31))
        for late in [0.8 if day.year == 2025 else 1.0]
        for _ in range(4)
    ]


def short(opened: ek.OpenStudy) -> ek.OpenStudy:
    path = opened.file.path
    text = path.read_text(encoding="utf-8").replace("start: 2023-01-01", "start: 2024-01-01")
    path.write_text(text, encoding="utf-8")
    return ek.open_study(path)


def test_the_season_is_told_apart_once_twelve_months_stand_on_either_side(study: Study) -> None:
    opened = short(study(wintry(), GOAL % "same-months"))
    early, late = (opened.evaluate("g", period=period) for period in ("2025-Q2", "2025-Q4"))
    told = [flag for flag in early.flags if flag.code == "season_in_shocks"]
    assert [flag.severity for flag in told] == ["caution"]
    assert "不足 24 个月" in wording.flag_sentence(told[0], "zh")
    assert not [flag for flag in late.flags if flag.code == "season_in_shocks"]
    widths = [math.log(r.period.effect.high / r.period.effect.low) for r in (early, late) if r.period.effect]
    assert widths[0] > 4 * widths[1]
    assert late.verdict == "achieved"
    assert early.verdict == "inconclusive"


def test_where_the_whole_year_is_compared_the_season_stays_in_the_interval(study: Study) -> None:
    result = short(study(wintry(), GOAL % "baseline")).evaluate("g", period="2025-Q4")
    assert result.verdict == "inconclusive"
    assert not [flag for flag in result.flags if flag.code == "season_in_shocks"]


def test_scopes_see_the_same_months(study: Study) -> None:
    rows = [{**row, "kind": "all"} for row in wintry()]
    opened = short(study(rows, GOAL % "same-months"))
    (scope,) = opened.evaluate_by("kind", period="2025-Q4")[0].scopes
    assert scope.goals[0].period == opened.evaluate("g", period="2025-Q4").period


@pytest.mark.parametrize(("after", "enough"), [(11, False), (12, True), (30, True)])
def test_months_of_both_sides_must_leave_as_many_as_a_years_baseline(after: int, enough: bool) -> None:
    months = np.arange(12 + after)
    season = 3 * np.cos(2 * np.pi * months / 12)
    rng = np.random.default_rng(after)
    found = month_shocks(
        months, season + rng.normal(0, 0.1, months.size), np.full(months.size, 1e-9), later=months >= 12
    )
    assert (found is not None) is enough
    if found is not None:
        assert found.season_apart
        assert found.variance == pytest.approx(0.01, rel=0.9)
    alone = month_shocks(months[:12], season[:12], np.full(12, 1e-9))
    assert alone is not None
    assert not alone.season_apart
    assert alone.variance > 1


def test_false_claims_where_months_move_together() -> None:
    """Twelve months before and after with a season and AR(1) shocks: the last quarter against the same months."""
    rng, months, tried, claims = np.random.default_rng(8), np.arange(24), 400, 0
    weights = np.zeros(24)
    weights[21:], weights[9:12] = 1 / 3, -1 / 3
    for _ in range(tried):
        shock = np.zeros(24)
        shock[0] = rng.normal()
        for month in range(1, 24):
            shock[month] = 0.3 * shock[month - 1] + math.sqrt(1 - 0.09) * rng.normal()
        values = shock + 0.3 * rng.normal(size=24) + 4 * np.sin(2 * np.pi * months / 12)
        found = month_shocks(months, values, np.full(24, 0.09), later=months >= 12)
        assert found is not None
        added, own = found.added(months, weights), float((weights**2).sum()) * 0.09
        reach = ek_quantile(added.combined_df(own, None)) * math.sqrt(own + added.variance)
        claims += float(weights @ values) < -reach
    assert claims <= 0.04 * tried + 2.6 * math.sqrt(0.04 * 0.96 * tried)


def ek_quantile(df: float) -> float:
    from evalkit.inference.numeric import quantile

    return quantile(0.975, df if math.isfinite(df) else None)
