"""Rows of an expression, as plain Python values.

The engine's own rows are taken, not Arrow or pandas: only aggregates and rejected rows come this way, and
importing pandas would take longer than the query.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalkit.errors import RecordsError

if TYPE_CHECKING:
    import ibis


def fetch(table: ibis.Table) -> list[dict[str, Any]]:
    """Return the rows of a table expression as dictionaries. Raises RecordsError where a file cannot be read."""
    import duckdb

    backend = table.get_backend()
    try:
        cursor = backend.raw_sql(backend.compile(table))
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    except (duckdb.IOException, duckdb.InvalidInputException, duckdb.SerializationException) as error:
        told = str(error).splitlines()[0]
        raise RecordsError(f"A file of records cannot be read, or changed meanwhile: {told}") from None
