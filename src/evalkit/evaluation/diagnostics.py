"""Cautions: each rule looks at one goal's evaluation and says one plain sentence, or nothing.

A rule's code, severity and threshold are its contract; `flags.CODES` lists them all for the reference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from evalkit.evaluation import rules_baseline, rules_clusters, rules_coverage, rules_data, rules_result, rules_series
from evalkit.evaluation.flags import CODES, Case, flag
from evalkit.results import Flag

__all__ = ["CODES", "Case", "diagnose", "flag"]

RULES: tuple[Callable[[Case], Iterator[Flag]], ...] = (
    rules_data.window,
    rules_coverage.records_end,
    rules_coverage.records_begin,
    rules_coverage.missing_months,
    rules_coverage.units_without_exposure,
    rules_result.looks_reached,
    rules_result.case_mix,
    rules_clusters.clusters,
    rules_clusters.influence,
    rules_result.small_counts,
    rules_result.no_success,
    rules_result.already_kept,
    rules_result.whole_events,
    rules_result.dispersion,
    rules_result.attainability,
    rules_result.ceiling,
    rules_data.unfinished,
    rules_data.not_yet_due,
    rules_data.answered_only,
    rules_data.records_left_out,
    rules_data.similar_labels,
    rules_data.participation,
    rules_data.season,
    rules_result.shocks,
    rules_series.errors,
    rules_series.one_step,
    rules_result.robustness,
)
# asked only where something was promised: an indicator claims nothing about what the programme did
RULES_OF_GOALS: tuple[Callable[[Case], Iterator[Flag]], ...] = (rules_baseline.baseline, rules_baseline.placebo)


def diagnose(case: Case) -> tuple[Flag, ...]:
    """Return the flags of all rules, in the order of the rules."""
    rules = RULES if case.question.target is None else RULES + RULES_OF_GOALS
    return tuple(found for rule in rules for found in rule(case))
