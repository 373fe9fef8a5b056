"""What all pictures share: palette, a marker for each verdict, one axis set-up, and how numbers stand on an axis."""

from __future__ import annotations

import logging
import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from evalkit import formats
from evalkit.formats import Quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLACK, GREY, BLUE, GREEN, ORANGE, VERMILLION = "#000000", "#595959", "#0072B2", "#009E73", "#E69F00", "#D55E00"
PURPLE = "#882255"
MARKERS = {
    "achieved": ("o", GREEN, True),
    "not_achieved": ("X", VERMILLION, True),
    "inconclusive": ("D", ORANGE, False),
    "not_evaluable": ("s", GREY, False),
    None: ("o", BLUE, True),
}
FONT = "DejaVu Sans"  # matplotlib's own
# of Chinese, on the common systems; of a collection of fonts matplotlib knows the first, hence the Japanese one
_HAN = (
    *("Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN", "Noto Sans CJK JP"),
    *("PingFang SC", "Hiragino Sans GB", "Heiti SC", "STHeiti", "Microsoft YaHei", "SimHei", "SimSun"),
    *("WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Droid Sans Fallback", "AR PL UMing CN", "Arial Unicode MS"),
)
STYLE: Any = {
    "svg.fonttype": "none",
    "font.family": [FONT],
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
WIDTH, LEFT, RIGHT, LINE = 760.0, 74.0, 22.0, 19.0


def styled() -> Any:
    """Return the context in which every figure is built and written."""
    import matplotlib

    logging.getLogger("matplotlib.font_manager").addFilter(_of_no_weight)
    return matplotlib.rc_context(STYLE | {"font.family": [FONT, *_fallbacks()]})


def _of_no_weight(record: logging.LogRecord) -> bool:
    """Return whether a message is any but that a fallback has one weight only, which nobody can mend."""
    return "font weight" not in record.getMessage()


def _fallbacks() -> list[str]:
    """Return the installed fonts that have what matplotlib's own lacks; naming another one would be warned of."""
    from matplotlib.font_manager import fontManager

    installed = {font.name for font in fontManager.ttflist}
    return [name for name in _HAN if name in installed]


@contextmanager
def one_font(figure: Figure) -> Iterator[None]:
    """Have all text of a figure in matplotlib's own font, so that what is written is the same on every machine."""
    import matplotlib
    from matplotlib.text import Text

    texts: list[Any] = figure.findobj(Text)
    families = [text.get_fontfamily() for text in texts]
    for text in texts:
        text.set_fontfamily([FONT])
    try:
        with matplotlib.rc_context({"font.family": [FONT]}):
            yield
    finally:
        for text, family in zip(texts, families, strict=True):
            text.set_fontfamily(family)


def text_width(text: str, size: float = 11) -> float:
    """Return about how many points a text takes. The reader's browser picks the font, so no font is measured.

    >>> text_width("银行") > text_width("ab")
    True
    """
    return size * sum(1.02 if ord(letter) > 0x2E80 else 0.6 for letter in text)


def sheet(width: float, height: float) -> Figure:
    """Return an empty figure of so many points; a notebook shows it at once."""
    from evalkit.figures.shown import Picture

    return Picture(figsize=(width / POINTS, height / POINTS))


def canvas(height: float = 320.0) -> tuple[Figure, Axes]:
    """Return a figure with one pair of axes; `finish` gives them their place."""
    figure = sheet(WIDTH, height)
    return figure, figure.add_axes((0.1, 0.1, 0.8, 0.8))


def finish(figure: Figure, axes: Axes, *, across: str = "", up: str = "") -> Figure:
    """Set out legend, axis names (`up` lies level above its axis) and margins, whatever font the reader has."""
    width, height = (float(inches) * POINTS for inches in figure.get_size_inches())
    place, row = LEFT, 0
    handles, labels = axes.get_legend_handles_labels()
    for handle, label in zip(handles, labels, strict=True):
        need = 40 + text_width(label)
        if place + need > width and place > LEFT:
            place, row = LEFT, row + 1
        figure.legend(
            [handle],
            [label],
            loc="upper left",
            bbox_to_anchor=(place / width, 1 - row * LINE / height),
            frameon=False,
            handlelength=1.6,
            borderpad=0.2,
            borderaxespad=0.0,
        )
        place += need
    top = (LINE * (row + 1) if labels else 0.0) + (26 if up else 10)
    bottom = 46.0 if across else 28.0
    axes.set_position((LEFT / width, bottom / height, (width - LEFT - RIGHT) / width, (height - top - bottom) / height))
    if across:
        axes.set_xlabel(across, color=GREY)
    if up:
        axes.annotate(up, (0, 1), (4 - LEFT, 9), "axes fraction", "offset points", color=GREY, annotation_clip=False)
    return figure


def tick(value: float, form: Quantity) -> str:
    """Return a shown value as an axis carries it."""
    decimals = next((d for d in range(6) if math.isclose(round(value, d), value, abs_tol=1e-9)), 6)
    text = formats.number(value, decimals, signed=form.signed)
    return text + ((" %" if form.language == "en" else "%") if form.percent else "")


def number_axis(axis: Any, form: Quantity, most: int = 5) -> None:
    """Put at most so many numbers at round places of an axis."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_major_locator(MaxNLocator(nbins=most, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: tick(value, form)))


def month_axis(axes: Axes, starts: Iterable[date], most: int = 9) -> None:
    """Name the months, or years, of a time axis: nine at most, or so many."""
    from datetime import date

    months = sorted({(when.year, when.month) for when in starts})
    step = next((size for size in (1, 2, 3, 6, 12, 24, 60) if len(months) / size <= most), 120)
    ticks = [date(year, month, 1) for year, month in months if (year * 12 + month - 1) % step == 0]
    axes.set_xticks([day_place(tick) for tick in ticks], [f"{t:%Y}" if step >= 12 else f"{t:%Y-%m}" for t in ticks])


def day_place(day: Any) -> float:
    """Return a day's place on a time axis."""
    from matplotlib.dates import date2num

    return float(date2num(day))  # type: ignore[no-untyped-call]
