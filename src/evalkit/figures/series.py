"""Pictures of series: a course beside its counterfactual, control charts, and a roll-out's event study."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit import wording, wording_plain
from evalkit.figures.style import (
    BLACK,
    BLUE,
    GREY,
    ORANGE,
    PURPLE,
    VERMILLION,
    canvas,
    finish,
    number_axis,
    styled,
)
from evalkit.formats import Language, Quantity

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from evalkit.estimands.control_chart import ControlChart
    from evalkit.estimands.time_series_result import TimeSeriesEffect


def course(result: TimeSeriesEffect, language: Language = "en") -> Figure:
    """Draw the series, its fit, and what was expected without the change with its band; the window is shaded."""
    found, _ = result.course, wording.translator(language)
    by = found.exposure
    with styled():
        figure, axes = canvas()
        _shade(axes, found.times, found.phase == "phase-in", "#DDDDDD", _("phase-in, not counted"), hatch="///")
        _shade(axes, found.times, found.evaluated, "#D6EAF5", _("evaluated"))
        expected(axes, result, language, Quantity(language=language))
        axes.plot(found.times, found.fitted / by, color=BLUE, linewidth=1.6, label=_("fitted"))
        axes.plot(
            found.times,
            found.values / by,
            color=GREY,
            marker="o",
            markersize=3.5,
            linestyle="none",
            label=_("observed"),
        )
        axes.margins(x=0.02)
        number_axis(axes.yaxis, Quantity(language=language))
        return finish(figure, axes)


def expected_values(result: TimeSeriesEffect) -> pd.DataFrame:
    """Return what `expected` draws, a row a point: start, expected, expected_low, expected_high."""
    import pandas as pd

    found, first = result.course, _parting(result)
    drawn = {"expected": found.counterfactual, "expected_low": found.low, "expected_high": found.high}
    columns = {name: (values / found.exposure)[first:] for name, values in drawn.items()}
    return pd.DataFrame({"start": found.times[first:], **columns})


def _parting(result: TimeSeriesEffect) -> int:
    """Return the last point before, so that the lines part where the change begins."""
    return max(int(np.flatnonzero(result.course.phase != "before")[0]) - 1, 0)


def expected(
    axes: Axes, result: TimeSeriesEffect, language: Language, form: Quantity, shift: Any = None
) -> tuple[float, float]:
    """Draw the counterfactual and its band into axes, and return the band's lowest and highest place.

    `shift` moves each point in time (to a month's middle).
    """
    found, _ = result.course, wording.translator(language)
    first = _parting(result)
    times = found.times[first:] if shift is None else found.times[first:].astype("datetime64[D]") + shift
    low, high, line = (
        form.shown((values / found.exposure)[first:])  # type: ignore[arg-type]
        for values in (found.low, found.high, found.counterfactual)
    )
    axes.fill_between(
        times,
        low,
        high,
        color=ORANGE,
        alpha=0.3,
        linewidth=0,
        label=_("{level} interval of the expected").format(level=wording.confidence(result.confidence, language)),
    )
    axes.plot(times, line, color=VERMILLION, linestyle="-.", label=_("expected without the change"))
    return float(np.min(low)), float(np.max(high))


def control_chart(chart: ControlChart, language: Language = "en", *, form: Quantity | None = None) -> Figure:
    """Draw a control chart: centre lines, limits, target, and the points that break a rule."""
    _, form = wording.translator(language), form or Quantity(language=language)
    special = {  # the colours of Making Data Count: blue and orange judge, so what is not judged has neither
        "improvement": ("o", BLUE, _("improvement")),
        "concern": ("X", ORANGE, _("concern")),
        "high": ("^", PURPLE, _("unusually high")),
        "low": ("v", PURPLE, _("unusually low")),
        "mixed": ("D", BLACK, _("signals both ways")),
    }
    values, centre, low, high = (form.shown(v) for v in (chart.values, chart.centre, chart.low, chart.high))  # type: ignore[arg-type]
    with styled():
        figure, axes = canvas()
        gaps = _left_out(chart.times)
        times, course = np.insert(chart.times, gaps, chart.times[gaps]), np.insert(values, gaps, np.nan)
        axes.plot(times, course, color=GREY, marker="o", markersize=4, linewidth=1.2, label=_("sub-period"))
        for part in np.unique(chart.segment):
            here, named = chart.segment == part, part == chart.segment[0]
            axes.plot(chart.times[here], centre[here], color=BLACK, linewidth=1.6, label=_("centre") if named else None)  # type: ignore[index]
            for limit, label in ((low, _("limits")), (high, None)):
                axes.step(
                    chart.times[here],
                    limit[here],  # type: ignore[index]
                    where="mid",
                    color=GREY,
                    linestyle="--",
                    linewidth=1.2,
                    label=label if named else None,
                )
        variation = chart.variation
        for name, (marker, colour, told) in special.items():
            here = variation == name
            if here.any():
                axes.plot(
                    chart.times[here],
                    values[here],  # type: ignore[index]
                    marker=marker,
                    color=colour,
                    markeredgecolor=BLACK,
                    markeredgewidth=0.6,
                    markersize=8,
                    linestyle="none",
                    label=told,
                )
        if chart.target is not None:
            words = {"target": form.target(chart.target)}
            if chart.assurance is None:
                told = _("target {target}").format(**words)
            else:
                words["assurance"] = wording_plain.assurance(chart.assurance, language)
                told = _("target {target}: {assurance}").format(**words)
            axes.axhline(form.shown(chart.target), color=VERMILLION, linestyle=":", linewidth=1.6, label=told)
        axes.margins(x=0.02)
        number_axis(axes.yaxis, form)
        return finish(figure, axes, up=form.unit)


def _left_out(times: Any) -> Any:
    """Return the places of the points before which sub-periods are left out: no line leads over what is not there.

    >>> _left_out(np.array([0, 1, 2, 6, 7])).tolist(), _left_out(np.array([0, 3, 4, 9, 17])).tolist()
    ([3], [])
    """
    steps = np.diff(times).astype(np.float64)
    usual = np.median(steps)
    regular = np.mean(np.abs(steps - usual) < 0.2 * usual) > 0.5  # months have 28 to 31 days; no rhythm, no gaps
    return np.flatnonzero((steps > 1.5 * usual) & regular) + 1


def event_study(rollout: Mapping[str, Any], language: Language = "en") -> Figure:
    """Draw the effect by month since reach with its intervals; the months before should lie about 1.

    `rollout` is the shape of results.json (`RolloutEffect.to_dict()`).
    """
    from matplotlib.ticker import MaxNLocator

    _ = wording.translator(language)
    months = [row for row in rollout["event_study"] if row["estimate"]]
    with styled():
        figure, axes = canvas()
        # a month of two or three units may have an interval of any length; it is cut off
        middle = [1.0, rollout["estimate"], *(row["estimate"] for row in months)]
        far = [row["ci"][1] / row["estimate"] if row["ci"][1] else math.inf for row in months]
        room = float(np.median([ratio for ratio in far if ratio < 100] or [2.0]))
        ends = min(middle) / room**1.5, max(middle) * room**1.5
        axes.axhline(1, color=GREY, linestyle=":", label=_("no effect"))
        axes.axvline(-0.5, color=GREY, linewidth=1)
        axes.axhline(rollout["estimate"], color=BLACK, linestyle="--", linewidth=1.2, label=_("effect in the window"))
        for name, marker, colour, rows in (
            (_("before reach"), "D", ORANGE, [row for row in months if row["month"] < 0]),
            (_("since reach"), "o", BLUE, [row for row in months if row["month"] >= 0]),
        ):
            if rows:
                values = np.array([row["estimate"] for row in rows])
                bounds = np.array([(row["ci"][0] or 0.0, row["ci"][1] or math.inf) for row in rows]).T
                reach = np.abs(np.clip(bounds, ends[0] / 2, 2 * ends[1]) - values)
                places = [row["month"] for row in rows]
                axes.errorbar(places, values, reach, color=colour, marker=marker, linestyle="none", label=name)
        axes.set_yscale("log")
        axes.set_ylim(*ends)
        axes.yaxis.set_major_locator(MaxNLocator(6))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.minorticks_off()
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.margins(x=0.02)
        return finish(figure, axes, across=_("months since reach"), up=_("effect, as a ratio"))


def _shade(axes: Axes, times: Any, marked: Any, colour: str, label: str, *, hatch: str | None = None) -> None:
    if not marked.any():
        return
    half = np.diff(times).min() / 2 if times.size > 1 else 0
    places = np.flatnonzero(marked)
    axes.axvspan(
        times[places[0]] - half,
        times[places[-1]] + half,
        facecolor=colour,
        edgecolor="#BBBBBB",
        hatch=hatch,
        linewidth=0,
        zorder=0,
        label=label,
    )
