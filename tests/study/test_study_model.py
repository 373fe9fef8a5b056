"""The study as objects: defaults, references, windows, and the JSON Schema."""

from __future__ import annotations

import json
from datetime import date
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from evalkit.errors import ParameterError
from evalkit.periods import Window
from evalkit.study import Study
from evalkit.study.load import read
from evalkit.study.model import AlphaSpending, Planned
from evalkit.study.model_goal import Direct, InterruptedTimeSeries, Mean, Proportion, Rate, Target
from evalkit.study.model_values import Duration, Text

SMALL = """
schema: 1
id: small
calendar: {baseline: {start: 2023-01-01, end: 2024-12-31}}
sources: {s: {path: s.csv, time: d, fields: [{name: d, type: date}, {name: x, type: number}]}}
goals:
  - {id: g, source: s, metric: {kind: mean, value: x}, better: higher, target: {relative_change: 0.1}}
"""


@pytest.fixture(scope="module")
def study(whole: str) -> Study:
    return read(whole)


def test_defaults_are_those_of_the_contract() -> None:
    study = read(SMALL)
    source, goal = study.sources["s"], study.goals[0]
    assert (study.timezone, study.zone, study.calendar.frequency) == ("UTC", ZoneInfo("UTC"), "quarter")
    assert study.calendar.programme_start is None
    assert study.programme_start == date(2025, 1, 1)
    inference = study.inference
    assert (inference.confidence, inference.multiplicity, inference.sequential) == (0.95, "holm", "none")
    assert (inference.common_shocks, inference.minimum_cell) == ("auto", 5)
    assert (source.encoding, source.delimiter, source.missing_values) == ("utf-8", ",", ("", "NA"))
    assert (source.key, source.max_rejected, source.time) == (None, 0.05, "d")
    assert (goal.compare_with, goal.estimator, goal.where, goal.standardise_by) == ("baseline", Direct(), (), ())
    assert (goal.cluster, goal.phase_in, goal.rollout, goal.commitment, goal.measure) == (None,) * 5
    assert study.title.in_language("zh") == "small"
    assert goal.title.in_language("en") == "g"
    assert (study.weaknesses, study.commitments, study.measures, study.indicators, study.feedback) == (
        (),
        (),
        (),
        (),
        None,
    )
    assert study.windows_of(goal) == (Window(date(2023, 1, 1), date(2024, 12, 31)), None)
    assert study.measures_of(goal) == study.weaknesses_of(goal) == ()
    assert study.commitment_of(goal) is None


def test_estimator_defaults() -> None:
    estimator = read(SMALL.replace("better: higher", "better: higher, estimator: {kind: interrupted-time-series}"))
    its = estimator.goals[0].estimator
    assert isinstance(its, InterruptedTimeSeries)
    assert (its.frequency, its.family, its.change, its.harmonics) == ("month", "quasi-poisson", "level", 0)
    assert (its.trend, its.errors) == (True, "autoregressive")


@pytest.mark.parametrize("plan", ["none", "{method: anytime}"])
def test_sequential_plans(plan: str) -> None:
    sequential = read(f"{SMALL}\ninference: {{sequential: {plan}}}").inference.sequential
    assert sequential == "none" if plan == "none" else sequential.method == "anytime"  # type: ignore[union-attr]


def test_the_forms_of_metrics(study: Study) -> None:
    duration, answered, rate = (study.goals[n].metric for n in (1, 2, 3))
    assert isinstance(duration, Mean)
    assert not isinstance(duration.value, str)
    assert (duration.value.from_, duration.value.to, duration.value.unit) == ("received", "answered", "minutes")
    assert duration.value.within == Duration(30, "d")
    assert isinstance(answered, Proportion)
    assert (answered.success.column, answered.success.of) == ("answered", "received")
    assert answered.success.within is not None
    assert (answered.success.within.seconds, answered.success.within) == (86400, Duration(24, "h"))
    assert isinstance(rate, Rate)
    assert not isinstance(rate.exposure, str)
    assert (rate.exposure.source, rate.exposure.value) == ("exposure", "transactions")
    high, daily = study.goal("high-scores").metric, study.goal("daily").metric
    assert isinstance(high, Proportion)
    assert (high.success.column, high.success.at_least) == ("score", 8.0)
    assert isinstance(daily, Rate)
    assert daily.exposure == "calendar-days"
    assert daily.events is None


@pytest.mark.parametrize(
    ("target", "scale", "value"),
    [({"relative_change": 0.1}, "ratio", 1.1), ({"relative_change": -0.2}, "ratio", 0.8)]
    + [({"relative_change": -0.3}, "ratio", 0.7), ({"difference": -2.5}, "difference", -2.5)]
    + [({"level": 0.9}, "level", 0.9), ({"level": 0}, "level", 0.0), ({"relative_change": 0}, "ratio", 1.0)],
)
def test_targets_on_the_scale_of_the_estimate(target: dict[str, float], scale: str, value: float) -> None:
    read_target = Target(**target)
    assert (read_target.scale, read_target.value, read_target.to_dict()) == (scale, value, target)


def test_plans_and_sources(study: Study) -> None:
    assert study.inference.sequential == AlphaSpending(method="alpha-spending", spending="obrien-fleming", looks=6)
    assert study.measures[0].planned is not None
    assert study.measures[0].planned.end == date(2025, 3, 31)
    assert study.measures[1].planned == Planned(ongoing=True)
    assert Planned(ongoing=True).end is None
    assert study.source("exposure").time == ("year", "month")
    assert [field.header for field in study.source("survey").fields[3:6]] == ["weight", "网点", "channel"]


def test_what_belongs_together(study: Study) -> None:
    goal, share = study.goal("satisfaction"), study.goal("share")
    assert [measure.id for measure in study.measures_of(goal)] == ["streamline-process"]
    assert [weakness.id for weakness in study.weaknesses_of(goal)] == ["complex-processes"]
    assert [measure.id for measure in study.measures_of(share)] == ["watch"]
    commitment = study.commitment_of(share)
    assert commitment is not None
    assert commitment.id == "safety"
    assert share.target is None
    assert share.measure == "watch"
    assert goal.measure is None
    assert study.weaknesses_of(share) == ()
    assert study.windows_of(goal)[1] == Window(date(2025, 1, 1), date(2025, 3, 31))


def test_unknown_names_are_told_with_the_nearest(study: Study) -> None:
    with pytest.raises(ParameterError, match=r"no goal or indicator 'satisfacton'; .* Did you mean 'satisfaction'\?"):
        study.goal("satisfacton")
    with pytest.raises(ParameterError, match=r"There is no source 'surveys'; the study has survey, tickets"):
        study.source("surveys")


def test_periods_that_have_ended(study: Study) -> None:
    assert [period.label for period in study.periods(date(2025, 9, 30))] == ["2025-Q1", "2025-Q2", "2025-Q3"]
    assert study.periods(date(2025, 3, 30)) == ()


def test_texts_in_two_languages(study: Study) -> None:
    assert study.title.in_language("zh") == "银行客户服务承诺"
    assert study.title.in_language("en") == "Bank service commitments"
    assert Text(zh="只有中文").in_language("en") == "只有中文"


def test_a_study_is_frozen(study: Study) -> None:
    with pytest.raises(ValidationError):
        study.timezone = "UTC"  # type: ignore[misc]


def test_the_json_schema_describes_every_key() -> None:
    schema = Study.model_json_schema()
    json.dumps(schema)
    assert schema["properties"]["schema"]["const"] == 1
    assert set(schema["required"]) == {"schema", "id", "calendar", "sources", "goals"}
    assert {"from", "to"} <= set(schema["$defs"]["Elapsed"]["properties"])
    assert "in" in schema["$defs"]["Where"]["properties"]
    parts = [schema, *(part for part in schema["$defs"].values() if "properties" in part)]
    silent = [
        (part["title"], key) for part in parts for key, of in part["properties"].items() if not of.get("description")
    ]
    assert silent == []
