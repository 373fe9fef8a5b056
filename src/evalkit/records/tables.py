"""A table of an engine as the source's records: found by name, its columns there and of types that can be read."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from evalkit.errors import RecordsError, StudyError, nearest
from evalkit.records.ingest import Place, Raw, absent_columns, nowhere

if TYPE_CHECKING:
    import ibis

_SHOWN = 20  # tables named in a message
_LONGEST = 63 - len("#instant")  # bytes of a name in PostgreSQL, which cuts longer ones
_LISTS = {
    "postgres": "SELECT n.nspname, c.relname, pg_table_is_visible(c.oid) FROM pg_class c JOIN pg_namespace n "
    "ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p') AND n.nspname <> 'information_schema' "
    "AND n.nspname NOT LIKE 'pg\\_%' ORDER BY 3 DESC, 1, 2",
    "duckdb": "SELECT table_schema, table_name, table_schema = current_schema() FROM information_schema.tables "
    "WHERE table_catalog = current_database() ORDER BY 3 DESC, 1, 2",
}
_READABLE = {
    "number": ("is_numeric",),
    "integer": ("is_numeric",),
    "boolean": ("is_boolean", "is_integer"),
    "date": ("is_date", "is_timestamp"),
    "datetime": ("is_date", "is_timestamp"),
}


def read_table(engine: Any, source: Any, place: Place = nowhere) -> Raw:
    """Return a source's table as found, its columns by the fields' names; `place` tells where the study has a key.

    Raises RecordsError for a table or column that is not there, or of a type that cannot be the field's.
    """
    found = named_table(engine, source.table, partial(place, "table"))
    label = f"the table '{source.table}'"
    problems = [f"{label}: {told}" for told in absent_columns(source, list(found.columns), place).values()]
    if problems:
        raise RecordsError(problems)
    for number, field in enumerate(source.fields):
        if problem := _type_problem(found, field, label, number, place):
            problems.append(problem)
    if problems:
        raise RecordsError(problems)
    if long := [f.name for f in source.fields if engine.name == "postgres" and len(f.name.encode()) > _LONGEST]:
        raise StudyError(
            f"PostgreSQL cuts names as long as '{long[0]}'; shorten it, with its header under `rename_from`."
        )
    return Raw(found.select(**{field.name: found[field.header] for field in source.fields}), False, (), engine=True)


def named_table(engine: Any, wanted: str, place: Callable[[], str] = str) -> ibis.Table:
    """Return an engine's table by the name a study gives it at `place`. Raises RecordsError where there is none."""
    found = _spark_table(engine, wanted) if engine.name == "pyspark" else _table(engine, wanted)
    if isinstance(found, list):
        raise _no_table(engine, wanted, found, place())
    return found


def _type_problem(table: ibis.Table, field: Any, label: str, number: int, place: Place) -> str | None:
    kind = table[field.header].type()
    if field.type == "string" or kind.is_string() or kind.is_unknown():
        return None
    if any(getattr(kind, test)() for test in _READABLE[field.type]):
        return None
    return (
        f"{label}: the column '{field.header}' is of type {str(kind).replace('!', '')}, which cannot be read as "
        f"{field.type}; mend the field's `type` in {place('fields', number)}, or cast the column in a view."
    )


def _named(
    engine: Any, name: str, schema: Any, *, catalog: str | None = None, database: str | None = None
) -> ibis.Table:
    from ibis.expr.operations import DatabaseTable
    from ibis.expr.operations.relations import Namespace

    space = Namespace(catalog=catalog, database=database)
    return DatabaseTable(name=name, schema=schema, source=engine, namespace=space).to_expr()


def _table(engine: Any, wanted: str) -> ibis.Table | list[str]:
    """Return a table of PostgreSQL or DuckDB: the name as it stands, else as SCHEMA.TABLE; else the names there are."""
    cursor = engine.con.cursor()
    tables = cursor.execute(_LISTS[engine.name]).fetchall()
    for schema, table, visible in tables:
        if (table == wanted and visible) or f"{schema}.{table}" == wanted:
            return _named(engine, table, engine.get_schema(table, database=schema), database=schema)
    return [table if visible else f"{schema}.{table}" for schema, table, visible in tables]


def _spark_table(engine: Any, wanted: str) -> ibis.Table | list[str]:
    """Return a table of Spark's catalog, or files as FORMAT.PATH, moments told from local times; else the names."""
    import ibis
    from ibis.backends.pyspark.datatypes import PySparkType
    from pyspark.errors import AnalysisException
    from pyspark.sql.types import TimestampType

    session = engine._session
    first, dot, rest = wanted.partition(".")
    ways = [(wanted,), (first, rest), (first, *rest.split("."))] if dot else [(wanted,)]
    for way in [way for way in ways if len(way) <= 3 and all(way)]:
        try:
            found = session.table(".".join("`" + part.replace("`", "``") + "`" for part in way)).schema
        except AnalysisException:
            continue
        types = {
            field.name: "timestamp('UTC')"
            if isinstance(field.dataType, TimestampType)
            else PySparkType.to_ibis(field.dataType)
            for field in found.fields
        }
        spaces = dict(zip(("database", "catalog"), way[-2::-1], strict=False))
        return _named(engine, way[-1], ibis.schema(types), **spaces)
    return [row.tableName for row in session.sql("SHOW TABLES").collect()]


def _no_table(engine: Any, wanted: str, tables: list[str], place: str) -> RecordsError:
    more = f" and {len(tables) - _SHOWN} more" if len(tables) > _SHOWN else ""
    there = f"it has {', '.join(tables[:_SHOWN])}{more}" if tables else "it has none that this user can see"
    return RecordsError(
        f"the connection '{engine.connection_name}' has no table '{wanted}'; {there}.{nearest(wanted, tables)} Mend "
        f"the source's `table`{place and f' in {place}'}, written TABLE or SCHEMA.TABLE."
    )
