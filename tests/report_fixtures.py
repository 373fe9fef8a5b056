"""Hand-made results for the tests of wording, figures, tables and pages: one goal a verdict, and awkward texts."""

from __future__ import annotations

from datetime import date
from typing import Any

from evalkit.effect import Effect, Scale, decide
from evalkit.results import Arm, Evaluation, Flag, GoalResult, Kind, SensitivityLine, StudyResult

HOSTILE = "<script>alert('x')</script> & \"quotes\""


def effect(
    estimate: float,
    low: float,
    high: float,
    *,
    scale: Scale = "ratio",
    target: float | None = 1.10,
    better: Any = "higher",
    p_change: float | None = 0.0001,
    before: float | None = 7.2,
    after: float = 8.0,
) -> Effect:
    return Effect(
        scale=scale,
        estimate=estimate,
        low=low,
        high=high,
        confidence=0.95,
        method="cluster jackknife",
        df=17.3,
        better=better,
        target_value=target,
        null_value={"ratio": 1.0, "difference": 0.0, "level": None}[scale],
        p_target=None if target is None else 0.01,
        p_change=p_change,
        verdict=None if target is None else decide(low, high, target, better),
        before=before,
        after=after,
    )


def evaluation(
    outcome: Effect | None, *, scale: Scale = "ratio", target: float | None = 1.10, **more: Any
) -> Evaluation:
    arms = {
        "before": Arm(
            records=9120,
            clusters=40,
            value=outcome.before if outcome else None,
            start=date(2023, 1, 1),
            end=date(2024, 12, 31),
        ),
        "after": Arm(
            records=1204,
            clusters=40,
            value=outcome.after if outcome else None,
            start=date(2026, 7, 1),
            end=date(2026, 9, 30),
        ),
    }
    return Evaluation(
        scale=outcome.scale if outcome else scale,
        confidence=0.95,
        effect=outcome,
        target_value=outcome.target_value if outcome else target,
        **{**arms, **more},
    )


def goal(
    identifier: str,
    title: str,
    kind: Kind,
    outcome: Effect | None,
    *,
    better: Any = "higher",
    verdict: Any = "same",
    flags: tuple[Flag, ...] = (),
    **more: Any,
) -> GoalResult:
    period = more.pop("period", None) or evaluation(outcome)
    return GoalResult(
        id=identifier,
        title=title,
        kind=kind,
        better=better,
        target={"relative_change": 0.1},
        period=period,
        to_date=more.pop("to_date", period),
        verdict=period.verdict if verdict == "same" else verdict,
        p_target_adjusted=0.04,
        flags=flags,
        **more,
    )


def satisfaction(**more: Any) -> GoalResult:
    lines = (
        SensitivityLine(
            name="without clusters", estimate=1.12, low=1.105, high=1.14, note="independent", verdict="achieved"
        ),
        SensitivityLine(
            name="same-months", estimate=1.09, low=1.07, high=1.12, note="same season", verdict="inconclusive"
        ),
    )
    return goal(
        "satisfaction", "Customer satisfaction +10 %", "mean", effect(1.113, 1.104, 1.122), sensitivity=lines, **more
    )


def handling_time() -> GoalResult:
    outcome = effect(0.84, 0.81, 0.87, target=0.8, better="lower", before=42.1, after=35.4)
    return goal("handling_time", "Average handling time −20 %", "mean", outcome, better="lower")


def answered() -> GoalResult:
    outcome = effect(0.9132, 0.8871, 0.9403, scale="level", target=0.9, before=None, after=0.9132, p_change=None)
    change = effect(0.052, 0.02, 0.084, scale="difference", target=None, before=0.861, after=0.9132, p_change=0.002)
    flag = Flag(code="not_yet_due", severity="info", message="12 tickets are not yet due.", figures={"count": 12})
    return goal(
        "answered",
        "Answered within 7 days ≥ 90 %",
        "proportion",
        outcome,
        flags=(flag,),
        period=evaluation(outcome, change=change, not_yet_due=12),
    )


def incidents() -> GoalResult:
    flag = Flag(
        code="no_events_before", severity="serious", message="There were no incidents in the baseline.", figures={}
    )
    return goal(
        "incidents",
        "Security incidents −30 %",
        "rate",
        None,
        better="lower",
        verdict="not_evaluable",
        flags=(flag,),
        period=evaluation(None, target=0.7),
    )


def study_result() -> StudyResult:
    return StudyResult(
        study="bank-service-commitments",
        period="2026-Q3",
        as_of=date(2026, 9, 30),
        goals=(satisfaction(), handling_time(), answered(), incidents()),
    )


def hostile_result() -> StudyResult:
    flag = Flag(code=HOSTILE, severity="caution", message=HOSTILE)
    line = SensitivityLine(name=HOSTILE, estimate=1.1, low=1.0, high=1.2, note=HOSTILE)
    hostile = goal(HOSTILE, HOSTILE, "mean", effect(1.2, 1.15, 1.3), flags=(flag,), sensitivity=(line,))
    return StudyResult(study=HOSTILE, period="2026-Q3", as_of=date(2026, 9, 30), goals=(hostile,))


def monthly_series() -> Any:
    import numpy as np
    import pandas as pd

    start = pd.date_range("2023-01-01", "2026-09-01", freq="MS")
    phase = np.where(start < "2025-01-01", "baseline", np.where(start < "2025-04-01", "phase-in", "after"))
    wave = 0.15 * np.sin(np.arange(len(start)))
    value = np.where(phase == "after", 8.0, 7.2) + wave
    return pd.DataFrame(
        {"start": start, "end": start + pd.offsets.MonthEnd(0), "value": value, "records": 100, "phase": phase}
    )
