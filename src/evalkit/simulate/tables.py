"""What a source's file looks like, and the small faults planted in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Columns = dict[str, NDArray[np.generic]]
Edit = Callable[[Columns, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A file: its name without ending, encoding, columns in order, their headers, and labels of coded columns.

    A column with labels holds their positions; -1 stands for no value.
    """

    name: str
    columns: tuple[str, ...]
    labels: dict[str, tuple[str, ...]]
    headers: dict[str, str]
    encoding: str = "utf-8"

    @property
    def header(self) -> list[str]:
        return [self.headers.get(column, column) for column in self.columns]


@dataclass(frozen=True, slots=True)
class Fault:
    """A wrong record as real exports have them, planted in the middle of a month."""

    month: int
    edit: Edit


def put(column: str, value: Any) -> Edit:
    """Return the edit that writes a value into a column."""

    def edit(columns: Columns, row: int) -> None:
        columns[column][row] = value

    return edit


def before(column: str, other: str, minutes: int) -> Edit:
    """Return the edit that dates a column some minutes before another."""

    def edit(columns: Columns, row: int) -> None:
        columns[column][row] = columns[other][row] - np.timedelta64(minutes, "m")

    return edit


def repeat(columns: Columns, row: int) -> None:
    """Write the record above once more, as an export that ran twice does."""
    for values in columns.values():
        values[row] = values[row - 1]


def plant(columns: Columns, faults: tuple[Fault, ...], month: int) -> None:
    """Plant the month's faults, in place, where the month has records enough."""
    size = len(next(iter(columns.values())))
    for fault in faults:
        if fault.month == month and size >= 4:
            fault.edit(columns, size // 2)


def in_time_order(columns: Columns, time: str) -> Columns:
    """Return the records ordered by a column of times."""
    order = np.argsort(columns[time], kind="stable")
    return {name: values[order] for name, values in columns.items()}


def spread(rng: np.random.Generator, size: int, weights: NDArray[np.float64]) -> tuple[NDArray[np.intp], ...]:
    """Return `size` draws of a cell of `weights`, one array of positions per axis, grouped by cell."""
    flat = weights.ravel() / weights.sum()
    cells = np.repeat(np.arange(flat.size), rng.multinomial(size, flat))
    return tuple(np.unravel_index(cells, weights.shape))


def pick(rng: np.random.Generator, size: int, shares: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return `size` independent draws of a position of `shares`."""
    edges = np.cumsum(shares / shares.sum())
    return np.minimum(np.searchsorted(edges, rng.random(size), side="right"), len(shares) - 1)
