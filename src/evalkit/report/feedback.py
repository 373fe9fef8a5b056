"""The feedback part of the context page: tables, picture and sentences of one analysis."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from evalkit import formats, markup, svg, wording
from evalkit.errors import NotEvaluableError
from evalkit.evaluation.feedback import (
    BASELINE,
    OTHERS,
    Category,
    Crossed,
    FeedbackAnalysis,
    Problem,
    Shift,
    analyse_feedback,
)
from evalkit.figures.pareto import pareto
from evalkit.formats import Language
from evalkit.markup import Html
from evalkit.periods import parse_period

if TYPE_CHECKING:
    from evalkit.results import StudyResult

MONTH = 30  # days: the length to which numbers of periods of unlike length are brought


def with_interval(form: formats.Quantity, estimate: float, low: float, high: float) -> str:
    """Return an estimate with its interval, the unit told once.

    >>> with_interval(formats.Quantity(signed=True, unit="points", decimals=1), -16.5, -20.5, -12.6)
    '−16.5 (−20.5 to −12.6 points)'
    """
    told = form.text(estimate) if form.percent else form.bare(estimate)
    left, right = ("（", "）") if form.language == "zh" else (" (", ")")
    return f"{told}{left}{form.interval(low, high)}{right}".replace(" %", "\u00a0%")


def origin(text: str) -> Html:
    """Return a line that says where the numbers above it come from."""
    return markup.tag("p", text, class_="ek-soft ek-origin")


class FeedbackPage:
    """What the records of feedback say of one period, in one language; no record and no text of one is ever shown."""

    def __init__(self, study: Any, result: StudyResult, language: Language) -> None:
        self.study, self.result, self.language = study, result, language
        self._ = wording.translator(language)

    @cached_property
    def _analysis(self) -> FeedbackAnalysis | str:
        """The analysis, or in a sentence why there is none."""
        _, asked = self._, self.study.file.feedback
        records = self.study.source_records(asked.source)
        try:
            return analyse_feedback(self.study.file, records, parse_period(self.result.period), self.result.as_of)
        except NotEvaluableError as reason:
            return {
                "too_many_rejected": _(
                    "Too many records of feedback were rejected; nothing is analysed before mended."
                ),
                "no_feedback_before": _("The baseline holds no feedback to compare with."),
                "no_feedback_after": _("The period holds no feedback."),
            }[reason.code]

    def lead(self) -> str:
        """The main finding in two sentences."""
        found, _ = self._analysis, self._
        if isinstance(found, str):
            return found
        told = [
            _("{count} items of feedback in this period, {rate} a day: {change} against the baseline.").format(
                count=formats.count(found.total[1]),
                rate=formats.number(found.total[1] / found.after.days, 1),
                change=self._change(found.overall),
            )
        ]
        rose, fell = (
            [self._label("topic", one.label) for one in found.categories if one.number.direction == way]
            for way in ("rose", "fell")
        )
        if rose:
            told.append(_("Beyond chance, more came on {names}.").format(names=self._joined(rose)))
        if fell:
            told.append(_("Beyond chance, less came on {names}.").format(names=self._joined(fell)))
        if not rose and not fell:
            told.append(_("On no category did the number a day change beyond chance."))
        return ("" if self.language == "zh" else " ").join(told)

    def section(self) -> Html:
        """The whole section."""
        found, _ = self._analysis, self._
        heading = markup.tag("h2", _("What feedback says"))
        if isinstance(found, str):
            return heading + markup.tag("p", found)
        return markup.join(
            (
                heading,
                markup.tag("p", markup.prose(self.lead())),
                markup.tag("h3", _("What to take up")),
                self._take_up(found),
                markup.tag("h3", _("What most of it is about")),
                self._picture(found),
                markup.tag("h3", _("What rose or fell")),
                self._changes(found),
                markup.tag("h3", _("By channel and period")),
                *self._counts(found),
                origin(
                    _("From: records {sources}; {span}; see Method.").format(
                        sources=self.study.file.feedback.source,
                        span=_("{after} against {before}").format(
                            after=formats.span(found.after.start, found.after.end, self.language),
                            before=formats.span(found.before.start, found.before.end, self.language),
                        ),
                    )
                ),
            )
        )

    # -- its parts ---------------------------------------------------------------------------------------------

    def _take_up(self, found: FeedbackAnalysis) -> Html:
        _ = self._
        rule = _(
            "In this order: categories whose number a day rose beyond chance, by how many items more came than at the"
            " baseline's rate (size times rise); then the others of the largest that make 80 % of all feedback, by"
            " size, unless they fell."
        )
        lines = "".join(markup.tag("li", self._problem(one, found)).text for one in found.problems)
        listed = (
            Html(f"<ol>{lines}</ol>") if lines else markup.tag("p", _("Nothing can be named: all cells are small."))
        )
        return listed + markup.tag("p", markup.prose(rule), class_="ek-soft")

    def _problem(self, one: Problem, found: FeedbackAnalysis) -> Html:
        _ = self._
        category = next(c for c in found.categories if c.label == one.label)
        share = self._percent(one.count / found.total[1])
        if one.why == "large":
            told = _(": {count} items ({share} of all); its number a day shows no clear change.")
        elif category.share.direction == "rose":
            told = _(": {count} items ({share} of all), {extra} more than at the baseline's rate; its share rose too.")
        else:
            told = _(
                ": {count} items ({share} of all), {extra} more than at the baseline's rate; as a share of all feedback"
                " no clear rise."
            )
        text = told.format(count=formats.count(one.count), share=share, extra=formats.number(one.extra))
        name = markup.tag("strong", self._label("topic", one.label))
        return Html(name.text + markup.prose(text + self._channel(one, found.by_channel)).text)

    def _channel(self, one: Problem, table: Crossed | None) -> str:
        """Say by which channel most of it came, where what is hidden cannot be more."""
        if table is None:
            return ""
        cells = table.cells[table.rows.index(one.label)][:-1]
        most = max((cell or 0 for cell in cells), default=0)
        if most <= one.count - sum(cell or 0 for cell in cells):
            return ""
        name = self._label("channel", table.columns[cells.index(most)])
        gap = "" if self.language == "zh" else " "
        return gap + self._("The largest part came by {channel} ({number}).").format(
            channel=name, number=formats.count(most)
        )

    def _picture(self, found: FeedbackAnalysis) -> Html:
        _ = self._
        counts = [(self._label("topic", one.label), one.after) for one in found.categories if one.after]
        if not counts:
            return markup.tag("p", _("All categories are too small to be shown."))
        reached, named = 0, 0
        while named < len(counts) and reached < 0.8 * found.total[1]:
            reached, named = reached + counts[named][1], named + 1
        told = _("The largest category is {first} ({share}); {names} together make {sum} of all feedback.").format(
            first=counts[0][0],
            share=self._percent(counts[0][1] / found.total[1]),
            names=self._joined(label for label, _count in counts[:named]),
            sum=self._percent(reached / found.total[1]),
        )
        figure = pareto(counts, found.total[1], self.language)
        title = _("Feedback by category in {period}").format(period=self.result.period)
        data = ((_("Category"), _("Items")), counts)
        return markup.tag("p", markup.prose(told)) + svg.picture(figure, title=title, description=told, data=data)

    def _changes(self, found: FeedbackAnalysis) -> Html:
        _ = self._
        rows = [self._change_row(one, found) for one in found.categories]
        level = wording.confidence(found.confidence, self.language)
        columns = (
            _("Category"),
            _("Before"),
            _("Now"),
            _("Change ({interval})").format(interval=_("{level} interval").format(level=level)),
            _("Number a day"),
            _("Share before"),
            _("Share now"),
            _("Share of all"),
        )
        span = formats.span(found.before.start, found.before.end, self.language)
        notes = [
            _(
                "The baseline is {span}. More channels bring more feedback without anything being worse: read the"
                " number beside the share."
            ).format(span=span)
        ]
        if found.hidden:
            notes.append(_("Left out because their counts are small: {number}.").format(number=found.hidden))
        caption = _("Each category against the baseline: items in {days} days, and share of all").format(days=MONTH)
        return markup.table(caption, columns, rows, numeric=(1, 2, 5, 6)) + markup.tag(
            "p", ("" if self.language == "zh" else " ").join(notes), class_="ek-soft"
        )

    def _change_row(self, one: Category, found: FeedbackAnalysis) -> tuple[str, ...]:
        rates = [
            count * MONTH / days for count, days in ((one.before, found.before.days), (one.after, found.after.days))
        ]
        return (
            self._label("topic", one.label),
            *(formats.number(rate, 1) for rate in rates),
            self._change(one.number),
            self._way(one.number),
            self._percent(one.before / found.total[0]),
            self._percent(one.after / found.total[1]),
            self._way(one.share),
        )

    def _counts(self, found: FeedbackAnalysis) -> Iterable[Html]:
        _ = self._
        if found.by_channel is not None:
            caption = _("Items by category and channel in {period}").format(period=self.result.period)
            columns = (*(self._label("channel", name) for name in found.by_channel.columns), _("All"))
            yield self._crossed(caption, _("Category"), "topic", found.by_channel, columns)
        for kind, first, caption, table in (
            ("topic", _("Category"), _("Items by category and period"), found.by_period),
            ("channel", _("Channel"), _("Items by channel and period"), found.channels_by_period),
        ):
            if table is not None:
                columns = tuple(_("Baseline") if name == BASELINE else str(name) for name in table.columns)
                yield self._crossed(caption, first, kind, table, columns)
        told = _("* fewer than {minimum}, or hidden so that a total does not give such a number away.")
        yield markup.tag("p", told.format(minimum=found.minimum), class_="ek-soft")

    def _crossed(self, caption: str, first: str, kind: str, table: Crossed, columns: tuple[str, ...]) -> Html:
        names = (*(self._label(kind, label) for label in table.rows), self._("All"))
        rows = [
            (name, *("*" if cell is None else formats.count(cell) for cell in cells))
            for name, cells in zip(names, table.cells, strict=True)
        ]
        return markup.table(caption, (first, *columns), rows, numeric=range(1, len(columns) + 1))

    def method_notes(self) -> tuple[str, ...]:
        """How the feedback was compared; nothing where it was not."""
        found, _ = self._analysis, self._
        if isinstance(found, str):
            return ()
        level = wording.confidence(1 - found.confidence, self.language)
        return (
            _(
                "Feedback is counted in the engine by category, channel and month; its words are never read. A"
                " category's number a calendar day and its share of all feedback are compared with the baseline by the"
                " quasi-Poisson ratio of two rates over months, which allows for months that differ more than chance"
                " alone would make them (McCullagh and Nelder 1989, section 4.5), or exactly where there are fewer than"
                " twelve months."
            ),
            _(
                "“Rose” and “fell” are said after Holm's adjustment (1979) over all {tests} such comparisons, so that"
                " the chance of any false one among them is at most {level}. The intervals hold each alone."
            ).format(tests=found.tests, level=level),
        )

    # -- words -------------------------------------------------------------------------------------------------

    def _joined(self, parts: Iterable[str]) -> str:
        return ("、" if self.language == "zh" else ", ").join(parts)

    def _label(self, kind: str, label: str | None) -> str:
        if label is None:
            return self._("not given")
        return self._("all others") if label == OTHERS else wording.looked_up(kind, label, label, self.language)

    def _percent(self, share: float) -> str:
        return formats.Quantity(factor=100, percent=True, decimals=1, language=self.language).text(share)

    def _form(self, shift: Shift) -> formats.Quantity:
        return formats.quantity("rate", "ratio", [shift.ratio, shift.low, shift.high], language=self.language)

    def _change(self, shift: Shift) -> str:
        if shift.ratio is None or shift.low is None or shift.high is None:
            return "–"
        if math.isinf(shift.ratio):
            return self._("new")
        return with_interval(self._form(shift), shift.ratio, shift.low, shift.high)

    def _way(self, shift: Shift) -> str:
        words = {"rose": self._("rose"), "fell": self._("fell"), "same": self._("no clear change")}
        p = formats.probability(shift.p_adjusted).replace(" ", "\u00a0")
        return f"{words[shift.direction]} ({p})"
