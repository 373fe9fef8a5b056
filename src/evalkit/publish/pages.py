"""A period's pages made in a staging folder: one notebook each, run, checked against the results, copied as tables."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalkit import trace, wording
from evalkit.errors import NotebookError
from evalkit.formats import Language
from evalkit.periods import Period
from evalkit.publish import checks, index, pdf, workbook
from evalkit.publish import notebooks as books
from evalkit.publish.compare import same_results
from evalkit.publish.inputs import Settings
from evalkit.publish.runner import LOG, Outcome, Task, Workers
from evalkit.publish.serialise import to_json

if TYPE_CHECKING:
    from evalkit.results import StudyResult
    from evalkit.study import Study

KEPT_FAILURES = 20  # of one period; a schedule that fails every night fills no disk
Note = Callable[[Language, str], str]


def file_names(study: Study, language: Language, *, as_pdf: bool = False) -> list[str]:
    """Return the names of what a language's report consists of."""
    ends = (".html", ".ipynb", *([".pdf"] if as_pdf else []))
    names = [f"{index.page_name(stem, language)}{end}" for stem in stems(study) for end in ends]
    return [*names, f"{index.page_name('tables', language)}.xlsx"]


def stems(study: Study) -> tuple[str, ...]:
    """Return the pages of a report, without language and ending."""
    return ("index", "context", *(goal.id for goal in study.goals))


def paths(study: Study, folder: Path, language: Language) -> tuple[Path, ...]:
    """Return a language's pages in a folder, the first one first."""
    return tuple(folder / f"{index.page_name(stem, language)}.html" for stem in stems(study))


def study_from(out: Path, study: Path) -> str:
    """Return where the study file lies as seen from the reports folder; nothing where that would tell of the machine.

    >>> study_from(Path("/srv/bank/reports"), Path("/srv/bank/data/study.yaml"))
    '../data/study.yaml'
    >>> study_from(Path("/var/www/reports"), Path("/home/ann/study.yaml"))
    ''
    """
    out, study = out.expanduser().resolve(), study.resolve()
    try:
        way, common = Path(os.path.relpath(study, out)), Path(os.path.commonpath((study, out)))
    except ValueError:  # another drive
        return ""
    near = common == study.parent or (way.parts.count("..") <= 2 and len(common.parts) > 2)
    return way.as_posix() if near else ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """What makes the pages of one period; `note` gives what a page says of its history."""

    study: Study
    result: StudyResult
    period: Period
    cutoff: date | None
    settings: Settings
    folder: Path
    note: Note

    def make(self, workers: Workers, languages: Sequence[Language]) -> list[Outcome]:
        """Make all pages in these languages. Raises NotebookError when one fails or shows other results."""
        tasks = [task for language in languages for task in self._tasks(language)]
        outcomes = workers.run(tasks, self.settings.progress)
        failed = [outcome for outcome in outcomes if outcome.failure is not None]
        if failed:
            raise self._failure(failed)
        truth = json.loads(to_json(self.result.to_dict()))
        expected = {"index": truth, "context": truth, **{goal["id"]: goal for goal in truth["goals"]}}
        changed = [
            task.page
            for task, outcome in zip(tasks, outcomes, strict=True)
            if not same_results(expected[task.page.removesuffix(f".{task.language}")], outcome.record or {})
        ]
        if changed:
            raise NotebookError(
                f"The results of {', '.join(changed)} differ from those the command computed: the records or the study"
                " changed during the run. Nothing was published; run it again."
            )
        for language in languages:
            self._make_copies(language)
        return outcomes

    def _make_copies(self, language: Language) -> None:
        """Write the pages' tables as one Excel file and, where asked for, the pages as PDF."""
        pages = paths(self.study, self.folder, language)
        titles = {index.page_name(goal.id, language): wording.title(goal, language) for goal in self.study.goals}
        workbook.write(self.folder / f"{index.page_name('tables', language)}.xlsx", pages, language, titles)
        if self.settings.as_pdf:
            pdf.print_pages(pages)

    def _tasks(self, language: Language) -> list[Task]:
        _ = wording.translator(language)
        parameters: dict[str, Any] = {"study": str(self.study.path), "period": self.period.label, "language": language}
        parameters |= {"as_of": self.cutoff.isoformat()} if self.cutoff else {}
        back = (_("All periods"), index.row_of(self.period, language))
        up = (self.period.label, f"{index.page_name('index', language)}.html")
        goals = [self._task(goal.id, parameters, language, (back, up)) for goal in self.study.goals]
        context = (_("Situation, measures, feedback"), f"{index.page_name('context', language)}.html")
        beside = (context,) if trace.has_context(self.study) else ()  # nothing leads to a page with nothing on it
        first = self._task("index", parameters, language, (back, *beside))
        return [first, self._task("context", parameters, language, (back, up)), *goals]

    def _task(
        self, stem: str, parameters: dict[str, Any], language: Language, links: tuple[tuple[str, str], ...]
    ) -> Task:
        beside = index.neighbours(self.settings.out, self.period, stem, language)
        excel = (wording.translator(language)("Tables (Excel)"), f"{index.page_name('tables', language)}.xlsx")
        goal = None if stem in checks.RESERVED else stem
        return Task(
            page=index.page_name(stem, language),
            notebook=books.notebook_of(self.settings.source, stem),
            parameters={**parameters, "goal": goal} if goal else parameters,
            language=language,
            folder=self.folder,
            timeout=self.settings.timeout,
            kernel=self.settings.kernel,
            links=(*links, *beside, excel),
            note=self.note(language, stem),
            replaced={books.as_injected(str(self.study.path)): books.as_injected(self.study.path.name)},
            study_from_reports=study_from(self.settings.out, self.study.path),
        )

    def _failure(self, failed: Sequence[Outcome]) -> NotebookError:
        """Keep what the failed notebooks left behind, and return the error that says where."""
        out = self.settings.out
        all_kept = out / ".failed" / self.period.slug
        kept = all_kept / datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        stands = "the earlier report stands" if (out / self.period.slug).exists() else "nothing was published"
        try:
            kept.mkdir(parents=True)
            found = [self.folder / f"{outcome.page}.ipynb" for outcome in failed] + [self.folder.parent / LOG]
            for path in found:
                if path.exists() and path.stat().st_size:
                    shutil.copy(path, kept)
            for old in sorted(all_kept.iterdir())[:-KEPT_FAILURES]:
                shutil.rmtree(old, ignore_errors=True)
            told = f"What it had done is in {kept}."
        except OSError as error:
            told = f"What it had done could not be kept: {error.strerror}."
        pages: dict[str, list[str]] = {}
        for outcome in failed:
            pages.setdefault(str(outcome.failure), []).append(f"'{outcome.page}'")
        return NotebookError(
            f"The notebook of {', '.join(names)} failed: {reason.rstrip('.')}; {stands}. {told}"
            for reason, names in pages.items()
        )
