"""Goals and indicators of a study file: the metric, its target, and how before and after are compared."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from evalkit.effect import Better, Scale
from evalkit.periods import Frequency
from evalkit.study.model_source import one_of_text
from evalkit.study.model_values import (
    Column,
    Id,
    Model,
    Number,
    Scalar,
    Span,
    Titled,
    Truth,
    Unit,
    Whole,
    Within,
    exactly_one,
    mapping_or_text,
)

TextForm = Annotated[str, BeforeValidator(one_of_text), Tag("<text>")]


class Elapsed(Model):
    """The time from one column to another, in `unit`, as the value of a mean."""

    from_: Column = Field(alias="from", description="The date or datetime column at which it begins.")
    to: Column = Field(description="The date or datetime column at which it ends.")
    unit: Unit = Field(description="The unit of the value.")
    within: Within | None = Field(
        default=None, description="Only records begun this long before the data cut-off count, in both arms."
    )


class Mean(Model):
    """The mean of a value per record."""

    kind: Literal["mean"] = Field(description="The mean of a value per record.")
    value: Annotated[TextForm | Annotated[Elapsed, Tag("<mapping>")], Discriminator(mapping_or_text)] = Field(
        description="The column, or {from, to, unit, within} for the time between two columns."
    )
    weight: Column | None = Field(default=None, description="The column with each record's weight.")


class Ratio(Model):
    """The sum of one column over the sum of another."""

    kind: Literal["ratio"] = Field(description="Sum over sum.")
    numerator: Column = Field(description="The column summed above.")
    denominator: Column = Field(description="The column summed below.")
    weight: Column | None = Field(default=None, description="The column with each record's weight.")


class Success(Model):
    """What makes a record a success: exactly one of `equals`, `at_least`, `at_most`, or `within` with `of`."""

    column: Column = Field(description="The column looked at; with within, the one that says when it was answered.")
    equals: Scalar | None = Field(default=None, description="The value of a success, in the column's type.")
    at_least: Number | None = Field(default=None, description="The smallest value of a success, included.")
    at_most: Number | None = Field(default=None, description="The largest value of a success, included.")
    within: Within | None = Field(default=None, description="The time allowed after `of`, the bound included.")
    of: Column | None = Field(default=None, description="With within: the column that says when it was received.")

    @model_validator(mode="after")
    def _one_form(self) -> Success:
        exactly_one(self, {name: name for name in ("equals", "at_least", "at_most", "within")}, "a success")
        return self

    @property
    def operator(self) -> Literal["equals", "at_least", "at_most", "within"]:
        """Which of the four forms this is."""
        for name in ("equals", "at_least", "at_most"):
            if getattr(self, name) is not None:
                return name
        return "within"


class Proportion(Model):
    """The share of records that are a success."""

    kind: Literal["proportion"] = Field(description="The share of records that are a success.")
    success: Success = Field(description="What makes a record a success.")
    weight: Column | None = Field(default=None, description="The column with each record's weight.")


class ExposureOf(Model):
    """Exposure that stands in another source."""

    source: Id = Field(description="The source that holds the exposure.")
    value: Column = Field(description="The column of that source, summed over the window.")


class Rate(Model):
    """Events per unit of exposure."""

    kind: Literal["rate"] = Field(description="Events per unit of exposure.")
    events: Column | None = Field(
        default=None, description="The column that counts events; without it each record is one event."
    )
    exposure: Annotated[TextForm | Annotated[ExposureOf, Tag("<mapping>")], Discriminator(mapping_or_text)] = Field(
        description="A column, {source, value} for a column of another source, or 'calendar-days'."
    )

    @property
    def by_calendar_days(self) -> bool:
        """Whether the exposure is the days of the window."""
        return self.exposure == "calendar-days"


Metric = Annotated[Mean | Ratio | Proportion | Rate, Field(discriminator="kind")]


class Target(Model):
    """What was promised: exactly one of `relative_change`, `difference`, `level`."""

    relative_change: Annotated[Number, Field(gt=-1)] | None = Field(
        default=None, description="The change promised as a share of the baseline: 0.10 is +10 %."
    )
    difference: Number | None = Field(default=None, description="The change promised, in the metric's own units.")
    level: Number | None = Field(default=None, description="The level promised.")

    @model_validator(mode="after")
    def _one_form(self) -> Target:
        exactly_one(self, {name: name for name in ("relative_change", "difference", "level")}, "a target")
        return self

    @property
    def scale(self) -> Scale:
        """The scale of the estimate that answers this target."""
        if self.relative_change is not None:
            return "ratio"
        return "difference" if self.difference is not None else "level"

    @property
    def value(self) -> float:
        """The target on that scale.

        >>> Target(relative_change=-0.20).value
        0.8
        """
        if self.relative_change is not None:
            # Rounded at the 15th digit so that -0.20 is the 0.8 a reader writes, not 0.8000000000000000444.
            return round(1 + self.relative_change, 15)
        return self.difference if self.difference is not None else self.level  # type: ignore[return-value]

    def to_dict(self) -> dict[str, float]:
        """Return the target as the study file has it."""
        return self.model_dump(exclude_none=True)


class Where(Model):
    """One condition on the records that count: a column and exactly one operator."""

    column: Column = Field(description="The column looked at.")
    equals: Scalar | None = Field(default=None, description="The value, in the column's type.")
    in_: tuple[Scalar, ...] | None = Field(default=None, alias="in", min_length=1, description="One of these values.")
    contains: Scalar | None = Field(default=None, description="A text found anywhere in the value.")
    at_least: Scalar | None = Field(default=None, description="The smallest value, included.")
    at_most: Scalar | None = Field(default=None, description="The largest value, included.")
    not_null: Literal[True] | None = Field(default=None, description="true: the value is there.")

    @model_validator(mode="after")
    def _one_operator(self) -> Where:
        names = ("equals", "in_", "contains", "at_least", "at_most", "not_null")
        exactly_one(self, {name: name.rstrip("_") for name in names}, "a condition")
        return self

    @property
    def operator(self) -> Literal["equals", "in", "contains", "at_least", "at_most", "not_null"]:
        """The one operator given."""
        for name in ("equals", "in_", "contains", "at_least", "at_most"):
            if getattr(self, name) is not None:
                return name.rstrip("_")  # type: ignore[return-value]
        return "not_null"

    @property
    def operand(self) -> Any:
        """The value the operator compares with, in the column's type; a tuple for `in`."""
        return getattr(self, "in_" if self.operator == "in" else self.operator)


class Direct(Model):
    """Before and after compared directly, from their totals."""

    kind: Literal["direct"] = Field(default="direct", description="Before and after compared directly.")


class InterruptedTimeSeries(Model):
    """Segmented regression of the metric's series, against what it would have been without the programme."""

    kind: Literal["interrupted-time-series"] = Field(description="Segmented regression of the metric's series.")
    frequency: Frequency = Field(default="month", description="The period by which the metric is aggregated.")
    family: Literal["poisson", "quasi-poisson", "gaussian"] = Field(
        default="quasi-poisson", description="The distribution; all have a log link."
    )
    change: Literal["level", "level+slope"] = Field(default="level", description="What the programme may change.")
    harmonics: Annotated[Whole, Field(ge=0, le=6)] = Field(
        default=0, description="Pairs of sine and cosine for the season; 6 of monthly data are month factors."
    )
    trend: Truth = Field(default=True, description="Whether the series has a linear trend on the log scale.")
    errors: Literal["autoregressive", "hac", "model"] = Field(
        default="autoregressive", description="How the interval treats correlated errors; 'model' is the family's own."
    )


Estimator = Annotated[Direct | InterruptedTimeSeries, Field(discriminator="kind")]


class Rollout(Model):
    """A staggered roll-out: when each unit was reached."""

    source: Id = Field(description="The source with one record per unit.")
    unit: Column = Field(description="The column that names the unit, in that source and in the goal's.")
    date: Column = Field(description="The date or datetime column that says when the unit was reached.")


class Question(Titled):
    """What goals and indicators have in common: a metric of a source, compared before and after."""

    commitment: Id | None = Field(default=None, description="The commitment it belongs to.")
    source: Id = Field(description="The source of its records.")
    metric: Metric = Field(description="What is measured: mean, ratio, proportion or rate.")
    better: Better = Field(description="Which way is good.")
    where: tuple[Where, ...] = Field(default=(), description="Conditions on the records; all must hold.")
    cluster: Column | None = Field(default=None, description="The unit whose records move together.")
    standardise_by: tuple[Column, ...] = Field(default=(), description="Hold this mix at its baseline shares.")
    phase_in: Span | None = Field(default=None, description="Days whose records are in neither arm.")
    compare_with: Literal["baseline", "same-months"] = Field(
        default="baseline", description="The whole baseline, or its months of the same name."
    )
    estimator: Estimator = Field(default=Direct(), description="How the effect is estimated.")
    rollout: Rollout | None = Field(default=None, description="A staggered roll-out, shown beside the estimate.")


class Goal(Question):
    """What was promised, and how it is judged."""

    target: Target = Field(description="The promise: {relative_change: 0.10}, {difference: x} or {level: 0.90}.")

    @property
    def measure(self) -> None:
        """None: a goal belongs to a commitment, not to one measure."""
        return None


class Indicator(Question):
    """Something watched for one measure, without a target, so without a verdict."""

    measure: Id = Field(description="The measure it belongs to.")

    @property
    def target(self) -> None:
        """None: an indicator promises nothing."""
        return None
