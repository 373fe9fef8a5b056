"""One goal's records as its page shows them: over time, before and after, by branch, by roll-out."""

from __future__ import annotations

from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

from evalkit import figures, formats, markup, svg, tables, trace, wording, wording_methods, wording_plain
from evalkit.errors import NotEvaluableError, ParameterError
from evalkit.evaluation.series import partial
from evalkit.markup import Html
from evalkit.report.base import Report

if TYPE_CHECKING:
    import pandas as pd

    from evalkit.evaluation.detail import Detail
    from evalkit.results import GoalResult, StudyResult


class GoalRecords(Report):
    """What `GoalReport` shows of the records, and how it is made."""

    def __init__(self, study: Any, result: StudyResult, goal: object, language: str = "en") -> None:
        super().__init__(study, result, language)
        self.goal = result[str(goal)]  # a parameter such as 007 may arrive as a number
        self.question = study.file.goal(self.goal.id)
        self.unit, self.title = self._unit(self.goal), self._title(self.goal)

    @property
    def _judged(self) -> tuple[GoalResult, ...]:
        return (self.goal,)

    @cached_property
    def _detail(self) -> Detail:
        found: Detail = self.study.detail(self.goal.id, self.result.period, as_of=self.result.as_of)
        return found

    @cached_property
    def _series(self) -> pd.DataFrame:
        found: pd.DataFrame = self.study.series(self.goal.id, frequency="month", as_of=self.result.as_of)
        return found

    @cached_property
    def _partial(self) -> pd.Series:
        """Which of the months are part of a month only."""
        return partial(
            self.study.file, self.question, self._series, "month", self.result.as_of, self.study.source_records
        )

    def _parts_of_months(self, told: str) -> list[str]:
        """Say which months are drawn hollow, or left out, because only part of them counts."""
        frame = self._series[self._partial & self._series["value"].notna() & (self._series["phase"] != "phase-in")]
        months = dict.fromkeys(f"{start:%Y-%m}" for start in frame["start"])
        return [told.format(months=self._listed(months))] if months else []

    @property
    def _all_days(self) -> tuple[date, date]:
        return self.study.file.baseline.start, self.result.as_of

    def _picture(self, figure: Any, name: str, finding: str, data: Any = None) -> Html:
        """Return a figure named after the goal, its finding for who cannot see it, its numbers to download."""
        title = self._("{goal}: {figure}").format(goal=self.title, figure=name)
        return svg.picture(figure, title=title, description=finding, data=data)

    def _told(self, text: str) -> Html:
        return markup.tag("p", markup.prose(text))

    # -- the records over time ---------------------------------------------------------------------------------

    def course(self) -> Html:
        """The months with baseline, phase-in, target and measures, and what was to be expected without the change."""
        expected = self._detail.counterfactual()
        measures = self._measures()
        figure = figures.trend(
            self._series,
            self.goal,
            self.language,
            unit=self.unit,
            measures=[(str(number), day) for number, day, _name in measures],
            counterfactual=expected,
            partial=list(self._partial),
        )
        told = [
            self._("{number}: {measure}, from {day}").format(
                number=number, measure=name, day=formats.day(day, self.language)
            )
            for number, day, name in measures
        ]
        notes = self._unlike_the_estimate()
        if expected is not None:
            form = wording_plain.both(self.goal, [expected.estimate, expected.low, expected.high], self.language)
            text = (
                self._(
                    "With the mix held, {which} at {estimate} ({interval}) against what {expected} lead to expect; that"
                    " expectation is not drawn, because the months drawn are as recorded."
                )
                if "mix" in self.goal.held
                else self._(
                    "Against what {expected} lead to expect, {which} at {estimate} ({interval}); the band is that of"
                    " the expectation."
                )
            )
            interval = form.interval(expected.low, expected.high)
            names = {term.name for term in expected.coefficients}
            which = (
                self._("the reporting period lies")
                if "slope" in names
                else self._("the months since implementation lie on average")  # one step is fitted to all of them
            )
            by = wording_plain.expected_by(trend="trend" in names, season="cos1" in names, language=self.language)
            notes.insert(
                0, text.format(which=which, estimate=form.text(expected.estimate), interval=interval, expected=by)
            )
            if "cos1" not in names and self.question.estimator.kind == "direct":
                notes.insert(
                    1,
                    self._(
                        "So few months before tell no season from a trend: where there is a season, this expectation is"
                        " misled by it."
                    ),
                )
        notes = [
            *self._parts_of_months(
                self._(
                    "Hollow points hold part of a month only, as a window or the data cut-off leaves it, or because"
                    " later records have not been followed up for long enough: {months}."
                )
            ),
            *notes,
        ]
        finding = wording_plain.finding(self.goal, self.language, unit=self.unit)
        return markup.join(
            (
                markup.tag("h2", self._("Month by month")),
                self._picture(figure, self._("month by month"), finding, self._course_data(expected)),
                markup.items(told),
                *(self._soft(note) for note in notes),
                self.origin(self.goal, method=self._("monthly values as recorded"), days=self._all_days),
            )
        )

    def _course_data(self, expected: Any) -> Any:
        """The numbers of the months' picture: what is drawn of the expectation stands beside the months."""
        if expected is None or "mix" in self.goal.held:
            return self._series
        import pandas as pd

        drawn = figures.expected_values(expected)
        drawn["start"] = pd.to_datetime(drawn["start"])
        months = self._series.assign(start=pd.to_datetime(self._series["start"]))
        return months.merge(drawn, on="start", how="outer", sort=True)

    def _unlike_the_estimate(self) -> list[str]:
        """Say where monthly values are not comparable with the estimate, lest the picture seem to contradict it."""
        _, notes = self._, []
        if "mix" in self.goal.held:
            told = _(
                "The monthly values are as recorded, the mix of {columns} not held as in the estimate; so they are not"
                " compared with the target."
            )
            held = (
                wording.column(name, self.language, self._names(self.goal)) for name in self.question.standardise_by
            )
            notes.append(told.format(columns=self._listed(held)))
        if "months" in self.goal.held:
            told = _(
                "The monthly values are as recorded; the baseline and the estimate compare the same calendar months. So"
                " single months are not compared with the target."
            )
            notes.append(told)
        if "course" in self.goal.held:
            told = _(
                "What is promised is a change against the expected course, not against the baseline as recorded. So"
                " single months are not compared with the target."
            )
            notes.append(told)
        return notes

    def _measures(self) -> list[tuple[int, date, str]]:
        known = [
            (when, wording.title(measure, self.language))
            for measure in self.study.file.measures_of(self.question)
            if (when := trace.in_effect(measure)) is not None and when <= self.result.as_of
        ]
        return [(number, when, name) for number, (when, name) in enumerate(sorted(known), start=1)]

    def process(self) -> Html:
        """The control chart: does the process itself meet the target, month by month?"""
        asked = (
            self._("How the process runs") if self.goal.held else self._("Does the process meet the target by itself?")
        )
        heading = markup.tag("h2", asked)
        try:
            chart = self.study.control_chart(self.goal.id, as_of=self.result.as_of)
        except (NotEvaluableError, ParameterError):
            return heading + markup.tag("p", self._("There are too few months for a control chart."))
        form = formats.quantity(
            self.goal.kind,
            "level",
            [float(v) for v in chart.values],
            target=chart.target,
            unit=self.unit,
            language=self.language,
        )
        finding = wording_plain.process(chart, form, self.language)
        figure = figures.control_chart(chart, self.language, form=form)
        kind = {"p": self._("p chart"), "u": self._("u chart")}.get(chart.kind, self._("XmR chart"))
        rules = self._(
            "{kind}: limits at three standard deviations, a new segment after the change; marked are points outside"
            " the limits, 7 in a row on one side or in one direction, and 2 of 3 near a limit (NHS England, Making Data"
            " Count)."
        ).format(kind=kind)
        if chart.kind != "xmr":
            rules += " " * (self.language == "en") + self._(
                "Where events are rare the limits lie farther out and more than 7 on one side are needed: else a"
                " process that never changes would break the rules."
            )
        return markup.join(
            (
                heading,
                self._told(finding),
                self._picture(figure, self._("control chart"), finding, chart.to_frame()),
                self._soft(rules),
                *map(
                    self._soft,
                    self._parts_of_months(self._("Left out, because only part of the month counts: {months}.")),
                ),
                *map(self._soft, self._unlike_the_estimate()),
                self.origin(self.goal, method=kind, days=self._all_days),
            )
        )

    # -- before and after --------------------------------------------------------------------------------------

    def before_and_after(self) -> Html:
        """How values lie before and after, and how long answers took where the promise is about that."""
        parts = [markup.tag("h2", self._("How values lie before and after"))]
        try:
            found = self._detail.histogram()
            curves = self._detail.response_times()
        except NotEvaluableError:
            return parts[0] + markup.tag("p", wording.reason(self.goal, self.language))
        if curves:
            parts.append(self._response(curves))
        if found is not None:
            parts.append(self._histogram(found))
        else:
            parts.append(self._strip())
        return markup.join(parts)

    def _histogram(self, found: Any) -> Html:
        finding = self._values(found)
        rows = list(zip(found.edges, found.edges[1:], found.before, found.after, strict=False))
        notes = []
        if found.open_end:
            notes.append(self._("The last column holds everything above."))
        if found.hidden:
            notes.append(self._hidden_bins(found))
        return markup.join(
            (
                self._picture(
                    figures.histogram(found, self.language, unit=self.unit),
                    self._("values of single records"),
                    finding,
                    (("from", "to", "share_before", "share_after"), rows),
                ),
                *(self._soft(note) for note in notes),
                self.origin(self.goal, method=self._("shares of records, as recorded")),
            )
        )

    def _values(self, found: Any) -> str:
        """What the picture of single records shows; means only where they are those of the records."""
        if {"mix", "months"} & set(self.goal.held):
            places = []
            for shares in (found.before, found.after):
                _most, place = max((share or 0.0, -place) for place, share in enumerate(shares))
                ends = found.edges[-place], found.edges[1 - place]
                form = formats.Quantity(unit=self.unit, decimals=formats.decimals_for(ends), language=self.language)
                places.append(form.interval(*ends))
            text = self._("As recorded, the commonest values are {before} before and {after} after.")
            return text.format(before=places[0], after=places[1])
        arms = wording.levels(self.goal, self.goal.period, self.language, self.unit)
        before, after = self.goal.period.before, self.goal.period.after
        return self._("Mean {before} before, {after} after.").format(
            before=arms.text(before.value if before else None), after=arms.text(after.value if after else None)
        )

    def _hidden_bins(self, found: Any) -> str:
        """Say which bins are not shown, so that nobody takes them for empty."""
        told = {}
        for arm, shares in (("before", found.before), ("after", found.after)):
            places = [place for place, share in enumerate(shares) if share is None]
            # neighbours are told together
            starts = [place for place in places if place - 1 not in places]
            ends = [place for place in places if place + 1 not in places]
            told[arm] = self._listed(self._bins(found, *ends) for ends in zip(starts, ends, strict=True)) or "–"
        text = self._(
            "Crosses on the axis stand for fewer than {least} records, or for what would give such a number away: not"
            " shown, but not zero. Before: {before}. After: {after}."
        )
        return text.format(least=self.study.file.inference.minimum_cell, **told)

    def _bins(self, found: Any, first: int, last: int) -> str:
        """Return where bins lie, from the first to the last."""
        half = 0.5 if found.whole else 0.0  # a bin that is one whole number has its edges beside it
        low, high = ends = found.edges[first] + half, found.edges[last + 1] - half
        decimals = next(d for d in range(7) if d == 6 or all(abs(round(end, d) - end) < 1e-9 for end in ends))
        form = formats.Quantity(unit=self.unit, decimals=decimals, language=self.language)
        if found.open_end and last == len(found.before) - 1:
            return f"≥ {form.text(low)}"
        return form.text(low) if low == high else form.interval(low, high)

    def _hidden(self, count: int) -> str:
        least = self.study.file.inference.minimum_cell
        return self._(
            "{count} cells with fewer than {least} records, or that would give such a cell away, are not shown."
        ).format(count=count, least=least)

    def _strip(self) -> Html:
        frame = self._series[self._series["phase"] != "phase-in"]
        medians = [frame.loc[frame["phase"] == phase, "value"].median() for phase in ("baseline", "after")]
        form = formats.quantity(self.goal.kind, "level", medians, unit=self.unit, language=self.language)
        finding = self._("The middle month lies at {before} before and {after} after.").format(
            before=form.text(medians[0]), after=form.text(medians[1])
        )
        return markup.join(
            (
                self._told(finding),
                self._picture(
                    figures.strip(frame, self.goal, self.language, unit=self.unit),
                    self._("values of single months"),
                    finding,
                    frame,
                ),
                self.origin(self.goal, method=self._("monthly values as recorded"), days=self._all_days),
            )
        )

    def _response(self, curves: Any) -> Html:
        import pandas as pd

        promised = self.question.metric.success.within  # the promise's own unit: eight hours are not 0.33 days
        window, unit = float(promised.value), {"h": "hours", "d": "days"}[promised.unit]
        curves = {arm: curve.times_by(24 if unit == "hours" else 1) for arm, curve in curves.items()}
        finding = wording_plain.response(curves, window, self.language, unit=unit)
        names = {"before": self._("before"), "after": self._("after")}
        figure = figures.answered(
            {names[arm]: curve for arm, curve in curves.items()},
            self.language,
            window=window,
            unit=wording.looked_up("unit", unit, unit, self.language),
            target=self.goal.period.target_level,
        )
        data = pd.concat([curve.to_frame().assign(arm=arm) for arm, curve in curves.items()], ignore_index=True)
        told = self._(
            "Everything received counts here, what is not yet due too (Kaplan and Meier 1958; Greenwood's intervals,"
            " log-log)."
        )
        return markup.join(
            (
                self._told(finding),
                self._picture(
                    figure, self._("share answered by time"), finding, data[["arm", "time", "survival", "low", "high"]]
                ),
                Html(tables.response_times(curves, window, self.language, unit=unit)),
                self._soft(told),
                self.origin(self.goal, method="Kaplan–Meier"),
            )
        )

    def branches(self) -> Html:
        """The heat table of branches over recent periods, folded; nothing without clusters."""
        if self.question.cluster is None:
            return Html("")
        try:
            found = self._detail.branches()
        except NotEvaluableError:
            found = None
        if found is None:
            return Html("")
        cluster = wording.column(self.question.cluster, self.language, self._names(self.goal))
        table = Html(tables.branches(found, self.goal, cluster, self.language, unit=self.unit))
        told = self._(
            "Blue is better than the same row's baseline, orange worse, from 2, 10 and 20 % on; “–”: no records."
        )
        notes = [told, *([f"*: {self._hidden(found.hidden)}"] if found.hidden else [])]
        content = markup.join(
            (
                table,
                *(self._soft(note) for note in notes),
                self.origin(
                    self.goal, method=self._("values as recorded, baseline and last periods"), days=self._all_days
                ),
            )
        )
        count = sum(label is not None for label, _row in found.rows)
        summary = self._("Every {cluster} ({count})").format(cluster=cluster, count=count)
        return markup.tag("h2", self._("Where it happened")) + self._folded(summary, content)

    def rollout(self) -> Html:
        """The effect of a staggered roll-out by month since reach, with its pre-trend test; nothing without one."""
        found, _ = self.goal.rollout, self._
        if found is None:
            return Html("")
        form = wording_plain.both(self.goal, [found["estimate"], *found["ci"]], self.language)
        finding = _(
            "Units reached by the measures moved by {estimate} ({interval}) against those still waiting: {reached}"
            " units reached, {waiting} waiting."
        ).format(
            estimate=form.text(found["estimate"]),
            interval=form.interval(*found["ci"]),
            reached=found["units_reached"],
            waiting=found["units_waiting"],
        )
        before = (
            _("Before they were reached they moved alike (smallest adjusted {p}).")
            if found["pre_trend_p"] is not None and found["pre_trend_p"] >= 1 - self.goal.period.confidence
            else _("Before they were reached they had already moved apart (smallest adjusted {p}).")
            if found["pre_trend_p"] is not None
            else _("There are no months before reach to test whether they moved alike.")
        )
        rows = [(row["month"], row["estimate"], *row["ci"]) for row in found["event_study"]]
        return markup.join(
            (
                markup.tag("h2", _("Roll-out: reached against not yet reached")),
                self._told(self._sentences([finding, before.format(p=formats.probability(found["pre_trend_p"]))])),
                self._picture(
                    figures.event_study(found, self.language),
                    _("effect by month since reach"),
                    finding,
                    (("month", "estimate", "low", "high"), rows),
                ),
                self.origin(self.goal, method=wording_methods.short(found["method"], self.language)),
            )
        )
