"""Process records: when an item of business was started and finished, and how many steps it took."""

from __future__ import annotations

import numpy as np

from evalkit.simulate.bank import Mix
from evalkit.simulate.cells import Cells
from evalkit.simulate.tables import Columns, Fault, Layout, before, in_time_order, put, repeat, spread
from evalkit.simulate.world import Floats, World

FAULTS = (
    Fault(3, before("finished_at", "started_at", 45)),
    Fault(14, repeat),
    Fault(31, put("business_type", 6)),
    Fault(20, put("started_at", np.datetime64("NaT"))),
    Fault(36, before("finished_at", "started_at", 600)),
    Fault(38, repeat),
    Fault(9, put("business_type", 6)),
    Fault(42, before("finished_at", "started_at", 5)),
)


def layout(world: World) -> Layout:
    """Return the file's layout."""
    return Layout(
        name="process_records",
        columns=("record_id", "business_type", "branch", "region", "started_at", "finished_at", "steps"),
        labels={
            "branch": world.branch_names,
            "region": world.region_names,
            "business_type": (*(kind.name for kind in world.bank.types), "test"),
        },
        headers={},
    )


def volume(world: World) -> Floats:
    """Return the months' volume of business, relative."""
    days = np.array([month.days for month in world.months])
    growth = np.exp(world.bank.process_growth * world.ages)
    return days * growth * (1 + world.season(0.05)) * (1 + 0.10 * world.festival)


def cells(world: World) -> Cells:
    """Return expected items and mean minutes by month, branch and business type."""
    bank = world.bank
    mix = world.shares(Mix(name=kind.name, before=kind.share_before, after=kind.share_after) for kind in bank.types)
    count = volume(world)[:, None, None] * world.branch_shares[:, None] * mix[:, None, :]
    done = world.progress(bank.process_contributions)
    effect = np.array([kind.log_effect for kind in bank.types])
    effect_by_branch = bank.process_effect_branch_sd * world.draws["process_effect"]
    month = world.season(bank.process_season) + bank.process_festival * world.festival
    branch = bank.process_branch_sd * world.draws["process"]
    log = month[:, None] + branch + np.outer(done, effect_by_branch)
    minutes = np.array([kind.minutes for kind in bank.types])
    value = minutes * np.exp(log[:, :, None] + done[:, None, None] * effect)
    return Cells(count=count, weight=np.ones_like(count), value=value)


def month(world: World, index: int, size: int, first_id: int) -> Columns:
    """Return a month's items, numbered from `first_id`; items unfinished at the end of the data have no finish."""
    bank, rng = world.bank, world.rng("process", index)
    expected = cells(world)
    branch, kind = spread(rng, size, expected.count[index])
    shock = bank.process_month_sd * world.shocks["process"][index]
    sigma = np.array([kind.sigma for kind in bank.types])[kind]
    minutes = expected.value[index, branch, kind] * np.exp(sigma * rng.standard_normal(size) - sigma**2 / 2 + shock)
    served_at_night = 0.02 + 0.10 * world.measure("intelligent-service")[index]
    started = world.moments(index, size, rng, (8.5, 17.5), served_at_night)
    finished = started + np.maximum(np.round(60 * minutes), 1).astype("timedelta64[s]")
    finished[(finished >= world.end) | (rng.random(size) < bank.abandoned_share)] = np.datetime64("NaT")
    steps = bank.steps_before * np.exp(bank.steps_log_effect * world.measure("streamline-process")[index])
    columns: Columns = {
        "business_type": kind,
        "branch": branch,
        "region": world.branch_regions[branch],
        "started_at": started,
        "finished_at": finished,
        "steps": 1 + rng.poisson(steps - 1, size),
    }
    return {"record_id": first_id + np.arange(size), **in_time_order(columns, "started_at")}
