"""What `init` prints: what it wrote, what it found in the records, what it asks, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from evalkit.errors import printable
from evalkit.terminal import counted

if TYPE_CHECKING:
    from evalkit.starter.propose import Metric
    from evalkit.starter.start import Started


def asked_for_target(metric: Metric) -> str:
    """Ask what was promised for something the records could measure; Enter leaves it out."""
    forms = "8h>=0.9, 30d>=85%" if "TIME" in metric.id else "-20%, +10%, +0.2, >=0.9, <=48"
    return input(f"{metric.id}: {metric.told}. Promised ({forms}; Enter: nothing): ")


def started_report(started: Started) -> None:
    """Print what `init` wrote, what it found, and what to do next."""
    from evalkit.starter.hints import clocks, months_across, one_column, turned
    from evalkit.starter.propose import untimed
    from evalkit.starter.study_text import doubtful, dwarfing, nearly_key, no_values, summed, unread

    print(f"Wrote {started.study}.")
    for proposal in started.proposals:
        table, rows = proposal.table, max((column.rows for column in proposal.columns), default=0)
        rows = rows if table.total is None else table.total
        if proposal.time is None:
            print(printable(f"  {table.path}: left out, {untimed(proposal)}."))
            if months := months_across(tuple(table.columns)):
                _print_code(turned(table, months))
            continue
        time = proposal.time if isinstance(proposal.time, str) else ", ".join(proposal.time)
        key = f"key '{proposal.key}'" if proposal.key else "no key"
        files = f" in {counted(table.files, 'file')}" if table.files > 1 else ""
        print(printable(f"  {table.path}: {counted(rows, 'record')}{files}, placed by '{time}', {key}."))
        for note in table.notes:
            print(printable(f"    {note}."))
        if proposal.lost:
            print(printable(f"    {proposal.lost.told()}. Name a `time` that every row has, if there is one."))
        if proposal.nearly:
            print(printable(f"    '{proposal.nearly.name}' is {nearly_key(proposal.nearly)}."))
        if proposal.sums:
            print(printable(f"    {summed(proposal.sums)}."))
        for column in proposal.columns:
            if column.rows and column.missing == column.rows:
                mend = "; its formulas have no stored results: open the workbook in Excel and save it, then begin again"
                print(printable(f"    '{column.name}' is empty in every row{mend if table.sheet else ''}."))
            if column.words:
                print(printable(f"    '{column.name}': {no_values(column)}."))
            if column.shape:
                print(printable(f"    '{column.name}' {unread(column)}."))
            if column.ambiguous:
                print(printable(f"    '{column.name}': {doubtful(column)}."))
            if column.dwarfs:
                print(printable(f"    '{column.name}': {dwarfing(column)}. If that cannot be, give it a `maximum`."))
        if proposal.totals:
            print("    rows look like totals of many records, so a rate comes first; a mean of totals answers nothing.")
        for metric in proposal.metrics:
            print(f"    {metric.id}: {metric.told}")
        if mixes := dict.fromkeys(name for metric in proposal.metrics for name in metric.mixes):
            told = f"    Does the mix of {' or '.join(mixes)} move? Then see `standardise_by` in the file"
            print(printable(f"{told} (for what is fixed before service only)."))
        for day, clock in clocks(proposal.columns):
            told, code = one_column(table, day, clock)
            print(printable(f"    {told}."))
            _print_code(code)
    for joined in started.joins:
        print(printable(f"  {joined.told}."))
        _print_code(joined.code)
    for told in started.left:
        print(printable(f"  left alone: {told}."))
    _print_copied(started)
    if started.assumed:
        first, last = started.assumed
        there = any(column.rows for proposal in started.proposals for column in proposal.columns)
        half = ", the first half of the months that the records cover," if there else ""
        print(
            f"ASSUMED, for nobody said when the programme began: {first} to {last}{half} is the time before it. Mend "
            "it under\n`calendar` in the file, or run init again into another folder with  --baseline START/END "
            "--programme-start DATE"
        )
    print(f"Read the file line by line, then try  evalkit check --study {started.study}")


def _print_code(lines: Sequence[str]) -> None:
    for line in lines:
        print(printable(f"        {line}"))


def _print_copied(started: Started) -> None:
    """Say that the study reads copies, which nothing brings up to date, and how it would read the originals."""
    if not started.copied:
        return
    from evalkit.starter.tables import WORKBOOKS

    place = started.study.parent / "records"
    print(printable(f"COPIES: the study reads copies in {place}; what you export next month is not in them."))
    given = [one for one in started.copied if one]
    files = [one for one in given if not one[1].lower().endswith(WORKBOOKS)]
    sheets = dict.fromkeys(name for _, name in given if name.lower().endswith(WORKBOOKS))
    if files:
        folder, name = files[0]
        which = "the original" if len(started.copied) == 1 else "originals"
        told = f"    To read {which} instead, set RECORDS={_from_here(folder)} in the environment and write  path: "
        print(printable(f'{told}"${{RECORDS}}/{name}"  in the study file.'))
        if others := dict.fromkeys(other for other, _ in files if other != folder):
            print(printable(f"    Those of {', '.join(map(str, others))} have a path of their own likewise."))
    for name in sheets:
        print(printable(f"    Of {name} the sheets are read from there alone: save each anew as CSV over its copy."))


def _from_here(folder: Path) -> str:
    """Return a folder as a shell here would take it: below this one without this machine's names."""
    here = Path.cwd()
    return f'"{Path("$PWD", folder.relative_to(here))}"' if folder.is_relative_to(here) else str(folder)
