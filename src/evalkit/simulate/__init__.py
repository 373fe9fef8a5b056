"""A bank with known truth: simulated records, the study file that asks about them, and the right answers.

>>> import tempfile
>>> from pathlib import Path
>>> from evalkit.simulate import simulate
>>> with tempfile.TemporaryDirectory() as folder:
...     truth = simulate(Path(folder), records=2000, seed=7)
...     sorted(path.name for path in Path(folder).iterdir())
['records', 'study.yaml', 'truth.json']
>>> truth["goals"]["response_rate"]["target_value"]
0.9
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from evalkit.errors import ParameterError
from evalkit.simulate import feedback, incidents, measures, process, surveys
from evalkit.simulate.bank import BANK, Bank, Contribution
from evalkit.simulate.tables import Columns, Fault, plant
from evalkit.simulate.truth import truth
from evalkit.simulate.world import TEMPLATE, World, build
from evalkit.simulate.write import write

SEED = 7
LARGE = 1_000_000  # more process records than this are written as Parquet
PER_FAULT = 500  # a source has at most one planted fault per so many records

__all__ = ["BANK", "SEED", "Bank", "Contribution", "simulate"]


def simulate(out: Path, *, records: int | None = None, seed: int = SEED, bank: Bank = BANK) -> dict[str, Any]:
    """Write a simulated bank's records, study file and truth to a folder; return the truth.

    The folder gets `study.yaml`, `truth.json` and `records/`: CSV, or Parquet for the large sources when there
    are more than a million process records. The same seed, size and package versions give the same bytes.

    Parameters
    ----------
    out : the folder; made where it is missing, files of the same names are replaced.
    records : how many process records; the other sources grow in proportion. By default the shipped bank's.
    seed : the seed of all random draws, zero or more.
    bank : the truth parameters.

    Raises
    ------
    ParameterError : records below 1, a negative seed, or `out` cannot be written or holds somebody's own study.
    """
    out = Path(out)
    size = bank.records if records is None else records
    if size < 1:
        raise ParameterError(f"records is {size}; expected 1 or more.")
    if seed < 0:
        raise ParameterError(f"seed is {seed}; expected zero or more.")
    if (out / "study.yaml").exists() and not (out / "truth.json").exists():
        raise ParameterError(f"{out}: holds a study file that was not simulated; name another folder.")
    world = build(bank, seed, size)
    facts = truth(world)
    try:
        (out / "records").mkdir(parents=True, exist_ok=True)
        _write_records(world, out / "records", size, size > LARGE)
        _write_text(out / "study.yaml", _study_text(size > LARGE))
        _write_text(out / "truth.json", json.dumps(facts, ensure_ascii=False, indent=1) + "\n")
    except OSError as error:
        raise ParameterError(f"{out}: cannot be written ({error.strerror or error}); name another folder.") from None
    return facts


def _write_records(world: World, folder: Path, records: int, parquet: bool) -> None:
    bank = world.bank
    plans: tuple[tuple[Any, Any, int], ...] = (
        (surveys, "survey", round(records * bank.survey_per_record)),
        (process, "process", records),
        (feedback, "feedback", round(records * bank.feedback_per_record)),
    )
    for source, stream, total in plans:
        numbers = world.counts(stream, total, source.volume(world)).tolist()
        parts = _parts(world, source.month, source.FAULTS[: total // PER_FAULT], numbers)
        write(folder, source.layout(world), parts, parquet=parquet)
    write(folder, incidents.layout(world), _incidents(world), parquet=parquet)
    write(folder, incidents.exposure_layout(world), [incidents.exposure_columns(world)], parquet=False)
    for table in measures.tables(world):
        write(folder, table.layout, [table.columns], parquet=False)


def _parts(
    world: World, draw: Callable[..., Columns], faults: tuple[Fault, ...], numbers: list[int]
) -> Iterator[Columns]:
    """Yield a source's records month by month, faults planted."""
    first = 1
    for index, number in enumerate(numbers):
        columns = draw(world, index, number, first)
        plant(columns, faults, index)
        first += number
        yield columns


def _incidents(world: World) -> Iterator[Columns]:
    expected, first = incidents.cells(world), 1
    for index in range(len(world.months)):
        columns = incidents.month(world, index, expected, first)
        first += len(columns["incident_id"])
        yield columns


def _study_text(parquet: bool) -> str:
    """Return the study file, its paths as the records were written."""
    text = TEMPLATE.read_text(encoding="utf-8")
    if not parquet:
        return text
    for name in ("survey_responses", "process_records", "feedback_tickets", "security_incidents"):
        text = text.replace(f"records/{name}.csv", f"records/{name}.parquet")
    return "".join(line for line in text.splitlines(keepends=True) if not line.strip().startswith("encoding: gb18030"))


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
