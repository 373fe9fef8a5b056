"""The page of a period: what management reads first, and every goal in short."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from evalkit import figures, formats, markup, svg, tables, trace, wording, wording_methods, wording_plain
from evalkit.markup import Html
from evalkit.periods import parse_period, previous_period
from evalkit.report.base import CAUTIONS, Report

if TYPE_CHECKING:
    from evalkit.results import GoalResult, StudyResult

_GRID = "display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,30rem),1fr));gap:.9rem;margin:.6rem 0"
_CARD = "border:1px solid #c9c9c9;border-left:5px solid {colour};border-radius:.3rem;padding:.2rem .9rem .6rem"
_CARD_TITLE = "font-size:1.08rem;border:0;margin:.3rem 0;padding:0"
_SIDE_BY_SIDE = "display:flex;flex-wrap:wrap;gap:0 1rem"
_EDGES = {
    "achieved": "#009e73",
    "not_achieved": "#d55e00",
    "inconclusive": "#e69f00",
    "not_evaluable": "#767676",
    None: "#767676",
}


class PeriodReport(Report):
    """The parts of the page of a period, in one language; made like `Report`."""

    @cached_property
    def last(self) -> StudyResult | None:
        """The period before, evaluated anew from the same records with its own end as cut-off; None before it."""
        before = previous_period(parse_period(self.result.period))
        if before.end < self.study.file.programme_start:
            return None
        found: StudyResult = self.study.evaluate_period(before)
        return found

    # -- first screen ------------------------------------------------------------------------------------------

    def heading(self) -> Html:
        """The page's title, the days it reports on, and the data cut-off."""
        title = self._("{study}: {period}").format(
            study=wording.title(self.study.file, self.language), period=self.result.period
        )
        return markup.tag("h1", title) + self._period_line()

    def first_screen(self) -> Html:
        """Every goal's verdict in words, colour and shape; estimate against target; what changed; what to do."""
        tally = markup.tag("p", markup.tag("strong", wording.tally(self.result, self.language)), class_="ek-lead")
        cards = "\n".join(self._card(goal).text for goal in self.result.goals)
        return markup.join(
            (tally, Html(f'<div style="{_GRID}">\n{cards}\n</div>'), self._changed_note(), self._to_do())
        )

    def _card(self, result: GoalResult) -> Html:
        unit, title = self._unit(result), self._title(result)
        finding = wording_plain.finding(result, self.language, unit=unit)
        picture = svg.as_svg(
            figures.glance(result, self.language, unit=unit),
            title=self._("{goal}: estimate against target").format(goal=title),
            description=finding,
        ).replace('class="ek-figure"', 'class="ek-glance"', 1)
        since = Html("")
        if self.last is not None:
            told = wording_plain.since_last(result, self.last[result.id], self.last.period, self.language, unit=unit)
            since = self._soft(told)
        link = markup.tag("a", title, href=self._page_of(result))
        return Html(
            f'<section style="{_CARD.format(colour=_EDGES[result.verdict])}">\n'
            f"{markup.tag('h2', link, style=_CARD_TITLE).text}\n"
            f"{self._verdict(result, finding).text}\n"
            f'<div style="{_SIDE_BY_SIDE}"><div style="flex:0 1 330px">{picture}</div>'
            f'<div style="flex:1 1 11rem">{since.text}</div></div>\n</section>'
        )

    def _changed_note(self) -> Html:
        if self.last is None:
            return Html("")
        told = self._("{period} stands here as these records give it today, cut off on {day}.")
        since = (
            self._("“Since implementation” is everything after the phase-in.")
            if any(goal.phase_in for goal in self.study.file.goals)
            else self._("“Since implementation” is everything since the programme began.")
        )
        told = told.format(period=self.last.period, day=formats.day(self.last.as_of, self.language))
        return self._soft(self._sentences((told, since)))

    def _to_do(self) -> Html:
        """What to do about it: measures behind their timetable, and what limits certainty."""
        parts = [markup.tag("h2", self._("What needs attention"))]
        late = trace.behind(self.study.file, self.result.as_of, self.language)
        if late:
            parts += [
                markup.tag("h3", self._("Measures against their timetable")),
                markup.items(map(markup.prose, late)),
            ]
        limits = [
            markup.tag("strong", self._title(goal))
            + Html(
                tables.flags(
                    goal,
                    self.language,
                    most=2,
                    unit=self._unit(goal),
                    page=f"{self._page_of(goal)}#{CAUTIONS}",
                    names=self._names(goal),
                )
            )
            for goal in map(self._own_cautions, self.result.goals)
            if any(flag.severity != "info" for flag in goal.flags)
        ]
        if off := self._turned_off():
            limits.insert(0, markup.tag("strong", self._("All goals")) + markup.items(map(markup.prose, off)))
        parts.append(markup.tag("h3", self._("What limits certainty")))
        parts.append(markup.items(limits) if limits else markup.tag("p", self._("No goal has a caution.")))
        return markup.join(parts)

    # -- numbers and goals in short ----------------------------------------------------------------------------

    def numbers(self) -> Html:
        """The goals in one table, and beside the period before."""
        result, language = self.result, self.language
        links = {goal.id: self._page_of(goal) for goal in result.goals}
        overview = tables.overview(result, language, titles=self.titles, units=self.units, links=links)
        parts = [markup.tag("h2", self._("The numbers")), Html(overview)]
        if self.last is not None:
            parts.append(Html(tables.changes(result, self.last, language, titles=self.titles, units=self.units)))
        return markup.join((*parts, *(self.origin(goal) for goal in result.goals)))

    def goals(self) -> Html:
        """Each goal in short, folded: promise, both windows, cautions."""
        return markup.tag("h2", self._("Goal by goal")) + markup.join(self._short(goal) for goal in self.result.goals)

    def _short(self, result: GoalResult) -> Html:
        unit = self._unit(result)
        caption = self._("{goal}: {figure}").format(goal=self._title(result), figure=self._("Before and after"))
        content = markup.join(
            (
                self._verdict(result, wording.goal_text(result, self.language, unit=unit)),
                self._promise(result),
                Html(tables.goal(result, self.language, title=caption, unit=unit)),
                self._cautions(result, "h3"),
            )
        )
        return self._folded(
            self._("{goal}: {figure}").format(
                goal=self._title(result), figure=wording.badge_text(result.verdict, self.language)
            ),
            content,
        )

    def origins(self) -> Html:
        """The trace from weakness to goal under its heading."""
        table = self.trace()
        return markup.tag("h2", self._("From weakness to goal")) + table if table.text else Html("")

    def methods(self) -> Html:
        """How each goal was judged, in two sentences with the source, and what the calibration leaves."""
        told = (
            markup.tag("strong", self._title(goal))
            + markup.prose(wording_methods.method_sentences(goal, self.language))
            for goal in self.result.goals
        )
        return markup.tag("h2", self._("Methods")) + markup.items(told) + self._calibration()
