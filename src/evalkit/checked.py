"""What `check` prints: what the records hold, what was rejected and why, and whether the study is ready."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from evalkit.asked import held, is_own, unmet
from evalkit.errors import RecordsError, printable
from evalkit.records.confined import confined
from evalkit.records.fetch import fetch
from evalkit.records.fields import REASON
from evalkit.records.text import may_mean_missing
from evalkit.study.yaml_lines import listed
from evalkit.terminal import SHOWN_ROWS, counted
from evalkit.unheld_mix import unheld_mixes

if TYPE_CHECKING:
    from evalkit.records import Records
    from evalkit.records.source import Tally
    from evalkit.session import OpenStudy

KINDS_OF_WORDS = 3  # in the place of a value, that may mean there is none
OF_A_REASON = 5  # rows shown of each reason
_NOT_ALLOWED = "not one of the allowed values"


def check_report(study: OpenStudy, as_of: date | None) -> bool:
    """Validate every source, print what was found; return whether some source is above `max_rejected`.

    Raises RecordsError telling every problem of every source at once, after printing the sources that can be read.
    """
    file = study.file
    sources, problems = study.open_each()
    parts = [(len(file.goals), "goal"), (len(file.indicators), "indicator"), (len(file.sources), "source")]
    told = ", ".join(counted(n, word) for n, word in parts if n)
    print(
        f"The study file is valid ({told}); its records are not."
        if problems
        else f"The study '{file.id}' is valid: {told}."
    )
    for records in sources:
        print()
        try:
            _print_source(study, records, as_of)
        except RecordsError as error:
            problems.extend(f"source '{records.name}': {message}" for message in error.messages)
    if problems:
        raise RecordsError(problems)
    for records in sources:
        if moved := unheld_mixes(file, records):
            print(f"\n{records.name}: a better figure may be another mix alone")
            print("\n".join(moved))
    _print_rates(study, sources)
    if not_met := unmet(file, sources):
        print()
        for told in not_met:
            print(told)
    beyond = [records for records in sources if records.tally(as_of).too_many_rejected]
    print()
    print(_conclusion(sources, beyond, len(not_met)))
    if not file.goals:
        print("There is no goal yet; nothing will be evaluated.")
    for records in beyond:
        print(
            f"evalkit: source '{records.name}': {_share(records.tally(as_of))} of its records were rejected, more than "
            f"the {100 * records.source.max_rejected:g} % the study allows (max_rejected), so its goals are not "
            "evaluable; mend the records, or the fields' constraints in the study file.",
            file=sys.stderr,
        )
    return bool(beyond)


def _print_rates(study: OpenStudy, sources: Sequence[Records]) -> None:
    """Print what each rate over a column counts, so that totals taken for single events are seen."""
    from evalkit.moments.terms import condition_of

    opened = {records.name: records for records in sources}
    for goal in (*study.file.goals, *study.file.indicators):
        metric, records = goal.metric, opened[goal.source]
        if metric.kind != "rate" or metric.exposure not in {field.name for field in records.source.fields}:
            continue
        table = records.valid
        if goal.where:
            table = table.filter(*(condition_of(table, condition) for condition in goal.where))
        events = table[metric.events].sum() if metric.events else table.count()
        (row,) = fetch(table.agg(events=events, exposure=table[metric.exposure].sum()))
        told = f"events '{metric.events}'" if metric.events else "rows, each one event,"
        count, exposure = (f"{round(row[name] or 0, 2):,.15g}" for name in ("events", "exposure"))
        print()
        print(printable(f"{goal.id}: {told} {count} over exposure '{metric.exposure}' {exposure}"))
        if not metric.events:
            print("  each row counts as one event; name the column that holds counts under `events` if rows are totals")


def _print_source(study: OpenStudy, records: Records, as_of: date | None) -> None:
    from evalkit.evaluation.series import first_and_last

    print(printable(f"{records.name} ({records.place})"))
    if not records.one_state:
        print("  the engine keeps no state between queries: records that change meanwhile are seen changed")
    first, last = first_and_last(records)
    print(f"  {counted(records.found, 'record')} found" + (f", dated {first} to {last}" if first else ""))
    if not records.found:
        print("  there is nothing to evaluate: there are no records")
    if undated := records.undated():
        have, they = (
            ("has", "it belongs to no period and does") if undated == 1 else ("have", "they belong to no period and do")
        )
        only = _only_there(study, records, undated)
        print(printable(f"  {undated} {have} no {records.source.time}, so {they} not count{only}"))
    if as_of is not None and (late := records.after(as_of)):
        verbs = ("is", "does") if late == 1 else ("are", "do")
        print(f"  {late} {verbs[0]} dated after the cut-off {as_of} and {verbs[1]} not count")
    if again := _repeated(study, records):
        verbs = ("equals", "counts") if again == 1 else ("equal", "count")
        print(
            f"  {counted(again, 'row')} {verbs[0]} another in every field the study names and {verbs[1]} beside it; "
            "entered twice? (a `key` in the study file would reject them)"
        )
    if not records.rejected:
        forget_rejected(study, records)
        return
    limit = f"the study allows {100 * records.source.max_rejected:g} %"
    print(f"  {records.rejected} rejected ({_share(records.tally())}; {limit}):")
    width = len(str(max(records.reasons.values())))
    for reason, count in records.reasons.items():
        print(printable(f"    {count:>{width}} × {reason}{_hint(study, reason, records, count)}"))
    _print_rows(records)
    path, written = write_rejected(study, records)
    which = "all" if written == records.rejected else f"{written}"
    print(f"  {which} of them with their values, for your eyes only: {_near(path)}")


def _only_there(study: OpenStudy, records: Records, undated: int) -> str:
    """Say which value stands (nearly) only in the records without a time: what it tells is then in no result."""
    texts = [field.name for field in records.source.fields if field.type == "string"]
    found = confined(records, [name for name in texts if not is_own(study.file, records, name)], undated)
    return f"; {found.told(undated)}, so what a goal says of that value is wrong" if found else ""


def _repeated(study: OpenStudy, records: Records) -> int:
    """Return how many rows of totals or exposure are there twice, where no key would reject them.

    Records without a key may well be alike; totals of the same month, place and amount hardly are.
    """
    questions = (*study.file.goals, *study.file.indicators)
    rates = [(one.source, one.metric) for one in questions if one.metric.kind == "rate"]
    exposures = {getattr(metric.exposure, "source", None) for _, metric in rates}
    totals = {source for source, metric in rates if metric.events}
    if records.source.key or records.name not in exposures | totals:
        return 0
    table = records.accepted
    unlike = table.distinct()
    (rows,), (kinds,) = fetch(table.agg(n=table.count())), fetch(unlike.agg(n=unlike.count()))
    return int(rows["n"] - kinds["n"])


def _print_rows(records: Records) -> None:
    """Print which rows were rejected: some of each reason, or where nothing tells them apart each reason once."""
    if not records.files and not records.source.key:
        print("  which rows (they have no number; with a `key` in the study file they could be named):")
        for reason, count in records.reasons.items():
            print(printable(f"    {records.place}: {reason} ({count} ×)"))
        return
    print("  which rows (row 1 is the header):" if records.files else "  which rows:")
    shown = list(records.rejected_rows(SHOWN_ROWS, each=OF_A_REASON))
    for row in shown:
        key = f" ({records.source.key} {row.key})" if row.key is not None else ""
        place = row.file if row.row is None else f"{row.file} row {row.row}"
        print(printable(f"    {place}{key}: {row.reason}"))
    if records.rejected > len(shown):
        print(f"    … and {records.rejected - len(shown)} more")


def _hint(study: OpenStudy, reason: str, records: Records, count: int) -> str:
    """Return what a value of the field looks like, behind a reason that says it is none; the mend where it is known."""
    name, _, what = reason.rpartition(": ")
    field = next((field for field in records.source.fields if field.name == name), None)
    form = ""
    if field is not None and what in ("not a date", "not a date and time"):
        shown = datetime(2025, 12, 31, 9, 30, tzinfo=UTC).strftime(field.format)
        form = f"{shown}, by its `format: {field.format}`"
        if field.format == "default":
            form = '2025-12-31; another form needs the field\'s `format`, such as "%d.%m.%Y"'
    elif field is not None and what == "not a number":
        form = f"1{field.groupChar}234{field.decimalChar}5; other marks need the field's `decimalChar` and `groupChar`"
    elif field is not None and what == "not a whole number":
        form = "1234"
    if field is not None and form:
        words = ", ".join(map(_yaml, (*records.source.missing_values, *_no_values(records, reason, field.name))))
        return f" (expected {form}; words for no value belong in `missing_values: [{words}]`)"
    if field is not None and what == _NOT_ALLOWED:
        allowed = f"allowed: {listed(map(str, field.constraints.enum), 12)}"
        if 2 * count <= records.found:  # strays may be anything, people's data too
            return f" ({allowed})"
        rows = records.table.filter(records.table[REASON] == reason)
        return f" ({allowed}; in these rows {held(study.file, records, rows, name).rstrip('.')})"
    if field is not None and what.startswith("before ") and 2 * count > records.found:
        return " (most records: are the goal's two columns the wrong way round, `from` and `to`, or `of` and `column`?)"
    return ""


def _no_values(records: Records, reason: str, name: str) -> list[str]:
    """Return the words found in these rows where they may mean that there is no value, else an example."""
    rows = records.left_out.filter(records.left_out[REASON] == reason)
    texts = rows.select(word=rows[name].cast("string").strip())
    words = texts.group_by("word").agg(n=texts.count())
    found = fetch(words.order_by(words.n.desc(), words.word).limit(KINDS_OF_WORDS + 1))
    told = [row["word"] for row in found if row["word"] and may_mean_missing(row["word"], row["n"])]
    return told if told and len(told) == len(found) <= KINDS_OF_WORDS else ["未知"]


def _yaml(text: str) -> str:
    return (
        text
        if re.fullmatch(r"[^\W\d_]+", text) and text.casefold() not in ("null", "true", "false")
        else json.dumps(text, ensure_ascii=False)
    )


def _conclusion(sources: list[Records], beyond: list[Records], not_met: int) -> str:
    rejected, found = sum(r.rejected for r in sources), sum(r.found for r in sources)
    if beyond:
        return f"Not ready: {', '.join(r.name for r in beyond)} has too many rejected records."
    if rejected:
        left_out = "the rejected one counts" if rejected == 1 else f"the {rejected} rejected ones count"
        told = f"{found - rejected} of {counted(found, 'record')} are accepted; {left_out} nowhere."
    else:
        told = "the one record is accepted." if found == 1 else f"all {found} records are accepted."
    if not not_met:
        return f"Ready: {told}"
    stand = "stands" if not_met == 1 else "stand"
    asked = f"{counted(not_met, 'value')} that the study asks for {stand} in no record (above)"
    return f"Look again: {asked}. {told[0].upper()}{told[1:]}"


def _share(tally: Tally) -> str:
    share = 100 * tally.rejected_share
    return f"{share:.2g} %" if share < 10 else f"{share:.0f} %"


def _near(path: Path) -> Path:
    """Return the path as seen from here, where it lies below."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _places(study: OpenStudy, records: Records) -> list[Path]:
    """Return where rejected rows may be written: below the study's folder, else below the home folder."""
    folders = (study.file.folder / ".evalkit", Path.home() / ".local" / "state" / "evalkit" / study.file.id)
    return [folder / "rejected" / f"{records.name}.csv" for folder in folders]


def write_rejected(study: OpenStudy, records: Records) -> tuple[Path, int]:
    """Write the rejected rows where only the user can read them, and no version control takes them along.

    Returns the file and how many rows are in it.

    Raises RecordsError when there is no place to write.
    """
    for path in _places(study, records):
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            (path.parent / ".gitignore").write_text("*\n", encoding="utf-8")
            return path, records.write_rejected(path)
        except OSError:
            continue
    raise RecordsError(
        f"source '{records.name}': its rejected rows could not be written, neither below {study.file.folder} nor below "
        f"{Path.home()}; make one of them writable."
    )


def forget_rejected(study: OpenStudy, records: Records) -> None:
    """Remove the rejected rows of an earlier check, now that there are none."""
    for path in _places(study, records):
        with suppress(OSError):
            path.unlink(missing_ok=True)
