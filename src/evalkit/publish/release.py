"""A period's report made and put in its place: staged, run, checked, and only then published."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from evalkit import wording
from evalkit.errors import NotebookError
from evalkit.formats import Language
from evalkit.periods import Period, parse_date, parse_period
from evalkit.publish import checks, index, ledger, swap
from evalkit.publish import notebooks as books
from evalkit.publish.lock import locked
from evalkit.publish.provenance import file_hash, provenance
from evalkit.publish.runner import LOG, Outcome, Progress, Task, Workers
from evalkit.publish.serialise import to_json

if TYPE_CHECKING:
    from evalkit.results import StudyResult
    from evalkit.session import OpenStudy
    from evalkit.study import Study

Status = Literal["published", "renewed", "revised", "up to date"]
KERNEL = "python3"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PublishedReport:
    """A report that stands in its place.

    `status` says whether it is new, rendered anew with the same results, a revision (the earlier issue is kept
    under `revisions/`), or was there already. `result` tells which goals are not evaluable.
    """

    period: str
    folder: Path
    status: Status
    result: StudyResult
    revision: int
    pages: tuple[Path, ...]

    @property
    def index(self) -> Path:
        """The page to open first."""
        return self.pages[0]

    @property
    def message(self) -> str:
        """What was done, in one sentence."""
        told = {
            "published": f"{self.period} is published",
            "renewed": f"{self.period} is published anew with the same results",
            "revised": f"{self.period} is published as issue {self.revision}, the earlier one is kept",
            "up to date": f"{self.period} is up to date, nothing was changed (--force publishes it again)",
        }[self.status]
        return f"{told}: {self.index}"

    @property
    def not_evaluable(self) -> tuple[str, ...]:
        """The goals that could not be evaluated."""
        return tuple(goal.id for goal in self.result.goals if goal.verdict == "not_evaluable")


def publish(
    study_path: str | Path | None,
    period: str | Period,
    *,
    out: str | Path = "reports",
    as_of: str | date | None = None,
    language: Language = "en",
    jobs: int | None = None,
    force: bool = False,
    notebooks: str | Path | None = None,
    timeout: float = 600,
    kernel: str | None = None,
    progress: Progress | None = None,
) -> PublishedReport:
    """Execute the notebooks for a period and publish their pages, `results.json`, ledger entry and index.

    Nothing of the published report changes unless every notebook succeeds. A report that is there with the same
    results, data and code is left alone unless `force`; one with other results becomes a numbered revision.
    `timeout` is in seconds, per notebook. `progress` is told (page, done, of all).

    Raises StudyError, RecordsError or ParameterError before any notebook starts, NotebookError when one fails
    (its executed copy is then under `out/.failed/`), LockedError when another run holds the folder.
    """
    import evalkit

    chosen = parse_period(period)
    cutoff = parse_date(as_of, "--as-of") if as_of else None
    wording.check_language(language)
    source = books.locate(notebooks)
    place = Path(out).expanduser().resolve()
    study = evalkit.open_study(study_path)
    checks.check_names(study.file)
    checks.check_notebooks(source, cutoff)
    place.mkdir(parents=True, exist_ok=True)
    with locked(place):
        ledger.claim(place, checks.study_card(study.file))
        _sweep(place)
        staging = Path(tempfile.mkdtemp(prefix=".staging-", dir=place))
        try:
            number = max(1, min(jobs or os.cpu_count() or 1, 1 + len(study.file.goals)))
            with Workers(number, staging) as workers:
                if not (place / chosen.slug).exists():
                    workers.warm()  # sure to be needed; else it depends on the results
                result = _evaluated(study, chosen, cutoff, source)
                run = _Run(
                    study=study.file,
                    result=result,
                    period=chosen,
                    cutoff=cutoff,
                    source=source,
                    out=place,
                    staging=staging,
                    timeout=timeout,
                    kernel=kernel or KERNEL,
                    progress=progress,
                )
                return run.publish(workers, language, force=force)
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def _evaluated(study: OpenStudy, period: Period, cutoff: date | None, source: Path) -> StudyResult:
    result = study.evaluate_period(period, as_of=cutoff)
    made_from = provenance(study.file, period=result.period, as_of=result.as_of, notebooks=source, data=True)
    return dataclasses.replace(result, provenance=made_from)


def _sweep(out: Path) -> None:
    """Remove what a run that was ended from outside left behind; the lock is ours, so nobody is using it."""
    for leftover in out.glob(".staging-*"):
        shutil.rmtree(leftover, ignore_errors=True)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """One period on its way into the reports folder."""

    study: Study
    result: StudyResult
    period: Period
    cutoff: date | None
    source: Path
    out: Path
    staging: Path
    timeout: float
    kernel: str
    progress: Progress | None

    @property
    def published(self) -> Path:
        return self.out / self.period.slug

    @property
    def staged(self) -> Path:
        return self.staging / self.period.slug

    def publish(self, workers: Workers, language: Language, *, force: bool) -> PublishedReport:
        began = datetime.now(UTC)
        old, new = self._published_results(), json.loads(to_json(self.result.to_dict()))
        same = old is not None and _bare(old) == _bare(new)
        if same and not force and old == new and self._complete(language):
            return self._report("up to date", language)
        self.staged.mkdir()
        languages = [language] if same or old is None else [language, *self._other_languages(language)]
        if same:
            self._keep_other_languages(language)
        outcomes = self._make_pages(workers, languages)
        (self.staged / "results.json").write_text(to_json(new), encoding="utf-8")
        (self.staged / "provenance.json").write_text(
            to_json(self._provenance(began, languages, outcomes)), encoding="utf-8"
        )
        revised = old is not None and not same
        revision = swap.keep_revisions(self.published, self.staged, as_revision=revised)
        swap.put_in_place(self.staged, self.published)
        ledger.append(self.out, self._entry(languages, revision))
        index.refresh(self.out)
        return self._report("revised" if revised else "renewed" if old is not None else "published", language)

    def _make_pages(self, workers: Workers, languages: Sequence[Language]) -> list[Outcome]:
        tasks = [task for language in languages for task in self._tasks(language)]
        outcomes = workers.run(tasks, self.progress)
        failed = [outcome for outcome in outcomes if outcome.failure is not None]
        if failed:
            raise self._failure(failed)
        truth = json.loads(to_json(self.result.to_dict()))
        expected = {"index": truth, **{goal["id"]: goal for goal in truth["goals"]}}
        changed = [
            task.page
            for task, outcome in zip(tasks, outcomes, strict=True)
            if _bare(outcome.record or {}) != _bare(expected[task.page.removesuffix(f".{task.language}")])
        ]
        if changed:
            raise NotebookError(
                f"The results of {', '.join(changed)} differ from those the command computed: the records or the study"
                " changed during the run. Nothing was published; run it again."
            )
        return outcomes

    def _tasks(self, language: Language) -> list[Task]:
        _ = wording.translator(language)
        parameters: dict[str, Any] = {
            "study": str(self.study.path),
            "period": self.period.label,
            "language": language,
        }
        if self.cutoff:
            parameters["as_of"] = self.cutoff.isoformat()
        back = (_("All periods"), f"../{index.page_name('index', language)}.html")
        up = (self.period.label, f"{index.page_name('index', language)}.html")
        goals = [
            self._task(goal.id, books.GOAL_REPORT, {**parameters, "goal": goal.id}, language, (back, up))
            for goal in self.study.goals
        ]
        return [self._task("index", books.PERIOD_REPORT, parameters, language, (back,)), *goals]

    def _task(
        self,
        stem: str,
        notebook: str,
        parameters: dict[str, Any],
        language: Language,
        links: tuple[tuple[str, str], ...],
    ) -> Task:
        return Task(
            page=index.page_name(stem, language),
            notebook=self.source / notebook,
            parameters=parameters,
            language=language,
            folder=self.staged,
            timeout=self.timeout,
            kernel=self.kernel,
            links=links,
            replaced={repr(str(self.study.path))[1:-1]: self.study.path.name},
        )

    def _failure(self, failed: Sequence[Outcome]) -> NotebookError:
        """Keep what the failed notebooks left behind, and return the error that says where."""
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        kept = self.out / ".failed" / self.period.slug / moment
        kept.mkdir(parents=True)
        for outcome in failed:
            executed = self.staged / f"{outcome.page}.ipynb"
            if executed.exists():
                shutil.copy(executed, kept)
        log = self.staging / LOG
        if log.exists() and log.stat().st_size:
            shutil.copy(log, kept)
        stands = "the earlier report stands" if self.published.exists() else "nothing was published"
        pages: dict[str, list[str]] = {}
        for outcome in failed:
            pages.setdefault(str(outcome.failure), []).append(f"'{outcome.page}'")
        return NotebookError(
            f"The notebook of {', '.join(names)} failed: {reason.rstrip('.')}; {stands}. What it had done is in {kept}."
            for reason, names in pages.items()
        )

    def _provenance(
        self, began: datetime, languages: Sequence[Language], outcomes: Sequence[Outcome]
    ) -> dict[str, Any]:
        ended = datetime.now(UTC)
        return {
            **self.result.provenance,
            "run": {
                "started": began.isoformat(timespec="seconds"),
                "ended": ended.isoformat(timespec="seconds"),
                "languages": list(languages),
                "kernel": self.kernel,
                "seconds": {outcome.page: round(outcome.seconds, 2) for outcome in outcomes},
            },
        }

    def _entry(self, languages: Sequence[Language], revision: int) -> dict[str, Any]:
        return {
            "study": self.result.study,
            "period": self.result.period,
            "as_of": self.result.as_of.isoformat(),
            "issue": revision + 1,
            "languages": list(languages),
            "verdicts": {goal.id: goal.verdict for goal in self.result.goals},
            "files": {
                path.name: file_hash(path)
                for path in sorted(self.published.iterdir())
                if path.is_file() and path.name != "provenance.json"
            },
        }

    def _published_results(self) -> dict[str, Any] | None:
        path = self.published / "results.json"
        try:
            return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
        except ValueError:
            return {}

    def _stems(self) -> tuple[str, ...]:
        return ("index", *(goal.id for goal in self.study.goals))

    def _complete(self, language: Language) -> bool:
        names = [index.page_name(stem, language) for stem in self._stems()]
        return all((self.published / f"{name}{end}").is_file() for name in names for end in (".html", ".ipynb"))

    def _other_languages(self, language: Language) -> list[Language]:
        return [other for other in wording.LANGUAGES if other != language and self._complete(other)]

    def _keep_other_languages(self, language: Language) -> None:
        for other in self._other_languages(language):
            for stem in self._stems():
                for end in (".html", ".ipynb"):
                    shutil.copy(self.published / f"{index.page_name(stem, other)}{end}", self.staged)

    def _report(self, status: Status, language: Language) -> PublishedReport:
        return PublishedReport(
            period=self.period.label,
            folder=self.published,
            status=status,
            result=self.result,
            revision=swap.next_revision(self.published),
            pages=tuple(self.published / f"{index.page_name(stem, language)}.html" for stem in self._stems()),
        )


def _bare(results: Mapping[str, Any]) -> dict[str, Any]:
    """Return results without what they were made from."""
    return {key: value for key, value in results.items() if key != "provenance"}
