"""What a caution is, and what a rule that gives one may look at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from evalkit.results import Flag, SensitivityLine, Severity

if TYPE_CHECKING:
    from evalkit.evaluation.common_shocks import BaselineMonths
    from evalkit.evaluation.window import Outcome
    from evalkit.evaluation.windows import Comparison
    from evalkit.moments import Moments
    from evalkit.records import Records
    from evalkit.study import Study

NAMED = 4  # months or units listed in a sentence
ALIKE = 0.3  # from this correlation on, neighbours in time are called alike

CODES = {
    "rejected_rows": "records were rejected; caution above 1 %",
    "duplicate_keys": "keys stand more than once; caution above 1 % of the records",
    "missing_values": "records in the comparison lack the value; caution from 5 %",
    "undated_records": "records have no time that places them in a window; caution above 1 %",
    "unfinished_records": "records had not finished, or began too late; caution above 1 %, or 10 % of the days",
    "not_yet_due": "records whose window had not closed by the cut-off are left out; caution above 10 % of the days",
    "answered_only": "`where` leaves out what was never answered, which a share answered in time counts as failures",
    "phase_in_overlap": "part of the window lies in the phase-in and is left out",
    "partial_period": "the window begins before the programme, cut-off or records end early, or a series has others",
    "already_kept": "a promised level that the baseline kept already",
    "season_in_shocks": "same months are compared, but fewer than 24 months leave the season among the months' shocks",
    "partial_baseline": "a source's records begin after the baseline does",
    "missing_months": "a source that tells of nearly every month says nothing of some that are compared",
    "units_without_exposure": "units with events lack exposure on a side",
    "similar_labels": "names of units or kinds that differ only by blanks, width or letter case",
    "events_not_whole": "the events of a rate are amounts, not whole numbers",
    "no_success": "no record on either side is a success",
    "season_not_covered": "window and baseline hold different shares of calendar months, which a change may be due to",
    "moving_holiday": "the window holds only one of January and February",
    "case_mix_shift": "the mix of the standardised strata moved by 5 points or more",
    "strata_dropped": "between 80 and 95 % of the records lie in strata both sides have",
    "few_clusters": "fewer than 10 effective clusters",
    "dominating_cluster": "one cluster holds 40 % or more of a side",
    "missing_cluster": "records without a cluster count as one cluster of their own",
    "small_counts": "fewer than 10 events, or fewer than 5 successes or failures, on a side",
    "overdispersion": "months vary over 1.5 times as much as chance alone; caution where the interval leaves it out",
    "overdispersion_unchecked": "fewer than 12 months: exact interval, dispersion taken as 1",
    "month_shocks_unchecked": "fewer than 12 baseline months: shocks of whole months are not in the interval",
    "small_skewed_sample": "fewer than 500 records without clusters on a side of a mean without an upper bound",
    "participation_change": "records a day changed by a quarter or more, so who or what is recorded may have changed",
    "ceiling": "the target lies beyond what the bounded scale leaves",
    "target_unattainable": "even zero events could not show the target yet",
    "looks_reached": "the plain comparison is beyond the target, the evaluation does not show it",
    "looks_exhausted": "more looks at everything to date than planned",
    "placebo_in_time": "the second half of the baseline differs from the first, where no programme ran",
    "pre_existing_trend": "the baseline already had a trend",
    "autocorrelation": "neighbouring months are alike; caution where the interval does not take it in",
    "hac_short_series": "Newey–West errors of a series of fewer than 100 points, which are too narrow",
    "one_step": "a series with `change: level` gives a part of the time since the programme the estimate of all of it",
    "regression_to_mean": "the baseline's first or last three months were its worst by far",
    "influential_cluster": "without one cluster the estimate would lie on the other side of the target",
    "rollout_no_comparison": "no unit is left, or too few are reached or waiting, for the roll-out's comparison",
    "rollout_pre_trend": "units had moved apart from those still waiting before they were reached",
    "rollout_unknown_unit": "the roll-out names units that no record has",
    "multiplicity_to_date": "achieved alone to date, but not after adjustment over all goals",
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
    months: BaselineMonths
    lines: tuple[SensitivityLine, ...]
    as_of: date


def unit_name(column: str, label: str) -> str:
    """Return a unit with what it is, said once.

    >>> unit_name("branch", "12"), unit_name("Plant", "Plant F")
    ('branch 12', 'Plant F')
    """
    return label if column.casefold() in label.casefold() else f"{column} {label}"


def p_text(p: float) -> str:
    """Return a p-value as a sentence carries it behind the letter p.

    >>> p_text(0.0123), p_text(1e-9)
    ('= 0.012', '< 0.001')
    """
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"


def flag(code: str, severity: Severity, message: str, **figures: Any) -> Flag:
    """Return a flag whose message is the sentence with its figures put in."""
    return Flag(code=code, severity=severity, message=message.format(**figures), figures=figures)
