"""Security incidents, overdispersed, and their exposure: transactions in millions by branch and month."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evalkit.simulate.cells import Cells
from evalkit.simulate.tables import Columns, Layout, in_time_order, pick
from evalkit.simulate.world import Floats, World


def layout(world: World) -> Layout:
    """Return the layout of the incidents' file."""
    return Layout(
        name="security_incidents",
        columns=("incident_id", "occurred_at", "branch", "region", "kind", "severity"),
        labels={
            "branch": world.branch_names,
            "region": world.region_names,
            "kind": tuple(name for name, _ in world.bank.incident_kinds),
            "severity": ("low", "medium", "high"),
        },
        headers={},
    )


def exposure_layout(world: World) -> Layout:
    """Return the layout of the exposure's file."""
    return Layout(
        name="transactions",
        columns=("year", "month", "branch", "region", "transactions_millions"),
        labels={"branch": world.branch_names, "region": world.region_names},
        headers={},
    )


def exposure(world: World) -> Floats:
    """Return millions of transactions by month and branch, as the file has them."""
    bank = world.bank
    days = np.array([month.days for month in world.months]) / 30.44
    growth = np.exp(bank.transactions_growth * world.ages)
    month = bank.transactions * world.scale * days * growth * (1 + world.season(bank.transactions_season))
    noise = world.rng("exposure").normal(0.0, 0.03, (len(month), bank.branches))
    return np.maximum(np.round(np.outer(month, world.branch_shares) * np.exp(noise), 6), 1e-6)


def cells(world: World) -> Cells:
    """Return exposure as the weight and the incident rate as the value, by month and branch (one stratum)."""
    bank = world.bank
    branch = np.exp(bank.incident_branch_sd * world.draws["incident"] - bank.incident_branch_sd**2 / 2)
    month = bank.incident_rate * np.exp(
        world.season(bank.incident_season) + bank.incident_log_effect * world.progress(bank.incident_contributions)
    )
    count = exposure(world)[:, :, None]
    return Cells(count=count, weight=np.ones_like(count), value=np.outer(month, branch)[:, :, None])


def month(world: World, index: int, expected: Cells, first_id: int) -> Columns:
    """Return a month's incidents, numbered from `first_id`; a branch's count has variance dispersion × mean."""
    bank, rng = world.bank, world.rng("incidents", index)
    sd = bank.incident_month_sd
    mean = (expected.count * expected.value)[index, :, 0] * np.exp(sd * world.shocks["incident"][index] - sd**2 / 2)
    excess = bank.incident_dispersion - 1
    number = rng.poisson(rng.gamma(mean / excess, excess))
    branch: NDArray[np.intp] = np.repeat(np.arange(bank.branches), number)
    size = len(branch)
    columns: Columns = {
        "occurred_at": world.moments(index, size, rng, (6.0, 24.0), 0.3),
        "branch": branch,
        "region": world.branch_regions[branch],
        "kind": pick(rng, size, np.array([share for _, share in bank.incident_kinds])),
        "severity": pick(rng, size, np.array([0.62, 0.29, 0.09])),
    }
    return {"incident_id": first_id + np.arange(size), **in_time_order(columns, "occurred_at")}


def exposure_columns(world: World) -> Columns:
    """Return the exposure of all months and branches."""
    size, months = world.bank.branches, world.months
    branch = np.tile(np.arange(size), len(months))
    return {
        "year": np.repeat([month.start.year for month in months], size),
        "month": np.repeat([month.start.month for month in months], size),
        "branch": branch,
        "region": world.branch_regions[branch],
        "transactions_millions": exposure(world).ravel(),
    }
