"""The sensitivity line with the largest values drawn in to the baseline's 99th percentile."""

import numpy as np
import pytest
from built_study import Study, records

import evalkit as ek
from evalkit.evaluation import winsorised as module

MEAN = "    metric: {kind: mean, value: value}\n    better: lower\n    target: {relative_change: -0.20}\n"
PLAIN = "inference: {common_shocks: none}"


def skewed() -> list[dict]:
    """Return records of which some lack a value and one in two hundred is twenty times too large."""
    rows = records(effect=0.75)
    draw = np.random.default_rng(8).uniform(size=len(rows))
    return [
        row | {"value": None if u < 0.02 else round(min(99.9, row["value"] * (20 if u > 0.995 else 1)), 4)}
        for row, u in zip(rows, draw, strict=True)
    ]


def test_it_is_the_same_comparison_of_capped_values(study: Study) -> None:
    rows = skewed()
    result = study(rows, MEAN + "    cluster: branch\n", extra=PLAIN).evaluate("g", period="2025-Q3")
    [line] = [line for line in result.sensitivity if line.name == "winsorised"]
    counted = [row for row in rows if row["value"] is not None]
    before = [row for row in counted if row["day"] <= "2024-12-31"]
    after = [row for row in counted if "2025-07-01" <= row["day"] <= "2025-09-30"]
    cap = float(np.quantile([row["value"] for row in before], 0.99))
    wanted = ek.ratio_of_means(
        *(np.minimum([row["value"] for row in side], cap) for side in (before, after)),
        target=0.80,
        better="lower",
        clusters=tuple([row["branch"] for row in side] for side in (before, after)),
    )
    assert line.estimate == pytest.approx(wanted.estimate, rel=1e-9)
    assert (line.low, line.high) == pytest.approx(wanted.confidence_interval, rel=1e-9)
    assert line.verdict == wanted.verdict
    assert f"{cap:.4g}" in line.note
    assert result.period.effect is not None
    assert line.high - line.low < result.period.effect.high - result.period.effect.low


def test_it_is_left_out_where_nothing_is_skewed_or_there_is_too_much(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    even = [row | {"value": 10 + i % 7} for i, row in enumerate(records(effect=0.75))]
    share = "    metric: {kind: proportion, success: {column: value, at_most: 15}}\n    better: higher\n"
    cases = [(even, MEAN), (skewed(), share + "    target: {level: 0.9}\n")]
    cases += [(skewed(), MEAN + "    estimator: {kind: interrupted-time-series, family: gaussian}\n")]
    for rows, goal in cases:
        lines = study(rows, goal, extra=PLAIN).evaluate("g", period="2025-Q3").sensitivity
        assert lines
        assert "winsorised" not in [line.name for line in lines]
    monkeypatch.setattr(module, "MOST_RECORDS", 100)
    lines = study(skewed(), MEAN, extra=PLAIN).evaluate("g", period="2025-Q3").sensitivity
    assert "winsorised" not in [line.name for line in lines]
