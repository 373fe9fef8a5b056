"""`results.csv`: every published result as one tidy table, a row per period, goal (or indicator) and window."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from evalkit.results import beside_all
from evalkit.spreadsheet import csv_text

NAME = "results.csv"
BOM = "\ufeff"  # else Excel takes Chinese for Latin
_OF_PERIOD = ("study", "period", "as_of", "issue")
_OF_GOAL = ("role", "id", "title", "kind", "better", "flags")
_OF_WINDOW = (
    *("window", "scale", "estimate", "ci_low", "ci_high", "confidence", "target_value", "null_value"),
    *(
        "verdict",
        "p_target",
        "p_target_adjusted",
        "verdict_alone",
        "p_change",
        "direction",
        "change_estimate",
        "change_low",
        "change_high",
    ),
    *("method", "df", "not_yet_due"),
    *(f"{arm}_{name}" for arm in ("before", "after") for name in ("start", "end", "value", "records", "clusters")),
)
COLUMNS = (*_OF_PERIOD, *_OF_GOAL, *_OF_WINDOW, "study_hash", "code_hash")


def as_csv(results: Iterable[tuple[int, Mapping[str, Any]]], titles: Mapping[str, str] | None = None) -> str:
    """Return the table of (issue number, `results.json`) pairs, in their order; what is absent is empty.

    `titles` of goals and indicators, by id, stand in place of those in the results.
    """
    rows = (row for issue, result in results for row in _rows(issue, result, titles or {}))
    return BOM + csv_text(COLUMNS, ([row.get(name) for name in COLUMNS] for row in rows))


def _rows(issue: int, result: Mapping[str, Any], titles: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    made_from = result.get("provenance") or {}
    whole = {"issue": issue, "study_hash": made_from.get("study"), "code_hash": made_from.get("code")}
    whole |= {name: result[name] for name in ("study", "period", "as_of")}
    for role in ("goal", "indicator"):
        for goal in result.get(f"{role}s", ()):
            own = {name: goal.get(name) for name in ("id", "title", "kind", "better")}
            own |= {"title": titles.get(goal["id"], goal.get("title"))}
            own["role"] = role
            own["flags"] = " ".join(flag["code"] for flag in goal.get("flags", ()))
            for window, evaluation in goal["evaluations"].items():
                if evaluation is not None:
                    yield whole | own | {"window": window} | _flat(evaluation) | _judged(goal, window)


def _judged(goal: Mapping[str, Any], window: str) -> dict[str, Any]:
    """Return the verdict that counts, the goal's beside all goals, and the window's own, which nobody should send on.

    The adjusted p-value is the period's.
    """
    alone = goal["evaluations"][window].get("verdict")
    if window == "period":
        told = {"verdict": goal.get("verdict"), "p_target_adjusted": goal.get("p_target_adjusted")}
    else:
        counts = beside_all(alone, (flag["code"] for flag in goal.get("flags", ())))
        told = {"verdict": counts, "p_target_adjusted": None}
    return {**told, "verdict_alone": alone}


def _flat(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """Return one window's evaluation without nesting."""
    flat = {name: value for name, value in evaluation.items() if not isinstance(value, dict | list)}
    flat["ci_low"], flat["ci_high"] = evaluation.get("ci") or (None, None)
    for arm in ("before", "after"):
        flat |= {f"{arm}_{name}": value for name, value in (evaluation.get(arm) or {}).items()}
    change = evaluation.get("change") or {}
    flat["change_estimate"] = change.get("estimate")
    flat["change_low"], flat["change_high"] = change.get("ci") or (None, None)
    return flat
