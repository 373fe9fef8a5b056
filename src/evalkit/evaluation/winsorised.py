"""The same means with their largest values drawn in: what a few extreme records do to the answer."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from evalkit.errors import NotEvaluableError
from evalkit.estimands.totals import Totals
from evalkit.evaluation.interrupted import plan_of
from evalkit.evaluation.window import Outcome, choices_of, estimate
from evalkit.evaluation.windows import Comparison
from evalkit.moments import Ask, moments_at, record_terms
from evalkit.results import SensitivityLine

if TYPE_CHECKING:
    from evalkit.evaluation.gather import Question
    from evalkit.study import Study

PERCENTILE, SKEWED, MOST_RECORDS = 0.99, 1.0, 500_000


def winsorised(study: Study, asked: Question, outcome: Outcome, as_of: date) -> tuple[SensitivityLine, ...]:
    """Return the line with the values of both sides set to the baseline's 99th percentile where they lie above it.

    For goals that compare unweighted means directly, whose baseline records have a skewness above 1, and up to half a
    million of them. Two queries, for all periods: the percentile, and the goal's moments once more.
    """
    question, effect, comparison = asked.question, outcome.evaluation.effect, outcome.comparison
    if effect is None or comparison is None or outcome.totals is None or question.target is None:
        return ()
    unweighted = question.metric.kind == "mean" and question.metric.weight is None
    if not unweighted or plan_of(question) is not None or sum(outcome.totals.records) > MOST_RECORDS:
        return ()
    if not skewness(outcome.totals) > SKEWED:
        return ()
    known = None if isinstance(question.metric.value, str) else as_of  # what has ended, and so counts, is the cut-off's
    if ("cap", known) not in asked.memo:
        asked.memo["cap", known] = _percentile(study, asked, comparison, as_of)
    cap = asked.memo["cap", known]
    if cap is None:
        return ()
    if ("capped", cap) not in asked.memo:
        wanted = [Ask(question=question, cap=cap)]
        asked.memo["capped", cap] = moments_at(
            asked.records, wanted, cutoffs=asked.cutoffs, timezone=study.timezone, cuts=asked.days
        )[0]
    found = asked.memo["capped", cap]
    confidence = outcome.evaluation.confidence
    try:
        other = estimate(
            question, found[as_of], comparison, confidence, choices_of(question), effect.scale, outcome.shocks
        )[0]
    except NotEvaluableError:
        return ()
    return (
        SensitivityLine(
            name="winsorised",
            estimate=other.estimate,
            low=other.low,
            high=other.high,
            note=f"Values above {cap:.4g}, the baseline's 99th percentile, set to it.",
            verdict=other.verdict,
        ),
    )


def skewness(totals: Totals) -> float:
    """Return the third standardised moment of the baseline's records; 0 where they are all the same."""
    mean = float(totals.before[:, 0].sum()) / totals.records[0]
    second, third = (float(totals.before_powers[power].sum()) / totals.records[0] for power in (0, 3))
    variance, third = second - mean**2, third - 3 * mean * second + 2 * mean**3
    return third / variance**1.5 if variance > 1e-12 * mean**2 else 0.0


def _percentile(study: Study, asked: Question, comparison: Comparison, as_of: date) -> float | None:
    """Return the 99th percentile of the baseline's values that count, None where there are none."""
    import ibis

    from evalkit.records.fetch import fetch
    from evalkit.records.fields import DAY

    table, terms = record_terms(asked.records, asked.question, as_of=as_of, timezone=study.timezone)
    first, last = (ibis.date(day.isoformat()) for day in (comparison.before.start, comparison.before.end))
    counts: Any = table[DAY].between(first, last) & terms["a"].notnull()
    if "not_followed" in terms:
        counts &= ~terms["not_followed"]
    value = fetch(table.filter(counts).agg(cap=terms["a"].quantile(PERCENTILE)))[0]["cap"]
    return None if value is None else float(value)
