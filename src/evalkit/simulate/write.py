"""Records into files: CSV for a bank one can look at, Parquet for a large one. The same records, the same bytes."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalkit.simulate.tables import Columns, Layout


def write(folder: Path, layout: Layout, parts: Iterable[Columns], *, parquet: bool) -> Path:
    """Write a file part by part and return its path. Only one part is in memory at a time."""
    if parquet:
        return _write_parquet(folder / f"{layout.name}.parquet", layout, parts)
    return _write_csv(folder / f"{layout.name}.csv", layout, parts)


def _write_csv(path: Path, layout: Layout, parts: Iterable[Columns]) -> Path:
    with path.open("w", encoding=layout.encoding, newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(layout.header)
        for part in parts:
            texts = [_texts(part[column], layout.labels.get(column)) for column in layout.columns]
            writer.writerows(zip(*texts, strict=True))
    return path


def _texts(values: NDArray[Any], labels: tuple[str, ...] | None) -> list[Any]:
    if labels is not None:
        known = (*labels, "")  # position -1 is no value
        return [known[position] for position in values.tolist()]
    if values.dtype.kind == "M":
        values = np.where(np.isnat(values), "", np.datetime_as_string(values))
    texts: list[Any] = values.tolist()
    return texts


def _write_parquet(path: Path, layout: Layout, parts: Iterable[Columns]) -> Path:
    import pyarrow as pa
    from pyarrow import parquet

    writer = None
    try:
        for part in parts:
            arrays = [_arrow(part[column], layout.labels.get(column)) for column in layout.columns]
            table = pa.Table.from_arrays(arrays, names=layout.header)
            writer = writer or parquet.ParquetWriter(path, table.schema)
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()
    return path


def _arrow(values: NDArray[Any], labels: tuple[str, ...] | None) -> Any:
    import pyarrow as pa

    if labels is None:
        return pa.array(values)
    positions = pa.array(values.astype(np.int32), mask=values < 0)
    return pa.DictionaryArray.from_arrays(positions, pa.array(labels))
