"""What a staggered roll-out gives: the effect, the effect by month since reach, and the pre-trend test."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from evalkit.effect import Effect
from evalkit.results import number

if TYPE_CHECKING:
    import pandas as pd

_AGAINST = "of the reached units to what those still waiting let expect"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventMonth:
    """The effect in one month counted from the month of reach (0); before it, any effect is a pre-trend."""

    month: int
    estimate: float
    low: float
    high: float
    p_change: float

    def to_dict(self) -> dict[str, Any]:
        """Return the shape of a month of `rollout` in results.json."""
        return {"month": self.month, "estimate": number(self.estimate), "ci": [number(self.low), number(self.high)]}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class RolloutEffect(Effect):
    """An effect on the ratio scale against units not yet reached.

    Attributes
    ----------
    units_reached, units_waiting : units in the window's months after reach; units they are compared with.
    event_study : the effect by month since reach, six months before it included.
    pre_trend_p : smallest p-value of the months before reach after Holm's adjustment; None without such months.
    """

    units_reached: int
    units_waiting: int
    event_study: tuple[EventMonth, ...] = field(repr=False)
    pre_trend_p: float | None

    @property
    def null_hypothesis(self) -> str:
        """What `pvalue` tests, in words."""
        return Effect.null_hypothesis.fget(self).replace("after ÷ before", _AGAINST)  # type: ignore[attr-defined, no-any-return]

    def summary(self) -> str:
        """Say the result in one sentence."""
        return Effect.summary(self).replace("after ÷ before", _AGAINST)

    def to_dict(self) -> dict[str, Any]:
        """Return the shape of `rollout` in results.json."""
        return {
            "estimate": number(self.estimate),
            "ci": [number(self.low), number(self.high)],
            "p_change": number(self.p_change),
            "p_target": number(self.p_target),
            "units_reached": self.units_reached,
            "units_waiting": self.units_waiting,
            "pre_trend_p": number(self.pre_trend_p),
            "event_study": [row.to_dict() for row in self.event_study],
            "method": self.method,
            "df": number(self.df),
        }

    def to_frame(self) -> pd.DataFrame:
        """Return the event study: one row per month since reach, with estimate, low and high."""
        import pandas as pd

        names = ("month", "estimate", "low", "high")
        return pd.DataFrame([{name: getattr(row, name) for name in names} for row in self.event_study], columns=names)

    def plot(self) -> Any:
        """Draw the event study; return the matplotlib figure."""
        from evalkit import figures

        return figures.event_study(self.to_dict())
