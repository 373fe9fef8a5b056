"""What a run tells machines: events as JSON lines, the outcome on a notifier's stdin, the gravest exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from evalkit import told
from evalkit.errors import LockedError, NotebookError, RecordsError, StudyError, VerificationError
from evalkit.publish.due import ALL_PUBLISHED, Attempt
from evalkit.publish.runner import Outcome
from evalkit.publish.watch import Watch, notify

Errors = list[Exception]


def followed(errors: Errors, watch: Watch, command: str | None = None) -> int:
    """Follow a run in which one period after the other fails in these ways."""

    def attempts(seen: Watch, progress: Callable[..., None]) -> Iterator[Attempt]:
        seen.idle(ALL_PUBLISHED)
        for number, error in enumerate(errors):
            watch.begin(f"2025-Q{number + 1}")
            progress(Outcome(page="index", seconds=1.234, failure="it fell"), 1, 1)
            yield Attempt(period=f"2025-Q{number + 1}", seconds=2.0, error=error)

    return told.follow(attempts, watch, command)


@pytest.mark.parametrize(
    ("errors", "code"),
    [
        ([], 0),
        ([LockedError("held")], 6),
        ([LockedError("held"), NotebookError("fell")], 4),
        ([NotebookError("fell"), VerificationError("altered"), LockedError("held")], 5),
        ([NotebookError("fell"), RecordsError("gone")], 2),
        ([StudyError("wrong"), ValueError("ours"), NotebookError("fell")], 1),
    ],
)
def test_the_gravest_exit_code_is_the_runs(errors: Errors, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert followed(errors, Watch()) == code
    captured = capsys.readouterr()
    assert ("Nothing is due" in captured.out) == (not errors)
    assert all(f"evalkit: 2025-Q{number + 1}: " in captured.err for number in range(len(errors)))


def test_every_line_of_the_log_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert followed([NotebookError("it fell\x1b[2J")], Watch(log=True)) == 4
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["event"] for line in lines] == ["run_started", "period_started", "page", "period", "message", "run"]
    page, period, message, run = lines[2:]
    assert (page["period"], page["page"], page["seconds"], page["outcome"]) == ("2025-Q1", "index", 1.23, "failed")
    assert (period["period"], period["seconds"], period["outcome"]) == ("2025-Q1", 2.0, "failed")
    assert message["message"] == "2025-Q1: it fell�[2J"
    assert (run["outcome"], run["exit_code"]) == ("failed", 4)


def test_a_notifier_gets_the_outcome_without_a_shell(tmp_path: Path) -> None:
    script = tmp_path / "tell me.py"
    script.write_text("import pathlib, sys\npathlib.Path(sys.argv[1]).write_text(sys.stdin.read())\n")
    target = tmp_path / "$(touch pwned); outcome"
    command = f"{sys.executable} '{script}' '{target}'"
    assert followed([NotebookError("fell")], Watch(), command) == 4
    outcome: dict[str, Any] = json.loads(target.read_text())
    assert (outcome["exit_code"], outcome["outcome"]) == (4, "failed")
    assert outcome["periods"] == [{"period": "2025-Q1", "seconds": 2.0, "outcome": "failed"}]
    assert outcome["messages"] == ["2025-Q1: fell"]
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("false", "ended with exit code 1"),
        ("/no/such/program", "could not be run: No such file"),
        ("", "could not be run"),
        ("'half a quote", "could not be run: No closing quotation"),
        ("sleep 60", "took longer than 1 seconds"),
    ],
)
def test_a_failing_notifier_warns_and_changes_no_exit_code(
    command: str, expected: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evalkit.publish.watch.NOTIFY_SECONDS", 1)
    assert expected in str(notify(command, {"event": "run"}))
    assert followed([], Watch(), command or "''") == 0
    if command:
        assert f"evalkit: the notifier '{command}' {expected}" in capsys.readouterr().err
