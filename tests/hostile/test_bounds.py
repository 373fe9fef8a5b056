"""Input made to hurt: every command ends soon, in little memory, with a sentence and no traceback."""

from __future__ import annotations

import gzip
import json
import os
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from child import Cli

from evalkit.errors import EvalkitError, ParameterError, StudyError
from evalkit.periods import parse_period
from evalkit.session import open_study

MEMORY, SECONDS = 3 << 30, 60  # of address space, which holds the libraries too; of a busy machine
FIELDS = [{"name": "day", "type": "date"}, {"name": "x", "type": "number"}]
GOAL = {"id": "g", "source": "s", "metric": {"kind": "mean", "value": "x"}, "better": "higher", "target": {"level": 1}}
Make = Callable[[Path], object]


def study(folder: Path, path: str = "r.csv", **changes: Any) -> None:
    whole = {
        "schema": 1,
        "id": "bounds",
        "calendar": {"baseline": {"start": "2024-01-01", "end": "2024-12-31"}},
        "sources": {"s": {"path": path, "time": "day", "fields": FIELDS}},
        "goals": [GOAL],
        **changes,
    }
    (folder / "study.yaml").write_text(json.dumps(whole), encoding="utf-8")


def limited() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def refused(cli: Cli, folder: Path, told: str, *command: str, code: int = 2) -> None:
    """The command ends in time with this exit code and a short sentence that says so."""
    began = time.monotonic()
    done = cli(*(command or ("check",)), "--study", folder, preexec_fn=limited)
    assert time.monotonic() - began < SECONDS
    assert done.returncode == code, (done.stdout[-500:], done.stderr[-500:])
    assert told in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "a fault of evalkit" not in done.stderr
    assert max(map(len, done.stderr.splitlines()), default=0) < 3000
    assert (done.stdout + done.stderr).replace("\n", "").isprintable()


def written(content: bytes) -> Make:
    return lambda folder: (folder / "r.csv").write_bytes(content)


def zipped(head: bytes, block: bytes, times: int) -> Make:
    def make(folder: Path) -> None:
        with gzip.open(folder / "r.csv", "wb", compresslevel=1) as stream:
            stream.write(head)
            for _ in range(times):
                stream.write(block)
        (folder / "r.csv").rename(folder / "r.csv.gz")
        study(folder, "r.csv.gz")

    return make


def links(folder: Path) -> None:
    for name in "abc":
        (folder / name).symlink_to(".")
    study(folder, "**/*.csv")


def outside(folder: Path) -> None:
    (folder / "all").symlink_to("/")
    study(folder, "**/*.csv")


RECORDS: dict[str, tuple[Make, str, int]] = {
    "one line of NUL": (written(b"\0" * 20_000_000), "cannot be read", 2),
    "a header without end": (written(b"a," * 20_000_000), "is there no header?", 2),
    "a quoted header without end": (written(b'"' + b"a\n" * 5_000_000), "cannot be read", 2),
    "a value of 20 MB": (written(b"day,x\n2024-01-01," + b"1" * 20_000_000), "longer than 2 MB", 2),
    "a quote never closed": (written(b'day,x\n"' + b"a\n" * 2_000_000), "not closed", 2),
    "control characters": (written(b"day,\x1b[31m\x07x,\xe2\x80\xaey\n2024-01-01,1,2\n"), "has no column 'x'", 2),
    "10,000 columns": (written(b"day,x" + b",c" * 10_000 + b"\n2024-05-01,1" + b",2" * 10_000), "1 record found", 0),
    "a bomb of one line": (zipped(b"", b"a" * 1_000_000, 1000), "cannot be read", 2),
    "a bomb of nothing": (zipped(b"day,x\n", b"\n" * 1_000_000, 100), "0 records found", 0),
    "a pipe": (lambda folder: os.mkfifo(folder / "r.csv"), "but a pipe", 2),
    "a device": (lambda folder: (folder / "r.csv").symlink_to("/dev/zero"), "a link that leads outside", 2),
    "a link out": (lambda folder: (folder / "r.csv").symlink_to("/etc/passwd"), "a link that leads outside", 2),
    "a link to itself": (lambda folder: (folder / "r.csv").symlink_to("r.csv"), "link to nothing", 2),
    "a ring of links": (links, "matches no file", 2),
    "a link to everything": (outside, "a link that leads outside", 2),
}


@pytest.mark.parametrize("kind", RECORDS)
def test_records_made_to_hurt(tmp_path: Path, cli: Cli, kind: str) -> None:
    make, told, code = RECORDS[kind]
    study(tmp_path)
    make(tmp_path)
    refused(cli, tmp_path, told, code=code)


PATHS = [
    "../r.csv",
    "a/../../r.csv",
    "/etc/passwd",
    "~/r.csv",
    "${HOME}/../r.csv",
    "a${HOME}",
    "${NO_SUCH}/r.csv",
    "a\\b",
]


def test_paths_out_of_the_folder_in_a_study_file(tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "r.csv").write_text("day,x\n2024-01-01,1\n", encoding="utf-8")
    inner = tmp_path / "inner"
    inner.mkdir()
    for path in PATHS:
        study(inner, path)
        with pytest.raises(EvalkitError):
            open_study(inner).open_all()
    for name in ("../../x", "a/b", "..", "C:\\x", "a\u202eb", "a\nb", "x" * 65, ""):
        study(inner, goals=[{**GOAL, "id": name}], id=name)
        with pytest.raises(StudyError, match="expected a"):
            open_study(inner)
    study(tmp_path)
    for period in ("2025-Q1/../../x", "9" * 5000, "9999-Q4", "2025-01-01/9999-12-31"):
        with pytest.raises(ParameterError):
            parse_period(period)
    for period in ("../../x", "2025-01-01_../.."):
        refused(cli, tmp_path, "evalkit: ", "run", "--period", period, "--out", str(tmp_path / "out"))
        assert not (tmp_path / "out").exists()


def test_study_files_made_to_hurt(tmp_path: Path, cli: Cli) -> None:
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9)
    )
    study(tmp_path)
    whole = (tmp_path / "study.yaml").read_text(encoding="utf-8")
    fields = [*FIELDS, *({"name": f"c{i}", "type": "number"} for i in range(20_000))]
    goals = [{**GOAL, "id": f"g{i}", "metric": {"kind": "mean", "value": f"d{i}"}} for i in range(3000)]
    source = {"path": "r.csv", "time": "day"}
    study(tmp_path, sources={"s": {**source, "fields": fields}}, goals=goals)
    wide = (tmp_path / "study.yaml").read_text(encoding="utf-8")
    study(tmp_path, sources={"s": {**source, "fields": [{"name": "day", "type": "date", "format": "%999999999d" * 9}]}})
    directive = (tmp_path / "study.yaml").read_text(encoding="utf-8")
    study(tmp_path, sources={"s": {**source, "encoding": "punycode", "fields": FIELDS}})
    encoding = (tmp_path / "study.yaml").read_text(encoding="utf-8")
    texts = {
        bomb: "repeats by alias included",
        "a: &a [*a]": "repeats by alias included",
        "[" * 100_000: "nested more than",
        "x" * 6_000_000: "more than 5,000,000 bytes",
        whole[:-1] + "".join(f',"k{i}": 1' for i in range(50_000)) + "}": "there are more mistakes than these 200",
        wide: "expected 300 entries at most",
        directive: "does not give year, month and day",
        encoding: "not an encoding",
        whole.replace('"level": 1', '"level": 1e999'): "finite",
        whole.replace('"bounds"', '"\\u001b[2Jx\\u202e"'): "expected a name",
        whole.replace('"x"}, "better"', '"\\u0000"}, "better"'): "no file can hold",
    }
    for text, told in texts.items():
        (tmp_path / "study.yaml").write_text(text, encoding="utf-8")
        refused(cli, tmp_path, told)
    (tmp_path / "study.yaml").unlink()
    os.mkfifo(tmp_path / "study.yaml")
    refused(cli, tmp_path, "study.yaml (the study given) is no file, but a folder, a pipe")
