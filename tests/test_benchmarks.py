"""The benchmark itself: it runs, compares what it says, and writes where the README has room for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import evalkit as ek

ROOT = Path(__file__).resolve().parent.parent
BENCH = ROOT / "tests" / "benchmarks"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCH))


def test_generated_records_hold_the_change_they_promise(bench: None, tmp_path: Path) -> None:
    from generate import generate

    generate(tmp_path, 60_000)
    goal = ek.open_study(tmp_path).evaluate("handling_time", period="2025")
    assert goal.period.effect is not None
    assert goal.period.effect.low < 0.78 < goal.period.effect.high
    assert goal.period.before is not None
    assert goal.period.after is not None
    crude = goal.period.after.records, goal.period.before.records
    assert sum(crude) == 60_000
    scopes = ek.open_study(tmp_path / "scopes.yaml").evaluate_by("branch", period="2025-12")[0].scopes
    assert (len(scopes), {len(scope.goals) for scope in scopes}) == (200, {4})
    again = tmp_path / "again"
    generate(again, 60_000)
    assert (again / "process.parquet").read_bytes() == (tmp_path / "process.parquet").read_bytes()


@pytest.mark.slow
def test_contenders_run_and_the_table_is_written_between_the_marks(tmp_path: Path) -> None:
    marks = (ROOT / "README.md").read_text(encoding="utf-8")
    readme = tmp_path / "README.md"
    readme.write_text(marks, encoding="utf-8")
    code = f"""
import sys; sys.path.insert(0, {str(BENCH)!r})
import runpy, pathlib
bench = runpy.run_path({str(BENCH / "__main__.py")!r})
found = bench["compared"](pathlib.Path({str(tmp_path)!r}), 5000, None, 1)
bench["written"](pathlib.Path({str(readme)!r}), bench["table"]({{5000: found}}, 1))
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
    text = readme.read_text(encoding="utf-8")
    table = text[text.index("<!-- speed: written by `make bench` -->") : text.index("<!-- speed ends -->")]
    assert "| whole process: s / CPU s / peak MiB | 5,000 records |" in table
    assert table.count("\n| ") == 7  # the head, its line, five contenders
    assert "<!-- report: written by `make bench` -->" in text
    assert "## Speed" in text[: text.index("<!-- speed")]
