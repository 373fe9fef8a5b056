"""Records of the eight measures themselves, the origin of their process indicators: small at any size of bank."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evalkit.simulate.tables import Columns, Layout, in_time_order
from evalkit.simulate.world import World

SYSTEMS = (
    "core-banking",
    "mobile-bank",
    "web-bank",
    "payments",
    "card-switch",
    "call-centre",
    "atm-network",
    "data-warehouse",
)
SEVERITIES = ("low", "medium", "high")
SCENARIOS = ("power-failure", "network-failure", "ransomware", "branch-evacuation", "data-centre-failover")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A small file: its layout and all its records."""

    layout: Layout
    columns: Columns


def tables(world: World) -> tuple[Table, ...]:
    """Return the measures' tables."""
    rng = world.rng("measures")
    tests = _tests(world, rng)
    return (
        _contacts(world, rng),
        _availability(world, rng),
        tests,
        _findings(world, rng, tests.columns),
        _actions(world, rng),
        _training(world, rng),
        _drills(world, rng),
    )


def _table(name: str, columns: Columns, labels: dict[str, tuple[str, ...]]) -> Table:
    return Table(layout=Layout(name=name, columns=tuple(columns), labels=labels, headers={}), columns=columns)


def _monthly(world: World, units: int, every: int = 1) -> tuple[NDArray[np.int64], Columns]:
    """Return the month index of each row (months × units), and the rows' year and month."""
    chosen = np.arange(every - 1, len(world.months), every)
    index = np.repeat(chosen, units)
    years = np.array([month.start.year for month in world.months])
    return index, {"year": years[index], "month": world.month_numbers[index]}


def _contacts(world: World, rng: np.random.Generator) -> Table:
    """Contacts handled by the intelligent service, and the hours a day it is open."""
    count = world.bank.branches
    index, columns = _monthly(world, count)
    branch = np.tile(np.arange(count), len(world.months))
    done = world.measure("intelligent-service")
    tilt = rng.normal(0.0, 0.15, count)[branch]
    share = 1 / (1 + np.exp(-(-2.3 + 1.9 * done[index] + tilt)))
    contacts = rng.poisson(60 + 9000 * world.branch_shares[branch])
    hours = (
        10.0
        + 14.0 * np.clip(done[index] * 1.15, 0, 1)
        - np.where(done[index] > 0, rng.exponential(0.12, len(index)), 0.0)
    )
    columns |= {
        "branch": branch,
        "contacts": contacts,
        "contacts_intelligent": rng.binomial(contacts, share),
        "intelligent_hours": np.round(np.minimum(hours, 24.0), 2),
    }
    return _table("service_contacts", columns, {"branch": world.branch_names})


def _availability(world: World, rng: np.random.Generator) -> Table:
    """Minutes each system was up, out of those scheduled."""
    index, columns = _monthly(world, len(SYSTEMS))
    days = np.array([month.days for month in world.months])
    scheduled = days[index] * 1440
    down = 0.0042 * np.exp(-1.5 * world.measure("upgrade-systems")[index]) * rng.gamma(1.4, 1 / 1.4, len(index))
    columns |= {
        "system": np.tile(np.arange(len(SYSTEMS)), len(world.months)),
        "scheduled_minutes": scheduled,
        "available_minutes": np.round(scheduled * (1 - np.minimum(down, 0.2))).astype(np.int64),
    }
    return _table("system_availability", columns, {"system": SYSTEMS})


def _tests(world: World, rng: np.random.Generator) -> Table:
    """Security tests: one a quarter before, weekly once they are regular; fewer findings as systems improve."""
    done = world.measure("security-tests")
    number = np.array([(index % 3 == 1) + rng.poisson(3.6 * done[index]) for index in range(len(world.months))])
    size = int(number.sum())
    month = np.repeat(np.arange(len(world.months)), number)
    columns: Columns = {
        "tested_on": _days(world, rng, month),
        "system": rng.integers(0, len(SYSTEMS), size),
        "findings": rng.poisson(6.5 * np.exp(-1.1 * world.measure("security-tests", 9)[month])),
    }
    columns = {"test_id": 1 + np.arange(size), **in_time_order(columns, "tested_on")}
    return _table("security_tests", columns, {"system": SYSTEMS})


def _findings(world: World, rng: np.random.Generator, tests: Columns) -> Table:
    """Each finding of the tests: when it was found and fixed."""
    test = np.repeat(np.arange(len(tests["test_id"])), tests["findings"].astype(np.int64))
    found = tests["tested_on"][test].astype("datetime64[D]")
    starts = np.array([month.start for month in world.months], dtype="datetime64[D]")
    month = np.searchsorted(starts, found, side="right") - 1
    days = rng.gamma(2.5, 1 / 2.5, len(test)) * (19.0 * np.exp(-0.75 * world.measure("security-tests")[month]))
    fixed = found + np.ceil(days).astype("timedelta64[D]")
    fixed[fixed >= world.end.astype("datetime64[D]")] = np.datetime64("NaT")
    severity = np.searchsorted([0.55, 0.88], rng.random(len(test)))
    columns: Columns = {
        "finding_id": 1 + np.arange(len(test)),
        "found_on": found,
        "fixed_on": fixed,
        "system": tests["system"][test],
        "severity": severity,
    }
    return _table("security_findings", columns, {"system": SYSTEMS, "severity": SEVERITIES})


def _actions(world: World, rng: np.random.Generator) -> Table:
    """Problems that the analysis of feedback found, and those that were acted on, by topic."""
    topics = tuple(topic.name for topic in world.bank.topics)
    index, columns = _monthly(world, len(topics))
    done = world.measure("feedback-analysis", 3)[index]
    problems = rng.poisson(1.2 + 2.4 * done)
    columns |= {
        "topic": np.tile(np.arange(len(topics)), len(world.months)),
        "problems_found": problems,
        "actions_taken": rng.binomial(problems, 0.30 + 0.42 * done),
    }
    return _table("feedback_actions", columns, {"topic": topics})


def _training(world: World, rng: np.random.Generator) -> Table:
    """Risk training by branch and quarter: staff due, staff trained, the mean score of their test."""
    count = world.bank.branches
    index, columns = _monthly(world, count, every=3)
    branch = np.tile(np.arange(count), len(index) // count)
    done = world.measure("risk-training")[index]
    due = np.maximum(np.round(8 + 600 * world.branch_shares), 4).astype(np.int64)[branch]
    tilt = rng.normal(0.0, 0.3, count)[branch]
    trained = rng.binomial(due, 1 / (1 + np.exp(-(0.45 + 2.0 * done + tilt))))
    score = 71.0 + 12.5 * done + 2.0 * tilt + rng.normal(0.0, 8.0, len(index)) / np.sqrt(np.maximum(trained, 1))
    columns |= {
        "branch": branch,
        "staff_due": due,
        "staff_trained": trained,
        "mean_score": np.round(np.clip(score, 0, 100), 1),
    }
    return _table("risk_training", columns, {"branch": world.branch_names})


def _drills(world: World, rng: np.random.Generator) -> Table:
    """Contingency drills: where, which scenario, and the minutes until service was restored."""
    done = world.measure("contingency-plans")
    number = rng.poisson(2.5 + 5.5 * done)
    month = np.repeat(np.arange(len(world.months)), number)
    size = len(month)
    minutes = 92.0 * np.exp(-0.55 * done[month] + 0.40 * rng.standard_normal(size) - 0.08)
    columns: Columns = {
        "drilled_on": _days(world, rng, month),
        "branch": rng.integers(0, world.bank.branches, size),
        "scenario": rng.integers(0, len(SCENARIOS), size),
        "minutes_to_recover": np.maximum(np.round(minutes), 5).astype(np.int64),
    }
    columns = {"drill_id": 1 + np.arange(size), **in_time_order(columns, "drilled_on")}
    return _table("contingency_drills", columns, {"branch": world.branch_names, "scenario": SCENARIOS})


def _days(world: World, rng: np.random.Generator, month: NDArray[np.intp]) -> NDArray[np.datetime64]:
    """Return a random day in each of the months given by position."""
    starts = np.array([window.start for window in world.months], dtype="datetime64[D]")
    lengths = np.array([window.days for window in world.months])
    days: NDArray[np.datetime64] = starts[month] + rng.integers(0, lengths[month]).astype("timedelta64[D]")
    return days
