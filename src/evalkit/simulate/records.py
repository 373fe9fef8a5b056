"""The four large sources: what is expected of each month, branch and stratum, and the records drawn from it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from evalkit.simulate import bank
from evalkit.simulate.world import Columns, Floats, Rng, World, columns_of, names_of, pick

WEEK = 7 * 86400  # seconds within which a ticket should be answered
NEVER = np.datetime64("NaT", "s")
AGAIN = ("*", None)  # the record above once more, as an export that ran twice has it
# Wrong records as real exports have them, one in the middle of each month named: the column and what it holds there;
# in a column of times, minutes from the record's time.
FAULTS: dict[str, dict[int, tuple[str, Any]]] = {
    "survey": {4: ("score", 11), 11: ("score", 0), 29: ("channel", "fax"), 37: ("weight", -1.0), 17: AGAIN, 41: AGAIN},
    "process": {
        3: ("finished_at", -45),
        36: ("finished_at", -600),
        42: ("finished_at", -5),
        9: ("business_type", "test"),
        31: ("business_type", "test"),
        20: ("started_at", NEVER),
        14: AGAIN,
        38: AGAIN,
    },
    "feedback": {
        6: ("answered_at", -30),
        39: ("answered_at", -1440),
        22: ("channel", "telex"),
        15: ("received_at", NEVER),
        32: AGAIN,
    },
    "incidents": {},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """Arrays of months × branches × strata: expected records (or exposure), their weight, and the true mean.

    >>> cells = Cells(count=np.ones((2, 1, 1)), value=np.array([[[4.0]], [[6.0]]]))
    >>> cells.mean(np.array([1.0, 1.0]))
    5.0
    """

    count: Floats
    value: Floats
    weight: Floats = field(default_factory=lambda: np.ones((1, 1, 1)))

    def mean(self, months: Floats, *, weighted: bool = True) -> float:
        """Return the mean over the months, each counted with its factor in `months`."""
        size = self.count * months[:, None, None] * (self.weight if weighted else 1.0)
        return float((size * self.value).sum() / size.sum())

    def standardised(self, months: Floats, reference: Floats) -> float:
        """Return the mean over `months` with the strata in the shares they have over `reference`."""
        size = self.count * months[:, None, None] * self.weight
        shares = (self.count * reference[:, None, None] * self.weight).sum(axis=(0, 1))
        means = (size * self.value).sum(axis=(0, 1)) / size.sum(axis=(0, 1))
        return float((shares * means).sum() / shares.sum())

    def like_months(self, before: Floats, after: Floats, calendar: NDArray[np.int64], days: NDArray[Any]) -> Floats:
        """Return the factors that give each calendar month in `before` its share of the days of `after`."""
        factors = np.zeros_like(before)
        size = (self.count * self.weight).sum(axis=(1, 2))
        for number in range(1, 13):
            here = (calendar == number) & (before > 0)
            wanted = days[(calendar == number) & (after > 0)].sum()
            if wanted and here.any():
                factors[here] = wanted / size[here].sum()
        return factors


class Source(ABC):
    """A large source: the records of its `id` in the study file."""

    id: str

    def __init__(self, world: World) -> None:
        self.world, self.cells = world, self.expect(world)

    @abstractmethod
    def expect(self, world: World) -> Cells:
        """Return what is expected of each month, branch and stratum."""

    @abstractmethod
    def draw(self, rng: Rng, index: int, size: int) -> Columns:
        """Return `size` records of a month, in any order."""

    def month(self, index: int, size: int, first: int = 1) -> Columns:
        """Return a month's records in the order of time, numbered from `first`."""
        return self.world.numbered(self.id, self.draw(self.world.rng(self.id, index), index, size), first)

    def plant(self, columns: Columns, month: int) -> None:
        """Plant the month's fault in place, where there is one and the bank is not too small."""
        name, value = FAULTS[self.id].get(month, ("", None))
        row = len(columns["branch"]) // 2
        if not name or row < 25:
            return
        if name == "*":
            for values in columns.values():
                values[row] = values[row - 1]
        elif isinstance(value, int) and columns[name].dtype.kind == "M":
            time = self.world.study["sources"][self.id]["time"]
            columns[name][row] = columns[time][row] + np.timedelta64(value, "m")
        else:
            columns[name][row] = value

    def parts(self) -> Iterator[Columns]:
        """Yield the records month by month, faults planted."""
        total, first = round(self.world.records * bank.PER_RECORD[self.id]), 1
        volume = self.cells.count.sum(axis=(1, 2))
        numbers = self.world.rng(self.id, len(volume)).multinomial(total, _shares(volume))
        for index, size in enumerate(numbers.tolist()):
            columns = self.month(index, size, first)
            self.plant(columns, index)
            first += len(columns["branch"])
            yield columns


class Survey(Source):
    """Answers to the survey: scores from 1 to 10, with weights independent of them; strata are channels."""

    id = "survey"

    def expect(self, world: World) -> Cells:
        share, offset, weight = columns_of(bank.SURVEY_CHANNELS)
        volume = world.days * (1 + world.season(0.04)) * (1 - 0.25 * world.festival)
        count = volume[:, None, None] * world.shares[:, None] * share
        month = bank.SCORE_MEAN + world.season(bank.SCORE_SEASON) + bank.SCORE_FESTIVAL * world.festival
        effect = np.outer(world.progress("survey"), bank.SCORE_EFFECT * (1 + world.effects["gain"]))
        mean = month[:, None] + world.effects["survey"] + effect
        weights = np.broadcast_to(np.exp(world.effects["weight"])[:, None] * weight, count.shape)
        return Cells(count=count, value=np.clip(mean[:, :, None] + offset, 1.2, 9.8), weight=weights)

    def draw(self, rng: Rng, index: int, size: int) -> Columns:
        branch, channel = _spread(rng, size, self.cells.count[index])
        mean = self.cells.value[index, branch, channel] + self.world.shocks["survey"][index]
        chance, precision = np.clip((mean - 1) / 9, 0.02, 0.98), 1 / bank.SCORE_CORRELATION - 1
        chance = rng.beta(chance * precision, (1 - chance) * precision)
        noise = np.exp(bank.WEIGHT_SIGMA * rng.standard_normal(size) - bank.WEIGHT_SIGMA**2 / 2)
        weight = np.maximum(np.round(self.cells.weight[index, branch, channel] * noise, 2), 0.05)
        times, score = self.world.times(rng, index, size, 8.0, 22.5), 1 + rng.binomial(9, chance)
        columns = {"responded_at": times, "score": score, "weight": weight}
        return columns | self.world.place(branch) | {"channel": names_of(bank.SURVEY_CHANNELS)[channel]}


class Process(Source):
    """Items of business; the abandoned, and those unfinished at the end of the data, have no finish."""

    id = "process"

    def expect(self, world: World) -> Cells:
        before, after, minutes, _, effect = columns_of(bank.BUSINESS_TYPES)
        volume = world.days * world.growth(bank.PROCESS_GROWTH) * (1 + world.season(0.05)) * (1 + 0.10 * world.festival)
        count = volume[:, None, None] * world.shares[:, None] * world.mix(before, after)[:, None, :]
        month = world.season(bank.PROCESS_SEASON) + bank.PROCESS_FESTIVAL * world.festival
        done = world.progress("process")
        log = month[:, None] + world.effects["process"] + np.outer(done, world.effects["speed"])
        return Cells(count=count, value=minutes * np.exp(log[:, :, None] + done[:, None, None] * effect))

    def draw(self, rng: Rng, index: int, size: int) -> Columns:
        world = self.world
        branch, kind = _spread(rng, size, self.cells.count[index])
        sigma = columns_of(bank.BUSINESS_TYPES)[3][kind]
        noise = np.exp(sigma * rng.standard_normal(size) - sigma**2 / 2 + world.shocks["process"][index])
        seconds = np.maximum(np.round(60 * (self.cells.value[index, branch, kind] * noise)), 1)
        started = world.times(rng, index, size, 8.5, 17.5, 0.02 + 0.10 * world.measure("intelligent-service")[index])
        finished = started + seconds.astype("timedelta64[s]")
        finished[(finished >= world.end) | (rng.random(size) < bank.ABANDONED_SHARE)] = NEVER
        steps = bank.STEPS_BEFORE * np.exp(bank.STEPS_LOG_EFFECT * world.measure("streamline-process")[index])
        columns = {"started_at": started, "finished_at": finished, "steps": 1 + rng.poisson(steps - 1, size)}
        return columns | world.place(branch) | {"business_type": names_of(bank.BUSINESS_TYPES)[kind]}


class Feedback(Source):
    """Tickets answered in time, late or never; an answer after the end of the data is not known yet; one stratum."""

    id = "feedback"

    def expect(self, world: World) -> Cells:
        growth = 1 + bank.FEEDBACK_GROWTH * world.measure("multichannel-feedback", 3)  # more channels bring more
        volume = world.days * growth * (1 + 0.20 * world.festival)
        begin, full = logit(bank.ANSWERED_BEFORE), logit(bank.ANSWERED_AFTER)
        month = begin + (full - begin) * world.progress("feedback") + bank.ANSWERED_FESTIVAL * world.festival
        chance = expit(month[:, None] + world.effects["feedback"])
        return Cells(count=np.outer(volume, world.shares)[:, :, None], value=chance[:, :, None])

    def draw(self, rng: Rng, index: int, size: int) -> Columns:
        world = self.world
        branch, _ = _spread(rng, size, self.cells.count[index])
        chance = expit(logit(self.cells.value[index, branch, 0]) + world.shocks["feedback"][index])
        in_time = rng.random(size) < chance
        late = ~in_time & (rng.random(size) < bank.LATE_SHARE)
        quick = np.maximum(WEEK * rng.beta(1.2, 2.2, size), 60)
        slow = WEEK + 60 + 86400 * bank.LATE_DAYS * rng.standard_exponential(size)
        received = world.times(rng, index, size, 7.5, 22.0, 0.05)
        answered = received + np.floor(np.where(in_time, quick, slow)).astype("timedelta64[s]")
        answered[~(in_time | late) | (answered >= world.end)] = NEVER
        topic = pick(rng, size, world.mix(*np.array(bank.TOPIC_SHARES))[index])
        messages = np.array([texts.split("/") for texts in bank.MESSAGES.values()], dtype=object)
        message = messages[topic, rng.integers(0, messages.shape[1], size)]
        channel = pick(rng, size, world.mix(*columns_of(bank.FEEDBACK_CHANNELS))[index])
        columns = {"received_at": received, "answered_at": answered, "message": message} | world.place(branch)
        return columns | {"topic": names_of(bank.MESSAGES)[topic], "channel": names_of(bank.FEEDBACK_CHANNELS)[channel]}


class Incidents(Source):
    """Security incidents, overdispersed; expected are millions of transactions, as their file has them, and a rate."""

    id = "incidents"

    def expect(self, world: World) -> Cells:
        growth = world.growth(bank.TRANSACTIONS_GROWTH) * (1 + world.season(bank.TRANSACTIONS_SEASON))
        volume = bank.TRANSACTIONS * world.records / bank.RECORDS * (world.days / 30.44) * growth
        noise = np.exp(world.rng("exposure").normal(0.0, 0.03, (len(volume), len(world.shares))))
        millions = np.maximum(np.round(np.outer(volume, world.shares) * noise, 6), 1e-6)
        branch = np.exp(world.effects["incidents"] - bank.BRANCH_SD["incidents"] ** 2 / 2)
        log = world.season(bank.INCIDENT_SEASON) + bank.INCIDENT_LOG_EFFECT * world.progress("incidents")
        rate = np.outer(bank.INCIDENT_RATE * np.exp(log), branch)
        return Cells(count=millions[:, :, None], value=rate[:, :, None])

    def draw(self, rng: Rng, index: int, size: int) -> Columns:  # noqa: ARG002
        shock = np.exp(self.world.shocks["incidents"][index] - bank.MONTH_SD["incidents"] ** 2 / 2)
        mean = (self.cells.count * self.cells.value)[index, :, 0] * shock
        excess = bank.INCIDENT_DISPERSION - 1  # of the variance of a branch's count over its mean
        branch: NDArray[np.intp] = np.repeat(np.arange(len(mean)), rng.poisson(rng.gamma(mean / excess, excess)))
        times = self.world.times(rng, index, len(branch), 6.0, 24.0, 0.3)
        kind = names_of(bank.KINDS)[pick(rng, len(branch), columns_of(bank.KINDS))]
        severity = names_of(bank.SEVERITIES)[pick(rng, len(branch), columns_of(bank.SEVERITIES))]
        return self.world.place(branch) | {"occurred_at": times, "kind": kind, "severity": severity}


SOURCES: dict[str, type[Source]] = {source.id: source for source in (Survey, Process, Feedback, Incidents)}


def _spread(rng: Rng, size: int, weights: Floats) -> tuple[NDArray[np.intp], ...]:
    """Return `size` draws of a cell of `weights`, one array of positions per axis, grouped by cell."""
    cells = np.repeat(np.arange(weights.size), rng.multinomial(size, _shares(weights.ravel())))
    return tuple(np.unravel_index(cells, weights.shape))


def _shares(weights: Floats) -> Floats:
    """Return the weights as shares, cut to 40 bits: the last bits of an exponential differ from processor to processor.

    A multinomial draw takes each cell's part of what is left of 1 and counts down where that is above one half: where
    it is one half but for such a bit, the bit decides which record is drawn.
    """
    parts: Floats = np.rint(weights / weights.sum() * 2.0**40)
    shares: Floats = parts / parts.sum()
    return shares
