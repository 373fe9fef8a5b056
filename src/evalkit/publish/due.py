"""`run --due`: which finished periods are not published yet, or would not have the results that stand published."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from evalkit.periods import Period, parse_date, parse_period
from evalkit.publish import issues
from evalkit.publish.compare import same_results
from evalkit.publish.inputs import Inputs, Settings, open_inputs
from evalkit.publish.release import PublishedReport, is_complete, publish_period

if TYPE_CHECKING:
    from evalkit.study import Study

ALL_PUBLISHED = "Nothing is due: every finished period is published and would not change."
NONE_FINISHED = "No period has finished yet."


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What became of one period: the report, why it has to wait, or the error that kept it from being published."""

    period: str
    seconds: float
    report: PublishedReport | None = None
    waits: str = ""
    error: Exception | None = None

    @property
    def status(self) -> str:
        """One word for it, `waiting` and `failed` among them."""
        return self.report.status if self.report else "waiting" if self.waits else "failed"


def publish_due(
    study_path: str | Path | None,
    settings: Settings,
    *,
    as_of: str | date | None = None,
    begin: Callable[[str], None] | None = None,
    idle: Callable[[str], None] | None = None,
) -> Iterator[Attempt]:
    """Publish what is due, the earliest period first, and yield what became of each; nothing due yields nothing.

    `as_of` is the last day of the periods that count as finished (default yesterday, in the study's timezone). One
    period's failure does not keep the others; `begin` is told each period that is about to be published, `idle`
    what to say where nothing turns out to be due. A period that begins after the last record of every goal waits for
    its records, unless it stands published; a record dated after `as_of`, such as 2062 for 2026, is none of them.

    Raises StudyError, RecordsError or ParameterError when no period can be published.
    """
    inputs = open_inputs(study_path, settings.source)
    until = parse_date(as_of, "--as-of") if as_of else yesterday(inputs.study.file)
    last = cache(lambda: inputs.study.last_day(until))
    finished = inputs.study.file.periods(until)
    if idle:
        idle(ALL_PUBLISHED if finished else NONE_FINISHED)
    for period in finished:
        began = time.monotonic()
        try:
            cutoff = due(inputs, period, settings)
            if cutoff is None:
                continue
            if not published(settings, period) and (waits := awaited(period, last(), until)):
                yield Attempt(period=period.label, seconds=time.monotonic() - began, waits=waits)
                continue
            if begin:
                begin(period.label)
            report = publish_period(inputs, period, None if cutoff == period.end else cutoff, settings)
        except Exception as error:
            yield Attempt(period=period.label, seconds=time.monotonic() - began, error=error)
        else:
            yield Attempt(period=period.label, seconds=time.monotonic() - began, report=report)


def publish_one(
    study_path: str | Path | None, period: str | Period, settings: Settings, *, as_of: str | None = None
) -> Iterator[Attempt]:
    """Publish one period, due or not; its failure is raised."""
    chosen, cutoff = parse_period(period), parse_date(as_of, "--as-of") if as_of else None
    began = time.monotonic()
    report = publish_period(open_inputs(study_path, settings.source), chosen, cutoff, settings)
    yield Attempt(period=chosen.label, seconds=time.monotonic() - began, report=report)


def yesterday(study: Study) -> date:
    """Return the last day that is over in the study's timezone."""
    return datetime.now(study.zone).date() - timedelta(days=1)


def published(settings: Settings, period: Period) -> bool:
    """Return whether results of the period stand published."""
    standing = issues.read(settings.out, period)
    return standing is not None and bool(standing.results)


def awaited(period: Period, last: date | None, until: date) -> str:
    """Return what is told of a period that begins after the last day of which some goal's records tell, or nothing."""
    if last is not None and period.start <= last:
        return ""
    return (
        f"there are no records from {last + timedelta(days=1)} to {until}; not published yet. If there truly was "
        f"nothing to record, publish it with --period {period}."
        if last
        else "there are no records with a date; not published yet."
    )


def due(inputs: Inputs, period: Period, settings: Settings) -> date | None:
    """Return the cut-off with which a finished period is to be published; None when it stands and would not change.

    The cut-off is the period's end, or the later one with which it stands published. Nothing is evaluated while the
    hashes of study, records and code and the versions are those of the issue that stands.
    """
    standing = issues.read(settings.out, period)
    if standing is None or not standing.results:
        return period.end
    cutoff = max(period.end, parse_date(standing.results.get("as_of"), "the published cut-off"))
    if settings.force or not is_complete(
        inputs.study.file, settings.out / period.slug, settings.language, as_pdf=settings.as_pdf
    ):
        return cutoff
    if inputs.all_hashed and standing.made_from == inputs.made_from(period, cutoff):
        return None
    result = inputs.study.evaluate_period(period, as_of=cutoff)
    return None if same_results(standing.results, result.to_dict()) else cutoff
