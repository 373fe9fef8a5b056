"""What the command line says when something is wrong, and the exit code it answers with."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from evalkit.errors import EvalkitError, printable

if TYPE_CHECKING:
    from evalkit.publish.due import Attempt
    from evalkit.publish.watch import Watch
    from evalkit.results import GoalResult, ScopesResult, StudyResult

NOT_EVALUABLE = 3
INTERRUPTED, PIPE_CLOSED = 130, 141  # as shells number the signals
_GRAVEST_FIRST = (1, 2, 5, 4, 6, 3, 0)
_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOENT)

_followed: list[Watch] = []


def say(text: str) -> None:
    """Write a sentence to stderr, or to the log of the run that is followed where it keeps one."""
    for watch in _followed:
        watch.say(printable(text))
    if not any(watch.log for watch in _followed):
        print(f"evalkit: {printable(text)}", file=sys.stderr)


def tell(error: Exception, of: str = "") -> int:
    """Say what went wrong, a plain sentence each, `of` which period, and return the exit code."""
    if "--debug" in sys.argv:
        traceback.print_exception(error)
    if isinstance(error, EvalkitError):
        for message in error.messages:
            say(of + message)
        return error.exit_code
    if isinstance(error, typer.Abort):
        say("stopped.")
        return INTERRUPTED
    if isinstance(error, typer.TyperException):
        if len(sys.argv) == 1:
            print(error.format_message(), file=sys.stderr)
        else:
            told = error.format_message().replace("Value error, ", "").rstrip(".")
            say(f"{told}. `evalkit --help` and `evalkit COMMAND --help` list what there is.")
        return 2
    if isinstance(error, BrokenPipeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is still to be flushed goes nowhere
        return PIPE_CLOSED
    if isinstance(error, OSError) and error.strerror and error.filename:
        say(f"{of}{error.filename}: {error.strerror}.")
        return 2 if error.errno in _REFUSED else 1
    # the message is kept back, for it may quote a record
    own = Path(__file__).parent
    frames = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).is_relative_to(own)]
    place = f"in {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else "outside its own files"
    say(
        f"{of}a fault of evalkit itself: {type(error).__name__} {place}; run again with --debug for the details and "
        "report them."
    )
    return 1


def not_evaluable(result: StudyResult) -> int:
    """Say which of the result's goals could not be evaluated and why; return the exit code."""
    code = 0
    for goal in result.goals:
        if goal.verdict == "not_evaluable":
            reasons = [flag.message for flag in goal.flags if flag.severity == "serious"]
            say(f"goal '{goal.id}' is not evaluable in {result.period}: {' '.join(reasons)}{_where_mends([goal])}")
            code = NOT_EVALUABLE
    return code


def not_evaluable_anywhere(result: ScopesResult) -> int:
    """Say which goals could be evaluated in no scope and why; return the exit code."""
    code = 0
    goals = {goal.id: goal for scope in result.scopes for goal in scope.goals}
    if not goals:
        say(f"no {result.by} has enough records in {result.period} to be shown.")
        return NOT_EVALUABLE
    for name in goals:
        found = [goal for scope in result.scopes for goal in scope.goals if goal.id == name]
        if all(goal.verdict == "not_evaluable" for goal in found):
            reasons = dict.fromkeys(f.message for goal in found for f in goal.flags if f.severity != "caution")
            told = f"{' '.join(reasons)}{_where_mends(found)}"
            say(f"goal '{name}' is not evaluable for any {result.by} in {result.period}: {told}")
            code = NOT_EVALUABLE
    return code


def _where_mends(goals: Sequence[GoalResult]) -> str:
    """Return where the mend is told, where records are in the way: `check` sees the values."""
    blocked = any(flag.code == "too_many_rejected" for goal in goals for flag in goal.flags)
    return " `evalkit check` says which, why, and what would mend it." if blocked else ""


def follow(attempts: Callable[[Watch, Any], Iterator[Attempt]], watch: Watch, notify: str | None) -> int:
    """Go through a run's attempts, tell what becomes of each and then the notifier; return the gravest exit code."""
    from evalkit.publish import watch as watching
    from evalkit.terminal import progress_of_pages

    codes: list[int] = []
    _followed.append(watch)
    try:
        with progress_of_pages(watch) as progress:
            codes.extend(_code(attempt, watch) for attempt in attempts(watch, progress))
        if not codes and watch.nothing:
            print(watch.nothing)
    except Exception as error:
        codes.append(tell(error))
    try:
        code = min(codes, key=_GRAVEST_FIRST.index, default=0)
        outcome = watch.close(code)
        failed = watching.notify(notify, outcome) if notify else None
        if failed:
            say(f"{failed}; the run itself was not affected.")
    finally:
        _followed.clear()
    return code


def _code(attempt: Attempt, watch: Watch) -> int:
    watch.ended(attempt)
    if attempt.waits:
        print(f"{attempt.period}: {attempt.waits}", flush=True)
        return 0
    if attempt.report is None:
        return tell(attempt.error or RuntimeError(), f"{attempt.period}: ")
    print(f"{attempt.period}: {attempt.status}. {attempt.report.index}", flush=True)
    return not_evaluable(attempt.report.result)
