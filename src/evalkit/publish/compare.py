"""What differs between two pieces of plain data: where, and the two values; numbers are the same within 1e-9."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

TOLERANCE = 1e-9
WORDS = frozenset({"title", "message", "note"})  # what a new wording changes in results; no result of itself
ABSENT = "–"


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that is not the same on both sides; None stands for one that is missing, too."""

    key: str
    old: Any
    new: Any


def differences(old: Any, new: Any, *, skip: frozenset[str] = frozenset(), at: str = "") -> Iterator[Difference]:
    """Yield each leaf that differs, in the order of the old side; parts with an `id`, `name` or `code` are met by it.

    >>> [d.key for d in differences({"goals": [{"id": "a", "x": 1}]}, {"goals": [{"id": "a", "x": 2}]})]
    ['goals.a.x']
    """
    left, right = _parts(old), _parts(new)
    if left is not None and right is not None:
        for key in [*left, *(key for key in right if key not in left)]:
            if key not in skip:
                here = f"{at}.{key}" if at else key
                yield from differences(left.get(key), right.get(key), skip=skip, at=here)
    elif not _same(old, new):
        yield Difference(at, old, new)


def same_results(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Return whether two results say the same, whatever they were made from and however they are worded."""
    return not any(differences(old, new, skip=WORDS | {"provenance"}))


def _parts(value: Any) -> dict[str, Any] | None:
    """Return the parts of a mapping or list by their keys, nothing of None; None for a leaf."""
    if value is None:
        return None
    if isinstance(value, Mapping):
        return {str(key): part for key, part in value.items()}
    if not isinstance(value, Sequence) or isinstance(value, str):
        return None
    for name in ("id", "name", "code"):
        keys = [str(part[name]) for part in value if isinstance(part, Mapping) and name in part]
        if value and len(set(keys)) == len(value):
            return dict(zip(keys, value, strict=True))
    return {str(place): part for place, part in enumerate(value)}


def _same(old: Any, new: Any) -> bool:
    if isinstance(old, int | float) and isinstance(new, int | float):
        exact = isinstance(old, bool) or isinstance(new, bool)
        return old == new if exact else math.isclose(old, new, rel_tol=TOLERANCE, abs_tol=1e-15)
    return bool(old == new)


def shown(value: Any, limit: int = 120) -> str:
    """Return a value as a sentence or a table carries it.

    >>> shown(None), shown(0.1), shown({"a": 1})
    ('–', '0.1', '{"a": 1}')
    """
    import json

    if value is None:
        return ABSENT
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
