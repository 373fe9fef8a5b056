"""What the report notebooks show, each part one call: sentences, tables and pictures of one result.

>>> import evalkit as ek  # doctest: +SKIP
>>> study = ek.open_study()  # doctest: +SKIP
>>> page = Report(study, study.evaluate_period("2026-Q3"))  # doctest: +SKIP
>>> page.verdicts()  # doctest: +SKIP
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from evalkit import figures, formats, markup, svg, tables, trace, wording, wording_methods
from evalkit.markup import Html
from evalkit.periods import parse_period
from evalkit.results import GoalResult, StudyResult


@dataclass(frozen=True, slots=True)
class Record:
    """A result as data, which `evalkit run` collects from the executed notebook."""

    data: dict[str, Any]

    def _repr_mimebundle_(self, **_wanted: object) -> dict[str, Any]:
        from evalkit.publish.notebooks import RESULT_MIME

        return {RESULT_MIME: self.data, "text/plain": repr(self)}

    def __repr__(self) -> str:
        return f"Record of {self.data.get('period', self.data.get('id'))}"


class Report:
    """The parts of a report on one period, in one language.

    Parameters
    ----------
    study : the opened study, for titles, the trace from weakness to goal, and the monthly course.
    result : what it was evaluated to; every number shown comes from here.
    language : `en` or `zh`.

    Raises ParameterError for another language.
    """

    def __init__(self, study: Any, result: StudyResult, language: str = "en") -> None:
        self.study, self.result = study, result
        self.language = wording.check_language(language)
        self._ = wording.translator(self.language)
        questions = (*study.file.goals, *study.file.indicators)
        self.titles = {question.id: wording.title(question, self.language) for question in questions}
        self.units = {question.id: self._unit_of(question) for question in questions}

    def _unit_of(self, question: Any) -> str:
        unit = getattr(getattr(question.metric, "value", None), "unit", "")
        return wording.looked_up("unit", unit, unit, self.language) if unit else ""

    def _goal(self, goal: object) -> GoalResult:
        # A parameter such as 007 may arrive as a number.
        return goal if isinstance(goal, GoalResult) else self.result[str(goal)]

    def _commitment(self, result: GoalResult) -> Any:
        promised = self.study.file.goal(result.id).commitment
        return next((c for c in self.study.file.commitments if c.id == promised), None)

    # -- first screen ------------------------------------------------------------------------------------------

    def heading(self) -> Html:
        """The page's title, the days it reports on, and the data cut-off."""
        title = self._("{study}: {period}").format(
            study=wording.title(self.study.file, self.language), period=self.result.period
        )
        return markup.join((markup.tag("h1", title), self._period_line()))

    def _period_line(self) -> Html:
        days = parse_period(self.result.period).window
        text = self._("Reporting period {span}. Data cut-off {as_of}.").format(
            span=formats.span(days.start, days.end, self.language),
            as_of=formats.day(self.result.as_of, self.language),
        )
        return markup.tag("p", text, class_="ek-soft")

    def verdicts(self) -> Html:
        """How many goals got which verdict, the table of all, and one sentence for each."""
        links = {goal.id: f"{self._page(goal.id)}.html" for goal in self.result.goals}
        overview = tables.overview(self.result, self.language, titles=self.titles, units=self.units, links=links)
        tally = markup.tag("p", markup.tag("strong", wording.tally(self.result, self.language)), class_="ek-lead")
        return markup.join((tally, Html(overview), markup.items(self._told(goal) for goal in self.result.goals)))

    def _page(self, goal: str) -> str:
        return goal if self.language == "en" else f"{goal}.{self.language}"

    def sentence(self, goal: str | GoalResult) -> str:
        """One goal's result in plain words."""
        result = self._goal(goal)
        return wording.goal_sentence(
            result, self.language, title=self.titles.get(result.id), unit=self.units.get(result.id, "")
        )

    # -- one section a goal ------------------------------------------------------------------------------------

    def goal(self, goal: str | GoalResult) -> Html:
        """One goal: what was promised, before and after, the picture, what to be careful about, the trace."""
        result = self._goal(goal)
        title = self.titles.get(result.id, result.title)
        return markup.join(
            (
                markup.tag("h2", title),
                markup.tag("p", tables.badge(result.verdict, self.language) + markup.prose(self._text(result))),
                self.promise(result),
                Html(tables.goal(result, self.language, title=self._("Before and after"), unit=self._unit(result))),
                self.forest(result, alternatives=False),
                self.cautions(result, level="h3"),
                self.trace(result),
            )
        )

    def _told(self, result: GoalResult) -> Html:
        """The sentence of a goal, its name set apart."""
        sentence = self.sentence(result)
        name = self.titles.get(result.id, result.title)
        return Html(markup.tag("strong", name).text + markup.prose(sentence.removeprefix(name)).text)

    def _text(self, result: GoalResult) -> str:
        return wording.goal_text(result, self.language, unit=self._unit(result))

    def _unit(self, result: GoalResult) -> str:
        return self.units.get(result.id, "")

    def promise(self, goal: str | GoalResult) -> Html:
        """What was promised, in one line; nothing for an indicator."""
        result = self._goal(goal)
        if result.target is None:
            return Html("")
        commitment = self._commitment(result)
        form = wording.shown(result, result.period, self.language, self._unit(result))
        scale = {
            "ratio": self._("a change of {target} against the baseline"),
            "difference": self._("a difference of {target} from the baseline"),
            "level": self._("a level of {target}"),
        }[result.period.scale].format(target=form.target(result.period.target_value))
        aim = self._("higher is better") if result.better == "higher" else self._("lower is better")
        text = self._("Promised: {target} ({better}).").format(target=scale, better=aim)
        if commitment is not None:
            text += (" " if self.language == "en" else "") + self._("Commitment: {title}.").format(
                title=wording.title(commitment, self.language)
            )
        return markup.tag("p", text)

    def forest(self, goal: str | GoalResult, *, alternatives: bool = True) -> Html:
        """The picture of estimate against target; with the estimate under other reasonable choices."""
        result = self._goal(goal)
        figure = figures.forest(result, self.language, unit=self._unit(result), alternatives=alternatives)
        title = self._("{goal}: estimate against target").format(goal=self.titles.get(result.id, result.title))
        return svg.picture(figure, title=title, description=self.sentence(result))

    def trend(self, goal: str | GoalResult) -> Html:
        """The monthly course, with baseline, phase-in, target and the measures' dates."""
        result = self._goal(goal)
        series = self.study.series(result.id, frequency="month", as_of=self.result.as_of)
        measures = self._measures(result)
        figure = figures.trend(
            series,
            result,
            self.language,
            unit=self._unit(result),
            measures=[(str(number), day) for number, day, _name in measures],
        )
        title = self._("{goal}: month by month").format(goal=self.titles.get(result.id, result.title))
        told = [
            self._("{number}: {measure}, from {day}").format(
                number=number, measure=name, day=formats.day(day, self.language)
            )
            for number, day, name in measures
        ]
        return markup.join(
            (
                svg.picture(figure, title=title, description=self.sentence(result)),
                markup.items(told),
                *(markup.tag("p", note, class_="ek-soft") for note in self._unlike_the_estimate(result)),
            )
        )

    def _unlike_the_estimate(self, result: GoalResult) -> list[str]:
        """Say where monthly values are not comparable with the estimate, lest the picture seem to contradict it."""
        question, _ = self.study.file.goal(result.id), self._
        notes = []
        if question.standardise_by:
            told = _(
                "The monthly values are as recorded; the estimate holds the mix of {columns} at its baseline shares."
            )
            notes.append(told.format(columns=", ".join(question.standardise_by)))
        if question.compare_with == "same-months":
            told = _(
                "The monthly values are as recorded; the baseline and the estimate compare the same calendar months."
            )
            notes.append(told)
        return notes

    def _measures(self, result: GoalResult) -> list[tuple[int, date, str]]:
        commitment = self._commitment(result)
        if commitment is None:
            return []
        known = [
            (when, wording.title(measure, self.language))
            for measure in self.study.file.measures
            if measure.commitment == commitment.id
            and (when := trace.in_effect(measure)) is not None
            and when <= self.result.as_of
        ]
        return [(number, when, name) for number, (when, name) in enumerate(sorted(known), start=1)]

    def cautions(self, goal: str | GoalResult, *, level: str = "h2") -> Html:
        """What to be careful about, in plain words."""
        result = self._goal(goal)
        heading = markup.tag(level, self._("What to be careful about"))
        if not result.flags:
            return heading + markup.tag("p", self._("Nothing that this report checks for was found."))
        return heading + Html(tables.flags(result, self.language))

    def trace(self, goal: str | GoalResult | None = None) -> Html:
        """From weakness to goal: commitments, measures, owners, timetables; of one goal's commitment, or of all."""
        commitment = None
        if goal is not None:
            found = self._commitment(self._goal(goal))
            if found is None:
                return Html("")
            commitment = found.id
        study = self.study.file
        if not study.commitments:
            return Html("")
        return Html(trace.table(study, self.result.as_of, self.language, commitment=commitment))

    # -- one goal in depth -------------------------------------------------------------------------------------

    def goal_heading(self, goal: str | GoalResult) -> Html:
        """The title of a goal's own page, its verdict, and its result in plain words."""
        result = self._goal(goal)
        title = self.titles.get(result.id, result.title)
        return markup.join(
            (
                markup.tag("h1", self._("{study}: {period}").format(study=title, period=self.result.period)),
                self._period_line(),
                markup.tag("p", tables.badge(result.verdict, self.language)),
                markup.tag("p", markup.prose(self._text(result)), class_="ek-lead"),
                self.promise(result),
                Html(tables.goal(result, self.language, title=self._("Before and after"), unit=self._unit(result))),
            )
        )

    def alternatives(self, goal: str | GoalResult) -> Html:
        """The picture of estimate and alternatives, and their table."""
        result = self._goal(goal)
        parts = [markup.tag("h2", self._("Estimate, target and alternatives")), self.forest(result)]
        if result.sensitivity:
            parts.append(Html(tables.sensitivity(result, self.language, unit=self._unit(result))))
        return markup.join(parts)

    def course(self, goal: str | GoalResult) -> Html:
        """The monthly course under its heading."""
        return markup.tag("h2", self._("Month by month")) + self.trend(goal)

    def data(self, goal: str | GoalResult) -> Html:
        """Which records were used, and which were left out and why."""
        result = self._goal(goal)
        source = self.study.file.goal(result.id).source
        return markup.join(
            (
                markup.tag("h2", self._("Data used and left out")),
                Html(tables.data_used(result, self.language, unit=self._unit(result))),
                Html(tables.left_out(self.study.rejected(source), result.counts, self.language)),
            )
        )

    def method(self, goal: str | GoalResult) -> Html:
        """How the goal was judged, in two sentences."""
        result = self._goal(goal)
        return markup.join(
            (
                markup.tag("h2", self._("Method")),
                markup.tag("p", wording_methods.method_sentences(result, self.language)),
            )
        )

    def origins(self, goal: str | GoalResult | None = None) -> Html:
        """The trace from weakness to goal under its heading."""
        table = self.trace(goal)
        return markup.tag("h2", self._("From weakness to goal")) + table if table.text else Html("")

    # -- what every page ends with -----------------------------------------------------------------------------

    def notes(self) -> Html:
        """What verdicts mean and do not mean."""
        return markup.join(
            (
                markup.tag("h2", self._("How to read this")),
                markup.items(markup.prose(note) for note in self._notes()),
            )
        )

    def _notes(self) -> tuple[str, ...]:
        rules = self.study.file.inference
        several = len(self.study.file.goals) > 1 and rules.multiplicity != "none"
        return wording.notes(rules.confidence, self.language, adjusted=several, sequential=rules.sequential != "none")

    def reproduce(self, goal: str | None = None) -> Html:
        """The commands that give these numbers and this page again."""
        study, period = self.study.file.path.name, self.result.period
        cutoff = f" --as-of {self.result.as_of}" if self.result.as_of != parse_period(period).end else ""
        only = f" --goal {goal}" if goal else ""
        commands = (
            f"evalkit evaluate --study {study} --period {period}{cutoff}{only} --json",
            f"evalkit run --study {study} --period {period}{cutoff} --language {self.language}",
        )
        return markup.join(
            (
                markup.tag("h2", self._("How to reproduce this")),
                markup.tag(
                    "p",
                    self._(
                        "The first command gives the numbers, the second this page; what they were made"
                        " from is in results.json."
                    ),
                ),
                *(markup.tag("pre", command) for command in commands),
                markup.tag(
                    "p", self._("Study file {name}, SHA-256 {hash}.").format(name=study, hash=self.study.file.hash)
                ),
            )
        )

    def record(self, goal: str | None = None) -> Record:
        """The result as data, for `evalkit run` to collect."""
        found = self._goal(goal) if goal is not None else self.result
        shape = found.to_dict()
        shape.pop("provenance", None)
        return Record(shape)
