"""Whatever bytes a file holds: read, or refused in a sentence; every record counted, none twice."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from evalkit.errors import RecordsError
from evalkit.records import ingest
from evalkit.records.fetch import fetch
from evalkit.study.model_source import Source

SOURCE = {"path": "r.csv", "time": "day", "fields": [{"name": "day", "type": "date"}, {"name": "x", "type": "string"}]}
CELL = st.text(st.sampled_from(list("a1\"', ;\t\\-#|中é�\x00\u2028")), max_size=4)


@pytest.fixture(scope="module")
def engine() -> Any:
    return ingest.connect("UTC")


def read(engine: Any, path: Path) -> tuple[list[tuple[Any, ...]], int]:
    raw = ingest.read(engine, "s", Source(**SOURCE), {"r.csv": path})
    return [(row["day"], row["x"]) for row in fetch(raw.table)], len(raw.malformed)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(CELL, CELL), max_size=6),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
@example(rows=[("a\nb", "1"), ("", "")], end="\r\n", quoting=csv.QUOTE_MINIMAL)
@example(rows=[('"', '""'), (",", "\\")], end="\r", quoting=csv.QUOTE_MINIMAL)
def test_what_csv_writes_is_read_back(
    engine: Any, tmp_path: Path, rows: list[tuple[str, str]], end: str, quoting: int
) -> None:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator=end, quoting=quoting)
    writer.writerow(["day", "x"])
    writer.writerows(rows)
    path = tmp_path / "r.csv"
    path.write_text(out.getvalue(), encoding="utf-8", newline="")
    assert read(engine, path) == (rows, 0)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.one_of(st.binary(max_size=60), st.text(st.sampled_from(list("ab,\"\n\r '中")), max_size=40).map(str.encode))
)
@example(body=b'"')
@example(body=b'a,"b\n')
@example(body=b'"a"b,c\n')
@example(body=b"\x00\x00")
@example(body=b"a,b\xff\n")
def test_any_bytes_are_read_or_refused(engine: Any, tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "r.csv"
    path.write_bytes(b"day,x\n" + body)
    try:
        rows, malformed = read(engine, path)
    except RecordsError as error:
        told = error.messages
    else:
        told = ()
    assert all(message.startswith("r.csv: ") for message in told)
    if told:
        return
    text = body.decode(errors="replace")
    if '"' not in text:
        lines = [line for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n") if line]
        assert len(rows) + malformed == len(lines)
