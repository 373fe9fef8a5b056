"""The keys that each part of a study file knows, found from the models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from pydantic.fields import FieldInfo

from evalkit.study.document import Path
from evalkit.study.model import Study
from evalkit.study.model_values import Model


def keys_at(path: Path, data: Any) -> list[str]:
    """Return the keys that the mapping at the path may have; where it has several forms, those of the form chosen.

    >>> keys_at(("calendar",), {})
    ['baseline', 'programme_start', 'frequency']
    """
    models: list[type[Model]] = [Study]
    for part in path:
        data = data[part] if _holds(data, part) else None
        if not isinstance(part, int):
            fields = [field for model in models if (field := _field(model, part)) is not None]
            models = _chosen([m for field in fields for m in _models(field.annotation)], data) if fields else models
    known = (field.alias or name for model in models for name, field in model.model_fields.items())
    return list(dict.fromkeys(known))


def _holds(data: Any, part: str | int) -> bool:
    if isinstance(part, int):
        return isinstance(data, list) and part < len(data)
    return isinstance(data, dict) and part in data


def _field(model: type[Model], key: str) -> FieldInfo | None:
    return next((field for name, field in model.model_fields.items() if (field.alias or name) == key), None)


def _models(annotation: Any) -> Iterator[type[Model]]:
    if isinstance(annotation, type) and issubclass(annotation, Model):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)


def _chosen(models: list[type[Model]], data: Any) -> list[type[Model]]:
    if len(models) < 2 or not isinstance(data, dict):
        return models
    for key in ("kind", "method"):
        for model in models:
            field = model.model_fields.get(key)
            if field is not None and data.get(key) in get_args(field.annotation):
                return [model]
    return models
