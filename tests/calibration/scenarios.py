"""The simulated banks of the calibration study: what is drawn, what is asked, and which bounds the answers must keep.

Standard deviations are on the log scale: `sigma` of records, `branch_sd` of branches' lasting levels, `gain_sd` of what
the programme changes in a branch, `month_sd` of shocks of whole months. For a proportion they are its failures'.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy.special import ndtri

from evalkit.inference.contrast import Array
from evalkit.inference.jackknife import effective_clusters
from evalkit.periods import Window, add_months

if TYPE_CHECKING:
    from evalkit.study import Study

START = date(2025, 1, 1)  # of the programme; the baseline ends the day before
SHIPPED = 0.6  # log standard deviation of branch sizes in the shipped bank; 1.5 is very unequal


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One kind of bank and one goal, whose truth is set exactly on the target, then beyond it.

    Attributes
    ----------
    id, title : names, the title in English; `group` is the table it stands in.
    kind, target, base : the metric, its target (a ratio; the level of a proportion), its true value before.
    records : expected records (events for a rate) in the (baseline, window).
    months : months of the (baseline, window); with `looks` the window is seen at each quarter's end.
    branches : clusters, 0 for none; `unequal` is the log standard deviation of their sizes.
    weights : log standard deviation of survey weights; scores are then whole numbers from 1 to 10.
    mix : (per cent before, per cent after, relative level) of each stratum, for which the goal is standardised.
    season : amplitude of the year's wave; the goal then compares the same months.
    dispersion : variance ÷ mean of a month's events.
    claims, coverage : the bounds of methods.md; `small` where it asks for the measured rate only.
    power : whether the power promised is compared with the power measured.
    """

    id: str
    title: str
    group: Literal["shipped", "clusters", "records", "rates", "business", "months", "looks"]
    kind: Literal["mean", "proportion", "rate"] = "mean"
    target: float = 0.80
    base: float = 20.0
    records: tuple[float, float] = (4800.0, 600.0)
    months: tuple[int, int] = (24, 3)
    branches: int = 0
    unequal: float = 0.0
    sigma: float = 1.0
    branch_sd: float = 0.15
    gain_sd: float = 0.05
    month_sd: float = 0.0
    correlation: float = 0.0
    weights: float = 0.0
    mix: tuple[tuple[int, int, float], ...] = ()
    season: float = 0.0
    dispersion: float = 1.0
    looks: str = ""
    estimator: str = "direct"
    claims: float = 0.025
    coverage: float = 0.935
    small: bool = False
    power: bool = True

    @property
    def better(self) -> Literal["higher", "lower"]:
        return "higher" if self.kind == "proportion" or self.weights else "lower"

    @property
    def scale(self) -> Literal["ratio", "level"]:
        return "level" if self.kind == "proportion" else "ratio"

    @property
    def window(self) -> Window:
        """The days evaluated."""
        return Window(START, add_months(START, self.months[1]) - timedelta(days=1))

    @property
    def calendar(self) -> list[Window]:
        """All months, those of the baseline first."""
        return list(Window(add_months(START, -self.months[0]), self.window.end).months())

    @cached_property
    def study(self) -> Study:
        """The study file that asks the scenario's question, read as any other."""
        from evalkit.study.load import read

        metric = {
            "mean": "{kind: mean, value: value" + (", weight: weight}" if self.weights else "}"),
            "proportion": "{kind: proportion, success: {column: hit, equals: true}}",
            "rate": "{kind: rate, exposure: exposure}",
        }[self.kind]
        target = f"level: {self.target}" if self.kind == "proportion" else f"relative_change: {self.target - 1:.6f}"
        lines = [
            *("schema: 1", "id: scenario", "title: Scenario"),
            f"calendar: {{baseline: {{start: {self.calendar[0].start}, end: {START - timedelta(days=1)}}}}}",
            f"inference: {{sequential: {self.looks or 'none'}}}",
            "sources: {records: {path: none.csv, time: day, fields: [{name: day, type: date},",
            "  {name: value, type: number}, {name: weight, type: number}, {name: hit, type: boolean},",
            "  {name: exposure, type: number}, {name: branch, type: string}, {name: business, type: string}]}}",
            f"goals: [{{id: goal, title: Goal, source: records, metric: {metric}, better: {self.better},",
            f"  target: {{{target}}}, compare_with: {'same-months' if self.season else 'baseline'},",
            f"  estimator: {{kind: {self.estimator}}},",
            *(["  standardise_by: [business],"] if self.mix else []),
            *(["  cluster: branch,"] if self.branches else []),
            "}]",
        ]
        return read("\n".join(lines))

    @property
    def goal(self) -> Any:
        return self.study.goals[0]

    @property
    def placebo(self) -> bool:
        """Whether the placebo in time is tried, whose nominal rate is 5 %."""
        return self.group == "months" and self.months == (24, 3)

    @property
    def sizes(self) -> Array:
        """The branches' shares of the business; one share without branches."""
        count = max(1, self.branches)
        sizes = np.exp(self.unequal * ndtri((np.arange(count) + 0.5) / count))
        return sizes / sizes.sum()  # type: ignore[no-any-return]

    @property
    def bounded_above(self) -> bool:
        """Whether coverage above 97 % is a miss."""
        few = self.branches > 0 and effective_clusters(self.sizes) < 4
        rare = self.kind == "rate" and min(self.records[0], self.target * self.records[1]) < 10
        return not (self.looks or few or rare)


_PLAIN: dict[str, Any] = {"branch_sd": 0.0, "gain_sd": 0.0}


def _clusters() -> list[Scenario]:
    return [
        Scenario(
            id=f"branches-{count}-{'unequal' if unequal else 'equal'}", group="clusters", branches=count,
            title=f"{count} branches, {'very unequal' if unequal else 'equal'}", unequal=unequal, gain_sd=0.10,
            records=(120.0 * count, 60.0 * count), months=(6, 3),
        )
        for count in (5, 20, 200)
        for unequal in (0.0, 1.5)
    ]  # fmt: skip


def _records() -> list[Scenario]:
    return [
        Scenario(
            **_PLAIN, id=f"durations-{size}", title=f"log-normal durations, {size} records an arm", group="records",
            records=(size, size), months=(6, 3), small=size < 500,
        )
        for size in (100, 500, 2000)
    ]  # fmt: skip


def _rates() -> list[Scenario]:
    short, year, quarter = (6, 3), (24, 12), (24, 3)
    few = [(events, months, 1.0) for months in (short, year) for events in (4, 12, 40)]
    spread = [(40, quarter, 1.5), (40, year, 1.5), (40, year, 2.0), (40, year, 3.0), (300, quarter, 2.0)]
    return [
        Scenario(
            **_PLAIN, id=f"incidents-{events}-{before}+{after}-{phi:g}", group="rates", kind="rate", target=0.70,
            title=f"{events} incidents before, {before} + {after} months, variance {phi:g} × mean", base=1.0,
            records=(events, events * after / before), months=(before, after), dispersion=phi,
        )
        for events, (before, after), phi in few + spread
    ]  # fmt: skip


def _months() -> list[Scenario]:
    bounds = {0.0: (0.025, 0.935), 0.3: (0.04, 0.92), 0.6: (0.05, 0.90)}
    return [
        Scenario(
            id=f"months-{before}+{after}-{rho:g}{'-series' if series else ''}", group="months", branches=20,
            title=f"month shocks, AR(1) {rho:g}, {before} + {after} months{', as a time series' if series else ''}",
            records=(100.0 * before, 100.0 * after), months=(before, after), sigma=0.5, gain_sd=0.02, month_sd=0.05,
            correlation=rho, estimator="interrupted-time-series" if series else "direct", claims=claims,
            coverage=coverage, power=rho == 0,
        )
        for before, after, series in ((24, 3, False), (24, 12, False), (24, 12, True))
        for rho, (claims, coverage) in bounds.items()
    ]  # fmt: skip


# six kinds of business, roughly those of the shipped bank
_MIX = tuple(zip((24, 22, 20, 17, 9, 8), (30, 24, 20, 14, 6, 6), (0.5, 0.33, 0.83, 1.5, 1.9, 5.0), strict=True))
_SHIPPED: dict[str, Any] = {"group": "shipped", "branches": 40, "unequal": SHIPPED}
_LOOKS: dict[str, Any] = {
    "group": "looks",
    "branches": 20,
    "months": (12, 12),
    "records": (2400.0, 2400.0),
    "power": False,
}
SPENDING, ANYTIME = "{method: alpha-spending, looks: 4}", "{method: anytime}"

SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        **_SHIPPED, id="shipped-satisfaction", title="satisfaction, shipped sizes",
        target=1.10, base=7.0, records=(9600, 1200), branch_sd=0.035, gain_sd=0.02, month_sd=0.003, weights=0.35,
    ),
    Scenario(
        **_SHIPPED, id="shipped-handling", title="handling time, shipped sizes",
        records=(16000, 2000), sigma=0.72, gain_sd=0.03, month_sd=0.01, mix=_MIX, season=0.02,
    ),
    Scenario(
        **_SHIPPED, id="shipped-response", title="answered in time, shipped sizes",
        kind="proportion", target=0.90, base=0.80, records=(3500, 500), branch_sd=0.27, gain_sd=0.1, month_sd=0.05,
    ),
    Scenario(
        group="shipped", id="shipped-incidents", title="incidents, shipped sizes",
        kind="rate", target=0.70, base=1.0, records=(313, 39), branch_sd=0, gain_sd=0, month_sd=0.08, dispersion=1.6,
    ),
    *_clusters(),
    *_records(),
    *_rates(),
    Scenario(
        id="survey-weighted", title="weighted survey, 20 branches", group="business",
        branches=20, unequal=SHIPPED, target=1.10, base=7.0, records=(3000, 1000), months=(6, 3), branch_sd=0.035,
        gain_sd=0.02, weights=0.7,
    ),
    Scenario(
        id="survey-records", title="weighted survey without branches", group="business",
        target=1.10, base=7.0, records=(1000, 500), months=(6, 3), branch_sd=0, gain_sd=0, weights=0.7,
    ),
    Scenario(
        id="mix", title="business mix changed, standardised", group="business",
        branches=20, records=(4000, 2000), months=(6, 3), sigma=0.7, mix=_MIX,
    ),
    Scenario(
        id="season", title="season of 10 %, same months compared", group="business",
        branches=20, records=(4800, 600), sigma=0.5, season=0.10,
    ),
    Scenario(
        id="response-records", title="answered in time, without branches",
        group="business", kind="proportion", target=0.90, base=0.80, records=(1000, 500), months=(6, 3), branch_sd=0,
        gain_sd=0,
    ),
    *_months(),
    Scenario(**_LOOKS, id="looks-spending", title="4 looks, error spent", looks=SPENDING),
    Scenario(**_LOOKS, id="looks-anytime", title="4 looks, any time", looks=ANYTIME),
)  # fmt: skip
