"""A period's report made and put in its place: staged, run, checked, and only then published."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import json
import os
import shutil
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from evalkit import wording
from evalkit.errors import NotebookError
from evalkit.formats import Language
from evalkit.periods import Period, parse_date, parse_period
from evalkit.publish import checks, index, issues, ledger, looks, notes, pages, swap
from evalkit.publish.commit import commit, files_of, staging
from evalkit.publish.compare import same_results
from evalkit.publish.inputs import KERNEL, Inputs, Settings, open_inputs
from evalkit.publish.runner import Outcome, Progress, Workers
from evalkit.publish.serialise import to_json

if TYPE_CHECKING:
    from evalkit.results import StudyResult
    from evalkit.study import Study

Status = Literal["published", "renewed", "revised", "up to date"]
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


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
    as_pdf: bool = False,
) -> PublishedReport:
    """Execute the notebooks for a period and publish their pages, `results.json`, ledger entry and index.

    Nothing of the published report changes unless every notebook succeeds. A report that is there with the same
    results, data and code is left alone unless `force`; one with other results becomes a numbered revision.
    `timeout` is in seconds, per notebook. `progress` is told (outcome of a page, done, of all). `as_pdf` prints each
    page too.

    Raises StudyError, RecordsError or ParameterError before any notebook starts, NotebookError when one fails
    (its executed copy is then under `out/.failed/`), LockedError when another run publishes this period.
    """
    chosen = parse_period(period)
    cutoff = parse_date(as_of, "--as-of") if as_of else None
    settings = Settings(
        out=Path(out),
        language=language,
        jobs=jobs,
        force=force,
        notebooks=Path(notebooks) if notebooks is not None else None,
        timeout=timeout,
        kernel=kernel or KERNEL,
        progress=progress,
        as_pdf=as_pdf,
    )
    return publish_period(open_inputs(study_path, settings.source), chosen, cutoff, settings)


def publish_period(inputs: Inputs, period: Period, cutoff: date | None, settings: Settings) -> PublishedReport:
    """Do what `publish` does, with a study that is open already."""
    file = inputs.study.file
    checks.check_notebooks(settings.source, cutoff)
    try:
        with staging(settings.out, period.slug, checks.study_card(file)) as folder:
            number = max(1, min(settings.jobs or os.cpu_count() or 1, 2 + len(file.goals)))
            with Workers(number, folder) as workers:
                if not (settings.out / period.slug).exists():
                    workers.warm()  # sure to be needed; else it depends on the results
                run = _Run(
                    inputs=inputs,
                    result=inputs.evaluate(period, cutoff),
                    period=period,
                    cutoff=cutoff,
                    settings=settings,
                    staged=folder / period.slug,
                    began=time.monotonic(),
                )
                return run.publish(workers)
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise NotebookError(
            f"The disk that holds {settings.out} is full, so {period} could not be published; what was published"
            " before stands whole. Make room, then run this again."
        ) from None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """One period on its way into the reports folder."""

    inputs: Inputs
    result: StudyResult
    period: Period
    cutoff: date | None
    settings: Settings
    staged: Path
    began: float

    @property
    def study(self) -> Study:
        return self.inputs.study.file

    @property
    def published(self) -> Path:
        return self.settings.out / self.period.slug

    def publish(self, workers: Workers) -> PublishedReport:
        started, language = datetime.now(UTC), self.settings.language
        old, new = issues.read(self.settings.out, self.period), self._issue(1)
        same = old is not None and same_results(old.results, new.results)
        if old and same and not self.settings.force and old.results == new.results and self._complete(language):
            return self._report("up to date")
        if old and not self.settings.force:
            issues.check_not_lost(old, new)
        self.staged.mkdir()
        revised = old is not None and not same
        number = swap.keep_revisions(self.published, self.staged, as_revision=revised) + 1
        facts = self._facts(old if revised else None, number)
        alike = same and old is not None and facts["looks"] == old.looks  # an issue says the same in all languages
        others = self._other_languages() if old is not None else []
        if alike:
            others = [other for other in others if not self._complete(other)]
            self._keep_other_languages(but=others)
        languages = [language, *others]
        outcomes = self._make_pages(workers, languages, facts)
        (self.staged / "results.json").write_text(to_json(new.results), encoding="utf-8")
        made = {"plan": new.plan, "history": facts, "run": self._times(started, languages, outcomes)}
        (self.staged / "provenance.json").write_text(to_json({**new.made_from, **made}), encoding="utf-8")
        self._check_unchanged()
        plan = {"study": self.study.hash, "content": new.plan}
        commit(self.settings.out, self.staged, self.published, self._entry(languages, number, facts), plan)
        return self._report("revised" if revised else "renewed" if old is not None else "published")

    def _issue(self, number: int) -> issues.Issue:
        results = json.loads(to_json(self.result.to_dict()))
        return issues.Issue(period=self.period, number=number, results=results, plan=issues.plan_of(self.study))

    def _facts(self, old: issues.Issue | None, number: int) -> dict[str, Any]:
        """Return what the pages, the ledger and provenance.json say of the issue before, the plan and earlier looks.

        Whether a report is up to date does not depend on it: it is what was so on the day of the issue, by number. An
        earlier look that is issued again with today's records is no longer told from the next issue on.
        """
        new = self._issue(number)
        before = old or (issues.revision(self.settings.out, self.period, number - 1) if number > 1 else None)
        return {
            "revision": issues.compare(before, new) if before and before.results else None,
            "study_changed": notes.plan_facts(self.settings.out, self.study.hash, new.plan or {}),
            "lodged": notes.lodged_facts(self.settings.out, self.study, self.period, number),
            "last": notes.last_facts(self.settings.out, self.study, self.period, new.plan or {}),
            "looks": looks.other_looks(self.inputs, self.period, self.result.as_of, self.settings.out),
        }

    def _make_pages(self, workers: Workers, languages: Sequence[Language], facts: dict[str, Any]) -> list[Outcome]:
        questions = (*self.study.goals, *self.study.indicators)
        titles = {chosen: {q.id: wording.title(q, chosen) for q in questions} for chosen in languages}

        def note(language: Language, stem: str) -> str:
            goal = None if stem in checks.RESERVED else stem
            return notes.history(facts, language, titles[language], goal, last=stem == "index").text

        made = pages.Pages(
            study=self.study,
            result=self.result,
            period=self.period,
            cutoff=self.cutoff,
            settings=self.settings,
            folder=self.staged,
            note=note,
        )
        return made.make(workers, languages)

    def _check_unchanged(self) -> None:
        changed = self.inputs.changed()
        if changed:
            raise NotebookError(
                f"{', '.join(changed)} changed during the run, so {self.period} was not published; what was published"
                " before stands. Run this again when nobody is writing there."
            )

    def _times(self, started: datetime, languages: Sequence[Language], outcomes: Sequence[Outcome]) -> dict[str, Any]:
        return {
            "started": started.isoformat(timespec="seconds"),
            "ended": datetime.now(UTC).isoformat(timespec="seconds"),
            "languages": list(languages),
            "kernel": self.settings.kernel,
            "seconds": {outcome.page: round(outcome.seconds, 2) for outcome in outcomes},
        }

    def _entry(self, languages: Sequence[Language], number: int, facts: dict[str, Any]) -> dict[str, Any]:
        made_from = self.result.provenance
        data = json.dumps(made_from["data"], sort_keys=True).encode()
        return {
            "study": self.result.study,
            "period": self.result.period,
            "as_of": self.result.as_of.isoformat(),
            "issue": number,
            "languages": list(languages),
            "verdicts": {goal.id: goal.verdict for goal in self.result.goals},
            "made_from": {
                "study": made_from["study"],
                "data": hashlib.sha256(data).hexdigest(),
                "code": made_from["code"],
                "plan": issues.plan_hash(issues.plan_of(self.study)),
            },
            "why": issues.causes(facts["revision"]) if facts["revision"] else [],
            "study_changed": facts["study_changed"] is not None,
            "other_looks": [f"{look['period']}@{look['issue']}" for look in facts["looks"]],
            "seconds": round(time.monotonic() - self.began, 2),
            "files": files_of(self.staged),
        }

    def _complete(self, language: Language) -> bool:
        as_pdf = self.settings.as_pdf and language == self.settings.language
        return is_complete(self.study, self.published, language, as_pdf=as_pdf)

    def _other_languages(self) -> list[Language]:
        """Return the other languages in which the period is published.

        Today's goals do not tell: a goal that has another id now has no page in the folder. Its first page does, or
        what the ledger says was put there.
        """
        entry = ledger.last_of(ledger.lines(self.settings.out), self.period.label) or {}
        listed = {*entry.get("files", ())}
        first = {other: f"{index.page_name('index', other)}.html" for other in wording.LANGUAGES}
        return [
            other
            for other, name in first.items()
            if other != self.settings.language and (name in listed or (self.published / name).is_file())
        ]

    def _keep_other_languages(self, *, but: Sequence[Language]) -> None:
        for other in self._other_languages():
            for name in () if other in but else pages.file_names(self.study, other, as_pdf=True):
                if (self.published / name).is_file():
                    shutil.copy(self.published / name, self.staged)

    def _report(self, status: Status) -> PublishedReport:
        return PublishedReport(
            period=self.period.label,
            folder=self.published,
            status=status,
            result=self.result,
            revision=swap.next_revision(self.published),
            pages=pages.paths(self.study, self.published, self.settings.language),
        )


def is_complete(study: Study, folder: Path, language: Language, *, as_pdf: bool = False) -> bool:
    """Return whether every page of a language stands in a period's folder."""
    return all((folder / name).is_file() for name in pages.file_names(study, language, as_pdf=as_pdf))
