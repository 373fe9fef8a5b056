"""Tables are accessible, agree with the results, and keep whatever data hold inert."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest
import report_fixtures as fixtures

from evalkit import markup, tables


def parsed(html: str) -> ElementTree.Element:
    return ElementTree.fromstring(html)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_tables_have_caption_and_scopes(language: str) -> None:
    result = fixtures.study_result()
    satisfaction = fixtures.satisfaction()
    made = [
        tables.overview(result, language),  # type: ignore[arg-type]
        tables.goal(satisfaction, language),  # type: ignore[arg-type]
        tables.effect(satisfaction.period.effect),  # type: ignore[arg-type]
        tables.data_used(satisfaction, language),  # type: ignore[arg-type]
        tables.sensitivity(satisfaction, language),  # type: ignore[arg-type]
        tables.left_out({"duplicate_key": 3}, {"missing": 1200}, language),  # type: ignore[arg-type]
    ]
    for html in made:
        table = parsed(html).find("table")
        assert table is not None
        assert (table.findtext("caption") or "").strip()
        head = table.findall("thead/tr/th")
        assert {cell.get("scope") for cell in head} == {"col"}
        for row in table.findall("tbody/tr"):
            assert row[0].tag == "th"
            assert row[0].get("scope") == "row"
            assert len(row) == len(head)


def test_the_overview_shows_verdict_as_symbol_and_word_beside_its_numbers() -> None:
    html = tables.overview(fixtures.study_result(), links={"satisfaction": "satisfaction.html"})
    rows = parsed(html).findall("table/tbody/tr")
    told = [["".join(cell.itertext()) for cell in row] for row in rows]
    assert told[0] == [
        "Customer satisfaction +10 %",
        "✓ achieved",
        "7.20",
        "8.00",
        "+11.3 %",
        "+10.4 % to +12.2 %",
        "+10 %",
        "✓ achieved",
    ]
    assert told[1][1] == "✗ not achieved"
    assert told[2][1:4] == ["? inconclusive", "–", "91.3 %"]
    assert told[3][1:6] == ["– not evaluable", "–", "–", "–", "–"]
    assert 'href="satisfaction.html"' in html


def test_hostile_texts_are_inert_everywhere() -> None:
    result = fixtures.hostile_result()
    goal = result.goals[0]
    html = "".join(
        (
            tables.overview(result),
            tables.goal(goal),
            tables.sensitivity(goal),
            tables.flags(goal),
            tables.left_out({fixtures.HOSTILE: 1}, {fixtures.HOSTILE: 2}),
            tables.overview(result, links={fixtures.HOSTILE: 'javascript:alert(1)" onclick="x'}),
        )
    )
    assert "<script" not in html
    assert 'onclick="x"' not in html
    parsed(f"<div>{html}</div>")


def test_control_and_direction_characters_are_dropped() -> None:
    assert markup.escape("a\x00b\u202ec\x1b[31m") == "abc[31m"


def test_results_show_themselves_as_these_tables() -> None:
    result = fixtures.study_result()
    assert result._repr_html_() == tables.overview(result)
    assert result.goals[0]._repr_html_() == tables.goal(result.goals[0])


def test_flags_are_listed_gravest_first() -> None:
    from evalkit.results import Flag

    flags = (Flag(code="a", severity="info", message="One."), Flag(code="b", severity="serious", message="Two."))
    html = tables.flags(fixtures.satisfaction(flags=flags))
    assert html.index("Two.") < html.index("One.")
    assert tables.flags(fixtures.satisfaction()) == ""
