"""`reports/index.html`: every published period and its verdicts, from the ledger and the results files only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evalkit import formats, markup, tables, wording
from evalkit.formats import Language
from evalkit.markup import Html
from evalkit.periods import parse_period
from evalkit.publish import html, ledger
from evalkit.publish.swap import REVISIONS


def page_name(stem: str, language: Language) -> str:
    """Return a page's file name without its ending: `index`, or `index.zh` beside it."""
    return stem if language == "en" else f"{stem}.{language}"


def refresh(out: Path) -> None:
    """Write the index anew, in every language in which a period is published; English always."""
    study = json.loads((out / ledger.STUDY).read_text(encoding="utf-8"))
    results = _results(out)
    for language in wording.LANGUAGES:
        if language == "en" or any((folder / "index.zh.html").exists() for folder, _ in results):
            text = _page(study, results, language)
            ledger.replace_text(out / f"{page_name('index', language)}.html", text)


def _results(out: Path) -> list[tuple[Path, dict[str, Any]]]:
    """Return folder and results of each period in the ledger, the latest first."""
    found = []
    for label in {entry["period"] for entry in ledger.entries(out)}:
        period = parse_period(label)
        path = out / period.slug / "results.json"
        if path.is_file():
            found.append((period, path.parent, json.loads(path.read_text(encoding="utf-8"))))
    found.sort(key=lambda item: (item[0].end, item[0].start), reverse=True)
    return [(folder, result) for _, folder, result in found]


def _page(study: Mapping[str, Any], results: list[tuple[Path, dict[str, Any]]], language: Language) -> str:
    import jinja2

    _ = wording.translator(language)
    goals = list(dict.fromkeys(goal["id"] for _folder, result in results for goal in result["goals"]))
    titles = {goal["id"]: goal["title"] for _folder, result in reversed(results) for goal in result["goals"]}
    titles |= {key: text[language] for key, text in study.get("goals", {}).items() if language in text}
    rows = [_row(folder, result, goals, language) for folder, result in results]
    columns = (_("Period"), *(titles[goal] for goal in goals))
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(html.TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    return environment.get_template("reports.html.j2").render(
        html_lang=html.HTML_LANG[language],
        title=study["title"].get(language, study["id"]),
        style=html.style(),
        words={
            **html.words(language),
            "lead": _("Every published period, the latest first, with the verdict on each goal."),
        },
        table=markup.table(_("Verdicts by period"), columns, rows).text,
        earlier=[found for folder, result in results if (found := _earlier(folder, result, language))],
    )


def _row(folder: Path, result: Mapping[str, Any], goals: list[str], language: Language) -> tuple[object, ...]:
    verdicts = {goal["id"]: goal["verdict"] for goal in result["goals"]}
    period = parse_period(result["period"])
    days = markup.tag("span", formats.span(period.start, period.end, language), class_="ek-soft")
    heading = markup.tag("a", result["period"], href=_link(folder, folder.name, "index", language))
    cells = [_verdict(folder, goal, verdicts[goal], language) if goal in verdicts else "–" for goal in goals]
    return (Html(f"{heading.text}<br>{days.text}"), *cells)


def _verdict(folder: Path, goal: str, verdict: str, language: Language) -> Html:
    return markup.tag("a", tables.badge(verdict, language), href=_link(folder, folder.name, goal, language))


def _link(folder: Path, place: str, stem: str, language: Language) -> str:
    """Return the link to a page: in this language where there is one, else in the other."""
    for choice in (language, *wording.LANGUAGES):
        name = f"{page_name(stem, choice)}.html"
        if (folder / name).exists():
            return f"{place}/{name}"
    return f"{place}/{stem}.html"


def _earlier(folder: Path, result: Mapping[str, Any], language: Language) -> dict[str, Any] | None:
    _ = wording.translator(language)
    kept = folder / REVISIONS
    numbers = sorted(int(path.name) for path in kept.iterdir() if path.name.isdigit()) if kept.is_dir() else []
    if not numbers:
        return None
    return {
        "heading": _("Earlier issues of {period}").format(period=result["period"]),
        "revisions": [
            {
                "text": _("Issue {number}").format(number=number),
                "href": _link(kept / str(number), f"{folder.name}/{REVISIONS}/{number}", "index", language),
            }
            for number in numbers
        ],
    }
