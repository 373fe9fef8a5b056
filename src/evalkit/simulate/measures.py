"""The small files: the incidents' exposure, and records of the eight measures, for their process indicators."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from evalkit.simulate import bank
from evalkit.simulate.records import NEVER, Incidents
from evalkit.simulate.world import Columns, Rng, World, names_of

SYSTEMS, SCENARIOS = names_of(bank.SYSTEMS.split()), names_of(bank.SCENARIOS.split())


def tables(world: World) -> Iterator[tuple[str, Columns]]:
    """Yield each small source's id in the study file and its records. Each measure follows its actual timetable."""
    rng = world.rng("measures")
    tests = _tests(world, rng)
    yield "security-tests", tests
    _, branch, columns = _grid(world, len(world.branches))
    millions = {"transactions_millions": Incidents(world).cells.count.ravel()}
    yield "transactions", columns | world.place(branch) | millions
    yield "contacts", _contacts(world, rng)
    yield "availability", _availability(world, rng)
    yield "security-findings", _findings(world, rng, tests)
    yield "feedback-actions", _actions(world, rng)
    yield "training", _training(world, rng)
    yield "drills", _drills(world, rng)


def _grid(world: World, units: int, every: int = 1) -> tuple[NDArray[np.int64], NDArray[np.int64], Columns]:
    """Return the month and the unit of each row (months × units), by position, and the columns year and month."""
    chosen = np.arange(every - 1, len(world.months), every)
    month, unit = np.repeat(chosen, units), np.tile(np.arange(units), len(chosen))
    years = np.array([window.start.year for window in world.months])
    return month, unit, {"year": years[month], "month": world.numbers[month]}


def _contacts(world: World, rng: Rng) -> Columns:
    """Contacts handled by the intelligent service, and the hours a day it is open."""
    month, branch, columns = _grid(world, len(world.branches))
    done = world.measure("intelligent-service")[month]
    tilt = rng.normal(0.0, 0.15, len(world.branches))[branch]
    contacts = rng.poisson(60 + 9000 * world.shares[branch])
    hours = 10.0 + 14.0 * np.clip(done * 1.15, 0, 1) - np.where(done > 0, rng.exponential(0.12, len(month)), 0.0)
    alone = rng.binomial(contacts, expit(-2.3 + 1.9 * done + tilt))
    columns |= {"branch": world.branches[branch], "contacts": contacts}
    return columns | {"contacts_intelligent": alone, "intelligent_hours": np.round(np.minimum(hours, 24.0), 2)}


def _availability(world: World, rng: Rng) -> Columns:
    """Minutes each system was up, out of those scheduled."""
    month, system, columns = _grid(world, len(SYSTEMS))
    scheduled = world.days[month] * 1440
    down = 0.0042 * np.exp(-1.5 * world.measure("upgrade-systems")[month]) * rng.gamma(1.4, 1 / 1.4, len(month))
    up = np.round(scheduled * (1 - np.minimum(down, 0.2))).astype(np.int64)
    return columns | {"system": SYSTEMS[system], "scheduled_minutes": scheduled, "available_minutes": up}


def _tests(world: World, rng: Rng) -> Columns:
    """Security tests: one a quarter before, weekly once they are regular; fewer findings as systems improve."""
    months = np.arange(len(world.months))
    month = np.repeat(months, (months % 3 == 1) + rng.poisson(3.6 * world.measure("security-tests")))
    days, system = _days(world, rng, month), SYSTEMS[rng.integers(0, len(SYSTEMS), len(month))]
    findings = rng.poisson(6.5 * np.exp(-1.1 * world.measure("security-tests", 9)[month]))
    return world.numbered("security-tests", {"tested_on": days, "system": system, "findings": findings})


def _findings(world: World, rng: Rng, tests: Columns) -> Columns:
    """Each finding of the tests: when it was found and fixed."""
    found = np.repeat(tests["tested_on"], tests["findings"])
    month = np.searchsorted(world.starts, found, side="right") - 1
    days = rng.gamma(2.5, 1 / 2.5, len(found)) * (19.0 * np.exp(-0.75 * world.measure("security-tests")[month]))
    fixed = found + np.ceil(days).astype("timedelta64[D]")
    fixed[fixed >= world.end] = NEVER
    severity = names_of(bank.SEVERITIES)[np.searchsorted([0.55, 0.88], rng.random(len(found)))]
    system = np.repeat(tests["system"], tests["findings"])
    columns = {"found_on": found, "fixed_on": fixed, "system": system, "severity": severity}
    return world.numbered("security-findings", columns)


def _actions(world: World, rng: Rng) -> Columns:
    """Problems that the analysis of feedback found, and those that were acted on, by topic."""
    month, topic, columns = _grid(world, len(bank.MESSAGES))
    done = world.measure("feedback-analysis", 3)[month]
    problems = rng.poisson(1.2 + 2.4 * done)
    taken = rng.binomial(problems, 0.30 + 0.42 * done)
    return columns | {"topic": names_of(bank.MESSAGES)[topic], "problems_found": problems, "actions_taken": taken}


def _training(world: World, rng: Rng) -> Columns:
    """Risk training by branch and quarter: staff due, staff trained, the mean score of their test."""
    month, branch, columns = _grid(world, len(world.branches), every=3)
    done = world.measure("risk-training")[month]
    due = np.maximum(np.round(8 + 600 * world.shares), 4).astype(np.int64)[branch]
    tilt = rng.normal(0.0, 0.3, len(world.branches))[branch]
    trained = rng.binomial(due, expit(0.45 + 2.0 * done + tilt))
    score = 71.0 + 12.5 * done + 2.0 * tilt + rng.normal(0.0, 8.0, len(month)) / np.sqrt(np.maximum(trained, 1))
    columns |= {"branch": world.branches[branch], "staff_due": due, "staff_trained": trained}
    return columns | {"mean_score": np.round(np.clip(score, 0, 100), 1)}


def _drills(world: World, rng: Rng) -> Columns:
    """Contingency drills: where, which scenario, and the minutes until service was restored."""
    done = world.measure("contingency-plans")
    month = np.repeat(np.arange(len(done)), rng.poisson(2.5 + 5.5 * done))
    minutes = 92.0 * np.exp(-0.55 * done[month] + 0.40 * rng.standard_normal(len(month)) - 0.08)
    days, branch = _days(world, rng, month), world.branches[rng.integers(0, len(world.branches), len(month))]
    scenario = SCENARIOS[rng.integers(0, len(SCENARIOS), len(month))]
    columns = {"drilled_on": days, "branch": branch, "scenario": scenario}
    return world.numbered("drills", columns | {"minutes_to_recover": np.maximum(np.round(minutes), 5).astype(np.int64)})


def _days(world: World, rng: Rng, month: NDArray[np.int64]) -> NDArray[Any]:
    """Return a random day in each of the months given by position."""
    days: NDArray[Any] = world.starts[month] + rng.integers(0, world.days[month]).astype("timedelta64[D]")
    return days
