"""Wherever a run is ended while it puts a report in place, the next one finds a whole old or a whole new one."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path

import pytest

from evalkit.errors import LockedError, ParameterError
from evalkit.publish import commit, index, ledger, swap
from evalkit.publish.lock import locked
from evalkit.publish.serialise import to_json

CARD = {"schema": 1, "id": "one", "title": {"en": "One", "zh": "一"}, "goals": {}}
PERIOD = "2025-Q4"
PLAN = {"study": "0", "content": {"id": "one"}}


def stage(folder: Path, issue: str) -> dict[str, object]:
    """Write a report of two files into a staging folder; return its ledger entry."""
    staged = folder / PERIOD
    staged.mkdir()
    results = {"study": "one", "period": PERIOD, "as_of": "2025-12-31", "goals": [], "indicators": [], "made": issue}
    (staged / "results.json").write_text(to_json(results))
    (staged / "index.html").write_text(issue)
    files = commit.files_of(staged)
    return {"study": "one", "period": PERIOD, "issue": int(issue), "verdicts": {}, "files": files}


def put(out: Path, issue: str) -> None:
    with commit.staging(out, PERIOD, CARD) as folder:
        entry = stage(folder, issue)
        commit.commit(out, folder / PERIOD, out / PERIOD, entry, PLAN)


def standing(out: Path) -> str | None:
    """Return which issue stands, both of its files being of the same one; None when none stands."""
    if not (out / PERIOD).exists():
        return None
    page = (out / PERIOD / "index.html").read_text()
    assert json.loads((out / PERIOD / "results.json").read_text())["made"] == page
    return page


def check_whole(out: Path) -> None:
    """What must hold after anybody has looked in: ledger, folder and index agree, nothing is left over."""
    with commit.staging(out, "2024-Q1", CARD):
        pass
    now, entries = standing(out), ledger.entries(out)
    assert list(ledger.breaks(out)) == []
    assert (entries[-1]["issue"] if entries else None) == (int(now) if now else None)
    assert len({entry["issue"] for entry in entries}) == len(entries)
    if now:
        assert entries[-1]["files"] == commit.files_of(out / PERIOD)
        assert PERIOD in (out / "index.html").read_text()
        assert json.loads((out / ledger.STUDY).read_text())["plan"] == PLAN
    left = {path.name for path in out.iterdir()} - {".lock", ".locks", "index.html", "results.csv", PERIOD}
    assert left <= {ledger.LEDGER, ledger.STUDY}


KILLED_AT = """
import os, pathlib, shutil, signal, sys
sys.path.insert(0, sys.argv[1])
import test_commit as t
from evalkit.publish import index, swap
WRITES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "ctypes.dlsym", "shutil.rmtree"}
atomic, out, step = sys.argv[2] == "atomic", pathlib.Path(sys.argv[3]), 0
if not atomic:
    swap._exchange = lambda *_: False
t.put(out / "warm", "1")  # every import is done
print("started", flush=True)
first = True
while True:
    step += 1
    place = out / str(step)
    t.put(place, "1")
    child = os.fork()
    if not child:
        left = [step]
        def ended(event, arguments):
            write = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
            if event in WRITES or write:
                left[0] -= 1
                if not left[0]:
                    os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(ended)
        t.put(place, "2")
        os._exit(0)
    _, status = os.waitpid(child, 0)
    before = t.standing(place) if atomic else "any"
    t.check_whole(place)
    after = t.standing(place)
    assert after in ("1", "2") and before in (after, "any"), (before, after)
    t.put(place, "3")
    t.check_whole(place)
    assert t.standing(place) == "3"
    print(step, after, flush=True)
    if os.WIFEXITED(status):
        assert os.WEXITSTATUS(status) == 0 and after == "2"
        break
"""


@pytest.mark.parametrize("how", ["atomic", "renamed"])
def test_a_run_killed_at_every_step_of_publishing_leaves_the_old_or_the_new_report_whole(
    how: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED_AT, str(Path(__file__).parent), how, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    steps = [line.split()[1] for line in done.stdout.splitlines()[1:]]
    assert len(steps) > 12
    assert steps == sorted(steps)
    assert {"1", "2"} <= set(steps), "killed both before and after the report had changed"


def test_the_first_publication_killed_before_its_ledger_entry_is_finished_by_the_next_run(tmp_path: Path) -> None:
    with commit.staging(tmp_path, PERIOD, CARD) as folder:
        entry = stage(folder, "1")
        ledger.replace_text(
            tmp_path / f".pending-{PERIOD}.json", to_json({"entry": entry, "plan": PLAN, "folder": PERIOD})
        )
        swap.put_in_place(folder / PERIOD, tmp_path / PERIOD)
    (tmp_path / ledger.LEDGER).write_text('{"half": "an ent')
    check_whole(tmp_path)
    assert len(ledger.entries(tmp_path)) == 1


@pytest.mark.parametrize("at", ["append", "index"])
def test_a_full_disk_at_the_last_moment(at: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "ledger")

    put(tmp_path, "1")
    with monkeypatch.context() as patched:
        patched.setattr(*((ledger, "append", full) if at == "append" else (index, "refresh", full)))
        with pytest.raises(OSError, match="No space left"):
            put(tmp_path, "2")
    assert standing(tmp_path) == ("1" if at == "append" else "2")
    check_whole(tmp_path)


def test_one_run_a_period_and_several_periods_at_once(tmp_path: Path) -> None:
    with commit.staging(tmp_path, PERIOD, CARD) as one, commit.staging(tmp_path, "2025-Q3", CARD) as other:
        assert one.is_dir()
        assert other.is_dir()
        with (
            pytest.raises(LockedError, match="Another run is publishing 2025-Q4"),
            commit.staging(tmp_path, PERIOD, CARD),
        ):
            pass
        assert one.is_dir(), "what a living run stages is not swept away"
        with locked(tmp_path), pytest.raises(LockedError, match="writing to"), locked(tmp_path, wait=0.1):
            pass
    assert not list(tmp_path.glob(".staging-*"))
    with pytest.raises(ParameterError, match="not of 'two'"), commit.staging(tmp_path, PERIOD, {**CARD, "id": "two"}):
        pass
