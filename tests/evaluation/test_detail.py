"""What a goal's page shows in depth agrees with the records, counted another way, and hides small cells."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
from evalkit.estimands.response_time import kaplan_meier
from evalkit.evaluation.detail import _bins

ROOT = Path(__file__).resolve().parents[2]
PLAN = """\
schema: 1
id: small
calendar: {baseline: {start: 2024-01-01, end: 2024-12-31}}
sources:
  visits:
    path: visits.csv
    time: day
    fields:
      - {name: day, type: date, constraints: {required: true}}
      - {name: score, type: integer}
      - {name: minutes, type: number}
      - {name: weight, type: number}
      - {name: branch, type: string}
      - {name: answered, type: date}
goals:
  - {id: score, source: visits, metric: {kind: mean, value: score, weight: weight}, better: higher, target: {relative_change: 0.1}, cluster: branch}
  - {id: minutes, source: visits, metric: {kind: mean, value: minutes}, better: lower, target: {relative_change: -0.1}}
  - id: answered
    source: visits
    metric: {kind: proportion, success: {column: answered, within: 3d, of: day}}
    better: higher
    target: {level: 0.9}
"""


@pytest.fixture(scope="module")
def visits() -> pd.DataFrame:
    rng, rows = np.random.default_rng(5), []
    for number in range(2400):
        day = date(2024, 1, 1) + timedelta(days=number * 730 // 2400)
        took = int(rng.integers(0, 9))
        rows.append(
            {
                "day": day,
                "score": int(rng.integers(1, 8)) + (day.year - 2024),
                "minutes": round(float(rng.lognormal(2, 1)), 2),
                "weight": round(float(rng.uniform(0.5, 2)), 2),
                "branch": "rare" if number % 800 == 0 else f"b{number % 7}",
                "answered": day + timedelta(days=took) if took < 7 else None,
            }
        )
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, visits: pd.DataFrame) -> ek.OpenStudy:
    folder = tmp_path_factory.mktemp("visits")
    (folder / "plan.yaml").write_text(PLAN, encoding="utf-8")
    visits.to_csv(folder / "visits.csv", index=False, quoting=csv.QUOTE_MINIMAL)
    return ek.open_study(folder / "plan.yaml")


def arms(visits: pd.DataFrame) -> dict[str, pd.DataFrame]:
    quarter = (visits["day"] >= date(2025, 10, 1)) & (visits["day"] <= date(2025, 12, 31))
    return {"before": visits[visits["day"] < date(2025, 1, 1)], "after": visits[quarter]}


def test_weighted_values_stand_in_the_bins_of_what_is_recorded(tmp_path: Path, visits: pd.DataFrame) -> None:
    """3.0 times a weight and divided by it was 2.9999…, and stood one bin too low."""
    halves = visits.assign(score=2 + visits["score"] % 7 / 2, weight=visits["weight"] + 0.003)
    halves.to_csv(tmp_path / "visits.csv", index=False)
    (tmp_path / "plan.yaml").write_text(PLAN.replace("score, type: integer", "score, type: number"), encoding="utf-8")
    found = ek.open_study(tmp_path / "plan.yaml").detail("score", "2025-Q4").histogram()
    assert found is not None
    for name, arm in arms(halves).items():
        for low, high, share in zip(found.edges, found.edges[1:], getattr(found, name), strict=False):
            inside = (arm["score"] >= low - 1e-9) & (arm["score"] < high - 1e-9)
            inside |= (high == found.edges[-1]) & (arm["score"] >= high - 1e-9)
            assert (share or 0.0) == pytest.approx(arm.loc[inside, "weight"].sum() / arm["weight"].sum(), abs=1e-9)


def test_whole_numbers_have_a_bin_each_with_their_weighted_share(study: ek.OpenStudy, visits: pd.DataFrame) -> None:
    found = study.detail("score", "2025-Q4").histogram()
    assert found is not None
    assert found.whole
    for name, arm in arms(visits).items():
        for left, share in zip(found.edges, getattr(found, name), strict=False):
            expected = arm.loc[arm["score"] == left + 0.5, "weight"].sum() / arm["weight"].sum()
            assert share == pytest.approx(expected, abs=1e-12)


def test_small_bins_are_hidden_and_the_last_holds_everything_above(study: ek.OpenStudy, visits: pd.DataFrame) -> None:
    found = study.detail("minutes", "2025-Q4").histogram()
    assert found is not None
    assert found.open_end
    for name, arm in arms(visits).items():
        place = np.minimum(
            np.floor((arm["minutes"] - found.edges[0]) / (found.edges[1] - found.edges[0])), len(found.edges) - 2
        )
        counts = np.bincount(place.astype(int), minlength=len(found.edges) - 1)
        for count, share in zip(counts, getattr(found, name), strict=True):
            assert share is None or (share == pytest.approx(count / len(arm)) and not 0 < count < 5)
    assert found.hidden >= 2


@pytest.mark.parametrize(
    ("low", "high", "far", "whole"),
    [(3.0, 3.0, 3.0, False), (1, 100, 80, True), (-2.0, 5.0, 9.0, False), (0.0, 1e6, 50.0, False)],
)
def test_bins_hold_all_values(low: float, high: float, far: float, whole: bool) -> None:
    first, width, bins, open_end = _bins(low, high, far, whole)
    assert first <= low
    assert 1 <= bins <= 25
    assert open_end == (high >= first + bins * width)


def test_branches_agree_with_the_records_and_no_small_cell_can_be_worked_out(
    study: ek.OpenStudy, visits: pd.DataFrame
) -> None:
    found = study.detail("score", "2025-Q4").branches()
    assert found is not None
    assert found.columns == ("", "2025-Q1", "2025-Q2", "2025-Q3", "2025-Q4")
    before = arms(visits)["before"]
    values = dict(found.rows)
    for branch, own in before.groupby("branch"):
        mean = (own["score"] * own["weight"]).sum() / own["weight"].sum()
        assert (
            np.isnan(values[branch][0])
            if branch == "rare"
            else values[branch][0] == pytest.approx(mean) or np.isnan(values[branch][0])
        )
    assert found.total[0] == pytest.approx((before["score"] * before["weight"]).sum() / before["weight"].sum())
    for column in range(5):
        hidden = sum(row[column] is not None and np.isnan(row[column]) for _label, row in found.rows)
        assert hidden != 1, "a single hidden cell could be worked out from the total"
    assert found.hidden > 0
    assert study.detail("minutes", "2025-Q4").branches() is None


def test_days_to_an_answer_are_those_of_the_records_open_ones_included(
    study: ek.OpenStudy, visits: pd.DataFrame
) -> None:
    curves = study.detail("answered", "2025-Q4").response_times()
    for name, arm in arms(visits).items():
        last = date(2025, 12, 31)
        done = [day is not None and day == day and day <= last for day in arm["answered"]]
        took = [
            ((end if ok else last) - day).days for day, end, ok in zip(arm["day"], arm["answered"], done, strict=True)
        ]
        times = [min(days, 12) for days in took]
        direct = kaplan_meier(times, [ok and days <= 12 for ok, days in zip(done, took, strict=True)])
        assert curves[name].within(3) == pytest.approx(direct.within(3))
        assert curves[name].records == len(arm)
    assert study.detail("minutes", "2025-Q4").response_times() == {}


def test_the_shipped_banks_curves_agree_with_its_tickets() -> None:
    study = ek.open_study(ROOT / "data")
    curves = study.detail("response_rate", "2026-Q3").response_times()
    direct = study.evaluate("response_rate", period="2026-Q3").period
    assert direct.before is not None
    assert curves["before"].within(7)[0] == pytest.approx(direct.before.value), "every baseline window had closed"
    with (ROOT / "data" / "records" / "feedback_tickets.csv").open(encoding="gb18030") as file:
        rows = list(csv.DictReader(file))
    # the answer before receipt is rejected, as is the record without a time
    received = [row["受理时间"] for row in rows if row["受理时间"] and not "" < row["答复时间"] < row["受理时间"]]
    assert curves["after"].records == sum("2026-07-01" <= when < "2026-10-01" for when in received)


def test_the_counterfactual_is_the_sensitivity_lines(study: ek.OpenStudy) -> None:
    bank = ek.open_study(ROOT / "data")
    line = next(line for line in bank.evaluate("incidents", period="2026-Q3").sensitivity if line.name == "time series")
    model = bank.detail("incidents", "2026-Q3").counterfactual()
    assert model is not None
    assert (model.estimate, model.low, model.high) == pytest.approx((line.estimate, line.low, line.high))
    assert bank.detail("response_rate", "2026-Q3").counterfactual() is None, "a level has no counterfactual"


def test_what_was_known_on_an_earlier_day_is_planned_from() -> None:
    bank = ek.open_study(ROOT / "data")
    now, earlier = bank.plan("satisfaction")[0], bank.plan("satisfaction", as_of="2026-06-30")[0]
    assert (now.periods_done, earlier.periods_done) == (6, 5)
    with pytest.raises(ek.errors.ParameterError, match="'score' is no goal of the study; it has satisfaction"):
        bank.plan("score")


def falls(folder: Path, rows: list[tuple[date, str, int]]) -> ek.OpenStudy:
    """Return a study of falls a calendar day in each ward."""
    lines = ["day,ward,falls", *(f"{day},{ward},{count}" for day, ward, count in rows)]
    (folder / "falls.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "plan.yaml").write_text(
        "schema: 1\nid: falls\ncalendar: {baseline: {start: 2024-01-01, end: 2024-12-31}}\nsources:\n  s:\n"
        "    path: falls.csv\n    time: day\n    fields:\n      - {name: day, type: date}\n"
        "      - {name: ward, type: string}\n      - {name: falls, type: integer}\ngoals:\n  - id: falls\n    source: s\n"
        "    metric: {kind: rate, events: falls, exposure: calendar-days}\n    better: lower\n"
        "    target: {relative_change: -0.3}\n    cluster: ward\n",
        encoding="utf-8",
    )
    return ek.open_study(folder / "plan.yaml")


def test_a_day_counts_whole_in_each_branch(tmp_path: Path) -> None:
    rng = np.random.default_rng(8)
    firsts = [date(year, month, 1) for year in (2024, 2025) for month in range(1, 13)]
    rows = [(day, f"w{ward}", int(rng.poisson(9 + ward))) for day in firsts for ward in range(5)]
    study = falls(tmp_path, rows)
    found = study.detail("falls", "2025-Q4").branches()
    assert found is not None
    (scopes,) = study.evaluate_by("ward", period="2025-Q4")
    for (label, values), scope in zip(found.rows, scopes, strict=True):
        told = scope.goals[0].period
        assert told.before is not None
        assert told.after is not None
        assert (label, values[0], values[-1]) == (
            scope.scope,
            pytest.approx(told.before.value),
            pytest.approx(told.after.value),
        )
    assert found.total[0] == pytest.approx(sum(count for day, _, count in rows if day.year == 2024) / 366)


def test_few_events_in_many_rows_are_few(tmp_path: Path) -> None:
    days = [date(2024, 1, 1) + timedelta(days=number) for number in range(731)]
    rows = [
        (day, ward, int(number % (40 if ward == "rare" else 4) == 0))
        for number, day in enumerate(days)
        for ward in ("a", "b", "rare")
    ]
    study = falls(tmp_path, rows)
    found = study.detail("falls", "2025-Q4").branches()
    assert found is not None
    assert np.isnan(dict(found.rows)["rare"][-1])
    (scopes,) = study.evaluate_by("ward", period="2025-Q4")
    hidden = {scope.scope for scope in scopes if any(flag.code == "suppressed" for flag in scope.goals[0].flags)}
    assert {label for label, values in found.rows if np.isnan(values[-1])} == hidden
