"""What the context notebook shows: the situation before, how the measures are going, and what feedback says.

>>> import evalkit as ek  # doctest: +SKIP
>>> study = ek.open_study()  # doctest: +SKIP
>>> page = ContextReport(study, study.evaluate_period("2026-Q3"))  # doctest: +SKIP
>>> page.implementation()  # doctest: +SKIP
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING

from evalkit import formats, markup, svg, trace, wording, wording_flags
from evalkit.evaluation.timetable import Standing, standing
from evalkit.figures.panels import sparkline
from evalkit.figures.timetable import Bar, timetable
from evalkit.formats import Quantity
from evalkit.markup import Html
from evalkit.periods import parse_period, period_containing
from evalkit.report.feedback import FeedbackPage, origin, with_interval
from evalkit.report.situation import Situation

if TYPE_CHECKING:
    from evalkit.results import GoalResult


class ContextReport(Situation):
    """The parts of the context page on one period, in one language; made like `Report`."""

    def heading(self) -> Html:
        """The page's title, the days it reports on, and each part in a sentence."""
        title = self._("{study}: situation, measures, feedback, {period}").format(
            study=wording.title(self.study.file, self.language), period=self.result.period
        )
        told = [self._progress(), self._indicators_lead()]
        if self.study.file.feedback:
            told.append(self._feedback.lead())
        if not trace.has_context(self.study.file):
            told.append(
                self._(
                    "The study file names no weaknesses, measures, indicators or feedback: there is nothing to show."
                )
            )
        return markup.join(
            (
                markup.tag("h1", title),
                self._period_line(),
                markup.items(markup.prose(sentence) for sentence in told if sentence),
            )
        )

    @cached_property
    def _feedback(self) -> FeedbackPage:
        return FeedbackPage(self.study, self.result, self.language)

    # -- implementation ----------------------------------------------------------------------------------------

    @cached_property
    def _standings(self) -> list[Standing]:
        return [standing(measure, self.result.as_of) for measure in self.study.file.measures]

    def implementation(self) -> Html:
        """The measures' timetable, planned against actual, as a picture and a table."""
        measures = self.study.file.measures
        if not measures:
            return Html("")
        heading = markup.tag("h2", self._("How the measures are going"))
        bars, rows = [], []
        for measure, found in zip(measures, self._standings, strict=True):
            owners = self._joined(trace.owner(name, self.language) for name in measure.owners)
            title, state = wording.title(measure, self.language), self._state(found)
            bars.append(Bar(title=title, owners=owners, standing=found, told=state))
            rows.append(
                (
                    title,
                    owners or "–",
                    trace.planned_text(measure, self.language),
                    self._carried_out(found),
                    self._against(found.late_start),
                    state,
                )
            )
        _ = self._
        columns = (_("Measure"), _("Owners"), _("Planned"), _("Carried out"), _("Begun"), _("State"))
        caption = _("The timetable on {day}").format(day=formats.day(self.result.as_of, self.language))
        figure = timetable(bars, parse_period(self.result.period).window, self.result.as_of, self.language)
        return markup.join(
            (
                heading,
                markup.tag("p", self._progress()),
                svg.picture(figure, title=caption, description=self._progress(), data=(columns, rows)),
                markup.table(caption, columns, rows),
                origin(
                    _("From: the study file {name}, as of {day}.").format(
                        name=self.study.file.path.name, day=formats.day(self.result.as_of, self.language)
                    )
                ),
            )
        )

    def _carried_out(self, found: Standing) -> str:
        if found.actual is None:
            return "–"
        start, end = found.actual
        if end is None:
            return self._("since {start}").format(start=formats.day(start, self.language))
        return formats.span(start, end, self.language)

    def _against(self, late: int | None) -> str:
        if late is None:
            return "–"
        if late == 0:
            return self._("on time")
        told = self._("{days} late") if late > 0 else self._("{days} early")
        return told.format(days=trace.days(abs(late), self.language))

    def _state(self, found: Standing) -> str:
        """How a measure stands, in a few words and its days."""
        _ = self._
        late = trace.days(abs(found.late or 0), self.language)
        begun = trace.days(abs(found.late_start or 0), self.language)
        if found.state == "finished":
            told = _("finished {days} late") if found.late and found.late > 0 else _("finished")
            return (_("finished {days} early") if found.late and found.late < 0 else told).format(days=late)
        if found.state == "running" and found.late_start and found.late_start > 0:
            return _("under way, begun {days} late").format(days=begun)
        return {
            "running": _("under way"),
            "overdue": _("under way, {days} beyond its plan").format(days=late),
            "not_started": _("not begun, {days} after its planned start").format(days=begun),
            "waiting": _("not yet due to begin"),
            "unknown": _("no dates recorded"),
        }[found.state]

    def _progress(self) -> str:
        """How many measures are where, which are behind now, and how late they were, in sentences."""
        found, _ = self._standings, self._
        if not found:
            return ""
        states = Counter(one.state for one in found)
        parts = (
            (_("{number} finished"), states["finished"]),
            (_("{number} under way"), states["running"]),
            (_("{number} beyond its planned end"), states["overdue"]),
            (_("{number} not begun though planned"), states["not_started"]),
            (_("{number} not yet due to begin"), states["waiting"]),
            (_("{number} without dates"), states["unknown"]),
        )
        measures = zip(self.study.file.measures, found, strict=True)
        behind = [wording.title(measure, self.language) for measure, one in measures if one.behind]
        day = formats.day(self.result.as_of, self.language)
        return self._sentences(
            (
                _("Of {count} measures: {parts}.").format(
                    count=len(found), parts=self._joined(text.format(number=n) for text, n in parts if n)
                ),
                (
                    _("Behind the timetable on {day}: {names}.")
                    if behind
                    else _("None was behind its timetable on {day}.")
                ).format(day=day, names=self._joined(behind)),
                self._late(_("Begun late: {number}, by {days}."), [one.late_start for one in found if one.actual]),
                self._late(_("Finished late: {number}, by {days}."), [o.late for o in found if o.state == "finished"]),
            )
        )

    def _late(self, template: str, days: Iterable[int | None]) -> str:
        late = sorted(day for day in days if day and day > 0)
        if not late:
            return ""
        most = trace.days(late[-1], self.language)
        if late[0] < late[-1]:
            most = self._("{least} to {most}").format(least=late[0], most=most)
        return template.format(number=len(late), days=most)

    # -- process indicators ------------------------------------------------------------------------------------

    def indicators(self) -> Html:
        """The measures' process indicators: before and now, the change with its interval, its direction, its course."""
        _ = self._
        found = {result.id: result for result in self.result.indicators}
        if not found:
            return Html("")
        heading = markup.tag("h2", _("How the measures' own figures moved"))
        rows = []
        for measure in self.study.file.measures:
            title = wording.title(measure, self.language)
            declared = [found[one.id] for one in self.study.file.indicators if one.measure == measure.id]
            rows += [(title, *self._indicator_cells(result)) for result in declared]
            rows += [(title, _("no indicator is declared"), "–", "–", "–", "–", "–")] * (not declared)
        columns = (_("Measure"), _("Indicator"), _("Baseline"), _("This period"), self._change_head)
        caption = _("Process indicators in {period}").format(period=self.result.period)
        table = markup.table(caption, (*columns, _("Direction"), _("Course")), rows, numeric=(2, 3))
        colon = "：" if self.language == "zh" else ": "
        cautions = [
            Html(
                markup.tag("strong", self.titles[result.id]).text
                + markup.prose(
                    colon
                    + wording_flags.sentence(
                        flag, result, self.language, unit=self._unit(result), names=self._names(result)
                    )
                ).text
            )
            for result in found.values()
            for flag in self._own_cautions(result).flags
            if flag.severity != "info"
        ]
        return markup.join(
            (
                heading,
                markup.tag("p", self._indicators_lead()),
                table,
                self._from(self.study.file.indicators, self._spans()),
                markup.tag("h3", _("What to be careful about")) if cautions else Html(""),
                markup.items(cautions, class_="ek-flags"),
            )
        )

    def _spans(self) -> str:
        period, baseline = parse_period(self.result.period), self.study.file.baseline
        return self._("{after} against {before}").format(
            after=formats.span(period.start, min(period.end, self.result.as_of), self.language),
            before=formats.span(baseline.start, baseline.end, self.language),
        )

    def _indicators_lead(self) -> str:
        results, _ = self.result.indicators, self._
        if not results:
            return ""
        states = Counter(self._direction(result) for result in results)
        parts = self._joined(_("{number} {verdict}").format(number=n, verdict=told) for told, n in states.items())
        return _("Of {count} process indicators against the baseline: {parts}.").format(count=len(results), parts=parts)

    def _direction(self, result: GoalResult) -> str:
        words = {
            "improved": self._("improved"),
            "no_clear_change": self._("no clear change"),
            "worsened": self._("worsened"),
        }
        return words.get(result.period.direction or "", self._("not evaluable"))

    def _indicator_cells(self, result: GoalResult) -> tuple[object, ...]:
        unit, evaluation = self.units[result.id], result.period
        arms = wording.levels(result, evaluation, self.language, unit)
        form, effect = wording.shown(result, evaluation, self.language, unit), evaluation.effect
        return (
            self.titles[result.id],
            arms.text(evaluation.before.value) if evaluation.before else "–",
            arms.text(evaluation.after.value) if evaluation.after else "–",
            with_interval(form, effect.estimate, effect.low, effect.high) if effect else "–",
            self._direction(result),
            self._sparkline(result, arms),
        )

    def _sparkline(self, result: GoalResult, form: Quantity) -> Html:
        frequency = self.study.file.calendar.frequency
        frame = self._series(result.id, frequency)
        known = frame[frame["value"].notna()]
        if known.empty:
            return Html("")
        ends = [
            (form.text(row.value), period_containing(row.start, frequency)) for row in (known.iloc[0], known.iloc[-1])
        ]
        told = self._("{title}: from {first} in {start} to {last} in {end}").format(
            title=self.titles[result.id], first=ends[0][0], start=ends[0][1], last=ends[1][0], end=ends[1][1]
        )
        before = int((frame["phase"] == "baseline").sum())
        return sparkline(
            [float(value) if not math.isnan(value) else math.nan for value in frame["value"]], before, told
        )

    # -- feedback and method -----------------------------------------------------------------------------------

    def feedback(self) -> Html:
        """What customers' feedback says: by channel and period, what is most of it, what rose or fell, what to do."""
        return self._feedback.section() if self.study.file.feedback else Html("")

    def method(self, goal: object = None) -> Html:  # noqa: ARG002
        """How the figures of this page were made."""
        notes = self._method_notes()
        return markup.tag("h2", self._("Method")) + markup.items(map(markup.prose, notes)) if notes else Html("")

    def _method_notes(self) -> tuple[str, ...]:
        """The notes on the parts that there are."""
        _, file = self._, self.study.file
        told = (
            file.weaknesses
            and _(
                "Baseline values are those of all records of the baseline, as recorded; a goal's page may hold the mix"
                " or the season as well. Their intervals allow for clusters and for months that move together. The"
                " trend is a straight line beside the season, of months with the mix held where the goal holds it,"
                " with errors that may be alike from month to month; a trend is told where its interval leaves out"
                " zero."
            ),
            file.measures
            and _(
                "Days late are calendar days between the dates planned and the dates recorded in the study file; for"
                " what has not begun or not ended, up to the data cut-off. Nothing dated later is shown."
            ),
            self.result.indicators
            and _(
                "Process indicators have no target and so no verdict. Each interval holds alone: of twenty indicators"
                " that did not move, about one would seem to. A change is not thereby the measure's effect."
            ),
            *(self._feedback.method_notes() if file.feedback else ()),
        )
        return tuple(note for note in told if isinstance(note, str))
