"""The ledger tells when it was altered, and a folder belongs to one study."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evalkit.errors import ParameterError, VerificationError
from evalkit.publish import ledger

STUDY = {"schema": 1, "id": "one", "title": {"en": "One", "zh": "一"}, "goals": {}}


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    for period in ("2025-Q1", "2025-Q2", "2025-Q3"):
        ledger.append(tmp_path, {"study": "one", "period": period, "verdicts": {"a": "achieved"}})
    return tmp_path


def test_entries_are_chained(kept: Path) -> None:
    entries = ledger.entries(kept)
    assert [entry["number"] for entry in entries] == [1, 2, 3]
    assert entries[0]["previous"] is None
    assert entries[2]["previous"] == entries[1]["hash"]
    assert list(ledger.breaks(kept)) == []


@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_altered_entry_is_found(kept: Path, place: int) -> None:
    lines = (kept / ledger.LEDGER).read_text().splitlines()
    lines[place] = lines[place].replace("achieved", "not_achieved")
    (kept / ledger.LEDGER).write_text("\n".join(lines) + "\n")
    assert any(f"line {place + 1}: its content does not match" in told for told in ledger.breaks(kept))


def test_a_removed_or_rehashed_entry_is_found(kept: Path) -> None:
    lines = (kept / ledger.LEDGER).read_text().splitlines()
    (kept / ledger.LEDGER).write_text("\n".join([lines[0], lines[2]]) + "\n")
    assert any("line 2: it does not follow" in told for told in ledger.breaks(kept))
    forged = json.loads(lines[1]) | {"verdicts": {"a": "not_achieved"}}
    forged["hash"] = ledger.entry_hash(forged)
    (kept / ledger.LEDGER).write_text("\n".join([lines[0], json.dumps(forged), lines[2]]) + "\n")
    assert any("line 3: it does not follow" in told for told in ledger.breaks(kept))


def test_a_line_that_is_not_json_is_an_error_that_names_it(kept: Path) -> None:
    with (kept / ledger.LEDGER).open("a") as file:
        file.write("half a li")
    with pytest.raises(VerificationError, match="line 4: this is not a ledger entry"):
        ledger.entries(kept)


def test_a_folder_is_one_studys(tmp_path: Path) -> None:
    ledger.claim(tmp_path, STUDY)
    ledger.claim(tmp_path, {**STUDY, "title": {"en": "Renamed", "zh": "一"}})
    assert "Renamed" in (tmp_path / ledger.STUDY).read_text()
    with pytest.raises(ParameterError, match="reports of the study 'one', not of 'two'; give another --out"):
        ledger.claim(tmp_path, {**STUDY, "id": "two"})
    (tmp_path / ledger.STUDY).write_text("{")
    with pytest.raises(ParameterError, match="cannot be read"):
        ledger.claim(tmp_path, STUDY)


def test_replacing_a_file_leaves_nothing_beside_it(tmp_path: Path) -> None:
    ledger.replace_text(tmp_path / "index.html", "one")
    ledger.replace_text(tmp_path / "index.html", "two")
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]
    assert (tmp_path / "index.html").read_text() == "two"
