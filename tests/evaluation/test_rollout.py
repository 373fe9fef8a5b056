"""A staggered roll-out beside a goal's estimate, from the records to results.json."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import evalkit as ek
from evalkit.evaluation.diagnostics import CODES

FIELDS = [
    {"name": "day", "type": "date"},
    {"name": "branch", "type": "string"},
    {"name": "x", "type": "number"},
    {"name": "region", "type": "string"},
]
WAVES = {0: "2025-01-01", 1: "2025-02-11", 2: "2025-09-01"}  # of every four branches the last is never reached
MONTHS = [(year, month) for year in (2024, 2025) for month in range(1, 13)][:21]
ROLLOUT = {"source": "rollout", "unit": "branch", "date": "reached_on"}


def rows(effect: float = 0.8, drift: float = 0.0) -> list[list[object]]:
    """Return three values a month of 16 branches; the market falls by a fifth in 2025 and moves every month."""
    rng = np.random.default_rng(3)
    market = np.exp(rng.normal(0, 0.1, 24)) * np.where(np.arange(24) < 12, 1, 0.8)
    found: list[list[object]] = [["day", "branch", "x", "region"]]
    for place, (year, month) in enumerate(MONTHS):
        for branch in range(16):
            reached = WAVES.get(branch % 4, "2026-01-01")
            for day in (3, 14, 25):
                date = f"{year}-{month:02d}-{day:02d}"
                mean = (10 + branch) * market[place] * (effect if date >= reached else 1.0)
                if branch % 4 < 2:
                    mean *= np.exp(drift * place)
                found.append([date, f"b{branch}", round(float(mean * rng.lognormal(0, 0.08)), 4), f"r{branch % 3}"])
    return found


def table(waves: dict[int, str]) -> list[list[object]]:
    return [["branch", "reached_on"], *([f"b{b}", waves.get(b % 4)] for b in range(16))]


def evaluated(
    bench: Any, records: list[list[object]] | None = None, waves: dict[int, str] | None = None, **goal: Any
) -> Any:
    bench.write("r.csv", records or rows())
    bench.write("rollout.csv", table(WAVES if waves is None else waves))
    fields = [{"name": "branch", "type": "string"}, {"name": "reached_on", "type": "date"}]
    bench.plan(
        FIELDS,
        goal={"better": "lower", "target": {"relative_change": -0.1}, "cluster": "branch", "rollout": ROLLOUT, **goal},
        sources={"rollout": {"path": "rollout.csv", "time": "reached_on", "fields": fields}},
    )
    return bench.evaluate("2025-Q3")


def test_it_is_what_the_arrays_give_and_the_market_does_not_fool_it(bench: Any) -> None:
    answer = evaluated(bench)
    found = answer.goal()["rollout"]
    header, *given = rows()
    columns = dict(zip(map(str, header), zip(*given, strict=True), strict=True))
    arrays = ek.staggered_rollout(
        columns["x"],  # type: ignore[arg-type]
        columns["branch"],  # type: ignore[arg-type]
        columns["day"],
        {f"b{b}": WAVES[b % 4] for b in range(16) if b % 4 in WAVES},
        baseline=("2024-01-01", "2024-12-31"),
        window=("2025-07-01", "2025-09-30"),
        target=0.9,
        better="lower",
    )
    plain = ("estimate", "p_change", "p_target", "units_reached", "units_waiting", "pre_trend_p", "df")
    assert [found[key] for key in plain] == pytest.approx([arrays.to_dict()[key] for key in plain], rel=1e-9)
    assert found["ci"] == pytest.approx(arrays.confidence_interval, rel=1e-9)
    assert [row["estimate"] for row in found["event_study"]] == pytest.approx(arrays.to_frame()["estimate"].tolist())
    assert (found["units_reached"], found["units_waiting"]) == (12, 8)
    assert found["ci"][0] < 0.8 < found["ci"][1] < 0.9
    period = answer.goal()["evaluations"]["period"]
    assert period["estimate"] < 0.78  # before against after takes the market for the measures
    assert "rollout_no_comparison" not in answer.codes()
    assert "rollout_pre_trend" not in answer.codes()


@pytest.mark.parametrize("cluster", [None, "region"])
def test_the_unit_need_not_be_the_goals_cluster(bench: Any, cluster: str | None) -> None:
    by_branch = evaluated(bench).goal()["rollout"]
    other = evaluated(bench, cluster=cluster).goal()
    assert other["rollout"] == by_branch


def test_a_mix_that_is_held_is_held_here_too(bench: Any) -> None:
    plain = evaluated(bench).goal()["rollout"]
    held = evaluated(bench, standardise_by=["region"]).goal()["rollout"]  # a branch lies in one region
    assert held["estimate"] == pytest.approx(plain["estimate"], rel=1e-9)


@pytest.mark.parametrize(
    ("waves", "told"),
    [
        (dict.fromkeys(range(4), "2025-01-01"), "none is left to compare with"),
        ({}, "0 units with a whole month since reach"),
        (dict.fromkeys(range(4), "2025-10-01"), "0 units with a whole month since reach"),  # after the cut-off
    ],
)
def test_without_a_comparison_it_is_null_and_says_why(bench: Any, waves: dict[int, str], told: str) -> None:
    answer = evaluated(bench, waves=waves)
    assert answer.code == 0
    assert answer.goal()["rollout"] is None
    flag = next(flag for flag in answer.goal()["flags"] if flag["code"] == "rollout_no_comparison")
    assert flag["severity"] == "info"
    assert told in flag["message"]
    assert answer.goal()["evaluations"]["period"]["estimate"] is not None


def test_a_drift_before_reach_is_a_caution(bench: Any) -> None:
    answer = evaluated(bench, rows(drift=-0.02), {0: "2025-06-01", 1: "2025-06-01"})
    assert answer.goal()["rollout"]["pre_trend_p"] < 0.05
    flag = next(flag for flag in answer.goal()["flags"] if flag["code"] == "rollout_pre_trend")
    assert flag["severity"] == "caution"


def test_a_unit_that_no_record_has_is_named(bench: Any) -> None:
    misspelt = [row if row[1] != "b5" else [row[0], "b 5", *row[2:]] for row in rows()]
    flag = next(flag for flag in evaluated(bench, misspelt).goal()["flags"] if flag["code"] == "rollout_unknown_unit")
    assert flag["message"].startswith("1 of the 12 units that 'rollout' says were reached have no record here (b5);")
    assert "rollout_unknown_unit" not in evaluated(bench).codes()


def test_without_a_roll_out_nothing_is_said(bench: Any) -> None:
    answer = evaluated(bench, rollout=None)
    assert answer.goal()["rollout"] is None
    assert not [code for code in answer.codes() if code.startswith("rollout")]


def test_a_level_has_no_target_on_the_ratio_scale(bench: Any) -> None:
    found = evaluated(bench, target={"level": 15}).goal()["rollout"]
    assert found["p_target"] is None
    assert found["p_change"] < 0.05


def test_its_codes_are_documented() -> None:
    assert {"rollout_no_comparison", "rollout_pre_trend"} <= set(CODES)
