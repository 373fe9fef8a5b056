"""Half-written record files and an interrupted set-up: told in a plain sentence, mended by the next try."""

from __future__ import annotations

import gzip
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from evalkit.errors import RecordsError
from evalkit.publish import publish
from evalkit.publish.due import publish_due
from evalkit.publish.inputs import Settings

PERIOD = "2025-Q4"
ROOT = Path(__file__).parents[2]


def again(bank: Path) -> None:
    publish(bank, PERIOD, out=bank / "reports", notebooks=bank / "notebooks")


@pytest.mark.parametrize("form", ["csv", "csv.gz", "parquet"])
def test_a_half_written_record_file_replaces_no_report(bank: Path, sound: Callable[[Path], float], form: str) -> None:
    whole, study = (bank / "survey.csv").read_bytes(), bank / "study.yaml"
    if form == "parquet":
        duckdb.sql(f"copy (from read_csv('{bank}/survey.csv')) to '{bank}/survey.parquet'")
        whole = (bank / "survey.parquet").read_bytes()
    whole = gzip.compress(whole) if form == "csv.gz" else whole
    (bank / f"survey.{form}").write_bytes(whole[: len(whole) * 9 // 10])
    study.write_text(study.read_text().replace("survey.csv", f"survey.{form}"))
    with pytest.raises(RecordsError) as told:
        again(bank)
    expected = {
        "csv": r"goal 'score' has \\d+ records in its period, where the published report has 90: is a record file only half",
        "csv.gz": "was not written to its end",
        "parquet": "was not written to its end",
    }[form].replace("\\\\", "\\")
    told.match(expected)
    assert told.value.exit_code == 2
    assert sound(bank / "reports") > 8


def test_a_schedule_says_so_each_night_and_goes_on_when_the_file_is_whole(bank: Path) -> None:
    whole = (bank / "survey.csv").read_bytes()
    settings = Settings(out=bank / "reports", notebooks=bank / "notebooks")

    def night() -> dict[str, str]:
        attempts = publish_due(bank, settings, as_of="2025-12-31")
        return {one.period: one.status for one in attempts if one.period == PERIOD}

    (bank / "survey.csv").write_bytes(whole[: len(whole) // 10 * 9])
    for period in ("2025-Q1", "2025-Q2", "2025-Q3"):
        (bank / "reports" / ".locks").mkdir(exist_ok=True)
        (bank / "reports" / ".locks" / period).mkdir()  # what cannot be locked is not published here
    assert night() == {PERIOD: "failed"}
    (bank / "survey.csv").write_bytes(whole)
    assert night() == {}


def test_a_set_up_that_was_interrupted_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_bytes((ROOT / "Makefile").read_bytes())
    for name in ("requirements.lock", "pyproject.toml"):
        (tmp_path / name).touch()
    pip = "#!/bin/sh\n[ -e interrupted ] || { touch interrupted .venv/half; kill -KILL 0; }\n"
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\nmkdir -p $3/bin && printf '%s' '{pip}' > $3/bin/python && chmod +x $3/bin/python\n")
    python.chmod(0o755)
    command = ["make", "setup", f"PYTHON={python}"]
    first = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, start_new_session=True)
    assert first.returncode != 0
    assert (tmp_path / ".venv" / "half").exists()
    assert not (tmp_path / ".venv" / ".ready").exists(), "half an environment does not pass for a whole one"
    second = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, start_new_session=True)
    assert second.returncode == 0, second.stderr
    assert (tmp_path / ".venv" / ".ready").exists()
    assert not (tmp_path / ".venv" / "half").exists()
    assert sys.executable
