"""Tables are accessible, agree with the results, and keep whatever data hold inert."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest
import report_fixtures as fixtures

from evalkit import markup, tables


def parsed(html: str) -> ElementTree.Element:
    return ElementTree.fromstring(f"<div>{html.replace('&nbsp;', ' ')}</div>")


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
        table = parsed(html).find(".//table")
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
    rows = parsed(html).findall(".//tbody/tr")
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
    parsed(html)


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


def test_cautions_for_the_first_screen_are_few_and_no_notes() -> None:
    from evalkit.results import Flag

    flags = [
        Flag(code=str(i), severity=s, message=f"{s} {i}.")
        for i, s in enumerate(("info", "caution", "caution", "serious"))
    ]  # type: ignore[arg-type]
    html = tables.flags(fixtures.satisfaction(flags=tuple(flags)), most=2)
    assert "serious 3." in html
    assert "caution 1." in html
    assert "caution 2." not in html
    assert "info 0." not in html


def test_two_periods_stand_below_each_other() -> None:
    from dataclasses import replace

    now = fixtures.study_result()
    html = tables.changes(now, replace(now, period="2026-Q2"))
    rows = parsed(html).findall(".//tbody/tr")
    told = [["".join(cell.itertext()) for cell in row] for row in rows]
    assert len(told) == 8
    assert told[1] == ["Customer satisfaction +10 %", "2026-Q3", "✓ achieved", "+11.3 %", "+10.4 % to +12.2 %"]


def test_a_heat_table_shades_by_the_distance_from_the_rows_own_baseline() -> None:
    from evalkit.evaluation.detail import Branches

    nan = float("nan")
    found = Branches(
        columns=("", "2026-Q2", "2026-Q3"),
        rows=(("<b>", (10.0, 10.1, 12.5)), ("B2", (10.0, nan, 8.9)), (None, (None, None, 7.0))),
        total=(10.0, 10.0, 11.2),
        hidden=1,
    )
    html = tables.branches(found, fixtures.satisfaction(), "branch")
    rows = parsed(html).findall(".//tbody/tr")
    told = [["".join(cell.itertext()) for cell in row] for row in rows]
    assert told[0] == ["<b>", "10.0", "10.1", "12.5", "+25.0 %"]
    assert told[1] == ["B2", "10.0", "*", "8.9", "−11.0 %"]
    assert told[2] == ["(none)", "–", "–", "7.0", "–"]
    shades = [
        [(cell.find("span").get("style") or "")[-7:] if cell.find("span") is not None else "" for cell in row[2:4]]
        for row in rows
    ]
    assert shades[:2] == [["", "#74b3dd"], ["", "#f6ce8b"]], "a change below 2 % has no shade"
    worse = tables.branches(found, fixtures.handling_time(), "branch")
    assert "#efb04a" in worse, "what is better turns round where lower is better"


def test_that_a_verdict_hangs_on_one_cluster_is_never_left_out() -> None:
    from evalkit.results import Flag

    flags = [Flag(code=code, severity="caution", message=f"{code}.") for code in ("a", "b", "c")]
    flags.append(Flag(code="influential_cluster", severity="caution", message="One branch."))
    html = tables.flags(fixtures.satisfaction(flags=tuple(flags)), most=2)
    assert "One branch." in html
    assert "c." not in html


def test_what_limits_a_verdict_most_comes_first_and_what_is_left_out_is_counted() -> None:
    from evalkit.evaluation.flags import CODES
    from evalkit.results import Flag
    from evalkit.wording_flags import GRAVEST, LEAST

    codes = ("case_mix_shift", "partial_period", "unheard_of", "pre_existing_trend", "verdict_not_robust")
    flags = tuple(Flag(code=code, severity="caution", message=f"{code}.") for code in codes)
    goal = fixtures.satisfaction(flags=(*flags, Flag(code="not_yet_due", severity="info", message="A note.")))
    told = tables.flags(goal, most=2, page="satisfaction.html#cautions")
    assert told.count("<li>") == 2
    assert told.index("Another reasonable choice") < told.index("pre_existing_trend.")
    assert '<a href="satisfaction.html#cautions">3 more cautions</a>' in told
    assert "另有3项注意事项" in tables.flags(goal, "zh", most=2)
    assert "1 more caution<" in tables.flags(goal, most=4)
    assert "more caution" not in tables.flags(goal, most=5) + tables.flags(goal)
    places = [tables.flags(goal).index(f"{code}.") for code in ("unheard_of", "partial_period")]
    assert places == sorted(places)
    assert set(GRAVEST + LEAST) <= set(CODES)
