"""What all pictures share: the palette, a marker for each verdict, and how numbers stand on an axis."""

from __future__ import annotations

import math
from typing import Any

from evalkit import formats
from evalkit.formats import Quantity

BLACK, GREY, BLUE, GREEN, ORANGE, VERMILLION = "#000000", "#595959", "#0072B2", "#009E73", "#E69F00", "#D55E00"
MARKERS = {
    "achieved": ("o", GREEN, True),
    "not_achieved": ("X", VERMILLION, True),
    "inconclusive": ("D", ORANGE, False),
    "not_evaluable": ("s", GREY, False),
    None: ("o", BLUE, True),
}
STYLE: Any = {
    "svg.fonttype": "none",
    "font.family": ["DejaVu Sans"],
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "axes.titlesize": 11,
    "figure.facecolor": "white",
}
POINTS = 72.0  # in an inch


def styled() -> Any:
    """Return the context in which every figure is built and written."""
    import matplotlib

    return matplotlib.rc_context(STYLE)


def text_width(text: str, size: float = 11) -> float:
    """Return about how many points a text takes. The reader's browser picks the font, so no font is measured.

    >>> text_width("银行") > text_width("ab")
    True
    """
    return size * sum(1.02 if ord(letter) > 0x2E80 else 0.6 for letter in text)


def tick(value: float, form: Quantity) -> str:
    decimals = next((d for d in range(6) if math.isclose(round(value, d), value, abs_tol=1e-9)), 6)
    text = formats.number(value, decimals, signed=form.signed)
    return text + ((" %" if form.language == "en" else "%") if form.percent else "")
