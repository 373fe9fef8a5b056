"""A bank with known truth: simulated records, the study file that asks about them, and the right answers."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import ParameterError
from evalkit.simulate import bank
from evalkit.simulate.measures import tables
from evalkit.simulate.records import SOURCES
from evalkit.simulate.truth import truth
from evalkit.simulate.world import Columns, World

SEED = 7


def simulate(out: Path, *, records: int | None = None, seed: int = SEED) -> dict[str, Any]:
    """Write a simulated bank's study file, truth and records to a folder; return the truth.

    `records` counts process records (by default the shipped bank's); the other sources grow in proportion. With more
    than a million the four large sources are Parquet, not CSV. The same seed, size and package versions give the same
    bytes. Files of the same names are replaced.

    Raises ParameterError for records below 1, a negative seed, and where `out` cannot be written or holds somebody's
    own study.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     truth = simulate(Path(folder), records=2000)
    ...     sorted(path.name for path in Path(folder).iterdir())
    ['records', 'study.yaml', 'truth.json']
    >>> truth["goals"]["response_rate"]["target_value"]
    0.9
    """
    out, size = Path(out), bank.RECORDS if records is None else records
    if size < 1:
        raise ParameterError(f"records is {size}; expected 1 or more.")
    if seed < 0:
        raise ParameterError(f"seed is {seed}; expected zero or more.")
    if (out / "study.yaml").exists() and not (out / "truth.json").exists():
        raise ParameterError(f"{out}: holds a study file that was not simulated; name another folder.")
    world = World(seed, size)
    facts = truth(world)
    try:
        (out / "records").mkdir(parents=True, exist_ok=True)
        for name, source in SOURCES.items():
            _write(out, world.study["sources"][name], source(world).parts())
        for name, columns in tables(world):
            _write(out, world.study["sources"][name], [columns])
        for name, text in (("study.yaml", world.text), ("truth.json", json.dumps(facts, indent=1) + "\n")):
            (out / name).write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise ParameterError(f"{out}: cannot be written ({error.strerror or error}); name another folder.") from None
    return facts


def _write(out: Path, source: dict[str, Any], parts: Iterable[Columns]) -> None:
    """Write a source's file as the study file describes it, with only one part in memory at a time."""
    path = out / source["path"]
    headers = {field["name"]: field.get("rename_from", field["name"]) for field in source["fields"]}
    if path.suffix == ".csv":
        with path.open("w", encoding=source.get("encoding", "utf-8"), newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(headers.values())
            for part in parts:
                writer.writerows(zip(*(_texts(part[name]) for name in headers), strict=True))
        return
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    made = (pa.table({header: part[name] for name, header in headers.items()}) for part in parts)
    first = next(made)
    with ParquetWriter(path, first.schema) as writer:
        for table in chain([first], made):
            writer.write_table(table)


def _texts(values: NDArray[Any]) -> list[Any]:
    if values.dtype.kind == "M":
        values = np.where(np.isnat(values), "", np.datetime_as_string(values))
    texts: list[Any] = values.tolist()
    return texts
