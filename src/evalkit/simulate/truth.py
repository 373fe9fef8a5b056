"""The truth beside the records: what each goal's metric really is, and whether its target is really met.

True values are expectations over records and months' shocks for this bank's own branches. They answer two questions:
the goal's own (weighted, standardised, like months compared), and the naive one (plain means, whole baseline).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from evalkit.periods import Window, calendar_periods
from evalkit.simulate import bank
from evalkit.simulate.records import SOURCES
from evalkit.simulate.world import Floats, World


def truth(world: World) -> dict[str, Any]:
    """Return the truth of every goal, for the baseline, every reporting period, and everything to date."""
    places = zip(world.branches.tolist(), world.regions.tolist(), world.shares, strict=True)
    return {
        "schema": 1,
        "study": world.study["id"],
        "seed": world.seed,
        "records": world.records,
        "note": "Simulated: no bank, customer or employee exists. Changes are on the target's scale.",
        "branches": [{"branch": code, "region": region, "share": _short(share)} for code, region, share in places],
        "goals": {goal["id"]: _goal(world, goal) for goal in world.study["goals"]},
    }


def _goal(world: World, goal: dict[str, Any]) -> dict[str, Any]:
    source, calendar = goal["source"], world.study["calendar"]
    cells = SOURCES[source](world).cells
    before = _months(world, Window(**calendar["baseline"]))
    phase_in = Window(**goal["phase_in"])
    relative = "relative_change" in goal["target"]
    target = round(1 + goal["target"]["relative_change"], 12) if relative else goal["target"]["level"]
    sign = 1 if goal["better"] == "higher" else -1

    def compared(window: Window) -> dict[str, Any] | None:
        """True values, changes and whether the target is met outside the phase-in; None wholly inside."""
        windows = window.minus(phase_in)
        if not windows:
            return None
        after, reference = _months(world, *windows), before
        if goal.get("compare_with") == "same-months":
            reference = cells.like_months(before, after, world.numbers, world.days)
        if goal.get("standardise_by"):
            old, new = cells.standardised(reference, reference), cells.standardised(after, reference)
        else:
            old, new = cells.mean(reference), cells.mean(after)
        crude_old, crude_new = cells.mean(before, weighted=False), cells.mean(after, weighted=False)
        change, crude = (new / old, crude_new / crude_old) if relative else (new, crude_new)
        return {
            "baseline_value": _short(old),
            "value": _short(new),
            "change": _short(change),
            "met": sign * change > sign * target,
            "crude_value": _short(crude_new),
            "crude_change": _short(crude),
            "crude_met": sign * crude > sign * target,
        }

    spread = {"branch_sd": bank.BRANCH_SD[source], "month_sd": bank.MONTH_SD[source], "scale": bank.SCALE[source]}
    return {
        "scale": "ratio" if relative else "level",
        "target_value": target,
        "better": goal["better"],
        "baseline": {"value": _short(cells.mean(before)), "crude_value": _short(cells.mean(before, weighted=False))},
        "spread": spread | ({"dispersion": bank.INCIDENT_DISPERSION} if source == "incidents" else {}),
        "periods": {
            period.label: {"period": compared(period.window), "to_date": compared(Window(phase_in.start, period.end))}
            for period in calendar_periods(calendar["programme_start"], bank.LAST_DAY, calendar["frequency"])
        },
    }


def _months(world: World, *windows: Window) -> Floats:
    """Return which share of each month's days lies in the windows."""
    parts = [[month.intersect(window) for window in windows] for month in world.months]
    return np.divide([sum(part.days for part in row if part) for row in parts], world.days)


def _short(value: float) -> float:
    """Return the value to eight digits, so that the file has the same bytes on every machine."""
    return float(f"{value:.8g}")
