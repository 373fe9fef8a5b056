"""Values of the study file cast to the declared type of the field they are compared with."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any
from zoneinfo import ZoneInfo

from evalkit.study.document import describe
from evalkit.study.model_source import FieldOf

_TRUE, _FALSE = ("true", "True", "TRUE", "1"), ("false", "False", "FALSE", "0")
_FORMS = {
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "date": "a date such as 2025-12-31",
    "datetime": "a date or time such as 2025-12-31T09:30:00",
}


def cast(value: Any, written: str | None, field: FieldOf, zone: ZoneInfo) -> Any:
    """Return the value in the field's type.

    `written` is the text as it stands in the file: a string field gets that, so that `1.50` stays `1.50`.
    Times with an offset become naive ones in `zone`. Raises ValueError with a sentence that names field and type.
    """
    try:
        return _cast(value, written, field.type, zone)
    except (ValueError, OverflowError):
        raise ValueError(
            f"found {describe(value)}, which the type of the field '{field.name}' ({field.type}) does not hold; "
            f"expected {_FORMS[field.type]}."
        ) from None


def _cast(value: Any, written: str | None, kind: str, zone: ZoneInfo) -> Any:
    if kind == "string":
        return value if isinstance(value, str) else written if written is not None else str(value)
    if kind == "boolean":
        return value if isinstance(value, bool) else _truth(value)
    if isinstance(value, bool):
        raise ValueError
    if kind == "number":
        return _number(value)
    if kind == "integer":
        return _whole(value)
    if isinstance(value, int | float):
        raise ValueError
    return _day(value) if kind == "date" else _moment(value, zone)


def _truth(value: Any) -> bool:
    if str(value) not in (*_TRUE, *_FALSE):
        raise ValueError
    return str(value) in _TRUE


def _number(value: Any) -> int | float:
    if isinstance(value, int | float):
        return value
    number = float(value)
    if not abs(number) < float("inf"):
        raise ValueError
    return number


def _whole(value: Any) -> int:
    if isinstance(value, str) and re.fullmatch(r"[-+]?[0-9]+", value.strip()):
        return int(value)
    number = _number(value)
    if number != int(number):
        raise ValueError
    return int(number)


def _day(value: Any) -> dt.date:
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value
    return dt.date.fromisoformat(value.strip())


def _moment(value: Any, zone: ZoneInfo) -> dt.datetime:
    moment = dt.datetime.fromisoformat(value.strip() if isinstance(value, str) else value.isoformat())
    return moment.astimezone(zone).replace(tzinfo=None) if moment.tzinfo else moment
