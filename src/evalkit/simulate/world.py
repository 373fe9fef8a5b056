"""The simulated bank on its calendar: months, branches, and how far each measure has come in each month."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import NormalDist
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from evalkit.periods import Window
from evalkit.simulate.bank import Bank, Contribution, Mix

Floats = NDArray[np.float64]
Stream = Literal["branches", "shocks", "survey", "process", "feedback", "incidents", "exposure", "measures"]
_STREAMS: tuple[Stream, ...] = get_args(Stream)
TEMPLATE = Path(__file__).with_name("study.yaml")


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What the records of one simulated bank are drawn from.

    months : the calendar months, first to last.
    branch_names, branch_regions, branch_shares : per branch its code, the position of its region, its size.
    festival : share of each month's days within the two weeks before and the week after Spring Festival.
    draws : branch effects by name, standard normal, one per branch.
    shocks : month effects by name, standard normal, one per month.
    study : the study template as read from YAML.
    """

    bank: Bank
    seed: int
    scale: float
    study: dict[str, Any]
    months: tuple[Window, ...]
    festival: Floats
    branch_names: tuple[str, ...]
    branch_regions: NDArray[np.intp]
    region_names: tuple[str, ...]
    branch_shares: Floats
    draws: dict[str, Floats]
    shocks: dict[str, Floats]

    def rng(self, stream: Stream, month: int = 0) -> np.random.Generator:
        """Return the generator of a stream and month: streams do not disturb one another."""
        return generator(self.seed, stream, month)

    @property
    def end(self) -> np.datetime64:
        """The first second after the data."""
        return np.datetime64(self.bank.last_day, "s") + np.timedelta64(86400, "s")

    @property
    def month_numbers(self) -> NDArray[np.int64]:
        """The calendar month of each month, 1 to 12."""
        return np.array([month.start.month for month in self.months])

    @property
    def ages(self) -> Floats:
        """Months since the first month."""
        return np.arange(len(self.months), dtype=np.float64)

    def season(self, amplitude: float) -> Floats:
        """Return a yearly wave per month, highest in December, mean zero over a year."""
        wave: Floats = amplitude * np.cos(2 * np.pi * self.month_numbers / 12)
        return wave

    def ramp(self, start: date, end: date, months: float = 0.0) -> Floats:
        """Return how far something that begins at `start` and is complete `months` after `end` is by mid-month."""
        middles = np.array([month.start.toordinal() + month.days / 2 for month in self.months])
        length = end.toordinal() - start.toordinal() + months * 30.44
        reached: Floats = np.clip((middles - start.toordinal()) / max(length, 1.0), 0.0, 1.0)
        return reached

    def measure(self, name: str, lag_months: float = 0.0) -> Floats:
        """Return how far a measure has come in each month, 0 to 1, by its actual timetable."""
        actual = next(measure for measure in self.study["measures"] if measure["id"] == name)["actual"]
        if "end" in actual:
            return self.ramp(actual["start"], actual["end"], lag_months)
        return self.ramp(actual["start"], actual["start"], self.bank.ongoing_months + lag_months)

    def progress(self, contributions: Iterable[Contribution]) -> Floats:
        """Return the share of a goal's full effect that is there in each month."""
        done: Floats = np.sum([c.share * self.measure(c.measure, c.lag_months) for c in contributions], axis=0)
        return done

    def drift(self) -> Floats:
        """Return how far customers' habits have moved since the programme's start, 0 to 1."""
        start = self.study["calendar"]["programme_start"]
        return self.ramp(start, start, self.bank.mix_months)

    def shares(self, mix: Iterable[Mix]) -> Floats:
        """Return the shares of a moving mix, months × parts; each row sums to 1."""
        before, after = np.array([(part.before, part.after) for part in mix]).T
        shares: Floats = before + np.outer(self.drift(), after - before)
        shares /= shares.sum(axis=1, keepdims=True)
        return shares

    def counts(self, stream: Stream, total: int, volume: Floats) -> NDArray[np.int64]:
        """Return how many of `total` records fall into each month, by the months' volumes."""
        return self.rng(stream, len(self.months)).multinomial(total, volume / volume.sum())

    def moments(
        self, month: int, size: int, rng: np.random.Generator, hours: tuple[float, float], night: float = 0.0
    ) -> NDArray[np.datetime64]:
        """Return times in a month, to the second: fewer at weekends and in the festival week.

        `hours` is the working day; the share `night` falls anywhere within the 24 hours.
        """
        window = self.months[month]
        days = np.array([window.start.toordinal() + i for i in range(window.days)])
        weights = np.where(np.isin(days % 7, (6, 0)), 0.35, 1.0)  # ordinal 1 was a Monday
        for festival in self.bank.festivals:
            weights[(days >= festival.toordinal() - 1) & (days <= festival.toordinal() + 6)] = 0.15
        edges = np.cumsum(weights / weights.sum())
        day = np.minimum(np.searchsorted(edges, rng.random(size), side="right"), window.days - 1)
        seconds = rng.integers(int(hours[0] * 3600), int(hours[1] * 3600), size)
        if night:
            anytime = rng.random(size) < night
            seconds[anytime] = rng.integers(0, 86400, int(anytime.sum()))
        return np.datetime64(window.start, "s") + (day * 86400 + seconds).astype("timedelta64[s]")


def generator(seed: int, stream: Stream, month: int = 0) -> np.random.Generator:
    """Return the random generator of one stream and month of a seed."""
    return np.random.default_rng([seed, _STREAMS.index(stream), month])


def build(bank: Bank, seed: int, records: int) -> World:
    """Return the world of a bank and seed; `records` process records set its scale."""
    import yaml

    months = tuple(Window(bank.first_month, bank.last_day).months())
    branches, shocks = generator(seed, "branches"), generator(seed, "shocks")
    counts = [count for _, count in bank.regions]
    effects = ("score", "score_effect", "weight", "process", "process_effect", "answered", "incident")
    return World(
        bank=bank,
        seed=seed,
        scale=records / bank.records,
        study=yaml.safe_load(TEMPLATE.read_text(encoding="utf-8")),
        months=months,
        festival=_festival(bank, months),
        branch_names=tuple(f"B{number:02d}" for number in range(1, bank.branches + 1)),
        branch_regions=np.repeat(np.arange(len(counts)), counts),
        region_names=tuple(name for name, _ in bank.regions),
        branch_shares=_branch_shares(bank),
        draws={name: _standard(branches.standard_normal(bank.branches)) for name in effects},
        shocks={name: shocks.standard_normal(len(months)) for name in ("score", "process", "answered", "incident")},
    )


def _standard(values: Floats) -> Floats:
    """Return the values with mean 0 and variance 1, so that the branches' spread is the one the bank states."""
    standard: Floats = (values - values.mean()) / values.std()
    return standard


def _branch_shares(bank: Bank) -> Floats:
    """Return unequal sizes that sum to 1: log-normal quantiles, spread over the regions."""
    count = bank.branches
    quantiles = [NormalDist().inv_cdf((i + 0.5) / count) for i in range(count)]
    sizes = np.exp(bank.branch_size_sigma * np.array(quantiles))
    step = next(step for step in range(count // 2 + 3, 2 * count) if np.gcd(step, count) == 1)
    shares: Floats = (sizes / sizes.sum())[np.arange(count) * step % count]
    return shares


def _festival(bank: Bank, months: tuple[Window, ...]) -> Floats:
    busy = {day.toordinal() + offset for day in bank.festivals for offset in range(-14, 7)}
    inside = [sum(month.start.toordinal() + i in busy for i in range(month.days)) for month in months]
    return np.array([count / month.days for count, month in zip(inside, months, strict=True)])
