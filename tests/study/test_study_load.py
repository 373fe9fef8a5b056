"""Finding, reading and hashing the study file."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from datetime import date, datetime
from pathlib import Path

import pytest

from evalkit.errors import ParameterError, StudyError
from evalkit.study import Study, find, load
from evalkit.study.load import read, shown

WHOLE = Path(__file__).with_name("whole.yaml")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("EVALKIT_STUDY", raising=False)
    (tmp_path / "bank" / "data").mkdir(parents=True)
    (tmp_path / "bank" / "deep" / "deeper").mkdir(parents=True)
    (tmp_path / "bank" / "data" / "study.yaml").write_bytes(WHOLE.read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path / "bank"


def test_load_gives_path_folder_and_hash(folder: Path) -> None:
    study = load(folder / "data" / "study.yaml")
    assert isinstance(study, Study)
    assert study.path == folder / "data" / "study.yaml"
    assert study.folder == folder / "data"
    assert study.hash == hashlib.sha256(WHOLE.read_bytes()).hexdigest()


def test_find_takes_the_argument_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = folder / "other.yaml"
    other.write_text("schema: 1", encoding="utf-8")
    monkeypatch.setenv("EVALKIT_STUDY", str(folder))
    assert find(other) == other
    assert find("bank/other.yaml") == other
    assert find() == folder / "data" / "study.yaml"


def test_find_looks_here_and_above(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder / "deep" / "deeper")
    assert find() == folder / "data" / "study.yaml"
    with pytest.raises(ParameterError, match="The path of the study file is empty; name the file, or give none"):
        find("")


def test_find_takes_a_study_file_that_lies_here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder.parent / "mine").mkdir()
    (folder.parent / "mine" / "study.yaml").write_bytes(WHOLE.read_bytes())
    monkeypatch.chdir(folder.parent / "mine")
    assert find() == folder.parent / "mine" / "study.yaml"
    (folder / "deep" / "study.yaml").write_bytes(WHOLE.read_bytes())
    monkeypatch.chdir(folder / "deep")
    assert find() == folder / "data" / "study.yaml"


def test_a_folder_means_its_study_file(folder: Path) -> None:
    assert find(folder) == folder / "data" / "study.yaml"
    assert find(folder / "data") == folder / "data" / "study.yaml"
    with pytest.raises(ParameterError, match=r"neither study.yaml nor data/study.yaml"):
        find(folder / "deep")


def test_no_study_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ParameterError, match=r"There is no data/study\.yaml in .* set EVALKIT_STUDY") as caught:
        find()
    assert caught.value.exit_code == 2
    with pytest.raises(ParameterError, match=r"The study file nowhere.yaml \(the study given\) does not exist"):
        load("nowhere.yaml")
    with pytest.raises(ParameterError, match="does not exist"):
        find("a\0b")
    monkeypatch.setenv("EVALKIT_STUDY", "gone.yaml")
    with pytest.raises(ParameterError, match=r"gone.yaml \(the environment variable EVALKIT_STUDY\) does not exist"):
        find()


def test_messages_name_the_file_from_here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = folder / "data" / "study.yaml"
    file.write_text("schema: 2", encoding="utf-8")
    with pytest.raises(StudyError) as caught:
        load(folder)
    assert all(message.startswith("bank/data/study.yaml:1:") for message in caught.value.messages)
    monkeypatch.chdir(folder / "deep")
    assert shown(file) == str(file)


def test_a_file_in_another_encoding(folder: Path) -> None:
    file = folder / "data" / "study.yaml"
    file.write_bytes(WHOLE.read_text(encoding="utf-8").encode("gb18030"))
    with pytest.raises(StudyError, match=r"study.yaml:3: the file is not UTF-8"):
        load(file)


def operands(study: Study) -> list[object]:
    conditions = [dict(condition) for condition in study.goals[0].where]
    return [next(v for key, v in condition.items() if key != "column" and v is not None) for condition in conditions]


def test_values_are_cast_to_their_fields(whole: str) -> None:
    assert operands(read(whole)) == [
        ("counter", "mobile"), "007", 2, 9, True, date(2020, 1, 1), "1.50", True, datetime.fromisoformat("2020-01-01T08:00"),
    ]  # fmt: skip


def test_casts_of_every_type(whole: str) -> None:
    text = whole.replace("{column: code, equals: 007}", "{column: code, in: [on, 1e3, true, 2020-01-01]}")
    text = text.replace("{column: level, at_least: 2}", '{column: level, in: [3.0, "4", 5]}')
    text = text.replace("{column: resolved, equals: true}", "{column: resolved, in: [1, FALSE, 'true']}")
    text = text.replace("{column: level, at_most: 9}", '{column: score, in: ["0.5", 7]}')
    found = operands(read(text))[1:5]
    assert found == [("on", "1e3", "true", "2020-01-01"), (3, 4, 5), (0.5, 7), (True, False, True)]
    assert all(type(value) is int for value in found[1])


def test_constraints_are_cast_too(whole: str) -> None:
    text = whole.replace("{name: closed, type: date}", "{name: closed, type: date, constraints: {minimum: 2020-01-01}}")
    text = text.replace("name: code, type: string", "name: code, type: string, constraints: {enum: [007, 1.50]}")
    source = read(text).source("survey")
    assert source.fields[10].constraints.minimum == date(2020, 1, 1)
    assert source.fields[6].constraints.enum == ("007", "1.50")


def test_import_is_light() -> None:
    code = "import sys, evalkit.study; print([m for m in ('pandas', 'ibis', 'numpy', 'scipy') if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
