"""What a run tells: JSON lines for a machine that reads the log, and its outcome for whoever wants to be told."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evalkit.publish.due import Attempt
    from evalkit.publish.runner import Outcome

NOTIFY_SECONDS = 60


class Watch:
    """Follows one run; `log` writes each event as a JSON object on a line of stderr."""

    def __init__(self, *, log: bool = False) -> None:
        self.log, self.messages = log, list[str]()
        self.period: str | None = None
        self.nothing = ""  # what is said where nothing was due
        self._began, self._started = time.monotonic(), datetime.now(UTC)
        self._periods: list[dict[str, Any]] = []
        self.event("run_started")

    def event(self, event: str, **facts: Any) -> None:
        """Write an event, when events are asked for."""
        if self.log:
            now = datetime.now(UTC).isoformat(timespec="milliseconds")
            print(json.dumps({"time": now, "event": event, **facts}, ensure_ascii=False), file=sys.stderr, flush=True)

    def say(self, text: str) -> None:
        """Take a sentence that is meant for the operator."""
        self.messages.append(text)
        self.event("message", period=self.period, message=text)

    def idle(self, text: str) -> None:
        """Take what to say where nothing turns out to be due."""
        self.nothing = text

    def begin(self, period: str) -> None:
        """Take notice of the period that is about to be published."""
        self.period = period
        self.event("period_started", period=period)

    def page(self, outcome: Outcome, _done: int, _of: int) -> None:
        """Take notice of a page that is made, or failed."""
        how = "failed" if outcome.failure else "done"
        self.event("page", period=self.period, page=outcome.page, seconds=round(outcome.seconds, 2), outcome=how)

    def ended(self, attempt: Attempt) -> None:
        """Take notice of what became of a period."""
        told: dict[str, Any] = {
            "period": attempt.period,
            "seconds": round(attempt.seconds, 2),
            "outcome": attempt.status,
        }
        self.event("period", **told)
        if attempt.report is not None:
            told |= {
                "issue": attempt.report.revision,
                "index": str(attempt.report.index),
                "verdicts": {goal.id: goal.verdict for goal in attempt.report.result.goals},
            }
        self._periods.append(told)

    def close(self, code: int) -> dict[str, Any]:
        """Return the run's outcome, as a notifier gets it."""
        seconds = round(time.monotonic() - self._began, 2)
        outcome = "done" if code == 0 else "not evaluable" if code == 3 else "failed"
        self.event("run", seconds=seconds, outcome=outcome, exit_code=code)
        return {
            "event": "run",
            "outcome": outcome,
            "exit_code": code,
            "started": self._started.isoformat(timespec="seconds"),
            "seconds": seconds,
            "periods": self._periods,
            "messages": self.messages,
        }


def notify(command: str, outcome: dict[str, Any]) -> str | None:
    """Run a command, without a shell, with the outcome as JSON on its stdin; return what went wrong, if anything."""
    try:
        text = json.dumps(outcome, ensure_ascii=False) + "\n"
        words = shlex.split(command)
        done = subprocess.run(words, input=text.encode(), capture_output=True, timeout=NOTIFY_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"the notifier '{command}' took longer than {NOTIFY_SECONDS} seconds and was ended"
    except (OSError, ValueError, IndexError) as error:
        return f"the notifier '{command}' could not be run: {getattr(error, 'strerror', None) or error}"
    return f"the notifier '{command}' ended with exit code {done.returncode}" if done.returncode else None
