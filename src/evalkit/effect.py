"""One estimated effect and what may be concluded from it.

Interval, p-values and verdict all come from one *pivot*: a procedure that can give an interval at any
level and a tail probability at any hypothetical value, each the inversion of the other. Nothing else in
evalkit decides a verdict.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from evalkit.errors import ParameterError, shown

if TYPE_CHECKING:
    import pandas as pd

Scale = Literal["ratio", "difference", "level"]
Better = Literal["higher", "lower"]
Verdict = Literal["achieved", "not_achieved", "inconclusive", "not_evaluable"]
Direction = Literal["improved", "no_clear_change", "worsened"]

NULL_VALUE: dict[str, float | None] = {"ratio": 1.0, "difference": 0.0, "level": None}


class Pivot(Protocol):
    """A procedure whose intervals and tail probabilities invert each other."""

    @property
    def estimate(self) -> float: ...
    @property
    def method(self) -> str: ...
    @property
    def df(self) -> float | None: ...

    def interval(self, confidence: float) -> tuple[float, float]:
        """Return the two-sided equal-tailed interval."""
        ...

    def tails(self, value: float) -> tuple[float, float]:
        """Return the one-sided p-values (for `effect > value`, for `effect < value`)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Effect:
    """An effect with its interval, its test against the target and its test against no change.

    Attributes
    ----------
    scale : what `estimate` is: after ÷ before, after − before, or the level itself.
    estimate, low, high : the estimate and its two-sided interval at `confidence`, on that scale.
    target_value, p_target : the target on that scale; the one-sided p-value that it is met.
    null_value, p_change : the value of no change; its two-sided p-value. None for a level.
    verdict : None where no target was given.
    method, df : the procedure's short name; its degrees of freedom, None for exact and normal ones.
    before, after : the two arms' values in the metric's own units (`before` None for a level).
    details : further figures of the method, by name.
    """

    scale: Scale
    estimate: float
    low: float
    high: float
    confidence: float
    method: str
    df: float | None
    better: Better | None
    target_value: float | None
    null_value: float | None
    p_target: float | None
    p_change: float | None
    verdict: Verdict | None
    before: float | None
    after: float
    details: dict[str, float] = field(default_factory=dict)

    def __repr__(self) -> str:
        told = f": {self.verdict}" if self.verdict else ""
        return f"<{self.scale} {self.estimate:.4g}, {self.low:.4g} to {self.high:.4g}{told}>"

    @property
    def confidence_interval(self) -> tuple[float, float]:
        """(low, high)."""
        return (self.low, self.high)

    @property
    def pvalue(self) -> float | None:
        """The p-value against the target or, without one, against no change."""
        return self.p_target if self.target_value is not None else self.p_change

    @property
    def direction(self) -> Direction | None:
        """Whether a change is shown, and which way; None without a null value or `better`."""
        return direction_of(self)

    @property
    def null_hypothesis(self) -> str:
        """What `pvalue` tests, in words."""
        name = {"ratio": "the ratio after ÷ before", "difference": "the difference", "level": "the level"}[self.scale]
        if self.target_value is None:
            return f"{name} is {self.null_value:g}" if self.null_value is not None else "none"
        bound = "at most" if self.better == "higher" else "at least"
        return f"{name} is {bound} {self.target_value:g}"

    def summary(self) -> str:
        """Say the result in one sentence.

        >>> import evalkit as ek
        >>> ek.proportion(463, 500, target=0.90).summary()  # doctest: +ELLIPSIS
        'The level is 0.926 (95 % interval 0.8997 to 0.9458...'
        """
        name = {"ratio": "The ratio after ÷ before", "difference": "The difference", "level": "The level"}[self.scale]
        interval = f"{100 * self.confidence:g} % interval {self.low:.4g} to {self.high:.4g}"
        text = f"{name} is {self.estimate:.4g} ({interval}, {self.method})"
        if self.verdict is not None:
            told = {
                "achieved": "is achieved",
                "not_achieved": "is not achieved",
                "inconclusive": "is neither shown nor ruled out",
                "not_evaluable": "cannot be evaluated",
            }
            return f"{text}; the target {self.target_value:g} {told[self.verdict]} (p = {self.p_target:.3g})."
        return f"{text}; no change has p = {self.p_change:.3g}." if self.p_change is not None else f"{text}."

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain numbers and text, infinities as None."""
        return {
            "scale": self.scale,
            "before": _finite(self.before),
            "after": _finite(self.after),
            "estimate": _finite(self.estimate),
            "ci_low": _finite(self.low),
            "ci_high": _finite(self.high),
            "confidence": self.confidence,
            "target_value": self.target_value,
            "null_value": self.null_value,
            "p_target": _finite(self.p_target),
            "p_change": _finite(self.p_change),
            "verdict": self.verdict,
            "direction": self.direction,
            "method": self.method,
            "df": _finite(self.df),
            **{name: _finite(value) for name, value in self.details.items()},
        }

    def to_frame(self) -> pd.DataFrame:
        """Return the result as a one-row table."""
        import pandas as pd

        return pd.DataFrame([self.to_dict()])

    def plot(self) -> Any:
        """Draw estimate, interval, target and no change; return the matplotlib figure."""
        from evalkit import figures

        return figures.effect(self)

    def _repr_html_(self) -> str:
        from evalkit import tables

        return tables.effect(self)


AnyEffect = TypeVar("AnyEffect", bound=Effect)


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def check_confidence(confidence: float) -> float:
    """Return the confidence level, or raise ParameterError when it is not between 0.5 and 1."""
    try:
        inside = bool(0.5 < confidence < 1)
    except (TypeError, ValueError):  # text, a list, a column
        inside = False
    if not inside:
        raise ParameterError(f"confidence is {shown(confidence)}; expected a level between 0.5 and 1, such as 0.95.")
    return float(confidence)


def check_target(target: object, name: str = "target") -> None:
    """Raise ParameterError for a target that is no number; None is none.

    >>> check_target("15%")
    Traceback (most recent call last):
    evalkit.errors.ParameterError: target is '15%'; expected a number: 0.85 is the ratio of -15 %, or a level of 85 %.
    """
    try:
        if target is not None:
            math.isfinite(target)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise ParameterError(
            f"{name} is {shown(target)}; expected a number: 0.85 is the ratio of -15 %, or a level of 85 %."
        ) from None


def check_better(better: object, target: object = None) -> None:
    """Raise ParameterError for what is no direction, and for a target without one."""
    if better not in ("higher", "lower", None):
        raise ParameterError(f"better is {shown(better)}; expected 'higher' or 'lower'.")
    if target is not None and better is None:
        raise ParameterError("A target needs better='higher' or better='lower'.")


def cautioned(effect: AnyEffect) -> AnyEffect:
    """Return the effect; warn whoever called the caller of a target that changes for the worse meet too.

    Array functions end with it: their `better` may be a default that was not thought of. A study names its own, and
    refuses such targets when it is read.
    """
    target, null = effect.target_value, effect.null_value
    if target is None or null is None or not (target < null if effect.better == "higher" else target > null):
        return effect
    side, other = ("above", "lower") if effect.better == "higher" else ("below", "higher")
    written = "; as a ratio +5 % is written 1.05 and −20 % is 0.80" if effect.scale == "ratio" else ""
    warnings.warn(
        f"The target {target:g} with better='{effect.better}' is met by every {effect.scale} {side} {target:g}, so by "
        f"changes for the worse too; if {other} is better, pass better='{other}'{written}.",
        stacklevel=3,
    )
    return effect


def decide(low: float, high: float, target: float, better: Better) -> Verdict:
    """Return the verdict of an interval against a target.

    >>> decide(0.62, 0.78, 0.80, "lower")
    'achieved'
    """
    if better == "higher":
        low, high, target = -high, -low, -target
    if high < target:
        return "achieved"
    return "not_achieved" if low > target else "inconclusive"


def direction_of(effect: Effect) -> Direction | None:
    """Return whether the change is shown, and which way; None without a null value or `better`."""
    if effect.p_change is None or effect.null_value is None or effect.better is None:
        return None
    if effect.p_change >= 1 - effect.confidence:
        return "no_clear_change"
    rose = effect.estimate > effect.null_value
    return "improved" if rose == (effect.better == "higher") else "worsened"


def concluded_anew(effect: Effect, pivot: Pivot) -> Effect:
    """Return what another procedure says of the same question: scale, target, direction and both arms' values kept."""
    return conclude(
        pivot,
        scale=effect.scale,
        target=effect.target_value,
        better=effect.better,
        confidence=effect.confidence,
        before=effect.before,
        after=effect.after,
    )


def conclude(
    pivot: Pivot,
    *,
    scale: Scale,
    target: float | None,
    better: Better | None,
    confidence: float,
    before: float | None,
    after: float,
    details: dict[str, float] | None = None,
) -> Effect:
    """Return the effect a pivot gives: interval, both p-values and the verdict, from the one procedure.

    Raises ParameterError when a target is given without `better`, `better` is no direction, or a ratio target is not
    positive.
    """
    check_confidence(confidence)
    check_target(target)
    check_better(better, target)
    if target is not None and (not math.isfinite(target) or (scale == "ratio" and target <= 0)):
        raise ParameterError(f"The target {target} is not on the {scale} scale; −20 % is the ratio 0.80.")
    low, high = pivot.interval(confidence)
    null = NULL_VALUE[scale]
    p_change = p_target = None
    if null is not None:
        p_change = min(1.0, 2 * min(pivot.tails(null)))
    verdict: Verdict | None = None
    if target is not None and better is not None:
        p_target = pivot.tails(target)[0 if better == "higher" else 1]
        verdict = decide(low, high, target, better)
    return Effect(
        scale=scale,
        estimate=pivot.estimate,
        low=low,
        high=high,
        confidence=confidence,
        method=pivot.method,
        df=pivot.df,
        better=better,
        target_value=target,
        null_value=null,
        p_target=p_target,
        p_change=p_change,
        verdict=verdict,
        before=before,
        after=after,
        details=details or {},
    )
