"""`evalkit run` killed at random moments: afterwards a whole old or a whole new report, and the next run goes through."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from small_study import write_records

from evalkit.publish.verify import verify

PERIOD = "2025-Q4"
LEVELS = (8.2, 7.5)


def start(bank: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "evalkit", "run", "--period", PERIOD, "--study", str(bank), "--jobs", "2"]
    command += ["--out", str(bank / "reports"), "--notebooks", str(bank / "notebooks")]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def killed_at_random(bank: Path, kills: int, whole: Callable[[Path], float], sound: Callable[[Path], float]) -> None:
    draw, out = random.Random(20261124), bank / "reports"
    began = time.monotonic()
    write_records(bank, after=LEVELS[1])
    assert start(bank).wait() == 0
    whole_run, level, seen = time.monotonic() - began, 1, set[bool]()
    for number in range(kills):
        level = 1 - level
        write_records(bank, after=LEVELS[level])
        run = start(bank)
        # one time in two near the end, where the report is put in its place
        time.sleep(whole_run * (draw.uniform(0.05, 1.1) if number % 2 else draw.uniform(0.75, 1.1)))
        run.send_signal(signal.SIGKILL)
        run.communicate()
        value = whole(out)
        assert min(abs(value - mean) for mean in LEVELS) < 0.1
        seen.add(abs(value - LEVELS[level]) < 0.1)
        if number % 5 == 4:  # now and then a run may end; else the next one finds what several have left
            assert start(bank).wait() == 0
            assert abs(sound(out) - LEVELS[level]) < 0.1
    finished = start(bank)
    _, told = finished.communicate()
    assert finished.returncode == 0, told
    assert abs(sound(out) - LEVELS[level]) < 0.1
    assert verify(bank, PERIOD, out=out, notebooks=bank / "notebooks").problems == ()


@pytest.mark.slow
def test_a_run_killed_twice(bank: Path, whole: Callable[[Path], float], sound: Callable[[Path], float]) -> None:
    killed_at_random(bank, 2, whole, sound)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_run_killed_sixty_times(bank: Path, whole: Callable[[Path], float], sound: Callable[[Path], float]) -> None:
    killed_at_random(bank, 60, whole, sound)


def test_the_lock_and_the_half_staged_folder_of_a_dead_run_are_no_obstacle(
    bank: Path, sound: Callable[[Path], float]
) -> None:
    out = bank / "reports"
    shutil.copytree(out / PERIOD, out / f".staging-{PERIOD}-dead" / PERIOD)
    (out / f".staging-{PERIOD}-dead" / PERIOD / "index.html").unlink()
    for lock in (out / ".lock", out / ".locks" / PERIOD):
        lock.parent.mkdir(exist_ok=True)
        lock.write_text("4194304 gone-host")
    done = start(bank)
    told, _ = done.communicate()
    assert (done.returncode, b"up to date" in told) == (0, True)
    assert sound(out) > 8


@pytest.mark.slow
def test_two_runs_at_once(bank: Path, sound: Callable[[Path], float]) -> None:
    """Of the same period one is told to wait; another period is not disturbed."""
    write_records(bank, after=7.5)
    first = start(bank)
    lock = bank / "reports" / ".locks" / PERIOD
    while not list((bank / "reports").glob(f".staging-{PERIOD}-*")):
        assert first.poll() is None
        time.sleep(0.05)
    assert lock.parent.is_dir()
    second = start(bank)
    other = subprocess.Popen(
        [*map(str, second.args[:5]), "2025-Q3", *map(str, second.args[6:]), "--log-json"],  # type: ignore[index]
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    _, told = second.communicate()
    assert second.returncode == 6
    assert b"Another run is publishing 2025-Q4" in told
    _, told = first.communicate()
    assert first.returncode == 0, told
    _, told = other.communicate()
    assert other.returncode == 0, told
    events = [json.loads(line) for line in told.splitlines()]
    assert [event["event"] for event in events[:2]] == ["run_started", "period_started"]
    pages = {event["page"]: event for event in events if event["event"] == "page"}
    assert set(pages) == {"index", "context", "score"}
    assert all(event["outcome"] == "done" and event["seconds"] > 0 for event in pages.values())
    assert [(event["event"], event["outcome"]) for event in events[-2:]] == [("period", "published"), ("run", "done")]
    assert all({"time", "event"} <= event.keys() for event in events)
    assert sound(bank / "reports") < 8
    lines = (bank / "reports" / "ledger.jsonl").read_text().splitlines()
    assert sorted(json.loads(line)["period"] for line in lines) == ["2025-Q3", PERIOD, PERIOD]


def test_workers_and_kernels_end_with_a_killed_run(bank: Path) -> None:
    """No kernel is left behind to hold memory on a machine that reports every night."""
    if not Path("/proc").is_dir():
        pytest.skip("needs /proc to see processes")
    write_records(bank, after=7.5)
    mark = str(bank / "reports")

    def below() -> list[str]:
        found = []
        for path in Path("/proc").iterdir():
            if path.name.isdigit():
                try:
                    told = (path / "environ").read_bytes()
                except OSError:
                    continue
                if f"EVALKIT_TEST_MARK={mark}".encode() in told:
                    found.append(path.name)
        return found

    os.environ["EVALKIT_TEST_MARK"] = mark
    try:
        run = start(bank)
        deadline = time.monotonic() + 120
        while len(below()) < 4 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert len(below()) >= 4, "the run, its workers, their kernels"
        run.send_signal(signal.SIGKILL)
        run.communicate()
        deadline = time.monotonic() + 60
        while below() and time.monotonic() < deadline:
            time.sleep(0.2)
        assert below() == []
    finally:
        del os.environ["EVALKIT_TEST_MARK"]
