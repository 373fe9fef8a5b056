"""The truth beside the records: what each goal's metric really is, and whether its target is really met.

True values are expectations over records and months' shocks for this bank's own branches: what ever more
records of the same bank and calendar would tend to. They answer two questions: the goal's own, as the study
file asks it (weighted, standardised, like months compared), and the naive one (plain means, whole baseline).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from evalkit.periods import Period, Window, calendar_periods
from evalkit.simulate import feedback, incidents, process, surveys
from evalkit.simulate.cells import Cells, Floats
from evalkit.simulate.world import World


def truth(world: World) -> dict[str, Any]:
    """Return the truth of every goal, for the baseline, every reporting period, and everything to date."""
    study, bank = world.study, world.bank
    cells = {
        "satisfaction": surveys.cells(world),
        "handling_time": process.cells(world),
        "response_rate": feedback.cells(world),
        "incidents": incidents.cells(world),
    }
    spread = {
        "satisfaction": {"branch_sd": bank.score_branch_sd, "month_sd": bank.score_month_sd, "scale": "points"},
        "handling_time": {"branch_sd": bank.process_branch_sd, "month_sd": bank.process_month_sd, "scale": "log"},
        "response_rate": {"branch_sd": bank.answered_branch_sd, "month_sd": bank.answered_month_sd, "scale": "logit"},
        "incidents": {
            "branch_sd": bank.incident_branch_sd,
            "month_sd": bank.incident_month_sd,
            "scale": "log",
            "dispersion": bank.incident_dispersion,
        },
    }
    periods = calendar_periods(study["calendar"]["programme_start"], bank.last_day, study["calendar"]["frequency"])
    return {
        "schema": 1,
        "study": study["id"],
        "seed": world.seed,
        "records": round(world.scale * bank.records),
        "note": "Simulated: no bank, customer or employee exists. Changes are on the target's scale.",
        "branches": [
            {"branch": name, "region": world.region_names[region], "share": _short(share)}
            for name, region, share in zip(world.branch_names, world.branch_regions, world.branch_shares, strict=True)
        ],
        "goals": {
            goal["id"]: _goal(world, goal, cells[goal["id"]], spread[goal["id"]], periods) for goal in study["goals"]
        },
    }


def _goal(
    world: World, goal: dict[str, Any], cells: Cells, spread: dict[str, Any], periods: tuple[Period, ...]
) -> dict[str, Any]:
    baseline = Window(**world.study["calendar"]["baseline"])
    phase_in = Window(**goal["phase_in"]) if "phase_in" in goal else None
    since = (phase_in or baseline).end
    before = _months(world, (baseline,))
    scale, target = _target(goal)
    described: dict[str, Any] = {
        "scale": scale,
        "target_value": target,
        "better": goal["better"],
        "baseline": {"value": _short(cells.mean(before)), "crude_value": _short(cells.mean(before, weighted=False))},
        "spread": spread,
        "periods": {},
    }
    for period in periods:
        to_date = (Window(since, period.end).minus(Window(since, since))) if period.end > since else ()
        described["periods"][period.label] = {
            "period": _compared(world, goal, cells, before, period.window.minus(phase_in)),
            "to_date": _compared(world, goal, cells, before, to_date),
        }
    return described


def _compared(
    world: World, goal: dict[str, Any], cells: Cells, before: Floats, windows: tuple[Window, ...]
) -> dict[str, Any] | None:
    """Return true values, changes and whether the target is met in the windows; None where there are none."""
    after = _months(world, windows)
    if not after.any():
        return None
    reference = before
    if goal.get("compare_with") == "same-months":
        days = np.array([month.days for month in world.months], dtype=np.float64)
        reference = cells.like_months(before, after, world.month_numbers, days)
    if goal.get("standardise_by"):
        old, new = cells.standardised(reference, reference), cells.standardised(after, reference)
    else:
        old, new = cells.mean(reference), cells.mean(after)
    crude_old, crude_new = cells.mean(before, weighted=False), cells.mean(after, weighted=False)
    scale, target = _target(goal)
    change, crude = _change(scale, old, new), _change(scale, crude_old, crude_new)
    return {
        "baseline_value": _short(old),
        "value": _short(new),
        "change": _short(change),
        "met": _met(change, target, goal["better"]),
        "crude_value": _short(crude_new),
        "crude_change": _short(crude),
        "crude_met": _met(crude, target, goal["better"]),
    }


def _months(world: World, windows: tuple[Window, ...]) -> Floats:
    """Return which share of each month's days lies in the windows."""
    parts = [[month.intersect(window) for window in windows] for month in world.months]
    days = [sum(part.days for part in row if part) for row in parts]
    return np.array([count / month.days for count, month in zip(days, world.months, strict=True)], dtype=np.float64)


def _target(goal: dict[str, Any]) -> tuple[str, float]:
    target = goal["target"]
    if "relative_change" in target:
        return "ratio", round(1 + target["relative_change"], 12)
    return ("difference", target["difference"]) if "difference" in target else ("level", target["level"])


def _change(scale: str, before: float, after: float) -> float:
    return {"ratio": after / before, "difference": after - before, "level": after}[scale]


def _met(change: float, target: float, better: str) -> bool:
    return change > target if better == "higher" else change < target


def _short(value: float) -> float:
    """Return the value to eight digits, so that the file has the same bytes on every machine."""
    return float(f"{value:.8g}")
