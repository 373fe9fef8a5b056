"""What each goal's data can show: detectable change, probability of `achieved`, periods still needed.

All uncertainty is the baseline's own. Every stretch of the baseline as long as a reporting period is compared with the
rest of it by the goal's own procedure (for a rate every second month with the others); the variance that this gives is
taken to fall with the days of either side, as it does in `looks`, and the baseline's month shocks are added by the
weight of each month. What a level's branches differ by at all times does not fall: it is what the whole baseline's
variance holds beyond that of a period.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from evalkit.effect import Better, Scale
from evalkit.errors import NotEvaluableError
from evalkit.evaluation.baseline_variance import Basis, basis_of
from evalkit.evaluation.conductor import Question, moments_of
from evalkit.evaluation.looks import evaluate_to_date
from evalkit.evaluation.series import GRACE_DAYS, last_told
from evalkit.evaluation.window import scale_of
from evalkit.inference.anytime import Anytime
from evalkit.inference.numeric import lower_tail
from evalkit.inference.power import WANTED, Curve, PowerResult, concluded
from evalkit.inference.repeated import Repeated
from evalkit.inference.student import StudentPivot
from evalkit.periods import Period, Window, add_months, period_containing

if TYPE_CHECKING:
    import pandas as pd

    from evalkit.formats import Quantity
    from evalkit.records import Records
    from evalkit.results import Kind
    from evalkit.study import Study

HORIZON_MONTHS = 120  # how far ahead periods are counted


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalPower:
    """What one goal's data can show. All effects are on the scale of the target.

    Attributes
    ----------
    baseline : the metric's value in the baseline.
    period, to_date : power of the next whole period, and of everything to date at its last look (None before any).
    beyond, observed, assumed : true effects: 5 points beyond the target; as observed to date (None before any);
        half as far again as the target, for which periods are counted.
    at : probability of `achieved` by window ('period', 'to_date') and by truth ('beyond', 'observed').
    periods_done, periods_needed : periods to date; those until `achieved` has probability 0.8 at `assumed`, these
        included, or None where they are not enough within `horizon`.
    reason : why there is no answer, where `period` is None.
    """

    goal: str
    kind: Kind = "mean"
    scale: Scale
    better: Better
    target: float
    baseline: float | None = None
    period: PowerResult | None = None
    to_date: PowerResult | None = None
    beyond: float | None = None
    observed: float | None = None
    assumed: float | None = None
    at: dict[str, float]
    periods_done: int = 0
    periods_needed: int | None = None
    horizon: str = ""
    reason: str = ""

    def __repr__(self) -> str:
        return f"<power of {self.goal}: {self.still} periods still needed>"

    @property
    def still(self) -> str:
        """The periods still needed, in words."""
        if self.periods_needed is None:
            return f"not within {self.horizon}" if self.period else "–"
        return str(max(0, self.periods_needed - self.periods_done))

    def to_dict(self) -> dict[str, Any]:
        """Return one flat row."""
        needed = self.periods_needed
        return {
            "goal": self.goal,
            "scale": self.scale,
            "better": self.better,
            "target": self.target,
            "baseline": self.baseline,
            "detectable_period": self.period.detectable if self.period else None,
            "detectable_to_date": self.to_date.detectable if self.to_date else None,
            "effect_beyond": self.beyond,
            "effect_observed": self.observed,
            **{f"p_{truth}_{w}": self.at.get(f"{w}_{truth}") for truth in ("beyond", "observed") for w in _WINDOWS},
            "effect_assumed": self.assumed,
            "periods_done": self.periods_done,
            "periods_needed": needed,
            "periods_still_needed": None if needed is None else max(0, needed - self.periods_done),
            "note": self.reason or ("" if needed is not None else f"not within {self.horizon}"),
        }

    def to_frame(self) -> pd.DataFrame:
        """Return one flat row; the curves are `period.to_frame()` and `to_date.to_frame()`."""
        import pandas as pd

        return pd.DataFrame([self.to_dict()])

    def plot(self) -> Any:
        """Draw the chance of `achieved` in one coming period over true effects; return the matplotlib figure.

        Raises NotEvaluableError where there is no answer.
        """
        from evalkit import figures

        if self.period is None:
            raise NotEvaluableError("no_answer", self.reason)
        return figures.power(self.period, form=self._form(), observed=self.observed)

    def _form(self) -> Quantity:
        from evalkit import formats

        known = [self.observed, self.beyond, *(found.detectable for found in (self.period, self.to_date) if found)]
        return formats.quantity(self.kind, self.scale, known, target=self.target)

    def _repr_html_(self) -> str:
        from evalkit import formats, markup

        form = self._form()
        rows = [
            ("target", form.target(self.target)),
            ("shown with 80 % by one coming period, when the truth is", form.text(_detectable(self.period))),
            ("shown with 80 % by everything to date, when the truth is", form.text(_detectable(self.to_date))),
            ("estimated to date", form.text(self.observed)),
            ("chance of achieved there: one period", formats.chance(self.at.get("period_observed"))),
            ("chance of achieved there: everything to date", formats.chance(self.at.get("to_date_observed"))),
            ("periods done", str(self.periods_done)),
            (f"periods still needed, when the truth is {form.text(self.assumed)}", self.still),
            *([("no answer", self.reason)] if self.reason else []),
        ]
        return markup.table(f"What the records of {self.goal} can show", ("", "value"), rows, numeric=(1,)).text


def _detectable(found: PowerResult | None) -> float | None:
    return found.detectable if found else None


_WINDOWS = ("period", "to_date")


def plan(
    study: Study, records: Callable[[str], Records], goals: Sequence[Any] = (), until: date | None = None
) -> tuple[GoalPower, ...]:
    """Return the power of these goals of the study (default all), before the programme or during it.

    `until` asks for what was known on that day: later records do not count.
    """
    asked = goals or study.goals
    ends = {name: last_told(records(name).valid, records(name).source.time) for name in {g.source for g in asked}}
    known = until or max((day for day in ends.values() if day), default=None)
    return tuple(_goal_power(study, goal, records, ends[goal.source], known) for goal in asked)


def assumptions(study: Study) -> str:
    """Say what the figures rest on, for a reader."""
    shared = len(study.goals) if study.inference.multiplicity != "none" else 1
    looks = "as one look" if study.inference.sequential == "none" else "with the study's sequential plan"
    return (
        f"Detectable: the true effect at which `achieved` has probability {WANTED:.0%}. One period is tested at "
        f"{_alpha(study):.3g} ({shared} goal{'s' if shared > 1 else ''} judged together, the first step of Holm), "
        f"everything to date likewise, {looks}. Variances are the baseline's own, of stretches as long as a period, "
        "falling with the days; months' shocks are the baseline's; clusters and volumes are taken to stay as they "
        "were. Periods still needed are counted for a truth half as far again as the target, or halfway to the "
        "metric's bound."
    )


def _goal_power(
    study: Study, goal: Any, records: Callable[[str], Records], last: date | None, known: date | None
) -> GoalPower:
    """Return one goal's power; `last` is the day its own records reach, `known` that of everything that is known.

    A period is done when what is known reaches its end and the goal's own records lie in it: those of a survey that
    comes in waves never reach one.
    """
    scale, target = scale_of(goal), goal.target.value
    bare = GoalPower(goal=goal.id, kind=goal.metric.kind, scale=scale, better=goal.better, target=target, at={})
    last = min(last, known) if last and known else last
    looks = list(_looks(study, goal, last))
    done: list[Period] = []
    if last is not None and known is not None:
        ended = known + timedelta(days=GRACE_DAYS)
        done = [look for look in looks if look.end <= ended and look.start <= last]
    as_of = done[-1].end if done else study.baseline.end
    asked = moments_of(study, goal, done[-1:], as_of, records)
    try:
        if asked.records.tally(as_of).too_many_rejected:
            raise NotEvaluableError("too_many_rejected", "Too many of its source's records are rejected.")
        basis = basis_of(study, goal, asked.moments)
        return _answered(study, goal, replace(bare, periods_done=len(done)), basis, looks, asked)
    except NotEvaluableError as reason:
        return replace(bare, periods_done=len(done), reason=reason.messages[0])


def _looks(study: Study, goal: Any, last: date | None) -> Iterator[Period]:
    """Yield the periods at whose end there is something to date, until ten years from the last record."""
    frequency = study.calendar.frequency
    first = _first_day(study, goal)
    period, stop = period_containing(first, frequency), add_months(max(first, last or first), HORIZON_MONTHS)
    while period.start <= stop:
        yield period
        period = period_containing(period.end + timedelta(days=1), frequency)


def _first_day(study: Study, goal: Any) -> date:
    phase_in = study.windows_of(goal)[1]
    return phase_in.end + timedelta(days=1) if phase_in else study.programme_start


def _answered(
    study: Study, goal: Any, bare: GoalPower, basis: Basis, looks: Sequence[Period], asked: Question
) -> GoalPower:
    done = bare.periods_done
    beyond, assumed = basis.beyond, basis.assumed
    coming = next(look for look in looks[done:] if look.start >= _first_day(study, goal))
    windows = [Window(_first_day(study, goal), look.end) for look in looks]
    needed, horizon = _needed(study, basis, windows)
    observed = None
    if done:
        shocks = basis.shocks
        found = evaluate_to_date(study, goal, asked.moments, looks[done - 1], looks[done - 1].end, shocks)
        effect = found.evaluation.effect if found else None
        observed = effect.estimate if effect is not None else None
    at: dict[str, float] = {}
    results: dict[str, PowerResult] = {}
    for name, window, level in (
        ("period", coming.window, _alpha(study)),
        *([("to_date", windows[done - 1], _level(study, basis, windows, done))] if done else []),
    ):
        curve = _or_never(basis.curve(window, level))
        results[name] = concluded(
            curve,
            target=basis.target,
            better=basis.better,
            scale=basis.scale,
            level=level,
            effect=beyond,
            domain=basis.domain,
        )
        at[f"{name}_beyond"] = curve(beyond)
        if observed is not None:
            at[f"{name}_observed"] = curve(observed)
    return replace(
        bare,
        baseline=basis.value,
        period=results["period"],
        to_date=results.get("to_date"),
        beyond=beyond,
        observed=observed,
        assumed=assumed,
        at=at,
        periods_needed=needed,
        horizon=horizon,
    )


def _foreseen(basis: Basis, window: Window) -> float | None:
    """Return the standard error at the target, None where a series is too short to have one."""
    try:
        return basis.error(window)(basis.target)[0]
    except NotEvaluableError:
        if basis.series is None:
            raise
        return None


def _or_never(curve: Curve) -> Curve:
    """Return the curve, zero where the window is one in which a series has no answer: it will not be `achieved`."""

    def chance(effect: float) -> float:
        try:
            return curve(effect)
        except NotEvaluableError:
            return 0.0

    return chance


def _alpha(study: Study) -> float:
    """Return the one-sided level of a goal judged together with all others, at the first step of Holm."""
    shared = len(study.goals) if study.inference.multiplicity != "none" else 1
    return (1 - study.inference.confidence) / 2 / shared


def _needed(study: Study, basis: Basis, windows: Sequence[Window]) -> tuple[int | None, str]:
    """Return how many periods make the assumed effect detectable, and within what that was looked for."""
    sequential = study.inference.sequential
    most, horizon = len(windows), f"{HORIZON_MONTHS // 12} years"
    if sequential != "none" and sequential.method == "alpha-spending" and sequential.looks <= most:
        most, horizon = sequential.looks, f"the {sequential.looks} looks planned"

    def chance(count: int) -> float:
        return basis.curve(windows[count - 1], _level(study, basis, windows, count))(basis.assumed)

    if basis.series is not None:
        return _first_shown(chance, most), horizon
    count = bisect_left(range(1, most + 1), WANTED, key=chance) + 1  # more periods never show less
    return (count if count <= most else None), horizon


def _first_shown(chance: Callable[[int], float], most: int) -> int | None:
    """Return the first count of periods that a series shows the effect after, None where none up to the most does.

    A slope is told the worse the further it is followed from the step, so every count is asked. After too few periods
    a model has no answer, which shows nothing. Raises NotEvaluableError where it has none after any.
    """
    silent: NotEvaluableError | None = None
    answered = False
    for count in range(1, most + 1):
        try:
            if chance(count) >= WANTED:
                return count
            answered = True
        except NotEvaluableError as reason:
            silent = silent or reason
    if silent is not None and not answered:
        raise silent
    return None


def _level(study: Study, basis: Basis, windows: Sequence[Window], count: int) -> float:
    """Return the one-sided level at which everything to date is tested at look `count`, all goals judged together.

    Looks that a series has no answer at are none; where that is this one, the level is that of a single look.
    """
    plan, alpha = study.inference.sequential, _alpha(study)
    confidence = 1 - 2 * alpha
    if plan == "none":
        return alpha
    unit = StudentPivot(estimate=0.0, se=1.0, df=None, method="")
    found = [_foreseen(basis, window) for window in windows[:count]]
    if found[-1] is None:
        return alpha
    errors = [error for error in found if error is not None]
    if plan.method == "anytime":
        year = Window(windows[0].start, windows[0].start + timedelta(days=364))
        share = (basis.error(year)(basis.target)[0] / errors[-1]) ** 2
        pivot: Anytime | Repeated = Anytime(pivot=unit, information=share, confidence=confidence)
    else:
        last = basis.error(windows[min(plan.looks, len(windows)) - 1])(basis.target)[0]
        shares = tuple((last / error) ** 2 for error in errors)
        pivot = Repeated(pivot=unit, information=shares, looks=plan.looks, spending=plan.spending)
    return lower_tail(pivot.interval(confidence)[0])  # of a standard normal pivot, so its limit is the boundary
