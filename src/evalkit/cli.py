"""The command line. Each command parses, calls one function and answers with the contract's exit code."""

from __future__ import annotations

import gc
import io
import os
import re
import sys
from collections.abc import Iterator
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evalkit.errors import ParameterError, VerificationError
from evalkit.told import (
    INTERRUPTED,
    NOT_EVALUABLE,
    PIPE_CLOSED,
    follow,
    not_evaluable,
    not_evaluable_anywhere,
    say,
    tell,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.evaluation.history import StudyHistory
    from evalkit.periods import Window
    from evalkit.publish.due import Attempt
    from evalkit.publish.runner import Progress
    from evalkit.results import ScopesResult
    from evalkit.session import OpenStudy

app = typer.Typer(
    name="evalkit",
    help="Evaluate service commitments: did it happen, was it the measures, how sure are we?",
    epilog="--debug, anywhere, shows the traceback of an error.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

StudyOption = Annotated[
    str | None,
    typer.Option(
        "--study",
        metavar="FILE",
        help="Study file or folder. Default: data/study.yaml here or above, or study.yaml here.",
    ),
]
_PERIOD = typer.Option("--period", metavar="P", help="2025-Q4, 2025-10, 2025-H2, 2025 or 2025-10-01/2025-12-31.")
PeriodOption = Annotated[str, _PERIOD]
AsOfOption = Annotated[
    str | None, typer.Option("--as-of", metavar="DATE", help="Data cut-off. Default: the end of the period.")
]

PeriodChoice = Annotated[
    str | None, typer.Option("--period", metavar="P", help="2025-Q4, 2025-10, 2025-H2, 2025 or 2025-10-01/2025-12-31.")
]
OutOption = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the reports.")]


class LanguageName(StrEnum):
    """A language of the published pages."""

    en = "en"
    zh = "zh"


def main() -> None:
    """Run the command line; every foreseen error is a plain sentence on stderr and an exit code."""
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that lacks a character is no reason to fail
    # a command ends soon, and building queries makes millions of short-lived objects: looking for cycles among them
    # takes a tenth of its time
    gc.disable()
    try:
        code = app(args=arguments, standalone_mode=False)
        sys.stdout.flush()
    except Exception as error:
        sys.exit(tell(error))
    except SystemExit:  # what reads our output has closed it
        sys.exit(PIPE_CLOSED)
    except KeyboardInterrupt:
        say("stopped.")
        sys.exit(INTERRUPTED)
    sys.exit(code if isinstance(code, int) else 0)


def _open(study: str | None) -> OpenStudy:
    from evalkit.session import open_study

    return open_study(study)


@app.command()
def evaluate(
    period: Annotated[str | None, _PERIOD] = None,
    goal: Annotated[str | None, typer.Option("--goal", metavar="ID", help="Show this goal only.")] = None,
    study: StudyOption = None,
    as_of: AsOfOption = None,
    json: Annotated[bool, typer.Option("--json", help="Print results.json alone on stdout.")] = False,
    all_periods: Annotated[
        bool, typer.Option("--all-periods", help="Every period of the programme so far, from one reading.")
    ] = False,
    by: Annotated[
        str | None, typer.Option("--by", metavar="FIELD", help="In every scope: each value of this field.")
    ] = None,
) -> int:
    """Evaluate a period without notebooks, or all of them: a table, or JSON."""
    if all_periods and period is not None:
        raise ParameterError("evaluate asks for one of two: a period (--period 2025-Q4), or --all-periods.")
    opened = _open(study)
    if not all_periods and period is None:
        whole = opened.file.periods(date.today())
        last = f"the last whole one is --period {whole[-1]}" if whole else "none has ended yet"
        raise ParameterError(f"evaluate asks for one of two: a period ({last}), or --all-periods.")
    if by is not None:
        scopes = opened.evaluate_by(by, period=period, goal=goal, as_of=as_of)
        return _scopes(opened, scopes, json, all_periods, 0 if goal else len(opened.file.indicators))
    if period is None:
        return _history(opened, opened.evaluate_all(goal=goal, as_of=as_of), json)
    result = opened.evaluate_period(period, goal=goal, as_of=as_of)
    if json:
        _print_json(opened.with_provenance(result).to_dict())
    else:
        from evalkit.terminal import evaluation_table

        evaluation_table(result)
    return not_evaluable(result)


def _print_json(value: object) -> None:
    from evalkit.publish.serialise import to_json

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # JSON is UTF-8 whatever the terminal is
    sys.stdout.write(to_json(value))


def _scopes(opened: OpenStudy, results: Sequence[ScopesResult], json: bool, all_periods: bool, indicators: int) -> int:
    if json:
        told = [opened.with_provenance(result).to_dict() for result in results]
        _print_json({"schema": 1, "study": opened.file.id, "periods": told} if all_periods else told[0])
    else:
        from evalkit.terminal import scopes_table

        for result in results:
            scopes_table(result, indicators if result is results[-1] else 0)
    return max(not_evaluable_anywhere(result) for result in results)


def _history(opened: OpenStudy, results: StudyHistory, json: bool) -> int:
    if json:
        periods = [opened.with_provenance(result).to_dict() for result in results]
        _print_json({"schema": 1, "study": opened.file.id, "periods": periods})
    else:
        from evalkit.terminal import history_table

        history_table(results)
    return max(not_evaluable(result) for result in results)


@app.command()
def check(study: StudyOption = None, as_of: AsOfOption = None) -> int:
    """Validate study and records; print what was rejected and why."""
    from evalkit.checked import check_report
    from evalkit.periods import parse_date

    opened = _open(study)
    cutoff = parse_date(as_of, "the data cut-off") if as_of else None
    return NOT_EVALUABLE if check_report(opened, cutoff) else 0


@app.command()
def run(
    period: PeriodChoice = None,
    due: Annotated[bool, typer.Option("--due", help="Every finished period that is not published or changed.")] = False,
    study: StudyOption = None,
    out: OutOption = Path("reports"),
    language: Annotated[LanguageName, typer.Option("--language", help="Language of the pages.")] = LanguageName.en,
    jobs: Annotated[
        int | None, typer.Option("--jobs", metavar="N", min=1, help="Notebooks at once. Default: the cores.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Publish again even when nothing has changed.")] = False,
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", metavar="DATE", help="Data cut-off; with --due the last finished day (yesterday)."),
    ] = None,
    notebooks: Annotated[Path | None, typer.Option("--notebooks", metavar="DIR", help="Own notebooks.")] = None,
    timeout: Annotated[int, typer.Option("--timeout", metavar="SECONDS", min=1, help="Limit of one notebook.")] = 600,
    kernel: Annotated[str | None, typer.Option("--kernel", metavar="NAME", help="Jupyter kernel.")] = None,
    pdf: Annotated[bool, typer.Option("--pdf", help="Each page as PDF too; needs Chromium.")] = False,
    log_json: Annotated[bool, typer.Option("--log-json", help="JSON, an event a line, on stderr.")] = False,
    notify: Annotated[
        str | None,
        typer.Option(
            "--notify", metavar="COMMAND", help="Run this, without a shell, with the outcome as JSON on its stdin."
        ),
    ] = None,
) -> int:
    """Execute the notebooks and publish a period's report, or every one that is due."""
    from evalkit.publish import watch

    if due == (period is not None):
        raise ParameterError("Give either --period P or --due.")

    def attempts(seen: watch.Watch, progress: Progress) -> Iterator[Attempt]:
        from evalkit.publish.due import publish_due, publish_one
        from evalkit.publish.inputs import KERNEL, Settings

        settings = Settings(
            out=out,
            language=language.value,
            jobs=jobs,
            force=force,
            notebooks=notebooks,
            timeout=timeout,
            kernel=kernel or KERNEL,
            progress=progress,
            as_pdf=pdf,
        )
        if period is not None:
            seen.begin(period)
            return publish_one(study, period, settings, as_of=as_of)
        return publish_due(study, settings, as_of=as_of, begin=seen.begin, idle=seen.idle)

    return follow(attempts, watch.Watch(log=log_json), notify)


@app.command()
def verify(
    period: PeriodOption,
    study: StudyOption = None,
    out: OutOption = Path("reports"),
    notebooks: Annotated[Path | None, typer.Option("--notebooks", metavar="DIR", help="Own notebooks.")] = None,
) -> int:
    """Recompute a published period; say whether every number is the same, and what was altered."""
    from evalkit.publish.verify import verify
    from evalkit.terminal import verified_report

    found = verify(study, period, out=out, notebooks=notebooks)
    verified_report(found, say)
    if found.problems:
        return VerificationError.exit_code
    return tell(found.error) if found.error else 0


@app.command()
def diff(
    a: Annotated[str, typer.Argument(metavar="A", help="A published period, or an issue of it: 2026-Q2@1.")],
    b: Annotated[str, typer.Argument(metavar="B", help="What to compare it with.")],
    out: OutOption = Path("reports"),
    json: Annotated[bool, typer.Option("--json", help="Print all that differs as JSON.")] = False,
) -> int:
    """Compare two published periods or issues: verdicts, estimates, records, study, code."""
    from evalkit.publish import issues
    from evalkit.publish.serialise import to_json
    from evalkit.terminal import difference_table

    facts = issues.compare(issues.find(out, a), issues.find(out, b))
    if json:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8", newline="\n")
        sys.stdout.write(to_json(facts))
    else:
        difference_table(facts)
    return 0


@app.command()
def power(study: StudyOption = None) -> int:
    """Say what each goal's data can show: detectable change, periods still needed."""
    from evalkit.evaluation.planning import assumptions
    from evalkit.terminal import power_table

    opened = _open(study)
    power_table(opened.plan(), assumptions(opened.file))
    return 0


@app.command()
def simulate(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to write the bank to.")],
    records: Annotated[int | None, typer.Option("--records", metavar="N", min=1000, help="Process records.")] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="S", min=0, help="Same seed, same bytes.")] = 7,
) -> int:
    """Write a bank with known truth: records, study file, truth.json."""
    from evalkit.simulate import simulate as write

    write(out, records=records, seed=seed)
    print(f"Wrote a simulated bank to {out}: try  evalkit evaluate --study {out} --period 2025-Q4")
    return 0


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the study; made where it is not there.")],
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILES…]",
            help="CSV, CSV.gz, Parquet or Excel files, folders or globs of them (the same columns make one source), or "
            "CONNECTION::TABLE. Default: the files in DIR and below it.",
        ),
    ] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(
            "--target",
            metavar="ID=-20%",
            help="What was promised: ID=-20% a relative change, ID=+0.2 a difference (of a share ID=+5pp), ID>=0.9 or "
            "ID<=48 a level.",
        ),
    ] = None,
    baseline: Annotated[
        str | None, typer.Option("--baseline", metavar="START/END", help="The days before the programme.")
    ] = None,
    programme_start: Annotated[
        str | None, typer.Option("--programme-start", metavar="DATE", help="The programme's first day.")
    ] = None,
    frequency: Annotated[str, typer.Option("--frequency", help="month, quarter, half-year or year.")] = "quarter",
    timezone: Annotated[str, typer.Option("--timezone", metavar="ZONE", help="Of times without an offset.")] = "UTC",
) -> int:
    """Write a commented study file from your own files; targets are yours, none is invented."""
    from evalkit.periods import parse_date
    from evalkit.started import asked_for_target, started_report
    from evalkit.starter import start

    span = _span(baseline) if baseline else None
    started = start(
        folder,
        files or (),
        targets=target or (),
        baseline=(span.start, span.end) if span else None,
        programme_start=parse_date(programme_start, "--programme-start") if programme_start else None,
        frequency=frequency,
        timezone=timezone,
        ask=asked_for_target if someone_answers() and not target else None,
    )
    started_report(started)
    return 0


def _span(text: str) -> Window:
    from evalkit.periods import parse_period

    try:
        return parse_period(text).window
    except ParameterError as error:
        days = re.findall(r"(\d{4})\D(\d{1,2})\D(\d{1,2})", text)
        meant = "/".join(f"{year}-{month:0>2}-{day:0>2}" for year, month, day in days)
        if meant == text:
            raise
        example = meant if len(days) == 2 else "2024-03-01/2025-05-31"
        raise ParameterError(f"--baseline '{text}': expected START/END, such as {example}. {error}") from None


def someone_answers() -> bool:
    """Return whether a question would reach a person: a notebook gives its commands a terminal that nobody sits at."""
    return sys.stdin.isatty() and sys.stdout.isatty() and "JPY_PARENT_PID" not in os.environ


def _print_version(wanted: bool) -> None:
    if wanted:
        from evalkit import __version__

        print(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Take the options that stand before a command."""
