"""The simulated banks of the calibration study: what is drawn, what is asked, and within which bounds the answers must be.

Standard deviations are on the log scale: `sigma` of records, `branch_sd` of branches' lasting levels, `gain_sd` of what
the programme changes in a branch, `month_sd` of shocks of whole months. For a proportion they are those of its failures.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

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
    id, title, title_zh : names; `group` is the table it stands in.
    kind, target, base : the metric, its target (a ratio; the level of a proportion), its true value before.
    records : expected records (events for a rate) in the (baseline, window).
    months : months of the (baseline, window); with `looks` the window is seen at each quarter's end.
    branches : clusters, 0 for none; `unequal` is the log standard deviation of their sizes.
    weights : log standard deviation of survey weights; scores are then whole numbers from 1 to 10.
    mix : (share before, share after, relative level) of each stratum, for which the goal is standardised.
    season : amplitude of the year's wave; the goal then compares the same months.
    dispersion : variance ÷ mean of a month's events.
    claims, coverage : the bounds of methods.md; `small` where it asks for the measured rate only.
    over : whether coverage above 97 % is allowed.
    power : whether the power promised is compared with the power measured.
    """

    id: str
    title: str
    title_zh: str
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
    mix: tuple[tuple[float, float, float], ...] = ()
    season: float = 0.0
    dispersion: float = 1.0
    looks: str = ""
    estimator: str = "direct"
    claims: float = 0.025
    coverage: float = 0.935
    small: bool = False
    over: bool = False
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
            "sources: {records: {path: none.csv, time: day, fields: [{name: day, type: date}, {name: value, type: number},",
            "  {name: weight, type: number}, {name: hit, type: boolean}, {name: exposure, type: number},",
            "  {name: branch, type: string}, {name: business, type: string}]}}",
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
    def bounded_above(self) -> bool:
        """Whether coverage above 97 % is a miss."""
        return not (self.over or self.looks or (self.kind == "rate" and self.records[0] * self.months[1] < 240))


def _clusters() -> list[Scenario]:
    found = []
    for branches in (5, 20, 200):
        for unequal, word, zh in ((0.0, "equal", "规模相同"), (1.5, "very unequal", "规模悬殊")):
            records = (120.0 * branches, 60.0 * branches)
            found.append(
                Scenario(
                    id=f"branches-{branches}-{'unequal' if unequal else 'equal'}",
                    title=f"{branches} branches, {word}",
                    title_zh=f"{branches}个网点，{zh}",
                    group="clusters",
                    branches=branches,
                    unequal=unequal,
                    records=records,
                    months=(6, 3),
                    gain_sd=0.10,
                    over=branches == 5 and unequal > 0,  # fewer than 4 effective clusters
                )
            )
    return found


def _records() -> list[Scenario]:
    return [
        Scenario(
            id=f"durations-{size}",
            title=f"log-normal durations, {size} records an arm",
            title_zh=f"对数正态时长，每侧{size}条记录",
            group="records",
            records=(size, size),
            months=(6, 3),
            branch_sd=0,
            gain_sd=0,
            small=size < 500,
        )
        for size in (100, 500, 2000)
    ]


def _rates() -> list[Scenario]:
    found = []
    for expected, months, dispersion in (
        *((4, (6, 3), 1.0), (12, (6, 3), 1.0), (40, (6, 3), 1.0)),
        *((4, (24, 12), 1.0), (12, (24, 12), 1.0), (40, (24, 12), 1.0)),
        *((40, (24, 3), 1.5), (40, (24, 12), 1.5), (40, (24, 12), 2.0), (40, (24, 12), 3.0), (300, (24, 3), 2.0)),
    ):
        found.append(
            Scenario(
                id=f"incidents-{expected}-{months[0]}+{months[1]}-{dispersion:g}",
                title=f"{expected} incidents before, {months[0]} + {months[1]} months, variance {dispersion:g} × mean",
                title_zh=f"基期{expected}起事件，{months[0]}+{months[1]}个月，方差为均值的{dispersion:g}倍",
                group="rates",
                kind="rate",
                target=0.70,
                base=1.0,
                records=(expected, expected * months[1] / months[0]),
                months=months,
                branch_sd=0,
                gain_sd=0,
                dispersion=dispersion,
                power=expected == 300,
            )
        )
    return found


def _months() -> list[Scenario]:
    bounds = {0.0: (0.025, 0.935), 0.3: (0.04, 0.92), 0.6: (0.05, 0.90)}
    return [
        Scenario(
            id=f"months-{before}+{after}-{correlation:g}{'-series' if series else ''}",
            title=f"month shocks, AR(1) {correlation:g}, {before} + {after} months"
            + (", as a time series" if series else ""),
            title_zh=f"月度冲击AR(1)={correlation:g}，{before}+{after}个月" + ("，时间序列法" if series else ""),
            group="months",
            branches=20,
            records=(100.0 * before, 100.0 * after),
            months=(before, after),
            sigma=0.5,
            gain_sd=0.02,
            month_sd=0.05,
            correlation=correlation,
            estimator="interrupted-time-series" if series else "direct",
            claims=claims,
            coverage=coverage,
            over=series,
            power=correlation == 0 and not series,
        )
        for before, after, series in ((24, 3, False), (24, 12, False), (24, 12, True))
        for correlation, (claims, coverage) in bounds.items()
    ]


_MIX = (
    (0.24, 0.30, 0.5),
    (0.22, 0.24, 0.33),
    (0.2, 0.2, 0.83),
    (0.17, 0.14, 1.5),
    (0.09, 0.06, 1.9),
    (0.08, 0.06, 5.0),
)
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
        **_SHIPPED, id="shipped-satisfaction", title="satisfaction, shipped sizes", title_zh="客户满意度，随附数据规模",
        target=1.10, base=7.0, records=(9600, 1200), branch_sd=0.035, gain_sd=0.02, month_sd=0.003, weights=0.35,
    ),
    Scenario(
        **_SHIPPED, id="shipped-handling", title="handling time, shipped sizes", title_zh="办理时间，随附数据规模",
        records=(16000, 2000), sigma=0.72, gain_sd=0.03, month_sd=0.01, mix=_MIX, season=0.02,
    ),
    Scenario(
        **_SHIPPED, id="shipped-response", title="answered in time, shipped sizes", title_zh="按时答复率，随附数据规模",
        kind="proportion", target=0.90, base=0.80, records=(3500, 500), branch_sd=0.27, gain_sd=0.1, month_sd=0.05,
    ),
    Scenario(
        group="shipped", id="shipped-incidents", title="incidents, shipped sizes", title_zh="安全事件，随附数据规模",
        kind="rate", target=0.70, base=1.0, records=(313, 39), branch_sd=0, gain_sd=0, month_sd=0.08, dispersion=1.6,
    ),
    *_clusters(),
    *_records(),
    *_rates(),
    Scenario(
        id="survey-weighted", title="weighted survey, 20 branches", title_zh="加权问卷，20个网点", group="business",
        branches=20, unequal=SHIPPED, target=1.10, base=7.0, records=(3000, 1000), months=(6, 3), branch_sd=0.035,
        gain_sd=0.02, weights=0.7,
    ),
    Scenario(
        id="survey-records", title="weighted survey without branches", title_zh="加权问卷，不分网点", group="business",
        target=1.10, base=7.0, records=(1000, 500), months=(6, 3), branch_sd=0, gain_sd=0, weights=0.7,
    ),
    Scenario(
        id="mix", title="business mix changed, standardised", title_zh="业务结构变化，标准化", group="business",
        branches=20, records=(4000, 2000), months=(6, 3), sigma=0.7, mix=_MIX,
    ),
    Scenario(
        id="season", title="season of 10 %, same months compared", title_zh="10%季节波动，同月比较", group="business",
        branches=20, records=(4800, 600), sigma=0.5, season=0.10,
    ),
    Scenario(
        id="response-records", title="answered in time, without branches", title_zh="按时答复率，不分网点",
        group="business", kind="proportion", target=0.90, base=0.80, records=(1000, 500), months=(6, 3), branch_sd=0,
        gain_sd=0,
    ),
    *_months(),
    Scenario(**_LOOKS, id="looks-spending", title="4 looks, error spent", title_zh="4次查看，分配误差", looks=SPENDING),
    Scenario(**_LOOKS, id="looks-anytime", title="4 looks, any time", title_zh="4次查看，任意时刻", looks=ANYTIME),
)  # fmt: skip
