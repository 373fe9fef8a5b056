"""Provenance names what numbers came from, the same on any day, and no folder of this machine."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from pathlib import Path

import evalkit
from evalkit.publish.notebooks import shipped
from evalkit.publish.provenance import code_hash, data_files, data_hashes, provenance


def test_data_are_hashed_byte_for_byte_and_named_below_the_study(tmp_path: Path) -> None:
    inside, outside = tmp_path / "study" / "records" / "a.csv", tmp_path / "elsewhere" / "b.csv"
    for path in (inside, outside):
        path.parent.mkdir(parents=True)
        path.write_bytes(path.name.encode() * 100_000)
    found = data_hashes({"one": [inside], "two": [outside]}, tmp_path / "study")
    assert found == {
        "one": {"records/a.csv": hashlib.sha256(b"a.csv" * 100_000).hexdigest()},
        "two": {"b.csv": hashlib.sha256(b"b.csv" * 100_000).hexdigest()},
    }


def test_a_studys_provenance(small_study: Path) -> None:
    study = evalkit.open_study(small_study).file
    found = provenance(study, period="2025-Q4", as_of=date(2025, 12, 31))
    assert found["study"] == hashlib.sha256(small_study.read_bytes()).hexdigest()
    assert found["data"] == {}
    assert found["seed"] is None
    assert found["parameters"] == {"study": "plan.yaml", "period": "2025-Q4", "as_of": "2025-12-31"}
    assert {"python", "numpy", "duckdb", "papermill"} <= set(found["versions"])
    with_data = provenance(
        study, period="2025-Q4", as_of=date(2025, 12, 31), data=data_hashes(data_files(study), study.folder)
    )
    assert list(with_data["data"]) == ["survey"]
    assert list(with_data["data"]["survey"]) == ["survey.csv"]
    assert str(small_study.parent) not in json.dumps(with_data)


def test_code_is_hashed_with_its_notebooks(tmp_path: Path) -> None:
    assert code_hash(shipped()) == code_hash(shipped())
    (tmp_path / "own.ipynb").write_text('{"cells": [{"cell_type": "code", "source": ["1"]}]}')
    assert code_hash(tmp_path) != code_hash(shipped())
