"""The monthly course of a metric, with its baseline, phase-in, target and the measures' dates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING

from evalkit import formats, wording
from evalkit.figures.style import BLACK, BLUE, GREY, POINTS, VERMILLION, styled, tick
from evalkit.formats import Language, Quantity

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from evalkit.results import GoalResult


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
        figure = Figure(figsize=(width / POINTS, height / POINTS))
        axes = figure.add_axes((74 / width, 64 / height, (width - 96) / width, (height - 64 - 60) / height))
        form = formats.quantity(result.kind, "level", values, unit=unit, language=language)
        middle = series["start"] + (series["end"] - series["start"]) / 2
        axes.plot(
            middle,
            [form.shown(float(v)) for v in series["value"]],
            color=BLUE,
            marker="o",
            markersize=4,
            linewidth=1.2,
            label=_("monthly value"),
        )
        _phases(axes, series, result, _)
        baseline = result.period.before.value if result.period.before else None
        if baseline is not None:
            known = series[series["phase"] == "baseline"]
            axes.hlines(
                form.shown(baseline),
                known["start"].min(),
                known["end"].max(),
                color=GREY,
                linewidth=2,
                label=_("baseline {value}").format(value=form.text(baseline)),
            )
        aim = _target_level(result, baseline)
        if aim is not None:
            first = series.loc[series["phase"] != "baseline", "start"].min()
            axes.hlines(
                form.shown(aim),
                first,
                series["end"].max(),
                color=BLACK,
                linestyle="--",
                linewidth=1.5,
                label=_("target {target}").format(target=form.text(aim)),
            )
        _axis_of_months(
            axes, form, unit, [form.shown(v) for v in (*values, baseline, aim) if v is not None], series["start"]
        )
        _measures(axes, measures, series)
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(
            handles,
            labels,
            loc="upper left",
            bbox_to_anchor=(70 / width, 1.0),
            ncols=3,
            frameon=False,
            handlelength=1.6,
            columnspacing=1.4,
        )
    return figure


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


def _axis_of_months(axes: Axes, form: Quantity, unit: str, drawn: Sequence[float], starts: Iterable[date]) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    low, high = (min(drawn), max(drawn)) if drawn else (0.0, 1.0)
    margin = 0.12 * (high - low) or abs(high) * 0.1 or 1.0
    axes.set_ylim(low - margin, high + 1.6 * margin)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value, form)))
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
