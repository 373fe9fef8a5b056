"""An executed notebook as one self-contained HTML page: no script, nothing fetched, code folded but there."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from evalkit import wording
from evalkit.formats import Language

TEMPLATES = Path(__file__).parent / "template"
HTML_LANG: dict[Language, str] = {"en": "en", "zh": "zh-Hans"}
_H1 = re.compile(r"<h1[^>]*>(.*?)</h1>", re.S)
_MARKDOWN_H1 = re.compile(r"^# +(.+)$", re.M)


def words(language: Language) -> dict[str, str]:
    """Return the page furniture in this language."""
    _ = wording.translator(language)
    return {"code": _("Code"), "skip": _("Skip to content"), "navigation": _("Reports")}


def to_html(notebook: Any, *, language: Language, links: Sequence[tuple[str, str]] = (), fallback: str = "") -> str:
    """Return the page of an executed notebook; `links` are (text, href) above it.

    Its title is its first heading of the first order, else `fallback`.
    """
    resources = {
        "style": style(),
        "html_lang": HTML_LANG[language],
        "page_title": title_of(notebook) or fallback,
        "words": words(language),
        "links": [{"text": text, "href": href} for text, href in links],
    }
    from nbconvert.exporters import TemplateExporter

    # HTMLExporter's own method parses the page once more and writes SVG's mixed-case names in lower case.
    body, _ = TemplateExporter.from_notebook_node(_exporter(), notebook, resources=resources)
    return body.strip() + "\n"


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


@cache
def style() -> str:
    """Return the style sheet that every page carries."""
    return (TEMPLATES / "style.css").read_text(encoding="utf-8").strip()


@cache
def _exporter() -> Any:
    from nbconvert.exporters import HTMLExporter

    return HTMLExporter(  # type: ignore[no-untyped-call]
        template_name="page", extra_template_basedirs=[str(TEMPLATES)], exclude_anchor_links=True, embed_images=True
    )
