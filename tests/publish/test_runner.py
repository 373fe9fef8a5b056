"""Each measured trap of papermill: what must count as a failure does, and nothing is printed on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from evalkit.errors import NotebookError
from evalkit.publish.runner import Task, Workers

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


def task(name: str, folder: Path, **more: object) -> Task:
    settings = {"parameters": {"period": "2025-Q4"}, "language": "en", "timeout": 60, "kernel": "python3", **more}
    return Task(page=name, notebook=NOTEBOOKS / f"{name}.ipynb", folder=folder, **settings)  # type: ignore[arg-type]


def test_what_papermill_calls_success_or_completed_is_a_failure_here(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    expected = {
        "failing_cell": "ValueError: the data are upside down",
        "sysexit0": "SystemExit",
        "dead_kernel": "kernel died",
        "hang": "took longer than 4 seconds",
        "no_record": "0 result records",
    }
    with Workers(1, tmp_path) as workers:
        for name, reason in expected.items():
            (outcome,) = workers.run([task(name, tmp_path, timeout=4 if name == "hang" else 60)])
            assert outcome.record is None
            assert reason in str(outcome.failure)
            assert not (tmp_path / f"{name}.html").exists()
            assert (tmp_path / f"{name}.ipynb").exists(), "what was executed is kept to be looked at"
        (outcome,) = workers.run([task("hang", tmp_path, kernel="no-such-kernel")])
        assert "no-such-kernel" in str(outcome.failure)
        outcomes = workers.run([task("failing_cell", tmp_path), task("good", tmp_path), task("hang", tmp_path)])
        assert [outcome.page for outcome in outcomes] == ["failing_cell"], "after a failure nothing further begins"
    assert capfd.readouterr() == ("", "")


def test_two_runs_give_the_same_bytes_and_a_page_that_fetches_nothing(tmp_path: Path) -> None:
    pages = []
    with Workers(2, tmp_path) as workers:
        for name in ("one", "two"):
            folder = tmp_path / name / "with {braces} and spaces"
            folder.mkdir(parents=True)
            (outcome,) = workers.run([task("good", folder)])
            assert outcome.failure is None
            assert outcome.record == {"period": "2025-Q4"}
            pages.append(((folder / "good.ipynb").read_bytes(), (folder / "good.html").read_bytes()))
    assert pages[0] == pages[1]
    page = pages[0][1].decode()
    assert "http://" not in page
    assert "https://" not in page
    assert page.count("<script") == page.count("</script>") == 1
    assert "src=" not in page
    assert page.count("<h1") == 1
    assert "<title>Report 2025-Q4 &lt;script&gt;</title>" in page
    assert '<html lang="en">' in page
    assert "hello &lt;b&gt;" in page
    assert "<details" in page
    assert "sys.exit" not in page


def test_workers_end_with_their_parent(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import os, pathlib, sys, time\n"
        "from evalkit.publish.runner import Workers\n"
        "if __name__ == '__main__':\n"
        "    workers = Workers(1, pathlib.Path(sys.argv[1]))\n"
        "    workers.warm()[0].result()\n"
        "    print(*workers._pool._processes, flush=True)\n"
        "    os._exit(1)\n"
    )
    told = subprocess.run([sys.executable, script, tmp_path], capture_output=True, text=True, timeout=60)
    process = Path("/proc") / told.stdout.strip()
    if not Path("/proc").is_dir():
        pytest.skip("needs /proc to see processes")
    deadline = time.monotonic() + 20
    while process.exists() and "Z" not in (process / "stat").read_text().split()[2] and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not process.exists() or "Z" in (process / "stat").read_text().split()[2]


def test_a_worker_ended_from_outside_is_a_failed_notebook(tmp_path: Path) -> None:
    with Workers(1, tmp_path) as workers:
        workers.warm()[0].result()
        (process,) = workers._pool._processes
        threading.Timer(1.0, os.kill, (process, signal.SIGKILL)).start()
        with pytest.raises(NotebookError, match="ended from outside"):
            workers.run([task("hang", tmp_path)])
