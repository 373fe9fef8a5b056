"""Tutorials, case studies and docs: executed, portable, and every link leads somewhere.

That their stored outputs are what the code gives is `pytest --nbval notebooks` (`make test`).
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parent.parent
TUTORIALS = sorted((ROOT / "notebooks/tutorial").glob("*.ipynb"))
CASES = sorted((ROOT / "notebooks/case_studies").glob("*.ipynb"))
GUIDES = sorted((ROOT / "docs").glob("*.md"))


def named(path: Path) -> str:
    return path.stem


def cells(path: Path, kind: str) -> list[nbformat.NotebookNode]:
    return [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == kind]


def test_they_are_there() -> None:
    assert [path.stem[:2] for path in TUTORIALS] == ["1_", "2_", "3_", "4_", "5_"]
    assert len(CASES) >= 3
    assert {path.name for path in GUIDES} == {"background.md", "glossary.md", "reference.md"}


@pytest.mark.parametrize("path", [*TUTORIALS, *CASES], ids=named)
def test_every_notebook_was_run_once_from_top_to_bottom(path: Path) -> None:
    code = cells(path, "code")
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    for cell in code:
        assert not cell.source.rstrip().endswith(";"), "nbval shows what a semicolon hides"
        assert "execution" not in cell.metadata  # times of day
        assert all(output.output_type != "error" for output in cell.outputs)


@pytest.mark.parametrize("path", [*TUTORIALS, *CASES], ids=named)
def test_no_output_tells_of_the_machine(path: Path) -> None:
    for cell in cells(path, "code"):
        for output in cell.outputs:
            shown = str(output.get("text") or {k: v for k, v in output.data.items() if k != "image/png"})
            assert not re.search(r"/home/|/root/|/tmp/|/Users/|/work/|at 0x[0-9a-f]{6}|Warning:", shown), cell.id


def anchors(path: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def links(path: Path) -> Iterator[str]:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        text = "\n".join(cell.source for cell in cells(path, "markdown"))
    yield from re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", text, flags=re.DOTALL))


@pytest.mark.parametrize("path", [*TUTORIALS, *CASES, *GUIDES], ids=named)
def test_every_link_leads_somewhere(path: Path) -> None:
    for link in links(path):
        file, _, anchor = link.partition("#")
        goal = path.parent / file if file else path
        assert goal.exists(), link
        if anchor:
            assert anchor in anchors(goal), link


def test_case_studies_without_their_records_are_skipped_and_say_where_to_get_them(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--nbval", "-p", "no:cacheprovider", "-q", "-rs", "notebooks/case_studies"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=ROOT,
        env={**os.environ, "EVALKIT_TRIALS": str(tmp_path)},
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "passed" not in done.stdout
    assert "EVALKIT_TRIALS" in done.stdout
