"""Functions of the embedded engine that Ibis has no name for."""

from __future__ import annotations

from datetime import datetime

import ibis


@ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]
def try_strptime(text: str, pattern: str) -> datetime:  # type: ignore[empty-body]
    """Return the local time a text spells by a strptime pattern, or NULL."""


@ibis.udf.scalar.builtin(signature=(("timestamp('UTC')",), "int64"))
def epoch_us(moment):  # type: ignore[no-untyped-def]
    """Return microseconds since 1970 UTC."""
