"""Survey responses: scores from 1 to 10 with survey weights."""

from __future__ import annotations

import numpy as np

from evalkit.simulate.cells import Cells
from evalkit.simulate.tables import Columns, Fault, Layout, in_time_order, put, repeat, spread
from evalkit.simulate.world import Floats, World

FAULTS = (
    Fault(4, put("score", 11)),
    Fault(17, repeat),
    Fault(29, put("channel", 3)),
    Fault(11, put("score", 0)),
    Fault(37, put("weight", -1.0)),
    Fault(41, repeat),
)


def layout(world: World) -> Layout:
    """Return the file's layout."""
    return Layout(
        name="survey_responses",
        columns=("response_id", "responded_at", "score", "weight", "branch", "region", "channel"),
        labels={
            "branch": world.branch_names,
            "region": world.region_names,
            "channel": (*(channel.name for channel in world.bank.channels), "fax"),
        },
        headers={},
    )


def volume(world: World) -> Floats:
    """Return the months' volume of answers, relative."""
    days = np.array([month.days for month in world.months])
    return days * (1 + world.season(0.04)) * (1 - 0.25 * world.festival)


def cells(world: World) -> Cells:
    """Return expected answers, weights and mean scores by month, branch and channel."""
    bank = world.bank
    shares = np.array([channel.share for channel in bank.channels])
    count = volume(world)[:, None, None] * world.branch_shares[:, None] * shares
    weight = _branch_weight(world)[:, None] * np.array([channel.weight for channel in bank.channels])
    return Cells(count=count, weight=np.broadcast_to(weight, count.shape), value=_means(world))


def month(world: World, index: int, size: int, first_id: int) -> Columns:
    """Return a month's answers, numbered from `first_id`."""
    bank, rng = world.bank, world.rng("survey", index)
    expected = cells(world)
    branch, channel = spread(rng, size, expected.count[index])
    shock = bank.score_month_sd * world.shocks["score"][index]
    chance = np.clip((expected.value[index, branch, channel] + shock - 1) / 9, 0.02, 0.98)
    spread_of_beta = 1 / bank.score_correlation - 1
    chance = rng.beta(chance * spread_of_beta, (1 - chance) * spread_of_beta)
    weight = expected.weight[index, branch, channel] * np.exp(
        bank.weight_sigma * rng.standard_normal(size) - bank.weight_sigma**2 / 2
    )
    columns: Columns = {
        "responded_at": world.moments(index, size, rng, (8.0, 22.5)),
        "score": 1 + rng.binomial(9, chance),
        "weight": np.maximum(np.round(weight, 2), 0.05),
        "branch": branch,
        "region": world.branch_regions[branch],
        "channel": channel,
    }
    return {"response_id": first_id + np.arange(size), **in_time_order(columns, "responded_at")}


def _branch_weight(world: World) -> Floats:
    return np.exp(world.bank.weight_branch_sigma * world.draws["weight"])


def _means(world: World) -> Floats:
    """Return mean scores by month, branch and channel."""
    bank = world.bank
    effect = bank.score_effect * (1 + bank.score_effect_branch_cv * world.draws["score_effect"])
    month = bank.score_mean + world.season(bank.score_season) + bank.score_festival * world.festival
    branch = bank.score_branch_sd * world.draws["score"]
    grown = np.outer(world.progress(bank.score_contributions), effect)
    means = (month[:, None] + branch + grown)[:, :, None] + np.array([channel.offset for channel in bank.channels])
    clipped: Floats = np.clip(means, 1.2, 9.8)
    return clipped
