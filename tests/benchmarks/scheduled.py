"""A scheduled run, measured: a period's pages beside papermill and `jupyter nbconvert` on the same notebooks."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from statistics import median

from process import ROOT, Run, measured

from evalkit.session import open_study

PERIOD, STUDY, NOTEBOOKS = "2026-Q3", ROOT / "data" / "study.yaml", ROOT / "notebooks"
OURS, USUAL = "`evalkit run`", "papermill, then `jupyter nbconvert`"


def reports(folder: Path, repeats: int) -> dict[str, list[Run]]:
    """Return the runs of both, in turn, every one into an empty folder."""
    found: dict[str, list[Run]] = {OURS: [], USUAL: []}
    for _ in range(repeats):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        run = ["run", "--study", str(STUDY), "--period", PERIOD, "--out", str(folder / "ours")]
        found[OURS].append(measured([sys.executable, "-m", "evalkit", *run]))
        parts = [measured(command) for page in _pages() for command in _usual(folder, *page)]
        found[USUAL].append(
            Run(sum(part.wall for part in parts), sum(part.cpu for part in parts), max(part.peak for part in parts))
        )
    return found


def _pages() -> list[tuple[str, str, str | None]]:
    goals = [(goal.id, "goal_report", goal.id) for goal in open_study(STUDY).file.goals]
    return [("index", "period_report", None), ("context", "context", None), *goals]


def _usual(folder: Path, page: str, notebook: str, goal: str | None) -> list[list[str]]:
    made = str(folder / f"{page}.ipynb")
    parameters = ["-p", "study", str(STUDY), "-p", "period", PERIOD, *(["-p", "goal", goal] if goal else [])]
    papermill = [sys.executable, "-m", "papermill", str(NOTEBOOKS / f"{notebook}.ipynb"), made, *parameters]
    return [papermill, [sys.executable, "-m", "nbconvert", "--to", "html", "--no-input", made]]


def report_table(found: dict[str, list[Run]], repeats: int) -> str:
    """Return the medians as a Markdown table, with the share that `evalkit run` takes of the other's wall time."""
    walls = {name: median(run.wall for run in runs) for name, runs in found.items()}
    lines = [f"| all {len(_pages())} pages of a period | s on the clock | CPU s |", "| --- | --- | --- |"]
    lines += [f"| {name} | {walls[name]:.1f} | {median(run.cpu for run in runs):.1f} |" for name, runs in found.items()]
    share = walls[OURS] / walls[USUAL]
    return "\n".join([*lines, "", f"Medians of {repeats}, run in turn: {share:.0%} of the wall time."])
