"""Goals and indicators of a study file: the metric, its target, and how before and after are compared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field, Tag

from evalkit.effect import Better, Scale
from evalkit.periods import MONTHS_IN, Frequency
from evalkit.study import model_values as v
from evalkit.study.yaml_lines import describe

PUBLISHED = ("index", "context", "results", "provenance")  # files beside the pages of goals


class Elapsed(v.Model):
    """The time from one column to another, in `unit`, as the value of a mean."""

    from_: v.Moment = Field(alias="from", description="The date or datetime column at which it begins.")
    to: v.Moment = Field(description="The date or datetime column at which it ends.")
    unit: Literal["seconds", "minutes", "hours", "days"] = Field(description="The unit of the value.")
    within: v.Within | None = Field(
        None,
        description="Whole hours or days, such as 24h or 7d: only records begun this long before the cut-off count.",
    )


class Mean(v.Model):
    """The mean of a value per record."""

    kind: Literal["mean"] = Field(description="The mean of a value per record.")
    value: Annotated[Annotated[v.Amount, v.TEXT] | Annotated[Elapsed, v.OTHER], v.EITHER] = Field(
        description="The column, or {from, to, unit, within} for the time between two columns."
    )
    weight: v.Amount | None = Field(None, description="The column with each record's weight.")


class Ratio(v.Model):
    """The sum of one column over the sum of another."""

    kind: Literal["ratio"] = Field(description="Sum over sum.")
    numerator: v.Amount = Field(description="The column summed above.")
    denominator: v.Amount = Field(description="The column summed below.")
    weight: v.Amount | None = Field(None, description="The column with each record's weight.")


class Success(v.Model):
    """What makes a record a success: exactly one of `equals`, `at_least`, `at_most`, or `within` with `of`."""

    column: v.Column = Field(description="The column looked at; with within, the one that says when it was answered.")
    equals: v.Scalar | None = Field(None, description="The value of a success, in the column's type.")
    at_least: v.Number | None = Field(None, description="The smallest value of a success, included.")
    at_most: v.Number | None = Field(None, description="The largest value of a success, included.")
    within: v.Within | None = Field(
        None,
        description="The time allowed after `of`, in whole hours or days, such as 24h or 7d, the bound included. No "
        "answer by then is a failure; a record whose time is not over by the data cut-off does not count yet.",
    )
    of: v.Moment | None = Field(None, description="With within: the column that says when it was received.")

    def problems(self) -> Iterator[v.Problem]:
        yield from self.one_of("equals", "at_least", "at_most", "within")
        if self.of is not None and self.of == self.column:
            yield ("of",), f"'{self.of}' is measured against itself; name the column that says when it was received."
        if (self.within is None) != (self.of is None):
            yield (), "within and of go together: the time allowed, and the column that says when it was received."


class Proportion(v.Model):
    """The share of records that are a success."""

    kind: Literal["proportion"] = Field(description="The share of records that are a success.")
    success: Success = Field(description="What makes a record a success.")
    weight: v.Amount | None = Field(None, description="The column with each record's weight.")


class ExposureOf(v.Model):
    """Exposure that stands in another source."""

    source: v.SourceName = Field(description="The source that holds the exposure.")
    value: v.Amount = Field(description="The column of that source, summed over the window.")


ExposureColumn = Annotated[v.Name, v.Refers(types=v.NUMERIC, except_for="calendar-days"), v.TEXT]


class Rate(v.Model):
    """Events per unit of exposure."""

    kind: Literal["rate"] = Field(description="Events per unit of exposure.")
    events: v.Amount | None = Field(
        None, description="The column that counts events, where rows are totals; by default a record is one event."
    )
    exposure: Annotated[ExposureColumn | Annotated[ExposureOf, v.OTHER], v.EITHER] = Field(
        description="A column, {source, value} for a column of another source, or 'calendar-days'."
    )


Metric = Annotated[
    Annotated[Mean, Tag("mean")]
    | Annotated[Ratio, Tag("ratio")]
    | Annotated[Proportion, Tag("proportion")]
    | Annotated[Rate, Tag("rate")],
    v.KIND,
]


class Target(v.Model):
    """What was promised: exactly one of `relative_change`, `difference`, `level`."""

    relative_change: Annotated[v.Number, Field(gt=-1)] | None = Field(
        None, description="0.10 is +10 %, -0.20 is −20 %."
    )
    difference: v.Number | None = Field(None, description="The change promised, in the metric's own units.")
    level: v.Number | None = Field(None, description="The level promised; a share is 0.90.")

    def problems(self) -> Iterator[v.Problem]:
        yield from self.one_of("relative_change", "difference", "level")
        if self.relative_change is not None and self.scale == "ratio" and not round(1 + self.relative_change, 15) > 0:
            yield ("relative_change",), f"found {describe(self.relative_change)}, expected more than -1."

    @property
    def scale(self) -> Scale:
        """The scale of the estimate that answers this target."""
        return "ratio" if self.relative_change is not None else "level" if self.level is not None else "difference"

    @property
    def value(self) -> float:
        """The target on that scale."""
        (given,) = self.to_dict().values()
        # Rounded at the 15th digit so that -0.20 is the 0.8 a reader writes, not 0.8000000000000000444.
        return round(1 + given, 15) if self.scale == "ratio" else given

    def to_dict(self) -> dict[str, float]:
        """Return the target as the study file has it."""
        return self.model_dump(exclude_none=True)


class Where(v.Model):
    """One condition on the records that count: a column and exactly one operator."""

    column: v.Column = Field(description="The column looked at.")
    equals: v.Scalar | None = Field(None, description="The value, in the column's type.")
    in_: tuple[v.Scalar, ...] | None = Field(None, alias="in", min_length=1, description="One of these values.")
    contains: v.Scalar | None = Field(None, description="A text found anywhere in the value.")
    at_least: v.Scalar | None = Field(None, description="The smallest value, included.")
    at_most: v.Scalar | None = Field(None, description="The largest value, included.")
    not_null: Literal[True] | None = Field(None, description="true: the value is there.")

    def problems(self) -> Iterator[v.Problem]:
        yield from self.one_of("equals", "in_", "contains", "at_least", "at_most", "not_null")


class Direct(v.Model):
    """Before and after compared directly, from their totals."""

    kind: Literal["direct"] = Field("direct", description="Before and after compared directly.")


class InterruptedTimeSeries(v.Model):
    """Segmented regression of the metric's series, against what it would have been without the programme."""

    kind: Literal["interrupted-time-series"] = Field(description="Segmented regression of the metric's series.")
    frequency: Frequency = Field("month", description="The period by which the metric is aggregated.")
    family: Literal["poisson", "quasi-poisson", "gaussian"] = Field(
        "quasi-poisson", description="All on the log scale."
    )
    change: Literal["level", "level+slope"] = Field(
        "level",
        description="What the programme may change. `level` is one step fitted to all the time since: every period has "
        "the same estimate. `level+slope` lets it move.",
    )
    harmonics: Annotated[v.Whole, Field(ge=0, le=6)] = Field(0, description="For the season; 6 are month factors.")
    trend: v.Truth = Field(True, description="Whether the series has a linear trend on the log scale.")
    errors: Literal["autoregressive", "hac", "model"] = Field(
        "autoregressive",
        description="Of its intervals. `hac` (Newey-West) is too narrow below 100 points, `model` where neighbours are "
        "alike.",
    )

    def problems(self) -> Iterator[v.Problem]:
        most = 6 // MONTHS_IN.get(self.frequency, 1)
        if self.harmonics is not None and self.harmonics > most:
            found = describe(self.harmonics)
            yield ("harmonics",), f"found {found}; a series by {self.frequency} has room for {most} at most."


Estimator = Annotated[
    Annotated[Direct, Tag("direct")] | Annotated[InterruptedTimeSeries, Tag("interrupted-time-series")], v.KIND
]


class Rollout(v.Model):
    """A staggered roll-out: when each unit was reached."""

    source: v.SourceName = Field(description="The source with one record per unit.")
    unit: v.Label = Field(description="The column that names the unit, in that source and in the goal's.")
    date: v.Moment = Field(description="The date or datetime column that says when the unit was reached.")


class Question(v.Titled):
    """What goals and indicators have in common: a metric of a source, compared before and after."""

    commitment: v.CommitmentId | None = Field(None, description="The commitment it belongs to.")
    source: v.SourceName = Field(description="The source of its records.")
    metric: Metric = Field(description="What is measured: mean, ratio, proportion or rate.")
    better: Better = Field(description="Which way is good.")
    where: tuple[Where, ...] = Field((), description="Conditions on the records; all must hold.")
    cluster: v.Label | None = Field(None, description="The unit whose records move together.")
    standardise_by: tuple[v.Label, ...] = Field(
        (), description="Columns, such as [channel], whose mix is held at its baseline shares."
    )
    phase_in: v.Span | None = Field(None, description="Days whose records are in neither arm.")
    compare_with: Literal["baseline", "same-months"] = Field("baseline", description="Same months: the season held.")
    estimator: Estimator = Field(Direct(), description="How the effect is estimated.")
    rollout: Rollout | None = Field(None, description="A staggered roll-out, shown beside the estimate.")

    def problems(self) -> Iterator[v.Problem]:
        if self.id and self.id.casefold() in PUBLISHED:
            yield ("id",), f"the id '{self.id}' is the name of a published file; choose another."
        if len(set(self.standardise_by or ())) < len(self.standardise_by or ()):
            yield ("standardise_by",), "a column stands twice; keep one."
        if self.standardise_by and getattr(self.metric, "exposure", None) == "calendar-days":
            told = f"calendar days are the same for every {self.standardise_by[0]}, so there is no mix to hold"
            yield ("standardise_by",), f"{told}; remove standardise_by, or name an exposure that has these columns."


class Goal(Question):
    """What was promised, and how it is judged."""

    target: Target = Field(description="The promise: {relative_change: 0.10}, {difference: x} or {level: 0.90}.")
    measure: ClassVar[None] = None  # only an indicator has one

    def problems(self) -> Iterator[v.Problem]:
        yield from super().problems()
        level, difference = (getattr(self.target, key, None) for key in ("level", "difference"))
        share = isinstance(self.metric, Proportion)
        if isinstance(self.estimator, InterruptedTimeSeries) and (level, difference) != (None, None):
            yield ("target",), "an interrupted time series answers relative_change only."
        if share and level is not None and not 0 <= level <= 1:
            yield ("target", "level"), f"found {describe(level)}, expected a share between 0 and 1: 0.90 is 90 %."
        if share and difference is not None and not -1 < difference < 1:
            yield ("target", "difference"), f"found {describe(difference)}, expected a share between -1 and 1."
        if isinstance(self.metric, Rate) and level is not None and level < 0:
            yield ("target", "level"), f"found {describe(level)}, and a rate is never below 0."
        relative, better = getattr(self.target, "relative_change", None), self.better
        for key, change in (("relative_change", relative), ("difference", difference)):
            if change and better and (change > 0) != (better == "higher"):
                other = "lower" if better == "higher" else "higher"
                told = f"found {describe(change)}, a change for the worse where {better} is better"
                yield ("target", key), f"{told}; write {-change:g}, or better: {other}."
        if relative is not None and relative >= 5:
            told = f"found {describe(relative)}, which is {100 * relative:+,.0f} %"
            yield ("target", "relative_change"), f"{told}; write {relative / 100:g} if {relative:g} % is meant."


class Indicator(Question):
    """Something watched for one measure, without a target, so without a verdict."""

    measure: Annotated[v.Id, v.Refers("measure")] = Field(description="The measure it belongs to.")
    target: ClassVar[None] = None
