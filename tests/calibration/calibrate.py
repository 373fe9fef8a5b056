"""Replicates of every scenario through the evaluation itself, and what came out beside what must."""

from __future__ import annotations

import math
import multiprocessing
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import numpy as np
from scipy import special

from calibration.scenarios import SCENARIOS, Scenario
from calibration.shortcuts import shortcuts
from calibration.simulate import Bank
from evalkit.effect import Effect, decide
from evalkit.estimands.compare_rates import MONTHS_FOR_DISPERSION
from evalkit.evaluation.common_shocks import added_by, baseline_months, baseline_shocks
from evalkit.evaluation.diagnostics import Case
from evalkit.evaluation.looks import evaluate_to_date
from evalkit.evaluation.rules_baseline import placebo
from evalkit.evaluation.window import Outcome, choices_of, evaluate_window
from evalkit.evaluation.windows import period_comparison
from evalkit.inference.multiplicity import adjust
from evalkit.inference.power import Curve, concluded, contrast_curve, rate_curve
from evalkit.moments import Moments
from evalkit.periods import Period

CONFIDENCE, ALPHA = 0.95, 0.025
CEILING, SLACK = 0.97, 0.03  # of coverage; of power about its promise
_Z99 = 2.5758293035489004
Measure = Literal["coverage", "false_achieved", "false_not_achieved", "power", "placebo"]
Progress = Callable[[str, int, int, float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A simulated rate with its Monte-Carlo interval, and whether that lies outside its bound.

    Attributes
    ----------
    scenario, measure, method : what was measured; the method is `evalkit` or one of the shortcuts.
    rate, count, of : the share, and of how many replicates; `low`, `high` are its 99 % Wilson limits.
    least, most : the bounds, None where there is none.
    """

    scenario: str
    measure: Measure
    method: str
    count: int
    of: int
    least: float | None = None
    most: float | None = None

    @property
    def rate(self) -> float:
        return self.count / self.of if self.of else math.nan

    @property
    def limits(self) -> tuple[float, float]:
        """The 99 % Wilson limits of the rate (Wilson 1927, J. Am. Stat. Assoc. 22, p. 209–212).

        >>> [round(x, 4) for x in Figure(scenario="", measure="coverage", method="", count=50, of=2000).limits]
        [0.0175, 0.0357]
        """
        if not self.of:
            return 0.0, 1.0
        p, n, z = self.rate, self.of, _Z99
        centre, reach = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return (centre - reach) / (1 + z * z / n), (centre + reach) / (1 + z * z / n)

    @property
    def bounded(self) -> bool:
        return self.least is not None or self.most is not None

    @property
    def missed(self) -> bool:
        """Whether the figure lies outside its bound by more than chance."""
        low, high = self.limits
        return (self.least is not None and high < self.least) or (self.most is not None and low > self.most)

    def to_dict(self) -> dict[str, Any]:
        """Return the figure as plain values."""
        low, high = (round(limit, 5) for limit in self.limits)
        rate = round(self.rate, 5) if self.of else None
        return {**asdict(self), "rate": rate, "low": low, "high": high, "missed": self.missed}


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """All figures, and how they came about."""

    replicates: int
    seed: int
    scenarios: tuple[Scenario, ...]
    figures: tuple[Figure, ...]
    details: dict[str, dict[str, float]] = field(default_factory=dict)

    @property
    def misses(self) -> tuple[Figure, ...]:
        """The figures of evalkit's own methods that miss their bound."""
        return tuple(figure for figure in self.figures if figure.missed and figure.method == "evalkit")

    def to_dict(self) -> dict[str, Any]:
        """Return the study as plain values."""
        return {
            "replicates": self.replicates,
            "seed": self.seed,
            "misses": len(self.misses),
            "details": self.details,
            "figures": [figure.to_dict() for figure in self.figures],
        }


@dataclass(slots=True)
class Tally:
    """What the replicates of one scenario at one truth came to; `claims` are (p, achieved), p = 1 without an answer."""

    tried: int = 0
    evaluated: int = 0
    covered: int = 0
    achieved: int = 0
    not_achieved: int = 0
    fired: int = 0
    links: list[float] = field(default_factory=list)
    dfs: list[float] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)
    shocks: list[tuple[float, float]] = field(default_factory=list)  # added to the variance: by estimate, by truth
    own_dfs: list[float] = field(default_factory=list)
    claims: list[tuple[float, bool]] = field(default_factory=list)
    others: dict[str, list[tuple[bool, bool, bool]]] = field(default_factory=dict)


def replicate(scenario: Scenario, truth: float, replicates: int, seed: int, *, others: bool) -> Tally:
    """Return the tally of a scenario whose true contrast is `truth`; `others` adds the usual shortcuts."""
    # the generator depends on the scenario's name, not on its place in the list
    rng = np.random.default_rng([seed, *scenario.id.encode(), round(1e6 * truth)])
    bank, tally = Bank.of(scenario), Tally()
    for _ in range(replicates):
        moments = bank.draw(rng, truth)
        outcomes = _evaluate(scenario, moments)
        effects = [outcome.evaluation.effect for outcome in outcomes]
        tally.tried += 1
        if others and scenario.placebo:
            tally.fired += _placebo(scenario, moments, outcomes[0])
        _count(tally, scenario, truth, [effect for effect in effects if effect is not None])
        if scenario.estimator == "direct" and effects[-1] is not None:
            tally.shocks.append(_shocks_added(scenario, moments, outcomes[-1]))
        if others and not scenario.looks and effects[0] is not None:
            for name, low, high in shortcuts(scenario, moments, outcomes[0], effects[0]):
                verdict = decide(low, high, scenario.target, scenario.better)
                told = (low <= truth <= high, verdict == "achieved", verdict == "not_achieved")
                tally.others.setdefault(name, []).append(told)
    return tally


def _count(tally: Tally, scenario: Scenario, truth: float, effects: list[Effect]) -> None:
    """Count a replicate: over several looks it covers when all do, and claims when any does."""
    verdicts = {effect.verdict for effect in effects}
    p = effects[-1].p_target if effects else None
    tally.claims.append((1.0 if p is None else p, "achieved" in verdicts))
    if not effects:
        return
    tally.evaluated += 1
    tally.covered += all(effect.low <= truth <= effect.high for effect in effects)
    tally.achieved += "achieved" in verdicts
    tally.not_achieved += "not_achieved" in verdicts
    last = effects[-1]
    if scenario.scale == "level" or last.estimate > 0:
        tally.links.append(last.estimate if scenario.scale == "level" else math.log(last.estimate))
    tally.dfs.append(math.inf if last.df is None else last.df)
    tally.errors.append(last.details.get("standard_error", math.nan))
    tally.own_dfs.append(last.details.get("effective_clusters", math.inf) - 1)


def _shocks_added(scenario: Scenario, moments: Moments, outcome: Outcome) -> tuple[float, float]:
    """Return what months' shocks add to the variance, as estimated and in truth; nothing where none are estimated."""
    if outcome.shocks is None or outcome.comparison is None:
        return 0.0, 0.0
    sd = scenario.month_sd * (1 - scenario.base if scenario.kind == "proportion" else 1)
    true = replace(outcome.shocks, variance=sd * sd, correlation=scenario.correlation)
    found = (
        added_by(
            shocks,
            scenario.goal,
            moments,
            outcome.comparison,
            scenario.scale,
            season=choices_of(scenario.goal).same_months,
        )
        for shocks in (outcome.shocks, true)
    )
    estimated, truth = (0.0 if added is None else added.variance for added in found)
    return estimated, truth


def _evaluate(scenario: Scenario, moments: Moments) -> list[Outcome]:
    """Return the outcomes of the evaluation proper: one, or one of each look."""
    study, goal, window = scenario.study, scenario.goal, scenario.window
    shocks = baseline_shocks(study, goal, moments, scenario.scale)
    if not scenario.looks:
        comparison = period_comparison(study, goal, Period("window", window), window.end)
        return [evaluate_window(study, goal, moments, comparison, CONFIDENCE, shocks)]
    found = (evaluate_to_date(study, goal, moments, period, period.end, shocks) for period in study.periods(window.end))
    return [outcome for outcome in found if outcome is not None]


def _placebo(scenario: Scenario, moments: Moments, outcome: Outcome) -> bool:
    """Return whether the placebo in time fires, in whose baseline nothing ever changed."""
    records: Any = None  # the rule looks at moments only
    case = Case(
        study=scenario.study,
        question=scenario.goal,
        moments=moments,
        records=records,
        outcome=outcome,
        comparison=outcome.comparison,  # type: ignore[arg-type]
        months=baseline_months(scenario.goal, moments, scenario.study.baseline, scenario.scale),
        lines=(),
        as_of=scenario.window.end,
    )
    return any(True for _ in placebo(case))


def calibrate(scenario: Scenario, replicates: int, seed: int) -> tuple[list[Figure], dict[str, float], Tally]:
    """Return a scenario's figures, the numbers behind its power, and the tally with the truth on the target."""
    null = replicate(scenario, scenario.target, replicates, seed, others=True)

    def figure(measure: Measure, method: str, count: int, of: int, least: float | None, most: float | None) -> Figure:
        return Figure(scenario=scenario.id, measure=measure, method=method, count=count, of=of, least=least, most=most)

    most = None if scenario.small else scenario.claims
    least = None if scenario.small else scenario.coverage
    figures = [
        figure("coverage", "evalkit", null.covered, null.evaluated, least, CEILING if scenario.bounded_above else None),
        figure("false_achieved", "evalkit", null.achieved, null.tried, None, most),
        figure("false_not_achieved", "evalkit", null.not_achieved, null.tried, None, None),
    ]
    for name, told in null.others.items():
        covered, achieved, not_achieved = (int(sum(column)) for column in zip(*told, strict=True))
        if name != "point":
            figures.append(figure("coverage", name, covered, len(told), least, None))
        figures.append(figure("false_achieved", name, achieved, null.tried, None, scenario.claims))
        figures.append(figure("false_not_achieved", name, not_achieved, null.tried, None, None))
    if scenario.placebo:
        figures.append(figure("placebo", "evalkit", null.fired, null.tried, None, 2 * scenario.claims))
    details = {
        "not_evaluable": 1 - null.evaluated / null.tried,
        "df": _median(null.dfs),
        "standard_error": _median(null.errors),
        "true_standard_error": float(np.std(null.links, ddof=1)) if len(null.links) > 1 else math.nan,
    }
    power = _power(scenario, null, replicates, seed) if scenario.power else None
    if power is not None:
        figures.append(power[0])
        details |= power[1]
    return figures, {name: round(value, 6) for name, value in details.items() if math.isfinite(value)}, null


def _median(values: Sequence[float]) -> float:
    return float(np.median(values)) if values else math.nan


def _curve(scenario: Scenario, null: Tally, links: Sequence[float], slack: float = 0.0) -> Curve:
    """Return the power promised over true effects: evalkit's own, given the scenario's true variance.

    That is a rate's from its dispersion, else the variance of the replicates' estimates, `slack` larger.
    """
    given: dict[str, Any] = {"target": scenario.target, "better": scenario.better, "level": ALPHA}
    middle = _median(null.dfs)
    df = middle if math.isfinite(middle) else None
    before, after = scenario.records
    if scenario.kind == "rate":
        shocks = before / scenario.months[0] * math.expm1(scenario.month_sd**2)
        phi = scenario.dispersion + shocks if sum(scenario.months) >= MONTHS_FOR_DISPERSION else None
        return rate_curve(events_before=before, exposure_ratio=after / before, dispersion=phi, df=df, **given)
    on_target, beyond = (float(np.std(x, ddof=1)) for x in (null.links, links))
    if scenario.scale == "ratio":  # one variance, whatever the ratio
        on_target = beyond = math.hypot(on_target, beyond) / math.sqrt(2)
    if any(estimated > 0 for estimated, _ in null.shocks):
        return _priced(scenario, null, (on_target, beyond * (1 + slack)))
    return contrast_curve(
        lambda _: (beyond * (1 + slack), df), scale=scenario.scale, null_ratio=lambda _: on_target / beyond, **given
    )


def _priced(scenario: Scenario, null: Tally, errors: tuple[float, float]) -> Curve:
    """Return the power promised where months' shocks are estimated, floored at zero: their noise has its price.

    True are the standard errors (on the target, beyond it) and the shocks; each replicate tests with its own estimate of
    the shocks beside an own variance that has the clusters' degrees of freedom.
    """
    estimated, truth = np.array(null.shocks).T
    on_target, beyond = errors
    own = np.maximum(on_target**2 - truth, 1e-3 * on_target**2)
    free = min(_median(null.own_dfs), 1e6)
    tested = own + estimated * (beyond / on_target) ** 2  # a level's shocks shrink with its variance
    quantiles = special.stdtrit(np.minimum(null.dfs, 1e9), 1 - ALPHA)
    critical = quantiles * np.sqrt(tested) / on_target
    noise = np.minimum(tested**2 * free / own**2, 1e6)
    sign = 1 if scenario.better == "higher" else -1

    def curve(effect: float) -> float:
        apart = math.log(effect / scenario.target) if scenario.scale == "ratio" else effect - scenario.target
        return float(np.mean(1 - special.nctdtr(noise, sign * apart / beyond, critical * on_target / beyond)))

    return curve


def _power(scenario: Scenario, null: Tally, replicates: int, seed: int) -> tuple[Figure, dict[str, float]] | None:
    """Return the power measured at the effect that is promised to show in four of five banks; None if none is.

    The bound widens by what the Monte-Carlo error of the true variance makes of the promise.
    """
    if scenario.kind != "rate" and len(null.links) < null.tried:
        return None
    stated = _curve(scenario, null, null.links)
    found = concluded(stated, target=scenario.target, better=scenario.better, scale=scenario.scale, level=ALPHA)
    if found.detectable is None:
        return None
    truth = found.detectable
    tally = replicate(scenario, truth, replicates, seed, others=False)
    promise = _curve(scenario, null, tally.links)(truth)
    error = _Z99 / math.sqrt(2 * (len(null.links) + len(tally.links)))
    slack = SLACK + abs(promise - _curve(scenario, null, tally.links, error)(truth))
    told: dict[str, Any] = {"scenario": scenario.id, "measure": "power", "method": "evalkit"}
    figure = Figure(**told, count=tally.achieved, of=tally.tried, least=promise - slack, most=promise + slack)
    return figure, {"true_effect": truth, "promised_power": promise}


def family(tallies: Iterable[Tally], method: Literal["holm", "none"]) -> tuple[int, int]:
    """Return in how many replicates any goal of the family is falsely `achieved`, and of how many."""
    rows = list(zip(*(tally.claims for tally in tallies), strict=True))
    wrong = 0
    for row in rows:
        adjusted = adjust([p for p, _ in row], method)
        wrong += any(achieved and p < ALPHA for p, (_, achieved) in zip(adjusted, row, strict=True))
    return wrong, len(rows)


def tell(name: str, done: int, of: int, seconds: float) -> None:
    """Print how far the study is."""
    print(f"{done}/{of} {name} ({seconds:.0f} s)", flush=True)


def run(
    replicates: int = 2000,
    seed: int = 1,
    *,
    scenarios: Sequence[Scenario] = SCENARIOS,
    workers: int = 2,
    progress: Progress | None = None,
) -> Study:
    """Run the calibration study: every scenario `replicates` times on target and, where power is promised, beyond it.

    The same seed gives the same figures, however many workers.

    >>> study = run(5, 1, scenarios=[s for s in SCENARIOS if s.id == "durations-100"], workers=1)
    >>> study.figures[1].measure, study.figures[1].of
    ('false_achieved', 5)
    """
    found: dict[str, tuple[list[Figure], dict[str, float], Tally]] = {}
    began = time.monotonic()

    def done(name: str, result: tuple[list[Figure], dict[str, float], Tally]) -> None:
        found[name] = result
        if progress:
            progress(name, len(found), len(scenarios), time.monotonic() - began)

    if workers == 1:
        for scenario in scenarios:
            done(scenario.id, calibrate(scenario, replicates, seed))
    else:
        # spawned, not forked: whoever calls may have threads
        with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
            waiting = {pool.submit(calibrate, scenario, replicates, seed): scenario.id for scenario in scenarios}
            for future in as_completed(waiting):
                done(waiting[future], future.result())
    ordered = {scenario.id: found[scenario.id] for scenario in scenarios}
    figures = [figure for part, _, _ in ordered.values() for figure in part]
    shipped = [ordered[s.id][2] for s in scenarios if s.group == "shipped"]
    if len(shipped) > 1:
        for method, name in (("holm", "evalkit"), ("none", "unadjusted")):
            wrong, of = family(shipped, method)  # type: ignore[arg-type]
            figures.append(
                Figure(scenario="family", measure="false_achieved", method=name, count=wrong, of=of, most=ALPHA)
            )
    return Study(
        replicates=replicates,
        seed=seed,
        scenarios=tuple(scenarios),
        figures=tuple(figures),
        details={name: details for name, (_, details, _) in ordered.items()},
    )
