"""Case studies whose public records are not there are skipped, each saying where to get them."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

HERE = Path(__file__).parent
missing = runpy.run_path(str(HERE / "public_records.py"))["missing"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == HERE and (told := missing(item.path.stem.replace("_", "-"))):
            item.add_marker(pytest.mark.skip(reason=told))
