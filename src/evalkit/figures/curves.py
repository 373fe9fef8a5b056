"""Pictures of shares, boundaries and probabilities: response times, looks, confidence sequences, power."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from evalkit import formats, wording
from evalkit.figures.style import BLACK, BLUE, GREEN, GREY, VERMILLION, canvas, finish, number_axis, styled
from evalkit.formats import Language, Quantity

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from evalkit.estimands.response_time import SurvivalCurve
    from evalkit.inference.anytime import ConfidenceSequence
    from evalkit.inference.power import PowerResult
    from evalkit.inference.sequential import GroupSequentialBounds


def bounds(result: GroupSequentialBounds) -> Figure:
    """Draw the critical values over the information."""
    with styled():
        figure, axes = canvas()
        finite = [(t, z) for t, z in zip(result.information, result.critical_values, strict=True) if math.isfinite(z)]
        label = f"{result.design}, error {result.alpha:g}"
        axes.plot([t for t, _ in finite], [z for _, z in finite], color=BLUE, marker="o", label=label)
        for share, value in finite:
            axes.annotate(f"{value:.2f}", (share, value), (0, 7), textcoords="offset points", ha="center")
        axes.set_xlim(0, 1.08 * max(result.information))
        axes.margins(y=0.2)
        return finish(figure, axes, across="share of the planned information", up="critical value (z)")


def sequence(result: ConfidenceSequence, language: Language = "en") -> Figure:
    """Draw the running estimate with its intervals, the target and no change."""
    from matplotlib.ticker import MaxNLocator

    _ = wording.translator(language)
    with styled():
        figure, axes = canvas()
        looks = range(1, len(result.looks) + 1)
        level = wording.confidence(result.looks[-1].confidence, language)
        axes.fill_between(
            looks,
            [effect.low for effect in result.looks],
            [effect.high for effect in result.looks],
            color=BLUE,
            alpha=0.2,
            linewidth=0,
            label=_("{level} at all looks together").format(level=level),
        )
        estimates = [effect.estimate for effect in result.looks]
        axes.plot(looks, estimates, color=BLUE, marker="o", label=_("estimate"))
        axes.axhline(0, color=GREY, linestyle=":", label=_("no change"))
        target = result.looks[-1].target_value
        if target is not None:
            label = _("target {target}").format(target=f"{target:g}")
            axes.axhline(target, color=BLACK, linestyle="--", label=label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        return finish(figure, axes, across=_("look"))


def answered(
    curves: Mapping[str, SurvivalCurve],
    language: Language = "en",
    *,
    window: float | None = None,
    unit: str = "",
    target: float | None = None,
) -> Figure:
    """Draw the share answered over time for one or more groups, pointwise intervals shaded, a window marked.

    `curves` maps a group's name ("before", "after") to its curve; `unit` is that of the durations, `target` the
    share promised within the window.
    """
    _ = wording.translator(language)
    styles = [(GREY, "--"), (BLUE, "-"), (VERMILLION, "-."), (GREEN, ":")]
    with styled():
        figure, axes = canvas()
        for index, (name, curve) in enumerate(curves.items()):
            color, line = styles[(index + (len(curves) == 1)) % len(styles)]
            times = [0.0, *curve.times]
            shares = [0.0, *(100 * (1 - share) for share in curve.survival)]
            low = [0.0, *(100 * (1 - share) for share in curve.high)]
            high = [0.0, *(100 * (1 - share) for share in curve.low)]
            axes.fill_between(times, low, high, step="post", color=color, alpha=0.15, linewidth=0)
            axes.step(times, shares, where="post", color=color, linestyle=line, label=name or None)
        if window is not None:
            label = _("window {length} {unit}").format(length=f"{window:g}", unit=unit).rstrip()
            axes.axvline(window, color=BLACK, linewidth=1, label=label)
            if target is not None:
                form = Quantity(factor=100.0, percent=True, language=language)
                label = _("target {target}").format(target=form.target(target))
                axes.plot([window], [100 * target], "D", color=BLACK, label=label)
        axes.set_xlim(left=0)
        axes.set_ylim(0, 102)
        number_axis(axes.yaxis, Quantity(percent=True, language=language))
        across = _("time since receipt ({unit})").format(unit=unit) if unit else _("time since receipt")
        return finish(figure, axes, across=across, up=_("answered"))


def power(
    result: PowerResult, language: Language = "en", *, form: Quantity | None = None, observed: float | None = None
) -> Figure:
    """Draw the probability of `achieved` over true effects: target, what is detectable, what was `observed`."""
    _ = wording.translator(language)
    shown = form or Quantity(language=language)

    def told(value: float) -> str:
        return shown.text(value) if form else f"{value:.4g}"

    with styled():
        figure, axes = canvas()
        effects = [shown.shown(effect) for effect in result.effects]
        axes.plot(
            effects, [100 * p for p in result.probabilities], color=BLUE, label=wording.verdict("achieved", language)
        )
        label = _("target {target}").format(target=shown.target(result.target) if form else told(result.target))
        axes.axvline(shown.shown(result.target), color=BLACK, linestyle="--", label=label)
        if result.detectable is not None:
            label = _("detectable with {probability}: {effect}").format(
                probability=formats.percent(0.8, 0, language), effect=told(result.detectable)
            )
            axes.plot([shown.shown(result.detectable)], [80], "o", color=VERMILLION, label=label)
        if observed is not None:
            label = _("estimated to date {effect}").format(effect=told(observed))
            axes.axvline(shown.shown(observed), color=GREY, linestyle=":", label=label)
        axes.set_ylim(0, 102)
        number_axis(axes.xaxis, shown, 6)
        number_axis(axes.yaxis, Quantity(percent=True, language=language))
        return finish(figure, axes, across=_("true effect"), up=_("probability"))
