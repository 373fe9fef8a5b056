"""The monthly course of a metric: baseline, phase-in, target, the measures' dates, and what was to be expected."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from evalkit import formats, wording
from evalkit.figures.series import expected
from evalkit.figures.style import (
    BLACK,
    BLUE,
    GREY,
    VERMILLION,
    canvas,
    day_place,
    finish,
    month_axis,
    number_axis,
    styled,
)
from evalkit.formats import Language

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from evalkit.estimands.time_series_result import TimeSeriesEffect
    from evalkit.results import GoalResult


def trend(
    series: pd.DataFrame,
    result: GoalResult,
    language: Language = "en",
    *,
    unit: str = "",
    measures: Sequence[tuple[str, date]] = (),
    counterfactual: TimeSeriesEffect | None = None,
    partial: Sequence[bool] = (),
) -> Figure:
    """Draw the metric month by month: baseline value, phase-in, target line, the period, the measures' dates.

    The target is left out where the estimate holds the mix or the months, or is one against the expected course: what
    is promised of those is not promised of every month as recorded. The counterfactual of a held mix is left out for
    the same reason: it belongs to other values than the months drawn.

    `series` has the columns start, end, value and phase ('baseline', 'phase-in', 'after'); `measures` are
    (label, date) of each measure put into effect; `counterfactual` is a time-series model of the months; `partial` says
    of each row whether it holds part of a month only: such a point is hollow, and no line leads to it.
    """
    import numpy as np
    import pandas as pd

    _ = wording.translator(language)
    series = series.assign(start=pd.to_datetime(series["start"]), end=pd.to_datetime(series["end"]))
    values = [float(value) for value in series["value"].dropna()]
    with styled():
        figure, axes = canvas(350)
        form = formats.quantity(result.kind, "level", values, unit=unit, language=language)
        _phases(axes, series, result, _)
        band = None
        if counterfactual is not None and "mix" not in result.held:
            band = expected(axes, counterfactual, language, form, shift=np.timedelta64(15, "D"))
        middles = series["start"] + (series["end"] - series["start"]) / 2
        shown = np.array([form.shown(float(v)) for v in series["value"]])
        part = np.array(partial, dtype=bool) if len(partial) else np.zeros(shown.size, dtype=bool)
        points: dict[str, Any] = {"color": BLUE, "marker": "o", "markersize": 4}
        axes.plot(middles, np.where(part, np.nan, shown), linewidth=1.2, label=_("monthly value"), **points)
        if (part & np.isfinite(shown)).any():
            hollow = {"linestyle": "none", "markersize": 6, "markerfacecolor": "white", "label": _("part of a month")}
            axes.plot(middles[part], shown[part], **(points | hollow))
        baseline = result.period.before.value if result.period.before else None
        aim = result.period.target_level if not result.held else None
        known = series[series["phase"] == "baseline"]
        for level, first, last, name, style in (
            (baseline, known["start"].min(), known["end"].max(), _("baseline {value}"), (GREY, "-", 2.0)),
            (
                aim,
                series.loc[series["phase"] != "baseline", "start"].min(),
                series["end"].max(),
                _("target {target}"),
                (BLACK, "--", 1.5),
            ),
        ):
            if level is not None:
                label = name.format(value=form.text(level), target=form.text(level))
                color, dashes, width = style
                axes.plot(
                    [first, last], [form.shown(level)] * 2, color=color, linestyle=dashes, linewidth=width, label=label
                )
        drawn = [form.shown(v) for v in (*values, baseline, aim) if v is not None]
        low, high = (min(drawn), max(drawn)) if drawn else (0.0, 1.0)
        if band is not None:
            low, high = _hold(axes, band, low, high, form, _)
        margin = 0.12 * (high - low) or abs(high) * 0.1 or 1.0
        axes.set_ylim(low - margin, high + 1.6 * margin)
        number_axis(axes.yaxis, form)
        month_axis(axes, series["start"])
        _measures(axes, measures, series)
        return finish(figure, axes, up=form.unit)


def _phases(axes: Axes, series: pd.DataFrame, result: GoalResult, _: wording.Translator) -> None:
    phase_in = series[series["phase"] == "phase-in"]
    if len(phase_in):
        axes.axvspan(
            phase_in["start"].min(),
            phase_in["end"].max(),
            facecolor="#DDDDDD",
            hatch="///",
            edgecolor="#BBBBBB",
            linewidth=0,
            zorder=0,
            label=_("phase-in, not counted"),
        )
    if result.period.after is not None:
        first, last = (day_place(day) for day in (result.period.after.start, result.period.after.end))
        axes.axvspan(first, last, facecolor="#D6EAF5", linewidth=0, zorder=0, label=_("this period"))


def _hold(
    axes: Axes, band: tuple[float, float], low: float, high: float, form: formats.Quantity, _: wording.Translator
) -> tuple[float, float]:
    """Return the ends of an axis that holds the band too; where that would dwarf the months it is cut off, and told."""
    reach = (high - low) or abs(high) or 1.0
    for end, cut, text, place, edge in (
        (band[0], band[0] < low - reach, _("↓ the band goes on to {value}"), 0.02, "bottom"),
        (band[1], band[1] > high + reach, _("↑ the band goes on to {value}"), 0.98, "top"),
    ):
        if cut:
            told = text.format(value=form.text((end - form.offset) / form.factor))
            axes.annotate(told, (0.99, place), xycoords="axes fraction", ha="right", va=edge, fontsize=10)
    return max(min(low, band[0]), low - reach), min(max(high, band[1]), high + reach)


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
        axes.annotate(
            label,
            (place, 0),
            (0, 5 + 13 * level),
            ("data", "axes fraction"),
            "offset points",
            ha="center",
            fontsize=9,
            color=BLACK,
            bbox={"boxstyle": "circle,pad=0.15", "facecolor": "white", "edgecolor": VERMILLION},
        )
