"""Counts against the same months: which months weigh, and what their dispersion is told by."""

from datetime import date

import numpy as np
import pytest
from built_study import Study, records

from evalkit.estimands.compare import compare
from evalkit.estimands.compare_rates import month_dispersion
from evalkit.evaluation.arms import months_held, totals_of
from evalkit.evaluation.windows import Comparison
from evalkit.inference.contrast import Array, Estimand
from evalkit.moments import Moments
from evalkit.periods import Window

BASELINE, QUARTER = Window(date(2023, 1, 1), date(2025, 6, 30)), Window(date(2025, 10, 1), date(2025, 12, 31))
COMPARISON = Comparison(before=BASELINE, after=(QUARTER,), asked=QUARTER)
GOAL = """\
    metric: {kind: rate, events: events, exposure: exposure}
    better: lower
    target: {relative_change: -0.10}
    compare_with: same-months
"""
LEVEL = """\
    metric: {kind: proportion, success: {column: hit, equals: true}}
    better: higher
    target: {level: 0.85}
"""


def monthly(events: Array) -> Moments:
    """Return 36 months' events over an exposure of 1,000 each, from January 2023 on."""
    cells = np.zeros(36, dtype=np.intp)
    counts = np.zeros((36, 4), dtype=np.int64)
    counts[:, 0] = 1
    return Moments(
        start=(np.datetime64("2023-01") + np.arange(36)).astype("datetime64[D]"),
        cluster=cells,
        stratum=cells,
        sums=np.column_stack([events, np.full(36, 1000.0), np.zeros((36, 7))]),
        counts=counts,
        clusters=(None,),
        strata=((),),
        undated=0,
    )


def verdict(events: Array) -> str | None:
    moments = monthly(events)
    shares = months_held(moments, COMPARISON)
    totals = totals_of(
        moments,
        kind="rate",
        before=[BASELINE],
        after=[QUARTER],
        months=shares,
        clustered=False,
        stratified=False,
        plain=False,
    )
    estimand = Estimand(scale="ratio", season=shares[shares > 0])
    return compare(totals, estimand, target=0.8, better="lower", confidence=0.95, shocks=None).verdict


def test_a_month_of_which_no_record_tells_weighs_nothing(study: Study) -> None:
    season = {7: 10, 8: 20, 9: 60}
    rows = [
        {
            "day": f"{year}-{month:02d}-01",
            "events": season.get(month, 30) * (8 if year == 2025 else 10),
            "exposure": 100,
        }
        for year in (2023, 2024, 2025)
        for month in range(1, 13)
        if (year, month) < (2025, 9)
    ]
    result = study(rows, GOAL).evaluate("g", period="2025-Q3")
    assert result.period.effect is not None
    assert result.period.effect.estimate == pytest.approx(0.8, rel=1e-12)


def test_a_quarter_against_the_same_months_takes_the_dispersion_of_the_whole_baseline_without_its_season() -> None:
    season = 100 * (1 + 0.5 * np.cos(np.arange(36) * np.pi / 6))
    moments = monthly(season)
    shares = months_held(moments, COMPARISON)
    given = {"kind": "rate", "before": [BASELINE], "after": [QUARTER], "clustered": False, "stratified": False}
    totals = totals_of(moments, months=shares, plain=False, **given)
    assert totals.months is not None
    assert sorted(set(totals.months[:, 0])) == [*range(-12, 0), 1]
    quarter = season[33:]  # its own months differ, those of each calendar month before do not
    chi_square = ((quarter - quarter.mean()) ** 2 / quarter.mean()).sum()
    assert month_dispersion(totals)[0] == pytest.approx(chi_square / (33 - 13), rel=1e-12)
    whole = totals_of(moments, months=None, plain=False, **given)
    assert whole.months is not None
    assert sorted(set(whole.months[:, 0])) == [0, 1]


@pytest.mark.seconds
@pytest.mark.parametrize("sd", [0.0, 0.25])
def test_months_that_vary_give_no_false_claims(sd: float) -> None:
    """Truth exactly on the target, months that vary beyond chance: 21.7 % false claims when taken for chance alone."""
    draw, claims, asked = np.random.default_rng(5), 0, 400
    season = 150 * (1 + 0.4 * np.cos(np.arange(36) * np.pi / 6)) * np.where(np.arange(36) < 30, 1, 0.8)
    for _ in range(asked):
        means = season * np.exp(sd * draw.normal(size=36) - sd * sd / 2)
        claims += verdict(draw.poisson(means).astype(float)) == "achieved"
    assert claims / asked <= 0.025 + 3 * (0.025 * 0.975 / asked) ** 0.5


@pytest.mark.parametrize("cluster", ["", "    cluster: branch\n"])
@pytest.mark.parametrize("told", ["2023-01-01", "2025-01-01"])
def test_a_level_is_compared_with_no_month(study: Study, told: str, cluster: str) -> None:
    """A baseline that lacks the window's months, or all of them, leaves only the change untold."""
    rng = np.random.default_rng(2)
    rows = [
        {"day": row["day"], "hit": str(bool(rng.random() < 0.9)).lower(), "branch": row["branch"]}
        for row in records()
        if row["day"] >= told and (row["day"] >= "2025" or row["day"][5:7] < "07")
    ]
    goal = LEVEL + cluster
    plain = study(rows, goal).evaluate("g", period="2025-Q4")
    same = study(rows, goal + "    compare_with: same-months\n").evaluate("g", period="2025-Q4")
    assert plain.period.effect is not None
    assert same.period.effect is not None
    for name in ("estimate", "low", "high", "p_target", "verdict", "method", "df"):
        assert getattr(same.period.effect, name) == getattr(plain.period.effect, name), name
    assert same.period.change is None
    assert "no_baseline" in [flag.code for flag in same.flags]
