"""Estimates over periods with their intervals against the target: one picture, or small ones side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evalkit import formats, wording
from evalkit.figures.panels import wrapped
from evalkit.figures.style import (
    BLACK,
    GREY,
    LEFT,
    LINE,
    MARKERS,
    RIGHT,
    WIDTH,
    day_place,
    number_axis,
    sheet,
    styled,
    text_width,
)
from evalkit.formats import Language, Quantity
from evalkit.periods import parse_period

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from evalkit.results import GoalResult

Course = Sequence[tuple[str, "GoalResult"]]


def history(panels: Mapping[str, Course], language: Language = "en", *, alike: bool = False) -> Figure:
    """Draw each panel's estimates over periods: interval, verdict, target, no change.

    `panels` maps a title to (period, result) in order of time; with `alike` all panels have one scale, so that they
    can be compared. An interval that runs far beyond all estimates is cut at the frame.
    """
    titles, courses = list(panels), list(panels.values())
    columns = next(number for most, number in ((1, 1), (4, 2), (12, 3), (math.inf, 4)) if len(titles) <= most)
    room = WIDTH / columns
    heads = [wrapped(title, room - 24) if columns > 1 else [] for title in titles]
    head = 15.0 * max((len(lines) for lines in heads), default=0) + 8
    place, cell = (LEFT if columns == 1 else 58.0), head + (240.0 if columns == 1 else 160.0)
    keys = _keys([result for course in courses for _period, result in course], language)
    rows = _legend_rows([label for _handle, label in keys], LEFT if columns == 1 else 8.0)
    top = LINE * (rows[-1][0] + 1 if rows else 0) + 8
    height = top + cell * math.ceil(len(titles) / columns)
    forms = [_form([result for _period, result in course], language) for course in courses]
    frames = [_frame([result for _period, result in course], form) for course, form in zip(courses, forms, strict=True)]
    if alike and frames:
        frames = [(min(low for low, _high in frames), max(high for _low, high in frames))] * len(frames)
    with styled():
        figure = sheet(WIDTH, height)
        for (handle, label), (row, left) in zip(keys, rows, strict=True):
            figure.legend(
                [handle],
                [label],
                loc="upper left",
                bbox_to_anchor=(left / WIDTH, 1 - row * LINE / height),
                frameon=False,
                handlelength=1.6,
                borderpad=0.2,
                borderaxespad=0.0,
            )
        for number, (lines, course, form, frame) in enumerate(zip(heads, courses, forms, frames, strict=True)):
            left, upper = room * (number % columns), height - top - cell * (number // columns)
            figure.text((left + 6) / WIDTH, (upper - 4) / height, "\n".join(lines), va="top", linespacing=1.3)
            wide = room - place - (RIGHT if columns == 1 else 12)
            axes = figure.add_axes(
                ((left + place) / WIDTH, (upper - cell + 28) / height, wide / WIDTH, (cell - head - 32) / height)
            )
            _draw(axes, course, form, frame)
            _name_periods(axes, [period for period, _result in course], wide)
            axes.tick_params(labelsize=11 if columns == 1 else 10)
    return figure


def _draw(axes: Axes, course: Course, form: Quantity, frame: tuple[float, float]) -> None:
    axes.set_ylim(*frame)
    for period, result in course:
        x, effect = _middle(period), result.period.effect
        marker, colour, filled = MARKERS[result.verdict if effect is not None else "not_evaluable"]
        if effect is None or not math.isfinite(effect.estimate):
            axes.plot([x], [0.05], marker, color=GREY, markerfacecolor="white", transform=axes.get_xaxis_transform())
            continue
        ends = [form.shown(v) if math.isfinite(v) else frame[v > 0] for v in (effect.low, effect.high)]
        axes.plot([x, x], ends, color=colour, linewidth=2.4, solid_capstyle="butt")
        axes.plot(
            [x],
            [form.shown(effect.estimate)],
            marker,
            markersize=8,
            markeredgecolor=BLACK,
            markeredgewidth=0.0 if marker == "X" else 0.8,
            markerfacecolor=colour if filled else "white",
        )
    for value, style in _references([result for _period, result in course]):
        axes.axhline(form.shown(value), zorder=0, linewidth=1.4, **style)
    axes.margins(x=0.08)
    number_axis(axes.yaxis, form)


def _name_periods(axes: Axes, periods: Sequence[str], wide: float) -> None:
    """Name as many periods as there is room for, the last one always."""
    need = 12 + max((text_width(period, 10) for period in periods), default=0.0)
    step = max(1, math.ceil(len(periods) * need / wide))
    named = list(periods[::-1][::step])
    axes.set_xticks([_middle(period) for period in named], named)


def _middle(period: str) -> float:
    window = parse_period(period).window
    return day_place(window.start) + window.days / 2


def _form(results: Sequence[GoalResult], language: Language) -> Quantity:
    one = results[0]
    figures = [effect.estimate for result in results if (effect := result.period.effect)]
    points = wording.translator(language)("percentage points")
    return formats.quantity(one.kind, one.period.scale, figures, points=points, language=language)


def _frame(results: Sequence[GoalResult], form: Quantity) -> tuple[float, float]:
    """Return the lowest and highest value shown: all estimates and targets, intervals as far as three times that."""
    effects = [result.period.effect for result in results if result.period.effect]
    middle = [effect.estimate for effect in effects] + [value for value, _style in _references(results)]
    shown = [form.shown(value) for value in middle if math.isfinite(value)] or [0.0, 1.0]
    ends = [form.shown(v) for effect in effects for v in (effect.low, effect.high) if math.isfinite(v)]
    span = max(shown) - min(shown) or abs(max(shown)) or 1.0
    low = max(min([*shown, *ends]), min(shown) - span)
    high = min(max([*shown, *ends]), max(shown) + span)
    return low - 0.06 * (high - low), high + 0.06 * (high - low)


def _references(results: Sequence[GoalResult]) -> list[tuple[float, dict[str, Any]]]:
    one = results[0].period
    target = [(one.target_value, {"color": BLACK, "linestyle": "--"})] if one.target_value is not None else []
    null = {"ratio": 1.0, "difference": 0.0}.get(one.scale)
    return target + ([(null, {"color": GREY, "linestyle": ":"})] if null is not None else [])


def _keys(results: Sequence[GoalResult], language: Language) -> list[tuple[Any, str]]:
    """Return what the legend holds: the verdicts that are there, the target, no change."""
    from matplotlib.lines import Line2D

    _ = wording.translator(language)
    there = {"not_evaluable" if result.period.effect is None else result.verdict for result in results}
    keys: list[tuple[Any, str]] = []
    for verdict, (marker, colour, filled) in MARKERS.items():
        if verdict in there and verdict is not None:
            style = {"markeredgecolor": GREY if verdict == "not_evaluable" else BLACK, "markersize": 8}
            face = colour if filled else "white"
            handle = Line2D([], [], color=colour, marker=marker, markerfacecolor=face, **style)  # type: ignore[arg-type]
            keys.append((handle, wording.verdict(verdict, language)))
    if any(result.period.target_value is not None for result in results):
        keys.append((Line2D([], [], color=BLACK, linestyle="--"), _("Target").lower()))
    if any(result.period.scale != "level" for result in results):
        keys.append((Line2D([], [], color=GREY, linestyle=":"), _("no change")))
    return keys


def _legend_rows(labels: Sequence[str], first: float) -> list[tuple[int, float]]:
    """Return row and left edge of each legend entry; rows begin at `first`."""
    places, row, left = [], 0, first
    for label in labels:
        need = 40 + text_width(label)
        if left + need > WIDTH and left > first:
            row, left = row + 1, first
        places.append((row, left))
        left += need
    return places
