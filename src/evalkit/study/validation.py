"""What pydantic finds wrong, told in sentences; and a copy without it, on which everything else is still checked."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from evalkit.errors import nearest
from evalkit.study.document import Mistake, Path, describe, shortened
from evalkit.study.model import Study
from evalkit.study.vocabulary import keys_at

# A key whose value is a mapping of several kinds: pydantic puts the kind into its path after that key.
_KIND_KEYS = {"metric": "kind", "estimator": "kind", "sequential": "method"}
_MENDS = {
    "target": "write target: {relative_change: 0.10}, {difference: x} or {level: 0.90}",
    "better": "write better: higher or better: lower",
    "baseline": "write baseline: {start: 2023-01-01, end: 2024-12-31}",
    "schema": "write schema: 1",
    "kind": "write kind: and one of the kinds",
}
_TYPES = {
    "float_type": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "finite_number": "a finite number",
    "string_too_short": "a text that is not empty",
    "string_pattern_mismatch": "a name of letters, digits, '-' and '_' that begins with a letter",
}
_BOUNDS = {
    "greater_than": "a number above {gt}",
    "greater_than_equal": "a number of at least {ge}",
    "less_than": "a number below {lt}",
    "less_than_equal": "a number of at most {le}",
}
_ABSENT_DAYS: dict[str, Any] = {"baseline": {"start": "1000-01-01", "end": "1000-01-02"}}


def stand_in(path: Path, count: int) -> Any:
    """Return a value that lets the rest be checked although the required key at the path is missing or wrong."""
    match path:
        case ("schema",):
            return 1
        case ("id",) | ("goals" | "indicators", int(), "id"):
            return f"_missing_{count}"
        case ("goals",):
            names = {key: stand_in(("goals", 0, key), count) for key in ("id", "source", "metric", "better", "target")}
            return [names]
        case ("sources",):
            return {f"_missing_{count}": {"path": "_", "time": "_", "fields": [{"name": "_", "type": "date"}]}}
        case ("calendar",):
            return _ABSENT_DAYS
        case ("calendar", "baseline"):
            return _ABSENT_DAYS["baseline"]
        case ("sources", str(), "time") | ("goals" | "indicators", int(), "source" | "measure"):
            return f"_missing_{count}"
        case ("goals" | "indicators", int(), "metric"):
            return {"kind": "rate", "exposure": "calendar-days"}
        case ("goals" | "indicators", int(), "better"):
            return "higher"
        case ("goals", int(), "target"):
            return {"difference": 0.0}
    return None


@dataclass(slots=True)
class _Trace:
    """The same tree as the data, each node with its path in the file, so that removals do not shift paths."""

    path: Path
    children: dict[Any, _Trace] | list[_Trace] | None

    @classmethod
    def of(cls, data: Any, path: Path = ()) -> _Trace:
        if isinstance(data, dict):
            return cls(path, {key: cls.of(value, (*path, key)) for key, value in data.items()})
        if isinstance(data, list):
            return cls(path, [cls.of(value, (*path, index)) for index, value in enumerate(data)])
        return cls(path, None)

    def child(self, key: str | int) -> _Trace | None:
        if isinstance(self.children, dict):
            return self.children.get(key)
        if isinstance(self.children, list) and isinstance(key, int) and key < len(self.children):
            return self.children[key]
        return None


@dataclass(slots=True)
class Checked:
    """What came of the validation: the mistakes, and the study without what is wrong (None where nothing is left).

    `invented` are the paths of values that stand in for missing ones; what is found wrong below them says nothing.
    """

    mistakes: list[Mistake] = field(default_factory=list)
    study: Study | None = None
    invented: list[Path] = field(default_factory=list)
    trace: _Trace = field(default_factory=lambda: _Trace((), None))

    def original(self, path: Path) -> Path:
        """Return the path in the file of a path in `study`."""
        node = self.trace
        for position, key in enumerate(path):
            child = node.child(key)
            if child is None:
                return (*node.path, *path[position:])
            node = child
        return node.path

    def is_invented(self, path: Path) -> bool:
        """Whether a path in the file lies at or below a value that stands in for a missing one."""
        return any(path[: len(invented)] == invented for invented in self.invented)


def validate(data: dict[str, Any]) -> Checked:
    """Validate the data of a study file, and take out or replace what is wrong until the rest is a study."""
    checked = Checked(trace=_Trace.of(data))
    rest = copy.deepcopy(data)
    touched: set[Path] = set()
    while True:
        try:
            checked.study = Study.model_validate(rest)
            return checked
        except ValidationError as error:
            faults = _faults(error, rest)
        for fault in faults:
            original = checked.original(fault.path)
            if not {original, original[:-1]} & touched and not checked.is_invented(original):
                checked.mistakes.append(_tell(fault, original, data))
        if not _repair(rest, faults, checked, touched):
            return checked


@dataclass(slots=True)
class _Fault:
    path: Path
    error: Any


def _faults(error: ValidationError, data: dict[str, Any]) -> list[_Fault]:
    """Return the errors with their places; a list is not too short only because its entries have errors."""
    return [
        _Fault(_place(one["loc"], data), one)
        for one in error.errors(include_url=False)
        if one["type"] != "too_short" or len(one["input"]) < one["ctx"]["min_length"]
    ]


def _place(location: Iterable[str | int], data: Any) -> Path:
    """Return pydantic's location without the marks of the union members it tried."""
    path: list[str | int] = []
    entered: str | int | None = None
    parts = list(location)
    for position, part in enumerate(parts):
        if part in ("<text>", "<mapping>") and not (isinstance(data, dict) and part in data):
            continue
        if part == "[key]" and position == len(parts) - 1:
            continue
        if entered in _KIND_KEYS and isinstance(data, dict) and data.get(_KIND_KEYS[str(entered)]) == part:
            entered = None
            continue
        path.append(part)
        entered = part
        data = data.get(part) if isinstance(data, dict) else data[part] if _indexes(data, part) else None
    return tuple(path)


def _indexes(data: Any, part: object) -> bool:
    return isinstance(data, list) and isinstance(part, int) and part < len(data)


def _tell(fault: _Fault, path: Path, data: Any) -> Mistake:
    error, kind = fault.error, fault.error["type"]
    if kind == "missing":
        key = str(path[-1])
        return Mistake(path[:-1], f"the key '{key}' is missing; {_MENDS.get(key, f'add {key}: and its value')}.")
    if kind == "extra_forbidden":
        return Mistake(path, _unknown(str(path[-1]), path[:-1], data), at_key=True)
    if kind == "exactly_one":
        return Mistake(path, f"{error['msg']}.")
    if kind in ("union_tag_not_found", "union_tag_invalid"):
        return _wrong_kind(error, path)
    return Mistake(path, wrong_value(error), at_key=error["loc"][-1:] == ("[key]",))


def _unknown(key: str, parent: Path, data: Any) -> str:
    if key == "target" and parent[:1] == ("indicators",) and len(parent) == 2:
        return "an indicator has no target; move it to goals, or remove the target."
    if key == "weight" and parent[-1:] == ("metric",):
        return "a rate has no weight; weight goes with mean, ratio and proportion."
    known = keys_at(parent, data)
    return f"the key '{shortened(key)}' is not known.{nearest(key, known)} Known here: {', '.join(known)}."


def _wrong_kind(error: Any, path: Path) -> Mistake:
    key = error["ctx"]["discriminator"].strip("'")
    if error["type"] == "union_tag_not_found":
        return Mistake(path, f"the key '{key}' is missing; {_MENDS.get(key, f'add {key}: and its value')}.")
    expected, found = error["ctx"]["expected_tags"], error["input"].get(key)
    return Mistake((*path, key), f"found {describe(found)}, expected {_either(expected)}.{_like(found, expected)}")


def _either(listed: str) -> str:
    words = [word.strip().strip("'") for word in listed.replace(" or ", ", ").replace("True", "true").split(",")]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _like(found: object, listed: str) -> str:
    return nearest(found, re.findall(r"'([^']*)'", listed)) if isinstance(found, str) else ""


def wrong_value(error: Any) -> str:
    """Say what was found and what was expected, from one of pydantic's errors."""
    kind, found, context = error["type"], error["input"], error.get("ctx", {})
    told = describe(found)
    if kind == "literal_error":
        return f"found {told}, expected {_either(context['expected'])}.{_like(found, context['expected'])}"
    if kind == "expected":
        return f"found {told}, {error['msg']}."
    if kind == "string_type":
        quotes = "; put it in quotes" if isinstance(found, int | float) else ""
        return f"found {told}, expected a text{quotes}."
    if kind in _TYPES:
        quoted = isinstance(found, str) and kind in ("float_type", "int_type", "bool_type") and _unquoted(found)
        return f"found {told}, expected {_TYPES[kind]}{'; remove the quotes' if quoted else ''}."
    if kind == "too_short":
        return f"found {told}, expected at least one entry."
    if kind in _BOUNDS:
        return f"found {told}, expected {_BOUNDS[kind].format(**context)}."
    return f"found {told}; {error['msg']}."


def _unquoted(text: str) -> bool:
    return re.fullmatch(r"[-+]?[0-9.]+([eE][-+]?[0-9]+)?|true|false", text.strip()) is not None


def _repair(rest: dict[str, Any], faults: list[_Fault], checked: Checked, touched: set[Path]) -> bool:
    """Take the faults out of the data, or put stand-ins; say whether there is anything left to validate."""
    removals: set[Path] = set()
    for fault in faults:
        path, kind = fault.path, fault.error["type"]
        original = checked.original(path)
        if kind == "missing":
            path = path if _invent(rest, path, checked) else path[:-1]
            if path == fault.path:
                touched.add(original)
                continue
        if not path:
            return False
        removals.add(path)
        if kind != "extra_forbidden":
            touched.update((original, original[:-1], checked.original(path), checked.original(path)[:-1]))
    for path in sorted(removals, key=lambda p: [(isinstance(part, int), part) for part in p], reverse=True):
        if not any(path[:size] in removals for size in range(1, len(path))):
            _remove(rest, checked.trace, path)
    return True


def _invent(rest: dict[str, Any], path: Path, checked: Checked) -> bool:
    original = checked.original(path)
    value = stand_in(original, len(checked.invented))
    if value is None or original in checked.invented:
        return False
    data, trace = _reach(rest, checked.trace, path[:-1])
    value = copy.deepcopy(value)
    data[path[-1]] = value
    trace.children[path[-1]] = _Trace.of(value, original)  # type: ignore[index]
    checked.invented.append(original)
    return True


def _reach(data: Any, trace: _Trace | None, path: Path) -> tuple[Any, _Trace]:
    for part in path:
        data = data[part]
        trace = trace.child(part) if trace else None
    assert trace is not None
    return data, trace


def _remove(rest: dict[str, Any], trace: _Trace, path: Path) -> None:
    data, node = _reach(rest, trace, path[:-1])
    del data[path[-1]]
    del node.children[path[-1]]  # type: ignore[union-attr,arg-type]
