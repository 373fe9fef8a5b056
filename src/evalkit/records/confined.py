"""A value that stands (nearly) only where a record's time is missing: then no goal sees what it tells."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalkit.records.fetch import fetch
from evalkit.records.fields import DAY

if TYPE_CHECKING:
    from evalkit.records.source import Records

MANY, NEARLY, FEWEST, PART = 20, 0.95, 5, 0.1  # values of a column; shares and number of records with such a value


@dataclass(frozen=True, slots=True)
class Confined:
    """A value of a column, in how many records it stands, and in how many of those without a time."""

    column: str
    value: str
    all: int
    here: int

    def told(self, lost: int) -> str:
        """Say how the value and the `lost` records without a time go together."""
        if self.here == lost:
            return f"in all of them {self.column} is '{self.value}'"
        which = f"all {self.all:,}" if self.here == self.all else f"{self.here:,} of the {self.all:,}"
        return f"{which} with {self.column} '{self.value}' are among them"


def most_confined(counts: Iterable[Confined], lost: int) -> Confined | None:
    """Return the commonest value that is (nearly) confined to the `lost` records, if one is."""
    close = [
        one for one in counts if one.here >= max(FEWEST, NEARLY * one.all, PART * lost) and len(one.value.strip()) > 0
    ]
    return max(close, key=lambda one: one.here, default=None)


def confined(records: Records, columns: Iterable[str], lost: int) -> Confined | None:
    """Return a value of one of the columns with few values that stands (nearly) only in records without a time."""
    table = records.valid
    columns = list(columns)
    if not columns:
        return None
    (kinds,) = fetch(table.agg(**{column: table[column].nunique() for column in columns}))
    counts = []
    for column in (column for column in columns if 1 < kinds[column] <= MANY):
        given = table.filter(table[column].notnull()).select(value=table[column], lost=table[DAY].isnull())
        rows = fetch(given.group_by("value").agg(all=given.count(), here=given.lost.sum()))
        counts += [Confined(column, row["value"], int(row["all"]), int(row["here"])) for row in rows]
    return most_confined(counts, lost)
