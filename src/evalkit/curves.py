"""Pictures of the plain-array results: boundaries over looks, confidence sequences, response-time curves, power."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from evalkit import figures

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from evalkit.estimands.response_time import SurvivalCurve
    from evalkit.inference.anytime import ConfidenceSequence
    from evalkit.inference.power import PowerResult
    from evalkit.inference.sequential import GroupSequentialBounds


def bounds(result: GroupSequentialBounds) -> Figure:
    """Draw the critical values over the information."""
    with figures.styled():
        figure, axes = _axes()
        finite = [(t, z) for t, z in zip(result.information, result.critical_values, strict=True) if math.isfinite(z)]
        axes.plot([t for t, _ in finite], [z for _, z in finite], color=figures.BLUE, marker="o")
        for share, value in finite:
            axes.annotate(f"{value:.2f}", (share, value), (0, 7), textcoords="offset points", ha="center")
        axes.set_xlim(0, 1.08 * max(result.information))
        axes.margins(y=0.2)
        axes.set_xlabel("share of the planned information")
        axes.set_ylabel("critical value (z)")
        axes.set_title(f"{result.design}, error {result.alpha:g}", loc="left")
    return figure


def sequence(result: ConfidenceSequence) -> Figure:
    """Draw the running estimate with its intervals, the target and no change."""
    from matplotlib.ticker import MaxNLocator

    with figures.styled():
        figure, axes = _axes()
        looks = range(1, len(result.looks) + 1)
        estimates = [effect.estimate for effect in result.looks]
        axes.fill_between(
            looks,
            [effect.low for effect in result.looks],
            [effect.high for effect in result.looks],
            color=figures.BLUE,
            alpha=0.2,
            linewidth=0,
            label=f"{100 * result.looks[-1].confidence:g} % at all looks together",
        )
        axes.plot(looks, estimates, color=figures.BLUE, marker="o", label="estimate")
        axes.axhline(0, color=figures.GREY, linestyle=":", label="no change")
        target = result.looks[-1].target_value
        if target is not None:
            axes.axhline(target, color=figures.BLACK, linestyle="--", label=f"target {target:g}")
        axes.set_xlabel("look")
        axes.set_ylabel("estimate")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        _legend(figure, axes)
    return figure


def answered(curves: Mapping[str, SurvivalCurve], *, window: float | None = None, unit: str = "") -> Figure:
    """Draw the share answered over time for one or more groups, pointwise intervals shaded, a window marked.

    `curves` maps a group's name ("before", "after") to its curve; `unit` is that of the durations.
    """
    styles = [(figures.GREY, "--"), (figures.BLUE, "-"), (figures.VERMILLION, "-."), (figures.GREEN, ":")]
    with figures.styled():
        figure, axes = _axes()
        for index, (name, curve) in enumerate(curves.items()):
            color, line = styles[(index + (len(curves) == 1)) % len(styles)]
            times = [0.0, *curve.times]
            shares = [0.0, *(100 * (1 - share) for share in curve.survival)]
            low = [0.0, *(100 * (1 - share) for share in curve.high)]
            high = [0.0, *(100 * (1 - share) for share in curve.low)]
            axes.fill_between(times, low, high, step="post", color=color, alpha=0.15, linewidth=0)
            axes.step(times, shares, where="post", color=color, linestyle=line, label=name or None)
        if window is not None:
            axes.axvline(window, color=figures.BLACK, linewidth=1, label=f"window {window:g} {unit}".rstrip())
        axes.set_xlim(left=0)
        axes.set_ylim(0, 100)
        axes.set_xlabel(f"time since receipt ({unit})" if unit else "time since receipt")
        axes.set_ylabel("answered (%)")
        _legend(figure, axes)
    return figure


def power(result: PowerResult) -> Figure:
    """Draw the probability of `achieved` over true effects, with the target and the detectable effect."""
    with figures.styled():
        figure, axes = _axes()
        axes.plot(result.effects, [100 * p for p in result.probabilities], color=figures.BLUE, label="achieved")
        axes.axvline(result.target, color=figures.BLACK, linestyle="--", label=f"target {result.target:.4g}")
        if result.detectable is not None:
            label = f"detectable with 80 %: {result.detectable:.4g}"
            axes.plot([result.detectable], [80], color=figures.VERMILLION, marker="o", linestyle="none", label=label)
        axes.set_ylim(0, 100)
        axes.set_xlabel("true effect")
        axes.set_ylabel("probability (%)")
        _legend(figure, axes)
    return figure


def _axes() -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.6, 3.6), layout="constrained")
    return figure, figure.add_subplot()


def _legend(figure: Figure, axes: Axes) -> None:
    handles: list[Any]
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside upper left", ncols=4, frameon=False)
