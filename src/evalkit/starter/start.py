"""`evalkit init`: from a person's files to a study file that passes `check`."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

from evalkit.errors import EvalkitError, ParameterError, StudyError
from evalkit.periods import add_months
from evalkit.starter.profile import Column, profile
from evalkit.starter.propose import Metric, Proposal, propose, slug, target_of
from evalkit.starter.study_text import study_text
from evalkit.starter.tables import WORKBOOKS, Found, bring, load

SUFFIXES = (".csv", ".csv.gz", ".parquet", ".pq", *WORKBOOKS)
_EXAMPLE = {"record_id": "integer", "started_at": "datetime", "finished_at": "datetime", "branch": "string"}


@dataclass(frozen=True, slots=True)
class Started:
    """The study file written, what it reads, and what its records could measure (`metrics`, of any target or none)."""

    study: Path
    proposals: tuple[Proposal, ...]
    metrics: tuple[Metric, ...]
    assumed: bool


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
    """Write `study.yaml` into the folder from what the files hold; nothing there is overwritten.

    Parameters
    ----------
    files : CSV, CSV.gz, Parquet or Excel files; those outside the folder are copied to its `records/`. By default those
        that lie in the folder or its `records/`; where there are none, a file with a header only to put records under.
    targets : what was promised, such as `time-to-closed=-20%` or `share-timely>=0.9`; none is ever invented.
    baseline, programme_start : days; where neither is given the first half of the records is assumed, and marked so.
    ask : asked for each metric without a target; answers as `targets` without the id (`-20%`, `>=0.9`), '' for none.

    Raises ParameterError for a study that is there already or a target that is not understood, RecordsError for a
    file that cannot be read.
    """
    import duckdb

    place = Path(folder).expanduser()
    study = place / "study.yaml"
    if study.exists():
        raise ParameterError(f"{study}: is there already and is not overwritten; move it away, or name another folder.")
    place.mkdir(parents=True, exist_ok=True)
    files = files or sorted(f for where in (place, place / "records") for f in where.glob("*") if _readable(f))
    if not files:
        return _example(place, study, frequency, timezone)
    with tempfile.TemporaryDirectory(prefix="evalkit-") as scratch, duckdb.connect() as engine:
        engine.execute("SET TimeZone = 'UTC'")
        tables: list[Found] = []
        for file in files:
            for path, notes in bring(Path(file), place):
                shown = path.relative_to(place.resolve()).as_posix()
                name = _free(slug(path.name.split(".")[0]), [table.name for table in tables])
                tables.append(replace(load(engine, path, name, shown, Path(scratch)), notes=notes))
        proposals = [propose(engine, table, profile(engine, table)) for table in tables]
    timed = [proposal for proposal in proposals if proposal.time is not None]
    if not timed:
        told = "; ".join(f"{p.table.path} has {', '.join(c.name for c in p.columns)}" for p in proposals)
        raise ParameterError(
            f"no column says when a record was made, so nothing can be compared before and after: {told}."
        )
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
        targets=chosen,
        assumed=baseline is None and programme_start is None,
    )
    _write(study, text)
    return Started(study, tuple(proposals), tuple(metrics), baseline is None and programme_start is None)


def _readable(path: Path) -> bool:
    return path.is_file() and path.name.casefold().endswith(SUFFIXES)


def _example(place: Path, study: Path, frequency: str, timezone: str) -> Started:
    """Write a study of one file that has a header and no records yet."""
    records = place / "records" / "records.csv"
    records.parent.mkdir(exist_ok=True)
    records.write_text(",".join(_EXAMPLE) + "\n", encoding="utf-8")
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
    text = study_text(
        slug(place.resolve().name),
        [proposal],
        baseline=(date(year - 2, 1, 1), date(year - 1, 12, 31)),
        programme_start=date(year, 1, 1),
        frequency=frequency,
        timezone=timezone,
        targets={},
        assumed=True,
    )
    _write(study, text)
    return Started(study, (proposal,), (metric,), True)


def _write(study: Path, text: str) -> None:
    """Write the study, and the schema by which editors complete it; one that does not load is evalkit's own mistake."""
    from evalkit.study.load import read
    from evalkit.study.schema import PATH

    try:
        read(text)
    except StudyError as error:
        raise EvalkitError(f"a fault of evalkit itself: the proposed study does not load: {error}") from None
    schema = study.parent / ".evalkit" / PATH.name
    schema.parent.mkdir(exist_ok=True)
    schema.write_bytes(PATH.read_bytes())
    study.write_text(text, encoding="utf-8")


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
) -> dict[str, tuple[dict[str, float], str]]:
    known = [metric.id for metric in metrics]
    chosen: dict[str, tuple[dict[str, float], str]] = {}
    for text in given:
        name, target, better = target_of(text, known)
        chosen[name] = (target, better)
    if ask is None:
        return chosen
    for metric in metrics:
        if metric.id not in chosen and (answer := ask(metric).strip()):
            joined = answer if answer[0] in "<>=" else f"={answer}"
            chosen[metric.id] = target_of(metric.id + joined, known)[1:]
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
