"""Pictures of results: results in, a matplotlib figure out, in either language.

Colour is never alone: each verdict has its own marker, and words stand beside it. The palette is that of Okabe
and Ito (2008), told apart by readers with any colour vision. Figures are built without pyplot, so nothing
depends on a window system or on state left behind by another figure.
"""

from evalkit.figures.course import trend
from evalkit.figures.curves import answered, bounds, power, sequence
from evalkit.figures.distribution import histogram, strip
from evalkit.figures.estimates import effect, forest, glance, scopes
from evalkit.figures.history import history
from evalkit.figures.series import control_chart, course, event_study, expected_values
from evalkit.figures.style import styled, text_width

__all__ = [
    "answered",
    "bounds",
    "control_chart",
    "course",
    "effect",
    "event_study",
    "expected_values",
    "forest",
    "glance",
    "histogram",
    "history",
    "power",
    "scopes",
    "sequence",
    "strip",
    "styled",
    "text_width",
    "trend",
]
