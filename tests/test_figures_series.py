"""Pictures of series show the result's own numbers, with words beside the colours."""

from __future__ import annotations

import numpy as np

from evalkit import figures_series
from evalkit.estimands.control_chart import control_chart
from evalkit.estimands.staggered import staggered_rollout
from evalkit.estimands.time_series import interrupted_time_series

COUNTS = [52, 48, 50, 47, 55, 49, 51, 53, 46, 50, 48, 52, 41, 38, 44, 39, 40, 42, 45, 37]
MONTHS = np.array("2024-01", dtype="datetime64[M]") + np.arange(20)


def words(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_course_shows_the_counterfactual_with_its_band():
    result = interrupted_time_series(
        COUNTS, MONTHS, "2025-01-01", exposure=[2.0] * 20, phase_in=("2025-01-01", "2025-02-28")
    )
    figure = result.plot()
    assert words(figure) == [
        "phase-in, not counted",
        "evaluated",
        "95 % interval",
        "expected without the change",
        "fitted",
        "observed",
    ]
    axes = figure.axes[0]
    expected, _, observed = axes.lines
    assert np.allclose(expected.get_ydata(), result.course.counterfactual[11:] / 2)
    assert np.allclose(observed.get_ydata(), np.array(COUNTS) / 2)


def test_course_without_phase_in_names_none():
    assert "phase-in, not counted" not in words(figures_series.course(interrupted_time_series(COUNTS, range(20), 12)))


def test_chart_marks_what_breaks_a_rule_and_the_target():
    values = [9.0 if i % 2 else 11.0 for i in range(24)]
    values[12] = 22.0
    chart = control_chart(values, step_at=6, target=30, better="lower")
    figure = chart.plot()
    assert words(figure) == ["sub-period", "centre", "limits", "concern", "target 30: reliably met"]
    marked = next(line for line in figure.axes[0].lines if line.get_label() == "concern")
    assert (list(marked.get_xdata()), list(marked.get_ydata())) == ([12], [22.0])


def test_quiet_chart_marks_nothing():
    assert words(control_chart([9.0, 11.0] * 6).plot()) == ["sub-period", "centre", "limits"]


def test_event_study_draws_every_month_and_cuts_what_no_axis_can_hold():
    rng, months = np.random.default_rng(2), np.arange(30)
    reached = {unit: 12 + 2 * unit for unit in range(6)}
    values = np.exp(rng.normal(0, 0.1, (10, 30)))
    result = staggered_rollout(values.ravel(), np.repeat(np.arange(10), 30), np.tile(months, 10), reached)
    figure = result.plot()
    axes = figure.axes[0]
    drawn = np.concatenate([bars.lines[0].get_ydata() for bars in axes.containers])
    assert np.allclose(drawn, [row.estimate for row in result.event_study])
    low, high = axes.get_ylim()
    assert 0.1 < low < drawn.min() < drawn.max() < high < 10
