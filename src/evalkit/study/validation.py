"""What pydantic finds wrong with a study file, told in sentences."""

from __future__ import annotations

import re
from typing import Any

from pydantic import ValidationError

from evalkit.errors import nearest
from evalkit.study.model import Study
from evalkit.study.model_values import NOT_BLANK, ONE_CHARACTER
from evalkit.study.yaml_lines import Document, Path, describe, shortened

_MENDS = {
    "target": "write target: {relative_change: 0.10}, {difference: x} or {level: 0.90}",
    "better": "write better: higher or better: lower",
    "baseline": "write baseline: {start: 2023-01-01, end: 2024-12-31}",
    "schema": "write schema: 1",
}
_FORMS = {
    "phase_in": "{start: 2025-01-01, end: 2025-03-31}, its days inclusive",
    "baseline": "{start: 2023-01-01, end: 2024-12-31}",
    "actual": "{start: 2025-01-06, end: 2025-04-11}",
    "planned": "{start: 2025-01-01, months: 3} or {ongoing: true}",
    "calendar": "{baseline: {start: 2023-01-01, end: 2024-12-31}}",
    "metric": "{kind: mean, value: COLUMN}",
    "success": "{column: COLUMN, equals: VALUE}",
    "estimator": "{kind: direct}",
    "rollout": "{source: SOURCE, unit: COLUMN, date: COLUMN}",
    "constraints": "{required: true}",
}
_EITHER = {
    "value": "a column or a mapping",
    "exposure": "a column or a mapping",
    "time": "a column, or a list of integer columns [year, month] or [year, month, day]",
    "sequential": "none, {method: alpha-spending, looks: 6} or {method: anytime}",
}
_EXPECTED = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "union_tag_not_found": "a mapping",
    "string_too_short": "a text that is not empty",
    "string_pattern_mismatch": "a name of letters, digits, '-' and '_' that begins with a letter, 64 at most",
    NOT_BLANK: "a text that is not blank",
    ONE_CHARACTER: 'one character such as "," or ";", or tab',
    "too_short": "at least one entry",
    "too_long": "300 entries at most",
}


def tell_structure(document: Document, study: Study) -> set[Path]:
    """Tell all that pydantic refuses in the document; return its paths.

    `study` is the same document read leniently: it says which keys each part may have.
    """
    refused = set()
    try:
        Study.model_validate(document.data)
    except ValidationError as errors:
        for error in errors.errors(include_url=False):
            # Pydantic calls a list too short when its entries have errors.
            if error["type"] != "too_short" or len(error["input"]) < error["ctx"]["min_length"]:
                path = _path(error["loc"], document.data, missing=error["type"] == "missing")
                refused.add(path)
                _tell(document, study, path, error)
    return refused


def _path(location: tuple[str | int, ...], data: Any, *, missing: bool) -> Path:
    """Return pydantic's location without what is not in the data: the marks of the union members it tried."""
    path: list[str | int] = []
    for position, part in enumerate(location, start=1):
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            if not missing or position < len(location):
                continue
        path.append(part)
    return tuple(path)


def _tell(document: Document, study: Study, path: Path, error: Any) -> None:
    kind, found, key = error["type"], error["input"], str(path[-1]) if path else ""
    if kind.startswith("union_tag") and isinstance(found, dict):
        key = "method" if key == "sequential" else "kind"
        path, found = (*path, key), found.get(key)
        kind = "missing" if found is None else kind
    if kind == "missing":
        document.tell(path[:-1], f"the key '{key}' is missing; {_MENDS.get(key, f'add {key}: and its value')}.")
    elif kind == "extra_forbidden":
        document.tell(path, _split_by_comma(document, path) or _unknown(study, path, key))
    else:
        document.tell(
            path, f"found {describe(found)}, {_expected(error, kind, found, key)}{_mend(document, path, kind, found)}"
        )


def _mend(document: Document, path: Path, kind: str, found: object) -> str:
    """Say how what was found is written, where that can be told."""
    key = str(path[-1]) if path else ""
    given = re.fullmatch(r"\s*([-+−]?)(\d+(?:\.\d+)?)\s*([%％]?)\s*", str(found))
    if kind == "tuple_type" and isinstance(found, str):
        return f" Write [{shortened(found)}]."
    if given is None or key not in ("target", "relative_change", "difference", "level"):
        return ""
    sign, number, percent = given[1].replace("−", "-"), float(given[2]), given[3]
    share = f"{'-' if sign == '-' else ''}{number / 100 if percent or abs(number) >= 1 else number:g}"
    if key != "target":
        return f" Write {share} for {sign}{number:g} %." if percent or key == "relative_change" else ""
    change = f"{{relative_change: {share}}}"
    level = share if _is_share(document, path) else "" if percent else f"{number:g}"
    return f" Write target: {change if sign or not level else f'{{level: {level}}} or {change}'}."


def _is_share(document: Document, path: Path) -> bool:
    """Return whether a goal's metric is a share, of which a level of 90 is 0.9; so is one that cannot be told."""
    goal: Any = document.data
    for step in path[:-1]:
        goal = goal[step]
    metric = goal.get("metric") if isinstance(goal, dict) else None
    kind = metric.get("kind") if isinstance(metric, dict) else None
    return kind not in ("mean", "ratio", "rate")


def _expected(error: Any, kind: str, found: object, key: str) -> str:
    context = error.get("ctx", {})
    listed = context.get("expected_tags") or context.get("expected", "")
    if kind == "expected":
        return f"{listed}{'' if listed.endswith(('?', '.')) else '.'}"
    if kind == "union_tag_invalid":
        expected = " or ".join(listed.rsplit(", ", 1))
    elif error["loc"][-1:] in (("<text>",), ("<other>",)) and key in _EITHER:
        return f"expected {_EITHER[key]}."
    else:
        plain = re.sub("Input should be |valid ", "", error["msg"]).replace("True", "true")
        expected = _EXPECTED.get(context.get("pattern"), _EXPECTED.get(kind, plain))
        expected += f" such as {_FORMS[key]}" if expected == "a mapping" and key in _FORMS else ""
    if kind in ("union_tag_invalid", "literal_error"):
        close = nearest(found, re.findall(r"'([^']*)'", listed)) if isinstance(found, str) else ""
        return f"expected {expected.replace(chr(39), '')}.{close}"
    if kind == "string_type" and isinstance(found, int | float):
        expected += "; put it in quotes"
    if isinstance(found, str) and re.fullmatch(r"[-+]?[0-9.]+([eE][-+]?[0-9]+)?|true|false", found):
        expected += "; remove the quotes"
    return f"expected {expected}."


def _split_by_comma(document: Document, path: Path) -> str:
    """Say that a decimal comma ends a value in a flow mapping: `{level: 0,95}` has a key 95."""
    around = document.data
    for step in path[:-1]:
        around = around[step]
    keys = list(around) if isinstance(around, dict) else []
    place = keys.index(path[-1]) if path[-1] in keys else 0
    before = keys[place - 1] if place else ""
    whole = document.written.get((*path[:-1], before), "")
    if around.get(path[-1]) is not None or not (re.fullmatch(r"[-+]?\d+", whole) and re.match(r"\d+$", str(path[-1]))):
        return ""
    number = f"{whole}.{path[-1]}"
    return f"a comma ends the value of '{shortened(before)}' in a flow mapping; write {shortened(before)}: {number}."


def _unknown(study: Study, path: Path, key: str) -> str:
    if path[0] == "indicators" and len(path) == 3 and key == "target":
        return "an indicator has no target; move it to goals, or remove the target."
    part: Any = study
    for step in path[:-1]:
        fields = getattr(type(part), "model_fields", {})
        name = next((name for name, field in fields.items() if (field.alias or name) == step), None)
        part = getattr(part, name) if name else part[step]
    known = [field.alias or name for name, field in type(part).model_fields.items()]
    return f"the key '{shortened(key)}' is not known.{nearest(key, known)} Known here: {', '.join(known)}."
