"""Records whose key stands more than once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalkit.records import fields, ingest
from evalkit.records.fetch import fetch
from evalkit.records.ingest import FILE, ROW

if TYPE_CHECKING:
    import ibis
    from ibis.backends.duckdb import Backend

PLACE = "#place"  # file and row as one sortable text


def _repeats(connection: Backend, table: ibis.Table, key: str) -> bool:
    """Return whether an accepted key of a stored table stands more than once."""
    reason, column, stored = map(ingest.identifier, (fields.REASON, key, table.get_name()))
    accepted = f"{reason} IS NULL AND {column} IS NOT NULL"
    query = f"SELECT 1 FROM {stored} WHERE {accepted} GROUP BY {column} HAVING count(*) > 1 LIMIT 1"
    return connection.raw_sql(query).fetchone() is not None


def reject_duplicates(connection: Backend, name: str, source: Any, table: ibis.Table, *, stored: bool) -> ibis.Table:
    """Mark records whose key stands more than once.

    Copies that agree in every declared column count once. Where they differ nobody can say which is
    right, so none counts; the outcome does not depend on the order of the rows.
    """
    import ibis

    keys = [field.name for field in source.fields if field.constraints.unique]
    if source.key and source.key not in keys:
        keys.insert(0, source.key)
    for key in keys:
        if stored and not _repeats(connection, table, key):
            continue
        valid = table.filter(table[fields.REASON].isnull() & table[key].notnull())
        again = valid.group_by(key).having(valid.count() > 1).agg(copies=valid.count())
        if not stored and not fetch(again.limit(1)):
            continue
        names = [field.name for field in source.fields]
        copies = valid.semi_join(again, key)
        copies = copies.mutate(**{PLACE: copies[FILE] + "#" + copies[ROW].cast("string").lpad(12, "0")})
        same = copies.group_by(names).agg(first=copies[PLACE].min())
        variants = same.group_by(key).agg(variants=same.count(), keep=same["first"].min())
        marks = ingest.store(connection, f"{name}#{key}#copies", variants.rename({"#key": key}))
        joined = table.left_join(marks, table[key] == marks["#key"])
        place = joined[FILE] + "#" + joined[ROW].cast("string").lpad(12, "0")
        kept = (joined["variants"] == 1) & (place == joined["keep"])
        reason = ibis.cases(
            (joined[fields.REASON].notnull() | joined["variants"].isnull() | kept, joined[fields.REASON]),
            (joined["variants"] == 1, f"{key}: duplicate, the same record again"),
            else_=f"{key}: duplicate with other values, so no copy counts",
        )
        table = joined.mutate(**{fields.REASON: reason}).select(*table.columns)
        table = ingest.store(connection, f"{name}#{key}#unique", table)
    return table
