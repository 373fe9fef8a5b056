"""Interrupted time series against R, against its own invariances, and where it must refuse.

Reference values: tests/reference/time_series.R (R 4.2.2, sandwich 3.0-2) and its output. Lopez Bernal et al. (2017),
Int. J. Epidemiol. 46, p. 348-355, is the source of the Sicilian records and of the models fitted to them.
"""

from __future__ import annotations

import csv
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from calibration import time_series as calibration

from evalkit.errors import NotEvaluableError, ParameterError
from evalkit.estimands.time_series import interrupted_time_series
from evalkit.inference.binomial import Wilson
from evalkit.inference.numeric import critical_value

REFERENCE = Path(__file__).parents[1] / "reference"


def table(path: Path) -> dict[str, list[str]]:
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {name: [row[name] for row in rows] for name in rows[0]}


@pytest.fixture(scope="module")
def r() -> dict[str, float]:
    known = table(REFERENCE / "time_series.csv")
    return dict(zip(known["name"], map(float, known["value"]), strict=True))


@pytest.fixture(scope="module")
def sicily() -> dict[str, object]:
    rows = table(REFERENCE / "sicily.csv")
    return {
        "values": [float(value) for value in rows["aces"]],
        "times": [f"{year}-{int(month):02d}-01" for year, month in zip(rows["year"], rows["month"], strict=True)],
        "intervention": "2005-01-01",
        "exposure": [float(value) for value in rows["stdpop"]],
    }


@pytest.fixture(scope="module")
def seatbelts() -> dict[str, np.ndarray]:
    path = Path(os.environ.get("EVALKIT_TRIALS", "")) / "seatbelts" / "seatbelts.csv"
    if "EVALKIT_TRIALS" not in os.environ or not path.exists():
        pytest.skip("EVALKIT_TRIALS does not lead to the seatbelts records")
    return {name: np.array([float(value) for value in column]) for name, column in table(path).items()}


def half_width(result) -> float:
    """Return the standard error on the log scale that an interval comes from."""
    return math.log(result.high / result.low) / 2 / critical_value(result.confidence, result.df)


COUNTS = [52, 48, 50, 47, 55, 49, 51, 53, 46, 50, 48, 52, 41, 38, 44, 39, 40, 42, 45, 37]
MONTHS = range(1, 21)


# against R


@pytest.mark.parametrize(("family", "name"), [("poisson", "poisson"), ("quasi-poisson", "quasipoisson")])
def test_seat_belt_law_is_that_of_r(seatbelts, r, family, name):
    result = interrupted_time_series(
        seatbelts["VanKilled"], range(192), 169, exposure=seatbelts["kms"], family=family, harmonics=6, errors="model"
    )
    assert result.estimate == pytest.approx(r[f"van.{name}.estimate"], rel=1e-8)
    assert result.confidence_interval == pytest.approx((r[f"van.{name}.low"], r[f"van.{name}.high"]), rel=1e-8)
    assert result.checks.dispersion == pytest.approx(r["van.dispersion"], rel=1e-8)
    assert result.coefficients[1].estimate == pytest.approx(r["van.trend"], rel=1e-8)
    assert (result.df, len(result.coefficients)) == (None, 13)


def test_seat_belt_law_as_published(seatbelts):
    # shared trials, R's default convergence: printed to six digits
    van = {"values": seatbelts["VanKilled"], "times": range(192), "intervention": 169, "exposure": seatbelts["kms"]}
    poisson = interrupted_time_series(**van, family="poisson", harmonics=6, errors="model")
    assert (poisson.estimate, *poisson.confidence_interval) == pytest.approx((0.777938, 0.627950, 0.963751), abs=1e-6)
    quasi = interrupted_time_series(**van, harmonics=6, errors="model")
    assert quasi.confidence_interval == pytest.approx((0.634372, 0.953996), abs=1e-6)
    assert quasi.checks.dispersion == pytest.approx(0.90725, abs=1e-5)
    crude = interrupted_time_series(seatbelts["VanKilled"], range(192), 169, trend=False)
    assert crude.estimate == pytest.approx(0.539748, abs=5e-7)
    control = interrupted_time_series(seatbelts["rear"], range(192), 169, exposure=seatbelts["kms"], harmonics=6)
    assert control.estimate == pytest.approx(1.116524, abs=5e-7)


def test_newey_west_is_that_of_sandwich(seatbelts, r):
    result = interrupted_time_series(
        seatbelts["VanKilled"], range(192), 169, exposure=seatbelts["kms"], harmonics=6, errors="hac"
    )
    assert half_width(result) == pytest.approx(r["van.hac4.se"], rel=1e-7)
    assert (result.df, result.method) == (178, "interrupted time series, Newey–West errors with 4 lags, t")


@pytest.mark.parametrize(("errors", "name"), [("model", "log.level.se"), ("hac", "log.hac4.se")])
def test_logarithms_by_least_squares_are_those_of_r(seatbelts, r, errors, name):
    result = interrupted_time_series(
        seatbelts["DriversKilled"],
        range(192),
        169,
        exposure=seatbelts["kms"],
        family="gaussian",
        change="level+slope",
        harmonics=2,
        errors=errors,
    )
    level, slope = result.coefficients[:2]
    assert (level.estimate, slope.estimate) == pytest.approx((r["log.level"], r["log.slope"]), rel=1e-9)
    assert math.log(level.high / level.low) / 2 / critical_value(0.95, result.df) == pytest.approx(r[name], rel=1e-7)
    assert result.checks.dispersion == pytest.approx(r["log.variance"], rel=1e-9)


def test_sicilian_smoking_ban_is_that_of_r(sicily, r):
    plain = interrupted_time_series(**sicily, family="poisson", errors="model")
    season = interrupted_time_series(**sicily, harmonics=2, errors="model")
    for name, result in (("plain", plain), ("season", season)):
        known = [r[f"sicily.{name}.{part}"] for part in ("estimate", "low", "high")]
        assert [result.estimate, *result.confidence_interval] == pytest.approx(known, rel=1e-8)
    assert season.coefficients[1].estimate == pytest.approx(r["sicily.season.trend"], rel=1e-9)
    assert season.checks.dispersion == pytest.approx(r["sicily.season.dispersion"], rel=1e-8)


def test_effect_over_a_window_is_that_of_r(sicily, r):
    result = interrupted_time_series(
        **sicily, change="level+slope", harmonics=2, errors="model", window=("2006-01-01", "2006-12-31")
    )
    assert result.estimate == pytest.approx(r["sicily.sloped.effect"], rel=1e-9)
    assert half_width(result) == pytest.approx(r["sicily.sloped.effect.se"], rel=1e-7)
    level, slope = result.coefficients[:2]
    assert level.estimate == pytest.approx(r["sicily.sloped.level"], rel=1e-9)
    assert slope.estimate == pytest.approx(r["sicily.sloped.slope"], rel=1e-9)


# what must not matter, and what must


def test_autoregressive_errors_widen_what_is_correlated(sicily):
    model = interrupted_time_series(**sicily, errors="model")
    result = interrupted_time_series(**sicily)
    assert result.checks.autocorrelation > result.checks.lag_one > 0.2
    assert half_width(result) > 1.2 * half_width(model)
    assert result.df < 59 - 3
    assert result.details["autocorrelation"] == result.checks.autocorrelation


@pytest.mark.parametrize("family", ["poisson", "quasi-poisson", "gaussian"])
@pytest.mark.parametrize("change", ["level", "level+slope"])
def test_unit_of_exposure_does_not_matter(sicily, family, change):
    one = interrupted_time_series(**sicily, family=family, change=change, harmonics=1)
    other = interrupted_time_series(
        **{**sicily, "exposure": np.array(sicily["exposure"]) / 1e5}, family=family, change=change, harmonics=1
    )
    assert (one.estimate, one.low, one.high) == pytest.approx((other.estimate, other.low, other.high), rel=1e-8)
    for a, b in zip(one.coefficients, other.coefficients, strict=True):
        assert (a.name, a.estimate, a.low) == (b.name, pytest.approx(b.estimate), pytest.approx(b.low))


def test_unit_of_values_that_are_no_counts_does_not_matter():
    values = np.array(COUNTS) + 0.5
    one, other = (interrupted_time_series(values * factor, MONTHS, 13) for factor in (1.0, 0.01))
    assert one.confidence_interval == pytest.approx(other.confidence_interval, rel=1e-8)


def test_dates_and_month_numbers_agree_and_their_origin_does_not_matter(sicily):
    dated = interrupted_time_series(**sicily, harmonics=2)
    for first in (0, 1, 100):
        numbered = interrupted_time_series(
            sicily["values"], np.arange(59) + first, first + 36, exposure=sicily["exposure"], harmonics=2
        )
        assert numbered.estimate == pytest.approx(dated.estimate, rel=1e-9)
        assert numbered.confidence_interval == pytest.approx(dated.confidence_interval, rel=1e-9)


def test_order_does_not_matter():
    order = np.random.default_rng(1).permutation(20)
    shuffled = interrupted_time_series(np.array(COUNTS)[order], np.arange(1, 21)[order], 13)
    assert shuffled.to_dict() == interrupted_time_series(COUNTS, MONTHS, 13).to_dict()


def test_six_harmonics_are_month_factors(sicily):
    import statsmodels.api as sm

    result = interrupted_time_series(**sicily, harmonics=6, errors="model", family="poisson")
    month = np.arange(59) % 12
    factors = np.column_stack([*(month == m for m in range(12)), np.arange(59) >= 36, np.arange(59)]).astype(float)
    known = sm.GLM(
        np.array(sicily["values"]), factors, family=sm.families.Poisson(), offset=np.log(sicily["exposure"])
    ).fit(tol=1e-13)
    assert math.log(result.estimate) == pytest.approx(known.params[12], rel=1e-7)
    assert half_width(result) == pytest.approx(known.bse[12], rel=1e-6)
    assert [c.name for c in result.coefficients][-3:] == ["sin5", "cos5", "cos6"]


def test_quarters_have_two_harmonics():
    quarters = np.array("2020-01", dtype="datetime64[M]") + 3 * np.arange(20)
    result = interrupted_time_series(COUNTS, quarters, "2023-01-01", harmonics=2)
    assert [c.name for c in result.coefficients] == ["level", "trend", "sin1", "cos1", "cos2"]
    with pytest.raises(ParameterError, match="4 points a year has between 0 and 2"):
        interrupted_time_series(COUNTS, quarters, "2023-01-01", harmonics=3)


def test_level_is_the_crude_ratio_without_trend_and_season():
    result = interrupted_time_series(COUNTS, MONTHS, 13, trend=False)
    assert result.estimate == pytest.approx(np.mean(COUNTS[12:]) / np.mean(COUNTS[:12]))
    assert (result.before, result.after) == pytest.approx((np.mean(COUNTS[:12]), np.mean(COUNTS[12:])))
    assert result.details["counterfactual"] == pytest.approx(np.mean(COUNTS[:12]))


def test_phase_in_is_left_out_of_the_fit():
    spoilt = COUNTS.copy()
    spoilt[12:14] = [400, 0]
    result = interrupted_time_series(spoilt, MONTHS, 13, phase_in=(13, 14))
    kept = [i for i in range(20) if i not in (12, 13)]
    without = interrupted_time_series([COUNTS[i] for i in kept], [MONTHS[i] for i in kept], 13)
    assert result.to_frame().iloc[0].drop(["scale", "method", "confidence"]).dropna().astype(float).to_list() == (
        pytest.approx(
            without.to_frame().iloc[0].drop(["scale", "method", "confidence"]).dropna().astype(float).to_list()
        )
    )
    assert result.course.phase.tolist()[11:15] == ["before", "phase-in", "phase-in", "after"]
    assert np.isnan(result.course.fitted[12:14]).all()
    assert np.isfinite(result.course.counterfactual).all()


def test_slope_counts_from_the_first_point_after():
    months = np.arange(36)
    values = 100 * np.exp(0.01 * months + np.where(months >= 24, -0.3 - 0.02 * (months - 24), 0))
    wiggle = 1 + 0.001 * np.cos(months * 2.1)
    result = interrupted_time_series(values * wiggle, months, 24, change="level+slope", family="gaussian")
    found = {c.name: math.log(c.estimate) for c in result.coefficients}
    assert found == pytest.approx({"level": -0.3, "slope": -0.02, "trend": 0.01}, abs=2e-3)
    last = interrupted_time_series(
        values * wiggle, months, 24, change="level+slope", family="gaussian", window=(35, 35)
    )
    assert math.log(last.estimate) == pytest.approx(-0.3 - 0.02 * 11, abs=3e-3)


def test_window_weights_the_points_by_what_is_expected():
    months = np.arange(30)
    exposure = np.where(months == 29, 50.0, 1.0)
    rates = 40 * np.exp(np.where(months >= 20, -0.05 * (months - 20), 0))
    result = interrupted_time_series(
        np.round(rates * exposure), months, 20, exposure=exposure, change="level+slope", trend=False
    )
    assert result.estimate == pytest.approx(np.exp(-0.45), abs=0.03)


def test_interval_target_and_verdict_are_of_one_procedure(sicily):
    first = interrupted_time_series(**sicily)
    edge = interrupted_time_series(**sicily, target=first.high, better="lower")
    assert edge.p_target == pytest.approx(0.025, abs=1e-9)
    assert edge.pvalue == edge.p_target
    easier = interrupted_time_series(**sicily, target=first.high * 1.001, better="lower")
    assert (easier.verdict, easier.direction) == ("achieved", "improved")
    assert interrupted_time_series(**sicily, target=first.low * 0.999, better="lower").verdict == "not_achieved"
    assert interrupted_time_series(**sicily, target=0.9, better="lower").verdict == "inconclusive"


def test_narrower_confidence_is_a_narrower_interval():
    wide, narrow = (interrupted_time_series(COUNTS, MONTHS, 13, confidence=c) for c in (0.95, 0.8))
    assert wide.low < narrow.low < narrow.high < wide.high
    assert wide.coefficients[0].low < narrow.coefficients[0].low
    assert (narrow.course.low[12:] > wide.course.low[12:]).all()


def test_poisson_does_not_trust_less_variation_than_chance():
    values = [50.0] * 10 + [40.0] * 10
    result = interrupted_time_series(values, MONTHS, 11, family="poisson", trend=False)
    assert half_width(result) == pytest.approx(math.sqrt(1 / 500 + 1 / 400), rel=1e-9)


# what is shown


def test_course_is_the_models_own(sicily):
    course = interrupted_time_series(**sicily, harmonics=2, errors="model").course
    frame = course.to_frame()
    assert list(frame.columns[:3]) == ["times", "values", "exposure"]
    assert (frame["fitted"][:36] == frame["counterfactual"][:36]).all()
    assert (frame["fitted"][36:] < frame["low"][36:]).all()
    assert frame["values"].sum() == pytest.approx(frame["fitted"].sum())
    assert frame["evaluated"].sum() == 23


def test_result_reads_as_a_sentence_a_table_and_json():
    result = interrupted_time_series(COUNTS, MONTHS, 13, trend=False, target=0.9, better="lower")
    assert result.summary().startswith("The ratio to the counterfactual is 0.8")
    assert "interrupted time series, AR(1) errors, t" in result.summary()
    assert result.null_hypothesis == "the ratio to the counterfactual is at least 0.9"
    assert result.to_frame().shape[0] == 1
    assert result.coefficients[0].to_dict() == {
        "name": "level",
        "estimate": pytest.approx(result.estimate),
        "ci": pytest.approx([result.low, result.high]),
    }
    assert "Coefficients, as ratios" in result._repr_html_()
    assert "array" not in repr(result)
    assert result == interrupted_time_series(COUNTS, MONTHS, 13, trend=False, target=0.9, better="lower")


def test_default_errors_load_no_heavy_library():
    code = (
        "import sys; from evalkit.estimands.time_series import interrupted_time_series as its; "
        f"its({COUNTS}, range(20), 12); "
        "print([name for name in ('pandas', 'statsmodels', 'scipy.stats', 'matplotlib') if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


# where it must refuse


def refused(*arguments, **options) -> str:
    with pytest.raises(NotEvaluableError) as caught:
        interrupted_time_series(*arguments, **options)
    return caught.value.code


def test_series_that_cannot_answer():
    after_zero = COUNTS[:12] + [0] * 8
    assert refused(COUNTS[:5], range(5), 3) == "too_few_points"
    assert refused(COUNTS, MONTHS, 30) == "too_few_points"
    assert refused(COUNTS, MONTHS, 1) == "too_few_points"
    assert refused(COUNTS, MONTHS, 20, errors="hac") == "too_few_points"
    assert refused(COUNTS, MONTHS, 13, window=(2, 5)) == "no_points_in_window"
    assert refused(COUNTS, MONTHS, 13, exposure=[1] * 19 + [0]) == "zero_exposure"
    assert refused(after_zero, MONTHS, 13) == "zero_events_after"
    assert refused([0] * 12 + COUNTS[12:], MONTHS, 13) == "zero_events_before"
    assert refused([0] * 20, MONTHS, 13) == "zero_events_before"
    assert refused([*COUNTS[:-1], 0], MONTHS, 13, family="gaussian") == "zero_value"
    assert refused(COUNTS, MONTHS, 20, change="level+slope") == "not_identified"
    assert refused([2.0] * 12 + [1.0] * 8, MONTHS, 13, family="gaussian", trend=False) == "no_variation"


def test_calendar_month_without_events_has_no_finite_answer():
    values = np.tile([0, 3, 4, 5, 3, 4, 6, 5, 4, 3, 5, 4], 3)
    assert refused(values, range(36), 24, harmonics=6) == "no_convergence"


def test_single_point_after_is_judged_by_the_spread_of_the_others():
    result = interrupted_time_series(COUNTS, MONTHS, 20, trend=False)
    assert (result.details["points_after"], result.details["autocorrelation"]) == (1, 0)
    variance = result.checks.dispersion * (1 / sum(COUNTS[:19]) + 1 / COUNTS[19])
    assert half_width(result) == pytest.approx(math.sqrt(variance))


def test_zero_exposure_in_the_phase_in_does_not_matter():
    exposure = [1.0] * 20
    exposure[12] = 0.0
    assert interrupted_time_series(COUNTS, MONTHS, 13, exposure=exposure, phase_in=(13, 13)).estimate > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"family": "poison"}, "family is 'poison'; expected one of .* Did you mean 'poisson'"),
        ({"change": "slope"}, "change is 'slope'; expected one of 'level', 'level\\+slope'"),
        ({"errors": "HAC"}, "errors is 'HAC'"),
        ({"harmonics": 7}, "harmonics is 7; a series with 12 points a year has between 0 and 6"),
        ({"harmonics": 1.5}, "harmonics is 1.5"),
        ({"values": COUNTS[:-1]}, r"values has the shape \(19,\), times \(20,\)"),
        ({"values": [*COUNTS[:-1], math.nan]}, r"values\[19\] is missing"),
        ({"values": [*COUNTS[:-1], -1]}, "values: 20 has -1; expected zero or more"),
        ({"values": ["many"] * 20}, "values: expected numbers"),
        ({"exposure": [1] * 19 + [-2]}, "exposure: 20 has -2"),
        ({"times": [*range(1, 20), 19]}, "times: 19 stands more than once"),
        ({"intervention": "2025-01-01"}, "intervention is '2025-01-01'; expected a whole number"),
        ({"phase_in": (5, 3)}, r"phase_in ends \(3\) before it starts \(5\)"),
        ({"target": 0.9}, "better"),
        ({"target": -0.2, "better": "lower"}, "0.80"),
        ({"confidence": 95}, "confidence is 95"),
    ],
)
def test_parameters_that_cannot_be_are_named(change, message):
    with pytest.raises(ParameterError, match=message):
        interrupted_time_series(**{"values": COUNTS, "times": MONTHS, "intervention": 13, **change})


# calibration: a seeded small part of tests/calibration/time_series.py


@pytest.mark.seconds
@pytest.mark.parametrize("scenario", range(3))
@pytest.mark.parametrize(
    ("correlation", "bound", "coverage"), [(0.0, 0.025, 0.935), (0.3, 0.04, 0.92), (0.6, 0.05, 0.90)]
)
def test_false_claims_stay_in_their_bounds(scenario, correlation, bound, coverage):
    replicates = 600
    rng = np.random.default_rng(20250601)
    found = calibration.claims(calibration.TABLE[scenario], correlation, replicates, rng, ("autoregressive",))
    fall, rise = found["autoregressive"]

    def ends(rate):
        return Wilson(successes=rate * replicates, trials=replicates).interval(0.99)

    assert ends(fall)[0] <= bound
    assert ends(rise)[0] <= bound
    assert ends(1 - fall - rise)[1] >= coverage


@pytest.mark.seconds
def test_shortcuts_break_the_bounds():
    rng = np.random.default_rng(20250601)
    found = calibration.claims(calibration.TABLE[1], 0.6, 200, rng, ("model", "hac"))
    assert all(sum(sides) > 0.2 for sides in found.values())
