"""A share that is to fall and whose success no record has: a misspelt word would pass for a promise kept."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from evalkit.evaluation.flags import flag
from evalkit.moments import Moments
from evalkit.records import Records
from evalkit.results import Flag


def unknown_success(question: Any, parts: Iterable[Moments], records: Records) -> Flag | None:
    """Return the flag that forbids an evaluation where the word that is asked for stands in no record, if it does.

    Only a share that is better when lower could pass for kept by it. A word that the field lists among its allowed
    values is known to be written so: none is a finding then.
    """
    success = getattr(question.metric, "success", None)
    if question.better != "lower" or success is None or not isinstance(success.equals, str):
        return None
    field = next(field for field in records.source.fields if field.name == success.column)
    if field.constraints.enum is not None and success.equals in field.constraints.enum:
        return None
    found = list(parts)
    if not any(len(moments.start) for moments in found) or any(moments.sums[:, 0].any() for moments in found):
        return None
    undated = max(moments.undated for moments in found)
    return flag(
        "no_success",
        "serious",
        "No record that is compared has '{success}' in '{column}', so nothing shows that it is written like that "
        "there. If none is right, list it among the field's allowed values (`constraints: {{enum: [...]}}`)."
        + (
            " {undated} records have no '{time}', which places them in a window: it may stand in these."
            if undated
            else ""
        ),
        case="undated" if undated else "nowhere",
        success=success.equals,
        column=success.column,
        **({"undated": undated, "time": records.source.time} if undated else {}),
    )
