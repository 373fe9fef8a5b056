"""Everything to date over several looks."""

from pathlib import Path

import numpy as np
import pytest
from built_study import Study, records

from evalkit.evaluation.gather import gathered
from evalkit.evaluation.looks import _information, _share, look_again
from evalkit.evaluation.windows import Comparison
from evalkit.inference.sequential import group_sequential_bounds
from evalkit.periods import parse_period
from evalkit.session import open_study

MEAN = "    metric: {kind: mean, value: value}\n    better: lower\n    target: {relative_change: -0.20}\n    cluster: branch\n"
PLAN = "inference: {{common_shocks: none, sequential: {}}}"
SPENDING = PLAN.format("{method: alpha-spending, looks: 4}")


def test_without_a_plan_to_date_is_one_look(study: Study) -> None:
    effect = study(records(effect=0.7), MEAN, extra=PLAN.format("none")).evaluate("g", period="2025-Q1")
    assert effect.to_date == effect.period


def test_early_looks_are_wider_and_the_last_spends_the_rest(study: Study) -> None:
    rows = records(effect=0.7)
    planned = study(rows, MEAN, extra=SPENDING)
    widths = []
    for period in ("2025-Q1", "2025-Q2", "2025-Q3", "2025-Q4"):
        to_date = planned.evaluate("g", period=period).to_date
        assert to_date is not None
        assert to_date.effect is not None
        widths.append(np.log(to_date.effect.high / to_date.effect.low) / to_date.effect.details["standard_error"])
    assert all(np.diff(widths) < 0)
    # at the last look the boundary is near that of a single one (2.02 for four equal looks against 1.96)
    single = study(rows, MEAN, extra=PLAN.format("none")).evaluate("g", period="2025").period.effect
    assert single is not None
    alone = np.log(single.high / single.low) / single.details["standard_error"]
    assert 1 < widths[-1] / alone < 1.12


def test_the_boundary_is_that_of_the_information(study: Study) -> None:
    """The repeated interval's reach, as a normal deviate, is the Lan-DeMets boundary at these information shares."""
    from scipy import special

    planned = study(records(effect=0.7), MEAN, extra=SPENDING)
    effects = [planned.evaluate("g", period=p).to_date for p in ("2025-Q1", "2025-Q2")]
    errors = [e.effect.details["standard_error"] for e in effects if e is not None and e.effect is not None]
    window = Comparison(
        before=parse_period("2023-01-01/2024-12-31").window,
        after=(parse_period("2025-H1").window,),
        asked=parse_period("2025-H1").window,
    )
    shares = _information(errors[:1], errors[1], _share(window, 90 + 3 * 3 * 365.25 / 12))
    assert shares[-1] < 1
    paced = tuple(min(share, (look + 1) / 4) for look, share in enumerate(shares))
    bounds = group_sequential_bounds(looks=4, information=list(paced))
    last = effects[1]
    assert last is not None
    assert last.effect is not None
    reach = (np.log(last.effect.high) - np.log(last.effect.estimate)) / errors[1]
    nominal = float(special.stdtr(last.effect.df, -reach))
    assert -special.ndtri(nominal) == pytest.approx(bounds.critical_values[1], rel=0.05)


def test_a_confidence_sequence_is_wider_than_one_look(study: Study) -> None:
    rows = records(effect=0.7)
    anytime = study(rows, MEAN, extra=PLAN.format("{method: anytime}")).evaluate("g", period="2025-Q3").to_date
    once = study(rows, MEAN, extra=PLAN.format("none")).evaluate("g", period="2025-Q3").to_date
    assert anytime is not None
    assert once is not None
    assert anytime.effect is not None
    assert once.effect is not None
    assert anytime.effect.estimate == once.effect.estimate
    assert anytime.effect.low < once.effect.low < once.effect.high < anytime.effect.high


@pytest.mark.parametrize("extra", [SPENDING, PLAN.format("{method: alpha-spending, looks: 2}")])
def test_looks_after_the_cutoff_are_still_to_come(study: Study, extra: str) -> None:
    """What is asked for is the year; what can be seen is half a quarter, and no look lies behind it."""
    opened = study(records(effect=0.7), MEAN, extra=extra)
    for cutoff, quarter in (("2025-02-15", "2025-Q1"), ("2025-03-31", "2025-Q1"), ("2025-05-15", "2025-Q2")):
        year, alone = (opened.evaluate("g", period=period, as_of=cutoff) for period in ("2025", quarter))
        assert year.to_date == alone.to_date
        assert "looks_exhausted" not in {flag.code for flag in year.flags}


def test_more_looks_than_planned_are_said(study: Study) -> None:
    opened = study(records(), MEAN, extra=PLAN.format("{method: alpha-spending, looks: 2}"))
    assert "looks_exhausted" in [f.code for f in opened.evaluate("g", period="2025-Q3").flags]
    assert "looks_exhausted" not in [f.code for f in opened.evaluate("g", period="2025-Q2").flags]


def test_a_level_and_its_change_are_repeated_alike(study: Study) -> None:
    rng = np.random.default_rng(1)
    rows = [
        {
            "day": r["day"],
            "hit": str(bool(rng.random() < (0.95 if r["day"] >= "2025" else 0.8))).lower(),
            "branch": r["branch"],
        }
        for r in records()
    ]
    goal = (
        "    metric: {kind: proportion, success: {column: hit, equals: true}}\n    better: higher\n"
        "    target: {level: 0.90}\n    cluster: branch\n"
    )
    to_date = study(rows, goal, extra=SPENDING).evaluate("g", period="2025-Q2").to_date
    assert to_date is not None
    assert to_date.effect is not None
    assert to_date.change is not None
    assert to_date.effect.method.endswith("repeated")
    assert to_date.change.method.endswith("repeated")


@pytest.mark.seconds
def test_looking_again_gives_the_records_and_estimates_of_each_look() -> None:
    """Of the shipped bank's goals of every kind, with clusters, mix, month shocks, phase-in and a roll-out."""
    bank = open_study(Path(__file__).parents[2] / "data")
    results = bank.evaluate_all()
    looks = [((parse_period(result.period),), result.as_of) for result in results]
    for place, asked in enumerate(gathered(bank.file, bank.file.goals, looks, bank.source_records)):
        for at, ((look,), _), result in zip(asked, looks, results, strict=True):
            again, expected = look_again(bank.file, at, look), result.goals[place].to_date
            assert (again is None) == (expected is None)
            if again is not None and expected is not None:
                assert (again.before, again.after) == (expected.before, expected.after)
                assert again.effect is not None
                assert expected.effect is not None
                assert again.effect.estimate == pytest.approx(expected.effect.estimate, rel=1e-12)
