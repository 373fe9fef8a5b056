"""The simulated bank on its calendar: months, branches, and how far each measure has come in each month."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalkit.periods import Window
from evalkit.simulate import bank

Floats = NDArray[np.float64]
Rng = np.random.Generator
Columns = dict[str, NDArray[Any]]
LARGE = 1_000_000  # more process records than this are written as Parquet
LARGE_FILES = re.compile(r"(survey_responses|process_records|feedback_tickets|security_incidents)\.csv")
STREAMS = ("branches", "shocks", "survey", "process", "feedback", "incidents", "exposure", "measures")


class World:
    """What the records of one simulated bank are drawn from; `records` process records set its scale.

    text, study : the study file as text and as read from YAML, its paths as the records are to be written.
    months, days, starts, numbers, festival : per month its window, length, first day, calendar month (1 to 12), and
        the share of its days within the two weeks before and the week after Spring Festival.
    branches, regions, shares : per branch its code, its region, its share of the business.
    effects, shocks : deviations of the branches, by name, and of the months, by source.
    end : the first second after the data.
    """

    def __init__(self, seed: int, records: int) -> None:
        import yaml

        self.seed, self.records = seed, records
        self.text = Path(__file__).with_name("study.yaml").read_text(encoding="utf-8")
        if records > LARGE:
            self.text = LARGE_FILES.sub(r"\1.parquet", self.text).replace("    encoding: gb18030\n", "")
        self.study: dict[str, Any] = yaml.safe_load(self.text)
        self.months = tuple(Window(bank.FIRST_DAY, bank.LAST_DAY).months())
        self.days = np.array([month.days for month in self.months], dtype=np.int64)
        self.starts = np.array([month.start for month in self.months], dtype="datetime64[D]")
        self.numbers = np.array([month.start.month for month in self.months], dtype=np.int64)
        self.end = np.datetime64(bank.LAST_DAY, "s") + np.timedelta64(86400, "s")
        busy = {day.toordinal() + offset for day in bank.FESTIVALS for offset in range(-14, 7)}
        inside = [sum(month.start.toordinal() + i in busy for i in range(month.days)) for month in self.months]
        self.festival = np.array(inside) / self.days

        self.regions = np.repeat(names_of(bank.REGIONS), list(bank.REGIONS.values()))
        count = len(self.regions)
        self.branches = names_of(f"B{number:02d}" for number in range(1, count + 1))
        sizes = np.exp([bank.BRANCH_SIZE_SIGMA * NormalDist().inv_cdf((i + 0.5) / count) for i in range(count)])
        step = next(step for step in range(count // 2 + 3, 2 * count) if np.gcd(step, count) == 1)
        self.shares = (sizes / sizes.sum())[np.arange(count) * step % count]  # spreads the sizes over the regions

        rng = self.rng("branches")
        drawn = {name: rng.standard_normal(count) for name in bank.BRANCH_SD}
        # standardised, so that the branches' spread is the one the bank states
        self.effects = {name: bank.BRANCH_SD[name] * ((v - v.mean()) / v.std()) for name, v in drawn.items()}
        rng = self.rng("shocks")
        self.shocks = {source: sd * rng.standard_normal(len(self.months)) for source, sd in bank.MONTH_SD.items()}

    def rng(self, stream: str, month: int = 0) -> Rng:
        """Return the generator of a stream and month: streams do not disturb one another."""
        return np.random.default_rng([self.seed, STREAMS.index(stream), month])

    def season(self, amplitude: float) -> Floats:
        """Return a yearly wave per month, highest in December, mean zero over a year."""
        return np.multiply(amplitude, np.cos(2 * np.pi * self.numbers / 12))

    def growth(self, rate: float) -> Floats:
        """Return steady growth at `rate` a month, per month."""
        return np.exp(rate * np.arange(len(self.months), dtype=np.float64))

    def ramp(self, start: date, end: date, months: float = 0.0) -> Floats:
        """Return how far something that begins at `start` and is complete `months` after `end` is by mid-month."""
        middles = np.array([month.start.toordinal() + month.days / 2 for month in self.months], dtype=np.float64)
        length = end.toordinal() - start.toordinal() + months * 30.44
        return np.clip((middles - start.toordinal()) / max(length, 1.0), 0.0, 1.0)

    def measure(self, name: str, lag_months: float = 0.0) -> Floats:
        """Return how far a measure has come in each month, 0 to 1, by its actual timetable."""
        actual = next(measure for measure in self.study["measures"] if measure["id"] == name)["actual"]
        ongoing = 0.0 if "end" in actual else bank.ONGOING_MONTHS
        return self.ramp(actual["start"], actual.get("end", actual["start"]), lag_months + ongoing)

    def progress(self, source: str) -> Floats:
        """Return the share of a source's full effect that is there in each month."""
        parts = [share * self.measure(name, lag) for name, (share, lag) in bank.CONTRIBUTIONS[source].items()]
        return sum(parts, np.zeros(len(self.months)))

    def mix(self, before: Floats, after: Floats) -> Floats:
        """Return the shares of a mix that moves from the programme's start on, months × parts; rows sum to 1."""
        start = self.study["calendar"]["programme_start"]
        shares: Floats = before + np.outer(self.ramp(start, start, bank.MIX_MONTHS), after - before)
        shares /= shares.sum(axis=1, keepdims=True)
        return shares

    def place(self, branch: NDArray[np.intp]) -> Columns:
        """Return the columns branch and region of records at these branches."""
        return {"branch": self.branches[branch], "region": self.regions[branch]}

    def times(self, rng: Rng, month: int, size: int, opens: float, closes: float, night: float = 0.0) -> NDArray[Any]:
        """Return times in a month, fewer at weekends and in the festival week; the share `night` at any hour."""
        window = self.months[month]
        days = window.start.toordinal() + np.arange(window.days)
        weights = np.where(np.isin(days % 7, (6, 0)), 0.35, 1.0)  # ordinal 1 was a Monday
        for festival in bank.FESTIVALS:
            weights[(days >= festival.toordinal() - 1) & (days <= festival.toordinal() + 6)] = 0.15
        day = pick(rng, size, weights)
        seconds = rng.integers(int(opens * 3600), int(closes * 3600), size)
        if night:
            anytime = rng.random(size) < night
            seconds[anytime] = rng.integers(0, 86400, int(anytime.sum()))
        return np.datetime64(window.start, "s") + (day * 86400 + seconds).astype("timedelta64[s]")

    def numbered(self, source: str, columns: Columns, first: int = 1) -> Columns:
        """Return the records of a source in the order of their times, with their key from `first` on."""
        described = self.study["sources"][source]
        order = np.argsort(columns[described["time"]], kind="stable")
        return {described["key"]: first + np.arange(len(order)), **{name: v[order] for name, v in columns.items()}}


def pick(rng: Rng, size: int, shares: Floats) -> NDArray[np.intp]:
    """Return `size` independent draws of a position of `shares`."""
    edges = np.cumsum(shares / shares.sum())
    return np.minimum(np.searchsorted(edges, rng.random(size), side="right"), len(shares) - 1)


def names_of(table: Iterable[str]) -> NDArray[Any]:
    """Return names as an array to be indexed by position."""
    return np.array(list(table), dtype=object)


def columns_of(table: Mapping[str, object]) -> Floats:
    """Return the numbers of a table of the bank, one row for each of its columns."""
    return np.array(list(table.values()), dtype=np.float64).T
