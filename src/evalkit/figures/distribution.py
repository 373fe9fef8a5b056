"""How values lie before and after: shares of records by value, or the months' values side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from evalkit import formats, wording
from evalkit.figures.style import BLACK, BLUE, GREY, canvas, finish, number_axis, styled, tick
from evalkit.formats import Language, Quantity

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from evalkit.evaluation.detail import Histogram
    from evalkit.results import GoalResult


def histogram(found: Histogram, language: Language = "en", *, unit: str = "", value: str = "") -> Figure:
    """Draw the share of records by value, before and after side by side.

    A bin that is not shown has a cross on the axis in its side's colour, lest it be read as zero: a mark without a
    height, since any height would be read as a value.
    """
    _, form = wording.translator(language), Quantity(language=language)
    width = found.edges[1] - found.edges[0]
    with styled():
        figure, axes = canvas()
        unnamed = True
        for name, shares, colour, hatch, place, edge_colour in (
            (_("before"), found.before, "#BBBBBB", "", -0.21, GREY),
            (_("after"), found.after, BLUE, "//", 0.21, BLUE),
        ):
            known = [
                (edge + (0.5 + place) * width, 100 * share)
                for edge, share in zip(found.edges, shares, strict=False)
                if share
            ]
            axes.bar(
                [x for x, _share in known],
                [share for _x, share in known],
                width=0.4 * width,
                color=colour,
                edgecolor="white" if hatch else GREY,
                linewidth=0.5,
                hatch=hatch,
                label=name,
            )
            hidden = [
                edge + (0.5 + place) * width for edge, share in zip(found.edges, shares, strict=False) if share is None
            ]
            if hidden:
                axes.plot(
                    hidden,
                    [0.0] * len(hidden),
                    marker="x",
                    markersize=5,
                    color=edge_colour,
                    linestyle="none",
                    clip_on=False,
                    zorder=3,
                    label=_("few records, not shown") if unnamed else None,
                )
                unnamed = False
        bins = len(found.edges) - 1
        step, middle = max(1, -(-bins // 10)), 0.5 * width if found.whole else 0.0
        ticks = list(range(0, bins + (not found.whole), step))
        if found.open_end:
            ticks = [*(k for k in ticks if k <= bins - 1 - step), bins - 1]
        places = [(found.edges[k] + middle, tick(found.edges[k] + middle, form)) for k in ticks]
        if found.open_end:
            places[-1] = (places[-1][0], f"≥ {places[-1][1]}")
        axes.set_xticks([x for x, _label in places], [label for _x, label in places])
        number_axis(axes.yaxis, Quantity(percent=True, language=language))
        across = f"{value} ({unit})" if unit and value else value or unit
        return finish(figure, axes, across=across, up=_("share of records"))


def strip(series: pd.DataFrame, result: GoalResult, language: Language = "en", *, unit: str = "") -> Figure:
    """Draw the months' values of the baseline beside those since implementation, each group's median marked.

    `series` is that of `trend`.
    """
    _ = wording.translator(language)
    groups: Sequence[tuple[str, str]] = ((_("before"), "baseline"), (_("after"), "after"))
    values = [[float(v) for v in series.loc[series["phase"] == phase, "value"].dropna()] for _name, phase in groups]
    form = formats.quantity(result.kind, "level", [v for group in values for v in group], unit=unit, language=language)
    with styled():
        figure, axes = canvas(190)
        for row, group in zip((2, 1), values, strict=True):
            # neighbours in value are set apart so that no point hides another; the order is that of time
            lifts = [0.12 * (index % 5 - 2) for index in range(len(group))]
            marker, colour = ("o", GREY) if row == 2 else ("D", BLUE)
            axes.plot(
                [form.shown(v) for v in group],
                [row + up for up in lifts],
                marker,
                color=colour,
                markersize=5,
                alpha=0.75,
            )
            if group:
                middle = (
                    sorted(group)[len(group) // 2]
                    if len(group) % 2
                    else sum(sorted(group)[len(group) // 2 - 1 : len(group) // 2 + 1]) / 2
                )
                axes.plot(
                    [form.shown(middle)] * 2,
                    [row - 0.38, row + 0.38],
                    color=BLACK,
                    linewidth=2.5,
                    label=_("median of the months") if row == 2 or not values[0] else None,
                )
        axes.set_ylim(0.5, 2.5)
        axes.set_yticks([2, 1], [name for name, _phase in groups])
        axes.tick_params(axis="y", length=0, labelcolor=BLACK)
        number_axis(axes.xaxis, form, 7)
        return finish(figure, axes, across=_("value of a month") + (f" ({form.unit})" if form.unit else ""))
