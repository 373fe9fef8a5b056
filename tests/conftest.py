"""A workbench: a study with its record files in a folder of its own, evaluated by the real command line."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from evalkit.session import OpenStudy, open_study

collect_ignore = ["benchmarks"]  # commands, not tests

# `make test` asks the same questions every time; `make test-all` searches for new ones
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("searching", deadline=None)
settings.load_profile("repeatable")


def _no_constant(text: str) -> float:
    raise AssertionError(f"{text} in JSON")


def strict_json(text: str) -> Any:
    """Read JSON in which NaN and Infinity are errors."""
    return json.loads(text, parse_constant=_no_constant)


@dataclass
class Answer:
    """What a command answered: exit code, stdout and stderr."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return strict_json(self.out)

    def goal(self, id: str = "g") -> Any:
        return next(goal for goal in (*self.json["goals"], *self.json["indicators"]) if goal["id"] == id)

    def codes(self, id: str = "g") -> list[str]:
        return [flag["code"] for flag in self.goal(id)["flags"]]


@dataclass
class Bench:
    """A study file and its records; `run` calls the command line in this process."""

    folder: Path
    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch
    study: dict[str, Any] = field(default_factory=dict)

    def write(self, name: str, content: str | bytes | Iterable[Sequence[object]]) -> Path:
        """Write a file: text, bytes, or rows of values (None is an empty cell)."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif isinstance(content, str):
            path.write_text(content, encoding="utf-8", newline="")
        else:
            lines = [",".join("" if cell is None else str(cell) for cell in row) for row in content]
            path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="")
        return path

    def plan(
        self,
        fields: Sequence[dict[str, Any]],
        metric: dict[str, Any] | None = None,
        *,
        time: Any = "day",
        goal: dict[str, Any] | None = None,
        goals: Sequence[dict[str, Any]] | None = None,
        sources: dict[str, Any] | None = None,
        calendar: dict[str, Any] | None = None,
        **rest: Any,
    ) -> None:
        """Write the study file: one source `s` of r.csv and one goal `g`, unless told otherwise.

        Keys of `goal` and those of the source (path, encoding, key, …) are added to the defaults.
        """
        top = {key: rest.pop(key) for key in ("timezone", "inference", "indicators") if key in rest}
        one = {
            "id": "g",
            "source": "s",
            "metric": metric or {"kind": "mean", "value": "x"},
            "better": "higher",
            "target": {"relative_change": -0.1 if (goal or {}).get("better") == "lower" else 0.1},
            **(goal or {}),
        }
        self.study = {
            "schema": 1,
            "id": "trial",
            "calendar": calendar or {"baseline": {"start": "2024-01-01", "end": "2024-12-31"}},
            "sources": {"s": {"path": "r.csv", "time": time, "fields": list(fields), **rest}, **(sources or {})},
            "goals": list(goals) if goals is not None else [one],
            **top,
        }
        self.save()

    def save(self) -> None:
        # JSON is YAML
        self.write("study.yaml", json.dumps(self.study, ensure_ascii=False, indent=1))

    def open(self) -> OpenStudy:
        return open_study(self.folder)

    def run(self, command: str, *arguments: str) -> Answer:
        """Run `evalkit COMMAND --study HERE ARGUMENTS`."""
        from evalkit import cli

        self.monkeypatch.setattr(sys, "argv", ["evalkit", command, "--study", str(self.folder), *arguments])
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        gc.enable()  # a process of its own would have ended
        captured = self.capsys.readouterr()
        answer = Answer(int(ended.value.code or 0), captured.out, captured.err)
        assert "Traceback" not in answer.err
        assert "a fault of evalkit" not in answer.err, answer.err
        return answer

    def evaluate(self, period: str = "2025-Q1", *arguments: str) -> Answer:
        """Evaluate a period as JSON; whatever is printed is JSON without NaN."""
        answer = self.run("evaluate", "--period", period, "--json", *arguments)
        if answer.code in (0, 3):
            assert answer.json["period"]
        else:
            assert answer.out == ""
        return answer

    def check(self, *arguments: str) -> Answer:
        return self.run("check", *arguments)


@pytest.fixture
def bench(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(tmp_path, capsys, monkeypatch)


def typed(name: str, kind: str = "string", **rest: Any) -> dict[str, Any]:
    """Return a field of a study file; constraints are keyword arguments."""
    own = {key: rest.pop(key) for key in ("format", "rename_from") if key in rest}
    return {"name": name, "type": kind, **own, **({"constraints": rest} if rest else {})}


@pytest.fixture
def f() -> Any:
    """Short for `typed`."""
    return typed


@pytest.fixture
def daily() -> list[list[object]]:
    """Rows `day,x,branch` of 2024 and the first quarter of 2025: four branches, every fifth day, higher after."""
    from datetime import date, timedelta

    rows: list[list[object]] = [["day", "x", "branch"]]
    for i in range(0, 455, 5):
        day = date(2024, 1, 1) + timedelta(days=i)
        rise = 3 if day.year == 2025 else 0
        rows += [[day.isoformat(), 10 + b + (i // 5 * 7 + b * 3) % 5 + rise, f"B{b}"] for b in range(4)]
    return rows
