"""How likely `achieved` is for a stated true effect, and the effect that would probably be seen.

A *curve* is a function from the true effect to the probability of `achieved`: that of a contrast with a known standard
error (`contrast_curve`), or that of a ratio of rates summed over the counts that may come (`rate_curve`).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import special

from evalkit.effect import Better, Pivot, Scale, check_confidence, check_target
from evalkit.errors import ParameterError, nearest, shown
from evalkit.inference.checks import count, positive
from evalkit.inference.numeric import crossing, lower_tail, quantile
from evalkit.inference.poisson import DispersedRateRatio, ExactRateRatio

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
Curve = Callable[[float], float]
Domain = tuple[float, float]

WANTED = 0.8
"""The probability at which an effect counts as detectable."""
_FEW, _MANY = 100, 500  # expected events of the smaller arm up to which counts are summed, of the larger from which not
_POINTS = 61


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PowerResult:
    """The probability of `achieved` over true effects.

    Attributes
    ----------
    target, better, scale : the promise; effects below are on the same scale (−20 % is the ratio 0.80).
    level : one-sided level of the test against the target.
    effect, probability : the true effect that was asked about and the probability of `achieved` there; or None.
    detectable : the true effect at which `achieved` has probability 0.8; None where no effect reaches it.
    effects, probabilities : the curve, from the target's wrong side to beyond the detectable effect.
    """

    target: float
    better: Better
    scale: Scale
    level: float
    effect: float | None
    probability: float | None
    detectable: float | None
    effects: tuple[float, ...]
    probabilities: tuple[float, ...]

    def __repr__(self) -> str:
        found = "none" if self.detectable is None else f"{self.detectable:.4g}"
        return f"<target {self.target:.4g}, {self.better} is better: detectable with 80 % {found}>"

    def summary(self) -> str:
        """Say the result in one sentence."""
        goal = f"A target of {self.target:.4g} (better {self.better}, one-sided level {self.level:.3g})"
        seen = (
            f"is achieved with probability 80 % when the truth is {self.detectable:.4g}"
            if self.detectable is not None
            else "is achieved with probability 80 % by no true effect"
        )
        asked = f"; when it is {self.effect:.4g}, with {self.probability:.1%}" if self.effect is not None else ""
        return f"{goal} {seen}{asked}."

    def to_frame(self) -> pd.DataFrame:
        """Return the curve, one row per true effect."""
        import pandas as pd

        return pd.DataFrame({"effect": self.effects, "probability": self.probabilities})

    def plot(self) -> Any:
        """Draw the curve with target and detectable effect; return the matplotlib figure."""
        from evalkit import figures

        return figures.power(self)

    def _repr_html_(self) -> str:
        from evalkit import markup

        rows = [("target", f"{self.target:.6g}"), ("one-sided level", f"{self.level:.4g}")]
        rows.append(("detectable with 80 %", "none" if self.detectable is None else f"{self.detectable:.6g}"))
        if self.effect is not None:
            rows.append((f"probability of achieved at {self.effect:.6g}", f"{self.probability:.1%}"))
        return markup.table("Power", ("", "value"), rows).text


def power(
    *,
    standard_error: float,
    target: float,
    better: Better,
    effect: float | None = None,
    df: float | None = None,
    scale: Scale = "ratio",
    confidence: float = 0.95,
    family: int = 1,
) -> PowerResult:
    """Return how likely `achieved` is, and the true effect at which its probability is 0.8.

    Parameters
    ----------
    standard_error : of the contrast on its working scale, > 0: of the log ratio, the difference or the level.
    target : on the estimate's scale (0.80, not −0.20).
    better : 'higher' or 'lower'; `achieved` means beyond the target in this direction.
    effect : a true effect to state the probability for, on the estimate's scale.
    df : degrees of freedom of the standard error; None where it is known (normal).
    confidence : level of the two-sided interval; the target is tested at half of 1 − confidence.
    family : number of goals judged together; each is tested at the level divided by it (Bonferroni, the first step
        of Holm: what a goal reaches whatever becomes of the others).

    Raises ParameterError for values that are no standard error, target, direction or family.

    Source: noncentral t, e.g. Chow, Shao and Wang (2008), Sample Size Calculations in Clinical Research, 2nd ed.,
    section 3.2.

    >>> result = power(standard_error=0.06, target=0.80, better="lower", effect=0.70, df=30)
    >>> round(result.probability, 3), round(result.detectable, 3)
    (0.577, 0.672)
    """
    error = positive(standard_error, "standard_error")
    if better not in ("higher", "lower"):
        raise ParameterError(f"better is {shown(better)}; expected 'higher' or 'lower'.")
    if scale not in get_args(Scale):
        known = get_args(Scale)
        raise ParameterError(
            f"scale is {shown(scale)}; expected one of {', '.join(map(repr, known))}.{nearest(str(scale), known)}"
        )
    for value, name in ((target, "target"), (effect, "effect")):
        check_target(value, name)
        if value is not None and (not math.isfinite(value) or (scale == "ratio" and value <= 0)):
            raise ParameterError(f"The {name} {value} is not on the {scale} scale; −20 % is the ratio 0.80.")
    if count(family, "family") < 1:
        raise ParameterError(f"family is {family}; expected the number of goals judged together, at least 1.")
    level = (1 - check_confidence(confidence)) / 2 / family
    free = None if df is None else positive(df, "df")
    curve = contrast_curve(lambda _: (error, free), target=target, better=better, scale=scale, level=level)
    return concluded(curve, target=target, better=better, scale=scale, level=level, effect=effect)


def contrast_curve(
    error: Callable[[float], tuple[float, float | None]],
    *,
    target: float,
    better: Better,
    scale: Scale,
    level: float,
    null_ratio: Callable[[float], float] = lambda _: 1.0,
) -> Curve:
    """Return the curve of a contrast whose `error(effect)` is its standard error (working scale) and df.

    `null_ratio(effect)` is the standard error that the test uses ÷ the true one: 1 for a Wald test, that at the target
    ÷ that at the effect for a score test.
    """
    sign = 1 if better == "higher" else -1
    link = _log if scale == "ratio" else float

    def curve(effect: float) -> float:
        se, df = error(effect)
        shift = sign * (link(effect) - link(target)) / se
        critical = -quantile(level, df) * null_ratio(effect)
        return _beyond(critical, shift, df)

    return curve


def _log(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf


def _beyond(critical: float, shift: float, df: float | None) -> float:
    """Return P(T > critical) for the noncentral t with noncentrality `shift`."""
    if df is None or not math.isfinite(df) or not math.isfinite(critical):
        return lower_tail(shift - critical)
    below = float(special.nctdtr(df, shift, critical)) if abs(shift) < 1000 else math.nan
    if math.isnan(below):  # so far out only the estimated error is uncertain
        return float(special.gammainc(df / 2, df / 2 * (shift / critical) ** 2)) if shift > 0 else 0.0
    return min(1.0, max(0.0, 1 - below))


def rate_curve(
    *,
    events_before: float,
    exposure_ratio: float,
    target: float,
    better: Better,
    level: float,
    dispersion: float | None = None,
    df: float | None = None,
) -> Curve:
    """Return the curve of a ratio of rates, after ÷ before.

    Parameters
    ----------
    events_before : events expected in the baseline, > 0.
    exposure_ratio : exposure after ÷ exposure before.
    dispersion, df : true variance ÷ mean of the counts, which are negative binomial, and the degrees of freedom with
        which it will be estimated. None: Poisson counts and the exact procedure.

    With an arm of up to 100 events expected the probability is summed over the counts of both arms, by the very
    procedure that will judge them; the estimated dispersion is held at five quantiles of its distribution. Beyond,
    the share of the events that fall after is taken as normal, as by that procedure.

    >>> curve = rate_curve(events_before=40, exposure_ratio=0.5, target=0.7, better="lower", level=0.025)
    >>> round(curve(0.7), 3), round(curve(0.2), 3)
    (0.017, 0.777)
    """
    phi = max(1.0, dispersion or 1.0)
    after = events_before * exposure_ratio  # events expected after, were the rate the same
    counts = min(events_before, after * target), max(events_before, after * max(1.0, target))
    if not (counts[0] <= _FEW and counts[1] <= _MANY):

        def normal(effect: float) -> float:
            """Return the chance by the share of events that fall after: the test's variance is the target's share's."""
            shares = [after * rate / (events_before + after * rate) for rate in (target, effect)]
            aimed, spread = (share * (1 - share) for share in shares)
            shift = (shares[1] - shares[0]) * math.sqrt((events_before + after * effect) / (phi * spread))
            critical = -quantile(level, df) * math.sqrt(aimed / spread)
            return _beyond(critical, shift if better == "higher" else -shift, df)

        return lambda effect: normal(effect) if effect > 0 else float(better == "lower")
    before = np.arange(1, int(events_before + 8 * math.sqrt(phi * events_before) + 8 * phi) + 1)
    weights = np.diff(_at_most(np.array([0, *before]), events_before, phi))
    kept = before[weights > 1e-7], weights[weights > 1e-7]
    estimates: list[float | None] = [None]
    if dispersion is not None:
        shares = (np.arange(5) + 0.5) / 5
        free = df if df is not None and math.isfinite(df) else 1e9
        estimates = [max(1.0, phi * q) for q in special.gammaincinv(free / 2, shares) * 2 / free]
    limits = [_limits(kept[0], exposure_ratio, target, better, level, estimate, df) for estimate in estimates]

    def curve(effect: float) -> float:
        found = [_at_most(limit, effect * after, phi) for limit in limits]
        reached = found if better == "lower" else [1 - below for below in found]
        return float(np.mean([(kept[1] * share).sum() for share in reached]))

    return curve


def _at_most(counts: NDArray[np.int64], mean: float, phi: float) -> Array:
    """Return P(X <= count) of negative binomial (or Poisson) counts with variance ÷ mean `phi`; 0 below zero."""
    if mean <= 0:
        return np.where(counts < 0, 0.0, 1.0)
    held = np.maximum(counts, 0)
    if phi <= 1 + 1e-9:
        below = special.gammaincc(held + 1, mean)
    else:
        below = special.betainc(mean / (phi - 1), held + 1, 1 / phi)
    return np.where(counts < 0, 0.0, below)


def _limits(
    before: NDArray[np.int64],
    exposure_ratio: float,
    target: float,
    better: Better,
    level: float,
    dispersion: float | None,
    df: float | None,
) -> NDArray[np.int64]:
    """Return, per count before, the most events after that achieve a lower rate, or the most that do not a higher."""

    def shown(x: int, y: int) -> bool:
        arms = {
            "events_before": float(x),
            "exposure_before": 1.0,
            "events_after": float(y),
            "exposure_after": exposure_ratio,
        }
        pivot: Pivot = ExactRateRatio(**arms)
        if dispersion is not None:
            pivot = DispersedRateRatio(**arms, dispersion=dispersion, df=df if df is not None else math.inf)
        return pivot.tails(target)[0 if better == "higher" else 1] < level

    found = []
    for x in before.tolist():
        counts = range(int(10 * (x + 10) * max(1.0, target) * max(1.0, exposure_ratio)))
        turned = bisect_left(counts, True, key=lambda y, x=x: shown(x, y) == (better == "higher"))  # type: ignore[misc]
        found.append(turned - 1)
    return np.array(found, dtype=np.int64)


def concluded(
    curve: Curve,
    *,
    target: float,
    better: Better,
    scale: Scale,
    level: float,
    effect: float | None = None,
    domain: Domain = (-math.inf, math.inf),
) -> PowerResult:
    """Return the result of a curve. True effects lie in `domain`, ends excluded; a ratio is above 0 anyhow."""
    sign = 1.0 if better == "higher" else -1.0

    def place(reach: float) -> float:
        """Return the effect that lies this far beyond the target on the working scale."""
        moved = target * math.exp(min(sign * reach, 700.0)) if scale == "ratio" else target + sign * reach
        inside = 1e-9 * abs(domain[0 if moved < target else 1] - target)
        return min(max(moved, domain[0] + inside), domain[1] - inside) if math.isfinite(inside) else moved

    reach, detectable = 1e-9, None
    for _ in range(40 if scale == "ratio" else 80):
        if curve(place(reach)) >= WANTED:
            detectable = place(crossing(lambda r: curve(place(r)) - WANTED, 0.0, reach))
            break
        reach *= 2
    far = detectable if detectable is not None else place(0.5 * max(1.0, abs(target)))
    width = abs(math.log(far / target)) if scale == "ratio" else abs(far - target)
    effects = tuple(place(float(r)) for r in np.linspace(-0.4, 1.6, _POINTS) * width)
    return PowerResult(
        target=target,
        better=better,
        scale=scale,
        level=level,
        effect=effect,
        probability=None if effect is None else curve(effect),
        detectable=detectable,
        effects=effects,
        probabilities=tuple(curve(e) for e in effects),
    )
