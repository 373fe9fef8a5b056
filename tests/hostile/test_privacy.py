"""Marked personal data in every table: none of it comes out, but keys and row numbers in the list of rejected rows."""

from __future__ import annotations

import csv
import json
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from child import Cli, found_in
from quick_notebooks import write_notebooks

from evalkit.study.yaml_lines import parse

MARK, KEY = "zqprivate", "zqkey"  # what may nowhere stand; what may stand in the list of rejected rows
GOALS, INDICATORS = ("satisfaction", "response_rate"), ("drill_minutes",)


@dataclass
class Bank:
    folder: Path
    study: dict[str, Any]

    @property
    def out(self) -> Path:
        return self.folder.parent / "out"

    def save(self) -> None:
        (self.folder / "study.yaml").write_text(json.dumps(self.study), encoding="utf-8")


def mark(folder: Path, name: str, source: dict[str, Any], clusters: set[str]) -> None:
    """Plant marks in a source's file: a column of its own, free text, and one broken value in each typed column."""
    path, code = folder / source["path"], source.get("encoding", "utf-8")
    with path.open(encoding=code, newline="") as stream:
        header, *rows = csv.reader(stream)
    fields = {field.get("rename_from", field["name"]): field for field in source["fields"]}
    for number, row in enumerate(rows):
        row.append(f"{MARK} {name} {number} 张三")
        for place, column in enumerate(header):
            if column in fields and fields[column]["name"] == "message":
                row[place] = f"{MARK} {row[place]}"
    broken = [column for column in header if column in fields and fields[column]["name"] not in clusters]
    for number, column in enumerate(broken):
        field, row = fields[column], rows[len(rows) // 2 + number]
        typed = field["type"] != "string" or "enum" in field.get("constraints", {})
        row[header.index(column)] = (
            (f"{KEY}-{name}-{number}" if field["name"] == source.get("key") else f"{MARK}-{column}-{number}")
            if typed
            else row[header.index(column)]
        )
    rows[3].append(f"{MARK}-too-many-columns")
    with path.open("w", encoding=code, newline="") as stream:
        csv.writer(stream).writerows([[*header, f"{MARK}-header-{name}"], *rows])


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory, cli: Cli) -> Bank:
    folder = tmp_path_factory.mktemp("marked") / "bank"
    assert cli("simulate", "--out", folder, "--records", 4000).returncode == 0
    study = parse((folder / "study.yaml").read_text(encoding="utf-8"), "study.yaml").data
    study["goals"] = [goal for goal in study["goals"] if goal["id"] in GOALS]
    study["indicators"] = [one for one in study["indicators"] if one["id"] in INDICATORS]
    labels = {"branch", "region", "topic", "system", "kind", "scenario"}
    for name, source in study["sources"].items():
        source["max_rejected"] = 0.9
        mark(folder, name, source, labels)
    bank = Bank(folder, study)
    bank.save()
    return bank


def silent(done: subprocess.CompletedProcess[str], *, keys: bool = False) -> None:
    for stream in (done.stdout, done.stderr):
        assert MARK not in stream.lower()
        assert keys or KEY not in stream.lower()


def test_check_names_keys_and_rows_only(bank: Bank, cli: Cli) -> None:
    done = cli("check", "--study", bank.folder)
    assert done.returncode == 0, done.stderr
    silent(done, keys=True)
    assert "survey_responses.csv row" in done.stdout
    kept = sorted((bank.folder / ".evalkit").rglob("*.csv"))
    assert len(kept) == len(bank.study["sources"]), "every source had rejected rows"
    for path in kept:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert any(MARK in path.read_text(encoding="utf-8-sig") for path in kept), "the marks were there to be found"


def test_evaluate_says_nothing_of_a_record(bank: Bank, cli: Cli) -> None:
    commands: list[tuple[str, ...]] = [
        ("evaluate", "--period", "2025-Q4"),
        ("evaluate", "--period", "2025-Q4", "--json", "--debug"),
        ("evaluate", "--period", "2025-Q4", "--by", "channel", "--debug"),
        ("evaluate", "--period", "2025-Q4", "--by", "message", "--goal", "response_rate"),
        ("power",),
    ]
    for command in commands:
        done = cli(*command, "--study", bank.folder)
        assert done.returncode in (0, 2), (command, done.stderr)
        assert "Traceback" not in done.stderr or done.returncode == 2
        silent(done)


@pytest.mark.parametrize("command", [pytest.param("check", marks=pytest.mark.slow), "evaluate"])
def test_a_file_that_is_not_what_it_should_be_is_not_quoted(tmp_path: Path, cli: Cli, command: str) -> None:
    """No header, a delimiter unexpected, a broken quote, another encoding, a broken Parquet: with --debug as well."""
    import duckdb

    fields = [{"name": "day", "type": "date"}, {"name": "x", "type": "number"}]
    good = "2024-05-01,1\n" * 3
    faults: dict[str, bytes] = {
        "no-header.csv": f"2024-01-01,{MARK}\n{good}".encode(),
        "delimiter.csv": f"2024-01-01;{MARK}\n".encode(),
        "quote.csv": f'day,x\n{good}2024-01-01,"{MARK}\n{good}'.encode(),
        "encoding.csv": f"day,x\n{good}2024-01-01,{MARK}张三\n".encode("gb18030"),
        "nul.csv": f"day,x\n{good}2024-01-01,\0{MARK}\n".encode(),
        "typed.csv": f"day,x\n{good}{MARK},{MARK}\n".encode(),
        "broken.parquet": b"PAR1" + MARK.encode() * 9 + b"PAR1",
    }
    duckdb.sql(f"COPY (SELECT '{MARK}' AS day, ['{MARK}'] AS x) TO '{tmp_path}/types.parquet' (FORMAT parquet)")
    lying = (tmp_path / "types.parquet").read_bytes()
    at = lying.index(MARK.encode())
    faults["lying.parquet"] = lying[: at - 8] + b"\xff" * 8 + lying[at:]
    goal = {"source": "s", "metric": {"kind": "mean", "value": "x"}, "better": "higher", "target": {"level": 1}}
    for name, content in {**faults, "types.parquet": lying}.items():
        (tmp_path / name).write_bytes(content)
        study = {
            "schema": 1,
            "id": "faults",
            "calendar": {"baseline": {"start": "2024-01-01", "end": "2024-12-31"}},
            "sources": {"s": {"path": name, "time": "day", "fields": fields}},
            "goals": [{"id": "g", **goal}],
        }
        (tmp_path / "study.yaml").write_text(json.dumps(study), encoding="utf-8")
        period = ["--period", "2025-Q1"] if command == "evaluate" else []
        done = cli(command, *period, "--study", tmp_path, "--debug")
        assert done.returncode in (0, 2, 3), (name, done.stderr)
        silent(done)


@pytest.mark.slow
def test_nothing_published_holds_a_record(bank: Bank, cli: Cli) -> None:
    for language in ("en", "zh"):
        done = cli("run", "--period", "2025-Q4", "--study", bank.folder, "--out", bank.out, "--language", language)
        assert done.returncode == 0, done.stderr
        silent(done)
    assert (bank.out / "2025-Q4" / "index.zh.html").exists()
    assert found_in(bank.out, "satisfaction"), "the search sees what is there"
    assert found_in(bank.out, MARK) == []
    assert found_in(bank.out, KEY) == []
    for goal in GOALS:
        assert found_in(bank.out / "2025-Q4", goal)


def test_a_failing_notebook_leaves_no_record_behind(bank: Bank, cli: Cli, tmp_path: Path) -> None:
    """The engine's message quotes the value that it could not convert; it is kept back wherever it would stand."""
    fault = "ek.open_study(study).records('feedback').message.cast('int64').sum().execute()"
    notebooks, out = write_notebooks(tmp_path / "notebooks", between=fault), tmp_path / "out"
    done = cli("run", "--period", "2025-Q4", "--study", bank.folder, "--out", out, "--notebooks", notebooks, "--debug")
    assert done.returncode == 4, done.stderr
    silent(done)
    assert "ConversionException: (its message is kept back" in done.stderr
    failed = out / ".failed"
    assert [path for path in failed.rglob("*.ipynb") if '"error"' in path.read_text(encoding="utf-8")]
    assert found_in(failed, MARK) == []
