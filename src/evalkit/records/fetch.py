"""Rows of an expression, as plain Python values.

The engine's own rows are taken, not Arrow or pandas: only aggregates and rejected rows come this way, and
importing pandas would take longer than the query.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from evalkit.errors import RecordsError

if TYPE_CHECKING:
    import ibis


def fetch(table: ibis.Table) -> list[dict[str, Any]]:
    """Return the rows of a table expression as dictionaries. Raises RecordsError where records cannot be read."""
    backend = table.get_backend()
    if backend.name != "duckdb":
        from evalkit.records.engines import rows

        return rows(backend, backend.compile(table), table.schema())
    with readable_files():
        cursor = backend.raw_sql(backend.compile(table))
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@contextmanager
def readable_files() -> Iterator[None]:
    """Raise RecordsError where a query finds a file damaged, gone or changed; other faults are evalkit's own."""
    import duckdb

    try:
        yield
    except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
        found = str(error).splitlines()[0]
    except duckdb.InvalidInputException:
        found = "its content is not what its form promises"
    except (duckdb.ProgrammingError, duckdb.InternalError, duckdb.NotSupportedError):
        raise
    except duckdb.Error:  # its message may quote a record
        found = "its content is not what its form promises"
    else:
        return
    raise RecordsError(f"A file of records cannot be read to its end, or changed meanwhile: {found}.")
