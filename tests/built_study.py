"""Small studies of one source, built from rows, evaluated through the real engine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np

import evalkit as ek

FIELDS = {
    "day": "{name: day, type: date, constraints: {required: true}}",
    "done": "{name: done, type: date}",
    "value": "{name: value, type: number, constraints: {minimum: 0, maximum: 100}}",
    "hit": "{name: hit, type: boolean}",
    "events": "{name: events, type: integer}",
    "exposure": "{name: exposure, type: number}",
    "branch": "{name: branch, type: string}",
    "kind": "{name: kind, type: string}",
    "weight": "{name: weight, type: number}",
    "id": "{name: id, type: string}",
}
Study = Callable[..., ek.OpenStudy]


def daily(start: date, end: date, every: int = 3) -> list[date]:
    """Return every third day from start to end."""
    return [start + timedelta(days=i) for i in range(0, (end - start).days + 1, every)]


def records(
    seed: int = 1, *, branches: int = 12, effect: float = 0.9, after_until: date = date(2025, 12, 31)
) -> list[dict[str, Any]]:
    """Return skewed durations of several branches and two kinds, every third day from 2023 on."""
    rng = np.random.default_rng(seed)
    level = np.exp(rng.normal(0, 0.1, branches))
    rows = []
    for number, day in enumerate(daily(date(2023, 1, 1), after_until)):
        for branch in range(branches):
            late = day >= date(2025, 1, 1)
            quick = (number + branch) % 4 != 0
            mean = 20 * level[branch] * (0.5 if quick else 1.5) * (effect if late else 1.0)
            rows.append(
                {
                    "day": day.isoformat(),
                    "value": round(min(99.9, float(mean * rng.lognormal(-0.125, 0.5))), 4),
                    "branch": f"b{branch}",
                    "kind": "quick" if quick else "slow",
                }
            )
    return rows
