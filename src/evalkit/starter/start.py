"""`evalkit init`: from a person's files to a study file that passes `check`."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from evalkit.errors import ParameterError, StudyError
from evalkit.periods import add_months
from evalkit.starter.gather import Gathered, gather, holds_records
from evalkit.starter.hints import Joined, joins
from evalkit.starter.profile import Column, profile
from evalkit.starter.propose import Metric, Promise, Proposal, asked, propose, slug, target_of, untimed
from evalkit.starter.study_text import study_text
from evalkit.starter.tables import MARK, Found, load, load_table

if TYPE_CHECKING:
    import duckdb

_EXAMPLE = {"record_id": "integer", "started_at": "datetime", "finished_at": "datetime", "branch": "string"}


@dataclass(frozen=True, slots=True)
class Started:
    """The study file written, what it reads, and what its records could measure (`metrics`, of any target or none).

    `assumed` is the baseline where nobody named it or the programme's start. `left` says which files of folders and
    globs were left alone, and why; `copied` which sources are copies, each with the folder of the originals and their
    name or glob there, None where no glob names them alone; `joins` which tables belong together.
    """

    study: Path
    proposals: tuple[Proposal, ...]
    metrics: tuple[Metric, ...]
    assumed: tuple[date, date] | None
    left: tuple[str, ...] = ()
    copied: tuple[tuple[Path, str] | None, ...] = ()
    joins: tuple[Joined, ...] = ()


def start(
    folder: str | Path,
    files: Sequence[str | Path],
    *,
    targets: Sequence[str] = (),
    baseline: tuple[date, date] | None = None,
    programme_start: date | None = None,
    frequency: str = "quarter",
    timezone: str = "UTC",
    ask: Callable[[Metric], str] | None = None,
) -> Started:
    """Write `study.yaml` into the folder from what the files hold; no study or record file there is overwritten.

    Parameters
    ----------
    files : CSV, CSV.gz, Parquet or Excel files, folders or globs of them, or tables of an engine as CONNECTION::TABLE.
        Files with the same columns are one source; files outside the folder are copied to its `records/`. By default
        the files in the folder and below it; where there are none, a file with a header only to put records under.
    targets : what was promised, such as `time-to-closed=-20%` or `closed-within-8h>=0.9`; none is ever invented.
    baseline, programme_start : days; where neither is given the first half of the records is assumed, and marked so.
    ask : asked for each metric without a target; answers as `targets` without the id (`-20%`, `>=0.9`), '' for none.

    Raises ParameterError for a study that is there already or a target that is not understood, RecordsError for a
    file that cannot be read; nothing is written then.
    """
    import duckdb

    place = Path(folder).expanduser()
    study = place / "study.yaml"
    if study.exists():
        raise ParameterError(f"{study}: is there already and is not overwritten; move it away, or name another folder.")
    connected = [str(file) for file in files if MARK in str(file)]
    named = [Path(file) for file in files if str(file) not in connected]
    if not files:
        named = [place] if holds_records(place) else []
    if not named and not connected:
        return _example(place, study, frequency, timezone)
    with tempfile.TemporaryDirectory(prefix="evalkit-") as scratch, duckdb.connect() as engine:
        engine.execute("SET TimeZone = 'UTC'")
        sources, left = gather(engine, named, place, Path(scratch))
        proposals = _proposals(engine, sources, connected, place.resolve())
        guess = baseline is None and programme_start is None
        text, metrics, days = _proposed(place, proposals, targets, baseline, programme_start, frequency, timezone, ask)
        read = [s for s, proposal in zip(sources, proposals, strict=False) if proposal.time is not None]
        _write(study, text, {there: here for source in read for there, here in source.copies.items()})
        together = joins(engine, proposals)
    copied = tuple(source.given for source in read if source.copies)
    return Started(study, proposals, metrics, days if guess else None, left, copied, together)


def _proposals(
    engine: duckdb.DuckDBPyConnection, sources: Sequence[Gathered], connected: Sequence[str], place: Path
) -> tuple[Proposal, ...]:
    tables: list[Found] = []
    for source in sources:
        name = _free(slug(source.name), [table.name for table in tables])
        tables.append(replace(load(engine, source.forms, name, source.path), notes=source.notes, read=source.read))
    for given in connected:
        name = _free(slug(given.rpartition(MARK)[2].rpartition(".")[2]), [table.name for table in tables])
        tables.append(load_table(engine, given, name, place))
    return tuple(propose(engine, table, profile(engine, table)) for table in tables)


def _proposed(
    place: Path,
    proposals: Sequence[Proposal],
    targets: Sequence[str],
    baseline: tuple[date, date] | None,
    programme_start: date | None,
    frequency: str,
    timezone: str,
    ask: Callable[[Metric], str] | None,
) -> tuple[str, tuple[Metric, ...], tuple[date, date]]:
    """Return the study file, what the records could measure, and the baseline."""
    timed = [proposal for proposal in proposals if proposal.time is not None]
    if not timed:
        told = [f"{p.table.path}: {untimed(p)}; nothing can be compared before and after." for p in proposals]
        raise ParameterError(told)
    metrics = _named_apart([metric for proposal in timed for metric in proposal.metrics])
    timed = [replace(p, metrics=tuple(m for m in metrics if m.source == p.table.name)) for p in timed]
    chosen = _targets(metrics, targets, ask)
    days = _calendar(timed, baseline, programme_start)
    text = study_text(
        slug(place.resolve().name),
        timed,
        baseline=days[:2],
        programme_start=days[2],
        frequency=frequency,
        timezone=timezone,
        chosen=chosen,
        assumed=baseline is None and programme_start is None,
    )
    return text, tuple(metrics), days[:2]


def _example(place: Path, study: Path, frequency: str, timezone: str) -> Started:
    """Write a study of one file that has a header and no records yet."""
    columns = tuple(Column(name=name, kind=kind, rows=0, missing=0) for name, kind in _EXAMPLE.items())
    elapsed = {"from": "started_at", "to": "finished_at", "unit": "hours"}
    metric = Metric(
        id="handling-time",
        source="records",
        metric={"kind": "mean", "value": elapsed},
        told="mean time from started_at to finished_at",
        cluster="branch",
    )
    table = Found("records", "records/records.csv", {}, notes=("a header only: put your records under it",))
    proposal = Proposal(table=table, columns=columns, key="record_id", time="started_at", metrics=(metric,))
    year = date.today().year
    before = date(year - 2, 1, 1), date(year - 1, 12, 31)
    text = study_text(
        slug(place.resolve().name),
        [proposal],
        baseline=before,
        programme_start=date(year, 1, 1),
        frequency=frequency,
        timezone=timezone,
        chosen={},
        assumed=True,
    )
    _write(study, text, {place / "records" / "records.csv": (",".join(_EXAMPLE) + "\n").encode()})
    return Started(study, (proposal,), (metric,), before)


def _write(study: Path, text: str, files: Mapping[Path, Path | bytes]) -> None:
    """Write the study, its files, and the schema by which editors complete it: all of them, or nothing."""
    from evalkit.study.load import read
    from evalkit.study.schema import PATH

    try:
        read(text)
    except StudyError as error:
        told = [message.replace("study.yaml:", "in the study that comes of it, line ", 1) for message in error.messages]
        raise ParameterError([f"nothing was written: {message}" for message in told]) from None
    made: list[Path] = []
    try:
        for path, content in {**files, study.parent / ".evalkit" / PATH.name: PATH, study: text.encode()}.items():
            for folder in reversed([one for one in path.parents if not one.exists()]):
                folder.mkdir()
                made.append(folder)
            made += [] if path.exists() else [path]
            path.write_bytes(content) if isinstance(content, bytes) else shutil.copyfile(content, path)
    except OSError:
        for path in reversed(made):
            path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)
        raise


def _free(name: str, taken: Sequence[str]) -> str:
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    return free


def _named_apart(metrics: Sequence[Metric]) -> list[Metric]:
    ids: list[str] = []
    for metric in metrics:
        ids.append(_free(metric.id, ids))
    return [replace(metric, id=free) for metric, free in zip(metrics, ids, strict=True)]


def _targets(
    metrics: Sequence[Metric], given: Sequence[str], ask: Callable[[Metric], str] | None
) -> dict[str, Promise]:
    chosen = {promise[0].id: promise for promise in (target_of(text, metrics) for text in given)}
    for metric in metrics if ask else ():
        if ask and metric.id not in chosen and (answer := ask(metric).strip()):
            promise = target_of(asked(metric, answer), metrics)
            chosen[promise[0].id] = promise
    return chosen


def _calendar(
    proposals: Sequence[Proposal], baseline: tuple[date, date] | None, programme_start: date | None
) -> tuple[date, date, date]:
    """Return first and last day of the baseline and the programme's first day."""
    if baseline is not None:
        return (*baseline, programme_start or baseline[1] + timedelta(days=1))
    spans = [span for proposal in proposals if (span := _span(proposal)) is not None]
    if not spans:
        raise ParameterError("the records' days are not known; give --baseline START/END.")
    first, last = min(span[0] for span in spans), max(span[1] for span in spans)
    if programme_start is None:
        months = (last.year - first.year) * 12 + last.month - first.month + 1
        programme_start = add_months(first.replace(day=1), max(1, months // 2))
    if programme_start <= first:
        raise ParameterError(
            f"--programme-start {programme_start}: the records begin on {first}; nothing lies before it."
        )
    return first, programme_start - timedelta(days=1), programme_start


def _span(proposal: Proposal) -> tuple[date, date] | None:
    columns: dict[str, Column] = {column.name: column for column in proposal.columns}
    if isinstance(proposal.time, str):
        return columns[proposal.time].days
    year, month = (columns[name] for name in (proposal.time or ())[:2])
    first, last = int(float(year.low)), int(float(year.high))
    return date(first, 1 if first < last else int(month.low), 1), date(
        last, 12 if first < last else int(month.high), 28
    )
