"""How long records take until they are answered, open ones included: the Kaplan-Meier curve."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evalkit.effect import check_confidence
from evalkit.errors import ParameterError, shown
from evalkit.inference import columns
from evalkit.inference.checks import number_of, positive
from evalkit.inference.numeric import critical_value

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SurvivalCurve:
    """The share of records still open after a time, with pointwise intervals.

    Attributes
    ----------
    times : the distinct durations, rising; the other tuples have one value for each.
    at_risk, events, censored : records still open just before, answered at, and lost from view at that time.
    survival, low, high : share still open after that time and its interval at `confidence`.
    records : number of records.
    median, median_interval : time by which half are answered; infinite where the curve stays above a half.
    restricted_mean, restricted_mean_error, horizon : mean time open, each record counted up to the horizon at
        most, and its standard error.
    """

    times: tuple[float, ...]
    at_risk: tuple[int, ...]
    events: tuple[int, ...]
    censored: tuple[int, ...]
    survival: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    confidence: float
    records: int
    median: float
    median_interval: tuple[float, float]
    restricted_mean: float
    restricted_mean_error: float
    horizon: float

    def __repr__(self) -> str:
        low, high = self.median_interval
        return f"<{self.records} records, median {self.median:.4g}, {low:.4g} to {high:.4g}>"

    @property
    def estimate(self) -> float:
        """The median."""
        return self.median

    @property
    def confidence_interval(self) -> tuple[float, float]:
        """The median's interval."""
        return self.median_interval

    @property
    def restricted_mean_interval(self) -> tuple[float, float]:
        half = critical_value(self.confidence) * self.restricted_mean_error
        return self.restricted_mean - half, self.restricted_mean + half

    @property
    def known_until(self) -> float:
        """The time up to which the share is known: the longest duration, infinite where all of those were answered."""
        return math.inf if self.survival[-1] == 0 else self.times[-1]

    def within(self, window: float) -> tuple[float, float, float]:
        """Return the share answered within a window (bound included) and its interval.

        Raises ParameterError beyond `known_until`.

        >>> curve = kaplan_meier([2, 3, 5, 7], [True, True, False, True])
        >>> round(curve.within(3)[0], 2)
        0.5
        """
        asked = number_of(window)
        if math.isnan(asked):
            raise ParameterError(f"window is {shown(window)}; expected a number, of the durations' unit.")
        if asked > self.known_until:
            raise ParameterError(_beyond("window", asked, self.known_until))
        index = bisect_right(self.times, asked) - 1
        if index < 0:
            return 0.0, 0.0, 0.0
        return 1 - self.survival[index], 1 - self.high[index], 1 - self.low[index]

    def times_by(self, factor: float) -> SurvivalCurve:
        """Return the same curve in another unit of time: 24 turns days into hours.

        >>> kaplan_meier([1 / 3, 0.5]).times_by(24).times
        (8.0, 12.0)
        """
        low, high = self.median_interval
        return replace(
            self,
            times=tuple(round(time * factor, 9) for time in self.times),
            median=round(self.median * factor, 9),
            median_interval=(round(low * factor, 9), round(high * factor, 9)),
            restricted_mean=self.restricted_mean * factor,
            restricted_mean_error=self.restricted_mean_error * factor,
            horizon=round(self.horizon * factor, 9),
        )

    def summary(self) -> str:
        """Say median and restricted mean in one sentence."""
        low, high = self.restricted_mean_interval
        median = "fewer than half are answered"
        if math.isfinite(self.median):
            early, late = self.median_interval
            level = f"{100 * self.confidence:g} % interval"
            median = f"half are answered by {self.median:.4g} ({level} {early:.4g} to {late:.4g})"
        return (
            f"Of {self.records} records {median}; the mean up to {self.horizon:.4g} is "
            f"{self.restricted_mean:.4g} ({low:.4g} to {high:.4g})."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row per distinct duration."""
        import pandas as pd

        names = ("times", "at_risk", "events", "censored", "survival", "low", "high")
        return pd.DataFrame(
            {name.removesuffix("s") if name == "times" else name: getattr(self, name) for name in names}
        )

    def plot(self, window: float | None = None) -> Any:
        """Draw the share answered over time, a window marked; return the matplotlib figure."""
        from evalkit import figures

        return figures.answered({"": self}, window=window)

    def _repr_html_(self) -> str:
        from evalkit import markup

        low, high = self.restricted_mean_interval
        rows = [
            ("records", str(self.records)),
            ("answered", str(sum(self.events))),
            ("median", f"{self.median:.6g} ({self.median_interval[0]:.6g} to {self.median_interval[1]:.6g})"),
            (f"mean up to {self.horizon:.6g}", f"{self.restricted_mean:.6g} ({low:.6g} to {high:.6g})"),
        ]
        return markup.table("Kaplan–Meier", ("", f"value ({100 * self.confidence:g} % interval)"), rows).text


def kaplan_meier(
    durations: ArrayLike,
    answered: ArrayLike | None = None,
    *,
    counts: ArrayLike | None = None,
    horizon: float | None = None,
    confidence: float = 0.95,
) -> SurvivalCurve:
    """Estimate how long records take until they are answered, from answered and still open ones.

    Columns are lists, or of NumPy, pandas, Polars or PyArrow; the result is the same.

    Parameters
    ----------
    durations : time from receipt to answer or, for open records, to the data cut-off; >= 0, numbers of one unit,
        shape (n,).
    answered : True where the record was answered, False where it was still open (right-censored), shape (n,);
        None when all were answered. What keeps a record open must not depend on how long it will take.
    counts : how many records each entry stands for, whole numbers above 0, shape (n,); None for one each.
    horizon : upper end of the restricted mean; default the longest duration. It cannot lie beyond that unless
        all records with the longest duration were answered.
    confidence : level of all intervals, which hold pointwise.

    Returns
    -------
    SurvivalCurve : Greenwood variance, intervals on the log(-log) scale. Before the first answer the interval is
        (1, 1); where all are answered it is (0, the last upper limit), for which R has NA.

    Raises
    ------
    ParameterError : shapes differ, a duration is negative or missing, a count is none, the horizon cannot be reached.

    Source: Kaplan and Meier (1958), J. Am. Stat. Assoc. 53, 457-481; Kalbfleisch and Prentice (2002), The
    Statistical Analysis of Failure Time Data, 2nd ed., p. 18; median's interval: Brookmeyer and Crowley (1982),
    Biometrics 38, 29-41; restricted mean: Klein and Moeschberger (2003), Survival Analysis, 2nd ed., p. 118.

    >>> curve = kaplan_meier([9, 13, 13, 18, 23, 28, 31, 34, 45, 48, 161], [1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 0])
    >>> curve.median, curve.median_interval, round(curve.restricted_mean, 4)
    (31.0, (13.0, inf), 52.6455)
    """
    check_confidence(confidence)
    columns.check_order(("durations", durations), ("answered", answered), ("counts", counts))
    time, known, size = _records(durations, answered, counts)
    times, inverse = np.unique(time, return_inverse=True)
    events = np.bincount(inverse, weights=known * size, minlength=times.size)
    total = np.bincount(inverse, weights=size, minlength=times.size)
    at_risk = total.sum() - np.concatenate([[0.0], np.cumsum(total)[:-1]])
    survival = np.cumprod(1 - events / at_risk)
    gone = events == at_risk
    hazard_variance = np.where(gone, 0.0, events / (at_risk * np.where(gone, 1, at_risk - events)))
    low, high = _log_log_limits(survival, np.cumsum(hazard_variance), critical_value(confidence))
    end = _reachable_horizon(horizon, float(times[-1]), float(survival[-1]))
    mean, error = _restricted_mean(times, survival, hazard_variance, end)
    return SurvivalCurve(
        times=tuple(times.tolist()),
        at_risk=tuple(at_risk.astype(int).tolist()),
        events=tuple(events.astype(int).tolist()),
        censored=tuple((total - events).astype(int).tolist()),
        survival=tuple(survival.tolist()),
        low=tuple(low.tolist()),
        high=tuple(high.tolist()),
        confidence=confidence,
        records=int(total.sum()),
        median=_first_at_half(times, survival),
        median_interval=(_first_at_half(times, low), _first_at_half(times, high)),
        restricted_mean=mean,
        restricted_mean_error=error,
        horizon=end,
    )


def _records(
    durations: ArrayLike, answered: ArrayLike | None, counts: ArrayLike | None
) -> tuple[Array, NDArray[np.bool_], Array]:
    time = columns.numbers(durations, "durations")
    known = np.ones(time.shape, dtype=bool) if answered is None else columns.column(answered, "answered")
    size = np.ones(time.shape) if counts is None else columns.numbers(counts, "counts")
    if time.ndim != 1 or not time.shape == known.shape == size.shape or time.size == 0:
        raise ParameterError(
            f"durations has the shape {time.shape}, answered {known.shape}, counts {size.shape}; expected one value "
            "each for every record, and at least one record."
        )
    wrong = np.flatnonzero(~(np.isfinite(time) & (time >= 0)))
    if wrong.size:
        raise ParameterError(
            f"durations[{wrong[0]}] is {time[wrong[0]]} ({wrong.size} such in all); expected times of at least 0: "
            "an open record's is the time up to the cut-off."
        )
    if not np.isin(known, (0, 1)).all():
        raise ParameterError("answered holds other values than True and False.")
    odd = np.flatnonzero(~((size > 0) & (size == np.floor(size)) & np.isfinite(size)))
    if odd.size:
        raise ParameterError(f"counts[{odd[0]}] is {size[odd[0]]:g}; expected whole numbers of records above 0.")
    return time, known.astype(bool), size


def _log_log_limits(survival: Array, variance: Array, z: float) -> tuple[Array, Array]:
    inside = (survival > 0) & (survival < 1)
    log = np.log(np.where(inside, survival, 0.5))
    half = z * np.sqrt(variance) / np.abs(log)
    low = np.where(inside, np.exp(log * np.exp(half)), survival)
    high = np.where(inside, np.exp(log * np.exp(-half)), survival)
    if survival[-1] == 0 and survival.size > 1:
        first = int(np.argmax(survival == 0))
        high[first:] = high[first - 1] if first else 1.0
    elif survival[-1] == 0:
        high[:] = 1.0
    return low, high


def _first_at_half(times: Array, curve: Array) -> float:
    """Return when a curve falls to a half; the middle of the stretch on which it equals a half."""
    reached = np.flatnonzero(curve < 0.5 + 1e-12)
    if reached.size == 0:
        return math.inf
    first = int(reached[0])
    if abs(curve[first] - 0.5) < 1e-12:
        below = np.flatnonzero(curve < curve[first] - 1e-12)
        if below.size:
            return float((times[first] + times[below[0]]) / 2)
    return float(times[first])


def _reachable_horizon(horizon: float | None, longest: float, last: float) -> float:
    if horizon is None:
        return longest
    end = positive(horizon, "horizon")
    if end > longest and last > 0:
        raise ParameterError(_beyond("horizon", end, longest))
    return end


def _beyond(name: str, asked: float, longest: float) -> str:
    return (
        f"{name} is {asked:g}, but the longest duration is {longest:g} and the share still open beyond it is not "
        f"known; choose a {name} up to that."
    )


def _restricted_mean(times: Array, survival: Array, hazard_variance: Array, horizon: float) -> tuple[float, float]:
    """Return the area under the curve up to the horizon and its standard error."""
    inside = times < horizon
    edges = np.concatenate([[0.0], times[inside], [horizon]])
    areas = np.diff(edges) * np.concatenate([[1.0], survival[inside]])
    still_to_come = np.cumsum(areas[::-1])[::-1][1:]
    return float(areas.sum()), math.sqrt(float((still_to_come**2 * hazard_variance[inside]).sum()))
