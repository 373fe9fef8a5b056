"""Notebooks that die or hang, records that change, disks that are full: the report that stood stands, and one is told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from quick_notebooks import write_notebooks
from small_study import write_records

from evalkit.errors import NotebookError
from evalkit.publish import publish
from evalkit.told import tell

PERIOD = "2025-Q4"
Whole = Callable[[Path], float]


def anew(bank: Path, **more: object) -> NotebookError:
    """Publish other records with these settings, which must fail; return the error."""
    write_records(bank, after=7.5)
    settings: dict = {"out": bank / "reports", "notebooks": bank / "notebooks", "jobs": 1, **more}
    with pytest.raises(NotebookError) as told:
        publish(bank, PERIOD, **settings)
    assert told.value.exit_code == 4
    return told.value


def test_a_kernel_killed_while_it_runs(bank: Path, sound: Whole, monkeypatch: pytest.MonkeyPatch) -> None:
    number = bank / "kernel.pid"
    monkeypatch.setenv("TOLD_PID", str(number))
    code = (
        'import os, pathlib, time\npathlib.Path(os.environ["TOLD_PID"]).write_text(str(os.getpid()))\ntime.sleep(120)'
    )
    write_notebooks(bank / "notebooks", between=code)

    def kill() -> None:
        while not (number.exists() and number.read_text()):
            time.sleep(0.05)
        os.kill(int(number.read_text()), signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    error = anew(bank)
    killer.join()
    assert "The notebook of 'index' failed: its kernel died" in str(error)
    assert "the earlier report stands" in str(error)
    assert sound(bank / "reports") > 8
    (kept,) = (bank / "reports" / ".failed" / PERIOD).iterdir()
    assert (kept / "index.ipynb").is_file()


def test_a_notebook_that_hangs_is_ended(bank: Path, sound: Whole) -> None:
    write_notebooks(bank / "notebooks", between="import time\ntime.sleep(600)")
    began = time.monotonic()
    assert "took longer than 12 seconds (--timeout allows more)" in str(anew(bank, timeout=12))
    assert time.monotonic() - began < 200
    assert sound(bank / "reports") > 8


@pytest.mark.parametrize("what", ["records", "study"])
def test_records_or_study_that_change_during_the_run_are_not_published(bank: Path, sound: Whole, what: str) -> None:
    """The change comes after every notebook has read them, so no result shows it."""
    changed = {"records": bank / "survey.csv", "study": bank / "study.yaml"}[what]
    code = f'with open({str(changed)!r}, "a") as file:\n    file.write({"2024-01-03,7.0,b0" if what == "records" else "#"!r} + "\\n")'
    write_notebooks(bank / "notebooks")
    goal = json.loads((bank / "notebooks" / "goal_report.ipynb").read_text())
    goal["cells"][2]["source"] = code
    (bank / "notebooks" / "goal_report.ipynb").write_text(json.dumps(goal))
    told = str(anew(bank))
    assert f"{changed.name}{' of source ' if what == 'records' else ''}" in told
    assert "changed during the run, so 2025-Q4 was not published" in told
    assert sound(bank / "reports") > 8


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Return the function that mounts a file system; without the right to, the test is skipped."""
    places: list[Path] = []

    def mount(*arguments: str) -> Path:
        place = tmp_path / f"mounted{len(places)}"
        place.mkdir()
        done = subprocess.run(["mount", *arguments, str(place)], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"mounting is not possible here: {done.stderr.strip()}")
        places.append(place)
        return place

    try:
        yield mount
    finally:
        for place in places:
            subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_disk_that_is_full(bank: Path, sound: Whole, mounted: Callable[..., Path]) -> None:
    small = mounted("-t", "tmpfs", "-o", "size=1m", "tmpfs")
    subprocess.run(["cp", "-a", f"{bank}/reports/.", str(small)], check=True)
    (small / "other").write_bytes(b"x" * 10_000)
    room = os.statvfs(small)
    with (small / "filler").open("wb") as file:
        file.write(b"x" * (room.f_bavail * room.f_frsize - 24_000))
    told = str(anew(bank, out=small))
    assert "No space left" in told or "is full" in told
    assert "Traceback" not in told
    assert sound(small) > 8
    (small / "filler").unlink()
    report = publish(bank, PERIOD, out=small, notebooks=bank / "notebooks", jobs=1)
    assert report.status == "revised"
    assert sound(small) < 8


def test_a_target_that_cannot_be_written(
    bank: Path, whole: Whole, mounted: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    place = mounted("--bind", str(bank / "reports"))
    done = subprocess.run(["mount", "-o", "remount,ro,bind", str(place)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"remounting is not possible here: {done.stderr.strip()}")
    for out in (place, place / "new"):
        with pytest.raises(OSError) as told:
            publish(bank, PERIOD, out=out, notebooks=bank / "notebooks", force=True)
        assert tell(told.value) == 2
        assert "Read-only file system." in capsys.readouterr().err
    assert whole(place) > 8
