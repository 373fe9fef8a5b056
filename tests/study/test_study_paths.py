"""From the path of a source to its files, never outside the folder it may read."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalkit.errors import RecordsError
from evalkit.study import load, resolve

TEXT = """
schema: 1
id: small
calendar: {baseline: {start: 2023-01-01, end: 2024-12-31}}
sources:
  s: {path: "PATH", time: d, fields: [{name: d, type: date}, {name: x, type: number}]}
  db: {connection: c, table: t, time: d, fields: [{name: d, type: date}]}
goals:
  - {id: g, source: s, metric: {kind: mean, value: x}, better: higher, target: {relative_change: 0.1}}
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name in (
        "bank/records/b.csv",
        "bank/records/a.csv",
        "bank/records/sub/c.csv",
        "bank/records/x[1].csv",
        "away/o.csv",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("d,x\n", encoding="utf-8")
    (tmp_path / "bank/records/link.csv").symlink_to(tmp_path / "away" / "o.csv")
    (tmp_path / "bank/records/near.csv").symlink_to("a.csv")
    return tmp_path


def resolved(files: Path, path: str) -> list[str]:
    study = files / "bank" / "study.yaml"
    study.write_text(TEXT.replace("PATH", path), encoding="utf-8")
    return [str(found.relative_to(files)) for found in resolve(load(study), "s")]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("records/a.csv", ["bank/records/a.csv"]),
        ("./records/../records/a.csv", ["bank/records/../records/a.csv"]),
        ("records/[ab].csv", ["bank/records/a.csv", "bank/records/b.csv"]),
        ("records/x[1].csv", ["bank/records/x[1].csv"]),
        ("records/**/c.csv", ["bank/records/sub/c.csv"]),
        ("records/near.csv", ["bank/records/near.csv"]),
    ],
)
def test_files_beside_the_study(files: Path, path: str, found: list[str]) -> None:
    assert resolved(files, path) == found


def test_files_below_a_variable(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVALKIT_TEST_AWAY", str(files / "away"))
    assert resolved(files, "${EVALKIT_TEST_AWAY}/*.csv") == ["away/o.csv"]
    monkeypatch.chdir(files / "bank")
    monkeypatch.setenv("EVALKIT_TEST_AWAY", "../away")
    assert resolved(files, "${EVALKIT_TEST_AWAY}/o.csv") == ["bank/../away/o.csv"]


@pytest.mark.parametrize("setting", [None, ""])
def test_an_unset_variable_is_told_when_records_are_read(
    files: Path, monkeypatch: pytest.MonkeyPatch, setting: str | None
) -> None:
    monkeypatch.delenv("EVALKIT_TEST_AWAY", raising=False)
    if setting is not None:
        monkeypatch.setenv("EVALKIT_TEST_AWAY", setting)
    with pytest.raises(
        RecordsError, match=r"source 's' reads .*, but the environment variable EVALKIT_TEST_AWAY is not"
    ):
        resolved(files, "${EVALKIT_TEST_AWAY}/o.csv")


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("records/none.csv", "'s' reads records/none.csv, which does not exist"),
        ("records/none*.csv", "matches no file"),
        ("records", "is a folder; write a file or a glob"),
        ("records/link.csv", "link.csv is a link that leads outside"),
        ("records/*.csv", "link.csv is a link that leads outside"),
    ],
)
def test_what_is_not_found_or_not_allowed(files: Path, path: str, part: str) -> None:
    with pytest.raises(RecordsError) as caught:
        resolved(files, path)
    assert part in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_table_has_no_files(files: Path) -> None:
    study = files / "bank" / "study.yaml"
    study.write_text(TEXT.replace("PATH", "records/a.csv"), encoding="utf-8")
    with pytest.raises(RecordsError, match="is a table of the connection 'c'"):
        resolve(load(study), "db")
