"""A published period recomputed and compared, and the folder's own marks of having been altered looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from evalkit.errors import EvalkitError, ParameterError
from evalkit.periods import parse_date, parse_period
from evalkit.publish import index, issues, ledger, swap
from evalkit.publish.commit import files_of
from evalkit.publish.compare import WORDS, differences, shown
from evalkit.publish.inputs import open_inputs
from evalkit.publish.notebooks import locate


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What `verify` found: how many numbers are the same, what differs, what has changed since, what kept it."""

    period: str
    numbers: int
    problems: tuple[str, ...]
    since: tuple[str, ...]
    error: EvalkitError | None = None


def verify(
    study_path: str | Path | None, period: str, *, out: str | Path = "reports", notebooks: str | Path | None = None
) -> Verified:
    """Recompute a published period from study and records and compare it with what is published, within 1e-9.

    Looked at, too: the ledger's chain, the hashes of every file of every issue, of the index and of the table of all
    results, the lodged plan. Nothing is written.
    Raises ParameterError when the period is not published there, StudyError.
    """
    place, chosen = Path(out).expanduser().resolve(), parse_period(period)
    known, standing = ledger.lines(place), issues.read(place, chosen)
    if ledger.last_of(known, chosen.label) is None and standing is None:
        raise issues.not_published(place, chosen)
    problems = [*ledger.breaks(place), *_plan(place, known), *_files(place, known, chosen.label, chosen.slug)]
    problems += _root(place, known)
    if standing is None or not standing.results:
        return Verified(period=chosen.label, numbers=0, problems=tuple(problems), since=())
    results = standing.results
    try:
        inputs = open_inputs(study_path, locate(notebooks))
        if inputs.study.file.id != results.get("study"):
            raise ParameterError(f"{chosen} is of the study '{results.get('study')}', not '{inputs.study.file.id}'.")
        cutoff = _cutoff(results, chosen.end)
        now = issues.Issue(
            period=chosen,
            number=standing.number,
            results=inputs.evaluate(chosen, cutoff).to_dict(),
            plan=issues.plan_of(inputs.study.file),
        )
    except EvalkitError as error:
        return Verified(period=chosen.label, numbers=0, problems=tuple(problems), since=(), error=error)
    told = [
        f"{chosen.slug}/results.json: {found.key}: published {shown(found.old)}, recomputed {shown(found.new)}."
        for found in differences(results, now.results, skip=WORDS | {"provenance"})
    ]
    since = tuple(_since(issues.compare(standing, now)))
    return Verified(period=chosen.label, numbers=_numbers(now.results), problems=(*problems, *told), since=since)


def _cutoff(results: Mapping[str, Any], end: date) -> date:
    try:
        return parse_date(results.get("as_of"))
    except ParameterError:
        return end  # an altered date shows in the comparison


def _plan(out: Path, known: tuple[dict[str, Any] | None, ...]) -> Iterator[str]:
    plan = ledger.card(out).get("plan")
    made = [entry["made_from"] for entry in known if entry and "plan" in (entry.get("made_from") or {})]
    if made and (not isinstance(plan, dict) or issues.plan_hash(plan.get("content", {})) != made[0]["plan"]):
        yield f"{ledger.STUDY}: the plan in it is not the one that was lodged with the first publication."


def _root(out: Path, known: tuple[dict[str, Any] | None, ...]) -> Iterator[str]:
    """Yield what is not as the last publication, of whatever period, left it of index and table of all results."""
    recorded = known[-1].get("root") if known and known[-1] else None  # an older ledger does not tell
    if isinstance(recorded, dict):
        yield from index.altered(out, recorded)


def _files(out: Path, known: tuple[dict[str, Any] | None, ...], period: str, slug: str) -> Iterator[str]:
    """Yield what is not as the ledger says of each issue's files."""
    folder = out / slug
    recorded = {entry["issue"] for entry in known if entry and entry["period"] == period}
    standing = max(recorded, default=swap.next_revision(folder))
    for issue in sorted(recorded | {standing}):
        entry = ledger.last_of(known, period, issue)
        name = slug if issue >= standing else f"{slug}/{swap.REVISIONS}/{issue}"
        if entry is None:
            yield f"{name}: the ledger knows nothing of this issue."
        elif not (out / name).is_dir():
            yield f"{name}: the whole report is missing."
        else:
            found = files_of(out / name)
            for file in sorted({*entry["files"], *found}):
                if file not in found:
                    yield f"{name}/{file}: the file is missing."
                elif file not in entry["files"]:
                    yield f"{name}/{file}: the file was added after publication."
                elif found[file] != entry["files"][file]:
                    yield f"{name}/{file}: the file was altered after publication (its hash is not the ledger's)."


def _since(facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield what recomputing was done with that is not what the report was made with."""
    for one in facts["data"]:
        how = "is new" if one["old"] is None else "is gone" if one["new"] is None else "has changed"
        yield f"the record file {one['file']} of source '{one['source']}' {how}"
    for way, sources in (("no longer", facts["sources"]["gone"]), ("now", facts["sources"]["new"])):
        if sources:
            yield f"record files {way} read: {', '.join(sources)}"
    if not facts["study"]["same"]:
        keys = ", ".join(change["key"] for change in facts["study"]["changes"] or ())
        yield f"the study file has changed{f' ({keys})' if keys else ''}"
    if not facts["code"]["same"]:
        yield "the code of evalkit or of the notebooks has changed"
    for one in facts["versions"]:
        yield f"{one['key']} was {shown(one['old'])} and is {shown(one['new'])}"


def _numbers(value: Any) -> int:
    if isinstance(value, Mapping):
        return sum(_numbers(part) for key, part in value.items() if key != "provenance")
    if isinstance(value, list | tuple):
        return sum(map(_numbers, value))
    return int(isinstance(value, int | float) and not isinstance(value, bool))
