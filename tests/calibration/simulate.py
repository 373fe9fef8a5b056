"""One simulated bank of a scenario, drawn straight into the sums that its records would be grouped to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.scenarios import Scenario
from evalkit.inference.contrast import Array
from evalkit.moments import COUNTS, SUMS, Moments

Rng = np.random.Generator
_SCORE_PRECISION = 1 / 0.08 - 1  # of the beta distribution of satisfaction, as in the shipped bank


@dataclass(frozen=True, slots=True)
class Bank:
    """What all replicates of a scenario share; cells are months × branches × strata.

    >>> from calibration.scenarios import SCENARIOS
    >>> moments = Bank.of(SCENARIOS[0]).draw(np.random.default_rng(1), 1.10)
    >>> moments.sums.shape[1], len(moments.clusters)
    (9, 40)
    """

    scenario: Scenario
    starts: NDArray[np.datetime64]
    days: Array
    after: NDArray[np.bool_]
    sizes: Array
    shares: Array
    levels: Array

    @classmethod
    def of(cls, scenario: Scenario) -> Bank:
        months = scenario.calendar
        mix = np.array(scenario.mix or ((1, 1, 1.0),))
        after = np.arange(len(months)) >= scenario.months[0]
        return cls(
            scenario,
            np.array([month.start for month in months], dtype="datetime64[D]"),
            np.array([month.days for month in months], dtype=np.float64),
            after,
            scenario.sizes,
            np.where(after[:, None], mix[:, 1], mix[:, 0]),
            mix[:, 2],
        )

    def draw(self, rng: Rng, truth: float) -> Moments:
        """Return the moments of one bank whose metric's true ratio (or level, for a proportion) after is `truth`."""
        value = self._values(rng, truth)
        volume = self.days[:, None, None] * self.sizes[:, None] * self.shares[:, None, :]
        if self.scenario.kind == "rate":
            return self._moments(*self._events(rng, value, volume))
        counts = np.zeros(volume.shape, dtype=np.int64)
        for arm, size in zip((~self.after, self.after), self.scenario.records, strict=True):
            share = volume[arm] / volume[arm].sum()
            counts[arm] = rng.multinomial(round(size), share.ravel()).reshape(share.shape)
        return self._moments(*self._sums(rng, value.ravel(), counts.ravel()))

    def _values(self, rng: Rng, truth: float) -> Array:
        """Return the true value of every cell. All factors have mean one, so the expected contrast is `truth`."""
        scenario, branches = self.scenario, len(self.sizes)
        before = scenario.base
        after = truth if scenario.kind == "proportion" else truth * scenario.base
        month = _factor(scenario.month_sd, self._shocks(rng)) * self._season()
        branch = _factor(scenario.branch_sd, rng.standard_normal(branches))
        gain = _factor(scenario.gain_sd, rng.standard_normal(branches))
        factor = month[:, None] * branch * np.where(self.after[:, None], gain, 1.0)
        mean = np.where(self.after, after, before)[:, None]
        value = 1 - (1 - mean) * factor if scenario.kind == "proportion" else mean * factor
        return value[:, :, None] * self.levels

    def _shocks(self, rng: Rng) -> Array:
        rho, drawn = self.scenario.correlation, rng.standard_normal(len(self.starts))
        for month in range(1, len(drawn)):
            drawn[month] = rho * drawn[month - 1] + np.sqrt(1 - rho * rho) * drawn[month]
        return drawn

    def _season(self) -> Array:
        number = self.starts.astype("datetime64[M]").astype(int) % 12
        return 1 + self.scenario.season * np.cos(2 * np.pi * number / 12)

    def _events(self, rng: Rng, value: Array, volume: Array) -> tuple[Array, NDArray[np.int64]]:
        exposure = volume * self.scenario.records[0] / volume[~self.after].sum()
        mean, excess = exposure * value, self.scenario.dispersion - 1
        events = rng.poisson(rng.gamma(mean / excess, excess) if excess > 0 else mean).ravel()
        sums = np.zeros((events.size, len(SUMS)))
        sums[:, 0], sums[:, 1] = events, exposure.ravel()
        return sums, events

    def _sums(self, rng: Rng, value: Array, counts: NDArray[np.int64]) -> tuple[Array, NDArray[np.int64]]:
        scenario = self.scenario
        if scenario.kind == "proportion":
            hits, n = rng.binomial(counts, np.clip(value, 0, 1)), counts
            return np.stack([hits if "a" in name else n for name in SUMS], axis=1).astype(np.float64), counts
        cell = np.repeat(np.arange(value.size), counts)
        mean = value[cell]
        if scenario.weights:
            chance = np.clip((mean - 1) / 9, 0.02, 0.98) * _SCORE_PRECISION
            y = 1.0 + rng.binomial(9, rng.beta(chance, _SCORE_PRECISION - chance))
            b = _factor(scenario.weights, rng.standard_normal(mean.size))
        else:
            y, b = mean * _factor(scenario.sigma, rng.standard_normal(mean.size)), np.ones(mean.size)
        a = y * b
        sums = [np.bincount(cell, a ** name.count("a") * b ** name.count("b"), minlength=value.size) for name in SUMS]
        return np.stack(sums, axis=1), counts

    def _moments(self, sums: Array, counts: NDArray[np.int64]) -> Moments:
        months, branches, strata = len(self.starts), len(self.sizes), len(self.levels)
        here = np.flatnonzero(sums[:, 1] > 0)
        month, cluster, stratum = np.unravel_index(here, (months, branches, strata))
        told = np.zeros((here.size, len(COUNTS)), dtype=np.int64)
        told[:, 0] = counts[here]
        return Moments(
            start=self.starts[month],
            cluster=cluster,
            stratum=stratum,
            sums=sums[here],
            counts=told,
            clusters=tuple(f"b{i:03d}" for i in range(branches)) if self.scenario.branches else (None,),
            strata=tuple((f"s{i}",) for i in range(strata)) if self.scenario.mix else ((),),
            undated=0,
        )


def _factor(sd: float, deviates: Array) -> Array:
    """Return log-normal factors of mean one."""
    return np.exp(sd * deviates - sd * sd / 2)
