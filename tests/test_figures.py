"""Pictures show the result's own numbers, as text a reader's browser draws, the same bytes each time."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from datetime import date

import pytest
import report_fixtures as fixtures

from evalkit import figures, svg


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
