"""A source opened: found, read, typed, validated."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalkit.errors import ConnectionLostError, RecordsError, StudyError
from evalkit.records import fields, ingest
from evalkit.records.duplicates import mark_duplicates, reject_duplicates
from evalkit.records.ingest import FILE, OFFSET, ROW
from evalkit.records.source import Records
from evalkit.study.load import place_of
from evalkit.study.model_goal import Elapsed, ExposureOf, Mean, Proportion, Rate, Ratio
from evalkit.study.paths import resolve

if TYPE_CHECKING:
    import ibis

    from evalkit.records.engines import Engines
    from evalkit.study import Study


def open_records(engines: Engines, study: Study, name: str) -> Records:
    """Read and validate one source.

    Raises RecordsError where the records are not what the study file says, or cannot be reached.
    """
    source = study.sources[name]
    try:
        if source.path is None:
            engine = engines.named(source.connection or "")
            _check_source(engine, name, source)
            return _opened_table(engine, study, name)
        _check_source(engines.files, name, source)
        return _opened_files(engines.files, study, name, labelled(resolve(study, name), study.folder))
    except RecordsError as error:
        told = [message if f"'{name}'" in message else f"source '{name}': {message}" for message in error.messages]
        if isinstance(error, ConnectionLostError):
            raise ConnectionLostError(told[0], begun=error.begun) from None
        raise RecordsError(told) from None


def _opened_files(connection: Any, study: Study, name: str, files: dict[str, Path]) -> Records:
    from evalkit.records.dialects import dialect_of

    source = study.sources[name]
    raw = ingest.read(connection, name, source, files, partial(place_of, study, "sources", name))
    dialect = dialect_of(connection.name, study.timezone)
    table = fields.prepare(connection, name, raw, source, dialect, **rules_of(study, name))
    if raw.text:
        table = ingest.store(connection, f"{name}#records", table)
    table = reject_duplicates(connection, name, source, table, stored=raw.text)

    def left_out() -> ibis.Table:
        return _left_out(raw, table)

    names = list(files)
    place = names[0] if len(names) == 1 else f"{len(names)} files, {names[0]} to {names[-1]}"
    records = Records(name, source, files, place, table, raw.malformed, left_out)
    if raw.text:  # what was found is kept for the rejected rows only
        counts = _counted(connection, table)
        reasons = {reason: n for reason, n in counts.items() if reason is not None}
        records.remember(reasons, sum(counts.values()))
        if reasons:
            records.__dict__["left_out"] = ingest.store(connection, f"{name}#left out", left_out())
        connection.raw_sql(f"DROP TABLE {ingest.identifier(name + '#raw')}")
    return records


def _opened_table(engine: Any, study: Study, name: str) -> Records:
    from evalkit.records.dialects import dialect_of
    from evalkit.records.tables import read_table

    source, rules = study.sources[name], rules_of(study, name)
    raw = read_table(engine, source, partial(place_of, study, "sources", name))
    dialect = dialect_of(engine.name, study.timezone)
    table = mark_duplicates(source, fields.prepare(engine, name, raw, source, dialect, **rules))

    def left_out() -> ibis.Table:
        found = fields.prepare(engine, name, raw, source, dialect, **rules, as_found=True)
        found = mark_duplicates(source, found)
        values = {field.name: found[field.name + fields.FOUND] for field in source.fields}
        return found.filter(found[fields.REASON].notnull()).select(fields.REASON, **values)

    place = f"table {source.table} of {source.connection}"
    return Records(name, source, {}, place, table, (), left_out, one_state=engine.name != "pyspark")


def _check_source(engine: Any, name: str, source: Any) -> None:
    """Raise where this engine cannot do what the study file asks of a source."""
    problems = []
    for field in source.fields:
        if field.name.startswith("#") or field.name.endswith(fields.OWN):
            problems.append(
                f"source '{name}': names such as '{field.name}' are evalkit's own; give the field another name, and "
                "its header under `rename_from`."
            )
        if field.constraints.pattern is not None and not matches(engine, field.constraints.pattern):
            problems.append(
                f"source '{name}': the pattern of the field '{field.name}' is one the engine cannot match (it may know "
                "no look-ahead, look-behind or back-reference); write it without."
            )
    if problems:
        raise StudyError(problems)


def matches(engine: Any, pattern: str) -> bool:
    """Return whether an engine understands a regular expression."""
    import ibis

    query = engine.compile(ibis.literal("").re_search(pattern))
    if engine.name == "postgres":
        import psycopg

        try:
            with engine.con.transaction():  # a savepoint: the transaction goes on
                engine.con.execute(query)
        except psycopg.Error:
            return False
        return True
    try:
        answer = engine.raw_sql(query)
        (answer.fetchall if engine.name == "duckdb" else answer.collect)()
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in ("duckdb", "_duckdb", "pyspark"):
            raise
        return False
    return True


def _left_out(raw: ingest.Raw, table: ibis.Table) -> ibis.Table:
    """Return the rejected records as they were found, as text."""
    own = (column for column in raw.table.columns if column not in (FILE, ROW, OFFSET))
    values = {column: raw.table[column].cast("string") for column in own}
    found = raw.table.select(FILE, ROW, **values)
    bad = table.filter(table[fields.REASON].notnull()).select(FILE, ROW, fields.REASON)
    return found.inner_join(bad, [FILE, ROW])


def labelled(paths: Sequence[Path], folder: Path) -> dict[str, Path]:
    """Return the files by the name that messages and results give them: below the study's folder, else short.

    >>> list(labelled([Path("/data/a/x.csv"), Path("/data/b/x.csv")], Path("/study")))
    ['a/x.csv', 'b/x.csv']
    """
    common = Path(os.path.commonpath([path.parent for path in paths]))
    return {path.relative_to(folder if path.is_relative_to(folder) else common).as_posix(): path for path in paths}


def rules_of(study: Study, name: str) -> dict[str, Any]:
    """Return what the goals that use a source ask of its records beyond the fields' own constraints."""
    instants: set[str] = set()
    ordered: set[tuple[str, str]] = set()
    positive: set[str] = set()
    exposed: set[tuple[str, str]] = set()
    types = {field.name: field.type for field in study.sources[name].fields}
    for question in (*study.goals, *study.indicators):
        metric = question.metric
        if isinstance(metric, Rate):
            exposure = metric.exposure
            if isinstance(exposure, ExposureOf) and exposure.source == name:
                positive.add(exposure.value)
            if question.source == name:
                positive.update(column for column in (metric.events, exposure) if column in types)
                if metric.events is not None and exposure in types:
                    exposed.add((metric.events, exposure))
        elif question.source == name:
            if metric.weight is not None:
                positive.add(metric.weight)
            if (pair := _ordered(metric)) is not None:
                ordered.add(pair)
                instants.update(column for column in pair if types[column] == "datetime")
    return {"instants": instants, "ordered": sorted(ordered), "positive": positive, "exposed": sorted(exposed)}


def _ordered(metric: Mean | Ratio | Proportion) -> tuple[str, str] | None:
    """Return the columns (earlier, later) of a metric that measures the time between them."""
    if isinstance(metric, Mean) and isinstance(metric.value, Elapsed):
        return metric.value.from_, metric.value.to
    if isinstance(metric, Proportion) and metric.success.of is not None:
        return metric.success.of, metric.success.column
    return None


def _counted(connection: Any, table: ibis.Table) -> dict[str | None, int]:
    """Return the number of records of a stored table by reason; plain SQL, which is quicker than compiling a query."""
    reason, stored = ingest.identifier(fields.REASON), ingest.identifier(table.get_name())
    return dict(connection.raw_sql(f"SELECT {reason}, count(*) FROM {stored} GROUP BY 1").fetchall())
