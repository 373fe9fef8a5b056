"""The small study, written once a module."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_study import STUDY, write_records


@pytest.fixture(scope="module")
def small_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the path of the small study's file, its records beside it."""
    folder = tmp_path_factory.mktemp("secret-folder-name")
    (folder / "plan.yaml").write_text(STUDY, encoding="utf-8")
    write_records(folder, after=8.2)
    return folder / "plan.yaml"
