"""The study file's JSON Schema, so that editors complete and check it while it is written.

`study.schema.json` beside this module is what it returns; name it in the file's first line:
`# yaml-language-server: $schema=PATH`. `evalkit check` knows more: what refers to what, and the records.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evalkit.study.model import Study

PATH = Path(__file__).with_name("study.schema.json")
_DRAFT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """Return the schema, from the objects that read the file.

    >>> sorted(json_schema()["required"])
    ['calendar', 'goals', 'id', 'schema', 'sources']
    """
    schema = _plain(Study.model_json_schema(by_alias=True))
    text = schema["$defs"]["Text"]
    schema["$defs"]["Text"] = {"anyOf": [{"type": "string", "minLength": 1}, text]}
    return {"$schema": _DRAFT, **schema, "title": "evalkit study file"}


def _plain(node: Any, *, names: bool = False) -> Any:
    """Return the schema without what pydantic adds: titles made from names, null for what is left out."""
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {
        key: _plain(value, names=key in ("properties", "$defs"))
        for key, value in node.items()
        if names or not (key == "title" or (key == "default" and value is None))
    }
    given = [option for option in kept.get("anyOf", ()) if option != {"type": "null"}] if not names else []
    if given:
        del kept["anyOf"]
        kept = {**given[0], **kept} if len(given) == 1 else {**kept, "anyOf": given}
    return kept
