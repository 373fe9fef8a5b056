"""The last day of which records tell, and whether they are totals of months."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from evalkit.records.fetch import fetch
from evalkit.records.fields import DAY

if TYPE_CHECKING:
    import ibis


def latest_day(table: ibis.Table, time: str | tuple[str, ...], until: date | None = None) -> date | None:
    """Return the day of the latest record (of those up to a day), None without any; `time` as the source declares it.

    Only where some record is later than that day is the table asked once more.
    """
    # the latest moment stands in a Parquet file's own statistics, the latest of what is worked out from it does not
    latest = table.agg(latest=table[time if isinstance(time, str) else DAY].max())
    moment = latest["latest"]
    last: date | None = fetch(latest.select(day=moment if moment.type().is_date() else moment.date()))[0]["day"]
    if last is None or until is None or last <= until:
        return last
    return latest_day(table.filter(table[DAY] <= until), time)


def on_first_days(table: ibis.Table, last: date | None) -> bool:
    """Return whether all records, the latest of `last`, stand on the first of a month, as totals of months do."""
    return last is not None and last.day == 1 and fetch(table.agg(place=table[DAY].day().max()))[0]["place"] == 1
