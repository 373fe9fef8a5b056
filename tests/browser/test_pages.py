"""The published pages in a real browser: accessible, sortable by keyboard, whole on a phone, on paper and offline."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import report_fixtures as fixtures

from evalkit import tables
from evalkit.evaluation.planning import GoalPower
from evalkit.inference.power import power
from evalkit.markup import Html
from evalkit.publish import html, pdf

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WRONG = """async (tags) => (await axe.run(document, {runOnly: tags})).violations.map(
    (found) => [found.id, found.nodes.length, found.nodes[0].html.slice(0, 200)])"""
UNREACHABLE = """() => [...document.querySelectorAll(".ek-scroll")].filter((region) =>
    region.scrollWidth > region.clientWidth && (region.tabIndex !== 0 || !region.ariaLabel)).length"""


@cache
def axe() -> str:
    import axe_playwright_python

    return (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")


def names(site: Path) -> list[str]:
    """Return the indexes, a period's English pages and the next one's Chinese ones."""
    found = (*site.glob("*.html"), *site.glob("2026-Q2/*.html"), *site.glob("2026-Q3/*.zh.html"))
    return sorted(str(path.relative_to(site)) for path in found)


def column(page: Any, table: Any, place: int) -> list[str]:
    return [text.strip() for text in table.locator(f"tbody tr > :nth-child({place})").all_inner_texts()]


def test_the_site_has_every_page_in_both_languages(site: Path) -> None:
    for stem in ("index", "satisfaction", "handling_time", "response_rate", "incidents", "context"):
        assert {f"2026-Q2/{stem}.html", f"2026-Q3/{stem}.zh.html"} <= set(names(site))
    assert all((site / name).stat().st_size < 3_000_000 for name in names(site))


@pytest.mark.parametrize("width", [1280, pytest.param(390, marks=pytest.mark.slow)])
def test_no_page_breaks_a_rule_of_accessibility_or_overflows(site: Path, read: Callable[..., Any], width: int) -> None:
    found = {}
    for name in names(site):
        page = read(name, width)
        page.evaluate(axe())
        found[name] = page.evaluate(WRONG, RULES)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        assert page.evaluate(UNREACHABLE) == 0, name
        page.context.close()
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_the_table_of_power_is_whole_on_a_desk(chromium: Any) -> None:
    """Its heads did not wrap, and the last column stood outside the page."""
    found = power(standard_error=0.02, target=0.8, better="lower")
    plan = GoalPower(
        goal="g",
        scale="ratio",
        better="lower",
        target=0.8,
        period=found,
        to_date=found,
        observed=0.8,
        beyond=0.78,
        at={},
    )
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    page.set_content(html.document("Power", Html(tables.planned(plan, fixtures.handling_time())), "en"))
    assert page.evaluate(
        "(() => { const r = document.querySelector('.ek-scroll'); return r.scrollWidth <= r.clientWidth })()"
    )
    page.close()


@pytest.mark.parametrize("name", ["2026-Q2/index.html", "2026-Q3/index.zh.html"])
def test_tables_sort_by_keyboard_and_numbers_as_numbers(read: Callable[..., Any], name: str) -> None:
    page = read(name)
    table = page.locator("table.ek-table", has=page.locator("td.ek-number")).first
    heads = table.locator("thead th")
    place = next(i for i in range(heads.count()) if "ek-number" in (heads.nth(i).get_attribute("class") or ""))
    for expected in ("ascending", "descending"):
        heads.nth(place).locator("button").press("Enter")
        assert heads.nth(place).get_attribute("aria-sort") == expected
        texts = [text for text in column(page, table, place + 1) if text != "–"]
        numbers = [float(re.search(r"-?[\d.]+", text.replace("−", "-").replace(",", ""))[0]) for text in texts]  # type: ignore[index]
        assert len(set(numbers)) > 1
        assert numbers == sorted(numbers, reverse=expected == "descending")
    heads.nth(0).locator("button").press("Space")
    assert heads.nth(place).get_attribute("aria-sort") is None
    assert page.evaluate("document.activeElement.tagName") == "BUTTON"


def test_without_script_tables_stand_and_numbers_can_be_downloaded(read: Callable[..., Any], tmp_path: Path) -> None:
    page = read("2026-Q2/handling_time.html", java_script_enabled=False, accept_downloads=True)
    assert page.locator("th button").count() == 0
    figures = page.locator("figure.ek-picture")
    assert figures.count() >= 2
    for place in range(figures.count()):
        with page.expect_download() as awaited:
            figures.nth(place).locator("a.ek-download").click()
        awaited.value.save_as(tmp_path / "numbers.csv")
        with (tmp_path / "numbers.csv").open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file))
        assert len(rows) > 1
        assert {len(row) for row in rows} == {len(rows[0])}
        assert any(re.fullmatch(r"-?\d+(\.\d+)?(e-?\d+)?", cell) for row in rows[1:] for cell in row), rows[:3]


def test_the_index_is_searched_and_links_lead_somewhere(site: Path, read: Callable[..., Any]) -> None:
    page = read("index.html")
    rows = page.locator("#periods tbody tr")
    page.get_by_role("searchbox").fill("q2 not")
    assert [row.is_visible() for row in rows.all()] == [False, True]
    assert page.get_by_role("status").inner_text() == "1 / 2"
    for name in names(site):
        page = read(name)
        for link in page.locator("a[href]:not([href^='data:']):not([href^='#']):not([href^='http'])").all():
            target = (site / name).parent / link.get_attribute("href").partition("#")[0]
            assert target.exists(), f"{name}: {target}"
        page.context.close()


def test_a_page_prints_on_a4_with_its_folds_open(site: Path, read: Callable[..., Any], tmp_path: Path) -> None:
    copy = tmp_path / "page.html"
    copy.write_bytes((site / "2026-Q2" / "handling_time.html").read_bytes())
    (printed,) = pdf.print_pages([copy])
    first = printed.read_bytes()
    boxes = re.findall(rb"/MediaBox \[([\d. ]+)\]", first)
    assert len(boxes) >= 2
    assert {tuple(round(float(edge)) for edge in box.split()) for box in boxes} == {(0, 0, 595, 842)}
    assert re.findall(rb"Date \(D:(\d{4})", first) == [b"2000", b"2000"]
    page = read("2026-Q2/handling_time.html")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open], .ek-code)").count() == 0
    assert page.locator("details.ek-code[open]").count() == 0
