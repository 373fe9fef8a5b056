"""A password planted in a connection's URL: in no output of any command, and in no argument of any process."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from child import Cli, found_in

SECRET = "zqpa55word"


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


URLS = {
    "unreachable": f"postgresql://user:{SECRET}@127.0.0.1:{closed_port()}/bank",
    "no such scheme": f"nosuch://user:{SECRET}@127.0.0.1/bank",
    "not a URL": f"{SECRET} is the password",
    "odd port": f"postgresql://user:{SECRET}@127.0.0.1:{SECRET}/bank",
    "escaped": f"postgresql://user:%zz{SECRET}@[::1:bank",
    "as a parameter": f"postgresql://127.0.0.1:1/bank?user=u&password={SECRET}",
}


@pytest.fixture
def study(tmp_path: Path) -> Path:
    source = {"connection": "ware-house", "table": "t", "time": "day"}
    fields = [{"name": "day", "type": "date"}, {"name": "x", "type": "number"}]
    goal = {"source": "s", "metric": {"kind": "mean", "value": "x"}, "better": "higher", "target": {"level": 1}}
    study = {
        "schema": 1,
        "id": "secrets",
        "calendar": {"baseline": {"start": "2024-01-01", "end": "2024-12-31"}},
        "sources": {"s": {**source, "fields": fields}},
        "goals": [{"id": "g", **goal}],
    }
    (tmp_path / "study.yaml").write_text(json.dumps(study), encoding="utf-8")
    return tmp_path


def command_lines(stop: threading.Event, found: list[str]) -> None:
    """Collect the command lines of this process's descendants, as `ps` shows them to everyone."""
    while not stop.is_set():
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if SECRET.encode() in (raw := entry.read_bytes()):
                    found.append(raw.decode(errors="replace"))
            except OSError:
                continue
        time.sleep(0.05)


@pytest.mark.parametrize("kind", URLS)
def test_no_output_holds_the_password(study: Path, cli: Cli, kind: str) -> None:
    out, stop, seen = study / "out", threading.Event(), []
    watcher = threading.Thread(target=command_lines, args=(stop, seen))
    if Path("/proc").is_dir():
        watcher.start()
    try:
        commands: list[tuple[object, ...]] = [("evaluate", "--period", "2025-Q1", "--json", "--debug")]
        if kind == "unreachable":
            commands += [("check", "--debug"), ("run", "--period", "2025-Q1", "--out", out, "--debug"), ("power",)]
        for command in commands:
            done = cli(*command, "--study", study, env={"EVALKIT_CONNECTION_WARE_HOUSE": URLS[kind]})
            assert done.returncode not in (0, 1), (done.stdout, done.stderr)
            assert SECRET not in done.stdout + done.stderr
            assert "evalkit: " in done.stderr
    finally:
        stop.set()
        if watcher.is_alive():
            watcher.join()
    assert seen == []
    assert found_in(study, SECRET) == []


def test_a_url_in_the_study_file_is_refused_without_being_quoted(study: Path, cli: Cli) -> None:
    whole = json.loads((study / "study.yaml").read_text(encoding="utf-8"))
    whole["sources"]["s"]["connection"] = URLS["unreachable"]
    (study / "study.yaml").write_text(json.dumps(whole), encoding="utf-8")
    done = cli("check", "--study", study, "--debug")
    assert done.returncode == 2
    assert "connection" in done.stderr
    assert SECRET not in done.stdout + done.stderr


def test_a_file_with_the_url_is_read_only_when_nobody_else_can(study: Path, cli: Cli) -> None:
    file = study / "url"
    file.write_text(URLS["unreachable"], encoding="utf-8")
    for mode, told in ((0o644, "chmod 600"), (0o600, "")):
        file.chmod(mode)
        done = cli(
            "evaluate", "--period", "2025-Q1", "--study", study, env={"EVALKIT_CONNECTION_WARE_HOUSE_FILE": str(file)}
        )
        assert done.returncode == 2, done.stderr
        assert told in done.stderr
        assert SECRET not in done.stdout + done.stderr


def test_notebooks_and_pages_never_show_the_environment(study: Path) -> None:
    """The traceback of a notebook's cell shows code, not values: the URL is in none of evalkit's frames' code."""
    code = (
        "import traceback, evalkit\n"
        "try:\n    evalkit.open_study().evaluate_period('2025-Q1')\n"
        "except Exception as error:\n"
        "    told = traceback.TracebackException.from_exception(error, capture_locals=False)\n"
        "    print(*told.format(), repr(error), repr(error.__context__), repr(error.__cause__))\n"
    )
    env = {**os.environ, "EVALKIT_CONNECTION_WARE_HOUSE": URLS["unreachable"], "EVALKIT_STUDY": str(study)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, timeout=100)
    assert "ConnectionLostError" in done.stdout, done.stderr
    assert SECRET not in done.stdout + done.stderr
