"""The page of one goal: everything a reader needs to believe its verdict, or not to."""

from __future__ import annotations

from evalkit import figures, formats, markup, tables, wording, wording_methods, wording_plain
from evalkit.markup import Html
from evalkit.report.base import Record
from evalkit.report.goal_records import GoalRecords


class GoalReport(GoalRecords):
    """The parts of one goal's page, in one language; made like `Report`, with the goal's id before the language."""

    # -- what was promised and what came of it -----------------------------------------------------------------

    def heading(self) -> Html:
        """The goal, its verdict, its result in plain words, what was promised, and by which measures."""
        title = self._("{study}: {period}").format(study=self.title, period=self.result.period)
        commitment = self.study.file.commitment_of(self.question)
        text = wording.goal_text(self.goal, self.language, unit=self.unit)
        parts = [markup.tag("h1", title), self._period_line(), self._verdict(self.goal, text), self._promise(self.goal)]
        if commitment is not None:
            parts.append(self._folded(self._("From weakness to goal"), self.trace(commitment.id)))
        return markup.join(parts)

    def estimate(self) -> Html:
        """Target, estimate and alternatives, as picture and tables; what would change the verdict."""
        goal, language = self.goal, self.language
        finding = wording_plain.finding(goal, language, unit=self.unit)
        others = wording_plain.alternatives(goal)
        lines = [(line.name, line.estimate, line.low, line.high, line.verdict) for line in others]
        windows = (("period", goal.period, goal.verdict), ("to date", goal.to_date, goal.to_date_verdict))
        for name, one, verdict in windows:
            if one is not None and one.effect is not None:
                lines.append((name, one.effect.estimate, one.effect.low, one.effect.high, verdict))
        parts = [
            markup.tag("h2", self._("Estimate, target and alternatives")),
            self._picture(
                figures.forest(goal, language, unit=self.unit),
                self._("estimate against target"),
                finding,
                (("line", "estimate", "low", "high", "verdict"), lines),
            ),
            self.origin(goal),
            Html(tables.goal(goal, language, title=self._("Before and after"), unit=self.unit)),
        ]
        if goal.to_date is not None:
            parts.append(self.origin(goal, goal.to_date))
        parts += [self._change(), self._terms()]
        if others:
            parts.append(Html(tables.sensitivity(goal, language, unit=self.unit)))
        changing = wording_plain.what_would_change(goal, language, unit=self.unit)
        if changing:
            parts.append(markup.tag("h3", self._("What would change the verdict")))
            parts.append(markup.items(map(markup.prose, changing)))
        return markup.join(parts)

    def _change(self) -> Html:
        """How far a level moved against its baseline; nothing for other scales."""
        change = self.goal.period.change
        if change is None:
            return Html("")
        values = [change.estimate, change.low, change.high]
        points = self._("percentage points")
        form = formats.quantity(
            self.goal.kind, "difference", values, unit=self.unit, points=points, language=self.language
        )
        told = self._("Against the baseline: {estimate} ({level} interval {interval}; no change: {p}).").format(
            estimate=form.text(change.estimate),
            level=wording.confidence(change.confidence, self.language),
            interval=form.interval(change.low, change.high),
            p=formats.probability(change.p_change),
        )
        return self._told(told)

    def _terms(self) -> Html:
        """The terms of the goal's own time-series model, as ratios; nothing for other estimators."""
        terms = self.goal.period.coefficients
        if not terms:
            return Html("")
        rows = [
            (
                wording.looked_up("term", term.name, term.name, self.language),
                formats.number(term.estimate, 4),
                f"{formats.number(term.low, 4)} – {formats.number(term.high, 4)}",
            )
            for term in terms
        ]
        columns = (self._("Term"), self._("Ratio"), self._("Interval"))
        return markup.table(self._("The model's terms, as ratios"), columns, rows, numeric=(1, 2))

    def cautions(self) -> Html:
        """What to be careful about, in plain words; what the study file turned off is part of it."""
        return self._cautions(self.goal, more=self._turned_off())

    # -- how sure, and from what -------------------------------------------------------------------------------

    def power(self) -> Html:
        """What the goal's records can show, and the data still needed."""
        if self.goal.target is None:
            return Html("")
        heading = markup.tag("h2", self._("What the records can show, and data still needed"))
        plan = self.study.plan(self.goal.id, as_of=self.result.as_of)[0]
        told = wording_plain.power(self.goal, plan, self.language, unit=self.unit)
        if plan.period is None:
            return heading + self._told(told[0])
        form = wording_plain.both(self.goal, [plan.period.detectable, plan.observed], self.language, self.unit)
        figure = figures.power(plan.period, self.language, form=form, observed=plan.observed)
        return markup.join(
            (
                heading,
                markup.items(map(markup.prose, told)),
                self._picture(
                    figure, self._("chance of “achieved” in one coming period"), told[0], plan.period.to_frame()
                ),
                Html(tables.planned(plan, self.goal, self.language, unit=self.unit)),
                self.origin(
                    self.goal,
                    method=self._("variance of the baseline's own stretches"),
                    days=(self.study.file.baseline.start, self.study.file.baseline.end),
                ),
            )
        )

    def data(self) -> Html:
        """Which records were used, and which were left out and why."""
        rejected = self.study.rejected(self.question.source)
        return markup.join(
            (
                markup.tag("h2", self._("Data used and left out")),
                Html(tables.data_used(self.goal, self.language, unit=self.unit)),
                Html(tables.left_out(rejected, self.goal.counts, self.language)),
                self.origin(self.goal, method=self._("counts")),
            )
        )

    def method(self) -> Html:
        """How the goal was judged, in two sentences with the source, and what the calibration leaves."""
        told = wording_methods.method_sentences(self.goal, self.language)
        return markup.tag("h2", self._("Method")) + self._told(told) + self._calibration()

    def reproduce(self) -> Html:
        """The commands that give these numbers and this page again."""
        return self._commands(f" --goal {self.goal.id}")

    def record(self) -> Record:
        """The goal's result as data, for `evalkit run` to collect."""
        return self._record(self.goal)
