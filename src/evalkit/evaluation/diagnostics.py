"""Cautions: each rule looks at one goal's evaluation and says one plain sentence, or nothing.

A rule's code, severity and threshold are its contract; `CODES` lists them all for the reference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.evaluation.window import COMMON_STRATA_CAUTION, Outcome, common_share
from evalkit.evaluation.windows import Comparison, month_shares
from evalkit.inference.contrast import Array
from evalkit.moments import Moments
from evalkit.results import Flag, SensitivityLine, Severity

if TYPE_CHECKING:
    from evalkit.records import Records
    from evalkit.study import Study

CODES = {
    "rejected_rows": "records were rejected; caution above 1 %",
    "duplicate_keys": "keys stand more than once",
    "missing_values": "records in the comparison lack the value; caution from 5 %",
    "undated_records": "records have no time that places them in a window",
    "unfinished_records": "records had not finished by the cut-off; caution unless `within` or time = to guards it",
    "not_yet_due": "records whose window had not closed by the cut-off are left out",
    "phase_in_overlap": "part of the window lies in the phase-in and is left out",
    "partial_period": "the cut-off lies before the window's end",
    "season_not_covered": "window and baseline hold different shares of calendar months",
    "moving_holiday": "the window holds only one of January and February",
    "case_mix_shift": "the mix of the standardised strata moved by 5 points or more",
    "strata_dropped": "between 80 and 95 % of the records lie in strata both sides have",
    "few_clusters": "fewer than 10 effective clusters",
    "dominating_cluster": "one cluster holds 40 % or more of a side",
    "missing_cluster": "records without a cluster count as one cluster of their own",
    "small_counts": "fewer than 10 events, or fewer than 5 successes or failures, on a side",
    "overdispersion": "months vary more than 1.5 times as much as chance alone",
    "overdispersion_unchecked": "fewer than 12 months: exact interval, dispersion taken as 1",
    "month_shocks_unchecked": "fewer than 12 baseline months: shocks of whole months are not in the interval",
    "small_skewed_sample": "fewer than 500 records without clusters on a side of a mean",
    "participation_change": "records a day changed by a quarter or more, so those who answer may have changed",
    "ceiling": "the target lies beyond what the bounded scale leaves",
    "target_unattainable": "even zero events could not show the target yet",
    "looks_reached": "the plain comparison is beyond the target, the evaluation does not show it",
    "looks_exhausted": "more looks at everything to date than planned",
    "multiplicity": "achieved alone, but not after adjustment over all goals",
    "verdict_not_robust": "reasonable alternatives give another verdict",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """All that a rule may look at."""

    study: Study
    question: Any
    moments: Moments
    records: Records
    outcome: Outcome
    comparison: Comparison
    lines: tuple[SensitivityLine, ...]


Rule = Callable[[Case], Iterator[Flag]]


def diagnose(case: Case) -> tuple[Flag, ...]:
    """Return the flags of all rules, in the order of the rules."""
    return tuple(flag for rule in RULES for flag in rule(case))


def flag(code: str, severity: Severity, message: str, **figures: Any) -> Flag:
    return Flag(code=code, severity=severity, message=message.format(**figures), figures=figures)


def _records_left_out(case: Case) -> Iterator[Flag]:
    records = case.records
    if records.rejected:
        share = records.rejected_share
        yield flag(
            "rejected_rows",
            "caution" if share > 0.01 else "info",
            "{rejected} of {found} records of '{source}' ({share:.2f} %) were rejected.",
            rejected=records.rejected,
            found=records.found,
            source=records.name,
            share=100 * share,
        )
    duplicates = sum(n for reason, n in records.reasons.items() if ": duplicate" in reason)
    if duplicates:
        yield flag(
            "duplicate_keys",
            "caution",
            "{count} records of '{source}' repeat a key that should be unique and do not count.",
            count=duplicates,
            source=records.name,
        )
    sides = [case.comparison.before], case.comparison.after
    missing = sum(case.moments.total(side, "missing") for side in sides)
    counted = sum(case.moments.total(side, "n") for side in sides)
    if missing:
        share = missing / (missing + counted)
        yield flag(
            "missing_values",
            "caution" if share >= 0.05 else "info",
            "{missing} records ({share:.1f} %) lack the value and are left out.",
            missing=missing,
            share=100 * share,
        )
    if case.moments.undated:
        yield flag(
            "undated_records",
            "info",
            "{count} records have no '{column}' and belong to no window.",
            count=case.moments.undated,
            column=case.records.source.time,
        )


def _unfinished(case: Case) -> Iterator[Flag]:
    value = getattr(case.question.metric, "value", None)
    if value is None or isinstance(value, str):
        return
    still_open = sum(case.moments.total(side, "open") for side in ([case.comparison.before], case.comparison.after))
    late = case.moments.total(case.comparison.after, "not_yet_due")
    guarded = value.within is not None or case.records.source.time == value.to
    if not still_open and not late and guarded:
        return
    if guarded:
        yield flag(
            "unfinished_records",
            "info",
            "{open} records had not finished by the cut-off; {late} that began too late to be followed up are "
            "left out.",
            open=still_open,
            late=late,
        )
    elif still_open:
        yield flag(
            "unfinished_records",
            "caution",
            "{open} records had not finished by the cut-off and are left out, so the latest days look quicker "
            "than they "
            "are; set `within` on the value, or place records by '{column}'.",
            open=still_open,
            column=value.to,
        )


def _not_yet_due(case: Case) -> Iterator[Flag]:
    count = case.outcome.evaluation.not_yet_due
    if count:
        yield flag(
            "not_yet_due",
            "info",
            "{count} records' windows had not closed by the cut-off; they are left out.",
            count=count,
        )


def _window(case: Case) -> Iterator[Flag]:
    comparison = case.comparison
    phase_in = case.study.windows_of(case.question)[1]
    if phase_in and comparison.asked.intersect(phase_in):
        yield flag(
            "phase_in_overlap",
            "info",
            "Part of the window lies in the phase-in ({phase_in}); the remaining {days} days are evaluated.",
            phase_in=str(phase_in),
            days=comparison.days,
        )
    if comparison.span.end < comparison.asked.end and not (phase_in and comparison.asked.end in phase_in):
        yield flag(
            "partial_period",
            "caution",
            "The data cut-off lies before the window's end; days up to {end} are evaluated.",
            end=str(comparison.span.end),
        )


def _season(case: Case) -> Iterator[Flag]:
    after = month_shares(case.comparison.after)
    before = month_shares([case.comparison.before])
    if case.question.compare_with == "baseline":
        apart = 0.5 * float(np.abs(after - before).sum())
        if apart > 0.10:
            held = any(line.name == "same months" for line in case.lines)
            yield flag(
                "season_not_covered",
                "info" if held else "caution",
                "The window holds other calendar months than the baseline, so a season can look like a change; "
                + (
                    "the line 'same months' of the sensitivity analysis compares like with like."
                    if held
                    else "the baseline lacks those months, so this cannot be checked."
                ),
                held=held,
            )
    if (after[0] > 0) != (after[1] > 0):
        yield flag(
            "moving_holiday",
            "info",
            "The window holds only one of January and February; the Spring Festival moves between them.",
        )


def _mix(case: Case) -> Iterator[Flag]:
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
        yield flag(
            "case_mix_shift",
            "caution",
            "The mix of {columns} moved by {moved:.0f} points; holding it at the baseline's gives {own:.3f}, "
            "leaving it as it fell gives {plain:.3f}.",
            columns=columns,
            moved=moved,
            own=case.outcome.evaluation.effect.estimate,
            plain=plain if plain is not None else float("nan"),
        )
    share = common_share(totals)
    if share < COMMON_STRATA_CAUTION:
        yield flag(
            "strata_dropped",
            "caution",
            "{share:.0f} % of the records lie in kinds of {columns} that both sides have; the rest is left out.",
            share=100 * share,
            columns=columns,
        )


def _clusters(case: Case) -> Iterator[Flag]:
    effect, totals, cluster = case.outcome.evaluation.effect, case.outcome.totals, case.question.cluster
    if effect is None or totals is None or not totals.clustered:
        return
    effective = effect.details.get("effective_clusters")
    if effective is not None and effective < 10:
        yield flag(
            "few_clusters",
            "caution",
            "The {clusters:.0f} units of '{cluster}' are worth {effective:.1f} equal ones; with so few the "
            "interval is wide "
            "and rests on their being alike.",
            clusters=effect.details.get("clusters", 0.0),
            cluster=cluster,
            effective=effective,
        )
    sides = totals.before[:, 1].sum(axis=(1, 2)), totals.after[:, 1].sum(axis=1)
    shares = np.max([side / side.sum() if side.sum() > 0 else side for side in sides], axis=0)
    if shares.max() >= 0.40:
        yield flag(
            "dominating_cluster",
            "caution",
            "One unit of '{cluster}' holds {share:.0f} % of a side's weight; the result is mostly its own.",
            cluster=cluster,
            share=100 * float(shares.max()),
        )
    if None in case.moments.clusters:
        lost = case.moments.cluster == case.moments.clusters.index(None)
        here = case.moments.within([case.comparison.before, *case.comparison.after])
        count = int(case.moments.counts[lost & here, 0].sum())
        if count:
            yield flag(
                "missing_cluster",
                "info",
                "{count} records have no '{cluster}'; together they count as one unit.",
                count=count,
                cluster=cluster,
            )


def _counts(case: Case) -> Iterator[Flag]:
    effect, totals = case.outcome.evaluation.effect, case.outcome.totals
    if effect is None or totals is None:
        return
    (xb, nb), (xa, na) = totals.before.sum(axis=(0, 2, 3)), totals.after.sum(axis=(0, 2))
    compared = [(xa, na)] if effect.scale == "level" else [(xb, nb), (xa, na)]
    if totals.kind == "rate" and min(x for x, _ in compared) < 10:
        yield flag(
            "small_counts",
            "caution",
            "There are only {events:.0f} events on one side; chance alone moves such a count a great deal.",
            events=float(min(x for x, _ in compared)),
        )
    if totals.kind == "proportion" and min(min(x, n - x) for x, n in compared) < 5:
        yield flag(
            "small_counts",
            "info" if effect.scale == "level" else "caution",
            "One side has fewer than 5 successes or fewer than 5 failures ({least:.0f}).",
            least=float(min(min(x, n - x) for x, n in compared)),
        )
    if totals.kind == "mean" and not totals.clustered and min(totals.records) < 500 and effect.scale != "level":
        yield flag(
            "small_skewed_sample",
            "info",
            "One side has {records} records; below 500 a strongly skewed value makes false claims more often "
            "than stated.",
            records=min(totals.records),
        )


def _dispersion(case: Case) -> Iterator[Flag]:
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
    elif phi > 1.5:
        yield flag(
            "overdispersion",
            "info",
            "Months vary {phi:.1f} times as much as chance alone; the interval is widened for it.",
            phi=phi,
        )


def _shocks(case: Case) -> Iterator[Flag]:
    if case.question.metric.kind == "rate" or case.study.inference.common_shocks == "none":
        return
    effect = case.outcome.evaluation.effect
    modelled = case.question.estimator.kind != "direct"  # its errors are autoregressive
    if effect is not None and not modelled and "month_shock" not in effect.details:
        yield flag(
            "month_shocks_unchecked",
            "info",
            "The baseline has fewer than 12 months that count, so whether whole months move together is not in "
            "the interval.",
        )


def _participation(case: Case) -> Iterator[Flag]:
    metric, before, after = case.question.metric, case.outcome.evaluation.before, case.outcome.evaluation.after
    survey = metric.kind == "mean" and isinstance(metric.value, str)
    if not survey or before is None or after is None or not before.records or not after.records:
        return
    change = (after.records / case.comparison.days) / (before.records / case.comparison.before.days)
    if not 0.75 < change < 1.25:
        yield flag(
            "participation_change",
            "caution" if not 0.5 < change < 2 else "info",
            "Records a day are {change:.2f} times the baseline's; if other people answer now, the values can "
            "move without "
            "any change in service.",
            change=change,
        )


def _ceiling(case: Case) -> Iterator[Flag]:
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


def _attainable(case: Case) -> Iterator[Flag]:
    effect, totals = case.outcome.evaluation.effect, case.outcome.totals
    if (
        effect is None
        or totals is None
        or totals.kind != "rate"
        or effect.scale != "ratio"
        or effect.target_value is None
    ):
        return
    from evalkit.inference.poisson import attainable

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
    if not found.attainable:
        times = found.least_exposure / float(ea)
        yield flag(
            "target_unattainable",
            "caution",
            "Even zero events in this window could not show the target; that takes {times:.1f} times its "
            "exposure, so at the "
            "same pace the first that could ends on {end}.",
            times=times,
            end=_later(case, times),
        )


def _later(case: Case, times: float) -> str:
    from datetime import timedelta

    if not np.isfinite(times) or times * case.comparison.days > 36500:
        return "no day in sight"
    return str(case.comparison.span.start + timedelta(days=int(np.ceil(times * case.comparison.days)) - 1))


def _plain(case: Case) -> Iterator[Flag]:
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
        yield flag(
            "looks_reached",
            "caution",
            "Taken plainly the figures ({crude:.3f}) are beyond the target {target:g}, yet the evaluation "
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


def _robust(case: Case) -> Iterator[Flag]:
    effect = case.outcome.evaluation.effect
    if effect is None or effect.verdict is None:
        return
    others = [line for line in case.lines if line.verdict is not None and line.verdict != effect.verdict]
    if others:
        yield flag(
            "verdict_not_robust",
            "caution",
            "Another reasonable choice gives another verdict: {names}.",
            names=", ".join(f"{line.name} ({line.verdict.replace('_', ' ')})" for line in others if line.verdict),
        )


RULES: tuple[Rule, ...] = (
    _window,
    _plain,
    _mix,
    _clusters,
    _counts,
    _dispersion,
    _attainable,
    _ceiling,
    _unfinished,
    _not_yet_due,
    _records_left_out,
    _participation,
    _season,
    _shocks,
    _robust,
)
