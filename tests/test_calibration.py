"""The calibration study, small: truth is what was asked for, figures keep their bounds, and misses are shown."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from calibration import SCENARIOS, Figure, Study, run
from calibration.__main__ import publish
from calibration.calibrate import Tally, family, replicate
from calibration.page import Page
from calibration.simulate import Bank
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from evalkit.evaluation.window import choices_of

BY_ID = {scenario.id: scenario for scenario in SCENARIOS}
SMALL = (
    "branches-20-equal",
    "durations-500",
    "incidents-12-6+3-1",
    "survey-weighted",
    "response-records",
    "months-24+3-0.3",
)


@pytest.fixture(scope="module")
def study() -> Study:
    return run(200, 7, scenarios=[BY_ID[name] for name in SMALL], workers=1)


def test_the_small_study_keeps_every_bound(study: Study) -> None:
    assert {figure.scenario for figure in study.figures} == set(SMALL)
    assert [(f.scenario, f.measure, f.rate) for f in study.misses] == []
    assert all(f.of == 200 for f in study.figures if f.measure == "false_achieved")


def test_shortcuts_make_more_false_claims(study: Study) -> None:
    rates = {(f.scenario, f.method): f.rate for f in study.figures if f.measure == "false_achieved"}
    assert all(rates[name, "point"] > 0.35 for name in SMALL)
    assert rates["months-24+3-0.3", "clusters"] > rates["months-24+3-0.3", "evalkit"]


def test_the_same_seed_gives_the_same_figures_whoever_works() -> None:
    scenarios = [BY_ID["durations-100"], BY_ID["incidents-4-6+3-1"]]
    together = run(5, 3, scenarios=scenarios, workers=2)
    apart = run(5, 3, scenarios=scenarios[::-1], workers=1)
    assert set(together.figures) == set(apart.figures)
    assert together.details == apart.details


@pytest.mark.parametrize("name", ["branches-20-unequal", "response-records", "incidents-300-24+3-2", "survey-records"])
def test_the_drawn_banks_have_the_truth_asked_for(name: str) -> None:
    scenario, draws, arms = BY_ID[name], 400, []
    bank, rng = Bank.of(scenario), np.random.default_rng(5)
    for _ in range(draws):
        moments = bank.draw(rng, scenario.target)
        after = moments.within([scenario.window])
        arms.append([moments.sums[chosen, :2].sum(axis=0) for chosen in (~after, after)])
    a, b = np.moveaxis(np.array(arms), 2, 0)
    before, later = a.mean(axis=0) / b.mean(axis=0)
    found = later if scenario.scale == "level" else later / before
    assert found == pytest.approx(scenario.target, rel=0.02)
    assert before == pytest.approx(scenario.base, rel=0.02)


def test_events_are_as_overdispersed_as_stated() -> None:
    scenario = BY_ID["incidents-40-24+12-3"]
    bank, rng = Bank.of(scenario), np.random.default_rng(2)
    counts = np.array([bank.draw(rng, 1.0).sums[:, 0] for _ in range(4000)])
    assert (counts.var(axis=0) / counts.mean(axis=0)).mean() == pytest.approx(3.0, rel=0.05)


def test_month_shocks_have_the_stated_correlation() -> None:
    bank, rng = Bank.of(BY_ID["months-24+12-0.6"]), np.random.default_rng(4)
    drawn = np.array([bank._shocks(rng) for _ in range(2000)])
    assert np.corrcoef(drawn[:, 10], drawn[:, 11])[0, 1] == pytest.approx(0.6, abs=0.05)
    assert drawn.std() == pytest.approx(1.0, abs=0.02)


def test_the_questions_are_those_of_a_study_file() -> None:
    mix, season = BY_ID["mix"], BY_ID["season"]
    assert choices_of(mix.goal).standardised
    assert choices_of(season.goal).same_months
    assert BY_ID["months-24+12-0-series"].goal.estimator.kind == "interrupted-time-series"
    assert len({scenario.id for scenario in SCENARIOS}) == len(SCENARIOS)


def figure(count: int, of: int, least: float | None = None, most: float | None = None) -> Figure:
    return Figure(
        scenario="durations-500", measure="coverage", method="evalkit", count=count, of=of, least=least, most=most
    )


@pytest.mark.parametrize(("count", "of"), [(0, 50), (37, 2000), (1900, 2000), (20, 20)])
def test_limits_are_wilsons(count: int, of: int) -> None:
    # statsmodels 0.14 as the oracle; R: prop.test(count, of, conf.level = 0.99, correct = FALSE)$conf.int
    wanted = proportion_confint(count, of, alpha=0.01, method="wilson")
    assert figure(count, of).limits == pytest.approx(wanted, abs=1e-12)
    exact = stats.binomtest(count, of).proportion_ci(0.99, "wilson")
    assert figure(count, of).limits == pytest.approx((exact.low, exact.high), abs=1e-12)


def test_a_figure_misses_only_beyond_chance() -> None:
    assert not figure(1860, 2000, least=0.935).missed  # 93 %
    assert figure(1830, 2000, least=0.935).missed  # 91.5 %
    assert figure(1970, 2000, most=0.97).missed
    assert not figure(1970, 2000).missed
    assert not figure(0, 0, least=0.935).missed


def test_a_family_claims_when_any_goal_does_after_adjustment() -> None:
    one, two = Tally(claims=[(0.02, True), (0.001, True)]), Tally(claims=[(0.5, False), (1.0, False)])
    assert family([one, two], "none") == (2, 2)
    assert family([one, two], "holm") == (1, 2)


def test_over_looks_one_claim_is_enough_and_all_must_cover() -> None:
    tally = replicate(replace(BY_ID["looks-spending"], records=(480.0, 480.0)), 0.4, 2, 1, others=True)
    assert tally.tried == tally.achieved == 2
    assert tally.others == {}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_hides_no_miss(study: Study, language: str) -> None:
    assert "✗" not in Page(study, language).tables().text
    wrong = replace(study, figures=(*study.figures, figure(100, 200, least=0.935)))
    page = Page(wrong, language)
    assert page.misses().text.count("<li>") == 1
    assert page.tables().text.count("✗") == 2
    assert "50.0 ± 3.5" in page.tables().text
    for part in (page.heading(), page.shortcuts(), page.notes()):
        assert part.text
    if language == "zh":
        assert "Bank" not in page.tables().text + page.shortcuts().text


def test_the_notebook_is_published_with_its_figures(tmp_path: Path) -> None:
    page = publish(tmp_path / "method-validation", replicates=1, seed=1, language="en")
    text = page.read_text(encoding="utf-8")
    assert "Do the methods keep their promises?" in text
    assert "/40 " not in text  # progress is told, not published
    record = json.loads((page.parent / "results.json").read_text(encoding="utf-8"))
    assert record["replicates"] == 1
    assert {f["scenario"] for f in record["figures"]} == {*BY_ID, "family"}
    assert (page.parent / "index.ipynb").exists()
