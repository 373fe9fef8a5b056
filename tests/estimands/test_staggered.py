"""A staggered roll-out against hand calculation, planted truth, and its own invariances."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from calibration import staggered as calibration

import evalkit as ek
from evalkit.errors import NotEvaluableError, ParameterError
from evalkit.estimands.staggered import NEVER, rollout_effect


def planted(effect: float = 0.8, *, noise: float = 0.0, units: int = 8) -> dict[str, Any]:
    """Return 24 months of units reached in months 13, 15 and never; the market moves every month by its own factor."""
    rng = np.random.default_rng(5)
    market, months, number = np.exp(rng.normal(0, 0.3, 24)), np.arange(1, 25), np.arange(units)
    month = np.array([13, 15, 99])[number % 3]
    exposure = rng.uniform(20, 90, (units, 1)) * rng.uniform(0.8, 1.2, 24)
    value = (1 + number[:, None]) * market * np.where(months >= month[:, None], effect, 1.0)
    return {
        "values": (exposure * value * np.exp(noise * rng.normal(size=value.shape))).ravel(),
        "units": [f"u{i}" for i in number for _ in months],
        "times": np.tile(months, units),
        "reached": {f"u{i}": int(m) for i, m in enumerate(month) if m < 99},
        "exposure": exposure.ravel(),
    }


def test_two_groups_and_two_periods_are_the_plain_difference_in_differences() -> None:
    # (30 + 50) -> (27 + 36) reached, (40 + 20) -> (44 + 25) waiting; equal exposure, so the pooled ratios say it all
    values = [30, 27, 50, 36, 40, 44, 20, 25]
    found = ek.staggered_rollout(values, list("aabbccdd"), [1, 2] * 4, {"a": 2, "b": 2})
    by_hand = (63 / 80) / (69 / 60)
    assert found.estimate == pytest.approx(by_hand, rel=1e-12)
    logs = [
        np.log((36 / 50) / (69 / 60)),
        np.log((27 / 30) / (69 / 60)),
        np.log((63 / 80) / (25 / 20)),
        np.log((63 / 80) / (44 / 40)),
    ]
    error = np.sqrt(3 / 4 * ((np.array(logs) - np.log(by_hand)) ** 2).sum())
    assert found.details["standard_error"] == pytest.approx(error, rel=1e-12)
    parts = [((np.array(logs[side]) - np.log(by_hand)) ** 2).sum() for side in (slice(0, 2), slice(2, 4))]
    assert found.df == pytest.approx(sum(parts) ** 2 / (parts[0] ** 2 + parts[1] ** 2), rel=1e-9)
    assert (found.before, found.after) == (pytest.approx(63 / 2 / by_hand), pytest.approx(63 / 2))


def test_cohorts_of_different_months_agree_with_slow_sums() -> None:
    """Every reached unit's month against its own past times the growth of those waiting in that month."""
    given = planted(0.7, noise=0.2)
    seen = {
        (u, t): (v, w)
        for v, u, t, w in zip(given["values"], given["units"], given["times"], given["exposure"], strict=True)
    }
    names, reached = sorted(set(given["units"])), given["reached"]

    def slow(names: list[str]) -> float:
        observed = expected = 0.0
        for unit in names:
            for t in range(reached.get(unit, 25), 25):
                before = range(1, reached[unit])
                past = {u: np.sum([seen[u, s] for s in before], axis=0) for u in names}
                waiting = [u for u in names if reached.get(u, 99) > t]
                growth = sum(seen[u, t][0] for u in waiting) / sum(
                    seen[u, t][1] * past[u][0] / past[u][1] for u in waiting
                )
                observed += seen[unit, t][0]
                expected += seen[unit, t][1] * past[unit][0] / past[unit][1] * growth
        return float(np.log(observed / expected))

    found = ek.staggered_rollout(**given)
    assert np.log(found.estimate) == pytest.approx(slow(names), rel=1e-12)
    squares = sum((slow([n for n in names if n != gone]) - slow(names)) ** 2 for gone in names)
    assert found.details["standard_error"] == pytest.approx(np.sqrt(7 / 8 * squares), rel=1e-9)
    assert (found.units_reached, found.units_waiting) == (6, 5)  # those reached late waited for the early ones


def test_the_market_cancels_exactly_where_nothing_else_moves() -> None:
    given = planted(0.8)
    found = ek.staggered_rollout(**given)
    assert found.estimate == pytest.approx(0.8, rel=1e-12)
    assert all(row.estimate == pytest.approx(0.8 if row.month >= 0 else 1.0, rel=1e-9) for row in found.event_study)
    assert [row.month for row in found.event_study] == list(range(-6, 12))


def test_units_of_measurement_and_order_do_not_matter() -> None:
    given = planted(0.9, noise=0.2)
    found = ek.staggered_rollout(**given)
    scaled = ek.staggered_rollout(**given | {"values": 60 * given["values"], "exposure": given["exposure"] / 7})
    order = np.random.default_rng(1).permutation(len(given["units"]))
    mixed = {name: np.asarray(given[name])[order] for name in ("values", "units", "times", "exposure")}
    shuffled = ek.staggered_rollout(**given | mixed)
    for other in (scaled, shuffled):
        assert other.confidence_interval == pytest.approx(found.confidence_interval, rel=1e-9)
        assert other.pre_trend_p == pytest.approx(found.pre_trend_p)


def test_dates_are_months_and_a_month_of_reach_counts_for_neither() -> None:
    given = planted(0.8, noise=0.1)
    days = np.array("2023-12", dtype="datetime64[M]") + np.array(given["times"])
    plain = ek.staggered_rollout(**given)
    dated = {
        u: (np.datetime64("2023-12", "M") + np.timedelta64(m, "M")).astype("datetime64[D]")
        for u, m in given["reached"].items()
    }
    same = ek.staggered_rollout(**given | {"times": days + np.timedelta64(0, "M"), "reached": dated})
    assert same.confidence_interval == pytest.approx(plain.confidence_interval, rel=1e-12)
    later = {u: day + np.timedelta64(9, "D") for u, day in dated.items()}
    spoilt = given["values"].copy()
    for place, (u, t) in enumerate(zip(given["units"], given["times"], strict=True)):
        spoilt[place] *= 1000 if given["reached"].get(u) == t else 1
    found = ek.staggered_rollout(**given | {"values": spoilt, "times": days, "reached": later})
    assert found.estimate == pytest.approx(0.8, abs=0.1)
    assert 0 not in found.to_frame()["month"].tolist()


def test_strata_hold_the_mix() -> None:
    """Quick business takes over in the units reached; within either kind nothing changes."""
    months, rng = np.arange(24), np.random.default_rng(2)
    exposure = rng.uniform(50, 90, (8, 1, 2)) * rng.uniform(0.8, 1.2, (24, 1))
    exposure[:4, 12:, 0] *= 5
    value = np.array([1.0, 3.0]) * np.exp(rng.normal(0, 0.2, 24))[:, None]
    totals = np.stack([exposure * value, exposure], axis=2)
    reached = np.where(np.arange(8) < 4, 12, NEVER)
    rest: dict[str, Any] = {
        "baseline": months < 12,
        "evaluated": months >= 12,
        "target": None,
        "better": None,
        "confidence": 0.95,
    }
    assert rollout_effect(totals, months, reached, reached, **rest).estimate == pytest.approx(1.0, rel=1e-12)
    mixed = totals.sum(axis=3, keepdims=True)
    assert rollout_effect(mixed, months, reached, reached, **rest).estimate < 0.8


def test_baseline_and_window_choose_the_months() -> None:
    given = planted(0.8, noise=0.1)
    spoilt = given["values"].copy()
    kept = np.isin(given["times"], [*range(3, 11), *range(20, 23)])
    spoilt[~kept] *= np.random.default_rng(1).uniform(0.1, 9, (~kept).sum())
    chosen = {"baseline": (3, 10), "window": (20, 22)}
    clean, other = (ek.staggered_rollout(**given | {"values": v} | chosen) for v in (given["values"], spoilt))
    assert other.confidence_interval == pytest.approx(clean.confidence_interval, rel=1e-12)


def test_a_drift_before_reach_is_told() -> None:
    given = planted(1.0, noise=0.02, units=12)
    drifting = np.array(
        [
            v * np.exp(-0.1 * max(0, t - given["reached"][u] + 6)) if u in given["reached"] else v
            for v, u, t in zip(given["values"], given["units"], given["times"], strict=True)
        ]
    )
    assert (ek.staggered_rollout(**given).pre_trend_p or 0) > 0.05
    assert (ek.staggered_rollout(**given | {"values": drifting}).pre_trend_p or 1) < 0.01


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"reached": {f"u{i}": 13 for i in range(8)}}, "no_waiting_units"),
        ({"reached": {f"u{i}": 13 for i in range(7)}}, "too_few_units"),
        ({"reached": {"u0": 13}}, "too_few_units"),
        ({"reached": {}}, "too_few_units"),
        ({"reached": {"u0": 1, "u1": 1}}, "too_few_units"),  # no past of their own
        ({"values": np.zeros(192)}, "too_few_units"),
    ],
)
def test_what_cannot_be_answered_says_why(change: dict[str, Any], code: str) -> None:
    with pytest.raises(NotEvaluableError) as raised:
        ek.staggered_rollout(**planted() | change)
    assert raised.value.code == code


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"reached": {"u99": 13}}, "names the unit 'u99'"),
        ({"reached": {"u0": "2025-01-01"}}, "expected a whole number"),
        ({"values": [1.0]}, "one finite number for each time"),
        ({"values": ["x"] * 192}, "expected numbers"),
        ({"exposure": np.full(192, -1.0)}, "exposure holds -1"),
        ({"units": ["u0"]}, "units has the shape"),
        ({"window": (9, 2)}, "swap the times"),
    ],
)
def test_mistakes_are_named(change: dict[str, Any], told: str) -> None:
    with pytest.raises(ParameterError, match=told):
        ek.staggered_rollout(**planted() | change)


def test_results_show_themselves() -> None:
    found = ek.staggered_rollout(**planted(0.6, noise=0.1), target=0.95, better="lower")
    shape = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert list(shape) == [
        "estimate",
        "ci",
        "p_change",
        "p_target",
        "units_reached",
        "units_waiting",
        "pre_trend_p",
        "event_study",
        "method",
        "df",
    ]
    assert list(found.to_frame().columns) == ["month", "estimate", "low", "high"]
    assert "those still waiting" in found.summary()
    assert "those still waiting" in found.null_hypothesis
    assert found.verdict == "achieved"
    words = [text.get_text() for legend in found.plot().legends for text in legend.get_texts()]
    assert words == ["no effect", "effect in the window", "before reach", "since reach"]


@pytest.mark.seconds
def test_truth_is_covered_where_before_and_after_is_fooled() -> None:
    """Seeded small version of tests/calibration/staggered.py: bounds are three standard errors off the nominal rates."""
    draws = 250
    for branches, share in ((12, 0.75), (24, 0.5)):
        found = calibration.simulate(branches, share, draws, seed=20)
        assert found["covered"] / draws > 0.95 - 3 * np.sqrt(0.05 * 0.95 / draws)
        assert found["claims"] / draws < 0.025 + 3 * np.sqrt(0.025 * 0.975 / draws)
        assert found["warned"] / draws < 0.05 + 3 * np.sqrt(0.05 * 0.95 / draws)
        assert abs(found["bias"]) < 0.02
        assert found["fooled"] / draws > 0.5


@pytest.mark.seconds
def test_rare_events_are_compared_or_refused_and_claim_nothing_falsely() -> None:
    """Months without an event are common at 0.3 a branch and month, and a warning would be an error here."""
    rng, months = np.random.default_rng(4), np.arange(30)
    covered, claimed, refused = [], [], 0
    for _ in range(120):
        first = np.where(np.arange(12) < 8, rng.integers(15, 27, 12), 99)
        events = rng.poisson(0.3 * np.where(months >= first[:, None], 0.6, 1.0), (12, 30))
        reached = {unit: int(month) for unit, month in enumerate(first) if month < 99}
        try:
            found = ek.staggered_rollout(
                events.ravel(), np.repeat(np.arange(12), 30), np.tile(months, 12), reached,
                window=(26, 29), target=0.6, better="lower",
            )  # fmt: skip
        except NotEvaluableError:
            refused += 1
            continue
        covered.append(found.low <= 0.6 <= found.high)
        claimed.append(found.verdict == "achieved")
    assert refused < 20
    assert np.mean(covered) > 0.95 - 3 * np.sqrt(0.05 * 0.95 / len(covered))
    assert np.mean(claimed) < 0.025 + 3 * np.sqrt(0.025 * 0.975 / len(claimed))


def test_two_by_two_table_of_a_published_study() -> None:
    # Card and Krueger (1994), American Economic Review 84, p. 772-793, table 3, row 1 and 2: full-time equivalent
    # employment per restaurant, New Jersey 20.44 before and 21.03 after its minimum wage, Pennsylvania 23.33 and 21.17
    apart = {"nj": (1.5, 0.75), "pa": (2.0, 1.0)}  # the table has the states' means only; restaurants lie about them
    means = {"nj": (20.44, 21.03), "pa": (23.33, 21.17)}
    rows = [
        (f"{state}{sign}", month, means[state][month - 1] + sign * apart[state][month - 1])
        for state in means
        for sign in (-1, 1)
        for month in (1, 2)
    ]
    units, months, values = zip(*rows, strict=True)
    effect = ek.staggered_rollout(values, units, months, {"nj-1": 2, "nj1": 2})
    assert effect.estimate == pytest.approx(21.03 / 20.44 / (21.17 / 23.33), rel=1e-12)
    assert (effect.before, effect.after) == (pytest.approx(20.44 * 21.17 / 23.33), pytest.approx(21.03))


def test_one_large_unit_among_those_waiting_leaves_a_readable_interval() -> None:
    """With 0.59 degrees of freedom the interval went from 6e-5 to 6291; with 1 it still covers 98 % (measured)."""
    rng, months = np.random.default_rng(3), np.arange(36)
    size = np.array([1, 1, 1, 1, 1, 1, 1, 10])
    first = np.array([24, 25, 27, 28, 32, 99, 99, 99])
    events = rng.poisson(27 * size[:, None] * np.where(months >= first[:, None], 0.7, 1.0))
    found = ek.staggered_rollout(
        events.ravel(), np.repeat(np.arange(8), 36), np.tile(months, 8),
        {unit: int(month) for unit, month in enumerate(first) if month < 99},
        exposure=np.repeat(55.0 * size, 36), baseline=(0, 23), window=(33, 35),
    )  # fmt: skip
    assert found.df is not None
    assert found.df >= 1
    assert 0.05 < found.low < 0.7 < found.high < 20
