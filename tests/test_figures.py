"""Pictures show the result's own numbers, as text a reader's browser draws, the same bytes each time."""

from __future__ import annotations

import itertools
import logging
import math
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
import report_fixtures as fixtures

from evalkit import figures, svg, tables, wording
from evalkit.estimands.control_chart import control_chart
from evalkit.estimands.response_time import kaplan_meier
from evalkit.estimands.staggered import staggered_rollout
from evalkit.estimands.time_series import interrupted_time_series
from evalkit.evaluation.detail import Histogram
from evalkit.figures import text_width
from evalkit.figures.pareto import pareto
from evalkit.figures.style import BLUE, ORANGE, PURPLE
from evalkit.formats import Quantity
from evalkit.inference.anytime import confidence_sequence
from evalkit.inference.power import power
from evalkit.inference.sequential import group_sequential_bounds
from evalkit.results import SensitivityLine


def texts(markup: str) -> list[str]:
    return ["".join(node.itertext()) for node in ElementTree.fromstring(markup).iter("text")]


def drawn(goal: object, language: str = "en") -> str:
    return svg.as_svg(figures.forest(goal, language), title="T", description="D")  # type: ignore[arg-type]


def test_the_forest_shows_what_the_result_says() -> None:
    shown = texts(drawn(fixtures.satisfaction()))
    assert "✓ +11.3 % (+10.4 % to +12.2 %)" in shown
    assert {"This period", "Since implementation", "target +10 %", "no change"} <= set(shown)
    assert "? +9.0 % (+7.0 % to +12.0 %)" in shown, "an alternative that disagrees is marked as such"


def test_the_same_result_gives_the_same_bytes() -> None:
    assert drawn(fixtures.satisfaction()) == drawn(fixtures.satisfaction())


def test_svg_is_accessible_and_fetches_nothing() -> None:
    markup = svg.as_svg(figures.forest(fixtures.satisfaction()), title="A <b>", description='says "so"')
    root = ElementTree.fromstring(markup)
    assert root.get("role") == "img"
    title, description = root.find("title"), root.find("desc")
    assert title is not None
    assert description is not None
    assert (title.text, description.text) == ("A <b>", 'says "so"')
    assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
    assert "http" not in markup
    assert "metadata" not in markup
    ids = re.findall(r' id="([^"]+)"', markup)
    assert len(ids) == len(set(ids))
    for target in re.findall(r'(?:href="#|url\(#)([^")]+)', markup):
        assert target in ids


def test_two_pictures_on_a_page_share_no_ids() -> None:
    one, two = drawn(fixtures.satisfaction()), drawn(fixtures.handling_time())
    assert not set(re.findall(r' id="([^"]+)"', one)) & set(re.findall(r' id="([^"]+)"', two))


def test_chinese_is_drawn_as_text_for_the_readers_fonts() -> None:
    markup = drawn(fixtures.satisfaction(), "zh")
    assert "本期" in texts(markup)
    assert "目标 +10%" in texts(markup)
    assert "Noto Sans CJK SC" in markup


def test_chinese_falls_back_on_an_installed_font_and_is_written_as_on_every_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As an image the text takes an installed font; in SVG, which the browser draws, no font of the machine shows."""
    from matplotlib import font_manager

    plain = drawn(fixtures.satisfaction(), "zh")
    known = font_manager.fontManager.ttflist
    own = next(font for font in known if font.name == "DejaVu Sans")
    others = [font for font in known if font.name == "DejaVu Sans"]
    others.append(font_manager.FontEntry(fname=own.fname, name="WenQuanYi Micro Hei"))
    monkeypatch.setattr(font_manager.fontManager, "ttflist", others)
    figure = figures.forest(fixtures.satisfaction(), "zh")
    label = figure.axes[0].get_yticklabels()[0]
    assert label.get_fontfamily() == ["DejaVu Sans", "WenQuanYi Micro Hei"]
    assert svg.as_svg(figure, title="T", description="D") == plain
    assert label.get_fontfamily() == ["DejaVu Sans", "WenQuanYi Micro Hei"], "the figure stays as it was"


def test_nothing_is_drawn_for_a_goal_that_is_not_evaluable_but_the_words() -> None:
    shown = texts(drawn(fixtures.incidents()))
    assert shown.count("– not evaluable") == 2


def test_infinite_and_missing_bounds_are_drawn() -> None:
    goal = fixtures.goal(
        "g", "Goal", "rate", fixtures.effect(0.6, 0.3, float("inf"), target=0.7, better="lower"), better="lower"
    )
    assert any("∞" in text for text in texts(drawn(goal)))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_trend_shows_baseline_target_and_measures(language: str) -> None:
    measures = [("1", date(2025, 1, 6)), ("2", date(2025, 1, 8)), ("3", date(2031, 1, 1))]
    figure = figures.trend(
        fixtures.monthly_series(),
        fixtures.satisfaction(),
        language,
        unit="分",
        measures=measures,  # type: ignore[arg-type]
    )
    shown = texts(svg.as_svg(figure, title="T", description="D"))
    assert {"1", "2"} <= set(shown)
    assert "3" not in shown, "a date beyond the series is not drawn"
    expected = {"en": {"baseline 7.20 分", "target 7.92 分"}, "zh": {"基线 7.20分", "目标 7.92分"}}[language]
    assert expected <= set(shown)


def test_an_effect_plots_itself() -> None:
    effect = fixtures.satisfaction().period.effect
    assert effect is not None
    shown = texts(svg.as_svg(effect.plot(), title="T", description="D"))
    assert "✓ +11.3 % (+10.4 % to +12.2 %)" in shown
    assert fixtures.satisfaction().plot() is not None


COUNTS = [52, 48, 50, 47, 55, 49, 51, 53, 46, 50, 48, 52, 41, 38, 44, 39, 40, 42, 45, 37]
MONTHS = np.array("2024-01", dtype="datetime64[M]") + np.arange(20)


def words(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def series_of_counts(**more):
    return interrupted_time_series(COUNTS, MONTHS, "2025-01-01", **more)


def test_a_glance_says_both_windows_and_the_target():
    shown = texts(svg.as_svg(figures.glance(fixtures.satisfaction()), title="T", description="D"))
    assert "This period  ✓ +11.3 % (+10.4 % to +12.2 %)" in shown
    assert any(text.startswith("Since implementation  ✓") for text in shown)
    assert "target +10 %" in shown
    assert "– not evaluable" in " ".join(
        texts(svg.as_svg(figures.glance(fixtures.incidents()), title="T", description="D"))
    )


def test_pictures_show_the_digits_of_the_text_whatever_the_scale():
    """Beside wider lines, and on scales of three decimals, whose last a shortening of coordinates once cut off."""
    close = fixtures.effect(0.2763, 0.2311, 0.3249, scale="difference", target=0.25)
    wide = fixtures.effect(12.49, -4.072, 25.64, scale="difference", target=0.25)
    line = SensitivityLine(name="same months", estimate=-0.4071, low=-0.5549, high=-0.2634, note="", verdict=None)
    goal = fixtures.goal(
        "g", "G", "mean", close, to_date=fixtures.evaluation(wide), sensitivity=(line,), verdict="inconclusive"
    )
    table, told = tables.goal(goal) + tables.sensitivity(goal), wording.goal_text(goal)
    for figure in (figures.glance(goal), figures.forest(goal)):
        shown = " ".join(texts(svg.as_svg(figure, title="T", description="D")))
        for estimate, interval in (("+0.276", "+0.231 to +0.325"), ("+12.5", "−4.1 to +25.6")):
            assert f"{estimate} ({interval})" in shown
            assert {estimate, interval} <= set(re.findall(r">([^<]*)</td>", table))
    assert "+0.276" in told
    assert "−0.407 (−0.555 to −0.263)" in shown
    assert {"−0.407", "−0.555 to −0.263"} <= set(re.findall(r">([^<]*)</td>", table))


def test_the_course_shows_the_counterfactual_with_its_band():
    result = series_of_counts(exposure=[2.0] * 20, phase_in=("2025-01-01", "2025-02-28"))
    figure = result.plot()
    assert words(figure) == [
        "phase-in, not counted",
        "evaluated",
        "95 % interval of the expected",
        "expected without the change",
        "fitted",
        "observed",
    ]
    expected, _, observed = figure.axes[0].lines
    assert np.allclose(expected.get_ydata(), result.course.counterfactual[11:] / 2)
    assert np.allclose(observed.get_ydata(), np.array(COUNTS) / 2)
    assert "phase-in, not counted" not in words(figures.course(series_of_counts()))


def test_the_trend_carries_the_counterfactual_on_the_scale_shown():
    frame = fixtures.monthly_series()
    values = np.asarray(frame["value"])[frame["phase"] != "phase-in"]
    times = np.asarray(frame["start"])[frame["phase"] != "phase-in"].astype("datetime64[M]")
    model = interrupted_time_series(values, times, "2025-04-01", family="gaussian")
    figure = figures.trend(frame, fixtures.satisfaction(), counterfactual=model)
    line = next(line for line in figure.axes[0].lines if line.get_label() == "expected without the change")
    assert np.allclose(line.get_ydata(), model.course.counterfactual[23:])
    assert line.get_xdata()[0] == np.datetime64("2024-12-16")


def test_the_axis_of_the_months_holds_the_whole_band_or_says_where_it_goes_on():
    frame = fixtures.monthly_series()
    counted = frame[frame["phase"] != "phase-in"]
    times = np.asarray(counted["start"]).astype("datetime64[M]")
    model = interrupted_time_series(np.asarray(counted["value"]), times, "2025-04-01", family="gaussian")
    top = float(np.max(np.asarray(counted["value"], dtype=float)))
    for high, told in ((top + 0.5, []), (top + 50.0, ["↑ the band goes on to 58.15"])):
        course = replace(model.course, high=np.full(model.course.high.size, high))
        axes = figures.trend(frame, fixtures.satisfaction(), counterfactual=replace(model, course=course)).axes[0]
        low, up = axes.get_ylim()
        assert low < np.min(model.course.low[23:])
        assert (up > high) == (not told)
        assert [text.get_text() for text in axes.texts if "band" in text.get_text()] == told
        assert up < top + 3, "the months can still be seen"


def test_the_pareto_line_is_named():
    counts = [("waiting time", 310), ("app", 240), ("staff", 160)]
    for language, told in (("en", "80 %"), ("zh", "80%")):
        axes = pareto(counts, 710, language).axes[0]
        assert [text.xy for text in axes.texts if text.get_text() == told] == [(80, 1)]


def test_a_chart_marks_what_breaks_a_rule_and_the_target():
    values = [9.0 if i % 2 else 11.0 for i in range(24)]
    values[12] = 22.0
    chart = control_chart(values, step_at=6, target=30, better="lower")
    figure = chart.plot()
    assert words(figure) == ["sub-period", "centre", "limits", "concern", "target 30"], "not stable: no assurance"
    marked = next(line for line in figure.axes[0].lines if line.get_label() == "concern")
    assert (list(marked.get_xdata()), list(marked.get_ydata())) == ([12], [22.0])
    assert words(control_chart([9.0, 11.0] * 6).plot()) == ["sub-period", "centre", "limits"]
    chart = control_chart(values, step_at=13, target=30, better="lower")
    assert words(chart.plot())[-1] == "target 30: reliably met"
    assert words(figures.control_chart(chart, "zh"))[-1] == "目标 30：可稳定达标"


def test_no_line_leads_over_months_left_out():
    months = (np.array("2024-01", dtype="datetime64[M]") + np.arange(30))[[*range(15), *range(18, 30)]]
    chart = control_chart([9.0, 11.0, 10.0] * 9, times=months, step_at="2025-07-01")
    drawn = chart.plot().axes[0].lines[0].get_ydata()
    assert np.flatnonzero(np.isnan(drawn)).tolist() == [15]
    assert np.array_equal(drawn[~np.isnan(drawn)], chart.values)
    irregular = control_chart([9.0, 11.0] * 3, times=[0, 3, 4, 9, 17, 30]).plot().axes[0].lines[0].get_ydata()
    assert not np.isnan(irregular).any(), "times without a rhythm leave nothing out"


def test_an_event_study_draws_every_month_and_cuts_what_no_axis_can_hold():
    rng, months = np.random.default_rng(2), np.arange(30)
    reached = {unit: 12 + 2 * unit for unit in range(6)}
    values = np.exp(rng.normal(0, 0.1, (10, 30)))
    result = staggered_rollout(values.ravel(), np.repeat(np.arange(10), 30), np.tile(months, 10), reached)
    axes = result.plot().axes[0]
    drawn = np.concatenate([bars.lines[0].get_ydata() for bars in axes.containers])
    assert np.allclose(drawn, [row.estimate for row in result.event_study])
    low, high = axes.get_ylim()
    assert 0.1 < low < drawn.min() < drawn.max() < high < 10


def test_an_event_study_draws_months_whose_interval_has_no_end():
    rollout = {
        "estimate": 0.9,
        "event_study": [
            {"month": -1, "estimate": 1.01, "ci": [0.9, 1.1]},
            {"month": 0, "estimate": 0.92, "ci": [None, None]},
            {"month": 1, "estimate": None, "ci": [None, None]},
        ],
    }
    axes = figures.event_study(rollout, "zh").axes[0]
    assert [list(bars.lines[0].get_xdata()) for bars in axes.containers] == [[-1], [0]]


def test_before_and_after_stand_in_one_picture_with_the_window_marked():
    before, after = kaplan_meier([3, 5, 8, 13]), kaplan_meier([1, 2, 4, 6], [1, 1, 1, 0])
    figure = figures.answered({"before": before, "after": after}, window=7, unit="days", target=0.9)
    assert words(figure) == ["before", "after", "window 7 days", "target 90 %"]
    assert list(figure.axes[0].lines[0].get_ydata()) == [0, 25, 50, 75, 100]
    assert words(figures.answered({"": kaplan_meier([3, 5, 8])})) == [], "a single curve needs no legend"


def test_a_boundary_that_is_infinite_is_left_out():
    bounds = group_sequential_bounds(information=(0.5, 1.0, 1.2))
    assert bounds.critical_values[-1] == math.inf
    assert list(bounds.plot().axes[0].lines[0].get_xdata()) == [0.5, 1.0]


def test_a_sequence_shows_target_and_no_change():
    result = confidence_sequence([0.2, 0.3], [0.2, 0.1], planned_error=0.1, target=0.05, better="higher")
    assert words(result.plot()) == ["95 % at all looks together", "estimate", "no change", "target 0.05"]
    assert words(confidence_sequence([0.2], [0.1], planned_error=0.1).plot())[-1] == "no change"


def test_power_marks_target_detectable_effect_and_what_was_observed():
    result = power(standard_error=0.02, target=0.8, better="lower")
    form = Quantity(factor=100, offset=-100, signed=True, percent=True, decimals=1)
    figure = figures.power(result, form=form, observed=0.78)
    assert words(figure) == [
        "achieved",
        "target −20 %",
        f"detectable with 80 %: {form.text(result.detectable)}",
        "estimated to date −22.0 %",
    ]
    assert np.allclose(figure.axes[0].lines[0].get_ydata(), 100 * np.array(result.probabilities))
    assert words(result.plot())[1] == "target 0.8"


def test_a_histogram_marks_hidden_bins_and_says_where_it_is_open():
    found = Histogram(
        edges=(0, 10, 20, 30), before=(0.5, 0.0, None), after=(0.7, None, None), open_end=True, whole=False
    )
    figure = figures.histogram(found, unit="minutes")
    axes = figure.axes[0]
    drawn = [[(round(bar.get_center()[0]), round(bar.get_height())) for bar in bars] for bars in axes.containers]
    assert drawn == [[(3, 50)], [(7, 70)]]
    assert [next(bar.get_hatch() for bar in bars) for bars in axes.containers] == ["", "//"]
    crosses = [[(round(x), y) for x, y in line.get_xydata()] for line in axes.lines]
    assert crosses == [[(23, 0)], [(17, 0), (27, 0)]], "a cross for what is hidden, none for zero; no height to read"
    assert words(figure) == ["few records, not shown", "before", "after"]
    assert words(figures.histogram(replace(found, before=(0.5, 0.5, 0.0), after=(1.0, 0.0, 0.0)))) == [
        "before",
        "after",
    ]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0", "10", "≥ 20"]


def test_part_of_a_month_is_hollow_and_no_line_leads_to_it():
    frame = fixtures.monthly_series()
    partial = [False] * (len(frame) - 1) + [True]
    figure = figures.trend(frame, fixtures.satisfaction(), partial=partial)
    assert "part of a month" in words(figure)
    line, hollow = figure.axes[0].lines[:2]
    assert np.isnan(line.get_ydata()[-1])
    assert not np.isnan(line.get_ydata()[:-1]).any()
    assert list(hollow.get_ydata()) == [frame["value"].iloc[-1]]
    assert (hollow.get_markerfacecolor(), hollow.get_linestyle()) == ("white", "None")
    assert "不足一个月" in words(figures.trend(frame, fixtures.satisfaction(), "zh", partial=partial))
    assert "part of a month" not in words(figures.trend(frame, fixtures.satisfaction()))


def test_blue_is_better_and_orange_worse_whichever_way_is_up():
    """As in Making Data Count, whose rules the chart has; where neither is known it has neither colour."""
    values = [9.0 if i % 2 else 11.0 for i in range(24)]
    values[12], values[18] = 22.0, -2.0
    for better, colours in (
        ("higher", {"improvement": BLUE, "concern": ORANGE}),
        ("lower", {"improvement": BLUE, "concern": ORANGE}),
        (None, {"unusually high": PURPLE, "unusually low": PURPLE}),
    ):
        lines = {line.get_label(): line for line in control_chart(values, better=better).plot().axes[0].lines}
        assert {name: lines[name].get_color() for name in colours} == colours
        assert list(lines[next(iter(colours))].get_ydata()) == [-2.0 if better == "lower" else 22.0]


def test_no_number_of_a_glance_is_cut_off():
    """The leftmost number of an axis lost its minus sign at the picture's edge: 100, 0, +100."""
    wide = fixtures.effect(0.73, 0.21, 2.24, target=0.8, better="lower")
    goal = fixtures.goal(
        "g", "G", "rate", wide, to_date=fixtures.evaluation(wide), better="lower", verdict="inconclusive"
    )
    figure = figures.glance(goal)
    axes, width = figure.axes[0], 72 * figure.get_size_inches()[0]
    left, right = (width * end for end in (axes.get_position().x0, axes.get_position().x1))
    low, high = axes.get_xlim()
    shown = [place for place in axes.get_xticks() if low <= place <= high]
    assert shown[0] == -100
    for place in shown:
        middle = left + (right - left) * (place - low) / (high - low)
        half = text_width(axes.xaxis.get_major_formatter()(place)) / 2
        assert middle - half >= 0
        assert middle + half <= width


def test_months_stand_beside_each_other_with_their_median():
    frame = fixtures.monthly_series()
    axes = figures.strip(frame, fixtures.satisfaction()).axes[0]
    assert [len(line.get_xdata()) for line in axes.lines] == [24, 2, 18, 2]
    assert axes.lines[1].get_xdata()[0] == np.median(frame.loc[frame["phase"] == "baseline", "value"])


def test_a_legend_in_chinese_is_given_the_room_its_letters_take():
    """Chinese letters are wider than those the drawing library has; entries are set by the wider ones."""
    chart = control_chart([9.0, 11.0] * 12, target=30, better="lower")
    places = [legend.get_bbox_to_anchor()._bbox.x0 for legend in figures.control_chart(chart, "zh").legends]
    assert places == sorted(places)
    widths = [text_width(word) + 40 for word in words(figures.control_chart(chart, "zh"))]
    gaps = [760 * (right - left) for left, right in itertools.pairwise(places)]
    assert np.allclose(gaps, widths[:-1])


def test_a_fallback_font_of_one_weight_is_no_news(caplog: pytest.LogCaptureFixture) -> None:
    from evalkit.figures.style import styled

    told = logging.getLogger("matplotlib.font_manager")
    with styled(), caplog.at_level("WARNING"):
        told.warning("findfont: Failed to find font weight normal for WenQuanYi Zen Hei, now using 500.")
        assert not caplog.records
        told.warning("findfont: Font family 'none' not found.")
        assert len(caplog.records) == 1
