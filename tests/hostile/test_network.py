"""With the network cut every command does its work: nothing is fetched, nothing is sent."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from small_study import STUDY, write_records

_GUARD = """\
import socket, sys
_LOCAL = {"127.0.0.1", "::1", "localhost"}

def _refuse(name):
    real = getattr(socket.socket, name)
    def call(self, address, *more):
        if isinstance(address, tuple) and address[0] not in _LOCAL:
            sys.stderr.write(f"NETWORK {name} {address}\\n")
            raise OSError("the network is cut")
        return real(self, address, *more)
    setattr(socket.socket, name, call)

for _name in ("connect", "connect_ex", "sendto"):
    _refuse(_name)

def _lookup(host, *more, _real=socket.getaddrinfo, **named):
    if host not in _LOCAL | {None, "", "0.0.0.0"}:
        sys.stderr.write(f"NETWORK getaddrinfo {host}\\n")
        raise OSError("the network is cut")
    return _real(host, *more, **named)

socket.getaddrinfo = _lookup
"""


def cut() -> list[str]:
    """Return the command that cuts the network for a child, as far as this user may."""
    lo = ["unshare", "--net", "--", "sh", "-c", 'ip link set lo up 2>/dev/null; exec "$0" "$@"']
    for command in (lo, [*lo[:1], "--map-root-user", *lo[1:]]):
        try:
            if subprocess.run([*command, "true"], capture_output=True, timeout=20).returncode == 0:
                return command
        except OSError:
            break
    return []


def test_everything_works_without_a_network(tmp_path: Path) -> None:
    (tmp_path / "guard").mkdir()
    (tmp_path / "guard" / "sitecustomize.py").write_text(_GUARD, encoding="utf-8")
    (tmp_path / "study.yaml").write_text(STUDY, encoding="utf-8")
    write_records(tmp_path, 8.0)
    out, home = tmp_path / "out", tmp_path / "home"
    home.mkdir()
    env = {**os.environ, "PYTHONPATH": str(tmp_path / "guard"), "HOME": str(home)}
    commands = [["check"], ["evaluate", "--period", "2025-Q4", "--json"]]
    commands += [["run", "--period", "2025-Q4", "--out", str(out)]]
    for command in commands:
        line = [*cut(), sys.executable, "-m", "evalkit", *command, "--study", str(tmp_path)]
        done = subprocess.run(line, capture_output=True, text=True, env=env, timeout=300)
        assert done.returncode == 0, (done.stdout, done.stderr)
        assert "NETWORK" not in done.stderr
    page = (out / "2025-Q4" / "index.html").read_text(encoding="utf-8")
    for fetch in ('src="http', 'href="http', "url(http", "@import", "<link", "src='http"):
        assert fetch not in page, "a page that is opened offline is whole"


@pytest.mark.parametrize(
    "call", ["socket.create_connection(('192.0.2.1', 80), 1)", "socket.getaddrinfo('example.org', 80)"]
)
def test_the_guard_would_have_seen_it(tmp_path: Path, call: str) -> None:
    (tmp_path / "sitecustomize.py").write_text(_GUARD, encoding="utf-8")
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", f"import socket; {call}"], capture_output=True, text=True, env=env)
    assert done.returncode == 1
    assert "NETWORK" in done.stderr
