"""What no single key can tell: references, windows, types of columns. Every mistake is found, not the first."""

from __future__ import annotations

import codecs
import datetime as dt
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from evalkit.errors import nearest
from evalkit.study.casting import cast
from evalkit.study.document import Document, Mistake, Path, describe, shortened
from evalkit.study.model import Study
from evalkit.study.model_source import FieldOf, Source
from evalkit.study.model_values import Span
from evalkit.study.paths import path_problem
from evalkit.study.validation import Checked

NUMERIC = ("number", "integer")
TIMES = ("date", "datetime")
_GOAL_FILES = ("index", "context", "results", "provenance")
_DIRECTIVES = frozenset("aAbBdHIjmMpSfyYzZ%")


@dataclass(slots=True)
class Findings:
    """The study that is checked, and what was found: mistakes, and the values in the types of their fields.

    `names` are the ids and columns that the file has, those with mistakes of their own included, so that one
    mistake in a field does not make its column unknown elsewhere. Paths are those of `checked.study`.
    """

    document: Document
    checked: Checked
    study: Study
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    mistakes: list[Mistake] = field(default_factory=list)
    casts: dict[Path, Any] = field(default_factory=dict)

    def say(self, path: Path, message: str, *, at_key: bool = False) -> None:
        """Add a mistake, unless it lies in a value that stands in for a missing one."""
        original = self.checked.original(path)
        if not self.checked.is_invented(original):
            self.mistakes.append(Mistake(original, message, at_key))

    def ids(self, key: str) -> list[str] | None:
        """Return the ids under a key of the file; None where they cannot be known."""
        return _listed(self.document.data.get(key, []), "id")

    def columns(self, source: str) -> list[str] | None:
        """Return the names of a source's fields in the file; None where they cannot be known."""
        sources = self.document.data.get("sources")
        raw = sources.get(source) if isinstance(sources, dict) else None
        return _listed(raw.get("fields"), "name") if isinstance(raw, dict) else None

    def refer(self, path: Path, name: str | None, kind: str, known: Iterable[str] | None) -> bool:
        """Check a reference by name; say whether it holds."""
        if name is None or known is None or name in (known := list(known)):
            return name is not None
        there_are = f"the study has {', '.join(map(shortened, known))}" if known else "the study has none"
        self.say(path, f"there is no {kind} '{shortened(name)}'; {there_are}.{nearest(name, known)}")
        return False

    def column(
        self, path: Path, source: str, name: str | None, types: Sequence[str] = (), use: str = ""
    ) -> FieldOf | None:
        """Check that a column is declared in the source, of one of the types; return its field if so."""
        columns = self.columns(source)
        if name is None or columns is None:
            return None
        if name not in columns:
            listed = f"it declares {', '.join(map(shortened, columns))}" if columns else "it declares none"
            where = f"the source '{shortened(source)}'"
            self.say(path, f"{where} declares no field '{shortened(name)}'; {listed}.{nearest(name, columns)}")
            return None
        fields = self.study.sources[source].fields if source in self.study.sources else ()
        found = next((declared for declared in fields if declared.name == name), None)
        if found is not None and types and found.type not in types:
            kinds = " or ".join((", ".join(types[:-1]), types[-1])) if len(types) > 1 else types[0]
            self.say(path, f"the field '{shortened(name)}' is of type {found.type}; {use} needs {kinds}.")
            return None
        return found

    def cast(self, path: Path, value: Any, declared: FieldOf | None) -> Any:
        """Cast a value to the field's type and keep it for the study; None where it cannot be."""
        if declared is None or value is None:
            return None
        original = self.checked.original(path)
        try:
            result = cast(value, self.document.written.get(original), declared, self.zone)
        except ValueError as error:
            self.say(path, str(error))
            return None
        self.casts[original] = result
        return result

    def cast_value(self, path: Path, value: Any) -> Any:
        """Return what the value at the path was cast to, or the value itself."""
        return self.casts.get(self.checked.original(path), value)


def _listed(raw: Any, key: str) -> list[str] | None:
    if raw is None:
        return []
    if not isinstance(raw, list):
        return None
    return [item[key] for item in raw if isinstance(item, dict) and isinstance(item.get(key), str)]


def check_study(found: Findings) -> None:
    """Check everything but goals and indicators."""
    study = found.study
    _check_timezone(found)
    _check_calendar(found)
    commitments = found.ids("commitments")
    for key in ("weaknesses", "measures"):
        for index, item in enumerate(getattr(study, key)):
            found.refer((key, index, "commitment"), item.commitment, "commitment", commitments)
    for index, measure in enumerate(study.measures):
        if measure.actual and measure.actual.end and measure.actual.end < measure.actual.start:
            _say_backwards(found, ("measures", index, "actual", "end"), measure.actual.start, measure.actual.end)
    for key in ("weaknesses", "commitments", "measures"):
        _check_unique(found, [((key, i, "id"), item.id) for i, item in enumerate(getattr(study, key))])
    _check_goal_ids(found)
    for name, source in study.sources.items():
        check_source(found, name, source)
    if study.feedback:
        _check_feedback(found)


def _check_timezone(found: Findings) -> None:
    name = found.study.timezone
    try:
        found.zone = ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        import zoneinfo

        known = zoneinfo.available_timezones()
        found.say(
            ("timezone",),
            f"{describe(name)} is not a timezone; expected a name such as Asia/Shanghai or UTC.{nearest(name, known)}",
        )


def _check_calendar(found: Findings) -> None:
    calendar = found.study.calendar
    if not check_span(found, ("calendar", "baseline"), calendar.baseline):
        return
    start = calendar.programme_start
    if start is not None and start <= calendar.baseline.end:
        found.say(
            ("calendar", "programme_start"),
            f"the programme starts on {start}, within or before the baseline, which ends on {calendar.baseline.end}; "
            "the two may not overlap.",
        )


def check_span(found: Findings, path: Path, span: Span) -> bool:
    """Check that a span does not end before it starts; say whether that holds."""
    if span.end >= span.start:
        return True
    _say_backwards(found, (*path, "end"), span.start, span.end)
    return False


def _say_backwards(found: Findings, path: Path, start: dt.date, end: dt.date) -> None:
    found.say(path, f"the end, {end}, lies before the start, {start}; swap the dates.")


def _check_unique(found: Findings, ids: list[tuple[Path, str]]) -> None:
    seen: dict[str, Path] = {}
    for path, name in ids:
        # Ids name files, and some file systems do not tell capitals or composed letters apart.
        same = unicodedata.normalize("NFC", name).casefold()
        if same in seen:
            line = found.document.position(found.checked.original(seen[same])).line
            found.say(path, f"the id '{name}' is taken, on line {line}; ids differ in more than capitals.")
        seen.setdefault(same, path)


def _check_goal_ids(found: Findings) -> None:
    study = found.study
    ids: list[tuple[Path, str]] = [(("goals", i, "id"), goal.id) for i, goal in enumerate(study.goals)]
    ids += [(("indicators", i, "id"), indicator.id) for i, indicator in enumerate(study.indicators)]
    for path, name in ids:
        if name.casefold() in _GOAL_FILES:
            found.say(path, f"the id '{name}' is the name of a published file; choose another.")
    _check_unique(found, ids)


def _check_feedback(found: Findings) -> None:
    feedback = found.study.feedback
    assert feedback is not None
    if found.refer(("feedback", "source"), feedback.source, "source", source_names(found)):
        for key in ("category", "channel", "text"):
            types = ("string",) if key == "text" else ("string", "integer", "boolean")
            found.column(("feedback", key), feedback.source, getattr(feedback, key), types, f"the {key} of feedback")


def source_names(found: Findings) -> list[str] | None:
    """Return the names under `sources` in the file; None where they cannot be known."""
    raw = found.document.data.get("sources")
    return list(raw) if isinstance(raw, dict) else None


def check_source(found: Findings, name: str, source: Source) -> None:
    """Check one source: where it lies, its encoding, its columns and their constraints."""
    here: Path = ("sources", name)
    _check_place(found, here, source)
    try:
        # Codecs such as 'hex' or 'zip' turn bytes into bytes; only text encodings have this mark.
        known = codecs.lookup(source.encoding)._is_text_encoding
    except (LookupError, ValueError):
        known = False
    if not known:
        close = nearest(source.encoding, ("utf-8", "utf-16", "gb18030", "gbk", "big5", "latin-1", "cp1252"))
        found.say((*here, "encoding"), f"{describe(source.encoding)} is not an encoding that Python knows.{close}")
    if len(source.delimiter) != 1 or source.delimiter in '"\r\n\\':
        told = describe(source.delimiter)
        found.say((*here, "delimiter"), f'found {told}, expected one character such as "," or ";".')
    found.column((*here, "key"), name, source.key)
    if isinstance(source.time, str):
        found.column((*here, "time"), name, source.time, TIMES, "the time of a record")
    else:
        for index, part in enumerate(source.time):
            found.column((*here, "time", index), name, part, ("integer",), "a part of the time")
    first: dict[str, int] = {}
    for index, declared in enumerate(source.fields):
        path = (*here, "fields", index)
        if declared.name in first:
            line = found.document.position(found.checked.original((*here, "fields", first[declared.name]))).line
            told = f"the field '{shortened(declared.name)}' is declared already, on line {line}; keep one."
            found.say((*path, "name"), told)
        first.setdefault(declared.name, index)
        check_field(found, path, declared)


def _check_place(found: Findings, here: Path, source: Source) -> None:
    if source.path is not None and source.connection is not None:
        found.say((*here, "connection"), "a source has path or connection, not both; remove one.", at_key=True)
    elif source.path is None and source.connection is None:
        # A path or connection with a mistake of its own was taken out before; it is there all the same.
        raw = found.document.data.get("sources", {}).get(here[1], {})
        if not any(raw.get(key) is not None for key in ("path", "connection")):
            found.say(here, "a source needs path, or connection and table; add path: records/….csv.")
    elif source.connection is not None and source.table is None:
        found.say(here, "the key 'table' is missing; a connection needs the table to read.")
    if source.path is not None and source.table is not None and source.connection is None:
        found.say((*here, "table"), "a table goes with connection, not with path; remove one.", at_key=True)
    problem = path_problem(source.path) if source.path is not None else None
    if problem:
        found.say((*here, "path"), problem)


def check_field(found: Findings, path: Path, declared: FieldOf) -> None:
    """Check a field's format and constraints."""
    if declared.format != "default":
        problem = _format_problem(declared)
        if problem:
            found.say((*path, "format"), problem)
    rules, here = declared.constraints, (*path, "constraints")
    for key in ("minimum", "maximum"):
        if getattr(rules, key) is not None and declared.type in ("string", "boolean"):
            found.say((*here, key), f"a {declared.type} field has no {key}; remove it.", at_key=True)
    for key in ("pattern", "minLength", "maxLength"):
        if getattr(rules, key) is not None and declared.type != "string":
            told = f"only a string field has {key}; '{shortened(declared.name)}' is of type {declared.type}."
            found.say((*here, key), told, at_key=True)
    if declared.type not in ("string", "boolean"):
        low = found.cast((*here, "minimum"), rules.minimum, declared)
        high = found.cast((*here, "maximum"), rules.maximum, declared)
        if low is not None and high is not None and low > high:
            found.say((*here, "minimum"), f"the minimum {low} lies above the maximum {high}; swap them.")
    if rules.minLength is not None and rules.maxLength is not None and rules.minLength > rules.maxLength:
        told = f"minLength {rules.minLength} lies above maxLength {rules.maxLength}; swap them."
        found.say((*here, "minLength"), told)
    for index, value in enumerate(rules.enum or ()):
        found.cast((*here, "enum", index), value, declared)
    if rules.pattern is not None:
        try:
            re.compile(rules.pattern)
        except (re.error, OverflowError, RecursionError) as error:
            found.say((*here, "pattern"), f"{describe(rules.pattern)} is not a regular expression: {error}.")


def _format_problem(declared: FieldOf) -> str | None:
    pattern = declared.format
    if declared.type not in TIMES:
        return f"a {declared.type} field has no format but 'default'; remove it."
    used = re.findall(r"%(.?)", pattern, re.DOTALL)
    unknown = [letter for letter in used if letter not in _DIRECTIVES or not letter]
    if not used or unknown:
        wrong = f" (%{unknown[0]} is not known)" if unknown else ""
        return f"{describe(pattern)} is not a pattern of dates{wrong}; expected default, or one such as %d/%m/%Y."
    month_and_day = "j" in used or ("d" in used and {"m", "b", "B"} & set(used))
    if not ({"Y", "y"} & set(used) and month_and_day):
        return f"{describe(pattern)} does not say year, month and day; expected a pattern such as %d/%m/%Y."
    try:
        moment = dt.datetime(2024, 11, 25, 13, 45, 50, tzinfo=dt.UTC)
        dt.datetime.strptime(moment.strftime(pattern), pattern)  # noqa: DTZ007 - only whether it can be read counts
    except (ValueError, re.error):
        return f"{describe(pattern)} cannot be read back as a date; expected a pattern such as %d/%m/%Y."
    return None
