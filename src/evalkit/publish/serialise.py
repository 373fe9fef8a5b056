"""JSON as it is published: the same object gives the same bytes."""

from __future__ import annotations

import json
from typing import Any


def to_json(value: Any) -> str:
    """Return UTF-8 JSON in the object's own order, indented, without NaN, a newline at the end.

    >>> to_json({"b": 1, "a": "银行"})
    '{\\n  "b": 1,\\n  "a": "银行"\\n}\\n'
    """
    return json.dumps(value, ensure_ascii=False, allow_nan=False, indent=2) + "\n"
