"""The command line. Each command parses, calls one function and answers with the contract's exit code."""

from __future__ import annotations

import errno
import gc
import io
import os
import sys
import traceback
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evalkit.errors import EvalkitError

if TYPE_CHECKING:
    from evalkit.results import StudyResult
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
    typer.Option("--study", metavar="FILE", help="Study file or folder. Default: data/study.yaml here or above."),
]
PeriodOption = Annotated[
    str, typer.Option("--period", metavar="P", help="2025-Q4, 2025-10, 2025-H2, 2025 or 2025-10-01/2025-12-31.")
]
AsOfOption = Annotated[
    str | None, typer.Option("--as-of", metavar="DATE", help="Data cut-off. Default: the end of the period.")
]

NOT_EVALUABLE = 3
INTERRUPTED, PIPE_CLOSED = 130, 141  # as shells number the signals


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
        if "--debug" in sys.argv:
            traceback.print_exc()
        sys.exit(_told(error))
    except SystemExit:  # what reads our output has closed it
        sys.exit(PIPE_CLOSED)
    except KeyboardInterrupt:
        _say("stopped.")
        sys.exit(INTERRUPTED)
    sys.exit(code if isinstance(code, int) else 0)


def _told(error: Exception) -> int:
    """Say what went wrong, a plain sentence each, and return the exit code."""
    if isinstance(error, EvalkitError):
        for message in error.messages:
            _say(message)
        return error.exit_code
    if isinstance(error, typer.Abort):
        _say("stopped.")
        return INTERRUPTED
    if isinstance(error, typer.TyperException):
        if len(sys.argv) == 1:
            print(error.format_message(), file=sys.stderr)
        else:
            told = error.format_message().replace("Value error, ", "").rstrip(".")
            _say(f"{told}. `evalkit --help` and `evalkit COMMAND --help` list what there is.")
        return 2
    if isinstance(error, BrokenPipeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is still to be flushed goes nowhere
        return PIPE_CLOSED
    if isinstance(error, OSError) and error.strerror and error.filename:
        _say(f"{error.filename}: {error.strerror}.")
        return 2 if error.errno in _REFUSED else 1
    # the message is kept back, for it may quote a record
    own = Path(__file__).parent
    frames = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).is_relative_to(own)]
    frame = frames[-1]
    _say(
        f"a fault of evalkit itself: {type(error).__name__} in {Path(frame.filename).name}, line {frame.lineno}; run "
        "again with --debug for the details and report them."
    )
    return 1


_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOENT)


def _say(text: str) -> None:
    print(f"evalkit: {text}", file=sys.stderr)


def _open(study: str | None) -> OpenStudy:
    from evalkit.session import open_study

    return open_study(study)


def _report_not_evaluable(result: StudyResult) -> int:
    """Say which of the result's goals could not be evaluated and why; return the exit code."""
    code = 0
    for goal in result.goals:
        if goal.verdict == "not_evaluable":
            reasons = [flag.message for flag in goal.flags if flag.severity == "serious"]
            _say(f"goal '{goal.id}' is not evaluable in {result.period}: {' '.join(reasons)}")
            code = NOT_EVALUABLE
    return code


@app.command()
def evaluate(
    period: PeriodOption,
    goal: Annotated[str | None, typer.Option("--goal", metavar="ID", help="Show this goal only.")] = None,
    study: StudyOption = None,
    as_of: AsOfOption = None,
    json: Annotated[bool, typer.Option("--json", help="Print results.json alone on stdout.")] = False,
) -> int:
    """Evaluate a period without notebooks: a table, or JSON."""
    opened = _open(study)
    result = opened.evaluate_period(period, goal=goal, as_of=as_of)
    if json:
        from evalkit.publish.serialise import to_json

        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # JSON is UTF-8 whatever the terminal is
        sys.stdout.write(to_json(opened.with_provenance(result).to_dict()))
    else:
        from evalkit.terminal import evaluation_table

        evaluation_table(result)
    return _report_not_evaluable(result)


@app.command()
def check(study: StudyOption = None, as_of: AsOfOption = None) -> int:
    """Validate study and records; print what was rejected and why."""
    from evalkit.periods import parse_date
    from evalkit.terminal import check_report

    opened = _open(study)
    cutoff = parse_date(as_of, "the data cut-off") if as_of else None
    return NOT_EVALUABLE if check_report(opened, cutoff) else 0


@app.command()
def run(
    period: PeriodOption,
    study: StudyOption = None,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the reports.")] = Path("reports"),
    language: Annotated[LanguageName, typer.Option("--language", help="Language of the pages.")] = LanguageName.en,
    jobs: Annotated[
        int | None, typer.Option("--jobs", metavar="N", min=1, help="Notebooks at once. Default: the cores.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Publish again even when nothing has changed.")] = False,
    as_of: AsOfOption = None,
    notebooks: Annotated[Path | None, typer.Option("--notebooks", metavar="DIR", help="Own notebooks.")] = None,
    timeout: Annotated[int, typer.Option("--timeout", metavar="SECONDS", min=1, help="Limit of one notebook.")] = 600,
    kernel: Annotated[str | None, typer.Option("--kernel", metavar="NAME", help="Jupyter kernel.")] = None,
) -> int:
    """Execute the notebooks and publish a period's report."""
    from evalkit.publish import publish
    from evalkit.study import find
    from evalkit.terminal import progress_of_pages

    with progress_of_pages() as progress:
        published = publish(
            find(study),
            period,
            out=out,
            as_of=as_of,
            language=language.value,
            jobs=jobs,
            force=force,
            notebooks=notebooks,
            timeout=timeout,
            kernel=kernel,
            progress=progress,
        )
    print(f"{published.period}: {published.status}. {published.index}")
    return _report_not_evaluable(published.result)


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
