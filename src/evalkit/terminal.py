"""What the command line prints: tables of results, what `check` found, progress."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from evalkit.errors import RecordsError
from evalkit.results import Evaluation, StudyResult

if TYPE_CHECKING:
    from evalkit.records import Records
    from evalkit.session import OpenStudy

MARKS = {"achieved": "✔", "not_achieved": "✘", "inconclusive": "?", "not_evaluable": "–", None: " "}
SHOWN_ROWS = 20


def evaluation_table(result: StudyResult) -> None:
    """Print goals and indicators as a table, then each goal's cautions."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    print(f"{result.study}, {result.period}, records up to {result.as_of}")
    table = Table("Goal", "Window", "Before", "After", "Estimate", "Interval", "Target", "Verdict", box=None, pad_edge=False)
    for goal in (*result.goals, *result.indicators):
        table.add_row(Text(goal.id), "period", *_cells(goal.period), _verdict(goal.verdict))
        if goal.target is not None and goal.to_date is not None:
            table.add_row("", "to date", *_cells(goal.to_date), _verdict(goal.to_date.verdict))
    Console(width=None if sys.stdout.isatty() else 140, highlight=False).print(table)
    for goal in result.goals:
        for flag in goal.flags:
            if flag.severity != "info":
                print(f"{goal.id}: {flag.code}: {flag.message}")


def _cells(evaluation: Evaluation) -> tuple[str, ...]:
    effect = evaluation.effect
    before = evaluation.before.value if evaluation.before else None
    after = evaluation.after.value if evaluation.after else None
    return (
        _number(before),
        _number(after),
        _number(effect.estimate) if effect else "–",
        f"{_number(effect.low)} to {_number(effect.high)}" if effect else "–",
        _number(evaluation.target_value),
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _verdict(verdict: str | None) -> str:
    return f"{MARKS[verdict]} {verdict.replace('_', ' ')}" if verdict else ""


def check_report(study: OpenStudy, as_of: date | None) -> bool:
    """Validate every source, print what was found; return whether some source is above `max_rejected`.

    Raises RecordsError telling every problem of every source at once.
    """
    sources = study.open_all()
    file = study.file
    print(f"study '{file.id}': {len(file.goals)} goals, {len(file.indicators)} indicators, {len(file.sources)} sources: the file is valid.")
    beyond = False
    for records in sources:
        beyond |= records.too_many_rejected
        _print_source(study, records, as_of)
    return beyond


def _print_source(study: OpenStudy, records: Records, as_of: date | None) -> None:
    from evalkit.evaluation.series import first_and_last

    first, last = first_and_last(records)
    dated = f", dated {first} to {last}" if first else ", none dated"
    print(f"source '{records.name}': {records.found} records in {len(records.files)} file(s){dated}")
    if as_of is not None and (late := records.after(as_of)):
        print(f"  {late} records dated after {as_of} do not count at that cut-off")
    if not records.rejected:
        return
    limit = f"the study allows {100 * records.source.max_rejected:g} %"
    print(f"  {records.rejected} rejected ({100 * records.rejected_share:.2f} %, {limit}):")
    for reason, count in records.reasons.items():
        print(f"    {count:>8}  {reason}")
    for row in list(records.rejected_rows(SHOWN_ROWS)):
        key = f", {records.source.key} {row.key!r}" if row.key is not None else ""
        print(f"    {row.file} row {row.row}{key}: {row.reason}")
    if records.rejected > SHOWN_ROWS:
        print(f"    … and {records.rejected - SHOWN_ROWS} more")
    path = write_rejected(study, records)
    if path is not None:
        print(f"  all rejected rows with their values (for your eyes only): {path}")
    if records.too_many_rejected:
        message = f"source '{records.name}' is above max_rejected: {100 * records.rejected_share:.2f} % rejected, {limit}; its goals are not evaluable"
        print(f"evalkit: {message}.", file=sys.stderr)


def write_rejected(study: OpenStudy, records: Records) -> Path | None:
    """Write the rejected rows below the study's folder, or the user's state folder where that is read-only."""
    for folder in (study.file.folder / ".evalkit", Path.home() / ".local" / "state" / "evalkit" / study.file.id):
        path = folder / "rejected" / f"{records.name}.csv"
        try:
            records.write_rejected(path)
        except OSError:
            continue
        return path
    raise RecordsError(
        f"source '{records.name}': its rejected rows could not be written below {study.file.folder} nor in the home folder."
    )


@contextmanager
def progress_of_pages() -> Iterator[Callable[[str, int, int], None]]:
    """Yield a function (page, done, of all): a bar on a terminal, plain lines elsewhere, both on stderr."""
    if not sys.stderr.isatty():
        yield lambda page, done, of: print(f"{done}/{of} {page}", file=sys.stderr, flush=True)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("pages", total=None)

        def tell(page: str, done: int, of: int) -> None:
            bar.update(task, description=page, completed=done, total=of)

        yield tell
