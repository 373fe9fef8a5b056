"""Pictures of the plain-array results: what is drawn, and what words stand beside it."""

from __future__ import annotations

import math

from evalkit import curves
from evalkit.estimands.response_time import kaplan_meier
from evalkit.inference.anytime import confidence_sequence
from evalkit.inference.sequential import group_sequential_bounds


def words(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()] if figure.legends else []


def test_before_and_after_stand_in_one_picture_with_the_window_marked():
    before, after = kaplan_meier([3, 5, 8, 13]), kaplan_meier([1, 2, 4, 6], [1, 1, 1, 0])
    figure = curves.answered({"before": before, "after": after}, window=7, unit="days")
    assert words(figure) == ["before", "after", "window 7 days"]
    assert list(figure.axes[0].lines[0].get_ydata()) == [0, 25, 50, 75, 100]


def test_single_curve_needs_no_legend():
    assert words(curves.answered({"": kaplan_meier([3, 5, 8])})) == []


def test_boundary_that_is_infinite_is_left_out():
    bounds = group_sequential_bounds(information=(0.5, 1.0, 1.2))
    assert bounds.critical_values[-1] == math.inf
    assert list(curves.bounds(bounds).axes[0].lines[0].get_xdata()) == [0.5, 1.0]


def test_sequence_shows_target_and_no_change():
    result = confidence_sequence([0.2, 0.3], [0.2, 0.1], planned_error=0.1, target=0.05, better="higher")
    figure = curves.sequence(result)
    assert words(figure) == ["95 % at all looks together", "estimate", "no change", "target 0.05"]
    assert words(curves.sequence(confidence_sequence([0.2], [0.1], planned_error=0.1)))[-1] == "no change"
