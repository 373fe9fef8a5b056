"""The same studies on every engine: the same counts, the same reasons, numbers equal to 1e-9."""

from __future__ import annotations

import csv
import datetime as dt
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from engines.conftest import ENGINES, Warehouse

import evalkit as ek
from evalkit.records.fetch import fetch
from evalkit.records.fields import INSTANT
from evalkit.simulate import simulate

PERIOD = "2025-Q4"


def same(found: Any, expected: Any, place: str = "") -> None:
    """Compare results: numbers to 1e-9, all else exactly."""
    if isinstance(expected, dict):
        assert list(found) == list(expected), place
        for key in expected:
            same(found[key], expected[key], f"{place}.{key}")
    elif isinstance(expected, list | tuple):
        assert len(found) == len(expected), place
        for number, (one, other) in enumerate(zip(found, expected, strict=True)):
            same(one, other, f"{place}[{number}]")
    elif isinstance(expected, float) and isinstance(found, float):
        assert math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-12), f"{place}: {found} is not {expected}"
    else:
        assert found == expected, place


MESSY = {
    "process": [
        ["900001", "cash", "B1", "", "2025-11-03 10:00", "2025-11-03T10:20:00,5", "3"],
        ["900002", "cash", "B1", "", "2025-11-03 10:00:00+0800", "2025-11-03 03:00:00Z", "3.0"],
        ["900002", "cash", "B1", "NA", "2025-11-03T02:00:00 Z", "2025-11-03 11:00", " +3 "],
        ["900003", "cash", "B1", "", "2025-11-03 10:00", "2025-11-03 09:59", "3"],
        ["900004", "gold", "B1", "", "2025-11-03 10:00", "", "3"],
        ["900005", "cash", "B1", "", "2025-02-29 10:00", "", "3"],
        ["900006", "cash", "B1", "", "2025-11-03 10:00", "soon", "0"],
        ["900007", "cash", "", "", "", "", "1e3"],
        ["900008", "cash", "B1", "", "2025-11-03 10:00", "", "9223372036854775808"],
        ["900009", "cash", "B'1", "", "2025-11-04", "", "9"],
        ["900009", "cash", "B'1", "", "2025-11-05", "", "9"],
        ["1_0", "cash", "B1", "", "2025-11-03 24:30", "", "1"],
    ],
}


def text_bank(folder: Path) -> dict[str, Any]:
    """Write a simulated bank with unkind records; return its study file."""
    simulate(folder, records=3000, seed=3)
    study = yaml.safe_load((folder / "study.yaml").read_text(encoding="utf-8"))
    for name, rows in MESSY.items():
        with (folder / study["sources"][name]["path"]).open("a", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows(rows)
    return study


ODD = "sp ace\"; DROP TABLE t; --'列"


def nasty() -> pa.Table:
    """Return typed records with what a warehouse holds: NULLs, NaN, decimals, times of both kinds, copies, odd names."""
    days = [dt.date(2024, 1, 1) + dt.timedelta(days=3 * i) for i in range(300)]
    days[7] = None
    number = range(len(days))
    values = [float(10 + i % 7 + (i % 3) / 10) for i in number]
    values[1:6] = [float("nan"), float("inf"), None, -1e60, -5.0]
    began = [None if day is None else dt.datetime.combine(day, dt.time(23, 30)) for day in days]
    table = {
        "id": pa.array([None if i == 9 else i // 2 if 20 <= i < 24 else 1000 + i for i in number], pa.int64()),
        "day": pa.array(days, pa.date32()),
        "began": pa.array(began, pa.timestamp("us")),
        "ended": pa.array(
            [b and b.replace(tzinfo=dt.UTC) - dt.timedelta(hours=8 - i % 50) for i, b in enumerate(began)],
            pa.timestamp("us", "UTC"),
        ),
        "x": pa.array(values, pa.float64()),
        "amount": pa.array([Decimal(i % 11) + Decimal("0.25") for i in number], pa.decimal128(12, 2)),
        "whole": pa.array([Decimal(2**53 + 1 + i) for i in number], pa.decimal128(20, 0)),
        "written": pa.array(
            ["1,5", "x", "", "NA", " 7 ", "1e400", "1e-400", "-0", "1.234,5", "٣"][i % 10] if i % 4 else "2"
            for i in number
        ),
        "when": pa.array(
            [["31.12.2024 23:59", "31.02.2024 00:00", "1.2.2024 3:04", "", "2024"][i % 5] for i in number]
        ),
        "ok": pa.array([None if i % 13 == 0 else i % 3 == 0 for i in number], pa.bool_()),
        "empty": pa.array([None] * len(days), pa.string()),
        ODD: pa.array([["'; DROP TABLE t; --", "网点 %s", 'a"b', "\\d{2}", " pad "][i % 5] for i in number]),
    }
    return pa.table(table).take(pa.array([*number, 30, 31, 31]))  # three copies


FIELDS: list[dict[str, Any]] = [
    {"name": "id", "type": "integer"},
    {"name": "day", "type": "date"},
    {"name": "began", "type": "datetime"},
    {"name": "ended", "type": "datetime", "constraints": {"minimum": "2024-01-02 00:00:00"}},
    {"name": "x", "type": "number", "constraints": {"minimum": 0, "maximum": 100}},
    {
        "name": "amount",
        "type": "number",
        "constraints": {"enum": [0.25, 1.25, 2.25, 3.25, 4.25, 5.25, 6.25, 7.25, 8.25]},
    },
    {"name": "whole", "type": "integer"},
    {"name": "written", "type": "number", "decimalChar": ",", "groupChar": "."},
    {"name": "when", "type": "datetime", "format": "%d.%m.%Y %H:%M"},
    {"name": "ok", "type": "boolean"},
    {"name": "empty", "type": "string", "constraints": {"maxLength": 3}},
    {"name": "branch ' \" 列", "rename_from": ODD, "type": "string", "constraints": {"pattern": r"[^\d].*|\\d.*"}},
]


def nasty_study(place: dict[str, Any]) -> dict[str, Any]:
    base = {"source": "s", "better": "lower", "target": {"relative_change": -0.05}, "cluster": FIELDS[-1]["name"]}
    success = {"column": "ended", "within": "1d", "of": "began"}
    share, level = {"difference": 0.05}, {"better": "higher"}
    return {
        "schema": 1,
        "id": "nasty",
        "timezone": "Europe/Berlin",
        "calendar": {"baseline": {"start": "2024-01-01", "end": "2024-12-31"}, "programme_start": "2025-01-15"},
        "sources": {"s": {**place, "key": "id", "time": "began", "fields": FIELDS, "max_rejected": 1}},
        "goals": [
            {**base, "id": "mean", "metric": {"kind": "mean", "value": "x", "weight": "amount"}},
            {
                **base,
                "id": "duration",
                "metric": {"kind": "mean", "value": {"from": "began", "to": "ended", "unit": "hours", "within": "30d"}},
            },
            {**base, "id": "days", "metric": {"kind": "mean", "value": {"from": "day", "to": "ended", "unit": "days"}}},
            {**base, **level, "id": "in-time", "target": share, "metric": {"kind": "proportion", "success": success}},
            {
                **base,
                **level,
                "id": "ok",
                "target": share,
                "metric": {"kind": "proportion", "success": {"column": "ok", "equals": True}},
                "standardise_by": ["empty"],
            },
            {
                **base,
                "id": "rate",
                "metric": {"kind": "rate", "exposure": "calendar-days"},
                "where": [{"column": FIELDS[-1]["name"], "in": ["'; DROP TABLE t; --", 'a"b', " pad "]}],
            },
            {**base, "id": "ratio", "metric": {"kind": "ratio", "numerator": "written", "denominator": "amount"}},
        ],
    }


@pytest.mark.filterwarnings("ignore:invalid value encountered")  # strata of the odd records, in a sensitivity line
@pytest.mark.parametrize("warehouse", ENGINES, indirect=True)
def test_what_a_warehouse_holds(warehouse: Warehouse, tmp_path: Path) -> None:
    table = nasty()
    there = {"connection": "warehouse", "table": warehouse.load("Tisch; 表", table)}
    for name, place in {"file": {"path": "r.parquet"}, "engine": there}.items():
        (tmp_path / name).mkdir()
        pq.write_table(table, tmp_path / name / "r.parquet")
        text = yaml.safe_dump(nasty_study(place), sort_keys=False, allow_unicode=True)
        (tmp_path / name / "study.yaml").write_text(text, encoding="utf-8")
    expected, found = results(tmp_path / "file", "2025"), results(tmp_path / "engine", "2025")
    assert len(expected[1]["s"][1]) >= 10
    same(found, expected)
    rows = [
        [
            {name: row[name] for name in ("id", "began", "ended", "x", "whole", "written", "when", "ok")}
            for row in fetch(t.order_by("id", "x"))
        ]
        for t in (ek.open_study(tmp_path / name).records("s") for name in ("engine", "file"))
    ]
    same(rows[0], rows[1])
    left = [
        sorted(
            (row.key or "", row.reason) for row in ek.open_study(tmp_path / name).source_records("s").rejected_rows()
        )
        for name in ("engine", "file")
    ]
    assert left[0] == left[1]


def results(folder: Path, period: str = PERIOD) -> tuple[dict[str, Any], dict[str, Any]]:
    study = ek.open_study(folder / "study.yaml")
    evaluated = study.evaluate_period(period).to_dict()
    return evaluated, {name: (study.source_records(name).found, study.rejected(name)) for name in study.file.sources}


@pytest.mark.parametrize("warehouse", ENGINES, indirect=True)
def test_a_bank_kept_as_text(warehouse: Warehouse, tmp_path: Path) -> None:
    bank = tmp_path / "bank"
    study = text_bank(bank)
    if warehouse.engine == "spark":  # two sources are enough: it takes seconds to plan a query
        study["sources"] = {name: study["sources"][name] for name in ("process", "survey")}
        del study["feedback"]
        for kind in ("goals", "indicators"):
            study[kind] = [one for one in study.get(kind, []) if one["source"] in study["sources"]][:3]
        (bank / "study.yaml").write_text(yaml.safe_dump(study, sort_keys=False, allow_unicode=True), encoding="utf-8")
    expected = results(bank)
    assert sum(expected[1]["process"][1].values()) > 10
    for name, source in study["sources"].items():
        encoding = source.pop("encoding", "utf-8")
        with (bank / source.pop("path")).open(encoding=encoding, newline="") as stream:
            header, *rows = csv.reader(stream)
        table = pa.table(
            {
                column: pa.array(values, pa.string())
                for column, values in zip(header, zip(*rows, strict=True), strict=True)
            }
        )
        source |= {"connection": "warehouse", "table": warehouse.load(name, table)}
    (bank / "study.yaml").write_text(yaml.safe_dump(study, sort_keys=False, allow_unicode=True), encoding="utf-8")
    found = results(bank)
    same(found[1], expected[1])
    same(found[0], expected[0])


NIGHTS = [  # clocks of New York; 02:30 is read as 03:30, 01:30 as the later of the two
    ("2025-03-09 01:30", "2025-03-09 02:30", 1),
    ("2025-03-09 01:30", "2025-03-09 03:30", 1),
    ("2025-03-09 02:30", "2025-03-09 04:30", 1),
    ("2025-11-02 00:30", "2025-11-02 01:30", 2),
    ("2025-11-02 01:30", "2025-11-02 02:30", 1),
    ("2025-11-02 00:30", "2025-11-02 02:30", 3),
    ("2025-11-01 02:30", "2025-11-02 02:30", 25),
]


@pytest.mark.parametrize("warehouse", ENGINES, indirect=True)
def test_hours_that_clocks_skip_or_show_twice(warehouse: Warehouse, tmp_path: Path) -> None:
    began, ended, hours = zip(*NIGHTS, strict=True)
    local = {
        name: pa.array(map(dt.datetime.fromisoformat, times), pa.timestamp("us"))
        for name, times in (("from", began), ("to", ended))
    }
    table = warehouse.load("nights", pa.table({"began": began, "ended": ended, **local}))
    study = {
        "schema": 1,
        "id": "nights",
        "timezone": "America/New_York",
        "calendar": {"baseline": {"start": "2024-01-01", "end": "2024-12-31"}, "programme_start": "2025-01-01"},
        "sources": {
            "s": {
                "connection": "warehouse",
                "table": table,
                "time": "began",
                "fields": [{"name": name, "type": "datetime"} for name in ("began", "ended", "from", "to")],
            }
        },
        "goals": [
            {
                "id": earlier,
                "source": "s",
                "metric": {"kind": "mean", "value": {"from": earlier, "to": later, "unit": "hours"}},
                "better": "lower",
                "target": {"level": 2},
            }
            for earlier, later in (("began", "ended"), ("from", "to"))
        ],
    }
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    rows = fetch(ek.open_study(tmp_path / "study.yaml").source_records("s").table)
    for earlier, later in (("began", "ended"), ("from", "to")):
        lengths = [(row[later + INSTANT] - row[earlier + INSTANT]) / 3600 for row in rows]
        assert lengths == list(hours)
