"""A bank with quick notebooks, published once; and what must hold of a reports folder whatever has happened."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from quick_notebooks import write_notebooks
from small_study import STUDY, write_records

from evalkit.publish import commit, ledger, publish
from evalkit.publish.notebooks import finished

PERIOD = "2025-Q4"


@pytest.fixture(scope="session")
def published_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bank")
    (folder / "study.yaml").write_text(STUDY, encoding="utf-8")
    write_records(folder, after=8.2)
    write_notebooks(folder / "notebooks")
    publish(folder, PERIOD, out=folder / "reports", notebooks=folder / "notebooks", jobs=1)
    return folder


@pytest.fixture
def bank(published_once: Path, tmp_path: Path) -> Path:
    """Return a copy of the bank, its report published."""
    import shutil

    return shutil.copytree(published_once, tmp_path / "bank")


@pytest.fixture
def whole() -> Callable[[Path], float]:
    """Return the function that asserts that a folder's report is whole, and gives the value it reports."""

    def check(out: Path) -> float:
        folder = out / PERIOD
        results = json.loads((folder / "results.json").read_text())
        shown = {"index": results, "context": results, "score": results["goals"][0]}
        for name, expected in shown.items():
            notebook = nbformat.read(folder / f"{name}.ipynb", as_version=4)  # type: ignore[no-untyped-call]
            record = finished(notebook)
            assert record == {key: value for key, value in expected.items() if key != "provenance"}, name
            assert (folder / f"{name}.html").read_text().endswith("</html>\n")
        value: float = results["goals"][0]["evaluations"]["period"]["after"]["value"]
        return value

    return check


@pytest.fixture
def sound(whole: Callable[[Path], float]) -> Callable[[Path], float]:
    """Return the same for a folder that a run has left in order: ledger and files agree, nothing lies about."""

    def check(out: Path) -> float:
        assert list(ledger.breaks(out)) == []
        last = ledger.last_of(ledger.entries(out), PERIOD)
        assert last is not None
        assert last["files"] == commit.files_of(out / PERIOD)
        assert not [path.name for path in out.iterdir() if path.name.startswith((".staging", ".pending"))]
        return whole(out)

    return check
