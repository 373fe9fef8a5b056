"""Control charts: XmR, p and u, with the rules and the assurance question of health services.

Limits say what the process does by itself; the rules mark what does not look like that. They are a way to see,
beside the verdict, never instead of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from evalkit.effect import Better, check_better, check_target
from evalkit.errors import NotEvaluableError, ParameterError, nearest, shown
from evalkit.estimands.time_axis import Labels, in_order, label_of, labels_of
from evalkit.inference import columns

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
Sides = NDArray[np.int64]
ChartKind = Literal["xmr", "p", "u"]
Assurance = Literal["met", "missed", "hit-or-miss"]
LIMIT = 2.66
"""Mean moving ranges from the centre to a limit: 3 / 1.128."""
SCREEN = 3.267
"""Mean moving ranges above which a moving range is left out of their mean."""
RUN = 7
"""Points of a shift or a trend."""
TAIL = 0.005
"""The most that chance may give a count outside a limit. Three standard deviations leave common counts up to that (the
published shipments: 0.0048), rare events up to six times as much."""
ENOUGH = 12
"""Points from which limits are taken as settled."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class ControlChart:
    """A control chart; all arrays of shape (n,), in order of time.

    Attributes
    ----------
    kind : 'xmr', 'p' or 'u'.
    times : days (datetime64[D]) or whole numbers.
    values : what is drawn: the values, the proportions, or the rates.
    centre, low, high : centre line and limits of each point's segment.
    segment : 0 before `step_at`, 1 from it on.
    run_above, run_below : how many points in a row above, and below, the centre are a shift in each point's segment.
    outside, shift, trend, two_of_three : the rules: +1 where the point breaks the rule upwards, -1 downwards, 0
        where it does not.
    target, better : as given.
    """

    kind: ChartKind
    times: Labels
    values: Array
    centre: Array
    low: Array
    high: Array
    segment: NDArray[np.int64]
    run_above: NDArray[np.int64]
    run_below: NDArray[np.int64]
    outside: Sides
    shift: Sides
    trend: Sides
    two_of_three: Sides
    target: float | None
    better: Better | None

    def __repr__(self) -> str:
        return f"<{self.kind} chart of {self.values.size} points, {self.times[0]} to {self.times[-1]}>"

    @property
    def variation(self) -> NDArray[np.str_]:
        """Each point's: 'common', or 'improvement' and 'concern' (without `better` 'high' and 'low').

        'mixed' where rules are broken in both directions.
        """
        rules = np.stack([self.outside, self.shift, self.trend, self.two_of_three])
        up, down = (rules > 0).any(axis=0), (rules < 0).any(axis=0)
        names = ("improvement", "concern") if self.better == "higher" else ("concern", "improvement")
        above, below = names if self.better is not None else ("high", "low")
        return np.where(up & down, "mixed", np.where(up, above, np.where(down, below, "common")))

    @property
    def usual(self) -> tuple[float, float]:
        """The limits of a sub-period as large as most of the last segment are: the median of theirs.

        The last point may be a part of a month, whose few records have wider limits than the months to come.
        """
        here = self.segment == self.segment[-1]
        return float(np.median(self.low[here])), float(np.median(self.high[here]))

    @property
    def stable(self) -> bool:
        """Whether no point of the last segment breaks a rule."""
        return bool((self.variation[self.segment == self.segment[-1]] == "common").all())

    @property
    def assurance(self) -> Assurance | None:
        """Whether the process, as it runs at the end, reliably meets the target; None without one, or if not `stable`.

        'met' where the usual limits of the last segment lie wholly on the good side (the target itself included),
        'missed' where wholly on the wrong side, else 'hit-or-miss'. It asks about single sub-periods, not about the
        mean. Making Data Count answers by the limits alone; but limits foretell single sub-periods only as long as
        the process goes on as it did, and broken rules say that it did not.
        """
        if self.target is None or not self.stable:
            return None
        (low, high), target = self.usual, self.target
        if self.better == "lower":
            low, high, target = -high, -low, -target
        if low >= target:
            return "met"
        return "missed" if high < target else "hit-or-miss"

    @property
    def provisional(self) -> bool:
        """Whether the last segment has fewer than 12 points, so that its limits may still move much."""
        return int((self.segment == self.segment[-1]).sum()) < ENOUGH

    def to_frame(self) -> pd.DataFrame:
        """Return one row per point."""
        import pandas as pd

        names = ("times", "values", "centre", "low", "high", "segment", "outside", "shift", "trend", "two_of_three")
        return pd.DataFrame({name: getattr(self, name) for name in names} | {"variation": self.variation})

    def summary(self) -> str:
        """Say in a few sentences how the process runs and whether it reliably meets the target.

        >>> control_chart([5, 6, 5, 7, 6, 5, 6, 7, 5, 6, 6, 5], target=9, better="lower").summary()
        'The process runs at 5.75, between 2.848 and 8.652; no rule is broken. It reliably meets the target 9.'
        """
        broken = int((self.variation != "common").sum())
        verb = "breaks" if broken == 1 else "break"
        told = "no rule is broken" if not broken else f"{broken} of {self.values.size} points {verb} a rule"
        low, high = self.usual
        text = f"The process runs at {self.centre[-1]:.4g}, between {low:.4g} and {high:.4g}; {told}."
        for side, length in (("above", self.run_above[-1]), ("below", self.run_below[-1])):
            if length > RUN:
                text += (
                    f" A shift takes {length} points in a row {side} the centre, where chance alone puts most of them."
                )
        if self.target is not None and not self.stable:
            text += " It has not been stable, so nothing is said about single sub-periods and the target"
            return f"{text} {self.target:g}."
        if self.assurance is None:
            return text
        verdict = {
            "met": "It reliably meets the target",
            "missed": "It will miss the target unless it changes:",
            "hit-or-miss": "Whether a sub-period meets the target is a matter of chance:",
        }[self.assurance]
        return f"{text} {verdict} {self.target:g}."

    def plot(self) -> Any:
        """Draw the chart; return the matplotlib figure."""
        from evalkit import figures

        return figures.control_chart(self)

    def _repr_html_(self) -> str:
        from evalkit import markup

        rows = []
        for part in np.unique(self.segment):
            last = int(np.flatnonzero(self.segment == part)[-1])
            broken = int((self.variation[self.segment == part] != "common").sum())
            figures = (self.centre[last], self.low[last], self.high[last])
            rows.append((f"to {self.times[last]}", *(f"{figure:.6g}" for figure in figures), str(broken)))
        columns = ("segment", "centre", "lower limit", "upper limit", "points that break a rule")
        return markup.table(f"Control chart ({self.kind})", columns, rows, numeric=range(1, 5)).text


def control_chart(
    values: ArrayLike,
    *,
    kind: ChartKind = "xmr",
    denominators: ArrayLike | None = None,
    times: Any = None,
    step_at: Any = None,
    target: float | None = None,
    better: Better | None = None,
) -> ControlChart:
    """Draw up a control chart: centre line, limits at three standard deviations, and broken rules.

    Columns are lists, or of NumPy, pandas, Polars or PyArrow; the result is the same.

    Parameters
    ----------
    values : shape (n,). xmr: one value per sub-period. p: successes, u: events, both whole numbers.
    kind : 'xmr' (individual values, limits from moving ranges), 'p' (proportions, binomial limits) or 'u' (rates,
        Poisson limits). With very large denominators p and u limits are narrower than months really vary; the
        xmr chart of the proportions or rates is then the fair one.
    denominators : shape (n,), above zero: trials (p) or exposure (u).
    times : shape (n,), as in `interrupted_time_series`; default positions 0, 1, ...
    step_at : the first time of a new segment, with limits of its own.
    target, better : the target and the good direction, on the scale of what is drawn.

    Rules, within each segment: a point outside the limits; 7 points in a row on one side of the centre (shift); 7
    points in a row each above, or below, the one before (trend); 2 of 3 points in a row, all on one side, beyond
    two thirds of the way to a limit but inside it. Moving ranges above 3.267 times their mean are left out of it.

    Where events are rare (p and u), two of the rules are held to what they mean, or a process that never changes breaks
    them. At one event in four months every empty month lies below the centre, so 7 in a row are nothing: a shift
    takes as many points as are as improbable as 7 by an even chance, 7 ln 2 / −ln p where p is the chance of that side
    at the centre and the segment's median denominator (19 below the centre here), never fewer than 7. And a single
    event may lie beyond three standard deviations: a limit is moved outwards to the last count that chance gives with
    0.005 or more (so many or more, or so few or fewer, by the binomial's or Poisson's own tail at the centre).

    Raises
    ------
    ParameterError : shapes that differ, values that cannot be, p or u without denominators, a target without
        `better`, a step outside the series.
    NotEvaluableError : `too_few_points`, a segment of fewer than 2 points.

    Sources: Wheeler and Chambers (1992), Understanding Statistical Process Control, 2nd ed., section 3.6;
    Montgomery (2009), Introduction to Statistical Quality Control, 6th ed., sections 6.4, 7.2, 7.3; the rules and
    the assurance question: NHS England, Making Data Count, as in the R package NHSRplotthedots 0.2.

    >>> chart = control_chart([12, 15, 8, 10], kind="p", denominators=[50, 50, 50, 50])
    >>> [round(float(limit), 4) for limit in (chart.low[0], chart.centre[0], chart.high[0])]
    [0.0478, 0.225, 0.4022]
    """
    if kind not in get_args(ChartKind):
        raise ParameterError(
            f"kind is {shown(kind)}; expected 'xmr', 'p' or 'u'.{nearest(str(kind), get_args(ChartKind))}"
        )
    check_target(target)
    check_better(better, target)
    columns.check_order(("values", values), ("denominators", denominators), ("times", times))
    given = _numbers(values, "values")
    labels = np.arange(given.size) if times is None else labels_of(times, "times")
    sizes = _sizes(given, kind, denominators)
    if labels.shape != given.shape:
        raise ParameterError(f"times has the shape {labels.shape}, values {given.shape}; expected one for each value.")
    order = in_order(labels)
    labels, given, sizes = labels[order], given[order], sizes[order]
    segment = _segments(labels, step_at)
    drawn = given / sizes
    centre, low, high = (np.empty(given.size) for _ in range(3))
    above, below = (np.empty(given.size, dtype=np.int64) for _ in range(2))
    sides = {name: np.zeros(given.size, dtype=np.int64) for name in ("outside", "shift", "trend", "two_of_three")}
    for part in np.unique(segment):
        here = segment == part
        if here.sum() < 2:
            raise NotEvaluableError("too_few_points", "A segment of the control chart has fewer than 2 points.")
        middle, distance = _centre(given[here], sizes[here], kind)
        centre[here] = middle
        reach = _reach(middle, distance, sizes[here], kind)
        low[here] = middle - reach[0] if kind == "xmr" else np.maximum(middle - reach[0], 0.0)
        high[here] = middle + reach[1] if kind != "p" else np.minimum(middle + reach[1], 1.0)
        lengths = _run_lengths(middle, float(np.median(sizes[here])), kind)
        above[here], below[here] = lengths
        for name, found in _rules(drawn[here], middle, reach, lengths).items():
            sides[name][here] = found
    return ControlChart(
        kind=kind,
        times=labels,
        values=drawn,
        centre=centre,
        low=low,
        high=high,
        segment=segment,
        run_above=above,
        run_below=below,
        target=target,
        better=better,
        **sides,
    )


def _numbers(given: ArrayLike, name: str) -> Array:
    numbers = columns.numbers(given, name)
    if numbers.ndim != 1 or numbers.size < 2:
        raise ParameterError(f"{name} has the shape {numbers.shape}; expected a list of at least 2 numbers.")
    if not np.isfinite(numbers).all():
        place = int((~np.isfinite(numbers)).argmax())
        raise ParameterError(f"{name}[{place}] is missing or infinite; leave that time out of all lists.")
    return numbers


def _sizes(given: Array, kind: ChartKind, denominators: ArrayLike | None) -> Array:
    if kind == "xmr":
        if denominators is not None:
            raise ParameterError("An xmr chart has no denominators; give the values themselves, or kind='p' or 'u'.")
        return np.ones(given.size)
    if denominators is None:
        raise ParameterError(f"A {kind} chart needs denominators: the {'trials' if kind == 'p' else 'exposure'}.")
    sizes = _numbers(denominators, "denominators")
    if sizes.shape != given.shape:
        raise ParameterError(f"denominators has the shape {sizes.shape}, values {given.shape}; expected the same.")
    if (sizes <= 0).any():
        place = int((sizes <= 0).argmax())
        raise ParameterError(f"denominators[{place}] is {sizes[place]:g}; leave out sub-periods without any.")
    wrong = (given < 0) | (given != np.floor(given)) | ((given > sizes) & (kind == "p"))
    if wrong.any():
        place = int(wrong.argmax())
        bounds = "between 0 and its denominator" if kind == "p" else "of at least 0"
        raise ParameterError(f"values[{place}] is {given[place]:g}; expected a whole number {bounds}.")
    return sizes


def _segments(labels: Labels, step_at: Any) -> NDArray[np.int64]:
    if step_at is None:
        return np.zeros(labels.size, dtype=np.int64)
    segment = np.asarray(labels >= label_of(step_at, "step_at", labels), dtype=np.int64)
    if segment.min() == segment.max():
        raise ParameterError(f"step_at is {step_at}, outside the series ({labels[0]} to {labels[-1]}).")
    return segment


def _centre(given: Array, sizes: Array, kind: ChartKind) -> tuple[float, Array]:
    """Return a segment's centre and each point's distance from it to a limit, not yet cut at 0 or 1."""
    if kind == "xmr":
        ranges = np.abs(np.diff(given))
        usual = ranges[ranges < SCREEN * ranges.mean()] if ranges.any() else ranges
        return float(given.mean()), np.full(given.size, LIMIT * float(usual.mean()))
    middle = float(given.sum() / sizes.sum())
    variance = middle * (1 - middle) if kind == "p" else middle
    return middle, 3 * np.sqrt(variance / sizes)


def _tails(counts: Array, sizes: Array, middle: float, kind: ChartKind) -> tuple[Array, Array]:
    """Return the chance of at least, and of at most, so many events of such denominators at the centre."""
    inside = np.maximum(counts, 0.0)
    if kind == "u":
        least, most = special.gammainc(inside, middle * sizes), special.gammaincc(inside + 1, middle * sizes)
    else:  # the beta function, since denominators need not be whole
        inside = np.minimum(inside, sizes)
        least = np.where(counts > sizes, 0.0, special.betainc(inside, sizes - inside + 1, middle))
        most = np.where(counts < sizes, special.betaincc(inside + 1, sizes - inside, middle), 1.0)
    return np.where(counts > 0, least, 1.0), np.where(counts < 0, 0.0, most)


def _reach(middle: float, distance: Array, sizes: Array, kind: ChartKind) -> tuple[Array, Array]:
    """Return each point's distance from the centre to its lower and upper limit: no count outside is one that chance
    gives with `TAIL` or more."""
    if kind == "xmr":  # without a law
        return distance, distance
    last = np.floor((middle + distance) * sizes * (1 + 1e-12))
    while (more := (_tails(last + 1, sizes, middle, kind)[0] >= TAIL)).any():
        last += more
    first = np.ceil((middle - distance) * sizes * (1 - 1e-12))
    while (more := (_tails(first - 1, sizes, middle, kind)[1] >= TAIL)).any():
        first -= more
    return np.maximum(distance, middle - first / sizes), np.maximum(distance, last / sizes - middle)


def _run_lengths(middle: float, typical: float, kind: ChartKind) -> tuple[int, int]:
    """Return how many points in a row above, and below, the centre are as improbable as 7 by an even chance.

    >>> _run_lengths(0.25, 1.0, "u"), _run_lengths(0.5, 31.0, "p")
    ((7, 19), (7, 7))
    """
    if kind == "xmr" or middle <= 0 or (kind == "p" and middle >= 1):  # without a law, or all points on the centre
        return RUN, RUN
    size = max(round(typical), 1.0) if kind == "p" else typical
    mean = middle * size
    # the counts next to the centre, on which no point is on a side
    ends = np.array([math.floor(mean * (1 + 1e-12)) + 1.0, math.ceil(mean * (1 - 1e-12)) - 1.0])
    least, most = _tails(ends, np.full(2, size), middle, kind)
    return _as_improbable(float(least[0])), _as_improbable(float(most[1]))


def _as_improbable(chance: float) -> int:
    return max(RUN, round(RUN * math.log(2) / -math.log(min(max(chance, 1e-9), 1 - 1e-9))))


def _rules(drawn: Array, middle: float, reach: tuple[Array, Array], lengths: tuple[int, int]) -> dict[str, Sides]:
    """Return, for each rule, which points of one segment break it and to which side."""
    away = drawn - middle
    distance = np.where(away < 0, *reach)
    # a point on the centre or on its limit is on neither side of it; rounding must not decide
    side = np.where(np.abs(away) > 1e-12 * abs(middle), np.sign(away), 0).astype(np.int64)
    outside = np.abs(away) > distance * (1 + 1e-12)
    close = (np.abs(away) > 2 / 3 * distance * (1 + 1e-12)) & ~outside
    above, below = lengths
    return {
        "outside": side * outside,
        "shift": np.maximum(_runs(side, above), 0) + np.minimum(_runs(side, below), 0),
        "trend": _trend(drawn),
        "two_of_three": _two_of_three(side, close),
    }


def _trend(drawn: Array) -> Sides:
    moves = _runs(np.sign(np.diff(drawn)).astype(np.int64), RUN - 1)
    found = np.zeros(drawn.size, dtype=np.int64)
    found[:-1] = moves
    found[1:] = np.where(moves != 0, moves, found[1:])
    return found


def _two_of_three(side: Sides, close: NDArray[np.bool_]) -> Sides:
    found = np.zeros(side.size, dtype=np.int64)
    for first in range(side.size - 2):
        three = slice(first, first + 3)
        if close[three].sum() >= 2 and abs(side[three].sum()) == 3:
            found[three] = np.where(close[three], side[three], found[three])
    return found


def _runs(signs: Sides, length: int) -> Sides:
    """Return the signs of points in runs of at least `length` equal signs, 0 elsewhere."""
    found = np.zeros(signs.size, dtype=np.int64)
    edges = np.flatnonzero(np.diff(signs)) + 1
    for run in np.split(np.arange(signs.size), edges):
        if run.size >= length:
            found[run] = signs[run]
    return found
