"""A staggered roll-out beside a goal's estimate: units reached against units not yet reached (see `staggered`)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np

from evalkit.errors import NotEvaluableError
from evalkit.estimands.staggered import months_of_reach, rollout_effect
from evalkit.estimands.staggered_result import RolloutEffect
from evalkit.evaluation.flags import NAMED, flag
from evalkit.evaluation.windows import Comparison
from evalkit.moments import Moments
from evalkit.periods import Window
from evalkit.results import Flag
from evalkit.study.yaml_lines import listed


def effect_of_rollout(
    question: Any, moments: Moments, reached: Mapping[str, date], comparison: Comparison, confidence: float
) -> RolloutEffect:
    """Return the effect in the comparison's window on the units reached, each against its own baseline.

    `moments` are the goal's, by unit; records without a unit are left out. Where the goal holds a mix, each stratum
    is compared with its own baseline. Raises NotEvaluableError as `staggered_rollout`.
    """
    whole = Window(comparison.before.start, comparison.span.end)
    named = np.array([unit is not None for unit in moments.clusters], dtype=bool)
    inside = moments.within([whole]) & named[moments.cluster]
    starts, place = np.unique(moments.start[inside], return_inverse=True)
    stratum = moments.stratum[inside] if question.standardise_by else np.zeros(int(inside.sum()), dtype=np.intp)
    totals = np.zeros((len(named), len(starts), 2, int(stratum.max(initial=0)) + 1))
    for column in (0, 1):
        np.add.at(totals[:, :, column], (moments.cluster[inside], place, stratum), moments.sums[inside, column])
    days = [reached.get(unit or "") for unit in moments.clusters]
    month, first = months_of_reach(np.array([day or "NaT" for day in days], dtype="datetime64[D]"))
    target = question.target
    return rollout_effect(
        totals,
        starts.astype("datetime64[M]").astype(np.int64),
        month,
        first,
        baseline=_within(starts, [comparison.before]),
        evaluated=_within(starts, comparison.after),
        target=target.value if target is not None and target.scale == "ratio" else None,
        better=question.better,
        confidence=confidence,
    )


def _within(starts: Any, windows: Any) -> Any:
    return np.any([(starts >= np.datetime64(w.start)) & (starts <= np.datetime64(w.end)) for w in windows], axis=0)


def no_comparison(reason: NotEvaluableError) -> Flag:
    """Return the flag that says why no roll-out effect stands beside the estimate."""
    told = reason.messages[0].rstrip(".")
    return flag("rollout_no_comparison", "info", "The roll-out gives no comparison: {reason}.", reason=told)


def unknown_units(question: Any, reached: Mapping[str, date], moments: Moments) -> tuple[Flag, ...]:
    """Return the caution that units said to be reached stand in no record: misspelt ones count as still waiting."""
    unknown = sorted(set(reached) - {unit for unit in moments.clusters if unit is not None})
    if not unknown:
        return ()
    message = (
        "{count} of the {all} units that '{source}' says were reached have no record here ({units}); if they are "
        "written otherwise there, these count as still waiting."
    )
    figures = {
        "count": len(unknown),
        "all": len(reached),
        "source": question.rollout.source,
        "units": listed(unknown, NAMED),
    }
    return (flag("rollout_unknown_unit", "caution", message, **figures),)


def pre_trend(effect: RolloutEffect) -> tuple[Flag, ...]:
    """Return the caution that units reached had moved apart from those waiting before they were reached."""
    if effect.pre_trend_p is None or effect.pre_trend_p >= 1 - effect.confidence:
        return ()
    message = (
        "Units had moved apart from those still waiting before they were reached (p = {p:.3f}), so the roll-out's "
        "estimate may hold more than the measures' effect."
    )
    return (flag("rollout_pre_trend", "caution", message, p=effect.pre_trend_p),)
