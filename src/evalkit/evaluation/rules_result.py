"""Cautions about the estimate and what may be read from it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import numpy as np

from evalkit.estimands.totals import COMMON_STRATA_CAUTION, common_shares
from evalkit.evaluation.common_shocks import shocks_enter
from evalkit.evaluation.flags import ALIKE, Case, flag
from evalkit.evaluation.interrupted import counts_events, plan_of
from evalkit.evaluation.window import scale_of
from evalkit.inference.contrast import Array
from evalkit.inference.poisson import attainable
from evalkit.inference.shocks import MONTHS_NEEDED
from evalkit.moments import Moments
from evalkit.results import Flag, SensitivityLine

DAYS_IN_SIGHT = 36500
DISPERSED = 1.5  # from this dispersion on, counts vary more than chance alone


def case_mix(case: Case) -> Iterator[Flag]:
    totals = case.outcome.totals
    if totals is None or not case.question.standardise_by or case.outcome.evaluation.effect is None:
        return
    before, after = totals.before[:, 1].sum(axis=(0, 1)), totals.after[:, 1].sum(axis=0)
    if before.sum() <= 0 or after.sum() <= 0:
        return
    moved = 50 * float(np.abs(before / before.sum() - after / after.sum()).sum())
    columns = ", ".join(case.question.standardise_by)
    if moved >= 5:
        plain = next((line.estimate for line in case.lines if line.name == "unadjusted"), None)
        plain = case.outcome.evaluation.effect.estimate if plain is None else plain
        yield flag(
            "case_mix_shift",
            "caution",
            "The mix of {columns} moved by {moved:.0f} points; holding it at the baseline's gives {own:.3f}, "
            "leaving it as it fell gives {plain:.3f}.",
            columns=columns,
            moved=moved,
            own=case.outcome.evaluation.effect.estimate,
            plain=plain,
        )
    share = min(common_shares(totals))
    if share < COMMON_STRATA_CAUTION:
        yield flag(
            "strata_dropped",
            "caution",
            "{share:.0f} % of the records lie in kinds of {columns} that both sides have; the rest is left out.",
            share=100 * share,
            columns=columns,
        )


def small_counts(case: Case) -> Iterator[Flag]:
    effect, totals = case.outcome.evaluation.effect, case.outcome.totals
    if effect is None or totals is None:
        return
    (xb, nb), (xa, na) = totals.before.sum(axis=(0, 2, 3)), totals.after.sum(axis=(0, 2))
    compared = [(xa, na)] if effect.scale == "level" else [(xb, nb), (xa, na)]
    if totals.kind == "rate" and min(x for x, _ in compared) < 10:
        expected = {"expected": float(xb * na / nb)} if len(compared) == 2 and nb > 0 else {}
        yield flag(
            "small_counts",
            "caution",
            "There are {after:.0f} events in the window"
            + (", where the baseline's {before:.0f} let expect about {expected:.3g}" if expected else "")
            + "; chance alone moves so small a count a great deal.",
            case="compared" if expected else "level",
            before=float(xb),
            after=float(xa),
            **expected,
        )
    if totals.kind == "proportion" and min(min(x, n - x) for x, n in compared) < 5:
        yield flag(
            "small_counts",
            "info" if effect.scale == "level" else "caution",
            "One side has fewer than 5 successes or fewer than 5 failures ({least:.0f}).",
            least=float(min(min(x, n - x) for x, n in compared)),
        )
    if (
        totals.kind == "mean"
        and not _bounded(case)
        and not totals.clustered
        and min(totals.records) < 500
        and effect.scale != "level"
    ):
        yield flag(
            "small_skewed_sample",
            "info",
            "One side has {records} records; below 500 a strongly skewed value makes false claims more often "
            "than stated.",
            records=min(totals.records),
        )


def whole_events(case: Case) -> Iterator[Flag]:
    """Look for amounts, such as of money, in the place of counts: what chance makes of them depends on their unit."""
    windows = [case.comparison.before, *case.comparison.after]
    if case.question.metric.kind == "rate" and not counts_events(case.moments, windows):
        yield flag(
            "events_not_whole",
            "caution",
            "The events are not whole numbers; amounts are no counts: use `kind: ratio`.",
        )


def no_success(case: Case) -> Iterator[Flag]:
    """Look for a success that no record is, as of a word that stands in none of them."""
    success, totals = getattr(case.question.metric, "success", None), case.outcome.totals
    if success is None or success.equals is None or totals is None or not min(totals.records):
        return
    if not totals.before[:, 0].any() and not totals.after[:, 0].any():
        yield flag(
            "no_success",
            "caution",
            "No record on either side has '{success}' in '{column}'; is that how it is written there?",
            success=str(success.equals),
            column=success.column,
        )


def already_kept(case: Case) -> Iterator[Flag]:
    """Look for a promised level that the baseline kept already: that it is kept now is no work of the programme."""
    evaluation, target = case.outcome.evaluation, getattr(case.question, "target", None)
    before = evaluation.before.value if evaluation.before is not None else None
    if target is None or target.scale != "level" or evaluation.verdict != "achieved" or before is None:
        return
    if (before >= target.value) if case.question.better == "higher" else (before <= target.value):
        yield flag(
            "already_kept",
            "caution",
            "The baseline kept this promise already, with {before:.3g}; that it is kept is no effect of the programme. "
            "What the programme did is the change against the baseline.",
            before=before,
        )


def _bounded(case: Case) -> bool:
    """Return whether the value has a declared maximum, as a score has: it cannot be strongly skewed."""
    value = case.question.metric.value
    if not isinstance(value, str):
        return False
    return any(f.name == value and f.constraints.maximum is not None for f in case.records.source.fields)


def dispersion(case: Case) -> Iterator[Flag]:
    effect = case.outcome.evaluation.effect
    if effect is None or case.question.metric.kind != "rate":
        return
    phi = effect.details.get("dispersion")
    if phi is None:
        yield flag(
            "overdispersion_unchecked",
            "caution",
            "Fewer than 12 months: whether they vary more than chance cannot be checked, and the exact interval "
            "assumes not.",
        )
        return
    plan = plan_of(case.question)
    if plan is None and (correlation := effect.details.get("autocorrelation", 0.0)) >= ALIKE:
        yield flag(
            "autocorrelation",
            "caution",
            "Months that follow one another are alike (correlation {correlation:.2f}), and the interval takes them as "
            "independent of each other: it may have to be {times:.1f} times as wide. A time series (`estimator`) takes "
            "it in.",
            case="rate",
            correlation=correlation,
            times=math.sqrt(effect.details["alike_months"]),
        )
    if phi <= DISPERSED or (plan is not None and plan.family == "gaussian"):  # there it is the variance of logarithms
        return
    if plan is not None and (plan.family, plan.errors) == ("poisson", "model"):
        yield flag(
            "overdispersion",
            "caution",
            "Months vary {phi:.1f} times as much as chance alone, and the interval is not widened for it: with "
            "`family: poisson` and `errors: model` counts are taken to vary as chance makes them. "
            "Name `family: quasi-poisson`.",
            case="poisson",
            phi=phi,
        )
    else:
        yield flag(
            "overdispersion",
            "info",
            "Months vary {phi:.1f} times as much as chance alone; the interval is widened for it.",
            phi=phi,
        )


def shocks(case: Case) -> Iterator[Flag]:
    if not shocks_enter(case.study, case.question):
        return
    effect = case.outcome.evaluation.effect
    modelled = case.question.estimator.kind != "direct"  # its errors are autoregressive
    if effect is not None and not modelled and "month_shock" not in effect.details:
        if _single_rows(case):
            yield flag(
                "month_shocks_unchecked",
                "info",
                "Months of the baseline are single rows, so what a whole month shares cannot be told from what rows "
                "vary by; the interval takes rows as independent of their neighbours.",
                case="rows",
            )
            return
        yield flag(
            "month_shocks_unchecked",
            "caution",
            "The baseline has fewer than 12 months that count, so whether whole months move together is not in "
            "the interval, which may be too narrow.",
        )
    found = case.outcome.shocks
    told = found is not None and found.variance > 0 and not found.season_apart
    same_months = case.question.compare_with == "same-months" and scale_of(case.question) != "level"
    if effect is not None and not modelled and told and same_months:
        yield flag(
            "season_in_shocks",
            "caution",
            "The baseline has fewer than 24 months, so its season counts among the shocks of whole months and "
            "widens the interval, though the same months are compared. From 24 months of baseline on, or once "
            "twelve months stand on either side, it is told apart.",
        )


def _single_rows(case: Case) -> bool:
    """Return whether the baseline has months enough, but so many of one record that these have no spread within."""
    inside = case.moments.within([case.comparison.before])
    months, place = np.unique(case.moments.start[inside].astype("datetime64[M]"), return_inverse=True)
    records = np.bincount(place, weights=case.moments.counts[inside, 0], minlength=len(months))
    return int((records > 0).sum()) >= MONTHS_NEEDED > int((records > 1).sum())


def ceiling(case: Case) -> Iterator[Flag]:
    metric, target, effect = (
        case.question.metric,
        getattr(case.question, "target", None),
        case.outcome.evaluation.effect,
    )
    if target is None or effect is None or effect.before is None or metric.kind == "rate":
        return
    top: float | None = 1.0 if metric.kind == "proportion" else None
    bottom: float | None = 0.0 if metric.kind == "proportion" else None
    if metric.kind == "mean" and isinstance(metric.value, str):
        rules = next(f.constraints for f in case.records.source.fields if f.name == metric.value)
        top, bottom = (rules.maximum, rules.minimum) if rules else (None, None)
    wanted = {"ratio": effect.before * target.value, "difference": effect.before + target.value, "level": target.value}[
        target.scale
    ]
    beyond = (top is not None and wanted > float(top)) or (bottom is not None and wanted < float(bottom))
    if beyond:
        yield flag(
            "ceiling",
            "serious",
            "The target asks for {wanted:.3g}, beyond the end of the scale; from a baseline of {before:.3g} it "
            "cannot be reached.",
            wanted=wanted,
            before=effect.before,
        )


def attainability(case: Case) -> Iterator[Flag]:
    effect, totals = case.outcome.evaluation.effect, case.outcome.totals
    if (
        effect is None
        or totals is None
        or totals.kind != "rate"
        or effect.scale != "ratio"
        or effect.target_value is None
        or plan_of(case.question) is not None  # what is worked out below is the direct comparison's
    ):
        return
    if effect.better != "lower":
        return
    (xb, eb), (_, ea) = totals.before.sum(axis=(0, 2, 3)), totals.after.sum(axis=(0, 2))
    phi = effect.details.get("dispersion")
    found = attainable(
        events_before=float(xb),
        exposure_before=float(eb),
        exposure_after=float(ea),
        target=effect.target_value,
        confidence=effect.confidence,
        dispersion=phi,
        df=effect.df if phi is not None else None,
    )
    if found.attainable:
        return
    times = found.least_exposure / float(ea)
    days = times * case.comparison.days
    if not days <= DAYS_IN_SIGHT:
        yield flag(
            "target_unattainable",
            "caution",
            "Even zero events in this window could not show the target, nor in any window within a hundred years.",
            case="never",
        )
        return
    yield flag(
        "target_unattainable",
        "caution",
        "Even zero events in this window could not show the target; that takes {times:.1f} times its "
        "exposure, so at the "
        "same pace the first that could ends on {end}.",
        times=times,
        end=str(case.comparison.span.start + timedelta(days=int(np.ceil(days)) - 1)),
    )


def looks_reached(case: Case) -> Iterator[Flag]:
    evaluation = case.outcome.evaluation
    effect = evaluation.effect
    if effect is None or effect.target_value is None or effect.verdict == "achieved":
        return
    crude = crude_estimate(case)
    if crude is None:
        return
    beyond = crude > effect.target_value if effect.better == "higher" else crude < effect.target_value
    if beyond:
        missed = effect.verdict == "not_achieved"
        same = abs(crude - effect.estimate) < 0.005 * abs(effect.estimate)
        yield flag(
            "looks_reached",
            "caution",
            "The figure {crude:.3f} is better than the target {target:g}, but its interval, {low:.3f} to "
            "{high:.3f}, reaches "
            "past it."
            if same
            else "Taken plainly the figures ({crude:.3f}) are beyond the target {target:g}, yet the evaluation "
            + ("shows that it is missed" if missed else "does not show it")
            + ": the estimate is {estimate:.3f} with interval {low:.3f} to {high:.3f}.",
            crude=crude,
            target=effect.target_value,
            estimate=effect.estimate,
            low=effect.low,
            high=effect.high,
        )


def crude_estimate(case: Case) -> float | None:
    """Return what plain arithmetic gives: the two sides' raw values compared, without any adjustment."""
    effect = case.outcome.evaluation.effect
    values = [_raw(case.moments, side) for side in ([case.comparison.before], case.comparison.after)]
    before, after = values
    if effect is None or after is None:
        return None
    if effect.scale == "level":
        return after
    if before is None or (effect.scale == "ratio" and before == 0):
        return None
    return after / before if effect.scale == "ratio" else after - before


def _raw(moments: Moments, windows: Any) -> float | None:
    sums: Array = moments.sums[moments.within(windows)].sum(axis=0)
    return float(sums[0] / sums[1]) if sums[1] > 0 else None


def robustness(case: Case) -> Iterator[Flag]:
    effect = case.outcome.evaluation.effect
    if effect is not None and effect.verdict is not None:
        yield from not_robust(case.lines, (effect.verdict,), effect.details.get("dispersion"))


def not_robust(lines: Iterable[SensitivityLine], verdicts: Sequence[str], dispersion: float | None) -> Iterator[Flag]:
    """Yield the caution that alternatives give a verdict that is none of these.

    To take counts as independent is no reasonable choice where they are known to vary more than that.
    """
    exact = dispersion is None or dispersion <= DISPERSED
    asked = (line for line in lines if exact or line.name != "exact")
    others = [line for line in asked if line.verdict is not None and line.verdict not in verdicts]
    if others:
        yield flag(
            "verdict_not_robust",
            "caution",
            "Another reasonable choice gives another verdict: {names}.",
            names=", ".join(f"{line.name} ({line.verdict.replace('_', ' ')})" for line in others if line.verdict),
        )
