"""Declared fields as engine expressions: the typed value, and every reason for which a record is rejected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalkit.records.ingest import FILE, OFFSET, ROW, Raw, store

if TYPE_CHECKING:
    import ibis

INSTANT = "#instant"  # suffix: seconds since 1970 UTC of a datetime field
GIVEN = "#given"  # suffix: whether a value was there, of whatever type
DAY = "#day"  # the local calendar day that places the record
FOUND = "#found"  # suffix: the value as found, as text
REASON = "#reason"  # why the record is rejected, or NULL
SOUND = "#sound"  # suffix: true where a value breaks no rule on its field alone; asked first, it is less work than they
OWN = (INSTANT, GIVEN, FOUND, SOUND)

_TYPE_WORDS = {
    "number": "not a number",
    "integer": "not a whole number",
    "boolean": "neither true nor false",
    "date": "not a date",
    "datetime": "not a date and time",
}
_TRUE = ("true", "True", "TRUE", "1")
_FALSE = ("false", "False", "FALSE", "0")
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?0*\d{1,3})?$"
LARGEST = 1e50  # third powers of products of two such values, summed over 1e8 records, are still finite
_INTEGER = r"^[+-]?\d+(\.0*)?$"


def prepare(
    connection: Any,
    name: str,
    raw: Raw,
    source: Any,
    dialect: Any,
    *,
    instants: set[str],
    ordered: list[tuple[str, str]],
    positive: set[str],
    exposed: list[tuple[str, str]],
    as_found: bool = False,
) -> ibis.Table:
    """Return the typed records with their day and their reason for rejection.

    Parameters
    ----------
    instants : datetime fields whose instants durations need.
    ordered : pairs of fields (earlier, later); a record that has them the other way round is rejected.
    positive : numeric fields that must not be negative (weights, exposures, counts of events).
    exposed : pairs of fields (events, exposure); a record with events where nothing was at risk is rejected.
    as_found : whether to keep the values as found beside the typed ones.
    """
    import ibis

    typed = _typed_columns(raw, source, instants, positive, dialect, as_found)
    if raw.text:  # of other records the types stay in view, for a query that can do without some of them
        typed = store(connection, f"{name}#typed", typed, kind="VIEW")
    columns = {column: typed[column] for column in typed.columns}
    reasons: list[tuple[Any, str]] = []
    for field in source.fields:
        reasons.extend(_field_reasons(field, columns[field.name], columns.get(field.name + GIVEN), dialect.end))
    reasons += [(columns[column] < 0, f"{column}: negative") for column in sorted(positive)]
    for events, exposure in exposed:
        reasons.append(
            ((columns[exposure] == 0) & (columns[events] > 0), f"{exposure}: zero, though there are events in {events}")
        )
    for earlier, later in ordered:
        if earlier + INSTANT in columns and later + INSTANT in columns:
            first, second = columns[earlier + INSTANT], columns[later + INSTANT]
        else:  # dates, or a date beside a datetime: by calendar day
            first, second = columns[earlier].cast("date"), columns[later].cast("date")
        reasons.append((second < first, f"{later}: before {earlier}"))
    day = _day(columns, source.time, dialect)
    if not isinstance(source.time, str):
        reasons.append((day.isnull(), f"{', '.join(source.time)}: not a date together"))
    reason = ibis.null("string")
    if reasons:
        # a comparison with NULL is NULL, which is no reason
        reason = ibis.cases(*reasons, else_=None)
    kept = [column for column in typed.columns if not column.endswith(GIVEN)]
    return typed.select(*kept, **{DAY: day, REASON: reason})


def _typed_columns(
    raw: Raw, source: Any, instants: set[str], positive: set[str], dialect: Any, as_found: bool
) -> ibis.Table:
    """Return the declared columns in their types, NULL where a value is missing or is none of its type."""
    table = raw.table
    columns: dict[str, Any] = {name: table[name] for name in (FILE, ROW, OFFSET) if name in table.columns}
    for field in source.fields:
        found = _found(table[field.name], field.type, source.missing_values, dialect)
        value, instant = _typed(found, field, dialect)
        columns[field.name] = value
        if field.type != "string":
            columns[field.name + GIVEN] = dialect.given(found)
        if field.name in instants:
            columns[field.name + INSTANT] = instant
        if as_found:
            columns[field.name + FOUND] = table[field.name].cast("string")
        sound = None if raw.text else _sound(table[field.name], field, field.name in positive)
        if sound is not None:
            columns[field.name + SOUND] = sound
    return table.select(**columns)


def _found(column: Any, kind: str, missing: tuple[str, ...], dialect: Any) -> Any:
    """Return the value as found, NULL where it is missing; as text where the file's own type is of no use."""
    given = column.type()
    own = {
        "string": False,
        "number": given.is_numeric(),
        "integer": given.is_numeric(),
        "boolean": given.is_boolean(),
        "date": given.is_date() or given.is_timestamp(),
        "datetime": given.is_date() or given.is_timestamp(),
    }
    if own[kind]:
        return column
    text = column.cast("string")
    text = text if kind == "string" else dialect.strip(text)
    return text.isin(list(missing)).ifelse(None, text) if missing else text


def _typed(found: Any, field: Any, dialect: Any) -> tuple[Any, Any]:
    """Return the value in the field's type, NULL where it is none, and its instant for a datetime."""
    if field.type == "datetime":
        moment: tuple[Any, Any] = dialect.moment(found, field.format)
        return moment
    if field.type == "date":
        return dialect.date(found, field.format), None
    text = found.type().is_string()
    if field.type == "number" and text:
        found = found.replace(field.groupChar, "") if field.groupChar else found
        if field.decimalChar != ".":  # a point that groups nothing is no part of such a number
            found = found.contains(".").ifelse(None, found.replace(field.decimalChar, "."))
        found = found.re_search(_NUMBER).ifelse(found, None)
    if field.type == "integer" and text:
        found = found.re_search(_INTEGER).ifelse(found.re_replace(r"\.0*$", ""), None)
    convert = {"number": dialect.number, "integer": dialect.whole, "boolean": _boolean, "string": lambda value: value}
    return convert[field.type](found), None


def _boolean(found: Any) -> Any:
    import ibis

    if found.type().is_boolean():
        return found
    text = found.cast("string")
    return ibis.cases((text.isin(_TRUE), True), (text.isin(_FALSE), False), else_=None)


def _field_reasons(field: Any, value: Any, given: Any, end: str) -> list[tuple[Any, str]]:
    """Return the field's own conditions for rejection; `given` tells whether there was a value, of whatever type."""
    rules, name = field.constraints, field.name
    reasons: list[tuple[Any, str]] = []
    if rules.required:
        reasons.append((value.isnull() if given is None else ~given, f"{name}: missing"))
    if given is not None:
        reasons.append((given & value.isnull(), f"{name}: {_TYPE_WORDS[field.type]}"))
    if field.type == "number":
        reasons.append((value.abs() > LARGEST, f"{name}: beyond ±1e50, too large to compute with"))
    if rules.minimum is not None:
        reasons.append((value < _bound(rules.minimum, field.type), f"{name}: below the minimum {rules.minimum}"))
    if rules.maximum is not None:
        reasons.append((value > _bound(rules.maximum, field.type), f"{name}: above the maximum {rules.maximum}"))
    if rules.enum is not None:
        allowed = [_bound(item, field.type) for item in rules.enum]
        reasons.append((value.notin(allowed), f"{name}: not one of the allowed values"))
    if rules.pattern is not None:
        reasons.append((~value.re_search(f"^(?:{rules.pattern}){end}"), f"{name}: not in the declared pattern"))
    if rules.minLength is not None:
        reasons.append((value.length() < rules.minLength, f"{name}: shorter than {rules.minLength}"))
    if rules.maxLength is not None:
        reasons.append((value.length() > rules.maxLength, f"{name}: longer than {rules.maxLength}"))
    return reasons


def _sound(column: Any, field: Any, positive: bool) -> Any:
    """Return what is true of every value that breaks none of its field's rules, None where nothing so simple is."""
    rules, kind = field.constraints, column.type()
    if rules.enum is not None:
        return None
    if field.type in ("date", "datetime") and (kind.is_timestamp() or kind.is_date()):
        return column.notnull() if rules.minimum is None and rules.maximum is None else None
    if field.type == "number" and kind.is_floating():
        low = max(-LARGEST if rules.minimum is None else float(rules.minimum), 0.0 if positive else -LARGEST)
        return column.between(low, LARGEST if rules.maximum is None else min(float(rules.maximum), LARGEST))
    return None


def _bound(value: Any, kind: str) -> Any:
    import ibis

    if kind == "date":
        return ibis.date(str(value))
    return ibis.timestamp(str(value)) if kind == "datetime" else value


def _day(columns: dict[str, Any], time: Any, dialect: Any) -> Any:
    if isinstance(time, str):
        column = columns[time]
        return column if column.type().is_date() else column.date()
    year, month, *rest = (columns[name] for name in time)
    text = year.cast("string").lpad(4, "0") + "-" + month.cast("string").lpad(2, "0") + "-"
    text = text + (rest[0].cast("string").lpad(2, "0") if rest else "01")
    possible = year.between(1, 9999) & month.between(1, 12)
    if rest:
        possible = possible & rest[0].between(1, 31)
    return dialect.date(possible.ifelse(text, None), "default")
