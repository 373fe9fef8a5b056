"""What holds of every results.json, whatever the study and the records: one checker for all tests."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date
from typing import Any

VERDICTS = ("achieved", "not_achieved", "inconclusive", "not_evaluable")
DIRECTIONS = ("improved", "no_clear_change", "worsened", None)
NULL = {"ratio": 1.0, "difference": 0.0, "level": None}


def check_results(results: Any) -> None:
    """Assert all that the contract says of results.json."""
    told = list(broken(results))
    assert not told, "\n".join(told)


def broken(results: Any) -> Iterator[str]:
    """Yield a sentence for each thing that cannot be."""
    yield from _not_finite(results, "results")
    if results["schema"] != 1:
        yield "the schema is not 1"
    date.fromisoformat(results["as_of"])
    for kind in ("goals", "indicators"):
        for one in results[kind]:
            yield from (f"{kind} {one['id']}: {told}" for told in _question(one, kind == "goals"))


def _not_finite(value: Any, where: str) -> Iterator[str]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inside:
        yield from _not_finite(one, f"{where}.{key}")
    if isinstance(value, float) and not math.isfinite(value):
        yield f"{where} is {value}"


def _question(one: Any, is_goal: bool) -> Iterator[str]:
    period, to_date = one["evaluations"]["period"], one["evaluations"]["to_date"]
    for name, found in (("period", period), ("to_date", to_date)):
        if found is not None:
            yield from (f"{name}: {told}" for told in _evaluation(found, one["better"], is_goal))
    for flag in one["flags"]:
        if flag["severity"] not in ("info", "caution", "serious") or not flag["message"].strip():
            yield f"the flag {flag} is not one"
    for line in one["sensitivity"]:
        low, high = line["ci"]
        if None not in (low, high) and low > high:
            yield f"the interval of {line['name']} is not in order"
    if not is_goal:
        if {"target", "verdict", "p_target_adjusted"} & set(one):
            yield "an indicator has a target or a verdict"
        return
    adjusted, verdict = one["p_target_adjusted"], one["verdict"]
    if verdict not in VERDICTS:
        yield f"the verdict is {verdict}"
    if adjusted is not None and not period["p_target"] - 1e-12 <= adjusted <= 1:
        yield f"the adjusted p {adjusted} is not between the p {period['p_target']} and 1"
    weakened = verdict == "inconclusive" and period["verdict"] == "achieved"
    if verdict != period["verdict"] and not weakened:
        yield f"the verdict {verdict} is not the period's {period['verdict']}"
    if weakened and "multiplicity" not in [flag["code"] for flag in one["flags"]]:
        yield "the verdict was weakened without the flag `multiplicity`"
    if verdict == "not_evaluable" and not any(flag["severity"] == "serious" for flag in one["flags"]):
        yield "not evaluable, and no flag says why"


def _evaluation(found: Any, better: str, is_goal: bool) -> Iterator[str]:
    low, high = found["ci"]
    estimate, target, verdict = found["estimate"], found["target_value"], found["verdict"]
    for name in ("p_target", "p_change"):
        if found[name] is not None and not 0 <= found[name] <= 1:
            yield f"{name} is {found[name]}"
    if found["direction"] not in DIRECTIONS:
        yield f"the direction is {found['direction']}"
    if found["null_value"] != NULL[found["scale"]]:
        yield f"the value of no change is {found['null_value']} on the scale {found['scale']}"
    for side in ("before", "after"):
        arm = found[side]
        if arm is not None and (arm["records"] < 0 or arm["start"] > arm["end"] or (arm["clusters"] or 0) < 0):
            yield f"the arm {side} is {arm}"
    if verdict == "not_evaluable" or (not is_goal and estimate is None):
        if any(value is not None for value in (estimate, low, high, found["p_target"])):
            yield "not evaluable, and yet there are numbers"
        return
    if estimate is None:
        yield "evaluated without an estimate"
        return
    slack = 1e-9 * max(1.0, abs(estimate))
    if (low is not None and low > estimate + slack) or (high is not None and high < estimate - slack):
        yield f"the estimate {estimate} lies outside its interval {low} to {high}"
    if is_goal:
        yield from _verdict(found, better, -math.inf if low is None else low, math.inf if high is None else high)
    elif target is not None or verdict is not None:
        yield "an indicator's evaluation has a target or a verdict"


def _verdict(found: Any, better: str, low: float, high: float) -> Iterator[str]:
    target, p = found["target_value"], found["p_target"]
    good, bad = (low > target, high < target) if better == "higher" else (high < target, low > target)
    edge = min(abs(low - target), abs(high - target)) <= 1e-9 * max(1.0, abs(target))
    expected = "achieved" if good else "not_achieved" if bad else "inconclusive"
    if found["verdict"] != expected and not edge:
        yield f"the verdict is {found['verdict']} with {low} to {high} against {target}, {better} is better"
    alpha = (1 - found["confidence"]) / 2
    if p is not None and not edge and (p < alpha) != (found["verdict"] == "achieved") and abs(p - alpha) > 1e-6:
        yield f"p {p} and the verdict {found['verdict']} contradict each other at {alpha}"
