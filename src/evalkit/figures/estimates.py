"""Estimates against their target: one effect, or a goal's windows and alternatives as a forest plot."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from evalkit import formats, wording, wording_plain
from evalkit.errors import ParameterError
from evalkit.figures.style import BLACK, GREY, MARKERS, WIDTH, number_axis, sheet, styled, text_width
from evalkit.formats import Language, Quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from evalkit.effect import Effect
    from evalkit.results import Evaluation, GoalResult, ScopesResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row of a forest plot, on the raw scale; `form` is how the page's text shows it, where that is its own."""

    name: str
    estimate: float | None
    low: float | None
    high: float | None
    verdict: str | None = None
    main: bool = False
    form: Quantity | None = None


def effect(result: Effect) -> Figure:
    """Draw one effect: estimate with interval, the target and no change, on its own scale."""
    form = formats.quantity(
        "mean", result.scale, [result.estimate, result.low, result.high], target=result.target_value
    )
    line = Line(name="", estimate=result.estimate, low=result.low, high=result.high, verdict=result.verdict, main=True)
    return _forest([line], form, result.target_value, result.null_value, "en")


def forest(result: GoalResult, language: Language = "en", *, unit: str = "", alternatives: bool = True) -> Figure:
    """Draw target, this period, everything since implementation and, below, the estimate under other choices."""
    lines = _windows(result, language, unit)
    if alternatives:
        others = wording_plain.alternatives(result)
        told = wording_plain.together(result, others, language, unit)
        lines += [
            Line(
                name=wording.looked_up("sensitivity", other.name, other.name, language),
                estimate=other.estimate,
                low=other.low,
                high=other.high,
                verdict=other.verdict,
                form=told,
            )
            for other in others
        ]
    form = _form(result, lines, language, unit)
    return _forest(lines, form, result.period.target_value, _NULL.get(result.period.scale), language)


def scopes(result: ScopesResult, language: Language = "en", *, unit: str = "") -> Figure:
    """Draw one goal in every scope of a field, below each other, against its target.

    Raises ParameterError where there are several goals, or none.
    """
    _ = wording.translator(language)
    drawn = [(scope.scope, goal) for scope in result.scopes for goal in scope.goals]
    ids = sorted({goal.id for _scope, goal in drawn})
    if len(ids) != 1:
        raise ParameterError(f"A picture of scopes shows one goal; choose one by only(): {', '.join(ids) or 'none'}.")
    lines = [
        replace(
            _line_of(_("(none)") if scope is None else scope, goal.period, goal.verdict),
            main=False,
            form=wording.shown(goal, goal.period, language, unit),
        )
        for scope, goal in drawn
    ]
    one = drawn[0][1]
    form, null = _form(one, lines, language, unit), _NULL.get(one.period.scale)
    return _forest(lines, form, one.period.target_value, null, language)


def glance(result: GoalResult, language: Language = "en", *, unit: str = "") -> Figure:
    """Draw this period and everything since implementation against the target, small enough for a telephone."""
    lines = _windows(result, language, unit)
    form, target = _form(result, lines, language, unit), result.period.target_value
    width, room, foot, head = 330.0, 46.0, 26.0, 24.0
    side = 30.0  # half of the widest number of the axis, which may stand at its very end
    height = head + room * len(lines) + foot
    with styled():
        figure = sheet(width, height)
        axes = figure.add_axes((side / width, foot / height, 1 - 2 * side / width, room * len(lines) / height))
        for row, line in zip(range(len(lines), 0, -1), lines, strict=True):
            _draw_line(axes, row - 0.2, line, form)
            text = f"{line.name}  {_told(line, form, language)}"
            place = ((0, row + 0.28), (8 - side, 0), ("axes fraction", "data"), "offset points")
            axes.annotate(text, *place, va="center", fontsize=10, annotation_clip=False)
            if target is not None:  # beside the marker only, so that it does not cross the words
                axes.vlines(form.shown(target), row - 0.5, row + 0.08, BLACK, "dashed", linewidth=1.5, zorder=0)
        _limits(axes, lines, form, target, _NULL.get(result.period.scale))
        axes.set_ylim(0.5, len(lines) + 0.6)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        label = wording.translator(language)("target {target}").format(target=form.target(target))
        _reference(axes, target, form, label, BLACK, "none", "right")
        number_axis(axes.xaxis, form, 4)
    return figure


_NULL = {"ratio": 1.0, "difference": 0.0}


def _windows(result: GoalResult, language: Language, unit: str) -> list[Line]:
    _ = wording.translator(language)
    windows = [  # with the verdicts that also mind the other goals
        (_("This period"), result.period, result.verdict),
        (_("Since implementation"), result.to_date, result.to_date_verdict),
    ]
    return [
        replace(
            _line_of(name, evaluation, verdict),
            form=wording.shown(result, evaluation, language, unit),
        )
        for name, evaluation, verdict in windows
        if evaluation is not None
    ]


def _told(line: Line, form: Quantity, language: Language) -> str:
    """Return a line's verdict, estimate and interval in words."""
    if line.estimate is None:
        return wording.badge_text("not_evaluable", language)
    if line.form is not None and line.form.factor == form.factor:  # else the axis is in another unit
        form = line.form
    return f"{wording.SYMBOLS[line.verdict]} {form.text(line.estimate)} ({form.interval(line.low, line.high)})"


def _line_of(name: str, evaluation: Evaluation, verdict: str | None) -> Line:
    effect = evaluation.effect
    return Line(
        name=name,
        verdict=verdict,
        main=True,
        estimate=effect.estimate if effect else None,
        low=effect.low if effect else None,
        high=effect.high if effect else None,
    )


def _form(result: GoalResult, lines: Sequence[Line], language: Language, unit: str) -> Quantity:
    figures = [value for line in lines for value in (line.estimate, line.low, line.high)]
    return formats.quantity(
        result.kind,
        result.period.scale,
        figures,
        target=result.period.target_value,
        unit=unit,
        points=wording.translator(language)("percentage points"),
        language=language,
    )


def _forest(
    lines: Sequence[Line], form: Quantity, target: float | None, null: float | None, language: Language
) -> Figure:
    _ = wording.translator(language)
    told = [_told(line, form, language) for line in lines]
    width = WIDTH
    left = min(230.0, 18 + max((text_width(line.name) for line in lines), default=0))
    right = min(360.0, 20 + max((text_width(text, 12) for text in told), default=0))
    height = 30.0 * len(lines) + 84
    with styled():
        figure = sheet(width, height)
        axes = figure.add_axes((left / width, 44 / height, (width - left - right) / width, (height - 44 - 34) / height))
        rows = range(len(lines), 0, -1)
        for row, line in zip(rows, lines, strict=True):
            _draw_line(axes, row, line, form)
        _limits(axes, lines, form, target, null)
        axes.set_ylim(0.4, len(lines) + 0.6)
        axes.set_yticks(list(rows), [line.name for line in lines])
        axes.tick_params(axis="y", length=0, labelcolor=BLACK)
        axes.spines["left"].set_visible(False)
        for row, text, line in zip(rows, told, lines, strict=True):
            axes.annotate(
                text,
                (1, row),
                (10, 0),
                ("axes fraction", "data"),
                "offset points",
                va="center",
                fontweight="bold" if line.main else "normal",
                annotation_clip=False,
            )
        _reference(axes, null, form, _("no change"), GREY, ":", "left")
        _reference(axes, target, form, _("target {target}").format(target=form.target(target)), BLACK, "--", "right")
        number_axis(axes.xaxis, form, 6)
    return figure


def _draw_line(axes: Axes, row: float, line: Line, form: Quantity) -> None:
    if line.estimate is None or not math.isfinite(line.estimate):
        return
    marker, colour, filled = MARKERS[line.verdict]
    ends = [
        form.shown(value) if value is not None and math.isfinite(value) else form.shown(line.estimate)
        for value in (line.low, line.high)
    ]
    axes.plot(
        ends,
        [row, row],
        color=colour if line.main else GREY,
        linewidth=3.0 if line.main else 1.6,
        solid_capstyle="butt",
    )
    axes.plot(
        [form.shown(line.estimate)],
        [row],
        marker=marker,
        markersize=10 if line.main else 7,
        linestyle="none",
        markeredgecolor=BLACK,
        markeredgewidth=0.0 if marker == "X" else 0.8,
        markerfacecolor=colour if filled else "white",
    )


def _limits(axes: Axes, lines: Sequence[Line], form: Quantity, target: float | None, null: float | None) -> None:
    """Frame all that is drawn; bounds that run far away from the main lines are cut at the frame."""

    def reach(values: Iterable[float | None]) -> tuple[float, float]:
        known = [form.shown(v) for v in values if v is not None and math.isfinite(v)]
        return (min(known), max(known)) if known else (0.0, 1.0)

    main = [v for line in lines if line.main for v in (line.low, line.estimate, line.high)]
    low, high = reach([*main, *(line.estimate for line in lines), target, null])
    everything = reach([*main, *(v for line in lines for v in (line.low, line.estimate, line.high)), target, null])
    if everything[1] - everything[0] <= 3 * (high - low):
        low, high = everything
    margin = 0.12 * (high - low) or abs(high) * 0.1 or 1.0
    axes.set_xlim(low - margin, high + margin)


def _reference(
    axes: Axes, value: float | None, form: Quantity, label: str, colour: str, dashes: str, side: str
) -> None:
    if value is None:
        return
    place = form.shown(value)
    axes.axvline(place, color=colour, linestyle=dashes, linewidth=1.5, zorder=0)
    low, high = axes.get_xlim()
    share = (place - low) / (high - low)
    align = "left" if share < 0.2 else "right" if share > 0.8 else "center"
    lift = 6 if side == "right" else 20
    axes.annotate(
        label,
        (place, 1),
        (0, lift),
        ("data", "axes fraction"),
        "offset points",
        ha=align,
        color=colour,
        annotation_clip=False,
    )
