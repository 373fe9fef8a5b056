"""Cautions about a goal's time series: the errors it was given, and whose estimate a window's is."""

from __future__ import annotations

from collections.abc import Iterator

from evalkit.estimands.time_series_result import TimeSeriesEffect
from evalkit.evaluation.flags import ALIKE, Case, flag
from evalkit.evaluation.interrupted import plan_of
from evalkit.results import Flag

HAC_POINTS = 100
"""With fewer points Newey-West intervals are too narrow: 12 % false claims in place of 2.5 in 24 + 3 points without
any correlation, with a season and a trend (tests/calibration/time_series.py)."""


def errors(case: Case) -> Iterator[Flag]:
    """Look at errors that were chosen in the place of the autoregressive ones, which take in that neighbours are alike.

    The correlation is the model's own, of all its points: a rate has no month shocks by which it could be told.
    """
    effect = case.outcome.evaluation.effect
    if not isinstance(effect, TimeSeriesEffect):
        return
    points = int(effect.details["points_before"] + effect.details["points_after"])
    if effect.errors == "hac" and points < HAC_POINTS:
        yield flag(
            "hac_short_series",
            "caution",
            "Newey–West errors (`errors: hac`) are too narrow in a series of {points} points, even where neighbours "
            "are not alike; use the default, `errors: autoregressive`.",
            points=points,
        )
    elif effect.errors == "model" and effect.details["autocorrelation"] >= ALIKE:
        yield flag(
            "autocorrelation",
            "caution",
            "Neighbouring points of the series are alike (correlation {correlation:.2f}), and the interval is not "
            "widened for it: with `errors: model` they are taken to be independent.",
            case="model",
            correlation=effect.details["autocorrelation"],
        )


def one_step(case: Case) -> Iterator[Flag]:
    """Look for a window that is a part of all to date, to all of which one step is fitted."""
    effect, plan = case.outcome.evaluation.effect, plan_of(case.question)
    if plan is None or plan.change != "level" or not isinstance(effect, TimeSeriesEffect):
        return
    course = effect.course
    if (course.phase[~course.evaluated] == "after").any():
        yield flag(
            "one_step",
            "info",
            "One step is fitted to all months since implementation, so the estimate of this window is theirs; "
            "`change: level+slope` lets it move.",
        )
