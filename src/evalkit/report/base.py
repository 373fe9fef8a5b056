"""What every page of a report has: its titles, how it names its sources, and what it ends with."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from evalkit import formats, markup, tables, trace, wording, wording_methods
from evalkit.markup import Html
from evalkit.periods import parse_period

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from evalkit.results import Evaluation, GoalResult, StudyResult


CAUTIONS = "cautions"
_ORIGIN = "font-size:.85rem;margin-top:0"


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
    """The parts that pages share, in one language.

    Parameters
    ----------
    study : the opened study, for titles, the trace from weakness to goal, and what the engine counts.
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

    @property
    def _judged(self) -> tuple[GoalResult, ...]:
        """The goals the page is about."""
        return self.result.goals

    def _names(self, result: GoalResult) -> dict[str, str]:
        """The titles of the columns of a goal's source, where the study file gives them."""
        fields = self.study.file.source(self.study.file.goal(result.id).source).fields
        return {field.name: field.title.in_language(self.language) for field in fields if field.title is not None}

    def _unit(self, result: GoalResult) -> str:
        return self.units.get(result.id, "")

    def _title(self, result: GoalResult) -> str:
        return self.titles.get(result.id, result.title)

    def _period_line(self) -> Html:
        days = parse_period(self.result.period).window
        text = self._("Reporting period {span}. Data cut-off {as_of}.").format(
            span=formats.span(days.start, days.end, self.language),
            as_of=formats.day(self.result.as_of, self.language),
        )
        starts = self.study.file.programme_start
        if days.start < starts <= days.end:
            text = self._sentences(
                (
                    text,
                    self._("The programme starts on {day}; days before are not evaluated.").format(
                        day=formats.day(starts, self.language)
                    ),
                )
            )
        return self._soft(text)

    @staticmethod
    def _own_cautions(result: GoalResult) -> GoalResult:
        """Return a goal with its own cautions: when the programme starts is told once, beneath the title."""
        told = [flag for flag in result.flags if flag.figures.get("case") != "programme"]
        return replace(result, flags=tuple(told))

    def _listed(self, names: Iterable[str]) -> str:
        return ("、" if self.language == "zh" else ", ").join(names)

    def _sentences(self, parts: Any) -> str:
        return ("" if self.language == "zh" else " ").join(part for part in parts if part)

    def _verdict(self, result: GoalResult, text: str) -> Html:
        return markup.tag("p", tables.badge(result.verdict, self.language) + markup.prose(text))

    def _soft(self, text: str) -> Html:
        return markup.tag("p", markup.prose(text), class_="ek-soft")

    def _folded(self, summary: str, content: Html) -> Html:
        return Html(f"<details><summary>{markup.escape(summary)}</summary>\n{content.text}\n</details>")

    def origin(
        self,
        result: GoalResult,
        evaluation: Evaluation | None = None,
        *,
        method: str = "",
        days: tuple[date, date] | None = None,
    ) -> Html:
        """Where the numbers above come from: goal, records, method, and the evaluation's windows or all the `days`."""
        one, _ = evaluation or result.period, self._
        if one.after is None:
            return Html("")
        span = formats.span(*(days or (one.after.start, one.after.end)), self.language)
        if one.before is not None and days is None:
            baseline = formats.span(one.before.start, one.before.end, self.language)
            span = _("{after} against {before}").format(after=span, before=baseline)
        told = method or (wording_methods.short(one.effect.method, self.language) if one.effect else "–")
        text = _("From: goal {goal}, records {source}; {span}; {method}.").format(
            goal=result.id, source=self.study.file.goal(result.id).source, span=span, method=told
        )
        return markup.tag("p", text, class_="ek-soft", style=_ORIGIN)

    def _promise(self, result: GoalResult) -> Html:
        """What was promised, in one line; nothing for an indicator."""
        if result.target is None:
            return Html("")
        form = wording.shown(result, result.period, self.language, self._unit(result))
        scale = {
            "ratio": self._("a change of {target} against the baseline"),
            "difference": self._("a difference of {target} from the baseline"),
            "level": self._("a level of {target}"),
        }[result.period.scale].format(target=form.target(result.period.target_value))
        aim = self._("higher is better") if result.better == "higher" else self._("lower is better")
        told = [self._("Promised: {target} ({better}).").format(target=scale, better=aim)]
        commitment = self.study.file.commitment_of(self.study.file.goal(result.id))
        if commitment is not None:
            title = wording.title(commitment, self.language)
            told.append(self._("Commitment: {title}.").format(title=title))
        return markup.tag("p", self._sentences(told))

    def _page_of(self, result: GoalResult) -> str:
        """The file of a goal's page, beside that of its period."""
        return f"{result.id if self.language == 'en' else f'{result.id}.{self.language}'}.html"

    def _cautions(self, result: GoalResult, heading: str = "h2", *, more: Sequence[str] = ()) -> Html:
        """What to be careful about, in plain words, and `more`; on the goal's own page a link leads there."""
        place, result = {"id": CAUTIONS} if heading == "h2" else {}, self._own_cautions(result)
        head = markup.tag(heading, self._("What to be careful about"), **place)
        told = markup.items(map(markup.prose, more))
        if not result.flags and more:
            return head + told
        if not result.flags:
            return head + markup.tag("p", self._("Nothing that this report checks for was found."))
        found = Html(tables.flags(result, self.language, unit=self._unit(result), names=self._names(result)))
        return markup.join((head, found, told))

    def _turned_off(self) -> list[str]:
        """What the study file turned off that keeps verdicts careful; it holds for every goal."""
        rules = self.study.file.inference
        goals = len(self.study.file.goals) if rules.multiplicity == "none" else 0
        return wording.turned_off(shocks=rules.common_shocks == "none", goals=goals, language=self.language)

    def trace(self, commitment: str | None = None) -> Html:
        """From weakness to goal: measures, owners, timetables; of one commitment, or of all."""
        if not self.study.file.commitments:
            return Html("")
        table = trace.table(self.study.file, self.result.as_of, self.language, commitment=commitment)
        name = self.study.file.path.name
        told = self._("From: the study file {name}, as of {day}.")
        day = formats.day(self.result.as_of, self.language)
        return Html(table) + markup.tag("p", told.format(name=name, day=day), class_="ek-soft", style=_ORIGIN)

    # -- what every page ends with -----------------------------------------------------------------------------

    def notes(self) -> Html:
        """What verdicts mean and do not mean."""
        rules = self.study.file.inference
        several = len(self.study.file.goals) > 1 and rules.multiplicity != "none"
        told = wording.notes(
            rules.confidence,
            self.language,
            adjusted=several,
            sequential=rules.sequential != "none",
            levels=[goal.period.scale == "level" for goal in self._judged],
        )
        return markup.tag("h2", self._("How to read this")) + markup.items(markup.prose(note) for note in told)

    def _calibration(self) -> Html:
        """What the calibration leaves open."""
        return markup.tag("p", markup.prose(wording_methods.calibration(self.language)))

    def reproduce(self) -> Html:
        """The commands that give these numbers and this page again, and what the page was made from."""
        return self._commands("")

    def _commands(self, only: str) -> Html:
        from evalkit.publish.kernels import STUDY_FROM_REPORTS

        way, period = os.environ.get(STUDY_FROM_REPORTS, ""), self.result.period
        study = shlex.quote(way or f"FOLDER-OF-THE-STUDY/{self.study.file.path.name}")
        out = "." if way else "FOLDER-OF-THESE-PAGES"
        cutoff = f" --as-of {self.result.as_of}" if self.result.as_of != parse_period(period).end else ""
        commands = (
            f"evalkit check --study {study}{cutoff}",
            f"evalkit evaluate --study {study} --period {period}{cutoff}{only} --json",
            f"evalkit run --study {study} --period {period}{cutoff} --language {self.language} --out {out}",
            f"evalkit verify --study {study} --period {period} --out {out}",
        )
        place = (
            self._("In the folder that holds ledger.jsonl:")
            if way
            else self._("With the folder of the study file, and the one that holds ledger.jsonl, put in:")
        )
        told = self._(
            "the first command checks records and study, the second gives the numbers, the third this page, and the"
            " last recomputes what was published."
        )
        return markup.join(
            (
                markup.tag("h2", self._("How to reproduce this")),
                markup.tag("p", self._sentences((place, told))),
                markup.tag("pre", "\n".join(commands)),
            )
        )

    def provenance(self) -> Html:
        """What the page was made from: hashes of study, records and code, and the versions of the packages."""
        from evalkit.publish.provenance import data_files, data_hashes, provenance

        _, file = self._, self.study.file
        data = data_hashes(data_files(file), file.folder)
        made = provenance(file, period=self.result.period, as_of=self.result.as_of, data=data)
        rows = [(_("study file"), made["parameters"]["study"], made["study"])]
        rows += [
            (_("records"), name, value) for files in made["data"].values() for name, value in sorted(files.items())
        ]
        rows.append((_("code and notebooks"), "evalkit", made["code"]))
        rows += [(_("version"), name, version) for name, version in made["versions"].items()]
        columns = (_("What"), _("Name"), _("SHA-256 or version"))
        return self._folded(_("What this page was made from"), markup.table(_("Provenance"), columns, rows))

    def _record(self, found: Any) -> Record:
        shape = found.to_dict()
        shape.pop("provenance", None)
        return Record(shape)

    def record(self) -> Record:
        """The result as data, for `evalkit run` to collect."""
        return self._record(self.result)
