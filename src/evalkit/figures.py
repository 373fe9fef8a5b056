"""Pictures of results: estimate against target, and the monthly course. Results in, a matplotlib figure out.

Colour is never alone: each verdict has its own marker, and words stand beside it. The palette is that of Okabe
and Ito (2008), told apart by readers with any colour vision. Figures are built without pyplot, so nothing
depends on a window system or on state left behind by another figure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from evalkit import formats, wording
from evalkit.formats import Language, Quantity

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from evalkit.effect import Effect
    from evalkit.results import Evaluation, GoalResult

BLACK, GREY, BLUE, GREEN, ORANGE, VERMILLION = "#000000", "#595959", "#0072B2", "#009E73", "#E69F00", "#D55E00"
MARKERS = {
    "achieved": ("o", GREEN, True),
    "not_achieved": ("X", VERMILLION, True),
    "inconclusive": ("D", ORANGE, False),
    "not_evaluable": ("s", GREY, False),
    None: ("o", BLUE, True),
}
_STYLE: Any = {
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
_POINTS = 72.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row of a forest plot, on the raw scale."""

    name: str
    estimate: float | None
    low: float | None
    high: float | None
    verdict: str | None = None
    main: bool = False


def styled() -> Any:
    """Return the context in which every figure is built and written."""
    import matplotlib

    return matplotlib.rc_context(_STYLE)


def text_width(text: str, size: float = 11) -> float:
    """Return about how many points a text takes. The reader's browser picks the font, so no font is measured.

    >>> text_width("银行") > text_width("ab")
    True
    """
    return size * sum(1.02 if ord(letter) > 0x2E80 else 0.6 for letter in text)


def effect(result: Effect) -> Figure:
    """Draw one effect: estimate with interval, the target and no change, on its own scale."""
    form = formats.quantity(
        "mean", result.scale, [result.estimate, result.low, result.high], target=result.target_value
    )
    line = Line(
        name="", estimate=result.estimate, low=result.low, high=result.high, verdict=result.verdict, main=True
    )
    return _forest([line], form, result.target_value, result.null_value, "en")


def forest(result: GoalResult, language: Language = "en", *, unit: str = "", alternatives: bool = True) -> Figure:
    """Draw target, this period, everything since implementation and, below, the estimate under other choices."""
    _ = wording.translator(language)
    windows = [(_("This period"), result.period), (_("Since implementation"), result.to_date)]
    lines = [
        # The period's own line carries the goal's verdict, which also minds the other goals.
        _line_of(name, evaluation, result.verdict if evaluation is result.period else evaluation.verdict)
        for name, evaluation in windows if evaluation is not None
    ]
    if alternatives:
        lines += [
            Line(
                name=wording.looked_up("sensitivity", other.name, other.name, language),
                estimate=other.estimate, low=other.low, high=other.high, verdict=other.verdict,
            )
            for other in result.sensitivity
        ]
    form = _form(result, lines, language, unit)
    return _forest(lines, form, result.period.target_value, {"ratio": 1.0, "difference": 0.0}.get(result.period.scale),
                   language)


def _line_of(name: str, evaluation: Evaluation, verdict: str | None) -> Line:
    effect = evaluation.effect
    return Line(
        name=name, verdict=verdict, main=True,
        estimate=effect.estimate if effect else None,
        low=effect.low if effect else None,
        high=effect.high if effect else None,
    )


def _form(result: GoalResult, lines: Sequence[Line], language: Language, unit: str) -> Quantity:
    figures = [value for line in lines for value in (line.estimate, line.low, line.high)]
    return formats.quantity(
        result.kind, result.period.scale, figures, target=result.period.target_value, unit=unit,
        points=wording.translator(language)("percentage points"), language=language,
    )


def _forest(
    lines: Sequence[Line], form: Quantity, target: float | None, null: float | None, language: Language
) -> Figure:
    from matplotlib.figure import Figure

    _ = wording.translator(language)
    told = [
        f"{wording.SYMBOLS[line.verdict]} {form.text(line.estimate)} ({form.interval(line.low, line.high)})"
        if line.estimate is not None
        else wording.badge_text("not_evaluable", language)
        for line in lines
    ]
    width = 760.0
    left = min(230.0, 18 + max((text_width(line.name) for line in lines), default=0))
    right = min(360.0, 20 + max((text_width(text, 12) for text in told), default=0))
    height = 30.0 * len(lines) + 84
    with styled():
        figure = Figure(figsize=(width / _POINTS, height / _POINTS))
        axes = figure.add_axes(
            (left / width, 44 / height, (width - left - right) / width, (height - 44 - 34) / height)
        )
        rows = range(len(lines), 0, -1)
        for row, line in zip(rows, lines, strict=True):
            _draw_line(axes, row, line, form)
        _limits(axes, lines, form, target, null)
        axes.set_ylim(0.4, len(lines) + 0.6)
        axes.set_yticks(list(rows), [line.name for line in lines])
        axes.tick_params(axis="y", length=0, labelcolor=BLACK)
        axes.spines["left"].set_visible(False)
        for row, text, line in zip(rows, told, lines, strict=True):
            axes.annotate(text, (1, row), (10, 0), ("axes fraction", "data"), "offset points", va="center",
                          fontweight="bold" if line.main else "normal", annotation_clip=False)
        _reference(axes, null, form, _("no change"), GREY, ":", "left")
        _reference(axes, target, form, _("target {target}").format(target=form.target(target)), BLACK, "--", "right")
        _ticks(axes, form)
    return figure


def _draw_line(axes: Axes, row: int, line: Line, form: Quantity) -> None:
    if line.estimate is None or not math.isfinite(line.estimate):
        return
    marker, colour, filled = MARKERS[line.verdict]
    ends = [
        form.shown(value) if value is not None and math.isfinite(value) else form.shown(line.estimate)
        for value in (line.low, line.high)
    ]
    axes.plot(ends, [row, row], color=colour if line.main else GREY, linewidth=3.0 if line.main else 1.6,
              solid_capstyle="butt")
    axes.plot(
        [form.shown(line.estimate)], [row], marker=marker, markersize=10 if line.main else 7, linestyle="none",
        markeredgecolor=BLACK, markeredgewidth=0.0 if marker == "X" else 0.8,
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
    axes.annotate(label, (place, 1), (0, lift), ("data", "axes fraction"), "offset points", ha=align, color=colour,
                  annotation_clip=False)


def _ticks(axes: Axes, form: Quantity) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _tick(value, form)))


def _tick(value: float, form: Quantity) -> str:
    decimals = next((d for d in range(6) if math.isclose(round(value, d), value, abs_tol=1e-9)), 6)
    text = formats.number(value, decimals, signed=form.signed)
    return text + ((" %" if form.language == "en" else "%") if form.percent else "")


def trend(
    series: pd.DataFrame,
    result: GoalResult,
    language: Language = "en",
    *,
    unit: str = "",
    measures: Sequence[tuple[str, date]] = (),
) -> Figure:
    """Draw the metric month by month: baseline value, phase-in, target line, the period, the measures' dates.

    `series` has the columns start, end, value and phase ('baseline', 'phase-in', 'after'); `measures` are
    (label, date) of each measure put into effect.
    """
    import pandas as pd
    from matplotlib.figure import Figure

    _ = wording.translator(language)
    series = series.assign(start=pd.to_datetime(series["start"]), end=pd.to_datetime(series["end"]))
    values = [float(value) for value in series["value"].dropna()]
    width, height = 760.0, 330.0
    with styled():
        figure = Figure(figsize=(width / _POINTS, height / _POINTS))
        axes = figure.add_axes((74 / width, 64 / height, (width - 96) / width, (height - 64 - 60) / height))
        form = formats.quantity(result.kind, "level", values, unit=unit, language=language)
        middle = series["start"] + (series["end"] - series["start"]) / 2
        axes.plot(middle, [form.shown(float(v)) for v in series["value"]], color=BLUE, marker="o", markersize=4,
                  linewidth=1.2, label=_("monthly value"))
        _phases(axes, series, result, _)
        baseline = result.period.before.value if result.period.before else None
        if baseline is not None:
            known = series[series["phase"] == "baseline"]
            axes.hlines(form.shown(baseline), known["start"].min(), known["end"].max(), color=GREY, linewidth=2,
                        label=_("baseline {value}").format(value=form.text(baseline)))
        aim = _target_level(result, baseline)
        if aim is not None:
            first = series.loc[series["phase"] != "baseline", "start"].min()
            axes.hlines(form.shown(aim), first, series["end"].max(), color=BLACK, linestyle="--", linewidth=1.5,
                        label=_("target {target}").format(target=form.text(aim)))
        _axis_of_months(axes, form, unit, [form.shown(v) for v in (*values, baseline, aim) if v is not None],
                        series["start"])
        _measures(axes, measures, series)
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(handles, labels, loc="upper left", bbox_to_anchor=(70 / width, 1.0), ncols=3, frameon=False,
                      handlelength=1.6, columnspacing=1.4)
    return figure


def _phases(axes: Axes, series: pd.DataFrame, result: GoalResult, _: wording.Translator) -> None:
    phase_in = series[series["phase"] == "phase-in"]
    if len(phase_in):
        axes.axvspan(phase_in["start"].min(), phase_in["end"].max(), facecolor="#DDDDDD", hatch="///",
                     edgecolor="#BBBBBB", linewidth=0, zorder=0, label=_("phase-in, not counted"))
    if result.period.after is not None:
        first, last = (_place(day) for day in (result.period.after.start, result.period.after.end))
        axes.axvspan(first, last, facecolor="#D6EAF5", linewidth=0, zorder=0, label=_("this period"))


def _place(day: date) -> float:
    """Return a day's place on the time axis."""
    from matplotlib.dates import date2num

    return float(date2num(day))  # type: ignore[no-untyped-call]


def _target_level(result: GoalResult, baseline: float | None) -> float | None:
    """Return the target on the metric's own scale, given the baseline it is held against."""
    target, scale = result.period.target_value, result.period.scale
    if target is None or scale == "level":
        return target
    if baseline is None:
        return None
    return baseline * target if scale == "ratio" else baseline + target


def _axis_of_months(
    axes: Axes, form: Quantity, unit: str, drawn: Sequence[float], starts: Iterable[date]
) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    low, high = (min(drawn), max(drawn)) if drawn else (0.0, 1.0)
    margin = 0.12 * (high - low) or abs(high) * 0.1 or 1.0
    axes.set_ylim(low - margin, high + 1.6 * margin)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _tick(value, form)))
    months = sorted({(when.year, when.month) for when in starts})
    step = next((size for size in (1, 2, 3, 6, 12, 24, 60) if len(months) / size <= 9), 120)
    ticks = [date(year, month, 1) for year, month in months if (year * 12 + month - 1) % step == 0]
    labels = [f"{tick:%Y}" if step >= 12 else f"{tick:%Y-%m}" for tick in ticks]
    axes.set_xticks([_place(tick) for tick in ticks], labels)
    if unit:
        axes.annotate(unit, (0, 1), (-60, 8), "axes fraction", "offset points", color=GREY, annotation_clip=False)


def _measures(axes: Axes, measures: Sequence[tuple[str, date]], series: pd.DataFrame) -> None:
    """Mark each measure's date at the foot of the picture; labels that would collide are stepped upwards."""
    import pandas as pd

    first, last = series["start"].min(), series["end"].max()
    taken: list[tuple[pd.Timestamp, int]] = []
    for label, when in sorted(measures, key=lambda pair: (pair[1], pair[0])):
        place = pd.Timestamp(when)
        if not first <= place <= last:
            continue
        near = {level for other, level in taken if (place - other).days < (last - first).days * 0.03}
        level = next(step for step in range(len(measures) + 1) if step not in near)
        taken.append((place, level))
        axes.annotate(label, (place, 0), (0, 5 + 13 * level), ("data", "axes fraction"), "offset points",
                      ha="center", fontsize=9, color=BLACK,
                      bbox={"boxstyle": "circle,pad=0.15", "facecolor": "white", "edgecolor": VERMILLION})
