"""Small pictures side by side: the months of each baseline, and the line of a few pixels that stands in a table."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from evalkit.figures.style import (
    BLUE,
    GREY,
    WIDTH,
    day_place,
    month_axis,
    number_axis,
    sheet,
    styled,
    text_width,
)
from evalkit.formats import Quantity
from evalkit.markup import Html, escape

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TOKEN = re.compile(r"[⺀-￿]|[^\s⺀-￿]+\s*|\s+")


def wrapped(text: str, width: float, size: float = 11) -> list[str]:
    """Return a text in lines of at most about `width` points; a Chinese text breaks anywhere.

    >>> wrapped("Share of contacts", 75)
    ['Share of', 'contacts']
    """
    lines = [""]
    for token in _TOKEN.findall(text):
        if lines[-1] and text_width(lines[-1] + token.rstrip(), size) > width:
            lines.append("")
        lines[-1] += token
    return [line.strip() for line in lines]


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One small course: its monthly values, and the level of them all with its interval."""

    title: str
    days: tuple[date, ...]
    values: tuple[float, ...]
    level: float | None
    low: float | None
    high: float | None
    form: Quantity


def panels(drawn: Sequence[Panel], *, columns: int = 2) -> Figure:
    """Draw each panel's months as points, its level as a line and the level's interval as a band."""
    room = WIDTH / columns
    titles = [wrapped(panel.title, room - 30) for panel in drawn]
    head = 16.0 * max((len(lines) for lines in titles), default=1) + 8
    cell = head + 128.0
    height = cell * math.ceil(len(drawn) / columns)
    with styled():
        figure = sheet(WIDTH, height)
        for place, (panel, lines) in enumerate(zip(drawn, titles, strict=True)):
            left, top = room * (place % columns), height - cell * (place // columns)
            figure.text((left + 4) / WIDTH, (top - 4) / height, "\n".join(lines), va="top", linespacing=1.3)
            axes = figure.add_axes(
                ((left + 62) / WIDTH, (top - cell + 30) / height, (room - 88) / WIDTH, (cell - head - 34) / height)
            )
            if panel.low is not None and panel.high is not None:
                ends = [panel.form.shown(v) if math.isfinite(v) else None for v in (panel.low, panel.high)]
                if None not in ends:
                    axes.axhspan(*ends, facecolor="#D6EAF5", linewidth=0)  # type: ignore[arg-type]
            if panel.level is not None:
                axes.axhline(panel.form.shown(panel.level), color=GREY, linewidth=1.5)
            shown = [panel.form.shown(value) for value in panel.values]
            axes.plot(
                [day_place(day) + 15 for day in panel.days],
                shown,
                color=BLUE,
                marker="o",
                markersize=3.5,
                linewidth=0.8,
            )
            axes.margins(x=0.03, y=0.15)
            number_axis(axes.yaxis, panel.form, 3)
            month_axis(axes, panel.days, most=4)
            axes.tick_params(labelsize=10)
    return figure


def sparkline(values: Sequence[float], before: int, told: str) -> Html:
    """Return a course as a line of a few pixels, the first `before` values grey; `told` says it in words."""
    known = [(place, value) for place, value in enumerate(values) if math.isfinite(value)]
    if len(known) < 2:
        return Html("")
    low, high = min(value for _, value in known), max(value for _, value in known)
    reach = (high - low) or 1.0
    points = [
        (3 + 104 * place / max(1, len(values) - 1), 23 - 20 * (value - low) / reach, place) for place, value in known
    ]
    parts = [
        f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in line)}" fill="none" stroke="{colour}" '
        'stroke-width="1.6"/>'
        for line, colour in (
            ([(x, y) for x, y, place in points if place <= before], GREY),
            ([(x, y) for x, y, place in points if place >= before], BLUE),
        )
        if len(line) > 1
    ]
    x, y, _place = points[-1]
    parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6" fill="{BLUE}"/>')
    return Html(
        f'<svg role="img" aria-label="{escape(told)}" viewBox="0 0 110 26" width="110" height="26">'
        f"{''.join(parts)}</svg>"
    )
