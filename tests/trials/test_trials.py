"""Real public records against the right answers of R, through `evalkit evaluate --json`.

The records lie outside the repository (EVALKIT_TRIALS, by default beside it); without them these tests are
skipped. Figures are those of the trials' README (R 4.2.2: base glm, survival, sandwich). Where evalkit does
more than R's line did (a jackknife instead of a sandwich, t instead of normal), the interval lies a little
outside R's, in the direction the README names.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

HERE = Path(__file__).parent
BESIDE = HERE.parents[2] / "shared" / "trials"
TRIALS = Path(os.environ.get("EVALKIT_TRIALS") or BESIDE).resolve()


@cache
def evaluated(study: str, period: str, as_of: str | None = None) -> dict[str, Any]:
    """Return the goals of a study by id, evaluated by the command line."""
    cut = ["--as-of", as_of] if as_of else []
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "error::RuntimeWarning",
            "-m",
            "evalkit",
            "evaluate",
            "--study",
            f"{HERE / study}.yaml",
            "--period",
            period,
            "--json",
            *cut,
        ],
        env={**os.environ, "EVALKIT_TRIALS": str(TRIALS)},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr

    def no_constant(text: str) -> float:
        raise AssertionError(f"{text} in JSON")

    return {goal["id"]: goal for goal in json.loads(done.stdout, parse_constant=no_constant)["goals"]}


def needs(folder: str) -> None:
    if not (TRIALS / folder).is_dir():
        pytest.skip(f"the records of {folder} are not there; set EVALKIT_TRIALS to the folder that holds them")


def wider(found: list[float], reference: tuple[float, float], at_most: float) -> None:
    """The interval contains the reference's, and is no wider than that many times."""
    low, high = np.log(found)
    r_low, r_high = np.log(reference)
    assert low < r_low
    assert r_high < high
    assert (high - low) / (r_high - r_low) < at_most


def line(goal: dict[str, Any], name: str) -> dict[str, Any]:
    return next(line for line in goal["sensitivity"] if line["name"] == name)


@pytest.fixture
def loans() -> dict[str, Any]:
    needs("bank-loans")
    return evaluated("bank-loans", "2012-Q1", "2012-04-30")


def test_handling_time_of_all_work_items(loans: dict[str, Any]) -> None:
    period = loans["handling-time"]["evaluations"]["period"]
    assert (period["before"]["records"], period["after"]["records"]) == (30491, 32881)
    assert period["before"]["value"] == pytest.approx(12.53791, abs=5e-6)
    assert period["after"]["value"] == pytest.approx(12.20882, abs=5e-6)
    assert period["estimate"] == pytest.approx(0.973753, abs=5e-7)
    wider(period["ci"], (0.84086, 1.12765), 1.02)
    assert period["verdict"] == "not_achieved"
    by_resource = loans["handling-time-by-resource"]["evaluations"]["period"]
    assert by_resource["estimate"] == pytest.approx(period["estimate"], rel=1e-12)
    wider(by_resource["ci"], (0.77947, 1.21645), 1.15)
    assert by_resource["verdict"] == "inconclusive"


def test_independent_work_items_differ_by_skewness_only(loans: dict[str, Any]) -> None:
    found = line(loans["handling-time"], "without clusters")
    assert found["estimate"] == pytest.approx(0.973753, abs=5e-7)
    assert np.log(found["ci"]) == pytest.approx(np.log([0.83908, 1.13004]), abs=0.03)


def test_incomplete_dossiers_beat_the_target_on_paper_only(loans: dict[str, Any]) -> None:
    goal = loans["incomplete-dossiers"]
    period = goal["evaluations"]["period"]
    assert (period["before"]["records"], period["after"]["records"]) == (4485, 5943)
    assert period["before"]["value"] == pytest.approx(14.90281, abs=5e-6)
    assert period["after"]["value"] == pytest.approx(11.73967, abs=5e-6)
    assert period["estimate"] == pytest.approx(0.787748, abs=5e-7)
    wider(period["ci"], (0.52306, 1.18638), 1.05)
    assert (goal["verdict"], period["direction"]) == ("inconclusive", "no_clear_change")
    assert "looks_reached" in [flag["code"] for flag in goal["flags"]]


def test_items_without_a_resource_and_items_that_never_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs("bank-loans")
    monkeypatch.setenv("EVALKIT_TRIALS", str(TRIALS))
    from evalkit.records.fetch import fetch
    from evalkit.session import open_study

    study = open_study(HERE / "bank-loans.yaml")
    items = study.records("items")
    [row] = fetch(
        items.agg(all=items.count(), lacking=items["resource"].isnull().sum(), open=items["complete"].isnull().sum())
    )
    assert (row["all"], row["lacking"], row["open"]) == (71371, 7999, 0)
    cut = study.evaluate("handling-time", period="2012-Q1", as_of="2012-04-30")
    assert (
        cut.counts["n_before"]
        + cut.counts["n_after"]
        + sum(
            cut.counts[f"{name}_{side}"] for name in ("missing", "open", "not_yet_due") for side in ("before", "after")
        )
        == 71371 - 7999
    )


@pytest.fixture
def complaints() -> dict[str, Any]:
    needs("cfpb-payday")
    return evaluated("cfpb-payday", "2023-05-01/2023-08-31")


def test_complaints_answered_in_time(complaints: dict[str, Any]) -> None:
    for name in ("timely", "timely-independent"):
        period = complaints[name]["evaluations"]["period"]
        assert (period["before"]["records"], period["after"]["records"]) == (1380, 1447)
        assert period["before"]["value"] == pytest.approx(1339 / 1380, abs=1e-12)
        assert period["after"]["value"] == pytest.approx(1380 / 1447, abs=1e-12)
        assert period["estimate"] == pytest.approx(period["after"]["value"], rel=1e-12)
        assert period["change"]["estimate"] == pytest.approx(1380 / 1447 - 1339 / 1380, abs=1e-12)
    alone = complaints["timely-independent"]
    assert alone["verdict"] == "achieved"
    assert alone["evaluations"]["period"]["direction"] == "worsened"
    # R's is the Wald interval; the score interval differs from it in the fourth digit
    assert alone["evaluations"]["period"]["change"]["ci"] == pytest.approx([-0.03065, -0.00254], abs=5e-4)
    exact = line(alone, "exact")
    assert exact["ci"][0] > 0.90
    clustered = complaints["timely"]
    assert clustered["verdict"] == "inconclusive"
    assert clustered["evaluations"]["period"]["ci"][0] < alone["evaluations"]["period"]["ci"][0]


def test_the_exact_p_of_the_complaints() -> None:
    """README: exact one-sided p 4.1e-14 against 90 %, without clusters."""
    from evalkit.inference.binomial import ClopperPearson

    assert ClopperPearson(successes=1380, trials=1447).tails(0.90)[0] == pytest.approx(4.1e-14, abs=5e-16)


def test_thefts_of_two_years() -> None:
    needs("breaches")
    goal = evaluated("breaches", "2015")["theft"]
    period = goal["evaluations"]["period"]
    assert (period["before"]["records"], period["after"]["records"]) == (122, 80)
    assert period["before"]["value"] == pytest.approx(122 / 365, abs=1e-12)
    assert period["after"]["value"] == pytest.approx(80 / 365, abs=1e-12)
    assert period["estimate"] == pytest.approx(0.65574, abs=5e-6)
    exact = line(goal, "exact")
    assert exact["estimate"] == pytest.approx(0.65574, abs=5e-6)
    assert exact["ci"] == pytest.approx([0.48831, 0.87646], abs=5e-6)
    assert goal["verdict"] == "inconclusive"
    assert period["direction"] == "improved"


def test_the_exact_p_values_of_the_thefts() -> None:
    """README: two-sided p 0.003809 against no change, one-sided p 0.3524 against −30 %."""
    import evalkit as ek

    change = ek.rate_ratio(122, 365, 80, 365)
    assert change.pvalue == pytest.approx(0.003809, abs=5e-7)
    assert ek.rate_ratio(122, 365, 80, 365, target=0.7).pvalue == pytest.approx(0.3524, abs=5e-5)


def test_breaches_of_four_years_were_overdispersed(monkeypatch: pytest.MonkeyPatch) -> None:
    needs("breaches")
    goal = evaluated("breaches-four-years", "2014-01-01/2015-12-31")["all"]
    period = goal["evaluations"]["period"]
    assert (period["before"]["records"], period["after"]["records"]) == (482, 562)
    assert period["before"]["value"] == pytest.approx(482 / 731, abs=1e-12)
    assert period["after"]["value"] == pytest.approx(562 / 730, abs=1e-12)
    assert period["estimate"] == pytest.approx(1.16757, abs=5e-6)
    wider(period["ci"], (0.99086, 1.37580), 1.06)
    assert period["direction"] == "no_clear_change"
    exact = line(goal, "exact")
    assert exact["ci"] == pytest.approx([1.03196, 1.32140], abs=5e-6)
    monkeypatch.setenv("EVALKIT_TRIALS", str(TRIALS))
    from evalkit.session import open_study

    effect = open_study(HERE / "breaches-four-years.yaml").evaluate("all", period="2014-01-01/2015-12-31").period.effect
    assert effect is not None
    # R's Pearson dispersion takes every month as a year's twelfth; evalkit counts its days
    assert effect.details["dispersion"] == pytest.approx(1.8191, abs=0.03)


@pytest.fixture
def belts() -> dict[str, Any]:
    needs("seatbelts")
    return evaluated("seatbelts", "1983-02-01/1984-12-31")


def test_the_crude_ratio_overstates_the_seat_belt_law(belts: dict[str, Any]) -> None:
    period = belts["van-drivers"]["evaluations"]["period"]
    assert period["after"]["value"] / period["before"]["value"] == pytest.approx(period["estimate"], rel=1e-12)
    assert period["estimate"] < 0.777938


@pytest.mark.parametrize(
    ("name", "estimate", "ci"),
    [
        ("van-drivers-series", 0.777938, (0.627950, 0.963751)),
        ("van-drivers-quasi", 0.777938, (0.634372, 0.953996)),
        ("rear-seats", 1.116524, None),
    ],
)
def test_the_seat_belt_law_as_a_series(
    belts: dict[str, Any], name: str, estimate: float, ci: tuple[float, float] | None
) -> None:
    period = belts[name]["evaluations"]["period"]
    assert period["estimate"] == pytest.approx(estimate, abs=5e-7)
    if ci is not None:
        assert period["ci"] == pytest.approx(ci, abs=5e-6)


def test_satisfaction_of_two_groups_of_customers() -> None:
    needs("bank-satisfaction")
    import evalkit as ek

    with (TRIALS / "bank-satisfaction" / "satisfaction.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    scores = {
        gender: np.array(
            [np.mean([float(row[f"sat{i}"]) for i in range(1, 5)]) for row in rows if row["gender"] == gender]
        )
        for gender in ("male", "female")
    }
    assert (len(scores["male"]), len(scores["female"])) == (102, 148)
    assert scores["male"].mean() == pytest.approx(6.588235, abs=5e-7)
    assert scores["female"].mean() == pytest.approx(7.001689, abs=5e-7)
    effect = ek.ratio_of_means(scores["male"], scores["female"])
    assert effect.estimate == pytest.approx(1.062756, abs=5e-7)
    # the README's is the delta method with a normal quantile; evalkit's has t and corrects skewness
    assert effect.confidence_interval == pytest.approx((0.9961445, 1.133823), abs=0.005)
    assert effect.pvalue == pytest.approx(0.06428, abs=0.01)
