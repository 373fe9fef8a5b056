"""What an evaluation of a study gives: frozen results, one `to_dict()` each, nothing computed on display.

`to_dict()` is the shape of `results.json`. Tables, sentences and pictures all derive from these objects.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

from evalkit.effect import Better, Direction, Effect, Verdict
from evalkit.errors import ParameterError, nearest

if TYPE_CHECKING:
    import pandas as pd

Severity = Literal["info", "caution", "serious"]
Kind = Literal["mean", "ratio", "proportion", "rate"]
Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")


def check_language(text: object) -> Language:
    """Return the language, or raise ParameterError naming the known ones."""
    for known in LANGUAGES:
        if text == known:
            return known
    raise ParameterError(
        f"The language '{text}' is not known; write {' or '.join(LANGUAGES)}.{nearest(str(text), LANGUAGES)}"
    )


def number(value: float | None) -> float | None:
    """Return a JSON-safe number: None for a missing, infinite or undefined one."""
    return None if value is None or not math.isfinite(value) else float(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """A caution about one goal's evaluation: its code, how grave it is, and one plain English sentence.

    `figures` are the numbers in the sentence, by name, so that another language can say the same.
    """

    code: str
    severity: Severity
    message: str
    figures: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, str]:
        """Return the shape of a flag in results.json."""
        return {"code": self.code, "severity": self.severity, "message": self.message}


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """The records of one side of a comparison and the metric's value among them.

    `records` are those the value rests on; `clusters` is None where the goal names no cluster.
    """

    records: int
    clusters: int | None
    value: float | None
    start: date
    end: date

    def to_dict(self) -> dict[str, Any]:
        """Return the shape of a side in results.json."""
        return {
            "records": self.records,
            "clusters": self.clusters,
            "value": number(self.value),
            "start": self.start.isoformat(),
            "end": self.end.isoformat(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """One goal in one window: E of the contract.

    `effect` is None when the window is not evaluable; the goal's flags say why.
    `change` is a level's effect against its baseline, on the difference scale.
    """

    before: Arm | None
    after: Arm | None
    scale: Literal["ratio", "difference", "level"]
    confidence: float
    target_value: float | None
    effect: Effect | None
    change: Effect | None = None
    not_yet_due: int | None = None

    @property
    def coefficients(self) -> tuple[Any, ...]:
        """The terms of an interrupted time series on the ratio scale; empty for other estimators."""
        return getattr(self.effect, "coefficients", ())

    @property
    def verdict(self) -> Verdict | None:
        if self.effect is None:
            return "not_evaluable"
        return self.effect.verdict

    @property
    def direction(self) -> Direction | None:
        source = self.change if self.scale == "level" else self.effect
        return source.direction if source is not None else None

    @property
    def target_level(self) -> float | None:
        """The target on the metric's own scale, given the baseline it is held against; None without one."""
        if self.target_value is None or self.scale == "level":
            return self.target_value
        if self.before is None or self.before.value is None:
            return None
        before = self.before.value
        return before * self.target_value if self.scale == "ratio" else before + self.target_value

    @property
    def p_target(self) -> float | None:
        return self.effect.p_target if self.effect else None

    @property
    def p_change(self) -> float | None:
        source = self.change if self.scale == "level" else self.effect
        return source.p_change if source is not None else None

    def to_dict(self) -> dict[str, Any]:
        """Return the shape of E in results.json."""
        effect = self.effect
        return {
            "before": self.before.to_dict() if self.before else None,
            "after": self.after.to_dict() if self.after else None,
            "scale": self.scale,
            "estimate": number(effect.estimate) if effect else None,
            "ci": [number(effect.low), number(effect.high)] if effect else [None, None],
            "confidence": self.confidence,
            "target_value": self.target_value,
            "null_value": {"ratio": 1.0, "difference": 0.0, "level": None}[self.scale],
            "p_target": number(self.p_target),
            "p_change": number(self.p_change),
            "verdict": self.verdict,
            "direction": self.direction,
            "change": {
                "estimate": number(self.change.estimate),
                "ci": [number(self.change.low), number(self.change.high)],
            }
            if self.change
            else None,
            "method": effect.method if effect else None,
            "df": number(effect.df) if effect else None,
            "not_yet_due": self.not_yet_due,
            **({"coefficients": [c.to_dict() for c in self.coefficients]} if self.coefficients else {}),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SensitivityLine:
    """The same estimand under another reasonable choice. `verdict` is what that choice alone would say."""

    name: str
    estimate: float | None
    low: float | None
    high: float | None
    note: str
    verdict: Verdict | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the shape of a line of `sensitivity` in results.json."""
        return {
            "name": self.name,
            "estimate": number(self.estimate),
            "ci": [number(self.low), number(self.high)],
            "note": self.note,
        }


def beside_all(verdict: Verdict | None, flags: Iterable[str]) -> Verdict | None:
    """Return the verdict on everything to date that counts, beside all goals, by the codes of the goal's cautions."""
    return "inconclusive" if "multiplicity_to_date" in flags else verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalResult:
    """One goal (or indicator: `target` and `verdict` None) evaluated for one reporting period.

    `period` is this period's evaluation, `to_date` that of everything since phase-in; `held` is what they hold as in
    the baseline, `mix` or `months`, and `course` where they stand against the expected course.
    """

    id: str
    title: str
    kind: Kind
    better: Better
    target: dict[str, float] | None
    period: Evaluation
    to_date: Evaluation | None
    verdict: Verdict | None
    p_target_adjusted: float | None
    flags: tuple[Flag, ...] = ()
    sensitivity: tuple[SensitivityLine, ...] = ()
    rollout: dict[str, Any] | None = None
    held: tuple[str, ...] = ()  # not in results.json, as counts
    counts: dict[str, int] = field(default_factory=dict)  # records left out, by reason

    @property
    def to_date_verdict(self) -> Verdict | None:
        """The verdict on everything to date after adjustment over all goals: `to_date.verdict` is it alone."""
        return beside_all(self.to_date.verdict if self.to_date else None, (flag.code for flag in self.flags))

    def __repr__(self) -> str:
        return f"<{self.id}: {self.verdict or 'indicator'}>"

    def to_dict(self) -> dict[str, Any]:
        """Return the shape of a goal, or of an indicator without target and verdict in results.json."""
        shape: dict[str, Any] = {
            "id": self.id,
            "title": self.title,
            "kind": self.kind,
            "better": self.better,
            "target": self.target,
            "evaluations": {
                "period": self.period.to_dict(),
                "to_date": self.to_date.to_dict() if self.to_date else None,
            },
            "verdict": self.verdict,
            "p_target_adjusted": number(self.p_target_adjusted),
            "rollout": self.rollout,
            "flags": [flag.to_dict() for flag in self.flags],
            "sensitivity": [line.to_dict() for line in self.sensitivity],
        }
        if self.target is None:
            for key in ("target", "verdict", "p_target_adjusted"):
                del shape[key]
        return shape

    def to_frame(self) -> pd.DataFrame:
        """Return one tidy row per window (`period`, `to_date`)."""
        import pandas as pd

        return pd.DataFrame(rows_of(self))

    def summary(self) -> str:
        """Say the period's result in one English sentence."""
        from evalkit import wording

        return wording.goal_sentence(self)

    def plot(self) -> Any:
        """Draw target, estimate and sensitivity as a forest plot; return the matplotlib figure."""
        from evalkit import figures

        return figures.forest(self)

    def _repr_html_(self) -> str:
        from evalkit import tables

        return tables.goal(self)


def rows_of(result: GoalResult) -> list[dict[str, Any]]:
    """Return one flat row per window, the form every table starts from."""
    windows = [("period", result.period), ("to_date", result.to_date)]
    return [row_of(result, name, evaluation) for name, evaluation in windows if evaluation is not None]


def row_of(result: GoalResult, window: str, evaluation: Evaluation) -> dict[str, Any]:
    """Return one evaluation as a flat row; `verdict` is the one that counts, `verdict_alone` the window's own."""
    shape, of_period = evaluation.to_dict(), window == "period"
    before, after, low_high, change = (shape.pop(key) for key in ("before", "after", "ci", "change"))
    shape.pop("coefficients", None)
    return {
        "goal": result.id,
        "window": window,
        "value_before": before["value"] if before else None,
        "value_after": after["value"] if after else None,
        "records_before": before["records"] if before else None,
        "records_after": after["records"] if after else None,
        **shape,
        "verdict": result.verdict if of_period else result.to_date_verdict,
        "verdict_alone": shape["verdict"],
        "ci_low": low_high[0],
        "ci_high": low_high[1],
        "change": change["estimate"] if change else None,
        "p_target_adjusted": result.p_target_adjusted if of_period else None,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyResult:
    """All goals and indicators of a study for one period: the object behind `results.json`."""

    study: str
    period: str
    as_of: date
    goals: tuple[GoalResult, ...]
    indicators: tuple[GoalResult, ...] = ()
    provenance: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<{self.study} {self.period}: {', '.join(f'{goal.id} {goal.verdict}' for goal in self.goals)}>"

    def __iter__(self) -> Iterator[GoalResult]:
        return iter(self.goals)

    def __getitem__(self, goal: str) -> GoalResult:
        from evalkit.errors import ParameterError, nearest

        for result in (*self.goals, *self.indicators):
            if result.id == goal:
                return result
        known = [result.id for result in (*self.goals, *self.indicators)]
        raise ParameterError(f"There is no goal '{goal}'; the study has {', '.join(known)}.{nearest(goal, known)}")

    def only(self, goal: str) -> StudyResult:
        """Return the result with one goal or indicator alone; its numbers stay those adjusted among all."""
        chosen = self[goal]
        return replace(
            self,
            goals=tuple(g for g in self.goals if g is chosen),
            indicators=tuple(i for i in self.indicators if i is chosen),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the shape of the whole in results.json."""
        return {
            "schema": 1,
            "study": self.study,
            "period": self.period,
            "as_of": self.as_of.isoformat(),
            "goals": [goal.to_dict() for goal in self.goals],
            "indicators": [indicator.to_dict() for indicator in self.indicators],
            "provenance": self.provenance,
        }

    def to_frame(self) -> pd.DataFrame:
        """Return one tidy row per goal and window."""
        import pandas as pd

        return pd.DataFrame([row for goal in self.goals for row in rows_of(goal)])

    def plot(self) -> Any:
        """Draw every goal's estimate, interval and target in a picture of its own; return the matplotlib figure."""
        from evalkit.evaluation.history import StudyHistory

        return StudyHistory((self,)).plot()

    def _repr_html_(self) -> str:
        from evalkit import tables

        return tables.overview(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeResult:
    """The goals evaluated within one scope, a value of a field; `scope` is None where the records have none."""

    scope: str | None
    goals: tuple[GoalResult, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the shape of one scope, with its goals in results.json."""
        return {"scope": self.scope, "goals": [goal.to_dict() for goal in self.goals]}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopesResult:
    """A study's goals for one period in every scope of a field.

    `unnamed` is how many scopes have so few records in all that they are not named, `not_split` are the goals whose
    source has no such field. Multiplicity runs over all goals in all scopes.
    """

    study: str
    period: str
    as_of: date
    by: str
    scopes: tuple[ScopeResult, ...]
    unnamed: int = 0
    not_split: tuple[str, ...] = ()
    provenance: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<{self.study} {self.period} by {self.by}: {len(self.scopes)} scopes>"

    def __iter__(self) -> Iterator[ScopeResult]:
        return iter(self.scopes)

    def only(self, goal: str) -> ScopesResult:
        """Return one goal's scopes; its numbers stay those adjusted among all."""
        chosen = [replace(one, goals=tuple(g for g in one.goals if g.id == goal)) for one in self.scopes]
        not_split = tuple(name for name in self.not_split if name == goal)
        return replace(self, scopes=tuple(one for one in chosen if one.goals), not_split=not_split)

    def to_dict(self) -> dict[str, Any]:
        """Return the shape of a period evaluated by scopes (`evaluate --by --json`)."""
        return {
            "schema": 1,
            "study": self.study,
            "period": self.period,
            "as_of": self.as_of.isoformat(),
            "by": self.by,
            "scopes": [scope.to_dict() for scope in self.scopes],
            "unnamed": self.unnamed,
            "not_split": list(self.not_split),
            "provenance": self.provenance,
        }

    def to_frame(self) -> pd.DataFrame:
        """Return one tidy row per scope, goal and window."""
        import pandas as pd

        return pd.DataFrame(self.rows())

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of `to_frame`."""
        return [
            {"period": self.period, "scope": one.scope, **row}
            for one in self.scopes
            for goal in one.goals
            for row in rows_of(goal)
        ]

    def plot(self) -> Any:
        """Draw one goal's scopes below each other as a forest plot; return the matplotlib figure.

        Raises ParameterError for several goals: choose one by `only`.
        """
        from evalkit import figures

        return figures.scopes(self)

    def _repr_html_(self) -> str:
        from evalkit import tables

        return tables.scopes(self)
