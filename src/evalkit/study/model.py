"""The study file as frozen objects. Attributes are spelled as its keys, `schema_version`, `from_` and `in_` apart."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Discriminator, Field, PrivateAttr, Tag, model_validator

from evalkit.errors import ParameterError, nearest
from evalkit.periods import Frequency, Period, Window, add_months, calendar_periods
from evalkit.study.model_goal import Goal, Indicator, Question
from evalkit.study.model_source import Source
from evalkit.study.model_values import (
    Column,
    Day,
    Id,
    Model,
    Number,
    Span,
    Str,
    Titled,
    Truth,
    Whole,
    Words,
    mapping_or_text,
    wrong,
)

Part = TypeVar("Part")


def _none(value: Any) -> Any:
    if value != "none":
        raise wrong("expected none, {method: alpha-spending, looks: 6} or {method: anytime}")
    return value


class Calendar(Model):
    """The baseline, the programme's start and the reporting periods."""

    baseline: Span = Field(description="The days before the programme, both included.")
    programme_start: Day | None = Field(default=None, description="By default the day after the baseline.")
    frequency: Frequency = Field(default="quarter", description="The reporting period.")


class AlphaSpending(Model):
    """Group-sequential looks: the error is spent over the planned looks."""

    method: Literal["alpha-spending"] = Field(description="The error is spent over the planned looks.")
    spending: Literal["obrien-fleming", "pocock"] = Field(
        default="obrien-fleming", description="How early the error is spent."
    )
    looks: Annotated[Whole, Field(ge=1, le=200)] = Field(description="How many looks are planned.")


class Anytime(Model):
    """A confidence sequence, valid at any number of looks."""

    method: Literal["anytime"] = Field(description="Valid at any number of looks.")


SequentialPlan = Annotated[AlphaSpending | Anytime, Field(discriminator="method")]
NoPlan = Annotated[Literal["none"], BeforeValidator(_none)]


class Inference(Model):
    """Confidence, and what is done about several goals, several looks, and months that move together."""

    confidence: Annotated[Number, Field(gt=0.5, lt=1)] = Field(
        default=0.95, description="Of two-sided intervals; targets are tested one-sided at (1 - confidence) / 2."
    )
    multiplicity: Literal["holm", "bonferroni", "none"] = Field(
        default="holm", description="The adjustment over the study's goals."
    )
    sequential: Annotated[
        Annotated[NoPlan, Tag("<text>")] | Annotated[SequentialPlan, Tag("<mapping>")], Discriminator(mapping_or_text)
    ] = Field(default="none", description="The adjustment for repeated looks at everything to date.")
    common_shocks: Literal["auto", "none"] = Field(
        default="auto", description="Whether months that move together across clusters widen the interval."
    )
    minimum_cell: Annotated[Whole, Field(ge=1)] = Field(
        default=5, description="Breakdowns do not show cells of fewer records."
    )


class Weakness(Titled):
    """A weakness the programme answers."""

    commitment: Id | None = Field(default=None, description="The commitment that answers it.")


class Commitment(Titled):
    """What was promised to customers."""


class Planned(Model):
    """When a measure was planned: `start` and `months`, or `ongoing`."""

    start: Day | None = Field(default=None, description="The first day.")
    months: Annotated[Whole, Field(ge=1, le=1200)] | None = Field(default=None, description="How many months it takes.")
    ongoing: Truth = Field(default=False, description="true: it has no end.")

    @model_validator(mode="after")
    def _one_form(self) -> Planned:
        if self.ongoing == (self.months is not None) or (self.months is not None and self.start is None):
            raise wrong("expected {start, months}, or {ongoing: true}")
        return self

    @property
    def end(self) -> dt.date | None:
        """The last planned day; None for an ongoing measure."""
        if self.start is None or self.months is None:
            return None
        return add_months(self.start, self.months) - dt.timedelta(days=1)


class Actual(Model):
    """When a measure really ran; without `end` it still does."""

    start: Day = Field(description="The first day.")
    end: Day | None = Field(default=None, description="The last day, included; absent while it runs.")


class Measure(Titled):
    """Something done to keep a commitment."""

    commitment: Id | None = Field(default=None, description="The commitment it serves.")
    owners: tuple[Words, ...] = Field(default=(), description="Who carries it out.")
    planned: Planned | None = Field(default=None, description="When it was planned.")
    actual: Actual | None = Field(default=None, description="When it really ran.")


class Feedback(Model):
    """Where the analysis page of customers' feedback finds its records."""

    source: Id = Field(description="The source of the feedback.")
    category: Column = Field(description="The column with the topic.")
    channel: Column | None = Field(default=None, description="The column with the channel.")
    text: Column | None = Field(default=None, description="The column with the customer's words.")


class Study(Titled):
    """A whole evaluation plan: sources, goals, and how they are judged. Made by `evalkit.study.load`."""

    schema_version: Literal[1] = Field(alias="schema", description="The version of this file's form: 1.")
    timezone: Str = Field(default="UTC", description="Naive times are in it, aware ones are converted to it.")
    calendar: Calendar = Field(description="When the baseline was, when the programme began, how often it is judged.")
    inference: Inference = Field(default=Inference(), description="Confidence and adjustments.")
    weaknesses: tuple[Weakness, ...] = Field(default=(), description="The weaknesses the programme answers.")
    commitments: tuple[Commitment, ...] = Field(default=(), description="What was promised.")
    measures: tuple[Measure, ...] = Field(default=(), description="What is done to keep the promises.")
    sources: dict[Id, Source] = Field(min_length=1, description="The records, by name.")
    goals: tuple[Goal, ...] = Field(min_length=1, description="What is judged.")
    indicators: tuple[Indicator, ...] = Field(default=(), description="What is watched without a target.")
    feedback: Feedback | None = Field(default=None, description="The feedback that the analysis page shows.")

    _path: Path = PrivateAttr(default=Path("study.yaml"))
    _hash: str = PrivateAttr(default="")

    @property
    def path(self) -> Path:
        """The study file, absolute."""
        return self._path

    @property
    def folder(self) -> Path:
        """The folder of the study file, from which its paths start."""
        return self._path.parent

    @property
    def hash(self) -> str:
        """The SHA-256 of the file's bytes, in hexadecimal."""
        return self._hash

    @property
    def zone(self) -> ZoneInfo:
        """The study's timezone."""
        return ZoneInfo(self.timezone)

    @property
    def baseline(self) -> Window:
        """The days before the programme."""
        return self.calendar.baseline.window

    @property
    def programme_start(self) -> dt.date:
        """The programme's first day: as given, or the day after the baseline."""
        return self.calendar.programme_start or self.baseline.end + dt.timedelta(days=1)

    def goal(self, id: str) -> Goal | Indicator:
        """Return the goal, or indicator, of this id. Raises ParameterError naming those there are."""
        questions: tuple[Goal | Indicator, ...] = (*self.goals, *self.indicators)
        known = {question.id: question for question in questions}
        return _pick("goal or indicator", id, known)

    def source(self, name: str) -> Source:
        """Return the source of this name. Raises ParameterError naming those there are."""
        return _pick("source", name, self.sources)

    def measures_of(self, question: Question) -> tuple[Measure, ...]:
        """Return the measures that serve a goal's commitment, or the one that an indicator belongs to."""
        if isinstance(question, Indicator):
            return tuple(measure for measure in self.measures if measure.id == question.measure)
        return tuple(m for m in self.measures if m.commitment and m.commitment == question.commitment)

    def commitment_of(self, question: Question) -> Commitment | None:
        """Return a goal's commitment; an indicator's own or else its measure's. None where there is none."""
        wanted = question.commitment
        if wanted is None and isinstance(question, Indicator):
            wanted = next((measure.commitment for measure in self.measures_of(question)), None)
        return next((commitment for commitment in self.commitments if commitment.id == wanted), None)

    def weaknesses_of(self, question: Question) -> tuple[Weakness, ...]:
        """Return the weaknesses that the commitment of a goal or indicator answers."""
        commitment = self.commitment_of(question)
        return tuple(w for w in self.weaknesses if commitment is not None and w.commitment == commitment.id)

    def windows_of(self, question: Question) -> tuple[Window, Window | None]:
        """Return the baseline and, where the goal has one, the phase-in."""
        return self.baseline, question.phase_in.window if question.phase_in else None

    def periods(self, until: dt.date) -> tuple[Period, ...]:
        """Return the calendar periods from the one with the programme's start to the last ended by `until`."""
        return calendar_periods(self.programme_start, until, self.calendar.frequency)


def _pick(kind: str, name: str, parts: dict[str, Part]) -> Part:
    if name in parts:
        return parts[name]
    raise ParameterError(f"There is no {kind} '{name}'; the study has {', '.join(parts)}.{nearest(name, parts)}")
