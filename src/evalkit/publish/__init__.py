"""Notebooks executed, checked and published whole: papermill runner, pages, ledger, index, lock.

>>> from evalkit.publish import publish  # doctest: +SKIP
>>> publish("data/study.yaml", "2026-Q3", out="reports").index  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evalkit.publish.release import PublishedReport, publish

__all__ = ["PublishedReport", "publish"]


def __getattr__(name: str) -> Any:
    # Deferred, so that `evaluate` can take provenance from here without the machinery of processes.
    if name not in __all__:
        raise AttributeError(f"module 'evalkit.publish' has no attribute '{name}'")
    from evalkit.publish import release

    return getattr(release, name)
