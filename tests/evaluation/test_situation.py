"""The baseline picture: levels by the procedures of evaluations, trends by a line beside the season."""

from __future__ import annotations

import html
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from built_study import Study, records

import evalkit as ek
from evalkit.evaluation.situation import Slope, baseline_of, questions_of
from evalkit.report.context import ContextReport

GOAL = "    commitment: quick\n    metric: {kind: %s}\n    better: higher\n    target: {relative_change: 0.1}"
PLAN = (
    "commitments: [{id: quick}, {id: safe}]\nmeasures: [{id: m, commitment: safe}]\n"
    "weaknesses: [{id: slow, commitment: quick}, {id: risky, commitment: safe}, {id: loose}]\n"
    "indicators: [{id: i, measure: m, source: s, metric: {kind: mean, value: value}, better: lower}]\n"
    "inference: {common_shocks: none}"
)


def test_a_weakness_is_measured_by_its_goals_else_by_its_measures_indicators(study: Study) -> None:
    file = study(records(), GOAL % "mean, value: value", extra=PLAN).file
    asked = {weakness.id: [one.id for one in questions_of(file, weakness)] for weakness in file.weaknesses}
    assert asked == {"slow": ["g"], "risky": ["i"], "loose": []}


def test_levels_are_those_of_the_array_functions(study: Study) -> None:
    rows = [{"day": row["day"], "hit": str(float(row["value"]) > 20).lower()} for row in records()]
    opened = study(
        rows,
        GOAL % "proportion, success: {column: hit, equals: true}",
        extra=PLAN.replace("mean, value: value", "proportion, success: {column: hit, equals: true}"),
    )
    found = baseline_of(opened.file, opened.file.goals[0], date(2025, 12, 31), opened.source_records)
    hits = [row["hit"] == "true" for row in rows if row["day"] < "2025-01-01"]
    expected = ek.proportion(sum(hits), len(hits))
    assert found.level is not None
    assert found.records == len(hits)
    assert (found.level.estimate, found.level.low, found.level.high) == pytest.approx(
        (expected.estimate, *expected.confidence_interval)
    )


def test_a_trend_is_found_with_its_size_and_none_where_there_is_none(study: Study) -> None:
    rng = np.random.default_rng(3)
    for growth, shown in ((0.10, True), (0.0, False)):
        rows = []
        for row in records(effect=1.0):
            years = (date.fromisoformat(str(row["day"])) - date(2023, 1, 1)).days / 365.25
            value = round(30 * (1 + growth) ** years * rng.lognormal(-0.005, 0.1), 4)
            rows.append({"day": row["day"], "value": value})
        opened = study(rows, GOAL % "mean, value: value", extra=PLAN)
        found = baseline_of(opened.file, opened.file.goals[0], date(2025, 12, 31), opened.source_records)
        assert found.slope is not None
        assert found.slope.shown is shown
        assert found.slope.low < 1 + growth < found.slope.high
        assert found.slope.scale == "ratio"


def test_a_baseline_without_records_has_a_reason_and_no_level(study: Study) -> None:
    rows = [row for row in records() if str(row["day"]) >= "2025-01-01"]
    opened = study(rows, GOAL % "mean, value: value", extra=PLAN)
    found = baseline_of(opened.file, opened.file.goals[0], date(2025, 12, 31), opened.source_records)
    assert found.level is None
    assert found.slope is None
    assert "no records" in found.reason


def test_a_baselines_course_is_a_sentence(study: Study) -> None:
    opened = study(records(), GOAL % "mean, value: value", extra=PLAN)
    result, question = opened.evaluate_period("2025-Q4"), opened.file.goals[0]
    found = baseline_of(opened.file, question, date(2025, 12, 31), opened.source_records)
    for slope, told, zh in (
        (None, "over the baseline, too few months to tell a trend.", "；月份过少，无法判断趋势。"),
        (
            (1.005, 0.99, 1.02),
            "no trend shown (+0.5 % a year, interval −1.0 % to +2.0 %).",
            "未见明显趋势（每年+0.5%，",
        ),
        ((1.05, 1.03, 1.07), "over the baseline, rising (+5.0 % a year, interval", "，呈上升趋势（每年+5.0%，"),
        ((0.95, 0.93, 0.97), "over the baseline, falling (−5.0 % a year, interval", "，呈下降趋势（每年−5.0%，"),
    ):
        trend = None if slope is None else Slope(scale="ratio", a_year=slope[0], low=slope[1], high=slope[2])
        for language, words in (("en", told), ("zh", zh)):
            page = ContextReport(opened, result, language)
            page._baselines[question.id] = replace(found, slope=trend)
            assert words in html.unescape(page.situation().text).replace("\u00a0", " ")
