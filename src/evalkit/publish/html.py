"""An executed notebook as one self-contained HTML page: nothing fetched, no script but our own, code folded."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from evalkit import wording
from evalkit.formats import Language
from evalkit.markup import Html, tag

TEMPLATES = Path(__file__).parent / "template"
HTML_LANG: dict[Language, str] = {"en": "en", "zh": "zh-Hans"}
_H1 = re.compile(r"<h1[^>]*>(.*?)</h1>", re.S)
_MARKDOWN_H1 = re.compile(r"^# +(.+)$", re.M)


def to_html(
    notebook: Any, *, language: Language, links: Sequence[tuple[str | Html, str]] = (), fallback: str = ""
) -> str:
    """Return the page of an executed notebook; `links` are (text, href) above it.

    Its title is its first heading of the first order, else `fallback`.
    """
    from nbconvert.exporters import TemplateExporter

    # HTMLExporter's own method parses the page once more and writes SVG's mixed-case names in lower case.
    resources = {"code": wording.translator(language)("Code")}
    body, _ = TemplateExporter.from_notebook_node(_exporter(), notebook, resources=resources)
    return document(title_of(notebook) or fallback, Html(body.strip()), language, links)


def document(title: str, main: Html, language: Language, links: Sequence[tuple[str | Html, str]] = ()) -> str:
    """Return a whole page around its content, with `links` as (text, href) above it."""
    _ = wording.translator(language)
    anchors = Html("".join(tag("a", text, href=href).text for text, href in links))
    nav = tag("nav", anchors, aria_label=_("Reports")).text if links else ""
    skip = tag("a", _("Skip to content"), class_="ek-skip", href="#content").text
    return (
        f'<!DOCTYPE html>\n<html lang="{HTML_LANG[language]}">\n<head>\n{_head(title)}\n</head>\n'
        f'<body>\n{skip}\n{nav}\n<main id="content">\n{_told_apart(main.text)}\n</main>\n'
        f"<script>{_kept('page.js')}</script>\n</body>\n</html>\n"
    )


def title_of(notebook: Any) -> str:
    """Return the text of the notebook's first heading of the first order, empty without one."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            found = _MARKDOWN_H1.search(cell.source)
            if found:
                return found[1].strip()
        for output in cell.get("outputs", ()):
            found = _H1.search("".join(output.get("data", {}).get("text/html", "")))
            if found:
                return html.unescape(re.sub(r"<[^>]+>", "", found[1])).strip()
    return ""


def _told_apart(text: str) -> str:
    """Number the regions of one name, as reading aids list them by it."""
    seen = Counter[str]()

    def name(found: re.Match[str]) -> str:
        seen[found[1]] += 1
        return found[0] if seen[found[1]] == 1 else f"{found[0]} ({seen[found[1]]})"

    return re.sub(r'role="region" tabindex="0" aria-label="([^"]*)', name, text)


def _head(title: str) -> str:
    """Return what stands in the head of every page; nothing but our own script runs, nothing is fetched."""
    printed = re.sub(r"[^\w ]", lambda found: f"\\{ord(found[0]):x} ", title)
    allowed = base64.b64encode(hashlib.sha256(_kept("page.js").encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{allowed}'"
    return (
        '<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" '
        f"content=\"{policy}; base-uri 'none'; form-action 'none'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"{tag('title', title).text}\n<style>\n{_kept('style.css')}\n"
        f'@media print {{ @page {{ @top-left {{ content: "{printed}"; }} }} }}\n</style>'
    )


@cache
def _kept(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8").strip()


@cache
def _exporter() -> Any:
    from nbconvert.exporters import HTMLExporter

    return HTMLExporter(  # type: ignore[no-untyped-call]
        template_name="page", extra_template_basedirs=[str(TEMPLATES)], exclude_anchor_links=True, embed_images=True
    )
