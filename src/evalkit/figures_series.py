"""Pictures of series: a course beside its counterfactual, control charts, and a roll-out's event study."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit import figures

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from evalkit.estimands.control_chart import ControlChart
    from evalkit.estimands.staggered_result import RolloutEffect
    from evalkit.estimands.time_series_result import TimeSeriesEffect

_SPECIAL = {
    "improvement": ("o", figures.BLUE, "improvement"),
    "concern": ("X", figures.VERMILLION, "concern"),
    "high": ("^", figures.BLUE, "unusually high"),
    "low": ("v", figures.ORANGE, "unusually low"),
    "mixed": ("D", figures.BLACK, "signals both ways"),
}
_ASSURANCE = {
    "met": "reliably met",
    "missed": "missed unless the process changes",
    "hit-or-miss": "met or missed by chance",
}


def course(result: TimeSeriesEffect) -> Figure:
    """Draw the series, its fit, and what was expected without the change with its band; the window is shaded."""
    found = result.course
    by = found.exposure
    after = np.flatnonzero(found.phase != "before")
    # the counterfactual starts at the last point before, so that the lines part where the change begins
    apart = np.arange(max(int(after[0]) - 1, 0), found.times.size)
    with figures.styled():
        figure, axes = _axes()
        _shade(axes, found.times, found.phase == "phase-in", "#DDDDDD", "phase-in, not counted", hatch="///")
        _shade(axes, found.times, found.evaluated, "#D6EAF5", "evaluated")
        axes.fill_between(
            found.times[apart],
            (found.low / by)[apart],
            (found.high / by)[apart],
            color=figures.ORANGE,
            alpha=0.3,
            linewidth=0,
            label=f"{100 * result.confidence:g} % interval",
        )
        axes.plot(
            found.times[apart],
            (found.counterfactual / by)[apart],
            color=figures.BLACK,
            linestyle="--",
            label="expected without the change",
        )
        axes.plot(found.times, found.fitted / by, color=figures.BLUE, linewidth=1.6, label="fitted")
        axes.plot(
            found.times,
            found.values / by,
            color=figures.GREY,
            marker="o",
            markersize=3.5,
            linestyle="none",
            label="observed",
        )
        _finish(figure, axes)
    return figure


def control_chart(chart: ControlChart) -> Figure:
    """Draw a control chart: centre lines, limits, target, and the points that break a rule."""
    with figures.styled():
        figure, axes = _axes()
        axes.plot(
            chart.times, chart.values, color=figures.GREY, marker="o", markersize=4, linewidth=1.2, label="sub-period"
        )
        for part in np.unique(chart.segment):
            here = chart.segment == part
            named = part == chart.segment[0]
            axes.plot(
                chart.times[here],
                chart.centre[here],
                color=figures.BLACK,
                linewidth=1.6,
                label="centre" if named else None,
            )
            for limit, label in ((chart.low, "limits"), (chart.high, None)):
                axes.step(
                    chart.times[here],
                    limit[here],
                    where="mid",
                    color=figures.GREY,
                    linestyle="--",
                    linewidth=1.2,
                    label=label if named else None,
                )
        variation = chart.variation
        for name, (marker, colour, told) in _SPECIAL.items():
            here = variation == name
            if here.any():
                axes.plot(
                    chart.times[here],
                    chart.values[here],
                    marker=marker,
                    color=colour,
                    markersize=8,
                    linestyle="none",
                    label=told,
                )
        if chart.target is not None and chart.assurance is not None:
            axes.axhline(
                chart.target,
                color=figures.VERMILLION,
                linestyle=":",
                linewidth=1.6,
                label=f"target {chart.target:g}: {_ASSURANCE[chart.assurance]}",
            )
        _finish(figure, axes)
    return figure


def event_study(result: RolloutEffect) -> Figure:
    """Draw the effect by month since reach with its intervals; the months before should lie about 1."""
    from matplotlib.ticker import MaxNLocator

    with figures.styled():
        figure, axes = _axes()
        # a month of two or three units may have an interval of any length; it is cut off
        middle = [1.0, result.estimate, *(row.estimate for row in result.event_study)]
        rooms = [far for row in result.event_study if (far := row.high / row.estimate) < 100]
        room = float(np.median(rooms or [2.0]))
        ends = min(middle) / room**1.5, max(middle) * room**1.5
        axes.axhline(1, color=figures.GREY, linestyle=":", label="no effect")
        axes.axvline(-0.5, color=figures.GREY, linewidth=1)
        axes.axhline(result.estimate, color=figures.BLACK, linestyle="--", linewidth=1.2, label="effect in the window")
        for name, marker, colour, rows in (
            ("before reach", "D", figures.ORANGE, [row for row in result.event_study if row.month < 0]),
            ("since reach", "o", figures.BLUE, [row for row in result.event_study if row.month >= 0]),
        ):
            if rows:
                values = np.array([(row.month, row.estimate, row.low, row.high) for row in rows]).T
                reach = np.abs(np.clip(values[2:], ends[0] / 2, 2 * ends[1]) - values[1])
                axes.errorbar(values[0], values[1], reach, color=colour, marker=marker, linestyle="none", label=name)
        axes.set_yscale("log")
        axes.set_ylim(*ends)
        axes.yaxis.set_major_locator(MaxNLocator(6))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.minorticks_off()
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("months since reach")
        axes.set_ylabel("effect, as a ratio")
        _finish(figure, axes)
    return figure


def _axes() -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.6, 3.6), layout="constrained")
    return figure, figure.add_subplot()


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


def _finish(figure: Figure, axes: Axes) -> None:
    axes.margins(x=0.02)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=3, frameon=False)
