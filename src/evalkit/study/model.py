"""The study file as frozen objects. Attributes are spelled as its keys, `schema_version`, `from_` and `in_` apart."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeVar
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, PrivateAttr, Tag

from evalkit.errors import ParameterError, nearest
from evalkit.periods import Frequency, Period, Window, add_months, calendar_periods
from evalkit.study import model_values as v
from evalkit.study.model_goal import Goal, Indicator, Question
from evalkit.study.model_source import Source
from evalkit.study.model_values import Actual

Part = TypeVar("Part")


_Timezone = Annotated[
    v.Str,
    v.accepted_by(
        ZoneInfo, "which is not a timezone; expected a name such as Asia/Shanghai or UTC", available_timezones
    ),
]


class Calendar(v.Model):
    """The baseline, the programme's start and the reporting periods."""

    baseline: v.Span = Field(description="The days before the programme, both included.")
    programme_start: v.Day | None = Field(None, description="By default the day after the baseline.")
    frequency: Frequency = Field("quarter", description="The reporting period.")

    def problems(self) -> Iterator[v.Problem]:
        start, end = self.programme_start, self.baseline and self.baseline.end
        if start and end and start <= end:
            told = f"the programme starts on {start}, within or before the baseline, which ends on {end}"
            yield ("programme_start",), f"{told}; the two may not overlap."


class AlphaSpending(v.Model):
    """Group-sequential looks: the error is spent over the planned looks."""

    method: Literal["alpha-spending"] = Field(description="The error is spent over the planned looks.")
    spending: Literal["obrien-fleming", "pocock"] = Field("obrien-fleming", description="How early it is spent.")
    looks: Annotated[v.Whole, Field(ge=1, le=200)] = Field(description="How many looks are planned.")


class Anytime(v.Model):
    """A confidence sequence, valid at any number of looks."""

    method: Literal["anytime"] = Field(description="Valid at any number of looks.")


SequentialPlan = Annotated[Annotated[AlphaSpending, Tag("alpha-spending")] | Annotated[Anytime, Tag("anytime")], v.KIND]


class Inference(v.Model):
    """Confidence, and what is done about several goals, several looks, and months that move together."""

    confidence: Annotated[v.Number, Field(gt=0.5, lt=1)] = Field(0.95, description="Of two-sided intervals.")
    multiplicity: Literal["holm", "bonferroni", "none"] = Field("holm", description="The adjustment over all goals.")
    sequential: Annotated[Annotated[Literal["none"], v.TEXT] | Annotated[SequentialPlan, v.OTHER], v.EITHER] = Field(
        "none", description="The adjustment for repeated looks at everything to date."
    )
    common_shocks: Literal["auto", "none"] = Field("auto", description="Months that move together widen the interval.")
    minimum_cell: Annotated[v.Whole, Field(ge=1)] = Field(5, description="Breakdowns do not show smaller cells.")


class Weakness(v.Titled):
    """A weakness the programme answers."""

    commitment: v.CommitmentId | None = Field(None, description="The one that answers it.")


class Commitment(v.Titled):
    """What was promised to customers."""


class Planned(v.Model):
    """When a measure was planned: `start` and `months`, or `ongoing`."""

    start: v.Day | None = Field(None, description="The first day.")
    months: Annotated[v.Whole, Field(ge=1, le=1200)] | None = Field(None, description="How many months it takes.")
    ongoing: v.Truth = Field(False, description="true: it has no end.")

    def problems(self) -> Iterator[v.Problem]:
        if self.ongoing == (self.months is not None) or (self.months is not None and self.start is None):
            yield (), "expected {start, months}, or {ongoing: true}."

    @property
    def end(self) -> dt.date | None:
        """The last planned day; None for an ongoing measure."""
        if self.start is None or self.months is None:
            return None
        return add_months(self.start, self.months) - dt.timedelta(days=1)


class Measure(v.Titled):
    """Something done to keep a commitment."""

    commitment: v.CommitmentId | None = Field(None, description="The commitment it serves.")
    owners: tuple[v.Words, ...] = Field((), description="Who carries it out.")
    planned: Planned | None = Field(None, description="When it was planned.")
    actual: Actual | None = Field(None, description="When it really ran.")


class Feedback(v.Model):
    """Where the analysis page of customers' feedback finds its records."""

    source: v.SourceName = Field(description="The source of the feedback.")
    category: v.Label = Field(description="The column with the topic.")
    channel: v.Label | None = Field(None, description="The column with the channel.")
    text: Annotated[v.Name, v.Refers(types=("string",))] | None = Field(None, description="The column with the words.")


class Study(v.Titled):
    """A whole evaluation plan: sources, goals, and how they are judged. Made by `evalkit.study.load`."""

    schema_version: Literal[1] = Field(alias="schema", description="The version of this file's form: 1.")
    timezone: _Timezone = Field(
        "UTC", description="Of times without an offset; the day of a time with one is its day there too."
    )
    calendar: Calendar = Field(description="When the baseline was, when the programme began, how often it is judged.")
    inference: Inference = Field(Inference(), description="Confidence and adjustments.")
    weaknesses: tuple[Weakness, ...] = Field((), description="The weaknesses the programme answers.")
    commitments: tuple[Commitment, ...] = Field((), description="What was promised.")
    measures: tuple[Measure, ...] = Field((), description="What is done to keep the promises.")
    sources: dict[str, Source] = Field(min_length=1, description="The records, by name.")
    goals: tuple[Goal, ...] = Field(description="What is judged; may be empty while a study is being written.")
    indicators: tuple[Indicator, ...] = Field((), description="What is watched without a target.")
    feedback: Feedback | None = Field(None, description="The feedback that the analysis page shows.")

    _path: Path = PrivateAttr(Path("study.yaml"))
    _hash: str = PrivateAttr("")

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
        return _pick("goal or indicator", id, {question.id: question for question in questions})

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
        wanted = {question.commitment} - {None} or {measure.commitment for measure in self.measures_of(question)}
        return next((commitment for commitment in self.commitments if commitment.id in wanted), None)

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


def _pick(kind: str, name: str, parts: Mapping[str, Part]) -> Part:
    if name in parts:
        return parts[name]
    raise ParameterError(f"There is no {kind} '{name}'; the study has {', '.join(parts)}.{nearest(name, parts)}")
