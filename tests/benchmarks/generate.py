"""Process records with a known change: a shift of the mix, branches that differ, skewed durations. Same seed, same file.

The true adjusted change is -22 %; the crude one is larger, because the mix moves towards the quick kinds.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

STEP, ROW_GROUP = 2_000_000, 262_144
BRANCHES, TYPES, CHANNELS = 200, 12, ("counter", "hotline", "mobile", "web")
STUDY = """\
schema: 1
id: bench
calendar: {baseline: {start: 2024-01-01, end: 2024-12-31}, programme_start: 2025-01-01, frequency: month}
sources:
  process:
    path: process.parquet
    time: started_at
    fields:
      - {name: started_at, type: datetime, constraints: {required: true}}
      - {name: branch, type: string, constraints: {required: true}}
      - {name: business_type, type: string}
      - {name: channel, type: string, constraints: {enum: [counter, hotline, mobile, web]}}
      - {name: duration_s, type: number, constraints: {required: true, minimum: 0}}
goals:
  - id: handling_time
    source: process
    metric: {kind: mean, value: duration_s}
    better: lower
    target: {relative_change: -0.20}
    cluster: branch
    standardise_by: [business_type, channel]
"""


SCOPES = (
    STUDY.replace("id: bench", "id: bench-scopes")
    + """\
  - id: within_15_minutes
    source: process
    metric: {kind: proportion, success: {column: duration_s, at_most: 900}}
    better: higher
    target: {level: 0.80}
  - id: at_the_counter
    source: process
    metric: {kind: mean, value: duration_s}
    where: [{column: channel, equals: counter}]
    better: lower
    target: {relative_change: -0.20}
    standardise_by: [business_type]
  - id: records_a_day
    source: process
    metric: {kind: rate, exposure: calendar-days}
    better: higher
    target: {relative_change: 0.10}
"""
)


def microseconds(day: str) -> int:
    return int(np.datetime64(day, "us").astype(np.int64))


def generate(folder: Path, records: int) -> None:
    """Write the study files, and `process.parquet` unless it is there."""
    path = folder / "process.parquet"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "study.yaml").write_text(STUDY, encoding="utf-8")
    (folder / "scopes.yaml").write_text(SCOPES, encoding="utf-8")
    if path.exists():
        return
    draw = np.random.default_rng(20240101)
    of_branch = np.exp(draw.normal(0, 0.15, BRANCHES))
    of_type = np.exp(draw.normal(0, 0.35, TYPES))
    of_channel = np.array([1.25, 1.1, 0.9, 0.75])
    before = draw.dirichlet(np.full(TYPES, 4.0))
    after = before * np.exp(draw.normal(0, 0.1, TYPES))
    types = np.cumsum(before), np.cumsum(after / after.sum())
    channels = np.cumsum([0.4, 0.3, 0.2, 0.1]), np.cumsum([0.32, 0.28, 0.24, 0.16])
    first, cut, last = (microseconds(day) for day in ("2024-01-01", "2025-01-01", "2026-01-01"))
    unfinished = path.with_suffix(".part")
    writer: pq.ParquetWriter | None = None
    for done in range(0, records, STEP):
        size = min(STEP, records - done)
        ends = (first + (last - first) * part // records for part in (done, done + size))
        time = np.sort(draw.integers(*ends, size))
        late = time >= cut
        branch = draw.integers(0, BRANCHES, size)
        kind, channel = (
            np.where(late, *(np.searchsorted(shares[side], chance).clip(0, len(shares[0]) - 1) for side in (1, 0)))
            for shares, chance in ((types, draw.random(size)), (channels, draw.random(size)))
        )
        value = of_branch[branch] * of_type[kind] * of_channel[channel] * np.exp(draw.normal(-0.245, 0.7, size))
        table = pa.table(
            {
                "started_at": pa.array(time, pa.timestamp("us")),
                "branch": labelled(branch, [f"B{i:03d}" for i in range(BRANCHES)]),
                "business_type": labelled(kind, [f"T{i:02d}" for i in range(TYPES)]),
                "channel": labelled(channel, CHANNELS),
                "duration_s": value * 900 / 1.05 * np.where(late, 0.78, 1),
            }
        )
        writer = writer or pq.ParquetWriter(unfinished, table.schema, compression="zstd")
        writer.write_table(table, row_group_size=ROW_GROUP)
    if writer is not None:
        writer.close()
        unfinished.rename(path)


def labelled(codes: np.ndarray, labels: object) -> pa.Array:
    return pa.DictionaryArray.from_arrays(codes.astype(np.int32), pa.array(labels)).cast(pa.string())
