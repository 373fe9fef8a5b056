"""What the command line prints: tables of results, what `check` found, progress."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

from evalkit import formats
from evalkit.errors import RecordsError, printable
from evalkit.results import Evaluation, GoalResult, ScopesResult, StudyResult

if TYPE_CHECKING:
    from evalkit.evaluation.history import StudyHistory
    from evalkit.evaluation.planning import GoalPower
    from evalkit.publish.runner import Outcome, Progress
    from evalkit.publish.verify import Verified
    from evalkit.publish.watch import Watch
    from evalkit.records import Records
    from evalkit.session import OpenStudy
    from evalkit.starter.propose import Metric
    from evalkit.starter.start import Started

MARKS = {"achieved": "✔", "not_achieved": "✘", "inconclusive": "~", "not_evaluable": "–", None: " "}
SHOWN_ROWS = 20


def evaluation_table(result: StudyResult) -> None:
    """Print goals and indicators as a table, then each goal's cautions."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    print(f"{result.study}, {result.period}, cut-off {result.as_of}")
    columns = ("Goal", "Window", "Before", "After", "Estimate", "Interval", "Target", "Verdict")
    table = Table(*columns, box=None, pad_edge=False)
    for goal in (*result.goals, *result.indicators):
        table.add_row(Text(goal.id), "period", *_cells(goal, goal.period), _verdict(goal.verdict))
        if goal.target is not None and goal.to_date is not None:
            table.add_row("", "to date", *_cells(goal, goal.to_date), _verdict(goal.to_date.verdict))
    Console(width=None if sys.stdout.isatty() else 140, highlight=False).print(table)
    for goal in result.goals:
        for flag in goal.flags:
            if flag.severity != "info":
                print(f"{goal.id}: {flag.code}: {flag.message}")


def history_table(results: StudyHistory) -> None:
    """Print every goal and indicator period by period, a row each."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    print(f"{results[0].study}, {results[0].period} to {results[-1].period}, each up to its end")
    columns = ("Goal", "Period", "Before", "After", "Estimate", "Interval", "Target", "Verdict")
    table = Table(*columns, box=None, pad_edge=False)
    partly = False
    for goals in zip(*((*result.goals, *result.indicators) for result in results), strict=True):
        for result, goal in zip(results, goals, strict=True):
            name = goal.id if result is results[0] else ""
            cut = any(flag.code in ("partial_period", "phase_in_overlap") for flag in goal.flags)
            partly = partly or cut
            period = f"{result.period} *" if cut else result.period
            table.add_row(Text(name), period, *_cells(goal, goal.period), _verdict(goal.verdict))
    Console(width=None if sys.stdout.isatty() else 140, highlight=False).print(table)
    if partly:
        print("* not the whole period: `evaluate --period` says which days, and why.")
    if results.left_out:
        print(results.left_out)


def scopes_table(result: ScopesResult) -> None:
    """Print every goal in every scope of one period."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(
        "Goal",
        "Scope",
        "Before",
        "After",
        "Estimate",
        "Interval",
        "Target",
        "Verdict",
        box=None,
        pad_edge=False,
    )
    notes: dict[str, None] = {}
    for number, name in enumerate(dict.fromkeys(goal.id for scope in result.scopes for goal in scope.goals)):
        if number:
            table.add_section()
        for scope in result.scopes:
            for goal in scope.goals:
                if goal.id == name:
                    verdict, note = _verdict_of_scope(goal)
                    notes |= {note: None} if note else {}
                    label = "(none)" if scope.scope is None else printable(str(scope.scope))
                    table.add_row(Text(name), Text(label), *_cells(goal, goal.period), verdict)
    print(f"{result.period}, cut-off {result.as_of}; verdicts hold over all goals and scopes together")
    Console(width=None if sys.stdout.isatty() else 140, highlight=False).print(table)
    for note in notes:
        print(note)
    if result.unnamed:
        few = "value has so few records that it is" if result.unnamed == 1 else "values have so few that they are"
        print(f"{result.unnamed} further {few} not named (of '{printable(result.by)}').")
    if result.not_split:
        print(f"Not split, their records have no field '{printable(result.by)}': {', '.join(result.not_split)}.")


def _verdict_of_scope(goal: GoalResult) -> tuple[str, str]:
    """Return the verdict of a row, and what is said once below the table of all rows marked like it."""
    for flag in goal.flags:
        if flag.code == "multiplicity":
            family = flag.figures["family"]
            told = (
                f"*: alone achieved; over the {family} goals and scopes together not shown (`inference.multiplicity`)."
            )
            return f"{_verdict(goal.verdict)} *", told
        if flag.code == "suppressed":
            mark = flag.figures.get("case", "suppressed")
            return mark, f"{mark}: {flag.message.removeprefix('Not shown').lstrip(':, ')}"
    return _verdict(goal.verdict), ""


def power_table(plans: Sequence[GoalPower], basis: str) -> None:
    """Print what each goal's data can show, then what the figures rest on."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = ("Target", "One period", "To date", "Truth: 5 points beyond", "Observed", "Assumed", "Still needed")
    table = Table("Goal", *shown, box=None, pad_edge=False)
    for plan in plans:
        cells = [_number(plan.target)]
        cells += [_number(found.detectable) if found else "–" for found in (plan.period, plan.to_date)]
        for truth, effect in (("beyond", plan.beyond), ("observed", plan.observed)):
            chances = [plan.at.get(f"{window}_{truth}") for window in ("period", "to_date")]
            told = ", ".join("–" if chance is None else f"{chance:.0%}" for chance in chances)
            cells.append("–" if effect is None else f"{_number(effect)}: {told}")
        periods = f"{plan.still} (has {plan.periods_done})" if plan.period else "–"
        table.add_row(Text(plan.goal), *cells, _number(plan.assumed), periods)
    Console(width=None if sys.stdout.isatty() else 140, highlight=False).print(table)
    for plan in plans:
        if plan.reason:
            print(f"{plan.goal}: {plan.reason}")
    print()
    legend = (
        "One period, To date: the true effect detectable there. Truth, Observed: the effect, then the probability of "
        f"`achieved` in one period and to date. Still needed: periods until Assumed is detectable to date. {basis}"
    )
    print(fill(legend, 110))


def _cells(goal: GoalResult, evaluation: Evaluation) -> tuple[str, ...]:
    effect = evaluation.effect
    before = evaluation.before.value if evaluation.before else None
    after = evaluation.after.value if evaluation.after else None
    shown = [effect.estimate, effect.low, effect.high] if effect else []
    rate = goal.kind == "rate"
    arms = _small("level", [before, after]) if rate else _number
    own = _small(evaluation.scale, [*shown, evaluation.target_value]) if rate else _number
    return (
        arms(before),
        arms(after),
        own(effect.estimate) if effect else "–",
        f"{own(effect.low)} to {own(effect.high)}" if effect else "–",
        own(evaluation.target_value),
    )


def _small(scale: str, values: Sequence[float | None]) -> Callable[[float | None], str]:
    """Return how rates are shown: as other numbers, but small ones per 1,000 or per million."""
    form = formats.quantity("rate", scale, values)
    return _number if scale == "ratio" or form.factor == 1 else form.text


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _verdict(verdict: str | None) -> str:
    return f"{MARKS[verdict]} {verdict.replace('_', ' ')}" if verdict else ""


def check_report(study: OpenStudy, as_of: date | None) -> bool:
    """Validate every source, print what was found; return whether some source is above `max_rejected`.

    Raises RecordsError telling every problem of every source at once, after printing the sources that can be read.
    """
    file = study.file
    sources, problems = study.open_each()
    parts = [(len(file.goals), "goal"), (len(file.indicators), "indicator"), (len(file.sources), "source")]
    told = ", ".join(_counted(n, word) for n, word in parts if n)
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
    _print_rates(study, sources)
    beyond = [records for records in sources if records.too_many_rejected]
    print()
    print(_conclusion(sources, beyond))
    if not file.goals:
        print("There is no goal yet; nothing will be evaluated.")
    for records in beyond:
        print(
            f"evalkit: source '{records.name}': {_share(records)} of its records were rejected, more than the "
            f"{100 * records.source.max_rejected:g} % the study allows (max_rejected), so its goals are not evaluable; "
            "mend the records, or the fields' constraints in the study file.",
            file=sys.stderr,
        )
    return bool(beyond)


def _print_rates(study: OpenStudy, sources: Sequence[Records]) -> None:
    """Print what each rate over a column counts, so that totals taken for single events are seen."""
    from evalkit.moments.terms import condition_of
    from evalkit.records.fetch import fetch

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
    print(f"  {_counted(records.found, 'record')} found" + (f", dated {first} to {last}" if first else ""))
    if not records.found:
        print("  there is nothing to evaluate: there are no records")
    if undated := records.undated():
        have, they = (
            ("has", "it belongs to no period and does") if undated == 1 else ("have", "they belong to no period and do")
        )
        print(f"  {undated} {have} no {records.source.time}, so {they} not count")
    if as_of is not None and (late := records.after(as_of)):
        verbs = ("is", "does") if late == 1 else ("are", "do")
        print(f"  {late} {verbs[0]} dated after the cut-off {as_of} and {verbs[1]} not count")
    if not records.rejected:
        forget_rejected(study, records)
        return
    limit = f"the study allows {100 * records.source.max_rejected:g} %"
    print(f"  {records.rejected} rejected ({_share(records)}; {limit}):")
    width = len(str(max(records.reasons.values())))
    for reason, count in records.reasons.items():
        print(printable(f"    {count:>{width}} × {reason}{_hint(reason, records, count)}"))
    print("  which rows (row 1 is the header):" if records.files else "  which rows:")
    for row in records.rejected_rows(SHOWN_ROWS):
        key = f" ({records.source.key} {row.key})" if row.key is not None else ""
        place = row.file if row.row is None else f"{row.file} row {row.row}"
        print(printable(f"    {place}{key}: {row.reason}"))
    if records.rejected > SHOWN_ROWS:
        print(f"    … and {records.rejected - SHOWN_ROWS} more")
    path, written = write_rejected(study, records)
    which = "all" if written == records.rejected else f"{written}"
    print(f"  {which} of them with their values, for your eyes only: {_near(path)}")


def _hint(reason: str, records: Records, count: int) -> str:
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
    if form:
        return f' (expected {form}; words for no value belong in `missing_values: ["", NA, 未知]`)'
    if field is not None and what.startswith("before ") and 2 * count > records.found:
        return " (most records: are the goal's two columns the wrong way round, `from` and `to`, or `of` and `column`?)"
    return ""


def _conclusion(sources: list[Records], beyond: list[Records]) -> str:
    rejected, found = sum(r.rejected for r in sources), sum(r.found for r in sources)
    if beyond:
        return f"Not ready: {', '.join(r.name for r in beyond)} has too many rejected records."
    if not rejected:
        return "Ready: the one record is accepted." if found == 1 else f"Ready: all {found} records are accepted."
    left_out = "the rejected one counts" if rejected == 1 else f"the {rejected} rejected ones count"
    return f"Ready: {found - rejected} of {_counted(found, 'record')} are accepted; {left_out} nowhere."


def _counted(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _share(records: Records) -> str:
    share = 100 * records.rejected_share
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


@contextmanager
def progress_of_pages(watch: Watch | None = None) -> Iterator[Progress]:
    """Yield what is told each page: a bar on a terminal, plain lines elsewhere, the events of a watch that logs."""
    if watch is not None and watch.log:
        yield watch.page
        return
    if not sys.stderr.isatty():
        yield lambda made, done, of: print(f"{done}/{of} {made.page}", file=sys.stderr, flush=True)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("pages", total=None)

        def tell(made: Outcome, done: int, of: int) -> None:
            bar.update(task, description=made.page, completed=done, total=of)

        yield tell


def verified_report(found: Verified, say: Callable[[str], None]) -> None:
    """Print what `verify` found: on stdout that all is the same, on stderr what is not."""
    for problem in found.problems[:SHOWN_ROWS]:
        say(problem)
    if len(found.problems) > SHOWN_ROWS:
        say(f"… and {len(found.problems) - SHOWN_ROWS} more differences.")
    since = f" ({'; '.join(found.since)})" if found.since else ""
    if not found.problems and found.error is None:
        print(f"{found.period}: all {found.numbers} numbers are the same, and nothing published was altered{since}.")
    elif found.problems and since:
        say(f"the likely reason, as to what was recomputed{since}.")


def difference_table(facts: Mapping[str, Any]) -> None:
    """Print two issues side by side: verdicts, estimates, records; then what they were made from."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from evalkit.publish.compare import shown

    sides = [f"{facts[side]['period']}@{facts[side]['issue']}" for side in ("old", "new")]
    heads = [f"{name} {side}" for name in ("Verdict", "Estimate", "Records") for side in sides]
    table = Table("Goal", "Window", *heads, box=None, pad_edge=False)
    for goal in facts["goals"]:
        for window, both in goal["windows"].items():
            if both != [None, None]:
                verdicts = goal["verdict"] if window == "period" else [one and one["verdict"] for one in both]
                cells = [*map(_verdict, verdicts), *map(_estimate, both), *map(_counts, both)]
                table.add_row(Text(goal["id"]), window.replace("_", " "), *map(Text, cells))
    Console(width=None if sys.stdout.isatty() else 180, highlight=False).print(table)
    cutoffs = [str(facts[side]["as_of"]) for side in ("old", "new")]
    print(f"Records up to: {cutoffs[0]}, {cutoffs[1]}" if cutoffs[0] != cutoffs[1] else f"Records up to: {cutoffs[0]}")
    changes = facts["study"]["changes"] or []
    print(f"Study file: {'the same' if facts['study']['same'] else 'differs'}")
    for change in changes:
        print(f"  {printable(change['key'])}: {printable(shown(change['old']))} → {printable(shown(change['new']))}")
    files = [printable(f"{one['source']} ({one['file']})") for one in facts["data"]]
    print(f"Record files: {'differ: ' + ', '.join(files) if files else 'the same'}")
    print(f"Code: {'the same' if facts['code']['same'] else 'differs'}")
    versions = [f"{one['key']} {shown(one['old'])} → {shown(one['new'])}" for one in facts["versions"]]
    print(f"Versions: {', '.join(versions) or 'the same'}")


def _estimate(figures: Mapping[str, Any] | None) -> str:
    if figures is None or figures["estimate"] is None:
        return "–"
    return f"{_number(figures['estimate'])} ({' to '.join(map(_number, figures['ci']))})"


def _counts(figures: Mapping[str, Any] | None) -> str:
    arms = [figures[f"records_{arm}"] for arm in ("before", "after")] if figures else []
    return " / ".join("–" if count is None else f"{count}" for count in arms) or "–"


def asked_for_target(metric: Metric) -> str:
    """Ask what was promised for something the records could measure; Enter leaves it out."""
    forms = "8h>=0.9, 30d>=85%" if "TIME" in metric.id else "-20%, +10%, +0.2, >=0.9, <=48"
    return input(f"{metric.id}: {metric.told}. Promised ({forms}; Enter: nothing): ")


def started_report(started: Started) -> None:
    """Print what `init` wrote, what it found, and what to do next."""
    from evalkit.starter.propose import untimed
    from evalkit.starter.study_text import doubtful, dwarfing, nearly_key, summed

    print(f"Wrote {started.study}.")
    for proposal in started.proposals:
        table, rows = proposal.table, max((column.rows for column in proposal.columns), default=0)
        rows = rows if table.total is None else table.total
        if proposal.time is None:
            print(printable(f"  {table.path}: left out, {untimed(proposal)}."))
            continue
        time = proposal.time if isinstance(proposal.time, str) else ", ".join(proposal.time)
        key = f"key '{proposal.key}'" if proposal.key else "no key"
        files = f" in {_counted(table.files, 'file')}" if table.files > 1 else ""
        print(printable(f"  {table.path}: {_counted(rows, 'record')}{files}, placed by '{time}', {key}."))
        for note in table.notes:
            print(printable(f"    {note}."))
        if proposal.nearly:
            print(printable(f"    '{proposal.nearly.name}' is {nearly_key(proposal.nearly)}."))
        if proposal.sums:
            print(printable(f"    {summed(proposal.sums)}."))
        for column in proposal.columns:
            if column.rows and column.missing == column.rows:
                mend = "; its formulas have no stored results: open the workbook in Excel and save it, then begin again"
                print(printable(f"    '{column.name}' is empty in every row{mend if table.sheet else ''}."))
            if column.ambiguous:
                print(printable(f"    '{column.name}': {doubtful(column)}."))
            if column.dwarfs:
                print(printable(f"    '{column.name}': {dwarfing(column)}. If that cannot be, give it a `maximum`."))
        if proposal.totals:
            print("    rows look like totals of many records, so a rate comes first; a mean of totals answers nothing.")
        for metric in proposal.metrics:
            print(f"    {metric.id}: {metric.told}")
        if mixes := dict.fromkeys(name for metric in proposal.metrics for name in metric.mixes):
            print(printable(f"    Does the mix of {' or '.join(mixes)} move? Then see `standardise_by` in the file."))
    for told in started.left:
        print(printable(f"  left alone: {told}."))
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
