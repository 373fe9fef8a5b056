"""What a goal's data can show, from its baseline."""

from datetime import date

import numpy as np
import pytest
from built_study import Study, records
from built_study import daily as days_from

from evalkit.errors import NotEvaluableError, ParameterError
from evalkit.evaluation.baseline_variance import basis_of
from evalkit.evaluation.conductor import moments_of
from evalkit.evaluation.planning import _first_shown
from evalkit.periods import parse_period
from evalkit.terminal import history_table

ALONE = "inference: {multiplicity: none, common_shocks: none}"
MEAN = "    metric: {kind: mean, value: value}\n    better: lower\n    target: {relative_change: -0.20}\n    cluster: branch\n"
RATE = "    metric: {kind: rate, events: events, exposure: exposure}\n    better: lower\n    target: {relative_change: -0.30}\n"
LEVEL = (
    "    metric: {kind: proportion, success: {column: hit, equals: true}}\n    better: higher\n"
    "    target: {level: 0.90}\n    cluster: branch\n"
)


def hits(share_after: float = 0.95, lasting: float = 0.0) -> list[dict[str, object]]:
    rng = np.random.default_rng(4)
    share = dict(enumerate(0.8 + lasting * rng.uniform(-1, 1, 12)))
    return [
        {
            "day": r["day"],
            "hit": str(
                bool(rng.random() < (share_after if r["day"] >= "2025" else share[int(r["branch"][1:])]))
            ).lower(),
            "branch": r["branch"],
        }
        for r in records()
    ]


def counts(per_month: float, until: date = date(2025, 12, 31)) -> list[dict[str, object]]:
    rng = np.random.default_rng(2)
    days = [day for day in days_from(date(2023, 1, 1), until, 1) if day.day == 1]
    return [{"day": d.isoformat(), "events": int(rng.poisson(per_month)), "exposure": 1.0} for d in days]


@pytest.mark.parametrize(("rows", "goal"), [(records(effect=1.0), MEAN), (counts(30), RATE), (hits(0.8), LEVEL)])
def test_the_error_foreseen_is_the_error_that_comes(study: Study, rows, goal: str) -> None:
    opened = study(rows, goal, extra=ALONE)
    file, question = opened.file, opened.file.goals[0]
    for label in ("2025-Q2", "2025"):
        period = parse_period(label)
        asked = moments_of(file, question, [period], period.end, opened.source_records)
        basis = basis_of(file, question, asked.moments)
        effect = opened.evaluate("g", period=label).period.effect
        assert effect is not None
        foreseen, df = basis.error(period.window)(effect.estimate)
        assert foreseen == pytest.approx(effect.details["standard_error"], rel=0.30)
        assert df is not None


def test_before_the_programme_and_during_it(study: Study) -> None:
    early = study(records(after_until=date(2024, 12, 31)), MEAN, extra=ALONE).plan()[0]
    assert early.period is not None
    assert early.to_date is None
    assert early.observed is None
    assert early.periods_done == 0
    late = study(records(effect=0.7), MEAN, extra=ALONE).plan()[0]
    assert late.period is not None
    assert late.to_date is not None
    assert late.periods_done == 4
    assert late.observed == pytest.approx(0.7, abs=0.05)
    assert late.period.detectable == pytest.approx(early.period.detectable, rel=0.02)
    # a year shows smaller effects than a quarter, but the baseline's own error stays
    assert late.period.detectable is not None
    assert late.to_date.detectable is not None
    assert late.period.detectable < late.to_date.detectable < 0.8
    assert late.periods_needed == early.periods_needed


def test_truths_are_beyond_the_target_and_inside_the_bounds(study: Study) -> None:
    mean = study(records(), MEAN, extra=ALONE).plan()[0]
    assert mean.beyond == pytest.approx(0.75)
    assert mean.assumed == pytest.approx(0.70)
    level = study(hits(), LEVEL, extra=ALONE).plan()[0]
    assert level.beyond == pytest.approx(0.95)
    assert level.assumed == pytest.approx(0.95, abs=0.01)
    assert level.period is not None
    assert level.period.detectable is not None
    assert 0.9 < level.period.detectable < 1
    assert level.at["to_date_beyond"] > level.at["period_beyond"]


def test_branches_that_differ_for_good_limit_a_level(study: Study) -> None:
    alike, unlike = (study(hits(lasting=spread), LEVEL, extra=ALONE).plan()[0] for spread in (0.0, 0.19))
    assert alike.to_date is not None
    assert unlike.to_date is not None
    assert alike.to_date.detectable is not None
    assert unlike.to_date.detectable is not None
    assert unlike.to_date.detectable > alike.to_date.detectable


def test_a_level_of_which_one_part_of_the_baseline_tells_is_planned(study: Study) -> None:
    once = [row for row in hits() if str(row["day"]) >= "2025" or "2024-04" <= str(row["day"]) < "2024-06"]
    (told,) = study(once, LEVEL, extra=ALONE).plan()
    assert told.period is not None


@pytest.mark.seconds
def test_rare_events_are_never_enough(study: Study) -> None:
    few = study(counts(0.4), RATE, extra=ALONE).plan()[0]
    assert few.period is not None
    assert few.period.detectable is None
    assert few.periods_needed is None
    assert few.still == "not within 10 years"
    many = study(counts(200), RATE, extra=ALONE).plan()[0]
    assert many.periods_needed == 1


def test_shocks_of_months_enter(study: Study) -> None:
    rng = np.random.default_rng(9)
    shock = {f"{year}-{month:02d}": rng.lognormal(0, 0.1) for year in (2023, 2024, 2025) for month in range(1, 13)}
    rows = [{**r, "value": round(min(99.0, r["value"] * shock[r["day"][:7]]), 4)} for r in records()]
    found = []
    for choice in ("none", "auto"):
        plan = study(rows, MEAN, extra=f"inference: {{multiplicity: none, common_shocks: {choice}}}").plan()[0]
        assert plan.period is not None
        assert plan.period.detectable is not None
        found.append(plan.period.detectable)
    assert found[1] < found[0]


def test_looks_cost_and_end(study: Study) -> None:
    once = study(records(effect=0.7), MEAN, extra=ALONE).plan()[0]
    looks = "inference: {{multiplicity: none, common_shocks: none, sequential: {}}}"
    spent = study(records(effect=0.7), MEAN, extra=looks.format("{method: alpha-spending, looks: 6}")).plan()[0]
    anytime = study(records(effect=0.7), MEAN, extra=looks.format("{method: anytime}")).plan()[0]
    levels = [plan.to_date.level for plan in (once, spent, anytime) if plan.to_date is not None]
    assert levels[0] == pytest.approx(0.025)
    assert levels[0] > levels[1] > levels[2]
    assert spent.horizon == "the 6 looks planned"


def test_like_months_have_less_of_a_baseline(study: Study) -> None:
    whole = study(records(), MEAN, extra=ALONE).plan()[0]
    like = study(records(), MEAN + "    compare_with: same-months\n", extra=ALONE).plan()[0]
    assert whole.period is not None
    assert like.period is not None
    assert whole.period.detectable is not None
    assert like.period.detectable is not None
    assert like.period.detectable < whole.period.detectable


def test_what_cannot_be_told_is_said(study: Study) -> None:
    high = LEVEL.replace("level: 0.90", "difference: 0.5")
    assert "beyond the target" in study(hits(), high, extra=ALONE).plan()[0].reason


def test_a_time_series_is_planned_as_though_the_last_year_came_again(study: Study) -> None:
    goal = MEAN + "    estimator: {kind: interrupted-time-series, family: gaussian}\n"
    opened = study(records(effect=0.8), goal, extra=ALONE)
    asked = moments_of(
        opened.file, opened.file.goals[0], [parse_period("2025-Q4")], date(2025, 12, 31), opened.source_records
    )
    basis = basis_of(opened.file, opened.file.goals[0], asked.moments)
    planned, df = basis.error(parse_period("2025-Q4").window)(0.8)
    found = opened.evaluate("g", period="2025-Q4").period.effect
    assert found is not None
    assert planned == pytest.approx(found.details["standard_error"], rel=0.25)
    assert df is not None
    assert 10 < df < 35
    assert basis.error(parse_period("2025-Q1").window)(0.8)[0] > planned
    power = opened.plan()[0]
    assert power.period is not None
    assert power.period.detectable is not None
    assert power.period.detectable < 0.8


def test_fewer_events_after_tell_a_series_less(study: Study) -> None:
    """Three months of 100 against twenty-four: with half the events their part of the variance is twice as large."""
    goal = RATE + "    estimator: {kind: interrupted-time-series, trend: false, family: poisson, errors: model}\n"
    opened = study(counts(100, date(2024, 12, 31)), goal, extra=ALONE)
    asked = moments_of(opened.file, opened.file.goals[0], [], date(2024, 12, 31), opened.source_records)
    error = basis_of(opened.file, opened.file.goals[0], asked.moments).error(parse_period("2025-Q1").window)
    for effect in (1.0, 0.5):
        assert error(effect)[0] == pytest.approx(np.sqrt(1 / 2400 + 1 / (300 * effect)), rel=0.06)


def test_a_series_is_asked_after_every_count_of_periods(study: Study) -> None:
    """A slope is told worse the further it is followed, and after one month Newey-West has no answer."""
    shown = {1: 0.59, 2: 0.76, 3: 0.805, 4: 0.80, 5: 0.74}
    assert _first_shown(shown.__getitem__, 5) == 3
    assert _first_shown(shown.__getitem__, 2) is None

    def late(count: int) -> float:
        if count < 3:
            raise NotEvaluableError("too_few_points", "Too few.")
        return 0.9

    assert _first_shown(late, 5) == 3
    with pytest.raises(NotEvaluableError, match="Too few"):
        _first_shown(late, 2)
    goal = RATE + "    estimator: {kind: interrupted-time-series, trend: false, errors: hac}\n"
    monthly = "calendar: {baseline: {start: 2023-01-01, end: 2024-12-31}, frequency: month}"
    found = study(counts(2000, date(2024, 12, 31)), goal, calendar=monthly, extra=ALONE).plan()[0]
    assert (found.periods_needed, found.reason) == (2, "")
    assert found.period is not None
    assert found.period.detectable is None


def test_totals_of_months_tell_of_the_whole_month(study: Study) -> None:
    days = [f"{year}-{month:02d}-01" for year in (2023, 2024, 2025) for month in range(1, 13)][:27]
    rows = [{"day": day, "events": 20 + number % 5, "exposure": 30} for number, day in enumerate(days)]
    totals = study(rows, RATE)
    assert (rows[-1]["day"], totals.plan()[0].periods_done) == ("2025-03-01", 1)
    assert ([result.period for result in totals.evaluate_all()], totals.evaluate_all().left_out) == (["2025-Q1"], "")
    assert totals.series("g")["end"].iloc[-1] == date(2025, 3, 31)
    rows[0]["day"] = "2023-01-02"
    dated = study(rows, RATE)
    assert dated.plan()[0].periods_done == 0
    with pytest.raises(ParameterError, match="No period of the programme has ended by 2025-03-08"):
        dated.evaluate_all()


def test_a_begun_period_that_is_left_out_is_told(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    goal = MEAN + "    phase_in: {start: 2025-01-01, end: 2025-02-28}\n"
    opened = study([row for row in records(branches=2) if row["day"] < "2025-08"], goal)
    history = opened.evaluate_all()
    told = (
        "Records go on to 2025-07-31; 2025-Q3 is not whole and left out (name it with --period 2025-Q3, or give "
        "--as-of 2025-09-30)."
    )
    assert history.only("g").left_out == told
    history_table(history)
    out = capsys.readouterr().out
    assert out.endswith(f"\n{told}\n")
    assert "2025-Q1 *" in out
    assert "2025-Q2 *" not in out
    assert "* not the whole period" in out
    assert opened.evaluate_all(as_of="2025-07-31").left_out == ""


def test_a_frame_of_all_goals(study: Study) -> None:
    frame = study(records(effect=0.7), MEAN).power()
    assert frame.loc[0, "goal"] == "g"
    assert {"detectable_period", "p_beyond_to_date", "periods_still_needed", "note"} <= set(frame.columns)


def test_the_command_prints_a_table(bench, f, daily: list[list[object]]) -> None:
    bench.plan([f("day", "date"), f("x", "number"), f("branch")], goal={"cluster": "branch"})
    bench.write("r.csv", daily)
    answer = bench.run("power")
    assert answer.code == 0
    assert "Still needed" in answer.out
    assert "g " in answer.out
    assert "first step of Holm" in answer.out
