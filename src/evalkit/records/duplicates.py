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
_SAME, _OTHER = "duplicate, the same record again", "duplicate with other values, so no copy counts"


def _keys(source: Any) -> list[str]:
    keys = [field.name for field in source.fields if field.constraints.unique]
    return keys if source.key is None or source.key in keys else [source.key, *keys]


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

    for key in _keys(source):
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
            (joined["variants"] == 1, f"{key}: {_SAME}"),
            else_=f"{key}: {_OTHER}",
        )
        table = joined.mutate(**{fields.REASON: reason}).select(*table.columns)
        table = ingest.store(connection, f"{name}#{key}#unique", table)
    return table


def mark_duplicates(source: Any, table: ibis.Table) -> ibis.Table:
    """Do the same by queries alone, for a table whose engine is only read: which of equal copies counts is all one."""
    import ibis

    for key in _keys(source):
        valid = table.filter(table[fields.REASON].isnull() & table[key].notnull())
        same = valid.group_by([field.name for field in source.fields]).agg(copies=valid.count())
        variants = same.group_by(key).agg(copies=same.copies.sum(), variants=same.count())
        again = variants.filter(variants.copies > 1).select(**{"#key": key, "#variants": "variants"})
        if not fetch(again.limit(1)):
            continue
        joined = table.left_join(again, (table[key] == again["#key"]) & table[fields.REASON].isnull())
        once = joined.filter(joined["#variants"].isnull()).select(*table.columns)
        often = joined.filter(joined["#variants"].notnull())
        often = often.mutate(place=ibis.row_number().over(ibis.window(group_by=key, order_by=key)))
        reason = ibis.cases(
            ((often["#variants"] == 1) & (often.place == 0), ibis.null("string")),
            (often["#variants"] == 1, f"{key}: {_SAME}"),
            else_=f"{key}: {_OTHER}",
        )
        table = once.union(often.mutate(**{fields.REASON: reason}).select(*table.columns))
    return table
