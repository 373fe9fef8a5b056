"""Feedback tickets: received, answered in time, late or never; exported with Chinese headers."""

from __future__ import annotations

import numpy as np

from evalkit.simulate.cells import Cells
from evalkit.simulate.messages import MESSAGES
from evalkit.simulate.tables import Columns, Fault, Layout, before, in_time_order, pick, put, repeat, spread
from evalkit.simulate.world import Floats, World

WINDOW = 7 * 86400  # seconds within which a ticket should be answered
FAULTS = (
    Fault(6, before("answered_at", "received_at", 30)),
    Fault(32, repeat),
    Fault(22, put("channel", 5)),
    Fault(15, put("received_at", np.datetime64("NaT"))),
    Fault(39, before("answered_at", "received_at", 1440)),
)
HEADERS = {
    "ticket_id": "工单号",
    "received_at": "受理时间",
    "answered_at": "答复时间",
    "branch": "网点",
    "region": "区域",
    "channel": "渠道",
    "topic": "类别",
    "message": "内容",
}


def layout(world: World) -> Layout:
    """Return the file's layout."""
    bank = world.bank
    return Layout(
        name="feedback_tickets",
        columns=tuple(HEADERS),
        labels={
            "branch": world.branch_names,
            "region": world.region_names,
            "channel": (*(channel.name for channel in bank.feedback_channels), "telex"),
            "topic": tuple(topic.name for topic in bank.topics),
            "message": tuple(text for topic in bank.topics for text in MESSAGES[topic.name]),
        },
        headers=HEADERS,
        encoding="gb18030",
    )


def volume(world: World) -> Floats:
    """Return the months' volume of tickets, relative: more channels bring more feedback."""
    days = np.array([month.days for month in world.months])
    growth = 1 + world.bank.feedback_growth * world.measure("multichannel-feedback", 3)
    return days * growth * (1 + 0.20 * world.festival)


def cells(world: World) -> Cells:
    """Return expected tickets and the chance of an answer in time, by month and branch (one stratum)."""
    bank = world.bank
    count = np.outer(volume(world), world.branch_shares)[:, :, None]
    begin, full = _logit(bank.answered_before), _logit(bank.answered_after)
    month = (
        begin + (full - begin) * world.progress(bank.answered_contributions) + bank.answered_festival * world.festival
    )
    value = _expit(month[:, None] + bank.answered_branch_sd * world.draws["answered"])[:, :, None]
    return Cells(count=count, weight=np.ones_like(count), value=value)


def month(world: World, index: int, size: int, first_id: int) -> Columns:
    """Return a month's tickets, numbered from `first_id`; an answer after the end of the data is not known yet."""
    bank, rng = world.bank, world.rng("feedback", index)
    expected = cells(world)
    branch, _ = spread(rng, size, expected.count[index])
    shock = bank.answered_month_sd * world.shocks["answered"][index]
    chance = _expit(_logit(expected.value[index, branch, 0]) + shock)
    in_time = rng.random(size) < chance
    late = ~in_time & (rng.random(size) < bank.late_share)
    quick = np.maximum(WINDOW * rng.beta(1.2, 2.2, size), 60)
    slow = WINDOW + 60 + 86400 * bank.late_days * rng.standard_exponential(size)
    received = world.moments(index, size, rng, (7.5, 22.0), 0.05)
    answered = received + np.floor(np.where(in_time, quick, slow)).astype("timedelta64[s]")
    answered[~(in_time | late) | (answered >= world.end)] = np.datetime64("NaT")
    topic = pick(rng, size, world.shares(bank.topics)[index])
    lengths = np.array([len(MESSAGES[part.name]) for part in bank.topics])
    message = (np.cumsum(lengths) - lengths)[topic] + rng.integers(0, lengths[topic])
    columns: Columns = {
        "received_at": received,
        "answered_at": answered,
        "branch": branch,
        "region": world.branch_regions[branch],
        "channel": pick(rng, size, world.shares(bank.feedback_channels)[index]),
        "topic": topic,
        "message": message,
    }
    return {"ticket_id": first_id + np.arange(size), **in_time_order(columns, "received_at")}


def _logit(chance: float | Floats) -> Floats:
    chances = np.asarray(chance, dtype=np.float64)
    return np.log(chances / (1 - chances))


def _expit(value: Floats) -> Floats:
    return 1 / (1 + np.exp(-value))
