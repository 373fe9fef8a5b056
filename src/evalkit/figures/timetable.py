"""The measures' timetable: planned against actual, what ran late, and what has not begun."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from evalkit import wording
from evalkit.figures.panels import wrapped
from evalkit.figures.style import (
    BLACK,
    BLUE,
    GREY,
    LINE,
    VERMILLION,
    WIDTH,
    day_place,
    month_axis,
    sheet,
    styled,
    text_width,
)
from evalkit.formats import Language
from evalkit.periods import Window

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from evalkit.evaluation.timetable import Standing

LABELS, TOLD = 236.0, 138.0
_LATE: dict[str, Any] = {"facecolor": "white", "hatch": "////", "edgecolor": VERMILLION, "linewidth": 0.8}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One measure in the picture: its name, its owners, how it stands, and that in a few words."""

    title: str
    owners: str
    standing: Standing
    told: str


def timetable(bars: Sequence[Bar], period: Window, as_of: date, language: Language = "en") -> Figure:
    """Draw one row a measure: planned days above, actual ones below, those beyond the plan hatched."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    _ = wording.translator(language)
    labels = [(wrapped(bar.title, LABELS - 16), wrapped(bar.owners, LABELS - 16, 9)) for bar in bars]
    told = [wrapped(bar.told, TOLD - 12, 10) for bar in bars]
    row = max([40.0, *(16.0 * len(a) + 13.0 * len(b) + 10 for a, b in labels), *(14.0 * len(t) + 10 for t in told)])
    top, bottom = LINE + 12, 34.0
    height = row * len(bars) + top + bottom
    first, last = _reach(bars, period, as_of)
    with styled():
        figure = sheet(WIDTH, height)
        axes = figure.add_axes(
            (LABELS / WIDTH, bottom / height, (WIDTH - LABELS - TOLD) / WIDTH, row * len(bars) / height)
        )
        axes.set_xlim(day_place(first), day_place(last + timedelta(days=1)))
        axes.set_ylim(len(bars) - 0.5, -0.5)
        axes.axvspan(day_place(period.start), day_place(min(period.end, last)), facecolor="#D6EAF5", linewidth=0)
        for place, (bar, (title, owners), words) in enumerate(zip(bars, labels, told, strict=True)):
            _bars(axes, place, bar.standing, as_of, last)
            y = 1 - (top + place * row + 6) / height
            figure.text(8 / WIDTH, y, "\n".join(title), va="top", linespacing=1.25)
            lower = y - (15.5 * len(title) + 1) / height
            figure.text(8 / WIDTH, lower, "\n".join(owners), va="top", fontsize=9, color=GREY, linespacing=1.25)
            figure.text((WIDTH - TOLD + 10) / WIDTH, y, "\n".join(words), va="top", fontsize=10, linespacing=1.25)
        axes.axvline(day_place(as_of + timedelta(days=1)), color=BLACK, linestyle="--", linewidth=1.2)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        for line in range(1, len(bars)):
            axes.axhline(line - 0.5, color="#DDDDDD", linewidth=0.8, zorder=0)
        month_axis(axes, [month.start for month in Window(first, last).months()], most=6)
        axes.tick_params(labelsize=10)
        keys: tuple[tuple[Any, str], ...] = (
            (Patch(facecolor="#D0D0D0", edgecolor=GREY), _("planned")),
            (Patch(facecolor=BLUE), _("carried out")),
            (Patch(**_LATE), _("beyond the plan")),
            (Patch(facecolor="#D6EAF5"), _("this period")),
            (Line2D([], [], color=BLACK, linestyle="--"), _("data cut-off")),
        )
        x = 8.0
        for key, label in keys:
            style: Any = {"frameon": False, "borderaxespad": 0.0, "borderpad": 0.2, "handlelength": 1.6}
            figure.legend([key], [label], loc="upper left", bbox_to_anchor=(x / WIDTH, 1.0), **style)
            x += 46 + text_width(label)
    return figure


def _reach(bars: Sequence[Bar], period: Window, as_of: date) -> tuple[date, date]:
    spans = [span for bar in bars for span in (bar.standing.planned, bar.standing.actual) if span]
    days = [day for span in spans for day in span if day] or [period.start]
    return min(days), max([as_of, *days])


def _bars(axes: Axes, place: int, standing: Standing, as_of: date, last: date) -> None:
    def bar(start: date, end: date, y: float, **style: object) -> None:
        axes.barh(y, (end - start).days + 1, left=day_place(start), height=0.22, **{"linewidth": 0.8, **style})  # type: ignore[arg-type]

    due = standing.planned[1] if standing.planned else None
    if standing.planned:
        bar(standing.planned[0], due or last, place - 0.14, facecolor="#D0D0D0", edgecolor=GREY)
        if due is None:
            _arrow(axes, last, place - 0.14, GREY)
    if standing.actual:
        start, end = standing.actual[0], standing.actual[1] or as_of
        on_time = min(end, due) if due else end
        if start <= on_time:
            bar(start, on_time, place + 0.14, facecolor=BLUE, edgecolor=BLUE)
        if due and end > due:
            bar(max(start, due + timedelta(days=1)), end, place + 0.14, **_LATE)
        if standing.actual[1] is None:
            _arrow(axes, as_of, place + 0.14, VERMILLION if standing.state == "overdue" else BLUE)
    elif standing.state == "not_started" and standing.planned:
        bar(standing.planned[0], as_of, place + 0.14, **{**_LATE, "linestyle": "--"})


def _arrow(axes: Axes, day: date, y: float, colour: str) -> None:
    axes.plot([day_place(day)], [y], marker=">", markersize=8, color=colour, linestyle="none", clip_on=False, zorder=5)
