"""What no part of a study can tell alone: references, columns and their types, values cast to these types."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args
from zoneinfo import ZoneInfo

from evalkit.errors import nearest
from evalkit.study.model import Study
from evalkit.study.model_goal import Elapsed, Question, Success, Where
from evalkit.study.model_source import FieldOf
from evalkit.study.model_values import GROUPS, ID, NUMERIC, TIMES, Duration, Model, Refers
from evalkit.study.yaml_lines import Document, Path, describe, listed, shortened

_FORMS = {
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "date": "a date such as 2025-12-31",
    "datetime": "a date or time such as 2025-12-31T09:30:00",
}


@dataclass(slots=True)
class Checker:
    """Checks a study that was read leniently: anything in it may be None. Mistakes are told in its document.

    `refused` are the paths of what was told already. Values are cast in the document's data.
    """

    document: Document
    study: Study
    refused: set[Path]
    enums: dict[tuple[str | None, str], list[Any]] = field(default_factory=dict)
    fields: dict[str | None, dict[str, FieldOf]] = field(default_factory=dict)

    def check(self) -> None:
        """Check every part of the study."""
        self._part((), self.study, None)
        for keys in (("weaknesses",), ("commitments",), ("measures",), ("goals", "indicators")):
            self._unique([((k, i, "id"), one.id) for k in keys for i, one in enumerate(getattr(self.study, k) or ())])
        for name, source in (self.study.sources or {}).items():
            here = ("sources", name)
            self._unique([((*here, "fields", i, "name"), one.name) for i, one in enumerate(source.fields or ())])
            if not re.match(ID, name):
                self._say(here, "expected a name of letters, digits, '-' and '_', 64 at most.")

    def _say(self, path: Path, message: str) -> None:
        # What is missing in a mapping may be what was refused there.
        if not any(path in (one, one[:-1]) for one in self.refused):
            self.document.tell(path, message)

    def _part(self, path: Path, part: Model, source: str | None) -> None:
        """Check a part and all in it; `source` is the one whose columns it names."""
        fields = type(part).model_fields
        source = getattr(part, "source", None) if "source" in fields else source
        for keys, message in part.problems():
            self._say((*path, *keys), message)
        if isinstance(part, FieldOf):
            self._field(path, part, source)
        elif isinstance(part, Question):
            self._question(path, part)
        elif isinstance(part, Elapsed):
            self._hours(path, source, part.within, part.from_, part.to)
        elif isinstance(part, Success | Where):
            self._condition(path, part, source)
        for name, info in fields.items():
            marks = [mark for one in (info.annotation, *info.metadata) for mark in _marks(one)]
            self._value((*path, info.alias or name), getattr(part, name), marks, source)

    def _value(self, path: Path, value: Any, marks: list[Refers], source: str | None) -> None:
        if isinstance(value, Model):
            self._part(path, value, source)
        elif isinstance(value, dict):
            for name, one in value.items():
                self._value((*path, name), one, marks, name)
        elif isinstance(value, tuple):
            for index, one in enumerate(value):
                self._value((*path, index), one, marks[-1:], source)
        elif marks and isinstance(value, str) and marks[0].to != "field":
            self._known(path, value, marks[0].to)
        elif marks and isinstance(value, str) and value != marks[0].except_for:
            self._column(path, source, value, marks[0].types)

    def _known(self, path: Path, name: str, kind: str) -> None:
        things = getattr(self.study, f"{kind}s")
        known = list(things) if isinstance(things, dict) else [one.id for one in things or () if one.id]
        if things is not None and name not in known:
            self._say(
                path, f"there is no {kind} '{shortened(name)}'; the study has {listed(known)}.{nearest(name, known)}"
            )

    def _fields(self, source: str | None) -> dict[str, FieldOf] | None:
        """Return a source's fields by name; None where they cannot be known."""
        found = (self.study.sources or {}).get(source or "")
        if found is None or found.fields is None:
            return None
        if source not in self.fields:
            self.fields[source] = {one.name: one for one in reversed(found.fields) if one.name}
        return self.fields[source]

    def _column(self, path: Path, source: str | None, name: str | None, types: Sequence[str] = ()) -> FieldOf | None:
        """Check that the source declares the column, of one of the types; return its field if so."""
        fields = self._fields(source)
        if name is None or fields is None:
            return None
        if name not in fields:
            told = f"the source '{shortened(source or '')}' declares no field '{shortened(name)}'; it declares "
            self._say(path, f"{told}{listed(reversed(fields))}.{nearest(name, fields)}")
        elif types and fields[name].type and fields[name].type not in types:
            expected = " or ".join(", ".join(types).rsplit(", ", 1))
            self._say(path, f"the field '{shortened(name)}' is of type {fields[name].type}; expected {expected}.")
        elif fields[name].type:
            return fields[name]
        return None

    def _unique(self, names: list[tuple[Path, str | None]]) -> None:
        taken: dict[str, tuple[Path, str]] = {}
        for path, name in names:
            # Ids name files, and some file systems do not tell capitals or composed letters apart; nor does SQL.
            same = unicodedata.normalize("NFC", name or "").casefold()
            if name and taken.setdefault(same, (path, name))[0] != path:
                first, other = taken[same]
                told = f"the {path[-1]} '{shortened(name)}' is taken, on line {self.document.place(first)[0]}"
                same = (
                    "" if other == name else f"; '{shortened(other)}' and '{shortened(name)}' differ in capitals only"
                )
                self._say(path, f"{told}{same}; choose another.")

    def _field(self, path: Path, part: Any, source: str | None) -> None:
        rules, here = part.constraints, (*path, "constraints")
        if rules is None or part.type is None:
            return
        enum = enumerate(rules.enum or ())
        for index, value in enumerate(rules.enum or ()):
            if part.type == "string" and isinstance(value, bool):
                written = self.document.written.get((*here, "enum", index), str(value).lower())
                told = f"found {describe(value)} among the values of a text field"
                self._say((*here, "enum", index), f'{told}; put it in quotes, "{written}", or declare type: boolean.')
        self.enums[source, part.name] = [self._cast((*here, "enum", index), value, part) for index, value in enum]
        if part.type not in ("string", "boolean"):
            low, high = (self._cast((*here, key), getattr(rules, key), part) for key in ("minimum", "maximum"))
            if low is not None and high is not None and low > high:
                self._say((*here, "minimum"), f"the minimum {low} lies above the maximum {high}; swap them.")

    def _question(self, path: Path, part: Question) -> None:
        phase, baseline = part.phase_in, self.study.calendar and self.study.calendar.baseline
        if phase and phase.start and baseline and baseline.end and phase.start <= baseline.end:
            told = f"the phase-in begins on {phase.start}, within or before the baseline, which ends on {baseline.end}"
            self._say((*path, "phase_in"), f"{told}; begin it after that.")
        if part.rollout:
            self._column((*path, "rollout", "unit"), part.source, part.rollout.unit, GROUPS)
        self._answers(path, part)
        exposure = getattr(part.metric, "exposure", None)
        if isinstance(exposure, Model):
            for name in part.standardise_by or ():  # the exposure is divided by the same groups
                self._column((*path, "metric", "exposure", "source"), getattr(exposure, "source", None), name)

    def _answers(self, path: Path, part: Question) -> None:
        """Refuse a share answered in time whose records are placed by their answers: the unanswered lie nowhere."""
        success = getattr(part.metric, "success", None)
        source = (self.study.sources or {}).get(part.source or "")
        if success is None or source is None or None in (success.within, success.of, success.column):
            return
        if success.column == source.time and success.of != success.column:
            answer, asked = shortened(success.column), shortened(success.of)
            told = (
                f"'{answer}' is the `time` of the source '{shortened(part.source)}', so what was never answered lies in"
            )
            self._say(
                (*path, "metric", "success", "column"),
                f"{told} no window and would not count as a failure; write `time: {asked}` there (another source of "
                "the same file may keep the other time).",
            )

    def _hours(self, path: Path, source: str | None, within: Duration | None, *names: str | None) -> None:
        fields = self._fields(source) or {}
        dates = [shortened(name) for name in names if name in fields and fields[name].type == "date"]
        if within is not None and within.unit == "h" and dates:
            told = f"hours cannot be counted in '{dates[0]}', which holds dates without times"
            self._say((*path, "within"), f"{told}; write days, such as 7d.")

    def _condition(self, path: Path, part: Success | Where, source: str | None) -> None:
        ordered = NUMERIC if isinstance(part, Success) else (*NUMERIC, *TIMES)
        types = {"contains": ("string",), "at_least": ordered, "at_most": ordered, "within": TIMES}
        given: dict[Path, Any] = {(key,): getattr(part, key, None) for key in ("equals", *types)}
        given |= {("in", index): value for index, value in enumerate(getattr(part, "in_", None) or ())}
        for keys, value in given.items():
            if value is not None:
                found = self._column((*path, "column"), source, part.column, types.get(str(keys[0]), ()))
                if found and (isinstance(part, Where) or keys[0] == "equals"):
                    self._cast((*path, *keys), value, found, self.enums.get((source, found.name), ()))
        if isinstance(part, Success):
            self._hours(path, source, part.within, part.of, part.column)

    def _cast(self, path: Path, value: Any, found: FieldOf, allowed: Sequence[Any] = ()) -> Any:
        """Cast a value in the document's data; one that has to equal a value must be among those listed, if any are."""
        if value is None:
            return None
        try:
            result = _cast(value, self.document.written.get(path), found.type, ZoneInfo(self.study.timezone or "UTC"))
        except (ValueError, KeyError, OverflowError):
            told = f"found {describe(value)}, which the type of the field '{shortened(found.name)}' ({found.type})"
            self._say(path, f"{told} does not hold; expected {_FORMS[found.type]}.")
            return None
        if allowed and result not in allowed and (path[-1] == "equals" or path[-2] == "in"):
            words = [str(one) for one in allowed]
            told = f"the field '{shortened(found.name)}' has no value '{shortened(str(result))}'; its enum lists "
            self._say(path, f"{told}{listed(words)}.{nearest(str(result), words)}")
        inside = self.document.data
        for part in path[:-1]:
            inside = inside[part]
        inside[path[-1]] = result
        return result


def _marks(annotation: Any) -> Iterator[Refers]:
    if isinstance(annotation, Refers):
        yield annotation
    for inner in get_args(annotation):
        yield from _marks(inner)


def _cast(value: Any, written: str | None, kind: str, zone: ZoneInfo) -> Any:
    """Return a value in the type `kind`; `written` is its text in the file, so that a string `1.50` stays `1.50`.

    Times with an offset become naive ones in `zone`. Raises ValueError, KeyError or OverflowError.
    """
    text = value.strip() if isinstance(value, str) else None
    if kind == "string":
        return value if text is not None else written or str(value)
    if kind == "boolean":
        return {"true": True, "1": True, "false": False, "0": False}[str(value).strip().lower()]
    if kind == "date" and text is not None:
        return dt.date.fromisoformat(text)
    if kind == "datetime" and text is not None:
        moment = dt.datetime.fromisoformat(text)
        return moment.astimezone(zone).replace(tzinfo=None) if moment.tzinfo else moment
    if kind not in NUMERIC or isinstance(value, bool):
        raise ValueError
    number = value if text is None else int(text) if re.fullmatch(r"[-+]?[0-9]+", text) else float(text)
    if not abs(number) < float("inf") or (kind == "integer" and not (number == int(number) and abs(number) < 2**63)):
        raise ValueError
    return int(number) if kind == "integer" else number
