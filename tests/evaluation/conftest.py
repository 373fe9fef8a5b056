"""A builder of small studies."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from built_study import FIELDS, Study

import evalkit as ek


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """Return a builder: rows (dicts) and a goal's YAML in, an open study out."""

    def build(
        rows: Iterable[dict[str, Any]],
        goal: str,
        *,
        time: str = "day",
        extra: str = "",
        key: str = "",
        calendar: str = "calendar: {baseline: {start: 2023-01-01, end: 2024-12-31}}",
    ) -> ek.OpenStudy:
        rows = list(rows)
        columns = list(rows[0])
        lines = [",".join(columns)] + [",".join("" if row[c] is None else str(row[c]) for c in columns) for row in rows]
        (tmp_path / "records.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        fields = "\n".join(f"      - {FIELDS[column]}" for column in columns)
        goals = goal if goal.lstrip().startswith("- ") else f"  - id: g\n    source: s\n{goal}"
        (tmp_path / "study.yaml").write_text(
            "schema: 1\nid: small\n"
            f"{calendar}\n"
            f"{extra}\n"
            f"sources:\n  s:\n    path: records.csv\n    time: {time}\n{key}    fields:\n{fields}\n"
            f"goals:\n{goals}\n",
            encoding="utf-8",
        )
        return ek.open_study(tmp_path / "study.yaml")

    return build
