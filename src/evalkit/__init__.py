"""evalkit: reproducible before/after evaluation of service commitments.

`open_study()` evaluates a whole study; `ratio_of_means`, `proportion`, `proportion_change` and `rate_ratio`
(and `interrupted_time_series`, `staggered_rollout`, `control_chart`, `kaplan_meier`, `power`,
`group_sequential_bounds`, `confidence_sequence`) answer on plain arrays. Everything is imported when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evalkit.effect import Effect
    from evalkit.errors import EvalkitError, NotEvaluableError, ParameterError, RecordsError, StudyError
    from evalkit.estimands.control_chart import control_chart
    from evalkit.estimands.mean import ratio_of_means
    from evalkit.estimands.proportion import proportion, proportion_change
    from evalkit.estimands.rate import rate_ratio
    from evalkit.estimands.response_time import kaplan_meier
    from evalkit.estimands.staggered import staggered_rollout
    from evalkit.estimands.time_series import interrupted_time_series
    from evalkit.inference.anytime import confidence_sequence
    from evalkit.inference.power import power
    from evalkit.inference.sequential import group_sequential_bounds
    from evalkit.results import GoalResult, StudyResult
    from evalkit.session import OpenStudy, open_study

__version__ = "0.1.0"

_HOMES = {
    "confidence_sequence": "evalkit.inference.anytime",
    "control_chart": "evalkit.estimands.control_chart",
    "group_sequential_bounds": "evalkit.inference.sequential",
    "interrupted_time_series": "evalkit.estimands.time_series",
    "kaplan_meier": "evalkit.estimands.response_time",
    "Effect": "evalkit.effect",
    "EvalkitError": "evalkit.errors",
    "GoalResult": "evalkit.results",
    "NotEvaluableError": "evalkit.errors",
    "OpenStudy": "evalkit.session",
    "ParameterError": "evalkit.errors",
    "RecordsError": "evalkit.errors",
    "StudyError": "evalkit.errors",
    "StudyResult": "evalkit.results",
    "open_study": "evalkit.session",
    "power": "evalkit.inference.power",
    "proportion": "evalkit.estimands.proportion",
    "proportion_change": "evalkit.estimands.proportion",
    "rate_ratio": "evalkit.estimands.rate",
    "ratio_of_means": "evalkit.estimands.mean",
    "staggered_rollout": "evalkit.estimands.staggered",
}

__all__ = [
    "Effect",
    "EvalkitError",
    "GoalResult",
    "NotEvaluableError",
    "OpenStudy",
    "ParameterError",
    "RecordsError",
    "StudyError",
    "StudyResult",
    "confidence_sequence",
    "control_chart",
    "group_sequential_bounds",
    "interrupted_time_series",
    "kaplan_meier",
    "open_study",
    "power",
    "proportion",
    "proportion_change",
    "rate_ratio",
    "ratio_of_means",
    "staggered_rollout",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'evalkit' has no attribute '{name}'")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
