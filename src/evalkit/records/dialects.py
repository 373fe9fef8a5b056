"""What each engine makes of a value as found: typed, or NULL where it is none. What Ibis has a word for is in `fields`.

The embedded engine tries a cast and answers NULL. PostgreSQL has no such cast, so there only text that a regular
expression has found good is cast; Spark goes the same way, and keeps local times as if they were UTC (its session is in
UTC), because Ibis has one type for its two kinds of timestamp.
"""

from __future__ import annotations

import calendar
import re
from datetime import datetime
from typing import Any

import ibis

from evalkit.errors import StudyError

_ZONED = "timestamp('UTC', 6)"
_DATE = r"^\d{4}-\d{2}-\d{2}$"
_DAY = 86_400_000_000  # microseconds
_SHORT_TIME = r"^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2})\s?(Z|[+-]\d{2}.*)?$"
_DATETIME = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?\s?(Z|[+-]\d{2}(:?\d{2})?)?)?$"

# the days that exist, and the times, for engines that would fail on any other
_DAYS = (
    r"((?!0000)\d{4}-((0[13578]|1[02])-(0[1-9]|[12]\d|3[01])|(0[469]|11)-(0[1-9]|[12]\d|30)|02-(0[1-9]|1\d|2[0-8]))"
    r"|(\d\d(0[48]|[2468][048]|[13579][26])|([02468][48]|[13579][26]|[2468]0)00)-02-29)"
)
_TIMES = r"(([01]\d|2[0-3]):[0-5]\d(:[0-5]\d([.,]\d+)?)?|24:00(:00([.,]0+)?)?)"
_ZONES = r"(Z|[+-](0\d|1[0-5])(:?[0-5]\d)?)"
_GOOD_DATE = f"^{_DAYS}$"
_GOOD_DATETIME = rf"^{_DAYS}([T ]{_TIMES}\s?{_ZONES}?)?$"
_AWARE = rf":\d\d([.,]\d+)?\s?{_ZONES}$"
_MONTHS = {"b": calendar.month_abbr[1:], "B": calendar.month_name[1:]}
_DIRECTIVES = {"Y": r"\d{4}", "y": r"\d{2}", "f": r"\d{1,6}", "z": _ZONES[1:-1]} | dict.fromkeys("mdHMS", r"\d{1,2}")
_DIRECTIVES |= {directive: "|".join(names) for directive, names in _MONTHS.items()}


@ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]
def try_strptime(text: str, pattern: str) -> datetime:  # type: ignore[empty-body]
    """Return the local time a text spells by a strptime pattern, or NULL (the embedded engine's)."""


@ibis.udf.scalar.builtin(signature=(("timestamp('UTC')",), "int64"))
def epoch_us(moment):  # type: ignore[no-untyped-def]
    """Return microseconds since 1970 UTC (the embedded engine's)."""


@ibis.udf.scalar.builtin(signature=(("string", "timestamp('UTC')"), "float64"))
def date_part(part, moment):  # type: ignore[no-untyped-def]
    """Return a part of a time, such as its `epoch` (PostgreSQL's)."""


@ibis.udf.scalar.builtin(signature=(("timestamp",), "int64"))
def unix_micros(moment):  # type: ignore[no-untyped-def]
    """Return microseconds since 1970 UTC (Spark's)."""


@ibis.udf.scalar.builtin(signature=(("int64",), "timestamp"))
def timestamp_micros(micros):  # type: ignore[no-untyped-def]
    """Return the moment so many microseconds after 1970 UTC (Spark's)."""


@ibis.udf.scalar.builtin(signature=(("timestamp", "string"), "timestamp"))
def from_utc_timestamp(moment, zone):  # type: ignore[no-untyped-def]
    """Return the local time of a moment (Spark's)."""


@ibis.udf.scalar.builtin(signature=(("timestamp", "string"), "timestamp"))
def to_utc_timestamp(local, zone):  # type: ignore[no-untyped-def]
    """Return the moment of a local time (Spark's)."""


@ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]
def isnotnull(number: float) -> bool:  # type: ignore[empty-body]
    """Return whether there is a value, NaN included (Spark's)."""


@ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]
def floor(number: float) -> float:  # type: ignore[empty-body]
    """Return the whole number below."""


class Dialect:
    """The embedded engine's."""

    end = "$"  # in a regular expression, the end of the text and nothing before it

    def strip(self, text: Any) -> Any:
        return text.strip()

    def given(self, found: Any) -> Any:
        """Return whether there is a value, of whatever type."""
        return found.notnull()

    def number(self, found: Any) -> Any:
        """Return the float a number, or a text that looks like one, stands for."""
        value = found.try_cast("float64")
        return (value.abs() <= 1.7976931348623157e308).ifelse(value, None)  # NaN counts as the largest

    def whole(self, found: Any) -> Any:
        """Return the integer a number, or a text of digits, stands for."""
        kind = found.type()
        if kind.is_decimal():
            return (found % 1 == 0).ifelse(found, None).try_cast("int64")
        if kind.is_floating():
            number = self.number(found)
            return (number % 1 == 0).ifelse(number, None).try_cast("int64")
        return found.try_cast("int64")

    def date(self, found: Any, pattern: str) -> Any:
        if not found.type().is_string():
            return found.cast("date")
        if pattern == "default":
            return found.re_search(_DATE).ifelse(found, None).try_cast("date")
        return try_strptime(found, pattern).cast("date")

    def moment(self, found: Any, pattern: str) -> tuple[Any, Any]:
        """Return the local naive time and the instant in seconds since 1970 UTC."""
        if found.type().is_timestamp() and not found.type().timezone:  # local already: no way there and back
            return found.cast("timestamp"), epoch_us(found.cast(_ZONED)) / 1e6
        if not found.type().is_string():
            zoned = found.cast(_ZONED)
        elif pattern == "default":
            full = _closed_up(found.re_replace(_SHORT_TIME, r"\1 \2:00\3"))
            zoned = found.re_search(_DATETIME).ifelse(full, None).try_cast(_ZONED)
        else:
            zoned = try_strptime(found, pattern).cast(_ZONED)
        return zoned.cast("timestamp"), epoch_us(zoned) / 1e6


class _Strict(Dialect):
    """An engine that fails on a text it cannot cast."""

    def number(self, found: Any) -> Any:
        value = found.cast("float64")
        return (value.abs() <= 1.7976931348623157e308).ifelse(value, None)  # NaN counts as the largest

    def whole(self, found: Any) -> Any:
        kind = found.type()
        if kind.is_integer():
            return found.cast("int64")
        if kind.is_floating():
            return ibis.cases((found.abs() < float(2**63), (floor(found) == found).ifelse(found, None))).cast("int64")
        return ibis.cases((found.between(-(2**63), 2**63 - 1), (found % 1 == 0).ifelse(found, None))).cast("int64")

    def date(self, found: Any, pattern: str) -> Any:
        if not found.type().is_string():
            return self.moment(found, pattern)[0].cast("date")
        iso = found if pattern == "default" else _iso(found, pattern)
        day = iso if pattern == "default" else iso.substr(0, 10)
        return iso.re_search(_GOOD_DATE if pattern == "default" else _GOOD_DATETIME).ifelse(day, None).cast("date")

    def moment(self, found: Any, pattern: str) -> tuple[Any, Any]:
        if not found.type().is_string():
            first, last = ibis.timestamp("0001-01-02 00:00:00"), ibis.timestamp("9999-12-30 00:00:00")
            return self._moment((found >= first).ifelse((found <= last).ifelse(found, None), None))
        iso = found if pattern == "default" else _iso(found, pattern)
        return self._moment(iso.re_search(_GOOD_DATETIME).ifelse(iso, None))

    def _moment(self, good: Any) -> tuple[Any, Any]:
        raise NotImplementedError


class Postgres(_Strict):
    """PostgreSQL's; its session is in the study's timezone."""

    def number(self, found: Any) -> Any:
        if not (found.type().is_string() or found.type().is_decimal()):
            return super().number(found)
        exact = found.cast("decimal")
        return ibis.cases((exact.abs() < 1e-300, 0 * exact), (exact.abs() < 1e308, exact)).cast("float64")

    def whole(self, found: Any) -> Any:
        return super().whole(found.cast("decimal") if found.type().is_string() else found)

    def _moment(self, good: Any) -> tuple[Any, Any]:
        if good.type().is_string():
            good = _closed_up(good).re_replace(r"(\.\d{6})\d+", r"\1")  # others cut what is below a microsecond
        zoned = good.cast(_ZONED)
        return zoned.cast("timestamp"), date_part("epoch", zoned)


class Spark(_Strict):
    """Spark's; `zone` is the study's timezone, the session's is UTC."""

    end = r"\z"

    def __init__(self, zone: str) -> None:
        self.zone = zone

    def strip(self, text: Any) -> Any:
        return text.re_replace(r"^\s+|\s+$", "")

    def given(self, found: Any) -> Any:
        # Ibis counts NaN as missing in Spark, where it is a value that is no number
        return isnotnull(found) if found.type().is_floating() else super().given(found)

    def number(self, found: Any) -> Any:
        return super().number(found.try_cast("float64"))

    def whole(self, found: Any) -> Any:
        return found.try_cast("int64") if found.type().is_string() else super().whole(found)

    def _moment(self, good: Any) -> tuple[Any, Any]:
        kind = good.type()
        if kind.is_string():
            full = _closed_up(good.re_replace(_SHORT_TIME, "$1 $2:00$3"))
            full = full.re_replace(r"(:\d\d(?:\.\d+)?[+-]\d\d)$", "$1:00")
            moment = full.re_replace(r"(:\d\d(?:\.\d+)?[+-]\d\d)(\d\d)$", "$1:$2").try_cast("timestamp")
            instant = good.re_search(_AWARE).ifelse(moment, self._later(moment))
        elif kind.is_timestamp() and kind.timezone:
            instant = good.cast("timestamp")
        else:
            instant = self._later(good.cast("timestamp"))
        return from_utc_timestamp(instant, self.zone), unix_micros(instant).cast("float64") / 1e6

    def _later(self, local: Any) -> Any:
        """Return the moment of a local time, the later of two when clocks show it twice, as other engines do."""
        local = to_utc_timestamp(local, "UTC")  # a TIMESTAMP, where it was one WITHOUT TIME ZONE
        earlier = to_utc_timestamp(local, self.zone)
        tomorrow = from_utc_timestamp(timestamp_micros(unix_micros(earlier) + _DAY), self.zone)
        later = timestamp_micros(unix_micros(earlier) + unix_micros(local) + _DAY - unix_micros(tomorrow))
        return (from_utc_timestamp(later, self.zone) == local).ifelse(later, earlier)


def dialect_of(engine: str, timezone: str) -> Dialect:
    """Return the dialect of an engine by Ibis's name of it."""
    return {"postgres": Postgres, "pyspark": lambda: Spark(timezone)}.get(engine, Dialect)()


def _closed_up(text: Any) -> Any:
    """Return a time with a point before its fraction and nothing before its zone."""
    text = text.replace(",", ".")
    for sign in "+-Z":
        text = text.replace(f" {sign}", sign)
    return text


def _iso(text: Any, pattern: str) -> Any:
    """Return a date or time written by a strptime pattern as ISO 8601, which may be no day of the calendar."""
    parts = re.findall(r"%(.)|([^%]+)", pattern)
    unknown = sorted({"%" + directive for directive, _ in parts if directive and directive not in (*_DIRECTIVES, "%")})
    if unknown:
        raise StudyError(
            f"the format {pattern!r} has {', '.join(unknown)}, which evalkit reads from files and DuckDB only; make "
            "the column a date or timestamp in a view."
        )
    form = "".join(
        f"({_DIRECTIVES[directive]})" if directive in _DIRECTIVES else re.escape(fixed or "%")
        for directive, fixed in parts
    )
    given, group = {}, 0
    for directive, _ in parts:
        if directive in _DIRECTIVES:
            group += 1
            given[directive] = text.re_extract(f"^{form}$", group)
            group += _DIRECTIVES[directive].count("(")
    month: Any = given.get("m")
    for directive, names in _MONTHS.items():
        if directive in given:
            month = ibis.cases(*((given[directive] == name, f"{n:02d}") for n, name in enumerate(names, 1)), else_="00")
    year = given.get("Y")
    if year is None:
        year = ibis.cases((given["y"] >= "69", ibis.literal("19")), else_="20") + given["y"]
    iso = year + "-" + month.lpad(2, "0") + "-" + (given["d"].lpad(2, "0") if "d" in given else ibis.literal("01"))
    hour, minute, second = (given[name].lpad(2, "0") if name in given else ibis.literal("00") for name in "HMS")
    iso = iso + " " + hour + ":" + minute + ":" + second
    for name, before in (("f", "."), ("z", "")):
        iso = iso + before + given[name] if name in given else iso
    return text.re_search(f"^{form}$").ifelse(iso, None)
