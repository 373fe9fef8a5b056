"""Pictures of results: estimate against target, and the monthly course. Results in, a matplotlib figure out.

Colour is never alone: each verdict has its own marker, and words stand beside it. The palette is that of Okabe
and Ito (2008), told apart by readers with any colour vision. Figures are built without pyplot, so nothing
depends on a window system or on state left behind by another figure.
"""

from evalkit.figures.course import trend
from evalkit.figures.estimates import effect, forest
from evalkit.figures.style import BLACK, BLUE, GREEN, GREY, ORANGE, VERMILLION, styled, text_width

__all__ = [
    "BLACK",
    "BLUE",
    "GREEN",
    "GREY",
    "ORANGE",
    "VERMILLION",
    "effect",
    "forest",
    "styled",
    "text_width",
    "trend",
]
