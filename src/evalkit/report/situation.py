"""The situation part of the context page: what each weakness was like before the programme."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from evalkit import formats, markup, svg, wording
from evalkit.evaluation.situation import Baseline, Slope, baseline_of, questions_of
from evalkit.figures.panels import Panel, panels
from evalkit.formats import Quantity
from evalkit.markup import Html
from evalkit.periods import parse_period
from evalkit.report.base import Report
from evalkit.report.feedback import origin, with_interval

if TYPE_CHECKING:
    import pandas as pd


def _way(slope: Slope) -> str:
    """Return which way a baseline's own trend goes: 'rising', 'falling', or 'none' where none is shown."""
    if not slope.shown:
        return "none"
    return "rising" if slope.a_year > (1.0 if slope.scale == "ratio" else 0.0) else "falling"


class Situation(Report):
    """The situation, and what it shares with the other parts of the context page."""

    def _joined(self, parts: Iterable[str]) -> str:
        return ("、" if self.language == "zh" else ", ").join(parts)

    @property
    def _interval(self) -> str:
        level = wording.confidence(self.study.file.inference.confidence, self.language)
        return self._("{level} interval").format(level=level)

    @property
    def _change_head(self) -> str:
        return self._("Change ({interval})").format(interval=self._interval)

    def situation(self) -> Html:
        """Each weakness with what measures it: the baseline's level, and whether it was moving by itself."""
        study, _ = self.study.file, self._
        if not study.weaknesses:
            return Html("")
        heading = markup.tag("h2", _("The situation before the programme"))
        rows, shown = [], []
        for weakness in study.weaknesses:
            promised = [wording.title(c, self.language) for c in study.commitments if c.id == weakness.commitment]
            names = (wording.title(weakness, self.language), self._joined(promised) or "–")
            questions = questions_of(study, weakness)
            rows += [(*names, *self._baseline_cells(question)) for question in questions]
            rows += [(*names, _("nothing measures it"), "–", "–", "–", "–")] * (not questions)
            shown += [question for question in questions if question not in shown]
        columns = (_("Weakness"), _("Commitment"), _("Measured by"), _("Baseline value"), self._interval, _("Records"))
        table = markup.table(_("The weaknesses in figures"), (*columns, _("Trend a year")), rows, numeric=(3, 4, 5))
        span = formats.span(study.baseline.start, study.baseline.end, self.language)
        lead = _(
            "The baseline is {span}. Each weakness is measured by the goals of its commitment, or where there is none,"
            " by the process indicators of its measures."
        )
        parts = (heading, markup.tag("p", lead.format(span=span)), table, self._baseline_picture(shown))
        return markup.join((*parts, self._from(shown, span)))

    def _from(self, questions: Iterable[Any], span: str) -> Html:
        sources = self._joined(dict.fromkeys(question.source for question in questions))
        return origin(self._("From: records {sources}; {span}; see Method.").format(sources=sources, span=span))

    @cached_property
    def _baselines(self) -> dict[str, Baseline]:
        return {}

    def _baseline(self, question: Any) -> Baseline:
        if question.id not in self._baselines:
            self._baselines[question.id] = baseline_of(
                self.study.file, question, self.result.as_of, self.study.source_records
            )
        return self._baselines[question.id]

    def _level_form(self, question: Any) -> Quantity:
        level = self._baseline(question).level
        figures = [level.estimate, level.low, level.high] if level else []
        return formats.quantity(
            question.metric.kind, "level", figures, unit=self.units[question.id], language=self.language
        )

    def _baseline_cells(self, question: Any) -> tuple[str, ...]:
        found, form = self._baseline(question), self._level_form(question)
        records = formats.count(found.records)
        title = self.titles[question.id]
        if found.level is None:
            return title, self._("not evaluable"), "–", records, "–"
        interval = form.interval(found.level.low, found.level.high)
        return title, form.text(found.level.estimate), interval, records, self._trend_cell(question, found.slope)

    def _trend_form(self, question: Any, slope: Slope) -> Quantity:
        return formats.quantity(
            question.metric.kind,
            slope.scale,
            [slope.a_year, slope.low, slope.high],
            unit=self.units[question.id],
            points=self._("percentage points"),
            language=self.language,
        )

    def _trend_cell(self, question: Any, slope: Slope | None) -> str:
        if slope is None:
            return self._("too few months to tell")
        told = {"rising": self._("rising"), "falling": self._("falling"), "none": self._("none shown")}[_way(slope)]
        change = with_interval(self._trend_form(question, slope), slope.a_year, slope.low, slope.high)
        return f"{told}{'：' if self.language == 'zh' else ': '}{change}"

    def _course_text(self, question: Any, found: Baseline) -> str:
        """A baseline's level and trend as a sentence."""
        level = self._level_form(question).text(found.level.estimate if found.level else None)
        words = {"title": self.titles[question.id], "level": level}
        if found.slope is None:
            return self._("{title}: {level} over the baseline, too few months to tell a trend.").format(**words)
        form, slope = self._trend_form(question, found.slope), found.slope
        told = {
            "rising": self._("{title}: {level} over the baseline, rising ({change} a year, interval {interval})."),
            "falling": self._("{title}: {level} over the baseline, falling ({change} a year, interval {interval})."),
            "none": self._(
                "{title}: {level} over the baseline, no trend shown ({change} a year, interval {interval})."
            ),
        }[_way(slope)]
        change = form.text(slope.a_year) if form.percent else form.bare(slope.a_year)
        return told.format(change=change, interval=form.interval(slope.low, slope.high), **words)

    def _baseline_picture(self, questions: list[Any]) -> Html:
        drawn, told = [], []
        for question in questions:
            found, form = self._baseline(question), self._level_form(question)
            frame = self._series(question.id, "month")
            frame = frame[(frame["phase"] == "baseline") & frame["value"].notna()]
            level = found.level
            drawn.append(
                Panel(
                    title=self.titles[question.id],
                    days=tuple(frame["start"]),
                    values=tuple(float(value) for value in frame["value"]),
                    level=level.estimate if level else None,
                    low=level.low if level else None,
                    high=level.high if level else None,
                    form=form,
                )
            )
            told.append(self._course_text(question, found))
        if not drawn:
            return Html("")
        columns = (self._("Measured by"), self._("Month"), self._("Value"))
        rows = [(p.title, day, value) for p in drawn for day, value in zip(p.days, p.values, strict=True)]
        title = self._("The baseline month by month, with its level and interval")
        return svg.picture(panels(drawn), title=title, description=self._sentences(told), data=(columns, rows))

    def _series(self, question: str, frequency: str) -> pd.DataFrame:
        frame: pd.DataFrame = self.study.series(question, frequency, as_of=self.result.as_of)
        return frame.loc[frame["start"] <= parse_period(self.result.period).end]
